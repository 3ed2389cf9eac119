//! All that lies under the number of an exchange.

use bytes::Bytes;
use recording::{Closing, ExchangeObjects, ExchangeRow, ObjectKind, Opening, RecordKey, decode};

use crate::fault::{Fault, Origin};
use crate::ports::Recordings;

/// Steps, and late evidence, of one exchange at most.
const STEPS: u32 = 1000;

/// What lies under the number of an exchange, but for pages and the sealed text: what rows are made of, and what auditors are told.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Recorded {
    pub(crate) opening: Option<Bytes>,
    pub(crate) closing: Option<Bytes>,
    pub(crate) steps: Vec<Bytes>,
    pub(crate) evidence: Vec<Bytes>,
}

impl Recorded {
    /// Reads it.
    ///
    /// # Errors
    /// When anything of it cannot be read for now, or an exchange has more than any has.
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

    /// The same, where this object is among it.
    ///
    /// # Errors
    /// As [`Recorded::read`]; and when the object is not there.
    // SECURITY: whatever was told, there is nothing to tell of what is not there.
    pub async fn with(recordings: &dyn Recordings, key: &RecordKey, kind: ObjectKind) -> Result<Self, Fault> {
        let found = Self::read(recordings, key).await?;
        if found.has(kind) {
            Ok(found)
        } else {
            Err(Fault::lasting(Origin::Recordings, "the object that was told of is not there"))
        }
    }

    /// Whether this closing or late evidence is among it.
    pub fn has(&self, kind: ObjectKind) -> bool {
        match kind {
            ObjectKind::Closing => self.closing.is_some(),
            ObjectKind::Evidence { step } => {
                usize::try_from(step).is_ok_and(|step| step < self.evidence.len())
            }
            ObjectKind::Opening
            | ObjectKind::Approval { .. }
            | ObjectKind::Standing { .. }
            | ObjectKind::Page { .. }
            | ObjectKind::Sealed => false,
        }
    }

    /// Whether nothing at all lies there.
    pub(crate) fn is_nothing(&self) -> bool {
        let Self { opening, closing, steps, evidence } = self;
        opening.is_none() && closing.is_none() && steps.is_empty() && evidence.is_empty()
    }

    /// What they say.
    pub fn row(&self, key: &RecordKey) -> ExchangeRow {
        let Self { opening, closing, steps, evidence } = self;
        let (opening, closing) = (opening.as_ref(), closing.as_ref());
        ExchangeRow::new(&key.exchange, &ExchangeObjects { opening, closing, steps, evidence })
    }

    /// How many there are, and how many of them are late evidence.
    pub fn counts(&self) -> (u32, u32) {
        let Self { opening, closing, steps, evidence } = self;
        let whole = [opening, closing].into_iter().flatten().count();
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let all = whole.saturating_add(steps.len()).saturating_add(evidence.len());
        (count(all), count(evidence.len()))
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
