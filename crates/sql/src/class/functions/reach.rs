//! Functions that do more than calculate: they reach out of the statement, tell what others did, or change
//! something. Each gives a statement its class, wherever it stands.

use domain::{Class, FlaggedFunction, FunctionName};

use crate::class::View;
use crate::lexer::{Lexeme, Token, decode_quoted, decode_string};

/// The class that calling this function gives a statement; none for a mere calculation and for what nobody
/// knows. `name` is the last part of the function's name in upper case.
pub(crate) fn flag(name: &str) -> Option<Class> {
    if let Some(system) = name.strip_prefix("SYSTEM$") {
        return system_class(system);
    }
    if name.starts_with("AI_") || name.starts_with("SNOWFLAKE$") {
        return Some(Class::Export);
    }
    if sends(name) {
        Some(Class::Export)
    } else if hides_sources(name) {
        Some(Class::Opaque)
    } else if tells_of_account(name) {
        Some(Class::Account)
    } else if tells_of_objects(name) {
        Some(Class::Show)
    } else if name.ends_with("_HISTORY") || name.starts_with("QUERY_HISTORY_") {
        // What will be added to the information schema tells of the account until we know it.
        Some(Class::Account)
    } else {
        None
    }
}

/// What a system function is: it changes the account unless we know better.
fn system_class(name: &str) -> Option<Class> {
    match name {
        // It looks at the type of its argument, which no value changes.
        "TYPEOF" => None,
        "STREAM_HAS_DATA"
        | "STREAM_BACKLOG"
        | "STREAM_GET_TABLE_TIMESTAMP"
        | "LAST_CHANGE_COMMIT_TIME"
        | "CURRENT_USER_TASK_NAME"
        | "TASK_RUNTIME_INFO"
        | "GET_TASK_GRAPH_CONFIG"
        | "ESTIMATE_QUERY_ACCELERATION"
        | "ESTIMATE_SEARCH_OPTIMIZATION_COSTS"
        | "ESTIMATE_AUTOMATIC_CLUSTERING_COSTS"
        | "CLUSTERING_INFORMATION"
        | "CLUSTERING_DEPTH"
        | "CLUSTERING_RATIO"
        | "PIPE_STATUS"
        | "EXTERNAL_TABLE_PIPE_STATUS"
        | "AUTO_REFRESH_STATUS"
        | "GET_DIRECTORY_TABLE_STATUS"
        | "GET_ICEBERG_TABLE_INFORMATION"
        | "GET_TAG"
        | "GET_TAG_ALLOWED_VALUES"
        | "GET_TAG_ON_CURRENT_COLUMN"
        | "GET_TAG_ON_CURRENT_TABLE"
        | "TAG_VALUE_CONTAINS"
        | "EXPLAIN_JSON_TO_TEXT" => Some(Class::Show),
        // They run, wait for, or speak for a task or a service.
        "WAIT"
        | "WAIT_FOR_SERVICES"
        | "SET_RETURN_VALUE"
        | "GET_PREDECESSOR_RETURN_VALUE"
        | "TASK_DEPENDENTS_ENABLE"
        | "USER_TASK_CANCEL_ONGOING_EXECUTIONS" => Some(Class::Call),
        // They take a text of SQL.
        "QUERY_REFERENCE" | "EXPLAIN_PLAN_JSON" => Some(Class::Opaque),
        // They hand an object to whoever may then use it with our rights.
        "REFERENCE" | "ADD_REFERENCE" | "SET_REFERENCE" | "REMOVE_REFERENCE" | "REMOVE_ALL_REFERENCES" => {
            Some(Class::Grant)
        }
        _ => {
            let leaves = ["SEND_", "SHARE", "SHARING", "NOTIFICATION", "LISTING", "REPLICATION"];
            let class =
                if leaves.iter().any(|part| name.contains(part)) { Class::Export } else { Class::Account };
            Some(class)
        }
    }
}

