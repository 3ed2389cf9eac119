//! The worker's look at what waits: tells reviewers, and follows what people, time and the agent have decided.

use std::time::Duration;

use domain::{ApprovalState, Refusal, RefusalCode, Timestamp};
use recording::{NotNext, StepRecord, Trail};

use super::notice::notice;
use super::run::Ran;
use super::steps::{Added, Case, NotAdded, damaged};
use crate::closing::Closed;
use crate::fault::{Fault, Origin};
use crate::gateway::Gateway;
use crate::live::{Live, LiveApproval, Stage};
use crate::ports::Notified;

/// How often an approval is looked at whatever nobody says: a verdict whose word was lost is found by that.
const LOOK: Duration = Duration::from_secs(60);

/// How soon it is looked at again when reviewers could not be told.
const SOON: Duration = Duration::from_secs(5);

/// How often others may be first before this turn gives up.
const TRIES: usize = 64;

impl Gateway {
    /// One look at a held exchange: its closing, or none while it waits or runs.
    pub(crate) async fn tend(
        &self,
        live: &mut Live,
        holder: u128,
        until: Timestamp,
    ) -> Result<Option<Closed>, Fault> {
        let mut case = self.case_of(live).await?;
        for _ in 0..TRIES {
            let now = self.now();
            note(live, &case.trail)?;
            let approval = case.trail.approval().ok_or_else(damaged)?;
            let (state, is_over) = (approval.state(), now >= approval.lapses());
            if state.is_final() {
                return self.close_ended(live, holder, &case.trail).await.map(Some);
            }
            if is_over {
                self.add(&mut case, now, StepRecord::Expired {}).await?;
                continue;
            }
            let is_told = case.trail.is_told();
            look_at(live, next_look(state, is_told, approval.lapses(), now));
            // Its agent may have given up.
            if let Some(closed) = self.save(live, holder).await? {
                return Ok(Some(closed));
            }
            match state {
                ApprovalState::Granted => match self.run_approved(live, holder, until, &mut case).await? {
                    Ran::Ended(closed) => return Ok(closed.map(|closed| *closed)),
                    Ran::LookAgain => {}
                },
                ApprovalState::Waiting if is_told => return Ok(None),
                ApprovalState::Waiting => {
                    let Some(told) = self.tell(&case).await? else { return Ok(None) };
                    self.add(&mut case, self.now(), told).await?;
                }
                ApprovalState::Denied
                | ApprovalState::Expired
                | ApprovalState::Withdrawn
                | ApprovalState::Spent => {}
            }
        }
        Err(Fault::passing(Origin::Exchanges, "too many act on this approval at once"))
    }

    /// Withdraws what its agent has cancelled while it waited, unless it has ended before.
    pub(crate) async fn withdraw(&self, live: &mut Live, holder: u128) -> Result<Closed, Fault> {
        let mut case = self.case_of(live).await?;
        for _ in 0..TRIES {
            note(live, &case.trail)?;
            if case.trail.approval().ok_or_else(damaged)?.state().is_final() {
                return self.close_ended(live, holder, &case.trail).await;
            }
            self.add(&mut case, self.now(), StepRecord::Withdrawn {}).await?;
        }
        Err(Fault::passing(Origin::Exchanges, "too many act on this approval at once"))
    }

    async fn case_of(&self, live: &Live) -> Result<Case, Fault> {
        Case::read(self.ports.approvals.as_ref(), self.ports.recordings.as_ref(), live).await
    }

    /// Adds a step; one that may not happen any more, because time has gone on or others were first, leaves the case as it
    /// stands: whoever wanted it looks again.
    pub(super) async fn add(&self, case: &mut Case, at: Timestamp, what: StepRecord) -> Result<Added, Fault> {
        match case.add(self.ports.approvals.as_ref(), at, what).await {
            Ok(added) => Ok(added),
            Err(NotAdded::Fault(fault)) => Err(fault),
            // Time has gone on since somebody looked.
            Err(NotAdded::NotNext(NotNext::Unmoved(_))) => Ok(Added::Overtaken),
            Err(NotAdded::NotNext(error)) => Err(damaged().because(error)),
        }
    }

