//! Every table and view of the demo, selected whole through the door with the built-in bundle: nothing sensitive leaves in
//! clear or is recorded, and what is harmless does leave.
//!
//! What is sensitive is not listed here: it is what the embedded warehouse stores in columns and paths that the built-in
//! catalog does not call public.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use domain::{ColumnRef, ObjectName, SqlType, Treatment};
use policy::{Bundle, default_files};
use serde_json::Value;

use crate::house::House;

const SCHEMAS: [(&str, &str); 2] = [("DEMO", "PUBLIC"), ("SNOWFLAKE_SAMPLE_DATA", "TPCH_SF1")];

/// Shorter texts meet by chance.
const SHORTEST: usize = 6;

/// One column of a table, as the warehouse stores it and the bundle treats it.
struct Column {
    sql_type: SqlType,
    treatment: Treatment,
    cells: Vec<Option<String>>,
}

fn text_cells(rows: &[Vec<Value>], at: usize) -> Vec<Option<String>> {
    rows.iter().map(|row| row[at].as_str().map(str::to_owned)).collect()
}

/// Every table and view with its columns, in the order of `select *`.
async fn stored(house: &House, bundle: &Bundle) -> BTreeMap<ObjectName, Vec<Column>> {
    let schemas = SCHEMAS.map(|(database, schema)| (database.to_owned(), schema.to_owned()));
    let catalog = house.catalog(&BTreeSet::from(schemas)).await;
    let mut tables = BTreeMap::new();
    for (object, relation) in &catalog.relations {
        if object.schema == "INFORMATION_SCHEMA" {
            continue;
        }
        let rows = house.truth(&format!("select * from {object}")).await.unwrap();
        assert!(!rows.is_empty() && rows[0].len() == relation.columns.len(), "{object}");
        let columns = relation.columns.iter().enumerate().map(|(at, column)| {
            let name = ColumnRef { object: object.clone(), column: column.name.clone() };
            Column {
                sql_type: column.sql_type.clone(),
                treatment: bundle.treatment_of(&catalog, &name),
                cells: text_cells(&rows, at),
            }
        });
        tables.insert(object.clone(), columns.collect());
    }
    assert!(tables.len() >= 8 + 8, "{:?}", tables.keys());
    tables
}

/// What lies in a stored JSON under the paths that the built-in catalog classifies.
fn inside(json: &str, found: &mut BTreeSet<String>) {
    let files = default_files();
    let catalog: toml::Table = std::str::from_utf8(&files["catalog.toml"]).unwrap().parse().unwrap();
    let paths = catalog["paths"].as_array().unwrap();
    assert!(!paths.is_empty());
    let json: Value = serde_json::from_str(json).unwrap();
    for path in paths.iter().map(|entry| entry["path"].as_str().unwrap()) {
        let mut left: Vec<&Value> = path.split('.').try_fold(&json, Value::get).into_iter().collect();
        while let Some(value) = left.pop() {
            match value {
                Value::String(text) => drop(found.insert(text.clone())),
                Value::Array(values) => left.extend(values),
                Value::Object(members) => left.extend(members.values()),
                Value::Null | Value::Bool(_) | Value::Number(_) => {}
            }
        }
    }
}

/// The sensitive texts: what is stored where something is masked, without what is public elsewhere.
fn sensitive(tables: &BTreeMap<ObjectName, Vec<Column>>) -> BTreeSet<String> {
    let (mut sensitive, mut public) = (BTreeSet::new(), BTreeSet::new());
    for column in tables.values().flatten() {
        let cells = column.cells.iter().flatten();
        match (&column.treatment, &column.sql_type) {
            (Treatment::Clear, _) => public.extend(cells.cloned()),
            (_, SqlType::Variant) => cells.for_each(|cell| inside(cell, &mut sensitive)),
            (Treatment::Mask(_), SqlType::Text { .. }) => sensitive.extend(cells.cloned()),
            // Free text holds values of the other columns; numbers and dates are compared with their own column.
            (Treatment::Scan | Treatment::Mask(_), _) => {}
        }
    }
    sensitive.retain(|text| text.len() >= SHORTEST && !public.contains(text));
    assert!(sensitive.len() > 3000, "{}", sensitive.len());
    sensitive
}

/// Finds the sensitive texts, also in hexadecimal and in base64 wherever they begin in it.
struct Search {
    texts: Vec<String>,
    search: AhoCorasick,
}

impl Search {
    fn of(sensitive: &BTreeSet<String>) -> Self {
        let mut spellings: Vec<(String, String)> = Vec::new();
        for text in sensitive {
            let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
            spellings.extend([
                (text.clone(), text.clone()),
                (text.clone(), hex.clone()),
                (text.clone(), hex.to_uppercase()),
            ]);
            for before in 0..3 {
                let encoded = STANDARD_NO_PAD.encode([vec![0; before], text.as_bytes().to_vec()].concat());
                // Characters at either end hold bits of what stands beside.
                let whole: String = encoded.chars().take(encoded.len() - 1).skip([0, 2, 3][before]).collect();
                if whole.len() > SHORTEST {
                    spellings.push((text.clone(), whole));
                }
            }
        }
        let search = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostFirst)
            .build(spellings.iter().map(|(_, spelling)| spelling))
            .unwrap();
        Self { texts: spellings.into_iter().map(|(text, _)| text).collect(), search }
    }

    /// The first sensitive text in these bytes.
    fn found_in(&self, bytes: &[u8]) -> Option<&str> {
        self.search.find(bytes).map(|found| self.texts[found.pattern().as_usize()].as_str())
    }
}

