//! What a scan prints: TOML to paste, or JSON lines. Names are upstream's and may be hostile.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use domain::ColumnRef;
use serde_json::{Value, json};

use super::evidence::{Basis, Evidence, Proposal, mask_of};
use crate::commands::{one_line, steers};

/// What a scan came to.
pub struct Report {
    /// Rows sampled of a table, at most.
    pub rows: u32,
    /// Below this an entry is a comment.
    pub min_confidence: f64,
    /// Tables that were sampled.
    pub tables: u64,
    pub columns: Vec<ScannedColumn>,
    /// Tables that were not, with why.
    pub failed: Vec<(String, String)>,
}

/// One column and what is said of it.
pub struct ScannedColumn {
    pub column: ColumnRef,
    pub evidence: Evidence,
    /// The class that the bundle gives it by its name.
    pub class: Option<String>,
    /// The bundle has an entry for this very column.
    pub is_entry: bool,
    /// Tags of Snowflake's own classification, by their last names.
    pub tags: BTreeMap<String, String>,
    pub proposal: Option<Proposal>,
}

/// What becomes of a column in the catalog.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// The bundle classifies it, and nothing speaks against that.
    Classified,
    /// The bundle says that everybody may see it, and something was found.
    Contradicted,
    /// It is proposed as an entry.
    Proposed,
    /// It is proposed as a comment.
    ToJudge,
    /// Nobody has classified it, it is masked, and its name says nothing.
    Masked,
    /// Nothing was found.
    Clear,
}

impl Standing {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Classified => "classified",
            Self::Contradicted => "contradicted",
            Self::Proposed => "proposed",
            Self::ToJudge => "to_judge",
            Self::Masked => "masked",
            Self::Clear => "clear",
        }
    }
}

/// The class that everybody may see.
const PUBLIC: &str = "public";

impl ScannedColumn {
    /// What becomes of it.
    pub fn standing(&self, min_confidence: f64) -> Standing {
        let is_public = self.class.as_deref() == Some(PUBLIC);
        if self.class.is_some() && !is_public {
            return Standing::Classified;
        }
        match &self.proposal {
            // A name alone says nothing against whoever has looked at the column.
            Some(Proposal { basis: Basis::Name, .. }) | None if is_public => Standing::Classified,
            Some(_) if is_public && self.is_entry => Standing::Contradicted,
            Some(proposal) if proposal.may_show || proposal.confidence < min_confidence => Standing::ToJudge,
            Some(_) => Standing::Proposed,
            None if self.evidence.is_masked => Standing::Masked,
            None => Standing::Clear,
        }
    }

    /// What speaks for what is proposed.
    fn reasons(&self) -> String {
        let Evidence { cells, changed, kinds, is_masked, .. } = &self.evidence;
        let mut text = String::new();
        for (kind, count) in kinds {
            let _ = write!(text, "{kind} in {count}, ");
        }
        let _ = match (is_masked, kinds.is_empty()) {
            (true, _) => write!(text, "masked, not looked at"),
            (false, true) => write!(text, "nothing found in {cells} cells"),
            (false, false) => write!(text, "changed {changed} of {cells} cells"),
        };
        for (tag, value) in &self.tags {
            let _ = write!(text, "; {} {}", one_line(tag), one_line(value));
        }
        text
    }

    fn entry(&self, proposal: &Proposal) -> String {
        let Proposal { class, basis, confidence, .. } = proposal;
        format!(
            "# {}; by {}, confidence {confidence:.2}\n[[columns]]\nmatch = {}\nclass = {}\n",
            self.reasons(),
            basis.as_str(),
            toml_text(&self.column.to_string()),
            toml_text(class),
        )
    }
}

impl Report {
    pub fn count(&self, standing: Standing) -> u64 {
        self.with(standing).count() as u64
    }

    /// Masked columns of which nobody but perhaps their names says what they hold.
    pub fn unseen(&self) -> u64 {
        let is_unseen = |column: &&ScannedColumn| column.class.is_none() && column.evidence.is_masked;
        self.columns.iter().filter(is_unseen).count() as u64
    }

    fn with(&self, standing: Standing) -> impl Iterator<Item = &ScannedColumn> {
        self.columns.iter().filter(move |column| column.standing(self.min_confidence) == standing)
    }

