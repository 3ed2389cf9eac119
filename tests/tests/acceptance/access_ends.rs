//! Leave to read ends: on time, by a reviewer, and with the rights of whoever has granted it or asked for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use domain::{ApprovalId, PrincipalKey, Timestamp, Verdict};
use gateway::ports::{
    AccessNote, Accesses, Progress, Recorder, RevokedWhat, RowSource, Upstream, UpstreamHandle, Written,
};
use gateway::{AccessState, Fault, Gateway, Permit, ReviewError, SignedIn};
use recording::{ClosingOutcome, ObjectKind, RecordKey, Severity, StepRecord};
use snowflake::scripted::{Answer, When};

use crate::access::{
    REQUEST, grant, granted, house, house_with, is_not_permitted, is_refused, opening_of, read, restrict,
    says,
};
use crate::chaos::Chaos;
use crate::door::{call, get, router, submit};
use crate::held::{held, reviewer, work};
use crate::house::{House, Time, customers};
#[tokio::test]
async fn what_is_under_way_when_it_ends_is_stopped_and_not_released() {
    let house = house().await;
    customers::answer_later(&house.snow, 3, &[2]);
    let gateway = house.gateway();
    grant(&house, &gateway, REQUEST).await;
    let router = router(gateway.clone());
    let pending = submit(&router, "ana", customers::SQL, "?async=true").await;
    assert_eq!(pending.status, 202, "{}", pending.text());
    house.time.turn(Duration::from_secs(2 * 3600));
    assert_eq!(work(&house, &gateway).await, 1);
    let told = get(&router, "ana", &pending.handle(), "").await;
    is_refused(&told, "099011", "the access that this statement was decided by ended at 20");
    assert!(house.snow.received().iter().any(|request| request.path.ends_with("/cancel")));
    let records = house.records();
    let closing = opening_of(&records, customers::SQL).1.as_ref().unwrap();
    let ClosingOutcome::Refused(refused) = &closing.outcome else { panic!("{closing:?}") };
    assert_eq!((refused.reason.as_str(), closing.parts.len()), ("access_ended", 0));
    house.verifies();
}

#[tokio::test]
async fn what_was_released_in_time_is_shown_no_longer_than_it_lasts() {
    let house = house_with(|settings| (settings.inline, settings.page_size) = (0, 200)).await;
    customers::answer(&house.snow, &[4, 4]);
    let gateway = house.gateway();
    grant(&house, &gateway, REQUEST).await;
    let router = router(gateway.clone());
    let rows = read(&gateway, "ana").await;
    assert_eq!(rows.status, 200, "{}", rows.text());
    assert_eq!(get(&router, "ana", &rows.handle(), "?partition=1").await.status, 200);
    house.time.turn(Duration::from_secs(2 * 3600));
    for query in ["", "?partition=0", "?partition=1"] {
        is_refused(&get(&router, "ana", &rows.handle(), query).await, "099011", "ended at 20");
    }
    let path = format!("/api/v2/statements/{}/cancel", rows.handle());
    is_refused(&call(&router, "ana", "POST", &path, Some(b"{}")).await, "099011", "ended at 20");
    house.verifies();
}

/// Turns the clock to the end of a grant while somebody looks, for the so many-th time, whether it is in force.
struct Turning {
    inner: Arc<dyn Accesses>,
    time: Arc<Time>,
    looks: AtomicUsize,
    turns_at: AtomicUsize,
}

#[async_trait]
impl Accesses for Turning {
    async fn granted(
        &self,
        principal: Option<&PrincipalKey>,
        now: Timestamp,
    ) -> Result<Vec<RecordKey>, Fault> {
        let found = self.inner.granted(principal, now).await;
        if self.looks.fetch_add(1, Ordering::SeqCst) == self.turns_at.load(Ordering::SeqCst) {
            self.time.turn(Duration::from_secs(2 * 3600));
        }
        found
    }

    async fn granted_by(&self, id: ApprovalId, now: Timestamp) -> Result<Option<RecordKey>, Fault> {
        self.inner.granted_by(id, now).await
    }

    async fn note(&self, note: &AccessNote, now: Timestamp) -> Result<(), Fault> {
        self.inner.note(note, now).await
    }

