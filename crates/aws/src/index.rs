//! The index: where in a table it is found what was recorded, by whom, by what, and when.

mod looks;
mod row;
mod whole;

pub use whole::UNDER_WAY;

use std::collections::HashMap;
use std::time::Duration;

use domain::{ExchangeId, SessionId, Timestamp};
use gateway::{Fault, Origin};
use recording::{RecordKey, digest_of};

use crate::calls::Clients;
use crate::table::{About, Item, Key, Order, Table, integer, string};

pub use row::IndexRow;
pub(crate) use row::{place, place_in_session};

/// Bytes of a name in a key at most.
const LONGEST_NAME: usize = 512;

const READ: About = About { origin: Origin::Recordings, public: "the index cannot be read" };
const KEPT: About = About { origin: Origin::Recordings, public: "the index cannot be written" };

/// What the index is asked by: one partition of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum By {
    /// All of a session.
    Session(SessionId),
    /// All of a person's in a month, `2026-11`; in whatever case they are written.
    Person(String, String),
    /// All of an agent's, likewise.
    Agent(String, String),
    /// All that read or wrote a table, by its full name as recorded, in a month; but for those of [`By::ManyTables`].
    Table(String, String),
    /// All of a month that read or wrote more tables than they are found by one by one.
    ManyTables(String),
    /// All that was refused on a day, at once or in the end.
    Refused(String),
    /// All that waited for a person and was opened on a day.
    Held(String),
}

/// What was found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Found {
    /// Rows, in the order that was asked for.
    pub rows: Vec<IndexRow>,
    /// Items between them that nobody can read: somebody must look.
    pub unreadable: u32,
    /// Behind which item a next look goes on; none at the end.
    pub next: Option<String>,
}

/// Which of a partition are looked at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Look {
    /// Opened then or later; of a session, all.
    pub from: Option<Timestamp>,
    /// Opened then or before; of a session, all.
    pub until: Option<Timestamp>,
    /// Whether the newest come first.
    pub newest_first: bool,
    /// Items at most.
    pub limit: usize,
    /// Behind that item, as [`Found::next`] has told.
    pub after: Option<String>,
}

/// The index, a table of its own. One item for each way that an exchange is found by, all with the same attributes and each of a
/// kilobyte at most, written when the exchange has been closed and once more with each late evidence:
///
/// | `pk` | `sk` |
/// | --- | --- |
/// | `session#SESSION` | `NUMBER`, 8 digits |
/// | `person#PERSON#MONTH`, lower case | `OPENED#SESSION#NUMBER` |
/// | `agent#AGENT#MONTH`, lower case | the same |
/// | `table#NAME#MONTH`, each that it reads or writes | the same |
/// | `table##MONTH` instead, where these are more than 50: no name is empty | the same |
/// | `refused#DAY`, `held#DAY` | the same |
///
/// | holds | attributes |
/// | --- | --- |
/// | the exchange, and the day of its opening | `session`, `nr`, `day` |
/// | RFC 3339 in UTC with microseconds | `opened`?, `closed` |
/// | texts | `agent`?, `person`?, `subject`?, `door`?, `decision`?, `outcome`, `reason`?, `class`, `grade`?, `missing`? |
/// | lists of texts | `reads`, `writes`, `rules`, `findings` |
/// | numbers | `rows_shown`, `masked` |
/// | that a list or a text was cut | `more`? |
/// | of how many objects the row was made, and how many of these are late evidence | `told`, `late` |
/// | when it was written, in microseconds, and when the table forgets it, in seconds | `indexed_us`, `forget_at` |
///
/// A month and a day are the opening's, in UTC. A name in a key that is longer than 512 bytes is cut, and its digest follows. An exchange
/// without an opening is found by its session alone.
#[derive(Clone, Debug)]
pub struct Index {
    table: Table,
}

impl By {
    /// The key of the partition.
    fn partition(&self) -> String {
        match self {
            Self::Session(session) => format!("session#{session}"),
            Self::Person(person, month) => format!("person#{}#{month}", name(&person.to_lowercase())),
            Self::Agent(agent, month) => format!("agent#{}#{month}", name(&agent.to_lowercase())),
            Self::Table(table, month) => format!("table#{}#{month}", name(table)),
            Self::ManyTables(month) => format!("table##{month}"),
            Self::Refused(day) => format!("refused#{day}"),
            Self::Held(day) => format!("held#{day}"),
        }
    }
}

