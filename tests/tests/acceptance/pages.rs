//! Deciding on the page: whose link opens what, what a form may do, and what nobody is shown.

use std::time::Duration;

use axum::Router;
use domain::{ApprovalId, Verdict};
use gateway::ports::RevokedWhat;
use gateway::{Gateway, KnownReviewer, ReviewerName, Roster};
use recording::{ApprovalStep, StepRecord};
use serde_json::json;
use std::sync::Arc;

use crate::approvals::{WRITE, deletes, reviewer, steps, words, work};
use crate::door::{self, Answered, call, get};
use crate::house::{House, customers, in_time};
use crate::pages_door::{Browser, HOST, Shown, demo, link_of, page, people, told, with};

pub const ROSA: &str = "rosa@acme.example";
pub const SAM: &str = "sam@acme.example";

/// A house in which something waits, and its reviewers know.
pub struct Waits {
    pub house: House,
    pub gateway: Gateway,
    pub router: Router,
    pages: Router,
    held: Answered,
    pub id: ApprovalId,
    pub token: String,
}

pub async fn waits(sql: &str) -> Waits {
    waits_in(House::with(with(&demo()), &[]).await, json!({ "statement": sql })).await
}

async fn waits_in(house: House, body: serde_json::Value) -> Waits {
    deletes(&house);
    let gateway = house.gateway();
    let router = door::router(gateway.clone());
    let pages = page(&house, &demo(), None);
    let held = call(&router, "ana", "POST", "/api/v2/statements", Some(body.to_string().as_bytes())).await;
    assert_eq!(held.status, 202, "{}", held.text());
    told(&house, &gateway).await;
    let (id, token) = link_of(&house, ROSA);
    Waits { house, gateway, router, pages, held, id, token }
}

impl Waits {
    pub fn browser(&self) -> Browser {
        Browser::new(self.pages.clone())
    }

    async fn poll(&self) -> Answered {
        get(&self.router, "ana", &self.held.handle(), "").await
    }

    pub fn words(&self) -> Vec<&'static str> {
        words(&self.house)
    }
}

#[track_caller]
pub fn opens_nothing(shown: &Shown) {
    assert_eq!(shown.status, 404, "{}", shown.text);
    assert!(shown.text.contains("This link opens nothing"), "{}", shown.text);
    assert!(!shown.text.contains("delete") && !shown.text.contains("CUSTOMERS"), "{}", shown.text);
}

#[tokio::test]
async fn a_reviewer_opens_their_link_reads_approves_and_the_agents_own_poll_returns_the_result() {
    let waits = waits(WRITE).await;
    let mut rosa = waits.browser();
    let shell = rosa.get(&format!("/a/{}", waits.id)).await;
    assert_eq!(shell.status, 200);
    assert!(!shell.text.contains("delete") && rosa.cookies.is_empty(), "{}", shell.text);

    let shown = rosa.open(waits.id, &waits.token).await;
    assert_eq!(shown.status, 200, "{}", shown.text);
    for part in [
        "claude-finance",
        "ana@acme.example",
        "<span class=\"act\">delete</span>",
        "DEMO.PUBLIC.CUSTOMERS",
        "ANALYST",
        "DEMO_WH",
        "data-reviewers",
        "agents-write-if-approved",
        "What undoes it",
        "Nothing that is remembered",
        "rosa@acme.example",
        "by this link alone",
    ] {
        assert!(shown.text.contains(part), "{part}: {}", shown.text);
    }
    assert_eq!(waits.words(), ["asked", "told", "viewed"]);
    // Looking again is not another look.
    rosa.review(waits.id).await;
    assert_eq!(waits.words(), ["asked", "told", "viewed"]);

    let decided = rosa.decide(waits.id, &shown, "approve", &[("reason", "the owner agrees")]).await;
    assert_eq!(
        (decided.status.as_u16(), decided.location()),
        (303, format!("/a/{}/review", waits.id).as_str())
    );
    let over = rosa.review(waits.id).await;
    assert!(over.status == 200 && over.text.contains("<h1>Approved</h1>"), "{}", over.text);
    assert_eq!(work(&waits.house, &waits.gateway).await, 1);
    let done = waits.poll().await;
    assert_eq!((done.status.as_u16(), &done.json()["data"]), (200, &json!([["1"]])), "{}", done.text());
    assert_eq!(waits.words(), ["asked", "told", "viewed", "decided", "spent"]);
    let over = rosa.review(waits.id).await;
    assert!(over.text.contains("sent to run") && !over.text.contains("name=\"verdict\""), "{}", over.text);
    waits.house.verifies();
}

