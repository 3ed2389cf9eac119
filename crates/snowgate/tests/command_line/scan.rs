//! `snowgate scan`: over the demo, and before a gateway that fails, lies, or holds names that nobody should print.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};
use warehouse::{Ask, State, Warehouse};

use crate::{Served, snowgate};

const TABLES: [&str; 6] = ["CUSTOMERS", "ORDERS", "PAYMENTS", "EMPLOYEES", "PRODUCTS", "COUNTRIES"];

/// What a bundle for scanning adds, as `scan --help` shows it.
fn scanners(folder: &Path) -> String {
    let help = snowgate(folder).args(["scan", "--help"]).output().expect("it runs");
    let (help, _) = printed(&help);
    let (_, after) = help.split_once("\n  @id(").expect("a policy");
    let (policies, _) = after.split_once("\n\n").expect("its end");
    format!("@id({policies}\n")
}

/// The built-in bundle as somebody has it who has yet to classify DEMO.
fn unclassified(folder: &Path) {
    let done = snowgate(folder).args(["policy", "init", "policies"]).output().expect("it runs");
    assert!(done.status.success());
    let path = folder.join("policies/catalog.toml");
    let catalog = fs::read_to_string(&path).expect("text");
    let (before, demo) = catalog.split_once("# ---- DEMO.PUBLIC").expect("the demo's columns");
    let (_, after) = demo.split_once("# ---- SNOWFLAKE_SAMPLE_DATA").expect("what follows");
    fs::write(&path, format!("{before}# ---- SNOWFLAKE_SAMPLE_DATA{after}")).expect("written");
    fs::write(folder.join("policies/90-scanners.cedar"), scanners(folder)).expect("written");
}

/// Every stored text of the demo that does not also name something: what no scan may print.
fn stored_values() -> BTreeSet<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let rows = runtime.block_on(async {
        let warehouse = Warehouse::open(0.001).await.expect("a warehouse");
        let mut rows: Vec<Vec<Option<String>>> = Vec::new();
        for table in TABLES {
            let sql = format!("select * from demo.public.{table}");
            let id = warehouse.submit(Ask::new(&sql)).await;
            let State::Done(done) = warehouse.state(&id, std::time::Duration::from_secs(60)).await else {
                panic!("{table}")
            };
            for partition in 0..done.head.partitions.len() {
                let slices = warehouse.partition(&id, partition).expect("a partition");
                let text: Vec<u8> = slices.flat_map(|slice| slice.expect("a slice").to_vec()).collect();
                rows.extend(serde_json::from_slice::<Vec<Vec<Option<String>>>>(&text).expect("rows"));
            }
        }
        rows
    });
    let cells = rows.into_iter().flatten().flatten().filter(|cell| cell.len() >= 6);
    let values: BTreeSet<String> = cells.map(|cell| cell.to_lowercase()).collect();
    assert!(values.len() > 4000, "{}", values.len());
    values
}

/// What was printed, both ways.
fn printed(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    (text(&output.stdout), text(&output.stderr))
}

fn by_column(told: &str) -> BTreeMap<String, Value> {
    let lines = told.lines().map(|line| serde_json::from_str::<Value>(line).expect("one object a line"));
    lines.filter_map(|line| Some((line["column"].as_str()?.to_owned(), line.clone()))).collect()
}

