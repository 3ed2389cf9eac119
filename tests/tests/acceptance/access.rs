//! Leave to read for a while: asked for at the door, granted by reviewers, ended on time.

use std::time::Duration;

use axum::Router;
use domain::{ApprovalId, ApprovalState, Unmoved, Verdict};
use gateway::{Ending, Gateway, ReviewError, SignedIn};
use recording::{ClosingOutcome, Opening, RecordKey, What};
use serde_json::{Value, json};

use crate::door::{Answered, call, get, router, submit};
use crate::held::{held, reviewer, waiting, work};
use crate::house::{House, customers, in_time};
use crate::pages_door::{Browser, demo, link_of, page, told, with};

pub const REQUEST: &str = "request access to demo.public.* for '2h' because 'the monthly report'";

/// Agents may read nothing of `DEMO` by the rules, and people may grant it for twelve hours.
pub fn restrict(house: &House, more: &[(&str, &str)]) {
    house.bundle.change(&[RESTRICTED.as_slice(), more].concat());
}

pub const RESTRICTED: [(&str, &str); 2] = [
    (
        "@id(\"agents-read-demo\")\npermit (\n    principal in Group::\"agents\"",
        "@id(\"agents-read-demo\")\npermit (\n    principal in Group::\"insiders\"",
    ),
    ("[detectors]\noff = []", "[access]\nlongest = \"12h\"\n\n[detectors]\noff = []"),
];

pub async fn house_with(settings: impl FnOnce(&mut gateway::Settings)) -> House {
    let house = House::with(settings, &[]).await;
    restrict(&house, &[]);
    house
}

pub async fn house() -> House {
    house_with(|_| {}).await
}

pub async fn says(house: &House, who: &str, verdict: Verdict) -> Result<ApprovalState, ReviewError> {
    let review = house.review();
    let id = waiting(&review).await;
    in_time(review.decide(id, &reviewer(who), verdict, None)).await
}

/// Asks, has it approved and put in force; its handle, and its id.
pub async fn grant(house: &House, gateway: &Gateway, text: &str) -> (String, ApprovalId) {
    let asked = held(&router(gateway.clone()), text).await;
    let id = waiting(&house.review()).await;
    assert_eq!(says(house, "rosa", Verdict::Approve).await.unwrap(), ApprovalState::Granted);
    assert_eq!(work(house, gateway).await, 1);
    (asked.handle(), id)
}

/// A house in which `ana`'s agent was granted all of `DEMO.PUBLIC` for two hours, and its customers answer.
pub async fn granted() -> (House, Gateway, ApprovalId) {
    let house = house().await;
    customers::answer(&house.snow, &[2]);
    let gateway = house.gateway();
    let (_, id) = grant(&house, &gateway, REQUEST).await;
    (house, gateway, id)
}

pub async fn read(gateway: &Gateway, who: &str) -> Answered {
    submit(&router(gateway.clone()), who, customers::SQL, "").await
}

#[track_caller]
pub fn is_refused(answer: &Answered, code: &str, words: &str) {
    assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (422, &json!(code)), "{}", answer.text());
    assert!(answer.text().contains(words), "{}", answer.text());
}

#[track_caller]
pub fn is_not_permitted(answer: &Answered) {
    is_refused(answer, "003001", "no rule permits reading");
}

pub fn opening_of<'a>(
    records: &'a [(Opening, Option<recording::Closing>)],
    sql: &str,
) -> &'a (Opening, Option<recording::Closing>) {
    records.iter().rev().find(|(opening, _)| opening.sql == sql).unwrap()
}

