//! What a query has in sight: the relations of FROM, its aliases, the common table expressions.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::rc::Rc;

use sqlparser::ast::WindowSpec;

use super::size::Size;
use super::value::{Derived, ObjectId, Output, Value};

/// One relation in FROM.
#[derive(Clone, Debug)]
pub(super) struct Named {
    /// What qualifies its columns: an alias alone, or the parts of the table's name; empty for none.
    pub qualifier: Vec<String>,
    /// What may qualify them as well: the names of the tables that were turned into this one, which has none of its own.
    pub inner: Vec<Vec<String>>,
    pub derived: Rc<Derived>,
}

impl Named {
    pub(super) fn nameless(derived: Derived) -> Self {
        Self::called(Vec::new(), Rc::new(derived))
    }

    pub(super) fn called(qualifier: Vec<String>, derived: Rc<Derived>) -> Self {
        Self { qualifier, inner: Vec::new(), derived }
    }

    pub(super) fn qualifiers(&self) -> impl Iterator<Item = &Vec<String>> {
        std::iter::once(&self.qualifier).chain(&self.inner)
    }

    /// Whether `t`, `s.t` or `d.s.t` means this relation.
    pub(super) fn is_called(&self, parts: &[String]) -> bool {
        !parts.is_empty() && self.qualifiers().any(|qualifier| qualifier.ends_with(parts))
    }
}

/// The relations of one FROM, in order.
#[derive(Clone, Default, Debug)]
pub(super) struct Relations {
    all: Vec<Named>,
    /// Beyond a few: where each alias and each column stands.
    aliases: HashMap<String, Vec<usize>>,
    columns: HashMap<Rc<str>, Vec<usize>>,
    /// How many rows the text of the statement makes of one stored row.
    made: Size,
}

impl Relations {
    /// Up to so many are looked at one by one.
    const FEW: usize = 8;

    pub(super) fn of(only: Named) -> Self {
        let mut relations = Self::default();
        relations.push(only);
        relations
    }

    pub(super) fn push(&mut self, named: Named) {
        self.made = self.made.times(named.derived.copies).max(named.derived.copies);
        self.all.push(named);
        let first_new = if self.all.len() == Self::FEW + 1 { 0 } else { self.all.len() - 1 };
        if self.all.len() > Self::FEW {
            for (at, named) in self.all.iter().enumerate().skip(first_new) {
                for last in named.qualifiers().filter_map(|qualifier| qualifier.last()) {
                    let places = self.aliases.entry(last.clone()).or_default();
                    if places.last() != Some(&at) {
                        places.push(at);
                    }
                }
                for name in named.derived.outputs.iter().filter_map(|output| output.name.as_ref()) {
                    let places = self.columns.entry(Rc::clone(name)).or_default();
                    if places.last() != Some(&at) {
                        places.push(at);
                    }
                }
            }
        }
    }

    pub(super) fn append(&mut self, others: Self) {
        others.all.into_iter().for_each(|named| self.push(named));
    }

    pub(super) fn as_slice(&self) -> &[Named] {
        &self.all
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, Named> {
        self.all.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Those that `parts` may mean.
    pub(super) fn called<'r, 'p>(
        &'r self,
        parts: &'p [String],
    ) -> impl Iterator<Item = &'r Named> + use<'r, 'p> {
        let places = parts.last().and_then(|last| self.aliases.get(last));
        self.candidates(places).filter(|named| named.is_called(parts))
    }

    /// How many columns are looked at for one of that name.
    pub(super) fn breadth(&self, name: &str) -> usize {
        self.candidates(self.columns.get(name)).map(|named| 1 + named.derived.named(name).count()).sum()
    }

    /// Those that may have a column of that name.
    pub(super) fn with_column(&self, name: &str) -> impl Iterator<Item = &Named> {
        self.candidates(self.columns.get(name))
    }

    fn candidates<'r>(&'r self, places: Option<&'r Vec<usize>>) -> impl Iterator<Item = &'r Named> {
        let is_few = self.all.len() <= Self::FEW;
        let each = if is_few { self.all.as_slice() } else { &[] };
        let indexed = places.filter(|_| !is_few).into_iter().flatten();
        each.iter().chain(indexed.filter_map(|place| self.all.get(*place)))
    }
}

/// Values by name.
#[derive(Clone, Default, Debug)]
pub(super) struct Values(HashMap<Rc<str>, Value>);

impl Values {
    pub(super) fn push(&mut self, name: Rc<str>, value: Value) {
        // Which of two of one name upstream means is not written down.
        let value = match self.0.remove(&name) {
            Some(earlier) => earlier.or(value),
            None => value,
        };
        self.0.insert(name, value);
    }

