//! The tasks of the state machines, as calls of the gateway: of the one that keeps the time of approvals
//! (`infra/approvals.asl.json`), and of the one that has statements carried on which outlived their answer
//! (`infra/unfinished.asl.json`).
//!
//! No URL leads here. An event names a task and an approval; the answer says how the approval stands and nothing else, for
//! the state machine's history is read by many. Every task may be done again: whatever the machine believes, the steps of
//! the approval decide, and what they say has happened does not happen twice.
//!
//! ```
//! let event = serde_json::json!({ "task": "ask", "approval": "00000000000000000000000000000007" });
//! assert!(matches!(work::read(event), Ok(work::Task::Ask { .. })));
//! ```

mod task;

use std::sync::Arc;
use std::time::Duration;

use aws::Machine;
use domain::{ApprovalId, ApprovalState, Timestamp};
use gateway::ports::Clock;
use gateway::{Advanced, Fault, Gateway, Reminded, Stands};
use serde::Serialize;
use thiserror::Error;
use tracing::Instrument;

pub use task::{Task, read};

/// For how long one invocation carries a statement on; the state machine calls again.
const TURN: Duration = Duration::from_secs(60);

/// How long until the next turn of a statement: its turns last for as long as it does not answer.
const SOON: Duration = Duration::from_secs(1);

/// The same where somebody else holds it: as long as a lease lasts. An execution ends at 25,000 events and a turn has nine, so it looks for
/// half a day.
const THEIRS: Duration = Duration::from_secs(15);

/// How long until an approval that was settled, and is not over, is looked at again.
const SETTLED: Duration = Duration::from_secs(5);

/// How often an approval is looked for whose exchange is stored a moment after it.
const LOOKS: u32 = 5;

/// How long between two of these looks.
const LOOK_AGAIN: Duration = Duration::from_millis(300);

/// The longest until reviewers are told again of what nobody could be told of.
const LONGEST_UNTOLD: Duration = Duration::from_secs(60);

/// For how long a token is remembered after the approval it waits for has lapsed.
const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

/// How an approval or a statement stands, for the state machine.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Answer {
    /// Whether nothing is left to do.
    pub over: bool,
    /// The word of [`ApprovalState`]; `untold` where it waits and nobody could be told of it; none of a statement, and where nothing
    /// waits under that id any more.
    pub state: Option<&'static str>,
    /// For how long to wait, at least 1.
    pub seconds: u64,
}

/// Why a task was not done. The state machine tries it again.
#[derive(Debug, Error)]
pub enum NotDone {
    /// The event is none of the state machine's.
    // SECURITY: what it holds is not told; it may be a token.
    #[error("the event is no task of the state machine: see events/work for what it sends")]
    Unreadable,
    /// Nothing waits under that id yet: an approval is stored a moment before its exchange.
    #[error("nothing waits under this approval's id")]
    Unknown,
    /// Something broke.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// What does the tasks.
#[derive(Clone)]
pub struct Work {
    gateway: Gateway,
    machine: Machine,
    clock: Arc<dyn Clock>,
}

impl Work {
    /// Over this gateway, which must reach upstream, and that state machine.
    pub fn new(gateway: Gateway, machine: Machine, clock: Arc<dyn Clock>) -> Self {
        Self { gateway, machine, clock }
    }

    /// Does one task.
    ///
    /// # Errors
    /// [`NotDone`]; it may be done again.
    pub async fn handle(&self, event: serde_json::Value) -> Result<Answer, NotDone> {
        let parent = task::parent_of(&event);
        let task = task::read(event)?;
        let span = task.span(parent);
        // Boxed: so deep a type is too much for the compiler.
        let done = Box::pin(self.handled(task)).instrument(span.clone()).await;
        span.record("failed", done.is_err());
        done
    }

    async fn handled(&self, task: Task) -> Result<Answer, NotDone> {
        match task {
            Task::Ask { approval } => self.ask(approval).await,
            Task::Wait { approval, token } => self.wait(approval, &token).await,
            Task::Remind { approval } => self.remind(approval, Reminded::Told, three_quarters).await,
            Task::Escalate { approval } => self.remind(approval, Reminded::Second, all).await,
            Task::Expire { approval } => Ok(told(self.tend(approval).await?, all)),
            Task::Run { approval } => Ok(told(self.tend(approval).await?, half)),
            Task::Carry { exchange } => Ok(carried(self.gateway.advance(exchange, self.until()).await?)),
            Task::Sweep {} => {
                let closed = self.gateway.work(self.until()).await?;
                // An alarm counts this: without it, nobody sweeps.
                tracing::info!(closed, "what was unattended has been looked after");
                Ok(Answer { over: true, state: None, seconds: 1 })
            }
        }
    }

