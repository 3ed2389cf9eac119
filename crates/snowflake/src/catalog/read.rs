//! The fixed statements over INFORMATION_SCHEMA, what they answer, and how any fixed statement is asked.
//!
//! SECURITY: the texts are fixed. A database's name, which no binding can stand for, is put in as a quoted
//! identifier; every other name is bound.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Binding, Bindings, Column, ObjectName, Relation, RelationKind, SqlType};
use gateway::ports::Ids;
use gateway::{Fault, Origin};
use tokio::time::{Instant, timeout};

use super::view::query_of;
use crate::client::{Done, Standing};
use crate::error::Error;
use crate::submission::Submission;
use crate::transport::Failed;
use crate::upstream::SqlApi;

/// Snowflake's codes for "does not exist or not authorized": an object, an object of SHOW, a name in the request.
const ABSENT: [&str; 3] = ["002003", "002043", "390201"];
/// How many versions are asked for by name; above, the whole schema's are.
pub(super) const BY_NAME: usize = 100;

const TABLES: &str = "SELECT TABLE_NAME, TABLE_TYPE, LAST_DDL FROM {database}.INFORMATION_SCHEMA.TABLES \
                      WHERE TABLE_SCHEMA = ?";
const COLUMNS: &str = "SELECT TABLE_NAME, COLUMN_NAME, IS_NULLABLE, DATA_TYPE, CHARACTER_MAXIMUM_LENGTH, \
                       NUMERIC_PRECISION, NUMERIC_SCALE, DATETIME_PRECISION \
                       FROM {database}.INFORMATION_SCHEMA.COLUMNS \
                       WHERE TABLE_SCHEMA = ? ORDER BY TABLE_NAME, ORDINAL_POSITION";
const VIEWS: &str = "SELECT TABLE_NAME, VIEW_DEFINITION FROM {database}.INFORMATION_SCHEMA.VIEWS \
                     WHERE TABLE_SCHEMA = ?";
const VERSIONS: &str = "SELECT TABLE_NAME, LAST_DDL FROM {database}.INFORMATION_SCHEMA.TABLES \
                        WHERE TABLE_SCHEMA = ?";

pub(super) type Row<const N: usize> = [Option<String>; N];

/// Everything of one schema; nothing when it does not exist.
///
/// The versions are read first: what changes while the rest is read then carries a version that is too old, which is
/// found when versions are compared before a release.
pub(super) async fn schema(
    account: &SqlApi,
    ids: &dyn Ids,
    (database, schema): &(String, String),
) -> Result<BTreeMap<ObjectName, Relation>, Fault> {
    let names = [schema.as_str()];
    let tables: Vec<Row<3>> = ask(account, ids, database, TABLES, &names).await?;
    if tables.is_empty() {
        return Ok(BTreeMap::new());
    }
    let columns: Vec<Row<8>> = ask(account, ids, database, COLUMNS, &names).await?;
    let views: Vec<Row<2>> = ask(account, ids, database, VIEWS, &names).await?;
    assemble(database, schema, tables, columns, views).map_err(|error| error.into_fault(Origin::Catalogs))
}

/// The versions of these objects of one schema; what does not exist is absent.
pub(super) async fn versions(
    account: &SqlApi,
    ids: &dyn Ids,
    (database, schema): &(String, String),
    objects: &[&ObjectName],
) -> Result<BTreeMap<ObjectName, i64>, Fault> {
    let mut text = VERSIONS.to_owned();
    let mut names = vec![schema.as_str()];
    if objects.len() <= BY_NAME {
        text.push_str(" AND TABLE_NAME IN (?");
        text.push_str(&", ?".repeat(objects.len().saturating_sub(1)));
        text.push(')');
        names.extend(objects.iter().map(|object| object.name.as_str()));
    }
    let rows: Vec<Row<2>> = ask(account, ids, database, &text, &names).await?;
    let asked: BTreeSet<&str> = objects.iter().map(|object| object.name.as_str()).collect();
    let mut versions = BTreeMap::new();
    for [name, version] in rows {
        let name = name.ok_or(Error::Nonsense("a table has no name"));
        let entry = name.and_then(|name| Ok((name, version_of(version)?)));
        let (name, version) = entry.map_err(|error| error.into_fault(Origin::Catalogs))?;
        if asked.contains(name.as_str()) {
            versions.insert(ObjectName::new(database, schema, name), version);
        }
    }
    Ok(versions)
}

