//! Batches: statements in order, each read in the session that those before it leave behind.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use domain::{Bindings, ColumnRef, Context, Effect, Footprint, Lineage, ObjectName, Statement};

use crate::Scope;
use crate::lineage::{BYTES_OF_NAMES, MOST_TOLD, bytes_of_object};
use crate::read::{LONG_NAME, MOST_STATEMENTS, has_long_name, is_long_name, is_too_long, opaque, read_after};
use crate::split::split;

/// [`Statement::why`] of a text with more than [`MOST_STATEMENTS`], which is read as one statement that nobody can read.
pub const TOO_MANY: &str = "too many statements";

/// Reads the statements of a batch in order. USE and SET change what the following ones are read against;
/// after anything whose effect is not known, and for what an earlier statement has defined or written, the
/// following ones are opaque.
pub fn read_batch(text: &str, scope: &Scope<'_>) -> Vec<(Range<usize>, Statement)> {
    if is_too_long(text) {
        return vec![(0..text.len(), opaque("a text longer than 10 MB"))];
    }
    // Each statement is held with the names that it runs under.
    if has_long_name(scope.context) {
        return vec![(0..text.len(), opaque(LONG_NAME))];
    }
    let mut session = Session::new(scope);
    let ranges = split(text);
    // One for all: nobody holds, judges or records as many as a text can have.
    if ranges.len() > MOST_STATEMENTS {
        return vec![(0..text.len(), opaque(TOO_MANY))];
    }
    // Which statement of several a bound value belongs to is not told.
    let none = Bindings::new();
    let bindings = if ranges.len() > 1 { &none } else { scope.bindings };
    let scope = &Scope { bindings, ..*scope };
    ranges
        .into_iter()
        .map(|range| {
            let statement = session.read(text.get(range.clone()).unwrap_or(""), scope);
            (range, statement)
        })
        .collect()
}

/// What earlier statements leave behind.
#[derive(Clone)]
pub(crate) struct Session {
    context: Context,
    variables: BTreeMap<String, Option<String>>,
    changed: BTreeSet<ObjectName>,
    is_lost: bool,
    /// The work of reading so far.
    spent: u32,
    /// Columns that were shown and tested so far, and objects.
    told: usize,
    /// Bytes of the names of what was read, written and called so far.
    named: usize,
}

impl Session {
    pub(crate) fn new(scope: &Scope<'_>) -> Self {
        Self {
            context: scope.context.clone(),
            variables: scope.variables.clone(),
            changed: BTreeSet::new(),
            is_lost: false,
            spent: 0,
            told: 0,
            named: 0,
        }
    }

    fn read(&mut self, text: &str, outer: &Scope<'_>) -> Statement {
        let mut spent = self.spent;
        let statement = match self.scope(outer) {
            Some(scope) => self.unless_changed(read_after(text, &scope, &mut spent)),
            None => Self::lost(),
        };
        self.spent = spent;
        let is_lengthened = statement.effects.iter().any(names_long);
        let statement = if is_lengthened { opaque(LONG_NAME) } else { statement };
        let statement = self.unless_too_broad(statement);
        self.pass(&statement);
        statement
    }

    /// The statement, opaque when it and those before it tell of more columns than one alone may: all of them are held at once.
    fn unless_too_broad(&mut self, statement: Statement) -> Statement {
        let Lineage { outputs, tests, ties, touched } = &statement.lineage;
        let sum = |sizes: &mut dyn Iterator<Item = usize>| sizes.fold(0, usize::saturating_add);
        let bytes = |column: &ColumnRef| bytes_of_object(&column.object).saturating_add(column.column.len());
        let shown = outputs.iter().flatten().map(|output| {
            let paths = output.shows.iter().flat_map(|shown| &shown.path).map(String::len);
            let columns = output.shows.iter().map(|shown| bytes(&shown.column));
            let names = sum(&mut paths.chain(columns).chain(output.name.iter().map(String::len)));
            output.shows.len().saturating_add(1).saturating_add(names / BYTES_OF_NAMES)
        });
        let tested = tests.iter().flat_map(|tested| [Some(&tested.column), tested.with.as_ref()]).flatten();
        let others = tested.chain(ties.iter().flatten()).chain(touched).map(bytes);
        let others = sum(&mut others.into_iter()) / BYTES_OF_NAMES;
        let Footprint { reads, writes } = &statement.footprint;
        let objects = reads.iter().chain(writes).map(bytes_of_object);
        let missing = statement.missing.iter().map(|(database, schema)| database.len() + schema.len());
        let functions = statement.functions.iter().flat_map(|one| one.name.parts()).map(|part| part.len());
        let named = sum(&mut objects.chain(missing).chain(functions));
        self.named = self.named.saturating_add(named);
        self.told = sum(&mut shown.chain([tests.len(), others, named / BYTES_OF_NAMES, self.told]));
        // A function is looked for beside everything that is named: each name of one stands for as many.
        let schemas: BTreeSet<_> =
            reads.iter().chain(writes).map(|name| (&name.database, &name.schema)).collect();
        let sought = schemas.len().saturating_mul(statement.functions.len());
        if self.told <= MOST_TOLD && sought <= MOST_TOLD {
            return statement;
        }
        let told = opaque("one of statements with too many columns");
        if self.named > MOST_TOLD * BYTES_OF_NAMES || sought > MOST_TOLD {
            return told;
        }
        // What it reads and changes, and what it leaves behind, is known all the same.
        let Statement { footprint, missing, functions, effects, .. } = statement;
        Statement { footprint, missing, functions, effects, ..told }
    }

