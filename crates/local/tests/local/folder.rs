//! The folder itself: modes, versions, and being opened again.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use domain::{Agent, ExchangeId, ExchangeNumber, Person, SessionId, Timestamp};
use gateway::Stage;
use gateway::ports::{
    Approvals, Claimed, Evidence, Exchanges, Expecting, FOUND, Keyed, Keys, Named, Recorder, RevokedWhat,
    Saved, Subject,
};
use local::{Home, HomeError};
use recording::{ObjectKind, RecordKey};

use conformance::{LEASE, NOON, Wish, begin, handle, live, new, session, somebody};

fn everything_in(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(everything_in(&path)) } else { found.push(path) }
    }
    found
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

async fn used_home(path: &Path) -> Home {
    let home = Home::open(path).unwrap();
    let key = RecordKey::new("2026-11-23", format!("{}/1", session()).parse().unwrap());
    for kind in
        [ObjectKind::Opening, ObjectKind::Closing, ObjectKind::Sealed, ObjectKind::Page { part: 0, page: 0 }]
    {
        Recorder::keep(&home, &key, kind, Bytes::from_static(b"x")).await.unwrap();
    }
    home.session(key.exchange.session).await.unwrap();
    home.count_rejected("sqlapi", "signature", NOON).await.unwrap();
    home
}

#[tokio::test]
async fn nobody_but_the_owner_may_use_anything_in_a_home() {
    let folder = tempfile::tempdir().unwrap();
    let home = used_home(&folder.path().join("home")).await;
    let found = everything_in(home.path());
    assert!(found.len() > 20);
    for path in found {
        let expected = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(&path), expected, "{}", path.display());
    }
}

#[tokio::test]
async fn a_home_that_others_may_use_is_refused_with_the_command_that_mends_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("home");
    drop(used_home(&path).await);
    for name in ["", "keys", "keys/sessions", "keys/master", "state.db", "sealed", "records", "pages"] {
        let secret = path.join(name);
        let before = mode(&secret);
        for others in [0o040, 0o004, 0o020] {
            fs::set_permissions(&secret, fs::Permissions::from_mode(before | others)).unwrap();
            for refused in [Home::open(&path).err().unwrap(), Home::open_existing(&path).err().unwrap()] {
                assert!(matches!(refused, HomeError::Permissions { .. }), "{name}: {refused}");
                assert!(refused.to_string().contains("chmod go-rwx"), "{refused}");
            }
        }
        fs::set_permissions(&secret, fs::Permissions::from_mode(before)).unwrap();
    }
    Home::open(&path).unwrap();
}

#[tokio::test]
async fn a_home_that_is_opened_again_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("home");
    let session = session();
    let home = Home::open(&path).unwrap();
    let keys = home.session(session).await.unwrap();
    let digest = home.digest().await.unwrap();
    drop(home);
    for _ in 0..3 {
        let home = Home::open(&path).unwrap();
        let again = home.session(session).await.unwrap();
        assert_eq!((again.seal, again.tokens), (keys.seal, keys.tokens));
        assert_eq!(home.digest().await.unwrap(), digest);
    }
}

#[test]
fn many_processes_may_start_in_a_new_home_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("home");
    let homes: Vec<Home> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..8).map(|_| scope.spawn(|| Home::open(&path).unwrap())).collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect()
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let digests: Vec<_> =
        homes.iter().map(|home| runtime.block_on(gateway::ports::Keys::digest(home)).unwrap()).collect();
    assert!(digests.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn an_existing_home_is_opened_and_never_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("home");
    assert!(matches!(Home::open_existing(&path), Err(HomeError::Missing { .. })));
    assert!(!path.exists());
}

#[tokio::test]
async fn a_master_key_that_is_gone_or_damaged_is_never_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("home");
    drop(used_home(&path).await);
    let master = path.join("keys/master");
    let key = fs::read(&master).unwrap();
    fs::write(&master, &key[..31]).unwrap();
    assert!(matches!(Home::open(&path), Err(HomeError::MasterKey { .. })));
    fs::remove_file(&master).unwrap();
    assert!(matches!(Home::open(&path), Err(HomeError::MasterKey { .. })));
    assert!(!master.exists());
}

