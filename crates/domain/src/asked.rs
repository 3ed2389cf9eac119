//! What was asked, in every door's words at once.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::identity::Credential;
use crate::ids::RequestId;
use crate::statement::Effect;

/// Which protocol brought the statement.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Door {
    /// Snowflake's SQL API v2.
    SqlApi,
    /// The Model Context Protocol over Streamable HTTP.
    Mcp,
}

impl Door {
    /// The name that recordings carry.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SqlApi => "sqlapi",
            Self::Mcp => "mcp",
        }
    }

    /// The door with that name.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::SqlApi, Self::Mcp].into_iter().find(|door| door.as_str() == word)
    }
}

/// The names that a statement runs under; each is part of the case, and policy must grant it.
///
/// Names are as Snowflake stores them: upper case unless they were quoted at creation.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Context {
    /// The Snowflake role.
    pub role: Option<String>,
    /// The warehouse that computes.
    pub warehouse: Option<String>,
    /// Where unqualified names are looked up.
    pub database: Option<String>,
    /// The schema in that database.
    pub schema: Option<String>,
}

impl Context {
    /// Takes over what a statement changes about it: the one place that says what USE means.
    pub fn pass(&mut self, effect: &Effect) {
        match effect {
            Effect::UseRole(role) => self.role = Some(role.clone()),
            Effect::UseWarehouse(warehouse) => self.warehouse = Some(warehouse.clone()),
            Effect::UseDatabase(database) => {
                // Snowflake moves to the database's PUBLIC schema.
                self.database = Some(database.clone());
                self.schema = Some("PUBLIC".to_owned());
            }
            Effect::UseSchema { database, schema } => {
                if let Some(database) = database {
                    self.database = Some(database.clone());
                }
                self.schema = Some(schema.clone());
            }
            Effect::SetVariable { .. } | Effect::Unknown => {}
        }
    }
}

/// One bound value.
#[derive(Clone, PartialEq, Eq)]
pub struct Binding {
    /// Upper-case Snowflake type (`FIXED`, `TEXT`, …).
    pub kind: String,
    /// The value in its wire spelling; none is SQL NULL.
    pub value: Option<String>,
}

impl fmt::Debug for Binding {
    // SECURITY: a bound value is a cell value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Binding({} …)", self.kind)
    }
}

/// Bound values by position, counting from 1.
pub type Bindings = BTreeMap<u32, Binding>;

/// How well the prompt behind a statement is known.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub enum PromptGrade {
    /// None: nobody said.
    #[default]
    P0,
    /// Declared by the agent, or sent under a credential that the agent holds.
    P1,
    /// Seen by a hook or client telemetry with a credential of its own.
    P2,
    /// Two evidence channels with different credentials agree.
    P3,
    /// The model provider saw the same tool use.
    P4,
}

impl PromptGrade {
    /// `P0` to `P4`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::P0 => "P0",
            Self::P1 => "P1",
            Self::P2 => "P2",
            Self::P3 => "P3",
            Self::P4 => "P4",
        }
    }

    /// What it says, in a few words. P4 never says that a person typed it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::P0 => "nobody said",
            Self::P1 => "the agent's own word, or a guess, or contradicted",
            Self::P2 => "seen by one channel with a credential of its own",
            Self::P3 => "two channels with different credentials agree",
            Self::P4 => "what the model received and produced, as its provider saw it",
        }
    }

    /// The grade with that word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::P0, Self::P1, Self::P2, Self::P3, Self::P4].into_iter().find(|grade| grade.as_str() == word)
    }
}

/// What the person asked for, as far as we were told.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Prompt {
    /// The text; none when nobody said.
    pub text: Option<String>,
    /// How well it is known.
    pub grade: PromptGrade,
}

impl fmt::Debug for Prompt {
    // SECURITY: people type secrets into prompts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prompt({} …)", self.grade.as_str())
    }
}

/// What a client says that its call belongs to. Anybody can say it: it finds evidence, and proves nothing.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Clues {
    /// The model's id of the tool use.
    pub tool_use: Option<String>,
    /// The trace, 32 lower-case hexadecimal digits (W3C Trace Context).
    pub trace: Option<String>,
    /// A word that its client sent with the evidence, too.
    pub word: Option<String>,
}

impl fmt::Debug for Clues {
    // SECURITY: clients choose them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clues(…)")
    }
}

/// One statement, or one batch, as a door understood it. From here on nobody says "request".
#[derive(Clone)]
pub struct Asked {
    /// Which protocol brought it.
    pub door: Door,
    /// What proves who asks.
    pub credential: Credential,
    /// The client's word for the conversation that this belongs to; groups exchanges within a principal.
    pub conversation: Option<String>,
    /// The client's name for this logical request.
    pub request: Option<RequestId>,
    /// The exact text.
    pub text: SqlText,
    /// Bound values.
    pub bindings: Bindings,
    /// The names to run under.
    pub context: Context,
    /// How many statements the text holds: exactly so many, or any number when it is zero.
    pub statement_count: u32,
    /// Session parameters for this statement alone, already allow-listed by the door; upper-case names.
    pub parameters: BTreeMap<String, String>,
    /// How long upstream may work on it.
    pub timeout: Option<Duration>,
    /// What the person asked for.
    pub prompt: Prompt,
    /// What its evidence is found by.
    pub clues: Clues,
}

impl fmt::Debug for Asked {
    // SECURITY: nearly all of it is the client's, and may hold anything.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Asked({} …)", self.door.as_str())
    }
}

/// The exact text of a statement. It can be read, run and sealed, but not printed: it may hold literals that
/// must not reach a log.
#[derive(Clone, PartialEq, Eq)]
pub struct SqlText(String);

impl SqlText {
    /// The text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for whoever reads, runs or seals it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SqlText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SqlText({} bytes)", self.0.len())
    }
}
