//! The steps of approvals, and of standing ones: one item each, written once.

use std::fmt;

use aws_lc_rs::rand;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use bytes::Bytes;
use gateway::ports::Written;
use gateway::{Fault, Origin, Receipt};
use recording::RecordKey;

use crate::calls::{Clients, fault};

/// Bytes of a step at most: an item holds 400 KB in all, its keys included.
const LONGEST: usize = 390 * 1024;

const NOT_READ: &str = "the steps of this approval cannot be read";
const NOT_KEPT: &str = "a step of this approval could not be kept";

/// Steps in a table.
#[derive(Clone)]
pub struct Steps {
    pub(crate) client: Client,
    pub(crate) table: String,
}

impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client: _, table } = self;
        f.debug_struct("Steps").field("table", table).finish()
    }
}

impl Steps {
    /// The steps in that table.
    pub fn new(clients: &Clients, table: impl Into<String>) -> Self {
        Self { client: clients.table.clone(), table: table.into() }
    }

    /// The bytes of one step, as the last write left them; none when there is none.
    ///
    /// # Errors
    /// When the table cannot be read, or holds something else there than a step.
    pub async fn read(&self, key: &RecordKey, step: u32) -> Result<Option<Bytes>, Fault> {
        self.read_at(key, &sort_key(step)).await
    }

    pub(crate) async fn read_at(&self, key: &RecordKey, sort_key: &str) -> Result<Option<Bytes>, Fault> {
        let read = self.client.get_item().table_name(&self.table).consistent_read(true);
        let read = read.key("pk", text(key.to_string())).key("sk", text(sort_key));
        let found = read
            .send()
            .await
            .map_err(|error| fault(Origin::Recordings, NOT_READ, "dynamodb:GetItem", &error))?;
        let Some(mut item) = found.item else { return Ok(None) };
        match item.remove("bytes") {
            Some(AttributeValue::B(bytes)) => Ok(Some(Bytes::from(bytes.into_inner()))),
            // SECURITY: an item without its bytes is no missing step, which somebody could write then.
            _ => Err(Fault::lasting(Origin::Recordings, NOT_READ)),
        }
    }

    /// Keeps one step by one conditional write.
    ///
    /// # Errors
    /// When nobody knows whether it is kept: whoever reads on finds out.
    pub async fn keep(&self, key: &RecordKey, step: u32, bytes: Bytes) -> Result<Written, Fault> {
        self.keep_at(key, &sort_key(step), bytes).await
    }

    pub(crate) async fn keep_at(
        &self,
        key: &RecordKey,
        sort_key: &str,
        bytes: Bytes,
    ) -> Result<Written, Fault> {
        if bytes.len() > LONGEST {
            return Err(Fault::lasting(Origin::Recordings, "a step of this approval is too long to be kept"));
        }
        let digest = recording::digest_of(&bytes);
        let writer = writer()?;
        let put = self.client.put_item().table_name(&self.table);
        let put = put
            .item("pk", text(key.to_string()))
            .item("sk", text(sort_key))
            .item("bytes", AttributeValue::B(Blob::new(bytes)))
            .item("writer", text(writer.clone()))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match put.send().await {
            Ok(_) => Ok(Written::Kept(Receipt::kept(digest))),
            Err(error) if is_ours(&error, &writer) => Ok(Written::Kept(Receipt::kept(digest))),
            Err(error) if is_taken(&error) => Ok(Written::Taken),
            Err(error) => Err(fault(Origin::Recordings, NOT_KEPT, "dynamodb:PutItem", &error)),
        }
    }
}

fn is_taken(error: &SdkError<PutItemError>) -> bool {
    error.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception)
}

/// Whether the write that was found there is an earlier try of this very one, whose answer was lost.
// SECURITY: by the writer and not by the bytes. Two processes may write equal steps, and only one of them may go on.
fn is_ours(error: &SdkError<PutItemError>, writer: &str) -> bool {
    let Some(PutItemError::ConditionalCheckFailedException(found)) = error.as_service_error() else {
        return false;
    };
    let written_by = found.item().and_then(|item| item.get("writer"));
    written_by.and_then(|value| value.as_s().ok()).is_some_and(|written_by| written_by == writer)
}

/// A name for one write, that no other has.
fn writer() -> Result<String, Fault> {
    let mut random = [0; 16];
    rand::fill(&mut random)
        .map_err(|_| Fault::passing(Origin::Gateway, "this machine has no randomness for now"))?;
    Ok(format!("{:032x}", u128::from_be_bytes(random)))
}

fn sort_key(step: u32) -> String {
    format!("step#{step:04}")
}

pub(crate) fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}
