//! Exports that are made to cost much.

use serde_json::{Map, Value, json};

use crate::otlp::{Form, Signal};

/// What is exported, before it is written in either form.
pub(crate) struct Export {
    pub signal: Signal,
    pub groups: Vec<Group>,
}

/// What one resource tells.
#[derive(Clone, Default)]
pub(crate) struct Group {
    pub resource: Vec<(String, Value)>,
    pub items: Vec<Told>,
}

/// A log record or a span.
#[derive(Clone, Default)]
pub(crate) struct Told {
    pub name: String,
    /// Of its span, and of the one that it lies in.
    pub ids: Option<(u64, u64)>,
    pub trace: Option<u128>,
    pub attributes: Vec<(String, Value)>,
}

impl Export {
    pub fn encode(&self, form: Form) -> Vec<u8> {
        let Self { signal, groups } = self;
        match form {
            Form::Json => as_json(*signal, groups).to_string().into_bytes(),
            Form::Protobuf => {
                groups.iter().flat_map(|group| field(1, &group_bytes(*signal, group))).collect()
            }
        }
    }
}

fn as_json(signal: Signal, groups: &[Group]) -> Value {
    let (groups_at, scopes_at, items_at) = match signal {
        Signal::Logs => ("resourceLogs", "scopeLogs", "logRecords"),
        Signal::Traces => ("resourceSpans", "scopeSpans", "spans"),
    };
    let item = |Told { name, ids, trace, attributes }: &Told| {
        let mut item = Map::new();
        if !name.is_empty() {
            let at = if signal == Signal::Logs { "eventName" } else { "name" };
            item.insert(at.into(), json!(name));
        }
        if let Some((span, parent)) = ids {
            item.insert("spanId".into(), json!(format!("{span:016x}")));
            item.insert("parentSpanId".into(), json!(format!("{parent:016x}")));
        }
        if let Some(trace) = trace {
            item.insert("traceId".into(), json!(format!("{trace:032x}")));
        }
        if !attributes.is_empty() {
            item.insert("attributes".into(), pairs(attributes));
        }
        Value::Object(item)
    };
    let group = |Group { resource, items }: &Group| {
        let items: Vec<Value> = items.iter().map(item).collect();
        json!({ "resource": { "attributes": pairs(resource) }, scopes_at: [{ items_at: items }] })
    };
    json!({ groups_at: groups.iter().map(group).collect::<Vec<_>>() })
}

fn pairs(attributes: &[(String, Value)]) -> Value {
    attributes.iter().map(|(key, value)| json!({ "key": key, "value": any(value) })).collect()
}

fn any(value: &Value) -> Value {
    match value {
        Value::String(text) => json!({ "stringValue": text }),
        Value::Array(list) => json!({ "arrayValue": { "values": list.iter().map(any).collect::<Vec<_>>() } }),
        Value::Object(map) => {
            let map: Vec<(String, Value)> =
                map.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
            json!({ "kvlistValue": { "values": pairs(&map) } })
        }
        Value::Bool(is) => json!({ "boolValue": is }),
        Value::Number(number) => json!({ "intValue": number.to_string() }),
        Value::Null => json!({}),
    }
}

/// A field of bytes.
pub(crate) fn field(number: u64, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    varint(number << 3 | 2, &mut out);
    varint(bytes.len() as u64, &mut out);
    out.extend_from_slice(bytes);
    out
}

