//! The evidence function: what people really typed comes in here on AWS Lambda, behind an HTTP API. It reaches no Snowflake.

mod told;

use std::process::ExitCode;
use std::sync::Arc;

use gateway::ports::Clock;
use gateway::{Gateway, Ports};
use lambda::{Elsewhere, Stores, at_once};
use lambda_http::Error;
use local::{RandomIds, SystemClock};
use settings::wiring;

use crate::told::{Own, Told};

#[tokio::main]
async fn main() -> ExitCode {
    lambda::start("evidence", run()).await
}

async fn run() -> Result<(), Error> {
    let told = Told::read()?;
    let gateway = Gateway::new(ports(&told)?, gateway::Settings::default());
    let routes = evidence::routes(Arc::new(gateway), told.channels()?);
    lambda_http::run(told.surroundings.counted(routes)).await
}

fn ports(told: &Told) -> Result<Ports, Error> {
    let Told { own: Own { aws, policies, issuers, auditors, .. }, places, surroundings } = told;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let stores = || {
        let stores = Stores::new(surroundings, aws.clone());
        let policies = stores.policies(policies.as_deref(), None, &clock);
        (stores, policies)
    };
    let (issuers, (stores, policies)) = at_once(|| wiring::issuers(issuers, auditors, places), stores);
    Ok(Ports {
        identities: Arc::new(issuers?),
        policies: policies?,
        catalogs: Arc::new(Elsewhere),
        keys: stores.keys(),
        recorder: stores.records(),
        recordings: stores.records(),
        exchanges: Arc::new(stores.exchanges()),
        approvals: Arc::new(Elsewhere),
        standings: Arc::new(Elsewhere),
        accesses: Arc::new(Elsewhere),
        evidence: stores.evidence(),
        notifier: Arc::new(Elsewhere),
        upstream: Arc::new(Elsewhere),
        clock,
        ids: Arc::new(RandomIds),
    })
}
