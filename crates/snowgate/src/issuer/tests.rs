//! The development issuer, from its folder to a verified identity.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use base64::engine::general_purpose::STANDARD;
use domain::{Credential, Timestamp};
use oidc::Issuers;
use tower::ServiceExt;

use super::*;

const URL: &str = "http://127.0.0.1:8181";

struct Stopped(Timestamp);

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        self.0
    }
}

fn now() -> Timestamp {
    Timestamp::from_micros(1_800_000_000_000_000)
}

fn request() -> MintRequest {
    MintRequest {
        agent: "claude-finance".into(),
        person: None,
        groups: vec!["analysts".into()],
        scopes: vec!["sql:read".into()],
        ttl: Duration::from_secs(600),
    }
}

/// Posts a form, with HTTP Basic where a pair is given.
async fn post(issuer: &Arc<DevelopmentIssuer>, basic: Option<&str>, form: &str) -> (StatusCode, Value) {
    let mut request =
        Request::post("/issuer/token").header("content-type", "application/x-www-form-urlencoded");
    if let Some(pair) = basic {
        request = request.header("authorization", format!("Basic {}", STANDARD.encode(pair)));
    }
    let request = request.body(Body::from(form.to_owned())).unwrap();
    let answer = Arc::clone(issuer).routes(Arc::new(Stopped(now()))).oneshot(request).await.unwrap();
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let status = answer.status();
    assert_eq!(answer.headers().contains_key("www-authenticate"), status == StatusCode::UNAUTHORIZED);
    let body = to_bytes(answer.into_body(), 100_000).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn its_tokens_are_verified_like_any_issuers() {
    let home = tempfile::tempdir().unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let issuer = Arc::new(DevelopmentIssuer::open(home.path(), &url).unwrap());
    let routes = Arc::clone(&issuer).routes(Arc::new(Stopped(now())));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let issuers = Issuers::new(vec![issuer.settings()]).unwrap();

    let pair = format!("claude-finance:{}", issuer.secret);
    let form = "grant_type=client_credentials&scope=sql:read+sql:write&groups=analysts,finance&for=ana%40corp.example";
    let (status, answer) = post(&issuer, Some(&pair), form).await;
    assert_eq!((status, &answer["expires_in"]), (StatusCode::OK, &json!(3600)));
    let token = answer["access_token"].as_str().unwrap().to_owned();
    let identity = issuers.verify(&Credential::new(token), now()).await.unwrap();
    assert_eq!((identity.issuer.as_str(), identity.agent.as_str()), (url.as_str(), "claude-finance"));
    assert_eq!(identity.person.unwrap().as_str(), "ana@corp.example");
    assert!(identity.groups.iter().eq(["analysts", "finance"]));
    assert!(identity.scopes.iter().eq(["sql:read", "sql:write"]));

    // A command beside the server gives tokens of the same issuer.
    let beside = DevelopmentIssuer::reopen(home.path()).unwrap();
    let day = MintRequest { ttl: Duration::from_secs(86_400), ..request() };
    let token = beside.mint(&day, now()).unwrap();
    let identity = issuers.verify(&Credential::new(token), now()).await.unwrap();
    assert_eq!((identity.agent.as_str(), identity.person), ("claude-finance", None));
    assert_eq!(identity.expires_at, now().after(Duration::from_secs(86_400)));
}

#[tokio::test]
async fn only_the_secret_gets_a_token() {
    let home = tempfile::tempdir().unwrap();
    let issuer = Arc::new(DevelopmentIssuer::open(home.path(), URL).unwrap());
    let secret = issuer.secret.clone();
    let grant = "grant_type=client_credentials";
    for basic in [None, Some("a:"), Some("a:wrong"), Some("nothing"), Some(":")] {
        let (status, answer) = post(&issuer, basic, grant).await;
        assert_eq!(
            (status, &answer["error"]),
            (StatusCode::UNAUTHORIZED, &json!("invalid_client")),
            "{basic:?}"
        );
    }
    let pair = format!("a:{secret}");
    for (basic, form, error) in [
        (None, format!("{grant}&client_id=a&client_secret=x"), "invalid_client"),
        (None, format!("{grant}&client_secret={secret}"), "invalid_request"),
        (Some(&pair), format!("{grant}&client_id=a&client_secret={secret}"), "invalid_request"),
        (Some(&pair), String::new(), "invalid_request"),
        (Some(&pair), "grant_type=password".into(), "unsupported_grant_type"),
        (Some(&pair), format!("{grant}&{grant}"), "invalid_request"),
        (Some(&pair), format!("{grant}&scope=a%22b"), "invalid_scope"),
        (Some(&pair), format!("{grant}&ttl=86401"), "invalid_request"),
        (Some(&pair), format!("{grant}&ttl=0"), "invalid_request"),
        (Some(&pair), format!("{grant}&ttl=-1"), "invalid_request"),
        (Some(&pair), format!("{grant}&agent=a%0Ab"), "invalid_request"),
        (Some(&pair), format!("{grant}&for="), "invalid_request"),
        (Some(&pair), format!("{grant}&groups=analysts,Reviewers"), "access_denied"),
    ] {
        let (status, answer) = post(&issuer, basic.map(String::as_str), &form).await;
        assert!(status.is_client_error() && answer["access_token"].is_null(), "{form}");
        assert_eq!(answer["error"], error, "{form}");
        assert!(!answer.to_string().contains(&secret));
    }
    let (status, _) = post(&issuer, None, &format!("{grant}&client_id=a&client_secret={secret}")).await;
    assert_eq!(status, StatusCode::OK);
}

#[test]
fn no_token_may_decide_audit_or_operate() {
    let home = tempfile::tempdir().unwrap();
    let issuer = DevelopmentIssuer::open(home.path(), URL).unwrap();
    let mint = |group: &str| issuer.mint(&MintRequest { groups: vec![group.to_owned()], ..request() }, now());
    for group in [
        "reviewers",
        "Reviewers",
        "data-reviewers",
        "auditors",
        "AUDITOR",
        "operators",
        "admin",
        "administrators",
        "SysAdmin",
        "ACCOUNTADMIN",
        "Approvers",
        "data-stewards",
        "policy-owners",
        "SECURITY",
    ] {
        assert_eq!(mint(group), Err(MintError::Reserved(group.to_owned())));
    }
    for group in ["", "a b", "a,b", "audıtors", "ａdmin", "a\u{200B}", &"x".repeat(257)] {
        assert_eq!(mint(group), Err(MintError::Group), "{group}");
    }
    assert!(mint("analysts").is_ok());
}

#[test]
fn its_folder_is_closed_and_made_once() {
    let home = tempfile::tempdir().unwrap();
    assert!(matches!(DevelopmentIssuer::reopen(home.path()), Err(IssuerError::Missing(_))));
    let first = DevelopmentIssuer::open(home.path(), URL).unwrap();
    let second = DevelopmentIssuer::open(home.path(), "http://127.0.0.1:9000").unwrap();
    assert_eq!((&first.key_id, &first.secret), (&second.key_id, &second.secret));
    assert_eq!(DevelopmentIssuer::reopen(home.path()).unwrap().url(), "http://127.0.0.1:9000");
    assert!(!format!("{first:?}").contains(&first.secret));

    let folder = home.path().join("issuer");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 3, "no draft is left");
    assert!(files.iter().all(|file| mode(file) == 0o600));
    let other = tempfile::tempdir().unwrap();
    assert_ne!(DevelopmentIssuer::open(other.path(), URL).unwrap().key_id, first.key_id);
}

