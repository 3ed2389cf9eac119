//! Where leave to read is found.

use async_trait::async_trait;
use domain::{PrincipalKey, Timestamp};
use recording::RecordKey;

use crate::fault::{Fault, Origin};

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

    /// Has what was granted beside this exchange found until then; called again, it changes nothing.
    async fn note(
        &self,
        principal: &PrincipalKey,
        key: &RecordKey,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(), Fault>;
}

/// Where no leave is granted.
pub struct NoAccesses;

#[async_trait]
impl Accesses for NoAccesses {
    async fn granted(&self, _: Option<&PrincipalKey>, _: Timestamp) -> Result<Vec<RecordKey>, Fault> {
        Ok(Vec::new())
    }

    async fn note(&self, _: &PrincipalKey, _: &RecordKey, _: Timestamp, _: Timestamp) -> Result<(), Fault> {
        Err(Fault::lasting(Origin::Recordings, "leave to read cannot be kept here"))
    }
}