#[tokio::test]
async fn whoever_may_not_read_asks_and_reads_masked_until_the_end() {
    let house = house().await;
    customers::answer(&house.snow, &[2]);
    let gateway = house.gateway();
    let router = router(gateway.clone());
    let refused = read(&gateway, "ana").await;
    is_refused(&refused, "003001", "request access to DEMO.PUBLIC.CUSTOMERS for '1h' because 'why'");
    assert_eq!(house.submissions(), 0);

    let asked = held(&router, REQUEST).await;
    is_not_permitted(&read(&gateway, "ana").await);
    work(&house, &gateway).await;
    let notice = house.bell.rung.lock().unwrap()[0].clone();
    assert_eq!((notice.class.as_str(), notice.kinds.join(" ").as_str()), ("grant", "request_access"));
    assert!(
        notice.reason.starts_with("it asks to read for 2h") && notice.reason.ends_with(": DEMO.PUBLIC.*"),
        "{notice:?}"
    );
    assert!(!format!("{notice:?}").contains("monthly"), "an agent's own words are in no mail");
    let listed = house.review().waiting().await.unwrap().waiting.remove(0);
    let wanted = listed.asked.access.clone().unwrap();
    assert_eq!((wanted.to.as_str(), wanted.why.as_str()), ("DEMO.PUBLIC.*", "the monthly report"));
    assert!(wanted.policy.contains("resource in Schema::\"DEMO.PUBLIC\""), "{}", wanted.policy);
    is_not_permitted(&read(&gateway, "ana").await);

    assert_eq!(says(&house, "rosa", Verdict::Approve).await.unwrap(), ApprovalState::Granted);
    is_not_permitted(&read(&gateway, "ana").await);
    assert_eq!(work(&house, &gateway).await, 1);
    let told = get(&router, "ana", &asked.handle(), "").await;
    assert_eq!(told.status, 200, "{}", told.text());
    let sentence = told.json()["data"][0][0].as_str().unwrap().to_owned();
    assert!(sentence.starts_with("access to DEMO.PUBLIC.* is granted until 20"), "{sentence}");
    assert_eq!(house.submissions(), 0, "nothing of it reaches the warehouse");

    let rows = read(&gateway, "ana").await;
    assert_eq!(rows.status, 200, "{}", rows.text());
    assert!(!rows.text().contains("person") && !rows.text().contains("536-90"), "{}", rows.text());
    assert_eq!(rows.headers["x-snowgate-masked-columns"], "2-3");
    let records = house.records();
    let (opening, _) = opening_of(&records, customers::SQL);
    let [used] = opening.access.as_slice() else { panic!("{:?}", opening.access) };
    assert!(opening.rules.contains(&used.rule()), "{:?}", opening.rules);
    let (request, closing) = opening_of(&records, REQUEST);
    let key = RecordKey::new(&request.opened[..10], request.exchange.parse().unwrap());
    assert!(used.granted.starts_with(&key.to_string()), "{used:?}");
    assert_eq!(closing.as_ref().unwrap().outcome, ClosingOutcome::Rows {});
    let told = recording::opening_events(opening);
    assert!(
        told.iter()
            .any(|event| matches!(&event.what, What::Decision { access, .. } if access == &opening.access))
    );
    house.verifies();

    house.time.turn(Duration::from_secs(2 * 3600));
    is_not_permitted(&read(&gateway, "ana").await);
    assert_eq!(house.submissions(), 1);
    house.verifies();
}

#[tokio::test]
async fn it_is_granted_by_the_reviewers_of_a_hold_and_never_by_whoever_asks() {
    let house = house().await;
    restrict(&house, &[("groups = [\"data-reviewers\"]", "groups = [\"data-reviewers\"]\npeople = 2")]);
    let gateway = house.gateway();
    held(&router(gateway.clone()), REQUEST).await;
    for own in ["ana@acme.example", "ana"] {
        let said = says(&house, own, Verdict::Approve).await;
        assert!(matches!(said, Err(ReviewError::Unmoved(Unmoved::OwnRequest))), "{own}: {said:?}");
    }
    let outsider = SignedIn::development("sam", ["agents".to_owned()].into()).unwrap();
    let review = house.review();
    let id = waiting(&review).await;
    let said = review.decide(id, &outsider, Verdict::Approve, None).await;
    assert!(matches!(said, Err(ReviewError::Unmoved(Unmoved::NotAReviewer))), "{said:?}");
    assert_eq!(says(&house, "rosa", Verdict::Approve).await.unwrap(), ApprovalState::Waiting);
    work(&house, &gateway).await;
    is_not_permitted(&read(&gateway, "ana").await);
    assert!(says(&house, "rosa", Verdict::Approve).await.is_ok_and(|state| state == ApprovalState::Waiting));
    assert_eq!(says(&house, "sam", Verdict::Approve).await.unwrap(), ApprovalState::Granted);
    work(&house, &gateway).await;
    customers::answer(&house.snow, &[1]);
    assert_eq!(read(&gateway, "ana").await.status, 200);
    house.verifies();
}

