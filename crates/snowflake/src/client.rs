//! The SQL API's verbs: submit, look, fetch, cancel.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::{Handle, Tier};
use gateway::ports::{Finished, ResultHead, RowSource, UpstreamFailure};
use reqwest::{Method, Response};
use tokio::time::Instant;

use crate::auth::Credentials;
use crate::error::Error;
use crate::rows::{ArrivingRows, KeptRows, Scan, read_small};
use crate::run::Run;
use crate::settings::Settings;
use crate::submission::Submission;
use crate::transport::{Call, Failed, Transport, pause_between_polls};
use crate::wire::{Answered, ResultSet, read_failure, read_running, read_timeout};

/// Below this a wait is not worth a request that is held.
const SHORTEST_HOLD: Duration = Duration::from_millis(250);
/// Snowflake's code for a handle that it does not know.
const NOT_FOUND: &str = "000709";

/// How a statement stands.
pub(crate) enum Standing {
    Running(Run),
    Done(Done),
    Failed(UpstreamFailure),
    Unknown,
}

/// A statement or batch that has answered.
pub(crate) struct Done {
    pub(crate) run: Run,
    pub(crate) parts: Vec<ResultHead>,
    pub(crate) first: Option<VecDeque<Bytes>>,
}

impl Done {
    pub(crate) fn into_finished(self) -> Finished {
        let Self { run, parts, first } = self;
        let first = first.map(|slices| Box::new(KeptRows(slices)) as Box<dyn RowSource>);
        Finished { handle: run.to_handle(), parts, first }
    }
}

/// What one answer says of one handle.
enum Look {
    Running(Handle),
    Done(Answered, Option<VecDeque<Bytes>>),
    Failed(UpstreamFailure),
    Unknown,
}

/// A client of one account.
pub(crate) struct Client {
    transport: Transport,
}

impl Client {
    pub(crate) fn new(settings: &Settings, credentials: Arc<dyn Credentials>) -> Result<Self, Error> {
        Ok(Self { transport: Transport::new(settings, credentials)? })
    }

    /// Submits, and waits for the end for at most `wait`.
    ///
    /// The request is held by Snowflake for up to 45 s. When our wait ends before it answers, the same request is
    /// submitted again as `retry=true&async=true`, which runs nothing twice and tells the handle.
    pub(crate) async fn start(&self, submission: &Submission, wait: Duration) -> Result<Standing, Failed> {
        let until = Instant::now() + wait;
        let query = format!("requestId={}&nullable=true", Handle::from_u128(submission.request_id));
        let mut call = Call {
            tier: submission.tier,
            method: Method::POST,
            path: "/api/v2/statements".to_owned(),
            query,
            is_submission: true,
            body: Some(submission.body()?),
            salt: submission.request_id,
        };
        let first = if wait < SHORTEST_HOLD {
            call.query.push_str("&async=true");
            self.submit(&call, self.transport.soon()).await
        } else {
            self.submit(&call, until).await
        };
        let look = match first {
            // The wait is over, or the answer broke off: the statement may well run, so its handle must be learnt.
            Err(Failed::Upstream(Error::Slow | Error::Unreachable(_))) => {
                if !call.query.ends_with("&async=true") {
                    call.query.push_str("&async=true");
                }
                call.query.push_str("&retry=true");
                call.is_submission = false;
                self.submit(&call, self.transport.soon()).await?
            }
            look => look?,
        };
        let run = |handle| Run::new(submission.tier, submission.count, handle);
        match look {
            Look::Running(handle) => {
                let left = until.saturating_duration_since(Instant::now());
                if left < SHORTEST_HOLD {
                    return Ok(Standing::Running(run(handle)));
                }
                pause_between_polls(1, submission.request_id).await;
                self.poll(&run(handle), until.saturating_duration_since(Instant::now())).await
            }
            Look::Done(answered, first) => self.done(run(answered.handle), answered, first).await,
            Look::Failed(failure) => Ok(Standing::Failed(failure)),
            Look::Unknown => Err(Error::Refused { status: 404 }.into()),
        }
    }