#[tokio::test]
async fn deleting_a_sessions_key_erases_it_and_a_damaged_or_moved_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("home");
    let (one, other) = (session(), session());
    let home = Home::open(&path).unwrap();
    let keys = home.session(one).await.unwrap();
    home.session(other).await.unwrap();
    let file = |session: SessionId| path.join("keys/sessions").join(session.to_string());
    assert!(!fs::read(file(one)).unwrap().windows(32).any(|window| window == keys.seal), "it is wrapped");
    fs::copy(file(one), file(other)).unwrap();
    let fresh = Home::open(&path).unwrap();
    assert!(fresh.session(other).await.is_err(), "a key belongs to its session");
    fs::remove_file(file(one)).unwrap();
    assert!(fresh.existing_keys(one).unwrap().is_none());
    assert_ne!(fresh.session(one).await.unwrap().seal, keys.seal);
}

#[tokio::test]
async fn state_of_another_version_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("home");
    drop(used_home(&path).await);
    for version in [0, 10, 99] {
        let state = rusqlite::Connection::open(path.join("state.db")).unwrap();
        state.pragma_update(None, "user_version", version).unwrap();
        drop(state);
        match Home::open(&path) {
            Err(HomeError::StateVersion { found, known: 9 }) => assert_eq!(found, version),
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("version {version} was accepted"),
        }
    }
    fs::write(path.join("state.db"), b"this is no database, and long enough to be seen as none").unwrap();
    let _ = fs::remove_file(path.join("state.db-wal"));
    assert!(matches!(Home::open(&path), Err(HomeError::State(_))));
}

/// As version 8 left it: without what tells prompts apart.
fn as_version_8(path: &Path) {
    let state = rusqlite::Connection::open(path.join("state.db")).unwrap();
    state.execute_batch("ALTER TABLE sightings DROP COLUMN text;").unwrap();
    state.pragma_update(None, "user_version", 8).unwrap();
}

/// As version 7 left it: also without what tells which sightings are known to their exchanges.
fn as_version_7(path: &Path) {
    as_version_8(path);
    let state = rusqlite::Connection::open(path.join("state.db")).unwrap();
    state.execute_batch("ALTER TABLE sightings DROP COLUMN is_met;").unwrap();
    state.pragma_update(None, "user_version", 7).unwrap();
}

/// As version 6 left it: also without what tells what was refused from what was not, and with leases of all together.
fn as_version_6(path: &Path) {
    as_version_7(path);
    let state = rusqlite::Connection::open(path.join("state.db")).unwrap();
    let back = "DROP INDEX expecting_tool_use; DROP INDEX expecting_at; DROP INDEX expecting_named_at;
                ALTER TABLE expecting DROP COLUMN is_refused; ALTER TABLE expecting DROP COLUMN said;
                CREATE INDEX expecting_tool_use ON expecting (tool_use, at_us) WHERE tool_use IS NOT NULL;
                CREATE INDEX expecting_at ON expecting (at_us);
                DROP TABLE leased_uses;
                CREATE TABLE leased_uses (tool_use TEXT PRIMARY KEY NOT NULL, call BLOB NOT NULL,
                    until_us INTEGER NOT NULL) WITHOUT ROWID;";
    state.execute_batch(back).unwrap();
    state.pragma_update(None, "user_version", 6).unwrap();
}

/// As version 5 left it: without what was mailed, and with evidence by the names of its channels.
fn as_version_5(path: &Path) {
    let state = rusqlite::Connection::open(path.join("state.db")).unwrap();
    let back = "DROP TABLE mails_per_second; DROP TABLE leased_uses; ALTER TABLE sightings DROP COLUMN name;
                ALTER TABLE evidence_channels DROP COLUMN bytes;";
    state.execute_batch(back).unwrap();
    state.pragma_update(None, "user_version", 5).unwrap();
}

/// As version 4 left it: also without evidence.
fn as_version_4(path: &Path) {
    as_version_5(path);
    let state = rusqlite::Connection::open(path.join("state.db")).unwrap();
    let back = "DROP TABLE sightings; DROP TABLE evidence_channels; DROP TABLE expecting;";
    state.execute_batch(back).unwrap();
    state.pragma_update(None, "user_version", 4).unwrap();
}

