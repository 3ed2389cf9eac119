//! Openings whose process died before anything else was stored of them: found by the ledgers, in which their claims stand.

use std::collections::BTreeSet;

use aws_lc_rs::digest::{SHA256, digest};
use domain::{Handle, PrincipalKey, SessionId, Timestamp};
use futures::future::join_all;
use gateway::ports::{CLAIM_LIFE, Recordings};
use gateway::{Fault, orphan, orphan_that_ended};
use recording::{Closing, ObjectKind, Opening, RecordKey, decode};

use super::claim::{distinct, read_ledger, statuses};
use super::ledger::{Entry, Ledger};
use super::row::{ATTENTION, Row};
use super::{EXCHANGES, Exchanges};
use crate::calls::fault;
use crate::records::session_partition;
use crate::table::{Item, Key, Table, number, string, text};

/// The part of the index in which those ledgers lie in which something may have to be searched for.
pub(super) const LEDGERS: &str = "ledgers";

/// Ledgers that one turn looks through, the first that are due.
const LEDGERS_AT_ONCE: usize = 4000;

/// Ledgers that are read by one call, and looked through side by side.
const SIDE_BY_SIDE: usize = 8;

/// What the second keys of openings begin with.
const OPENINGS: &str = "opening#";

/// Claims of one ledger that are searched for at once.
const SEARCHED: usize = 16;

/// Where a principal's ledger stands among all: always the same, and anywhere.
pub(super) fn place_of(principal: &PrincipalKey) -> i64 {
    let digest = digest(&SHA256, principal.as_str().as_bytes());
    let first = digest.as_ref().iter().take(4);
    first.fold(0, |place, byte| (place << 8) | i64::from(*byte))
}

/// The highest number that an opening of this session has; 0 where there is none.
pub(super) async fn highest(table: &Table, session: SessionId) -> Result<u32, Fault> {
    let pk = session_partition(session);
    let last = table.last_part(&pk, OPENINGS, &[], EXCHANGES).await?;
    last.as_ref().map_or(Ok(0), number_of)
}

fn number_of(opening: &Item) -> Result<u32, Fault> {
    let sk = string(opening, "sk", EXCHANGES)?;
    sk.strip_prefix(OPENINGS).and_then(|number| number.parse().ok()).ok_or_else(|| EXCHANGES.damaged())
}

/// The day and the number of the opening in this session that has this handle, among those from that number on; none when nothing was opened.
pub(super) async fn opened(
    table: &Table,
    session: &str,
    handle: &str,
    from: u32,
) -> Result<Option<Item>, Fault> {
    let (pk, range) =
        (format!("session#{session}"), (format!("{OPENINGS}{from:08}"), format!("{OPENINGS}~")));
    let found = table.parts_between(&pk, (&range.0, &range.1), &["day", "handle"], EXCHANGES).await?;
    let is_its = |item: &Item| item.get("handle").and_then(|h| h.as_s().ok()).is_some_and(|h| h == handle);
    Ok(found.into_iter().find(is_its))
}

