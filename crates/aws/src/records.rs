//! Records: openings and sealed texts in the table, closings, late evidence and pages in buckets.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use domain::Timestamp;
use gateway::ports::{Recorder, Recordings, Written};
use gateway::{Fault, Origin, Receipt};
use recording::{ObjectKind, Opening, RecordKey, decode, digest_of};

use crate::calls::{Clients, fault};
use crate::objects::{Bucket, Wrote};
use crate::packed::{pack, unpack};
use crate::table::{About, Item, Key, Only, Put, Table, blob, bytes, number, string, text, writer};

/// Bytes that an opening and its sealed text may have in the table, as they lie there; what is longer lies in the bucket. An
/// item holds 400 KB in all.
const IN_TABLE: usize = 350 * 1024;

/// For how long counts of rejected requests are kept.
const REJECTED: Duration = Duration::from_secs(90 * 24 * 60 * 60);

const READ: About = About { origin: Origin::Recordings, public: "the recordings cannot be read" };
const KEEP: About = About { origin: Origin::Recordings, public: "the recordings cannot be written" };

/// Where records are kept.
///
/// | object | lies in | under |
/// | --- | --- | --- |
/// | opening | the table | `session#SESSION`, `opening#NUMBER`: `day`; `opening` (deflated) or `opening_at`; `handle` |
/// | sealed text | the table, in its opening's item (`sealed` or `sealed_at`) | or, kept alone, `sealed#NUMBER` |
/// | closing, late evidence | the bucket of records | `records/` and the key that a home has them under |
/// | page | the bucket of pages | `pages/` and that key |
///
/// An opening's number is its own whatever the day: the day is no part of its key. So no midnight can give two exchanges
/// one number, and a session has no gap, for numbers are tried upwards.
///
/// Whoever reads an opening asks for it alone, so that a role may be let read openings and no sealed text (`infra/rights.yaml`).
///
/// What of an opening does not fit into an item lies in the bucket of records, under `opened/` and a name of its own, and the
/// item says where. Openings carry nothing by which the table would forget them.
#[derive(Clone, Debug)]
pub struct Records {
    table: Table,
    records: Bucket,
    pages: Bucket,
}

impl Records {
    /// Records in that table and those buckets.
    pub fn new(
        clients: &Clients,
        table: impl Into<String>,
        records: impl Into<String>,
        pages: impl Into<String>,
    ) -> Self {
        Self {
            table: Table::new(clients, table),
            records: Bucket::of_records(clients, records),
            pages: Bucket::of_pages(clients, pages),
        }
    }

    /// The same for whoever reads many at once: an object that has more bytes is none.
    pub(crate) fn up_to(self, longest: i64) -> Self {
        Self { records: self.records.up_to(longest), pages: self.pages.up_to(longest), ..self }
    }

