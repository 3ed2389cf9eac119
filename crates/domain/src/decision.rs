//! What policy may depend on, and what it says.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use crate::access::Access;
use crate::asked::{Context, Door, PromptGrade};
use crate::catalog::Catalog;
use crate::identity::Identity;
use crate::ids::Digest;
use crate::mask::Treatment;
use crate::statement::Statement;

/// All that a decision may depend on.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// Who asks.
    pub identity: &'a Identity,
    /// The names to run under.
    pub context: &'a Context,
    /// What is asked.
    pub statement: &'a Statement,
    /// The snapshot that the statement was read against (column tags, types).
    pub catalog: &'a Catalog,
    /// How well the prompt is known.
    pub prompt: PromptGrade,
    /// Which protocol brought it.
    pub door: Door,
    /// What people have granted its principal beside the policies.
    pub access: Access<'a>,
}

/// The stable name of a policy rule (`@id` of a Cedar policy), or one of the built-in `gateway:…` rules.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct RuleId(String);

impl RuleId {
    /// The rule with this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A decision with what it rests on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ruling {
    /// What policy says.
    pub decision: Decision,
    /// The rules that led to it, sorted; at least one.
    pub rules: Vec<RuleId>,
    /// The digest of the policy bundle.
    pub bundle: Digest,
}

/// What policy says; never what a person says (that is a verdict).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Decision {
    /// It may run unattended.
    Allow(Grant),
    /// It must wait for a person.
    Hold(Hold),
    /// No.
    Refuse(Refusal),
}

impl Decision {
    /// `allow`, `hold` or `refuse`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Allow(_) => "allow",
            Self::Hold(_) => "hold",
            Self::Refuse(_) => "refuse",
        }
    }
}

/// Leave to run, with strings attached.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grant {
    /// The strings; always destructured.
    pub obligations: Obligations,
    /// Which upstream identity may run it.
    pub tier: Tier,
}

/// What must be done to a result before it leaves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Obligations {
    /// One treatment a result column, in order; none when the statement does not tell its columns.
    pub columns: Option<Vec<Treatment>>,
    /// What every column gets when `columns` is none: a mask, but for statements that answer metadata alone
    /// (SHOW, DESCRIBE), which nothing but the detectors changes.
    pub unforeseen: Treatment,
    /// Whether column names are made from values and must not be shown.
    pub mask_column_names: bool,
    /// How much of upstream's words about a failure may be shown.
    pub error_text: ErrorText,
    /// How much may leave, and how much may be asked.
    pub limits: Limits,
}

/// How much of upstream's words about a failed statement may be shown. The order is strictness.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum ErrorText {
    /// All of them, after the detectors.
    Shown,
    /// Those about compilation, which no stored value can have led to: the statement shows or tests something that
    /// could not be resolved, so what happens while it runs may tell values.
    CompilationOnly,
    /// None: the statement shows or tests a column that may not be seen in clear, and every failure of it must look
    /// the same.
    Hidden,
}

impl ErrorText {
    /// Whether the statement touches something that may not be seen in clear, or that nobody knows: whatever is not
    /// told of its failure is a hidden failure.
    pub const fn hides(self) -> bool {
        match self {
            Self::Shown => false,
            Self::CompilationOnly | Self::Hidden => true,
        }
    }
}

/// How much one principal may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Rows of one result; a result that outgrows it is not released unless a person says yes.
    pub rows: u64,
    /// Bytes of one result, masked and inflated; likewise.
    pub bytes: u64,
    /// So many rows of a result that outgrows its limit are kept for a person to decide on. Not above `rows`: it is refused.
    pub rows_if_approved: u64,
    /// So many bytes of it, masked and inflated, likewise.
    pub bytes_if_approved: u64,
    /// Statements under way at once.
    pub at_once: u32,
    /// Statements opened within any minute.
    pub per_minute: u32,
    /// Upstream seconds within any hour.
    pub upstream_seconds_per_hour: u64,
    /// How long upstream may work on one statement.
    pub statement_seconds: u64,
    /// Failures within any hour of statements that touch what may not be seen in clear ([`ErrorText::hides`]). A failure
    /// tells something of the values that led to it, so when these are spent, such statements wait for a person.
    pub hidden_failures_per_hour: u32,
    /// Statements within any hour that ask people to decide, whatever becomes of them.
    pub asks_per_hour: u32,
}

