//! The query function: the doors of `query` on AWS Lambda, behind an HTTP API.
//!
//! The claims that API Gateway puts beside a request are not looked at: the gateway verifies the token itself.

mod settings;

use std::process::ExitCode;
use std::sync::Arc;

use gateway::ports::{Clock, Ids};
use gateway::{Gateway, Ports};
use lambda_http::tracing::{self, Level, subscriber};
use local::{Home, RandomIds, SystemClock, Terminal};
use query::{Answers, Resource, wiring};
use settings::Settings;

#[tokio::main]
async fn main() -> ExitCode {
    wiring::hide_panics("query");
    // SECURITY: never finer than INFO, whatever the environment says: the runtime traces what it carries.
    subscriber::fmt().json().without_time().with_max_level(Level::INFO).init();
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("query: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), lambda_http::Error> {
    let settings = Settings::read()?;
    let gateway = Gateway::new(ports(&settings)?, settings.gateway());
    let resource = Resource::of(&settings.shared.issuers()?).with_scopes(&gateway.settings().scopes);
    lambda_http::run(query::routes_for(Arc::new(gateway), resource, Answers::Whole)).await
}

fn ports(settings: &Settings) -> Result<Ports, lambda_http::Error> {
    let policies = wiring::policies(settings.shared.policies.as_deref())?;
    if let Some(told) = wiring::unread_tags(&policies, Some(&settings.upstream)) {
        tracing::error!("{told}");
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ids: Arc<dyn Ids> = Arc::new(RandomIds);
    let (upstream, catalogs) = wiring::account(&settings.upstream, &settings.places, &clock, &ids)?;
    let identities = Arc::new(wiring::issuers(&settings.shared, &settings.places)?);
    // Made last: what does not start leaves nothing behind.
    let home = Home::open(&settings.shared.home)?;
    Ok(Ports {
        identities,
        policies: Arc::new(policies),
        catalogs,
        keys: Arc::new(home.clone()),
        recorder: Arc::new(home.clone()),
        recordings: Arc::new(home.clone()),
        exchanges: Arc::new(home.clone()),
        notifier: Arc::new(Terminal::new(home.path(), Box::new(std::io::stderr()))),
        standings: Arc::new(home.clone()),
        accesses: Arc::new(home.clone()),
        evidence: Arc::new(home.clone()),
        approvals: Arc::new(home),
        upstream,
        clock,
        ids,
    })
}
