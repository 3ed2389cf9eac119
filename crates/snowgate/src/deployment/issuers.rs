//! Whether the issuers answer as they must, asked from here.

use std::time::Duration;

use reqwest::Url;
use reqwest::redirect::Policy;
use serde::Deserialize;

use super::Finding;
use super::parameters::Parameters;
use super::tokens::{self, Asked, Verifier};
use crate::commands::Broken;

/// How far an issuer is waited for and read.
#[derive(Clone, Copy)]
struct Bounds {
    /// For how long a document is waited for, to its last byte.
    patience: Duration,
    /// What API Gateway waits (its developer guide, "Control access to HTTP APIs with JWT authorizers").
    gateway: Duration,
}

const BOUNDS: Bounds = Bounds { patience: Duration::from_secs(10), gateway: Duration::from_millis(1500) };

/// Bytes of a document that a function reads, at most, and that API Gateway reads of keys.
const LONGEST: usize = 256 * 1024;
const LONGEST_OF_GATEWAY: usize = 150_000;

/// OpenID Connect Discovery 1.0 section 3: what of it is looked at.
#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

/// RFC 7517 section 5.
#[derive(Deserialize)]
struct KeySet {
    keys: Vec<serde_json::Value>,
}

/// What of a key is looked at. What is none of these is passed over, as whoever verifies does.
#[derive(Deserialize)]
struct Key {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
}

/// Asks all of them.
pub fn ask(told: &Parameters) -> Result<Vec<Finding>, Broken> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut found = Vec::new();
    for asked in tokens::asked(told) {
        // What is no https address is told of already.
        if asked.issuer.starts_with("https://") {
            match runtime.block_on(answers(&asked, BOUNDS)) {
                Ok(None) => {}
                Ok(Some(attention)) => found.push(Finding::Attention(asked.parameter, attention)),
                Err(problem) => found.push(Finding::Wrong(asked.parameter, problem)),
            }
        }
    }
    let metadata = told.get("SamlMetadata");
    if metadata.starts_with("https://")
        && let Err(problem) = runtime.block_on(is_metadata(metadata, BOUNDS))
    {
        found.push(Finding::Wrong("SamlMetadata", problem));
    }
    Ok(found)
}

/// That a SAML provider's metadata are there (SAML 2.0 Metadata section 2.3.2), as Cognito reads them when the pool is made.
async fn is_metadata(url: &str, bounds: Bounds) -> Result<(), String> {
    let client = client(bounds)?;
    let told = fetched(&client, url, bounds).await.map_err(|what| format!("{url} {what}"))?;
    if String::from_utf8_lossy(&told.bytes).contains("EntityDescriptor") {
        Ok(())
    } else {
        Err(format!("{url} is no SAML metadata: there is no EntityDescriptor in it"))
    }
}

fn client(bounds: Bounds) -> Result<reqwest::Client, String> {
    let client = reqwest::Client::builder().redirect(Policy::none()).timeout(bounds.patience).build();
    client.map_err(|_| "cannot be asked: there is no HTTP client here".to_owned())
}

