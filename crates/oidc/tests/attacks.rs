//! What a forger sends.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use domain::Credential;
use gateway::ports::{Identities, NotAccepted};
use gateway::{Origin, Retry};
use oidc::{Algorithm, Issuers, Public, Rejected, SettingsError};
use serde_json::{Value, json};

use crate::scripted::{NOW, Scripted, later, verify};
use crate::signer::{Signer, hmac_token, message};

/// An issuer with one key for each algorithm family, and what trusts it.
async fn house() -> (Scripted, Issuers, Vec<Signer>) {
    let signers = vec![
        Signer::new("rsa", Algorithm::Rs256),
        Signer::new("p256", Algorithm::Es256),
        Signer::new("p384", Algorithm::Es384),
        Signer::new("ed", Algorithm::EdDsa),
    ];
    let scripted = Scripted::start(&signers.iter().collect::<Vec<_>>()).await;
    let issuers = scripted.trusted();
    (scripted, issuers, signers)
}

fn with(mut value: Value, key: &str, replacement: Value) -> Value {
    value[key] = replacement;
    value
}

#[tokio::test]
async fn every_algorithm_of_the_list_is_verified_with_its_own_key() {
    for algorithm in Algorithm::ALL {
        let signer = Signer::new("k", algorithm);
        let scripted = Scripted::start(&[&signer]).await;
        let issuers = scripted.trusted();
        let token = signer.token(&scripted.claims());
        let identity = verify(&issuers, &token, later(0)).await.unwrap();
        assert_eq!(identity.agent.as_str(), "claude-finance");
        assert_eq!(identity.person, None);
        assert_eq!(identity.groups, BTreeSet::from(["analysts".to_owned()]));
        assert_eq!(identity.scopes, BTreeSet::from(["sql:read".to_owned()]));
        assert_eq!(identity.token_id.as_deref(), Some("t-1"));
        assert_eq!(identity.expires_at, later(7200));

        // The same key, one bit of the signature or of the claims changed.
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
        bytes[7] ^= 1;
        let flipped = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(&bytes));
        assert_eq!(verify(&issuers, &flipped, later(0)).await, Err(Rejected::Signature), "{algorithm}");
        let raised = with(scripted.claims(), "groups", json!(["admins"])).to_string();
        let altered = format!("{}.{signature}", message(&signer.header().to_string(), &raised));
        assert_eq!(verify(&issuers, &altered, later(0)).await, Err(Rejected::Signature), "{algorithm}");
        let cut = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(&bytes[..bytes.len() - 1]));
        assert_eq!(verify(&issuers, &cut, later(0)).await, Err(Rejected::Signature), "{algorithm}");
        let bare = format!("{signed}.");
        assert_eq!(verify(&issuers, &bare, later(0)).await, Err(Rejected::Signature), "{algorithm}");

        // Another's key under the same name.
        let forged = Signer::new("k", algorithm).token(&scripted.claims());
        assert_eq!(verify(&issuers, &forged, later(0)).await, Err(Rejected::Signature), "{algorithm}");

        // A good token of an algorithm that is not on the list.
        let mut settings = scripted.settings();
        settings.algorithms.retain(|allowed| *allowed != algorithm);
        let issuers = Issuers::new(vec![settings]).unwrap();
        assert_eq!(verify(&issuers, &token, later(0)).await, Err(Rejected::Algorithm), "{algorithm}");
        assert_eq!(scripted.key_requests(), 1, "and nobody was asked for it");
    }
}

#[tokio::test]
async fn an_unsigned_token_is_refused_however_none_is_spelled() {
    let (scripted, issuers, _) = house().await;
    let claims = scripted.claims().to_string();
    for none in ["none", "None", "NONE", "nOnE", ""] {
        let header = json!({"alg": none, "typ": "at+jwt", "kid": "rsa"}).to_string();
        for signature in ["", "AAAA"] {
            let token = format!("{}.{signature}", message(&header, &claims));
            assert_eq!(verify(&issuers, &token, later(0)).await, Err(Rejected::Algorithm), "{none}");
        }
    }
    assert_eq!(scripted.key_requests(), 0);
}

