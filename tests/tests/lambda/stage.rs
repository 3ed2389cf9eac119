//! The functions as they are built, under an emulator of Lambda, over AWS as moto plays it, between a real issuer and a scripted
//! Snowflake.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws::{Clients, Records};
use gateway::ports::Clock;
use local::SystemClock;
use serde_json::{Value, json};
use snowflake::scripted::Scripted;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::{interval, timeout};

use crate::account;
use crate::brought;
use crate::children::{Running, is_here};
use crate::functions::{self, Wiring};
use crate::moto::{Answered, Moto};
use crate::rights;

/// How long anything may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// How long a turn of the work function may take before its invocation has failed.
const TIMEOUT: Duration = Duration::from_secs(30);

/// AWS, a Snowflake, an issuer, and the functions between them.
pub struct Stage {
    pub moto: &'static Moto,
    pub snow: Scripted,
    pub wiring: Wiring,
    /// Where rosa's mail comes in.
    pub mailbox: String,
    functions: Mutex<Vec<Running>>,
    names: Vec<String>,
    emulator: Arc<Emulator>,
    _issuer: Mutex<Running>,
    folder: TempDir,
}

/// What plays Lambda.
struct Emulator {
    running: Mutex<Running>,
    url: String,
    http: reqwest::Client,
}

impl Stage {
    /// Builds it with these functions; none, said loudly, where a toolchain is missing.
    pub async fn build(names: &[&str]) -> Option<Self> {
        Self::build_under(names, &policy::default_files()).await
    }

    /// The same under this policy bundle.
    pub async fn build_under(names: &[&str], bundle: &BTreeMap<String, Vec<u8>>) -> Option<Self> {
        for program in ["node", "python3"] {
            if !is_here(program) {
                functions::say(&format!("!! SKIPPED: no `{program}`, so no function was run as a Lambda"));
                return None;
            }
        }
        let moto = Moto::get()?;
        let (issuer, issuer_url) = functions::issuer(0);
        let emulator = Arc::new(Emulator::start(functions::free_port()).await);
        let (snow, folder) = (account::listen().await, tempfile::tempdir().unwrap());
        let wiring = Self::wire(moto, &emulator, &snow, issuer_url, names, bundle).await;

        let mailbox = Self::subscribe(moto, &wiring.topic, "rosa@example.com").await;
        let binaries = functions::built();
        let start = |name: &&str| functions::start(&binaries.join(name), name, &emulator.url, &wiring);
        let functions = Mutex::new(names.iter().map(start).collect());
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Some(Self {
            moto,
            snow,
            wiring,
            mailbox,
            functions,
            names,
            emulator,
            _issuer: Mutex::new(issuer),
            folder,
        })
    }

    /// Everything that the functions are told of, made.
    async fn wire(
        moto: &'static Moto,
        emulator: &Arc<Emulator>,
        snow: &Scripted,
        issuer: String,
        names: &[&str],
        bundle: &BTreeMap<String, Vec<u8>>,
    ) -> Wiring {
        let clients = moto.clients();
        let topic = clients.sns().create_topic().name(Moto::unique("reviewers")).send().await.unwrap();
        let has_work = names.contains(&"work");
        let machine = async |definition: Value| {
            let emulator = Arc::clone(emulator);
            let work = move |event: Value| {
                let emulator = Arc::clone(&emulator);
                async move { if has_work { emulator.work(&event).await } else { Err("NoSuchFunction") } }
            };
            moto.machine(&definition, work).await
        };
        let wiring = Wiring {
            aws: moto.url().to_owned(),
            state: moto.table().await,
            keys: moto.table().await,
            records: moto.bucket("records").await,
            pages: moto.bucket("pages").await,
            key: moto.key().await,
            approvals: machine(functions::machine("approvals.asl.json")).await,
            unfinished: machine(functions::machine("unfinished.asl.json")).await,
            topic: topic.topic_arn.unwrap(),
            index: moto.table().await,
            kept: moto.topic().await,
            issuer,
            snowflake: snow.url(),
        };
        moto.tell_of_records(&wiring.records, &wiring.kept).await;
        // As somebody has pushed it.
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        moto.push(&wiring.state, &wiring.records, bundle, clock).await;
        wiring
    }

