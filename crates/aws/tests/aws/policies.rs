//! The policy bundle in a bucket and a table, and the words of people that it rests on.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aws::{Became, Caller, Named, People, Policies, PushError, Pushed, Pushes};
use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;
use domain::{Digest, Timestamp};
use gateway::ports::{Clock, Policies as _};
use gateway::{Fault, Origin, Retry};

use crate::moto::{Moto, Spoil, operator};

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

/// A clock that a test sets.
#[derive(Default)]
struct Set(AtomicI64);

impl Clock for Set {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(conformance::NOON.as_micros() + self.0.load(Ordering::SeqCst) * 1_000_000)
    }
}

impl Set {
    fn at(&self, seconds: i64) {
        self.0.store(seconds, Ordering::SeqCst);
    }
}

struct Stage {
    moto: &'static Moto,
    table: String,
    bucket: String,
    clock: Arc<Set>,
}

type Files = BTreeMap<String, Vec<u8>>;

impl Stage {
    /// The item of the push of that bundle.
    async fn pushed(&self, digest: Digest) -> HashMap<String, AttributeValue> {
        let pushes = self.moto.clients().dynamodb().query().table_name(&self.table);
        let pushes = pushes.key_condition_expression("pk = :pk AND begins_with(sk, :sk)");
        let pushes = pushes.expression_attribute_values(":pk", text("policy"));
        let pushes =
            pushes.expression_attribute_values(":sk", text("push#")).send().await.unwrap().items.unwrap();
        pushes.into_iter().find(|push| push["digest"].as_s().unwrap() == &digest.to_string()).unwrap()
    }

    async fn new() -> Option<Self> {
        let moto = Moto::get()?;
        let (table, bucket) = (moto.table().await, moto.bucket("bundles").await);
        Some(Self { moto, table, bucket, clock: Arc::default() })
    }

    /// One process's view, of a gateway that wants two people.
    fn policies(&self) -> Policies {
        self.policies_of(People::Two)
    }

    fn policies_of(&self, people: People) -> Policies {
        Policies::new(&self.moto.clients(), &self.table, &self.bucket, people, self.clock.clone())
    }

    /// What that operator does.
    fn by(&self, caller: Caller) -> Pushes {
        let people = People::Two;
        Pushes::new(&self.moto.clients(), &self.table, &self.bucket, people, caller, self.clock.clone())
    }

    fn ana(&self) -> Pushes {
        self.by(operator("ana@acme.example"))
    }

    fn ben(&self) -> Pushes {
        self.by(operator("ben@acme.example"))
    }

    /// Ana proposes, Ben agrees.
    async fn push(&self, files: &Files) -> Digest {
        let digest = propose(&self.ana(), files, "because").await.unwrap();
        assert_eq!(confirm(&self.ben(), digest, "agreed").await.unwrap(), digest);
        digest
    }

    /// Writes into the table past all of it, as whoever holds the right could.
    async fn put(&self, item: &[(&str, &str)]) {
        let put = self.moto.clients().dynamodb().put_item().table_name(&self.table);
        let put = item.iter().fold(put, |put, (name, value)| {
            let value = match name.strip_suffix("_us") {
                Some(_) => AttributeValue::N((*value).to_owned()),
                None => AttributeValue::S((*value).to_owned()),
            };
            put.item(*name, value)
        });
        put.send().await.unwrap();
    }
}

/// Proposed in the place of what is named at that moment.
async fn propose(by: &Pushes, files: &Files, why: &str) -> Result<Digest, PushError> {
    by.propose(files, &by.in_force().await?, why).await
}

/// Agreed to, likewise.
async fn confirm(by: &Pushes, digest: Digest, why: &str) -> Result<Digest, PushError> {
    by.confirm(digest, &by.in_force().await?, why).await
}

/// Put in force by one, likewise.
async fn alone(by: &Pushes, files: &Files, why: &str) -> Result<Digest, PushError> {
    by.put_alone(files, &by.in_force().await?, why).await
}

async fn log(by: &Pushes) -> Vec<Pushed> {
    by.log(10).await.unwrap().pushes
}

/// What is named in force.
async fn named(by: &Pushes) -> Named {
    by.in_force().await.unwrap().named
}

