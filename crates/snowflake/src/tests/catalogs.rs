//! The catalog from INFORMATION_SCHEMA and TAG_REFERENCES.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use domain::{ObjectName, RelationKind, SqlType};
use gateway::Origin;
use gateway::ports::Catalogs;
use serde_json::Value;

use super::support::{CountedIds, HANDLE, SetClock, account, in_time, server, settings, settings_json};
use crate::scripted::{Answer, Scripted, When};
use crate::{AccountCatalogs, Settings};

const TABLES: [(&str, &str); 3] =
    [("TABLE_NAME", "text"), ("TABLE_TYPE", "text"), ("LAST_DDL", "timestamp_ltz")];
const VIEWS: [(&str, &str); 2] = [("TABLE_NAME", "text"), ("VIEW_DEFINITION", "text")];
const VERSIONS: [(&str, &str); 2] = [("TABLE_NAME", "text"), ("LAST_DDL", "timestamp_ltz")];
const COLUMNS: [(&str, &str); 8] = [
    ("TABLE_NAME", "text"),
    ("COLUMN_NAME", "text"),
    ("IS_NULLABLE", "text"),
    ("DATA_TYPE", "text"),
    ("CHARACTER_MAXIMUM_LENGTH", "fixed"),
    ("NUMERIC_PRECISION", "fixed"),
    ("NUMERIC_SCALE", "fixed"),
    ("DATETIME_PRECISION", "fixed"),
];

const TAGS: [(&str, &str); 6] = [
    ("OBJECT_NAME", "text"),
    ("COLUMN_NAME", "text"),
    ("TAG_DATABASE", "text"),
    ("TAG_SCHEMA", "text"),
    ("TAG_NAME", "text"),
    ("TAG_VALUE", "text"),
];

fn schema() -> BTreeSet<(String, String)> {
    BTreeSet::from([("DEMO".to_owned(), "PUBLIC".to_owned())])
}

fn script(server: &Scripted) {
    server.on(
        When::submitted().saying("TABLE_TYPE"),
        [Answer::result(
            HANDLE,
            &TABLES,
            &[
                &[Some("T"), Some("BASE TABLE"), Some("1700000000.123456789")],
                &[Some("V"), Some("VIEW"), Some("1700000001.000000000")],
                &[Some("S"), Some("VIEW"), Some("1700000002.000000000")],
                &[Some("M"), Some("MATERIALIZED VIEW"), Some("1700000003.000000000")],
            ],
        )],
    );
    server.on(
        When::submitted().saying("COLUMN_NAME"),
        [Answer::result(
            HANDLE,
            &COLUMNS,
            &[
                &[Some("T"), Some("ID"), Some("NO"), Some("NUMBER"), None, Some("38"), Some("0"), None],
                &[Some("T"), Some("At"), Some("YES"), Some("TIMESTAMP_NTZ"), None, None, None, Some("6")],
                &[Some("V"), Some("NAME"), Some("YES"), Some("TEXT"), Some("50"), None, None, None],
                &[Some("LATE"), Some("X"), Some("YES"), Some("TEXT"), Some("50"), None, None, None],
            ],
        )],
    );
    server.on(
        When::submitted().saying("VIEW_DEFINITION"),
        [Answer::result(
            HANDLE,
            &VIEWS,
            &[&[Some("V"), Some("create view v as select name from t;")], &[Some("S"), None]],
        )],
    );
}

fn catalogs(server: &Scripted) -> (Arc<AccountCatalogs>, Arc<SetClock>) {
    over(settings(&server.url()))
}

/// Those that read tags as well.
fn tagged(server: &Scripted) -> Arc<AccountCatalogs> {
    let mut json = settings_json(&server.url());
    json["catalog"]["tags"] = true.into();
    over(serde_json::from_value(json).unwrap()).0
}

fn over(settings: Settings) -> (Arc<AccountCatalogs>, Arc<SetClock>) {
    let clock = Arc::new(SetClock::at(1_000));
    let account = Arc::new(account(settings));
    (Arc::new(AccountCatalogs::new(account, clock.clone(), Arc::new(CountedIds::default()))), clock)
}

