//! What an HTTP API asks an authorizer, in format 2.0.

use std::collections::BTreeMap;

use domain::Credential;
use serde::Deserialize;
use traces::TraceParent;

use crate::NotAuthorized;

/// What of the question is looked at. The route is not: every one that asks here wants the same.
#[derive(Deserialize)]
struct Event {
    version: String,
    #[serde(rename = "type")]
    kind: String,
    /// Names in lower case; what came several times is joined by commas.
    headers: BTreeMap<String, String>,
}

/// The token that the function behind will be shown, in the one header that it reads it from.
pub(crate) fn credential(event: &serde_json::Value) -> Result<Credential, NotAuthorized> {
    let Event { version, kind, headers } =
        Event::deserialize(event).map_err(|_| NotAuthorized::Unreadable)?;
    if version != "2.0" || kind != "REQUEST" {
        return Err(NotAuthorized::Unreadable);
    }
    let mut named = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    // SECURITY: of two, the function might read the other one.
    let (Some((_, value)), None) = (named.next(), named.next()) else {
        return Err(NotAuthorized::Unauthorized);
    };
    bearer(value).map(|token| Credential::new(token.to_owned())).ok_or(NotAuthorized::Unauthorized)
}

/// The span that the request was made in. Anybody can say it; nothing but a trace depends on it.
pub(crate) fn parent(event: &serde_json::Value) -> Option<TraceParent> {
    let headers = event.get("headers")?.as_object()?;
    let mut named = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("traceparent"));
    match (named.next(), named.next()) {
        (Some((_, value)), None) => value.as_str()?.parse().ok(),
        (_, _) => None,
    }
}

/// The token of `Bearer TOKEN` (RFC 6750 section 2.1). A comma is none of its letters, so two that were joined are no token.
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim_matches(' ');
    let letters = token.trim_end_matches('=');
    let is_token =
        !letters.is_empty() && letters.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b));
    (scheme.eq_ignore_ascii_case("bearer") && is_token).then_some(token)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn event(headers: Value) -> Value {
        json!({ "version": "2.0", "type": "REQUEST", "headers": headers })
    }

    #[track_caller]
    fn check(headers: Value, expected: Option<&str>) {
        match credential(&event(headers)) {
            Ok(found) => assert_eq!(Some(found.reveal()), expected),
            Err(error) => {
                assert!(matches!(error, NotAuthorized::Unauthorized) && expected.is_none(), "{error}");
            }
        }
    }

    #[test]
    fn one_bearer_token_is_a_credential() {
        check(json!({ "authorization": "Bearer a.b.c" }), Some("a.b.c"));
        check(json!({ "Authorization": "bearer  a.b.c== ", "accept": "*/*" }), Some("a.b.c=="));
    }

    #[test]
    fn a_parent_is_one_or_none() {
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let of = |headers: Value| super::parent(&event(headers));
        assert!(of(json!({ "Traceparent": parent })).is_some_and(TraceParent::is_sampled));
        for headers in [
            json!({}),
            json!([]),
            json!({ "traceparent": 7 }),
            json!({ "traceparent": "x" }),
            json!({ "traceparent": format!("{parent},{parent}") }),
            json!({ "traceparent": parent, "Traceparent": parent }),
        ] {
            assert_eq!(of(headers), None);
        }
    }

    #[test]
    fn what_is_no_bearer_token_is_nobodys() {
        check(json!({}), None);
        check(json!({ "authorization": "Bearer a", "Authorization": "Bearer a" }), None);
        for value in
            ["", "Bearer", "Bearer ", "Bearer =", "Basic a", "Bearer a b", "Bearer a,Bearer b", "Bearer ü"]
        {
            check(json!({ "authorization": value }), None);
        }
    }

    #[test]
    fn what_is_no_question_is_told_without_what_it_holds() {
        let good = event(json!({ "authorization": "Bearer s3cret" }));
        for (key, value) in [
            ("version", json!("1.0")),
            ("version", Value::Null),
            ("type", json!("TOKEN")),
            ("headers", Value::Null),
            ("headers", json!({ "authorization": ["Bearer s3cret"] })),
            ("headers", json!([])),
        ] {
            let mut wrong = good.clone();
            wrong[key] = value;
            let error = credential(&wrong).err().unwrap();
            let said = format!("{error} {error:?}");
            assert!(matches!(error, NotAuthorized::Unreadable) && !said.contains("s3cret"), "{said}");
        }
        for wrong in [Value::Null, json!([]), json!("x"), json!({})] {
            assert!(matches!(credential(&wrong), Err(NotAuthorized::Unreadable)));
        }
        assert!(credential(&good).is_ok());
    }
}
