//! Evidence that comes when its statement was asked already: appended to the exchange, never written over anything.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use domain::{Asked, Identity};
use recording::{LateEvidence, ObjectKind, Opening, RecordKey, Stored, WitnessRecord};

use super::sighting;
use super::weigh::{Declared, Weighed, same, subject_of, weigh};
use crate::fault::{Fault, Origin};
use crate::gateway::Gateway;
use crate::ports::{Expecting, Recordings, Written};
use crate::seal;

/// So often evidence is appended to one exchange at most: more would be somebody playing.
const MOST: u32 = 64;

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
        opened: domain::Timestamp,
    ) {
        let expecting = Expecting {
            key: at.clone(),
            subject: subject_of(identity),
            keyed: sighting::keyed(key, &asked.clues, Some(asked.text.reveal())),
            at: opened,
        };
        if let Err(fault) = self.expect(&expecting, weighed).await {
            tracing::warn!(
                fault = &fault as &(dyn std::error::Error + 'static),
                "late evidence of a prompt may be missed"
            );
        }
    }

    async fn expect(&self, expecting: &Expecting, weighed: &Weighed) -> Result<(), Fault> {
        let known = self.ports.evidence.expect(expecting).await?;
        if known.iter().any(|sighting| !weighed.seen.contains(&sighting.id)) {
            self.append(expecting).await?;
        }
        Ok(())
    }

    /// Appends what is known by now to an exchange, where that is more than is recorded.
    pub(crate) async fn append(&self, expecting: &Expecting) -> Result<(), Fault> {
        let at = &expecting.key;
        let Some(bytes) = self.ports.recordings.read(at, ObjectKind::Opening).await? else { return Ok(()) };
        let opening: Stored<Opening> = recording::decode(&bytes).map_err(damaged)?;
        let key = self.ports.keys.digest().await?;
        let sealing = self.ports.keys.session(at.exchange.session).await?.seal;
        let exact = self.exact_prompt(at, &sealing).await?;
        for _ in 0..MOST {
            let known = self.ports.evidence.about(&expecting.subject, &expecting.keyed, self.now()).await?;
            let declared = declared(&opening.record, exact.clone());
            let weighed = weigh(&key, &expecting.keyed, declared, known, expecting.at)?;
            let (step, last) = self.last_evidence(at).await?;
            let (before, said) = match &last {
                Some(late) => (&late.witnesses, late.declared),
                None => (&opening.record.prompt.witnesses, opening.record.prompt.declared),
            };
            let witnesses: Vec<WitnessRecord> = weighed.witnesses.iter().map(WitnessRecord::from).collect();
            if witnesses.is_empty() || (*before == witnesses && (said == weighed.declared || last.is_none()))
            {
                return Ok(());
            }
            if step >= MOST {
                tracing::warn!(exchange = %at.exchange, "evidence is not appended any more: there is too much of it");
                return Ok(());
            }
            let late = self.late(&opening, step, &weighed, witnesses, exact.as_deref(), &sealing, at).await?;
            let (bytes, _) = recording::encode(&late).map_err(damaged)?;
            let kind = ObjectKind::Evidence { step };
            match self.ports.recorder.keep(at, kind, Bytes::from(bytes)).await? {
                Written::Kept(_) => return Ok(()),
                // Somebody else appended meanwhile: perhaps the same.
                Written::Taken => {}
            }
        }
        Ok(())
    }

    #[allow(clippy::too_many_arguments, reason = "each is a part of one record")]
    async fn late(
        &self,
        opening: &Stored<Opening>,
        step: u32,
        weighed: &Weighed,
        witnesses: Vec<WitnessRecord>,
        exact: Option<&str>,
        sealing: &[u8; 32],
        at: &RecordKey,
    ) -> Result<LateEvidence, Fault> {
        let is_known = |text: &String| exact.is_some_and(|exact| same(exact, text));
        let (text, sealed) = match &weighed.text {
            None => (None, None),
            Some(text) if is_known(text) => (opening.record.prompt.text.clone(), None),
            Some(text) => {
                let bundle = self.ports.policies.bundle().await?;
                let detectors = self.detectors.of(&bundle);
                let belongs_to = format!("{} evidence {step}", at.exchange);
                let sealed = seal::encrypt(sealing, belongs_to.as_bytes(), text.clone().into_bytes())?;
                let text = detectors.redact_text(text, "prompt").into_owned();
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
            findings: recording::findings(weighed.declared, &weighed.witnesses),
            witnesses,
            grade: weighed.grade.as_str().to_owned(),
        })
    }

    /// The number of the next late evidence of an exchange, and the last there is.
    pub(crate) async fn last_evidence(&self, at: &RecordKey) -> Result<(u32, Option<LateEvidence>), Fault> {
        last(self.ports.recordings.as_ref(), at).await
    }

    /// The prompt that the opening sealed.
    async fn exact_prompt(&self, at: &RecordKey, sealing: &[u8; 32]) -> Result<Option<String>, Fault> {
        let sealed = self.ports.recordings.read(at, ObjectKind::Sealed).await?.ok_or_else(|| {
            Fault::passing(Origin::Recordings, "the sealed text of this statement is not there yet")
        })?;
        Ok(seal::unseal(sealing, at.exchange, &sealed)?.prompt)
    }
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

fn damaged(error: recording::FormatError) -> Fault {
    Fault::lasting(Origin::Recordings, "the record of a statement is damaged").because(error)
}
