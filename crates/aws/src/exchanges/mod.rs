//! The live state of exchanges.

mod claim;
mod ledger;
mod orphans;
mod revocations;
mod row;
mod saving;
mod waiting;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;
use domain::{Handle, Identity, PrincipalKey, SessionId, Timestamp};
use futures::{StreamExt, TryStreamExt, stream};
use gateway::ports::{self, Claim, Claimed, Leased, RevokedWhat, Saved};
use gateway::{Fault, Live, Origin, Retry};

use crate::calls::{Clients, fault};
use crate::machine::Machine;
use crate::objects::{Bucket, Wrote};
use crate::packed::{pack, unpack};
use crate::records::Records;
use crate::steps::Steps;
use crate::table::{
    About, Item, Key, Only, Order, Put, Table, WRITER, blob, bytes, is_by, number, pause, string, text,
    update_refused, writer,
};
use ledger::Ledger;
use row::{ATTENTION, PARTS, Row, part, partition};
use saving::{Saving, saved};

pub use revocations::{Revocation, RevocationAct};

/// For how long a closed exchange is found by its handle and its request id.
const RETENTION: Duration = Duration::from_secs(24 * 60 * 60);

/// Bytes of a live state, deflated, that lie in its item; what is longer lies in the bucket of pages.
const IN_TABLE: usize = 350 * 1024;

/// How often a change is tried that others keep coming before.
const TURNS: u32 = 40;

/// Turns of one process that wait for each other, by principal.
const LANES: usize = 64;

const EXCHANGES: About = About::exchanges("the state of statements cannot be read or written");

/// What is under way, in a table.
///
/// | `pk` | `sk` | holds |
/// | --- | --- | --- |
/// | `exchange#HANDLE` | `live` | an exchange: `live`, the deflated JSON of `gateway::Live`, beside what is asked of it |
/// | `exchange#HANDLE` | `of` | for a statement of a batch: `handle`, that of the whole |
/// | `principal#KEY` | `ledger` | what its claims depend on, deflated JSON |
/// | `principal#KEY` | `request#ID` | `handle`, `digest`: an earlier request's |
/// | `principal#KEY` | `asked#OPENED#HANDLE` | `handle` of what waited for a person |
/// | `approval#ID` | `exchange` | `handle` |
/// | `revoked#KIND` | a name | what is revoked; `since_us` |
/// | `revocation_acts` | `AT#…` | `act`, `kind`, `id`: all that was ever revoked and taken back |
///
/// Every write is conditional on what was read before it, and names its writer, so that a try whose answer was lost is known
/// again. There are no transactions: an exchange's item alone says how it stands, and the ledger takes that over before the
/// next claim. A single statement that runs has no item before it is saved for the first time, which may be its end: until then
/// its claim tells of it. So it costs two writes here (claim, closing) beside its opening, one more with a request
/// id, and one for each time that it is saved in between.
///
/// The index `attention` (`due_in`, `due_us`; keys alone) finds what somebody must look after: exchanges, and ledgers with claims that
/// led to no item within a claim's life. It follows the table by
/// moments, which costs a look at most: whatever is found there is leased by a conditional write.
#[derive(Clone)]
pub struct Exchanges {
    table: Table,
    overflow: Bucket,
    records: Records,
    steps: Steps,
    /// Where what is given up unfinished is handed over to; none: it is found by looking ([`ports::Exchanges::unattended`]).
    unfinished: Option<Machine>,
    lanes: Arc<Vec<tokio::sync::Mutex<()>>>,
}

impl Exchanges {
    /// Exchanges in that table; `records` holds their openings, `pages` names a bucket for what of a live state does not fit
    /// into an item (`live/…`, to be expired by the bucket).
    pub fn new(
        clients: &Clients,
        table: impl Into<String>,
        records: Records,
        pages: impl Into<String>,
    ) -> Self {
        let table = table.into();
        Self {
            overflow: Bucket::of_pages(clients, pages),
            records,
            steps: Steps::new(clients, &table),
            table: Table::new(clients, table),
            unfinished: None,
            lanes: Arc::new((0..LANES).map(|_| tokio::sync::Mutex::default()).collect()),
        }
    }

    /// The same, and whatever is given up unfinished here is carried on by that machine (`infra/unfinished.asl.json`).
    #[must_use]
    pub fn handing_over_to(self, unfinished: Machine) -> Self {
        Self { unfinished: Some(unfinished), ..self }
    }

