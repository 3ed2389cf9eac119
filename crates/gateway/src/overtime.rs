//! Masking has a time limit, too: values can be made that cost the detectors far more than they cost upstream.

use crate::closing::Closed;
use crate::fault::Fault;
use crate::gateway::Gateway;
use crate::live::Live;
use crate::ports::UpstreamFailure;

impl Gateway {
    /// Ends a statement whose masking has taken longer than the statement itself may. Looked at between two slices of
    /// rows, so that what it overruns is one slice, or one cell, at most.
    pub(crate) async fn refuse_overtime(
        &self,
        live: &mut Live,
        holder: u128,
    ) -> Result<Option<Closed>, Fault> {
        let Some(limit) = live.timeout_us.filter(|limit| live.masking_us > *limit) else { return Ok(None) };
        self.stop_upstream(live).await;
        let seconds = limit.div_ceil(1_000_000);
        // Snowflake's code and words: to its client, it is one time limit.
        let failure = UpstreamFailure {
            code: "000630".to_owned(),
            sqlstate: "57014".to_owned(),
            message: format!(
                "Statement reached its statement or warehouse timeout of {seconds} second(s) and was canceled."
            ),
            query_id: live.query_id(),
        };
        let closed = self.close_failed(live, failure).await;
        self.settle(live, holder, closed).await.map(Some)
    }
}
