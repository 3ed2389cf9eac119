//! Whether a tool use was named before: a model's tool use is one call.

use std::sync::Arc;

use domain::{Asked, Identity};

use super::sighting;
use super::weigh::subject_of;
use crate::fault::Fault;
use crate::gateway::Gateway;
use crate::ports::{Evidence, Expecting, Keyed, Named, Subject};

/// A tool use while one call with it is decided.
pub(crate) struct Lease {
    evidence: Arc<dyn Evidence>,
    held: Option<Held>,
    /// Which other calls hold it.
    pub others: Named,
}

struct Held {
    tool_use: String,
    whose: Subject,
    call: u128,
}

impl Gateway {
    /// Takes the tool use that a call names until it is an exchange: of two with the same that come at once, one is the first.
    /// None where it names none.
    pub(crate) async fn lease(
        &self,
        identity: &Identity,
        asked: &Asked,
        key: &[u8; 32],
    ) -> Result<Option<Lease>, Fault> {
        let Some(tool_use) = sighting::keyed(key, &asked.clues, None).tool_use else { return Ok(None) };
        let evidence = Arc::clone(&self.ports.evidence);
        let held = Held { tool_use, whose: subject_of(identity), call: self.ports.ids.random()? };
        // Whoever goes away while it is being taken gives it back, too.
        let mut lease = Lease { evidence, held: Some(held), others: Named::default() };
        if let Some(Held { tool_use, whose, call }) = &lease.held {
            lease.others = lease.evidence.lease(tool_use, whose, *call, self.now()).await?;
        }
        Ok(Some(lease))
    }

    /// Who has named the tool use of this statement; before it, once it is an exchange.
    pub(super) async fn named(
        &self,
        subject: &Subject,
        keyed: &Keyed,
        itself: Option<&Expecting>,
    ) -> Result<Named, Fault> {
        match &keyed.tool_use {
            Some(tool_use) => self.ports.evidence.named(tool_use, subject, itself).await,
            None => Ok(Named::default()),
        }
    }
}

impl Lease {
    /// Gives it back; what fails is told in the log alone, for it lapses by itself.
    pub(crate) async fn give_back(mut self) {
        if let Some(held) = &self.held {
            release(self.evidence.as_ref(), held).await;
        }
        self.held = None;
    }
}

impl Drop for Lease {
    // A client that has gone away takes its call with it, and comes again.
    fn drop(&mut self) {
        let Some(held) = self.held.take() else { return };
        let evidence = Arc::clone(&self.evidence);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { release(evidence.as_ref(), &held).await });
        }
    }
}

async fn release(evidence: &dyn Evidence, held: &Held) {
    let Held { tool_use, whose, call } = held;
    if let Err(fault) = evidence.release(tool_use, whose, *call).await {
        tracing::warn!(fault = &fault as &dyn std::error::Error, "a tool use could not be given back");
    }
}
