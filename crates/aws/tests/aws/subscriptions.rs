//! Reviewers are subscribed to what is theirs, and it is said who is not told.

use aws::{Invited, Topic};
use serde_json::json;

use crate::moto::{Moto, Spoil};

const ROSA: &str = "rosa@acme.example";
const SAM: &str = "sam@acme.example";

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn whoever_is_new_on_the_roster_is_subscribed_to_what_is_theirs_alone() {
    let Some(moto) = Moto::get() else { return };
    let sns = moto.clients().sns().clone();
    let topic = sns.create_topic().name(Moto::unique("reviewers")).send().await.unwrap();
    let arn = topic.topic_arn.unwrap();
    let rosa = sns.subscribe().topic_arn(&arn).protocol("email").endpoint(ROSA);
    rosa.attributes("FilterPolicy", json!({ "reviewer": [ROSA] }).to_string()).send().await.unwrap();

    let reviewers = Topic::new(&moto.clients(), &arn);
    let roster = names(&[ROSA, SAM]).into_iter().collect();
    // Moto confirms whatever subscribes, so nothing of Sam's waits once it is there.
    let invited = reviewers.invite(&roster).await.unwrap();
    assert_eq!(invited, Invited { subscribed: names(&[SAM]), unconfirmed: names(&[SAM]) });
    assert_eq!(reviewers.invite(&roster).await.unwrap(), Invited::default(), "and not again");
    let confirmed = reviewers.confirmed().await.unwrap();
    assert_eq!(confirmed.into_iter().collect::<Vec<_>>(), [(ROSA.to_owned(), 1), (SAM.to_owned(), 1)]);

    // Who has a subscription and has not confirmed it is told of, and not written to once more.
    let pending = (
        "<key>PendingConfirmation</key><value>false</value>",
        "<key>PendingConfirmation</key><value>true</value>",
    );
    moto.spoil_after(
        0,
        &["GetSubscriptionAttributes", arn.rsplit(':').next().unwrap()],
        2,
        Spoil::Says(pending.0, pending.1),
    );
    let invited = reviewers.invite(&roster).await.unwrap();
    assert_eq!(invited, Invited { subscribed: Vec::new(), unconfirmed: names(&[ROSA, SAM]) });
}

#[tokio::test]
async fn nobody_is_subscribed_to_a_topic_that_somebody_reads_whole() {
    let Some(moto) = Moto::get() else { return };
    let sns = moto.clients().sns().clone();
    let topic = sns.create_topic().name(Moto::unique("reviewers")).send().await.unwrap();
    let arn = topic.topic_arn.unwrap();
    sns.subscribe().topic_arn(&arn).protocol("email").endpoint("eve@acme.example").send().await.unwrap();
    let reviewers = Topic::new(&moto.clients(), &arn);
    assert!(reviewers.invite(&names(&[SAM]).into_iter().collect()).await.is_err());
    let listed = sns.list_subscriptions_by_topic().topic_arn(&arn).send().await.unwrap();
    assert_eq!(listed.subscriptions.unwrap().len(), 1);
}