#[test]
fn the_demo_is_scanned_through_the_gateway_and_what_is_proposed_makes_a_good_bundle() {
    let folder = tempfile::tempdir().expect("a folder");
    unclassified(folder.path());
    let gateway = Served::start_in(folder, &["--policies", "policies"]);
    let arguments = ["scan", "--url", &gateway.url, "--home", "home", "--policies", "policies"];
    let told = gateway.run(&arguments);
    let (toml, progress) = printed(&told);
    assert_eq!(told.status.code(), Some(0), "{progress}");
    for part in [
        "tags of Snowflake's classification are not read: policy does not let the scanner read",
        "scanning 1/6 DEMO.PUBLIC.COUNTRIES",
        "scanning 6/6 DEMO.PUBLIC.PRODUCTS",
        "next: add what you agree with to policies/catalog.toml, then: snowgate policy check policies",
    ] {
        assert!(progress.contains(part), "{part}: {progress}");
    }

    let lines = gateway.run(&[&arguments[..], &["--json"]].concat());
    let (lines, _) = printed(&lines);
    let columns = by_column(&lines);
    let summary: Value = serde_json::from_str(lines.lines().last().expect("a line")).expect("JSON");
    assert_eq!((&summary["result"], &summary["tables"]), (&json!("complete"), &json!(6)));
    // The classes that the built-in catalog gives them, or what leads a person there.
    for (name, standing, class) in [
        ("CUSTOMERS.EMAIL", "proposed", "email"),
        ("CUSTOMERS.SSN", "proposed", "ssn"),
        ("CUSTOMERS.CARD_NUMBER", "proposed", "card"),
        ("CUSTOMERS.PHONE", "proposed", "phone"),
        ("CUSTOMERS.DOB", "proposed", "dob"),
        ("CUSTOMERS.NOTES", "to_judge", "notes"),
        ("CUSTOMERS.PROFILE", "to_judge", "notes"),
        ("EMPLOYEES.EMAIL", "proposed", "email"),
        ("EMPLOYEES.SSN", "proposed", "ssn"),
        ("PAYMENTS.IBAN", "proposed", "iban"),
        ("PAYMENTS.CARD_NUMBER", "proposed", "card"),
        ("ORDERS.SHIP_ADDRESS", "proposed", "address"),
    ] {
        let column = &columns[&format!("DEMO.PUBLIC.{name}")];
        assert_eq!(
            (&column["standing"], &column["proposal"]["class"]),
            (&json!(standing), &json!(class)),
            "{column}"
        );
    }
    let email = &columns["DEMO.PUBLIC.CUSTOMERS.EMAIL"];
    assert_eq!((&email["cells"], &email["found"]), (&json!(400), &json!({"EMAIL": 400})), "{email}");
    assert_eq!(email["proposal"]["confidence"], json!(0.99));
    // NULLs are left out: every tenth has no number.
    assert_eq!(columns["DEMO.PUBLIC.CUSTOMERS.PHONE"]["cells"], json!(360));
    for name in ["ORDERS.AMOUNT", "ORDERS.STATUS", "PRODUCTS.SKU", "PRODUCTS.PRICE", "COUNTRIES.REGION"] {
        assert_eq!(columns[&format!("DEMO.PUBLIC.{name}")]["standing"], json!("clear"), "{name}");
    }

    // Nothing but names, counts and shares.
    let everything = format!("{toml}\n{progress}\n{lines}").to_lowercase();
    let values = stored_values();
    let search = aho_corasick::AhoCorasick::new(&values).expect("a search");
    let found: BTreeSet<Option<&str>> =
        search.find_iter(&everything).map(|found| everything.get(found.range())).collect();
    assert!(found.is_empty(), "{found:?}");

    // What was asked stands in the recordings, and they hold together.
    let asked = gateway.lines(&["search", "--home", "home", "--agent", "snowgate-scan", "--json"]);
    assert!(asked.len() >= 2 * (6 + 3), "{}", asked.len());
    assert!(asked.iter().all(|asked| asked["prompt"] == json!("snowgate scan: classify columns")));
    assert_eq!(gateway.verify(), 0);

    // Pasted at the end, it is a good bundle, under which those columns are classified.
    let path = gateway.folder.path().join("policies/catalog.toml");
    let catalog = fs::read_to_string(&path).expect("text");
    fs::write(&path, format!("{catalog}\n{toml}")).expect("written");
    let checked = gateway.run(&["policy", "check", "policies"]);
    assert_eq!(checked.status.code(), Some(0), "{toml}\n{:?}", printed(&checked));
    let (lines, _) = printed(&gateway.run(&[&arguments[..], &["--json"]].concat()));
    let again = by_column(&lines);
    assert_eq!(again["DEMO.PUBLIC.CUSTOMERS.EMAIL"]["standing"], json!("classified"));
    assert_eq!(again["DEMO.PUBLIC.CUSTOMERS.NOTES"]["standing"], json!("to_judge"));
}

