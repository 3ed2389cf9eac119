//! The whole gateway over the stores of AWS: what is asked there is answered, kept and found as over a folder.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use aws::{Accesses, Clients, Evidence, Exchanges, Keys, Machine, Records, Standings, Steps};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{Credential, Door, Handle, Outcome, Verdict};
use gateway::{Gateway, Ports, Settings};
use recording::{ClosingOutcome, Severity};
use work::Work;

use crate::brought::{self, Item, text};
use crate::held::{WRITE, deletes, reviewer};
use crate::house::{
    House, ask, ask_without_waiting, asked_by, collect, customers, in_time, page_text, review,
};
use crate::moto::{Moto, Spoil};

/// Bytes of an item, as DynamoDB counts them: names and values.
fn size(item: &Item) -> usize {
    let value = |value: &AttributeValue| match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(digits) => digits.len().div_ceil(2) + 1,
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::Bool(_) => 1,
        other => panic!("nothing of ours: {other:?}"),
    };
    item.iter().map(|(name, found)| name.len() + value(found)).sum()
}

pub struct Stage {
    moto: &'static Moto,
    pub house: House,
    table: String,
    records: String,
    pages: String,
    key: String,
}

impl Stage {
    async fn build(change: impl FnOnce(&mut Settings)) -> Option<Self> {
        Self::build_with(change, &[]).await
    }

    /// The same under other limits.
    pub async fn build_with(change: impl FnOnce(&mut Settings), limits: &[(&str, &str)]) -> Option<Self> {
        let moto = Moto::get()?;
        let house = House::with(change, limits).await;
        let (table, records, pages, key) =
            (moto.table().await, moto.bucket("records").await, moto.bucket("pages").await, moto.key().await);
        Some(Self { moto, house, table, records, pages, key })
    }

    fn kept(&self, clients: &Clients) -> Records {
        Records::new(clients, &self.table, &self.records, &self.pages)
    }

    fn exchanges(&self, clients: &Clients) -> Exchanges {
        Exchanges::new(clients, &self.table, self.kept(clients), &self.pages)
    }

    /// The ports as one more process has them.
    pub fn ports(&self) -> Ports {
        let clients = self.moto.clients();
        let (records, exchanges) = (Arc::new(self.kept(&clients)), Arc::new(self.exchanges(&clients)));
        let ports = Ports {
            keys: Arc::new(Keys::new(&clients, &self.key, &self.records, &self.table)),
            recorder: records.clone(),
            recordings: records,
            approvals: exchanges.clone(),
            exchanges,
            standings: Arc::new(Standings::new(Steps::new(&clients, &self.table))),
            accesses: Arc::new(Accesses::new(&clients, &self.table)),
            evidence: Arc::new(Evidence::new(&clients, &self.table, &self.pages)),
            ..self.house.ports()
        };
        // The house has opened a folder, in which nothing may lie but what is brought there.
        fs::remove_dir_all(self.house.home_path()).unwrap();
        ports
    }

    pub fn gateway(&self) -> Gateway {
        Gateway::new(self.ports(), self.house.settings.clone())
    }

    /// Works until nothing is left to do, as processes that were started later.
    async fn clean_up(&self) {
        self.house.time.turn(Duration::from_secs(120));
        let exchanges = self.exchanges(&self.moto.clients());
        for _ in 0..20 {
            let now = self.house.time_now();
            in_time(self.gateway().work(now.after(Duration::from_secs(5)))).await.unwrap();
            self.house.time.turn(Duration::from_secs(20));
            let left = gateway::ports::Exchanges::unattended(&exchanges, self.house.time_now(), 10).await;
            if left.unwrap().is_empty() {
                return;
            }
        }
        panic!("there is no end to it");
    }

    /// Brings everything that was recorded into a home's folder, where the house's readers find it.
    pub async fn bring_home(&self) {
        let (clients, home) = (self.moto.clients(), self.house.home_path());
        let records = self.kept(&clients);
        brought::bring_home(&clients, &self.table, &records, &home).await;
    }

    /// The work function with these ports, as one more invocation has them.
    pub fn work(&self, ports: Ports) -> Work {
        let arn = "arn:aws:states:us-east-1:123456789012:stateMachine:none";
        let machine = Machine::new(&self.moto.clients(), arn, &self.table);
        let clock = ports.clock.clone();
        Work::new(Gateway::new(ports, self.house.settings.clone()), machine, clock)
    }

