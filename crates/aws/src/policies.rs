//! The policy bundle in force: its files under its digest in a bucket, which one it is in the table.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use domain::{Digest, Timestamp};
use gateway::ports::{self, Clock};
use gateway::{Fault, Origin};
use policy::{Bundle, Problem};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::calls::Clients;
use crate::objects::{Bucket, Wrote};
use crate::table::{
    About, Item, Key, Only, Order, Put, Table, WRITER, integer, number, string, text, writer,
};

/// How often it is looked which bundle is in force.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// For how long the last good bundle decides while nobody can tell what is in force, or that is not good.
const LAST_GOOD: Duration = Duration::from_secs(60 * 60);

const POLICIES: About = About { origin: Origin::Policies, public: "the policy bundle cannot be read" };

const NONE: &str = "no policy bundle is in force: push one";

/// A bundle as an object: JSON, the files by their paths in base64.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    v: u32,
    files: BTreeMap<String, String>,
}

/// Why a bundle was not pushed.
#[derive(Debug, Error)]
pub enum PushError {
    /// It does not validate.
    #[error("the bundle is not good: {}", .0.iter().take(10).map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<Problem>),
    /// Somebody else has put another one in force meanwhile.
    #[error("another bundle was put in force meanwhile; look at it, and push again")]
    Overtaken,
    /// Something broke: nobody knows whether it is in force.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// A push that was kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pushed {
    /// The bundle.
    pub digest: String,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// Why.
    pub why: String,
}

/// The bundle in force.
///
/// | where | what |
/// | --- | --- |
/// | `bundles/DIGEST` in the bucket, written once | `{"v":1,"files":{PATH:BASE64}}` |
/// | `policy`, `in_force` in the table | `digest`, `by`, `why`, `at_us`: the one that decides |
/// | `policy`, `push#AT#…` | the same, of every one that was ever put in force |
///
/// Which one it is is looked at every ten seconds. The files are believed by their digest alone, so whoever can write
/// the bucket but not the table changes nothing. While the table or the bucket cannot be read, or names what is not good, the last
/// good bundle decides, for an hour at most; then nothing does.
#[derive(Clone)]
pub struct Policies {
    bucket: Bucket,
    table: Table,
    clock: Arc<dyn Clock>,
    seen: Arc<Mutex<Option<Seen>>>,
    looking: Arc<tokio::sync::Mutex<()>>,
}

/// What was found in force.
#[derive(Clone)]
struct Seen {
    /// When it was looked at last.
    looked: Timestamp,
    /// When it was last known to be in force.
    confirmed: Timestamp,
    bundle: Arc<Bundle>,
}

impl fmt::Debug for Policies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bucket, table, clock: _, seen: _, looking: _ } = self;
        f.debug_struct("Policies").field("bucket", bucket).field("table", table).finish()
    }
}

