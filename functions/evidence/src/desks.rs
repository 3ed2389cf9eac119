//! Bounds of what is read at once: of each channel so many bodies and bytes, of all exports together so many bytes, and a few
//! that are worked on, aside from whoever answers; so that nobody who sends slowly, much or often keeps others from being heard.
//!
//! A body takes its place when it is there, for several machines may hold one secret, and one of them sends slowly; an agent's
//! own word takes it before.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::{ChannelKind, Timestamp};
use gateway::Channel;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::rejected::Rejected;

/// Bodies of one configured channel that are worked on or wait for it.
const OF_A_CHANNEL: usize = 3;

/// The same of one agent's own token.
const OF_AN_AGENT: usize = 2;

/// Bodies of one agent's own token in a minute: a prompt and its statements are some.
const OF_AN_AGENT_IN_A_MINUTE: u32 = 240;

/// Bytes of all exports that are held at once, in kB, as sent and inflated.
const HELD_KB: usize = 96 * 1024;

/// The same of one channel's exports: three of the largest, so that the channel of one slow machine leaves others theirs.
const HELD_OF_EXPORTS_KB: usize = 48 * 1024;

/// The same of the small bodies of one configured channel: thousands of hooks.
const HELD_OF_A_CHANNEL_KB: usize = 16 * 1024;

/// The same of all agents' own tokens: room of their own, so that they take none of others'.
const HELD_OF_AGENTS_KB: usize = 16 * 1024;

/// Exports that are worked on at once, of one channel one. More would not be faster.
const AT_WORK: usize = 2;

/// Small bodies besides: a hook is not kept waiting by exports, for its client stops its person's prompt after some seconds.
const SMALL_AT_WORK: usize = 1;

/// Bodies up to here are read where they are: the way to another thread would cost more.
pub(crate) const LITTLE: usize = 8 * 1024;

/// How long a place is waited for.
const WAIT: Duration = Duration::from_secs(1);

/// How long an export waits for a desk: less than its client waits for the answer (ten seconds, OpenTelemetry's "OTLP exporter"),
/// which comes again then.
const WAIT_FOR_DESK: Duration = Duration::from_secs(5);

/// See above.
pub(crate) struct Desks {
    held: Arc<Semaphore>,
    held_of_agents: Arc<Semaphore>,
    places: Mutex<BTreeMap<String, Arc<OfAChannel>>>,
    exports: Arc<Semaphore>,
    small: Arc<Semaphore>,
    minute: Mutex<(i64, BTreeMap<String, u32>)>,
}

/// What kind of body is worked on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Work {
    /// A megabyte at most, inflated.
    Small,
    /// Any number of things, in pieces.
    Export,
}

/// What one channel may use at once.
struct OfAChannel {
    places: Arc<Semaphore>,
    held: Arc<Semaphore>,
    desk: Arc<Semaphore>,
}

/// A place, until it is dropped: whatever is worked on for it holds it, whether anybody still waits or not.
pub(crate) struct Place {
    _own: OwnedSemaphorePermit,
    /// Kept with it, so that all who use the channel at once use the same.
    channel: Arc<OfAChannel>,
}

/// So many bytes, until it is dropped.
pub(crate) struct Held {
    /// All of what they are counted in.
    counted: Vec<(Arc<Semaphore>, Option<OwnedSemaphorePermit>)>,
    /// As for a place.
    _channel: Arc<OfAChannel>,
}

impl Desks {
    pub fn new() -> Self {
        Self {
            held: Arc::new(Semaphore::new(HELD_KB)),
            held_of_agents: Arc::new(Semaphore::new(HELD_OF_AGENTS_KB)),
            places: Mutex::default(),
            exports: Arc::new(Semaphore::new(AT_WORK)),
            small: Arc::new(Semaphore::new(SMALL_AT_WORK)),
            minute: Mutex::default(),
        }
    }

    /// A place for this channel.
    ///
    /// # Errors
    /// [`Rejected::Busy`] when none is free in time, [`Rejected::TooOften`] for an agent that sends too often.
    pub async fn place(&self, channel: &Channel, now: Timestamp) -> Result<Place, Rejected> {
        if channel.kind == ChannelKind::Own && self.is_too_often(&name(channel), now) {
            return Err(Rejected::TooOften);
        }
        let channel = self.of_channel(channel);
        match tokio::time::timeout(WAIT, Arc::clone(&channel.places).acquire_owned()).await {
            Ok(Ok(own)) => Ok(Place { _own: own, channel }),
            Ok(Err(_)) | Err(_) => Err(Rejected::Busy),
        }
    }