    /// A queue in the place of a reviewer's mailbox; its address.
    pub async fn subscribe(moto: &Moto, topic: &str, reviewer: &str) -> String {
        let name = Moto::unique("mailbox");
        let queue = moto.sqs("CreateQueue", json!({ "QueueName": name })).await;
        let clients = moto.clients();
        let subscribe = clients.sns().subscribe().topic_arn(topic).protocol("sqs");
        let subscribe = subscribe.endpoint(format!("arn:aws:sqs:us-east-1:123456789012:{name}"));
        let filter = json!({ "reviewer": [reviewer] }).to_string();
        subscribe.attributes("FilterPolicy", filter).send().await.unwrap();
        queue["QueueUrl"].as_str().unwrap().to_owned()
    }

    /// Kills a function wherever it is, and starts it anew.
    pub fn kill(&self, name: &str) {
        let at = self.names.iter().position(|known| known == name).unwrap();
        let mut functions = self.functions.lock().unwrap();
        drop(functions.remove(at));
        let binary = functions::built().join(name);
        functions.insert(at, functions::start(&binary, name, &self.emulator.url, &self.wiring));
    }

    pub fn clients(&self) -> Clients {
        self.moto.clients()
    }

    pub fn kept(&self) -> Records {
        let Wiring { state, records, pages, .. } = &self.wiring;
        Records::new(&self.clients(), state, records, pages)
    }

    /// What a function answers to an event.
    pub async fn invoke(&self, function: &str, event: &Value) -> Value {
        let answered = self.emulator.invoke(function, event).await;
        let (status, text) = answered.unwrap_or_else(|error| panic!("{error:?}\n{}", self.said()));
        assert_eq!(status, 200, "{text}\n{}", self.said());
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}\n{}", self.said()))
    }

    /// The same, whatever it is.
    pub async fn answered(&self, function: &str, event: &Value) -> (u16, String) {
        let answered = self.emulator.invoke(function, event).await;
        answered.unwrap_or_else(|error| panic!("{error:?}\n{}", self.said()))
    }

    /// What the query function answers through its URL, to an event that is not ours but the emulator's.
    pub async fn post(&self, path: &str, token: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}/lambda-url/query{path}", self.emulator.url);
        let request = self.emulator.http.post(url).bearer_auth(token).json(body).timeout(PATIENCE);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// A fresh token of that client of the issuer, for that resource.
    pub async fn token(&self, client: &str, resource: &str) -> String {
        self.token_of(client, resource, "sql:read").await
    }

    /// The same with another scope.
    pub async fn token_of(&self, client: &str, resource: &str, scope: &str) -> String {
        let request = self
            .emulator
            .http
            .post(format!("{}/token", self.wiring.issuer))
            .basic_auth(client, Some("secret"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("grant_type=client_credentials&scope={scope}&resource={resource}"))
            .timeout(PATIENCE);
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    /// The status and the answer of the query function to that event, asked again until it is no longer 202.
    pub async fn collected(&self, token: &str, handle: &str) -> (u64, Value) {
        let event = event("get-status.json", Some(token)).to_string();
        let event =
            serde_json::from_str(&event.replace("00000000-0000-4000-8000-000000000000", handle)).unwrap();
        let found = Mutex::new((0, Value::Null));
        self.until("the statement has ended", || async {
            let answer = self.invoke("query", &event).await;
            let status = answer["statusCode"].as_u64().unwrap();
            *found.lock().unwrap() = (status, body(&answer));
            status != 202
        })
        .await;
        found.into_inner().unwrap()
    }

    /// How many statements with that text in them came to the account.
    pub fn submissions(&self, text: &str) -> usize {
        let has = |body: &[u8]| String::from_utf8_lossy(body).contains(text);
        self.snow.received().iter().filter(|request| has(&request.body)).count()
    }

    /// Waits until it holds.
    pub async fn until<A: Future<Output = bool>>(&self, what: &str, holds: impl Fn() -> A) {
        let begun = Instant::now();
        let mut looks = interval(Duration::from_millis(200));
        while !holds().await {
            assert!(begun.elapsed() < PATIENCE, "in vain waited until {what}:\n{}", self.said());
            looks.tick().await;
        }
    }

    /// Holds every call that these functions have made to what their roles may (`infra/rights.yaml`).
    pub fn had_the_rights(&self, names: &[&str]) {
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
        let rights = rights::Rights::read();
        for name in names {
            let calls = self.moto.calls_by(&[functions::caller(name, &self.wiring)]);
            assert!(!calls.is_empty(), "{name} has called nobody");
            let (first, rest) = name.split_at(1);
            let missing = rights.missing(&(first.to_uppercase() + rest), &account, &calls);
            assert!(missing.is_empty(), "{missing:#?}");
        }
    }

    /// What the functions and the emulator said last.
    pub fn said(&self) -> String {
        let functions: Vec<String> = self.functions.lock().unwrap().iter().map(Running::said).collect();
        format!("{}\n{}", functions.join("\n"), self.emulator.running.lock().unwrap().said())
    }

    /// What lies in the bucket of records, as a folder.
    pub async fn bucket(&self) -> PathBuf {
        let folder = self.folder.path().join("bucket");
        let (clients, bucket) = (self.clients(), &self.wiring.records);
        let listed = clients.s3().list_objects_v2().bucket(bucket).send().await.unwrap();
        for object in listed.contents.unwrap_or_default() {
            let key = object.key.unwrap();
            let got = clients.s3().get_object().bucket(bucket).key(&key).send().await.unwrap();
            let path = folder.join(&key);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, got.body.collect().await.unwrap().into_bytes()).unwrap();
        }
        folder
    }

    /// Everything that was recorded, as a home's folder.
    pub async fn home(&self) -> PathBuf {
        let home = self.folder.path().join("home");
        brought::bring_home(&self.clients(), &self.wiring.state, &self.kept(), &home).await;
        home
    }
}

