//! One column of a stream: what it is, what it becomes, and which way is the shortest.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, new_null_array};
use arrow_buffer::NullBuffer;
use arrow_ipc::Field as WireField;
use arrow_schema::{Field, FieldRef};
use domain::{OutputColumn, SqlType};

use super::Refused;
use super::cells::{Cells, data_type};
use super::layout::{self, Layout, Physical, Width};
use super::made::{Made, wide_enough, without};
use super::parts::Parts;
use super::spelling::MOST_SCALE;
use super::texts::{self, Dictionaries, Shown};
use crate::cell::{CellMasker, Fate, Whole};
use crate::detectors::Scratch;
use crate::tally::ColumnTally;

/// One column of a stream.
pub(super) struct Column {
    layout: Layout,
    route: Route,
    /// What is written.
    physical: Physical,
    field: FieldRef,
    masker: CellMasker,
    shown: Shown,
}

/// How the column's values are masked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Route {
    /// NULL, nothing is read but which rows are so already.
    Null,
    /// The mask's one text; nothing else is read either.
    Constant,
    /// As they came.
    Kept,
    /// One by one.
    Each,
}

impl Column {
    /// The column that a field announces, masked as the plan says, if it is what the plan says that it is.
    pub fn of(
        field: WireField<'_>,
        output: &OutputColumn,
        masker: &CellMasker,
        is_contradicted: bool,
    ) -> Result<Self, Refused> {
        let layout = layout::of_field(field)?;
        let sql_type = masker.sql_type();
        let told = Told::of(field);
        let is_foreseen = !is_contradicted && told.agrees_with(sql_type) && holds(sql_type, layout.physical);
        let route = match masker.whole() {
            _ if !is_foreseen => Route::Null,
            Whole::Null => Route::Null,
            Whole::Constant(_) if layout.physical == Physical::Text => Route::Constant,
            Whole::Kept if !matches!(layout.physical, Physical::Text | Physical::Dictionary { .. }) => {
                Route::Kept
            }
            Whole::Constant(_) | Whole::Kept | Whole::Each => Route::Each,
        };
        let physical = match route {
            _ if !is_foreseen => usual(sql_type),
            Route::Each if masker.is_by_lineage() => wide_enough(sql_type, layout.physical),
            Route::Null | Route::Constant | Route::Kept | Route::Each => layout.physical,
        };
        let is_nullable = output.is_nullable || !is_foreseen;
        let metadata = metadata(&output.sql_type, physical, told.logical);
        let field = Field::new(&output.name, data_type(physical), is_nullable).with_metadata(metadata);
        Ok(Self {
            layout,
            route,
            physical,
            field: Arc::new(field),
            masker: masker.clone(),
            shown: Shown::default(),
        })
    }

    /// The field as the agent may know it.
    pub fn field(&self) -> &FieldRef {
        &self.field
    }

    /// The dictionary that the column's texts come in, if they are read.
    pub fn dictionary(&self) -> Option<i64> {
        match self.layout.physical {
            Physical::Dictionary { id, .. } => Some(id),
            Physical::Integer(_)
            | Physical::Decimal { .. }
            | Physical::Float
            | Physical::Boolean
            | Physical::Date
            | Physical::Text
            | Physical::Binary
            | Physical::Moment { .. }
            | Physical::DecFloat
            | Physical::Vector { .. }
            | Physical::Other => None,
        }
    }

    /// Bytes that so many rows take at least, known before anything is read.
    pub fn least_size(&self, rows: usize) -> usize {
        let value = match self.physical {
            Physical::Integer(width) => width.bytes(),
            Physical::Decimal { .. } | Physical::Moment { .. } | Physical::DecFloat => 16,
            Physical::Float => 8,
            Physical::Date
            | Physical::Text
            | Physical::Binary
            | Physical::Dictionary { .. }
            | Physical::Other => 4,
            Physical::Boolean => 1,
            Physical::Vector { size, .. } => usize::try_from(size).unwrap_or(usize::MAX).saturating_mul(4),
        };
        rows.saturating_mul(value)
    }

