//! The state machines: one that keeps the time of approvals, one that has unfinished statements carried on. One execution each,
//! named by its id.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sfn::error::SdkError;
use aws_sdk_sfn::operation::send_task_success::SendTaskSuccessError;
use aws_sdk_sfn::operation::start_execution::StartExecutionError;
use domain::{ApprovalId, Handle, Timestamp};
use gateway::{Fault, Origin};

use crate::calls::{Clients, fault};
use crate::table::text;

/// Pages of one approval's tokens that are read at most, thousands a page: each wait keeps one, and none says whether it is used.
const PAGES: usize = 16;

const NOT_STARTED: &str = "what waits for a person could not be begun";
const NOT_CARRIED_ON: &str = "a statement could not be handed over to be carried on";
const NOT_WOKEN: &str = "what waits for a person could not be woken";
const NOT_WAITING: &str = "what waits for a person could not be put to wait";

/// Executions of the state machine, and the task tokens that they wait with.
#[derive(Clone)]
pub struct Machine {
    executions: aws_sdk_sfn::Client,
    items: aws_sdk_dynamodb::Client,
    arn: String,
    table: String,
    /// The `traceparent` of what is worked on, for whoever carries it on.
    traceparent: fn() -> Option<String>,
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { executions: _, items: _, arn, table, traceparent: _ } = self;
        f.debug_struct("Machine").field("arn", arn).field("table", table).finish()
    }
}

impl Machine {
    /// The state machine with that ARN; its tokens lie in that table.
    pub fn new(clients: &Clients, arn: impl Into<String>, table: impl Into<String>) -> Self {
        Self {
            executions: clients.machine.clone(),
            items: clients.table.clone(),
            arn: arn.into(),
            table: table.into(),
            traceparent: || None,
        }
    }

    /// The same, whose executions are told that they belong to what is worked on as they are begun.
    #[must_use]
    pub fn traced(self, traceparent: fn() -> Option<String>) -> Self {
        Self { traceparent, ..self }
    }

    /// Begins the execution of an approval, if it has not begun before.
    ///
    /// # Errors
    /// When nobody knows whether it has begun; beginning it again is safe.
    pub async fn start(&self, id: ApprovalId) -> Result<(), Fault> {
        self.begin("approval", &id.to_string(), NOT_STARTED).await
    }

    /// Begins the execution that has an exchange carried on, if it has not begun before.
    ///
    /// # Errors
    /// As [`Machine::start`].
    pub async fn carry_on(&self, handle: Handle) -> Result<(), Fault> {
        self.begin("exchange", &handle.to_string(), NOT_CARRIED_ON).await
    }

    // The id, and to which trace it belongs: whoever may read histories reads this.
    async fn begin(&self, what: &str, id: &str, public: &str) -> Result<(), Fault> {
        let mut input = serde_json::Map::from_iter([(what.to_owned(), id.into())]);
        input.extend((self.traceparent)().map(|parent| ("traceparent".to_owned(), parent.into())));
        let input = serde_json::Value::from(input).to_string();
        let start = self.executions.start_execution().state_machine_arn(&self.arn);
        match start.name(id).input(input).send().await {
            Ok(_) => Ok(()),
            Err(error) if has_begun(&error) => Ok(()),
            Err(error) => Err(fault(Origin::Exchanges, public, "states:StartExecution", &error)),
        }
    }

    /// Keeps a token by which the execution of this approval goes on; it may be forgotten at `forget`.
    ///
    /// # Errors
    /// When it is not kept.
    // Each token is an item of its own. A wait that is tried again has another one, and the word of the first try may come
    // late: whichever wrote last, the one that waits is among them.
    pub async fn keep_token(&self, id: ApprovalId, token: &str, forget: Timestamp) -> Result<(), Fault> {
        let name = digest(&SHA256, token.as_bytes());
        let name: String = name.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let seconds = forget.as_micros().div_euclid(1_000_000);
        let put = self.items.put_item().table_name(&self.table);
        let put = put
            .item("pk", text(partition(id)))
            .item("sk", text(format!("token#{name}")))
            .item("token", text(token))
            .item("forget_at", AttributeValue::N(seconds.to_string()));
        put.send()
            .await
            .map(|_| ())
            .map_err(|error| fault(Origin::Exchanges, NOT_WAITING, "dynamodb:PutItem", &error))
    }

    /// Has the execution of this approval go on, wherever it waits. One that does not wait (any more) is no error: it looks
    /// by itself.
    ///
    /// # Errors
    /// When nobody knows whether it goes on; it does at the end of its wait.
    pub async fn wake(&self, id: ApprovalId) -> Result<(), Fault> {
        for token in self.tokens(id).await? {
            self.go_on(&token).await?;
        }
        Ok(())
    }

    /// Has whatever waits with this token go on. A token that nothing waits with (any more) is no error.
    ///
    /// # Errors
    /// As [`Machine::wake`].
    pub async fn go_on(&self, token: &str) -> Result<(), Fault> {
        // Nothing comes with the word: what was decided stands in the table.
        let word = self.executions.send_task_success().task_token(token).output("{}");
        match word.send().await {
            Ok(_) => Ok(()),
            Err(error) if waits_no_more(&error) => Ok(()),
            Err(error) => Err(fault(Origin::Exchanges, NOT_WOKEN, "states:SendTaskSuccess", &error)),
        }
    }

    async fn tokens(&self, id: ApprovalId) -> Result<Vec<String>, Fault> {
        let (mut tokens, mut next) = (Vec::new(), None);
        // INVARIANT: the one that waits is among them, so all are read.
        for _ in 0..PAGES {
            let query = self.items.query().table_name(&self.table).consistent_read(true);
            let query = query
                .key_condition_expression("pk = :pk AND begins_with(sk, :token)")
                .expression_attribute_values(":pk", text(partition(id)))
                .expression_attribute_values(":token", text("token#"))
                .set_exclusive_start_key(next.take());
            let found = query
                .send()
                .await
                .map_err(|error| fault(Origin::Exchanges, NOT_WOKEN, "dynamodb:Query", &error))?;
            for mut item in found.items.unwrap_or_default() {
                let Some(AttributeValue::S(token)) = item.remove("token") else {
                    return Err(Fault::lasting(Origin::Exchanges, NOT_WOKEN));
                };
                tokens.push(token);
            }
            next = found.last_evaluated_key;
            if next.is_none() {
                break;
            }
        }
        Ok(tokens)
    }
}

fn has_begun(error: &SdkError<StartExecutionError>) -> bool {
    error.as_service_error().is_some_and(StartExecutionError::is_execution_already_exists)
}

fn waits_no_more(error: &SdkError<SendTaskSuccessError>) -> bool {
    error.as_service_error().is_some_and(|error| {
        error.is_invalid_token() || error.is_task_timed_out() || error.is_task_does_not_exist()
    })
}

fn partition(id: ApprovalId) -> String {
    format!("approval#{id}")
}
