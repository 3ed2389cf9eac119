//! A gateway over the fakes, the scripted Snowflake behind it, and calls as a client makes them.

use std::collections::HashMap;
use std::io::Read;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use domain::{Context, SqlType};
use flate2::bufread::GzDecoder;
use gateway::ports::{Finished, Progress, ResultHead, RowSource, Upstream, UpstreamFailure, UpstreamHandle};
use gateway::{Fault, Gateway, Permit, Ports, Settings};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use masking::AnsweredColumn;
use serde_json::Value;
use tower::ServiceExt;

use crate::fakes::{
    FakeApprovals, FakeCatalogs, FakeClock, FakeExchanges, FakeIdentities, FakeIds, FakeKeys, FakeNotifier,
    FakePolicies, FakeStandings, FakeStore,
};

/// What Snowflake answers to one text.
#[derive(Clone)]
pub enum Answer {
    /// Results, one a statement.
    Results(Vec<Table>),
    /// Nothing yet.
    Runs,
    /// It is wrong: code, SQLSTATE, text.
    Fails(String, String, String),
}

/// One statement's result.
#[derive(Clone)]
pub struct Table {
    pub columns: Vec<AnsweredColumn>,
    pub rows: Vec<Value>,
}

pub fn column(name: &str, sql_type: SqlType, is_nullable: bool) -> AnsweredColumn {
    AnsweredColumn { name: name.to_owned(), sql_type, is_nullable, origin: None }
}

/// Answers by the exact text, and keeps what it was asked.
pub struct FakeUpstream {
    pub script: Mutex<HashMap<String, Answer>>,
    pub asked: Mutex<Vec<gateway::Work>>,
    clock: Arc<FakeClock>,
}

impl FakeUpstream {
    fn progress(&self, handle: UpstreamHandle, wait: Duration) -> Progress {
        match self.script.lock().unwrap().get(&handle.text).cloned() {
            Some(Answer::Results(tables)) => {
                Progress::Done(Finished { parts: tables.iter().map(head).collect(), handle, first: None })
            }
            Some(Answer::Fails(code, sqlstate, message)) => {
                Progress::Failed(UpstreamFailure { code, sqlstate, message, query_id: None })
            }
            Some(Answer::Runs) => {
                self.clock.wait(wait);
                Progress::Running(handle)
            }
            None => Progress::Unknown,
        }
    }
}

fn head(table: &Table) -> ResultHead {
    let rows = u64::try_from(table.rows.len()).unwrap();
    ResultHead {
        query_id: "01b2c3d4-0000-0000-0000-00000000feed".to_owned(),
        columns: table.columns.clone(),
        rows,
        partitions: vec![rows],
    }
}

#[async_trait]
impl Upstream for FakeUpstream {
    async fn start(&self, permit: Permit, wait: Duration) -> Result<Progress, Fault> {
        let work = permit.spend();
        let handle = UpstreamHandle { tier: work.tier, text: work.text.reveal().to_owned() };
        self.asked.lock().unwrap().push(work);
        Ok(self.progress(handle, wait))
    }

    async fn poll(&self, handle: &UpstreamHandle, wait: Duration) -> Result<Progress, Fault> {
        Ok(self.progress(handle.clone(), wait))
    }

    async fn rows(
        &self,
        handle: &UpstreamHandle,
        part: usize,
        _: usize,
    ) -> Result<Box<dyn RowSource>, Fault> {
        let script = self.script.lock().unwrap();
        let Some(Answer::Results(tables)) = script.get(&handle.text) else { panic!("no rows were scripted") };
        // Row by row, so that pages can be cut anywhere.
        let rows = &tables[part].rows;
        let mut slices: Vec<Bytes> = vec![Bytes::from_static(b"[")];
        for (at, row) in rows.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            slices.push(Bytes::from(format!("{comma}{row}")));
        }
        slices.push(Bytes::from_static(b"]"));
        slices.reverse();
        Ok(Box::new(FakeRows(slices)))
    }

    async fn cancel(&self, _: &UpstreamHandle) -> Result<(), Fault> {
        Ok(())
    }
}

struct FakeRows(Vec<Bytes>);

#[async_trait]
impl RowSource for FakeRows {
    async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        Ok(self.0.pop())
    }
}

/// Everything under one roof.
pub struct House {
    pub router: Router,
    pub gateway: Arc<Gateway>,
    pub store: Arc<FakeStore>,
    pub exchanges: Arc<FakeExchanges>,
    pub upstream: Arc<FakeUpstream>,
}

impl House {
    pub fn new() -> Self {
        Self::with(Settings::default())
    }

