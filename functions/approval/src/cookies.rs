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

/// What the browser says are its sessions of this approval.
pub fn sessions_of(desk: &Desk, headers: &HeaderMap, id: ApprovalId) -> Vec<String> {
    cookies(headers, &session_name(desk, id))
}

/// What the browser says are its sign-ins with this state.
pub fn sign_ins_of(desk: &Desk, headers: &HeaderMap, state: &str) -> Vec<String> {
    sign_in_name(desk, state).map(|name| cookies(headers, &name)).unwrap_or_default()
}

/// Cookies of one name that are looked at.
const LOOKED_AT: usize = 16;

/// Every cookie of that name, in their order.
// SECURITY: over http whatever else runs on this machine may set one of the same name, by another path. Whoever reads them must
// know which is meant by something that no cookie brings: the mark of a session, the state of a sign-in. To take the first would
// let others choose; to take none of several, keep everybody from reviewing.
fn cookies(headers: &HeaderMap, name: &str) -> Vec<String> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let found = pairs.filter(|(found, _)| *found == name).map(|(_, value)| value.to_owned());
    found.take(LOOKED_AT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cookie_of_a_name_is_read_and_no_other() {
        let headers = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::COOKIE, line.parse().unwrap());
            }
            headers
        };
        assert_eq!(cookies(&headers(&["a=1; b=2"]), "b"), ["2"]);
        assert_eq!(cookies(&headers(&["a=1", "b=2"]), "b"), ["2"]);
        assert_eq!(cookies(&headers(&["b=1; b=2", "b=3"]), "b"), ["1", "2", "3"]);
        assert!(cookies(&headers(&["bb=1; a=b=2"]), "b").is_empty());
        assert!(cookies(&headers(&[]), "b").is_empty());
        assert_eq!(cookies(&headers(&["b=1"; 100]), "b").len(), LOOKED_AT);
    }
}
