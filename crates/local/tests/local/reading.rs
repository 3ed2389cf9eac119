//! Reading recordings without a gateway.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use domain::{ExchangeId, SessionId, Timestamp};
use local::{HomeError, Records};
use recording::{FormatError, ObjectKind, RecordKey};

/// A copy of recordings, with the modes that a copy has.
fn put(root: &Path, folder: &str, object: &str, bytes: &[u8]) {
    let path = root.join(folder).join(object);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, bytes).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
}

fn key(day: &str, session: u128, number: u32) -> RecordKey {
    let exchange: ExchangeId = format!("{}/{number}", SessionId::from_u128(session)).parse().unwrap();
    RecordKey::new(day, exchange)
}

/// An opening of which only what the listing reads matters.
fn put_opening(root: &Path, key: &RecordKey, opened: &str) {
    let record = serde_json::json!({
        "v": 1, "exchange": key.exchange.to_string(), "opened": opened, "door": "sqlapi", "handle": "",
        "children": [], "principal": {"issuer": "", "subject": "", "agent": "", "groups": [], "scopes": []},
        "prompt": {"grade": "P0"}, "sql": "", "digest": "", "sealed": false, "context": {}, "bindings": [],
        "statements": [], "decision": "allow", "rules": [], "bundle": "", "catalog": "",
    });
    let record: recording::Opening = serde_json::from_value(record).unwrap();
    put(root, "records", &key.object(ObjectKind::Opening), &recording::encode(&record).unwrap().0);
}

#[test]
fn a_folder_without_recordings_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = Records::open(folder.path()).unwrap_err();
    assert!(matches!(error, HomeError::Missing { .. }));
    assert!(error.to_string().contains(folder.path().to_str().unwrap()));
}

#[test]
fn exchanges_are_listed_in_the_order_in_which_they_were_opened() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let (one, two) = (1_u128 << 100, 1);
    for (day, session, number, minute) in [
        ("2026-11-22", two, 1, 5),
        ("2026-11-23", one, 1, 10),
        ("2026-11-23", two, 2, 20),
        ("2026-11-23", one, 2, 30),
        ("2026-11-23", two, 3, 40),
        ("2026-11-23", one, 3, 50),
        ("2026-11-24", one, 4, 1),
    ] {
        put_opening(root, &key(day, session, number), &format!("{day}T10:{minute:02}:00.000000Z"));
    }
    let records = Records::open(root).unwrap();
    let list = |from, to| -> Vec<String> {
        records
            .listing(from, to)
            .unwrap()
            .map(|listed| listed.unwrap().opening.unwrap().record.opened)
            .collect()
    };
    let all = list(None, None);
    assert_eq!(all.len(), 7);
    assert!(all.is_sorted_by_key(|opened| opened.parse::<Timestamp>().unwrap()));
    assert_eq!(list(Some("2026-11-23"), Some("2026-11-23")), all[1..6]);
    assert_eq!(list(Some("2026-11-24"), None), all[6..]);
    assert_eq!(list(None, Some("2026-11-21")), Vec::<String>::new());
    let numbers: Vec<_> = records
        .exchanges(SessionId::from_u128(one))
        .unwrap()
        .iter()
        .map(|key| key.exchange.number.get())
        .collect();
    assert_eq!(numbers, [1, 2, 3, 4], "across midnight");
}

#[test]
fn an_opening_that_was_altered_is_listed_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let good = key("2026-11-23", 1, 2);
    put_opening(folder.path(), &good, "2026-11-23T10:00:00.000000Z");
    let altered = key("2026-11-23", 1, 1);
    put(folder.path(), "records", &altered.object(ObjectKind::Opening), b"{}");
    let listed: Vec<_> =
        Records::open(folder.path()).unwrap().listing(None, None).unwrap().map(Result::unwrap).collect();
    assert_eq!(listed.iter().map(|listed| &listed.key).collect::<Vec<_>>(), [&altered, &good]);
    assert_eq!(listed[0].opening.as_ref().unwrap_err(), &FormatError::Unreadable);
    assert!(listed[1].opening.is_ok());
}

#[test]
fn every_file_is_found_and_what_is_no_object_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let key = key("2026-11-23", 1, 1);
    let page = ObjectKind::Page { part: 0, page: 0 };
    put(root, "records", &key.object(ObjectKind::Opening), b"o");
    put(root, "records", &key.object(ObjectKind::Closing), b"c");
    put(root, "pages", &key.object(page), b"p");
    put(root, "sealed", &key.object(ObjectKind::Sealed), b"s");
    put(root, "pages", &key.object(ObjectKind::Closing), b"in the wrong folder");
    put(root, "records", "v1/dt=2026-11-23/notes.txt", b"?");
    std::os::unix::fs::symlink("/", root.join("records/v1/link")).unwrap();
    let records = Records::open(root).unwrap();
    let found: Vec<_> = records.objects().map(Result::unwrap).collect();
    let kinds: Vec<_> =
        found.iter().filter_map(|found| found.object.as_ref()).map(|(_, kind)| *kind).collect();
    assert_eq!(kinds, [ObjectKind::Closing, ObjectKind::Opening, page, ObjectKind::Sealed]);
    let unknown: Vec<_> =
        found.iter().filter(|found| found.object.is_none()).map(|found| &found.path).collect();
    let closing = root.join("pages").join(key.object(ObjectKind::Closing));
    assert_eq!(
        unknown,
        [&root.join("records/v1/dt=2026-11-23/notes.txt"), &root.join("records/v1/link"), &closing]
    );
    assert_eq!(records.read(&key, page).unwrap().as_deref(), Some(b"p".as_slice()));
    assert_eq!(records.read(&key, ObjectKind::Page { part: 1, page: 0 }).unwrap(), None);
    assert_eq!(records.days().unwrap(), ["2026-11-23"]);
}

#[test]
fn a_pipe_among_recordings_is_told_of_and_never_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    put_opening(root, &key("2026-11-23", 1, 1), "2026-11-23T10:00:00.000000Z");
    let place = root.join("records").join(key("2026-11-23", 1, 2).object(ObjectKind::Opening));
    crate::policies::pipe(&place);
    let records = Records::open(root).unwrap();
    assert!(records.read(&key("2026-11-23", 1, 2), ObjectKind::Opening).is_err());
    let listed: Vec<_> = records.listing(None, None).unwrap().collect();
    assert_eq!((listed.len(), listed.iter().filter(|listed| listed.is_err()).count()), (2, 1));
    let found = records.objects().map(Result::unwrap).find(|found| found.path == place).unwrap();
    assert!(found.object.is_none(), "the verifier tells of it as of no object of ours");
}

#[test]
fn a_name_that_no_exchange_carries_is_told_apart() {
    use gateway::ports::RevokedWhat::{Agent, Person, Session};
    use local::Known;
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    put_opening(root, &key("2026-11-23", 1, 1), "2026-11-23T10:00:00.000000Z");
    let records = Records::open(root).unwrap();
    let (known, unknown) = (SessionId::from_u128(1).to_string(), SessionId::from_u128(2).to_string());
    for (what, id, expected) in [
        (Agent, "", Known::Yes),
        (Agent, "nobody", Known::No),
        (Person, "nobody", Known::No),
        (Session, known.as_str(), Known::Yes),
        (Session, unknown.as_str(), Known::No),
    ] {
        assert_eq!(records.knows(what, id).unwrap(), expected, "{what:?} {id}");
    }
}
