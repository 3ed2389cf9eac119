//! What each channel has to say of one statement, and what it had said by then.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::{ChannelKind, Join, Sight, Timestamp, Witness};

use super::OWN;
use super::linked::linked;
use super::said::{self, Said, keys_of_exact, normal, split_reminders, without_received};
use super::weigh::{Call, Opened, Purpose};
use crate::ports::{Named, StoredSighting};

/// How far apart the same text may have been seen and asked to be taken for the same. A hook comes just before its call.
const TOGETHER: Duration = Duration::from_secs(60);

/// How Claude Code begins what it puts in place of a conversation.
const SUMMARY: &str = "This session is being continued from a previous conversation";

/// A prompt as one channel tells it.
#[derive(Clone)]
pub(super) struct Text {
    /// What it is compared by: its words.
    keys: Vec<String>,
    /// The command that a client made it of.
    command: Option<String>,
    /// It with what stood before it in the same message.
    whole: Option<String>,
    /// What may have been typed since.
    meanwhile: Option<String>,
    /// Those that it consists of, where its channel told several of one turn.
    turn: Vec<String>,
    /// Where blocks as clients put in stand in it as they were typed: the words without them, and they.
    typed: Option<(String, String)>,
    /// Where such blocks were told beside it: the words, and they.
    beside: Option<(String, String)>,
    /// The whole; none where it was recorded as another than the one that stands in the record, and is not known any more.
    pub shown: Option<Shown>,
}

/// A prompt in its two forms.
#[derive(Clone)]
pub(super) struct Shown {
    /// All of it: to be sealed.
    pub exact: String,
    /// As records tell it, before the detectors.
    pub told: String,
}

impl Text {
    /// A prompt that came with a call.
    pub fn declared(prompt: String) -> Self {
        Self {
            keys: vec![normal(&prompt).into_owned()],
            command: None,
            whole: None,
            meanwhile: None,
            turn: Vec::new(),
            typed: parts(&prompt),
            beside: None,
            shown: Some(Shown { exact: prompt.clone(), told: prompt }),
        }
    }

    /// A prompt with what a channel saw beside it.
    fn seen(said: &Said, prompt: &str) -> Self {
        Self {
            keys: vec![normal(prompt).into_owned()],
            command: said.command.as_deref().map(|command| normal(command).into_owned()),
            whole: said.earlier.as_deref().map(|earlier| said::whole(earlier, prompt)),
            meanwhile: said.meanwhile.as_deref().map(|text| normal(text).into_owned()),
            turn: Vec::new(),
            typed: parts(prompt).filter(|_| said.reminders.is_none()),
            beside: said.reminders.clone().map(|reminders| (normal(prompt).into_owned(), reminders)),
            shown: Some(Shown { exact: said::exact(said, prompt), told: said::told(said, prompt) }),
        }
    }

    /// What was told of one turn, in that order, as one.
    fn of_turn(texts: &[Self]) -> Self {
        let all = |of: fn(&Shown) -> &str| {
            texts.iter().filter_map(|text| text.shown.as_ref()).map(of).collect::<Vec<_>>().join("\n")
        };
        let exact = all(|shown| &shown.exact);
        let mut turn: Vec<String> = texts.iter().flat_map(|text| text.keys.first().cloned()).collect();
        let in_order = turn.join("\n");
        turn.sort_unstable();
        Self {
            // Channels may tell them in another order.
            keys: vec![turn.join("\n"), in_order, normal(&exact).into_owned()],
            command: None,
            whole: None,
            meanwhile: None,
            turn,
            typed: None,
            beside: None,
            shown: Some(Shown { exact, told: all(|shown| &shown.told) }),
        }
    }

    /// Whether the other is one of several that this one consists of, or some of them.
    pub fn has_part(&self, part: &Self) -> bool {
        let is_part = |key: &String| self.turn.contains(key);
        if part.turn.is_empty() { part.keys.iter().any(is_part) } else { part.turn.iter().all(is_part) }
    }

    /// The same of one that stands in a record, of which its lines alone are known.
    fn has_recorded_part(&self, part: &Self) -> bool {
        let is_in = |whole: &String, part: &String| {
            let rest = |rest: Option<&str>, at: fn(&str) -> bool| rest.is_some_and(at);
            rest(whole.strip_prefix(part.as_str()), |rest| rest.starts_with('\n'))
                || rest(whole.strip_suffix(part.as_str()), |rest| rest.ends_with('\n'))
                || whole.contains(&format!("\n{part}\n"))
        };
        self.has_part(part) || self.keys.iter().any(|whole| part.keys.iter().any(|part| is_in(whole, part)))
    }

    /// Whether its channel cannot say that nothing else was typed since.
    pub const fn is_doubted(&self) -> bool {
        self.meanwhile.is_some()
    }

    /// Those that it consists of; none where it is one.
    pub fn turn(&self) -> &[String] {
        &self.turn
    }

