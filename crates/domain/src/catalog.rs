//! What the warehouse holds: an immutable snapshot of names, columns and view texts.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::ids::Digest;

/// The full name of a table or view, each part as Snowflake stores it (upper case unless quoted at creation).
///
/// Printed with dots; a part that is no plain upper-case identifier is quoted (`DEMO.PUBLIC."odd name"`).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ObjectName {
    /// The database.
    pub database: String,
    /// The schema in it.
    pub schema: String,
    /// The table or view in it.
    pub name: String,
}

impl ObjectName {
    /// The object with these stored names.
    pub fn new(database: impl Into<String>, schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self { database: database.into(), schema: schema.into(), name: name.into() }
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [database, schema, name] =
            [&self.database, &self.schema, &self.name].map(|part| identifier(part));
        write!(f, "{database}.{schema}.{name}")
    }
}

/// A stored name as SQL needs it written: in quotes where it is no plain upper-case identifier.
// INVARIANT: injective, also over joined parts, so that no quoted name can pass for another object.
pub fn identifier(name: &str) -> Cow<'_, str> {
    let mut bytes = name.bytes();
    let is_plain = bytes.next().is_some_and(|b| b.is_ascii_uppercase() || b == b'_')
        && bytes.all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_' || b == b'$');
    if is_plain { Cow::Borrowed(name) } else { Cow::Owned(quoted(name)) }
}

/// A stored name in quotes, whatever it is.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// One stored column.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ColumnRef {
    /// The table or view that has it.
    pub object: ObjectName,
    /// Its name as stored.
    pub column: String,
}

impl fmt::Display for ColumnRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.object, identifier(&self.column))
    }
}

/// A Snowflake data type, with the facets that results carry.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum SqlType {
    /// NUMBER(precision, scale).
    Fixed {
        /// Total digits, 1 to 38.
        precision: u8,
        /// Digits after the point.
        scale: u8,
    },
    /// FLOAT.
    Real,
    /// DECFLOAT.
    DecFloat,
    /// VARCHAR; length in characters.
    Text {
        /// Characters at most.
        length: u64,
    },
    /// BOOLEAN.
    Boolean,
    /// DATE.
    Date,
    /// TIME; fractional digits.
    Time {
        /// Fractional digits, 0 to 9.
        scale: u8,
    },
    /// TIMESTAMP_NTZ; fractional digits.
    TimestampNtz {
        /// Fractional digits, 0 to 9.
        scale: u8,
    },
    /// TIMESTAMP_LTZ; fractional digits.
    TimestampLtz {
        /// Fractional digits, 0 to 9.
        scale: u8,
    },
    /// TIMESTAMP_TZ; fractional digits.
    TimestampTz {
        /// Fractional digits, 0 to 9.
        scale: u8,
    },
    /// BINARY; length in bytes.
    Binary {
        /// Bytes at most.
        length: u64,
    },
    /// VARIANT.
    Variant,
    /// OBJECT.
    Object,
    /// ARRAY.
    Array,
    /// GEOGRAPHY.
    Geography,
    /// GEOMETRY.
    Geometry,
    /// VECTOR(element, dimension).
    Vector,
    /// MAP(key, value).
    Map,
    /// A type that this version does not know, by its lower-case wire name: always masked.
    Unknown(String),
}

impl SqlType {
    /// Reads the lower-case (or upper-case) wire name of `resultSetMetaData.rowType[].type`
    /// (Snowflake SQL API, "ResultSet"), with its facets where the wire has them.
    pub fn from_wire(name: &str, precision: Option<u64>, scale: Option<u64>, length: Option<u64>) -> Self {
        let scale = || scale.and_then(|s| u8::try_from(s).ok()).unwrap_or(9);
        match name.to_ascii_lowercase().as_str() {
            "fixed" => Self::Fixed {
                precision: precision.and_then(|p| u8::try_from(p).ok()).unwrap_or(38),
                scale: if scale() == 9 && precision.is_none() { 0 } else { scale() },
            },
            "real" => Self::Real,
            "decfloat" => Self::DecFloat,
            "text" => Self::Text { length: length.unwrap_or(16_777_216) },
            "boolean" => Self::Boolean,
            "date" => Self::Date,
            "time" => Self::Time { scale: scale() },
            "timestamp_ntz" => Self::TimestampNtz { scale: scale() },
            "timestamp_ltz" => Self::TimestampLtz { scale: scale() },
            "timestamp_tz" => Self::TimestampTz { scale: scale() },
            "binary" => Self::Binary { length: length.unwrap_or(8_388_608) },
            "variant" => Self::Variant,
            "object" => Self::Object,
            "array" => Self::Array,
            "geography" => Self::Geography,
            "geometry" => Self::Geometry,
            "vector" => Self::Vector,
            "map" => Self::Map,
            other => Self::Unknown(other.to_owned()),
        }
    }

