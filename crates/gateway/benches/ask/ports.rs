//! The ports in memory. Each does what an adapter does with its processor (digests, JSON), and nothing with a disk or
//! a network.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use bytes::Bytes;
use domain::{
    ApprovalId, Catalog, Column, ColumnRef, Digest, Handle, Identity, ObjectName, PrincipalKey, Relation,
    RelationKind, SessionId, SqlType, Timestamp,
};
use gateway::ports::{
    Approvals, Catalogs, Claim, Claimed, Clock, Exchanges, Finished, Ids, Keys, Leased, Notice, Notified,
    Notifier, Policies, Progress, Recorder, Recordings, ResultHead, RevokedWhat, Routine, RowSource, Saved,
    SessionKeys, Standings, Upstream, UpstreamHandle, Written,
};
use gateway::{Fault, Permit, Receipt};
use masking::AnsweredColumn;
use policy::Bundle;
use recording::{ObjectKind, RecordKey, digest_of};

pub struct HeldBundle(pub Arc<Bundle>);

#[async_trait]
impl Policies for HeldBundle {
    async fn bundle(&self) -> Result<Arc<Bundle>, Fault> {
        Ok(Arc::clone(&self.0))
    }
}

/// `DEMO.PUBLIC.CUSTOMERS`, most of whose columns nobody has classified.
pub struct Tables(Arc<Catalog>, Vec<AnsweredColumn>);

impl Tables {
    pub fn new(count: usize) -> Self {
        let table = ObjectName::new("DEMO", "PUBLIC", "CUSTOMERS");
        let named = ["ID", "NAME", "EMAIL", "COUNTRY"].map(String::from);
        let names = named.into_iter().chain((4..count).map(|number| format!("COLUMN_{number}")));
        let columns: Vec<Column> = names
            .map(|name| Column {
                name,
                sql_type: SqlType::Text { length: 100 },
                is_nullable: true,
                tags: BTreeMap::new(),
            })
            .collect();
        let answered = columns.iter().map(|column| AnsweredColumn {
            name: column.name.clone(),
            sql_type: column.sql_type.clone(),
            is_nullable: true,
            origin: Some(ColumnRef { object: table.clone(), column: column.name.clone() }),
        });
        let answered = answered.collect();
        let relation = Relation { kind: RelationKind::Table, columns, version: 1 };
        let catalog = Catalog {
            relations: BTreeMap::from([(table, relation)]),
            loaded: BTreeSet::from([("DEMO".to_owned(), "PUBLIC".to_owned())]),
            digest: Digest::from_bytes([1; 32]),
        };
        Self(Arc::new(catalog), answered)
    }

    /// What upstream answers when every column is shown.
    pub fn all(&self) -> Vec<AnsweredColumn> {
        self.1.clone()
    }

    /// What upstream answers when these are, the third under another name.
    pub fn some(&self, names: &[&str]) -> Vec<AnsweredColumn> {
        let mut columns: Vec<_> =
            self.1.iter().filter(|column| names.contains(&column.name.as_str())).cloned().collect();
        columns[2].name = "CONTACT".to_owned();
        columns
    }
}

#[async_trait]
impl Catalogs for Tables {
    async fn snapshot(&self, _: &BTreeSet<(String, String)>) -> Result<Arc<Catalog>, Fault> {
        Ok(Arc::clone(&self.0))
    }

    async fn versions(&self, objects: &BTreeSet<ObjectName>) -> Result<BTreeMap<ObjectName, i64>, Fault> {
        let known = objects.iter().filter_map(|name| Some((name.clone(), self.0.relation(name)?.version)));
        Ok(known.collect())
    }

    async fn routines(
        &self,
        _: &BTreeSet<ObjectName>,
    ) -> Result<BTreeMap<ObjectName, BTreeSet<Routine>>, Fault> {
        Ok(BTreeMap::new())
    }

    async fn forget(&self, _: &BTreeSet<ObjectName>) {}
}

