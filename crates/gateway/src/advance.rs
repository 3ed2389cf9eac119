//! Carrying an exchange on: asking upstream how it stands until it has answered or time is up.

use domain::{Handle, Refusal, RefusalCode, Timestamp};
use recording::Finding;

use crate::closing::Closed;
use crate::fault::{Fault, Origin};
use crate::fetch::Turn;
use crate::gateway::{Advanced, Gateway};
use crate::live::{Live, Stage, micros};
use crate::patience::Endured;
use crate::ports::{Leased, Progress, Saved};
use crate::spans::{self, Spanned, span};

impl Gateway {
    /// Carries one exchange on until it is closed, or `until`; stops at a page boundary, and any process may call
    /// it again (invariant I10). Whatever the time, it makes some progress.
    ///
    /// # Errors
    /// A fault of the stores; the exchange is left as it is, to be carried on later.
    pub async fn advance(&self, handle: Handle, until: Timestamp) -> Result<Advanced, Fault> {
        // On the heap, as in `ask`: what is carried on is deep.
        Box::pin(self.turn(handle, until)).spanned(span!("advance", alone)).await
    }

    async fn turn(&self, handle: Handle, until: Timestamp) -> Result<Advanced, Fault> {
        let now = self.now();
        let holder = self.ports.ids.random()?;
        let mut live =
            match self.ports.exchanges.lease(handle, holder, now, now.after(self.settings.lease)).await? {
                Leased::Ours(live) => *live,
                Leased::Theirs => return Ok(Advanced::NotOurs),
                Leased::Unknown => return Ok(Advanced::Unknown),
            };
        spans::name_exchange(&live.exchange);
        if live.is_closed() {
            return Ok(Advanced::Closed);
        }
        match self.carry_on(&mut live, holder, now, until).await {
            Ok(Some(_)) => Ok(Advanced::Closed),
            Ok(None) => {
                self.ports.exchanges.release(handle, holder).await?;
                let waits = matches!(live.stage, Stage::Held { .. }) && live.approval.is_some();
                Ok(if waits { Advanced::Waits } else { Advanced::Pending })
            }
            // Somebody else has kept the closing: that one counts.
            Err(_) if live.is_closed() => Ok(Advanced::Closed),
            Err(fault) => Err(fault),
        }
    }

