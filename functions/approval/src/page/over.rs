//! What was decided, or is over.

use domain::{ApprovalState, Verdict};
use gateway::Waiting;
use maud::{Markup, html};

use super::minute;

/// The page of an approval that this reviewer has nothing (more) to say to.
pub fn page(waiting: &Waiting, own: Option<Verdict>) -> Markup {
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
            ("no", "Denied".to_owned(), "It does not run. Its agent is told, with your reason.".to_owned())
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
        section.card.plain.verdict.(mark) {
            h1 { (title) }
            p { (told) }
            @if waiting.is_split() && waiting.state != ApprovalState::Waiting {
                p.notice { "Nothing stands for later ones: not everybody who has said yes wants the same of them." }
            }
            p.small { "Recorded as " code { (waiting.opening.exchange) } ". You may close this page." }
        }
    };
    super::page(&title, &body)
}
