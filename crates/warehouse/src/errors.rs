//! What goes wrong, in Snowflake's shape.

use std::fmt;

use datafusion::arrow::error::ArrowError;
use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use thiserror::Error;

/// Why the warehouse could not start.
#[derive(Debug, Error)]
pub enum WarehouseError {
    /// The scale factor must be a positive number of at most 100.
    #[error("the scale must be above 0 and at most 100")]
    Scale,
    /// The threads of the warehouse could not be started.
    #[error("the warehouse's threads did not start")]
    Threads(#[source] std::io::Error),
    /// The engine refused its own configuration.
    #[error("the query engine did not start")]
    Engine(#[source] DataFusionError),
    /// The demo database could not be filled: a defect of this crate.
    #[error("the demo database could not be made: {0}")]
    Demo(SnowflakeError),
}

/// A failed statement as Snowflake words it (SQL API v2, 422 `QueryFailureStatus`).
///
/// The message may quote literals, so it is printed neither by `Debug` nor by `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct SnowflakeError {
    /// Six digits, `000904`.
    pub code: &'static str,
    /// Five characters, `42000`.
    pub sqlstate: &'static str,
    /// The text for the client.
    pub message: String,
}

impl fmt::Debug for SnowflakeError {
    // SECURITY: messages quote literals and cell values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SnowflakeError({} {} …)", self.code, self.sqlstate)
    }
}

impl fmt::Display for SnowflakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.code, self.sqlstate)
    }
}

impl std::error::Error for SnowflakeError {}

impl SnowflakeError {
    /// An error with this code, SQLSTATE and text.
    pub fn new(code: &'static str, sqlstate: &'static str, message: impl Into<String>) -> Self {
        Self { code, sqlstate, message: message.into() }
    }

    pub(crate) fn syntax(line: u64, position: u64, near: &str) -> Self {
        Self::new(
            "001003",
            "42000",
            format!(
                "SQL compilation error:\nsyntax error line {line} at position {position} unexpected '{near}'."
            ),
        )
    }

    pub(crate) fn missing(what: &str, name: &str) -> Self {
        Self::new(
            "002003",
            "42S02",
            format!("SQL compilation error:\n{what} '{name}' does not exist or not authorized."),
        )
    }

    pub(crate) fn already_there(name: &str) -> Self {
        Self::new("002002", "42710", format!("SQL compilation error:\nObject '{name}' already exists."))
    }

    pub(crate) fn unsupported(what: &str) -> Self {
        Self::new("000002", "0A000", format!("Unsupported feature '{what}'."))
    }

    pub(crate) fn insufficient(what: &str) -> Self {
        Self::new(
            "003001",
            "42501",
            format!("SQL access control error:\nInsufficient privileges to operate on {what}"),
        )
    }

    pub(crate) fn no_database() -> Self {
        Self::new(
            "090105",
            "22000",
            "Cannot perform operation. This session does not have a current database. Call 'USE DATABASE', or use a qualified name.",
        )
    }

    pub(crate) fn invalid_context(what: &str, name: &str) -> Self {
        Self::new(
            "390201",
            "08001",
            format!(
                "The requested {what} does not exist or not authorized: '{name}' cannot be used in this session."
            ),
        )
    }

    /// What a cancelled statement answers.
    pub fn cancelled() -> Self {
        Self::new("000604", "57014", "SQL execution canceled")
    }

    pub(crate) fn timed_out(seconds: u64) -> Self {
        Self::new(
            "000630",
            "57014",
            format!(
                "Statement reached its statement or warehouse timeout of {seconds} second(s) and was canceled."
            ),
        )
    }

    pub(crate) fn internal() -> Self {
        Self::new("000603", "XX000", "SQL execution internal error:\nProcessing aborted by error 300010.")
    }

    pub(crate) fn too_complex() -> Self {
        Self::new(
            "000603",
            "54001",
            "SQL compilation error:\nthe statement is too complex for this warehouse.",
        )
    }

    // SECURITY: Snowflake quotes the start of the text; it may come from a cell, so it is named instead.
    pub(crate) fn too_long(function: &str) -> Self {
        Self::new(
            "100078",
            "22000",
            format!("String '(result of {})' is too long and would be truncated", function.to_uppercase()),
        )
    }

    pub(crate) fn too_large() -> Self {
        Self::new(
            "300005",
            "53200",
            "Processing aborted by error 300005: the statement needs more memory than this warehouse has.",
        )
    }
}

impl From<DataFusionError> for SnowflakeError {
    fn from(error: DataFusionError) -> Self {
        from_engine(&error)
    }
}

impl From<ArrowError> for SnowflakeError {
    fn from(error: ArrowError) -> Self {
        from_arrow(&error)
    }
}

/// Words an engine error as Snowflake would. The engine's own text is kept only where nothing better is known.
fn from_engine(error: &DataFusionError) -> SnowflakeError {
    match error {
        DataFusionError::ArrowError(error, _) => from_arrow(error),
        DataFusionError::SchemaError(error, _) => from_schema(error),
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => from_engine(inner),
        DataFusionError::Shared(inner) => from_engine(inner),
        DataFusionError::Collection(errors) => {
            errors.first().map_or_else(SnowflakeError::internal, from_engine)
        }
        DataFusionError::ResourcesExhausted(_) => SnowflakeError::too_large(),
        DataFusionError::NotImplemented(what) => SnowflakeError::unsupported(&first_line(what)),
        DataFusionError::Plan(text) | DataFusionError::Execution(text) => from_text(text),
        DataFusionError::SQL(_, _) => {
            SnowflakeError::new("001003", "42000", "SQL compilation error:\nsyntax error.")
        }
        DataFusionError::External(inner) => {
            if let Some(inner) = inner.downcast_ref::<SnowflakeError>() {
                inner.clone()
            } else if let Some(inner) = inner.downcast_ref::<ArrowError>() {
                from_arrow(inner)
            } else if let Some(inner) = inner.downcast_ref::<DataFusionError>() {
                from_engine(inner)
            } else {
                SnowflakeError::internal()
            }
        }
        _ => SnowflakeError::internal(),
    }
}

