//! What a statement is and what it touches, as `sql::read` tells it.

use std::collections::BTreeSet;
use std::fmt;

use crate::catalog::{ColumnRef, ObjectName, identifier};

/// What kind of act a statement is. The words are the same in policies, recordings and reports.
///
/// The order is strictness: a pipeline or batch has the greatest class of its parts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Class {
    /// SHOW, DESCRIBE, LIST, EXPLAIN.
    Show,
    /// USE, SET, UNSET, ALTER SESSION.
    Session,
    /// BEGIN, COMMIT, ROLLBACK.
    Transaction,
    /// SELECT and its like.
    Read,
    /// INSERT, UPDATE, DELETE, MERGE, TRUNCATE.
    Write,
    /// COPY INTO a table, PUT, and other ways in.
    Import,
    /// CREATE, ALTER, DROP, UNDROP, replace, clone, swap.
    Define,
    /// CALL, EXECUTE IMMEDIATE, scripting blocks, tasks.
    Call,
    /// COPY INTO a location, GET, presigned URLs, shares, external functions, mail.
    Export,
    /// GRANT, REVOKE, ownership.
    Grant,
    /// Users, keys, tokens, network policies, integrations, warehouses.
    Account,
    /// What nobody can read.
    Opaque,
}

impl Class {
    /// Every class, from the mildest to the strictest.
    pub const ALL: [Self; 12] = [
        Self::Show,
        Self::Session,
        Self::Transaction,
        Self::Read,
        Self::Write,
        Self::Import,
        Self::Define,
        Self::Call,
        Self::Export,
        Self::Grant,
        Self::Account,
        Self::Opaque,
    ];

    /// The word in policies and recordings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Show => "show",
            Self::Session => "session",
            Self::Transaction => "transaction",
            Self::Read => "read",
            Self::Write => "write",
            Self::Import => "import",
            Self::Define => "define",
            Self::Call => "call",
            Self::Export => "export",
            Self::Grant => "grant",
            Self::Account => "account",
            Self::Opaque => "opaque",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The verb within a class, in snake case: `select`, `update`, `update_all` (without a real WHERE),
/// `create_table`, `drop_schema`, `copy_into_location` …
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Kind(String);

impl Kind {
    /// The kind with this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Tables and views touched, views expanded to what they read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Footprint {
    /// Read, whether or not anything of it is shown.
    pub reads: BTreeSet<ObjectName>,
    /// Written, defined, dropped or otherwise changed.
    pub writes: BTreeSet<ObjectName>,
}

/// How a result column shows a source column.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum ShownHow {
    /// As stored, whatever its alias.
    Stored,
    /// A whole path within a stored VARIANT.
    Path,
    /// Through any other expression.
    Derived,
}

/// A source column that a result column shows.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ShownColumn {
    /// The stored column (of a table, never of a view that could be expanded).
    pub column: ColumnRef,
    /// As stored, or through an expression.
    pub how: ShownHow,
    /// For [`ShownHow::Path`]: the path's names from the outside in, lower case (`address`, `city`).
    pub path: Vec<String>,
}

/// One result column.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShownOutput {
    /// Its name as upstream will answer it; none when the text does not tell.
    pub name: Option<String>,
    /// What it shows. Empty and known: literals, counts, functions of nothing stored.
    pub shows: BTreeSet<ShownColumn>,
    /// False when anything about it could not be resolved: never public (invariant I2).
    pub is_known: bool,
    /// True when every value in it is a stored one, as stored: no branch of a set operation brings literals, or anything made.
    pub is_stored: bool,
    /// True when the name itself is made from stored values (a dynamic pivot).
    pub is_name_from_values: bool,
}

/// How a statement tests a column, so that its answer tells something about the column's values.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum TestedHow {
    /// In a predicate: WHERE, HAVING, QUALIFY, ON, CASE, IFF and comparing functions.
    Predicate,
    /// As one side of an equality between two stored columns.
    Join,
    /// In ORDER BY, also of a window.
    Order,
    /// In GROUP BY, DISTINCT, PARTITION BY, set operations.
    Group,
    /// Where its value decides how many rows there are, whether the statement fails, how long it runs.
    Shape,
}

impl TestedHow {
    /// The word in policies and recordings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Predicate => "predicate",
            Self::Join => "join",
            Self::Order => "order",
            Self::Group => "group",
            Self::Shape => "shape",
        }
    }
}

/// A stored column that the statement tests.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct TestedColumn {
    /// The stored column.
    pub column: ColumnRef,
    /// In which way.
    pub how: TestedHow,
    /// For [`TestedHow::Join`]: the stored column on the other side.
    pub with: Option<ColumnRef>,
}

/// A function's or procedure's name, its parts as Snowflake stores them and as many as are written.
///
/// Printed as the names of tables are, so that no part passes for several: `DB.S.CLEAN` has three, `"DB.S.CLEAN"` is one.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct FunctionName(Vec<String>);

impl FunctionName {
    /// What a part that the text does not tell is called; whatever is stored so is as unknown.
    pub const UNTOLD: &str = "?";

