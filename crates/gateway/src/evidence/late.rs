//! Evidence that comes when its statement was asked already: appended to the exchange, never written over anything.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use domain::{Asked, ChannelKind, Context, Identity, Sight};
use recording::{LateEvidence, ObjectKind, Opening, RecordKey, Stored, WitnessRecord};

use super::named::Named;
use super::sighting;
use super::weigh::{Call, Declared, Weighed, same, subject_of, told_whole};
use crate::fault::{Fault, Origin};
use crate::gateway::Gateway;
use crate::ports::{Expecting, Recordings, Written};
use crate::seal::{self, SealedText};

/// So often evidence is appended to one exchange at most: more would be somebody playing.
const MOST: u32 = 64;

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
        opened: domain::Timestamp,
    ) {
        let expecting = Expecting {
            key: at.clone(),
            subject: subject_of(identity),
            keyed: sighting::keyed(key, &asked.clues, told_whole(asked)),
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
        // Another that named the same tool use may have been decided in the same moment.
        let is_again = !known.is_empty() && {
            let Expecting { key, subject, keyed, at } = expecting;
            self.named(subject, keyed, Some((key, *at))).await? != Named::default()
        };
        if is_again || known.iter().any(|sighting| !weighed.seen.contains(&sighting.id)) {
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
        let (exact, under) = self.exact(at, &sealing).await?;
        let Expecting { key: _, subject, keyed, at: asked_at } = expecting;
        let named = self.named(subject, keyed, Some((at, *asked_at))).await?;
        let call = Call { keyed, under: &under, at: *asked_at, named };
        for _ in 0..MOST {
            let known = self.ports.evidence.about(subject, keyed, self.now()).await?;
            let declared = declared(&opening.record, exact.clone());
            let weighed = self.weigh_call(&key, &call, declared, known)?;
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
            if tells_less(before, &witnesses) {
                tracing::warn!(exchange = %at.exchange, "evidence is not appended: what was known before is forgotten by now");
                return Ok(());
            }
            let is_its_own = others(before).eq(others(&witnesses)) && step >= MOST_OF_ITSELF;
            if step >= MOST || is_its_own {
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

    /// The prompt that the opening sealed, and the names that its statement runs under.
    async fn exact(&self, at: &RecordKey, sealing: &[u8; 32]) -> Result<(Option<String>, Context), Fault> {
        let sealed = self.ports.recordings.read(at, ObjectKind::Sealed).await?.ok_or_else(|| {
            Fault::passing(Origin::Recordings, "the sealed text of this statement is not there yet")
        })?;
        let SealedText { v: _, sql: _, bindings: _, prompt, under } =
            seal::unseal(sealing, at.exchange, &sealed)?;
        let mut context = Context::default();
        if let Some(under) = under {
            context = Context {
                role: under.role,
                warehouse: under.warehouse,
                database: under.database,
                schema: under.schema,
            };
        }
        Ok((prompt, context))
    }
}

/// The witnesses that are not the agent itself.
fn others(witnesses: &[WitnessRecord]) -> impl Iterator<Item = &WitnessRecord> {
    witnesses.iter().filter(|witness| witness.kind != ChannelKind::Own.as_str())
}

/// Whether a channel is silent by now that has told something, or tells no prompt any more: evidence is forgotten, and what is
/// recorded stays. What contradicts is told all the same.
fn tells_less(before: &[WitnessRecord], now: &[WitnessRecord]) -> bool {
    let is_kept = |told: &WitnessRecord| {
        now.iter().any(|witness| {
            witness.channel == told.channel && (witness.prompt.is_some() || told.prompt.is_none())
        })
    };
    let contradicts = |witness: &WitnessRecord| witness.torn || witness.statement == Sight::Other.as_str();
    !others(before).all(is_kept) && !others(now).any(contradicts)
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
