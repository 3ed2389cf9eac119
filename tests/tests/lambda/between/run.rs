//! One run of a scenario: turn by turn, with one call of one turn struck, or none.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::agent::{self, Agent, Told};
use super::ground::{Counted, Ground, PATIENCE};
use super::runtime::Invoked;
use super::strikes::{Strike, Watch};
use crate::moto::Call;

/// Which call is struck: of which turn, the how manyth from 0, and by what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Blow {
    pub turn: String,
    pub at: usize,
    pub strike: Strike,
}

/// Of a call that should have been struck.
pub const NEVER_MADE: &str = "it was never made";

/// Of a function that has not answered when API Gateway gives up.
pub const TOO_LATE: &str = "no answer in time";

/// How often a state machine tries a task again, at least.
const TRIES: usize = 8;

pub struct Run {
    pub ground: Arc<Ground>,
    pub agent: Agent,
    /// Its number among all.
    pub n: u32,
    /// None: every turn is watched in a process of its own.
    blow: Option<Blow>,
    /// Seconds that its first answer is waited for: long enough on a busy machine for what ends at once, short for what does not.
    hold: u64,
    /// The calls of each turn that was watched.
    seen: Mutex<BTreeMap<String, Vec<Call>>>,
    is_struck: Mutex<bool>,
    frozen: Mutex<Vec<(Arc<Watch>, JoinHandle<Invoked>)>>,
    counted: Counted,
}

impl Run {
    pub async fn new(
        counted: Counted,
        n: u32,
        blow: Option<Blow>,
        hold: u64,
        statement: String,
        statements: usize,
    ) -> Self {
        let ground = Arc::clone(&counted.ground);
        Self {
            ground: Arc::clone(&ground),
            agent: ground.agent(n, (statement, statements)).await,
            n,
            blow,
            hold,
            seen: Mutex::default(),
            is_struck: Mutex::new(false),
            frozen: Mutex::default(),
            counted,
        }
    }

    /// Whether something befalls that turn.
    pub fn strikes(&self, turn: &str) -> Option<Strike> {
        self.blow.as_ref().filter(|blow| blow.turn == turn).map(|blow| blow.strike)
    }

    pub fn blow_turn(&self) -> Option<&str> {
        self.blow.as_ref().map(|blow| blow.turn.as_str())
    }

    pub fn blow_strike(&self) -> Option<Strike> {
        self.blow.as_ref().map(|blow| blow.strike)
    }

    /// What was called in each turn that was watched.
    pub fn seen(&self) -> BTreeMap<String, Vec<Call>> {
        self.seen.lock().unwrap().clone()
    }

    /// Has a function answer an event; the first time that a turn comes which is to be struck, in a process that is.
    pub async fn turn(&self, turn: &str, function: &str, event: &Value) -> Invoked {
        let strike = match &self.blow {
            None if !self.seen.lock().unwrap().contains_key(turn) => None,
            Some(blow)
                if blow.turn == turn && !std::mem::replace(&mut *self.is_struck.lock().unwrap(), true) =>
            {
                Some((blow.at, blow.strike))
            }
            None | Some(_) => return self.ground.invoke(function, event).await,
        };
        let watch = Watch::new(self.ground.moto, strike);
        let process = self.ground.process(function, self.hold, &watch);
        let mut answering = tokio::spawn({
            let (process, event) = (Arc::clone(&process), event.clone());
            async move { process.invoke_at_last(&event).await }
        });
        let invoked = tokio::select! {
            answered = &mut answering => answered.unwrap(),
            () = watch.gone.notified() => Invoked::Silent,
            () = tokio::time::sleep(Duration::from_secs(29)) => Invoked::Silent,
        };
        let is_frozen = strike.is_some_and(|(_, strike)| strike == Strike::Freezes) && watch.is_struck();
        let is_dead = matches!(strike, Some((_, Strike::DiesBefore | Strike::DiesAfter)));
        if matches!(invoked, Invoked::Silent) && !is_frozen && !is_dead {
            panic!("{TOO_LATE}:\n{}", process.said());
        }
        if strike.is_some() && !watch.is_struck() {
            let calls = watch.calls().len();
            panic!("{NEVER_MADE}: it made {calls}, and answered {invoked:?}");
        }
        self.ground.had_the_rights(function, &watch);
        self.seen.lock().unwrap().insert(turn.to_owned(), watch.calls());
        if is_frozen {
            self.frozen.lock().unwrap().push((watch, answering));
        } else {
            answering.abort();
            self.ground.moto.stand_between(&process.name, None);
        }
        invoked
    }

    /// Lets what was frozen go on, and tells what it has answered in the end.
    pub async fn thawed(&self) -> Vec<Invoked> {
        let frozen = std::mem::take(&mut *self.frozen.lock().unwrap());
        let mut answers = Vec::new();
        for (watch, answering) in frozen {
            watch.thaw();
            let answered = tokio::time::timeout(Duration::from_secs(60), answering).await;
            answers.push(answered.expect("what was frozen answers nothing").unwrap());
        }
        answers
    }

    /// What the SQL API's door has told; rows only if they are kept by then.
    pub async fn told(&self, invoked: &Invoked) -> Told {
        let told = agent::of_sql_api(invoked);
        self.checked(told).await
    }

    pub async fn told_by_mcp(&self, invoked: &Invoked) -> Told {
        let told = agent::of_mcp(invoked);
        self.checked(told).await
    }

