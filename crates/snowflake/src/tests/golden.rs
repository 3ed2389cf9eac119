//! Requests and answers written by hand from the specification, field by field.
//!
//! Each file in `tests/golden` has `_section` (for each query parameter, header and field, however deep it lies, the
//! section of the notes that `ARCHITECTURE.md` lists, and its name in Snowflake's SQL API reference), `do` (what is
//! done), `exchanges` (the requests that must be sent, in order, and what is answered) and `expect`.

use std::collections::BTreeSet;
use std::path::Path;

use gateway::Fault;
use gateway::ports::{Progress, ResultHead, Upstream, UpstreamHandle};
use serde_json::{Value, json};

use super::support::{account, all, in_time, server, settings, start, work};
use crate::scripted::{Answer, Scripted, When};

#[tokio::test]
async fn every_request_and_answer_is_as_the_specification_writes_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let file: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        check(&name, &file).await;
        count += 1;
    }
    assert!(count >= 9, "only {count} files");
}

async fn check(name: &str, file: &Value) {
    assert_sections(name, file);
    let server = server().await;
    let exchanges = file["exchanges"].as_array().unwrap();
    let answers: Vec<Answer> = exchanges.iter().map(|exchange| answer(&exchange["answer"])).collect();
    server.on(When::any(), answers);

    let came = act(&server, &file["do"]).await;
    assert_eq!(came, file["expect"], "{name}");

    let received = server.received();
    assert_eq!(received.len(), exchanges.len(), "{name}: requests");
    for (request, exchange) in received.iter().zip(exchanges) {
        let expected = &exchange["request"];
        let target = match request.query.as_str() {
            "" => request.path.clone(),
            query => format!("{}?{query}", request.path),
        };
        assert_eq!(format!("{} {target}", request.method), expected["line"], "{name}");
        for (header, value) in expected["headers"].as_object().unwrap() {
            let sent = request.header(&header.to_lowercase());
            assert_eq!(sent, value.as_str(), "{name}: {header}");
        }
        let body: Value = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        assert_eq!(body, expected["body"], "{name}");
    }
}

/// The sections that `ARCHITECTURE.md` lists.
const SECTIONS: [&str; 11] = ["1.1", "1.2", "1.3", "1.4", "1.5", "2.5", "3.1", "4.1", "5.1", "5.2", "5.3"];

/// Everything that is sent and answered has its section, and every section something that it is for.
#[track_caller]
fn assert_sections(name: &str, file: &Value) {
    let sections = file["_section"].as_object().unwrap_or_else(|| panic!("{name}: no _section"));
    let mut fields = BTreeSet::new();
    for exchange in file["exchanges"].as_array().unwrap() {
        let line = exchange["request"]["line"].as_str().unwrap();
        let (_, query) = line.split_once('?').unwrap_or_default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            fields.insert(format!("request.query.{}", pair.split('=').next().unwrap()));
        }
        for side in ["request", "answer"] {
            for part in ["headers", "body"] {
                add_fields(&format!("{side}.{part}"), &exchange[side][part], &mut fields);
            }
        }
    }
    let named: BTreeSet<String> = sections.keys().cloned().collect();
    assert_eq!(named, fields, "{name}: sections");
    for (field, section) in sections {
        let number = section.as_str().unwrap().split(' ').next().unwrap();
        assert!(SECTIONS.contains(&number), "{name}: {field}: {section}");
    }
}

/// The fields of this value, by their paths; the entries of an array share one.
fn add_fields(path: &str, value: &Value, fields: &mut BTreeSet<String>) {
    for (name, inner) in value.as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        add_fields(&path, inner, fields);
        fields.insert(path);
    }
    for entry in value.as_array().into_iter().flatten() {
        add_fields(&format!("{path}[]"), entry, fields);
    }
}