/// Addresses from which anybody can fetch, models and agents that are told what they are given.
fn sends(name: &str) -> bool {
    match name {
        // Addresses of staged files.
        "GET_PRESIGNED_URL"
        | "BUILD_SCOPED_FILE_URL"
        | "BUILD_STAGE_FILE_URL"
        | "GET_STAGE_LOCATION"
        | "FL_GET_SCOPED_FILE_URL"
        | "FL_GET_STAGE_FILE_URL" => true,
        // Models and agents; `AI_…` stands before.
        "COMPLETE"
        | "TRY_COMPLETE"
        | "EXTRACT_ANSWER"
        | "SENTIMENT"
        | "ENTITY_SENTIMENT"
        | "SUMMARIZE"
        | "TRANSLATE_TEXT"
        | "EMBED_TEXT"
        | "EMBED_TEXT_768"
        | "EMBED_TEXT_1024"
        | "CLASSIFY_TEXT"
        | "PARSE_DOCUMENT"
        | "FINETUNE"
        | "COUNT_TOKENS"
        | "SPLIT_TEXT_MARKDOWN_HEADER"
        | "SPLIT_TEXT_RECURSIVE_CHARACTER"
        | "SEARCH_PREVIEW"
        | "AGENT_RUN"
        | "DATA_AGENT_RUN"
        | "THREAD_MESSAGES"
        | "EXECUTE_AI_EVALUATION" => true,
        _ => false,
    }
}

/// What shows rows whose source the text does not tell: results of other statements, texts that are run, rows
/// that a load has rejected, the index of a search service.
fn hides_sources(name: &str) -> bool {
    matches!(
        name,
        "RESULT_SCAN"
            | "GET_RESULT"
            | "TO_QUERY"
            | "VALIDATE"
            | "VALIDATE_PIPE_LOAD"
            | "CORTEX_SEARCH_DATA_SCAN"
    )
}

/// What others did and asked, who they are, what protects what; and what changes any of that.
fn tells_of_account(name: &str) -> bool {
    match name {
        // What was asked, answered, loaded and run.
        "QUERY_HISTORY"
        | "LOGIN_HISTORY"
        | "LOGIN_HISTORY_BY_USER"
        | "BIND_VALUES"
        | "ACCESS_HISTORY"
        | "GET_QUERY_OPERATOR_STATS"
        | "GET_PYTHON_PROFILER_OUTPUT"
        | "GET_JOB_HISTORY"
        | "TASK_HISTORY"
        | "COMPLETE_TASK_GRAPHS"
        | "CURRENT_TASK_GRAPHS"
        | "COPY_HISTORY" => true,
        // Definitions, policies and privileges.
        "GET_DDL"
        | "GET_LINEAGE"
        | "GET_OBJECT_REFERENCES"
        | "POLICY_REFERENCES"
        | "NETWORK_RULE_REFERENCES"
        | "DATA_METRIC_FUNCTION_REFERENCES"
        | "DATA_METRIC_FUNCTION_EXPECTATIONS"
        | "DATA_QUALITY_MONITORING_RESULTS"
        | "DATA_QUALITY_MONITORING_EXPECTATION_STATUS"
        | "CUMULATIVE_PRIVACY_LOSSES"
        | "EXPLAIN_PRIVILEGES"
        | "EXPLAIN_GRANTABLE_PRIVILEGES"
        | "EXTRACT_SEMANTIC_CATEGORIES"
        | "EXPLAIN_JSON" => true,
        // People and their names.
        "ALL_USER_NAMES"
        | "CURRENT_IP_ADDRESS"
        | "GET_CONTACTS"
        | "SET_SYS_CONTEXT"
        | "GENERATE_POSTGRES_ACCESS_TOKEN_FOR_USER" => true,
        // Logs of agents and services.
        "GET_AI_RECORD_TRACE"
        | "GET_AI_OBSERVABILITY_LOGS"
        | "GET_AI_OBSERVABILITY_EVENTS"
        | "GET_AI_EVALUATION_DATA"
        | "SPCS_GET_LOGS"
        | "SPCS_GET_EVENTS"
        | "SPCS_GET_METRICS" => true,
        // Packages.
        "GET_ANACONDA_PACKAGES_REPODATA" | "SHOW_PYTHON_PACKAGES_DEPENDENCIES" => true,
        _ => false,
    }
}

