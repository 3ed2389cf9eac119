//! CREATE, ALTER, DROP and UNDROP: the kind of object decides how far the act reaches.

use domain::Class;

use super::{Act, View};
use crate::lexer::Lexeme;

/// Words between the verb and the kind of object that change nothing about the reach.
const MODIFIERS: [&str; 16] = [
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
];

/// Kinds of object that the class follows from. Two-word kinds stand before the words that they end in.
const REACHING: [(&[&str], Class); 37] = [
    (&["SESSION", "POLICY"], Class::Account),
    (&["SESSION"], Class::Session),
    (&["DATABASE", "ROLE"], Class::Account),
    (&["APPLICATION", "ROLE"], Class::Account),
    (&["USER"], Class::Account),
    (&["ROLE"], Class::Account),
    (&["WAREHOUSE"], Class::Account),
    (&["ACCOUNT"], Class::Account),
    (&["MANAGED", "ACCOUNT"], Class::Account),
    (&["ORGANIZATION"], Class::Account),
    (&["NETWORK"], Class::Account),
    (&["AUTHENTICATION"], Class::Account),
    (&["PASSWORD"], Class::Account),
    (&["RESOURCE", "MONITOR"], Class::Account),
    (&["CONNECTION"], Class::Account),
    (&["SECRET"], Class::Account),
    (&["INTEGRATION"], Class::Account),
    (&["API", "INTEGRATION"], Class::Account),
    (&["STORAGE", "INTEGRATION"], Class::Account),
    (&["SECURITY", "INTEGRATION"], Class::Account),
    (&["NOTIFICATION", "INTEGRATION"], Class::Account),
    (&["CATALOG", "INTEGRATION"], Class::Account),
    (&["EXTERNAL", "ACCESS", "INTEGRATION"], Class::Account),
    (&["EXTERNAL", "VOLUME"], Class::Account),
    (&["COMPUTE", "POOL"], Class::Account),
    (&["EXTERNAL", "TABLE"], Class::Export),
    (&["EXTERNAL", "FUNCTION"], Class::Export),
    (&["EXTERNAL", "AGENT"], Class::Export),
    (&["SHARE"], Class::Export),
    (&["LISTING"], Class::Export),
    (&["EXTERNAL", "LISTING"], Class::Export),
    (&["ORGANIZATION", "LISTING"], Class::Export),
    (&["REPLICATION", "GROUP"], Class::Export),
    (&["FAILOVER", "GROUP"], Class::Export),
    (&["ICEBERG", "TABLE"], Class::Export),
    (&["TASK"], Class::Call),
    (&["ALERT"], Class::Call),
];

/// Kinds of object that are defined in the account's databases and reach no further.
const PLAIN: [&[&str]; 45] = [
    &["TABLE"],
    &["DYNAMIC", "TABLE"],
    &["EVENT", "TABLE"],
    &["DYNAMIC", "ICEBERG", "TABLE"],
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
    &["FEATURE", "POLICY"],
    &["TAG"],
    &["CONTACT"],
    &["INDEX"],
    &["TYPE"],
    &["MODEL"],
    &["DATASET"],
    &["NOTEBOOK"],
    &["STREAMLIT"],
    &["SERVICE"],
    &["IMAGE", "REPOSITORY"],
    &["GIT", "REPOSITORY"],
    &["APPLICATION"],
    &["AGENT"],
    &["SNAPSHOT"],
    &["WORKSPACE"],
    &["MODEL", "MONITOR"],
    &["PROVISIONED", "THROUGHPUT"],
    &["GATEWAY"],
    &["EXPERIMENT"],
];

/// Three-word kinds that sqlparser does not know and that are plain, too.
const PLAIN_NAMED: [&[&str]; 4] =
    [&["DBT", "PROJECT"], &["DCM", "PROJECT"], &["MCP", "SERVER"], &["CORTEX", "SEARCH", "SERVICE"]];

