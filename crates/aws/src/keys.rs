//! Secrets: one master key under KMS, and each session's sealing key.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use aws_lc_rs::rand;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeySpec;
use bytes::Bytes;
use domain::SessionId;
use gateway::ports::{self, SessionKeys};
use gateway::{Fault, MasterKey, Origin};

use crate::calls::{Clients, fault};
use crate::objects::{Bucket, Wrote};
use crate::table::{About, Key, Only, Put, Table, WRITER, blob, bytes, string, writer};

/// After how long the master key is decrypted once more: so long may a key that was disabled still be used.
const KEPT: Duration = Duration::from_secs(5 * 60);

/// Session keys that are remembered before the memory starts afresh.
const REMEMBERED: usize = 4096;

/// What KMS binds the master key to (its encryption context).
const CONTEXT: (&str, &str) = ("snowgate", "master-key/1");

/// Where the master key lies in the bucket of records, encrypted.
const MASTER: &str = "keys/master";

const KEYS: About = About { origin: Origin::Keys, public: "the gateway's keys cannot be read or made" };

/// The keys of a gateway on AWS.
///
/// `keys/master` in the bucket of records holds 32 random bytes that KMS has made and encrypted (`GenerateDataKey`), bound to the
/// encryption context `snowgate` = `master-key/1`. It is written once, and lies where nobody may delete: losing it would lose every sealed
/// text. KMS rotates its own key without changing it. A session's sealing key lies in the table, under `key#SESSION` and `seal`, as
/// [`MasterKey`] wraps it; deleting that item erases the session's exact texts, once the table's backups are gone, too.
///
/// The master key is remembered for five minutes, session keys for as long.
#[derive(Clone)]
pub struct Keys {
    kms: aws_sdk_kms::Client,
    key: String,
    bucket: Bucket,
    table: Table,
    remembered: Arc<Mutex<Remembered>>,
    /// Held while the master key is asked for, so that one asks for all.
    asking: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Default)]
struct Remembered {
    master: Option<(Instant, Arc<MasterKey>)>,
    sessions: HashMap<SessionId, SessionKeys>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kms: _, key, bucket, table, remembered: _, asking: _ } = self;
        f.debug_struct("Keys").field("key", key).field("bucket", bucket).field("table", table).finish()
    }
}

impl Keys {
    /// Keys under that key of KMS (its ARN), the master key in the bucket of records, session keys in that table.
    pub fn new(
        clients: &Clients,
        key: impl Into<String>,
        records: impl Into<String>,
        table: impl Into<String>,
    ) -> Self {
        Self {
            kms: clients.keys.clone(),
            key: key.into(),
            bucket: Bucket::of_records(clients, records).for_keys(),
            table: Table::new(clients, table),
            remembered: Arc::default(),
            asking: Arc::default(),
        }
    }

    async fn master(&self) -> Result<Arc<MasterKey>, Fault> {
        if let Some(master) = self.remembered_master() {
            return Ok(master);
        }
        let _one = self.asking.lock().await;
        if let Some(master) = self.remembered_master() {
            return Ok(master);
        }
        let asked = Instant::now();
        let master = match self.bucket.read(MASTER).await? {
            Some(encrypted) => self.decrypt(encrypted).await?,
            None => self.make_master().await?,
        };
        let master = Arc::new(MasterKey::new(&master));
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        // What was remembered under the old one goes with it: a session that was erased is so everywhere by then.
        remembered.sessions.clear();
        remembered.master = Some((asked, Arc::clone(&master)));
        Ok(master)
    }

    fn remembered_master(&self) -> Option<Arc<MasterKey>> {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let (asked, master) = remembered.master.as_ref()?;
        (asked.elapsed() < KEPT).then(|| Arc::clone(master))
    }

    async fn decrypt(&self, encrypted: Bytes) -> Result<[u8; 32], Fault> {
        let (name, value) = CONTEXT;
        let decrypt = self.kms.decrypt().key_id(&self.key).encryption_context(name, value);
        let decrypted = decrypt.ciphertext_blob(Blob::new(encrypted)).send().await;
        let decrypted = decrypted.map_err(|error| fault(KEYS.origin, KEYS.public, "kms:Decrypt", &error))?;
        let plain = decrypted.plaintext.ok_or_else(|| KEYS.damaged())?;
        plain.as_ref().try_into().map_err(|_| KEYS.damaged())
    }

