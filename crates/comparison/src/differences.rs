//! What differs, told.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use domain::{Asked, Identity, Limits, Person, Prompt, PromptGrade, Timestamp};
use legible::{Look, told};

use crate::cases::{Asker, Case, Cases};
use crate::verdict::{Moves, Verdict, verdict};
use crate::{Side, asking, files, rules};

/// Who asks in cases.
const AGENT: &str = "snowgate-diff";

/// Decisions that are shown, at most.
const SHOWN: usize = 200;

/// What differs between two bundles. It is written as lines that hold nothing which steers a terminal, whatever the bundles and the
/// statements hold.
#[derive(Debug)]
pub struct Differences {
    files: Vec<String>,
    rules: Vec<String>,
    settings: Vec<String>,
    decisions: Vec<Changed>,
    cases: usize,
    left_out: usize,
}

#[derive(Debug)]
struct Changed {
    moves: Moves,
    case: Case,
    before: Verdict,
    after: Verdict,
}

/// Decides every case by both.
pub fn differences(before: &Side<'_>, after: &Side<'_>, cases: &Cases, now: Timestamp) -> Differences {
    let Cases { catalog, cases, left_out } = cases;
    let mut decisions = Vec::new();
    for case in cases {
        let identity = identity(&case.asker);
        let question = asking::question(case.text.clone(), case.context.clone());
        let asked = Asked { prompt: Prompt { text: None, grade: case.asker.grade }, ..question };
        let said = |side: &Side<'_>| {
            verdict(&gateway::rehearse(&side.bundle, &identity, &asked, &[], Arc::clone(catalog), now))
        };
        let (before, after) = (said(before), said(after));
        if before != after {
            decisions.push(Changed { moves: before.moves(&after), case: case.clone(), before, after });
        }
    }
    // What opens first: it is what a reviewer must not miss.
    decisions.sort_by_key(|changed| changed.moves);
    Differences {
        files: files::changes(before.files, after.files),
        rules: rules::changes(&before.bundle, &after.bundle),
        settings: settings(before, after, cases),
        decisions,
        cases: cases.len(),
        left_out: *left_out,
    }
}

/// What no single decision shows: how much may be taken, what is looked for by content, which tags are read.
fn settings(before: &Side<'_>, after: &Side<'_>, cases: &[Case]) -> Vec<String> {
    let mut found = Vec::new();
    let askers: BTreeSet<&Asker> = cases.iter().map(|case| &case.asker).collect();
    for asker in askers.into_iter().filter(|asker| asker.grade == PromptGrade::P0) {
        let identity = identity(asker);
        let limits = |side: &Side<'_>| limits(&side.bundle.limits_for(&identity));
        for ((name, before), (_, after)) in limits(before).into_iter().zip(limits(after)) {
            if before != after {
                found.push(format!("{}: {name} {before} → {after}", who(asker)));
            }
        }
    }
    let mut both = |what: &str, before: BTreeSet<String>, after: BTreeSet<String>| {
        found
            .extend(before.difference(&after).map(|one| format!("no more: {what}{}", told(one, Look::Code))));
        found.extend(after.difference(&before).map(|one| format!("new: {what}{}", told(one, Look::Code))));
    };
    let weaker = |side: &Side<'_>| side.bundle.detectors().weaknesses().into_iter().collect();
    both("", weaker(before), weaker(after));
    let groups = |side: &Side<'_>| side.bundle.reviewer_groups().into_iter().map(str::to_owned).collect();
    both("reviewers of group ", groups(before), groups(after));
    let tags = |side: &Side<'_>| side.bundle.tags().into_iter().map(str::to_owned).collect();
    both("classes by tag ", tags(before), tags(after));
    if before.bundle.detectors() != after.bundle.detectors() {
        found.push("detectors differ: see catalog.toml above".to_owned());
    }
    found
}

