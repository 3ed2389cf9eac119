//! An upstream that lies: everything masked, or nothing shown.

use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::{Outcome, RefusalCode};
use gateway::Reply;
use serde_json::{Value, json};
use snowflake::scripted::{Answer, Ending, When, gzip};

use crate::house::{House, ask, customers, page_text};

fn column(name: &str, kind: &str, table: &str) -> Value {
    let (database, schema) = if table.is_empty() { ("", "") } else { ("DEMO", "PUBLIC") };
    json!({
        "name": name, "database": database, "schema": schema, "table": table, "type": kind,
        "precision": if kind == "fixed" { json!(38) } else { Value::Null },
        "scale": if kind == "fixed" { json!(0) } else { Value::Null },
        "length": if kind == "text" { json!(100) } else { Value::Null },
        "byteLength": null, "nullable": true, "collation": null,
    })
}

fn result(columns: Vec<Value>, rows: Value, count: usize) -> Value {
    json!({
        "resultSetMetaData": {
            "numRows": count, "format": "jsonv2", "partitionInfo": [{ "rowCount": count, "uncompressedSize": 9 }],
            "rowType": columns,
        },
        "data": rows, "code": "090001", "message": "Statement executed successfully.", "sqlState": "00000",
        "statementHandle": customers::HANDLE,
        "statementStatusUrl": format!("/api/v2/statements/{}", customers::HANDLE), "createdOn": 1,
    })
}

fn honest() -> Value {
    let [id, email, ssn, country] = customers::row(0);
    result(
        vec![
            column("ID", "fixed", "CUSTOMERS"),
            column("EMAIL", "text", "CUSTOMERS"),
            column("HARMLESS", "text", "CUSTOMERS"),
            column("COUNTRY", "text", "CUSTOMERS"),
        ],
        json!([[id, email, ssn, country]]),
        1,
    )
}

fn is_clear(text: &str) -> bool {
    text.contains("person0") || text.contains("536-90") || text.contains("\"FR\"") || text.contains("\"DE\"")
}

/// Asks one that answers so, and looks at everything that it left.
async fn answered(body: &Value) -> (House, Reply) {
    let house = House::new().await;
    house.snow.on(When::submitted(), [Answer::json(200, body)]);
    house.snow.on(When::cancelled(customers::HANDLE), [Answer::json(200, &json!({}))]);
    let reply = ask(&house.gateway(), customers::SQL).await.unwrap();
    house.verifies();
    (house, reply)
}

async fn is_all_masked(body: &Value, finding: &str) {
    let (house, reply) = answered(body).await;
    let Outcome::Rows { columns, .. } = reply.outcome() else { panic!("{:?}", reply.outcome()) };
    assert!(columns.iter().all(|column| column.is_masked), "{columns:?}");
    assert!(columns.iter().all(|column| column.name.starts_with('C')), "{columns:?}");
    let text = page_text(reply.first_page().unwrap());
    assert!(!is_clear(&text), "{text}");
    let closing = house.closing();
    assert_eq!(closing.findings.len(), 1, "{:?}", closing.findings);
    assert_eq!(closing.findings[0].what, "result_contradicts_plan");
    assert!(closing.findings[0].detail.contains(finding), "{:?}", closing.findings);
}

#[tokio::test]
async fn an_honest_answer_with_its_origins_is_shown() {
    let (house, reply) = answered(&honest()).await;
    let Outcome::Rows { columns, .. } = reply.outcome() else { panic!("{:?}", reply.outcome()) };
    assert_eq!(columns.iter().filter(|column| column.is_masked).count(), 2);
    assert!(house.closing().findings.is_empty());
}

#[tokio::test]
async fn a_column_that_nobody_planned_masks_all() {
    let mut body = honest();
    body["resultSetMetaData"]["rowType"].as_array_mut().unwrap().push(column("MORE", "text", ""));
    body["data"][0].as_array_mut().unwrap().push(json!("person0 again"));
    is_all_masked(&body, "number of columns").await;
}

#[tokio::test]
async fn a_column_that_is_missing_masks_all() {
    let mut body = honest();
    body["resultSetMetaData"]["rowType"].as_array_mut().unwrap().remove(1);
    body["data"][0].as_array_mut().unwrap().remove(1);
    is_all_masked(&body, "number of columns").await;
}