    /// Makes the master key, unless somebody else makes it first.
    async fn make_master(&self) -> Result<[u8; 32], Fault> {
        let (name, value) = CONTEXT;
        let make = self.kms.generate_data_key().key_id(&self.key).key_spec(DataKeySpec::Aes256);
        let made = make.encryption_context(name, value).send().await;
        let made = made.map_err(|error| fault(KEYS.origin, KEYS.public, "kms:GenerateDataKey", &error))?;
        let encrypted = made.ciphertext_blob.ok_or_else(|| KEYS.damaged())?;
        let plain = made.plaintext.ok_or_else(|| KEYS.damaged())?;
        let plain = plain.as_ref().try_into().map_err(|_| KEYS.damaged())?;
        let encrypted = Bytes::from(encrypted.into_inner());
        match self.bucket.write(MASTER, "application/octet-stream", encrypted).await? {
            Wrote::Kept => Ok(plain),
            Wrote::Taken => {
                let theirs = self.bucket.read(MASTER).await?;
                self.decrypt(theirs.ok_or_else(|| KEYS.crowded())?).await
            }
        }
    }

    /// The sealing key of a session, from its item; none when there is none.
    async fn stored(&self, master: &MasterKey, session: SessionId) -> Result<Option<[u8; 32]>, Fault> {
        let Some(item) = self.table.get(&key_of(session), KEYS).await? else { return Ok(None) };
        let seal = master.unwrap(session, blob(&item, "wrapped", KEYS)?);
        seal.map(Some).ok_or_else(|| Fault::lasting(Origin::Keys, "the key of this session is damaged"))
    }

    /// Makes the sealing key of a session, unless somebody else makes it first.
    async fn make(&self, master: &MasterKey, session: SessionId) -> Result<[u8; 32], Fault> {
        let mut seal = [0; 32];
        rand::fill(&mut seal).map_err(|_| KEYS.crowded())?;
        let wrapped = master.wrap(session, &seal).ok_or_else(|| KEYS.crowded())?;
        let mut item = key_of(session).item();
        item.insert("wrapped".to_owned(), bytes(wrapped));
        match self.table.put(item, Only::IfAbsent, &writer()?, KEYS).await? {
            Put::Done => Ok(seal),
            Put::Otherwise => self.stored(master, session).await?.ok_or_else(|| KEYS.crowded()),
        }
    }

    /// The keys of a session that has some, to open its exact texts; none when they were erased, or never made.
    ///
    /// # Errors
    /// A fault of the keys when they cannot be read, or are damaged.
    pub async fn existing(&self, session: SessionId) -> Result<Option<SessionKeys>, Fault> {
        let master = self.master().await?;
        Ok(self.stored(&master, session).await?.map(|seal| master.session(session, seal)))
    }

    /// Erases a session's exact texts; whether there was a key.
    ///
    /// # Errors
    /// When nobody knows whether they are erased; doing it again is safe.
    pub async fn erase(&self, session: SessionId) -> Result<bool, Fault> {
        let key = key_of(session);
        let Some(item) = self.table.get(&key, KEYS).await? else { return Ok(false) };
        self.table.delete(&key, &string(&item, WRITER, KEYS)?, KEYS).await?;
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner).sessions.remove(&session);
        Ok(true)
    }
}

fn key_of(session: SessionId) -> Key {
    Key::new(format!("key#{session}"), "seal")
}

#[async_trait]
impl ports::Keys for Keys {
    async fn session(&self, session: SessionId) -> Result<SessionKeys, Fault> {
        let master = self.master().await?;
        let found = {
            let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
            remembered.sessions.get(&session).cloned()
        };
        if let Some(keys) = found {
            return Ok(keys);
        }
        let seal = match self.stored(&master, session).await? {
            Some(seal) => seal,
            None => self.make(&master, session).await?,
        };
        let keys = master.session(session, seal);
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.sessions.len() >= REMEMBERED {
            remembered.sessions.clear();
        }
        remembered.sessions.insert(session, keys.clone());
        Ok(keys)
    }

    async fn digest(&self) -> Result<[u8; 32], Fault> {
        Ok(*self.master().await?.digest())
    }
}
