//! A lie ends as a fault or a failure: never as a row, never as a hang.

use std::time::{Duration, Instant};

use gateway::ports::{Progress, Upstream, UpstreamHandle};
use gateway::{Fault, Retry};
use serde_json::{Value, json};

use super::support::{HANDLE, SECOND, THIRD, account, all, in_time, server, settings, start, work};
use crate::scripted::{Answer, Ending, When, gzip};

const COLUMNS: [(&str, &str); 1] = [("N", "fixed")];

fn honest() -> Value {
    json!({
        "resultSetMetaData": {
            "numRows": 1, "format": "jsonv2", "partitionInfo": [{ "rowCount": 1 }],
            "rowType": [{ "name": "N", "type": "fixed", "precision": 38, "scale": 0, "nullable": true }],
        },
        "data": [["secret-cell"]],
        "code": "090001",
        "statementHandle": HANDLE,
    })
}

fn altered(pointer: &str, value: Value) -> Answer {
    let mut body = honest();
    *body.pointer_mut(pointer).unwrap() = value;
    Answer::json(200, &body)
}

/// Starts against that answer, and reads all its rows.
async fn outcome(answer: Answer) -> Result<String, Fault> {
    let server = server().await;
    server.on(When::any(), [answer]);
    let account = account(settings(&server.url()));
    match start(&account, work("select n from t"), 1_000).await? {
        Progress::Done(finished) => match finished.first {
            Some(rows) => all(rows).await,
            None => all(in_time(account.rows(&finished.handle, 0, 0)).await?).await,
        },
        Progress::Running(_) | Progress::Failed(_) | Progress::Unknown => {
            panic!("it is neither done nor a fault")
        }
    }
}

#[track_caller]
fn assert_fault(name: &str, outcome: Result<String, Fault>) {
    let fault = outcome.expect_err(name);
    let mut shown = format!("{fault} {fault:?}");
    let mut source = std::error::Error::source(&fault);
    while let Some(cause) = source {
        shown.push_str(&format!(" {cause} {cause:?}"));
        source = cause.source();
    }
    assert!(!shown.contains("secret-cell") && !shown.contains("pat-of"), "{name}: {shown}");
}

