//! Evidence that comes when its statement was asked already: appended to the exchange, never written over anything.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use domain::{Asked, ChannelKind, Context, Identity, Timestamp};
use recording::{CallRecord, LateEvidence, ObjectKind, Opening, RecordKey, Stored, WitnessRecord};

use super::named::Named;
use super::said::{normal, without_reminders};
use super::weigh::{Call, Declared, Weighed, subject_of};
use super::{accounts, sighting};
use crate::fault::{Fault, Origin};
use crate::gateway::Gateway;
use crate::opening;
use crate::ports::{Expected, Expecting, Recordings, Written};
use crate::seal::{self, SealedText, SealedUnder};

/// So often evidence is appended to one exchange at most: more would be somebody playing.
pub(crate) const MOST: u32 = 64;

/// So often for what was said under the agent's own token alone, so that nothing that it says leaves no room for others.
const MOST_OF_ITSELF: u32 = 4;

impl Gateway {
    /// Notes that evidence may still come for what was just opened, and appends what came while it was decided.
    ///
    /// What fails here is told in the log alone: it can only leave the prompt known less well.
    pub(crate) async fn expect_evidence(
        &self,
        key: &[u8; 32],
        at: &RecordKey,
        identity: &Identity,
        asked: &Asked,
        weighed: &Weighed,
        opened: Timestamp,
    ) {
        let expecting = self.expecting(key, at, identity, asked, opened);
        if let Err(fault) = self.expect(&expecting, weighed).await {
            tracing::warn!(
                fault = &fault as &(dyn std::error::Error + 'static),
                "late evidence of a prompt may be missed"
            );
        }
    }

    fn expecting(
        &self,
        key: &[u8; 32],
        at: &RecordKey,
        identity: &Identity,
        asked: &Asked,
        opened: Timestamp,
    ) -> Expecting {
        Expecting {
            key: at.clone(),
            subject: subject_of(identity),
            keyed: sighting::keyed(key, &asked.clues, Some(asked.text.reveal())),
            at: opened,
        }
    }

    async fn expect(&self, expecting: &Expecting, weighed: &Weighed) -> Result<(), Fault> {
        let known = self.ports.evidence.expect(expecting).await?.known;
        let Expecting { key, subject, keyed, at } = expecting;
        // Another that named the same tool use may have been decided in the same moment.
        let is_again =
            !known.is_empty() && self.named(subject, keyed, Some((key, *at))).await? != Named::default();
        if is_again || known.iter().any(|sighting| !weighed.seen.contains(&sighting.id)) {
            self.append(expecting, None).await?;
        }
        Ok(())
    }

    /// Notes on an exchange that waits for a person that the same was asked once more, by a call that may belong to another
    /// conversation: its clues, and what evidence says of it. Whether there was room for that.
    pub(crate) async fn ask_again(
        &self,
        key: &[u8; 32],
        at: &RecordKey,
        identity: &Identity,
        asked: &Asked,
        now: Timestamp,
    ) -> Result<bool, Fault> {
        let expecting = self.expecting(key, at, identity, asked, now);
        let Expected { is_new, is_full, known: _ } = self.ports.evidence.expect(&expecting).await?;
        if is_full || !is_new {
            return Ok(!is_full);
        }
        let bundle = self.ports.policies.bundle().await?;
        let detectors = self.detectors.of(&bundle);
        let clean = |text: &str, context: &str| detectors.redact_text(text, context).into_owned();
        let call = CallRecord {
            conversation: asked.conversation.as_deref().map(|text| clean(text, "")),
            ..opening::call(asked, &clean).unwrap_or_default()
        };
        self.append(&expecting, Some(call)).await?;
        Ok(true)
    }

    /// Appends whatever is known by now of an exchange that is about to run. Whether all of it stands in the record.
    pub(crate) async fn catch_up(&self, at: &RecordKey) -> Result<bool, Fault> {
        for expecting in self.ports.evidence.expected(at).await? {
            if !self.append(&expecting, None).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Appends what is known by now to an exchange, where that is more than is recorded. False where there was no room for it.
    pub(crate) async fn append(
        &self,
        expecting: &Expecting,
        again: Option<CallRecord>,
    ) -> Result<bool, Fault> {
        let at = &expecting.key;
        let Some(bytes) = self.ports.recordings.read(at, ObjectKind::Opening).await? else { return Ok(true) };
        let opening: Stored<Opening> = recording::decode(&bytes).map_err(damaged)?;
        let key = self.ports.keys.digest().await?;
        let sealing = self.ports.keys.session(at.exchange.session).await?.seal;
        let Sealed { prompt, under, has_bindings } = self.sealed(at, &sealing).await?;
        let Expecting { key: _, subject, keyed, at: asked_at } = expecting;
        let named = self.named(subject, keyed, Some((at, *asked_at))).await?;
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
                keyed,
                subject,
                under: &under,
                has_bindings,
                at: *asked_at,
                named,
                before: accounts::recorded(&witnesses.ok_or_else(unknown)?, exact.as_deref()),
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
            let late = Late { opening: &opening, step, weighed: &weighed, witnesses, again: again.clone() };
            let late = self.late(late, exact.as_deref(), prompt.as_deref(), &sealing, at).await?;
            let (bytes, _) = recording::encode(&late).map_err(damaged)?;
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
        last: Option<&str>,
        first: Option<&str>,
        sealing: &[u8; 32],
        at: &RecordKey,
    ) -> Result<LateEvidence, Fault> {
        let Late { opening, step, weighed, witnesses, again } = late;
        // What is known less well by now is still what was asked.
        let text = weighed.text.as_deref().or(last);
        let is_first = |text: &str| first.is_some_and(|first| normal(first) == normal(text));
        let (text, sealed) = match text {
            None => (None, None),
            Some(text) if is_first(text) => (opening.record.prompt.text.clone(), None),
            Some(text) => {
                let bundle = self.ports.policies.bundle().await?;
                let detectors = self.detectors.of(&bundle);
                let belongs_to = belongs_to(at, step);
                let sealed = seal::encrypt(sealing, belongs_to.as_bytes(), text.as_bytes().to_vec())?;
                let text = detectors.redact_text(&without_reminders(text), "prompt").into_owned();
                (Some(text), Some(STANDARD.encode(sealed)))
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
            findings: recording::findings(weighed.declared, &weighed.witnesses),
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
}

fn belongs_to(at: &RecordKey, step: u32) -> String {
    format!("{} evidence {step}", at.exchange)
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
        (true, _, Some(exact)) | (false, Some(0), Some(exact)) => Declared::Text(exact),
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
