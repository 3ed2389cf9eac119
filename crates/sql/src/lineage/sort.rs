//! Values that meet in one column: where their types may differ, one is converted, and that may fail.

use domain::{SqlType, TestedHow};
use sqlparser::ast::{
    ArrayElemTypeDef, BinaryOperator, DataType, ExactNumberInfo, Expr, TimezoneInfo, Value as Literal,
};

use super::reader::Reader;
use super::value::Value;

/// What is surely known of a value's type.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Sort {
    /// Nothing.
    #[default]
    Unknown,
    /// NULL, which fits anywhere.
    Null,
    /// A short whole number, which fits any number.
    Digits,
    Text,
    /// A number of that scale.
    Number(u8),
    /// A number of some scale.
    Numeric,
    Float,
    Boolean,
    Binary,
    Date,
    Time,
    /// TIMESTAMP_NTZ.
    Timestamp,
    /// TIMESTAMP_LTZ.
    LocalTimestamp,
    /// TIMESTAMP_TZ.
    ZonedTimestamp,
    Variant,
    Array,
    /// An array that is stored: it may be of a type of its own, and converts what is put into it.
    StoredArray,
    Object,
}

impl Sort {
    pub(super) fn of(sql_type: &SqlType) -> Self {
        match sql_type {
            SqlType::Fixed { scale, .. } => Self::Number(*scale),
            SqlType::Real => Self::Float,
            SqlType::Text { .. } => Self::Text,
            SqlType::Boolean => Self::Boolean,
            SqlType::Binary { .. } => Self::Binary,
            SqlType::Date => Self::Date,
            SqlType::Time { .. } => Self::Time,
            SqlType::TimestampNtz { .. } => Self::Timestamp,
            SqlType::TimestampLtz { .. } => Self::LocalTimestamp,
            SqlType::TimestampTz { .. } => Self::ZonedTimestamp,
            SqlType::Variant => Self::Variant,
            SqlType::Array => Self::StoredArray,
            SqlType::DecFloat
            | SqlType::Geography
            | SqlType::Geometry
            | SqlType::Vector
            | SqlType::Map
            // It may be of a type of its own, and converts what meets it.
            | SqlType::Object
            | SqlType::Unknown(_) => Self::Unknown,
        }
    }

    /// What a conversion to that type answers.
    #[allow(clippy::wildcard_enum_match_arm, reason = "of every other type nothing is sure")]
    pub(super) fn of_cast(data_type: &DataType) -> Self {
        match data_type {
            DataType::String(None)
            | DataType::Text
            | DataType::Varchar(_)
            | DataType::Char(_)
            | DataType::Nvarchar(_)
            | DataType::CharVarying(_)
            | DataType::Character(_) => Self::Text,
            DataType::Int(None)
            | DataType::Integer(None)
            | DataType::BigInt(None)
            | DataType::SmallInt(None)
            | DataType::TinyInt(None) => Self::Number(0),
            DataType::Numeric(info) | DataType::Decimal(info) | DataType::Dec(info) => match info {
                ExactNumberInfo::None | ExactNumberInfo::Precision(_) => Self::Number(0),
                ExactNumberInfo::PrecisionAndScale(_, scale) => {
                    u8::try_from(*scale).map_or(Self::Numeric, Self::Number)
                }
            },
            DataType::Float(_) | DataType::Double(_) | DataType::DoublePrecision | DataType::Real => {
                Self::Float
            }
            DataType::Boolean | DataType::Bool => Self::Boolean,
            DataType::Date => Self::Date,
            DataType::Time(_, TimezoneInfo::None) => Self::Time,
            DataType::TimestampNtz(_) | DataType::Datetime(_) => Self::Timestamp,
            // NUMBER and VARIANT are no keywords to the parser.
            DataType::Custom(name, facets) => match name.to_string().to_ascii_uppercase().as_str() {
                "NUMBER" => match facets.as_slice() {
                    [] | [_] => Self::Number(0),
                    [_, scale, ..] => scale.parse().map_or(Self::Numeric, Self::Number),
                },
                "BYTEINT" => Self::Number(0),
                "VARIANT" => Self::Variant,
                // Fields of their own types convert what is put into them.
                "OBJECT" if facets.is_empty() => Self::Object,
                "TIMESTAMP_LTZ" => Self::LocalTimestamp,
                "TIMESTAMP_TZ" => Self::ZonedTimestamp,
                _ => Self::Unknown,
            },
            DataType::Array(ArrayElemTypeDef::None) => Self::Array,
            _ => Self::Unknown,
        }
    }

