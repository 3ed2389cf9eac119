//! Whether the issuers answer as they must, asked from here.

use std::time::Duration;

use reqwest::redirect::Policy;
use serde::Deserialize;

use super::Finding;
use super::parameters::Parameters;
use crate::commands::Broken;

/// Bytes of a discovery document or key set, at most.
const LONGEST: usize = 1024 * 1024;

/// OpenID Connect Discovery 1.0 section 3: what of it is looked at.
#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

/// RFC 7517 section 5.
#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Key>,
}

#[derive(Deserialize)]
struct Key {
    kty: String,
}

/// Asks both.
pub fn ask(told: &Parameters) -> Result<Vec<Finding>, Broken> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let client =
        reqwest::Client::builder().redirect(Policy::none()).timeout(Duration::from_secs(10)).build()?;
    let mut found = Vec::new();
    for parameter in ["Issuer", "ReviewersIssuer", "AuditorsIssuer"] {
        let issuer = told.get(parameter);
        // What is no https address is told of already.
        if !issuer.starts_with("https://") {
            continue;
        }
        if let Err(problem) = runtime.block_on(answers(&client, issuer)) {
            found.push(Finding::Wrong(parameter, problem));
        }
    }
    Ok(found)
}

/// What is wrong with an issuer. Nothing that it says is told: only what it should have said.
async fn answers(client: &reqwest::Client, issuer: &str) -> Result<(), String> {
    let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let told = fetched(client, &url)
        .await
        .map_err(|what| format!("{url} {what}; is that the issuer, as tokens say it in `iss`?"))?;
    let Discovery { issuer: named, jwks_uri } = serde_json::from_slice(&told)
        .map_err(|_| format!("{url} is no discovery document (OpenID Connect Discovery 1.0)"))?;
    if named != issuer {
        return Err(format!(
            "its discovery document names another issuer than is said here; write it exactly so, down to a `/` at the end: {url}"
        ));
    }
    if !jwks_uri.starts_with("https://") {
        return Err("its keys are not at an https address".to_owned());
    }
    let told = fetched(client, &jwks_uri)
        .await
        .map_err(|what| format!("its keys ({jwks_uri:?}) cannot be had: it {what}"))?;
    let KeySet { keys } = serde_json::from_slice(&told)
        .map_err(|_| "its keys are no JSON Web Key Set (RFC 7517)".to_owned())?;
    if keys.iter().any(|key| key.kty == "RSA") {
        Ok(())
    } else {
        Err("it has no RSA key, and API Gateway verifies with no other; have it sign by RS256".to_owned())
    }
}

async fn fetched(client: &reqwest::Client, url: &str) -> Result<Vec<u8>, String> {
    let mut answered = client.get(url).send().await.map_err(|error| {
        if error.is_timeout() { "does not answer in time" } else { "cannot be reached" }.to_owned()
    })?;
    if !answered.status().is_success() {
        return Err(format!("answers {}", answered.status().as_u16()));
    }
    let mut bytes = Vec::new();
    while let Some(some) = answered.chunk().await.map_err(|_| "breaks off".to_owned())? {
        if bytes.len().saturating_add(some.len()) > LONGEST {
            return Err("answers with more than any such document has".to_owned());
        }
        bytes.extend_from_slice(&some);
    }
    Ok(bytes)
}