    /// What the next statement is read against; none when nobody can tell.
    pub(crate) fn scope<'s>(&'s self, outer: &Scope<'s>) -> Option<Scope<'s>> {
        let scope = Scope { context: &self.context, variables: &self.variables, ..*outer };
        (!self.is_lost).then_some(scope)
    }

    /// The statement that stands where there is no scope.
    pub(crate) fn lost() -> Statement {
        opaque("follows a statement whose effect is not known")
    }

    /// The statement, opaque when it reads what an earlier one has changed.
    pub(crate) fn unless_changed(&self, statement: Statement) -> Statement {
        if !statement.footprint.reads.iter().any(|read| self.changed.contains(read)) {
            return statement;
        }
        let Statement { footprint, missing, effects, .. } = statement;
        Statement { footprint, missing, effects, ..opaque("reads what the batch has changed") }
    }

    /// Takes note of a statement that was read.
    pub(crate) fn pass(&mut self, statement: &Statement) {
        self.changed.extend(statement.footprint.writes.iter().cloned());
        for effect in &statement.effects {
            self.apply(effect);
        }
    }

    fn apply(&mut self, effect: &Effect) {
        self.context.pass(effect);
        match effect {
            Effect::UseRole(_)
            | Effect::UseWarehouse(_)
            | Effect::UseDatabase(_)
            | Effect::UseSchema { .. } => {}
            // SECURITY: what it holds may stand wherever a name or a value does, in ways that nobody foresaw.
            Effect::SetVariable { value: None, .. } => self.is_lost = true,
            Effect::SetVariable { name, value } => {
                self.variables.insert(name.clone(), value.clone());
            }
            Effect::Unknown => self.is_lost = true,
        }
    }
}

/// Whether what follows would run under a longer name than any.
fn names_long(effect: &Effect) -> bool {
    match effect {
        Effect::UseRole(name) | Effect::UseWarehouse(name) | Effect::UseDatabase(name) => is_long_name(name),
        Effect::UseSchema { database, schema } => {
            is_long_name(schema) || database.as_deref().is_some_and(is_long_name)
        }
        Effect::SetVariable { name: _, value: _ } | Effect::Unknown => false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use domain::{Catalog, Class, Context};

    use super::read_batch;
    use crate::Scope;

    #[track_caller]
    fn check(text: &str, expected: &[(Class, &[&str])]) {
        let (context, catalog) = (Context::default(), Catalog::empty());
        let (bindings, variables) = (BTreeMap::new(), BTreeMap::new());
        let scope =
            Scope { context: &context, catalog: &catalog, bindings: &bindings, variables: &variables };
        let found = read_batch(text, &scope);
        let reads: Vec<(Class, Vec<String>)> = found
            .iter()
            .map(|(_, s)| (s.class, s.footprint.reads.iter().map(ToString::to_string).collect()))
            .collect();
        let expected: Vec<(Class, Vec<String>)> = expected
            .iter()
            .map(|(class, reads)| (*class, reads.iter().map(|r| (*r).to_owned()).collect()))
            .collect();
        assert_eq!(reads, expected, "{text}");
    }

    #[test]
    fn use_and_set_change_what_follows() {
        check(
            "use schema d.s; select * from t; set v = 'x.y.z'; select * from identifier($v)",
            &[
                (Class::Session, &[]),
                // Where the catalog does not tell, the next schema of the search path may be meant as well.
                (Class::Read, &["D.PUBLIC.T", "D.S.T"]),
                (Class::Session, &[]),
                (Class::Read, &["X.Y.Z"]),
            ],
        );
        check("use database d; select * from t", &[(Class::Session, &[]), (Class::Read, &["D.PUBLIC.T"])]);
    }

    #[test]
    fn what_the_batch_itself_has_changed_is_opaque_to_it() {
        check(
            "create view d.s.v as select 1; select * from d.s.v; select * from d.s.w",
            &[(Class::Define, &[]), (Class::Opaque, &["D.S.V"]), (Class::Read, &["D.S.W"])],
        );
        check("call p(); select 1", &[(Class::Call, &[]), (Class::Opaque, &[])]);
    }

    #[test]
    fn what_changes_more_than_it_names_leaves_nothing_certain() {
        for change in [
            "alter schema d.s swap with d.s2",
            "alter database d rename to e",
            "create or replace schema d.s clone d.s2",
            "undrop schema d.s",
            "create or replace function upper(x varchar) returns varchar as 'x'",
            "create table identifier($t) as select 1 as a",
        ] {
            let text = format!("{change}; select a from d.s.t");
            let (context, catalog) = (Context::default(), Catalog::empty());
            let (bindings, variables) = (BTreeMap::new(), BTreeMap::new());
            let scope =
                Scope { context: &context, catalog: &catalog, bindings: &bindings, variables: &variables };
            let found = read_batch(&text, &scope);
            assert_eq!(found[1].1.class, Class::Opaque, "{text}");
        }
        check(
            "comment on table d.s.t is 'x'; create stream d.s.st on table d.s.u; select 1 from d.s.w",
            &[(Class::Define, &[]), (Class::Define, &["D.S.U"]), (Class::Read, &["D.S.W"])],
        );
    }
}
