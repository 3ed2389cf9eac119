//! What is to be known of single arguments of a function: which pick how it works, and how large it makes a value.

use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, UnaryOperator, Value as Literal,
};

use super::constant::constant_text;
use super::size::Size;
use super::sort::Sort;
use super::value::Value;

/// Whether the argument at that place, counted from 0, picks how a total function works: where to cut, which digest,
/// which key. It is total only while that one depends on no column: a place may be out of range, a key may be there
/// twice.
pub(super) fn picks(name: &str, at: usize) -> bool {
    match name {
        "OBJECT_CONSTRUCT" | "OBJECT_CONSTRUCT_KEEP_NULL" => at.is_multiple_of(2),
        "SUBSTR" | "SUBSTRING" | "LEFT" | "RIGHT" | "SPLIT_PART" | "STRTOK" | "TRANSLATE" | "COLLATE"
        | "SHA2" | "SHA2_HEX" | "SHA2_BINARY" | "HEX_ENCODE" | "BASE64_ENCODE" | "COMPRESS"
        | "ARRAY_SLICE" | "ROUND" | "FLOOR" | "CEIL" | "TRUNC" | "TRUNCATE" => at > 0,
        _ => name.starts_with("TRY_") && at > 0,
    }
}

/// Whether a total function cannot fail whatever the text of the statement says beside its first argument: it has no other,
/// joins whatever it is given, or counts places that are written as numbers.
pub(super) fn is_harmless(name: &str, function: &Function) -> bool {
    let list = match &function.args {
        FunctionArguments::List(list) => list,
        FunctionArguments::None => return true,
        FunctionArguments::Subquery(_) => return false,
    };
    match name {
        "CONCAT" | "COALESCE" | "NVL" | "IFNULL" | "ARRAY_CONSTRUCT" => true,
        "LEFT" | "RIGHT" | "SUBSTR" | "SUBSTRING" | "SPLIT_PART" => {
            let last = list.args.len().saturating_sub(1);
            (1..=last).all(|at| {
                let is_delimiter = name == "SPLIT_PART" && at == 1;
                argument(function, at).is_some_and(|argument| {
                    whole_number(argument).is_some() || (is_delimiter && constant_text(argument).is_some())
                })
            })
        }
        "TRIM" | "LTRIM" | "RTRIM" | "REPLACE" | "SPLIT" | "CONCAT_WS" => (1..list.args.len())
            .all(|at| argument(function, at).is_some_and(|text| constant_text(text).is_some())),
        // What takes a seed, or how many digits a second has.
        "RANDOM" | "SEQ1" | "SEQ2" | "SEQ4" | "SEQ8" | "CURRENT_TIME" | "CURRENT_TIMESTAMP" | "LOCALTIME"
        | "LOCALTIMESTAMP" | "SYSDATE" | "SYSTIMESTAMP" | "GETDATE" => list.args.is_empty(),
        _ => list.args.len() <= 1,
    }
}

/// Whether the argument of an aggregate at that place says how it works, and fails where it is out of range. What
/// `WITHIN GROUP` orders by stands first.
pub(super) fn must_be_constant(name: &str, at: usize) -> bool {
    match name {
        "APPROX_PERCENTILE"
        | "PERCENTILE_CONT"
        | "PERCENTILE_DISC"
        | "APPROX_TOP_K"
        | "APPROX_TOP_K_ACCUMULATE"
        | "LISTAGG"
        | "NTH_VALUE" => at > 0,
        "MINHASH" | "NTILE" => at == 0,
        _ => false,
    }
}

/// Whether the argument at that place must be an array: a VARIANT that holds something else makes the function
/// fail.
pub(super) fn takes_array(name: &str, at: usize) -> bool {
    match name {
        "ARRAY_APPEND" | "ARRAY_PREPEND" | "ARRAY_COMPACT" | "ARRAY_DISTINCT" | "ARRAY_REVERSE"
        | "ARRAY_SLICE" | "ARRAY_TO_STRING" | "TRANSFORM" | "FILTER" => at == 0,
        "ARRAY_CAT" => true,
        _ => false,
    }
}

