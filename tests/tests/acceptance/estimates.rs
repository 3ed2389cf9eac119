//! What the warehouse expects of a statement is asked before people are, and nothing else is done for it.

use recording::EstimateRecord;
use serde_json::{Value, json};
use snowflake::scripted::{Answer, When};

use crate::door::router;
use crate::held::{WRITE, deletes, held};
use crate::house::House;
use crate::pages_door::{Browser, demo, link_of, page, told};

const PLAN: &str = "01b2c3d4-0000-0000-0000-0000000000ee";
const COLUMNS: [(&str, &str); 10] = [
    ("step", "fixed"),
    ("id", "fixed"),
    ("parentOperators", "text"),
    ("operation", "text"),
    ("objects", "text"),
    ("alias", "text"),
    ("expressions", "text"),
    ("partitionsTotal", "fixed"),
    ("partitionsAssigned", "fixed"),
    ("bytesAssigned", "fixed"),
];

async fn house() -> House {
    let roster = demo();
    let change = |settings: &mut gateway::Settings| {
        settings.roster = Some(roster);
        settings.estimates = true;
    };
    House::with(change, &[]).await
}

/// The plan of the whole, and of one of its operations.
fn plan(bytes: &str) -> Answer {
    let none = None;
    let global =
        [none, none, none, Some("GlobalStats"), none, none, none, Some("90"), Some("3"), Some(bytes)];
    let scan = [
        Some("1"),
        Some("0"),
        none,
        Some("TableScan"),
        Some("DEMO.PUBLIC.CUSTOMERS"),
        none,
        Some("person1@customers.example"),
        Some("90"),
        Some("3"),
        Some(bytes),
    ];
    Answer::result(PLAN, &COLUMNS, &[&global, &scan])
}

fn explained(house: &House) -> Vec<Value> {
    let received = house.snow.received();
    let sent = received.iter().filter(|request| request.path == "/api/v2/statements");
    sent.map(|request| {
        let mut body: Value = serde_json::from_slice(&request.body).unwrap();
        body["bearer"] = request.header("authorization").into();
        body
    })
    .collect()
}

async fn estimate(house: &House, sql: &str) -> Option<EstimateRecord> {
    held(&router(house.gateway()), sql).await;
    house.review().waiting().await.unwrap().waiting.remove(0).asked.estimate
}

#[tokio::test]
async fn a_reviewer_reads_how_much_it_would_read_by_a_plan_that_is_an_exchange_of_its_own() {
    let house = house().await;
    house.snow.on(When::submitted().saying("EXPLAIN USING TABULAR"), [plan("1234567890")]);
    let gateway = house.gateway();
    held(&router(gateway.clone()), WRITE).await;
    told(&house, &gateway).await;
    let (id, token) = link_of(&house, "rosa@acme.example");
    let shown = Browser::new(page(&house, &demo(), None)).open(id, &token).await;
    assert!(shown.text.contains("at most 1234 MB, in 3 of 90 partitions"), "{}", shown.text);
    let sent = explained(&house);
    assert_eq!(sent.len(), 1, "and nothing else");
    assert_eq!(sent[0]["statement"], json!(format!("EXPLAIN USING TABULAR {WRITE}")));
    assert_eq!(sent[0]["bearer"], json!("Bearer pat-of-the-gateway"), "under the read tier");
    let records = house.records();
    let (opening, closing) =
        records.iter().find(|(opening, _)| opening.sql.starts_with("EXPLAIN")).expect("an exchange");
    assert!(shown.text.contains(&opening.exchange), "{}", shown.text);
    assert_eq!((opening.decision.as_str(), opening.prompt.grade.as_str()), ("allow", "P0"));
    assert_eq!(closing.as_ref().unwrap().outcome.as_str(), "rows");
    house.verifies();
}

#[tokio::test]
async fn what_cannot_be_estimated_waits_all_the_same() {
    // Upstream says no, nothing that can be read, or nothing at all.
    let answers = [
        Answer::failed(PLAN, "003001", "42501", "not to this role"),
        plan("many"),
        Answer::result(PLAN, &[("content", "text")], &[&[Some("GlobalStats")]]),
        Answer::result(PLAN, &COLUMNS, &[]),
        Answer::json(500, &json!({})),
        Answer::json(200, &json!({ "data": 7 })),
    ];
    for answer in answers {
        let house = house().await;
        let told = format!("{answer:?}");
        house.snow.on(When::submitted(), [answer]);
        assert_eq!(estimate(&house, WRITE).await, None, "{told}");
    }
    let house = house().await;
    house.snow.on(When::submitted(), [Answer::running(PLAN)]);
    house.snow.on(When::asked_about(PLAN), [Answer::running(PLAN)]);
    house.snow.on(When::cancelled(PLAN), [Answer::json(200, &json!({}))]);
    assert_eq!(estimate(&house, WRITE).await, None);
}

#[tokio::test]
async fn what_was_not_read_whole_or_calls_what_nobody_knows_is_not_explained() {
    for sql in [
        "delete from customers where id = secret_function(id)",
        "create table leads (id int)",
        "delete from customers where id = 1; delete from customers where id = 2",
        // Its failure would be a hidden one.
        "delete from customers where ssn = '1'",
    ] {
        let house = house().await;
        deletes(&house);
        let body = json!({ "statement": sql, "parameters": { "MULTI_STATEMENT_COUNT": "0" } });
        let router = router(house.gateway());
        let path = "/api/v2/statements";
        let asked = crate::door::call(&router, "ana", "POST", path, Some(body.to_string().as_bytes())).await;
        assert!([202, 422].contains(&asked.status.as_u16()), "{}", asked.text());
        assert_eq!(explained(&house), Vec::<Value>::new(), "{sql}");
    }
}
