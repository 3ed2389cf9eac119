//! Auditors: they search and replay the recordings, and each look of theirs is recorded before anything of it is shown.
//!
//! An answer is made of the records themselves, whose digests are compared on the way: an index only says where to look. What is damaged
//! is told as damaged, and nothing is shown of what the index tells and its record does not.

mod handed_over;
mod question;
mod replay;
mod search;
mod telling;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::{Credential, Identity, Person, Timestamp};
use recording::{Look, LookerRecord, digest_of, encode};
use thiserror::Error;

use crate::detectors::DetectorsInForce;
use crate::fault::{Fault, Origin};
use crate::ports::{
    Clock, Exchanges, Identities, Ids, Index, Looks, NotAccepted, Policies, Recordings, RevokedWhat, Written,
};

pub use question::{Begun, By, Limit, NotTheCursor, Question, Replay, Wanted};
pub use search::NOT_HERE;

/// Looks of one auditor in an hour, at most: each is an object that nobody may delete for years.
pub const LOOKS_AN_HOUR: u32 = 1000;

/// What the detectors leave of a mail address.
const ADDRESS: &str = "[EMAIL]";

/// What auditing needs of the world.
#[derive(Clone)]
pub struct AuditPorts {
    /// Verifies auditors' tokens: of other audiences than agents', and of people alone.
    pub identities: Arc<dyn Identities>,
    /// Knows who was revoked; nothing else of it is asked.
    pub exchanges: Arc<dyn Exchanges>,
    /// Finds exchanges.
    pub index: Arc<dyn Index>,
    /// Reads openings, steps of approvals, late evidence, closings and pages. Sealed texts are never asked for.
    pub recordings: Arc<dyn Recordings>,
    /// Keeps looks.
    pub looks: Arc<dyn Looks>,
    /// The bundle in force, whose detectors a text passes before a look holds it.
    pub policies: Arc<dyn Policies>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub ids: Arc<dyn Ids>,
}

/// Answers auditors.
pub struct Audit {
    ports: AuditPorts,
    detectors: DetectorsInForce,
}

impl fmt::Debug for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Audit")
    }
}

/// The proof that a person was identified who may look, and is not revoked. Only [`Audit::auditor`] makes one.
///
/// ```compile_fail
/// fn forge(identity: domain::Identity, auditor: gateway::Auditor) -> gateway::Auditor {
///     gateway::Auditor { identity, ..auditor }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Auditor {
    identity: Identity,
    person: Person,
}

/// An answer whose look is kept. Only [`Audit`] makes one.
///
/// ```compile_fail
/// fn forge() -> gateway::AuditAnswer {
///     gateway::AuditAnswer { body: bytes::Bytes::new(), shown: 0 }
/// }
/// ```
pub struct AuditAnswer {
    body: Bytes,
    shown: usize,
}

impl AuditAnswer {
    /// JSON, UTF-8.
    pub fn into_body(self) -> Bytes {
        self.body
    }

    /// How many exchanges it shows or says to be damaged.
    pub fn shown(&self) -> usize {
        self.shown
    }
}

impl fmt::Debug for AuditAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuditAnswer({} exchanges)", self.shown)
    }
}