/// As version 3 left it: also without anything about approvals.
fn as_version_3(path: &Path) {
    as_version_4(path);
    let state = rusqlite::Connection::open(path.join("state.db")).unwrap();
    let back = "DROP INDEX exchanges_held; DROP INDEX exchanges_approval;
                ALTER TABLE exchanges DROP COLUMN is_held; ALTER TABLE exchanges DROP COLUMN is_woken;
                ALTER TABLE exchanges DROP COLUMN approval;";
    state.execute_batch(back).unwrap();
    state.pragma_update(None, "user_version", 3).unwrap();
}

/// As version 2 left it: also without the acts of revoking.
fn as_version_2(path: &Path) {
    as_version_3(path);
    let state = rusqlite::Connection::open(path.join("state.db")).unwrap();
    state.execute_batch("DROP TABLE revocation_acts;").unwrap();
    state.pragma_update(None, "user_version", 2).unwrap();
}

/// As version 1 left it: also without anything about hidden failures.
fn as_version_1(path: &Path) {
    as_version_2(path);
    let state = rusqlite::Connection::open(path.join("state.db")).unwrap();
    let back = "ALTER TABLE exchanges DROP COLUMN is_hidden_failure; DROP TABLE hidden_failures;";
    state.execute_batch(back).unwrap();
    state.pragma_update(None, "user_version", 1).unwrap();
}

#[tokio::test]
async fn what_version_2_revoked_is_listed_without_its_moment_and_can_be_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("home");
    Home::open(&path).unwrap().revoke(RevokedWhat::Person, "ana@example.com").unwrap();
    as_version_2(&path);
    let home = Home::open(&path).unwrap();
    let told = home.revocations().unwrap();
    assert_eq!((told.len(), told[0].id.as_str(), told[0].since), (1, "ana@example.com", None));
    assert!(home.undo_revocation(RevokedWhat::Person, "ana@example.com").unwrap());
    let acts: Vec<_> =
        home.revocation_history().unwrap().into_iter().map(|act| (act.act, act.at.is_some())).collect();
    assert_eq!(acts, [("revoked".to_owned(), false), ("undone".to_owned(), true)]);
}

#[tokio::test]
async fn a_person_is_revoked_however_they_are_spelt() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(&folder.path().join("home")).unwrap();
    let mut zoe = somebody();
    zoe.person = Some(Person::new("Zoe@example.com"));
    for spelling in ["zoe@example.com", "ZOE@Example.com", "zoe\u{200b}@example.com"] {
        home.revoke(RevokedWhat::Person, spelling).unwrap();
        assert_eq!(home.revoked(&zoe, None).await.unwrap(), Some(RevokedWhat::Person), "{spelling}");
        assert!(home.undo_revocation(RevokedWhat::Person, "zoe@EXAMPLE.com").unwrap());
        assert_eq!(home.revoked(&zoe, None).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_revocation_that_is_taken_back_stays_on_record() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(&folder.path().join("home")).unwrap();
    let mut claude = somebody();
    claude.agent = Agent::new("claude");
    assert_eq!(home.revocations().unwrap(), []);
    assert!(!home.undo_revocation(RevokedWhat::Agent, "claude").unwrap(), "nothing was revoked");
    for _ in 0..2 {
        home.revoke(RevokedWhat::Agent, "claude").unwrap();
        // Once more changes nothing, also not since when.
        let told = home.revocations().unwrap();
        home.revoke(RevokedWhat::Agent, "claude").unwrap();
        assert_eq!(home.revocations().unwrap(), told);
        assert!(told[0].since.is_some());
        assert_eq!(home.revoked(&claude, None).await.unwrap(), Some(RevokedWhat::Agent));
        // Of another kind, it is something else.
        assert!(!home.undo_revocation(RevokedWhat::Person, "claude").unwrap());
        assert!(home.undo_revocation(RevokedWhat::Agent, "claude").unwrap());
        assert_eq!(home.revoked(&claude, None).await.unwrap(), None);
        assert_eq!(home.revocations().unwrap(), []);
    }
    let again = Home::open(home.path()).unwrap();
    let acts: Vec<_> = again.revocation_history().unwrap();
    let words: Vec<_> =
        acts.iter().map(|act| (act.act.as_str(), act.kind.as_str(), act.id.as_str())).collect();
    let round = [("revoked", "agent", "claude"), ("undone", "agent", "claude")];
    assert_eq!(words, [round, round].concat());
    assert!(acts.is_sorted_by_key(|act| act.at));
}

#[tokio::test]
async fn state_of_the_version_before_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("home");
    let home = Home::open(&path).unwrap();
    home.revoke(RevokedWhat::Agent, "claude").unwrap();
    drop(home);
    as_version_5(&path);
    assert_eq!(Home::open(&path).unwrap().revocations().unwrap().len(), 1);
    let state = rusqlite::Connection::open(path.join("state.db")).unwrap();
    let mails: i64 = state.query_row("SELECT count(*) FROM mails_per_second", [], |row| row.get(0)).unwrap();
    assert_eq!(mails, 0);
}