    async fn take_back(&self, note: &AccessNote) -> Result<(), Fault> {
        self.inner.take_back(note).await
    }
}

/// What becomes of reading when the access ends during that look, counted from the statement on; and how many looks there were.
async fn ends_at_look(at: usize) -> (u16, usize) {
    let house = house().await;
    customers::answer(&house.snow, &[2]);
    let (turning, gateway) = watched(&house);
    grant(&house, &gateway, REQUEST).await;
    let before = turning.looks.load(Ordering::SeqCst);
    turning.turns_at.store(before + at, Ordering::SeqCst);
    let answer = read(&gateway, "ana").await;
    house.verifies();
    (answer.status.as_u16(), turning.looks.load(Ordering::SeqCst) - before)
}

#[tokio::test]
async fn at_whatever_look_it_ends_nothing_leaves_after_its_end() {
    let (status, looks) = ends_at_look(usize::MAX / 2).await;
    assert_eq!(status, 200);
    assert!(looks >= 2, "one to decide, and one before the closing");
    for at in 0..looks {
        assert_eq!(ends_at_look(at).await.0, 422, "at look {at} of {looks}");
    }
}

#[tokio::test]
async fn a_large_result_that_waits_past_the_end_is_released_by_no_yes() {
    let house = House::with(|settings| (settings.inline, settings.page_size) = (0, 200), &[]).await;
    let small =
        [("rows = 2_000_000", "rows = 5"), ("rows_if_approved = 10_000_000", "rows_if_approved = 1000")];
    restrict(&house, &small);
    customers::answer(&house.snow, &[4, 4]);
    let gateway = house.gateway();
    grant(&house, &gateway, "request access to demo.public.customers for '10m' because 'the report'").await;
    let router = router(gateway.clone());
    let waits = held(&router, customers::SQL).await;
    house.time.turn(Duration::from_secs(600));
    says(&house, "rosa", Verdict::Approve).await.unwrap();
    work(&house, &gateway).await;
    let told = get(&router, "ana", &waits.handle(), "").await;
    assert_eq!(told.status, 422, "{}", told.text());
    let records = house.records();
    assert!(matches!(
        opening_of(&records, customers::SQL).1.as_ref().unwrap().outcome,
        ClosingOutcome::Refused(_)
    ));
    assert_ne!(house.verify().worst(), Some(Severity::Altered), "{:?}", house.verify().faults);
}

#[tokio::test]
async fn whoever_may_decide_ends_it_and_what_is_under_way_is_not_released() {
    let house = house().await;
    customers::answer_later(&house.snow, 3, &[2]);
    let gateway = house.gateway();
    let (_, id) = grant(&house, &gateway, REQUEST).await;
    let router = router(gateway.clone());
    let review = house.review();
    let (shown, broken) = review.granted_access().await.unwrap();
    assert_eq!((shown.len(), broken.len()), (1, 0));
    assert_eq!(
        (shown[0].id, shown[0].access.to.as_str(), shown[0].by.join(" ").as_str()),
        (id, "DEMO.PUBLIC.*", "rosa")
    );
    let pending = submit(&router, "ana", customers::SQL, "?async=true").await;
    assert_eq!(pending.status, 202);

    let outsider = SignedIn::development("sam", ["agents".to_owned()].into()).unwrap();
    assert!(review.end_access(id, &outsider, None).await.is_err());
    assert!(review.end_access(id, &reviewer("ana@acme.example"), None).await.is_err(), "who asked");
    let other = ApprovalId::from_u128(7);
    assert!(matches!(review.end_access(other, &reviewer("sam"), None).await, Err(ReviewError::Unknown)));
    let (one, two) = (house.review(), house.review());
    let (sam, rosa) = (reviewer("sam"), reviewer("rosa"));
    let (one, two) = tokio::join!(one.end_access(id, &sam, Some("no more")), two.end_access(id, &rosa, None));
    one.unwrap();
    two.unwrap();
    assert!(review.granted_access().await.unwrap().0.is_empty());
    is_not_permitted(&read(&gateway, "ana").await);
    assert_eq!(work(&house, &gateway).await, 1);
    is_refused(&get(&router, "ana", &pending.handle(), "").await, "099011", "was taken back");
    let records = house.records();
    let (request, _) = opening_of(&records, REQUEST);
    let key = RecordKey::new(&request.opened[..10], request.exchange.parse().unwrap());
    let steps = local::Records::open(&house.home_path()).unwrap().approval(&key).unwrap();
    let last: recording::ApprovalStep = recording::decode(steps.last().unwrap()).unwrap().record;
    assert!(matches!(last.what, StepRecord::Ended { .. }), "{last:?}");
    house.verifies();
}

