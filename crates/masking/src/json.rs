//! The push machine over JSON row sets: `[["1","a"],[null,"b"]]` in slices of any size.
//!
//! Cells are strings or null (Snowflake SQL API, `jsonv2`). Only whole rows are ever emitted; whatever is not
//! such a row set is an error, and nothing of the row that shows it was emitted.

use std::fmt;
use std::sync::Arc;

use crate::cell::{CellMasker, Fate, Whole};
use crate::detectors::Scratch;
use crate::lexical::{at, part, plain_end};
use crate::masked::{Masked, Rows};
use crate::notation::{is_space, unescape, write_json_string};
use crate::plan::MaskPlan;
use crate::tally::Tally;

/// A row longer than this is refused: it could be neither buffered nor put on a page.
const LONGEST_ROW: usize = 64 << 20;

/// Why a result cannot be masked. Nothing in here comes from the result.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MaskError {
    /// The bytes are no row set.
    #[error("the result is not in its format (byte {at})")]
    Malformed {
        /// The offset of the byte that shows it, counted from the start of the partition.
        at: u64,
    },
    /// A row has more or fewer cells than there are columns.
    #[error("a row has {found} cells where {expected} columns were answered")]
    CellCount {
        /// Columns of the plan.
        expected: usize,
        /// Cells of the row.
        found: usize,
    },
    /// A row is longer than any page may be.
    #[error("a row is too long")]
    RowTooLong,
    /// A batch is larger than may be masked at once, or would become so.
    #[error("a batch is too large")]
    TooLarge,
    /// The bytes use a part of their format that results do not use.
    #[error("the result uses what no result uses: {what}")]
    Unsupported {
        /// Which part: our words.
        what: &'static str,
    },
    /// The bytes ended within the row set.
    #[error("the result ended within a row set")]
    Incomplete,
    /// The run was finished while masked rows still waited to be taken.
    #[error("{rows} masked rows were not taken")]
    RowsLeft {
        /// How many.
        rows: usize,
    },
    /// The run was finished while masked bytes still waited to be taken.
    #[error("{bytes} masked bytes were not taken")]
    BytesLeft {
        /// How many.
        bytes: usize,
    },
    /// The machine has failed before and takes nothing any more.
    #[error("masking has failed before")]
    Broken,
}

/// Masks row sets by a plan. Push bytes in, take [`Masked`] rows out.
pub struct JsonMasker {
    plan: Arc<MaskPlan>,
    /// One entry a column: the JSON text of every masked value, where it is the same for all.
    same: Vec<Option<String>>,
    state: State,
    /// Bytes of the partition that were passed before the current slice.
    passed: u64,
    /// The part of an unfinished row that earlier slices brought.
    carry: Vec<u8>,
    /// The cells of the row under way; offsets count from its opening bracket.
    cells: Vec<Cell>,
    /// Whether blanks stand between the cells of the row under way.
    is_loose: bool,
    rows: Rows,
    unescaped: String,
    scratch: Scratch,
    tally: Tally,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    BeforeArray,
    /// After `[` of the array: a row or the end.
    FirstRow,
    /// After a comma between rows: a row.
    NextRow,
    AfterRow,
    AfterArray,
    /// After `[` of a row: a cell or the end.
    FirstCell,
    /// After a comma between cells: a cell.
    NextCell,
    AfterCell,
    InText,
    AfterBackslash,
    /// So many letters of `null` were read.
    InNull(u8),
    Broken,
}

/// A cell's bounds without its quotes.
#[derive(Clone, Copy)]
struct Cell {
    start: usize,
    end: usize,
    is_null: bool,
    has_escape: bool,
}

impl JsonMasker {
    pub(crate) fn new(plan: Arc<MaskPlan>) -> Self {
        let tally = Tally::new(plan.maskers().len());
        let same = plan.maskers().iter().map(same_for_all).collect();
        Self {
            plan,
            same,
            state: State::BeforeArray,
            passed: 0,
            carry: Vec::new(),
            cells: Vec::new(),
            is_loose: false,
            rows: Rows::default(),
            unescaped: String::new(),
            scratch: Scratch::default(),
            tally,
        }
    }

    /// Takes the next slice of the partition. Each row that it completes is masked and waits to be taken.
    ///
    /// Slices of 64 kB to 1 MB serve best, and taking the rows after each.
    pub fn push(&mut self, input: &[u8]) -> Result<(), MaskError> {
        let done = self.advance(input);
        if done.is_err() {
            self.state = State::Broken;
            self.carry = Vec::new();
        }
        self.passed = self.passed.saturating_add(u64::try_from(input.len()).unwrap_or(u64::MAX));
        done
    }

    /// Bytes of masked rows that wait to be taken.
    pub fn waiting(&self) -> usize {
        self.rows.text().len()
    }

    /// Takes as many waiting rows from the front as fit into `max_bytes`, at least one; none when none waits.
    pub fn take_rows(&mut self, max_bytes: usize) -> Option<Masked<Rows>> {
        self.rows.take_front(max_bytes).map(Masked::new)
    }

