//! An exchange as its item holds it.

use domain::{Handle, Timestamp};
use gateway::ports::CLAIM_LIFE;
use gateway::{Fault, Live, Stage};

use super::ledger::Status;
use super::{EXCHANGES, RETENTION};
use crate::table::{Item, Key, flag, integer, number, string, text};

/// The index by which is found what somebody must look after: `due_in` and `due_us`, the keys alone.
pub(super) const ATTENTION: &str = "attention";

/// Parts that the index is spread over: one part takes a thousand writes a second.
pub(super) const PARTS: u128 = 8;

/// A [`Live`] as its item holds it, but for the text itself.
///
/// `due_us` is when it is to be looked at: at the end of its lease; without one at once, counted from when it was last
/// leased so that all take turns, or when what waits for a person is to be looked at. Moments are microseconds since 1970.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Row {
    pub handle: Handle,
    pub principal: String,
    pub session: String,
    pub number: u32,
    pub is_closed: bool,
    pub is_held: bool,
    pub is_woken: bool,
    pub is_cancel_wanted: bool,
    pub is_hidden_failure: bool,
    pub opened_us: i64,
    /// The end of the lease that it was saved with last.
    pub saved_us: i64,
    /// When it was last leased.
    pub tended_us: i64,
    /// When what waits for a person is to be looked at; 0 for what does not wait.
    pub wake_us: i64,
    pub holder: Option<u128>,
    pub lease_until_us: i64,
    pub upstream_us: i64,
    pub approval: Option<String>,
}

impl Row {
    pub fn key_of(handle: Handle) -> Key {
        Key::new(partition(handle), "live")
    }

    /// As the exchange begins, or is saved, at the end of that lease; nobody holds it yet.
    pub fn new(live: &Live, saved: Timestamp) -> Result<Self, Fault> {
        let exchange = live.exchange().ok_or_else(|| EXCHANGES.damaged())?;
        let is_held = matches!(live.stage, Stage::Held { .. });
        Ok(Self {
            handle: live.handle().ok_or_else(|| EXCHANGES.damaged())?,
            principal: live.principal.clone(),
            session: exchange.session.to_string(),
            number: exchange.number.get(),
            is_closed: live.is_closed(),
            is_held,
            is_woken: false,
            is_cancel_wanted: false,
            is_hidden_failure: live.is_hidden_failure(),
            opened_us: live.opened_us,
            saved_us: saved.as_micros(),
            tended_us: live.opened_us,
            wake_us: live.look().map_or(0, Timestamp::as_micros),
            holder: None,
            lease_until_us: 0,
            upstream_us: i64::try_from(live.upstream_us).unwrap_or(i64::MAX),
            approval: live.approval.as_ref().map(|approval| approval.id.clone()),
        })
    }

    /// Leased to somebody until then.
    pub fn leased(mut self, holder: u128, until: Timestamp) -> Self {
        self.holder = Some(holder);
        self.lease_until_us = until.as_micros();
        self
    }

    /// Whether its claim and its opening tell all that there is to tell of it, and are young enough to be relied on until it is
    /// saved. What is to be found by other keys than its own needs its item at once.
    // INVARIANT: half of a claim's life is left for its first save, which comes with upstream's first answer. An opening that comes
    // later still may not be found by its claim any more.
    pub fn may_begin_later(&self, live: &Live) -> bool {
        let begun = Timestamp::from_micros(self.saved_us).since(live.opened());
        matches!(live.stage, Stage::Opened)
            && live.children.is_empty()
            && live.approval.is_none()
            && begun <= CLAIM_LIFE / 2
    }

    /// Whether somebody but this holder has it.
    pub fn is_anothers(&self, holder: u128, now: Timestamp) -> bool {
        self.holder.is_some_and(|by| by != holder) && self.lease_until_us > now.as_micros()
    }

    /// When it is to be looked at.
    fn due_us(&self) -> i64 {
        let free = if self.holder.is_some() { self.lease_until_us } else { self.tended_us };
        if self.is_woken || self.is_cancel_wanted { free } else { free.max(self.wake_us) }
    }

    /// Every attribute but the live state itself and the writer.
    pub fn item(&self) -> Item {
        let Self {
            handle,
            principal,
            session,
            number: nr,
            is_closed,
            is_held,
            is_woken,
            is_cancel_wanted,
            is_hidden_failure,
            opened_us,
            saved_us,
            tended_us,
            wake_us,
            holder,
            lease_until_us,
            upstream_us,
            approval,
        } = self;
        let mut item = Self::key_of(*handle).item();
        let texts = [("principal", principal), ("in_session", session)];
        let numbers = [
            ("nr", i64::from(*nr)),
            ("opened_us", *opened_us),
            ("saved_us", *saved_us),
            ("tended_us", *tended_us),
            ("wake_us", *wake_us),
            ("lease_until_us", *lease_until_us),
            ("upstream_us", *upstream_us),
        ];
        let flags = [
            ("is_closed", *is_closed),
            ("is_held", *is_held),
            ("is_woken", *is_woken),
            ("is_cancel_wanted", *is_cancel_wanted),
            ("is_hidden_failure", *is_hidden_failure),
        ];
        item.extend(texts.map(|(name, value)| (name.to_owned(), text(value))));
        item.extend(numbers.map(|(name, value)| (name.to_owned(), number(value))));
        item.extend(
            flags
                .map(|(name, value)| (name.to_owned(), aws_sdk_dynamodb::types::AttributeValue::Bool(value))),
        );
        if let Some(holder) = holder {
            item.insert("holder".to_owned(), text(holder_text(*holder)));
        }
        if let Some(approval) = approval {
            item.insert("approval".to_owned(), text(approval));
        }
        if *is_closed {
            item.insert("forget_at".to_owned(), number(self.forget_at()));
        } else {
            item.insert("due_in".to_owned(), text(part_of(*handle)));
            item.insert("due_us".to_owned(), number(self.due_us()));
        }
        item
    }

