//! Whatever happens between any two calls of AWS: nothing is shown that is not kept, nothing runs twice, no yes is spent twice, and
//! everything comes to an end.
//!
//! Each scenario is run once, and its calls are counted. Then it is run anew for every call and everything that may befall that call: by
//! processes of the functions that are deployed, which are killed and frozen, over AWS as moto plays it. Of the small SELECT every call is
//! struck in every way; what else a scenario calls in some, by turns.
//!
//! `SNOWGATE_STRIKE=select/ask/7/dies-after` runs one case alone, `SNOWGATE_STRIKE=held/run` those that begin so, `SNOWGATE_STRIKE=enough` all
//! that is said above, `SNOWGATE_STRIKE=all` every call of every scenario in every way, which takes half an hour. Without it each scenario is
//! run once, and a process dies behind the first and behind the last write of each of its turns: AWS as moto plays it is one process, and
//! slower the more it holds.

#![allow(clippy::wildcard_enum_match_arm, reason = "whatever else an agent was told is printed, and wrong")]

mod agent;
mod ground;
mod rivals;
mod run;
mod runtime;
mod scenarios;
mod strikes;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Instant;

use gateway::ports::Clock;
use local::{HomeArchive, SystemClock};
use recording::{ArchiveFault, Wrong};
use tokio::task::{JoinSet, LocalSet};
use tokio::time::timeout;

use self::ground::{Counted, Ground, PATIENCE};
use self::run::{Blow, NEVER_MADE, TOO_LATE};
use self::scenarios::Scenario;
use self::strikes::{Strike, described};
use crate::children::is_here;
use crate::functions::say;
use crate::moto::{Call, Moto};

/// A scenario with one call struck.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Case {
    scenario: Scenario,
    blow: Blow,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scenario, blow: Blow { turn, at, strike } } = self;
        write!(f, "{scenario}/{turn}/{at}/{strike}")
    }
}

impl FromStr for Case {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let [scenario, turn, at, strike] = text.split('/').collect::<Vec<_>>()[..] else { return Err(()) };
        let blow = Blow { turn: turn.to_owned(), at: at.parse().map_err(|_| ())?, strike: strike.parse()? };
        Ok(Self { scenario: scenario.parse()?, blow })
    }
}

/// Which cases are run.
enum Chosen {
    One(Case),
    All,
    Enough,
    /// Every scenario as nothing befalls it, and deaths at both ends of each turn.
    Few,
    /// Of enough, those that begin so.
    Of(String),
}

impl Chosen {
    #[allow(clippy::disallowed_methods, reason = "whoever runs this test chooses")]
    fn read() -> Self {
        match std::env::var("SNOWGATE_STRIKE").as_deref() {
            Ok("all") => Self::All,
            Ok("enough") => Self::Enough,
            Ok(text) => text.parse().map_or_else(|()| Self::Of(text.to_owned()), Self::One),
            Err(_) => Self::Few,
        }
    }
}

/// Agents that the issuer knows: one for each run.
const AGENTS: usize = 1200;

/// How often a case is tried whose call was never made, or that was answered too late: on a machine that is too busy, AWS is too slow
/// by itself.
const TRIES: usize = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_befalls_a_call_of_aws_nothing_is_shown_unkept_run_twice_or_left_open() {
    for program in ["node", "python3"] {
        if !is_here(program) {
            say(&format!("!! SKIPPED: no `{program}`, so no call of a function was struck"));
            return;
        }
    }
    let Some(moto) = Moto::get() else { return };
    let begun = Instant::now();
    let ground = Ground::lay(moto, AGENTS).await;
    let mail = tokio::spawn({
        let ground = Arc::clone(&ground);
        async move { ground.take_mail().await }
    });
    let (cases, failed) = LocalSet::new().run_until(all(&ground, begun)).await;
    mail.abort();
    say(&format!("they have ended after {:?}", begun.elapsed()));
    let failed: Vec<String> = failed.iter().map(ToString::to_string).collect();
    assert!(failed.is_empty(), "{} of {}: {failed:#?}", failed.len(), cases.len());
    everything_is_closed(&ground, &cases).await;
}

/// Runs what is chosen; the cases, and those that failed.
async fn all(ground: &Arc<Ground>, begun: Instant) -> (Vec<Case>, Vec<Case>) {
    let cases = match Chosen::read() {
        Chosen::One(case) => vec![case],
        chosen => {
            let begins = match &chosen {
                Chosen::Of(begins) => begins.as_str(),
                Chosen::One(_) | Chosen::All | Chosen::Enough | Chosen::Few => "",
            };
            let counted = counted(ground, begins).await;
            let mut cases = match chosen {
                Chosen::Few => {
                    say("!! deaths alone: SNOWGATE_STRIKE=enough strikes every call, in other ways, too");
                    deaths(&counted)
                }
                Chosen::One(_) | Chosen::All | Chosen::Enough | Chosen::Of(_) => {
                    cases(&counted, matches!(chosen, Chosen::All))
                }
            };
            cases.retain(|case| case.to_string().starts_with(begins));
            assert!(!cases.is_empty(), "no case begins with {begins}");
            cases
        }
    };
    say(&format!("{} cases, after {:?}", cases.len(), begun.elapsed()));
    let failed = struck(ground, cases.clone()).await;
    (cases, failed)
}

