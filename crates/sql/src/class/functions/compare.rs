//! Functions that compare what they are given, so that their answer tests it; and functions of dates.

/// Whether the answer tests the arguments.
pub(super) fn compares(name: &str) -> bool {
    match name {
        // Choices.
        "IFF"
        | "NULLIF"
        | "NULLIFZERO"
        | "ZEROIFNULL"
        | "NVL2"
        | "DECODE"
        | "EQUAL_NULL"
        | "GREATEST"
        | "LEAST"
        | "GREATEST_IGNORE_NULLS"
        | "LEAST_IGNORE_NULLS"
        | "SIGN" => true,
        // Searches.
        "CONTAINS" | "STARTSWITH" | "ENDSWITH" | "LIKE" | "ILIKE" | "CHARINDEX" | "POSITION" | "SEARCH"
        | "SEARCH_IP" | "ARRAY_CONTAINS" | "ARRAY_POSITION" | "ARRAYS_OVERLAP" => true,
        // Truth.
        "BOOLAND" | "BOOLOR" | "BOOLXOR" | "BOOLNOT" | "IS_NULL_VALUE" | "COUNT_IF" | "BOOLAND_AGG"
        | "BOOLOR_AGG" | "BOOLXOR_AGG" | "REGR_VALX" | "REGR_VALY" => true,
        // It fails where a key comes twice.
        "OBJECT_AGG" => true,
        // Whether the value is the name of something that the session has.
        "IS_ROLE_IN_SESSION"
        | "IS_DATABASE_ROLE_IN_SESSION"
        | "IS_APPLICATION_ROLE_IN_SESSION"
        | "IS_INSTANCE_ROLE_IN_SESSION"
        | "IS_GRANTED_TO_INVOKER_ROLE"
        | "IS_ORGANIZATION_USER"
        | "IS_ORGANIZATION_USER_GROUP"
        | "IS_ORGANIZATION_USER_GROUP_IN_SESSION" => true,
        _ => false,
    }
}

/// Whether it is total over stored dates; text is converted first, and that may fail.
pub(super) fn is_temporal(name: &str) -> bool {
    match name {
        // Parts.
        "YEAR" | "MONTH" | "DAY" | "DAYOFMONTH" | "DAYOFWEEK" | "DAYOFWEEKISO" | "DAYOFWEEK_ISO"
        | "DAYOFYEAR" | "WEEK" | "WEEKOFYEAR" | "WEEKISO" | "WEEK_ISO" | "YEAROFWEEK" | "YEAROFWEEKISO"
        | "QUARTER" | "HOUR" | "MINUTE" | "SECOND" | "DAYNAME" | "MONTHNAME" | "DATE_PART" => true,
        // Whole dates and distances.
        "LAST_DAY" | "DATE_TRUNC" | "TO_DATE" | "DATE" | "DATEDIFF" | "TIMESTAMPDIFF" | "TIMEDIFF"
        | "MONTHS_BETWEEN" => true,
        _ => false,
    }
}
