//! What each channel has to say of one statement.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::{ChannelKind, Join, Sight, Timestamp};

use super::OWN;
use super::linked::linked;
use super::texts::{Shown, Text};
use super::weigh::{Call, Opened, Purpose};
use crate::ports::{Named, StoredSighting};

/// How far apart the same text may have been seen and asked to be taken for the same. A hook comes just before its call.
const TOGETHER: Duration = Duration::from_secs(60);

/// What one channel has to say.
pub(super) struct Account {
    /// Its name in records.
    pub channel: String,
    /// Every name that its credential has had.
    pub names: BTreeSet<String>,
    pub kind: ChannelKind,
    pub join: Join,
    /// Distinct texts.
    pub texts: Vec<Text>,
    pub is_torn: bool,
    pub statement: Sight,
    pub conversation: Option<String>,
    /// Whether it says that a subagent made the call.
    pub is_delegated: bool,
    /// Whether what it saw is what a client made of the words.
    pub is_expanded: bool,
    /// Whether it saw what the model received for a prompt, and could not read that.
    pub is_unread: bool,
    /// What it saw the model receive, where that was set aside.
    pub received: Option<Shown>,
}

/// What the channels say of a call.
pub(super) fn of(call: &Call<'_>, opened: Vec<Opened>) -> Vec<Account> {
    let mut channels: BTreeMap<String, Vec<Opened>> = BTreeMap::new();
    for opened in opened {
        channels.entry(opened.sighting.channel.clone()).or_default().push(opened);
    }
    channels.into_values().filter_map(|opened| account(&opened, call)).collect()
}

/// One channel's account; none when nothing of it belongs to this statement.
fn account(opened: &[Opened], call: &Call<'_>) -> Option<Account> {
    // SECURITY: one credential is one channel, whatever it was called and whatever kind; the least of its kinds counts.
    let kind = opened.iter().map(|opened| opened.sighting.kind).min()?;
    let first = opened.iter().min_by_key(|opened| opened.sighting.at)?;
    let joins = || opened.iter().filter_map(|opened| joined(opened, call));
    // SECURITY: what a channel has told of this tool use and is not looked at, for there is too much of it, may be this call's.
    let is_of_use = |opened: &&Opened| {
        opened.sighting.keyed.tool_use.is_some() && opened.sighting.keyed.tool_use == call.keyed.tool_use
    };
    let is_hidden = opened.iter().filter(is_of_use).any(|opened| opened.sighting.is_crowded);
    // SECURITY: what has been used up is not made good by a weaker tie.
    let join = joins().find(|join| *join == Join::Again).or_else(|| joins().min());
    let join = join.or(is_hidden.then_some(Join::ToolUse))?;
    let (direct, others): (Vec<&Opened>, Vec<&Opened>) =
        opened.iter().partition(|opened| joined(opened, call) == Some(join));
    let mut linked = linked(&direct, &others, call);
    let is_doubted = leave_out_later(kind, &mut linked, &direct);
    // What came at once stands in its client's order.
    linked.sort_by_key(|opened| (opened.said.moment, first_told(opened)));
    let mut texts: Vec<Text> = Vec::new();
    for opened in direct.iter().chain(&linked) {
        let Some(prompt) = &opened.said.prompt else { continue };
        let text = Text::seen(&opened.said, prompt);
        match texts.iter_mut().find(|known| known.is_exactly(&text)) {
            // SECURITY: one telling that knows less of what came since hides nothing of another.
            Some(known) => known.doubt_as(text),
            None => texts.push(text),
        }
    }
    if is_of_clients(kind) && texts.len() > 1 && is_one_turn(&direct, &linked) {
        texts = vec![Text::of_turn(&texts)];
    }
    // By the text alone several prompts fit, and none is known.
    if join == Join::Text && texts.len() > 1 {
        return None;
    }
    let surest = join;
    // SECURITY: what it has told of the prompt by a weaker tie is not hidden by what it tells of the call alone.
    let join = match weaker(opened, call, join).filter(|_| texts.is_empty()) {
        Some((weaker, text)) => {
            texts.push(text);
            weaker
        }
        None => join,
    };
    let told: Vec<&&Opened> =
        direct.iter().filter(|opened| opened.sighting.keyed.statement.is_some()).collect();
    // The same text under other names touches other objects: it is another statement.
    let is_ours =
        |opened: &&&Opened| opened.sighting.keyed.statement == call.keyed.statement && !opened.is_elsewhere;
    let is_one_call = matches!(surest, Join::ToolUse | Join::Again);
    // SECURITY: what the model only wanted to look ahead at is no call that runs.
    let is_look = call.purpose == Purpose::Run && direct.iter().any(|opened| opened.said.is_look);
    let statement = if is_one_call && direct.iter().any(|opened| opened.said.is_rejected) {
        Sight::Rejected
    } else if is_one_call && (is_look || told.iter().any(|told| !is_ours(told))) {
        Sight::Other
    } else if told.iter().any(is_ours) {
        Sight::Same
    } else {
        // Under a trace or a word there are further statements: another one is none of ours.
        Sight::Unseen
    };
    // What merely has a clue in common may be another conversation's.
    let conversation = direct.iter().chain(&linked).find_map(|opened| opened.said.conversation.clone());
    // SECURITY: a subagent's call is not the main agent's, too: whoever tells both of one tool use is believed in neither.
    let mut uses = direct.iter().filter(|opened| opened.sighting.keyed.tool_use.is_some());
    let first_use = uses.next().map(|opened| opened.said.is_delegated);
    let is_torn =
        kind == ChannelKind::Hooks && uses.any(|opened| Some(opened.said.is_delegated) != first_use);
    let is_crowded = is_hidden || direct.iter().any(|opened| opened.sighting.is_crowded);
    let is_crowded = is_crowded || (call.is_beyond && is_loose(join));
    Some(Account {
        channel: if kind == ChannelKind::Own { OWN.to_owned() } else { first.sighting.name.clone() },
        names: opened.iter().map(|opened| opened.sighting.name.clone()).collect(),
        kind,
        join,
        texts,
        is_torn: is_torn || is_crowded,
        statement,
        conversation,
        is_delegated: kind == ChannelKind::Hooks && direct.iter().any(|opened| opened.said.is_delegated),
        is_expanded: false,
        is_unread: is_doubted || direct.iter().chain(&linked).any(|opened| opened.said.is_prompt_unread),
        received: None,
    })
}

