//! The issuer's addresses.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gateway::ports::Clock;
use serde_json::json;

use super::mint::USUAL;
use super::{DevelopmentIssuer, MintError, MintRequest, form};

/// A form in bytes, at most.
const LARGEST: usize = 16 * 1024;

type Shared = (Arc<DevelopmentIssuer>, Arc<dyn Clock>);
type Form = BTreeMap<String, String>;

pub(super) fn routes(issuer: Arc<DevelopmentIssuer>, clock: Arc<dyn Clock>) -> Router {
    Router::new()
        .route("/.well-known/openid-configuration", get(discovery))
        .route("/issuer/jwks", get(jwks))
        .route("/issuer/token", post(token))
        .layer(DefaultBodyLimit::max(LARGEST))
        .with_state((issuer, clock))
}

async fn discovery(State((issuer, _)): State<Shared>) -> Response {
    Json(issuer.discovery()).into_response()
}

async fn jwks(State((issuer, _)): State<Shared>) -> Response {
    Json(issuer.jwks()).into_response()
}

async fn token(State((issuer, clock)): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let given = asked(&issuer, &headers, &body).and_then(|request| {
        let token = issuer.mint(&request, clock.now()).map_err(|error| Problem::of(&error))?;
        Ok((request, token))
    });
    let mut response = match given {
        // RFC 6749 section 5.1.
        Ok((MintRequest { ttl, scopes, .. }, token)) => Json(json!({
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": ttl.as_secs(),
            "scope": scopes.join(" "),
        }))
        .into_response(),
        Err(problem) => problem.into_response(),
    };
    response.headers_mut().insert(CACHE_CONTROL, axum::http::HeaderValue::from_static("no-store"));
    response
}

/// What an authenticated form asks for.
fn asked(issuer: &DevelopmentIssuer, headers: &HeaderMap, body: &[u8]) -> Result<MintRequest, Problem> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(Problem::request("the form must be application/x-www-form-urlencoded"));
    }
    let form = form::fields(body).ok_or(Problem::request("the form is malformed or names a field twice"))?;
    let client = client(issuer, headers, &form)?;
    match form.get("grant_type").map(String::as_str) {
        Some("client_credentials") => {}
        Some(_) => return Err(Problem::new("unsupported_grant_type", "only client_credentials is given")),
        None => return Err(Problem::request("grant_type is missing")),
    }
    let list = |name: &str, separator: char| -> Vec<String> {
        let text = form.get(name).map(String::as_str).unwrap_or_default();
        text.split(separator).map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
    };
    let ttl = match form.get("ttl") {
        Some(ttl) => Duration::from_secs(ttl.parse().map_err(|_| Problem::of(&MintError::Lifetime))?),
        None => USUAL,
    };
    Ok(MintRequest {
        agent: form.get("agent").cloned().unwrap_or(client),
        person: form.get("for").cloned(),
        groups: list("groups", ','),
        scopes: list("scope", ' '),
        ttl,
    })
}

/// The client's name, once it has shown the secret in exactly one of two ways (RFC 6749 section 2.3).
fn client(issuer: &DevelopmentIssuer, headers: &HeaderMap, form: &Form) -> Result<String, Problem> {
    let (name, secret) = match (headers.get(AUTHORIZATION), form.get("client_secret")) {
        (Some(_), Some(_)) => return Err(Problem::request("the client proves itself twice")),
        (Some(basic), None) => basic.to_str().ok().and_then(credentials).ok_or(Problem::CLIENT)?,
        (None, Some(secret)) => {
            let name = form.get("client_id").ok_or(Problem::request("client_id is missing"))?;
            (name.clone(), secret.clone())
        }
        (None, None) => return Err(Problem::CLIENT),
    };
    // SECURITY: in constant time, so that the secret cannot be guessed digit by digit.
    verify_slices_are_equal(secret.as_bytes(), issuer.secret.as_bytes()).map_err(|_| Problem::CLIENT)?;
    Ok(name)
}

/// Name and secret of HTTP Basic (RFC 7617), each form-encoded (RFC 6749 section 2.3.1).
fn credentials(header: &str) -> Option<(String, String)> {
    let (scheme, text) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(text.trim()).ok()?).ok()?;
    let (name, secret) = text.split_once(':')?;
    Some((form::decoded(name)?, form::decoded(secret)?))
}

/// A refusal in the words of RFC 6749 section 5.2.
struct Problem {
    error: &'static str,
    description: String,
}

impl Problem {
    const CLIENT: Self = Self { error: "invalid_client", description: String::new() };

    fn new(error: &'static str, description: impl Into<String>) -> Self {
        Self { error, description: description.into() }
    }

    fn request(description: &str) -> Self {
        Self::new("invalid_request", description)
    }

    fn of(error: &MintError) -> Self {
        let code = match error {
            MintError::Reserved(_) => "access_denied",
            MintError::Scope => "invalid_scope",
            MintError::Signing => "server_error",
            MintError::Group | MintError::Name | MintError::Lifetime => "invalid_request",
        };
        Self::new(code, error.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self { error, description } = self;
        if error == "invalid_client" {
            let challenge = [(WWW_AUTHENTICATE, r#"Basic realm="snowgate development issuer""#)];
            let description = "the secret lies in issuer/secret of the home folder";
            let body = json!({"error": error, "error_description": description});
            return (StatusCode::UNAUTHORIZED, challenge, Json(body)).into_response();
        }
        let status =
            if error == "server_error" { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::BAD_REQUEST };
        (status, Json(json!({"error": error, "error_description": description}))).into_response()
    }
}