impl Policies {
    /// The bundle that this table names, in that bucket.
    pub fn new(
        clients: &Clients,
        table: impl Into<String>,
        bucket: impl Into<String>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            bucket: Bucket::of_bundles(clients, bucket),
            table: Table::new(clients, table),
            clock,
            seen: Arc::default(),
            looking: Arc::default(),
        }
    }

    /// Puts a bundle in force, in the place of `before` (none: of none). `by` and `why` are kept with it.
    ///
    /// # Errors
    /// [`PushError`]; but for a fault, nothing has changed.
    pub async fn push(
        &self,
        files: &BTreeMap<String, Vec<u8>>,
        before: Option<Digest>,
        by: &str,
        why: &str,
    ) -> Result<Digest, PushError> {
        let digest = Bundle::parse(files).map_err(PushError::Invalid)?.digest();
        let encoded = files.iter().map(|(path, bytes)| (path.clone(), STANDARD.encode(bytes))).collect();
        let json = serde_json::to_vec(&Stored { v: 1, files: encoded }).map_err(|_| POLICIES.damaged())?;
        match self
            .bucket
            .write(&object_of(&digest.to_string()), "application/json", Bytes::from(json))
            .await?
        {
            Wrote::Kept => {}
            // The very same bundle was pushed before, or something that only says so.
            Wrote::Taken => {
                self.read(&digest.to_string()).await?;
            }
        }
        let found = self.table.get(&in_force(), POLICIES).await?;
        let named = found.as_ref().map(|item| string(item, "digest", POLICIES)).transpose()?;
        if named != before.map(|before| before.to_string()) {
            return Err(PushError::Overtaken);
        }
        let written_by = found.as_ref().map(|item| string(item, WRITER, POLICIES)).transpose()?;
        let (now, writer) = (self.clock.now(), writer()?);
        let told = |key: Key| -> Item {
            let mut item = key.item();
            let texts = [("digest", digest.to_string()), ("by", by.to_owned()), ("why", why.to_owned())];
            item.extend(texts.map(|(name, value)| (name.to_owned(), text(value))));
            item.insert("at_us".to_owned(), number(now.as_micros()));
            item
        };
        let pushed = Key::new("policy", format!("push#{:020}#{writer}", now.as_micros()));
        // Kept first: nothing ever decides that nobody is known to have pushed.
        self.table.put(told(pushed), Only::IfAbsent, &writer, POLICIES).await?;
        let only = written_by.as_deref().map_or(Only::IfAbsent, Only::IfWrittenBy);
        match self.table.put(told(in_force()), only, &writer, POLICIES).await? {
            Put::Done => Ok(digest),
            Put::Otherwise => Err(PushError::Overtaken),
        }
    }

    /// Every push, the latest first, also those that somebody else came before.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn pushes(&self, limit: usize) -> Result<Vec<Pushed>, Fault> {
        let found = self.table.query("policy", "push#", Order::Backward, Some(limit), POLICIES).await?;
        found
            .iter()
            .map(|item| {
                Ok(Pushed {
                    digest: string(item, "digest", POLICIES)?,
                    at: Timestamp::from_micros(integer(item, "at_us", POLICIES)?),
                    by: string(item, "by", POLICIES)?,
                    why: string(item, "why", POLICIES)?,
                })
            })
            .collect()
    }

    fn seen(&self) -> Option<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, seen: Seen) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
    }

    /// The bundle that is in force now, read again only when it is another one.
    async fn look(&self, before: Option<&Seen>) -> Result<Arc<Bundle>, Fault> {
        let found = self.table.get(&in_force(), POLICIES).await?;
        let item = found.ok_or_else(|| Fault::lasting(Origin::Policies, NONE))?;
        let digest = string(&item, "digest", POLICIES)?;
        match before {
            Some(seen) if seen.bundle.digest().to_string() == digest => Ok(Arc::clone(&seen.bundle)),
            Some(_) | None => self.read(&digest).await.map(Arc::new),
        }
    }

    async fn read(&self, digest: &str) -> Result<Bundle, Fault> {
        let bad = |what: &'static str| Fault::lasting(Origin::Policies, what);
        let found = self.bucket.read(&object_of(digest)).await?;
        let json = found.ok_or_else(|| bad("the policy bundle that is in force is not there"))?;
        let damaged = || bad("the policy bundle that is in force is damaged");
        let stored: Stored = serde_json::from_slice(&json).map_err(|_| damaged())?;
        let decode =
            |(path, text): (String, String)| Ok((path, STANDARD.decode(text).map_err(|_| damaged())?));
        let files: BTreeMap<String, Vec<u8>> =
            stored.files.into_iter().map(decode).collect::<Result<_, Fault>>()?;
        let bundle =
            Bundle::parse(&files).map_err(|_| bad("the policy bundle that is in force does not validate"))?;
        // SECURITY: the table says what decides, and it says it by this.
        if stored.v != 1 || bundle.digest().to_string() != digest {
            return Err(damaged());
        }
        Ok(bundle)
    }
}

fn in_force() -> Key {
    Key::new("policy", "in_force")
}

fn object_of(digest: &str) -> String {
    format!("bundles/{}", digest.replace(':', "-"))
}

#[async_trait]
impl ports::Policies for Policies {
    async fn bundle(&self) -> Result<Arc<Bundle>, Fault> {
        let is_current = |seen: &Seen| {
            let now = self.clock.now();
            now.since(seen.looked) < LOOK_AGAIN && now.since(seen.confirmed) < LAST_GOOD
        };
        if let Some(seen) = self.seen().filter(is_current) {
            return Ok(seen.bundle);
        }
        let _one = self.looking.lock().await;
        let seen = self.seen();
        if let Some(seen) = seen.clone().filter(is_current) {
            return Ok(seen.bundle);
        }
        let now = self.clock.now();
        let fault = match self.look(seen.as_ref()).await {
            Ok(bundle) => {
                self.note(Seen { looked: now, confirmed: now, bundle: Arc::clone(&bundle) });
                return Ok(bundle);
            }
            Err(fault) => fault,
        };
        match seen {
            Some(seen) if now.since(seen.confirmed) < LAST_GOOD => {
                tracing::error!(
                    fault = &fault as &(dyn std::error::Error + 'static),
                    bundle = %seen.bundle.digest(),
                    "the policy bundle in force cannot be had: the last good one decides for an hour at most"
                );
                let bundle = Arc::clone(&seen.bundle);
                self.note(Seen { looked: now, ..seen });
                Ok(bundle)
            }
            Some(_) | None => Err(fault),
        }
    }
}
