//! Requests and answers written by hand from the specification, in `tests/golden`.
//!
//! A file is a conversation: what Snowflake answers to which text, then requests with their answers. Each step names,
//! for every query parameter, header and member that is sent or answered, however deep it lies (`rowType[].name`), the
//! section that says so; a member without a section fails, and so does a section without a member. `{handle}` stands
//! for the handle of the first answer, `{any}` for any value.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use domain::SqlType;
use gateway::Settings;
use serde_json::{Map, Value};

use crate::house::{Answer, Answered, Call, House, Table, column};

#[tokio::test]
async fn every_golden_conversation_goes_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 8, "the golden files are there");
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let conversation: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        hold(&name, &conversation).await;
    }
}

async fn hold(name: &str, conversation: &Value) {
    let page_size = conversation["page_size"].as_u64().map(|size| usize::try_from(size).unwrap());
    let defaults = Settings::default();
    let house = House::with(Settings { page_size: page_size.unwrap_or(defaults.page_size), ..defaults });
    for (text, answer) in object(&conversation["upstream"]) {
        house.script(text, scripted(answer));
    }
    let mut handle: Option<String> = None;
    for (at, step) in conversation["steps"].as_array().unwrap().iter().enumerate() {
        let place = format!("{name}, step {}", at + 1);
        check_sections(&place, step);
        let known = handle.clone().unwrap_or_default();
        let answered = house.send(call(&step["request"], &known).request()).await;
        if handle.is_none() {
            handle = answered.json()["statementHandle"].as_str().map(str::to_owned);
        }
        check(&place, &step["answer"], &answered, handle.as_deref().unwrap_or_default());
    }
}

fn call(request: &Value, handle: &str) -> Call {
    let path = request["path"].as_str().unwrap().replace("{handle}", handle);
    let mut call = match request["method"].as_str().unwrap() {
        "GET" => Call::get(path),
        "POST" if request["body"].is_null() => Call::post(path, ""),
        "POST" => Call::post(path, request["body"].to_string()),
        other => panic!("no such method: {other}"),
    };
    for (header, value) in object(&request["headers"]) {
        call = call.with(header, value.as_str().unwrap());
    }
    call
}

#[track_caller]
fn check(place: &str, expected: &Value, answered: &Answered, handle: &str) {
    let text = answered.text();
    assert_eq!(Value::from(answered.status.as_u16()), expected["status"], "{place}: {text}");
    for (header, value) in object(&expected["headers"]) {
        let value = value.as_str().map(|value| value.replace("{handle}", handle));
        assert_eq!(answered.header(header), value.as_deref(), "{place}: {header}");
    }
    let written: Value =
        serde_json::from_str(&expected["body"].to_string().replace("{handle}", handle)).unwrap();
    let found = blank(answered.json(), &written);
    assert_eq!(found, written, "{place}");
}

/// `found` with `{any}` wherever `written` says so; null is not any value.
fn blank(found: Value, written: &Value) -> Value {
    match (found, written) {
        (found, Value::String(any)) if any == "{any}" && !found.is_null() => Value::from("{any}"),
        (Value::Object(found), Value::Object(written)) => found
            .into_iter()
            .map(|(name, value)| {
                let value = blank(value, written.get(&name).unwrap_or(&Value::Null));
                (name, value)
            })
            .collect(),
        (Value::Array(found), Value::Array(written)) => {
            let mut expected = written.iter();
            found.into_iter().map(|value| blank(value, expected.next().unwrap_or(&Value::Null))).collect()
        }
        (found, _) => found,
    }
}

/// The sections that `ARCHITECTURE.md` lists.
const SECTIONS: [&str; 11] = ["1.1", "1.2", "1.3", "1.4", "1.5", "2.5", "3.1", "4.1", "5.1", "5.2", "5.3"];

/// Everything that is sent and answered has its section, and every section something that it is for.
#[track_caller]
fn check_sections(place: &str, step: &Value) {
    let mut members = BTreeSet::new();
    let (_, query) = step["request"]["path"].as_str().unwrap().split_once('?').unwrap_or_default();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        members.insert(format!("request.query.{}", pair.split('=').next().unwrap()));
    }
    for side in ["request", "answer"] {
        for part in ["headers", "body"] {
            add_members(&format!("{side}.{part}"), &step[side][part], &mut members);
        }
    }
    let named: BTreeSet<String> = object(&step["sections"]).keys().cloned().collect();
    assert_eq!(named, members, "{place}: sections");
    for (member, section) in object(&step["sections"]) {
        assert!(SECTIONS.iter().any(|known| section == known), "{place}: {member}: {section}");
    }
}

/// The members of this value, by their paths; the entries of an array share one.
fn add_members(path: &str, value: &Value, members: &mut BTreeSet<String>) {
    for (name, inner) in object(value) {
        let path = format!("{path}.{name}");
        add_members(&path, inner, members);
        members.insert(path);
    }
    for entry in value.as_array().into_iter().flatten() {
        add_members(&format!("{path}[]"), entry, members);
    }
}

#[test]
fn a_field_without_its_section_is_missed_wherever_it_lies() {
    let file = include_str!("../golden/select.json");
    let step = serde_json::from_str::<Value>(file).unwrap()["steps"][0].clone();
    check_sections("as committed", &step);
    let named: Vec<String> = object(&step["sections"]).keys().cloned().collect();
    for deep in [
        "request.query.requestId",
        "request.body.parameters.TIMEZONE",
        "answer.body.resultSetMetaData.rowType[].byteLength",
    ] {
        assert!(named.iter().any(|member| member == deep), "{deep}");
    }
    for member in named {
        let mut step = step.clone();
        step["sections"].as_object_mut().unwrap().remove(&member);
        assert!(std::panic::catch_unwind(|| check_sections("one less", &step)).is_err(), "{member}");
    }
}

fn object(value: &Value) -> &Map<String, Value> {
    static NONE: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    value.as_object().unwrap_or(&NONE)
}

/// `"runs"`, `{"fails": [code, sqlstate, message]}` or `{"results": [{"columns": [[name, type, …]], "rows": [[…]]}]}`.
fn scripted(answer: &Value) -> Answer {
    if answer == "runs" {
        return Answer::Runs;
    }
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    if let Some(failure) = answer["fails"].as_array() {
        return Answer::Fails(text(&failure[0]), text(&failure[1]), text(&failure[2]));
    }
    let tables = answer["results"].as_array().unwrap().iter().map(|table| Table {
        columns: table["columns"]
            .as_array()
            .unwrap()
            .iter()
            .map(|facets| {
                let number = |name: &str| facets[name].as_u64();
                let sql_type = SqlType::from_wire(
                    facets["type"].as_str().unwrap(),
                    number("precision"),
                    number("scale"),
                    number("length"),
                );
                column(facets["name"].as_str().unwrap(), sql_type, facets["nullable"] != false)
            })
            .collect(),
        rows: table["rows"].as_array().unwrap().clone(),
    });
    Answer::Results(tables.collect())
}