/// A bundle that differs from the built-in one by a comment.
fn files(comment: &str) -> Files {
    let mut files = policy::default_files();
    files.insert("99-more.cedar".to_owned(), format!("// {comment}\n").into_bytes());
    files
}

/// What decides in a process that begins now.
async fn digest_later(stage: &Stage) -> Digest {
    digest(&stage.policies()).await.unwrap()
}

async fn digest(policies: &Policies) -> Result<Digest, Fault> {
    policies.bundle().await.map(|bundle| bundle.digest())
}

#[tokio::test]
async fn a_bundle_that_two_people_push_decides_in_every_process_within_ten_seconds() {
    let Some(stage) = Stage::new().await else { return };
    let (first, second) = (stage.policies(), stage.policies());
    let none = digest(&first).await.unwrap_err();
    assert_eq!((none.origin, none.retry), (Origin::Policies, Retry::Never), "nothing is decided without");
    let one = stage.push(&files("one")).await;
    assert_eq!((digest(&first).await.unwrap(), digest(&second).await.unwrap()), (one, one));
    let two = stage.push(&files("two")).await;
    stage.clock.at(10);
    assert_eq!((digest(&first).await.unwrap(), digest(&second).await.unwrap()), (two, two));
    // Back to what was in force before: the very same bundle lies there already.
    stage.clock.at(20);
    let files_of_one = stage.ben().files(one).await.unwrap();
    assert_eq!(files_of_one, files("one"));
    propose(&stage.ben(), &files_of_one, "back").await.unwrap();
    confirm(&stage.ana(), one, "yes, back").await.unwrap();
    assert_eq!(digest(&stage.policies()).await.unwrap(), one);

    let log = log(&stage.ana()).await;
    let told: Vec<_> = log
        .iter()
        .map(|push| {
            let (first, second) = (push.first.as_ref().unwrap(), push.second.as_ref().unwrap());
            (push.digest, first.why.as_str(), second.why.as_str(), push.became)
        })
        .collect();
    assert_eq!(told[0], (one, "back", "yes, back", Became::InForce));
    assert_eq!(told.len(), 3);
    assert!(told[1..].iter().all(|(_, _, _, became)| *became == Became::WasInForce), "{told:?}");
    assert!(log[0].first.as_ref().unwrap().by.ends_with("/ben@acme.example"));
    assert_eq!(log[0].second.as_ref().unwrap().id, "AROAEXAMPLE:ana@acme.example");
}

#[tokio::test]
async fn what_one_person_has_proposed_decides_nothing_and_they_cannot_confirm_it() {
    let Some(stage) = Stage::new().await else { return };
    let proposed = propose(&stage.ana(), &files("one"), "because").await.unwrap();
    assert!(digest(&stage.policies()).await.is_err());
    assert_eq!(named(&stage.ana()).await, Named::Nothing);
    let now = stage.ben().in_force().await.unwrap();
    let waiting = stage.ben().proposals(None, &now).await.unwrap();
    assert_eq!((waiting[0].digest, waiting[0].said.why.as_str(), waiting.len()), (proposed, "because", 1));
    // The same person by another spelling, another role, as a user, under a name that a tool has made up.
    let other = Caller::of("AROAOTHER:ANA", "arn:aws:sts::123456789012:assumed-role/Admin/ANA").unwrap();
    let user = Caller::of("AIDAANA", "arn:aws:iam::123456789012:user/staff/ana").unwrap();
    for same in [operator("ana@acme.example"), other, user] {
        let refused = confirm(&stage.by(same.clone()), proposed, "me too").await;
        assert!(matches!(refused, Err(PushError::SamePerson { .. })), "{same}: {refused:?}");
    }
    let unknown = policy::Bundle::parse(&files("unknown")).unwrap().digest();
    assert!(matches!(confirm(&stage.ben(), unknown, "blind").await, Err(PushError::NotProposed)));
    assert!(digest(&stage.policies()).await.is_err());
    confirm(&stage.ben(), proposed, "agreed").await.unwrap();
    assert_eq!(digest(&stage.policies()).await.unwrap(), proposed);
    assert!(matches!(confirm(&stage.ben(), proposed, "again").await, Err(PushError::InForce)));
}

