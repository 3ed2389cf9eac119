//! What is kept before a statement moves.

use std::collections::BTreeMap;

use domain::{Class, Context, Identity, PromptGrade, Statement};
use serde::{Deserialize, Serialize};

use crate::access::GrantedRecord;
use crate::closing::Finding;
use crate::evidence::{CallRecord, WitnessRecord, weigh};

/// The opening of an exchange, version 1. Durable before the statement moves (invariant I1).
///
/// All texts in it have passed the detectors; the exact ones lie sealed, apart. `digest` is keyed, so that
/// nobody can try statements against it without the key (invariant I7).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opening {
    /// 1.
    #[serde(deserialize_with = "crate::envelope::version_1")]
    pub v: u32,
    /// `SESSION/NUMBER`.
    pub exchange: String,
    /// RFC 3339, microseconds, UTC.
    pub opened: String,
    /// `sqlapi` or `mcp`.
    pub door: String,
    /// The handle that the agent holds.
    pub handle: String,
    /// Handles of the statements of a batch, in order; empty for a single statement.
    pub children: Vec<String>,
    /// Who asks.
    pub principal: PrincipalRecord,
    /// The conversation that the client named, after the detectors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// The client's request id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// What the person asked for.
    pub prompt: PromptRecord,
    /// What its client says that the call belongs to. Absent where it says nothing, and from the first records of version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<CallRecord>,
    /// The text, sensitive literals masked.
    pub sql: String,
    /// Bytes of the exact text, where it is large and was refused by the gateway's own rules (its size, a limit, a
    /// revocation, a request id): then `sql` and the sealed text are its head alone, `bindings`, `statements` and `children`
    /// are empty, and `digest` is still over all of it. What policy allowed, held or refused is always whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sql_length: Option<u64>,
    /// `hmac-sha256:…` over text, bindings, context, count and parameters.
    pub digest: String,
    /// Whether the exact text lies sealed beside this record.
    pub sealed: bool,
    /// SHA-256 of the sealed object (of its ciphertext, so that it tells nothing of the text). Absent from the first
    /// records of version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed_digest: Option<String>,
    /// The names that it ran under.
    pub context: ContextRecord,
    /// The types of the bound values, in order of position.
    pub bindings: Vec<String>,
    /// Session parameters for this statement alone, values after the detectors; the exact ones lie sealed. Absent from the
    /// first records of version 1, and when there are none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    /// How long upstream was to work on it at most, in seconds, where the client said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u64>,
    /// The statements, in order.
    pub statements: Vec<StatementRecord>,
    /// `allow`, `hold` or `refuse`.
    pub decision: String,
    /// The rules that led to it.
    pub rules: Vec<String>,
    /// What people had granted its principal by then, where its decision depended on that. Absent where it did not, and from the
    /// first records of version 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub access: Vec<GrantedRecord>,
    /// Whether it may run and touches something that may not be seen in clear: then its failures all look alike and count
    /// against a budget. None in records that were written before there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hides_failure: Option<bool>,
    /// The digest of the policy bundle.
    pub bundle: String,
    /// The digest of the catalog snapshot.
    pub catalog: String,
    /// For a hold: why, who may decide and until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<HoldRecord>,
}

/// Who asked, as their token said.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrincipalRecord {
    /// `iss`.
    pub issuer: String,
    /// `sub`.
    pub subject: String,
    /// The program.
    pub agent: String,
    /// The human behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// Groups, sorted.
    pub groups: Vec<String>,
    /// Scopes, sorted.
    pub scopes: Vec<String>,
    /// `jti`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_id: Option<String>,
}

impl From<&Identity> for PrincipalRecord {
    fn from(identity: &Identity) -> Self {
        Self {
            issuer: identity.issuer.clone(),
            subject: identity.subject.clone(),
            agent: identity.agent.as_str().to_owned(),
            person: identity.person.as_ref().map(|person| person.as_str().to_owned()),
            groups: identity.groups.iter().cloned().collect(),
            scopes: identity.scopes.iter().cloned().collect(),
            token_id: identity.token_id.clone(),
        }
    }
}

/// What the person asked for, after the detectors.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PromptRecord {
    /// The text; none when nobody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// `P0` to `P4`, as it was decided by.
    pub grade: String,
    /// Where there are witnesses: the prompt that came with the call itself, numbered as theirs are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<u32>,
    /// Who had witnessed it by then. Absent from the first records of version 1, and where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub witnesses: Vec<WitnessRecord>,
}

impl PromptRecord {
    /// The record of a prompt whose text has passed the detectors, and that nobody has witnessed.
    pub fn new(text: Option<String>, grade: PromptGrade) -> Self {
        Self { text, grade: grade.as_str().to_owned(), declared: None, witnesses: Vec::new() }
    }
}

/// The names that a statement ran under.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContextRecord {
    /// Role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Warehouse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warehouse: Option<String>,
    /// Database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// Schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
}

impl From<&Context> for ContextRecord {
    fn from(context: &Context) -> Self {
        Self {
            role: context.role.clone(),
            warehouse: context.warehouse.clone(),
            database: context.database.clone(),
            schema: context.schema.clone(),
        }
    }
}

/// One statement, as it was read.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatementRecord {
    /// The class, see [`Class::as_str`].
    pub class: String,
    /// The verb.
    pub kind: String,
    /// Objects read.
    pub reads: Vec<String>,
    /// Objects written.
    pub writes: Vec<String>,
    /// Columns tested, as `object.column:how`.
    pub tests: Vec<String>,
    /// Functions that policy had to know of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<String>,
    /// Why it could not be read fully.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl From<&Statement> for StatementRecord {
    fn from(statement: &Statement) -> Self {
        let tests = &statement.lineage.tests;
        Self {
            class: statement.class.as_str().to_owned(),
            kind: statement.kind.as_str().to_owned(),
            reads: statement.footprint.reads.iter().map(ToString::to_string).collect(),
            writes: statement.footprint.writes.iter().map(ToString::to_string).collect(),
            tests: tests.iter().map(|test| format!("{}:{}", test.column, test.how.as_str())).collect(),
            functions: statement.functions.iter().map(|function| function.name.to_string()).collect(),
            why: statement.why.map(str::to_owned),
        }
    }
}

impl Opening {
    /// What did not fit together of what was known of its prompt by then. Its closing tells the same, with what came of it.
    pub fn findings(&self) -> Vec<Finding> {
        let PromptRecord { declared, witnesses, .. } = &self.prompt;
        weigh(*declared, witnesses, false).map(|(_, findings)| findings).unwrap_or_default()
    }

    /// The strictest class of its statements, by its word; `opaque` when it holds none.
    pub fn class(&self) -> &'static str {
        let known =
            |word: &str| Class::ALL.into_iter().find(|class| class.as_str() == word).unwrap_or(Class::Opaque);
        self.statements
            .iter()
            .map(|statement| known(&statement.class))
            .max()
            .unwrap_or(Class::Opaque)
            .as_str()
    }
}

/// Why a statement waits, and for whom.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoldRecord {
    /// The reason that the agent was told.
    pub reason: String,
    /// Groups whose members may decide.
    pub reviewers: Vec<String>,
    /// How many distinct people must say yes; absent: one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub people: Option<u32>,
    /// RFC 3339: silence until then denies.
    pub expires: String,
}
