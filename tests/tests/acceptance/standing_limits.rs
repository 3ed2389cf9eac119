//! What a standing approval does not allow: another thing behind the same name, another person, the yes of people who are not
//! asked any more; and what one costs before it says anything.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::{
    Agent, ApprovalState, Credential, Identity, Person, Relation, RelationKind, SqlType, Timestamp, Verdict,
};
use gateway::ports::{Identities, NotAccepted, RevokedWhat};
use gateway::{Gateway, Ports, ReviewError, SignedIn};
use recording::{Severity, StepRecord};

use crate::chaos::{Chaos, Strike};
use crate::door::{get, router, submit};
use crate::held::{REVIEWERS, WRITE, held, house, reviewer, steps_of, waiting, work};
use crate::house::{House, asked, customers, in_time};
use crate::standing::{goes, standing, stands, terms, words_of};

const BY_VIEW: &str = "delete from customers where id in (select id from v_contacts)";

/// A house in which [`BY_VIEW`] was approved for later ones, too, of which one has gone; the view is of that query.
async fn standing_by_view(query: &str) -> (House, Gateway) {
    let house = house().await;
    define(&house, "V_CONTACTS", |view| view.kind = view_of(query));
    let gateway = house.gateway();
    held(&router(gateway.clone()), BY_VIEW).await;
    stands(&house.review(), &terms(&house, 5, 10, &[])).await;
    assert_eq!(work(&house, &gateway).await, 1);
    assert!(goes(&house, &gateway, BY_VIEW).await);
    (house, gateway)
}

fn define(house: &House, name: &str, change: impl FnOnce(&mut Relation)) {
    house.warehouse.define(name, change);
}

fn view_of(query: &str) -> RelationKind {
    RelationKind::View { definition: Some(query.to_owned()) }
}

fn is_unaltered(house: &House) {
    assert_ne!(house.verify().worst(), Some(Severity::Altered), "{:?}", house.verify().faults);
}

