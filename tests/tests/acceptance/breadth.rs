//! A text that names more than can be told again, and an answer that has more columns: neither leaves anything that nobody finds.

use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::{Outcome, RefusalCode};
use serde_json::{Value, json};
use snowflake::scripted::{Answer, When};

use crate::door::{call, get, router, submit};
use crate::held::{WRITE, approve, house, is_waiting, waiting, work};
use crate::house::{House, ask, customers};
use crate::mcp::tool;

/// So many columns, of few letters: each star stands for ten with long names.
fn broad(stars: usize) -> String {
    let columns: Vec<String> = (0..10).map(|n| format!("1 as {}{n}", "c".repeat(200))).collect();
    let stars = vec!["t.*"; stars].join(", ");
    format!("with t as (select {}) select {stars} from t", columns.join(", "))
}

#[tokio::test]
async fn a_text_that_names_more_than_can_be_told_again_does_not_move_and_is_recorded() {
    let house = House::new().await;
    let text = broad(600);
    assert!(text.len() < 8 * 1024, "{}", text.len());
    let reply = ask(&house.gateway(), &text).await.unwrap();
    let Outcome::Refused(refused) = reply.outcome() else { panic!("{:?}", reply.outcome()) };
    assert_eq!(refused.code, RefusalCode::TooLarge);
    assert!(refused.message.contains("fewer columns"), "{}", refused.message);
    let answer = submit(&router(house.gateway()), "ana", &text, "").await;
    assert_eq!(answer.status, 422, "{}", answer.text());
    assert_eq!(house.submissions(), 0);
    house.verifies();
    for (opening, closing) in house.records() {
        assert_eq!(opening.rules, ["gateway:breadth"]);
        assert!(opening.sql_length.is_some_and(|length| length == text.len() as u64));
        assert_eq!(closing.unwrap().outcome.as_str(), "refused");
    }
}

/// Each schema that is looked up costs the account statements, before anything is decided: there is an end to it.
#[tokio::test]
async fn a_text_that_names_more_schemas_than_are_looked_up_is_refused_without_asking_for_them() {
    let tables = |many: usize| (0..many).map(|n| format!("d.s{n}.t t{n}")).collect::<Vec<_>>().join(", ");
    // Beside the one that it starts in.
    for (many, looked_up) in [(31, 32), (32, 1), (500, 1)] {
        let house = House::new().await;
        let reply = ask(&house.gateway(), &format!("select 1 from {}", tables(many))).await.unwrap();
        assert!(matches!(reply.outcome(), Outcome::Refused(_)), "{:?}", reply.outcome());
        assert_eq!(house.warehouse.looked_up.load(Ordering::SeqCst), looked_up, "{many}");
        assert_eq!(house.submissions(), 0);
        house.verifies();
    }
}

/// A catalog that is slow refuses nothing: whoever asks is told to ask again, and nothing has moved.
#[tokio::test]
async fn whoever_asks_before_a_slow_catalog_is_told_to_ask_again() {
    let house = House::new().await;
    customers::answer(&house.snow, &[2]);
    *house.warehouse.slow.lock().unwrap() = Some((house.time.clone(), Duration::from_secs(6)));
    let router = router(house.gateway());
    let answer = submit(&router, "ana", "select 1 from d.s.t", "").await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(answer.text().contains("ask again in a moment"), "{}", answer.text());
    assert!(house.records().is_empty());
    *house.warehouse.slow.lock().unwrap() = None;
    let answer = submit(&router, "ana", customers::SQL, "").await;
    assert_eq!((answer.status.as_u16(), house.submissions()), (200, 1), "{}", answer.text());
    house.verifies();
}

/// However many statements a text has: it is refused by one record, and no statement of it has a place of its own.
#[tokio::test]
async fn a_text_of_more_statements_than_are_read_is_recorded_and_leaves_nothing_else() {
    let house = House::new().await;
    for statements in [301, 200_000] {
        let text = "1;".repeat(statements);
        let reply = ask(&house.gateway(), &text).await.unwrap();
        let Outcome::Refused(refused) = reply.outcome() else { panic!("{:?}", reply.outcome()) };
        assert_eq!(refused.code, RefusalCode::TooLarge);
        assert!(refused.message.contains("more than 256 statements"), "{}", refused.message);
    }
    let refused = ask(&house.gateway(), "drop table customers; drop table orders").await.unwrap();
    assert!(matches!(refused.outcome(), Outcome::Refused(_)));
    assert_eq!(house.submissions(), 0);
    for (opening, closing) in house.records() {
        assert!(opening.children.is_empty());
        assert_eq!(closing.unwrap().outcome.as_str(), "refused");
    }
    assert_eq!(house.records().len(), 3);
    house.verifies();
}

#[tokio::test]
async fn whoever_looks_before_asking_is_told_the_same_and_so_is_whoever_asks_over_mcp() {
    let house = House::new().await;
    let router = router(house.gateway());
    for name in ["check_sql", "run_sql"] {
        let (_, told) = tool(&router, "ana", name, json!({ "statement": broad(600) })).await.unwrap();
        assert!(told.to_string().contains("fewer columns"), "{told}");
    }
    assert_eq!(house.submissions(), 0);
}

