//! The SQL API door over the embedded warehouse, and a count of what reaches the warehouse.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use domain::{Agent, Catalog, Context, Credential, Identity, Person, Timestamp};
use gateway::ports::{
    Catalogs, Identities, NotAccepted, Policies, Progress, RowSource, Upstream, UpstreamHandle,
};
use gateway::{Fault, Gateway, Permit, Ports, Settings};
use http::{HeaderMap, Request};
use local::{Home, RandomIds, SystemClock, Terminal};
use policy::Bundle;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;
use warehouse::{Ask, State, Warehouse};

use crate::corpus::Trial;

/// Nothing here takes longer, or it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Any token is the name of an agent of group `agents`.
struct Badges;

#[async_trait]
impl Identities for Badges {
    async fn verify(&self, credential: &Credential, _: Timestamp) -> Result<Identity, NotAccepted> {
        Ok(Identity {
            issuer: "https://issuer.example".to_owned(),
            subject: credential.reveal().to_owned(),
            agent: Agent::new(credential.reveal()),
            person: Some(Person::new("ana@example.com")),
            groups: BTreeSet::from(["agents".to_owned()]),
            scopes: BTreeSet::new(),
            token_id: None,
            expires_at: Timestamp::from_micros(i64::MAX),
        })
    }
}

struct BuiltIn(Arc<Bundle>);

#[async_trait]
impl Policies for BuiltIn {
    async fn bundle(&self) -> Result<Arc<Bundle>, Fault> {
        Ok(Arc::clone(&self.0))
    }
}

/// The warehouse, and how many statements or batches were started in it.
struct Watched {
    warehouse: Arc<Warehouse>,
    started: AtomicUsize,
}

#[async_trait]
impl Upstream for Watched {
    async fn start(&self, permit: Permit, wait: Duration) -> Result<Progress, Fault> {
        self.started.fetch_add(1, Ordering::SeqCst);
        self.warehouse.start(permit, wait).await
    }

    async fn poll(&self, handle: &UpstreamHandle, wait: Duration) -> Result<Progress, Fault> {
        self.warehouse.poll(handle, wait).await
    }

    async fn rows(
        &self,
        handle: &UpstreamHandle,
        part: usize,
        partition: usize,
    ) -> Result<Box<dyn RowSource>, Fault> {
        self.warehouse.rows(handle, part, partition).await
    }

    async fn cancel(&self, handle: &UpstreamHandle) -> Result<(), Fault> {
        Upstream::cancel(self.warehouse.as_ref(), handle).await
    }
}

/// Everything under one roof.
pub struct House {
    router: Router,
    warehouse: Arc<Warehouse>,
    watched: Arc<Watched>,
    agents: AtomicUsize,
    folder: TempDir,
}

