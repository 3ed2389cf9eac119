//! A home on a disk that fails.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use bytes::Bytes;
use domain::SessionId;
use gateway::ports::{Exchanges, Keys, Recorder, Recordings, Written};
use gateway::{Fault, Origin, Retry};
use recording::{ObjectKind, RecordKey};

use super::*;

/// The disk of this machine, until it is told to fail.
struct Failing {
    fails: Mutex<Option<(&'static str, io::ErrorKind)>>,
}

impl Failing {
    fn check(&self, operation: &str) -> io::Result<()> {
        match *self.fails.lock().unwrap() {
            Some((failing, kind)) if failing == operation => Err(io::Error::from(kind)),
            Some(_) | None => Ok(()),
        }
    }
}

impl Disk for Failing {
    fn write_new_synced(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.check("write")?;
        RealDisk.write_new_synced(path, bytes)
    }
    fn link_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.check("link")?;
        RealDisk.link_new(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)
    }
    fn make_dir(&self, path: &Path) -> io::Result<()> {
        self.check("make")?;
        RealDisk.make_dir(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.check("sync")?;
        RealDisk.sync_dir(path)
    }
    fn exists(&self, path: &Path) -> io::Result<bool> {
        RealDisk.exists(path)
    }
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        self.check("read")?;
        RealDisk.read(path)
    }
}

fn home() -> (tempfile::TempDir, Arc<Failing>, Home) {
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::new(Failing { fails: Mutex::new(None) });
    let home = Home::open_on(&folder.path().join("home"), disk.clone()).unwrap();
    (folder, disk, home)
}

fn key(number: u32) -> RecordKey {
    RecordKey::new("2026-11-23", format!("{}/{number}", "a".repeat(32)).parse().unwrap())
}

#[track_caller]
fn check(fault: &Fault, origin: Origin, retry: Retry, public: &str) {
    assert_eq!((fault.origin, fault.retry, fault.public.as_str()), (origin, retry, public));
    assert!(std::error::Error::source(fault).is_some(), "the cause is there for the log");
}

#[tokio::test]
async fn a_full_disk_is_told_as_a_passing_fault_without_a_path() {
    let (_folder, disk, home) = home();
    *disk.fails.lock().unwrap() = Some(("write", io::ErrorKind::StorageFull));
    let fault = home.keep(&key(1), ObjectKind::Opening, Bytes::from_static(b"x")).await.unwrap_err();
    check(
        &fault,
        Origin::Recordings,
        Retry::Soon,
        "the recordings folder cannot be written: no space is left",
    );
    let page = ObjectKind::Page { part: 0, page: 0 };
    let fault = home.keep(&key(1), page, Bytes::from_static(b"x")).await.unwrap_err();
    check(&fault, Origin::Pages, Retry::Soon, "the pages folder cannot be written: no space is left");
    *disk.fails.lock().unwrap() = None;
    let kept = home.keep(&key(1), ObjectKind::Opening, Bytes::from_static(b"x")).await.unwrap();
    assert!(matches!(kept, Written::Kept(_)), "the number was not lost");
}

#[tokio::test]
async fn a_read_only_folder_is_told_as_a_fault_that_somebody_must_mend() {
    let (_folder, disk, home) = home();
    for (operation, kind) in [
        ("write", io::ErrorKind::ReadOnlyFilesystem),
        ("make", io::ErrorKind::PermissionDenied),
        ("link", io::ErrorKind::PermissionDenied),
    ] {
        *disk.fails.lock().unwrap() = Some((operation, kind));
        let fault = home.keep(&key(1), ObjectKind::Opening, Bytes::from_static(b"x")).await.unwrap_err();
        check(&fault, Origin::Recordings, Retry::Never, "the recordings folder cannot be written");
    }
    assert_eq!(std::fs::read_dir(home.path().join("tmp")).unwrap().count(), 0, "nothing is left behind");
}

#[tokio::test]
async fn a_sync_that_fails_is_a_fault_and_the_number_stays_taken() {
    let (_folder, disk, home) = home();
    let write = async |number, bytes: &'static [u8]| {
        home.keep(&key(number), ObjectKind::Opening, Bytes::from_static(bytes)).await
    };
    assert!(matches!(write(1, b"first").await.unwrap(), Written::Kept(_)));
    *disk.fails.lock().unwrap() = Some(("sync", io::ErrorKind::Other));
    let fault = write(2, b"second").await.unwrap_err();
    check(&fault, Origin::Recordings, Retry::Soon, "the recordings folder cannot be written");
    *disk.fails.lock().unwrap() = None;
    assert!(matches!(write(2, b"third").await.unwrap(), Written::Taken), "nobody may write over it");
    let found = home.read(&key(2), ObjectKind::Opening).await.unwrap();
    assert_eq!(found.as_deref(), Some(b"second".as_slice()));
}

#[tokio::test]
async fn records_that_cannot_be_read_are_a_fault_and_not_absent() {
    let (_folder, disk, home) = home();
    assert_eq!(home.read(&key(1), ObjectKind::Closing).await.unwrap(), None);
    *disk.fails.lock().unwrap() = Some(("read", io::ErrorKind::PermissionDenied));
    let fault = home.read(&key(1), ObjectKind::Closing).await.unwrap_err();
    check(&fault, Origin::Recordings, Retry::Soon, "the recordings folder cannot be read");
}

#[tokio::test]
async fn a_session_key_that_cannot_be_kept_is_not_used() {
    let (_folder, disk, home) = home();
    let session = SessionId::from_u128(7);
    for operation in ["write", "link", "sync"] {
        *disk.fails.lock().unwrap() = Some((operation, io::ErrorKind::StorageFull));
        assert!(home.session(session).await.is_err(), "{operation}");
    }
    *disk.fails.lock().unwrap() = None;
    let keys = home.session(session).await.unwrap();
    let again = Home::open(home.path()).unwrap().session(session).await.unwrap();
    assert_eq!((keys.seal, keys.tokens), (again.seal, again.tokens));
}

#[tokio::test]
async fn state_that_is_locked_out_or_damaged_is_a_fault() {
    let (_folder, _disk, home) = home();
    home.inner.state.write_now(|tx| tx.execute_batch("DROP TABLE revocations")).unwrap();
    let principal = domain::PrincipalKey::from_stored("p".into());
    assert!(home.find(&principal, domain::Handle::from_u128(1)).await.unwrap().is_none());
    let identity = domain::Identity {
        issuer: "i".into(),
        subject: "s".into(),
        agent: domain::Agent::new("a"),
        person: None,
        groups: Default::default(),
        scopes: Default::default(),
        token_id: None,
        expires_at: Timestamp::from_micros(0),
    };
    let fault = home.revoked(&identity, None).await.unwrap_err();
    check(&fault, Origin::Exchanges, Retry::Never, "the state of statements cannot be read or written");
}

#[test]
fn what_a_crash_left_half_written_is_swept_when_it_is_old() {
    let (_folder, _disk, home) = home();
    let old = home.path().join("tmp").join("old");
    let young = home.path().join("tmp").join("young");
    let files: [&PathBuf; 2] = [&old, &young];
    files.iter().for_each(|path| std::fs::write(path, b"half").unwrap());
    let long_ago = std::time::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    std::fs::File::options().write(true).open(&old).unwrap().set_modified(long_ago).unwrap();
    drop(Home::open(home.path()).unwrap());
    assert_eq!(files.map(|path| path.exists()), [false, true]);
}