#[tokio::test]
async fn a_public_key_is_never_a_shared_secret() {
    let (scripted, issuers, signers) = house().await;
    let claims = scripted.claims().to_string();
    for signer in &signers {
        let jwk = signer.jwk();
        let part = jwk.get("n").or_else(|| jwk.get("x")).and_then(Value::as_str).unwrap();
        let raw = URL_SAFE_NO_PAD.decode(part).unwrap();
        let pem =
            format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(&raw));
        for secret in [raw.as_slice(), part.as_bytes(), pem.as_bytes(), jwk.to_string().as_bytes(), b""] {
            for algorithm in ["HS256", "HS384", "HS512"] {
                let header = json!({"alg": algorithm, "typ": "at+jwt", "kid": signer.id}).to_string();
                let token = hmac_token(&header, &claims, secret);
                assert_eq!(verify(&issuers, &token, later(0)).await, Err(Rejected::Algorithm));
            }
            // And under the name of an algorithm that is allowed.
            let token = hmac_token(&signer.header().to_string(), &claims, secret);
            assert_eq!(verify(&issuers, &token, later(0)).await, Err(Rejected::Signature));
        }
    }
}

#[tokio::test]
async fn an_algorithm_is_used_only_with_its_own_kind_of_key() {
    let (scripted, issuers, signers) = house().await;
    let claims = scripted.claims().to_string();
    for (signer, algorithm) in [
        (&signers[0], "ES256"),
        (&signers[0], "EdDSA"),
        (&signers[1], "RS256"),
        (&signers[1], "ES384"),
        (&signers[2], "ES256"),
        (&signers[3], "ES256"),
        (&signers[3], "PS256"),
    ] {
        let header = with(signer.header(), "alg", json!(algorithm)).to_string();
        let token = signer.sign(&header, &claims);
        assert_eq!(verify(&issuers, &token, later(0)).await, Err(Rejected::KeyMismatch), "{algorithm}");
    }
    // An RSA key fits seven algorithms, but makes one signature.
    let header = with(signers[0].header(), "alg", json!("PS256")).to_string();
    assert_eq!(
        verify(&issuers, &signers[0].sign(&header, &claims), later(0)).await,
        Err(Rejected::Signature)
    );
    // Named in full (RFC 9864), Ed25519 is the same algorithm.
    let header = with(signers[3].header(), "alg", json!("Ed25519")).to_string();
    assert!(verify(&issuers, &signers[3].sign(&header, &claims), later(0)).await.is_ok());
}

#[tokio::test]
async fn a_key_with_an_algorithm_of_its_own_signs_with_no_other() {
    let signer = Signer::new("k", Algorithm::Rs256);
    let scripted = Scripted::start(&[]).await;
    scripted.publishes(vec![with(signer.jwk(), "alg", json!("PS256"))]);
    let token = signer.token(&scripted.claims());
    assert_eq!(verify(&scripted.trusted(), &token, later(0)).await, Err(Rejected::KeyMismatch));
}

#[tokio::test]
async fn a_token_cannot_bring_its_own_key() {
    let (scripted, issuers, signers) = house().await;
    let forger = Signer::new("p256", Algorithm::Es256);
    let claims = scripted.claims().to_string();
    for (name, value) in [
        ("jwk", forger.jwk()),
        ("jku", json!("http://127.0.0.1:1/keys")),
        ("x5u", json!("http://127.0.0.1:1/chain")),
        ("x5c", json!(["MIIB"])),
        ("crit", json!(["exp"])),
        ("b64", json!(false)),
    ] {
        for signer in [&forger, &signers[1]] {
            let header = with(signer.header(), name, value.clone()).to_string();
            let token = signer.sign(&header, &claims);
            assert_eq!(verify(&issuers, &token, later(0)).await, Err(Rejected::Header), "{name}");
        }
    }
}

#[tokio::test]
async fn a_key_name_is_only_ever_compared() {
    let (scripted, issuers, signers) = house().await;
    let claims = scripted.claims().to_string();
    let long = "k".repeat(8_000);
    for name in [
        "../../../etc/passwd",
        "/dev/null",
        "rsa\0",
        "rsa' OR '1'='1",
        "http://127.0.0.1/x",
        "",
        "RSA",
        &long,
    ] {
        let header = with(signers[0].header(), "kid", json!(name)).to_string();
        let token = signers[0].sign(&header, &claims);
        assert_eq!(verify(&issuers, &token, later(0)).await, Err(Rejected::UnknownKey), "{name}");
    }
    assert_eq!(scripted.key_requests(), 1);
    let header = json!({"alg": "RS256", "typ": "at+jwt"}).to_string();
    let token = signers[0].sign(&header, &claims);
    assert_eq!(verify(&issuers, &token, later(0)).await, Err(Rejected::NoKeyNamed));
}

