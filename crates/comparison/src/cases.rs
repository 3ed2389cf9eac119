//! The cases that two bundles are compared by.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::{Catalog, Column, Context, ObjectName, Relation, RelationKind, SqlType, identifier};

use crate::Side;

/// Cases at most; each takes a fraction of a millisecond.
const MOST: usize = 50_000;

/// Columns of one table that are tested one by one, at most.
const COLUMNS: usize = 200;

/// Who asks, under which names, over what. What is left empty is taken from the bundles.
#[derive(Clone, Debug, Default)]
pub struct Asking {
    /// Groups of the one agent that asks; empty: an agent in each group that either bundle names.
    pub groups: Vec<String>,
    /// Role; empty: each role that either bundle names.
    pub role: Option<String>,
    /// Warehouse; empty: the first one that either bundle names.
    pub warehouse: Option<String>,
    /// Database and schema that texts of `statements` are asked under; empty: none.
    pub place: Option<(String, String)>,
    /// Tables and views; empty: those whose columns either bundle names.
    pub catalog: Option<Catalog>,
    /// Statements with `;` between them; empty: some of each kind over every table.
    pub statements: Option<String>,
}

/// One of them.
#[derive(Clone, Debug)]
pub struct Case {
    /// The groups of whoever asks.
    pub groups: Vec<String>,
    /// The names that it is asked under.
    pub context: Context,
    /// What is asked.
    pub text: String,
}

/// All of them, over one catalog.
#[derive(Clone, Debug)]
pub struct Cases {
    /// The tables and views.
    pub catalog: Arc<Catalog>,
    /// The cases.
    pub cases: Vec<Case>,
    /// How many more there would have been.
    pub left_out: usize,
}

