//! The state of an exchange that is under way: enough to resume it in any process (invariant I10).

use std::time::Duration;

use domain::{ErrorText, ExchangeId, Handle, Limits, Obligations, PrincipalKey, Tier, Timestamp, Treatment};
use recording::{ColumnRecord, Finding, FoundRecord, PageRecord, PartRecord, RecordKey, TreatmentRecord};
use serde::{Deserialize, Serialize};

use crate::ports::UpstreamHandle;

/// A live exchange. Stores keep it as the JSON of this type beside the few fields that they index; it holds no
/// clear text, and no value but masked pages that are small enough to lie inside the closing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Live {
    /// The day of the opening.
    pub day: String,
    /// `SESSION/NUMBER`.
    pub exchange: String,
    /// The principal's key.
    pub principal: String,
    /// The handle that the agent holds.
    pub handle: String,
    /// Handles of the statements of a batch, in order; empty for a single statement.
    pub children: Vec<String>,
    /// Microseconds since 1970.
    pub opened_us: i64,
    /// The digest that the opening carries.
    pub opening: String,
    /// The digest of the bundle that it was decided by; an earlier version has stored none.
    #[serde(default)]
    pub bundle: Option<String>,
    /// One plan a statement.
    pub parts: Vec<PartPlan>,
    /// How much of upstream's words about a failure may be shown.
    pub error_text: ShownErrors,
    /// Whether it is a hidden failure as far as anybody can tell: it touches something that may not be seen in clear, and
    /// no closing has told that it is none. See [`Live::is_hidden_failure`].
    #[serde(default = "until_told")]
    pub hidden_failure: bool,
    /// Which upstream identity runs it.
    pub tier: String,
    /// Rows of the whole exchange.
    pub row_limit: u64,
    /// Bytes of the whole exchange, masked and inflated.
    pub byte_limit: u64,
    /// How long it may take (microseconds): upstream is told so, and masking may take as long again. None in what earlier
    /// versions have stored.
    #[serde(default)]
    pub timeout_us: Option<u64>,
    /// So many rows are kept for a person to decide on, where it outgrows `row_limit`. None in what earlier versions have stored.
    #[serde(default)]
    pub row_ceiling: u64,
    /// So many bytes, where it outgrows `byte_limit`.
    #[serde(default)]
    pub byte_ceiling: u64,
    /// The classified objects that it reads, as they were when it was read.
    pub touched: Vec<Touched>,
    /// Objects that it reads, after the detectors.
    pub reads: Vec<[String; 3]>,
    /// Objects that it changes, after the detectors, to be forgotten by the catalog.
    pub writes: Vec<[String; 3]>,
    /// What was remarkable so far.
    pub findings: Vec<Finding>,
    /// Microseconds spent waiting for upstream so far.
    pub upstream_us: u64,
    /// Microseconds spent masking so far.
    pub masking_us: u64,
    /// Since when upstream has been out of reach or busy (microseconds since 1970); none while it answers.
    #[serde(default)]
    pub troubled_us: Option<i64>,
    /// For one that is held, or was: its approval. None in what earlier versions have stored.
    #[serde(default)]
    pub approval: Option<LiveApproval>,
    /// What people had granted that it was decided by. None in what earlier versions have stored.
    #[serde(default)]
    pub access: Vec<LiveAccess>,
    /// Its result, where that has outgrown its limit and waits for a person.
    #[serde(default)]
    pub kept: Option<Kept>,
    /// For one that was found again by its opening: the digest of the terms that it was answered under, where its claim has kept
    /// one. None in all others, whose plans tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<String>,
    /// Where it stands.
    pub stage: Stage,
}

/// A result that waits for a person: every page of it is stored, masked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Kept {
    /// As the closing will tell it.
    pub parts: Vec<PartRecord>,
}

/// The approval of an exchange, as far as its live state knows it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LiveApproval {
    /// Its id.
    pub id: String,
    /// The digest of the last step that was seen: what a closing names.
    pub step: String,
}

/// Leave to read that an exchange was decided by: nothing of it is shown once that has ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LiveAccess {
    /// The approval that it was granted with.
    pub id: String,
    /// Its end (microseconds since 1970).
    pub until_us: i64,
}

/// What an earlier version has stored may be a hidden failure.
const fn until_told() -> bool {
    true
}

/// How much of upstream's words about a failure may be shown, see [`ErrorText`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum ShownErrors {
    /// All, after the detectors.
    All,
    /// Those about compilation.
    Compilation,
    /// None.
    None,
}

impl From<ErrorText> for ShownErrors {
    fn from(error_text: ErrorText) -> Self {
        match error_text {
            ErrorText::Shown => Self::All,
            ErrorText::CompilationOnly => Self::Compilation,
            ErrorText::Hidden => Self::None,
        }
    }
}

