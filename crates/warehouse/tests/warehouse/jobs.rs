//! Statements as jobs: submitted, watched, stopped.

use std::time::Duration;

use domain::{Binding, Bindings};
use serde_json::json;
use warehouse::{Ask, State, Warehouse};

use super::{PATIENCE, done, end_of, open, rows, rows_of};

#[tokio::test]
async fn the_same_request_runs_once() {
    let warehouse = open().await;
    rows(&warehouse, "create table once (id number)").await;
    let ask = Ask { request_id: "r-1".into(), ..Ask::new("insert into once values (1)") };
    let (first, second) = (warehouse.submit(ask.clone()).await, warehouse.submit(ask).await);
    assert_eq!(first, second);
    done(warehouse.state(&first, PATIENCE).await);
    assert_eq!(rows(&warehouse, "select count(*) from once").await, [[json!("1")]]);
}

#[tokio::test]
async fn a_statement_that_runs_can_be_watched_and_cancelled() {
    let warehouse = open().await;
    let id = warehouse.submit(Ask::new("call system$wait(600)")).await;
    assert_eq!(warehouse.state(&id, Duration::from_millis(20)).await, State::Running);
    warehouse.cancel(&id);
    assert_eq!(warehouse.state(&id, PATIENCE).await, State::Cancelled);
    assert!(warehouse.partition(&id, 0).is_none());
}

#[tokio::test]
async fn a_cancelled_computation_stops() {
    let warehouse = open().await;
    let text = "select count(*) from snowflake_sample_data.tpch_sf1.lineitem a, snowflake_sample_data.tpch_sf1.lineitem b, \
                snowflake_sample_data.tpch_sf1.lineitem c where a.l_comment || b.l_comment < c.l_comment";
    let id = warehouse.submit(Ask::new(text)).await;
    assert_eq!(warehouse.state(&id, Duration::from_millis(500)).await, State::Running);
    warehouse.cancel(&id);
    assert_eq!(warehouse.state(&id, PATIENCE).await, State::Cancelled);
    assert_eq!(rows(&warehouse, "select 1").await, [[json!("1")]]);
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_stopped() {
    let warehouse = open().await;
    let ask = Ask { timeout: Some(Duration::from_secs(1)), ..Ask::new("select system$wait(60)") };
    let State::Failed(error) = end_of(&warehouse, ask).await.1 else { panic!("it went on") };
    assert_eq!((error.code, error.sqlstate), ("000630", "57014"));
    assert!(error.message.contains("timeout of 1 second(s)"));
}

#[tokio::test]
async fn what_has_ended_stays_as_it_is() {
    let warehouse = open().await;
    let (id, state) = end_of(&warehouse, Ask::new("select 1")).await;
    warehouse.cancel(&id);
    assert_eq!(warehouse.state(&id, PATIENCE).await, state);
}

#[tokio::test]
async fn an_unknown_statement_is_unknown() {
    let (one, other) = (open().await, open().await);
    let id = one.submit(Ask::new("select 1")).await;
    assert_eq!(other.state(&id, PATIENCE).await, State::Unknown);
    assert!(other.partition(&id, 0).is_none());
    other.cancel(&id);
    assert_eq!(id.to_string().parse(), Ok(id));
    assert_eq!(id.to_string().len(), 36);
}

#[tokio::test]
async fn a_batch_has_an_answer_for_each_statement() {
    let warehouse = open().await;
    let text = "use schema snowflake_sample_data.tpch_sf1; select count(*) as n from nation; set x = 'ASIA'; \
                select r_regionkey from region where r_name = $x;";
    let (id, state) = end_of(&warehouse, Ask { statement_count: 4, ..Ask::new(text) }).await;
    let batch = done(state);
    let head = [[json!("Multiple statements executed successfully.")]];
    assert_eq!(rows_of(&warehouse, &id, &batch), head);
    assert_eq!(batch.head.columns[0].name, "multiple statement execution");
    assert_eq!(batch.children.len(), 4);
    let last = done(warehouse.state(&batch.children[3], PATIENCE).await);
    assert_eq!(rows_of(&warehouse, &batch.children[3], &last), [[json!("2")]]);
    // The next request begins afresh.
    assert_eq!(rows(&warehouse, "select current_schema()").await, [[json!("PUBLIC")]]);
}

#[tokio::test]
async fn a_batch_takes_no_bound_values() {
    let warehouse = open().await;
    let bindings = Bindings::from([(1, Binding { kind: "FIXED".into(), value: Some("1".into()) })]);
    let ask = Ask { statement_count: 0, bindings, ..Ask::new("select ?; select 2") };
    let State::Failed(error) = end_of(&warehouse, ask).await.1 else { panic!("taken") };
    assert_eq!(error.code, "000002");
}

#[tokio::test]
async fn changes_are_counted_under_snowflakes_names() {
    let warehouse = open().await;
    rows(&warehouse, "create table counted (id number, name varchar)").await;
    let check = async |text: &str, names: &[&str], counts: [u64; 3]| {
        let answer = done(end_of(&warehouse, Ask::new(text)).await.1);
        let columns: Vec<_> = answer.head.columns.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(columns, names);
        let changes = answer.head.changes.expect("counts");
        assert_eq!([changes.inserted, changes.updated, changes.deleted], counts);
    };
    check(
        "insert into counted values (1, 'a'), (2, 'b'), (3, null)",
        &["number of rows inserted"],
        [3, 0, 0],
    )
    .await;
    let updated = ["number of rows updated", "number of multi-joined rows updated"];
    check("update counted set name = name || '!' where id >= 2", &updated, [0, 2, 0]).await;
    check("delete from counted where name = 'a'", &["number of rows deleted"], [0, 0, 1]).await;
    assert_eq!(
        rows(&warehouse, "select * from counted order by id").await,
        [[json!("2"), json!("b!")], [json!("3"), json!(null)]]
    );
    check("delete from counted", &["number of rows deleted"], [0, 0, 2]).await;
}

#[tokio::test]
async fn writers_do_not_lose_each_others_work() {
    let warehouse = open().await;
    rows(&warehouse, "create table busy (n number)").await;
    rows(&warehouse, "insert into busy values (0)").await;
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(warehouse.submit(Ask::new("update busy set n = n + 1")).await);
        ids.push(warehouse.submit(Ask::new("insert into busy values (100)")).await);
    }
    for id in &ids {
        done(warehouse.state(id, PATIENCE).await);
    }
    assert_eq!(rows(&warehouse, "select count(*), min(n) from busy").await, [[json!("21"), json!("20")]]);
}

#[tokio::test]
async fn a_scale_that_is_none_opens_nothing() {
    assert!(Warehouse::open(0.0).await.is_err() && Warehouse::open(f64::NAN).await.is_err());
}
