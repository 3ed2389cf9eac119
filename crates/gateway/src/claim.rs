//! Claiming a place for what was asked: a session and a number, or what was asked before and is answered again.

use domain::{Asked, Decision, Handle, KeyedDigest, RefusalCode, RequestId, Ruling, SessionId, Timestamp};
use policy::Bundle;
use recording::RecordKey;

use crate::admission::{Wanted, denied};
use crate::ask::AskError;
use crate::evidence::{Calling, Spoken};
use crate::failures;
use crate::fault::{Fault, Origin};
use crate::gateway::Gateway;
use crate::live::Stage;
use crate::ports::{Claimed, Denied, Prospect};
use crate::principal::Principal;
use crate::reading::{Read, refusal};
use crate::repeat::{Terms, terms};
use crate::seal;

/// What claims a place.
pub(crate) struct Claiming<'a> {
    pub principal: &'a Principal,
    pub asked: &'a Asked,
    pub spoken: &'a Spoken,
    pub key: &'a [u8; 32],
    pub bundle: &'a Bundle,
    pub read: &'a Read,
    pub rulings: &'a [Ruling],
    pub handle: Handle,
    /// One moment for the claim and the opening, so that both fall on the same day.
    pub now: Timestamp,
}

/// What came of it.
pub(crate) enum Place {
    /// It was asked before under this request id, or waits already, and may be answered so again.
    Repeat { first: Handle, terms: Terms },
    /// It is opened there, and that is decided of it by now.
    Opens { session: SessionId, next: u32, ruling: Box<Ruling> },
}

/// What a client said, as keyed digests.
// SECURITY: clients choose these words, and what keeps the state is no sealed place.
pub(crate) struct Words {
    /// Of everything that decides what runs.
    pub digest: KeyedDigest,
    pub conversation: Option<String>,
    pub request: Option<RequestId>,
}

impl Words {
    pub fn of(asked: &Asked, key: &[u8; 32]) -> Result<Self, Fault> {
        let conversation = asked.conversation.as_deref();
        let request = asked.request.as_ref();
        Ok(Self {
            digest: seal::keyed_digest(key, asked),
            conversation: conversation.map(|word| seal::keyed_word(key, "conversation", word)),
            request: request.map(|request| seal::keyed_request(key, request)).transpose()?,
        })
    }
}

impl Gateway {
    /// Claims a place for what was asked and ruled.
    pub(crate) async fn claim(
        &self,
        claiming: Claiming<'_>,
        words: Words,
        ruling: Ruling,
    ) -> Result<Place, AskError> {
        let Claiming { principal, asked, spoken, key, bundle, read, rulings, handle, now } = claiming;
        let limits = bundle.limits_for(principal.identity());
        let prospect = failures::prospect(&ruling.decision);
        let wanted = Wanted { prospect, handle, limits, may_join: true, now };
        let mut ruling = ruling;
        let answered = |ruling: &Ruling| terms(read, rulings, ruling, &self.detectors.of(bundle));
        let kept = words.request.is_some().then(|| answered(&ruling).digest()).transpose()?;
        let wish = self.wish(principal, &words, &wanted, kept.as_deref())?;
        let mut claimed = self.ports.exchanges.claim(wish).await?;
        if let Claimed::Joins(first) = claimed {
            let terms = answered(&ruling);
            if let Some(live) = self.ports.exchanges.find(principal.key(), first).await?
                && matches!(live.stage, Stage::Held { .. })
                && self.may_repeat(&live, &terms).await?
                && let Some(exchange) = live.exchange()
                && self
                    .ask_again(
                        key,
                        &Calling {
                            at: &RecordKey::new(&live.day, exchange),
                            identity: principal.identity(),
                            asked,
                            spoken,
                            is_refused: false,
                            opened: now,
                        },
                    )
                    .await?
            {
                self.reject(asked.door, "joined").await;
                return Ok(Place::Repeat { first, terms });
            }
            // It has ended just now, or would be answered otherwise.
            let wanted = Wanted { may_join: false, ..wanted };
            let wish = self.wish(principal, &words, &wanted, kept.as_deref())?;
            claimed = self.ports.exchanges.claim(wish).await?;
        }
        if let Claimed::Repeat(first) = claimed {
            let terms = answered(&ruling);
            let is_refused = matches!(ruling.decision, Decision::Refuse(_));
            let found = self.ports.exchanges.find(principal.key(), first).await?;
            let is_good = match &found {
                Some(live) if !is_refused => self.may_repeat(live, &terms).await?,
                Some(_) | None => !is_refused,
            };
            if is_good {
                return Ok(Place::Repeat { first, terms });
            }
            // A right that was taken back since the first request must not show its rows again: the refusal is an
            // exchange of its own.
            if !is_refused {
                let message = "policy has changed since this requestId was used; ask again with a new one";
                ruling =
                    refusal(bundle, "gateway:policy-changed", RefusalCode::RequestReused, message.to_owned());
            }
            let alone = Words { request: None, ..words };
            let wanted = Wanted { prospect: Prospect::Open, may_join: false, ..wanted };
            claimed = self.ports.exchanges.claim(self.wish(principal, &alone, &wanted, None)?).await?;
        }
        let (session, next, ruling) = match claimed {
            Claimed::Repeat(_) | Claimed::Joins(_) => {
                return Err(
                    Fault::lasting(Origin::Exchanges, "a claim that stands alone was repeated").into()
                );
            }
            Claimed::New { session, next } => (session, next, ruling),
            Claimed::Reused { session, next } => (session, next, denied(bundle, Denied::Reused)),
            Claimed::OverBudget { session, next, limit, retry_after } => {
                (session, next, denied(bundle, Denied::OverBudget { limit, retry_after }))
            }
            Claimed::FailuresSpent { session, next } => {
                (session, next, failures::held(bundle, read, rulings))
            }
            Claimed::Revoked { session, next, what } => {
                (session, next, denied(bundle, Denied::Revoked(what)))
            }
            Claimed::Counted(why) => return Err(self.refuse_counted(asked.door, bundle, why).await),
        };
        Ok(Place::Opens { session, next, ruling: Box::new(ruling) })
    }
}