#[tokio::test]
async fn the_yes_of_somebody_who_was_revoked_and_a_revoked_agent_read_nothing() {
    for (what, name) in [(RevokedWhat::Person, "rosa"), (RevokedWhat::Agent, "claude-finance")] {
        let (house, gateway, _) = granted().await;
        assert_eq!(read(&gateway, "ana").await.status, 200);
        house.open_home().revoke(what, name).unwrap();
        house.time.turn(Duration::from_secs(6));
        assert_eq!(read(&gateway, "ana").await.status, 422, "{name}");
        assert_eq!(house.submissions(), 1);
    }
}

/// Somebody who sees every look, in that house.
fn watched(house: &House) -> (Arc<Turning>, Gateway) {
    let mut ports = house.ports();
    let turning = Arc::new(Turning {
        inner: Arc::clone(&ports.accesses),
        time: house.time.clone(),
        looks: AtomicUsize::new(0),
        turns_at: AtomicUsize::new(usize::MAX),
    });
    ports.accesses = turning.clone();
    (turning, Gateway::new(ports, house.settings.clone()))
}

/// Records that turn the clock to the end of a grant once a closing is kept, and before anybody can know of it.
struct Closing {
    inner: Arc<dyn Recorder>,
    time: Arc<Time>,
    turns: AtomicBool,
}

#[async_trait]
impl Recorder for Closing {
    async fn keep(&self, key: &RecordKey, kind: ObjectKind, bytes: Bytes) -> Result<Written, Fault> {
        let kept = self.inner.keep(key, kind, bytes).await;
        if kind == ObjectKind::Closing && self.turns.load(Ordering::SeqCst) {
            self.time.turn(Duration::from_secs(2 * 3600));
        }
        kept
    }

    async fn count_rejected(
        &self,
        door: &'static str,
        reason: &'static str,
        now: Timestamp,
    ) -> Result<(), Fault> {
        self.inner.count_rejected(door, reason, now).await
    }
}

#[tokio::test]
async fn what_ends_while_a_repeated_request_waits_is_not_shown_to_it() {
    let house = house().await;
    customers::answer_later(&house.snow, 2, &[2]);
    let mut ports = house.ports();
    let (inner, time) = (Arc::clone(&ports.recorder), house.time.clone());
    let closing = Arc::new(Closing { inner, time, turns: AtomicBool::new(false) });
    ports.recorder = closing.clone();
    let chaos = Chaos::watching(ports);
    let gateway = Gateway::new(chaos.ports(), house.settings.clone());
    grant(&house, &gateway, REQUEST).await;
    closing.turns.store(true, Ordering::SeqCst);
    let router = router(gateway.clone());
    let request = "requestId=5b1a4ea2-97bf-4a1a-8d0c-3f1d4a6c1d20";
    let first = submit(&router, "ana", customers::SQL, &format!("?async=true&{request}")).await;
    assert_eq!(first.status, 202, "{}", first.text());
    let claims = || chaos.steps().iter().filter(|call| *call == "exchanges.claim").count();
    let before = claims();
    let ends = async {
        // It is decided before it claims, and ends once the first has been answered.
        while claims() == before {
            tokio::task::yield_now().await;
        }
        work(&house, &gateway).await
    };
    let query = format!("?{request}&retry=true");
    let (again, ended) = tokio::join!(submit(&router, "ana", customers::SQL, &query), ends);
    assert_eq!(ended, 1, "the first has ended in time");
    is_refused(&again, "099011", "ended at 20");
    let records = house.records();
    let (_, closed) = opening_of(&records, customers::SQL);
    assert_eq!(closed.as_ref().unwrap().outcome, ClosingOutcome::Rows {});
    house.verifies();
}

