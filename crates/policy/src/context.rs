//! Question: may the statement run under these names?

use std::collections::BTreeSet;

use cedar_policy::EntityUid;
use domain::{Case, Effect};

use crate::asker::{Asker, named};
use crate::policies::Answer;
use crate::refusal::No;
use crate::vocabulary::entity;

/// Asks for the role, the warehouse, the database and the schema, and for those that the statement switches to.
pub(crate) fn judge(asker: &mut Asker<'_>, case: &Case<'_>, noes: &mut Vec<No>) {
    let vocabulary = &asker.policies().vocabulary;
    let context = case.context;
    let absent = |part: &'static str| (part, entity(&vocabulary.absent, part));
    let mut parts: Vec<(&'static str, EntityUid)> = vec![
        context
            .role
            .as_deref()
            .map_or_else(|| absent("role"), |name| ("role", named(&vocabulary.role, name))),
        context
            .warehouse
            .as_deref()
            .map_or_else(|| absent("warehouse"), |name| ("warehouse", named(&vocabulary.warehouse, name))),
        context
            .database
            .as_deref()
            .map_or_else(|| absent("database"), |name| ("database", vocabulary.database(name))),
        match (&context.database, &context.schema) {
            (Some(database), Some(schema)) => ("schema", vocabulary.schema(database, schema)),
            _ => absent("schema"),
        },
    ];
    for effect in &case.statement.effects {
        match effect {
            Effect::UseRole(name) => parts.push(("role", named(&vocabulary.role, name))),
            Effect::UseWarehouse(name) => parts.push(("warehouse", named(&vocabulary.warehouse, name))),
            Effect::UseDatabase(name) => parts.push(("database", vocabulary.database(name))),
            Effect::UseSchema { database, schema } => match database.as_ref().or(context.database.as_ref()) {
                Some(database) => {
                    parts.push(("database", vocabulary.database(database)));
                    parts.push(("schema", vocabulary.schema(database, schema)));
                }
                None => parts.push(absent("database")),
            },
            Effect::SetVariable { .. } | Effect::Unknown => {}
        }
    }
    for (part, resource) in parts {
        let is_absent = *resource.type_name() == vocabulary.absent;
        match asker.may_use(resource) {
            Answer::Granted(_) | Answer::Broken(_) => {}
            Answer::Forbidden(rules) => noes.push(No::Forbidden(rules)),
            Answer::NotGranted if is_absent => noes.push(No::AbsentContext(part)),
            Answer::NotGranted => noes.push(No::Context(part)),
        }
    }
}

/// The schemas that the context names or the statement switches to.
pub(crate) fn schemas_used<'a>(case: &'a Case<'a>) -> BTreeSet<(&'a str, &'a str)> {
    let mut database = case.context.database.as_deref();
    let mut schemas: BTreeSet<(&str, &str)> =
        database.zip(case.context.schema.as_deref()).into_iter().collect();
    for effect in &case.statement.effects {
        match effect {
            Effect::UseDatabase(name) => database = Some(name),
            Effect::UseSchema { database: named, schema } => {
                schemas.extend(named.as_deref().or(database).map(|database| (database, schema.as_str())));
            }
            Effect::UseRole(_) | Effect::UseWarehouse(_) | Effect::SetVariable { .. } | Effect::Unknown => {}
        }
    }
    schemas
}
