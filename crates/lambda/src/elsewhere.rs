//! The ports that a function has no rights for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use domain::{ApprovalId, Catalog, Credential, Identity, ObjectName, PrincipalKey, Timestamp};
use gateway::ports::{
    AccessNote, Accesses, Approvals, Catalogs, Identities, NotAccepted, Notice, Notified, Notifier, Progress,
    Routine, RowSource, Standings, Upstream, UpstreamHandle, Written,
};
use gateway::{Fault, Live, Origin, Permit};
use recording::RecordKey;

/// What a function does not reach: whatever is asked of it ends in a fault, and nothing happens.
///
/// SECURITY: this stands where rights are missing, too; so a function that is wired wrongly does nothing that it has no rights for.
#[derive(Clone, Copy, Debug)]
pub struct Elsewhere;

fn elsewhere(origin: Origin) -> Fault {
    Fault::lasting(origin, "this function of the gateway does not do that")
}

#[async_trait]
impl Notifier for Elsewhere {
    async fn tell(&self, _: &Notice) -> Result<Notified, Fault> {
        Err(elsewhere(Origin::Gateway))
    }
}

#[async_trait]
impl Identities for Elsewhere {
    async fn verify(&self, _: &Credential, _: Timestamp) -> Result<Identity, NotAccepted> {
        Err(NotAccepted::Unavailable(elsewhere(Origin::Identities)))
    }
}

#[async_trait]
impl Catalogs for Elsewhere {
    async fn snapshot(&self, _: &BTreeSet<(String, String)>) -> Result<Arc<Catalog>, Fault> {
        Err(elsewhere(Origin::Catalogs))
    }

    async fn versions(&self, _: &BTreeSet<ObjectName>) -> Result<BTreeMap<ObjectName, i64>, Fault> {
        Err(elsewhere(Origin::Catalogs))
    }

    async fn routines(
        &self,
        _: &BTreeSet<ObjectName>,
    ) -> Result<BTreeMap<ObjectName, BTreeSet<Routine>>, Fault> {
        Err(elsewhere(Origin::Catalogs))
    }

    async fn forget(&self, _: &BTreeSet<ObjectName>) {}
}

#[async_trait]
impl Upstream for Elsewhere {
    async fn start(&self, _: Permit, _: Duration) -> Result<Progress, Fault> {
        Err(elsewhere(Origin::Upstream))
    }

    async fn poll(&self, _: &UpstreamHandle, _: Duration) -> Result<Progress, Fault> {
        Err(elsewhere(Origin::Upstream))
    }

    async fn rows(&self, _: &UpstreamHandle, _: usize, _: usize) -> Result<Box<dyn RowSource>, Fault> {
        Err(elsewhere(Origin::Upstream))
    }

    async fn cancel(&self, _: &UpstreamHandle) -> Result<(), Fault> {
        Err(elsewhere(Origin::Upstream))
    }
}

#[async_trait]
impl Approvals for Elsewhere {
    async fn exchange_of(&self, _: ApprovalId) -> Result<Option<Live>, Fault> {
        Err(elsewhere(Origin::Exchanges))
    }

    async fn waiting(&self, _: usize) -> Result<Vec<Live>, Fault> {
        Err(elsewhere(Origin::Exchanges))
    }

    async fn asked_by(&self, _: &PrincipalKey, _: usize) -> Result<Vec<Live>, Fault> {
        Err(elsewhere(Origin::Exchanges))
    }

    async fn step(&self, _: &RecordKey, _: u32) -> Result<Option<Bytes>, Fault> {
        Err(elsewhere(Origin::Recordings))
    }

    async fn settle(&self, _: &RecordKey, _: u32, _: Bytes) -> Result<Written, Fault> {
        Err(elsewhere(Origin::Recordings))
    }

    async fn wake(&self, _: ApprovalId) -> Result<(), Fault> {
        Err(elsewhere(Origin::Exchanges))
    }
}

#[async_trait]
impl Standings for Elsewhere {
    async fn made(&self, _: Option<&PrincipalKey>) -> Result<Vec<RecordKey>, Fault> {
        Err(elsewhere(Origin::Recordings))
    }

    async fn made_by(&self, _: ApprovalId) -> Result<Option<RecordKey>, Fault> {
        Err(elsewhere(Origin::Recordings))
    }

    async fn note(&self, _: &PrincipalKey, _: ApprovalId, _: &RecordKey) -> Result<(), Fault> {
        Err(elsewhere(Origin::Recordings))
    }

    async fn standing_step(&self, _: &RecordKey, _: u32) -> Result<Option<Bytes>, Fault> {
        Err(elsewhere(Origin::Recordings))
    }

    async fn take(&self, _: &RecordKey, _: u32, _: Bytes) -> Result<Written, Fault> {
        Err(elsewhere(Origin::Recordings))
    }
}

#[async_trait]
impl Accesses for Elsewhere {
    async fn granted(&self, _: Option<&PrincipalKey>, _: Timestamp) -> Result<Vec<RecordKey>, Fault> {
        Err(elsewhere(Origin::Recordings))
    }

    async fn granted_by(&self, _: ApprovalId, _: Timestamp) -> Result<Option<RecordKey>, Fault> {
        Err(elsewhere(Origin::Recordings))
    }

    async fn note(&self, _: &AccessNote, _: Timestamp) -> Result<(), Fault> {
        Err(elsewhere(Origin::Recordings))
    }

    async fn take_back(&self, _: &AccessNote) -> Result<(), Fault> {
        Err(elsewhere(Origin::Recordings))
    }
}
