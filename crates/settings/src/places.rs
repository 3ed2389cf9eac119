//! Where each setting was said, so that what is wrong with one names its place.

use std::collections::BTreeMap;
use std::fmt::Display;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{ConfigurationError, File};

/// The place of every key that somebody has set: a line of the file, a variable, an option of the command line.
///
/// Keys are written as in the file, with their sections: `listen`, `defaults.role`, `issuers[0].audience`.
#[derive(Clone, Debug)]
pub struct Places {
    file: String,
    by_key: BTreeMap<String, String>,
}

impl Places {
    /// The places in a file's text; none where it is no TOML, which is told elsewhere.
    pub(super) fn of_file(file: &File<'_>) -> Self {
        let mut places = Self { file: file.name.to_owned(), by_key: BTreeMap::new() };
        if let Ok(document) = DeTable::parse(file.text) {
            places.add_table(file, "", document.get_ref());
        }
        places
    }

    fn add_table(&mut self, file: &File<'_>, section: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let key = joined(section, name.get_ref());
            self.by_key.insert(key.clone(), file.line(name.span().start));
            self.add_value(file, &key, value);
        }
    }

    fn add_value(&mut self, file: &File<'_>, key: &str, value: &Spanned<DeValue<'_>>) {
        match value.get_ref() {
            DeValue::Table(table) => self.add_table(file, key, table),
            DeValue::Array(entries) => {
                for (at, entry) in entries.iter().enumerate() {
                    let key = format!("{key}[{at}]");
                    self.by_key.insert(key.clone(), file.line(entry.span().start));
                    self.add_value(file, &key, entry);
                }
            }
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_) => {}
        }
    }

    /// Says that this key, with all that lies below it, was set by something else: a variable, an option.
    pub fn said_by(&mut self, key: &str, place: impl Into<String>) {
        self.by_key.retain(|known, _| !is_below(known, key));
        self.by_key.insert(key.to_owned(), place.into());
    }

    /// The file that the configuration is read from, also when it is not there.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// What is wrong with a key: `snowgate.toml:3: defaults.role: …`. A key that nobody has set stands at its section's
    /// place.
    ///
    /// SECURITY: the problem must show no value, for values may be secret.
    pub fn wrong(&self, key: &str, problem: impl Display) -> ConfigurationError {
        let said = match (self.place(key), key.is_empty()) {
            (Some(place), false) => format!("{place}: {key}: {problem}"),
            (None, false) => format!("the configuration is wrong: {key}: {problem}"),
            (_, true) => format!("the configuration is wrong: {problem}"),
        };
        ConfigurationError::new(said)
    }

    /// What is wrong with a key that nobody knows, by whoever said it or something below it.
    pub(super) fn unknown(&self, key: &str, problem: impl Display) -> ConfigurationError {
        let said = self.by_key.iter().find(|(known, _)| is_below(known, key));
        match said {
            Some((_, place)) if self.place(key).is_none() => {
                ConfigurationError::new(format!("{place}: {key}: {problem}"))
            }
            Some(_) | None => self.wrong(key, problem),
        }
    }

    /// The place of a key, or of the section that it would stand in.
    fn place(&self, key: &str) -> Option<&str> {
        let mut key = key;
        loop {
            if let Some(place) = self.by_key.get(key) {
                return Some(place);
            }
            let end = key.rfind(['.', '['])?;
            key = key.get(..end)?;
        }
    }
}

/// The key of an entry of a section; the file itself has no name.
fn joined(section: &str, name: &str) -> String {
    if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") }
}

fn is_below(key: &str, section: &str) -> bool {
    key.strip_prefix(section).is_some_and(|rest| rest.starts_with(['.', '[']))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: File<'static> = File {
        name: "some.toml",
        text: "listen = 'x'\n\n[defaults]\n# why\nrole = 'A'\n[[issuers]]\nissuer = 'a'\n[[issuers]]\nissuer = 'b'\n\
               [upstream.tiers.read]\ncredential = { kind = 'access-token' }\n",
    };

    #[track_caller]
    fn check(places: &Places, key: &str, expected: &str) {
        assert_eq!(places.wrong(key, "no").to_string(), expected);
    }

    #[test]
    fn a_key_is_told_with_the_line_that_it_or_its_section_stands_on() {
        let places = Places::of_file(&FILE);
        check(&places, "listen", "some.toml:1: listen: no");
        check(&places, "defaults.role", "some.toml:5: defaults.role: no");
        check(&places, "defaults.warehouse", "some.toml:3: defaults.warehouse: no");
        check(&places, "issuers[1].issuer", "some.toml:9: issuers[1].issuer: no");
        check(&places, "issuers[1].audience", "some.toml:8: issuers[1].audience: no");
        let token = "upstream.tiers.read.credential.token";
        check(&places, token, &format!("some.toml:11: {token}: no"));
        check(&places, "upstream.account", "some.toml:10: upstream.account: no");
        check(&places, "scale", "the configuration is wrong: scale: no");
        check(&places, "", "the configuration is wrong: no");
    }

    #[test]
    fn whoever_says_it_last_is_the_place() {
        let mut places = Places::of_file(&FILE);
        places.said_by("listen", "--listen");
        places.said_by("upstream.tiers", "SNOWGATE_UPSTREAM__TIERS");
        check(&places, "listen", "--listen: listen: no");
        let key = "upstream.tiers.read.credential";
        check(&places, key, &format!("SNOWGATE_UPSTREAM__TIERS: {key}: no"));
        check(&places, "upstream.url", "some.toml:10: upstream.url: no");
    }
}
