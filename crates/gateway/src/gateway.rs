//! The gateway: its ports, and what every verb needs.

use std::sync::Arc;
use std::time::Duration;

use domain::{Credential, Door, Timestamp};
use masking::Detectors;
use tokio::sync::Semaphore;

use crate::admission;
use crate::ask::AskError;
use crate::detectors::DetectorsInForce;
use crate::fault::{Fault, Origin};
use crate::live::Live;
use crate::ports::{
    Accesses, Approvals, Catalogs, Clock, Evidence, Exchanges, Identities, Ids, Keys, NotAccepted, Notifier,
    Policies, Recorder, Recordings, Standings, Upstream,
};
use crate::principal::Principal;
use crate::reading::absent;
use crate::scopes;
use crate::settings::Settings;
use crate::shelf::Shelf;
use crate::spans::{Spanned, span};

/// The adapters that answer the ports.
#[derive(Clone)]
pub struct Ports {
    /// Verifies credentials.
    pub identities: Arc<dyn Identities>,
    /// Holds the policy bundle.
    pub policies: Arc<dyn Policies>,
    /// Knows tables and columns.
    pub catalogs: Arc<dyn Catalogs>,
    /// Holds secrets.
    pub keys: Arc<dyn Keys>,
    /// Writes records and pages, once.
    pub recorder: Arc<dyn Recorder>,
    /// Reads them.
    pub recordings: Arc<dyn Recordings>,
    /// Holds what is under way.
    pub exchanges: Arc<dyn Exchanges>,
    /// Holds what waits for people.
    pub approvals: Arc<dyn Approvals>,
    /// Holds standing approvals.
    pub standings: Arc<dyn Standings>,
    /// Finds leave to read that was granted.
    pub accesses: Arc<dyn Accesses>,
    /// Holds what evidence channels saw.
    pub evidence: Arc<dyn Evidence>,
    /// Tells reviewers.
    pub notifier: Arc<dyn Notifier>,
    /// The Snowflake account.
    pub upstream: Arc<dyn Upstream>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub ids: Arc<dyn Ids>,
}

/// The one pipeline behind every door. Cheap to clone; holds nothing that another process could not see.
#[derive(Clone)]
pub struct Gateway {
    pub(crate) ports: Ports,
    pub(crate) settings: Arc<Settings>,
    /// Those of the bundle in force.
    pub(crate) detectors: Arc<DetectorsInForce>,
    /// Where large texts are worked on.
    pub(crate) desks: Arc<Semaphore>,
    /// Where pages lie that are on their way to clients.
    pub(crate) shelf: Arc<Shelf>,
}

impl Gateway {
    /// A gateway over these ports.
    pub fn new(ports: Ports, settings: Settings) -> Self {
        Self {
            ports,
            settings: Arc::new(settings),
            detectors: Arc::default(),
            desks: admission::desks(),
            shelf: Arc::default(),
        }
    }

    /// What the operator chose.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Counts a request that became no exchange, because it was turned away or only looked, by a word that holds nothing of
    /// it.
    pub async fn reject(&self, door: Door, reason: &'static str) {
        let now = self.now();
        if let Err(fault) = self.ports.recorder.count_rejected(door.as_str(), reason, now).await {
            tracing::warn!(fault = &fault as &dyn std::error::Error, "a rejection could not be counted");
        }
    }

    /// The detectors for what comes of an exchange.
    pub(crate) async fn detectors_for(&self, live: &Live) -> Result<Detectors, Fault> {
        let bundle = self.ports.policies.bundle().await?;
        Ok(self.detectors.of_decided(&bundle, live.bundle.as_deref()))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    /// Identifies, and counts who is not accepted. Revocation is the claim's, or the collector's, to check.
    pub(crate) async fn prove(&self, door: Door, credential: &Credential) -> Result<Principal, AskError> {
        let proving = Principal::prove(self.ports.identities.as_ref(), credential, self.now());
        match proving.spanned(span!("authenticate")).await {
            Ok(principal) => Ok(principal),
            Err(NotAccepted::Rejected { reason }) => {
                self.reject(door, reason).await;
                Err(AskError::NotAccepted { is_expired: false })
            }
            Err(NotAccepted::LacksScope { needed }) => {
                self.reject(door, "scope").await;
                Err(AskError::Counted(scopes::lacks(needed)))
            }
            Err(NotAccepted::Expired) => {
                self.reject(door, "expired").await;
                Err(AskError::NotAccepted { is_expired: true })
            }
            Err(NotAccepted::Unavailable(fault)) => {
                // Who is asked may need the bundle too.
                self.reject(door, absent(fault.origin)).await;
                Err(AskError::Fault(fault))
            }
        }
    }
}

impl Gateway {
    /// How long to wait for upstream before the lease must be renewed.
    pub(crate) fn slice(&self, now: Timestamp, until: Timestamp) -> Duration {
        until.since(now).min(self.settings.lease / 3)
    }
}

/// Runs CPU work where it delays nobody else's small statement, and waits for it: nothing outlives the caller.
pub(crate) async fn off_the_loop<T, F>(work: F) -> Result<T, Fault>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        Fault::passing(Origin::Gateway, "the gateway failed while reading or masking").because(error)
    })
}

/// What came of carrying an exchange on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Advanced {
    /// It is closed.
    Closed,
    /// It is not, and can be carried on later.
    Pending,
    /// It waits for a person, and whoever keeps the time of approvals goes on with it.
    Waits,
    /// Somebody else works on it.
    NotOurs,
    /// There is no such exchange.
    Unknown,
}
