//! The MCP door: its protocol, its errors, and every tool.

use domain::SqlType;
use gateway::Settings;
use http::StatusCode;
use serde_json::{Value, json};

use crate::house::{Answer, Answered, CUSTOMERS, Call, House, Table, column, customers};

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

#[tokio::test]
async fn a_client_with_a_handshake_is_served_without_a_session() {
    let house = House::with_customers();
    for (asked, answered) in
        [("2025-11-25", "2025-11-25"), ("2025-06-18", "2025-06-18"), ("2025-03-26", "2025-11-25")]
    {
        let params = json!({ "protocolVersion": asked, "capabilities": {}, "clientInfo": { "name": "a", "version": "1" } });
        let call = post(&request("initialize", &params)).without("mcp-protocol-version");
        let initialized = house.send(call.request()).await;
        assert_eq!(initialized.status, StatusCode::OK, "{}", initialized.text());
        assert_eq!(initialized.json()["id"], 7);
        assert_eq!(initialized.json()["result"]["protocolVersion"], answered);
        assert_eq!(initialized.header("mcp-session-id"), None);
        assert_eq!(initialized.header("cache-control"), Some("no-store"));
    }
    let notified = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    let accepted = house.send(post(&notified).request()).await;
    assert_eq!((accepted.status, accepted.body.len()), (StatusCode::ACCEPTED, 0));
    let pong = house.send(post(&request("ping", &json!({}))).request()).await;
    assert_eq!(pong.json(), json!({ "jsonrpc": "2.0", "id": 7, "result": {} }));
    // A session id that somebody else made up changes nothing, and neither does a lost stream's.
    let call = tool("run_sql", &json!({ "statement": CUSTOMERS }))
        .with("mcp-session-id", "x")
        .with("last-event-id", "3");
    assert_eq!(told(&house.send(call.request()).await, false)["status"], "rows");
}

