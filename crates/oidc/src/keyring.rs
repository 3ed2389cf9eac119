//! The keys of one issuer, kept: fetched when needed, by one caller at a time, and never too often.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::Timestamp;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};

use crate::fetch::Source;
use crate::keys::KeySet;
use crate::{IssuerSettings, Rejected};

/// The least time between the first fetch of all, where it brought nothing, and the second.
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// The kept keys of one issuer.
///
/// Nothing is fetched in the background: a caller that needs keys fetches them, and others that need them
/// wait for the same fetch. A fetch whose callers all went away stands still until the next caller takes it up, so that
/// presenting a token and hanging up neither starts fetch after fetch nor throws one away.
pub(crate) struct Keyring {
    source: Source,
    max_age: Duration,
    max_stale: Duration,
    interval: Duration,
    timeout: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    kept: Option<Kept>,
    /// When the last fetch started, whatever became of it.
    started: Option<Timestamp>,
    /// Whether it was the first.
    is_first: bool,
    /// The fetch that runs.
    flight: Option<Flight>,
}

#[derive(Clone)]
struct Kept {
    keys: Arc<KeySet>,
    /// When the fetch that brought them started.
    at: Timestamp,
}

#[derive(Clone)]
struct Flight {
    keys: Shared<BoxFuture<'static, Option<Arc<KeySet>>>>,
    started: Timestamp,
}

/// What a caller does to get its keys.
enum Way {
    Use(Arc<KeySet>),
    Wait(Flight),
    GiveUp,
}

impl Keyring {
    /// An empty ring for the issuer with these settings.
    pub(crate) fn new(settings: &IssuerSettings, source: Source) -> Self {
        Self {
            source,
            max_age: settings.keys_max_age,
            max_stale: settings.keys_max_stale,
            interval: settings.fetch_interval,
            timeout: settings.fetch_timeout,
            state: Mutex::default(),
        }
    }

    /// The best keys to look for `key_id` in. They may lack it, when the issuer was asked a moment ago.
    pub(crate) async fn keys(&self, key_id: Option<&str>, now: Timestamp) -> Result<Arc<KeySet>, Rejected> {
        let flight = match self.way(key_id, now) {
            Way::Use(keys) => return Ok(keys),
            Way::GiveUp => return Err(Rejected::Unreachable),
            Way::Wait(flight) => flight,
        };
        let fetched = flight.keys.clone().await;
        let mut state = self.lock();
        if state.flight.as_ref().is_some_and(|current| current.keys.ptr_eq(&flight.keys)) {
            state.flight = None;
            if let Some(keys) = fetched {
                state.kept = Some(Kept { keys, at: flight.started });
            }
        }
        self.usable(&state, now).map(|kept| Arc::clone(&kept.keys)).ok_or(Rejected::Unreachable)
    }

    fn way(&self, key_id: Option<&str>, now: Timestamp) -> Way {
        let mut state = self.lock();
        let usable = self.usable(&state, now);
        // Keys that serve this token, fresh or not.
        let serving = usable.filter(|kept| kept.keys.has(key_id));
        if let Some(kept) = serving.filter(|kept| elapsed(kept.at, now) <= self.max_age) {
            return Way::Use(Arc::clone(&kept.keys));
        }
        let running = state.flight.as_ref().filter(|flight| elapsed(flight.started, now) <= self.timeout);
        match (serving, running) {
            // Somebody else fetches already, and what there is will do.
            (Some(kept), Some(_)) => return Way::Use(Arc::clone(&kept.keys)),
            (None, Some(flight)) => return Way::Wait(flight.clone()),
            (_, None) => {}
        }
        // SECURITY: anybody can write a token that names an issuer and an unknown key. However many come, the
        // issuer is asked no more often than this. A fetch that still stands here ran out of time with nobody
        // waiting: that must not lock out who comes next.
        // Who has just started has no keys to go by while an issuer is away for a moment, and asks once more before long.
        let interval = if state.is_first && state.kept.is_none() {
            self.interval.min(FIRST_RETRY)
        } else {
            self.interval
        };
        let is_too_soon = state.started.is_some_and(|started| elapsed(started, now) < interval);
        if is_too_soon && state.flight.is_none() {
            return usable.map_or(Way::GiveUp, |kept| Way::Use(Arc::clone(&kept.keys)));
        }
        let flight = Flight { keys: fetching(self.source.clone()), started: now };
        state.is_first = state.started.is_none();
        state.started = Some(now);
        state.flight = Some(flight.clone());
        Way::Wait(flight)
    }

    /// The kept keys, unless they are too old to be trusted at all.
    fn usable<'a>(&self, state: &'a State, now: Timestamp) -> Option<&'a Kept> {
        state.kept.as_ref().filter(|kept| elapsed(kept.at, now) <= self.max_stale)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing between lock and unlock can leave the state half written.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One fetch that any number of callers can wait for.
fn fetching(source: Source) -> Shared<BoxFuture<'static, Option<Arc<KeySet>>>> {
    let fetching = async move {
        match source.keys().await {
            Ok(keys) => Some(Arc::new(keys)),
            Err(error) => {
                tracing::warn!(issuer = source.issuer, %error, "the keys of an issuer cannot be fetched");
                None
            }
        }
    };
    fetching.boxed().shared()
}

/// The time between two moments. A clock that was set back by more than a moment's jitter makes what happened
/// "in the future" infinitely old: asked for again, never trusted for longer.
fn elapsed(from: Timestamp, to: Timestamp) -> Duration {
    const JITTER: Duration = Duration::from_secs(60);
    if from.since(to) > JITTER { Duration::MAX } else { to.since(from) }
}
