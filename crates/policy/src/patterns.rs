//! Patterns that name columns: `DEMO.PUBLIC.CUSTOMERS.EMAIL`, `*.*.*.EMAIL`, `DEMO.PUBLIC."odd name".*`.
//!
//! A pattern has four parts, each as Snowflake stores the name. `*` in a part stands for any characters; a part
//! in double quotes stands for exactly itself. Of several patterns that match a column the most specific wins,
//! looking at the column's part first, then at the table's, the schema's, the database's: a named part before
//! one with a `*` in it, more letters before fewer, a bare `*` last. So `*.*.*.EMAIL` beats `DEMO.PUBLIC.LEADS.*`.

use domain::{ColumnRef, ObjectName};

/// A pattern for columns.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Pattern {
    database: Part,
    schema: Part,
    table: Part,
    column: Part,
}

/// How specific a pattern is: column, table, schema, database; greater is more.
pub(crate) type Rank = [(u8, usize); 4];

impl Pattern {
    /// Reads a pattern; the error says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let parts: [Part; 4] = parts(text)?
            .try_into()
            .map_err(|_| "a pattern has four parts: DATABASE.SCHEMA.TABLE.COLUMN".to_owned())?;
        let [database, schema, table, column] = parts;
        Ok(Self { database, schema, table, column })
    }

    /// The one column that it names, if it names but one.
    pub(crate) fn as_column(&self) -> Option<ColumnRef> {
        let object = ObjectName::new(self.database.exact()?, self.schema.exact()?, self.table.exact()?);
        Some(ColumnRef { object, column: self.column.exact()?.to_owned() })
    }

    pub(crate) fn matches_object(&self, object: &ObjectName) -> bool {
        self.database.matches(&object.database)
            && self.schema.matches(&object.schema)
            && self.table.matches(&object.name)
    }

    pub(crate) fn matches_column(&self, column: &str) -> bool {
        self.column.matches(column)
    }

    pub(crate) fn rank(&self) -> Rank {
        [self.column.rank(), self.table.rank(), self.schema.rank(), self.database.rank()]
    }

    /// Whether there may be a column that both match. Errs towards yes.
    pub(crate) fn may_meet(&self, other: &Self) -> bool {
        self.database.may_meet(&other.database)
            && self.schema.may_meet(&other.schema)
            && self.table.may_meet(&other.table)
            && self.column.may_meet(&other.column)
    }
}

/// Whether this is the full name of a Snowflake object, written as the catalog writes it ([`ObjectName`]).
pub(crate) fn is_full_name(text: &str) -> bool {
    let name = |[database, schema, name]: [Part; 3]| {
        Some(ObjectName::new(database.exact()?, schema.exact()?, name.exact()?).to_string())
    };
    parts(text).ok().and_then(|parts| parts.try_into().ok()).and_then(name).is_some_and(|name| name == text)
}

/// The parts of a name between its dots.
fn parts(text: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    loop {
        let (part, after) = Part::parse(rest)?;
        parts.push(part);
        match after.strip_prefix('.') {
            Some(next) => rest = next,
            None if after.is_empty() => return Ok(parts),
            None => return Err("a closing quote is followed by a dot or by nothing".into()),
        }
    }
}

/// One part of a pattern.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Part {
    Any,
    Exact(String),
    /// What stands before, between and after the stars.
    Glob {
        first: String,
        middle: Vec<String>,
        last: String,
    },
}

impl Part {
    /// Reads one part and returns what follows it.
    fn parse(text: &str) -> Result<(Self, &str), String> {
        if let Some(mut rest) = text.strip_prefix('"') {
            let mut name = String::new();
            loop {
                let (piece, after) = rest.split_once('"').ok_or("a quote is not closed")?;
                name.push_str(piece);
                match after.strip_prefix('"') {
                    Some(next) => {
                        name.push('"');
                        rest = next;
                    }
                    None if name.is_empty() => return Err("a part is empty".into()),
                    None => return Ok((Self::Exact(name), after)),
                }
            }
        }
        let (word, after) = text.split_at(text.find('.').unwrap_or(text.len()));
        let is_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || matches!(c, '_' | '$' | '*');
        if word.is_empty() {
            return Err("a part is empty".into());
        }
        if !word.chars().all(is_name) {
            return Err(
                "a part is upper case, as Snowflake stores it; put any other name into double quotes".into(),
            );
        }
        if word == "*" {
            return Ok((Self::Any, after));
        }
        let mut pieces: Vec<String> = word.split('*').map(str::to_owned).collect();
        let part = match (pieces.pop(), pieces.is_empty()) {
            (Some(name), true) => Self::Exact(name),
            (last, _) => {
                let middle = pieces.split_off(1);
                Self::Glob { first: pieces.pop().unwrap_or_default(), middle, last: last.unwrap_or_default() }
            }
        };
        Ok((part, after))
    }