/// Names, sizes and states of objects and of staged files.
fn tells_of_objects(name: &str) -> bool {
    match name {
        // Staged files.
        "DIRECTORY"
        | "INFER_SCHEMA"
        | "GET_RELATIVE_PATH"
        | "GET_ABSOLUTE_PATH"
        | "TO_FILE"
        | "TRY_TO_FILE"
        | "FL_GET_CONTENT_TYPE"
        | "FL_GET_ETAG"
        | "FL_GET_FILE_TYPE"
        | "FL_GET_LAST_MODIFIED"
        | "FL_GET_RELATIVE_PATH"
        | "FL_GET_SIZE"
        | "FL_GET_STAGE"
        | "FL_IS_AUDIO"
        | "FL_IS_COMPRESSED"
        | "FL_IS_DOCUMENT"
        | "FL_IS_IMAGE"
        | "FL_IS_VIDEO" => true,
        // Tags and other references.
        "TAG_REFERENCES"
        | "TAG_REFERENCES_ALL_COLUMNS"
        | "TAG_REFERENCES_WITH_LINEAGE"
        | "TASK_DEPENDENTS"
        | "DYNAMIC_TABLES"
        | "AVAILABLE_LISTINGS"
        | "EXTERNAL_TABLE_FILES"
        | "ICEBERG_TABLE_FILES"
        | "REPLICATION_GROUP_DANGLING_REFERENCES"
        | "ESTIMATE_HYBRID_TABLE_STORAGE_USAGE" => true,
        // How far a refresh is.
        "DATABASE_REFRESH_PROGRESS"
        | "DATABASE_REFRESH_PROGRESS_BY_JOB"
        | "REPLICATION_GROUP_REFRESH_PROGRESS"
        | "REPLICATION_GROUP_REFRESH_PROGRESS_BY_JOB"
        | "REPLICATION_GROUP_REFRESH_PROGRESS_ALL" => true,
        // Sizes, loads and refreshes.
        "WAREHOUSE_LOAD_HISTORY"
        | "WAREHOUSE_METERING_HISTORY"
        | "DATABASE_STORAGE_USAGE_HISTORY"
        | "STAGE_STORAGE_USAGE_HISTORY"
        | "AUTOMATIC_CLUSTERING_HISTORY"
        | "MATERIALIZED_VIEW_REFRESH_HISTORY"
        | "SEARCH_OPTIMIZATION_HISTORY"
        | "PIPE_USAGE_HISTORY"
        | "DATA_TRANSFER_HISTORY"
        | "DATABASE_REFRESH_HISTORY"
        | "DATABASE_REPLICATION_USAGE_HISTORY"
        | "REPLICATION_USAGE_HISTORY"
        | "REPLICATION_GROUP_USAGE_HISTORY"
        | "REPLICATION_GROUP_REFRESH_HISTORY"
        | "REPLICATION_GROUP_REFRESH_HISTORY_ALL"
        | "DYNAMIC_TABLE_REFRESH_HISTORY"
        | "EXTERNAL_TABLE_FILE_REGISTRATION_HISTORY"
        | "STAGE_DIRECTORY_FILE_REGISTRATION_HISTORY"
        | "AUTO_REFRESH_REGISTRATION_HISTORY"
        | "ICEBERG_TABLE_SNAPSHOT_REFRESH_HISTORY"
        | "SERVERLESS_TASK_HISTORY"
        | "SERVERLESS_ALERT_HISTORY"
        | "LISTING_REFRESH_HISTORY"
        | "AVAILABLE_LISTING_REFRESH_HISTORY"
        | "ONLINE_FEATURE_TABLE_REFRESH_HISTORY"
        | "STORAGE_LIFECYCLE_POLICY_HISTORY" => true,
        // Numbers of a monitor.
        "MODEL_MONITOR_DRIFT_METRIC" | "MODEL_MONITOR_PERFORMANCE_METRIC" | "MODEL_MONITOR_STAT_METRIC" => {
            true
        }
        _ => false,
    }
}

