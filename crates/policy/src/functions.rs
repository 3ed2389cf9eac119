//! Where a function or procedure may lie that is called by less than its whole name.

use std::collections::BTreeSet;

use domain::{
    Case, Class, Context, FlaggedFunction, FunctionName, ObjectName, Relation, RelationKind, Statement,
};

/// Where Snowflake looks for what has no schema, besides the session's own; and the database of what is its own.
const PUBLIC: &str = "PUBLIC";
const SNOWFLAKE: &str = "SNOWFLAKE";

/// The schemas of its models there, each of which the reader flags whole.
const MODELS: [&str; 2] = ["CORTEX", "ML"];

/// The full names that a function or procedure may have which a statement calls in this context; none where they cannot be told,
/// and no name where it is one of Snowflake's own.
///
/// `beside` are the schemas (database, schema) whose views, tasks or procedures may call it: there it is looked for as well.
pub fn full_names(
    function: &FlaggedFunction,
    context: &Context,
    beside: &BTreeSet<(&str, &str)>,
) -> Option<BTreeSet<ObjectName>> {
    let FlaggedFunction { name, class } = function;
    let parts: Vec<&str> = name.parts().iter().map(String::as_str).collect();
    let is_model =
        matches!(parts.as_slice(), [database, of] if *database == SNOWFLAKE && MODELS.contains(of));
    if name.is_of_snowflake() || (*class == Class::Export && is_model) {
        return Some(BTreeSet::new());
    }
    if parts.contains(&FunctionName::UNTOLD) {
        return None;
    }
    let or_public = |schema: &'_ str| if schema.is_empty() { PUBLIC.to_owned() } else { schema.to_owned() };
    let database = context.database.as_deref();
    Some(match parts.as_slice() {
        [database, schema, name] => [ObjectName::new(*database, or_public(schema), *name)].into(),
        // SECURITY: without a database the user's own default decides, which nobody here knows.
        [schema, name] => {
            let databases: BTreeSet<&str> =
                beside.iter().map(|(database, _)| *database).chain([database?]).collect();
            databases
                .into_iter()
                .map(|database| ObjectName::new(database, or_public(schema), *name))
                .collect()
        }
        [_] if database.is_none() && is_built_in(function) => BTreeSet::new(),
        [name] => {
            let session = [Some(PUBLIC), context.schema.as_deref()].into_iter().flatten();
            let database = database?;
            let places = session.map(|schema| (database, schema)).chain(beside.iter().copied());
            places.map(|(database, schema)| ObjectName::new(database, schema, *name)).collect()
        }
        _ => return None,
    })
}

/// Whether the reader knows it for one of Snowflake's own by its single name, which nobody's stands before.
pub(crate) fn is_built_in(function: &FlaggedFunction) -> bool {
    let FlaggedFunction { name, class } = function;
    matches!(name.parts(), [name] if !matches!(class, Class::Opaque | Class::Call) || name.starts_with("SYSTEM$"))
}

/// The same names for a case: beside the views that it reads, and beside what it defines.
pub(crate) fn full_names_in(case: &Case<'_>, function: &FlaggedFunction) -> Option<BTreeSet<ObjectName>> {
    let Case { statement, context, catalog, .. } = case;
    let Statement { footprint, kind, .. } = statement;
    let is_table = |name: &&ObjectName| {
        matches!(catalog.relation(name), Some(Relation { kind: RelationKind::Table, .. }))
    };
    let defines = ["create_", "replace_", "alter_"].iter().any(|verb| kind.as_str().starts_with(verb));
    let read = footprint.reads.iter().filter(|name| !is_table(name));
    let made = footprint.writes.iter().filter(|_| defines);
    let is_plain = |name: &&ObjectName| !name.database.is_empty() && !name.schema.is_empty();
    let beside = read.chain(made).filter(is_plain);
    let beside = beside.map(|name| (name.database.as_str(), name.schema.as_str())).collect();
    full_names(function, context, &beside)
}
