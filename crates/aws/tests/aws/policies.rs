//! The policy bundle in a bucket and a table.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aws::{Policies, PushError};
use bytes::Bytes;
use domain::{Digest, Timestamp};
use gateway::ports::{Clock, Policies as _};
use gateway::{Fault, Origin, Retry};

use crate::moto::{Moto, Spoil};

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

impl Stage {
    async fn new() -> Option<Self> {
        let moto = Moto::get()?;
        let (table, bucket) = (moto.table().await, moto.bucket("bundles").await);
        Some(Self { moto, table, bucket, clock: Arc::default() })
    }

    /// One process's view.
    fn policies(&self) -> Policies {
        Policies::new(&self.moto.clients(), &self.table, &self.bucket, self.clock.clone())
    }
}

/// A bundle that differs from the built-in one by a comment.
fn files(comment: &str) -> BTreeMap<String, Vec<u8>> {
    let mut files = policy::default_files();
    files.insert("99-more.cedar".to_owned(), format!("// {comment}\n").into_bytes());
    files
}

async fn digest(policies: &Policies) -> Result<Digest, Fault> {
    policies.bundle().await.map(|bundle| bundle.digest())
}

#[tokio::test]
async fn a_bundle_that_is_pushed_decides_in_every_process_within_ten_seconds() {
    let Some(stage) = Stage::new().await else { return };
    let (first, second) = (stage.policies(), stage.policies());
    let none = digest(&first).await.unwrap_err();
    assert_eq!((none.origin, none.retry), (Origin::Policies, Retry::Never), "nothing is decided without");
    let one = first.push(&files("one"), None, "ana", "the first").await.unwrap();
    assert_eq!((digest(&first).await.unwrap(), digest(&second).await.unwrap()), (one, one));
    let two = second.push(&files("two"), Some(one), "ben", "the second").await.unwrap();
    stage.clock.at(10);
    assert_eq!((digest(&first).await.unwrap(), digest(&second).await.unwrap()), (two, two));
    // Back to what was in force before: the very same bundle lies there already.
    assert_eq!(first.push(&files("one"), Some(two), "ana", "back").await.unwrap(), one);
    let pushes = first.pushes(10).await.unwrap();
    let told: Vec<_> = pushes.iter().map(|push| (push.by.as_str(), push.why.as_str())).collect();
    assert!(told.contains(&("ana", "back")) && told.contains(&("ben", "the second")), "{told:?}");
    assert_eq!(told.len(), 3);
}

#[tokio::test]
async fn of_two_who_push_over_the_same_bundle_one_is_told_that_they_were_overtaken() {
    let Some(stage) = Stage::new().await else { return };
    let policies = stage.policies();
    let one = policies.push(&files("one"), None, "ana", "first").await.unwrap();
    let two = policies.push(&files("two"), Some(one), "ana", "second").await.unwrap();
    let late = policies.push(&files("three"), Some(one), "ben", "late").await;
    assert!(matches!(late, Err(PushError::Overtaken)));
    assert!(matches!(policies.push(&files("three"), None, "ben", "blind").await, Err(PushError::Overtaken)));
    assert_eq!(digest(&stage.policies()).await.unwrap(), two);
}

#[tokio::test]
async fn a_bundle_that_is_not_good_is_never_pushed() {
    let Some(stage) = Stage::new().await else { return };
    let policies = stage.policies();
    let mut bad = files("bad");
    bad.insert("98-bad.cedar".to_owned(), b"permit (principal, action".to_vec());
    assert!(matches!(policies.push(&bad, None, "ana", "bad").await, Err(PushError::Invalid(_))));
    assert!(policies.pushes(10).await.unwrap().is_empty());
    assert!(digest(&policies).await.is_err());
}

#[tokio::test]
async fn while_nobody_can_tell_the_last_good_bundle_decides_for_an_hour_and_then_none() {
    let Some(stage) = Stage::new().await else { return };
    let (seasoned, fresh) = (stage.policies(), stage.policies());
    let one = seasoned.push(&files("one"), None, "ana", "first").await.unwrap();
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
async fn what_the_bucket_says_is_believed_by_its_digest_alone() {
    let Some(stage) = Stage::new().await else { return };
    let policies = stage.policies();
    let one = policies.push(&files("one"), None, "ana", "first").await.unwrap();
    let other = policy::Bundle::parse(&files("other")).unwrap().digest();
    // Somebody who may write the bucket puts a lax bundle where a strict one is going to be.
    let s3 = stage.moto.clients().s3().clone();
    let key = |digest: Digest| format!("bundles/{}", digest.to_string().replace(':', "-"));
    let first = s3.get_object().bucket(&stage.bucket).key(key(one)).send().await.unwrap();
    let lax: Bytes = first.body.collect().await.unwrap().into_bytes();
    s3.put_object().bucket(&stage.bucket).key(key(other)).body(lax.into()).send().await.unwrap();
    let pushed = policies.push(&files("other"), Some(one), "ana", "strict").await;
    assert!(matches!(pushed, Err(PushError::Fault(_))), "{pushed:?}");
    assert_eq!(digest(&stage.policies()).await.unwrap(), one);
    for damaged in ["", "{}", "{\"v\":1,\"files\":{\"catalog.toml\":\"!\"}}"] {
        s3.put_object()
            .bucket(&stage.bucket)
            .key(key(one))
            .body(Bytes::from(damaged).into())
            .send()
            .await
            .unwrap();
        let fault = digest(&stage.policies()).await.unwrap_err();
        assert_eq!((fault.origin, fault.retry), (Origin::Policies, Retry::Never), "{damaged}");
    }
}
