//! Names in FROM: what they mean, and what the stored object, the stage or the table function shows.

use std::rc::Rc;

use domain::{ObjectName, RelationKind};
use sqlparser::ast::{
    self, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, TableAlias, TableVersion,
};

use super::frame::{Env, Named, Queries};
use super::reader::Reader;
use super::size::Size;
use super::sort::Sort;
use super::value::{Derived, Output, Value};
use crate::information;
use crate::names::{function_name, is_indirect, parts};
use crate::stages::Stage;

impl Reader<'_> {
    /// A name in FROM: a common table expression, a step of a pipeline, a stage, a table, a view.
    pub(super) fn table(
        &mut self,
        name: &ast::ObjectName,
        version: Option<&TableVersion>,
        alias: Option<&TableAlias>,
        env: Env<'_>,
    ) -> Named {
        if let Some(version) = version {
            self.version(version, env);
        }
        let Some(parts) = parts(name) else {
            self.give_up("a table named by an expression");
            return Named::nameless(Derived::default());
        };
        if let Some(written) = stage_in(name) {
            let derived = self.stage(&written);
            return self.aliased(derived, alias, Vec::new());
        }
        if let [only] = parts.as_slice()
            && let Some(named) = self.nearby(only, alias, env.queries)
        {
            // SECURITY: a text names what is stored, and only that has a past; whether upstream takes the common table all the
            // same is not written down.
            let is_text = name.0.iter().any(|part| part.as_ident().is_some_and(is_indirect));
            if is_text || version.is_some() {
                self.give_up("a common table where a stored one may be meant");
            }
            return named;
        }
        let places = self.namespace.places(&parts);
        let Some(object) = places.first().cloned() else {
            self.give_up("a table name with too many parts");
            return Named::nameless(Derived::default());
        };
        let (object, derived) = match self.found(&places) {
            Some(found) => {
                let derived = self.relation(&found);
                let derived = self.beside_public(&found, &places, derived);
                (found, derived)
            }
            None => {
                let derived = self.relation(&object);
                // SECURITY: it may be any of them.
                self.reads.extend(places);
                (object, derived)
            }
        };
        let derived = match version {
            None => derived,
            Some(_) if !self.may_unfold(derived.outputs.len()) => derived,
            Some(TableVersion::Changes { .. }) => Rc::new(changed(&derived)),
            Some(
                TableVersion::ForSystemTimeAsOf(_)
                | TableVersion::TimestampAsOf(_)
                | TableVersion::VersionAsOf(_)
                | TableVersion::Function(_),
            ) => Rc::new(Derived { is_unordered: true, ..Derived::clone(&derived) }),
        };
        let qualifier = vec![object.database, object.schema, object.name];
        self.shared(derived, alias, qualifier)
    }

    /// What a single name means before any stored object is looked for.
    fn nearby(&mut self, name: &str, alias: Option<&TableAlias>, queries: &Queries) -> Option<Named> {
        let qualifier = vec![name.to_owned()];
        if let Some(derived) = queries.find(name).or_else(|| self.steps.get(name).cloned()) {
            return Some(self.shared(derived, alias, qualifier));
        }
        if name.starts_with('\0') {
            self.give_up("a step that the pipeline does not have");
        }
        (name == "DUAL").then(|| {
            let stored = self.namespace.places(&qualifier);
            if stored.iter().any(|place| self.scope.catalog.relation(place).is_some()) {
                self.give_up("a table called DUAL");
            }
            // How many columns it has is not written down.
            let derived = Derived { is_unordered: true, ..Derived::made(Vec::new(), Size::NONE) };
            self.aliased(derived, alias, qualifier)
        })
    }

    /// The object that is meant, where several may be and the catalog tells.
    fn found(&mut self, places: &[ObjectName]) -> Option<ObjectName> {
        let catalog = self.scope.catalog;
        for (at, place) in places.iter().enumerate() {
            if catalog.relation(place).is_some() {
                // Nobody puts anything into the schema that describes the database.
                let is_shadowed = places.iter().take(at).any(|place| place.schema != information::SCHEMA);
                if is_shadowed {
                    // SECURITY: something of that name may stand in the session's own schema by now, or where the catalog's
                    // role does not see it: then that one is meant.
                    self.reads.extend(places.iter().take(at).cloned());
                    self.give_up(
                        "a name without its schema that only PUBLIC seems to have: write PUBLIC before it",
                    );
                }
                return Some(place.clone());
            }
            // Whether it is there is not known, so neither is whether the next is meant.
            if !catalog.has_schema(&place.database, &place.schema) {
                self.needs(place);
                return None;
            }
        }
        None
    }

    /// The columns of what was found, and of what is meant once that is gone.
    // SECURITY: whoever may drop or rename it makes the name mean the other one, while the catalog still has it.
    fn beside_public(
        &mut self,
        found: &ObjectName,
        places: &[ObjectName],
        derived: Rc<Derived>,
    ) -> Rc<Derived> {
        let catalog = self.scope.catalog;
        let Some(other) = places.iter().find(|place| *place != found && catalog.relation(place).is_some())
        else {
            return derived;
        };
        let other = self.relation(other);
        if !self.may_unfold(derived.outputs.len()) || !self.charge(derived.outputs.len()) {
            return derived;
        }
        let mut either = Derived::clone(&derived);
        for output in &mut either.outputs {
            let name = output.name.as_deref().unwrap_or_default();
            if let Some(value) = other.value(name) {
                output.value = std::mem::take(&mut output.value).or(value);
            }
        }
        let names = |derived: &Derived| -> Vec<Option<Rc<str>>> {
            derived.outputs.iter().map(|output| output.name.clone()).collect()
        };
        either.is_unordered |= names(&derived) != names(&other);
        Rc::new(either)
    }

    /// The schema of the object has to be loaded.
    fn needs(&mut self, object: &ObjectName) {
        if !object.database.is_empty() && !object.schema.is_empty() {
            self.missing.insert((object.database.clone(), object.schema.clone()));
        }
    }

    /// A stored table or view of the catalog, noted as read.
    pub(super) fn relation(&mut self, object: &ObjectName) -> Rc<Derived> {
        self.reads.insert(object.clone());
        let id = self.object(object);
        let scope = self.scope;
        let Some(relation) = scope.catalog.relation(object) else {
            if !scope.catalog.has_schema(&object.database, &object.schema) {
                self.needs(object);
            }
            self.doubt("a table that the catalog does not have");
            return Rc::new(Derived::new(Vec::new(), false, vec![id]));
        };
        match &relation.kind {
            RelationKind::Table => self.stored(id, relation),
            // Nobody but Snowflake defines what is in there, and it shows no definition.
            RelationKind::View { definition: None } if object.schema == information::SCHEMA => {
                self.stored(id, relation)
            }
            RelationKind::View { definition } => self.view(id, object, relation, definition.as_deref()),
        }
    }

    /// Files: nothing is known of what they hold.
    fn stage(&mut self, written: &str) -> Derived {
        self.doubt("files of a stage");
        let name = Stage::told(written).object(&self.namespace);
        self.reads.insert(name.clone());
        let id = self.object(&name);
        Derived::new(Vec::new(), false, vec![id])
    }

    fn version(&mut self, version: &TableVersion, env: Env<'_>) {
        let exprs: Vec<&Expr> = match version {
            TableVersion::ForSystemTimeAsOf(expr)
            | TableVersion::TimestampAsOf(expr)
            | TableVersion::VersionAsOf(expr)
            | TableVersion::Function(expr) => vec![expr],
            TableVersion::Changes { changes, at, end } => {
                [Some(changes), Some(at), end.as_ref()].into_iter().flatten().collect()
            }
        };
        for expr in exprs {
            // `AT (offset => …)` is parsed as a call of a function named AT.
            let Expr::Function(function) = expr else {
                let value = self.expr(expr, env);
                self.test_if_traced(&value);
                continue;
            };
            let FunctionArguments::List(list) = &function.args else { continue };
            for arg in &list.args {
                // `INFORMATION => DEFAULT` names nothing.
                if let FunctionArg::Named { name, arg: FunctionArgExpr::Expr(inner), .. } = arg
                    && !name.value.eq_ignore_ascii_case("INFORMATION")
                {
                    let value = self.expr(inner, env);
                    self.test_if_traced(&value);
                } else if !matches!(arg, FunctionArg::Named { .. }) {
                    self.give_up("a point in time that is written unlike any");
                }
            }
        }
    }

    /// `TABLE(…)`: a table function, or nothing that we know.
    pub(super) fn table_expression(&mut self, expr: &Expr, env: Env<'_>) -> Derived {
        let Expr::Function(function) = expr else {
            let value = self.expr(expr, env);
            self.test_if_traced(&value);
            self.doubt("a table made by an expression");
            return Derived::default();
        };
        // `TABLE(f(…) OVER (PARTITION BY …))`: what divides the rows decides what the function makes of them.
        if let Some(over) = self.over(function, env) {
            self.test_if_traced(&over);
        }
        if self.has_more(function) {
            self.give_up("a table function with a clause that it cannot have");
        }
        match &function.args {
            FunctionArguments::List(list) => self.table_function(&function.name, &list.args, env),
            FunctionArguments::None => self.table_function(&function.name, &[], env),
            FunctionArguments::Subquery(query) => {
                let value = self.single_output(query, env);
                self.test_if_traced(&value);
                self.table_function(&function.name, &[], env)
            }
        }
    }

    fn has_more(&self, function: &Function) -> bool {
        let has_clauses = match &function.args {
            FunctionArguments::List(list) => !list.clauses.is_empty() || list.duplicate_treatment.is_some(),
            FunctionArguments::None | FunctionArguments::Subquery(_) => false,
        };
        has_clauses
            || function.filter.is_some()
            || !function.within_group.is_empty()
            || !matches!(function.parameters, FunctionArguments::None)
    }

    /// `TABLE(f(…))` and `LATERAL f(…)`.
    pub(super) fn table_function(
        &mut self,
        name: &ast::ObjectName,
        args: &[FunctionArg],
        env: Env<'_>,
    ) -> Derived {
        let (full, last) = function_name(name);
        let mut input = Value::constant();
        for arg in args {
            let inner = match arg {
                FunctionArg::Named { arg, .. }
                | FunctionArg::ExprNamed { arg, .. }
                | FunctionArg::Unnamed(arg) => arg,
            };
            let value = match inner {
                FunctionArgExpr::Expr(expr) => self.expr(expr, env),
                FunctionArgExpr::QualifiedWildcard(_)
                | FunctionArgExpr::Wildcard
                | FunctionArgExpr::WildcardWithOptions(_) => self.whole_frame(env),
            };
            input = input.with(value);
        }
        // How many rows there are depends on what goes in.
        self.test_if_traced(&input);
        let columns: &[&str] = match last.as_str() {
            "FLATTEN" => &["SEQ", "KEY", "PATH", "INDEX", "VALUE", "THIS"],
            "SPLIT_TO_TABLE" | "STRTOK_SPLIT_TO_TABLE" => &["SEQ", "INDEX", "VALUE"],
            "GENERATOR" => &[],
            _ => {
                self.call(&full, &last, name.0.len().max(2));
                self.doubt("a table function whose columns are not known");
                return self.unknown_rows(name);
            }
        };
        if name.0.len() > 1 {
            self.call(&full, &last, name.0.len());
        }
        let is_flattened = last == "FLATTEN";
        let outputs = columns
            .iter()
            .map(|column| match *column {
                "SEQ" | "INDEX" => {
                    let value = Value { sources: Vec::new(), ..input.clone() };
                    Output::named(column, value.made(Sort::Number(0)))
                }
                "VALUE" | "THIS" if is_flattened => Output::named(column, input.clone().made(Sort::Variant)),
                column => Output::named(column, input.clone().made(Sort::Text)),
            })
            .collect();
        // What is stored has as many elements as it has.
        Derived::made(outputs, if last == "GENERATOR" { Size::ANY } else { input.size.max(Size::of(1)) })
    }
}