    /// The lower-case wire name.
    pub fn wire_name(&self) -> &str {
        match self {
            Self::Fixed { .. } => "fixed",
            Self::Real => "real",
            Self::DecFloat => "decfloat",
            Self::Text { .. } => "text",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Time { .. } => "time",
            Self::TimestampNtz { .. } => "timestamp_ntz",
            Self::TimestampLtz { .. } => "timestamp_ltz",
            Self::TimestampTz { .. } => "timestamp_tz",
            Self::Binary { .. } => "binary",
            Self::Variant => "variant",
            Self::Object => "object",
            Self::Array => "array",
            Self::Geography => "geography",
            Self::Geometry => "geometry",
            Self::Vector => "vector",
            Self::Map => "map",
            Self::Unknown(name) => name,
        }
    }

    /// Digits in all, for `rowType[].precision`; none where the type has none.
    pub fn precision(&self) -> Option<u64> {
        if let Self::Fixed { precision, .. } = self { Some(u64::from(*precision)) } else { None }
    }

    /// Digits after the point or of a second, for `rowType[].scale`.
    pub fn scale(&self) -> Option<u64> {
        match self {
            Self::Fixed { scale, .. }
            | Self::Time { scale }
            | Self::TimestampNtz { scale }
            | Self::TimestampLtz { scale }
            | Self::TimestampTz { scale } => Some(u64::from(*scale)),
            Self::Real
            | Self::DecFloat
            | Self::Text { .. }
            | Self::Boolean
            | Self::Date
            | Self::Binary { .. }
            | Self::Variant
            | Self::Object
            | Self::Array
            | Self::Geography
            | Self::Geometry
            | Self::Vector
            | Self::Map
            | Self::Unknown(_) => None,
        }
    }

    /// Characters (TEXT) or bytes (BINARY) at most, for `rowType[].length`.
    pub fn length(&self) -> Option<u64> {
        if let Self::Text { length } | Self::Binary { length } = self { Some(*length) } else { None }
    }
}

/// One column of a table or view.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Column {
    /// Its name as stored.
    pub name: String,
    /// Its type.
    pub sql_type: SqlType,
    /// Whether it may hold NULL.
    pub is_nullable: bool,
    /// Snowflake object tags on it (`name` → `value`), where the catalog could read them.
    pub tags: BTreeMap<String, String>,
}

/// What stands behind a name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RelationKind {
    /// A stored table.
    Table,
    /// A view; the text of its query where it is visible. A view without one is unknown: everything that it
    /// shows is masked.
    View {
        /// The query after `AS`, unqualified names meaning the view's own database and schema.
        definition: Option<String>,
    },
}

/// A table or view with its columns in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Relation {
    /// Table or view.
    pub kind: RelationKind,
    /// Its columns in order.
    pub columns: Vec<Column>,
    /// Changes whenever the object does (Snowflake: `LAST_DDL`, to the microsecond).
    pub version: i64,
}

/// An immutable snapshot, named by its digest in every decision that used it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Catalog {
    /// What is known, by full name.
    pub relations: BTreeMap<ObjectName, Relation>,
    /// The schemas (database, schema) that were loaded whole: what is absent from these does not exist.
    pub loaded: BTreeSet<(String, String)>,
    /// SHA-256 over names, columns, tags, view texts and versions; `gateway::snapshot` says how.
    pub digest: Digest,
}

impl Catalog {
    /// A catalog that knows nothing.
    pub fn empty() -> Self {
        Self { relations: BTreeMap::new(), loaded: BTreeSet::new(), digest: Digest::from_bytes([0; 32]) }
    }

    /// The relation of that name; none when it does not exist or its schema was not loaded.
    pub fn relation(&self, name: &ObjectName) -> Option<&Relation> {
        self.relations.get(name)
    }

    /// Whether that schema was loaded whole.
    pub fn has_schema(&self, database: &str, schema: &str) -> bool {
        self.loaded.iter().any(|(d, s)| d == database && s == schema)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_prints_as_sql_would_need_it() {
        assert_eq!(ObjectName::new("DEMO", "PUBLIC", "T1").to_string(), "DEMO.PUBLIC.T1");
        assert_eq!(ObjectName::new("DEMO", "PUBLIC", "t\"1").to_string(), "DEMO.PUBLIC.\"t\"\"1\"");
    }

    #[test]
    fn a_type_that_nobody_knows_stays_unknown() {
        assert_eq!(SqlType::from_wire("hologram", None, None, None), SqlType::Unknown("hologram".into()));
        assert_eq!(SqlType::from_wire("FIXED", None, None, None), SqlType::Fixed { precision: 38, scale: 0 });
    }
}
