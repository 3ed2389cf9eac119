//! The committed demo works, statement by statement.

use serde_json::Value;
use warehouse::Ask;

use super::{done, end_of, open, rows_of};

const STATEMENTS: &str = include_str!("../../src/demo/statements.sql");

struct Example {
    name: String,
    rows: Option<u64>,
    first: Option<Value>,
    text: String,
}

fn examples() -> Vec<Example> {
    let blocks = STATEMENTS.split("\n\n").skip(1);
    let example = |block: &str| {
        let mut example = Example { name: String::new(), rows: None, first: None, text: String::new() };
        for line in block.lines() {
            if let Some(count) = line.strip_prefix("-- rows ") {
                example.rows = Some(count.parse().expect("a count"));
            } else if let Some(row) = line.strip_prefix("-- first ") {
                example.first = Some(serde_json::from_str(row).expect("a row"));
            } else if let Some(name) = line.strip_prefix("-- ") {
                example.name = name.to_owned();
            } else {
                example.text.push_str(line);
                example.text.push('\n');
            }
        }
        example
    };
    blocks.map(example).collect()
}

/// A star stands for any cell: moments differ.
fn matches(expected: Option<&Value>, answered: Option<&Value>) -> bool {
    match (expected.and_then(Value::as_array), answered.and_then(Value::as_array)) {
        (Some(expected), Some(answered)) => {
            expected.len() == answered.len() && expected.iter().zip(answered).all(|(e, a)| e == "*" || e == a)
        }
        (None, None) => true,
        _ => false,
    }
}

#[tokio::test]
async fn every_statement_of_the_demo_answers_what_it_says() {
    let warehouse = open().await;
    let examples = examples();
    assert!(examples.len() <= 60, "the demo has {} statements", examples.len());
    let mut wrong = Vec::new();
    for example in examples {
        let (mut id, state) = end_of(&warehouse, Ask { statement_count: 0, ..Ask::new(&example.text) }).await;
        if let warehouse::State::Failed(error) = &state {
            wrong.push(format!("{}: {} {}", example.name, error.code, error.message));
            continue;
        }
        let mut answer = done(state);
        // Of a batch, the last statement's answer counts.
        if let Some(last) = answer.children.last().copied() {
            id = last;
            answer = done(warehouse.state(&id, super::PATIENCE).await);
        }
        let rows = rows_of(&warehouse, &id, &answer);
        assert_eq!(rows.len() as u64, answer.head.rows);
        let first = rows.into_iter().next().map(Value::Array);
        if example.rows != Some(answer.head.rows) || !matches(example.first.as_ref(), first.as_ref()) {
            let first = first.map(|row| row.to_string()).unwrap_or_default();
            wrong.push(format!("@@{}\n-- rows {}\n-- first {first}", example.name, answer.head.rows));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
