//! The push machine over Arrow IPC streams, as Snowflake's driver protocol has them: one column a field, scaled
//! integers, points in time as structs, all types named in the fields' metadata.
//!
//! SECURITY: no byte of upstream's leaves but the values of columns that are shown. Names, types and metadata are the
//! plan's; what stands between and behind the values, under NULLs and in fields that nobody reads, is not passed on.
//! Every length, count and offset is checked before it is believed; what was not foreseen is refused or NULL.

mod cells;
mod column;
mod frame;
mod layout;
mod made;
mod parts;
mod spelling;
mod texts;

use std::fmt;
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_buffer::Buffer;
use arrow_ipc::writer::{IpcWriteOptions, StreamEncoder};
use arrow_ipc::{Endianness, MessageHeader, MetadataVersion};
use arrow_schema::{Schema, SchemaRef};

use crate::detectors::Scratch;
use crate::json::MaskError;
use crate::masked::Masked;
use crate::plan::MaskPlan;
use crate::tally::{ColumnTally, Tally};
use column::Column;
use frame::{Frame, Frames, LARGEST_BODY};
use parts::Parts;
use texts::Dictionaries;

/// So many masked bytes may wait. Small batches of many columns may become large ones.
const MOST_WAITING: usize = 4 * LARGEST_BODY;

/// Why a stream is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Refused {
    Malformed,
    TooLarge,
    Unsupported(&'static str),
    CellCount { expected: usize, found: usize },
}

/// Masks Arrow IPC streams by a plan. Push bytes in, take pieces of a masked stream out.
///
/// Batches are masked one at a time: memory is bounded by the largest batch (64 MB at most), not by the result.
pub struct ArrowMasker {
    plan: Arc<MaskPlan>,
    frames: Frames,
    stream: Option<Stream>,
    is_broken: bool,
    pieces: Vec<Buffer>,
    contradiction: Option<&'static str>,
    spelling: String,
    scratch: Scratch,
    tally: Tally,
}

/// A stream whose schema has come.
struct Stream {
    columns: Vec<Column>,
    schema: SchemaRef,
    encoder: StreamEncoder,
    dictionaries: Dictionaries,
}

impl ArrowMasker {
    pub(crate) fn new(plan: Arc<MaskPlan>) -> Self {
        let tally = Tally::new(plan.maskers().len());
        Self {
            plan,
            frames: Frames::default(),
            stream: None,
            is_broken: false,
            pieces: Vec::new(),
            contradiction: None,
            spelling: String::new(),
            scratch: Scratch::default(),
            tally,
        }
    }

    /// Takes the next slice of the stream. Each batch that it completes is masked and waits to be taken.
    ///
    /// Take what waits after each slice: more than 256 MB may not wait. A batch that lies whole within its slice is
    /// read where it lies.
    pub fn push(&mut self, mut input: &[u8]) -> Result<(), MaskError> {
        if self.is_broken {
            return Err(MaskError::Broken);
        }
        loop {
            let done = match self.frames.next(&mut input) {
                Ok(None) => return Ok(()),
                Ok(Some(frame)) => self.advance(frame),
                Err(refused) => Err(refused),
            };
            if let Err(refused) = done {
                return Err(self.give_up(refused));
            }
        }
    }

    /// Bytes of masked stream that wait to be taken.
    pub fn waiting(&self) -> usize {
        self.pieces.iter().map(Buffer::len).sum()
    }

    /// Takes what waits. The pieces of one partition, put behind each other, are one stream.
    pub fn take(&mut self) -> Option<Masked<ArrowStream>> {
        if self.pieces.is_empty() {
            return None;
        }
        // SECURITY: everything in here was written by an encoder of masked columns.
        Some(Masked::new(ArrowStream { pieces: std::mem::take(&mut self.pieces) }))
    }

