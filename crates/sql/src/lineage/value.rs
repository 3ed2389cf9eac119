//! What an expression shows, and the columns of a relation made of such values.

use std::rc::Rc;

use domain::ShownHow;

use super::sort::Sort;

/// A stored column, by its place in the reader's table of columns.
pub(crate) type ColumnId = u32;
/// A stored object, by its place in the reader's table of objects.
pub(crate) type ObjectId = u32;

/// A stored column that a value shows.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Source {
    pub column: ColumnId,
    pub how: ShownHow,
    pub path: Option<Rc<[String]>>,
}

/// How sure we are of what a value shows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(crate) enum Certainty {
    /// All that it shows is among its sources.
    #[default]
    Known,
    /// It may show more; testing it is covered by its guesses or by a flagged function.
    Unknown,
    /// It may show anything: testing it makes the statement opaque.
    Untraced,
}

/// What one expression shows.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Value {
    /// Sorted, without repetitions.
    pub sources: Vec<Source>,
    /// Columns that it may be, where the catalog does not tell: only for what it tests.
    pub guesses: Vec<ColumnId>,
    pub certainty: Certainty,
    /// Exactly one stored column, as stored, and nothing else: COUNT and IS NULL over it tell nothing.
    pub is_bare: bool,
    /// What is surely known of its type.
    pub sort: Sort,
}

impl Value {
    /// A literal, or a function of nothing stored.
    pub(super) fn constant() -> Self {
        Self::default()
    }

    /// A stored column as it is.
    pub(super) fn stored(column: ColumnId, sort: Sort) -> Self {
        Self {
            sources: vec![Source { column, how: ShownHow::Stored, path: None }],
            is_bare: true,
            sort,
            ..Self::default()
        }
    }

    /// Something that could be any of these columns.
    pub(super) fn unknown(guesses: Vec<ColumnId>) -> Self {
        let certainty = if guesses.is_empty() { Certainty::Untraced } else { Certainty::Unknown };
        Self { guesses, certainty, ..Self::default() }
    }

    pub(super) fn is_known(&self) -> bool {
        self.certainty == Certainty::Known
    }

    /// The one stored column that this is.
    pub(super) fn bare(&self) -> Option<ColumnId> {
        match self.sources.as_slice() {
            [only] if self.is_bare && self.is_known() => Some(only.column),
            _ => None,
        }
    }

    /// This value seen through an expression.
    pub(super) fn derived(mut self) -> Self {
        self.sources.iter_mut().for_each(|source| {
            source.how = ShownHow::Derived;
            source.path = None;
        });
        self.sources.dedup();
        self.is_bare = false;
        self.sort = Sort::Unknown;
        self
    }

    /// Either of two values, each as it is.
    pub(super) fn or(mut self, other: Self) -> Self {
        self.is_bare = self.is_bare && other.is_bare && self.sources == other.sources;
        for source in other.sources {
            if let Err(at) = self.sources.binary_search(&source) {
                self.sources.insert(at, source);
            }
        }
        for guess in other.guesses {
            if let Err(at) = self.guesses.binary_search(&guess) {
                self.guesses.insert(at, guess);
            }
        }
        self.certainty = self.certainty.max(other.certainty);
        self.sort = self.sort.meet(other.sort).unwrap_or_default();
        self
    }

    /// An expression over both.
    pub(super) fn with(self, other: Self) -> Self {
        self.derived().or(other.derived())
    }
}

/// One column of a relation.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    /// The name as stored; none when the text does not tell it.
    pub name: Option<Rc<str>>,
    pub value: Value,
    /// Whether the name is made from stored values.
    pub is_name_from_values: bool,
}

impl Output {
    pub(super) fn new(name: Option<Rc<str>>, value: Value) -> Self {
        Self { name, value, is_name_from_values: false }
    }

    pub(super) fn named(name: &str, value: Value) -> Self {
        Self::new(Some(Rc::from(name)), value)
    }
}

/// The columns of a query, view, or the like.
#[derive(Clone, Debug, Default)]
pub(crate) struct Derived {
    pub outputs: Vec<Output>,
    /// Whether the outputs are all there are, in order.
    pub is_complete: bool,
    /// Stored objects beneath, for guesses about columns that the outputs do not name.
    pub origins: Vec<ObjectId>,
}