#[test]
fn what_the_bundle_classifies_is_reported_and_not_proposed_again() {
    let gateway = Served::start();
    let told = gateway.run(&[
        "scan",
        "demo.public.customers",
        "demo.public.payments",
        "--url",
        &gateway.url,
        "--home",
        "home",
    ]);
    let (toml, progress) = printed(&told);
    assert_eq!(told.status.code(), Some(0), "{progress}");
    assert!(toml.lines().all(|line| line.is_empty() || line.starts_with('#')), "{toml}");
    assert!(progress.contains("19 columns of 2 tables: 0 proposed, 0 to judge, 19 classified"), "{progress}");
    assert!(progress.contains("next: snowgate policy init ./policies"), "{progress}");
}

#[test]
fn columns_that_nobody_has_classified_and_the_scan_may_not_see_count_by_their_names() {
    let folder = tempfile::tempdir().expect("a folder");
    unclassified(folder.path());
    fs::remove_file(folder.path().join("policies/90-scanners.cedar")).expect("removed");
    let gateway = Served::start_in(folder, &["--policies", "policies"]);
    let arguments =
        ["scan", "demo.public.payments", "--url", &gateway.url, "--home", "home", "--policies", "policies"];
    let (toml, progress) = printed(&gateway.run(&arguments));
    assert!(progress.contains("7 columns that nobody has classified are masked for this scan"), "{progress}");
    assert!(toml.contains("# # masked, not looked at; by name, confidence 0.30\n# [[columns]]\n# match = \"DEMO.PUBLIC.PAYMENTS.IBAN\"\n# class = \"iban\"") ||
        toml.contains("# masked, not looked at; by name, confidence 0.30\n# [[columns]]\n# match = \"DEMO.PUBLIC.PAYMENTS.IBAN\"\n# class = \"iban\""), "{toml}");
    assert!(toml.lines().all(|line| line.is_empty() || line.starts_with('#')), "{toml}");
}

#[test]
fn where_there_is_no_gateway_no_table_or_no_right_nothing_is_proposed() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = |arguments: &[&str], token: Option<&str>| {
        let mut command = snowgate(folder.path());
        command.args(arguments);
        command.envs(token.map(|token| ("SNOWGATE_TOKEN", token)));
        let output = command.output().expect("it runs");
        let (told, error) = printed(&output);
        assert!(told.is_empty(), "{told}");
        (output.status.code(), error)
    };
    let (code, error) = output(&["scan", "--url", "http://127.0.0.1:1"], Some("x"));
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("nothing answers at http://127.0.0.1:1; next: snowgate serve"), "{error}");
    assert_eq!(output(&["scan", "--url", "127.0.0.1"], Some("x")).0, Some(64));
    assert_eq!(output(&["scan", "a.b.c.d"], Some("x")).0, Some(64));
    let (code, error) = output(&["scan", "--policies", "nowhere"], Some("x"));
    assert!(code == Some(1) && error.contains("there is no folder `nowhere`"), "{error}");

    let gateway = Served::start();
    let (code, error) = output(&["scan", "--url", &gateway.url], Some("no-token"));
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("no table is found") && error.contains("401 390144"), "{error}");
    let told = gateway.run(&["scan", "nobodys", "--url", &gateway.url, "--home", "home"]);
    let (_, error) = printed(&told);
    assert_eq!(told.status.code(), Some(1), "{error}");
    assert!(error.contains("NOBODYS: 422 003001"), "{error}");
    // One name that means nothing keeps no other from being scanned.
    let told = gateway.run(&[
        "scan",
        "demo.public.nothing",
        "demo.public.countries",
        "--url",
        &gateway.url,
        "--home",
        "home",
    ]);
    let (_, error) = printed(&told);
    assert_eq!(told.status.code(), Some(2), "{error}");
    assert!(error.contains("not scanned: DEMO.PUBLIC.NOTHING: there is no such table"), "{error}");
}

/// What stands in for a gateway: the first entry whose words stand in the statement answers.
struct Stand {
    url: String,
    asked: std::sync::Arc<std::sync::Mutex<Vec<String>>>,
}

/// Words, and what they are answered: status, headers, body.
type Script = Vec<(&'static str, u16, Vec<(&'static str, String)>, String)>;

