//! Leave to read: items by which it is found, under each principal and under all.

use async_trait::async_trait;
use domain::{ApprovalId, PrincipalKey, Timestamp};
use gateway::ports::{self, AccessNote};
use gateway::{Fault, Origin};
use recording::{ObjectKind, RecordKey, digest_of};

use crate::calls::Clients;
use crate::table::{About, Item, Key, Only, Order, Table, number, text, text_of, writer};

/// The partition of all that anybody was granted.
const ALL: &str = "accesses";

/// How long a note that is over may lie there before the table takes it away, in seconds.
const TIDY: i64 = 24 * 60 * 60;

/// Notes of anybody's that are over and are tidied away with a new one at most.
const AT_ONCE: usize = 16;

const FOUND: About = About { origin: Origin::Recordings, public: "granted access cannot be looked up" };
const NOTED: About = About { origin: Origin::Recordings, public: "granted access could not be kept" };

/// Leave to read, as a table finds it.
///
/// | `pk` | `sk` | holds |
/// | --- | --- | --- |
/// | `access#PRINCIPAL` (a digest of its key) | `END#OPENING` | `principal`, `approval`, and `opening`: the key of the opening that it lies beside |
/// | `accesses` | the same | the same, of all principals |
#[derive(Clone, Debug)]
pub struct Accesses {
    table: Table,
}

impl Accesses {
    /// Those in that table.
    pub fn new(clients: &Clients, table: impl Into<String>) -> Self {
        Self { table: Table::new(clients, table) }
    }

    /// The items of a partition whose end lies after `now`.
    async fn items(&self, pk: &str, now: Timestamp) -> Result<Vec<Item>, Fault> {
        // Its end is none of it.
        let from = format!("{:020}", now.as_micros().saturating_add(1));
        self.table.between(pk, (&from, "~"), Order::Forward, None, FOUND).await
    }

    /// Takes away what is over by now, all of it or the first so many.
    async fn tidy(&self, pk: &str, now: Timestamp, most: Option<usize>) -> Result<(), Fault> {
        let until = format!("{:020}~", now.as_micros());
        for item in &self.table.between(pk, ("0", &until), Order::Forward, most, NOTED).await? {
            if let Some(sk) = text_of(item, "sk") {
                self.table.remove(&Key::new(pk, sk), NOTED).await?;
            }
        }
        Ok(())
    }
}

fn partition(principal: &PrincipalKey) -> String {
    format!("access#{}", digest_of(principal.as_str().as_bytes()))
}

fn sort_key(note: &AccessNote) -> String {
    format!("{:020}#{}", note.until.as_micros(), note.key)
}

/// The exchange of an item that is meant; one that cannot be read permits nothing, and takes nothing from the others.
fn opening_of(item: &Item, is_meant: bool) -> Option<RecordKey> {
    match text_of(item, "opening").and_then(RecordKey::parse) {
        Some((key, ObjectKind::Opening)) if is_meant => Some(key),
        Some(_) | None => {
            tracing::error!("a note of granted access cannot be read: somebody must look");
            None
        }
    }
}

#[async_trait]
impl ports::Accesses for Accesses {
    async fn granted(
        &self,
        principal: Option<&PrincipalKey>,
        now: Timestamp,
    ) -> Result<Vec<RecordKey>, Fault> {
        let pk = principal.map_or_else(|| ALL.to_owned(), partition);
        let is_theirs = |item: &Item| {
            principal.is_none_or(|principal| text_of(item, "principal") == Some(principal.as_str()))
        };
        Ok(self.items(&pk, now).await?.iter().filter_map(|item| opening_of(item, is_theirs(item))).collect())
    }

    async fn granted_by(&self, id: ApprovalId, now: Timestamp) -> Result<Option<RecordKey>, Fault> {
        let id = id.to_string();
        let items = self.items(ALL, now).await?;
        let found = items.iter().find(|item| text_of(item, "approval") == Some(&id));
        Ok(found.and_then(|item| opening_of(item, true)))
    }

    async fn note(&self, note: &AccessNote, now: Timestamp) -> Result<(), Fault> {
        let AccessNote { principal, approval, key, until } = note;
        let mine = partition(principal);
        // Among all of them first, where it is found by whoever ends it: so nothing permits that nobody can end.
        for pk in [ALL, &mine] {
            let mut item = Key::new(pk, sort_key(note)).item();
            item.extend([
                ("principal".to_owned(), text(principal.as_str())),
                ("approval".to_owned(), text(approval.to_string())),
                ("opening".to_owned(), text(key.object(ObjectKind::Opening))),
                ("forget_at".to_owned(), number(until.as_secs().saturating_add(TIDY))),
            ]);
            // Whoever writes it again writes the same: what stands there stays.
            self.table.put(item, Only::IfAbsent, &writer()?, NOTED).await?;
        }
        self.tidy(&mine, now, None).await?;
        self.tidy(ALL, now, Some(AT_ONCE)).await
    }

    async fn take_back(&self, note: &AccessNote) -> Result<(), Fault> {
        // Among all of them last, for the same reason.
        for pk in [&partition(&note.principal), ALL] {
            self.table.remove(&Key::new(pk, sort_key(note)), NOTED).await?;
        }
        Ok(())
    }
}
