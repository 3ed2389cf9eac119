//! Large texts: who may not ask anyway is told so before any work of size is done, and that work is done aside.
//!
//! Reading, deciding and redacting cost in proportion to the text, and more. So a text that is too large, or that comes
//! from somebody who was revoked or is over a limit, is neither read nor redacted whole: its refusal is recorded with
//! the head of the text. What is left is worked on by a few threads of their own, so that nobody's small statement waits.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use domain::{
    Asked, Credential, Decision, Door, Handle, Limits, Refusal, RefusalCode, Ruling, SessionId, SqlText,
    Timestamp,
};
use policy::Bundle;
use tokio::sync::Semaphore;
use tracing::{Instrument, Span};

use crate::ask::{AskError, Next};
use crate::claim::Words;
use crate::fault::{Fault, Origin};
use crate::gateway::{Gateway, off_the_loop};
use crate::ports::{Claim, Claimed, Denied, Prospect};
use crate::principal::Principal;
use crate::reading::refusal;
use crate::spans::{Spanned, span};

/// Texts up to here are read where they are: the way to another thread and back would cost more. Reading takes some
/// milliseconds a kB at the worst.
const SMALL: usize = 2 * 1024;

/// So much of a text that is refused unread stands in its record.
const HEAD: usize = 2 * 1024;

/// Rules of the gateway's own: what they refuse has not moved, and is recorded by its head when it is large.
pub(crate) const TOO_LARGE: &str = "gateway:statement-size";
pub(crate) const TOO_BROAD: &str = "gateway:breadth";
const REUSED: &str = "gateway:request-id";
const OVER_BUDGET: &str = "gateway:budget";
const REVOKED: &str = "gateway:revoked";

/// How many large texts are worked on at once.
pub(crate) fn desks() -> Arc<Semaphore> {
    // More would not be faster, and each would keep the others' threads from running.
    Arc::new(Semaphore::new(thread::available_parallelism().map_or(2, |cores| cores.get().max(2))))
}

/// Whether work on it is work of size.
pub(crate) fn is_large(asked: &Asked) -> bool {
    let bindings = asked.bindings.values().map(|binding| binding.value.as_ref().map_or(0, String::len));
    let prompt = asked.prompt.text.as_ref().map_or(0, String::len);
    let texts = asked.text.reveal().len().saturating_add(prompt);
    bindings.fold(texts, usize::saturating_add).saturating_add(asked.bindings.len() * 16) > SMALL
}

/// What of a large text is recorded when one of the gateway's own rules refuses it: the head of the text, its length in
/// bytes, and no bound value. None when it is recorded whole.
///
/// INVARIANT: what policy has allowed, held or refused is recorded whole: only what was never run is cut.
pub(crate) fn head(asked: &Asked, ruling: &Ruling) -> Option<(Asked, u64)> {
    let is_ours = matches!(ruling.decision, Decision::Refuse(_))
        && ruling
            .rules
            .iter()
            .any(|rule| [TOO_LARGE, TOO_BROAD, REUSED, OVER_BUDGET, REVOKED].contains(&rule.as_str()));
    if !is_ours || !is_large(asked) {
        return None;
    }
    let text = asked.text.reveal();
    let mut prompt = asked.prompt.clone();
    prompt.text = prompt.text.as_deref().map(cut);
    let head = Asked {
        door: asked.door,
        credential: Credential::new(String::new()),
        conversation: asked.conversation.clone(),
        request: asked.request.clone(),
        text: SqlText::new(cut(text)),
        bindings: BTreeMap::new(),
        context: asked.context.clone(),
        statement_count: asked.statement_count,
        parameters: asked.parameters.clone(),
        timeout: asked.timeout,
        prompt,
        clues: asked.clues.clone(),
    };
    Some((head, text.len() as u64))
}

/// So much of a text as is kept where its head alone is.
pub(crate) fn cut(text: &str) -> String {
    text.get(..text.floor_char_boundary(HEAD)).unwrap_or_default().to_owned()
}

/// The ruling on what no claim admits.
pub(crate) fn denied(bundle: &Bundle, denied: Denied) -> Ruling {
    match denied {
        Denied::Reused => {
            let message = "this requestId was used before for another statement; use a new one";
            refusal(bundle, REUSED, RefusalCode::RequestReused, message.to_owned())
        }
        Denied::OverBudget { limit, retry_after } => {
            let retry_after = retry_after.max(Duration::from_secs(1));
            let message = format!(
                "the limit of {limit} is reached; ask again in {} s, or ask a policy owner to raise it",
                retry_after.as_secs()
            );
            let mut ruling = refusal(bundle, OVER_BUDGET, RefusalCode::Budget, String::new());
            ruling.decision = Decision::Refuse(Refusal {
                code: RefusalCode::Budget,
                message,
                retry_after: Some(retry_after),
                scopes: Vec::new(),
            });
            ruling
        }
        Denied::Revoked(what) => {
            let message = format!("this {} was revoked; ask a security engineer", what.as_str());
            refusal(bundle, REVOKED, RefusalCode::Revoked, message)
        }
    }
}

