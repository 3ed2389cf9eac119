//! What S3 tells of objects that were kept, as a queue hands it to a function: many messages at once, each answered for itself.

use std::collections::BTreeSet;
use std::fmt;

use aws_sdk_sns::Client;
use aws_sdk_sns::error::BuildError;
use aws_sdk_sns::types::PublishBatchRequestEntry;
use gateway::{Fault, Origin};
use recording::{ObjectKind, RecordKey};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use thiserror::Error;

use crate::calls::{Clients, fault};

/// What an object's name is told behind, in a bucket of records.
const RECORDS: &str = "records/";

/// What is told of an object again that nobody was told of when it was kept.
const AGAIN: &str = "ObjectCreated:Again";

/// Objects of a message that is told again. A queue hands over a hundred messages at once, and whoever is told of one answers for it as a whole.
const OBJECTS: usize = 10;

/// Messages of one call, at most.
const MESSAGES: usize = 10;

/// An object that something was told of, as it lies.
pub type Told = (RecordKey, ObjectKind);

/// One message of a queue.
#[derive(Debug)]
pub struct Message {
    /// Its id.
    pub id: String,
    /// What it tells.
    pub notice: Result<Notice, NoNotice>,
}

/// The closings and late evidence that a message tells of, without objects of other kinds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Notice {
    /// What was kept.
    pub objects: BTreeSet<Told>,
    /// Whether it is told long after it was kept, because nobody was told then.
    pub is_late: bool,
}

/// A message that tells of no object of ours.
// SECURITY: what it holds is not told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("a message tells of no object of ours: somebody must look")]
pub struct NoNotice;

/// A message that is to be told again, as Lambda wants it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failed {
    /// Its id.
    pub item_identifier: String,
}

/// As Lambda tells what a queue holds; what else stands there is not looked at.
#[derive(Deserialize)]
struct Queue {
    #[serde(rename = "Records")]
    records: Vec<Queued>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Queued {
    message_id: String,
    body: String,
    event_source: String,
}

/// As S3 tells that objects were kept.
#[derive(Deserialize)]
struct Body {
    #[serde(rename = "Records")]
    records: Vec<Created>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Created {
    event_name: String,
    s3: OfS3,
}

#[derive(Deserialize)]
struct OfS3 {
    object: OfObject,
}

#[derive(Deserialize)]
struct OfObject {
    key: String,
}

/// What S3 sends when it is first told where to.
#[derive(Deserialize)]
struct Test {
    #[serde(rename = "Event")]
    event: String,
}

/// The messages of an event; none where it is no queue's, and no message where it holds what another service sends.
pub fn messages(event: &Value) -> Option<Vec<Message>> {
    let queue = Queue::deserialize(event).ok()?;
    if !queue.records.iter().all(|queued| queued.event_source == "aws:sqs") {
        return Some(Vec::new());
    }
    let message = |queued: Queued| Message { notice: notice(&queued.body), id: queued.message_id };
    Some(queue.records.into_iter().map(message).collect())
}

/// The messages that are to be told again: those that tell of what was left undone, and those that nobody can read. So what fails
/// holds up no other.
pub fn failed(messages: &[Message], is_undone: impl Fn(&Told) -> bool) -> Vec<Failed> {
    let is_failed = |message: &&Message| match &message.notice {
        Ok(notice) => notice.objects.iter().any(&is_undone),
        Err(NoNotice) => {
            tracing::error!("a message tells of no object of ours: somebody must look");
            true
        }
    };
    messages.iter().filter(is_failed).map(|one| Failed { item_identifier: one.id.clone() }).collect()
}

/// The topic that S3 tells of every record that is kept.
#[derive(Clone)]
pub struct Kept {
    client: Client,
    arn: String,
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client: _, arn } = self;
        f.debug_struct("Kept").field("arn", arn).finish()
    }
}

impl Kept {
    /// The topic with that ARN.
    pub fn new(clients: &Clients, arn: impl Into<String>) -> Self {
        Self { client: clients.topic.clone(), arn: arn.into() }
    }

    /// Tells of these objects once more, few in a message: whoever hangs on the topic makes of them what they make of new ones.
    ///
    /// # Errors
    /// When not all could be told.
    pub async fn tell_again(&self, objects: &[Told]) -> Result<(), Fault> {
        let public = "what was recorded could not be told again";
        let messages: Vec<&[Told]> = objects.chunks(OBJECTS).collect();
        for some in messages.chunks(MESSAGES) {
            let entry = |(id, objects): (usize, &&[Told])| {
                PublishBatchRequestEntry::builder().id(id.to_string()).message(again(objects)).build()
            };
            let entries: Result<Vec<_>, BuildError> = some.iter().enumerate().map(entry).collect();
            let entries =
                entries.map_err(|error| Fault::lasting(Origin::Recordings, public).because(error))?;
            let told = self.client.publish_batch().topic_arn(&self.arn);
            let told = told.set_publish_batch_request_entries(Some(entries)).send().await;
            let told = told.map_err(|error| fault(Origin::Recordings, public, "sns:PublishBatch", &error))?;
            // SECURITY: the call succeeds although some of it failed.
            if told.successful().len() < some.len() {
                return Err(Fault::passing(Origin::Recordings, public));
            }
        }
        Ok(())
    }
}