impl House {
    pub async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Arc::new(Home::open(&folder.path().join("home")).unwrap());
        let warehouse = Arc::new(Warehouse::open(0.001).await.unwrap());
        let watched = Arc::new(Watched { warehouse: Arc::clone(&warehouse), started: AtomicUsize::new(0) });
        let ports = Ports {
            identities: Arc::new(Badges),
            policies: Arc::new(BuiltIn(Arc::new(Bundle::default_bundle().unwrap()))),
            catalogs: Arc::clone(&warehouse) as _,
            keys: Arc::clone(&home) as _,
            recorder: Arc::clone(&home) as _,
            recordings: Arc::clone(&home) as _,
            exchanges: Arc::clone(&home) as _,
            notifier: Arc::new(Terminal::new(home.path(), Box::new(std::io::sink()))),
            standings: home.clone(),
            accesses: home.clone(),
            evidence: home.clone(),
            approvals: home,
            upstream: Arc::clone(&watched) as _,
            clock: Arc::new(SystemClock),
            ids: Arc::new(RandomIds),
        };
        let name = |name: &str| Some(name.to_owned());
        let default_context = Context {
            role: name("ANALYST"),
            warehouse: name("DEMO_WH"),
            database: name("DEMO"),
            schema: name("PUBLIC"),
        };
        let gateway = Gateway::new(ports, Settings { default_context, ..Settings::default() });
        Self {
            router: query::routes(Arc::new(gateway)),
            warehouse,
            watched,
            agents: AtomicUsize::new(0),
            folder,
        }
    }

    /// How many statements or batches have reached the warehouse by way of the gateway.
    pub fn started(&self) -> usize {
        self.watched.started.load(Ordering::SeqCst)
    }

    /// Asks as an agent that has asked nothing before, so that no budget of an earlier one counts. Of a batch, the
    /// answer of its last statement.
    pub async fn ask(&self, trial: &Trial) -> Answered {
        let agent = format!("agent-{}", self.agents.fetch_add(1, Ordering::SeqCst));
        let body = json!({"statement": trial.sql, "parameters": {"MULTI_STATEMENT_COUNT": "0"}});
        let whole = self.call(&agent, "POST", "/api/v2/statements", Some(&body)).await;
        let last = whole.body["statementHandles"].as_array().and_then(|handles| handles.last()?.as_str());
        match last {
            Some(last) => self.call(&agent, "GET", &format!("/api/v2/statements/{last}"), None).await,
            None => whole,
        }
    }

    /// Asks the MCP door as an agent that has asked nothing before: one statement alone, of whose result it answers as many
    /// rows as it ever does at once. Handles are left out, as they are of [`Answered::texts`].
    pub async fn ask_by_mcp(&self, trial: &Trial) -> (String, Answered) {
        let agent = format!("agent-{}", self.agents.fetch_add(1, Ordering::SeqCst));
        let call = json!({
            "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": { "name": "run_sql", "arguments": { "statement": trial.sql, "max_rows": 1000 } },
        });
        let whole = self.call(&agent, "POST", "/mcp", Some(&call)).await;
        assert_eq!(whole.status, 200, "{trial}: {}", whole.body);
        let mut told = whole.body["result"]["structuredContent"].clone();
        let members = told.as_object_mut().unwrap();
        members.remove("handle");
        members.remove("exchange");
        let status = told["status"].as_str().unwrap().to_owned();
        (status, Answered { body: told, ..whole })
    }

    /// All pages of one statement's result, as they leave.
    pub async fn whole(&self, sql: &str) -> Vec<Page> {
        let agent = format!("agent-{}", self.agents.fetch_add(1, Ordering::SeqCst));
        let (status, _, first) =
            self.send(&agent, "POST", "/api/v2/statements", Some(&json!({ "statement": sql }))).await;
        assert_eq!(status, 200, "{sql}: {first}");
        let answer: Value = serde_json::from_str(&first).unwrap();
        let pages = answer["resultSetMetaData"]["partitionInfo"].as_array().unwrap().len();
        let handle = answer["statementHandle"].as_str().unwrap();
        let mut texts = vec![first.clone()];
        for page in 1..pages {
            let path = format!("/api/v2/statements/{handle}?partition={page}");
            let (status, _, text) = self.send(&agent, "GET", &path, None).await;
            assert_eq!(status, 200, "{sql}");
            texts.push(text);
        }
        let read = |text: String| {
            let page: Value = serde_json::from_str(&text).unwrap();
            Page { rows: serde_json::from_value(page["data"].clone()).unwrap(), text }
        };
        texts.into_iter().map(read).collect()
    }

    /// Where everything is kept.
    pub fn home(&self) -> &Path {
        self.folder.path()
    }

    /// The catalog of these schemas.
    pub async fn catalog(&self, schemas: &BTreeSet<(String, String)>) -> Arc<Catalog> {
        Catalogs::snapshot(self.warehouse.as_ref(), schemas).await.unwrap()
    }

    async fn call(&self, agent: &str, method: &str, path: &str, body: Option<&Value>) -> Answered {
        let (status, headers, text) = self.send(agent, method, path, body).await;
        Answered { status, headers, body: serde_json::from_str(&text).unwrap() }
    }

    /// Status, headers and the body's text, inflated.
    async fn send(
        &self,
        agent: &str,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> (u16, HeaderMap, String) {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("user-agent", "agent/1.0")
            .header("accept", "application/json")
            .header("authorization", format!("Bearer {agent}"));
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let answering = self.router.clone().oneshot(request.body(body).unwrap());
        let response = tokio::time::timeout(PATIENCE, answering).await.expect("it hangs").unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, 64 << 20).await.unwrap();
        let mut text = String::new();
        if bytes.starts_with(&[0x1f, 0x8b]) {
            flate2::read::GzDecoder::new(bytes.as_ref()).read_to_string(&mut text).unwrap();
        } else {
            text.push_str(std::str::from_utf8(&bytes).unwrap());
        }
        (parts.status.as_u16(), parts.headers, text)
    }

    /// The rows that the warehouse answers by itself, of a batch those of its last statement; none when it fails.
    pub async fn truth(&self, sql: &str) -> Option<Vec<Vec<Value>>> {
        let mut id = self.warehouse.submit(Ask { statement_count: 0, ..Ask::new(sql) }).await;
        let State::Done(mut done) = self.warehouse.state(&id, PATIENCE).await else { return None };
        if let Some(last) = done.children.last().copied() {
            id = last;
            let State::Done(of_last) = self.warehouse.state(&id, PATIENCE).await else { return None };
            done = of_last;
        }
        let mut rows = Vec::new();
        for partition in 0..done.head.partitions.len() {
            let slices = self.warehouse.partition(&id, partition)?;
            let text: Vec<u8> = slices.flat_map(|slice| slice.unwrap().to_vec()).collect();
            rows.extend(serde_json::from_slice::<Vec<Vec<Value>>>(&text).unwrap());
        }
        Some(rows)
    }
}

