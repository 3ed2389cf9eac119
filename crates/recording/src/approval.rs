//! The steps of an approval: who was asked, told and shown, what they said, and what was spent.

use std::collections::BTreeSet;

use domain::{Agent, Person, Refusal, Reviewer, ReviewerKey, Timestamp};
use serde::{Deserialize, Serialize};

use crate::access::{AccessRecord, GrantedRecord};
use crate::opening::{ContextRecord, Opening, StatementRecord};
use crate::standing::StandingRecord;

/// One step of a held exchange's approval, version 1: `….approval-0000.json`, counted from 0 without gaps, each written
/// once.
///
/// **The steps are the state.** Nothing else says where an approval stands: it is what [`Trail`](crate::Trail) makes of
/// its steps by the rule of [`domain::Approval`]. Whoever wants to move it on writes the next number, and who finds that
/// taken has lost and reads again. So an approval has one outcome, and it is always recorded.
///
/// Step 0 is `asked`. A later `asked` begins anew, because policy changed between the yes and the run: the first
/// approval's links are void. Each step carries the digest of the one before, step 0 that of the opening. A closing of
/// an exchange with steps names the digest of the last ([`Closing::approval`](crate::Closing)).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovalStep {
    /// 1.
    #[serde(deserialize_with = "crate::envelope::version_1")]
    pub v: u32,
    /// `SESSION/NUMBER`.
    pub exchange: String,
    /// Which step, from 0.
    pub step: u32,
    /// RFC 3339, microseconds, UTC.
    pub at: String,
    /// The digest of the step before; of the opening for step 0.
    pub after: String,
    /// What happened.
    pub what: StepRecord,
}

/// Whoever was told has stayed silent.
pub const REMINDER: &str = "reminder";

/// The first group has stayed silent, and the second is told.
pub const SECOND: &str = "second";

