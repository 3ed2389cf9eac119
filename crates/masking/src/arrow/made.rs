//! Columns whose values a mask makes anew, from the spelling that the mask wrote.

use arrow_array::{
    ArrayRef, BinaryArray, Date32Array, Decimal128Array, Float64Array, Int64Array, new_null_array,
};
use arrow_buffer::{Buffer, NullBuffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use domain::SqlType;

use super::Refused;
use super::cells::{Cells, DecFloats, Moments, data_type};
use super::layout::{Physical, Width};
use super::spelling::{read_decfloat, read_moment, read_scaled, read_units};

/// The values so far.
pub(super) struct Made<'a> {
    sql_type: &'a SqlType,
    physical: Physical,
    nulls: NullBufferBuilder,
    longs: Vec<i64>,
    ints: Vec<i32>,
    zones: Vec<i32>,
    wides: Vec<i128>,
    floats: Vec<f64>,
    exponents: Vec<i16>,
    bytes: Vec<u8>,
    ends: Vec<i32>,
}

impl<'a> Made<'a> {
    pub fn new(sql_type: &'a SqlType, physical: Physical, rows: usize) -> Self {
        Self {
            sql_type,
            physical,
            nulls: NullBufferBuilder::new(rows),
            longs: Vec::new(),
            ints: Vec::new(),
            zones: Vec::new(),
            wides: Vec::new(),
            floats: Vec::new(),
            exponents: Vec::new(),
            bytes: Vec::new(),
            ends: vec![0],
        }
    }

    /// Adds what a mask wrote; NULL where it wrote nothing, or nothing that the type can hold.
    pub fn push(&mut self, text: Option<&str>) -> Result<(), Refused> {
        let is_held = text.is_some_and(|text| self.read(text).is_some());
        if !is_held {
            self.read_zero();
        }
        self.nulls.append(is_held);
        if self.physical == Physical::DecFloat {
            self.ends.push(i32::try_from(self.bytes.len()).map_err(|_| Refused::TooLarge)?);
        }
        Ok(())
    }

    /// Whether what is made are plain numbers.
    pub fn takes_numbers(&self) -> bool {
        matches!(self.physical, Physical::Integer(Width::Eight) | Physical::Decimal { .. } | Physical::Date)
    }

    /// Adds a whole or unscaled number; NULL where there is none, or none that the type can hold.
    pub fn push_number(&mut self, number: Option<i128>) {
        let is_held = number.is_some_and(|number| self.hold(number).is_some());
        if !is_held {
            self.read_zero();
        }
        self.nulls.append(is_held);
    }

    fn hold(&mut self, number: i128) -> Option<()> {
        match self.physical {
            Physical::Integer(Width::Eight) => self.longs.push(i64::try_from(number).ok()?),
            Physical::Decimal { precision, .. } => {
                let limit = 10_u128.checked_pow(u32::from(precision))?;
                self.wides.push((number.unsigned_abs() < limit).then_some(number)?);
            }
            Physical::Date => self.ints.push(i32::try_from(number).ok()?),
            Physical::Integer(_)
            | Physical::Float
            | Physical::Boolean
            | Physical::Text
            | Physical::Binary
            | Physical::Dictionary { .. }
            | Physical::Moment { .. }
            | Physical::DecFloat
            | Physical::Vector { .. }
            | Physical::Other => return None,
        }
        Some(())
    }

    /// The column.
    pub fn finish(self) -> Result<ArrayRef, Refused> {
        let Self { physical, mut nulls, longs, ints, zones, wides, floats, exponents, bytes, ends, .. } =
            self;
        let rows = nulls.len();
        let nulls = nulls.finish();
        let cells = match physical {
            Physical::Integer(Width::Eight) => Cells::Eight(Int64Array::new(longs.into(), nulls.clone())),
            Physical::Decimal { precision, scale } => {
                let wide = Decimal128Array::new(wides.into(), nulls.clone());
                Cells::Wide(wide.with_precision_and_scale(precision, scale).map_err(|_| Refused::Malformed)?)
            }
            Physical::Float => Cells::Float(Float64Array::new(floats.into(), nulls.clone())),
            Physical::Date => Cells::Days(Date32Array::new(ints.into(), nulls.clone())),
            Physical::Moment { has_fraction, has_zone } => Cells::Moments(Moments {
                epoch: longs.into(),
                fraction: has_fraction.then(|| ints.into()),
                zone: has_zone.then(|| zones.into()),
                nulls: nulls.clone(),
            }),
            Physical::DecFloat => {
                let offsets = OffsetBuffer::new(ScalarBuffer::from(ends));
                let significand = BinaryArray::try_new(offsets, Buffer::from_vec(bytes), None);
                Cells::DecFloats(DecFloats {
                    exponent: exponents.into(),
                    significand: significand.map_err(|_| Refused::Malformed)?,
                    nulls: nulls.clone(),
                })
            }
            // No mask writes values of these.
            Physical::Integer(_)
            | Physical::Boolean
            | Physical::Text
            | Physical::Binary
            | Physical::Dictionary { .. }
            | Physical::Vector { .. }
            | Physical::Other => return Ok(new_null_array(&data_type(physical), rows)),
        };
        cells.into_array(nulls)
    }