impl Gateway {
    /// Everything up to the opening, where it keeps nobody waiting.
    pub(crate) async fn admit(&self, asked: Asked, principal: &Principal) -> Result<Next, AskError> {
        if !is_large(&asked) {
            return self.prepare(asked, principal, None).await;
        }
        if let Some(ruling) = self.foresee(&asked, principal).await? {
            return self.prepare(asked, principal, Some(ruling)).await;
        }
        let desk = self.desks.acquire().spanned(span!("queue")).await.map_err(|error| {
            Fault::passing(Origin::Gateway, "the gateway cannot read large statements").because(error)
        })?;
        // Others of this principal's have been admitted while this one waited for a place.
        if let Some(ruling) = self.foresee(&asked, principal).await? {
            return self.prepare(asked, principal, Some(ruling)).await;
        }
        let (gateway, principal) = (self.clone(), principal.clone());
        // The ports are waited for on that thread, too: an admission is one piece of work.
        let here = tokio::runtime::Handle::current();
        let span = Span::current();
        let next =
            off_the_loop(move || here.block_on(gateway.prepare(asked, &principal, None).instrument(span)))
                .await?;
        drop(desk);
        next
    }

    /// The refusal that a large text meets whatever it says.
    async fn foresee(&self, asked: &Asked, principal: &Principal) -> Result<Option<Ruling>, Fault> {
        self.counted(asked.door, self.look_ahead(asked, principal, Prospect::Open).await).await
    }

    pub(crate) async fn look_ahead(
        &self,
        asked: &Asked,
        principal: &Principal,
        prospect: Prospect,
    ) -> Result<Option<Ruling>, Fault> {
        let bundle = self.ports.policies.bundle().await?;
        if asked.text.reveal().len() > self.settings.statement_size {
            let message = format!("the statement is larger than {} bytes", self.settings.statement_size);
            return Ok(Some(refusal(&bundle, TOO_LARGE, RefusalCode::TooLarge, message)));
        }
        let words = Words::of(asked, &self.ports.keys.digest().await?)?;
        let wanted = Wanted {
            prospect,
            handle: Handle::from_u128(self.ports.ids.random()?),
            limits: bundle.limits_for(principal.identity()),
            // What waits already is asked of nobody again.
            may_join: prospect == Prospect::Waits,
            now: self.now(),
        };
        let claim = self.wish(principal, &words, &wanted, None)?;
        let foreseen = match self.ports.exchanges.foresee(claim).await? {
            Claimed::New { .. } | Claimed::Repeat(_) | Claimed::Joins(_) | Claimed::FailuresSpent { .. } => {
                return Ok(None);
            }
            Claimed::Reused { .. } => Denied::Reused,
            Claimed::OverBudget { limit, retry_after, .. } => Denied::OverBudget { limit, retry_after },
            Claimed::Revoked { what, .. } => Denied::Revoked(what),
            Claimed::Counted(denied) => denied,
        };
        Ok(Some(denied(&bundle, foreseen)))
    }

    /// Counts a refusal that is one of too many of its principal's for an exchange of its own.
    pub(crate) async fn refuse_counted(&self, door: Door, bundle: &Bundle, why: Denied) -> AskError {
        let word = match why {
            Denied::Reused => "request_reused",
            Denied::OverBudget { .. } => "over_budget",
            Denied::Revoked(_) => "revoked",
        };
        self.reject(door, word).await;
        match denied(bundle, why).decision {
            Decision::Refuse(refused) => AskError::Counted(refused),
            // Not reachable: a denial is a refusal.
            Decision::Allow(_) | Decision::Hold(_) => AskError::NotAccepted { is_expired: false },
        }
    }

    pub(crate) fn wish<'a>(
        &self,
        principal: &'a Principal,
        words: &'a Words,
        wanted: &Wanted,
        terms: Option<&'a str>,
    ) -> Result<Claim<'a>, Fault> {
        let fresh_session = SessionId::from_u128(self.ports.ids.random()?);
        let Words { digest, conversation, request } = words;
        let Wanted { handle, limits, prospect, may_join, now } = wanted;
        Ok(Claim {
            identity: principal.identity(),
            principal: principal.key(),
            conversation: conversation.as_deref(),
            request: request.as_ref(),
            digest: *digest,
            terms,
            handle: *handle,
            fresh_session,
            limits: *limits,
            prospect: *prospect,
            may_join: *may_join,
            now: *now,
            session_idle: self.settings.session_idle,
        })
    }
}

/// What is claimed for a statement.
pub(crate) struct Wanted {
    pub handle: Handle,
    pub limits: Limits,
    pub prospect: Prospect,
    pub may_join: bool,
    pub now: Timestamp,
}
