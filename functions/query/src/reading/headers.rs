//! What the headers of a request say (section 1.2).

use domain::{Credential, Prompt, PromptGrade};
use http::{HeaderMap, HeaderValue, header};

use super::percent;
use super::rejected::Rejected;

/// What the person asked for, as the agent says it: UTF-8, percent-encoded where it is not visible ASCII
/// (`X-Snowgate-Prompt: which customers%0Aowe us most%3F`).
const PROMPT: &str = "x-snowgate-prompt";

/// The agent's word for the conversation; groups exchanges within its principal.
const CONVERSATION: &str = "x-snowgate-session";

/// Which kind of token `Authorization` holds.
const TOKEN_TYPE: &str = "x-snowflake-authorization-token-type";

/// Bytes of a prompt at most, decoded.
pub(crate) const PROMPT_SIZE: usize = 32 * 1024;

/// Every request names its program, takes JSON, and shows one access token.
///
/// # Errors
/// [`Rejected`]; no store has been asked for anything by then.
pub(crate) fn credential(headers: &HeaderMap) -> Result<Credential, Rejected> {
    if headers.get(header::USER_AGENT).is_none_or(|agent| agent.as_bytes().trim_ascii().is_empty()) {
        return Err(Rejected::UserAgent);
    }
    if !accepts_json(headers) {
        return Err(Rejected::Accept);
    }
    bearer(headers)
}

/// `Authorization: Bearer TOKEN`, once, for an OAuth access token.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<Credential, Rejected> {
    // The verifier decides by the token alone. The header can only make the door say clearly that another kind of
    // credential is none here.
    if let Some(kind) = once(headers, TOKEN_TYPE, Rejected::TokenType)?
        && !kind.as_bytes().eq_ignore_ascii_case(b"OAUTH")
    {
        return Err(Rejected::TokenType);
    }
    let value = once(headers, header::AUTHORIZATION.as_str(), Rejected::CredentialMalformed)?
        .ok_or(Rejected::CredentialMissing)?;
    let text = value.to_str().map_err(|_| Rejected::CredentialMalformed)?;
    let (scheme, token) = text.split_once(' ').ok_or(Rejected::CredentialMalformed)?;
    let token = token.trim_matches(' ');
    // RFC 6750 section 2.1: b64token.
    let is_token =
        token.trim_end_matches('=').bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b));
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() || !is_token {
        return Err(Rejected::CredentialMalformed);
    }
    Ok(Credential::new(token.to_owned()))
}

/// What the agent says of the person's words: the header first, else the query tag.
///
/// # Errors
/// [`Rejected::Header`] when it stands twice, is too long or is no UTF-8.
pub(crate) fn prompt(headers: &HeaderMap, query_tag: Option<String>) -> Result<Prompt, Rejected> {
    let rejected = Rejected::Header {
        name: "X-Snowgate-Prompt",
        must: "stand once and hold at most 32 KB of UTF-8, percent-encoded",
    };
    let declared = match once(headers, PROMPT, rejected.clone())? {
        None => None,
        Some(value) => {
            let text = String::from_utf8(percent::decode(value.as_bytes())).map_err(|_| rejected.clone())?;
            if text.len() > PROMPT_SIZE {
                return Err(rejected);
            }
            Some(text)
        }
    };
    let text = declared.filter(|text| !text.trim().is_empty()).or(query_tag);
    // Whoever sends it holds the credential that asks: declared, no more (grade P1).
    let grade = if text.is_some() { PromptGrade::P1 } else { PromptGrade::P0 };
    Ok(Prompt { text, grade })
}

/// The agent's word for the conversation.
///
/// # Errors
/// [`Rejected::Header`] when it stands twice or is no short visible word.
pub(crate) fn conversation(headers: &HeaderMap) -> Result<Option<String>, Rejected> {
    let rejected = Rejected::Header {
        name: "X-Snowgate-Session",
        must: "stand once and be 1 to 128 visible ASCII characters without spaces",
    };
    let Some(value) = once(headers, CONVERSATION, rejected.clone())? else { return Ok(None) };
    let text = value.to_str().map_err(|_| rejected.clone())?;
    if is_conversation(text) { Ok(Some(text.to_owned())) } else { Err(rejected) }
}