#[tokio::test]
async fn state_of_an_earlier_version_is_brought_up_to_date_and_forgets_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("home");
    let ana = somebody();
    let home = Home::open(&path).unwrap();
    let state = begin(&home, &ana, 1).await;
    home.revoke(RevokedWhat::Agent, "agent-of-old").unwrap();
    drop(home);
    as_version_1(&path);

    let home = Home::open(&path).unwrap();
    assert_eq!(home.find(&ana.key(), state.handle().unwrap()).await.unwrap(), Some(state.clone()));
    let mut revoked = somebody();
    revoked.agent = Agent::new("agent-of-old");
    assert_eq!(home.revoked(&revoked, None).await.unwrap(), Some(RevokedWhat::Agent));
    // What it had under way may be a hidden failure, until it has told.
    let wish = Wish::of(&ana).hiding(1);
    assert!(matches!(wish.claim(&home, handle()).await, Claimed::OverBudget { .. }));
    assert_eq!(home.save(&state, 1, NOON.after(LEASE)).await.unwrap(), Saved::Yes);
    new(wish.claim(&home, handle()).await);
    drop(home);
    Home::open(&path).unwrap();
    as_version_5(&path);
    let home = Home::open(&path).unwrap();
    assert_eq!(home.find(&ana.key(), state.handle().unwrap()).await.unwrap(), Some(state));
    let whose = Subject {
        issuer: Some("https://issuer.example".into()),
        subject: Some("ana".into()),
        agent: Some("a".into()),
    };
    assert_eq!(Evidence::lease(&home, "tool use", &whose, 1, NOON).await.unwrap(), Named::default());
    // That a tool use was named before is not forgotten.
    let keyed = Keyed { tool_use: Some("tool use".into()), ..Keyed::default() };
    let exchange = domain::ExchangeId { session: session(), number: domain::ExchangeNumber::FIRST };
    let key = RecordKey::new("2026-11-23", exchange);
    let (subject, said) = (whose.clone(), None);
    home.expect(&Expecting { key, subject, keyed, said, is_refused: false, at: NOON }).await.unwrap();
    drop(home);
    as_version_6(&path);
    let home = Home::open(&path).unwrap();
    let itself = Named { by_itself: true, ..Named::default() };
    assert_eq!(home.named("tool use", &whose, None).await.unwrap(), itself);
    assert_eq!(Evidence::lease(&home, "tool use", &whose, 2, NOON).await.unwrap(), Named::default());
}

#[tokio::test]
async fn what_waited_before_there_were_approvals_waits_on_and_expires() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("home");
    let ana = somebody();
    let home = Home::open(&path).unwrap();
    let mut state = begin(&home, &ana, 1).await;
    let expires_us = NOON.after(Duration::from_secs(600)).as_micros();
    state.stage =
        Stage::Held { expires_us, reason: "a person must decide".into(), look_us: None, is_unasked: false };
    home.save(&state, 1, NOON.after(LEASE)).await.unwrap();
    Exchanges::release(&home, state.handle().unwrap(), 1).await.unwrap();
    drop(home);
    as_version_3(&path);

    let home = Home::open(&path).unwrap();
    assert!(home.waiting(10).await.unwrap().is_empty(), "nobody can approve it");
    let handles =
        async |seconds| home.unattended(NOON.after(Duration::from_secs(seconds)), 10).await.unwrap();
    assert!(handles(599).await.is_empty());
    assert_eq!(handles(600).await, [state.handle().unwrap()]);
    // It does not keep its principal from reading.
    let mut wish = Wish::of(&ana);
    wish.limits.at_once = 1;
    new(wish.claim(&home, handle()).await);
}