/// Every call in the pieces to a function that is more than a calculation.
pub(crate) fn flagged(text: &str, tokens: &[Token]) -> Vec<FlaggedFunction> {
    let view = View { text, tokens };
    let called = (0..tokens.len()).filter(|at| view.is_symbol(at + 1, "("));
    called.filter_map(|at| flagged_at(view, at)).collect()
}

/// The function whose name ends at that place, before its bracket.
fn flagged_at(view: View<'_>, at: usize) -> Option<FlaggedFunction> {
    let token = view.tokens.get(at)?;
    let name = match token.kind {
        Lexeme::Word => token.text(view.text).to_ascii_uppercase(),
        Lexeme::Quoted => decode_quoted(token.text(view.text)).to_ascii_uppercase(),
        Lexeme::Symbol => indirect_name(view, at)?,
        Lexeme::Text
        | Lexeme::Dollar
        | Lexeme::Hex
        | Lexeme::Number
        | Lexeme::Variable
        | Lexeme::Space
        | Lexeme::Comment => return None,
    };
    let qualifier = if at >= 2 && view.is_symbol(at - 1, ".") { view.word(at - 2) } else { String::new() };
    if is_definition(view, at) {
        return None;
    }
    if qualifier == "CORTEX" || qualifier == "ML" {
        return Some(FlaggedFunction {
            name: FunctionName::new(["SNOWFLAKE", &qualifier]),
            class: Class::Export,
        });
    }
    // Nobody knows what is called.
    let class =
        if name == "IDENTIFIER" && token.kind == Lexeme::Symbol { Some(Class::Opaque) } else { flag(&name) };
    class.map(|class| FlaggedFunction { name: FunctionName::new([name]), class })
}

/// The last part of the name in `IDENTIFIER('a.b.f')`, whose closing bracket stands there; IDENTIFIER itself where
/// the text does not tell the name.
fn indirect_name(view: View<'_>, at: usize) -> Option<String> {
    if !view.is_symbol(at, ")") {
        return None;
    }
    let start = (at.saturating_sub(8)..at).rev().find(|at| view.is_symbol(*at, "("))?;
    let is_indirect = start > 0 && view.is(start - 1, "IDENTIFIER");
    let written = view.tokens.get(start + 1).filter(|_| is_indirect)?;
    if start + 2 == at && matches!(written.kind, Lexeme::Text | Lexeme::Dollar) {
        let name = decode_string(written.text(view.text));
        return Some(name.rsplit('.').next()?.trim_matches('"').to_ascii_uppercase());
    }
    Some("IDENTIFIER".to_owned())
}

/// Whether something of that name is written to, defined or described there, and nothing is called:
/// `INSERT INTO task_history (a)`, `DROP FUNCTION complete(int)`.
fn is_definition(view: View<'_>, at: usize) -> bool {
    let mut start = at;
    while start >= 2 && view.is_symbol(start - 1, ".") && at - start < 6 {
        start -= 2;
    }
    let words = ["INTO", "TABLE", "VIEW", "EXISTS", "FUNCTION", "PROCEDURE"];
    start.checked_sub(1).is_some_and(|before| view.is_any(before, &words))
}

#[cfg(test)]
mod tests {
    use domain::Class;

