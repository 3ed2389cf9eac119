//! Functions over many rows: aggregates and window functions that never fail.

/// Whether it is an aggregate that never fails. Those of numbers convert text first: lineage looks at that.
pub(super) fn is_aggregate(name: &str) -> bool {
    match name {
        // Totals and extremes.
        "SUM" | "AVG" | "MIN" | "MAX" | "ANY_VALUE" | "MEDIAN" | "MODE" | "LISTAGG" | "ARRAY_AGG"
        | "ARRAYAGG" | "ARRAY_UNIQUE_AGG" | "HASH_AGG" => true,
        // Statistics.
        "STDDEV" | "STDDEV_SAMP" | "STDDEV_POP" | "VARIANCE" | "VAR_SAMP" | "VAR_POP" | "VARIANCE_SAMP"
        | "VARIANCE_POP" | "CORR" | "COVAR_SAMP" | "COVAR_POP" | "KURTOSIS" | "SKEW" | "PERCENTILE_CONT"
        | "PERCENTILE_DISC" | "REGR_AVGX" | "REGR_AVGY" | "REGR_COUNT" | "REGR_INTERCEPT" | "REGR_R2"
        | "REGR_SLOPE" | "REGR_SXX" | "REGR_SXY" | "REGR_SYY" => true,
        // Sketches.
        "APPROX_PERCENTILE"
        | "APPROX_PERCENTILE_ACCUMULATE"
        | "APPROX_TOP_K"
        | "APPROX_TOP_K_ACCUMULATE"
        | "HLL_ACCUMULATE"
        | "MINHASH" => true,
        // Of the grouping itself.
        "GROUPING" | "GROUPING_ID" => true,
        _ => false,
    }
}

/// Whether it is a window function that never fails.
pub(super) fn is_window(name: &str) -> bool {
    match name {
        // Ranks and neighbours.
        "ROW_NUMBER"
        | "RANK"
        | "DENSE_RANK"
        | "PERCENT_RANK"
        | "CUME_DIST"
        | "NTILE"
        | "LAG"
        | "LEAD"
        | "FIRST_VALUE"
        | "LAST_VALUE"
        | "NTH_VALUE"
        | "CONDITIONAL_CHANGE_EVENT"
        | "CONDITIONAL_TRUE_EVENT"
        | "INTERPOLATE_BFILL"
        | "INTERPOLATE_FFILL"
        | "INTERPOLATE_LINEAR" => true,
        // Of MATCH_RECOGNIZE.
        "FIRST" | "LAST" | "PREV" | "NEXT" | "CLASSIFIER" | "MATCH_NUMBER" | "MATCH_SEQUENCE_NUMBER" => true,
        _ => false,
    }
}
