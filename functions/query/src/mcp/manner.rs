//! In which manner a call may be answered: at once and whole, as a stream of what happens meanwhile, or as a task.

use http::HeaderMap;
use std::time::Duration;

use super::message::{Failure, Id};
use super::revision::{self, Era};
use crate::reading::headers;
use crate::reading::members::Members;

/// What does not end within this is told in the manner that its client takes; until then a small answer is one object.
const QUICK: Duration = Duration::from_secs(2);

/// How the answers of a door leave.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answers {
    /// Piece by piece, as they come to be. Something else than the request carries on what has not ended (a worker).
    Streamed,
    /// Whole, as an invocation on AWS hands them over. The request itself carries its statement on.
    Whole,
}

/// How one call may be answered.
#[derive(Clone, Debug)]
pub(super) struct Manner {
    /// The client's name of its progress, where it takes a stream.
    pub progress: Option<Id>,
    /// Whether what has not ended may be answered as a task.
    pub task: Task,
    answers: Answers,
}

/// What a client has said of tasks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Task {
    /// Nothing.
    No,
    /// That it takes one (extension `io.modelcontextprotocol/tasks`): what takes long becomes one.
    Taken,
    /// That this call is to be one (revision 2025-11-25).
    Asked,
}

impl Manner {
    /// Reads what headers and `_meta` say of a call.
    ///
    /// # Errors
    /// A progress token that is neither a string nor a whole number.
    pub fn of(
        era: Era,
        answers: Answers,
        headers: &HeaderMap,
        meta: Option<&mut Members<'_>>,
        asks_for_task: bool,
    ) -> Result<Self, Failure> {
        let Some(meta) = meta else {
            let task = if asks_for_task { Task::Asked } else { Task::No };
            return Ok(Self { progress: None, task, answers });
        };
        let token = meta.take("progressToken").map(|token| {
            Id::read(token.raw().get()).ok_or_else(|| {
                Failure::params(
                    "`params._meta.progressToken` must be a string or a whole number, of at most 256 bytes",
                )
            })
        });
        let token = token.transpose()?;
        let takes_stream = answers == Answers::Streamed && headers::accepts_events(headers);
        let task = match era {
            Era::EachRequest if revision::takes_tasks(meta) => Task::Taken,
            Era::Handshake if asks_for_task => Task::Asked,
            Era::EachRequest | Era::Handshake => Task::No,
        };
        Ok(Self { progress: token.filter(|_| takes_stream), task, answers })
    }

    /// How long a request itself waits for what its caller would wait for so long.
    pub fn first_wait(&self, wait: Duration) -> Duration {
        match (self.task, &self.progress, self.answers) {
            (Task::Asked, _, _) => Duration::ZERO,
            (Task::Taken, _, Answers::Streamed) | (Task::No, Some(_), _) => wait.min(QUICK),
            (Task::Taken, _, Answers::Whole) | (Task::No, None, _) => wait,
        }
    }
}
