//! The protocol of the MCP door: revisions, headers, messages, bounds, and who is let in.

use gateway::Settings;
use http::StatusCode;
use serde_json::json;

use super::{MODERN, fails, modern, post, request, told, tool};
use crate::house::{CUSTOMERS, Call, House};

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
    assert_eq!(result["resultType"], "complete");
    assert_eq!(result["supportedVersions"], json!([MODERN, "2025-11-25", "2025-06-18"]));
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
    let supported = json!([MODERN, "2025-11-25", "2025-06-18"]);
    assert_eq!(
        answered.json()["error"]["data"],
        json!({ "supported": supported, "requested": "2030-01-01" })
    );
    let odd = post(&request("tools/list", &json!({}))).with("mcp-protocol-version", "v999.0.0");
    assert_eq!(house.send(odd.request()).await.json()["error"]["data"]["requested"], "v999.0.0");
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
        (r#"{"jsonrpc":"2.0","id":"\ud800","method":"ping"}"#, 400, -32600),
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