    /// When the table may forget it, in seconds: for a while it is found by its handle and its request id.
    pub fn forget_at(&self) -> i64 {
        Timestamp::from_micros(self.saved_us).after(RETENTION).as_secs()
    }

    pub fn read(item: &Item) -> Result<Self, Fault> {
        let about = EXCHANGES;
        let pk = string(item, "pk", about)?;
        let handle = pk.strip_prefix("exchange#").and_then(|handle| handle.parse().ok());
        let optional = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
        let holder = optional("holder").map(|holder| u128::from_str_radix(&holder, 16));
        Ok(Self {
            handle: handle.ok_or_else(|| about.damaged())?,
            principal: string(item, "principal", about)?,
            session: string(item, "in_session", about)?,
            number: u32::try_from(integer(item, "nr", about)?).map_err(|_| about.damaged())?,
            is_closed: flag(item, "is_closed", about)?,
            is_held: flag(item, "is_held", about)?,
            is_woken: flag(item, "is_woken", about)?,
            is_cancel_wanted: flag(item, "is_cancel_wanted", about)?,
            is_hidden_failure: flag(item, "is_hidden_failure", about)?,
            opened_us: integer(item, "opened_us", about)?,
            saved_us: integer(item, "saved_us", about)?,
            tended_us: integer(item, "tended_us", about)?,
            wake_us: integer(item, "wake_us", about)?,
            holder: holder.transpose().map_err(|_| about.damaged())?,
            lease_until_us: integer(item, "lease_until_us", about)?,
            upstream_us: integer(item, "upstream_us", about)?,
            approval: optional("approval"),
        })
    }

    pub fn status(&self) -> Status {
        Status {
            number: self.number,
            is_closed: self.is_closed,
            is_held: self.is_held,
            is_hidden_failure: self.is_hidden_failure,
            upstream_us: self.upstream_us,
            saved_us: self.saved_us,
        }
    }
}

/// The partition of one handle: of an exchange, or of one of a batch's statements.
pub(super) fn partition(handle: Handle) -> String {
    format!("exchange#{handle}")
}

pub(super) fn holder_text(holder: u128) -> String {
    format!("{holder:032x}")
}

/// The part of the index that a handle lies in.
fn part_of(handle: Handle) -> String {
    part(handle.as_u128() % PARTS)
}

pub(super) fn part(at: u128) -> String {
    format!("due#{at}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        Row {
            handle: Handle::from_u128(7),
            principal: "p".into(),
            session: "a".repeat(32),
            number: 3,
            is_closed: false,
            is_held: true,
            is_woken: false,
            is_cancel_wanted: false,
            is_hidden_failure: true,
            opened_us: 1,
            saved_us: 2,
            tended_us: 3,
            wake_us: 100,
            holder: Some(9),
            lease_until_us: 50,
            upstream_us: 4,
            approval: Some("an approval".into()),
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        let free = Row { holder: None, approval: None, is_closed: true, ..row() };
        for row in [row(), free] {
            assert_eq!(Row::read(&row.item()).ok(), Some(row));
        }
    }

    #[test]
    fn an_item_that_lacks_anything_is_damaged_and_read_as_nothing() {
        let optional = ["holder", "approval", "due_in", "due_us", "sk"];
        let names: Vec<String> = row().item().into_keys().collect();
        for name in names.iter().filter(|name| !optional.contains(&name.as_str())) {
            let mut item = row().item();
            item.remove(name);
            assert!(Row::read(&item).is_err(), "{name}");
        }
    }

    #[test]
    fn what_is_leased_is_due_at_the_end_and_what_waits_when_its_time_has_come_or_it_was_woken() {
        let free = || Row { holder: None, ..row() };
        let cases = [
            (Row { wake_us: 0, ..row() }, 50),
            (row(), 100),
            (Row { is_woken: true, ..row() }, 50),
            (free(), 100),
            (Row { is_woken: true, ..free() }, 3),
            (Row { is_cancel_wanted: true, ..free() }, 3),
        ];
        for (row, expected) in cases {
            assert_eq!(row.due_us(), expected, "{row:?}");
        }
    }
}
