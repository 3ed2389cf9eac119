//! The verbs `collect`, `fetch` and `cancel`: they read, but for the cancelling.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use domain::{Credential, Door, Handle};
use recording::{Closing, ObjectKind, PageRecord};

use crate::ask::AskError;
use crate::closing::Closed;
use crate::fault::{Fault, Origin};
use crate::gateway::Gateway;
use crate::live::Live;
use crate::opened::opened_handle;
use crate::ports::Leased;
use crate::principal::Principal;
use crate::reply::{PageReply, Receipt, Reply};
use crate::scopes;
use crate::shelf;
use crate::spans::{self, Spanned, span};

impl Gateway {
    /// How a statement stands, for the principal that asked it. Reads only; the token and its revocation are checked
    /// again.
    ///
    /// # Errors
    /// [`AskError::UnknownHandle`] for any handle that is not this principal's (invariant I11).
    pub async fn collect(
        &self,
        door: Door,
        credential: &Credential,
        handle: Handle,
    ) -> Result<Reply, AskError> {
        let (live, principal) = self.find_to_show(door, credential, handle).await?;
        if !live.is_closed() {
            return Ok(self.pending_as(&live, handle)?);
        }
        self.unless_access_ended(door, &live).await?;
        let reply = self.closed_reply(&live, handle).await?;
        Ok(Reply { outcome: scopes::of_now(principal.identity(), reply.outcome), ..reply })
    }

    /// One page of a statement that has ended, from 0. Reads only.
    ///
    /// # Errors
    /// [`AskError::UnknownHandle`] as for [`Gateway::collect`]; [`AskError::UnknownPage`] when the statement has no
    /// such page, or not yet.
    pub async fn page(
        &self,
        door: Door,
        credential: &Credential,
        handle: Handle,
        page: u32,
    ) -> Result<PageReply, AskError> {
        let (live, _) = self.find_to_show(door, credential, handle).await?;
        if !live.is_closed() {
            return Err(AskError::UnknownPage);
        }
        self.unless_access_ended(door, &live).await?;
        let (closing, _) = self.read_closing(&live).await?;
        let part = match live.part_of(handle) {
            Some(part) => part,
            // A batch has no pages of its own.
            None if live.children.is_empty() => 0,
            None => return Err(AskError::UnknownPage),
        };
        let record = closing.parts.get(part).ok_or(AskError::UnknownPage)?;
        let index = usize::try_from(page).map_err(|_| AskError::UnknownPage)?;
        let entry = record.pages.get(index).ok_or(AskError::UnknownPage)?;
        let object = self.read_page(&live, part, page, entry).await?;
        let pages = u32::try_from(record.pages.len()).map_err(|_| AskError::UnknownPage)?;
        Ok(PageReply { handle, page, pages, object })
    }

    /// Cancels a statement that waits or runs; one that has ended stays as it ended.
    ///
    /// # Errors
    /// [`AskError::UnknownHandle`] as for [`Gateway::collect`].
    pub async fn cancel(
        &self,
        door: Door,
        credential: &Credential,
        handle: Handle,
    ) -> Result<Reply, AskError> {
        // Stopping what is one's own needs no scope.
        let (live, _) = self.find(door, credential, handle).await?;
        if live.is_closed() {
            self.unless_access_ended(door, &live).await?;
            return self.closed_reply(&live, handle).await;
        }
        let whole = opened_handle(&live)?;
        let principal = live.principal();
        self.ports.exchanges.want_cancelled(&principal, whole).await?;
        let now = self.now();
        let holder = self.ports.ids.random()?;
        match self.ports.exchanges.lease(whole, holder, now, now.after(self.settings.lease)).await? {
            // It ended between the two looks.
            Leased::Ours(live) if live.is_closed() => {
                self.unless_access_ended(door, &live).await?;
                self.closed_reply(&live, handle).await
            }
            Leased::Ours(mut live) => {
                let closed = self.close_cancelled(&mut live, holder).await?;
                self.reply_to(closed, None).await
            }
            // Whoever works on it sees the wish at the next page or look.
            Leased::Theirs | Leased::Unknown => Ok(self.pending_as(&live, handle)?),
        }
    }

    /// The same, to show something of it: the token needs the scopes of whoever may ask such a statement.
    async fn find_to_show(
        &self,
        door: Door,
        credential: &Credential,
        handle: Handle,
    ) -> Result<(Live, Principal), AskError> {
        let (live, principal) = self.find(door, credential, handle).await?;
        match self.lacks_scope(principal.identity(), live.tier()) {
            Some(refusal) => {
                self.reject(door, "scope").await;
                Err(AskError::Counted(refusal))
            }
            None => Ok((live, principal)),
        }
    }

