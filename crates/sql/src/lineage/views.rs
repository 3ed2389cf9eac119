//! Views, expanded by their definitions.

use std::rc::Rc;

use domain::{ObjectName, Relation};
use sqlparser::ast::Statement;

use super::frame::Queries;
use super::reader::Reader;
use super::value::{Derived, ObjectId, Output, Value};
use crate::lexer::significant;
use crate::names::{Namespace, Search};
use crate::parse::parse;

/// How many views may lie upon each other.
const DEEPEST_VIEW: usize = 16;

impl Reader<'_> {
    /// The columns of a view: what its query shows, under the names that the catalog has for them.
    pub(super) fn view(
        &mut self,
        id: ObjectId,
        object: &ObjectName,
        relation: &Relation,
        definition: Option<&str>,
    ) -> Rc<Derived> {
        if let Some(known) = self.views.get(&id) {
            return Rc::clone(known);
        }
        let expanded = definition.and_then(|definition| self.expand(id, object, definition));
        let derived = Rc::new(match expanded {
            // Where its columns stand nobody knows: each is what its query calls so.
            Some(expanded) if expanded.is_complete && expanded.is_unordered => {
                let mut outputs = Vec::with_capacity(relation.columns.len());
                for column in &relation.columns {
                    let value = expanded.value(&column.name).unwrap_or_else(|| self.whole(&expanded));
                    outputs.push(Output::named(&column.name, value));
                }
                Derived { copies: expanded.copies, ..Derived::new(outputs, true, expanded.origins) }
            }
            Some(expanded) if expanded.is_complete && expanded.outputs.len() == relation.columns.len() => {
                let outputs = relation
                    .columns
                    .iter()
                    .zip(expanded.outputs)
                    .map(|(column, output)| Output::named(&column.name, output.value))
                    .collect();
                Derived { copies: expanded.copies, ..Derived::new(outputs, true, expanded.origins) }
            }
            _ => self.unexpanded(id, relation),
        });
        self.views.insert(id, Rc::clone(&derived));
        derived
    }

    /// A view that could not be expanded: its columns are there, what they show is not known.
    fn unexpanded(&mut self, id: ObjectId, relation: &Relation) -> Derived {
        self.doubt("a view that cannot be expanded");
        let outputs = relation
            .columns
            .iter()
            .map(|column| {
                let guess = self.guessed(id, &Rc::from(column.name.as_str()));
                Output::named(&column.name, Value::unknown(vec![guess]))
            })
            .collect();
        Derived::new(outputs, true, vec![id])
    }

    fn expand(&mut self, id: ObjectId, object: &ObjectName, definition: &str) -> Option<Derived> {
        if self.open_views.len() >= DEEPEST_VIEW || self.open_views.contains(&id) {
            return None;
        }
        let tokens = significant(definition).ok()?;
        let tokens = tokens.split(|token| token.is_symbol(definition, ";")).next()?;
        let Ok(Statement::Query(query)) = parse(definition, tokens, self.scope) else { return None };
        let namespace = Namespace {
            database: Some(object.database.clone()),
            schema: Some(object.schema.clone()),
            search: Search::Schema,
        };
        let outside = std::mem::replace(&mut self.namespace, namespace);
        let steps = std::mem::take(&mut self.steps);
        self.open_views.push(id);
        let derived = self.query(&query, None, &Queries::default());
        self.open_views.pop();
        self.steps = steps;
        self.namespace = outside;
        Some(derived)
    }
}
