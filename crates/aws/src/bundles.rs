//! Policy bundles in a bucket, each under its digest.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use domain::Digest;
use gateway::{Fault, Origin};
use policy::Bundle;
use serde::{Deserialize, Serialize};

use crate::calls::Clients;
use crate::objects::{Bucket, Wrote};

/// A bundle as an object: JSON, the files by their paths in base64.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    v: u32,
    files: BTreeMap<String, String>,
}

/// The bundles of one bucket.
#[derive(Clone, Debug)]
pub(crate) struct Bundles(Bucket);

impl Bundles {
    pub fn new(clients: &Clients, bucket: impl Into<String>) -> Self {
        Self(Bucket::of_bundles(clients, bucket))
    }

    /// Keeps a bundle, held until somebody takes the hold away: decisions name it for as long as they are kept themselves. One that
    /// lies there already is read, and is that bundle or a fault.
    pub async fn keep(&self, files: &BTreeMap<String, Vec<u8>>, digest: Digest) -> Result<(), Fault> {
        let encoded = files.iter().map(|(path, bytes)| (path.clone(), STANDARD.encode(bytes))).collect();
        let json = serde_json::to_vec(&Stored { v: 1, files: encoded }).map_err(|_| damaged())?;
        match self.0.write_held(&object_of(digest), "application/json", Bytes::from(json)).await? {
            Wrote::Kept => Ok(()),
            // The very same bundle was pushed before, or something that only says so.
            Wrote::Taken => self.read(digest).await.map(|_| ()),
        }
    }

    /// The bundle of that digest, with its files.
    // SECURITY: believed by its digest alone, so whoever can write the bucket but not the table changes nothing.
    pub async fn read(&self, digest: Digest) -> Result<(BTreeMap<String, Vec<u8>>, Bundle), Fault> {
        let bad = |what: &'static str| Fault::lasting(Origin::Policies, what);
        let found = self.0.read(&object_of(digest)).await?;
        let json = found.ok_or_else(|| bad("the policy bundle is not there"))?;
        let stored: Stored = serde_json::from_slice(&json).map_err(|_| damaged())?;
        let decode =
            |(path, text): (String, String)| Ok((path, STANDARD.decode(text).map_err(|_| damaged())?));
        let files: BTreeMap<String, Vec<u8>> =
            stored.files.into_iter().map(decode).collect::<Result<_, Fault>>()?;
        let bundle = Bundle::parse(&files).map_err(|_| bad("the policy bundle does not validate"))?;
        if stored.v != 1 || bundle.digest() != digest {
            return Err(damaged());
        }
        Ok((files, bundle))
    }
}

fn damaged() -> Fault {
    Fault::lasting(Origin::Policies, "the policy bundle is damaged: what lies under its digest is not it")
}

fn object_of(digest: Digest) -> String {
    format!("bundles/{}", digest.to_string().replace(':', "-"))
}
