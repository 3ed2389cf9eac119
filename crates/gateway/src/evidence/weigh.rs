//! From sightings to witnesses: what each channel has to say of one statement.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::{Asked, ChannelKind, Context, Identity, Join, Prompt, PromptGrade, Sight, Timestamp, Witness};

use recording::{Opening, WitnessRecord};

use super::OWN;
use super::named::Named;
use super::sighting::{self, Said};
use crate::fault::Fault;
use crate::gateway::Gateway;
use crate::ports::{Keyed, StoredSighting, Subject};

/// How far apart the same text may have been seen and asked to be taken for the same. A hook comes just before its call.
const TOGETHER: Duration = Duration::from_secs(60);

/// What is known of the prompt behind a statement.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Weighed {
    /// The exact text; none when nobody said.
    pub text: Option<String>,
    /// How well it is known.
    pub grade: PromptGrade,
    /// The prompt that came with the call itself, numbered as the witnesses' are.
    pub declared: Option<u32>,
    /// Who saw it, by channel.
    pub witnesses: Vec<Witness>,
    /// The conversation that a witness names.
    pub conversation: Option<String>,
    /// Which sightings that rests on.
    pub seen: BTreeSet<[u8; 32]>,
}

/// The prompt that came with the call itself.
pub(super) enum Declared {
    /// None did.
    Nothing,
    /// This one.
    Text(String),
    /// One that is known to be another than any witness's.
    Another,
}

impl Weighed {
    /// What the call itself says, unwitnessed.
    pub fn of_call(asked: &Asked) -> Self {
        let Prompt { text, grade } = asked.prompt.clone();
        Self { text, grade, ..Self::default() }
    }

    /// What stands in an opening, but for its text; none where a word is unknown.
    pub fn of_opening(opening: &Opening) -> Option<Self> {
        let prompt = &opening.prompt;
        Some(Self {
            grade: PromptGrade::from_word(&prompt.grade)?,
            declared: prompt.declared,
            witnesses: prompt.witnesses.iter().map(WitnessRecord::witness).collect::<Option<_>>()?,
            ..Self::default()
        })
    }

    /// What is decided and recorded by.
    pub fn fill(&self, asked: &mut Asked) {
        asked.prompt = Prompt { text: self.text.clone(), grade: self.grade };
        if asked.conversation.is_none() {
            asked.conversation.clone_from(&self.conversation);
        }
    }
}

impl Gateway {
    /// What is known now of the prompt behind what is asked.
    pub(crate) async fn weigh(
        &self,
        asked: &Asked,
        identity: &Identity,
        key: &[u8; 32],
    ) -> Result<Weighed, Fault> {
        let keyed = sighting::keyed(key, &asked.clues, told_whole(asked));
        let (subject, now) = (subject_of(identity), self.now());
        let stored = self.ports.evidence.about(&subject, &keyed, now).await?;
        if stored.is_empty() {
            return Ok(Weighed::of_call(asked));
        }
        let named = self.named(&subject, &keyed, None).await?;
        let declared = match &asked.prompt.text {
            Some(text) => Declared::Text(text.clone()),
            None => Declared::Nothing,
        };
        let call = Call { keyed: &keyed, under: &asked.context, at: now, named };
        self.weigh_call(key, &call, declared, stored)
    }

    /// What sightings come to for a call.
    pub(super) fn weigh_call(
        &self,
        key: &[u8; 32],
        call: &Call<'_>,
        declared: Declared,
        stored: Vec<StoredSighting>,
    ) -> Result<Weighed, Fault> {
        let mut opened = Vec::with_capacity(stored.len());
        for sighting in stored {
            let said = sighting::open(key, &sighting)?;
            // What a call left out was filled in with the same names for both.
            let is_elsewhere = said.under.clone().is_some_and(|[role, warehouse, database, schema]| {
                let mut under = Context { role, warehouse, database, schema };
                self.complete_names(&mut under);
                under != *call.under
            });
            opened.push(Opened { sighting, said, is_elsewhere });
        }
        Ok(weigh(call, declared, opened))
    }
}

