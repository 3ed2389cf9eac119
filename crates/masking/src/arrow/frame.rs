//! Cutting a stream into messages: marker, length, header, body, padding apart. What a length says is checked
//! before anything is allocated for it.

use arrow_buffer::{Buffer, MutableBuffer};

use super::Refused;

/// A message's header may have so many bytes: some hundred thousand columns.
const LARGEST_HEADER: usize = 16 << 20;

/// A batch may have so many bytes. Larger ones cannot be masked in bounded memory.
pub(super) const LARGEST_BODY: usize = 64 << 20;

/// What was cut off.
pub(super) enum Frame<'a> {
    /// A verified header with its body.
    Message { header: Vec<u8>, body: Body<'a> },
    /// The mark that ends a stream.
    End,
}

/// The bytes behind a header.
pub(super) enum Body<'a> {
    /// Put together from several slices.
    Kept(Buffer),
    /// All within the slice that was pushed: what nobody reads of it is not copied either.
    Lent(&'a [u8]),
}

impl Body<'_> {
    /// How many bytes.
    pub fn len(&self) -> usize {
        match self {
            Self::Kept(buffer) => buffer.len(),
            Self::Lent(bytes) => bytes.len(),
        }
    }

    /// Some of the bytes, which must be there.
    pub fn part(&self, offset: usize, length: usize) -> Option<Buffer> {
        let end = offset.checked_add(length)?;
        match self {
            Self::Kept(buffer) => (end <= buffer.len()).then(|| buffer.slice_with_length(offset, length)),
            Self::Lent(bytes) => bytes.get(offset..end).map(Buffer::from),
        }
    }
}

/// The cutter.
#[derive(Default)]
pub(super) struct Frames {
    stage: Stage,
    /// Bytes of the stream that were taken.
    pub passed: u64,
    /// The body that was cut last: its memory is used again once nobody else reads it.
    spare: Option<Buffer>,
}

enum Stage {
    /// Four bytes: the marker, or a length.
    Word {
        bytes: [u8; 4],
        read: usize,
        has_marker: bool,
    },
    Header {
        size: usize,
        header: Vec<u8>,
    },
    Body {
        header: Vec<u8>,
        size: usize,
        body: MutableBuffer,
    },
    Ended,
}

impl Default for Stage {
    fn default() -> Self {
        Self::Word { bytes: [0; 4], read: 0, has_marker: false }
    }
}

impl Frames {
    /// Takes bytes off the input until a frame is whole; none when the input is used up before.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Frame<'a>>, Refused> {
        loop {
            match std::mem::take(&mut self.stage) {
                Stage::Word { mut bytes, mut read, has_marker } => {
                    let part = self.take(input, 4 - read);
                    if let Some(room) = bytes.get_mut(read..read + part.len()) {
                        room.copy_from_slice(part);
                    }
                    read += part.len();
                    if read < 4 {
                        self.stage = Stage::Word { bytes, read, has_marker };
                        return Ok(None);
                    }
                    if !has_marker && bytes == [0xFF; 4] {
                        self.stage = Stage::Word { bytes: [0; 4], read: 0, has_marker: true };
                        continue;
                    }
                    let size = u32::from_le_bytes(bytes);
                    if size == 0 {
                        self.stage = Stage::Ended;
                        return Ok(Some(Frame::End));
                    }
                    let size = usize::try_from(size).ok().filter(|size| *size <= LARGEST_HEADER);
                    let size = size.ok_or(Refused::TooLarge)?;
                    self.stage = Stage::Header { size, header: Vec::new() };
                }
                Stage::Header { size, mut header } => {
                    let part = self.take(input, size - header.len());
                    header.extend_from_slice(part);
                    if header.len() < size {
                        self.stage = Stage::Header { size, header };
                        return Ok(None);
                    }
                    let message = arrow_ipc::root_as_message(&header).map_err(|_| Refused::Malformed)?;
                    let size = usize::try_from(message.bodyLength()).map_err(|_| Refused::Malformed)?;
                    if size > LARGEST_BODY {
                        return Err(Refused::TooLarge);
                    }
                    if input.len() >= size {
                        let body = Body::Lent(self.take(input, size));
                        return Ok(Some(Frame::Message { header, body }));
                    }
                    let body = self.room(size);
                    self.stage = Stage::Body { header, size, body };
                }
                Stage::Body { header, size, mut body } => {
                    let part = self.take(input, size - body.len());
                    body.extend_from_slice(part);
                    if body.len() < size {
                        self.stage = Stage::Body { header, size, body };
                        return Ok(None);
                    }
                    let body = Buffer::from(body);
                    self.spare = Some(body.clone());
                    return Ok(Some(Frame::Message { header, body: Body::Kept(body) }));
                }
                Stage::Ended => {
                    self.stage = Stage::Ended;
                    return if input.is_empty() { Ok(None) } else { Err(Refused::Malformed) };
                }
            }
        }
    }

    /// Whether no message is under way: the bytes may end here, with the mark of the end or without.
    pub fn is_between(&self) -> bool {
        match self.stage {
            Stage::Ended => true,
            Stage::Word { read, has_marker, .. } => read == 0 && !has_marker,
            Stage::Header { .. } | Stage::Body { .. } => false,
        }
    }

    /// Makes ready for the next stream.
    pub fn restart(&mut self) {
        self.stage = Stage::default();
        self.passed = 0;
    }

    fn take<'a>(&mut self, input: &mut &'a [u8], most: usize) -> &'a [u8] {
        let (part, rest) = input.split_at(most.min(input.len()));
        *input = rest;
        self.passed = self.passed.saturating_add(part.len() as u64);
        part
    }

    /// Memory for a body of that size, which was checked. It is aligned as every type wants it.
    fn room(&mut self, size: usize) -> MutableBuffer {
        if let Some(Ok(mut used)) = self.spare.take().map(Buffer::into_mutable) {
            // A row of small batches must not hold the memory of one large one.
            if used.capacity() <= size.saturating_mul(4).max(1 << 20) {
                used.clear();
                used.reserve(size);
                return used;
            }
        }
        MutableBuffer::with_capacity(size)
    }
}