/// What is wrong with an issuer, or else worth a look. Nothing that it says is told: only what it should have said.
async fn answers(asked: &Asked, bounds: Bounds) -> Result<Option<String>, String> {
    let Asked { issuer, jwks_uri, kinds, by, parameter: _ } = asked;
    let client = client(bounds)?;
    let mut slow = false;
    let jwks_uri = match jwks_uri {
        Some(uri) => uri.clone(),
        None => {
            let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
            let told = fetched(&client, &url, bounds)
                .await
                .map_err(|what| format!("{url} {what}; is that the issuer, as tokens say it in `iss`?"))?;
            slow |= told.is_slow;
            let Discovery { issuer: named, jwks_uri } = serde_json::from_slice(&told.bytes)
                .map_err(|_| format!("{url} is no discovery document (OpenID Connect Discovery 1.0)"))?;
            if named != *issuer {
                return Err(format!(
                    "its discovery document names another issuer than is said here; write it exactly so, down to a `/` at the end: {url}"
                ));
            }
            jwks_uri
        }
    };
    if !is_safe(&jwks_uri, issuer) {
        return Err("its keys are not at an https address".to_owned());
    }
    let told = fetched(&client, &jwks_uri, bounds)
        .await
        .map_err(|what| format!("its keys cannot be had: their address {what}"))?;
    slow |= told.is_slow;
    let KeySet { keys } = serde_json::from_slice(&told.bytes)
        .map_err(|_| "its keys are no JSON Web Key Set (RFC 7517)".to_owned())?;
    let keys: Vec<Key> = keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect();
    let is_fit = |key: &&Key| {
        kinds.contains(&key.kty.as_str()) && key.purpose.as_deref().is_none_or(|purpose| purpose == "sig")
    };
    let fit: Vec<&Key> = keys.iter().filter(is_fit).collect();
    if fit.is_empty() {
        return Err(match by {
            Verifier::ApiGateway => "it has no RSA key, and API Gateway verifies with no other; have it sign by RS256, or say AuthorizerType=lambda".to_owned(),
            Verifier::Function => format!("it has no key for signing of type {}, which its algorithms need", kinds.join(" or ")),
        });
    }
    if *by == Verifier::ApiGateway {
        if told.bytes.len() > LONGEST_OF_GATEWAY {
            return Err(format!(
                "its keys have more than {LONGEST_OF_GATEWAY} bytes, and API Gateway reads no more; say AuthorizerType=lambda"
            ));
        }
        if !fit.iter().any(|key| key.kid.is_some()) {
            return Err("its keys have no names (`kid`), and API Gateway finds none without; say AuthorizerType=lambda".to_owned());
        }
        if slow {
            let wait = bounds.gateway.as_millis();
            return Ok(Some(format!(
                "answered in more than {wait} ms from here, and API Gateway waits no longer"
            )));
        }
    }
    Ok(None)
}

/// Whether keys may be read from there: over TLS, or on this very machine where the issuer itself is.
fn is_safe(uri: &str, issuer: &str) -> bool {
    let is_here = |text: &str| {
        Url::parse(text).is_ok_and(|url| url.scheme() == "http" && url.host_str() == Some("127.0.0.1"))
    };
    uri.starts_with("https://") || (is_here(uri) && is_here(issuer))
}

/// A document.
struct Fetched {
    bytes: Vec<u8>,
    /// Whether API Gateway would have given up before.
    is_slow: bool,
}

