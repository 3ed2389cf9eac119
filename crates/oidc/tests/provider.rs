//! A real issuer (npm `oidc-provider`, `tests/oidc-provider/`): its tokens are accepted and refused as they should be.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::Timestamp;
use oidc::{Algorithm, IssuerSettings, Issuers, Rejected};
use serde_json::Value;

use crate::scripted::verify;

/// A running provider; it ends with this value.
struct Provider {
    child: Child,
    port: u16,
}

impl Provider {
    /// Starts one on a free port; none where there is no node.
    fn start() -> Option<Self> {
        Self::start_on(0)
    }

    /// Zero is any that is free.
    fn start_on(port: u16) -> Option<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/oidc-provider");
        let spawned = Command::new("node")
            .arg("provider.mjs")
            .arg(port.to_string())
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut child = match spawned {
            Ok(child) => child,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                // Written past the test harness, which would swallow it.
                std::io::stderr()
                    .write_all(b"SKIPPED: no `node`, so no token of a real issuer was verified\n")
                    .unwrap();
                return None;
            }
            Err(error) => panic!("node cannot be started: {error}"),
        };
        assert!(
            folder.join("node_modules/oidc-provider").is_dir(),
            "oidc-provider is missing: run `make tools`"
        );
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let ready = |line: String| line.strip_prefix("ready http://127.0.0.1:")?.parse().ok();
        let port = lines.find_map(ready);
        let port = port.expect("the provider did not start; try `node provider.mjs 0`");
        Some(Self { child, port })
    }

    fn issuer(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What trusts it with every algorithm.
    fn trusted(&self) -> Issuers {
        let mut settings = IssuerSettings::new(self.issuer(), "snowgate");
        settings.algorithms = Algorithm::ALL.to_vec();
        settings.required_scopes = vec!["sql:read".into()];
        Issuers::new(vec![settings]).unwrap()
    }

    /// A token by client credentials.
    async fn token(&self, client: &str, resource: &str, scope: &str) -> String {
        let answer = reqwest::Client::builder()
            .no_proxy()
            .build()
            .unwrap()
            .post(format!("{}/token", self.issuer()))
            .basic_auth(client, Some("secret"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("grant_type=client_credentials&scope={scope}&resource={resource}"))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
        let answer: Value = answer.json().await.unwrap();
        answer["access_token"].as_str().unwrap().to_owned()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// The moment at which a token was issued, and some seconds.
fn issued(token: &str, seconds: i64) -> Timestamp {
    let claims = token.split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    Timestamp::from_micros((claims["iat"].as_i64().unwrap() + seconds) * 1_000_000)
}

#[tokio::test]
async fn a_real_issuers_tokens_are_accepted_in_every_algorithm() {
    let Some(provider) = Provider::start() else { return };
    let issuers = provider.trusted();
    for algorithm in Algorithm::ALL {
        let resource = format!("https://snowgate.example/{algorithm}");
        let token = provider.token("claude-finance", &resource, "sql:read").await;
        let identity = verify(&issuers, &token, issued(&token, 0)).await.unwrap();
        assert_eq!(identity.issuer, provider.issuer());
        assert_eq!((identity.agent.as_str(), identity.person), ("claude-finance", None), "{algorithm}");
        assert!(identity.groups.iter().eq(["analysts"]));
        assert!(identity.scopes.iter().eq(["sql:read"]));
        assert!(identity.token_id.is_some());
        assert_eq!(identity.expires_at, issued(&token, 600));

        let token = provider.token("claude-finance-for-ana", &resource, "sql:read").await;
        let identity = verify(&issuers, &token, issued(&token, 0)).await.unwrap();
        assert_eq!(identity.agent.as_str(), "claude-finance", "the outermost actor");
        assert_eq!(identity.person.unwrap().as_str(), "ana@corp.example");
        assert!(identity.groups.iter().eq(["analysts", "finance"]));
    }
}

#[tokio::test]
async fn a_real_issuers_tokens_are_refused_when_they_are_not_for_us_now() {
    let Some(provider) = Provider::start() else { return };
    let issuers = provider.trusted();
    let ours = "https://snowgate.example/RS256";
    let good = provider.token("claude-finance", ours, "sql:read").await;
    assert!(verify(&issuers, &good, issued(&good, 0)).await.is_ok());
    assert_eq!(verify(&issuers, &good, issued(&good, 660)).await, Err(Rejected::Expired));
    assert_eq!(verify(&issuers, &good, issued(&good, -61)).await, Err(Rejected::NotYetValid));

    let other = provider.token("claude-finance", "https://other.example", "sql:read").await;
    assert_eq!(verify(&issuers, &other, issued(&other, 0)).await, Err(Rejected::Audience));
    let unscoped = provider.token("claude-finance", ours, "sql:write").await;
    assert_eq!(verify(&issuers, &unscoped, issued(&unscoped, 0)).await, Err(Rejected::Scope));
    let opaque = provider.token("claude-finance", "https://snowgate.example/opaque", "sql:read").await;
    assert_eq!(verify(&issuers, &opaque, issued(&good, 0)).await, Err(Rejected::Malformed));
    let (signed, _) = good.rsplit_once('.').unwrap();
    let (_, signature) = other.rsplit_once('.').unwrap();
    let spliced = format!("{signed}.{signature}");
    assert_eq!(verify(&issuers, &spliced, issued(&good, 0)).await, Err(Rejected::Signature));

    let elsewhere = Issuers::new(vec![IssuerSettings::new("http://127.0.0.1:1", "snowgate")]).unwrap();
    assert_eq!(verify(&elsewhere, &good, issued(&good, 0)).await, Err(Rejected::Issuer));
    let mut only_elliptic = IssuerSettings::new(provider.issuer(), "snowgate");
    only_elliptic.algorithms = vec![Algorithm::Es256];
    let only_elliptic = Issuers::new(vec![only_elliptic]).unwrap();
    assert_eq!(verify(&only_elliptic, &good, issued(&good, 0)).await, Err(Rejected::Algorithm));
}

/// As `infra/cognito.yaml` tells it.
fn of_cognito(issuer: String, clients: &[&str]) -> IssuerSettings {
    let mut settings = IssuerSettings::new(issuer, "");
    settings.audience = clients.iter().map(|client| (*client).to_owned()).collect();
    settings.audience_claim = Some("client_id".into());
    settings.algorithms = vec![Algorithm::Rs256];
    settings.types = vec![String::new()];
    settings.required_scopes = vec!["snowgate/sql".into()];
    settings.groups_claim = "cognito:groups".into();
    settings.agent_claim = Some("client_id".into());
    settings.person_claim = Some("username".into());
    settings
}

#[tokio::test]
async fn tokens_as_cognito_writes_them_are_for_the_clients_that_are_named() {
    let Some(provider) = Provider::start() else { return };
    let cognito = "https://snowgate.example/cognito";
    let clients = ["claude-finance", "claude-finance-for-ana"];
    let issuers = Issuers::new(vec![of_cognito(provider.issuer(), &clients)]).unwrap();

    let machine = provider.token("claude-finance", cognito, "snowgate/sql").await;
    let shown: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(machine.split('.').nth(1).unwrap()).unwrap()).unwrap();
    assert_eq!((shown.get("aud"), &shown["token_use"]), (None, &"access".into()), "{shown}");
    let identity = verify(&issuers, &machine, issued(&machine, 0)).await.unwrap();
    assert_eq!((identity.agent.as_str(), identity.person), ("claude-finance", None));
    assert!(identity.groups.is_empty() && identity.scopes.iter().eq(["snowgate/sql"]));

    let ana = provider.token("claude-finance-for-ana", cognito, "snowgate/sql").await;
    let identity = verify(&issuers, &ana, issued(&ana, 0)).await.unwrap();
    assert_eq!(identity.agent.as_str(), "claude-finance-for-ana");
    assert_eq!(identity.person.unwrap().as_str(), "Company_ana@corp.example");
    assert!(identity.groups.iter().eq(["analysts", "finance"]));

    // Another client of the same pool; one without the scope; and settings that know nothing of it.
    let other = provider.token("claude-demo", cognito, "snowgate/sql").await;
    assert_eq!(verify(&issuers, &other, issued(&other, 0)).await, Err(Rejected::Audience));
    let unscoped = provider.token("claude-finance", cognito, "").await;
    assert_eq!(verify(&issuers, &unscoped, issued(&unscoped, 0)).await, Err(Rejected::Scope));
    let ours = provider.token("claude-finance", "https://snowgate.example/RS256", "sql:read").await;
    assert_eq!(verify(&issuers, &ours, issued(&ours, 0)).await, Err(Rejected::Type), "an `at+jwt`");
    let mut plain = of_cognito(provider.issuer(), &clients);
    plain.audience_claim = None;
    let plain = Issuers::new(vec![plain]).unwrap();
    assert_eq!(verify(&plain, &machine, issued(&machine, 0)).await, Err(Rejected::Audience));
    let strict = Issuers::new(vec![IssuerSettings::new(provider.issuer(), "claude-finance")]).unwrap();
    assert_eq!(verify(&strict, &machine, issued(&machine, 0)).await, Err(Rejected::Type));
}

#[tokio::test]
async fn a_real_issuers_rotation_of_keys_is_followed() {
    let Some(provider) = Provider::start() else { return };
    let (issuers, port) = (provider.trusted(), provider.port);
    let ours = "https://snowgate.example/ES256";
    let old = provider.token("claude-finance", ours, "sql:read").await;
    assert!(verify(&issuers, &old, issued(&old, 0)).await.is_ok());

    drop(provider);
    assert!(verify(&issuers, &old, issued(&old, 30)).await.is_ok(), "its keys are still kept");
    let provider = Provider::start_on(port).unwrap();
    let new = provider.token("claude-finance", ours, "sql:read").await;
    assert!(verify(&issuers, &new, issued(&old, 60)).await.is_ok(), "a new key is asked for");
    assert_eq!(verify(&issuers, &old, issued(&old, 61)).await, Err(Rejected::UnknownKey));

    drop(provider);
    assert!(verify(&issuers, &new, issued(&new, 60)).await.is_ok());
    let strict =
        Issuers::new(vec![IssuerSettings::new(format!("http://127.0.0.1:{port}"), "snowgate")]).unwrap();
    assert_eq!(verify(&strict, &new, issued(&new, 60)).await, Err(Rejected::Unreachable));
}