#[tokio::test]
async fn a_client_of_the_newest_revision_says_everything_with_each_request() {
    let house = House::with_customers();
    let discovered = house.send(modern("server/discover", &json!({})).request()).await;
    assert_eq!(discovered.status, StatusCode::OK, "{}", discovered.text());
    let result = discovered.json()["result"].clone();
    assert_eq!((&result["resultType"], &result["supportedVersions"]), (&json!("complete"), &json!([MODERN])));
    let listed = house.send(modern("tools/list", &json!({})).request()).await.json()["result"].clone();
    assert_eq!((&listed["resultType"], &listed["cacheScope"]), (&json!("complete"), &json!("private")));
    assert!(listed["ttlMs"].is_u64());
    let names: Vec<&str> =
        listed["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        ["run_sql", "get_result", "check_sql", "list_objects", "describe_object", "cancel"],
        "none of them approves, records evidence or changes policy"
    );
    let arguments = json!({ "name": "run_sql", "arguments": { "statement": CUSTOMERS } });
    let ran = house.send(modern("tools/call", &arguments).request()).await;
    assert_eq!(ran.json()["result"]["resultType"], "complete");
    assert_eq!(told(&ran, false)["rows"], json!([["1", "DE"], ["2", null]]));
    let named = modern("tools/call", &arguments).with("mcp-name", "=?base64?cnVuX3NxbA==?=");
    assert_eq!(house.send(named.request()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn headers_that_contradict_the_body_are_refused() {
    let house = House::with_customers();
    let run = || modern("tools/call", &json!({ "name": "run_sql", "arguments": { "statement": CUSTOMERS } }));
    for call in [
        run().without("mcp-protocol-version"),
        run().with("mcp-protocol-version", "2025-11-25"),
        run().without("mcp-method"),
        run().with("mcp-method", "tools/list"),
        run().with("mcp-method", "TOOLS/CALL"),
        run().without("mcp-name"),
        run().with("mcp-name", "get_result"),
        run().with("mcp-name", "=?base64?Z2V0X3Jlc3VsdA==?="),
        run().with("mcp-name", "=?base64?!?="),
    ] {
        fails(&house.send(call.request()).await, 400, -32020);
    }
    let mut twice = run().request();
    twice.headers_mut().append("mcp-name", "run_sql".parse().unwrap());
    fails(&house.send(twice).await, 400, -32020);
    assert!(house.upstream.asked.lock().unwrap().is_empty(), "nothing ran");
}

#[tokio::test]
async fn an_unknown_revision_is_told_the_known_one() {
    let house = House::new();
    let meta = json!({ "_meta": {
        "io.modelcontextprotocol/protocolVersion": "2030-01-01",
        "io.modelcontextprotocol/clientCapabilities": {},
    } });
    let call = post(&request("tools/list", &meta)).with("mcp-method", "tools/list");
    let answered = house.send(call.with("mcp-protocol-version", "2030-01-01").request()).await;
    fails(&answered, 400, -32022);
    assert_eq!(answered.json()["error"]["data"], json!({ "supported": [MODERN], "requested": "2030-01-01" }));
    let bare = post(&request("tools/list", &json!({}))).with("mcp-protocol-version", "4111111111111111");
    let answered = house.send(bare.request()).await;
    fails(&answered, 400, -32022);
    assert!(!answered.text().contains("4111"), "{}", answered.text());
    let without_meta = post(&request("tools/list", &json!({}))).with("mcp-protocol-version", MODERN);
    fails(&house.send(without_meta.request()).await, 400, -32602);
}

#[tokio::test]
async fn what_is_no_message_gets_the_specified_error() {
    let house = House::new();
    let send = |body: &str| Call::post("/mcp", body).without("user-agent");
    for (body, status, code) in [
        ("{", 400, -32700),
        ("", 400, -32700),
        (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, 400, -32600),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, 400, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, 400, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"resources/list"}"#, 200, -32601),
        (r#"{"jsonrpc":"2.0","id":1,"method":"server/discover"}"#, 200, -32601),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#, 200, -32602),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"approve"}}"#, 200, -32602),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"run_sql","arguments":[]}}"#,
            200,
            -32602,
        ),
        (r#"{"jsonrpc":"2.0","id":1,"method":"initialize"}"#, 200, -32602),
    ] {
        fails(&house.send(send(body).request()).await, status, code);
    }
    let long = format!(r#"{{"jsonrpc":"2.0","id":"{}","method":"ping"}}"#, "x".repeat(100_000));
    let answered = house.send(send(&long).request()).await;
    fails(&answered, 400, -32600);
    assert!(answered.body.len() < 500, "it is not sent back");
    fails(&house.send(modern("resources/list", &json!({})).request()).await, 404, -32601);
    fails(&house.send(modern("ping", &json!({})).request()).await, 404, -32601);
    fails(&house.send(modern("initialize", &json!({})).request()).await, 404, -32601);
}

#[tokio::test]
async fn deep_and_large_bodies_are_bounded() {
    let house = House::with(Settings { statement_size: 1000, ..Settings::default() });
    let deep = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"a":{}{}}}}}"#,
        "[".repeat(900),
        "]".repeat(900)
    );
    let answered = house.send(Call::post("/mcp", deep).request()).await;
    assert!([200, 400].contains(&answered.status.as_u16()), "{}", answered.text());
    let answered = house.send(Call::post("/mcp", " ".repeat(2001)).request()).await;
    fails(&answered, 413, -32600);
    assert_eq!(house.rejections().last(), Some(&"body_size"));
}