#[tokio::test]
async fn one_persons_word_is_enough_only_where_the_gateway_was_told_so() {
    let Some(stage) = Stage::new().await else { return };
    let alone = alone(&stage.ana(), &files("one"), "it is only me").await.unwrap();
    assert_eq!(digest(&stage.policies_of(People::One)).await.unwrap(), alone);
    assert_eq!(digest(&stage.policies()).await.unwrap_err().retry, Retry::Never);
    let log = log(&stage.ana()).await;
    assert_eq!((log[0].second.clone(), log[0].became), (None, Became::InForce), "it is recorded as one's");
    // Two people mend it.
    let two = stage.push(&files("two")).await;
    assert_eq!(digest(&stage.policies()).await.unwrap(), two);
}

#[tokio::test]
async fn of_two_who_push_over_the_same_bundle_one_is_told_that_they_were_overtaken() {
    let Some(stage) = Stage::new().await else { return };
    let one = stage.push(&files("one")).await;
    let seen = stage.ben().in_force().await.unwrap();
    assert_eq!(seen.named, Named::Backed(one));
    let three = stage.ben().propose(&files("three"), &seen, "mine").await.unwrap();
    let two = stage.push(&files("two")).await;
    // What was compared with the first bundle is compared with nothing now.
    assert!(matches!(confirm(&stage.ana(), three, "late").await, Err(PushError::NotProposed)));
    // Nor does anybody agree who was shown what was in force before.
    assert!(matches!(stage.ana().confirm(three, &seen, "late").await, Err(PushError::Overtaken)));
    let late = stage.ben().propose(&files("three"), &seen, "late").await;
    assert!(matches!(late, Err(PushError::Overtaken)));
    assert!(matches!(propose(&stage.ben(), &files("two"), "twice").await, Err(PushError::InForce)));
    let now = stage.ana().in_force().await.unwrap();
    assert!(stage.ana().proposals(None, &now).await.unwrap().is_empty());
    assert_eq!(digest(&stage.policies()).await.unwrap(), two);
}

#[tokio::test]
async fn of_two_who_confirm_at_once_one_moves_the_pointer() {
    let Some(stage) = Stage::new().await else { return };
    stage.push(&files("one")).await;
    let two = propose(&stage.ana(), &files("two"), "mine").await.unwrap();
    let three = propose(&stage.ben(), &files("three"), "mine").await.unwrap();
    let (ben, ana) = (stage.ben(), stage.ana());
    let (first, second) = tokio::join!(confirm(&ben, two, "agreed"), confirm(&ana, three, "agreed"));
    let done: Vec<Digest> =
        [&first, &second].into_iter().filter_map(|done| done.as_ref().ok().copied()).collect();
    assert_eq!(done.len(), 1, "{first:?} {second:?}");
    assert_eq!(digest(&stage.policies()).await.unwrap(), done[0]);
    let other = [first, second].into_iter().find_map(Result::err).unwrap();
    assert!(matches!(other, PushError::Overtaken | PushError::NotProposed), "{other:?}");
    let log = log(&stage.ana()).await;
    assert_eq!(log.iter().filter(|push| push.became == Became::InForce).count(), 1);
    assert!(log.iter().all(|push| push.became != Became::Never || push.digest != done[0]), "{log:?}");
}

#[tokio::test]
async fn a_bundle_that_is_not_good_is_never_pushed() {
    let Some(stage) = Stage::new().await else { return };
    let mut bad = files("bad");
    bad.insert("98-bad.cedar".to_owned(), b"permit (principal, action".to_vec());
    assert!(matches!(propose(&stage.ana(), &bad, "bad").await, Err(PushError::Invalid(_))));
    assert!(matches!(alone(&stage.ana(), &bad, "bad").await, Err(PushError::Invalid(_))));
    let now = stage.ana().in_force().await.unwrap();
    assert!(log(&stage.ana()).await.is_empty());
    assert!(stage.ana().proposals(None, &now).await.unwrap().is_empty());
    assert!(digest(&stage.policies()).await.is_err());
}

