//! Functions and procedures, from INFORMATION_SCHEMA.

use std::collections::{BTreeMap, BTreeSet};

use domain::ObjectName;
use gateway::ports::{Ids, Routine};
use gateway::{Fault, Origin};

use super::read::{BY_NAME, Row, ask};
use crate::error::Error;
use crate::upstream::SqlApi;

/// Whatever is made or altered anew has another moment, though the catalog role may not see its definition (a secure one, say).
const FUNCTIONS: &str = "SELECT FUNCTION_NAME, ARGUMENT_SIGNATURE, DATA_TYPE, FUNCTION_LANGUAGE, \
                         FUNCTION_DEFINITION, CREATED, LAST_ALTERED FROM {database}.INFORMATION_SCHEMA.FUNCTIONS \
                         WHERE FUNCTION_SCHEMA = ?";
const PROCEDURES: &str = "SELECT PROCEDURE_NAME, ARGUMENT_SIGNATURE, DATA_TYPE, PROCEDURE_LANGUAGE, \
                          PROCEDURE_DEFINITION, CREATED, LAST_ALTERED FROM {database}.INFORMATION_SCHEMA.PROCEDURES \
                          WHERE PROCEDURE_SCHEMA = ?";

/// What bears these names in one schema; what does not exist is absent.
pub(super) async fn of(
    account: &SqlApi,
    ids: &dyn Ids,
    (database, schema): &(String, String),
    names: &[&ObjectName],
) -> Result<BTreeMap<ObjectName, BTreeSet<Routine>>, Fault> {
    let asked: BTreeSet<&str> = names.iter().map(|name| name.name.as_str()).collect();
    let mut found: BTreeMap<ObjectName, BTreeSet<Routine>> = BTreeMap::new();
    for (kind, text, column) in
        [("function", FUNCTIONS, "FUNCTION_NAME"), ("procedure", PROCEDURES, "PROCEDURE_NAME")]
    {
        let mut text = text.to_owned();
        let mut bound = vec![schema.as_str()];
        if asked.len() <= BY_NAME {
            let places = vec!["?"; asked.len()].join(", ");
            text.push_str(&format!(" AND {column} IN ({places})"));
            bound.extend(&asked);
        }
        let rows: Vec<Row<7>> = ask(account, ids, database, &text, &bound).await?;
        for row in rows {
            let [name, said @ ..] = row;
            let name = name
                .ok_or(Error::Nonsense("a function has no name"))
                .map_err(|error| error.into_fault(Origin::Catalogs))?;
            if asked.contains(name.as_str()) {
                let routine = Routine { kind, said: said.to_vec() };
                found.entry(ObjectName::new(database, schema, name)).or_default().insert(routine);
            }
        }
    }
    Ok(found)
}
