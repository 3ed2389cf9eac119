//! AWS as moto plays it, one for all tests of this process, behind a front of ours that answers for the functions which its
//! state machines call, and that can spoil what comes back.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use aws::{Caller, Clients, People, Pushes};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::SdkConfig;
use aws_types::region::Region;
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::response::Response;
use gateway::ports::Clock;
use serde_json::{Value, json};

use crate::children::{Running, is_here};

/// The repository, from wherever in it a test is built.
fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.ancestors().find(|folder| folder.join("Cargo.lock").exists()).unwrap().to_owned()
}

/// What a function answers, or the type of the error that it ends with.
pub type Answered = Result<Value, &'static str>;

type Function = Arc<dyn Fn(Value) -> Pin<Box<dyn Future<Output = Answered> + Send>> + Send + Sync>;

/// Where the account of the tests is.
const REGION: &str = "us-east-1";

/// Of answers to requests that hold these texts, in their first line, their headers or their bodies, so many are spoilt, but for
/// the first few.
struct Spoilt {
    holding: Vec<String>,
    passing: u32,
    times: u32,
    how: Spoil,
}

/// How an answer is spoilt.
#[derive(Clone)]
pub enum Spoil {
    /// What was asked is done, and the answer is lost: the caller gets a server's error.
    Lost,
    /// One text of it is another.
    Says(&'static str, &'static str),
    /// Nothing is done, and the caller gets this status and body.
    Refused(u16, &'static str),
    /// Nothing is done, and the caller waits in vain.
    Silent,
    /// What was asked is done, and the caller waits in vain for the answer.
    SilentlyDone,
}

/// Stands between one caller and AWS.
pub trait Between: Send + Sync {
    /// Answers a call of that caller's, having it done or not.
    fn pass<'a>(&'a self, call: &'a Passing) -> Pin<Box<dyn Future<Output = Response> + Send + 'a>>;
}

/// A call on its way.
pub struct Passing {
    front: Arc<Front>,
    parts: Parts,
    pub body: Bytes,
}

impl Passing {
    pub fn method(&self) -> &str {
        self.parts.method.as_str()
    }

    /// Path and query.
    pub fn path(&self) -> &str {
        self.parts.uri.path_and_query().unwrap().as_str()
    }

    /// That header; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// `x-amz-target`; empty for services that have none.
    pub fn target(&self) -> &str {
        self.header("x-amz-target")
    }

    /// The id of the access key that it was signed with.
    fn by(&self) -> &str {
        let signed = self.header("authorization").split_once("Credential=");
        signed.and_then(|(_, of)| of.split('/').next()).unwrap_or_default()
    }

    /// Has it done, and tells what is answered.
    pub async fn done(&self) -> Response {
        let Self { front, parts, body } = self;
        let is_write = self.method() == "PUT"
            || ["PutItem", "UpdateItem", "DeleteItem"].iter().any(|write| self.target().ends_with(write));
        let url = format!("{}{}", front.back, self.path());
        let mut forward = front.http.request(parts.method.clone(), url).body(body.clone());
        for (name, value) in &parts.headers {
            if !["host", "content-length", "connection"].contains(&name.as_str()) {
                forward = forward.header(name, value);
            }
        }
        let (answered, bytes) = {
            let _alone = if is_write { Some(front.writing.lock().await) } else { None };
            let mut answered = forward.send().await.unwrap();
            let mut bytes = Vec::new();
            while let Some(more) = answered.chunk().await.unwrap() {
                bytes.extend_from_slice(&more);
            }
            (answered, bytes)
        };
        let mut response = Response::builder().status(answered.status().as_u16());
        for (name, value) in answered.headers() {
            if !["content-length", "connection", "transfer-encoding"].contains(&name.as_str()) {
                response = response.header(name, value);
            }
        }
        response.body(Body::from(bytes)).unwrap()
    }
}

#[derive(Default)]
struct Front {
    back: String,
    http: reqwest::Client,
    functions: Mutex<BTreeMap<String, Function>>,
    spoilt: Mutex<Vec<Spoilt>>,
    /// Every call that came, as its first line and `x-amz-target`.
    calls: Mutex<Vec<String>>,
    /// Every call of somebody who is known by a name.
    named: Mutex<Vec<Call>>,
    /// Who stands before whose calls; those are kept nowhere else.
    between: Mutex<BTreeMap<String, Arc<dyn Between>>>,
    /// Moto looks whether a write's condition holds and writes afterwards, with nothing between that would keep another write
    /// out: so they go one after the other.
    writing: tokio::sync::Mutex<()>,
}

/// A call, and who has made it.
#[derive(Clone, Debug)]
pub struct Call {
    /// The id of the access key that it was signed with.
    pub by: String,
    pub method: String,
    /// Path and query.
    pub path: String,
    /// `x-amz-target`; empty for services that have none.
    pub target: String,
    pub body: String,
}

/// Whose calls are nobody's in particular.
const ANYBODY: &str = "AKIDEXAMPLE";

/// A running moto, and its front.
pub struct Moto {
    front: Arc<Front>,
    url: String,
    _running: Mutex<Running>,
}

impl Moto {
    /// The one of this process; none, said loudly, where there is no Python.
    pub fn get() -> Option<&'static Self> {
        static MOTO: OnceLock<Option<Moto>> = OnceLock::new();
        MOTO.get_or_init(Self::start).as_ref()
    }