#[tokio::test]
async fn a_column_under_another_name_masks_all() {
    let mut body = honest();
    body["resultSetMetaData"]["rowType"][3]["name"] = json!("EMAIL_TOO");
    is_all_masked(&body, "another name").await;
}

#[tokio::test]
async fn columns_in_another_order_mask_all() {
    let mut body = honest();
    let columns = body["resultSetMetaData"]["rowType"].as_array_mut().unwrap();
    columns.swap(1, 3);
    body["data"][0].as_array_mut().unwrap().swap(1, 3);
    is_all_masked(&body, "another name").await;
}

#[tokio::test]
async fn a_stored_column_of_another_type_masks_all() {
    let mut body = honest();
    body["resultSetMetaData"]["rowType"][3] = column("COUNTRY", "variant", "CUSTOMERS");
    is_all_masked(&body, "another type").await;
}

#[tokio::test]
async fn a_column_from_a_table_that_is_not_read_masks_all() {
    let mut body = honest();
    body["resultSetMetaData"]["rowType"][3] = column("COUNTRY", "text", "EMPLOYEES");
    is_all_masked(&body, "does not read").await;
}

#[tokio::test]
async fn a_type_that_nobody_knows_is_masked_and_its_name_not_repeated() {
    let mut body = honest();
    body["resultSetMetaData"]["rowType"][3] = column("COUNTRY", "person0", "CUSTOMERS");
    let (house, reply) = answered(&body).await;
    assert!(!format!("{:?}", reply.outcome()).contains("person0"));
    assert!(!format!("{:?}", house.closing()).contains("person0"));
}

#[tokio::test]
async fn surprise_fields_and_chunk_urls_go_nowhere() {
    let mut body = honest();
    body["qrmk"] = json!("secret-key-of-the-result");
    body["chunks"] = json!([{ "url": "https://stage.example/secret-chunk", "rowCount": 1 }]);
    body["chunkHeaders"] = json!({ "x-amz-server-side-encryption-customer-key": "secret-header" });
    body["resultSetMetaData"]["rowType"][0]["comment"] = json!("secret-comment");
    let (house, reply) = answered(&body).await;
    let told = format!("{:?}{:?}{:?}", reply, house.closing(), house.records());
    assert!(!told.contains("secret"), "{told}");
}

/// Nothing of it may be shown, and it must end well.
async fn shows_nothing(name: &str, script: impl FnOnce(&House)) {
    let house = House::with(|settings| settings.hold = Duration::from_secs(2), &[]).await;
    script(&house);
    house.snow.on(When::cancelled(customers::HANDLE), [Answer::json(200, &json!({}))]);
    let gateway = house.gateway();
    let reply = ask(&gateway, customers::SQL).await;
    if let Ok(reply) = &reply {
        assert!(reply.first_page().is_none(), "{name}: {:?}", reply.outcome());
        let told = format!("{reply:?}");
        assert!(!is_clear(&told), "{name}: {told}");
    }
    drop(gateway);
    house.clean_up().await;
    let closing = house.closing();
    assert!(matches!(closing.outcome.as_str(), "failed" | "lost"), "{name}: {closing:?}");
    assert!(closing.parts.is_empty(), "{name}");
    assert!(!is_clear(&format!("{closing:?}")), "{name}: {closing:?}");
    let report = house.verify();
    assert!(report.faults.is_empty(), "{name}: {:?}", report.faults);
}

fn submitted(house: &House, answer: Answer) {
    house.snow.on(When::submitted(), [answer]);
    house.snow.on(When::asked_about(customers::HANDLE), [Answer::status(404)]);
}