    /// The entries, ready to be added at the end of the bundle's catalog.toml; `has_class` tells what it declares.
    pub fn toml(&self, has_class: impl Fn(&str) -> bool) -> String {
        let proposals =
            |standing| self.with(standing).filter_map(|column| Some((column, column.proposal.as_ref()?)));
        let new_classes = |standing| {
            let classes = proposals(standing).map(|(_, proposal)| proposal.class.as_str());
            classes.filter(|class| !has_class(class)).collect::<BTreeSet<&str>>()
        };
        let declared = |class: &str| {
            let scan = if class == "notes" { "scan = true\n" } else { "" };
            format!("[classes.{class}]\nmask = {}\n{scan}\n", toml_text(mask_of(class)))
        };
        let mut text = format!(
            "# Proposed by `snowgate scan` from samples of at most {} rows of {} tables. A sample is no proof: look at each \
             entry.\n\n",
            self.rows, self.tables
        );
        let active = new_classes(Standing::Proposed);
        active.iter().for_each(|class| text.push_str(&declared(class)));
        for (column, proposal) in proposals(Standing::Proposed) {
            text.push_str(&column.entry(proposal));
            text.push('\n');
        }
        if self.count(Standing::ToJudge) > 0 {
            text.push_str(
                "# To judge: less certain, or shown after the detectors where it was masked before (`notes`).\n#\n",
            );
        }
        for class in new_classes(Standing::ToJudge).difference(&active) {
            text.push_str(&commented(&declared(class)));
        }
        for (column, proposal) in proposals(Standing::ToJudge) {
            text.push_str(&commented(&column.entry(proposal)));
            text.push_str("#\n");
        }
        for column in self.with(Standing::Contradicted) {
            let name = one_line(&column.column.to_string());
            let _ = writeln!(text, "# {name} is `public` in the bundle: {}", column.reasons());
        }
        text
    }

    /// One line a column, one a failed table, then the summary.
    pub fn json_lines(&self) -> Vec<String> {
        let column = |column: &ScannedColumn| {
            let Evidence { cells, changed, kinds, is_masked, .. } = &column.evidence;
            let seen = |count: &u64| if *is_masked { Value::Null } else { json!(count) };
            let proposal = column.proposal.as_ref().map(|proposal| {
                json!({
                    "class": proposal.class,
                    "basis": proposal.basis.as_str(),
                    "confidence": (proposal.confidence * 1000.0).round() / 1000.0,
                    "cells": proposal.found,
                })
            });
            json!({
                "column": column.column.to_string(),
                "standing": column.standing(self.min_confidence).as_str(),
                "class": column.class,
                "masked": is_masked,
                "cells": seen(cells),
                "changed": seen(changed),
                "found": kinds,
                "tags": column.tags,
                "proposal": proposal,
            })
        };
        let failed = self.failed.iter().map(|(table, why)| json!({ "table": table, "error": why }));
        let summary = json!({
            "result": if self.failed.is_empty() { "complete" } else { "partial" },
            "tables": self.tables,
            "failed": self.failed.len(),
            "columns": self.columns.len(),
            "proposed": self.count(Standing::Proposed),
            "to_judge": self.count(Standing::ToJudge),
        });
        let lines = self.columns.iter().map(column).chain(failed).chain([summary]);
        lines.map(|line| ascii_escaped(&line.to_string())).collect()
    }
}

fn commented(entry: &str) -> String {
    let lines = entry.trim_end().lines();
    lines
        .map(|line| if line.starts_with('#') { format!("{line}\n") } else { format!("# {line}\n") })
        .collect()
}

/// A basic string of TOML 1.0 that holds any text and steers nothing.
pub fn toml_text(text: &str) -> String {
    let mut written = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => written.push_str("\\\""),
            '\\' => written.push_str("\\\\"),
            c if steers(c) => {
                let _ = write!(written, "\\U{:08X}", u32::from(c));
            }
            c => written.push(c),
        }
    }
    written.push('"');
    written
}

