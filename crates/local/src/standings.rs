//! Standing approvals: steps among the records, and a small file each by which they are found.

use std::io;
use std::path::PathBuf;

use async_trait::async_trait;
use bytes::Bytes;
use domain::PrincipalKey;
use gateway::ports::{Recorder, Recordings, Standings, Written};
use gateway::{Fault, Origin};
use recording::{ObjectKind, RecordKey};

use crate::error::{cannot_read, cannot_write, was_interrupted};
use crate::home::{Home, Inner};

/// `standing/<session>-<number>`, a JSON array: the principal whose it is, and the key of the opening that it lies beside.
type Noted = (String, String);

#[async_trait]
impl Standings for Home {
    async fn made(&self, principal: Option<&PrincipalKey>) -> Result<Vec<RecordKey>, Fault> {
        let (home, principal) = (self.clone(), principal.cloned());
        tokio::task::spawn_blocking(move || made(&home.inner, principal.as_ref()))
            .await
            .map_err(|error| was_interrupted(Origin::Recordings, error))?
    }

    async fn note(&self, principal: &PrincipalKey, key: &RecordKey) -> Result<(), Fault> {
        let noted: Noted = (principal.as_str().to_owned(), key.object(ObjectKind::Opening));
        let (home, key) = (self.clone(), key.clone());
        tokio::task::spawn_blocking(move || note(&home.inner, &key, &noted))
            .await
            .map_err(|error| was_interrupted(Origin::Recordings, error))?
    }

    async fn standing_step(&self, key: &RecordKey, step: u32) -> Result<Option<Bytes>, Fault> {
        Recordings::read(self, key, ObjectKind::Standing { step }).await
    }

    async fn take(&self, key: &RecordKey, step: u32, bytes: Bytes) -> Result<Written, Fault> {
        self.keep(key, ObjectKind::Standing { step }, bytes).await
    }
}

fn folder(home: &Inner) -> PathBuf {
    home.layout.standing()
}

fn made(home: &Inner, principal: Option<&PrincipalKey>) -> Result<Vec<RecordKey>, Fault> {
    let broken = |error| cannot_read(Origin::Recordings, error);
    let entries = match std::fs::read_dir(folder(home)) {
        Ok(entries) => entries,
        // None was ever made here.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(broken(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let bytes = std::fs::read(entry.map_err(broken)?.path()).map_err(broken)?;
        // One that cannot be read allows nothing, and takes nothing from the others.
        let Ok((whose, opening)) = serde_json::from_slice::<Noted>(&bytes) else {
            tracing::error!("a note of a standing approval cannot be read: somebody must look");
            continue;
        };
        if principal.is_some_and(|principal| principal.as_str() != whose) {
            continue;
        }
        match RecordKey::parse(&opening) {
            Some((key, ObjectKind::Opening)) => found.push(key),
            Some(_) | None => tracing::error!("a note of a standing approval names no opening"),
        }
    }
    Ok(found)
}

fn note(home: &Inner, key: &RecordKey, noted: &Noted) -> Result<(), Fault> {
    let broken = |error| cannot_write(Origin::Recordings, error);
    let bytes = serde_json::to_vec(noted).map_err(|error| broken(io::Error::other(error)))?;
    let name = format!("{}-{}", key.exchange.session, key.exchange.number.get());
    home.files.write(home.layout.root(), &folder(home).join(name), &bytes).map_err(broken)?;
    Ok(())
}
