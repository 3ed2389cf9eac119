//! What is kept before what (invariant I1).

use gateway::Gateway;

use crate::chaos::Chaos;
use crate::house::{House, ask, customers};

#[track_caller]
fn comes_before(steps: &[String], first: &str, then: &str) {
    let first_at = steps.iter().rposition(|step| step == first).unwrap_or_else(|| panic!("no {first}"));
    let then_at = steps.iter().position(|step| step == then).unwrap_or_else(|| panic!("no {then}"));
    assert!(first_at < then_at, "{first} must come before {then}: {steps:?}");
}

#[tokio::test]
async fn the_opening_is_kept_before_upstream_is_asked_and_the_closing_before_anything_is_answered() {
    let house = House::with(|settings| (settings.inline, settings.page_size) = (0, 200), &[]).await;
    customers::answer(&house.snow, &[4, 4]);
    let chaos = Chaos::watching(house.ports());
    let gateway = Gateway::new(chaos.ports(), house.settings.clone());
    let reply = ask(&gateway, customers::SQL).await.unwrap();
    chaos.note("answered");

    assert!(reply.first_page().is_some());
    let steps = chaos.steps();
    comes_before(&steps, "keep opening", "upstream.start");
    comes_before(&steps, "keep sealed", "upstream.start");
    comes_before(&steps, "keep page", "keep closing");
    comes_before(&steps, "catalogs.versions", "keep closing");
    comes_before(&steps, "keep closing", "answered");
    assert!(steps.iter().filter(|step| *step == "keep page").count() > 1, "{steps:?}");
}

#[tokio::test]
async fn a_statement_of_one_small_page_is_kept_in_three_objects() {
    let house = House::new().await;
    customers::answer(&house.snow, &[2]);
    let chaos = Chaos::watching(house.ports());
    ask(&Gateway::new(chaos.ports(), house.settings.clone()), customers::SQL).await.unwrap();
    let kept: Vec<String> = chaos.steps().into_iter().filter(|step| step.starts_with("keep")).collect();
    assert_eq!(kept, ["keep opening", "keep sealed", "keep closing"]);
}
