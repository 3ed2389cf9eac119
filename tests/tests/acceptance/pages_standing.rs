//! What stands, on the page: made there with a yes, and ended there; and what else is in a browser's jar.

use std::time::Duration;

use recording::StepRecord;

use crate::door::{self, get};
use crate::held::{WRITE, steps, work};
use crate::pages_door::{ROSA, SAM, link_of, opens_nothing, waits};

#[tokio::test]
async fn a_reviewer_lets_later_ones_like_it_go_and_half_filled_fields_decide_nothing() {
    let waits = waits(WRITE).await;
    let mut rosa = waits.browser();
    let shown = rosa.open(waits.id, &waits.token).await;
    assert!(shown.text.contains("Let later ones like it go, too") && shown.text.contains("name=\"vary 1\""));
    let until = waits.house.time_now().after(Duration::from_secs(86_400)).day();
    let stands = [("runs", "5"), ("rows", "10"), ("until", until.as_str())];
    for wrong in [&[("rows", "10")][..], &[("vary 1", "5..1"), stands[0], stands[1], stands[2]]] {
        let told = rosa.decide(waits.id, &shown, "approve", wrong).await;
        assert_eq!(told.status, 422, "{}", told.text);
        assert!(told.text.contains("Nothing was decided"), "{}", told.text);
    }
    let foreign = [("vary 7", "1..5"), stands[0], stands[1], stands[2]];
    let told = rosa.decide(waits.id, &shown, "approve", &foreign).await;
    assert!(told.status == 422 && told.text.contains("no such literal"), "{}", told.text);
    assert!(!waits.words().contains(&"decided"));
    let fields = [("vary 1", "1..100"), stands[0], stands[1], stands[2]];
    let decided = rosa.decide(waits.id, &shown, "approve", &fields).await;
    assert_eq!(decided.status, 303, "{}", decided.text);
    assert_eq!(waits.words(), ["asked", "told", "viewed", "decided"]);
    work(&waits.house, &waits.gateway).await;
    let again = door::submit(&waits.router, "ana", "delete from customers where id = 42", "").await;
    work(&waits.house, &waits.gateway).await;
    assert_eq!(get(&waits.router, "ana", &again.handle(), "").await.status, 200);
    assert_eq!(waits.house.submissions(), 2);
    waits.house.verifies();
}

#[tokio::test]
async fn whoever_may_decide_ends_on_the_page_what_was_made_to_stand_there_days_later() {
    let waits = waits(WRITE).await;
    let id = waits.id;
    let mut rosa = waits.browser();
    let shown = rosa.open(id, &waits.token).await;
    let until = waits.house.time_now().after(Duration::from_secs(30 * 86_400)).day();
    let stands = [("runs", "5"), ("rows", "10"), ("until", until.as_str()), ("vary 1", "1..100")];
    assert_eq!(rosa.decide(id, &shown, "approve", &stands).await.status, 303);
    work(&waits.house, &waits.gateway).await;
    // Another reviewer, by the link that they were mailed then; its exchange is forgotten by now.
    let token = link_of(&waits.house, SAM).1;
    waits.house.time.turn(Duration::from_secs(3 * 86_400));
    for _ in 0..5 {
        work(&waits.house, &waits.gateway).await;
        waits.house.open_home().reconcile(waits.house.time_now()).await.unwrap();
    }
    let mut sam = waits.browser();
    let over = sam.open(id, &token).await;
    assert_eq!(over.status, 200, "{}", over.text);
    for part in
        ["It lets later ones like it go", "0 of 5 times", "from 1 to 100", "rosa@acme.example", "End it"]
    {
        assert!(over.text.contains(part), "{part}: {}", over.text);
    }
    let (mark, covers) = (over.field("mark"), over.field("covers"));
    let path = format!("/a/{id}/end");
    for form in [
        vec![],
        vec![("mark", mark.as_str())],
        vec![("mark", mark.as_str()), ("covers", "hmac-sha256:00")],
        vec![("mark", &mark[1..]), ("covers", &covers)],
    ] {
        assert_eq!(sam.post(&path, &form).await.status, 403, "{form:?}");
    }
    let good = [("mark", mark.as_str()), ("covers", covers.as_str()), ("reason", "no more")];
    let foreign = sam.call("POST", &path, Some(&good), &[("origin", "https://evil.example")]).await;
    assert_eq!((foreign.status.as_u16(), sam.get(&path).await.status.as_u16()), (403, 404));
    opens_nothing(&waits.browser().post(&path, &good).await);
    assert_eq!(waits.house.review().standing_approvals().await.unwrap().0[0].over, None);

    assert_eq!(sam.post(&path, &good).await.status, 303);
    assert_eq!(sam.post(&path, &good).await.status, 303, "ended again, it stays as it is");
    let over = sam.review(id).await;
    assert!(over.text.contains("It allows nothing more") && !over.text.contains("End it"), "{}", over.text);
    assert!(waits.house.review().standing_approvals().await.unwrap().0[0].over.is_some());
    // Nothing stands any more, so the link opens nothing.
    opens_nothing(&waits.browser().post(&format!("/a/{id}"), &[("token", &token)]).await);
    let again = door::submit(&waits.router, "ana", "delete from customers where id = 42", "").await;
    work(&waits.house, &waits.gateway).await;
    assert_eq!(get(&waits.router, "ana", &again.handle(), "").await.status, 202, "it waits for people again");
}

