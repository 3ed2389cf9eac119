//! Calling AWS: how long, how often, and what is told of a call that failed.

use std::time::Duration;

use aws_sdk_dynamodb::config::BehaviorVersion;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_types::SdkConfig;
use gateway::{Fault, Origin};
use thiserror::Error;

use crate::http::Http;

/// How long connecting, one try, and a call with all its tries may take. Shorter than a lease, which its holder must
/// renew behind the call.
const CONNECTING: Duration = Duration::from_secs(1);
const TRY: Duration = Duration::from_secs(2);
const CALL: Duration = Duration::from_secs(5);

/// The same for objects, which may be pages of megabytes.
const OBJECT_TRY: Duration = Duration::from_secs(4);
const OBJECT_CALL: Duration = Duration::from_secs(10);

/// Tries of one call, the first included; the pauses between them grow and are drawn at random.
const TRIES: u32 = 3;

/// The clients of what this crate calls, each bounded in time and tries whatever the configuration says.
#[derive(Clone)]
// SECURITY: no `Debug`; a client prints its configuration, and that holds a way to credentials.
pub struct Clients {
    pub(crate) table: aws_sdk_dynamodb::Client,
    pub(crate) machine: aws_sdk_sfn::Client,
    pub(crate) topic: aws_sdk_sns::Client,
    pub(crate) objects: aws_sdk_s3::Client,
    pub(crate) keys: aws_sdk_kms::Client,
}

impl Clients {
    /// Clients with this region, these credentials and this endpoint. Nothing is called yet.
    pub fn new(config: &SdkConfig) -> Self {
        let retries = RetryConfig::standard()
            .with_max_attempts(TRIES)
            .with_initial_backoff(Duration::from_millis(100))
            .with_max_backoff(Duration::from_secs(1));
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECTING)
            .operation_attempt_timeout(TRY)
            .operation_timeout(CALL)
            .build();
        let config = config
            .to_builder()
            // What the SDK does unasked changes with this date alone.
            .behavior_version(BehaviorVersion::v2026_01_12())
            .retry_config(retries)
            .timeout_config(timeouts)
            .http_client(Http::new())
            .build();
        let patient = TimeoutConfig::builder()
            .connect_timeout(CONNECTING)
            .operation_attempt_timeout(OBJECT_TRY)
            .operation_timeout(OBJECT_CALL)
            .build();
        let of_objects = aws_sdk_s3::config::Builder::from(&config).timeout_config(patient).build();
        Self {
            table: aws_sdk_dynamodb::Client::new(&config),
            machine: aws_sdk_sfn::Client::new(&config),
            topic: aws_sdk_sns::Client::new(&config),
            objects: aws_sdk_s3::Client::from_conf(of_objects),
            keys: aws_sdk_kms::Client::new(&config),
        }
    }

    /// The client of tables.
    pub fn dynamodb(&self) -> &aws_sdk_dynamodb::Client {
        &self.table
    }

    /// The client of state machines.
    pub fn states(&self) -> &aws_sdk_sfn::Client {
        &self.machine
    }

    /// The client of buckets.
    pub fn s3(&self) -> &aws_sdk_s3::Client {
        &self.objects
    }

    /// The client of keys.
    pub fn kms(&self) -> &aws_sdk_kms::Client {
        &self.keys
    }

    /// The client of topics.
    pub fn sns(&self) -> &aws_sdk_sns::Client {
        &self.topic
    }
}

/// What is told of a failed call, for the log.
// SECURITY: the service's own sentence is left out, since it may quote what it was sent.
#[derive(Debug, Error)]
#[error("{call}: {what}")]
pub(crate) struct CallError {
    call: &'static str,
    what: String,
}

/// Codes that no second try mends: somebody must look at rights, names or settings.
const LASTING: [&str; 18] = [
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "DisabledException",
    "InvalidAccessKeyId",
    "InvalidArn",
    "InvalidCiphertextException",
    "InvalidClientTokenId",
    "InvalidParameter",
    "InvalidSignatureException",
    "NoSuchBucket",
    "NotFound",
    "NotFoundException",
    "ResourceNotFoundException",
    "SignatureDoesNotMatch",
    "StateMachineDoesNotExist",
    "UnrecognizedClientException",
    "ValidationException",
];

/// The fault of a call that failed; `public` names what is not there for the agent.
pub(crate) fn fault<E, R>(origin: Origin, public: &str, call: &'static str, error: &SdkError<E, R>) -> Fault
where
    E: ProvideErrorMetadata,
{
    let code = error.as_service_error().map(|error| error.code().unwrap_or("without a code"));
    let what = match (error, code) {
        (_, Some(code)) => code.to_owned(),
        (SdkError::TimeoutError(_), None) => "it did not answer in time".to_owned(),
        (SdkError::DispatchFailure(failure), None) if failure.is_timeout() => {
            "it could not be reached in time".to_owned()
        }
        (SdkError::DispatchFailure(failure), None) if failure.is_io() => "it could not be reached".to_owned(),
        // Credentials that cannot be had end here, too.
        (SdkError::DispatchFailure(_), None) => {
            "the call could not be sent: look at the credentials and the region".to_owned()
        }
        (SdkError::ResponseError(_), None) => "its answer cannot be read".to_owned(),
        (SdkError::ConstructionFailure(_), None) => "the call cannot be made".to_owned(),
        (_, None) => "it failed".to_owned(),
    };
    let because = CallError { call, what };
    let is_lasting =
        matches!(error, SdkError::ConstructionFailure(_)) || code.is_some_and(|code| LASTING.contains(&code));
    if is_lasting {
        Fault::lasting(origin, public).because(because)
    } else {
        Fault::passing(origin, public).because(because)
    }
}
