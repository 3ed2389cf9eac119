//! Openings whose process died before their exchange began: found by the ledgers, in which their claims stand.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;
use domain::{Handle, PrincipalKey, Timestamp};
use gateway::ports::{CLAIM_LIFE, Recordings};
use gateway::{Fault, orphan};
use recording::{ObjectKind, Opening, RecordKey, decode};

use super::claim::{distinct, read_ledger, statuses};
use super::ledger::{Entry, Ledger};
use super::row::{ATTENTION, Row};
use super::{EXCHANGES, Exchanges};
use crate::calls::fault;
use crate::table::{Item, Key, Order, Table, number, string, text};

/// The part of the index in which all ledgers lie.
pub(super) const LEDGERS: &str = "ledgers";

/// Ledgers that are looked through at once, from a random one on.
const LEDGERS_AT_ONCE: i32 = 100;

/// Claims of one ledger that are searched for at once.
const SEARCHED: usize = 16;

/// Where a principal's ledger stands among all: always the same, and anywhere.
pub(super) fn place_of(principal: &PrincipalKey) -> i64 {
    let digest = digest(&SHA256, principal.as_str().as_bytes());
    let first = digest.as_ref().iter().take(4);
    first.fold(0, |place, byte| (place << 8) | i64::from(*byte))
}

/// The item of the opening in this session that has this handle; none when nothing was opened.
pub(super) async fn opened(table: &Table, session: &str, handle: &str) -> Result<Option<Item>, Fault> {
    let pk = format!("session#{session}");
    let found = table.query(&pk, "opening#", Order::Backward, None, EXCHANGES).await?;
    let is_its = |item: &Item| item.get("handle").and_then(|h| h.as_s().ok()).is_some_and(|h| h == handle);
    Ok(found.into_iter().find(is_its))
}

impl Exchanges {
    /// Makes every orphan an exchange that is due at once, to be closed as lost: of some ledgers, and a few of each.
    pub(super) async fn adopt_orphans(&self, now: Timestamp) -> Result<(), Fault> {
        let mut random = [0; 4];
        // Without randomness the first ledgers are looked through.
        let _ = rand::fill(&mut random);
        let from = i64::from(u32::from_be_bytes(random));
        let mut keys = self.ledgers("due_us >= :from", from).await?;
        if keys.len() < usize::try_from(LEDGERS_AT_ONCE).unwrap_or(0) {
            keys.extend(self.ledgers("due_us < :from", from).await?);
        }
        let found = self.table.get_all(&distinct(keys), EXCHANGES).await?;
        for (key, item) in found {
            let Some(principal) = key.pk.strip_prefix("principal#") else { continue };
            let principal = PrincipalKey::from_stored(principal.to_owned());
            self.adopt_of(&principal, &read_ledger(&item)?, now).await?;
        }
        Ok(())
    }

    async fn ledgers(&self, place: &str, from: i64) -> Result<Vec<Key>, Fault> {
        let query = self.table.client().query().table_name(self.table.name()).index_name(ATTENTION);
        let query = query
            .key_condition_expression(format!("due_in = :ledgers AND {place}"))
            .expression_attribute_values(":ledgers", text(LEDGERS))
            .expression_attribute_values(":from", number(from))
            .limit(LEDGERS_AT_ONCE);
        let answered = query.send().await;
        let answered =
            answered.map_err(|error| fault(EXCHANGES.origin, EXCHANGES.public, "dynamodb:Query", &error))?;
        let items = answered.items.unwrap_or_default();
        items
            .iter()
            .map(|item| Ok(Key::new(string(item, "pk", EXCHANGES)?, string(item, "sk", EXCHANGES)?)))
            .collect()
    }

    async fn adopt_of(&self, principal: &PrincipalKey, ledger: &Ledger, now: Timestamp) -> Result<(), Fault> {
        let is_old = |entry: &&Entry| now.since(Timestamp::from_micros(entry.opened_us)) > CLAIM_LIFE;
        let suspects: Vec<Entry> = ledger.claimed().chain(ledger.unfound()).filter(is_old).cloned().collect();
        if suspects.is_empty() {
            return Ok(());
        }
        let keys = suspects.iter().filter_map(|entry| entry.handle.parse::<Handle>().ok()).map(Row::key_of);
        let found = self.table.get_all(&distinct(keys.collect()), EXCHANGES).await?;
        let statuses = statuses(found.values())?;
        let (mut found, mut gone, mut searched) = (Vec::new(), Vec::new(), 0);
        for entry in suspects {
            if statuses.contains_key(&entry.handle) {
                found.push(entry);
            } else if searched < SEARCHED {
                searched = searched.saturating_add(1);
                if self.adopt(&entry).await? { found.push(entry) } else { gone.push(entry) }
            }
        }
        // INVARIANT: only now. Before it was searched for, a claim is what a crash can be found by; and what was found stays
        // in the ledger until it has told how it ended.
        self.change_ledger(principal, Some(now), |ledger| {
            let before = ledger.clone();
            ledger.forget(&gone);
            ledger.take_up(&found);
            ((), *ledger != before)
        })
        .await
    }

    /// Makes an exchange of what was opened under this claim; whether there is one now.
    async fn adopt(&self, entry: &Entry) -> Result<bool, Fault> {
        let Some(item) = opened(&self.table, &entry.session, &entry.handle).await? else { return Ok(false) };
        let (day, sk) = (string(&item, "day", EXCHANGES)?, string(&item, "sk", EXCHANGES)?);
        let exchange = sk.strip_prefix("opening#").map(|nr| nr.trim_start_matches('0'));
        let exchange = exchange.and_then(|nr| format!("{}/{nr}", entry.session).parse().ok());
        let key = RecordKey::new(day, exchange.ok_or_else(|| EXCHANGES.damaged())?);
        if self.records.read(&key, ObjectKind::Closing).await?.is_some() {
            return Ok(false);
        }
        let Some(opening) = self.records.read(&key, ObjectKind::Opening).await? else { return Ok(false) };
        let live = decode::<Opening>(&opening).ok().and_then(|opening| orphan(&key, &opening));
        let Some(live) = live else {
            tracing::error!(%key, "an opening without a closing cannot be read");
            return Ok(false);
        };
        // Somebody may have begun or adopted it meanwhile.
        self.create(&live, Row::new(&live, live.opened())?).await.map(|_| true)
    }
}