/// Whether a value of that sort is an array that such a function takes as it is. One that is stored may convert what is put
/// into it.
pub(super) fn is_array_for(name: &str, sort: Sort) -> bool {
    let adds = matches!(name, "ARRAY_APPEND" | "ARRAY_PREPEND" | "ARRAY_CAT");
    sort == Sort::Array || (sort == Sort::StoredArray && !adds)
}

/// Whether a distance is counted in parts of a second, of which there are more in a long time than fit.
pub(super) fn counts_parts_of_seconds(name: &str, function: &Function) -> bool {
    if !matches!(name, "DATEDIFF" | "TIMESTAMPDIFF" | "TIMEDIFF" | "DATE_PART") {
        return false;
    }
    let part = match argument(function, 0) {
        Some(Expr::Identifier(ident)) => Some(ident.value.clone()),
        Some(expr) => constant_text(expr),
        None => None,
    };
    part.is_none_or(|part| {
        let part = part.to_ascii_uppercase();
        let part = part.strip_prefix("EPOCH_").unwrap_or(&part);
        ["NANO", "MICRO", "MILLI", "NS", "US", "MS"].iter().any(|short| part.starts_with(short))
    })
}

/// How large a call makes a value. `copies` is how often the rows of a table may have been repeated.
pub(super) fn size(
    name: &str,
    function: &Function,
    values: &[Value],
    sort: Sort,
    copies: impl FnOnce() -> Size,
) -> Size {
    let of = |at: usize| values.get(at).map(|value| value.size).unwrap_or_default();
    let count = |at: usize| argument(function, at).and_then(whole_number).map_or(Size::ANY, Size::of);
    let all = values.iter().fold(Size::NONE, |all, value| all.plus(value.size));
    match name {
        _ if sort.is_small() && sort != Sort::Null => Size::SMALL,
        "MD5" | "MD5_HEX" | "MD5_BINARY" | "SHA1" | "SHA1_HEX" | "SHA1_BINARY" | "SHA2" | "SHA2_HEX"
        | "SHA2_BINARY" | "HASH" | "SOUNDEX" | "TYPEOF" => Size::SMALL,
        "REPEAT" => of(0).times(count(1)),
        "SPACE" | "RANDSTR" => count(0),
        "LPAD" | "RPAD" => count(1),
        // A stored text may hold many of what is replaced.
        "REPLACE" | "REGEXP_REPLACE" => of(0).times(of(2)).times(Size::of(40)),
        "ARRAY_TO_STRING" => of(0).times(of(1)).plus(of(0)),
        "CONCAT_WS" => all.plus(of(0).times(Size::of(values.len()))),
        "TRANSFORM" => of(0).times(of(1)),
        "REDUCE" | "ARRAY_GENERATE_RANGE" | "DECOMPRESS_STRING" | "DECOMPRESS_BINARY" => Size::ANY,
        "LISTAGG" | "ARRAY_AGG" | "ARRAYAGG" | "OBJECT_AGG" | "ARRAY_UNIQUE_AGG" | "ARRAY_UNION_AGG" => {
            all.times(Size::ROWS).times(copies())
        }
        // These keep or shorten what they are given.
        "UPPER" | "LOWER" | "INITCAP" | "TRIM" | "LTRIM" | "RTRIM" | "SUBSTR" | "SUBSTRING" | "LEFT"
        | "RIGHT" | "REVERSE" | "SPLIT_PART" | "STRTOK" | "TRANSLATE" | "COLLATE" | "MIN" | "MAX"
        | "ANY_VALUE" | "MODE" | "FIRST_VALUE" | "LAST_VALUE" | "NTH_VALUE" | "LAG" | "LEAD" | "COALESCE"
        | "NVL" | "IFNULL" | "NVL2" | "IFF" | "DECODE" | "NULLIF" | "GREATEST" | "LEAST" | "CONCAT"
        | "INSERT" | "GET" | "GET_PATH" | "GET_IGNORE_CASE" | "FILTER" => all,
        // Escapes and digits of a code may double it.
        _ => all.times(Size::of(2)),
    }
}

