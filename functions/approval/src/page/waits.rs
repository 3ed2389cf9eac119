//! What waits: everything that a reviewer decides by, and the form that takes their verdict.

use domain::{ApprovalState, Asked, Binding, Context, PromptGrade};
use gateway::{ByHarm, Earlier, EarlierAsk, ReviewSession, Shown, SignIn, Waiting};
use maud::{Markup, html};
use recording::{AskedRecord, EstimateRecord, Finding, LateEvidence, Opening, StatementRecord, ViewRecord};

use crate::Behind;

use super::seen::{self, Look};
use super::{access, minute, page as framed, result, sql_text, standing, undo, words};

/// The page; with what was wrong with a form that was sent before.
pub fn page(
    session: &ReviewSession,
    shown: &Shown,
    earlier: &Earlier,
    behind: Behind,
    wrong: Option<&str>,
) -> Markup {
    let Shown { waiting, asked, later } = shown;
    let opening = &waiting.opening;
    let statements = opening.statements.as_slice();
    let kinds = once_each(statements.iter().map(|statement| act(&statement.kind)));
    let objects = ByHarm::of(opening);
    let writes: Vec<&String> = objects.written().collect();
    let title = format!("{} wants to {}", seen::told(&opening.principal.agent), kinds.join(", "));
    let body = html! {
        @if let Some(wrong) = wrong { p.notice.bad role="alert" { (wrong) } }
        @if let Some(revoked) = waiting.revoked {
            p.notice.bad { "Its " (revoked.as_str()) " is revoked: nothing comes of a yes." }
        }
        section.head {
            p.who {
                strong { (name(&opening.principal.agent)) }
                @match &opening.principal.person {
                    Some(person) => { " for " strong { (name(person)) } }
                    None => { " for nobody but itself" }
                }
                " wants to"
            }
            h1 { (kinds.join(", ")) }
            @if let Some(first) = writes.first() {
                p.target { (name(first)) @if writes.len() > 1 { " and " (writes.len().saturating_sub(1)) " more" } }
            }
            p.chips {
                span.chip.(opening.class()) { (opening.class()) }
                @if statements.len() != 1 { span.chip { (statements.len()) " statements, run together" } }
                span.chip { "until " (minute(&waiting.lapses.to_string())) }
            }
        }
        @if let Some(kept) = &waiting.asked.result { (result::card(kept)) }
        @if let Some(wanted) = &waiting.asked.access { (access::card(wanted)) }
        (sql_card(asked, &waiting.asked))
        @if waiting.asked.access.is_none() { (objects_card(statements, &objects, &waiting.asked)) }
        (prompt_card(asked, &waiting.opening.findings(), later.as_ref()))
        (why_card(waiting))
        @if waiting.asked.result.is_none() && waiting.asked.access.is_none() { (undo_card(opening, behind)) }
        (earlier_card(earlier))
        (form(session, waiting, asked))
    };
    framed(&title, &body)
}

/// What a statement does, as people say it.
fn act(kind: &str) -> String {
    match kind {
        "delete_all" => "delete all rows".to_owned(),
        "update_all" => "update all rows".to_owned(),
        "request_access" => "read more for a while".to_owned(),
        "unknown" => "do something that cannot be read".to_owned(),
        kind => words(kind),
    }
}

/// What became of an earlier ask, as people say it.
fn became(state: ApprovalState, kinds: &[String]) -> &'static str {
    match state {
        ApprovalState::Spent if kinds.iter().any(|kind| kind == "request_access") => "granted",
        ApprovalState::Spent => "ran",
        ApprovalState::Waiting
        | ApprovalState::Granted
        | ApprovalState::Denied
        | ApprovalState::Expired
        | ApprovalState::Withdrawn => state.as_str(),
    }
}

/// A name with everything odd in it made visible.
fn name(name: &str) -> Markup {
    seen::shown(name, Look::Name)
}

fn sql_card(asked: &Asked, wanted: &AskedRecord) -> Markup {
    let heading = match (&wanted.access, &wanted.result) {
        (Some(_), _) => "Exactly this was asked",
        (None, Some(_)) => "Exactly this has run",
        (None, None) => "Exactly this would run",
    };
    let text = asked.text.reveal();
    let Context { role, warehouse, database, schema } = &asked.context;
    html! {
        section.card {
            h2 { (heading) }
            @for warning in sql_text::warnings(text) { p.notice { (warning) } }
            (sql_text::shown(text))
            @if !asked.bindings.is_empty() {
                h3 { "with these values" }
                div.scroll { table {
                    thead { tr { th { "at" } th { "type" } th { "value" } } }
                    tbody {
                        @for (place, Binding { kind, value }) in &asked.bindings {
                            tr {
                                td { (place) }
                                td { (name(kind)) }
                                td.value {
                                    @match value {
                                        Some(value) => div.scrolls { (seen::shown(value, Look::Value)) },
                                        None => em { "NULL" },
                                    }
                                }
                            }
                        }
                    }
                } }
            }
            h3 { "under" }
            dl.under {
                @for (what, named) in [("role", role), ("warehouse", warehouse), ("database", database), ("schema", schema)] {
                    div { dt { (what) } dd { @match named { Some(named) => (name(named)), None => em { "none" } } } }
                }
                @if let Some(timeout) = asked.timeout {
                    div { dt { "stops after" } dd { (timeout.as_secs()) " s" } }
                }
                @for (parameter, value) in &asked.parameters {
                    div { dt { (name(parameter)) } dd { div.scrolls { (seen::shown(value, Look::Value)) } } }
                }
            }
        }
    }
}