/// One page of a result.
pub struct Page {
    /// The body.
    pub text: String,
    pub rows: Vec<Vec<Value>>,
}

/// What came back.
pub struct Answered {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answered {
    pub fn code(&self) -> String {
        self.body["code"].as_str().unwrap_or_default().to_owned()
    }

    pub fn message(&self) -> String {
        format!("{} {}: {}", self.status, self.code(), self.body["message"].as_str().unwrap_or_default())
    }

    pub fn waits_for_a_person(&self) -> bool {
        self.headers.contains_key("x-snowgate-waits-for")
    }

    pub fn rows(&self) -> Vec<Vec<Value>> {
        serde_json::from_value(self.body["data"].clone()).unwrap_or_default()
    }

    /// How many columns the answer has.
    pub fn columns(&self) -> usize {
        self.body["resultSetMetaData"]["rowType"].as_array().map_or(0, Vec::len)
    }

    /// Counted from 1; the header says `2,5-7`.
    pub fn masked_columns(&self) -> Vec<usize> {
        let said = self.headers.get("x-snowgate-masked-columns").map_or("", |said| said.to_str().unwrap());
        let mut ordinals = Vec::new();
        for part in said.split(',').filter(|part| !part.is_empty()) {
            let (from, to) = part.split_once('-').unwrap_or((part, part));
            ordinals.extend(from.parse::<usize>().unwrap()..=to.parse::<usize>().unwrap());
        }
        ordinals
    }

    /// Every text of the answer but handles and addresses, which are random.
    pub fn texts(&self) -> Vec<String> {
        let mut texts = Vec::new();
        let members: BTreeMap<String, Value> = serde_json::from_value(self.body.clone()).unwrap();
        for (name, member) in &members {
            let is_random = ["statementHandle", "statementHandles", "statementStatusUrl", "createdOn"];
            if !is_random.contains(&name.as_str()) {
                collect(member, &mut texts);
            }
        }
        texts
    }
}

fn collect(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::Null | Value::Bool(_) => {}
        Value::Number(number) => texts.push(number.to_string()),
        Value::String(text) => texts.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| collect(value, texts)),
        Value::Object(members) => {
            for (name, value) in members {
                texts.push(name.clone());
                collect(value, texts);
            }
        }
    }
}