    pub fn with(settings: Settings) -> Self {
        let clock = Arc::new(FakeClock::new());
        let store = Arc::new(FakeStore::default());
        let exchanges = Arc::new(FakeExchanges::default());
        let upstream = Arc::new(FakeUpstream {
            script: Mutex::default(),
            asked: Mutex::default(),
            clock: Arc::clone(&clock),
        });
        let bundle = policy::Bundle::default_bundle().unwrap();
        let ports = Ports {
            identities: Arc::new(FakeIdentities),
            policies: Arc::new(FakePolicies(Arc::new(bundle))),
            catalogs: Arc::new(FakeCatalogs::new()),
            keys: Arc::new(FakeKeys),
            recorder: Arc::clone(&store) as _,
            recordings: Arc::clone(&store) as _,
            exchanges: Arc::clone(&exchanges) as _,
            evidence: Arc::new(gateway::ports::NoEvidence),
            approvals: Arc::new(FakeApprovals(Arc::clone(&store), Arc::clone(&exchanges))),
            standings: Arc::new(FakeStandings(Arc::clone(&store))),
            accesses: Arc::new(gateway::ports::NoAccesses),
            notifier: Arc::new(FakeNotifier),
            upstream: Arc::clone(&upstream) as _,
            clock,
            ids: Arc::new(FakeIds::default()),
        };
        let name = |text: &str| Some(text.to_owned());
        let default_context = Context {
            role: name("ANALYST"),
            warehouse: name("DEMO_WH"),
            database: name("DEMO"),
            schema: name("PUBLIC"),
        };
        let gateway = Arc::new(Gateway::new(ports, Settings { default_context, ..settings }));
        Self { router: query::routes(Arc::clone(&gateway)), gateway, store, exchanges, upstream }
    }

    pub fn script(&self, text: &str, answer: Answer) {
        self.upstream.script.lock().unwrap().insert(text.to_owned(), answer);
    }

    /// `select id, country from customers`, two rows.
    pub fn with_customers() -> Self {
        let house = Self::new();
        house.script(CUSTOMERS, Answer::Results(vec![customers()]));
        house
    }

    pub async fn send(&self, request: Request<Body>) -> Answered {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Answered {
            status: parts.status,
            headers: parts.headers,
            body: body.collect().await.unwrap().to_bytes(),
        }
    }

    /// Carries on what nobody works on, as a worker does.
    pub async fn work(&self) {
        self.gateway.work(domain::Timestamp::from_micros(i64::MAX)).await.unwrap();
    }

    /// The reasons under which rejections were counted.
    pub fn rejections(&self) -> Vec<&'static str> {
        self.store.rejections.lock().unwrap().clone()
    }
}

pub const CUSTOMERS: &str = "select id, country from customers";

pub fn customers() -> Table {
    Table {
        columns: vec![
            column("ID", SqlType::Fixed { precision: 38, scale: 0 }, false),
            column("COUNTRY", SqlType::Text { length: 16_777_216 }, true),
        ],
        rows: vec![serde_json::json!(["1", "DE"]), serde_json::json!(["2", null])],
    }
}

/// What came back.
pub struct Answered {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answered {
    /// The body as text, inflated where it says that it is gzip.
    pub fn text(&self) -> String {
        let mut text = String::new();
        if self.header("content-encoding") == Some("gzip") {
            GzDecoder::new(self.body.as_ref()).read_to_string(&mut text).unwrap();
        } else {
            text.push_str(std::str::from_utf8(&self.body).unwrap());
        }
        text
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text()).unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// A call with the headers that every client sends; `without` and `with` change them.
pub struct Call {
    method: &'static str,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Call {
    pub fn get(path: impl Into<String>) -> Self {
        let headers =
            [("user-agent", "agent/1.0"), ("accept", "application/json"), ("authorization", "Bearer ana")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Self { method: "GET", path: path.into(), headers, body: Vec::new() }
    }

    pub fn post(path: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        let call = Self { method: "POST", body: body.into(), ..Self::get(path) };
        call.with("content-type", "application/json")
    }

    pub fn ask(statement: &str) -> Self {
        Self::post("/api/v2/statements", serde_json::json!({ "statement": statement }).to_string())
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub fn method(mut self, method: &'static str) -> Self {
        self.method = method;
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(header, _)| header != name);
        self
    }

    pub fn with(self, name: &str, value: &str) -> Self {
        let mut call = self.without(name);
        call.headers.push((name.to_owned(), value.to_owned()));
        call
    }

    pub fn token(self, token: &str) -> Self {
        self.with("authorization", &format!("Bearer {token}"))
    }

    pub fn request(self) -> Request<Body> {
        let mut request = Request::builder().method(self.method).uri(self.path);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        request.body(Body::from(self.body)).unwrap()
    }
}