#[tokio::test]
async fn what_names_some_thousand_columns_runs() {
    let house = House::new().await;
    let columns: Vec<Value> = (0..10).map(|n| column(&format!("{}{n}", "C".repeat(200)))).collect();
    let columns: Vec<Value> = (0..300).flat_map(|_| columns.clone()).collect();
    let row: Vec<Value> = columns.iter().map(|_| json!("1")).collect();
    house.snow.on(When::submitted(), [Answer::json(200, &result(&columns, &row))]);
    let reply = ask(&house.gateway(), &broad(300)).await.unwrap();
    assert!(matches!(reply.outcome(), Outcome::Rows { rows: 1, .. }), "{:?}", reply.outcome());
    house.verifies();
}

#[tokio::test]
async fn an_answer_of_more_columns_than_can_be_told_again_is_not_shown() {
    let house = House::new().await;
    let columns: Vec<Value> = (0..20_000).map(|n| column(&format!("C{n}"))).collect();
    let row: Vec<Value> = columns.iter().map(|_| json!("1")).collect();
    house.snow.on(When::submitted(), [Answer::json(200, &result(&columns, &row))]);
    house.snow.on(When::cancelled(customers::HANDLE), [Answer::json(200, &json!({}))]);
    let reply = ask(&house.gateway(), customers::SQL).await.unwrap();
    let told = format!("{:?}", reply.outcome());
    assert!(!matches!(reply.outcome(), Outcome::Rows { .. }), "{told}");
    house.verifies();
    let closing = house.closing();
    assert!(closing.parts.is_empty(), "{told}");
    assert!(serde_json::to_string(&closing).unwrap().contains("too_large"), "{closing:?}");
}

/// What has written upstream is recorded as run, and nobody is told that it failed as if nothing had happened; of what may be seen in clear
/// and, for a batch that shows what may not, of a failure that tells no reason.
#[tokio::test]
async fn what_has_written_and_is_not_shown_says_that_it_has_run() {
    const DELETED: &str = "01b2c3d4-0000-0000-0000-000000000002";
    let columns: Vec<Value> = (0..20_000).map(|n| column(&format!("C{n}"))).collect();
    let row: Vec<Value> = columns.iter().map(|_| json!("1")).collect();
    let broad = || Answer::json(200, &result(&columns, &row));
    for is_batch in [false, true] {
        let house = house().await;
        let gateway = house.gateway();
        let (router, review) = (router(gateway.clone()), house.review());
        house.snow.instead(When::cancelled(customers::HANDLE), [Answer::json(200, &json!({}))]);
        let held = if is_batch {
            let parent = "01b2c3d4-0000-0000-0000-0000000000aa";
            house.snow.instead(When::submitted(), [Answer::batch(parent, &[customers::HANDLE, DELETED])]);
            house.snow.instead(When::asked_about(customers::HANDLE), [broad()]);
            let rows: &[&[Option<&str>]] = &[&[Some("1")]];
            let deleted = Answer::result(DELETED, &[("number of rows deleted", "fixed")], rows);
            house.snow.instead(When::asked_about(DELETED), [deleted]);
            let body = json!({
                "statement": format!("{}; {WRITE}", customers::SQL), "parameters": { "MULTI_STATEMENT_COUNT": "2" },
            });
            call(&router, "ana", "POST", "/api/v2/statements", Some(body.to_string().as_bytes())).await
        } else {
            house.warehouse.define("CUSTOMERS", |customers| {
                customers.columns.retain(|column| ["ID", "COUNTRY"].contains(&column.name.as_str()));
            });
            house.snow.instead(When::submitted(), [broad()]);
            submit(&router, "ana", WRITE, "").await
        };
        is_waiting(&held);
        approve(&review, waiting(&review).await).await;
        assert_eq!(work(&house, &gateway).await, 1);
        let told = get(&router, "ana", &held.handle(), "").await;
        assert_eq!(told.status, 422, "{}", told.text());
        let closing = house.closing();
        let id = if is_batch { DELETED } else { customers::HANDLE };
        let says = |detail: &str| detail.contains(id) && detail.contains("what it changes is changed");
        let has_run = closing.findings.iter().any(|one| one.what == "has_run" && says(&one.detail));
        assert!(has_run, "{closing:?}");
        let sentence = if is_batch { "may have done so before it failed" } else { "do not ask it again" };
        assert!(told.text().contains(sentence), "{}", told.text());
        house.verifies();
    }
}

fn column(name: &str) -> Value {
    json!({
        "name": name, "database": "", "schema": "", "table": "", "type": "fixed", "precision": 38, "scale": 0,
        "length": null, "byteLength": null, "nullable": true, "collation": null,
    })
}

/// One row of these.
fn result(columns: &[Value], row: &[Value]) -> Value {
    json!({
        "resultSetMetaData": {
            "numRows": 1, "format": "jsonv2", "partitionInfo": [{ "rowCount": 1, "uncompressedSize": 9 }],
            "rowType": columns,
        },
        "data": [row], "code": "090001", "message": "Statement executed successfully.", "sqlState": "00000",
        "statementHandle": customers::HANDLE,
        "statementStatusUrl": format!("/api/v2/statements/{}", customers::HANDLE), "createdOn": 1,
    })
}