    async fn checked(&self, told: Told) -> Told {
        match &told {
            Told::Rows { exchange, rows, .. } => self.ground.are_kept(exchange, rows).await,
            Told::Batch { exchange, .. } => {
                assert!(
                    self.ground.closing(exchange).await.is_some(),
                    "{exchange} has ended and is not closed"
                );
            }
            Told::Pending { .. } | Told::No { .. } | Told::Cancelled | Told::Later | Told::Nothing => {}
        }
        told
    }

    /// Waits for the sweep, if it does not go round yet.
    pub async fn until_swept(&self) {
        self.counted.until_swept().await;
        self.agent.takes(self.ground.token(self.n).await);
    }

    /// Waits for what needs no sweep; none where it does not come.
    pub async fn soon<T>(&self, mut tries: impl FnMut() -> Option<T>) -> Option<T> {
        for _ in 0..100 {
            if let Some(found) = tries() {
                return Some(found);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        None
    }

    /// Tries until it is so: once by itself, and then while the sweep goes round.
    pub async fn at_last<T>(&self, what: &str, mut tries: impl AsyncFnMut() -> Option<T>) -> T {
        if let Some(found) = tries().await {
            return found;
        }
        self.until_swept().await;
        let begun = Instant::now();
        loop {
            if let Some(found) = tries().await {
                return found;
            }
            assert!(begun.elapsed() < PATIENCE, "in vain waited until {what}:\n{}", self.ground.said());
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
    }

    /// What the agent is told at last, who asks with its request id until it has a handle, and collects then.
    pub async fn converged(&self, told: Told) -> Told {
        let (last, collected) = (Mutex::new(told), Mutex::new(None::<String>));
        self.at_last("the agent has its answer", async || {
            let before = last.lock().unwrap().clone();
            let event = match &before {
                Told::Pending { handle, waits } => {
                    *collected.lock().unwrap() = Some(handle.clone());
                    // Where a machine was begun, it goes on with it.
                    if !waits && self.ground.has_begun(handle) {
                        self.ground.invoke("work", &Self::task("carry", "exchange", handle)).await;
                    }
                    self.agent.collects(handle)
                }
                told if told.is_final() => return Some(before),
                // Whoever has a handle goes on with that: of a batch its request id tells of all of it.
                _ => match collected.lock().unwrap().as_ref() {
                    Some(handle) => self.agent.collects(handle),
                    None => self.agent.asks_again(),
                },
            };
            let told = self.told(&self.ground.invoke("query", &event).await).await;
            *last.lock().unwrap() = told.clone();
            told.is_final().then_some(told)
        })
        .await
    }

    /// The same of one handle that is collected.
    pub async fn converged_of(&self, told: Told, handle: &str) -> Told {
        match told {
            Told::Later | Told::Nothing => {
                self.converged(Told::Pending { handle: handle.to_owned(), waits: false }).await
            }
            told => self.converged(told).await,
        }
    }

    /// The handle of what the agent has asked, or what it was told at last instead.
    pub async fn handle(&self, told: Told) -> Result<String, Told> {
        let last = Mutex::new(told);
        self.at_last("the agent has a handle", async || {
            let before = last.lock().unwrap().clone();
            match before {
                Told::Pending { handle, .. } => return Some(Ok(handle)),
                told if told.is_final() => return Some(Err(told)),
                _ => {}
            }
            let event = self.agent.asks_again();
            let told = self.told(&self.ground.invoke("query", &event).await).await;
            *last.lock().unwrap() = told.clone();
            match told {
                Told::Pending { handle, .. } => Some(Ok(handle)),
                told if told.is_final() => Some(Err(told)),
                _ => None,
            }
        })
        .await
    }

    /// Does a task as a state machine does: again when it fails, and as long as it is not over where it is to be; whether it did.
    pub async fn machine(&self, turn: &str, task: &Value, until_over: bool) -> bool {
        let mut tries = 0;
        while tries < TRIES {
            match self.turn(turn, "work", task).await {
                Invoked::Answered(answer) if answer["over"] == true || !until_over => return true,
                Invoked::Answered(answer) => {
                    let seconds = answer["seconds"].as_u64().unwrap();
                    tokio::time::sleep(Duration::from_secs(seconds.min(5))).await;
                }
                Invoked::Failed(_) | Invoked::Silent => {
                    tries += 1;
                    // Of what is frozen nobody else can have the lease before it ends.
                    if self.strikes(turn) == Some(Strike::Freezes) {
                        return false;
                    }
                    tokio::time::sleep(Duration::from_millis(300)).await;
                }
            }
        }
        false
    }

    /// How often the statement has begun to run in the account: requests with different ids.
    pub fn effects(&self) -> usize {
        let has = |body: &[u8]| {
            let body = String::from_utf8_lossy(body);
            body.contains(&self.agent.statement)
        };
        let mut ids = Vec::new();
        for request in self.ground.snow.received().iter().filter(|request| has(&request.body)) {
            let id = request.query.split('&').find_map(|pair| pair.strip_prefix("requestId="));
            let id = id.unwrap_or_else(|| panic!("a submission without an id: {}", request.query)).to_owned();
            let is_again = request.query.contains("retry=true");
            assert!(is_again || !ids.contains(&id), "submitted twice as if it were the first time: {id}");
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        ids.len()
    }

    pub fn task(name: &str, of: &str, id: &str) -> Value {
        json!({ "task": name, of: id })
    }
}