#[tokio::test]
async fn a_request_for_access_that_is_over_is_not_called_granted_whoever_asks_for_its_answer() {
    let request = "requestId=5b1a4ea2-97bf-4a1a-8d0c-3f1d4a6c1d20";
    for way in ["ended", "ended before it was closed", "over", "revoked"] {
        let house = house().await;
        let gateway = house.gateway();
        let router = router(gateway.clone());
        let asked = submit(&router, "ana", REQUEST, &format!("?{request}")).await;
        assert_eq!(asked.status, 202, "{}", asked.text());
        let id = crate::held::waiting(&house.review()).await;
        says(&house, "rosa", Verdict::Approve).await.unwrap();
        if way == "ended before it was closed" {
            let mut ports = house.ports();
            ports.accesses = Arc::new(Unnoted);
            work(&house, &Gateway::new(ports, house.settings.clone())).await;
            house.review().end_access(id, &reviewer("rosa"), None).await.unwrap();
            house.time.turn(Duration::from_secs(120));
        }
        work(&house, &gateway).await;
        let words = match way {
            "ended" => {
                let told = get(&router, "ana", &asked.handle(), "").await;
                assert!(told.status == 200 && told.text().contains("is granted until"), "{}", told.text());
                house.review().end_access(id, &reviewer("rosa"), None).await.unwrap();
                "was ended by a reviewer"
            }
            "over" => {
                house.time.turn(Duration::from_secs(2 * 3600));
                "this access ended at 20"
            }
            "revoked" => {
                house.open_home().revoke(RevokedWhat::Person, "rosa").unwrap();
                "was taken back"
            }
            _ => "was ended by a reviewer",
        };
        is_refused(&get(&router, "ana", &asked.handle(), "").await, "099011", words);
        let again = submit(&router, "ana", REQUEST, &format!("?{request}&retry=true")).await;
        is_refused(&again, "099011", words);
        is_not_permitted(&read(&gateway, "ana").await);
        house.verifies();
    }
}

/// Nothing that was granted can be noted.
struct Unnoted;

#[async_trait]
impl Accesses for Unnoted {
    async fn granted(&self, _: Option<&PrincipalKey>, _: Timestamp) -> Result<Vec<RecordKey>, Fault> {
        Ok(Vec::new())
    }

    async fn granted_by(&self, _: ApprovalId, _: Timestamp) -> Result<Option<RecordKey>, Fault> {
        Ok(None)
    }

    async fn note(&self, _: &AccessNote, _: Timestamp) -> Result<(), Fault> {
        Err(Fault::passing(gateway::Origin::Exchanges, "not now"))
    }

    async fn take_back(&self, _: &AccessNote) -> Result<(), Fault> {
        Ok(())
    }
}

#[tokio::test]
async fn one_request_looks_once_for_what_was_granted_however_much_it_decides() {
    let house = house().await;
    let (turning, gateway) = watched(&house);
    let ana = domain::Credential::new("ana".to_owned());
    let listed = gateway.list(domain::Door::Mcp, &ana, gateway::Place::default(), None).await.unwrap();
    assert_eq!((listed.relations.len(), turning.looks.load(Ordering::SeqCst)), (0, 1), "two are there");
    house.bundle.change(&[]);
    let listed = gateway.list(domain::Door::Mcp, &ana, gateway::Place::default(), None).await.unwrap();
    assert_eq!((listed.relations.len(), turning.looks.load(Ordering::SeqCst)), (2, 1), "rules permit them");
}

/// An account that turns the clock to the end of a grant before it says that a statement failed.
struct Late {
    inner: Arc<dyn Upstream>,
    time: Arc<Time>,
    is_late: AtomicBool,
}

#[async_trait]
impl Upstream for Late {
    async fn start(&self, permit: Permit, wait: Duration) -> Result<Progress, Fault> {
        let progress = self.inner.start(permit, wait).await;
        if self.is_late.load(Ordering::SeqCst) {
            self.time.turn(Duration::from_secs(2 * 3600));
        }
        progress
    }

    async fn poll(&self, handle: &UpstreamHandle, wait: Duration) -> Result<Progress, Fault> {
        self.inner.poll(handle, wait).await
    }