    /// The name of these parts.
    pub fn new<T: Into<String>>(parts: impl IntoIterator<Item = T>) -> Self {
        Self(parts.into_iter().map(Into::into).collect())
    }

    /// Its parts, the database first where it is named.
    pub fn parts(&self) -> &[String] {
        &self.0
    }

    /// Whether it lies in the database of Snowflake's own functions: by a whole name alone, for any database may have a schema of
    /// that name.
    pub fn is_of_snowflake(&self) -> bool {
        matches!(self.0.as_slice(), [database, _, _] if database == "SNOWFLAKE")
    }
}

impl fmt::Display for FunctionName {
    // INVARIANT: injective, as `identifier` is over joined parts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, part) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(".")?;
            }
            f.write_str(&identifier(part))?;
        }
        Ok(())
    }
}

/// A function that is more than a calculation, or that we do not know.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct FlaggedFunction {
    /// Its name, qualified as written.
    pub name: FunctionName,
    /// The class that it gives the statement; `Opaque` when we do not know it.
    pub class: Class,
}

/// What a statement does to its session, for the statements after it in one batch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// USE ROLE.
    UseRole(String),
    /// USE WAREHOUSE.
    UseWarehouse(String),
    /// USE DATABASE.
    UseDatabase(String),
    /// USE SCHEMA; the database where the text names one.
    UseSchema {
        /// The database, when written.
        database: Option<String>,
        /// The schema.
        schema: String,
    },
    /// SET of a session variable to a constant; none when it is not a constant.
    SetVariable {
        /// Upper-case name.
        name: String,
        /// The constant's text.
        value: Option<String>,
    },
    /// Anything else that later statements may depend on: what follows cannot be read with certainty.
    Unknown,
}

/// Result columns and tested columns.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Lineage {
    /// One entry a result column, in order; none when the statement's columns cannot be told.
    pub outputs: Option<Vec<ShownOutput>>,
    /// What the statement tests, whether it is shown or not.
    pub tests: BTreeSet<TestedColumn>,
    /// Columns that its comparisons tie together: where rows must agree in two columns, either shows the other.
    /// Chains are closed (`a = b and b = c` is one set), so that no column stands in two sets; each set has two
    /// at least.
    pub ties: Vec<BTreeSet<ColumnRef>>,
    /// Further columns that some part of it uses, though no result column shows them and nothing tests them: those of
    /// earlier steps of a pipeline, of columns that nobody asks a subquery for. Whether it fails may depend on them.
    pub touched: BTreeSet<ColumnRef>,
}

/// One statement, read. Reading never fails: what could not be read is [`Class::Opaque`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Statement {
    /// The strictest class of its parts.
    pub class: Class,
    /// The verb.
    pub kind: Kind,
    /// The class and the verb of each step of a pipeline, in order; empty where there is but one.
    pub steps: Vec<(Class, Kind)>,
    /// Tables and views touched.
    pub footprint: Footprint,
    /// What it shows and tests.
    pub lineage: Lineage,
    /// Functions that policy must know of.
    pub functions: BTreeSet<FlaggedFunction>,
    /// What it does to its session.
    pub effects: Vec<Effect>,
    /// Schemas (database, schema) that reading would need and the catalog snapshot does not hold: load them
    /// and read again.
    pub missing: BTreeSet<(String, String)>,
    /// Why it is opaque or not fully known. INVARIANT: words of this program alone, so that they can be shown to anybody: no
    /// text that was asked ever becomes one.
    pub why: Option<&'static str>,
}

impl Statement {
    /// [`Statement::why`] of what is no statement that the reader knows: a slip, as a rule.
    pub const UNKNOWN: &str = "a statement that nobody knows";
}

impl Statement {
    /// The class and the verb of what answers: the last step of a pipeline, else the statement.
    pub fn answering(&self) -> (Class, &Kind) {
        self.steps.last().map_or((self.class, &self.kind), |(class, kind)| (*class, kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_part_of_a_functions_name_passes_for_several() {
        for (parts, printed) in [
            (vec!["DB", "S", "CLEAN"], "DB.S.CLEAN"),
            (vec!["DB.S.CLEAN"], "\"DB.S.CLEAN\""),
            (vec!["DB.S", "CLEAN"], "\"DB.S\".CLEAN"),
            (vec!["DB", "S", "clean"], "DB.S.\"clean\""),
            (vec!["SYSTEM$WAIT"], "SYSTEM$WAIT"),
        ] {
            assert_eq!(FunctionName::new(parts).to_string(), printed);
        }
        for (parts, expected) in [
            (vec!["SNOWFLAKE", "CORTEX", "COMPLETE"], true),
            (vec!["SNOWFLAKE.CORTEX.COMPLETE"], false),
            (vec!["SNOWFLAKE", "F"], false),
            (vec!["snowflake", "CORTEX", "COMPLETE"], false),
        ] {
            assert_eq!(FunctionName::new(parts.clone()).is_of_snowflake(), expected, "{parts:?}");
        }
    }
}