fn objects_card(statements: &[StatementRecord], objects: &ByHarm, asked: &AskedRecord) -> Markup {
    let AskedRecord { views, estimate, .. } = asked;
    let ByHarm { destroyed, changed, read } = objects;
    let functions = once_each(statements.iter().flat_map(|statement| statement.functions.clone()));
    let unread: Vec<&str> = statements.iter().filter_map(|statement| statement.why.as_deref()).collect();
    html! {
        section.card {
            h2 { "What it touches" }
            // The worst first.
            @for (what, objects, class) in [
                ("Destroys, or may replace", destroyed, "destroys"),
                ("Changes", changed, "changes"),
                ("Reads", read, "reads"),
                ("Calls", &functions, "calls"),
            ] {
                @if !objects.is_empty() {
                    h3 { (what) }
                    ul.objects.(class) { @for object in objects { li { (name(object)) } } }
                }
            }
            @if *objects == ByHarm::default() { p { "No object that could be told from its text." } }
            @for why in unread {
                p.notice { "It could not be read whole (" (why) "), so it may touch more than this." }
            }
            (estimated(estimate.as_ref()))
            @if !views.is_empty() {
                h3 { "Views that it goes through" }
                @for view in views { (one_view(view)) }
                p.small {
                    "As they were when this was asked. If one of them, or a table beneath, is defined anew before this runs, \
                     it is asked for again."
                }
            }
        }
    }
}

/// How much it would read, as far as upstream can tell before it runs.
fn estimated(estimate: Option<&EstimateRecord>) -> Markup {
    html! {
        p.small {
            @match estimate {
                Some(EstimateRecord { exchange, bytes, partitions, of_partitions }) => {
                    "The warehouse expects it to read at most " (amount(*bytes)) ", in " (partitions) " of " (of_partitions)
                    " partitions. Its plan is recorded as " code { (exchange) } "."
                },
                None => "No estimate of how much it would read.",
            }
        }
    }
}

/// Bytes as people say them.
fn amount(bytes: u64) -> String {
    let mut left = bytes;
    for unit in ["bytes", "kB", "MB", "GB", "TB"] {
        if left < 10_000 {
            return format!("{left} {unit}");
        }
        left /= 1000;
    }
    format!("{left} PB")
}

/// What stands behind a view's name.
fn one_view(view: &ViewRecord) -> Markup {
    let ViewRecord { name: named, definition, length } = view;
    html! {
        details.view open {
            summary { (name(named)) }
            @match (definition, length) {
                (Some(text), _) => {
                    @for warning in sql_text::warnings(text) { p.notice { (warning) } }
                    (sql_text::shown(text))
                }
                (None, Some(length)) => p { "Its query of " (length) " bytes is not shown: it is too long, or all of them together are." },
                (None, None) => p { "Nobody here may see its query." },
            }
        }
    }
}

fn prompt_card(asked: &Asked, findings: &[Finding], later: Option<&LateEvidence>) -> Markup {
    let grade = asked.prompt.grade;
    html! {
        section.card {
            h2 { "What the person asked for" }
            @match asked.prompt.text.as_deref().filter(|text| !text.trim().is_empty()) {
                Some(text) => {
                    @if is_long(text) { p.notice { "The prompt is long: scroll in it to its end." } }
                    blockquote.scrolls { (seen::shown(text, Look::Prose)) }
                    @if seen::odd(text, Look::Prose) > 0 {
                        p.notice { "Characters that would not be seen, or look like others, are marked with their numbers." }
                    }
                }
                None => p { "Nobody said." },
            }
            p.small { span.chip { (grade.as_str()) } " " (evidence(grade)) }
            @for finding in findings { p.notice.bad { (finding.detail) "." } }
            @if let Some(later) = later { (known_later(asked, later)) }
        }
    }
}

/// Whether a text is higher than what is shown of it at once.
fn is_long(text: &str) -> bool {
    text.lines().count() > 12 || text.chars().count() > 1000
}

