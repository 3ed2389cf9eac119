//! Approvals on AWS: steps in a table, the state machine of `infra/approvals.asl.json` under an interpreter of its language,
//! its tasks done by the work function, everything else as everywhere.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws::{Approvals, Machine, Steps};
use domain::{ApprovalId, ApprovalState, Handle, Outcome, Unmoved, Verdict};
use gateway::ports::{self, Written};
use gateway::{AskError, Gateway, KnownReviewer, Ports, Reply, Review, ReviewError, ReviewerName, Roster};
use recording::{ApprovalStep, RecordKey, StepRecord};
use serde_json::{Value, json};
use work::Work;

use crate::held::{WRITE, deletes, reviewer};
use crate::house::{House, ask_without_waiting, collect, in_time, review};
use crate::machine_file;
use crate::moto::{Answered, Moto};

/// How a test meddles with the function.
#[derive(Default)]
struct Meddling {
    /// Waits last a second, whatever the function says.
    is_hasty: bool,
    /// So often each of these tasks dies before anything was done.
    dies_before: Mutex<BTreeMap<&'static str, u32>>,
    /// So often each dies when everything was done.
    dies_after: Mutex<BTreeMap<&'static str, u32>>,
}

impl Meddling {
    fn strikes(of: &Mutex<BTreeMap<&'static str, u32>>, task: &str) -> bool {
        match of.lock().unwrap().get_mut(task) {
            Some(left) if *left > 0 => {
                *left -= 1;
                true
            }
            Some(_) | None => false,
        }
    }
}

struct Stage {
    moto: &'static Moto,
    house: House,
    ports: Ports,
    gateway: Gateway,
    machine: Machine,
    steps: Steps,
    executions: aws_sdk_sfn::Client,
    arn: String,
    tasks: Arc<Mutex<Vec<String>>>,
}

fn people() -> Vec<KnownReviewer> {
    let known = |name: &str, group: &str| KnownReviewer {
        name: ReviewerName::Email(format!("{name}@acme.example")),
        groups: Some(BTreeSet::from([group.to_owned()])),
        mail: None,
    };
    vec![known("rosa", "data-reviewers"), known("sam", "data-reviewers"), known("lee", "data-leads")]
}