/// A statement, as far as evidence meets it.
pub(super) struct Call<'a> {
    pub keyed: &'a Keyed,
    /// The names that it runs under.
    pub under: &'a Context,
    /// When it was asked.
    pub at: Timestamp,
    /// Who has named its tool use before.
    pub named: Named,
}

/// A sighting with what it says.
struct Opened {
    sighting: StoredSighting,
    said: Said,
    /// Whether what it saw was to run under other names.
    is_elsewhere: bool,
}

/// The text of a statement, where that is all of it.
pub(super) fn told_whole(asked: &Asked) -> Option<&str> {
    asked.bindings.is_empty().then(|| asked.text.reveal())
}

/// Whose sightings may be this principal's.
pub(super) fn subject_of(identity: &Identity) -> Subject {
    Subject {
        issuer: Some(identity.issuer.clone()),
        subject: Some(identity.subject.clone()),
        agent: Some(identity.agent.as_str().to_owned()),
    }
}

/// What one channel has to say.
struct Account {
    channel: String,
    kind: ChannelKind,
    join: Join,
    /// Distinct texts.
    texts: Vec<String>,
    statement: Sight,
    conversation: Option<String>,
}

fn weigh(call: &Call<'_>, declared: Declared, opened: Vec<Opened>) -> Weighed {
    let seen = opened.iter().map(|opened| opened.sighting.id).collect();
    let mut channels: BTreeMap<(String, ChannelKind), Vec<Opened>> = BTreeMap::new();
    for opened in opened {
        let channel = (opened.sighting.channel.clone(), opened.sighting.kind);
        channels.entry(channel).or_default().push(opened);
    }
    let accounts: Vec<Account> = channels
        .into_iter()
        .filter_map(|((channel, kind), opened)| account(channel, kind, &opened, call))
        .collect();
    Weighed { seen, ..numbered(accounts, declared) }
}

/// One channel's account; none when nothing of it belongs to this statement.
fn account(channel: String, kind: ChannelKind, opened: &[Opened], call: &Call<'_>) -> Option<Account> {
    let joins = || opened.iter().filter_map(|opened| joined(&opened.sighting, call));
    // SECURITY: what has been used up is not made good by a weaker tie.
    let join = joins().find(|join| *join == Join::Again).or_else(|| joins().min())?;
    let (direct, others): (Vec<&Opened>, Vec<&Opened>) =
        opened.iter().partition(|opened| joined(&opened.sighting, call) == Some(join));
    let prompts: BTreeSet<&String> =
        direct.iter().filter_map(|opened| opened.sighting.prompt_id.as_ref()).collect();
    let is_linked =
        |opened: &&&Opened| opened.sighting.prompt_id.as_ref().is_some_and(|prompt| prompts.contains(prompt));
    let linked = || others.iter().filter(is_linked);
    let mut texts: Vec<String> = Vec::new();
    for text in direct.iter().chain(linked()).filter_map(|opened| opened.said.prompt.as_ref()) {
        if !texts.iter().any(|known| same(known, text)) {
            texts.push(text.clone());
        }
    }
    // By the text alone several prompts fit, and none is known.
    if join == Join::Text && texts.len() > 1 {
        return None;
    }
    let told: Vec<&&Opened> =
        direct.iter().filter(|opened| opened.sighting.keyed.statement.is_some()).collect();
    // The same text under other names touches other objects: it is another statement. And one tool use's is not another's,
    // though they are in one trace.
    let is_ours = |opened: &&&Opened| {
        let theirs = &opened.sighting.keyed;
        theirs.statement == call.keyed.statement
            && !opened.is_elsewhere
            && !differ(&theirs.tool_use, &call.keyed.tool_use)
    };
    let is_one_call = matches!(join, Join::ToolUse | Join::Again);
    let statement = if call.keyed.statement.is_none() {
        // With bound values a text is not the whole of a statement.
        Sight::Unseen
    } else if is_one_call && told.iter().any(|told| !is_ours(told)) {
        Sight::Other
    } else if told.iter().any(is_ours) {
        Sight::Same
    } else {
        // Under a trace or a word there are further statements: another one is none of ours.
        Sight::Unseen
    };
    // What merely has a clue in common may be another conversation's.
    let conversation = direct.iter().chain(linked()).find_map(|opened| opened.said.conversation.clone());
    Some(Account { channel, kind, join, texts, statement, conversation })
}