    pub(super) fn is_number(self) -> bool {
        match self {
            Self::Null | Self::Digits | Self::Number(_) | Self::Numeric | Self::Float => true,
            Self::Unknown
            | Self::Text
            | Self::Boolean
            | Self::Binary
            | Self::Date
            | Self::Time
            | Self::Timestamp
            | Self::LocalTimestamp
            | Self::ZonedTimestamp
            | Self::Variant
            | Self::Array
            | Self::StoredArray
            | Self::Object => false,
        }
    }

    /// A date or a moment.
    pub(super) fn is_moment(self) -> bool {
        match self {
            Self::Null
            | Self::Date
            | Self::Time
            | Self::Timestamp
            | Self::LocalTimestamp
            | Self::ZonedTimestamp => true,
            Self::Unknown
            | Self::Digits
            | Self::Text
            | Self::Number(_)
            | Self::Numeric
            | Self::Float
            | Self::Boolean
            | Self::Binary
            | Self::Variant
            | Self::Array
            | Self::StoredArray
            | Self::Object => false,
        }
    }

    /// Whether every value of it is small, however it was made.
    pub(super) fn is_small(self) -> bool {
        self.is_number() || self.is_moment() || self == Self::Boolean
    }

    /// Whether every value of this is one of `other` too, so that converting it cannot fail.
    pub(super) fn always_fits(self, other: Self) -> bool {
        match (self, other) {
            (Self::Unknown, _) | (_, Self::Unknown) => false,
            // Anything has a text and is a VARIANT.
            (_, Self::Text | Self::Variant) | (Self::Null, _) => true,
            (Self::Date, Self::Timestamp) | (Self::Timestamp, Self::Date) => true,
            (Self::Digits | Self::Number(_) | Self::Numeric, Self::Float) => true,
            (Self::Digits, Self::Number(_)) => true,
            (left, right) => left == right,
        }
    }