#[test]
fn a_folder_that_others_can_read_is_not_used() {
    for name in ["", "key.pk8", "secret"] {
        let home = tempfile::tempdir().unwrap();
        DevelopmentIssuer::open(home.path(), URL).unwrap();
        let path = home.path().join("issuer").join(name);
        let opened = std::fs::Permissions::from_mode(if name.is_empty() { 0o755 } else { 0o644 });
        std::fs::set_permissions(&path, opened).unwrap();
        for result in [DevelopmentIssuer::open(home.path(), URL), DevelopmentIssuer::reopen(home.path())] {
            assert!(matches!(result, Err(IssuerError::Exposed(_))), "{name}");
        }
    }
}

#[test]
fn a_damaged_folder_is_told_of_not_mended() {
    for (name, content) in
        [("key.pk8", "no key"), ("key.pk8", ""), ("secret", ""), ("secret", "short"), ("url", "")]
    {
        let home = tempfile::tempdir().unwrap();
        DevelopmentIssuer::open(home.path(), URL).unwrap();
        std::fs::write(home.path().join("issuer").join(name), content).unwrap();
        assert!(matches!(DevelopmentIssuer::reopen(home.path()), Err(IssuerError::Damaged(_))), "{name}");
    }
}

#[tokio::test]
async fn groups_that_policy_names_as_reviewers_are_never_given() {
    let home = tempfile::tempdir().unwrap();
    let mut issuer = DevelopmentIssuer::open(home.path(), URL).unwrap();
    let leads = || MintRequest { groups: vec!["Leads".into()], ..request() };
    assert!(issuer.mint(&leads(), now()).is_ok());
    issuer.reserve(home.path(), BTreeSet::from(["leads".to_owned()])).unwrap();
    let reserved = Err(MintError::Reserved("Leads".to_owned()));
    assert_eq!(issuer.mint(&leads(), now()), reserved);
    // Nor by a command beside the server.
    assert_eq!(DevelopmentIssuer::reopen(home.path()).unwrap().mint(&leads(), now()), reserved);
    assert!(issuer.mint(&request(), now()).is_ok());
}

/// Accepts everybody, as a member of the group that the token names.
struct Anybody;

#[async_trait::async_trait]
impl gateway::ports::Identities for Anybody {
    async fn verify(
        &self,
        credential: &Credential,
        now: Timestamp,
    ) -> Result<domain::Identity, gateway::ports::NotAccepted> {
        Ok(domain::Identity {
            issuer: URL.to_owned(),
            subject: "ana".to_owned(),
            agent: domain::Agent::new("agent"),
            person: None,
            groups: BTreeSet::from([credential.reveal().to_owned()]),
            scopes: BTreeSet::new(),
            token_id: None,
            expires_at: now,
        })
    }
}

#[tokio::test]
async fn a_token_with_a_reviewers_group_is_refused_whenever_it_was_given() {
    use gateway::ports::{Identities, NotAccepted, Policies};
    let policies = Arc::new(local::FolderPolicies::new(None)) as Arc<dyn Policies>;
    let identities = Unreserved::new(Arc::new(Anybody), policies);
    let verify = async |group: &str| identities.verify(&Credential::new(group.to_owned()), now()).await;
    let bundle = policy::Bundle::default_bundle().unwrap();
    let reviewers = bundle.reviewer_groups().first().copied().unwrap();
    assert!(matches!(verify(reviewers).await, Err(NotAccepted::Rejected { reason: "reserved_group" })));
    assert!(verify("agents").await.is_ok());
}
