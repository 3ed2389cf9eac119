//! The tools of the MCP door: what each answers, and what it does not.

use domain::SqlType;
use gateway::Settings;
use serde_json::{Value, json};

use super::{call, fails, post, request, told, tool};
use crate::house::{Answer, CUSTOMERS, Call, House, Table, column, customers};

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
        let arguments = json!({ "handle": first["handle"], "from_row": next, "max_rows": 3.0 });
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
        ("run_sql", json!({ "statement": CUSTOMERS, "max_rows": 1001 }), "between 1 and 1000"),
        ("run_sql", json!({ "statement": CUSTOMERS, "max_rows": 1.5 }), "whole number"),
        ("run_sql", json!({ "statement": CUSTOMERS, "max_rows": "1.0" }), "whole number"),
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
