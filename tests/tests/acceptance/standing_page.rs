//! What the page tells of what is to stand for later ones: what it bounds, what others want, and that nothing stands.

use std::time::Duration;

use crate::door::router;
use crate::held::{WRITE, deletes, held, work};
use crate::house::{House, customers};
use crate::pages_door::{Browser, Shown, demo, link_of, page, told, with};
use crate::standing::goes;

const ROSA: &str = "rosa@acme.example";
const SAM: &str = "sam@acme.example";

/// Two must say yes: what the second is shown, and the page once they have said yes with these fields.
async fn second_says(more: &[(&str, &str)]) -> (House, Shown, Shown) {
    let house = House::with(with(&demo()), &[]).await;
    deletes(&house);
    house.bundle.change(&[("groups = [\"data-reviewers\"]", "groups = [\"data-reviewers\"]\npeople = 2")]);
    let gateway = house.gateway();
    held(&router(gateway.clone()), WRITE).await;
    told(&house, &gateway).await;
    let links = (link_of(&house, ROSA), link_of(&house, SAM));
    let until = house.time_now().after(Duration::from_secs(86_400)).to_string();
    let fields = |more: &[(&'static str, String)]| -> Vec<(&'static str, String)> {
        let first = [("runs", "5".to_owned()), ("rows", "10".to_owned()), ("until", until.clone())];
        [&first[..], more].concat()
    };
    let (id, token) = links.0;
    let mut rosa = Browser::new(page(&house, &demo(), None));
    let shown = rosa.open(id, &token).await;
    assert!(!shown.text.contains("has said yes"), "{}", shown.text);
    let wanted = fields(&[("vary 1", "1..100".to_owned())]);
    let wanted: Vec<(&str, &str)> = wanted.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(rosa.decide(id, &shown, "approve", &wanted).await.status, 303);
    let (id, token) = links.1;
    let mut sam = Browser::new(page(&house, &demo(), None));
    let shown = sam.open(id, &token).await;
    assert!(shown.text.contains(&until), "as it must be said again: {}", shown.text);
    let theirs = fields(&[]);
    let theirs: Vec<(&str, &str)> = theirs.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let theirs = if more.is_empty() { Vec::new() } else { [&theirs[..], more].concat() };
    assert_eq!(sam.decide(id, &shown, "approve", &theirs).await.status, 303);
    let over = sam.review(id).await;
    assert_eq!(work(&house, &gateway).await, 1);
    (house, shown, over)
}

const NOTHING: &str = "Nothing stands for later ones";

#[tokio::test]
async fn whoever_must_agree_is_told_what_the_others_want_and_whether_anything_stands() {
    let (house, shown, over) = second_says(&[("vary 1", "1..100")]).await;
    for part in ["has said yes", "5 runs, 10 rows of one result at most", "1: 1..100", ROSA] {
        assert!(shown.text.contains(part), "{part}: {}", shown.text);
    }
    assert!(!over.text.contains(NOTHING), "{}", over.text);
    assert!(goes(&house, &house.gateway(), "delete from customers where id = 2").await);
    for others in [&[][..], &[("vary 1", "1..99")]] {
        let (house, _, over) = second_says(others).await;
        assert!(over.text.contains(NOTHING), "{}", over.text);
        assert!(!goes(&house, &house.gateway(), "delete from customers where id = 2").await);
        house.review().standing_approvals().await.unwrap();
    }
}

#[tokio::test]
async fn the_rows_of_a_result_are_not_told_as_a_bound_of_what_changes() {
    let unattended = "[\"show\", \"session\", \"transaction\", \"read\"].contains(context.class)";
    for (sql, changes) in [(WRITE, true), (customers::SQL, false)] {
        let house = House::with(with(&demo()), &[]).await;
        house.bundle.change(&[(unattended, "[\"show\"].contains(context.class)")]);
        let gateway = house.gateway();
        held(&router(gateway.clone()), sql).await;
        told(&house, &gateway).await;
        let (id, token) = link_of(&house, ROSA);
        let shown = Browser::new(page(&house, &demo(), None)).open(id, &token).await;
        assert_eq!(shown.text.contains("It bounds the result, not the change"), changes, "{}", shown.text);
    }
}