    /// Has reviewers told. Nobody whose mail is confirmed, and an exchange that is not stored yet, are no failures: an alarm that counts
    /// those takes a new version back.
    async fn ask(&self, id: ApprovalId) -> Result<Answer, NotDone> {
        for turn in 0..LOOKS {
            if turn > 0 {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
            if let Some(stands) = self.tend(id).await? {
                let is_untold = stands.state == ApprovalState::Waiting && !stands.is_told;
                return Ok(if is_untold { untold(&stands) } else { answer(&stands, half(&stands)) });
            }
        }
        Err(NotDone::Unknown)
    }

    async fn tend(&self, id: ApprovalId) -> Result<Option<Stands>, Fault> {
        self.gateway.tend_approval(id, self.until()).await
    }

    fn until(&self) -> Timestamp {
        self.clock.now().after(TURN)
    }

    /// Keeps the token for whoever settles the approval; where it does not wait any more, the machine goes on at once.
    async fn wait(&self, id: ApprovalId, token: &str) -> Result<Answer, NotDone> {
        let Some(stands) = self.gateway.approval_stands(id).await? else {
            self.machine.go_on(token).await?;
            return Ok(told(None, all));
        };
        self.machine.keep_token(id, token, stands.lapses.after(REMEMBERED)).await?;
        // INVARIANT: looked at again once the token is kept. A verdict before that finds no token, and is found here; one after
        // it finds the token.
        let now = self.gateway.approval_stands(id).await?;
        if now.is_none_or(|now| now.state != ApprovalState::Waiting) {
            self.machine.go_on(token).await?;
        }
        Ok(told(now, all))
    }

    /// A reminder that fails is tried again by the state machine, and at last given up; the approval waits on.
    async fn remind(
        &self,
        id: ApprovalId,
        whom: Reminded,
        wait: fn(&Stands) -> Duration,
    ) -> Result<Answer, NotDone> {
        Ok(told(self.gateway.remind(id, whom).await?, wait))
    }
}

/// Whether a statement needs somebody to look after it here any more, and when again.
fn carried(advanced: Advanced) -> Answer {
    let (over, wait) = match advanced {
        // What waits for a person is the other machine's.
        Advanced::Closed | Advanced::Waits | Advanced::Unknown => (true, SOON),
        Advanced::Pending => (false, SOON),
        Advanced::NotOurs => (false, THEIRS),
    };
    Answer { over, state: None, seconds: wait.as_secs() }
}

/// Until whoever is silent is reminded: half of the time that it may wait, counted from when it was asked for.
fn half(stands: &Stands) -> Duration {
    until(stands, stands.whole / 2)
}

/// Until the second group is told: three quarters of it.
fn three_quarters(stands: &Stands) -> Duration {
    until(stands, stands.whole / 4)
}

/// Until so much is left. Where less is, because telling has failed, half of that, so that it is tried ever more often.
fn until(stands: &Stands, then: Duration) -> Duration {
    let wait = stands.left.saturating_sub(then);
    if wait.is_zero() { stands.left / 2 } else { wait }
}

/// Until the end.
fn all(stands: &Stands) -> Duration {
    stands.left
}

/// Until reviewers are told again: half of what has passed, and no longer than a minute.
fn untold(stands: &Stands) -> Answer {
    let passed = stands.whole.saturating_sub(stands.left);
    let wait = (passed / 2).clamp(SOON, LONGEST_UNTOLD).min(stands.left);
    Answer { state: Some("untold"), ..answer(stands, wait) }
}

fn told(stands: Option<Stands>, wait: fn(&Stands) -> Duration) -> Answer {
    match stands {
        Some(stands) => answer(&stands, wait(&stands)),
        None => Answer { over: true, state: None, seconds: 1 },
    }
}

fn answer(stands: &Stands, wait: Duration) -> Answer {
    let is_waiting = stands.state == ApprovalState::Waiting;
    let wait = if is_waiting { wait } else { SETTLED };
    // Rounded up: at the end of the wait it has lapsed.
    let seconds = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1);
    Answer { over: stands.is_over, state: Some(stands.state.as_str()), seconds }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reminders_are_counted_from_when_it_was_asked_for_and_not_from_what_is_left() {
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        let at = |passed: u64| Stands {
            state: ApprovalState::Waiting,
            is_told: true,
            granted: 1,
            is_over: false,
            lapses: Timestamp::from_micros(0),
            left: minutes(40 - passed),
            whole: minutes(40),
        };
        for (passed, reminded, second) in [(0, 20, 30), (12, 8, 18), (19, 1, 11), (20, 10, 10), (36, 2, 2)] {
            assert_eq!(half(&at(passed)), minutes(reminded), "{passed}");
            assert_eq!(three_quarters(&at(passed)), minutes(second), "{passed}");
        }
        assert_eq!(answer(&at(40), half(&at(40))).seconds, 1);
        let granted = Stands { state: ApprovalState::Granted, ..at(0) };
        assert_eq!(
            answer(&granted, half(&granted)).seconds,
            5,
            "it runs as soon as whoever holds it is done"
        );
        // What nobody could be told of is told again, ever later, and never behind its end.
        let seconds = |passed: u64| {
            let Answer { over, state, seconds } = untold(&at(passed));
            assert_eq!((over, state), (false, Some("untold")));
            seconds
        };
        assert_eq!([0, 1, 2, 20, 39, 40].map(seconds), [1, 30, 60, 60, 60, 1]);
    }
}