    /// What both surely are; none when one may have to be converted.
    pub(super) fn meet(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Null, sort) | (sort, Self::Null) => Some(sort),
            (Self::Unknown, _) | (_, Self::Unknown) => None,
            (Self::Digits, sort) | (sort, Self::Digits) if sort.is_number() => Some(sort),
            (Self::Float, sort) | (sort, Self::Float) if sort.is_number() => Some(Self::Float),
            (Self::Date, Self::Timestamp) | (Self::Timestamp, Self::Date) => Some(Self::Timestamp),
            // Of two numbers of different scales the larger may not fit the other.
            (Self::Numeric, _) => None,
            (left, right) => (left == right).then_some(left),
        }
    }

    /// What `||` makes of both: bytes stay bytes, anything beside a text becomes text.
    pub(super) fn joined_with(self, other: Self) -> Self {
        let is_text = |sort: Self| matches!(sort, Self::Text | Self::Variant) || sort.is_small();
        if is_text(self) || is_text(other) { Self::Text } else { Self::Unknown }
    }

    /// Whether bytes stand beside what may be none, so that one is converted.
    pub(super) fn mixes_bytes<'v>(values: impl IntoIterator<Item = &'v Value>) -> bool {
        let sorts = values.into_iter().map(|value| value.sort).filter(|sort| *sort != Self::Null);
        let (bytes, others): (Vec<Self>, Vec<Self>) = sorts.partition(|sort| *sort == Self::Binary);
        !bytes.is_empty() && !others.is_empty()
    }

    /// The sort of a literal, and of an expression that always makes one type.
    #[allow(clippy::wildcard_enum_match_arm, reason = "of every other expression nothing is sure")]
    pub(super) fn written(expr: &Expr) -> Option<Self> {
        match expr {
            Expr::Value(literal) => Some(match &literal.value {
                Literal::Null => Self::Null,
                Literal::SingleQuotedString(_) | Literal::DollarQuotedString(_) => Self::Text,
                Literal::Number(number, _)
                    if number.len() <= 9 && number.bytes().all(|b| b.is_ascii_digit()) =>
                {
                    Self::Digits
                }
                Literal::Number(..) => Self::Numeric,
                Literal::Boolean(_) => Self::Boolean,
                Literal::HexStringLiteral(_) => Self::Binary,
                _ => return None,
            }),
            Expr::TypedString(typed) => Some(Self::of_cast(&typed.data_type)),
            Expr::Trim { .. } => Some(Self::Text),
            Expr::Position { .. } | Expr::Extract { .. } => Some(Self::Number(0)),
            Expr::Dictionary(_) => Some(Self::Object),
            Expr::Array(_) => Some(Self::Array),
            Expr::BinaryOp {
                op:
                    BinaryOperator::And
                    | BinaryOperator::Or
                    | BinaryOperator::Eq
                    | BinaryOperator::NotEq
                    | BinaryOperator::Lt
                    | BinaryOperator::LtEq
                    | BinaryOperator::Gt
                    | BinaryOperator::GtEq,
                ..
            } => Some(Self::Boolean),
            Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::InList { .. }
            | Expr::Between { .. }
            | Expr::Like { .. }
            | Expr::ILike { .. }
            | Expr::Exists { .. } => Some(Self::Boolean),
            _ => None,
        }
    }

    /// What a function surely answers.
    pub(super) fn called(name: &str, values: &[Value]) -> Self {
        let all = |values: &[Value]| {
            values.iter().try_fold(Self::Null, |all, value| all.meet(value.sort)).unwrap_or_default()
        };
        let first = || values.first().map(|value| value.sort).unwrap_or_default();
        // Texts and bytes are cut and joined alike.
        let text =
            |values: &[Value]| values.iter().fold(Self::Unknown, |sort, value| sort.joined_with(value.sort));
        match name {
            "UPPER" | "LOWER" | "INITCAP" | "TRIM" | "LTRIM" | "RTRIM" | "REPLACE" | "SPLIT_PART" | "MD5"
            | "MD5_HEX" | "SHA1" | "SHA1_HEX" | "SHA2" | "SHA2_HEX" | "TO_VARCHAR" | "TO_CHAR"
            | "LISTAGG" | "TRANSLATE" | "STRTOK" | "SOUNDEX" | "HEX_ENCODE" | "BASE64_ENCODE"
            | "REGEXP_REPLACE" | "REGEXP_SUBSTR" | "DAYNAME" | "MONTHNAME" | "TO_JSON"
            | "ARRAY_TO_STRING" | "TYPEOF" | "CURRENT_USER" | "CURRENT_ROLE" => Self::Text,
            "CONCAT" | "CONCAT_WS" => text(values),
            "SUBSTR" | "SUBSTRING" | "LEFT" | "RIGHT" | "LPAD" | "RPAD" | "REVERSE" | "REPEAT" => {
                text(values.get(..1).unwrap_or_default())
            }
            "COUNT"
            | "LENGTH"
            | "LEN"
            | "ROW_NUMBER"
            | "RANK"
            | "DENSE_RANK"
            | "YEAR"
            | "MONTH"
            | "DAY"
            | "DAYOFMONTH"
            | "DAYOFWEEK"
            | "DAYOFWEEKISO"
            | "DAYOFYEAR"
            | "WEEK"
            | "WEEKOFYEAR"
            | "WEEKISO"
            | "YEAROFWEEK"
            | "YEAROFWEEKISO"
            | "QUARTER"
            | "HOUR"
            | "MINUTE"
            | "SECOND"
            | "DATE_PART"
            | "DATEDIFF"
            | "TIMESTAMPDIFF"
            | "TIMEDIFF"
            | "ASCII"
            | "UNICODE"
            | "EDITDISTANCE"
            | "JAROWINKLER_SIMILARITY"
            | "CHARINDEX"
            | "POSITION"
            | "ARRAY_SIZE"
            | "HASH"
            | "APPROX_COUNT_DISTINCT"
            | "COUNT_IF"
            | "GROUPING"
            | "GROUPING_ID" => Self::Number(0),
            "AVG" | "MEDIAN" | "STDDEV" | "VARIANCE" | "MONTHS_BETWEEN" | "ABS" | "ROUND" | "CEIL"
            | "FLOOR" => Self::Numeric,
            "SUM" if first().is_number() => first(),
            "SUM" => Self::Numeric,
            // The part may come first or last, and may be left out.
            "DATE_TRUNC" | "TRUNC" | "LAST_DAY" => {
                values.iter().map(|value| value.sort).find(|sort| sort.is_moment()).unwrap_or_default()
            }
            "TO_DATE" | "DATE" | "CURRENT_DATE" | "TRY_TO_DATE" => Self::Date,
            "TRY_TO_NUMBER" | "TRY_TO_DECIMAL" | "TRY_TO_NUMERIC" if values.len() == 1 => Self::Number(0),
            "TRY_TO_DOUBLE" => Self::Float,
            "TRY_TO_BOOLEAN" => Self::Boolean,
            "COALESCE" | "NVL" | "IFNULL" | "GREATEST" | "LEAST" | "NULLIF" | "LAG" | "LEAD" => {
                let values = if matches!(name, "LAG" | "LEAD") { values.get(..1) } else { Some(values) };
                all(values.unwrap_or_default())
            }
            "IFF" | "NVL2" => all(values.get(1..).unwrap_or_default()),
            "MIN" | "MAX" | "ANY_VALUE" | "FIRST_VALUE" | "LAST_VALUE" | "NTH_VALUE" | "MODE" => first(),
            "SPLIT"
            | "STRTOK_TO_ARRAY"
            | "ARRAY_CONSTRUCT"
            | "ARRAY_CONSTRUCT_COMPACT"
            | "ARRAY_AGG"
            | "ARRAYAGG"
            | "ARRAY_UNIQUE_AGG" => Self::Array,
            // Of an array of a type of its own they make one.
            "ARRAY_CAT" if values.iter().all(|value| value.sort == Self::Array) => Self::Array,
            "ARRAY_APPEND" | "ARRAY_PREPEND" | "ARRAY_COMPACT" | "ARRAY_DISTINCT" | "ARRAY_REVERSE"
            | "ARRAY_SLICE" | "TRANSFORM" | "FILTER"
                if matches!(first(), Self::Array | Self::StoredArray) =>
            {
                first()
            }
            "MD5_BINARY"
            | "SHA1_BINARY"
            | "SHA2_BINARY"
            | "TO_BINARY"
            | "TRY_TO_BINARY"
            | "HEX_DECODE_BINARY"
            | "BASE64_DECODE_BINARY"
            | "COMPRESS" => Self::Binary,
            "OBJECT_KEYS" if first() == Self::Object => Self::Array,
            "OBJECT_CONSTRUCT" | "OBJECT_CONSTRUCT_KEEP_NULL" | "OBJECT_AGG" => Self::Object,
            "TO_VARIANT" | "PARSE_JSON" | "TRY_PARSE_JSON" => Self::Variant,
            _ => Self::Unknown,
        }
    }
}