#[tokio::test]
async fn a_denial_with_its_reason_is_told_to_the_agent_after_the_detectors_of_the_bundle_in_force() {
    let house = House::with(with(&demo()), &[]).await;
    house.bundle.change(&[(
        "[detectors]\n",
        "[[detectors.custom]]\nname = \"project\"\nliteral = \"PRJ-\"\nshape = \"9999\"\nclass = \"person\"\n\n[detectors]\n",
    )]);
    let waits = waits_in(house, json!({ "statement": WRITE })).await;
    let mut rosa = waits.browser();
    let shown = rosa.open(waits.id, &waits.token).await;
    let reason = "not before PRJ-1234 is told; ask person1@customers.example\u{7}";
    rosa.decide(waits.id, &shown, "deny", &[("reason", reason)]).await;
    let over = rosa.review(waits.id).await;
    assert!(over.text.contains("<h1>Denied</h1>"), "{}", over.text);
    assert_eq!(work(&waits.house, &waits.gateway).await, 1);
    let refused = waits.poll().await;
    assert_eq!(refused.status, 422);
    let told = refused.text();
    assert!(told.contains("a reviewer denied this statement: not before"), "{told}");
    let recorded = format!("{:?}", steps(&waits.house));
    for secret in ["PRJ-1234", "person1"] {
        assert!(!told.contains(secret) && !recorded.contains(secret), "{told} {recorded}");
    }
    waits.house.verifies();
}

#[tokio::test]
async fn what_only_fetches_a_link_decides_nothing_and_is_shown_nothing() {
    let waits = waits(WRITE).await;
    let id = waits.id;
    for user_agent in ["curl/8", "Mozilla/5.0 Chrome/156 (a scanner of mail)", "Slackbot-LinkExpanding 1.0"] {
        let mut scanner = waits.browser();
        for method in ["GET", "HEAD"] {
            for path in [
                format!("/a/{id}"),
                format!("/a/{id}/"),
                format!("/a/{id}?t={}", waits.token),
                format!("/a/{id}/review"),
                format!("/a/{id}/decision"),
                format!("/a/{id}/decision?verdict=approve&token={}", waits.token),
                "/a/callback".to_owned(),
                "/a/callback?code=x&state=AAAAAAAAAAAAAAAAAAAAAAAA".to_owned(),
                "/a/static/page.js".to_owned(),
                "/a/static/../x".to_owned(),
                "/a/x".to_owned(),
                "/a/".to_owned(),
            ] {
                let shown = scanner.call(method, &path, None, &[("user-agent", user_agent)]).await;
                assert!(
                    !shown.text.contains("CUSTOMERS") && !shown.text.contains("claude-finance"),
                    "{path}"
                );
                assert!(scanner.cookies.is_empty(), "{method} {path}");
                protects(&shown, &path);
            }
        }
    }
    assert_eq!(waits.words(), ["asked", "told"]);
    // With a session, too: a GET, a HEAD or a prefetch is no look.
    let mut rosa = waits.browser();
    rosa.post(&format!("/a/{id}"), &[("token", &waits.token)]).await;
    let path = format!("/a/{id}/review");
    for (method, headers) in [
        ("HEAD", vec![]),
        ("GET", vec![("sec-purpose", "prefetch;prerender")]),
        ("GET", vec![("purpose", "prefetch")]),
    ] {
        let shown = rosa.call(method, &path, None, &headers).await;
        assert_eq!(shown.text, "");
    }
    let before = rosa.get(&path).await;
    assert!(before.status == 200 && before.text == waits.browser().get(&path).await.text, "{}", before.text);
    assert_eq!(waits.words(), ["asked", "told"]);
}

