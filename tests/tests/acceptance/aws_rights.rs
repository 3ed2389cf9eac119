//! Rights equal ports: every function's part of the gateway over the stores of AWS, each under a name of its own, and whether
//! its role in `infra/rights.yaml` may make every call that it has made, and has use for what it may.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use aws::{
    Accesses, Approvals, By, Clients, Compacted, Evidence, Exchanges, Index, Kept, Keys, Look, Machine,
    People, Policies, Records, Standings, Steps,
};
use domain::{ApprovalId, Handle, Outcome, RequestId, Timestamp, Verdict};
use gateway::ports::{Clock, Recordings};
use gateway::{Gateway, Ports};
use index::Indexer;
use seal::{Answer, Seal};
use serde_json::json;
use work::Work;

use crate::access::REQUEST;
use crate::aws_looks::every_look;
use crate::door::call_with;
use crate::evidence::{HOOKS, PROMPT, router};
use crate::held::{WRITE, deletes, reviewer};
use crate::house::{House, ask, ask_without_waiting, asked, asked_by, collect, customers, in_time, review};
use crate::machine_file;
use crate::moto::{Moto, Spoil};
use crate::pages_door::{demo, with};
use crate::rights::{Names, Rights};
use crate::standing::terms;

/// What a table says that is asked too much.
const THROTTLED: &str =
    r#"{"__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException", "message": ""}"#;

struct Account {
    moto: &'static Moto,
    house: House,
    names: Names,
    key: String,
    /// Of each role, the name that its calls go under.
    callers: BTreeMap<&'static str, String>,
}

/// What a call of `index` may take.
const A_CALL: Duration = Duration::from_secs(30);

const ROLES: [&str; 8] = ["Query", "Work", "Approval", "Evidence", "Seal", "Index", "Sessions", "Authorizer"];

/// Whoever calls AWS for nothing.
const SILENT: [&str; 1] = ["Authorizer"];

impl Account {
    async fn build() -> Option<Self> {
        let moto = Moto::get()?;
        let house = House::with(
            |settings| {
                with(&demo())(settings);
                // Every page lies outside its closing.
                settings.inline = 16;
            },
            &[],
        )
        .await;
        deletes(&house);
        let names = Names {
            state: moto.table().await,
            keys: moto.table().await,
            index: moto.table().await,
            records: moto.bucket("records").await,
            pages: moto.bucket("pages").await,
            kept: moto.topic().await,
            approvals: String::new(),
            unfinished: String::new(),
        };
        let callers = ROLES.map(|role| (role, Moto::unique(&format!("AKID{}", role.to_uppercase()))));
        let mut account = Self { moto, house, names, key: moto.key().await, callers: callers.into() };
        let work: Arc<std::sync::Mutex<Option<Work>>> = Arc::default();
        let working = Arc::clone(&work);
        let function = move |event| {
            let work = working.lock().unwrap().clone().unwrap();
            async move { Ok(serde_json::to_value(work.handle(event).await.map_err(|_| "NotDone")?).unwrap()) }
        };
        account.names.approvals = moto.machine(&machine_file::machine(), function).await;
        let gateway = account.gateway("Work");
        *work.lock().unwrap() = Some(Work::new(gateway, account.machine("Work"), account.house.time.clone()));
        account.push().await;
        Some(account)
    }

    fn clients(&self, role: &str) -> Clients {
        self.moto.clients_of(&self.callers[role])
    }

    fn machine(&self, role: &str) -> Machine {
        Machine::new(&self.clients(role), &self.names.approvals, &self.names.state)
    }

    /// The bundle that decides, put in force by an operator: agents read by it, all but one view, and may ask for that.
    async fn push(&self) {
        let mut files = policy::default_files();
        for bytes in files.values_mut() {
            let text = String::from_utf8(bytes.clone()).unwrap();
            *bytes = text
                .replace("[detectors]\noff = []", "[access]\nlongest = \"12h\"\n\n[detectors]\noff = []")
                .replace(
                    "action == Action::\"read_object\",\n    resource in Database::\"DEMO\"\n)",
                    "action == Action::\"read_object\",\n    resource in Database::\"DEMO\"\n)\n\
                     unless { resource == Table::\"DEMO.PUBLIC.V_CONTACTS\" }",
                )
                .into_bytes();
        }
        let Names { state, records, .. } = &self.names;
        self.moto.push(state, records, &files, self.house.time.clone()).await;
    }

