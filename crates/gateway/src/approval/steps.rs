//! Reading the steps of an approval, and adding one.

use bytes::Bytes;
use domain::Timestamp;
use recording::{ApprovalStep, NotNext, ObjectKind, Opening, RecordKey, StepRecord, Stored, Trail};

use crate::fault::{Fault, Origin};
use crate::live::Live;
use crate::ports::{Approvals, Recordings, Written};

/// How many steps an approval may have: far more than people take, and few enough to read at every look.
const LONGEST: u32 = 1000;

/// What came of adding a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Added {
    /// It is kept, and the trail goes on from it.
    Kept,
    /// Somebody else was first; the trail holds what they wrote.
    Overtaken,
}

/// Why a step was not added.
#[derive(Debug)]
pub(crate) enum NotAdded {
    /// The rule does not let it happen (any more).
    NotNext(NotNext),
    /// Something broke; it may be kept all the same.
    Fault(Fault),
}

/// The opening and the steps of one approval.
pub(crate) struct Case {
    pub key: RecordKey,
    pub opening: Stored<Opening>,
    pub trail: Trail,
}

impl Case {
    /// The approval of a live exchange, read from what is kept.
    pub async fn read(
        approvals: &dyn Approvals,
        recordings: &dyn Recordings,
        live: &Live,
    ) -> Result<Self, Fault> {
        let key = live.key().ok_or_else(damaged)?;
        let bytes = recordings.read(&key, ObjectKind::Opening).await?.ok_or_else(damaged)?;
        let opening = recording::decode::<Opening>(&bytes).map_err(|error| damaged().because(error))?;
        // INVARIANT: the opening that this exchange began with, and no other.
        if opening.digest.to_string() != live.opening || opening.record.exchange != live.exchange {
            return Err(damaged());
        }
        let trail = Trail::new(&opening);
        let mut case = Self { key, opening, trail };
        case.read_on(approvals).await?;
        Ok(case)
    }

    /// The approval of the exchange at this place, whoever remembers it.
    pub async fn read_at(
        approvals: &dyn Approvals,
        recordings: &dyn Recordings,
        key: &RecordKey,
    ) -> Result<Self, Fault> {
        let bytes = recordings.read(key, ObjectKind::Opening).await?.ok_or_else(damaged)?;
        let opening = recording::decode::<Opening>(&bytes).map_err(|error| damaged().because(error))?;
        if opening.record.exchange != key.exchange.to_string() {
            return Err(damaged());
        }
        let trail = Trail::new(&opening);
        let mut case = Self { key: key.clone(), opening, trail };
        case.read_on(approvals).await?;
        Ok(case)
    }

    /// The case as it was while the approval with this id was under way; none where none of its approvals has it.
    pub fn under(self, id: &str) -> Option<Self> {
        let trail = self.trail.under(id)?;
        Some(Self { trail, ..self })
    }

    /// Reads the steps that are not known yet.
    async fn read_on(&mut self, approvals: &dyn Approvals) -> Result<(), Fault> {
        while self.trail.next_number() < LONGEST {
            let Some(bytes) = approvals.step(&self.key, self.trail.next_number()).await? else {
                return Ok(());
            };
            let step = recording::decode::<ApprovalStep>(&bytes).map_err(|error| damaged().because(error))?;
            self.trail.push(step).map_err(|error| damaged().because(error))?;
        }
        Err(Fault::lasting(Origin::Recordings, "this approval has too many steps"))
    }

    /// Adds a step, when the rule lets it happen at `at` and nobody else is first.
    pub async fn add(
        &mut self,
        approvals: &dyn Approvals,
        at: Timestamp,
        what: StepRecord,
    ) -> Result<Added, NotAdded> {
        let step = self.trail.next(at, what).map_err(NotAdded::NotNext)?;
        let (bytes, digest) = recording::encode(&step).map_err(|error| {
            NotAdded::Fault(
                Fault::lasting(Origin::Gateway, "a step of an approval cannot be written").because(error),
            )
        })?;
        match approvals.settle(&self.key, step.step, Bytes::from(bytes)).await.map_err(NotAdded::Fault)? {
            Written::Kept(_) => {
                self.trail.push(Stored { record: step, digest }).map_err(NotAdded::NotNext)?;
                Ok(Added::Kept)
            }
            Written::Taken => {
                self.read_on(approvals).await.map_err(NotAdded::Fault)?;
                Ok(Added::Overtaken)
            }
        }
    }
}

pub(crate) fn damaged() -> Fault {
    Fault::lasting(Origin::Recordings, "the record of this approval is damaged")
}
