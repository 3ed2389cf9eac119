//! What auditors ask: where exchanges are found, and where each look at them is kept.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use domain::{ExchangeNumber, PrincipalKey, SessionId, Timestamp};
use recording::RecordKey;

use crate::fault::Fault;
use crate::ports::Written;

/// By what exchanges are found, each by one ordered read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Among {
    /// Of this person, without regard to case.
    Person(String),
    /// Of this agent, likewise.
    Agent(String),
    /// Those that read or wrote this object, by its full name as recorded or as [`Among::of_capitals`] has it; and all that touch more than [`Among::TABLES`], of which
    /// the record tells whether it is among them.
    Table(String),
    /// Refused, when they were asked or at their end.
    Refused,
    /// Held for a person.
    Held,
}

impl Among {
    /// Objects that an exchange is found by, each by itself.
    pub const TABLES: usize = 50;

    /// The name of an object as Snowflake keeps it when it is written without quotes, which is how people write it.
    pub fn of_capitals(name: &str) -> String {
        name.to_uppercase()
    }
}

/// From a moment on, and before another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stretch {
    /// Not opened before.
    pub from: Timestamp,
    /// Opened before.
    pub to: Timestamp,
}

/// One exchange that an index tells of. It is a hint: what it says is compared with the record before anything is shown.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Indexed {
    /// When it was opened.
    pub opened: Timestamp,
    /// Where it lies.
    pub key: RecordKey,
}

/// What an index answers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Told {
    /// Exchanges, in order.
    pub found: Vec<Indexed>,
    /// Entries between them that nobody can read.
    pub unreadable: u32,
}

/// Finds exchanges that are closed. What is under way, or waits for people, has no place in it.
#[async_trait]
pub trait Index: Send + Sync {
    /// Those of this stretch, in the order of their openings (then of session and number), behind that one; at most `limit`, and
    /// fewer only where there are no more.
    async fn indexed(
        &self,
        among: &Among,
        stretch: Stretch,
        after: Option<&Indexed>,
        limit: usize,
    ) -> Result<Told, Fault>;

    /// Since when it tells of all that was closed, by the moment of the opening, asked at that moment; none where it forgets nothing and
    /// has missed nothing.
    // SECURITY: by what it has written, never by a setting. Of what it does not know it would say that there was nothing.
    async fn whole_since(&self, now: Timestamp) -> Result<Option<Timestamp>, Fault>;

    /// The exchanges of a session from that number on, whether closed or not, by number; at most `limit`, and fewer only where no
    /// more are known. They are those that were opened, and those that the index tells of although their opening is gone.
    async fn of_session(
        &self,
        session: SessionId,
        from: ExchangeNumber,
        limit: usize,
    ) -> Result<Vec<RecordKey>, Fault>;
}

/// Counts looks, and keeps them. Every write is once and durable before it returns, as [`Recorder`](super::Recorder)'s.
#[async_trait]
pub trait Looks: Send + Sync {
    /// Counts one more look of an auditor within the present hour (UTC); or, where there were as many, after how long the next begins.
    async fn count_look(
        &self,
        auditor: &PrincipalKey,
        most: u32,
        now: Timestamp,
    ) -> Result<Option<Duration>, Fault>;

    /// Keeps a look under its own key ([`recording::Look::key`]).
    async fn keep_look(&self, key: &str, look: Bytes) -> Result<Written, Fault>;
}
