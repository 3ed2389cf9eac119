//! The company that the statements of these tests are about.

use std::collections::BTreeMap;

use domain::{Catalog, Context, Statement};
use sql::{Scope, catalog_from_ddl, read};

pub fn acme() -> Catalog {
    catalog_from_ddl(include_str!("../data/acme.sql"), "ACME", "PUBLIC")
}

/// Reads a statement as somebody in `ACME.PUBLIC` writes it.
pub fn read_in(catalog: &Catalog, text: &str) -> Statement {
    read_in_schema(catalog, "PUBLIC", text)
}

/// Likewise in another schema of `ACME`.
pub fn read_in_schema(catalog: &Catalog, schema: &str, text: &str) -> Statement {
    let context =
        Context { database: Some("ACME".into()), schema: Some(schema.into()), ..Context::default() };
    let (bindings, variables) = (BTreeMap::new(), BTreeMap::new());
    read(text, &Scope { context: &context, catalog, bindings: &bindings, variables: &variables })
}
