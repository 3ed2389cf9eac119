//! The kinds of SHOW, DESCRIBE and USE.

use super::{View, kind_of_object};

/// Every word that Snowflake has between SHOW and its first clause.
// SECURITY: a kind stands in mails to reviewers, and a sentence of an agent's choice would be read as ours.
const SHOWN: &str = "
    ACCESS ACCOUNT ACCOUNTS AGENTS AGGREGATION ALERTS APPLICATION APPLICATIONS ARTIFACT AUTHENTICATION
    AUTHORIZATIONS AVAILABLE BACKUP BACKUPS BRANCHES BUDGETS CALLER CATALOG CHANNELS CLASSES COLUMN
    COLUMNS COMPUTE CONFIGURATIONS CONNECTIONS CONTACTS CONTAINERS CONTENT CORTEX CUSTOM DATA DATABASE
    DATABASES DATASETS DBT DELEGATED DEPLOYMENTS DIMENSIONS DIRECTIVES DYNAMIC ENDPOINTS EVENT EXPORTED
    EXTENSIONS EXTERNAL FACTS FAILOVER FEATURE FEATURES FILE FORMATS FUNCTIONS FUTURE GATEWAYS GIT
    GLOBAL GRANTS GROUPS HYBRID ICEBERG IMAGE IMPORTED INDEXES INSTANCES INTEGRATIONS JOIN KEYS
    LIFECYCLE LISTINGS LOCKS MANAGED MASKING MATERIALIZED MCP METRICS MODEL MODELS MONITORS NETWORK
    NOTEBOOKS NOTIFICATION OBJECTS OFFERS ONLINE ORGANIZATION PACKAGES PARAMETERS PASSWORD PIPES PLANS
    POLICIES POOLS PRICING PRIMARY PRIVACY PRIVILEGES PROCEDURES PROFILES PROJECTION PROJECTS REGIONS
    RELEASE REPLICATION REPOSITORIES REQUESTS RESOURCE ROLES ROW RULES SCHEMAS SEARCH SECRETS SECURITY
    SEMANTIC SEQUENCES SERVERS SERVICE SERVICES SESSION SETS SHARED SHARES SNAPSHOT SNAPSHOTS
    SPECIFICATIONS STAGES STORAGE STREAMLITS STREAMS TABLES TAGS TASKS TRANSACTIONS TYPES UNIQUE USER
    USERS VARIABLES VERSIONS VIEWS VOLUMES WAREHOUSES WORKSPACES";

/// `show_tables`, `show_primary_keys` …: the words up to the first that begins a clause; `show_unknown` where one of
/// them is none of Snowflake's.
pub(super) fn shown_what(view: View<'_>) -> String {
    let first = if view.is(1, "TERSE") { 2 } else { 1 };
    let ends = ["LIKE", "IN", "STARTS", "LIMIT", "HISTORY", "ON", "TO", "OF", "FOR", "FROM", "WITH"];
    let mut words = (first..first + 4)
        .map(|at| view.word(at))
        .take_while(|word| !word.is_empty() && !ends.contains(&word.as_str()));
    let kind = |kind: String, word: String| {
        let is_known = SHOWN.split_ascii_whitespace().any(|known| known == word);
        is_known.then(|| format!("{kind}_{}", word.to_ascii_lowercase()))
    };
    words.try_fold("show".to_owned(), kind).unwrap_or_else(|| "show_unknown".to_owned())
}

/// `describe_table`, `describe_file_format` …; `describe` where a name follows alone, `describe_unknown` where nobody
/// knows that kind of object.
pub(super) fn described_what(view: View<'_>) -> String {
    if names_alone(view) {
        return "describe".to_owned();
    }
    let length = match kind_of_object(view.from(1)) {
        Some((_, length)) => length,
        None if view.is_any(1, &["RESULT", "TRANSACTION"]) => 1,
        None => return "describe_unknown".to_owned(),
    };
    (1..=length)
        .fold("describe".to_owned(), |kind, at| format!("{kind}_{}", view.word(at).to_ascii_lowercase()))
}

/// Whether DESCRIBE is followed by a name, and by no kind of object.
pub(crate) fn names_alone(view: View<'_>) -> bool {
    view.word(1).is_empty()
        || view.tokens.len() == 2
        || view.is_symbol(2, ".")
        || (view.is(1, "IDENTIFIER") && view.is_symbol(2, "("))
}

pub(super) fn used_what(view: View<'_>) -> &'static str {
    match view.word(1).as_str() {
        _ if view.tokens.len() == 2 => "database",
        "ROLE" => "role",
        "WAREHOUSE" => "warehouse",
        "SCHEMA" => "schema",
        "SECONDARY" => "secondary_roles",
        _ => "database",
    }
}