#[tokio::test]
async fn the_honest_answer_is_read() {
    assert_eq!(outcome(Answer::json(200, &honest())).await.unwrap(), r#"[["secret-cell"]]"#);
    assert_eq!(outcome(Answer::json(200, &honest()).gzipped()).await.unwrap(), r#"[["secret-cell"]]"#);
}

#[tokio::test]
async fn surprise_fields_and_chunk_urls_are_ignored_and_never_followed() {
    let server = server().await;
    let mut body = honest();
    let fields = body.as_object_mut().unwrap();
    fields.insert("chunks".into(), json!([{ "url": format!("{}/chunk", server.url()), "rowCount": 5 }]));
    fields.insert("qrmk".into(), json!("secret"));
    fields.insert("surprise".into(), json!({ "data": [["x"]] }));
    server.on(When::any(), [Answer::json(200, &body).header("Location", "/elsewhere")]);
    let account = account(settings(&server.url()));
    let Progress::Done(finished) = start(&account, work("select 1"), 1_000).await.unwrap() else { panic!() };
    assert_eq!(all(finished.first.unwrap()).await.unwrap(), r#"[["secret-cell"]]"#);
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn rows_that_are_only_in_chunks_are_missing_rows() {
    let mut body = honest();
    body["data"] = json!([]);
    body["chunks"] = json!([{ "url": "http://127.0.0.1:1/", "rowCount": 1 }]);
    assert_fault("chunks", outcome(Answer::json(200, &body)).await);
}

#[tokio::test]
async fn a_contradictory_head_is_a_fault() {
    for (pointer, value) in [
        ("/resultSetMetaData/numRows", json!(2)),
        ("/resultSetMetaData/numRows", json!("1")),
        ("/resultSetMetaData/numRows", json!(-1)),
        ("/resultSetMetaData/partitionInfo/0/rowCount", json!(2)),
        ("/resultSetMetaData/partitionInfo", json!([{ "rowCount": 1 }, { "rowCount": 1 }])),
        ("/resultSetMetaData/partitionInfo", json!([{ "rowCount": u64::MAX }, { "rowCount": 2 }])),
        ("/resultSetMetaData/format", json!("arrowv1")),
        ("/resultSetMetaData/rowType", json!([])),
        ("/resultSetMetaData/rowType/0/name", json!(1)),
        ("/resultSetMetaData/rowType/0/scale", json!(-3)),
        ("/resultSetMetaData", Value::Null),
        ("/code", json!("000604")),
        ("/code", json!(90001)),
        ("/statementHandle", json!("../../session")),
        ("/statementHandle", Value::Null),
        ("/data", json!([["a"], ["b"]])),
        ("/data", json!([[1]])),
        ("/data", json!([[true]])),
        ("/data", json!([[{ "a": "b" }]])),
        ("/data", json!([["a", ["b"]]])),
        ("/data", json!(["a"])),
        ("/data", json!("secret-cell")),
        ("/data", Value::Null),
    ] {
        assert_fault(&format!("{pointer} {value}"), outcome(altered(pointer, value)).await);
    }
}

#[tokio::test]
async fn a_single_statement_answered_as_a_batch_is_a_fault() {
    assert_fault("batch", outcome(Answer::batch(HANDLE, &[SECOND])).await);
}

#[tokio::test]
async fn a_body_that_is_no_answer_is_a_fault() {
    let whole = honest().to_string();
    let twice = whole.replacen("\"data\"", "\"data\":[],\"data\"", 1);
    for (name, body) in [
        ("html", "<html>secret-cell</html>".to_owned()),
        ("empty", String::new()),
        ("trailing", format!("{whole}{whole}")),
        ("data twice", twice),
        ("not an object", "[]".to_owned()),
        ("deep", format!("{{\"x\":{}", "[".repeat(200_000))),
        ("huge beside its rows", format!("{{\"x\":\"{}\"}}", "a".repeat(9 << 20))),
    ] {
        assert_fault(name, outcome(Answer::body(200, "text/html", body)).await);
    }
    assert_fault(
        "latin-1",
        outcome(Answer::body(200, "application/json", b"{\"x\":\"\xe9\"}".to_vec())).await,
    );
}

#[tokio::test]
async fn a_body_cut_anywhere_is_a_fault() {
    let whole = honest().to_string();
    let length = whole.len();
    for cut in [0, 1, length / 2, length - 1] {
        // Cut with the announced length missed, and cut as if it were whole.
        assert_fault("cut", outcome(Answer::json(200, &honest()).ending(Ending::CutAfter(cut))).await);
        assert_fault(
            "short",
            outcome(Answer::body(200, "application/json", whole.get(..cut).unwrap())).await,
        );
        let zipped = gzip(whole.as_bytes());
        let part = zipped.get(..cut.min(zipped.len() - 1)).unwrap();
        let answer = Answer::body(200, "application/json", part).header("Content-Encoding", "gzip");
        assert_fault("cut gzip", outcome(answer).await);
    }
}

#[tokio::test]
async fn a_bomb_is_a_fault_and_takes_no_time() {
    let began = Instant::now();
    let spaces = " ".repeat(100 << 20);
    let bomb = gzip(format!("{{\"data\":[{spaces}]}}").as_bytes());
    drop(spaces);
    let answer = Answer::body(200, "application/json", bomb).header("Content-Encoding", "gzip");
    let built = began.elapsed();
    assert_fault("bomb", outcome(answer.clone()).await);
    assert!(began.elapsed() - built < Duration::from_secs(8));

    let server = server().await;
    server.on(When::any(), [answer]);
    let account = account(settings(&server.url()));
    let handle = UpstreamHandle { tier: domain::Tier::Read, text: format!("1:{HANDLE}") };
    let rows = in_time(account.rows(&handle, 0, 1)).await.unwrap();
    assert_fault("bomb of a partition", all(rows).await);
}

#[tokio::test]
async fn an_encoding_that_was_not_asked_for_is_a_fault() {
    assert_fault("br", outcome(Answer::json(200, &honest()).header("Content-Encoding", "br")).await);
    assert_fault("twice", outcome(Answer::json(200, &honest()).gzipped().gzipped()).await);
    assert_fault("none", outcome(Answer::json(200, &honest()).header("Content-Encoding", "gzip")).await);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = server().await;
    for status in [301, 302, 303, 307, 308] {
        let answer = Answer::status(status).header("Location", &elsewhere.url());
        assert_fault("redirect", outcome(answer).await);
    }
    assert!(elsewhere.received().is_empty(), "a bearer went elsewhere");
}

#[tokio::test]
async fn refused_credentials_are_a_lasting_fault_after_one_fresh_bearer() {
    for (status, requests) in [(401, 2), (403, 1)] {
        let server = server().await;
        server.on(When::any(), [Answer::status(status)]);
        let account = account(settings(&server.url()));
        let Err(fault) = start(&account, work("select 1"), 1_000).await else { panic!() };
        assert_eq!(fault.retry, Retry::Never);
        assert_eq!(server.received().len(), requests);
    }
}

#[tokio::test]
async fn a_failure_that_is_none_is_a_fault() {
    for body in [
        json!({ "code": "ABC", "message": "secret-cell" }),
        json!({ "code": 904, "message": "secret-cell" }),
        json!({ "message": "secret-cell" }),
        json!({ "code": "000904" }),
        json!({ "code": "000904", "sqlState": "4200", "message": "secret-cell" }),
        json!({ "code": "000904", "sqlState": "42 00", "message": "secret-cell" }),
        json!({ "code": "000904", "message": "secret-cell", "statementHandle": "x" }),
    ] {
        assert_fault(&body.to_string(), outcome(Answer::json(422, &body)).await);
    }
    assert_fault("html", outcome(Answer::body(422, "text/html", "secret-cell")).await);
}

#[tokio::test]
async fn an_answer_about_another_statement_is_a_fault() {
    for answer in [Answer::result(SECOND, &COLUMNS, &[]), Answer::running(SECOND)] {
        let server = server().await;
        server.on(When::any(), [answer]);
        let account = account(settings(&server.url()));
        let handle = UpstreamHandle { tier: domain::Tier::Read, text: format!("1:{HANDLE}") };
        assert!(in_time(account.poll(&handle, Duration::ZERO)).await.is_err());
    }
}

#[tokio::test]
async fn a_running_statement_without_its_code_or_handle_is_a_fault() {
    for body in [json!({ "code": "333334" }), json!({ "code": "090001", "statementHandle": HANDLE })] {
        assert_fault("running", outcome(Answer::json(202, &body)).await);
    }
}

#[tokio::test]
async fn a_batch_of_another_number_is_a_fault() {
    for children in [vec![SECOND], vec![SECOND, THIRD, HANDLE], vec![SECOND, SECOND], vec![SECOND, "x"]] {
        let server = server().await;
        server.on(When::submitted(), [Answer::batch(HANDLE, &children)]);
        server.on(When::any(), [Answer::result(SECOND, &COLUMNS, &[])]);
        let account = account(settings(&server.url()));
        let mut work = work("select 1; select 2");
        work.statement_count = 2;
        assert!(start(&account, work, 1_000).await.is_err(), "{children:?}");
    }
    let mut single = work("select 1; select 2");
    single.statement_count = 2;
    let server = server().await;
    server.on(When::any(), [Answer::result(HANDLE, &COLUMNS, &[])]);
    assert!(start(&account(settings(&server.url())), single, 1_000).await.is_err());
}

#[tokio::test]
async fn a_partition_that_lies_is_a_fault() {
    let handle = UpstreamHandle { tier: domain::Tier::Read, text: format!("1:{HANDLE}") };
    let whole = json!({ "data": [["1"], ["2"]] });
    for (name, answer) in [
        ("cut", Answer::json(200, &whole).gzipped().ending(Ending::CutAfter(20))),
        ("stalled", Answer::json(200, &whole).gzipped().ending(Ending::StallAfter(20))),
        ("short", Answer::body(200, "application/json", r#"{"data":[["1"],["2"]"#)),
        ("no rows", Answer::json(200, &json!({ "rows": [] }))),
        ("numbers", Answer::json(200, &json!({ "data": [["1"], [2]] }))),
        ("beside", Answer::body(200, "application/json", r#"{"data":[["1"]],"x":nonsense}"#)),
        ("running", Answer::running(HANDLE)),
        ("gone", Answer::status(404)),
        ("failed", Answer::failed(HANDLE, "000709", "02000", "secret-cell")),
    ] {
        let server = server().await;
        server.on(When::any(), [answer]);
        let account = account(settings(&server.url()));
        let outcome = match in_time(account.rows(&handle, 0, 1)).await {
            Ok(rows) => all(rows).await,
            Err(fault) => Err(fault),
        };
        assert_fault(name, outcome);
    }
}

#[tokio::test]
async fn rows_that_broke_once_never_look_like_an_end() {
    let server = server().await;
    server.on(When::any(), [Answer::body(200, "application/json", r#"{"data":[["1"],["#)]);
    let account = account(settings(&server.url()));
    let handle = UpstreamHandle { tier: domain::Tier::Read, text: format!("1:{HANDLE}") };
    let mut rows = in_time(account.rows(&handle, 0, 1)).await.unwrap();
    assert!(in_time(rows.next()).await.is_err());
    assert!(in_time(rows.next()).await.is_err());
}

#[tokio::test]
async fn a_foreign_handle_reaches_no_url() {
    let server = server().await;
    let account = account(settings(&server.url()));
    let handle = UpstreamHandle { tier: domain::Tier::Read, text: "1:../../session".into() };
    assert!(account.poll(&handle, Duration::ZERO).await.is_err());
    assert!(account.cancel(&handle).await.is_err());
    assert!(server.received().is_empty());
}
