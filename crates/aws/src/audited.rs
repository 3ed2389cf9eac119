//! The recordings as auditors see them: found by the index, read as they lie, each look kept.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use domain::{ExchangeId, ExchangeNumber, PrincipalKey, SessionId, Timestamp};
use gateway::ports::{Among, Index, Indexed, Looks, Recordings, Stretch, Told, Written};
use gateway::{Fault, Origin, Receipt};
use recording::{ObjectKind, RecordKey, digest_of};

use crate::calls::Clients;
use crate::index::{By, Found, IndexRow, Look, place, place_in_session};
use crate::objects::{Bucket, Wrote};
use crate::records::{Records, opening_key};
use crate::steps::Steps;
use crate::table::{About, Table, string};

const FIND: About =
    About { origin: Origin::Recordings, public: "the index of the recordings cannot be read" };

/// Openings that are looked for at once.
const AT_ONCE: u32 = 50;

/// What lies in the table of state, in the table of the index and in the buckets. It reads all of it and writes looks alone, into the
/// bucket of records ([`recording::Look::key`]).
#[derive(Clone, Debug)]
pub struct Audited {
    records: Records,
    steps: Steps,
    state: Table,
    index: crate::Index,
    bucket: Bucket,
}

impl Audited {
    /// Of those tables and buckets.
    pub fn new(clients: &Clients, state: &str, index: crate::Index, records: &str, pages: &str) -> Self {
        Self {
            records: Records::new(clients, state, records, pages),
            steps: Steps::new(clients, state),
            state: Table::new(clients, state),
            index,
            bucket: Bucket::of_records(clients, records),
        }
    }

    /// The days of those of a session's openings from `from` to `to` that are there.
    async fn openings(&self, session: SessionId, from: u32, to: u32) -> Result<BTreeMap<u32, String>, Fault> {
        let keys: Vec<_> = (from..=to)
            .filter_map(|number| Some(opening_key(session, ExchangeNumber::new(number)?)))
            .collect();
        let found = self.state.get_parts(&keys, &["day"], FIND).await?;
        let days = (from..=to).zip(&keys).filter_map(|(number, key)| Some((number, found.get(key)?)));
        days.map(|(number, item)| Ok((number, string(item, "day", FIND)?))).collect()
    }

    /// The same of what the index tells of the session, at most so many.
    async fn told(
        &self,
        session: SessionId,
        from: u32,
        limit: usize,
    ) -> Result<BTreeMap<u32, String>, Fault> {
        let after = from.checked_sub(1).filter(|before| *before > 0).map(place_in_session);
        let look = Look { from: None, until: None, newest_first: false, limit, after };
        let Found { rows, unreadable: _, next: _ } = self.index.query(&By::Session(session), &look).await?;
        Ok(rows.into_iter().map(|row| (row.key.exchange.number.get(), row.key.day)).collect())
    }
}

impl Audited {
    /// The first so many of a partition within that stretch, behind that place.
    async fn of_partition(
        &self,
        by: &By,
        stretch: Stretch,
        mut after: Option<String>,
        limit: usize,
    ) -> Result<Told, Fault> {
        let mut told = Told::default();
        // The index counts the end in.
        let until = Timestamp::from_micros(stretch.to.as_micros().saturating_sub(1));
        loop {
            let left = limit.saturating_sub(told.found.len());
            if left == 0 {
                return Ok(told);
            }
            let (from, until) = (Some(stretch.from), Some(until));
            let look = Look { from, until, newest_first: false, limit: left, after };
            let Found { rows, unreadable, next } = self.index.query(by, &look).await?;
            told.unreadable = told.unreadable.saturating_add(unreadable);
            let indexed = |row: IndexRow| Some(Indexed { opened: row.opened?, key: row.key });
            told.found.extend(rows.into_iter().filter_map(indexed));
            if next.is_none() {
                return Ok(told);
            }
            after = next;
        }
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
    ) -> Result<Told, Fault> {
        let mut told = Told::default();
        let from = after.map_or(stretch.from, |after| after.opened.max(stretch.from));
        // Of a cursor before the stretch nothing is behind it.
        let after = after
            .filter(|after| after.opened >= stretch.from)
            .map(|after| place(after.opened, after.key.exchange));
        let stretch = Stretch { from, to: stretch.to };
        for partitions in partitions(among, stretch) {
            let left = limit.saturating_sub(told.found.len());
            if left == 0 {
                break;
            }
            let mut found = Vec::new();
            for by in &partitions {
                let Told { found: some, unreadable } =
                    self.of_partition(by, stretch, after.clone(), left).await?;
                found.extend(some);
                told.unreadable = told.unreadable.saturating_add(unreadable);
            }
            // The first of all are among the first of each.
            found.sort();
            // One that touches both spellings of a name.
            found.dedup();
            found.truncate(left);
            told.found.extend(found);
        }
        Ok(told)
    }