/// What S3 would have told of these objects, but for the name of what has happened.
fn again(objects: &[Told]) -> String {
    let records = objects.iter().map(|(key, kind)| {
        let key = format!("{RECORDS}{}", key.object(*kind));
        json!({ "eventName": AGAIN, "s3": { "object": { "key": key } } })
    });
    json!({ "Records": records.collect::<Vec<Value>>() }).to_string()
}

fn notice(body: &str) -> Result<Notice, NoNotice> {
    if serde_json::from_str::<Test>(body).is_ok_and(|test| test.event == "s3:TestEvent") {
        return Ok(Notice::default());
    }
    let body: Body = serde_json::from_str(body).map_err(|_| NoNotice)?;
    let mut found = Notice::default();
    for created in body.records {
        let key = decoded(&created.s3.object.key).ok_or(NoNotice)?;
        let key = key.strip_prefix(RECORDS).ok_or(NoNotice)?;
        if !created.event_name.starts_with("ObjectCreated:") {
            return Err(NoNotice);
        }
        found.is_late |= created.event_name == AGAIN;
        // While two releases run side by side, the older one is told of what it does not know.
        if RecordKey::is_of_another_kind(key) {
            tracing::warn!("an object of a kind that is not known here was kept: it makes no row");
            continue;
        }
        let (key, kind) = RecordKey::parse(key).ok_or(NoNotice)?;
        if matches!(kind, ObjectKind::Closing | ObjectKind::Evidence { .. }) {
            found.objects.insert((key, kind));
        }
    }
    Ok(found)
}

/// A key as S3 writes it into a notice: percent-encoded. Ours hold no blank.
fn decoded(key: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(key.len());
    let mut rest = key.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "v1/dt=2026-11-26/72b508a3cb0c5c3e2d9c20777cd1e6be/00000001";

    fn told(body: &Value) -> Result<Vec<String>, NoNotice> {
        let found = notice(&body.to_string())?;
        Ok(found.objects.into_iter().map(|(key, kind)| key.object(kind)).collect())
    }

    fn kept(key: &str) -> Value {
        json!({ "Records": [{ "eventName": "ObjectCreated:Put", "s3": { "object": { "key": key } } }] })
    }

    #[test]
    fn what_was_kept_is_read_of_its_name_and_of_nothing_else() {
        let closing = format!("{KEY}.closing.json");
        assert_eq!(told(&kept(&format!("records/{}", closing.replace('=', "%3D")))).unwrap(), [closing]);
        // Kinds that make no row of their own.
        assert!(told(&kept(&format!("records/{KEY}.opening.json"))).unwrap().is_empty());
        // And kinds of a later release.
        assert!(told(&kept(&format!("records/{KEY}.receipt-0001.json"))).unwrap().is_empty());
        assert!(told(&json!({ "Event": "s3:TestEvent", "Bucket": "records" })).unwrap().is_empty());
    }

    #[test]
    fn what_is_told_again_reads_as_if_s3_had_told_it_and_says_that_it_is_late() {
        let (key, _) = RecordKey::parse(&format!("{KEY}.closing.json")).unwrap();
        let objects = [(key.clone(), ObjectKind::Closing), (key, ObjectKind::Evidence { step: 3 })];
        let found = notice(&again(&objects)).unwrap();
        assert_eq!((found.objects.into_iter().collect::<Vec<_>>(), found.is_late), (objects.to_vec(), true));
        assert!(!notice(&kept(&format!("records/{KEY}.closing.json")).to_string()).unwrap().is_late);
    }

    #[test]
    fn what_is_no_notice_of_ours_is_none() {
        let mut removed = kept(&format!("records/{KEY}.closing.json"));
        removed["Records"][0]["eventName"] = "ObjectRemoved:Delete".into();
        for body in [
            json!({}),
            json!({ "Records": [{}] }),
            kept("bundles/sha256:7"),
            kept("records/v1/dt=2026-11-26/../00000001.closing.json"),
            kept("records/v1/dt=2026-11-26/../00000001.receipt.json"),
            kept(&format!("records/{KEY}.evidence-1.json")),
            kept("records/%zz"),
            kept("records/%2"),
            kept(&format!("pages/{KEY}.closing.json")),
            // As a topic that is not told to deliver raw wraps it.
            json!({ "Type": "Notification", "Message": kept(&format!("records/{KEY}.closing.json")).to_string() }),
            removed,
        ] {
            assert_eq!(told(&body), Err(NoNotice), "{body}");
        }
    }

    #[test]
    fn only_a_queue_hands_over_messages_and_what_fails_is_told_by_its_own() {
        assert!(messages(&json!({ "task": "day" })).is_none());
        assert!(messages(&json!({ "Records": [] })).unwrap().is_empty());
        let queued = |id: &str, body: Value, source: &str| json!({ "messageId": id, "body": body.to_string(), "eventSource": source });
        let session = KEY.strip_suffix("00000001").unwrap();
        let closing = |number: u32| kept(&format!("records/{session}{number:08}.closing.json"));
        let event = |source| json!({ "Records": [queued("a", closing(1), source), queued("b", closing(2), source), queued("c", json!({}), source)] });
        assert!(messages(&event("aws:s3")).unwrap().is_empty(), "nothing that others send");
        let messages = messages(&event("aws:sqs")).unwrap();
        let again = failed(&messages, |(key, _)| key.exchange.number.get() == 2);
        assert_eq!(
            serde_json::to_value(again).unwrap(),
            json!([{ "itemIdentifier": "b" }, { "itemIdentifier": "c" }])
        );
    }
}
