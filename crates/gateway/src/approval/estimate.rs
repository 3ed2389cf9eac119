//! What upstream expects of a statement that is about to wait, for whoever decides it: its EXPLAIN, as an exchange of its own.
//!
//! SECURITY: nothing that nobody has approved runs. Only what was read whole and calls nothing but functions that are known to be
//! harmless is explained, and only where policy lets its agent ask for the plan unattended, under the read tier. The plan is recorded
//! and masked as any answer, and two numbers and an amount are all that is taken out of it.

use std::io::Read as _;
use std::pin::Pin;
use std::time::Duration;

use domain::{Access, Asked, Class, Credential, Decision, Prompt, PromptGrade, SqlText, Tier, Timestamp};
use flate2::read::GzDecoder;
use recording::EstimateRecord;

use crate::ask::{AskError, Next};
use crate::failures::would_be_hidden;
use crate::gateway::Gateway;
use crate::principal::Principal;
use crate::reading::Read;
use crate::reply::Reply;

/// How long the plan may take: an agent waits for its handle meanwhile.
const PATIENCE: Duration = Duration::from_secs(4);

/// Bytes of a plan that are looked at.
const LARGEST: u64 = 1024 * 1024;

impl Gateway {
    /// What upstream expects; none where nobody knows, whatever the reason: nobody waits longer for a guess.
    ///
    /// In a box of its own: preparing one statement holds the whole life of another.
    pub(crate) fn estimate<'a>(
        &'a self,
        asked: &'a Asked,
        principal: &'a Principal,
        read: &Read,
    ) -> Pin<Box<dyn Future<Output = Option<EstimateRecord>> + Send + 'a>> {
        if !self.settings.estimates || !may_be_explained(read) {
            return Box::pin(std::future::ready(None));
        }
        Box::pin(async move {
            let until = self.now().after(PATIENCE);
            match self.explain(explaining(asked), principal, until).await {
                Ok(estimate) => estimate,
                Err(error) => {
                    tracing::warn!(
                        error = &error as &(dyn std::error::Error + 'static),
                        "a statement that waits is not estimated"
                    );
                    None
                }
            }
        })
    }

    async fn explain(
        &self,
        asked: Asked,
        principal: &Principal,
        until: Timestamp,
    ) -> Result<Option<EstimateRecord>, AskError> {
        let bundle = self.ports.policies.bundle().await?;
        let read = self.read(&asked).await?;
        let (_, ruling) = self.rule(&bundle, principal.identity(), &asked, &read, Access::NONE);
        let is_open = match &ruling.decision {
            // A failure that is hidden would count against its agent, who has not asked for this.
            Decision::Allow(grant) => grant.tier == Tier::Read && !would_be_hidden(&ruling.decision),
            Decision::Hold(_) | Decision::Refuse(_) => false,
        };
        if !is_open {
            return Ok(None);
        }
        let reply = match self.prepare(asked, principal, None).await? {
            Next::Allowed { live, permit } if permit.tier == Tier::Read => {
                self.run(*live, *permit, until).await?
            }
            Next::Refused { live, refused } => self.answer_refused(*live, &refused).await?,
            // Policy has changed just now: what was opened is closed as lost.
            Next::Allowed { .. } | Next::Held { .. } | Next::Repeat { .. } => return Ok(None),
        };
        if matches!(reply.outcome(), domain::Outcome::Pending(_)) {
            self.ports.exchanges.want_cancelled(principal.key(), reply.handle()).await?;
        }
        Ok(told(&reply))
    }
}

/// Whether asking for its plan does nothing but that.
fn may_be_explained(read: &Read) -> bool {
    let [(_, statement)] = read.statements.as_slice() else { return false };
    let kind = statement.kind.as_str();
    let is_query = matches!(statement.class, Class::Read | Class::Write)
        && ["select", "insert", "insert_overwrite", "update", "update_all", "delete", "delete_all", "merge"]
            .contains(&kind);
    is_query
        && statement.why.is_none()
        && statement.functions.is_empty()
        && statement.steps.is_empty()
        && statement.effects.is_empty()
        && statement.missing.is_empty()
}

/// The question for the plan of what was asked.
fn explaining(asked: &Asked) -> Asked {
    Asked {
        door: asked.door,
        // Nobody asks now: who does was proven for what this is about.
        credential: Credential::new(String::new()),
        conversation: asked.conversation.clone(),
        request: None,
        text: SqlText::new(format!("EXPLAIN USING TABULAR {}", asked.text.reveal())),
        bindings: asked.bindings.clone(),
        context: asked.context.clone(),
        statement_count: 1,
        parameters: asked.parameters.clone(),
        timeout: Some(PATIENCE),
        prompt: Prompt { text: None, grade: PromptGrade::P0 },
        clues: Default::default(),
    }
}

/// What a plan says of the whole statement (Snowflake, "EXPLAIN": the row `GlobalStats`).
fn told(reply: &Reply) -> Option<EstimateRecord> {
    let columns = &reply.parts().first()?.columns;
    let place = |name: &str| {
        let is_called = |column: &recording::ColumnRecord| column.name.eq_ignore_ascii_case(name);
        columns.iter().position(is_called)
    };
    let page = recording::decode_page(reply.first_page()?).ok()?;
    let mut text = Vec::new();
    GzDecoder::new(page.body).take(LARGEST).read_to_end(&mut text).ok()?;
    let rows: Vec<Vec<Option<String>>> = serde_json::from_slice(&text).ok()?;
    let operation = place("operation")?;
    let row = rows.iter().find(|row| row.get(operation).and_then(Option::as_deref) == Some("GlobalStats"))?;
    let number = |name: &str| row.get(place(name)?)?.as_deref()?.parse::<u64>().ok();
    Some(EstimateRecord {
        exchange: reply.exchange().to_string(),
        bytes: number("bytesAssigned")?,
        partitions: number("partitionsAssigned")?,
        of_partitions: number("partitionsTotal")?,
    })
}
