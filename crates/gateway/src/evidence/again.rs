//! What a call says of itself, and calls that ask once more what waits already.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::{Asked, Identity, Timestamp};
use recording::{CallRecord, RecordKey};

use super::late::Beside;
use super::parts;
use super::sighting;
use super::weigh::subject_of;
use super::words::normal;
use crate::fault::Fault;
use crate::gateway::Gateway;
use crate::opening;
use crate::ports::{Expected, Expecting};
use crate::seal;

/// The conversation and the prompt that a call names itself, whatever witnesses say.
#[derive(Clone, Default)]
pub(crate) struct Spoken {
    conversation: Option<String>,
    prompt: Option<String>,
}

impl Spoken {
    /// Of a call as it came.
    pub fn of(asked: &Asked) -> Self {
        Self { conversation: asked.conversation.clone(), prompt: asked.prompt.text.clone() }
    }

    /// What it is compared by; none where it says nothing.
    fn keyed(&self, key: &[u8; 32]) -> Option<String> {
        let Self { conversation, prompt } = self;
        if conversation.is_none() && prompt.is_none() {
            return None;
        }
        let conversation = conversation.as_deref().unwrap_or_default();
        let prompt = normal(prompt.as_deref().unwrap_or_default());
        Some(seal::keyed_word(key, "spoken", &format!("{}\n{conversation}\n{prompt}", conversation.len())))
    }
}

/// A call that evidence is expected for.
pub(crate) struct Calling<'a> {
    pub at: &'a RecordKey,
    pub identity: &'a Identity,
    pub asked: &'a Asked,
    pub spoken: &'a Spoken,
    /// Whether it was refused.
    pub is_refused: bool,
    pub opened: Timestamp,
}

impl Calling<'_> {
    pub(super) fn expecting(&self, key: &[u8; 32]) -> Expecting {
        let Self { at, identity, asked, spoken, is_refused, opened } = self;
        Expecting {
            key: (*at).clone(),
            subject: subject_of(identity),
            keyed: sighting::keyed(key, &asked.clues, Some(asked.text.reveal())),
            said: spoken.keyed(key),
            is_refused: *is_refused,
            at: *opened,
        }
    }
}

/// A call that asked once more, on its way into the record.
#[derive(Clone)]
pub(super) struct Again {
    /// Its clues and its prompt, after the detectors.
    pub call: CallRecord,
    /// Its prompt's exact text.
    pub prompt: Option<String>,
}

impl Again {
    /// Whether it names a prompt that is none of these.
    pub fn is_otherwise(&self, known: [Option<&str>; 2]) -> bool {
        let said = |known| normal(parts::sealed(known).said);
        self.prompt
            .as_deref()
            .is_some_and(|prompt| !known.into_iter().flatten().any(|known| said(known) == normal(prompt)))
    }

    /// As it stands in the record: its exact prompt sealed.
    pub fn record(&self, sealing: &[u8; 32], at: &RecordKey, step: u32) -> Result<CallRecord, Fault> {
        let belongs_to = format!("{} asked again {step}", at.exchange);
        let seal = |prompt: &String| {
            seal::encrypt(sealing, belongs_to.as_bytes(), prompt.as_bytes().to_vec())
                .map(|sealed| STANDARD.encode(sealed))
        };
        Ok(CallRecord { sealed: self.prompt.as_ref().map(seal).transpose()?, ..self.call.clone() })
    }
}

impl Gateway {
    /// Notes on an exchange that waits for a person that the same was asked once more, by a call that may belong to another
    /// conversation: its clues, what it says of its prompt, and what evidence says of it. Whether there was room for that.
    pub(crate) async fn ask_again(&self, key: &[u8; 32], calling: &Calling<'_>) -> Result<bool, Fault> {
        let expecting = calling.expecting(key);
        let Expected { is_new, is_full, is_beyond, known: _ } =
            self.ports.evidence.expect(&expecting).await?;
        if is_full || !is_new {
            return Ok(!is_full);
        }
        let bundle = self.ports.policies.bundle().await?;
        let detectors = self.detectors.of(&bundle);
        let clean = |text: &str, context: &str| detectors.redact_text(text, context).into_owned();
        let Calling { asked, spoken: Spoken { conversation: _, prompt }, .. } = calling;
        let call = CallRecord {
            // Where the call names none, the one that its witnesses do.
            conversation: asked.conversation.as_deref().map(|text| clean(text, "")),
            prompt: prompt.as_deref().map(|text| clean(text, "prompt")),
            ..opening::call(asked, &clean).unwrap_or_default()
        };
        let again = Some(Again { call, prompt: prompt.clone() });
        self.append(&expecting, Beside { again, is_beyond }).await
    }
}
