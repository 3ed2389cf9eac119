//! Repeating a request by its `requestId`: the first answer again, unless policy would not give it any more.

use domain::{Outcome, RefusalCode};
use gateway::Gateway;
use gateway::Reply;

use crate::chaos::{Chaos, Strike};
use crate::house::{House, asked, customers, in_time, page_text};

/// Under a request id.
async fn ask(gateway: &Gateway, request: &str) -> Reply {
    let mut asked = asked(customers::SQL);
    asked.request = Some(request.parse().unwrap());
    in_time(gateway.ask(asked, gateway.settings().hold)).await.unwrap()
}

const COUNTRY: &str = "    \"DEMO.PUBLIC.CUSTOMERS.COUNTRY\",\n";
const SSN: &str = "match = [\"DEMO.PUBLIC.CUSTOMERS.SSN\", \"DEMO.PUBLIC.EMPLOYEES.SSN\"]";

fn shows_countries(reply: &Reply) -> bool {
    reply.first_page().is_some_and(|page| page_text(page).contains("\"DE\""))
}

#[tokio::test]
async fn what_is_masked_since_is_not_shown_again_in_clear() {
    let house = House::new().await;
    customers::answer(&house.snow, &[2]);
    let gateway = house.gateway();
    let first = ask(&gateway, "r-1").await;
    assert!(shows_countries(&first));
    let again = ask(&gateway, "r-1").await;
    assert_eq!(again.handle(), first.handle(), "policy is the same, and so is the answer");
    assert!(shows_countries(&again));

    let masked = SSN.replace("[", "[\"DEMO.PUBLIC.CUSTOMERS.COUNTRY\", ");
    house.bundle.change(&[(COUNTRY, ""), (SSN, &masked)]);
    let again = ask(&gateway, "r-1").await;
    let Outcome::Refused(refusal) = again.outcome() else { panic!("{:?}", again.outcome()) };
    assert_eq!(refusal.code, RefusalCode::RequestReused);
    assert!(refusal.message.contains("policy has changed"), "{}", refusal.message);
    assert_ne!(again.handle(), first.handle(), "the refusal is an exchange of its own");
    assert!(again.first_page().is_none());
    let refused = &house.records().pop().unwrap().0;
    assert_eq!(
        (refused.decision.as_str(), refused.rules.as_slice()),
        ("refuse", &["gateway:policy-changed".to_owned()][..])
    );

    let fresh = ask(&gateway, "r-2").await;
    assert!(fresh.first_page().is_some() && !shows_countries(&fresh));
    house.verifies();
}

#[tokio::test]
async fn an_answer_that_hides_more_than_policy_asks_for_may_be_repeated() {
    let house = House::new().await;
    customers::answer(&house.snow, &[2]);
    let masked = SSN.replace("[", "[\"DEMO.PUBLIC.CUSTOMERS.COUNTRY\", ");
    house.bundle.change(&[(COUNTRY, ""), (SSN, &masked)]);
    let gateway = house.gateway();
    let first = ask(&gateway, "r-1").await;
    assert!(!shows_countries(&first));
    house.bundle.change(&[]);
    let again = ask(&gateway, "r-1").await;
    assert_eq!(again.handle(), first.handle());
    assert!(!shows_countries(&again), "the first answer, as it was");
}

/// The how manyth call that is, where nothing befalls any.
async fn step_of(name: &str) -> usize {
    let house = House::new().await;
    customers::answer(&house.snow, &[2]);
    let chaos = Chaos::watching(house.ports());
    ask(&Gateway::new(chaos.ports(), house.settings.clone()), "r-1").await;
    chaos.steps().iter().position(|step| step == name).unwrap()
}

#[tokio::test]
async fn a_request_whose_first_process_died_is_told_that_it_is_lost() {
    let house = House::new().await;
    customers::answer(&house.snow, &[2]);
    let at = step_of("exchanges.begin").await;
    let chaos = Chaos::striking(house.ports(), at, Strike::DiesBefore);
    let dying = Gateway::new(chaos.ports(), house.settings.clone());
    let mut first = asked(customers::SQL);
    first.request = Some("r-1".parse().unwrap());
    assert!(in_time(chaos.run(dying.ask(first, house.settings.hold))).await.is_none(), "it should have died");
    drop((dying, chaos));
    house.clean_up().await;

    let again = ask(&house.gateway(), "r-1").await;
    assert!(matches!(again.outcome(), Outcome::Failed { .. }), "{:?}", again.outcome());
    assert_eq!(again.handle().to_string(), house.only().0.handle, "it is the first one");
    assert_eq!(house.submissions(), 0);
    house.verifies();
}

#[tokio::test]
async fn what_was_cancelled_when_its_process_had_died_on_the_way_upstream_is_lost_and_not_cancelled() {
    let house = House::new().await;
    customers::answer_later(&house.snow, 1000, &[1]);
    let at = step_of("upstream.start").await;
    let chaos = Chaos::striking(house.ports(), at, Strike::DiesAfter);
    let dying = Gateway::new(chaos.ports(), house.settings.clone());
    assert!(in_time(chaos.run(dying.ask(asked(customers::SQL), house.settings.hold))).await.is_none());
    drop((dying, chaos));
    assert_eq!(house.submissions(), 1);
    house.time.turn(house.settings.lease + std::time::Duration::from_secs(1));

    let handle = house.only().0.handle.parse().unwrap();
    let ana = domain::Credential::new("ana".to_owned());
    let gateway = house.gateway();
    let cancelled = in_time(gateway.cancel(domain::Door::SqlApi, &ana, handle)).await.unwrap();
    assert!(
        matches!(cancelled.outcome(), Outcome::Failed { .. }),
        "it may have run: {:?}",
        cancelled.outcome()
    );
    let closing = house.only().1.unwrap();
    assert!(matches!(closing.outcome, recording::ClosingOutcome::Lost { .. }), "{closing:?}");
    house.verifies();
}
