//! Masking: what leaves, and in which shape.
//!
//! A [`MaskPlan`] binds what policy said (`domain::Obligations`) to what upstream really answered, column by
//! column and by ordinal. A [`JsonMasker`] or an [`ArrowMasker`] drives result bytes through the plan and gives
//! [`Masked`] rows or streams, and nothing else makes one of upstream's bytes. [`mask_value`] is the definition of what happens to one value: every traversal is
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
//!
//! Two traversals run the definition over whole results, each a push machine that holds no more than one row or one
//! batch: [`MaskPlan::machine`] over JSON row sets (the SQL API, and the driver protocol's JSON), and
//! [`MaskPlan::arrow_machine`] over Arrow IPC streams (the driver protocol's `rowsetBase64` and Arrow chunks). Whoever
//! opens a door for Arrow binds one plan from the answer's `rowtype`, as for JSON, and for the inline rows and then
//! each chunk in turn: inflates what came ([`Inflater`]), pushes it, takes `Masked<ArrowStream>` pieces, deflates them
//! ([`Deflater`]), and ends with `next_partition`; the pieces of one partition are one stream. (The protocol's JSON chunks
//! lack the brackets around their rows: push `[` before and `]` behind.) A machine's
//! [`contradiction`](ArrowMasker::contradiction) is worth a finding, as the plan's is.
//!
//! ```
//! use std::sync::Arc;
//!
//! use masking::{Deflater, Inflater, MaskPlan, Masked};
//!
//! /// One deflated chunk in, one masked and deflated chunk out.
//! fn chunk(plan: &Arc<MaskPlan>, chunk: &[u8]) -> Result<Masked<Vec<u8>>, Box<dyn std::error::Error>> {
//!     let mut machine = plan.arrow_machine();
//!     let mut inflater = Inflater::new(1 << 30);
//!     let mut deflater = Deflater::default();
//!     inflater.push(chunk, |portion| -> Result<(), Box<dyn std::error::Error>> {
//!         machine.push(portion)?;
//!         machine.take().map_or(Ok(()), |stream| Ok(deflater.add_stream(&stream)?))
//!     })?;
//!     inflater.finish()?;
//!     machine.next_partition()?;
//!     if let Some(end) = machine.take() {
//!         deflater.add_stream(&end)?;
//!     }
//!     machine.finish()?;
//!     Ok(deflater.finish()?)
//! }
//! ```

mod actions;
mod arrow;
mod cell;
mod detectors;
mod gzip;
mod json;
mod lexical;
mod masked;
mod notation;
mod pager;
mod plan;
mod tally;
mod text;
mod tokens;
mod value;
mod walk;

pub use arrow::{ArrowMasker, ArrowStream};
pub use detectors::{
    CustomDetector, DetectorSet, Detectors, Kind, LARGEST_PATTERN, MOST_CUSTOM, Stance, Subject, Tuning,
};
pub use gzip::{Deflater, GzipError, Inflater};
pub use json::{JsonMasker, MaskError};
pub use masked::{Masked, Rows};
pub use pager::{Body, PageBounds, PageError, Pager};
pub use plan::{AnsweredColumn, ForetoldColumn, MaskPlan};
pub use tally::{ColumnTally, Tally};
pub use tokens::TokenKeys;
pub use value::{ValueMasker, mask_value};