    /// How often objects were written into the bucket of pages, since that was asked for last.
    pub fn pages_written(&self) -> usize {
        let calls = self.moto.calls(&format!("/{}/", self.pages));
        calls.iter().filter(|call| call.starts_with("PUT ")).count()
    }

    /// Everything in the table.
    async fn items(&self) -> Vec<Item> {
        brought::items(&self.moto.clients(), &self.table).await
    }

    pub async fn collected(&self, handle: Handle) -> Outcome {
        collect(&self.gateway(), "ana", handle).await.unwrap().outcome().clone()
    }
}

#[tokio::test]
async fn a_select_is_answered_masked_and_its_record_is_whole() {
    let Some(stage) = Stage::build(|_| {}).await else { return };
    customers::answer(&stage.house.snow, &[3]);
    let reply = ask(&stage.gateway(), customers::SQL).await.unwrap();
    assert!(matches!(reply.outcome(), Outcome::Rows { rows: 3, .. }), "{:?}", reply.outcome());
    let text = page_text(reply.first_page().unwrap());
    for secret in (0..3).flat_map(customers::secrets) {
        assert!(!text.contains(&secret), "{text}");
    }
    // Another process tells the same.
    assert_eq!(stage.collected(reply.handle()).await, *reply.outcome());
    let other = collect(&stage.gateway(), "ben", reply.handle()).await;
    assert!(other.is_err(), "and nobody else is told anything");

    stage.bring_home().await;
    stage.house.verifies();
    let answered: Vec<Vec<Option<String>>> = serde_json::from_str(&text).unwrap();
    assert_eq!(stage.house.recorded_rows(), answered, "what the agent saw is what is recorded");
}

#[tokio::test]
async fn a_small_statement_costs_one_object_and_three_writes_and_two_where_evidence_may_come() {
    for channels in [Some(Arc::from([])), None] {
        let notes = if channels.is_some() { 0 } else { 1 };
        let Some(stage) = Stage::build(|settings| settings.channels = channels).await else { return };
        costs_three_writes(&stage, notes).await;
    }
}

/// And so many notes of evidence that may come, with a clue each.
async fn costs_three_writes(stage: &Stage, noted: usize) {
    customers::answer(&stage.house.snow, &[3]);
    let gateway = stage.gateway();
    // Keys are made with the first.
    ask(&gateway, customers::SQL).await.unwrap();
    let (table, records) = (format!("\"{}\"", stage.table), format!("/{}/", stage.records));
    stage.moto.calls(&table);
    stage.moto.calls(&records);
    ask(&gateway, customers::SQL).await.unwrap();
    let calls = stage.moto.calls(&table);
    let is_write = |call: &&String| ["PutItem", "UpdateItem", "DeleteItem"].iter().any(|w| call.contains(w));
    let writes: Vec<&String> = calls.iter().filter(is_write).collect();
    // Its claim, its opening with the sealed text, its end; and of evidence that may come a note, and one write for each clue
    // that it may find it by.
    let (clues, others): (Vec<_>, Vec<_>) = writes.into_iter().partition(|call| call.contains("\"clue#"));
    let (notes, others): (Vec<_>, Vec<_>) = others.into_iter().partition(|call| call.contains("\"expects#"));
    assert_eq!((others.len(), notes.len(), clues.len()), (3, noted, noted), "{others:#?}");
    assert!(!calls.iter().any(|call| call.contains("Transact")));
    // What they cost, in write units of a kilobyte. The index takes none of it, but for the ledger once a minute.
    let items = stage.items().await;
    let units = |begins: &str, ends: &str| -> usize {
        let is_it = |item: &&Item| {
            text(item, "pk").unwrap().starts_with(begins) && text(item, "sk").unwrap().starts_with(ends)
        };
        items.iter().filter(is_it).map(|item| size(item).div_ceil(1024)).max().unwrap()
    };
    let [ledger, opening, live] = [("principal#", "ledger"), ("session#", "opening#"), ("exchange#", "live")]
        .map(|(pk, sk)| units(pk, sk));
    assert_eq!((ledger, opening, live), (1, 2, 2), "as infra/README.md says");
    let objects = stage.moto.calls(&records);
    assert_eq!(objects.iter().filter(|call| call.starts_with("PUT")).count(), 1, "{objects:#?}");
}

