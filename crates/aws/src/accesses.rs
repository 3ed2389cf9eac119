//! Leave to read: items by which it is found, under each principal and under all.

use async_trait::async_trait;
use domain::{PrincipalKey, Timestamp};
use gateway::ports;
use gateway::{Fault, Origin};
use recording::{ObjectKind, RecordKey, digest_of};

use crate::calls::Clients;
use crate::table::{About, Item, Key, Only, Order, Table, number, text, writer};

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
/// | `access#PRINCIPAL` (a digest of its key) | `END#OPENING` | `principal`, and `opening`: the key of the opening that it lies beside |
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

    /// Takes away what is over by now, all of it or the first so many.
    async fn tidy(&self, pk: &str, now: Timestamp, most: Option<usize>) -> Result<(), Fault> {
        let until = format!("{:020}~", now.as_micros());
        for item in &self.table.between(pk, ("0", &until), Order::Forward, most, NOTED).await? {
            if let Some(sk) = attribute(item, "sk") {
                self.table.remove(&Key::new(pk, sk), NOTED).await?;
            }
        }
        Ok(())
    }
}

fn partition(principal: &PrincipalKey) -> String {
    format!("access#{}", digest_of(principal.as_str().as_bytes()))
}

fn attribute<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

#[async_trait]
impl ports::Accesses for Accesses {
    async fn granted(
        &self,
        principal: Option<&PrincipalKey>,
        now: Timestamp,
    ) -> Result<Vec<RecordKey>, Fault> {
        let pk = principal.map_or_else(|| ALL.to_owned(), partition);
        // Its end is none of it.
        let from = format!("{:020}", now.as_micros().saturating_add(1));
        let items = self.table.between(&pk, (&from, "~"), Order::Forward, None, FOUND).await?;
        let mut found = Vec::new();
        for item in &items {
            let whose = attribute(item, "principal");
            match attribute(item, "opening").and_then(RecordKey::parse) {
                Some((key, ObjectKind::Opening))
                    if principal.is_none_or(|principal| whose == Some(principal.as_str())) =>
                {
                    found.push(key);
                }
                // It permits nothing, and takes nothing from the others.
                Some(_) | None => {
                    tracing::error!("a note of granted access cannot be read: somebody must look")
                }
            }
        }
        Ok(found)
    }

    async fn note(
        &self,
        principal: &PrincipalKey,
        key: &RecordKey,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let (mine, sk) = (partition(principal), format!("{:020}#{key}", until.as_micros()));
        // Among all of them first, where it is found by whoever ends it: so nothing permits that nobody can end.
        for pk in [ALL, &mine] {
            let mut item = Key::new(pk, &sk).item();
            item.extend([
                ("principal".to_owned(), text(principal.as_str())),
                ("opening".to_owned(), text(key.object(ObjectKind::Opening))),
                ("forget_at".to_owned(), number(until.as_secs().saturating_add(TIDY))),
            ]);
            // Whoever writes it again writes the same: what stands there stays.
            self.table.put(item, Only::IfAbsent, &writer()?, NOTED).await?;
        }
        self.tidy(&mine, now, None).await?;
        self.tidy(ALL, now, Some(AT_ONCE)).await
    }
}