fn assemble(
    database: &str,
    schema: &str,
    tables: Vec<Row<3>>,
    columns: Vec<Row<8>>,
    views: Vec<Row<2>>,
) -> Result<BTreeMap<ObjectName, Relation>, Error> {
    let mut definitions: BTreeMap<String, Option<String>> = BTreeMap::new();
    for [name, text] in views {
        let name = name.ok_or(Error::Nonsense("a view has no name"))?;
        definitions.insert(name, text.as_deref().and_then(query_of).map(str::to_owned));
    }
    let mut relations = BTreeMap::new();
    for [name, kind, version] in tables {
        let name = name.ok_or(Error::Nonsense("a table has no name"))?;
        let kind = match kind.as_deref() {
            Some("BASE TABLE" | "TEMPORARY TABLE" | "EXTERNAL TABLE" | "EVENT TABLE")
                if !definitions.contains_key(&name) =>
            {
                RelationKind::Table
            }
            // Whatever else there is shows something that lies elsewhere.
            _ => RelationKind::View { definition: definitions.remove(&name).flatten() },
        };
        let relation = Relation { kind, columns: Vec::new(), version: version_of(version)? };
        if relations.insert(ObjectName::new(database, schema, name), relation).is_some() {
            return Err(Error::Nonsense("a table is listed twice"));
        }
    }
    for row in columns {
        let [table, name, nullable, kind, length, precision, scale, fraction] = row;
        let (Some(table), Some(name), Some(kind)) = (table, name, kind) else {
            return Err(Error::Nonsense("a column has no name or type"));
        };
        // A table that appeared between the two readings is absent, as it was in the first.
        let Some(relation) = relations.get_mut(&ObjectName::new(database, schema, table)) else { continue };
        relation.columns.push(Column {
            name,
            sql_type: type_of(&kind, number(length)?, number(precision)?, number(scale)?, number(fraction)?),
            is_nullable: nullable.as_deref() != Some("NO"),
            tags: BTreeMap::new(),
        });
    }
    Ok(relations)
}

/// `DATA_TYPE` says NUMBER and FLOAT where results say fixed and real.
fn type_of(
    kind: &str,
    length: Option<u64>,
    precision: Option<u64>,
    scale: Option<u64>,
    fraction: Option<u64>,
) -> SqlType {
    let wire = match kind {
        "NUMBER" => "fixed",
        "FLOAT" => "real",
        other => other,
    };
    SqlType::from_wire(wire, precision, scale.or(fraction), length)
}

fn number(cell: Option<String>) -> Result<Option<u64>, Error> {
    cell.map(|text| text.parse().map_err(|_| Error::Nonsense("a facet is no number"))).transpose()
}

