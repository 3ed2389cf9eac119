//! What decides nothing and shows nothing: whoever only fetches a link, links and forms of others, and what an agent wrote.

use std::sync::Arc;
use std::time::Duration;

use domain::ApprovalId;
use gateway::Roster;
use gateway::ports::RevokedWhat;
use serde_json::json;

use crate::door;
use crate::held::{WRITE, deletes};
use crate::house::House;
use crate::pages_door::{
    Browser, HOST, ROSA, SAM, Shown, Waits, demo, link_of, opens_nothing, page, people, told, waits, with,
};

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
