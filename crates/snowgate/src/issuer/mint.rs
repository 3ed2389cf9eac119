//! What the development issuer puts into tokens, and what it never does.

use std::time::Duration;

use aws_lc_rs::rand;
use domain::Timestamp;
use jsonwebtoken::{Algorithm, Header};
use serde_json::{Value, json};
use thiserror::Error;

use super::files::hexadecimal;
use super::{AUDIENCE, DevelopmentIssuer};

/// A token lives for so long at most.
pub const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// A token lives for so long unless somebody says otherwise.
pub const USUAL: Duration = Duration::from_secs(60 * 60);
/// A name in bytes, at most.
const LONGEST_NAME: usize = 256;

/// Words that no group of a development token holds, whatever stands around them: such groups approve, read
/// recordings, or run the gateway, and need somebody who really signed in.
const RESERVED: [&str; 8] = ["review", "approv", "audit", "operat", "admin", "steward", "security", "owner"];

/// What a token should say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MintRequest {
    /// The program that will ask.
    pub agent: String,
    /// The person it will ask for; none when it asks for itself.
    pub person: Option<String>,
    /// Groups.
    pub groups: Vec<String>,
    /// Scopes.
    pub scopes: Vec<String>,
    /// How long the token lives: a second to a day.
    pub ttl: Duration,
}

/// Why there is no token.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum MintError {
    /// A group that development tokens never carry.
    #[error("the development issuer never gives the group `{0}`: that takes a real issuer")]
    Reserved(String),
    /// A group is printable ASCII without spaces and commas.
    #[error("a group is 1 to 256 printable ASCII characters without spaces and commas")]
    Group,
    /// A scope is printable ASCII without spaces, quotes and backslashes (RFC 6749 section 3.3).
    #[error("a scope is 1 to 256 printable ASCII characters without spaces, quotes and backslashes")]
    Scope,
    /// An agent or person is short and printable.
    #[error("an agent or person is 1 to 256 bytes without control characters")]
    Name,
    /// The lifetime is out of range.
    #[error("a token lives for 1 to {} seconds", LONGEST.as_secs())]
    Lifetime,
    /// The token could not be signed.
    #[error("the token could not be signed")]
    Signing,
}

impl DevelopmentIssuer {
    /// A token (RFC 9068) that says this, valid from now on.
    pub fn mint(&self, request: &MintRequest, now: Timestamp) -> Result<String, MintError> {
        let MintRequest { agent, person, groups, scopes, ttl } = request;
        for name in person.iter().chain([agent]) {
            checked(name, |character| !character.is_control()).ok_or(MintError::Name)?;
        }
        for group in groups {
            self.permitted(group)?;
        }
        for scope in scopes {
            checked(scope, |character| character.is_ascii_graphic() && !matches!(character, '"' | '\\'))
                .ok_or(MintError::Scope)?;
        }
        if *ttl < Duration::from_secs(1) || *ttl > LONGEST {
            return Err(MintError::Lifetime);
        }
        let mut id = [0_u8; 16];
        rand::fill(&mut id).map_err(|_| MintError::Signing)?;
        let mut claims = json!({
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": person.as_ref().unwrap_or(agent),
            "client_id": agent,
            "scope": scopes.join(" "),
            "groups": groups,
            "iat": now.as_secs(),
            "exp": now.after(*ttl).as_secs(),
            "jti": hexadecimal(&id),
        });
        // RFC 8693 section 4.1: the agent acts for the person.
        if let (Some(_), Value::Object(claims)) = (person, &mut claims) {
            claims.insert("act".into(), json!({"sub": agent}));
        }
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some("at+jwt".into());
        header.kid = Some(self.key_id.clone());
        jsonwebtoken::encode(&header, &claims, &self.key).map_err(|_| MintError::Signing)
    }

    // SECURITY: only ASCII, so that no other letter can be folded into one of a reserved word.
    fn permitted(&self, group: &str) -> Result<(), MintError> {
        checked(group, |character| character.is_ascii_graphic() && character != ',')
            .ok_or(MintError::Group)?;
        let lower = group.to_ascii_lowercase();
        let is_reviewers = self.reserved.iter().any(|reserved| reserved.eq_ignore_ascii_case(group));
        if is_reviewers || RESERVED.iter().any(|word| lower.contains(word)) {
            Err(MintError::Reserved(group.to_owned()))
        } else {
            Ok(())
        }
    }
}

fn checked(name: &str, is_fit: fn(char) -> bool) -> Option<()> {
    (!name.is_empty() && name.len() <= LONGEST_NAME && name.chars().all(is_fit)).then_some(())
}
