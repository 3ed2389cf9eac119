//! The authorizer function: whose requests an HTTP API lets through to the doors. It calls nobody but issuers, for their keys.

mod told;

use std::process::ExitCode;
use std::sync::Arc;

use authorizer::Authorizer;
use lambda::Configured;
use lambda_http::Error;
use lambda_http::lambda_runtime::{self, LambdaEvent, service_fn};
use local::SystemClock;
use settings::wiring;

#[tokio::main]
async fn main() -> ExitCode {
    lambda::start("authorizer", run()).await
}

async fn run() -> Result<(), Error> {
    let Configured { own, places, surroundings } = told::read()?;
    let issuers = wiring::issuers(&own.issuers, &own.auditors, &places)?;
    let authorizer = Authorizer::new(Arc::new(issuers), Arc::new(SystemClock));
    let answer = |event: LambdaEvent<serde_json::Value>| {
        let authorizer = authorizer.clone();
        async move { authorizer.handle(&event.payload).await.map_err(Error::from) }
    };
    lambda_runtime::run(surroundings.counted(service_fn(answer))).await
}