async fn fetched(client: &reqwest::Client, url: &str, bounds: Bounds) -> Result<Fetched, String> {
    let begun = tokio::time::Instant::now();
    let what = |error: reqwest::Error| {
        if error.is_timeout() { "does not answer in time" } else { "cannot be reached" }.to_owned()
    };
    let mut answered = client.get(url).send().await.map_err(what)?;
    if !answered.status().is_success() {
        return Err(format!("answers {}", answered.status().as_u16()));
    }
    let mut bytes = Vec::new();
    while let Some(some) = answered
        .chunk()
        .await
        .map_err(|error| if error.is_timeout() { "does not end in time" } else { "breaks off" }.to_owned())?
    {
        if bytes.len().saturating_add(some.len()) > LONGEST {
            return Err("answers with more than any such document has".to_owned());
        }
        bytes.extend_from_slice(&some);
    }
    Ok(Fetched { bytes, is_slow: begun.elapsed() > bounds.gateway })
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::thread;

    use serde_json::{Value, json};

    use super::*;

    /// What an issuer says at one of its two addresses.
    enum Says {
        /// This text.
        Text(String),
        /// This status and nothing else.
        Status(u16),
        /// Another address.
        Elsewhere(String),
        /// A head, and then bytes for ever.
        Endless,
        /// A head that promises more than comes.
        Half,
        /// Nothing, and keeps the line.
        Nothing,
    }

    const QUICK: Bounds = Bounds { patience: Duration::from_secs(30), gateway: Duration::from_secs(30) };

    /// An issuer that says so at its discovery address and at its keys' address, as an address and the thread that it answers on.
    fn issuer(discovery: impl Fn(&str) -> Says, keys: Says) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let discovery = discovery(&issuer);
        thread::spawn(move || {
            // Lines that nothing more is said on stay open until the test ends.
            let mut kept = Vec::new();
            for stream in listener.incoming() {
                kept.extend(stream.ok().and_then(|stream| answer(stream, &discovery, &keys)));
            }
        });
        issuer
    }

    fn answer(mut stream: TcpStream, discovery: &Says, keys: &Says) -> Option<TcpStream> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).ok()?;
            head.push(byte[0]);
        }
        let says = if head.starts_with(b"GET /.well-known/") { discovery } else { keys };
        let send = |stream: &mut TcpStream, text: &str| stream.write_all(text.as_bytes());
        match says {
            Says::Text(text) => {
                let length = text.len();
                send(
                    &mut stream,
                    &format!(
                        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{text}"
                    ),
                )
            }
            Says::Status(status) => send(
                &mut stream,
                &format!("HTTP/1.1 {status} No\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"),
            ),
            Says::Elsewhere(to) => send(
                &mut stream,
                &format!(
                    "HTTP/1.1 302 Found\r\nconnection: close\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n"
                ),
            ),
            Says::Endless => {
                let mut told = send(&mut stream, "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
                while told.is_ok() {
                    told = send(&mut stream, &" ".repeat(64 * 1024));
                }
                Ok(())
            }
            Says::Half => {
                send(&mut stream, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 100\r\n\r\n{")
            }
            Says::Nothing => return Some(stream),
        }
        .ok()?;
        None
    }

    fn honest(issuer: &str) -> Says {
        Says::Text(json!({ "issuer": issuer, "jwks_uri": format!("{issuer}/keys") }).to_string())
    }

    fn rsa() -> Value {
        json!({ "kty": "RSA", "kid": "a", "use": "sig" })
    }

    fn keys(keys: &[Value]) -> Says {
        Says::Text(json!({ "keys": keys }).to_string())
    }

    fn said_under(
        issuer: String,
        by: Verifier,
        kinds: &[&'static str],
        bounds: Bounds,
    ) -> Result<Option<String>, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let asked = Asked { parameter: "Issuer", issuer, jwks_uri: None, kinds: kinds.to_vec(), by };
        runtime.block_on(answers(&asked, bounds))
    }

    fn said(issuer: String, by: Verifier, kinds: &[&'static str]) -> Result<Option<String>, String> {
        said_under(issuer, by, kinds, QUICK)
    }

    #[track_caller]
    fn check(issuer: String, expected: &str) {
        let problem = said(issuer, Verifier::ApiGateway, &["RSA"]).unwrap_err();
        assert!(problem.contains(expected) && !problem.contains("s3cret"), "{problem}");
    }

    #[test]
    fn an_issuer_that_answers_as_it_must_is_good() {
        assert_eq!(said(issuer(honest, keys(&[rsa()])), Verifier::ApiGateway, &["RSA"]), Ok(None));
        // Keys of kinds that nobody knows yet, and damaged ones, harm no other.
        let some = [json!({ "kty": 7 }), json!("x"), json!({ "kty": "AKP", "kid": "b" }), rsa()];
        assert_eq!(said(issuer(honest, keys(&some)), Verifier::ApiGateway, &["RSA"]), Ok(None));
        // A function takes other kinds, and keys without names.
        let curve = [json!({ "kty": "EC", "crv": "P-256" })];
        assert_eq!(said(issuer(honest, keys(&curve)), Verifier::Function, &["RSA", "EC"]), Ok(None));
    }

    #[test]
    fn an_issuer_that_says_something_else_is_told_without_what_it_says() {
        let lies = |text: &'static str| issuer(move |_| Says::Text(text.to_owned()), keys(&[rsa()]));
        check(lies("<html>s3cret</html>"), "is no discovery document");
        check(
            lies(r#"{"issuer": "https://s3cret.example", "jwks_uri": "https://s3cret.example"}"#),
            "names another issuer",
        );
        check(lies("[]"), "is no discovery document");
        let with_slash = |issuer: &str| {
            Says::Text(
                json!({ "issuer": format!("{issuer}/"), "jwks_uri": format!("{issuer}/keys") }).to_string(),
            )
        };
        check(issuer(with_slash, keys(&[rsa()])), "down to a `/` at the end");
        for elsewhere in ["http://169.254.169.254/latest/s3cret", "file:///etc/s3cret", "s3cret", ""] {
            let discovery = move |issuer: &str| {
                Says::Text(json!({ "issuer": issuer, "jwks_uri": elsewhere }).to_string())
            };
            check(issuer(discovery, keys(&[rsa()])), "its keys are not at an https address");
        }
        check(issuer(|_| Says::Status(404), keys(&[rsa()])), "answers 404; is that the issuer");
        check(issuer(|issuer| Says::Elsewhere(format!("{issuer}/keys")), keys(&[rsa()])), "answers 302");
        check(issuer(honest, Says::Status(500)), "its keys cannot be had: their address answers 500");
        check(issuer(honest, Says::Text("s3cret".to_owned())), "no JSON Web Key Set");
        check(issuer(honest, keys(&[])), "it has no RSA key");
        check(issuer(honest, keys(&[json!({ "kty": "EC", "kid": "a" })])), "say AuthorizerType=lambda");
        check(
            issuer(honest, keys(&[json!({ "kty": "RSA", "kid": "a", "use": "enc" })])),
            "it has no RSA key",
        );
        check(issuer(honest, keys(&[json!({ "kty": "RSA" })])), "have no names (`kid`)");
        let problem = said(issuer(honest, keys(&[rsa()])), Verifier::Function, &["EC", "OKP"]).unwrap_err();
        assert!(problem.contains("of type EC or OKP"), "{problem}");
    }

    #[test]
    fn a_saml_provider_publishes_its_metadata() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let said = |keys: Says| {
            let url = format!("{}/metadata", issuer(honest, keys));
            runtime.block_on(is_metadata(&url, QUICK))
        };
        let xml = r#"<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://saml.example"/>"#;
        assert_eq!(said(Says::Text(xml.to_owned())), Ok(()));
        for (says, expected) in [
            (Says::Text("<html>s3cret</html>".to_owned()), "is no SAML metadata"),
            (Says::Status(403), "answers 403"),
            (Says::Endless, "answers with more than any such document has"),
        ] {
            let problem = said(says).unwrap_err();
            assert!(problem.contains(expected) && !problem.contains("s3cret"), "{problem}");
        }
    }

    #[test]
    fn an_issuer_that_never_ends_is_not_read_to_its_end() {
        check(issuer(|_| Says::Endless, keys(&[rsa()])), "answers with more than any such document has");
        check(issuer(honest, Says::Endless), "answers with more than any such document has");
        check(issuer(|_| Says::Half, keys(&[rsa()])), "breaks off");
        let mut many = vec![rsa()];
        many.push(json!({ "kty": "RSA", "kid": "x".repeat(LONGEST_OF_GATEWAY) }));
        check(issuer(honest, keys(&many)), "more than 150000 bytes");
        assert_eq!(said(issuer(honest, keys(&many)), Verifier::Function, &["RSA"]), Ok(None));
    }

    #[test]
    fn an_issuer_that_is_slow_is_not_waited_for() {
        let impatient = Bounds { patience: Duration::from_millis(200), gateway: Duration::ZERO };
        let silent = issuer(|_| Says::Nothing, keys(&[rsa()]));
        let problem = said_under(silent, Verifier::ApiGateway, &["RSA"], impatient).unwrap_err();
        assert!(problem.contains("does not answer in time"), "{problem}");
        // What is slower than API Gateway would wait is worth a look; a function waits longer.
        let gateway = Bounds { gateway: Duration::ZERO, ..QUICK };
        let attention = said_under(issuer(honest, keys(&[rsa()])), Verifier::ApiGateway, &["RSA"], gateway);
        assert!(attention.unwrap().is_some_and(|said| said.contains("API Gateway waits no longer")));
        assert_eq!(
            said_under(issuer(honest, keys(&[rsa()])), Verifier::Function, &["RSA"], gateway),
            Ok(None)
        );
        let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        check(format!("http://{nobody}"), "cannot be reached; is that the issuer");
    }
}
