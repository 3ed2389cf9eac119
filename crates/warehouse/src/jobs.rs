//! Statements that run or have run, by their ids, and what they answered.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::errors::SnowflakeError;
use crate::result::{Answer, Head};

/// Answers are kept for so long …
const RETENTION: Duration = Duration::from_secs(24 * 3600);
/// … unless they need more memory than this together: then the oldest go …
const RETAINED_BYTES: usize = 256 << 20;
/// … or there are more statements than this.
const RETAINED_COUNT: usize = 10_000;

/// A statement's id, in the shape of a UUID.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct QueryId(u128);

impl QueryId {
    /// An id that nothing else has.
    pub(crate) fn fresh() -> Self {
        // Random state is seeded by the system; two hashers make 128 bits.
        let half = || u128::from(RandomState::new().build_hasher().finish());
        Self(half() << 64 | half())
    }
}

impl fmt::Display for QueryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{:032x}", self.0);
        for (n, digit) in text.chars().enumerate() {
            if matches!(n, 8 | 12 | 16 | 20) {
                f.write_str("-")?;
            }
            fmt::Write::write_char(f, digit)?;
        }
        Ok(())
    }
}

/// The text is no query id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAQueryId;

impl FromStr for QueryId {
    type Err = NotAQueryId;

    fn from_str(text: &str) -> Result<Self, NotAQueryId> {
        let digits: String = text.chars().filter(|c| *c != '-').collect();
        let id = u128::from_str_radix(&digits, 16).map(Self).map_err(|_| NotAQueryId)?;
        if id.to_string() == text { Ok(id) } else { Err(NotAQueryId) }
    }
}

/// How a statement stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum State {
    /// It runs.
    Running,
    /// It has answered; rows are taken by partition.
    Done(Done),
    /// It is wrong, or failed while running.
    Failed(SnowflakeError),
    /// It was cancelled.
    Cancelled,
    /// There is no such statement (any more).
    Unknown,
}

/// What a statement answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Done {
    /// Columns, counts, partitions.
    pub head: Head,
    /// The ids of a batch's statements, each with an answer of its own; empty for a single one.
    pub children: Vec<QueryId>,
}

/// What a job has come to.
#[derive(Clone)]
pub(crate) enum Outcome {
    Done { answer: Arc<Answer>, children: Vec<QueryId> },
    Failed(SnowflakeError),
    Cancelled,
}

struct Job {
    outcome: watch::Sender<Option<Outcome>>,
    abort: Option<AbortHandle>,
    request_id: String,
    bytes: usize,
    ended: Option<Instant>,
}

/// All jobs.
#[derive(Default)]
pub(crate) struct Jobs {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    jobs: HashMap<QueryId, Job>,
    by_request: BTreeMap<String, QueryId>,
    /// Ended jobs, the least recently read first.
    ended: VecDeque<QueryId>,
    bytes: usize,
}

impl Jobs {
    /// Begins a job; the id of an earlier one with the same request id, and false, when there is one.
    pub fn begin(&self, request_id: &str) -> (QueryId, bool) {
        let mut inner = self.lock();
        inner.drop_old();
        if !request_id.is_empty()
            && let Some(id) = inner.by_request.get(request_id)
        {
            return (*id, false);
        }
        let id = QueryId::fresh();
        inner.add(id, request_id);
        (id, true)
    }

    /// Remembers how to stop a job.
    pub fn attach(&self, id: QueryId, abort: AbortHandle) {
        if let Some(job) = self.lock().jobs.get_mut(&id) {
            job.abort = Some(abort);
        }
    }

    /// Ends a job; a job that has ended already stays as it is.
    pub fn end(&self, id: QueryId, outcome: Outcome) {
        let mut inner = self.lock();
        inner.end(id, outcome);
        inner.drop_old();
    }

    /// Adds an ended job: a batch's child.
    pub fn add_ended(&self, answer: Answer) -> QueryId {
        let id = QueryId::fresh();
        let mut inner = self.lock();
        inner.add(id, "");
        inner.end(id, Outcome::Done { answer: Arc::new(answer), children: vec![] });
        id
    }

    /// Stops a job that runs.
    pub fn cancel(&self, id: QueryId) {
        let mut inner = self.lock();
        if let Some(abort) = inner.jobs.get_mut(&id).and_then(|job| job.abort.take()) {
            abort.abort();
        }
        inner.end(id, Outcome::Cancelled);
    }

    /// How a job ends, to be watched; none when there is no such job.
    pub fn watch(&self, id: QueryId) -> Option<watch::Receiver<Option<Outcome>>> {
        let mut inner = self.lock();
        inner.drop_old();
        inner.touch(id);
        inner.jobs.get(&id).map(|job| job.outcome.subscribe())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn add(&mut self, id: QueryId, request_id: &str) {
        let (outcome, _) = watch::channel(None);
        let job = Job { outcome, abort: None, request_id: request_id.to_owned(), bytes: 0, ended: None };
        self.jobs.insert(id, job);
        if !request_id.is_empty() {
            self.by_request.insert(request_id.to_owned(), id);
        }
    }

    fn end(&mut self, id: QueryId, outcome: Outcome) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        if job.ended.is_some() {
            return;
        }
        if let Outcome::Done { answer, .. } = &outcome {
            job.bytes = answer.head.partitions.iter().map(|p| p.bytes).sum();
        }
        job.ended = Some(Instant::now());
        job.abort = None;
        self.bytes += job.bytes;
        self.ended.push_back(id);
        job.outcome.send_replace(Some(outcome));
    }

    fn touch(&mut self, id: QueryId) {
        if let Some(n) = self.ended.iter().rposition(|ended| *ended == id) {
            self.ended.remove(n);
            self.ended.push_back(id);
        }
    }

    /// INVARIANT: answers that nobody asked for any more are dropped before memory grows beyond its bound; the newest
    /// stays, however large.
    fn drop_old(&mut self) {
        while let Some(id) = self.ended.front().copied() {
            let is_old =
                self.jobs.get(&id).and_then(|job| job.ended).is_some_and(|at| at.elapsed() > RETENTION);
            let is_too_much = self.bytes > RETAINED_BYTES || self.jobs.len() > RETAINED_COUNT;
            if !is_old && (!is_too_much || self.ended.len() == 1) {
                break;
            }
            self.ended.pop_front();
            if let Some(job) = self.jobs.remove(&id) {
                self.bytes = self.bytes.saturating_sub(job.bytes);
                self.by_request.remove(&job.request_id);
            }
        }
    }
}
