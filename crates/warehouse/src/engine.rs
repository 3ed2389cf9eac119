//! The warehouse as its clients see it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::{Bindings, Catalog, Context, ObjectName, Relation};
use futures::FutureExt;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Semaphore, oneshot};

use crate::encode::PartitionRows;
use crate::errors::{SnowflakeError, WarehouseError};
use crate::execute::Executor;
use crate::jobs::{Done, Jobs, Outcome, QueryId, State};
use crate::lex;
use crate::result::{Answer, Cell};
use crate::session::Session;
use crate::store::{INFORMATION_SCHEMA, IfThere, Object, Store};
use crate::{demo, information, tpch, types};

/// Planning recurses over expressions; `lex` bounds their depth so that this stack suffices, also unoptimised.
const STACK: usize = 256 << 20;
/// Statements that run at the same time; more wait for a place. Each has a thread of its own: planning and many functions
/// do not pause, and what does not pause would keep others from running.
const PLACES: usize = 64;
/// Statements run at most so long.
const LONGEST: Duration = Duration::from_secs(604_800);

/// Catalog snapshots by (database, schema)s, each with the generation of names that it shows.
pub(crate) type Snapshots = HashMap<BTreeSet<(String, String)>, (u64, Arc<Catalog>)>;

/// A Snowflake account in this process: the TPC-H sample data and a demo database with people in it.
///
/// It stands for a remote server, so it has threads and a clock of its own, and goes on working between requests.
pub struct Warehouse {
    executor: Arc<Executor>,
    jobs: Arc<Jobs>,
    places: Arc<Semaphore>,
    runtime: Option<Runtime>,
    /// What the gateway last asked for.
    pub(crate) snapshots: Mutex<Snapshots>,
}

/// What is to be run. Names, text and bindings as in a request to the SQL API.
#[derive(Clone)]
pub struct Ask {
    /// One statement, or several with semicolons.
    pub text: String,
    /// Values for `?` by position, from 1.
    pub bindings: Bindings,
    /// The names to run under.
    pub context: Context,
    /// How many statements the text must hold; 0 for any number.
    pub statement_count: u32,
    /// Session parameters; none of those that are allowed changes an answer here.
    pub parameters: BTreeMap<String, String>,
    /// How long it may run.
    pub timeout: Option<Duration>,
    /// Asking again under the same id finds the first; empty for none.
    pub request_id: String,
}

impl fmt::Debug for Ask {
    // SECURITY: text and bindings hold literals.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ask({} bytes, {} bindings)", self.text.len(), self.bindings.len())
    }
}

impl Ask {
    /// One statement under the demo's usual names.
    pub fn new(text: impl Into<String>) -> Self {
        let context = Context {
            database: Some(demo::DATABASE.into()),
            schema: Some("PUBLIC".into()),
            ..Context::default()
        };
        Self {
            text: text.into(),
            bindings: Bindings::new(),
            context,
            statement_count: 1,
            parameters: BTreeMap::new(),
            timeout: None,
            request_id: String::new(),
        }
    }
}

impl Warehouse {
    /// Opens the warehouse. TPC-H tables of this scale factor are generated when they are first read.
    pub async fn open(scale: f64) -> Result<Self, WarehouseError> {
        if !(scale > 0.0 && scale <= 100.0) {
            return Err(WarehouseError::Scale);
        }
        // These keep the time; statements run on threads of their own.
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("warehouse")
            .thread_stack_size(STACK)
            .max_blocking_threads(PLACES)
            .enable_time()
            .build()
            .map_err(WarehouseError::Threads)?;
        let store = Arc::new(Store::default());
        let executor = Arc::new(Executor::new(Arc::clone(&store)).map_err(WarehouseError::Engine)?);
        let warehouse = Self {
            executor: Arc::clone(&executor),
            jobs: Arc::default(),
            places: Arc::new(Semaphore::new(PLACES)),
            runtime: Some(runtime),
            snapshots: Mutex::default(),
        };
        store.create_database(tpch::DATABASE);
        store.drop_schema(tpch::DATABASE, "PUBLIC");
        store.create_schema(tpch::DATABASE, tpch::SCHEMA);
        for (name, table) in tpch::tables(scale) {
            let name = ObjectName::new(tpch::DATABASE, tpch::SCHEMA, name);
            store
                .create(&name, Object::Table(Arc::new(table)), IfThere::Fail)
                .map_err(WarehouseError::Demo)?;
        }
        store.create_database(demo::DATABASE);
        if let Some(runtime) = &warehouse.runtime {
            let fill = runtime.spawn(async move { demo::fill(&executor).await });
            let filled = fill.await.unwrap_or_else(|_| Err(SnowflakeError::internal()));
            filled.map_err(WarehouseError::Demo)?;
        }
        Ok(warehouse)
    }

