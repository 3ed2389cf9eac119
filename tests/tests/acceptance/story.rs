//! One statement, end to end.

use domain::Outcome;
use recording::What;

use crate::house::{House, ask, asked, customers, in_time, page_text};

#[tokio::test]
async fn a_select_is_answered_masked_whatever_its_alias_and_the_recording_shows_the_same_rows() {
    let house = House::new().await;
    customers::answer(&house.snow, &[3]);
    let gateway = house.gateway();
    let reply = ask(&gateway, customers::SQL).await.unwrap();

    let Outcome::Rows { columns, rows, pages } = reply.outcome() else { panic!("{:?}", reply.outcome()) };
    assert_eq!((*rows, *pages), (3, 1));
    let seen: Vec<(&str, bool)> = columns.iter().map(|c| (c.name.as_str(), c.is_masked)).collect();
    assert_eq!(seen, [("ID", false), ("EMAIL", true), ("HARMLESS", true), ("COUNTRY", false)]);
    let text = page_text(reply.first_page().unwrap());
    for n in 0..3 {
        for secret in customers::secrets(n) {
            assert!(!text.contains(&secret), "{text}");
        }
    }
    let answered: Vec<Vec<Option<String>>> = serde_json::from_str(&text).unwrap();
    assert_eq!(answered[1][0].as_deref(), Some("1"));
    assert_eq!(answered[1][3].as_deref(), Some("FR"));
    assert_eq!(house.recorded_rows(), answered, "what the agent saw is what is recorded");

    let kinds: Vec<&str> = house
        .replay()
        .iter()
        .map(|event| match event.what {
            What::Prompt { .. } => "prompt",
            What::Evidence { .. } => "evidence",
            What::Call { .. } => "call",
            What::Statement { .. } => "statement",
            What::Decision { .. } => "decision",
            What::Approval { .. } => "approval",
            What::Page { .. } => "page",
            What::Closing { .. } => "closing",
        })
        .collect();
    assert_eq!(kinds, ["prompt", "statement", "decision", "page", "closing"]);
    let (opening, closing) = house.records().remove(0);
    let row = recording::SearchRow::new(&opening, closing.as_ref(), None);
    assert_eq!(row.masked_columns, ["EMAIL", "HARMLESS"]);
    assert_eq!((row.outcome.as_str(), row.rows, row.decision.as_str()), ("rows", 3, "allow"));
    assert_eq!(row.reads, ["DEMO.PUBLIC.CUSTOMERS"]);
    assert_eq!(row.query_id.as_deref(), Some(customers::HANDLE));
    assert!(closing.unwrap().findings.is_empty());
    house.verifies();
}

#[tokio::test]
async fn upstream_is_told_ids_alone_and_every_name_to_run_under() {
    let house = House::new().await;
    customers::answer(&house.snow, &[1]);
    let reply = ask(&house.gateway(), customers::SQL).await.unwrap();

    let received = house.snow.received();
    let body: serde_json::Value = serde_json::from_slice(&received[0].body).unwrap();
    assert_eq!(body["statement"], customers::SQL);
    assert_eq!(body["role"], "ANALYST");
    assert_eq!(body["warehouse"], "DEMO_WH");
    assert_eq!(body["database"], "DEMO");
    assert_eq!(body["schema"], "PUBLIC");
    assert_eq!(body["timeout"], 300);
    assert_eq!(body["parameters"]["QUERY_TAG"], format!("{{\"snowgate\":\"{}\"}}", reply.exchange()));
    assert_eq!(body["parameters"]["MULTI_STATEMENT_COUNT"], "1");
    for request in &received {
        let token = request.header("authorization").unwrap();
        assert_eq!(token, "Bearer pat-of-the-gateway", "the agent's own token goes nowhere");
        assert!(!format!("{:?}", request.headers).contains("ana"));
    }
}

#[tokio::test]
async fn a_view_shows_what_its_tables_would_show() {
    let house = House::new().await;
    house.snow.on(
        snowflake::scripted::When::submitted(),
        [snowflake::scripted::Answer::result(
            customers::HANDLE,
            &[("C", "text"), ("COUNTRY", "text")],
            &[&[Some("person1@customers.example"), Some("DE")]],
        )],
    );
    let reply = ask(&house.gateway(), "select contact as c, country from v_contacts").await.unwrap();
    let text = page_text(reply.first_page().unwrap());
    assert!(!text.contains("person1") && text.contains("DE"), "{text}");
}

#[tokio::test]
async fn what_policy_refuses_never_reaches_upstream_and_is_recorded() {
    let house = House::new().await;
    let gateway = house.gateway();
    for sql in [
        "drop table customers",
        "select id from customers where ssn like '536%'",
        "grant role accountadmin to user ana",
        "select * from secrets.public.keys",
        "call do_things()",
        "what is this?",
        "select 1; select 2",
    ] {
        let reply = ask(&gateway, sql).await.unwrap();
        assert!(matches!(reply.outcome(), Outcome::Refused(_)), "{sql}: {:?}", reply.outcome());
    }
    assert_eq!(house.snow.received().len(), 0);
    let records = house.records();
    assert_eq!(records.len(), 7);
    assert!(records.iter().all(|(_, closing)| closing.as_ref().unwrap().outcome.as_str() == "refused"));
    house.verifies();
}

#[tokio::test]
async fn session_parameters_and_the_time_limit_stand_in_the_record_and_exactly_in_the_sealed_text() {
    use gateway::ports::Keys;
    let house = House::new().await;
    customers::answer(&house.snow, &[1]);
    let gateway = house.gateway();
    let mut asked = asked(customers::SQL);
    asked.timeout = Some(std::time::Duration::from_secs(77));
    asked.parameters.insert("TIMEZONE".to_owned(), "America/Los_Angeles".to_owned());
    asked.parameters.insert("DATE_OUTPUT_FORMAT".to_owned(), "\"ana@acme.example\" YYYY".to_owned());
    let reply = in_time(gateway.ask(asked, gateway.settings().hold)).await.unwrap();
    let (opening, _) = house.records().remove(0);
    assert_eq!(opening.timeout_seconds, Some(77));
    assert_eq!(opening.parameters["TIMEZONE"], "America/Los_Angeles");
    assert!(!opening.parameters["DATE_OUTPUT_FORMAT"].contains("ana@"), "{:?}", opening.parameters);
    let exchange = reply.exchange();
    let keys = house.open_home().session(exchange.session).await.unwrap();
    let key = recording::RecordKey::new(&opening.opened[..10], exchange);
    let records = local::Records::open(&house.home_path()).unwrap();
    let sealed = records.read(&key, recording::ObjectKind::Sealed).unwrap().unwrap();
    let under = gateway::unseal(&keys.seal, exchange, &sealed).unwrap().under.unwrap();
    assert_eq!(under.timeout_seconds, Some(77));
    assert!(under.parameters["DATE_OUTPUT_FORMAT"].contains("ana@acme.example"));
    house.verifies();
}
