//! The keys in a home.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::{hmac, rand};
use domain::SessionId;
use gateway::ports::{Keys, SessionKeys};
use gateway::{Fault, Origin};

use crate::error::{HomeError, cannot_read, cannot_write, was_interrupted};
use crate::home::Home;
use crate::layout::Layout;
use crate::write_once::{WriteOnce, Wrote};

/// Session keys that are remembered before the memory starts afresh.
const REMEMBERED: usize = 4096;

/// The first byte of a wrapped key.
const WRAPPED_VERSION: u8 = 1;

/// The keys of a home.
///
/// `keys/master` holds 32 random bytes. From it are derived, by HMAC-SHA256 over a label, the key that wraps session
/// keys (`wrap`), the gateway's digest key (`digest`), each session's token key (`tokens`, the session) and the key of tokens
/// that outlive sessions (`shared-tokens`). A session's
/// sealing key is random, so that deleting it erases: `keys/sessions/<session>` holds the byte 1, 12 bytes of nonce and
/// the key encrypted with AES-256-GCM, the session's name as additional data.
pub(crate) struct KeyRing {
    folder: PathBuf,
    master: hmac::Key,
    digest: [u8; 32],
    wrap: [u8; 32],
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
        let master = hmac::Key::new(hmac::HMAC_SHA256, &master);
        Ok(Self {
            folder: layout.session_keys(),
            digest: derive(&master, "digest", &[]),
            wrap: derive(&master, "wrap", &[]),
            master,
            sessions: Mutex::default(),
        })
    }

    /// The gateway's key for keyed digests.
    pub fn digest_key(&self) -> &[u8; 32] {
        &self.digest
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
            .unwrap_key(session, &wrapped)
            .ok_or_else(|| Fault::lasting(Origin::Keys, "the key of this session is damaged"))?;
        let keys = self.with_tokens(session, seal);
        self.remember(session, &keys);
        Ok(Some(keys))
    }

    /// Makes the keys of a session, unless somebody else makes them first.
    fn make(&self, files: &WriteOnce, session: SessionId) -> Result<SessionKeys, Fault> {
        let broken = || Fault::passing(Origin::Keys, "the key of this session could not be made");
        let mut seal = [0; 32];
        rand::fill(&mut seal).map_err(|_| broken())?;
        let wrapped = self.wrap_key(session, &seal).ok_or_else(broken)?;
        let wrote = files.write(&self.folder, &self.path(session), &wrapped);
        match wrote.map_err(|error| cannot_write(Origin::Keys, error))? {
            Wrote::Kept => {
                let keys = self.with_tokens(session, seal);
                self.remember(session, &keys);
                Ok(keys)
            }
            Wrote::Taken => self.stored(files, session)?.ok_or_else(broken),
        }
    }

    fn path(&self, session: SessionId) -> PathBuf {
        self.folder.join(session.to_string())
    }

    fn with_tokens(&self, session: SessionId, seal: [u8; 32]) -> SessionKeys {
        SessionKeys {
            seal,
            tokens: derive(&self.master, "tokens", &session.as_u128().to_be_bytes()),
            shared_tokens: derive(&self.master, "shared-tokens", &[]),
        }
    }

    fn remember(&self, session: SessionId, keys: &SessionKeys) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if sessions.len() >= REMEMBERED {
            sessions.clear();
        }
        sessions.insert(session, keys.clone());
    }

    fn wrap_key(&self, session: SessionId, seal: &[u8; 32]) -> Option<Vec<u8>> {
        let cipher = RandomizedNonceKey::new(&AES_256_GCM, &self.wrap).ok()?;
        let mut sealed = seal.to_vec();
        let nonce = cipher.seal_in_place_append_tag(wrapped_for(session), &mut sealed).ok()?;
        let mut wrapped = vec![WRAPPED_VERSION];
        wrapped.extend_from_slice(nonce.as_ref());
        wrapped.append(&mut sealed);
        Some(wrapped)
    }

    fn unwrap_key(&self, session: SessionId, wrapped: &[u8]) -> Option<[u8; 32]> {
        let (version, rest) = wrapped.split_first()?;
        if *version != WRAPPED_VERSION {
            return None;
        }
        let (nonce, sealed) = rest.split_at_checked(12)?;
        let nonce: [u8; 12] = nonce.try_into().ok()?;
        let cipher = RandomizedNonceKey::new(&AES_256_GCM, &self.wrap).ok()?;
        let mut sealed = sealed.to_vec();
        let seal = cipher.open_in_place(Nonce::from(&nonce), wrapped_for(session), &mut sealed).ok()?;
        (&*seal).try_into().ok()
    }
}

fn wrapped_for(session: SessionId) -> Aad<Vec<u8>> {
    Aad::from(format!("snowgate/session-key/1\n{session}").into_bytes())
}

fn derive(master: &hmac::Key, label: &str, context: &[u8]) -> [u8; 32] {
    let mut mac = hmac::Context::with_key(master);
    // INVARIANT: labels are ours and hold no zero byte, so that no label with its context is another's.
    mac.update(b"snowgate/key/1\0");
    mac.update(label.as_bytes());
    mac.update(b"\0");
    mac.update(context);
    let mut key = [0; 32];
    key.iter_mut().zip(mac.sign().as_ref()).for_each(|(to, from)| *to = *from);
    key
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
        Ok(self.inner.keys.digest)
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