#[test]
fn a_field_without_its_section_is_missed_wherever_it_lies() {
    let file: Value = serde_json::from_str(include_str!("../../tests/golden/submit-bound.json")).unwrap();
    assert_sections("as committed", &file);
    let named: Vec<String> = file["_section"].as_object().unwrap().keys().cloned().collect();
    for deep in [
        "request.query.nullable",
        "request.headers.Snowflake-Account",
        "request.body.bindings.1.type",
        "answer.body.resultSetMetaData.rowType[].byteLength",
    ] {
        assert!(named.iter().any(|field| field == deep), "{deep}");
    }
    for field in named {
        let mut file = file.clone();
        file["_section"].as_object_mut().unwrap().remove(&field);
        assert!(std::panic::catch_unwind(|| assert_sections("one less", &file)).is_err(), "{field}");
    }
}

fn answer(file: &Value) -> Answer {
    let status = u16::try_from(file["status"].as_u64().unwrap()).unwrap();
    let mut answer = Answer::json(status, &file["body"]);
    if file["gzip"] == json!(true) {
        answer = answer.gzipped();
    }
    for (header, value) in file["headers"].as_object().into_iter().flatten() {
        answer = answer.header(header, value.as_str().unwrap());
    }
    answer
}

async fn act(server: &Scripted, what: &Value) -> Value {
    let account = account(settings(&server.url()));
    let wait = what["wait_ms"].as_u64().unwrap_or(0);
    let handle = UpstreamHandle {
        tier: domain::Tier::Read,
        text: what["handle"].as_str().unwrap_or_default().to_owned(),
    };
    match what["verb"].as_str().unwrap() {
        "start" => {
            let mut work = work(what["statement"].as_str().unwrap());
            work.statement_count = what["count"].as_u64().map_or(1, |count| u32::try_from(count).unwrap());
            for (position, binding) in what["bindings"].as_object().into_iter().flatten() {
                let kind = binding["type"].as_str().unwrap().to_owned();
                let value = binding["value"].as_str().map(str::to_owned);
                work.bindings.insert(position.parse().unwrap(), domain::Binding { kind, value });
            }
            said(start(&account, work, wait).await).await
        }
        "poll" => said(in_time(account.poll(&handle, std::time::Duration::from_millis(wait))).await).await,
        "rows" => {
            let partition = usize::try_from(what["partition"].as_u64().unwrap()).unwrap();
            let rows = in_time(account.rows(&handle, 0, partition)).await.unwrap();
            json!({ "rows": all(rows).await.unwrap() })
        }
        "cancel" => match in_time(account.cancel(&handle)).await {
            Ok(()) => json!("cancelled"),
            Err(fault) => json!({ "fault": fault.to_string() }),
        },
        other => panic!("`{other}` is no verb"),
    }
}

async fn said(progress: Result<Progress, Fault>) -> Value {
    match progress {
        Err(fault) => json!({ "fault": fault.to_string() }),
        Ok(Progress::Running(handle)) => json!({ "running": handle.text }),
        Ok(Progress::Unknown) => json!("unknown"),
        Ok(Progress::Failed(failure)) => json!({ "failed": {
            "code": failure.code, "sqlstate": failure.sqlstate, "message": failure.message,
            "query_id": failure.query_id,
        }}),
        Ok(Progress::Done(finished)) => {
            let parts: Vec<Value> = finished.parts.iter().map(head).collect();
            let rows = match finished.first {
                Some(rows) => json!(all(rows).await.unwrap()),
                None => Value::Null,
            };
            json!({ "done": { "handle": finished.handle.text, "parts": parts, "rows": rows } })
        }
    }
}

fn head(head: &ResultHead) -> Value {
    let columns: Vec<String> = head
        .columns
        .iter()
        .map(|column| {
            let origin = column.origin.as_ref().map(|origin| format!(" of {}", origin.object));
            format!(
                "{} {:?}{}{}",
                column.name,
                column.sql_type,
                if column.is_nullable { "" } else { " not null" },
                origin.unwrap_or_default()
            )
        })
        .collect();
    json!({ "query_id": head.query_id, "columns": columns, "rows": head.rows, "partitions": head.partitions })
}
