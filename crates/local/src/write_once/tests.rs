//! What survives when an operation fails, or the power does.

use std::collections::BTreeMap;

use super::*;

/// A file system in memory that forgets, in a crash, every name that was not synced.
#[derive(Default)]
struct Forgetful {
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    now: BTreeMap<PathBuf, Entry>,
    durable: BTreeMap<PathBuf, Entry>,
    operations: Vec<String>,
    fails: Option<Fails>,
}

#[derive(Clone, PartialEq, Debug)]
enum Entry {
    Folder,
    File(Vec<u8>),
}

#[derive(Clone, Copy, Debug)]
enum Fails {
    /// The operation with this number, once.
    At(usize),
    /// The operation with this number and all after it: the power is gone.
    From(usize),
}

impl Forgetful {
    fn with_root() -> Arc<Self> {
        let disk = Self::default();
        for folder in ["/home", "/home/new", "/home/records"] {
            disk.held.lock().unwrap().now.insert(folder.into(), Entry::Folder);
            disk.held.lock().unwrap().durable.insert(folder.into(), Entry::Folder);
        }
        Arc::new(disk)
    }

    fn fail(&self, fails: Fails) {
        self.held.lock().unwrap().fails = Some(fails);
    }

    fn crash(&self) {
        let mut held = self.held.lock().unwrap();
        let mut survived: BTreeMap<PathBuf, Entry> = BTreeMap::new();
        for (path, entry) in &held.durable {
            // Parents come before their children in the order of paths.
            if path.parent().is_none_or(|parent| parent == Path::new("/") || survived.contains_key(parent)) {
                survived.insert(path.clone(), entry.clone());
            }
        }
        held.durable = survived.clone();
        held.now = survived;
        held.fails = None;
    }

    fn do_it<T>(
        &self,
        operation: &str,
        path: &Path,
        work: impl FnOnce(&mut Held, bool) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut held = self.held.lock().unwrap();
        let at = held.operations.len();
        let name = path.strip_prefix("/home").unwrap().display().to_string();
        let name = if name.starts_with("new/") { "new/…".to_owned() } else { name };
        held.operations.push(format!("{operation} {name}"));
        let fails = match held.fails {
            Some(Fails::At(number)) => number == at,
            Some(Fails::From(number)) => at >= number,
            None => false,
        };
        let done = work(&mut held, fails);
        if fails { Err(io::Error::from(io::ErrorKind::StorageFull)) } else { done }
    }
}

impl Disk for Forgetful {
    fn write_new_synced(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.do_it("write", path, |held, fails| {
            let written = if fails { &bytes[..bytes.len() / 2] } else { bytes };
            held.now.insert(path.to_owned(), Entry::File(written.to_owned()));
            Ok(())
        })
    }

    fn link_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.do_it("link", to, |held, fails| {
            if !held.now.contains_key(to.parent().unwrap()) {
                return Err(io::ErrorKind::NotFound.into());
            }
            if held.now.contains_key(to) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            let file = held.now.get(from).cloned().ok_or(io::ErrorKind::NotFound)?;
            if !fails {
                held.now.insert(to.to_owned(), file);
            }
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.do_it("remove", path, |held, fails| {
            if !fails {
                held.now.remove(path);
            }
            Ok(())
        })
    }

    fn make_dir(&self, path: &Path) -> io::Result<()> {
        self.do_it("make", path, |held, fails| {
            if !fails {
                held.now.entry(path.to_owned()).or_insert(Entry::Folder);
            }
            Ok(())
        })
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.do_it("sync", path, |held, fails| {
            if !fails {
                let is_in = |name: &PathBuf| name.parent() == Some(path);
                held.durable.retain(|name, _| !is_in(name));
                let names: Vec<_> = held.now.iter().filter(|(name, _)| is_in(name)).collect();
                let names: Vec<_> =
                    names.into_iter().map(|(name, entry)| (name.clone(), entry.clone())).collect();
                held.durable.extend(names);
            }
            Ok(())
        })
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        self.do_it("look", path, |held, _| Ok(held.now.contains_key(path)))
    }

    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        match self.held.lock().unwrap().now.get(path) {
            Some(Entry::File(bytes)) => Ok(Some(bytes.clone())),
            Some(Entry::Folder) | None => Ok(None),
        }
    }
}

