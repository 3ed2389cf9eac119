//! One proposes and another puts in force, whatever is proposed: what each is shown, and what comes back or is taken back.

use std::fs;

use aws::People;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::account::{Account, Person, check};

#[tokio::test]
async fn what_one_proposes_another_puts_in_force_and_the_log_tells_who_and_why() {
    let Some(account) = Account::new("pushed").await else { return };
    let (ana, ben) = (account.session("ana@acme.example").await, account.session("ben@acme.example").await);
    let one = account.bundle("one");
    let digest = Account::digest(&one);
    let pushed = account.push(&ana, &one).await;
    let next =
        format!("next, by a second person: snowgate policy confirm {digest} --stack {}", account.stack);
    check(&pushed, 4, &["no bundle is in force yet", "assumed-role/Operators/ana@acme.example", &next]);
    assert_eq!(account.decides(People::Two).await, None);

    // Not by themselves, in whatever session or as a user of the same name.
    let (again, user) = (account.session("ANA").await, account.user("ana").await);
    for same in [&ana, &again, &user] {
        let refused = account.run(same, &["confirm", &digest, "--why", "me too"]).await;
        check(&refused, 3, &["ana@acme.example has proposed it, and a second person confirms"]);
    }
    let shown = account.run(&ben, &["confirm", &digest]).await;
    check(&shown, 4, &["proposed 20", "because", "nothing is done"]);
    assert_eq!(account.decides(People::Two).await, None);

    let confirmed = account.run(&ben, &["confirm", &digest, "--why", "it is right"]).await;
    check(
        &confirmed,
        0,
        &["in force, confirmed by arn:aws:sts::123456789012:assumed-role/Operators/ben@acme.example"],
    );
    assert_eq!(account.decides(People::Two).await, Some(digest.clone()));
    check(&account.run(&ben, &["confirm", &digest, "--why", "x"]).await, 3, &["in force already"]);
    check(&account.push(&ana, &one).await, 3, &["in force already"]);

    let log = account.run(&user, &["log"]).await;
    check(
        &log,
        0,
        &[&format!("in force      {digest} since"), "ana@acme.example", "): because", "): it is right"],
    );
    assert!(!log.out.contains("waits") && !log.out.contains("ATTENTION"), "{}", log.out);

    // Somebody writes the pointer by hand: it is no push of the log's.
    let update = account.moto.clients().dynamodb().update_item().table_name(&account.table);
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let update = update.key("pk", text("policy")).key("sk", text("in_force"));
    let update =
        update.update_expression("SET writer = :by").expression_attribute_values(":by", text("hand"));
    update.send().await.unwrap();
    let log = account.run(&user, &["log"]).await;
    check(
        &log,
        0,
        &[&format!("ATTENTION: what is in force ({digest}) was put there by none of these pushes")],
    );
}

#[tokio::test]
async fn the_decisions_that_differ_are_shown_before_anybody_agrees() {
    let Some(account) = Account::new("pushed").await else { return };
    let (ana, ben) = (account.session("ana").await, account.session("ben").await);
    let one = account.bundle("one");
    account.push(&ana, &one).await;
    account.run(&ben, &["confirm", &Account::digest(&one), "--why", "yes"]).await;
    let lax = account.bundle("lax");
    let catalog = fs::read_to_string(lax.join("catalog.toml")).unwrap();
    let strict = "match = \"DEMO.PUBLIC.CUSTOMERS.NAME\"\nclass = \"person\"";
    assert!(catalog.contains(strict));
    fs::write(lax.join("catalog.toml"), catalog.replace(strict, &strict.replace("person", "public")))
        .unwrap();
    let differs = [
        "changed catalog.toml\n  - class = \"person\"\n  + class = \"public\"\n",
        "opens: agents as ANALYST: select * from DEMO.PUBLIC.CUSTOMERS\n",
        "of them let through what was not",
    ];
    let all = async |by: &Person, arguments: &[&str]| {
        account.run_at(account.moto.url(), by, &[arguments, &["--groups", "agents"]].concat()).await
    };
    let dir = lax.to_str().unwrap();
    check(&account.run(&ana, &["diff", dir]).await, 0, &differs);
    check(&all(&ana, &["push", dir, "--why", "because"]).await, 4, &differs);
    let digest = Account::digest(&lax);
    check(&all(&ben, &["confirm", &digest]).await, 4, &differs);
    let both = account.run(&ben, &["diff", &Account::digest(&one), &digest, "--groups", "nobody"]).await;
    check(&both, 0, &["changed catalog.toml", "0 of "]);
}

