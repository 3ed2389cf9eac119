//! What was decided, or is over; and what stands since, with the button that ends it.

use domain::{ApprovalId, ApprovalState, Verdict};
use gateway::{AccessShown, AccessState, ReviewSession, StandingShown, Waiting};
use maud::{Markup, html};
use recording::{AccessRecord, MayBeRecord, Opening, VaryRecord};

use super::seen::{self, Look};
use super::{minute, sql_text};

/// The page of an approval that this reviewer has nothing (more) to say to; with what came of what they have just said.
pub fn page(
    session: &ReviewSession,
    waiting: &Waiting,
    own: Option<Verdict>,
    standing: Option<&StandingShown>,
    access: Option<&AccessShown>,
    wrong: Option<&str>,
) -> Markup {
    let said = waiting.granted_by.len();
    let (mark, title, told) = match waiting.state {
        ApprovalState::Waiting if own == Some(Verdict::Approve) => (
            "wait",
            "You have approved it".to_owned(),
            format!("{said} of {} people have said yes. Another must, until {}.", waiting.asked.needed, minute(&waiting.lapses.to_string())),
        ),
        ApprovalState::Waiting => {
            ("no", "Its time is over".to_owned(), "Nobody decided in time, so it is denied.".to_owned())
        }
        ApprovalState::Granted | ApprovalState::Spent if waiting.asked.result.is_some() => (
            "yes",
            if own == Some(Verdict::Approve) { "Approved" } else { "Approved by others" }.to_owned(),
            "Its agent collects exactly the rows that were kept. Nothing runs again.".to_owned(),
        ),
        ApprovalState::Denied | ApprovalState::Expired | ApprovalState::Withdrawn
            if waiting.asked.result.is_some() =>
        (
            "no",
            match waiting.state {
                ApprovalState::Expired => "Its time is over",
                ApprovalState::Withdrawn => "It was withdrawn",
                ApprovalState::Denied
                | ApprovalState::Waiting
                | ApprovalState::Granted
                | ApprovalState::Spent => "It was denied",
            }
            .to_owned(),
            "Its result is released to nobody.".to_owned(),
        ),
        ApprovalState::Granted | ApprovalState::Spent if waiting.asked.access.is_some() => (
            "yes",
            if own == Some(Verdict::Approve) { "Approved" } else { "Approved by others" }.to_owned(),
            match access.map(|access| access.state) {
                Some(AccessState::InForce) => {
                    "Its agent may read what was shown until its end, or until somebody who may decide ends it.".to_owned()
                }
                Some(AccessState::Rests(why)) => {
                    format!("Its agent reads nothing by it for now: {why}. It may count again, unless somebody ends it.")
                }
                None if waiting.state == ApprovalState::Spent => {
                    "It is not in force any more: its agent reads nothing by it.".to_owned()
                }
                Some(AccessState::Coming) | None => {
                    "It comes in force within seconds. Then its agent may read what was shown until its end.".to_owned()
                }
            },
        ),
        ApprovalState::Granted => (
            "yes",
            if own == Some(Verdict::Approve) { "Approved" } else { "Approved by others" }.to_owned(),
            "The gateway runs exactly the text that was shown, once, within seconds. Its agent collects the result.".to_owned(),
        ),
        ApprovalState::Spent => (
            "yes",
            "Approved, and sent to run".to_owned(),
            "Exactly the text that was shown was run, once. The recording tells what came of it.".to_owned(),
        ),
        ApprovalState::Denied if own == Some(Verdict::Deny) => {
            ("no", "Denied".to_owned(), "It does not run. Its agent is told, with your reason as it is recorded.".to_owned())
        }
        ApprovalState::Denied => (
            "no",
            "It was denied".to_owned(),
            "Another reviewer, policy or a revocation has said no. It does not run.".to_owned(),
        ),
        ApprovalState::Expired => {
            ("no", "Its time is over".to_owned(), "It was not decided, or not run, in time. It does not run.".to_owned())
        }
        ApprovalState::Withdrawn => {
            ("no", "It was withdrawn".to_owned(), "Its agent has given up. It does not run.".to_owned())
        }
    };
    let body = html! {
        @if let Some(wrong) = wrong { p.notice.bad role="alert" { (wrong) } }
        section.card.plain.verdict.(mark) {
            h1 { (title) }
            p { (told) }
            @if waiting.is_split() && waiting.state != ApprovalState::Waiting {
                p.notice { "Nothing stands for later ones: not everybody who has said yes wants the same of them." }
            }
            p.small { "Recorded as " code { (waiting.opening.exchange) } ". You may close this page." }
        }
        @if waiting.state == ApprovalState::Granted { (take_back(session, waiting)) }
        @if let Some(standing) = standing { (stands(session, waiting, standing)) }
        @if let Some(access) = access { (granted(session, waiting, access)) }
    };
    super::page(&title, &body)
}