fn joined(sighting: &StoredSighting, call: &Call<'_>) -> Option<Join> {
    let meet = |one: &Option<String>, other: &Option<String>| one.is_some() && one == other;
    let (theirs, ours) = (&sighting.keyed, call.keyed);
    // SECURITY: what names no subject may be anybody's. The model's id of a tool use is told to one call alone, and whoever
    // comes with it second has not made it; traces and words are known to everything that a request passes.
    let names_subject = sighting.subject.subject.is_some();
    if meet(&theirs.tool_use, &ours.tool_use) {
        let Named { by_itself, by_another } = call.named;
        let is_used = by_itself || (by_another && !names_subject);
        Some(if is_used { Join::Again } else { Join::ToolUse })
    } else if names_subject && meet(&theirs.trace, &ours.trace) {
        Some(Join::Trace)
    } else if names_subject && meet(&theirs.word, &ours.word) {
        Some(Join::Word)
    } else if names_subject
        && meet(&theirs.statement, &ours.statement)
        // Two that are known to be different calls, or in different traces, are not the same for their text.
        && !differ(&theirs.tool_use, &ours.tool_use)
        && !differ(&theirs.trace, &ours.trace)
        && call.at.since(sighting.at).max(sighting.at.since(call.at)) <= TOGETHER
    {
        Some(Join::Text)
    } else {
        None
    }
}

/// Whether both are known, and not the same.
fn differ(one: &Option<String>, other: &Option<String>) -> bool {
    one.is_some() && other.is_some() && one != other
}

/// Numbers the texts, the one that counts most first, and grades.
fn numbered(accounts: Vec<Account>, declared: Declared) -> Weighed {
    let counts = |account: &&Account| {
        account.kind != ChannelKind::Own && !matches!(account.join, Join::Again | Join::Text)
    };
    let mut ranked: Vec<&Account> = accounts.iter().filter(|account| !account.texts.is_empty()).collect();
    // Whoever is nearest to the model first; then by how sure the join is.
    ranked.sort_by_key(|account| {
        (!counts(account), std::cmp::Reverse(account.kind), account.join, account.channel.clone())
    });
    let mut texts: Vec<String> = Vec::new();
    let mut number = |text: &String| -> u32 {
        let at = texts.iter().position(|known| same(known, text)).unwrap_or_else(|| {
            texts.push(text.clone());
            texts.len() - 1
        });
        u32::try_from(at).unwrap_or(u32::MAX)
    };
    for account in ranked.iter().filter(|account| counts(account)) {
        account.texts.iter().for_each(|text| {
            number(text);
        });
    }
    let declared = match &declared {
        Declared::Nothing => None,
        Declared::Text(text) => Some(number(text)),
        Declared::Another => Some(u32::MAX),
    };
    let witnesses: Vec<Witness> = accounts
        .iter()
        .map(|account| Witness {
            channel: match account.kind {
                ChannelKind::Own => OWN.to_owned(),
                ChannelKind::Prompts
                | ChannelKind::Hooks
                | ChannelKind::Telemetry
                | ChannelKind::Provider => account.channel.clone(),
            },
            kind: account.kind,
            join: account.join,
            prompt: account.texts.first().map(&mut number),
            statement: account.statement,
            is_torn: account.texts.len() > 1,
        })
        .collect();
    let grade = PromptGrade::of(declared, &witnesses);
    let conversations = |is_own: bool| {
        let told = accounts.iter().filter(move |account| (account.kind == ChannelKind::Own) == is_own);
        let told = told.filter(|account| !matches!(account.join, Join::Again | Join::Text));
        told.filter_map(|account| account.conversation.clone()).next()
    };
    // Under its own token an agent names a conversation where nobody else does.
    let conversation = conversations(false).or_else(|| conversations(true));
    let text = texts.into_iter().next();
    Weighed { text, grade, declared, witnesses, conversation, seen: BTreeSet::new() }
}

/// Whether two channels tell the same prompt: what stands around it, and how its lines end, is the channel's.
pub(super) fn same(one: &str, other: &str) -> bool {
    one == other || one.trim().replace("\r\n", "\n") == other.trim().replace("\r\n", "\n")
}
