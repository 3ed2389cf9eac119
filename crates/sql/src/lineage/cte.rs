//! Common table expressions whose names could mean something else inside their own queries.

use std::ops::ControlFlow;

use sqlparser::ast::{Cte, Query, SetExpr, Visit, Visitor, visit_relations};

use super::reader::Reader;
use super::scope::Queries;
use crate::names::fold;

impl Reader<'_> {
    /// SECURITY: a name inside its own query means the query itself or what has the name outside, depending on
    /// RECURSIVE and on the engine. Where both exist, or RECURSIVE is not written, nobody can tell.
    pub(super) fn refuse_ambiguous(
        &mut self,
        table: &Cte,
        later: &[Cte],
        recursive: bool,
        queries: &Queries,
    ) {
        let name = fold(&table.alias.name);
        let others: Vec<_> = later.iter().skip(1).map(|other| fold(&other.alias.name)).collect();
        let others: Vec<&str> = others.iter().map(AsRef::as_ref).collect();
        if recursive && !others.is_empty() && mentions_any(&table.query, &others) {
            self.give_up("a common table expression that names a later one");
        }
        if !mentions_any(&table.query, &[&name]) {
            return;
        }
        let is_ambiguous = if recursive { self.is_elsewhere(&name, queries) } else { unites(&table.query) };
        if is_ambiguous {
            self.give_up("a common table expression that may name itself or something else");
        }
    }

    /// Whether the name has, or may have, a meaning outside the query.
    fn is_elsewhere(&self, name: &str, queries: &Queries) -> bool {
        let object = self.namespace.complete(&[name.to_owned()]);
        queries.find(name).is_some()
            || object.is_some_and(|object| {
                let catalog = self.scope.catalog;
                catalog.relation(&object).is_some() || !catalog.has_schema(&object.database, &object.schema)
            })
    }
}

/// Whether the query names one of these tables somewhere.
pub(super) fn mentions_any(query: &Query, names: &[&str]) -> bool {
    let found = visit_relations(query, |relation| {
        let is_named = matches!(relation.0.as_slice(), [only]
            if only.as_ident().is_some_and(|ident| names.contains(&fold(ident).as_ref())));
        if is_named { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    found.is_break()
}

/// Whether a set operation stands somewhere in the query.
fn unites(query: &Query) -> bool {
    struct Finder;
    impl Visitor for Finder {
        type Break = ();
        fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
            if matches!(*query.body, SetExpr::SetOperation { .. }) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        }
    }
    query.visit(&mut Finder).is_break()
}
