//! CREATE, ALTER, DROP and UNDROP: the kind of object decides how far the act reaches.

use domain::Class;

use super::{Act, View};
use crate::lexer::Lexeme;

/// Words between the verb and the kind of object that change nothing about the reach.
const MODIFIERS: [&str; 17] = [
    "OR",
    "REPLACE",
    "ALTER",
    "LOCAL",
    "GLOBAL",
    "TEMP",
    "TEMPORARY",
    "VOLATILE",
    "TRANSIENT",
    "SECURE",
    "RECURSIVE",
    "HYBRID",
    "AGGREGATE",
    "READ",
    "ONLY",
    "INTERACTIVE",
    "VERSIONED",
];

/// Who may come in, with which right, by which way, at whose expense, and what is let in from elsewhere.
const ACCOUNT: [&[&str]; 40] = [
    &["ACCOUNT"],
    &["MANAGED", "ACCOUNT"],
    &["ORGANIZATION"],
    &["ORGANIZATION", "ACCOUNT"],
    &["ORGANIZATION", "PROFILE"],
    &["ORGANIZATION", "USER"],
    &["ORGANIZATION", "USER", "GROUP"],
    &["USER"],
    &["ROLE"],
    &["DATABASE", "ROLE"],
    &["APPLICATION", "ROLE"],
    &["SERVICE", "ROLE"],
    &["APPLICATION"],
    &["NETWORK", "POLICY"],
    &["NETWORK", "RULE"],
    &["AUTHENTICATION", "POLICY"],
    &["PASSWORD", "POLICY"],
    &["SESSION", "POLICY"],
    &["RESTRICTED", "SESSION", "SCOPE"],
    &["SECRET"],
    &["CONNECTION"],
    &["INTEGRATION"],
    &["API", "INTEGRATION"],
    &["STORAGE", "INTEGRATION"],
    &["SECURITY", "INTEGRATION"],
    &["NOTIFICATION", "INTEGRATION"],
    &["CATALOG", "INTEGRATION"],
    &["EXTERNAL", "ACCESS", "INTEGRATION"],
    &["OPENFLOW", "DATA", "PLANE"],
    &["OPENFLOW", "DATA", "PLANE", "INTEGRATION"],
    &["EXTERNAL", "VOLUME"],
    &["WAREHOUSE"],
    &["COMPUTE", "POOL"],
    &["RESOURCE", "MONITOR"],
    &["BUDGET"],
    &["PROVISIONED", "THROUGHPUT"],
    &["POSTGRES", "INSTANCE"],
    &["GATEWAY"],
    &["FEATURE", "POLICY"],
    &["MAINTENANCE", "POLICY"],
];

/// What others may read, or where data lies outside the account.
const EXPORT: [&[&str]; 14] = [
    &["SHARE"],
    &["LISTING"],
    &["EXTERNAL", "LISTING"],
    &["ORGANIZATION", "LISTING"],
    &["OFFER"],
    &["PRICING", "PLAN"],
    &["APPLICATION", "PACKAGE"],
    &["REPLICATION", "GROUP"],
    &["FAILOVER", "GROUP"],
    &["EXTERNAL", "TABLE"],
    &["EXTERNAL", "FUNCTION"],
    &["EXTERNAL", "AGENT"],
    &["ICEBERG", "TABLE"],
    &["DYNAMIC", "ICEBERG", "TABLE"],
];

/// What runs when nobody looks.
const CALL: [&[&str]; 3] = [&["TASK"], &["ALERT"], &["SERVICE"]];

