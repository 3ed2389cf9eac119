//! The values of one column of a batch, but for texts: read from their physical form, spelt as masks know them, made
//! anew.

use std::sync::Arc;

use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type,
};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Decimal128Array, FixedSizeListArray, Int16Array, Int32Array,
    Int64Array, PrimitiveArray, StructArray,
};
use arrow_buffer::{ArrowNativeType, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, Field, FieldRef, Fields};
use domain::SqlType;

use super::Refused;
use super::layout::{Physical, Width};
use super::parts::Parts;
use super::spelling::{
    MOST_SCALE, write_decfloat, write_float, write_hex, write_moment, write_scaled, write_short_float,
    write_units,
};

/// A column's values.
pub(super) enum Cells {
    One(PrimitiveArray<Int8Type>),
    Two(PrimitiveArray<Int16Type>),
    Four(PrimitiveArray<Int32Type>),
    Eight(PrimitiveArray<Int64Type>),
    Wide(PrimitiveArray<Decimal128Type>),
    Float(PrimitiveArray<Float64Type>),
    Truth(BooleanArray),
    Days(PrimitiveArray<Date32Type>),
    Bytes(BinaryArray),
    Moments(Moments),
    DecFloats(DecFloats),
    Vectors(Vectors),
}

/// Points in time in pieces.
pub(super) struct Moments {
    pub epoch: ScalarBuffer<i64>,
    pub fraction: Option<ScalarBuffer<i32>>,
    pub zone: Option<ScalarBuffer<i32>>,
    pub nulls: Option<NullBuffer>,
}

/// Numbers of decimal floating point.
pub(super) struct DecFloats {
    pub exponent: ScalarBuffer<i16>,
    pub significand: BinaryArray,
    pub nulls: Option<NullBuffer>,
}

/// Lists of so many numbers each.
pub(super) struct Vectors {
    elements: Elements,
    size: i32,
    nulls: Option<NullBuffer>,
}

enum Elements {
    Integers(PrimitiveArray<Int32Type>),
    Floats(PrimitiveArray<Float32Type>),
}

/// The Arrow type of what is written. Texts of a dictionary are written out: equal numbers would tell which masked
/// cells were equal.
pub(super) fn data_type(physical: Physical) -> DataType {
    match physical {
        Physical::Integer(Width::One) => DataType::Int8,
        Physical::Integer(Width::Two) => DataType::Int16,
        Physical::Integer(Width::Four) => DataType::Int32,
        Physical::Integer(Width::Eight) => DataType::Int64,
        Physical::Decimal { precision, scale } => DataType::Decimal128(precision, scale),
        Physical::Float => DataType::Float64,
        Physical::Boolean => DataType::Boolean,
        Physical::Date => DataType::Date32,
        Physical::Text | Physical::Dictionary { .. } | Physical::Other => DataType::Utf8,
        Physical::Binary => DataType::Binary,
        Physical::Moment { has_fraction, has_zone } => {
            DataType::Struct(moment_fields(has_fraction, has_zone))
        }
        Physical::DecFloat => DataType::Struct(decfloat_fields()),
        Physical::Vector { is_float, size } => DataType::FixedSizeList(element_field(is_float), size),
    }
}

fn element_field(is_float: bool) -> FieldRef {
    let held = if is_float { DataType::Float32 } else { DataType::Int32 };
    Arc::new(Field::new("item", held, true))
}

fn moment_fields(has_fraction: bool, has_zone: bool) -> Fields {
    let all = [
        (true, "epoch", DataType::Int64),
        (has_fraction, "fraction", DataType::Int32),
        (has_zone, "timezone", DataType::Int32),
    ];
    all.into_iter()
        .filter(|(is_there, ..)| *is_there)
        .map(|(_, name, held)| Field::new(name, held, true))
        .collect()
}

fn decfloat_fields() -> Fields {
    Fields::from(vec![
        Field::new("exponent", DataType::Int16, true),
        Field::new("significand", DataType::Binary, true),
    ])
}

