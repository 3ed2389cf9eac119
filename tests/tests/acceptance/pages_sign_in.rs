//! Reviewers of a real account sign in: whatever their issuer says, fails to say or lies about.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::digest::{SHA256, digest};
use axum::Router;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::{Agent, ApprovalId, Timestamp};
use gateway::ports::{NotAccepted, ProvenReviewer, ReviewerIssuer, RevokedWhat, SignInAnswer, SignInBegun};
use gateway::{Fault, Gateway, KnownReviewer, Origin, ReviewerName, Roster, SignIn};
use recording::StepRecord;

use crate::door::{self, get};
use crate::held::{WRITE, deletes, steps, steps_of, words, work};
use crate::house::House;
use crate::pages_door::{Browser, HOST, Shown, link_of, page, people, told};

pub const ISSUER: &str = "https://people.example";
const ROSA: &str = "rosa@acme.example";

/// What the issuer says of whoever signs in.
pub type Says = Result<ProvenReviewer, NotAccepted>;

/// What somebody else's proof says differently.
type Change = Box<dyn Fn(&mut ProvenReviewer) + Send>;

/// An issuer that says what a test wants, and remembers how sign-ins began.
pub struct Scripted {
    says: Mutex<Box<dyn Fn() -> Says + Send>>,
    pub begun: Mutex<Vec<(String, String, String)>>,
    /// Where it sends people back to.
    pub back: Mutex<String>,
    pub is_down: Mutex<bool>,
}

#[async_trait]
impl ReviewerIssuer for Scripted {
    fn issuer(&self) -> &str {
        ISSUER
    }

    async fn begin(&self, begun: &SignInBegun<'_>) -> Result<String, Fault> {
        if *self.is_down.lock().unwrap() {
            return Err(Fault::passing(Origin::Identities, "it does not answer"));
        }
        assert_eq!(begun.redirect_uri, *self.back.lock().unwrap());
        let began = [begun.state, begun.nonce, begun.challenge].map(str::to_owned);
        let [state, nonce, challenge] = began;
        self.begun.lock().unwrap().push((state.clone(), nonce, challenge));
        Ok(format!("{ISSUER}/authorize?state={state}"))
    }

    async fn end(&self, answer: &SignInAnswer<'_>, _: Timestamp) -> Says {
        let begun = self.begun.lock().unwrap();
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, answer.verifier.as_bytes()).as_ref());
        let (_, nonce, _) =
            begun.iter().find(|(_, _, began)| *began == challenge).expect("it began elsewhere");
        assert_eq!((answer.nonce, answer.code), (nonce.as_str(), "code"));
        (self.says.lock().unwrap())()
    }
}

/// Rosa, as an honest issuer proves her.
fn rosa(now: Timestamp) -> ProvenReviewer {
    ProvenReviewer {
        subject: "00u1".to_owned(),
        email: Some(ROSA.to_owned()),
        aliases: BTreeSet::new(),
        groups: BTreeSet::from(["data-reviewers".to_owned(), "everybody".to_owned()]),
        agent: None,
        signed_in: now,
    }
}

pub struct SignsIn {
    pub house: House,
    pub gateway: Gateway,
    pub router: Router,
    pages: Router,
    pub issuer: Arc<Scripted>,
    pub handle: String,
    pub id: ApprovalId,
    token: String,
}

pub async fn signs_in() -> SignsIn {
    signs_in_by(people(), ROSA, &[]).await
}

/// With that roster, of whom one has the link; and with a changed bundle.
async fn signs_in_by(people: Vec<KnownReviewer>, link: &str, changes: &[(&str, &str)]) -> SignsIn {
    signs_in_to(WRITE, people, link, changes).await
}

