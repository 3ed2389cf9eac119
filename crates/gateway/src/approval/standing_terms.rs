//! What a standing approval allows: which literals and bound values may vary, and in what.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::num::{NonZeroU32, NonZeroU64};
use std::str::FromStr;
use std::time::Duration;

use domain::{Asked, Binding, Timestamp};
use masking::Detectors;
use recording::{MayBeRecord, StandingRecord, VaryRecord};
use thiserror::Error;

use crate::seal;

/// For how long one may stand.
pub(super) const LONGEST: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// Runs at most.
const MOST_RUNS: u32 = 10_000;

/// Places that vary, and values that one may take, at most.
const MOST_PLACES: usize = 16;
const MOST_VALUES: usize = 100;

/// Bytes of a value at most.
const LONGEST_VALUE: usize = 200;

/// Why a standing approval cannot be made so; a sentence for whoever wants it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("no standing approval: {0}")]
pub struct NotAStanding(pub(super) &'static str);

/// A place in a statement whose value may vary.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Place {
    /// A literal of the text, counted from 1 (`1`).
    Literal(u32),
    /// A bound value (`:1`).
    Bound(u32),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(at) => write!(f, "{at}"),
            Self::Bound(at) => write!(f, ":{at}"),
        }
    }
}

impl FromStr for Place {
    type Err = NotAStanding;

    fn from_str(text: &str) -> Result<Self, NotAStanding> {
        let place = match text.strip_prefix(':') {
            Some(bound) => bound.parse().ok().map(Self::Bound),
            None => text.parse().ok().filter(|at| *at > 0).map(Self::Literal),
        };
        place.ok_or(NotAStanding("a place is the number of a literal, from 1, or of a bound value, as in :1"))
    }
}

/// What a value may be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MayBe {
    /// One of these.
    OneOf(BTreeSet<String>),
    /// A whole number, or a date, between these, both included.
    Between {
        /// The first.
        first: String,
        /// The last.
        last: String,
    },
}

impl FromStr for MayBe {
    type Err = NotAStanding;

    /// `1..100`, `2026-01-01..2026-12-31`, or values with commas between.
    fn from_str(text: &str) -> Result<Self, NotAStanding> {
        if let Some((first, last)) = text.split_once("..") {
            let (first, last) = (first.trim(), last.trim());
            if Range::new(first, last).is_some() {
                return Ok(Self::Between { first: first.to_owned(), last: last.to_owned() });
            }
            return Err(NotAStanding(
                "a range is of whole numbers (1..100) or dates (2026-01-01..2026-12-31), the smaller first",
            ));
        }
        let values: BTreeSet<String> = text.split(',').map(|value| value.trim().to_owned()).collect();
        if values.len() > MOST_VALUES
            || values.iter().any(|value| value.is_empty() || value.len() > LONGEST_VALUE)
        {
            return Err(NotAStanding(
                "a list holds at most 100 values of 1 to 200 bytes, with commas between",
            ));
        }
        Ok(Self::OneOf(values))
    }
}

/// A range that can be compared.
enum Range<'a> {
    Numbers(i128, i128),
    Dates(&'a str, &'a str),
}

impl<'a> Range<'a> {
    fn new(first: &'a str, last: &'a str) -> Option<Self> {
        match (whole(first), whole(last)) {
            (Some(from), Some(to)) => (from <= to).then_some(Self::Numbers(from, to)),
            (None, None) if is_date(first) && is_date(last) && first <= last => {
                Some(Self::Dates(first, last))
            }
            (Some(_) | None, _) => None,
        }
    }

    fn holds(&self, value: &str, is_text: bool) -> bool {
        match self {
            Self::Numbers(from, to) => {
                !is_text && whole(value).is_some_and(|value| *from <= value && value <= *to)
            }
            Self::Dates(from, to) => is_text && is_date(value) && *from <= value && value <= *to,
        }
    }
}

/// A whole number of digits, with a minus where one stands before the literal.
fn whole(text: &str) -> Option<i128> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain)
}

/// A number as a text is read for them: digits and at most one point, with a minus where one stands before it.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    is_plain && digits.bytes().any(|byte| byte.is_ascii_digit()) && digits.matches('.').count() <= 1
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && format!("{text}T00:00:00Z").parse::<Timestamp>().is_ok_and(|at| at.day() == text)
}

/// What a reviewer allows for later, beside the text that they approve.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StandingTerms {
    /// Nothing from then on; at most 90 days from now.
    pub until: Timestamp,
    /// How often.
    pub runs: NonZeroU32,
    /// Rows of one result at most.
    pub rows: NonZeroU64,
    /// What may vary.
    pub vary: BTreeMap<Place, MayBe>,
}

