//! The two cookies: of a sign-in that is under way, and of a session. Each belongs to one approval.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use domain::ApprovalId;
use gateway::{SESSION_LIFE, SIGN_IN_LIFE};

use crate::Desk;

/// Characters of a state that stand in a cookie's name: enough that two sign-ins at once do not meet.
const NAMED: usize = 22;

/// Where a cookie may come along from.
#[derive(Clone, Copy)]
enum SameSite {
    /// Only from this page itself.
    Strict,
    /// Also when the issuer sends the reviewer back.
    Lax,
}

/// A cookie's name. With https no other host and no plain http can have set it (`__Host-`, RFC 6265bis section 4.1.3.2).
fn name(desk: &Desk, what: &str, of: &str) -> String {
    let prefix = if desk.is_https() { "__Host-" } else { "" };
    format!("{prefix}snowgate-{what}-{of}")
}

fn session_name(desk: &Desk, id: ApprovalId) -> String {
    name(desk, "review", &id.to_string())
}

fn sign_in_name(desk: &Desk, state: &str) -> Option<String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let of = state.get(..NAMED)?;
    of.bytes().all(is_plain).then(|| name(desk, "sign-in", of))
}

/// Begins the session of an approval.
pub fn session(desk: &Desk, id: ApprovalId, text: &str) -> Option<HeaderValue> {
    set(desk, &session_name(desk, id), text, SESSION_LIFE, SameSite::Strict)
}

/// Keeps a sign-in until the reviewer comes back.
pub fn sign_in(desk: &Desk, state: &str, text: &str) -> Option<HeaderValue> {
    set(desk, &sign_in_name(desk, state)?, text, SIGN_IN_LIFE, SameSite::Lax)
}

/// Forgets a sign-in: it is used once.
pub fn no_sign_in(desk: &Desk, state: &str) -> Option<HeaderValue> {
    set(desk, &sign_in_name(desk, state)?, "", Duration::ZERO, SameSite::Lax)
}

fn set(desk: &Desk, name: &str, text: &str, life: Duration, same_site: SameSite) -> Option<HeaderValue> {
    let same_site = match same_site {
        SameSite::Strict => "Strict",
        SameSite::Lax => "Lax",
    };
    let secure = if desk.is_https() { "; Secure" } else { "" };
    let seconds = life.as_secs();
    format!("{name}={text}; Path=/; Max-Age={seconds}; HttpOnly; SameSite={same_site}{secure}").parse().ok()
}

/// The session of this approval that the browser brings.
pub fn session_of(desk: &Desk, headers: &HeaderMap, id: ApprovalId) -> Option<String> {
    cookie(headers, &session_name(desk, id))
}

/// The sign-in with this state that the browser brings.
pub fn sign_in_of(desk: &Desk, headers: &HeaderMap, state: &str) -> Option<String> {
    cookie(headers, &sign_in_name(desk, state)?)
}

/// The only cookie of that name.
// SECURITY: of two, somebody else may have set one.
fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut found = pairs.filter(|(found, _)| *found == name).map(|(_, value)| value);
    match (found.next(), found.next()) {
        (Some(value), None) => Some(value.to_owned()),
        (Some(_) | None, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_read_when_it_stands_there_once() {
        let headers = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::COOKIE, line.parse().unwrap());
            }
            headers
        };
        assert_eq!(cookie(&headers(&["a=1; b=2"]), "b").as_deref(), Some("2"));
        assert_eq!(cookie(&headers(&["a=1", "b=2"]), "b").as_deref(), Some("2"));
        assert_eq!(cookie(&headers(&["b=1; b=2"]), "b"), None);
        assert_eq!(cookie(&headers(&["bb=1; a=b=2"]), "b"), None);
        assert_eq!(cookie(&headers(&[]), "b"), None);
    }
}
