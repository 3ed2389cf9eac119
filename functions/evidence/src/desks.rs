//! Bounds of what is read at once: of each channel so many bodies, of all of them together so many bytes, and a few that are
//! worked on, aside from whoever answers; so that nobody who sends slowly, much or often keeps others from being heard.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::{ChannelKind, Timestamp};
use gateway::Channel;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::rejected::Rejected;

/// Bodies of one configured channel that are read at once.
const OF_A_CHANNEL: usize = 3;

/// The same of one agent's own token.
const OF_AN_AGENT: usize = 2;

/// Bodies of one agent's own token in a minute: a prompt and its statements are some.
const OF_AN_AGENT_IN_A_MINUTE: u32 = 240;

/// Bytes of all channels' bodies that are held at once, in kB, as sent and inflated.
const HELD_KB: usize = 96 * 1024;

/// The same of all agents' own tokens: room of their own, so that they take none of others'.
const HELD_OF_AGENTS_KB: usize = 16 * 1024;

/// Bodies that are worked on at once. More would not be faster.
const AT_WORK: usize = 2;

/// Bodies up to here are read where they are: the way to another thread would cost more.
pub(crate) const LITTLE: usize = 8 * 1024;

/// How long a place is waited for.
const WAIT: Duration = Duration::from_secs(1);

/// See above.
pub(crate) struct Desks {
    held: Arc<Semaphore>,
    held_of_agents: Arc<Semaphore>,
    places: Mutex<BTreeMap<String, Arc<Semaphore>>>,
    work: Semaphore,
    minute: Mutex<(i64, BTreeMap<String, u32>)>,
}

/// A place, until it is dropped; and where its bytes are counted.
pub(crate) struct Place {
    _own: OwnedSemaphorePermit,
    held: Arc<Semaphore>,
}

/// So many bytes, until it is dropped.
pub(crate) struct Held(Vec<OwnedSemaphorePermit>);

impl Desks {
    pub fn new() -> Self {
        Self {
            held: Arc::new(Semaphore::new(HELD_KB)),
            held_of_agents: Arc::new(Semaphore::new(HELD_OF_AGENTS_KB)),
            places: Mutex::default(),
            work: Semaphore::new(AT_WORK),
            minute: Mutex::default(),
        }
    }

    /// A place for this channel.
    ///
    /// # Errors
    /// [`Rejected::Busy`] when none is free in time, [`Rejected::TooOften`] for an agent that sends too often.
    pub async fn place(&self, channel: &Channel, now: Timestamp) -> Result<Place, Rejected> {
        let is_own = channel.kind == ChannelKind::Own;
        let name = if is_own { principal(channel) } else { format!("channel {}", channel.name) };
        if is_own && self.is_too_often(&name, now) {
            return Err(Rejected::TooOften);
        }
        let places = {
            let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
            // Those that nobody holds are made anew when they are needed.
            if places.len() > 1024 {
                places.retain(|_, places| Arc::strong_count(places) > 1);
            }
            let most = if is_own { OF_AN_AGENT } else { OF_A_CHANNEL };
            Arc::clone(places.entry(name).or_insert_with(|| Arc::new(Semaphore::new(most))))
        };
        let held = if is_own { &self.held_of_agents } else { &self.held };
        match tokio::time::timeout(WAIT, places.acquire_owned()).await {
            Ok(Ok(own)) => Ok(Place { _own: own, held: Arc::clone(held) }),
            Ok(Err(_)) | Err(_) => Err(Rejected::Busy),
        }
    }

    fn is_too_often(&self, name: &str, now: Timestamp) -> bool {
        let minute = now.as_micros() / 60_000_000;
        let mut counted = self.minute.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.0 != minute {
            *counted = (minute, BTreeMap::new());
        }
        let count = counted.1.entry(name.to_owned()).or_default();
        *count = count.saturating_add(1);
        *count > OF_AN_AGENT_IN_A_MINUTE
    }