/// What was decided about one statement's columns.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PartPlan {
    /// The names that upstream should answer, after the detectors; none inside where the text does not tell; none at
    /// all when the columns are unknown.
    pub names: Option<Vec<Option<String>>>,
    /// What the stored columns are called that each column shows as they are, after the detectors; none where no column has
    /// another name than what it shows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stored_names: Vec<Vec<String>>,
    /// One treatment a column; none when the columns are unknown.
    pub columns: Option<Vec<TreatmentRecord>>,
    /// What every column gets then.
    pub unforeseen: TreatmentRecord,
    /// Whether column names must not be shown.
    pub mask_column_names: bool,
    /// For columns that show a stored column as it is: where they come from (database, schema, object, column,
    /// wire name of the type).
    pub origins: Option<Vec<Option<[String; 5]>>>,
}

/// An object with the version that it had.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Touched {
    /// Database, schema, object.
    pub object: [String; 3],
    /// Its version in the snapshot.
    pub version: i64,
}

/// Where an exchange stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Stage {
    /// Waits for a person, until then (microseconds since 1970).
    Held {
        /// Silence until then denies.
        expires_us: i64,
        /// The reason that the agent was told.
        reason: String,
        /// When to look at it, whatever nobody says (microseconds since 1970). None in what earlier versions have stored:
        /// when it expires.
        #[serde(default)]
        look_us: Option<i64>,
        /// Whether nobody has been asked yet, because a standing approval may cover it: for its agent it merely runs.
        #[serde(default)]
        is_unasked: bool,
    },
    /// Opened; not known to have reached upstream.
    Opened,
    /// Runs upstream.
    Running {
        /// Upstream's word for it.
        upstream: String,
    },
    /// Has answered; rows are being fetched, masked and stored.
    Fetching {
        /// Upstream's word for it.
        upstream: String,
        /// One entry a statement.
        parts: Vec<PartProgress>,
    },
    /// Closed: the closing tells the rest.
    Closed,
}

/// How far one statement's rows have come.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PartProgress {
    /// Snowflake's id of the statement.
    pub query_id: String,
    /// What upstream answered (names, types), to bind the same plan again; origins are not kept.
    pub answered: Vec<ColumnRecord>,
    /// Whether the answer contradicted the plan, so that everything is masked.
    pub contradicted: bool,
    /// Rows that upstream says there are.
    pub rows: u64,
    /// Rows of each partition.
    pub partitions: Vec<u64>,
    /// What is stored so far.
    pub fetched: Fetched,
}

/// What of one statement's rows is stored.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Fetched {
    /// The partition to go on with.
    pub partition: u64,
    /// Rows of that partition that lie in pages already.
    pub partition_rows: u64,
    /// Rows stored in all.
    pub rows: u64,
    /// Bytes stored in all, inflated.
    pub bytes: u64,
    /// Cells masked by lineage, of the partitions before the one to go on with: that one is counted again.
    pub masked_by_lineage: u64,
    /// Cells in which a detector found something, likewise.
    pub masked_by_content: u64,
    /// What in the cells tried to act on its reader, likewise; an earlier version counted none.
    #[serde(default)]
    pub acts: Acts,
    /// What was found column by column, likewise.
    #[serde(default)]
    pub found: Vec<FoundRecord>,
    /// The pages, in order.
    pub pages: Vec<PageRecord>,
}

/// How often something in the cells tried to act on whoever reads them, as far as the bundle asks (`[results]`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Acts {
    /// Text that tells its reader what to do.
    pub instructions: u64,
    /// Runs of characters that nobody sees.
    pub hidden_text: u64,
    /// Links and images in Markdown.
    pub links: u64,
}

impl Acts {
    pub(crate) const fn add(self, other: Self) -> Self {
        Self {
            instructions: self.instructions.saturating_add(other.instructions),
            hidden_text: self.hidden_text.saturating_add(other.hidden_text),
            links: self.links.saturating_add(other.links),
        }
    }

    /// One finding each, with its count.
    pub(crate) fn findings(self) -> impl Iterator<Item = Finding> {
        let Self { instructions, hidden_text, links } = self;
        [
            ("instructions_in_results", instructions, "text that tells its reader what to do"),
            ("hidden_text_in_results", hidden_text, "characters that nobody sees"),
            ("links_in_results", links, "the target of a Markdown link or image"),
        ]
        .into_iter()
        .filter(|(_, count, _)| *count > 0)
        .map(|(what, count, text)| Finding {
            what: what.to_owned(),
            detail: format!("{text}, {count} times in the cells"),
        })
    }
}

