//! What all cases stand on: one AWS, one Snowflake, one issuer, and processes of the functions that nothing befalls.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws::{Clients, Records};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::ApprovalId;
use gateway::ports::{Clock, Recordings};
use local::SystemClock;
use recording::{Closing, ClosingOutcome, ObjectKind, RecordKey};
use serde_json::{Value, json};
use snowflake::scripted::Scripted;
use tempfile::TempDir;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::agent::Agent;
use super::runtime::{Invoked, Process, Runtime};
use super::strikes::Watch;
use crate::account;
use crate::approving;
use crate::brought;
use crate::children::Running;
use crate::functions::{self, Wiring};
use crate::moto::Moto;
use crate::rights;
use crate::stage::Stage;

/// Processes of one function that are there for whoever is not struck.
const WARM: usize = 2;

/// Cases that are run at once, until they wait for the sweep: most of them wait for answers that do not come.
const AT_ONCE: usize = 6;

/// How long something may take once the sweep goes round: longer than a claim may hide an opening.
pub const PATIENCE: Duration = Duration::from_secs(200);

pub struct Ground {
    pub moto: &'static Moto,
    pub snow: Scripted,
    pub wiring: Wiring,
    runtime: Runtime,
    warm: BTreeMap<&'static str, Warm>,
    at_work: Arc<Semaphore>,
    /// What rosa was mailed: by approval, the token of her link.
    mails: Mutex<BTreeMap<ApprovalId, String>>,
    mailbox: String,
    /// What the state machines were begun for.
    begun: Arc<Mutex<BTreeSet<String>>>,
    /// Cases that have not yet come to what only the sweep can end.
    busy: AtomicUsize,
    sweeps: watch::Sender<bool>,
    rights: rights::Rights,
    next: AtomicU32,
    http: reqwest::Client,
    _issuer: Mutex<Running>,
    folder: TempDir,
}

struct Warm {
    free: Mutex<Vec<Process>>,
    turns: Semaphore,
}

impl Ground {
    /// Lays it for so many agents.
    pub async fn lay(moto: &'static Moto, agents: usize) -> Arc<Self> {
        let (issuer, issuer_url) = functions::issuer(agents);
        let snow = account::listen().await;
        let clients = moto.clients();
        let topic = clients.sns().create_topic().name(Moto::unique("reviewers")).send().await.unwrap();
        let begun = Arc::new(Mutex::new(BTreeSet::new()));
        // A test plays the machine: it does its tasks one by one. What moto's does is end.
        let machine = async |definition: &str| {
            let begun = Arc::clone(&begun);
            let note = move |event: Value| {
                let id = [&event["approval"], &event["exchange"]].into_iter().find_map(Value::as_str);
                begun.lock().unwrap().extend(id.map(str::to_owned));
                async { Ok(json!({ "over": true, "state": "denied", "seconds": 1 })) }
            };
            moto.machine(&functions::machine(definition), note).await
        };
        let wiring = Wiring {
            aws: moto.url().to_owned(),
            state: moto.table().await,
            keys: moto.table().await,
            index: moto.table().await,
            kept: moto.topic().await,
            records: moto.bucket("records").await,
            pages: moto.bucket("pages").await,
            key: moto.key().await,
            approvals: machine("approvals.asl.json").await,
            unfinished: machine("unfinished.asl.json").await,
            topic: topic.topic_arn.unwrap(),
            issuer: issuer_url,
            snowflake: snow.url(),
        };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        moto.push(&wiring.state, &wiring.records, &policy::default_files(), clock).await;
        let mailbox = Stage::subscribe(moto, &wiring.topic, "rosa@example.com").await;
        let runtime = Runtime::listen().await;
        let warm = ["query", "work", "approval"].into_iter().map(|function| {
            let start = |_| {
                let process = runtime.start(function, &wiring, 2);
                moto.stand_between(&process.name, Some(Watch::new(moto, None)));
                process
            };
            (function, Warm { free: Mutex::new((0..WARM).map(start).collect()), turns: Semaphore::new(WARM) })
        });
        Arc::new(Self {
            moto,
            snow,
            warm: warm.collect(),
            wiring,
            runtime,
            at_work: Arc::new(Semaphore::new(AT_ONCE)),
            mails: Mutex::default(),
            mailbox,
            begun,
            busy: AtomicUsize::new(0),
            sweeps: watch::Sender::new(false),
            rights: rights::Rights::read(),
            next: AtomicU32::new(1),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            _issuer: Mutex::new(issuer),
            folder: tempfile::tempdir().unwrap(),
        })
    }