#[tokio::test]
async fn denied_expired_and_withdrawn_ones_grant_nothing_and_say_why() {
    let house = house().await;
    let gateway = house.gateway();
    let router = router(gateway.clone());
    let denied = held(&router, REQUEST).await;
    says(&house, "rosa", Verdict::Deny).await.unwrap();
    work(&house, &gateway).await;
    is_refused(&get(&router, "ana", &denied.handle(), "").await, "099005", "a reviewer denied this access");
    let expired = held(&router, REQUEST).await;
    house.time.turn(Duration::from_secs(1801));
    work(&house, &gateway).await;
    is_refused(&get(&router, "ana", &expired.handle(), "").await, "099006", "nobody approved this access");
    let withdrawn = held(&router, REQUEST).await;
    let path = format!("/api/v2/statements/{}/cancel", withdrawn.handle());
    call(&router, "ana", "POST", &path, Some(b"{}")).await;
    assert!(house.review().waiting().await.unwrap().waiting.is_empty());
    is_not_permitted(&read(&gateway, "ana").await);
    assert!(house.review().granted_access().await.unwrap().0.is_empty());
    house.verifies();
}

#[tokio::test]
async fn a_yes_to_access_is_taken_back_before_it_is_in_force_and_ended_after_that() {
    for is_in_force in [false, true] {
        let house = house_with(|_| {}).await;
        let gateway = house.gateway();
        let router = router(gateway.clone());
        let asked = held(&router, REQUEST).await;
        let review = house.review();
        let id = waiting(&review).await;
        // Nothing is ended that nobody has said yes to.
        let rosa = reviewer("rosa");
        let early = review.end(id, &rosa, None).await;
        assert!(matches!(early, Err(ReviewError::Unmoved(Unmoved::NotGranted))), "{early:?}");
        says(&house, "rosa", Verdict::Approve).await.unwrap();
        if is_in_force {
            work(&house, &gateway).await;
        }
        let expected = if is_in_force { Ending::Access } else { Ending::Yes };
        assert_eq!(review.end(id, &reviewer("sam"), None).await.unwrap(), expected);
        work(&house, &gateway).await;
        is_not_permitted(&read(&gateway, "ana").await);
        assert!(review.granted_access().await.unwrap().0.is_empty());
        let told = get(&router, "ana", &asked.handle(), "").await;
        assert_eq!(told.status, 422, "{}", told.text());
        // Again, what was in force stays ended, and what was not is denied.
        match review.end(id, &rosa, None).await {
            Ok(Ending::Access) => assert!(is_in_force),
            Err(ReviewError::Unmoved(Unmoved::Ended(ApprovalState::Denied))) => assert!(!is_in_force),
            other => panic!("{other:?}"),
        }
        house.verifies();
    }
}

#[tokio::test]
async fn the_same_request_again_joins_the_one_that_waits() {
    let house = house().await;
    let gateway = house.gateway();
    let router = router(gateway.clone());
    let (first, again) = (held(&router, REQUEST).await, held(&router, REQUEST).await);
    assert_eq!(first.handle(), again.handle());
    assert_eq!(house.records().len(), 1);
}

#[tokio::test]
async fn what_is_asked_wrongly_or_for_too_long_is_refused_with_what_to_do() {
    let house = house().await;
    let router = router(house.gateway());
    for (text, words) in [
        ("request access to customers", "access is asked for by: request access to"),
        ("request access to \\\"x\\\".y for '2h' because 'w'", "plain names"),
        ("request access to customers for '13h' because 'w'", "12h at most"),
        ("request access to customers until '2020-01-01T00:00:00Z' because 'w'", "over already"),
        ("request access to customers for '2h' because 'w'; select 1", "access is asked for by"),
    ] {
        let text = text.replace("\\\"", "\"");
        is_refused(&submit(&router, "ana", &text, "").await, "003001", words);
    }
    // In a batch it is no statement of the warehouse's, and nothing else.
    let refused = submit(&router, "ana", &format!("select 1; {REQUEST}"), "").await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    house.bundle.change(&[]);
    is_refused(&submit(&router, "ana", REQUEST, "").await, "003001", "no access for a while");
    // What rules permit is asked of nobody: a yes would be kept for when they do not.
    house.bundle.change(&[RESTRICTED[1]]);
    for text in [REQUEST, "request access to demo.public.customers for '2h' because 'w'"] {
        is_refused(&submit(&router, "ana", text, "").await, "003001", "you may read that already");
    }
    assert_eq!(house.submissions(), 0);
    house.verifies();
}

