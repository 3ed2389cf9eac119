//! The ports in memory. Only for these tests: nothing here survives a process.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use domain::{
    Agent, ApprovalId, Catalog, Column, Credential, Digest, Handle, Identity, KeyedDigest, ObjectName,
    Person, PrincipalKey, Relation, RelationKind, SessionId, SqlType, Timestamp,
};
use gateway::ports::{
    Approvals, Catalogs, Claim, Claimed, Clock, Exchanges, Identities, Ids, Keys, Leased, NotAccepted,
    Notice, Notified, Notifier, Policies, Recorder, Recordings, RevokedWhat, Routine, Saved, SessionKeys,
    Standings, Written,
};
use gateway::{Fault, Live, Origin, Receipt};
use policy::Bundle;
use recording::{ObjectKind, RecordKey, digest_of};

/// Tokens are `ana` and `ben`, with scopes behind a `+` each; `old` has expired, for `lost` the issuer cannot be reached, and
/// `unscoped` has none of the scopes that its issuer's settings ask for.
pub struct FakeIdentities;

#[async_trait]
impl Identities for FakeIdentities {
    async fn verify(&self, credential: &Credential, now: Timestamp) -> Result<Identity, NotAccepted> {
        let mut parts = credential.reveal().split('+');
        let person = match parts.next().unwrap_or_default() {
            person @ ("ana" | "ben") => person,
            "unscoped" => return Err(NotAccepted::LacksScope { needed: vec!["sql".to_owned()] }),
            "old" => return Err(NotAccepted::Expired),
            "lost" => {
                let fault = Fault::passing(Origin::Identities, "the issuer of this token cannot be reached");
                return Err(NotAccepted::Unavailable(fault.because("connection refused by issuer.example")));
            }
            _ => return Err(NotAccepted::Rejected { reason: "malformed" }),
        };
        Ok(Identity {
            issuer: "https://issuer.example".to_owned(),
            subject: person.to_owned(),
            agent: Agent::new("claude-finance"),
            person: Some(Person::new(format!("{person}@example.com"))),
            groups: BTreeSet::from(["agents".to_owned()]),
            scopes: parts.map(str::to_owned).collect(),
            token_id: None,
            expires_at: now.after(Duration::from_secs(600)),
        })
    }
}

pub struct FakePolicies(pub Arc<Bundle>);

#[async_trait]
impl Policies for FakePolicies {
    async fn bundle(&self) -> Result<Arc<Bundle>, Fault> {
        Ok(Arc::clone(&self.0))
    }
}

/// `DEMO.PUBLIC.CUSTOMERS`, of which the default bundle masks `EMAIL`.
pub struct FakeCatalogs(Arc<Catalog>);

impl FakeCatalogs {
    pub fn new() -> Self {
        let column = |name: &str, sql_type| Column {
            name: name.to_owned(),
            sql_type,
            is_nullable: name != "ID",
            tags: BTreeMap::new(),
        };
        let text = || SqlType::Text { length: 16_777_216 };
        let customers = Relation {
            kind: RelationKind::Table,
            columns: vec![
                column("ID", SqlType::Fixed { precision: 38, scale: 0 }),
                column("COUNTRY", text()),
                column("EMAIL", text()),
            ],
            version: 1,
        };
        Self(Arc::new(Catalog {
            relations: BTreeMap::from([(ObjectName::new("DEMO", "PUBLIC", "CUSTOMERS"), customers)]),
            loaded: BTreeSet::from([("DEMO".to_owned(), "PUBLIC".to_owned())]),
            digest: Digest::from_bytes([1; 32]),
        }))
    }
}

#[async_trait]
impl Catalogs for FakeCatalogs {
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

pub struct FakeKeys;

#[async_trait]
impl Keys for FakeKeys {
    async fn session(&self, _: SessionId) -> Result<SessionKeys, Fault> {
        Ok(SessionKeys { seal: [1; 32], tokens: [2; 32], shared_tokens: [3; 32] })
    }

    async fn digest(&self) -> Result<[u8; 32], Fault> {
        Ok([3; 32])
    }
}

/// Records and pages; breaks when told to.
#[derive(Default)]
pub struct FakeStore {
    pub objects: Mutex<BTreeMap<String, Bytes>>,
    pub rejections: Mutex<Vec<&'static str>>,
    pub is_broken: AtomicBool,
}

impl FakeStore {
    /// The objects whose keys end so, as text.
    pub fn texts(&self, ending: &str) -> Vec<String> {
        let objects = self.objects.lock().unwrap();
        let wanted = objects.iter().filter(|(key, _)| key.ends_with(ending));
        wanted.map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned()).collect()
    }
}

