//! Every word that the parser knows, as the name of a hidden column or of its table: whatever the parser makes of the word,
//! what stands there is shown or tested, or the statement is opaque.

mod common;

use common::{acme, read_in};
use domain::{Class, ColumnRef, Statement};
use sqlparser::keywords::ALL_KEYWORDS;

/// Words that Snowflake reserves altogether: none of them is a name there
/// (<https://docs.snowflake.com/en/sql-reference/reserved-keywords>). Those that are only forbidden in some places are not here.
const RESERVED: &str = "ALL ALTER AND ANY AS BETWEEN BY CHECK COLUMN CONNECT CREATE CURRENT DELETE DISTINCT DROP ELSE EXISTS FOLLOWING \
                        FOR FROM GRANT GROUP HAVING IN INCREMENT INSERT INTERSECT INTO IS LIKE MINUS NOT NULL OF ON OR ORDER QUALIFY \
                        REGEXP REVOKE RLIKE ROW ROWS SAMPLE SELECT SET SOME START TABLE TABLESAMPLE THEN TO TRIGGER UNION UNIQUE \
                        UPDATE VALUES WHENEVER WHERE WITH ILIKE CASE CAST TRY_CAST WHEN";

/// Words that Snowflake takes for no column, but for a table.
const NO_COLUMN: &str = "CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP FALSE LOCALTIME LOCALTIMESTAMP TRUE";

/// Words before a text that make a literal of it.
const LITERALS: &str = "DATE TIME TIMESTAMP INTERVAL";

/// Where a column called `?` may stand; the SSN of every row is called so.
const AS_COLUMN: [&str; 40] = [
    "select ?",
    "select ? id",
    "select ? as v",
    "select ? 'x'",
    "select ? $$x$$",
    "select ? \"x\"",
    "select ? x'41'",
    "select ? - 1",
    "select ? + id",
    "select ? || 'x'",
    "select ?:ssn",
    "select ? : ssn",
    "select ?:ssn::varchar",
    "select ?:\"ssn\"",
    "select upper(?:ssn)",
    "select ?[0]",
    "select ? [0]",
    "select ?['ssn']",
    "select ?[0]:ssn",
    "select ?::varchar",
    "select (?)",
    "select upper(?)",
    "select id, ?",
    "select ?, id",
    "select t.?",
    "select t.?:ssn",
    "select top 10 ? id",
    "select distinct ? id",
    "select all ? id",
    "select not ?",
    "select - ?",
    "select case when true then ? end",
    "select case ? when '5' then 1 end",
    "select ? in ('5')",
    "select ? between '5' and '6'",
    "select ? like '5%'",
    "select max(?)",
    "select listagg(?)",
    "select coalesce(?, 'x')",
    "select id, lag(?) over (order by id)",
];

/// Where a condition, an order or a bound over such a column may stand.
const AS_TESTED: [&str; 16] = [
    "where ? like '5%'",
    "where ? = '5'",
    "where ?:ssn = '5'",
    "where ?:ssn::varchar like '5%'",
    "where ?[0] = '5'",
    "where ? - 1 > 100000",
    "where not ? = '5'",
    "where id = 1 and ? > '5'",
    "where (? > '5')",
    "where t.? > '5'",
    "order by ?",
    "order by ? - 1",
    "order by ?:ssn",
    "order by id, ? desc",
    "group by id, ?",
    "qualify row_number() over (order by ?) = 1",
];

/// Where a table called `?` may stand.
const AS_TABLE: [&str; 8] = [
    "select ?.ssn from customers ?",
    "select ?.ssn from customers as ?",
    "select ?.* from customers ?",
    "select upper(?.ssn) from customers ?",
    "select id from customers ? where ?.ssn like '5%'",
    "select id from customers ? order by ?.ssn",
    "select ?.id from customers ? join orders o on ?.ssn = o.sku",
    "with ? as (select ssn from customers) select ?.ssn from ?",
];

fn is_hidden(column: &ColumnRef) -> bool {
    column.column == "SSN" || column.column == "PROFILE" || column.column == "*"
}

/// Whether the statement tells nothing of a hidden column that policy would not hear of.
fn is_safe(statement: &Statement) -> bool {
    let shows = || {
        statement.lineage.outputs.as_ref().is_none_or(|outputs| {
            outputs
                .iter()
                .any(|output| !output.is_known || output.shows.iter().any(|shown| is_hidden(&shown.column)))
        })
    };
    // What is no read is asked for as what it is.
    statement.class != Class::Read
        || shows()
        || statement.lineage.tests.iter().any(|tested| is_hidden(&tested.column))
}

#[test]
fn no_word_hides_a_column_that_is_called_so() {
    let catalog = acme();
    let names = ALL_KEYWORDS.iter().filter(|word| !RESERVED.split_whitespace().any(|other| other == **word));
    let mut hidden = Vec::new();
    for word in names {
        let mut try_it = |text: String| {
            if !is_safe(&read_in(&catalog, &text)) {
                hidden.push(text);
            }
        };
        let among = |words: &str| words.split_whitespace().any(|other| other == *word);
        if !among(NO_COLUMN) {
            let from = format!("from (select id, ssn as {word} from customers) t");
            for shape in AS_COLUMN.iter().filter(|shape| !(shape.ends_with("'x'") && among(LITERALS))) {
                try_it(format!("{} {from}", shape.replace('?', word)));
            }
            for shape in AS_TESTED {
                try_it(format!("select id {from} {}", shape.replace('?', word)));
            }
        }
        for shape in AS_TABLE {
            try_it(shape.replace('?', word));
        }
    }
    let few: Vec<&String> = hidden.iter().take(40).collect();
    assert!(hidden.is_empty(), "{} texts hide a column, {few:#?}", hidden.len());
}