    pub(super) fn get(&self, name: &str) -> Option<Value> {
        self.0.get(name).cloned()
    }
}

/// A column that USING or NATURAL has made of those of several relations.
#[derive(Clone, Debug)]
pub(super) struct Merged {
    pub name: Rc<str>,
    pub value: Value,
    /// The places of those relations.
    pub of: Range<usize>,
}

/// The names of one query.
#[derive(Clone, Default)]
pub(super) struct Frame {
    pub relations: Relations,
    /// How many of the first relations stand outside the join whose condition is being read.
    pub aside: usize,
    /// Columns that USING and NATURAL have merged, first in `*`.
    pub merged: Vec<Merged>,
    /// Whether the query has CONNECT BY.
    pub is_hierarchical: bool,
    /// Whether NATURAL may have merged columns whose names only upstream knows.
    pub is_shuffled: bool,
    /// Every alias of the select list, those that are not read yet included.
    pub coming: Vec<Rc<str>>,
    /// Aliases of the select list so far, and the parameters of lambdas.
    pub aliases: Values,
    /// The outputs of the select list, once it has been read.
    pub outputs: Rc<Derived>,
    pub windows: Vec<(String, WindowSpec)>,
}

/// The names that an expression may use.
#[derive(Clone, Copy)]
pub(super) struct Env<'e> {
    pub frame: &'e Frame,
    pub outer: Option<&'e Env<'e>>,
    pub queries: &'e Queries,
}

/// The common table expressions in sight, the nearest last.
#[derive(Clone, Default)]
pub(super) struct Queries {
    all: Rc<HashMap<String, Vec<Rc<Derived>>>>,
}

impl Queries {
    pub(super) fn find(&self, name: &str) -> Option<Rc<Derived>> {
        self.all.get(name)?.last().cloned()
    }

    /// These and one more, which hides an older one of its name.
    pub(super) fn push(&mut self, name: &str, derived: Rc<Derived>) {
        Rc::make_mut(&mut self.all).entry(name.to_owned()).or_default().push(derived);
    }

    /// Without the newest of that name.
    pub(super) fn pop(&mut self, name: &str) {
        Rc::make_mut(&mut self.all).get_mut(name).and_then(Vec::pop);
    }
}

impl Frame {
    pub(super) fn of(only: Derived) -> Self {
        Self { relations: Relations::of(Named::nameless(only)), ..Self::default() }
    }

    pub(super) fn origins(&self) -> Vec<ObjectId> {
        let mut origins: Vec<ObjectId> =
            self.relations.iter().flat_map(|named| named.derived.origins.iter().copied()).collect();
        origins.sort_unstable();
        origins.dedup();
        origins
    }

    /// Whether the text makes so many rows of one that even quick work on each takes time that can be told.
    pub(super) fn is_swollen(&self) -> bool {
        self.relations.made == Size::ANY
    }

    /// How often the rows of one of its tables may be there: every further relation of a join repeats them.
    pub(super) fn copies(&self) -> Size {
        self.relations
            .iter()
            .map(|named| named.derived.copies.max(Size::of(1)))
            .reduce(|all, more| all.times(Size::ROWS.times(more)))
            .unwrap_or(Size::NONE)
    }