/// The same, and something else waits.
pub async fn signs_in_to(
    sql: &str,
    people: Vec<KnownReviewer>,
    link: &str,
    changes: &[(&str, &str)],
) -> SignsIn {
    let roster = Arc::new(Roster::new(HOST, ISSUER, people));
    let named = Arc::clone(&roster);
    let house = House::with(
        move |settings| {
            settings.sign_in = SignIn::Oidc;
            settings.roster = Some(named);
        },
        &[],
    )
    .await;
    deletes(&house);
    if !changes.is_empty() {
        house.bundle.change(changes);
    }
    let now = house.time_now();
    let issuer = Arc::new(Scripted {
        says: Mutex::new(Box::new(move || Ok(rosa(now)))),
        begun: Mutex::default(),
        back: Mutex::new(format!("{HOST}/a/callback")),
        is_down: Mutex::default(),
    });
    let gateway = house.gateway();
    let router = door::router(gateway.clone());
    let held = door::submit(&router, "ana", sql, "").await;
    assert_eq!(held.status, 202, "{}", held.text());
    told(&house, &gateway).await;
    let (id, token) = link_of(&house, link);
    let pages = page(&house, &roster, Some(issuer.clone()));
    SignsIn { house, gateway, router, pages, issuer, handle: held.handle(), id, token }
}

impl SignsIn {
    pub fn browser(&self) -> Browser {
        Browser::new(self.pages.clone())
    }

    pub fn says(&self, says: impl Fn() -> Says + Send + 'static) {
        *self.issuer.says.lock().unwrap() = Box::new(says);
    }

    pub fn says_of_rosa(&self, change: impl Fn(&mut ProvenReviewer) + Send + 'static) {
        let now = self.house.time_now();
        self.says(move || {
            let mut proven = rosa(now);
            change(&mut proven);
            Ok(proven)
        });
    }

    /// Sends somebody to the issuer; the state that comes back.
    async fn arrive(&self, browser: &mut Browser) -> String {
        self.arrive_by(browser, &self.token).await
    }

    async fn arrive_by(&self, browser: &mut Browser, token: &str) -> String {
        let sent = browser.post(&format!("/a/{}", self.id), &[("token", token)]).await;
        assert_eq!(sent.status, 200, "{}", sent.text);
        let begun = self.issuer.begun.lock().unwrap();
        let (state, _, _) = begun.last().unwrap();
        assert!(sent.text.contains(&format!("href=\"{ISSUER}/authorize?state={state}\"")), "{}", sent.text);
        assert!(!sent.text.contains("CUSTOMERS"));
        state.clone()
    }

    async fn come_back(&self, browser: &mut Browser, state: &str) -> Shown {
        browser.get(&format!("/a/callback?code=code&state={state}")).await
    }

    pub async fn sign_in(&self, browser: &mut Browser) -> Shown {
        let state = self.arrive(browser).await;
        self.come_back(browser, &state).await
    }

    /// The same by another link.
    pub async fn sign_in_by(&self, browser: &mut Browser, token: &str) -> Shown {
        let state = self.arrive_by(browser, token).await;
        self.come_back(browser, &state).await
    }

    #[track_caller]
    fn is_closed_to(&self, browser: &Browser, shown: &Shown) {
        assert_eq!(shown.status, 404, "{}", shown.text);
        assert!(shown.text.contains("This link opens nothing"), "{}", shown.text);
        assert!(!browser.cookies.keys().any(|name| name.contains("review")), "{:?}", browser.cookies.keys());
        assert_eq!(words(&self.house), ["asked", "told"]);
    }
}