#[tokio::test]
async fn it_is_nobody_elses_and_permits_nothing_but_reading() {
    let (house, gateway, _) = granted().await;
    let router = router(gateway.clone());
    is_not_permitted(&read(&gateway, "ben").await);
    for sql in [
        "insert into customers select * from customers",
        "create table copied as select * from customers",
        "create view seen as select * from customers",
        "copy into @stage from customers",
        "delete from customers where id in (select id from customers)",
    ] {
        let refused = submit(&router, "ana", sql, "").await;
        assert_eq!(refused.status, 422, "{sql}: {}", refused.text());
    }
    // What only writes is held as before, by the same rules.
    assert_eq!(submit(&router, "ana", "insert into customers (id) values (1)", "").await.status, 202);
    for sql in ["select id from customers where ssn = '1'", "select id from customers where email like 'a%'"]
    {
        is_refused(&submit(&router, "ana", sql, "").await, "003001", "which may not be seen in clear");
    }
    let body = json!({ "statement": customers::SQL, "role": "ACCOUNTADMIN" }).to_string();
    let refused = call(&router, "ana", "POST", "/api/v2/statements", Some(body.as_bytes())).await;
    is_refused(&refused, "003001", "no rule permits the role");
    assert_eq!(house.submissions(), 0);
    assert_eq!(read(&gateway, "ana").await.status, 200);
    house.verifies();
}

#[tokio::test]
async fn the_bundle_in_force_decides_beside_it_at_once() {
    let forbid = (
        "@id(\"agents-change-demo\")",
        "@id(\"no-customers\")\n@reason(\"they are leaving\")\nforbid (principal, action == Action::\"read_object\", \
         resource == Table::\"DEMO.PUBLIC.CUSTOMERS\");\n\n@id(\"agents-change-demo\")",
    );
    for (change, words) in [
        (forbid, "they are leaving"),
        (("longest = \"12h\"", "longest = \"1h\""), "no rule permits reading"),
        (("[access]\nlongest = \"12h\"\n", ""), "no rule permits reading"),
    ] {
        let (house, gateway, _) = granted().await;
        assert_eq!(read(&gateway, "ana").await.status, 200);
        restrict(&house, &[change]);
        is_refused(&read(&gateway, "ana").await, "003001", words);
        restrict(&house, &[]);
        assert_eq!(read(&gateway, "ana").await.status, 200, "{change:?}");
    }
}

#[tokio::test]
async fn what_has_changed_between_the_question_and_the_yes_grants_nothing() {
    for change in [
        ("groups = [\"data-reviewers\"]", "groups = [\"stewards\"]"),
        ("groups = [\"data-reviewers\"]", "groups = [\"data-reviewers\"]\npeople = 2"),
        ("longest = \"12h\"", "longest = \"1h\""),
        ("[access]\nlongest = \"12h\"\n", ""),
    ] {
        let house = house().await;
        let gateway = house.gateway();
        let router = router(gateway.clone());
        let asked = held(&router, REQUEST).await;
        says(&house, "rosa", Verdict::Approve).await.unwrap();
        restrict(&house, &[change]);
        work(&house, &gateway).await;
        assert_eq!(get(&router, "ana", &asked.handle(), "").await.status, 422, "{change:?}");
        restrict(&house, &[]);
        is_not_permitted(&read(&gateway, "ana").await);
        house.verifies();
    }
}

#[tokio::test]
async fn it_never_stands_for_later_ones() {
    let house = house().await;
    let gateway = house.gateway();
    held(&router(gateway.clone()), REQUEST).await;
    let review = house.review();
    let id = waiting(&review).await;
    let terms = gateway::StandingTerms {
        until: house.time_now().after(Duration::from_secs(3600)),
        runs: 5.try_into().unwrap(),
        rows: 5.try_into().unwrap(),
        vary: [].into(),
    };
    let said = review.approve_standing(id, &reviewer("rosa"), &terms, None).await;
    assert!(matches!(said, Err(ReviewError::Standing(_))), "{said:?}");
    assert!(review.waiting().await.unwrap().waiting.iter().all(|waiting| waiting.granted_by.is_empty()));
}