#[tokio::test]
async fn what_stands_behind_a_name_stays_as_it_was_or_people_are_asked() {
    let hidden = |who: &str| {
        format!(
            "SELECT id, email AS contact, country FROM customers WHERE '{who}' = 'ana.lee@customers.example'"
        )
    };
    let long = |sign: &str| {
        format!(
            "SELECT id, email AS contact, country FROM customers WHERE id {sign} 0 AND '{}' <> ''",
            "x".repeat(16_500)
        )
    };
    // Two texts that a recording tells alike.
    for (before, after) in
        [(hidden("bo.kim@customers.example"), hidden("ana.lee@customers.example")), (long("<"), long(">"))]
    {
        let (house, gateway) = standing_by_view(&before).await;
        define(&house, "V_CONTACTS", |view| view.kind = view_of(&after));
        assert!(!goes(&house, &gateway, BY_VIEW).await, "{after}");
        deny(&house, &gateway).await;
        // And as before.
        define(&house, "V_CONTACTS", |view| view.kind = view_of(&before));
        assert!(goes(&house, &gateway, BY_VIEW).await, "{before}");
        is_unaltered(&house);
    }
    type Change = (&'static str, fn(&mut Relation));
    let changes: [Change; 5] = [
        ("V_CONTACTS", |view| view.version += 1),
        // Another table under the name.
        ("CUSTOMERS", |table| table.version += 1),
        ("CUSTOMERS", |table| table.columns[5].sql_type = SqlType::Variant),
        ("CUSTOMERS", |table| table.columns.swap(1, 2)),
        ("CUSTOMERS", |table| drop(table.columns.pop())),
    ];
    for (at, (name, change)) in changes.into_iter().enumerate() {
        let (house, gateway) = standing_by_view("SELECT id, email AS contact, country FROM customers").await;
        define(&house, name, change);
        assert!(!goes(&house, &gateway, BY_VIEW).await, "change {at} of {name}");
    }
    // What it does not touch may change.
    let (house, gateway, _) = standing(5, &[("1", "1..100")]).await;
    define(&house, "V_CONTACTS", |view| view.version += 1);
    assert!(goes(&house, &gateway, WRITE).await);
}

#[tokio::test]
async fn what_a_statement_makes_anew_itself_may_be_what_it_made_before() {
    let sql = "create or replace view v_contacts as select id from customers where id = 1";
    let house = House::new().await;
    let rows: &[&[Option<&str>]] = &[&[Some("done")]];
    let answer = snowflake::scripted::Answer::result(customers::HANDLE, &[("status", "text")], rows);
    house.snow.on(snowflake::scripted::When::submitted(), [answer]);
    house.bundle.change(&[
        ("[\"create_table\", \"create_view\"", "[\"replace_view\", \"create_view\""),
        ("context.kind like \"replace*\" ||", ""),
    ]);
    let gateway = house.gateway();
    held(&router(gateway.clone()), sql).await;
    stands(&house.review(), &terms(&house, 9, 10, &[("1", "1..9")])).await;
    work(&house, &gateway).await;
    define(&house, "V_CONTACTS", |view| view.version += 1);
    assert!(is_issued(&house, &gateway, sql).await, "its own run has made it anew");
    // But what it reads, and what it would destroy, are as they were approved.
    define(&house, "V_CONTACTS", |view| view.kind = RelationKind::Table);
    assert!(!is_issued(&house, &gateway, sql).await);
    deny(&house, &gateway).await;
    define(&house, "V_CONTACTS", |view| {
        view.kind = view_of("SELECT id, email AS contact, country FROM customers")
    });
    assert!(is_issued(&house, &gateway, sql).await);
    define(&house, "CUSTOMERS", |table| table.version += 1);
    assert!(!is_issued(&house, &gateway, sql).await);
}

/// Ends what waits, which later ones of the same text would join.
async fn deny(house: &House, gateway: &Gateway) {
    let review = house.review();
    review.decide(waiting(&review).await, &reviewer("sam"), Verdict::Deny, None).await.unwrap();
    work(house, gateway).await;
}

/// Whether a standing approval says the yes to a statement of `ana`'s, whatever becomes of it.
async fn is_issued(house: &House, gateway: &Gateway, sql: &str) -> bool {
    submit(&router(gateway.clone()), "ana", sql, "").await;
    work(house, gateway).await;
    words_of(house, &last(house)).contains(&"issued")
}

/// The opening of what was asked last.
fn last(house: &House) -> recording::Opening {
    let openings = house.records().into_iter().map(|(opening, _)| opening);
    openings.max_by(|one, other| one.opened.cmp(&other.opened)).unwrap()
}

#[tokio::test]
async fn one_that_was_made_before_a_result_outgrew_its_limit_stands_on() {
    let house = House::with(|_| {}, &[("rows", "5"), ("rows_if_approved", "1000")]).await;
    customers::answer(&house.snow, &[8]);
    let unattended = "[\"show\", \"session\", \"transaction\", \"read\"].contains(context.class)";
    house
        .bundle
        .change(&[(unattended, "[\"show\"].contains(context.class)"), ("rows = 2_000_000", "rows = 5")]);
    let (gateway, review) = (house.gateway(), house.review());
    held(&router(gateway.clone()), customers::SQL).await;
    let id = stands(&review, &terms(&house, 5, 10, &[])).await;
    assert_eq!(work(&house, &gateway).await, 0, "it has run, and its result waits");
    let result = waiting(&review).await;
    assert_ne!(id, result);
    let (shown, broken) = review.standing_approvals().await.unwrap();
    assert_eq!((shown.len(), shown[0].id, shown[0].over, broken.len()), (1, id, None, 0));
    assert!(shown[0].opening.exchange.ends_with("/1") && shown[0].by == ["rosa"]);
    is_unaltered(&house);
    // A result is released once, and stands for nothing.
    let wrong = review.approve_standing(result, &reviewer("sam"), &terms(&house, 5, 10, &[]), None).await;
    assert!(
        matches!(&wrong, Err(ReviewError::Standing(why)) if why.to_string().contains("released once")),
        "{wrong:?}"
    );
    review.decide(result, &reviewer("sam"), Verdict::Approve, None).await.unwrap();
    assert_eq!(work(&house, &gateway).await, 1);
    assert!(is_issued(&house, &gateway, customers::SQL).await, "it says the yes to the next");
    review.end_standing(id, &reviewer("sam"), None).await.unwrap();
    is_unaltered(&house);
}

#[tokio::test]
async fn where_it_is_asked_again_the_earlier_one_stands_and_a_second_is_refused_plainly() {
    let house = house().await;
    let (gateway, review) = (house.gateway(), house.review());
    let router = router(gateway.clone());
    let waits = held(&router, BY_VIEW).await;
    let wanted = terms(&house, 5, 10, &[]);
    let first = stands(&review, &wanted).await;
    define(&house, "V_CONTACTS", |view| view.version += 1);
    assert_eq!(work(&house, &gateway).await, 0, "it is asked again");
    let second = waiting(&review).await;
    assert_ne!(first, second);
    let wrong = review.approve_standing(second, &reviewer("rosa"), &wanted, None).await;
    assert!(
        matches!(&wrong, Err(ReviewError::Standing(why)) if why.to_string().contains("stands already")),
        "{wrong:?}"
    );
    assert_eq!(
        review.waiting().await.unwrap().waiting[0].state,
        ApprovalState::Waiting,
        "nothing was decided"
    );
    review.decide(second, &reviewer("rosa"), Verdict::Approve, None).await.unwrap();
    work(&house, &gateway).await;
    assert_eq!(get(&router, "ana", &waits.handle(), "").await.status, 200);
    let (shown, broken) = review.standing_approvals().await.unwrap();
    assert_eq!((shown.len(), shown[0].id, broken.len()), (1, first, 0));
    // It is of what the view was.
    assert!(!goes(&house, &gateway, BY_VIEW).await);
    is_unaltered(&house);
    review.end_standing(first, &reviewer("sam"), None).await.unwrap();
    is_unaltered(&house);
}

/// A service that asks for several people under one subject: the token names the person.
struct Tenant;

#[async_trait]
impl Identities for Tenant {
    async fn verify(&self, credential: &Credential, now: Timestamp) -> Result<Identity, NotAccepted> {
        Ok(Identity {
            issuer: "https://issuer.example".to_owned(),
            subject: "tenant-7".to_owned(),
            agent: Agent::new("svc-bot"),
            person: Some(Person::new(format!("{}@acme.example", credential.reveal()))),
            groups: BTreeSet::from(["agents".to_owned()]),
            scopes: BTreeSet::new(),
            token_id: None,
            expires_at: now.after(Duration::from_secs(86_400)),
        })
    }
}

fn of_tenant(house: &House) -> Gateway {
    Gateway::new(Ports { identities: Arc::new(Tenant), ..house.ports() }, house.settings.clone())
}

#[tokio::test]
async fn of_one_subject_each_person_asks_and_collects_for_themselves() {
    let house = house().await;
    let gateway = of_tenant(&house);
    let router = router(gateway.clone());
    let anas = submit(&router, "ana", WRITE, "").await;
    let again = submit(&router, "ana", WRITE, "").await;
    assert_eq!(anas.handle(), again.handle(), "the same person's is joined");
    let bens = submit(&router, "ben", WRITE, "").await;
    assert_eq!(bens.status, 202, "{}", bens.text());
    assert_ne!(anas.handle(), bens.handle(), "another's is not");
    assert_eq!(get(&router, "ben", &anas.handle(), "").await.status, 422, "nor is it told to them");
    let id = house.review().of_handle(anas.handle().parse().unwrap()).await.unwrap().unwrap();
    let ben = SignedIn::development("ben@acme.example", [REVIEWERS.to_owned()].into()).unwrap();
    let wanted = terms(&house, 5, 10, &[("1", "1..100")]);
    in_time(house.review().approve_standing(id, &ben, &wanted, None)).await.unwrap();
    work(&house, &gateway).await;
    assert_eq!(get(&router, "ana", &anas.handle(), "").await.status, 200);
    assert_eq!(get(&router, "ben", &bens.handle(), "").await.status, 202, "nobody has decided his");
    // What Ben allows Ana's agent, it is allowed for nobody else, and least for him.
    for (who, expected) in [("carl", false), ("ben", false), ("ana", true)] {
        let before = house.submissions();
        submit(&router, who, "delete from customers where id = 2", "").await;
        work(&house, &gateway).await;
        assert_eq!(house.submissions() > before, expected, "{who}");
    }
    is_unaltered(&house);
}

#[tokio::test]
async fn of_many_uses_few_are_read_before_people_are_told() {
    let (house, gateway, _) = standing(24, &[("1", "1..100")]).await;
    for id in 2..26 {
        assert!(goes(&house, &gateway, &format!("delete from customers where id = {id}")).await, "{id}");
    }
    let read_of = |sql: &'static str| {
        let house = &house;
        async move {
            let chaos = Chaos::watching(house.ports());
            let gateway = Gateway::new(chaos.ports(), house.settings.clone());
            in_time(gateway.ask(asked(sql), Duration::ZERO)).await.unwrap();
            work(house, &gateway).await;
            chaos.steps().iter().filter(|call| *call == "standings.step").count()
        }
    };
    // What was written since it was opened is read, and a little before, as clocks differ.
    house.time.turn(Duration::from_secs(600));
    let used_up = read_of("delete from customers where id = 30").await;
    assert!((2..16).contains(&used_up), "{used_up} reads of 25 steps");
    let another = read_of("delete from customers where id = 1 or id = 2").await;
    assert!(another <= 1, "{another} reads for a text that it does not cover");
    let shown = house.review().standing_approvals().await.unwrap().0;
    assert_eq!((shown[0].uses, shown[0].over), (24, Some(recording::NotStanding::UsedUp)));
    is_unaltered(&house);
}

