//! Conversions that the text asks for.

use domain::ShownHow;
use sqlparser::ast::{ArrayElemTypeDef, CastKind, DataType, ExactNumberInfo, Expr};

use super::frame::Env;
use super::reader::Reader;
use super::sort::Sort;
use super::value::Value;

impl Reader<'_> {
    /// The value as that type.
    pub(super) fn cast(&mut self, kind: &CastKind, expr: &Expr, data_type: &DataType, env: Env<'_>) -> Value {
        if !is_type(data_type) {
            // SECURITY: the parser takes words for a part of the type (`int unsigned`) that are an alias upstream.
            self.give_up("a type that Snowflake does not have");
        }
        let value = self.expr(expr, env);
        let to = Sort::of_cast(data_type);
        // VARCHAR(3) may cut, or fail where there is more. CHAR is CHAR(1).
        let is_whole = !matches!(
            data_type,
            DataType::Varchar(Some(_))
                | DataType::Char(_)
                | DataType::Nvarchar(Some(_))
                | DataType::CharVarying(Some(_))
                | DataType::Character(_)
        );
        if to == Sort::Text && is_whole {
            // Any value has a text. A whole path stays a whole path, and text stays as stored.
            let is_path = value.sources.iter().all(|source| source.how == ShownHow::Path);
            let is_kept = value.sort == Sort::Text || (is_path && !value.sources.is_empty());
            let is_steady = value.keeps_length();
            let value = if is_kept { Value { is_bare: false, ..value } } else { value.derived() };
            return Value { sort: Sort::Text, is_steady, ..value };
        }
        match kind {
            CastKind::TryCast | CastKind::SafeCast => value.made(to),
            CastKind::Cast | CastKind::DoubleColon if is_whole && self.fits(&value, to, data_type) => {
                value.made(to)
            }
            CastKind::Cast | CastKind::DoubleColon => Value { sort: to, ..self.shaped(value) },
        }
    }

    /// Whether the cast cannot fail, whatever the value.
    #[allow(clippy::wildcard_enum_match_arm, reason = "every other type holds all of its sort")]
    fn fits(&self, value: &Value, to: Sort, data_type: &DataType) -> bool {
        // A number of fewer digits may not hold it.
        let has_digits = match data_type {
            DataType::Numeric(info) | DataType::Decimal(info) | DataType::Dec(info) => {
                *info != ExactNumberInfo::None
            }
            DataType::Custom(_, facets) => !facets.is_empty(),
            _ => false,
        };
        !has_digits && value.sort.always_fits(to)
    }
}

/// Whether Snowflake has that type, written like this.
#[allow(clippy::wildcard_enum_match_arm, reason = "every other type is another database's")]
fn is_type(data_type: &DataType) -> bool {
    match data_type {
        DataType::String(_)
        | DataType::Text
        | DataType::Varchar(_)
        | DataType::Char(_)
        | DataType::Nvarchar(_)
        | DataType::CharVarying(_)
        | DataType::Character(_)
        | DataType::Int(_)
        | DataType::Integer(_)
        | DataType::BigInt(_)
        | DataType::SmallInt(_)
        | DataType::TinyInt(_)
        | DataType::Numeric(_)
        | DataType::Decimal(_)
        | DataType::Dec(_)
        | DataType::Float(_)
        | DataType::Float4
        | DataType::Float8
        | DataType::Double(_)
        | DataType::DoublePrecision
        | DataType::Real
        | DataType::Boolean
        | DataType::Bool
        | DataType::Date
        | DataType::Datetime(_)
        | DataType::Time(..)
        | DataType::Timestamp(..)
        | DataType::TimestampNtz(_)
        | DataType::Binary(_)
        | DataType::Varbinary(_)
        | DataType::Array(ArrayElemTypeDef::None)
        | DataType::Custom(..) => true,
        _ => false,
    }
}