#[tokio::test]
async fn what_is_proposed_is_kept_without_the_copy_for_editors_and_taken_back_by_its_author() {
    let Some(account) = Account::new("pushed").await else { return };
    // A user, for moto gives a session another id with each call.
    let (ana, ben) = (account.user("ana").await, account.session("ben").await);
    let one = account.bundle("with-a-copy");
    assert!(one.join("schema.cedarschema").exists());
    let pushed = account.push(&ana, &one).await;
    check(&pushed, 4, &["schema.cedarschema is left out"]);
    fs::remove_file(one.join("schema.cedarschema")).unwrap();
    let digest = Account::digest(&one);
    check(&pushed, 4, &[&format!("policy confirm {digest}")]);
    check(&account.run(&ben, &["withdraw", &digest]).await, 3, &["has said nothing of that bundle"]);
    check(&account.run(&ana, &["withdraw", &digest]).await, 0, &["taken back"]);
    let late = account.run(&ben, &["confirm", &digest, "--why", "yes"]).await;
    check(&late, 3, &["nobody has proposed this bundle"]);
    assert_eq!(account.decides(People::Two).await, None);
    account.push(&account.session("ana").await, &one).await;
    check(&account.run(&ben, &["confirm", &digest, "--why", "yes"]).await, 0, &[]);
    check(&account.run(&ana, &["withdraw", &digest]).await, 3, &["it is in force"]);
    assert_eq!(account.decides(People::Two).await, Some(digest));
}

#[tokio::test]
async fn what_was_in_force_before_comes_back_by_two_people() {
    let Some(account) = Account::new("pushed").await else { return };
    let (ana, ben) = (account.session("ana").await, account.session("ben").await);
    let (one, two) = (account.bundle("one"), account.bundle("two"));
    let (first, second) = (Account::digest(&one), Account::digest(&two));
    check(&account.run(&ana, &["rollback", "--why", "x"]).await, 3, &["no other bundle was in force before"]);
    for (dir, digest) in [(&one, &first), (&two, &second)] {
        account.push(&ana, dir).await;
        check(&account.run(&ben, &["confirm", digest, "--why", "yes"]).await, 0, &["in force"]);
    }
    let unknown = Account::digest(&account.bundle("three"));
    check(&account.run(&ana, &["rollback", &unknown, "--why", "x"]).await, 3, &["never in force"]);
    let back = account.run(&ben, &["rollback", "--why", "two broke things"]).await;
    check(&back, 4, &[&format!("confirm {first}"), "  - // two\n  + // one\n"]);
    check(&account.run(&ben, &["confirm", &first, "--why", "me too"]).await, 3, &["a second person"]);
    check(&account.run(&ana, &["confirm", &first, "--why", "yes, back"]).await, 0, &["in force"]);
    assert_eq!(account.decides(People::Two).await, Some(first));
    let log = account.run(&ana, &["log", "--limit", "2"]).await;
    check(&log, 0, &["two broke things", &format!("was in force  {second}")]);
}

#[tokio::test]
async fn of_two_proposals_over_one_bundle_the_later_is_proposed_anew() {
    let Some(account) = Account::new("pushed").await else { return };
    let (ana, ben) = (account.session("ana").await, account.session("ben").await);
    let (one, two) = (account.bundle("one"), account.bundle("two"));
    let (first, second) = (Account::digest(&one), Account::digest(&two));
    check(&account.push(&ana, &one).await, 4, &[]);
    check(&account.push(&ben, &two).await, 4, &[]);
    let both = [["confirm", first.as_str(), "--why", "yes"], ["confirm", second.as_str(), "--why", "yes"]];
    let (a, b) = tokio::join!(account.run(&ben, &both[0]), account.run(&ana, &both[1]));
    let codes = [a.code, b.code];
    assert!(codes == [0, 3] || codes == [3, 0], "{a:?} {b:?}");
    let decides = account.decides(People::Two).await;
    assert_eq!(decides.as_ref(), Some(if a.code == 0 { &first } else { &second }));
    let (lost, lost_by) = if a.code == 0 { (&b, &ana) } else { (&a, &ben) };
    assert!(lost.err.contains("next: snowgate-aws policy log"), "{lost:?}");
    let later = if a.code == 0 { &second } else { &first };
    check(
        &account.run(lost_by, &["confirm", later, "--why", "still"]).await,
        3,
        &["nobody has proposed this bundle over"],
    );
    assert_eq!(account.decides(People::Two).await, decides);
}

#[tokio::test]
async fn one_person_alone_puts_a_bundle_in_force_only_where_the_stack_says_so() {
    let Some(account) = Account::new("pushed").await else { return };
    let ana = account.session("ana").await;
    let one = account.bundle("one");
    let alone = ["push", one.to_str().unwrap(), "--why", "just me", "--alone"];
    check(&account.run(&ana, &alone).await, 3, &["Policies=pushed-by-one"]);
    assert_eq!(account.decides(People::One).await, None);

    let Some(account) = Account::new("pushed-by-one").await else { return };
    let done = account.run(&ana, &alone).await;
    check(&done, 0, &["in force by the word of arn:aws:sts::123456789012:assumed-role/Operators/ana alone"]);
    assert_eq!(account.decides(People::One).await, Some(Account::digest(&one)));
    assert_eq!(account.decides(People::Two).await, None);
    check(&account.run(&ana, &["log"]).await, 0, &["by one person's word alone", "just me"]);

    let Some(account) = Account::new("/opt/default").await else { return };
    check(&account.run(&ana, &alone).await, 3, &["decides by /opt/default"]);
    check(&account.push(&ana, &one).await, 4, &["ATTENTION", "decides by /opt/default"]);
}