    /// The live exchange behind a handle, for its principal alone.
    async fn find(
        &self,
        door: Door,
        credential: &Credential,
        handle: Handle,
    ) -> Result<(Live, Principal), AskError> {
        let principal = self.prove(door, credential).await?;
        let found = self.ports.exchanges.find(principal.key(), handle).spanned(span!("find")).await?;
        // SECURITY: the store must not be trusted alone with whose a handle is.
        let live = found.filter(|live| live.principal() == *principal.key());
        let exchange = live.as_ref().and_then(Live::exchange);
        exchange.iter().for_each(spans::name_exchange);
        let session = exchange.map(|exchange| exchange.session);
        if self.ports.exchanges.revoked(principal.identity(), session).await?.is_some() {
            return Err(AskError::NotAccepted { is_expired: false });
        }
        live.map(|live| (live, principal)).ok_or(AskError::UnknownHandle)
    }

    /// The reply of an exchange that has ended, rebuilt from its closing.
    pub(crate) async fn closed_reply(&self, live: &Live, handle: Handle) -> Result<Reply, AskError> {
        let (closing, receipt) = self.read_closing(live).await?;
        let closed = Closed::read_back(live.clone(), closing, receipt);
        self.reply_to(closed, live.part_of(handle)).await
    }

    /// The reply that a closing allows, with its first page from where it lies.
    pub(crate) async fn reply_to(&self, closed: Closed, part: Option<usize>) -> Result<Reply, AskError> {
        let handle = closed.live().handle();
        let reply = self.laid_out(closed, part).await;
        // What has run is not asked again: it can be collected when there is room.
        reply.map_err(
            |error| if matches!(error, AskError::Busy { .. }) { AskError::Busy { handle } } else { error },
        )
    }

    async fn laid_out(&self, closed: Closed, part: Option<usize>) -> Result<Reply, AskError> {
        if let Some((at, page)) = closed.page_outside(part) {
            let outside = self.read_page(closed.live(), at, 0, page).await?;
            return Ok(closed.reply_for(part, Some(outside))?);
        }
        let principal = closed.live().principal();
        let mut reply = closed.reply_for(part, None)?;
        if let Some(page) = reply.first_page.take() {
            let place = self.shelf.place(&principal, page.len())?;
            reply.first_page = Some(shelf::put(place, page));
        }
        Ok(reply)
    }

    pub(crate) async fn read_closing(&self, live: &Live) -> Result<(Closing, Receipt), Fault> {
        let damaged = || Fault::lasting(Origin::Recordings, "the recording of this statement is damaged");
        let key = live.key().ok_or_else(damaged)?;
        let reading = self.ports.recordings.read(&key, ObjectKind::Closing);
        let bytes = reading.spanned(span!("recall")).await?.ok_or_else(damaged)?;
        let stored = recording::decode::<Closing>(&bytes).map_err(|error| damaged().because(error))?;
        if stored.record.exchange != live.exchange {
            return Err(damaged());
        }
        Ok((stored.record, Receipt::kept(stored.digest)))
    }

    async fn read_page(
        &self,
        live: &Live,
        part: usize,
        page: u32,
        entry: &PageRecord,
    ) -> Result<Bytes, AskError> {
        let size = usize::try_from(entry.stored).unwrap_or(usize::MAX);
        let place = self.shelf.place(&live.principal(), size)?;
        let damaged = || Fault::lasting(Origin::Pages, "a page of this result is damaged or gone");
        let object = match &entry.inline {
            Some(inline) => inline_page(inline)?,
            None => {
                let key = live.key().ok_or_else(damaged)?;
                let part = u32::try_from(part).map_err(|_| damaged())?;
                let kind = ObjectKind::Page { part, page };
                self.ports.recordings.read(&key, kind).spanned(span!("recall")).await?.ok_or_else(damaged)?
            }
        };
        check_page(&object, entry)?;
        Ok(shelf::put(place, object))
    }
}

/// The page object inside a closing.
pub(crate) fn inline_page(inline: &str) -> Result<Bytes, Fault> {
    STANDARD.decode(inline).map(Bytes::from).map_err(|error| {
        Fault::lasting(Origin::Pages, "a page of this result is damaged or gone").because(error)
    })
}

/// Nothing but what was recorded is shown (invariant I8).
pub(crate) fn check_page(object: &[u8], entry: &PageRecord) -> Result<(), Fault> {
    if recording::digest_of(object).to_string() == entry.digest {
        Ok(())
    } else {
        Err(Fault::lasting(Origin::Pages, "a page of this result is damaged or gone"))
    }
}
