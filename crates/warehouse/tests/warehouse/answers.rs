//! What answers look like: names, types, origins, values, partitions.

use domain::{Binding, Bindings, SqlType};
use serde_json::{Value, json};
use warehouse::{Ask, LARGEST_SLICE, ResultColumn};

use super::{done, end_of, open, rows, rows_of};

async fn columns(text: &str) -> Vec<ResultColumn> {
    let warehouse = open().await;
    done(end_of(&warehouse, Ask::new(text)).await.1).head.columns
}

#[tokio::test]
async fn columns_are_named_as_snowflake_names_them() {
    let text = "select 1 as lower, 2 as \"Quoted Name\", count(*), 1 + 1, 'text', max(id), max(profile:email::string), \
                max(c.id) from customers c";
    let names: Vec<_> = columns(text).await.into_iter().map(|c| c.name).collect();
    let expected = [
        "LOWER",
        "Quoted Name",
        "COUNT(*)",
        "1 + 1",
        "'TEXT'",
        "MAX(ID)",
        "MAX(PROFILE:EMAIL::STRING)",
        "MAX(C.ID)",
    ];
    assert_eq!(names, expected);
}

#[tokio::test]
async fn equal_names_are_answered_as_they_are() {
    let names: Vec<_> =
        columns("select c.*, id, name as id from customers c").await.into_iter().map(|c| c.name).collect();
    assert_eq!(names.first().map(String::as_str), Some("ID"));
    assert_eq!(names.get(12..), Some(["ID".to_owned(), "ID".to_owned()].as_slice()));
}

#[tokio::test]
async fn columns_carry_their_declared_types() {
    let types: Vec<_> = columns(
        "select c_custkey, c_acctbal, c_name, o_orderdate, c_acctbal / 2, c_name || '!', true, 1.5::float, 'FF'::binary, \
         current_timestamp(), '2026-01-01'::timestamp, '10:00'::time, parse_json('{}'), array_construct(1) \
         from snowflake_sample_data.tpch_sf1.customer join snowflake_sample_data.tpch_sf1.orders on o_custkey = c_custkey limit 0",
    )
    .await
    .into_iter()
    .map(|c| c.sql_type)
    .collect();
    let expected = [
        SqlType::Fixed { precision: 38, scale: 0 },
        SqlType::Fixed { precision: 12, scale: 2 },
        SqlType::Text { length: 25 },
        SqlType::Date,
        SqlType::Fixed { precision: 38, scale: 8 },
        SqlType::Text { length: 16_777_216 },
        SqlType::Boolean,
        SqlType::Real,
        SqlType::Binary { length: 8_388_608 },
        SqlType::TimestampLtz { scale: 9 },
        SqlType::TimestampNtz { scale: 9 },
        SqlType::Time { scale: 9 },
        SqlType::Variant,
        SqlType::Array,
    ];
    assert_eq!(types, expected);
}

#[tokio::test]
async fn the_clock_is_told_and_is_the_same_throughout() {
    let warehouse = open().await;
    let text = "select current_date() = current_timestamp()::date, current_timestamp() = now(), \
                dateadd(day, -365, current_date()) < current_date(), count(*) from customers \
                where signup_date < current_date() and signup_date < current_date - 1";
    let rows = rows(&warehouse, text).await;
    assert_eq!(
        rows.first().and_then(|row| row.get(..3)),
        Some([json!("true"), json!("true"), json!("true")].as_slice())
    );
    let count = "select count(*) from customers where signup_date < current_timestamp()";
    assert_eq!(super::rows(&warehouse, count).await, [[json!("400")]]);
}