impl Reader<'_> {
    /// What a function answers whose columns nobody knows. Whatever tests one tests a column of the function, so that
    /// policy is asked about it.
    fn unknown_rows(&mut self, name: &ast::ObjectName) -> Derived {
        let function = parts(name).and_then(|parts| self.namespace.complete(&parts));
        let origins = function.map(|function| self.object(&function)).into_iter().collect();
        Derived { copies: Size::ANY, ..Derived::new(Vec::new(), false, origins) }
    }
}

/// A stage as it is written, where a name is one: `@d.s."n"/x`, `'@n'`. In double quotes a name is a table's.
fn stage_in(name: &ast::ObjectName) -> Option<String> {
    let parts: Option<Vec<&str>> =
        name.0.iter().map(|part| part.as_ident().map(|ident| ident.value.as_str())).collect();
    let first = name.0.first()?.as_ident()?;
    let is_stage = first.quote_style != Some('"') && first.value.starts_with('@');
    parts.filter(|_| is_stage).map(|parts| parts.join("."))
}

/// What `CHANGES` adds to the columns of a table.
fn changed(derived: &Derived) -> Derived {
    let mut changed = Derived { is_unordered: true, ..derived.clone() };
    changed.outputs.extend(
        [
            ("METADATA$ACTION", Sort::Text),
            ("METADATA$ISUPDATE", Sort::Boolean),
            ("METADATA$ROW_ID", Sort::Text),
        ]
        .map(|(name, sort)| Output::named(name, Value::constant_of(sort))),
    );
    changed
}
