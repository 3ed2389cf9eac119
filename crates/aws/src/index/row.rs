//! One exchange as the index has it, and the item that it is written as.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{ExchangeId, Timestamp};
use gateway::Fault;
use gateway::ports::Among;
use recording::{ExchangeRow, RecordKey};

use super::{By, KEPT, READ};
use crate::table::{Item, Key, flag, integer, number, string, text};

/// Bytes of an item: what one write unit pays for. Only names that are very long come to more.
const LARGEST: usize = 1024;

/// Bytes of one text of an item at most.
const LONGEST: usize = 160;

/// One exchange as the index has it: what its record says, shortened. No text of a statement and no prompt is in it.
///
/// What the opening says is none where there is no opening; `missing` says so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IndexRow {
    /// Where its objects lie; the day is the opening's.
    pub key: RecordKey,
    /// What is not among its objects: `opening`, `approval`, `damaged`.
    pub missing: Option<String>,
    /// When it was opened.
    pub opened: Option<Timestamp>,
    /// When it was closed.
    pub closed: Timestamp,
    /// The program.
    pub agent: Option<String>,
    /// The human behind it.
    pub person: Option<String>,
    /// `sub`.
    pub subject: Option<String>,
    /// `sqlapi` or `mcp`.
    pub door: Option<String>,
    /// `allow`, `hold` or `refuse`.
    pub decision: Option<String>,
    /// `rows`, `refused`, `failed` or `lost`.
    pub outcome: String,
    /// Why it was refused, by its word.
    pub reason: Option<String>,
    /// Classes of its statements, with a comma between.
    pub class: String,
    /// Objects read.
    pub reads: Vec<String>,
    /// Objects written.
    pub writes: Vec<String>,
    /// The rules that led to the decision.
    pub rules: Vec<String>,
    /// How well the prompt is known: `P0` to `P4`.
    pub grade: Option<String>,
    /// Rows that the agent saw.
    pub rows_shown: u64,
    /// Cells masked, by lineage or by content.
    pub masked: u64,
    /// Words of findings.
    pub findings: Vec<String>,
    /// Whether a list or a text was cut: the record holds all of it.
    pub more: bool,
    /// Of how many objects it was made.
    pub told: u32,
    /// How many of these are late evidence.
    pub late: u32,
}

impl IndexRow {
    /// The row of an exchange that was made of `told` objects, `late` of which are late evidence; none while it has no closing.
    ///
    /// # Errors
    /// When the closing does not say when it was written.
    pub fn new(key: &RecordKey, row: &ExchangeRow, (told, late): (u32, u32)) -> Result<Option<Self>, Fault> {
        let Some(closed) = &row.closed else { return Ok(None) };
        let opened = row.opened.as_deref().and_then(|opened| opened.parse().ok());
        Ok(Some(Self {
            key: key.clone(),
            missing: row.missing.clone(),
            opened,
            closed: closed.parse().map_err(|_| KEPT.damaged())?,
            agent: row.agent.clone(),
            person: row.person.clone(),
            subject: row.subject.clone(),
            door: row.door.clone(),
            decision: row.decision.clone(),
            outcome: row.outcome.clone(),
            reason: row.reason.clone(),
            class: row.classes.join(", "),
            reads: row.reads.clone(),
            writes: row.writes.clone(),
            rules: row.rules.clone(),
            grade: row.grade.clone(),
            rows_shown: row.rows_shown,
            masked: row.masked_by_lineage.saturating_add(row.masked_by_content),
            findings: row.findings.clone(),
            more: false,
            told,
            late,
        }))
    }

    /// All that it is found by, its session last.
    pub fn keys_of(&self) -> Vec<By> {
        let day = &self.key.day;
        let mut found = Vec::new();
        if self.opened.is_some() {
            let month = || day.get(..7).unwrap_or(day).to_owned();
            found.extend(self.person.iter().map(|person| By::Person(person.clone(), month())));
            found.extend(self.agent.iter().map(|agent| By::Agent(agent.clone(), month())));
            let mut seen = BTreeSet::new();
            let tables = self.writes.iter().chain(&self.reads).filter(|name| seen.insert(name.as_str()));
            let tables: Vec<By> = tables.map(|name| By::Table(name.clone(), month())).collect();
            // SECURITY: not the first so many, for an agent chooses which these are.
            if tables.len() > Among::TABLES {
                found.push(By::ManyTables(month()));
            } else {
                found.extend(tables);
            }
            if self.outcome == "refused" || self.decision.as_deref() == Some("refuse") {
                found.push(By::Refused(day.clone()));
            }
            if self.decision.as_deref() == Some("hold") {
                found.push(By::Held(day.clone()));
            }
        }
        found.push(By::Session(self.key.exchange.session));
        found
    }