    /// The ports of a function, as its main packs them.
    fn ports(&self, role: &str) -> Ports {
        let Names { state, keys, records, pages, .. } = &self.names;
        let clients = self.clients(role);
        let kept = Records::new(&clients, state, records, pages);
        let exchanges = Arc::new(Exchanges::new(&clients, state, kept.clone(), pages));
        let steps = Steps::new(&clients, state);
        Ports {
            policies: Arc::new(Policies::new(&clients, state, records, People::Two, self.house.time.clone())),
            keys: Arc::new(Keys::new(&clients, &self.key, records, keys)),
            recorder: Arc::new(kept.clone()),
            recordings: Arc::new(kept),
            approvals: Arc::new(Approvals::new(steps.clone(), self.machine(role), exchanges.clone())),
            exchanges,
            standings: Arc::new(Standings::new(steps)),
            accesses: Arc::new(Accesses::new(&clients, state)),
            evidence: Arc::new(Evidence::new(&clients, state, pages)),
            ..self.house.ports()
        }
    }

    fn compacted(&self) -> Compacted {
        let Names { state, records, pages, .. } = &self.names;
        Compacted::new(&self.clients("Seal"), state, records, pages)
    }

    fn seal(&self, clock: Arc<dyn Clock>) -> Seal {
        let clients = self.clients("Seal");
        let index = Index::new(&clients, &self.names.index);
        let kept = Kept::new(&clients, &self.names.kept);
        Seal::new(Arc::new(seal::Account { records: Arc::new(self.compacted()), index, kept }), clock)
    }

    fn gateway(&self, role: &str) -> Gateway {
        Gateway::new(self.ports(role), self.house.settings.clone())
    }

    /// What was told last.
    fn told(&self) -> ApprovalId {
        self.house.bell.rung.lock().unwrap().last().expect("nobody was told").approval
    }

    async fn sweep(&self) {
        self.house.time.turn(Duration::from_secs(20));
        let until = self.house.time_now().after(Duration::from_secs(5));
        in_time(self.gateway("Work").work(until)).await.unwrap();
    }