    /// Ends a partition, which must have been complete; the next one may follow. Rows keep waiting.
    pub fn next_partition(&mut self) -> Result<(), MaskError> {
        match self.state {
            State::AfterArray => {
                self.state = State::BeforeArray;
                self.passed = 0;
                Ok(())
            }
            State::Broken => Err(MaskError::Broken),
            State::BeforeArray
            | State::FirstRow
            | State::NextRow
            | State::AfterRow
            | State::FirstCell
            | State::NextCell
            | State::AfterCell
            | State::InText
            | State::AfterBackslash
            | State::InNull(_) => {
                self.state = State::Broken;
                Err(MaskError::Incomplete)
            }
        }
    }

    /// Ends the run. Every partition must have been complete, and every row taken.
    pub fn finish(mut self) -> Result<Tally, MaskError> {
        // Between partitions nothing is missing.
        let is_between = self.state == State::BeforeArray && self.passed == 0;
        if !is_between {
            self.next_partition()?;
        }
        if !self.rows.is_empty() {
            return Err(MaskError::RowsLeft { rows: self.rows.len() });
        }
        Ok(self.tally)
    }

    /// What was masked so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    fn advance(&mut self, input: &[u8]) -> Result<(), MaskError> {
        // The row under way starts in an earlier slice (then its first bytes lie in `carry`) or at `row_start`.
        let mut row_start = 0;
        let mut position = 0;
        while let Some(&byte) = input.get(position) {
            let here = self.carry.len() + position - row_start;
            let next = match (self.state, byte) {
                (State::InText, _) => {
                    position = plain_end(input, position);
                    let here = self.carry.len() + position - row_start;
                    match input.get(position) {
                        None => break,
                        Some(b'"') => {
                            if let Some(cell) = self.cells.last_mut() {
                                cell.end = here;
                            }
                            State::AfterCell
                        }
                        Some(b'\\') => {
                            if let Some(cell) = self.cells.last_mut() {
                                cell.has_escape = true;
                            }
                            State::AfterBackslash
                        }
                        Some(_) => return Err(self.malformed(position)),
                    }
                }
                (State::AfterBackslash, _) => State::InText,
                (State::InNull(1), b'u') => State::InNull(2),
                (State::InNull(2), b'l') => State::InNull(3),
                (State::InNull(3), b'l') => State::AfterCell,
                (State::FirstCell | State::NextCell, b'"') => {
                    self.cells.push(Cell {
                        start: here + 1,
                        end: here + 1,
                        is_null: false,
                        has_escape: false,
                    });
                    State::InText
                }
                (State::FirstCell | State::NextCell, b'n') => {
                    self.cells.push(Cell { start: here, end: here, is_null: true, has_escape: false });
                    State::InNull(1)
                }
                (State::AfterCell, b',') => State::NextCell,
                (State::FirstCell | State::AfterCell, b']') => {
                    self.end_row(part(input, row_start, position + 1))?;
                    State::AfterRow
                }
                (State::FirstRow | State::NextRow, b'[') => {
                    row_start = position;
                    self.cells.clear();
                    self.is_loose = false;
                    match tight_row(part(input, position, input.len()), &mut self.cells) {
                        Some(length) => {
                            self.mask_row(part(input, position, position + length))?;
                            position += length - 1;
                            State::AfterRow
                        }
                        None => {
                            self.cells.clear();
                            State::FirstCell
                        }
                    }
                }
                (State::AfterRow, b',') => State::NextRow,
                (State::FirstRow | State::AfterRow, b']') => State::AfterArray,
                (State::BeforeArray, b'[') => State::FirstRow,
                (State::Broken, _) => return Err(MaskError::Broken),
                (State::InNull(_), _) => return Err(self.malformed(position)),
                (between, space) if is_space(space) => {
                    self.is_loose = true;
                    between
                }
                _ => return Err(self.malformed(position)),
            };
            self.state = next;
            position += 1;
        }
        if self.state.is_in_row() {
            self.carry.extend_from_slice(part(input, row_start, input.len()));
            if self.carry.len() > LONGEST_ROW {
                return Err(MaskError::RowTooLong);
            }
        }
        Ok(())
    }

    /// Masks the row whose last bytes are `tail`; the bytes before lie in `carry`.
    fn end_row(&mut self, tail: &[u8]) -> Result<(), MaskError> {
        let mut carry = std::mem::take(&mut self.carry);
        let done = if carry.is_empty() {
            self.mask_row(tail)
        } else {
            carry.extend_from_slice(tail);
            self.mask_row(&carry)
        };
        carry.clear();
        self.carry = carry;
        done
    }

    fn mask_row(&mut self, row: &[u8]) -> Result<(), MaskError> {
        let Self { plan, same, passed, cells, is_loose, rows, unescaped, scratch, tally, .. } = self;
        let maskers = plan.maskers();
        if cells.len() != maskers.len() {
            return Err(MaskError::CellCount { expected: maskers.len(), found: cells.len() });
        }
        let malformed = MaskError::Malformed { at: *passed };
        let row = simdutf8::basic::from_utf8(row).map_err(|_| malformed)?;
        let tight;
        let row = if *is_loose {
            tight = tighten(row, cells).ok_or(malformed)?;
            tight.as_str()
        } else {
            row
        };
        // INVARIANT: a row is emitted whole or not at all.
        rows.write_row(|out| {
            let mut copied = 0;
            for ((ordinal, cell), masker) in cells.iter().enumerate().zip(maskers) {
                if cell.is_null {
                    continue;
                }
                let raw = row.get(cell.start..cell.end).ok_or(malformed)?;
                let value = if cell.has_escape {
                    unescape(raw, unescaped).ok_or(malformed)?;
                    unescaped.as_str()
                } else {
                    raw
                };
                if let Some(Some(text)) = same.get(ordinal) {
                    out.push_str(row.get(copied..cell.start - 1).ok_or(malformed)?);
                    out.push_str(text);
                    copied = cell.end + 1;
                    if let Some(column) = tally.columns.get_mut(ordinal) {
                        column.count_by_lineage(1);
                    }
                    continue;
                }
                let fate = masker.mask(value, scratch);
                // Most cells stay as they came, and are not counted.
                if fate == Fate::Kept && scratch.kinds.is_empty() && !masker.is_by_lineage() {
                    continue;
                }
                if fate != Fate::Kept {
                    // The cell stands between its quotes; what is before it has stayed as it came.
                    out.push_str(row.get(copied..cell.start - 1).ok_or(malformed)?);
                    copied = cell.end + 1;
                    match fate {
                        Fate::Changed => write_string(&scratch.cell, out),
                        Fate::Nulled | Fate::Kept => out.push_str("null"),
                    }
                }
                if let Some(column) = tally.columns.get_mut(ordinal) {
                    column.count(masker.is_by_lineage(), fate, scratch.kinds.iter().copied());
                }
            }
            out.push_str(row.get(copied..).ok_or(malformed)?);
            Ok(())
        })?;
        tally.rows += 1;
        Ok(())
    }

    fn malformed(&self, position: usize) -> MaskError {
        MaskError::Malformed { at: self.passed.saturating_add(u64::try_from(position).unwrap_or(u64::MAX)) }
    }
}

