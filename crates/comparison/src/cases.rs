//! The cases that two bundles are compared by.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::{
    Catalog, Column, Context, ObjectName, PromptGrade, Relation, RelationKind, SqlType, identifier,
};

use crate::{Side, named};

/// Cases at most; each takes a fraction of a millisecond.
const MOST: usize = 50_000;

/// Agents, and people, that are asked as, at most.
const NAMED: usize = 100;

/// Columns of one table that are tested one by one, at most.
const COLUMNS: usize = 200;

/// Who asks. What is none is nobody that a bundle could name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Asker {
    /// The program.
    pub agent: Option<String>,
    /// The human behind it, who is its subject, too.
    pub person: Option<String>,
    /// Its groups.
    pub groups: Vec<String>,
    /// Its scopes.
    pub scopes: Vec<String>,
    /// How well its prompt is known: 0 to 4.
    pub grade: PromptGrade,
}

/// Who asks, under which names, over what. What is left empty is taken from the bundles.
#[derive(Clone, Debug, Default)]
pub struct Asking {
    /// Groups of the one agent that asks; empty: an agent in each group that either bundle names, each agent and person that it
    /// names, and each of its scopes.
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
    /// Who asks.
    pub asker: Asker,
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
        let named = |kind: &str| named::entities_of(sides, kind);
        let (askers, unasked) = askers(sides, groups);
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
        let (mut cases, mut left_out) = (Vec::new(), unasked.saturating_mul(asked.len()));
        for (place, text) in &asked {
            for asker in &askers {
                for role in &roles {
                    if cases.len() >= MOST {
                        left_out = left_out.saturating_add(1);
                        continue;
                    }
                    let (database, schema) = place.clone().unzip();
                    let warehouse = warehouses.first().cloned().flatten();
                    let context = Context { role: role.clone(), warehouse, database, schema };
                    cases.push(Case { asker: asker.clone(), context, text: text.clone() });
                }
            }
        }
        Self { catalog: Arc::new(catalog), cases, left_out }
    }
}

/// Whoever a rule of either bundle could tell from others, each also with a prompt that is known as well as it can be where a rule
/// looks at that; and how many names are left out.
fn askers(sides: [&Side<'_>; 2], said: &[String]) -> (Vec<Asker>, usize) {
    let groups = named::entities_of(sides, "Group");
    let in_all: Vec<String> = groups.to_vec();
    let (mut found, mut unasked) = (BTreeSet::new(), 0_usize);
    let mut first = |names: Vec<String>| {
        unasked = unasked.saturating_add(names.len().saturating_sub(NAMED));
        names.into_iter().take(NAMED)
    };
    if said.is_empty() {
        // Whoever is in none of them is somebody, too.
        found.insert(Asker::default());
        found.extend(groups.into_iter().map(|group| Asker { groups: vec![group], ..Asker::default() }));
        let both =
            |groups: &Vec<String>, asker: Asker| [Asker { groups: groups.clone(), ..asker.clone() }, asker];
        for agent in first(named::entities_of(sides, "Agent")) {
            found.extend(both(&in_all, Asker { agent: Some(agent), ..Asker::default() }));
        }
        for attribute in ["person", "subject"] {
            for person in first(named::strings_beside(sides, attribute)) {
                found.extend(both(&in_all, Asker { person: Some(person), ..Asker::default() }));
            }
        }
        let scopes = named::strings_beside(sides, "scopes");
        if !scopes.is_empty() {
            found.extend(both(&in_all, Asker { scopes, ..Asker::default() }));
        }
    } else {
        found.insert(Asker { groups: said.to_vec(), ..Asker::default() });
    }
    if named::is_looked_at(sides, "prompt") {
        let known = |asker: &Asker| Asker { grade: PromptGrade::P4, ..asker.clone() };
        found.extend(found.iter().map(known).collect::<Vec<_>>());
    }
    (found.into_iter().collect(), unasked)
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
