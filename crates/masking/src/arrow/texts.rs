//! Columns of texts, plain and by dictionary.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::types::{ArrowPrimitiveType, Int8Type, Int16Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, StringArray};
use arrow_buffer::{Buffer, NullBuffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer};

use super::Refused;
use super::frame::LARGEST_BODY;
use super::layout::Width;
use super::parts::Parts;
use crate::cell::{CellMasker, Fate};
use crate::detectors::{Kind, Scratch};
use crate::tally::ColumnTally;

/// Masks texts. The very array where nothing changes.
pub(super) fn mask(
    texts: &StringArray,
    masker: &CellMasker,
    scratch: &mut Scratch,
    mut count: impl FnMut(Fate, &[Kind]),
) -> Result<StringArray, Refused> {
    let nulls = texts.nulls();
    // SECURITY: what stands under a NULL is no value and does not leave; there may then be bytes that no value has.
    let mut out = texts
        .offsets()
        .has_non_empty_nulls(nulls)
        .then(|| Texts::with_room(texts.len(), texts.values().len()));
    for row in 0..texts.len() {
        if nulls.is_some_and(|nulls| nulls.is_null(row)) {
            if let Some(out) = &mut out {
                out.push(None)?;
            }
            continue;
        }
        let value = texts.value(row);
        let fate = masker.mask(value, scratch);
        count(fate, &scratch.kinds);
        let masked = match fate {
            Fate::Kept => Some(value),
            Fate::Nulled => None,
            Fate::Changed => Some(scratch.cell.as_str()),
        };
        match &mut out {
            Some(out) => out.push(masked)?,
            None if fate == Fate::Kept => {}
            None => {
                let mut begun = Texts::with_room(texts.len(), texts.values().len());
                begun.push_front_of(texts, row)?;
                begun.push(masked)?;
                out = Some(begun);
            }
        }
    }
    out.map_or_else(|| Ok(texts.clone()), Texts::finish)
}

/// Bytes of a column's texts; none of another column's.
pub(super) fn size(array: &dyn Array) -> usize {
    let texts = array.as_any().downcast_ref::<StringArray>();
    let ends = texts.map(|texts| (texts.offsets().first().copied(), texts.offsets().last().copied()));
    match ends {
        Some((Some(first), Some(last))) => usize::try_from(last.saturating_sub(first)).unwrap_or(usize::MAX),
        Some(_) | None => 0,
    }
}

/// The same text in every row that is not NULL.
pub(super) fn constant(text: &str, rows: usize, nulls: Option<NullBuffer>) -> Result<StringArray, Refused> {
    let valid = rows.saturating_sub(nulls.as_ref().map_or(0, NullBuffer::null_count));
    if text.len().saturating_mul(valid) > LARGEST_BODY {
        return Err(Refused::TooLarge);
    }
    let offsets = match &nulls {
        None => OffsetBuffer::from_repeated_length(text.len(), rows),
        Some(nulls) => {
            OffsetBuffer::from_lengths(nulls.iter().map(|is_valid| if is_valid { text.len() } else { 0 }))
        }
    };
    let values = Buffer::from_vec(text.as_bytes().repeat(valid));
    StringArray::try_new(offsets, values, nulls).map_err(|_| Refused::Malformed)
}

/// The texts of a stream's dictionaries, as they came.
#[derive(Default)]
pub(super) struct Dictionaries {
    texts: HashMap<i64, (u64, StringArray)>,
    /// How many came so far: what is masked of an older one is not used for a newer one.
    came: u64,
}

impl Dictionaries {
    /// Keeps a dictionary in place of the one that had its name.
    pub fn keep(&mut self, id: i64, texts: StringArray) -> Result<(), Refused> {
        self.came += 1;
        self.texts.insert(id, (self.came, texts));
        let held = self.texts.values().map(|(_, texts)| texts.values().len()).sum::<usize>();
        if held > LARGEST_BODY { Err(Refused::TooLarge) } else { Ok(()) }
    }
}

/// A dictionary as one column shows it.
#[derive(Default)]
pub(super) struct Shown {
    version: u64,
    texts: Option<StringArray>,
    fates: Vec<Fate>,
    /// What was found, by number of the text.
    kinds: Vec<(usize, Kind)>,
}

