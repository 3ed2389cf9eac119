//! What the settings allow, and what they refuse by name.

use std::sync::Arc;

use domain::Tier;
use gateway::ports::Clock;
use serde_json::{Value, json};

use super::support::{HANDLE, SetClock, account, server, settings, settings_json, start, work};
use crate::scripted::{Answer, When};
use crate::{Settings, TierCredentials};

#[track_caller]
fn check(pointer: &str, value: Value, complaint: &str) {
    let mut json = settings_json("https://acme-dev.snowflakecomputing.com");
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    json.pointer_mut(parent).unwrap()[key] = value;
    let settings: Settings = serde_json::from_value(json).unwrap();
    assert_eq!(settings.check().unwrap_err().to_string(), complaint);
}

#[test]
fn a_wrong_setting_is_named() {
    settings("https://acme-dev.snowflakecomputing.com").check().unwrap();
    let insecure = "`url` is neither https nor http on loopback";
    check("/url", json!("http://acme-dev.snowflakecomputing.com"), insecure);
    check("/url", json!("http://127.0.0.1.example.com"), insecure);
    check("/url", json!("ftp://127.0.0.1"), insecure);
    check("/url", json!("https://a.example/path"), "`url` holds more than a scheme and a host");
    check("/url", json!("https://u:p@a.example"), "`url` holds more than a scheme, a host and a path");
    check("/url", json!("acme"), "`url` is no URL");
    check("/account", json!("a b"), "`account` is no account identifier such as `ACME-DEV`");
    check("/tiers/read/roles", json!([]), "`tiers.read.roles` names no role");
    check("/tiers/write/warehouses", json!([""]), "`tiers.write.warehouses` names no warehouse");
    check("/tiers/write/credential/token", json!(" "), "`tiers.write.credential.token` is empty");
    check("/catalog/role", json!("OTHER"), "`catalog.role` is none of `tiers.read.roles`");
    check("/parameters/lower", json!("x"), "`parameters.lower` is no upper-case name of a session parameter");
    check("/timeouts/idle_ms", json!(0), "`timeouts.idle_ms` is not between 1 and 3600000 milliseconds");
    check("/bounds/tries", json!(0), "`bounds.tries` is zero");
    let client =
        json!({ "token_endpoint": "http://idp.example/token", "client_id": "c", "client_secret": "s" });
    check(
        "/tiers/write/credential",
        json!({ "kind": "client-credentials", "client": client }),
        "`tiers.write.credential.client.token_endpoint` is neither https nor http on loopback",
    );
}

#[test]
fn an_unknown_setting_is_refused() {
    let mut json = settings_json("https://a.example");
    json["surprise"] = json!(1);
    assert!(serde_json::from_value::<Settings>(json).is_err());
    let mut json = settings_json("https://a.example");
    json["tiers"]["read"]["credential"] = json!({ "kind": "workload-identity", "token": "t" });
    assert!(serde_json::from_value::<Settings>(json).is_err());
}

#[test]
fn loopback_may_be_plain() {
    for url in ["http://127.0.0.1:8080", "http://[::1]:8080", "http://localhost:8080"] {
        settings(url).check().unwrap();
    }
}

#[test]
fn settings_print_no_secret() {
    let shown = format!("{:?}", settings("https://a.example"));
    assert!(!shown.contains("pat-of"), "{shown}");
}

#[test]
fn a_workload_identity_that_nobody_brought_does_not_start() {
    let mut json = settings_json("https://a.example");
    json["tiers"]["write"]["credential"] = json!({ "kind": "workload-identity" });
    let settings: Settings = serde_json::from_value(json).unwrap();
    let clock: Arc<dyn Clock> = Arc::new(SetClock::at(0));
    let Err(error) = TierCredentials::new(&settings, &clock, None) else { panic!() };
    assert_eq!(
        error.to_string(),
        "`tiers.write.credential.kind` needs a deployment with a workload identity"
    );
}

#[tokio::test]
async fn what_the_settings_do_not_allow_is_not_sent() {
    let server = server().await;
    server.on(When::any(), [Answer::result(HANDLE, &[("N", "fixed")], &[])]);
    let account = account(settings(&server.url()));
    let mut works = vec![work("1"), work("2"), work("3"), work("4"), work("5"), work("6")];
    works[0].context.role = Some("ACCOUNTADMIN".into());
    works[1].context.warehouse = Some("BIG".into());
    works[2].context.database = None;
    works[3].context.role = None;
    works[4].statement_count = 0;
    works[5].tier = Tier::Define;
    for work in works {
        assert!(start(&account, work, 500).await.is_err());
    }
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn each_tier_has_its_own_bearer() {
    let server = server().await;
    server.on(When::any(), [Answer::result(HANDLE, &[("N", "fixed")], &[])]);
    let account = account(settings(&server.url()));
    let mut write = work("insert");
    write.tier = Tier::Write;
    start(&account, write, 500).await.unwrap();
    start(&account, work("select"), 500).await.unwrap();
    let bearers: Vec<_> =
        server.received().iter().map(|request| request.header("authorization").unwrap().to_owned()).collect();
    assert_eq!(bearers, ["Bearer pat-of-write", "Bearer pat-of-read"]);
}

#[tokio::test]
async fn a_permit_cannot_pass_a_pinned_parameter_by() {
    let server = server().await;
    server.on(When::any(), [Answer::result(HANDLE, &[("N", "fixed")], &[])]);
    let mut work = work("select 1");
    for name in ["multi_statement_count", "Quoted_Identifiers_Ignore_Case", "BINARY_OUTPUT_FORMAT"] {
        work.parameters.insert(name.into(), "sly".into());
    }
    work.timeout = std::time::Duration::ZERO;
    start(&account(settings(&server.url())), work, 500).await.unwrap();
    let body: Value = serde_json::from_slice(&server.received()[0].body).unwrap();
    assert_eq!(
        body["parameters"],
        json!({
            "BINARY_OUTPUT_FORMAT": "HEX", "MULTI_STATEMENT_COUNT": "1", "QUERY_TAG": "snowgate:1/1",
            "QUOTED_IDENTIFIERS_IGNORE_CASE": "false", "TIMEZONE": "UTC",
        })
    );
    assert_eq!(body["timeout"], 1, "0 would mean the longest");
}
