//! The port `Upstream` over the SQL API.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use gateway::ports::{Progress, RowSource, Upstream, UpstreamHandle};
use gateway::{Fault, Origin, Permit};

use crate::auth::Credentials;
use crate::client::{Client, Standing};
use crate::error::Error;
use crate::run::Run;
use crate::settings::Settings;
use crate::submission::Submission;
use crate::transport::Failed;

/// One Snowflake account.
pub struct SqlApi {
    settings: Settings,
    pub(crate) client: Client,
}

impl SqlApi {
    /// The account of these settings, which are checked. Nothing is connected yet.
    pub fn new(settings: Settings, credentials: Arc<dyn Credentials>) -> Result<Self, Error> {
        settings.check()?;
        let client = Client::new(&settings, credentials)?;
        Ok(Self { settings, client })
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }
}

impl Failed {
    /// The same as a fault of that port.
    pub(crate) fn into_fault(self, origin: Origin) -> Fault {
        match self {
            Self::Upstream(error) => error.into_fault(origin),
            Self::Credentials(fault) => fault,
        }
    }
}

impl From<Failed> for Fault {
    fn from(failed: Failed) -> Self {
        failed.into_fault(Origin::Upstream)
    }
}

impl From<Standing> for Progress {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Running(run) => Self::Running(run.to_handle()),
            Standing::Done(done) => Self::Done(done.into_finished()),
            Standing::Failed(failure) => Self::Failed(failure),
            Standing::Unknown => Self::Unknown,
        }
    }
}

#[async_trait]
impl Upstream for SqlApi {
    async fn start(&self, permit: Permit, wait: Duration) -> Result<Progress, Fault> {
        let submission = Submission::of_permit(permit, &self.settings)?;
        Ok(self.client.start(&submission, wait).await?.into())
    }

    async fn poll(&self, handle: &UpstreamHandle, wait: Duration) -> Result<Progress, Fault> {
        Ok(self.client.poll(&Run::from_handle(handle)?, wait).await?.into())
    }

    async fn rows(
        &self,
        handle: &UpstreamHandle,
        part: usize,
        partition: usize,
    ) -> Result<Box<dyn RowSource>, Fault> {
        Ok(Box::new(self.client.rows(&Run::from_handle(handle)?, part, partition).await?))
    }

    async fn cancel(&self, handle: &UpstreamHandle) -> Result<(), Fault> {
        Ok(self.client.cancel(&Run::from_handle(handle)?).await?)
    }
}