/// The one prompt that it has told under the call's trace or word, where it is the only one there.
fn weaker(opened: &[Opened], call: &Call<'_>, than: Join) -> Option<(Join, Text)> {
    let sure = [Join::Trace, Join::Word].into_iter().filter(|join| *join > than);
    sure.filter(|_| than.is_sure()).find_map(|join| {
        let tied = opened.iter().filter(|opened| joined(opened, call) == Some(join));
        let mut texts = tied.filter_map(|opened| {
            opened.said.prompt.as_deref().map(|prompt| Text::seen(&opened.said, prompt))
        });
        let text = texts.next()?;
        texts.all(|other| other.is_exactly(&text)).then_some((join, text))
    })
}

/// Whether it is a client that tells what a person types into it.
pub(super) const fn is_of_clients(kind: ChannelKind) -> bool {
    matches!(kind, ChannelKind::Hooks | ChannelKind::Telemetry)
}

/// Leaves out what was typed after the call: what a person types while the model works is told under the same prompt's id.
/// Whether what is left may be such, for all of it came later.
fn leave_out_later(kind: ChannelKind, linked: &mut Vec<&Opened>, direct: &[&Opened]) -> bool {
    let moment = |opened: &Opened| match kind {
        // A hook comes before what it is told of.
        ChannelKind::Hooks => u64::try_from(first_told(opened).as_micros()).ok(),
        // Its client's clock tells.
        ChannelKind::Telemetry => opened.said.moment,
        ChannelKind::Own | ChannelKind::Prompts | ChannelKind::Provider => None,
    };
    let is_later = |opened: &Opened| {
        let is_its = |direct: &&&Opened| direct.sighting.prompt_id == opened.sighting.prompt_id;
        // Telemetry tells of a tool use once more when it has ended. SECURITY: whoever tells it again moves it behind nothing.
        let called = direct.iter().filter(is_its).filter_map(|direct| moment(direct)).min();
        opened.said.prompt.is_some()
            && called.zip(moment(opened)).is_some_and(|(called, typed)| typed > called)
    };
    // Hooks that were delivered late are better than none.
    let is_any_left = linked.iter().any(|opened| opened.said.prompt.is_some() && !is_later(opened));
    if kind == ChannelKind::Hooks && !is_any_left {
        return linked.iter().any(|opened| is_later(opened));
    }
    linked.retain(|opened| !is_later(opened));
    false
}

/// When it was told first.
// SECURITY: whoever tells something once more moves it behind nothing.
fn first_told(opened: &Opened) -> Timestamp {
    opened.said.first.unwrap_or(opened.sighting.at)
}

