//! What auditors ask, and where a next answer goes on.

use std::collections::{BTreeMap, BTreeSet};

use domain::{ExchangeId, ExchangeNumber, SessionId, Timestamp};
use recording::{ExchangeRow, RecordKey, digest_of};
use thiserror::Error;

use super::Auditor;
use crate::ports::{Among, Indexed, Stretch};

/// The parameter whose value may hold anything.
const TEXT: &str = "text";

/// Those that name somebody, whom tokens may call by an address.
pub(super) const NAMES_OF_PEOPLE: [&str; 2] = ["person", "agent"];

/// Those that name something else.
const NAMES: [&str; 3] = ["table", "rule", "finding"];

/// Digits of a name that is no number.
const DIGITS: usize = 4;

/// Whether what was said under that name may be a value that a detector knows, rather than a name.
pub(super) fn may_hold_a_value(name: &str, said: &str) -> bool {
    let is_of_people = NAMES_OF_PEOPLE.contains(&name);
    let is_plain = |c: char| c.is_alphanumeric() || "._-$".contains(c) || (is_of_people && c == '@');
    let is_a_name = said.chars().all(is_plain) && said.chars().filter(char::is_ascii_digit).count() <= DIGITS;
    name == TEXT || ((is_of_people || NAMES.contains(&name)) && !is_a_name)
}

/// By what exchanges are looked for: each is one ordered read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum By {
    /// All of a session, what is under way included.
    Session(SessionId),
    /// What is closed, in a stretch of time.
    Among(Among, Stretch),
}

/// What else must hold; everything that is given. Names are compared without regard to case.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Wanted {
    /// The person.
    pub person: Option<String>,
    /// The agent.
    pub agent: Option<String>,
    /// The full name of an object that was read or written.
    pub table: Option<String>,
    /// `allow`, `hold` or `refuse`.
    pub decision: Option<String>,
    /// `rows`, `refused`, `failed`, `lost` or `pending`.
    pub outcome: Option<String>,
    /// A rule that led to the decision.
    pub rule: Option<String>,
    /// The word of a finding.
    pub finding: Option<String>,
    /// In prompt or statement as recorded.
    pub text: Option<String>,
}

impl Wanted {
    fn named(&self) -> [(&'static str, &Option<String>); 8] {
        let Self { person, agent, table, decision, outcome, rule, finding, text } = self;
        [
            ("person", person),
            ("agent", agent),
            ("table", table),
            ("decision", decision),
            ("outcome", outcome),
            ("rule", rule),
            ("finding", finding),
            (TEXT, text),
        ]
    }

    /// Whether this exchange is wanted.
    pub(super) fn is_met(&self, row: &ExchangeRow) -> bool {
        let Self { person, agent, table, decision, outcome, rule, finding, text } = self;
        let is = |wanted: &Option<String>, actual: Option<&String>| {
            wanted.as_ref().is_none_or(|wanted| actual.is_some_and(|actual| is_same(wanted, actual)))
        };
        let has = |wanted: &Option<String>, actual: &[String]| {
            wanted.as_ref().is_none_or(|wanted| actual.iter().any(|actual| is_same(wanted, actual)))
        };
        let touches = table.as_ref().is_none_or(|table| is_touched(row, table));
        let tells = text.as_ref().is_none_or(|text| {
            let wanted = text.to_lowercase();
            let texts = [&row.sql, &row.prompt];
            texts.into_iter().flatten().any(|text| text.to_lowercase().contains(&wanted))
        });
        is(person, row.person.as_ref())
            && is(agent, row.agent.as_ref())
            && is(decision, row.decision.as_ref())
            && is(outcome, Some(&row.outcome))
            && has(rule, &row.rules)
            && has(finding, &row.findings)
            && touches
            && tells
    }
}

/// Whether two names are one, as the index folds them.
pub(super) fn is_same(wanted: &str, actual: &str) -> bool {
    wanted.to_lowercase() == actual.to_lowercase()
}

/// Whether an exchange read or wrote this object.
pub(super) fn is_touched(row: &ExchangeRow, table: &str) -> bool {
    row.reads.iter().chain(&row.writes).any(|object| is_same(table, object))
}

/// Whether an exchange touches so many objects that an index may tell it to whoever looks for any.
// SECURITY: an agent chooses how many objects its statement touches. It must not come to be left out by them.
pub(super) fn touches_many(row: &ExchangeRow) -> bool {
    let objects: BTreeSet<&String> = row.reads.iter().chain(&row.writes).collect();
    objects.len() > Among::TABLES
}

/// A search.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Question {
    /// By what.
    pub by: By,
    /// What else must hold.
    pub wanted: Wanted,
    /// Exchanges in one answer, at most.
    pub limit: Limit,
    /// Where an earlier answer to the same question ended.
    pub after: Option<String>,
}

