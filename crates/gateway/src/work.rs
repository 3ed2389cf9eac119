//! The worker's turn: what is unfinished and unattended is carried on.

use futures::StreamExt;

use domain::Timestamp;

use crate::fault::{Fault, Retry};
use crate::gateway::{Advanced, Gateway};

/// How many exchanges one turn looks at, and carries on at once.
const TURN: usize = 256;

impl Gateway {
    /// Carries unattended exchanges on, all at once, each until `until`. Tells how many it closed.
    ///
    /// # Errors
    /// A fault when nobody can tell what is unattended. A fault of one exchange is logged and leaves it for later.
    pub async fn work(&self, until: Timestamp) -> Result<usize, Fault> {
        let handles = self.ports.exchanges.unattended(self.now(), TURN).await?;
        let closed = futures::stream::iter(handles)
            .map(|handle| async move {
                match self.advance(handle, until).await {
                    Ok(Advanced::Closed) => 1,
                    Ok(Advanced::Pending | Advanced::Waits | Advanced::NotOurs | Advanced::Unknown) => 0,
                    // Nobody closes it until somebody has mended something.
                    Err(fault) if fault.retry == Retry::Never => {
                        tracing::error!(
                            fault = &fault as &(dyn std::error::Error + 'static),
                            "an exchange cannot be carried on"
                        );
                        0
                    }
                    Err(fault) => {
                        tracing::warn!(
                            fault = &fault as &(dyn std::error::Error + 'static),
                            "an exchange could not be carried on"
                        );
                        0
                    }
                }
            })
            .buffer_unordered(TURN)
            .fold(0, |sum, closed| async move { sum + closed })
            .await;
        Ok(closed)
    }
}
