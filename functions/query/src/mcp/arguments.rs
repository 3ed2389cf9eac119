//! What a tool is called with, read strictly: each name once, each value of the one type that it may have.

use std::time::Duration;

use super::message::{Failure, problem};
use super::tools::Tool;
use crate::reading::members::Members;
use crate::reading::rejected::{Name, Rejected};

/// One `tools/call`.
pub(super) struct Call<'a> {
    pub tool: Tool,
    pub arguments: Members<'a>,
    /// `params._meta`.
    pub meta: Option<Members<'a>>,
    /// Whether `params.task` stands there.
    pub asks_for_task: bool,
}

impl<'a> Call<'a> {
    /// Reads `params`.
    ///
    /// # Errors
    /// The protocol's error for an unknown tool, and for arguments that are no object.
    pub fn read(params: Option<Members<'a>>, meta: Option<Members<'a>>) -> Result<Self, Failure> {
        let is_wrong = |rejected: Rejected| Failure::params(problem(&rejected));
        let mut params = params.ok_or_else(|| Failure::params("`params` is missing"))?;
        let name = params.take("name").ok_or_else(|| Failure::params("`params.name` is missing"))?;
        let name = name.text().map_err(is_wrong)?;
        let tool = Tool::named(&name).ok_or_else(|| {
            Failure::params(format!("Unknown tool: {}; tools/list tells which there are", Name::new(&name)))
        })?;
        let arguments = match params.take("arguments") {
            Some(arguments) => arguments.object("").map_err(is_wrong)?,
            None => Members::none(),
        };
        let asks_for_task = params.take("task").is_some();
        Ok(Self { tool, arguments, meta, asks_for_task })
    }
}

/// A whole number within bounds.
pub(super) fn number(
    arguments: &mut Members<'_>,
    name: &'static str,
    least: u64,
    most: u64,
) -> Result<Option<u64>, Rejected> {
    let Some(value) = arguments.take(name) else { return Ok(None) };
    let number = value.whole()?;
    if (least..=most).contains(&number) { Ok(Some(number)) } else { Err(value.out_of_range(least, most)) }
}

/// Rows that one answer holds at most.
pub(super) const MOST_ROWS: u64 = 1000;

/// Rows that it holds where nobody says how many.
pub(super) const DEFAULT_ROWS: u64 = 100;

/// `max_rows`.
pub(super) fn row_budget(arguments: &mut Members<'_>) -> Result<u64, Rejected> {
    Ok(number(arguments, "max_rows", 1, MOST_ROWS)?.unwrap_or(DEFAULT_ROWS))
}

/// Seconds that one answer is waited for at most: below what clients and API Gateway bear.
pub(super) const LONGEST_WAIT: u64 = 18;

/// Seconds that it is waited for where nobody says how long.
pub(super) const DEFAULT_WAIT: u64 = 15;

/// `wait_seconds`.
pub(super) fn wait(arguments: &mut Members<'_>, hold: Duration) -> Result<Duration, Rejected> {
    let wait = number(arguments, "wait_seconds", 0, LONGEST_WAIT)?.unwrap_or(DEFAULT_WAIT);
    Ok(Duration::from_secs(wait).min(hold))
}