    async fn rows(
        &self,
        handle: &UpstreamHandle,
        part: usize,
        partition: usize,
    ) -> Result<Box<dyn RowSource>, Fault> {
        self.inner.rows(handle, part, partition).await
    }

    async fn cancel(&self, handle: &UpstreamHandle) -> Result<(), Fault> {
        self.inner.cancel(handle).await
    }
}

/// Nobody looks between a failure and its closing: the closing itself knows the end.
#[tokio::test]
async fn what_the_account_says_of_a_failure_is_told_to_nobody_after_the_end() {
    for is_late in [false, true] {
        let house = house().await;
        let failed =
            Answer::failed(customers::HANDLE, "000904", "42000", "SQL compilation error: invalid identifier");
        house.snow.on(When::submitted(), [failed]);
        let mut ports = house.ports();
        let (inner, time) = (Arc::clone(&ports.upstream), house.time.clone());
        let late = Arc::new(Late { inner, time, is_late: AtomicBool::new(false) });
        ports.upstream = late.clone();
        let gateway = Gateway::new(ports, house.settings.clone());
        grant(&house, &gateway, REQUEST).await;
        late.is_late.store(is_late, Ordering::SeqCst);
        let answer = submit(&router(gateway), "ana", "select id from customers", "").await;
        match is_late {
            false => is_refused(&answer, "000904", "compilation error"),
            true => {
                is_refused(&answer, "099011", "ended at 20");
                assert!(!answer.text().contains("compilation"), "{}", answer.text());
            }
        }
        house.verifies();
    }
}

#[tokio::test]
async fn what_was_asked_for_in_a_session_that_was_revoked_is_read_in_no_other() {
    let (house, gateway, _) = granted().await;
    assert_eq!(read(&gateway, "ana").await.status, 200);
    let session = house.records()[0].0.exchange.split_once('/').unwrap().0.to_owned();
    house.open_home().revoke(RevokedWhat::Session, &session).unwrap();
    // A while later another session has begun.
    house.time.turn(house.settings.session_idle + Duration::from_secs(60));
    is_not_permitted(&read(&gateway, "ana").await);
    let latest = house.records().into_iter().map(|(opening, _)| opening).max_by_key(|it| it.opened.clone());
    assert_ne!(latest.unwrap().exchange.split_once('/').unwrap().0, session);
    let listed = house.review().granted_access().await.unwrap().0.remove(0);
    assert!(matches!(listed.state, AccessState::Rests(why) if why.contains("the session")), "{listed:?}");
    assert!(house.open_home().undo_revocation(RevokedWhat::Session, &session).unwrap());
    house.time.turn(Duration::from_secs(6));
    assert_eq!(read(&gateway, "ana").await.status, 200, "until that is undone");
}

#[tokio::test]
async fn however_many_have_ended_they_hide_none_that_is_in_force() {
    let house = house().await;
    customers::answer(&house.snow, &[2]);
    let gateway = house.gateway();
    for _ in 0..40 {
        is_not_permitted(&read(&gateway, "ana").await);
    }
    let (_, id) = grant(&house, &gateway, REQUEST).await;
    let home = house.open_home();
    for (opening, _) in house.records() {
        let key = RecordKey::new(&opening.opened[..10], opening.exchange.parse().unwrap());
        let principal = crate::access_forged::principal(&gateway, "ana").await;
        let until = house.time_now().after(Duration::from_secs(9000));
        let note = AccessNote { principal, approval: ApprovalId::from_u128(1), key, until };
        home.note(&note, house.time_now()).await.unwrap();
    }
    assert_eq!(read(&gateway, "ana").await.status, 200, "forty lie before it");
    // What is ended is not even looked at any more.
    let before = home.granted(None, house.time_now()).await.unwrap().len();
    house.review().end_access(id, &reviewer("rosa"), None).await.unwrap();
    assert_eq!(home.granted(None, house.time_now()).await.unwrap().len(), before - 1);
    assert_eq!(home.granted_by(id, house.time_now()).await.unwrap(), None);
    house.review().end_access(id, &reviewer("rosa"), None).await.unwrap();
}