/// Whether a word may name a conversation.
pub(crate) fn is_conversation(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The body is JSON, by its own words.
///
/// # Errors
/// [`Rejected::ContentType`].
pub(crate) fn content_type(headers: &HeaderMap) -> Result<(), Rejected> {
    let value = once(headers, header::CONTENT_TYPE.as_str(), Rejected::ContentType)?;
    let text = value.and_then(|value| value.to_str().ok()).ok_or(Rejected::ContentType)?;
    let mut parts = text.split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"));
    let is_utf8 = parts.filter(|parameter| !parameter.is_empty()).all(|parameter| {
        parameter.split_once('=').is_none_or(|(name, value)| {
            !name.trim().eq_ignore_ascii_case("charset")
                || value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        })
    });
    if is_json && is_utf8 { Ok(()) } else { Err(Rejected::ContentType) }
}

/// How a request body is encoded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Encoding {
    /// As it is.
    Identity,
    /// One gzip member.
    Gzip,
}

/// Reads `Content-Encoding`.
///
/// # Errors
/// [`Rejected::ContentEncoding`] for any other encoding, or several.
pub(crate) fn content_encoding(headers: &HeaderMap) -> Result<Encoding, Rejected> {
    let value = once(headers, header::CONTENT_ENCODING.as_str(), Rejected::ContentEncoding)?;
    match value.map(|value| value.as_bytes().trim_ascii().to_ascii_lowercase()).as_deref() {
        None | Some(b"" | b"identity") => Ok(Encoding::Identity),
        Some(b"gzip" | b"x-gzip") => Ok(Encoding::Gzip),
        Some(_) => Err(Rejected::ContentEncoding),
    }
}

/// Whether the client takes gzip by its own words (RFC 9110 section 12.5.3).
pub(crate) fn accepts_gzip(headers: &HeaderMap) -> bool {
    choices(headers, header::ACCEPT_ENCODING)
        .any(|(name, is_wanted)| is_wanted && (name == "gzip" || name == "x-gzip"))
}

pub(crate) fn accepts_json(headers: &HeaderMap) -> bool {
    choices(headers, header::ACCEPT).any(|(name, is_wanted)| {
        is_wanted && ["application/json", "application/*", "*/*"].contains(&name.as_str())
    })
}

/// Whether the client takes a stream of server-sent events by its own words.
pub(crate) fn accepts_events(headers: &HeaderMap) -> bool {
    choices(headers, header::ACCEPT).any(|(name, is_wanted)| is_wanted && name == "text/event-stream")
}

/// The comma-separated choices of a header, in lower case, each with whether its weight is above zero.
fn choices(headers: &HeaderMap, name: header::HeaderName) -> impl Iterator<Item = (String, bool)> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|choice| {
            let mut parts = choice.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default().to_ascii_lowercase();
            let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
            let is_wanted = weight.is_none_or(|weight| weight.trim().parse::<f32>().is_ok_and(|q| q > 0.0));
            (name, is_wanted)
        })
}