    async fn submit(&self, call: &Call, until: Instant) -> Result<Look, Failed> {
        let response = self.transport.send(call, until).await?;
        self.look(response, None).await
    }

    /// Looks, and waits for the end for at most `wait`.
    pub(crate) async fn poll(&self, run: &Run, wait: Duration) -> Result<Standing, Failed> {
        let until = Instant::now() + wait;
        let mut looks = 0;
        loop {
            match self.get(run.tier, run.handle, until.max(self.transport.soon())).await? {
                Look::Running(_) => {}
                Look::Done(answered, first) => {
                    return self.done(run.clone(), answered, first).await;
                }
                Look::Failed(failure) => return Ok(Standing::Failed(failure)),
                Look::Unknown => return Ok(Standing::Unknown),
            }
            looks += 1;
            if until.saturating_duration_since(Instant::now()) < SHORTEST_HOLD {
                return Ok(Standing::Running(run.clone()));
            }
            let pause = pause_between_polls(looks, run.handle.as_u128());
            // The last look is taken when the wait ends, not a pause earlier.
            let _ = tokio::time::timeout_at(until, pause).await;
        }
    }

    /// The rows of one partition.
    pub(crate) async fn rows(
        &self,
        run: &Run,
        part: usize,
        partition: usize,
    ) -> Result<ArrivingRows, Failed> {
        let handle = self.part(run, part).await?;
        let call = Call { query: format!("partition={partition}"), ..read_call(run.tier, handle) };
        let response = self.transport.send(&call, self.transport.soon()).await?;
        let (timeouts, bounds) = (&self.transport.timeouts, &self.transport.bounds);
        match response.status().as_u16() {
            200 => {
                let bound =
                    if partition == 0 { bounds.first_partition_bytes } else { bounds.partition_bytes };
                Ok(ArrivingRows::new(Scan::new(response, bound, timeouts, bounds)?))
            }
            202 => Err(Error::Nonsense("a statement that had answered runs again").into()),
            404 | 408 | 422 => Err(Error::NoResult.into()),
            status => Err(Error::Refused { status }.into()),
        }
    }

    /// Stops a statement; one that has ended, or is not known, is stopped already.
    pub(crate) async fn cancel(&self, run: &Run) -> Result<(), Failed> {
        let call = Call {
            method: Method::POST,
            path: format!("/api/v2/statements/{}/cancel", run.handle),
            body: Some(Bytes::from_static(b"{}")),
            ..read_call(run.tier, run.handle)
        };
        let response = self.transport.send(&call, self.transport.soon()).await?;
        match response.status().as_u16() {
            200 | 404 => Ok(()),
            422 => match self.failure(response).await?.code.as_str() {
                "000604" | "000605" | NOT_FOUND => Ok(()),
                _ => Err(Error::Refused { status: 422 }.into()),
            },
            202 => Err(Error::Nonsense("a cancellation was answered as a statement").into()),
            status => Err(Error::Refused { status }.into()),
        }
    }

    /// The handle of one statement of a batch, learnt again if need be.
    async fn part(&self, run: &Run, part: usize) -> Result<Handle, Failed> {
        if run.count == 1 {
            return if part == 0 { Ok(run.handle) } else { Err(Error::NoResult.into()) };
        }
        if let Some(child) = run.children.get(part) {
            return Ok(*child);
        }
        match self.get(run.tier, run.handle, self.transport.soon()).await? {
            Look::Done(answered, _) => Ok(*children_of(run, &answered)?.get(part).ok_or(Error::NoResult)?),
            Look::Running(_) | Look::Failed(_) | Look::Unknown => Err(Error::NoResult.into()),
        }
    }

