//! Snowgate's reader of Snowflake SQL: from a text and the names it stands among to a [`Statement`].
//!
//! Reading never fails and never guesses. What could not be read is [`Class::Opaque`](domain::Class::Opaque);
//! a result column whose source could not be traced is not known; policy turns both into less. The crate
//! refuses to know what is allowed, how anything runs, and what any value is: it has no I/O and no clock.
//!
//! Four layers, each fed by the one before it:
//!
//! 1. the lexer cuts a text into pieces, and nobody cuts it anew but the path of a stage, a text of its own;
//! 2. splitting finds statements, blocks and the steps of pipelines; classifying tells the act from pieces, and what is
//!    mentioned, where a stage lies and what changes for later statements is told from them where there is no tree;
//! 3. `sqlparser` makes a tree of our pieces, and its statement must be the act that the pieces told;
//! 4. lineage walks the tree by a closed match, and tells what is shown and what is tested.
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! let catalog = sql::catalog_from_ddl("create table t (id number, phone varchar)", "DB", "PUBLIC");
//! let context = domain::Context { database: Some("DB".into()), schema: Some("PUBLIC".into()), ..Default::default() };
//! let (bindings, variables) = (BTreeMap::new(), BTreeMap::new());
//! let scope = sql::Scope { context: &context, catalog: &catalog, bindings: &bindings, variables: &variables };
//!
//! let statement = sql::read("select phone as contact from t", &scope);
//! let outputs = statement.lineage.outputs.unwrap();
//! assert_eq!(outputs[0].name.as_deref(), Some("CONTACT"));
//! assert_eq!(outputs[0].shows.first().unwrap().column.to_string(), "DB.PUBLIC.T.PHONE");
//! ```

use std::collections::BTreeMap;

use domain::{Bindings, Catalog, Context};

mod batch;
mod calls;
mod class;
mod ddl;
mod effects;
mod information;
mod lexer;
mod lineage;
mod lists;
mod looked;
#[cfg(test)]
mod looks;
mod marks;
mod mentions;
mod names;
mod parse;
mod read;
mod request;
mod rewrite;
mod show;
mod split;
mod stages;
mod steps;
mod template;

pub use batch::{TOO_MANY, read_batch};
pub use calls::calls;
pub use ddl::{BrokenDefinition, Definitions, catalog_from_ddl, definitions};
pub use marks::{Mark, marks};
pub use read::{MOST_STATEMENTS, read};
pub use request::access_request;
pub use rewrite::{Piece, rewrite};
pub use split::split;
pub use steps::read_steps;
pub use template::{Behind, Literal, bound_behind, filled, literals};

/// What a text is read against.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// The names of the session: where unqualified names are looked up.
    pub context: &'a Context,
    /// What the warehouse holds.
    pub catalog: &'a Catalog,
    /// Bound values, for names that are bound (`IDENTIFIER(?)`).
    pub bindings: &'a Bindings,
    /// Session variables by upper-case name: a constant, or none where the value may be anything.
    pub variables: &'a BTreeMap<String, Option<String>>,
}
