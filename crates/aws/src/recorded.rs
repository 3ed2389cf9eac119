//! All that lies under the number of an exchange.

use async_trait::async_trait;
use bytes::Bytes;
use gateway::{Fault, Origin};
use recording::{ExchangeObjects, ExchangeRow, ObjectKind, RecordKey};

/// Steps, and late evidence, of one exchange at most.
const STEPS: u32 = 1000;

/// Where objects of exchanges are read.
#[async_trait]
pub trait Objects: Send + Sync {
    /// The object's bytes, also those of a step of an approval; none when there is none.
    async fn object(&self, key: &RecordKey, kind: ObjectKind) -> Result<Option<Bytes>, Fault>;
}

/// The objects of one exchange that rows are made of.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Recorded {
    opening: Option<Bytes>,
    closing: Option<Bytes>,
    steps: Vec<Bytes>,
    evidence: Vec<Bytes>,
}

impl Recorded {
    /// What lies there.
    ///
    /// # Errors
    /// When anything of it cannot be read for now, or an exchange has more than any has.
    pub async fn read<O: Objects + ?Sized>(objects: &O, key: &RecordKey) -> Result<Self, Fault> {
        let one = |kind| objects.object(key, kind);
        let (opening, closing) = futures::try_join!(one(ObjectKind::Opening), one(ObjectKind::Closing))?;
        let (steps, evidence) = futures::try_join!(
            all(objects, key, |step| ObjectKind::Approval { step }),
            all(objects, key, |step| ObjectKind::Evidence { step }),
        )?;
        Ok(Self { opening, closing, steps, evidence })
    }

    /// The same, where this object is among it.
    ///
    /// # Errors
    /// As [`Recorded::read`]; and when the object is not there.
    // SECURITY: whatever was told, there is nothing to tell of what is not there.
    pub async fn with<O: Objects + ?Sized>(
        objects: &O,
        key: &RecordKey,
        kind: ObjectKind,
    ) -> Result<Self, Fault> {
        let found = Self::read(objects, key).await?;
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

/// What is counted from 0 without gaps.
async fn all<O: Objects + ?Sized>(
    objects: &O,
    key: &RecordKey,
    kind: fn(u32) -> ObjectKind,
) -> Result<Vec<Bytes>, Fault> {
    let mut found = Vec::new();
    for step in 0..STEPS {
        match objects.object(key, kind(step)).await? {
            Some(bytes) => found.push(bytes),
            None => return Ok(found),
        }
    }
    Err(Fault::lasting(Origin::Recordings, "an exchange has more steps than any has"))
}
