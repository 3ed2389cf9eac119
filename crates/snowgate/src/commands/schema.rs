//! The catalog that `read` and `decide` read against: CREATE TABLE and CREATE VIEW statements in a file.

use std::path::Path;

use domain::{Catalog, ColumnRef, ObjectName};
use sql::{BrokenDefinition, Definitions};

use super::Broken;

/// Where unqualified names belong.
pub const DATABASE: &str = "ACME";
/// The schema in it.
pub const SCHEMA: &str = "PUBLIC";

/// What every database has besides its own tables.
const INFORMATION_SCHEMA: &str = include_str!("information_schema.sql");

/// The catalog that a file of statements makes, and of each database in it the information schema. What makes no table
/// and no view is passed over, and said.
pub fn catalog(path: &Path) -> Result<Catalog, Broken> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Broken::new(format!("{} cannot be read: {error}", path.display())))?;
    let Definitions { mut catalog, statements: written, broken } = sql::definitions(&text, DATABASE, SCHEMA);
    for BrokenDefinition { line, why } in broken {
        eprintln!("snowgate: the statement in line {line} of {} is passed over: {why}", path.display());
    }
    let made = catalog.relations.keys().filter(|name| name.schema != "INFORMATION_SCHEMA").count();
    if made == 0 {
        return Err(Broken::new(format!(
            "{} makes no table and no view; write CREATE TABLE and CREATE VIEW statements, each ended by `;`",
            path.display()
        )));
    }
    if made < written {
        eprintln!(
            "snowgate: {written} statements in {} make {made} tables and views; what others stand for is unknown",
            path.display()
        );
    }
    let databases: std::collections::BTreeSet<String> =
        catalog.loaded.iter().map(|(database, _)| database.clone()).collect();
    for database in databases {
        let Catalog { relations, loaded, digest: _ } =
            sql::catalog_from_ddl(INFORMATION_SCHEMA, &database, "INFORMATION_SCHEMA");
        for (name, relation) in relations {
            catalog.relations.entry(name).or_insert(relation);
        }
        catalog.loaded.extend(loaded);
    }
    Ok(catalog)
}

/// A name as it can be told: without the parts that neither the text nor a session names. Nothing is looked up or
/// decided by what is printed so.
pub fn object(name: &ObjectName) -> String {
    without_absent(&name.to_string())
}

/// Likewise a column.
pub fn column(name: &ColumnRef) -> String {
    without_absent(&name.to_string())
}

fn without_absent(name: &str) -> String {
    name.trim_start_matches("\"\".").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_information_schema_is_read_whole() {
        let catalog = sql::catalog_from_ddl(INFORMATION_SCHEMA, "D", "INFORMATION_SCHEMA");
        assert_eq!(catalog.relations.len(), sql::split(INFORMATION_SCHEMA).len());
        assert!(catalog.relations.values().all(|relation| relation.columns.len() > 4));
    }

    #[test]
    fn a_name_is_told_as_far_as_it_is_known() {
        assert_eq!(object(&ObjectName::new("", "", "T")), "T");
        assert_eq!(object(&ObjectName::new("", "S", "T")), "S.T");
        assert_eq!(object(&ObjectName::new("D", "S", "t")), "D.S.\"t\"");
    }
}
