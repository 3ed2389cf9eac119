//! The rules of the SQL API door hold at the MCP door, because both stand before one pipeline.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use domain::{Column, ObjectName, Relation, RelationKind, SqlType, Verdict};
use gateway::SignedIn;
use gateway::ports::RevokedWhat;
use serde_json::{Value, json};

use crate::door::{call_with, get, router, submit};
use crate::held::{self, REVIEWERS, WRITE, waiting, work};
use crate::house::{House, Warehouse, customers, in_time};

/// What a tool answers: whether it is an error, and the structure. None when the token is not accepted.
pub async fn tool(router: &Router, token: &str, name: &str, arguments: Value) -> Option<(bool, Value)> {
    let message = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": name, "arguments": arguments },
    });
    let headers = [("mcp-protocol-version", "2025-11-25"), ("host", "127.0.0.1:8181")];
    let body = message.to_string();
    let answered = call_with(router, token, "POST", "/mcp", Some(body.as_bytes()), &headers).await;
    if answered.status == 401 {
        assert!(answered.headers["www-authenticate"].to_str().unwrap().contains("resource_metadata="));
        return None;
    }
    assert_eq!(answered.status, 200, "{}", answered.text());
    let result = &answered.json()["result"];
    Some((result["isError"].as_bool().unwrap(), result["structuredContent"].clone()))
}

async fn run(router: &Router, sql: &str) -> (bool, Value) {
    tool(router, "ana", "run_sql", json!({ "statement": sql, "user_request": "who are they?" }))
        .await
        .unwrap()
}

async fn collect(router: &Router, handle: &Value) -> (bool, Value) {
    tool(router, "ana", "get_result", json!({ "handle": handle, "wait_seconds": 0 })).await.unwrap()
}

