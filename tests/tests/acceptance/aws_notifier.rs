//! Reviewers told by SNS: each by their own subscription, or refused.

use aws::Topic;
use domain::{ApprovalId, Timestamp};
use gateway::ports::{Invitation, Notice, Notified, Notifier};
use gateway::{Link, Retry, SignIn};
use serde_json::{Value, json};

use crate::moto::{Moto, Spoil, config_for};

const ROSA: &str = "rosa@acme.example";
const SAM: &str = "sam@acme.example";
const LEE: &str = "lee@acme.example";

fn notice(names: &[&str]) -> Notice {
    let invited = |name: &&str| Invitation {
        name: (*name).to_owned(),
        mail: Some((*name).to_owned()),
        link: Link::from_text(format!("https://snowgate.example/a/7#t=of-{}", &name[..3])),
    };
    Notice {
        approval: ApprovalId::from_u128(7),
        exchange: "s/1".to_owned(),
        agent: "claude-finance\u{202e}".to_owned(),
        person: Some("ana@acme.example".to_owned()),
        class: "write".to_owned(),
        kinds: vec!["delete".to_owned(), "k".repeat(120)],
        writes: vec!["DEMO.PUBLIC.ORDERS".to_owned()],
        reads: Vec::new(),
        more_writes: 0,
        more: 0,
        reason: "it waits".to_owned(),
        rules: vec!["agents-write-if-approved".to_owned()],
        reviewers: vec!["data-reviewers".to_owned()],
        expires: Timestamp::from_micros(0),
        sign_in: SignIn::Oidc,
        reminded: None,
        invited: names.iter().map(invited).collect(),
    }
}

struct Stage {
    moto: &'static Moto,
    client: aws_sdk_sns::Client,
    arn: String,
    topic: Topic,
}

impl Stage {
    async fn build() -> Option<Self> {
        let moto = Moto::get()?;
        let client = moto.clients().sns().clone();
        let created = client.create_topic().name(Moto::unique("reviewers")).send().await.unwrap();
        let arn = created.topic_arn.unwrap();
        let topic = Topic::new(&moto.clients(), &arn);
        Some(Self { moto, client, arn, topic })
    }

    /// A queue subscribed to the topic with that filter, in the place of a mailbox; its address.
    async fn subscribe(&self, filter: Option<Value>) -> String {
        let name = Moto::unique("mailbox");
        let queue = self.moto.sqs("CreateQueue", json!({ "QueueName": name })).await;
        let subscribe = self.client.subscribe().topic_arn(&self.arn).protocol("sqs");
        let mut subscribe = subscribe.endpoint(format!("arn:aws:sqs:us-east-1:123456789012:{name}"));
        if let Some(filter) = filter {
            subscribe = subscribe.attributes("FilterPolicy", filter.to_string());
        }
        subscribe.send().await.unwrap();
        queue["QueueUrl"].as_str().unwrap().to_owned()
    }

    async fn own(&self, name: &str) -> String {
        self.subscribe(Some(json!({ "reviewer": [name] }))).await
    }

    /// What came into a mailbox: subject and text of each.
    async fn mailbox(&self, queue: &str) -> Vec<(String, String)> {
        let ask = json!({ "QueueUrl": queue, "MaxNumberOfMessages": 10 });
        let found = self.moto.sqs("ReceiveMessage", ask).await;
        let messages = found["Messages"].as_array().cloned().unwrap_or_default().into_iter();
        let bodies = messages.map(|message| serde_json::from_str(message["Body"].as_str().unwrap()).unwrap());
        let text = |body: &Value, key: &str| body[key].as_str().unwrap().to_owned();
        bodies.map(|body: Value| (text(&body, "Subject"), text(&body, "Message"))).collect()
    }
}

fn told(reviewers: &[&str], failed: &[&str]) -> Notified {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Notified::Told { way: "mail", reviewers: names(reviewers), failed: names(failed) }
}

#[tokio::test]
async fn each_reviewer_receives_their_own_link_and_no_other() {
    let Some(stage) = Stage::build().await else { return };
    let (rosa, sam) = (stage.own(ROSA).await, stage.own(SAM).await);
    assert_eq!(stage.topic.confirmed().await.unwrap(), [(ROSA.to_owned(), 1), (SAM.to_owned(), 1)].into());
    let notice = notice(&[SAM, ROSA, LEE]);
    assert_eq!(
        stage.topic.tell(&notice).await.unwrap(),
        told(&[ROSA, SAM], &[LEE]),
        "lee has subscribed nowhere"
    );
    for (queue, own, others) in
        [(rosa, "#t=of-ros", ["#t=of-sam", "#t=of-lee"]), (sam, "#t=of-sam", ["#t=of-ros", "#t=of-lee"])]
    {
        let mails = stage.mailbox(&queue).await;
        assert_eq!(mails.len(), 1, "{mails:?}");
        let (subject, text) = &mails[0];
        assert!(
            subject.len() < 100 && subject.starts_with("Approval wanted: claude-finance? asks to delete, k"),
            "{subject}"
        );
        assert!(subject.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()), "{subject}");
        assert!(text.is_ascii() && text.lines().count() > 10, "{text}");
        assert_eq!(text.matches("https://").count(), 1, "{text}");
        assert!(text.contains(own) && others.iter().all(|other| !text.contains(other)), "{text}");
    }
}

