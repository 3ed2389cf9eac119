//! A home's objects, for the verifier.

use std::collections::BTreeMap;
use std::path::Path;

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
        Ok(Self { records, objects })
    }
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
