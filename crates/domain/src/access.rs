//! Leave to read something for a while: how it is asked for, and what was granted.

use std::fmt;
use std::time::Duration;

use crate::catalog::{ObjectName, identifier};
use crate::identity::{Agent, Identity};
use crate::ids::ApprovalId;
use crate::time::Timestamp;

/// What may be read.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum AccessTo {
    /// One table or view.
    Object(ObjectName),
    /// Every table and view of a schema, also those that are made later.
    Schema {
        /// The database.
        database: String,
        /// The schema in it.
        schema: String,
    },
}

impl fmt::Display for AccessTo {
    /// As it is asked for: `DEMO.SALES.ORDERS`, `DEMO.SALES.*`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(name) => name.fmt(f),
            Self::Schema { database, schema } => {
                write!(f, "{}.{}.*", identifier(database), identifier(schema))
            }
        }
    }
}

/// When it is to end.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AccessEnd {
    /// At that moment.
    At(Timestamp),
    /// So long after it was asked for.
    After(Duration),
}

impl AccessEnd {
    /// The moment, for what was asked for at `asked`.
    pub fn moment(self, asked: Timestamp) -> Timestamp {
        match self {
            Self::At(moment) => moment,
            Self::After(wait) => asked.after(wait),
        }
    }

    /// For how long it would last; zero when it is over.
    pub fn lasts(self, asked: Timestamp) -> Duration {
        match self {
            Self::At(moment) => moment.since(asked),
            Self::After(wait) => wait,
        }
    }
}

/// What somebody asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccessRequest {
    /// What they want to read.
    pub to: AccessTo,
    /// For how long.
    pub end: AccessEnd,
    /// Why, in their own words: for reviewers' eyes, never for mails.
    pub why: String,
}

/// What people have granted one principal: to read, and nothing else, until it ends.
///
/// INVARIANT: it adds to what policy permits and takes nothing from it. What policy forbids stays forbidden, what it masks
/// stays masked, and no role, warehouse or class of statement comes with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccessGrant {
    /// The approval that it was granted with.
    pub id: ApprovalId,
    /// `iss` of whose it is.
    pub issuer: String,
    /// `sub`.
    pub subject: String,
    /// The program.
    pub agent: Agent,
    /// What they may read.
    pub to: AccessTo,
    /// Until then, that moment not included.
    pub until: Timestamp,
}

impl AccessGrant {
    /// Whether it is this principal's: issuer, subject and program, as in [`Identity::key`].
    pub fn is_of(&self, identity: &Identity) -> bool {
        let Self { issuer, subject, agent, id: _, to: _, until: _ } = self;
        (issuer, subject, agent) == (&identity.issuer, &identity.subject, &identity.agent)
    }
}

/// What was granted beside the policies, as a decision may depend on it.
#[derive(Clone, Copy, Debug)]
pub struct Access<'a> {
    /// When it is decided: what has ended by then permits nothing.
    pub now: Timestamp,
    /// What was granted to whoever asks.
    pub grants: &'a [AccessGrant],
}

impl Access<'static> {
    /// Nothing was granted.
    pub const NONE: Self = Self { now: Timestamp::from_micros(0), grants: &[] };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_quoted_name_prints_as_a_whole_schema() {
        let schema = AccessTo::Schema { database: "D".into(), schema: "S".into() };
        assert_eq!(schema.to_string(), "D.S.*");
        assert_ne!(AccessTo::Object(ObjectName::new("D", "S", "*")).to_string(), schema.to_string());
        let odd = AccessTo::Schema { database: "D".into(), schema: "S.*".into() };
        assert_eq!(odd.to_string(), "D.\"S.*\".*");
    }

    #[test]
    fn an_end_is_counted_from_when_it_was_asked_for() {
        let asked = Timestamp::from_micros(5_000_000);
        let end = AccessEnd::After(Duration::from_secs(2));
        assert_eq!(end.moment(asked), Timestamp::from_micros(7_000_000));
        assert_eq!(AccessEnd::At(Timestamp::from_micros(1)).lasts(asked), Duration::ZERO);
    }
}
