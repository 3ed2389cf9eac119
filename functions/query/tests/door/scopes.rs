//! OAuth scopes, at both doors: who lacks one is told which, before anything runs and before anything is shown.

use std::collections::BTreeSet;

use gateway::{Settings, TierScopes};
use serde_json::{Value, json};

use crate::house::{Answer, Answered, CUSTOMERS, Call, House, customers};

const WRITE: &str = "update customers set country = 'FR' where id = 1";

/// Reading needs `read`, writing both.
fn house() -> House {
    let set = |scopes: &[&str]| scopes.iter().map(|scope| (*scope).to_owned()).collect::<BTreeSet<_>>();
    let scopes = TierScopes {
        read: set(&["read"]),
        write: set(&["read", "write"]),
        define: set(&[]),
        required: set(&[]),
    };
    let house = House::with(Settings { scopes, page_size: 16, ..Settings::default() });
    house.script(CUSTOMERS, Answer::Results(vec![customers()]));
    house
}

fn mcp(name: &str, arguments: &Value) -> Call {
    let params = json!({ "name": name, "arguments": arguments });
    let message = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params });
    Call::post("/mcp", message.to_string()).with("host", "gw.example")
}

/// The SQL API's no: Snowflake's error body, and a challenge.
#[track_caller]
fn is_refused(answered: &Answered, scopes: &str) {
    assert_eq!(
        (answered.status.as_u16(), &answered.json()["code"]),
        (403, &json!("099010")),
        "{}",
        answered.text()
    );
    assert_eq!(answered.json()["sqlState"], "42501");
    assert!(answered.json()["message"].as_str().unwrap().contains(scopes), "{}", answered.text());
    let expected = format!("Bearer error=\"insufficient_scope\", scope=\"{scopes}\"");
    assert_eq!(answered.header("www-authenticate"), Some(expected.as_str()));
}

/// The MCP door's: the status, the challenge, and the same in the body.
#[track_caller]
fn is_challenged(answered: &Answered, scopes: &str) {
    assert_eq!(answered.status.as_u16(), 403, "{}", answered.text());
    let place = "https://gw.example/.well-known/oauth-protected-resource/mcp";
    let expected =
        format!("Bearer error=\"insufficient_scope\", scope=\"{scopes}\", resource_metadata=\"{place}\"");
    assert_eq!(answered.header("www-authenticate"), Some(expected.as_str()));
    let error = &answered.json()["error"];
    let data = json!({ "error": "insufficient_scope", "scope": scopes, "resource_metadata": place });
    assert_eq!((&error["code"], &error["data"]), (&json!(-32600), &data), "{error}");
}

#[tokio::test]
async fn a_statement_needs_the_scopes_of_what_it_does() {
    let house = house();
    for (token, sql, needed) in [
        ("ana", CUSTOMERS, "read"),
        // What it has is named, too: it would be lost.
        ("ana+write", CUSTOMERS, "read write"),
        ("ana+READ", CUSTOMERS, "read"),
        ("ana+read", WRITE, "read write"),
        ("ana+write", WRITE, "read write"),
    ] {
        is_refused(&house.send(Call::ask(sql).token(token).request()).await, needed);
        let call = mcp("run_sql", &json!({ "statement": sql })).token(token);
        let answered = house.send(call.request()).await;
        is_challenged(&answered, needed);
        assert_eq!(answered.json()["id"], 7);
    }
    assert!(house.upstream.asked.lock().unwrap().is_empty(), "nothing ran");
    // Each is an exchange like any other refusal.
    let (openings, closings) = (house.store.texts("opening.json"), house.store.texts("closing.json"));
    assert_eq!((openings.len(), closings.len()), (10, 10));
    assert!(openings.iter().all(|opening| opening.contains("gateway:scope")), "{openings:?}");
    assert!(closings.iter().all(|closing| closing.contains("\"reason\":\"scope\"")), "{closings:?}");
}

#[tokio::test]
async fn with_its_scopes_a_statement_runs_or_waits_as_policy_says() {
    let house = house();
    let read = house.send(Call::ask(CUSTOMERS).token("ana+read").request()).await;
    assert_eq!(read.status.as_u16(), 200, "{}", read.text());
    let held = house.send(Call::ask(WRITE).token("ana+read+write").request()).await;
    assert_eq!(held.status.as_u16(), 202, "{}", held.text());
    let ran =
        house.send(mcp("run_sql", &json!({ "statement": CUSTOMERS })).token("ana+read").request()).await;
    assert_eq!(ran.json()["result"]["structuredContent"]["status"], "rows", "{}", ran.text());
}