impl Cells {
    /// Takes a column that is so laid out; none for texts and for what is not read.
    pub fn read(physical: Physical, parts: &mut Parts<'_>) -> Result<Option<Self>, Refused> {
        Ok(Some(match physical {
            Physical::Integer(Width::One) => Self::One(parts.primitive()?),
            Physical::Integer(Width::Two) => Self::Two(parts.primitive()?),
            Physical::Integer(Width::Four) => Self::Four(parts.primitive()?),
            Physical::Integer(Width::Eight) => Self::Eight(parts.primitive()?),
            Physical::Decimal { precision, scale } => {
                let wide = parts.primitive::<Decimal128Type>()?;
                Self::Wide(wide.with_precision_and_scale(precision, scale).map_err(|_| Refused::Malformed)?)
            }
            Physical::Float => Self::Float(parts.primitive()?),
            Physical::Boolean => {
                let nulls = parts.validity()?;
                Self::Truth(BooleanArray::new(parts.bits()?, nulls))
            }
            Physical::Date => Self::Days(parts.primitive()?),
            Physical::Binary => Self::Bytes(parts.binary()?),
            Physical::Moment { has_fraction, has_zone } => {
                let mut nulls = parts.validity()?;
                // What has no epoch, no fraction or no zone is no point in time.
                let epoch = piece::<Int64Type>(parts, &mut nulls)?;
                let fraction = has_fraction.then(|| piece::<Int32Type>(parts, &mut nulls)).transpose()?;
                let zone = has_zone.then(|| piece::<Int32Type>(parts, &mut nulls)).transpose()?;
                Self::Moments(Moments { epoch, fraction, zone, nulls })
            }
            Physical::DecFloat => {
                let mut nulls = parts.validity()?;
                let exponent = piece::<Int16Type>(parts, &mut nulls)?;
                let significand = parts.binary()?;
                nulls = NullBuffer::union(nulls.as_ref(), significand.nulls());
                Self::DecFloats(DecFloats { exponent, significand, nulls })
            }
            Physical::Vector { is_float, size } => {
                let nulls = parts.validity()?;
                let count = usize::try_from(size).map_err(|_| Refused::Malformed)?;
                let elements = if is_float {
                    Elements::Floats(parts.elements(count)?)
                } else {
                    Elements::Integers(parts.elements(count)?)
                };
                Self::Vectors(Vectors { elements, size, nulls })
            }
            Physical::Text | Physical::Dictionary { .. } | Physical::Other => return Ok(None),
        }))
    }

    /// Which values are NULL.
    pub fn nulls(&self) -> Option<&NullBuffer> {
        match self {
            Self::One(array) => array.nulls(),
            Self::Two(array) => array.nulls(),
            Self::Four(array) => array.nulls(),
            Self::Eight(array) => array.nulls(),
            Self::Wide(array) => array.nulls(),
            Self::Float(array) => array.nulls(),
            Self::Truth(array) => array.nulls(),
            Self::Days(array) => array.nulls(),
            Self::Bytes(array) => array.nulls(),
            Self::Moments(moments) => moments.nulls.as_ref(),
            Self::DecFloats(numbers) => numbers.nulls.as_ref(),
            Self::Vectors(vectors) => vectors.nulls.as_ref(),
        }
    }

    /// Whether the values are such as their type has: only then a column passes without being read.
    pub fn are_usual(&self) -> bool {
        match self {
            Self::Moments(Moments { fraction, zone, .. }) => {
                // Nanoseconds; minutes, a day's more than the offset.
                are_within(fraction.as_ref(), 999_999_999) && are_within(zone.as_ref(), 2880)
            }
            Self::One(_)
            | Self::Two(_)
            | Self::Four(_)
            | Self::Eight(_)
            | Self::Wide(_)
            | Self::Float(_)
            | Self::Truth(_)
            | Self::Days(_)
            | Self::Bytes(_)
            | Self::DecFloats(_)
            | Self::Vectors(_) => true,
        }
    }

    /// A whole or unscaled number, where the values are such.
    #[inline]
    pub fn number(&self, row: usize) -> Option<i128> {
        match self {
            Self::One(array) => array.values().get(row).map(|value| i128::from(*value)),
            Self::Two(array) => array.values().get(row).map(|value| i128::from(*value)),
            Self::Four(array) => array.values().get(row).map(|value| i128::from(*value)),
            Self::Eight(array) => array.values().get(row).map(|value| i128::from(*value)),
            Self::Days(array) => array.values().get(row).map(|value| i128::from(*value)),
            Self::Wide(array) => array.values().get(row).copied(),
            Self::Float(_)
            | Self::Truth(_)
            | Self::Bytes(_)
            | Self::Moments(_)
            | Self::DecFloats(_)
            | Self::Vectors(_) => None,
        }
    }

    /// A FLOAT, where the values are such.
    #[inline]
    pub fn float(&self, row: usize) -> Option<f64> {
        match self {
            Self::Float(array) => array.values().get(row).copied(),
            Self::One(_)
            | Self::Two(_)
            | Self::Four(_)
            | Self::Eight(_)
            | Self::Wide(_)
            | Self::Days(_)
            | Self::Truth(_)
            | Self::Bytes(_)
            | Self::Moments(_)
            | Self::DecFloats(_)
            | Self::Vectors(_) => None,
        }
    }