    /// Ends a partition, which must have been one stream of whole messages, or nothing at all; the next one may follow.
    ///
    /// The format lets a stream end without its mark of the end. What is then missing cannot be told from the bytes:
    /// compare the rows with what upstream said of the partition. The mark that comes out waits to be taken.
    pub fn next_partition(&mut self) -> Result<(), MaskError> {
        if self.is_broken {
            return Err(MaskError::Broken);
        }
        if !self.frames.is_between() {
            self.is_broken = true;
            return Err(MaskError::Incomplete);
        }
        self.end().map_err(|refused| self.give_up(refused))?;
        self.frames.restart();
        Ok(())
    }

    /// Ends the run. Every partition must have been complete, and everything taken.
    pub fn finish(mut self) -> Result<Tally, MaskError> {
        self.next_partition()?;
        if !self.pieces.is_empty() {
            return Err(MaskError::BytesLeft { bytes: self.waiting() });
        }
        Ok(self.tally)
    }

    /// What was masked so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// How a stream contradicts what upstream said of the result: a sentence without names or values. Everything of
    /// that stream is NULL. Worth a finding.
    pub fn contradiction(&self) -> Option<&str> {
        self.contradiction
    }

    fn give_up(&mut self, refused: Refused) -> MaskError {
        self.is_broken = true;
        self.stream = None;
        let at = self.frames.passed;
        self.frames = Frames::default();
        match refused {
            Refused::Malformed => MaskError::Malformed { at },
            Refused::TooLarge => MaskError::TooLarge,
            Refused::Unsupported(what) => MaskError::Unsupported { what },
            Refused::CellCount { expected, found } => MaskError::CellCount { expected, found },
        }
    }

    fn end(&mut self) -> Result<(), Refused> {
        if let Some(stream) = self.stream.take() {
            self.pieces.extend(stream.encoder.finish().map_err(|_| Refused::Malformed)?);
        }
        Ok(())
    }

    fn advance(&mut self, frame: Frame<'_>) -> Result<(), Refused> {
        let (header, body) = match frame {
            Frame::Message { header, body } => (header, body),
            Frame::End => {
                // A mark of the end is no stream.
                return if self.stream.is_some() { self.end() } else { Err(Refused::Malformed) };
            }
        };
        let message = arrow_ipc::root_as_message(&header).map_err(|_| Refused::Malformed)?;
        if message.version() != MetadataVersion::V5 && message.version() != MetadataVersion::V4 {
            return Err(Refused::Unsupported("an old version of the format"));
        }
        match message.header_type() {
            MessageHeader::Schema => {
                let schema = message.header_as_schema().ok_or(Refused::Malformed)?;
                self.begin(schema)
            }
            MessageHeader::DictionaryBatch => {
                let dictionary = message.header_as_dictionary_batch().ok_or(Refused::Malformed)?;
                let stream = self.stream.as_mut().ok_or(Refused::Malformed)?;
                if dictionary.isDelta() {
                    return Err(Refused::Unsupported("dictionaries in pieces"));
                }
                // What no column reads may be of any type.
                if !stream.columns.iter().any(|column| column.dictionary() == Some(dictionary.id())) {
                    return Ok(());
                }
                let mut parts = Parts::of(dictionary.data().ok_or(Refused::Malformed)?, &body)?;
                let texts = parts.text()?;
                parts.finish()?;
                stream.dictionaries.keep(dictionary.id(), texts)
            }
            MessageHeader::RecordBatch => {
                let batch = message.header_as_record_batch().ok_or(Refused::Malformed)?;
                self.mask(Parts::of(batch, &body)?)
            }
            _ => Err(Refused::Unsupported("a message of another kind")),
        }
    }

