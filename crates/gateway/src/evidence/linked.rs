//! Which prompts of its channel a call has: those with the same prompt's id, and of several that share one the one that it lies in.

use super::Span;
use super::accounts::is_another_mailbox;
use super::weigh::{Call, Opened};

/// Of others of the same channel those that belong to what tells of the call directly.
// SECURITY: each by itself: a tool use that its channel puts into two prompts has both, and they contradict each other.
pub(super) fn linked<'o>(direct: &[&'o Opened], others: &[&'o Opened], call: &Call<'_>) -> Vec<&'o Opened> {
    let mut all: Vec<&'o Opened> = Vec::new();
    for one in direct {
        // What does not say where it stands is told by what does.
        let is_told = |other: &Opened| is_placed(other) && other.sighting.prompt_id == one.sighting.prompt_id;
        if !is_placed(one) && direct.iter().any(|other| is_told(other)) {
            continue;
        }
        for other in linked_with(one, others, call) {
            if !all.iter().any(|known| std::ptr::eq(*known, other)) {
                all.push(other);
            }
        }
    }
    all
}

/// Whether it says where it stands in its trace.
fn is_placed(opened: &Opened) -> bool {
    opened.said.span.as_ref().is_some_and(|span| !span.ids.is_empty() || span.begun.is_some())
}

/// Those of one: by the ids of spans, else by their times, as far as either is told.
fn linked_with<'o>(direct: &Opened, others: &[&'o Opened], call: &Call<'_>) -> Vec<&'o Opened> {
    let mut linked: Vec<&'o Opened> =
        others.iter().copied().filter(|other| is_tied(other, direct, call)).collect();
    let Some(place) = &direct.said.span else { return linked };
    let own = |opened: &Opened| span_of_prompt(opened)?.ids.first().copied();
    let nearest = place.ids.iter().find(|id| linked.iter().any(|opened| own(opened) == Some(**id)));
    if let Some(nearest) = nearest {
        linked.retain(|opened| own(opened).is_none_or(|id| id == *nearest));
    } else if let Some(begun) = place.begun {
        let last = linked.iter().filter_map(|opened| held_since(opened, begun)).max();
        let is_timed = |opened: &Opened| span_of_prompt(opened).is_some_and(|span| span.begun.is_some());
        linked.retain(|opened| {
            let since = held_since(opened, begun);
            !is_timed(opened) || (since.is_some() && since == last)
        });
    }
    linked
}

/// Whether both have one prompt's id, and may.
// SECURITY: the tool use is one call's, and a prompt's id is whatever a client says: what is not exactly the same subject's,
// or another mailbox's, is not linked, whatever the store has answered.
fn is_tied(other: &Opened, direct: &Opened, call: &Call<'_>) -> bool {
    let (theirs, ours) = (&other.sighting, &direct.sighting);
    let (their_mail, our_mail) = (other.said.mail.as_deref(), direct.said.mail.as_deref());
    let is_same_mail = match (their_mail, our_mail) {
        (Some(theirs), Some(ours)) => theirs.eq_ignore_ascii_case(ours),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => {
            theirs.subject.subject.is_some()
                && !is_another_mailbox(their_mail, call.subject.subject.as_deref())
        }
    };
    theirs.prompt_id.is_some()
        && theirs.prompt_id == ours.prompt_id
        && theirs.subject == ours.subject
        && is_same_mail
}

fn span_of_prompt(opened: &Opened) -> Option<&Span> {
    opened.said.span.as_ref().filter(|_| opened.said.prompt.is_some())
}

/// Since when a prompt's span had held a moment; none where it did not. It ends after whatever it led to, and is told then.
fn held_since(opened: &Opened, moment: u64) -> Option<u64> {
    let span = span_of_prompt(opened)?;
    let since = span.begun.filter(|since| *since <= moment)?;
    span.ended.is_none_or(|ended| ended >= moment).then_some(since)
}