    /// Does work on a body of that many bytes: aside, and few at once, where it is not little.
    ///
    /// # Errors
    /// Those of the work; [`Rejected::Busy`] when it was interrupted.
    pub async fn work<T: Send + 'static>(
        &self,
        size: usize,
        work: impl FnOnce() -> Result<T, Rejected> + Send + 'static,
    ) -> Result<T, Rejected> {
        if size <= LITTLE {
            return work();
        }
        let _desk = self.work.acquire().await.map_err(|_| Rejected::Busy)?;
        tokio::task::spawn_blocking(work).await.map_err(|_| Rejected::Busy)?
    }
}

fn principal(channel: &Channel) -> String {
    format!("agent {:?} {:?} {:?}", channel.issuer, channel.speaks_for, channel.agent)
}

impl Place {
    /// Counts bytes that are to be held.
    pub fn held(&self) -> (Arc<Semaphore>, Held) {
        (Arc::clone(&self.held), Held(Vec::new()))
    }
}

impl Held {
    /// Holds so many bytes more.
    ///
    /// # Errors
    /// [`Rejected::Busy`] where too much is held by all together.
    pub fn more(&mut self, all: &Arc<Semaphore>, bytes: usize) -> Result<(), Rejected> {
        let kb = u32::try_from(bytes.div_ceil(1024)).map_err(|_| Rejected::Busy)?;
        let permit = Arc::clone(all).try_acquire_many_owned(kb).map_err(|_| Rejected::Busy)?;
        match self.0.first_mut() {
            Some(first) => first.merge(permit),
            None => self.0.push(permit),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use gateway::SpeaksFor;

    use super::*;

    const NOON: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

    fn channel(name: &str, kind: ChannelKind) -> Channel {
        let agent = Some(name.to_owned()).filter(|_| kind == ChannelKind::Own);
        let speaks_for = SpeaksFor::Anybody;
        Channel { name: name.to_owned(), kind, speaks_for, issuer: None, agent, credential: None }
    }

    #[tokio::test]
    async fn whoever_takes_all_places_that_it_may_leaves_others_theirs() {
        let (slow, hooks) = (channel("slow", ChannelKind::Hooks), channel("hooks", ChannelKind::Hooks));
        let (agent, other) = (channel("agent", ChannelKind::Own), channel("other", ChannelKind::Own));
        let desks = Desks::new();
        let mut taken = Vec::new();
        for _ in 0..OF_A_CHANNEL {
            taken.push(desks.place(&slow, NOON).await.unwrap());
        }
        for _ in 0..OF_AN_AGENT {
            taken.push(desks.place(&agent, NOON).await.unwrap());
        }
        assert!(desks.place(&slow, NOON).await.is_err() && desks.place(&agent, NOON).await.is_err());
        assert!(desks.place(&hooks, NOON).await.is_ok() && desks.place(&other, NOON).await.is_ok());
        taken.clear();
        assert!(desks.place(&slow, NOON).await.is_ok() && desks.place(&agent, NOON).await.is_ok());
    }

    #[tokio::test]
    async fn agents_hold_no_bytes_of_others_and_send_so_often_a_minute() {
        let (agent, hooks) = (channel("agent", ChannelKind::Own), channel("hooks", ChannelKind::Hooks));
        let desks = Desks::new();
        let place = desks.place(&agent, NOON).await.unwrap();
        let (all, mut held) = place.held();
        held.more(&all, HELD_OF_AGENTS_KB * 1024).unwrap();
        assert!(matches!(held.more(&all, 1), Err(Rejected::Busy)));
        let other = desks.place(&hooks, NOON).await.unwrap();
        let (all, mut others) = other.held();
        assert!(others.more(&all, 1).is_ok());
        for _ in 1..OF_AN_AGENT_IN_A_MINUTE {
            drop(desks.place(&agent, NOON).await.unwrap());
        }
        assert!(matches!(desks.place(&agent, NOON).await, Err(Rejected::TooOften)));
        assert!(desks.place(&hooks, NOON).await.is_ok());
        let later = Timestamp::from_micros(NOON.as_micros() + 60_000_000);
        assert!(desks.place(&agent, later).await.is_ok());
    }
}
