//! Reads TOML by hand, so that every fault of a file is reported with its place, not only the first.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::problem::{Problem, Source};

/// A file being read, and what was found wrong with it.
pub(crate) struct Reader<'a> {
    source: Source<'a>,
    problems: &'a mut Vec<Problem>,
}

/// A table of the file.
#[derive(Clone, Copy)]
pub(crate) struct Table<'t> {
    pub(crate) entries: &'t DeTable<'t>,
    /// Where it, or its header, begins.
    pub(crate) at: usize,
}

/// A value with its place.
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(source: Source<'a>, problems: &'a mut Vec<Problem>) -> Self {
        Self { source, problems }
    }

    /// Notes that something is wrong there.
    pub(crate) fn wrong(&mut self, at: usize, message: impl Into<String>) {
        self.problems.push(self.source.problem(at, message));
    }

    /// Notes every key that is not among these.
    pub(crate) fn only(&mut self, table: Table<'_>, known: &[&str]) {
        for key in table.entries.keys() {
            if !known.contains(&key.get_ref().as_ref()) {
                let message = format!("unknown key `{}`; known here: {}", key.get_ref(), known.join(", "));
                self.wrong(key.span().start, message);
            }
        }
    }

    /// The table under that key.
    pub(crate) fn table<'t>(&mut self, table: Table<'t>, key: &str) -> Option<Table<'t>> {
        let value = entry(table, key)?;
        self.as_table(value, key)
    }

    /// Every entry of a table, each of which must be a table.
    pub(crate) fn tables<'t>(&mut self, table: Table<'t>) -> Vec<(At<&'t str>, Table<'t>)> {
        let mut found = Vec::new();
        for (key, value) in table.entries {
            if let Some(entry) = self.as_table(value, key.get_ref()) {
                found.push((At { value: key.get_ref().as_ref(), at: key.span().start }, entry));
            }
        }
        found
    }

    /// The array of tables under that key; none is empty.
    pub(crate) fn array_of_tables<'t>(&mut self, table: Table<'t>, key: &str) -> Vec<Table<'t>> {
        let Some(value) = entry(table, key) else { return Vec::new() };
        let Some(array) = value.get_ref().as_array() else {
            self.wrong(value.span().start, format!("`{key}` is a list of tables: write `[[{key}]]`"));
            return Vec::new();
        };
        array.iter().filter_map(|value| self.as_table(value, key)).collect()
    }

    /// The text under that key.
    pub(crate) fn text<'t>(&mut self, table: Table<'t>, key: &str) -> Option<At<&'t str>> {
        let value = entry(table, key)?;
        self.as_text(value, key)
    }

    /// The text under that key, which must be there.
    pub(crate) fn needed_text<'t>(&mut self, table: Table<'t>, key: &str) -> Option<At<&'t str>> {
        if !table.entries.contains_key(key) {
            self.wrong(table.at, format!("`{key}` is missing"));
        }
        self.text(table, key)
    }

    /// The text, or the list of texts, under that key; none when there is no such key.
    pub(crate) fn texts<'t>(&mut self, table: Table<'t>, key: &str) -> Option<Vec<At<&'t str>>> {
        let value = entry(table, key)?;
        let texts = match value.get_ref().as_array() {
            Some(array) => array.iter().filter_map(|value| self.as_text(value, key)).collect(),
            None => self.as_text(value, key).into_iter().collect(),
        };
        Some(texts)
    }

    /// The list of texts under that key, which must be there and hold at least one.
    pub(crate) fn needed_texts<'t>(&mut self, table: Table<'t>, key: &str) -> Vec<At<&'t str>> {
        let at = entry(table, key).map_or(table.at, |value| value.span().start);
        let before = self.problems.len();
        let texts = self.texts(table, key).unwrap_or_default();
        if texts.is_empty() && self.problems.len() == before {
            self.wrong(at, format!("`{key}` is missing or empty"));
        }
        texts
    }

    /// The whole number above zero under that key.
    pub(crate) fn count<'t, T: TryFrom<u64>>(&mut self, table: Table<'t>, key: &str) -> Option<T> {
        let value = entry(table, key)?;
        let number = match value.get_ref() {
            DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix()).ok(),
            DeValue::String(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => None,
        };
        let count = number.filter(|number| *number > 0).and_then(|number| T::try_from(number).ok());
        if count.is_none() {
            self.wrong(value.span().start, format!("`{key}` is a whole number above zero that fits"));
        }
        count
    }

    /// True or false under that key; none when there is no such key.
    pub(crate) fn flag<'t>(&mut self, table: Table<'t>, key: &str) -> Option<bool> {
        let value = entry(table, key)?;
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            self.wrong(value.span().start, format!("`{key}` is true or false"));
        }
        flag
    }

    fn as_table<'t>(&mut self, value: &'t Spanned<DeValue<'t>>, key: &str) -> Option<Table<'t>> {
        let entries = value.get_ref().as_table();
        if entries.is_none() {
            self.wrong(value.span().start, format!("`{key}` is a table"));
        }
        entries.map(|entries| Table { entries, at: value.span().start })
    }

    fn as_text<'t>(&mut self, value: &'t Spanned<DeValue<'t>>, key: &str) -> Option<At<&'t str>> {
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.wrong(value.span().start, format!("`{key}` is text in quotes"));
        }
        text.map(|text| At { value: text, at: value.span().start })
    }
}

fn entry<'t>(table: Table<'t>, key: &str) -> Option<&'t Spanned<DeValue<'t>>> {
    table.entries.get(key)
}
