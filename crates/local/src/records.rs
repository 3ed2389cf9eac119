//! Reading a home's recordings: for search, replay and verification.

mod archive;
mod listing;
mod walk;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use domain::SessionId;
use gateway::ports::RevokedWhat;
use recording::{ObjectKind, RecordKey};

use crate::disk::read_file;
use crate::error::HomeError;
use crate::layout::Layout;

pub use archive::HomeArchive;
pub use listing::{Listed, Listing};
pub use walk::{Found, Objects};

/// The recordings in a home, or in a copy of one: read, never written. Neither state nor keys are needed or touched,
/// and a copy's permissions do not matter. Everything here blocks.
#[derive(Clone, Debug)]
pub struct Records {
    layout: Layout,
}

/// Whether a name is known, see [`Records::knows`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Known {
    /// An exchange carries it.
    Yes,
    /// None does.
    No,
    /// None of the newest does; there are more.
    Perhaps,
}

/// So many openings are looked at for a name: about a second's work.
const LOOKED_AT: usize = 20_000;

impl Records {
    /// The recordings of the home at `path`.
    ///
    /// # Errors
    /// [`HomeError::Missing`] when there is no home, [`HomeError::RecordsGone`] when there is one without them: every home
    /// has the folder from its first start on.
    pub fn open(path: &Path) -> Result<Self, HomeError> {
        let layout = Layout::new(path);
        if layout.records().is_dir() {
            return Ok(Self { layout });
        }
        let others = [layout.state(), layout.master(), layout.pages(), layout.sealed()];
        let path = path.to_owned();
        if others.iter().any(|other| other.exists()) {
            Err(HomeError::RecordsGone { path })
        } else {
            Err(HomeError::Missing { path })
        }
    }

    /// The object's bytes; none when there is none.
    ///
    /// # Errors
    /// [`HomeError::Io`] when the file cannot be read.
    pub fn read(&self, key: &RecordKey, kind: ObjectKind) -> Result<Option<Vec<u8>>, HomeError> {
        let Some(path) = self.layout.object(key, kind) else { return Ok(None) };
        match read_file(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(HomeError::at(&path)(error)),
        }
    }

    /// Whether there is such an object.
    pub(crate) fn has(&self, key: &RecordKey, kind: ObjectKind) -> Result<bool, HomeError> {
        let Some(path) = self.layout.object(key, kind) else { return Ok(false) };
        path.try_exists().map_err(HomeError::at(&path))
    }

    /// The days on which something was opened, in order.
    ///
    /// # Errors
    /// [`HomeError::Io`] when the folder cannot be read.
    pub fn days(&self) -> Result<Vec<String>, HomeError> {
        let names = names_in(&self.layout.records().join("v1"))?;
        Ok(names.iter().filter_map(|name| name.strip_prefix("dt=")).map(str::to_owned).collect())
    }

    /// The exchanges of a session that have an opening, by number.
    ///
    /// # Errors
    /// [`HomeError::Io`] when a folder cannot be read.
    pub fn exchanges(&self, session: SessionId) -> Result<Vec<RecordKey>, HomeError> {
        let mut keys = Vec::new();
        for day in self.days()? {
            keys.append(&mut openings_in(&self.layout, &day, session)?);
        }
        keys.sort_by_key(|key| (key.exchange.number, key.day.clone()));
        Ok(keys)
    }

    /// The exchanges of a session of which anything is here, by number.
    ///
    /// # Errors
    /// [`HomeError::Io`] when a folder cannot be read.
    pub(crate) fn all_of(&self, session: SessionId) -> Result<Vec<RecordKey>, HomeError> {
        let mut keys = BTreeSet::new();
        for day in self.days()? {
            let names = names_in(&self.layout.session_records(&day, session))?;
            let parse = |name: &String| RecordKey::parse(&format!("v1/dt={day}/{session}/{name}"));
            keys.extend(names.iter().filter_map(parse).map(|(key, _)| key));
        }
        let mut keys: Vec<RecordKey> = keys.into_iter().collect();
        keys.sort_by_key(|key| (key.exchange.number, key.day.clone()));
        Ok(keys)
    }

    /// The steps of an exchange's approval, in order, from the first on until one is missing.
    ///
    /// # Errors
    /// [`HomeError::Io`] when a file cannot be read.
    pub fn approval(&self, key: &RecordKey) -> Result<Vec<Vec<u8>>, HomeError> {
        let mut steps = Vec::new();
        for step in 0.. {
            match self.read(key, ObjectKind::Approval { step })? {
                Some(object) => steps.push(object),
                None => break,
            }
        }
        Ok(steps)
    }

