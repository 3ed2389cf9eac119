//! The nodes and buffers of a batch, taken in order. Every bound is checked here, before anything reads a value.

use arrow_array::types::ArrowPrimitiveType;
use arrow_array::{BinaryArray, PrimitiveArray, StringArray};
use arrow_buffer::{ArrowNativeType, BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_ipc::RecordBatch;

use super::Refused;
use super::frame::Body;

/// A batch may have so many rows. More would make columns that are not read grow without anything being sent.
const MOST_ROWS: usize = 1 << 24;

/// The parts of one batch.
pub(super) struct Parts<'a> {
    body: &'a Body<'a>,
    /// Rows of the batch.
    pub rows: usize,
    nodes: std::vec::IntoIter<(i64, i64)>,
    buffers: std::vec::IntoIter<(i64, i64)>,
    /// Bytes of the body that no buffer has claimed yet. Buffers do not share bytes: many that did would make much of
    /// little.
    unclaimed: usize,
}

impl<'a> Parts<'a> {
    /// The parts of a batch whose header was verified.
    pub fn of(batch: RecordBatch<'_>, body: &'a Body<'a>) -> Result<Self, Refused> {
        if batch.compression().is_some() {
            return Err(Refused::Unsupported("compressed batches"));
        }
        if batch.variadicBufferCounts().is_some_and(|counts| !counts.is_empty()) {
            return Err(Refused::Unsupported("views"));
        }
        let rows = usize::try_from(batch.length()).map_err(|_| Refused::Malformed)?;
        if rows > MOST_ROWS {
            return Err(Refused::TooLarge);
        }
        // Whatever a column holds, it takes a bit a row. Rows that nothing was sent for would make much of nothing.
        if rows > body.len().saturating_mul(8) {
            return Err(Refused::Malformed);
        }
        // The header was verified, so these lists are no longer than it is.
        let nodes: Vec<_> = batch.nodes().iter().flatten().map(|n| (n.length(), n.null_count())).collect();
        let buffers: Vec<_> = batch.buffers().iter().flatten().map(|b| (b.offset(), b.length())).collect();
        let (nodes, buffers) = (nodes.into_iter(), buffers.into_iter());
        Ok(Self { body, rows, nodes, buffers, unclaimed: body.len() })
    }

    /// Ends the batch: everything must have been taken.
    pub fn finish(mut self) -> Result<(), Refused> {
        match (self.nodes.next(), self.buffers.next()) {
            (None, None) => Ok(()),
            _ => Err(Refused::Malformed),
        }
    }

    /// Steps over nodes and buffers.
    pub fn skip(&mut self, nodes: usize, buffers: usize) -> Result<(), Refused> {
        for _ in 0..nodes {
            self.nodes.next().ok_or(Refused::Malformed)?;
        }
        for _ in 0..buffers {
            self.span()?;
        }
        Ok(())
    }

    /// Takes a column's node, which must have as many values as the batch has rows, and its validity.
    pub fn validity(&mut self) -> Result<Option<NullBuffer>, Refused> {
        self.validity_of(self.rows)
    }

    fn validity_of(&mut self, values: usize) -> Result<Option<NullBuffer>, Refused> {
        let (length, null_count) = self.nodes.next().ok_or(Refused::Malformed)?;
        if usize::try_from(length) != Ok(values) {
            return Err(Refused::Malformed);
        }
        let bits = self.span()?;
        if bits.length == 0 {
            // NULLs that nothing tells the places of.
            return if null_count == 0 { Ok(None) } else { Err(Refused::Malformed) };
        }
        let nulls = NullBuffer::new(self.bits_of(bits, values)?);
        Ok((nulls.null_count() > 0).then_some(nulls))
    }

    /// Takes a buffer of bits, one a row.
    pub fn bits(&mut self) -> Result<BooleanBuffer, Refused> {
        let bits = self.span()?;
        self.bits_of(bits, self.rows)
    }

    /// Takes a buffer of numbers, one a row.
    pub fn numbers<T: ArrowNativeType>(&mut self) -> Result<ScalarBuffer<T>, Refused> {
        let span = self.span()?;
        self.numbers_of(span, self.rows)
    }

