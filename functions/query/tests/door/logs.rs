//! Values of headers and bodies never reach a log (invariant I12).

use std::sync::atomic::Ordering;

use crate::house::{Answer, CUSTOMERS, Call, House, Table, column};
use crate::kept::Kept;

#[tokio::test]
async fn no_value_of_a_request_or_a_row_is_logged() {
    let kept = Kept::listening();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(kept.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let house = House::new();
    let text = "select country from customers where country = 's3cret-literal'";
    let rows = vec![serde_json::json!(["s3cret-cell"])];
    let columns = vec![column("COUNTRY", domain::SqlType::Text { length: 16_777_216 }, true)];
    house.script(text, Answer::Results(vec![Table { columns, rows }]));
    house.script(
        CUSTOMERS,
        Answer::Fails("100038".to_owned(), "22018".to_owned(), "value 's3cret-upstream'".to_owned()),
    );
    let secretive = |call: Call| {
        call.with("x-snowgate-prompt", "s3cret-prompt")
            .with("x-snowgate-session", "s3cret-conversation")
            .with("user-agent", "s3cret-agent")
    };
    let by_mcp = |tool: &str, text: &str| {
        let arguments = if tool == "describe_object" {
            serde_json::json!({ "object": text })
        } else {
            serde_json::json!({ "statement": text, "user_request": "s3cret-prompt" })
        };
        let params =
            serde_json::json!({ "name": tool, "arguments": arguments, "_meta": { "s3cret": "s3cret" } });
        let message =
            serde_json::json!({ "jsonrpc": "2.0", "id": "s3cret", "method": "tools/call", "params": params });
        secretive(Call::post("/mcp", message.to_string()))
    };
    let body = |extra: &str| format!(r#"{{"statement":"s3cret-text"{extra}}}"#);
    let calls = [
        secretive(Call::ask(text)),
        secretive(Call::ask(CUSTOMERS)),
        secretive(Call::ask(text)).token("s3cret-token"),
        secretive(Call::ask(text)).with("authorization", "s3cret-credential"),
        secretive(Call::post("/api/v2/statements", body(""))),
        secretive(Call::post("/api/v2/statements", body(r#","s3cret":"s3cret-field""#))),
        secretive(Call::post(
            "/api/v2/statements",
            body(r#","bindings":{"1":{"type":"FIXED","value":["s3cret"]}}"#),
        )),
        secretive(Call::post("/api/v2/statements?requestId=s3cret&s3cret=s3cret", body(""))),
        secretive(Call::post("/api/v2/statements", "s3cret {")),
        Call::get("/s3cret-path"),
        by_mcp("run_sql", text),
        by_mcp("check_sql", text),
        by_mcp("describe_object", "s3cret"),
        by_mcp("s3cret-tool", text),
        by_mcp("run_sql", text).with("mcp-method", "s3cret").with("mcp-protocol-version", "s3cret"),
        Call::post("/mcp", "s3cret {"),
    ];
    for call in calls {
        house.send(call.request()).await;
    }
    house.store.is_broken.store(true, Ordering::SeqCst);
    let broken = house.send(secretive(Call::ask(text)).request()).await;
    assert_eq!(broken.status.as_u16(), 503);

    let log = kept.text();
    assert!(!log.contains("s3cret"), "{log}");
    // What broke is there, once, with what lies behind it.
    assert_eq!(log.matches("no space left on device").count(), 1, "{log}");
}

#[tokio::test]
async fn a_refusal_is_said_once_whichever_door_it_came_by() {
    let kept = Kept::listening();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::INFO).with_writer(kept.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let house = House::with_customers();
    let said = || {
        let log = kept.text();
        assert!(!log.contains("customers"), "{log}");
        log.lines()
            .filter(|line| line.contains("a statement is refused"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(house.send(Call::ask(CUSTOMERS).request()).await.status.as_u16(), 200);
    assert!(said().is_empty());

    let answered = house.send(Call::ask("drop table customers").request()).await;
    assert_eq!(answered.status.as_u16(), 422);
    let [by_sql_api] = said().try_into().unwrap();
    assert!(by_sql_api.contains("policy") && by_sql_api.contains("exchange"), "{by_sql_api}");

    let arguments = serde_json::json!({ "statement": "drop table customers", "user_request": "tidy up" });
    let params = serde_json::json!({ "name": "run_sql", "arguments": arguments });
    let message = serde_json::json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    let answered = house.send(Call::post("/mcp", message.to_string()).request()).await;
    assert_eq!(answered.status.as_u16(), 200, "MCP tells it inside an answer: {}", answered.text());
    assert_eq!(said().len(), 2, "{}", answered.text());
}
