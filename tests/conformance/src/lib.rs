//! What every store must do, whatever it is made of. An adapter's own tests give each check a store that is opened
//! twice, as two processes would open it, and take the list of all checks from [`every_check`].

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    missing_docs,
    reason = "everything here is a test, also what many tests share"
)]

pub mod accesses;
pub mod approvals;
pub mod asks;
pub mod audit;
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
    Accesses, Approvals, Claim, Claimed, Evidence, Exchanges, Index, Keys, Looks, Prospect, Recorder,
    Recordings, Saved, Standings,
};
use gateway::{Fault, Live, Stage};

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
    pub index: Arc<dyn Index>,
    pub looks: Arc<dyn Looks>,
}

/// One store, seen by two processes.
pub struct Two {
    pub first: Store,
    pub second: Store,
}

/// 2026-11-23T15:00:00Z.
pub const NOON: Timestamp = Timestamp::from_micros(1_795_446_000_000_000);

/// The terms of whatever is asked with a request id.
pub const TERMS: &str = "sha256:7e57";

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
        self.try_claim(exchanges, handle).await.unwrap()
    }

    /// From a store that may fail.
    pub async fn try_claim(&self, exchanges: &dyn Exchanges, handle: Handle) -> Result<Claimed, Fault> {
        let principal = self.identity.key();
        exchanges.claim(self.as_claim(&principal, handle)).await
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
            terms: self.request.as_ref().map(|_| TERMS),
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
        terms: None,
        stage: Stage::Opened,
    }
}

#[track_caller]
pub fn new(claimed: Claimed) -> (SessionId, u32) {
    let Claimed::New { session, next } = claimed else { panic!("not a new exchange: {claimed:?}") };
    (session, next)
}

/// Claims and begins an exchange that its holder has until the lease ends, and saves it once.
pub async fn begin(exchanges: &dyn Exchanges, identity: &Identity, holder: u128) -> Live {
    let handle = handle();
    let (session, next) = new(Wish::of(identity).claim(exchanges, handle).await);
    let live = live(identity, handle, session, next);
    begin_as(exchanges, &live, holder).await;
    live
}

/// Begins it and saves it once: from then on everybody finds it.
pub async fn begin_as(exchanges: &dyn Exchanges, live: &Live, holder: u128) {
    exchanges.begin(live, holder, NOON.after(LEASE)).await.unwrap();
    assert_eq!(exchanges.save(live, holder, NOON.after(LEASE)).await.unwrap(), Saved::Yes);
}

