//! The few things that are done to files, so that tests can fail each of them and lose what was not synced.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// A file system.
pub(crate) trait Disk: Send + Sync {
    /// Makes a new file that its owner alone may use, writes it and syncs it. The name itself is not durable yet.
    fn write_new_synced(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Gives a file a second name; fails with `AlreadyExists` when the name is taken.
    fn link_new(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Takes a name away.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes a folder that its owner alone may use, unless it is there already.
    fn make_dir(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;

    /// Whether there is something with this name.
    fn exists(&self, path: &Path) -> io::Result<bool>;

    /// The file's bytes; none when there is none.
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>>;
}

/// The bytes of a regular file. A pipe, a device or a socket would keep its reader waiting for ever, or never end.
///
/// # Errors
/// As [`fs::read`]; for what is no regular file, links followed, an error that says so.
pub(crate) fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    fs::read(path)
}

/// The file system of this machine.
pub(crate) struct RealDisk;

impl Disk for RealDisk {
    fn write_new_synced(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(bytes)?;
        // The length is part of what must be durable, and `fdatasync` covers it; times need not be.
        file.sync_data()
    }

    fn link_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn make_dir(&self, path: &Path) -> io::Result<()> {
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            made => made,
        }
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        path.try_exists()
    }

    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        match read_file(path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}