impl Shown {
    /// Takes a column of numbers and writes out the masked texts that they name. Each text is masked once.
    pub fn column(
        &mut self,
        (id, keys): (i64, Width),
        dictionaries: &Dictionaries,
        parts: &mut Parts<'_>,
        masker: &CellMasker,
        scratch: &mut Scratch,
        tally: &mut ColumnTally,
    ) -> Result<ArrayRef, Refused> {
        let (keys, nulls) = match keys {
            Width::One => numbers::<Int8Type>(parts)?,
            Width::Two => numbers::<Int16Type>(parts)?,
            Width::Four => numbers::<Int32Type>(parts)?,
            Width::Eight => numbers::<Int64Type>(parts)?,
        };
        let Some((version, texts)) = dictionaries.texts.get(&id) else {
            // Without its dictionary, a column can be nothing but NULL.
            return match nulls {
                _ if keys.is_empty() => Ok(Arc::new(StringArray::new_null(0))),
                Some(nulls) if nulls.null_count() == keys.len() => {
                    Ok(Arc::new(StringArray::new_null(keys.len())))
                }
                Some(_) | None => Err(Refused::Malformed),
            };
        };
        if self.version != *version || self.texts.is_none() {
            self.mask(*version, texts, masker, scratch)?;
        }
        let Some(shown) = &self.texts else { return Err(Refused::Malformed) };
        let mut out = Texts::with_room(keys.len(), 0);
        for (row, key) in keys.iter().enumerate() {
            if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                out.push(None)?;
                continue;
            }
            let key =
                usize::try_from(*key).ok().filter(|key| *key < texts.len()).ok_or(Refused::Malformed)?;
            if texts.is_null(key) {
                out.push(None)?;
                continue;
            }
            let fate = self.fates.get(key).copied().unwrap_or(Fate::Nulled);
            tally.count(masker.is_by_lineage(), fate, self.kinds_of(key));
            out.push((!shown.is_null(key)).then(|| shown.value(key)))?;
        }
        Ok(Arc::new(out.finish()?))
    }

    fn mask(
        &mut self,
        version: u64,
        texts: &StringArray,
        masker: &CellMasker,
        scratch: &mut Scratch,
    ) -> Result<(), Refused> {
        let mut fates = Vec::with_capacity(texts.len());
        let mut found = Vec::new();
        // The callback is called for what is not NULL alone.
        let mut rows = (0..texts.len()).filter(|row| texts.is_valid(*row));
        let shown = mask(texts, masker, scratch, |fate, kinds| {
            let row = rows.next().unwrap_or(0);
            fates.resize(row, Fate::Nulled);
            fates.push(fate);
            found.extend(kinds.iter().map(|&kind| (row, kind)));
        })?;
        *self = Self { version, texts: Some(shown), fates, kinds: found };
        Ok(())
    }

    fn kinds_of(&self, key: usize) -> impl Iterator<Item = Kind> + '_ {
        let from = self.kinds.partition_point(|(row, _)| *row < key);
        self.kinds.iter().skip(from).take_while(move |(row, _)| *row == key).map(|(_, kind)| *kind)
    }
}

fn numbers<T: ArrowPrimitiveType>(parts: &mut Parts<'_>) -> Result<(Vec<i64>, Option<NullBuffer>), Refused>
where
    T::Native: Into<i64>,
{
    let (_, values, nulls) = parts.primitive::<T>()?.into_parts();
    Ok((values.iter().map(|value| (*value).into()).collect(), nulls))
}

/// Texts under construction.
struct Texts {
    values: Vec<u8>,
    offsets: Vec<i32>,
    nulls: NullBufferBuilder,
}

impl Texts {
    fn with_room(rows: usize, bytes: usize) -> Self {
        let mut offsets = Vec::with_capacity(rows.saturating_add(1));
        offsets.push(0);
        Self { values: Vec::with_capacity(bytes), offsets, nulls: NullBufferBuilder::new(rows) }
    }

    fn push(&mut self, text: Option<&str>) -> Result<(), Refused> {
        if let Some(text) = text {
            self.values.extend_from_slice(text.as_bytes());
            if self.values.len() > LARGEST_BODY {
                return Err(Refused::TooLarge);
            }
        }
        self.nulls.append(text.is_some());
        self.offsets.push(i32::try_from(self.values.len()).map_err(|_| Refused::TooLarge)?);
        Ok(())
    }

    /// Copies the texts before a row. None of them has bytes under a NULL.
    fn push_front_of(&mut self, texts: &StringArray, rows: usize) -> Result<(), Refused> {
        let front = texts.slice(0, rows);
        let start = front.offsets().first().copied().unwrap_or(0);
        let end = front.offsets().last().copied().unwrap_or(start);
        let span = usize::try_from(start).ok().zip(usize::try_from(end).ok());
        let bytes = span.and_then(|(start, end)| texts.values().get(start..end)).ok_or(Refused::Malformed)?;
        self.values.extend_from_slice(bytes);
        self.offsets.extend(front.offsets().iter().skip(1).map(|offset| offset - start));
        match front.nulls() {
            Some(nulls) => self.nulls.append_buffer(nulls),
            None => self.nulls.append_n_non_nulls(rows),
        }
        Ok(())
    }

    fn finish(self) -> Result<StringArray, Refused> {
        let Self { values, offsets, mut nulls } = self;
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        StringArray::try_new(offsets, Buffer::from_vec(values), nulls.finish())
            .map_err(|_| Refused::Malformed)
    }
}