#[tokio::test]
async fn a_second_cookie_of_the_same_name_keeps_nobody_from_reviewing_and_decides_nothing() {
    let waits = waits(WRITE).await;
    let id = waits.id;
    let (mut rosa, mut sam) = (waits.browser(), waits.browser());
    rosa.open(id, &waits.token).await;
    sam.open(id, &link_of(&waits.house, SAM).1).await;
    let name = format!("__Host-snowgate-review-{id}");
    let (hers, his) = (rosa.cookies.remove(&name).unwrap(), sam.cookies[&name].clone());
    let (her_mark, his_mark) = (rosa.marks[&id.to_string()].clone(), sam.marks[&id.to_string()].clone());
    let looks = format!("/a/{id}/review");
    let own = [("origin", "null"), ("sec-fetch-site", "same-origin")];
    // Whatever another server on the machine has put there: rubbish, a session of somebody else, many.
    let rubbish = vec!["x"; 15];
    for others in [vec!["x"], vec![""], vec![his.as_str()], vec!["x", &his, &hers[1..]], rubbish] {
        for is_first in [true, false] {
            let mut values = others.clone();
            values.insert(if is_first { 0 } else { others.len() }, &hers);
            let cookies: Vec<String> = values.iter().map(|value| format!("{name}={value}")).collect();
            let line = cookies.join("; ");
            let headers = [own.as_slice(), &[("cookie", line.as_str())]].concat();
            let shown = rosa.call("POST", &looks, Some(&[("mark", &her_mark)]), &headers).await;
            assert_eq!(shown.status, 200, "{line}");
            assert!(shown.text.contains(ROSA) && shown.field("mark") == her_mark, "{}", shown.text);
            // Who planted theirs is not whom the mark is of.
            let is_his = others.contains(&his.as_str());
            let shown = rosa.call("POST", &looks, Some(&[("mark", &his_mark)]), &headers).await;
            assert_eq!(shown.status.as_u16(), if is_his { 200 } else { 404 }, "{line}");
        }
    }
    let line = format!("{name}=x; {name}={his}; {name}={hers}");
    let headers = [own.as_slice(), &[("cookie", line.as_str())]].concat();
    let shown = rosa.call("POST", &looks, Some(&[("mark", &her_mark)]), &headers).await;
    let (mark, covers, word) = (shown.field("mark"), shown.field("covers"), "delete");
    let form = [("mark", mark.as_str()), ("covers", &covers), ("verdict", "approve"), ("typed", word)];
    let decided = rosa.call("POST", &format!("/a/{id}/decision"), Some(&form), &headers).await;
    assert_eq!(decided.status, 303, "{}", decided.text);
    let by = steps(&waits.house).into_iter().find_map(|step| match step.what {
        StepRecord::Decided { by, .. } => Some(by.subject),
        _ => None,
    });
    assert_eq!(by.as_deref(), Some(ROSA), "whose form it was");
}
