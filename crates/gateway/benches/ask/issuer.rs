//! An issuer on this machine, whose keys are fetched once.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gateway::ports::Clock;
use oidc::{IssuerSettings, Issuers};
use serde_json::{Value, json};

use crate::ports::RealClock;

/// One issuer with one ES256 key, and a token of it.
pub struct Issuer {
    url: String,
    token: String,
}

impl Issuer {
    /// Publishes its key on loopback for as long as the process lives.
    #[allow(clippy::disallowed_methods, reason = "this thread plays another server")]
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
        let keys = json!({"keys": [{
            "kid": "bench", "kty": "EC", "use": "sig", "alg": "ES256", "crv": "P-256",
            "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
        }]});
        thread::spawn(move || publish(&listener, &keys));
        let token = signed(&pair, &url);
        Self { url, token }
    }

    /// A token of the agent `claude-finance`, which acts for Ana.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// What trusts this issuer; it fetches the key with the first token.
    pub fn verifier(&self) -> Issuers {
        let mut settings = IssuerSettings::new(&self.url, "snowgate");
        settings.jwks_uri = Some(format!("{}/keys", self.url));
        Issuers::new(vec![settings]).unwrap()
    }
}

fn publish(listener: &TcpListener, keys: &Value) {
    let body = keys.to_string();
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        // A request for keys is one small packet.
        let _ = stream.read(&mut [0; 4096]).unwrap();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    }
}

fn signed(pair: &EcdsaKeyPair, url: &str) -> String {
    let now = RealClock.now().as_secs();
    let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": "bench"});
    let claims = json!({
        "iss": url, "aud": "snowgate", "sub": "ana@example.com", "client_id": "claude-finance",
        "act": {"sub": "claude-finance"}, "scope": "sql", "groups": ["agents", "finance", "emea"],
        "iat": now, "exp": now + 3600, "jti": "a-token",
    });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(&header), part(&claims));
    let signature = pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
}
