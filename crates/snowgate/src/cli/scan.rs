//! `snowgate scan`.

use std::path::PathBuf;

use clap::Args;

use super::{HomeArgs, parse_identifier};

/// How `snowgate scan` works.
pub const SCAN_WORKS: &str = r#"It asks the running gateway, as `snowgate ask` does: every statement is identified, decided, masked and recorded. No clear value that the detectors know reaches it, and it prints none at all. It samples one table at a time and proposes entries for catalog.toml.

What counts is what the gateway says that its detectors changed (X-Snowgate-Found), not the texts that stand in the cells: `[EMAIL]` may be stored upstream.

CONFIDENCE is the lower bound of the 95 % Wilson interval of the share of sampled cells (NULLs left out) that hold the kind: 8 of 8 cells come to 0.68, 200 of 200 to 0.98, 100 of 200 to 0.43. Kinds that only names tell (people, addresses) count 0.6 of that. A column whose name alone speaks of a kind counts 0.3 (0.6 for a DATE that is named a birth), and a tag of Snowflake's classification 0.8, because nobody has looked at a cell. Below --min-confidence an entry is printed as a comment.

An entry that may show more of a column than before is always printed as a comment: class `notes`, for free text and JSON in which something was found, is shown after the detectors. Columns in which nothing was found are proposed as nothing.

Columns that nobody has classified are masked in the built-in bundle, and a masked cell tells nothing. A bundle for scanning lets a group see them after the detectors, and the scanner's token carries it:

  @id("scanners-see-unclassified")
  permit (principal in Group::"scanners", action == Action::"see",
          resource == DataClass::"unclassified");
  @id("scanners-see-unclassified-text")
  permit (principal in Group::"scanners", action == Action::"see",
          resource == DataClass::"unclassified_text");

Before the development issuer the token has the groups agents and scanners; else give a token in SNOWGATE_TOKEN.

Exit codes: 0 all was scanned; 2 some tables could not be, and standard error says which and why; 1 nothing could."#;

/// `snowgate scan`.
#[derive(Debug, Args)]
pub struct ScanArgs {
    /// What to scan: DATABASE, DATABASE.SCHEMA or DATABASE.SCHEMA.TABLE, as SQL writes names [default: the database
    /// that the gateway works in]
    #[arg(value_name = "NAME", value_parser = parse_target)]
    pub targets: Vec<Target>,
    /// The gateway
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8181")]
    pub url: String,
    #[command(flatten)]
    pub home: HomeArgs,
    /// Folder with the policy bundle that the gateway decides by, so that nothing is proposed twice [default: the
    /// built-in bundle]
    #[arg(long, value_name = "DIR")]
    pub policies: Option<PathBuf>,
    /// Rows that are sampled of a table, at most
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub rows: u32,
    /// Seconds after which a statement is given up
    #[arg(long, value_name = "S", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub timeout: u64,
    /// Below this an entry is a comment
    #[arg(long, value_name = "X", default_value_t = 0.5, value_parser = parse_share)]
    pub min_confidence: f64,
    /// Do not ask for the tags of Snowflake's own classification
    #[arg(long)]
    pub no_tags: bool,
    /// Print one JSON object a column, then the summary
    #[arg(long)]
    pub json: bool,
}

/// A database, schema or table, its names as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub database: String,
    pub schema: Option<String>,
    pub table: Option<String>,
}

fn parse_target(text: &str) -> Result<Target, String> {
    let mut names = Vec::new();
    let mut start = 0;
    let mut is_quoted = false;
    for (at, byte) in text.bytes().enumerate() {
        is_quoted ^= byte == b'"';
        if byte == b'.' && !is_quoted {
            names.push(parse_identifier(text.get(start..at).unwrap_or_default())?);
            start = at.saturating_add(1);
        }
    }
    names.push(parse_identifier(text.get(start..).unwrap_or_default())?);
    let mut names = names.into_iter();
    match (names.next(), names.next(), names.next(), names.next()) {
        (Some(database), schema, table, None) => Ok(Target { database, schema, table }),
        _ => Err("write DATABASE, DATABASE.SCHEMA or DATABASE.SCHEMA.TABLE".to_owned()),
    }
}

fn parse_share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "write a number from 0 to 1".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<[Option<&str>; 3]>) {
        let found = parse_target(text).ok();
        let found = found.map(|target| [Some(target.database), target.schema, target.table]);
        assert_eq!(found, expected.map(|names| names.map(|name| name.map(str::to_owned))), "{text}");
    }

    #[test]
    fn a_target_is_named_as_sql_names_it() {
        check("demo", Some([Some("DEMO"), None, None]));
        check("demo.public", Some([Some("DEMO"), Some("PUBLIC"), None]));
        check(r#"demo."a.b"."c""d""#, Some([Some("DEMO"), Some("a.b"), Some("c\"d")]));
        for text in ["", "a.", ".a", "a.b.c.d", "a b", "\"a", "a..b"] {
            check(text, None);
        }
    }

    #[test]
    fn a_share_is_one() {
        assert!(parse_share("0.5").is_ok());
        for text in ["", "-0.1", "1.1", "NaN", "half"] {
            assert!(parse_share(text).is_err(), "{text}");
        }
    }
}