fn varint(number: u64, out: &mut Vec<u8>) {
    let mut rest = number;
    while rest >= 0x80 {
        out.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

fn group_bytes(signal: Signal, Group { resource, items }: &Group) -> Vec<u8> {
    let items: Vec<u8> = items.iter().flat_map(|item| field(2, &item_bytes(signal, item))).collect();
    [field(1, &pair_bytes(1, resource)), field(2, &items)].concat()
}

fn item_bytes(signal: Signal, Told { name, ids, trace, attributes }: &Told) -> Vec<u8> {
    let (name_at, trace_at, attributes_at) = match signal {
        Signal::Logs => (12, 9, 6),
        Signal::Traces => (5, 1, 9),
    };
    let mut out = Vec::new();
    if let Some(trace) = trace {
        out.extend(field(trace_at, &trace.to_be_bytes()));
    }
    if let (Some((span, parent)), Signal::Traces) = (ids, signal) {
        out.extend(field(2, &span.to_be_bytes()));
        out.extend(field(4, &parent.to_be_bytes()));
    }
    if !name.is_empty() {
        out.extend(field(name_at, name.as_bytes()));
    }
    out.extend(pair_bytes(attributes_at, attributes));
    out
}

fn pair_bytes(at: u64, attributes: &[(String, Value)]) -> Vec<u8> {
    let pair = |(key, value): &(String, Value)| {
        field(at, &[field(1, key.as_bytes()), field(2, &any_bytes(value))].concat())
    };
    attributes.iter().flat_map(pair).collect()
}

fn any_bytes(value: &Value) -> Vec<u8> {
    match value {
        Value::String(text) => field(1, text.as_bytes()),
        Value::Array(list) => {
            field(5, &list.iter().flat_map(|value| field(1, &any_bytes(value))).collect::<Vec<u8>>())
        }
        Value::Object(map) => {
            let map: Vec<(String, Value)> =
                map.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
            field(6, &pair_bytes(1, &map))
        }
        Value::Bool(is) => vec![0x10, u8::from(*is)],
        Value::Number(number) => {
            let mut out = vec![0x18];
            varint(number.as_i64().unwrap_or_default() as u64, &mut out);
            out
        }
        Value::Null => Vec::new(),
    }
}

/// So many of them that they come to that size.
fn many<T: Clone>(size: usize, each: usize, one: T) -> Vec<T> {
    vec![one; (size / each).max(1)]
}

fn text(key: &str, value: impl Into<String>) -> (String, Value) {
    (key.to_owned(), Value::String(value.into()))
}

/// As long as an id may be.
fn id() -> String {
    "i".repeat(gateway::LONGEST_ID)
}

fn resource() -> Vec<(String, Value)> {
    vec![text("snowgate.subject", id()), text("session.id", id())]
}

fn of(signal: Signal, items: Vec<Told>) -> Export {
    Export { signal, groups: vec![Group { resource: resource(), items }] }
}

fn call(input: impl Into<String>, output: impl Into<String>) -> Told {
    let attributes = vec![text("gen_ai.input.messages", input), text("gen_ai.output.messages", output)];
    Told { attributes, ..Told::default() }
}

/// A list of as many of these as come to that size.
fn list(size: usize, one: &str) -> String {
    format!("[{}]", vec![one; (size / (one.len() + 1)).max(1)].join(","))
}

/// A model's call that received these messages, and one that produced them.
pub(crate) fn received(messages: &str) -> Export {
    of(Signal::Traces, vec![call(messages, format!("[{{\"parts\":[{USE}]}}]"))])
}

pub(crate) fn produced(messages: &str) -> Export {
    of(Signal::Traces, vec![call(r#"[{"role":"user","content":"x"}]"#, messages)])
}

/// Messages that cost more than others of their length, or change what becomes of those before them.
pub(crate) const UNITS: &[&str] = &[
    "7",
    "{}",
    "[]",
    "null",
    r#"{"role":"user"}"#,
    r#"{"role":"user","content":"x"}"#,
    r#"{"role":"user","content":"<system-reminder>x</system-reminder>"}"#,
    r#"{"role":"user","content":"<command-name>/x</command-name>"}"#,
    r#"{"role":"user","content":"x","parts":7}"#,
    r#"{"role":"user","content":[7,7,7,{},[]]}"#,
    r#"{"role":"user","content":[{"type":"image"},{"type":"text","text":"x"}]}"#,
    r#"{"role":"user","content":[{"type":"tool_result","content":"x"}]}"#,
    r#"{"role":"model"}"#,
    r#"{"role":"x"}"#,
    r#"{"role":7}"#,
    r#"{"role":"system","content":"x"}"#,
    r#"{"parts":[{"type":"use","id":"","name":"run_sql"}],"content":[{"type":"use","id":"","name":"run_sql"}]}"#,
    r#"{"parts":[{"type":"use","id":7,"name":"run_sql"},{"id":7}]}"#,
    r#"{"content":[{"type":"call","id":"i","name":"run_sql","input":{"statement":"x"}},{"type":"call","name":"run_sql"}]}"#,
    r#"{"content":[{"type":"call","id":"i","name":"check_sql","arguments":"{\"statement\":7}"}]}"#,
];

const USE: &str = r#"{"type":"use","id":"","name":"run_sql"}"#;

fn input(size: usize, one: &str) -> Export {
    of(Signal::Traces, vec![call(list(size, one), format!("[{{\"parts\":[{USE}]}}]"))])
}

fn parts(size: usize, one: &str) -> Export {
    input(size, &format!(r#"{{"role":"user","content":{}}}"#, list(size, one)))
}

fn output(size: usize, one: &str) -> Export {
    of(
        Signal::Traces,
        vec![call(r#"[{"role":"user","content":"x"}]"#, format!(r#"[{{"content":{}}}]"#, list(size, one)))],
    )
}

/// The same with what its texts of JSON hold as values.
pub(crate) fn structured(export: Export) -> Export {
    let mut export = export;
    for group in &mut export.groups {
        for (_, value) in group.items.iter_mut().flat_map(|item| &mut item.attributes) {
            if let Some(read) = value.as_str().and_then(|text| serde_json::from_str(text).ok()) {
                *value = read;
            }
        }
    }
    export
}

/// A name and what makes an export of about that many bytes.
pub(crate) type Shape = (&'static str, fn(usize) -> Export);

pub(crate) const SHAPES: &[Shape] = &[
    ("empty records", |size| of(Signal::Logs, many(size, 2, Told::default()))),
    ("empty spans", |size| of(Signal::Traces, many(size, 2, Told::default()))),
    ("prompts", |size| {
        let attributes = vec![text("prompt", "x")];
        of(Signal::Logs, many(size, 30, Told { name: "user_prompt".into(), attributes, ..Told::default() }))
    }),
    ("decisions", |size| {
        let attributes = vec![text("tool_use_id", "x")];
        of(Signal::Logs, many(size, 35, Told { name: "tool_decision".into(), attributes, ..Told::default() }))
    }),
    ("tools under one another", |size| {
        let tool = |n| Told {
            name: "claude_code.tool".into(),
            ids: Some((n + 1, n)),
            attributes: vec![text("tool_use_id", "x")],
            ..Told::default()
        };
        of(Signal::Traces, (1..(size / 50) as u64).map(tool).collect())
    }),
    ("tools each of its own trace", |size| {
        let tool = |n| Told {
            name: "claude_code.tool".into(),
            ids: Some((n + 1, n)),
            trace: Some(u128::from(n)),
            attributes: vec![text("tool_use_id", "x")],
        };
        of(Signal::Traces, (1..(size / 70) as u64).map(tool).collect())
    }),
    ("resources", |size| Export { signal: Signal::Traces, groups: many(size, 4, Group::default()) }),
    ("resources that tell of a mailbox", |size| {
        let items = vec![Told {
            name: "interaction".into(),
            attributes: vec![text("user_prompt", "x")],
            ..Told::default()
        }];
        let resource = vec![text("user.email", "a@b")];
        Export { signal: Signal::Traces, groups: many(size, 60, Group { resource, items }) }
    }),
    ("unknown attributes", |size| {
        of(Signal::Logs, vec![Told { attributes: many(size, 6, text("", "")), ..Told::default() }])
    }),
    ("long keys", |size| {
        of(
            Signal::Logs,
            vec![Told { attributes: many(size, 4000, text(&"k".repeat(4000), "")), ..Told::default() }],
        )
    }),
    ("odd keys", |size| {
        of(
            Signal::Logs,
            vec![Told { attributes: many(size, 300, text(&"\u{1}".repeat(300), "")), ..Told::default() }],
        )
    }),
    ("one attribute again and again", |size| {
        of(Signal::Logs, vec![Told { attributes: many(size, 20, text("prompt", "x")), ..Told::default() }])
    }),
    ("one list again and again", |size| {
        let value = json!(vec![Value::Null; 100]);
        of(
            Signal::Logs,
            vec![Told { attributes: many(size, 210, ("prompt".into(), value)), ..Told::default() }],
        )
    }),
    ("one attribute in each item", |size| {
        of(Signal::Logs, many(size, 16, Told { attributes: vec![text("prompt", "")], ..Told::default() }))
    }),
    ("a name", |size| of(Signal::Logs, vec![Told { name: "n".repeat(size), ..Told::default() }])),
    ("a prompt", |size| {
        of(
            Signal::Logs,
            vec![Told {
                name: "user_prompt".into(),
                attributes: vec![text("prompt", "p".repeat(size))],
                ..Told::default()
            }],
        )
    }),
    ("a prompt of control characters", |size| {
        of(
            Signal::Logs,
            vec![Told {
                name: "user_prompt".into(),
                attributes: vec![text("prompt", "\u{1}".repeat(size))],
                ..Told::default()
            }],
        )
    }),
    ("a tool", |size| {
        let attributes = vec![
            text("tool_use_id", "x"),
            text("tool_name", "mcp_tool"),
            text(
                "tool_parameters",
                format!("{{\"mcp_server_name\":\"{}\",\"mcp_tool_name\":\"run_sql\"}}", "s".repeat(size)),
            ),
        ];
        of(Signal::Logs, vec![Told { name: "tool_result".into(), attributes, ..Told::default() }])
    }),
    ("a list of nothing", |size| {
        of(
            Signal::Traces,
            vec![Told {
                attributes: vec![("gen_ai.input.messages".into(), json!(vec![Value::Null; size / 2]))],
                ..Told::default()
            }],
        )
    }),
    ("a map of nothing", |size| {
        let map: Map<String, Value> = (0..size / 10).map(|n| (format!("{n}"), Value::Null)).collect();
        of(
            Signal::Traces,
            vec![Told {
                attributes: vec![("gen_ai.input.messages".into(), Value::Object(map))],
                ..Told::default()
            }],
        )
    }),
    ("a list of control characters", |size| {
        of(
            Signal::Traces,
            vec![Told {
                attributes: vec![("gen_ai.input.messages".into(), json!(["\u{1}".repeat(size)]))],
                ..Told::default()
            }],
        )
    }),
    ("a deep value", |size| {
        let mut value = json!(vec![Value::Null; size / 2]);
        for _ in 0..28 {
            value = json!({ "k": value });
        }
        of(
            Signal::Traces,
            vec![Told { attributes: vec![("gen_ai.input.messages".into(), value)], ..Told::default() }],
        )
    }),
    ("values too deep", |size| {
        let mut value = Value::Null;
        for _ in 0..24 {
            value = json!([value]);
        }
        let value = json!(vec![value; size / 100 + 1]);
        of(
            Signal::Traces,
            vec![Told { attributes: vec![("gen_ai.input.messages".into(), value)], ..Told::default() }],
        )
    }),
    ("messages: numbers", |size| input(size, "7")),
    ("messages: numbers, structured", |size| structured(input(size, "7"))),
    ("messages: empty", |size| input(size, "{}")),
    ("messages: words", |size| input(size, r#"{"role":"user","content":"x"}"#)),
    ("messages: words, structured", |size| structured(input(size, r#"{"role":"user","content":"x"}"#))),
    ("messages: nothing said", |size| input(size, r#"{"role":"user"}"#)),
    ("messages: of another role", |size| input(size, r#"{"role":"x"}"#)),
    ("messages: two forms", |size| input(size, r#"{"role":"user","content":"x","parts":7}"#)),
    ("messages: one part of no text", |size| input(size, r#"{"role":"user","content":[7]}"#)),
    ("messages: reminders", |size| {
        input(size, r#"{"role":"user","content":"<system-reminder>x</system-reminder>"}"#)
    }),
    ("messages: answers", |size| input(size, r#"{"role":"model"}"#)),
    ("messages: long", |size| input(size, &format!(r#"{{"role":"user","content":"{}"}}"#, "x".repeat(size)))),
    ("messages: deep", |size| input(size, &format!("{}{}", "[".repeat(100), "]".repeat(100)))),
    ("messages: half characters", |size| {
        input(size, &format!(r#"{{"role":"user","content":"{}"}}"#, "\\ud83d".repeat(100)))
    }),
    ("messages: commands", |size| {
        input(size, r#"{"role":"user","content":"<command-name>/x</command-name>"}"#)
    }),
    ("parts: numbers", |size| parts(size, "7")),
    ("parts: empty", |size| parts(size, "{}")),
    ("parts: texts", |size| parts(size, r#"{"type":"text","text":""}"#)),
    ("parts: texts, structured", |size| structured(parts(size, r#"{"type":"text","text":""}"#))),
    ("parts: images", |size| parts(size, r#"{"type":"image","id":"x"}"#)),
    ("parts: many kinds", |size| parts(size, &format!(r#"{{"type":"{}"}}"#, "t".repeat(200)))),
    ("parts: odd kinds", |size| parts(size, r#"{"type":"\n"}"#)),
    ("parts: answers", |size| parts(size, r#"{"type":"tool_result"}"#)),
    ("tool uses", |size| output(size, USE)),
    ("tool uses, structured", |size| structured(output(size, USE))),
    ("tool uses with statements", |size| {
        output(size, r#"{"type":"use","id":"","name":"run_sql","input":{"statement":""}}"#)
    }),
    ("tool uses with a text of arguments", |size| {
        output(size, r#"{"type":"use","id":"","name":"run_sql","input":"{\"statement\":\"\"}"}"#)
    }),
    ("tool uses of others", |size| output(size, r#"{"type":"use","id":"","name":"x"}"#)),
    ("tool uses without an id", |size| output(size, r#"{"type":"use","name":"run_sql"}"#)),
    ("tool uses with a long id", |size| {
        output(size, &format!(r#"{{"type":"use","id":"{}","name":"run_sql"}}"#, id()))
    }),
    ("a tool use with a long statement", |size| {
        output(
            size,
            &format!(
                r#"{{"type":"use","id":"","name":"run_sql","input":{{"statement":"{}"}}}}"#,
                "x".repeat(size.min(1 << 20))
            ),
        )
    }),
    ("answers: numbers", |size| of(Signal::Traces, vec![call("[]", list(size, "7"))])),
    ("answers: empty", |size| of(Signal::Traces, vec![call("[]", list(size, "{}"))])),
    ("answers: one tool use each", |size| {
        of(Signal::Traces, vec![call("[]", list(size, &format!("{{\"parts\":[{USE}]}}")))])
    }),
    ("calls", |size| of(Signal::Traces, many(size, 110, call("", format!("[{{\"parts\":[{USE}]}}]"))))),
    ("calls with words", |size| {
        of(
            Signal::Traces,
            many(size, 140, call(r#"[{"role":"user","content":"x"}]"#, format!("[{{\"parts\":[{USE}]}}]"))),
        )
    }),
    ("calls without uses", |size| of(Signal::Traces, many(size, 80, call(r#"[7]"#, "[]")))),
];

/// JSON that is no export, or none that can be read: what repeats, and what stands around it.
pub(crate) const ODD: &[(&str, &str, &str)] = &[
    (r#"{"resourceLogs":["#, "{}", "]}"),
    (r#"{"resourceLogs":[{"scopeLogs":["#, "{}", "]}]}"),
    (r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":["#, "7", "]}]}]}"),
    (r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":["#, r#"{"name":1,"name":1}"#, "]}]}]}"),
    (r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":["#, r#"{"traceId":7}"#, "]}]}]}"),
    (r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":["#, r#"{"body":7}"#, "]}]}]}"),
    (r#"{"resourceSpans":[{"scopeSpans":[{"spans":["#, r#"{"spanId":7,"startTimeUnixNano":{}}"#, "]}]}]}"),
    (r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":["#, r#"{"attributes":[{}]}"#, "]}]}]}"),
    (r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"attributes":["#, "7", "]}]}]}]}"),
    (r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"attributes":["#, "{}", "]}]}]}]}"),
    (r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"attributes":["#, r#"{"key":7}"#, "]}]}]}]}"),
    (r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"attributes":["#, r#"{"key":"\ud83d"}"#, "]}]}]}]}"),
    (
        r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"attributes":["#,
        r#"{"key":"prompt","value":{"stringValue":7}}"#,
        "]}]}]}]}",
    ),
    (
        r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"attributes":["#,
        r#"{"key":"prompt","value":{"arrayValue":7}}"#,
        "]}]}]}]}",
    ),
    (
        r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"attributes":["#,
        r#"{"key":"prompt","value":7}"#,
        "]}]}]}]}",
    ),
    (
        r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"attributes":[{"key":"prompt","value":{"kvlistValue":{"values":["#,
        "{}",
        "]}}}]}]}]}]}",
    ),
    (
        r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"attributes":[{"key":"prompt","value":{"arrayValue":{"values":["#,
        "null",
        "]}}}]}]}]}]}",
    ),
    (
        r#"{"resourceLogs":[{"resource":{"attributes":["#,
        r#"{"key":"user.email","value":{"stringValue":"a@b"}}"#,
        r#"]},"scopeLogs":[{"logRecords":[{},{}]}]}]}"#,
    ),
    (r#"{"resourceLogs":["#, "7", "]}"),
    (r#"{"resourceLogs":["#, "[", "]}"),
    ("", "\u{7f}", ""),
];