/// What stands, and the form that ends it.
fn stands(session: &ReviewSession, waiting: &Waiting, standing: &StandingShown) -> Markup {
    let StandingShown { id, opening, context: _, reviewers: _, sign_in: _, terms, by, uses, over, rests } =
        standing;
    html! {
        section.card {
            h2 { @if over.is_some() { "It let later ones like it go" } @else { "It lets later ones like it go" } }
            @for warning in sql_text::warnings(&opening.sql) { p.notice { (warning) } }
            (sql_text::shown(&opening.sql))
            dl.under {
                (whose(opening))
                div { dt { "used" } dd { (uses) " of " (terms.runs) " times" } }
                div { dt { "rows of one result" } dd { (terms.rows) " at most" } }
                div { dt { "until" } dd { (minute(&terms.until)) } }
                div { dt { "by" } dd { (seen::shown(&by.join(", "), Look::Name)) } }
                @for vary in &terms.vary { div { dt { "may vary: " (vary.place) } dd { (may_be(vary)) } } }
            }
            @if let Some(over) = over { p.notice { "It allows nothing more: " (over) "." } }
            @else if let Some(why) = rests { p.notice { "It allows nothing for now: " (why) "." } }
        }
        @if over.is_none() {
            (end(session, waiting, *id, "From then on each such statement waits for people again. What has run stays done."))
        }
    }
}

/// Whose it is, as entries of a list.
fn whose(opening: &Opening) -> Markup {
    let principal = &opening.principal;
    html! {
        div { dt { "agent" } dd { (seen::shown(&principal.agent, Look::Name)) } }
        div {
            dt { "for" }
            dd {
                @match &principal.person {
                    Some(person) => (seen::shown(person, Look::Name)),
                    None => em { "nobody but itself" },
                }
            }
        }
    }
}

/// The leave to read that was granted and has not ended, and the form that ends it.
fn granted(session: &ReviewSession, waiting: &Waiting, access: &AccessShown) -> Markup {
    let AccessShown { id, state: _, opening, access, reviewers: _, sign_in: _, by } = access;
    let AccessRecord { to, until, why, policy: _ } = access;
    html! {
        section.card {
            h2 { "It lets its agent read for a while" }
            dl.under {
                (whose(opening))
                div { dt { "to read" } dd { (seen::shown(to, Look::Name)) } }
                div { dt { "until" } dd { (minute(until)) } }
                div { dt { "why" } dd { (seen::shown(why, Look::Prose)) } }
                div { dt { "by" } dd { (seen::shown(&by.join(", "), Look::Name)) } }
            }
        }
        (end(session, waiting, *id, "From then on nothing more is read by it, and what is under way is not released. What has been read stays read."))
    }
}

/// The form that takes back a yes that has had no effect yet: a no, like any other.
fn take_back(session: &ReviewSession, waiting: &Waiting) -> Markup {
    html! {
        form.card.decide method="post" action=(format!("/a/{}/decision", waiting.id)) autocomplete="off" {
            h2 { "Take the yes back" }
            p.small { "For as long as it has had no effect. Then nothing comes of it, and its agent is told." }
            input type="hidden" name="mark" value=(session.form_mark());
            input type="hidden" name="covers" value=(waiting.asked.covers);
            label for="back" { "Reason " span.small { "for the recording, and for the agent" } }
            textarea #back name="reason" rows="2" maxlength="500" {}
            div.buttons { button.deny type="submit" name="verdict" value="deny" { "Take it back" } }
            p.small { "You take it back as " strong { (seen::shown(session.by().name(), Look::Name)) } "." }
        }
    }
}

/// The form that ends what is in force since this approval.
fn end(session: &ReviewSession, waiting: &Waiting, id: ApprovalId, then: &str) -> Markup {
    html! {
        form.card.decide method="post" action=(format!("/a/{id}/end")) autocomplete="off" {
            h2 { "End it" }
            p.small { (then) }
            input type="hidden" name="mark" value=(session.form_mark());
            input type="hidden" name="covers" value=(waiting.asked.covers);
            label for="reason" { "Reason " span.small { "for the recording" } }
            textarea #reason name="reason" rows="2" maxlength="500" {}
            div.buttons { button.deny type="submit" { "End it" } }
            p.small { "You end it as " strong { (seen::shown(session.by().name(), Look::Name)) } "." }
        }
    }
}

fn may_be(vary: &VaryRecord) -> Markup {
    match &vary.may_be {
        MayBeRecord::OneOf { shown, keyed: _ } => seen::shown(&shown.join(", "), Look::Value),
        MayBeRecord::Between { first, last } => html! {
            "from " (seen::shown(first, Look::Value)) " to " (seen::shown(last, Look::Value))
        },
    }
}
