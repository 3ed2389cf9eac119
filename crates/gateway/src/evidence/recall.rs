//! What channels had said by the time of a record, together with what they say now.

use std::collections::BTreeSet;

use domain::{ChannelKind, Join, Sight, Witness};

use super::accounts::{Account, has_seen_the_call, is_loose, is_of_clients};
use super::parts;
use super::texts::{Shown, Text};

/// The accounts that stand in a record, whose prompt 0 is that, as it was sealed and as it was told.
pub(super) fn recorded(witnesses: &[Witness], prompt: Option<Shown>) -> Vec<Account> {
    let is_set_aside = |witness: &Witness| {
        witness.is_expanded || (witness.is_delegated && witness.kind == ChannelKind::Provider)
    };
    let are_any = witnesses.iter().any(is_set_aside);
    let (prompt, received) = match prompt {
        Some(prompt) if are_any => {
            let (prompt, received) = without_received(prompt);
            (Some(prompt), received)
        }
        prompt => (prompt, None),
    };
    let text = |number: u32| -> Text {
        match prompt.as_ref().filter(|_| number == 0) {
            Some(shown) => Text { shown: Some(shown.clone()), ..Text::sealed(&shown.exact) },
            // A key that no prompt has: those are trimmed.
            None => Text { keys: vec![format!(" {number}")], ..Text::default() },
        }
    };
    witnesses
        .iter()
        .map(|witness| Account {
            channel: witness.channel.clone(),
            names: BTreeSet::new(),
            kind: witness.kind,
            join: witness.join,
            texts: witness.prompt.map(text).into_iter().collect(),
            is_torn: witness.is_torn,
            statement: witness.statement,
            conversation: None,
            is_delegated: witness.is_delegated,
            is_expanded: witness.is_expanded,
            is_unread: witness.is_unread,
            received: received.clone().filter(|_| is_set_aside(witness)),
        })
        .collect()
}

/// A prompt without what the model received in its place, and that.
fn without_received(prompt: Shown) -> (Shown, Option<Shown>) {
    let Shown { exact, told } = prompt;
    let (said, received) = parts::without_received(&exact);
    let (told, told_received) = parts::told_without_received(&told);
    let received = received
        .map(|exact| Shown { exact: exact.to_owned(), told: told_received.unwrap_or_default().to_owned() });
    (Shown { exact: said.to_owned(), told: told.to_owned() }, received)
}

/// What is known now together with what was recorded: evidence is forgotten in time, but what comes later never tells less than
/// what stands in the record.
pub(super) fn with_recorded(now: Vec<Account>, before: Vec<Account>) -> Vec<Account> {
    let mut all = now;
    let seen = if has_seen_the_call(&all) { Seen::ByHook } else { Seen::ByNone };
    let past = Past {
        was_contradicted: are_contradicting(&before),
        prompt: before.iter().flat_map(|account| &account.texts).find(|text| text.shown.is_some()).cloned(),
    };
    for before in before {
        let is_it = |account: &&mut Account| {
            account.channel == before.channel || account.names.contains(&before.channel)
        };
        match all.iter_mut().find(is_it) {
            Some(account) => account.recall(before, seen, &past),
            None => all.push(before),
        }
    }
    all
}

/// Whether a hook has seen the call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    ByHook,
    ByNone,
}

/// A record as a whole.
struct Past {
    /// Whether those who counted disagreed.
    was_contradicted: bool,
    /// The prompt that it tells, where a witness told that.
    prompt: Option<Text>,
}

/// Whether those who count disagree on what was asked for.
pub(super) fn are_contradicting(accounts: &[Account]) -> bool {
    let counted = || accounts.iter().filter(|account| account.counts());
    let mut texts = counted().flat_map(|account| &account.texts);
    let first = texts.next();
    counted().any(|account| account.is_torn)
        || texts.any(|text| first.is_some_and(|first| !first.is_exactly(text)))
}
impl Account {
    /// Whether what was recorded of it is another prompt than one that its channel tells now.
    // SECURITY: of a text that is not known any more its number is, and so that it was not the prompt that the record tells: one
    // that is forgotten is not made good by telling that.
    fn is_another(&self, now: &[Text], past: &Past) -> bool {
        self.texts.iter().any(|was| match (&was.shown, &past.prompt) {
            (Some(_), _) => now.iter().any(|text| !text.is_same(was) && !self.is_grown(text, was)),
            (None, Some(prompt)) => now.iter().any(|text| text.is_same(prompt)),
            (None, None) => false,
        })
    }