    /// What is known of an exchange's prompt since it was opened, in order, from the first on until one is missing.
    ///
    /// # Errors
    /// [`HomeError::Io`] when a file cannot be read.
    pub fn evidence(&self, key: &RecordKey) -> Result<Vec<Vec<u8>>, HomeError> {
        let mut late = Vec::new();
        for step in 0.. {
            match self.read(key, ObjectKind::Evidence { step })? {
                Some(object) => late.push(object),
                None => break,
            }
        }
        Ok(late)
    }

    /// Every exchange opened on the days from `from` to `to` (both included; none: without end), the newest last,
    /// each with its opening. Holds one opening a session of the day in memory.
    ///
    /// # Errors
    /// [`HomeError::Io`] when the folder cannot be read; the listing itself tells of every opening that cannot.
    pub fn listing(&self, from: Option<&str>, to: Option<&str>) -> Result<Listing, HomeError> {
        let mut days = self.days()?;
        days.retain(|day| {
            from.is_none_or(|from| day.as_str() >= from) && to.is_none_or(|to| day.as_str() <= to)
        });
        Ok(Listing::new(self.layout.clone(), days))
    }

    /// Whether an exchange of this home carries that name: an agent's, a person's (or, as a token says it, a subject's), or
    /// a session's. The newest are looked at first, and no more than a bounded number of them.
    ///
    /// # Errors
    /// [`HomeError::Io`] when a folder cannot be read.
    pub fn knows(&self, what: RevokedWhat, id: &str) -> Result<Known, HomeError> {
        let mut looked = 0_usize;
        for day in self.days()?.iter().rev() {
            if what == RevokedWhat::Session {
                let Ok(session) = id.parse() else { return Ok(Known::No) };
                if !openings_in(&self.layout, day, session)?.is_empty() {
                    return Ok(Known::Yes);
                }
                continue;
            }
            for listed in self.listing(Some(day), Some(day))? {
                let Ok(Ok(opening)) = listed.map(|listed| listed.opening) else { continue };
                let principal = opening.record.principal;
                let is_named = match what {
                    RevokedWhat::Agent => principal.agent == id,
                    RevokedWhat::Person => principal.person.as_deref() == Some(id) || principal.subject == id,
                    RevokedWhat::Session => false,
                };
                if is_named {
                    return Ok(Known::Yes);
                }
                looked = looked.saturating_add(1);
                if looked >= LOOKED_AT {
                    return Ok(Known::Perhaps);
                }
            }
        }
        Ok(Known::No)
    }

    /// Every file in the folders of records, pages and sealed texts, also those that are no objects.
    pub fn objects(&self) -> Objects {
        Objects::new(&self.layout)
    }
}

/// The keys of the openings of one session on one day, by number.
fn openings_in(layout: &Layout, day: &str, session: SessionId) -> Result<Vec<RecordKey>, HomeError> {
    let names = names_in(&layout.session_records(day, session))?;
    let parse = |name: &String| match RecordKey::parse(&format!("v1/dt={day}/{session}/{name}")) {
        Some((key, ObjectKind::Opening)) => Some(key),
        Some((
            _,
            ObjectKind::Closing
            | ObjectKind::Approval { .. }
            | ObjectKind::Standing { .. }
            | ObjectKind::Evidence { .. }
            | ObjectKind::Page { .. }
            | ObjectKind::Sealed,
        ))
        | None => None,
    };
    Ok(names.iter().filter_map(parse).collect())
}

/// The names in a folder, in order; none when there is no such folder. Names that are no text are left out.
fn names_in(folder: &Path) -> Result<Vec<String>, HomeError> {
    let mut names: Vec<String> =
        paths_in(folder)?.iter().filter_map(|path| path.file_name()?.to_str().map(str::to_owned)).collect();
    names.sort_unstable();
    Ok(names)
}

/// The paths in a folder, in order; none when there is no such folder.
fn paths_in(folder: &Path) -> Result<Vec<PathBuf>, HomeError> {
    let read = || -> io::Result<Vec<PathBuf>> {
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder)? {
            paths.push(entry?.path());
        }
        paths.sort_unstable();
        Ok(paths)
    };
    match read() {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(Vec::new())
        }
        read => read.map_err(HomeError::at(folder)),
    }
}