    pub fn clients(&self) -> Clients {
        self.moto.clients()
    }

    pub fn kept(&self) -> Records {
        let Wiring { state, records, pages, .. } = &self.wiring;
        Records::new(&self.clients(), state, records, pages)
    }

    /// A number that no other case has.
    pub fn number(&self) -> u32 {
        self.next.fetch_add(1, Ordering::SeqCst)
    }

    /// Agent number `n`, with what it says and in how many statements.
    pub async fn agent(&self, n: u32, says: (String, usize)) -> Agent {
        Agent::new(self.token(n).await, format!("6f1e0c1e-1111-4222-8333-{n:012}"), says)
    }

    /// A new token for that agent.
    pub async fn token(&self, n: u32) -> String {
        let request = self
            .http
            .post(format!("{}/token", self.wiring.issuer))
            .basic_auth(format!("claude-{n}"), Some("secret"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body("grant_type=client_credentials&scope=sql:read&resource=https://snowgate.example/RS256");
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    /// Whether a state machine was begun for it.
    pub fn has_begun(&self, id: &str) -> bool {
        self.begun.lock().unwrap().contains(id)
    }

    /// Waits for that.
    pub async fn until_begun(&self, id: &str) {
        while !self.has_begun(id) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// What a process that nothing befalls answers.
    pub async fn invoke(&self, function: &str, event: &Value) -> Invoked {
        let warm = &self.warm[function];
        let _turn = warm.turns.acquire().await.unwrap();
        let process = warm.free.lock().unwrap().pop().unwrap();
        let invoked = if event["task"] == "sweep" {
            process.invoke_at_last(event).await
        } else {
            process.invoke(event).await
        };
        warm.free.lock().unwrap().push(process);
        invoked
    }

    /// What the processes that nothing befalls said last.
    pub fn said(&self) -> String {
        let said = self
            .warm
            .values()
            .flat_map(|warm| warm.free.lock().unwrap().iter().map(Process::said).collect::<Vec<_>>());
        said.collect::<Vec<_>>().join("\n")
    }

    /// A process of its own, with that one before its calls.
    pub fn process(&self, function: &str, hold: u64, watch: &Arc<Watch>) -> Arc<Process> {
        let process = Arc::new(self.runtime.start(function, &self.wiring, hold));
        watch.over(&process);
        self.moto.stand_between(&process.name, Some(watch.clone()));
        process
    }

    /// Holds every call of a process to what its role may (`infra/rights.yaml`), also those that it makes because something broke.
    pub fn had_the_rights(&self, function: &str, watch: &Watch) {
        let Wiring { state, keys, index, kept, records, pages, approvals, unfinished, .. } = &self.wiring;
        let account = rights::Names {
            state: state.clone(),
            keys: keys.clone(),
            index: index.clone(),
            kept: kept.clone(),
            records: records.clone(),
            pages: pages.clone(),
            approvals: approvals.clone(),
            unfinished: unfinished.clone(),
        };
        let (first, rest) = function.split_at(1);
        let missing = self.rights.missing(&(first.to_uppercase() + rest), &account, &watch.calls());
        assert!(missing.is_empty(), "{missing:#?}");
    }

    /// The closing of an exchange, `SESSION/NUMBER`; none where there is none.
    pub async fn closing(&self, exchange: &str) -> Option<Closing> {
        let key = self.key(exchange).await;
        let bytes = self.kept().read(&key, ObjectKind::Closing).await.unwrap()?;
        Some(recording::decode::<Closing>(&bytes).unwrap().record)
    }

    async fn key(&self, exchange: &str) -> RecordKey {
        use aws_sdk_dynamodb::types::AttributeValue;
        let (session, number) = exchange.split_once('/').unwrap();
        let text = AttributeValue::S;
        let get = self.clients().dynamodb().get_item().table_name(&self.wiring.state).consistent_read(true);
        let get = get.key("pk", text(format!("session#{session}")));
        let get = get.key("sk", text(format!("opening#{number:0>8}")));
        let item = get.send().await.unwrap().item.expect("rows of what was never opened");
        RecordKey::new(brought::text(&item, "day").unwrap(), exchange.parse().unwrap())
    }

    /// Rows that were shown are what a closing tells of that stands in the bucket by now.
    pub async fn are_kept(&self, exchange: &str, shown: &Value) {
        let closing = self.closing(exchange).await.expect("rows were shown that no closing tells of");
        assert_eq!(closing.outcome, ClosingOutcome::Rows {}, "{exchange}");
        let mut rows = Vec::new();
        for (at, part) in (0..).zip(&closing.parts) {
            let object = match &part.pages[0].inline {
                Some(inline) => STANDARD.decode(inline).unwrap(),
                None => {
                    let page = ObjectKind::Page { part: at, page: 0 };
                    let key = self.key(exchange).await;
                    self.kept()
                        .read(&key, page)
                        .await
                        .unwrap()
                        .expect("a page that is shown is kept")
                        .to_vec()
                }
            };
            assert_eq!(recording::digest_of(&object).to_string(), part.pages[0].digest);
            rows.push(rows_of(&object));
        }
        assert!(rows.contains(shown), "{exchange}: {shown} was shown, and {rows:?} is kept");
    }

    /// The approval that an exchange waits for.
    pub async fn approval_of(&self, handle: &str) -> Option<ApprovalId> {
        use aws_sdk_dynamodb::types::AttributeValue;
        let get = self.clients().dynamodb().get_item().table_name(&self.wiring.state).consistent_read(true);
        let get = get.key("pk", AttributeValue::S(format!("exchange#{handle}")));
        let item = get.key("sk", AttributeValue::S("live".to_owned())).send().await.unwrap().item?;
        Some(brought::text(&item, "approval")?.parse().unwrap())
    }

    /// The token of the link that rosa was mailed of this approval.
    pub fn mailed(&self, id: ApprovalId) -> Option<String> {
        self.mails.lock().unwrap().get(&id).cloned()
    }

    /// Takes the mail in, for as long as anybody waits for it.
    pub async fn take_mail(&self) {
        loop {
            let ask = json!({ "QueueUrl": self.mailbox, "MaxNumberOfMessages": 10 });
            let found = self.moto.sqs("ReceiveMessage", ask).await;
            let messages = found["Messages"].as_array().cloned().unwrap_or_default();
            for message in &messages {
                let mail: Value = serde_json::from_str(message["Body"].as_str().unwrap()).unwrap();
                if let Some((id, token)) = approving::link_in(mail["Message"].as_str().unwrap()) {
                    self.mails.lock().unwrap().insert(id, token);
                }
                let delete = json!({ "QueueUrl": self.mailbox, "ReceiptHandle": message["ReceiptHandle"] });
                self.moto.sqs("DeleteMessage", delete).await;
            }
            if messages.is_empty() {
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }
    }

    /// Counts a case in; from then on the sweep waits for it.
    pub fn count_in(self: &Arc<Self>) -> Counted {
        self.busy.fetch_add(1, Ordering::SeqCst);
        Counted { ground: Arc::clone(self), is_swept: AtomicBool::new(false), at_work: Mutex::default() }
    }

    /// Once every case has come as far as it comes by itself: the sweep, as its schedule calls it, again and again.
    pub async fn sweep(&self) {
        while self.busy.load(Ordering::SeqCst) > 0 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        self.sweeps.send_replace(true);
        loop {
            let swept = self.invoke("work", &json!({ "task": "sweep" })).await;
            if let Invoked::Answered(answer) = &swept {
                assert_eq!(answer["over"], true, "{swept:?}");
            }
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
    }

    /// Everything that was recorded, as a home's folder.
    pub async fn home(&self) -> std::path::PathBuf {
        let home = self.folder.path().join("home");
        brought::bring_home(&self.clients(), &self.wiring.state, &self.kept(), &home).await;
        home
    }
}

/// A case that the sweep waits for, until it waits for the sweep or has ended.
pub struct Counted {
    pub ground: Arc<Ground>,
    is_swept: AtomicBool,
    at_work: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Counted {
    /// Waits until it is its turn.
    pub async fn begins(&self) {
        let permit = Arc::clone(&self.ground.at_work).acquire_owned().await.unwrap();
        *self.at_work.lock().unwrap() = Some(permit);
    }

    fn is_busy_no_more(&self) {
        drop(self.at_work.lock().unwrap().take());
        if !self.is_swept.swap(true, Ordering::SeqCst) {
            self.ground.busy.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// Waits until the sweep goes round, where it does not yet.
    pub async fn until_swept(&self) {
        self.is_busy_no_more();
        let mut sweeps = self.ground.sweeps.subscribe();
        let _ = sweeps.wait_for(|sweeps| *sweeps).await;
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.is_busy_no_more();
    }
}

fn rows_of(object: &[u8]) -> Value {
    use std::io::Read;
    let page = recording::decode_page(object).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(page.body).read_to_string(&mut text).unwrap();
    serde_json::from_str(&text).unwrap()
}