/// Which upstream identity runs a statement (decision 6).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Tier {
    /// May read.
    Read,
    /// May write rows.
    Write,
    /// May define objects.
    Define,
}

impl Tier {
    /// `read`, `write` or `define`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Define => "define",
        }
    }
}

/// Why a statement must wait, and for whom.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hold {
    /// A sentence that is safe to show to the agent and the reviewer.
    pub reason: String,
    /// Groups whose members may decide.
    pub reviewers: Vec<String>,
    /// How many distinct people must say yes.
    pub people: NonZeroU32,
    /// After how long silence denies.
    pub expires_after: Duration,
    /// What it may do once a person has said yes.
    pub grant: Grant,
}

/// A no that is safe to show.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// What kind of no.
    pub code: RefusalCode,
    /// A public sentence: which rule, what to change, whom to ask. No values, at most 1 kB.
    pub message: String,
    /// When asking again makes sense.
    pub retry_after: Option<Duration>,
    /// For [`RefusalCode::Scope`], every OAuth scope that a token needs for this; else empty.
    pub scopes: Vec<String>,
}

/// What kind of no, with the codes that Snowflake's clients understand (Snowflake error codes; SQLSTATE).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RefusalCode {
    /// Policy says no.
    Policy,
    /// This principal has asked for too much, too fast.
    Budget,
    /// The result outgrew its limit and is not released, or the text is longer than is read.
    TooLarge,
    /// The principal, agent, person or session was revoked.
    Revoked,
    /// The leave to read that it was decided by has ended.
    AccessEnded,
    /// The statement was cancelled by its agent.
    Cancelled,
    /// A reviewer said no, or nobody could be asked.
    Denied,
    /// Nobody decided in time.
    Expired,
    /// What was read is no longer what ran: a classified object changed meanwhile.
    Contradiction,
    /// A repeated request id with other content.
    RequestReused,
    /// The text holds another number of statements than was said.
    StatementCount,
    /// The access token lacks an OAuth scope that this needs.
    Scope,
}

impl RefusalCode {
    /// The numeric code that Snowflake's drivers parse; ours lie at 0990xx where Snowflake has no fitting one.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Policy => "003001",
            Self::Budget => "099002",
            Self::TooLarge => "099003",
            Self::Revoked => "099004",
            Self::Cancelled => "000604",
            Self::Denied => "099005",
            Self::Expired => "099006",
            Self::Contradiction => "099007",
            Self::RequestReused => "099008",
            Self::AccessEnded => "099011",
            Self::StatementCount => "000008",
            Self::Scope => "099010",
        }
    }

    /// The SQLSTATE.
    pub const fn sqlstate(self) -> &'static str {
        match self {
            Self::Policy | Self::Revoked | Self::AccessEnded | Self::Denied | Self::Scope => "42501",
            Self::Budget => "53400",
            Self::TooLarge => "54000",
            Self::Cancelled | Self::Expired => "57014",
            Self::Contradiction | Self::StatementCount => "0A000",
            Self::RequestReused => "22023",
        }
    }

    /// The word in recordings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Budget => "budget",
            Self::TooLarge => "too_large",
            Self::Revoked => "revoked",
            Self::AccessEnded => "access_ended",
            Self::Cancelled => "cancelled",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Contradiction => "contradiction",
            Self::RequestReused => "request_reused",
            Self::StatementCount => "statement_count",
            Self::Scope => "scope",
        }
    }

    /// The code with that word in recordings.
    pub fn from_word(word: &str) -> Option<Self> {
        [
            Self::Policy,
            Self::Budget,
            Self::TooLarge,
            Self::Revoked,
            Self::AccessEnded,
            Self::Cancelled,
            Self::Denied,
            Self::Expired,
            Self::Contradiction,
            Self::RequestReused,
            Self::StatementCount,
            Self::Scope,
        ]
        .into_iter()
        .find(|code| code.as_str() == word)
    }
}
