//! An issuer that does as it is told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use domain::{Credential, Identity, Timestamp};
use oidc::{Algorithm, IssuerSettings, Issuers, Rejected};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::signer::Signer;

/// The second at which every test starts.
pub const NOW: i64 = 1_800_000_000;

/// So many seconds after the start.
pub fn later(seconds: i64) -> Timestamp {
    Timestamp::from_micros((NOW + seconds) * 1_000_000)
}

/// How the issuer answers one of its two addresses.
#[derive(Clone)]
pub enum Answer {
    /// As an honest issuer would.
    Honest,
    /// With this status.
    Status(u16),
    /// With this text.
    Text(String),
    /// With a redirect to this address.
    Redirect(String),
    /// Never.
    Never,
}

struct Script {
    discovery: Answer,
    jwks: Answer,
    /// What codes are redeemed for.
    token: Answer,
    /// How they were: the authorization header and the form.
    redeemed: Vec<(Option<String>, String)>,
    keys: Vec<Value>,
    /// How often each was asked for.
    asked: (usize, usize),
}

/// An issuer on a port of its own.
pub struct Scripted {
    pub issuer: String,
    address: SocketAddr,
    script: Arc<Mutex<Script>>,
}

impl Scripted {
    /// An honest issuer that publishes these keys.
    pub async fn start(signers: &[&Signer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let issuer = format!("http://{address}");
        let keys = signers.iter().map(|signer| signer.jwk()).collect();
        let script = Script {
            discovery: Answer::Honest,
            jwks: Answer::Honest,
            token: Answer::Status(400),
            redeemed: Vec::new(),
            keys,
            asked: (0, 0),
        };
        let script = Arc::new(Mutex::new(script));
        let state = (issuer.clone(), Arc::clone(&script));
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(keys_document))
            .route("/token", post(redeem))
            .with_state(state);
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { issuer, address, script }
    }

    pub fn answers_discovery(&self, answer: Answer) {
        self.script.lock().unwrap().discovery = answer;
    }

    pub fn answers_keys(&self, answer: Answer) {
        self.script.lock().unwrap().jwks = answer;
    }

    pub fn answers_codes(&self, answer: Answer) {
        self.script.lock().unwrap().token = answer;
    }

    /// How codes were redeemed: the authorization header and the form.
    pub fn redeemed(&self) -> Vec<(Option<String>, String)> {
        self.script.lock().unwrap().redeemed.clone()
    }

    /// Publishes these keys and no others from now on.
    pub fn publishes(&self, keys: Vec<Value>) {
        self.script.lock().unwrap().keys = keys;
    }

    /// How often its keys were asked for.
    pub fn key_requests(&self) -> usize {
        self.script.lock().unwrap().asked.1
    }

    /// How often its discovery document was asked for.
    pub fn discovery_requests(&self) -> usize {
        self.script.lock().unwrap().asked.0
    }

    pub fn keys_address(&self) -> String {
        format!("http://{}/keys", self.address)
    }

    /// Settings that accept every algorithm of this issuer.
    pub fn settings(&self) -> IssuerSettings {
        let mut settings = IssuerSettings::new(&self.issuer, "snowgate");
        settings.algorithms = Algorithm::ALL.to_vec();
        settings
    }

    pub fn trusted(&self) -> Issuers {
        Issuers::new(vec![self.settings()]).unwrap()
    }

    /// Good claims.
    pub fn claims(&self) -> Value {
        json!({
            "iss": self.issuer, "aud": "snowgate", "sub": "claude-finance", "client_id": "claude-finance",
            "scope": "sql:read", "groups": ["analysts"], "jti": "t-1", "iat": NOW, "exp": NOW + 7200,
        })
    }
}

/// Verifies a text at a moment.
pub async fn verify(issuers: &Issuers, token: &str, now: Timestamp) -> Result<Identity, Rejected> {
    issuers.verify(&Credential::new(token.to_owned()), now).await
}

type Shared = (String, Arc<Mutex<Script>>);

async fn discovery(State((issuer, script)): State<Shared>) -> Response {
    let answer = {
        let mut script = script.lock().unwrap();
        script.asked.0 += 1;
        script.discovery.clone()
    };
    let honest = json!({
        "issuer": issuer,
        "jwks_uri": format!("{issuer}/keys"),
        "authorization_endpoint": format!("{issuer}/authorize?tenant=1"),
        "token_endpoint": format!("{issuer}/token"),
    });
    respond(answer, honest).await
}

async fn keys_document(State((_, script)): State<Shared>) -> Response {
    let (answer, keys) = {
        let mut script = script.lock().unwrap();
        script.asked.1 += 1;
        (script.jwks.clone(), script.keys.clone())
    };
    respond(answer, json!({"keys": keys})).await
}

async fn redeem(State((_, script)): State<Shared>, headers: HeaderMap, form: String) -> Response {
    let answer = {
        let mut script = script.lock().unwrap();
        let authorization = headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
        script.redeemed.push((authorization, form));
        script.token.clone()
    };
    respond(answer, json!({})).await
}

async fn respond(answer: Answer, honest: Value) -> Response {
    match answer {
        Answer::Honest => honest.to_string().into_response(),
        Answer::Status(status) => (StatusCode::from_u16(status).unwrap(), honest.to_string()).into_response(),
        Answer::Text(text) => text.into_response(),
        Answer::Redirect(to) => Redirect::temporary(&to).into_response(),
        Answer::Never => std::future::pending().await,
    }
}
