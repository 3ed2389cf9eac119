//! The policy bundle in a folder.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use gateway::ports::Policies;
use gateway::{Fault, Origin};
use policy::{Bundle, Problem};
use thiserror::Error;

use crate::disk::read_file;
use crate::error::{HomeError, was_interrupted};

/// How often the folder is looked at.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// A bundle holds at most so many files.
const FILES: usize = 1000;

/// A bundle's files hold at most so many bytes together.
const SIZE: u64 = 16 * 1024 * 1024;

/// The bundle in force: the files of a folder, read again when they change, or the built-in bundle.
///
/// A change is in force within a second. While the folder cannot be read or does not validate there is no bundle: the
/// last good one is not kept, because nobody would notice that the rules they wrote do not hold (invariant I2).
pub struct FolderPolicies {
    /// None: the built-in bundle, which never changes.
    folder: Option<PathBuf>,
    seen: Mutex<Arc<Seen>>,
    /// Held while the folder is looked at, so that one looks for all.
    looking: tokio::sync::Mutex<()>,
}

/// What the folder held when it was last looked at.
struct Seen {
    at: Instant,
    files: BTreeMap<String, Vec<u8>>,
    bundle: Result<Arc<Bundle>, Broken>,
}

/// Why there is no bundle.
#[derive(Clone, Debug, Error)]
enum Broken {
    #[error("the policy folder cannot be read: {0}")]
    Unreadable(Arc<HomeError>),
    #[error("{}", list(.0))]
    Invalid(Vec<Problem>),
}

fn list(problems: &[Problem]) -> String {
    problems.iter().take(10).map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl FolderPolicies {
    /// The bundle in `folder`, or the built-in one. Blocks. It may be broken: see [`FolderPolicies::problems`].
    pub fn new(folder: Option<PathBuf>) -> Self {
        let seen = look(folder.as_deref(), None);
        Self { folder, seen: Mutex::new(Arc::new(seen)), looking: tokio::sync::Mutex::default() }
    }

    /// Why there was no bundle when it was last looked at: one line a problem; none when there is one. A gateway
    /// refuses to start with any.
    pub fn problems(&self) -> Vec<String> {
        match &self.seen().bundle {
            Ok(_) => Vec::new(),
            Err(Broken::Invalid(problems)) => problems.iter().map(ToString::to_string).collect(),
            Err(Broken::Unreadable(error)) => vec![error.to_string()],
        }
    }

    /// The tags that the bundle gives columns a class by, when it was last looked at; none when there was no bundle.
    pub fn tags(&self) -> Vec<String> {
        match &self.seen().bundle {
            Ok(bundle) => bundle.tags().into_iter().map(str::to_owned).collect(),
            Err(Broken::Invalid(_) | Broken::Unreadable(_)) => Vec::new(),
        }
    }

    /// The groups that the bundle names as reviewers, when it was last looked at; none when there was no bundle.
    pub fn reviewer_groups(&self) -> BTreeSet<String> {
        match &self.seen().bundle {
            Ok(bundle) => bundle.reviewer_groups().into_iter().map(str::to_owned).collect(),
            Err(Broken::Invalid(_) | Broken::Unreadable(_)) => BTreeSet::new(),
        }
    }

    fn seen(&self) -> Arc<Seen> {
        Arc::clone(&self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn is_current(&self, seen: &Seen) -> bool {
        self.folder.is_none() || seen.at.elapsed() < LOOK_AGAIN
    }
}

#[async_trait]
impl Policies for FolderPolicies {
    async fn bundle(&self) -> Result<Arc<Bundle>, Fault> {
        let mut seen = self.seen();
        if !self.is_current(&seen) {
            let _one = self.looking.lock().await;
            seen = self.seen();
            if !self.is_current(&seen) {
                let (folder, before) = (self.folder.clone(), Arc::clone(&seen));
                let looked = tokio::task::spawn_blocking(move || look(folder.as_deref(), Some(&before)))
                    .await
                    .map_err(|error| was_interrupted(Origin::Policies, error))?;
                seen = Arc::new(looked);
                *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&seen);
            }
        }
        match &seen.bundle {
            Ok(bundle) => Ok(Arc::clone(bundle)),
            Err(broken) => {
                let public = match broken {
                    Broken::Invalid(_) => {
                        "the policy bundle does not validate; run `snowgate policy check DIR`"
                    }
                    Broken::Unreadable(_) => {
                        "the policy folder cannot be read; run `snowgate policy check DIR`"
                    }
                };
                Err(Fault::lasting(Origin::Policies, public).because(broken.clone()))
            }
        }
    }
}

/// Looks at the folder. The files are compared whole, because a bundle is small and times of files can lie.
fn look(folder: Option<&Path>, before: Option<&Seen>) -> Seen {
    let at = Instant::now();
    let files = match folder {
        Some(folder) => bundle_files(folder),
        None => Ok(policy::default_files()),
    };
    let files = match files {
        Ok(files) => files,
        Err(error) => {
            let bundle = Err(Broken::Unreadable(Arc::new(error)));
            return Seen { at, files: BTreeMap::new(), bundle };
        }
    };
    if let Some(before) = before.filter(|before| before.files == files)
        && !matches!(before.bundle, Err(Broken::Unreadable(_)))
    {
        return Seen { at, files, bundle: before.bundle.clone() };
    }
    let bundle = Bundle::parse(&files).map(Arc::new).map_err(Broken::Invalid);
    if let Err(broken) = &bundle {
        tracing::error!(%broken, "the policy bundle does not validate: every statement is refused");
    }
    Seen { at, files, bundle }
}

/// The files of the bundle in a folder, by their path in it with forward slashes, as `Bundle::parse` takes them. What
/// begins with a dot is no part of a bundle. Blocks.
///
/// # Errors
/// [`HomeError::Io`] when the folder or a file cannot be read, or holds more than any bundle.
pub fn bundle_files(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>, HomeError> {
    let mut files = BTreeMap::new();
    let mut size = 0_u64;
    let mut waiting = vec![(folder.to_owned(), String::new())];
    while let Some((path, name)) = waiting.pop() {
        for entry in fs::read_dir(&path).map_err(HomeError::at(&path))? {
            let entry = entry.map_err(HomeError::at(&path))?;
            let path = entry.path();
            let file_name = entry.file_name();
            let Some(file_name) = file_name.to_str() else {
                return Err(HomeError::at(&path)(io::Error::other("its name is not UTF-8")));
            };
            if file_name.starts_with('.') {
                continue;
            }
            let name = if name.is_empty() { file_name.to_owned() } else { format!("{name}/{file_name}") };
            let found = fs::metadata(&path).map_err(HomeError::at(&path))?;
            size = size.saturating_add(found.len());
            if size > SIZE || files.len() >= FILES || name.matches('/').count() > 8 {
                return Err(HomeError::at(folder)(io::Error::other(
                    "it holds more than a policy bundle may",
                )));
            }
            if found.is_dir() {
                waiting.push((path, name));
            } else {
                let bytes = read_file(&path).map_err(HomeError::at(&path))?;
                files.insert(name, bytes);
            }
        }
    }
    Ok(files)
}
