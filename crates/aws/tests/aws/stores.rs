//! The stores of an account, opened as two processes open them.

use std::sync::Arc;

use aws::{Accesses, Clients, Evidence, Exchanges, Keys, Records, Standings, Steps};
use conformance::{Store, Two};
use gateway::ports::RevokedWhat;

use crate::moto::Moto;

/// The names of what a deployment makes.
pub struct Account {
    pub moto: &'static Moto,
    pub table: String,
    pub records: String,
    pub pages: String,
    pub key: String,
}

impl Account {
    /// An empty one; none, said loudly, where nothing plays AWS.
    pub async fn new() -> Option<Self> {
        let moto = Moto::get()?;
        let (table, records, pages, key) =
            (moto.table().await, moto.bucket("records").await, moto.bucket("pages").await, moto.key().await);
        Some(Self { moto, table, records, pages, key })
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

    pub fn store(&self) -> Store {
        let clients = self.moto.clients();
        let (exchanges, records) = (Arc::new(self.exchanges(&clients)), Arc::new(self.records(&clients)));
        Store {
            approvals: exchanges.clone(),
            exchanges,
            standings: Arc::new(Standings::new(Steps::new(&clients, &self.table))),
            accesses: Arc::new(Accesses::new(&clients, &self.table)),
            evidence: Arc::new(Evidence::new(&clients, &self.table, &self.pages)),
            recorder: records.clone(),
            recordings: records,
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