#[tokio::test]
async fn an_origin_is_told_only_for_columns_shown_unchanged() {
    let origins: Vec<_> = columns(
        "with w as (select id as k, email as contact, upper(name) as name from customers) \
         select w.k, w.contact as x, w.name, v.contact, o.amount + 1 from w join v_customers v on v.id = w.k \
         join orders o on o.customer_id = w.k where w.k < 10 order by 1 limit 5",
    )
    .await
    .into_iter()
    .map(|c| c.origin.map(|o| o.to_string()))
    .collect();
    let expected = [
        Some("DEMO.PUBLIC.CUSTOMERS.ID".to_owned()),
        Some("DEMO.PUBLIC.CUSTOMERS.EMAIL".to_owned()),
        None,
        Some("DEMO.PUBLIC.V_CUSTOMERS.CONTACT".to_owned()),
        None,
    ];
    assert_eq!(origins, expected);
}

#[tokio::test]
async fn every_type_is_spelled_as_the_sql_api_spells_it() {
    let warehouse = open().await;
    let text = "select 12.340::number(10,3), 1.5::float, true, '1969-12-31'::date, '01:02:03.5'::time, \
                '1969-12-31 23:59:59.5'::timestamp, '2023-11-14T22:13:20.123456789Z'::timestamp_ltz, \
                '2023-11-14T22:13:20Z'::timestamp_tz, x'00ff', parse_json(' {\"b\": 1, \"a\": \"x\"} '), null, 'a\"\\\\\\n\u{1}é'";
    let expected = json!([
        "12.340",
        "1.5",
        "true",
        "-1",
        "3723.500000000",
        "-0.500000000",
        "1700000000.123456789",
        "1700000000.000000000 1440",
        "00FF",
        "{\"a\":\"x\",\"b\":1}",
        null,
        "a\"\\\n\u{1}é"
    ]);
    assert_eq!(rows(&warehouse, text).await, [expected.as_array().cloned().unwrap_or_default()]);
}

#[tokio::test]
async fn bound_values_are_never_read_as_sql() {
    let warehouse = open().await;
    let binding = |kind: &str, value: &str| Binding { kind: kind.into(), value: Some(value.into()) };
    let odd = "'; drop table customers; -- \\' \" ?";
    let bindings = Bindings::from([
        (1, binding("TEXT", odd)),
        (2, binding("FIXED", "-42")),
        (3, binding("REAL", "-1.5e3")),
        (4, binding("BOOLEAN", "true")),
        (5, binding("DATE", "1700006400000")),
        (6, binding("TIME", "3723500000000")),
        (7, binding("TIMESTAMP_NTZ", "1700000000123456789")),
        (8, binding("TIMESTAMP_LTZ", "1700000000000000000")),
        (9, binding("TIMESTAMP_TZ", "1700000000000000000 1500")),
        (10, binding("BINARY", "00ff")),
        (11, Binding { kind: "TEXT".into(), value: None }),
        (12, binding("FIXED", "12.50")),
    ]);
    let ask = Ask { bindings, ..Ask::new("select ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?") };
    let (id, state) = end_of(&warehouse, ask).await;
    let answer = done(state);
    let expected = json!([
        odd,
        "-42",
        "-1500",
        "true",
        "19676",
        "3723.500000000",
        "1700000000.123456789",
        "1700000000.000000000",
        "1700000000.000000000 1440",
        "00FF",
        null,
        "12.50"
    ]);
    assert_eq!(rows_of(&warehouse, &id, &answer), [expected.as_array().cloned().unwrap_or_default()]);
    assert_eq!(rows(&warehouse, "select count(*) from customers").await, [[json!("400")]]);
}

#[tokio::test]
async fn a_bound_value_that_does_not_fit_its_type_is_refused() {
    let warehouse = open().await;
    for (kind, value) in
        [("FIXED", "1; drop"), ("FIXED", "1e5"), ("REAL", "x"), ("BINARY", "0g"), ("WHAT", "1")]
    {
        let bindings = Bindings::from([(1, Binding { kind: kind.into(), value: Some(value.into()) })]);
        let (_, state) = end_of(&warehouse, Ask { bindings, ..Ask::new("select ?") }).await;
        let warehouse::State::Failed(error) = state else { panic!("{kind} `{value}` was taken") };
        assert_eq!((error.code, error.sqlstate), ("100038", "22018"));
    }
}

