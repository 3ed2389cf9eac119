//! What a statement grows to when every WITH name and view stands where it is named, counted before anything is planned.
//!
//! The engine plans a copy for each reference. Names over names double with each line: 23 of them are eight million
//! copies, and planning neither pauses nor gives memory back.

use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{self, Expr, ObjectName, Query, Visit, Visitor};

use crate::errors::SnowflakeError;

/// Copies that references may add to a statement, in nodes of its syntax tree. Some ten times what the largest TPC-DS
/// queries need.
const MOST_ADDED: usize = 10_000;

/// The weight of one statement with all that its references stand for; an error when they add too much.
pub(crate) fn expanded(
    statement: &ast::Statement,
    of_view: &dyn Fn(&ObjectName) -> usize,
) -> Result<usize, SnowflakeError> {
    let mut scale = Scale { frames: vec![Frame::default()], of_view, added: 0 };
    let ControlFlow::Continue(()) = statement.visit(&mut scale);
    if scale.added > MOST_ADDED {
        return Err(SnowflakeError::too_complex());
    }
    Ok(scale.frames.first().map_or(0, |frame| frame.weight))
}

/// How many nodes an expression has.
pub(crate) fn of_expression(expr: &Expr) -> usize {
    let mut count = Count(0);
    let ControlFlow::Continue(()) = expr.visit(&mut count);
    count.0
}

struct Count(usize);

impl Visitor for Count {
    type Break = std::convert::Infallible;

    fn pre_visit_expr(&mut self, _: &Expr) -> ControlFlow<Self::Break> {
        self.0 += 1;
        ControlFlow::Continue(())
    }
}

/// One query that is being weighed.
#[derive(Default)]
struct Frame {
    weight: usize,
    /// WITH names whose queries come next, in order: a query's WITH is visited before the rest of it.
    unweighed: VecDeque<String>,
    names: BTreeMap<String, usize>,
}

struct Scale<'a> {
    frames: Vec<Frame>,
    of_view: &'a dyn Fn(&ObjectName) -> usize,
    added: usize,
}

impl Scale<'_> {
    fn add(&mut self, weight: usize) {
        if let Some(frame) = self.frames.last_mut() {
            frame.weight = frame.weight.saturating_add(weight);
        }
    }
}

impl Visitor for Scale<'_> {
    type Break = std::convert::Infallible;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Self::Break> {
        let tables = query.with.iter().flat_map(|with| &with.cte_tables);
        let unweighed = tables.map(|table| table.alias.name.value.clone()).collect();
        self.frames.push(Frame { weight: 1, unweighed, names: BTreeMap::new() });
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<Self::Break> {
        let weight = self.frames.pop().map_or(0, |frame| frame.weight);
        if let Some(outer) = self.frames.last_mut()
            && let Some(name) = outer.unweighed.pop_front()
        {
            outer.names.insert(name, weight);
        }
        self.add(weight);
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, name: &ObjectName) -> ControlFlow<Self::Break> {
        let written = match name.0.as_slice() {
            [ast::ObjectNamePart::Identifier(ident)] => Some(&ident.value),
            _ => None,
        };
        let named = written.and_then(|name| self.frames.iter().rev().find_map(|frame| frame.names.get(name)));
        let weight = named.copied().unwrap_or_else(|| (self.of_view)(name));
        self.added = self.added.saturating_add(weight);
        self.add(weight.saturating_add(1));
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, _: &Expr) -> ControlFlow<Self::Break> {
        self.add(1);
        ControlFlow::Continue(())
    }
}
