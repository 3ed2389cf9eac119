//! Reviewers sign in: how a sign-in begins, how its code is redeemed, and every way in which its token is not theirs.

use std::time::Duration;

use gateway::ports::{NotAccepted, ProvenReviewer, ReviewerIssuer, SignInAnswer, SignInBegun};
use oidc::{Algorithm, SettingsError, SignInSettings, SignIns};
use serde_json::{Value, json};

use crate::scripted::{Answer, NOW, Scripted, later};
use crate::signer::Signer;

const NONCE: &str = "nonce-of-this-sign-in";

fn settings(scripted: &Scripted) -> SignInSettings {
    let mut settings = SignInSettings::new(&scripted.issuer, "snowgate approvals");
    settings.client_secret = Some("hunter2 & more".to_owned());
    settings.issuer.fetch_timeout = Duration::from_millis(500);
    settings
}

/// An issuer, its key and the client of it.
async fn issuer() -> (Scripted, Signer, SignIns) {
    let signer = Signer::new("k1", Algorithm::Es256);
    let scripted = Scripted::start(&[&signer]).await;
    let sign_ins = SignIns::new(settings(&scripted)).unwrap();
    (scripted, signer, sign_ins)
}

/// What an honest issuer says of Rosa.
fn claims(scripted: &Scripted) -> Value {
    json!({
        "iss": scripted.issuer, "aud": "snowgate approvals", "sub": "00u1", "nonce": NONCE, "iat": NOW, "exp": NOW + 300,
        "auth_time": NOW - 20, "email": "rosa@acme.example", "email_verified": true, "groups": ["data-reviewers"],
        "at_hash": "x", "sid": "s",
    })
}

async fn redeem(sign_ins: &SignIns) -> Result<ProvenReviewer, NotAccepted> {
    let answer = SignInAnswer {
        code: "c/o+de",
        verifier: "verifier",
        redirect_uri: "https://snowgate.example/a/callback",
        nonce: NONCE,
    };
    sign_ins.end(&answer, later(0)).await
}

/// What becomes of a token with these claims and that header.
async fn says(
    (scripted, signer, sign_ins): &(Scripted, Signer, SignIns),
    header: Value,
    claims: &Value,
) -> Result<ProvenReviewer, NotAccepted> {
    let token = signer.sign(&header.to_string(), &claims.to_string());
    scripted.answers_codes(Answer::Text(json!({ "id_token": token, "access_token": "opaque" }).to_string()));
    redeem(sign_ins).await
}

fn header(signer: &Signer) -> Value {
    let mut header = signer.header();
    header["typ"] = "JWT".into();
    header
}

#[track_caller]
fn is_rejected(said: Result<ProvenReviewer, NotAccepted>, expected: &str) {
    match said {
        Err(NotAccepted::Rejected { reason }) => assert_eq!(reason, expected),
        other => panic!("{other:?}, and not {expected}"),
    }
}

#[tokio::test]
async fn a_sign_in_begins_with_pkce_a_nonce_and_a_fresh_proof() {
    let (scripted, _, sign_ins) = issuer().await;
    let begun = SignInBegun {
        redirect_uri: "https://snowgate.example/a/callback",
        state: "st&te",
        nonce: NONCE,
        challenge: "challenge",
    };
    let url = sign_ins.begin(&begun).await.unwrap();
    let (address, query) = url.split_once('?').unwrap();
    assert_eq!(address, format!("{}/authorize", scripted.issuer));
    let pairs: Vec<&str> = query.split('&').collect();
    for pair in [
        "tenant=1",
        "response_type=code",
        "client_id=snowgate+approvals",
        "redirect_uri=https%3A%2F%2Fsnowgate.example%2Fa%2Fcallback",
        "scope=openid+email",
        "state=st%26te",
        "nonce=nonce-of-this-sign-in",
        "code_challenge=challenge",
        "code_challenge_method=S256",
        "max_age=300",
    ] {
        assert!(pairs.contains(&pair), "{pair}: {url}");
    }
    assert!(!url.contains("hunter2"));
}

#[tokio::test]
async fn a_code_is_redeemed_by_the_client_and_its_verifier() {
    let at = issuer().await;
    let proven = says(&at, header(&at.1), &claims(&at.0)).await.unwrap();
    assert_eq!((proven.subject.as_str(), proven.email.as_deref()), ("00u1", Some("rosa@acme.example")));
    assert!(proven.groups.iter().eq(["data-reviewers"]));
    assert_eq!((proven.agent, proven.signed_in), (None, later(-20)));
    let (authorization, form) = at.0.redeemed().remove(0);
    // RFC 6749 section 2.3.1: each part is encoded before they are joined.
    assert_eq!(authorization.unwrap(), "Basic c25vd2dhdGUrYXBwcm92YWxzOmh1bnRlcjIrJTI2K21vcmU=");
    assert_eq!(
        form,
        "grant_type=authorization_code&code=c%2Fo%2Bde&redirect_uri=https%3A%2F%2Fsnowgate.example%2Fa%2Fcallback\
         &code_verifier=verifier"
    );
    let public = SignIns::new(SignInSettings { client_secret: None, ..settings(&at.0) }).unwrap();
    redeem(&public).await.unwrap();
    let (authorization, form) = at.0.redeemed().remove(1);
    assert!(authorization.is_none() && form.ends_with("&client_id=snowgate+approvals"), "{form}");
}

