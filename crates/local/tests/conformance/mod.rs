//! What every store must do, whatever it is made of. An adapter's own tests give each check a store that is opened
//! twice, as two processes would open it.

pub mod accesses;
pub mod approvals;
pub mod asks;
pub mod evidence;
pub mod exchanges;
pub mod failures;
pub mod keys;
pub mod leases;
pub mod recorder;
pub mod standings;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::{
    Agent, Handle, Identity, KeyedDigest, Limits, Person, PrincipalKey, RequestId, SessionId, Timestamp,
};
use gateway::ports::{
    Accesses, Approvals, Claim, Claimed, Evidence, Exchanges, Keys, Prospect, Recorder, Recordings, Standings,
};
use gateway::{Live, Stage};

/// One process's view of a store.
#[derive(Clone)]
pub struct Store {
    pub exchanges: Arc<dyn Exchanges>,
    pub approvals: Arc<dyn Approvals>,
    pub standings: Arc<dyn Standings>,
    pub accesses: Arc<dyn Accesses>,
    pub evidence: Arc<dyn Evidence>,
    pub recorder: Arc<dyn Recorder>,
    pub recordings: Arc<dyn Recordings>,
    pub keys: Arc<dyn Keys>,
}

/// One store, seen by two processes.
pub struct Two {
    pub first: Store,
    pub second: Store,
}

/// 2026-11-23T15:00:00Z.
pub const NOON: Timestamp = Timestamp::from_micros(1_795_446_000_000_000);

pub const LEASE: Duration = Duration::from_secs(15);

/// A number that no other check uses.
pub fn unique() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Somebody nobody else is.
pub fn somebody() -> Identity {
    Identity {
        issuer: "https://issuer.example".into(),
        subject: format!("subject-{}", unique()),
        agent: Agent::new(format!("agent-{}", unique())),
        person: Some(Person::new(format!("person-{}@example.com", unique()))),
        groups: BTreeSet::new(),
        scopes: BTreeSet::new(),
        token_id: None,
        expires_at: NOON.after(Duration::from_secs(3600)),
    }
}

pub fn handle() -> Handle {
    Handle::from_u128(u128::from(unique()) << 64 | 1)
}

pub fn session() -> SessionId {
    SessionId::from_u128(u128::from(unique()) << 64 | 2)
}

pub const PLENTY: Limits = Limits {
    rows: 1000,
    bytes: 1000,
    rows_if_approved: 1,
    bytes_if_approved: 1,
    at_once: 1000,
    per_minute: 10_000,
    upstream_seconds_per_hour: 3600,
    statement_seconds: 60,
    hidden_failures_per_hour: 1000,
    asks_per_hour: 1000,
};

/// A wish, with all that a check wants to vary.
pub struct Wish {
    pub identity: Identity,
    pub conversation: Option<String>,
    pub request: Option<RequestId>,
    pub digest: KeyedDigest,
    pub limits: Limits,
    pub prospect: Prospect,
    pub may_join: bool,
    pub now: Timestamp,
}

impl Wish {
    pub fn of(identity: &Identity) -> Self {
        Self {
            identity: identity.clone(),
            conversation: None,
            request: None,
            digest: KeyedDigest::from_bytes([1; 32]),
            limits: PLENTY,
            prospect: Prospect::Open,
            may_join: false,
            now: NOON,
        }
    }

    pub fn at(mut self, seconds: u64) -> Self {
        self.now = NOON.after(Duration::from_secs(seconds));
        self
    }

    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Of a statement that touches something hidden, where so many may fail within an hour.
    pub fn hiding(mut self, hidden_failures_per_hour: u32) -> Self {
        self.prospect = Prospect::Hidden;
        self.limits.hidden_failures_per_hour = hidden_failures_per_hour;
        self
    }

    /// Of a statement that waits for a person.
    pub fn waiting(mut self) -> Self {
        self.prospect = Prospect::Waits;
        self
    }

    /// Of that text, which joins the same where it waits already.
    pub fn joining(mut self, digest: u8) -> Self {
        self.may_join = true;
        self.digest = KeyedDigest::from_bytes([digest; 32]);
        self
    }

    pub fn request(mut self, request: &str, digest: u8) -> Self {
        self.request = Some(request.parse().unwrap());
        self.digest = KeyedDigest::from_bytes([digest; 32]);
        self
    }

    pub fn conversation(mut self, name: &str) -> Self {
        self.conversation = Some(name.to_owned());
        self
    }

    pub async fn claim(&self, exchanges: &dyn Exchanges, handle: Handle) -> Claimed {
        let principal = self.identity.key();
        exchanges.claim(self.as_claim(&principal, handle)).await.unwrap()
    }

    pub async fn foresee(&self, exchanges: &dyn Exchanges) -> Claimed {
        let principal = self.identity.key();
        exchanges.foresee(self.as_claim(&principal, handle())).await.unwrap()
    }

    fn as_claim<'a>(&'a self, principal: &'a PrincipalKey, handle: Handle) -> Claim<'a> {
        Claim {
            identity: &self.identity,
            principal,
            conversation: self.conversation.as_deref(),
            request: self.request.as_ref(),
            digest: self.digest,
            handle,
            fresh_session: session(),
            limits: self.limits,
            prospect: self.prospect,
            may_join: self.may_join,
            now: self.now,
            session_idle: Duration::from_secs(30 * 60),
        }
    }
}

/// The live state of a fresh exchange.
pub fn live(identity: &Identity, handle: Handle, session: SessionId, number: u32) -> Live {
    Live {
        day: "2026-11-23".into(),
        exchange: format!("{session}/{number}"),
        principal: identity.key().as_str().to_owned(),
        handle: handle.to_string(),
        children: Vec::new(),
        opened_us: NOON.as_micros(),
        opening: format!("sha256:{}", "0".repeat(64)),
        bundle: None,
        parts: Vec::new(),
        error_text: gateway::ShownErrors::None,
        hidden_failure: false,
        tier: "read".into(),
        row_limit: 10,
        byte_limit: 10,
        timeout_us: None,
        touched: Vec::new(),
        reads: Vec::new(),
        writes: Vec::new(),
        findings: Vec::new(),
        upstream_us: 0,
        masking_us: 0,
        troubled_us: None,
        approval: None,
        kept: None,
        access: Vec::new(),
        row_ceiling: 0,
        byte_ceiling: 0,
        stage: Stage::Opened,
    }
}

#[track_caller]
pub fn new(claimed: Claimed) -> (SessionId, u32) {
    let Claimed::New { session, next } = claimed else { panic!("not a new exchange: {claimed:?}") };
    (session, next)
}

/// Claims and begins an exchange that its holder has until the lease ends.
pub async fn begin(exchanges: &dyn Exchanges, identity: &Identity, holder: u128) -> Live {
    let handle = handle();
    let (session, next) = new(Wish::of(identity).claim(exchanges, handle).await);
    let live = live(identity, handle, session, next);
    exchanges.begin(&live, holder, NOON.after(LEASE)).await.unwrap();
    live
}