/// What happened to an approval.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[expect(clippy::large_enum_variant, reason = "a trail holds few steps, and each begins with the large one")]
pub enum StepRecord {
    /// It waits for people.
    Asked(AskedRecord),
    /// Reviewers were told.
    Told {
        /// By what way: `terminal`, `mail`; `none` when nobody of these could be reached by any.
        way: String,
        /// Who, where the way knows names; sorted.
        reviewers: Vec<String>,
        /// Who could not be told this time, sorted: it is tried again, a few times.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        failed: Vec<String>,
        /// Why now, each once an approval: [`REMINDER`] or [`SECOND`]. None at first, and where it is tried again. One that names
        /// nobody tells that nobody could be reached for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// A reviewer was shown the exact text.
    Viewed {
        /// Who.
        by: ReviewerRecord,
    },
    /// A reviewer decided.
    Decided {
        /// Who.
        by: ReviewerRecord,
        /// `approve` or `deny`.
        verdict: String,
        /// Why, in their words, after the detectors.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// With a yes to what is to run: what it allows for later ones, once as many people as it needs have said yes to the
        /// same.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        terms: Option<StandingRecord>,
    },
    /// A reviewer who is about to approve wants it to stand for later ones, too. The first records of version 1 tell so what a
    /// verdict tells itself since then.
    Standing {
        /// Who.
        by: ReviewerRecord,
        /// What it allows, once as many people as it needs have said yes to the same.
        terms: StandingRecord,
    },
    /// A standing approval allows it.
    Issued {
        /// The approval that made the standing one.
        standing: String,
        /// The object that tells of this use ([`StandingStep`](crate::StandingStep)).
        made: String,
        /// Rows of its result at most.
        rows: u64,
        /// Who has said yes to the standing one.
        by: Vec<ReviewerRecord>,
    },
    /// Silence denied it, or nobody spent the grant in time.
    Expired {},
    /// Its agent cancelled.
    Withdrawn {},
    /// Policy, a revocation or the way to the reviewers says no by now.
    Overruled {
        /// The word of [`domain::RefusalCode`].
        reason: String,
        /// The sentence that the agent was told.
        message: String,
        /// The rules that led to it, where policy was asked again.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        rules: Vec<String>,
        /// The policy bundle that was asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bundle: Option<String>,
    },
    /// It was spent: the stored text is about to run, or the leave to read is in force from now on.
    Spent {
        /// The policy bundle that the statement was decided by again.
        bundle: String,
        /// The rules that held it by then.
        rules: Vec<String>,
        /// The catalog snapshot that it was read against again.
        catalog: String,
        /// The upstream identity that runs it: `read`, `write` or `define`.
        tier: String,
        /// Leave to read that was in force by then ([`Opening::access`]).
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        access: Vec<GrantedRecord>,
    },
    /// The result that was kept is about to be released, exactly as it was asked for ([`AskedRecord::result`]). Nothing runs
    /// again.
    Released {
        /// The policy bundle that it was decided by again.
        bundle: String,
        /// The rules that held it by then.
        rules: Vec<String>,
        /// The catalog snapshot that its statement was read against again.
        catalog: String,
        /// Leave to read that was in force by then.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        access: Vec<GrantedRecord>,
    },
    /// A reviewer has ended the leave to read that was granted.
    Ended {
        /// Who.
        by: ReviewerRecord,
        /// Why, in their words, after the detectors.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

impl StepRecord {
    /// The word in listings and replays.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Asked(_) => "asked",
            Self::Told { .. } => "told",
            Self::Viewed { .. } => "viewed",
            Self::Decided { .. } => "decided",
            Self::Standing { .. } => "standing",
            Self::Issued { .. } => "issued",
            Self::Expired {} => "expired",
            Self::Withdrawn {} => "withdrawn",
            Self::Overruled { .. } => "overruled",
            Self::Spent { .. } => "spent",
            Self::Released { .. } => "released",
            Self::Ended { .. } => "ended",
        }
    }

    /// The step by which something that is safe to show ended it.
    pub fn overruled(refusal: &Refusal, rules: Vec<String>, bundle: Option<String>) -> Self {
        let Refusal { code, message, retry_after: _, scopes: _ } = refusal;
        Self::Overruled { reason: code.as_str().to_owned(), message: message.clone(), rules, bundle }
    }
}

/// What was asked of reviewers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskedRecord {
    /// The approval's id.
    pub approval: String,
    /// What it covers, exactly this and nothing else: the opening's keyed digest over text, bindings, role, warehouse,
    /// database, schema, count, timeout and parameters.
    pub covers: String,
    /// The names that it covers, after the detectors.
    pub context: ContextRecord,
    /// The policy bundle that held it.
    pub bundle: String,
    /// The rules that held it.
    pub rules: Vec<String>,
    /// Why it waits, as the agent was told.
    pub reason: String,
    /// Groups whose members may decide, sorted.
    pub reviewers: Vec<String>,
    /// How many distinct people must say yes, at least 1.
    pub needed: u32,
    /// RFC 3339: silence until then denies.
    pub expires: String,
    /// How reviewers must prove themselves: `development` (whoever holds the home; over the embedded warehouse alone) or
    /// `oidc`.
    pub sign_in: String,
    /// For one that begins anew: the objects that each statement reads and changes by then. The first was asked for what the
    /// opening tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub footprints: Option<Vec<FootprintRecord>>,
    /// `hmac-sha256:…` over what the catalog said of every object that the statements touch, views and what lies beneath them
    /// included: columns, types, versions, definitions. Absent where it could not be told, and from the first records of version
    /// 1: such is asked for anew once it is approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub touched: Option<String>,
    /// `hmac-sha256:…` over the same, but for the versions of what a `CREATE` of these statements makes anew and none of them
    /// reads: what must not have changed for a standing approval that was made with this to allow another. Absent from the first
    /// records of version 1: what was made with those allows nothing more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub defined: Option<String>,
    /// Keyed digests of every name of whoever asks, each as [`ReviewerRecord::marks`] has those of reviewers; sorted. Absent from
    /// the first records of version 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<String>,
    /// The views among those objects, as they were then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub views: Vec<ViewRecord>,
    /// What upstream expected of it, where anybody asked and it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<EstimateRecord>,
    /// For one that begins anew: why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<String>,
    /// For leave to read: what is asked for. Nothing runs then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<AccessRecord>,
    /// For a statement that has run: its result, which has outgrown its limit and is kept. None: it is to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<ResultRecord>,
}

