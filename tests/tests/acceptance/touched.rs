//! What was approved is what runs: whatever is defined anew between the look and the run is asked for again.

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use domain::{ApprovalId, ObjectName, Relation, RelationKind, SqlType, Verdict};
use gateway::Gateway;
use gateway::ports::Routine;

use crate::door::{self, get};
use crate::held::{WRITE, deletes, reviewer, words, work};
use crate::house::{House, asked, in_time};
use crate::pages_door::{Browser, Shown, demo, link_of, page, told, with};

const ROSA: &str = "rosa@acme.example";
/// Changes one table by the word of a view.
const BY_VIEW: &str = "delete from customers where id in (select id from v_contacts)";

struct Waits {
    house: House,
    gateway: Gateway,
    router: Router,
    handle: String,
}

async fn waits() -> Waits {
    waits_for(BY_VIEW).await
}

async fn waits_for(sql: &str) -> Waits {
    let house = House::with(with(&demo()), &[]).await;
    deletes(&house);
    let gateway = house.gateway();
    let router = door::router(gateway.clone());
    let held = door::submit(&router, "ana", sql, "").await;
    assert_eq!(held.status, 202, "{}", held.text());
    told(&house, &gateway).await;
    Waits { house, gateway, router, handle: held.handle() }
}

impl Waits {
    /// What Rosa reads by the latest link.
    async fn look(&self) -> (ApprovalId, Shown) {
        let (id, token) = link_of(&self.house, ROSA);
        (id, Browser::new(page(&self.house, &demo(), None)).open(id, &token).await)
    }

    async fn approve(&self, id: ApprovalId) {
        in_time(self.house.review().decide(id, &reviewer(ROSA), Verdict::Approve, None)).await.unwrap();
        work(&self.house, &self.gateway).await;
    }
}

fn query(text: &str) -> RelationKind {
    RelationKind::View { definition: Some(text.to_owned()) }
}

#[tokio::test]
async fn a_view_that_is_defined_anew_after_the_look_has_it_asked_again_and_its_query_is_on_the_page() {
    let waits = waits().await;
    let (first, shown) = waits.look().await;
    for part in ["V_CONTACTS</summary>", "email", ">AS</span> <span class=\"word\">contact</span>"] {
        assert!(shown.text.contains(part), "{part}: {}", shown.text);
    }
    // The same objects, and other rows and columns of them.
    let text = "SELECT id, ssn AS contact, country FROM customers -- for <b>person1@customers.example</b>";
    waits.house.warehouse.define("V_CONTACTS", |view| view.kind = query(text));
    waits.approve(first).await;
    assert_eq!(waits.house.submissions(), 0, "nobody has seen what it would do");
    let (second, shown) = waits.look().await;
    assert_ne!(first, second);
    assert!(shown.text.contains("ssn") && shown.text.contains("Asked again"), "{}", shown.text);
    // It is somebody's text as any other.
    assert!(!shown.text.contains("person1") && !shown.text.contains("<b>"), "{}", shown.text);
    waits.approve(second).await;
    assert_eq!(waits.house.submissions(), 1);
    assert_eq!(get(&waits.router, "ana", &waits.handle, "").await.status, 200);
    assert_eq!(
        words(&waits.house),
        ["asked", "told", "viewed", "decided", "asked", "told", "viewed", "decided", "spent"]
    );
    waits.house.verifies();
}