impl Exchanges {
    /// Makes every orphan an exchange: one that is due at once, to be closed as lost, or one that has ended where its closing is
    /// kept. Of the ledgers that are due, and a few of each.
    pub(super) async fn adopt_orphans(&self, now: Timestamp) -> Result<(), Fault> {
        let keys = self.due_ledgers(now).await?;
        for some in keys.chunks(SIDE_BY_SIDE) {
            let found = self.table.get_all(some, EXCHANGES).await?;
            let each = found.iter().map(|(key, item)| self.look_through(key, item, now));
            // One that cannot be read keeps nobody else's from being found.
            for fault in join_all(each).await.into_iter().filter_map(Result::err) {
                tracing::error!(
                    fault = &fault as &(dyn std::error::Error + 'static),
                    "a ledger could not be looked through for what was left behind"
                );
            }
        }
        Ok(())
    }

    async fn look_through(&self, key: &Key, item: &Item, now: Timestamp) -> Result<(), Fault> {
        let Some(principal) = key.pk.strip_prefix("principal#") else { return Ok(()) };
        let principal = PrincipalKey::from_stored(principal.to_owned());
        self.adopt_of(&principal, &read_ledger(item)?, now).await
    }

    /// The ledgers that are due by now, the first of them first.
    async fn due_ledgers(&self, now: Timestamp) -> Result<Vec<Key>, Fault> {
        let (mut found, mut from) = (Vec::new(), None);
        loop {
            let query = self.table.client().query().table_name(self.table.name()).index_name(ATTENTION);
            let query = query
                .key_condition_expression("due_in = :ledgers AND due_us <= :now")
                .expression_attribute_values(":ledgers", text(LEDGERS))
                .expression_attribute_values(":now", number(now.as_micros()))
                .set_exclusive_start_key(from);
            let answered = query.send().await;
            let answered = answered
                .map_err(|error| fault(EXCHANGES.origin, EXCHANGES.public, "dynamodb:Query", &error))?;
            for item in answered.items.unwrap_or_default() {
                found.push(Key::new(string(&item, "pk", EXCHANGES)?, string(&item, "sk", EXCHANGES)?));
            }
            from = answered.last_evaluated_key.filter(|from| !from.is_empty());
            if from.is_none() || found.len() >= LEDGERS_AT_ONCE {
                return Ok(distinct(found));
            }
        }
    }

    async fn adopt_of(&self, principal: &PrincipalKey, ledger: &Ledger, now: Timestamp) -> Result<(), Fault> {
        let is_old = |entry: &&Entry| now.since(Timestamp::from_micros(entry.opened_us)) > CLAIM_LIFE;
        let suspects: Vec<Entry> = ledger.claimed().chain(ledger.unfound()).filter(is_old).cloned().collect();
        let keys = suspects.iter().filter_map(|entry| entry.handle.parse::<Handle>().ok()).map(Row::key_of);
        let stand = self.table.get_all(&distinct(keys.collect()), EXCHANGES).await?;
        let statuses = statuses(stand.values())?;
        let (mut found, mut gone, mut searched) = (Vec::new(), Vec::new(), 0);
        for entry in suspects {
            if statuses.contains_key(&entry.handle) {
                found.push(entry);
            } else if searched < SEARCHED {
                searched = searched.saturating_add(1);
                if self.adopt(principal, &entry).await? { found.push(entry) } else { gone.push(entry) }
            }
        }
        let known: BTreeSet<String> = found.iter().map(|entry| entry.handle.clone()).collect();
        // INVARIANT: only now. Before it was searched for, a claim is what a crash can be found by; and what was found stays
        // in the ledger until it has told how it ended.
        self.change_due(
            principal,
            Some(now),
            |ledger| {
                let before = ledger.clone();
                ledger.forget(&gone);
                ledger.take_up(&found);
                ((), *ledger != before)
            },
            |ledger, _| ledger.suspect_at(&known),
        )
        .await
    }

    /// Makes an exchange of what was opened under this claim; whether there is one now.
    async fn adopt(&self, principal: &PrincipalKey, entry: &Entry) -> Result<bool, Fault> {
        let Some(item) = opened(&self.table, &entry.session, &entry.handle, entry.next).await? else {
            return Ok(false);
        };
        let (day, number) = (string(&item, "day", EXCHANGES)?, number_of(&item)?);
        let exchange = format!("{}/{number}", entry.session).parse();
        let key = RecordKey::new(day, exchange.map_err(|_| EXCHANGES.damaged())?);
        let Some(opening) = self.records.read(&key, ObjectKind::Opening).await? else { return Ok(false) };
        let Some(opening) = decode::<Opening>(&opening).ok() else { return Ok(is_unreadable(&key)) };
        let live = match self.records.read(&key, ObjectKind::Closing).await? {
            None => orphan(&key, &opening),
            // Its process died, or could not write, between closing it and telling so.
            Some(closing) => {
                let terms = match &entry.request {
                    Some(request) => self.terms_of(principal, request, &entry.handle).await?,
                    None => None,
                };
                let closing = decode::<Closing>(&closing).ok();
                closing.and_then(|closing| orphan_that_ended(&key, &opening, &closing.record, terms))
            }
        };
        let Some(live) = live.filter(|live| live.principal == principal.as_str()) else {
            return Ok(is_unreadable(&key));
        };
        // Somebody may have begun or adopted it meanwhile.
        self.create(&live, Row::new(&live, live.opened())?).await.map(|_| true)
    }
}

/// Says so, for nobody else will: there is no exchange of it.
fn is_unreadable(key: &RecordKey) -> bool {
    tracing::error!(%key, "what was opened and left behind cannot be read");
    false
}
