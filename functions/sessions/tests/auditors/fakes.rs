//! The ports in memory, and a router over them. Only for these tests.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use domain::{
    Agent, Credential, ExchangeNumber, Handle, Identity, Person, PrincipalKey, SessionId, Timestamp,
};
use gateway::ports::{
    Among, Claim, Claimed, Clock, Exchanges, Identities, Ids, Index, Indexed, Leased, Looks, NotAccepted,
    Policies, Recordings, RevokedWhat, Saved, Stretch, Told, Written,
};
use gateway::{Audit, AuditPorts, Fault, Live, Origin, Receipt};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use policy::Bundle;
use recording::{ExchangeObjects, ExchangeRow, Look, ObjectKind, RecordKey, digest_of};
use serde_json::Value;
use tower::ServiceExt;

/// A day after the records.
pub const NOW: Timestamp = Timestamp::from_micros(1_795_733_100_000_000);

/// Tokens are `sven` and `rosa`; `program` is of a client for itself, `agent` is for another audience, `unscoped` lacks the auditors'
/// scope, `old` has expired, and for `lost` the issuer cannot be reached.
struct FakeIdentities;

#[async_trait]
impl Identities for FakeIdentities {
    async fn verify(&self, credential: &Credential, now: Timestamp) -> Result<Identity, NotAccepted> {
        let name = credential.reveal();
        let person = match name {
            "sven" | "rosa" => Some(Person::new(format!("{name}@acme.example"))),
            "program" => None,
            "unscoped" => return Err(NotAccepted::LacksScope { needed: vec!["audit:read".to_owned()] }),
            "old" => return Err(NotAccepted::Expired),
            "lost" => {
                let fault = Fault::passing(Origin::Identities, "issuer unreachable, try again");
                return Err(NotAccepted::Unavailable(fault));
            }
            _ => return Err(NotAccepted::Rejected { reason: "audience" }),
        };
        Ok(Identity {
            issuer: "https://people.example".to_owned(),
            subject: format!("u-{name}"),
            agent: Agent::new("audit-console"),
            person,
            groups: BTreeSet::new(),
            scopes: BTreeSet::from(["audit:read".to_owned()]),
            token_id: Some(format!("t-{name}")),
            expires_at: now.after(Duration::from_secs(600)),
        })
    }
}

/// Who is revoked, by the person's name; nothing else of exchanges may be asked.
#[derive(Default)]
pub struct FakeExchanges {
    pub revoked: Mutex<BTreeSet<String>>,
    pub is_broken: Mutex<bool>,
}

fn nobodys<T>() -> Result<T, Fault> {
    panic!("auditing asks nothing of exchanges but who is revoked")
}

#[async_trait]
impl Exchanges for FakeExchanges {
    async fn claim(&self, _: Claim<'_>) -> Result<Claimed, Fault> {
        nobodys()
    }
    async fn foresee(&self, _: Claim<'_>) -> Result<Claimed, Fault> {
        nobodys()
    }
    async fn begin(&self, _: &Live, _: u128, _: Timestamp) -> Result<(), Fault> {
        nobodys()
    }
    async fn abandon(&self, _: &PrincipalKey, _: Handle) -> Result<(), Fault> {
        nobodys()
    }
    async fn find(&self, _: &PrincipalKey, _: Handle) -> Result<Option<Live>, Fault> {
        nobodys()
    }
    async fn lease(&self, _: Handle, _: u128, _: Timestamp, _: Timestamp) -> Result<Leased, Fault> {
        nobodys()
    }
    async fn save(&self, _: &Live, _: u128, _: Timestamp) -> Result<Saved, Fault> {
        nobodys()
    }
    async fn release(&self, _: Handle, _: u128) -> Result<(), Fault> {
        nobodys()
    }
    async fn want_cancelled(&self, _: &PrincipalKey, _: Handle) -> Result<bool, Fault> {
        nobodys()
    }
    async fn unattended(&self, _: Timestamp, _: usize) -> Result<Vec<Handle>, Fault> {
        nobodys()
    }
    async fn revoked(
        &self,
        identity: &Identity,
        session: Option<SessionId>,
    ) -> Result<Option<RevokedWhat>, Fault> {
        assert_eq!(session, None);
        if *self.is_broken.lock().unwrap() {
            return Err(Fault::passing(Origin::Exchanges, "the state cannot be read"));
        }
        let person = identity.person.as_ref().map(Person::as_str).unwrap_or_default();
        Ok(self.revoked.lock().unwrap().contains(person).then_some(RevokedWhat::Person))
    }
    async fn count_ask(&self, _: &PrincipalKey, _: u32, _: Timestamp) -> Result<Option<Duration>, Fault> {
        nobodys()
    }
    async fn revoked_people(&self) -> Result<BTreeSet<String>, Fault> {
        nobodys()
    }
}

