//! What an expression shows, and the columns of a relation made of such values.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::rc::Rc;

use domain::ShownHow;

use super::size::Size;
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
#[derive(Clone, Debug, Default)]
pub(crate) struct Value {
    /// Sorted, without repetitions.
    pub sources: Vec<Source>,
    /// Columns that it may be, where the catalog does not tell: only for what it tests.
    pub guesses: Vec<ColumnId>,
    pub certainty: Certainty,
    /// Exactly one stored column, as stored, and nothing else: COUNT and IS NULL over it tell nothing.
    pub is_bare: bool,
    /// Whether all that it may be is stored, and as stored: a union of two columns is, one with a literal is not.
    pub is_stored: bool,
    /// Whether how large it is, as a number or as a text, depends on nothing but how large what is stored is: a stored
    /// column, or a short literal in its place. What is made in any other way may be made to just fit or just not.
    pub is_steady: bool,
    /// Whether making it may fail, or takes what a query takes: then whether it is made at all may be seen.
    pub is_risky: bool,
    /// Whether it is text that SHOW or DESCRIBE answers and somebody wrote: known only as it is.
    pub is_told: bool,
    /// What is surely known of its type.
    pub sort: Sort,
    /// How large the text of the statement can make it.
    pub size: Size,
}

impl Value {
    /// A literal, or a function of nothing stored.
    pub(super) fn constant() -> Self {
        Self::default()
    }

    /// The same of a known type.
    pub(super) fn constant_of(sort: Sort) -> Self {
        Self { sort, ..Self::default() }
    }

    /// A stored column as it is.
    pub(super) fn stored(column: ColumnId, sort: Sort) -> Self {
        Self {
            sources: vec![Source { column, how: ShownHow::Stored, path: None }],
            is_bare: true,
            is_stored: true,
            is_steady: true,
            sort,
            size: Size::STORED,
            ..Self::default()
        }
    }

    /// Text that somebody wrote and SHOW or DESCRIBE answers.
    pub(super) fn told() -> Self {
        Self { is_told: true, size: Size::STORED, ..Self::default() }
    }

    /// Something that could be any of these columns.
    pub(super) fn unknown(guesses: Vec<ColumnId>) -> Self {
        let certainty = if guesses.is_empty() { Certainty::Untraced } else { Certainty::Unknown };
        Self { guesses, certainty, size: Size::STORED, ..Self::default() }
    }

    pub(super) fn is_known(&self) -> bool {
        self.certainty == Certainty::Known
    }

    /// Whether it depends on nothing stored, for certain.
    pub(super) fn is_constant(&self) -> bool {
        self.is_known() && self.sources.is_empty() && !self.is_told
    }

    /// How many columns it shows or may be.
    pub(super) fn breadth(&self) -> usize {
        self.sources.len() + self.guesses.len()
    }

    /// Whether its text is as long as what is stored: of a number that was made it is not, since the number decides.
    pub(super) fn keeps_length(&self) -> bool {
        self.is_steady && (self.is_bare || self.is_constant() || !self.sort.is_number())
    }

    /// Whether one of these, whichever it is, is as large as what is stored: one stored column, and short literals.
    pub(super) fn are_steady(choices: &[Self]) -> bool {
        let mut stored = choices.iter().filter(|choice| !choice.is_constant());
        let first = stored.next();
        choices.iter().all(|choice| choice.is_steady)
            && stored.all(|other| first.is_some_and(|first| first.sources == other.sources))
    }

