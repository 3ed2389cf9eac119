//! From sightings to witnesses: what each channel has to say of one statement.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::{Asked, ChannelKind, Identity, Join, Prompt, PromptGrade, Sight, Timestamp, Witness};

use recording::{Opening, WitnessRecord};

use super::sighting::{self, Said};
use super::{OWN, PROMPT_SIZE};
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
        let keyed = sighting::keyed(key, &asked.clues, Some(asked.text.reveal()));
        let (subject, now) = (subject_of(identity), self.now());
        let stored = self.ports.evidence.about(&subject, &keyed, now).await?;
        if stored.is_empty() {
            return Ok(Weighed::of_call(asked));
        }
        let declared = match &asked.prompt.text {
            Some(text) => Declared::Text(text.clone()),
            None => Declared::Nothing,
        };
        weigh(key, &keyed, declared, stored, now)
    }
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

/// What sightings come to for a statement that was asked at that moment.
pub(super) fn weigh(
    key: &[u8; 32],
    keyed: &Keyed,
    declared: Declared,
    stored: Vec<StoredSighting>,
    asked_at: Timestamp,
) -> Result<Weighed, Fault> {
    let seen = stored.iter().map(|sighting| sighting.id).collect();
    let mut channels: BTreeMap<(String, ChannelKind), Vec<(StoredSighting, Said)>> = BTreeMap::new();
    for sighting in stored {
        let said = sighting::open(key, &sighting)?;
        channels.entry((sighting.channel.clone(), sighting.kind)).or_default().push((sighting, said));
    }
    let accounts: Vec<Account> = channels
        .into_iter()
        .filter_map(|((channel, kind), sightings)| account(channel, kind, &sightings, keyed, asked_at))
        .collect();
    Ok(Weighed { seen, ..numbered(accounts, declared) })
}

/// One channel's account; none when nothing of it belongs to this statement.
fn account(
    channel: String,
    kind: ChannelKind,
    sightings: &[(StoredSighting, Said)],
    keyed: &Keyed,
    asked_at: Timestamp,
) -> Option<Account> {
    let join = sightings.iter().filter_map(|(sighting, _)| joined(sighting, keyed, asked_at)).min()?;
    let direct: Vec<&(StoredSighting, Said)> =
        sightings.iter().filter(|(sighting, _)| joined(sighting, keyed, asked_at) == Some(join)).collect();
    let prompts: BTreeSet<&String> =
        direct.iter().filter_map(|(sighting, _)| sighting.prompt_id.as_ref()).collect();
    let mut texts: Vec<String> = Vec::new();
    let is_linked = |sighting: &StoredSighting| {
        sighting.prompt_id.as_ref().is_some_and(|prompt| prompts.contains(prompt))
    };
    for (sighting, said) in sightings {
        let belongs = joined(sighting, keyed, asked_at) == Some(join) || is_linked(sighting);
        if let Some(text) = said.prompt.as_ref().filter(|_| belongs)
            && !texts.iter().any(|known| same(known, text))
        {
            texts.push(text.clone());
        }
    }
    // By the text alone several prompts fit, and none is known.
    if join == Join::Text && texts.len() > 1 {
        return None;
    }
    let told: Vec<&String> =
        direct.iter().filter_map(|(sighting, _)| sighting.keyed.statement.as_ref()).collect();
    let is_ours = |told: &&String| keyed.statement.as_ref() == Some(*told);
    let statement = if join == Join::ToolUse && told.iter().any(|told| !is_ours(told)) {
        Sight::Other
    } else if told.iter().any(is_ours) {
        Sight::Same
    } else {
        // Under a trace or a word there are further statements: another one is none of ours.
        Sight::Unseen
    };
    let conversation = sightings.iter().find_map(|(_, said)| said.conversation.clone());
    Some(Account { channel, kind, join, texts, statement, conversation })
}

fn joined(sighting: &StoredSighting, keyed: &Keyed, asked_at: Timestamp) -> Option<Join> {
    let meet = |one: &Option<String>, other: &Option<String>| one.is_some() && one == other;
    let theirs = &sighting.keyed;
    if meet(&theirs.tool_use, &keyed.tool_use) {
        Some(Join::ToolUse)
    } else if meet(&theirs.trace, &keyed.trace) {
        Some(Join::Trace)
    } else if meet(&theirs.word, &keyed.word) {
        Some(Join::Word)
    } else if meet(&theirs.statement, &keyed.statement)
        // SECURITY: a guess needs a subject that the channel names, or one person's hook would speak for another.
        && sighting.subject.subject.is_some()
        && asked_at.since(sighting.at).max(sighting.at.since(asked_at)) <= TOGETHER
    {
        Some(Join::Text)
    } else {
        None
    }
}

/// Numbers the texts, the one that counts most first, and grades.
fn numbered(accounts: Vec<Account>, declared: Declared) -> Weighed {
    let counts = |account: &&Account| account.kind != ChannelKind::Own && account.join != Join::Text;
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
    let conversation = accounts
        .iter()
        .filter(|account| account.join != Join::Text)
        .find_map(|account| account.conversation.clone());
    let text = texts.into_iter().next();
    Weighed { text, grade, declared, witnesses, conversation, seen: BTreeSet::new() }
}

/// Whether two channels tell the same prompt: what stands around it, and how its lines end, is the channel's.
pub(super) fn same(one: &str, other: &str) -> bool {
    let lines = |text: &str| -> String { head(text.trim()).replace("\r\n", "\n") };
    one == other || lines(one) == lines(other)
}

/// So much of a prompt as is kept.
pub(super) fn head(text: &str) -> &str {
    text.get(..text.floor_char_boundary(PROMPT_SIZE)).unwrap_or_default()
}