    fn start() -> Option<Self> {
        if !is_here("python3") {
            // Written past the test harness, which would swallow it.
            let skipped = b"!! SKIPPED: no `python3`, so nothing was tried against AWS\n";
            std::io::stderr().write_all(skipped).unwrap();
            return None;
        }
        let python = root().join(".tools/python/bin/python");
        let has_moto =
            Command::new(&python).args(["-c", "import moto.server"]).stderr(Stdio::null()).status();
        assert!(has_moto.is_ok_and(|status| status.success()), "moto is missing: run `make tools`");

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let front_port = listener.local_addr().unwrap().port();
        let mut command = Command::new(python);
        command.arg(root().join("tests/moto/server.py")).arg(front_port.to_string());
        let running = Running::start(command.stderr(Stdio::null()));
        let port = running.wait_for("ready ");

        let front = Arc::new(Front {
            back: format!("http://127.0.0.1:{port}"),
            http: reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap(),
            ..Front::default()
        });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&front));
        // On a thread of its own: it outlives the runtime of whichever test came first.
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async {
                listener.set_nonblocking(true).unwrap();
                axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), router).await.unwrap();
            });
        });
        Some(Self { front, url: format!("http://127.0.0.1:{front_port}"), _running: Mutex::new(running) })
    }

    /// Where it is called.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A name that nobody else has.
    pub fn unique(what: &str) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        format!("{what}-{}", NEXT.fetch_add(1, Ordering::SeqCst))
    }

    pub fn config(&self) -> SdkConfig {
        config_for(&self.url)
    }

    pub fn clients(&self) -> Clients {
        Clients::new(&self.config())
    }

    /// Clients whose calls are kept under that name: [`Moto::calls_by`].
    pub fn clients_of(&self, name: &str) -> Clients {
        Clients::new(&config_of(&self.url, name))
    }

    /// The calls of these, since they were asked for last.
    pub fn calls_by(&self, names: &[String]) -> Vec<Call> {
        let mut calls = self.front.named.lock().unwrap();
        let (found, others) = calls.drain(..).partition(|call| names.contains(&call.by));
        *calls = others;
        found
    }

    /// Has that one stand before every call of a caller's, by the name that [`Moto::clients_of`] takes; none: nobody any more.
    pub fn stand_between(&self, name: &str, between: Option<Arc<dyn Between>>) {
        let mut standing = self.front.between.lock().unwrap();
        match between {
            Some(between) => standing.insert(name.to_owned(), between),
            None => standing.remove(name),
        };
    }

    /// Makes something under a name of its own, again where a busy machine has let its time run out.
    async fn make<T, E: std::fmt::Debug, A>(&self, what: &str, make: impl Fn(String) -> A) -> (String, T)
    where
        A: Future<Output = Result<T, E>>,
    {
        let mut tries = 0;
        loop {
            let name = Self::unique(what);
            match make(name.clone()).await {
                Ok(made) => return (name, made),
                Err(error) if tries >= 10 => panic!("{what}: {error:?}"),
                Err(_) => tries += 1,
            }
        }
    }

    /// An empty table, as the deployment makes it.
    pub async fn table(&self) -> String {
        use aws_sdk_dynamodb::types::{
            AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
            ProjectionType, ScalarAttributeType,
        };
        let typed = |name: &str, kind| {
            AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().unwrap()
        };
        let attribute = |name: &str| typed(name, ScalarAttributeType::S);
        let key = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
        let attention = GlobalSecondaryIndex::builder()
            .index_name("attention")
            .key_schema(key("due_in", KeyType::Hash).unwrap())
            .key_schema(key("due_us", KeyType::Range).unwrap())
            .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
            .build()
            .unwrap();
        let clients = self.clients();
        let create = |name: String| {
            let create = clients.dynamodb().create_table().table_name(name);
            create
                .billing_mode(BillingMode::PayPerRequest)
                .attribute_definitions(attribute("pk"))
                .attribute_definitions(attribute("sk"))
                .attribute_definitions(attribute("due_in"))
                .attribute_definitions(typed("due_us", ScalarAttributeType::N))
                .global_secondary_indexes(attention.clone())
                .key_schema(key("pk", KeyType::Hash).unwrap())
                .key_schema(key("sk", KeyType::Range).unwrap())
                .send()
        };
        self.make("approvals", create).await.0
    }

    /// A state machine of that definition, with `${WorkFunction}` for the function that does its tasks; its ARN.
    pub async fn machine<F, A>(&self, definition: &Value, function: F) -> String
    where
        F: Fn(Value) -> A + Send + Sync + 'static,
        A: Future<Output = Answered> + Send + 'static,
    {
        let name = Self::unique("work");
        let function: Function = Arc::new(move |event| Box::pin(function(event)));
        self.front.functions.lock().unwrap().insert(name.clone(), function);
        let definition = definition.to_string().replace("${WorkFunction}", &name);
        // Reading a definition takes moto longer than our clients wait for anything.
        let wanted = json!({
            "name": Self::unique("machine"), "definition": definition, "roleArn": "arn:aws:iam::123456789012:role/approvals",
        });
        let made = self.call("states", "AWSStepFunctions.CreateStateMachine", &wanted).await;
        made["stateMachineArn"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
    }

    /// An empty bucket with locks.
    pub async fn bucket(&self, what: &str) -> String {
        let clients = self.clients();
        let create =
            |name| clients.s3().create_bucket().bucket(name).object_lock_enabled_for_bucket(true).send();
        self.make(what, create).await.0
    }

    /// A topic that nobody hangs on; its ARN.
    pub async fn topic(&self) -> String {
        let clients = self.clients();
        let (_, created) = self.make("topic", |name| clients.sns().create_topic().name(name).send()).await;
        created.topic_arn.unwrap()
    }

    /// A queue that hangs on that topic, and is told as the topic was told; its address.
    pub async fn queue_of(&self, topic: &str) -> String {
        let name = Self::unique("queue");
        let queue = self.sqs("CreateQueue", json!({ "QueueName": name })).await;
        let clients = self.clients();
        let subscribe = clients.sns().subscribe().topic_arn(topic).protocol("sqs");
        let subscribe = subscribe.endpoint(format!("arn:aws:sqs:{REGION}:123456789012:{name}"));
        subscribe.attributes("RawMessageDelivery", "true").send().await.unwrap();
        queue["QueueUrl"].as_str().unwrap().to_owned()
    }

    /// Has a bucket tell that topic of records, as `infra/state.yaml` has it.
    pub async fn tell_of_records(&self, bucket: &str, topic: &str) {
        let told = format!(
            "<NotificationConfiguration><TopicConfiguration><Id>kept</Id><Topic>{topic}</Topic><Event>s3:ObjectCreated:*</Event>\
             <Filter><S3Key><FilterRule><Name>prefix</Name><Value>records/v1/</Value></FilterRule></S3Key></Filter>\
             </TopicConfiguration></NotificationConfiguration>"
        );
        let put = self.front.http.put(format!("{}/{bucket}?notification", self.front.back)).body(told);
        let answered = put.header("authorization", signed("s3")).send().await.unwrap();
        let (status, text) = (answered.status(), answered.text().await.unwrap());
        assert!(status.is_success(), "{text}");
    }

    /// What a queue hands to a function: at most ten messages, which it forgets, as an event; none when it has none.
    pub async fn handed_over(&self, queue: &str) -> Option<Value> {
        let asked = json!({ "QueueUrl": queue, "MaxNumberOfMessages": 10, "VisibilityTimeout": 600 });
        let received = self.sqs("ReceiveMessage", asked).await;
        let messages = received["Messages"].as_array()?;
        let mut records = Vec::new();
        for message in messages {
            let forget = json!({ "QueueUrl": queue, "ReceiptHandle": message["ReceiptHandle"] });
            let answered = self.call_whatever("sqs", "AmazonSQS.DeleteMessage", &forget).await;
            assert!(!answered.contains("__type"), "{answered}");
            records.push(json!({ "messageId": message["MessageId"], "body": message["Body"], "eventSource": "aws:sqs" }));
        }
        (!records.is_empty()).then(|| json!({ "Records": records }))
    }

    /// Puts the first bundle in force, by the words of two operators.
    pub async fn push(
        &self,
        table: &str,
        bucket: &str,
        files: &BTreeMap<String, Vec<u8>>,
        clock: Arc<dyn Clock>,
    ) {
        let of = |name: &str| {
            Pushes::new(&self.clients(), table, bucket, People::Two, operator(name), clock.clone())
        };
        let seen = of("ines").in_force().await.unwrap();
        let digest = of("ines").propose(files, &seen, "to begin with").await.unwrap();
        of("omar").confirm(digest, &seen, "agreed").await.unwrap();
    }

    /// A key of KMS; its ARN.
    pub async fn key(&self) -> String {
        let clients = self.clients();
        let (_, created) = self.make("key", |_| clients.kms().create_key().send()).await;
        created.key_metadata.unwrap().arn.unwrap()
    }

    /// The calls that came with this text since they were asked for last, each as its first line, its target and its body.
    pub fn calls(&self, holding: &str) -> Vec<String> {
        let mut calls = self.front.calls.lock().unwrap();
        let (found, others) = calls.drain(..).partition(|call| call.contains(holding));
        *calls = others;
        found
    }

    /// Spoils so many answers to requests that hold this text.
    pub fn spoil(&self, holding: &str, times: u32, how: Spoil) {
        self.spoil_after(0, &[holding], times, how);
    }

    /// The same of requests that hold all these texts, but for the first few.
    pub fn spoil_after(&self, passing: u32, holding: &[&str], times: u32, how: Spoil) {
        let holding = holding.iter().map(|text| (*text).to_owned()).collect();
        self.front.spoilt.lock().unwrap().push(Spoilt { holding, passing, times, how });
    }

    /// Spoils no requests any more that were told by this text; how many answers were still to be spoilt.
    pub fn unspoil(&self, holding: &str) -> u64 {
        let mut spoilt = self.front.spoilt.lock().unwrap();
        let is_told = |spoilt: &Spoilt| spoilt.holding.iter().any(|text| text == holding);
        let left = spoilt.iter().filter(|spoilt| is_told(spoilt)).map(|spoilt| u64::from(spoilt.times)).sum();
        spoilt.retain(|spoilt| !is_told(spoilt));
        left
    }

    /// What a service answers to a form (AWS's query protocol).
    pub async fn form(&self, service: &str, form: String) -> String {
        let request = self.front.http.post(format!("{}/", self.front.back)).body(form);
        let request = request
            .header("content-type", "application/x-www-form-urlencoded")
            .header("authorization", signed(service));
        request.send().await.unwrap().text().await.unwrap()
    }

    /// What SQS answers.
    pub async fn sqs(&self, action: &str, body: Value) -> Value {
        self.call("sqs", &format!("AmazonSQS.{action}"), &body).await
    }

    /// What a service answers to a call that none of our clients makes, or waits for; however long it takes.
    async fn call(&self, service: &str, target: &str, body: &Value) -> Value {
        let text = self.call_whatever(service, target, body).await;
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"))
    }

    /// The same, whatever it answers.
    async fn call_whatever(&self, service: &str, target: &str, body: &Value) -> String {
        let request = self.front.http.post(&self.front.back).body(body.to_string());
        let request = request
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", target)
            .header("authorization", signed(service));
        request.send().await.unwrap().text().await.unwrap()
    }
}