#[track_caller]
fn protects(shown: &Shown, path: &str) {
    let header = |name: &str| shown.headers.get(name).map_or("", |value| value.to_str().unwrap());
    assert_eq!(header("cache-control"), "no-store", "{path}");
    assert_eq!(header("referrer-policy"), "no-referrer", "{path}");
    assert_eq!(header("x-frame-options"), "DENY", "{path}");
    assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
    let policy = header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self'"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
    for inline in ["<script>", "javascript:", " onclick=", " onload=", " style=", "<style"] {
        assert!(!shown.text.contains(inline), "{path}: {inline}");
    }
}

#[tokio::test]
async fn whatever_opens_nothing_looks_the_same() {
    let waits = waits(WRITE).await;
    let (id, token) = (waits.id, waits.token.clone());
    let unknown = ApprovalId::from_u128(id.as_u128() ^ 1);
    let mut nobody = waits.browser();
    let mut answers = Vec::new();
    let one_off: String = token.chars().rev().collect();
    for (id, token) in [
        (unknown.to_string(), token.as_str()),
        (id.to_string(), ""),
        (id.to_string(), one_off.as_str()),
        (id.to_string(), "A".repeat(43).as_str()),
        (id.to_string(), &token[..42]),
        (id.to_string(), &format!("{token}\u{0}")),
    ] {
        answers.push(nobody.post(&format!("/a/{id}"), &[("token", token)]).await);
    }
    answers.push(nobody.post("/a/not-an-id", &[("token", &token)]).await);
    answers.push(nobody.review(id).await);
    answers.push(nobody.review(unknown).await);
    // A reviewer who is not on the roster any more.
    let fewer = Arc::new(Roster::development(HOST, vec![people().remove(1)]));
    let mut gone = Browser::new(page(&waits.house, &fewer, None));
    answers.push(gone.post(&format!("/a/{id}"), &[("token", &token)]).await);
    // Decided, and its link used again; expired.
    let mut rosa = waits.browser();
    let shown = rosa.open(id, &token).await;
    rosa.decide(id, &shown, "deny", &[]).await;
    answers.push(nobody.post(&format!("/a/{id}"), &[("token", &token)]).await);
    let late = self::waits(WRITE).await;
    late.house.time.turn(Duration::from_secs(31 * 60));
    answers.push(late.browser().post(&format!("/a/{}", late.id), &[("token", &late.token)]).await);
    for answer in &answers {
        opens_nothing(answer);
        assert_eq!(answer.text, answers[0].text);
        assert!(answer.headers.get("set-cookie").is_none());
    }
    assert!(nobody.cookies.is_empty() && gone.cookies.is_empty());
}

#[tokio::test]
async fn a_link_and_a_session_are_for_one_approval() {
    let first = waits(WRITE).await;
    let second = submit_another(&first).await;
    assert_ne!(first.id, second.0);
    let mut rosa = first.browser();
    opens_nothing(&rosa.post(&format!("/a/{}", second.0), &[("token", &first.token)]).await);
    let shown = rosa.open(first.id, &first.token).await;
    opens_nothing(&rosa.review(second.0).await);
    // The cookie of one, put in the place of the other's.
    let stolen = rosa.cookies[&format!("__Host-snowgate-review-{}", first.id)].clone();
    rosa.cookies.insert(format!("__Host-snowgate-review-{}", second.0), stolen);
    let mark = rosa.marks[&first.id.to_string()].clone();
    rosa.marks.insert(second.0.to_string(), mark);
    opens_nothing(&rosa.review(second.0).await);
    opens_nothing(&rosa.decide(second.0, &shown, "approve", &[]).await);
    let listing = first.house.review().waiting().await.unwrap();
    assert_eq!(listing.waiting.len(), 2, "nothing was decided");
    // The other one's page tells of this one.
    let (id, token) = second;
    let shown = first.browser().open(id, &token).await;
    assert!(shown.text.contains("<span class=\"state waiting\">waiting</span>"), "{}", shown.text);
}

