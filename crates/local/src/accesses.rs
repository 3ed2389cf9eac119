//! Leave to read: a small file each by which it is found, in a folder for each principal.

use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use domain::{ApprovalId, PrincipalKey, Timestamp};
use gateway::ports::{AccessNote, Accesses};
use gateway::{Fault, Origin};
use recording::{ObjectKind, RecordKey, digest_of};

use crate::error::{cannot_read, cannot_write, was_interrupted};
use crate::home::{Home, Inner};

/// `access/<SHA-256 of the principal's key>/<end, microseconds>-<session>-<number>-<approval>`, a JSON array: the principal whose
/// it is, and the key of the opening that it lies beside.
type Noted = (String, String);

#[async_trait]
impl Accesses for Home {
    async fn granted(
        &self,
        principal: Option<&PrincipalKey>,
        now: Timestamp,
    ) -> Result<Vec<RecordKey>, Fault> {
        let (home, principal) = (self.clone(), principal.cloned());
        tokio::task::spawn_blocking(move || granted(&home.inner, principal.as_ref(), now))
            .await
            .map_err(|error| was_interrupted(Origin::Recordings, error))?
            .map_err(|error| cannot_read(Origin::Recordings, error))
    }

    async fn granted_by(&self, id: ApprovalId, now: Timestamp) -> Result<Option<RecordKey>, Fault> {
        let home = self.clone();
        tokio::task::spawn_blocking(move || granted_by(&home.inner, id, now))
            .await
            .map_err(|error| was_interrupted(Origin::Recordings, error))?
            .map_err(|error| cannot_read(Origin::Recordings, error))
    }

    async fn note(&self, note: &AccessNote, now: Timestamp) -> Result<(), Fault> {
        let (home, note) = (self.clone(), note.clone());
        tokio::task::spawn_blocking(move || keep(&home.inner, &note, now))
            .await
            .map_err(|error| was_interrupted(Origin::Recordings, error))?
            .map_err(|error| cannot_write(Origin::Recordings, error))
    }

    async fn take_back(&self, note: &AccessNote) -> Result<(), Fault> {
        let (home, note) = (self.clone(), note.clone());
        tokio::task::spawn_blocking(move || remove(&home.inner, &path_of(&home.inner, &note)))
            .await
            .map_err(|error| was_interrupted(Origin::Recordings, error))?
            .map_err(|error| cannot_write(Origin::Recordings, error))
    }
}

fn folder(home: &Inner, principal: &PrincipalKey) -> PathBuf {
    let digest = digest_of(principal.as_str().as_bytes()).to_string();
    home.layout.access().join(digest.strip_prefix("sha256:").unwrap_or(&digest))
}

fn granted(home: &Inner, principal: Option<&PrincipalKey>, now: Timestamp) -> io::Result<Vec<RecordKey>> {
    let mut found = Vec::new();
    match principal {
        Some(principal) => {
            look_in(home, &folder(home, principal), |_| true, Some(principal), now, &mut found)?;
        }
        None => {
            for folder in names_in(&home.layout.access())? {
                look_in(home, &folder, |_| true, None, now, &mut found)?;
            }
        }
    }
    Ok(found)
}

/// By its name alone: no other file is read.
fn granted_by(home: &Inner, id: ApprovalId, now: Timestamp) -> io::Result<Option<RecordKey>> {
    let ending = format!("-{id}");
    let mut found = Vec::new();
    for folder in names_in(&home.layout.access())? {
        look_in(home, &folder, |path| is_named(path, &ending), None, now, &mut found)?;
    }
    Ok(found.pop())
}

fn is_named(path: &Path, ending: &str) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.ends_with(ending))
}

fn look_in(
    home: &Inner,
    folder: &Path,
    is_meant: impl Fn(&Path) -> bool,
    principal: Option<&PrincipalKey>,
    now: Timestamp,
    found: &mut Vec<RecordKey>,
) -> io::Result<()> {
    for path in names_in(folder)? {
        if !is_meant(&path) || until(&path).is_none_or(|until| until <= now) {
            continue;
        }
        // One that is over may be tidied away meanwhile.
        let Some(bytes) = home.files.disk().read(&path)? else { continue };
        let noted = serde_json::from_slice::<Noted>(&bytes).ok();
        match noted.and_then(|(whose, opening)| Some((whose, RecordKey::parse(&opening)?))) {
            Some((whose, (key, ObjectKind::Opening)))
                if principal.is_none_or(|principal| principal.as_str() == whose) =>
            {
                found.push(key);
            }
            // It permits nothing, and takes nothing from the others.
            Some(_) | None => tracing::error!("a note of granted access cannot be read: somebody must look"),
        }
    }
    Ok(())
}

/// The end that a name tells.
fn until(path: &Path) -> Option<Timestamp> {
    let (micros, _) = path.file_name()?.to_str()?.split_once('-')?;
    micros.parse().ok().map(Timestamp::from_micros)
}

fn path_of(home: &Inner, note: &AccessNote) -> PathBuf {
    let AccessNote { principal, approval, key, until } = note;
    let (session, number) = (key.exchange.session, key.exchange.number.get());
    folder(home, principal).join(format!("{:020}-{session}-{number}-{approval}", until.as_micros()))
}

fn keep(home: &Inner, note: &AccessNote, now: Timestamp) -> io::Result<()> {
    let noted: Noted = (note.principal.as_str().to_owned(), note.key.object(ObjectKind::Opening));
    let bytes = serde_json::to_vec(&noted).map_err(io::Error::other)?;
    home.files.write(home.layout.root(), &path_of(home, note), &bytes)?;
    // So that a folder holds what is in force and what has ended since the last grant, and no more.
    for path in names_in(&folder(home, &note.principal))? {
        if until(&path).is_some_and(|until| until <= now) {
            remove(home, &path)?;
        }
    }
    Ok(())
}

fn remove(home: &Inner, path: &Path) -> io::Result<()> {
    match home.files.disk().remove(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn names_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        // Nothing was ever granted here.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    entries.map(|entry| entry.map(|entry| entry.path())).collect()
}
