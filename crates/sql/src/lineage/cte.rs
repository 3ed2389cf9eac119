//! Common table expressions: what each shows, recursive ones too, and names that could mean something else inside
//! their own queries.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::rc::Rc;

use domain::TestedHow;
use sqlparser::ast::{Cte, ObjectName, Query, SetExpr, Visit, Visitor, With};

use super::frame::{Env, Queries};
use super::query::renamed;
use super::reader::Reader;
use super::size::Size;
use super::value::{Derived, Value};
use crate::names::fold;

/// How often a recursive query is read until what it shows grows no more.
const MOST_ROUNDS: usize = 6;

impl Reader<'_> {
    /// What is in sight below a WITH.
    pub(super) fn with(&mut self, with: &With, outer: Option<&Env<'_>>, queries: &Queries) -> Queries {
        let mut here = queries.clone();
        let names: Vec<_> = with.cte_tables.iter().map(|table| fold(&table.alias.name)).collect();
        let places: HashMap<&str, usize> = names.iter().map(AsRef::as_ref).zip(0..).collect();
        if places.len() < names.len() {
            self.give_up("two common table expressions of one name");
        }
        for (at, (table, name)) in with.cte_tables.iter().zip(&names).enumerate() {
            let mentions = Mentions::within(&table.query, name, at, &places);
            self.refuse_ambiguous(&mentions, name, with.recursive, &here);
            let derived = self.common_table(table, name, mentions.itself, outer, &mut here);
            here.push(name, Rc::new(derived));
        }
        here
    }

    /// SECURITY: a name inside its own query means the query itself or what has the name outside, depending on the
    /// engine. Upstream the keyword RECURSIVE is optional, and the query itself is meant where it is a union; where
    /// both exist, nobody can tell.
    fn refuse_ambiguous(&mut self, mentions: &Mentions<'_>, name: &str, recursive: bool, queries: &Queries) {
        if recursive && mentions.later {
            self.give_up("a common table expression that names a later one");
        }
        if mentions.itself && (recursive || mentions.unites) && self.is_elsewhere(name, queries) {
            self.give_up("a common table expression that may name itself or something else");
        }
    }

    /// Whether the name has a meaning outside the query. Where the catalog has not been loaded it is asked for, so
    /// that the statement is read again with it.
    fn is_elsewhere(&mut self, name: &str, queries: &Queries) -> bool {
        if queries.find(name).is_some() {
            return true;
        }
        let Some(object) = self.namespace.complete(&[name.to_owned()]) else { return false };
        let catalog = self.scope.catalog;
        if !catalog.has_schema(&object.database, &object.schema)
            && !object.database.is_empty()
            && !object.schema.is_empty()
        {
            self.missing.insert((object.database.clone(), object.schema.clone()));
        }
        self.namespace.places(&[name.to_owned()]).iter().any(|place| catalog.relation(place).is_some())
    }

    /// A common table expression. It sees those before it and, where it is a union, itself. Then its anchor is
    /// read first, and the whole again until what it shows grows no more.
    fn common_table(
        &mut self,
        table: &Cte,
        name: &str,
        mentions_itself: bool,
        outer: Option<&Env<'_>>,
        queries: &mut Queries,
    ) -> Derived {
        let columns: Vec<Rc<str>> =
            table.alias.columns.iter().map(|column| Rc::from(fold(&column.name))).collect();
        let is_union = matches!(*table.query.body, SetExpr::SetOperation { .. });
        if !is_union || !mentions_itself {
            return renamed(self.query(&table.query, outer, queries), &columns);
        }
        let anchor = match anchor(&table.query) {
            Some(anchor) if table.query.with.is_none() => {
                renamed(self.set_expr(anchor, outer, queries), &columns)
            }
            _ => Derived::default(),
        };
        let mut known = Derived { copies: Size::ANY, ..anchor.clone() };
        for _ in 0..MOST_ROUNDS {
            queries.push(name, Rc::new(known.clone()));
            let mut next = renamed(self.query(&table.query, outer, queries), &columns);
            queries.pop(name);
            let is_settled = next.is_complete == known.is_complete
                && next.outputs.len() == known.outputs.len()
                && next
                    .outputs
                    .iter()
                    .zip(&known.outputs)
                    .all(|(next, known)| next.value.shows_as(&known.value));
            if is_settled {
                self.unbound(&mut next, &known);
                self.refitted(&next, &anchor);
            }
            next.copies = Size::ANY;
            known = next;
            if is_settled {
                return known;
            }
        }
        // What it shows keeps growing: nothing about it is certain.
        let whole = self.whole(&known).or(Value::unknown(Vec::new()));
        known.outputs.iter_mut().for_each(|output| output.value = whole.clone());
        known
    }

    /// SECURITY: the anchor tells how wide each column is, and what the other side puts there must fit in. Only values of
    /// the same stored column surely do, as large as it is.
    fn refitted(&mut self, all: &Derived, anchor: &Derived) {
        for (at, output) in all.outputs.iter().enumerate() {
            let anchored = anchor.outputs.get(at);
            let fits = output.value.is_steady
                && anchored.is_some_and(|anchored| anchored.value.sources == output.value.sources);
            if !fits {
                self.test(&output.value, TestedHow::Shape);
            }
        }
    }

    /// What grows with every round of a recursion grows without end.
    fn unbound(&mut self, next: &mut Derived, before: &Derived) {
        for (output, before) in next.outputs.iter_mut().zip(&before.outputs) {
            if output.value.size > before.value.size && !output.value.sort.is_small() {
                output.value.size = Size::ANY;
                self.test(&output.value, TestedHow::Shape);
            }
        }
    }
}

/// The part of a recursive query that does not name it: its leftmost branch.
#[allow(clippy::wildcard_enum_match_arm, reason = "every other body has no anchor")]
fn anchor(query: &Query) -> Option<&SetExpr> {
    let mut body = query.body.as_ref();
    loop {
        match body {
            SetExpr::SetOperation { left, .. } => body = left,
            SetExpr::Query(inner) if inner.with.is_none() => body = inner.body.as_ref(),
            SetExpr::Select(_) | SetExpr::Values(_) => return Some(body),
            _ => return None,
        }
    }
}

/// What stands somewhere in the query of a common table expression.
struct Mentions<'n> {
    name: &'n str,
    at: usize,
    places: &'n HashMap<&'n str, usize>,
    /// Its own name.
    itself: bool,
    /// The name of one that follows it.
    later: bool,
    /// A set operation.
    unites: bool,
}

impl<'n> Mentions<'n> {
    fn within(query: &Query, name: &'n str, at: usize, places: &'n HashMap<&'n str, usize>) -> Self {
        let mut mentions = Self { name, at, places, itself: false, later: false, unites: false };
        let _: ControlFlow<()> = query.visit(&mut mentions);
        mentions
    }
}

impl Visitor for Mentions<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.unites |= matches!(*query.body, SetExpr::SetOperation { .. });
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        if let [only] = relation.0.as_slice()
            && let Some(ident) = only.as_ident()
        {
            let name = fold(ident);
            self.itself |= name == self.name;
            self.later |= self.places.get(name.as_ref()).is_some_and(|place| *place > self.at);
        }
        ControlFlow::Continue(())
    }
}
