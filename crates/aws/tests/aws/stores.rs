//! The stores of an account, opened as two processes open them.

use std::sync::Arc;

use aws::{
    Accesses, Audited, Clients, Evidence, Exchanges, Index, IndexRow, Keys, Records, Standings, Steps,
};
use conformance::{Store, Two};
use gateway::ports::{Recordings, RevokedWhat};
use recording::{ExchangeObjects, ExchangeRow, ObjectKind, RecordKey};

use crate::moto::Moto;

/// The names of what a deployment makes.
pub struct Account {
    pub moto: &'static Moto,
    pub table: String,
    pub index: String,
    pub records: String,
    pub pages: String,
    pub key: String,
}

impl Account {
    /// An empty one; none, said loudly, where nothing plays AWS.
    pub async fn new() -> Option<Self> {
        let moto = Moto::get()?;
        let (table, index) = (moto.table().await, moto.table().await);
        let (records, pages, key) =
            (moto.bucket("records").await, moto.bucket("pages").await, moto.key().await);
        Some(Self { moto, table, index, records, pages, key })
    }

    pub fn records(&self, clients: &Clients) -> Records {
        Records::new(clients, &self.table, &self.records, &self.pages)
    }

    pub fn exchanges(&self, clients: &Clients) -> Exchanges {
        Exchanges::new(clients, &self.table, self.records(clients), &self.pages)
    }

    pub fn keys(&self, clients: &Clients) -> Keys {
        Keys::new(clients, &self.key, &self.records, &self.table)
    }

    pub fn audited(&self, clients: &Clients) -> Audited {
        let index = Index::new(clients, &self.index);
        Audited::new(clients, &self.table, index, &self.records, &self.pages)
    }

    pub fn store(&self) -> Store {
        let clients = self.moto.clients();
        let audited = Arc::new(self.audited(&clients));
        let (exchanges, records) = (Arc::new(self.exchanges(&clients)), Arc::new(self.records(&clients)));
        Store {
            approvals: exchanges.clone(),
            exchanges,
            standings: Arc::new(Standings::new(Steps::new(&clients, &self.table))),
            accesses: Arc::new(Accesses::new(&clients, &self.table)),
            evidence: Arc::new(Evidence::new(&clients, &self.table, &self.pages)),
            recorder: records.clone(),
            recordings: records,
            index: audited.clone(),
            looks: audited,
            keys: Arc::new(self.keys(&clients)),
        }
    }

    pub fn two(&self) -> Two {
        Two { first: self.store(), second: self.store() }
    }
}

macro_rules! conforms {
    ($($module:ident :: $check:ident),* $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $check() {
                let Some(account) = Account::new().await else { return };
                conformance::$module::$check(&account.two()).await;
            }
        )*
    };
}

conformance::every_check!(conforms);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revocation_is_seen_by_every_process() {
    let Some(account) = Account::new().await else { return };
    let third = account.exchanges(&account.moto.clients());
    let revoke = |what: RevokedWhat, id: &str| {
        let revoked = third.revoke(what, id, conformance::NOON);
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(revoked)).unwrap();
    };
    conformance::exchanges::revocation_is_seen_by_every_process(&account.two(), &revoke).await;
    let (acts, agents) =
        (third.revocation_history().await.unwrap(), third.revocations(RevokedWhat::Agent).await.unwrap());
    assert_eq!((acts.len(), agents.len()), (4, 1));
    let id = agents[0].id.clone();
    assert!(third.undo_revocation(RevokedWhat::Agent, &id, conformance::NOON).await.unwrap());
    assert!(!third.undo_revocation(RevokedWhat::Agent, &id, conformance::NOON).await.unwrap());
    assert!(third.revocations(RevokedWhat::Agent).await.unwrap().is_empty());
    let acts = third.revocation_history().await.unwrap();
    assert_eq!(acts.iter().filter(|act| act.act == "undone" && act.id == id).count(), 1);
}

/// Writes the index of an exchange as its function does, out of the records.
async fn index(account: &Account, key: &RecordKey) {
    let clients = account.moto.clients();
    let audited = account.audited(&clients);
    let (opening, closing) = (
        audited.read(key, ObjectKind::Opening).await.unwrap(),
        audited.read(key, ObjectKind::Closing).await.unwrap(),
    );
    let objects =
        ExchangeObjects { opening: opening.as_ref(), closing: closing.as_ref(), steps: &[], evidence: &[] };
    let row = IndexRow::new(key, &ExchangeRow::new(&key.exchange, &objects), (2, 0)).unwrap().unwrap();
    let keep = std::time::Duration::from_secs(90 * 24 * 60 * 60);
    Index::new(&clients, &account.index).write(&row, conformance::NOON, keep).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_closed_is_found_by_all_that_it_is_of() {
    let Some(account) = Account::new().await else { return };
    let tell = |key: &RecordKey| {
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(index(&account, key)));
    };
    conformance::audit::what_is_closed_is_found_by_all_that_it_is_of(&account.two(), &tell).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_told_whole_although_openings_of_it_are_gone() {
    let Some(account) = Account::new().await else { return };
    let clients = account.moto.clients();
    let audited = account.audited(&clients);
    let session = conformance::session();
    let key = |number: u32| {
        let number = domain::ExchangeNumber::new(number).unwrap();
        RecordKey::new("2026-11-23", domain::ExchangeId { session, number })
    };
    let records = account.records(&clients);
    // More than are looked for at once, and none of a whole stretch but by the index.
    for number in [1, 2, 49, 50, 52, 120] {
        let opening = bytes::Bytes::from_static(b"{}");
        gateway::ports::Recorder::open(&records, &key(number), opening, bytes::Bytes::from_static(b"s"))
            .await
            .unwrap();
    }
    let of = async |from: u32, limit| -> Vec<u32> {
        let from = domain::ExchangeNumber::new(from).unwrap();
        let keys = gateway::ports::Index::of_session(&audited, session, from, limit).await.unwrap();
        keys.iter().map(|key| key.exchange.number.get()).collect()
    };
    assert_eq!(of(1, 100).await, [1, 2, 49, 50, 52, 120], "behind a gap lie others");
    assert_eq!(of(3, 2).await, [49, 50]);
    assert_eq!(of(121, 5).await, [0; 0]);
    let sealed = audited.read(&key(1), ObjectKind::Sealed).await.unwrap_err();
    assert_eq!(sealed.public, "sealed texts are not read for auditors");
}
