//! What `catalog.toml` settles beside classes: limits, reviewers.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::time::Duration;

use domain::{Class, Identity, Limits, Statement};

/// Limits that differ from the default; what is none stays as it is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LimitChanges {
    pub(crate) rows: Option<u64>,
    pub(crate) bytes: Option<u64>,
    pub(crate) rows_if_approved: Option<u64>,
    pub(crate) bytes_if_approved: Option<u64>,
    pub(crate) at_once: Option<u32>,
    pub(crate) per_minute: Option<u32>,
    pub(crate) upstream_seconds_per_hour: Option<u64>,
    pub(crate) statement_seconds: Option<u64>,
    pub(crate) hidden_failures_per_hour: Option<u32>,
    pub(crate) asks_per_hour: Option<u32>,
}

impl LimitChanges {
    /// Each limit as the stricter of both says.
    fn strictest(self, other: Self) -> Self {
        fn lower<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
            match (a, b) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            }
        }
        Self {
            rows: lower(self.rows, other.rows),
            bytes: lower(self.bytes, other.bytes),
            rows_if_approved: lower(self.rows_if_approved, other.rows_if_approved),
            bytes_if_approved: lower(self.bytes_if_approved, other.bytes_if_approved),
            at_once: lower(self.at_once, other.at_once),
            per_minute: lower(self.per_minute, other.per_minute),
            upstream_seconds_per_hour: lower(self.upstream_seconds_per_hour, other.upstream_seconds_per_hour),
            statement_seconds: lower(self.statement_seconds, other.statement_seconds),
            hidden_failures_per_hour: lower(self.hidden_failures_per_hour, other.hidden_failures_per_hour),
            asks_per_hour: lower(self.asks_per_hour, other.asks_per_hour),
        }
    }

    fn over(self, base: Limits) -> Limits {
        let Self {
            rows,
            bytes,
            rows_if_approved,
            bytes_if_approved,
            at_once,
            per_minute,
            upstream_seconds_per_hour,
            statement_seconds,
            hidden_failures_per_hour,
            asks_per_hour,
        } = self;
        Limits {
            rows: rows.unwrap_or(base.rows),
            bytes: bytes.unwrap_or(base.bytes),
            rows_if_approved: rows_if_approved.unwrap_or(base.rows_if_approved),
            bytes_if_approved: bytes_if_approved.unwrap_or(base.bytes_if_approved),
            at_once: at_once.unwrap_or(base.at_once),
            per_minute: per_minute.unwrap_or(base.per_minute),
            upstream_seconds_per_hour: upstream_seconds_per_hour.unwrap_or(base.upstream_seconds_per_hour),
            statement_seconds: statement_seconds.unwrap_or(base.statement_seconds),
            hidden_failures_per_hour: hidden_failures_per_hour.unwrap_or(base.hidden_failures_per_hour),
            asks_per_hour: asks_per_hour.unwrap_or(base.asks_per_hour),
        }
    }
}

/// `[[limits]]`.
#[derive(Debug)]
pub(crate) struct LimitRules {
    pub(crate) default: Limits,
    pub(crate) agents: HashMap<String, LimitChanges>,
    pub(crate) groups: HashMap<String, LimitChanges>,
}

impl LimitRules {
    /// The limits of a principal: its agent's, over the lowest of its groups', over the default.
    pub(crate) fn of(&self, identity: &Identity) -> Limits {
        let of_groups = identity
            .groups
            .iter()
            .filter_map(|group| self.groups.get(group))
            .fold(LimitChanges::default(), |lowest, changes| lowest.strictest(*changes));
        let of_agent = self.agents.get(identity.agent.as_str()).copied().unwrap_or_default();
        of_agent.over(of_groups.over(self.default))
    }
}

/// Who decides, and for how long they are waited for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Reviewers {
    pub(crate) groups: Vec<String>,
    /// How many distinct people must say yes.
    pub(crate) people: NonZeroU32,
    pub(crate) expires_after: Duration,
}

/// `[[reviewers]]`.
#[derive(Debug)]
pub(crate) struct ReviewerRules {
    pub(crate) default: Reviewers,
    pub(crate) classes: HashMap<Class, Reviewers>,
    pub(crate) kinds: HashMap<String, Reviewers>,
}

impl ReviewerRules {
    /// Every group that may decide on anything.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &str> {
        let all = self.classes.values().chain(self.kinds.values()).chain([&self.default]);
        all.flat_map(|reviewers| &reviewers.groups).map(String::as_str)
    }

    /// Who decides on a statement: those of its kind, else of its class, else the default.
    pub(crate) fn of(&self, statement: &Statement) -> &Reviewers {
        self.of_words(statement.kind.as_str(), Some(statement.class))
    }

    /// The same by its kind and its class, as far as that is one.
    pub(crate) fn of_words(&self, kind: &str, class: Option<Class>) -> &Reviewers {
        self.kinds
            .get(kind)
            .or_else(|| class.and_then(|class| self.classes.get(&class)))
            .unwrap_or(&self.default)
    }
}
