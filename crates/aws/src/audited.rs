//! The recordings as auditors see them: found by the index, read as they lie, each look kept.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use bytes::Bytes;
use domain::{ExchangeId, ExchangeNumber, SessionId, Timestamp};
use gateway::ports::{Among, Index, Indexed, Looks, Recordings, Stretch, Written};
use gateway::{Fault, Origin, Receipt};
use recording::{ObjectKind, RecordKey, digest_of};

use crate::calls::Clients;
use crate::index;
use crate::objects::{Bucket, Wrote};
use crate::records::{Records, opening_key};
use crate::steps::Steps;
use crate::table::{About, Item, Order, Table, string};

const FIND: About = About { origin: Origin::Recordings, public: "the index of the recordings cannot be read" };

/// Openings that are looked for at once.
const AT_ONCE: u32 = 50;

/// What lies in the table of state, in the table of the index and in the buckets. It reads all of it and writes looks alone, into the
/// bucket of records ([`recording::Look::key`]).
#[derive(Clone, Debug)]
pub struct Audited {
    records: Records,
    steps: Steps,
    state: Table,
    index: Table,
    bucket: Bucket,
}

impl Audited {
    /// Of those tables and buckets.
    pub fn new(clients: &Clients, state: &str, index: &str, records: &str, pages: &str) -> Self {
        Self {
            records: Records::new(clients, state, records, pages),
            steps: Steps::new(clients, state),
            state: Table::new(clients, state),
            index: Table::new(clients, index),
            bucket: Bucket::of_records(clients, records),
        }
    }

    /// The days of those of a session's openings from `from` to `to` that are there.
    async fn openings(
        &self,
        session: SessionId,
        from: u32,
        to: u32,
    ) -> Result<BTreeMap<u32, String>, Fault> {
        let keys: Vec<_> = (from..=to).filter_map(|number| Some(opening_key(session, ExchangeNumber::new(number)?))).collect();
        let found = self.state.get_all(&keys, FIND).await?;
        let days = (from..=to).zip(&keys).filter_map(|(number, key)| Some((number, found.get(key)?)));
        days.map(|(number, item)| Ok((number, string(item, "day", FIND)?))).collect()
    }

    /// The same of what the index tells of the session, at most so many.
    async fn told(&self, session: SessionId, from: u32, limit: usize) -> Result<BTreeMap<u32, String>, Fault> {
        let (first, last) = (format!("{from:08}"), "99999999");
        let items = self
            .index
            .between(&index::session_partition(session), (&first, last), Order::Forward, Some(limit), FIND)
            .await?;
        let told = |item: &Item| {
            let number = string(item, "sk", FIND)?.trim_start_matches('0').parse().map_err(|_| FIND.damaged())?;
            Ok((number, string(item, "day", FIND)?))
        };
        items.iter().map(told).collect()
    }
}

#[async_trait]
impl Index for Audited {
    async fn indexed(
        &self,
        among: &Among,
        stretch: Stretch,
        after: Option<&Indexed>,
        limit: usize,
    ) -> Result<Vec<Indexed>, Fault> {
        let mut found = Vec::new();
        let from = after.map_or(stretch.from, |after| after.opened.max(stretch.from));
        for partition in partitions(among, Stretch { from, to: stretch.to }) {
            let left = limit.saturating_sub(found.len());
            if left == 0 {
                break;
            }
            // Keys are of one length, so nothing lies between a key and the same with a mark behind it.
            let first = match after {
                Some(after) if after.opened >= stretch.from => format!("{}!", index::sort_key(after.opened, after.key.exchange)),
                Some(_) | None => from.to_string(),
            };
            // No key is a moment alone, so that of this one none is among them.
            let last = stretch.to.to_string();
            let items =
                self.index.between(&partition, (&first, &last), Order::Forward, Some(left), FIND).await?;
            for item in &items {
                found.push(indexed(item)?);
            }
        }
        Ok(found)
    }