#[tokio::test]
async fn whatever_the_catalog_says_otherwise_of_what_it_touches_has_it_asked_again() {
    type Change = (&'static str, fn(&mut Relation), &'static str);
    let changes: [Change; 6] = [
        ("V_CONTACTS", |view| view.version += 1, "told"),
        ("V_CONTACTS", |view| view.kind = RelationKind::Table, "overruled"),
        ("CUSTOMERS", |table| table.version += 1, "told"),
        ("CUSTOMERS", |table| table.columns[5].sql_type = SqlType::Variant, "told"),
        ("CUSTOMERS", |table| drop(table.columns.pop()), "told"),
        // Of which nobody can say by now what it does.
        ("V_CONTACTS", |view| view.kind = RelationKind::View { definition: None }, "overruled"),
    ];
    for (at, (name, change, last)) in changes.into_iter().enumerate() {
        let waits = waits().await;
        let (first, _) = waits.look().await;
        waits.house.warehouse.define(name, change);
        waits.approve(first).await;
        assert_eq!(waits.house.submissions(), 0, "change {at} of {name}");
        assert_eq!(words(&waits.house).last(), Some(&last), "change {at} of {name}");
    }
    // What it does not touch may change.
    let waits = waits_for(WRITE).await;
    let (first, shown) = waits.look().await;
    assert!(!shown.text.contains("Views that it goes through"), "{}", shown.text);
    waits.house.warehouse.define("V_CONTACTS", |view| view.version += 1);
    waits.approve(first).await;
    assert_eq!(waits.house.submissions(), 1);
}

#[tokio::test]
async fn a_catalog_that_is_older_than_its_source_spends_nothing() {
    let waits = waits().await;
    let (first, _) = waits.look().await;
    // The source has other versions than whatever is read of it.
    waits.house.warehouse.altered.store(1, Ordering::SeqCst);
    waits.approve(first).await;
    assert_eq!(waits.house.submissions(), 0);
    assert_eq!(words(&waits.house).last(), Some(&"decided"), "the grant is left for later");
    let forgotten = waits.house.warehouse.forgotten.lock().unwrap().clone();
    assert!(forgotten.iter().any(|name| name.name == "V_CONTACTS"), "{forgotten:?}");
    waits.house.warehouse.altered.store(0, Ordering::SeqCst);
    waits.house.time.turn(Duration::from_secs(60));
    work(&waits.house, &waits.gateway).await;
    assert_eq!(waits.house.submissions(), 1);
    assert_eq!(words(&waits.house).last(), Some(&"spent"));
}

/// What the account says of one procedure.
fn procedure(signature: &str, definition: &str) -> Routine {
    Routine { kind: "procedure", said: [signature, definition].map(|said| Some(said.to_owned())).to_vec() }
}

/// A house that holds calls for a person, and whose schema has a procedure.
async fn calls() -> Waits {
    let changes = [
        ("@id(\"no-calls\")", "@id(\"calls-if-approved\")"),
        ("send its statements one by one\")\nforbid (", "send its statements one by one\")\npermit ("),
    ];
    calls_of("call tidy(7)", &changes, &ObjectName::new("DEMO", "PUBLIC", "TIDY")).await
}

/// The same under another bundle, of that call.
async fn calls_of(sql: &str, changes: &[(&str, &str)], name: &ObjectName) -> Waits {
    let house = House::with(with(&demo()), &[]).await;
    house.bundle.change(changes);
    let found = [procedure("(ID NUMBER)", "delete one")].into();
    house.warehouse.routines.lock().unwrap().insert(name.clone(), found);
    let gateway = house.gateway();
    let router = door::router(gateway.clone());
    let held = door::submit(&router, "ana", sql, "").await;
    assert_eq!(held.status, 202, "{}", held.text());
    told(&house, &gateway).await;
    Waits { house, gateway, router, handle: held.handle() }
}

#[tokio::test]
async fn a_procedure_that_is_made_anew_after_the_look_has_it_asked_again() {
    let tidy = || ObjectName::new("DEMO", "PUBLIC", "TIDY");
    let routines = |waits: &Waits, name: ObjectName, of: &[Routine]| {
        waits.house.warehouse.routines.lock().unwrap().insert(name, of.iter().cloned().collect());
    };
    let one = procedure("(ID NUMBER)", "delete one");
    for now in [
        vec![procedure("(ID NUMBER)", "delete all")],
        // One that a call of the same name might mean.
        vec![one.clone(), procedure("(ID VARCHAR)", "delete one")],
        vec![],
    ] {
        let waits = calls().await;
        let (first, _) = waits.look().await;
        routines(&waits, tidy(), &now);
        waits.approve(first).await;
        assert_eq!(words(&waits.house).last(), Some(&"told"), "{now:?}");
        let (second, shown) = waits.look().await;
        assert!(first != second && shown.text.contains("Asked again"), "{}", shown.text);
        waits.approve(second).await;
        assert_eq!(words(&waits.house).last(), Some(&"spent"), "{now:?}");
        waits.house.verifies();
    }
    // What it does not call may change.
    let waits = calls().await;
    let (first, _) = waits.look().await;
    routines(&waits, ObjectName::new("DEMO", "PUBLIC", "OTHER"), std::slice::from_ref(&one));
    routines(&waits, ObjectName::new("DEMO", "ELSEWHERE", "TIDY"), &[one]);
    waits.approve(first).await;
    assert_eq!(words(&waits.house).last(), Some(&"spent"));
}

