//! AWS as moto plays it, one for all tests of this process, behind a front of ours that answers for the functions which its
//! state machines call, and that can spoil what comes back.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::TcpListener;
use std::pin::Pin;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use aws::Clients;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::SdkConfig;
use aws_types::region::Region;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::{Value, json};

use crate::architecture::root;
use crate::children::{Running, is_here};
use crate::machine_file;

/// What a function answers, or the type of the error that it ends with.
pub type Answered = Result<Value, &'static str>;

type Function = Arc<dyn Fn(Value) -> Pin<Box<dyn Future<Output = Answered> + Send>> + Send + Sync>;

/// Where the account of the tests is.
const REGION: &str = "us-east-1";

/// Of answers to requests that hold one text, so many are spoilt.
struct Spoilt {
    holding: String,
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
}

#[derive(Default)]
struct Front {
    back: String,
    http: reqwest::Client,
    functions: Mutex<BTreeMap<String, Function>>,
    spoilt: Mutex<Vec<Spoilt>>,
}

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
        let port = {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            free.local_addr().unwrap().port()
        };
        let mut command = Command::new(python);
        command.arg(root().join("tests/moto/server.py")).arg(port.to_string()).arg(front_port.to_string());
        let running = Running::start(command.stderr(Stdio::null()));
        running.wait_for(&format!("ready {port}"));

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

    /// An empty table, as the deployment makes it.
    pub async fn table(&self) -> String {
        use aws_sdk_dynamodb::types::{
            AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
        };
        let name = Self::unique("approvals");
        let attribute = |name: &str| {
            AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build()
        };
        let key = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
        let create = self.clients().dynamodb().clone().create_table().table_name(&name);
        create
            .billing_mode(BillingMode::PayPerRequest)
            .attribute_definitions(attribute("pk").unwrap())
            .attribute_definitions(attribute("sk").unwrap())
            .key_schema(key("pk", KeyType::Hash).unwrap())
            .key_schema(key("sk", KeyType::Range).unwrap())
            .send()
            .await
            .unwrap();
        name
    }

    /// The state machine of `infra/approvals.asl.json`, whose tasks this function does; its ARN.
    pub async fn machine<F, A>(&self, function: F) -> String
    where
        F: Fn(Value) -> A + Send + Sync + 'static,
        A: Future<Output = Answered> + Send + 'static,
    {
        let name = Self::unique("work");
        let function: Function = Arc::new(move |event| Box::pin(function(event)));
        self.front.functions.lock().unwrap().insert(name.clone(), function);
        let definition = machine_file::machine().to_string().replace("${WorkFunction}", &name);
        let create = self.clients().states().clone().create_state_machine().name(&name);
        let created = create
            .definition(definition)
            .role_arn("arn:aws:iam::123456789012:role/approvals")
            .send()
            .await
            .unwrap();
        created.state_machine_arn
    }

    /// Spoils so many answers to requests that hold this text.
    pub fn spoil(&self, holding: &str, times: u32, how: Spoil) {
        self.front.spoilt.lock().unwrap().push(Spoilt { holding: holding.to_owned(), times, how });
    }

    /// What SQS answers.
    pub async fn sqs(&self, action: &str, body: Value) -> Value {
        let request = self.front.http.post(&self.front.back).body(body.to_string());
        let request = request
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", format!("AmazonSQS.{action}"))
            .header("authorization", signed("sqs"));
        let text = request.send().await.unwrap().text().await.unwrap();
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"))
    }
}

/// What calls that address as if it were AWS.
pub fn config_for(url: &str) -> SdkConfig {
    let credentials = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI-secret", None, None, "tests");
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
    let path = parts.uri.path_and_query().unwrap().as_str();
    let mut ways = path.split('/');
    if let (Some("2015-03-31"), Some("functions"), Some(name), Some("invocations")) =
        (ways.nth(1), ways.next(), ways.next(), ways.next())
    {
        return invoke(&front, name, &body).await;
    }
    let mut forward = front.http.request(parts.method, format!("{}{path}", front.back)).body(body.clone());
    for (name, value) in &parts.headers {
        if !["host", "content-length", "connection"].contains(&name.as_str()) {
            forward = forward.header(name, value);
        }
    }
    let answered = forward.send().await.unwrap();
    let (status, headers) = (answered.status(), answered.headers().clone());
    let bytes = answered.bytes().await.unwrap();
    let (status, bytes) = match front.spoil(&body) {
        None => (status.as_u16(), bytes),
        Some(Spoil::Lost) => return Response::builder().status(500).body(Body::empty()).unwrap(),
        Some(Spoil::Says(from, to)) => {
            (status.as_u16(), String::from_utf8(bytes.to_vec()).unwrap().replace(from, to).into())
        }
    };
    let mut response = Response::builder().status(status);
    for (name, value) in &headers {
        if !["content-length", "connection", "transfer-encoding"].contains(&name.as_str()) {
            response = response.header(name, value);
        }
    }
    response.body(Body::from(bytes)).unwrap()
}

impl Front {
    fn spoil(&self, request: &[u8]) -> Option<Spoil> {
        let text = String::from_utf8_lossy(request);
        let mut spoilt = self.spoilt.lock().unwrap();
        let found = spoilt.iter_mut().find(|spoilt| spoilt.times > 0 && text.contains(&spoilt.holding))?;
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
