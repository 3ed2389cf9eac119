//! The stages that a text names, wherever they stand: `@s`, `@d.s.n/path`, `@~`, `@%t`, and the same in quotes.
//!
//! A stage is named as `D.S."@N"`: beside the tables of its schema, and unlike any of them. The path is no part of its
//! name, because who may read a stage may read all of it.

use domain::ObjectName;

use crate::class::{View, flag};
use crate::lexer::{Lexeme, decode_string};
use crate::names::Namespace;

/// Where files lie.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Stage {
    /// A stage of a schema: its folded name parts, the last with its `@`.
    Named(Vec<String>),
    /// The stage that belongs to a table: the name parts of the table.
    OfTable(Vec<String>),
    /// That of whoever asks, or one whose name cannot be told. It lies in no schema.
    Elsewhere,
}

impl Stage {
    /// The stage that is written `@…`, whatever path follows.
    pub(crate) fn told(written: &str) -> Self {
        Self::found(written).unwrap_or(Self::Elsewhere)
    }

    /// Likewise; none where the text names no stage.
    fn found(written: &str) -> Option<Self> {
        let rest = written.strip_prefix('@')?;
        if let Some(path) = rest.strip_prefix('~') {
            return ends_name(path).then_some(Self::Elsewhere);
        }
        let mut rest = rest;
        let mut parts = Vec::new();
        let mut is_of_table = false;
        loop {
            if let Some(table) = rest.strip_prefix('%') {
                is_of_table = true;
                rest = table;
            }
            let (part, after) = part(rest)?;
            parts.push(part);
            match after.strip_prefix('.') {
                // `d..s`: the schema in the middle is PUBLIC.
                Some(after) if after.starts_with('.') && parts.len() == 1 => {
                    parts.push("PUBLIC".to_owned());
                    rest = after.get(1..)?;
                }
                Some(after) if parts.len() < 3 => rest = after,
                Some(_) => return None,
                None if ends_name(after) => break,
                None => return None,
            }
        }
        if is_of_table {
            return Some(Self::OfTable(parts));
        }
        let name = parts.pop()?;
        parts.push(format!("@{name}"));
        Some(Self::Named(parts))
    }

    /// Its full name; one that nothing grants where it lies in no schema.
    pub(crate) fn object(&self, namespace: &Namespace) -> ObjectName {
        let object = match self {
            Self::Named(parts) | Self::OfTable(parts) => namespace.complete(parts),
            Self::Elsewhere => None,
        };
        object.unwrap_or_else(|| ObjectName::new("", "", "@~"))
    }
}

/// Whether the name of a stage may end before that.
fn ends_name(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with('/')
}

/// One folded part of a name, and what follows it.
fn part(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '$').unwrap_or(text.len());
        let name = text.get(..end).filter(|name| !name.is_empty())?;
        return Some((name.to_uppercase(), text.get(end..)?));
    };
    let mut name = String::new();
    let mut rest = quoted;
    loop {
        let end = rest.find('"')?;
        name.push_str(rest.get(..end)?);
        rest = rest.get(end + 1..)?;
        let Some(more) = rest.strip_prefix('"') else { return Some((name, rest)) };
        name.push('"');
        rest = more;
    }
}

/// Stages by what is done to their files.
#[derive(Default, PartialEq, Eq, Debug)]
pub(crate) struct Stages {
    pub read: Vec<Stage>,
    pub written: Vec<Stage>,
}

/// Every stage in the pieces of one statement. In a query a text is one only where a location is expected; elsewhere
/// too many are told rather than too few.
pub(crate) fn stages(view: View<'_>, is_query: bool) -> Stages {
    let mut found = Stages::default();
    let mut at = 0;
    while let Some(token) = view.tokens.get(at) {
        let start = at;
        at += 1;
        let stage = match token.kind {
            Lexeme::Symbol if token.is_symbol(view.text, "@") => {
                let mut end = token.end;
                while let Some(next) = view.tokens.get(at).filter(|next| next.start == end) {
                    if [",", ")", "(", ";"].iter().any(|symbol| next.is_symbol(view.text, symbol)) {
                        break;
                    }
                    end = next.end;
                    at += 1;
                }
                Some(Stage::told(view.text.get(token.start..end).unwrap_or("")))
            }
            Lexeme::Text | Lexeme::Dollar if !is_query || is_location(view, start) => {
                Stage::found(decode_string(token.text(view.text)).trim())
            }
            Lexeme::Text
            | Lexeme::Dollar
            | Lexeme::Symbol
            | Lexeme::Space
            | Lexeme::Comment
            | Lexeme::Word
            | Lexeme::Quoted
            | Lexeme::Hex
            | Lexeme::Number
            | Lexeme::Variable => None,
        };
        let is_target = start > 0 && view.is_any(start - 1, &["INTO", "REMOVE", "RM"]);
        let is_written = is_target || view.is_any(0, &["REMOVE", "RM", "PUT"]);
        let list = if is_written { &mut found.written } else { &mut found.read };
        list.extend(stage);
    }
    found
}