#[test]
fn only_a_session_that_can_be_one_is_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(&folder.path().join("home")).unwrap();
    assert!(matches!(home.revoke(RevokedWhat::Session, "claude"), Err(HomeError::NotASession { .. })));
    home.revoke(RevokedWhat::Agent, "claude").unwrap();
    home.revoke(RevokedWhat::Agent, "claude").unwrap();
}

#[tokio::test]
async fn rejections_are_counted_by_minute_door_and_reason_over_all_processes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("home");
    let homes = [Home::open(&path).unwrap(), Home::open(&path).unwrap()];
    for at in 0..90_i64 {
        let now = Timestamp::from_micros(NOON.as_micros() + at * 1_000_000);
        let reason = if at < 10 { "expired" } else { "signature" };
        homes[usize::try_from(at % 2).unwrap()].count_rejected("sqlapi", reason, now).await.unwrap();
    }
    let next = Timestamp::from_micros(NOON.as_micros() + 60_000_000);
    let counts: Vec<_> = homes[0]
        .rejected(NOON, Timestamp::from_micros(NOON.as_micros() + 90_000_000))
        .unwrap()
        .into_iter()
        .map(|found| (found.minute, found.reason, found.count))
        .collect();
    let expected = [
        (NOON, "expired".to_owned(), 10),
        (NOON, "signature".to_owned(), 50),
        (next, "signature".to_owned(), 30),
    ];
    assert_eq!(counts, expected);
    assert_eq!(homes[1].rejected(NOON, next).unwrap().len(), 2);
}

/// Two processes can each write an opening of one number, one on either side of midnight: then the state refuses the second.
#[tokio::test]
async fn a_number_belongs_to_one_exchange() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("home");
    let (first, second) = (Home::open(&path).unwrap(), Home::open(&path).unwrap());
    let identity = somebody();
    let begun = begin(&first, &identity, 1).await;
    let other = handle();
    let (session, next) = new(Wish::of(&identity).claim(&second, other).await);
    assert_eq!((format!("{session}/1"), next), (begun.exchange.clone(), 2));
    let again = live(&identity, other, session, 1);
    assert!(second.begin(&again, 2, NOON.after(LEASE)).await.is_err());
    assert!(second.find(&identity.key(), other).await.unwrap().is_none());
}

#[tokio::test]
async fn who_is_asked_after_so_many_under_a_trace_is_told_that_later_evidence_may_not_find_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("home");
    drop(Home::open(&path).unwrap());
    let state = rusqlite::Connection::open(path.join("state.db")).unwrap();
    let others = "INSERT INTO expecting (exchange, number, day, issuer, subject, agent, trace, at_us, is_refused)
                  WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < ?1)
                  SELECT ?3 || n, 0, '2026-11-23', 'issuer', 'ana', 'agent', 'trace', ?2 - n, ?4 FROM counted";
    state.execute(others, rusqlite::params![FOUND as i64 - 1, NOON.as_micros(), "ran", false]).unwrap();
    state.execute(others, rusqlite::params![FOUND as i64, NOON.as_micros(), "refused", true]).unwrap();
    drop(state);
    let home = Home::open(&path).unwrap();
    let expecting = |subject: &str, trace: &str, session: u128| Expecting {
        key: RecordKey::new(
            "2026-11-23",
            ExchangeId { session: SessionId::from_u128(session), number: ExchangeNumber::FIRST },
        ),
        subject: Subject {
            issuer: Some("issuer".into()),
            subject: Some(subject.into()),
            agent: Some("agent".into()),
        },
        keyed: Keyed { trace: Some(trace.into()), ..Keyed::default() },
        said: None,
        is_refused: false,
        at: NOON,
    };
    for (subject, trace, session, is_beyond) in [
        ("ana", "trace", 1, false),
        ("ana", "trace", 2, true),
        ("ben", "trace", 3, false),
        ("ana", "other", 4, false),
    ] {
        let expected = home.expect(&expecting(subject, trace, session)).await.unwrap();
        assert_eq!(expected.is_beyond, is_beyond, "{subject} {trace} {session}");
    }
}
