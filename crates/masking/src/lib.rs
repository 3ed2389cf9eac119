//! Masking: what leaves, and in which shape.
//!
//! A [`MaskPlan`] binds what policy said (`domain::Obligations`) to what upstream really answered, column by
//! column and by ordinal. A [`JsonMasker`] drives result bytes through the plan and gives [`Masked`] rows; nobody
//! else can make a `Masked`. [`mask_value`] is the definition of what happens to one value: every traversal is
//! held to it. [`Detectors`] find sensitive things by content, in cells that lineage leaves in clear and in any
//! other text (SQL literals, prompts, error texts).
//!
//! The crate refuses to know where bytes come from and where they go: there is no I/O here, no clock, no
//! randomness, no async. Doubt ends in less: what cannot be read is an error, what cannot be classified is NULL.
//!
//! ```
//! use domain::{SqlType, Treatment};
//! use masking::{Detectors, TokenKeys, mask_value};
//!
//! let detectors = Detectors::standard();
//! let keys = TokenKeys::new([7; 32]);
//! let text = SqlType::Text { length: 200 };
//! let note = Some("write to ana@example.com today");
//! let shown = mask_value(&Treatment::Scan, &text, note, &keys, &detectors, "NOTE");
//! assert_eq!(shown.as_deref(), Some("write to [EMAIL] today"));
//! ```

mod actions;
mod arrow;
mod cell;
mod detectors;
mod gzip;
mod json;
mod lexical;
mod masked;
mod pager;
mod plan;
mod tally;
mod text;
mod tokens;
mod value;

pub use arrow::{ArrowMasker, ArrowStream};
pub use detectors::{DetectorSet, Detectors, Kind};
pub use gzip::{Deflater, GzipError, Inflater};
pub use json::{JsonMasker, MaskError};
pub use masked::{Masked, Rows};
pub use pager::{Body, PageBounds, PageError, Pager};
pub use plan::{AnsweredColumn, MaskPlan};
pub use tally::{ColumnTally, Tally};
pub use tokens::TokenKeys;
pub use value::{ValueMasker, mask_value};
