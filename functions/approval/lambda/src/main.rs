//! The approval function: the page of reviewers on AWS Lambda, behind an HTTP API. It settles; it reaches no Snowflake, and tells nobody.

mod told;

use std::process::ExitCode;
use std::sync::Arc;

use approval::Behind;
use gateway::ports::Clock;
use gateway::{Reception, Review, ReviewPorts};
use lambda::{Stores, at_once};
use lambda_http::Error;
use local::{RandomIds, SystemClock};

use crate::told::{Own, Told};

#[tokio::main]
async fn main() -> ExitCode {
    lambda::start("approval", run()).await
}

async fn run() -> Result<(), Error> {
    let told = Told::read()?;
    let (issuer, ports) = at_once(|| told.issuer(), || ports(&told));
    let reception = Reception::new(Review::new(ports?), told.roster()?, Some(issuer?), Arc::new(RandomIds));
    let routes = approval::routes(reception, Behind::Snowflake);
    lambda_http::run(told.surroundings.counted(routes)).await
}

fn ports(told: &Told) -> Result<ReviewPorts, Error> {
    let Own { aws, policies, approvals_machine, .. } = &told.own;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let stores = Stores::new(&told.surroundings, aws.clone());
    Ok(ReviewPorts {
        approvals: stores.approvals(stores.machine(approvals_machine)),
        standings: stores.standings(),
        accesses: stores.accesses(),
        recordings: stores.records(),
        exchanges: Arc::new(stores.exchanges()),
        keys: stores.keys(),
        policies: stores.policies(policies.as_deref(), None, &clock)?,
        clock,
    })
}