/// An operator by that name, as STS tells of a session of theirs.
pub fn operator(name: &str) -> Caller {
    let arn = format!("arn:aws:sts::123456789012:assumed-role/Operators/{name}");
    Caller::of(&format!("AROAEXAMPLE:{name}"), &arn).unwrap()
}

/// What calls that address as if it were AWS.
pub fn config_for(url: &str) -> SdkConfig {
    config_of(url, ANYBODY)
}

fn config_of(url: &str, name: &str) -> SdkConfig {
    let credentials = Credentials::new(name, "wJalrXUtnFEMI-secret", None, None, "tests");
    SdkConfig::builder()
        .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::v2026_01_12())
        .region(Region::from_static(REGION))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(url)
        .build()
}

/// Nobody checks it, but moto reads from it for which service a request is.
fn signed(service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261126/{REGION}/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )
}

async fn answer(State(front): State<Arc<Front>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let mut ways = parts.uri.path().split('/');
    if let (Some("2015-03-31"), Some("functions"), Some(name), Some("invocations")) =
        (ways.nth(1), ways.next(), ways.next(), ways.next())
    {
        return invoke(&front, name, &body).await;
    }
    let call = Passing { front: Arc::clone(&front), parts, body };
    let between = front.between.lock().unwrap().get(call.by()).cloned();
    if let Some(between) = between {
        return between.pass(&call).await;
    }
    let told = format!(
        "{} {} {} {}",
        call.method(),
        call.path(),
        call.target(),
        String::from_utf8_lossy(&call.body)
    );
    let spoil = front.spoil(&told);
    front.calls.lock().unwrap().push(told);
    if call.by() != ANYBODY {
        front.named.lock().unwrap().push(Call::of(&call));
    }
    match spoil {
        Some(Spoil::Refused(status, told)) => {
            return Response::builder().status(status).body(Body::from(told)).unwrap();
        }
        Some(Spoil::Silent) => std::future::pending().await,
        Some(Spoil::Lost | Spoil::Says(..) | Spoil::SilentlyDone) | None => {}
    }
    let answered = call.done().await;
    match spoil {
        None => answered,
        Some(Spoil::Lost) => Response::builder().status(500).body(Body::empty()).unwrap(),
        Some(Spoil::Says(from, to)) => {
            let (parts, body) = answered.into_parts();
            let text = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
            Response::from_parts(parts, Body::from(text.replace(from, to)))
        }
        Some(Spoil::Refused(..) | Spoil::Silent | Spoil::SilentlyDone) => std::future::pending().await,
    }
}

