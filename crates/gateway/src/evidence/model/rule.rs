//! What no record may say.

use std::collections::BTreeSet;

use domain::{ChannelKind, PromptGrade};

use super::Record;
use super::world::{By, CALLED, Telling, Tells, World};

/// What no record may say, whatever came in which order. `is_whole`: all late tellings have come; `is_forgotten`: the store has lost
/// what was told before the decision.
pub(super) fn breaks(
    world: &World,
    records: &[Record],
    (is_whole, is_forgotten): (bool, bool),
) -> Option<String> {
    let last = records.last().unwrap();
    let tells = last.tells();
    let has_found = |what: &str| last.findings.contains(what);
    let liar = world.liar;
    // Whoever reads the record reads what is sealed.
    let told: BTreeSet<&str> = last.shown.iter().flat_map(|shown| shown.told.lines()).collect();
    if !tells.is_subset(&told) {
        return Some("what is told is not what is sealed".to_owned());
    }
    // What stands in the record as a contradiction stays one.
    if records.iter().any(|record| record.findings.contains("prompt_mismatch"))
        && !has_found("prompt_mismatch")
    {
        return Some("a contradiction was taken back".to_owned());
    }
    // What a channel said before the call is hidden by nothing that it says behind it.
    if let Some(first) = records.first() {
        let lost: Vec<_> = first.tells().difference(&tells).copied().collect();
        if !lost.is_empty() && last.findings.is_empty() {
            return Some(format!("{lost:?} has gone from the record"));
        }
    }
    if liar.is_none() {
        if has_found("prompt_mismatch") || last.grade == PromptGrade::P1 {
            return Some("an honest turn contradicts itself".to_owned());
        }
        if tells.iter().any(|told| world.behind.contains(told)) {
            return Some("what was typed behind a call stands in its prompt".to_owned());
        }
        let has_come = last.witnesses.iter().any(|witness| witness.kind == ChannelKind::Provider);
        let is_doubtful = world.has_note() || world.is_doubtful() && world.witnesses().len() < 3;
        if has_come && is_doubtful && last.grade > PromptGrade::P2 {
            return Some("what may have been typed since is nobody's, and the prompt well known".to_owned());
        }
        if is_whole && !world.witnesses().is_empty() {
            let seen = |by: By| world.witnesses().contains(&by);
            let deserved = match world.before.as_slice() {
                // Nobody knows by one other's word that nobody has typed a file beside an answer.
                [_] if is_doubtful => PromptGrade::P2,
                [_] if seen(By::Provider) => PromptGrade::P4,
                _ if seen(By::Provider) => PromptGrade::P2,
                _ if seen(By::Hooks) && seen(By::Telemetry) => PromptGrade::P3,
                _ => PromptGrade::P2,
            };
            if last.grade < deserved {
                return Some(format!("{:?} where {deserved:?} is deserved", last.grade));
            }
            if last.grade >= deserved && last.grade != PromptGrade::P2 && !last.findings.is_empty() {
                return Some("an honest prompt has a finding".to_owned());
            }
        }
        return None;
    }
    let forged: Vec<_> = tells.iter().filter(|told| !world.before.contains(told)).collect();
    let is_forged = !forged.is_empty();
    if is_forged && last.grade >= PromptGrade::P3 {
        return Some("a forged prompt is well known".to_owned());
    }
    if is_whole && is_forged && !world.witnesses().is_empty() && last.findings.is_empty() {
        return Some("a forged prompt stands there without a finding".to_owned());
    }
    if is_whole
        && last.grade >= PromptGrade::P3
        && !world.before.first().is_some_and(|first| tells.contains(first))
    {
        return Some("a grade without the prompt".to_owned());
    }
    // Another prompt than any honest witness's, and nothing else.
    let told = liar.map(|by| world.messages(by)).unwrap_or_default();
    let is_told_of = liar.is_some_and(|by| world.is_told_of(by));
    if is_whole
        && is_told_of
        && !is_forgotten
        && told == BTreeSet::from(["forged"])
        && !world.witnesses().is_empty()
        && !has_found("prompt_mismatch")
        // What a model has received beside an answer may be what was typed.
        && !(world.witnesses() == [By::Provider]
            && has_found("prompt_unread")
            && world.has_received_since("forged"))
    {
        return Some("another prompt contradicts nobody".to_owned());
    }
    // What the provider has not seen the model receive, and one alone says was typed.
    let has_received = |telling: &Telling| {
        let received = telling.clone().tells.received().map(std::mem::take).unwrap_or_default();
        forged.iter().all(|forged| received.iter().any(|(since, _)| since == *forged))
    };
    let has_seen = world.told(By::Provider).any(has_received) || world.is_beside_answer();
    if is_whole && is_forged && !has_seen && world.is_told_of(By::Provider) && !has_found("prompt_mismatch") {
        return Some("what the provider has not seen contradicts nobody".to_owned());
    }
    // What one says was asked for, whoever that is, is hidden by nothing that it says itself.
    if is_whole && is_told_of && !is_forgotten && last.findings.is_empty() {
        let lost: Vec<_> = told.difference(&tells).collect();
        if !lost.is_empty() {
            return Some(format!("{lost:?} hides itself"));
        }
    }
    // A call of two turns is of neither.
    let is_of_two = liar.is_some_and(|by| {
        let has = |tells: Tells| world.told(by).any(|telling| telling.tells == tells && telling.at <= CALLED);
        has(Tells::UseElsewhere) && has(Tells::PromptElsewhere("forged")) && has(Tells::Prompt("alpha"))
    });
    if is_whole && is_of_two && !is_forgotten && !has_found("prompt_mismatch") {
        return Some("a call of two turns contradicts nobody".to_owned());
    }
    // What those who tell the truth have told before the call is hidden by nobody.
    let all = [By::Hooks, By::Telemetry, By::Provider].into_iter();
    let is_known = |by: &By| is_whole || *by == By::Hooks;
    if all.filter(|by| world.witnesses().contains(by)).filter(is_known).count() > 0
        && (last.findings.is_empty() || last.grade >= PromptGrade::P3)
    {
        let lost: Vec<_> = world.before.iter().filter(|typed| !tells.contains(**typed)).collect();
        if !lost.is_empty() {
            return Some(format!("{lost:?} is hidden"));
        }
    }
    None
}