    /// What of the turn of this one the other does not tell, nor as what came since.
    pub fn beyond<'t>(&'t self, part: &'t Self) -> impl Iterator<Item = &'t String> {
        let told = |key: &&String| {
            part.turn.contains(key) || part.keys.contains(key) || part.meanwhile.as_ref() == Some(*key)
        };
        self.turn.iter().filter(move |key| !told(key))
    }

    /// Whether it tells that, alone or in a turn.
    fn tells(&self, key: &String) -> bool {
        self.turn.contains(key) || self.keys.contains(key)
    }

    /// Whether both could be one: by their words, or by those of the command that one was made of.
    pub fn is_same(&self, other: &Self) -> bool {
        self.either().any(|key| other.either().any(|other| other == key)) || self.is_split(other)
    }

    /// Whether one is the other with what was typed as a client's block told beside it: nobody who reads what a model received can
    /// tell who has put that in.
    fn is_split(&self, other: &Self) -> bool {
        let is_of = |typed: &Option<(String, String)>, beside: &Option<(String, String)>| {
            typed.as_ref().zip(beside.as_ref()).is_some_and(|((words, typed), (said, beside))| {
                words == said && beside.contains(typed.as_str())
            })
        };
        is_of(&self.typed, &other.beside) || is_of(&other.typed, &self.beside)
    }

    fn either(&self) -> impl Iterator<Item = &String> {
        self.keys.iter().chain(&self.command).chain(&self.whole)
    }

    /// Whether one channel says the same by both.
    fn is_exactly(&self, other: &Self) -> bool {
        self.keys == other.keys && self.command == other.command && self.whole == other.whole
    }

    /// Whether both are one where these were told by whoever saw no command made into another text.
    // SECURITY: what was made of a command agrees with those who saw the command or with those who saw the text, never with both:
    // they contradict each other.
    pub fn is_one(&self, other: &Self, plain: &[Self]) -> bool {
        let is_told = |text: &&String| plain.iter().any(|plain| plain.keys.contains(text));
        let of = |text: &Self| -> Vec<String> {
            let told = text.command.as_ref().filter(is_told).or(text.whole.as_ref().filter(is_told));
            match (told, text.keys.iter().find(is_told)) {
                (Some(told), _) => vec![told.clone()],
                (None, Some(_)) => text.keys.clone(),
                (None, None) => text.either().cloned().collect(),
            }
        };
        let others = of(other);
        of(self).iter().any(|key| others.contains(key)) || self.is_split(other)
    }

    /// Whether a client made it of a command.
    pub const fn is_of_a_command(&self) -> bool {
        self.command.is_some()
    }

    /// Whether a client made it of the command that the other is, as far as both tell: one may name where the command comes from
    /// (`/plugin:review`), and the other not.
    // SECURITY: of another command it is another prompt, whoever says that it was typed.
    pub fn is_made_of(&self, typed: &Self) -> bool {
        let commands = || typed.keys.iter().filter(|key| key.starts_with('/')).map(|key| without_place(key));
        self.command.as_deref().is_some_and(|command| commands().any(|typed| typed == without_place(command)))
    }

    /// Whether it is what a client makes of a conversation that has grown too long for the model.
    pub fn is_summary(&self) -> bool {
        self.keys.iter().any(|key| key.starts_with(SUMMARY))
    }
}

/// A command as it is typed, its name without where that comes from.
fn without_place(command: &str) -> (&str, &str) {
    let (name, rest) = command.split_once(' ').unwrap_or((command, ""));
    let name = name.strip_prefix('/').unwrap_or(name);
    (name.rsplit_once(':').map_or(name, |(_, name)| name), rest)
}

/// A text in its words and the blocks as clients put them in, where it has both.
fn parts(text: &str) -> Option<(String, String)> {
    let (words, blocks) = split_reminders(text);
    Some((normal(&words?).into_owned(), blocks?))
}

/// What one channel has to say.
pub(super) struct Account {
    /// Its name in records.
    pub channel: String,
    /// Every name that its credential has had.
    names: BTreeSet<String>,
    pub kind: ChannelKind,
    pub join: Join,
    /// Distinct texts.
    pub texts: Vec<Text>,
    /// What it told under the same prompt's id after the call.
    later: Vec<String>,
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
    let later = if kind == ChannelKind::Hooks { leave_out_later(&mut linked, &direct) } else { Vec::new() };
    linked.sort_by_key(|opened| first_told(opened));
    let mut texts: Vec<Text> = Vec::new();
    for opened in direct.iter().chain(&linked) {
        let Some(prompt) = &opened.said.prompt else { continue };
        let text = Text::seen(&opened.said, prompt);
        if !texts.iter().any(|known| known.is_exactly(&text)) {
            texts.push(text);
        }
    }
    if is_of_clients(kind) && texts.len() > 1 && is_one_turn(&direct, &linked) {
        texts = vec![Text::of_turn(&texts)];
    }
    // By the text alone several prompts fit, and none is known.
    if join == Join::Text && texts.len() > 1 {
        return None;
    }
    let told: Vec<&&Opened> =
        direct.iter().filter(|opened| opened.sighting.keyed.statement.is_some()).collect();
    // The same text under other names touches other objects: it is another statement.
    let is_ours =
        |opened: &&&Opened| opened.sighting.keyed.statement == call.keyed.statement && !opened.is_elsewhere;
    let is_one_call = matches!(join, Join::ToolUse | Join::Again);
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
        later,
        is_torn: is_torn || is_crowded,
        statement,
        conversation,
        is_delegated: kind == ChannelKind::Hooks && direct.iter().any(|opened| opened.said.is_delegated),
        is_expanded: false,
        is_unread: direct.iter().any(|opened| opened.said.is_prompt_unread),
        received: None,
    })
}