    async fn of_session(
        &self,
        session: SessionId,
        from: ExchangeNumber,
        limit: usize,
    ) -> Result<Vec<RecordKey>, Fault> {
        let mut found = self.told(session, from.get(), limit).await?;
        let mut first = from.get();
        loop {
            let last = first.saturating_add(AT_ONCE - 1);
            let openings = self.openings(session, first, last).await?;
            let is_over = openings.is_empty();
            // SECURITY: the record says on which day it lies, whatever the index tells.
            found.extend(openings);
            let so_far = found.range(..=last).count();
            // Numbers have no gap. Where one is missing nobody hides behind it the next hundred that are there.
            if is_over || so_far >= limit || last == u32::MAX {
                break;
            }
            first = last.saturating_add(1);
        }
        let keys = found.into_iter().filter_map(|(number, day)| {
            Some(RecordKey::new(day, ExchangeId { session, number: ExchangeNumber::new(number)? }))
        });
        Ok(keys.take(limit).collect())
    }
}

/// What an item of the index tells.
fn indexed(item: &Item) -> Result<Indexed, Fault> {
    let sk = string(item, "sk", FIND)?;
    let mut parts = sk.split('#');
    let told = (|| {
        let opened: Timestamp = parts.next()?.parse().ok()?;
        let session: SessionId = parts.next()?.parse().ok()?;
        let number = ExchangeNumber::new(parts.next()?.parse().ok()?)?;
        let exchange = ExchangeId { session, number };
        (index::sort_key(opened, exchange) == sk).then_some((opened, exchange))
    })();
    let (opened, exchange) = told.ok_or_else(|| FIND.damaged())?;
    Ok(Indexed { opened, key: RecordKey::new(string(item, "day", FIND)?, exchange) })
}

/// The partitions of a stretch, in order: of months, or of the days that are asked for by refusal or hold.
fn partitions(among: &Among, stretch: Stretch) -> Vec<String> {
    const DAY: i64 = 86_400_000_000;
    let mut named = BTreeSet::new();
    let mut begin = stretch.from.as_micros().div_euclid(DAY).saturating_mul(DAY);
    while begin < stretch.to.as_micros() {
        let day = Timestamp::from_micros(begin).day();
        named.insert(index::partition(among, &day));
        begin = begin.saturating_add(DAY);
    }
    named.into_iter().collect()
}

#[async_trait]
impl Recordings for Audited {
    /// Steps of approvals lie in the table. Sealed texts are nobody's to read here.
    async fn read(&self, key: &RecordKey, kind: ObjectKind) -> Result<Option<Bytes>, Fault> {
        match kind {
            ObjectKind::Approval { step } => self.steps.read(key, step).await,
            ObjectKind::Sealed => {
                Err(Fault::lasting(Origin::Recordings, "sealed texts are not read for auditors"))
            }
            ObjectKind::Opening
            | ObjectKind::Closing
            | ObjectKind::Standing { .. }
            | ObjectKind::Evidence { .. }
            | ObjectKind::Page { .. } => self.records.read(key, kind).await,
        }
    }
}

#[async_trait]
impl Looks for Audited {
    async fn keep_look(&self, key: &str, look: Bytes) -> Result<Written, Fault> {
        if !key.starts_with("looks/v1/dt=") {
            return Err(Fault::lasting(Origin::Recordings, "this is no place for a look"));
        }
        Ok(match self.bucket.write(key, "application/json", look.clone()).await? {
            Wrote::Kept => Written::Kept(Receipt::kept(digest_of(&look))),
            Wrote::Taken => Written::Taken,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(among: &Among, from: &str, to: &str) -> Vec<String> {
        partitions(among, Stretch { from: from.parse().unwrap(), to: to.parse().unwrap() })
    }

    #[test]
    fn a_stretch_is_its_months_or_its_days() {
        let ana = Among::Person("Ana#X@acme.example".into());
        assert_eq!(
            of(&ana, "2026-11-30T23:59:59.999999Z", "2027-01-01T00:00:00.000001Z"),
            ["person#ana#x@acme.example#2026-11", "person#ana#x@acme.example#2026-12", "person#ana#x@acme.example#2027-01"]
        );
        assert_eq!(of(&ana, "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"), ["person#ana#x@acme.example#2026-11"]);
        assert_eq!(of(&Among::Refused, "2026-11-26T00:00:00Z", "2026-11-27T00:00:00Z"), ["refused#2026-11-26"]);
        assert_eq!(of(&ana, "2026-11-02T00:00:00Z", "2026-11-01T00:00:00Z"), Vec::<String>::new());
    }
}
