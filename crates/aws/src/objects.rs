//! Objects in buckets, written once.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ObjectLockLegalHoldStatus};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use domain::Timestamp;
use gateway::{Fault, Origin};

use crate::calls::{Clients, fault};
use crate::table::{pause, writer};

/// The name of the metadata that tells which write an object is of (`x-amz-meta-writer`).
const WRITER: &str = "writer";

/// How often a write that met another under way is tried again.
const TURNS: u32 = 8;

/// Bytes of any object of ours at most: whatever is longer is none.
const LONGEST: i64 = 64 * 1024 * 1024;

/// Keys that S3 tells at once.
const LISTED: usize = 1000;

/// What came of writing once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wrote {
    /// The object is there, and it is this write's.
    Kept,
    /// Another object has that key.
    Taken,
}

/// One bucket. Its objects are never changed.
#[derive(Clone)]
pub(crate) struct Bucket {
    client: Client,
    name: String,
    origin: Origin,
    not_read: &'static str,
    not_kept: &'static str,
    longest: i64,
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bucket").field(&self.name).finish()
    }
}

impl Bucket {
    /// The bucket of records.
    pub fn of_records(clients: &Clients, name: impl Into<String>) -> Self {
        Self {
            client: clients.objects.clone(),
            name: name.into(),
            origin: Origin::Recordings,
            not_read: "the recordings cannot be read",
            not_kept: "the recordings cannot be written",
            longest: LONGEST,
        }
    }

    /// The bucket of pages.
    pub fn of_pages(clients: &Clients, name: impl Into<String>) -> Self {
        Self {
            origin: Origin::Pages,
            not_read: "the pages cannot be read",
            not_kept: "the pages cannot be written",
            ..Self::of_records(clients, name)
        }
    }

    /// The bucket of policy bundles.
    pub fn of_bundles(clients: &Clients, name: impl Into<String>) -> Self {
        Self {
            origin: Origin::Policies,
            not_read: "the policy bundle cannot be read",
            not_kept: "the policy bundle could not be kept",
            ..Self::of_records(clients, name)
        }
    }

    /// The same bucket, for keys.
    pub fn for_keys(self) -> Self {
        Self {
            origin: Origin::Keys,
            not_read: "the gateway's key cannot be read",
            not_kept: "the gateway's key could not be kept",
            ..self
        }
    }

    /// The same bucket for whoever reads many of its objects at once: whatever is longer than that is none.
    pub fn up_to(self, longest: i64) -> Self {
        Self { longest, ..self }
    }