#[tokio::test]
async fn only_json_is_posted_and_nothing_else_is_done() {
    let house = House::new();
    for method in ["GET", "DELETE", "PUT", "HEAD", "OPTIONS"] {
        let answered = house.send(Call::get("/mcp").method(method).request()).await;
        assert_eq!(answered.status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert_eq!(answered.header("allow"), Some("POST"), "{method}");
    }
    let ping = request("ping", &json!({}));
    let text = house.send(post(&ping).with("content-type", "text/plain").request()).await;
    assert_eq!(text.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let html = house.send(post(&ping).with("accept", "text/html").request()).await;
    assert_eq!(html.status, StatusCode::BAD_REQUEST);
    assert_eq!(house.send(post(&ping).without("accept").request()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn who_shows_no_good_token_is_told_how_to_get_one_and_nothing_else() {
    let house = House::with_customers();
    let place = "resource_metadata=\"http://127.0.0.1:8181/.well-known/oauth-protected-resource/mcp\"";
    let list = || post(&request("tools/list", &json!({})));
    let missing = house.send(list().without("authorization").request()).await;
    fails(&missing, 401, -32600);
    assert_eq!(missing.header("www-authenticate"), Some(format!("Bearer {place}").as_str()));
    for token in ["eve", "old"] {
        let wrong = house.send(list().token(token).request()).await;
        fails(&wrong, 401, -32600);
        let told = wrong.header("www-authenticate").unwrap();
        assert!(told.starts_with("Bearer error=\"invalid_token\"") && told.contains(place), "{told}");
    }
    let nonsense = Call::post("/mcp", "{").token("eve");
    fails(&house.send(nonsense.request()).await, 401, -32600);
    let lost = house.send(list().token("lost").request()).await;
    fails(&lost, 503, -32603);
    assert!(!lost.text().contains("issuer.example"), "{}", lost.text());
    for path in ["/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"] {
        let call = Call::get(path).without("authorization").with("host", "gw.example");
        let metadata = house.send(call.request()).await;
        assert_eq!(metadata.json()["resource"], "https://gw.example/mcp");
    }
    assert_eq!(house.rejections().iter().filter(|reason| **reason == "credential_missing").count(), 1);
}

#[tokio::test]
async fn a_web_page_of_another_origin_gets_nothing() {
    let house = House::with_customers();
    let ping = || post(&request("ping", &json!({})));
    for origin in ["http://evil.example", "http://127.0.0.1.evil.example", "null"] {
        fails(&house.send(ping().with("origin", origin).request()).await, 403, -32600);
    }
    let rebound = ping().with("origin", "http://evil.example:8181").with("host", "evil.example:8181");
    fails(&house.send(rebound.request()).await, 403, -32600);
    assert_eq!(
        house.send(ping().with("origin", "http://localhost:6274").request()).await.status,
        StatusCode::OK
    );
    assert_eq!(house.rejections(), ["origin"; 4]);
}

#[tokio::test]
async fn run_sql_answers_rows_with_what_is_masked() {
    let house = House::new();
    let sql = "select id, email as harmless from customers";
    house.script(
        sql,
        Answer::Results(vec![Table {
            columns: vec![
                column("ID", SqlType::Fixed { precision: 38, scale: 0 }, false),
                column("HARMLESS", SqlType::Text { length: 100 }, true),
            ],
            rows: vec![json!(["1", "ana@secret.example"])],
        }]),
    );
    let told = call(&house, "run_sql", json!({ "statement": sql }), false).await;
    assert_eq!(told["status"], "rows");
    assert_eq!(
        told["columns"],
        json!([
            { "name": "ID", "type": "fixed", "scale": 0, "nullable": true, "masked": false },
            { "name": "HARMLESS", "type": "text", "nullable": true, "masked": true },
        ])
    );
    assert_eq!(told["rows"][0][0], "1");
    assert!(!told.to_string().contains("ana@"), "{told}");
    assert!(told["message"].as_str().unwrap().contains("HARMLESS"), "{told}");
    assert_eq!((&told["row_count"], told.get("next_row")), (&json!(1), None));
}

#[tokio::test]
async fn rows_come_by_budget_across_pages_and_are_the_recorded_ones() {
    let house = House::with(Settings { page_size: 40, inline: 0, ..Settings::default() });
    let mut table = customers();
    table.rows = (0..7).map(|n| json!([n.to_string(), format!("C{n} \"[\"")])).collect();
    house.script(CUSTOMERS, Answer::Results(vec![table.clone()]));
    let first = call(&house, "run_sql", json!({ "statement": CUSTOMERS, "max_rows": 1 }), false).await;
    let mut rows = first["rows"].as_array().unwrap().clone();
    let mut next = first["next_row"].clone();
    while !next.is_null() {
        let arguments = json!({ "handle": first["handle"], "from_row": next, "max_rows": 3 });
        let told = call(&house, "get_result", arguments, false).await;
        assert_eq!(told["from_row"], next);
        assert!((1..=3).contains(&told["rows"].as_array().unwrap().len()));
        rows.extend(told["rows"].as_array().unwrap().clone());
        next = told["next_row"].clone();
    }
    assert_eq!(rows, table.rows);
    assert_eq!(house.upstream.asked.lock().unwrap().len(), 1, "it ran once");
    let beyond = json!({ "handle": first["handle"], "from_row": 7 });
    assert_eq!(call(&house, "get_result", beyond, true).await["status"], "unknown");
}

#[tokio::test]
async fn a_refusal_says_what_to_change_and_that_asking_again_is_of_no_use() {
    let house = House::new();
    let told =
        call(&house, "run_sql", json!({ "statement": "select id from customers where email = 'a'" }), true)
            .await;
    assert_eq!((&told["status"], &told["code"]), (&json!("refused"), &json!("003001")), "{told}");
    let message = told["message"].as_str().unwrap();
    assert!(message.contains("data-reviewers") && message.ends_with("would be refused again."), "{message}");
    assert!(told["exchange"].is_string(), "it is recorded: {told}");
    let two = call(&house, "run_sql", json!({ "statement": "select 1; select 2" }), true).await;
    assert_eq!((&two["status"], &two["code"]), (&json!("refused"), &json!("000008")));
    assert!(house.upstream.asked.lock().unwrap().is_empty());

    house.exchanges.is_over_budget.store(true, std::sync::atomic::Ordering::SeqCst);
    let over = call(&house, "run_sql", json!({ "statement": CUSTOMERS }), true).await;
    assert_eq!((&over["status"], &over["retry_after_seconds"]), (&json!("refused"), &json!(17)), "{over}");
}

#[tokio::test]
async fn what_waits_for_a_person_is_told_so_and_can_be_cancelled() {
    let house = House::new();
    let write = json!({ "statement": "update customers set country = 'FR' where id = 1" });
    let held = call(&house, "run_sql", write, false).await;
    assert_eq!(held["status"], "waiting", "{held}");
    assert!(held["waits_for"].is_string());
    let handle = json!({ "handle": held["handle"] });
    let poll = json!({ "handle": held["handle"], "wait_seconds": 0 });
    assert_eq!(call(&house, "get_result", poll.clone(), false).await["status"], "waiting");
    assert_eq!(call(&house, "cancel", handle.clone(), false).await["status"], "cancelled");
    assert_eq!(call(&house, "get_result", poll, true).await["code"], "000604");
    assert!(house.upstream.asked.lock().unwrap().is_empty(), "it never ran");
}

#[tokio::test]
async fn a_statement_that_outlives_its_wait_is_running() {
    let house = House::with(Settings { hold: std::time::Duration::from_secs(1), ..Settings::default() });
    house.script(CUSTOMERS, Answer::Runs);
    let told = call(&house, "run_sql", json!({ "statement": CUSTOMERS, "wait_seconds": 1 }), false).await;
    assert_eq!(told["status"], "running");
    let cancelled = call(&house, "cancel", json!({ "handle": told["handle"] }), false).await;
    assert_eq!(cancelled["status"], "cancelled");
}

#[tokio::test]
async fn what_upstream_says_is_wrong_is_a_result() {
    let house = House::new();
    let failure =
        Answer::Fails("000904".to_owned(), "42000".to_owned(), "invalid identifier 'IDD'".to_owned());
    house.script(CUSTOMERS, failure);
    let told = call(&house, "run_sql", json!({ "statement": CUSTOMERS }), true).await;
    assert_eq!((&told["status"], &told["code"]), (&json!("failed"), &json!("000904")), "{told}");
}

#[tokio::test]
async fn another_principals_handle_is_an_unknown_one_to_every_tool() {
    let house = House::with_customers();
    let anas = call(&house, "run_sql", json!({ "statement": CUSTOMERS }), false).await["handle"].clone();
    for (name, extra) in
        [("get_result", json!({})), ("get_result", json!({ "from_row": 1 })), ("cancel", json!({}))]
    {
        let mut answers = Vec::new();
        for handle in [anas.clone(), json!("ffffffff-ffff-ffff-ffff-ffffffffffff"), json!("no handle")] {
            let mut arguments = extra.clone();
            arguments["handle"] = handle;
            let answered = house.send(tool(name, &arguments).token("ben").request()).await;
            assert_eq!(told(&answered, true)["status"], "unknown");
            answers.push((answered.status, answered.headers.clone(), answered.body.clone()));
        }
        assert!(answers.windows(2).all(|two| two[0] == two[1]), "{name}");
    }
}

#[tokio::test]
async fn check_sql_tells_what_would_happen_and_nothing_runs() {
    let house = House::new();
    let check = |sql: &str| json!({ "statement": sql });
    let read = call(&house, "check_sql", check("select id, email as harmless from customers"), false).await;
    assert_eq!((&read["status"], &read["statement"]), (&json!("allowed"), &json!("read: select")), "{read}");
    assert_eq!(read["columns"][0]["masked"], false);
    assert_eq!(
        (&read["columns"][1]["name"], &read["columns"][1]["masked"]),
        (&json!("HARMLESS"), &json!(true))
    );
    assert!(read["columns"][1]["why"].as_str().unwrap().contains("`email`"));
    assert!(!read["rules"].as_array().unwrap().is_empty());
    let held =
        call(&house, "check_sql", check("update customers set country = 'FR' where id = 1"), false).await;
    assert_eq!(held["status"], "waits", "{held}");
    for refused in
        ["drop table customers", "select id from customers where email = 'a'", "select 1; select 2", "###"]
    {
        let told = call(&house, "check_sql", check(refused), false).await;
        assert_eq!(told["status"], "refused", "{refused}: {told}");
        assert_eq!(told.get("columns"), None);
    }
    assert!(house.upstream.asked.lock().unwrap().is_empty());
    assert_eq!(house.rejections(), ["checked"; 6], "each look is counted");
    let recorded = house.store.texts("opening.json");
    assert!(recorded.is_empty(), "and is no exchange");
}

#[tokio::test]
async fn objects_are_listed_and_described_with_what_is_masked() {
    let house = House::new();
    for place in
        [json!({}), json!({ "database": "demo", "schema": "\"PUBLIC\"" }), json!({ "database": "DEMO" })]
    {
        let listed = call(&house, "list_objects", place, false).await;
        let expected = json!([{ "name": "DEMO.PUBLIC.CUSTOMERS", "kind": "table", "columns": 3 }]);
        assert_eq!(listed["objects"], expected, "{listed}");
    }
    // A place is no name: whoever guesses one learns nothing of it.
    for after in ["CUSTOMERS", "CUSTOMER", ""] {
        let told = call(&house, "list_objects", json!({ "after": after }), true).await;
        assert_eq!(told["status"], "unknown", "{told}");
    }
    for name in ["customers", "public.customers", "DEMO.PUBLIC.\"CUSTOMERS\""] {
        let told = call(&house, "describe_object", json!({ "object": name }), false).await;
        let columns = told["columns"].as_array().unwrap();
        let seen: Vec<(&str, bool)> = columns
            .iter()
            .map(|column| (column["name"].as_str().unwrap(), column["masked"].as_bool().unwrap()))
            .collect();
        assert_eq!(seen, [("ID", false), ("COUNTRY", false), ("EMAIL", true)]);
    }
    let unknown = call(&house, "describe_object", json!({ "object": "nowhere" }), true).await;
    assert_eq!(unknown["status"], "unknown");
    assert!(house.upstream.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn arguments_that_no_schema_allows_are_told_without_their_values() {
    let house = House::with_customers();
    for (name, arguments, word) in [
        ("run_sql", json!({}), "statement"),
        ("run_sql", json!({ "statement": 4_111_111 }), "statement"),
        ("run_sql", json!({ "statement": " " }), "statement"),
        ("run_sql", json!({ "statement": CUSTOMERS, "max_rows": 0 }), "max_rows"),
        ("run_sql", json!({ "statement": CUSTOMERS, "max_rows": 1001 }), "max_rows"),
        ("run_sql", json!({ "statement": CUSTOMERS, "wait_seconds": 19 }), "wait_seconds"),
        ("run_sql", json!({ "statement": CUSTOMERS, "grade": "P4" }), "grade"),
        ("run_sql", json!({ "statement": CUSTOMERS, "approve": true }), "approve"),
        ("run_sql", json!({ "statement": CUSTOMERS, "role": "" }), "role"),
        (
            "run_sql",
            json!({ "statement": CUSTOMERS, "user_request": "s3cret".repeat(10_000) }),
            "user_request",
        ),
        ("run_sql", json!({ "statement": CUSTOMERS, "4111111111111111": 1 }), "not repeated here"),
        ("get_result", json!({}), "handle"),
        ("get_result", json!({ "handle": 7 }), "handle"),
        ("get_result", json!({ "handle": "x", "from_row": -1 }), "from_row"),
        ("list_objects", json!({ "schema": "a.b" }), "schema"),
        ("describe_object", json!({ "object": "customers; drop table customers" }), "object"),
        ("check_sql", json!({ "statement": CUSTOMERS, "max_rows": 1 }), "max_rows"),
    ] {
        let told = call(&house, name, arguments, true).await;
        assert_eq!(told["status"], "invalid", "{told}");
        assert!(told["message"].as_str().unwrap().contains(word), "{word}: {told}");
        assert!(!told.to_string().contains("4111") && !told.to_string().contains("s3cret"), "{told}");
    }
    let twice = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"run_sql","arguments":{"statement":"select 1","statement":"drop table customers"}}}"#;
    fails(&house.send(Call::post("/mcp", twice).request()).await, 200, -32602);
    assert!(house.upstream.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_broken_store_shows_nothing_and_says_whether_to_try_again() {
    let house = House::with_customers();
    house.store.is_broken.store(true, std::sync::atomic::Ordering::SeqCst);
    let told = call(&house, "run_sql", json!({ "statement": CUSTOMERS }), true).await;
    assert_eq!(told["status"], "unavailable", "{told}");
    assert!(told.get("rows").is_none());
    assert!(house.upstream.asked.lock().unwrap().is_empty(), "nothing ran");
}

#[tokio::test]
async fn a_page_that_was_altered_is_not_shown() {
    let house = House::with(Settings { inline: 0, ..Settings::default() });
    house.script(CUSTOMERS, Answer::Results(vec![customers()]));
    let ran = call(&house, "run_sql", json!({ "statement": CUSTOMERS }), false).await;
    let collect = json!({ "handle": ran["handle"] });
    assert_eq!(call(&house, "get_result", collect.clone(), false).await["rows"], ran["rows"]);
    {
        let mut objects = house.store.objects.lock().unwrap();
        for (_, bytes) in objects.iter_mut().filter(|(key, _)| key.contains("page")) {
            let mut altered = bytes.to_vec();
            *altered.last_mut().unwrap() ^= 1;
            *bytes = altered.into();
        }
    }
    let told = call(&house, "get_result", collect, true).await;
    assert_eq!(told["status"], "unavailable", "{told}");
    assert!(told.get("rows").is_none() && told.get("retry_after_seconds").is_none(), "{told}");
}

/// Whatever is sent, somebody proven gets an answer of the protocol.
#[tokio::test]
async fn hostile_messages_are_answered() {
    let house = House::with_customers();
    let good = request(
        "tools/call",
        &json!({ "name": "run_sql", "arguments": { "statement": CUSTOMERS, "max_rows": 1 } }),
    )
    .to_string();
    let mut sent = 0;
    for at in 0..good.len() {
        for change in ["", "\"", "{", "]", "null", "\\u0000", "9e999", "\u{202e}"] {
            let (before, behind) = (good.get(..at).unwrap(), good.get(at + 1..).unwrap());
            let body = format!("{before}{change}{behind}");
            let answered = house.send(post(&json!(null)).body(body).request()).await;
            let status = answered.status.as_u16();
            assert!([200, 202, 400].contains(&status), "{status}: {}", answered.text());
            if status != 202 {
                let json = answered.json();
                assert_eq!(json["jsonrpc"], "2.0");
                assert!(json.get("result").is_some() != json.get("error").is_some(), "{json}");
            }
            sent += 1;
        }
    }
    assert!(sent > 1000);
}

#[tokio::test]
async fn what_the_user_asked_for_is_recorded_as_declared() {
    let house = House::with_customers();
    let arguments = json!({ "statement": CUSTOMERS, "user_request": "who are our customers?" });
    let params = json!({
        "name": "run_sql", "arguments": arguments, "_meta": { "vscode.conversationId": "c-1" },
    });
    house.send(post(&request("tools/call", &params)).request()).await;
    let header =
        tool("run_sql", &json!({ "statement": CUSTOMERS })).with("x-snowgate-prompt", "from%20a%20program");
    house.send(header.request()).await;
    let records: Vec<Value> = house
        .store
        .texts("opening.json")
        .iter()
        .map(|text| serde_json::from_str::<Value>(text).unwrap()["record"].clone())
        .collect();
    let of = |text: &str| records.iter().find(|record| record["prompt"]["text"] == text).unwrap();
    let first = of("who are our customers?");
    assert_eq!((&first["door"], &first["prompt"]["grade"]), (&json!("mcp"), &json!("P1")));
    assert_eq!(first["conversation"], "c-1");
    assert_eq!(of("from a program")["prompt"]["grade"], "P1");
}
