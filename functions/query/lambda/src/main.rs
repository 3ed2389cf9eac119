//! The query function: the doors of `query` on AWS Lambda, behind an HTTP API.
//!
//! The claims that API Gateway puts beside a request are not looked at: the gateway verifies the token itself.

mod told;

use std::process::ExitCode;
use std::sync::Arc;

use gateway::ports::{Clock, Ids};
use gateway::{Gateway, Ports};
use lambda::{Elsewhere, Stores, Workload, at_once};
use lambda_http::Error;
use local::{RandomIds, SystemClock};
use query::{Answers, Resource};
use settings::{Issuer, wiring};

use crate::told::Told;

#[tokio::main]
async fn main() -> ExitCode {
    lambda::start("query", run()).await
}

async fn run() -> Result<(), Error> {
    let told = Told::read()?;
    let resource = Resource::of(&Issuer::all(&told.shared.issuers, &told.places)?);
    let gateway = Gateway::new(ports(&told)?, told.gateway()?);
    let resource = resource.with_scopes(&gateway.settings().scopes);
    let routes = query::routes_for(Arc::new(gateway), resource, Answers::Whole);
    lambda_http::run(told.surroundings.counted(routes)).await
}

fn ports(told: &Told) -> Result<Ports, Error> {
    let Told { shared, own, upstream, places, surroundings } = told;
    let (clock, ids): (Arc<dyn Clock>, Arc<dyn Ids>) = (Arc::new(SystemClock), Arc::new(RandomIds));
    let account = || {
        let role = Workload::new(surroundings, &clock);
        wiring::account(upstream, places, &clock, &ids, Some(role))
    };
    let stores = || {
        let stores = Stores::new(surroundings, own.aws.clone());
        let policies = stores.policies(shared.policies.as_deref(), Some(upstream), &clock);
        (stores, policies)
    };
    let issuers = || wiring::issuers(&shared.issuers, &shared.auditors, places);
    let ((account, issuers), (stores, policies)) = at_once(|| at_once(account, issuers), stores);
    let (account, catalogs) = account?;
    Ok(Ports {
        identities: Arc::new(issuers?),
        policies: policies?,
        catalogs,
        keys: stores.keys(),
        recorder: stores.records(),
        recordings: stores.records(),
        // What outlives its hold is carried on by `work`.
        exchanges: Arc::new(stores.exchanges().handing_over_to(stores.machine(&own.unfinished_machine))),
        approvals: stores.approvals(stores.machine(&own.approvals_machine)),
        standings: stores.standings(),
        accesses: stores.accesses(),
        evidence: stores.evidence(),
        // `work` tells reviewers.
        notifier: Arc::new(Elsewhere),
        upstream: account,
        clock,
        ids,
    })
}