/// Whether a DATE on the wire is the first day of a year: masked by its year it stays what it is.
fn is_first_of_year(days: &str) -> bool {
    let days = jiff::Span::new().days(days.parse::<i32>().unwrap());
    jiff::civil::date(1970, 1, 1).checked_add(days).unwrap().day_of_year() == 1
}

/// Every object of a home as it lies there, and every page inflated.
fn recorded(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    use std::io::Read;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            recorded(&path, found);
            continue;
        }
        let name = path.display().to_string();
        let bytes = std::fs::read(&path).unwrap();
        let mut pages = Vec::new();
        if name.ends_with(".closing.json") {
            let closing: Value = serde_json::from_slice(&bytes).unwrap();
            for part in closing["record"]["parts"].as_array().unwrap() {
                let inline =
                    part["pages"].as_array().unwrap().iter().filter_map(|page| page["inline"].as_str());
                pages.extend(inline.map(|page| STANDARD.decode(page).unwrap()));
            }
        } else if bytes.starts_with(recording::PAGE_FORMAT.as_bytes()) {
            pages.push(bytes.clone());
        }
        for page in pages {
            let page = recording::decode_page(&page).unwrap();
            let mut rows = Vec::new();
            flate2::read::GzDecoder::new(page.body).read_to_end(&mut rows).unwrap();
            found.push((format!("a page of {name}"), rows));
        }
        found.push((name, bytes));
    }
}

#[tokio::test]
async fn every_demo_table_selected_whole_shows_nothing_sensitive_and_all_that_is_harmless() {
    let house = House::open().await;
    let bundle = Bundle::default_bundle().unwrap();
    let tables = stored(&house, &bundle).await;
    let search = Search::of(&sensitive(&tables));
    // The search finds what the warehouse would tell.
    let stored_cells = |columns: &[Column]| -> Vec<String> {
        columns.iter().flat_map(|column| column.cells.iter().flatten().cloned()).collect()
    };
    let holds = |columns: &&Vec<Column>| {
        stored_cells(columns).iter().any(|cell| search.found_in(cell.as_bytes()).is_some())
    };
    assert_eq!(tables.values().filter(holds).count(), 8, "tables and views hold something sensitive");
    let (mut masked, mut clear) = (0, 0);
    for (object, columns) in &tables {
        let pages = house.whole(&format!("select * from {object}")).await;
        let rows: Vec<Vec<Value>> = pages.iter().flat_map(|page| page.rows.clone()).collect();
        assert_eq!(rows.len(), columns[0].cells.len(), "{object}");
        for page in &pages {
            assert_eq!(search.found_in(page.text.as_bytes()), None, "{object}");
            // As a reader of the cells has them, without JSON's escapes.
            for cell in page.rows.iter().flatten().filter_map(Value::as_str) {
                assert_eq!(search.found_in(cell.as_bytes()), None, "{object}");
            }
        }
        for (at, column) in columns.iter().enumerate() {
            let shown = text_cells(&rows, at);
            let there: BTreeSet<&String> = column.cells.iter().flatten().collect();
            let same = shown.iter().flatten().filter(|cell| there.contains(cell));
            match &column.treatment {
                Treatment::Mask(_) => {
                    let told: Vec<&String> = same
                        .filter(|cell| column.sql_type != SqlType::Date || !is_first_of_year(cell))
                        .collect();
                    assert!(told.is_empty(), "{object} column {at}: {told:?}");
                    masked += 1;
                }
                Treatment::Clear => {
                    // Detectors may take a harmless number for something else, now and then.
                    let (same, all) = (same.count(), column.cells.iter().flatten().count());
                    assert!(same * 100 >= all * 99, "{object} column {at}: {same} of {all}");
                    clear += 1;
                }
                Treatment::Scan => {
                    // What people wrote is shown where nothing stands in it.
                    assert!(same.count() * 4 >= shown.iter().flatten().count(), "{object} column {at}");
                }
            }
        }
    }
    assert!(masked >= 20 && clear >= 60, "{masked} masked, {clear} clear");

    let mut objects = Vec::new();
    recorded(house.home(), &mut objects);
    assert!(objects.iter().filter(|(name, _)| name.starts_with("a page of")).count() >= tables.len());
    for (name, bytes) in &objects {
        assert_eq!(search.found_in(bytes), None, "{name}");
    }
}

#[test]
fn a_sensitive_text_is_found_in_plain_hexadecimal_and_base64() {
    let secret = "ana.adler7@example.com";
    let search = Search::of(&BTreeSet::from([secret.to_owned()]));
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    for text in [format!("x{secret}y"), hex.clone(), hex.to_uppercase()] {
        assert!(search.found_in(text.as_bytes()).is_some(), "{text}");
    }
    for before in ["", "a", "bc", "def", "ghij"] {
        for after in ["", "x", "yz", "and"] {
            let text = STANDARD.encode(format!("{before}{secret}{after}"));
            assert!(search.found_in(text.as_bytes()).is_some(), "{before} {after}: {text}");
        }
    }
    assert_eq!(search.found_in(b"ana.adler8@example.com"), None);
}