/// Whether several prompts that a client tells of one call are those of one turn, one typed after the other: of those that lie in a
/// trace nobody knows which one the call has.
fn is_one_turn(direct: &[&Opened], linked: &[&Opened]) -> bool {
    let prompts = || linked.iter().filter(|opened| opened.said.prompt.is_some());
    let plain = || prompts().filter(|opened| opened.said.span.is_none());
    let mut ids = plain().map(|opened| &opened.sighting.prompt_id);
    let first = ids.next();
    let is_of_one_id = ids.all(|id| Some(id) == first);
    let is_told_plainly = |prompt: &Option<String>| plain().any(|opened| opened.said.prompt == *prompt);
    is_of_one_id
        && direct.iter().all(|opened| opened.said.prompt.is_none())
        && prompts().all(|opened| is_told_plainly(&opened.said.prompt))
}

fn joined(opened: &Opened, call: &Call<'_>) -> Option<Join> {
    let meet = |one: &Option<String>, other: &Option<String>| one.is_some() && one == other;
    let differ =
        |one: &Option<String>, other: &Option<String>| one.is_some() && other.is_some() && one != other;
    let StoredSighting { keyed: theirs, subject, at, .. } = &opened.sighting;
    let ours = call.keyed;
    // SECURITY: what names no subject may be anybody's. The model's id of a tool use is told to one call alone, and whoever
    // comes with it second has not made it; traces and words are known to everything that a request passes.
    let names_subject = subject.subject.is_some();
    // SECURITY: whoever is named, another's mailbox is another's, whatever its channel is configured for.
    if is_another_mailbox(opened.said.mail.as_deref(), call.subject.subject.as_deref()) {
        return None;
    }
    if meet(&theirs.tool_use, &ours.tool_use) {
        let Named { by_itself, by_another_agent, by_another } = call.named;
        // What speaks for a subject may be told to any of their agents, and to one of them.
        let is_used =
            by_itself || (by_another_agent && subject.agent.is_none()) || (by_another && !names_subject);
        return Some(if is_used { Join::Again } else { Join::ToolUse });
    }
    // Two that are known to be different calls are not one for what they have in common.
    if !names_subject || differ(&theirs.tool_use, &ours.tool_use) {
        None
    } else if meet(&theirs.trace, &ours.trace) {
        Some(Join::Trace)
    } else if meet(&theirs.word, &ours.word) {
        Some(Join::Word)
    } else if meet(&theirs.statement, &ours.statement)
        && !differ(&theirs.trace, &ours.trace)
        && call.at.since(*at).max(at.since(call.at)) <= TOGETHER
    {
        Some(Join::Text)
    } else {
        None
    }
}

/// Whether both are mail addresses, and not the same. A subject that is none cannot be compared.
pub fn is_another_mailbox(mail: Option<&str>, subject: Option<&str>) -> bool {
    match (mail, subject) {
        (Some(mail), Some(subject)) => {
            mail.contains('@') && subject.contains('@') && !mail.eq_ignore_ascii_case(subject)
        }
        (_, _) => false,
    }
}

/// Whether what is known rests on a trace or a word, and no hook has seen the call.
pub(super) fn could_leave_out_its_use(accounts: &[Account]) -> bool {
    accounts.iter().any(|account| account.kind != ChannelKind::Own && is_loose(account.join))
        && !has_seen_the_call(accounts)
}

pub(super) fn has_seen_the_call(accounts: &[Account]) -> bool {
    accounts.iter().any(|account| {
        account.kind == ChannelKind::Hooks && matches!(account.join, Join::ToolUse | Join::Again)
    })
}

pub(super) fn is_loose(join: Join) -> bool {
    matches!(join, Join::Trace | Join::Word)
}

/// Takes what was found by a trace or a word for a guess: see [`Join::Unnamed`].
pub(super) fn leave_unnamed(accounts: &mut [Account]) {
    for account in accounts.iter_mut().filter(|account| account.kind != ChannelKind::Own) {
        if is_loose(account.join) {
            account.join = Join::Unnamed;
        }
    }
}
impl Account {
    /// Whether it can be more than a declaration or a guess.
    pub fn counts(&self) -> bool {
        self.kind != ChannelKind::Own && self.join.is_sure()
    }

    /// Whether it has told that.
    pub fn has_told(&self, one: &Text) -> bool {
        self.texts.iter().any(|text| text.tells(one))
    }

    /// Takes what it says for what it is, whatever hooks say of a subagent.
    pub fn keep_as_told(&mut self) {
        self.is_delegated &= self.kind == ChannelKind::Provider && self.texts.is_empty();
    }

    /// Takes what it saw for no prompt, and keeps it beside.
    pub fn set_aside(&mut self) {
        let texts = std::mem::take(&mut self.texts);
        self.received = texts.into_iter().find_map(|text| text.shown).or(self.received.take());
    }
}
