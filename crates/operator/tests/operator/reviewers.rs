//! The subscriptions of those who are on the roster that is proposed.

use crate::account::{Account, check};

#[tokio::test]
async fn whoever_is_new_on_the_roster_is_subscribed_by_a_push_which_a_bad_topic_does_not_undo() {
    let Some(account) = Account::new("pushed").await else { return };
    let (ana, ben) = (account.session("ana").await, account.session("ben").await);
    let one = account.bundle("one");
    let told =
        ["subscribed rosa@acme.example", "not told until they confirm their subscription: rosa@acme.example"];
    check(&account.push(&ana, &one).await, 4, &told);
    let sns = account.moto.clients().sns().clone();
    let listed = sns.list_subscriptions_by_topic().topic_arn(&account.topic).send().await.unwrap();
    assert_eq!(listed.subscriptions().len(), 1);
    for (mail, name) in [("mallory@x.example", "rosa@acme.example"), ("sam@acme.example", "sam@acme.example")]
    {
        let one = sns.subscribe().topic_arn(&account.topic).protocol("email").endpoint(mail);
        let filter = format!("{{\"reviewer\":[\"{name}\"]}}");
        one.attributes("FilterPolicy", filter).send().await.unwrap();
    }
    let others = [
        "more than one subscription receives what is for rosa@acme.example;",
        "roster no more: sam@acme.example",
    ];
    check(&account.push(&ana, &one).await, 4, &others);
    sns.subscribe()
        .topic_arn(&account.topic)
        .protocol("email")
        .endpoint("eve@x.example")
        .send()
        .await
        .unwrap();
    let confirmed = account.run(&ben, &["confirm", &Account::digest(&one), "--why", "yes"]).await;
    check(
        &confirmed,
        0,
        &["in force", "ATTENTION: reviewers were not subscribed", "does not filter by one reviewer"],
    );
}