#[tokio::test]
async fn wrong_counts_show_nothing() {
    let mut too_many = honest();
    too_many["resultSetMetaData"]["numRows"] = json!(7);
    shows_nothing("more rows in all than in partitions", |house| {
        submitted(house, Answer::json(200, &too_many))
    })
    .await;
    let mut too_few = honest();
    too_few["data"] = json!([]);
    shows_nothing("no rows where one was said", |house| submitted(house, Answer::json(200, &too_few))).await;
    let mut ragged = honest();
    ragged["data"][0].as_array_mut().unwrap().push(json!("person0"));
    shows_nothing("a cell too many", |house| submitted(house, Answer::json(200, &ragged))).await;
    shows_nothing("a partition with a row too few", |house| {
        house.snow.on(When::submitted(), [customers::head(customers::HANDLE, &[1, 3])]);
        house.snow.on(When::asked_about(customers::HANDLE).with("partition=1"), [customers::partition(1..3)]);
        house.snow.on(When::asked_about(customers::HANDLE), [customers::head(customers::HANDLE, &[1, 3])]);
    })
    .await;
}

#[tokio::test]
async fn broken_answers_show_nothing() {
    let bomb = gzip(&vec![b' '; 64 << 20]);
    let body = |text: &str| Answer::body(200, "application/json", text.to_owned());
    let cases: Vec<(&str, Answer)> = vec![
        ("no json", body("person0")),
        ("an empty body", body("")),
        ("half an answer", Answer::json(200, &honest()).ending(Ending::CutAfter(120))),
        ("truncated gzip", Answer::json(200, &honest()).gzipped().ending(Ending::CutAfter(80))),
        ("a gzip bomb", Answer::body(200, "application/json", bomb).header("Content-Encoding", "gzip")),
        ("a stalled answer", Answer::json(200, &honest()).ending(Ending::StallAfter(100))),
        ("server errors", Answer::status(500)),
        ("a redirect", Answer::status(302).header("Location", "https://stage.example/")),
        ("unauthorised", Answer::status(401)),
        ("throttled", Answer::status(429)),
        ("a closed connection", Answer::status(200).ending(Ending::Dropped)),
        ("silence", Answer::status(200).ending(Ending::Silent)),
        (
            "it failed",
            Answer::failed(
                customers::HANDLE,
                "100038",
                "22018",
                "Numeric value 'person0 536-90-1000' is not recognized",
            ),
        ),
    ];
    let all =
        cases.into_iter().map(|(name, answer)| shows_nothing(name, move |house| submitted(house, answer)));
    futures(all).await;
}

/// All at once: most of them only wait.
async fn futures(all: impl Iterator<Item = impl Future<Output = ()>>) {
    let mut all: Vec<_> = all.map(Box::pin).collect();
    std::future::poll_fn(|context| {
        all.retain_mut(|one| one.as_mut().poll(context).is_pending());
        if all.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

#[tokio::test]
async fn a_partition_that_breaks_off_shows_nothing_of_the_others() {
    for (name, partition) in [
        ("cut", customers::partition(2..4).ending(Ending::CutAfter(40))),
        ("no gzip", Answer::body(200, "application/json", "person2").header("Content-Encoding", "gzip")),
        ("gone", Answer::status(404)),
        ("another status", Answer::status(418)),
    ] {
        shows_nothing(name, |house| {
            house.snow.on(When::submitted(), [customers::head(customers::HANDLE, &[2, 2])]);
            house.snow.on(When::asked_about(customers::HANDLE).with("partition=1"), [partition]);
            house
                .snow
                .on(When::asked_about(customers::HANDLE), [customers::head(customers::HANDLE, &[2, 2])]);
        })
        .await;
    }
}

#[tokio::test]
async fn a_table_that_was_altered_while_the_statement_ran_is_not_released() {
    let house = House::new().await;
    let rows: &[&[Option<&str>]] = &[&[Some("DE")]];
    let answer = Answer::result(customers::HANDLE, &[("COUNTRY", "text")], rows);
    house.snow.on(When::submitted(), [answer]);
    house.warehouse.altered.store(1, Ordering::SeqCst);
    let reply = ask(&house.gateway(), "select country from customers").await.unwrap();
    let Outcome::Refused(refusal) = reply.outcome() else { panic!("{:?}", reply.outcome()) };
    assert_eq!(refusal.code, RefusalCode::Contradiction);
    assert_eq!(house.closing().findings[0].what, "catalog_changed");
    assert!(!house.warehouse.forgotten.lock().unwrap().is_empty(), "the catalog is read afresh");
    house.verifies();
}