    /// Starts work. The answer to the same request id is the same id, and nothing runs again.
    pub async fn submit(&self, ask: Ask) -> QueryId {
        let (id, is_new) = self.jobs.begin(&ask.request_id);
        let Some(runtime) = self.runtime.as_ref().filter(|_| is_new) else { return id };
        let (executor, jobs) = (Arc::clone(&self.executor), Arc::clone(&self.jobs));
        let places = Arc::clone(&self.places);
        let task = runtime.spawn(async move {
            let limit = time_limit(&ask);
            let work = AssertUnwindSafe(on_a_thread(places, executor, Arc::clone(&jobs), ask)).catch_unwind();
            let outcome = match tokio::time::timeout(limit, work).await {
                Ok(Ok(Ok(outcome))) => outcome,
                Ok(Ok(Err(error))) => Outcome::Failed(error),
                Ok(Err(_panic)) => Outcome::Failed(SnowflakeError::internal()),
                Err(_elapsed) => Outcome::Failed(SnowflakeError::timed_out(limit.as_secs())),
            };
            jobs.end(id, outcome);
        });
        self.jobs.attach(id, task.abort_handle());
        id
    }

    /// How a statement stands, waiting for its end for at most `wait`.
    pub async fn state(&self, id: &QueryId, wait: Duration) -> State {
        let Some(mut outcome) = self.jobs.watch(*id) else { return State::Unknown };
        let ended = tokio::time::timeout(wait, outcome.wait_for(Option::is_some)).await;
        match ended {
            Err(_elapsed) => State::Running,
            Ok(Err(_dropped)) => State::Unknown,
            Ok(Ok(outcome)) => match outcome.as_ref() {
                None => State::Running,
                Some(Outcome::Done { answer, children }) => {
                    State::Done(Done { head: answer.head.clone(), children: children.clone() })
                }
                Some(Outcome::Failed(error)) => State::Failed(error.clone()),
                Some(Outcome::Cancelled) => State::Cancelled,
            },
        }
    }

    /// The rows of one partition, counting from 0; none when there is no such answer or partition (any more).
    pub fn partition(&self, id: &QueryId, n: usize) -> Option<PartitionRows> {
        let outcome = self.jobs.watch(*id)?.borrow().clone();
        let Some(Outcome::Done { answer, .. }) = outcome else { return None };
        answer.pieces.get(n).map(|batches| PartitionRows::new(batches.clone(), &answer.schema))
    }

    /// Stops a statement; nothing happens when it has ended or is unknown.
    pub fn cancel(&self, id: &QueryId) {
        self.jobs.cancel(*id);
    }

    /// The databases.
    pub fn databases(&self) -> Vec<String> {
        self.store().databases()
    }

    /// The schemas of a database.
    pub fn schemas(&self, database: &str) -> Vec<String> {
        self.store().schemas(database)
    }

    /// The tables and views of a schema with their columns, view texts and versions; empty when it does not exist.
    pub fn relations(&self, database: &str, schema: &str) -> Vec<(ObjectName, Relation)> {
        if schema == INFORMATION_SCHEMA && self.databases().iter().any(|d| d == database) {
            return information::relations(database);
        }
        self.store().relations(database, schema)
    }