#[tokio::test]
async fn tables_columns_types_and_view_texts_are_read_as_they_are() {
    let server = server().await;
    script(&server);
    let (catalogs, _) = catalogs(&server);
    let catalog = in_time(catalogs.snapshot(&schema())).await.unwrap();
    let relation = |name: &str| catalog.relation(&ObjectName::new("DEMO", "PUBLIC", name)).unwrap();
    assert_eq!(relation("T").kind, RelationKind::Table);
    assert_eq!(relation("T").version, 1_700_000_000_123_456);
    let columns: Vec<_> =
        relation("T").columns.iter().map(|c| (c.name.as_str(), c.sql_type.clone(), c.is_nullable)).collect();
    assert_eq!(
        columns,
        [
            ("ID", SqlType::Fixed { precision: 38, scale: 0 }, false),
            ("At", SqlType::TimestampNtz { scale: 6 }, true),
        ]
    );
    assert_eq!(relation("V").columns[0].sql_type, SqlType::Text { length: 50 });
    let view = |name| match &relation(name).kind {
        RelationKind::View { definition } => definition.clone(),
        RelationKind::Table => panic!("{name} is a table"),
    };
    assert_eq!(view("V").as_deref(), Some("select name from t"));
    assert_eq!((view("S"), view("M")), (None, None), "a view whose text is not visible is unknown");
    assert!(catalog.has_schema("DEMO", "PUBLIC"));
    assert_eq!(catalog.relations.len(), 4);

    for request in server.received() {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!((&body["role"], &body["warehouse"]), (&Value::from("SEER"), &Value::from("WH1")));
        assert!(body["statement"].as_str().unwrap().contains("FROM \"DEMO\".INFORMATION_SCHEMA."));
        assert_eq!(body["bindings"]["1"]["value"], "PUBLIC");
        assert_eq!(request.header("authorization"), Some("Bearer pat-of-read"));
    }
}

#[tokio::test]
async fn a_schema_is_read_once_a_minute_and_by_one_of_many_askers() {
    let server = server().await;
    script(&server);
    let (catalogs, clock) = catalogs(&server);
    let askers: Vec<_> = (0..10)
        .map(|_| {
            let catalogs = catalogs.clone();
            tokio::spawn(async move { catalogs.snapshot(&schema()).await.unwrap() })
        })
        .collect();
    let mut snapshots = Vec::new();
    for asker in askers {
        snapshots.push(in_time(asker).await.unwrap());
    }
    assert_eq!(server.received().len(), 3);
    assert!(snapshots.iter().all(|snapshot| snapshot.digest == snapshots[0].digest));

    clock.set(1_054);
    let same = in_time(catalogs.snapshot(&schema())).await.unwrap();
    assert!(snapshots.iter().any(|snapshot| Arc::ptr_eq(snapshot, &same)), "nothing is copied");
    assert_eq!(server.received().len(), 3);
    clock.set(1_060);
    in_time(catalogs.snapshot(&schema())).await.unwrap();
    assert_eq!(server.received().len(), 6);
    clock.set(900);
    in_time(catalogs.snapshot(&schema())).await.unwrap();
    assert_eq!(server.received().len(), 9, "a clock that was set back proves nothing");
}

