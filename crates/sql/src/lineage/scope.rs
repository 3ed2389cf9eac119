//! Which column a name means: the relations of a query, its aliases, then the queries around it.

use std::rc::Rc;

use domain::{Class, FunctionName};
use sqlparser::ast::{Ident, ObjectName};

use super::frame::{Env, Named};
use super::reader::Reader;
use super::sort::Sort;
use super::value::{Derived, Value};
use crate::names::{fold, parts};

impl Reader<'_> {
    /// The value of `column`.
    pub(super) fn resolve(&mut self, ident: &Ident, env: Env<'_>) -> Value {
        let name = fold(ident);
        if matches!(&*name, "PRIOR" | "CONNECT_BY_ROOT")
            && ident.quote_style.is_none()
            && is_hierarchical(env)
        {
            self.give_up("an operator where the parser sees a column");
        }
        if let Some(value) = self.lookup(&name, env) {
            return value;
        }
        if ident.quote_style.is_none()
            && let Some(sort) = context_sort(&name)
        {
            return Value::constant_of(sort);
        }
        self.unresolved(&name, env)
    }

    /// The value of `relation.column`.
    pub(super) fn resolve_qualified(&mut self, idents: &[Ident], env: Env<'_>) -> Value {
        let parts: Vec<String> = idents.iter().map(|ident| fold(ident).into_owned()).collect();
        let Some((name, qualifier)) = parts.split_last() else { return Value::unknown(Vec::new()) };
        let mut here = Some(env);
        let mut found: Option<Value> = None;
        while let Some(env) = here {
            for named in env.frame.relations.called(qualifier) {
                self.charge(1);
                let value = self.column_of(&named.derived, name);
                found = found.into_iter().chain([value]).reduce(Value::or);
            }
            // SECURITY: as for a bare name, a relation outside the join whose condition this is may not be meant.
            if env.frame.is_within(qualifier)
                && let Some(found) = found
            {
                return found;
            }
            here = env.outer.copied();
        }
        if let Some(found) = found {
            return found;
        }
        // `sequence.NEXTVAL` counts on, whatever is stored.
        if name == "NEXTVAL"
            && let Some(sequence) = self.namespace.complete(qualifier)
        {
            // SECURITY: it moves on, and stays so.
            self.flag(&FunctionName::new(["NEXTVAL"]), Class::Write);
            self.reads.insert(sequence.clone());
            self.writes.insert(sequence);
            return Value::constant_of(Sort::Number(0));
        }
        // No relation has that name: perhaps a path into a column, or nothing at all.
        self.unresolved(name, env)
    }

    /// The column of that name, or number (`$1`), in one relation.
    pub(super) fn column_of(&mut self, derived: &Derived, name: &str) -> Value {
        self.charge(derived.named(name).count());
        // A column may be called `"$2"` wherever it stands: then it counts as both.
        if let Some(found) =
            derived.value(name).into_iter().chain(positional(derived, name)).reduce(Value::or)
        {
            return found;
        }
        if !derived.is_complete && !derived.hides_columns() {
            return metadata(name);
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
        if !self.charge(env.frame.relations.breadth(name)) {
            return None;
        }
        // A name in two relations is an error upstream, so that the first relation seen to have it decides.
        let column = env.frame.column(name);
        if let Some(column) = column.as_ref().filter(|_| env.frame.is_sure(name)) {
            let output = env.frame.output(name);
            // SECURITY: a condition sees the relations of its own join alone; what only a neighbour has may as well be
            // meant of a query around.
            let breadth = || env.frame.relations.len() + env.frame.unsure_breadth();
            self.charge(if env.frame.aside > 0 { breadth() } else { 0 });
            let is_aside = env.frame.stands_aside(name);
            let around = env.outer.filter(|_| is_aside);
            let perhaps = if is_aside { env.frame.perhaps(name) } else { None };
            let around = around.and_then(|outer| self.lookup(name, *outer));
            return [Some(column.clone()), output, perhaps, around].into_iter().flatten().reduce(Value::or);
        }
        if !self.charge(env.frame.unsure_breadth()) {
            return None;
        }
        // SECURITY: where the text does not tell what upstream calls a column (`UPPER(SSN)`), it may be the one that is
        // meant, and stands before everything that the text does tell.
        let perhaps = env.frame.perhaps(name);
        // SECURITY: upstream an alias of the select list stands behind every column in sight, those of the queries around
        // included; a name that is both counts as both.
        let alias = env.frame.output(name).or_else(|| env.frame.aliases.get(name));
        let around = env.outer.and_then(|outer| self.lookup(name, *outer));
        let around = match around {
            Some(around) if alias.is_none() && env.frame.coming.iter().any(|coming| &**coming == name) => {
                self.doubt("a name that a later item of the select list takes");
                Some(around.or(Value::unknown(Vec::new())))
            }
            around => around,
        };
        let found = [column, perhaps, alias, around].into_iter().flatten().reduce(Value::or);
        // Each of them is asked whether it may have more columns than it names, or other names.
        self.charge(env.frame.relations.len());
        if !env.frame.hides_columns() {
            if !env.frame.has_metadata() {
                return found;
            }
            let shown = metadata(name);
            return Some(match found {
                Some(found) => found.or(shown),
                None => shown,
            });
        }
        // The name may be a column that we do not see: as unknown as can be.
        self.doubt("a relation whose columns are not known");
        let unknown = Value::unknown(self.guesses(&env.frame.origins(), name));
        Some(match found {
            Some(found) => unknown.or(found),
            None => unknown,
        })
    }

    fn unresolved(&mut self, name: &str, env: Env<'_>) -> Value {
        self.doubt("a name that cannot be resolved");
        let mut origins = Vec::new();
        let mut here = Some(env);
        while let Some(env) = here {
            self.charge(env.frame.relations.len());
            origins.extend(env.frame.origins());
            here = env.outer.copied();
        }
        Value::unknown(self.guesses(&origins, name))
    }

    /// `*` inside an expression: every column of FROM.
    pub(super) fn whole_frame(&mut self, env: Env<'_>) -> Value {
        let relations = env.frame.relations.iter();
        let wholes: Vec<Value> = relations.map(|named| self.whole(&named.derived)).collect();
        Value { is_steady: wholes.iter().all(|whole| whole.is_steady), ..Value::together(&wholes) }
    }

    /// `*` inside a count that is not of rows: it leaves out rows with NULL, or counts those that differ, and so tells of
    /// every column that is made by an expression. Of a stored column it tells what COUNT of that column does.
    pub(super) fn counted_frame(&mut self, env: Env<'_>) -> Value {
        let relations = env.frame.relations.iter();
        let counted: Vec<Value> = relations.map(|named| self.counted(&named.derived)).collect();
        Value::together(&counted)
    }

    /// `t.*` inside a count.
    pub(super) fn counted_relation(&mut self, name: &ObjectName, env: Env<'_>) -> Value {
        let Some(named) = parts(name).and_then(|parts| self.starred_in_sight(&parts, env)) else {
            return Value::unknown(Vec::new());
        };
        self.counted(&named.derived)
    }

    fn counted(&mut self, derived: &Derived) -> Value {
        let made = self.of_outputs(derived, |value| value.bare().is_none());
        if derived.hides_columns() {
            made.or(Value::unknown(self.guesses(&derived.origins, "*")))
        } else {
            made
        }
    }

    /// The relation whose star `t.*` is.
    // SECURITY: one outside the join whose condition is being read may not be meant.
    pub(super) fn starred_in_sight<'e>(&mut self, parts: &[String], env: Env<'e>) -> Option<&'e Named> {
        let (named, is_sure) = called_in_sight(parts, env)?;
        if !is_sure {
            self.give_up("a star of a relation that may stand in another join");
        }
        Some(named)
    }

    /// `t.*` inside an expression.
    pub(super) fn whole_relation(&mut self, name: &ObjectName, env: Env<'_>) -> Value {
        let Some(named) = parts(name).and_then(|parts| self.starred_in_sight(&parts, env)) else {
            return Value::unknown(Vec::new());
        };
        self.whole(&named.derived)
    }
}

