//! Whether a tool use was named before: a model's tool use is one call.

use domain::{Asked, Timestamp};
use recording::{ObjectKind, Opening, RecordKey};

use super::sighting;
use crate::fault::Fault;
use crate::gateway::Gateway;
use crate::ports::{Expecting, Keyed, Subject};

/// Who has named the same tool use before a statement did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Named {
    /// The same principal, with a statement that was not refused: a call that was refused is sent again, with another token
    /// or when evidence has come.
    pub by_itself: bool,
    /// Somebody else.
    pub by_another: bool,
}

/// A tool use while one call with it is decided.
pub(crate) struct Lease {
    tool_use: String,
    call: u128,
    /// Whether another call holds it.
    pub is_taken: bool,
}

impl Gateway {
    /// Takes the tool use that a call names until it is an exchange: of two with the same that come at once, one is the first.
    /// None where it names none.
    pub(crate) async fn lease(&self, asked: &Asked, key: &[u8; 32]) -> Result<Option<Lease>, Fault> {
        let Some(tool_use) = sighting::keyed(key, &asked.clues, None).tool_use else { return Ok(None) };
        let call = self.ports.ids.random()?;
        let is_taken = !self.ports.evidence.lease(&tool_use, call, self.now()).await?;
        Ok(Some(Lease { tool_use, call, is_taken }))
    }

    /// Gives it back; what fails is told in the log alone, for it lapses by itself.
    pub(crate) async fn give_back(&self, lease: Option<Lease>) {
        let Some(Lease { tool_use, call, is_taken: false }) = lease else { return };
        if let Err(fault) = self.ports.evidence.release(&tool_use, call).await {
            tracing::warn!(fault = &fault as &dyn std::error::Error, "a tool use could not be given back");
        }
    }

    /// Who has named the tool use of this statement before it; `itself` once it is an exchange.
    pub(super) async fn named(
        &self,
        subject: &Subject,
        keyed: &Keyed,
        itself: Option<(&RecordKey, Timestamp)>,
    ) -> Result<Named, Fault> {
        let mut named = Named::default();
        let Some(tool_use) = &keyed.tool_use else { return Ok(named) };
        for earlier in self.ports.evidence.naming(tool_use, self.now()).await? {
            // One exchange may be asked by several calls while it waits for a person.
            if itself.is_some_and(|(key, at)| earlier.key == *key || !is_before(&earlier, key, at)) {
                continue;
            }
            if earlier.subject != *subject {
                named.by_another = true;
            } else if !named.by_itself {
                named.by_itself = !self.was_refused(&earlier.key).await?;
            }
        }
        Ok(named)
    }

    /// Whether it was refused, or never became an exchange. A record that cannot be read was not.
    async fn was_refused(&self, key: &RecordKey) -> Result<bool, Fault> {
        let Some(bytes) = self.ports.recordings.read(key, ObjectKind::Opening).await? else {
            return Ok(true);
        };
        let opening = recording::decode::<Opening>(&bytes);
        Ok(opening.is_ok_and(|opening| opening.record.decision == REFUSED))
    }
}

/// The word of [`domain::Decision::Refuse`] in openings.
const REFUSED: &str = "refuse";

/// Of two that were opened in the same moment, one must be the first.
fn is_before(earlier: &Expecting, key: &RecordKey, at: Timestamp) -> bool {
    (earlier.at, earlier.key.exchange.to_string()) < (at, key.exchange.to_string())
}
