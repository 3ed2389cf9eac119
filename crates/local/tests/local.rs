//! The folder as a store: the conformance suite over two openings of one home, and what is a folder's alone.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "everything here is a test, also what many tests share"
)]

mod conformance;
#[path = "local/folder.rs"]
mod folder;
#[path = "local/lost.rs"]
mod lost;
#[path = "local/mail.rs"]
mod mail;
#[path = "local/policies.rs"]
mod policies;
#[path = "local/reading.rs"]
mod reading;

use std::path::Path;
use std::sync::Arc;

use conformance::{Store, Two};
use local::Home;

fn store(home: &Home) -> Store {
    let home = Arc::new(home.clone());
    Store {
        exchanges: home.clone(),
        approvals: home.clone(),
        standings: home.clone(),
        accesses: home.clone(),
        evidence: home.clone(),
        recorder: home.clone(),
        recordings: home.clone(),
        keys: home,
    }
}

fn two(path: &Path) -> Two {
    Two { first: store(&Home::open(path).unwrap()), second: store(&Home::open(path).unwrap()) }
}

macro_rules! conforms {
    ($($module:ident :: $check:ident),* $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $check() {
                let folder = tempfile::tempdir().unwrap();
                conformance::$module::$check(&two(&folder.path().join("home"))).await;
            }
        )*
    };
}

conforms!(
    accesses::access_is_found_by_its_principal_and_no_other,
    accesses::access_is_found_until_its_end_and_then_tidied_away,
    evidence::evidence_and_statement_find_each_other,
    evidence::a_prompt_is_found_by_its_id_within_its_channel,
    evidence::evidence_of_another_subject_looks_like_none,
    evidence::of_one_channel_no_more_than_so_many_stay,
    evidence::of_one_channel_no_more_than_so_many_bytes_stay,
    evidence::a_prompt_that_comes_late_finds_its_tool_uses,
    evidence::a_tool_use_is_held_by_one_call_until_it_is_released,
    evidence::one_exchange_expects_evidence_of_several_calls,
    evidence::whether_hooks_name_tool_uses_is_told_by_subject,
    evidence::evidence_is_forgotten_after_a_day,
    exchanges::numbers_have_no_gap_however_many_begin_at_once,
    exchanges::a_number_belongs_to_one_exchange,
    exchanges::a_session_ends_when_it_was_idle,
    exchanges::a_conversation_is_a_session_of_its_principal_alone,
    exchanges::a_request_id_is_idempotent_within_its_principal,
    exchanges::of_equal_requests_at_once_one_is_new,
    exchanges::a_claim_given_back_costs_nothing,
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
    standings::a_standing_approval_is_found_by_its_principal_and_no_other,
    standings::a_standing_approval_is_found_by_what_made_it,
    standings::however_many_there_are_each_is_found_once,
    standings::a_use_of_a_standing_approval_is_taken_once,
    standings::its_steps_are_not_those_of_the_approval_that_made_it,
    keys::a_session_has_one_key_in_every_process,
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revocation_is_seen_by_every_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("home");
    let two = two(&path);
    // As `snowgate revoke` does it: a third process.
    let revoke = |what, id: &str| Home::open_existing(&path).unwrap().revoke(what, id).unwrap();
    conformance::exchanges::revocation_is_seen_by_every_process(&two, &revoke).await;
}