    /// Takes the column's parts of a batch and masks it.
    pub fn mask(
        &mut self,
        parts: &mut Parts<'_>,
        dictionaries: &Dictionaries,
        scratch: &mut Scratch,
        spelling: &mut String,
        tally: &mut ColumnTally,
    ) -> Result<ArrayRef, Refused> {
        let rows = parts.rows;
        match self.route {
            Route::Null => {
                let masked =
                    rows.saturating_sub(self.step_over(parts)?.map_or(0, |nulls| nulls.null_count()));
                tally.count_by_lineage(masked as u64);
                Ok(new_null_array(&data_type(self.physical), rows))
            }
            Route::Constant => {
                let nulls = self.step_over(parts)?;
                let text = match self.masker.whole() {
                    Whole::Constant(text) => text,
                    Whole::Null | Whole::Kept | Whole::Each => return Err(Refused::Malformed),
                };
                let masked = rows.saturating_sub(nulls.as_ref().map_or(0, NullBuffer::null_count));
                tally.count_by_lineage(masked as u64);
                Ok(Arc::new(texts::constant(text, rows, nulls)?))
            }
            Route::Kept => {
                let cells = Cells::read(self.layout.physical, parts)?.ok_or(Refused::Malformed)?;
                if !cells.are_usual() {
                    return self.look_through(cells, rows, scratch, spelling, tally);
                }
                let nulls = cells.nulls().cloned();
                cells.into_array(nulls)
            }
            Route::Each => match self.layout.physical {
                Physical::Text => {
                    let is_by_lineage = self.masker.is_by_lineage();
                    let masked = texts::mask(&parts.text()?, &self.masker, scratch, |fate, kinds| {
                        tally.count(is_by_lineage, fate, kinds.iter().copied());
                    })?;
                    Ok(Arc::new(masked))
                }
                Physical::Dictionary { id, keys } => {
                    self.shown.column((id, keys), dictionaries, parts, &self.masker, scratch, tally)
                }
                Physical::Integer(_)
                | Physical::Decimal { .. }
                | Physical::Float
                | Physical::Boolean
                | Physical::Date
                | Physical::Binary
                | Physical::Moment { .. }
                | Physical::DecFloat
                | Physical::Vector { .. }
                | Physical::Other => {
                    let cells = Cells::read(self.layout.physical, parts)?.ok_or(Refused::Malformed)?;
                    if self.masker.is_by_lineage() {
                        self.make(&cells, rows, scratch, spelling, tally)
                    } else {
                        self.look_through(cells, rows, scratch, spelling, tally)
                    }
                }
            },
        }
    }

    /// Makes each value anew.
    fn make(
        &self,
        cells: &Cells,
        rows: usize,
        scratch: &mut Scratch,
        spelling: &mut String,
        tally: &mut ColumnTally,
    ) -> Result<ArrayRef, Refused> {
        let mut made = Made::new(self.masker.sql_type(), self.physical, rows);
        let numeric = self.masker.in_numbers().filter(|_| made.takes_numbers());
        for row in 0..rows {
            if cells.nulls().is_some_and(|nulls| nulls.is_null(row)) {
                made.push(None)?;
                continue;
            }
            if let (Some(numeric), Some(number)) = (numeric, cells.number(row)) {
                tally.count_by_lineage(1);
                made.push_number(numeric.mask(number));
                continue;
            }
            let fate = self.mask_cell(cells, row, scratch, spelling, tally);
            made.push(match fate {
                Fate::Changed => Some(scratch.cell.as_str()),
                // A mask by lineage keeps nothing.
                Fate::Nulled | Fate::Kept => None,
            })?;
        }
        made.finish()
    }

    /// Keeps each value but those in which something is found: no type but text has room for saying what.
    fn look_through(
        &self,
        cells: Cells,
        rows: usize,
        scratch: &mut Scratch,
        spelling: &mut String,
        tally: &mut ColumnTally,
    ) -> Result<ArrayRef, Refused> {
        let mut nulled = Vec::new();
        for row in 0..rows {
            if cells.nulls().is_some_and(|nulls| nulls.is_null(row)) {
                continue;
            }
            if cells.float(row).is_some_and(|number| self.masker.keeps_float(number)) {
                continue;
            }
            if self.mask_cell(&cells, row, scratch, spelling, tally) != Fate::Kept {
                nulled.push(row);
            }
        }
        let nulls = NullBuffer::union(cells.nulls(), without(rows, &nulled).as_ref());
        cells.into_array(nulls)
    }

