//! Every port, watched, and struck at one chosen call.

use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use domain::{ApprovalId, Catalog, Handle, Identity, ObjectName, PrincipalKey, SessionId, Timestamp};
use gateway::ports::{
    AccessNote, Accesses, Approvals, Catalogs, Claim, Claimed, Evidence, Exchanges, Expected, Expecting,
    Finished, Keyed, Keys, Leased, Named, Notice, Notified, Notifier, Policies, Progress, Recorder,
    Recordings, RevokedWhat, Room, Routine, RowSource, Saved, SessionKeys, Standings, StoredSighting,
    Subject, Upstream, UpstreamHandle, Written,
};
use gateway::{Fault, Live, Origin, Permit, Ports};
use policy::Bundle;
use recording::{ObjectKind, RecordKey};
use tokio::sync::Notify;

/// What happens at the chosen call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Strike {
    /// It fails, and has done nothing.
    Before,
    /// It has done its work, and says that it failed.
    After,
    /// The process dies before it.
    DiesBefore,
    /// The process dies when it has done its work.
    DiesAfter,
}

impl Strike {
    pub const ALL: [Self; 4] = [Self::Before, Self::After, Self::DiesBefore, Self::DiesAfter];
}

/// The ports of one process.
pub struct Chaos {
    inner: Ports,
    steps: Mutex<Vec<String>>,
    strike: Option<(usize, Strike)>,
    died: Notify,
    /// Whether every exchange is noted as one that later evidence may not find.
    pub is_beyond: AtomicBool,
}

impl Chaos {
    /// Watches only.
    pub fn watching(inner: Ports) -> Arc<Self> {
        Arc::new(Self {
            inner,
            steps: Mutex::default(),
            strike: None,
            died: Notify::new(),
            is_beyond: AtomicBool::new(false),
        })
    }

    /// Strikes at call number `at`, from 0.
    pub fn striking(inner: Ports, at: usize, strike: Strike) -> Arc<Self> {
        Arc::new(Self {
            inner,
            steps: Mutex::default(),
            strike: Some((at, strike)),
            died: Notify::new(),
            is_beyond: AtomicBool::new(false),
        })
    }

    pub fn ports(self: &Arc<Self>) -> Ports {
        Ports {
            identities: self.inner.identities.clone(),
            policies: self.clone(),
            catalogs: self.clone(),
            keys: self.clone(),
            recorder: self.clone(),
            recordings: self.clone(),
            exchanges: self.clone(),
            evidence: self.clone(),
            approvals: self.clone(),
            standings: self.clone(),
            accesses: self.clone(),
            notifier: self.clone(),
            upstream: Arc::new(Watched(self.clone())),
            clock: self.inner.clock.clone(),
            ids: self.inner.ids.clone(),
        }
    }

    /// The calls so far, in order.
    pub fn steps(&self) -> Vec<String> {
        self.steps.lock().unwrap().clone()
    }

    /// Runs until it answers, or its process dies: then everything that it held is dropped.
    pub async fn run<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.died.notified() => None,
            done = work => Some(done),
        }
    }

    pub fn note(&self, what: impl Into<String>) {
        self.steps.lock().unwrap().push(what.into());
    }

    async fn step<T>(
        &self,
        name: impl Into<String>,
        origin: Origin,
        work: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        let at = {
            let mut steps = self.steps.lock().unwrap();
            steps.push(name.into());
            steps.len() - 1
        };
        let fault = || Fault::passing(origin, "struck by the test");
        match self.strike.filter(|(chosen, _)| *chosen == at).map(|(_, strike)| strike) {
            None => work.await,
            Some(Strike::Before) => Err(fault()),
            Some(Strike::After) => {
                work.await?;
                Err(fault())
            }
            Some(Strike::DiesBefore) => self.die().await,
            Some(Strike::DiesAfter) => {
                drop(work.await);
                self.die().await
            }
        }
    }

    async fn die<T>(&self) -> T {
        self.died.notify_one();
        pending().await
    }
}

#[async_trait]
impl Policies for Chaos {
    async fn bundle(&self) -> Result<Arc<Bundle>, Fault> {
        self.step("policies.bundle", Origin::Policies, self.inner.policies.bundle()).await
    }
}

#[async_trait]
impl Catalogs for Chaos {
    async fn snapshot(&self, schemas: &BTreeSet<(String, String)>) -> Result<Arc<Catalog>, Fault> {
        self.step("catalogs.snapshot", Origin::Catalogs, self.inner.catalogs.snapshot(schemas)).await
    }

    async fn versions(&self, objects: &BTreeSet<ObjectName>) -> Result<BTreeMap<ObjectName, i64>, Fault> {
        self.step("catalogs.versions", Origin::Catalogs, self.inner.catalogs.versions(objects)).await
    }