fn limits(limits: &Limits) -> [(&'static str, u64); 10] {
    let Limits {
        rows,
        bytes,
        rows_if_approved,
        bytes_if_approved,
        at_once,
        per_minute,
        upstream_seconds_per_hour,
        statement_seconds,
        hidden_failures_per_hour,
        asks_per_hour,
    } = limits;
    [
        ("rows", *rows),
        ("bytes", *bytes),
        ("rows_if_approved", *rows_if_approved),
        ("bytes_if_approved", *bytes_if_approved),
        ("at_once", u64::from(*at_once)),
        ("per_minute", u64::from(*per_minute)),
        ("upstream_seconds_per_hour", *upstream_seconds_per_hour),
        ("statement_seconds", *statement_seconds),
        ("hidden_failures_per_hour", u64::from(*hidden_failures_per_hour)),
        ("asks_per_hour", u64::from(*asks_per_hour)),
    ]
}

fn identity(asker: &Asker) -> Identity {
    let Asker { agent, person, groups, scopes, grade: _ } = asker;
    let of_agent = asking::identity(agent.as_deref().unwrap_or(AGENT), groups.iter().cloned());
    let scopes = scopes.iter().cloned().collect();
    match person {
        Some(person) => Identity {
            subject: person.clone(),
            person: Some(Person::new(person.clone())),
            scopes,
            ..of_agent
        },
        None => Identity { scopes, ..of_agent },
    }
}

fn who(asker: &Asker) -> String {
    let Asker { agent, person, groups, scopes, grade } = asker;
    let mut words = Vec::new();
    words.extend(agent.as_ref().map(|agent| format!("the agent {}", told(agent, Look::Name))));
    words.extend(person.as_ref().map(|person| format!("for {}", told(person, Look::Name))));
    words.push(match groups.as_slice() {
        [] if words.is_empty() && scopes.is_empty() => "whoever is in no group".to_owned(),
        [] => "in no group".to_owned(),
        groups if words.is_empty() => told(&groups.join(", "), Look::Name),
        groups => format!("in {}", told(&groups.join(", "), Look::Name)),
    });
    if !scopes.is_empty() {
        words.push(format!("with scopes {}", told(&scopes.join(" "), Look::Name)));
    }
    if *grade != PromptGrade::P0 {
        words.push(format!("with a prompt known as {}", grade.as_str()));
    }
    words.join(" ")
}

impl Differences {
    /// Whether not a byte differs.
    pub fn is_nothing(&self) -> bool {
        let Self { files, rules, settings, decisions, cases: _, left_out: _ } = self;
        [files, rules, settings].into_iter().all(Vec::is_empty) && decisions.is_empty()
    }

    /// How many decisions let something through that was not let through before.
    pub fn opened(&self) -> usize {
        self.decisions.iter().filter(|changed| changed.moves == Moves::Opens).count()
    }

    /// How many decisions differ.
    pub fn decisions(&self) -> usize {
        self.decisions.len()
    }
}

impl fmt::Display for Differences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { files, rules, settings, decisions, cases, left_out } = self;
        for line in files.iter().chain(rules).chain(settings) {
            writeln!(f, "{line}")?;
        }
        for changed in decisions.iter().take(SHOWN) {
            writeln!(f, "{changed}")?;
        }
        if decisions.len() > SHOWN {
            writeln!(
                f,
                "and {} more decisions; name --groups, --role or --statements to see them",
                decisions.len() - SHOWN
            )?;
        }
        write!(f, "{} of {cases} decisions differ", decisions.len())?;
        match self.opened() {
            0 => {}
            opened => write!(f, ", {opened} of them let through what was not")?,
        }
        if *left_out > 0 {
            write!(f, "; {left_out} more were not tried")?;
        }
        writeln!(f)
    }
}

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { moves, case: Case { asker, context, text }, before, after } = self;
        let moves = match moves {
            Moves::Opens => "opens",
            Moves::Closes => "closes",
            Moves::Differs => "differs",
        };
        let role = context
            .role
            .as_deref()
            .map_or_else(String::new, |role| format!(" as {}", told(role, Look::Name)));
        writeln!(f, "{moves}: {}{role}: {}", who(asker), told(text, Look::Code))?;
        writeln!(f, "  - {}", told(&before.words(after), Look::Code))?;
        write!(f, "  + {}", told(&after.words(before), Look::Code))
    }
}