    use super::{flag, flagged};
    use crate::lexer::significant;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let found = flagged(text, &significant(text).unwrap());
        let found: Vec<String> = found.iter().map(|f| format!("{} {}", f.name, f.class)).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn functions_that_reach_are_known_by_name() {
        for (class, names) in [
            (
                Class::Export,
                "SYSTEM$SEND_EMAIL SYSTEM$SEND_SNOWFLAKE_NOTIFICATION GET_PRESIGNED_URL AI_COMPLETE AI_AGG AI_EXTRACT COMPLETE EMBED_TEXT_768 DATA_AGENT_RUN BUILD_STAGE_FILE_URL SYSTEM$ENABLE_GLOBAL_DATA_SHARING_FOR_ACCOUNT SYSTEM$SCHEDULE_ASYNC_REPLICATION_GROUP_REFRESH SYSTEM$SEND_NOTIFICATIONS_TO_CATALOG",
            ),
            (Class::Grant, "SYSTEM$REFERENCE SYSTEM$SET_REFERENCE"),
            (Class::Opaque, "RESULT_SCAN TO_QUERY VALIDATE CORTEX_SEARCH_DATA_SCAN SYSTEM$QUERY_REFERENCE"),
            (
                Class::Account,
                "QUERY_HISTORY QUERY_HISTORY_BY_USER LOGIN_HISTORY BIND_VALUES GET_DDL POLICY_REFERENCES ALL_USER_NAMES ALERT_HISTORY SOME_NEW_HISTORY SYSTEM$CANCEL_ALL_QUERIES SYSTEM$GENERATE_SCIM_ACCESS_TOKEN SYSTEM$SHOW_OAUTH_CLIENT_SECRETS SYSTEM$GLOBAL_ACCOUNT_SET_PARAMETER SYSTEM$SOMETHING_NEW GENERATE_POSTGRES_ACCESS_TOKEN_FOR_USER",
            ),
            (Class::Call, "SYSTEM$WAIT SYSTEM$SET_RETURN_VALUE SYSTEM$TASK_DEPENDENTS_ENABLE"),
            (
                Class::Show,
                "SYSTEM$STREAM_HAS_DATA SYSTEM$GET_TAG DIRECTORY INFER_SCHEMA TAG_REFERENCES WAREHOUSE_LOAD_HISTORY TO_FILE",
            ),
        ] {
            for name in names.split(' ') {
                assert_eq!(flag(name), Some(class), "{name}");
            }
        }
        for name in ["UPPER", "SYSTEM$TYPEOF", "COUNT", "MY_FUNCTION"] {
            assert_eq!(flag(name), None, "{name}");
        }
    }

    #[test]
    fn a_call_is_seen_however_it_is_written() {
        check("select system$wait(1), upper(a)", &["SYSTEM$WAIT call"]);
        check("select \"SYSTEM$WAIT\" /* */ (1)", &["SYSTEM$WAIT call"]);
        check("select * from table(d.information_schema.query_history())", &["QUERY_HISTORY account"]);
        check("select snowflake.cortex.whatever('x')", &["SNOWFLAKE.CORTEX export"]);
        check("select cortex.complete('m', a)", &["SNOWFLAKE.CORTEX export"]);
        check("select identifier('system$send_email')('a')", &["SYSTEM$SEND_EMAIL export"]);
        check(
            "select identifier($f)(1), identifier('a' || 'b')(2)",
            &["IDENTIFIER opaque", "IDENTIFIER opaque"],
        );
        check("call identifier('d.s.\"GET_DDL\"')('table', 't')", &["GET_DDL account"]);
    }

    #[test]
    fn a_name_that_is_not_called_is_none() {
        for text in [
            "select query_history, ml.a from complete ml where ml.x = 1",
            "insert into task_history (a) values (1)",
            "create table if not exists d.s.summarize (a int)",
            "drop function complete(int)",
            "select a from cortex.t",
        ] {
            check(text, &[]);
        }
    }
}
