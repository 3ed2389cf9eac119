//! What the door itself refuses: the status, the code, the word it is counted under, and that nothing ran.

use std::io::Write;

use domain::Context;
use flate2::Compression;
use flate2::write::GzEncoder;
use gateway::Settings;
use serde_json::Value;
use std::sync::atomic::Ordering;

use crate::house::{Answer, CUSTOMERS, Call, House};

#[track_caller]
fn check_headers(answered: &crate::house::Answered) {
    assert_eq!(answered.header("cache-control"), Some("no-store"));
    assert_eq!(answered.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answered.header("content-type"), Some("application/json"));
}

async fn refuses(call: Call, status: u16, code: &str, reason: &str) -> crate::house::Answered {
    let house = House::with_customers();
    let answered = house.send(call.request()).await;
    check_headers(&answered);
    assert_eq!(answered.status.as_u16(), status, "{}", answered.text());
    assert_eq!(answered.json()["code"], code, "{}", answered.text());
    assert_eq!(house.rejections(), [reason]);
    assert!(house.upstream.asked.lock().unwrap().is_empty(), "nothing ran");
    assert!(house.store.objects.lock().unwrap().is_empty(), "nothing was opened");
    answered
}

fn ask() -> Call {
    Call::ask(CUSTOMERS)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

const STATEMENTS: &str = "/api/v2/statements";
const HANDLE: &str = "/api/v2/statements/01b2c3d4-0000-0000-0000-000000000001";

#[tokio::test]
async fn a_path_or_method_that_does_not_exist_is_said_to() {
    refuses(Call::get("/"), 404, "099101", "path").await;
    refuses(Call::get("/api/v2/statements/"), 404, "099101", "path").await;
    refuses(Call::get("/api/v2/statements/nonsense"), 404, "099101", "path").await;
    refuses(Call::get("/api/v2/statements/%FF"), 404, "099101", "path").await;
    refuses(Call::post("/session/v1/login-request", "{}"), 404, "099101", "path").await;
    let answered = refuses(Call::get(STATEMENTS), 405, "099102", "method").await;
    assert_eq!(answered.header("allow"), Some("POST"));
    let answered = refuses(ask().method("DELETE"), 405, "099102", "method").await;
    assert_eq!(answered.header("allow"), Some("POST"));
    let answered = refuses(Call::post(HANDLE, "{}"), 405, "099102", "method").await;
    assert_eq!(answered.header("allow"), Some("GET"));
    refuses(Call::get(format!("{HANDLE}/cancel")), 405, "099102", "method").await;
}

#[tokio::test]
async fn a_head_request_reads_nothing() {
    let house = House::with_customers();
    let answered = house.send(Call::get(HANDLE).method("HEAD").request()).await;
    assert_eq!(answered.status.as_u16(), 405);
    assert_eq!(house.rejections(), ["method"]);
}

#[tokio::test]
async fn the_headers_that_snowflake_needs_are_needed() {
    refuses(ask().without("user-agent"), 400, "390400", "header").await;
    refuses(ask().without("accept"), 400, "391902", "header").await;
    refuses(ask().with("accept", "text/html"), 400, "391902", "header").await;
    refuses(ask().without("content-type"), 415, "099103", "content_type").await;
    refuses(ask().with("content-type", "text/plain"), 415, "099103", "content_type").await;
    refuses(ask().with("content-encoding", "br"), 415, "099104", "content_encoding").await;
    refuses(ask().with("x-snowgate-session", "two words"), 400, "390400", "header").await;
    refuses(ask().with("x-snowgate-prompt", "%FF%FE"), 400, "390400", "header").await;
}

#[tokio::test]
async fn a_request_without_a_bearer_token_is_challenged() {
    let answered = refuses(ask().without("authorization"), 401, "390101", "credential_missing").await;
    assert_eq!(answered.header("www-authenticate"), Some("Bearer"));
    let answered =
        refuses(ask().with("authorization", "Basic YTpi"), 401, "390144", "credential_malformed").await;
    assert_eq!(answered.header("www-authenticate"), Some("Bearer error=\"invalid_token\""));
    let key_pair = ask().with("x-snowflake-authorization-token-type", "KEYPAIR_JWT");
    refuses(key_pair, 401, "390100", "token_type").await;
}

#[tokio::test]
async fn a_token_that_proves_nobody_is_told_apart_only_as_far_as_is_safe() {
    let answered = refuses(ask().token("forged"), 401, "390144", "malformed").await;
    assert_eq!(answered.header("www-authenticate"), Some("Bearer error=\"invalid_token\""));
    let answered = refuses(ask().token("old"), 401, "390318", "expired").await;
    assert_eq!(answered.header("www-authenticate"), Some("Bearer error=\"invalid_token\""));
    refuses(Call::get(HANDLE).token("forged"), 401, "390144", "malformed").await;
    refuses(Call::get(format!("{HANDLE}?partition=1")).token("old"), 401, "390318", "expired").await;
    refuses(Call::post(format!("{HANDLE}/cancel"), "").token("forged"), 401, "390144", "malformed").await;
}

#[tokio::test]
async fn who_it_is_comes_before_what_it_says() {
    let call = Call::post(STATEMENTS, "no json").without("authorization");
    refuses(call, 401, "390101", "credential_missing").await;
    refuses(
        Call::get("/api/v2/statements/nonsense").without("authorization"),
        401,
        "390101",
        "credential_missing",
    )
    .await;
}

#[tokio::test]
async fn a_body_that_is_no_request_is_refused() {
    for body in ["", "no json", "[]", "{\"statement\":\"select 1\"", "{\"statement\":\"select 1\"} x"] {
        refuses(Call::post(STATEMENTS, body), 400, "390142", "body").await;
    }
    refuses(Call::post(STATEMENTS, vec![b'{', 0xff, b'}']), 400, "390142", "body").await;
    let unknown = r#"{"statement":"select 1","describeOnly":true}"#;
    let answered = refuses(Call::post(STATEMENTS, unknown), 400, "390142", "body").await;
    assert!(answered.text().contains("`describeOnly` is not a field that this gateway knows"));
    let twice = r#"{"statement":"select 1","statement":"select 2"}"#;
    let answered = refuses(Call::post(STATEMENTS, twice), 400, "390142", "body").await;
    assert!(answered.text().contains("`statement` stands twice"));
    let several = r#"{"statement":"x","bindings":{"1":{"type":"TEXT","value":"a"}},"parameters":{"MULTI_STATEMENT_COUNT":"2"}}"#;
    refuses(Call::post(STATEMENTS, several), 400, "390142", "body").await;
}

#[tokio::test]
async fn unknown_query_parameters_are_refused_by_name() {
    let body = r#"{"statement":"select 1"}"#;
    let answered =
        refuses(Call::post(format!("{STATEMENTS}?resultFormat=arrow"), body), 400, "390400", "query").await;
    assert!(answered.text().contains("`resultFormat`"));
    refuses(Call::post(format!("{STATEMENTS}?retry=true"), body), 400, "390400", "query").await;
    refuses(Call::get(format!("{HANDLE}?partition=x")), 400, "390400", "query").await;
    refuses(Call::post(format!("{HANDLE}/cancel?async=true"), ""), 400, "390400", "query").await;
}

#[tokio::test]
async fn a_body_has_bounds_before_and_after_inflating() {
    let big = format!(r#"{{"statement":"{}"}}"#, "x".repeat(3 * 1024 * 1024));
    refuses(Call::post(STATEMENTS, big.clone()), 413, "099105", "body_size").await;
    refuses(
        Call::post(STATEMENTS, big.clone()).with("content-length", &big.len().to_string()),
        413,
        "099105",
        "body_size",
    )
    .await;
    let bomb = gzip(&vec![b' '; 64 * 1024 * 1024]);
    assert!(bomb.len() < 100_000);
    refuses(Call::post(STATEMENTS, bomb).with("content-encoding", "gzip"), 413, "099105", "body_size").await;
    refuses(Call::post(STATEMENTS, "{}").with("content-encoding", "gzip"), 400, "390142", "body").await;
    refuses(Call::post(format!("{HANDLE}/cancel"), vec![b' '; 2000]), 413, "099105", "body_size").await;
    refuses(Call::post(format!("{HANDLE}/cancel"), r#"{"why":"x"}"#), 400, "390142", "body").await;
}

#[tokio::test]
async fn a_gzip_body_is_read() {
    let house = House::with_customers();
    let body = gzip(format!(r#"{{"statement":"{CUSTOMERS}"}}"#).as_bytes());
    let answered = house.send(Call::post(STATEMENTS, body).with("content-encoding", "gzip").request()).await;
    assert_eq!(answered.status.as_u16(), 200, "{}", answered.text());
}

#[tokio::test]
async fn a_statement_larger_than_it_may_be_is_refused_and_recorded() {
    let house = House::with(Settings { statement_size: 64, ..Settings::default() });
    let answered = house.send(Call::ask(&format!("select '{}'", "x".repeat(60))).request()).await;
    assert_eq!((answered.status.as_u16(), &answered.json()["code"]), (422, &Value::from("099003")));
    assert_eq!(house.store.texts(".closing.json").len(), 1);
}

#[tokio::test]
async fn a_broken_store_runs_nothing_and_says_so() {
    let house = House::with_customers();
    house.store.is_broken.store(true, Ordering::SeqCst);
    let answered = house.send(ask().request()).await;
    check_headers(&answered);
    assert_eq!(answered.status.as_u16(), 503);
    assert_eq!(answered.header("retry-after"), Some("1"));
    assert_eq!(answered.json()["code"], "099130");
    assert_eq!(answered.json()["message"], "the recording cannot be kept, so that nothing runs");
    assert!(!answered.text().contains("no space left"), "what lies behind is for the log");
    assert!(house.upstream.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_issuer_out_of_reach_is_no_yes() {
    let house = House::with_customers();
    let answered = house.send(ask().token("lost").request()).await;
    assert_eq!(answered.status.as_u16(), 503);
    assert_eq!(answered.json()["message"], "the issuer of this token cannot be reached");
    assert!(house.upstream.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_spent_budget_says_when_to_come_back() {
    let house = House::with_customers();
    house.exchanges.is_over_budget.store(true, Ordering::SeqCst);
    let answered = house.send(ask().request()).await;
    assert_eq!((answered.status.as_u16(), answered.header("retry-after")), (429, Some("17")));
    assert_eq!(answered.json()["code"], "099002");
    assert!(house.upstream.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_repeated_request_runs_once_and_another_under_its_name_is_refused() {
    let house = House::with_customers();
    let path = "/api/v2/statements?requestId=6f1e0c1e-1111-4222-8333-944455566677";
    let body = |text: &str| serde_json::json!({ "statement": text }).to_string();
    let first = house.send(Call::post(path, body(CUSTOMERS)).request()).await;
    let again = house.send(Call::post(format!("{path}&retry=true"), body(CUSTOMERS)).request()).await;
    let alone = house.send(Call::post(path, body(CUSTOMERS)).request()).await;
    assert_eq!(first.text(), again.text());
    assert_eq!(first.text(), alone.text());
    assert_eq!(house.upstream.asked.lock().unwrap().len(), 1);
    let other = house.send(Call::post(path, body("select id from customers")).request()).await;
    assert_eq!((other.status.as_u16(), &other.json()["code"]), (422, &Value::from("099008")));
    // Another principal's name for a request is its own.
    let bens = house.send(Call::post(path, body(CUSTOMERS)).token("ben").request()).await;
    assert_eq!(bens.status.as_u16(), 200);
    assert_ne!(bens.json()["statementHandle"], first.json()["statementHandle"]);
}

#[tokio::test]
async fn what_upstream_says_is_wrong_comes_with_its_code() {
    let house = House::new();
    let fails = |code: &str, sqlstate: &str| {
        Answer::Fails(code.to_owned(), sqlstate.to_owned(), "upstream's own words".to_owned())
    };
    house.script("select id from customers", fails("100183", "22000"));
    house.script("select country from customers", fails("000630", "57014"));
    let answered = house.send(Call::ask("select id from customers").request()).await;
    assert_eq!((answered.status.as_u16(), &answered.json()["code"]), (422, &Value::from("100183")));
    assert_eq!(answered.json()["sqlState"], "22000");
    // Section 1.4: a statement that outran its timeout.
    let answered = house.send(Call::ask("select country from customers").request()).await;
    assert_eq!((answered.status.as_u16(), &answered.json()["code"]), (408, &Value::from("000630")));
}

#[tokio::test]
async fn what_the_agent_names_reaches_upstream_and_its_tag_does_not() {
    let house = House::with_customers();
    let body = serde_json::json!({
        "statement": CUSTOMERS, "timeout": 60, "role": "ANALYST", "warehouse": "DEMO_WH", "database": "DEMO",
        "schema": "PUBLIC", "parameters": {"query_tag": "who owes us most", "timezone": "UTC"}
    });
    let answered = house.send(Call::post(STATEMENTS, body.to_string()).request()).await;
    assert_eq!(answered.status.as_u16(), 200, "{}", answered.text());
    let asked = house.upstream.asked.lock().unwrap();
    let work = &asked[0];
    let name = |text: &str| Some(text.to_owned());
    let expected = Context {
        role: name("ANALYST"),
        warehouse: name("DEMO_WH"),
        database: name("DEMO"),
        schema: name("PUBLIC"),
    };
    assert_eq!((work.text.reveal(), &work.context, work.timeout.as_secs()), (CUSTOMERS, &expected, 60));
    assert_eq!(work.parameters["TIMEZONE"], "UTC");
    assert!(!work.parameters["QUERY_TAG"].contains("owes"), "ids alone");
    assert!(house.store.texts(".opening.json")[0].contains("who owes us most"), "the tag is prompt evidence");
}

#[tokio::test]
async fn null_is_a_text_for_whoever_wants_it_so() {
    let house = House::with_customers();
    let body = serde_json::json!({ "statement": CUSTOMERS }).to_string();
    let answered = house.send(Call::post("/api/v2/statements?nullable=false", body.clone()).request()).await;
    assert_eq!(answered.json()["data"], serde_json::json!([["1", "DE"], ["2", "null"]]));
    let answered = house.send(Call::post("/api/v2/statements?nullable=true", body).request()).await;
    assert_eq!(answered.json()["data"], serde_json::json!([["1", "DE"], ["2", null]]));
}

#[tokio::test]
async fn an_answer_is_gzip_for_whoever_takes_it() {
    let house = House::with_customers();
    let plain = house.send(ask().request()).await;
    assert_eq!(plain.header("content-encoding"), None);
    let zipped = house.send(ask().with("accept-encoding", "gzip, deflate").request()).await;
    assert_eq!(zipped.header("content-encoding"), Some("gzip"));
    assert_eq!(plain.json()["data"], zipped.json()["data"]);
}

#[tokio::test]
async fn a_masked_column_is_told_by_a_header_and_keeps_its_type() {
    let house = House::new();
    let text = "select id, email as contact from customers";
    let table = crate::house::Table {
        columns: vec![
            crate::house::column("ID", domain::SqlType::Fixed { precision: 38, scale: 0 }, false),
            crate::house::column("CONTACT", domain::SqlType::Text { length: 16_777_216 }, true),
        ],
        rows: vec![serde_json::json!(["1", "ana.lopez@example.com"])],
    };
    house.script(text, Answer::Results(vec![table]));
    let answered = house.send(Call::ask(text).request()).await;
    assert_eq!(answered.status.as_u16(), 200, "{}", answered.text());
    assert!(!answered.text().contains("ana.lopez"));
    assert_eq!(answered.header("x-snowgate-masked-columns"), Some("2"));
    assert_eq!(answered.json()["resultSetMetaData"]["rowType"][1]["type"], "text");
    let exchange = answered.header("x-snowgate-exchange").unwrap();
    assert!(house.store.texts(".closing.json")[0].contains(exchange));
}