/// What holds calls, and what cannot be read, for a person.
const OPEN: [(&str, &str); 4] = [
    ("@id(\"no-calls\")", "@id(\"calls-if-approved\")"),
    ("send its statements one by one\")\nforbid (", "send its statements one by one\")\npermit ("),
    ("@id(\"no-opaque\")", "@id(\"opaque-if-approved\")"),
    ("dynamic SQL and unknown functions\")\nforbid (", "dynamic SQL and unknown functions\")\npermit ("),
];

#[tokio::test]
async fn a_procedure_or_function_with_a_quoted_name_that_is_made_anew_after_the_look_has_it_asked_again() {
    for (sql, name) in [
        ("call demo.public.\"tidy\"(7)", ObjectName::new("DEMO", "PUBLIC", "tidy")),
        ("call demo.public.\"a.b\"(7)", ObjectName::new("DEMO", "PUBLIC", "a.b")),
        ("call demo.\"public\".tidy(7)", ObjectName::new("DEMO", "public", "TIDY")),
        ("call snowflake.f(7)", ObjectName::new("DEMO", "SNOWFLAKE", "F")),
        ("call demo..tidy(7)", ObjectName::new("DEMO", "PUBLIC", "TIDY")),
    ] {
        let waits = calls_of(sql, &OPEN, &name).await;
        let (first, _) = waits.look().await;
        let anew = [procedure("(ID NUMBER)", "delete all")].into();
        waits.house.warehouse.routines.lock().unwrap().insert(name, anew);
        waits.approve(first).await;
        assert_eq!(words(&waits.house).last(), Some(&"told"), "{sql}");
        let (second, _) = waits.look().await;
        waits.approve(second).await;
        assert_eq!(words(&waits.house).last(), Some(&"spent"), "{sql}");
        waits.house.verifies();
    }
}

#[tokio::test]
async fn where_nobody_can_tell_what_a_procedure_is_nothing_runs_and_nobody_is_asked() {
    let waits = calls().await;
    let (first, _) = waits.look().await;
    waits.house.warehouse.is_mute.store(true, Ordering::SeqCst);
    waits.approve(first).await;
    assert_eq!(
        (waits.house.submissions(), words(&waits.house).last()),
        (0, Some(&"decided")),
        "left for later"
    );
    let other = door::submit(&waits.router, "ana", "call tidy(8)", "").await;
    assert_eq!(other.status, 503, "{}", other.text());
    waits.house.warehouse.is_mute.store(false, Ordering::SeqCst);
    waits.house.time.turn(Duration::from_secs(60));
    work(&waits.house, &waits.gateway).await;
    assert_eq!(words(&waits.house).last(), Some(&"spent"));
}