#[tokio::test]
async fn a_reviewer_signs_in_reads_and_approves_and_the_recording_says_how() {
    let at = signs_in().await;
    // Whoever is in many groups has no larger cookie for it.
    at.says_of_rosa(|who| who.groups.extend((0..1000).map(|n| format!("some-group-of-the-company-{n}"))));
    let mut rosa = at.browser();
    let onward = at.sign_in(&mut rosa).await;
    assert_eq!(onward.status, 200, "{}", onward.text);
    assert!(
        onward.text.contains(&format!("href=\"/a/{}/review\"", at.id)) && !onward.text.contains("CUSTOMERS")
    );
    assert_eq!(rosa.cookies.len(), 1, "the sign-in is forgotten, the session kept");
    assert!(rosa.cookies.values().all(|cookie| cookie.len() < 2000), "{:?}", rosa.cookies);
    let shown = rosa.review(at.id).await;
    assert!(shown.status == 200 && shown.text.contains("Time Travel"), "{}", shown.text);
    assert!(!shown.text.contains("local demo"));
    assert_eq!(rosa.decide(at.id, &shown, "approve", &[]).await.status, 303);
    assert_eq!(work(&at.house, &at.gateway).await, 1);
    assert_eq!(get(&at.router, "ana", &at.handle, "").await.status, 200);
    let by = steps(&at.house).into_iter().find_map(|step| match step.what {
        StepRecord::Decided { by, .. } => Some(by),
        _ => None,
    });
    let by = by.unwrap();
    assert_eq!((by.issuer.as_str(), by.subject.as_str(), by.person.as_deref()), (ISSUER, "00u1", Some(ROSA)));
    assert_eq!(
        (by.sign_in.as_str(), by.groups.as_slice()),
        ("oidc", ["data-reviewers".to_owned()].as_slice())
    );
    assert!(by.signed_in.is_some());
    at.house.verifies();
}

#[tokio::test]
async fn whoever_the_link_was_not_made_for_is_shown_nothing() {
    let changes: Vec<Change> = vec![
        Box::new(|who| who.email = Some("sam@acme.example".to_owned())),
        Box::new(|who| who.email = None),
        Box::new(|who| who.email = Some("rosa@acme.example.evil.example".to_owned())),
        // In no group that decides, any more.
        Box::new(|who| who.groups = BTreeSet::from(["everybody".to_owned()])),
        Box::new(|who| who.groups = BTreeSet::new()),
        // A program.
        Box::new(|who| who.agent = Some(Agent::new("claude-finance"))),
        // Who asked, by another name.
        Box::new(|who| who.subject = "ana".to_owned()),
        Box::new(|who| who.subject = "An\u{200b}a@acme.example".to_owned()),
    ];
    for change in changes {
        let at = signs_in().await;
        at.says_of_rosa(change);
        let mut somebody = at.browser();
        let shown = at.sign_in(&mut somebody).await;
        at.is_closed_to(&somebody, &shown);
    }
}

/// Two accounts, as their issuer numbers them.
fn accounts() -> Vec<KnownReviewer> {
    let account = |subject: &str| KnownReviewer {
        name: ReviewerName::Subject(subject.to_owned()),
        groups: Some(BTreeSet::from(["data-reviewers".to_owned()])),
        mail: None,
    };
    vec![account("00u1"), account("00u2")]
}

/// An account of whoever has that address, which nobody has verified.
fn account(who: &mut ProvenReviewer, subject: &str, address: &str) {
    who.subject = subject.to_owned();
    who.email = None;
    who.aliases = BTreeSet::from([address.to_owned()]);
}

#[tokio::test]
async fn one_person_with_two_accounts_is_one_person_though_nobody_has_verified_their_address() {
    let two = ("groups = [\"data-reviewers\"]", "groups = [\"data-reviewers\"]\npeople = 2");
    for (address, is_same) in [("Rosa@Acme.example", true), ("sam@acme.example", false)] {
        let mut at = signs_in_by(accounts(), "00u1", &[two]).await;
        at.says_of_rosa(|who| account(who, "00u1", ROSA));
        let mut first = at.browser();
        at.sign_in(&mut first).await;
        let shown = first.review(at.id).await;
        assert_eq!(first.decide(at.id, &shown, "approve", &[]).await.status, 303);
        at.token = link_of(&at.house, "00u2").1;
        at.says_of_rosa(move |who| account(who, "00u2", address));
        let mut second = at.browser();
        at.sign_in(&mut second).await;
        let shown = second.review(at.id).await;
        let decided = second.decide(at.id, &shown, "approve", &[]).await;
        work(&at.house, &at.gateway).await;
        assert_eq!(decided.status.as_u16(), if is_same { 409 } else { 303 }, "{}", decided.text);
        assert_eq!(at.house.submissions(), usize::from(!is_same));
        // What nobody has verified is written nowhere.
        let recorded = format!("{:?}", steps(&at.house)).to_lowercase();
        assert!(!recorded.contains("acme.example\"), person") && !recorded.contains("sam@"), "{recorded}");
        at.house.verifies();
    }
}

