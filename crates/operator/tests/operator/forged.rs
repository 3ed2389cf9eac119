//! What somebody writes by hand, makes of their own name or has STS not tell: it puts nothing in force.

use std::fs;

use aws::People;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::account::{Account, check};

/// Whoever proposes writes their own name, and may write anything.
#[tokio::test]
async fn what_somebody_makes_of_their_own_name_is_no_name() {
    let Some(account) = Account::new("pushed").await else { return };
    let (mallory, ben) = (account.session("mallory").await, account.session("ben").await);
    let one = account.bundle("one");
    let digest = Account::digest(&one);
    account.push(&mallory, &one).await;
    let client = account.moto.clients().dynamodb().clone();
    let mut pages = client.scan().table_name(&account.table).into_paginator().items().send();
    let mut word = None;
    while let Some(item) = pages.next().await {
        let item = item.unwrap();
        if item["pk"].as_s().unwrap().starts_with("operator#") {
            word = Some(item);
        }
    }
    let mut word = word.unwrap();
    for name in [
        "\u{1b}[2J in force, confirmed by all \u{1b}[0m",
        "arn:aws:sts::123456789012:assumed-role/Operators/ben",
    ] {
        word.insert("by".to_owned(), AttributeValue::S(name.to_owned()));
        client.put_item().table_name(&account.table).set_item(Some(word.clone())).send().await.unwrap();
        let refused = account.run(&ben, &["confirm", &digest, "--why", "yes"]).await;
        assert_eq!(refused.code, 3, "{refused:?}");
        assert!(![&refused.out, &refused.err].iter().any(|told| told.contains('\u{1b}')), "{refused:?}");
        assert_eq!(account.decides(People::Two).await, None);
    }
}

/// What one operator can write by hand: the pointer and a push, with what two others have said of another bundle.
#[tokio::test]
async fn nobody_chooses_alone_what_the_second_person_compares_with() {
    let Some(account) = Account::new("pushed").await else { return };
    let (ana, ben) = (account.session("ana").await, account.session("ben").await);
    let mallory = account.session("mallory").await;
    let one = account.bundle("one");
    let first = Account::digest(&one);
    account.push(&ana, &one).await;
    check(&account.run(&ben, &["confirm", &first, "--why", "as agreed"]).await, 0, &[]);
    // It lies in the bucket once it is proposed.
    let evil = account.bundle("evil");
    fs::write(evil.join("98-evil.cedar"), "@id(\"evil\") permit (principal, action, resource);").unwrap();
    account.push(&mallory, &evil).await;
    let client = account.moto.clients().dynamodb().clone();
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let found = client.get_item().table_name(&account.table);
    let found = found.key("pk", text("policy")).key("sk", text("in_force")).send().await.unwrap();
    let mut item = found.item.unwrap();
    item.insert("digest".to_owned(), text(&Account::digest(&evil)));
    item.insert("writer".to_owned(), text("mallory"));
    for sk in ["push#99999999999999999999#mallory", "in_force"] {
        item.insert("sk".to_owned(), text(sk));
        client.put_item().table_name(&account.table).set_item(Some(item.clone())).send().await.unwrap();
    }
    let digest_of_evil = Account::digest(&evil);
    let attention = format!("ATTENTION: nobody's words bear what is named in force ({digest_of_evil})");
    let log = account.run(&ben, &["log"]).await;
    check(
        &log,
        0,
        &[&attention, &format!("named only    {digest_of_evil}"), &format!("was in force  {first}")],
    );
    check(&log, 0, &["ATTENTION: by nobody whose word about it is found"]);
    assert!(!log.out.contains(&format!("in force      {digest_of_evil}")), "{}", log.out);

    // The same and one comment: it is compared with what two people have agreed to.
    fs::write(evil.join("99-more.cedar"), "// only a comment\n").unwrap();
    let again = Account::digest(&evil);
    let shown = [
        "added   98-evil.cedar",
        "+ @id(\"evil\") permit (principal, action, resource);",
        attention.as_str(),
    ];
    check(&account.push(&mallory, &evil).await, 4, &shown);
    check(&account.run(&ben, &["confirm", &again]).await, 4, &shown);
    check(&account.run(&ben, &["diff", &again]).await, 0, &shown);
    // Back is back to what two people have agreed to.
    let back = account.run(&ben, &["rollback", "--why", "somebody writes by hand"]).await;
    check(&back, 4, &[&format!("confirm {first}")]);
    check(&account.run(&ana, &["confirm", &first, "--why", "yes"]).await, 0, &["in force"]);
    assert_eq!(account.decides(People::Two).await, Some(first));
}

/// Something that answers so, whatever it is asked.
async fn answering(status: u16, text: &'static str) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = (axum::http::StatusCode::from_u16(status).unwrap(), text);
    let router = axum::Router::new().fallback(move || async move { answer });
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

#[tokio::test]
async fn whom_sts_does_not_tell_apart_says_nothing() {
    let Some(account) = Account::new("pushed").await else { return };
    let one = account.bundle("one");
    let made_up = account.session("botocore-session-1732612345").await;
    check(&account.push(&made_up, &one).await, 1, &["no person who could push", "role_session_name"]);
    let root = "<Arn>arn:aws:iam::123456789012:root</Arn><UserId>123456789012</UserId>";
    let expired = "<Error><Code>ExpiredToken</Code><Message>s3cret</Message></Error>";
    for (status, text, says) in [
        (200, root, "root is the account"),
        (403, expired, "ExpiredToken"),
        (200, "<UserId>AIDA1</UserId>", "STS does not say who calls"),
        (500, root, "STS does not say who calls"),
    ] {
        let sts = answering(status, text).await;
        let done = account.run_at(&sts, &made_up, &["push", one.to_str().unwrap(), "--why", "x"]).await;
        check(&done, 1, &[says]);
        assert!(!done.err.contains("s3cret"));
    }
    let found = account.moto.clients().dynamodb().scan().table_name(&account.table).send().await.unwrap();
    assert_eq!(found.count, 0);
}