async fn submit_another(waits: &Waits) -> (ApprovalId, String) {
    let other = door::submit(&waits.router, "ana", "delete from customers where id = 2", "").await;
    assert_eq!(other.status, 202);
    told(&waits.house, &waits.gateway).await;
    link_of(&waits.house, ROSA)
}

#[tokio::test]
async fn a_form_that_is_not_the_sessions_own_decides_nothing() {
    let waits = waits(WRITE).await;
    let id = waits.id;
    let path = format!("/a/{id}/decision");
    let mut rosa = waits.browser();
    let shown = rosa.open(id, &waits.token).await;
    let (mark, covers) = (shown.field("mark"), shown.field("covers"));
    // Sam's own session gives a mark of its own.
    let mut sam = waits.browser();
    let sams = sam.open(id, &link_of(&waits.house, SAM).1).await.field("mark");
    assert_ne!(mark, sams);
    let forms: Vec<Vec<(&str, &str)>> = vec![
        vec![],
        vec![("verdict", "approve")],
        vec![("covers", &covers), ("verdict", "approve")],
        vec![("mark", ""), ("covers", &covers), ("verdict", "approve")],
        vec![("mark", &sams), ("covers", &covers), ("verdict", "approve")],
        vec![("mark", &mark[1..]), ("covers", &covers), ("verdict", "approve")],
        vec![("mark", &mark), ("covers", ""), ("verdict", "approve")],
        vec![("mark", &mark), ("covers", "hmac-sha256:00"), ("verdict", "approve")],
        vec![("mark", &mark), ("covers", &covers), ("verdict", "maybe")],
        vec![("mark", &mark), ("mark", &mark), ("covers", &covers), ("verdict", "approve")],
    ];
    for form in &forms {
        let answer = rosa.post(&path, form).await;
        assert_eq!(answer.status, 403, "{form:?}: {}", answer.text);
        assert!(answer.text.contains("Nothing was decided"), "{}", answer.text);
    }
    let good = [("mark", mark.as_str()), ("covers", &covers), ("verdict", "approve")];
    for headers in [
        vec![("origin", "https://evil.example")],
        vec![("origin", "null")],
        vec![("sec-fetch-site", "cross-site")],
        vec![("sec-fetch-site", "same-site"), ("origin", HOST)],
    ] {
        let answer = rosa.call("POST", &path, Some(&good), &headers).await;
        assert_eq!(answer.status, 403, "{headers:?}");
    }
    // Whoever has the cookie alone, as every server on the same machine gets it over http, is shown nothing either.
    let looks = format!("/a/{id}/review");
    for marks in [vec![], vec![("mark", "")], vec![("mark", sams.as_str())], vec![("mark", &mark[1..])]] {
        opens_nothing(&rosa.post(&looks, &marks).await);
    }
    assert_eq!(rosa.post(&looks, &[("mark", &mark)]).await.status, 200);
    for headers in [vec![("origin", "http://127.0.0.1:9")], vec![("sec-fetch-site", "same-site")]] {
        let answer = rosa.call("POST", &looks, Some(&[("mark", &mark)]), &headers).await;
        assert_eq!(answer.status, 403, "{headers:?}");
    }
    // Without the session's cookie the rest is worth nothing, and another's in its place as little.
    let mut bare = waits.browser();
    opens_nothing(&bare.post(&path, &good).await);
    let name = format!("__Host-snowgate-review-{id}");
    let value = rosa.cookies[&name].clone();
    let sams = sam.cookies[&name].clone();
    bare.cookies.insert(name.clone(), sams);
    assert_eq!(bare.post(&path, &good).await.status, 403);
    // One bit of it changed, and one that is over.
    let mut changed = value.clone().into_bytes();
    changed[3] ^= 1;
    bare.cookies.insert(name, String::from_utf8(changed).unwrap());
    opens_nothing(&bare.post(&path, &good).await);
    assert!(!waits.words().contains(&"decided"), "{:?}", waits.words());
    waits.house.time.turn(gateway::SESSION_LIFE);
    opens_nothing(&rosa.post(&path, &good).await);
    assert!(!waits.words().contains(&"decided"), "{:?}", waits.words());
    // A body that is too large, or no form at all.
    let large = "x".repeat(64 * 1024);
    assert_eq!(sam.post(&path, &[("mark", &large)]).await.status, 403);
}

