//! Customers as the account holds them: clear.

use snowflake::scripted::{Answer, Scripted, When};

pub const HANDLE: &str = "01b2c3d4-0000-0000-0000-000000000001";
pub const SQL: &str = "select id, email, ssn as harmless, country from customers";
pub const COLUMNS: [(&str, &str); 4] =
    [("ID", "fixed"), ("EMAIL", "text"), ("HARMLESS", "text"), ("COUNTRY", "text")];

/// Customer `n`.
pub fn row(n: usize) -> [String; 4] {
    [
        n.to_string(),
        format!("person{n}@customers.example"),
        format!("536-90-{:04}", 1000 + n),
        ["DE", "FR", "US"][n % 3].to_owned(),
    ]
}

/// What must not be seen of customer `n`.
pub fn secrets(n: usize) -> [String; 2] {
    let [_, email, ssn, _] = row(n);
    [email, ssn]
}

fn rows(range: std::ops::Range<usize>) -> Vec<Vec<String>> {
    range.map(|n| row(n).to_vec()).collect()
}

/// The head of `SQL`'s result in these partitions.
pub fn head(handle: &str, partitions: &[usize]) -> Answer {
    let first = rows(0..partitions[0]);
    let cells: Vec<Vec<Option<&str>>> =
        first.iter().map(|row| row.iter().map(|cell| Some(cell.as_str())).collect()).collect();
    let cells: Vec<&[Option<&str>]> = cells.iter().map(Vec::as_slice).collect();
    let counts: Vec<u64> = partitions.iter().map(|count| *count as u64).collect();
    Answer::head(handle, &COLUMNS, &cells, &counts)
}

pub fn partition(range: std::ops::Range<usize>) -> Answer {
    let rows = rows(range);
    let cells: Vec<Vec<Option<&str>>> =
        rows.iter().map(|row| row.iter().map(|cell| Some(cell.as_str())).collect()).collect();
    let cells: Vec<&[Option<&str>]> = cells.iter().map(Vec::as_slice).collect();
    Answer::partition(&cells)
}

/// Answers `SQL` at once, whole.
pub fn answer(snow: &Scripted, partitions: &[usize]) {
    snow.on(When::submitted().saying("from customers"), [head(HANDLE, partitions)]);
    follow(snow, HANDLE, partitions);
}

/// Runs first; then as [`answer`].
pub fn answer_later(snow: &Scripted, looks: usize, partitions: &[usize]) {
    snow.on(When::submitted().saying("from customers"), [Answer::running(HANDLE)]);
    let mut answers: Vec<Answer> = (0..looks).map(|_| Answer::running(HANDLE)).collect();
    answers.push(head(HANDLE, partitions));
    snow.on(
        When::asked_about(HANDLE).without("partition=0").without("partition=1").without("partition=2"),
        answers,
    );
    follow(snow, HANDLE, partitions);
}

/// Looks and partitions of a statement that has answered.
pub fn follow(snow: &Scripted, handle: &str, partitions: &[usize]) {
    let mut from = 0;
    for (at, count) in partitions.iter().enumerate() {
        let rows = partition(from..from + count);
        snow.on(When::asked_about(handle).with(format!("partition={at}")), [rows]);
        from += count;
    }
    snow.on(When::asked_about(handle), [head(handle, partitions)]);
    snow.on(When::cancelled(handle), [Answer::json(200, &serde_json::json!({}))]);
}