/// What is defined in the account's databases and reaches no further.
const DEFINE: [&[&str]; 50] = [
    &["TABLE"],
    &["DYNAMIC", "TABLE"],
    &["EVENT", "TABLE"],
    &["ONLINE", "FEATURE", "TABLE"],
    &["VIEW"],
    &["MATERIALIZED", "VIEW"],
    &["SEMANTIC", "VIEW"],
    &["SCHEMA"],
    &["DATABASE"],
    &["SEQUENCE"],
    &["STREAM"],
    &["STAGE"],
    &["PIPE"],
    &["FILE", "FORMAT"],
    &["FUNCTION"],
    &["PROCEDURE"],
    &["DATA", "METRIC", "FUNCTION"],
    &["MASKING", "POLICY"],
    &["ROW", "ACCESS", "POLICY"],
    &["AGGREGATION", "POLICY"],
    &["PROJECTION", "POLICY"],
    &["JOIN", "POLICY"],
    &["PRIVACY", "POLICY"],
    &["PACKAGES", "POLICY"],
    &["STORAGE", "LIFECYCLE", "POLICY"],
    &["BACKUP", "POLICY"],
    &["BACKUP", "SET"],
    &["SNAPSHOT", "POLICY"],
    &["SNAPSHOT", "SET"],
    &["SNAPSHOT"],
    &["TAG"],
    &["CONTACT"],
    &["INDEX"],
    &["TYPE"],
    &["MODEL"],
    &["MODEL", "MONITOR"],
    &["DATASET"],
    &["EXPERIMENT"],
    &["NOTEBOOK"],
    &["NOTEBOOK", "PROJECT"],
    &["STREAMLIT"],
    &["WORKSPACE"],
    &["DBT", "PROJECT"],
    &["DCM", "PROJECT"],
    &["IMAGE", "REPOSITORY"],
    &["GIT", "REPOSITORY"],
    &["ARTIFACT", "REPOSITORY"],
    &["AGENT"],
    &["MCP", "SERVER"],
    &["CORTEX", "SEARCH", "SERVICE"],
];

/// How many pieces of a definition, its verb among them, stand before the words for the kind of object.
fn before_kind(view: View<'_>) -> usize {
    1 + (1..view.tokens.len()).take_while(|at| view.is_any(*at, &MODIFIERS)).count()
}

/// The class that a definition of the kind of object would have that the words are, and in how many words it is written.
pub(crate) fn kind_of_object(view: View<'_>) -> Option<(Class, usize)> {
    Some(reach(view)).filter(|(class, _)| *class != Class::Opaque)
}

/// Where the name of what is defined may begin, behind the longest kind of object that the words are; none where nobody
/// knows that kind.
pub(crate) fn behind_kind(view: View<'_>) -> Option<usize> {
    let kind = before_kind(view);
    let (class, length) = reach(view.from(kind));
    (class != Class::Opaque).then_some(kind + length)
}

/// The act of a statement that begins with CREATE, ALTER, DROP, UNDROP or DEFINE.
pub(super) fn defining(view: View<'_>) -> Act {
    let object = view.from(before_kind(view));
    let (class, length) = match class_instance(object) {
        Some(class) => return Act::new(class, format!("{}_instance", verb(view, object))),
        None => reach(object),
    };
    let kind: Vec<String> = (0..length).map(|at| object.word(at).to_ascii_lowercase()).collect();
    let kind = if kind.is_empty() { "object".to_owned() } else { kind.join("_") };
    let rest = object.from(length);
    let class = class.max(side_channels(view, rest, &kind));
    // What else a session can be told changes names, limits or who it says it is.
    let is_setting = class == Class::Session && !crate::effects::is_harmless_setting(view);
    let class = if is_setting { Class::Account } else { class };
    let wall = if class == Class::Define && view.is(0, "ALTER") { moved_wall(rest) } else { "" };
    Act::new(class, format!("{}_{kind}{wall}", verb(view, rest)))
}

/// The verb, as far as it matters to whoever had the object before.
fn verb(view: View<'_>, rest: View<'_>) -> &'static str {
    match view.word(0).as_str() {
        "CREATE" if is_clone(rest) => "clone",
        "CREATE" if view.is(1, "OR") && view.is(2, "REPLACE") => "replace",
        "CREATE" if view.is(1, "OR") && view.is(2, "ALTER") => "create_or_alter",
        "CREATE" | "DEFINE" => "create",
        "ALTER" if is_swap(rest) => "swap",
        "ALTER" => "alter",
        "DROP" => "drop",
        _ => "undrop",
    }
}

/// `… t SWAP WITH u`.
fn is_swap(rest: View<'_>) -> bool {
    (1..rest.tokens.len()).any(|at| rest.is(at, "SWAP") && rest.is(at + 1, "WITH"))
}

/// `… t CLONE u`: behind the name, before what the object is made of, and with a name behind it.
fn is_clone(rest: View<'_>) -> bool {
    let made_of = (0..rest.tokens.len())
        .find(|at| rest.is_symbol(*at, "(") || rest.is_any(*at, &["AS", "LIKE"]))
        .unwrap_or(rest.tokens.len());
    let is_name = |at: usize| {
        rest.tokens.get(at).is_some_and(|token| matches!(token.kind, Lexeme::Word | Lexeme::Quoted))
    };
    (1..made_of).any(|at| rest.is(at, "CLONE") && is_name(at + 1))
}