/// What a cursor says of the question that it goes on with. Anybody can write one: it is held to its question when that is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Begun {
    /// What the first answer looked at.
    pub stretch: Stretch,
    /// The opening of the last exchange that was looked at.
    pub until: Timestamp,
}

/// A cursor that is none of this question.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("`after` is not the `next` of an answer to this very question, to whoever asks it")]
pub struct NotTheCursor;

/// How many exchanges one answer may tell: 1 to [`Limit::MOST`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limit(usize);

impl Limit {
    /// The most.
    pub const MOST: Self = Self(100);

    /// So many; none where that is too few or too many.
    pub fn new(exchanges: usize) -> Option<Self> {
        (1..=Self::MOST.get()).contains(&exchanges).then_some(Self(exchanges))
    }

    /// The number.
    pub const fn get(self) -> usize {
        self.0
    }
}

impl Default for Limit {
    /// Where nobody says how many: 50.
    fn default() -> Self {
        Self(50)
    }
}

impl Question {
    /// What a cursor of exchanges in a stretch says; none of another, or of a text that is none.
    pub fn begun(after: &str) -> Option<Begun> {
        let (from, rest) = place_of(after).split_once('.')?;
        let (to, position) = rest.split_once('.')?;
        let stretch =
            Stretch { from: Timestamp::from_micros(digits(from)?), to: Timestamp::from_micros(digits(to)?) };
        match Position::read(position)? {
            Position::At(Indexed { opened, .. }) => Some(Begun { stretch, until: opened }),
            Position::Number(_) => None,
        }
    }

    /// What was asked, by the parameters' names.
    pub fn asked(&self) -> BTreeMap<String, String> {
        let mut asked = BTreeMap::new();
        let mut say = |name: &str, value: String| asked.insert(name.to_owned(), value);
        match &self.by {
            By::Session(session) => {
                say("session", session.to_string());
            }
            By::Among(among, stretch) => {
                match among {
                    Among::Person(name) => say("person", name.clone()),
                    Among::Agent(name) => say("agent", name.clone()),
                    Among::Table(name) => say("table", name.clone()),
                    Among::Refused => say("refused", stretch.from.day()),
                    Among::Held => say("held", stretch.from.day()),
                };
                say("from", stretch.from.to_string());
                say("to", stretch.to.to_string());
            }
        }
        for (name, value) in self.wanted.named() {
            if let Some(value) = value {
                asked.insert(name.to_owned(), value.clone());
            }
        }
        asked
    }

    /// What a look says was asked: where it went on, too.
    pub(super) fn recorded(&self) -> BTreeMap<String, String> {
        let mut asked = self.asked();
        asked.extend(self.after.iter().map(|after| ("after".to_owned(), place_of(after).to_owned())));
        asked
    }

    /// The mark of this question of this auditor. The stretch is no part of it, and stands behind it: without a `to` it ends at the moment
    /// of asking, and a next answer must look at the same.
    fn mark(&self, auditor: &Auditor) -> String {
        let mut asked = self.asked();
        asked.remove("from");
        asked.remove("to");
        mark(auditor, "search", &asked)
    }

    /// Where to go on; none at the beginning.
    pub(super) fn position(&self, auditor: &Auditor) -> Result<Option<Position>, NotTheCursor> {
        let Some(after) = &self.after else { return Ok(None) };
        let at = after.strip_prefix(&self.mark(auditor)).and_then(|at| at.strip_prefix(&self.stretch()));
        at.and_then(Position::read).filter(|at| at.is_of(&self.by)).map(Some).ok_or(NotTheCursor)
    }

    /// The stretch as cursors write it, `.FROM.TO.` in microseconds; of a session, none.
    fn stretch(&self) -> String {
        match &self.by {
            By::Session(_) => ".".to_owned(),
            By::Among(_, Stretch { from, to }) => format!(".{}.{}.", from.as_micros(), to.as_micros()),
        }
    }

    /// The cursor behind that exchange.
    pub(super) fn cursor(&self, auditor: &Auditor, position: &Position) -> String {
        format!("{}{}{position}", self.mark(auditor), self.stretch())
    }
}

/// A replay: of a session from its beginning, or of one exchange.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Replay {
    /// The session.
    pub session: SessionId,
    /// The exchange, where it is only one.
    pub only: Option<ExchangeNumber>,
    /// Where an earlier answer ended.
    pub after: Option<String>,
}

impl Replay {
    fn asked(&self) -> BTreeMap<String, String> {
        let session = [("session".to_owned(), self.session.to_string())];
        let only = self.only.map(|number| ("exchange".to_owned(), number.to_string()));
        session.into_iter().chain(only).collect()
    }