#[tokio::test]
async fn names_that_nobody_has_verified_are_told_apart_from_those_that_somebody_has() {
    let at = issuer().await;
    let mut claims = claims(&at.0);
    for (claim, value) in [
        ("email_verified", json!("true")),
        ("preferred_username", json!("rosa")),
        ("upn", json!("rosa@tenant.example")),
        ("unique_name", json!("live.com#rosa")),
        ("oid", json!("7e0d")),
        ("name", json!("Rosa of no claim that is read")),
    ] {
        claims[claim] = value;
    }
    let proven = says(&at, header(&at.1), &claims).await.unwrap();
    assert_eq!(proven.email, None, "an address that nobody has verified is none");
    let names = ["7e0d", "live.com#rosa", "rosa", "rosa@acme.example", "rosa@tenant.example"];
    assert!(proven.aliases.iter().eq(names), "{:?}", proven.aliases);
}

#[tokio::test]
async fn the_claim_that_names_people_as_agents_tokens_do_must_be_there() {
    let mut at = issuer().await;
    let mut settings = settings(&at.0);
    settings.issuer.person_claim = Some("employee".to_owned());
    at.2 = SignIns::new(settings).unwrap();
    let mut claims = claims(&at.0);
    is_rejected(says(&at, header(&at.1), &claims).await, "claim");
    claims["employee"] = json!("ana");
    let proven = says(&at, header(&at.1), &claims).await.unwrap();
    assert!(proven.aliases.contains("ana"), "{:?}", proven.aliases);
    claims["employee"] = json!(["ana"]);
    is_rejected(says(&at, header(&at.1), &claims).await, "claim");
}

#[tokio::test]
async fn a_token_that_is_not_for_this_sign_in_proves_nobody() {
    let at = issuer().await;
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut claims = claims(&at.0);
        change(&mut claims);
        claims
    };
    let gone =
        |claim: &'static str| changed(&move |claims| drop(claims.as_object_mut().unwrap().remove(claim)));
    let set = |claim: &'static str, value: Value| changed(&move |claims| claims[claim] = value.clone());
    for (claims, reason) in [
        (set("nonce", json!("another's")), "nonce"),
        (gone("nonce"), "claim"),
        (set("iss", json!("https://evil.example")), "issuer"),
        (set("aud", json!("another client")), "audience"),
        (set("aud", json!(["snowgate approvals", "another"])), "audience"),
        (set("azp", json!("another")), "audience"),
        (gone("aud"), "audience"),
        (set("auth_time", json!(NOW - 361)), "stale"),
        (set("auth_time", json!(NOW + 61)), "not_yet_valid"),
        (set("auth_time", json!("now")), "claim"),
        (gone("auth_time"), "claim"),
        (gone("iat"), "claim"),
        (gone("exp"), "claim"),
        (gone("sub"), "claim"),
        (set("sub", json!("ro\u{202e}sa")), "name"),
        (set("iat", json!(NOW + 61)), "not_yet_valid"),
        (set("exp", json!(NOW + 90_000)), "lifetime"),
        (set("groups", json!({"all": true})), "claim"),
        (set("act", json!("claude")), "claim"),
    ] {
        is_rejected(says(&at, header(&at.1), &claims).await, reason);
    }
    let expired = set("exp", json!(NOW - 61));
    assert!(matches!(says(&at, header(&at.1), &expired).await, Err(NotAccepted::Expired)));
    // Several audiences with us as the authorized party are fine, and so is who has no groups or no address.
    let several = changed(&|claims| {
        claims["aud"] = json!(["another", "snowgate approvals"]);
        claims["azp"] = json!("snowgate approvals");
    });
    assert!(says(&at, header(&at.1), &several).await.is_ok());
    assert!(says(&at, header(&at.1), &gone("groups")).await.unwrap().groups.is_empty());
    for unverified in
        [set("email_verified", json!(false)), set("email_verified", json!("true")), gone("email_verified")]
    {
        assert_eq!(says(&at, header(&at.1), &unverified).await.unwrap().email, None);
    }
    let program = set("act", json!({ "sub": "claude" }));
    assert_eq!(says(&at, header(&at.1), &program).await.unwrap().agent.unwrap().as_str(), "claude");
}