    /// The item under that key.
    pub(super) fn item(&self, by: &By, now: Timestamp, forget: Timestamp) -> Item {
        let mut row = self.clone();
        if let By::Table(name, _) = by {
            // What is cut is never the table that it is found by.
            for list in [&mut row.reads, &mut row.writes] {
                if let Some(at) = list.iter().position(|found| found == name) {
                    list.swap(0, at);
                }
            }
        }
        let Self {
            key,
            missing,
            opened,
            closed,
            agent,
            person,
            subject,
            door,
            decision,
            outcome,
            reason,
            ..
        } = &row;
        let Self {
            class, reads, writes, rules, grade, rows_shown, masked, findings, more, told, late, ..
        } = &row;
        let mut more = *more;
        let mut item = Key::new(by.partition(), self.place(by)).item();
        let count = |count: u64| AttributeValue::N(count.to_string());
        item.extend(
            [
                ("session", text(key.exchange.session.to_string())),
                ("nr", count(key.exchange.number.get().into())),
                ("day", text(&key.day)),
                ("closed", text(closed.to_string())),
                ("rows_shown", count(*rows_shown)),
                ("masked", count(*masked)),
                ("told", count((*told).into())),
                ("late", count((*late).into())),
                ("indexed_us", number(now.as_micros())),
                ("forget_at", number(forget.as_secs())),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        let opened = opened.map(|opened| opened.to_string());
        for (name, value) in [
            ("opened", opened.as_ref()),
            ("missing", missing.as_ref()),
            ("agent", agent.as_ref()),
            ("person", person.as_ref()),
            ("subject", subject.as_ref()),
            ("door", door.as_ref()),
            ("decision", decision.as_ref()),
            ("outcome", Some(outcome)),
            ("reason", reason.as_ref()),
            ("class", Some(class)),
            ("grade", grade.as_ref()),
        ] {
            let Some(value) = value else { continue };
            let value = cut(value);
            more |= value.1;
            item.insert(name.to_owned(), text(value.0));
        }
        let names = ["writes", "reads", "findings", "rules"];
        names.iter().for_each(|name| _ = item.insert((*name).to_owned(), AttributeValue::L(Vec::new())));
        item.insert("more".to_owned(), AttributeValue::Bool(true));
        // By turns, so that no long list takes the place of the others.
        let mut lists = [writes, reads, findings, rules].map(|list| (list.iter(), Vec::new()));
        let mut left = LARGEST.saturating_sub(size(&item));
        loop {
            let mut is_over = true;
            for (rest, taken) in &mut lists {
                let Some(next) = rest.next() else { continue };
                is_over = false;
                let (next, is_cut) = cut(next);
                more |= is_cut;
                match left.checked_sub(next.len().saturating_add(1)) {
                    Some(enough) => {
                        left = enough;
                        taken.push(text(next));
                    }
                    None => {
                        more = true;
                        *rest = [].iter();
                    }
                }
            }
            if is_over {
                break;
            }
        }
        for (name, (_, taken)) in names.iter().zip(lists) {
            item.insert((*name).to_owned(), AttributeValue::L(taken));
        }
        if !more {
            item.remove("more");
        }
        item
    }

    /// Its place in that partition.
    pub(super) fn place(&self, by: &By) -> String {
        let exchange = self.key.exchange;
        match (by, self.opened) {
            (By::Session(_), _) | (_, None) => place_in_session(exchange.number.get()),
            (_, Some(opened)) => place(opened, exchange),
        }
    }

    /// The row that an item holds.
    pub(super) fn of(item: &Item) -> Result<Self, Fault> {
        let some = |name: &str| item.get(name).map(|_| string(item, name, READ)).transpose();
        let moment = |text: String| text.parse::<Timestamp>().map_err(|_| READ.damaged());
        let count = |name: &str| u64::try_from(integer(item, name, READ)?).map_err(|_| READ.damaged());
        let small = |name: &str| u32::try_from(integer(item, name, READ)?).map_err(|_| READ.damaged());
        let exchange = format!("{}/{}", string(item, "session", READ)?, small("nr")?);
        let exchange = exchange.parse().map_err(|_| READ.damaged())?;
        Ok(Self {
            key: RecordKey::new(string(item, "day", READ)?, exchange),
            missing: some("missing")?,
            opened: some("opened")?.map(moment).transpose()?,
            closed: moment(string(item, "closed", READ)?)?,
            agent: some("agent")?,
            person: some("person")?,
            subject: some("subject")?,
            door: some("door")?,
            decision: some("decision")?,
            outcome: string(item, "outcome", READ)?,
            reason: some("reason")?,
            class: string(item, "class", READ)?,
            reads: list(item, "reads")?,
            writes: list(item, "writes")?,
            rules: list(item, "rules")?,
            grade: some("grade")?,
            rows_shown: count("rows_shown")?,
            masked: count("masked")?,
            findings: list(item, "findings")?,
            more: item.contains_key("more") && flag(item, "more", READ)?,
            told: small("told")?,
            late: small("late")?,
        })
    }
}

/// The place of an exchange in its session's partition.
// INVARIANT: this and the next are the only ones that write a place. Whoever goes on behind one written otherwise passes rows over.
pub(crate) fn place_in_session(number: u32) -> String {
    format!("{number:08}")
}

/// Its place in every other.
pub(crate) fn place(opened: Timestamp, exchange: ExchangeId) -> String {
    format!("{opened}#{}#{}", exchange.session, place_in_session(exchange.number.get()))
}

/// A text, cut at a character where it is too long; and whether it is.
fn cut(text: &str) -> (String, bool) {
    match text.get(..text.floor_char_boundary(LONGEST)) {
        Some(begins) if begins.len() < text.len() => (format!("{begins}…"), true),
        Some(_) | None => (text.to_owned(), false),
    }
}

/// The texts under that name.
fn list(item: &Item, name: &str) -> Result<Vec<String>, Fault> {
    let found = item.get(name).and_then(|value| value.as_l().ok()).ok_or_else(|| READ.damaged())?;
    found.iter().map(|one| one.as_s().cloned().map_err(|_| READ.damaged())).collect()
}

/// Bytes of an item as DynamoDB counts them, or more.
fn size(item: &Item) -> usize {
    let value = |value: &AttributeValue| match value.as_s().or_else(|_| value.as_n()) {
        Ok(text) => text.len().saturating_add(1),
        // An empty list, and what is yes or no.
        Err(_) => 4,
    };
    item.iter().map(|(name, found)| name.len().saturating_add(value(found))).sum()
}

#[cfg(test)]
mod tests {
    use recording::ExchangeObjects;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_795_446_001_000_000);

    fn key() -> RecordKey {
        RecordKey::new("2026-11-26", format!("{}/12", "a".repeat(32)).parse().unwrap())
    }

    fn recorded() -> ExchangeRow {
        let nothing = ExchangeObjects::<Vec<u8>> { opening: None, closing: None, steps: &[], evidence: &[] };
        ExchangeRow {
            opened: Some("2026-11-26T12:00:00.000001Z".into()),
            closed: Some("2026-11-26T12:00:01.000000Z".into()),
            door: Some("mcp".into()),
            subject: Some("s-1".into()),
            agent: Some("Claude-Finance".into()),
            person: Some("Ana@Acme.example".into()),
            prompt: Some("whom do we owe".into()),
            sql: Some("select 1".into()),
            classes: vec!["read".into()],
            reads: vec!["A.B.C".into(), "A.B.D".into()],
            writes: vec!["A.B.D".into()],
            decision: Some("hold".into()),
            rules: vec!["writes-wait".into()],
            outcome: "refused".into(),
            reason: Some("denied".into()),
            grade: Some("P3".into()),
            rows_shown: 7,
            masked_by_lineage: 3,
            masked_by_content: 2,
            findings: vec!["prompt-late".into()],
            ..ExchangeRow::new(&key().exchange, &nothing)
        }
    }

    fn row(recorded: &ExchangeRow) -> IndexRow {
        IndexRow::new(&key(), recorded, (4, 1)).unwrap().unwrap()
    }

    fn places(row: &IndexRow) -> Vec<(String, String)> {
        row.keys_of().iter().map(|by| (by.partition(), row.place(by))).collect()
    }

    #[test]
    fn an_exchange_is_found_by_all_that_it_is_asked_by_and_by_its_session_last() {
        let place = format!("2026-11-26T12:00:00.000001Z#{}#00000012", "a".repeat(32));
        let expected = [
            ("person#ana@acme.example#2026-11", place.as_str()),
            ("agent#claude-finance#2026-11", &place),
            ("table#A.B.D#2026-11", &place),
            ("table#A.B.C#2026-11", &place),
            ("refused#2026-11-26", &place),
            ("held#2026-11-26", &place),
            (&format!("session#{}", "a".repeat(32)), "00000012"),
        ];
        let expected = expected.map(|(pk, sk)| (pk.to_owned(), sk.to_owned()));
        assert_eq!(places(&row(&recorded())), expected);
    }

    #[test]
    fn what_is_written_reads_back_and_holds_no_statement_and_no_prompt() {
        let row = row(&recorded());
        for by in row.keys_of() {
            let item = row.item(&by, NOW, NOW);
            assert!(!format!("{item:?}").contains("select") && !format!("{item:?}").contains("owe"));
            let found = IndexRow::of(&item).unwrap();
            let first = |rows: &[String]| rows.iter().cloned().collect::<BTreeSet<String>>();
            assert_eq!(first(&found.reads), first(&row.reads), "in whatever order");
            assert_eq!(IndexRow { reads: row.reads.clone(), ..found }, row);
        }
    }

    #[test]
    fn what_is_under_way_has_no_row() {
        let pending = ExchangeRow { closed: None, outcome: "pending".into(), ..recorded() };
        assert_eq!(IndexRow::new(&key(), &pending, (1, 0)).unwrap(), None);
        let damaged = ExchangeRow { closed: Some("yesterday".into()), ..recorded() };
        assert!(IndexRow::new(&key(), &damaged, (2, 0)).is_err());
    }

    #[test]
    fn what_has_no_opening_is_found_by_its_session_and_says_so() {
        let without = ExchangeRow {
            missing: Some("opening".into()),
            opened: None,
            agent: None,
            person: None,
            decision: None,
            ..recorded()
        };
        let row = row(&without);
        assert_eq!(row.keys_of(), [By::Session(key().exchange.session)]);
        let item = row.item(&By::Session(key().exchange.session), NOW, NOW);
        assert_eq!(IndexRow::of(&item).unwrap(), row);
        // A moment that is none tells nothing.
        let odd = ExchangeRow { opened: Some("at noon".into()), ..recorded() };
        assert_eq!(IndexRow::new(&key(), &odd, (2, 0)).unwrap().unwrap().keys_of().len(), 1);
    }

    #[test]
    fn an_item_costs_one_write_whatever_was_read_and_says_that_more_was() {
        let many: Vec<String> =
            (0..200).map(|nr| format!("WAREHOUSE.SALES_{nr}.{}", "X".repeat(40))).collect();
        let long = ExchangeRow {
            reads: many.iter().take(Among::TABLES - 1).cloned().collect(),
            rules: many.clone(),
            findings: vec!["é".repeat(300)],
            person: Some("p".repeat(100)),
            ..recorded()
        };
        let row = row(&long);
        let keys = row.keys_of();
        assert_eq!(keys.iter().filter(|by| matches!(by, By::Table(..))).count(), Among::TABLES);
        for by in &keys {
            let item = row.item(by, NOW, NOW);
            let lists: usize = ["reads", "writes", "rules", "findings"]
                .iter()
                .flat_map(|name| list(&item, name).unwrap())
                .map(|one| one.len() + 1)
                .sum();
            assert!(size(&item) + lists <= LARGEST + 8, "{by:?}: {}", size(&item) + lists);
            let found = IndexRow::of(&item).unwrap();
            assert!(found.more);
            for kept in [&found.reads, &found.rules, &found.writes] {
                assert!(!kept.is_empty(), "each list has its turn");
            }
            if let By::Table(name, _) = by {
                assert!(found.reads.contains(name) || found.writes.contains(name), "the table itself stays");
            }
        }
    }

    #[test]
    fn whoever_touches_many_tables_is_found_among_those_whatever_they_are_called() {
        let of = |count: usize| {
            let reads = (0..count).map(|nr| format!("A.B.T{nr:03}")).chain(["A.B.D".to_owned()]).collect();
            row(&ExchangeRow { reads, writes: vec!["A.B.D".into()], ..recorded() }).keys_of()
        };
        let tables = |keys: &[By]| keys.iter().filter(|by| matches!(by, By::Table(..))).count();
        let many = By::ManyTables("2026-11".into());
        assert_eq!((tables(&of(49)), of(49).contains(&many)), (50, false));
        for count in [50, 51, 10_000] {
            assert_eq!((tables(&of(count)), of(count).contains(&many)), (0, true), "{count}");
        }
        assert_eq!(many.partition(), "table##2026-11");
        assert_ne!(many.partition(), By::Table("#".into(), "2026-11".into()).partition());
    }

    #[test]
    fn long_names_keep_apart() {
        let name = |last: &str| By::Table(format!("{}{last}", "Ä".repeat(1000)), "2026-11".into());
        assert!(name("A").partition().len() < 700);
        assert_ne!(name("A").partition(), name("B").partition());
    }

    #[test]
    fn an_item_with_anything_missing_is_no_row() {
        let row = row(&recorded());
        let by = By::Session(key().exchange.session);
        let whole = row.item(&by, NOW, NOW);
        for name in
            ["session", "nr", "day", "closed", "outcome", "class", "reads", "rows_shown", "told", "late"]
        {
            let mut item = whole.clone();
            item.remove(name);
            assert!(IndexRow::of(&item).is_err(), "{name}");
            item.insert(name.to_owned(), AttributeValue::Bool(true));
            assert!(IndexRow::of(&item).is_err(), "{name}");
        }
    }
}