    pub(super) fn recorded(&self) -> BTreeMap<String, String> {
        let mut asked = self.asked();
        asked.extend(self.after.iter().map(|after| ("after".to_owned(), place_of(after).to_owned())));
        asked
    }

    /// The exchange that comes next, and where in it.
    pub(super) fn position(&self, auditor: &Auditor) -> Result<(ExchangeNumber, EventPlace), NotTheCursor> {
        let Some(after) = &self.after else {
            return Ok((self.only.unwrap_or(ExchangeNumber::FIRST), EventPlace::default()));
        };
        let at = after.strip_prefix(&mark(auditor, "replay", &self.asked()));
        let (number, place) = at.and_then(|at| at.strip_prefix('.')?.split_once('.')).ok_or(NotTheCursor)?;
        let number: u32 = digits(number).ok_or(NotTheCursor)?;
        let number = ExchangeNumber::new(number).ok_or(NotTheCursor)?;
        if self.only.is_some_and(|only| only != number) {
            return Err(NotTheCursor);
        }
        Ok((number, EventPlace::read(place).ok_or(NotTheCursor)?))
    }

    pub(super) fn cursor(&self, auditor: &Auditor, number: ExchangeNumber, place: EventPlace) -> String {
        format!("{}.{number}.{place}", mark(auditor, "replay", &self.asked()))
    }
}

/// A place among the events of an exchange, as cursors write it: `EVENT`, `EVENT.FROM`, or `EVENT.ROW.COLUMN.FROM`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct EventPlace {
    /// The event, from 0.
    pub event: usize,
    /// Where in it.
    pub within: Within,
}

/// A place in an event that no one answer holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Within {
    /// The row of a page, or the byte of a text.
    pub from: usize,
    /// In a row that is too long itself, the column and the byte of its cell.
    pub cell: Option<(usize, usize)>,
}

impl EventPlace {
    fn read(text: &str) -> Option<Self> {
        let numbers: Option<Vec<usize>> = text.split('.').map(digits).collect();
        let (event, from, cell) = match *numbers?.as_slice() {
            [event] => (event, 0, None),
            // What has one spelling is another place.
            [event, from] if from > 0 => (event, from, None),
            [event, from, column, byte] => (event, from, Some((column, byte))),
            _ => return None,
        };
        Some(Self { event, within: Within { from, cell } })
    }
}

impl std::fmt::Display for EventPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { event, within: Within { from, cell } } = self;
        match cell {
            Some((column, byte)) => write!(f, "{event}.{from}.{column}.{byte}"),
            None if *from > 0 => write!(f, "{event}.{from}"),
            None => write!(f, "{event}"),
        }
    }
}

/// The place that a cursor names.
// SECURITY: not its mark, which is a digest over what is looked for: of a short value it is the value, to whoever tries all.
fn place_of(after: &str) -> &str {
    after.split_once('.').map_or("", |(_, place)| place)
}

/// Half a digest over whoever asks and what: it tells cursors apart, to whoever asked, and is kept nowhere. Whoever makes a cursor up comes no further than
/// its own question goes.
fn mark(auditor: &Auditor, what: &str, asked: &BTreeMap<String, String>) -> String {
    let part = |text: &str| format!("{}:{text}", text.len());
    let mut said = part(auditor.identity.key().as_str()) + &part(what);
    for (name, value) in asked {
        said += &part(name);
        said += &part(value);
    }
    let digest = digest_of(said.as_bytes()).to_string();
    digest.trim_start_matches("sha256:").chars().take(32).collect()
}

/// A number in the one spelling that we write.
fn digits<N: std::str::FromStr + ToString>(text: &str) -> Option<N> {
    text.parse::<N>().ok().filter(|number| number.to_string() == text)
}

/// The exchange that was looked at last, as cursors write it: `MICROSECONDS.SESSION.NUMBER`, or of a session the number alone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Position {
    Number(ExchangeNumber),
    At(Indexed),
}

impl Position {
    fn read(text: &str) -> Option<Self> {
        let number = |text| digits::<u32>(text).and_then(ExchangeNumber::new);
        let mut parts = text.split('.');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(one), None, _, _) => number(one).map(Self::Number),
            (Some(opened), Some(session), Some(last), None) => {
                let opened = Timestamp::from_micros(digits(opened)?);
                let exchange = ExchangeId { session: session.parse().ok()?, number: number(last)? };
                Some(Self::At(Indexed { opened, key: RecordKey::new(opened.day(), exchange) }))
            }
            _ => None,
        }
    }

    fn is_of(&self, by: &By) -> bool {
        matches!((self, by), (Self::Number(_), By::Session(_)) | (Self::At(_), By::Among(..)))
    }
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::At(Indexed { opened, key }) => {
                write!(f, "{}.{}.{}", opened.as_micros(), key.exchange.session, key.exchange.number)
            }
        }
    }
}
