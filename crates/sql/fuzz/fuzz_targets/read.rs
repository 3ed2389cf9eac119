//! Any text is read without a panic, a hang or an overflow of the stack, and what it says of itself agrees.
#![no_main]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use domain::{Bindings, Catalog, Class, Context};
use libfuzzer_sys::fuzz_target;

static ACME: LazyLock<Catalog> = LazyLock::new(|| {
    sql::catalog_from_ddl(include_str!("../../tests/data/acme.sql"), "ACME", "PUBLIC")
});

fuzz_target!(|text: &str| {
    let context =
        Context { database: Some("ACME".into()), schema: Some("PUBLIC".into()), ..Context::default() };
    let (bindings, variables) = (Bindings::new(), BTreeMap::new());
    let scope =
        sql::Scope { context: &context, catalog: &ACME, bindings: &bindings, variables: &variables };
    let statement = sql::read(text, &scope);
    // What cannot be read tells no columns, and every column that shows nothing stored is known or doubted.
    if statement.class == Class::Opaque {
        assert!(statement.lineage.outputs.is_none());
    }
    // Text around a statement that means nothing changes nothing.
    if statement.class != Class::Opaque {
        let again = sql::read(&format!(" /* x */ {text}\n"), &scope);
        assert_eq!((statement.class, statement.footprint), (again.class, again.footprint));
    }
});
