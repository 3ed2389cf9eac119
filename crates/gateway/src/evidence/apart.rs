//! Whose account is none of the prompt, and whose is doubted: what clients make of a person's words contradicts nobody.

use domain::ChannelKind;

use super::accounts::Account;
use super::texts::Text;

/// Sets apart what is none of the prompt, where nobody contradicts it.
pub(super) fn set_apart(accounts: &mut [Account]) {
    set_delegated_apart(accounts);
    set_shorter_apart(accounts);
    miss_what_was_sent(accounts);
    set_expanded_apart(accounts);
    doubt(accounts);
}

/// Takes the provider's account for no prompt where a hook says that a subagent made the call: what a model received last of its
/// caller is an agent's word then.
fn set_delegated_apart(accounts: &mut [Account]) {
    let is_delegated = accounts.iter().any(|account| account.is_delegated && account.counts());
    for account in accounts.iter_mut() {
        account.is_delegated = is_delegated && account.kind == ChannelKind::Provider;
        if account.is_delegated {
            account.set_aside();
            account.is_torn = false;
        }
    }
}

/// Takes an account for none of the prompt where another client's channel has told more of the same turn: what a person types while
/// the model works is told by each at another moment. They do not contradict each other, nor agree on all of it; and where it has not
/// told the rest since, that is found.
fn set_shorter_apart(accounts: &mut [Account]) {
    let told: Vec<(String, Text)> = accounts
        .iter()
        .filter(|account| account.counts() && account.kind != ChannelKind::Provider)
        .flat_map(|account| account.texts.iter().map(|text| (account.channel.clone(), text.clone())))
        .collect();
    for account in accounts.iter_mut().filter(|account| account.counts()) {
        let [text] = account.texts.as_slice() else { continue };
        let is_longer = |(channel, other): &&(String, Text)| {
            *channel != account.channel && !other.is_same(text) && other.has_part(text)
        };
        let Some((_, longer)) = told.iter().find(is_longer).filter(|_| account.kind != ChannelKind::Provider)
        else {
            continue;
        };
        // SECURITY: whoever speaks for one channel may add to what a person typed.
        account.is_unread |= longer.beyond(text).any(|one| !account.has_told(one));
        account.texts.clear();
    }
}

/// Says of the provider's account that nobody knows whether it tells the prompt, where it stood beside a tool's answer, or something
/// that may have been typed has come there since, and not two others saw the same words typed.
// SECURITY: files that a model has written stand there, and what a person types where a turn was broken off, one like the other; and
// whoever writes the files, or would go on, may speak for one channel.
fn doubt(accounts: &mut [Account]) {
    let typed: Vec<Vec<Text>> =
        accounts.iter().filter(is_typed).map(|account| account.texts.clone()).collect();
    for account in accounts.iter_mut().filter(|account| account.kind == ChannelKind::Provider) {
        let saw_typed =
            |text: &Text| typed.iter().filter(|texts| texts.iter().any(|typed| typed.is_same(text))).count();
        let wanted = |text: &Text| match (text.is_beside_answer, text.is_doubted()) {
            // What a client made of a command nobody else sees.
            (true, _) if text.is_of_a_command() => usize::MAX,
            // Nor has anybody typed what it made of a conversation.
            _ if text.is_summary() => usize::MAX,
            (true, _) | (_, true) => 2,
            (false, false) => 0,
        };
        account.is_unread |= account.texts.iter().any(|text| saw_typed(text) < wanted(text));
    }
}

/// Says the same of it where a person sent something since, or words stand beside an answer that do not begin as a skill's file, and nobody
/// else saw that typed.
// SECURITY: whoever speaks for a channel may leave out what takes the prompt back.
fn miss_what_was_sent(accounts: &mut [Account]) {
    let typed = typed(accounts);
    for account in accounts.iter_mut().filter(|account| account.kind == ChannelKind::Provider) {
        let is_missed = |received: &Text| {
            // Of a turn that was recorded its lines alone are known: of one that has this message, too.
            let is_recorded = |text: &&Text| text.is_recorded && text.has_recorded_part(received);
            received.sent().any(|sent| {
                !typed.iter().any(|text| text.tells(&sent))
                    && !typed.iter().filter(is_recorded).any(|text| text.has_recorded_part(&sent))
            })
        };
        account.is_unread |= account.texts.iter().any(is_missed);
    }
}

/// What those who count saw typed.
fn typed(accounts: &[Account]) -> Vec<Text> {
    accounts.iter().filter(is_typed).flat_map(|account| account.texts.iter().cloned()).collect()
}

fn is_typed(account: &&Account) -> bool {
    account.kind != ChannelKind::Provider && account.counts()
}

/// Takes the provider's account for no prompt where it is what the client made of the words: of a command that others saw typed, of
/// a conversation that had grown too long, or of several prompts of one turn, of which the model receives the later ones otherwise.
fn set_expanded_apart(accounts: &mut [Account]) {
    let typed = typed(accounts);
    let Some((typed, others)) = typed.split_first() else { return };
    // Those who disagree contradict each other, whatever it was made into.
    if others.iter().any(|other| !other.is_same(typed)) {
        return;
    }
    // SECURITY: that the model received less than was typed is a client's way where two channels saw the rest typed; one alone may
    // have added it.
    let is_told_twice =
        |one: &Text| accounts.iter().filter(is_typed).filter(|account| account.has_told(one)).count() > 1;
    let seen_typed: Vec<Text> = typed.turn().iter().filter(|one| is_told_twice(one)).cloned().collect();
    for account in accounts.iter_mut().filter(|account| account.kind == ChannelKind::Provider) {
        let [received] = account.texts.as_slice() else { continue };
        let is_less = || {
            typed.has_part(received)
                && typed.beyond(received).all(|one| seen_typed.iter().any(|seen| seen.is_same(one)))
        };
        // SECURITY: whoever speaks for hooks may begin a prompt as a command: what the model received must show the same one.
        // Where a client goes on with a turn that was broken off, what is typed then stands beside an answer.
        let is_since = received.came_since(typed);
        let stood_beside = received.has_beside_of(typed);
        // A message that quotes a client's words around it cannot be read whole there.
        let is_quoted = received.has_sent_beginnings_of(typed) && !received.with_meanwhile().is_same(typed);
        let is_made = is_since
            || is_quoted
            || received.is_made_of(typed)
            || received.is_summary()
            || is_less()
            || received.with_meanwhile().is_same(typed);
        if !account.is_torn && !received.is_same(typed) && is_made {
            account.is_expanded = true;
            // SECURITY: a file that a model has written may stand there, too.
            account.is_unread |= stood_beside || is_quoted;
            account.set_aside();
        }
    }
}
