//! From sightings to witnesses: what each channel has to say of one statement.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use domain::{
    Asked, ChannelKind, Context, Identity, Mismatch, Prompt, PromptGrade, Timestamp, Witness, mismatches,
};

use recording::{LateEvidence, Opening, WitnessRecord};

use super::accounts::{self, Account};
use super::apart::set_apart;
use super::parts;
use super::recall::{are_contradicting, with_recorded};
use super::said::Said;
use super::sighting;
use super::texts::{Shown, Text};
use crate::fault::Fault;
use crate::gateway::Gateway;
use crate::ports::{Keyed, Named, StoredSighting, Subject};

/// What is known of the prompt behind a statement.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Weighed {
    /// The exact text; none when nobody said.
    pub text: Option<String>,
    /// The same as records tell it, before the detectors: of what was not said its size.
    pub told: Option<String>,
    /// How well it is known.
    pub grade: PromptGrade,
    /// The prompt that came with the call itself, numbered as the witnesses' are.
    pub declared: Option<u32>,
    /// Who saw it, by channel.
    pub witnesses: Vec<Witness>,
    /// The conversation that a witness names who is not the agent.
    pub conversation: Option<String>,
    /// The one that the agent names under its own token.
    pub own_conversation: Option<String>,
    /// The one that the call names itself, where a witness names another.
    pub claimed_conversation: Option<String>,
    /// Which sightings that rests on.
    pub seen: BTreeSet<[u8; 32]>,
}

/// What a call is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Its statement is to run.
    Run,
    /// What would become of it is to be told.
    Look,
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
        Self { told: text.clone(), text, grade, ..Self::default() }
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

    /// What stands in late evidence, likewise.
    pub fn of_late(late: &LateEvidence) -> Option<Self> {
        Some(Self {
            grade: PromptGrade::from_word(&late.grade)?,
            declared: late.declared,
            witnesses: late.witnesses.iter().map(WitnessRecord::witness).collect::<Option<_>>()?,
            ..Self::default()
        })
    }

    /// What contradicts, whatever comes later.
    pub fn contradiction(&self) -> Option<Mismatch> {
        mismatches(self.declared, &self.witnesses).into_iter().find(|mismatch| mismatch.lasts())
    }

    /// What is decided and recorded by.
    // SECURITY: what a witness names goes before what the call says of itself, so that no call leaves its conversation's story.
    pub fn fill(&mut self, asked: &mut Asked) {
        asked.prompt = Prompt { text: self.text.clone(), grade: self.grade };
        let claimed = asked.conversation.take();
        let of_itself = || claimed.clone().or_else(|| self.own_conversation.clone());
        asked.conversation = self.conversation.clone().or_else(of_itself);
        self.claimed_conversation = claimed.filter(|claimed| asked.conversation.as_ref() != Some(claimed));
    }
}

impl Gateway {
    /// What is known now of the prompt behind what is asked. `others`: those whose calls with the same tool use are being decided at
    /// this moment.
    pub(crate) async fn weigh(
        &self,
        asked: &Asked,
        identity: &Identity,
        key: &[u8; 32],
        (purpose, others): (Purpose, Named),
    ) -> Result<Weighed, Fault> {
        let keyed = sighting::keyed(key, &asked.clues, Some(asked.text.reveal()));
        let (subject, now) = (subject_of(identity), self.now());
        let stored = self.ports.evidence.about(&subject, &keyed, now).await?;
        if stored.is_empty() {
            return Ok(Weighed::of_call(asked));
        }
        let named = self.named(&subject, &keyed, None).await?.or(others);
        let declared = match &asked.prompt.text {
            Some(text) => Declared::Text(text.clone()),
            None => Declared::Nothing,
        };
        let call = Call {
            purpose,
            keyed: &keyed,
            subject: &subject,
            under: &asked.context,
            has_bindings: !asked.bindings.is_empty(),
            at: now,
            named,
            is_beyond: false,
            before: Vec::new(),
        };
        self.weigh_call(key, call, declared, stored).await
    }

    /// What sightings come to for a call.
    pub(super) async fn weigh_call(
        &self,
        key: &[u8; 32],
        call: Call<'_>,
        declared: Declared,
        stored: Vec<StoredSighting>,
    ) -> Result<Weighed, Fault> {
        let seen = stored.iter().map(|sighting| sighting.id).collect();
        let mut opened = Vec::with_capacity(stored.len());
        for sighting in stored {
            let said = sighting::open(key, &sighting)?;
            // What a call left out was filled in with the same names for both.
            let is_elsewhere = said.under.clone().is_some_and(|[role, warehouse, database, schema]| {
                let mut under = Context { role, warehouse, database, schema };
                self.complete_names(&mut under);
                under != *call.under
            });
            // No channel tells bound values: the same text with others is another statement.
            let is_elsewhere = is_elsewhere || call.has_bindings;
            opened.push(Opened { sighting, said, is_elsewhere });
        }
        let mut accounts = accounts::of(&call, opened);
        if accounts::could_leave_out_its_use(&accounts)
            && self.ports.evidence.tells_uses(call.subject, call.at).await?
        {
            accounts::leave_unnamed(&mut accounts);
        }
        Ok(Weighed { seen, ..weighed(accounts, call.before, declared) })
    }
}