impl Emulator {
    async fn start(port: u16) -> Self {
        let root = functions::root();
        let lambda = root.join(".tools/python/bin/cargo-lambda");
        assert!(lambda.is_file(), "cargo-lambda is missing: run `make tools`");
        let port_text = port.to_string();
        let arguments = ["lambda", "watch", "--invoke-address", "127.0.0.1", "--invoke-port", &port_text];
        // The functions are built already; they ask it for events themselves.
        let arguments = [&arguments[..], &["--only-lambda-apis"]].concat();
        let running = Running::start_under_shell(lambda.to_str().unwrap(), &arguments, |command| {
            command
                .current_dir(root)
                .env_remove("RUST_LOG")
                .env("NO_PROXY", "127.0.0.1")
                .stderr(Stdio::null());
        });
        let until_it_listens = async {
            let mut tries = interval(Duration::from_millis(50));
            while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                tries.tick().await;
            }
        };
        let listens = timeout(PATIENCE, until_it_listens).await;
        assert!(listens.is_ok(), "cargo lambda watch does not listen:\n{}", running.said());
        let http = reqwest::Client::builder().no_proxy().user_agent("agent/1.0").build().unwrap();
        Self { running: Mutex::new(running), url: format!("http://127.0.0.1:{port}"), http }
    }

    async fn invoke(&self, function: &str, event: &Value) -> reqwest::Result<(u16, String)> {
        let url = format!("{}/2015-03-31/functions/{function}/invocations", self.url);
        let answer = self.http.post(url).json(event).timeout(PATIENCE).send().await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    }

    /// What the work function answers a state machine.
    async fn work(&self, event: &Value) -> Answered {
        // Of an instance that died nobody hears anything; Lambda says so when its time is over.
        match timeout(TIMEOUT, self.invoke("work", event)).await.map_err(|_| ()) {
            Ok(Ok((200, text))) => Ok(serde_json::from_str(&text).unwrap()),
            Ok(_) | Err(_) => Err("WorkFailed"),
        }
    }
}

/// An event of `events/query`, with that token in it.
pub fn event(case: &str, token: Option<&str>) -> Value {
    event_of("query", case, token)
}

/// The same of another function's.
pub fn event_of(function: &str, case: &str, token: Option<&str>) -> Value {
    let file = functions::root().join("events").join(function).join(case);
    let mut event: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let headers = event["headers"].as_object_mut().unwrap();
    headers.remove("authorization").unwrap();
    if let Some(token) = token {
        headers.insert("authorization".to_owned(), format!("Bearer {token}").into());
    }
    event
}

/// An event of `events/seal`.
pub fn event_of_queue(case: &str) -> Value {
    serde_json::from_slice(&fs::read(functions::root().join("events/seal").join(case)).unwrap()).unwrap()
}

/// The JSON in the body of an answer to an event.
pub fn body(answer: &Value) -> Value {
    serde_json::from_str(answer["body"].as_str().unwrap()).unwrap()
}
