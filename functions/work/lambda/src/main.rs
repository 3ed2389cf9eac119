//! The work function: whatever happens when nobody waits for an answer. No URL leads here; two state machines and a schedule call it.

mod told;

use std::process::ExitCode;
use std::sync::Arc;

use gateway::ports::{Clock, Ids};
use gateway::{Gateway, Ports};
use lambda::{Elsewhere, Stores, Workload, at_once};
use lambda_http::lambda_runtime::{self, LambdaEvent, service_fn};
use lambda_http::{Error, tracing};
use local::{RandomIds, SystemClock};
use settings::wiring;
use work::Work;

use crate::told::{Own, Told};

#[tokio::main]
async fn main() -> ExitCode {
    lambda::start("work", run()).await
}

async fn run() -> Result<(), Error> {
    let told = Told::read()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let (ports, stores) = ports(&told, &clock)?;
    let machine = stores.machine(&told.own.approvals_machine);
    let work = Work::new(Gateway::new(ports, told.gateway()?), machine, clock);
    let answer = |event: LambdaEvent<serde_json::Value>| {
        let work = work.clone();
        async move {
            work.handle(event.payload).await.map_err(|error| {
                tracing::error!(error = &error as &(dyn std::error::Error + 'static), "a task was not done");
                Error::from(error)
            })
        }
    };
    lambda_runtime::run(told.surroundings.counted(service_fn(answer))).await
}

fn ports(told: &Told, clock: &Arc<dyn Clock>) -> Result<(Ports, Stores), Error> {
    let Told { own, places, surroundings } = told;
    let Own { upstream, policies, approvals_machine, reviewers_topic, .. } = own;
    let ids: Arc<dyn Ids> = Arc::new(RandomIds);
    let account = || {
        let role = Workload::new(surroundings, clock);
        wiring::account(upstream, places, clock, &ids, Some(role))
    };
    let stores = || {
        let stores = Stores::new(surroundings, own.aws.clone());
        let policies = stores.policies(policies.as_deref(), Some(upstream), clock);
        (stores, policies)
    };
    let (account, (stores, policies)) = at_once(account, stores);
    let (account, catalogs) = account?;
    let ports = Ports {
        // No agent comes here.
        identities: Arc::new(Elsewhere),
        policies: policies?,
        catalogs,
        keys: stores.keys(),
        recorder: stores.records(),
        recordings: stores.records(),
        exchanges: Arc::new(stores.exchanges()),
        approvals: stores.approvals(stores.machine(approvals_machine)),
        standings: stores.standings(),
        accesses: stores.accesses(),
        evidence: stores.evidence(),
        notifier: stores.topic(reviewers_topic),
        upstream: account,
        clock: Arc::clone(clock),
        ids,
    };
    Ok((ports, stores))
}