impl StandingTerms {
    /// The record of these terms for a text.
    ///
    /// # Errors
    /// [`NotAStanding`] where they do not fit the text, or go too far.
    pub(super) fn record(
        &self,
        asked: &Asked,
        tags: &Tags<'_>,
        detectors: &Detectors,
        now: Timestamp,
    ) -> Result<StandingRecord, NotAStanding> {
        let Self { until, runs, rows, vary } = self;
        if *until <= now || *until > now.after(LONGEST) {
            return Err(NotAStanding("it ends after now and within 90 days"));
        }
        if runs.get() > MOST_RUNS || vary.len() > MOST_PLACES {
            return Err(NotAStanding("at most 10000 runs, and 16 places that vary"));
        }
        let literals = sql::literals(asked.text.reveal()).ok_or(NotAStanding(
            "this text cannot be read piece by piece, so nothing could be compared with it",
        ))?;
        let bound_behind = sql::bound_behind(asked.text.reveal()).unwrap_or_default();
        let vary = vary.iter().map(|(place, may_be)| {
            let found = match place {
                Place::Literal(at) => {
                    let at = usize::try_from(*at).unwrap_or(usize::MAX).saturating_sub(1);
                    literals.get(at).map(|literal| (literal.is_text, Some(literal.behind.as_str())))
                }
                Place::Bound(at) => asked.bindings.get(at).map(|binding| {
                    (is_text_bound(binding), bound_behind.get(at).map(String::as_str))
                }),
            };
            let (is_text, behind) =
                found.ok_or(NotAStanding("there is no such literal or bound value in this text"))?;
            let clean = |value: &str| shown(detectors, value, behind);
            let may_be = match may_be {
                MayBe::OneOf(values) if !is_text && !values.iter().all(|value| is_number(value)) => {
                    return Err(NotAStanding(
                        "what stands there is a number, so its list is of numbers, as in 1,-2,3.5: nothing else could ever be there",
                    ));
                }
                MayBe::OneOf(values) => MayBeRecord::OneOf {
                    shown: values.iter().map(|value| clean(value)).collect(),
                    keyed: values.iter().map(|value| tags.of(*place, value)).collect(),
                },
                // Ends are compared as they are, so that no other form of them can be kept.
                MayBe::Between { first, last } if [first, last].into_iter().any(|end| clean(end) != *end) => {
                    return Err(NotAStanding(
                        "what stands there is of a kind that recordings do not tell, so it varies in a list, which is kept keyed, and \
                         in no range",
                    ));
                }
                MayBe::Between { first, last } => match Range::new(first, last) {
                    Some(Range::Numbers(..)) if !is_text => between(first, last),
                    Some(Range::Dates(..)) if is_text => between(first, last),
                    Some(_) | None => {
                        return Err(NotAStanding(
                            "numbers vary in a range of numbers, and strings in a range of dates or a list",
                        ));
                    }
                },
            };
            Ok(VaryRecord { place: place.to_string(), may_be })
        });
        Ok(StandingRecord {
            until: until.to_string(),
            runs: runs.get(),
            rows: rows.get(),
            vary: vary.collect::<Result<_, NotAStanding>>()?,
        })
    }
}

/// A value as the recording tells what stands in its place: after the detectors, by the same name before it. Where that name is
/// not known, nothing is told.
fn shown(detectors: &Detectors, value: &str, behind: Option<&str>) -> String {
    match behind {
        Some(behind) => detectors.redact_value(value, behind).into_owned(),
        None => "[VALUE]".to_owned(),
    }
}

fn between(first: &str, last: &str) -> MayBeRecord {
    MayBeRecord::Between { first: first.to_owned(), last: last.to_owned() }
}

fn is_text_bound(binding: &Binding) -> bool {
    binding.kind != "FIXED"
}

/// Makes the keyed form of values that one standing approval lists.
pub(super) struct Tags<'a> {
    pub key: &'a [u8; 32],
    /// The approval that it is made with.
    pub approval: &'a str,
}

impl Tags<'_> {
    fn of(&self, place: Place, value: &str) -> String {
        let Self { key, approval } = self;
        seal::keyed_word(key, "standing", &format!("{approval}/{place}/{value}"))
    }
}

