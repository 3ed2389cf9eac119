//! Texts that somebody else chose, made so that people can read them before they decide or believe.
//!
//! What would not be seen, turns the direction of reading, passes for something else or pushes the rest out of sight is found
//! here; how it is drawn is the business of whoever shows it: a page, a terminal. Nothing is left out: a text's pieces are the
//! text, and what is folded or closed is counted. The crate knows neither HTML nor terminals, and has no I/O and no clock.
//!
//! ```
//! use legible::{Look, told};
//!
//! assert_eq!(told("clean up", Look::Prose), "clean up");
//! assert_eq!(told("p\u{430}yments", Look::Value), "p⟦U+0430⟧yments");
//! assert_eq!(told("shi\u{307}pped", Look::Value), "shi⟦U+0307⟧pped");
//! ```

mod character;
mod drawn;
mod seen;
mod statement;

pub use character::Look;
pub use seen::{Seen, code, odd, seen, told};
pub use statement::{Part, Statement, look, statement};
