//! Functions by name: which reach out of the statement, which are total, which compare, which shape.

mod calls;
mod compare;
mod fallible;
mod reach;
mod rows;
mod total;

pub(crate) use calls::{called, unknown_calls, unknown_calls_of_columns, unknown_calls_of_script};
pub(crate) use reach::{flag, flagged};

/// How a function treats what it is given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Behaviour {
    /// Depends on nothing stored when it has no arguments; never fails.
    Total,
    /// COUNT, APPROX_COUNT_DISTINCT: shows nothing of a bare stored column.
    Count,
    /// An aggregate that never fails.
    Aggregate,
    /// A window function that never fails.
    Window,
    /// A total function of dates: total only over stored dates, since text is converted first.
    Temporal,
    /// Compares its arguments, so that its answer tests them.
    Compares,
    /// An aggregate that orders by its second argument.
    Ranks,
    /// Known, but may fail or depend on the size of what it is given.
    Fallible,
    /// Nobody knows it.
    Unknown,
}

/// How the function with this upper-case name treats its arguments.
pub(crate) fn behaviour(name: &str) -> Behaviour {
    match name {
        "COUNT" | "APPROX_COUNT_DISTINCT" | "HLL" => Behaviour::Count,
        "MIN_BY" | "MAX_BY" => Behaviour::Ranks,
        _ if rows::is_aggregate(name) => Behaviour::Aggregate,
        _ if rows::is_window(name) => Behaviour::Window,
        _ if compare::is_temporal(name) => Behaviour::Temporal,
        _ if compare::compares(name) => Behaviour::Compares,
        _ if total::is_total(name) => Behaviour::Total,
        _ if fallible::is_fallible(name) || fallible::is_geospatial(name) => Behaviour::Fallible,
        _ => Behaviour::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::{Behaviour, behaviour, flag};

    #[track_caller]
    fn check(expected: Behaviour, names: &[&str]) {
        for name in names {
            assert_eq!(behaviour(name), expected, "{name}");
        }
    }

    #[test]
    fn a_function_is_known_by_its_whole_name_only() {
        // Somebody may define each of these, and let it reach anywhere.
        check(
            Behaviour::Unknown,
            &[
                "TO_SLACK",
                "ST_SEND",
                "TRY_MAIL",
                "ARRAY_PUBLISH",
                "OBJECT_UPLOAD",
                "H3_X",
                "REGEXP_X",
                "BITCOIN",
                "MAP_TO_URL",
                "VECTOR_PUSH",
                "AS_SENT",
                "HLL_X",
                "APPROX_X",
                "MINHASH_X",
                "CURRENT_SECRET",
                "IS_CUSTOMER",
                "MY_UPPER",
                "UPPER_",
                "",
                // Other warehouses have these: who moves from there defines them, and lets them do anything.
                "IF",
                "COUNTIF",
                "CONVERT",
                "CEILING",
                "CHAR_LENGTH",
                "CHARACTER_LENGTH",
                "INSTR",
                "LIKE_ALL",
                "LIKE_ANY",
                "ILIKE_ANY",
                "ARRAY_REPEAT",
                "ARRAY_CONSTRUCT_STRUCTURED",
                "HAMMING_DISTANCE",
                "MAP_CONSTRUCT",
                "RESAMPLE",
                "ARRAY",
                "OBJECT",
                "ANY",
                "ALL",
                "TIMESTAMP",
            ],
        );
    }

    #[test]
    fn what_may_fail_or_grow_is_not_total() {
        check(
            Behaviour::Fallible,
            &[
                "REPEAT",
                "LPAD",
                "RPAD",
                "SPACE",
                "PARSE_JSON",
                "TO_NUMBER",
                "TO_TIMESTAMP",
                "DATEADD",
                "CHR",
                "REGEXP_REPLACE",
                "REGEXP_LIKE",
                "INSERT",
                "EDITDISTANCE",
                "OBJECT_INSERT",
                "OBJECT_DELETE",
                "OBJECT_KEYS",
                "ARRAYS_TO_OBJECT",
                "ARRAY_GENERATE_RANGE",
                "ARRAY_FLATTEN",
                "XMLGET",
                "ST_X",
                "ST_ASTEXT",
                "UUID_STRING",
                "SQRT",
                "LN",
                "POWER",
                "MOD",
                "DIV0",
                "FLATTEN",
                "GENERATOR",
                "SPLIT_TO_TABLE",
                "HEX_DECODE_STRING",
                "DECOMPRESS_STRING",
                "WIDTH_BUCKET",
                "BITAND_AGG",
                "RATIO_TO_REPORT",
                "TO_BOOLEAN",
                "SYS_CONTEXT",
                "AS_INTEGER",
            ],
        );
    }

    #[test]
    fn what_answers_whether_a_value_is_another_compares() {
        check(
            Behaviour::Compares,
            &[
                "IFF",
                "NULLIF",
                "DECODE",
                "EQUAL_NULL",
                "GREATEST",
                "CONTAINS",
                "STARTSWITH",
                "POSITION",
                "ARRAY_CONTAINS",
                "ARRAYS_OVERLAP",
                "OBJECT_AGG",
                "IS_ROLE_IN_SESSION",
                "SEARCH",
                "SIGN",
            ],
        );
    }

    #[test]
    fn what_analysts_use_every_day_is_known() {
        check(
            Behaviour::Total,
            &[
                "UPPER",
                "SUBSTR",
                "CONCAT",
                "TRIM",
                "SPLIT_PART",
                "COALESCE",
                "TO_CHAR",
                "MD5",
                "SHA2",
                "HASH",
                "TRY_TO_NUMBER",
                "TRY_TO_TIMESTAMP_NTZ",
                "TRY_PARSE_JSON",
                "OBJECT_CONSTRUCT",
                "TYPEOF",
                "SYSTEM$TYPEOF",
                "CURRENT_TIMESTAMP",
                "CURRENT_USER",
                "ROUND",
                "RTRIMMED_LENGTH",
                "IS_BINARY",
            ],
        );
        check(
            Behaviour::Aggregate,
            &["SUM", "LISTAGG", "ARRAY_AGG", "REGR_SXX", "APPROX_PERCENTILE", "MODE"],
        );
        check(Behaviour::Window, &["ROW_NUMBER", "LAG", "INTERPOLATE_FFILL"]);
        check(Behaviour::Temporal, &["YEAR", "DATE_TRUNC", "DATEDIFF", "DAYOFWEEK_ISO", "LAST_DAY"]);
        check(Behaviour::Count, &["COUNT", "HLL"]);
        check(Behaviour::Ranks, &["MAX_BY"]);
    }

    #[test]
    fn no_function_is_both_a_calculation_and_flagged() {
        for name in [
            "RESULT_SCAN",
            "GET_DDL",
            "QUERY_HISTORY",
            "AI_COMPLETE",
            "TO_FILE",
            "TO_QUERY",
            "VALIDATE",
            "DIRECTORY",
            "ALL_USER_NAMES",
            "SET_SYS_CONTEXT",
            "BIND_VALUES",
            "SYSTEM$WAIT",
            "INFER_SCHEMA",
        ] {
            assert!(flag(name).is_some(), "{name}");
            assert_eq!(behaviour(name), Behaviour::Unknown, "{name}");
        }
    }
}