/// Whether it is a client that tells what a person types into it.
const fn is_of_clients(kind: ChannelKind) -> bool {
    matches!(kind, ChannelKind::Hooks | ChannelKind::Telemetry)
}

/// Leaves out, and gives, what was told after the call: a hook comes before what it is told of, and what a person types while the model
/// works is told under the same prompt's id. All of it stays where nothing else would.
fn leave_out_later(linked: &mut Vec<&Opened>, direct: &[&Opened]) -> Vec<String> {
    let Some(called) = direct.iter().map(|opened| first_told(opened)).max() else { return Vec::new() };
    let is_before = |opened: &Opened| opened.said.prompt.is_none() || first_told(opened) <= called;
    if !linked.iter().any(|opened| opened.said.prompt.is_some() && is_before(opened)) {
        return Vec::new();
    }
    let later = linked.extract_if(.., |opened| !is_before(opened));
    later
        .filter_map(|opened| opened.said.prompt.as_deref())
        .map(|prompt| normal(prompt).into_owned())
        .collect()
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
    let mut ids = prompts().map(|opened| &opened.sighting.prompt_id);
    let first = ids.next();
    let is_of_one_id = ids.all(|id| Some(id) == first);
    let is_told_plainly = |prompt: &Option<String>| {
        prompts().any(|opened| opened.said.span.is_none() && opened.said.prompt == *prompt)
    };
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

fn has_seen_the_call(accounts: &[Account]) -> bool {
    accounts.iter().any(|account| {
        account.kind == ChannelKind::Hooks && matches!(account.join, Join::ToolUse | Join::Again)
    })
}

fn is_loose(join: Join) -> bool {
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

/// The accounts that stand in a record, whose prompt 0 is `exact`.
pub(super) fn recorded(witnesses: &[Witness], exact: Option<&str>) -> Vec<Account> {
    // What is the same as before is told as it was told before.
    let as_before = |exact: &str| Shown { exact: exact.to_owned(), told: "[as before]".to_owned() };
    let is_set_aside = |witness: &Witness| {
        witness.is_expanded || (witness.is_delegated && witness.kind == ChannelKind::Provider)
    };
    let are_any = witnesses.iter().any(is_set_aside);
    let (exact, received) = match exact {
        Some(exact) if are_any => Some(without_received(exact)).unzip(),
        exact => (exact, None),
    };
    let received = received.flatten();
    let text = |number: u32| -> Text {
        match exact.filter(|_| number == 0) {
            Some(exact) => {
                let (keys, command) = keys_of_exact(exact);
                Text {
                    keys,
                    command,
                    whole: None,
                    meanwhile: None,
                    turn: Vec::new(),
                    typed: None,
                    beside: parts(exact),
                    shown: Some(as_before(exact)),
                }
            }
            // A key that no prompt has: those are trimmed.
            None => Text {
                keys: vec![format!(" {number}")],
                command: None,
                whole: None,
                meanwhile: None,
                turn: Vec::new(),
                typed: None,
                beside: None,
                shown: None,
            },
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
            later: Vec::new(),
            is_torn: witness.is_torn,
            statement: witness.statement,
            conversation: None,
            is_delegated: witness.is_delegated,
            is_expanded: witness.is_expanded,
            is_unread: witness.is_unread,
            received: received.filter(|_| is_set_aside(witness)).map(as_before),
        })
        .collect()
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
    /// Whether it can be more than a declaration or a guess.
    pub fn counts(&self) -> bool {
        self.kind != ChannelKind::Own && self.join.is_sure()
    }

    /// Whether it has told that, then or later.
    pub fn has_told(&self, key: &String) -> bool {
        self.later.contains(key) || self.texts.iter().any(|text| text.tells(key))
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
                return;
            }
            std::cmp::Ordering::Greater if self.join != Join::Again => {
                (self.join, self.statement) = (before.join, before.statement);
                (self.texts, self.is_torn) = (before.texts, before.is_torn);
                (self.is_delegated, self.is_expanded) = (before.is_delegated, before.is_expanded);
                self.is_unread = before.is_unread;
                self.received = before.received;
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
                    let is_longer = |known: &Text| !known.is_same(&text) && text.has_recorded_part(known);
                    if let Some(known) = self.texts.get_mut(at).filter(|known| is_longer(known)) {
                        *known = text.clone();
                    }
                }
            }
        }
        self.is_torn |= before.is_torn;
        // Of clients it says that another has told more, which is looked at anew.
        self.is_unread |= before.is_unread && !(is_of_clients(self.kind) && has_told_now);
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
