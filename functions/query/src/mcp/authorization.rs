//! This door as an OAuth 2.1 resource server (RFC 9728, RFC 6750), and the pages that it answers.

use std::collections::BTreeSet;

use gateway::TierScopes;
use http::{HeaderMap, header};
use oidc::{IssuerSettings, is_scope};
use serde_json::{Value, json};

use super::PATH;

/// Where clients look for the metadata when a challenge names no place (RFC 9728 section 3.1).
pub(super) const METADATA: &str = "/.well-known/oauth-protected-resource";

/// Where they look first.
pub(super) const METADATA_OF_PATH: &str = "/.well-known/oauth-protected-resource/mcp";

/// What clients are told of how to get a token, and whose web pages are answered. The default tells and answers nobody.
#[derive(Clone, Debug, Default)]
pub struct Resource {
    issuers: Vec<String>,
    /// What a client asks for first.
    scopes: BTreeSet<String>,
    /// What it may come to need.
    more: BTreeSet<String>,
    hosts: Vec<String>,
}

impl Resource {
    /// The resource that takes tokens of these issuers.
    pub fn of(issuers: &[IssuerSettings]) -> Self {
        let scopes = issuers.iter().flat_map(|issuer| &issuer.required_scopes).cloned().collect();
        let issuers = issuers.iter().map(|issuer| issuer.issuer.clone()).collect();
        Self { issuers, scopes, ..Self::default() }
    }

    /// With what statements of each tier need. Whoever has no token is told to ask for what reading needs, and for more when
    /// it comes to that.
    #[must_use]
    pub fn with_scopes(mut self, tiers: &TierScopes) -> Self {
        self.scopes.extend(tiers.read.iter().cloned());
        self.more.extend(tiers.all());
        self
    }

    /// With these hosts (`name` or `name:port`), whose web pages may ask.
    #[must_use]
    pub fn with_hosts(self, hosts: impl IntoIterator<Item = String>) -> Self {
        Self { hosts: hosts.into_iter().collect(), ..self }
    }

    /// SECURITY: against DNS rebinding. A web page may ask when its host is one of the configured ones, or when page and
    /// gateway are both called by a loopback name: a name of an attacker's that points here is neither. The own `Host`
    /// proves nothing, because a rebound page has the same. A request without `Origin` is no page's.
    pub(super) fn allows_origin(&self, headers: &HeaderMap) -> bool {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let origin = match (origins.next(), origins.next()) {
            (None, _) => return true,
            (Some(origin), None) => origin.to_str().ok(),
            (Some(_), Some(_)) => None,
        };
        let page = origin
            .and_then(|origin| origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://")));
        let Some(page) = page else { return false };
        let is_configured = self.hosts.iter().any(|host| host.eq_ignore_ascii_case(page));
        is_configured || (is_loopback(page) && host(headers).is_some_and(is_loopback))
    }

    /// The metadata document; none when the request does not say by which host it knows this gateway.
    pub(super) fn metadata(&self, headers: &HeaderMap) -> Option<Value> {
        Some(json!({
            "resource": format!("{}{PATH}", base(headers)?),
            "resource_name": "Snowgate",
            "authorization_servers": self.issuers,
            "scopes_supported": self.scopes.union(&self.more).collect::<Vec<_>>(),
            "bearer_methods_supported": ["header"],
        }))
    }

    /// `WWW-Authenticate` of a 401.
    pub(super) fn challenge(&self, headers: &HeaderMap, shown: Shown) -> String {
        let mut parameters = Vec::new();
        match shown {
            Shown::Nothing => {}
            Shown::Token => parameters.push("error=\"invalid_token\"".to_owned()),
        }
        if let Some(place) = place(headers) {
            parameters.push(format!("resource_metadata=\"{place}\""));
        }
        parameters.extend(named(&self.scopes));
        if parameters.is_empty() { "Bearer".to_owned() } else { format!("Bearer {}", parameters.join(", ")) }
    }
}

/// What a request showed of who asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shown {
    /// No token.
    Nothing,
    /// One that is not accepted.
    Token,
}

