//! A sentence of the gateway's own as the result of an exchange: masked, kept and told as any other.

use std::sync::Arc;

use bytes::Bytes;
use domain::SqlType;
use masking::{AnsweredColumn, TokenKeys};
use recording::PartRecord;

use crate::access::STATUS;
use crate::fault::{Fault, Origin};
use crate::fetch::{bind_again, damaged, part_records, progress_of};
use crate::gateway::Gateway;
use crate::line::Line;
use crate::live::{Fetched, Live, Stage};
use crate::ports::ResultHead;

/// The longest sentence there may be.
const LONGEST: u64 = 1024;

impl Gateway {
    /// The result of one row that says this. The exchange stays as it stands.
    pub(crate) async fn said(&self, live: &Live, sentence: &str) -> Result<Vec<PartRecord>, Fault> {
        let session = live.exchange().ok_or_else(damaged)?.session;
        let keys = self.ports.keys.session(session).await?;
        let keys = TokenKeys::new(keys.tokens).with_shared(keys.shared_tokens);
        let detectors = self.detectors_for(live).await?;
        let head = ResultHead {
            query_id: String::new(),
            columns: vec![AnsweredColumn {
                name: STATUS.to_owned(),
                sql_type: SqlType::Text { length: LONGEST },
                is_nullable: false,
                origin: None,
            }],
            rows: 1,
            partitions: vec![1],
        };
        let mut answered = live.clone();
        let parts = Self::begin_parts(&mut answered, &[head], &keys, &detectors)?;
        answered.stage = Stage::Fetching { upstream: String::new(), parts };
        let (plan, progress) = live.parts.first().zip(progress_of(&answered)?.first()).ok_or_else(damaged)?;
        let plan = Arc::new(bind_again(plan, progress, &keys, &detectors));
        let rows = serde_json::to_vec(&[[sentence]]).map_err(|error| {
            Fault::lasting(Origin::Gateway, "an answer of the gateway's own cannot be written").because(error)
        })?;
        let mut line = Line::new(&self.settings, &plan, &Fetched::default()).push(Bytes::from(rows)).await?;
        line.end_partition(1)?;
        self.end_part(&mut answered, 0, line, true).await?;
        part_records(&answered, &[plan])
    }
}