/// The act of a statement that begins with CREATE, ALTER, DROP, UNDROP or DEFINE.
pub(super) fn defining(view: View<'_>) -> Act {
    let written = view.word(0);
    let verb = match written.as_str() {
        "CREATE" if view.is(1, "OR") && view.is(2, "REPLACE") => "replace",
        "CREATE" | "DEFINE" => "create",
        "ALTER" => "alter",
        "DROP" => "drop",
        _ => "undrop",
    };
    let skipped =
        (1..view.tokens.len()).take_while(|at| MODIFIERS.contains(&view.word(*at).as_str())).count();
    let object = view.from(1 + skipped);
    let (class, length) = reach(object);
    let kind: Vec<String> = (0..length).map(|at| object.word(at).to_ascii_lowercase()).collect();
    let kind = if kind.is_empty() { "object".to_owned() } else { kind.join("_") };
    let class = class.max(side_channels(view, &kind));
    // What else a session can be told changes names, limits or who it says it is.
    let is_setting = class == Class::Session && !crate::effects::is_harmless_setting(view);
    let class = if is_setting { Class::Account } else { class };
    let verb = if verb != "drop" && view.has("CLONE") { "clone" } else { verb };
    let takes_wall_down = verb == "alter"
        && ["MASKING", "ROW", "AGGREGATION", "PROJECTION", "JOIN"]
            .iter()
            .any(|word| unsets_policy(view, word));
    Act::new(class, format!("{verb}_{kind}{}", if takes_wall_down { "_unset_policy" } else { "" }))
}

/// The class that follows from the kind of object, and in how many words it is written.
fn reach(object: View<'_>) -> (Class, usize) {
    let matches = |words: &[&str]| words.iter().enumerate().all(|(at, word)| object.is(at, word));
    let longest = |found: Option<(Class, usize)>, next: (Class, usize)| match found {
        Some(found) if found.1 >= next.1 => Some(found),
        _ => Some(next),
    };
    let reaching =
        REACHING.iter().filter(|(words, _)| matches(words)).map(|(words, class)| (*class, words.len()));
    let plain = PLAIN
        .iter()
        .chain(&PLAIN_NAMED)
        .filter(|words| matches(words))
        .map(|words| (Class::Define, words.len()));
    match reaching.chain(plain).fold(None, longest) {
        Some(found) => found,
        // An object of a kind that nobody knows may be a channel.
        None => (Class::Opaque, usize::from(!object.word(0).is_empty())),
    }
}

/// What makes a plain definition stricter: a channel out of the account, a share, code that runs later.
fn side_channels(view: View<'_>, kind: &str) -> Class {
    let has_url =
        view.tokens.iter().enumerate().any(|(at, _)| view.is(at, "URL") && view.is_symbol(at + 1, "="));
    let is_shared = view.is(view.tokens.len().saturating_sub(2), "SHARE")
        || ["SHARE", "LISTING"].iter().any(|word| {
            view.position(word)
                .is_some_and(|at| at > 0 && view.is(at - 1, "FROM") && kind.contains("database"))
        });
    let is_replicated = view.has("REPLICATION") || view.has("FAILOVER");
    let names_channel = |word: &str| {
        view.tokens.iter().enumerate().any(|(at, token)| token.kind == Lexeme::Word && view.is(at, word))
    };
    if (has_url && kind.contains("stage"))
        || (kind == "database" && (is_shared || is_replicated))
        || names_channel("EXTERNAL_ACCESS_INTEGRATIONS")
        || (kind == "function" && names_channel("API_INTEGRATION"))
    {
        return Class::Export;
    }
    Class::Show
}

/// `ALTER TABLE … UNSET MASKING POLICY`, `DROP ROW ACCESS POLICY`, and the like: takes a wall down.
fn unsets_policy(view: View<'_>, word: &str) -> bool {
    view.tokens.iter().enumerate().any(|(at, _)| {
        at > 1 && view.is(at, word) && (view.is(at - 1, "UNSET") || (view.is(at - 1, "DROP") && at > 2))
    })
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
            ("create network policy p", "account", "create_network"),
            ("create security integration i", "account", "create_security_integration"),
            ("create task t as select 1", "call", "create_task"),
            ("create masking policy p as (v int) returns int -> v", "define", "create_masking_policy"),
            ("alter table t modify column c unset masking policy", "define", "alter_table_unset_policy"),
            ("alter table t drop row access policy p", "define", "alter_table_unset_policy"),
            ("alter session unset query_tag", "account", "alter_session"),
            ("alter session unset timezone", "session", "alter_session"),
            ("drop share s", "export", "drop_share"),
            ("create gizmo g", "opaque", "create_gizmo"),
        ] {
            check(text, class, kind);
        }
    }
}