    /// Tells reviewers; what is to be recorded of that, or none when it must be tried again.
    async fn tell(&self, case: &Case) -> Result<Option<StepRecord>, Fault> {
        let (Some(id), Some(asked)) = (case.trail.id(), case.trail.asked()) else { return Err(damaged()) };
        let notice = notice(id, &case.opening.record, asked)?;
        match self.ports.notifier.tell(&notice).await {
            Ok(Notified::Told { way, reviewers }) => {
                Ok(Some(StepRecord::Told { way: way.to_owned(), reviewers }))
            }
            Ok(Notified::Nobody) => {
                tracing::error!(
                    exchange = %notice.exchange,
                    groups = %notice.reviewers.join(", "),
                    "a held statement is denied, because no reviewer can be told of it"
                );
                let refusal = Refusal {
                    code: RefusalCode::Denied,
                    message: "no reviewer can be reached, so nobody could approve this statement; tell a \
                              policy owner"
                        .to_owned(),
                    retry_after: None,
                };
                Ok(Some(StepRecord::overruled(&refusal, Vec::new(), None)))
            }
            Err(fault) => {
                tracing::warn!(
                    exchange = %notice.exchange,
                    fault = &fault as &(dyn std::error::Error + 'static),
                    "reviewers could not be told; it is tried again"
                );
                Ok(None)
            }
        }
    }

    /// Closes an exchange whose approval has ended before it ran.
    async fn close_ended(&self, live: &mut Live, holder: u128, trail: &Trail) -> Result<Closed, Fault> {
        let closed = match ended(trail).ok_or_else(damaged)? {
            Ended::Refused(refusal) => self.close_refused(live, &refusal).await,
            // SECURITY: whoever spent it has died before anybody could know how far they came. It never runs again.
            Ended::Spent => {
                self.close_lost(live, "it was approved and spent, but is not known to have reached upstream")
                    .await
            }
        };
        self.settle(live, holder, closed).await
    }
}

/// How an approval ended.
enum Ended {
    Refused(Refusal),
    Spent,
}

fn ended(trail: &Trail) -> Option<Ended> {
    let refused = |code, message: String| Ended::Refused(Refusal { code, message, retry_after: None });
    Some(match &trail.steps().last()?.what {
        StepRecord::Decided { verdict: _, by: _, reason } => {
            let why = reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
            refused(RefusalCode::Denied, format!("a reviewer denied this statement{why}"))
        }
        StepRecord::Expired {} if is_granted(trail) => refused(
            RefusalCode::Expired,
            "this statement was approved, but could not run in time; ask again".to_owned(),
        ),
        StepRecord::Expired {} => refused(
            RefusalCode::Expired,
            "nobody approved this statement in time; ask again, and tell a reviewer".to_owned(),
        ),
        StepRecord::Withdrawn {} => refused(RefusalCode::Cancelled, "SQL execution canceled".to_owned()),
        StepRecord::Overruled { reason, message, rules: _, bundle: _ } => {
            refused(RefusalCode::from_word(reason).unwrap_or(RefusalCode::Denied), message.clone())
        }
        StepRecord::Spent { .. } => Ended::Spent,
        StepRecord::Asked(_) | StepRecord::Told { .. } | StepRecord::Viewed { .. } => return None,
    })
}

/// Whether enough people had said yes.
fn is_granted(trail: &Trail) -> bool {
    let needed = |asked: &recording::AskedRecord| usize::try_from(asked.needed).unwrap_or(usize::MAX);
    match (trail.approval(), trail.asked()) {
        (Some(approval), Some(asked)) => approval.granted_by().len() >= needed(asked),
        (Some(_) | None, _) => false,
    }
}

/// Notes the last step, for the closing.
pub(super) fn note(live: &mut Live, trail: &Trail) -> Result<(), Fault> {
    let id = trail.id().ok_or_else(damaged)?;
    live.approval = Some(LiveApproval { id: id.to_string(), step: trail.last().to_string() });
    Ok(())
}

/// When to look next, whatever nobody says.
fn next_look(state: ApprovalState, is_told: bool, lapses: Timestamp, now: Timestamp) -> Timestamp {
    match state {
        ApprovalState::Waiting if is_told => now.after(LOOK).min(lapses),
        ApprovalState::Waiting => now.after(SOON).min(lapses),
        // There is something to do.
        ApprovalState::Granted
        | ApprovalState::Denied
        | ApprovalState::Expired
        | ApprovalState::Withdrawn
        | ApprovalState::Spent => now,
    }
}

fn look_at(live: &mut Live, next: Timestamp) {
    if let Stage::Held { look_us, .. } = &mut live.stage {
        *look_us = Some(next.as_micros());
    }
}
