//! The bypass corpus (`tests/bypass` in the repository's root) through the SQL API door over the embedded warehouse, and
//! through `snowgate decide`. The corpus's own README says what stands in it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says where"
)]

#[path = "bypass/corpus.rs"]
mod corpus;
#[path = "bypass/house.rs"]
mod house;
#[path = "bypass/secrets.rs"]
mod secrets;
#[path = "bypass/whole.rs"]
mod whole;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use corpus::{Expected, Trial, trials};
use house::{Answered, House};
use secrets::Secrets;

const EVASIONS: [&str; 4] = ["shown", "scan", "tested", "session"];

#[test]
fn the_corpus_is_as_large_as_it_must_be() {
    for (file, least) in [("shown", 30), ("scan", 30), ("tested", 30), ("session", 30), ("harmless", 40)] {
        let trials = trials(file);
        assert!(trials.len() >= least, "{file}: {}", trials.len());
        let names: BTreeSet<&str> = trials.iter().map(|trial| trial.name.as_str()).collect();
        let texts: BTreeSet<&str> = trials.iter().map(|trial| trial.sql.as_str()).collect();
        assert_eq!(
            (names.len(), texts.len()),
            (trials.len(), trials.len()),
            "{file}: one stands there twice"
        );
    }
}

#[tokio::test]
async fn no_evasion_shows_a_stored_value_at_the_door() {
    let house = House::open().await;
    let secrets = Secrets::of(&house).await;
    let (mut wrong, mut masked, mut run) = (String::new(), 0, 0);
    for trial in EVASIONS.into_iter().flat_map(trials) {
        let before = house.started();
        let answered = house.ask(&trial).await;
        let has_started = house.started() > before;
        let ended = ended(&house, &trial, &answered, has_started).await;
        if !trial.expects(&ended) {
            writeln!(wrong, "{trial}: expected {}, ended {ended}: {}", trial.expected(), answered.message())
                .unwrap();
        }
        if let Some(found) = secrets.found_in(&answered) {
            writeln!(wrong, "{trial}: tells {found}").unwrap();
        }
        if let Ended::Masked { .. } | Ended::Failed = ended {
            masked += 1;
            run += usize::from(ended != Ended::Failed);
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    // What the embedded warehouse cannot run proves less.
    assert!(run * 2 > masked, "{run} of {masked} masked statements have run");
}

#[tokio::test]
async fn what_looks_like_an_evasion_and_is_none_is_answered_in_clear() {
    let house = House::open().await;
    let secrets = Secrets::of(&house).await;
    let mut wrong = String::new();
    for trial in trials("harmless") {
        let answered = house.ask(&trial).await;
        let ended = ended(&house, &trial, &answered, true).await;
        if !trial.expects(&ended) {
            writeln!(wrong, "{trial}: expected {}, ended {ended}: {}", trial.expected(), answered.message())
                .unwrap();
        }
        let is_scanned = matches!(trial.expected.as_slice(), [Expected::Scanned(_)]);
        if let Some(found) = secrets.found_in(&answered).filter(|_| is_scanned) {
            writeln!(wrong, "{trial}: tells {found}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn the_command_line_decides_as_the_door_does() {
    let all: Vec<Trial> = EVASIONS.into_iter().chain(["harmless"]).flat_map(trials).collect();
    // The bundle of ACME has the same tables under another database.
    let statements = all.iter().map(|trial| {
        trial.sql.replace("demo.", "acme.").replace("\"DEMO\"", "\"ACME\"").replace("demo_wh", "acme_wh")
    });
    let told = decided(Path::new("tests/policies/acme"), statements);
    let mut wrong = String::new();
    for (trial, told) in all.iter().zip(&told) {
        let expected = trial.expected.iter().any(|expected| is_decided_so(expected, told));
        if !expected {
            writeln!(wrong, "{trial}: expected {}, decided {told}", trial.expected()).unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// Where a policy permits comparing what it does not show, nothing that is equal to it is shown either.
#[test]
fn what_equals_a_masked_column_is_masked_with_it() {
    let folder = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(root().join("tests/policies/acme")).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
    }
    let permit = "@id(\"tests\") permit (principal, action == Action::\"test\", resource);";
    std::fs::write(folder.path().join("90-tests.cedar"), permit).unwrap();
    let trials: [(&str, &[usize]); 16] = [
        ("select sku, name from products where sku = '575-82-0993'", &[]),
        ("select p.sku, p.name from products p join customers c on c.ssn = p.sku", &[0]),
        ("select p.sku, p.name from products p, customers c where upper(c.ssn) = lower(p.sku)", &[0]),
        ("select p.sku, p.name from products p, customers c where equal_null(c.ssn, p.sku)", &[0]),
        ("select p.sku, p.name from products p join (select ssn as sku from customers) c using (sku)", &[0]),
        ("select sku, name from products where sku in (select ssn from customers)", &[0]),
        (
            "select sku, name from products p where exists (select 1 from customers c where c.ssn = p.sku)",
            &[0],
        ),
        (
            "select p.sku, p.name from products p cross join customers c qualify p.sku = max(c.ssn) over ()",
            &[0],
        ),
        ("select reverse(p.sku) v, p.price from products p join customers c on c.ssn = p.sku", &[0]),
        (
            "select p.sku from products p join orders o on o.sku = p.sku join customers c on c.ssn = o.sku",
            &[0],
        ),
        (
            "with t as (select p.sku v from products p join customers c on c.ssn = p.sku) select v from t",
            &[0],
        ),
        (
            "select p.sku, p.name from products p join customers c on c.ssn = p.sku ->> select $1 v, $2 w from $1",
            &[0],
        ),
        ("select e.id, e.name from employees e join customers c on e.name = c.name", &[1]),
        ("select c.ssn, c.country from customers c join employees e on e.ssn = c.ssn", &[0]),
        ("select c.country, p.name from products p join customers c on c.ssn like p.category || '%'", &[]),
        ("select p.category from products p join customers c on c.ssn like p.category || '%'", &[0]),
    ];
    let told = decided(folder.path(), trials.iter().map(|(sql, _)| (*sql).to_owned()));
    for ((sql, masked), told) in trials.iter().zip(&told) {
        assert_eq!(told["masked_columns"], json!(masked), "{sql}: {told}");
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What `snowgate decide` says of each, by these policies.
fn decided(policies: &Path, statements: impl Iterator<Item = String>) -> Vec<Value> {
    let input: Vec<String> =
        statements.enumerate().map(|(id, sql)| json!({"id": id, "sql": sql}).to_string() + "\n").collect();
    let asked = input.len();
    let mut child = Command::new(env!("CARGO_BIN_EXE_snowgate"))
        .args(["decide", "--schema", "crates/sql/tests/data/acme.sql", "--policies"])
        .arg(policies)
        .current_dir(root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let feeding =
        std::thread::spawn(move || std::io::Write::write_all(&mut stdin, input.concat().as_bytes()));
    let output = child.wait_with_output().unwrap();
    feeding.join().unwrap().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let told: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(told.len(), asked);
    told
}

fn is_decided_so(expected: &Expected, told: &Value) -> bool {
    let masked = &told["masked_columns"];
    match (expected, told["verdict"].as_str().unwrap()) {
        // Agents of ACME change nothing, with or without a person's yes.
        (Expected::Refused | Expected::Held, verdict) => verdict == "deny",
        (Expected::Masked(ordinals), "mask") => {
            let places: Vec<usize> = ordinals.iter().map(|ordinal| ordinal - 1).collect();
            // Of a batch, and where the columns are not known, nothing finer is told.
            let is_told = told["column_count"] != Value::Null && !ordinals.is_empty();
            *masked == if is_told { json!(places) } else { json!("*") }
        }
        (Expected::Clear | Expected::Scanned(_), "allow") => *masked == json!([]),
        _ => false,
    }
}

/// What came of a statement at the door.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Ended {
    /// Refused before anything ran.
    Refused,
    /// Waits before anything ran.
    Held,
    /// It was let through, and failed upstream.
    Failed,
    /// Answered, with these of its columns masked, counted from 1, and none of their values left.
    Masked { ordinals: Vec<usize>, of: usize },
    /// Answered without masked columns; these differ from what the warehouse holds.
    Clear(Vec<usize>),
    /// None of these.
    Otherwise(&'static str),
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

async fn ended(house: &House, trial: &Trial, answered: &Answered, has_started: bool) -> Ended {
    match (answered.status, answered.code().as_str()) {
        (422, "003001") if !has_started => Ended::Refused,
        (202, _) if !has_started && answered.waits_for_a_person() => Ended::Held,
        (422, "003001") | (202, _) => Ended::Otherwise("refused or held after it was started"),
        (200, _) if !has_started => Ended::Otherwise("answered without being started"),
        (200, _) => compared(answered, house.truth(&trial.sql).await),
        (422, _) if has_started => Ended::Failed,
        _ => Ended::Otherwise("an answer of another kind"),
    }
}

/// Compares an answer with what the warehouse answers by itself.
fn compared(answered: &Answered, truth: Option<Vec<Vec<Value>>>) -> Ended {
    let Some(truth) = truth else { return Ended::Otherwise("the warehouse does not answer it twice") };
    let rows = answered.rows();
    let masked = answered.masked_columns();
    let column = |rows: &[Vec<Value>], at: usize| -> Vec<Value> {
        rows.iter().filter_map(|row| row.get(at).cloned()).collect()
    };
    if !masked.is_empty() {
        for ordinal in &masked {
            let stored: BTreeSet<String> = texts(&column(&truth, ordinal - 1));
            let shown: BTreeSet<String> = texts(&column(&rows, ordinal - 1));
            // A birthday on the first of January is what its year is masked to.
            if shown.intersection(&stored).count() * 20 > stored.len() {
                return Ended::Otherwise("a masked column shows what is stored");
            }
        }
        return Ended::Masked { ordinals: masked, of: answered.columns() };
    }
    let columns = truth.first().map_or(0, Vec::len);
    let differing = (0..columns).filter(|at| column(&truth, *at) != column(&rows, *at));
    Ended::Clear(differing.map(|at| at + 1).collect())
}

fn texts(cells: &[Value]) -> BTreeSet<String> {
    cells.iter().filter_map(|cell| cell.as_str().map(str::to_owned)).collect()
}