    /// The object's bytes, whole; none when there is none.
    pub async fn read(&self, key: &str) -> Result<Option<Bytes>, Fault> {
        let got = match self.client.get_object().bucket(&self.name).key(key).send().await {
            Ok(got) => got,
            // SECURITY: only where S3 says that there is none. Without the right to list, it says that one may not look.
            Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_key()) => {
                return Ok(None);
            }
            Err(error) => return Err(fault(self.origin, self.not_read, "s3:GetObject", &error)),
        };
        let length = got.content_length.unwrap_or_default();
        if length > self.longest {
            return Err(Fault::lasting(self.origin, self.not_read));
        }
        let body = got.body.collect().await;
        let body =
            body.map_err(|error| Fault::passing(self.origin, self.not_read).because(error))?.into_bytes();
        // A body that ends early is no object.
        if i64::try_from(body.len()).ok() != Some(length) {
            return Err(Fault::passing(self.origin, self.not_read));
        }
        Ok(Some(body))
    }

    /// The keys that begin so, in their order and behind that one, each with when it was written; at most `limit`, and fewer only where
    /// there are no more.
    pub async fn list(
        &self,
        begins: &str,
        after: Option<String>,
        limit: usize,
    ) -> Result<Vec<(String, Timestamp)>, Fault> {
        let (mut found, mut from): (Vec<(String, Timestamp)>, Option<String>) = (Vec::new(), None);
        loop {
            let left = limit.saturating_sub(found.len()).clamp(1, LISTED);
            let list = self.client.list_objects_v2().bucket(&self.name).prefix(begins);
            let list = list
                .set_start_after(after.clone().filter(|_| from.is_none()))
                .set_continuation_token(from.take())
                .max_keys(i32::try_from(left).unwrap_or(i32::MAX));
            let listed = list.send().await;
            let listed =
                listed.map_err(|error| fault(self.origin, self.not_read, "s3:ListBucket", &error))?;
            found.extend(listed.contents.unwrap_or_default().into_iter().filter_map(|object| {
                let written = object.last_modified.map_or(0, |at| at.secs());
                Some((object.key?, Timestamp::from_micros(written.saturating_mul(1_000_000))))
            }));
            from = listed.next_continuation_token.filter(|_| listed.is_truncated == Some(true));
            if from.is_none() || found.len() >= limit {
                return Ok(found);
            }
        }
    }

    /// Writes an object, unless there is one under that key (`If-None-Match: *`), with its SHA-256, which S3 checks and
    /// keeps. Its own earlier try whose answer was lost is a success; another's with equal bytes is not.
    pub async fn write(&self, key: &str, content: &'static str, bytes: Bytes) -> Result<Wrote, Fault> {
        self.write_once(key, content, bytes, None).await
    }

    /// The same under a legal hold: it outlives the bucket's own lock, until somebody takes the hold away.
    pub async fn write_held(&self, key: &str, content: &'static str, bytes: Bytes) -> Result<Wrote, Fault> {
        self.write_once(key, content, bytes, Some(ObjectLockLegalHoldStatus::On)).await
    }

    async fn write_once(
        &self,
        key: &str,
        content: &'static str,
        bytes: Bytes,
        hold: Option<ObjectLockLegalHoldStatus>,
    ) -> Result<Wrote, Fault> {
        let writer = writer()?;
        let checksum = STANDARD.encode(digest(&SHA256, &bytes));
        let mut turn = 0;
        loop {
            let put = self.client.put_object().bucket(&self.name).key(key);
            let put = put
                .if_none_match("*")
                .checksum_sha256(&checksum)
                // Of what is locked S3 wants to be told by which sum it checks it.
                .checksum_algorithm(ChecksumAlgorithm::Sha256)
                .set_object_lock_legal_hold_status(hold.clone())
                .content_type(content)
                .metadata(WRITER, &writer)
                .body(ByteStream::from(bytes.clone()));
            let error = match put.send().await {
                Ok(_) => return Ok(Wrote::Kept),
                Err(error) => error,
            };
            match refused(&error) {
                Refused::Taken => return self.whose(key, &writer).await,
                // Another write of this key was under way: only its end tells.
                Refused::Meets if turn < TURNS => {
                    turn = turn.saturating_add(1);
                    pause(turn).await;
                }
                Refused::Meets | Refused::Otherwise => {
                    return Err(fault(self.origin, self.not_kept, "s3:PutObject", &error));
                }
            }
        }
    }

    /// Whether the object under that key is this write's.
    async fn whose(&self, key: &str, writer: &str) -> Result<Wrote, Fault> {
        let head = self.client.head_object().bucket(&self.name).key(key).send().await;
        let head = head.map_err(|error| fault(self.origin, self.not_kept, "s3:HeadObject", &error))?;
        let written_by = head.metadata().and_then(|metadata| metadata.get(WRITER));
        Ok(if written_by.is_some_and(|by| by == writer) { Wrote::Kept } else { Wrote::Taken })
    }
}

enum Refused {
    Taken,
    Meets,
    Otherwise,
}

/// Why S3 has not written: 412 when the key is taken, 409 when somebody else is writing it.
fn refused<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Refused {
    match error.as_service_error().and_then(ProvideErrorMetadata::code) {
        Some("PreconditionFailed") => Refused::Taken,
        Some("ConditionalRequestConflict") => Refused::Meets,
        Some(_) | None => Refused::Otherwise,
    }
}
