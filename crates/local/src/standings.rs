//! Standing approvals: steps among the records, and a small file each by which they are found.

use std::io;
use std::path::PathBuf;

use async_trait::async_trait;
use bytes::Bytes;
use domain::{ApprovalId, PrincipalKey};
use gateway::ports::{Recorder, Recordings, Standings, Written};
use gateway::{Fault, Origin};
use recording::{ObjectKind, RecordKey};

use crate::error::{cannot_read, cannot_write, was_interrupted};
use crate::home::{Home, Inner};

/// `standing/<session>-<number>`, a JSON array: the principal whose it is, the key of the opening that it lies beside, and the
/// id of the approval that made it.
type Noted = (String, String, String);

#[async_trait]
impl Standings for Home {
    async fn made(&self, principal: Option<&PrincipalKey>) -> Result<Vec<RecordKey>, Fault> {
        let (home, principal) = (self.clone(), principal.cloned());
        let is_theirs = move |(whose, _, _): &Noted| {
            principal.as_ref().is_none_or(|principal| principal.as_str() == whose)
        };
        tokio::task::spawn_blocking(move || made(&home.inner, is_theirs))
            .await
            .map_err(|error| was_interrupted(Origin::Recordings, error))?
    }

    async fn made_by(&self, id: ApprovalId) -> Result<Option<RecordKey>, Fault> {
        let (home, id) = (self.clone(), id.to_string());
        let found = tokio::task::spawn_blocking(move || made(&home.inner, |(_, _, by)| *by == id))
            .await
            .map_err(|error| was_interrupted(Origin::Recordings, error))??;
        Ok(found.into_iter().next())
    }

    async fn note(&self, principal: &PrincipalKey, id: ApprovalId, key: &RecordKey) -> Result<(), Fault> {
        let noted: Noted = (principal.as_str().to_owned(), key.object(ObjectKind::Opening), id.to_string());
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

fn made(home: &Inner, is_meant: impl Fn(&Noted) -> bool) -> Result<Vec<RecordKey>, Fault> {
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
        let Ok(noted) = serde_json::from_slice::<Noted>(&bytes) else {
            tracing::error!("a note of a standing approval cannot be read: somebody must look");
            continue;
        };
        if !is_meant(&noted) {
            continue;
        }
        match RecordKey::parse(&noted.1) {
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
