//! What the function left in its home.

use std::collections::BTreeMap;
use std::path::Path;

use local::Records;
use recording::{Archive, Closing, ObjectKind, Opening, RecordKey, SearchRow, decode};

/// A home's files for the verifier, by name.
struct Files {
    records: Records,
    objects: BTreeMap<String, Option<(RecordKey, ObjectKind)>>,
}

impl Archive for Files {
    fn keys(&self) -> Result<Vec<String>, String> {
        Ok(self.objects.keys().cloned().collect())
    }

    fn read(&self, key: &str) -> Result<Option<Vec<u8>>, String> {
        let Some((key, kind)) = &self.objects[key] else { return Ok(None) };
        self.records.read(key, *kind).map_err(|error| error.to_string())
    }
}

/// Its exchanges in their order, once the verifier has found nothing wrong with them.
#[track_caller]
pub fn verified(home: &Path) -> Vec<SearchRow> {
    let records = Records::open(home).unwrap();
    let objects = records.objects().map(|found| {
        let found = found.unwrap();
        let named = found.object.as_ref().map(|(key, kind)| key.object(*kind));
        (named.unwrap_or_else(|| found.path.display().to_string()), found.object)
    });
    let files = Files { objects: objects.collect(), records };
    let report = recording::verify(&files, &mut |_, _| {}).unwrap();
    assert!(report.faults.is_empty(), "{:?}", report.faults);

    let keys = files.objects.values().flatten().filter(|(_, kind)| *kind == ObjectKind::Opening);
    let mut rows: Vec<SearchRow> = keys
        .map(|(key, _)| {
            let read = |kind| files.records.read(key, kind).unwrap().unwrap();
            let opening = decode::<Opening>(&read(ObjectKind::Opening)).unwrap().record;
            let closing = decode::<Closing>(&read(ObjectKind::Closing)).unwrap().record;
            SearchRow::new(&opening, Some(&closing))
        })
        .collect();
    rows.sort_by(|one, other| one.opened.cmp(&other.opened));
    rows
}