    async fn routines(
        &self,
        names: &BTreeSet<ObjectName>,
    ) -> Result<BTreeMap<ObjectName, BTreeSet<Routine>>, Fault> {
        self.step("catalogs.routines", Origin::Catalogs, self.inner.catalogs.routines(names)).await
    }

    async fn forget(&self, objects: &BTreeSet<ObjectName>) {
        self.inner.catalogs.forget(objects).await;
    }
}

#[async_trait]
impl Keys for Chaos {
    async fn session(&self, session: SessionId) -> Result<SessionKeys, Fault> {
        self.step("keys.session", Origin::Keys, self.inner.keys.session(session)).await
    }

    async fn digest(&self) -> Result<[u8; 32], Fault> {
        self.step("keys.digest", Origin::Keys, self.inner.keys.digest()).await
    }
}

fn word(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Opening => "opening",
        ObjectKind::Closing => "closing",
        ObjectKind::Approval { .. } => "approval",
        ObjectKind::Standing { .. } => "standing",
        ObjectKind::Evidence { .. } => "evidence",
        ObjectKind::Page { .. } => "page",
        ObjectKind::Sealed => "sealed",
    }
}

fn origin(kind: ObjectKind) -> Origin {
    if matches!(kind, ObjectKind::Page { .. }) { Origin::Pages } else { Origin::Recordings }
}

#[async_trait]
impl Evidence for Chaos {
    async fn keep(&self, sightings: &[StoredSighting], room: Room) -> Result<Vec<[u8; 32]>, Fault> {
        self.step("evidence.keep", Origin::Exchanges, self.inner.evidence.keep(sightings, room)).await
    }

    async fn met(&self, sightings: &[[u8; 32]]) -> Result<(), Fault> {
        self.step("evidence.met", Origin::Exchanges, self.inner.evidence.met(sightings)).await
    }

    async fn awaiting(&self, sightings: &[StoredSighting]) -> Result<Vec<Expecting>, Fault> {
        self.step("evidence.awaiting", Origin::Exchanges, self.inner.evidence.awaiting(sightings)).await
    }

    async fn about(
        &self,
        subject: &Subject,
        keyed: &Keyed,
        now: Timestamp,
    ) -> Result<Vec<StoredSighting>, Fault> {
        self.step("evidence.about", Origin::Exchanges, self.inner.evidence.about(subject, keyed, now)).await
    }

    async fn named(
        &self,
        tool_use: &str,
        subject: &Subject,
        before: Option<&Expecting>,
    ) -> Result<Named, Fault> {
        let named = self.inner.evidence.named(tool_use, subject, before);
        self.step("evidence.named", Origin::Exchanges, named).await
    }

    async fn tells_uses(&self, subject: &Subject, before: Timestamp) -> Result<bool, Fault> {
        let told = self.inner.evidence.tells_uses(subject, before);
        self.step("evidence.tells_uses", Origin::Exchanges, told).await
    }

    async fn lease(
        &self,
        tool_use: &str,
        whose: &Subject,
        call: u128,
        now: Timestamp,
    ) -> Result<Named, Fault> {
        let leased = self.inner.evidence.lease(tool_use, whose, call, now);
        self.step("evidence.lease", Origin::Exchanges, leased).await
    }

    async fn release(&self, tool_use: &str, whose: &Subject, call: u128) -> Result<(), Fault> {
        let released = self.inner.evidence.release(tool_use, whose, call);
        self.step("evidence.release", Origin::Exchanges, released).await
    }

    async fn expect(&self, expecting: &Expecting) -> Result<Expected, Fault> {
        let expected = self.inner.evidence.expect(expecting);
        let mut expected = self.step("evidence.expect", Origin::Exchanges, expected).await?;
        expected.is_beyond |= self.is_beyond.load(Ordering::Relaxed);
        Ok(expected)
    }

    async fn expected(&self, exchange: &RecordKey) -> Result<Vec<Expecting>, Fault> {
        self.step("evidence.expected", Origin::Exchanges, self.inner.evidence.expected(exchange)).await
    }
}

#[async_trait]
impl Recorder for Chaos {
    async fn keep(&self, key: &RecordKey, kind: ObjectKind, bytes: Bytes) -> Result<Written, Fault> {
        let kept = self.inner.recorder.keep(key, kind, bytes);
        self.step(format!("keep {}", word(kind)), origin(kind), kept).await
    }

    async fn count_rejected(
        &self,
        door: &'static str,
        reason: &'static str,
        now: Timestamp,
    ) -> Result<(), Fault> {
        self.inner.recorder.count_rejected(door, reason, now).await
    }
}

#[async_trait]
impl Recordings for Chaos {
    async fn read(&self, key: &RecordKey, kind: ObjectKind) -> Result<Option<Bytes>, Fault> {
        self.step(format!("read {}", word(kind)), origin(kind), self.inner.recordings.read(key, kind)).await
    }
}