    /// An expression over all of these.
    pub(super) fn together<'v>(values: impl IntoIterator<Item = &'v Self>) -> Self {
        let mut all = Self::default();
        for value in values {
            all.certainty = all.certainty.max(value.certainty);
            if value.is_told {
                all.certainty = Certainty::Untraced;
            }
            all.size = all.size.plus(value.size);
            all.is_risky |= value.is_risky;
            all.sources.extend(value.sources.iter().map(|source| Source {
                column: source.column,
                how: ShownHow::Derived,
                path: None,
            }));
            all.guesses.extend(&value.guesses);
        }
        all.sources.sort();
        all.sources.dedup();
        all.guesses.sort_unstable();
        all.guesses.dedup();
        all
    }

    /// Whether both show the same, whatever their types and sizes.
    pub(super) fn shows_as(&self, other: &Self) -> bool {
        self.certainty == other.certainty
            && self.is_bare == other.is_bare
            && self.is_stored == other.is_stored
            && self.is_told == other.is_told
            && self.sources == other.sources
            && self.guesses == other.guesses
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
        self.is_stored = false;
        self.is_steady = false;
        if std::mem::take(&mut self.is_told) {
            self.certainty = Certainty::Untraced;
        }
        self.sort = Sort::Unknown;
        self
    }

    /// This value seen through an expression that surely makes that type.
    pub(super) fn made(self, sort: Sort) -> Self {
        Self { sort, ..self.derived() }
    }

    /// Either of two values, each as it is.
    pub(super) fn or(mut self, other: Self) -> Self {
        self.is_steady = self.is_steady
            && other.is_steady
            && (self.is_constant() || other.is_constant() || self.sources == other.sources);
        self.is_bare = self.is_bare && other.is_bare && self.sources == other.sources;
        self.is_stored &= other.is_stored;
        self.sort = self.sort.meet(other.sort).unwrap_or_default();
        self.size = self.size.max(other.size);
        self.gathered(other)
    }

    /// An expression over both.
    pub(super) fn with(self, other: Self) -> Self {
        let size = self.size.plus(other.size);
        Self { size, ..self.derived().gathered(other.derived()) }
    }

    fn gathered(mut self, other: Self) -> Self {
        self.certainty = self.certainty.max(other.certainty);
        self.is_told |= other.is_told;
        self.is_risky |= other.is_risky;
        merge(&mut self.sources, other.sources);
        merge(&mut self.guesses, other.guesses);
        self
    }
}

/// Both lists, which are sorted, as one.
fn merge<T: Ord>(into: &mut Vec<T>, more: Vec<T>) {
    /// Up to so many are put in one by one.
    const FEW: usize = 8;
    if into.is_empty() {
        *into = more;
    } else if more.len() <= FEW {
        for one in more {
            if let Err(at) = into.binary_search(&one) {
                into.insert(at, one);
            }
        }
    } else {
        into.extend(more);
        into.sort();
        into.dedup();
    }
}

/// How sure the name of a column is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Naming {
    /// The text says it, or the catalog.
    Sure,
    /// Upstream makes it of the text of an expression (`UPPER(SSN)`, `$4`): no plain identifier is one.
    OfExpression,
    /// It may be that, or what upstream makes of the text; without a name it may be any.
    Doubtful,
}

/// One column of a relation.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    /// The name as stored; none when the text does not tell it.
    pub name: Option<Rc<str>>,
    /// Whether it is called that, or else what it may be called.
    pub naming: Naming,
    pub value: Value,
    /// Whether the name is made from stored values.
    pub is_name_from_values: bool,
}

impl Output {
    pub(super) fn new(name: Option<Rc<str>>, value: Value) -> Self {
        let naming = if name.is_some() { Naming::Sure } else { Naming::Doubtful };
        Self { name, naming, value, is_name_from_values: false }
    }

    pub(super) fn named(name: &str, value: Value) -> Self {
        Self::new(Some(Rc::from(name)), value)
    }

    pub(super) fn is_sure(&self) -> bool {
        self.naming == Naming::Sure
    }

    /// Whether upstream may know it by that name although the text does not say so.
    pub(super) fn may_be_called(&self, name: &str) -> bool {
        match self.naming {
            Naming::Sure => false,
            Naming::OfExpression => !is_plain(name),
            Naming::Doubtful => self.name.is_none() || !is_plain(name),
        }
    }

    /// Whether both may have one name.
    pub(super) fn may_share_name(&self, other: &Self) -> bool {
        let is_called = |one: &Self, other: &Self| match &other.name {
            // Whether names that differ in case alone are one is a setting of the account.
            Some(name) => {
                one.name.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(name)) || one.may_be_called(name)
            }
            None => false,
        };
        is_called(self, other) || is_called(other, self) || !(self.is_sure() || other.is_sure())
    }
}

/// Whether a name can be written without quotes.
fn is_plain(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$'))
}

/// What the columns are that the outputs do not name, where the outputs are not all.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Beyond {
    /// Nobody knows.
    #[default]
    Unknown,
    /// Names, types and states of objects: SHOW and DESCRIBE answer them, and nothing that anybody stored.
    Metadata,
}

/// The columns of a query, view, or the like.
#[derive(Clone, Debug, Default)]
pub(crate) struct Derived {
    pub outputs: Vec<Output>,
    /// Whether the outputs are all there are, in order.
    pub is_complete: bool,
    pub beyond: Beyond,
    /// Stored objects beneath, for guesses about columns that the outputs do not name.
    pub origins: Vec<ObjectId>,
    /// How many times over the text of the statement can make it hold the rows of a stored table.
    pub copies: Size,
    /// Whether nobody knows which column stands at which place: of a table as it once was, of `*` over USING.
    pub is_unordered: bool,
    /// Where each name stands among the outputs.
    pub places: Places,
}

