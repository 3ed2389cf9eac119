//! The session parameters that a request may set for itself.

use std::collections::BTreeMap;

use crate::reading::members::Members;
use crate::reading::members::Value;
use crate::reading::rejected::{Name, Rejected};

/// What `parameters` says, sorted by who needs it.
pub(crate) struct Parameters {
    /// For upstream, by upper-case name.
    pub(crate) session: BTreeMap<String, String>,
    /// `MULTI_STATEMENT_COUNT`: how many statements the text holds, any number when zero.
    pub(crate) statement_count: u32,
    /// `QUERY_TAG`: taken as the agent's own word for the prompt, never forwarded (upstream's tag carries ids alone).
    pub(crate) query_tag: Option<String>,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { session: BTreeMap::new(), statement_count: 1, query_tag: None }
    }
}

/// What a value may be.
enum Shape {
    /// One of these words; written upstream in upper case.
    Word(&'static [&'static str]),
    /// A whole number from the first to the second.
    Number(u64, u64),
    /// `true` or `false`.
    Flag,
    /// A date or time format: letters, digits, spaces and the signs that formats are made of.
    Format,
    /// A name from the time zone database.
    Zone,
}

/// Session parameters that the SQL API documents (section 1.3). Each is `ALTER SESSION` in disguise, so that what is
/// not listed is refused.
const ALLOWED: &[(&str, Shape)] = &[
    ("BINARY_OUTPUT_FORMAT", Shape::Word(&["HEX", "BASE64"])),
    ("CLIENT_RESULT_CHUNK_SIZE", Shape::Number(16, 160)),
    ("DATE_OUTPUT_FORMAT", Shape::Format),
    ("ROWS_PER_RESULTSET", Shape::Number(0, u64::MAX >> 1)),
    ("TIME_OUTPUT_FORMAT", Shape::Format),
    ("TIMESTAMP_LTZ_OUTPUT_FORMAT", Shape::Format),
    ("TIMESTAMP_NTZ_OUTPUT_FORMAT", Shape::Format),
    ("TIMESTAMP_OUTPUT_FORMAT", Shape::Format),
    ("TIMESTAMP_TZ_OUTPUT_FORMAT", Shape::Format),
    ("TIMEZONE", Shape::Zone),
    ("USE_CACHED_RESULT", Shape::Flag),
];

/// Characters of a query tag at most (Snowflake parameters, `QUERY_TAG`).
const QUERY_TAG_LENGTH: usize = 2000;

/// Statements of one request at most that a client may announce.
const STATEMENTS: u64 = 1000;

impl Parameters {
    /// Reads the object; names in any case, each once.
    ///
    /// # Errors
    /// [`Rejected::Member`] naming the parameter, never its value.
    pub(crate) fn read(members: Members<'_>) -> Result<Self, Rejected> {
        let mut parameters = Self::default();
        let mut seen: Vec<String> = Vec::new();
        for (name, raw) in members.into_rest() {
            let value = Value::new("parameters.", Name::new(&name), raw);
            let name = name.to_ascii_uppercase();
            if seen.contains(&name) {
                return Err(value.rejected("stands twice"));
            }
            parameters.take(&name, &value)?;
            seen.push(name);
        }
        Ok(parameters)
    }

    fn take(&mut self, name: &str, value: &Value<'_>) -> Result<(), Rejected> {
        match name {
            "QUERY_TAG" => {
                let tag = value.text()?;
                if tag.chars().count() > QUERY_TAG_LENGTH {
                    return Err(value.rejected("must be at most 2000 characters"));
                }
                self.query_tag = Some(tag).filter(|tag| !tag.is_empty());
            }
            "MULTI_STATEMENT_COUNT" => {
                let count = number(value, 0, STATEMENTS)?;
                self.statement_count = u32::try_from(count).unwrap_or(1);
            }
            _ => {
                let (name, shape) = ALLOWED
                    .iter()
                    .find(|(allowed, _)| *allowed == name)
                    .ok_or_else(|| value.rejected("is not a session parameter that may be set here"))?;
                self.session.insert((*name).to_owned(), shape.checked(value)?);
            }
        }
        Ok(())
    }
}

impl Shape {
    /// The value in upstream's spelling.
    fn checked(&self, value: &Value<'_>) -> Result<String, Rejected> {
        match self {
            Self::Word(words) => {
                let text = value.text()?;
                let word = words.iter().find(|word| word.eq_ignore_ascii_case(&text));
                word.map(|word| (*word).to_owned()).ok_or_else(|| value.rejected("must be HEX or BASE64"))
            }
            Self::Number(least, most) => number(value, *least, *most).map(|number| number.to_string()),
            Self::Flag => match value.scalar()?.to_ascii_lowercase().as_str() {
                "true" => Ok("true".to_owned()),
                "false" => Ok("false".to_owned()),
                _ => Err(value.rejected("must be true or false")),
            },
            Self::Format => {
                within(value, 64, |byte| byte.is_ascii_alphanumeric() || b" _-/.:,;+\"".contains(&byte))
            }
            Self::Zone => within(value, 64, |byte| byte.is_ascii_alphanumeric() || b"_-/+".contains(&byte)),
        }
    }
}