#[tokio::test]
async fn what_destroys_is_told_before_what_only_changes_and_that_before_what_is_read() {
    let sql = "insert into a_first values (1); delete from customers where id = 1";
    let house = House::with(with(&demo()), &[]).await;
    let body = json!({ "statement": sql, "parameters": { "MULTI_STATEMENT_COUNT": "2" } });
    let waits = waits_in(house, body).await;
    let mut rosa = waits.browser();
    let shown = rosa.open(waits.id, &waits.token).await;
    let at = |part: &str| shown.text.find(part).unwrap_or_else(|| panic!("{part}: {}", shown.text));
    assert!(at("Destroys, or may replace") < at("<h3>Changes</h3>"), "{}", shown.text);
    assert!(at("<h3>Changes</h3>") < at("<h3>Reads</h3>"), "{}", shown.text);
    let destroyed = &shown.text[at("Destroys, or may replace")..at("<h3>Changes</h3>")];
    assert!(destroyed.contains("CUSTOMERS") && !destroyed.contains("A_FIRST"), "{destroyed}");
    let mail = waits.house.bell.rung.lock().unwrap().last().unwrap().clone();
    assert_eq!(mail.writes[0], "DEMO.PUBLIC.CUSTOMERS", "{:?}", mail.writes);
}

#[tokio::test]
async fn a_form_that_is_sent_twice_decides_once() {
    let waits = waits(WRITE).await;
    let id = waits.id;
    let mut rosa = waits.browser();
    let shown = rosa.open(id, &waits.token).await;
    for _ in 0..3 {
        assert_eq!(rosa.decide(id, &shown, "approve", &[]).await.status, 303);
    }
    assert!(rosa.review(id).await.text.contains("<h1>Approved</h1>"));
    assert_eq!(waits.words(), ["asked", "told", "viewed", "decided"]);
    assert_eq!(work(&waits.house, &waits.gateway).await, 1);
    // Behind its effect another verdict comes too late, and is told what counted.
    let late = rosa.decide(id, &shown, "deny", &[]).await;
    assert_eq!(late.status, 409);
    for part in ["was run, once", "Your no came too late and changed nothing."] {
        assert!(late.text.contains(part) && !late.text.contains("end it below"), "{}", late.text);
    }
    rosa.decide(id, &shown, "approve", &[]).await;
    assert_eq!(waits.house.submissions(), 1);
    waits.house.verifies();
}

#[tokio::test]
async fn a_reviewer_who_was_revoked_decides_nothing_whatever_their_session_says() {
    let waits = waits(WRITE).await;
    let id = waits.id;
    let mut rosa = waits.browser();
    let shown = rosa.open(id, &waits.token).await;
    waits.house.open_home().revoke(RevokedWhat::Person, ROSA).unwrap();
    opens_nothing(&rosa.review(id).await);
    opens_nothing(&rosa.decide(id, &shown, "approve", &[]).await);
    assert_eq!(waits.words(), ["asked", "told", "viewed"]);
    // Sam still does.
    let mut sam = waits.browser();
    let shown = sam.open(id, &link_of(&waits.house, SAM).1).await;
    assert_eq!(sam.decide(id, &shown, "deny", &[]).await.status, 303);
    assert_eq!(waits.words().last(), Some(&"decided"));
}

