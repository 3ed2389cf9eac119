//! What the function left in its home.

use std::path::Path;

use gateway::ports::Clock;
use local::{HomeArchive, Records, SystemClock};
use recording::{Closing, ObjectKind, SearchRow, decode};

/// Its exchanges in their order, once the verifier has found nothing wrong with them.
#[track_caller]
pub fn verified(home: &Path) -> Vec<SearchRow> {
    let report =
        recording::verify(&HomeArchive::open(home).unwrap(), SystemClock.now(), &mut |_, _| {}).unwrap();
    assert!(report.faults.is_empty(), "{:?}", report.faults);

    let records = Records::open(home).unwrap();
    let row = |listed: local::Listed| {
        let closing = records.read(&listed.key, ObjectKind::Closing).unwrap().unwrap();
        let closing = decode::<Closing>(&closing).unwrap().record;
        SearchRow::new(&listed.opening.unwrap().record, Some(&closing), None)
    };
    records.listing(None, None).unwrap().map(|listed| row(listed.unwrap())).collect()
}