/// Whether a text there is a location: behind FROM, as a named argument, or what a function of files begins with.
fn is_location(view: View<'_>, at: usize) -> bool {
    let Some(before) = at.checked_sub(1) else { return false };
    let is_first = view.is_symbol(before, "(") && before > 0;
    view.is(before, "FROM")
        || view.is_symbol(before, "=>")
        || (is_first && flag(&view.word(before - 1)).is_some())
}

#[cfg(test)]
mod tests {
    use super::{Stage, Stages, stages};
    use crate::class::View;
    use crate::lexer::significant;

    fn named(parts: &[&str]) -> Stage {
        Stage::Named(parts.iter().map(|part| (*part).to_owned()).collect())
    }

    fn of_table(parts: &[&str]) -> Stage {
        Stage::OfTable(parts.iter().map(|part| (*part).to_owned()).collect())
    }

    #[test]
    fn a_stage_is_its_name_without_its_path() {
        for (written, expected) in [
            ("@s", named(&["@S"])),
            ("@s/A/b.csv", named(&["@S"])),
            ("@\"s\"/x", named(&["@s"])),
            ("@\"a.b\"\"c\"", named(&["@a.b\"c"])),
            ("@hr.private.stage/x", named(&["HR", "PRIVATE", "@STAGE"])),
            ("@hr.\"p\".stage", named(&["HR", "p", "@STAGE"])),
            ("@d..s", named(&["D", "PUBLIC", "@S"])),
            ("@%t/x", of_table(&["T"])),
            ("@d.s.%t", of_table(&["D", "S", "T"])),
            ("@%d.s.t", of_table(&["D", "S", "T"])),
            ("@~/x", Stage::Elsewhere),
            ("@~", Stage::Elsewhere),
            ("@", Stage::Elsewhere),
            ("@a.b.c.d", Stage::Elsewhere),
            ("@a b", Stage::Elsewhere),
            ("@\"a", Stage::Elsewhere),
        ] {
            assert_eq!(Stage::told(written), expected, "{written}");
        }
    }

    #[track_caller]
    fn check(text: &str, is_query: bool, read: &[Stage], written: &[Stage]) {
        let tokens = significant(text).unwrap();
        let found = stages(View { text, tokens: &tokens }, is_query);
        assert_eq!(found, Stages { read: read.to_vec(), written: written.to_vec() }, "{text}");
    }

    #[test]
    fn what_is_done_to_the_files_is_told_with_them() {
        let (s, far) = (named(&["@S"]), named(&["D", "S", "@N"]));
        for (text, read, written) in [
            ("list @s", vec![s.clone()], vec![]),
            ("copy into t from @d.s.n/a/b.csv file_format = (type = csv)", vec![far.clone()], vec![]),
            ("copy into t from '@d.s.n/a b'", vec![far.clone()], vec![]),
            ("copy into @s/x from t", vec![], vec![s.clone()]),
            ("copy into '@s/x' from t", vec![], vec![s.clone()]),
            ("copy into 's3://bucket' from t", vec![], vec![]),
            ("copy files into @s from @d.s.n", vec![far.clone()], vec![s.clone()]),
            ("remove @s/x", vec![], vec![s.clone()]),
            ("begin remove @s; end", vec![], vec![s.clone()]),
            ("put file:///x @s", vec![], vec![s.clone()]),
            ("put 'file:///x' '@s'", vec![], vec![s.clone()]),
            ("get @~/x file:///y", vec![Stage::Elsewhere], vec![]),
            ("create procedure p() imports = ('@d.s.n/x.jar')", vec![far], vec![]),
        ] {
            check(text, false, &read, &written);
        }
    }

    #[test]
    fn in_a_query_a_text_is_a_stage_where_a_location_is_expected() {
        let far = || vec![named(&["D", "S", "@N"])];
        check("select * from directory(@d.s.n)", true, &far(), &[]);
        check(
            "select * from table(infer_schema(location => '@d.s.n', file_format => 'f'))",
            true,
            &far(),
            &[],
        );
        check("select $1 from '@d.s.n/x'", true, &far(), &[]);
        check("select to_file('@d.s.n', 'x')", true, &far(), &[]);
        check("select split_part(email, '@x', 2), '@y' from t where a = '@z'", true, &[], &[]);
    }
}