pub struct Keyring;

#[async_trait]
impl Keys for Keyring {
    async fn session(&self, _: SessionId) -> Result<SessionKeys, Fault> {
        Ok(SessionKeys { seal: [1; 32], tokens: [2; 32], shared_tokens: [3; 32] })
    }

    async fn digest(&self) -> Result<[u8; 32], Fault> {
        Ok([3; 32])
    }
}

/// Digests what it is given, and forgets it: small answers are never read back.
pub struct Forgetful;

#[async_trait]
impl Recorder for Forgetful {
    async fn keep(&self, key: &RecordKey, kind: ObjectKind, bytes: Bytes) -> Result<Written, Fault> {
        std::hint::black_box(key.object(kind));
        Ok(Written::Kept(Receipt::kept(digest_of(&bytes))))
    }

    async fn count_rejected(&self, _: &'static str, _: &'static str, _: Timestamp) -> Result<(), Fault> {
        panic!("the token is good")
    }
}

#[async_trait]
impl Recordings for Forgetful {
    async fn read(&self, _: &RecordKey, _: ObjectKind) -> Result<Option<Bytes>, Fault> {
        panic!("small answers are not read back")
    }
}

/// One session; of exchanges, the latest, as the JSON that a store would keep.
#[derive(Default)]
pub struct Live {
    number: AtomicU32,
    latest: Mutex<Vec<u8>>,
}

impl Live {
    fn store(&self, live: &gateway::Live) {
        *self.latest.lock().unwrap() = serde_json::to_vec(live).unwrap();
    }
}

#[async_trait]
impl Exchanges for Live {
    async fn claim(&self, _: Claim<'_>) -> Result<Claimed, Fault> {
        let next = self.number.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(Claimed::New { session: SessionId::from_u128(7), next })
    }

    async fn foresee(&self, _: Claim<'_>) -> Result<Claimed, Fault> {
        panic!("the statement is small")
    }

    async fn begin(&self, live: &gateway::Live, _: u128, _: Timestamp) -> Result<(), Fault> {
        self.store(live);
        Ok(())
    }

    async fn abandon(&self, _: &PrincipalKey, _: Handle) -> Result<(), Fault> {
        Ok(())
    }

    async fn find(&self, _: &PrincipalKey, _: Handle) -> Result<Option<gateway::Live>, Fault> {
        Ok(None)
    }

    async fn lease(&self, _: Handle, _: u128, _: Timestamp, _: Timestamp) -> Result<Leased, Fault> {
        Ok(Leased::Unknown)
    }

    async fn save(&self, live: &gateway::Live, _: u128, _: Timestamp) -> Result<Saved, Fault> {
        self.store(live);
        Ok(Saved::Yes)
    }

    async fn release(&self, _: Handle, _: u128) -> Result<(), Fault> {
        Ok(())
    }

    async fn want_cancelled(&self, _: &PrincipalKey, _: Handle) -> Result<bool, Fault> {
        Ok(false)
    }

    async fn unattended(&self, _: Timestamp, _: usize) -> Result<Vec<Handle>, Fault> {
        Ok(Vec::new())
    }

    async fn revoked(&self, _: &Identity, _: Option<SessionId>) -> Result<Option<RevokedWhat>, Fault> {
        Ok(None)
    }

    async fn count_ask(&self, _: &PrincipalKey, _: u32, _: Timestamp) -> Result<Option<Duration>, Fault> {
        Ok(None)
    }

    async fn revoked_people(&self) -> Result<BTreeSet<String>, Fault> {
        Ok(BTreeSet::new())
    }
}

/// Answers at once, three rows.
pub struct Answering {
    columns: Vec<AnsweredColumn>,
    rows: Bytes,
}

