//! Writing a file once, durably.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::rand;

use crate::disk::Disk;

/// What came of writing once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wrote {
    /// The file is there, whole and durable.
    Kept,
    /// Another file has that name; it is whole and durable.
    Taken,
}

/// How many folders are remembered as durable before the memory starts afresh.
const FOLDERS: usize = 16 * 1024;

/// Writes files that are never changed.
///
/// A file is written and synced under a temporary name, linked to its own name (which fails when that is taken), and
/// the folder is synced. So a name never stands for half a file, and what was answered with [`Wrote::Kept`] survives
/// the loss of power; a file that appears although its writer was told of an error is whole too, and its name stays
/// taken.
pub(crate) struct WriteOnce {
    disk: Arc<dyn Disk>,
    temporary: PathBuf,
    /// Folders whose names are known to be durable: this process has synced the folder that holds them.
    durable: Mutex<HashSet<PathBuf>>,
}

impl WriteOnce {
    pub fn new(disk: Arc<dyn Disk>, temporary: PathBuf) -> Self {
        Self { disk, temporary, durable: Mutex::default() }
    }

    pub fn disk(&self) -> &dyn Disk {
        self.disk.as_ref()
    }

    /// Writes `path`, which lies below the existing folder `root`; folders between are made.
    pub fn write(&self, root: &Path, path: &Path, bytes: &[u8]) -> io::Result<Wrote> {
        let parent = path.parent().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        if self.disk.exists(path)? {
            return self.taken(root, parent);
        }
        let temporary = self.temporary_name()?;
        let written = self.disk.write_new_synced(&temporary, bytes).and_then(|()| {
            match self.link(root, parent, &temporary, path) {
                // Somebody has tidied the folder away since we made it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    self.forget();
                    self.link(root, parent, &temporary, path)
                }
                linked => linked,
            }
        });
        // What remains here after a crash is swept at the next start; it stands for nothing.
        let _ = self.disk.remove(&temporary);
        match written {
            Ok(()) => {
                self.disk.sync_dir(parent)?;
                Ok(Wrote::Kept)
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.taken(root, parent),
            Err(error) => Err(error),
        }
    }

    /// Whether that file is there. When it is, it is durable.
    pub fn is_taken(&self, root: &Path, path: &Path) -> io::Result<bool> {
        match path.parent() {
            Some(parent) if self.disk.exists(path)? => self.taken(root, parent).map(|_| true),
            Some(_) | None => Ok(false),
        }
    }

    // INVARIANT: a taken name is durable before anybody is told. Otherwise the next number could outlive it when the
    // power fails between another process's link and its sync, and the session would have a gap.
    fn taken(&self, root: &Path, parent: &Path) -> io::Result<Wrote> {
        self.make_durable(root, parent)?;
        self.disk.sync_dir(parent)?;
        Ok(Wrote::Taken)
    }

    fn link(&self, root: &Path, parent: &Path, from: &Path, to: &Path) -> io::Result<()> {
        self.make_durable(root, parent)?;
        self.disk.link_new(from, to)
    }

    /// Makes the folders from `root` (exclusive) to `folder`, each durable before the next.
    fn make_durable(&self, root: &Path, folder: &Path) -> io::Result<()> {
        if folder == root || self.durable.lock().unwrap_or_else(PoisonError::into_inner).contains(folder) {
            return Ok(());
        }
        let parent = folder.parent().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        self.make_durable(root, parent)?;
        self.disk.make_dir(folder)?;
        self.disk.sync_dir(parent)?;
        let mut durable = self.durable.lock().unwrap_or_else(PoisonError::into_inner);
        if durable.len() >= FOLDERS {
            durable.clear();
        }
        durable.insert(folder.to_owned());
        Ok(())
    }

    fn forget(&self) {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn temporary_name(&self) -> io::Result<PathBuf> {
        let mut bits = [0; 16];
        rand::fill(&mut bits).map_err(|_| io::Error::other("no randomness is available"))?;
        Ok(self.temporary.join(format!("{:032x}", u128::from_be_bytes(bits))))
    }
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "everything in it is a test, also what tests share"
)]
mod tests;