impl Reader<'_> {
    /// Values that meet in one place: those that may be converted are tested for whether they can be.
    ///
    /// SECURITY: `coalesce(ssn, 0)` fails unless every SSN is a number; the failure is an answer.
    pub(super) fn meet<'v>(&mut self, values: impl Iterator<Item = &'v Value> + Clone) -> Sort {
        if let Some(sort) = values.clone().try_fold(Sort::Null, |all, value| all.meet(value.sort)) {
            return sort;
        }
        for value in values {
            self.test(value, TestedHow::Shape);
        }
        Sort::Unknown
    }

    /// Likewise for the arguments of a call.
    pub(super) fn meet_arguments(&mut self, name: &str, values: &[Value]) {
        match name {
            "COALESCE" | "NVL" | "IFNULL" => {
                self.meet(values.iter());
            }
            "IFF" | "NVL2" => {
                self.meet(values.iter().skip(1));
            }
            // DECODE(expr, search, result, …, default): the results meet, and so does what is compared.
            "DECODE" => {
                self.meet(values.iter().enumerate().skip(1).filter_map(|(at, value)| {
                    (at % 2 == 0 || (at + 1 == values.len() && at > 2)).then_some(value)
                }));
            }
            "LAG" | "LEAD" => {
                self.meet(values.iter().take(1).chain(values.iter().skip(2)));
                for offset in values.iter().skip(1).take(1) {
                    self.test(offset, TestedHow::Shape);
                }
            }
            // What is no truth value is converted to one, and what is no number to a number.
            "CONDITIONAL_TRUE_EVENT" => {
                let is_other = |value: &&Value| value.sort != Sort::Boolean;
                values.iter().filter(is_other).for_each(|value| self.test(value, TestedHow::Shape));
            }
            "INTERPOLATE_LINEAR" => {
                let is_other = |value: &&Value| !value.sort.is_number();
                values.iter().filter(is_other).for_each(|value| self.test(value, TestedHow::Shape));
            }
            // How far away, of rows that match a pattern.
            "FIRST" | "LAST" | "PREV" | "NEXT" => {
                values.iter().skip(1).for_each(|value| self.test(value, TestedHow::Shape));
            }
            "NTILE" | "NTH_VALUE" | "WIDTH_BUCKET" => {
                let skipped = usize::from(name == "NTH_VALUE");
                values.iter().skip(skipped).for_each(|value| self.test(value, TestedHow::Shape));
            }
            _ => {}
        }
    }
}