    /// An exchange's item; none when there is none.
    async fn item(&self, handle: Handle) -> Result<Option<Item>, Fault> {
        self.table.get(&Row::key_of(handle), EXCHANGES).await
    }

    /// The item of the exchange that a handle leads to, its own or that of a batch's statement; none where it is unknown.
    async fn whole(&self, handle: Handle) -> Result<Option<Item>, Fault> {
        // Its own item comes first where there is one.
        let found = self.table.query(&partition(handle), "", Order::Forward, Some(1), EXCHANGES).await?;
        let Some(item) = found.into_iter().next() else { return Ok(None) };
        if string(&item, "sk", EXCHANGES)? == "live" {
            return Ok(Some(item));
        }
        let whole = string(&item, "handle", EXCHANGES)?.parse().map_err(|_| EXCHANGES.damaged())?;
        self.item(whole).await
    }

    /// The live state that an item holds, wherever it lies.
    // SECURITY: the parser's own words may hold what stood in the text, so they go nowhere.
    async fn live(&self, item: &Item) -> Result<Live, Fault> {
        let packed = match item.get("live_at") {
            Some(_) => {
                let at = string(item, "live_at", EXCHANGES)?;
                self.overflow.read(&at).await?.ok_or_else(|| EXCHANGES.damaged())?
            }
            None => Bytes::copy_from_slice(blob(item, "live", EXCHANGES)?),
        };
        let json = unpack(&packed).ok_or_else(|| EXCHANGES.damaged())?;
        serde_json::from_slice(&json).map_err(|_| EXCHANGES.damaged())
    }

    /// Those of several. One that is damaged is told in the log and left out: whoever asks is not kept from all others by it.
    async fn lives(&self, items: Vec<Item>) -> Result<Vec<Live>, Fault> {
        let read = |item: Item| async move {
            match self.live(&item).await {
                Err(fault) if fault.retry == Retry::Never => {
                    tracing::error!(
                        fault = &fault as &(dyn std::error::Error + 'static),
                        "the state of a statement is damaged, and it is left out"
                    );
                    Ok(None)
                }
                live => live.map(Some),
            }
        };
        stream::iter(items).then(read).try_filter_map(|live| async { Ok(live) }).try_collect().await
    }

    /// The attribute that holds a live state.
    async fn packed(&self, live: &Live, writer: &str) -> Result<(&'static str, AttributeValue), Fault> {
        let json = serde_json::to_vec(live).map_err(|_| EXCHANGES.damaged())?;
        let packed = pack(&json).map_err(|error| EXCHANGES.damaged().because(error))?;
        if packed.len() <= IN_TABLE {
            return Ok(("live", bytes(packed)));
        }
        let at = format!("live/{}/{writer}", live.handle);
        match self.overflow.write(&at, "application/octet-stream", Bytes::from(packed)).await? {
            Wrote::Kept => Ok(("live_at", text(at))),
            Wrote::Taken => Err(EXCHANGES.crowded()),
        }
    }

    /// Changes an exchange's item by what `decide` makes of it, if nobody else has changed it meanwhile; the item as it was
    /// then. None when there is no such exchange, or `decide` wants no change.
    async fn change(
        &self,
        handle: Handle,
        decide: impl Fn(Row) -> Option<Row> + Send + Sync,
    ) -> Result<Option<Item>, Fault> {
        for turn in 0..TURNS {
            if turn > 0 {
                pause(turn).await;
            }
            let Some(before) = self.item(handle).await? else { return Ok(None) };
            let Some(after) = decide(Row::read(&before)?) else { return Ok(None) };
            let mut item = after.item();
            for name in ["live", "live_at"] {
                item.extend(before.get(name).map(|value| (name.to_owned(), value.clone())));
            }
            let only = string(&before, WRITER, EXCHANGES)?;
            match self.table.put(item, Only::IfWrittenBy(&only), &writer()?, EXCHANGES).await? {
                Put::Done => return Ok(Some(before)),
                Put::Otherwise => {}
            }
        }
        Err(EXCHANGES.crowded())
    }

    /// Writes an exchange's item, where there is none; whether there was none.
    async fn create(&self, live: &Live, row: Row) -> Result<bool, Fault> {
        // What points to it comes first: then it is never there without being found.
        for child in &live.children {
            let child: Handle = child.parse().map_err(|_| EXCHANGES.damaged())?;
            self.point(Key::new(partition(child), "of"), row.handle, None).await?;
        }
        self.point_to_approval(&row).await?;
        let writer = writer()?;
        let mut item = row.item();
        let (name, packed) = self.packed(live, &writer).await?;
        item.insert(name.to_owned(), packed);
        Ok(matches!(self.table.put(item, Only::IfAbsent, &writer, EXCHANGES).await?, Put::Done))
    }

    /// An item that points to an exchange. One that is there already points where this one does, for nobody else could
    /// know its key.
    async fn point(&self, key: Key, to: Handle, forget_at: Option<i64>) -> Result<(), Fault> {
        let mut item = key.item();
        item.insert("handle".to_owned(), text(to.to_string()));
        item.extend(forget_at.map(|at| ("forget_at".to_owned(), number(at))));
        self.table.put(item, Only::IfAbsent, &writer()?, EXCHANGES).await.map(|_| ())
    }
}

#[async_trait]
impl ports::Exchanges for Exchanges {
    async fn claim(&self, claim: Claim<'_>) -> Result<Claimed, Fault> {
        self.claimed(&claim).await
    }

