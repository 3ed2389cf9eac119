//! A home's recordings, as the commands read them.

use std::collections::BTreeMap;
use std::path::Path;

use local::Records;
use recording::{Archive, Closing, ObjectKind, Opening, RecordKey, decode};

use super::Broken;

/// One exchange as recorded.
pub struct RecordedExchange {
    /// Where it lies.
    pub key: RecordKey,
    /// How it began.
    pub opening: Opening,
    /// How it ended; none while it is under way.
    pub closing: Option<Closing>,
}

/// The closing of an exchange.
pub fn closing_of(records: &Records, key: &RecordKey) -> Result<Option<Closing>, Broken> {
    match records.read(key, ObjectKind::Closing)? {
        Some(bytes) => Ok(Some(decode::<Closing>(&bytes)?.record)),
        None => Ok(None),
    }
}

/// One exchange, read whole.
pub fn exchange(records: &Records, key: RecordKey) -> Result<RecordedExchange, Broken> {
    let gone = || Broken::new("an opening is not here any more; next: snowgate verify");
    let bytes = records.read(&key, ObjectKind::Opening)?.ok_or_else(gone)?;
    let opening = decode::<Opening>(&bytes)?.record;
    let closing = closing_of(records, &key)?;
    Ok(RecordedExchange { key, opening, closing })
}

/// All files of a home, for the verifier.
pub struct FolderArchive {
    records: Records,
    /// What has no name of ours, by the name that the report gives it.
    objects: BTreeMap<String, Option<(RecordKey, ObjectKind)>>,
}

impl FolderArchive {
    /// Lists the home at `path`.
    pub fn open(path: &Path) -> Result<Self, Broken> {
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

impl Archive for FolderArchive {
    fn keys(&self) -> Result<Vec<String>, String> {
        Ok(self.objects.keys().cloned().collect())
    }

    fn read(&self, key: &str) -> Result<Option<Vec<u8>>, String> {
        match self.objects.get(key) {
            Some(Some((key, kind))) => self.records.read(key, *kind).map_err(|error| error.to_string()),
            Some(None) | None => Ok(None),
        }
    }
}
