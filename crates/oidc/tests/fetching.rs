//! How keys are fetched, kept, renewed and given up, whatever the issuer and the callers do.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use oidc::{Algorithm, Issuers, Rejected};
use serde_json::json;

use crate::scripted::{Answer, Scripted, later, verify};
use crate::signer::Signer;

async fn house() -> (Scripted, Signer) {
    let signer = Signer::new("k1", Algorithm::Es256);
    let scripted = Scripted::start(&[&signer]).await;
    (scripted, signer)
}

#[tokio::test]
async fn keys_are_fetched_once_and_kept() {
    let (scripted, signer) = house().await;
    let issuers = scripted.trusted();
    let token = signer.token(&scripted.claims());
    for second in [0, 1, 60, 600] {
        assert!(verify(&issuers, &token, later(second)).await.is_ok());
    }
    assert_eq!((scripted.discovery_requests(), scripted.key_requests()), (1, 1));
    assert!(verify(&issuers, &token, later(601)).await.is_ok());
    assert_eq!((scripted.discovery_requests(), scripted.key_requests()), (2, 2));
}

#[tokio::test]
async fn a_configured_address_needs_no_discovery() {
    let (scripted, signer) = house().await;
    scripted.answers_discovery(Answer::Status(404));
    let mut settings = scripted.settings();
    settings.jwks_uri = Some(scripted.keys_address());
    let issuers = Issuers::new(vec![settings]).unwrap();
    assert!(verify(&issuers, &signer.token(&scripted.claims()), later(0)).await.is_ok());
    assert_eq!((scripted.discovery_requests(), scripted.key_requests()), (0, 1));
}

#[tokio::test]
async fn many_callers_share_one_fetch() {
    let (scripted, signer) = house().await;
    let issuers = Arc::new(scripted.trusted());
    let token = signer.token(&scripted.claims());
    let callers = (0..100).map(|_| {
        let (issuers, token) = (Arc::clone(&issuers), token.clone());
        tokio::spawn(async move { verify(&issuers, &token, later(0)).await })
    });
    for answer in futures::future::join_all(callers).await {
        assert!(answer.unwrap().is_ok());
    }
    assert_eq!(scripted.key_requests(), 1);
}

#[tokio::test]
async fn a_rotated_key_is_accepted_and_a_withdrawn_one_refused() {
    let (scripted, old) = house().await;
    let new = Signer::new("k2", Algorithm::Rs256);
    let issuers = scripted.trusted();
    let (old_token, new_token) = (old.token(&scripted.claims()), new.token(&scripted.claims()));
    assert!(verify(&issuers, &old_token, later(0)).await.is_ok());

    scripted.publishes(vec![new.jwk(), old.jwk()]);
    assert!(verify(&issuers, &new_token, later(10)).await.is_ok(), "an unknown key is asked for");
    assert!(verify(&issuers, &old_token, later(10)).await.is_ok());
    assert_eq!(scripted.key_requests(), 2);

    scripted.publishes(vec![new.jwk()]);
    assert!(verify(&issuers, &old_token, later(11)).await.is_ok(), "nobody knows yet");
    assert_eq!(verify(&issuers, &old_token, later(611)).await, Err(Rejected::UnknownKey));
    assert!(verify(&issuers, &new_token, later(611)).await.is_ok());

    scripted.publishes(vec![]);
    assert_eq!(verify(&issuers, &new_token, later(1300)).await, Err(Rejected::UnknownKey));
}