/// Why nothing is shown.
#[derive(Debug, Error)]
pub enum AuditError {
    /// Nobody was identified.
    #[error("the access token is not accepted")]
    NotAccepted(NotAccepted),
    /// An agent, or a program for itself.
    #[error("only people may look: this token is for a program")]
    NotAPerson,
    /// Whoever asks was revoked.
    #[error("this {} is revoked", .0.as_str())]
    Revoked(RevokedWhat),
    /// Whoever asks has looked as often as anybody may in an hour; there is room again after so long.
    #[error(
        "you have looked {LOOKS_AN_HOUR} times in this hour, and each look is kept for years: go on in the next, or ask Athena"
    )]
    TooMany(Duration),
    /// The cursor.
    #[error(transparent)]
    NotTheCursor(#[from] NotTheCursor),
    /// Something broke.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Audit {
    /// Over these ports.
    pub fn new(ports: AuditPorts) -> Self {
        Self { ports, detectors: DetectorsInForce::default() }
    }

    /// Now, as questions count it.
    pub fn moment(&self) -> Timestamp {
        self.ports.clock.now()
    }

    /// Whether that moment has passed.
    fn is_over(&self, until: Option<Timestamp>) -> bool {
        until.is_some_and(|until| self.moment() >= until)
    }

    /// Who asks.
    ///
    /// # Errors
    /// [`AuditError`] when the token proves no person who may look, or when nobody can tell.
    // SECURITY: the token first, and nothing else of the world before it is known to be good.
    pub async fn auditor(&self, credential: &Credential) -> Result<Auditor, AuditError> {
        let now = self.ports.clock.now();
        let identity =
            self.ports.identities.verify(credential, now).await.map_err(AuditError::NotAccepted)?;
        let person = identity.person.clone().ok_or(AuditError::NotAPerson)?;
        match self.ports.exchanges.revoked(&identity, None).await? {
            Some(what) => Err(AuditError::Revoked(what)),
            None => Ok(Auditor { identity, person }),
        }
    }

    /// Since when a search that names no session finds all that was closed, by the moment of the opening; none where that is since ever.
    ///
    /// # Errors
    /// When nobody knows.
    pub async fn whole_since(&self, _: &Auditor) -> Result<Option<Timestamp>, AuditError> {
        Ok(self.ports.index.whole_since(self.moment()).await?)
    }

    /// What a look says before anything of it is known.
    async fn look(
        &self,
        auditor: &Auditor,
        what: &str,
        mut asked: BTreeMap<String, String>,
    ) -> Result<Look, AuditError> {
        // Before anything is read for it.
        let now = self.ports.clock.now();
        if let Some(wait) = self.ports.looks.count_look(&auditor.identity.key(), LOOKS_AN_HOUR, now).await? {
            return Err(AuditError::TooMany(wait));
        }
        let free: Vec<_> =
            asked.iter_mut().filter(|(name, said)| question::may_hold_a_value(name, said)).collect();
        if !free.is_empty() {
            // SECURITY: whoever looks for a value writes it here, under whatever name. It is masked as a statement that holds it would be.
            let bundle = self.ports.policies.bundle().await?;
            let detectors = self.detectors.of(&bundle);
            for (name, said) in free {
                let masked = detectors.redact_text(said, "").into_owned();
                // People are called by their addresses, and a look that does not tell whom it was for is none.
                let is_a_name = question::NAMES_OF_PEOPLE.contains(&name.as_str()) && masked == ADDRESS;
                if !is_a_name {
                    *said = masked;
                }
            }
        }
        Ok(Look {
            v: 1,
            look: format!("{:032x}", self.ports.ids.random()?),
            at: now.to_string(),
            by: LookerRecord::new(&auditor.identity, &auditor.person),
            what: what.to_owned(),
            asked,
            read: 0,
            shown: Vec::new(),
            damaged: Vec::new(),
            answer: String::new(),
        })
    }

    /// INVARIANT: the only way to an answer: its look is kept, durably, or there is none.
    async fn kept(&self, look: Look, body: Vec<u8>) -> Result<AuditAnswer, Fault> {
        let shown = look.shown.len().saturating_add(look.damaged.len());
        let look = Look { answer: digest_of(&body).to_string(), ..look };
        let (bytes, _) = encode(&look).map_err(|error| unwritten().because(error))?;
        match self.ports.looks.keep_look(&look.key(), Bytes::from(bytes)).await? {
            Written::Kept(_) => Ok(AuditAnswer { body: Bytes::from(body), shown }),
            // Of 128 random bits and a microsecond: somebody else knows them.
            Written::Taken => Err(unwritten()),
        }
    }
}

fn unwritten() -> Fault {
    Fault::passing(Origin::Recordings, "this look could not be recorded, so nothing is shown")
}

fn json(answer: &impl serde::Serialize) -> Result<Vec<u8>, Fault> {
    let broken = |error| Fault::lasting(Origin::Gateway, "the answer cannot be written").because(error);
    serde_json::to_vec(answer).map_err(broken)
}