/// Whether `asked` differs from the text that was approved in nothing but what may vary, and each of those is as it may be: also where
/// the approved text itself holds something else there, to which people have said yes that once.
pub(super) fn covers(terms: &StandingRecord, tags: &Tags<'_>, approved: &Asked, asked: &Asked) -> bool {
    let is_same = approved.context == asked.context
        && approved.statement_count == asked.statement_count
        && approved.parameters == asked.parameters
        && approved.timeout == asked.timeout
        && approved.bindings.len() == asked.bindings.len();
    if !is_same {
        return false;
    }
    let bound = approved.bindings.iter().zip(&asked.bindings).all(|((place, before), (at, now))| {
        let is_same = place == at && before.kind == now.kind;
        is_same
            && match (named(terms, Place::Bound(*at)), &now.value) {
                (Some(may_be), Some(value)) => may_be.holds(tags, value, is_text_bound(now)),
                // NULL is no value that anybody has named.
                (Some(_), None) => false,
                (None, now) => before.value == *now,
            }
    });
    let (text, approved) = (asked.text.reveal(), approved.text.reveal());
    let (Some(before), Some(now)) = (sql::literals(approved), sql::filled(approved, text)) else {
        return false;
    };
    bound
        && before.len() == now.len()
        && (1..).zip(before.iter().zip(&now)).all(|(at, (before, now))| {
            match named(terms, Place::Literal(at)) {
                Some(may_be) => may_be.holds(tags, &now.value, now.is_text),
                None => before == now,
            }
        })
}

/// A place that may vary, and in what.
struct Named<'a> {
    place: Place,
    may_be: &'a MayBeRecord,
}

fn named(terms: &StandingRecord, place: Place) -> Option<Named<'_>> {
    let name = place.to_string();
    let vary = terms.vary.iter().find(|vary| vary.place == name)?;
    Some(Named { place, may_be: &vary.may_be })
}