#[async_trait]
impl Recorder for FakeStore {
    async fn keep(&self, key: &RecordKey, kind: ObjectKind, bytes: Bytes) -> Result<Written, Fault> {
        if self.is_broken.load(Ordering::SeqCst) {
            let fault =
                Fault::passing(Origin::Recordings, "the recording cannot be kept, so that nothing runs");
            return Err(fault.because(std::io::Error::other("no space left on device")));
        }
        let mut objects = self.objects.lock().unwrap();
        let key = key.object(kind);
        if objects.contains_key(&key) {
            return Ok(Written::Taken);
        }
        let receipt = Receipt::kept(digest_of(&bytes));
        objects.insert(key, bytes);
        Ok(Written::Kept(receipt))
    }

    async fn count_rejected(&self, _: &'static str, reason: &'static str, _: Timestamp) -> Result<(), Fault> {
        self.rejections.lock().unwrap().push(reason);
        Ok(())
    }
}

#[async_trait]
impl Recordings for FakeStore {
    async fn read(&self, key: &RecordKey, kind: ObjectKind) -> Result<Option<Bytes>, Fault> {
        Ok(self.objects.lock().unwrap().get(&key.object(kind)).cloned())
    }
}

/// Steps among the records, and what waits among the exchanges.
pub struct FakeApprovals(pub Arc<FakeStore>, pub Arc<FakeExchanges>);

#[async_trait]
impl Approvals for FakeApprovals {
    async fn exchange_of(&self, id: ApprovalId) -> Result<Option<Live>, Fault> {
        let id = id.to_string();
        let waiting = self.waiting(usize::MAX).await?;
        Ok(waiting.into_iter().find(|live| live.approval.as_ref().is_some_and(|approval| approval.id == id)))
    }

    async fn waiting(&self, limit: usize) -> Result<Vec<Live>, Fault> {
        let state = self.1.state.lock().unwrap();
        let held = state.lives.values().filter(|live| matches!(live.stage, gateway::Stage::Held { .. }));
        Ok(held.take(limit).cloned().collect())
    }

    async fn asked_by(&self, principal: &PrincipalKey, limit: usize) -> Result<Vec<Live>, Fault> {
        let state = self.1.state.lock().unwrap();
        let theirs = |live: &&Live| live.principal == principal.as_str() && live.approval.is_some();
        Ok(state.lives.values().filter(theirs).take(limit).cloned().collect())
    }

    async fn step(&self, key: &RecordKey, step: u32) -> Result<Option<Bytes>, Fault> {
        Recordings::read(self.0.as_ref(), key, ObjectKind::Approval { step }).await
    }

    async fn settle(&self, key: &RecordKey, step: u32, bytes: Bytes) -> Result<Written, Fault> {
        self.0.keep(key, ObjectKind::Approval { step }, bytes).await
    }

    async fn wake(&self, _: ApprovalId) -> Result<(), Fault> {
        Ok(())
    }
}

/// Nobody has made a standing approval here.
pub struct FakeStandings(pub Arc<FakeStore>);

#[async_trait]
impl Standings for FakeStandings {
    async fn made(&self, _: Option<&PrincipalKey>) -> Result<Vec<RecordKey>, Fault> {
        Ok(Vec::new())
    }

    async fn made_by(&self, _: ApprovalId) -> Result<Option<RecordKey>, Fault> {
        Ok(None)
    }

    async fn note(&self, _: &PrincipalKey, _: ApprovalId, _: &RecordKey) -> Result<(), Fault> {
        panic!("nobody makes one")
    }

    async fn standing_step(&self, key: &RecordKey, step: u32) -> Result<Option<Bytes>, Fault> {
        Recordings::read(self.0.as_ref(), key, ObjectKind::Standing { step }).await
    }

    async fn take(&self, key: &RecordKey, step: u32, bytes: Bytes) -> Result<Written, Fault> {
        self.0.keep(key, ObjectKind::Standing { step }, bytes).await
    }
}

pub struct FakeNotifier;

#[async_trait]
impl Notifier for FakeNotifier {
    async fn tell(&self, _: &Notice) -> Result<Notified, Fault> {
        Ok(Notified::Told { way: "terminal", reviewers: Vec::new(), failed: Vec::new() })
    }
}

/// Live exchanges; one session a principal.
#[derive(Default)]
pub struct FakeExchanges {
    state: Mutex<State>,
    pub is_over_budget: AtomicBool,
}

#[derive(Default)]
struct State {
    sessions: HashMap<PrincipalKey, (SessionId, u32)>,
    requests: HashMap<(PrincipalKey, String), (KeyedDigest, Handle)>,
    lives: HashMap<Handle, Live>,
    leases: HashMap<Handle, (u128, Timestamp)>,
    wanted: BTreeSet<Handle>,
}