#[tokio::test]
async fn what_outlives_its_hold_is_carried_on_by_another_process_page_by_page() {
    let Some(stage) = Stage::build(|settings| settings.page_size = 250).await else { return };
    customers::answer_later(&stage.house.snow, 2, &[3, 3]);
    let reply = ask_without_waiting(&stage.gateway(), customers::SQL).await;
    assert!(matches!(reply.outcome(), Outcome::Pending(_)));
    stage.clean_up().await;
    let collected = stage.collected(reply.handle()).await;
    let Outcome::Rows { rows: 6, pages, .. } = collected else { panic!("{collected:?}") };
    assert!(pages > 1, "{pages}");
    assert_eq!(stage.house.submissions(), 1);
    let credential = Credential::new("ana".to_owned());
    for page in 1..pages {
        let fetched = stage.gateway();
        let fetched = fetched.page(Door::SqlApi, &credential, reply.handle(), page);
        assert!(in_time(fetched).await.is_ok(), "page {page}");
    }
    stage.bring_home().await;
    stage.house.verifies();
    assert_eq!(stage.house.recorded_rows().len(), 6);
}

#[tokio::test]
async fn what_waits_for_a_person_runs_once_when_somebody_agrees() {
    let Some(stage) = Stage::build(|_| {}).await else { return };
    deletes(&stage.house);
    let reply = ask_without_waiting(&stage.gateway(), WRITE).await;
    assert!(matches!(reply.outcome(), Outcome::Pending(_)), "{:?}", reply.outcome());
    let now = || stage.house.time_now().after(Duration::from_secs(5));
    in_time(stage.gateway().work(now())).await.unwrap();
    let ports = stage.ports();
    let waiting = ports.approvals.waiting(10).await.unwrap();
    assert_eq!(waiting.len(), 1);
    let id = waiting[0].approval.as_ref().unwrap().id.parse().unwrap();
    assert_eq!(stage.house.submissions(), 0, "nobody has agreed");
    in_time(review(&ports).decide(id, &reviewer("rosa"), Verdict::Approve, None)).await.unwrap();
    // Two processes look after it at once.
    let (first, second) = (stage.gateway(), stage.gateway());
    let (one, other) = tokio::join!(first.work(now()), second.work(now()));
    one.unwrap();
    other.unwrap();
    stage.clean_up().await;
    let collected = stage.collected(reply.handle()).await;
    assert!(matches!(collected, Outcome::Rows { rows: 1, .. }), "{collected:?}");
    assert_eq!(stage.house.submissions(), 1);
    stage.bring_home().await;
    stage.house.verifies();
}