/// Calls a macro of the caller's with every check, as `module::check` and separated by commas: so none can be forgotten.
#[macro_export]
macro_rules! every_check {
    ($conforms:ident) => {
        $conforms!(
            accesses::access_is_found_by_its_principal_and_no_other,
            accesses::access_is_found_until_its_end_and_then_tidied_away,
            accesses::access_is_found_by_the_approval_that_granted_it,
            accesses::access_that_was_taken_back_is_found_no_more_and_takes_no_other_with_it,
            audit::a_look_is_kept_once,
            audit::looks_of_an_hour_are_counted_by_auditor,
            evidence::evidence_and_statement_find_each_other,
            evidence::a_prompt_is_found_by_its_id_within_its_channel,
            evidence::what_has_met_is_known_to_have_met,
            evidence::what_shares_a_trace_and_a_prompt_is_found_once,
            evidence::what_one_answer_holds_is_bounded,
            evidence::what_is_crowded_out_of_an_answer_is_told,
            evidence::nobody_is_hidden_behind_others,
            evidence::what_was_asked_first_is_found_however_much_comes_after_it,
            evidence::what_is_told_often_takes_no_room_of_others,
            evidence::evidence_of_another_subject_looks_like_none,
            evidence::of_one_channel_no_more_than_so_many_stay,
            evidence::of_one_channel_no_more_than_so_many_bytes_stay,
            evidence::a_prompt_that_comes_late_finds_its_tool_uses,
            evidence::a_tool_use_is_held_by_one_call_until_it_is_released,
            evidence::what_was_refused_uses_no_tool_use_up_and_hides_none,
            evidence::that_a_tool_use_was_named_outlives_what_was_told_of_it,
            evidence::what_one_sighting_finds_takes_no_room_of_others,
            evidence::one_exchange_expects_evidence_of_several_calls,
            evidence::whether_hooks_name_tool_uses_is_told_by_subject,
            evidence::evidence_is_forgotten_after_a_day,
            exchanges::numbers_have_no_gap_however_many_begin_at_once,
            exchanges::a_session_ends_when_it_was_idle,
            exchanges::a_conversation_is_a_session_of_its_principal_alone,
            exchanges::a_request_id_is_idempotent_within_its_principal,
            exchanges::of_equal_requests_at_once_one_is_new,
            exchanges::a_claim_given_back_costs_nothing,
            exchanges::what_has_begun_is_known_by_its_first_save_at_the_latest,
            exchanges::an_exchange_that_began_cannot_be_given_back,
            exchanges::statements_at_once_are_limited_until_one_is_closed,
            exchanges::a_claim_that_never_began_counts_no_more_after_a_while,
            exchanges::statements_per_minute_are_limited,
            exchanges::upstream_seconds_are_limited_within_an_hour,
            exchanges::of_many_refused_claims_a_few_are_recorded_and_the_rest_counted,
            exchanges::what_is_foreseen_is_what_a_claim_answers,
            exchanges::another_principals_exchange_looks_like_none,
            failures::hidden_failures_are_limited_within_an_hour,
            failures::what_has_told_that_it_did_not_fail_is_no_hidden_failure,
            failures::what_never_told_how_it_ended_is_a_hidden_failure,
            failures::a_claim_that_never_ran_is_no_hidden_failure,
            failures::what_waits_for_a_person_is_no_hidden_failure,
            failures::one_that_must_wait_is_an_exchange_like_any_other,
            failures::so_many_may_wait_and_keep_none_from_running,
            failures::of_many_at_once_no_more_run_than_may_fail,
            failures::a_hidden_failure_counts_once,
            asks::people_are_asked_so_often_an_hour_whatever_becomes_of_it,
            asks::of_many_asks_at_once_no_more_are_told_than_may_be,
            asks::what_asks_later_counts_like_what_asks_at_once,
            asks::housekeeping_forgets_no_ask_of_the_hour,
            asks::the_same_thing_again_joins_what_waits,
            leases::one_of_many_gets_the_lease,
            leases::whoever_lost_the_lease_cannot_save,
            leases::a_wish_to_cancel_reaches_the_holder,
            leases::a_closed_exchange_is_found_and_never_changed,
            leases::what_nobody_works_on_is_unattended,
            leases::a_held_exchange_is_unattended_when_it_expires_or_is_cancelled,
            leases::the_unattended_take_turns,
            approvals::an_approval_is_found_by_its_id,
            approvals::what_waits_is_listed_until_it_runs,
            approvals::what_somebody_asked_is_told_the_latest_first,
            approvals::a_step_is_settled_once,
            approvals::of_equal_steps_one_is_settled,
            approvals::what_was_woken_is_looked_at,
            recorder::what_was_kept_is_read_back_by_every_process,
            recorder::a_key_is_written_once,
            recorder::a_number_is_taken_across_midnight,
            recorder::a_day_that_is_none_is_a_fault,
            recorder::an_opening_is_kept_with_its_sealed_text,
            standings::a_standing_approval_is_found_by_its_principal_and_no_other,
            standings::a_standing_approval_is_found_by_what_made_it,
            standings::however_many_there_are_each_is_found_once,
            standings::a_use_of_a_standing_approval_is_taken_once,
            standings::its_steps_are_not_those_of_the_approval_that_made_it,
            keys::a_session_has_one_key_in_every_process,
        );
    };
}
