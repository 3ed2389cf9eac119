//! The company that the statements of these tests are about, and what may not be seen of it.

use std::collections::BTreeMap;

use domain::{Catalog, Class, ColumnRef, Context, ShownHow, ShownOutput, Statement, TestedHow};
use sql::{Scope, catalog_from_ddl, read};

/// Columns that may not be seen, each with the class of its values.
const MASKED: [(&str, &str, &str); 13] = [
    ("CUSTOMERS", "NAME", "person"),
    ("CUSTOMERS", "EMAIL", "email"),
    ("CUSTOMERS", "SSN", "ssn"),
    ("CUSTOMERS", "CARD_NUMBER", "card"),
    ("CUSTOMERS", "DOB", "dob"),
    ("CUSTOMERS", "PHONE", "phone"),
    ("ORDERS", "SHIP_ADDRESS", "address"),
    ("PAYMENTS", "CARD_NUMBER", "card"),
    ("PAYMENTS", "IBAN", "iban"),
    ("EMPLOYEES", "EMAIL", "email"),
    ("EMPLOYEES", "SSN", "ssn"),
    ("EMPLOYEES", "SALARY", "salary"),
    ("V_CUSTOMERS", "TAX_REF", "ssn"),
];
/// Columns that are seen only as stored, or as a whole path.
const SCANNED: [(&str, &str); 2] = [("CUSTOMERS", "NOTES"), ("CUSTOMERS", "PROFILE")];
/// What of PROFILE may not be seen.
const MASKED_PATHS: [&str; 4] = ["email", "ssn", "phone", "address"];

pub fn acme() -> Catalog {
    catalog_from_ddl(include_str!("../data/acme.sql"), "ACME", "PUBLIC")
}

/// Reads a statement as somebody in `ACME.PUBLIC` writes it.
pub fn read_in(catalog: &Catalog, text: &str) -> Statement {
    let context =
        Context { database: Some("ACME".into()), schema: Some("PUBLIC".into()), ..Context::default() };
    let (bindings, variables) = (BTreeMap::new(), BTreeMap::new());
    read(text, &Scope { context: &context, catalog, bindings: &bindings, variables: &variables })
}

fn class_of(column: &ColumnRef) -> Option<&'static str> {
    let is = |table: &str, name: &str| column.object.name == table && column.column == name;
    if SCANNED.iter().any(|(table, name)| is(table, name)) {
        return Some("scanned");
    }
    MASKED.iter().find(|(table, name, _)| is(table, name)).map(|(_, _, class)| *class)
}

/// Whether the answer tells something of a column that may not be seen, or the statement is none that an agent may
/// run at all.
pub fn is_oracle(statement: &Statement) -> bool {
    let may_run = matches!(statement.class, Class::Read | Class::Show | Class::Session | Class::Transaction);
    let tests_hidden = statement.lineage.tests.iter().any(|tested| {
        let class = class_of(&tested.column);
        let is_exempt = tested.how == TestedHow::Join
            && tested.with.as_ref().is_some_and(|with| class_of(with) == class && class != Some("scanned"));
        // A column that nobody knows counts as hidden.
        let is_known =
            statement.footprint.reads.contains(&tested.column.object) && tested.column.column != "*";
        (class.is_some() && !is_exempt) || !is_known
    });
    !may_run || tests_hidden || !statement.functions.is_empty()
}

/// Whether a result column has to be masked.
pub fn is_masked(output: &ShownOutput) -> bool {
    !output.is_known
        || output.shows.iter().any(|shown| match (class_of(&shown.column), shown.how) {
            (None, _) => false,
            (Some("scanned"), ShownHow::Derived) => true,
            (Some("scanned"), ShownHow::Stored) => shown.column.column == "PROFILE",
            (Some("scanned"), ShownHow::Path) => match shown.path.first() {
                Some(first) => MASKED_PATHS.contains(&first.as_str()),
                None => true,
            },
            (Some(_), _) => true,
        })
}

/// The lines of a file of statements, without blank ones and comments.
pub fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("-- "))
}