    /// One turn at a leased exchange: its closing, or none when it is to be carried on later.
    async fn carry_on(
        &self,
        live: &mut Live,
        holder: u128,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Closed>, Fault> {
        let closed = match &live.stage {
            Stage::Held { .. } if live.approval.is_some() => return self.tend(live, holder, until).await,
            // From before there were approvals: nobody can say yes to it.
            Stage::Held { expires_us, .. } if Timestamp::from_micros(*expires_us) <= now => {
                let refused = Refusal {
                    code: RefusalCode::Expired,
                    message: "nobody approved this statement in time; ask again, and tell a reviewer"
                        .to_owned(),
                    retry_after: None,
                    scopes: Vec::new(),
                };
                self.close_refused(live, &refused).await
            }
            Stage::Opened if now.since(live.opened()) >= self.settings.lost_after => {
                self.close_lost(live, "it was opened, but is not known to have reached upstream").await
            }
            // Its agent may have given up while somebody else looked at it.
            Stage::Held { .. } => return self.save(live, holder).await,
            Stage::Opened | Stage::Closed => return Ok(None),
            Stage::Running { .. } | Stage::Fetching { .. } => {
                if let Some(closed) = self.refuse_if_access_ended(live, holder).await? {
                    return Ok(Some(closed));
                }
                return self.drive(live, holder, None, until).await;
            }
        };
        self.settle(live, holder, closed).await.map(Some)
    }

    /// From an answer of upstream, or none yet, to the closing; none when time is up.
    pub(crate) async fn drive(
        &self,
        live: &mut Live,
        holder: u128,
        answer: Option<Progress>,
        until: Timestamp,
    ) -> Result<Option<Closed>, Fault> {
        // Nobody else has worked on it before a turn that begins with upstream's first answer.
        let is_first = answer.is_some();
        let mut answer = answer;
        loop {
            let progress = match answer.take() {
                Some(progress) => progress,
                None => match self.poll(live, until).await {
                    Ok(progress) => progress,
                    Err(fault) => match self.endure(live, holder, fault, until).await? {
                        Endured::Closed(closed) => return Ok(Some(*closed)),
                        Endured::Again => continue,
                        Endured::Later => return Ok(None),
                    },
                },
            };
            match progress {
                Progress::Running(handle) => {
                    live.stage = Stage::Running { upstream: handle.text };
                    if let Some(closed) = self.save(live, holder).await? {
                        return Ok(Some(closed));
                    }
                    if let Some(closed) = self.refuse_if_access_ended(live, holder).await? {
                        return Ok(Some(closed));
                    }
                    if self.now() >= until {
                        return Ok(None);
                    }
                }
                Progress::Unknown => {
                    let closed = self.close_lost(live, "upstream does not know the statement any more").await;
                    return Ok(Some(self.settle(live, holder, closed).await?));
                }
                Progress::Failed(failure) => {
                    let closed = self.close_failed(live, failure).await;
                    return Ok(Some(self.settle(live, holder, closed).await?));
                }
                Progress::Done(finished) => {
                    return self.fetch(live, finished, Turn { holder, until, is_first }).await;
                }
            }
        }
    }

    async fn poll(&self, live: &mut Live, until: Timestamp) -> Result<Progress, Fault> {
        let Some(handle) = live.upstream() else { return Ok(Progress::Unknown) };
        let begun = self.now();
        let polling = self.ports.upstream.poll(&handle, self.slice(begun, until));
        let progress = polling.spanned(span!("poll")).await;
        live.upstream_us = live.upstream_us.saturating_add(micros(self.now().since(begun)));
        if let Ok(Progress::Running(_)) = &progress {
            live.troubled_us = None;
        }
        progress
    }

    /// Saves progress; closes as cancelled when its agent wants that.
    pub(crate) async fn save(&self, live: &mut Live, holder: u128) -> Result<Option<Closed>, Fault> {
        let lease_until = self.now().after(self.settings.lease);
        match self.ports.exchanges.save(live, holder, lease_until).spanned(span!("save")).await? {
            Saved::Yes => Ok(None),
            Saved::CancelWanted => Ok(Some(self.close_cancelled(live, holder).await?)),
            Saved::LeaseLost => Err(Fault::passing(
                Origin::Exchanges,
                "another process carries this statement on; collect it later",
            )),
        }
    }

    /// Stops upstream and closes as cancelled; as lost where nobody knows whether there is anything to stop. Upstream may have
    /// finished meanwhile: nothing of it is shown.
    pub(crate) async fn close_cancelled(&self, live: &mut Live, holder: u128) -> Result<Closed, Fault> {
        if matches!(live.stage, Stage::Held { .. }) && live.approval.is_some() {
            return self.withdraw(live, holder).await;
        }
        if live.stage == Stage::Opened {
            // Whoever had it died on the way to upstream: where it runs there, nobody can stop it.
            let why = "it was cancelled, and is not known to have reached upstream";
            let closed = self.close_lost(live, why).await;
            return self.settle(live, holder, closed).await;
        }
        self.stop_upstream(live).await;
        let refused = Refusal {
            code: RefusalCode::Cancelled,
            message: "SQL execution canceled".to_owned(),
            retry_after: None,
            scopes: Vec::new(),
        };
        let closed = self.close_refused(live, &refused).await;
        self.settle(live, holder, closed).await
    }

    /// Closes after a fault of upstream or of masking: stops upstream, tells the public line.
    pub(crate) async fn close_fault(
        &self,
        live: &mut Live,
        holder: u128,
        fault: Fault,
    ) -> Result<Closed, Fault> {
        if !matches!(fault.origin, Origin::Upstream | Origin::Gateway | Origin::Pages | Origin::Catalogs) {
            // The stores are at fault: they could not keep a closing either. Left for later.
            return Err(fault);
        }
        self.close_because(live, holder, fault).await
    }

    /// Closes after a fault on the way to upstream, whatever it lies in (a credential, too): stops upstream, tells the
    /// public line.
    pub(crate) async fn close_because(
        &self,
        live: &mut Live,
        holder: u128,
        fault: Fault,
    ) -> Result<Closed, Fault> {
        tracing::warn!(
            exchange = %live.exchange,
            fault = &fault as &(dyn std::error::Error + 'static),
            "an exchange is closed because something broke"
        );
        self.stop_upstream(live).await;
        let closed = self.close_broken(live, &fault).await;
        self.settle(live, holder, closed).await
    }

    /// Best effort: what cannot be stopped runs into its timeout.
    pub(crate) async fn stop_upstream(&self, live: &mut Live) {
        if let Some(handle) = live.upstream()
            && let Err(fault) = self.ports.upstream.cancel(&handle).await
        {
            live.findings.push(Finding { what: "not_cancelled".to_owned(), detail: fault.public });
        }
    }

    /// Marks the live state after a closing was kept, or was found kept by somebody else.
    pub(crate) async fn settle(
        &self,
        live: &Live,
        holder: u128,
        closed: Result<Closed, Fault>,
    ) -> Result<Closed, Fault> {
        if live.is_closed()
            && let Err(fault) =
                self.ports.exchanges.save(live, holder, self.now()).spanned(span!("settle")).await
        {
            // The closing is durable; whoever looks next finds it taken and marks the state.
            tracing::warn!(exchange = %live.exchange, fault = &fault as &(dyn std::error::Error + 'static), "a closed exchange could not be marked");
        }
        closed
    }
}
