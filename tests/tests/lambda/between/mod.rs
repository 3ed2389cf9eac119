//! Whatever happens between any two calls of AWS: nothing is shown that is not kept, nothing runs twice, no yes is spent twice, and
//! everything comes to an end.
//!
//! Each scenario is run once, and its calls are counted. Then it is run anew for every call and everything that may befall that call: by
//! processes of the functions that are deployed, which are killed and frozen, over AWS as moto plays it. Of the small SELECT every call is
//! struck in every way; what else a scenario calls in some, by turns.
//!
//! `SNOWGATE_STRIKE=select/ask/7/dies-after` runs one case alone, `SNOWGATE_STRIKE=all` every call of every scenario in every way,
//! which takes half an hour.

#![allow(clippy::wildcard_enum_match_arm, reason = "whatever else an agent was told is printed, and wrong")]

mod agent;
mod ground;
mod rivals;
mod run;
mod runtime;
mod scenarios;
mod strikes;

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Instant;

use gateway::ports::Clock;
use local::{HomeArchive, SystemClock};
use recording::{ArchiveFault, Wrong};
use tokio::task::{JoinSet, LocalSet};
use tokio::time::timeout;

use self::ground::{Ground, PATIENCE};
use self::run::Blow;
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
}

impl Chosen {
    #[allow(clippy::disallowed_methods, reason = "whoever runs this test chooses")]
    fn read() -> Self {
        match std::env::var("SNOWGATE_STRIKE").as_deref() {
            Ok("all") => Self::All,
            Ok(case) => Self::One(case.parse().unwrap_or_else(|()| panic!("{case} is no case"))),
            Err(_) => Self::Enough,
        }
    }
}

/// Agents that the issuer knows: one for each run.
const AGENTS: usize = 800;

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
            let counted = counted(ground).await;
            cases(&counted, matches!(chosen, Chosen::All))
        }
    };
    say(&format!("{} cases, after {:?}", cases.len(), begun.elapsed()));
    let failed = struck(ground, cases.clone()).await;
    (cases, failed)
}

/// Every call of every scenario, where nothing befalls it.
async fn counted(ground: &Arc<Ground>) -> Vec<(Scenario, BTreeMap<String, Vec<Call>>)> {
    // The very first makes the master key.
    Scenario::Select.run(ground.count_in(), None).await;
    let mut runs = JoinSet::new();
    for scenario in Scenario::ALL {
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
                let is_new = known.insert((function, described(call)));
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
        let counted = ground.count_in();
        runs.spawn_local(async move {
            let run = tokio::task::spawn_local(case.scenario.run(counted, Some(case.blow.clone())));
            (case, run.await.map(|_| ()))
        });
    }
    let ended = async {
        let mut failed = Vec::new();
        while let Some(ended) = runs.join_next().await {
            let (case, ended) = ended.unwrap();
            if let Err(error) = ended {
                let why = error.into_panic();
                let why = why.downcast_ref::<String>().map_or_else(|| format!("{why:?}"), Clone::clone);
                let alone = format!("SNOWGATE_STRIKE={case} cargo test --workspace --test lambda between");
                say(&format!("{case}: {why}\n  alone: {alone}"));
                failed.push(case);
            }
        }
        failed
    };
    tokio::join!(ground.sweep(), ended).1
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
    assert!(wrong.is_empty() && report.exchanges >= cases.len() as u64, "{wrong:#?}");
}