#[tokio::test]
async fn whoever_was_revoked_by_a_name_that_nobody_has_verified_decides_nothing_and_has_decided_nothing() {
    let at = signs_in_by(accounts(), "00u1", &[]).await;
    at.says_of_rosa(|who| account(who, "00u1", "Rosa@tenant.example"));
    at.house.open_home().revoke(RevokedWhat::Person, "rosa@tenant.example").unwrap();
    let mut rosa = at.browser();
    let shown = at.sign_in(&mut rosa).await;
    at.is_closed_to(&rosa, &shown);
    at.house.open_home().undo_revocation(RevokedWhat::Person, "rosa@tenant.example").unwrap();
    at.sign_in(&mut rosa).await;
    let shown = rosa.review(at.id).await;
    assert_eq!(rosa.decide(at.id, &shown, "approve", &[]).await.status, 303);
    at.house.open_home().revoke(RevokedWhat::Person, "ROSA@tenant.example").unwrap();
    assert_eq!(work(&at.house, &at.gateway).await, 1);
    assert_eq!((words(&at.house).last(), at.house.submissions()), (Some(&"overruled"), 0));
    at.house.verifies();
}

#[tokio::test]
async fn what_a_reviewer_has_proven_counts_for_minutes() {
    for (minutes_ago, minutes) in [(0, 10), (3, 7), (6, 5), (60, 5)] {
        let at = signs_in().await;
        let ago = Duration::from_secs(minutes_ago * 60);
        at.says_of_rosa(move |who| {
            let earlier = who.signed_in.as_micros() - i64::try_from(ago.as_micros()).unwrap();
            who.signed_in = Timestamp::from_micros(earlier);
        });
        let mut rosa = at.browser();
        at.sign_in(&mut rosa).await;
        at.house.time.turn(Duration::from_secs(minutes * 60 - 20));
        let shown = rosa.review(at.id).await;
        assert_eq!(shown.status, 200, "{minutes_ago}");
        at.house.time.turn(Duration::from_secs(20));
        assert_eq!(rosa.decide(at.id, &shown, "approve", &[]).await.status, 404, "{minutes_ago}");
    }
}

#[tokio::test]
async fn a_token_that_proves_nobody_opens_nothing_and_an_issuer_out_of_reach_is_told() {
    let at = signs_in().await;
    for reason in ["nonce", "audience", "stale", "signature", "algorithm", "code", "malformed"] {
        at.says(move || Err(NotAccepted::Rejected { reason }));
        let mut somebody = at.browser();
        let shown = at.sign_in(&mut somebody).await;
        at.is_closed_to(&somebody, &shown);
        assert!(reason == "code" || !shown.text.contains(reason));
    }
    at.says(|| Err(NotAccepted::Unavailable(Fault::passing(Origin::Identities, "hunter2 is not told"))));
    let mut somebody = at.browser();
    let shown = at.sign_in(&mut somebody).await;
    assert_eq!(shown.status, 503);
    assert!(shown.text.contains("Signing in does not work just now") && !shown.text.contains("hunter2"));
    *at.issuer.is_down.lock().unwrap() = true;
    let shown = at.browser().post(&format!("/a/{}", at.id), &[("token", &at.token)]).await;
    assert_eq!(shown.status, 503);
    // Once it answers again the same link does.
    *at.issuer.is_down.lock().unwrap() = false;
    at.says_of_rosa(|_| {});
    assert_eq!(at.sign_in(&mut at.browser()).await.status, 200);
}

