//! The index function: rows by which what was recorded is found. No URL leads here; a queue calls it. It closes nothing,
//! reaches no Snowflake, and has no key but the one that everything is encrypted under.

mod told;

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use gateway::ports::Clock;
use index::{Account, Indexer};
use lambda::{Configured, Stores};
use lambda_http::lambda_runtime::{self, LambdaEvent, service_fn};
use lambda_http::{Error, tracing};
use local::SystemClock;

use crate::told::Own;

#[tokio::main]
async fn main() -> ExitCode {
    lambda::start("index", run()).await
}

async fn run() -> Result<(), Error> {
    let Configured { own: Own { aws, index_days, metrics, .. }, surroundings, .. } = Configured::read()?;
    let stores = Stores::new(&surroundings, aws);
    let account = Account { records: stores.compacted(), index: stores.index()? };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let indexer = Indexer::new(Arc::new(account), Arc::clone(&clock), index_days.into());
    let (indexer, clock, metrics) = (&indexer, &clock, metrics.as_str());
    let answer = |event: LambdaEvent<serde_json::Value>| async move {
        let time = lambda::time_left(event.context.deadline, clock.now());
        let done = indexer.handle(&event.payload, time).await.map_err(|error| {
            tracing::error!(error = &error as &(dyn std::error::Error + 'static), "no rows were written");
            Error::from(error)
        });
        let (answer, measured) = done?;
        // CloudWatch reads metrics off whole lines of the log, which nothing may be written around.
        for line in measured.lines(metrics, clock.now()) {
            writeln!(std::io::stdout(), "{line}")?;
        }
        Ok::<_, Error>(answer)
    };
    lambda_runtime::run(surroundings.counted(service_fn(answer))).await
}