impl Derived {
    pub(super) fn new(outputs: Vec<Output>, is_complete: bool, origins: Vec<ObjectId>) -> Self {
        Self { outputs, is_complete, origins, ..Self::default() }
    }

    /// Some rows that the text of the statement makes out of nothing stored.
    pub(super) fn made(outputs: Vec<Output>, copies: Size) -> Self {
        Self { copies, ..Self::new(outputs, true, Vec::new()) }
    }

    /// The same rows with other columns.
    pub(super) fn with_outputs(&self, outputs: Vec<Output>) -> Self {
        Self {
            copies: self.copies,
            is_unordered: self.is_unordered,
            ..Self::new(outputs, self.is_complete, self.origins.clone())
        }
    }

    /// Whether a column that the outputs do not name may show something that nobody knows.
    pub(super) fn hides_columns(&self) -> bool {
        !self.is_complete && self.beyond == Beyond::Unknown
    }

    /// The outputs of that name.
    pub(super) fn named(&self, name: &str) -> impl Iterator<Item = &Output> {
        let places = self.places.of(&self.outputs, name);
        let (found, rest) = match places {
            Some(places) => (places, &[] as &[Output]),
            None => (&[] as &[u32], self.outputs.as_slice()),
        };
        let indexed = found.iter().filter_map(|place| self.outputs.get(*place as usize));
        indexed.chain(rest).filter(move |output| output.name.as_deref() == Some(name))
    }

    /// The value of that name: of several, any.
    pub(super) fn value(&self, name: &str) -> Option<Value> {
        self.named(name).map(|output| output.value.clone()).reduce(Value::or)
    }

    /// Whether upstream may know some output by another name than the text tells.
    pub(super) fn has_unsure_names(&self) -> bool {
        *self.places.has_unsure.get_or_init(|| !self.outputs.iter().all(Output::is_sure))
    }

    /// Whether some name is not all in capitals, so that another may differ from it in case alone.
    pub(super) fn has_cased_names(&self) -> bool {
        let is_cased = |name: &Rc<str>| name.bytes().any(|b| b.is_ascii_lowercase());
        *self
            .places
            .has_cased
            .get_or_init(|| self.outputs.iter().filter_map(|output| output.name.as_ref()).any(is_cased))
    }

    /// Whatever upstream may know by that name although the text does not say so.
    pub(super) fn perhaps(&self, name: &str) -> Option<Value> {
        let (of_expression, doubtful) = self.unsure()?;
        let of_expression = of_expression.as_ref().filter(|_| !is_plain(name));
        of_expression.into_iter().chain(doubtful).cloned().reduce(Value::or)
    }

    /// How much there is to look at for that.
    pub(super) fn unsure_breadth(&self) -> usize {
        let both = self.unsure().map(|(of_expression, doubtful)| of_expression.iter().chain(doubtful));
        both.into_iter().flatten().map(|value| 1 + value.breadth()).sum()
    }

    /// All outputs that are called by an expression, and all that may have any name; none when there is neither.
    fn unsure(&self) -> Option<&(Option<Value>, Option<Value>)> {
        if !self.has_unsure_names() {
            return None;
        }
        let all = |is_any| {
            let is_wanted = |output: &&Output| {
                !output.is_sure() && (output.naming == Naming::Doubtful && output.name.is_none()) == is_any
            };
            let outputs = self.outputs.iter().filter(is_wanted);
            outputs.map(|output| output.value.clone()).reduce(Value::or)
        };
        Some(self.places.unsure.get_or_init(|| (all(false), all(true))))
    }
}

/// What is looked up among many outputs; made when first asked. A copy begins anew, because whoever copies means to
/// change the outputs.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// Where each name stands.
    index: OnceCell<HashMap<Rc<str>, Vec<u32>>>,
    has_unsure: OnceCell<bool>,
    has_cased: OnceCell<bool>,
    unsure: OnceCell<(Option<Value>, Option<Value>)>,
}

impl Clone for Places {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Places {
    /// Below that many outputs looking at each is quicker.
    const FEW: usize = 24;

    fn of(&self, outputs: &[Output], name: &str) -> Option<&[u32]> {
        if outputs.len() <= Self::FEW {
            return None;
        }
        let index = self.index.get_or_init(|| {
            let mut index: HashMap<Rc<str>, Vec<u32>> = HashMap::with_capacity(outputs.len());
            for (place, output) in (0_u32..).zip(outputs) {
                if let Some(name) = &output.name {
                    index.entry(Rc::clone(name)).or_default().push(place);
                }
            }
            index
        });
        Some(index.get(name).map_or(&[], Vec::as_slice))
    }
}
