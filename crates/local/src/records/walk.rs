//! Every file there is.

use std::path::{Path, PathBuf};

use recording::{ObjectKind, RecordKey};

use super::paths_in;
use crate::error::HomeError;
use crate::layout::Layout;

/// One file of [`Objects`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// Where it lies.
    pub path: PathBuf,
    /// Which object it is; none when nothing that we write has that name in that folder.
    pub object: Option<(RecordKey, ObjectKind)>,
}

/// Every file in the folders of records, pages and sealed texts, folder by folder, each in the order of names (so:
/// by day, session and number). A symbolic link, a pipe or a device is a file that is no object; it is not followed or
/// opened.
#[derive(Debug)]
pub struct Objects {
    layout: Layout,
    /// What is still to be visited, the next last.
    waiting: Vec<PathBuf>,
}

impl Objects {
    pub(super) fn new(layout: &Layout) -> Self {
        let waiting = vec![layout.sealed(), layout.pages(), layout.records()];
        Self { layout: layout.clone(), waiting }
    }

    fn object(&self, path: &Path) -> Option<(RecordKey, ObjectKind)> {
        let roots = [self.layout.records(), self.layout.pages(), self.layout.sealed()];
        let (root, below) = roots.iter().find_map(|root| Some((root, path.strip_prefix(root).ok()?)))?;
        let (key, kind) = RecordKey::parse(below.to_str()?)?;
        (self.layout.objects(kind) == *root && is_regular(path)).then_some((key, kind))
    }
}

/// Whether it is a file that can be read to its end: no link, no pipe, no device, no socket.
fn is_regular(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|found| found.is_file())
}

impl Iterator for Objects {
    type Item = Result<Found, HomeError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let path = self.waiting.pop()?;
            if !path.is_dir() || path.is_symlink() {
                // A folder of a home that never held anything may be missing from a copy.
                if path.symlink_metadata().is_ok() {
                    let object = self.object(&path);
                    return Some(Ok(Found { path, object }));
                }
                continue;
            }
            match paths_in(&path) {
                Ok(paths) => self.waiting.extend(paths.into_iter().rev()),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