    async fn foresee(&self, claim: Claim<'_>) -> Result<Claimed, Fault> {
        Ok(self.look(&claim).await?.answer.0)
    }

    async fn begin(&self, live: &Live, holder: u128, lease_until: Timestamp) -> Result<(), Fault> {
        let row = Row::new(live, lease_until)?;
        if row.may_begin_later(live) {
            return Ok(());
        }
        let row = if row.is_closed { row } else { row.leased(holder, lease_until) };
        if self.create(live, row).await? {
            return Ok(());
        }
        Err(Fault::passing(
            Origin::Exchanges,
            "this exchange was begun, or given up as lost, by somebody else",
        ))
    }

    async fn abandon(&self, principal: &PrincipalKey, handle: Handle) -> Result<(), Fault> {
        if self.item(handle).await?.is_some() {
            return Ok(());
        }
        let given_back = self
            .change_ledger(principal, None, |ledger| {
                let entry = ledger.give_back(handle);
                let is_changed = entry.is_some();
                (entry, is_changed)
            })
            .await?;
        match given_back.and_then(|entry| entry.request) {
            Some(request) => self.free_request(principal, &request, handle).await,
            None => Ok(()),
        }
    }

    // SECURITY: every way from a handle to an exchange of an agent's goes through its principal (invariant I11).
    async fn find(&self, principal: &PrincipalKey, handle: Handle) -> Result<Option<Live>, Fault> {
        let Some(item) = self.whole(handle).await? else { return Ok(None) };
        if Row::read(&item)?.principal != principal.as_str() {
            return Ok(None);
        }
        self.live(&item).await.map(Some)
    }