#[tokio::test]
async fn unknown_keys_cannot_be_used_to_flood_the_issuer() {
    let (scripted, signer) = house().await;
    let issuers = scripted.trusted();
    let claims = scripted.claims();
    for guess in 0..200 {
        let forged = Signer::new(&format!("guess-{guess}"), Algorithm::EdDsa).token(&claims);
        let second = guess / 20;
        assert_eq!(verify(&issuers, &forged, later(second)).await, Err(Rejected::UnknownKey));
        assert!(verify(&issuers, &signer.token(&claims), later(second)).await.is_ok());
    }
    assert_eq!(scripted.key_requests(), 1, "ten seconds have not passed");
    let forged = Signer::new("guess", Algorithm::EdDsa).token(&claims);
    assert_eq!(verify(&issuers, &forged, later(10)).await, Err(Rejected::UnknownKey));
    assert_eq!(verify(&issuers, &forged, later(11)).await, Err(Rejected::UnknownKey));
    assert_eq!(scripted.key_requests(), 2);
}

/// What trusts the issuer, with little patience where silence is to be expected.
fn trusted(scripted: &Scripted, answer: &Answer) -> Issuers {
    let mut settings = scripted.settings();
    if matches!(answer, Answer::Never) {
        settings.fetch_timeout = Duration::from_millis(300);
    }
    Issuers::new(vec![settings]).unwrap()
}

