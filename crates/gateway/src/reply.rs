//! What leaves: rebuilt from what was kept, never forwarded.

use bytes::Bytes;
use domain::{Digest, ExchangeId, Handle, Outcome, Timestamp};
use recording::PartRecord;

/// Proof that something was kept: the store has synced or acknowledged it.
///
/// Only adapters that have kept something may say so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Receipt {
    digest: Digest,
}

impl Receipt {
    /// The store has durably kept bytes with this digest.
    // SECURITY: called by `Recorder` adapters alone, after the sync or the acknowledgement.
    pub fn kept(digest: Digest) -> Self {
        Self { digest }
    }

    /// The digest of what was kept.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

/// The only thing that a door may print (invariant I3). It exists only with the [`Receipt`] of what it tells: the
/// closing when the exchange has ended, the opening while it is pending.
///
/// ```compile_fail
/// fn forge(outcome: domain::Outcome, reply: gateway::Reply) -> gateway::Reply {
///     gateway::Reply { outcome, ..reply }
/// }
/// ```
#[derive(Debug)]
pub struct Reply {
    pub(crate) exchange: ExchangeId,
    pub(crate) handle: Handle,
    pub(crate) created: Timestamp,
    pub(crate) changed: Timestamp,
    pub(crate) outcome: Outcome,
    pub(crate) receipt: Receipt,
    /// The statements that answered: one, or all of a batch.
    pub(crate) parts: Vec<PartRecord>,
    /// The first page's object, when the reply shows rows of a single statement.
    pub(crate) first_page: Option<Bytes>,
}

impl Reply {
    /// The exchange.
    pub fn exchange(&self) -> ExchangeId {
        self.exchange
    }

    /// The handle that the agent holds.
    pub fn handle(&self) -> Handle {
        self.handle
    }

    /// When the exchange was opened.
    pub fn created(&self) -> Timestamp {
        self.created
    }

    /// When what it tells was written: the closing, or the opening while it is pending.
    pub fn changed(&self) -> Timestamp {
        self.changed
    }

    /// What came of it.
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// Proof of keeping.
    pub fn receipt(&self) -> Receipt {
        self.receipt
    }

    /// The results: one, or all of a batch; empty unless there are rows.
    pub fn parts(&self) -> &[PartRecord] {
        &self.parts
    }

    /// The first page as stored; present exactly when the reply shows rows of a single statement.
    pub fn first_page(&self) -> Option<&Bytes> {
        self.first_page.as_ref()
    }
}

/// A further page, as stored.
#[derive(Debug)]
pub struct PageReply {
    pub(crate) handle: Handle,
    pub(crate) page: u32,
    pub(crate) pages: u32,
    pub(crate) object: Bytes,
}

impl PageReply {
    /// The handle that it belongs to.
    pub fn handle(&self) -> Handle {
        self.handle
    }

    /// Which page, from 0.
    pub fn page(&self) -> u32 {
        self.page
    }

    /// How many pages there are.
    pub fn pages(&self) -> u32 {
        self.pages
    }

    /// The page object as stored; its digest was checked.
    pub fn object(&self) -> &Bytes {
        &self.object
    }
}
