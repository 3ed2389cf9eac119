//! Places to read at: bounded together, and for each channel, so that nobody who sends slowly keeps others from being heard.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::ChannelKind;
use gateway::Channel;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::rejected::Rejected;

/// Bodies of configured channels that are read and held at once: with the largest body and what reading makes of it, some
/// 100 MB at most.
const AT_ONCE: usize = 8;

/// The same of one channel.
const OF_A_CHANNEL: usize = 3;

/// The same of all agents' own tokens, which have places of their own.
const OF_AGENTS: usize = 2;

/// How long a place is waited for.
const WAIT: Duration = Duration::from_secs(1);

/// The places.
pub(crate) struct Desks {
    all: Semaphore,
    channels: BTreeMap<String, Semaphore>,
    agents: Semaphore,
}

impl Desks {
    /// For these channels.
    pub fn new<'a>(channels: impl Iterator<Item = &'a Channel>) -> Self {
        let channels = channels.map(|channel| (channel.name.clone(), Semaphore::new(OF_A_CHANNEL)));
        Self { all: Semaphore::new(AT_ONCE), channels: channels.collect(), agents: Semaphore::new(OF_AGENTS) }
    }

    /// A place for this channel.
    ///
    /// # Errors
    /// [`Rejected::Busy`] when none is free in time.
    pub async fn place(&self, channel: &Channel) -> Result<Place<'_>, Rejected> {
        let taking = async {
            let own = match (channel.kind, self.channels.get(&channel.name)) {
                (ChannelKind::Own, _) | (_, None) => {
                    return self.agents.acquire().await.map(|own| (own, None));
                }
                (_, Some(own)) => own.acquire().await?,
            };
            Ok((own, Some(self.all.acquire().await?)))
        };
        match tokio::time::timeout(WAIT, taking).await {
            Ok(Ok((own, shared))) => Ok(Place { _own: own, _shared: shared }),
            Ok(Err(_)) | Err(_) => Err(Rejected::Busy),
        }
    }
}

/// A place, until it is dropped.
pub(crate) struct Place<'a> {
    _own: SemaphorePermit<'a>,
    _shared: Option<SemaphorePermit<'a>>,
}

#[cfg(test)]
mod tests {
    use gateway::SpeaksFor;

    use super::*;

    fn channel(name: &str, kind: ChannelKind) -> Channel {
        let speaks_for = SpeaksFor::Anybody;
        Channel { name: name.to_owned(), kind, speaks_for, issuer: None, agent: None }
    }

    #[tokio::test]
    async fn whoever_takes_all_places_that_it_may_leaves_others_theirs() {
        let (slow, hooks) = (channel("slow", ChannelKind::Hooks), channel("hooks", ChannelKind::Hooks));
        let agent = channel("agent", ChannelKind::Own);
        let desks = Desks::new([&slow, &hooks].into_iter());
        let mut taken = Vec::new();
        for _ in 0..OF_A_CHANNEL {
            taken.push(desks.place(&slow).await.unwrap());
        }
        for _ in 0..OF_AGENTS {
            taken.push(desks.place(&agent).await.unwrap());
        }
        assert!(desks.place(&slow).await.is_err() && desks.place(&agent).await.is_err());
        assert!(desks.place(&hooks).await.is_ok());
        taken.clear();
        assert!(desks.place(&slow).await.is_ok() && desks.place(&agent).await.is_ok());
    }
}
