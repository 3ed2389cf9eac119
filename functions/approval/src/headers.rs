//! What every answer carries, and what is not answered at all.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// No script but our file, nothing inline, nothing from elsewhere, in nobody's frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

const HEADERS: [(HeaderName, &str); 8] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::CACHE_CONTROL, "no-store"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
];

/// Puts the headers on every answer, whatever it is.
pub async fn protect(request: Request, next: Next) -> Response {
    // What a browser fetches before anybody has gone there is no look.
    let mut response = if is_prefetch(request.headers()) {
        StatusCode::SERVICE_UNAVAILABLE.into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn is_prefetch(headers: &HeaderMap) -> bool {
    ["sec-purpose", "purpose", "x-moz"].iter().any(|name| {
        headers.get(*name).is_some_and(|value| {
            let value = value.as_bytes().to_ascii_lowercase();
            value.windows(8).any(|word| word == b"prefetch")
                || value.windows(9).any(|word| word == b"prerender")
        })
    })
}

/// Whether a form comes from this page, as far as its browser says where from.
// SECURITY: beside the mark in the form itself and `SameSite=Strict`, so that none of the three stands alone.
pub fn is_own_form(headers: &HeaderMap, origin: &str) -> bool {
    let mut sites = headers.get_all("sec-fetch-site").iter();
    let (is_said, is_same_site) = match (sites.next(), sites.next()) {
        (None, None) => (false, true),
        (Some(site), None) => (true, site == "same-origin"),
        (Some(_) | None, Some(_)) => (true, false),
    };
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let is_ours = match (origins.next(), origins.next()) {
        (None, None) => true,
        // Our own referrer policy has browsers say this of our own forms (Fetch, "append a request `Origin` header").
        (Some(named), None) if named == "null" => is_said,
        (Some(named), None) => named.as_bytes() == origin.as_bytes(),
        (Some(_) | None, Some(_)) => false,
    };
    is_same_site && is_ours
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(headers: &[(&'static str, &str)], expected: bool) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        assert_eq!(is_own_form(&map, "https://snowgate.example"), expected, "{headers:?}");
    }

    #[test]
    fn a_form_from_elsewhere_is_known_by_what_its_browser_says() {
        check(&[], true);
        check(&[("origin", "https://snowgate.example"), ("sec-fetch-site", "same-origin")], true);
        check(&[("origin", "https://evil.example")], false);
        check(&[("origin", "null")], false);
        check(&[("origin", "null"), ("sec-fetch-site", "cross-site")], false);
        check(
            &[("origin", "null"), ("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")],
            false,
        );
        check(&[("origin", "null"), ("sec-fetch-site", "same-origin")], true);
        check(&[("origin", "http://snowgate.example")], false);
        check(&[("origin", "https://snowgate.example"), ("origin", "https://evil.example")], false);
        for site in ["cross-site", "same-site", "none"] {
            check(&[("sec-fetch-site", site)], false);
        }
    }
}
