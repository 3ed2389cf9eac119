//! The sessions function: the recordings for auditors on AWS Lambda, behind an HTTP API. It reads what was recorded and writes who
//! looked; it has no key for sealed texts, reaches no Snowflake and changes no state.
//!
//! The claims that API Gateway puts beside a request are not looked at: the token is verified here, before anything is asked of AWS.

mod told;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use domain::Timestamp;
use gateway::ports::Clock;
use gateway::{Audit, AuditPorts};
use lambda::{Configured, Stores};
use lambda_http::http::Extensions;
use lambda_http::{Error, RequestExt};
use local::{RandomIds, SystemClock};
use settings::wiring;

use crate::told::Own;

#[tokio::main]
async fn main() -> ExitCode {
    lambda::start("sessions", run()).await
}

async fn run() -> Result<(), Error> {
    let told = told::read()?;
    let surroundings = told.surroundings.clone();
    let routes = sessions::routes_until(Arc::new(Audit::new(ports(told)?)), until);
    lambda_http::run(surroundings.counted(routes)).await
}

/// What of a call's time nothing more is read in: an exchange that is being read, the look, and an answer of six megabytes.
const TO_ANSWER: Duration = Duration::from_secs(10);

fn until(extensions: &Extensions) -> Option<Timestamp> {
    let (context, now) = (extensions.lambda_context_ref()?, SystemClock.now());
    Some(now.after(lambda::time_left(context.deadline, now).saturating_sub(TO_ANSWER)))
}

fn ports(told: Configured<Own>) -> Result<AuditPorts, Error> {
    let Configured { own, places, surroundings } = told;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let identities = Arc::new(wiring::auditors(&own.auditors, &own.issuers, &places)?);
    let stores = Stores::new(&surroundings, own.aws);
    let audited = stores.audited()?;
    Ok(AuditPorts {
        identities,
        exchanges: Arc::new(stores.exchanges()),
        index: audited.clone(),
        recordings: audited.clone(),
        looks: audited,
        policies: stores.policies(own.policies.as_deref(), None, &clock)?,
        clock,
        ids: Arc::new(RandomIds),
    })
}
