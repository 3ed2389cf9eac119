//! Tasks, in both shapes: what becomes one, how it is told and cancelled, and whose it is.

use serde_json::{Value, json};

use super::{MODERN, fails, post, request, with_meta};
use crate::house::{Answer, Answered, CUSTOMERS, Call, House, customers};

const WRITE: &str = "update customers set country = 'FR' where id = 1";

fn declared() -> Value {
    json!({ "io.modelcontextprotocol/clientCapabilities": {
        "extensions": { "io.modelcontextprotocol/tasks": {} },
    } })
}

/// A method of the extension, for this task.
fn method(method: &str, task: &str, meta: &Value) -> Call {
    let mut params = json!({ "taskId": task, "_meta": {
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
    } });
    meta.as_object().unwrap().iter().for_each(|(key, value)| params["_meta"][key] = value.clone());
    post(&request(method, &params))
        .with("mcp-protocol-version", MODERN)
        .with("mcp-method", method)
        .with("mcp-name", task)
}

#[track_caller]
fn result(answered: &Answered) -> Value {
    let answer = answered.json();
    assert!(answer.get("error").is_none(), "{answer}");
    answer["result"].clone()
}

async fn run(house: &House, sql: &str) -> Value {
    let call = with_meta("run_sql", &json!({ "statement": sql, "wait_seconds": 0 }), &declared());
    result(&house.send(call.request()).await)
}

#[tokio::test]
async fn what_has_not_ended_becomes_a_task_for_a_client_that_declares_them() {
    let house = House::new();
    house.script(CUSTOMERS, Answer::Runs);
    let created = run(&house, CUSTOMERS).await;
    assert_eq!(
        (&created["resultType"], &created["status"]),
        (&json!("task"), &json!("working")),
        "{created}"
    );
    assert!(created["ttlMs"].is_null() && created["pollIntervalMs"].is_u64(), "{created}");
    assert!(created["createdAt"].as_str().unwrap().ends_with('Z') && created.get("content").is_none());
    let task = created["taskId"].as_str().unwrap();
    let working = result(&house.send(method("tasks/get", task, &declared()).request()).await);
    assert_eq!((&working["resultType"], &working["status"]), (&json!("complete"), &json!("working")));
    assert!(working.get("result").is_none(), "{working}");
    let updated = result(&house.send(method("tasks/update", task, &declared()).request()).await);
    assert_eq!(updated, json!({ "resultType": "complete" }));

    house.script(CUSTOMERS, Answer::Results(vec![customers()]));
    house.work().await;
    let ended = result(&house.send(method("tasks/get", task, &declared()).request()).await);
    assert_eq!((&ended["taskId"], &ended["status"]), (&json!(task), &json!("completed")), "{ended}");
    assert!(ended["lastUpdatedAt"].as_str() >= ended["createdAt"].as_str());
    let told = &ended["result"]["structuredContent"];
    assert_eq!((&told["rows"], &told["handle"]), (&json!([["1", "DE"], ["2", null]]), &json!(task)));
    // Without the declaration the same call is answered as ever.
    let bare = with_meta("run_sql", &json!({ "statement": CUSTOMERS }), &json!({}));
    assert_eq!(result(&house.send(bare.request()).await)["resultType"], "complete");
}

#[tokio::test]
async fn what_ends_at_once_is_no_task() {
    let house = House::with_customers();
    let at_once = |sql: &str| with_meta("run_sql", &json!({ "statement": sql }), &declared());
    let ran = result(&house.send(at_once(CUSTOMERS).request()).await);
    assert_eq!((&ran["resultType"], ran.get("taskId")), (&json!("complete"), None), "{ran}");
    let refused = result(&house.send(at_once("drop table customers").request()).await);
    assert_eq!((&refused["resultType"], &refused["isError"]), (&json!("complete"), &json!(true)));
}

#[tokio::test]
async fn a_held_task_says_what_it_waits_for_and_is_cancelled() {
    let house = House::new();
    let held = run(&house, WRITE).await;
    let task = held["taskId"].as_str().unwrap();
    assert!(held["statusMessage"].as_str().unwrap().starts_with("Waits for a person to decide"), "{held}");
    let acknowledged = result(&house.send(method("tasks/cancel", task, &declared()).request()).await);
    assert_eq!(acknowledged, json!({ "resultType": "complete" }));
    let cancelled = result(&house.send(method("tasks/get", task, &declared()).request()).await);
    assert_eq!((&cancelled["status"], cancelled.get("result")), (&json!("cancelled"), None), "{cancelled}");
    assert!(house.upstream.asked.lock().unwrap().is_empty(), "it never ran");
}

#[tokio::test]
async fn a_task_that_failed_is_complete_with_its_failure() {
    let house = House::new();
    house.script(CUSTOMERS, Answer::Runs);
    let task = run(&house, CUSTOMERS).await["taskId"].as_str().unwrap().to_owned();
    let failure =
        Answer::Fails("000904".to_owned(), "42000".to_owned(), "invalid identifier 'IDD'".to_owned());
    house.script(CUSTOMERS, failure);
    house.work().await;
    let ended = result(&house.send(method("tasks/get", &task, &declared()).request()).await);
    assert_eq!(
        (&ended["status"], &ended["result"]["isError"]),
        (&json!("completed"), &json!(true)),
        "{ended}"
    );
}

