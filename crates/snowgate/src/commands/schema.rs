//! The catalog that `read` and `decide` read against: CREATE TABLE and CREATE VIEW statements in a file.

use std::path::Path;

use domain::{Catalog, ColumnRef, ObjectName};
use sql::{BrokenDefinition, Definitions};

use super::Broken;
use crate::cli::PlaceArgs;

/// The catalog that a file of statements makes. What makes no table and no view is passed over, and said.
pub fn catalog(path: &Path, place: &PlaceArgs) -> Result<Catalog, Broken> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Broken::new(format!("{} cannot be read: {error}", path.display())))?;
    let Definitions { catalog, statements: written, broken } =
        sql::definitions(&text, &place.database, &place.schema_name);
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
    fn a_name_is_told_as_far_as_it_is_known() {
        assert_eq!(object(&ObjectName::new("", "", "T")), "T");
        assert_eq!(object(&ObjectName::new("", "S", "T")), "S.T");
        assert_eq!(object(&ObjectName::new("D", "S", "t")), "D.S.\"t\"");
    }
}
