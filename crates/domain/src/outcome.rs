//! How an exchange ended, or that it has not.

use crate::catalog::{ColumnRef, SqlType};
use crate::decision::Refusal;
use crate::ids::Handle;

/// One column of a result, as the agent may know it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutputColumn {
    /// The name as answered; a replacement (`C1`) where names are made from values.
    pub name: String,
    /// The type; masks keep it.
    pub sql_type: SqlType,
    /// Whether NULL may stand in it; always true for a masked column.
    pub is_nullable: bool,
    /// Whether it was masked by lineage.
    pub is_masked: bool,
    /// The stored column that upstream says it is, where it says so and the column is shown in clear.
    pub origin: Option<ColumnRef>,
}

/// What the agent holds while a statement waits or runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ticket {
    /// The handle to collect it with.
    pub handle: Handle,
    /// Why it waits, where a person must decide; none while it merely runs.
    pub waits_for: Option<String>,
    /// Rows of its result that are masked and stored so far, once it has answered.
    pub rows: Option<u64>,
}

/// What came of a statement. Refused and pending are outcomes, not errors (invariant I5).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It ran. The rows lie in pages; DML counts are rows too.
    Rows {
        /// The columns in order.
        columns: Vec<OutputColumn>,
        /// Rows in all pages.
        rows: u64,
        /// Pages in all, at least 1.
        pages: u32,
    },
    /// It has not ended.
    Pending(Ticket),
    /// Policy, a person or a limit said no.
    Refused(Refusal),
    /// Upstream said that the statement is wrong, or it failed while running.
    Failed {
        /// Snowflake's code (`000904`).
        code: String,
        /// SQLSTATE (`42000`).
        sqlstate: String,
        /// Upstream's text after the detectors, or a neutral one where the statement touched a masked column.
        message: String,
    },
}