/// `LAST_DDL` in microseconds. It comes as seconds with a fraction (format `jsonv2`, TIMESTAMP_LTZ).
fn version_of(cell: Option<String>) -> Result<i64, Error> {
    let text = cell.ok_or(Error::Nonsense("a table has no LAST_DDL"))?;
    let (seconds, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let is_number = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let micros: String = fraction.chars().chain("000000".chars()).take(6).collect();
    let parsed = || {
        let seconds: i64 = Some(seconds).filter(|part| is_number(part))?.parse().ok()?;
        let micros: i64 = Some(&micros).filter(|_| is_number(fraction))?.parse().ok()?;
        seconds.checked_mul(1_000_000)?.checked_add(micros)
    };
    parsed().ok_or(Error::Nonsense("a LAST_DDL is no moment"))
}

/// Runs one of the texts over a database's own schema; a database that does not exist answers no rows.
pub(super) async fn ask<const N: usize>(
    account: &SqlApi,
    ids: &dyn Ids,
    database: &str,
    text: &str,
    names: &[&str],
) -> Result<Vec<Row<N>>, Fault> {
    Ok(ask_if_there(account, ids, database, text, names).await?.unwrap_or_default())
}

/// Runs a fixed text beside that database; none when what it reads does not exist for the catalog role.
pub(super) async fn ask_if_there<const N: usize>(
    account: &SqlApi,
    ids: &dyn Ids,
    database: &str,
    text: &str,
    names: &[&str],
) -> Result<Option<Vec<Row<N>>>, Fault> {
    let text = text.replace("{database}", &domain::quoted(database));
    let text_binding = |name: &&str| Binding { kind: "TEXT".to_owned(), value: Some((*name).to_owned()) };
    let bindings: Bindings = (1..).zip(names.iter().map(text_binding)).collect();
    let submission = Submission::of_catalog(account.settings(), ids.random()?, database, text, bindings);
    let patience = account.settings().timeouts.catalog();
    match timeout(patience, answer(account, &submission)).await {
        Err(_) => Err(Error::Slow.into_fault(Origin::Catalogs)),
        Ok(answer) => answer.map_err(|failed| failed.into_fault(Origin::Catalogs)),
    }
}

async fn answer<const N: usize>(
    account: &SqlApi,
    submission: &Submission,
) -> Result<Option<Vec<Row<N>>>, Failed> {
    let until = Instant::now() + account.settings().timeouts.catalog();
    let client = &account.client;
    let mut standing = client.start(submission, account.settings().timeouts.catalog()).await?;
    let done = loop {
        match standing {
            Standing::Done(done) => break done,
            Standing::Running(run) => {
                standing = client.poll(&run, until.saturating_duration_since(Instant::now())).await?;
            }
            Standing::Failed(failure) if ABSENT.contains(&failure.code.as_str()) => return Ok(None),
            Standing::Failed(_) => {
                return Err(Error::NotSet("the catalog role cannot read the catalog").into());
            }
            Standing::Unknown => return Err(Error::NoResult.into()),
        }
    };
    rows(account, done).await.map(Some)
}

async fn rows<const N: usize>(account: &SqlApi, done: Done) -> Result<Vec<Row<N>>, Failed> {
    let Done { run, mut parts, first } = done;
    let head = parts.pop().ok_or(Error::NoResult)?;
    if head.columns.len() != N {
        return Err(Error::Nonsense("the catalog answers other columns").into());
    }
    let mut kept = first;
    let mut left = usize::try_from(account.settings().bounds.catalog_bytes).unwrap_or(usize::MAX);
    let mut all = Vec::new();
    for (partition, count) in head.partitions.iter().enumerate() {
        let mut text = Vec::new();
        let mut take = |slice: &[u8]| {
            left = left.checked_sub(slice.len()).ok_or(Error::Nonsense("the catalog is too big"))?;
            text.extend_from_slice(slice);
            Ok::<_, Error>(())
        };
        match kept.take() {
            Some(slices) => slices.iter().try_for_each(|slice| take(slice))?,
            None => {
                let mut source = account.client.rows(&run, 0, partition).await?;
                while let Some(slice) = source.read().await? {
                    take(&slice)?;
                }
            }
        }
        let wrong = || Error::Nonsense("the catalog's rows do not have its columns");
        let rows: Vec<Vec<Option<String>>> = serde_json::from_slice(&text).map_err(|_| wrong())?;
        if rows.len() as u64 != *count {
            return Err(Error::Nonsense("a partition has another number of rows than it says").into());
        }
        for row in rows {
            all.push(Row::<N>::try_from(row).map_err(|_| wrong())?);
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_microseconds() {
        for (text, micros) in
            [("1700000000.123456789", 1_700_000_000_123_456), ("5", 5_000_000), ("5.1", 5_100_000)]
        {
            assert_eq!(version_of(Some(text.into())).unwrap(), micros);
        }
        for text in ["", "x", "-1.5", "1.x", "1.2.3", "99999999999999999999", "1e5"] {
            assert!(version_of(Some(text.into())).is_err(), "{text}");
        }
        assert!(version_of(None).is_err());
    }
}