    /// Takes a column of numbers.
    pub fn primitive<T: ArrowPrimitiveType>(&mut self) -> Result<PrimitiveArray<T>, Refused> {
        let nulls = self.validity()?;
        let values = self.numbers::<T::Native>()?;
        PrimitiveArray::try_new(values, nulls).map_err(|_| Refused::Malformed)
    }

    /// Takes the elements of lists of that many numbers each.
    pub fn elements<T: ArrowPrimitiveType>(&mut self, size: usize) -> Result<PrimitiveArray<T>, Refused> {
        let count = self.rows.checked_mul(size).ok_or(Refused::Malformed)?;
        let nulls = self.validity_of(count)?;
        let span = self.span()?;
        let values = self.numbers_of(span, count)?;
        PrimitiveArray::try_new(values, nulls).map_err(|_| Refused::Malformed)
    }

    /// Takes a column of texts.
    pub fn text(&mut self) -> Result<StringArray, Refused> {
        let nulls = self.validity()?;
        let (offsets, values) = self.spans()?;
        // This checks that the bytes are text, too.
        StringArray::try_new(offsets, values, nulls).map_err(|_| Refused::Malformed)
    }

    /// Takes a column of bytes.
    pub fn binary(&mut self) -> Result<BinaryArray, Refused> {
        let nulls = self.validity()?;
        let (offsets, values) = self.spans()?;
        BinaryArray::try_new(offsets, values, nulls).map_err(|_| Refused::Malformed)
    }

    fn spans(&mut self) -> Result<(OffsetBuffer<i32>, Buffer), Refused> {
        let offsets = self.span()?;
        let values = self.span()?;
        let values = self.bytes(values, values.length)?;
        // A column without rows may leave its one offset out.
        if self.rows == 0 && offsets.length == 0 {
            return Ok((OffsetBuffer::new_empty(), values));
        }
        let offsets = self.numbers_of::<i32>(offsets, self.rows + 1)?;
        let first = offsets.first().copied().unwrap_or(-1);
        let last = offsets.last().copied().and_then(|last| usize::try_from(last).ok());
        let is_rising =
            offsets.iter().zip(offsets.iter().skip(1)).fold(true, |so_far, (a, b)| so_far & (a <= b));
        if first < 0 || !is_rising || last.is_none_or(|last| last > values.len()) {
            return Err(Refused::Malformed);
        }
        Ok((OffsetBuffer::new(offsets), values))
    }

    /// Takes a buffer's place, which lies within the body.
    fn span(&mut self) -> Result<Span, Refused> {
        let (offset, length) = self.buffers.next().ok_or(Refused::Malformed)?;
        let offset = usize::try_from(offset).map_err(|_| Refused::Malformed)?;
        let length = usize::try_from(length).map_err(|_| Refused::Malformed)?;
        self.unclaimed = self.unclaimed.checked_sub(length).ok_or(Refused::Malformed)?;
        let is_within = offset.checked_add(length).is_some_and(|end| end <= self.body.len());
        if is_within { Ok(Span { offset, length }) } else { Err(Refused::Malformed) }
    }

    /// The first bytes of a buffer, which must have so many.
    fn bytes(&self, span: Span, needed: usize) -> Result<Buffer, Refused> {
        if needed > span.length {
            return Err(Refused::Malformed);
        }
        self.body.part(span.offset, needed).ok_or(Refused::Malformed)
    }

    fn bits_of(&self, span: Span, count: usize) -> Result<BooleanBuffer, Refused> {
        Ok(BooleanBuffer::new(self.bytes(span, count.div_ceil(8))?, 0, count))
    }

    /// The first numbers of a buffer; copied where they are not aligned.
    fn numbers_of<T: ArrowNativeType>(&self, span: Span, count: usize) -> Result<ScalarBuffer<T>, Refused> {
        let bytes = self.bytes(span, count.checked_mul(size_of::<T>()).ok_or(Refused::Malformed)?)?;
        if bytes.as_ptr().align_offset(align_of::<T>()) == 0 {
            Ok(ScalarBuffer::from(bytes))
        } else {
            Ok(ScalarBuffer::from(Buffer::from(bytes.as_slice())))
        }
    }
}

/// Where a buffer lies in the body.
#[derive(Clone, Copy)]
struct Span {
    offset: usize,
    length: usize,
}
