//! What can be wrong with a home, for the operator who opens it; and how trouble with it is told to an agent.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use gateway::{Fault, Origin};
use thiserror::Error;

/// Why a home cannot be used. For operators: it names paths, and is never shown to an agent.
#[derive(Debug, Error)]
pub enum HomeError {
    /// There is none.
    #[error("there is no home of a gateway at `{}`", path.display())]
    Missing {
        /// Where.
        path: PathBuf,
    },
    /// There is one, without its recordings.
    #[error("the home of a gateway at `{}` has no recordings any more: `records` is gone", path.display())]
    RecordsGone {
        /// Where.
        path: PathBuf,
    },
    /// Others than its owner may read or write what is secret.
    #[error("`{}` may be used by others than its owner (mode {mode:03o}); run `chmod go-rwx {}`", path.display(), path.display())]
    Permissions {
        /// What.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The master key is gone, or is none.
    #[error("`{}` is not a master key; without the one that was made first, sealed texts cannot be opened: restore it", path.display())]
    MasterKey {
        /// Where it should be.
        path: PathBuf,
    },
    /// The state was written by another version.
    #[error(
        "the state in this home has version {found}, and this program knows version {known}; use the program that wrote it"
    )]
    StateVersion {
        /// The version found.
        found: i64,
        /// The version that this program writes.
        known: i64,
    },
    /// What should be revoked has no such name.
    #[error("`{id}` is not a session: it is 32 lower-case hexadecimal digits")]
    NotASession {
        /// What was given.
        id: String,
    },
    /// The state cannot be read or written.
    #[error("the state in this home cannot be used")]
    State(#[source] rusqlite::Error),
    /// A file or folder cannot be read or written.
    #[error("`{}` cannot be used", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The operating system gives no randomness.
    #[error("no randomness is available")]
    Randomness,
}

impl HomeError {
    /// For `map_err`: trouble with that path.
    pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}

/// A file could not be written or synced: nothing may rest on it.
pub(crate) fn cannot_write(origin: Origin, error: io::Error) -> Fault {
    let folder = folder_of(origin);
    let kind = error.kind();
    let is_full = matches!(kind, io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
    // What does not pass by itself; anything else may.
    let is_lasting = matches!(
        kind,
        io::ErrorKind::PermissionDenied
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::NotFound
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::CrossesDevices
    );
    let fault = if is_full {
        Fault::passing(origin, format!("the {folder} cannot be written: no space is left"))
    } else if is_lasting {
        Fault::lasting(origin, format!("the {folder} cannot be written"))
    } else {
        Fault::passing(origin, format!("the {folder} cannot be written"))
    };
    fault.because(error)
}

/// A file could not be read.
pub(crate) fn cannot_read(origin: Origin, error: io::Error) -> Fault {
    Fault::passing(origin, format!("the {} cannot be read", folder_of(origin))).because(error)
}

/// The state could not be read or written.
pub(crate) fn cannot_use_state(error: rusqlite::Error) -> Fault {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked, DiskFull, SystemIoFailure};
    let public = "the state of statements cannot be read or written";
    match error.sqlite_error_code() {
        Some(DiskFull) => Fault::passing(Origin::Exchanges, format!("{public}: no space is left")),
        Some(DatabaseBusy | DatabaseLocked | SystemIoFailure) => Fault::passing(Origin::Exchanges, public),
        Some(_) | None => Fault::lasting(Origin::Exchanges, public),
    }
    .because(error)
}

/// Work on a blocking thread did not come back.
pub(crate) fn was_interrupted(origin: Origin, error: impl Error + Send + Sync + 'static) -> Fault {
    Fault::passing(origin, "the gateway is shutting down")
        .because(Box::new(error) as Box<dyn Error + Send + Sync>)
}

fn folder_of(origin: Origin) -> &'static str {
    match origin {
        Origin::Recordings => "recordings folder",
        Origin::Pages => "pages folder",
        Origin::Keys => "keys folder",
        Origin::Policies => "policy folder",
        Origin::Identities | Origin::Catalogs | Origin::Exchanges | Origin::Upstream | Origin::Gateway => {
            "home folder"
        }
    }
}