impl Answering {
    pub fn new(columns: Vec<AnsweredColumn>) -> Self {
        let cell = |number: usize| match number {
            2 => "mia.schulz@example.com".to_owned(),
            _ => format!("value {number}"),
        };
        let row: Vec<String> = (0..columns.len()).map(cell).collect();
        let rows = serde_json::to_vec(&[&row, &row, &row]).unwrap();
        Self { columns, rows: Bytes::from(rows) }
    }
}

#[async_trait]
impl Upstream for Answering {
    async fn start(&self, permit: Permit, _: Duration) -> Result<Progress, Fault> {
        let handle = UpstreamHandle { tier: permit.spend().tier, text: "a-query".to_owned() };
        let head = ResultHead {
            query_id: "01b2c3d4-0000-0000-0000-00000000feed".to_owned(),
            columns: self.columns.clone(),
            rows: 3,
            partitions: vec![3],
        };
        let first = Some(Box::new(Rows(Some(self.rows.clone()))) as Box<dyn RowSource>);
        Ok(Progress::Done(Finished { handle, parts: vec![head], first }))
    }

    async fn poll(&self, _: &UpstreamHandle, _: Duration) -> Result<Progress, Fault> {
        Ok(Progress::Unknown)
    }

    async fn rows(&self, _: &UpstreamHandle, _: usize, _: usize) -> Result<Box<dyn RowSource>, Fault> {
        panic!("the rows came with the answer")
    }

    async fn cancel(&self, _: &UpstreamHandle) -> Result<(), Fault> {
        Ok(())
    }
}

struct Rows(Option<Bytes>);

#[async_trait]
impl RowSource for Rows {
    async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        Ok(self.0.take())
    }
}

pub struct RealClock;

impl Clock for RealClock {
    #[allow(clippy::disallowed_methods, reason = "this is the clock")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap())
    }
}

/// Counts.
#[derive(Default)]
pub struct Counter(AtomicU64);

impl Ids for Counter {
    fn random(&self) -> Result<u128, Fault> {
        Ok(u128::from(self.0.fetch_add(1, Ordering::Relaxed) + 1))
    }
}

/// Nothing waits for a person here.
pub struct Nobody;

#[async_trait]
impl Approvals for Nobody {
    async fn exchange_of(&self, _: ApprovalId) -> Result<Option<gateway::Live>, Fault> {
        Ok(None)
    }

    async fn waiting(&self, _: usize) -> Result<Vec<gateway::Live>, Fault> {
        Ok(Vec::new())
    }

    async fn asked_by(&self, _: &PrincipalKey, _: usize) -> Result<Vec<gateway::Live>, Fault> {
        Ok(Vec::new())
    }

    async fn step(&self, _: &RecordKey, _: u32) -> Result<Option<Bytes>, Fault> {
        Ok(None)
    }

    async fn settle(&self, _: &RecordKey, _: u32, _: Bytes) -> Result<Written, Fault> {
        panic!("nothing is held")
    }

    async fn wake(&self, _: ApprovalId) -> Result<(), Fault> {
        Ok(())
    }
}

#[async_trait]
impl Standings for Nobody {
    async fn made(&self, _: Option<&PrincipalKey>) -> Result<Vec<RecordKey>, Fault> {
        Ok(Vec::new())
    }

    async fn made_by(&self, _: ApprovalId) -> Result<Option<RecordKey>, Fault> {
        Ok(None)
    }

    async fn note(&self, _: &PrincipalKey, _: ApprovalId, _: &RecordKey) -> Result<(), Fault> {
        panic!("nothing is held")
    }

    async fn standing_step(&self, _: &RecordKey, _: u32) -> Result<Option<Bytes>, Fault> {
        Ok(None)
    }

    async fn take(&self, _: &RecordKey, _: u32, _: Bytes) -> Result<Written, Fault> {
        panic!("nothing is held")
    }
}

#[async_trait]
impl Notifier for Nobody {
    async fn tell(&self, _: &Notice) -> Result<Notified, Fault> {
        Ok(Notified::Nobody)
    }
}