/// Reads a whole row without blanks, from its opening bracket on, and leaves its cells; answers its length. None when it
/// is no such row, or does not end within these bytes: the states then look at each of its bytes.
fn tight_row(bytes: &[u8], cells: &mut Vec<Cell>) -> Option<usize> {
    let mut position = 1;
    loop {
        match at(bytes, position) {
            b'"' => {
                let start = position + 1;
                let mut end = plain_end(bytes, start);
                let mut has_escape = false;
                while at(bytes, end) == b'\\' {
                    has_escape = true;
                    end = plain_end(bytes, end + 2);
                }
                if at(bytes, end) != b'"' {
                    return None;
                }
                cells.push(Cell { start, end, is_null: false, has_escape });
                position = end + 1;
            }
            b'n' if part(bytes, position, position + 4) == b"null" => {
                cells.push(Cell { start: position, end: position, is_null: true, has_escape: false });
                position += 4;
            }
            _ => return None,
        }
        match at(bytes, position) {
            b',' => position += 1,
            b']' => return Some(position + 1),
            _ => return None,
        }
    }
}

/// The JSON text that all values of a column become, where one masked alike is masked as all.
fn same_for_all(masker: &CellMasker) -> Option<String> {
    match masker.whole() {
        Whole::Null => Some("null".to_owned()),
        Whole::Constant(text) => {
            let mut quoted = String::new();
            write_json_string(text, &mut quoted);
            Some(quoted)
        }
        Whole::Kept | Whole::Each => None,
    }
}

/// Writes a JSON string with its quotes; most have nothing in them to escape.
fn write_string(value: &str, out: &mut String) {
    if plain_end(value.as_bytes(), 0) == value.len() {
        out.push('"');
        out.push_str(value);
        out.push('"');
    } else {
        write_json_string(value, out);
    }
}

/// The row without the blanks between its cells, whose bounds are moved accordingly.
fn tighten(row: &str, cells: &mut [Cell]) -> Option<String> {
    let mut tight = String::with_capacity(row.len());
    tight.push('[');
    for (ordinal, cell) in cells.iter_mut().enumerate() {
        if ordinal > 0 {
            tight.push(',');
        }
        if cell.is_null {
            tight.push_str("null");
            continue;
        }
        tight.push('"');
        let start = tight.len();
        tight.push_str(row.get(cell.start..cell.end)?);
        (cell.start, cell.end) = (start, tight.len());
        tight.push('"');
    }
    tight.push(']');
    Some(tight)
}

impl State {
    const fn is_in_row(self) -> bool {
        match self {
            Self::FirstCell
            | Self::NextCell
            | Self::AfterCell
            | Self::InText
            | Self::AfterBackslash
            | Self::InNull(_) => true,
            Self::BeforeArray
            | Self::FirstRow
            | Self::NextRow
            | Self::AfterRow
            | Self::AfterArray
            | Self::Broken => false,
        }
    }
}

impl fmt::Debug for JsonMasker {
    // SECURITY: the buffers hold cell values, the carry even in clear.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonMasker").field("rows", &self.tally.rows).finish_non_exhaustive()
    }
}
