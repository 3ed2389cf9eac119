//! The objects of one exchange, as they lie.

use bytes::Bytes;
use recording::{Closing, ExchangeObjects, ExchangeRow, ObjectKind, Opening, RecordKey, decode};

use crate::fault::{Fault, Origin};
use crate::ports::Recordings;

/// Steps, and late evidence, of one exchange at most.
const STEPS: u32 = 1000;

/// What lies under the number of an exchange, but for pages and the sealed text.
#[derive(Clone, Debug, Default)]
pub(super) struct Recorded {
    pub opening: Option<Bytes>,
    pub closing: Option<Bytes>,
    pub steps: Vec<Bytes>,
    pub evidence: Vec<Bytes>,
}

impl Recorded {
    /// Reads it.
    pub async fn read(recordings: &dyn Recordings, key: &RecordKey) -> Result<Self, Fault> {
        let one = |kind| recordings.read(key, kind);
        let (opening, closing, evidence) = futures::try_join!(
            one(ObjectKind::Opening),
            one(ObjectKind::Closing),
            all(recordings, key, |step| ObjectKind::Evidence { step }),
        )?;
        let steps = if is_without_steps(opening.as_ref(), closing.as_ref()) {
            Vec::new()
        } else {
            all(recordings, key, |step| ObjectKind::Approval { step }).await?
        };
        Ok(Self { opening, closing, steps, evidence })
    }

    /// Whether nothing at all lies there.
    pub fn is_nothing(&self) -> bool {
        let Self { opening, closing, steps, evidence } = self;
        opening.is_none() && closing.is_none() && steps.is_empty() && evidence.is_empty()
    }

    /// The same as a row.
    pub fn row(&self, key: &RecordKey) -> ExchangeRow {
        let Self { opening, closing, steps, evidence } = self;
        let (opening, closing) = (opening.as_ref(), closing.as_ref());
        ExchangeRow::new(&key.exchange, &ExchangeObjects { opening, closing, steps, evidence })
    }
}

/// Whether both records say that no person was asked: then steps need not be looked for.
fn is_without_steps(opening: Option<&Bytes>, closing: Option<&Bytes>) -> bool {
    let opening = opening.and_then(|bytes| decode::<Opening>(bytes).ok());
    let closing = closing.and_then(|bytes| decode::<Closing>(bytes).ok());
    opening.is_some_and(|opening| opening.record.hold.is_none())
        && closing.is_some_and(|closing| closing.record.approval.is_none())
}

/// What is counted from 0 without gaps.
async fn all(
    recordings: &dyn Recordings,
    key: &RecordKey,
    kind: fn(u32) -> ObjectKind,
) -> Result<Vec<Bytes>, Fault> {
    let mut found = Vec::new();
    for step in 0..STEPS {
        match recordings.read(key, kind(step)).await? {
            Some(bytes) => found.push(bytes),
            None => return Ok(found),
        }
    }
    Err(Fault::lasting(Origin::Recordings, "an exchange has more steps than any has"))
}