/// What a step says, by its word.
fn step_word(bytes: &[u8]) -> &'static str {
    recording::decode::<recording::ApprovalStep>(bytes).unwrap().record.what.as_str()
}

#[async_trait]
impl Approvals for Chaos {
    async fn exchange_of(&self, id: ApprovalId) -> Result<Option<Live>, Fault> {
        self.step("approvals.exchange_of", Origin::Exchanges, self.inner.approvals.exchange_of(id)).await
    }

    async fn waiting(&self, limit: usize) -> Result<Vec<Live>, Fault> {
        self.step("approvals.waiting", Origin::Exchanges, self.inner.approvals.waiting(limit)).await
    }

    async fn asked_by(&self, principal: &PrincipalKey, limit: usize) -> Result<Vec<Live>, Fault> {
        let found = self.inner.approvals.asked_by(principal, limit);
        self.step("approvals.asked_by", Origin::Exchanges, found).await
    }

    async fn step(&self, key: &RecordKey, step: u32) -> Result<Option<Bytes>, Fault> {
        self.step("approvals.step", Origin::Recordings, self.inner.approvals.step(key, step)).await
    }

    async fn settle(&self, key: &RecordKey, step: u32, bytes: Bytes) -> Result<Written, Fault> {
        let word = format!("settle {}", step_word(&bytes));
        self.step(word, Origin::Recordings, self.inner.approvals.settle(key, step, bytes)).await
    }

    async fn wake(&self, id: ApprovalId) -> Result<(), Fault> {
        self.step("approvals.wake", Origin::Exchanges, self.inner.approvals.wake(id)).await
    }
}

#[async_trait]
impl Standings for Chaos {
    async fn made(&self, principal: Option<&PrincipalKey>) -> Result<Vec<RecordKey>, Fault> {
        self.step("standings.made", Origin::Recordings, self.inner.standings.made(principal)).await
    }

    async fn made_by(&self, id: ApprovalId) -> Result<Option<RecordKey>, Fault> {
        self.step("standings.made_by", Origin::Recordings, self.inner.standings.made_by(id)).await
    }

    async fn note(&self, principal: &PrincipalKey, id: ApprovalId, key: &RecordKey) -> Result<(), Fault> {
        self.step("standings.note", Origin::Recordings, self.inner.standings.note(principal, id, key)).await
    }

    async fn standing_step(&self, key: &RecordKey, step: u32) -> Result<Option<Bytes>, Fault> {
        self.step("standings.step", Origin::Recordings, self.inner.standings.standing_step(key, step)).await
    }

    async fn take(&self, key: &RecordKey, step: u32, bytes: Bytes) -> Result<Written, Fault> {
        self.step("standings.take", Origin::Recordings, self.inner.standings.take(key, step, bytes)).await
    }
}

#[async_trait]
impl Accesses for Chaos {
    async fn granted(
        &self,
        principal: Option<&PrincipalKey>,
        now: Timestamp,
    ) -> Result<Vec<RecordKey>, Fault> {
        self.step("accesses.granted", Origin::Recordings, self.inner.accesses.granted(principal, now)).await
    }

    async fn granted_by(&self, id: ApprovalId, now: Timestamp) -> Result<Option<RecordKey>, Fault> {
        self.step("accesses.granted_by", Origin::Recordings, self.inner.accesses.granted_by(id, now)).await
    }

    async fn note(&self, note: &AccessNote, now: Timestamp) -> Result<(), Fault> {
        self.step("accesses.note", Origin::Recordings, self.inner.accesses.note(note, now)).await
    }

    async fn take_back(&self, note: &AccessNote) -> Result<(), Fault> {
        self.step("accesses.take_back", Origin::Recordings, self.inner.accesses.take_back(note)).await
    }
}

#[async_trait]
impl Notifier for Chaos {
    async fn tell(&self, notice: &Notice) -> Result<Notified, Fault> {
        self.step("notifier.tell", Origin::Gateway, self.inner.notifier.tell(notice)).await
    }
}

#[async_trait]
impl Exchanges for Chaos {
    async fn claim(&self, claim: Claim<'_>) -> Result<Claimed, Fault> {
        self.step("exchanges.claim", Origin::Exchanges, self.inner.exchanges.claim(claim)).await
    }

    async fn foresee(&self, claim: Claim<'_>) -> Result<Claimed, Fault> {
        self.step("exchanges.foresee", Origin::Exchanges, self.inner.exchanges.foresee(claim)).await
    }

    async fn begin(&self, live: &Live, holder: u128, lease_until: Timestamp) -> Result<(), Fault> {
        let begun = self.inner.exchanges.begin(live, holder, lease_until);
        self.step("exchanges.begin", Origin::Exchanges, begun).await
    }

