//! The keys in a home.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use aws_lc_rs::rand;
use domain::SessionId;
use gateway::ports::{Keys, SessionKeys};
use gateway::{Fault, MasterKey, Origin};

use crate::error::{HomeError, cannot_read, cannot_write, was_interrupted};
use crate::home::Home;
use crate::layout::Layout;
use crate::write_once::{WriteOnce, Wrote};

/// Session keys that are remembered before the memory starts afresh.
const REMEMBERED: usize = 4096;

/// The keys of a home: `keys/master` holds the 32 bytes of a [`MasterKey`], `keys/sessions/<session>` the session's sealing key
/// as that wraps it.
pub(crate) struct KeyRing {
    folder: PathBuf,
    master: MasterKey,
    sessions: Mutex<HashMap<SessionId, SessionKeys>>,
}

impl KeyRing {
    /// Reads the master key, and makes one in a home that is new.
    pub fn open(layout: &Layout, files: &WriteOnce) -> Result<Self, HomeError> {
        let path = layout.master();
        // SECURITY: a master key that is gone is never replaced: what it sealed would be lost without a word.
        let is_new = !layout.state().exists();
        let master = match read_master(files, &path)? {
            Some(master) => master,
            None if is_new => make_master(layout, files, &path)?,
            None => return Err(HomeError::MasterKey { path }),
        };
        Ok(Self {
            folder: layout.session_keys(),
            master: MasterKey::new(&master),
            sessions: Mutex::default(),
        })
    }

    /// The gateway's key for keyed digests.
    pub fn digest_key(&self) -> &[u8; 32] {
        self.master.digest()
    }

    /// The keys of a session, as this process remembers them.
    fn remembered(&self, session: SessionId) -> Option<SessionKeys> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).get(&session).cloned()
    }

    /// The keys of a session, from its file; none when there is none.
    fn stored(&self, files: &WriteOnce, session: SessionId) -> Result<Option<SessionKeys>, Fault> {
        let read =
            files.disk().read(&self.path(session)).map_err(|error| cannot_read(Origin::Keys, error))?;
        let Some(wrapped) = read else { return Ok(None) };
        let seal = self
            .master
            .unwrap(session, &wrapped)
            .ok_or_else(|| Fault::lasting(Origin::Keys, "the key of this session is damaged"))?;
        let keys = self.master.session(session, seal);
        self.remember(session, &keys);
        Ok(Some(keys))
    }

    /// Makes the keys of a session, unless somebody else makes them first.
    fn make(&self, files: &WriteOnce, session: SessionId) -> Result<SessionKeys, Fault> {
        let broken = || Fault::passing(Origin::Keys, "the key of this session could not be made");
        let mut seal = [0; 32];
        rand::fill(&mut seal).map_err(|_| broken())?;
        let wrapped = self.master.wrap(session, &seal).ok_or_else(broken)?;
        let wrote = files.write(&self.folder, &self.path(session), &wrapped);
        match wrote.map_err(|error| cannot_write(Origin::Keys, error))? {
            Wrote::Kept => {
                let keys = self.master.session(session, seal);
                self.remember(session, &keys);
                Ok(keys)
            }
            Wrote::Taken => self.stored(files, session)?.ok_or_else(broken),
        }
    }

    fn path(&self, session: SessionId) -> PathBuf {
        self.folder.join(session.to_string())
    }

    fn remember(&self, session: SessionId, keys: &SessionKeys) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if sessions.len() >= REMEMBERED {
            sessions.clear();
        }
        sessions.insert(session, keys.clone());
    }
}

fn read_master(files: &WriteOnce, path: &Path) -> Result<Option<[u8; 32]>, HomeError> {
    match files.disk().read(path).map_err(HomeError::at(path))? {
        Some(bytes) => bytes.try_into().map(Some).map_err(|_| HomeError::MasterKey { path: path.to_owned() }),
        None => Ok(None),
    }
}

fn make_master(layout: &Layout, files: &WriteOnce, path: &Path) -> Result<[u8; 32], HomeError> {
    let mut master = [0; 32];
    rand::fill(&mut master).map_err(|_| HomeError::Randomness)?;
    match files.write(&layout.keys(), path, &master).map_err(HomeError::at(path))? {
        Wrote::Kept => Ok(master),
        // Another process starts in the same new home: its key is the one.
        Wrote::Taken => {
            read_master(files, path)?.ok_or_else(|| HomeError::MasterKey { path: path.to_owned() })
        }
    }
}

#[async_trait]
impl Keys for Home {
    async fn session(&self, session: SessionId) -> Result<SessionKeys, Fault> {
        if let Some(keys) = self.inner.keys.remembered(session) {
            return Ok(keys);
        }
        let home = self.clone();
        let find_or_make = move || {
            let inner = &home.inner;
            match inner.keys.stored(&inner.files, session)? {
                Some(keys) => Ok(keys),
                None => inner.keys.make(&inner.files, session),
            }
        };
        tokio::task::spawn_blocking(find_or_make)
            .await
            .map_err(|error| was_interrupted(Origin::Keys, error))?
    }

    async fn digest(&self) -> Result<[u8; 32], Fault> {
        Ok(*self.inner.keys.digest_key())
    }
}

impl Home {
    /// The keys of a session that has some, to open its exact texts; none when they were erased, or never made. Blocks.
    ///
    /// # Errors
    /// A fault of the keys when the file cannot be read or is damaged.
    pub fn existing_keys(&self, session: SessionId) -> Result<Option<SessionKeys>, Fault> {
        self.inner.keys.stored(&self.inner.files, session)
    }
}
