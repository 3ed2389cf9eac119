//! What waits for people: steps in the table, time in the state machine.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use domain::{ApprovalId, PrincipalKey};
use gateway::ports::{self, Written};
use gateway::{Fault, Live};
use recording::{ApprovalStep, RecordKey, StepRecord};

use crate::machine::Machine;
use crate::steps::Steps;

/// Approvals whose exchanges lie in another store, which finds them.
#[derive(Clone)]
pub struct Approvals {
    steps: Steps,
    machine: Machine,
    exchanges: Arc<dyn ports::Approvals>,
}

impl Approvals {
    /// Approvals with these steps and that machine. `exchanges` is asked where an exchange is to be found or looked at, and
    /// for nothing else: its own steps are never read.
    pub fn new(steps: Steps, machine: Machine, exchanges: Arc<dyn ports::Approvals>) -> Self {
        Self { steps, machine, exchanges }
    }
}

#[async_trait]
impl ports::Approvals for Approvals {
    async fn exchange_of(&self, id: ApprovalId) -> Result<Option<Live>, Fault> {
        self.exchanges.exchange_of(id).await
    }

    async fn waiting(&self, limit: usize) -> Result<Vec<Live>, Fault> {
        self.exchanges.waiting(limit).await
    }

    async fn asked_by(&self, principal: &PrincipalKey, limit: usize) -> Result<Vec<Live>, Fault> {
        self.exchanges.asked_by(principal, limit).await
    }

    async fn step(&self, key: &RecordKey, step: u32) -> Result<Option<Bytes>, Fault> {
        self.steps.read(key, step).await
    }

    /// Keeps it; the step that begins an approval begins its execution, too.
    async fn settle(&self, key: &RecordKey, step: u32, bytes: Bytes) -> Result<Written, Fault> {
        let begins = begun(&bytes);
        let written = self.steps.keep(key, step, bytes).await?;
        if let (Written::Kept(_), Some(id)) = (&written, begins) {
            // Nobody is told when this fails, and nobody can decide: the exchange is lost, and its agent told so.
            self.machine.start(id).await?;
        }
        Ok(written)
    }

    async fn wake(&self, id: ApprovalId) -> Result<(), Fault> {
        self.exchanges.wake(id).await?;
        self.machine.wake(id).await
    }
}

/// The approval that this step begins, if it begins one. What is no step begins nothing: it is kept as it is, and refused by
/// whoever reads the trail.
fn begun(bytes: &[u8]) -> Option<ApprovalId> {
    match recording::decode::<ApprovalStep>(bytes).ok()?.record.what {
        StepRecord::Asked(asked) => asked.approval.parse().ok(),
        StepRecord::Told { .. }
        | StepRecord::Viewed { .. }
        | StepRecord::Decided { .. }
        | StepRecord::Standing { .. }
        | StepRecord::Issued { .. }
        | StepRecord::Expired {}
        | StepRecord::Withdrawn {}
        | StepRecord::Overruled { .. }
        | StepRecord::Spent { .. }
        | StepRecord::Released { .. }
        | StepRecord::Ended { .. } => None,
    }
}