#[tokio::test]
async fn rows_are_the_recorded_ones_and_those_of_the_other_door() {
    let house = House::with(|settings| (settings.inline, settings.page_size) = (0, 250), &[]).await;
    customers::answer(&house.snow, &[5, 4]);
    let router = router(house.gateway());
    let (is_error, told) = run(&router, customers::SQL).await;
    assert!(!is_error, "{told}");
    let mut rows = told["rows"].as_array().unwrap().clone();
    let mut next = told["next_row"].clone();
    assert!(next.is_u64(), "the first page does not hold all of them");
    while !next.is_null() {
        let arguments = json!({ "handle": told["handle"], "from_row": next, "max_rows": 2 });
        let (_, more) = tool(&router, "ana", "get_result", arguments).await.unwrap();
        rows.extend(more["rows"].as_array().unwrap().clone());
        next = more["next_row"].clone();
    }
    assert_eq!(json!(rows), json!(house.recorded_rows()));
    let masked: Vec<bool> = told["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| column["masked"].as_bool().unwrap())
        .collect();
    assert_eq!(masked, [false, true, true, false]);
    for n in 0..9 {
        assert!(!customers::secrets(n).iter().any(|secret| json!(rows).to_string().contains(secret)));
    }
    let (opening, _) = house.records().remove(0);
    assert_eq!((opening.door.as_str(), opening.prompt.grade.as_str()), ("mcp", "P1"));
    assert_eq!(opening.prompt.text.as_deref(), Some("who are they?"));
    // A handle is its principal's, whichever door gave it.
    let handle = told["handle"].as_str().unwrap();
    let other_door = get(&router, "ana", handle, "").await;
    let first: Vec<Value> = other_door.json()["data"].as_array().unwrap().clone();
    assert_eq!(first, rows[..first.len()]);
    house.verifies();
}

#[tokio::test]
async fn both_doors_refuse_and_hold_the_same() {
    for sql in [
        "drop table customers",
        "select id from customers where ssn = '536-90-1000'",
        "select 1; select 2",
        "call nobody()",
        "copy into 's3://out/' from customers",
        "update customers set country = 'DE' where id = 1",
        "###",
    ] {
        let house = House::new().await;
        let router = router(house.gateway());
        let at_sqlapi = submit(&router, "ana", sql, "").await;
        let (is_error, told) = run(&router, sql).await;
        assert_eq!(house.submissions(), 0);
        let records = house.records();
        let decided: BTreeSet<(String, Vec<String>)> =
            records.iter().map(|(opening, _)| (opening.decision.clone(), opening.rules.clone())).collect();
        // What waits already is joined by whichever door asks again.
        let kept = if at_sqlapi.status == 202 { 1 } else { 2 };
        assert_eq!((records.len(), decided.len()), (kept, 1), "{sql}: {decided:?}");
        if at_sqlapi.status == 202 {
            assert_eq!(told["handle"], json!(at_sqlapi.handle()), "{sql}");
            assert_eq!((is_error, &told["status"]), (false, &json!("waiting")), "{sql}");
        } else {
            assert_eq!((is_error, &told["code"]), (true, &at_sqlapi.json()["code"]), "{sql}");
            let message = at_sqlapi.json()["message"].as_str().unwrap().trim_end_matches('.').to_owned();
            assert!(told["message"].as_str().unwrap().starts_with(&message), "{told}");
        }
        let foreseen = tool(&router, "ana", "check_sql", json!({ "statement": sql })).await.unwrap().1;
        let expected = if at_sqlapi.status == 202 { "waits" } else { "refused" };
        assert_eq!(foreseen["status"], expected, "{sql}");
        assert_eq!(house.records().len(), kept, "a look is no exchange");
    }
}

#[tokio::test]
async fn what_is_held_runs_once_approved_and_is_collected() {
    let house = held::house().await;
    let gateway = house.gateway();
    let (router, review) = (router(gateway.clone()), house.review());
    let (is_error, held) = run(&router, WRITE).await;
    assert_eq!((is_error, &held["status"]), (false, &json!("waiting")));
    assert_eq!(collect(&router, &held["handle"]).await.1["status"], "waiting");
    let id = waiting(&review).await;
    let rosa = SignedIn::development("rosa", BTreeSet::from([REVIEWERS.to_owned()])).unwrap();
    in_time(review.decide(id, &rosa, Verdict::Approve, None)).await.unwrap();
    // The stored statement runs by the worker, while its agent waits for it.
    let poll = json!({ "handle": held["handle"], "wait_seconds": 5 });
    let (done, _) = in_time(async {
        tokio::join!(tool(&router, "ana", "get_result", poll), async {
            while work(&house, &gateway).await == 0 {}
        })
    })
    .await;
    let (is_error, done) = done.unwrap();
    assert_eq!((is_error, &done["rows"]), (false, &json!([["1"]])), "{done}");
    assert_eq!(house.submissions(), 1);
    house.verifies();
}

#[tokio::test]
async fn a_persons_no_ends_the_asking() {
    let house = held::house().await;
    let gateway = house.gateway();
    let (router, review) = (router(gateway.clone()), house.review());
    let (_, held) = run(&router, WRITE).await;
    let id = waiting(&review).await;
    let rosa = SignedIn::development("rosa", BTreeSet::from([REVIEWERS.to_owned()])).unwrap();
    in_time(review.decide(id, &rosa, Verdict::Deny, Some("not today"))).await.unwrap();
    while work(&house, &gateway).await == 0 {}
    let (is_error, told) = collect(&router, &held["handle"]).await;
    assert_eq!((is_error, &told["code"]), (true, &json!("099005")), "{told}");
    assert!(told["message"].as_str().unwrap().contains("do not ask again"), "{told}");
    assert!(told.get("retry_after_seconds").is_none(), "asking again makes no sense: {told}");
    assert_eq!(house.submissions(), 0);
}

#[tokio::test]
async fn another_principals_handle_is_an_unknown_one() {
    let house = House::new().await;
    customers::answer(&house.snow, &[2]);
    let router = router(house.gateway());
    let (_, anas) = run(&router, customers::SQL).await;
    for name in ["get_result", "cancel"] {
        let of = |handle: Value| tool(&router, "ben", name, json!({ "handle": handle }));
        let unknown = of(json!("01b2c3d4-aaaa-bbbb-cccc-000000000099")).await.unwrap();
        assert_eq!(of(anas["handle"].clone()).await.unwrap(), unknown);
        assert_eq!((unknown.0, &unknown.1["status"]), (true, &json!("unknown")));
    }
    assert_eq!(collect(&router, &anas["handle"]).await.1["status"], "rows");
}

#[tokio::test]
async fn who_is_revoked_is_refused_collects_nothing_and_looks_at_nothing() {
    let house = House::new().await;
    customers::answer(&house.snow, &[2]);
    let router = router(house.gateway());
    let (_, told) = run(&router, customers::SQL).await;
    house.open_home().revoke(RevokedWhat::Person, "ana@acme.example").unwrap();
    let (is_error, refused) = run(&router, customers::SQL).await;
    assert_eq!((is_error, &refused["code"]), (true, &json!("099004")), "{refused}");
    for name in ["get_result", "cancel"] {
        assert_eq!(tool(&router, "ana", name, json!({ "handle": told["handle"] })).await, None, "{name}");
    }
    for (name, arguments) in [
        ("list_objects", json!({})),
        ("describe_object", json!({ "object": "customers" })),
        ("check_sql", json!({ "statement": customers::SQL })),
    ] {
        let (_, looked) = tool(&router, "ana", name, arguments).await.unwrap();
        assert_eq!(looked["status"], "refused", "{looked}");
        assert!(!looked.to_string().contains("EMAIL"), "{looked}");
    }
    assert_eq!(house.submissions(), 1);
    assert_eq!(house.records().len(), 2, "the refusal is recorded, and no look");
    house.verifies();
}

#[tokio::test]
async fn a_budget_is_the_principals_whichever_door_is_asked() {
    let house = House::with(|_| {}, &[("per_minute", "2")]).await;
    customers::answer(&house.snow, &[1]);
    let router = router(house.gateway());
    assert_eq!(submit(&router, "ana", customers::SQL, "").await.status, 200);
    assert_eq!(run(&router, customers::SQL).await.1["status"], "rows");
    let (is_error, over) = run(&router, customers::SQL).await;
    assert_eq!((is_error, &over["code"]), (true, &json!("099002")), "{over}");
    assert!(over["retry_after_seconds"].as_u64().unwrap() >= 1);
    let (_, looked) =
        tool(&router, "ana", "check_sql", json!({ "statement": customers::SQL })).await.unwrap();
    assert_eq!(looked["status"], "refused", "{looked}");
    assert_eq!(house.submissions(), 2);
}

#[tokio::test]
async fn a_slow_statement_is_waited_for_within_bounds() {
    let house = House::new().await;
    customers::answer_later(&house.snow, 1, &[2]);
    let gateway = house.gateway();
    let router = router(gateway.clone());
    let arguments = json!({ "statement": customers::SQL, "wait_seconds": 0 });
    let (is_error, told) = tool(&router, "ana", "run_sql", arguments).await.unwrap();
    assert_eq!((is_error, &told["status"]), (false, &json!("running")), "{told}");
    let poll = json!({ "handle": told["handle"], "wait_seconds": 5 });
    let (done, _) =
        in_time(async { tokio::join!(tool(&router, "ana", "get_result", poll), work(&house, &gateway)) })
            .await;
    assert_eq!(done.unwrap().1["rows"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn an_expired_token_gets_nothing_and_is_told_where_to_get_another() {
    let house = House::new().await;
    customers::answer(&house.snow, &[2]);
    let router = router(house.gateway());
    let (_, told) = run(&router, customers::SQL).await;
    house.time.turn(Duration::from_secs(61));
    assert_eq!(tool(&router, "ana.60", "get_result", json!({ "handle": told["handle"] })).await, None);
    assert_eq!(tool(&router, "ana.60", "list_objects", json!({})).await, None);
    assert!(tool(&router, "ana.600", "get_result", json!({ "handle": told["handle"] })).await.is_some());
}

#[tokio::test]
async fn a_view_is_described_by_the_columns_behind_it() {
    let house = House::new().await;
    let router = router(house.gateway());
    let (_, told) = tool(&router, "ana", "describe_object", json!({ "object": "v_contacts" })).await.unwrap();
    assert_eq!(told["object"]["kind"], "view");
    let contact = &told["columns"][1];
    assert_eq!((&contact["name"], &contact["masked"]), (&json!("CONTACT"), &json!(true)), "{told}");
    // What policy does not let be read is there for nobody.
    house.bundle.change(&[("\"DEMO\"", "\"ELSEWHERE\"")]);
    let (_, listed) = tool(&router, "ana", "list_objects", json!({})).await.unwrap();
    assert_eq!(listed["objects"], json!([]), "{listed}");
    let of = |object: &str| tool(&router, "ana", "describe_object", json!({ "object": object }));
    assert_eq!(of("customers").await, of("nowhere").await);
    assert!(house.records().is_empty() && house.submissions() == 0);
}

#[tokio::test]
async fn a_long_schema_is_listed_in_pieces_that_tell_no_hidden_name() {
    let mut house = House::new().await;
    let table = Relation {
        kind: RelationKind::Table,
        columns: vec![Column {
            name: "ID".to_owned(),
            sql_type: SqlType::Fixed { precision: 38, scale: 0 },
            is_nullable: false,
            tags: BTreeMap::new(),
        }],
        version: 1,
    };
    let name = |n: usize| ObjectName::new("DEMO", "PUBLIC", format!("T{n:03}"));
    house.warehouse = Arc::new(Warehouse::of((0..250).map(|n| (name(n), table.clone())).collect()));
    // The last of the first piece, by which a place could be told.
    let hide = "@id(\"hidden\") forbid (principal, action == Action::\"read_object\", resource == \
                Table::\"DEMO.PUBLIC.T099\");\n@id(\"agents-read-demo\")";
    house.bundle.change(&[("@id(\"agents-read-demo\")", hide)]);
    let router = router(house.gateway());
    let (mut names, mut pieces, mut after) = (Vec::new(), 0, Value::Null);
    loop {
        let (is_error, listed) =
            tool(&router, "ana", "list_objects", json!({ "after": after })).await.unwrap();
        assert!(!is_error && !listed.to_string().contains("T099"), "{listed}");
        let objects = listed["objects"].as_array().unwrap();
        names.extend(objects.iter().map(|object| object["name"].as_str().unwrap().to_owned()));
        pieces += 1;
        after = listed["next_after"].clone();
        if after.is_null() {
            break;
        }
    }
    let expected: Vec<String> = (0..250).filter(|n| *n != 99).map(|n| name(n).to_string()).collect();
    assert_eq!((pieces, names), (3, expected));
    let guessed = tool(&router, "ana", "list_objects", json!({ "after": "DEMO.PUBLIC.T099" })).await.unwrap();
    assert_eq!((guessed.0, &guessed.1["status"]), (true, &json!("unknown")));
}

#[tokio::test]
async fn nothing_of_a_body_is_read_before_its_sender_is_proven() {
    let house = House::new().await;
    let router = router(house.gateway());
    let headers =
        [("mcp-protocol-version", "2025-11-25"), ("host", "127.0.0.1:8181"), ("content-encoding", "gzip")];
    for (token, status) in [("NOBODY", 401), ("ana", 400)] {
        let answered = call_with(&router, token, "POST", "/mcp", Some(b"no gzip"), &headers).await;
        assert_eq!(answered.status, status, "{}", answered.text());
    }
}

#[tokio::test]
async fn check_sql_tells_when_nobody_is_asked_any_more() {
    let house = House::with(|_| {}, &[("asks_per_hour", "1")]).await;
    held::deletes(&house);
    let router = router(house.gateway());
    let told = async |name: &str, statement: &str| {
        tool(&router, "ana", name, json!({ "statement": statement, "wait_seconds": 0 })).await.unwrap().1
    };
    let check = async |statement: &str| {
        tool(&router, "ana", "check_sql", json!({ "statement": statement })).await.unwrap().1
    };
    let other = "delete from customers where id = 4711";
    assert_eq!(check(other).await["status"], "waits");
    assert_eq!(told("run_sql", WRITE).await["status"], "waiting");
    let checked = check(other).await;
    assert_eq!(checked["status"], "refused", "{checked}");
    assert!(checked["message"].as_str().unwrap().contains("ask for a decision"), "{checked}");
    assert_eq!(told("run_sql", other).await["status"], "refused");
    assert_eq!(check(WRITE).await["status"], "waits", "what waits already is joined");
}
