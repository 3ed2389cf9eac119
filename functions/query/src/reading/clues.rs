//! What a call says that it belongs to: by it evidence is found. Anybody can say it, so it proves nothing.

use domain::Clues;
use http::HeaderMap;
use traces::TraceParent;

use super::headers::{is_conversation, once};
use super::rejected::Rejected;

/// A word that the client has sent with its evidence, too.
const WORD: &str = "x-snowgate-evidence";

/// The clues in headers.
///
/// # Errors
/// [`Rejected::Header`] when our own stands twice or is no short visible word. A trace that cannot be read is none, as its
/// specification wants it.
pub(crate) fn of_headers(headers: &HeaderMap) -> Result<Clues, Rejected> {
    let rejected = Rejected::Header {
        name: "X-Snowgate-Evidence",
        must: "stand once and be 1 to 128 visible ASCII characters without spaces",
    };
    let word = match once(headers, WORD, rejected.clone())? {
        None => None,
        Some(value) => {
            let text = value.to_str().map_err(|_| rejected.clone())?;
            if !is_conversation(text) {
                return Err(rejected);
            }
            Some(text.to_owned())
        }
    };
    Ok(Clues { tool_use: None, trace: TraceParent::of_headers(headers).map(told), word })
}

/// The trace id of a `traceparent` (W3C Trace Context); none where it is malformed.
pub(crate) fn trace_of(traceparent: &str) -> Option<String> {
    traceparent.parse().ok().map(told)
}

fn told(parent: TraceParent) -> String {
    format!("{:032x}", parent.trace())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "traceparent";
    const TRACE_ID: &str = "0af7651916cd43dd8448eb211c80319c";

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, value.parse().unwrap());
        }
        map
    }

    #[test]
    fn a_trace_and_a_word_are_clues() {
        let parent = format!("00-{TRACE_ID}-b7ad6b7169203331-01");
        let found = of_headers(&headers(&[(TRACE, &parent), (WORD, "w-1")])).unwrap();
        assert_eq!((found.trace.as_deref(), found.word.as_deref()), (Some(TRACE_ID), Some("w-1")));
        assert_eq!(of_headers(&headers(&[])).unwrap(), Clues::default());
    }

    #[test]
    fn a_trace_that_cannot_be_read_is_none_and_a_word_that_cannot_is_refused() {
        for text in [
            "",
            "00",
            "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        ] {
            assert_eq!(trace_of(text), None, "{text}");
        }
        let parent = format!("00-{TRACE_ID}-b7ad6b7169203331-01");
        assert_eq!(of_headers(&headers(&[(TRACE, &parent), (TRACE, &parent)])).unwrap().trace, None);
        for pairs in [&[(WORD, "a b")][..], &[(WORD, "")], &[(WORD, "a"), (WORD, "b")]] {
            assert!(of_headers(&headers(pairs)).is_err());
        }
    }
}