    async fn lease(
        &self,
        handle: Handle,
        holder: u128,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Leased, Fault> {
        let leased = self
            .change(handle, |row| {
                if row.is_closed || row.is_anothers(holder, now) {
                    return None;
                }
                // Whoever leases it reads what was decided until now; what is decided from now on wakes it again.
                let row = Row { tended_us: now.as_micros(), is_woken: false, ..row };
                Some(row.leased(holder, until))
            })
            .await?;
        if let Some(item) = leased {
            return Ok(Leased::Ours(Box::new(self.live(&item).await?)));
        }
        match self.item(handle).await? {
            None => Ok(Leased::Unknown),
            // There is nothing left to work on, and its state tells so.
            Some(item) if Row::read(&item)?.is_closed => Ok(Leased::Ours(Box::new(self.live(&item).await?))),
            Some(_) => Ok(Leased::Theirs),
        }
    }

    /// One write, which makes the item where there is none: so what ends at once costs its end alone.
    async fn save(&self, live: &Live, holder: u128, lease_until: Timestamp) -> Result<Saved, Fault> {
        let row = Row::new(live, lease_until)?;
        if row.is_held {
            self.point_to_approval(&row).await?;
        }
        let writer = writer()?;
        let (name, packed) = self.packed(live, &writer).await?;
        let saving = Saving::of(&row, holder, (name, packed));
        let update = saving.write(self.table.update(&Row::key_of(row.handle), &writer));
        match update.send().await {
            Ok(before) => Ok(saved(&before.attributes.unwrap_or_default(), row.is_closed)),
            Err(error) => match update_refused(&error) {
                // An earlier try of this very save, which has closed it.
                Some(found) if is_by(found, &writer) => Ok(Saved::Yes),
                Some(_) => Ok(Saved::LeaseLost),
                None => Err(fault(EXCHANGES.origin, EXCHANGES.public, "dynamodb:UpdateItem", &error)),
            },
        }
    }

    async fn release(&self, handle: Handle, holder: u128) -> Result<(), Fault> {
        let free = |row: Row| {
            let is_ours = row.holder == Some(holder) && !row.is_closed;
            is_ours.then_some(Row { holder: None, lease_until_us: 0, ..row })
        };
        self.change(handle, free).await?;
        if let Some(machine) = &self.unfinished
            && let Err(fault) = machine.carry_on(handle).await
        {
            // The agent is told the truth all the same: it is under way, and whoever looks for what is unattended finds it.
            tracing::warn!(
                fault = &fault as &(dyn std::error::Error + 'static),
                %handle,
                "what is unfinished was not handed over: it waits for the next look"
            );
        }
        Ok(())
    }

    async fn want_cancelled(&self, principal: &PrincipalKey, handle: Handle) -> Result<bool, Fault> {
        let Some(item) = self.whole(handle).await? else { return Ok(false) };
        let whole = Row::read(&item)?.handle;
        let want = |row: Row| {
            let may = row.principal == principal.as_str() && !row.is_closed;
            may.then_some(Row { is_cancel_wanted: true, ..row })
        };
        self.change(whole, want).await.map(|changed| changed.is_some())
    }

    /// Those that have been due for longest come first, so that many cannot starve one. What a process left behind that died
    /// between an opening and its beginning is found here, too, in bounded steps.
    async fn unattended(&self, now: Timestamp, limit: usize) -> Result<Vec<Handle>, Fault> {
        self.adopt_orphans(now).await?;
        let parts = stream::iter(0..PARTS).map(|at| self.due(at, Some(now), limit));
        let found: Vec<Vec<(i64, Handle)>> = parts.buffered(8).try_collect().await?;
        let mut due: Vec<(i64, Handle)> = found.into_iter().flatten().collect();
        due.sort_unstable();
        Ok(due.into_iter().take(limit).map(|(_, handle)| handle).collect())
    }

    /// Never stale: each call reads.
    async fn revoked(
        &self,
        identity: &Identity,
        session: Option<SessionId>,
    ) -> Result<Option<RevokedWhat>, Fault> {
        self.is_revoked(identity, session).await
    }

    async fn count_ask(
        &self,
        principal: &PrincipalKey,
        limit: u32,
        now: Timestamp,
    ) -> Result<Option<Duration>, Fault> {
        self.change_ledger(principal, Some(now), |ledger| {
            let full = ledger.count_ask(limit, now);
            (full, full.is_none())
        })
        .await
    }

    /// Never stale: each call reads.
    async fn revoked_people(&self) -> Result<BTreeSet<String>, Fault> {
        self.revoked_names(RevokedWhat::Person).await
    }
}

impl Exchanges {
    /// What is due in one part of the index at that time, or at any; the earliest first.
    async fn due(&self, at: u128, by: Option<Timestamp>, limit: usize) -> Result<Vec<(i64, Handle)>, Fault> {
        let mut found = Vec::new();
        let mut from = None;
        loop {
            let query = self.table.client().query().table_name(self.table.name()).index_name(ATTENTION);
            let mut query = query
                .key_condition_expression(if by.is_some() {
                    "due_in = :part AND due_us <= :by"
                } else {
                    "due_in = :part"
                })
                .expression_attribute_values(":part", text(part(at)))
                .set_exclusive_start_key(from);
            if let Some(by) = by {
                query = query.expression_attribute_values(":by", number(by.as_micros()));
            }
            let answered = query.limit(i32::try_from(limit).unwrap_or(i32::MAX).max(1)).send().await;
            let answered = answered
                .map_err(|error| fault(EXCHANGES.origin, EXCHANGES.public, "dynamodb:Query", &error))?;
            for item in answered.items.unwrap_or_default() {
                let pk = string(&item, "pk", EXCHANGES)?;
                let handle = pk.strip_prefix("exchange#").and_then(|handle| handle.parse().ok());
                let due = crate::table::integer(&item, "due_us", EXCHANGES)?;
                found.push((due, handle.ok_or_else(|| EXCHANGES.damaged())?));
            }
            from = answered.last_evaluated_key.filter(|from| !from.is_empty());
            if from.is_none() || found.len() >= limit {
                return Ok(found);
            }
        }
    }
}
