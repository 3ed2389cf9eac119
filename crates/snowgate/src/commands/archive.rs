//! A home's recordings, as the commands read them.

use local::Records;
use recording::{Closing, ObjectKind, Opening, RecordKey, decode};

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