#[tokio::test]
async fn a_million_rows_come_in_bounded_partitions_and_slices() {
    let warehouse = open().await;
    let text = "select seq4() as n, 'row ' || seq4() as t from table(generator(rowcount => 1000000))";
    let (id, state) = end_of(&warehouse, Ask::new(text)).await;
    let answer = done(state);
    assert_eq!(answer.head.rows, 1_000_000);
    assert_eq!(answer.head.partitions.iter().map(|p| p.rows).sum::<usize>(), 1_000_000);
    assert!(answer.head.partitions.iter().all(|p| p.rows <= 10_000));
    for n in [0, answer.head.partitions.len() - 1] {
        let slices: Vec<_> =
            warehouse.partition(&id, n).expect("a partition").map(|s| s.expect("a slice")).collect();
        assert!(slices.len() > 1 && slices.iter().all(|slice| slice.len() <= LARGEST_SLICE));
        let rows: Vec<Vec<Value>> = serde_json::from_slice(&slices.concat()).expect("rows");
        assert_eq!(Some(rows.len()), answer.head.partitions.get(n).map(|p| p.rows));
    }
    assert!(warehouse.partition(&id, answer.head.partitions.len()).is_none());
}

#[tokio::test]
async fn an_empty_answer_has_one_empty_partition() {
    let warehouse = open().await;
    let (id, state) = end_of(&warehouse, Ask::new("select id from customers where false")).await;
    let answer = done(state);
    assert_eq!((answer.head.rows, answer.head.partitions.len()), (0, 1));
    assert!(rows_of(&warehouse, &id, &answer).is_empty());
}

#[tokio::test]
async fn the_catalog_knows_tables_views_and_their_versions() {
    let warehouse = open().await;
    assert_eq!(warehouse.databases(), ["DEMO", "SNOWFLAKE_SAMPLE_DATA"]);
    assert_eq!(warehouse.schemas("SNOWFLAKE_SAMPLE_DATA"), ["TPCH_SF1"]);
    assert_eq!(warehouse.relations("SNOWFLAKE_SAMPLE_DATA", "TPCH_SF1").len(), 8);
    let find = || {
        let mut all = warehouse.relations("DEMO", "PUBLIC").into_iter();
        all.find(|(name, _)| name.name == "V_CUSTOMERS").expect("the view").1
    };
    let before = find();
    let domain::RelationKind::View { definition: Some(definition) } = &before.kind else { panic!("no view") };
    assert!(definition.starts_with("select id, name as full_name") && definition.ends_with("from customers"));
    let names: Vec<_> = before.columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["ID", "FULL_NAME", "CONTACT", "TAX_REF", "COUNTRY"]);
    rows(&warehouse, "create or replace view v_customers (a) as select id from customers").await;
    let after = find();
    assert!(after.version > before.version);
    assert_eq!(after.columns.first().map(|c| c.name.as_str()), Some("A"));
}

#[tokio::test]
async fn the_people_have_numbers_with_right_check_digits() {
    let warehouse = open().await;
    for row in rows(&warehouse, "select card_number, ssn from customers").await {
        let card = row[0].as_str().expect("a card");
        let digit = |(n, c): (usize, char)| {
            let d = c.to_digit(10).expect("a digit");
            if n % 2 == 1 { d * 2 / 10 + d * 2 % 10 } else { d }
        };
        assert_eq!(card.chars().rev().enumerate().map(digit).sum::<u32>() % 10, 0, "{card}");
        let area = row[1].as_str().expect("an SSN")[..3].to_owned();
        assert!(area != "000" && area != "666" && area.as_str() < "900");
    }
    for row in rows(&warehouse, "select iban from payments").await {
        let iban = row[0].as_str().expect("an IBAN");
        let moved = format!("{}{}", &iban[4..], &iban[..4]);
        let value = |rest: u64, c: char| {
            let v = u64::from(c.to_digit(36).expect("a letter or digit"));
            (rest * if v > 9 { 100 } else { 10 } + v) % 97
        };
        assert_eq!(moved.chars().fold(0, value), 1, "{iban}");
    }
}