#[async_trait]
impl Exchanges for FakeExchanges {
    async fn claim(&self, claim: Claim<'_>) -> Result<Claimed, Fault> {
        let mut state = self.state.lock().unwrap();
        let (session, last) =
            state.sessions.entry(claim.principal.clone()).or_insert((claim.fresh_session, 0));
        let session = *session;
        if let Some(request) = claim.request {
            let next = *last + 1;
            let key = (claim.principal.clone(), request.as_str().to_owned());
            match state.requests.get(&key) {
                Some((digest, handle)) if *digest == claim.digest => return Ok(Claimed::Repeat(*handle)),
                Some(_) => {
                    state.sessions.insert(claim.principal.clone(), (session, next));
                    return Ok(Claimed::Reused { session, next });
                }
                None => {
                    state.requests.insert(key, (claim.digest, claim.handle));
                }
            }
        }
        let (_, last) = state.sessions.get_mut(claim.principal).unwrap();
        *last += 1;
        let next = *last;
        if self.is_over_budget.load(Ordering::SeqCst) {
            let retry_after = Duration::from_secs(17);
            return Ok(Claimed::OverBudget { session, next, limit: "statements per minute", retry_after });
        }
        Ok(Claimed::New { session, next })
    }

    /// Nothing is foreseen: the claim tells.
    async fn foresee(&self, claim: Claim<'_>) -> Result<Claimed, Fault> {
        Ok(Claimed::New { session: claim.fresh_session, next: 1 })
    }

    async fn begin(&self, live: &Live, holder: u128, lease_until: Timestamp) -> Result<(), Fault> {
        let mut state = self.state.lock().unwrap();
        let handle = live.handle().unwrap();
        state.lives.insert(handle, live.clone());
        state.leases.insert(handle, (holder, lease_until));
        Ok(())
    }

    async fn abandon(&self, _: &PrincipalKey, handle: Handle) -> Result<(), Fault> {
        self.state.lock().unwrap().requests.retain(|_, (_, kept)| *kept != handle);
        Ok(())
    }

    async fn find(&self, principal: &PrincipalKey, handle: Handle) -> Result<Option<Live>, Fault> {
        let state = self.state.lock().unwrap();
        let text = handle.to_string();
        let named = state.lives.values().find(|live| live.handle == text || live.children.contains(&text));
        Ok(named.filter(|live| live.principal() == *principal).cloned())
    }

    async fn lease(
        &self,
        handle: Handle,
        holder: u128,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Leased, Fault> {
        let mut state = self.state.lock().unwrap();
        let Some(live) = state.lives.get(&handle).cloned() else { return Ok(Leased::Unknown) };
        if state.leases.get(&handle).is_some_and(|(_, end)| *end > now) {
            return Ok(Leased::Theirs);
        }
        state.leases.insert(handle, (holder, until));
        Ok(Leased::Ours(Box::new(live)))
    }

    async fn save(&self, live: &Live, holder: u128, lease_until: Timestamp) -> Result<Saved, Fault> {
        let mut state = self.state.lock().unwrap();
        let handle = live.handle().unwrap();
        if state.leases.get(&handle).is_none_or(|(held_by, _)| *held_by != holder) {
            return Ok(Saved::LeaseLost);
        }
        state.lives.insert(handle, live.clone());
        state.leases.insert(handle, (holder, lease_until));
        Ok(if state.wanted.contains(&handle) && !live.is_closed() { Saved::CancelWanted } else { Saved::Yes })
    }

    async fn release(&self, handle: Handle, _: u128) -> Result<(), Fault> {
        self.state.lock().unwrap().leases.remove(&handle);
        Ok(())
    }

    async fn want_cancelled(&self, principal: &PrincipalKey, handle: Handle) -> Result<bool, Fault> {
        let mut state = self.state.lock().unwrap();
        let is_open =
            state.lives.get(&handle).is_some_and(|live| live.principal() == *principal && !live.is_closed());
        if is_open {
            state.wanted.insert(handle);
        }
        Ok(is_open)
    }

    async fn unattended(&self, now: Timestamp, limit: usize) -> Result<Vec<Handle>, Fault> {
        let state = self.state.lock().unwrap();
        let is_free = |handle: &Handle| state.leases.get(handle).is_none_or(|(_, end)| *end <= now);
        let open = state.lives.iter().filter(|(handle, live)| !live.is_closed() && is_free(handle));
        Ok(open.map(|(handle, _)| *handle).take(limit).collect())
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

/// Stands still at 2025-11-24T16:00:00Z until somebody waits.
pub struct FakeClock(AtomicI64);

impl FakeClock {
    pub fn new() -> Self {
        Self(AtomicI64::new(1_764_000_000_000_000))
    }

    pub fn wait(&self, wait: Duration) {
        self.0.fetch_add(i64::try_from(wait.as_micros()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// Counts.
#[derive(Default)]
pub struct FakeIds(AtomicU64);

impl Ids for FakeIds {
    fn random(&self) -> Result<u128, Fault> {
        Ok(u128::from(self.0.fetch_add(1, Ordering::SeqCst) + 1))
    }
}