pub struct FakePolicies(pub Mutex<Option<Arc<Bundle>>>);

#[async_trait]
impl Policies for FakePolicies {
    async fn bundle(&self) -> Result<Arc<Bundle>, Fault> {
        let bundle = self.0.lock().unwrap().clone();
        bundle.ok_or_else(|| Fault::passing(Origin::Policies, "the policy bundle cannot be read"))
    }
}

/// Stands still, unless each look at it takes some time.
#[derive(Default)]
pub struct FakeClock {
    pub each: AtomicU64,
    passed: AtomicU64,
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        let each = self.each.load(Ordering::Relaxed);
        NOW.after(Duration::from_micros(self.passed.fetch_add(each, Ordering::Relaxed)))
    }
}

#[derive(Default)]
struct FakeIds(AtomicU64);

impl Ids for FakeIds {
    fn random(&self) -> Result<u128, Fault> {
        Ok(u128::from(self.0.fetch_add(1, Ordering::Relaxed)) + 1)
    }
}

/// Records, an index that may lie, and the looks that were kept. What is named in `broken` fails.
#[derive(Default)]
pub struct FakeStore {
    pub objects: Mutex<BTreeMap<String, Bytes>>,
    /// Beside what the records say.
    pub lies: Mutex<Vec<Indexed>>,
    /// How often each auditor has looked.
    pub counted: Mutex<BTreeMap<String, u32>>,
    /// Since when the index says that it is whole.
    pub whole_since: Mutex<Option<Timestamp>>,
    pub looks: Mutex<BTreeMap<String, Bytes>>,
    pub broken: Mutex<Option<&'static str>>,
    /// Every call, in order.
    pub calls: Mutex<Vec<&'static str>>,
}

impl FakeStore {
    fn call(&self, name: &'static str) -> Result<(), Fault> {
        self.calls.lock().unwrap().push(name);
        if *self.broken.lock().unwrap() == Some(name) {
            return Err(Fault::passing(Origin::Recordings, "the recordings cannot be read"));
        }
        Ok(())
    }

    fn keys(&self) -> Vec<RecordKey> {
        let objects = self.objects.lock().unwrap();
        let openings = objects.keys().filter_map(|key| RecordKey::parse(key));
        openings.filter(|(_, kind)| *kind == ObjectKind::Opening).map(|(key, _)| key).collect()
    }

    pub fn row(&self, key: &RecordKey) -> ExchangeRow {
        let objects = self.objects.lock().unwrap();
        let one = |kind| objects.get(&key.object(kind));
        let (opening, closing) = (one(ObjectKind::Opening), one(ObjectKind::Closing));
        let objects = ExchangeObjects { opening, closing, steps: &[], evidence: &[] };
        ExchangeRow::new(&key.exchange, &objects)
    }

    pub fn kept_looks(&self) -> Vec<Look> {
        let looks = self.looks.lock().unwrap();
        looks.iter().map(|(key, bytes)| Look::read(key, bytes).unwrap().record).collect()
    }
}

#[async_trait]
impl Index for FakeStore {
    async fn indexed(
        &self,
        among: &Among,
        stretch: Stretch,
        after: Option<&Indexed>,
        limit: usize,
    ) -> Result<Told, Fault> {
        self.call("index")?;
        let is =
            |wanted: &str, name: Option<String>| name.is_some_and(|name| name.eq_ignore_ascii_case(wanted));
        let is_among = |row: &ExchangeRow| match among {
            Among::Person(name) => is(name, row.person.clone()),
            Among::Agent(name) => is(name, row.agent.clone()),
            Among::Table(name) => row.reads.iter().chain(&row.writes).any(|table| table == name),
            Among::Refused => row.outcome == "refused",
            Among::Held => row.decision.as_deref() == Some("hold"),
        };
        let told = self.keys().into_iter().filter_map(|key| {
            let row = self.row(&key);
            let opened = row.opened.clone()?.parse().ok()?;
            (row.closed.is_some() && is_among(&row)).then_some(Indexed { opened, key })
        });
        let mut found: Vec<Indexed> = told.chain(self.lies.lock().unwrap().iter().cloned()).collect();
        found.sort();
        found.retain(|one| (stretch.from..stretch.to).contains(&one.opened));
        found.retain(|one| after.is_none_or(|after| one > after));
        found.truncate(limit);
        Ok(Told { found, unreadable: 0 })
    }