/// A tool call at the MCP door.
pub async fn tool(router: &Router, name: &str, arguments: Value) -> Value {
    let message = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": name, "arguments": arguments },
    });
    let headers = [("mcp-protocol-version", "2025-11-25"), ("host", "127.0.0.1:8181")];
    let body = message.to_string();
    let answered =
        crate::door::call_with(router, "ana", "POST", "/mcp", Some(body.as_bytes()), &headers).await;
    assert_eq!(answered.status, 200, "{}", answered.text());
    answered.json()["result"]["structuredContent"].clone()
}

#[tokio::test]
async fn the_other_door_asks_waits_reads_and_ends_the_same() {
    let house = house().await;
    customers::answer(&house.snow, &[2]);
    let gateway = house.gateway();
    let router = router(gateway.clone());
    let run =
        |sql: &'static str| tool(&router, "run_sql", json!({ "statement": sql, "user_request": "who?" }));
    let told = run(customers::SQL).await;
    assert!(
        told["message"].as_str().unwrap().contains("request access to DEMO.PUBLIC.CUSTOMERS for '1h'"),
        "{told}"
    );
    let asked = run(REQUEST).await;
    assert_eq!(asked["status"], "waiting", "{asked}");
    says(&house, "rosa", Verdict::Approve).await.unwrap();
    work(&house, &gateway).await;
    let collect = |handle: Value| tool(&router, "get_result", json!({ "handle": handle, "wait_seconds": 0 }));
    let status = collect(asked["handle"].clone()).await;
    assert!(
        status["rows"][0][0].as_str().unwrap().starts_with("access to DEMO.PUBLIC.* is granted"),
        "{status}"
    );
    let described = tool(&router, "describe_object", json!({ "object": "CUSTOMERS" })).await;
    assert!(described.to_string().contains("EMAIL"), "{described}");
    let rows = run(customers::SQL).await;
    assert_eq!(rows["row_count"], 2, "{rows}");
    assert!(!rows.to_string().contains("person") && !rows.to_string().contains("536-90"), "{rows}");
    house.time.turn(Duration::from_secs(2 * 3600));
    let late = collect(rows["handle"].clone()).await;
    assert_eq!((late["code"].as_str(), late["rows"].is_null()), (Some("099011"), true), "{late}");
    assert!(run(customers::SQL).await["message"].as_str().unwrap().contains("no rule permits reading"));
    house.verifies();
}

#[tokio::test]
async fn the_page_says_what_is_asked_for_and_a_yes_is_typed() {
    let house = house_with(with(&demo())).await;
    let gateway = house.gateway();
    let router = router(gateway.clone());
    let pages = page(&house, &demo(), None);
    let odd = "request access to demo.public.* for '2h' because '<b>now</b>'";
    let asked = held(&router, odd).await;
    told(&house, &gateway).await;
    let (id, token) = link_of(&house, "rosa@acme.example");
    let mut rosa = Browser::new(pages);
    let shown = rosa.open(id, &token).await;
    for part in [
        "What is asked for",
        "DEMO.PUBLIC.*",
        "&lt;b&gt;now&lt;/b&gt;",
        "read more for a while",
        "Exactly this was asked",
        "The rule that a yes adds",
        ">REQUEST ACCESS<",
    ] {
        assert!(shown.text.contains(part), "{part}: {}", shown.text);
    }
    for part in ["<b>now", "Let later ones like it go", "What undoes it", "would run"] {
        assert!(!shown.text.contains(part), "{part}: {}", shown.text);
    }
    let untyped = rosa.decide(id, &shown, "approve", &[("typed", "")]).await;
    assert!(untyped.text.contains("Nothing was decided"), "{}", untyped.text);
    let stands = [("typed", "request access"), ("runs", "3"), ("rows", "5"), ("until", "2026-12-31")];
    let stands = rosa.decide(id, &shown, "approve", &stands).await;
    assert!(stands.text.contains("Nothing was decided"), "{}", stands.text);
    work(&house, &gateway).await;
    is_not_permitted(&read(&gateway, "ana").await);
    let decided = rosa.decide(id, &shown, "approve", &[("typed", "request access")]).await;
    assert_eq!(decided.status, 303, "{}", decided.text);
    assert!(rosa.review(id).await.text.contains("may read what was shown until its end"));
    work(&house, &gateway).await;
    assert_eq!(get(&router, "ana", &asked.handle(), "").await.status, 200);
    house.verifies();
}
