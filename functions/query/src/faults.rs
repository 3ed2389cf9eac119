//! What broke, for the log.

use std::error::Error;

use gateway::Fault;

/// Logs a fault with all that lies behind it. A door does so once, where it tells the agent the public line.
pub(crate) fn log(fault: &Fault) {
    let mut causes = Vec::new();
    let mut cause = fault.source();
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    let causes = causes.join(": ");
    tracing::error!(origin = ?fault.origin, retry = ?fault.retry, public = %fault.public, causes = %causes, "fault");
}
