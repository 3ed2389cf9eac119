//! A home: one folder that answers the ports.

mod revocations;
mod serving;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use domain::Timestamp;
use gateway::ports::Clock;
use rusqlite::params;

use crate::clock::SystemClock;
use crate::disk::{Disk, RealDisk};
use crate::error::HomeError;
use crate::keys::KeyRing;
use crate::layout::Layout;
use crate::recorder::InFlight;
use crate::state::State;
use crate::write_once::WriteOnce;

pub(crate) use revocations::revoked_word;
pub use revocations::{Revocation, RevocationAct};
pub use serving::{ReviewersClient, ServedPolicies, Serving, SignInRules};

/// After how long a file on its way to its name has been forgotten by a crash.
const SWEEP: Duration = Duration::from_secs(60 * 60);

/// One folder that answers `Recorder`, `Recordings`, `Exchanges`, `Approvals` and `Keys`.
///
/// Cheap to clone. Several processes may have the same home open. The folders of a home:
///
/// | path | holds |
/// | --- | --- |
/// | `records/v1/dt=<day>/<session>/<n>.opening.json`, `.approval-0000.json` …, `.closing.json` | openings, steps of approvals, closings |
/// | `pages/v1/…/<n>.part-0000.page-000000` | pages of masked rows |
/// | `sealed/v1/…/<n>.sealed` | exact texts, encrypted |
/// | `standing/<session>-<number>` | where standing approvals lie (`.standing-0000.json` … among the records) |
/// | `state.db` | what is under way |
/// | `keys/master`, `keys/sessions/<session>` | the master key; session keys wrapped under it |
///
/// Folders have mode 0700 and files 0600 from the moment they exist. Deleting `keys/sessions/<session>` erases that
/// session's exact texts and nothing else (a running gateway forgets the key when it is restarted).
#[derive(Clone)]
pub struct Home {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub layout: Layout,
    pub files: WriteOnce,
    pub state: State,
    pub keys: KeyRing,
    pub in_flight: InFlight,
}

/// How many requests were turned away in one minute, at one door, for one reason, before they became an exchange.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rejections {
    /// When the minute began.
    pub minute: Timestamp,
    /// The door's word.
    pub door: String,
    /// The reason's word.
    pub reason: String,
    /// How many.
    pub count: u64,
}

impl Home {
    /// Opens the home at `path`, and makes it when there is none. Blocks.
    ///
    /// # Errors
    /// [`HomeError`] when it cannot be made or read, when others than its owner may use what is secret in it, or when
    /// another version wrote it.
    pub fn open(path: &Path) -> Result<Self, HomeError> {
        Self::open_on(path, Arc::new(RealDisk))
    }

    /// Opens the home at `path`, which must be there. Blocks.
    ///
    /// # Errors
    /// As [`Home::open`], and [`HomeError::Missing`].
    pub fn open_existing(path: &Path) -> Result<Self, HomeError> {
        let layout = Layout::new(path);
        if !layout.state().is_file() || !layout.master().is_file() {
            return Err(HomeError::Missing { path: path.to_owned() });
        }
        Self::open(path)
    }

    /// Opens a home whose objects are written through `disk`.
    pub(crate) fn open_on(path: &Path, disk: Arc<dyn Disk>) -> Result<Self, HomeError> {
        let layout = Layout::new(path);
        let files = WriteOnce::new(disk, layout.temporary());
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            fs::create_dir_all(parent).map_err(HomeError::at(parent))?;
        }
        for folder in layout.folders() {
            files.disk().make_dir(&folder).map_err(HomeError::at(&folder))?;
            refuse_others(&folder)?;
        }
        files.disk().sync_dir(path).map_err(HomeError::at(path))?;
        files.disk().sync_dir(&layout.keys()).map_err(HomeError::at(&layout.keys()))?;
        for file in [layout.master(), layout.state()] {
            if file.exists() {
                refuse_others(&file)?;
            }
        }
        let keys = KeyRing::open(&layout, &files)?;
        let state = State::open(&layout.state())?;
        sweep(&layout);
        let inner = Inner { layout, files, state, keys, in_flight: InFlight::default() };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.inner.layout.root()
    }

    /// What was turned away before it became an exchange, in the minutes from `from` to `to` (exclusive), in order. Blocks.
    ///
    /// # Errors
    /// [`HomeError::State`] when it cannot be read.
    pub fn rejected(&self, from: Timestamp, to: Timestamp) -> Result<Vec<Rejections>, HomeError> {
        let select = "SELECT minute, door, reason, count FROM rejected WHERE minute >= ?1 AND minute < ?2
                      ORDER BY minute, door, reason";
        let (from, to) = (from.as_secs().div_euclid(60), to.as_secs().saturating_add(59).div_euclid(60));
        self.inner
            .state
            .read_now(|connection| {
                let mut select = connection.prepare_cached(select)?;
                let rows = select.query_map(params![from, to], |row| {
                    let minute: i64 = row.get(0)?;
                    Ok(Rejections {
                        minute: Timestamp::from_micros(minute.saturating_mul(60_000_000)),
                        door: row.get(1)?,
                        reason: row.get(2)?,
                        count: u64::try_from(row.get::<_, i64>(3)?).unwrap_or(0),
                    })
                })?;
                rows.collect()
            })
            .map_err(HomeError::State)
    }
}

/// Refuses what its owner shares with others.
// SECURITY: permissions are checked on every start, because a copied or restored folder may have lost them.
fn refuse_others(path: &Path) -> Result<(), HomeError> {
    let mode = fs::metadata(path).map_err(HomeError::at(path))?.permissions().mode() & 0o777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(HomeError::Permissions { path: path.to_owned(), mode }) }
}

/// Takes away what a crash left on its way to its name. Nothing rests on it, so trouble here is no trouble.
fn sweep(layout: &Layout) {
    let now = SystemClock.now();
    for entry in fs::read_dir(layout.temporary()).into_iter().flatten().flatten() {
        let modified = entry.metadata().ok().and_then(|found| found.modified().ok());
        let age = modified
            .and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok())
            .and_then(|at| i64::try_from(at.as_micros()).ok())
            .map(|at| now.since(Timestamp::from_micros(at)));
        if age.is_some_and(|age| age > SWEEP) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "everything in it is a test, also what tests share"
)]
mod tests;