    async fn whole_since(&self, now: Timestamp) -> Result<Option<Timestamp>, Fault> {
        self.call("whole")?;
        assert!(now >= NOW);
        Ok(*self.whole_since.lock().unwrap())
    }

    async fn of_session(
        &self,
        session: SessionId,
        from: ExchangeNumber,
        limit: usize,
    ) -> Result<Vec<RecordKey>, Fault> {
        self.call("index")?;
        let mut found = self.keys();
        found.extend(self.lies.lock().unwrap().iter().map(|lie| lie.key.clone()));
        found.retain(|key| key.exchange.session == session && key.exchange.number >= from);
        found.sort_by_key(|key| key.exchange.number);
        found.truncate(limit);
        Ok(found)
    }
}

#[async_trait]
impl Recordings for FakeStore {
    async fn read(&self, key: &RecordKey, kind: ObjectKind) -> Result<Option<Bytes>, Fault> {
        assert_ne!(kind, ObjectKind::Sealed, "sealed texts stay sealed");
        self.call(if matches!(kind, ObjectKind::Page { .. }) { "page" } else { "record" })?;
        Ok(self.objects.lock().unwrap().get(&key.object(kind)).cloned())
    }
}

#[async_trait]
impl Looks for FakeStore {
    async fn count_look(
        &self,
        auditor: &PrincipalKey,
        most: u32,
        now: Timestamp,
    ) -> Result<Option<Duration>, Fault> {
        self.call("count")?;
        let mut counted = self.counted.lock().unwrap();
        let count = counted.entry(auditor.as_str().to_owned()).or_default();
        *count += 1;
        Ok((*count > most).then_some(now.until_next_hour()))
    }

    async fn keep_look(&self, key: &str, look: Bytes) -> Result<Written, Fault> {
        self.call("look")?;
        if self.looks.lock().unwrap().insert(key.to_owned(), look.clone()).is_some() {
            return Ok(Written::Taken);
        }
        Ok(Written::Kept(Receipt::kept(digest_of(&look))))
    }
}

/// Everything behind the routes.
pub struct House {
    pub store: Arc<FakeStore>,
    pub exchanges: Arc<FakeExchanges>,
    pub policies: Arc<FakePolicies>,
    pub clock: Arc<FakeClock>,
    router: Router,
}

pub fn data(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/recording/tests/data").join(name)
}

fn add(root: &Path, folder: &Path, objects: &mut BTreeMap<String, Bytes>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            add(root, &path, objects);
        } else {
            let key = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            objects.insert(key, Bytes::from(fs::read(&path).unwrap()));
        }
    }
}

impl House {
    /// Over the committed records: four sessions of 2026-11-25, and one of the next day with approvals.
    pub fn new() -> Self {
        let store = FakeStore::default();
        for name in ["v1", "v1.approvals"] {
            for root in ["records", "pages"].map(|root| data(name).join(root)) {
                if root.is_dir() {
                    add(&root, &root, &mut store.objects.lock().unwrap());
                }
            }
        }
        let (store, exchanges) = (Arc::new(store), Arc::new(FakeExchanges::default()));
        let bundle = Arc::new(Bundle::parse(&policy::default_files()).unwrap());
        let policies = Arc::new(FakePolicies(Mutex::new(Some(bundle))));
        let clock = Arc::new(FakeClock::default());
        let audit = Audit::new(AuditPorts {
            identities: Arc::new(FakeIdentities),
            exchanges: exchanges.clone(),
            index: store.clone(),
            recordings: store.clone(),
            looks: store.clone(),
            policies: policies.clone(),
            clock: clock.clone(),
            ids: Arc::new(FakeIds::default()),
        });
        let router =
            sessions::routes_until(Arc::new(audit), |extensions| extensions.get::<Timestamp>().copied());
        Self { store, exchanges, policies, clock, router }
    }

    pub async fn send(&self, request: Request<Body>) -> Answered {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answered { status: parts.status, headers: parts.headers, body }
    }

    pub async fn get(&self, token: &str, path: &str) -> Answered {
        let request = Request::get(path).header("authorization", format!("Bearer {token}"));
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// What `sven` is told, which must be something.
    pub async fn told(&self, path: &str) -> Value {
        let answered = self.get("sven", path).await;
        assert_eq!(answered.status, StatusCode::OK, "{path}: {}", answered.text());
        answered.json()
    }
}

#[derive(Debug)]
pub struct Answered {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answered {
    pub fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// The exchanges of an answer to a search.
pub fn exchanges(answer: &Value) -> Vec<String> {
    let rows = answer["exchanges"].as_array().unwrap().iter();
    rows.map(|row| row["exchange"].as_str().unwrap().to_owned()).collect()
}
