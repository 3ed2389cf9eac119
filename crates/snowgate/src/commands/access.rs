//! Leave to read by the command line: the list, and the ends.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use gateway::{AccessShown, AccessState, PoliciesHere, Review};
use recording::AccessRecord;
use serde::Serialize;

use super::approvals::write_json;
use super::{Broken, named, whoever, write_foreign, write_line};

/// One as `--json` prints it.
#[derive(Serialize)]
struct Row<'a> {
    id: String,
    exchange: &'a str,
    agent: &'a str,
    person: Option<&'a str>,
    #[serde(flatten)]
    access: &'a AccessRecord,
    by: &'a [String],
    /// Why it permits nothing for now; absent where it permits.
    #[serde(skip_serializing_if = "Option::is_none")]
    rests: Option<&'static str>,
}

/// Lists what was granted and has not ended, the oldest first.
pub async fn list(review: &Review, json: bool, home: &Path) -> Result<ExitCode, Broken> {
    let (shown, broken) = review.granted_access().await?;
    let mut out = std::io::stdout().lock();
    for AccessShown { id, state, opening, access, by, reviewers: _, sign_in: _ } in &shown {
        let row = Row {
            id: id.to_string(),
            exchange: &opening.exchange,
            agent: &opening.principal.agent,
            person: opening.principal.person.as_deref(),
            access,
            by,
            rests: match state {
                AccessState::Rests(why) => Some(why),
                AccessState::InForce | AccessState::Coming => None,
            },
        };
        let written = if json { write_json(&mut out, &row) } else { write_lines(&mut out, &row) };
        if written.is_err() {
            // Whoever read has seen enough (`… | head`).
            return Ok(ExitCode::SUCCESS);
        }
    }
    if !broken.is_empty() {
        eprintln!(
            "snowgate: the access granted by {} cannot be read; next: snowgate verify {}",
            broken.join(", "),
            home.display()
        );
        return Ok(ExitCode::FAILURE);
    }
    if review.policies_here() == PoliciesHere::Untold && !shown.is_empty() {
        eprintln!(
            "the home does not say by which policies it is served, or it is by several: whether they still permit this is told by the \
             gateway alone"
        );
    }
    if !json {
        match shown.len() {
            0 => eprintln!("no access is granted beside the policies"),
            _ => {
                let home = home.display();
                eprintln!("next: snowgate approvals --end ID --home {home} --reason WHY ends one");
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn write_lines(out: &mut impl Write, row: &Row<'_>) -> std::io::Result<()> {
    let Row { id, exchange, agent, person, access, by, rests } = row;
    let who = whoever(agent, *person);
    let line = format!("{id}  {who} may read {} until {}", named(&access.to), access.until);
    write_line(out, "", &line)?;
    if let Some(why) = rests {
        write_line(out, "    ", &format!("it permits nothing for now: {why}; it may again until then"))?;
    }
    writeln!(out, "    because")?;
    write_foreign(out, "      ", &access.why)?;
    write_line(out, "    ", &format!("by {}", named(&by.join(", "))))?;
    writeln!(out, "    recorded as {exchange}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_of_what_an_agent_says_passes_for_another_grant() {
        let forged = "ffff  other may read EVERYTHING until 2027-01-01T00:00:00Z";
        let access = AccessRecord {
            to: format!("DEMO.PUBLIC.\"X\n{forged}\""),
            until: "2026-11-27T00:00:00.000000Z".to_owned(),
            why: format!("month-end\n{forged}\r\n{forged}"),
            policy: String::new(),
        };
        let by = [format!("rosa\n{forged}")];
        let row = Row {
            id: "0123".to_owned(),
            exchange: "4567/1",
            agent: &format!("bot\n{forged}"),
            person: Some(forged),
            access: &access,
            by: &by,
            rests: None,
        };
        let mut out = Vec::new();
        write_lines(&mut out, &row).unwrap();
        let told = String::from_utf8(out).unwrap();
        for line in told.lines().skip(1) {
            assert!(line.starts_with("    ") || line.starts_with("  … "), "{line:?} in {told}");
        }
        assert_eq!(told.matches("\n      ┆ ").count(), told.matches('┆').count(), "{told}");
        assert!(told.starts_with("0123  ⟦bot") && told.contains("┆ ffff"), "{told}");
    }
    #[test]
    fn no_name_that_an_agent_has_chosen_says_who_may_read_what() {
        let access = AccessRecord {
            to: "DEMO.PUBLIC.EMPLOYEES".to_owned(),
            until: "2026-11-27T00:00:00.000000Z".to_owned(),
            why: "month-end".to_owned(),
            policy: String::new(),
        };
        let told = |agent: &str, person| {
            let row = Row {
                id: "0123".to_owned(),
                exchange: "4567/1",
                agent,
                person,
                access: &access,
                by: &[],
                rests: None,
            };
            let mut out = Vec::new();
            write_lines(&mut out, &row).unwrap();
            String::from_utf8(out).unwrap()
        };
        let until = "x may read DEMO.PUBLIC.PRODUCTS until 2026; nobody";
        for (agent, person, expected) in [
            ("claude", Some("ana@example.com"), "0123  claude for ana@example.com may read"),
            ("claude for cfo@example.com", None, "0123  ⟦claude for cfo@example.com⟧ may read"),
            ("claude", Some("ana for cfo"), "0123  claude for ⟦ana for cfo⟧ may read"),
            ("a⟧ for ⟦b", None, "0123  ⟦a⟦U+27E7⟧ for ⟦U+27E6⟧b⟧ may read"),
            ("", None, "0123  ⟦⟧ may read"),
            (until, None, "0123  ⟦x may read DEMO.PUBLIC.PRODUCTS until 2026; nobody⟧ may read"),
        ] {
            assert!(told(agent, person).starts_with(expected), "{}", told(agent, person));
        }
    }
}