const ROOT: &str = "/home/records";
const FILE: &str = "/home/records/day/session/1.opening";
const BYTES: &[u8] = b"an opening";

fn write(disk: &Arc<Forgetful>) -> io::Result<Wrote> {
    WriteOnce::new(disk.clone(), "/home/new".into()).write(Path::new(ROOT), Path::new(FILE), BYTES)
}

#[test]
fn a_file_is_synced_before_its_name_and_its_name_before_the_answer() {
    let disk = Forgetful::with_root();
    assert_eq!(write(&disk).unwrap(), Wrote::Kept);
    assert_eq!(
        disk.held.lock().unwrap().operations,
        [
            "look records/day/session/1.opening",
            "write new/…",
            "make records/day",
            "sync records",
            "make records/day/session",
            "sync records/day",
            "link records/day/session/1.opening",
            "remove new/…",
            "sync records/day/session",
        ]
    );
}

#[test]
fn what_was_kept_survives_the_loss_of_power() {
    let disk = Forgetful::with_root();
    assert_eq!(write(&disk).unwrap(), Wrote::Kept);
    disk.crash();
    assert_eq!(disk.read(Path::new(FILE)).unwrap().as_deref(), Some(BYTES));
}

#[test]
fn a_failure_or_a_crash_at_any_step_never_leaves_half_a_file_and_never_claims_to_have_kept_one() {
    for step in 0..12 {
        for fails in [Fails::At(step), Fails::From(step)] {
            let disk = Forgetful::with_root();
            disk.fail(fails);
            let wrote = write(&disk);
            disk.crash();
            let found = disk.read(Path::new(FILE)).unwrap();
            match wrote {
                Ok(Wrote::Kept) => assert_eq!(found.as_deref(), Some(BYTES), "{fails:?}"),
                Ok(Wrote::Taken) => panic!("nobody else wrote: {fails:?}"),
                Err(_) => assert!(found.is_none_or(|found| found == BYTES), "{fails:?}"),
            }
        }
    }
}

#[test]
fn after_a_failure_at_any_step_the_same_write_succeeds_or_finds_itself() {
    for step in 0..9 {
        let disk = Forgetful::with_root();
        disk.fail(Fails::At(step));
        let _ = write(&disk);
        assert!(write(&disk).is_ok(), "step {step}");
        disk.crash();
        assert_eq!(disk.read(Path::new(FILE)).unwrap().as_deref(), Some(BYTES), "step {step}");
    }
}

#[test]
fn a_name_that_another_process_has_not_synced_yet_is_durable_before_it_counts_as_taken() {
    let disk = Forgetful::with_root();
    // The other process stops right after its link.
    disk.fail(Fails::From(7));
    assert!(write(&disk).is_err());
    disk.held.lock().unwrap().fails = None;
    assert_eq!(write(&disk).unwrap(), Wrote::Taken);
    disk.crash();
    assert_eq!(disk.read(Path::new(FILE)).unwrap().as_deref(), Some(BYTES));
}

#[test]
fn a_folder_that_was_tidied_away_is_made_again() {
    let disk = Forgetful::with_root();
    let files = WriteOnce::new(disk.clone(), "/home/new".into());
    let write = |name: &str| files.write(Path::new(ROOT), &Path::new(ROOT).join(name), BYTES).unwrap();
    assert_eq!(write("day/session/1"), Wrote::Kept);
    disk.held.lock().unwrap().now.retain(|path, _| !path.starts_with("/home/records/day"));
    assert_eq!(write("day/session/2"), Wrote::Kept);
    disk.crash();
    assert!(disk.read(Path::new("/home/records/day/session/2")).unwrap().is_some());
}
