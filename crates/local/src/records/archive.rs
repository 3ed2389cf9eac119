//! A home's objects, for the verifier.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use domain::{ExchangeId, ExchangeNumber, SessionId};
use recording::{Archive, ArchiveError, ObjectKind, RecordKey};

use super::Records;
use crate::error::HomeError;

/// Every file of a home's recordings (or of a copy's), as the verifier wants them. What has no name of ours goes by
/// its path in the home.
#[derive(Debug)]
pub struct HomeArchive {
    records: Records,
    objects: BTreeMap<String, Option<(RecordKey, ObjectKind)>>,
}

impl HomeArchive {
    /// Lists the home at `path`. What is written later is not seen. Blocks.
    ///
    /// # Errors
    /// [`HomeError::Missing`] when there are no recordings, [`HomeError::Io`] when a folder cannot be read.
    pub fn open(path: &Path) -> Result<Self, HomeError> {
        let records = Records::open(path)?;
        let mut objects = BTreeMap::new();
        for found in records.objects() {
            let found = found?;
            let name = match &found.object {
                Some((key, kind)) => key.object(*kind),
                None => found.path.strip_prefix(path).unwrap_or(&found.path).display().to_string(),
            };
            objects.insert(name, found.object);
        }
        leave_out_the_new(&records, &mut objects)?;
        Ok(Self { records, objects })
    }
}

/// Leaves out what a gateway wrote while the folders were listed, so that the listing is of one moment.
///
/// An opening is durable before anything else of its exchange is written, and before the next number of its session is
/// used. So whoever finds another object, or a higher number, without it, looks for it again: if it is there now, it is
/// newer than the listing, and so is everything of its session from that number on. What is still not there is missing.
fn leave_out_the_new(
    records: &Records,
    objects: &mut BTreeMap<String, Option<(RecordKey, ObjectKind)>>,
) -> Result<(), HomeError> {
    let mut sessions: BTreeMap<SessionId, Listed> = BTreeMap::new();
    for (key, kind) in objects.values().flatten() {
        let listed = sessions.entry(key.exchange.session).or_default();
        listed.days.insert(key.day.clone());
        listed.highest = listed.highest.max(key.exchange.number.get());
        if *kind == ObjectKind::Opening {
            listed.opened.insert(key.exchange.number.get());
        }
    }
    let mut new: BTreeMap<SessionId, u32> = BTreeMap::new();
    for (session, listed) in &sessions {
        // Nothing that we write has many gaps; a name that claims a huge number must not be searched for.
        let missing = (1..=listed.highest).filter(|number| !listed.opened.contains(number));
        for number in missing.take(MANY) {
            let Some(number) = ExchangeNumber::new(number) else { continue };
            let exchange = ExchangeId { session: *session, number };
            let mut is_here = false;
            for day in &listed.days {
                is_here |= records.has(&RecordKey::new(day.clone(), exchange), ObjectKind::Opening)?;
            }
            if is_here {
                new.insert(*session, number.get());
                break;
            }
        }
    }
    objects.retain(|_, object| match object {
        Some((key, _)) => {
            new.get(&key.exchange.session).is_none_or(|first| key.exchange.number.get() < *first)
        }
        None => true,
    });
    Ok(())
}

/// So many numbers of one session are looked for again.
const MANY: usize = 1000;

/// What was listed of one session.
#[derive(Default)]
struct Listed {
    days: BTreeSet<String>,
    opened: BTreeSet<u32>,
    highest: u32,
}

impl Archive for HomeArchive {
    fn keys(&self) -> Result<Vec<String>, ArchiveError> {
        Ok(self.objects.keys().cloned().collect())
    }

    fn read(&self, key: &str) -> Result<Option<Vec<u8>>, ArchiveError> {
        match self.objects.get(key) {
            Some(Some((key, kind))) => {
                self.records.read(key, *kind).map_err(|error| ArchiveError::Read(Box::new(error)))
            }
            Some(None) | None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn key(number: u32) -> RecordKey {
        let session = SessionId::from_u128(7);
        RecordKey::new("2026-11-25", ExchangeId { session, number: ExchangeNumber::new(number).unwrap() })
    }

    /// Files with these objects in a home, and the names that a listing of `seen` of them keeps.
    fn kept(here: &[(u32, ObjectKind)], seen: &[(u32, ObjectKind)]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("records")).unwrap();
        let records = Records::open(folder.path()).unwrap();
        for (number, kind) in here {
            let path = records.layout.object(&key(*number), *kind).unwrap();
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"x").unwrap();
        }
        let mut objects =
            seen.iter().map(|(at, kind)| (key(*at).object(*kind), Some((key(*at), *kind)))).collect();
        leave_out_the_new(&records, &mut objects).unwrap();
        objects
            .into_values()
            .flatten()
            .map(|(key, kind)| format!("{} {kind:?}", key.exchange.number))
            .collect()
    }

    const OPENING: ObjectKind = ObjectKind::Opening;
    const SEALED: ObjectKind = ObjectKind::Sealed;

    #[test]
    fn what_was_opened_while_the_folders_were_listed_is_left_out() {
        let here = [(1, OPENING), (1, SEALED), (2, OPENING), (2, SEALED), (3, OPENING), (3, SEALED)];
        let seen = [(1, OPENING), (1, SEALED), (2, SEALED), (3, OPENING), (3, SEALED)];
        assert_eq!(kept(&here, &seen), ["1 Opening", "1 Sealed"]);
        assert_eq!(kept(&here, &here).len(), 6, "all of it was there before");
    }

    #[test]
    fn what_is_missing_stays_missing() {
        let here = [(1, OPENING), (2, SEALED), (3, OPENING)];
        assert_eq!(kept(&here, &here).len(), 3);
    }
}
