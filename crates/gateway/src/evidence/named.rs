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
    tool_use: String,
    whose: Subject,
    call: u128,
    /// Which other calls hold it.
    pub others: Named,
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
        let (whose, call) = (subject_of(identity), self.ports.ids.random()?);
        let others = evidence.lease(&tool_use, &whose, call, self.now()).await?;
        Ok(Some(Lease { evidence, tool_use, whose, call, others }))
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
    /// Gives it back; what fails is told in the log alone, for it lapses by itself. So does that of a client which has gone
    /// away: nothing works on once nobody waits for it (I10).
    pub(crate) async fn give_back(self) {
        let Self { evidence, tool_use, whose, call, others: _ } = self;
        if let Err(fault) = evidence.release(&tool_use, &whose, call).await {
            tracing::warn!(fault = &fault as &dyn std::error::Error, "a tool use could not be given back");
        }
    }
}
