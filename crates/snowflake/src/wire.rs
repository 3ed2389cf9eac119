//! The SQL API's JSON, as far as it is used: what is not named here is neither read nor kept.

use std::collections::BTreeMap;

use domain::{Bindings, ColumnRef, Handle, ObjectName, SqlType};
use gateway::ports::{ResultHead, UpstreamFailure};
use masking::AnsweredColumn;
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Session parameters that every request pins, whatever a permit or the settings say.
///
/// - `BINARY_OUTPUT_FORMAT`: cells of BINARY columns are hex, which is how masks read them.
/// - `QUOTED_IDENTIFIERS_IGNORE_CASE`: names mean what the policy decided about ("Identifier requirements").
///
/// `MULTI_STATEMENT_COUNT` is pinned beside these, to the permit's count.
pub(crate) const PINNED: [(&str, &str); 2] =
    [("BINARY_OUTPUT_FORMAT", "HEX"), ("QUOTED_IDENTIFIERS_IGNORE_CASE", "false")];

/// `POST /api/v2/statements` (Snowflake SQL API, "Body of the POST request").
#[derive(Serialize)]
pub(crate) struct StatementBody<'a> {
    pub(crate) statement: &'a str,
    /// Seconds, never 0, which would mean the longest.
    pub(crate) timeout: u64,
    pub(crate) database: &'a str,
    pub(crate) schema: &'a str,
    pub(crate) warehouse: &'a str,
    pub(crate) role: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) bindings: BTreeMap<u32, BoundValue<'a>>,
    pub(crate) parameters: BTreeMap<&'a str, &'a str>,
}

/// One entry of `bindings`.
#[derive(Serialize)]
pub(crate) struct BoundValue<'a> {
    #[serde(rename = "type")]
    pub(crate) kind: &'a str,
    pub(crate) value: Option<&'a str>,
}

/// The `bindings` of these values.
pub(crate) fn bound(bindings: &Bindings) -> BTreeMap<u32, BoundValue<'_>> {
    let entries = bindings.iter().map(|(position, binding)| {
        (*position, BoundValue { kind: &binding.kind, value: binding.value.as_deref() })
    });
    entries.collect()
}

