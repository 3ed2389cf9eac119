//! A leak hunt: secrets go in at every place where an agent or an upstream can put text, and are looked for in
//! everything that is left.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

use axum::Router;
use base64::Engine;
use gateway::ports::{Clock, Ids};
use local::{RandomIds, SystemClock};
use serde_json::{Value, json};
use snowflake::scripted::{Answer, When};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::door::{Answered, call_with, get, router};
use crate::house::{House, customers};

const SSN: &str = "536-90-4399";
const CARD: &str = "4539148803436467";
const EMAIL: &str = "maria.gonzalez@privatemail.com";
const TOKEN: &str = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJtYXJpYSIsImF1ZCI6InNub3dnYXRlIn0.c2lnbmF0dXJlLW9mLW1hcmlhLWdvbnphbGV6";
const SECRETS: [&str; 4] = [SSN, CARD, EMAIL, TOKEN];

/// Every log line of this test binary, however little it matters.
#[derive(Clone, Default)]
struct Logs(Arc<Mutex<Vec<u8>>>);

impl Write for Logs {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Logs {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn logs() -> &'static Logs {
    static LOGS: OnceLock<Logs> = OnceLock::new();
    LOGS.get_or_init(|| {
        let logs = Logs::default();
        // Everybody's traces besides.
        let ports: (Arc<dyn Clock>, Arc<dyn Ids>) = (Arc::new(SystemClock), Arc::new(RandomIds));
        let place = ::traces::Place { version: "1.2.3", function: None };
        let exporter = ::traces::exporter(::traces::Wish::All, &place, ports, logs.clone());
        let log = tracing_subscriber::fmt::layer()
            .with_writer(logs.clone())
            .with_ansi(false)
            .with_filter(tracing::level_filters::LevelFilter::TRACE);
        tracing_subscriber::registry().with(log).with(exporter).init();
        logs
    })
}

/// Each secret in the spellings that a store or a log might give it.
fn spellings() -> BTreeMap<String, &'static str> {
    let mut all = BTreeMap::new();
    for secret in SECRETS {
        all.insert(secret.to_owned(), secret);
        all.insert(secret.bytes().map(|byte| format!("{byte:02x}")).collect(), secret);
        all.insert(secret.bytes().map(|byte| format!("{byte:02X}")).collect(), secret);
        // In base64 the spelling depends on what stands before: three ways, without the ends that vary.
        for before in 0..3 {
            let text = format!("{}{secret}", "_".repeat(before));
            let encoded = base64::engine::general_purpose::STANDARD.encode(&text);
            let from = [0, 2, 3][before];
            let to = encoded.trim_end_matches('=').len() - 1;
            all.insert(encoded[from..to].to_owned(), secret);
        }
    }
    all.insert(SSN.replace('-', ""), SSN);
    all.insert("4539-1488-0343-6467".to_owned(), CARD);
    all.insert("4539 1488 0343 6467".to_owned(), CARD);
    all.insert(EMAIL.replace('@', "%40"), EMAIL);
    all
}

fn contains(bytes: &[u8], text: &str) -> bool {
    String::from_utf8_lossy(bytes).contains(text)
}

/// What was found: secrets with what stands around them.
fn search(place: &str, bytes: &[u8], found: &mut Vec<String>) {
    let text = String::from_utf8_lossy(bytes);
    for (spelling, secret) in spellings() {
        if let Some(at) = text.find(&spelling) {
            let around: String =
                text[..at].chars().rev().take(60).collect::<Vec<_>>().into_iter().rev().collect();
            found.push(format!("{place}: {secret}: …{around}{spelling}…"));
        }
    }
}

/// Every file below a folder, but for what is encrypted; pages also inflated, those in closings too.
fn search_files(root: &Path, folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().display().to_string();
        if name == "sealed" || name == "keys" {
            continue;
        }
        if path.is_dir() {
            search_files(root, &path, found);
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        search(&name, name.as_bytes(), found);
        search(&name, &bytes, found);
        if name.contains(".page-") {
            search(&format!("{name} inflated"), crate::house::page_text(&bytes).as_bytes(), found);
        }
        if name.ends_with(".closing.json") {
            let closing = recording::decode::<recording::Closing>(&bytes).unwrap().record;
            for page in closing.parts.iter().flat_map(|part| &part.pages) {
                if let Some(inline) = &page.inline {
                    let object = base64::engine::general_purpose::STANDARD.decode(inline).unwrap();
                    search(&format!("{name} page"), &object, found);
                    search(&format!("{name} inflated"), crate::house::page_text(&object).as_bytes(), found);
                }
            }
        }
    }
}