impl Stage {
    async fn build(meddling: Meddling) -> Option<Self> {
        let moto = Moto::get()?;
        let roster = Roster::development("https://snowgate.example", people())
            .escalating_to(BTreeSet::from(["data-leads".to_owned()]));
        let house = House::with(|settings| settings.roster = Some(Arc::new(roster)), &[]).await;
        house
            .bundle
            .change(&[(r#"groups = ["data-reviewers"]"#, r#"groups = ["data-reviewers", "data-leads"]"#)]);
        deletes(&house);

        let (clients, table) = (moto.clients(), moto.table().await);
        let steps = Steps::new(&clients, &table);
        let work: Arc<Mutex<Option<Work>>> = Arc::default();
        let tasks: Arc<Mutex<Vec<String>>> = Arc::default();
        let (working, doing, meddling) = (Arc::clone(&work), Arc::clone(&tasks), Arc::new(meddling));
        let function = move |event: Value| {
            let (work, tasks) = (working.lock().unwrap().clone().unwrap(), Arc::clone(&doing));
            handle(work, tasks, Arc::clone(&meddling), event)
        };
        let arn = moto.machine(&machine_file::machine(), function).await;
        let machine = Machine::new(&clients, &arn, &table);

        let mut ports = house.ports();
        let exchanges: Arc<dyn ports::Approvals> = ports.approvals.clone();
        ports.approvals = Arc::new(Approvals::new(steps.clone(), machine.clone(), exchanges));
        let gateway = Gateway::new(ports.clone(), house.settings.clone());
        *work.lock().unwrap() = Some(Work::new(gateway.clone(), machine.clone(), ports.clock.clone()));
        let executions = clients.states().clone();
        Some(Self { moto, house, ports, gateway, machine, steps, executions, arn, tasks })
    }

    fn review(&self) -> Review {
        review(&self.ports)
    }

    /// Asks what waits, until somebody was told of it.
    async fn asked(&self) -> (Handle, ApprovalId) {
        let reply = ask_without_waiting(&self.gateway, WRITE).await;
        assert!(matches!(reply.outcome(), Outcome::Pending(_)), "{:?}", reply.outcome());
        until("reviewers are told", || async { !self.house.bell.rung.lock().unwrap().is_empty() }).await;
        let id = self.house.bell.rung.lock().unwrap()[0].approval;
        (reply.handle(), id)
    }

    async fn decide(
        &self,
        id: ApprovalId,
        who: &str,
        verdict: Verdict,
    ) -> Result<ApprovalState, ReviewError> {
        in_time(self.review().decide(id, &reviewer(who), verdict, None)).await
    }

    /// Waits until the execution has ended; how.
    async fn ended(&self, id: ApprovalId) -> String {
        let arn = self.execution(id);
        let status = Mutex::new(String::new());
        until("the execution ends", || async {
            let found = self.executions.describe_execution().execution_arn(&arn).send().await.unwrap();
            *status.lock().unwrap() = found.status.as_str().to_owned();
            found.status.as_str() != "RUNNING"
        })
        .await;
        status.into_inner().unwrap()
    }

    fn execution(&self, id: ApprovalId) -> String {
        format!("{}:{id}", self.arn.replace(":stateMachine:", ":execution:"))
    }

    /// The steps in the table, with their bytes.
    async fn kept(&self) -> Vec<bytes::Bytes> {
        let key = self.key();
        let mut kept = Vec::new();
        for number in 0.. {
            let Some(bytes) = self.steps.read(&key, number).await.unwrap() else { break };
            kept.push(bytes);
        }
        kept
    }

    fn key(&self) -> RecordKey {
        let (opening, _) = self.house.records().remove(0);
        RecordKey::new(&opening.opened[..10], opening.exchange.parse().unwrap())
    }

    async fn words(&self) -> Vec<String> {
        let kept = self.kept().await;
        let step = |bytes: &bytes::Bytes| recording::decode::<ApprovalStep>(bytes).unwrap().record;
        kept.iter().map(|bytes| step(bytes).what.as_str().to_owned()).collect()
    }

    /// Who was told at each telling.
    async fn tellings(&self) -> Vec<Vec<String>> {
        let kept = self.kept().await;
        let told = kept.iter().filter_map(|bytes| {
            match recording::decode::<ApprovalStep>(bytes).unwrap().record.what {
                StepRecord::Told { reviewers, .. } => Some(reviewers),
                _ => None,
            }
        });
        told.collect()
    }

    /// The record is whole, once the table's part of it lies beside the rest.
    async fn verifies(&self) {
        let (key, home) = (self.key(), self.house.open_home());
        for (number, bytes) in (0..).zip(self.kept().await) {
            let written = ports::Approvals::settle(&home, &key, number, bytes).await.unwrap();
            assert!(matches!(written, Written::Kept(_)), "a step lies in the folder");
        }
        self.house.verifies();
    }

    async fn collected(&self, handle: Handle) -> Reply {
        collect(&self.gateway, "ana", handle).await.unwrap_or_else(|error: AskError| panic!("{error}"))
    }

    fn did(&self, task: &str) -> usize {
        self.tasks.lock().unwrap().iter().filter(|done| *done == task).count()
    }

    /// Waits until the machine waits for a verdict.
    async fn waits(&self) {
        until("the machine waits", || async { self.did("wait") > 0 }).await;
    }
}

async fn handle(
    work: Work,
    tasks: Arc<Mutex<Vec<String>>>,
    meddling: Arc<Meddling>,
    event: Value,
) -> Answered {
    let task = event["task"].as_str().unwrap().to_owned();
    if Meddling::strikes(&meddling.dies_before, &task) {
        return Err("Runtime.ExitError");
    }
    let done = work.handle(event).await;
    tasks.lock().unwrap().push(task.clone());
    if Meddling::strikes(&meddling.dies_after, &task) {
        return Err("Runtime.ExitError");
    }
    let mut answer = serde_json::to_value(done.map_err(|_| "NotDone")?).unwrap();
    if meddling.is_hasty {
        answer["seconds"] = json!(1);
    }
    Ok(answer)
}

/// Looks again and again until that is so.
async fn until<F: Future<Output = bool>>(what: &str, is_so: impl Fn() -> F) {
    let mut tries = tokio::time::interval(Duration::from_millis(50));
    let looking = async {
        while !is_so().await {
            tries.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), looking)
        .await
        .unwrap_or_else(|_| panic!("{what}: it never came"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_reviewer_approves_runs_once_and_its_agent_collects_the_result() {
    let Some(stage) = Stage::build(Meddling::default()).await else { return };
    let (handle, id) = stage.asked().await;
    stage.waits().await;
    assert_eq!(stage.house.submissions(), 0);
    assert_eq!(stage.decide(id, "rosa", Verdict::Approve).await.unwrap(), ApprovalState::Granted);
    assert_eq!(stage.ended(id).await, "SUCCEEDED");
    assert!(matches!(stage.collected(handle).await.outcome(), Outcome::Rows { .. }));
    assert_eq!(stage.house.submissions(), 1);
    assert_eq!(stage.words().await, ["asked", "told", "decided", "spent"]);
    assert_eq!(
        (stage.did("remind"), stage.did("escalate"), stage.did("expire")),
        (0, 0, 0),
        "the token woke it"
    );

    // A second answer is late, a second word finds nobody, and both are told so and break nothing.
    let late = stage.decide(id, "sam", Verdict::Deny).await.unwrap_err();
    assert!(matches!(late, ReviewError::Unmoved(Unmoved::Ended(ApprovalState::Spent))), "{late:?}");
    stage.machine.wake(id).await.unwrap();
    stage.machine.wake(ApprovalId::from_u128(id.as_u128() ^ 1)).await.unwrap();
    stage.machine.go_on("no token of anybody's").await.unwrap();
    // Nor does it begin again.
    stage.machine.start(id).await.unwrap();
    assert_eq!((stage.house.submissions(), stage.words().await.len()), (1, 4));
    stage.verifies().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_tokens_the_one_that_waits_is_found_and_a_yes_of_several_wakes_nothing() {
    let Some(stage) = Stage::build(Meddling::default()).await else { return };
    let groups = r#"groups = ["data-reviewers", "data-leads"]"#;
    let two = format!("{groups}\npeople = 2");
    stage.house.bundle.change(&[(r#"groups = ["data-reviewers"]"#, two.as_str())]);
    let (handle, id) = stage.asked().await;
    stage.waits().await;
    let forget = stage.house.time_now().after(Duration::from_secs(3600));
    for token in 0..200 {
        stage.machine.keep_token(id, &format!("used before: {token}"), forget).await.unwrap();
    }
    assert_eq!(stage.decide(id, "rosa", Verdict::Approve).await.unwrap(), ApprovalState::Waiting);
    assert_eq!(stage.decide(id, "rosa", Verdict::Approve).await.unwrap(), ApprovalState::Waiting);
    assert_eq!((stage.did("run"), stage.did("wait")), (0, 1), "it waits for the other, undisturbed");
    assert_eq!(stage.decide(id, "sam", Verdict::Approve).await.unwrap(), ApprovalState::Granted);
    assert_eq!(stage.ended(id).await, "SUCCEEDED");
    assert!(matches!(stage.collected(handle).await.outcome(), Outcome::Rows { .. }));
    assert_eq!((stage.did("remind"), stage.did("wait")), (0, 1));
    stage.verifies().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn histories_tell_ids_and_how_an_approval_stands_and_nothing_else() {
    let Some(stage) = Stage::build(Meddling::default()).await else { return };
    let (_, id) = stage.asked().await;
    stage.waits().await;
    stage.decide(id, "rosa", Verdict::Approve).await.unwrap();
    assert_eq!(stage.ended(id).await, "SUCCEEDED");
    let history =
        stage.executions.get_execution_history().execution_arn(stage.execution(id)).send().await.unwrap();
    assert!(history.events.len() > 10, "{history:?}");
    let everything = format!("{:?}", history.events);
    for text in ["customers", "CUSTOMERS", "delete", "ana", "rosa", "claude", "ANALYST", "hmac", "sha256"] {
        assert!(!everything.contains(text), "{text}: {everything}");
    }
    // The token stands where it is handed over, and in no state.
    let states = history.events.iter().filter_map(|event| {
        let entered = event.state_entered_event_details().and_then(|details| details.input());
        entered.or_else(|| event.state_exited_event_details().and_then(|details| details.output()))
    });
    let states: BTreeSet<String> = states.map(str::to_owned).collect();
    assert!(states.len() > 2, "{states:?}");
    for state in states {
        let state: BTreeMap<String, Value> = serde_json::from_str(&state).unwrap();
        for (key, value) in state {
            match key.as_str() {
                "approval" => assert_eq!(value, json!(id.to_string())),
                "stands" => {
                    let keys: BTreeSet<&str> =
                        value.as_object().unwrap().keys().map(String::as_str).collect();
                    assert_eq!(keys, ["over", "seconds", "state"].into(), "{value}");
                }
                other => panic!("{other}: {value}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_reviewer_denies_never_runs() {
    let Some(stage) = Stage::build(Meddling::default()).await else { return };
    let (handle, id) = stage.asked().await;
    stage.waits().await;
    stage.decide(id, "sam", Verdict::Deny).await.unwrap();
    assert_eq!(stage.ended(id).await, "SUCCEEDED");
    let reply = stage.collected(handle).await;
    let Outcome::Refused(refusal) = reply.outcome() else { panic!("{:?}", reply.outcome()) };
    assert!(refusal.message.contains("a reviewer denied"), "{refusal:?}");
    assert_eq!((stage.house.submissions(), stage.words().await), (0, words(&["asked", "told", "decided"])));
    stage.verifies().await;
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_is_reminded_once_then_the_second_group_is_told_then_it_denies() {
    let Some(stage) = Stage::build(Meddling { is_hasty: true, ..Meddling::default() }).await else { return };
    let (handle, id) = stage.asked().await;
    // It is early by the gateway's clock, however hasty the machine is: it waits on.
    until("it looks whether time is over", || async { stage.did("expire") > 1 }).await;
    assert_eq!(stage.words().await, ["asked", "told", "told", "told"]);
    let name = |name: &str| format!("{name}@acme.example");
    assert_eq!(
        stage.tellings().await,
        [vec![name("rosa"), name("sam")], vec![name("rosa"), name("sam")], vec![name("lee")]]
    );
    stage.house.time.turn(Duration::from_secs(31 * 60));
    assert_eq!(stage.ended(id).await, "SUCCEEDED");
    let reply = stage.collected(handle).await;
    let Outcome::Refused(refusal) = reply.outcome() else { panic!("{:?}", reply.outcome()) };
    assert!(refusal.message.contains("nobody approved"), "{refusal:?}");
    assert_eq!(stage.words().await, ["asked", "told", "told", "told", "expired"]);
    let late = stage.decide(id, "rosa", Verdict::Approve).await.unwrap_err();
    assert!(matches!(late, ReviewError::Unmoved(Unmoved::Ended(ApprovalState::Expired))), "{late:?}");
    assert_eq!((stage.house.submissions(), stage.did("remind"), stage.did("escalate")), (0, 1, 1));
    stage.verifies().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_told_second_may_decide() {
    let Some(stage) = Stage::build(Meddling { is_hasty: true, ..Meddling::default() }).await else { return };
    let (handle, id) = stage.asked().await;
    until("the second group is told", || async { stage.tellings().await.len() == 3 }).await;
    let lee = gateway::SignedIn::development("lee@acme.example", BTreeSet::from(["data-leads".to_owned()]))
        .unwrap();
    in_time(stage.review().decide(id, &lee, Verdict::Approve, None)).await.unwrap();
    assert_eq!(stage.ended(id).await, "SUCCEEDED");
    assert!(matches!(stage.collected(handle).await.outcome(), Outcome::Rows { .. }));
    assert_eq!(stage.house.submissions(), 1);
    stage.verifies().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_that_dies_in_every_task_neither_loses_nor_repeats_anything() {
    let every = || Mutex::new(BTreeMap::from([("ask", 1), ("wait", 1), ("run", 1)]));
    let meddling = Meddling { dies_before: every(), dies_after: every(), ..Meddling::default() };
    let Some(stage) = Stage::build(meddling).await else { return };
    let (handle, id) = stage.asked().await;
    stage.waits().await;
    stage.decide(id, "rosa", Verdict::Approve).await.unwrap();
    assert_eq!(stage.ended(id).await, "SUCCEEDED");
    assert!(matches!(stage.collected(handle).await.outcome(), Outcome::Rows { .. }));
    assert_eq!(stage.house.submissions(), 1, "what ran is not run again by a retry");
    assert_eq!(stage.words().await, ["asked", "told", "decided", "spent"]);
    assert!(stage.did("ask") >= 2 && stage.did("wait") >= 2 && stage.did("run") >= 2);
    stage.verifies().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_that_has_failed_leaves_the_approval_to_the_sweep() {
    // More often than it is tried.
    let dead = Mutex::new(BTreeMap::from([("run", u32::MAX)]));
    let Some(stage) = Stage::build(Meddling { dies_before: dead, ..Meddling::default() }).await else {
        return;
    };
    let (handle, id) = stage.asked().await;
    stage.waits().await;
    stage.decide(id, "rosa", Verdict::Approve).await.unwrap();
    let sweep = Work::new(stage.gateway.clone(), stage.machine.clone(), stage.ports.clock.clone());
    sweep.handle(json!({ "task": "sweep" })).await.unwrap();
    assert!(matches!(stage.collected(handle).await.outcome(), Outcome::Rows { .. }));
    assert_eq!(stage.house.submissions(), 1);
    let stop = stage.executions.stop_execution().execution_arn(stage.execution(id));
    stop.send().await.unwrap();
    assert_ne!(stage.ended(id).await, "SUCCEEDED");
    stage.verifies().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_no_machine_can_begin_nothing_is_held_and_its_agent_is_told() {
    let Some(stage) = Stage::build(Meddling::default()).await else { return };
    let clients = stage.moto.clients();
    let gone = Machine::new(&clients, format!("{}-gone", stage.arn), "no-table");
    let mut ports = stage.house.ports();
    let exchanges: Arc<dyn ports::Approvals> = ports.approvals.clone();
    ports.approvals = Arc::new(Approvals::new(stage.steps.clone(), gone, exchanges));
    let gateway = Gateway::new(ports, stage.house.settings.clone());
    let asked = in_time(gateway.ask(crate::house::asked(WRITE), Duration::ZERO)).await;
    let Err(AskError::Fault(fault)) = asked else { panic!("{asked:?}") };
    assert_eq!(fault.public, "what waits for a person could not be begun");
    assert_eq!(stage.review().waiting().await.unwrap().waiting.len(), 0);
    assert_eq!(stage.house.submissions(), 0);
}