#[tokio::test]
async fn what_policy_refuses_is_not_a_matter_of_scopes() {
    let house = house();
    let refused = house.send(Call::ask("drop table customers").token("ana").request()).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["code"]), (422, &json!("003001")));
    assert_eq!(refused.header("www-authenticate"), None);
}

#[tokio::test]
async fn nothing_is_shown_to_a_token_without_the_scopes_of_what_was_asked() {
    let house = house();
    let asked = house.send(Call::ask(CUSTOMERS).token("ana+read").request()).await;
    let handle = asked.json()["statementHandle"].as_str().unwrap().to_owned();
    for path in [format!("/api/v2/statements/{handle}"), format!("/api/v2/statements/{handle}?partition=1")] {
        let answered = house.send(Call::get(path.as_str()).token("ana").request()).await;
        is_refused(&answered, "read");
        assert!(!answered.text().contains("DE"), "{}", answered.text());
        assert_eq!(house.send(Call::get(path).token("ana+read").request()).await.status.as_u16(), 200);
    }
    is_challenged(
        &house.send(mcp("get_result", &json!({ "handle": handle })).token("ana").request()).await,
        "read",
    );
    for (name, arguments) in
        [("list_objects", json!({})), ("describe_object", json!({ "object": "customers" }))]
    {
        is_challenged(&house.send(mcp(name, &arguments).token("ana").request()).await, "read");
        let told = house.send(mcp(name, &arguments).token("ana+read").request()).await;
        assert_eq!(told.json()["result"]["isError"], false, "{}", told.text());
    }
    let checked = mcp("check_sql", &json!({ "statement": WRITE })).token("ana+read");
    is_challenged(&house.send(checked.request()).await, "read write");
    // Another principal's stays unknown, whatever its token lacks.
    let bens = house.send(mcp("get_result", &json!({ "handle": handle })).token("ben").request()).await;
    assert_eq!(bens.json()["result"]["structuredContent"]["status"], "unknown", "{}", bens.text());
}

#[tokio::test]
async fn what_was_refused_for_want_of_scopes_is_no_matter_of_a_token_that_has_them() {
    let house = house();
    is_refused(&house.send(Call::ask(CUSTOMERS).token("ana").request()).await, "read");
    let opening: Value = serde_json::from_str(&house.store.texts("opening.json")[0]).unwrap();
    let handle = opening["record"]["handle"].as_str().unwrap();
    let path = format!("/api/v2/statements/{handle}");
    is_refused(&house.send(Call::get(path.as_str()).token("ana").request()).await, "read");
    let told = house.send(Call::get(path).token("ana+read").request()).await;
    assert_eq!((told.status.as_u16(), told.header("www-authenticate")), (422, None), "{}", told.text());
    let call = mcp("get_result", &json!({ "handle": handle })).token("ana+read");
    let told = house.send(call.request()).await;
    let told = &told.json()["result"]["structuredContent"];
    assert_eq!(told["status"], "refused", "{told}");
    assert!(told["message"].as_str().unwrap().contains("Call run_sql"), "{told}");
}

#[tokio::test]
async fn a_task_that_lacks_scopes_is_none() {
    let house = house();
    let params =
        json!({ "name": "run_sql", "arguments": { "statement": CUSTOMERS }, "task": { "ttl": 60000 } });
    let message = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params });
    let call = Call::post("/mcp", message.to_string()).with("host", "gw.example");
    let call = call.with("mcp-protocol-version", "2025-11-25").token("ana");
    is_challenged(&house.send(call.request()).await, "read");
}

#[tokio::test]
async fn stopping_what_is_ones_own_needs_no_scope() {
    let house = house();
    let held = house.send(Call::ask(WRITE).token("ana+read+write").request()).await;
    let handle = held.json()["statementHandle"].as_str().unwrap().to_owned();
    let cancelled = house.send(mcp("cancel", &json!({ "handle": handle })).token("ana").request()).await;
    assert_eq!(
        cancelled.json()["result"]["structuredContent"]["status"],
        "cancelled",
        "{}",
        cancelled.text()
    );
}

#[tokio::test]
async fn a_token_without_its_issuers_scopes_proves_nobody_and_is_told_so() {
    let house = House::with_customers();
    is_refused(&house.send(Call::ask(CUSTOMERS).token("unscoped").request()).await, "sql");
    is_challenged(
        &house.send(mcp("run_sql", &json!({ "statement": CUSTOMERS })).token("unscoped").request()).await,
        "sql",
    );
    assert_eq!(house.rejections(), ["scope", "scope"]);
    assert!(house.store.objects.lock().unwrap().is_empty(), "nothing was opened");
}
