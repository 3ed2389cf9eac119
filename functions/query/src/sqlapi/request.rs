//! A submitted statement, from the request body to `Asked` (section 1.3).

use std::time::Duration;

use domain::{Asked, Bindings, Context, Credential};
use http::HeaderMap;

use super::bindings;
use super::options::Options;
use super::parameters::Parameters;
use crate::reading::members::{Members, Value};
use crate::reading::rejected::Rejected;
use crate::reading::statement::{name, statement};
use crate::reading::{clues, headers};

/// Seconds that a statement may be given at most, and what `timeout: 0` means (section 1.3).
const LONGEST: u64 = 604_800;

/// Reads the whole request. Optional fields may be null; unknown fields are refused by name.
///
/// # Errors
/// [`Rejected`] naming what is wrong, never repeating a value.
pub(crate) fn read(
    credential: Credential,
    options: &Options,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Asked, Rejected> {
    let body = std::str::from_utf8(body).map_err(|_| Rejected::NotJson)?;
    let mut members = Members::of_body(body)?;
    let text = statement(&mut members)?;
    let timeout = members.take("timeout").map(|value| timeout(&value)).transpose()?;
    let context = Context {
        role: name(&mut members, "role")?,
        warehouse: name(&mut members, "warehouse")?,
        database: name(&mut members, "database")?,
        schema: name(&mut members, "schema")?,
    };
    let bindings = match members.take("bindings") {
        None => Bindings::new(),
        Some(value) => bindings::read(value.object("bindings.")?)?,
    };
    let parameters = match members.take("parameters") {
        None => Parameters::default(),
        Some(value) => Parameters::read(value.object("parameters.")?)?,
    };
    members.end()?;
    let Parameters { session, statement_count, query_tag } = parameters;
    if statement_count != 1 && !bindings.is_empty() {
        return Err(Rejected::BindingsInBatch);
    }
    Ok(Asked {
        door: super::DOOR,
        credential,
        conversation: headers::conversation(headers)?,
        request: options.request.clone(),
        text,
        bindings,
        context,
        statement_count,
        parameters: session,
        timeout,
        prompt: headers::prompt(headers, query_tag)?,
        clues: clues::of_headers(headers)?,
    })
}

fn timeout(value: &Value<'_>) -> Result<Duration, Rejected> {
    match value.integer()? {
        0 => Ok(Duration::from_secs(LONGEST)),
        seconds @ 1..=LONGEST => Ok(Duration::from_secs(seconds)),
        _ => Err(value.rejected("must be 0 to 604800 seconds")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(body: &str) -> Result<Asked, String> {
        let credential = Credential::new("token".to_owned());
        read(credential, &Options::default(), &HeaderMap::new(), body.as_bytes())
            .map_err(|rejected| rejected.to_string())
    }

    #[track_caller]
    fn refuses(body: &str, detail: &str) {
        let message = asked(body).map(|_| ()).unwrap_err();
        assert_eq!(message, format!("Incoming request does not contain a valid payload: {detail}"));
    }

    #[test]
    fn a_statement_alone_is_enough() {
        let asked = asked(r#"{"statement":"select 1"}"#).unwrap();
        assert_eq!(asked.text.reveal(), "select 1");
        assert_eq!(asked.statement_count, 1);
        assert_eq!((asked.timeout, asked.context), (None, Context::default()));
    }

    #[test]
    fn an_optional_field_may_be_null() {
        let body = r#"{"statement":"select 1","timeout":null,"database":null,"schema":null,"warehouse":null,
            "role":null,"bindings":null,"parameters":null}"#;
        assert_eq!(asked(body).unwrap().context, Context::default());
    }

    #[test]
    fn no_time_limit_means_the_longest() {
        let timeout =
            |seconds: &str| asked(&format!(r#"{{"statement":"x","timeout":{seconds}}}"#)).unwrap().timeout;
        assert_eq!(timeout("0"), Some(Duration::from_secs(604_800)));
        assert_eq!(timeout("604800"), Some(Duration::from_secs(604_800)));
        assert_eq!(timeout("7"), Some(Duration::from_secs(7)));
    }

    #[test]
    fn a_name_keeps_its_case() {
        let asked = asked(r#"{"statement":"x","database":"Odd db","role":"ANALYST"}"#).unwrap();
        assert_eq!(asked.context.database.as_deref(), Some("Odd db"));
        assert_eq!(asked.context.role.as_deref(), Some("ANALYST"));
    }

    #[test]
    fn what_is_wrong_is_named_and_no_value_repeated() {
        refuses(
            r#"{"statement":"s3cret","resultFormat":"s3cret"}"#,
            "`resultFormat` is not a field that this gateway knows",
        );
        refuses(r#"{"Statement":"s3cret"}"#, "`statement` is missing: it holds the SQL text");
        refuses(r#"{"statement":null}"#, "`statement` is missing: it holds the SQL text");
        refuses(r#"{"statement":["s3cret"]}"#, "`statement` must be a string");
        refuses(r#"{"statement":"  "}"#, "`statement` holds no SQL text");
        refuses(r#"{"statement":"\ud800"}"#, "`statement` must be a string");
        refuses(r#"{"statement":"a","statement":"b"}"#, "`statement` stands twice");
        refuses(r#"{"statement":"a","timeout":"60"}"#, "`timeout` must be a whole number, not negative");
        refuses(r#"{"statement":"a","timeout":1.5}"#, "`timeout` must be a whole number, not negative");
        refuses(r#"{"statement":"a","timeout":-1}"#, "`timeout` must be a whole number, not negative");
        refuses(r#"{"statement":"a","timeout":604801}"#, "`timeout` must be 0 to 604800 seconds");
        refuses(r#"{"statement":"a","role":5}"#, "`role` must be a string");
        refuses(r#"{"statement":"a","role":""}"#, "`role` must be a name of 1 to 255 characters");
        refuses(r#"{"statement":"a","bindings":[]}"#, "`bindings` must be an object");
        refuses(r#"{"statement":"a","parameters":"x"}"#, "`parameters` must be an object");
        for broken in
            ["", "s3cret", "[]", "null", "{\"statement\":\"s3cret\"", "{} {}", "{\"statement\":\"a\"}x"]
        {
            let message = asked(broken).map(|_| ()).unwrap_err();
            assert!(message.contains("valid payload") && !message.contains("s3cret"), "{broken}: {message}");
        }
        let deep = format!("{}{}", r#"{"bindings":"#.repeat(2000), "}".repeat(2000));
        assert!(asked(&deep).is_err());
    }

    #[test]
    fn values_are_bound_to_one_statement_alone() {
        let body = |count: &str| {
            format!(
                r#"{{"statement":"x","bindings":{{"1":{{"type":"TEXT","value":"a"}}}},"parameters":{{"MULTI_STATEMENT_COUNT":{count}}}}}"#
            )
        };
        assert!(asked(&body("1")).is_ok());
        for count in ["0", "2"] {
            refuses(&body(count), "bindings need MULTI_STATEMENT_COUNT 1");
        }
    }
}