    fn mask_cell(
        &self,
        cells: &Cells,
        row: usize,
        scratch: &mut Scratch,
        spelling: &mut String,
        tally: &mut ColumnTally,
    ) -> Fate {
        spelling.clear();
        let fate = match cells.spell(self.masker.sql_type(), row, spelling) {
            Some(()) => self.masker.mask(spelling, scratch),
            // What cannot be spelt cannot be looked at.
            None => {
                scratch.kinds.clear();
                Fate::Nulled
            }
        };
        tally.count(self.masker.is_by_lineage(), fate, scratch.kinds.iter().copied());
        fate
    }

    /// Steps over the column; which rows are NULL, as far as that can be told without knowing the type.
    fn step_over(&self, parts: &mut Parts<'_>) -> Result<Option<NullBuffer>, Refused> {
        let Layout { nodes, buffers, .. } = self.layout;
        let Some(rest) = buffers.checked_sub(1) else {
            parts.skip(nodes, 0)?;
            return Ok(Some(NullBuffer::new_null(parts.rows)));
        };
        let nulls = parts.validity()?;
        parts.skip(nodes.saturating_sub(1), rest)?;
        Ok(nulls)
    }
}

/// What a field says of itself beside its type.
struct Told<'a> {
    logical: Option<&'a str>,
    scale: Option<&'a str>,
}

impl<'a> Told<'a> {
    fn of(field: WireField<'a>) -> Self {
        let value = |name: &str| {
            let mut pairs = field.custom_metadata().into_iter().flatten();
            pairs.find(|pair| pair.key() == Some(name)).and_then(|pair| pair.value())
        };
        Self { logical: value("logicalType"), scale: value("scale") }
    }

    /// Whether the field is what the answer's description says, as far as it says anything.
    fn agrees_with(&self, sql_type: &SqlType) -> bool {
        let is_named = self.logical.is_none_or(|logical| match sql_type {
            SqlType::Geography | SqlType::Geometry => [sql_type.wire_name(), "object", "text", "binary"]
                .iter()
                .any(|n| logical.eq_ignore_ascii_case(n)),
            SqlType::Fixed { .. }
            | SqlType::Real
            | SqlType::DecFloat
            | SqlType::Text { .. }
            | SqlType::Boolean
            | SqlType::Date
            | SqlType::Time { .. }
            | SqlType::TimestampNtz { .. }
            | SqlType::TimestampLtz { .. }
            | SqlType::TimestampTz { .. }
            | SqlType::Binary { .. }
            | SqlType::Variant
            | SqlType::Object
            | SqlType::Array
            | SqlType::Vector
            | SqlType::Map
            | SqlType::Unknown(_) => logical.eq_ignore_ascii_case(sql_type.wire_name()),
        });
        let is_scaled = match (sql_type.scale(), self.scale) {
            (Some(scale), Some(told)) => told.parse() == Ok(scale),
            (None, _) | (_, None) => true,
        };
        is_named && is_scaled
    }
}

/// Whether a column of that type may be so laid out.
fn holds(sql_type: &SqlType, physical: Physical) -> bool {
    let is_text = matches!(physical, Physical::Text | Physical::Dictionary { .. });
    match sql_type {
        SqlType::Fixed { scale, .. } => match physical {
            Physical::Integer(_) => *scale <= MOST_SCALE,
            Physical::Decimal { scale: told, .. } => i16::from(*scale) == i16::from(told),
            Physical::Float
            | Physical::Boolean
            | Physical::Date
            | Physical::Text
            | Physical::Binary
            | Physical::Dictionary { .. }
            | Physical::Moment { .. }
            | Physical::DecFloat
            | Physical::Vector { .. }
            | Physical::Other => false,
        },
        SqlType::Real => physical == Physical::Float,
        SqlType::DecFloat => physical == Physical::DecFloat,
        SqlType::Boolean => physical == Physical::Boolean,
        SqlType::Date => physical == Physical::Date,
        SqlType::Time { .. } => matches!(physical, Physical::Integer(Width::Four | Width::Eight)),
        SqlType::TimestampNtz { .. } | SqlType::TimestampLtz { .. } => matches!(
            physical,
            Physical::Integer(Width::Eight) | Physical::Moment { has_fraction: true, has_zone: false }
        ),
        SqlType::TimestampTz { .. } => matches!(physical, Physical::Moment { has_zone: true, .. }),
        SqlType::Binary { .. } => physical == Physical::Binary,
        SqlType::Geography | SqlType::Geometry => is_text || physical == Physical::Binary,
        SqlType::Vector => is_text || matches!(physical, Physical::Vector { .. }),
        SqlType::Text { .. } | SqlType::Variant | SqlType::Object | SqlType::Array | SqlType::Map => is_text,
        SqlType::Unknown(_) => false,
    }
}