    /// Whether one of both has what else was typed in the turn of the other: clients tell that one by one, and it is forgotten so.
    fn is_grown(&self, one: &Text, other: &Text) -> bool {
        is_of_clients(self.kind) && (one.has_recorded_part(other) || other.has_recorded_part(one))
    }

    /// Tells of the prompt what was recorded.
    fn take_over(&mut self, before: Self) {
        (self.texts, self.is_torn) = (before.texts, before.is_torn);
        (self.is_delegated, self.is_expanded) = (before.is_delegated, before.is_expanded);
        self.is_unread = before.is_unread;
        self.received = before.received;
    }

    /// Takes over what was recorded and is not said any more.
    fn recall(&mut self, before: Self, seen: Seen, past: &Past) {
        self.channel.clone_from(&before.channel);
        // What the agent says itself is nobody's account, and may change.
        if self.kind == ChannelKind::Own {
            return;
        }
        let was_used = before.join == Join::Again;
        // SECURITY: that a call named no tool use does not change by a trace or a word that is told again.
        if before.join == Join::Unnamed && is_loose(self.join) && seen == Seen::ByNone {
            self.join = Join::Unnamed;
        }
        let has_told_both = before.is_another(&self.texts, past);
        match self.join.cmp(&before.join) {
            // A surer tie than before: the weaker one may have met another call.
            std::cmp::Ordering::Less if !was_used => {
                // SECURITY: but what stands in the record as a contradiction is taken back by no tie.
                self.is_torn |= has_told_both && past.was_contradicted && before.counts();
                if self.texts.is_empty() && before.counts() {
                    // Nor is what was told of the prompt, by telling of the call alone.
                    self.join = before.join;
                    let (is_torn, is_unread) = (self.is_torn, self.is_unread);
                    self.take_over(before);
                    (self.is_torn, self.is_unread) = (self.is_torn || is_torn, self.is_unread || is_unread);
                }
                return;
            }
            std::cmp::Ordering::Greater if self.join != Join::Again => {
                (self.join, self.statement) = (before.join, before.statement);
                self.take_over(before);
                return;
            }
            std::cmp::Ordering::Less | std::cmp::Ordering::Equal | std::cmp::Ordering::Greater => {}
        }
        if was_used {
            self.join = Join::Again;
        }
        let has_told_now = !self.texts.is_empty();
        self.is_torn |= has_told_both;
        // One that is not known any more may be the very one that is said now.
        let is_nothing_new = |text: &Text| text.shown.is_none() && !self.texts.is_empty();
        let texts: Vec<Text> = before.texts.into_iter().filter(|text| !is_nothing_new(text)).collect();
        for text in texts {
            match self.texts.iter().position(|known| known.is_same(&text) || self.is_grown(known, &text)) {
                None => self.texts.push(text),
                Some(at) => {
                    let is_longer = |known: &Text| {
                        !known.is_same(&text) && text.has_recorded_part(known) && text.size() > known.size()
                    };
                    if let Some(known) = self.texts.get_mut(at).filter(|known| is_longer(known)) {
                        *known = text.clone();
                    }
                }
            }
        }
        self.is_torn |= before.is_torn;
        // It says that another has told more, or that nobody else has: which is looked at anew.
        self.is_unread |= before.is_unread && !has_told_now;
        self.is_delegated |= before.is_delegated;
        self.is_expanded |= before.is_expanded && self.texts.is_empty();
        self.received = self.received.take().or(before.received);
        self.statement = match (self.statement, before.statement) {
            (Sight::Rejected, _) | (_, Sight::Rejected) => Sight::Rejected,
            (Sight::Other, _) | (_, Sight::Other) => Sight::Other,
            (Sight::Same, _) | (_, Sight::Same) => Sight::Same,
            (Sight::Unseen, Sight::Unseen) => Sight::Unseen,
        };
    }
}