/// What channels say now comes to, together with what is recorded.
pub(super) fn weighed(now: Vec<Account>, before: Vec<Account>, declared: Declared) -> Weighed {
    let was_contradicted = are_contradicting(&before);
    let mut accounts = with_recorded(now, before);
    // SECURITY: hooks run where an agent may speak in their name: what stands in the record as a contradiction stays one,
    // whatever they say later.
    if was_contradicted {
        accounts.iter_mut().for_each(Account::keep_as_told);
    } else {
        set_apart(&mut accounts);
    }
    numbered(accounts, declared)
}

/// A statement, as far as evidence meets it.
pub(super) struct Call<'a> {
    pub purpose: Purpose,
    pub keyed: &'a Keyed,
    pub subject: &'a Subject,
    /// The names that it runs under.
    pub under: &'a Context,
    /// Whether it has bound values.
    pub has_bindings: bool,
    /// When it was asked.
    pub at: Timestamp,
    /// Who has named its tool use before.
    pub named: Named,
    /// Whether what is told later under its trace or its word may not find it.
    pub is_beyond: bool,
    /// What is recorded of it already.
    pub before: Vec<Account>,
}

/// A sighting with what it says.
pub(super) struct Opened {
    pub sighting: StoredSighting,
    pub said: Said,
    /// Whether what it saw was to run under other names, or with other values.
    pub is_elsewhere: bool,
}

/// Whose sightings may be this principal's.
pub(super) fn subject_of(identity: &Identity) -> Subject {
    Subject {
        issuer: Some(identity.issuer.clone()),
        subject: Some(identity.subject.clone()),
        agent: Some(identity.agent.as_str().to_owned()),
    }
}

/// Numbers the texts, the one that counts most first, and grades.
fn numbered(accounts: Vec<Account>, declared: Declared) -> Weighed {
    let counted = accounts.iter().filter(|account| account.counts());
    let plain = counted.flat_map(|account| &account.texts).filter(|text| !text.is_of_a_command());
    let plain: Vec<Text> = plain.cloned().collect();
    let mut ranked: Vec<&Account> = accounts.iter().collect();
    // Whoever is nearest to the model first, then by how sure the join is. SECURITY: the agent itself last of all, so that what
    // it says moves no number of others.
    ranked.sort_by_key(|account| {
        (!account.counts(), Reverse(account.kind), account.join, account.channel.clone())
    });
    let mut texts: Vec<Text> = Vec::new();
    let mut number = |text: &Text| -> u32 {
        let at = texts.iter().position(|known| known.is_one(text, &plain)).unwrap_or_else(|| {
            texts.push(text.clone());
            texts.len() - 1
        });
        u32::try_from(at).unwrap_or(u32::MAX)
    };
    for text in ranked.iter().filter(|account| account.counts()).flat_map(|account| &account.texts) {
        number(text);
    }
    let declared = match declared {
        Declared::Nothing => None,
        Declared::Text(text) => Some(number(&Text::declared(text))),
        Declared::Another => Some(u32::MAX),
    };
    ranked.iter().flat_map(|account| &account.texts).for_each(|text| {
        number(text);
    });
    let mut witnesses: Vec<Witness> = accounts
        .iter()
        .map(|account| Witness {
            channel: account.channel.clone(),
            kind: account.kind,
            join: account.join,
            prompt: account.texts.first().map(&mut number),
            statement: account.statement,
            is_torn: account.is_torn || account.texts.len() > 1,
            is_delegated: account.is_delegated,
            is_expanded: account.is_expanded,
            is_unread: account.is_unread,
        })
        .collect();
    witnesses.sort_by(|one, other| one.channel.cmp(&other.channel));
    let grade = PromptGrade::of(declared, &witnesses);
    let conversations = |is_own: bool| {
        let told = accounts.iter().filter(move |account| (account.kind == ChannelKind::Own) == is_own);
        let told = told.filter(|account| account.join.is_sure());
        told.filter_map(|account| account.conversation.clone()).next()
    };
    let (conversation, own_conversation) = (conversations(false), conversations(true));
    let shown = texts.into_iter().next().and_then(|text| text.shown);
    let shown = shown.map(|shown| with_received(shown, &accounts));
    let (text, told) = shown.map(|Shown { exact, told }| (exact, told)).unzip();
    Weighed { text, told, grade, declared, witnesses, conversation, own_conversation, ..Weighed::default() }
}

/// A prompt with what the model received in its place, where that was set aside and is another.
fn with_received(shown: Shown, accounts: &[Account]) -> Shown {
    let set_aside = accounts.iter().filter(|account| account.is_expanded || account.is_delegated);
    let mut received: Vec<&Shown> = set_aside.filter_map(|account| account.received.as_ref()).collect();
    received.dedup_by(|one, other| one.exact == other.exact);
    received.retain(|received| received.exact != shown.exact);
    if received.is_empty() {
        return shown;
    }
    let all =
        |of: fn(&Shown) -> &str| received.iter().map(|received| of(received)).collect::<Vec<_>>().join("\n");
    let received = (all(|shown| &shown.exact), all(|shown| &shown.told));
    let (exact, told) = parts::with_received((&shown.exact, &shown.told), (&received.0, &received.1));
    Shown { exact, told }
}
