//! Which column a name means: the relations of a query, its aliases, then the queries around it.

use std::rc::Rc;

use sqlparser::ast::{Ident, WindowSpec};

use super::reader::Reader;
use super::value::{Derived, ObjectId, Value};
use crate::names::fold;

/// One relation in FROM.
#[derive(Clone, Debug)]
pub(super) struct Named {
    /// What qualifies its columns: an alias alone, or the parts of the table's name; empty for none.
    pub qualifier: Vec<String>,
    pub derived: Rc<Derived>,
}

impl Named {
    /// Whether `t`, `s.t` or `d.s.t` means this relation.
    fn is_called(&self, parts: &[String]) -> bool {
        !parts.is_empty() && self.qualifier.ends_with(parts)
    }
}

/// The names of one query.
#[derive(Clone, Default)]
pub(super) struct Frame {
    pub relations: Vec<Named>,
    /// Columns that USING and NATURAL have merged, first in `*`.
    pub merged: Vec<(Rc<str>, Value)>,
    /// Aliases of the select list so far, and the parameters of lambdas.
    pub aliases: Vec<(Rc<str>, Value)>,
    /// The outputs of the select list, once it has been read.
    pub outputs: Vec<(Rc<str>, Value)>,
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
pub(super) struct Queries(Vec<(String, Rc<Derived>)>);

impl Queries {
    pub(super) fn find(&self, name: &str) -> Option<Rc<Derived>> {
        self.0.iter().rev().find(|(query, _)| query == name).map(|(_, derived)| Rc::clone(derived))
    }

    /// These and one more, which hides an older one of its name.
    pub(super) fn push(&mut self, name: String, derived: Derived) {
        self.0.push((name, Rc::new(derived)));
    }

    pub(super) fn pop(&mut self) {
        self.0.pop();
    }
}

impl Frame {
    pub(super) fn origins(&self) -> Vec<ObjectId> {
        let mut origins: Vec<ObjectId> =
            self.relations.iter().flat_map(|named| named.derived.origins.iter().copied()).collect();
        origins.sort_unstable();
        origins.dedup();
        origins
    }

    /// The column of that name; none when nothing here has it.
    pub(super) fn column(&self, name: &str) -> Option<Value> {
        if let Some((_, value)) = self.merged.iter().find(|(merged, _)| &**merged == name) {
            return Some(value.clone());
        }
        let mut found: Option<Value> = None;
        for named in &self.relations {
            for output in named.derived.outputs.iter().filter(|output| output.name.as_deref() == Some(name)) {
                found = Some(match found {
                    None => output.value.clone(),
                    Some(found) => found.or(output.value.clone()),
                });
            }
        }
        found
    }

    fn alias(&self, name: &str) -> Option<Value> {
        self.aliases.iter().rev().find(|(alias, _)| &**alias == name).map(|(_, value)| value.clone())
    }

    /// Whatever outputs have that name, together.
    fn output(&self, name: &str) -> Option<Value> {
        let named = self.outputs.iter().filter(|(output, _)| &**output == name);
        named.map(|(_, value)| value.clone()).reduce(Value::or)
    }

    fn is_complete(&self) -> bool {
        self.relations.iter().all(|named| named.derived.is_complete)
    }
}

impl Reader<'_> {
    /// The value of `column`.
    pub(super) fn resolve(&mut self, ident: &Ident, env: Env<'_>) -> Value {
        let name = fold(ident);
        if let Some(value) = self.lookup(&name, env) {
            return value;
        }
        if ident.quote_style.is_none() && is_context(&name) {
            return Value::constant();
        }
        self.unresolved(&name, env)
    }

    /// The value of `relation.column`.
    pub(super) fn resolve_qualified(&mut self, idents: &[Ident], env: Env<'_>) -> Value {
        let parts: Vec<String> = idents.iter().map(|ident| fold(ident).into_owned()).collect();
        let Some((name, qualifier)) = parts.split_last() else { return Value::unknown(Vec::new()) };
        let mut here = Some(env);
        while let Some(env) = here {
            let mut found: Option<Value> = None;
            for named in env.frame.relations.iter().filter(|named| named.is_called(qualifier)) {
                let value = self.column_of(&named.derived, name);
                found = Some(match found {
                    None => value,
                    Some(found) => found.or(value),
                });
            }
            if let Some(found) = found {
                return found;
            }
            here = env.outer.copied();
        }
        // No relation has that name: perhaps a path into a column, or nothing at all.
        self.unresolved(name, env)
    }

    /// The column of that name, or number (`$1`), in one relation.
    pub(super) fn column_of(&mut self, derived: &Derived, name: &str) -> Value {
        // A column may be called `"$2"` wherever it stands: then it counts as both.
        let named = derived.outputs.iter().filter(|output| output.name.as_deref() == Some(name));
        let found =
            named.map(|output| output.value.clone()).chain(positional(derived, name)).reduce(Value::or);
        if let Some(found) = found {
            return found;
        }
        self.doubt("a column that the catalog does not have");
        Value::unknown(self.guesses(&derived.origins, name))
    }

    /// The value of a column by number in the whole of FROM.
    pub(super) fn resolve_position(&mut self, name: &str, env: Env<'_>) -> Value {
        if let [only] = env.frame.relations.as_slice() {
            return self.column_of(&Rc::clone(&only.derived), name);
        }
        self.unresolved(name, env)
    }

    pub(super) fn lookup(&mut self, name: &str, env: Env<'_>) -> Option<Value> {
        // A name in two relations is an error upstream, so that the first relation seen to have it decides.
        if let Some(column) = env.frame.column(name) {
            return Some(match env.frame.output(name) {
                Some(output) => column.or(output),
                None => column,
            });
        }
        let alias = env.frame.output(name).or_else(|| env.frame.alias(name));
        if alias.is_some() && env.frame.is_complete() {
            return alias;
        }
        let around = env.outer.and_then(|outer| self.lookup(name, *outer));
        if env.frame.is_complete() {
            return around;
        }
        // The name may be a column that we do not see: as unknown as can be.
        self.doubt("a relation whose columns are not known");
        let guesses = self.guesses(&env.frame.origins(), name);
        let unknown = Value::unknown(guesses);
        Some([alias, around].into_iter().flatten().fold(unknown, Value::or))
    }

    fn unresolved(&mut self, name: &str, env: Env<'_>) -> Value {
        self.doubt("a name that cannot be resolved");
        let mut origins = Vec::new();
        let mut here = Some(env);
        while let Some(env) = here {
            origins.extend(env.frame.origins());
            here = env.outer.copied();
        }
        Value::unknown(self.guesses(&origins, name))
    }
}

/// `$2` is the second column.
fn positional(derived: &Derived, name: &str) -> Option<Value> {
    let place: usize = name.strip_prefix('$')?.parse().ok()?;
    if !derived.is_complete {
        return None;
    }
    derived.outputs.get(place.checked_sub(1)?).map(|output| output.value.clone())
}

/// Names that stand for something without brackets and show nothing stored.
fn is_context(name: &str) -> bool {
    matches!(
        name,
        "CURRENT_DATE"
            | "CURRENT_TIME"
            | "CURRENT_TIMESTAMP"
            | "LOCALTIME"
            | "LOCALTIMESTAMP"
            | "CURRENT_USER"
            | "LEVEL"
            | "METADATA$FILENAME"
            | "METADATA$FILE_ROW_NUMBER"
    )
}
