//! What the query string says (section 1.1).

use domain::RequestId;

use crate::reading::percent;
use crate::reading::rejected::{Name, Rejected};

/// The query parameters that one endpoint takes, read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// `requestId`: the client's name for the request; alone enough for idempotence.
    pub(crate) request: Option<RequestId>,
    /// `async`: do not wait.
    pub(crate) is_async: bool,
    /// `nullable=false`: NULL is printed as the string `"null"`.
    pub(crate) null_as_text: bool,
    /// `partition`.
    pub(crate) partition: u32,
}

/// Parameters of `POST /api/v2/statements`.
pub(crate) const SUBMIT: &[&str] = &["requestId", "async", "nullable", "retry"];
/// Parameters of `GET /api/v2/statements/{handle}`.
pub(crate) const COLLECT: &[&str] = &["requestId", "partition"];
/// Parameters of `POST /api/v2/statements/{handle}/cancel`.
pub(crate) const CANCEL: &[&str] = &["requestId"];

impl Options {
    /// Reads a query string; only `allowed` names, each once.
    ///
    /// # Errors
    /// [`Rejected::Option`] naming the parameter, never its value.
    pub(crate) fn read(query: Option<&str>, allowed: &[&str]) -> Result<Self, Rejected> {
        let mut options = Self::default();
        let mut seen: Vec<String> = Vec::new();
        let mut is_retry = false;
        for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decode = |text: &str| String::from_utf8(percent::decode(text.as_bytes())).unwrap_or_default();
            let (name, value) = (decode(name), decode(value));
            let rejected = |problem| Rejected::Option { name: Name::new(&name), problem };
            if !allowed.contains(&name.as_str()) {
                return Err(rejected("is not one that this endpoint knows"));
            }
            if seen.contains(&name) {
                return Err(rejected("stands twice"));
            }
            let flag = || parse_flag(&value).ok_or_else(|| rejected("must be true or false"));
            match name.as_str() {
                "requestId" => {
                    let id = value
                        .parse()
                        .map_err(|_| rejected("must be a UUID, or 1 to 64 visible characters"))?;
                    options.request = Some(id);
                }
                "async" => options.is_async = flag()?,
                "nullable" => options.null_as_text = !flag()?,
                "retry" => is_retry = flag()?,
                "partition" => {
                    let is_digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
                    let number = is_digits.then(|| value.parse().ok()).flatten();
                    options.partition =
                        number.ok_or_else(|| rejected("must be a number, counting from 0"))?;
                }
                _ => return Err(rejected("is not one that this endpoint knows")),
            }
            seen.push(name);
        }
        if is_retry && options.request.is_none() {
            // Without the name of the first request this would run the statement once more.
            return Err(Rejected::Option {
                name: Name::new("retry"),
                problem: "needs the requestId to repeat",
            });
        }
        Ok(options)
    }
}

fn parse_flag(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refuses(query: &str, allowed: &[&str], message: &str) {
        assert_eq!(Options::read(Some(query), allowed).unwrap_err().to_string(), message);
    }

    #[test]
    fn every_documented_parameter_is_read() {
        let options = Options::read(
            Some("requestId=6f1e0c1e-1111-4222-8333-944455566677&async=true&nullable=False&retry=true"),
            SUBMIT,
        );
        let request = "6f1e0c1e-1111-4222-8333-944455566677".parse().ok();
        assert_eq!(options, Ok(Options { request, is_async: true, null_as_text: true, partition: 0 }));
        assert_eq!(Options::read(Some("partition=12"), COLLECT).unwrap().partition, 12);
        assert_eq!(Options::read(None, CANCEL), Ok(Options::default()));
    }

    #[test]
    fn everything_else_is_refused_by_name() {
        refuses(
            "resultFormat=arrow",
            SUBMIT,
            "query parameter `resultFormat` is not one that this endpoint knows",
        );
        refuses("async=true", COLLECT, "query parameter `async` is not one that this endpoint knows");
        refuses("ASYNC=true", SUBMIT, "query parameter `ASYNC` is not one that this endpoint knows");
        refuses("async=1", SUBMIT, "query parameter `async` must be true or false");
        refuses("async", SUBMIT, "query parameter `async` must be true or false");
        refuses("async=true&async=false", SUBMIT, "query parameter `async` stands twice");
        refuses("%61sync=true&async=true", SUBMIT, "query parameter `async` stands twice");
        refuses("partition=-1", COLLECT, "query parameter `partition` must be a number, counting from 0");
        refuses(
            "partition=4294967296",
            COLLECT,
            "query parameter `partition` must be a number, counting from 0",
        );
        refuses("retry=true", SUBMIT, "query parameter `retry` needs the requestId to repeat");
        refuses(
            "requestId=",
            SUBMIT,
            "query parameter `requestId` must be a UUID, or 1 to 64 visible characters",
        );
        refuses(
            "4111111111111111=x",
            SUBMIT,
            "query parameter (its name is not repeated here) is not one that this endpoint knows",
        );
    }
}
