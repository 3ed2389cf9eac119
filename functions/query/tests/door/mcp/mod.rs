//! The MCP door: its protocol, and every tool.

mod protocol;
mod streams;
mod tasks;
mod tools;

use http::StatusCode;
use serde_json::{Value, json};

use crate::house::{Answered, Call, House};

const MODERN: &str = "2026-07-28";

/// A message as a client of 2025-11-25 sends it.
fn post(message: &Value) -> Call {
    Call::post("/mcp", message.to_string())
        .without("user-agent")
        .with("accept", "application/json, text/event-stream")
        .with("host", "127.0.0.1:8181")
        .with("mcp-protocol-version", "2025-11-25")
}

fn request(method: &str, params: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params })
}

/// A message as a client of 2026-07-28 sends it.
fn modern(method: &str, params: &Value) -> Call {
    let mut params = params.clone();
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientInfo": { "name": "a", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
        "claudecode/toolUseId": "toolu_1",
    });
    let name = params["name"].as_str().unwrap_or_default().to_owned();
    let call =
        post(&request(method, &params)).with("mcp-protocol-version", MODERN).with("mcp-method", method);
    if name.is_empty() { call } else { call.with("mcp-name", &name) }
}

/// The same with an extension that it declares, and what it names its progress.
fn with_meta(name: &str, arguments: &Value, more: &Value) -> Call {
    let mut meta = json!({
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    more.as_object().unwrap().iter().for_each(|(key, value)| meta[key] = value.clone());
    let params = json!({ "name": name, "arguments": arguments, "_meta": meta });
    let call = post(&request("tools/call", &params));
    call.with("mcp-protocol-version", MODERN).with("mcp-method", "tools/call").with("mcp-name", name)
}

fn tool(name: &str, arguments: &Value) -> Call {
    post(&request("tools/call", &json!({ "name": name, "arguments": arguments })))
}

/// The structured content of a tool's result, which its text repeats and its output schema describes.
#[track_caller]
fn told(answered: &Answered, is_error: bool) -> Value {
    assert_eq!(answered.status, StatusCode::OK, "{}", answered.text());
    let result = &answered.json()["result"];
    assert_eq!(result["isError"], json!(is_error), "{}", answered.text());
    let text = result["content"][0]["text"].as_str().unwrap();
    assert_eq!(serde_json::from_str::<Value>(text).unwrap(), result["structuredContent"]);
    result["structuredContent"].clone()
}

async fn call(house: &House, name: &str, arguments: Value, is_error: bool) -> Value {
    let answered = house.send(tool(name, &arguments).request()).await;
    let told = told(&answered, is_error);
    let listed = house.send(post(&request("tools/list", &json!({}))).request()).await.json();
    let tools = listed["result"]["tools"].as_array().unwrap().clone();
    let schema = tools.into_iter().find(|tool| tool["name"] == name).unwrap()["outputSchema"].clone();
    conforms(&told, &schema, name);
    told
}

/// As much of JSON Schema as the tools' schemas use.
#[track_caller]
fn conforms(value: &Value, schema: &Value, place: &str) {
    let is = |kind: &str| match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("{other}"),
    };
    match &schema["type"] {
        Value::Array(kinds) => {
            assert!(kinds.iter().any(|kind| is(kind.as_str().unwrap())), "{place}: {value}");
        }
        kind => assert!(is(kind.as_str().unwrap()), "{place}: {value}"),
    }
    if let Some(words) = schema["enum"].as_array() {
        assert!(words.contains(value), "{place}: {value}");
    }
    if let Some(required) = schema["required"].as_array() {
        required
            .iter()
            .for_each(|name| assert!(value.get(name.as_str().unwrap()).is_some(), "{place}: {name}"));
    }
    for (name, member) in value.as_object().into_iter().flatten() {
        let schema = schema["properties"].get(name).unwrap_or_else(|| panic!("{place}: unknown {name}"));
        conforms(member, schema, &format!("{place}.{name}"));
    }
    for item in value.as_array().into_iter().flatten() {
        conforms(item, &schema["items"], place);
    }
}

#[track_caller]
fn fails(answered: &Answered, status: u16, code: i64) {
    assert_eq!(
        (answered.status.as_u16(), &answered.json()["error"]["code"]),
        (status, &json!(code)),
        "{}",
        answered.text()
    );
    assert!(answered.json().get("result").is_none());
}