    /// Where the bytes of one body of this channel are counted.
    pub fn held(&self, channel: &Channel) -> Held {
        let of_channel = self.of_channel(channel);
        let counted = match channel.kind {
            ChannelKind::Own => vec![&self.held_of_agents],
            ChannelKind::Telemetry | ChannelKind::Provider => vec![&of_channel.held, &self.held],
            ChannelKind::Prompts | ChannelKind::Hooks => vec![&of_channel.held],
        };
        let counted = counted.into_iter().map(|bytes| (Arc::clone(bytes), None)).collect();
        Held { counted, _channel: of_channel }
    }

    fn of_channel(&self, channel: &Channel) -> Arc<OfAChannel> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that nobody uses are made anew when they are needed.
        if places.len() > 1024 {
            places.retain(|_, channel| Arc::strong_count(channel) > 1);
        }
        let (most, kb) = match channel.kind {
            ChannelKind::Own => (OF_AN_AGENT, HELD_OF_AGENTS_KB),
            ChannelKind::Telemetry | ChannelKind::Provider => (OF_A_CHANNEL, HELD_OF_EXPORTS_KB),
            ChannelKind::Prompts | ChannelKind::Hooks => (OF_A_CHANNEL, HELD_OF_A_CHANNEL_KB),
        };
        let new = || {
            let held = Arc::new(Semaphore::new(kb));
            let (places, desk) = (Arc::new(Semaphore::new(most)), Arc::new(Semaphore::new(1)));
            Arc::new(OfAChannel { places, held, desk })
        };
        Arc::clone(places.entry(name(channel)).or_insert_with(new))
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

    /// Does work on a body of that many bytes that has this place: aside, and few at once, where it is not little. The place comes
    /// back with what was done.
    ///
    /// # Errors
    /// Those of the work; [`Rejected::Busy`] when it was interrupted, or no desk was free for an export in time.
    // SECURITY: what is begun is done though nobody waits for it any more; until then it holds its desk and its place.
    pub async fn work<T: Send + 'static>(
        &self,
        (kind, place): (Work, Place),
        size: usize,
        work: impl FnOnce() -> Result<T, Rejected> + Send + 'static,
    ) -> Result<(T, Place), Rejected> {
        if size <= LITTLE {
            return work().map(|done| (done, place));
        }
        let desk = match kind {
            Work::Small => vec![desk(&self.small).await?],
            Work::Export => {
                let two = async {
                    Ok::<_, Rejected>(vec![desk(&place.channel.desk).await?, desk(&self.exports).await?])
                };
                tokio::time::timeout(WAIT_FOR_DESK, two).await.map_err(|_| Rejected::Busy)??
            }
        };
        let aside = move || {
            let done = work().map(|done| (done, place));
            drop(desk);
            done
        };
        tokio::task::spawn_blocking(aside).await.map_err(|_| Rejected::Busy)?
    }
}