fn within(value: &Value<'_>, length: usize, is_allowed: fn(u8) -> bool) -> Result<String, Rejected> {
    let text = value.text()?;
    if (1..=length).contains(&text.len()) && text.bytes().all(is_allowed) {
        return Ok(text);
    }
    Err(value.rejected("is not a value that this parameter may have"))
}

/// A whole number, as a number or as digits.
fn number(value: &Value<'_>, least: u64, most: u64) -> Result<u64, Rejected> {
    let number = if value.is_text() {
        let text = value.text()?;
        let is_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        is_digits
            .then(|| text.parse().ok())
            .flatten()
            .ok_or_else(|| value.rejected("must be a whole number"))?
    } else {
        value.integer()?
    };
    if (least..=most).contains(&number) { Ok(number) } else { Err(value.out_of_range(least, most)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Parameters, String> {
        Members::of_body(body).and_then(Parameters::read).map_err(|rejected| rejected.to_string())
    }

    #[track_caller]
    fn forwards(body: &str, expected: &[(&str, &str)]) {
        let session = read(body).unwrap().session;
        let found: Vec<(&str, &str)> =
            session.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[track_caller]
    fn refuses(body: &str, name: &str) {
        let message = read(body).map(|_| ()).unwrap_err();
        assert!(message.contains(&format!("parameters.`{name}`")), "{message}");
    }

    #[test]
    fn the_documented_parameters_are_forwarded_in_one_spelling() {
        forwards(
            r#"{"timezone":"Europe/Berlin","Binary_Output_Format":"base64","rows_per_resultset":100,
                "USE_CACHED_RESULT":false,"client_result_chunk_size":"48"}"#,
            &[
                ("BINARY_OUTPUT_FORMAT", "BASE64"),
                ("CLIENT_RESULT_CHUNK_SIZE", "48"),
                ("ROWS_PER_RESULTSET", "100"),
                ("TIMEZONE", "Europe/Berlin"),
                ("USE_CACHED_RESULT", "false"),
            ],
        );
        for name in ["DATE", "TIME", "TIMESTAMP", "TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ"] {
            let name = format!("{name}_OUTPUT_FORMAT");
            forwards(
                &format!(r#"{{"{name}":"YYYY-MM-DD HH24:MI:SS.FF3"}}"#),
                &[(name.as_str(), "YYYY-MM-DD HH24:MI:SS.FF3")],
            );
        }
    }

    #[test]
    fn the_query_tag_is_the_agents_word_and_not_forwarded() {
        let parameters = read(r#"{"query_tag":"ticket-17"}"#).unwrap();
        assert_eq!(parameters.query_tag.as_deref(), Some("ticket-17"));
        assert!(parameters.session.is_empty());
    }

    #[test]
    fn one_statement_is_meant_unless_another_number_is_named() {
        assert_eq!(read("{}").unwrap().statement_count, 1);
        assert_eq!(read(r#"{"MULTI_STATEMENT_COUNT":"3"}"#).unwrap().statement_count, 3);
        assert_eq!(read(r#"{"multi_statement_count":0}"#).unwrap().statement_count, 0);
    }

    #[test]
    fn what_is_not_listed_or_not_fitting_is_refused_by_name() {
        refuses(r#"{"ABORT_DETACHED_QUERY":"true"}"#, "ABORT_DETACHED_QUERY");
        refuses(r#"{"SIMULATED_DATA_SHARING_CONSUMER":"x"}"#, "SIMULATED_DATA_SHARING_CONSUMER");
        refuses(r#"{"timezone":"x' y"}"#, "timezone");
        refuses(r#"{"timezone":7}"#, "timezone");
        refuses(r#"{"timezone":null}"#, "timezone");
        refuses(r#"{"DATE_OUTPUT_FORMAT":"'||x"}"#, "DATE_OUTPUT_FORMAT");
        refuses(r#"{"USE_CACHED_RESULT":"maybe"}"#, "USE_CACHED_RESULT");
        refuses(r#"{"ROWS_PER_RESULTSET":"-1"}"#, "ROWS_PER_RESULTSET");
        refuses(r#"{"MULTI_STATEMENT_COUNT":1.5}"#, "MULTI_STATEMENT_COUNT");
        refuses(r#"{"MULTI_STATEMENT_COUNT":1001}"#, "MULTI_STATEMENT_COUNT");
        refuses(r#"{"query_tag":"a","QUERY_TAG":"b"}"#, "query_tag");
    }

    #[test]
    fn a_number_that_does_not_fit_is_told_what_would() {
        for (body, expected) in [
            (r#"{"MULTI_STATEMENT_COUNT":1001}"#, "`MULTI_STATEMENT_COUNT` must lie between 0 and 1000"),
            (
                r#"{"client_result_chunk_size":"15"}"#,
                "`client_result_chunk_size` must lie between 16 and 160",
            ),
        ] {
            let message = read(body).map(|_| ()).unwrap_err();
            assert!(message.ends_with(&format!("parameters.{expected}")), "{message}");
        }
    }
}