/// `CREATE SNOWFLAKE.ML.FORECAST …`: an instance of a class of Snowflake's.
fn class_instance(object: View<'_>) -> Option<Class> {
    if !(object.is(0, "SNOWFLAKE") && object.is_symbol(1, ".") && object.is_symbol(3, ".")) {
        return None;
    }
    Some(match object.word(2).as_str() {
        "ML" | "DATA_PRIVACY" => Class::Define,
        // Budgets, and whatever will be added to them.
        "CORE" => Class::Account,
        _ => Class::Opaque,
    })
}

/// The class that follows from the kind of object, and in how many words it is written: the longest that fits.
fn reach(object: View<'_>) -> (Class, usize) {
    let fits = |words: &[&str]| words.iter().enumerate().all(|(at, word)| object.is(at, word));
    let longest = |kinds: &[&[&str]]| kinds.iter().filter(|words| fits(words)).map(|words| words.len()).max();
    let session: [&[&str]; 1] = [&["SESSION"]];
    let found = [
        (Class::Account, longest(&ACCOUNT)),
        (Class::Export, longest(&EXPORT)),
        (Class::Call, longest(&CALL)),
        (Class::Define, longest(&DEFINE)),
        (Class::Session, longest(&session)),
    ];
    let longest = found.into_iter().filter_map(|(class, length)| Some((class, length?)));
    match longest.max_by_key(|(_, length)| *length) {
        Some(found) => found,
        // An object of a kind that nobody knows may be a channel.
        None => (Class::Opaque, usize::from(!object.word(0).is_empty())),
    }
}

/// What makes a plain definition stricter: a channel out of the account, a share, a copy elsewhere.
fn side_channels(view: View<'_>, rest: View<'_>, kind: &str) -> Class {
    let is_value = |at: usize| {
        ["=", "("].iter().any(|symbol| rest.is_symbol(at, symbol))
            || rest.tokens.get(at).is_some_and(|token| matches!(token.kind, Lexeme::Text | Lexeme::Dollar))
    };
    let sets = |name: &str| (0..rest.tokens.len()).any(|at| rest.is(at, name) && is_value(at + 1));
    let is_outside = match kind {
        // Where a stage lies; DROP and DESCRIBE of it tell nothing of it.
        "stage" => ["URL", "STORAGE_INTEGRATION", "CREDENTIALS"].iter().any(|name| sets(name)),
        "database" => {
            is_shared(rest) || is_replicated(view, rest) || sets("LINKED_CATALOG") || sets("CATALOG_SYNC")
        }
        "schema" => sets("CATALOG_SYNC"),
        // They send to a host of code, or fetch from it.
        "streamlit" | "workspace" | "notebook" => {
            view.is(0, "ALTER") && (rest.has("PUSH") || rest.has("PULL") || rest.has("FETCH"))
        }
        "git_repository" => rest.has("FETCH") || sets("ORIGIN") || sets("API_INTEGRATION"),
        "function" => {
            // Each of these says what an external function sends, and where to.
            ["API_INTEGRATION", "HEADERS", "CONTEXT_HEADERS", "REQUEST_TRANSLATOR", "RESPONSE_TRANSLATOR"]
                .iter()
                .any(|name| sets(name))
        }
        _ => false,
    };
    if is_outside { Class::Export } else { reaches_hosts(rest) }
}

/// Code that may reach any host, whatever holds it.
pub(super) fn reaches_hosts(view: View<'_>) -> Class {
    let is_told = |at: usize| {
        view.is(at, "EXTERNAL_ACCESS_INTEGRATIONS")
            && ["=", "("].iter().any(|symbol| view.is_symbol(at + 1, symbol))
    };
    if (0..view.tokens.len()).any(is_told) { Class::Export } else { Class::Show }
}

/// `CREATE DATABASE … FROM SHARE …`, `… FROM LISTING …`.
fn is_shared(rest: View<'_>) -> bool {
    ["SHARE", "LISTING"]
        .iter()
        .any(|word| rest.position(word).is_some_and(|at| at > 0 && rest.is(at - 1, "FROM")))
}

