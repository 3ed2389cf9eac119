//! Evidence that comes when its statement was asked already: appended to the exchange, never written over anything.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use domain::{ChannelKind, Context, Decision};
use recording::{CallRecord, LateEvidence, ObjectKind, Opening, RecordKey, Stored, WitnessRecord};

use super::again::{Again, Calling};
use super::parts;
use super::recall::recorded;
use super::texts::Shown;
use super::weigh::{Call, Declared, Purpose, Weighed};
use super::words::normal;
use crate::fault::{Fault, Origin};
use crate::gateway::Gateway;
use crate::ports::{Expected, Expecting, Named, Recordings, StoredSighting, Written};
use crate::seal::{self, SealedText, SealedUnder};

/// So often evidence is appended to one exchange at most: more would be somebody playing.
pub(crate) const MOST: u32 = 64;

/// So often for what was said under the agent's own token alone, so that nothing that it says leaves no room for others.
const MOST_OF_ITSELF: u32 = 4;

impl Gateway {
    /// Notes that evidence may still come for what was just opened, and appends what came while it was decided.
    ///
    /// # Errors
    /// When a tool use was named and could not be noted: it would be good for another statement, and what contradicts it would
    /// not be found. What else fails is told in the log alone, for it can only leave the prompt known less well.
    pub(crate) async fn expect_evidence(
        &self,
        key: &[u8; 32],
        calling: &Calling<'_>,
        weighed: &Weighed,
    ) -> Result<(), Fault> {
        let expecting = calling.expecting(key);
        let missed = |fault: &Fault| {
            tracing::warn!(
                fault = fault as &(dyn std::error::Error + 'static),
                "late evidence of a prompt may be missed"
            );
        };
        match self.ports.evidence.expect(&expecting).await {
            Ok(Expected { known, is_beyond, .. }) => {
                if let Err(fault) = self.append_since(&expecting, (&known, is_beyond), weighed).await {
                    missed(&fault);
                }
                Ok(())
            }
            Err(fault) if expecting.keyed.tool_use.is_some() && !expecting.is_refused => Err(fault),
            Err(fault) => {
                missed(&fault);
                Ok(())
            }
        }
    }

    /// Whether anybody could tell more of a call than is known when it is decided, so that it must be found by what they tell. Where no
    /// channel is set up, only the agent itself speaks, which declares before it asks. But a tool use counts once whoever names it, and what
    /// waits for a person knows its calls by their notes.
    pub(crate) fn may_be_told_more(&self, calling: &Calling<'_>, decision: &Decision) -> bool {
        let has_no_channel = self.settings.channels.as_deref().is_some_and(<[_]>::is_empty);
        let waits = matches!(decision, Decision::Hold(_));
        !has_no_channel || waits || calling.asked.clues.tool_use.is_some()
    }

    /// Appends what came while it was decided.
    async fn append_since(
        &self,
        expecting: &Expecting,
        (known, is_beyond): (&[StoredSighting], bool),
        weighed: &Weighed,
    ) -> Result<(), Fault> {
        // Another that named the same tool use may have been decided in the same moment.
        let is_again = !known.is_empty()
            && self.named(&expecting.subject, &expecting.keyed, Some(expecting)).await? != Named::default();
        let is_new = known.iter().any(|sighting| !weighed.seen.contains(&sighting.id));
        // SECURITY: what may contradict later does not find it, and that stands in its record from the beginning.
        if is_again || is_new || (is_beyond && !weighed.witnesses.is_empty()) {
            self.append(expecting, Beside { again: None, is_beyond }).await?;
        }
        Ok(())
    }

    /// Appends whatever is known by now of an exchange that is about to run. Whether all of it stands in the record.
    pub(crate) async fn catch_up(&self, at: &RecordKey) -> Result<bool, Fault> {
        for expecting in self.ports.evidence.expected(at).await? {
            if !self.append(&expecting, Beside::default()).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Appends what is known by now to an exchange, where that is more than is recorded. False where there was no room for it.
    pub(super) async fn append(&self, expecting: &Expecting, beside: Beside) -> Result<bool, Fault> {
        let Beside { again, is_beyond } = beside;
        let at = &expecting.key;
        let Some(bytes) = self.ports.recordings.read(at, ObjectKind::Opening).await? else { return Ok(true) };
        let opening: Stored<Opening> = recording::decode(&bytes).map_err(damaged)?;
        let key = self.ports.keys.digest().await?;
        let sealing = self.ports.keys.session(at.exchange.session).await?.seal;
        let Sealed { prompt, under, has_bindings } = self.sealed(at, &sealing).await?;
        let Expecting { key: _, subject, keyed, said: _, is_refused: _, at: asked_at } = expecting;
        let named = self.named(subject, keyed, Some(expecting)).await?;
        for _ in 0..MOST {
            let known = self.ports.evidence.about(subject, keyed, self.now()).await?;
            let (step, last) = self.last_evidence(at).await?;
            let (before, said) = match &last {
                Some(late) => (&late.witnesses, late.declared),
                None => (&opening.record.prompt.witnesses, opening.record.prompt.declared),
            };
            let exact = exact_of_last(at, &sealing, last.as_ref(), prompt.as_deref())?;
            let witnesses = before.iter().map(WitnessRecord::witness).collect::<Option<Vec<_>>>();
            let call = Call {
                purpose: Purpose::Run,
                keyed,
                subject,
                under: &under,
                has_bindings,
                at: *asked_at,
                named,
                is_beyond,
                before: recorded(
                    &witnesses.ok_or_else(unknown)?,
                    shown(exact.clone(), last.as_ref(), &opening),
                ),
            };
            let declared = declared(&opening.record, prompt.clone());
            let weighed = self.weigh_call(&key, call, declared, known).await?;
            let witnesses: Vec<WitnessRecord> = weighed.witnesses.iter().map(WitnessRecord::from).collect();
            let is_known = witnesses.is_empty()
                || (*before == witnesses && (said == weighed.declared || last.is_none()));
            if is_known && again.is_none() {
                return Ok(true);
            }
            let is_its_own =
                others(before).eq(others(&witnesses)) && again.is_none() && step >= MOST_OF_ITSELF;
            if is_its_own {
                // SECURITY: nothing but what the agent says of itself is left out, which decides nothing.
                return Ok(true);
            }
            if step >= MOST {
                tracing::warn!(exchange = %at.exchange, "evidence is not appended any more: there is too much of it");
                return Ok(false);
            }
            let was_otherwise = last.as_ref().is_some_and(|late| late.otherwise);
            let known = [prompt.as_deref(), exact.as_deref()];
            let otherwise = was_otherwise || again.as_ref().is_some_and(|again| again.is_otherwise(known));
            let again = again.as_ref().map(|again| again.record(&sealing, at, step)).transpose()?;
            let told = last.as_ref().and_then(|late| late.text.as_deref());
            let last = exact.as_deref().map(|exact| (exact, told.unwrap_or_default()));
            let late = Late { opening: &opening, step, weighed: &weighed, witnesses, again, otherwise };
            let late = self.late(late, last, prompt.as_deref(), &sealing, at).await?;
            let (bytes, _) = recording::encode(&late).map_err(damaged)?;
            if bytes.len() > recording::LONGEST {
                tracing::warn!(exchange = %at.exchange, "evidence is not appended: it is longer than anybody reads");
                return Ok(false);
            }
            let kind = ObjectKind::Evidence { step };
            match self.ports.recorder.keep(at, kind, Bytes::from(bytes)).await? {
                Written::Kept(_) => return Ok(true),
                // Somebody else appended meanwhile: perhaps the same.
                Written::Taken => {}
            }
        }
        Ok(false)
    }

    async fn late(
        &self,
        late: Late<'_>,
        last: Option<(&str, &str)>,
        first: Option<&str>,
        sealing: &[u8; 32],
        at: &RecordKey,
    ) -> Result<LateEvidence, Fault> {
        let Late { opening, step, weighed, witnesses, again, otherwise } = late;
        // What is known less well by now is still what was asked.
        let text = weighed.text.as_deref().or(last.map(|(exact, _)| exact));
        let is_first = |text: &str| first.is_some_and(|first| normal(first) == normal(text));
        let (text, sealed) = match text {
            None => (None, None),
            Some(text) if is_first(text) => (opening.record.prompt.text.clone(), None),
            Some(text) => {
                let belongs_to = belongs_to(at, step);
                let sealed = seal::encrypt(sealing, belongs_to.as_bytes(), text.as_bytes().to_vec())?;
                let told = match last.filter(|(exact, _)| *exact == text) {
                    // It went through the detectors before.
                    Some((_, told)) => told.to_owned(),
                    None => {
                        let bundle = self.ports.policies.bundle().await?;
                        let told = weighed.told.as_deref().unwrap_or_default();
                        self.detectors.of(&bundle).redact_text(told, "prompt").into_owned()
                    }
                };
                (Some(told), Some(STANDARD.encode(sealed)))
            }
        };
        Ok(LateEvidence {
            v: 1,
            exchange: opening.record.exchange.clone(),
            step,
            at: self.now().to_string(),
            opening: opening.digest.to_string(),
            text,
            sealed,
            declared: weighed.declared,
            again,
            otherwise,
            findings: recording::findings_of_late(weighed.declared, &weighed.witnesses, otherwise),
            witnesses,
            grade: weighed.grade.as_str().to_owned(),
        })
    }

    /// The number of the next late evidence of an exchange, and the last there is.
    pub(crate) async fn last_evidence(&self, at: &RecordKey) -> Result<(u32, Option<LateEvidence>), Fault> {
        last(self.ports.recordings.as_ref(), at).await
    }

    /// What the opening sealed, as far as evidence meets it.
    async fn sealed(&self, at: &RecordKey, sealing: &[u8; 32]) -> Result<Sealed, Fault> {
        let sealed = self.ports.recordings.read(at, ObjectKind::Sealed).await?.ok_or_else(|| {
            Fault::passing(Origin::Recordings, "the sealed text of this statement is not there yet")
        })?;
        let SealedText { v: _, sql: _, bindings, prompt, under } =
            seal::unseal(sealing, at.exchange, &sealed)?;
        let under = match under {
            Some(SealedUnder { role, warehouse, database, schema, .. }) => {
                Context { role, warehouse, database, schema }
            }
            None => Context::default(),
        };
        Ok(Sealed { prompt, under, has_bindings: !bindings.is_empty() })
    }
}

/// What is appended besides what channels say.
#[derive(Default)]
pub(super) struct Beside {
    /// A call that asked once more.
    pub again: Option<Again>,
    /// See [`Expected::is_beyond`].
    pub is_beyond: bool,
}

/// See [`Gateway::sealed`].
struct Sealed {
    prompt: Option<String>,
    under: Context,
    has_bindings: bool,
}

/// What late evidence is made of.
struct Late<'a> {
    opening: &'a Stored<Opening>,
    step: u32,
    weighed: &'a Weighed,
    witnesses: Vec<WitnessRecord>,
    again: Option<CallRecord>,
    otherwise: bool,
}

fn belongs_to(at: &RecordKey, step: u32) -> String {
    format!("{} evidence {step}", at.exchange)
}

/// The prompt that the last record tells, with what it tells of it.
fn shown(exact: Option<String>, last: Option<&LateEvidence>, opening: &Stored<Opening>) -> Option<Shown> {
    let told = last.map_or(&opening.record.prompt.text, |late| &late.text);
    exact.map(|exact| Shown { exact, told: told.clone().unwrap_or_default() })
}

/// The exact prompt that the last record tells: its own, else the opening's.
fn exact_of_last(
    at: &RecordKey,
    sealing: &[u8; 32],
    last: Option<&LateEvidence>,
    first: Option<&str>,
) -> Result<Option<String>, Fault> {
    let Some(late) = last else { return Ok(first.map(str::to_owned)) };
    match (&late.text, &late.sealed) {
        (_, Some(sealed)) => {
            let sealed = STANDARD.decode(sealed).map_err(|_| unknown())?;
            let exact = seal::decrypt(sealing, belongs_to(at, late.step).as_bytes(), &sealed)?;
            String::from_utf8(exact).map(Some).map_err(|_| unknown())
        }
        (Some(_), None) => Ok(first.map(str::to_owned)),
        (None, None) => Ok(None),
    }
}

/// The witnesses that are not the agent itself.
fn others(witnesses: &[WitnessRecord]) -> impl Iterator<Item = &WitnessRecord> {
    witnesses.iter().filter(|witness| witness.kind != ChannelKind::Own.as_str())
}

/// The number of the next late evidence of an exchange, and the last there is.
pub(crate) async fn last(
    recordings: &dyn Recordings,
    at: &RecordKey,
) -> Result<(u32, Option<LateEvidence>), Fault> {
    let mut last = None;
    for step in 0..MOST {
        let Some(bytes) = recordings.read(at, ObjectKind::Evidence { step }).await? else {
            return Ok((step, last));
        };
        last = Some(recording::decode::<LateEvidence>(&bytes).map_err(damaged)?.record);
    }
    Ok((MOST, last))
}

/// What came with the call itself, as far as the opening tells.
fn declared(opening: &Opening, exact: Option<String>) -> Declared {
    let prompt = &opening.prompt;
    match (prompt.witnesses.is_empty(), prompt.declared, exact) {
        (true, _, Some(exact)) => Declared::Text(exact),
        (false, Some(0), Some(exact)) => Declared::Text(parts::sealed(&exact).said.to_owned()),
        (false, Some(_), _) => Declared::Another,
        (_, _, None) | (false, None, Some(_)) => Declared::Nothing,
    }
}

fn unknown() -> Fault {
    Fault::lasting(Origin::Recordings, "the record of a statement's evidence is damaged")
}

fn damaged(error: recording::FormatError) -> Fault {
    Fault::lasting(Origin::Recordings, "the record of a statement is damaged").because(error)
}