/// A result that has outgrown its limit: kept, masked, and released to nobody before a person says yes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResultRecord {
    /// Rows by upstream's own count.
    pub rows: u64,
    /// Rows that are kept: fewer where it has outgrown what may be kept, too. Upstream was stopped then.
    pub kept_rows: u64,
    /// Bytes that are kept, masked and inflated.
    pub kept_bytes: u64,
    /// Rows that leave without a person.
    pub row_limit: u64,
    /// Bytes that leave without a person.
    pub byte_limit: u64,
    /// [`results_digest`](crate::results_digest) of what is kept: exactly this is released.
    pub digest: String,
}

/// What the plan of a statement says of how much it would read.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EstimateRecord {
    /// The exchange that asked for the plan, `SESSION/NUMBER`.
    pub exchange: String,
    /// Bytes to be read at most.
    pub bytes: u64,
    /// Partitions to be read at most.
    pub partitions: u64,
    /// Partitions of the tables in all.
    pub of_partitions: u64,
}

/// A view that a statement reads through.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ViewRecord {
    /// Its name, after the detectors.
    pub name: String,
    /// Its query, after the detectors; none where nobody may see it, or it is too long to keep here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<String>,
    /// Bytes of a query that is too long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
}

/// The objects of one statement.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FootprintRecord {
    /// Objects read.
    pub reads: Vec<String>,
    /// Objects written.
    pub writes: Vec<String>,
}

impl AskedRecord {
    /// What is asked about: the opening with what its statements touched when this was asked, where that was told anew.
    pub fn of(&self, opening: &Opening) -> Opening {
        let mut opening = opening.clone();
        let footprints = self.footprints.iter().flatten();
        for (statement, FootprintRecord { reads, writes }) in opening.statements.iter_mut().zip(footprints) {
            statement.reads.clone_from(reads);
            statement.writes.clone_from(writes);
        }
        opening
    }
}

impl From<&StatementRecord> for FootprintRecord {
    fn from(statement: &StatementRecord) -> Self {
        Self { reads: statement.reads.clone(), writes: statement.writes.clone() }
    }
}

/// A reviewer, as they had proven themselves at that moment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReviewerRecord {
    /// `iss`.
    pub issuer: String,
    /// `sub`.
    pub subject: String,
    /// Their name, where the proof told one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// Keyed digests of every name of theirs, proven or not, each as [`domain::folded_name`] has it; sorted. By these one person
    /// with two accounts is one, and is found again when one of the names is revoked. Absent from the first records of
    /// version 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<String>,
    /// Their groups, sorted.
    pub groups: Vec<String>,
    /// A program that acted for them; a verdict with one counts for nothing, and none is recorded as decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// How they had signed in: `development` or `oidc`.
    pub sign_in: String,
    /// When they had signed in, as their issuer said it: RFC 3339. None for `development`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_in: Option<String>,
}

impl ReviewerRecord {
    /// The record of a reviewer who signed in that way, at that moment where anybody knows it.
    pub fn new(reviewer: &Reviewer, sign_in: &str, signed_in: Option<Timestamp>) -> Self {
        // What nobody has proven is not written down: its mark is.
        let Reviewer { key, person, aliases: _, marks, groups, agent } = reviewer;
        Self {
            issuer: key.issuer.clone(),
            subject: key.subject.clone(),
            person: person.as_ref().map(|person| person.as_str().to_owned()),
            marks: marks.iter().cloned().collect(),
            groups: groups.iter().cloned().collect(),
            agent: agent.as_ref().map(|agent| agent.as_str().to_owned()),
            sign_in: sign_in.to_owned(),
            signed_in: signed_in.map(|at| at.to_string()),
        }
    }

    /// The reviewer.
    pub fn reviewer(&self) -> Reviewer {
        Reviewer {
            key: ReviewerKey { issuer: self.issuer.clone(), subject: self.subject.clone() },
            person: self.person.clone().map(Person::new),
            aliases: BTreeSet::new(),
            marks: self.marks.iter().cloned().collect(),
            groups: self.groups.iter().cloned().collect(),
            agent: self.agent.clone().map(Agent::new),
        }
    }

    /// What to call them.
    pub fn name(&self) -> &str {
        self.person.as_deref().unwrap_or(&self.subject)
    }
}
