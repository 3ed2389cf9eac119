//! The ports that a function has no rights for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::{Catalog, Credential, Identity, ObjectName, Timestamp};
use gateway::ports::{
    Catalogs, Identities, NotAccepted, Notice, Notified, Notifier, Progress, Routine, RowSource, Upstream,
    UpstreamHandle,
};
use gateway::{Fault, Origin, Permit};

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
