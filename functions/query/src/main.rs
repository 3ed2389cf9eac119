//! The query function: the doors of `query` on AWS Lambda, behind an HTTP API.
//!
//! The claims that API Gateway puts beside a request are not looked at: the gateway verifies the token itself.

mod settings;

use std::sync::Arc;

use gateway::ports::Clock;
use gateway::{Gateway, Ports};
use lambda_http::tracing::{Level, subscriber};
use local::{FolderPolicies, Home, RandomIds, SystemClock};
use oidc::Issuers;
use settings::Settings;
use snowflake::{AccountCatalogs, SqlApi, TierCredentials};

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    // SECURITY: what a library panics with may hold a value or a statement. The place is enough to mend it.
    std::panic::set_hook(Box::new(|panic| match panic.location() {
        Some(place) => eprintln!("a task failed at {place}"),
        None => eprintln!("a task failed"),
    }));
    // SECURITY: never finer than INFO, whatever the environment says: the runtime traces what it carries.
    subscriber::fmt().json().without_time().with_max_level(Level::INFO).init();

    let settings = Settings::read()?;
    let home = Home::open(&settings.home)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let credentials = TierCredentials::new(&settings.upstream, &clock, None)?;
    let account = Arc::new(SqlApi::new(settings.upstream.clone(), Arc::new(credentials))?);
    let ports = Ports {
        identities: Arc::new(Issuers::new(settings.issuers()?)?),
        policies: Arc::new(FolderPolicies::new(settings.policies.clone())),
        catalogs: Arc::new(AccountCatalogs::new(
            Arc::clone(&account),
            Arc::clone(&clock),
            Arc::new(RandomIds),
        )),
        keys: Arc::new(home.clone()),
        recorder: Arc::new(home.clone()),
        recordings: Arc::new(home.clone()),
        exchanges: Arc::new(home),
        upstream: account,
        clock,
        ids: Arc::new(RandomIds),
    };
    let gateway = Gateway::new(ports, settings.gateway());
    lambda_http::run(query::routes(Arc::new(gateway))).await
}