#[tokio::test]
async fn without_a_confirmed_reviewer_nobody_is_told() {
    let Some(stage) = Stage::build().await else { return };
    let nobody = notice(&[ROSA]);
    assert_eq!(stage.topic.tell(&nobody).await.unwrap(), Notified::Nobody, "no subscription at all");
    let sam = stage.own(SAM).await;
    assert_eq!(stage.topic.tell(&nobody).await.unwrap(), Notified::Nobody, "somebody else's alone");
    let rosa = stage.own(ROSA).await;
    // Moto confirms whatever subscribes; this is what SNS says until somebody has pressed the link in its mail.
    let topic = stage.arn.rsplit(':').next().unwrap();
    let asked = "Action=GetSubscriptionAttributes&Version=2010-03-31&SubscriptionArn=arn%3Aaws%3Asns%3Aus-east-1%3A123456789012";
    let pending = Spoil::Says(
        "<key>PendingConfirmation</key><value>false</value>",
        "<key>PendingConfirmation</key><value>true</value>",
    );
    stage.moto.spoil(&format!("{asked}%3A{topic}%3A"), 2, pending);
    assert_eq!(stage.topic.tell(&nobody).await.unwrap(), Notified::Nobody, "nobody has confirmed");
    for queue in [&rosa, &sam] {
        assert_eq!(stage.mailbox(queue).await, []);
    }
    assert_eq!(stage.topic.tell(&nobody).await.unwrap(), told(&[ROSA], &[]));
    assert_eq!((stage.mailbox(&rosa).await.len(), stage.mailbox(&sam).await.len()), (1, 0));
}

#[tokio::test]
async fn nothing_is_sent_where_somebody_would_receive_what_is_anothers() {
    let filters =
        [None, Some(json!({ "reviewer": [ROSA, SAM] })), Some(json!({ "reviewer": [{ "prefix": "r" }] }))];
    for filter in filters {
        let Some(stage) = Stage::build().await else { return };
        let (rosa, wide) = (stage.own(ROSA).await, stage.subscribe(filter.clone()).await);
        let fault = stage.topic.tell(&notice(&[ROSA])).await.unwrap_err();
        assert_eq!(fault.retry, Retry::Never, "{filter:?}");
        for queue in [rosa, wide] {
            assert_eq!(stage.mailbox(&queue).await, [], "{filter:?}");
        }
    }
}

#[tokio::test]
async fn a_topic_that_is_not_there_or_out_of_reach_is_a_fault_without_a_link() {
    let Some(stage) = Stage::build().await else { return };
    let gone = Topic::new(&stage.moto.clients(), "arn:aws:sns:us-east-1:123456789012:gone");
    let closed = "127.0.0.1:1";
    let away = Topic::new(&aws::Clients::new(&config_for(&format!("http://{closed}"))), &stage.arn);
    for (topic, retry) in [(gone, Retry::Never), (away, Retry::Soon)] {
        let fault = topic.tell(&notice(&[ROSA])).await.unwrap_err();
        assert_eq!(fault.retry, retry, "{fault:?}");
        let said = format!("{fault:?} {topic:?}");
        assert!(!said.contains("#t=") && !said.contains("wJalr"), "{said}");
    }
}

#[tokio::test]
async fn whoever_cannot_be_published_to_is_named_and_the_others_are_told() {
    const LOST: &str = "lost@acme.example";
    let Some(stage) = Stage::build().await else { return };
    let (_, rosa) = (stage.own(LOST).await, stage.own(ROSA).await);
    // As often as it is tried.
    stage.moto.spoil("StringValue=lost%40acme.example", 3, Spoil::Lost);
    assert_eq!(stage.topic.tell(&notice(&[ROSA, LOST])).await.unwrap(), told(&[ROSA], &[LOST]));
    assert_eq!(stage.mailbox(&rosa).await.len(), 1);
    // It is told what remains, and who they are stays as it was.
    assert_eq!(stage.topic.tell(&notice(&[LOST])).await.unwrap(), told(&[LOST], &[]));
}