/// The header's value; `otherwise` when it stands more than once.
pub(crate) fn once<'a>(
    headers: &'a HeaderMap,
    name: &str,
    otherwise: Rejected,
) -> Result<Option<&'a HeaderValue>, Rejected> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        (_, Some(_)) => Err(otherwise),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        map
    }

    #[track_caller]
    fn check_credential(pairs: &[(&'static str, &str)], expected: Result<&str, Rejected>) {
        let found = credential(&headers(pairs)).map(|credential| credential.reveal().to_owned());
        assert_eq!(found, expected.map(str::to_owned));
    }

    const AGENT: (&str, &str) = ("user-agent", "agent/1.0");
    const ACCEPT: (&str, &str) = ("accept", "application/json");
    const TOKEN: (&str, &str) = ("authorization", "Bearer a.b.c");

    #[test]
    fn one_bearer_token_is_a_credential() {
        check_credential(&[AGENT, ACCEPT, TOKEN], Ok("a.b.c"));
        check_credential(
            &[AGENT, ("accept", "text/html, */*;q=0.8"), ("authorization", "bearer a.b.c==")],
            Ok("a.b.c=="),
        );
        check_credential(&[AGENT, ACCEPT, TOKEN, (TOKEN_TYPE, "OAUTH")], Ok("a.b.c"));
    }

    #[test]
    fn what_is_no_bearer_token_is_told_apart() {
        check_credential(&[AGENT, ACCEPT], Err(Rejected::CredentialMissing));
        for value in [
            "Bearer",
            "Bearer ",
            "Basic YTpi",
            "Snowflake Token=\"x\"",
            "Bearer a b",
            "Bearer a,b",
            "Bearer ü",
        ] {
            check_credential(&[AGENT, ACCEPT, ("authorization", value)], Err(Rejected::CredentialMalformed));
        }
        check_credential(&[AGENT, ACCEPT, TOKEN, TOKEN], Err(Rejected::CredentialMalformed));
        for kind in ["KEYPAIR_JWT", "PROGRAMMATIC_ACCESS_TOKEN", "WORKLOAD_IDENTITY", "x"] {
            check_credential(&[AGENT, ACCEPT, TOKEN, (TOKEN_TYPE, kind)], Err(Rejected::TokenType));
        }
    }

    #[test]
    fn a_program_must_say_its_name_and_take_json() {
        check_credential(&[ACCEPT, TOKEN], Err(Rejected::UserAgent));
        check_credential(&[("user-agent", " "), ACCEPT, TOKEN], Err(Rejected::UserAgent));
        check_credential(&[AGENT, TOKEN], Err(Rejected::Accept));
        check_credential(&[AGENT, ("accept", "text/html"), TOKEN], Err(Rejected::Accept));
        check_credential(&[AGENT, ("accept", "application/json;q=0"), TOKEN], Err(Rejected::Accept));
    }

    #[test]
    fn a_prompt_is_percent_encoded_and_declared() {
        let said =
            prompt(&headers(&[(PROMPT, "caf%C3%A9%0Aand 100% more")]), Some("tag".to_owned())).unwrap();
        assert_eq!(said, Prompt { text: Some("café\nand 100% more".to_owned()), grade: PromptGrade::P1 });
        let tagged = prompt(&headers(&[]), Some("tag".to_owned())).unwrap();
        assert_eq!(tagged, Prompt { text: Some("tag".to_owned()), grade: PromptGrade::P1 });
        assert_eq!(prompt(&headers(&[(PROMPT, " ")]), None).unwrap(), Prompt::default());
    }

    #[test]
    fn a_prompt_that_cannot_be_read_is_refused() {
        for pairs in [vec![(PROMPT, "%FF")], vec![(PROMPT, "a"), (PROMPT, "b")]] {
            assert!(matches!(prompt(&headers(&pairs), None), Err(Rejected::Header { .. })));
        }
        let long = "x".repeat(PROMPT_SIZE + 1);
        assert!(prompt(&headers(&[(PROMPT, long.as_str())]), None).is_err());
    }

    #[test]
    fn a_conversation_is_a_short_word() {
        assert_eq!(conversation(&headers(&[])).unwrap(), None);
        assert_eq!(conversation(&headers(&[(CONVERSATION, "c-1")])).unwrap().as_deref(), Some("c-1"));
        for word in ["", "a b", "ü", &"x".repeat(129)] {
            assert!(conversation(&headers(&[(CONVERSATION, word)])).is_err(), "{word}");
        }
    }

    #[test]
    fn a_body_must_call_itself_json() {
        for text in
            ["application/json", "Application/JSON; charset=UTF-8", "application/json;charset=\"utf-8\""]
        {
            assert!(content_type(&headers(&[("content-type", text)])).is_ok(), "{text}");
        }
        for text in
            ["text/plain", "application/json; charset=latin1", "application/x-www-form-urlencoded", ""]
        {
            assert!(content_type(&headers(&[("content-type", text)])).is_err(), "{text}");
        }
        assert!(content_type(&headers(&[])).is_err());
    }

    #[test]
    fn a_body_comes_as_it_is_or_as_gzip() {
        assert_eq!(content_encoding(&headers(&[])), Ok(Encoding::Identity));
        assert_eq!(content_encoding(&headers(&[("content-encoding", "GZIP")])), Ok(Encoding::Gzip));
        for text in ["br", "gzip, gzip", "deflate"] {
            assert_eq!(
                content_encoding(&headers(&[("content-encoding", text)])),
                Err(Rejected::ContentEncoding)
            );
        }
    }

    #[test]
    fn gzip_is_sent_to_whoever_asks_for_it() {
        for (text, expected) in [
            ("gzip", true),
            ("deflate, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("identity", false),
            ("*", false),
        ] {
            assert_eq!(accepts_gzip(&headers(&[("accept-encoding", text)])), expected, "{text}");
        }
        assert!(!accepts_gzip(&headers(&[])));
    }
}