/// 200 without its rows ("ResultSet").
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ResultSet {
    code: Option<String>,
    statement_handle: Option<String>,
    statement_handles: Option<Vec<String>>,
    result_set_meta_data: Option<MetaData>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MetaData {
    num_rows: u64,
    format: Option<String>,
    partition_info: Option<Vec<PartitionInfo>>,
    row_type: Vec<RowType>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PartitionInfo {
    row_count: u64,
}

#[derive(Deserialize)]
struct RowType {
    name: String,
    database: Option<String>,
    schema: Option<String>,
    table: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    precision: Option<u64>,
    scale: Option<u64>,
    length: Option<u64>,
    nullable: Option<bool>,
}

/// 202 ("QueryStatus").
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Running {
    code: String,
    statement_handle: String,
}

/// 422 and 408 ("QueryFailureStatus").
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    code: Option<String>,
    sql_state: Option<String>,
    message: String,
    statement_handle: Option<String>,
}

/// A checked 200.
pub(crate) struct Answered {
    pub(crate) handle: Handle,
    /// The statements of a batch.
    pub(crate) children: Option<Vec<Handle>>,
    meta: MetaData,
}

impl ResultSet {
    /// Reads the envelope of a 200 that carried so many rows.
    pub(crate) fn read(json: &[u8], rows: u64) -> Result<Answered, Error> {
        let Self { code, statement_handle, statement_handles, result_set_meta_data } =
            serde_json::from_slice(json).map_err(|_| Error::Nonsense("it is no result set"))?;
        if code.is_some_and(|code| code != "090001") {
            return Err(Error::Nonsense("a result set carries the code of something else"));
        }
        let handle = handle_of(&statement_handle.ok_or(Error::Nonsense("a result set has no handle"))?)?;
        let children = match statement_handles {
            None => None,
            Some(handles) => Some(handles.iter().map(|text| handle_of(text)).collect::<Result<Vec<_>, _>>()?),
        };
        let meta = result_set_meta_data.ok_or(Error::Nonsense("a result set has no metadata"))?;
        if meta.format.as_deref().is_some_and(|format| format != "jsonv2") {
            return Err(Error::Nonsense("a result set has a format that was not asked for"));
        }
        if meta.row_type.is_empty() {
            return Err(Error::Nonsense("a result set has no columns"));
        }
        let answered = Answered { handle, children, meta };
        let partitions = answered.partitions();
        let total = partitions.iter().try_fold(0_u64, |sum, rows| sum.checked_add(*rows));
        if total != Some(answered.meta.num_rows) {
            return Err(Error::Nonsense("its partitions do not add up"));
        }
        if partitions.first() != Some(&rows) {
            return Err(Error::Nonsense("its first partition has another number of rows than it says"));
        }
        Ok(answered)
    }
}

impl Answered {
    fn partitions(&self) -> Vec<u64> {
        match &self.meta.partition_info {
            Some(partitions) if !partitions.is_empty() => partitions.iter().map(|p| p.row_count).collect(),
            _ => vec![self.meta.num_rows],
        }
    }

    /// The head of this result.
    pub(crate) fn into_head(self) -> ResultHead {
        let partitions = self.partitions();
        ResultHead {
            query_id: self.handle.to_string(),
            rows: self.meta.num_rows,
            partitions,
            columns: self.meta.row_type.into_iter().map(RowType::into_column).collect(),
        }
    }
}

impl RowType {
    fn into_column(self) -> AnsweredColumn {
        let Self { name, database, schema, table, kind, precision, scale, length, nullable } = self;
        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        // Upstream names the table, but of the column only the name in the result, which may be an alias.
        let origin = match (filled(database), filled(schema), filled(table)) {
            (Some(database), Some(schema), Some(table)) => {
                Some(ColumnRef { object: ObjectName::new(database, schema, table), column: name.clone() })
            }
            _ => None,
        };
        AnsweredColumn {
            sql_type: SqlType::from_wire(&kind, precision, scale, length),
            name,
            is_nullable: nullable.unwrap_or(true),
            origin,
        }
    }
}

/// Reads a 202.
pub(crate) fn read_running(json: &[u8]) -> Result<Handle, Error> {
    let Running { code, statement_handle } =
        serde_json::from_slice(json).map_err(|_| Error::Nonsense("it says running, but not what"))?;
    if code != "333333" && code != "333334" {
        return Err(Error::Nonsense("it says running under the code of something else"));
    }
    handle_of(&statement_handle)
}

/// Reads a 422.
pub(crate) fn read_failure(json: &[u8]) -> Result<UpstreamFailure, Error> {
    let failure: Failure =
        serde_json::from_slice(json).map_err(|_| Error::Nonsense("it says failed, but not how"))?;
    let code = failure.code.ok_or(Error::Nonsense("a failure has no code"))?;
    if !(1..=9).contains(&code.len()) || !code.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Error::Nonsense("a failure's code is no number"));
    }
    // The OpenAPI file does not require a state; `HY000` is the standard's word for none in particular.
    let sqlstate = failure.sql_state.unwrap_or_else(|| "HY000".to_owned());
    if sqlstate.len() != 5 || !sqlstate.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()) {
        return Err(Error::Nonsense("a failure's state is no SQLSTATE"));
    }
    let query_id = failure.statement_handle.map(|text| handle_of(&text)).transpose()?;
    Ok(UpstreamFailure {
        code,
        sqlstate,
        message: failure.message,
        query_id: query_id.map(|handle| handle.to_string()),
    })
}

/// Reads a 408: the statement ran past its timeout and was cancelled. The body may be missing or anything; its text is
/// kept when it is a failure's.
pub(crate) fn read_timeout(json: &[u8], handle: Option<Handle>) -> UpstreamFailure {
    let failure: Option<Failure> = serde_json::from_slice(json).ok();
    let (message, said) = match failure {
        Some(failure) => (Some(failure.message), failure.statement_handle),
        None => (None, None),
    };
    let said = said.and_then(|text| text.parse::<Handle>().ok());
    UpstreamFailure {
        code: "000630".to_owned(),
        sqlstate: "57014".to_owned(),
        message: message.unwrap_or_else(|| "Statement reached its timeout and was cancelled".to_owned()),
        query_id: handle.or(said).map(|handle| handle.to_string()),
    }
}

/// SECURITY: a handle becomes part of a path; only the shape of a UUID may.
fn handle_of(text: &str) -> Result<Handle, Error> {
    text.parse().map_err(|_| Error::Nonsense("a handle does not have the shape of one"))
}