/// How a column of that type lies that has nothing to show.
fn usual(sql_type: &SqlType) -> Physical {
    match sql_type {
        SqlType::Fixed { .. } => wide_enough(sql_type, Physical::Integer(Width::Eight)),
        SqlType::Real => Physical::Float,
        SqlType::DecFloat => Physical::DecFloat,
        SqlType::Boolean => Physical::Boolean,
        SqlType::Date => Physical::Date,
        SqlType::Time { .. } => Physical::Integer(Width::Eight),
        SqlType::TimestampNtz { .. } | SqlType::TimestampLtz { .. } => {
            Physical::Moment { has_fraction: true, has_zone: false }
        }
        SqlType::TimestampTz { .. } => Physical::Moment { has_fraction: true, has_zone: true },
        SqlType::Binary { .. } => Physical::Binary,
        SqlType::Text { .. }
        | SqlType::Variant
        | SqlType::Object
        | SqlType::Array
        | SqlType::Geography
        | SqlType::Geometry
        | SqlType::Vector
        | SqlType::Map
        | SqlType::Unknown(_) => Physical::Text,
    }
}

/// Snowflake's field metadata for the masked column, all of it strings. Nothing that upstream said is passed on.
fn metadata(sql_type: &SqlType, physical: Physical, told: Option<&str>) -> HashMap<String, String> {
    let logical = match sql_type {
        SqlType::Geography | SqlType::Geometry => match (physical, told) {
            (Physical::Binary, _) => "BINARY".to_owned(),
            (_, Some(told)) if told.eq_ignore_ascii_case("text") => "TEXT".to_owned(),
            _ => "OBJECT".to_owned(),
        },
        // A type that drivers do not know breaks them; what is shown of it is NULL anyway.
        SqlType::Unknown(_) => "TEXT".to_owned(),
        SqlType::Fixed { .. }
        | SqlType::Real
        | SqlType::DecFloat
        | SqlType::Text { .. }
        | SqlType::Boolean
        | SqlType::Date
        | SqlType::Time { .. }
        | SqlType::TimestampNtz { .. }
        | SqlType::TimestampLtz { .. }
        | SqlType::TimestampTz { .. }
        | SqlType::Binary { .. }
        | SqlType::Variant
        | SqlType::Object
        | SqlType::Array
        | SqlType::Vector
        | SqlType::Map => sql_type.wire_name().to_ascii_uppercase(),
    };
    let characters = if let SqlType::Text { length } = sql_type { *length } else { 0 };
    let bytes = match (sql_type, physical) {
        (SqlType::Text { length }, _) => length.saturating_mul(4),
        (SqlType::Binary { length }, _) => *length,
        (_, Physical::Integer(width)) => width.bytes() as u64,
        (_, Physical::Decimal { .. } | Physical::Moment { has_fraction: true, .. }) => 16,
        (_, Physical::Moment { has_fraction: false, .. } | Physical::Float) => 8,
        (_, Physical::Date) => 4,
        (_, Physical::Boolean) => 1,
        (
            _,
            Physical::Text
            | Physical::Binary
            | Physical::Dictionary { .. }
            | Physical::DecFloat
            | Physical::Vector { .. }
            | Physical::Other,
        ) => 0,
    };
    let pairs = [
        ("logicalType", logical),
        ("precision", sql_type.precision().unwrap_or(38).to_string()),
        ("scale", sql_type.scale().unwrap_or(0).to_string()),
        ("charLength", characters.to_string()),
        ("byteLength", bytes.to_string()),
        ("finalType", "T".to_owned()),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