    async fn whole_since(&self, now: Timestamp) -> Result<Option<Timestamp>, Fault> {
        self.index.whole_since(now).await.map(Some)
    }

    async fn of_session(
        &self,
        session: SessionId,
        from: ExchangeNumber,
        limit: usize,
    ) -> Result<Vec<RecordKey>, Fault> {
        let mut found = self.told(session, from.get(), limit).await?;
        let mut first = from.get();
        // Reading costs what lies there, so no more than are wanted at first.
        let mut many = u32::try_from(limit).unwrap_or(AT_ONCE).clamp(1, AT_ONCE);
        loop {
            let last = first.saturating_add(many - 1);
            let openings = self.openings(session, first, last).await?;
            let is_over = openings.is_empty() && many == AT_ONCE;
            // SECURITY: the record says on which day it lies, whatever the index tells.
            found.extend(openings);
            // Numbers have no gap. Behind one that somebody has made nothing hides that lies among the next so many.
            if is_over || found.range(..=last).count() >= limit || last == u32::MAX {
                break;
            }
            (first, many) = (last.saturating_add(1), AT_ONCE);
        }
        let keys = found.into_iter().filter_map(|(number, day)| {
            Some(RecordKey::new(day, ExchangeId { session, number: ExchangeNumber::new(number)? }))
        });
        Ok(keys.take(limit).collect())
    }
}

/// The partitions of a stretch, in order: of its months, or of its days where it is asked by refusal or hold. Those of one month lie beside
/// each other.
fn partitions(among: &Among, stretch: Stretch) -> Vec<Vec<By>> {
    const DAY: i64 = 86_400_000_000;
    let mut named: Vec<Vec<By>> = Vec::new();
    let mut begin = stretch.from.as_micros().div_euclid(DAY).saturating_mul(DAY);
    while begin < stretch.to.as_micros() {
        let day = Timestamp::from_micros(begin).day();
        let month = || day.get(..7).unwrap_or(&day).to_owned();
        let by = match among {
            Among::Person(person) => vec![By::Person(person.clone(), month())],
            Among::Agent(agent) => vec![By::Agent(agent.clone(), month())],
            Among::Table(table) => {
                let mut names = vec![table.clone(), Among::of_capitals(table)];
                names.dedup();
                let by = |name| By::Table(name, month());
                names.into_iter().map(by).chain([By::ManyTables(month())]).collect()
            }
            Among::Refused => vec![By::Refused(day)],
            Among::Held => vec![By::Held(day)],
        };
        if named.last() != Some(&by) {
            named.push(by);
        }
        begin = begin.saturating_add(DAY);
    }
    named
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
    async fn count_look(
        &self,
        auditor: &PrincipalKey,
        most: u32,
        now: Timestamp,
    ) -> Result<Option<Duration>, Fault> {
        self.index.count_look(auditor, most, now).await
    }

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

    fn of(among: &Among, from: &str, to: &str) -> Vec<Vec<By>> {
        partitions(among, Stretch { from: from.parse().unwrap(), to: to.parse().unwrap() })
    }

    #[test]
    fn a_stretch_is_its_months_or_its_days() {
        let (name, month) =
            ("Ana#2026-11".to_owned(), |month: &str| vec![By::Person("Ana#2026-11".into(), month.into())]);
        let ana = Among::Person(name);
        assert_eq!(
            of(&ana, "2026-11-30T23:59:59.999999Z", "2027-01-01T00:00:00.000001Z"),
            [month("2026-11"), month("2026-12"), month("2027-01")]
        );
        assert_eq!(of(&ana, "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"), [month("2026-11")]);
        let refused = of(&Among::Refused, "2026-11-26T00:00:00Z", "2026-11-27T00:00:00Z");
        assert_eq!(refused, [[By::Refused("2026-11-26".into())]]);
        let typed = of(&Among::Table("a.b.C".into()), "2026-11-26T00:00:00Z", "2026-11-27T00:00:00Z");
        assert_eq!(typed[0][..2], ["a.b.C", "A.B.C"].map(|name| By::Table(name.into(), "2026-11".into())));
        let of_table = of(&Among::Table("A.B.C".into()), "2026-11-26T00:00:00Z", "2026-11-27T00:00:00Z");
        assert_eq!(
            of_table,
            [[By::Table("A.B.C".into(), "2026-11".into()), By::ManyTables("2026-11".into())]]
        );
        assert_eq!(of(&ana, "2026-11-02T00:00:00Z", "2026-11-01T00:00:00Z"), Vec::<Vec<By>>::new());
    }
}
