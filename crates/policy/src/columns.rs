//! Which classes a stored column has.

use std::collections::HashMap;

use domain::{Catalog, Column, ColumnRef, ObjectName};

use crate::classes::{ClassId, ClassSet};
use crate::patterns::Pattern;

/// The rules of `[[columns]]`, `[[paths]]` and `[tags]`, ready to be looked up.
#[derive(Debug, Default)]
pub(crate) struct ColumnRules {
    /// Patterns that name one column each.
    pub(crate) exact: HashMap<ObjectName, HashMap<String, ClassId>>,
    /// Patterns with a `*`, the most specific first.
    pub(crate) patterns: Vec<(Pattern, ClassId)>,
    /// Classified paths of VARIANT columns.
    pub(crate) paths: Vec<PathRule>,
    /// Tag name → tag value → class.
    pub(crate) tags: HashMap<String, HashMap<String, ClassId>>,
}

/// A classified path within a column.
#[derive(Debug)]
pub(crate) struct PathRule {
    pub(crate) pattern: Pattern,
    /// Lower-case names from the outside in.
    pub(crate) path: Vec<String>,
    pub(crate) class: ClassId,
}

impl PathRule {
    /// Whether what lies at `path` contains, is or lies inside what this rule names.
    pub(crate) fn concerns(&self, path: &[String]) -> bool {
        self.path.iter().zip(path).all(|(ours, theirs)| *ours == theirs.to_lowercase())
    }
}

impl ColumnRules {
    /// The rules that concern one table or view. Patterns are tried against its name once, here.
    pub(crate) fn table<'a>(&'a self, catalog: &'a Catalog, object: &ObjectName) -> TableRules<'a> {
        let relation = catalog.relation(object);
        TableRules {
            exact: self.exact.get(object),
            patterns: self.patterns.iter().filter(|(pattern, _)| pattern.matches_object(object)).collect(),
            paths: self.paths.iter().filter(|rule| rule.pattern.matches_object(object)).collect(),
            tags: &self.tags,
            columns: relation
                .map(|relation| {
                    relation.columns.iter().map(|column| (column.name.as_str(), column)).collect()
                })
                .unwrap_or_default(),
        }
    }

    /// Whether any column of this table or view is not public, or nobody knows what it holds.
    pub(crate) fn is_classified(&self, catalog: &Catalog, object: &ObjectName) -> bool {
        let Some(relation) = catalog.relation(object) else { return true };
        let rules = self.table(catalog, object);
        let mut columns = relation.columns.iter().map(|column| rules.column(&column.name).whole());
        columns.any(|classes| classes.iter().any(|id| *id != ClassId::PUBLIC))
    }

    /// The rules of one column, where only one is asked for.
    pub(crate) fn column<'a>(&'a self, catalog: &'a Catalog, column: &ColumnRef) -> ColumnClasses<'a> {
        self.table(catalog, &column.object).column(&column.column)
    }
}

/// The rules that concern one table or view.
pub(crate) struct TableRules<'a> {
    exact: Option<&'a HashMap<String, ClassId>>,
    patterns: Vec<&'a (Pattern, ClassId)>,
    paths: Vec<&'a PathRule>,
    tags: &'a HashMap<String, HashMap<String, ClassId>>,
    columns: HashMap<&'a str, &'a Column>,
}

/// What one column holds.
pub(crate) struct ColumnClasses<'a> {
    /// The classes of the column itself; never empty.
    pub(crate) base: ClassSet,
    /// What lies inside it under certain names.
    pub(crate) paths: Vec<&'a PathRule>,
}

impl ColumnClasses<'_> {
    /// The classes of everything in it.
    pub(crate) fn whole(&self) -> ClassSet {
        self.base.iter().copied().chain(self.paths.iter().map(|rule| rule.class)).collect()
    }

    /// The classes of what lies at a path in it.
    pub(crate) fn at(&self, path: &[String]) -> ClassSet {
        let inside = self.paths.iter().filter(|rule| rule.concerns(path)).map(|rule| rule.class);
        self.base.iter().copied().chain(inside).collect()
    }
}

impl<'a> TableRules<'a> {
    /// The classes of a column: what its name says and, besides, what its tags say.
    pub(crate) fn column(&self, name: &str) -> ColumnClasses<'a> {
        let by_name = self.exact.and_then(|exact| exact.get(name)).or_else(|| {
            self.patterns.iter().find(|(pattern, _)| pattern.matches_column(name)).map(|(_, id)| id)
        });
        let column = self.columns.get(name);
        let by_tag = column
            .into_iter()
            .flat_map(|column| &column.tags)
            .filter_map(|(tag, value)| self.tags.get(tag).and_then(|values| values.get(value)));
        // SECURITY: a tag adds a class and never takes one away; whoever may set tags cannot unmask by it.
        let mut base: ClassSet = by_name.into_iter().chain(by_tag).copied().collect();
        if base.is_empty() {
            base.insert(column.map_or(ClassId::UNKNOWN, |column| ClassId::of_unclassified(&column.sql_type)));
        }
        let paths = self.paths.iter().filter(|rule| rule.pattern.matches_column(name)).copied().collect();
        ColumnClasses { base, paths }
    }
}
