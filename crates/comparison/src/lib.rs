//! What changes when one policy bundle takes another's place: which files differ, and which decisions.
//!
//! Decisions are those of cases: statements, each asked by somebody under some names. Cases are made of what the two
//! bundles name themselves ([`Cases::of_bundles`]), or of statements and tables that somebody gives. Both bundles decide each of
//! them, as [`gateway::rehearse`] does, and what differs is told in lines that a terminal may show ([`Differences`]). No case proves that
//! nothing else changes: it shows what does.
//!
//! The crate refuses to know folders, networks and clocks: bundles come as their files.
//!
//! ```
//! use comparison::{Asking, Cases, Side, differences};
//!
//! let before = policy::default_files();
//! let mut after = before.clone();
//! after.remove("40-columns.cedar");
//! let (before, after) = (Side::parse(&before).unwrap(), Side::parse(&after).unwrap());
//! let cases = Cases::of_bundles([&before, &after], &Asking::default());
//! let found = differences(&before, &after, &cases, domain::Timestamp::from_micros(0));
//! assert!(!found.is_nothing());
//! assert!(found.to_string().starts_with("removed 40-columns.cedar"));
//! ```

mod asking;
mod cases;
mod differences;
mod files;
mod named;
mod rules;
mod verdict;

use std::collections::BTreeMap;

use policy::{Bundle, Problem};

pub use asking::{identity, question};
pub use cases::{Asker, Asking, Case, Cases};
pub use differences::{Differences, differences};
pub use named::named;

/// A bundle with its files, by their paths in it.
#[derive(Debug)]
pub struct Side<'a> {
    /// The files.
    pub files: &'a BTreeMap<String, Vec<u8>>,
    /// What they make.
    pub bundle: Bundle,
}

impl<'a> Side<'a> {
    /// Reads them.
    ///
    /// # Errors
    /// What is wrong with the bundle.
    pub fn parse(files: &'a BTreeMap<String, Vec<u8>>) -> Result<Self, Vec<Problem>> {
        Ok(Self { files, bundle: Bundle::parse(files)? })
    }
}
