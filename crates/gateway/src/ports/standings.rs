//! Where standing approvals lie.

use async_trait::async_trait;
use bytes::Bytes;
use domain::{ApprovalId, PrincipalKey};
use recording::RecordKey;

use super::Written;
use crate::fault::Fault;

/// Standing approvals. Where one stands is what its steps say ([`recording::StandingTrail`]), and nothing else; here they lie,
/// and here they are found.
#[async_trait]
pub trait Standings: Send + Sync {
    /// The exchanges beside which one was made that asked for this principal, or all; whether they are over or not, in any
    /// order.
    async fn made(&self, principal: Option<&PrincipalKey>) -> Result<Vec<RecordKey>, Fault>;

    /// The exchange beside which one was made by the approval with this id; none when there is none.
    async fn made_by(&self, id: ApprovalId) -> Result<Option<RecordKey>, Fault>;

    /// Has the one beside this exchange, made by that approval, found from now on; called again, it changes nothing.
    async fn note(&self, principal: &PrincipalKey, id: ApprovalId, key: &RecordKey) -> Result<(), Fault>;

    /// The bytes of one step; none when there is none.
    async fn standing_step(&self, key: &RecordKey, step: u32) -> Result<Option<Bytes>, Fault>;

    /// Keeps a step, durably, by one conditional write: whoever finds the number taken has lost to somebody else.
    async fn take(&self, key: &RecordKey, step: u32, bytes: Bytes) -> Result<Written, Fault>;
}