/// A pointer at a bundle that rests on these words.
fn pointing<'a>(
    digest: &'a str,
    first: (&'a str, &'a str),
    second: Option<(&'a str, &'a str)>,
) -> Vec<(&'static str, &'a str)> {
    let mut item = vec![
        ("pk", "policy"),
        ("sk", "in_force"),
        ("digest", digest),
        ("first_pk", first.0),
        ("first_sk", first.1),
        ("at_us", "1"),
        ("writer", "w"),
    ];
    if let Some((pk, sk)) = second {
        item.extend([("second_pk", pk), ("second_sk", sk)]);
    }
    item
}

/// What an operator could write past the program: the pointer as they like, and words under their own name alone.
#[tokio::test]
async fn nobody_puts_a_bundle_in_force_alone_by_writing_the_pointer() {
    let Some(stage) = Stage::new().await else { return };
    stage.push(&files("one")).await;
    let lax = propose(&stage.ana(), &files("lax"), "mine").await.unwrap();
    let mut pages =
        stage.moto.clients().dynamodb().scan().table_name(&stage.table).into_paginator().items().send();
    let (mut own, mut in_force) = (None, None);
    while let Some(item) = pages.next().await {
        let item = item.unwrap();
        let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
        let (pk, sk, said) = (text("pk").unwrap(), text("sk").unwrap(), text("digest"));
        if pk.starts_with("operator#") && said == Some(lax.to_string()) {
            own = Some((pk.clone(), sk.clone(), text("over").unwrap()));
        }
        if sk == "in_force" {
            in_force = Some(item.clone());
        }
    }
    let (pk, sk, over) = own.unwrap();
    assert_eq!(pk, "operator#AROAEXAMPLE:ana@acme.example");
    let in_force = in_force.unwrap();
    let of_ben = ["second_pk", "second_sk"].map(|name| in_force[name].as_s().unwrap().clone());
    let digest_of = lax.to_string();
    // A second word of the same person, under their own name, and under the same name in another spelling and role.
    // And under a name that they gave a federated session.
    let mine = [
        "operator#AROAEXAMPLE:ana@acme.example",
        "operator#AROAOTHER:Ana@acme.example",
        "operator#",
        "operator#123456789012:zoe",
        "operator#AROAEXAMPLE:",
    ];
    for mine in mine {
        stage
            .put(&[
                ("pk", mine),
                ("sk", "2"),
                ("digest", &digest_of),
                ("by", "arn:aws:iam::123456789012:user/ben"),
                ("why", "x"),
                ("at_us", "1"),
                ("over", &over),
                ("agrees_pk", &pk),
                ("agrees_sk", &sk),
                ("writer", "w"),
            ])
            .await;
    }
    let mut seconds =
        vec![None, Some((pk.as_str(), sk.as_str())), Some((of_ben[0].as_str(), of_ben[1].as_str()))];
    seconds.extend(mine.map(|mine| Some((mine, "2"))));
    seconds.push(Some(("operator#nobody", "nothing")));
    for second in seconds {
        stage.put(&pointing(&digest_of, (&pk, &sk), second)).await;
        let fault = digest(&stage.policies()).await.unwrap_err();
        assert_eq!((fault.origin, fault.retry), (Origin::Policies, Retry::Never), "{second:?}");
    }
    // Words of one bundle do not move another.
    let other = policy::Bundle::parse(&files("other")).unwrap().digest().to_string();
    let mut item = in_force.clone();
    item.insert("digest".to_owned(), AttributeValue::S(other));
    item.insert("writer".to_owned(), AttributeValue::S("w".to_owned()));
    let put = stage.moto.clients().dynamodb().put_item().table_name(&stage.table).set_item(Some(item));
    put.send().await.unwrap();
    assert!(digest(&stage.policies()).await.is_err());
}

