//! Values that meet in one column: where their types may differ, one is converted, and that may fail.

use domain::{SqlType, TestedHow};
use sqlparser::ast::{Expr, Value as Literal};

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
    Float,
    Boolean,
    Date,
    Timestamp,
}

impl Sort {
    pub(super) fn of(sql_type: &SqlType) -> Self {
        match sql_type {
            SqlType::Fixed { scale, .. } => Self::Number(*scale),
            SqlType::Real => Self::Float,
            SqlType::Text { .. } => Self::Text,
            SqlType::Boolean => Self::Boolean,
            SqlType::Date => Self::Date,
            SqlType::TimestampNtz { .. } => Self::Timestamp,
            SqlType::DecFloat
            | SqlType::Time { .. }
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
            | SqlType::Unknown(_) => Self::Unknown,
        }
    }

    /// What both surely are; none when one may have to be converted.
    pub(super) fn meet(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Null, sort) | (sort, Self::Null) => Some(sort),
            (Self::Unknown, _) | (_, Self::Unknown) => None,
            (Self::Digits, sort @ (Self::Digits | Self::Number(_) | Self::Float))
            | (sort @ (Self::Number(_) | Self::Float), Self::Digits) => Some(sort),
            (left, right) => (left == right).then_some(left),
        }
    }

    /// The sort of a literal, and of an expression that always makes text.
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
                Literal::Boolean(_) => Self::Boolean,
                _ => return None,
            }),
            Expr::Trim { .. } => Some(Self::Text),
            Expr::BinaryOp { op: sqlparser::ast::BinaryOperator::StringConcat, .. } => Some(Self::Text),
            _ => None,
        }
    }

    /// What a function surely answers.
    pub(super) fn called(name: &str, values: &[Value]) -> Self {
        let all = |values: &[Value]| {
            values.iter().try_fold(Self::Null, |all, value| all.meet(value.sort)).unwrap_or_default()
        };
        let first = || values.first().map(|value| value.sort).unwrap_or_default();
        match name {
            "UPPER" | "LOWER" | "INITCAP" | "REVERSE" | "CONCAT" | "CONCAT_WS" | "TRIM" | "LTRIM"
            | "RTRIM" | "REPLACE" | "SPLIT_PART" | "MD5" | "SHA1" | "SHA2" | "TO_VARCHAR" | "TO_CHAR"
            | "LISTAGG" => Self::Text,
            "COUNT" | "LENGTH" | "LEN" | "ROW_NUMBER" | "RANK" | "DENSE_RANK" => Self::Number(0),
            "COALESCE" | "NVL" | "IFNULL" | "GREATEST" | "LEAST" | "LAG" | "LEAD" => {
                let values = if matches!(name, "LAG" | "LEAD") { values.get(..1) } else { Some(values) };
                all(values.unwrap_or_default())
            }
            "IFF" | "NVL2" => all(values.get(1..).unwrap_or_default()),
            "SUM" | "MIN" | "MAX" | "ANY_VALUE" | "FIRST_VALUE" | "LAST_VALUE" | "MODE" => first(),
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
            "LAG" | "LEAD" => {
                self.meet(values.iter().take(1).chain(values.iter().skip(2)));
                for offset in values.iter().skip(1).take(1) {
                    self.test(offset, TestedHow::Shape);
                }
            }
            "NTILE" | "NTH_VALUE" | "WIDTH_BUCKET" => {
                let skipped = usize::from(name == "NTH_VALUE");
                values.iter().skip(skipped).for_each(|value| self.test(value, TestedHow::Shape));
            }
            _ => {}
        }
    }
}
