//! The seal function: rows of what was recorded, for Athena, and a look for what nobody was told of. No URL leads here; a queue and a schedule call it. It closes nothing,
//! reaches no Snowflake, and has no key but the one that everything is encrypted under.

mod told;

use std::process::ExitCode;
use std::sync::Arc;

use lambda::{Configured, Stores};
use lambda_http::lambda_runtime::{self, LambdaEvent, service_fn};
use lambda_http::{Error, tracing};
use local::SystemClock;
use seal::{Account, Seal};

use crate::told::Own;

#[tokio::main]
async fn main() -> ExitCode {
    lambda::start("seal", run()).await
}

async fn run() -> Result<(), Error> {
    let Configured { own: Own { aws, kept_topic, .. }, surroundings, .. } = Configured::read()?;
    let stores = Stores::new(&surroundings, aws);
    let kept = stores.told_of_records(&kept_topic);
    let account = Account { records: stores.compacted(), index: stores.index()?, kept };
    let seal = Seal::new(Arc::new(account), Arc::new(SystemClock));
    let answer = |event: LambdaEvent<serde_json::Value>| {
        let seal = seal.clone();
        async move {
            seal.handle(&event.payload).await.map_err(|error| {
                tracing::error!(error = &error as &(dyn std::error::Error + 'static), "no rows were made");
                Error::from(error)
            })
        }
    };
    lambda_runtime::run(surroundings.counted(service_fn(answer))).await
}
