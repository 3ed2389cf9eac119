//! How a column lies in a batch: which of the types of Snowflake's convention it is, and how many nodes and
//! buffers it takes, so that a column that is not read can be stepped over.

use arrow_ipc::{DateUnit, Field, Precision, Type};

use super::Refused;

/// The physical types that are read. Whatever else stands in a column is stepped over, and the column is NULL.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Physical {
    /// Signed integers.
    Integer(Width),
    /// Sixteen bytes with a point.
    Decimal {
        precision: u8,
        scale: i8,
    },
    Float,
    Boolean,
    /// Days since 1970-01-01.
    Date,
    Text,
    Binary,
    /// Texts that are named by number; the texts come in a dictionary batch.
    Dictionary {
        id: i64,
        keys: Width,
    },
    /// `epoch`, then `fraction` and `timezone` where they are.
    Moment {
        has_fraction: bool,
        has_zone: bool,
    },
    /// `exponent` and `significand`.
    DecFloat,
    /// So many numbers of four bytes each.
    Vector {
        is_float: bool,
        size: i32,
    },
    /// Something else.
    Other,
}

/// How wide an integer is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Width {
    One,
    Two,
    Four,
    Eight,
}

impl Width {
    fn of_bits(bits: i32) -> Option<Self> {
        match bits {
            8 => Some(Self::One),
            16 => Some(Self::Two),
            32 => Some(Self::Four),
            64 => Some(Self::Eight),
            _ => None,
        }
    }

    /// Bytes of one value.
    pub const fn bytes(self) -> usize {
        match self {
            Self::One => 1,
            Self::Two => 2,
            Self::Four => 4,
            Self::Eight => 8,
        }
    }
}

/// A column's place in the flat lists of a batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub physical: Physical,
    /// Nodes that it takes, its own included.
    pub nodes: usize,
    /// Buffers that it takes.
    pub buffers: usize,
}

/// Lists and structs within each other are followed that far; the verifier of the header allows little more.
const DEEPEST: usize = 16;

/// The layout of a column. An error where not even the number of its buffers can be told.
pub(super) fn of_field(field: Field<'_>) -> Result<Layout, Refused> {
    let (nodes, buffers) = extent(field, DEEPEST)?;
    Ok(Layout { physical: physical(field), nodes, buffers })
}

/// Whether the column's values are texts of a dictionary, and of which one.
pub(super) fn physical(field: Field<'_>) -> Physical {
    let Some(dictionary) = field.dictionary() else { return plain(field) };
    // An index type that is left out means 32 bits, signed.
    let keys = match dictionary.indexType() {
        None => Some(Width::Four),
        Some(index) if index.is_signed() => Width::of_bits(index.bitWidth()),
        Some(_) => None,
    };
    match (plain(field), keys) {
        (Physical::Text, Some(keys)) => Physical::Dictionary { id: dictionary.id(), keys },
        _ => Physical::Other,
    }
}

fn plain(field: Field<'_>) -> Physical {
    let found = match field.type_type() {
        Type::Int => field
            .type_as_int()
            .filter(|int| int.is_signed())
            .and_then(|int| Width::of_bits(int.bitWidth()))
            .map(Physical::Integer),
        Type::Decimal => field.type_as_decimal().filter(|decimal| decimal.bitWidth() == 128).and_then(|d| {
            let precision = u8::try_from(d.precision()).ok().filter(|p| (1..=38).contains(p))?;
            let scale = i8::try_from(d.scale()).ok().filter(|s| (0..=38).contains(s))?;
            Some(Physical::Decimal { precision, scale })
        }),
        Type::FloatingPoint => field
            .type_as_floating_point()
            .filter(|float| float.precision() == Precision::DOUBLE)
            .map(|_| Physical::Float),
        Type::Bool => Some(Physical::Boolean),
        Type::Date => {
            field.type_as_date().filter(|date| date.unit() == DateUnit::DAY).map(|_| Physical::Date)
        }
        Type::Utf8 => Some(Physical::Text),
        Type::Binary => Some(Physical::Binary),
        Type::Struct_ => structure(field),
        Type::FixedSizeList => vector(field),
        _ => None,
    };
    found.unwrap_or(Physical::Other)
}

fn vector(field: Field<'_>) -> Option<Physical> {
    let size = field.type_as_fixed_size_list().map(|list| list.listSize()).filter(|size| *size > 0)?;
    let children = field.children().filter(|children| children.len() == 1)?;
    let element = children.iter().next().filter(|element| element.dictionary().is_none())?;
    let is_float = match element.type_type() {
        Type::FloatingPoint => element.type_as_floating_point()?.precision() == Precision::SINGLE,
        _ => false,
    };
    (is_float || plain(element) == Physical::Integer(Width::Four))
        .then_some(Physical::Vector { is_float, size })
}

/// The two structs of the convention, told by the names and types of what they hold, in order.
fn structure(field: Field<'_>) -> Option<Physical> {
    let children = field.children()?;
    let held: Vec<_> =
        children.iter().take(4).map(|child| (child.name().unwrap_or_default(), physical(child))).collect();
    let seconds = ("epoch", Physical::Integer(Width::Eight));
    let fraction = ("fraction", Physical::Integer(Width::Four));
    let zone = ("timezone", Physical::Integer(Width::Four));
    let moment = |has_fraction, has_zone| Some(Physical::Moment { has_fraction, has_zone });
    match held.as_slice() {
        [one, two] if *one == seconds && *two == fraction => moment(true, false),
        [one, two] if *one == seconds && *two == zone => moment(false, true),
        [one, two, three] if *one == seconds && *two == fraction && *three == zone => moment(true, true),
        [("exponent", Physical::Integer(Width::Two)), ("significand", Physical::Binary)] => {
            Some(Physical::DecFloat)
        }
        _ => None,
    }
}

/// Nodes and buffers of a field with all that it holds.
fn extent(field: Field<'_>, deepest: usize) -> Result<(usize, usize), Refused> {
    // Only the numbers of a dictionary's texts lie in the batch.
    if field.dictionary().is_some() {
        return Ok((1, 2));
    }
    let (own, has_children) = match field.type_type() {
        Type::Null => (0, false),
        Type::Int
        | Type::FloatingPoint
        | Type::Bool
        | Type::Decimal
        | Type::Date
        | Type::Time
        | Type::Timestamp
        | Type::Interval
        | Type::Duration
        | Type::FixedSizeBinary => (2, false),
        Type::Binary | Type::Utf8 | Type::LargeBinary | Type::LargeUtf8 => (3, false),
        Type::Struct_ | Type::FixedSizeList => (1, true),
        Type::List | Type::LargeList | Type::Map => (2, true),
        // Views, unions, run ends and what is not invented yet.
        _ => return Err(Refused::Unsupported("a column's type")),
    };
    let mut extent: (usize, usize) = (1, own);
    if has_children {
        let deepest = deepest.checked_sub(1).ok_or(Refused::Unsupported("deeply nested columns"))?;
        for child in field.children().into_iter().flatten() {
            let (nodes, buffers) = self::extent(child, deepest)?;
            extent = (extent.0.saturating_add(nodes), extent.1.saturating_add(buffers));
        }
    }
    Ok(extent)
}