#[tokio::test]
async fn a_sign_in_is_its_browsers_own_and_counts_once() {
    let at = signs_in().await;
    let (mut rosa, mut other) = (at.browser(), at.browser());
    let state = at.arrive(&mut rosa).await;
    // Somebody is led to the end of a sign-in that is not theirs.
    let shown = at.come_back(&mut other, &state).await;
    at.is_closed_to(&other, &shown);
    // Another sign-in's state, and none.
    let others = at.arrive(&mut other).await;
    let shown = at.come_back(&mut rosa, &others).await;
    at.is_closed_to(&rosa, &shown);
    for query in
        ["", "?code=code", "?state=", "?state=x&code=code", "?code=code&state=%00", "?error=access_denied"]
    {
        let shown = rosa.get(&format!("/a/callback{query}")).await;
        at.is_closed_to(&rosa, &shown);
    }
    // The state of one in the cookie of another.
    let mut mixed = at.browser();
    let value = other.cookies.values().next().unwrap().clone();
    mixed.cookies.insert(format!("__Host-snowgate-sign-in-{}", &state[..22]), value);
    let shown = at.come_back(&mut mixed, &state).await;
    at.is_closed_to(&mixed, &shown);
    // An answer of another issuer (RFC 9207).
    let shown =
        rosa.get(&format!("/a/callback?code=code&state={state}&iss=https%3A%2F%2Fevil.example")).await;
    at.is_closed_to(&rosa, &shown);
    // That has ended the sign-in.
    let shown = at.come_back(&mut rosa, &state).await;
    at.is_closed_to(&rosa, &shown);
    // Given up.
    let state = at.arrive(&mut rosa).await;
    let shown =
        rosa.get(&format!("/a/callback?error=access_denied&error_description=%3Cb%3Ex&state={state}")).await;
    assert_eq!(shown.status, 403);
    assert!(shown.text.contains("You are not signed in") && !shown.text.contains("<b>x"), "{}", shown.text);
    // Too slow.
    let state = at.arrive(&mut rosa).await;
    at.house.time.turn(gateway::SIGN_IN_LIFE + Duration::from_secs(1));
    let shown = at.come_back(&mut rosa, &state).await;
    at.is_closed_to(&rosa, &shown);
}

#[tokio::test]
async fn without_an_issuer_nobody_decides_what_waits_for_those_who_sign_in() {
    let at = signs_in().await;
    let roster = Arc::new(Roster::new(HOST, ISSUER, people()));
    let mut somebody = Browser::new(page(&at.house, &roster, None));
    let shown = somebody.post(&format!("/a/{}", at.id), &[("token", &at.token)]).await;
    at.is_closed_to(&somebody, &shown);
    // A session of the local demo opens nothing here either, whatever it says.
    let demo = Arc::new(Roster::development(HOST, people()));
    let mut somebody = Browser::new(page(&at.house, &demo, None));
    let shown = somebody.post(&format!("/a/{}", at.id), &[("token", &at.token)]).await;
    at.is_closed_to(&somebody, &shown);
}

#[tokio::test]
async fn where_too_few_could_ever_sign_in_it_is_denied_at_once() {
    let roster = Arc::new(Roster::new(HOST, ISSUER, Vec::new()));
    let house = House::with(
        move |settings| {
            settings.sign_in = SignIn::Oidc;
            settings.roster = Some(roster);
        },
        &[],
    )
    .await;
    let gateway = house.gateway();
    let router = door::router(gateway.clone());
    let held = door::submit(&router, "ana", WRITE, "").await;
    assert_eq!(work(&house, &gateway).await, 1);
    let refused = get(&router, "ana", &held.handle(), "").await;
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains("no reviewer can be reached"), "{}", refused.text());
    assert_eq!(words(&house), ["asked", "overruled"]);
    house.verifies();
}

