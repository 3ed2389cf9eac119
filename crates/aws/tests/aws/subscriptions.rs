//! Reviewers are subscribed to what is theirs, and it is said who is not told.

use std::collections::BTreeMap;

use aws::{Invited, Topic};
use serde_json::json;

use crate::moto::{Moto, Spoil};

const ROSA: &str = "rosa@acme.example";
const SAM: &str = "sam@acme.example";

/// A roster of people whose mail goes to what it calls them.
fn roster(mails: &[&str]) -> BTreeMap<String, Option<String>> {
    mails.iter().map(|mail| ((*mail).to_owned(), Some((*mail).to_owned()))).collect()
}

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
    let both = roster(&[ROSA, SAM]);
    // Moto confirms whatever subscribes, so nothing of Sam's waits once it is there.
    let invited = reviewers.invite(&both).await.unwrap();
    let expected = Invited { subscribed: names(&[SAM]), unconfirmed: names(&[SAM]), ..Invited::default() };
    assert_eq!(invited, expected);
    assert_eq!(reviewers.invite(&both).await.unwrap(), Invited::default(), "and not again");
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
    let invited = reviewers.invite(&both).await.unwrap();
    assert_eq!(invited, Invited { unconfirmed: names(&[ROSA, SAM]), ..Invited::default() });
}

#[tokio::test]
async fn who_receives_what_is_anothers_or_nobodys_any_more_is_told() {
    let Some(moto) = Moto::get() else { return };
    let sns = moto.clients().sns().clone();
    let topic = sns.create_topic().name(Moto::unique("reviewers")).send().await.unwrap();
    let arn = topic.topic_arn.unwrap();
    for (endpoint, name) in [(ROSA, ROSA), ("eve@elsewhere.example", ROSA), (SAM, SAM)] {
        let one = sns.subscribe().topic_arn(&arn).protocol("email").endpoint(endpoint);
        one.attributes("FilterPolicy", json!({ "reviewer": [name] }).to_string()).send().await.unwrap();
    }
    let reviewers = Topic::new(&moto.clients(), &arn);
    let invited = reviewers.invite(&roster(&[ROSA])).await.unwrap();
    let expected = Invited { several: names(&[ROSA]), gone: names(&[SAM]), ..Invited::default() };
    assert_eq!(invited, expected);
}

#[tokio::test]
async fn whose_mail_nobody_knows_is_not_told_and_whose_goes_elsewhere_is_told_there() {
    let Some(moto) = Moto::get() else { return };
    let sns = moto.clients().sns().clone();
    let arn = sns.create_topic().name(Moto::unique("reviewers")).send().await.unwrap().topic_arn.unwrap();
    let reviewers = Topic::new(&moto.clients(), &arn);
    let both = [("00u1".to_owned(), None), ("00u2".to_owned(), Some(SAM.to_owned()))].into();
    let invited = reviewers.invite(&both).await.unwrap();
    let expected =
        Invited { subscribed: names(&["00u2"]), unconfirmed: names(&["00u1", "00u2"]), ..Invited::default() };
    assert_eq!(invited, expected);
    assert_eq!(
        reviewers.confirmed().await.unwrap().into_iter().collect::<Vec<_>>(),
        [("00u2".to_owned(), 1)]
    );
}

/// As SNS tells it of whoever has followed the link in its mail; the emulator takes every confirmation for one by the account.
const FOLLOWED: &str = r#"<GetSubscriptionAttributesResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/">
<GetSubscriptionAttributesResult><Attributes>
<entry><key>PendingConfirmation</key><value>false</value></entry>
<entry><key>ConfirmationWasAuthenticated</key><value>false</value></entry>
<entry><key>FilterPolicy</key><value>{"reviewer":["sam@acme.example"]}</value></entry>
</Attributes></GetSubscriptionAttributesResult></GetSubscriptionAttributesResponse>"#;

#[tokio::test]
async fn whose_subscription_anybody_could_end_is_told() {
    let Some(moto) = Moto::get() else { return };
    let name = Moto::unique("reviewers");
    let sns = moto.clients().sns().clone();
    let arn = sns.create_topic().name(&name).send().await.unwrap().topic_arn.unwrap();
    let reviewers = Topic::new(&moto.clients(), &arn);
    reviewers.invite(&roster(&[SAM])).await.unwrap();
    assert_eq!(reviewers.invite(&roster(&[SAM])).await.unwrap(), Invited::default());
    moto.spoil_after(0, &["GetSubscriptionAttributes", &name], 1, Spoil::Refused(200, FOLLOWED));
    let told = reviewers.invite(&roster(&[SAM])).await.unwrap();
    assert_eq!(told, Invited { open: names(&[SAM]), ..Invited::default() });
}

#[tokio::test]
async fn nobody_is_subscribed_to_a_topic_that_somebody_reads_whole() {
    let Some(moto) = Moto::get() else { return };
    let sns = moto.clients().sns().clone();
    let topic = sns.create_topic().name(Moto::unique("reviewers")).send().await.unwrap();
    let arn = topic.topic_arn.unwrap();
    sns.subscribe().topic_arn(&arn).protocol("email").endpoint("eve@acme.example").send().await.unwrap();
    let reviewers = Topic::new(&moto.clients(), &arn);
    assert!(reviewers.invite(&roster(&[SAM])).await.is_err());
    let listed = sns.list_subscriptions_by_topic().topic_arn(&arn).send().await.unwrap();
    assert_eq!(listed.subscriptions.unwrap().len(), 1);
}
