//! What the account behind the function holds.

use std::time::Duration;

use snowflake::scripted::{Answer, Scripted, When};

const HANDLE: &str = "01b2c3d4-0000-0000-0000-000000000001";

/// A statement that shows what is masked.
pub const MASKED: &str = "select id, email, ssn as harmless, country from customers";

/// A statement that waits for a person.
pub const WRITE: &str = "delete from customers where id = 1";

/// A statement that outlives its hold.
pub const LONG: &str = "select id, email, ssn as harmless, country from demo.public.customers";

/// The account's own handle of it.
pub const LONG_HANDLE: &str = "01b2c3d4-0000-0000-0000-000000000002";

/// What must not leave.
pub const SECRETS: [&str; 4] =
    ["ana.torres@customers.example", "ben.okafor@customers.example", "536-90-1001", "536-90-1002"];

/// An account with `DEMO.PUBLIC.CUSTOMERS`.
pub async fn listen() -> Scripted {
    let snow = Scripted::listen(([127, 0, 0, 1], 0).into()).await.unwrap();
    let answers = [
        ("TABLE_TYPE", tables()),
        ("COLUMN_NAME", columns()),
        (
            "VIEW_DEFINITION",
            Answer::result(HANDLE, &[("TABLE_NAME", "text"), ("VIEW_DEFINITION", "text")], &[]),
        ),
        ("SELECT TABLE_NAME, LAST_DDL", versions()),
        ("select id, country from customers", countries()),
        (MASKED, customers(HANDLE)),
        (WRITE, deleted()),
        // It has not answered when the agent's hold is over.
        (LONG, Answer::running(LONG_HANDLE)),
    ];
    for (text, answer) in answers {
        snow.on(When::submitted().saying(text), [answer]);
    }
    let mut asked = vec![Answer::running(LONG_HANDLE).after(Duration::from_secs(3)); 5];
    asked.push(customers(LONG_HANDLE));
    snow.on(When::asked_about(LONG_HANDLE), asked);
    snow
}

const ALTERED: Option<&str> = Some("1700000000.000000000");

fn tables() -> Answer {
    let columns = [("TABLE_NAME", "text"), ("TABLE_TYPE", "text"), ("LAST_DDL", "timestamp_ltz")];
    Answer::result(HANDLE, &columns, &[&[Some("CUSTOMERS"), Some("BASE TABLE"), ALTERED]])
}

fn versions() -> Answer {
    let columns = [("TABLE_NAME", "text"), ("LAST_DDL", "timestamp_ltz")];
    Answer::result(HANDLE, &columns, &[&[Some("CUSTOMERS"), ALTERED]])
}

fn columns() -> Answer {
    let columns = [
        ("TABLE_NAME", "text"),
        ("COLUMN_NAME", "text"),
        ("IS_NULLABLE", "text"),
        ("DATA_TYPE", "text"),
        ("CHARACTER_MAXIMUM_LENGTH", "fixed"),
        ("NUMERIC_PRECISION", "fixed"),
        ("NUMERIC_SCALE", "fixed"),
        ("DATETIME_PRECISION", "fixed"),
    ];
    let (table, is_nullable, length) = (Some("CUSTOMERS"), Some("YES"), Some("16777216"));
    let text = |name| [table, Some(name), is_nullable, Some("TEXT"), length, None, None, None];
    let id = [table, Some("ID"), is_nullable, Some("NUMBER"), None, Some("38"), Some("0"), None];
    Answer::result(HANDLE, &columns, &[&id, &text("EMAIL"), &text("SSN"), &text("COUNTRY")])
}

fn countries() -> Answer {
    let columns = [("ID", "fixed"), ("COUNTRY", "text")];
    Answer::result(HANDLE, &columns, &[&[Some("1"), Some("DE")], &[Some("2"), Some("FR")]])
}

fn deleted() -> Answer {
    Answer::result(HANDLE, &[("number of rows deleted", "fixed")], &[&[Some("1")]])
}

pub fn customers(handle: &str) -> Answer {
    let columns = [("ID", "fixed"), ("EMAIL", "text"), ("HARMLESS", "text"), ("COUNTRY", "text")];
    let [ana, ben, ana_ssn, ben_ssn] = SECRETS.map(Some);
    let rows: [&[Option<&str>]; 2] =
        [&[Some("1"), ana, ana_ssn, Some("DE")], &[Some("2"), ben, ben_ssn, Some("FR")]];
    Answer::result(handle, &columns, &rows)
}
