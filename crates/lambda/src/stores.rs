//! The stores of AWS, as ports.

use std::path::Path;
use std::sync::Arc;

use aws::{
    Accesses, Approvals, Audited, Clients, Compacted, Evidence, Exchanges, Index, Kept, Keys, Machine,
    People, Policies, Records, Standings, Steps, Topic,
};
use gateway::ports::{self, Clock};
use serde::Deserialize;
use settings::wiring;

use crate::Surroundings;
use crate::names::{BucketName, KeyArn, MachineArn, TableName, TopicArn};

/// `[aws]`: where everything lies that the functions share; the outputs of `infra/state.yaml`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Places {
    /// The table of openings, exchanges, approvals, evidence.
    pub state_table: TableName,
    /// The table of sealing keys.
    pub keys_table: TableName,
    /// The bucket of closings and policy bundles.
    pub records_bucket: BucketName,
    /// The bucket of pages.
    pub pages_bucket: BucketName,
    /// The key of the master key.
    pub key: KeyArn,
    /// The table of what is found by whom, by what and when; told to those alone that write or ask it.
    pub index_table: Option<TableName>,
}

/// The bundle that is compiled in.
const BUILT_IN: &str = "built-in";

/// The one that was pushed, by one and confirmed by another; or by one alone.
const PUSHED: &str = "pushed";
const PUSHED_BY_ONE: &str = "pushed-by-one";

/// The clients of the SDK, built once, and what they look at.
#[derive(Clone)]
pub struct Stores {
    clients: Clients,
    places: Places,
}

impl Stores {
    /// The stores of these places. Nothing is called yet.
    pub fn new(surroundings: &Surroundings, places: Places) -> Self {
        Self { clients: Clients::new(&surroundings.sdk()), places }
    }

    /// The bundle in force: that of a folder, the built-in one, or the one that was pushed (`pushed`, or where nothing is said;
    /// `pushed-by-one` where one person's word is enough). What must be told of it is logged. Blocks where it is a folder's.
    ///
    /// # Errors
    /// A folder's bundle that is not good. One that was pushed is looked at when something is to be decided.
    pub fn policies(
        &self,
        said: Option<&Path>,
        upstream: Option<&snowflake::Settings>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Arc<dyn ports::Policies>, wiring::BrokenBundle> {
        let pushed = match said.map(|said| said.as_os_str()) {
            None => Some(People::Two),
            Some(said) if said == PUSHED => Some(People::Two),
            Some(said) if said == PUSHED_BY_ONE => Some(People::One),
            Some(_) => None,
        };
        if let Some(people) = pushed {
            let Places { state_table, records_bucket, .. } = &self.places;
            let (table, bucket) = (state_table.as_str(), records_bucket.as_str());
            return Ok(Arc::new(Policies::new(&self.clients, table, bucket, people, Arc::clone(clock))));
        }
        let policies = wiring::policies(said.filter(|said| said.as_os_str() != BUILT_IN))?;
        if let Some(told) = wiring::unread_tags(&policies, upstream) {
            tracing::error!("{told}");
        }
        Ok(Arc::new(policies))
    }

    /// Secrets.
    pub fn keys(&self) -> Arc<Keys> {
        let Places { keys_table, records_bucket, key, .. } = &self.places;
        Arc::new(Keys::new(&self.clients, key.as_str(), records_bucket.as_str(), keys_table.as_str()))
    }

    /// Openings, closings, pages.
    pub fn records(&self) -> Arc<Records> {
        Arc::new(self.kept())
    }

    fn kept(&self) -> Records {
        let Places { state_table, records_bucket, pages_bucket, .. } = &self.places;
        let (table, records, pages) = (state_table.as_str(), records_bucket.as_str(), pages_bucket.as_str());
        Records::new(&self.clients, table, records, pages)
    }

    /// What is under way.
    pub fn exchanges(&self) -> Exchanges {
        let Places { state_table, pages_bucket, .. } = &self.places;
        Exchanges::new(&self.clients, state_table.as_str(), self.kept(), pages_bucket.as_str())
    }

    /// A state machine whose tokens lie in the table.
    pub fn machine(&self, arn: &MachineArn) -> Machine {
        let machine = Machine::new(&self.clients, arn.as_str(), self.places.state_table.as_str());
        machine.traced(traces::traceparent)
    }

    /// What waits for people, whose time this machine keeps.
    pub fn approvals(&self, machine: Machine) -> Arc<Approvals> {
        Arc::new(Approvals::new(self.steps(), machine, Arc::new(self.exchanges())))
    }

    fn steps(&self) -> Steps {
        Steps::new(&self.clients, self.places.state_table.as_str())
    }

    /// Records for whoever makes rows of them.
    pub fn compacted(&self) -> Arc<Compacted> {
        let Places { state_table, records_bucket, pages_bucket, .. } = &self.places;
        let (table, records, pages) = (state_table.as_str(), records_bucket.as_str(), pages_bucket.as_str());
        Arc::new(Compacted::new(&self.clients, table, records, pages))
    }

    /// The index.
    ///
    /// # Errors
    /// When its table is not told.
    pub fn index(&self) -> Result<Index, lambda_http::Error> {
        let table = self.places.index_table.as_ref();
        let table =
            table.ok_or("SNOWGATE_AWS__INDEX_TABLE is missing: the output IndexTable of infra/state.yaml")?;
        Ok(Index::new(&self.clients, table.as_str()))
    }

    /// The recordings, as auditors see them.
    ///
    /// # Errors
    /// When the table of the index is not told.
    pub fn audited(&self) -> Result<Arc<Audited>, lambda_http::Error> {
        let index = self.index()?;
        let Places { state_table, records_bucket, pages_bucket, .. } = &self.places;
        let (table, records, pages) = (state_table.as_str(), records_bucket.as_str(), pages_bucket.as_str());
        Ok(Arc::new(Audited::new(&self.clients, table, index, records, pages)))
    }

    /// The topic that is told of records.
    pub fn told_of_records(&self, arn: &TopicArn) -> Kept {
        Kept::new(&self.clients, arn.as_str())
    }

    /// Standing approvals.
    pub fn standings(&self) -> Arc<Standings> {
        Arc::new(Standings::new(self.steps()))
    }

    /// Leave to read that was granted.
    pub fn accesses(&self) -> Arc<Accesses> {
        Arc::new(Accesses::new(&self.clients, self.places.state_table.as_str()))
    }

    /// What evidence channels saw.
    pub fn evidence(&self) -> Arc<Evidence> {
        let Places { state_table, pages_bucket, .. } = &self.places;
        Arc::new(Evidence::new(&self.clients, state_table.as_str(), pages_bucket.as_str()))
    }

    /// The way to reviewers.
    pub fn topic(&self, arn: &TopicArn) -> Arc<Topic> {
        Arc::new(Topic::new(&self.clients, arn.as_str()))
    }
}