#[tokio::test]
async fn of_two_reviewers_at_once_one_is_first_and_the_other_is_told() {
    let waits = waits(WRITE).await;
    let id = waits.id;
    let (mut rosa, mut sam) = (waits.browser(), waits.browser());
    let (hers, his) = (rosa.open(id, &waits.token).await, sam.open(id, &link_of(&waits.house, SAM).1).await);
    let (one, two) = tokio::join!(rosa.decide(id, &hers, "approve", &[]), sam.decide(id, &his, "deny", &[]));
    // A no counts also behind a yes that has had no effect yet; a yes behind a no is too late.
    let is_first = one.status.as_u16() == 303;
    assert!(is_first || one.text.contains("came too late and changed nothing"), "{}", one.text);
    assert_eq!((one.status.as_u16(), two.status.as_u16()), (if is_first { 303 } else { 409 }, 303));
    let (hers, his) = (rosa.review(id).await.text, sam.review(id).await.text);
    assert!(his.contains("<h1>Denied</h1>") && hers.contains("It was denied"), "{hers}{his}");
    let decided = waits.words().iter().filter(|word| **word == "decided").count();
    assert_eq!(decided, 1 + usize::from(is_first));
    work(&waits.house, &waits.gateway).await;
    assert_eq!(waits.house.submissions(), 0);
}

#[tokio::test]
async fn a_reviewer_is_told_that_whoever_asked_is_revoked() {
    let waits = waits(WRITE).await;
    let told = "Its agent is revoked: nothing comes of a yes.";
    let before = waits.browser().open(waits.id, &waits.token).await;
    assert!(!before.text.contains(told), "{}", before.text);
    waits.house.open_home().revoke(RevokedWhat::Agent, "claude-finance").unwrap();
    let shown = waits.browser().open(waits.id, &waits.token).await;
    assert!(shown.text.contains(told), "{}", shown.text);
}

#[tokio::test]
async fn a_yes_that_has_had_no_effect_is_taken_back_by_the_page_of_whoever_may_decide() {
    for (who, title) in [(0, "<h1>Approved</h1>"), (1, "Approved by others")] {
        let waits = waits(WRITE).await;
        let id = waits.id;
        let (mut rosa, mut sam) = (waits.browser(), waits.browser());
        let hers = rosa.open(id, &waits.token).await;
        sam.open(id, &link_of(&waits.house, SAM).1).await;
        assert_eq!(rosa.decide(id, &hers, "approve", &[]).await.status, 303);
        let browser = if who == 0 { &mut rosa } else { &mut sam };
        let granted = browser.review(id).await;
        assert!(granted.text.contains(title) && granted.text.contains("Take it back"), "{}", granted.text);
        assert_eq!(browser.decide(id, &granted, "deny", &[("reason", "a slip")]).await.status, 303);
        let told = browser.review(id).await.text;
        assert!(told.contains("<h1>Denied</h1>") && !told.contains("Take it back"), "{told}");
        work(&waits.house, &waits.gateway).await;
        assert_eq!(waits.house.submissions(), 0);
        waits.house.verifies();
    }
}

#[tokio::test]
async fn where_two_must_agree_each_decides_for_themselves() {
    let house = House::with(with(&demo()), &[]).await;
    house.bundle.change(&[("groups = [\"data-reviewers\"]", "groups = [\"data-reviewers\"]\npeople = 2")]);
    let waits = waits_in(house, json!({ "statement": WRITE })).await;
    let id = waits.id;
    let mut rosa = waits.browser();
    let shown = rosa.open(id, &waits.token).await;
    assert!(shown.text.contains("2 must say yes"), "{}", shown.text);
    rosa.decide(id, &shown, "approve", &[]).await;
    let told = rosa.review(id).await.text;
    assert!(told.contains("You have approved it") && told.contains("1 of 2 people"), "{told}");
    let mut sam = waits.browser();
    let shown = sam.open(id, &link_of(&waits.house, SAM).1).await;
    assert!(shown.text.contains("so far rosa@acme.example"), "{}", shown.text);
    sam.decide(id, &shown, "approve", &[]).await;
    assert_eq!(work(&waits.house, &waits.gateway).await, 1);
    assert_eq!(waits.poll().await.status, 200);
}