/// `WWW-Authenticate` of a 403: the token is good, and lacks one of these scopes (RFC 6750 section 3.1). They stand in one
/// challenge, so that a client asks its issuer once.
pub(super) fn step_up(headers: &HeaderMap, scopes: &[String]) -> String {
    let place = place(headers).map(|place| format!("resource_metadata=\"{place}\""));
    let parameters = [Some(INSUFFICIENT.to_owned()), named(scopes), place].into_iter().flatten();
    format!("Bearer {}", parameters.collect::<Vec<_>>().join(", "))
}

/// The same for the body, since not every server that stands before this one lets the header through.
pub(super) fn step_up_data(headers: &HeaderMap, scopes: &[String]) -> Value {
    let mut data = json!({ "error": "insufficient_scope", "scope": scopes.join(" ") });
    if let (Some(place), Some(members)) = (place(headers), data.as_object_mut()) {
        members.insert("resource_metadata".to_owned(), place.into());
    }
    data
}

/// `WWW-Authenticate` of a 403 at a door that has no metadata of its own.
pub(crate) fn insufficient(scopes: &[String]) -> String {
    let parameters = [Some(INSUFFICIENT.to_owned()), named(scopes)].into_iter().flatten();
    format!("Bearer {}", parameters.collect::<Vec<_>>().join(", "))
}

const INSUFFICIENT: &str = "error=\"insufficient_scope\"";

/// `scope="…"`; none when there is none to name.
fn named<'a>(scopes: impl IntoIterator<Item = &'a String>) -> Option<String> {
    let scopes: Vec<&str> = scopes.into_iter().map(String::as_str).collect();
    // What could break out of its quotes is not a scope.
    let is_told = !scopes.is_empty() && scopes.iter().all(|scope| is_scope(scope));
    is_told.then(|| format!("scope=\"{}\"", scopes.join(" ")))
}

/// Where the metadata lies, as the client reaches it.
fn place(headers: &HeaderMap) -> Option<String> {
    base(headers).map(|base| format!("{base}{METADATA_OF_PATH}"))
}

/// The address that the client knows this gateway by. Plain HTTP is for loopback alone; whatever else stands in front of a
/// gateway speaks TLS. Clients compare it with the address that they called (RFC 9728 section 3.3), so that a wrong
/// `Host` fools nobody but its sender.
fn base(headers: &HeaderMap) -> Option<String> {
    let host = host(headers)?;
    let scheme = if is_loopback(host) { "http" } else { "https" };
    Some(format!("{scheme}://{host}"))
}

/// The one `Host`, when it can be no more than a host.
fn host(headers: &HeaderMap) -> Option<&str> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return None };
    let host = host.to_str().ok()?;
    let is_host = !host.is_empty()
        && host.len() <= 261
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte));
    is_host.then_some(host)
}

fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        Some(_) | None => host,
    };
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|loopback| loopback.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()));
        let mut headers = HeaderMap::new();
        pairs.for_each(|(name, value)| {
            headers.append(name, value);
        });
        headers
    }

    fn resource() -> Resource {
        let mut issuer = IssuerSettings::new("https://idp.example".to_owned(), "snowgate");
        issuer.required_scopes = vec!["sql".to_owned()];
        Resource::of(&[issuer]).with_hosts(["console.example:8443".to_owned()])
    }

    #[test]
    fn a_page_may_ask_only_from_here_or_from_a_configured_host() {
        let here = ("host", "127.0.0.1:8181");
        for (pairs, expected) in [
            (vec![here], true),
            (vec![here, ("origin", "http://localhost:6274")], true),
            (vec![here, ("origin", "http://[::1]:1")], true),
            (vec![here, ("origin", "https://console.example:8443")], true),
            (vec![("host", "gateway.example"), ("origin", "https://console.example:8443")], true),
            (vec![("host", "evil.example:8181"), ("origin", "http://evil.example:8181")], false),
            (vec![("host", "gateway.example"), ("origin", "http://localhost:3000")], false),
            (vec![("origin", "http://localhost:3000")], false),
            (vec![here, ("origin", "http://localhost.evil.example")], false),
            (vec![here, ("origin", "http://127.0.0.1:8181@evil.example")], false),
            (vec![here, ("origin", "http://127.0.0.1:")], false),
            (vec![here, ("origin", "null")], false),
            (vec![here, ("origin", "")], false),
            (vec![here, ("origin", "http://localhost"), ("origin", "http://localhost")], false),
        ] {
            assert_eq!(resource().allows_origin(&headers(&pairs)), expected, "{pairs:?}");
        }
    }

    #[test]
    fn who_has_no_token_is_told_where_to_get_one() {
        let told = resource().challenge(&headers(&[("host", "gw.example")]), Shown::Nothing);
        let place = "resource_metadata=\"https://gw.example/.well-known/oauth-protected-resource/mcp\"";
        assert_eq!(told, format!("Bearer {place}, scope=\"sql\""));
        let local = resource().challenge(&headers(&[("host", "localhost:8181")]), Shown::Token);
        assert!(
            local.starts_with("Bearer error=\"invalid_token\", resource_metadata=\"http://localhost:8181/"),
            "{local}"
        );
        for host in ["a\"b", "a b", "a/b", ""] {
            assert_eq!(
                resource().challenge(&headers(&[("host", host)]), Shown::Nothing),
                "Bearer scope=\"sql\""
            );
        }
        assert_eq!(Resource::default().challenge(&headers(&[]), Shown::Nothing), "Bearer");
    }

    #[test]
    fn who_lacks_a_scope_is_told_all_that_are_needed_at_once() {
        let here = headers(&[("host", "gw.example")]);
        let scopes = ["sql:read", "sql:write"].map(str::to_owned);
        let place = "https://gw.example/.well-known/oauth-protected-resource/mcp";
        assert_eq!(
            step_up(&here, &scopes),
            format!(
                "Bearer error=\"insufficient_scope\", scope=\"sql:read sql:write\", resource_metadata=\"{place}\""
            )
        );
        let expected = json!({ "error": "insufficient_scope", "scope": "sql:read sql:write", "resource_metadata": place });
        assert_eq!(step_up_data(&here, &scopes), expected);
        assert_eq!(insufficient(&["a\" evil".to_owned()]), "Bearer error=\"insufficient_scope\"");
        assert_eq!(step_up(&headers(&[]), &[]), "Bearer error=\"insufficient_scope\"");
    }

    #[test]
    fn a_client_asks_for_what_reading_needs_and_learns_what_there_is() {
        let set = |scope: &str| [scope.to_owned()].into();
        let tiers = TierScopes {
            read: set("sql:read"),
            write: set("sql:write"),
            define: [].into(),
            required: [].into(),
        };
        let here = headers(&[("host", "gw.example")]);
        let resource = resource().with_scopes(&tiers);
        assert!(resource.challenge(&here, Shown::Nothing).ends_with("scope=\"sql sql:read\""));
        assert_eq!(
            resource.metadata(&here).unwrap()["scopes_supported"],
            json!(["sql", "sql:read", "sql:write"])
        );
    }

    #[test]
    fn the_metadata_names_the_address_that_was_called() {
        let told = resource().metadata(&headers(&[("host", "gw.example")])).unwrap();
        let expected = json!({
            "resource": "https://gw.example/mcp",
            "resource_name": "Snowgate",
            "authorization_servers": ["https://idp.example"],
            "scopes_supported": ["sql"],
            "bearer_methods_supported": ["header"],
        });
        assert_eq!(told, expected);
        assert_eq!(resource().metadata(&headers(&[])), None);
    }
}