    /// Asks for what waits, until somebody was told.
    async fn held(&self, query: &Gateway, sql: &str) -> (Handle, ApprovalId) {
        let before = self.house.bell.rung.lock().unwrap().len();
        let reply = ask_without_waiting(query, sql).await;
        assert!(matches!(reply.outcome(), Outcome::Pending(_)), "{sql}: {:?}", reply.outcome());
        for _ in 0..100 {
            if self.house.bell.rung.lock().unwrap().len() > before {
                return (reply.handle(), self.told());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("nobody was told of {sql}");
    }

    async fn collected(&self, query: &Gateway, handle: Handle) {
        for _ in 0..20 {
            let reply = collect(query, "ana", handle).await.unwrap();
            if !matches!(reply.outcome(), Outcome::Pending(_)) {
                return;
            }
            self.sweep().await;
        }
        panic!("it does not end");
    }
}

/// Rows of all that was recorded, as the queue tells of it, as a day is gone through, and of what waits; while S3 turns calls away, refuses,
/// and loses an answer.
async fn rows(account: &Account) {
    let records = &account.names.records;
    let store = Arc::new(account.compacted());
    let seal = account.seal(account.house.time.clone());
    let day = account.house.time_now().day();
    let kept = in_time(store.objects_of(&day, None, 1000)).await.unwrap();
    assert!(kept.len() > 8 && kept.iter().any(|key| key.contains(".evidence-")), "{kept:?}");
    let some = in_time(store.objects_of(&day, Some(&kept[2]), 3)).await.unwrap();
    assert_eq!(some, kept[3..6], "behind that one, and no more than asked for");
    let event = told_of(&kept);
    let busy = "<Error><Code>SlowDown</Code></Error>";
    account.moto.spoil_after(0, &["GET", records, ".closing.json"], u32::MAX, Spoil::Refused(503, busy));
    let closings = kept.iter().filter(|key| key.contains(".closing.")).count();
    assert!(failed(&seal, &event).await >= closings, "whoever could not be read is told again");
    account.moto.unspoil(".closing.json");
    let before = files(account).await.len();
    let denied = "<Error><Code>AccessDenied</Code></Error>";
    account.moto.spoil_after(0, &["PUT", records, "exchanges/"], 1, Spoil::Refused(403, denied));
    assert_eq!(
        (failed(&seal, &event).await, files(account).await.len()),
        (kept.len(), before),
        "nothing half is there"
    );
    account.moto.spoil_after(0, &["PUT", records, "exchanges/"], 1, Spoil::Lost);
    assert_eq!(
        (failed(&seal, &event).await, files(account).await.len()),
        (0, before + 1),
        "it was kept, though nobody was told"
    );
    assert_eq!(
        (failed(&seal, &event).await, files(account).await.len()),
        (0, before + 1),
        "told twice, kept once"
    );

    let waiting = in_time(seal.handle(&json!({ "task": "waiting" }))).await.unwrap();
    assert_eq!(waiting, Answer::Rows { rows: 1, next: None });
    let whole = in_time(seal.handle(&json!({ "task": "day", "day": day }))).await.unwrap();
    assert_eq!(whole, Answer::Rows { rows: kept.len(), next: None });
    for key in files(account).await {
        assert!(key.starts_with(&format!("exchanges/v1/dt={day}/")) && key.ends_with(".parquet"), "{key}");
        let got = account.moto.clients().s3().get_object().bucket(records).key(key).send().await.unwrap();
        let bytes = got.body.collect().await.unwrap().into_bytes();
        assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
    }
}

/// What is longer than anything of ours is none, and is not read.
async fn too_long(account: &Account, store: &Compacted, kept: &[String]) {
    let closing = kept.iter().find(|key| key.contains(".closing.")).unwrap();
    let (key, kind) = recording::RecordKey::parse(closing).unwrap();
    let other = recording::RecordKey {
        exchange: domain::ExchangeId { number: domain::ExchangeNumber::new(9_999).unwrap(), ..key.exchange },
        ..key.clone()
    };
    let clients = account.moto.clients();
    let put = clients
        .s3()
        .put_object()
        .bucket(&account.names.records)
        .key(format!("records/{}", other.object(kind)));
    put.body(vec![b' '; 8 * 1024 * 1024 + 1].into()).send().await.unwrap();
    assert!(in_time(store.read(&key, kind)).await.unwrap().is_some());
    let fault = in_time(store.read(&other, kind)).await.unwrap_err();
    assert_eq!(fault.retry, gateway::Retry::Never);
}

/// How many messages are to be told again.
async fn failed(seal: &Seal, event: &serde_json::Value) -> usize {
    match in_time(seal.handle(event)).await.unwrap() {
        Answer::Messages { batch_item_failures } => batch_item_failures.len(),
        Answer::Rows { .. } | Answer::Missed { .. } => panic!("it was told by messages"),
    }
}

/// The index of all that was recorded, while its table turns writes away; and what nobody was told of before and after.
async fn indexed(account: &Account) {
    let Names { state, records, pages, index, .. } = &account.names;
    let clients = account.clients("Index");
    let records = Arc::new(Compacted::new(&clients, state, records, pages));
    let store = index::Account { records, index: Index::new(&clients, index) };
    let keep = Duration::from_secs(90 * 24 * 60 * 60);
    let indexer = Indexer::new(Arc::new(store), account.house.time.clone(), keep);

    let day = account.house.time_now().day();
    let compacted = account.compacted();
    let kept = in_time(compacted.objects_of(&day, None, 1000)).await.unwrap();
    let (late, closings): (Vec<&String>, Vec<&String>) =
        kept.iter().partition(|key| key.contains(".evidence-"));
    assert_eq!(missed(account, &day).await, (kept.len(), closings.len()), "its closing brings all of it");

    let event = told_of(&kept);
    account.moto.spoil_after(0, &[index, "PutItem", "agent#"], u32::MAX, Spoil::Refused(400, THROTTLED));
    let (answer, _) = in_time(indexer.handle(&event, A_CALL)).await.unwrap();
    assert_eq!(answer.batch_item_failures.len(), kept.len());
    account.moto.unspoil("agent#");
    for _ in 0..2 {
        let (answer, measured) = in_time(indexer.handle(&event, A_CALL)).await.unwrap();
        assert_eq!((answer.batch_item_failures.len(), measured.lags_ms.len()), (0, closings.len()));
    }
    assert!(!late.is_empty());
    let known = Index::new(&account.moto.clients(), index);
    let now = account.house.time_now();
    assert_eq!(
        in_time(known.whole_since(now)).await.unwrap(),
        now.before(keep),
        "nothing was recorded before"
    );
    assert_eq!(missed(account, &day).await, (kept.len(), 0));

    let asked = Index::new(&account.moto.clients(), index);
    let all = Look { from: None, until: None, newest_first: true, limit: 1000, after: None };
    let month = day.get(..7).unwrap().to_owned();
    let person = By::Person("ANA@acme.example".to_owned(), month.clone());
    let found = in_time(asked.query(&person, &all)).await.unwrap();
    assert_eq!((found.rows.len(), found.unreadable), (closings.len(), 0), "all of it was hers");
    let opened: Vec<_> = found.rows.iter().map(|row| row.opened).collect();
    assert!(opened.is_sorted_by(|newer, older| newer >= older));
    for (by, expected) in [
        (By::Table("DEMO.PUBLIC.CUSTOMERS".to_owned(), month.clone()), "rows"),
        (By::Held(day.clone()), "rows"),
        (By::Refused(day.clone()), "refused"),
    ] {
        let found = in_time(asked.query(&by, &all)).await.unwrap();
        assert!(found.rows.iter().any(|row| row.outcome == expected), "{by:?}: {found:?}");
        assert!(found.rows.len() < closings.len(), "{by:?}");
    }
    too_long(account, &compacted, &kept).await;
}

/// How much lies on a day, and of how much nobody was told, when all of it has had its time to be told of.
async fn missed(account: &Account, day: &str) -> (usize, usize) {
    struct Later;

    impl Clock for Later {
        fn now(&self) -> Timestamp {
            Timestamp::from_micros(i64::MAX / 2)
        }
    }

    let seal = account.seal(Arc::new(Later));
    match in_time(seal.handle(&json!({ "task": "missed", "day": day }))).await.unwrap() {
        Answer::Missed { kept, missed, .. } => (kept, missed),
        Answer::Rows { .. } | Answer::Messages { .. } => panic!("a day was to be looked through"),
    }
}

/// What S3 tells of these.
fn told_of(keys: &[String]) -> serde_json::Value {
    let told = |key: &String| {
        let object = json!({ "object": { "key": format!("records/{key}").replace('=', "%3D") } });
        let body = json!({ "Records": [{ "eventName": "ObjectCreated:Put", "s3": object }] }).to_string();
        json!({ "messageId": key, "body": body, "eventSource": "aws:sqs" })
    };
    json!({ "Records": keys.iter().map(told).collect::<Vec<_>>() })
}

/// The files of rows.
async fn files(account: &Account) -> Vec<String> {
    let clients = account.moto.clients();
    let list = clients.s3().list_objects_v2().bucket(&account.names.records).prefix("exchanges/");
    let objects = list.send().await.unwrap().contents.unwrap_or_default();
    objects.into_iter().map(|object| object.key.unwrap()).collect()
}

/// What the test below does not come to, and who does.
const ELSEWHERE: [(&str, &str); 17] = [
    ("Approval: BatchGetItem GetItem Query accesses", "whoever ends leave to read"),
    ("Approval: BatchGetItem GetItem Query principal#*", "the page, which shows what its agent asked before"),
    ("Evidence: BatchGetItem GetItem Query revoked#*", "an agent that declares its prompt itself"),
    ("Evidence: BatchGetItem GetItem Query uses#*", "a late prompt of a call that named no tool use"),
    ("Evidence: DeleteItem channel#*", "a channel that is full"),
    ("Evidence: DeleteItem sighting#*", "the same"),
    ("Evidence: UpdateItem rejected#*", "whoever has no credential"),
    (
        "Query: BatchGetItem GetItem Query accesses",
        "a request that grants what was agreed to within its hold",
    ),
    ("Query: PutItem access#*", "the same"),
    ("Query: PutItem accesses", "the same"),
    ("Query: DeleteItem access#*", "the same"),
    ("Query: DeleteItem accesses", "the same"),
    ("Query: BatchGetItem GetItem Query uses#*", "a call that named no tool use"),
    ("Work: BatchGetItem GetItem Query sighting#*", "evidence that comes while its statement waits"),
    ("Work: BatchGetItem GetItem Query uses#*", "the same"),
    ("Work: DeleteItem access#*", "leave to read that is over"),
    ("Work: DeleteItem accesses", "the same"),
];

#[test]
fn every_function_may_make_the_calls_that_it_makes() {
    // All that it awaits, one in another, is too much for the stack that a test has without optimisation.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let all = move || runtime.block_on(Box::pin(every_call()));
    std::thread::Builder::new().stack_size(16 << 20).spawn(all).unwrap().join().unwrap();
}

async fn every_call() {
    let Some(account) = Account::build().await else { return };
    let query = account.gateway("Query");
    customers::answer(&account.house.snow, &[3]);

    // What is read, under a request id, again, by nobody, and refused.
    let reply = ask(&query, customers::SQL).await.unwrap();
    assert!(matches!(reply.outcome(), Outcome::Rows { .. }), "{:?}", reply.outcome());
    account.collected(&query, reply.handle()).await;
    let mut once = asked(customers::SQL);
    once.request = Some("6f1e0c1e-1111-4222-8333-944455566677".parse::<RequestId>().unwrap());
    for _ in 0..2 {
        let reply = in_time(query.ask(once.clone(), query.settings().hold)).await.unwrap();
        assert!(matches!(reply.outcome(), Outcome::Rows { .. }), "{:?}", reply.outcome());
    }
    assert!(in_time(query.ask(asked_by("NOBODY", customers::SQL), Duration::ZERO)).await.is_err());
    assert!(matches!(ask(&query, "drop table customers").await.unwrap().outcome(), Outcome::Refused(_)));
    // One whose opening is not kept gives back what it has claimed, its request id too.
    let refused = r#"{"__type": "com.amazonaws.dynamodb.v20120810#ValidationException", "message": ""}"#;
    let opens = [account.names.state.as_str(), "opening#", ".PutItem"];
    account.moto.spoil_after(0, &opens, 1, Spoil::Refused(400, refused));
    once.request = Some("6f1e0c1e-1111-4222-8333-944455566688".parse::<RequestId>().unwrap());
    assert!(in_time(query.ask(once, query.settings().hold)).await.is_err());

    // What people really typed, before and after, by hooks and in long.
    let (doors, ears) = (router(query.clone()), router(account.gateway("Evidence")));
    let hook = |body: serde_json::Value| {
        let ears = ears.clone();
        async move {
            let body = body.to_string();
            let took =
                call_with(&ears, HOOKS, "POST", "/v1/hooks/claude-code", Some(body.as_bytes()), &[]).await;
            assert!(took.status.is_success(), "{}", took.text());
        }
    };
    let prompt = |prompt: &str| json!({ "session_id": "s-1", "prompt_id": "p-1", "hook_event_name": "UserPromptSubmit", "prompt": prompt });
    let tool_use = |id: &str| {
        json!({ "session_id": "s-1", "prompt_id": "p-1", "hook_event_name": "PreToolUse", "tool_use_id": id,
            "tool_name": "mcp__snowgate__run_sql", "tool_input": { "statement": customers::SQL } })
    };
    let run = async |id: &str| {
        let params = json!({ "name": "run_sql", "arguments": { "statement": customers::SQL },
            "_meta": { "claudecode/toolUseId": id } });
        let message =
            json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }).to_string();
        let headers = [("mcp-protocol-version", "2025-11-25"), ("host", "127.0.0.1:8181")];
        let told = call_with(&doors, "ana", "POST", "/mcp", Some(message.as_bytes()), &headers).await;
        assert_eq!(told.status, 200, "{}", told.text());
    };
    hook(prompt(PROMPT)).await;
    hook(tool_use("toolu_01")).await;
    run("toolu_01").await;
    run("toolu_02").await;
    hook(tool_use("toolu_02")).await;
    let long: String = (0..350_000)
        .map(|n: u32| char::from(b'a' + u8::try_from(n.wrapping_mul(2_654_435_761) >> 28).unwrap()))
        .collect();
    hook(prompt(&long)).await;

