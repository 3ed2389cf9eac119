//! What can go wrong between us and the account, by what the caller can do about it.

use domain::Tier;
use gateway::{Fault, Origin};
use thiserror::Error;

/// Why the account behind us gave no answer that can be used.
///
/// SECURITY: none of these carries a byte that upstream sent; what a failed statement says travels in
/// `UpstreamFailure.message`, for the pipeline to filter.
#[derive(Debug, Error)]
pub enum Error {
    /// A setting is wrong; nothing starts.
    #[error("`{key}` {problem}")]
    Setting {
        /// The key, dotted from the adapter's own section: `tiers.read.roles`.
        key: String,
        /// What is wrong with it, in words that show no secret.
        problem: String,
    },
    /// The connection failed, or an answer stopped half-way.
    #[error("snowflake is out of reach")]
    Unreachable(#[source] Option<reqwest::Error>),
    /// No answer, or no further byte of one, arrived in time.
    #[error("snowflake did not answer in time")]
    Slow,
    /// It went on asking for patience (429, 5xx) until ours was over.
    #[error("snowflake is busy (http status {status})")]
    Busy {
        /// The last status.
        status: u16,
    },
    /// It does not accept the gateway's own credentials.
    #[error("snowflake does not accept the gateway's {} identity (http status {status})", tier.as_str())]
    Rejected {
        /// The identity that was used.
        tier: Tier,
        /// 401 or 403.
        status: u16,
    },
    /// It does not accept the shape of our request: this program or its settings must change.
    #[error("snowflake refuses the shape of the gateway's request (http status {status})")]
    Refused {
        /// The status.
        status: u16,
    },
    /// An answer that means nothing in this protocol: nothing of it is used.
    #[error("snowflake's answer makes no sense: {0}")]
    Nonsense(&'static str),
    /// A result that was there is gone, or is not ready.
    #[error("snowflake has no such result")]
    NoResult,
    /// The gateway's own bearer could not be had.
    #[error("the gateway has no credential for snowflake: {0}")]
    Credential(&'static str),
    /// The token endpoint could not be asked.
    #[error("the token endpoint did not answer: {0}")]
    TokenEndpoint(&'static str),
    /// A permit asks for what this adapter's settings do not allow.
    #[error("the upstream settings do not allow this: {0}")]
    NotSet(&'static str),
}

impl Error {
    /// A wrong setting.
    pub(crate) fn setting(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Setting { key: key.into(), problem: problem.into() }
    }

    /// A failed connection; the URL is left out of what is kept, because it names a statement.
    pub(crate) fn unreachable(source: reqwest::Error) -> Self {
        Self::Unreachable(Some(source.without_url()))
    }

    /// The same as a fault of that port.
    pub(crate) fn into_fault(self, origin: Origin) -> Fault {
        let fault = match &self {
            Self::Unreachable(_) | Self::Slow => Fault::passing(origin, "Snowflake is out of reach"),
            Self::Busy { .. } => Fault::passing(origin, "Snowflake is busy"),
            Self::TokenEndpoint(_) => Fault::passing(origin, "the gateway could not get its Snowflake token"),
            // What means nothing means nothing the second time.
            Self::Nonsense(_) => Fault::lasting(origin, "Snowflake's answer could not be read"),
            Self::NoResult => Fault::lasting(origin, "Snowflake does not have this result any more"),
            Self::Rejected { .. } | Self::Credential(_) => {
                Fault::lasting(origin, "Snowflake does not accept the gateway")
            }
            Self::Refused { .. } => Fault::lasting(origin, "Snowflake refused the gateway's request"),
            Self::Setting { .. } | Self::NotSet(_) => {
                Fault::lasting(origin, "the gateway's Snowflake settings do not allow this")
            }
        };
        fault.because(self)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        error.into_fault(Origin::Upstream)
    }
}