fn from_schema(error: &SchemaError) -> SnowflakeError {
    match error {
        SchemaError::FieldNotFound { field, .. } => {
            let name = match &field.relation {
                Some(relation) => format!("{}.{}", relation.table(), field.name),
                None => field.name.clone(),
            };
            invalid_identifier(&name)
        }
        SchemaError::AmbiguousReference { field } => SnowflakeError::new(
            "002028",
            "42601",
            format!("SQL compilation error:\nambiguous column name '{}'", field.name),
        ),
        SchemaError::DuplicateQualifiedField { name, .. }
        | SchemaError::DuplicateUnqualifiedField { name } => SnowflakeError::new(
            "002025",
            "42S21",
            format!("SQL compilation error:\nduplicate column name '{name}'"),
        ),
    }
}

pub(crate) fn invalid_identifier(name: &str) -> SnowflakeError {
    SnowflakeError::new(
        "000904",
        "42000",
        format!("SQL compilation error: error line 1 at position 0\ninvalid identifier '{name}'"),
    )
}

fn from_arrow(error: &ArrowError) -> SnowflakeError {
    match error {
        ArrowError::DivideByZero => division_by_zero(),
        ArrowError::CastError(text)
        | ArrowError::ParseError(text)
        | ArrowError::InvalidArgumentError(text) => from_text(text),
        ArrowError::ComputeError(text) | ArrowError::ArithmeticOverflow(text) => out_of_range(text),
        ArrowError::ExternalError(inner) => match inner.downcast_ref::<DataFusionError>() {
            Some(inner) => from_engine(inner),
            None => SnowflakeError::internal(),
        },
        ArrowError::MemoryError(_) => SnowflakeError::too_large(),
        _ => SnowflakeError::internal(),
    }
}

pub(crate) fn division_by_zero() -> SnowflakeError {
    SnowflakeError::new("100051", "22012", "Division by zero")
}

pub(crate) fn unknown_function(name: &str) -> SnowflakeError {
    SnowflakeError::new("002140", "42601", format!("SQL compilation error:\nUnknown function {name}"))
}

pub(crate) fn null_forbidden(column: &str) -> SnowflakeError {
    SnowflakeError::new("100072", "22000", format!("NULL result in a non-nullable column '{column}'"))
}

fn out_of_range(text: &str) -> SnowflakeError {
    let value = quoted(text).unwrap_or_default();
    SnowflakeError::new("100132", "22003", format!("Numeric value '{value}' is out of range"))
}

/// Tells from the engine's sentence which of Snowflake's errors it is.
fn from_text(text: &str) -> SnowflakeError {
    let value = || quoted(text).unwrap_or_default();
    if text.contains("ivide by zero") {
        division_by_zero()
    } else if text.starts_with("table '") && text.contains("not found") {
        SnowflakeError::missing("Object", &value())
    } else if text.contains("Invalid function") || text.contains("Table function '") {
        unknown_function(&value().to_uppercase())
    } else if text.contains("Date32") || text.contains("Date64") {
        SnowflakeError::new("100040", "22007", format!("Date '{}' is not recognized", value()))
    } else if text.contains("imestamp") && (text.contains("parsing") || text.contains("cast string")) {
        SnowflakeError::new("100035", "22007", format!("Timestamp '{}' is not recognized", value()))
    } else if text.contains("Boolean type") {
        SnowflakeError::new("100037", "22018", format!("Boolean value '{}' is not recognized", value()))
    } else if text.contains("ast string '") || text.contains("ast value '") {
        SnowflakeError::new("100038", "22018", format!("Numeric value '{}' is not recognized", value()))
    } else if text.contains("non-nullable but contains null") {
        null_forbidden(&value())
    } else if text.contains("Inconsistent data length") || text.contains("Column count doesn't match") {
        SnowflakeError::new(
            "002020",
            "21S01",
            "SQL compilation error:\nInsert value list does not match column list.",
        )
    } else if text.contains("overflow") || text.contains("too large to store") {
        out_of_range(text)
    } else if text.contains("coerce") || text.contains("signature") || text.contains("Cannot infer common") {
        SnowflakeError::new(
            "001044",
            "42P13",
            format!("SQL compilation error:\nInvalid argument types: {}", first_line(text)),
        )
    } else {
        SnowflakeError::new("000939", "22023", format!("SQL compilation error:\n{}", first_line(text)))
    }
}

/// The text between the first two single quotes.
fn quoted(text: &str) -> Option<String> {
    let (_, rest) = text.split_once('\'')?;
    rest.split_once('\'').map(|(value, _)| value.to_owned())
}

fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let line = line.split("DataFusion").next().unwrap_or_default();
    line.chars().take(300).collect::<String>().trim_end_matches([' ', '.', ':']).to_owned()
}
