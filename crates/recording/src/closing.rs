//! What is kept before a row leaves.

use std::collections::BTreeMap;

use domain::{Digest, Refusal};
use serde::{Deserialize, Serialize};

use crate::envelope::digest_of;
use crate::plan::ColumnRecord;

/// The closing of an exchange, version 1. Durable before a row leaves (invariant I1); its key is written once.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Closing {
    /// 1.
    #[serde(deserialize_with = "crate::envelope::version_1")]
    pub v: u32,
    /// `SESSION/NUMBER`.
    pub exchange: String,
    /// RFC 3339, microseconds, UTC.
    pub closed: String,
    /// The digest that the opening carries.
    pub opening: String,
    /// For a held exchange, the digest of the last step of its approval. Absent when there is none, and from the first
    /// records of version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<String>,
    /// How it ended.
    pub outcome: ClosingOutcome,
    /// One entry a statement that answered, in order; empty unless the outcome is `rows`.
    pub parts: Vec<PartRecord>,
    /// What contradicted the plan or was otherwise remarkable.
    pub findings: Vec<Finding>,
    /// How long what took.
    pub timings: Timings,
}

/// How an exchange ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ClosingOutcome {
    /// Rows were released.
    Rows {},
    /// Someone or something said no.
    Refused(RefusalRecord),
    /// Upstream said that the statement is wrong, or it failed while running.
    Failed(FailureRecord),
    /// Nobody could tell any more what became of it; nothing was shown.
    Lost {
        /// Why it could not be resumed.
        why: String,
    },
}

impl ClosingOutcome {
    /// `rows`, `refused`, `failed` or `lost`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Rows {} => "rows",
            Self::Refused(_) => "refused",
            Self::Failed(_) => "failed",
            Self::Lost { .. } => "lost",
        }
    }
}

/// A no.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefusalRecord {
    /// The word of [`domain::RefusalCode`].
    pub reason: String,
    /// The sentence that the agent was told.
    pub message: String,
    /// Seconds after which asking again makes sense.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// The OAuth scopes that a token needs for this, where one lacked some. Absent when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
}

impl From<&Refusal> for RefusalRecord {
    fn from(refusal: &Refusal) -> Self {
        Self {
            reason: refusal.code.as_str().to_owned(),
            message: refusal.message.clone(),
            retry_after: refusal.retry_after.map(|wait| wait.as_secs().max(1)),
            scopes: refusal.scopes.clone(),
        }
    }
}

/// A failure upstream, as the agent was told.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailureRecord {
    /// Snowflake's code.
    pub code: String,
    /// SQLSTATE.
    pub sqlstate: String,
    /// The text after the detectors, or a neutral one.
    pub message: String,
    /// Snowflake's id of the statement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_id: Option<String>,
}

/// One statement's result.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartRecord {
    /// The handle to collect it with.
    pub handle: String,
    /// Snowflake's id of the statement.
    pub query_id: String,
    /// The columns as the agent may know them.
    pub columns: Vec<ColumnRecord>,
    /// Rows in all pages.
    pub rows: u64,
    /// Rows by upstream's own count, where fewer were kept for a person to decide on. Absent when the result is whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut_from: Option<u64>,
    /// Cells masked by lineage.
    pub masked_by_lineage: u64,
    /// Cells in which a detector found something.
    pub masked_by_content: u64,
    /// The columns in which a detector found something, in order. Absent when there is none, and from the first records
    /// of version 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub found: Vec<FoundRecord>,
    /// The pages, in order, at least one.
    pub pages: Vec<PageRecord>,
}

/// SHA-256 over the pages of these results: for each a line with its statement and its number, both from 0, and its digest,
/// with blanks between and a line feed behind.
pub fn results_digest(parts: &[PartRecord]) -> Digest {
    let mut lines = String::new();
    for (at, part) in parts.iter().enumerate() {
        for (number, page) in part.pages.iter().enumerate() {
            lines.push_str(&format!("{at} {number} {}\n", page.digest));
        }
    }
    digest_of(lines.as_bytes())
}

/// What the detectors found in the cells of one column: kinds and counts, never a value.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FoundRecord {
    /// The column, counted from 0.
    pub column: u32,
    /// Cells that were changed because of what they hold.
    pub changed: u64,
    /// Those of them that became NULL.
    pub nulled: u64,
    /// In how many cells each kind was found, by its word in redactions (`EMAIL`). A kind that is only to be counted is
    /// found in cells that were not changed.
    pub kinds: BTreeMap<String, u64>,
}

/// One page: where it lies and what it must hash to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageRecord {
    /// Rows in it.
    pub rows: u64,
    /// Bytes of its body, inflated.
    pub size: u64,
    /// Bytes of its body as stored.
    pub stored: u64,
    /// SHA-256 of the whole page object (header and body).
    pub digest: String,
    /// When the store had kept it, RFC 3339; for a page inside the closing, when it was cut. Absent from the first
    /// records of version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<String>,
    /// The page object itself in base64, when it lies inside the closing; else it is an object of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inline: Option<String>,
}

/// Something that a security engineer should know. Never holds a value.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// A stable word: `result_contradicts_plan`, `catalog_changed`, `row_count_differs`, `instructions_in_results`,
    /// `hidden_text_in_results`, `links_in_results`, `has_run` …
    pub what: String,
    /// A sentence.
    pub detail: String,
}

/// Microseconds spent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timings {
    /// From the opening to the closing.
    pub total_us: u64,
    /// Waiting for upstream.
    pub upstream_us: u64,
    /// Masking and compressing.
    pub masking_us: u64,
}