/// Whether the call makes a value as large as what is stored, or as a short literal: see [`Value::is_steady`].
pub(super) fn keeps_size(name: &str, values: &[Value]) -> bool {
    let first = || values.first().is_some_and(|value| value.is_steady);
    match name {
        // Of a fixed length.
        "MD5" | "MD5_HEX" | "SHA1" | "SHA1_HEX" | "SHA2" | "SHA2_HEX" | "HASH" => true,
        "UPPER"
        | "LOWER"
        | "INITCAP"
        | "REVERSE"
        | "TO_VARCHAR"
        | "TO_CHAR"
        | "TO_VARIANT"
        | "CONCAT"
        | "CONCAT_WS"
        | "OBJECT_CONSTRUCT"
        | "OBJECT_CONSTRUCT_KEEP_NULL"
        | "ARRAY_CONSTRUCT" => values.iter().all(Value::keeps_length),
        // Numbers that are small whatever they are made of.
        "LENGTH"
        | "LEN"
        | "OCTET_LENGTH"
        | "BIT_LENGTH"
        | "CHAR_LENGTH"
        | "CHARACTER_LENGTH"
        | "ASCII"
        | "UNICODE"
        | "COUNT"
        | "COUNT_IF"
        | "APPROX_COUNT_DISTINCT"
        | "ARRAY_SIZE"
        | "YEAR"
        | "MONTH"
        | "DAY"
        | "DAYOFMONTH"
        | "DAYOFWEEK"
        | "DAYOFYEAR"
        | "WEEK"
        | "QUARTER"
        | "HOUR"
        | "MINUTE"
        | "SECOND"
        | "DATEDIFF"
        | "TIMESTAMPDIFF"
        | "TIMEDIFF"
        | "MONTHS_BETWEEN"
        | "CHARINDEX"
        | "POSITION"
        | "EDITDISTANCE"
        | "JAROWINKLER_SIMILARITY" => true,
        "ABS" | "ROUND" | "FLOOR" | "CEIL" | "TRUNC" | "TRUNCATE" | "SUM" | "AVG" | "MEDIAN" => {
            first() && values.first().is_some_and(|value| value.sort.is_number())
        }
        "MIN" | "MAX" | "ANY_VALUE" | "FIRST_VALUE" | "LAST_VALUE" => first(),
        "COALESCE" | "NVL" | "IFNULL" | "ZEROIFNULL" => Value::are_steady(values),
        "IFF" | "NVL2" => Value::are_steady(values.get(1..).unwrap_or_default()),
        _ => false,
    }
}

/// Whether a place or a length is written as a number.
pub(super) fn is_count(expr: &Expr) -> bool {
    whole_number(expr).is_some()
}

/// The expression at that place of a call.
pub(super) fn argument(function: &Function, at: usize) -> Option<&Expr> {
    let FunctionArguments::List(list) = &function.args else { return None };
    if let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) = list.args.get(at)? { Some(expr) } else { None }
}

#[allow(clippy::wildcard_enum_match_arm, reason = "every other expression is no whole number")]
fn whole_number(expr: &Expr) -> Option<usize> {
    match expr {
        Expr::Nested(inner) => whole_number(inner),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => whole_number(expr).map(|_| 0),
        Expr::Value(literal) => match &literal.value {
            // More digits than that may not be a number that Snowflake counts with.
            Literal::Number(number, _) if number.len() <= 9 => number.parse().ok(),
            _ => None,
        },
        _ => None,
    }
}
