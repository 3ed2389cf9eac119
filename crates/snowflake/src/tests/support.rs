//! What the tests share.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa;
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::{Context, ExchangeId, SqlText, Tier, Timestamp};
use gateway::ports::{Clock, Ids, Progress, RowSource};
use gateway::{Fault, Work};
use serde_json::{Value, json};

use crate::scripted::Scripted;
use crate::submission::Submission;
use crate::{Secret, Settings, SqlApi, TierCredentials};

pub(crate) const HANDLE: &str = "01b2c3d4-0000-0000-0000-000000000001";
pub(crate) const SECOND: &str = "01b2c3d4-0000-0000-0000-000000000002";
pub(crate) const THIRD: &str = "01b2c3d4-0000-0000-0000-000000000003";

/// A clock that stands where it was set.
pub(crate) struct SetClock(AtomicI64);

impl SetClock {
    pub(crate) fn at(seconds: i64) -> Self {
        Self(AtomicI64::new(seconds * 1_000_000))
    }

    pub(crate) fn set(&self, seconds: i64) {
        self.0.store(seconds * 1_000_000, Ordering::SeqCst);
    }
}

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// Counts instead of drawing.
#[derive(Default)]
pub(crate) struct CountedIds(AtomicU64);

impl Ids for CountedIds {
    fn random(&self) -> Result<u128, Fault> {
        Ok(u128::from(self.0.fetch_add(1, Ordering::SeqCst)) + 1)
    }
}

/// A fresh key: private PEM, public PEM, public DER.
pub(crate) fn new_key() -> (Secret, String, Vec<u8>) {
    let pair = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).unwrap();
    let private: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    let pem = |label: &str, der: &[u8]| {
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
    };
    (
        Secret::new(pem("PRIVATE KEY", private.as_ref())),
        pem("PUBLIC KEY", public.as_ref()),
        public.as_ref().to_vec(),
    )
}

/// Settings of an account at that URL, with short patience.
pub(crate) fn settings_json(url: &str) -> Value {
    let tier = |token: &str| {
        json!({
            "credential": { "kind": "access-token", "token": token },
            "roles": ["ANALYST", "SEER"], "warehouses": ["WH1"],
        })
    };
    json!({
        "url": url,
        "account": "ACME-DEV",
        "tiers": { "read": tier("pat-of-read"), "write": tier("pat-of-write") },
        "catalog": { "role": "SEER", "warehouse": "WH1" },
        "parameters": { "TIMEZONE": "UTC" },
        "timeouts": { "answer_ms": 1000, "idle_ms": 400, "body_ms": 3000, "catalog_ms": 3000 },
        "bounds": { "first_partition_bytes": 1 << 20, "partition_bytes": 2 << 20, "kept_bytes": 65536 },
    })
}

pub(crate) fn settings(url: &str) -> Settings {
    serde_json::from_value(settings_json(url)).unwrap()
}

pub(crate) async fn server() -> Scripted {
    Scripted::listen(([127, 0, 0, 1], 0).into()).await.unwrap()
}

pub(crate) fn account(settings: Settings) -> SqlApi {
    let clock: Arc<dyn Clock> = Arc::new(SetClock::at(1_764_000_000));
    let credentials = TierCredentials::new(&settings, &clock, None).unwrap();
    SqlApi::new(settings, Arc::new(credentials)).unwrap()
}

/// What a permit for that text would allow.
pub(crate) fn work(text: &str) -> Work {
    Work {
        exchange: ExchangeId {
            session: "0123456789abcdef0123456789abcdef".parse().unwrap(),
            number: domain::ExchangeNumber::FIRST,
        },
        request_id: 0x6f1e0c1e_1111_4222_8333_944455566677,
        text: SqlText::new(text),
        bindings: BTreeMap::new(),
        context: Context {
            role: Some("ANALYST".into()),
            warehouse: Some("WH1".into()),
            database: Some("DB1".into()),
            schema: Some("PUBLIC".into()),
        },
        statement_count: 1,
        parameters: BTreeMap::from([("QUERY_TAG".into(), "snowgate:1/1".into())]),
        timeout: Duration::from_secs(120),
        tier: Tier::Read,
    }
}

/// Runs the work; never longer than ten seconds, whatever the server does.
pub(crate) async fn start(account: &SqlApi, work: Work, wait_ms: u64) -> Result<Progress, Fault> {
    in_time(async {
        let submission = Submission::of_work(work, account.settings())?;
        Ok(account.client.start(&submission, Duration::from_millis(wait_ms)).await?.into())
    })
    .await
}

pub(crate) async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), work).await.expect("it hangs")
}

/// All the text of some rows.
pub(crate) async fn all(mut rows: Box<dyn RowSource>) -> Result<String, Fault> {
    let mut text = Vec::new();
    while let Some(slice) = in_time(rows.next()).await? {
        assert!(slice.len() <= 256 * 1024, "a slice of {} bytes", slice.len());
        text.extend_from_slice(&slice);
    }
    Ok(String::from_utf8(text).unwrap())
}