#[tokio::test]
async fn what_is_damaged_while_it_waits_keeps_no_other_from_being_listed() {
    let Some(stage) = Stage::build(|_| {}).await else { return };
    let ask = async |id: usize| {
        let text = format!("delete from customers where id = {id}");
        ask_without_waiting(&stage.gateway(), &text).await.handle()
    };
    let (damaged, other) = (ask(1).await, ask(2).await);
    let listed = async || {
        let waiting = stage.ports().approvals.waiting(10).await.unwrap();
        waiting.iter().map(|live| live.handle().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(listed().await.len(), 2);
    let update = stage.moto.clients().dynamodb().update_item().table_name(&stage.table);
    let update = update.key("pk", AttributeValue::S(format!("exchange#{damaged}")));
    let update = update.key("sk", AttributeValue::S("live".to_owned()));
    let update = update.update_expression("SET live = :nothing");
    let nothing = AttributeValue::B(b"nothing".to_vec().into());
    update.expression_attribute_values(":nothing", nothing).send().await.unwrap();
    assert_eq!(listed().await, [other]);
}

/// Whatever AWS does between any two calls: nothing is shown without a closing, nothing runs twice, and nothing stays open.
#[tokio::test]
async fn wherever_aws_is_cut_off_nothing_is_shown_unrecorded_run_twice_or_left_open() {
    let Some(stage) = Stage::build(|_| {}).await else { return };
    customers::answer(&stage.house.snow, &[3]);
    let places = [format!("\"{}\"", stage.table), format!("/{}/", stage.records)];
    let mut names = (b'a'..=b'z').flat_map(|a| (b'a'..=b'z').map(move |b| [a, b]));
    let mut somebody = || String::from_utf8(names.next().unwrap().to_vec()).unwrap();
    let mut shown = 0;
    for holding in &places {
        ask_as(&stage, &somebody()).await.unwrap();
        stage.moto.calls(holding);
        ask_as(&stage, &somebody()).await.unwrap();
        let calls = u32::try_from(stage.moto.calls(holding).len()).unwrap();
        assert!(calls > 0);
        for fault in [Spoil::Lost, Spoil::Refused(500, "")] {
            for at in 0..calls {
                let before = stage.house.submissions();
                stage.moto.spoil_after(at, &[holding], u32::MAX, fault.clone());
                let reply = ask_as(&stage, &somebody()).await;
                assert!(stage.moto.unspoil(holding) > 0);
                assert!(stage.house.submissions() - before <= 1, "{holding} {at}");
                if let Ok(reply) = reply {
                    // Only what is written after the closing may fail.
                    assert!(
                        matches!(reply.outcome(), Outcome::Rows { rows: 3, .. }),
                        "{:?}",
                        reply.outcome()
                    );
                    shown += 1;
                }
            }
        }
    }
    let submitted = stage.house.submissions();
    stage.clean_up().await;
    assert_eq!(stage.house.submissions(), submitted, "nothing is run again");
    stage.bring_home().await;
    let records = stage.house.records();
    assert!(records.iter().all(|(_, closing)| closing.is_some()));
    let rows = records
        .iter()
        .filter(|(_, closing)| matches!(closing.as_ref().unwrap().outcome, ClosingOutcome::Rows {}));
    assert!(rows.count() >= shown + 2 * places.len() && shown > 0);
    let report = stage.house.verify();
    assert!(report.worst() < Some(Severity::Altered), "{:?}", report.faults);
}

/// Of what is known by its claim alone: its answer was kept, or nobody knows what became of it.
#[tokio::test]
async fn a_request_whose_process_died_is_answered_as_its_closing_tells_and_never_runs_again() {
    let Some(stage) = Stage::build(|_| {}).await else { return };
    customers::answer(&stage.house.snow, &[3]);
    let ask = async |name: &str, request: &str| {
        let gateway = stage.gateway();
        let mut asked = asked_by(name, customers::SQL);
        asked.request = Some(request.parse().unwrap());
        in_time(gateway.ask(asked, gateway.settings().hold)).await
    };
    ask("ana", "r-0").await.unwrap();
    let table = format!("\"{}\"", stage.table);
    stage.moto.calls(&table);
    let first = ask("ana", "r-1").await.unwrap();
    let calls = u32::try_from(stage.moto.calls(&table).len()).unwrap();
    let ran = stage.house.submissions();
    // The last call, in all its tries, tells that it has ended. The answer rests on its closing, which is kept.
    stage.moto.spoil_after(calls - 1, &[&table], 3, Spoil::Refused(500, ""));
    let unmarked = ask("ana", "r-2").await.unwrap();
    assert_eq!(stage.moto.unspoil(&table), 0, "it failed where it should");
    assert_eq!(unmarked.outcome(), first.outcome());
    assert!(collect(&stage.gateway(), "ana", unmarked.handle()).await.is_err(), "not before it is found");
    // Upstream has it, and its closing cannot be kept.
    let records = format!("PUT /{}/records/", stage.records);
    stage.moto.spoil_after(0, &[&records], u32::MAX, Spoil::Refused(500, ""));
    assert!(ask("ana", "r-3").await.is_err());
    stage.moto.unspoil(&records);
    assert_eq!(stage.house.submissions(), ran + 2);

    stage.clean_up().await;
    let again = ask("ana", "r-2").await.unwrap();
    assert_eq!((again.handle(), again.outcome()), (unmarked.handle(), first.outcome()));
    assert_eq!(again.first_page(), unmarked.first_page(), "the very same bytes");
    assert_eq!(stage.collected(unmarked.handle()).await, *first.outcome());
    let lost = ask("ana", "r-3").await.unwrap();
    assert!(matches!(lost.outcome(), Outcome::Failed { .. }), "{:?}", lost.outcome());
    assert_eq!(stage.house.submissions(), ran + 2, "nothing ran again");
    stage.bring_home().await;
    stage.house.verifies();
}

async fn ask_as(stage: &Stage, name: &str) -> Result<gateway::Reply, gateway::AskError> {
    let gateway = stage.gateway();
    let hold = gateway.settings().hold;
    in_time(gateway.ask(asked_by(name, customers::SQL), hold)).await
}