/// JSON in which what steers a terminal is escaped. It only stands within texts, where any character may be.
fn ascii_escaped(json: &str) -> String {
    let mut written = String::with_capacity(json.len());
    for c in json.chars() {
        if steers(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(written, "\\u{unit:04x}");
            }
        } else {
            written.push(c);
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use domain::ObjectName;

    use super::*;

    const HOSTILE: &str = "a\"b\\c\n]\u{1b}[2J\u{9b}31m\u{202e}x\u{e0041}'''#";

    fn column(name: &str, class: Option<&str>, proposal: Option<(&str, f64, bool)>) -> ScannedColumn {
        ScannedColumn {
            column: ColumnRef { object: ObjectName::new("D", "S", HOSTILE), column: name.to_owned() },
            evidence: Evidence { cells: 10, changed: 9, ..Evidence::default() },
            class: class.map(str::to_owned),
            is_entry: class.is_some(),
            tags: BTreeMap::from([(HOSTILE.to_owned(), HOSTILE.to_owned())]),
            proposal: proposal.map(|(class, confidence, may_show)| Proposal {
                class: class.to_owned(),
                basis: Basis::Content,
                confidence,
                found: 9,
                may_show,
            }),
        }
    }

    fn report(columns: Vec<ScannedColumn>) -> Report {
        let failed = vec![(HOSTILE.to_owned(), HOSTILE.to_owned())];
        Report { rows: 10, min_confidence: 0.5, tables: 1, columns, failed }
    }

    #[test]
    fn what_may_show_more_is_never_more_than_a_comment() {
        let standing = |class, proposal| column("C", class, proposal).standing(0.5);
        assert_eq!(standing(None, Some(("email", 0.9, false))), Standing::Proposed);
        assert_eq!(standing(None, Some(("email", 0.4, false))), Standing::ToJudge);
        assert_eq!(standing(None, Some(("notes", 0.9, true))), Standing::ToJudge);
        assert_eq!(standing(Some("public"), Some(("email", 0.9, false))), Standing::Contradicted);
        assert_eq!(standing(Some("email"), Some(("phone", 0.9, false))), Standing::Classified);
        assert_eq!(standing(None, None), Standing::Clear);
    }

    #[test]
    fn hostile_names_stay_texts_and_steer_nothing() {
        let columns = vec![
            column("C", None, Some(("secret", 0.9, false))),
            column(HOSTILE, None, Some(("passport", 0.9, false))),
            column("N", None, Some(("vehicle", 0.1, false))),
            column("P", Some("public"), Some(("email", 0.9, false))),
        ];
        let report = report(columns);
        let text = report.toml(|class| class == "passport");
        assert!(!text.chars().any(|c| steers(c) && c != '\n'), "{text:?}");
        let table: toml::Table = text.parse().unwrap();
        let names = |at: usize| table["columns"][at]["match"].as_str().unwrap().to_owned();
        assert_eq!(table["columns"].as_array().unwrap().len(), 2, "{text}");
        assert_eq!(names(0), report.columns[0].column.to_string());
        assert_eq!(names(1), report.columns[1].column.to_string());
        assert_eq!(table["classes"].as_table().unwrap().keys().collect::<Vec<_>>(), ["secret"]);
        for line in report.json_lines() {
            assert!(!line.chars().any(steers), "{line:?}");
            let value: Value = serde_json::from_str(&line).unwrap();
            assert!(value.is_object());
        }
        let told: Value = serde_json::from_str(&report.json_lines()[1]).unwrap();
        assert_eq!(told["column"], json!(report.columns[1].column.to_string()));
    }

    #[test]
    fn comments_are_comments_line_by_line() {
        let text = report(vec![column(HOSTILE, None, Some(("notes", 0.9, true)))]).toml(|_| false);
        assert!(text.lines().all(|line| line.is_empty() || line.starts_with('#')), "{text}");
        // Without its marks it is what would be added.
        let bare: String = text
            .lines()
            .filter_map(|line| line.strip_prefix("# "))
            .filter(|line| line.starts_with('[') || line.contains(" = "))
            .filter(|line| !line.contains("; by "))
            .map(|line| format!("{line}\n"))
            .collect();
        let table: toml::Table = bare.parse().unwrap();
        assert_eq!(table["classes"]["notes"]["scan"].as_bool(), Some(true));
    }
}
