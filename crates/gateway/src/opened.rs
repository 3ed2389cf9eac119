//! A durable opening, and the live state that it begins with.

use std::collections::BTreeSet;

use bytes::Bytes;
use domain::{
    ErrorText, ExchangeId, ExchangeNumber, Grant, Handle, ObjectName, Ruling, SessionId, Statement, Tier,
};
use masking::Detectors;
use policy::Bundle;
use recording::{Opening, RecordKey, Stored};

use crate::access;
use crate::admission;
use crate::ask::granted;
use crate::failures;
use crate::fault::{Fault, Origin};
use crate::gateway::Gateway;
use crate::live::{Live, Stage, micros};
use crate::opening::{Draft, Texts};
use crate::permit::timeout;
use crate::plan;
use crate::ports::Written;
use crate::reply::Receipt;
use crate::seal;

/// How far an opening's number may lie above the highest seen before something must be wrong.
const CLIMB: u32 = 10_000;

/// A durable opening.
pub(crate) struct Opened {
    pub(crate) key: RecordKey,
    pub(crate) exchange: ExchangeId,
    pub(crate) opening: Stored<Opening>,
    /// Proof that it was kept: nothing runs without.
    #[expect(dead_code, reason = "held as proof, not read")]
    receipt: Receipt,
}

impl Opened {
    /// The opening as it was read back from where it was kept.
    pub(crate) fn read_back(key: RecordKey, opening: Stored<Opening>) -> Self {
        Self { exchange: key.exchange, receipt: Receipt::kept(opening.digest), key, opening }
    }
}

impl Gateway {
    /// Keeps the opening at the first free number, and the exact text beside it (invariant I1).
    pub(crate) async fn open(
        &self,
        draft: &Draft<'_>,
        detectors: &Detectors,
        session: SessionId,
        next: u32,
    ) -> Result<Opened, Fault> {
        let head = admission::head(draft.asked, draft.ruling);
        let (kept, length) = match &head {
            Some((head, length)) => (head, Some(*length)),
            None => (draft.asked, None),
        };
        let texts = Texts::new(detectors, kept, draft.weighed, draft.read, length);
        let keys = self.ports.keys.session(session).await?;
        for number in next..next.saturating_add(CLIMB) {
            let Some(number) = ExchangeNumber::new(number) else { break };
            let exchange = ExchangeId { session, number };
            let key = RecordKey::new(draft.opened.day(), exchange);
            let sealed = Bytes::from(seal::seal(&keys.seal, exchange, kept)?);
            let opening = draft.opening(exchange, &texts, recording::digest_of(&sealed));
            let (bytes, digest) = recording::encode(&opening).map_err(|error| {
                Fault::lasting(Origin::Gateway, "the opening cannot be written").because(error)
            })?;
            // SECURITY: nobody who looks for it later would be told of it, so it does not move.
            if bytes.len() > recording::LONGEST {
                return Err(Fault::lasting(
                    Origin::Gateway,
                    "more is to be recorded of this statement than may be",
                ));
            }
            match self.ports.recorder.open(&key, Bytes::from(bytes), sealed).await? {
                Written::Taken => {}
                Written::Kept(receipt) => {
                    return Ok(Opened {
                        key,
                        exchange,
                        opening: Stored { record: opening, digest },
                        receipt,
                    });
                }
            }
        }
        Err(Fault::lasting(Origin::Recordings, "no free number was found for the exchange"))
    }
}

pub(crate) fn opened_handle(live: &Live) -> Result<Handle, Fault> {
    live.handle().ok_or_else(|| Fault::lasting(Origin::Exchanges, "the state of this statement is damaged"))
}

/// The live state of an exchange that was just opened, or is about to run.
pub(crate) fn live(
    draft: &Draft<'_>,
    bundle: &Bundle,
    detectors: &Detectors,
    rulings: &[Ruling],
    opened: &Opened,
) -> Live {
    let grants: Vec<Option<&Grant>> = rulings.iter().map(|ruling| granted(&ruling.decision)).collect();
    // What holds for all of them together, as policy says it; none where they do not run.
    let whole = granted(&draft.ruling.decision);
    let tier = whole.map_or(Tier::Read, |grant| grant.tier);
    let statements = &draft.read.statements;
    let footprint = |part: fn(&Statement) -> &BTreeSet<ObjectName>| {
        statements
            .iter()
            .flat_map(|(_, statement)| part(statement))
            .map(|name| plan::storable_parts(name, detectors))
            .collect()
    };
    Live {
        day: opened.key.day.clone(),
        exchange: opened.exchange.to_string(),
        principal: draft.identity.key().as_str().to_owned(),
        handle: draft.handle.to_string(),
        children: draft.children.iter().map(ToString::to_string).collect(),
        opened_us: draft.opened.as_micros(),
        opening: opened.opening.digest.to_string(),
        bundle: Some(bundle.digest().to_string()),
        parts: statements
            .iter()
            .zip(&grants)
            .map(|((_, statement), grant)| plan::part_plan(statement, &draft.read.catalog, *grant, detectors))
            .collect(),
        // INVARIANT: upstream's own words are shown only when every statement's grant allows it.
        error_text: whole.map_or(ErrorText::Hidden, |grant| grant.obligations.error_text).into(),
        hidden_failure: failures::would_be_hidden(&draft.ruling.decision),
        tier: tier.as_str().to_owned(),
        row_limit: whole.map_or(0, |grant| grant.obligations.limits.rows),
        byte_limit: whole.map_or(0, |grant| grant.obligations.limits.bytes),
        timeout_us: whole.map(|grant| micros(timeout(draft.asked, grant))),
        row_ceiling: whole.map_or(0, |grant| grant.obligations.limits.rows_if_approved),
        byte_ceiling: whole.map_or(0, |grant| grant.obligations.limits.bytes_if_approved),
        touched: plan::touched(statements, &draft.read.catalog, bundle),
        reads: footprint(|statement| &statement.footprint.reads),
        writes: footprint(|statement| &statement.footprint.writes),
        findings: recording::findings(draft.weighed.declared, &draft.weighed.witnesses),
        upstream_us: 0,
        masking_us: 0,
        troubled_us: None,
        approval: None,
        access: access::used(draft.ruling, draft.access),
        kept: None,
        terms: None,
        stage: Stage::Opened,
    }
}