/// Has one process take a use of a standing approval and die at that call, which is one of `life`'s.
async fn dies_at(call: &str, strike: Strike) -> (House, domain::ApprovalId) {
    async fn life(gateway: &Gateway, house: &House) {
        let soon = || house.time_now().after(Duration::from_secs(5));
        let _ = gateway.ask(asked("delete from customers where id = 2"), Duration::ZERO).await;
        let _ = gateway.work(soon()).await;
    }
    let calls = {
        let (house, _, _) = standing(3, &[("1", "1..100")]).await;
        let chaos = Chaos::watching(house.ports());
        life(&Gateway::new(chaos.ports(), house.settings.clone()), &house).await;
        chaos.steps()
    };
    let taken = calls.iter().position(|at| at == "standings.take").unwrap();
    let at = taken + calls[taken..].iter().position(|at| at == call).unwrap();
    let (house, _, id) = standing(3, &[("1", "1..100")]).await;
    let chaos = Chaos::striking(house.ports(), at, strike);
    let dying = Gateway::new(chaos.ports(), house.settings.clone());
    assert!(in_time(chaos.run(life(&dying, &house))).await.is_none(), "it did not die");
    assert_eq!(house.submissions(), 1, "it had not run");
    assert_eq!(house.review().standing_approvals().await.unwrap().0[0].uses, 1);
    (house, id)
}

