//! Patience with an upstream that is out of reach for a while: a statement that it knows is not given up on at once.
//!
//! What runs upstream goes on running there while the way to it is broken, and its rows stay fetchable. So a fault
//! that may pass leaves the exchange as it was last stored, to be carried on by this process or another; only when
//! no try has succeeded for `Settings::patience` is it closed as broken.

use std::time::Duration;

use domain::Timestamp;

use crate::closing::Closed;
use crate::fault::{Fault, Origin, Retry};
use crate::fetch::Turn;
use crate::gateway::Gateway;
use crate::live::{Live, Stage};

/// How long one turn waits before it asks again.
const PAUSE: Duration = Duration::from_millis(500);

/// What came of a fault on the way to upstream.
pub(crate) enum Endured {
    /// The exchange is closed: as broken, or as its agent wished.
    Closed(Box<Closed>),
    /// Ask again now.
    Again,
    /// Time is up: it is stored, for whoever carries it on.
    Later,
}

impl Gateway {
    /// After a fault while asking how a statement stands. Waits a moment where there is time for another try.
    ///
    /// # Errors
    /// A fault of the stores.
    pub(crate) async fn endure(
        &self,
        live: &mut Live,
        holder: u128,
        fault: Fault,
        until: Timestamp,
    ) -> Result<Endured, Fault> {
        let now = self.now();
        let since = Timestamp::from_micros(*live.troubled_us.get_or_insert(now.as_micros()));
        let is_over = now.since(since) >= self.settings.patience;
        if is_over || live.upstream().is_none() || !may_pass(&fault) {
            return Ok(Endured::Closed(Box::new(self.close_because(live, holder, fault).await?)));
        }
        tracing::debug!(
            exchange = %live.exchange,
            fault = &fault as &(dyn std::error::Error + 'static),
            "upstream is tried again later"
        );
        // The trouble's beginning is stored, so that patience is counted across processes.
        if let Some(closed) = self.save(live, holder).await? {
            return Ok(Endured::Closed(Box::new(closed)));
        }
        if now >= until {
            return Ok(Endured::Later);
        }
        tokio::time::sleep(PAUSE.min(until.since(now))).await;
        Ok(Endured::Again)
    }

    /// After a fault while rows were fetched: nothing is kept of this turn but what was stored, and whoever carries
    /// the exchange on begins there; `before` is how it was opened, where it may never have been stored.
    ///
    /// # Errors
    /// A fault of the stores; the fault itself where it is none that may pass.
    pub(crate) async fn put_off(
        &self,
        live: &mut Live,
        before: Option<Live>,
        turn: Turn,
        fault: Fault,
    ) -> Result<Option<Closed>, Fault> {
        let Some(upstream) = live.upstream().filter(|_| may_pass(&fault)) else {
            return self.close_fault(live, turn.holder, fault).await.map(Some);
        };
        // INVARIANT: the state in memory may be ahead of the pages that are stored, so it is not what is saved.
        let Some(handle) = live.handle() else {
            return self.close_fault(live, turn.holder, fault).await.map(Some);
        };
        let stored = self.ports.exchanges.find(&live.principal(), handle).await?;
        let Some(mut stored) = stored.or(before) else {
            return self.close_fault(live, turn.holder, fault).await.map(Some);
        };
        if let Stage::Opened = stored.stage {
            stored.stage = Stage::Running { upstream: upstream.text };
        }
        (stored.upstream_us, stored.masking_us) = (live.upstream_us, live.masking_us);
        *live = stored;
        match self.endure(live, turn.holder, fault, self.now()).await? {
            Endured::Closed(closed) => Ok(Some(*closed)),
            Endured::Again | Endured::Later => Ok(None),
        }
    }
}

/// Whether it lies in the way to upstream, and may pass by itself.
fn may_pass(fault: &Fault) -> bool {
    fault.origin == Origin::Upstream && fault.retry == Retry::Soon
}