/// However many schemas there are, one that asks for all waits no longer than for one that does not answer.
#[tokio::test]
async fn many_schemas_are_waited_for_no_longer_than_one() {
    let server = server().await;
    let slow =
        |columns: &[(&str, &str)]| Answer::result(HANDLE, columns, &[]).after(Duration::from_millis(400));
    server.on(When::submitted().saying("TABLE_TYPE"), [slow(&TABLES)]);
    server.on(When::submitted().saying("COLUMN_NAME"), [slow(&COLUMNS)]);
    server.on(When::submitted().saying("VIEW_DEFINITION"), [slow(&VIEWS)]);
    let (catalogs, _) = catalogs(&server);
    let many: BTreeSet<_> = (0..60).map(|n| ("DEMO".to_owned(), format!("S{n}"))).collect();
    let fault = in_time(catalogs.snapshot(&many)).await.unwrap_err();
    assert_eq!((fault.origin, fault.public.as_str()), (Origin::Catalogs, "Snowflake is out of reach"));
    // What was read of them is not read again.
    let asked = || {
        let bodies = server.received().into_iter().filter_map(|one| String::from_utf8(one.body).ok());
        bodies.filter(|body| body.contains(r#""S0""#)).count()
    };
    let before = asked();
    in_time(catalogs.snapshot(&many.iter().take(1).cloned().collect())).await.unwrap();
    assert_eq!((before, asked()), (1, 1));
}

#[tokio::test]
async fn what_was_forgotten_is_read_again() {
    let server = server().await;
    script(&server);
    let (catalogs, _) = catalogs(&server);
    in_time(catalogs.snapshot(&schema())).await.unwrap();
    catalogs.forget(&BTreeSet::from([ObjectName::new("DEMO", "PUBLIC", "NEW")])).await;
    in_time(catalogs.snapshot(&schema())).await.unwrap();
    assert_eq!(server.received().len(), 6);
}

#[tokio::test]
async fn a_schema_or_database_that_does_not_exist_is_loaded_and_empty() {
    for answer in
        [Answer::result(HANDLE, &TABLES, &[]), Answer::failed(HANDLE, "002003", "02000", "does not exist")]
    {
        let server = server().await;
        server.on(When::any(), [answer]);
        let (catalogs, _) = catalogs(&server);
        let schemas = BTreeSet::from([("NO\"PE; drop".to_owned(), "' or 1=1".to_owned())]);
        let catalog = in_time(catalogs.snapshot(&schemas)).await.unwrap();
        assert!(catalog.relations.is_empty() && catalog.loaded == schemas);
        let body: Value = serde_json::from_slice(&server.received()[0].body).unwrap();
        assert_eq!(
            body["statement"],
            "SELECT TABLE_NAME, TABLE_TYPE, LAST_DDL FROM \"NO\"\"PE; drop\".INFORMATION_SCHEMA.TABLES \
             WHERE TABLE_SCHEMA = ?"
        );
    }
}

#[tokio::test]
async fn a_catalog_that_cannot_be_read_is_a_fault_and_is_not_kept() {
    for answer in [
        Answer::failed(HANDLE, "003001", "42501", "insufficient privileges"),
        Answer::result(HANDLE, &VIEWS, &[&[Some("T"), None]]),
        Answer::result(HANDLE, &TABLES, &[&[Some("T"), Some("BASE TABLE")]]),
        Answer::result(HANDLE, &TABLES, &[&[Some("T"), Some("BASE TABLE"), Some("yesterday")]]),
        Answer::result(HANDLE, &TABLES, &[&[None, Some("BASE TABLE"), Some("1.0")]]),
    ] {
        let server = server().await;
        server.on(When::submitted().saying("TABLE_TYPE"), [answer, Answer::result(HANDLE, &TABLES, &[])]);
        server.on(When::submitted().saying("COLUMN_NAME"), [Answer::result(HANDLE, &COLUMNS, &[])]);
        server.on(When::submitted().saying("VIEW_DEFINITION"), [Answer::result(HANDLE, &VIEWS, &[])]);
        let (catalogs, _) = catalogs(&server);
        let fault = in_time(catalogs.snapshot(&schema())).await.unwrap_err();
        assert_eq!(fault.origin, Origin::Catalogs);
        in_time(catalogs.snapshot(&schema())).await.unwrap();
    }
}

#[tokio::test]
async fn the_digest_changes_with_anything_that_is_known() {
    let mut digests = BTreeSet::new();
    for (kind, version) in [("BASE TABLE", "1.0"), ("BASE TABLE", "1.000001"), ("VIEW", "1.0")] {
        let server = server().await;
        let row: &[Option<&str>] = &[Some("T"), Some(kind), Some(version)];
        server.on(When::submitted().saying("TABLE_TYPE"), [Answer::result(HANDLE, &TABLES, &[row])]);
        server.on(When::submitted().saying("COLUMN_NAME"), [Answer::result(HANDLE, &COLUMNS, &[])]);
        server.on(When::submitted().saying("VIEW_DEFINITION"), [Answer::result(HANDLE, &VIEWS, &[])]);
        let (catalogs, _) = catalogs(&server);
        digests.insert(in_time(catalogs.snapshot(&schema())).await.unwrap().digest.to_string());
    }
    assert_eq!(digests.len(), 3);
}

#[tokio::test]
async fn versions_come_from_the_source_each_time() {
    let server = server().await;
    server.on(
        When::submitted(),
        [
            Answer::result(HANDLE, &VERSIONS, &[&[Some("T"), Some("1.5")], &[Some("OTHER"), Some("9.0")]]),
            Answer::result(HANDLE, &VERSIONS, &[&[Some("T"), Some("2.5")]]),
        ],
    );
    let (catalogs, _) = catalogs(&server);
    let objects: BTreeSet<_> = ["T", "GONE"].map(|name| ObjectName::new("DEMO", "PUBLIC", name)).into();
    for micros in [1_500_000, 2_500_000] {
        let versions = in_time(catalogs.versions(&objects)).await.unwrap();
        assert_eq!(versions, BTreeMap::from([(ObjectName::new("DEMO", "PUBLIC", "T"), micros)]));
    }
    let body: Value = serde_json::from_slice(&server.received()[0].body).unwrap();
    assert!(body["statement"].as_str().unwrap().ends_with("TABLE_SCHEMA = ? AND TABLE_NAME IN (?, ?)"));
    assert_eq!(body["bindings"]["3"]["value"], "T");
}

/// Adds TAG_REFERENCES, which says so the first time, and afterwards that there are no tags.
fn script_tags(server: &Scripted, first: Answer) {
    server.on(When::submitted().saying("TAG_REFERENCES"), [first, Answer::result(HANDLE, &TAGS, &[])]);
    script(server);
}

#[tokio::test]
async fn tags_of_columns_are_read_by_their_full_names_where_the_settings_say_so() {
    let server = server().await;
    let tag = |object, column, name, value| {
        [Some(object), Some(column), Some("GOV"), Some("TAGS"), Some(name), Some(value)]
    };
    script_tags(
        &server,
        Answer::result(
            HANDLE,
            &TAGS,
            &[
                &tag("V", "NAME", "PRIVACY", "NAME"),
                &tag("V", "NAME", "od\"d", ""),
                &tag("V", "NAME", "PRIVACY", "NAME"),
                &tag("T", "At", "PRIVACY", "DATE"),
                &tag("T", "AT", "PRIVACY", "RENAMED SINCE"),
                &tag("GONE", "X", "PRIVACY", "MAIL"),
            ],
        ),
    );
    let catalog = in_time(tagged(&server).snapshot(&schema())).await.unwrap();
    let tags = |relation: &str, column: usize| {
        let relation = catalog.relation(&ObjectName::new("DEMO", "PUBLIC", relation)).unwrap();
        relation.columns[column].tags.clone()
    };
    let expected = |tags: &[(&str, &str)]| -> BTreeMap<String, String> {
        tags.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    assert_eq!(tags("V", 0), expected(&[("GOV.TAGS.\"od\"\"d\"", ""), ("GOV.TAGS.PRIVACY", "NAME")]));
    assert_eq!(tags("T", 1), expected(&[("GOV.TAGS.PRIVACY", "DATE")]));
    assert_eq!(tags("T", 0), expected(&[]));

    let received = server.received();
    assert_eq!(received.len(), 4, "one question more for a schema");
    let body: Value = serde_json::from_slice(&received[3].body).unwrap();
    assert_eq!((&body["role"], &body["warehouse"]), (&Value::from("SEER"), &Value::from("WH1")));
    let text = body["statement"].as_str().unwrap();
    assert!(text.contains("FROM SNOWFLAKE.ACCOUNT_USAGE.TAG_REFERENCES"), "{text}");
    assert!(text.contains("DOMAIN = 'COLUMN' AND OBJECT_DELETED IS NULL"), "{text}");
    assert_eq!(
        (&body["bindings"]["1"]["value"], &body["bindings"]["2"]["value"]),
        (&Value::from("DEMO"), &Value::from("PUBLIC"))
    );

    let untagged = in_time(catalogs(&server).0.snapshot(&schema())).await.unwrap();
    assert_eq!(server.received().len(), 7, "and none where tags are not read");
    assert_ne!(untagged.digest, catalog.digest);
}

#[tokio::test]
async fn tags_that_cannot_be_trusted_fault_the_snapshot_and_are_never_none() {
    let good = [Some("V"), Some("NAME"), Some("GOV"), Some("TAGS"), Some("PRIVACY"), Some("NAME")];
    let without = |at: usize| {
        let mut row = good;
        row[at] = None;
        Answer::result(HANDLE, &TAGS, &[&row])
    };
    let mut answers = vec![
        Answer::failed(HANDLE, "002003", "02000", "Object 'SNOWFLAKE' does not exist or not authorized"),
        Answer::failed(HANDLE, "003001", "42501", "insufficient privileges"),
        Answer::failed(HANDLE, "000904", "42000", "invalid identifier 'TAG_VALUE'"),
        Answer::status(400),
        Answer::result(HANDLE, &TAGS[..5], &[&good[..5]]),
        Answer::result(HANDLE, &TAGS, &[&good[..5]]),
        Answer::head(HANDLE, &TAGS, &[&good], &[2]),
        Answer::head(HANDLE, &TAGS, &[&good], &[1, 1]),
        Answer::result(
            HANDLE,
            &TAGS,
            &[&good, &[Some("V"), Some("NAME"), Some("GOV"), Some("TAGS"), Some("PRIVACY"), Some("")]],
        ),
    ];
    answers.extend((0..6).map(without));
    for (at, answer) in answers.into_iter().enumerate() {
        let server = server().await;
        script_tags(&server, answer);
        let catalogs = tagged(&server);
        let fault = in_time(catalogs.snapshot(&schema())).await.expect_err(&format!("answer {at}"));
        assert_eq!(fault.origin, Origin::Catalogs, "answer {at}");
        let again = in_time(catalogs.snapshot(&schema())).await;
        assert!(again.is_ok(), "answer {at}: nothing of a broken reading is kept");
    }
}

#[tokio::test]
async fn more_tags_than_a_catalog_may_hold_are_a_fault() {
    let server = server().await;
    let long = "x".repeat(4_000);
    let row = [Some("V"), Some("NAME"), Some("GOV"), Some("TAGS"), Some("PRIVACY"), Some(long.as_str())];
    script_tags(&server, Answer::result(HANDLE, &TAGS, &[&row]));
    let mut json = settings_json(&server.url());
    json["catalog"]["tags"] = true.into();
    json["bounds"]["catalog_bytes"] = 3_000.into();
    let (catalogs, _) = over(serde_json::from_value(json).unwrap());
    assert_eq!(in_time(catalogs.snapshot(&schema())).await.unwrap_err().origin, Origin::Catalogs);
}

const ROUTINES: [(&str, &str); 7] = [
    ("NAME", "text"),
    ("ARGUMENT_SIGNATURE", "text"),
    ("DATA_TYPE", "text"),
    ("LANGUAGE", "text"),
    ("DEFINITION", "text"),
    ("CREATED", "timestamp_ltz"),
    ("LAST_ALTERED", "timestamp_ltz"),
];

#[tokio::test]
async fn functions_and_procedures_are_read_by_their_names_whatever_their_arguments() {
    let server = server().await;
    let row = |name, signature, definition| {
        [Some(name), Some(signature), Some("NUMBER"), Some("SQL"), definition, Some("1.0"), Some("2.0")]
    };
    let functions = [
        row("TIDY", "(A NUMBER)", Some("a + 1")),
        row("TIDY", "(A VARCHAR)", None),
        row("tidy", "(A VARCHAR)", Some("its own")),
        row("SOMETHING_ELSE", "()", Some("1")),
    ];
    let functions: Vec<&[Option<&str>]> = functions.iter().map(<[_; 7]>::as_slice).collect();
    server.on(When::submitted().saying("SCHEMA.FUNCTIONS"), [Answer::result(HANDLE, &ROUTINES, &functions)]);
    let procedure = row("TIDY", "()", Some("begin end"));
    server.on(
        When::submitted().saying("SCHEMA.PROCEDURES"),
        [Answer::result(HANDLE, &ROUTINES, &[procedure.as_slice()])],
    );
    let (catalogs, _) = catalogs(&server);
    let name = |name: &str| ObjectName::new("DEMO", "PUBLIC", name);
    let found = in_time(catalogs.routines(&[name("TIDY"), name("NONE"), name("tidy")].into())).await.unwrap();
    let names = [&name("TIDY"), &name("tidy")];
    assert_eq!(
        found.keys().collect::<Vec<_>>(),
        names,
        "in its own case, and what was not asked for is not told"
    );
    assert_eq!(found[&name("tidy")].first().unwrap().said[3].as_deref(), Some("its own"));
    let told: Vec<(&str, Option<&str>, Option<&str>)> = found[&name("TIDY")]
        .iter()
        .map(|one| (one.kind, one.said[0].as_deref(), one.said[3].as_deref()))
        .collect();
    assert_eq!(
        told,
        [
            ("function", Some("(A NUMBER)"), Some("a + 1")),
            ("function", Some("(A VARCHAR)"), None),
            ("procedure", Some("()"), Some("begin end")),
        ]
    );
    for request in server.received() {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let values: Vec<&Value> =
            ["1", "2", "3", "4"].iter().map(|at| &body["bindings"][at]["value"]).collect();
        assert_eq!(values, ["PUBLIC", "NONE", "TIDY", "tidy"], "every name is bound");
        let text = body["statement"].as_str().unwrap();
        assert!(!text.contains("TIDY") && !text.contains("UPPER"), "{text}");
    }
    // Another answer than was asked for is none.
    let server = self::server().await;
    server.on(When::submitted().saying("SCHEMA.FUNCTIONS"), [Answer::result(HANDLE, &VERSIONS, &[])]);
    let (catalogs, _) = self::catalogs(&server);
    let fault = in_time(catalogs.routines(&[name("TIDY")].into())).await.unwrap_err();
    assert_eq!(fault.origin, Origin::Catalogs);
}