    fn begin(&mut self, schema: arrow_ipc::Schema<'_>) -> Result<(), Refused> {
        if self.stream.is_some() {
            return Err(Refused::Malformed);
        }
        if schema.endianness() != Endianness::Little {
            return Err(Refused::Unsupported("big-endian numbers"));
        }
        let fields: Vec<_> = schema.fields().into_iter().flatten().collect();
        let (expected, found) = (self.plan.maskers().len(), fields.len());
        if expected != found {
            return Err(Refused::CellCount { expected, found });
        }
        // INVARIANT: what was decided is about columns of these names.
        let mut names = fields.iter().zip(self.plan.answered_names());
        let is_contradicted = names.any(|(field, name)| field.name() != Some(name));
        if is_contradicted {
            self.contradiction =
                Some("a stream names its columns otherwise than upstream's description does");
        }
        let columns = fields
            .iter()
            .zip(self.plan.columns().iter().zip(self.plan.maskers()))
            .map(|(field, (output, masker))| Column::of(*field, output, masker, is_contradicted))
            .collect::<Result<Vec<_>, _>>()?;
        let schema = Schema::new(columns.iter().map(|column| Arc::clone(column.field())).collect::<Vec<_>>());
        let options =
            IpcWriteOptions::try_new(8, false, MetadataVersion::V5).map_err(|_| Refused::Malformed)?;
        let encoder =
            StreamEncoder::try_new_with_options(&schema, options).map_err(|_| Refused::Malformed)?;
        let schema = Arc::new(schema);
        self.stream = Some(Stream { columns, schema, encoder, dictionaries: Dictionaries::default() });
        Ok(())
    }

    fn mask(&mut self, mut parts: Parts<'_>) -> Result<(), Refused> {
        let Self { stream, scratch, spelling, tally, pieces, .. } = self;
        let Stream { columns, schema, encoder, dictionaries } = stream.as_mut().ok_or(Refused::Malformed)?;
        let rows = parts.rows;
        let mut arrays = Vec::with_capacity(columns.len());
        let mut size = 0_usize;
        let waiting: usize = pieces.iter().map(Buffer::len).sum();
        // INVARIANT: a batch is emitted whole or not at all; counts of one that is refused count for nothing.
        let mut counts: Vec<ColumnTally> = vec![ColumnTally::default(); columns.len()];
        for (column, count) in columns.iter_mut().zip(&mut counts) {
            size = size.saturating_add(column.least_size(rows));
            if size > 2 * LARGEST_BODY || size.saturating_add(waiting) > MOST_WAITING {
                return Err(Refused::TooLarge);
            }
            let array = column.mask(&mut parts, dictionaries, scratch, spelling, count)?;
            size = size.saturating_add(texts::size(array.as_ref()));
            arrays.push(array);
        }
        parts.finish()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options)
            .map_err(|_| Refused::Malformed)?;
        let encoded = encoder.encode(&batch).map_err(|_| Refused::Malformed)?;
        pieces.extend(encoded.into_iter().filter(|piece| !piece.is_empty()));
        tally.rows = tally.rows.saturating_add(rows as u64);
        for (total, count) in tally.columns.iter_mut().zip(&counts) {
            total.add(count);
        }
        Ok(())
    }
}

impl fmt::Debug for ArrowMasker {
    // SECURITY: the buffers hold cell values, some of them in clear.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArrowMasker").field("rows", &self.tally.rows).finish_non_exhaustive()
    }
}

/// A piece of an Arrow IPC stream: whole messages.
#[derive(Clone)]
pub struct ArrowStream {
    pieces: Vec<Buffer>,
}

impl ArrowStream {
    /// Its bytes, in order, where they lie.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        self.pieces.iter().map(Buffer::as_slice)
    }

    /// How many bytes.
    pub fn len(&self) -> usize {
        self.pieces.iter().map(Buffer::len).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Its bytes, put together.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut all = Vec::with_capacity(self.len());
        self.pieces().for_each(|piece| all.extend_from_slice(piece));
        all
    }
}

impl fmt::Debug for ArrowStream {
    // SECURITY: even masked rows are cell values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ArrowStream({} bytes)", self.len())
    }
}