    fn read(&mut self, text: &str) -> Option<()> {
        match self.physical {
            Physical::Integer(Width::Eight) => {
                let scale = u8::try_from(self.sql_type.scale()?).ok()?;
                let is_number = matches!(self.sql_type, SqlType::Fixed { .. });
                self.longs.push(if is_number {
                    i64::try_from(read_scaled(text, scale)?).ok()?
                } else {
                    read_units(text, scale)?
                });
            }
            Physical::Decimal { scale, .. } => self.hold(read_scaled(text, u8::try_from(scale).ok()?)?)?,
            Physical::Float => self.floats.push(text.parse().ok()?),
            Physical::Date => self.ints.push(text.parse().ok()?),
            Physical::Moment { has_fraction, has_zone } => {
                let (instant, zone) = match text.split_once(' ') {
                    Some((instant, zone)) if has_zone => (instant, zone.parse().ok()?),
                    None if !has_zone => (text, 0),
                    Some(_) | None => return None,
                };
                let (epoch, fraction) = if has_fraction {
                    read_moment(instant)?
                } else {
                    (read_units(instant, u8::try_from(self.sql_type.scale()?).ok()?)?, 0)
                };
                self.longs.push(epoch);
                self.ints.push(fraction);
                self.zones.push(zone);
            }
            Physical::DecFloat => {
                let (exponent, significand) = read_decfloat(text)?;
                self.exponents.push(exponent);
                self.bytes.extend_from_slice(&significand);
            }
            Physical::Integer(_)
            | Physical::Boolean
            | Physical::Text
            | Physical::Binary
            | Physical::Dictionary { .. }
            | Physical::Vector { .. }
            | Physical::Other => return None,
        }
        Some(())
    }

    /// What stands under a NULL.
    fn read_zero(&mut self) {
        match self.physical {
            Physical::Integer(Width::Eight) => self.longs.push(0),
            Physical::Decimal { .. } => self.wides.push(0),
            Physical::Float => self.floats.push(0.0),
            Physical::Date => self.ints.push(0),
            Physical::Moment { .. } => {
                self.longs.push(0);
                self.ints.push(0);
                self.zones.push(0);
            }
            Physical::DecFloat => self.exponents.push(0),
            Physical::Integer(_)
            | Physical::Boolean
            | Physical::Text
            | Physical::Binary
            | Physical::Dictionary { .. }
            | Physical::Vector { .. }
            | Physical::Other => {}
        }
    }
}

/// What a mask that makes numbers writes them as: wide enough for every number of the column's type, because the
/// edge of a band is wider than what lies in it.
pub(super) fn wide_enough(sql_type: &SqlType, physical: Physical) -> Physical {
    match sql_type {
        SqlType::Fixed { precision, .. } if *precision <= 18 => Physical::Integer(Width::Eight),
        SqlType::Fixed { precision, scale } => Physical::Decimal {
            precision: (*precision).clamp(1, 38),
            scale: i8::try_from(*scale).unwrap_or(0),
        },
        SqlType::Real
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
        | SqlType::Geography
        | SqlType::Geometry
        | SqlType::Vector
        | SqlType::Map
        | SqlType::Unknown(_) => physical,
    }
}

/// Which values a NULL stands for that was found, kept by row.
pub(super) fn without(rows: usize, nulled: &[usize]) -> Option<NullBuffer> {
    if nulled.is_empty() {
        return None;
    }
    let mut kept = NullBufferBuilder::new(rows);
    let mut from = 0;
    for &row in nulled {
        kept.append_n_non_nulls(row.saturating_sub(from));
        kept.append_null();
        from = row + 1;
    }
    kept.append_n_non_nulls(rows.saturating_sub(from));
    kept.finish()
}
