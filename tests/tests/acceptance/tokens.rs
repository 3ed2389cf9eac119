//! Tokens as an issuer signs them, at the door.

use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gateway::Gateway;
use oidc::{IssuerSettings, Issuers};
use serde_json::{Value, json};

use crate::door::{router, submit};
use crate::house::{House, customers};

/// An issuer on this machine, with its keys at `/keys`.
struct Issuer {
    url: String,
    pair: EcdsaKeyPair,
    serving: tokio::task::JoinHandle<()>,
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Issuer {
    async fn new() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
        let key = json!({ "kid": "k1", "kty": "EC", "use": "sig", "crv": "P-256", "alg": "ES256",
            "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y) });
        let keys = json!({ "keys": [key] }).to_string();
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let routes = axum::Router::new()
            .route("/keys", get(move || async move { ([("content-type", "application/json")], keys) }));
        let serving = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { url, pair, serving }
    }

    fn claims(&self, now: i64) -> Value {
        json!({ "iss": self.url, "aud": "snowgate", "sub": "ana@acme.example", "client_id": "claude-finance",
            "act": { "sub": "claude-finance" }, "groups": ["agents"], "jti": "t-1", "iat": now, "exp": now + 600 })
    }

    fn token(&self, header: &Value, claims: &Value) -> String {
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", encode(header), encode(claims));
        let signature = self.pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }
}

#[tokio::test]
async fn a_signed_token_asks_and_any_other_is_refused_and_counted_but_not_recorded() {
    let house = House::new().await;
    customers::answer(&house.snow, &[2]);
    let issuer = Issuer::new().await;
    let settings = IssuerSettings {
        jwks_uri: Some(format!("{}/keys", issuer.url)),
        ..IssuerSettings::new(issuer.url.clone(), "snowgate")
    };
    let mut ports = house.ports();
    ports.identities = Arc::new(Issuers::new(vec![settings]).unwrap());
    let now = ports.clock.now();
    let router = router(Gateway::new(ports, house.settings.clone()));

    let header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": "k1" });
    let good = issuer.token(&header, &issuer.claims(now.as_secs()));
    let answer = submit(&router, &good, customers::SQL, "").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let (opening, _) = house.records().remove(0);
    assert_eq!(opening.principal.agent, "claude-finance");
    assert_eq!(opening.principal.person.as_deref(), Some("ana@acme.example"));

    let with = |claim: &str, value: Value| {
        let mut claims = issuer.claims(now.as_secs());
        claims[claim] = value;
        issuer.token(&header, &claims)
    };
    let stranger = Issuer::new().await;
    let bad = [
        ("another audience", with("aud", json!("elsewhere"))),
        ("another issuer", with("iss", json!(stranger.url))),
        ("another key", stranger.token(&header, &issuer.claims(now.as_secs()))),
        ("no signature", good.rsplit_once('.').unwrap().0.to_owned() + "."),
        (
            "no algorithm",
            issuer.token(&json!({ "alg": "none", "typ": "at+jwt" }), &issuer.claims(now.as_secs())),
        ),
        (
            "an id token",
            issuer
                .token(&json!({ "alg": "ES256", "typ": "JWT", "kid": "k1" }), &issuer.claims(now.as_secs())),
        ),
        ("not yet", with("nbf", json!(now.as_secs() + 3600))),
        ("a huge one", format!("{good}{}", "A".repeat(200_000))),
        ("expired", with("exp", json!(now.as_secs() - 300))),
    ];
    let mut told = std::collections::BTreeSet::new();
    for (name, token) in &bad {
        let refused = submit(&router, token, customers::SQL, "").await;
        assert_eq!(refused.status, 401, "{name}: {}", refused.text());
        told.insert(refused.text());
    }
    // Told apart only as far as is safe: expired, no bearer token at all, and everything else.
    assert!(told.len() <= 3, "{told:?}");
    assert_eq!((house.records().len(), house.submissions()), (1, 1));
    let later = now.after(std::time::Duration::from_secs(120));
    let earlier = domain::Timestamp::from_micros(now.as_micros() - 120_000_000);
    let counted: u64 = house.open_home().rejected(earlier, later).unwrap().iter().map(|one| one.count).sum();
    assert_eq!(counted, bad.len() as u64);
    house.verifies();
}
