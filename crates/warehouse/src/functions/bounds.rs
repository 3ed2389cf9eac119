//! How large a function's answer may be, asked before it is made: a text that does not fit into memory ends the process.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, FieldRef, Int64Type};
use datafusion::common::ScalarValue;
use datafusion::config::ConfigOptions;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExpressionPlacement, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature,
};

use crate::errors::SnowflakeError;
use crate::result::size_of_array;
use crate::types;

/// Bytes of one text, as in Snowflake.
pub(crate) const LARGEST_VALUE: usize = 16 << 20;
/// Bytes that one call for one batch of rows may read or make.
pub(crate) const LARGEST_BATCH: usize = 128 << 20;

/// Functions of the engine whose answer grows with a number, and which Snowflake does not have.
const UNKNOWN: [&str; 9] = [
    "array_repeat",
    "array_resize",
    "array_transform",
    "generate_series",
    "list_repeat",
    "list_resize",
    "list_transform",
    "range",
    "unnest",
];

/// Puts bounds around the engine's functions, and takes away those that nobody here needs.
pub(crate) fn bound(functions: &mut Vec<Arc<ScalarUDF>>) {
    functions.retain(|function| !UNKNOWN.contains(&function.name()));
    for function in functions {
        let inner = Arc::clone(function);
        *function = Arc::new(ScalarUDF::from(Bounded { inner }));
    }
}

/// INVARIANT: what a call reads for one batch, constants counted once a row, is bounded. So is what it makes, as it makes
/// at most a few times as much, or is in `growth`.
pub(super) fn check_arguments(args: &ScalarFunctionArgs) -> Result<()> {
    let mut bytes = 0_usize;
    for value in &args.args {
        bytes = bytes.saturating_add(match value {
            ColumnarValue::Array(array) => size_of_array(array),
            ColumnarValue::Scalar(scalar) => {
                scalar.size().saturating_sub(size_of::<ScalarValue>()).saturating_mul(args.number_rows)
            }
        });
    }
    if bytes > LARGEST_BATCH { Err(too_large()) } else { Ok(()) }
}

/// No text that a call has made is longer than Snowflake allows.
pub(super) fn check_answer(name: &str, answer: &ColumnarValue, rows: usize) -> Result<()> {
    let rows = if matches!(answer, ColumnarValue::Scalar(_)) { 1 } else { rows };
    let is_long = |row| length(answer, row).is_some_and(|bytes| bytes > LARGEST_VALUE);
    if (0..rows).any(is_long) { Err(too_long(name)) } else { Ok(()) }
}

/// Bytes of the JSON that one row's call may open: opened, it may need a hundred times as much.
const LARGEST_TREE: usize = 4 << 20;
/// Larger ones are opened one after the other.
const LARGE_TREE: usize = 64 << 10;

static LARGE_TREES: Mutex<()> = Mutex::new(());

/// Proof that what a call opens may be opened now.
pub(super) struct Trees {
    _turn: Option<MutexGuard<'static, ()>>,
}

/// INVARIANT: the JSON and arrays that all statements have open at a time are bounded.
pub(super) fn check_trees(columns: &[ArrayRef], fields: &[FieldRef], name: &str) -> Result<Trees> {
    let is_opened = |field: &FieldRef| types::is_json(field) || field.data_type().is_nested();
    let opened = columns.iter().zip(fields);
    let opened: Vec<_> = opened
        .filter(|(_, field)| is_opened(field) || name.ends_with("parse_json"))
        .map(|(c, _)| c)
        .collect();
    let mut widest = opened.iter().map(|column| size_of_array(column)).sum::<usize>();
    if widest > LARGE_TREE {
        let rows = 0..opened.first().map_or(0, |column| column.len());
        let of_row = |row| opened.iter().map(|column| size_of_array(&column.slice(row, 1))).sum();
        widest = rows.map(of_row).max().unwrap_or(0);
    }
    if widest > LARGEST_TREE {
        return Err(too_large());
    }
    let turn = || LARGE_TREES.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(Trees { _turn: (widest > LARGE_TREE).then(turn) })
}

/// The size of each row's answer at most, from the arguments.
type Growth = fn(&[ColumnarValue], usize) -> Option<usize>;

fn growth(name: &str) -> Option<Growth> {
    Some(match name {
        "repeat" => |args, row| Some(length(args.first()?, row)?.saturating_mul(count(args.get(1)?, row)?)),
        "lpad" | "rpad" => padded,
        "replace" => |args, row| {
            let (text, from) = (text(args.first()?, row)?, text(args.get(1)?, row)?);
            let to = length(args.get(2)?, row)?;
            let hits = text.matches(from).count();
            Some(text.len().saturating_add(hits.saturating_mul(to.saturating_sub(from.len()))))
        },
        // Every character may be a hit, and a replacement may name the hit in every second byte.
        "regexp_replace" => |args, row| {
            let text = length(args.first()?, row)?;
            let to = length(args.get(2)?, row)?;
            Some(text.saturating_add(text.saturating_add(1).saturating_mul(to)))
        },
        "concat" => |args, row| Some(sum(args, row)),
        "concat_ws" => |args, row| {
            let separator = length(args.first()?, row)?;
            Some(sum(args, row).saturating_add(separator.saturating_mul(args.len())))
        },
        "array_to_string" | "list_to_string" | "array_join" | "list_join" => joined,
        // A format's two bytes may become a whole date.
        "to_char" | "date_format" => |args, row| Some(length(args.get(1)?, row)?.saturating_mul(32)),
        // Not the answer grows, but the work; it cannot be stopped on its way.
        "levenshtein" => |args, row| {
            let work = length(args.first()?, row)?.saturating_mul(length(args.get(1)?, row)?);
            Some(work / 64)
        },
        _ => return None,
    })
}