    /// Completes an answer: a batch's consists of those of its statements.
    async fn done(
        &self,
        mut run: Run,
        answered: Answered,
        first: Option<VecDeque<Bytes>>,
    ) -> Result<Standing, Failed> {
        if run.count == 1 {
            if answered.children.is_some() {
                return Err(Error::Nonsense("a single statement was answered as a batch").into());
            }
            return Ok(Standing::Done(Done { run, parts: vec![answered.into_head()], first }));
        }
        run.children = children_of(&run, &answered)?;
        let mut parts = Vec::with_capacity(run.children.len());
        let mut first = None;
        for (at, child) in run.children.iter().enumerate() {
            match self.get(run.tier, *child, self.transport.soon()).await? {
                Look::Done(answered, rows) => {
                    if answered.children.is_some() {
                        return Err(Error::Nonsense("a single statement was answered as a batch").into());
                    }
                    parts.push(answered.into_head());
                    if at == 0 {
                        first = rows;
                    }
                }
                Look::Failed(failure) => return Ok(Standing::Failed(failure)),
                Look::Running(_) => {
                    return Ok(Standing::Running(Run::new(run.tier, run.count, run.handle)));
                }
                Look::Unknown => return Err(Error::Nonsense("a batch names a statement that is none").into()),
            }
        }
        Ok(Standing::Done(Done { run, parts, first }))
    }

    async fn get(&self, tier: Tier, handle: Handle, until: Instant) -> Result<Look, Failed> {
        let response = self.transport.send(&read_call(tier, handle), until).await?;
        self.look(response, Some(handle)).await
    }

    /// Reads an answer about a statement; `asked` is the handle that was asked about, where there was one.
    async fn look(&self, response: Response, asked: Option<Handle>) -> Result<Look, Failed> {
        let (timeouts, bounds) = (&self.transport.timeouts, &self.transport.bounds);
        let same = |handle: Handle| {
            if asked.is_none_or(|asked| asked == handle) {
                Ok(())
            } else {
                Err(Error::Nonsense("it is about another statement"))
            }
        };
        match response.status().as_u16() {
            200 => {
                let scan = Scan::new(response, bounds.first_partition_bytes, timeouts, bounds)?;
                let (envelope, kept) = scan.whole(bounds.kept_bytes).await?;
                if !envelope.has_data {
                    return Err(Error::Nonsense("a result set has no rows").into());
                }
                let answered = ResultSet::read(&envelope.json, envelope.rows)?;
                same(answered.handle)?;
                Ok(Look::Done(answered, kept))
            }
            202 => {
                let handle = read_running(&read_small(response, timeouts, bounds).await?)?;
                same(handle)?;
                Ok(Look::Running(handle))
            }
            404 => Ok(Look::Unknown),
            408 => Ok(Look::Failed(read_timeout(&read_small(response, timeouts, bounds).await?, asked))),
            422 => {
                let mut failure = self.failure(response).await?;
                if asked.is_some() && failure.code == NOT_FOUND {
                    return Ok(Look::Unknown);
                }
                if let Some(asked) = asked {
                    failure.query_id = Some(asked.to_string());
                }
                Ok(Look::Failed(failure))
            }
            status => Err(Error::Refused { status }.into()),
        }
    }

    async fn failure(&self, response: Response) -> Result<UpstreamFailure, Error> {
        let (timeouts, bounds) = (&self.transport.timeouts, &self.transport.bounds);
        read_failure(&read_small(response, timeouts, bounds).await?)
    }
}

/// Asking about a handle; further tries are harmless.
fn read_call(tier: Tier, handle: Handle) -> Call {
    Call {
        tier,
        method: Method::GET,
        path: format!("/api/v2/statements/{handle}"),
        query: String::new(),
        is_submission: false,
        body: None,
        salt: handle.as_u128(),
    }
}

/// A batch's statements, which must be as many as were pinned, and distinct.
fn children_of(run: &Run, answered: &Answered) -> Result<Vec<Handle>, Error> {
    let children =
        answered.children.as_ref().ok_or(Error::Nonsense("a batch was answered as a single statement"))?;
    let mut distinct = children.clone();
    distinct.sort_unstable();
    distinct.dedup();
    if children.len() != run.count as usize || distinct.len() != children.len() {
        return Err(Error::Nonsense("a batch was answered with another number of statements"));
    }
    Ok(children.clone())
}