impl Index {
    /// The one in that table.
    pub fn new(clients: &Clients, table: impl Into<String>) -> Self {
        Self { table: Table::new(clients, table) }
    }

    /// Writes a row under all that it is found by, at that moment and to be forgotten so long after the exchange was closed. One that
    /// was made of more objects stays; so whatever is told twice or late does no harm.
    ///
    /// # Errors
    /// When nobody knows whether all of it is written; it may be written again.
    pub async fn write(&self, row: &IndexRow, now: Timestamp, keep: Duration) -> Result<(), Fault> {
        let forget = row.closed.after(keep);
        let keys = row.keys_of();
        // INVARIANT: the session's last. Where it stands, the others stand.
        let (session, others): (Vec<&By>, Vec<&By>) =
            keys.iter().partition(|by| matches!(by, By::Session(_)));
        for some in [others, session] {
            let writes = some.into_iter().map(|by| {
                let item = row.item(by, now, forget);
                async move { self.table.put_unless_more(item, "told", KEPT).await }
            });
            futures::future::try_join_all(writes).await?;
        }
        Ok(())
    }

    /// Of those of these exchanges that have a row, of how much late evidence it was made. An item that nobody can read is no row.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn late_of(&self, keys: &[RecordKey]) -> Result<HashMap<RecordKey, u32>, Fault> {
        let place = |key: &RecordKey| {
            let ExchangeId { session, number } = key.exchange;
            Key::new(By::Session(session).partition(), place_in_session(number.get()))
        };
        let places: Vec<Key> = keys.iter().map(place).collect();
        let items = self.table.get_parts(&places, &["day", "late"], READ).await?;
        let rows = keys.iter().zip(&places).filter_map(|(key, place)| {
            let item = items.get(place)?;
            let (day, late) = (string(item, "day", READ).ok()?, integer(item, "late", READ).ok()?);
            (day == key.day).then_some((key.clone(), u32::try_from(late).ok()?))
        });
        Ok(rows.collect())
    }

    /// The rows of a partition.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn query(&self, by: &By, look: &Look) -> Result<Found, Fault> {
        let Look { from, until, newest_first, limit, after } = look;
        let is_session = matches!(by, By::Session(_));
        let moment = |moment: &Option<Timestamp>| moment.filter(|_| !is_session).map(|it| it.to_string());
        let mut first = moment(from).unwrap_or_else(|| "!".to_owned());
        // `~` lies behind whatever a place goes on with.
        let mut last = format!("{}~", moment(until).unwrap_or_default());
        // Both ends are included, so one more is asked for than what lies behind.
        if let Some(after) = after {
            if *newest_first && *after < last {
                last.clone_from(after);
            } else if !*newest_first && *after > first {
                first.clone_from(after);
            }
        }
        let order = if *newest_first { Order::Backward } else { Order::Forward };
        let asked = limit.saturating_add(2);
        let items = self.table.between(&by.partition(), (&first, &last), order, Some(asked), READ).await?;
        let place_of = |item: &Item| string(item, "sk", READ);
        let mut found = Found::default();
        let (mut looked, mut behind) = (0_usize, None);
        for item in &items {
            let at = place_of(item)?;
            if Some(&at) == after.as_ref() {
                continue;
            }
            if looked >= *limit {
                found.next = behind;
                break;
            }
            looked = looked.saturating_add(1);
            match IndexRow::of(item) {
                // What stands under another's place was not written there by us.
                Ok(row) if row.place(by) == at => found.rows.push(row),
                Ok(_) | Err(_) => {
                    tracing::error!("an item of the index cannot be read: somebody must look");
                    found.unreadable = found.unreadable.saturating_add(1);
                }
            }
            behind = Some(at);
        }
        Ok(found)
    }
}

/// A name as it stands in a key.
fn name(name: &str) -> String {
    if name.len() <= LONGEST_NAME {
        return name.to_owned();
    }
    let begins = name.get(..name.floor_char_boundary(LONGEST_NAME)).unwrap_or_default();
    format!("{begins}…{}", digest_of(name.as_bytes()))
}
