//! What reviewers are told of a held exchange.

use domain::ApprovalId;
use recording::{AskedRecord, Opening};

use super::harm::ByHarm;
use super::steps::damaged;
use super::turn::Reminded;
use crate::fault::Fault;
use crate::ports::{Invitation, Notice};
use crate::settings::SignIn;

/// Objects that are named at most, of those changed and of those read.
const NAMED: usize = 6;

/// Characters of a name at most.
const LONGEST: usize = 120;

/// Characters of an agent's name at most, and what to call one with another name than programs have.
const LONGEST_AGENT: usize = 64;
const UNUSUAL: &str = "(an agent with an unusual name)";

/// What to call an object whose name somebody chose freely.
const QUOTED: &str = "(an object with a quoted name)";

/// The notice of an approval.
pub(super) fn notice(
    id: ApprovalId,
    opening: &Opening,
    asked: &AskedRecord,
    invited: Vec<Invitation>,
    reminded: Option<Reminded>,
) -> Result<Notice, Fault> {
    let opening = &asked.of(opening);
    let principal = &opening.principal;
    // Whoever pads a change with objects that matter less must not hide the one that matters: what is destroyed stands first.
    let objects = ByHarm::of(opening);
    let (mut writes, mut reads) = (told(objects.written()), told(objects.read.iter()));
    let (more_writes, more) = (writes.len().saturating_sub(NAMED), reads.len().saturating_sub(NAMED));
    writes.truncate(NAMED);
    reads.truncate(NAMED);
    let mut kinds: Vec<String> = opening.statements.iter().map(|statement| plain(&statement.kind)).collect();
    kinds.sort_unstable();
    kinds.dedup();
    Ok(Notice {
        approval: id,
        exchange: opening.exchange.clone(),
        agent: agent(&principal.agent),
        person: principal.person.as_deref().map(plain),
        class: opening.class().to_owned(),
        kinds,
        writes,
        reads,
        more_writes,
        more,
        reason: plain_long(&asked.reason),
        rules: asked.rules.iter().map(|rule| plain(rule)).collect(),
        reviewers: asked.reviewers.iter().map(|group| plain(group)).collect(),
        expires: asked.expires.parse().map_err(|_| damaged())?,
        sign_in: SignIn::from_word(&asked.sign_in).ok_or_else(damaged)?,
        reminded,
        invited,
    })
}

/// These objects as they may be told, each once, in their order.
fn told<'a>(names: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    for name in names.map(|name| object(name)) {
        if !told.contains(&name) {
            told.push(name);
        }
    }
    told
}

/// An object as Snowflake names it when nobody quotes.
fn object(name: &str) -> String {
    let is_plain = name
        .bytes()
        .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'$' | b'.'));
    if is_plain { plain(name) } else { QUOTED.to_owned() }
}

/// An agent's name, where it is a word.
// SECURITY: some issuers let agents choose it, and a sentence in it would be read as ours.
fn agent(name: &str) -> String {
    let is_word = name.len() <= LONGEST_AGENT && name.bytes().all(|byte| byte.is_ascii_graphic());
    if is_word && !name.is_empty() { name.to_owned() } else { UNUSUAL.to_owned() }
}

/// Printable ASCII, of a bounded length.
fn plain(text: &str) -> String {
    bounded(text, LONGEST)
}

fn plain_long(text: &str) -> String {
    bounded(text, LONGEST.saturating_mul(8))
}

fn bounded(text: &str, longest: usize) -> String {
    let printable = |c: char| if c == ' ' || c.is_ascii_graphic() { c } else { '?' };
    let mut plain: String = text.chars().take(longest).map(printable).collect();
    if text.chars().count() > longest {
        plain.push_str("...");
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_somebody_chose_freely_is_not_told() {
        for name in ["DEMO.PUBLIC.\"click http://evil.example\"", "DEMO.PUBLIC.ördner", "DEMO.PUBLIC.a"] {
            assert_eq!(object(name), QUOTED, "{name}");
        }
        assert_eq!(object("DEMO.PUBLIC.ORDERS_2$"), "DEMO.PUBLIC.ORDERS_2$");
    }

    #[test]
    fn an_agent_whose_name_is_a_sentence_is_not_called_so() {
        for name in ["claude-finance", "https://issuer.example#bot", "com.acme.bot"] {
            assert_eq!(agent(name), name);
        }
        for name in ["click www.evil.com to approve. URGENT", "", "b\u{f6}t", "a\tb", &"x".repeat(65)] {
            assert_eq!(agent(name), UNUSUAL, "{name}");
        }
    }

    #[test]
    fn what_is_told_is_short_and_printable() {
        assert_eq!(plain("ana\u{202e}\r\n"), "ana???");
        assert_eq!(plain(&"x".repeat(500)).len(), LONGEST + 3);
    }
}
