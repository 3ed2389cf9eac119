//! Splitting loses nothing: statements are ranges of the text in order, and a batch has one entry for each.
#![no_main]

use std::collections::BTreeMap;

use domain::{Bindings, Catalog, Context};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (context, catalog) = (Context::default(), Catalog::empty());
    let (bindings, variables) = (Bindings::new(), BTreeMap::new());
    let scope =
        sql::Scope { context: &context, catalog: &catalog, bindings: &bindings, variables: &variables };
    let ranges = sql::split(text);
    let mut end = 0;
    for range in &ranges {
        assert!(range.start >= end && range.end > range.start, "{ranges:?}");
        assert!(text.get(range.clone()).is_some(), "{range:?} cuts a character");
        end = range.end;
    }
    assert!(end <= text.len());
    let batch = sql::read_batch(text, &scope);
    let steps = sql::read_steps(text, &scope);
    assert!(steps.len() >= batch.len());
    let strictest = |statements: &[(std::ops::Range<usize>, domain::Statement)]| {
        statements.iter().map(|(_, statement)| statement.class).max()
    };
    assert!(strictest(&steps) >= strictest(&batch).map(|_| domain::Class::Show));
});