impl Call {
    pub fn of(call: &Passing) -> Self {
        Self {
            by: call.by().to_owned(),
            method: call.method().to_owned(),
            path: call.path().to_owned(),
            target: call.target().to_owned(),
            body: String::from_utf8_lossy(&call.body).into_owned(),
        }
    }
}

impl Front {
    fn spoil(&self, request: &str) -> Option<Spoil> {
        let mut spoilt = self.spoilt.lock().unwrap();
        let is_meant = |spoilt: &&mut Spoilt| {
            spoilt.times > 0 && spoilt.holding.iter().all(|text| request.contains(text))
        };
        let found = spoilt.iter_mut().find(is_meant)?;
        if found.passing > 0 {
            found.passing -= 1;
            return None;
        }
        found.times -= 1;
        Some(found.how.clone())
    }
}

/// Invokes a function as Lambda does (Invoke, 2015-03-31).
async fn invoke(front: &Front, name: &str, body: &[u8]) -> Response {
    let function = front.functions.lock().unwrap().get(name).cloned().expect("there is no such function");
    let response = Response::builder().status(200).header("content-type", "application/json");
    match function(serde_json::from_slice(body).unwrap()).await {
        Ok(answer) => response.body(Body::from(answer.to_string())).unwrap(),
        Err(error) => {
            let told = json!({ "errorType": error, "errorMessage": error });
            let response = response.header("x-amz-function-error", "Unhandled");
            response.body(Body::from(told.to_string())).unwrap()
        }
    }
}