#[tokio::test]
async fn while_nobody_can_tell_the_last_good_bundle_decides_for_an_hour_and_then_none() {
    let Some(stage) = Stage::new().await else { return };
    let (seasoned, fresh) = (stage.policies(), stage.policies());
    let one = stage.push(&files("one")).await;
    digest(&seasoned).await.unwrap();
    let table = format!("\"TableName\":\"{}\"", stage.table);
    stage.moto.spoil(
        &table,
        u32::MAX,
        Spoil::Refused(400, r#"{"__type":"com.amazonaws#AccessDeniedException"}"#),
    );
    for seconds in [10, 1800, 3599] {
        stage.clock.at(seconds);
        assert_eq!(digest(&seasoned).await.unwrap(), one, "{seconds}");
    }
    assert!(digest(&fresh).await.is_err(), "who has seen none decides nothing");
    stage.clock.at(3600);
    assert_eq!(digest(&seasoned).await.unwrap_err().origin, Origin::Policies);
}

#[tokio::test]
async fn what_is_in_force_by_too_few_is_passed_over_for_an_hour_and_then_refuses() {
    let Some(stage) = Stage::new().await else { return };
    let one = stage.push(&files("one")).await;
    let seasoned = stage.policies();
    digest(&seasoned).await.unwrap();
    alone(&stage.ana(), &files("lax"), "just me").await.unwrap();
    for seconds in [10, 3599] {
        stage.clock.at(seconds);
        assert_eq!(digest(&seasoned).await.unwrap(), one, "{seconds}");
    }
    stage.clock.at(3600);
    assert_eq!(digest(&seasoned).await.unwrap_err().retry, Retry::Never);
}

#[tokio::test]
async fn what_the_bucket_says_is_believed_by_its_digest_alone() {
    let Some(stage) = Stage::new().await else { return };
    let one = stage.push(&files("one")).await;
    let other = policy::Bundle::parse(&files("other")).unwrap().digest();
    // Somebody who may write the bucket puts a lax bundle where a strict one is going to be.
    let s3 = stage.moto.clients().s3().clone();
    let key = |digest: Digest| format!("bundles/{}", digest.to_string().replace(':', "-"));
    let first = s3.get_object().bucket(&stage.bucket).key(key(one)).send().await.unwrap();
    assert_eq!(first.object_lock_legal_hold_status.as_ref().map(|hold| hold.as_str()), Some("ON"));
    let lax: Bytes = first.body.collect().await.unwrap().into_bytes();
    s3.put_object().bucket(&stage.bucket).key(key(other)).body(lax.into()).send().await.unwrap();
    let pushed = propose(&stage.ana(), &files("other"), "strict").await;
    assert!(matches!(pushed, Err(PushError::Fault(_))), "{pushed:?}");
    assert_eq!(digest(&stage.policies()).await.unwrap(), one);
    // What was proposed whole and is damaged before somebody agrees.
    let later = propose(&stage.ana(), &files("later"), "later").await.unwrap();
    for damaged in ["", "{}", "{\"v\":1,\"files\":{\"catalog.toml\":\"!\"}}"] {
        for digest in [one, later] {
            let put = s3.put_object().bucket(&stage.bucket).key(key(digest));
            put.body(Bytes::from(damaged).into()).send().await.unwrap();
        }
        let fault = digest(&stage.policies()).await.unwrap_err();
        assert_eq!((fault.origin, fault.retry), (Origin::Policies, Retry::Never), "{damaged}");
        assert!(matches!(confirm(&stage.ben(), later, "blind").await, Err(PushError::Fault(_))));
    }
    assert_eq!(named(&stage.ana()).await, Named::Backed(one));
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_done_once() {
    let Some(stage) = Stage::new().await else { return };
    let proposed = propose(&stage.ana(), &files("one"), "because").await.unwrap();
    for written in ["in_force", "push#", "agrees_pk"] {
        stage.moto.spoil_after(0, &["DynamoDB_20120810.PutItem", &stage.table, written], 1, Spoil::Lost);
    }
    confirm(&stage.ben(), proposed, "agreed").await.unwrap();
    assert_eq!(stage.moto.unspoil(&stage.table), 0, "each was spoilt");
    assert_eq!(digest(&stage.policies()).await.unwrap(), proposed);
    assert_eq!(log(&stage.ana()).await.len(), 1);
}

#[tokio::test]
async fn whoever_is_throttled_or_stopped_midway_has_put_nothing_in_force() {
    let Some(stage) = Stage::new().await else { return };
    let one = stage.push(&files("one")).await;
    let two = propose(&stage.ana(), &files("two"), "because").await.unwrap();
    let throttled =
        Spoil::Refused(400, r#"{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException"}"#);
    for written in ["agrees_pk", "push#", "in_force"] {
        let holding = ["DynamoDB_20120810.PutItem", stage.table.as_str(), written];
        stage.moto.spoil_after(0, &holding, u32::MAX, throttled.clone());
        let failed = confirm(&stage.ben(), two, "agreed").await;
        assert!(matches!(failed, Err(PushError::Fault(_))), "{written}: {failed:?}");
        stage.moto.unspoil(&stage.table);
        assert_eq!(digest(&stage.policies()).await.unwrap(), one, "{written}");
    }
    // Once it passes, the same command does it.
    confirm(&stage.ben(), two, "agreed").await.unwrap();
    assert_eq!(digest(&stage.policies()).await.unwrap(), two);
    let log = log(&stage.ana()).await;
    let never = log.iter().filter(|push| push.became == Became::Never).count();
    assert_eq!((log.len(), never), (3, 1), "what did not come to its end is told as that: {log:?}");
}

/// One operator may write the pointer, so that what two have agreed to before is in force again: it is told, and what was in force is not
/// called something that never was.
#[tokio::test]
async fn what_somebody_has_put_back_by_hand_is_told() {
    let Some(stage) = Stage::new().await else { return };
    let one = stage.push(&files("one")).await;
    let mut old = stage.pushed(one).await;
    stage.clock.at(10);
    let two = stage.push(&files("two")).await;
    old.insert("sk".to_owned(), text("in_force"));
    let put = stage.moto.clients().dynamodb().put_item().table_name(&stage.table);
    put.set_item(Some(old)).send().await.unwrap();
    assert_eq!(digest_later(&stage).await, one);
    let told: Vec<_> = log(&stage.ana()).await.iter().map(|push| (push.digest, push.became)).collect();
    assert_eq!(told, [(two, Became::Unclear), (one, Became::InForce)]);
    // Whoever pushes next ends that.
    let three = stage.push(&files("three")).await;
    assert_eq!(digest_later(&stage).await, three);
}

/// Whoever writes the pointer chooses nothing that others compare with.
#[tokio::test]
async fn what_nobodys_words_bear_is_compared_with_by_nobody() {
    let Some(stage) = Stage::new().await else { return };
    let one = stage.push(&files("one")).await;
    let lax = propose(&stage.ana(), &files("lax"), "mine").await.unwrap();
    let found = stage.moto.clients().dynamodb().get_item().table_name(&stage.table);
    let found = found.key("pk", text("policy")).key("sk", text("in_force")).send().await.unwrap();
    // The words of both about another bundle, under the name of one and the other.
    let mut item = found.item.unwrap();
    item.insert("digest".to_owned(), text(&lax.to_string()));
    for (sk, writer) in [("in_force", "w"), ("push#99999999999999999999#w", "w")] {
        item.insert("sk".to_owned(), text(sk));
        item.insert("writer".to_owned(), text(writer));
        let put = stage.moto.clients().dynamodb().put_item().table_name(&stage.table);
        put.set_item(Some(item.clone())).send().await.unwrap();
    }
    let ben = stage.ben();
    assert_eq!(named(&ben).await, Named::Unbacked(lax));
    assert_eq!(ben.last_backed().await.unwrap(), Some(one));
    let log = log(&ben).await;
    let told: Vec<_> = log.iter().map(|push| (push.digest, push.backing, push.became)).collect();
    assert_eq!(
        told,
        [(lax, None, Became::InForce), (one, Some(People::Two), Became::WasInForce)],
        "the true one is known to have been in force"
    );
    assert!(log[0].first.is_none() && log[0].second.is_none(), "a word about another is none: {log:?}");
    // A push that is confirmed mends it.
    stage.clock.at(60);
    let two = stage.push(&files("two")).await;
    assert_eq!(named(&ben).await, Named::Backed(two));
    // What was agreed to before is no later for a later name.
    let mut old = stage.pushed(one).await;
    old.insert("sk".to_owned(), text("push#~"));
    old.insert("at_us".to_owned(), AttributeValue::N(i64::MAX.to_string()));
    let put = stage.moto.clients().dynamodb().put_item().table_name(&stage.table);
    put.set_item(Some(old)).send().await.unwrap();
    assert_eq!(ben.last_backed().await.unwrap(), Some(two));
    assert_eq!(digest(&stage.policies()).await.unwrap(), two);
}

/// Nobody's items keep others from pushing, whatever stands in them.
#[tokio::test]
async fn what_is_no_pointer_no_push_and_no_proposal_stops_nobody() {
    let Some(stage) = Stage::new().await else { return };
    stage.push(&files("one")).await;
    for (sk, writer) in [("push#~", Some("w")), ("proposed#~", Some("w"))] {
        let mut item = vec![("pk", "policy"), ("sk", sk)];
        item.extend(writer.map(|writer| ("writer", writer)));
        stage.put(&item).await;
    }
    for (at, damaged) in [("a", Some("w")), ("b", None), ("c", Some("v"))] {
        let mut item = vec![("pk", "policy"), ("sk", "in_force"), ("digest", "nothing")];
        item.extend(damaged.map(|writer| ("writer", writer)));
        stage.put(&item).await;
        assert_eq!(named(&stage.ben()).await, Named::Damaged);
        let proposed = propose(&stage.ana(), &files(at), "mends it").await.unwrap();
        // More names of proposals than anybody reads at once, behind and before it.
        for number in 0..120 {
            let sk = format!("proposed#{proposed}#~{number:03}");
            stage.put(&[("pk", "policy"), ("sk", &sk), ("first_pk", "operator#x"), ("first_sk", &sk)]).await;
        }
        assert_eq!(confirm(&stage.ben(), proposed, "agreed").await.unwrap(), proposed);
        assert_eq!(digest(&stage.policies()).await.unwrap(), proposed);
    }
    let told = stage.ana().log(100).await.unwrap();
    assert_eq!(told.unreadable, ["push#~"]);
    assert_eq!(told.pushes.len(), 4, "{told:?}");
}

#[tokio::test]
async fn what_is_withdrawn_bears_nothing_whoever_agrees_to_it_later() {
    let Some(stage) = Stage::new().await else { return };
    let one = stage.push(&files("one")).await;
    let wrong = propose(&stage.ana(), &files("wrong"), "mine").await.unwrap();
    let seen = stage.ben().in_force().await.unwrap();
    assert_eq!(stage.ben().withdraw(wrong).await.unwrap(), 0, "another's is theirs");
    assert_eq!(stage.ana().withdraw(wrong).await.unwrap(), 1);
    assert_eq!(stage.ana().withdraw(wrong).await.unwrap(), 0);
    assert!(stage.ben().proposals(None, &seen).await.unwrap().is_empty());
    assert!(matches!(stage.ben().confirm(wrong, &seen, "late").await, Err(PushError::NotProposed)));
    // What is in force is not taken back but replaced.
    assert!(matches!(stage.ana().withdraw(one).await, Err(PushError::InForce)));
    assert_eq!(digest(&stage.policies()).await.unwrap(), one);

    // What was in force by it is known to have been.
    let two = stage.push(&files("next")).await;
    assert_eq!(stage.ana().withdraw(one).await.unwrap(), 1);
    let told = log(&stage.ana()).await;
    let before = told.iter().find(|push| push.digest == one).unwrap();
    assert_eq!((before.backing, before.became), (Some(People::Two), Became::WasInForce), "{before:?}");
    assert!(before.first.as_ref().is_some_and(|first| first.withdrawn.is_some()), "{before:?}");
    assert_eq!(digest_later(&stage).await, two);

    // A yes that came too late is taken back by itself: nobody puts it in force later by the pointer alone.
    let two = propose(&stage.ana(), &files("two"), "mine").await.unwrap();
    let seen = stage.ben().in_force().await.unwrap();
    let three = stage.push(&files("three")).await;
    assert!(matches!(stage.ben().confirm(two, &seen, "late").await, Err(PushError::Overtaken)));
    let log = log(&stage.ana()).await;
    let late = log.iter().find(|push| push.digest == two).unwrap();
    assert_eq!((late.backing, late.became), (None, Became::Never), "{late:?}");
    assert_eq!(digest(&stage.policies()).await.unwrap(), three);
}