/// A process dies behind the first write of each turn, when nobody but it knows what it has begun, and behind the last, when all is done and
/// nobody was told.
fn deaths(counted: &[(Scenario, BTreeMap<String, Vec<Call>>)]) -> Vec<Case> {
    let mut cases = Vec::new();
    for (scenario, turns) in counted {
        for (turn, calls) in turns {
            let writes: Vec<usize> = (0..calls.len()).filter(|at| rivals::can_be_met(&calls[*at])).collect();
            let ends: BTreeSet<usize> = writes.first().into_iter().chain(writes.last()).copied().collect();
            let blow = |at| Blow { turn: turn.clone(), at, strike: Strike::DiesAfter };
            cases.extend(ends.into_iter().map(|at| Case { scenario: *scenario, blow: blow(at) }));
        }
    }
    cases
}

/// Every call of every scenario, or of the one that is begun with, where nothing befalls it.
async fn counted(ground: &Arc<Ground>, begins: &str) -> Vec<(Scenario, BTreeMap<String, Vec<Call>>)> {
    // The very first makes the master key.
    Scenario::Select.run(ground.count_in(), None).await;
    let mut runs = JoinSet::new();
    let is_meant = |scenario: &Scenario| begins.is_empty() || begins.starts_with(&scenario.to_string());
    for scenario in Scenario::ALL.into_iter().filter(is_meant) {
        let counted = ground.count_in();
        runs.spawn_local(async move { (scenario, scenario.run(counted, None).await.seen()) });
    }
    let mut counted = timeout(PATIENCE, runs.join_all()).await.expect("without a blow it needs no sweep");
    counted.sort_by_key(|(scenario, _)| Scenario::ALL.iter().position(|one| one == scenario));
    counted
}

/// What is struck: every call of the small SELECT in every way. Of what the other scenarios do besides, every write in the ways that
/// matter to it, and every call in two ways, which are others for the next.
fn cases(counted: &[(Scenario, BTreeMap<String, Vec<Call>>)], all: bool) -> Vec<Case> {
    let (mut cases, mut known) = (Vec::new(), HashSet::new());
    for (scenario, turns) in counted {
        for (turn, calls) in turns {
            let function = Scenario::function(turn);
            for (at, call) in calls.iter().enumerate() {
                let what = described(call);
                // Whether a principal was revoked meanwhile is asked once more only where an answer took longer than a second, as it
                // always does in the long scenario.
                let is_quick = ["ask", "call"].contains(&turn.as_str()) && *scenario != Scenario::Long;
                if is_quick && what.starts_with("BatchGetItem revoked#") {
                    continue;
                }
                let is_new = known.insert((function, what));
                let is_write = rivals::can_be_met(call);
                let strikes = Strike::ALL.into_iter().enumerate().filter(|(nth, strike)| {
                    let is_turn = (nth + known.len() * 3) % 5 == 0;
                    let may = is_write || *strike != Strike::Conflicts;
                    let is_chosen = is_turn || is_write && strike.matters_to_writes();
                    may && (all || *scenario == Scenario::Select || is_new && is_chosen)
                });
                let case =
                    |(_, strike)| Case { scenario: *scenario, blow: Blow { turn: turn.clone(), at, strike } };
                cases.extend(strikes.map(case));
            }
        }
    }
    cases
}

/// Runs them all at once; those that failed.
async fn struck(ground: &Arc<Ground>, cases: Vec<Case>) -> Vec<Case> {
    let mut runs = JoinSet::new();
    for case in cases {
        let (mut counted, ground) = (ground.count_in(), Arc::clone(ground));
        runs.spawn_local(async move {
            let mut tries = 0;
            loop {
                tries += 1;
                let why = why_failed(counted, &case).await;
                let is_busy = |why: &str| why.contains(NEVER_MADE) || why.contains(TOO_LATE);
                if tries == TRIES || !why.as_deref().is_some_and(is_busy) {
                    return (case, why);
                }
                counted = ground.count_in();
            }
        });
    }
    let ended = async {
        let mut failed = Vec::new();
        while let Some(ended) = runs.join_next().await {
            if let (case, Some(why)) = ended.unwrap() {
                let alone = format!("SNOWGATE_STRIKE={case} cargo test --workspace --test lambda between");
                say(&format!("{case}: {why}\n  alone: {alone}"));
                failed.push(case);
            }
        }
        failed
    };
    tokio::select! {
        failed = ended => failed,
        () = ground.sweep() => unreachable!("it goes round for as long as anybody waits"),
    }
}

/// Why a case failed; none where it has not.
async fn why_failed(counted: Counted, case: &Case) -> Option<String> {
    let run = case.scenario.run(counted, Some(case.blow.clone()));
    let why = tokio::task::spawn_local(run).await.err()?.into_panic();
    Some(why.downcast_ref::<String>().map_or_else(|| format!("{why:?}"), Clone::clone))
}

/// Everything that was opened is closed, and the record is whole.
async fn everything_is_closed(ground: &Ground, cases: &[Case]) {
    let home = ground.home().await;
    let now = SystemClock.now();
    let report = recording::verify(&HomeArchive::open(&home).unwrap(), now, &mut |_, _| {}).unwrap();
    // A number that somebody else is said to have taken is nobody's.
    let mut gaps = cases.iter().filter(|case| case.blow.strike == Strike::Conflicts).count();
    let is_wrong = |fault: &&ArchiveFault| {
        if fault.what == Wrong::Gap && gaps > 0 {
            gaps -= 1;
            return false;
        }
        true
    };
    let wrong: Vec<_> = report.faults.iter().filter(is_wrong).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    // Over MCP nobody asks again where nothing was opened.
    let opened = cases.iter().filter(|case| case.scenario != Scenario::Mcp).count();
    assert!(report.exchanges >= opened as u64, "{} exchanges of {opened} cases", report.exchanges);
}