fn padded(args: &[ColumnarValue], row: usize) -> Option<usize> {
    let source = text(args.first()?, row)?;
    let pad = match args.get(2) {
        Some(pad) => text(pad, row)?,
        None => " ",
    };
    let widest = pad.chars().map(char::len_utf8).max().unwrap_or(0);
    let missing = count(args.get(1)?, row)?.saturating_sub(source.chars().count());
    Some(source.len().saturating_add(missing.saturating_mul(widest)))
}

fn joined(args: &[ColumnarValue], row: usize) -> Option<usize> {
    let list = match args.first()? {
        ColumnarValue::Array(array) => array.as_list_opt::<i32>()?.value(row),
        ColumnarValue::Scalar(ScalarValue::List(list)) => list.value(0),
        ColumnarValue::Scalar(_) => return None,
    };
    // The digits of a number are longer than the number.
    let an_item: usize = args.iter().skip(1).filter_map(|arg| length(arg, row)).sum::<usize>() + 32;
    Some(list.len().saturating_mul(an_item).saturating_add(size_of_array(&list)))
}

fn sum(args: &[ColumnarValue], row: usize) -> usize {
    args.iter().filter_map(|arg| length(arg, row)).sum()
}

fn length(value: &ColumnarValue, row: usize) -> Option<usize> {
    text(value, row).map(str::len)
}

/// One row's text; none when it is NULL or no text.
fn text(value: &ColumnarValue, row: usize) -> Option<&str> {
    match value {
        ColumnarValue::Scalar(scalar) => scalar.try_as_str().flatten(),
        ColumnarValue::Array(array) if array.is_null(row) => None,
        ColumnarValue::Array(array) => match array.data_type() {
            DataType::Utf8 => Some(array.as_string::<i32>().value(row)),
            DataType::LargeUtf8 => Some(array.as_string::<i64>().value(row)),
            DataType::Utf8View => Some(array.as_string_view().value(row)),
            _ => None,
        },
    }
}

/// One row's count; zero when it is negative.
fn count(value: &ColumnarValue, row: usize) -> Option<usize> {
    let count = match value {
        ColumnarValue::Scalar(scalar) => match scalar.cast_to(&DataType::Int64).ok()? {
            ScalarValue::Int64(count) => count?,
            _ => return None,
        },
        ColumnarValue::Array(array) if array.is_null(row) => return None,
        ColumnarValue::Array(array) => array.as_primitive_opt::<Int64Type>()?.value(row),
    };
    usize::try_from(count).ok().or(Some(0))
}

fn too_long(name: &str) -> DataFusionError {
    DataFusionError::External(Box::new(SnowflakeError::too_long(name)))
}

fn too_large() -> DataFusionError {
    DataFusionError::External(Box::new(SnowflakeError::too_large()))
}

/// One of the engine's functions within bounds.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Bounded {
    inner: Arc<ScalarUDF>,
}

impl ScalarUDFImpl for Bounded {
    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        check_arguments(&args)?;
        let rows = args.number_rows;
        if let Some(growth) = growth(self.inner.name()) {
            let is_constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
            let mut bytes = 0_usize;
            for row in 0..if is_constant { rows.min(1) } else { rows } {
                let answer = growth(&args.args, row).unwrap_or(0);
                if answer > LARGEST_VALUE {
                    return Err(too_long(self.inner.name()));
                }
                bytes = bytes.saturating_add(answer);
            }
            if bytes > LARGEST_BATCH {
                return Err(too_large());
            }
        }
        let answer = self.inner.invoke_with_args(args)?;
        check_answer(self.inner.name(), &answer, rows)?;
        Ok(answer)
    }

    // Only functions without growth are simplified: the engine simplifies CONCAT by concatenating.
    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        if growth(self.inner.name()).is_some() {
            Ok(ExprSimplifyResult::Original(args))
        } else {
            self.inner.simplify(args, info)
        }
    }

    // Everything else is as in the engine, but for hints that make some plans faster.

    fn name(&self) -> &str {
        self.inner.name()
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        self.inner.schema_name(args)
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(arg_types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.inner.inner().return_field_from_args(args)
    }

    fn with_updated_config(&self, config: &ConfigOptions) -> Option<ScalarUDF> {
        let inner = Arc::new(self.inner.inner().with_updated_config(config)?);
        Some(ScalarUDF::from(Self { inner }))
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn conditional_arguments<'a>(&self, args: &'a [Expr]) -> Option<(Vec<&'a Expr>, Vec<&'a Expr>)> {
        self.inner.conditional_arguments(args)
    }

    fn short_circuits(&self) -> bool {
        self.inner.short_circuits()
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(arg_types)
    }

    fn placement(&self, args: &[ExpressionPlacement]) -> ExpressionPlacement {
        self.inner.placement(args)
    }
}
