//! Deciding on the page: whose link opens what, and what a reviewer reads before and after.

use domain::Verdict;
use gateway::ports::RevokedWhat;
use serde_json::json;

use crate::door;
use crate::held::{WRITE, reviewer, steps, work};
use crate::house::{House, customers, in_time};
use crate::pages_door::{Browser, ROSA, demo, link_of, page, told, waits, waits_in, with};

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