    /// Appends a value's spelling. None when it has none: it is then shown to nobody.
    pub fn spell(&self, sql_type: &SqlType, row: usize, out: &mut String) -> Option<()> {
        match self {
            Self::One(array) => spell_integer(sql_type, i64::from(*array.values().get(row)?), out),
            Self::Two(array) => spell_integer(sql_type, i64::from(*array.values().get(row)?), out),
            Self::Four(array) => spell_integer(sql_type, i64::from(*array.values().get(row)?), out),
            Self::Eight(array) => spell_integer(sql_type, *array.values().get(row)?, out),
            Self::Wide(array) => {
                let scale = u8::try_from(array.scale()).ok()?;
                write_scaled(*array.values().get(row)?, scale, out);
                Some(())
            }
            Self::Float(array) => {
                write_float(*array.values().get(row)?, out);
                Some(())
            }
            Self::Truth(array) => {
                out.push_str(if array.value(row) { "true" } else { "false" });
                Some(())
            }
            Self::Days(array) => {
                write_scaled(i128::from(*array.values().get(row)?), 0, out);
                Some(())
            }
            Self::Bytes(array) => {
                write_hex(array.value(row), out);
                Some(())
            }
            Self::Moments(Moments { epoch, fraction, zone, nulls: _ }) => {
                let epoch = *epoch.get(row)?;
                match fraction {
                    Some(fraction) => write_moment(epoch, *fraction.get(row)?, out)?,
                    None => write_units(epoch, u8::try_from(sql_type.scale()?).ok()?, out)?,
                }
                if let Some(zone) = zone {
                    out.push(' ');
                    write_scaled(i128::from(*zone.get(row)?), 0, out);
                }
                Some(())
            }
            Self::DecFloats(DecFloats { exponent, significand, nulls: _ }) => {
                write_decfloat(*exponent.get(row)?, significand.value(row), out)
            }
            Self::Vectors(vectors) => vectors.spell(row, out),
        }
    }

    /// The array with these values where `nulls` lets them stand.
    ///
    /// SECURITY: what stands under a NULL is no value, and may be any; it is written as zero.
    pub fn into_array(self, nulls: Option<NullBuffer>) -> Result<ArrayRef, Refused> {
        Ok(match self {
            Self::One(array) => standing(&array, nulls)?,
            Self::Two(array) => standing(&array, nulls)?,
            Self::Four(array) => standing(&array, nulls)?,
            Self::Eight(array) => standing(&array, nulls)?,
            Self::Wide(array) => {
                let (precision, scale) = (array.precision(), array.scale());
                let values = standing_values(array.values(), nulls.as_ref());
                let array = Decimal128Array::try_new(values, nulls).map_err(|_| Refused::Malformed)?;
                Arc::new(array.with_precision_and_scale(precision, scale).map_err(|_| Refused::Malformed)?)
            }
            Self::Float(array) => standing(&array, nulls)?,
            Self::Truth(array) => {
                let values = match &nulls {
                    Some(nulls) => array.values() & nulls.inner(),
                    None => array.values().clone(),
                };
                Arc::new(BooleanArray::new(values, nulls))
            }
            Self::Days(array) => standing(&array, nulls)?,
            Self::Bytes(array) => Arc::new(standing_bytes(&array, nulls)?),
            Self::Moments(Moments { epoch, fraction, zone, nulls: _ }) => {
                let fields = moment_fields(fraction.is_some(), zone.is_some());
                let mut arrays: Vec<ArrayRef> =
                    vec![Arc::new(Int64Array::new(standing_values(&epoch, nulls.as_ref()), None))];
                for piece in [fraction, zone].into_iter().flatten() {
                    arrays.push(Arc::new(Int32Array::new(standing_values(&piece, nulls.as_ref()), None)));
                }
                Arc::new(StructArray::try_new(fields, arrays, nulls).map_err(|_| Refused::Malformed)?)
            }
            Self::DecFloats(DecFloats { exponent, significand, nulls: _ }) => {
                let exponent = Int16Array::new(standing_values(&exponent, nulls.as_ref()), None);
                let significand = standing_bytes(&significand, nulls.clone())?;
                let (offsets, values, _) = significand.into_parts();
                let significand =
                    BinaryArray::try_new(offsets, values, None).map_err(|_| Refused::Malformed)?;
                let arrays: Vec<ArrayRef> = vec![Arc::new(exponent), Arc::new(significand)];
                Arc::new(
                    StructArray::try_new(decfloat_fields(), arrays, nulls).map_err(|_| Refused::Malformed)?,
                )
            }
            Self::Vectors(vectors) => vectors.into_array(nulls)?,
        })
    }
}

impl Vectors {
    /// A JSON array.
    fn spell(&self, row: usize, out: &mut String) -> Option<()> {
        let size = usize::try_from(self.size).ok()?;
        let start = row.checked_mul(size)?;
        for place in start..start.checked_add(size)? {
            out.push(if place == start { '[' } else { ',' });
            match &self.elements {
                Elements::Integers(array) if array.is_valid(place) => {
                    write_scaled(i128::from(*array.values().get(place)?), 0, out);
                }
                Elements::Floats(array) if array.is_valid(place) => {
                    write_short_float(*array.values().get(place)?, out);
                }
                Elements::Integers(_) | Elements::Floats(_) => out.push_str("null"),
            }
        }
        out.push(']');
        Some(())
    }