#[tokio::test]
async fn what_destroys_is_typed_before_it_is_approved_and_not_before_it_is_denied() {
    let waits = waits("delete from customers").await;
    let id = waits.id;
    let mut rosa = waits.browser();
    let shown = rosa.open(id, &waits.token).await;
    assert!(shown.text.contains("data-word=\"DELETE ALL\""), "{}", shown.text);
    for typed in ["", "DELETE", "yes"] {
        let answer = rosa.decide(id, &shown, "approve", &[("typed", typed)]).await;
        assert_eq!(answer.status, 422);
        assert!(
            answer.text.contains("Nothing was decided. To approve this, type DELETE ALL"),
            "{}",
            answer.text
        );
    }
    assert!(!waits.words().contains(&"decided"));
    assert_eq!(rosa.decide(id, &shown, "approve", &[("typed", " delete  all ")]).await.status, 303);
    assert!(waits.words().contains(&"decided"));
    let other = self::waits("delete from customers").await;
    let mut rosa = other.browser();
    let shown = rosa.open(other.id, &other.token).await;
    assert_eq!(rosa.decide(other.id, &shown, "deny", &[]).await.status, 303);
}

#[tokio::test]
async fn markup_in_whatever_an_agent_wrote_stays_text() {
    const EVIL: &str = "</div><script>alert(1)</script><img src=x onerror=alert(2)>";
    let sql = format!("update customers set notes = '{EVIL}' /* {EVIL} */ where id = ?");
    let body = json!({
        "statement": sql,
        "bindings": { "1": { "type": "TEXT", "value": format!("\"><svg/onload=alert(3)>{EVIL}") } },
    });
    let house = House::with(with(&demo()), &[]).await;
    deletes(&house);
    let gateway = house.gateway();
    let router = door::router(gateway.clone());
    let prompt: String =
        format!("clean up {EVIL}\u{202e}evil").bytes().map(|byte| format!("%{byte:02x}")).collect();
    let headers = [("x-snowgate-prompt", prompt.as_str())];
    let path = "/api/v2/statements";
    let held =
        door::call_with(&router, "ana", "POST", path, Some(body.to_string().as_bytes()), &headers).await;
    assert_eq!(held.status, 202, "{}", held.text());
    told(&house, &gateway).await;
    let (id, token) = link_of(&house, ROSA);
    let mut rosa = Browser::new(page(&house, &demo(), None));
    let shown = rosa.open(id, &token).await;
    for tag in ["<script>alert", "<img src=x", "<svg", "onload=alert(3)>\"", "</div><script"] {
        assert!(!shown.text.contains(tag), "{tag}: {}", shown.text);
    }
    assert_eq!(shown.text.matches("&lt;script&gt;alert(1)&lt;/script&gt;").count(), 6, "{}", shown.text);
    assert!(shown.text.contains("U+202E") && !shown.text.contains('\u{202e}'), "{}", shown.text);
    assert!(shown.text.contains("the agent’s own word"), "{}", shown.text);
    protects(&shown, "review");
    let refused = rosa.decide(id, &shown, "deny", &[("reason", EVIL)]).await;
    assert_eq!(refused.status, 303);
    assert!(!rosa.review(id).await.text.contains("<script>alert"));
}

