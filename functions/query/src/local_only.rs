//! Keeps web pages away from a gateway that listens on this machine.

use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Request, StatusCode, header};
use tower::{Layer, Service};

/// A layer that answers only to these hosts (`127.0.0.1:8181`, `localhost:8181`).
///
/// A request that names another host is answered 421 (RFC 9110 section 15.5.20): a name that an attacker's
/// DNS points at this machine is not ours. A request whose `Origin` is not `http://` and one of these hosts is
/// answered 403: it comes from a web page that is not ours. A request without `Origin` is no page's.
pub fn local_only(hosts: impl IntoIterator<Item = String>) -> LocalOnly {
    let hosts = hosts.into_iter().map(|host| host.to_ascii_lowercase()).collect();
    LocalOnly { hosts, origins: Arc::default() }
}

/// See [`local_only`].
#[derive(Clone, Debug)]
pub struct LocalOnly {
    hosts: Arc<[String]>,
    origins: Arc<[String]>,
}

impl LocalOnly {
    /// Also pages of these origins (`https://approve.example.com`): ours, behind whatever ends TLS before this server.
    #[must_use]
    pub fn with_origins(self, origins: impl IntoIterator<Item = String>) -> Self {
        let plain = |origin: String| origin.trim_end_matches('/').to_ascii_lowercase();
        Self { origins: origins.into_iter().map(plain).collect(), ..self }
    }
}

impl<S> Layer<S> for LocalOnly {
    type Service = Checked<S>;

    fn layer(&self, inner: S) -> Checked<S> {
        Checked { inner, hosts: Arc::clone(&self.hosts), origins: Arc::clone(&self.origins) }
    }
}

/// A service behind [`local_only`].
#[derive(Clone, Debug)]
pub struct Checked<S> {
    inner: S,
    hosts: Arc<[String]>,
    origins: Arc<[String]>,
}

impl<S, B> Service<Request<B>> for Checked<S>
where
    S: Service<Request<B>, Response = Response>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let authority = request.uri().authority().map(|authority| authority.as_str());
        match check(&self.hosts, &self.origins, authority, request.headers()) {
            Ok(()) => Box::pin(self.inner.call(request)),
            Err(status) => Box::pin(ready(Ok(refused(status, request.uri().path())))),
        }
    }
}

/// SECURITY: both the target's authority (which wins over `Host` in absolute form) and `Host` must be ours; one
/// `Host` exactly, at most one `Origin`.
fn check(
    hosts: &[String],
    ours: &[String],
    authority: Option<&str>,
    headers: &HeaderMap,
) -> Result<(), StatusCode> {
    let is_ours = |name: &str| hosts.iter().any(|host| host.eq_ignore_ascii_case(name));
    let mut named = headers.get_all(header::HOST).iter();
    let host = match (named.next(), named.next()) {
        (Some(host), None) => host.to_str().ok(),
        (None, None) => authority,
        (Some(_), Some(_)) | (None, Some(_)) => None,
    };
    if !host.is_some_and(is_ours) || !authority.is_none_or(is_ours) {
        return Err(StatusCode::MISDIRECTED_REQUEST);
    }
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let is_allowed = match (origins.next(), origins.next()) {
        (None, None) => true,
        (Some(origin), None) => {
            let origin = origin.to_str().ok();
            let is_named =
                origin.is_some_and(|origin| ours.iter().any(|own| own.eq_ignore_ascii_case(origin)));
            // A page whose referrer policy is to tell nothing names no origin; its browser says that it is ours.
            let is_nameless = origin == Some("null") && is_same_origin(headers);
            is_named
                || is_nameless
                || origin.and_then(|origin| origin.strip_prefix("http://")).is_some_and(is_ours)
        }
        (Some(_), Some(_)) | (None, Some(_)) => false,
    };
    if is_allowed { Ok(()) } else { Err(StatusCode::FORBIDDEN) }
}

/// Whether a browser says that a page of this very origin asks. No page can write that header itself (Fetch Metadata).
fn is_same_origin(headers: &HeaderMap) -> bool {
    let mut sites = headers.get_all("sec-fetch-site").iter();
    matches!((sites.next(), sites.next()), (Some(site), None) if site == "same-origin")
}

fn refused(status: StatusCode, path: &str) -> Response {
    let message = if status == StatusCode::FORBIDDEN {
        "this gateway does not answer web pages of another origin"
    } else {
        "this gateway does not go by that host name"
    };
    // In each door's own words.
    let body = if path == "/mcp" {
        format!(r#"{{"jsonrpc":"2.0","error":{{"code":-32600,"message":"{message}"}}}}"#)
    } else {
        format!(r#"{{"code":"099107","message":"{message}"}}"#)
    };
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (status, headers, body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn verdict(authority: Option<&str>, headers: &[(&str, &str)], expected: Result<(), u16>) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(http::HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        let hosts = ["127.0.0.1:8181".to_owned(), "localhost:8181".to_owned()];
        let ours = ["https://approve.example.com".to_owned()];
        let found = check(&hosts, &ours, authority, &map).map_err(|status| status.as_u16());
        assert_eq!(found, expected, "{authority:?} {headers:?}");
    }

    #[test]
    fn only_our_own_names_are_answered() {
        verdict(None, &[("host", "127.0.0.1:8181")], Ok(()));
        verdict(None, &[("host", "LOCALHOST:8181")], Ok(()));
        verdict(None, &[("host", "rebound.example:8181")], Err(421));
        verdict(None, &[("host", "127.0.0.1")], Err(421));
        verdict(None, &[("host", "127.0.0.1:8181.rebound.example")], Err(421));
        verdict(None, &[], Err(421));
        verdict(None, &[("host", "127.0.0.1:8181"), ("host", "localhost:8181")], Err(421));
        verdict(Some("rebound.example"), &[("host", "127.0.0.1:8181")], Err(421));
        verdict(Some("localhost:8181"), &[("host", "localhost:8181")], Ok(()));
    }

    #[test]
    fn a_page_of_another_origin_is_refused() {
        let ours = ("host", "127.0.0.1:8181");
        verdict(None, &[ours, ("origin", "http://127.0.0.1:8181")], Ok(()));
        verdict(None, &[ours, ("origin", "https://127.0.0.1:8181")], Err(403));
        verdict(None, &[ours, ("origin", "http://evil.example")], Err(403));
        verdict(None, &[ours, ("origin", "null")], Err(403));
        verdict(None, &[ours, ("origin", "null"), ("sec-fetch-site", "cross-site")], Err(403));
        verdict(None, &[ours, ("origin", "null"), ("sec-fetch-site", "same-origin")], Ok(()));
        verdict(None, &[ours, ("origin", "https://approve.example.com")], Ok(()));
        verdict(None, &[ours, ("origin", "http://approve.example.com")], Err(403));
        verdict(
            None,
            &[ours, ("origin", "http://127.0.0.1:8181"), ("origin", "http://evil.example")],
            Err(403),
        );
    }

    #[tokio::test]
    async fn each_door_refuses_in_its_own_words() {
        for (path, expected) in [
            ("/mcp", r#"{"jsonrpc":"2.0","error":{"code":-32600,"#),
            ("/api/v2/statements", r#"{"code":"099107","#),
        ] {
            for status in [StatusCode::FORBIDDEN, StatusCode::MISDIRECTED_REQUEST] {
                let body = refused(status, path).into_body();
                let bytes = axum::body::to_bytes(body, 1024).await.unwrap();
                let text = String::from_utf8(bytes.to_vec()).unwrap();
                assert!(text.starts_with(expected), "{text}");
                assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
            }
        }
    }
}