    // A write waits, is looked at, approved for later ones, too, and runs; the next one goes by that.
    let ports = account.ports("Approval");
    let page = review(&ports);
    let (handle, id) = account.held(&query, WRITE).await;
    let rosa = reviewer("rosa@acme.example");
    in_time(page.show(id, &rosa)).await.unwrap();
    let stands = terms(&account.house, 5, 10, &[]);
    in_time(page.approve_standing(id, &rosa, &stands, Some("for the week"))).await.unwrap();
    account.collected(&query, handle).await;
    let by_that = ask_without_waiting(&query, WRITE).await.handle();
    account.collected(&query, by_that).await;
    in_time(page.end_standing(id, &rosa, None)).await.unwrap();

    // Another waits, and is cancelled; leave to read is asked for, granted, used.
    let (handle, _) = account.held(&query, "delete from customers where id = 2").await;
    let token = domain::Credential::new("ana".to_owned());
    in_time(query.cancel(domain::Door::SqlApi, &token, handle)).await.unwrap();
    account.collected(&query, handle).await;
    let (handle, id) = account.held(&query, REQUEST).await;
    in_time(page.decide(id, &rosa, Verdict::Approve, None)).await.unwrap();
    account.collected(&query, handle).await;
    let granted = ask(&query, "select count(*) from v_contacts").await.unwrap();
    assert!(!matches!(granted.outcome(), Outcome::Refused(_)), "{:?}", granted.outcome());