    /// When this object was last defined, in microseconds; none when it does not exist.
    pub fn version(&self, name: &ObjectName) -> Option<i64> {
        if name.schema == INFORMATION_SCHEMA {
            let relations = self.relations(&name.database, &name.schema);
            return relations.into_iter().find(|(n, _)| n == name).map(|(_, relation)| relation.version);
        }
        self.store().get(name).map(|entry| entry.version)
    }

    /// Equal as long as no table or view was made, changed or taken away.
    pub(crate) fn generation(&self) -> u64 {
        self.store().generation()
    }

    fn store(&self) -> &Store {
        &self.executor.planner.store
    }
}

impl Drop for Warehouse {
    // A runtime must not be dropped where it would have to wait.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Warehouse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Warehouse")
    }
}

/// The shorter of what was asked and what the session parameter says.
fn time_limit(ask: &Ask) -> Duration {
    let parameter =
        ask.parameters.get("STATEMENT_TIMEOUT_IN_SECONDS").and_then(|text| text.parse::<u64>().ok());
    let limits = [ask.timeout, parameter.map(Duration::from_secs)];
    // Zero stands for the longest.
    limits.into_iter().flatten().filter(|limit| !limit.is_zero()).min().unwrap_or(LONGEST).min(LONGEST)
}

/// Works on a thread of its own, which stops at its next pause when this future is dropped. Until then it keeps its place.
async fn on_a_thread(
    places: Arc<Semaphore>,
    executor: Arc<Executor>,
    jobs: Arc<Jobs>,
    ask: Ask,
) -> Result<Outcome, SnowflakeError> {
    let place = places.acquire_owned().await.map_err(|_| SnowflakeError::internal())?;
    let (_wanted, unwanted) = oneshot::channel::<()>();
    let thread = tokio::task::spawn_blocking(move || {
        let _place = place;
        // What the engine spawns stays on this thread, too: the threads that keep the time must stay free.
        let runtime =
            Builder::new_current_thread().enable_time().build().map_err(|_| SnowflakeError::internal())?;
        let outcome = runtime.block_on(async {
            tokio::select! {
                biased;
                _ = unwanted => Ok(Outcome::Cancelled),
                outcome = work(&executor, &jobs, &ask) => outcome,
            }
        });
        runtime.shutdown_background();
        outcome
    });
    thread.await.unwrap_or_else(|_panic| Err(SnowflakeError::internal()))
}

async fn work(executor: &Executor, jobs: &Jobs, ask: &Ask) -> Result<Outcome, SnowflakeError> {
    let mut session = Session::new(&ask.context, &executor.planner.store)?;
    let statements = lex::split(&ask.text, &ask.bindings)?;
    let count = u32::try_from(statements.len()).unwrap_or(u32::MAX);
    if statements.is_empty() {
        return Err(SnowflakeError::new("000900", "42601", "SQL compilation error:\nEmpty SQL statement."));
    }
    if ask.statement_count != 0 && ask.statement_count != count {
        return Err(SnowflakeError::new(
            "000008",
            "0A000",
            format!(
                "Actual statement count {count} did not match the desired statement count {}.",
                ask.statement_count
            ),
        ));
    }
    if let [statement] = statements.as_slice() {
        let answer = executor.run(statement, &mut session).await?;
        return Ok(Outcome::Done { answer: Arc::new(answer), children: vec![] });
    }
    if !ask.bindings.is_empty() {
        return Err(SnowflakeError::unsupported("bind variables in a request with several statements"));
    }
    let mut children = Vec::with_capacity(statements.len());
    for statement in &statements {
        children.push(jobs.add_ended(executor.run(statement, &mut session).await?));
    }
    let row = vec![Cell::text("Multiple statements executed successfully.")];
    let answer = Answer::table(&[("multiple statement execution", types::TEXT)], &[row])?;
    Ok(Outcome::Done { answer: Arc::new(answer), children })
}
