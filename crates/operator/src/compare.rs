//! What differs between two bundles, shown.

use std::collections::BTreeMap;
use std::path::Path;

use comparison::{Asking, Cases, Side, differences};
use domain::Catalog;
use gateway::ports::Clock;
use local::SystemClock;
use policy::{Bundle, Problem};
use sql::{BrokenDefinition, Definitions};

use crate::cli::CaseArgs;
use crate::ended::Ended;

/// A bundle's files, by their paths in it.
pub type Files = BTreeMap<String, Vec<u8>>;

/// The bundle in a folder, which must be good.
pub fn folder(dir: &Path) -> Result<Files, Ended> {
    if !dir.is_dir() {
        return Err(Ended::broken(format!("there is no folder `{}`", dir.display())));
    }
    let files = local::bundle_files(dir)?;
    match Bundle::parse(&files) {
        Ok(_) => Ok(files),
        Err(problems) => Err(not_good(&problems, &dir.display().to_string())),
    }
}

fn not_good(problems: &[Problem], what: &str) -> Ended {
    let told: Vec<String> = problems.iter().take(10).map(ToString::to_string).collect();
    Ended::broken(format!(
        "the policy bundle is not good:\n  {}\nnext: snowgate policy check {what}",
        told.join("\n  ")
    ))
}

/// Shows it.
pub fn show(before: &Files, after: &Files, args: &CaseArgs) -> Result<(), Ended> {
    let side = |files| Side::parse(files).map_err(|problems| not_good(&problems, "…"));
    let (before, after) = (side(before)?, side(after)?);
    let cases = Cases::of_bundles([&before, &after], &asking(args)?);
    let found = differences(&before, &after, &cases, SystemClock.now());
    say!("{} → {}", before.bundle.digest(), after.bundle.digest());
    say!("{}", found.to_string().trim_end());
    Ok(())
}

fn asking(args: &CaseArgs) -> Result<Asking, Ended> {
    let CaseArgs { schema, statements, database, schema_name, role, warehouse, groups } = args;
    let place = database.clone().map(|database| (database, schema_name.clone()));
    let catalog = match (schema, &place) {
        (Some(path), Some((database, schema))) => Some(catalog(path, database, schema)?),
        (Some(_), None) => return Err(Ended::usage("--schema needs --database")),
        (None, _) => None,
    };
    Ok(Asking {
        groups: groups.clone(),
        role: role.clone(),
        warehouse: warehouse.clone(),
        place,
        catalog,
        statements: statements.as_ref().map(|path| read(path)).transpose()?,
    })
}

fn catalog(path: &Path, database: &str, schema: &str) -> Result<Catalog, Ended> {
    let Definitions { catalog, statements: _, broken } = sql::definitions(&read(path)?, database, schema);
    for BrokenDefinition { line, why } in broken {
        eprintln!("snowgate-aws: the statement in line {line} of {} is passed over: {why}", path.display());
    }
    if catalog.relations.keys().all(|name| name.schema == "INFORMATION_SCHEMA") {
        return Err(Ended::broken(format!(
            "{} makes no table and no view; write CREATE TABLE and CREATE VIEW statements, each ended by `;`",
            path.display()
        )));
    }
    Ok(catalog)
}

fn read(path: &Path) -> Result<String, Ended> {
    std::fs::read_to_string(path)
        .map_err(|error| Ended::broken(format!("{} cannot be read: {error}", path.display())))
}