#[tokio::test]
async fn what_was_ended_after_a_use_was_taken_and_before_it_ran_allows_nothing() {
    for (call, end) in [("standings.take", "told"), ("settle issued", "overruled")] {
        for is_ended in [true, false] {
            let (house, id) = dies_at(call, Strike::DiesAfter).await;
            if is_ended {
                house.review().end_standing(id, &reviewer("sam"), None).await.unwrap();
            }
            house.time.turn(Duration::from_secs(70));
            let gateway = house.gateway();
            for _ in 0..3 {
                work(&house, &gateway).await;
            }
            let words = words_of(&house, &last(&house));
            assert_eq!(house.submissions(), if is_ended { 1 } else { 2 }, "{call}: {words:?}");
            assert_eq!(words.last(), Some(if is_ended { &end } else { &"spent" }), "{call}");
            assert_eq!(house.review().standing_approvals().await.unwrap().0[0].uses, 1, "{call}");
            is_unaltered(&house);
        }
    }
    let (house, _) = dies_at("standings.take", Strike::DiesAfter).await;
    house.open_home().revoke(RevokedWhat::Person, "rosa").unwrap();
    house.time.turn(Duration::from_secs(70));
    work(&house, &house.gateway()).await;
    assert_eq!(house.submissions(), 1, "nor does what a revoked person allowed");
}

#[tokio::test]
async fn what_somebody_wanted_to_stand_is_told_in_their_yes_and_in_no_other() {
    // Wherever saying it fails, the plain yes after that allows nothing for later ones.
    let say = |chaos: Arc<Chaos>, house: Arc<House>| async move {
        let review = crate::house::review(&chaos.ports());
        let id = house.review().waiting().await.unwrap().waiting[0].id;
        let wanted = terms(&house, 5, 10, &[("1", "1..100")]);
        review.approve_standing(id, &reviewer("rosa"), &wanted, Some("because")).await
    };
    let waits = || async {
        let house = house().await;
        held(&router(house.gateway()), WRITE).await;
        Arc::new(house)
    };
    let calls = {
        let house = waits().await;
        let chaos = Chaos::watching(house.ports());
        say(Arc::clone(&chaos), Arc::clone(&house)).await.unwrap();
        chaos.steps()
    };
    let settled = calls.iter().position(|call| call == "settle decided").unwrap();
    assert_eq!(calls.iter().filter(|call| call.starts_with("settle ")).count(), 1, "one step: {calls:?}");
    for at in 0..=settled {
        let house = waits().await;
        let chaos = Chaos::striking(house.ports(), at, Strike::Before);
        assert!(say(chaos, Arc::clone(&house)).await.is_err(), "{at}");
        let gateway = house.gateway();
        let id = waiting(&house.review()).await;
        house.review().decide(id, &reviewer("rosa"), Verdict::Approve, None).await.unwrap();
        work(&house, &gateway).await;
        assert!(!goes(&house, &gateway, "delete from customers where id = 2").await, "struck at {at}");
    }
    // Kept, and nobody knows: the same again is what they said, and another is not.
    let house = waits().await;
    let id = waiting(&house.review()).await;
    let chaos = Chaos::striking(house.ports(), settled, Strike::After);
    assert!(say(chaos, Arc::clone(&house)).await.is_err());
    let wide = terms(&house, 5, 10, &[("1", "1..1000")]);
    let wrong = house.review().approve_standing(id, &reviewer("rosa"), &wide, None).await;
    assert!(matches!(wrong, Err(ReviewError::Standing(_))), "{wrong:?}");
    let opening = house.records().remove(0).0;
    let by: Vec<bool> = steps_of(&house, &opening)
        .iter()
        .filter_map(|step| match &step.what {
            StepRecord::Decided { terms, .. } => Some(terms.is_some()),
            _ => None,
        })
        .collect();
    assert_eq!((words_of(&house, &opening), by), (vec!["asked", "decided"], vec![true]));
}