impl Stand {
    fn of(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let asked = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let heard = std::sync::Arc::clone(&asked);
        // Ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
                let (mut length, mut line) = (0, String::new());
                let mut first = String::new();
                while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                    if first.is_empty() {
                        first.clone_from(&line);
                    }
                    if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                        length = value.trim().parse().expect("a length");
                    }
                    line.clear();
                }
                let mut body = vec![0; length];
                if reader.read_exact(&mut body).is_err() {
                    continue;
                }
                let body: Value = serde_json::from_slice(&body).unwrap_or_default();
                let sql = body["statement"].as_str().unwrap_or(&first).to_owned();
                let found = script.iter().find(|(words, ..)| sql.contains(words));
                heard.lock().expect("a list").push(sql.clone());
                let (_, status, headers, body) = found.unwrap_or_else(|| panic!("nothing answers {sql}"));
                let mut head =
                    format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n", body.len());
                headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
                let mut stream = stream;
                let _ = stream.write_all(format!("{head}\r\n{body}").as_bytes());
            }
        });
        Self { url, asked }
    }

    fn scan(&self, more: &[&str]) -> (Option<i32>, String, String) {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = snowgate(folder.path());
        command.args(["scan", "--url", &self.url]).args(more).env("SNOWGATE_TOKEN", "x");
        let output = command.output().expect("it runs");
        let (told, error) = printed(&output);
        (output.status.code(), told, error)
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("a list").clone()
    }
}

fn rows(columns: usize, rows: &Value) -> String {
    let row_type: Vec<Value> =
        (0..columns).map(|at| json!({"name": format!("C{at}"), "type": "text"})).collect();
    json!({
        "code": "090001", "statementHandle": "01b2-0001", "data": rows,
        "resultSetMetaData": {"rowType": row_type, "partitionInfo": [{}]},
    })
    .to_string()
}

fn refusal(message: &str) -> String {
    json!({"code": "003001", "message": message, "statementHandle": "01b2-0002"}).to_string()
}

fn recorded() -> (&'static str, String) {
    ("x-snowgate-exchange", "0123/1".to_owned())
}

/// Answers to what every scan asks first; `columns` are table, name and type.
fn listing(columns: &[(&str, &str, &str)]) -> Script {
    let columns: Vec<Value> =
        columns.iter().map(|(table, name, kind)| json!(["DB", "S", table, name, kind])).collect();
    vec![
        ("information_schema.columns", 200, vec![recorded()], rows(5, &json!(columns))),
        ("information_schema.tables", 200, vec![recorded()], rows(3, &json!([]))),
    ]
}

fn no_tags() -> Script {
    vec![("tag_references", 422, vec![recorded()], refusal("not yours"))]
}

fn answers(words: &'static str, columns: usize, found: &str, cells: &Value) -> Script {
    let found = ("x-snowgate-found", found.to_owned());
    vec![(words, 200, vec![recorded(), found], rows(columns, cells))]
}

#[test]
fn texts_that_look_like_replacements_are_not_counted_and_nulls_that_were_made_are() {
    let cells: Vec<Value> = (0..50).map(|_| json!(["[EMAIL]", null, "x"])).collect();
    let script = [
        listing(&[("T", "MARK", "TEXT"), ("T", "N", "NUMBER"), ("T", "V", "TEXT")]),
        no_tags(),
        answers("from \"DB\".\"S\".\"T\"", 3, "2 changed=40 nulled=40 CARD=40", &json!(cells)),
    ];
    let stand = Stand::of(script.concat());
    let (code, told, error) = stand.scan(&["--json"]);
    assert_eq!(code, Some(0), "{error}");
    let columns = by_column(&told);
    assert_eq!(columns["DB.S.T.MARK"]["standing"], json!("clear"));
    assert_eq!(columns["DB.S.T.N"]["cells"], json!(40), "what was NULL before is none");
    assert_eq!(columns["DB.S.T.N"]["proposal"]["class"], json!("card"));
    assert!(stand.asked().iter().any(|sql| sql.ends_with("sample (500 rows) limit 500")));
}