    in_time(page.end_access(id, &rosa, None)).await.unwrap();

    // One more waits, when rows are made of all of it.
    account.held(&query, "delete from customers where id = 7").await;
    rows(&account).await;
    indexed(&account).await;
    let now = account.house.time_now();
    every_look(&account.clients("Sessions"), &account.names, account.ports("Sessions"), now).await;

    let rights = Rights::read();
    let (mut missing, mut unused) = (Vec::new(), BTreeMap::new());
    for role in ROLES {
        let calls = account.moto.calls_by(&[account.callers[role].clone()]);
        if SILENT.contains(&role) {
            assert!(calls.is_empty(), "{role}: {calls:?}");
            assert!(rights.writes_its_log_alone(role), "{role} may what it never does");
            continue;
        }
        assert!(calls.len() > 20, "{role}: {}", calls.len());
        missing.extend(rights.missing(role, &account.names, &calls));
        unused.insert(role, rights.unused(role, &account.names, &calls));
    }
    assert!(missing.is_empty(), "{missing:#?}");
    let unused: BTreeSet<String> = unused
        .into_iter()
        .flat_map(|(role, lines)| lines.into_iter().map(move |line| format!("{role}: {line}")))
        .collect();
    let elsewhere = ELSEWHERE.iter().map(|(right, _)| (*right).to_owned()).collect();
    assert_eq!(unused, elsewhere, "what nobody uses, and what others are said to use");
}