impl Live {
    /// The exchange; none when the stored text is damaged.
    pub fn exchange(&self) -> Option<ExchangeId> {
        self.exchange.parse().ok()
    }

    /// Where its records lie; none when the stored text is damaged.
    pub fn key(&self) -> Option<RecordKey> {
        Some(RecordKey::new(self.day.clone(), self.exchange()?))
    }

    /// The handle; none when the stored text is damaged.
    pub fn handle(&self) -> Option<Handle> {
        self.handle.parse().ok()
    }

    /// Whose it is.
    pub fn principal(&self) -> PrincipalKey {
        PrincipalKey::from_stored(self.principal.clone())
    }

    /// When it was opened.
    pub fn opened(&self) -> Timestamp {
        Timestamp::from_micros(self.opened_us)
    }

    /// Which part a handle names: all of the exchange for its own, one statement for a child's.
    pub fn part_of(&self, handle: Handle) -> Option<usize> {
        let text = handle.to_string();
        self.children.iter().position(|child| *child == text)
    }

    /// Whether it has ended.
    pub fn is_closed(&self) -> bool {
        matches!(self.stage, Stage::Closed)
    }

    /// For one that waits for a person: when to look at it, whatever nobody says.
    pub fn look(&self) -> Option<Timestamp> {
        match &self.stage {
            Stage::Held { expires_us, look_us, .. } => {
                Some(Timestamp::from_micros(look_us.unwrap_or(*expires_us)))
            }
            Stage::Opened | Stage::Running { .. } | Stage::Fetching { .. } | Stage::Closed => None,
        }
    }

    /// Whether it waits for a person, and not merely for a standing approval to be looked up.
    pub fn waits_for_a_person(&self) -> bool {
        match self.stage {
            Stage::Held { is_unasked, .. } => !is_unasked,
            Stage::Opened | Stage::Running { .. } | Stage::Fetching { .. } | Stage::Closed => false,
        }
    }

    /// Whether nobody was asked yet, because a standing approval may cover it.
    pub(crate) fn is_unasked(&self) -> bool {
        matches!(self.stage, Stage::Held { is_unasked: true, .. })
    }

    /// Whether all that is known of it is its opening: nothing can be released from this ([`orphan`](crate::orphan)).
    pub(crate) fn is_found_again(&self) -> bool {
        matches!(self.stage, Stage::Opened) && self.parts.is_empty()
    }

    /// Which upstream identity runs it; an unknown word is the weakest.
    pub(crate) fn tier(&self) -> Tier {
        tier_named(&self.tier)
    }

    /// Whether it counts against the budget of hidden failures as it stands. One that is under way does: if nobody ever
    /// tells how it ended, it has failed.
    pub fn is_hidden_failure(&self) -> bool {
        match self.stage {
            // What waits for a person has not run.
            Stage::Held { .. } => false,
            Stage::Opened | Stage::Running { .. } | Stage::Fetching { .. } | Stage::Closed => {
                self.hidden_failure
            }
        }
    }

    /// Whether it changes any object that it names. What a call or a block changes is named by nobody.
    pub(crate) fn is_a_write(&self) -> bool {
        !self.writes.is_empty()
    }

    /// Snowflake's id of its (first) statement, once that has answered.
    pub(crate) fn query_id(&self) -> Option<String> {
        match &self.stage {
            Stage::Fetching { parts, .. } => parts.first().map(|part| part.query_id.clone()),
            Stage::Held { .. } | Stage::Opened | Stage::Running { .. } | Stage::Closed => None,
        }
    }

    /// Upstream's word for it, where it has reached upstream.
    pub fn upstream(&self) -> Option<UpstreamHandle> {
        match &self.stage {
            Stage::Running { upstream } | Stage::Fetching { upstream, .. } => {
                Some(UpstreamHandle { tier: self.tier(), text: upstream.clone() })
            }
            Stage::Held { .. } | Stage::Opened | Stage::Closed => None,
        }
    }
}

/// The tier with that word; an unknown word is the weakest.
fn tier_named(word: &str) -> Tier {
    [Tier::Write, Tier::Define].into_iter().find(|tier| tier.as_str() == word).unwrap_or(Tier::Read)
}

impl PartPlan {
    /// The obligations as masking takes them.
    pub fn obligations(&self, limits: Limits) -> Obligations {
        Obligations {
            columns: self.columns.as_ref().map(|columns| columns.iter().map(Treatment::from).collect()),
            unforeseen: Treatment::from(&self.unforeseen),
            mask_column_names: self.mask_column_names,
            error_text: ErrorText::Hidden,
            limits,
        }
    }
}

pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