async fn desk(desks: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Rejected> {
    Arc::clone(desks).acquire_owned().await.map_err(|_| Rejected::Busy)
}

fn name(channel: &Channel) -> String {
    if channel.kind == ChannelKind::Own {
        format!("agent {:?} {:?} {:?}", channel.issuer, channel.speaks_for, channel.agent)
    } else {
        format!("channel {}", channel.name)
    }
}

impl Held {
    /// Holds so many bytes more.
    ///
    /// # Errors
    /// [`Rejected::Busy`] where too much is held already.
    pub fn more(&mut self, bytes: usize) -> Result<(), Rejected> {
        let kb = u32::try_from(bytes.div_ceil(1024)).map_err(|_| Rejected::Busy)?;
        for (bytes, held) in &mut self.counted {
            let permit = Arc::clone(bytes).try_acquire_many_owned(kb).map_err(|_| Rejected::Busy)?;
            match held {
                Some(held) => held.merge(permit),
                None => *held = Some(permit),
            }
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
        let (name, tools) = (name.to_owned(), Vec::new());
        Channel { name, kind, speaks_for, issuer: None, agent, credential: None, tools }
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
        drop(desks.place(&agent, NOON).await.unwrap());
        let mut held = desks.held(&agent);
        held.more(HELD_OF_AGENTS_KB * 1024).unwrap();
        assert!(matches!(held.more(1), Err(Rejected::Busy)));
        assert!(desks.held(&hooks).more(1).is_ok());
        for _ in 1..OF_AN_AGENT_IN_A_MINUTE {
            drop(desks.place(&agent, NOON).await.unwrap());
        }
        assert!(matches!(desks.place(&agent, NOON).await, Err(Rejected::TooOften)));
        assert!(desks.place(&hooks, NOON).await.is_ok());
        let later = Timestamp::from_micros(NOON.as_micros() + 60_000_000);
        assert!(desks.place(&agent, later).await.is_ok());
    }

    #[tokio::test]
    async fn exports_and_other_channels_hold_nothing_of_a_channels_hooks() {
        let (one, other) = (channel("one", ChannelKind::Hooks), channel("other", ChannelKind::Hooks));
        let (export, provider, third) = (
            channel("export", ChannelKind::Telemetry),
            channel("provider", ChannelKind::Provider),
            channel("third", ChannelKind::Telemetry),
        );
        let desks = Desks::new();
        let (mut all_of_export, mut all_of_provider, mut all_of_one) =
            (desks.held(&export), desks.held(&provider), desks.held(&one));
        all_of_export.more(HELD_OF_EXPORTS_KB * 1024).unwrap();
        all_of_one.more(HELD_OF_A_CHANNEL_KB * 1024).unwrap();
        assert!(desks.held(&export).more(1).is_err() && desks.held(&one).more(1).is_err());
        all_of_provider.more(HELD_OF_EXPORTS_KB * 1024).unwrap();
        assert!(desks.held(&third).more(1).is_err());
        drop(all_of_export);
        assert!(desks.held(&export).more(1).is_ok() && desks.held(&third).more(1).is_ok());
        assert!(desks.held(&other).more(1).is_ok());
        drop(all_of_one);
        assert!(desks.held(&one).more(1).is_ok());
    }

    #[tokio::test]
    async fn no_export_keeps_a_small_body_waiting() {
        let desks = Desks::new();
        let place = desks.place(&channel("hooks", ChannelKind::Hooks), NOON).await.unwrap();
        let exports = desks.exports.acquire_many(2).await.unwrap();
        let read = desks.work((Work::Small, place), LITTLE + 1, || Ok(7)).await;
        let (7, place) = read.unwrap() else { panic!("while every desk of exports is taken") };
        let small = desks.small.acquire().await.unwrap();
        drop(exports);
        assert!(matches!(desks.work((Work::Export, place), LITTLE + 1, || Ok(7)).await, Ok((7, _))));
        drop(small);
    }

    #[tokio::test]
    async fn one_channels_exports_leave_a_desk_to_others_and_hold_theirs_though_nobody_waits() {
        let (loud, other) =
            (channel("loud", ChannelKind::Telemetry), channel("other", ChannelKind::Telemetry));
        let desks = Desks::new();
        let (until, done) = std::sync::mpsc::channel::<()>();
        let place = desks.place(&loud, NOON).await.unwrap();
        let work = move || {
            let _ = done.recv();
            Ok(7)
        };
        let mut first = Box::pin(desks.work((Work::Export, place), LITTLE + 1, work));
        while desks.exports.available_permits() == AT_WORK {
            tokio::select! {
                biased;
                _ = &mut first => panic!("it waits until it is let go on"),
                () = tokio::task::yield_now() => {}
            }
        }
        // Whoever has sent it has gone.
        drop(first);
        let place = desks.place(&loud, NOON).await.unwrap();
        tokio::select! {
            biased;
            _ = desks.work((Work::Export, place), LITTLE + 1, || Ok(7)) => panic!("it has its desk"),
            () = std::future::ready(()) => {}
        }
        let place = desks.place(&other, NOON).await.unwrap();
        let others = desks.work((Work::Export, place), LITTLE + 1, || Ok(7)).await;
        assert!(matches!(others, Ok((7, _))));
        // Its place is held, too.
        let (_two, _three) =
            (desks.place(&loud, NOON).await.unwrap(), desks.place(&loud, NOON).await.unwrap());
        assert!(desks.place(&loud, NOON).await.is_err());
        until.send(()).unwrap();
        while desks.exports.available_permits() < AT_WORK {
            tokio::task::yield_now().await;
        }
        assert!(desks.place(&loud, NOON).await.is_ok());
    }
}