#[tokio::test]
async fn who_asked_gets_no_link_and_who_cannot_be_told_is_tried_again_a_few_times() {
    let mut everybody = people();
    everybody.push(KnownReviewer {
        name: ReviewerName::Email("Ana@acme.example".to_owned()),
        ..people().remove(0)
    });
    let roster = Arc::new(Roster::development(HOST, everybody));
    let house = House::with(with(&roster), &[]).await;
    deletes(&house);
    house.bell.is_deaf.lock().unwrap().insert(SAM.to_owned());
    let gateway = house.gateway();
    let router = door::router(gateway.clone());
    assert_eq!(door::submit(&router, "ana", WRITE, "").await.status, 202);
    for _ in 0..40 {
        work(&house, &gateway).await;
        house.time.turn(Duration::from_secs(40));
    }
    let rung: Vec<Vec<String>> = house
        .bell
        .rung
        .lock()
        .unwrap()
        .iter()
        .map(|notice| notice.invited.iter().map(|invited| invited.name.clone()).collect())
        .collect();
    // Who has been told is not told again; who has not, five times in all.
    assert_eq!(rung[0], [ROSA, SAM]);
    assert!(rung[1..].iter().all(|names| names == &[SAM]), "{rung:?}");
    assert_eq!(rung.len(), 5);
    let failed = |step: &ApprovalStep| match &step.what {
        StepRecord::Told { reviewers, failed, .. } => Some((reviewers.clone(), failed.clone())),
        _ => None,
    };
    let recorded: Vec<_> = steps(&house).iter().filter_map(failed).collect();
    assert_eq!(recorded[0], (vec![ROSA.to_owned()], vec![SAM.to_owned()]));
    assert_eq!(recorded.len(), 5);
    // It is not lost by that: Rosa decides.
    let (id, token) = {
        let rung = house.bell.rung.lock().unwrap();
        let link = rung[0].invited[0].link.reveal().to_owned();
        (rung[0].approval, link.split_once("#t=").unwrap().1.to_owned())
    };
    let mut rosa = Browser::new(page(&house, &roster, None));
    let shown = rosa.open(id, &token).await;
    assert_eq!(rosa.decide(id, &shown, "approve", &[]).await.status, 303);
    work(&house, &gateway).await;
    assert_eq!(words(&house).last(), Some(&"spent"));
    house.verifies();
}

#[tokio::test]
async fn what_reads_other_objects_by_now_is_asked_for_anew() {
    // Held for a reason of its own: a view is all that it names.
    let house = House::with(with(&demo()), &[("hidden_failures_per_hour", "1")]).await;
    let failed = snowflake::scripted::Answer::failed(customers::HANDLE, "100038", "22018", "no");
    house.snow.on(snowflake::scripted::When::submitted().saying("v_contacts"), [failed]);
    let gateway = house.gateway();
    let router = door::router(gateway.clone());
    let sql = "select contact from v_contacts";
    assert_eq!(door::submit(&router, "ana", sql, "").await.status, 422);
    assert_eq!(door::submit(&router, "ana", sql, "").await.status, 202);
    told(&house, &gateway).await;
    let review = house.review();
    let first = review.waiting().await.unwrap().waiting[0].id;
    in_time(review.decide(first, &reviewer(ROSA), Verdict::Approve, None)).await.unwrap();
    // Behind the view stands another table by now.
    house.warehouse.move_view_to_leads();
    work(&house, &gateway).await;
    let second = review.waiting().await.unwrap().waiting.remove(0);
    assert_ne!(second.id, first);
    assert!(
        second.asked.again.as_deref().unwrap().contains("the objects that it touches"),
        "{:?}",
        second.asked.again
    );
    // Reviewers are told and shown what it touches by now.
    let told = house.bell.rung.lock().unwrap().last().unwrap().clone();
    assert_eq!(
        (told.approval, told.reads.contains(&"DEMO.PUBLIC.LEADS".to_owned())),
        (second.id, true),
        "{told:?}"
    );
    let (id, token) = link_of(&house, ROSA);
    let shown = Browser::new(page(&house, &demo(), None)).open(id, &token).await;
    for part in ["<li>DEMO.PUBLIC.LEADS</li>", "Asked again: changed since it was approved"] {
        assert!(shown.text.contains(part), "{part}: {}", shown.text);
    }
    assert!(!shown.text.contains("<li>DEMO.PUBLIC.CUSTOMERS</li>"), "{}", shown.text);
    assert_eq!(house.submissions(), 1, "only the first, which failed");
    in_time(review.decide(second.id, &reviewer(ROSA), Verdict::Approve, None)).await.unwrap();
    work(&house, &gateway).await;
    assert_eq!(house.submissions(), 2, "what they saw then is what runs");
}
