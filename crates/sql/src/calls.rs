//! What a text calls, by its pieces alone: of what the reader cannot read.

use std::collections::BTreeSet;

use domain::FlaggedFunction;

use crate::class::{called, unknown_calls_of_script};
use crate::lexer::significant;

/// Every function and procedure that a text calls and that is not known for one of Snowflake's own, wherever it stands; it names
/// too many rather than too few. None where the text cannot be cut into pieces.
///
/// ```
/// let calls = sql::calls("select * from t limit demo.public.f(1)").unwrap();
/// assert_eq!(calls.first().unwrap().name.to_string(), "DEMO.PUBLIC.F");
/// ```
pub fn calls(text: &str) -> Option<BTreeSet<FlaggedFunction>> {
    let tokens = significant(text).ok()?;
    let calls = unknown_calls_of_script(text, &tokens);
    Some(calls.into_iter().chain(called(text, &tokens)).collect())
}