#[tokio::test]
async fn another_principals_task_is_an_unknown_one_to_every_method() {
    let house = House::new();
    let task = run(&house, WRITE).await["taskId"].as_str().unwrap().to_owned();
    for name in ["tasks/get", "tasks/update", "tasks/cancel"] {
        let mut answers = Vec::new();
        for task in [task.as_str(), "ffffffff-ffff-ffff-ffff-ffffffffffff", "no-task"] {
            let answered = house.send(method(name, task, &declared()).token("ben").request()).await;
            fails(&answered, 400, -32602);
            answers.push((answered.headers.clone(), answered.body.clone()));
        }
        assert!(answers.windows(2).all(|two| two[0] == two[1]), "{name}");
    }
    let still = result(&house.send(method("tasks/get", &task, &declared()).request()).await);
    assert_eq!(still["status"], "working");
}

#[tokio::test]
async fn methods_of_tasks_are_for_clients_that_declare_them_and_say_the_same_twice() {
    let house = House::new();
    let task = run(&house, WRITE).await["taskId"].as_str().unwrap().to_owned();
    for name in ["tasks/get", "tasks/update", "tasks/cancel"] {
        let answered = house.send(method(name, &task, &json!({})).request()).await;
        fails(&answered, 400, -32021);
        let needed =
            json!({ "requiredCapabilities": { "extensions": { "io.modelcontextprotocol/tasks": {} } } });
        assert_eq!(answered.json()["error"]["data"], needed);
        let other = method(name, &task, &declared()).with("mcp-name", "another");
        fails(&house.send(other.request()).await, 400, -32020);
    }
    for name in ["tasks/list", "tasks/result"] {
        fails(&house.send(method(name, &task, &declared()).request()).await, 404, -32601);
    }
    fails(&house.send(method("tasks/get", &task, &declared()).token("old").request()).await, 401, -32600);
}

/// The shape of 2025-11-25.
fn earlier(name: &str, params: &Value) -> Call {
    post(&request(name, params))
}

#[tokio::test]
async fn a_client_of_2025_11_25_asks_for_a_task_and_fetches_its_result() {
    let house = House::new();
    let initialize = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "a", "version": "1" } });
    let told = result(&house.send(earlier("initialize", &initialize).request()).await);
    let tasks = json!({ "cancel": {}, "requests": { "tools": { "call": {} } } });
    assert_eq!(told["capabilities"]["tasks"], tasks);
    let listed = result(&house.send(earlier("tools/list", &json!({})).request()).await);
    let support: Vec<&Value> =
        listed["tools"].as_array().unwrap().iter().map(|tool| &tool["execution"]).collect();
    assert_eq!(support.iter().filter(|support| support["taskSupport"] == "optional").count(), 1);

    house.script(CUSTOMERS, Answer::Runs);
    let asked =
        json!({ "name": "run_sql", "arguments": { "statement": CUSTOMERS }, "task": { "ttl": 60000 } });
    let created = result(&house.send(earlier("tools/call", &asked).request()).await);
    let task = &created["task"];
    assert_eq!(task["status"], "working", "{created}");
    assert!(task["ttl"].is_null() && task["pollInterval"].is_u64() && task.get("ttlMs").is_none(), "{task}");
    let named = json!({ "taskId": task["taskId"] });
    house.script(CUSTOMERS, Answer::Results(vec![customers()]));
    house.work().await;
    let ended = result(&house.send(earlier("tasks/get", &named).request()).await);
    assert_eq!((&ended["status"], ended.get("result")), (&json!("completed"), None), "{ended}");
    let fetched = result(&house.send(earlier("tasks/result", &named).request()).await);
    assert_eq!(fetched["structuredContent"]["rows"], json!([["1", "DE"], ["2", null]]));
    assert_eq!(fetched["_meta"]["io.modelcontextprotocol/related-task"], named);
    fails(&house.send(earlier("tasks/cancel", &named).request()).await, 200, -32602);
    fails(&house.send(earlier("tasks/get", &named).token("ben").request()).await, 200, -32602);
    fails(&house.send(earlier("tasks/result", &named).token("ben").request()).await, 200, -32602);
    fails(&house.send(earlier("tasks/list", &json!({})).request()).await, 200, -32601);
    let look = json!({ "name": "list_objects", "arguments": {}, "task": {} });
    fails(&house.send(earlier("tools/call", &look).request()).await, 200, -32601);
}

#[tokio::test]
async fn a_result_that_is_not_there_yet_is_no_result() {
    let house = House::with(gateway::Settings { hold: std::time::Duration::ZERO, ..Default::default() });
    let asked = json!({ "name": "run_sql", "arguments": { "statement": WRITE }, "task": {} });
    let created = result(&house.send(earlier("tools/call", &asked).request()).await);
    let named = json!({ "taskId": created["task"]["taskId"] });
    fails(&house.send(earlier("tasks/result", &named).request()).await, 200, -32603);
    let cancelled = result(&house.send(earlier("tasks/cancel", &named).request()).await);
    assert_eq!(cancelled["status"], "cancelled", "{cancelled}");
    let fetched = result(&house.send(earlier("tasks/result", &named).request()).await);
    assert_eq!(fetched["structuredContent"]["code"], "000604");
}