/// Whether another like it goes unasked, where these are on the roster by now.
async fn goes_by(at: &SignsIn, people: Option<Vec<KnownReviewer>>, sql: &str) -> bool {
    let roster = people.map(|people| Arc::new(Roster::new(HOST, ISSUER, people)));
    let settings = gateway::Settings { roster, ..at.house.settings.clone() };
    let gateway = Gateway::new(at.house.ports(), settings);
    let before = at.house.submissions();
    assert_eq!(door::submit(&door::router(gateway.clone()), "ana", sql, "").await.status, 202);
    work(&at.house, &gateway).await;
    at.house.submissions() > before
}

#[tokio::test]
async fn the_yes_of_whoever_is_on_the_roster_no_more_stands_no_more() {
    let at = signs_in().await;
    let mut rosa = at.browser();
    at.sign_in(&mut rosa).await;
    let shown = rosa.review(at.id).await;
    let until = at.house.time_now().after(Duration::from_secs(86_400)).day();
    let stands = [("runs", "9"), ("rows", "10"), ("until", until.as_str()), ("vary 1", "1..100")];
    assert_eq!(rosa.decide(at.id, &shown, "approve", &stands).await.status, 303);
    assert_eq!(work(&at.house, &at.gateway).await, 1);
    let [rosa, sam] = people().try_into().unwrap_or_else(|_| panic!("two people"));
    let moved = |groups: Option<&str>| KnownReviewer {
        groups: groups.map(|group| BTreeSet::from([group.to_owned()])),
        ..rosa.clone()
    };
    let renamed = |name: ReviewerName| KnownReviewer { name, ..rosa.clone() };
    let by_number = renamed(ReviewerName::Subject("00u1".to_owned()));
    let other_number = renamed(ReviewerName::Subject(ROSA.to_owned()));
    for (number, (people, expected)) in (10..).zip([
        (Some(vec![rosa.clone(), sam.clone()]), true),
        (Some(vec![by_number]), true),
        (Some(vec![moved(None)]), true),
        (Some(vec![sam.clone()]), false),
        // Groups of the roster say whom to tell; what they had proven when they said yes is theirs.
        (Some(vec![moved(Some("stewards")), sam.clone()]), true),
        (Some(vec![other_number, sam]), false),
        (None, false),
    ]) {
        let sql = format!("delete from customers where id = {number}");
        assert_eq!(goes_by(&at, people.clone(), &sql).await, expected, "{people:?}");
    }
}

#[tokio::test]
async fn nobody_says_yes_beforehand_to_what_is_asked_under_a_name_that_nobody_has_proven() {
    let at = signs_in().await;
    // What an ID token says beside the verified address: of whom this is, nobody has checked.
    at.says_of_rosa(|who| who.aliases = BTreeSet::from(["ben@acme.example".to_owned()]));
    let mut rosa = at.browser();
    at.sign_in(&mut rosa).await;
    let shown = rosa.review(at.id).await;
    assert_eq!(rosa.decide(at.id, &shown, "approve", &[]).await.status, 303);
    work(&at.house, &at.gateway).await;
    let asked = door::submit(&at.router, "ben", "delete from customers where id = 3", "").await;
    assert_eq!(asked.status, 202);
    let records = at.house.records();
    let [rosas, bens] = ["ana", "ben"].map(|who| {
        let opened = |record: &&(recording::Opening, _)| record.0.principal.subject.contains(who);
        steps_of(&at.house, &records.iter().find(opened).unwrap().0)
    });
    let StepRecord::Asked(asked) = &bens[0].what else { panic!("it asks") };
    let by = rosas.iter().find_map(|step| match &step.what {
        StepRecord::Decided { by, .. } => Some(by),
        _ => None,
    });
    let by = by.unwrap();
    assert!(!by.reviewer().is_called("ben@acme.example"), "the record tells of it by its mark alone");
    assert!(asked.marks.iter().any(|mark| by.marks.contains(mark)), "and whoever asks is found by it");
}
