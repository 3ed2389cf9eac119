//! Where leave to read is found.

use async_trait::async_trait;
use domain::{ApprovalId, PrincipalKey, Timestamp};
use recording::RecordKey;

use crate::fault::{Fault, Origin};

/// Where one leave to read is found, and for how long.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccessNote {
    /// Whose it is.
    pub principal: PrincipalKey,
    /// The approval that it was granted with.
    pub approval: ApprovalId,
    /// The exchange that has asked for it.
    pub key: RecordKey,
    /// Its end: from then on it is not found.
    pub until: Timestamp,
}

/// Leave to read that people have granted: an index alone. What is in force is what the steps of the approval say that it was
/// granted with ([`recording::Trail`]), and nothing that is found here is believed.
#[async_trait]
pub trait Accesses: Send + Sync {
    /// The exchanges beside whose approval leave was granted to this principal, or to anybody, whose end lies after `now`; in any
    /// order. What is looked at for one principal does not grow with what others, or the same in the past, were granted.
    async fn granted(
        &self,
        principal: Option<&PrincipalKey>,
        now: Timestamp,
    ) -> Result<Vec<RecordKey>, Fault>;

    /// The exchange beside whose approval of this id leave was granted, where its end lies after `now`.
    async fn granted_by(&self, id: ApprovalId, now: Timestamp) -> Result<Option<RecordKey>, Fault>;

    /// Has what was granted found until its end; called again, it changes nothing.
    async fn note(&self, note: &AccessNote, now: Timestamp) -> Result<(), Fault>;

    /// Has what was granted found no more, because somebody has ended it; called again, it changes nothing.
    async fn take_back(&self, note: &AccessNote) -> Result<(), Fault>;
}

/// Where no leave is granted.
pub struct NoAccesses;

#[async_trait]
impl Accesses for NoAccesses {
    async fn granted(&self, _: Option<&PrincipalKey>, _: Timestamp) -> Result<Vec<RecordKey>, Fault> {
        Ok(Vec::new())
    }

    async fn granted_by(&self, _: ApprovalId, _: Timestamp) -> Result<Option<RecordKey>, Fault> {
        Ok(None)
    }

    async fn note(&self, _: &AccessNote, _: Timestamp) -> Result<(), Fault> {
        Err(Fault::lasting(Origin::Recordings, "leave to read cannot be kept here"))
    }

    async fn take_back(&self, _: &AccessNote) -> Result<(), Fault> {
        Ok(())
    }
}