/// Whether this or a query around has CONNECT BY.
fn is_hierarchical(env: Env<'_>) -> bool {
    env.frame.is_hierarchical || env.outer.is_some_and(|outer| is_hierarchical(*outer))
}

/// The nearest relation that these parts of a name mean, and whether it is meant for certain.
fn called_in_sight<'e>(parts: &[String], env: Env<'e>) -> Option<(&'e Named, bool)> {
    let mut here = Some(env);
    while let Some(env) = here {
        if let Some(named) = env.frame.relations.called(parts).next() {
            return Some((named, env.frame.is_within(parts)));
        }
        here = env.outer.copied();
    }
    None
}

/// A column that SHOW or DESCRIBE answers: names, types, states and counts, or what somebody wrote, in which a detector
/// would find what is hidden while it is whole.
fn metadata(name: &str) -> Value {
    const PLAIN: [&str; 27] = [
        "name",
        "database_name",
        "schema_name",
        "table_name",
        "column_name",
        "created_on",
        "dropped_on",
        "updated_on",
        "kind",
        "type",
        "data_type",
        "null?",
        "null",
        "primary key",
        "unique key",
        "key_sequence",
        "constraint_name",
        "owner",
        "owner_role_type",
        "rows",
        "bytes",
        "retention_time",
        "state",
        "size",
        "is_current",
        "is_default",
        "is_secure",
    ];
    if PLAIN.contains(&name) { Value::constant() } else { Value::told() }
}

/// `$2` is the second column.
fn positional(derived: &Derived, name: &str) -> Option<Value> {
    let place: usize = name.strip_prefix('$')?.parse().ok()?;
    if !derived.is_complete || derived.is_unordered {
        return None;
    }
    derived.outputs.get(place.checked_sub(1)?).map(|output| output.value.clone())
}

/// What names stand for that need no brackets and show nothing stored.
pub(super) fn context_sort(name: &str) -> Option<Sort> {
    match name {
        "CURRENT_DATE" => Some(Sort::Date),
        "CURRENT_TIME" | "LOCALTIME" => Some(Sort::Time),
        "CURRENT_TIMESTAMP" | "LOCALTIMESTAMP" => Some(Sort::LocalTimestamp),
        "CURRENT_USER" | "METADATA$FILENAME" => Some(Sort::Text),
        "LEVEL" | "METADATA$FILE_ROW_NUMBER" => Some(Sort::Number(0)),
        _ => None,
    }
}