impl Cases {
    /// The cases of two bundles.
    pub fn of_bundles(sides: [&Side<'_>; 2], asking: &Asking) -> Self {
        let Asking { groups, role, warehouse, place, catalog, statements } = asking;
        let catalog = catalog.clone().unwrap_or_else(|| named_tables(sides));
        let named = |kind: &str| named(sides, kind);
        let groups: Vec<Vec<String>> = match groups.as_slice() {
            [] => {
                let found = named("Group").into_iter().map(|group| vec![group]);
                // Whoever is in none of them is somebody, too.
                found.chain([Vec::new()]).collect()
            }
            said => vec![said.to_vec()],
        };
        let or_named = |said: &Option<String>, kind: &str| match said {
            Some(said) => vec![said.clone()],
            None => named(kind).into_iter().collect(),
        };
        let at_least_one = |found: Vec<String>| {
            let found: Vec<Option<String>> = found.into_iter().map(Some).collect();
            if found.is_empty() { vec![None] } else { found }
        };
        let roles = at_least_one(or_named(role, "Role"));
        let warehouses = at_least_one(or_named(warehouse, "Warehouse"));
        let asked: Vec<(Option<(String, String)>, String)> = match statements {
            Some(text) => {
                let ranges = sql::split(text).into_iter();
                let texts = ranges.filter_map(|range| text.get(range).map(str::to_owned));
                texts.map(|text| (place.clone(), text)).collect()
            }
            None => samples(&catalog),
        };
        let (mut cases, mut left_out) = (Vec::new(), 0_usize);
        for (place, text) in &asked {
            for groups in &groups {
                for role in &roles {
                    if cases.len() >= MOST {
                        left_out = left_out.saturating_add(1);
                        continue;
                    }
                    let (database, schema) = place.clone().unzip();
                    let warehouse = warehouses.first().cloned().flatten();
                    let context = Context { role: role.clone(), warehouse, database, schema };
                    cases.push(Case { groups: groups.clone(), context, text: text.clone() });
                }
            }
        }
        Self { catalog: Arc::new(catalog), cases, left_out }
    }
}

/// The groups that the Cedar files of a bundle write.
pub fn named_groups(files: &BTreeMap<String, Vec<u8>>) -> BTreeSet<String> {
    named_in(files, "Group")
}

/// The names of that kind of entity that the Cedar files of either bundle write.
fn named(sides: [&Side<'_>; 2], kind: &str) -> BTreeSet<String> {
    sides.into_iter().flat_map(|side| named_in(side.files, kind)).collect()
}

fn named_in(files: &BTreeMap<String, Vec<u8>>, kind: &str) -> BTreeSet<String> {
    let begins = format!("{kind}::\"");
    let cedar = files.iter().filter(|(path, _)| path.ends_with(".cedar"));
    let texts = cedar.map(|(_, bytes)| String::from_utf8_lossy(bytes));
    let mut found = BTreeSet::new();
    for text in texts {
        for (at, _) in text.match_indices(&begins) {
            // Not the end of a longer name.
            let before = text.get(..at).and_then(|before| before.chars().next_back());
            let is_whole = before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':');
            let rest = text.get(at.saturating_add(begins.len())..).unwrap_or_default();
            let name = rest.split('"').next().unwrap_or_default();
            // What needs escaping is no plain name, and told by whoever compares with it by an option.
            if is_whole && !name.is_empty() && !name.contains('\\') && rest.contains('"') {
                found.insert(name.to_owned());
            }
        }
    }
    found
}

/// The tables whose columns either bundle names one by one, their columns as text.
fn named_tables(sides: [&Side<'_>; 2]) -> Catalog {
    let mut tables: BTreeMap<ObjectName, BTreeSet<String>> = BTreeMap::new();
    for column in sides.into_iter().flat_map(|side| side.bundle.named_columns()) {
        tables.entry(column.object).or_default().insert(column.column);
    }
    let mut catalog = Catalog::empty();
    for (name, columns) in tables {
        let column = |name| Column {
            name,
            sql_type: SqlType::Text { length: 16_777_216 },
            is_nullable: true,
            tags: BTreeMap::new(),
        };
        let columns = columns.into_iter().map(column).collect();
        catalog.loaded.insert((name.database.clone(), name.schema.clone()));
        catalog.relations.insert(name, Relation { kind: RelationKind::Table, columns, version: 0 });
    }
    catalog
}

/// Some statements of each kind over every table, and some over none; each with the place that it is asked under.
fn samples(catalog: &Catalog) -> Vec<(Option<(String, String)>, String)> {
    let mut found = Vec::new();
    let mut places = BTreeSet::new();
    for (object, relation) in &catalog.relations {
        if object.schema == "INFORMATION_SCHEMA" {
            continue;
        }
        let place = (object.database.clone(), object.schema.clone());
        let mut texts = vec![
            format!("select * from {object}"),
            format!("select count(*) from {object}"),
            format!("insert into {object} select * from {object}"),
            format!("delete from {object}"),
            format!("truncate table {object}"),
            format!("drop table {object}"),
            format!("create table {object}_SAMPLE as select * from {object}"),
            format!("grant select on table {object} to role PUBLIC"),
            format!("request access to {object} for '1h' because 'a sample'"),
        ];
        for column in relation.columns.iter().take(COLUMNS) {
            let column = identifier(&column.name);
            texts.push(format!("select count(*) from {object} where {column} is not null"));
        }
        if let Some(column) = relation.columns.first().map(|column| identifier(&column.name)) {
            texts.push(format!("update {object} set {column} = {column}"));
        }
        found.extend(texts.into_iter().map(|text| (Some(place.clone()), text)));
        places.insert(place);
    }
    for place in places {
        let (database, schema) = (identifier(&place.0), identifier(&place.1));
        let texts = [
            "select current_user()".to_owned(),
            format!("show tables in schema {database}.{schema}"),
            format!("create schema {database}.SAMPLE"),
            format!("call {database}.{schema}.SAMPLE()"),
            "use role ACCOUNTADMIN".to_owned(),
        ];
        found.extend(texts.into_iter().map(|text| (Some(place.clone()), text)));
    }
    found
}