    async fn abandon(&self, principal: &PrincipalKey, handle: Handle) -> Result<(), Fault> {
        let abandoned = self.inner.exchanges.abandon(principal, handle);
        self.step("exchanges.abandon", Origin::Exchanges, abandoned).await
    }

    async fn find(&self, principal: &PrincipalKey, handle: Handle) -> Result<Option<Live>, Fault> {
        self.step("exchanges.find", Origin::Exchanges, self.inner.exchanges.find(principal, handle)).await
    }

    async fn lease(
        &self,
        handle: Handle,
        holder: u128,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Leased, Fault> {
        let leased = self.inner.exchanges.lease(handle, holder, now, until);
        self.step("exchanges.lease", Origin::Exchanges, leased).await
    }

    async fn save(&self, live: &Live, holder: u128, lease_until: Timestamp) -> Result<Saved, Fault> {
        let saved = self.inner.exchanges.save(live, holder, lease_until);
        self.step("exchanges.save", Origin::Exchanges, saved).await
    }

    async fn release(&self, handle: Handle, holder: u128) -> Result<(), Fault> {
        self.step("exchanges.release", Origin::Exchanges, self.inner.exchanges.release(handle, holder)).await
    }

    async fn want_cancelled(&self, principal: &PrincipalKey, handle: Handle) -> Result<bool, Fault> {
        let wanted = self.inner.exchanges.want_cancelled(principal, handle);
        self.step("exchanges.want_cancelled", Origin::Exchanges, wanted).await
    }

    async fn unattended(&self, now: Timestamp, limit: usize) -> Result<Vec<Handle>, Fault> {
        self.step("exchanges.unattended", Origin::Exchanges, self.inner.exchanges.unattended(now, limit))
            .await
    }

    async fn revoked(
        &self,
        identity: &Identity,
        session: Option<SessionId>,
    ) -> Result<Option<RevokedWhat>, Fault> {
        self.step("exchanges.revoked", Origin::Exchanges, self.inner.exchanges.revoked(identity, session))
            .await
    }

    async fn count_ask(
        &self,
        principal: &PrincipalKey,
        limit: u32,
        now: Timestamp,
    ) -> Result<Option<Duration>, Fault> {
        let counted = self.inner.exchanges.count_ask(principal, limit, now);
        self.step("exchanges.count_ask", Origin::Exchanges, counted).await
    }

    async fn revoked_people(&self) -> Result<BTreeSet<String>, Fault> {
        let revoked = self.inner.exchanges.revoked_people();
        self.step("exchanges.revoked_people", Origin::Exchanges, revoked).await
    }
}

/// The account behind [`Chaos`].
struct Watched(Arc<Chaos>);

impl Watched {
    fn watch(&self, rows: Box<dyn RowSource>) -> Box<dyn RowSource> {
        Box::new(WatchedRows { chaos: self.0.clone(), rows })
    }

    fn watch_progress(&self, progress: Progress) -> Progress {
        match progress {
            Progress::Done(Finished { handle, parts, first }) => {
                Progress::Done(Finished { handle, parts, first: first.map(|rows| self.watch(rows)) })
            }
            other => other,
        }
    }
}

#[async_trait]
impl Upstream for Watched {
    async fn start(&self, permit: Permit, wait: Duration) -> Result<Progress, Fault> {
        let started = self.0.inner.upstream.start(permit, wait);
        let progress = self.0.step("upstream.start", Origin::Upstream, started).await?;
        Ok(self.watch_progress(progress))
    }

    async fn poll(&self, handle: &UpstreamHandle, wait: Duration) -> Result<Progress, Fault> {
        let polled = self.0.inner.upstream.poll(handle, wait);
        let progress = self.0.step("upstream.poll", Origin::Upstream, polled).await?;
        Ok(self.watch_progress(progress))
    }

    async fn rows(
        &self,
        handle: &UpstreamHandle,
        part: usize,
        partition: usize,
    ) -> Result<Box<dyn RowSource>, Fault> {
        let rows = self.0.inner.upstream.rows(handle, part, partition);
        let rows = self.0.step("upstream.rows", Origin::Upstream, rows).await?;
        Ok(self.watch(rows))
    }

    async fn cancel(&self, handle: &UpstreamHandle) -> Result<(), Fault> {
        self.0.step("upstream.cancel", Origin::Upstream, self.0.inner.upstream.cancel(handle)).await
    }
}

struct WatchedRows {
    chaos: Arc<Chaos>,
    rows: Box<dyn RowSource>,
}

#[async_trait]
impl RowSource for WatchedRows {
    async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        self.chaos.step("upstream.next", Origin::Upstream, self.rows.next()).await
    }
}