#[test]
fn the_hunt_finds_every_secret_in_every_spelling() {
    for secret in SECRETS {
        let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        let mut hidden = vec![secret.to_owned(), hex];
        for before in ["", "a", "bc", "def"] {
            hidden
                .push(base64::engine::general_purpose::STANDARD.encode(format!("{before}{secret} and more")));
        }
        for text in hidden {
            let mut found = Vec::new();
            search("here", format!("before {text} behind").as_bytes(), &mut found);
            assert!(found.iter().any(|found| found.contains(secret)), "{text}");
        }
    }
}

struct Hunt {
    router: Router,
    answers: Vec<(String, Answered)>,
}

impl Hunt {
    async fn post(&mut self, what: &str, query: &str, body: Value, headers: &[(&str, &str)]) -> Answered {
        let path = format!("/api/v2/statements{query}");
        let body = body.to_string();
        let answer = call_with(&self.router, "ana", "POST", &path, Some(body.as_bytes()), headers).await;
        self.answers.push((what.to_owned(), answer.clone()));
        answer
    }

    async fn sql(&mut self, what: &str, sql: String) -> Answered {
        self.post(what, "", json!({ "statement": sql }), &[]).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_that_went_in_anywhere_is_left_in_clear() {
    let logs = logs();
    let house = House::with(|settings| settings.page_size = 4000, &[]).await;
    let told = format!("Numeric value '{SSN}' is not recognized, card {CARD}, mail {EMAIL}, token {TOKEN}");
    house.snow.on(
        When::submitted().saying("failing"),
        [Answer::failed(customers::HANDLE, "100038", "22018", &told)],
    );
    house.snow.on(
        When::submitted().saying("lying"),
        [Answer::result(
            customers::HANDLE,
            &[(SSN, "text"), (EMAIL, TOKEN), (CARD, "text")],
            &[&[Some(TOKEN), Some(CARD), Some(EMAIL)]],
        )],
    );
    house.snow.on(
        When::submitted().saying("nonsense"),
        [Answer::body(200, "application/json", format!("{{\"{SSN}\":\"{TOKEN}\""))],
    );
    house.snow.on(
        When::submitted().saying("broken"),
        [Answer::body(500, "text/plain", told.clone()).header("Location", TOKEN)],
    );
    let cells: Vec<Option<&str>> = SECRETS.iter().map(|secret| Some(*secret)).collect();
    let rows: &[&[Option<&str>]] = &[&cells[..4]];
    house.snow.on(
        When::submitted(),
        [Answer::result(
            customers::HANDLE,
            &[("ID", "text"), ("NAME", "text"), ("COUNTRY", "text"), ("NOTES", "text")],
            rows,
        )],
    );
    house.snow.on(When::any(), [Answer::body(500, "text/plain", told.clone())]);

    let mut hunt = Hunt { router: router(house.gateway()), answers: Vec::new() };
    for secret in SECRETS {
        hunt.sql(
            "literal",
            format!("select id, name, country, notes from customers where country = '{secret}'"),
        )
        .await;
        hunt.sql("tested", format!("select id from customers where email = '{secret}' or ssn = '{secret}'"))
            .await;
        hunt.sql("dollars", format!("select id from customers where country = $${secret}$$")).await;
        hunt.sql("alias", format!("select id as \"{secret}\", name, country, notes from customers")).await;
        hunt.sql(
            "comment",
            format!("select id /* {secret} */, name, country, notes from customers -- {secret}"),
        )
        .await;
        hunt.sql("table", format!("select id from \"{secret}\"")).await;
        hunt.sql("column", format!("select \"{secret}\" from customers")).await;
        hunt.sql("held", format!("update customers set country = '{secret}' where id = 1")).await;
        hunt.sql("refused", format!("drop table \"{secret}\"")).await;
        hunt.sql("opaque", format!("what about {secret} ?")).await;
        hunt.sql("function", format!("select \"{secret}\"('{secret}') from customers")).await;
        hunt.sql(
            "failing",
            format!("select id, name, country, notes from customers where notes = 'failing {secret}'"),
        )
        .await;
        hunt.sql("failing", format!("select country from customers where country = 'failing {secret}'"))
            .await;
        hunt.sql("nonsense", format!("select country as \"nonsense {secret}\" from customers")).await;
        hunt.sql("broken", format!("select country as \"broken {secret}\" from customers")).await;
        hunt.sql("lying", format!("select country as lying, '{secret}', id from customers")).await;
        let bound = json!({ "statement": "select id, name, country, notes from customers where country = ?",
            "bindings": { "1": { "type": "TEXT", "value": secret } } });
        hunt.post("binding", "", bound, &[]).await;
        let bound =
            json!({ "statement": "select 1", "bindings": { "1": { "type": secret, "value": secret } } });
        hunt.post("binding type", "", bound, &[]).await;
        for field in ["role", "warehouse", "database", "schema"] {
            let mut body = json!({ "statement": "select country from customers" });
            body[field] = json!(secret);
            hunt.post(field, "", body, &[]).await;
        }
        let customers = json!({ "statement": "select id, name, country, notes from customers" });
        let encoded = secret.replace('@', "%40");
        hunt.post("prompt", "", customers.clone(), &[("x-snowgate-prompt", &encoded)]).await;
        hunt.post("conversation", "", customers.clone(), &[("x-snowgate-session", secret)]).await;
        hunt.post("other header", "", customers.clone(), &[("x-snowflake-authorization-token-type", secret)])
            .await;
        hunt.post("user agent", "", customers.clone(), &[("x-forwarded-for", secret)]).await;
        let tag =
            json!({ "statement": "select country from customers", "parameters": { "QUERY_TAG": secret } });
        hunt.post("tag", "", tag, &[]).await;
        let parameter = json!({ "statement": "select 1", "parameters": { secret: secret } });
        hunt.post("parameter", "", parameter, &[]).await;
        hunt.post("field", "", json!({ "statement": "select 1", secret: secret }), &[]).await;
        hunt.post("not an object", "", json!([secret]), &[]).await;
        hunt.post("option", &format!("?{secret}={secret}"), customers.clone(), &[]).await;
        let path = "/api/v2/statements";
        let broken = format!("{{\"statement\": \"{secret}");
        let answer = call_with(&hunt.router, "ana", "POST", path, Some(broken.as_bytes()), &[]).await;
        hunt.answers.push(("bad json".to_owned(), answer));
        let answer =
            call_with(&hunt.router, secret, "POST", path, Some(b"{\"statement\":\"select 1\"}"), &[]).await;
        hunt.answers.push(("credential".to_owned(), answer));
        let answer = get(&hunt.router, "ana", &encoded, "").await;
        hunt.answers.push(("handle".to_owned(), answer));
    }
    // An id comes back to who sent it, in the URL to look at; but it is kept nowhere.
    let mut ids = Vec::new();
    for secret in [SSN, CARD, EMAIL] {
        let query = format!("?requestId={secret}");
        let body = json!({ "statement": "select id, name, country, notes from customers" });
        ids.push(hunt.post("request id", &query, body, &[]).await);
        hunt.answers.pop();
    }
    assert!(ids.iter().all(|answer| answer.status.as_u16() < 300), "{:?}", ids[0].text());
    house.clean_up().await;

    // They did go in, and they did arrive.
    let arrived =
        house.snow.received().iter().flat_map(|received| received.body.clone()).collect::<Vec<u8>>();
    let mut found = Vec::new();
    search("upstream", &arrived, &mut found);
    assert!(SECRETS.iter().all(|secret| contains(&arrived, secret)), "{found:?}");

    let mut found = Vec::new();
    for (what, answer) in &hunt.answers {
        let all = format!("{:?}\n{}", answer.headers, answer.text());
        search(&format!("answer to {what} ({})", answer.status), all.as_bytes(), &mut found);
    }
    let shown = hunt.answers.iter().filter(|(_, answer)| answer.status == 200).count();
    assert!(shown > 20, "only {shown} of {} were answered with rows", hunt.answers.len());
    search_files(&house.home_path(), &house.home_path(), &mut found);
    let lines = logs.0.lock().unwrap().clone();
    search("the log", &lines, &mut found);
    assert!(contains(&lines, "closed because something broke"), "the log was not captured");
    assert!(contains(&lines, "startTimeUnixNano"), "traces were not captured");
    found.sort();
    found.dedup();
    assert!(found.is_empty(), "{} leaks:\n{}", found.len(), found.join("\n"));
}