/// What came since it was asked. It decides nothing, but that a lower grade is decided by once somebody approves.
fn known_later(asked: &Asked, later: &LateEvidence) -> Markup {
    let grade = PromptGrade::from_word(&later.grade);
    let was_unknown = asked.prompt.text.is_none();
    html! {
        h3 { "Known since it was asked" }
        @if let Some(text) = later.text.as_deref().filter(|_| was_unknown || later.sealed.is_some()) {
            blockquote.scrolls { (seen::shown(text, Look::Prose)) }
        }
        p.small { span.chip { (later.grade) } " " @if let Some(grade) = grade { (evidence(grade)) } }
        @for finding in &later.findings { p.notice.bad { (finding.detail) "." } }
    }
}

const fn evidence(grade: PromptGrade) -> &'static str {
    match grade {
        PromptGrade::P0 => "No evidence: the agent did not say what it was asked.",
        PromptGrade::P1 => {
            "Weak evidence: the agent’s own word, or a guess which call it belongs to, or contradicted. It may have been made up."
        }
        PromptGrade::P2 => "Seen by a hook or telemetry of the client, with a credential of its own.",
        PromptGrade::P3 => "Two channels with different credentials agree.",
        PromptGrade::P4 => {
            "The model’s provider saw it: what the model received and produced. It does not show that a person typed it."
        }
    }
}

fn why_card(waiting: &Waiting) -> Markup {
    let Waiting { opening, asked, granted_by, .. } = waiting;
    html! {
        section.card {
            h2 { "Why it waits" }
            p { (seen::shown(&asked.reason, Look::Prose)) }
            @if let Some(again) = &asked.again { p.notice { "Asked again: " (again) "." } }
            @if !asked.rules.is_empty() {
                p.small { "Rules that led here: " @for rule in &asked.rules { code { (name(rule)) } " " } }
            }
            dl.under {
                div { dt { "decides" } dd { (name(&asked.reviewers.join(", "))) } }
                div { dt { "people" } dd {
                    @if asked.needed > 1 {
                        (asked.needed) " must say yes"
                        @if !granted_by.is_empty() { "; so far " (name(&granted_by.join(", "))) }
                    } @else { "one is enough" }
                } }
                div { dt { "asked" } dd { (minute(&opening.opened)) } }
                div { dt { "recorded as" } dd { code { (opening.exchange) } } }
            }
        }
    }
}

fn undo_card(opening: &Opening, behind: Behind) -> Markup {
    html! {
        section.card {
            h2 { "What undoes it" }
            @for sentence in undo::sentences(opening, behind) { p { (sentence) } }
        }
    }
}

fn earlier_card(earlier: &Earlier) -> Markup {
    let Earlier { latest, within_hour } = earlier;
    html! {
        section.card {
            h2 { "What else this agent has asked" }
            @if *within_hour > 0 { p { strong { (within_hour) } " within the last hour." } }
            @if latest.is_empty() { p { "Nothing that is remembered." } } @else {
                ul.earlier {
                    @for EarlierAsk { opened, kinds, writes, state } in latest {
                        li {
                            span.state.(state.as_str()) { (became(*state, kinds)) }
                            span { (kinds.iter().map(|kind| act(kind)).collect::<Vec<_>>().join(", ")) }
                            @if let Some(first) = writes.first() {
                                span.object { (name(first)) @if writes.len() > 1 { " and more" } }
                            }
                            span.small { (minute(opened)) }
                        }
                    }
                }
            }
        }
    }
}

fn form(session: &ReviewSession, waiting: &Waiting, asked: &Asked) -> Markup {
    let word = gateway::word_to_type(waiting);
    let id = waiting.id;
    html! {
        form.card.decide method="post" action=(format!("/a/{id}/decision")) autocomplete="off" {
            h2 { "Your decision" }
            input type="hidden" name="mark" value=(session.form_mark());
            input type="hidden" name="covers" value=(waiting.asked.covers);
            label for="reason" { "Reason " span.small { "for the recording, and for the agent" } }
            textarea #reason name="reason" rows="2" maxlength="500" {}
            @if let Some(word) = &word {
                label for="typed" { "To approve, type " code.to-type { (word) } }
                input #typed type="text" name="typed" data-word=(word) autocapitalize="characters" autocorrect="off"
                    spellcheck="false" autocomplete="off";
            }
            @if waiting.asked.result.is_none() && waiting.asked.access.is_none() { (standing::fields(waiting, asked)) }
            div.buttons {
                button.deny type="submit" name="verdict" value="deny" { "Deny" }
                button.approve #approve type="submit" name="verdict" value="approve" { "Approve" }
            }
            p.small { "You decide as " strong { (name(session.by().name())) } (way(session)) ", once. Silence denies." }
        }
    }
}

fn way(session: &ReviewSession) -> &'static str {
    match session.by().way() {
        SignIn::Oidc => "",
        SignIn::Development => " (by this link alone: the local demo)",
    }
}

fn once_each(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut names: Vec<String> = names.collect();
    names.sort_unstable();
    names.dedup();
    names
}