#[test]
fn a_table_that_fails_stops_no_other_and_is_reported() {
    let script = [
        listing(&[
            ("BAD", "A", "TEXT"),
            ("GOOD", "A", "TEXT"),
            ("HELD", "A", "TEXT"),
            ("ODD", "A", "TEXT"),
            ("TWO", "A", "TEXT"),
        ]),
        no_tags(),
        vec![
            ("\"BAD\"", 422, vec![recorded()], refusal("it is\u{1b}[2J broken\r\nquite")),
            (
                "\"HELD\"",
                202,
                vec![recorded(), ("x-snowgate-waits-for", "decision".to_owned())],
                refusal("wait"),
            ),
            ("/cancel", 200, vec![], refusal("cancelled")),
            ("\"ODD\"", 502, vec![], "<html>ana@example.com</html>".to_owned()),
        ],
        answers("\"GOOD\"", 1, "1 changed=50 nulled=0 EMAIL=50", &json!(vec![["[EMAIL]"]; 50])),
        answers("\"TWO\"", 2, "", &json!([["a", "b"]])),
    ];
    let stand = Stand::of(script.concat());
    let (code, told, error) = stand.scan(&[]);
    assert_eq!(code, Some(2), "{error}");
    assert!(told.contains("match = \"DB.S.GOOD.A\"\nclass = \"email\""), "{told}");
    for part in [
        "DB.S.BAD: 422 003001: it is⟦U+001B⟧[2J broken⟦U+000D⟧↵quite",
        "DB.S.HELD: it waits for a person, and was taken back",
        "DB.S.ODD: the gateway answered 502 Bad Gateway without JSON",
        "DB.S.TWO: the gateway answered other columns than were asked for",
    ] {
        assert!(error.contains(&format!("not scanned: {part}")), "{part}: {error}");
    }
    assert!(!format!("{told}{error}").contains("ana@"), "{told}{error}");
    assert!(stand.asked().iter().any(|asked| asked.contains("/01b2-0002/cancel")), "{:?}", stand.asked());
    let (_, lines, _) = stand.scan(&["--json"]);
    let last: Value = serde_json::from_str(lines.lines().last().expect("a line")).expect("JSON");
    assert_eq!((&last["result"], &last["failed"]), (&json!("partial"), &json!(4)));
}

#[test]
fn a_gateway_that_never_answers_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = snowgate(folder.path());
    command.args(["scan", "--timeout", "1", "--url", &url]).env("SNOWGATE_TOKEN", "x");
    let output = command.output().expect("it runs");
    let (told, error) = printed(&output);
    assert_eq!((output.status.code(), told.as_str()), (Some(1), ""), "{error}");
    assert!(error.contains(&format!("{url} takes too long to answer")), "{error}");
    drop(listener);
}

#[test]
fn what_does_not_know_sample_is_asked_for_its_first_rows_from_then_on() {
    let script = [
        listing(&[("A", "X", "TEXT"), ("B", "X", "TEXT")]),
        no_tags(),
        vec![("sample (9 rows)", 422, vec![recorded()], refusal("unexpected SAMPLE"))],
        answers("limit 9", 1, "", &json!([["a"]])),
    ];
    let stand = Stand::of(script.concat());
    let (code, _, error) = stand.scan(&["--rows", "9"]);
    assert_eq!(code, Some(0), "{error}");
    let sampled = stand.asked().iter().filter(|sql| sql.contains("sample (")).count();
    assert_eq!((sampled, error.matches("SAMPLE is not known here").count()), (1, 1));
}

#[test]
fn findings_beyond_a_header_are_asked_for_in_halves() {
    let script = [
        listing(&[("T", "A", "TEXT"), ("T", "B", "TEXT")]),
        no_tags(),
        answers("select \"A\", \"B\"", 2, "too-many", &json!([["a", "b"]])),
        answers("select \"A\" ", 1, "1 changed=1 nulled=0 EMAIL=1", &json!([["a"]])),
        answers("select \"B\" ", 1, "too-many", &json!([["b"]])),
    ];
    let (code, told, error) = Stand::of(script.concat()).scan(&[]);
    assert_eq!((code, told.is_empty()), (Some(1), true), "{error}");
    assert!(error.contains("what the gateway says of its findings cannot be read"), "{error}");
}