    fn into_array(self, nulls: Option<NullBuffer>) -> Result<ArrayRef, Refused> {
        let Self { elements, size, nulls: _ } = self;
        // Under a NULL every element is one, so that none of them is passed on.
        let count = usize::try_from(size).map_err(|_| Refused::Malformed)?;
        let spread = nulls.as_ref().map(|nulls| nulls.expand(count));
        let (elements, is_float) = match elements {
            Elements::Integers(array) => {
                (standing(&array, NullBuffer::union(array.nulls(), spread.as_ref()))?, false)
            }
            Elements::Floats(array) => {
                (standing(&array, NullBuffer::union(array.nulls(), spread.as_ref()))?, true)
            }
        };
        let array = FixedSizeListArray::try_new(element_field(is_float), size, elements, nulls);
        Ok(Arc::new(array.map_err(|_| Refused::Malformed)?))
    }
}

fn are_within(values: Option<&ScalarBuffer<i32>>, most: i32) -> bool {
    values.is_none_or(|values| values.iter().fold(true, |so_far, value| so_far & (0..=most).contains(value)))
}

fn piece<T: ArrowPrimitiveType>(
    parts: &mut Parts<'_>,
    nulls: &mut Option<NullBuffer>,
) -> Result<ScalarBuffer<T::Native>, Refused> {
    let (_, values, own) = parts.primitive::<T>()?.into_parts();
    if own.is_some() {
        *nulls = NullBuffer::union(nulls.as_ref(), own.as_ref());
    }
    Ok(values)
}

fn spell_integer(sql_type: &SqlType, value: i64, out: &mut String) -> Option<()> {
    match sql_type {
        SqlType::Fixed { scale, .. } if *scale <= MOST_SCALE => {
            write_scaled(i128::from(value), *scale, out);
            Some(())
        }
        SqlType::Time { scale } | SqlType::TimestampNtz { scale } | SqlType::TimestampLtz { scale } => {
            write_units(value, *scale, out)
        }
        SqlType::Fixed { .. }
        | SqlType::Real
        | SqlType::DecFloat
        | SqlType::Text { .. }
        | SqlType::Boolean
        | SqlType::Date
        | SqlType::TimestampTz { .. }
        | SqlType::Binary { .. }
        | SqlType::Variant
        | SqlType::Object
        | SqlType::Array
        | SqlType::Geography
        | SqlType::Geometry
        | SqlType::Vector
        | SqlType::Map
        | SqlType::Unknown(_) => None,
    }
}

fn standing<T: ArrowPrimitiveType>(
    array: &PrimitiveArray<T>,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef, Refused> {
    let values = standing_values(array.values(), nulls.as_ref());
    Ok(Arc::new(PrimitiveArray::<T>::try_new(values, nulls).map_err(|_| Refused::Malformed)?))
}

/// The values, zero where they are NULL.
fn standing_values<T: ArrowNativeType>(
    values: &ScalarBuffer<T>,
    nulls: Option<&NullBuffer>,
) -> ScalarBuffer<T> {
    let Some(nulls) = nulls else { return values.clone() };
    let valid = nulls.inner();
    let mut kept = vec![T::default(); values.len()];
    // Where many stand in a row, they are copied in a row.
    for (start, end) in valid.set_slices() {
        if let (Some(to), Some(from)) = (kept.get_mut(start..end), values.get(start..end)) {
            to.copy_from_slice(from);
        }
    }
    ScalarBuffer::from(kept)
}

/// The bytes, none where they are NULL.
fn standing_bytes(array: &BinaryArray, nulls: Option<NullBuffer>) -> Result<BinaryArray, Refused> {
    if !array.offsets().has_non_empty_nulls(nulls.as_ref()) {
        let (offsets, values, _) = array.clone().into_parts();
        return BinaryArray::try_new(offsets, values, nulls).map_err(|_| Refused::Malformed);
    }
    let is_valid = |row: usize| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
    let mut values = Vec::with_capacity(array.values().len());
    let mut offsets = Vec::with_capacity(array.len() + 1);
    offsets.push(0_i32);
    for row in 0..array.len() {
        if is_valid(row) {
            values.extend_from_slice(array.value(row));
        }
        offsets.push(i32::try_from(values.len()).map_err(|_| Refused::TooLarge)?);
    }
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    BinaryArray::try_new(offsets, Buffer::from_vec(values), nulls).map_err(|_| Refused::Malformed)
}