    /// The column of that name; none when nothing here has it.
    pub(super) fn column(&self, name: &str) -> Option<Value> {
        let merged = self.merged.iter().filter(|merged| &*merged.name == name);
        let merged = merged.map(|merged| merged.value.clone());
        // SECURITY: one that stands beside that join has the same name.
        let stored = self.relations.with_column(name).filter_map(|named| named.derived.value(name));
        merged.chain(stored).reduce(Value::or)
    }

    /// The columns of `*` in order, and whether they are all.
    pub(super) fn starred(&self) -> (Vec<Output>, bool) {
        let merged = self.merged.iter();
        let mut columns: Vec<Output> =
            merged.map(|merged| Output::new(Some(Rc::clone(&merged.name)), merged.value.clone())).collect();
        let mut is_complete = true;
        for (at, named) in self.relations.iter().enumerate() {
            is_complete &= named.derived.is_complete;
            // SECURITY: a relation that was not merged shows its own column of that name.
            let here = self.merged.iter().filter(|merged| merged.of.contains(&at));
            let gone: HashSet<&str> = here.map(|merged| &*merged.name).collect();
            let is_kept = |output: &&Output| !output.name.as_deref().is_some_and(|name| gone.contains(name));
            columns.extend(named.derived.outputs.iter().filter(is_kept).cloned());
        }
        (columns, is_complete)
    }

    /// Whether one of the columns of that name is called so for certain.
    pub(super) fn is_sure(&self, name: &str) -> bool {
        let is_sure = |named: &Named| {
            !named.derived.has_unsure_names() || named.derived.named(name).any(Output::is_sure)
        };
        let mut with_it =
            self.relations.with_column(name).filter(|named| named.derived.named(name).next().is_some());
        self.merged.iter().any(|merged| &*merged.name == name) || with_it.any(is_sure)
    }

    /// Whatever here upstream may know by that name.
    pub(super) fn perhaps(&self, name: &str) -> Option<Value> {
        self.relations.iter().filter_map(|named| named.derived.perhaps(name)).reduce(Value::or)
    }

    /// How much there is to look at for that.
    pub(super) fn unsure_breadth(&self) -> usize {
        self.relations.iter().map(|named| named.derived.unsure_breadth()).sum()
    }

    /// Whether only relations outside the join whose condition is being read have a column of that name.
    pub(super) fn stands_aside(&self, name: &str) -> bool {
        let within = self.relations.as_slice().get(self.aside..).unwrap_or(&[]);
        self.aside > 0 && !within.iter().any(|named| named.derived.named(name).next().is_some())
    }

    /// Whether a relation that is called so stands in the join whose condition is being read, if one is.
    pub(super) fn is_within(&self, parts: &[String]) -> bool {
        let within = self.relations.as_slice().get(self.aside..).unwrap_or(&[]);
        self.aside == 0 || within.iter().any(|named| named.is_called(parts))
    }

    /// Whether nobody knows at which place of `*` each column stands: where USING puts what it merges is not written down.
    pub(super) fn is_unordered(&self) -> bool {
        self.is_shuffled
            || !self.merged.is_empty()
            || self.relations.iter().any(|named| named.derived.is_unordered)
    }

    /// Whatever outputs have that name, together.
    pub(super) fn output(&self, name: &str) -> Option<Value> {
        self.outputs.value(name).into_iter().chain(self.outputs.perhaps(name)).reduce(Value::or)
    }

    pub(super) fn hides_columns(&self) -> bool {
        self.relations.iter().any(|named| named.derived.hides_columns())
    }

    /// Whether a name that nothing here has may be a column of SHOW or DESCRIBE.
    pub(super) fn has_metadata(&self) -> bool {
        self.relations.iter().any(|named| !named.derived.is_complete && !named.derived.hides_columns())
    }
}