#[test]
fn hostile_names_are_quoted_in_sql_and_toml_and_never_printed_raw() {
    const TABLE: &str = "t\"; drop table x; --\u{1b}]0;owned\u{7}";
    const COLUMN: &str = "c\"\n]\n[limits]\u{9b}2J\u{202e}\\";
    let table: &'static str = "from \"DB\".\"S\".\"t\"\"; drop table x; --\u{1b}]0;owned\u{7}\"";
    let script = [
        listing(&[(TABLE, COLUMN, "TEXT"), (TABLE, "SSN", "TEXT")]),
        no_tags(),
        answers(
            table,
            2,
            "1 changed=90 nulled=0 EMAIL=90, 2 changed=90 nulled=0 US_SSN=90",
            &json!(vec![["a", "b"]; 90]),
        ),
    ];
    let stand = Stand::of(script.concat());
    let (code, told, error) = stand.scan(&[]);
    assert_eq!(code, Some(0), "{error}");
    let select = stand.asked().into_iter().find(|sql| sql.contains("drop table")).expect("a sample");
    assert!(
        select.starts_with("select \"c\"\"\n]\n[limits]\u{9b}2J\u{202e}\\\", \"SSN\" from "),
        "{select:?}"
    );
    let (_, lines, _) = stand.scan(&["--json"]);
    for text in [&told, &error, &lines] {
        let raw = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!text.contains(raw), "{text:?}");
    }
    let proposed: toml::Table = told.parse().expect("TOML");
    let entries = proposed["columns"].as_array().expect("entries");
    assert_eq!((entries.len(), proposed.contains_key("limits")), (2, false), "{told}");
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let expected = format!("DB.S.{}.{}", quoted(TABLE), quoted(COLUMN));
    assert_eq!(entries[0]["match"].as_str(), Some(expected.as_str()));
    let folder = tempfile::tempdir().expect("a folder");
    let made = snowgate(folder.path()).args(["policy", "init", "p"]).output().expect("it runs");
    assert!(made.status.success());
    let path = folder.path().join("p/catalog.toml");
    let catalog = fs::read_to_string(&path).expect("text");
    fs::write(&path, catalog + &told).expect("written");
    let checked = snowgate(folder.path()).args(["policy", "check", "p"]).output().expect("it runs");
    assert!(checked.status.success(), "{:?}", printed(&checked));
}

#[test]
fn tags_of_snowflakes_classification_are_read_where_they_may_be() {
    let tags = json!([
        ["DB", "S", "T", "A", "SEMANTIC_CATEGORY", "PHONE_NUMBER"],
        ["DB", "S", "T", "A", "PRIVACY_CATEGORY", "IDENTIFIER"],
        ["DB", "S", "T", "B", "PRIVACY_CATEGORY", "SENSITIVE"],
        ["DB", "S", "T", "C", "SEMANTIC_CATEGORY", "\u{1b}[2J"],
    ]);
    let script = [
        listing(&[("T", "A", "TEXT"), ("T", "B", "TEXT"), ("T", "C", "TEXT")]),
        vec![("tag_references", 200, vec![recorded()], rows(6, &tags))],
        answers("\"T\"", 3, "", &json!([["a", "b", "c"]])),
    ];
    let stand = Stand::of(script.concat());
    let (code, told, error) = stand.scan(&[]);
    assert_eq!(code, Some(0), "{error}");
    assert!(told.contains(
        "# nothing found in 1 cells; PRIVACY_CATEGORY IDENTIFIER; SEMANTIC_CATEGORY PHONE_NUMBER; by tag, confidence \
         0.80\n[[columns]]\nmatch = \"DB.S.T.A\"\nclass = \"phone\"\n"
    ), "{told}");
    assert_eq!(told.matches("[[columns]]").count(), 1, "{told}");
    assert!(error.contains("classification: on 3 columns"), "{error}");
    let (_, lines, _) = stand.scan(&["--json"]);
    assert!(!lines.contains('\u{1b}'));
    assert_eq!(by_column(&lines)["DB.S.T.B"]["tags"], json!({"PRIVACY_CATEGORY": "SENSITIVE"}));
    let (_, told, _) = stand.scan(&["--no-tags"]);
    assert!(!told.contains("[[columns]]"), "{told}");
}

#[test]
fn names_that_come_back_masked_are_no_names() {
    let masked = ("x-snowgate-masked-columns", "4".to_owned());
    let columns = json!([["DB", "S", "T", "[UNKNOWN]", "TEXT"]]);
    let script: Script =
        vec![("information_schema.columns", 200, vec![recorded(), masked], rows(5, &columns))];
    let (code, told, error) = Stand::of(script).scan(&[]);
    assert_eq!((code, told.is_empty()), (Some(1), true));
    assert!(error.contains("the gateway masks names and types there; classify them as `public`"), "{error}");
}