#[tokio::test]
async fn a_token_that_its_issuer_has_not_signed_as_it_must_proves_nobody() {
    let at = issuer().await;
    let good = claims(&at.0);
    let with = |key: &str, value: Value| {
        let mut header = header(&at.1);
        header[key] = value;
        header
    };
    is_rejected(says(&at, with("typ", json!("at+jwt")), &good).await, "type");
    is_rejected(says(&at, with("typ", json!("logout+jwt")), &good).await, "type");
    is_rejected(says(&at, with("alg", json!("none")), &good).await, "algorithm");
    is_rejected(says(&at, with("alg", json!("HS256")), &good).await, "algorithm");
    is_rejected(says(&at, with("alg", json!("ES384")), &good).await, "algorithm");
    is_rejected(says(&at, with("kid", json!("k2")), &good).await, "unknown_key");
    let other = Signer::new("k1", Algorithm::Es256);
    let forged = other.sign(&header(&at.1).to_string(), &good.to_string());
    at.0.answers_codes(Answer::Text(json!({ "id_token": forged }).to_string()));
    is_rejected(redeem(&at.2).await, "signature");
}

#[tokio::test]
async fn an_issuer_that_refuses_fails_is_slow_or_says_something_else_lets_nobody_in() {
    let at = issuer().await;
    for status in [400, 401, 403] {
        at.0.answers_codes(Answer::Status(status));
        is_rejected(redeem(&at.2).await, "code");
    }
    for text in ["", "{}", "<html>", r#"{"id_token":7}"#, r#"{"access_token":"x"}"#] {
        at.0.answers_codes(Answer::Text(text.to_owned()));
        is_rejected(redeem(&at.2).await, "malformed");
    }
    for answer in [
        Answer::Status(500),
        Answer::Status(302),
        Answer::Never,
        Answer::Redirect(format!("{}/keys", at.0.issuer)),
        Answer::Text("x".repeat(300 * 1024)),
    ] {
        at.0.answers_codes(answer);
        assert!(matches!(redeem(&at.2).await, Err(NotAccepted::Unavailable(_))));
    }
    let begun = SignInBegun { redirect_uri: "https://a.example", state: "s", nonce: "n", challenge: "c" };
    for answer in [
        Answer::Status(500),
        Answer::Never,
        Answer::Text("{}".to_owned()),
        Answer::Text(json!({ "issuer": "https://evil.example", "authorization_endpoint": "https://evil.example/a", "token_endpoint": "https://evil.example/t" }).to_string()),
        Answer::Text(json!({ "issuer": at.0.issuer, "authorization_endpoint": "http://login.example/a", "token_endpoint": "https://login.example/t" }).to_string()),
        Answer::Text(json!({ "issuer": at.0.issuer, "authorization_endpoint": "javascript:alert(1)", "token_endpoint": "https://login.example/t" }).to_string()),
    ] {
        at.0.answers_discovery(answer);
        assert!(at.2.begin(&begun).await.is_err());
        assert!(matches!(redeem(&at.2).await, Err(NotAccepted::Unavailable(_))));
    }
}

#[tokio::test]
async fn where_a_way_of_proving_oneself_is_wanted_others_do_not_count() {
    let signer = Signer::new("k1", Algorithm::Es256);
    let scripted = Scripted::start(&[&signer]).await;
    let strong = SignInSettings { acr_values: vec!["phr".into(), "phrh".into()], ..settings(&scripted) };
    let at = (scripted, signer, SignIns::new(strong).unwrap());
    let mut claims = claims(&at.0);
    is_rejected(says(&at, header(&at.1), &claims).await, "claim");
    claims["acr"] = json!("pwd");
    is_rejected(says(&at, header(&at.1), &claims).await, "weak");
    claims["acr"] = json!("phrh");
    assert!(says(&at, header(&at.1), &claims).await.is_ok());
    let begun = SignInBegun { redirect_uri: "https://a.example", state: "s", nonce: "n", challenge: "c" };
    assert!(at.2.begin(&begun).await.unwrap().contains("acr_values=phr+phrh"));
}

#[test]
fn settings_that_cannot_be_meant_are_told_by_their_key() {
    let wrong = |change: fn(&mut SignInSettings), expected: &str| {
        let mut settings = SignInSettings::new("https://people.example", "snowgate");
        change(&mut settings);
        match SignIns::new(settings).err() {
            Some(SettingsError::Wrong { what, .. }) => assert_eq!(what, expected),
            other => panic!("{expected}: {other:?}"),
        }
    };
    wrong(|s| s.client_id.clear(), "client_id");
    wrong(|s| s.client_secret = Some(String::new()), "client_secret");
    wrong(|s| s.max_age = Duration::ZERO, "max_age_seconds");
    wrong(|s| s.max_age = Duration::from_secs(24 * 60 * 60), "max_age_seconds");
    wrong(|s| s.scopes = vec!["a b".into()], "scopes");
    wrong(|s| s.acr_values = vec![String::new()], "acr_values");
    let secret = SignInSettings {
        client_secret: Some("hunter2".into()),
        ..SignInSettings::new("https://a.example", "b")
    };
    assert!(!format!("{secret:?}").contains("hunter2"));
    assert!(SignIns::new(SignInSettings::new("http://people.example", "snowgate")).is_err());
}