    fn exact(&self) -> Option<&str> {
        if let Self::Exact(name) = self { Some(name) } else { None }
    }

    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(exact) => exact == name,
            Self::Glob { first, middle, last } => {
                let Some(mut rest) =
                    name.strip_prefix(first.as_str()).and_then(|rest| rest.strip_suffix(last.as_str()))
                else {
                    return false;
                };
                middle.iter().all(|piece| match rest.split_once(piece.as_str()) {
                    Some((_, after)) => {
                        rest = after;
                        true
                    }
                    None => piece.is_empty(),
                })
            }
        }
    }

    fn rank(&self) -> (u8, usize) {
        match self {
            Self::Any => (0, 0),
            Self::Glob { first, middle, last } => {
                (1, first.len() + last.len() + middle.iter().map(String::len).sum::<usize>())
            }
            Self::Exact(_) => (2, 0),
        }
    }

    fn may_meet(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) | (_, Self::Any) => true,
            (Self::Exact(name), part) | (part, Self::Exact(name)) => part.matches(name),
            (Self::Glob { first: a, last: x, .. }, Self::Glob { first: b, last: y, .. }) => {
                (a.starts_with(b.as_str()) || b.starts_with(a.as_str()))
                    && (x.ends_with(y.as_str()) || y.ends_with(x.as_str()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(table: &str, column: &str) -> ColumnRef {
        ColumnRef { object: ObjectName::new("DEMO", "PUBLIC", table), column: column.into() }
    }

    #[track_caller]
    fn check(pattern: &str, table: &str, name: &str, expected: bool) {
        let pattern = Pattern::parse(pattern).unwrap();
        let column = column(table, name);
        let matches = pattern.matches_object(&column.object) && pattern.matches_column(&column.column);
        assert_eq!(matches, expected, "{pattern:?}");
    }

    #[test]
    fn a_star_stands_for_any_characters_within_its_part() {
        check("DEMO.PUBLIC.CUSTOMERS.EMAIL", "CUSTOMERS", "EMAIL", true);
        check("*.*.*.EMAIL", "CUSTOMERS", "EMAIL", true);
        check("*.*.*.EMAIL", "CUSTOMERS", "EMAIL2", false);
        check("DEMO.*.CUST*.*MAIL*", "CUSTOMERS", "EMAIL2", true);
        check("DEMO.*.*.A*A", "T", "A", false);
        check("DEMO.*.*.A*A", "T", "AA", true);
        check("DEMO.*.*.A*B*A", "T", "AXBYA", true);
        check("DEMO.*.*.A*B*A", "T", "AXYA", false);
        check("DEMO.*.*.A**A", "T", "AXA", true);
    }

    #[test]
    fn a_quoted_part_stands_for_exactly_itself() {
        check(r#"DEMO.PUBLIC."odd.name"."a*""b""#, "odd.name", "a*\"b", true);
        check(r#"DEMO.PUBLIC."odd.name"."a*""b""#, "odd.name", "axx\"b", false);
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in [
            "",
            "A",
            "A.B.C",
            "A.B.C.D.E",
            "A..C.D",
            "a.B.C.D",
            "A.B.C.D ",
            "A.B.C.\"d",
            "A.B.\"c\"x.D",
            "A.B.C.\"\"",
        ] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_columns_part_is_the_most_telling_one() {
        let ranks = ["A.B.C.D", "*.*.*.D", "A.B.C.*D*", "A.B.C.*", "A.B.*.*", "*.*.*.*"]
            .map(|text| Pattern::parse(text).unwrap().rank());
        assert!(ranks.windows(2).all(|pair| pair[0] > pair[1]), "{ranks:?}");
    }
}