/// A database that is a copy of one elsewhere, or is copied there: `AS REPLICA OF`, `ENABLE REPLICATION TO`,
/// `ENABLE FAILOVER`, and `REFRESH` and `PRIMARY` of such a copy.
fn is_replicated(view: View<'_>, rest: View<'_>) -> bool {
    let last = rest.tokens.len().saturating_sub(1);
    rest.has("REPLICATION")
        || rest.has("FAILOVER")
        || rest.has("REPLICA")
        || (view.is(0, "ALTER") && last > 0 && rest.is_any(last, &["REFRESH", "PRIMARY"]) && !rest.has("SET"))
}

/// ALTER that puts up or takes down what guards a table: its policies, and the tags that policies hang on.
fn moved_wall(rest: View<'_>) -> &'static str {
    let mut suffix = "";
    let mut action = "";
    for at in 0..rest.tokens.len() {
        if rest.is_any(at, &["UNSET", "DROP"]) {
            action = "unset";
        } else if rest.is_any(at, &["SET", "ADD"]) {
            action = "set";
        }
        let is_policy = rest.is_any(at, &["POLICY", "POLICIES"]) && at > 0 && is_kind_of_policy(rest, at - 1);
        let is_tag = rest.is(at, "TAG") && at > 0 && rest.is_any(at - 1, &["SET", "UNSET"]);
        suffix = match (action, is_policy, is_tag) {
            ("unset", true, _) => return "_unset_policy",
            ("unset", _, true) => "_unset_tag",
            ("set", true, _) if suffix != "_unset_tag" => "_set_policy",
            ("set", _, true) if suffix.is_empty() => "_set_tag",
            _ => suffix,
        };
    }
    suffix
}

fn is_kind_of_policy(rest: View<'_>, at: usize) -> bool {
    rest.is_any(at, &["MASKING", "ACCESS", "AGGREGATION", "PROJECTION", "JOIN", "PRIVACY", "LIFECYCLE"])
}

#[cfg(test)]
mod tests {
    use crate::class::act;
    use crate::lexer::significant;

    #[track_caller]
    fn check(text: &str, class: &str, kind: &str) {
        let act = act(text, &significant(text).unwrap());
        assert_eq!((act.class.as_str(), act.kind.as_str()), (class, kind), "{text}");
    }

    #[test]
    fn the_kind_of_object_tells_how_far_a_definition_reaches() {
        for (text, class, kind) in [
            ("create table t (a int)", "define", "create_table"),
            ("create or replace transient table t as select 1", "define", "replace_table"),
            ("create table t clone u", "define", "clone_table"),
            ("create or replace secure view v as select 1", "define", "replace_view"),
            ("create stage s", "define", "create_stage"),
            ("create stage s url = 's3://x'", "export", "create_stage"),
            ("create external table t (a int)", "export", "create_external_table"),
            ("create secure external function f() returns int", "export", "create_external_function"),
            ("create user u", "account", "create_user"),
            ("alter user u set rsa_public_key = 'x'", "account", "alter_user"),
            ("create database role r", "account", "create_database_role"),
            ("create database d from share a.s", "export", "create_database"),
            ("alter database d enable replication to accounts x", "export", "alter_database"),
            ("alter warehouse w suspend", "account", "alter_warehouse"),
            ("create network policy p", "account", "create_network_policy"),
            ("create security integration i", "account", "create_security_integration"),
            ("create task t as select 1", "call", "create_task"),
            ("create masking policy p as (v int) returns int -> v", "define", "create_masking_policy"),
            ("alter table t modify column c unset masking policy", "define", "alter_table_unset_policy"),
            ("alter table t drop row access policy p", "define", "alter_table_unset_policy"),
            ("alter session unset query_tag", "account", "alter_session"),
            ("alter session unset timezone", "session", "alter_session"),
            ("drop share s", "export", "drop_share"),
            ("create gizmo g", "opaque", "create_gizmo"),
            ("alter streamlit s push to 'branch'", "export", "alter_streamlit"),
            ("alter streamlit s set title = 'push'", "define", "alter_streamlit"),
            ("alter workspace w push", "export", "alter_workspace"),
            ("alter git repository r fetch", "export", "alter_git_repository"),
            (
                "create git repository r origin = 'https://x' api_integration = i",
                "export",
                "create_git_repository",
            ),
            ("drop git repository r", "define", "drop_git_repository"),
            ("alter database d set catalog_sync = 'p'", "export", "alter_database"),
            ("alter schema s set catalog_sync = 'p'", "export", "alter_schema"),
        ] {
            check(text, class, kind);
        }
    }
}
