//! A statement and the names that it runs under, among the members of a body.

use domain::SqlText;

use super::members::Members;
use super::rejected::{Name, Rejected};

/// Characters of an identifier at most (Snowflake identifiers).
const IDENTIFIER_LENGTH: usize = 255;

/// The SQL text.
pub(crate) fn statement(members: &mut Members<'_>) -> Result<SqlText, Rejected> {
    let missing = || Rejected::Member {
        within: "",
        name: Name::new("statement"),
        problem: "is missing: it holds the SQL text",
    };
    let value = members.take("statement").ok_or_else(missing)?;
    let text = value.text()?;
    if text.trim().is_empty() {
        return Err(value.rejected("holds no SQL text"));
    }
    Ok(SqlText::new(text))
}

/// A name as Snowflake stores it; kept as it is, because case tells two of them apart.
pub(crate) fn name(members: &mut Members<'_>, field: &'static str) -> Result<Option<String>, Rejected> {
    let Some(value) = members.take(field) else { return Ok(None) };
    let name = value.text()?;
    if name.is_empty() || name.chars().count() > IDENTIFIER_LENGTH || name.chars().any(char::is_control) {
        return Err(value.rejected("must be a name of 1 to 255 characters"));
    }
    Ok(Some(name))
}