#[tokio::test]
async fn an_issuer_that_lies_is_as_good_as_unreachable() {
    let (scripted, signer) = house().await;
    let elsewhere = Scripted::start(&[&signer]).await;
    let token = signer.token(&scripted.claims());
    let issuer = &scripted.issuer;
    let discovery =
        |issuer: &str, keys: &str| Answer::Text(json!({"issuer": issuer, "jwks_uri": keys}).to_string());
    let keys = scripted.keys_address();
    for (why, answer) in [
        ("another issuer", discovery("https://login.example", &keys)),
        ("a slash more", discovery(&format!("{issuer}/"), &keys)),
        ("keys without TLS", discovery(issuer, "http://192.0.2.1/keys")),
        ("keys in a file", discovery(issuer, "file:///etc/passwd")),
        ("keys nowhere", discovery(issuer, "keys")),
        ("a redirect", Answer::Redirect(format!("{}/.well-known/openid-configuration", elsewhere.issuer))),
        ("no JSON", Answer::Text("<html>".into())),
        ("half of it", Answer::Text(json!({"issuer": issuer}).to_string())),
        ("too much", Answer::Text(format!(r#"{{"issuer":"{issuer}","x":"{}"}}"#, "x".repeat(300_000)))),
        ("a fault", Answer::Status(500)),
        ("good words under a bad status", Answer::Status(404)),
        ("silence", Answer::Never),
    ] {
        let issuers = trusted(&scripted, &answer);
        scripted.answers_discovery(answer);
        assert_eq!(verify(&issuers, &token, later(0)).await, Err(Rejected::Unreachable), "{why}");
    }
    assert_eq!(scripted.key_requests(), 0);

    scripted.answers_discovery(Answer::Honest);
    let big = json!({"keys": [signer.jwk()], "x": "x".repeat(300_000)}).to_string();
    for (why, answer) in [
        ("a redirect", Answer::Redirect(elsewhere.keys_address())),
        ("too much", Answer::Text(big)),
        ("no keys", Answer::Text("{}".into())),
        ("no JSON", Answer::Text(String::new())),
        ("a fault", Answer::Status(503)),
        ("another success", Answer::Status(203)),
        ("silence", Answer::Never),
    ] {
        let issuers = trusted(&scripted, &answer);
        scripted.answers_keys(answer);
        assert_eq!(verify(&issuers, &token, later(0)).await, Err(Rejected::Unreachable), "{why}");
    }
    assert_eq!(
        (elsewhere.discovery_requests(), elsewhere.key_requests()),
        (0, 0),
        "no redirect was followed"
    );
}

#[tokio::test]
async fn an_issuer_that_cannot_be_reached_is_asked_again_but_not_at_once() {
    let (scripted, signer) = house().await;
    scripted.answers_keys(Answer::Status(500));
    let issuers = scripted.trusted();
    let token = signer.token(&scripted.claims());
    for (second, asked) in [(0, 1), (0, 1), (1, 2), (2, 2), (9, 2), (10, 2)] {
        assert_eq!(verify(&issuers, &token, later(second)).await, Err(Rejected::Unreachable));
        assert_eq!(scripted.key_requests(), asked, "{second}");
    }
    scripted.answers_keys(Answer::Honest);
    assert!(verify(&issuers, &token, later(11)).await.is_ok());
}

#[tokio::test]
async fn whoever_has_just_started_asks_an_issuer_that_was_away_for_a_moment_again_a_second_later() {
    let (scripted, signer) = house().await;
    scripted.answers_discovery(Answer::Status(502));
    let issuers = scripted.trusted();
    let token = signer.token(&scripted.claims());
    assert_eq!(verify(&issuers, &token, later(0)).await, Err(Rejected::Unreachable));
    scripted.answers_discovery(Answer::Honest);
    assert_eq!(verify(&issuers, &token, later(0)).await, Err(Rejected::Unreachable));
    assert!(verify(&issuers, &token, later(1)).await.is_ok());
    // Of those who have keys nobody asks so soon, whatever they are shown.
    let forged = Signer::new("guess", Algorithm::EdDsa).token(&scripted.claims());
    for second in 2..11 {
        assert_eq!(verify(&issuers, &forged, later(second)).await, Err(Rejected::UnknownKey));
    }
    assert_eq!((scripted.discovery_requests(), scripted.key_requests()), (2, 1));
}

#[tokio::test]
async fn keys_outlive_their_issuer_for_an_hour_and_no_longer() {
    let (scripted, signer) = house().await;
    let issuers = scripted.trusted();
    let mut claims = scripted.claims();
    claims["exp"] = json!(crate::scripted::NOW + 80_000);
    let token = signer.token(&claims);
    assert!(verify(&issuers, &token, later(0)).await.is_ok());
    scripted.answers_discovery(Answer::Status(502));
    assert!(verify(&issuers, &token, later(700)).await.is_ok());
    assert!(verify(&issuers, &token, later(3600)).await.is_ok());
    assert_eq!(verify(&issuers, &token, later(3601)).await, Err(Rejected::Unreachable));
    assert_eq!(verify(&issuers, &token, later(7000)).await, Err(Rejected::Unreachable));
    scripted.answers_discovery(Answer::Honest);
    assert!(verify(&issuers, &token, later(7100)).await.is_ok());
}

#[tokio::test]
async fn a_clock_that_is_set_back_makes_no_key_younger() {
    let (scripted, signer) = house().await;
    let issuers = scripted.trusted();
    let mut claims = scripted.claims();
    claims["iat"] = json!(crate::scripted::NOW - 7200);
    let token = signer.token(&claims);
    assert!(verify(&issuers, &token, later(0)).await.is_ok());
    assert!(verify(&issuers, &token, later(-5)).await.is_ok());
    assert_eq!(scripted.key_requests(), 1, "a moment's jitter is nothing");
    assert!(verify(&issuers, &token, later(-3600)).await.is_ok());
    assert_eq!(scripted.key_requests(), 2);
}

#[tokio::test]
async fn callers_that_hang_up_neither_flood_the_issuer_nor_lock_others_out() {
    let (scripted, signer) = house().await;
    scripted.answers_keys(Answer::Never);
    let issuers = scripted.trusted();
    let token = signer.token(&scripted.claims());
    for _ in 0..100 {
        // Asked once, then gone.
        assert!(verify(&issuers, &token, later(0)).now_or_never().is_none());
    }
    scripted.answers_keys(Answer::Honest);
    assert!(verify(&issuers, &token, later(1)).await.is_ok(), "the next caller takes the fetch up");
    assert!(scripted.key_requests() <= 1);

    let issuers = scripted.trusted();
    assert!(verify(&issuers, &token, later(0)).now_or_never().is_none());
    assert!(verify(&issuers, &token, later(6)).await.is_ok(), "one that stood too long is replaced");
}