#[tokio::test]
async fn what_nobody_can_tell_the_calls_of_is_refused_at_once_with_what_to_write_instead() {
    let house = House::with(with(&demo()), &[]).await;
    house.bundle.change(&OPEN);
    let gateway = house.gateway();
    let router = door::router(gateway.clone());
    for (sql, why, instead) in [
        ("call demo.public.m!predict(1)", "a method of a model", "call a procedure by its full name"),
        ("execute task demo.public.t", "not told by its text", "send those statements themselves"),
        ("call a.b.c.d(1)", "more than three parts", "DATABASE.SCHEMA.NAME"),
        ("select * from customers limit demo.public.m!f(1)", "a method of a model", "full name"),
        ("frobnicate 'x", "cannot be cut", "a quote"),
    ] {
        let refused = door::submit(&router, "ana", sql, "").await;
        assert_eq!(refused.status, 422, "{sql}: {}", refused.text());
        for part in ["nobody can approve it", why, instead] {
            assert!(refused.text().contains(part), "{sql}: {}", refused.text());
        }
        // Whoever looks ahead is told the same.
        let foreseen = gateway.check(asked(sql)).await.unwrap().ruling;
        let domain::Decision::Refuse(foreseen) = &foreseen.decision else { panic!("{sql}: {foreseen:?}") };
        assert!(foreseen.message.contains(why), "{sql}: {}", foreseen.message);
    }
    work(&house, &gateway).await;
    assert!(house.bell.rung.lock().unwrap().is_empty(), "nobody is asked");
    assert!(house.review().waiting().await.unwrap().waiting.is_empty());
    house.verifies();
    // The same that can be told waits.
    assert_eq!(door::submit(&router, "ana", "call demo.public.tidy(1)", "").await.status, 202);
}

#[tokio::test]
async fn a_function_in_what_cannot_be_read_that_is_made_anew_has_it_asked_again() {
    for sql in [
        "select * from customers limit demo.public.f(1)",
        "select * from customers pivot (demo.public.f(id) for country in ('a', 'b'))",
    ] {
        let name = ObjectName::new("DEMO", "PUBLIC", "F");
        let waits = calls_of(sql, &OPEN, &name).await;
        let (first, _) = waits.look().await;
        let anew = [procedure("(ID NUMBER)", "delete all")].into();
        waits.house.warehouse.routines.lock().unwrap().insert(name, anew);
        waits.approve(first).await;
        assert_eq!(waits.house.submissions(), 0, "{sql}");
        let (second, shown) = waits.look().await;
        assert!(shown.text.contains("what the catalog says of what it touches or calls"), "{}", shown.text);
        waits.approve(second).await;
        assert_eq!(words(&waits.house).last(), Some(&"spent"), "{sql}");
        waits.house.verifies();
    }
}

#[tokio::test]
async fn what_cannot_be_read_whole_is_approved_once_and_never_for_later() {
    let name = ObjectName::new("DEMO", "PUBLIC", "F");
    let waits = calls_of("select * from customers limit demo.public.f(1)", &OPEN, &name).await;
    let (id, _) = waits.look().await;
    let terms = gateway::StandingTerms {
        until: gateway::ports::Clock::now(waits.house.time.as_ref()).after(Duration::from_secs(3600)),
        runs: std::num::NonZeroU32::MIN,
        rows: std::num::NonZeroU64::MIN,
        vary: Default::default(),
    };
    let review = waits.house.review();
    let refused = in_time(review.approve_standing(id, &reviewer(ROSA), &terms, None)).await.unwrap_err();
    assert!(refused.to_string().contains("not all of what it touches and calls can be told"), "{refused}");
    assert!(!words(&waits.house).contains(&"decided"), "nothing was decided by that");
}

#[tokio::test]
async fn asking_anew_counts_as_asking_and_ends_with_the_limit() {
    let house = House::with(with(&demo()), &[("asks_per_hour", "2")]).await;
    deletes(&house);
    let gateway = house.gateway();
    let router = door::router(gateway.clone());
    let held = door::submit(&router, "ana", BY_VIEW, "").await;
    assert_eq!(held.status, 202, "{}", held.text());
    told(&house, &gateway).await;
    let waits = Waits { house, gateway, router, handle: held.handle() };
    for last in ["told", "overruled"] {
        let (id, _) = waits.look().await;
        waits.house.warehouse.define("V_CONTACTS", |view| view.version += 1);
        waits.approve(id).await;
        assert_eq!(words(&waits.house).last(), Some(&last));
    }
    let answer = get(&waits.router, "ana", &waits.handle, "").await;
    for part in ["what the catalog says", "limit of 2 statements an hour"] {
        assert!(answer.text().contains(part), "{}", answer.text());
    }
    assert_eq!(waits.house.submissions(), 0);
    waits.house.verifies();
}
