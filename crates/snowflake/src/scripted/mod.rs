//! A server that answers by a script, and may lie.
//!
//! It speaks enough HTTP/1.1 to be Snowflake's SQL API for a test, a bench or a local trial of a Lambda, and to break
//! every promise of that protocol: late, cut, dropped, stalled, bombs, wrong counts, surprise fields. It keeps what it
//! was sent. It serves plain http and checks no credential.
//!
//! ```
//! # async fn example() -> std::io::Result<()> {
//! use snowflake::scripted::{Answer, Scripted, When};
//!
//! let server = Scripted::listen(([127, 0, 0, 1], 0).into()).await?;
//! let handle = "01b2c3d4-0000-0000-0000-000000000001";
//! server.on(When::submitted(), [
//!     Answer::status(503),
//!     Answer::result(handle, &[("N", "fixed")], &[&[Some("1")]]),
//! ]);
//! println!("{}", server.url());
//! # Ok(())
//! # }
//! ```

mod answer;
mod http;
mod when;

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use answer::{Answer, Ending, gzip};
pub use http::Received;
pub use when::When;

/// A running server; it stops when this is dropped.
pub struct Scripted {
    address: SocketAddr,
    script: Arc<Script>,
    accepting: JoinHandle<()>,
}

#[derive(Default)]
struct Script {
    rules: Mutex<Vec<Rule>>,
    received: Mutex<Vec<Received>>,
}

struct Rule {
    when: When,
    answers: VecDeque<Answer>,
}

impl Scripted {
    /// Listens there; port 0 takes a free one.
    pub async fn listen(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let script = Arc::new(Script::default());
        let accepting = tokio::spawn({
            let script = script.clone();
            async move {
                while let Ok((connection, _)) = listener.accept().await {
                    tokio::spawn(http::serve(connection, script.clone()));
                }
            }
        });
        Ok(Self { address, script, accepting })
    }

    /// Where it listens, for `Settings::url`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Adds a rule: requests like this are answered by these, in order, the last again and again. Of several rules
    /// that match, the first added counts; what no rule matches is answered 404.
    pub fn on(&self, when: When, answers: impl IntoIterator<Item = Answer>) {
        lock(&self.script.rules).push(Rule { when, answers: answers.into_iter().collect() });
    }

    /// The same, before every rule that was added until now.
    pub fn instead(&self, when: When, answers: impl IntoIterator<Item = Answer>) {
        lock(&self.script.rules).insert(0, Rule { when, answers: answers.into_iter().collect() });
    }

    /// What it was sent, in order.
    pub fn received(&self) -> Vec<Received> {
        lock(&self.script.received).clone()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Script {
    /// Keeps the request and finds its answer.
    fn answer(&self, request: Received) -> Answer {
        let mut rules = lock(&self.rules);
        let answer = rules.iter_mut().find(|rule| rule.when.matches(&request)).and_then(|rule| {
            if rule.answers.len() > 1 { rule.answers.pop_front() } else { rule.answers.front().cloned() }
        });
        lock(&self.received).push(request);
        answer.unwrap_or_else(|| Answer::status(404))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