    /// Keeps what lies in the table by one conditional write: an opening with or without its sealed text, or that alone.
    async fn keep_in_table(
        &self,
        key: Key,
        parts: &[(&'static str, &Bytes)],
        more: Item,
    ) -> Result<Put, Fault> {
        let writer = writer()?;
        let mut item = key.item();
        item.extend(more);
        let mut packed = Vec::new();
        for (name, part) in parts {
            // What is encrypted does not get smaller.
            let part =
                if *name == SEALED { part.to_vec() } else { pack(part).map_err(|e| broken().because(e))? };
            packed.push((*name, part));
        }
        let length: usize = packed.iter().map(|(_, part)| part.len()).sum();
        for (name, part) in packed {
            if length <= IN_TABLE {
                item.insert(name.to_owned(), bytes(part));
                continue;
            }
            // Of nobody's key but this write's: whoever finds the number taken leaves it there, and it stands for nothing.
            let at = format!("opened/{}/{}/{writer}.{name}", key.pk, key.sk);
            match self.records.write(&at, "application/octet-stream", Bytes::from(part)).await? {
                Wrote::Kept => {}
                Wrote::Taken => return Err(broken()),
            }
            item.insert(format!("{name}_at"), text(at));
        }
        self.table.put(item, Only::IfAbsent, &writer, KEEP).await
    }

    /// One part of an item, wherever it lies; none when the item has none.
    async fn part(&self, item: &Item, name: &str) -> Result<Option<Vec<u8>>, Fault> {
        let at = format!("{name}_at");
        if item.contains_key(&at) {
            let found = self.records.read(&string(item, &at, READ)?).await?;
            return found.map(|found| Some(found.to_vec())).ok_or_else(|| READ.damaged());
        }
        if !item.contains_key(name) {
            return Ok(None);
        }
        blob(item, name, READ).map(|bytes| Some(bytes.to_vec()))
    }

    async fn read_opening(&self, key: &RecordKey) -> Result<Option<Bytes>, Fault> {
        let names = ["day", OPENING, "opening_at"];
        let Some(item) = self.table.get_part(&opening_of(key), &names, READ).await? else { return Ok(None) };
        // It is another day's, and so lies elsewhere.
        if string(&item, "day", READ)? != key.day {
            return Ok(None);
        }
        let packed = self.part(&item, OPENING).await?.ok_or_else(|| READ.damaged())?;
        unpack(&packed).map(|bytes| Some(Bytes::from(bytes))).ok_or_else(|| READ.damaged())
    }

    async fn read_sealed(&self, key: &RecordKey) -> Result<Option<Bytes>, Fault> {
        for place in [opening_of(key), sealed_key(key)] {
            let names = ["day", SEALED, "sealed_at"];
            let Some(item) = self.table.get_part(&place, &names, READ).await? else { continue };
            if string(&item, "day", READ)? == key.day
                && let Some(sealed) = self.part(&item, SEALED).await?
            {
                return Ok(Some(Bytes::from(sealed)));
            }
        }
        Ok(None)
    }

    /// The bucket that objects of this kind lie in, and their key there; none for what lies in the table.
    fn place(&self, key: &RecordKey, kind: ObjectKind) -> Option<(&Bucket, String)> {
        let object = key.object(kind);
        match kind {
            ObjectKind::Opening | ObjectKind::Sealed => None,
            ObjectKind::Closing
            | ObjectKind::Approval { .. }
            | ObjectKind::Standing { .. }
            | ObjectKind::Evidence { .. } => Some((&self.records, format!("records/{object}"))),
            ObjectKind::Page { .. } => Some((&self.pages, format!("pages/{object}"))),
        }
    }
}

const OPENING: &str = "opening";
const SEALED: &str = "sealed";

fn broken() -> Fault {
    Fault::passing(Origin::Recordings, KEEP.public)
}

pub(crate) fn session_partition(session: domain::SessionId) -> String {
    format!("session#{session}")
}

pub(crate) fn opening_key(session: domain::SessionId, number: domain::ExchangeNumber) -> Key {
    Key::new(session_partition(session), format!("{OPENING}#{:08}", number.get()))
}

fn opening_of(key: &RecordKey) -> Key {
    opening_key(key.exchange.session, key.exchange.number)
}

fn sealed_key(key: &RecordKey) -> Key {
    Key::new(session_partition(key.exchange.session), format!("{SEALED}#{:08}", key.exchange.number.get()))
}

// SECURITY: `RecordKey::day` is any text; only a key that reads back as itself names anything.
fn checked(key: &RecordKey, kind: ObjectKind) -> Result<(), Fault> {
    let origin = if matches!(kind, ObjectKind::Page { .. }) { Origin::Pages } else { Origin::Recordings };
    RecordKey::parse(&key.object(kind))
        .map(|_| ())
        .ok_or_else(|| Fault::lasting(origin, "the day of this exchange is damaged"))
}

fn written(put: Put, bytes: &[u8]) -> Written {
    match put {
        Put::Done => Written::Kept(Receipt::kept(digest_of(bytes))),
        Put::Otherwise => Written::Taken,
    }
}

/// What an opening's item holds beside it: its day, and the handle by which it is known whose it is.
fn beside(key: &RecordKey, opening: Option<&[u8]>) -> Item {
    let mut item = Item::from([("day".to_owned(), text(&key.day))]);
    if let Some(opening) = opening.and_then(|bytes| decode::<Opening>(bytes).ok()) {
        item.insert("handle".to_owned(), text(opening.record.handle));
    }
    item
}

#[async_trait]
impl Recorder for Records {
    async fn keep(&self, key: &RecordKey, kind: ObjectKind, bytes: Bytes) -> Result<Written, Fault> {
        checked(key, kind)?;
        if let Some((bucket, at)) = self.place(key, kind) {
            let content = match kind {
                ObjectKind::Page { .. } => "application/octet-stream",
                ObjectKind::Opening
                | ObjectKind::Closing
                | ObjectKind::Approval { .. }
                | ObjectKind::Standing { .. }
                | ObjectKind::Evidence { .. }
                | ObjectKind::Sealed => "application/json",
            };
            return Ok(match bucket.write(&at, content, bytes.clone()).await? {
                Wrote::Kept => Written::Kept(Receipt::kept(digest_of(&bytes))),
                Wrote::Taken => Written::Taken,
            });
        }
        if kind == ObjectKind::Sealed {
            // It may lie in its opening's item.
            if self.read_sealed(key).await?.is_some() {
                return Ok(Written::Taken);
            }
            let put = self.keep_in_table(sealed_key(key), &[(SEALED, &bytes)], beside(key, None)).await?;
            return Ok(written(put, &bytes));
        }
        let more = beside(key, Some(&bytes));
        Ok(written(self.keep_in_table(opening_of(key), &[(OPENING, &bytes)], more).await?, &bytes))
    }

    /// Both in one item, by one write.
    async fn open(&self, key: &RecordKey, opening: Bytes, sealed: Bytes) -> Result<Written, Fault> {
        checked(key, ObjectKind::Opening)?;
        let more = beside(key, Some(&opening));
        let parts = [(OPENING, &opening), (SEALED, &sealed)];
        Ok(written(self.keep_in_table(opening_of(key), &parts, more).await?, &opening))
    }

    /// A count may be told once too often, where an answer was lost; never once too few.
    async fn count_rejected(
        &self,
        door: &'static str,
        reason: &'static str,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let minute = now.as_secs().div_euclid(60);
        let forget = now.after(REJECTED).as_secs();
        let key = Key::new(format!("rejected#{}", now.day()), format!("{minute:012}#{door}#{reason}"));
        let count = self.table.client().update_item().table_name(self.table.name());
        let count = count
            .key("pk", text(key.pk))
            .key("sk", text(key.sk))
            .update_expression("ADD #count :one SET forget_at = :forget")
            .expression_attribute_names("#count", "count")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":forget", number(forget));
        count
            .send()
            .await
            .map(|_| ())
            .map_err(|error| fault(KEEP.origin, KEEP.public, "dynamodb:UpdateItem", &error))
    }
}

#[async_trait]
impl Recordings for Records {
    async fn read(&self, key: &RecordKey, kind: ObjectKind) -> Result<Option<Bytes>, Fault> {
        checked(key, kind)?;
        match self.place(key, kind) {
            Some((bucket, at)) => bucket.read(&at).await,
            None if kind == ObjectKind::Sealed => self.read_sealed(key).await,
            None => self.read_opening(key).await,
        }
    }
}