impl Named<'_> {
    fn holds(&self, tags: &Tags<'_>, value: &str, is_text: bool) -> bool {
        match self.may_be {
            MayBeRecord::OneOf { shown: _, keyed } => keyed.contains(&tags.of(self.place, value)),
            MayBeRecord::Between { first, last } => {
                Range::new(first, last).is_some_and(|range| range.holds(value, is_text))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::{Context, Credential, Door, Prompt, PromptGrade, SqlText};

    use super::*;

    const KEY: [u8; 32] = [7; 32];

    fn asked(sql: &str, bound: &[(&str, Option<&str>)]) -> Asked {
        let bindings = (1..).zip(bound).map(|(at, (kind, value))| {
            (at, Binding { kind: (*kind).to_owned(), value: value.map(str::to_owned) })
        });
        Asked {
            door: Door::SqlApi,
            credential: Credential::new(String::new()),
            conversation: None,
            request: None,
            text: SqlText::new(sql),
            bindings: bindings.collect(),
            context: Context { role: Some("ANALYST".into()), ..Context::default() },
            statement_count: 1,
            parameters: BTreeMap::new(),
            timeout: None,
            prompt: Prompt { text: None, grade: PromptGrade::P0 },
            clues: Default::default(),
        }
    }

    fn terms(vary: &[(&str, &str)]) -> StandingTerms {
        let vary = vary.iter().map(|(place, may_be)| (place.parse().unwrap(), may_be.parse().unwrap()));
        StandingTerms {
            until: Timestamp::from_micros(1_000_000),
            runs: NonZeroU32::MIN,
            rows: NonZeroU64::MIN,
            vary: vary.collect(),
        }
    }

    fn recorded(terms: &StandingTerms, approved: &Asked) -> Result<StandingRecord, NotAStanding> {
        let tags = Tags { key: &KEY, approval: "a" };
        terms.record(approved, &tags, &Detectors::standard(), Timestamp::from_micros(0))
    }

    const SQL: &str = "delete from t where s = 'gone' and n < 10 and d > '2026-01-01'";

    #[track_caller]
    fn check(vary: &[(&str, &str)], sql: &str, expected: bool) {
        let approved = asked(SQL, &[]);
        let record = recorded(&terms(vary), &approved).unwrap();
        let tags = Tags { key: &KEY, approval: "a" };
        assert_eq!(covers(&record, &tags, &approved, &asked(sql, &[])), expected, "{sql}");
    }

    #[test]
    fn what_is_named_varies_as_it_may_and_nothing_else_does() {
        let vary = [("1", "lost,found"), ("2", "1..100"), ("3", "2026-01-01..2026-12-31")];
        check(&[], SQL, true);
        check(&vary, "delete from t where s = 'found' and n < 10 and d > '2026-01-01'", true);
        check(&vary, "delete from t where s = 'lost' and n < 100 and d > '2026-12-31'", true);
        check(&vary, "delete from t where s = 'Lost' and n < 10 and d > '2026-01-01'", false);
        check(&vary, "delete from t where s = 'lost' and n < 101 and d > '2026-01-01'", false);
        check(&vary, "delete from t where s = 'lost' and n < 0 and d > '2026-01-01'", false);
        check(&vary, "delete from t where s = 'lost' and n < 10.5 and d > '2026-01-01'", false);
        check(&vary, "delete from t where s = 'lost' and n < 10 and d > '2027-01-01'", false);
        check(&vary, "delete from t where s = 'lost' and n < 10 and d > '2026-02-30'", false);
        check(&vary, "delete from t where s = 'lost' and n < 10 and d > '2026-05'", false);
        check(&vary[..1], "delete from t where s = 'lost' and n < 11 and d > '2026-01-01'", false);
        check(&vary, "delete from u where s = 'lost' and n < 10 and d > '2026-01-01'", false);
        check(&vary, "delete from t where s = 'lost' and n < 10 and d > '2026-01-01' --", false);
    }

    #[test]
    fn the_value_of_the_approved_text_itself_is_held_to_its_list_and_range_too() {
        check(&[("1", "lost,found")], SQL, false);
        check(&[("1", "lost,gone")], SQL, true);
        check(&[("2", "1..9")], SQL, false);
        check(&[("2", "1..10")], SQL, true);
        check(&[("3", "2026-02-01..2026-12-31")], SQL, false);
        let bound = |value| asked("delete from t where n = ?", &[("FIXED", value)]);
        for (value, expected) in [(Some("888"), false), (Some("5"), true), (None, false)] {
            for approved in [bound(Some("888")), bound(None)] {
                let record = recorded(&terms(&[(":1", "1..5")]), &approved).unwrap();
                let tags = Tags { key: &KEY, approval: "a" };
                assert_eq!(covers(&record, &tags, &approved, &bound(value)), expected, "{value:?}");
            }
        }
    }

    #[test]
    fn a_list_for_a_number_is_of_numbers() {
        let approved = asked("delete from t where n = 1 and s = 'a' and m = ?", &[("FIXED", Some("7"))]);
        for (place, list) in [("1", "a"), ("1", "1,b"), ("1", "1e5"), ("1", "."), ("1", "--1"), (":1", "x")] {
            assert!(recorded(&terms(&[(place, list)]), &approved).is_err(), "{place}={list}");
        }
        for (place, list) in [("1", "1,-2,3.5,.5"), ("2", "a,1,2026-01-01"), (":1", "8,-9")] {
            assert!(recorded(&terms(&[(place, list)]), &approved).is_ok(), "{place}={list}");
        }
    }

    #[test]
    fn a_number_behind_a_minus_varies_below_zero() {
        let sql = |n: &str| asked(&format!("delete from t where n > {n}"), &[]);
        let approved = sql("-10");
        let tags = Tags { key: &KEY, approval: "a" };
        let record = recorded(&terms(&[("1", "-20..-5")]), &approved).unwrap();
        assert!(covers(&record, &tags, &approved, &sql("-7")));
        assert!(!covers(&record, &tags, &approved, &sql("-99999")));
        assert!(!covers(&record, &tags, &approved, &sql("7")));
        // Whoever says 0 to 99999 has not said what is below.
        let record = recorded(&terms(&[("1", "0..99999")]), &approved).unwrap();
        assert!(!covers(&record, &tags, &approved, &sql("-7")));
    }

    #[test]
    fn values_of_a_list_are_kept_keyed_and_shown_after_the_detectors() {
        let record = recorded(&terms(&[("1", "ana.lee@customers.example,lost")]), &asked(SQL, &[])).unwrap();
        let MayBeRecord::OneOf { shown, keyed } = &record.vary[0].may_be else { panic!("no list") };
        assert!(!shown.iter().any(|value| value.contains("ana.lee")), "{shown:?}");
        assert_eq!((shown.len(), keyed.len()), (2, 2));
        assert!(keyed.iter().all(|tag| !tag.contains("lost")), "{keyed:?}");
    }

    #[test]
    fn a_value_is_told_as_the_recorded_statement_tells_what_stands_in_its_place() {
        let detectors = Detectors::standard();
        for sql in
            ["update t set ssn = '536221234' where id = 7", "update t set \"SSN\"= '536221234' where id = 7"]
        {
            let told = crate::opening::recordable_sql(&detectors, sql);
            assert!(told.contains("[US_SSN]"), "{told}");
            let record =
                recorded(&terms(&[("1", "412659876,219099998"), ("2", "7,412659876")]), &asked(sql, &[]));
            let record = record.unwrap();
            let MayBeRecord::OneOf { shown, keyed } = &record.vary[0].may_be else { panic!("no list") };
            assert_eq!(
                (shown.as_slice(), keyed.len()),
                (&["[US_SSN]", "[US_SSN]"].map(str::to_owned)[..], 2)
            );
            let MayBeRecord::OneOf { shown, keyed: _ } = &record.vary[1].may_be else { panic!("no list") };
            assert_eq!(shown, &["412659876", "7"], "what is no number of anybody's is told");
        }
        // What is compared as it is cannot be kept otherwise.
        let sql = "delete from t where ssn > 412659876 and dob < '1970-01-01' and id < 412659876";
        for vary in
            [[("1", "412659876..536221299")], [("1", "1..536221299")], [("2", "1970-01-01..1980-01-01")]]
        {
            let refused = recorded(&terms(&vary), &asked(sql, &[])).unwrap_err();
            assert!(refused.to_string().contains("in a list"), "{vary:?}: {refused}");
        }
        assert!(recorded(&terms(&[("3", "412659876..536221299")]), &asked(sql, &[])).is_ok());
        // A bound value is told by the name before its mark, and where that is not known, not at all.
        let bound = [("FIXED", Some("412659876")), ("FIXED", Some("7"))];
        let approved = asked("delete from t where ssn = ? and n < ?", &bound);
        let record = recorded(&terms(&[(":1", "412659876"), (":2", "1..412659876")]), &approved).unwrap();
        let MayBeRecord::OneOf { shown, keyed: _ } = &record.vary[0].may_be else { panic!("no list") };
        assert_eq!(shown, &["[US_SSN]"]);
        assert!(recorded(&terms(&[(":1", "1..412659876")]), &approved).is_err());
        let elsewhere = asked("delete from t where ssn = :1", &bound);
        assert!(recorded(&terms(&[(":1", "1..2")]), &elsewhere).is_err());
        let record = recorded(&terms(&[(":1", "1,2")]), &elsewhere).unwrap();
        let MayBeRecord::OneOf { shown, keyed: _ } = &record.vary[0].may_be else { panic!("no list") };
        assert_eq!(shown, &["[VALUE]", "[VALUE]"]);
    }

    #[test]
    fn bound_values_vary_likewise_and_null_never() {
        let sql = "delete from t where n = ? and s = ?";
        let approved = asked(sql, &[("FIXED", Some("7")), ("TEXT", Some("a"))]);
        let record = recorded(&terms(&[(":1", "5..9"), (":2", "b,c")]), &approved).unwrap();
        let tags = Tags { key: &KEY, approval: "a" };
        for (bound, expected) in [
            ([("FIXED", Some("9")), ("TEXT", Some("c"))], true),
            ([("FIXED", Some("10")), ("TEXT", Some("c"))], false),
            ([("FIXED", Some("9")), ("TEXT", Some("d"))], false),
            ([("TEXT", Some("9")), ("TEXT", Some("c"))], false),
            ([("FIXED", None), ("TEXT", Some("c"))], false),
        ] {
            assert_eq!(covers(&record, &tags, &approved, &asked(sql, &bound)), expected, "{bound:?}");
        }
        assert!(!covers(&record, &tags, &approved, &asked(sql, &[("FIXED", Some("7"))])));
        let elsewhere =
            Asked { context: Context::default(), ..asked(sql, &[("FIXED", Some("7")), ("TEXT", Some("a"))]) };
        assert!(!covers(&record, &tags, &approved, &elsewhere), "another role");
        let other = Tags { key: &KEY, approval: "b" };
        let now = asked(sql, &[("FIXED", Some("9")), ("TEXT", Some("c"))]);
        assert!(!covers(&record, &other, &approved, &now), "lists are one approval's own");
    }

    #[test]
    fn terms_that_do_not_fit_or_go_too_far_are_refused() {
        let approved = asked(SQL, &[]);
        for vary in [[("4", "1..2")], [(":1", "1..2")], [("1", "1..2")], [("2", "2026-01-01..2026-01-02")]] {
            assert!(recorded(&terms(&vary), &approved).is_err(), "{vary:?}");
        }
        let late = StandingTerms {
            until: Timestamp::from_micros(0).after(LONGEST + Duration::from_secs(1)),
            ..terms(&[])
        };
        let past = StandingTerms { until: Timestamp::from_micros(0), ..terms(&[]) };
        let many = StandingTerms { runs: NonZeroU32::MAX, ..terms(&[]) };
        for terms in [late, past, many] {
            assert!(recorded(&terms, &approved).is_err(), "{terms:?}");
        }
        for text in ["5..1", "a..b", "1..2026-01-01", "", "a,,b"] {
            assert!(text.parse::<MayBe>().is_err(), "{text}");
        }
        for text in ["0", "x", ":", "-1", ""] {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }
}