#[tokio::test]
async fn the_only_key_need_not_be_named() {
    let signer = Signer::new("k", Algorithm::Es256);
    let scripted = Scripted::start(&[&signer]).await;
    let token = signer.sign(r#"{"alg":"ES256","typ":"at+jwt"}"#, &scripted.claims().to_string());
    assert!(verify(&scripted.trusted(), &token, later(0)).await.is_ok());
}

#[tokio::test]
async fn only_access_tokens_are_accepted() {
    let (scripted, issuers, signers) = house().await;
    let token = |kind: Value, claims: &Value| {
        signers[1].sign(&with(signers[1].header(), "typ", kind).to_string(), &claims.to_string())
    };
    for kind in [json!("JWT"), json!(null), json!(""), json!("oauth-id-jag+jwt"), json!("at+jwt ")] {
        let token = token(kind.clone(), &scripted.claims());
        assert_eq!(verify(&issuers, &token, later(0)).await, Err(Rejected::Type), "{kind}");
    }
    for kind in ["at+jwt", "AT+JWT", "application/at+jwt"] {
        assert!(verify(&issuers, &token(json!(kind), &scripted.claims()), later(0)).await.is_ok(), "{kind}");
    }
    // Where `JWT` is accepted, an ID token still is not.
    let mut settings = scripted.settings();
    settings.types = vec!["JWT".into(), String::new()];
    let issuers = Issuers::new(vec![settings]).unwrap();
    assert!(verify(&issuers, &token(json!("JWT"), &scripted.claims()), later(0)).await.is_ok());
    assert!(verify(&issuers, &token(json!(null), &scripted.claims()), later(0)).await.is_ok());
    let id_token = with(scripted.claims(), "nonce", json!("n"));
    assert_eq!(verify(&issuers, &token(json!("JWT"), &id_token), later(0)).await, Err(Rejected::Type));
}

#[tokio::test]
async fn claims_are_held_to_the_settings_and_the_clock() {
    let (scripted, issuers, signers) = house().await;
    for (claim, value, expected) in [
        ("aud", json!("other"), Rejected::Audience),
        ("aud", json!(["other"]), Rejected::Audience),
        ("exp", json!(NOW - 61), Rejected::Expired),
        ("nbf", json!(NOW + 3600), Rejected::NotYetValid),
        ("iat", json!(NOW + 3600), Rejected::NotYetValid),
        ("exp", json!(NOW + 10_000_000), Rejected::Lifetime),
        ("iss", json!("https://login.example"), Rejected::Issuer),
        ("iss", json!(format!("{}/", scripted.issuer)), Rejected::Issuer),
        ("sub", json!("a\nb"), Rejected::Name),
        ("cnf", json!({"jkt": "x"}), Rejected::Bound),
    ] {
        let token = signers[1].token(&with(scripted.claims(), claim, value.clone()));
        assert_eq!(verify(&issuers, &token, later(0)).await, Err(expected), "{claim} {value}");
    }
    let token = signers[1].token(&scripted.claims());
    assert!(verify(&issuers, &token, later(7259)).await.is_ok());
    assert_eq!(verify(&issuers, &token, later(7260)).await, Err(Rejected::Expired));
}

#[tokio::test]
async fn a_token_of_one_issuer_is_never_verified_with_anothers_keys() {
    let (ours, theirs) = (Signer::new("k", Algorithm::Es256), Signer::new("k", Algorithm::Es256));
    let (one, other) = (Scripted::start(&[&ours]).await, Scripted::start(&[&theirs]).await);
    let issuers = Issuers::new(vec![one.settings(), other.settings()]).unwrap();
    assert!(verify(&issuers, &ours.token(&one.claims()), later(0)).await.is_ok());
    assert!(verify(&issuers, &theirs.token(&other.claims()), later(0)).await.is_ok());
    assert_eq!(verify(&issuers, &theirs.token(&one.claims()), later(0)).await, Err(Rejected::Signature));
    assert_eq!(
        Issuers::new(vec![one.settings(), one.settings()]).unwrap_err(),
        SettingsError::Twice(one.issuer.clone()),
    );
    assert_eq!(Issuers::new(vec![]).unwrap_err(), SettingsError::NoIssuer);
}

#[tokio::test]
async fn claims_that_stand_twice_are_refused_though_they_are_signed() {
    let (scripted, issuers, signers) = house().await;
    let claims = scripted.claims().to_string();
    for more in [r#""sub":"boss""#, r#""groups":["admins"]"#, r#""unheard":1,"unheard":2"#] {
        let doubled = format!("{},{more}}}", claims.strip_suffix('}').unwrap());
        let token = signers[1].sign(&signers[1].header().to_string(), &doubled);
        assert_eq!(verify(&issuers, &token, later(0)).await, Err(Rejected::Malformed), "{more}");
    }
}

#[tokio::test]
async fn the_outermost_actor_is_the_agent_of_a_signed_token() {
    let (scripted, issuers, signers) = house().await;
    let act = json!({"sub": "claude-finance", "act": {"sub": "scheduler", "act": {"sub": "cron"}}});
    let claims = with(with(scripted.claims(), "act", act), "sub", json!("ana@corp.example"));
    let identity = verify(&issuers, &signers[1].token(&claims), later(0)).await.unwrap();
    assert_eq!(identity.agent.as_str(), "claude-finance");
    assert_eq!(identity.person.unwrap().as_str(), "ana@corp.example");
    assert_eq!(identity.subject, "ana@corp.example");
}

#[tokio::test]
async fn a_huge_token_is_refused_without_asking_anybody() {
    let (scripted, issuers, signers) = house().await;
    let claims = with(scripted.claims(), "padding", json!("x".repeat(200 * 1024)));
    let token = signers[1].token(&claims);
    assert_eq!(verify(&issuers, &token, later(0)).await, Err(Rejected::TooLong));
    assert_eq!(verify(&issuers, &"A".repeat(200 * 1024), later(0)).await, Err(Rejected::TooLong));
    assert_eq!(scripted.key_requests(), 0);
}

#[tokio::test]
async fn nothing_that_is_printed_holds_a_token() {
    let (scripted, issuers, signers) = house().await;
    let token = signers[1].token(&with(scripted.claims(), "aud", json!("other")));
    let credential = Credential::new(token.clone());
    let rejected = issuers.verify(&credential, later(0)).await.unwrap_err();
    let printed = format!("{rejected:?} {rejected} {credential:?} {issuers:?} {}", rejected.public());
    for part in token.split('.') {
        assert!(!printed.contains(part));
    }
    assert!(!printed.contains("claude-finance"));
}

#[test]
fn three_sentences_are_all_that_a_forger_ever_reads() {
    let sentences: BTreeSet<&str> = Rejected::ALL.iter().map(|rejected| rejected.public().as_str()).collect();
    let expected =
        ["issuer unreachable, try again", "token has expired", "token is malformed or not accepted here"];
    assert_eq!(sentences, BTreeSet::from(expected));
    let reasons: BTreeSet<&str> = Rejected::ALL.iter().map(|rejected| rejected.reason()).collect();
    assert_eq!(reasons.len(), Rejected::ALL.len(), "each has a counter of its own");
    assert_eq!(Rejected::Signature.public(), Public::NotAccepted);
}

#[tokio::test]
async fn the_gateway_hears_three_kinds_of_no() {
    let (scripted, issuers, signers) = house().await;
    let gateway: Box<dyn Identities> = Box::new(issuers);
    let good = Credential::new(signers[1].token(&scripted.claims()));
    assert_eq!(gateway.verify(&good, later(0)).await.unwrap().subject, "claude-finance");
    assert!(matches!(gateway.verify(&good, later(9000)).await, Err(NotAccepted::Expired)));
    let other = Credential::new(signers[1].token(&with(scripted.claims(), "aud", json!("other"))));
    let answer = gateway.verify(&other, later(0)).await;
    assert!(matches!(answer, Err(NotAccepted::Rejected { reason: "audience" })));
    scripted.answers_discovery(crate::scripted::Answer::Status(500));
    let Err(NotAccepted::Unavailable(fault)) = gateway.verify(&good, later(7000)).await else {
        panic!("accepted")
    };
    assert_eq!((fault.origin, fault.retry), (Origin::Identities, Retry::Soon));
    assert_eq!(fault.public, "issuer unreachable, try again");
}
