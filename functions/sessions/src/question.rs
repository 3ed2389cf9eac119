//! Query strings as questions. Each parameter stands once; one that is not known is refused.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use domain::Timestamp;
use gateway::ports::{Among, Stretch};
use gateway::{Begun, By, Limit, Question, Wanted};

use crate::athena;
use crate::rejected::Rejected;

/// All that there are.
pub(crate) const PARAMETERS: [&str; 15] = [
    "session", "person", "agent", "table", "refused", "held", "decision", "outcome", "rule", "finding",
    "text", "from", "to", "limit", "after",
];

/// Bytes of a query string, and of one value in it.
const LONGEST: usize = 4096;
const LONGEST_VALUE: usize = 1024;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What is looked at where nobody says from when; and the longest that one question may span.
const USUAL: u32 = 30;
const MOST: u32 = 366;

/// What records can tell of: 1970 to 9999.
const YEARS: Range<Timestamp> = Timestamp::from_micros(0)..Timestamp::from_micros(253_402_300_800_000_000);

/// The parameters, each once, checked for what no name or text holds.
struct Given(BTreeMap<&'static str, String>);

impl Given {
    fn read(query: &str) -> Result<Self, Rejected> {
        if query.len() > LONGEST {
            return Err(Rejected::TooLong);
        }
        let mut given = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let name =
                PARAMETERS.into_iter().find(|known| *known == name).ok_or(Rejected::UnknownParameter)?;
            let wrong = |problem| Err(Rejected::Parameter { name, problem });
            if value.len() > LONGEST_VALUE {
                return wrong("this is longer than anything that it could name");
            }
            // What was no UTF-8 comes as U+FFFD.
            if value.is_empty() || value.chars().any(|c| c.is_control() || c == '\u{fffd}') {
                return wrong("this is empty, or no text that can be shown");
            }
            if given.insert(name, value.into_owned()).is_some() {
                return wrong("this stands twice");
            }
        }
        Ok(Self(given))
    }

    fn take(&mut self, name: &'static str) -> Option<String> {
        self.0.remove(name)
    }

    /// A moment, or a day that stands for its beginning.
    fn moment(&mut self, name: &'static str) -> Result<Option<Timestamp>, Rejected> {
        let Some(text) = self.take(name) else { return Ok(None) };
        let problem = "write a day like 2026-11-26, or a moment like 2026-11-26T15:04:05Z";
        let found = begin_of(&text).or_else(|| text.parse().ok());
        found.filter(|moment| YEARS.contains(moment)).map(Some).ok_or(Rejected::Parameter { name, problem })
    }

    fn day(&mut self, name: &'static str) -> Result<Option<Stretch>, Rejected> {
        let Some(text) = self.take(name) else { return Ok(None) };
        let problem = "write a day like 2026-11-26";
        let from = begin_of(&text).ok_or(Rejected::Parameter { name, problem })?;
        Ok(Some(Stretch { from, to: from.after(DAY) }))
    }

    fn one_of(
        &mut self,
        name: &'static str,
        words: &[&str],
        problem: &'static str,
    ) -> Result<Option<String>, Rejected> {
        match self.take(name) {
            Some(word) if !words.contains(&word.as_str()) => Err(Rejected::Parameter { name, problem }),
            word => Ok(word),
        }
    }
}

fn begin_of(day: &str) -> Option<Timestamp> {
    let moment: Timestamp = format!("{day}T00:00:00Z").parse().ok()?;
    (moment.day() == day).then_some(moment)
}

/// The question of a query string, asked at that moment of an index that is whole since then; none where it is since ever.
pub(crate) fn read(
    query: &str,
    now: Timestamp,
    whole_since: Option<Timestamp>,
) -> Result<Question, Rejected> {
    // What lies before the place where an earlier answer ended was shown when it was known.
    let unknown = |from: Timestamp, begun: Option<Begun>| {
        let since = whole_since.filter(|since| begun.map_or(from, |begun| begun.until.max(from)) < *since)?;
        Some(format!("this begins before {since}, since when the index knows all"))
    };
    let mut given = Given::read(query)?;
    let wrong = Rejected::Parameter { name: "limit", problem: "lies between 1 and 100" };
    let limit = match given.take("limit") {
        None => Limit::default(),
        Some(limit) => limit.parse().ok().and_then(Limit::new).ok_or(wrong)?,
    };
    let after = given.take("after");
    // A next answer looks at what the first one looked at, whenever it is asked.
    let begun = after.as_deref().and_then(Question::begun);
    let begun =
        begun.filter(|begun| YEARS.contains(&begun.stretch.from) && YEARS.contains(&begun.stretch.to));
    let (from, to) = (given.moment("from")?, given.moment("to")?);
    let wanted = Wanted {
        person: None,
        agent: None,
        table: None,
        decision: given.one_of("decision", &["allow", "hold", "refuse"], "is allow, hold or refuse")?,
        outcome: given.one_of(
            "outcome",
            &["rows", "refused", "failed", "lost", "pending"],
            "is rows, refused, failed, lost or pending",
        )?,
        rule: given.take("rule"),
        finding: given.take("finding"),
        text: given.take("text"),
    };
    let (session, refused, held) = (given.take("session"), given.day("refused")?, given.day("held")?);
    let (person, agent, table) = (given.take("person"), given.take("agent"), given.take("table"));
    let mut wanted = Wanted { person, agent, table, ..wanted };

    if let Some(session) = session {
        if from.or(to).is_some() || refused.or(held).is_some() {
            let problem = "a session is looked at as a whole: leave from, to, refused and held out";
            return Err(Rejected::Parameter { name: "session", problem });
        }
        let problem = "a session is 32 hexadecimal digits";
        let session = session.parse().map_err(|_| Rejected::Parameter { name: "session", problem })?;
        return Ok(Question { by: By::Session(session), wanted, limit, after });
    }
    if let Some((name, day)) = refused.map(|day| ("refused", day)).or(held.map(|day| ("held", day)))
        && wanted.person.is_none()
        && wanted.agent.is_none()
        && wanted.table.is_none()
    {
        if from.or(to).is_some() || refused.and(held).is_some() {
            return Err(Rejected::Parameter {
                name,
                problem: "one of both, and of one day: leave from and to out",
            });
        }
        if let Some(why) = unknown(day.from, begun) {
            return Err(Rejected::Unbounded { why, query: athena::query(&wanted, day) });
        }
        let among = if name == "refused" { Among::Refused } else { Among::Held };
        return Ok(Question { by: By::Among(among, day), wanted, limit, after });
    }
    if refused.or(held).is_some() {
        let problem = "beside a person, an agent or a table ask decision=refuse or decision=hold";
        return Err(Rejected::Parameter { name: "refused", problem });
    }

    let to = to.or(begun.map(|begun| begun.stretch.to)).unwrap_or(now);
    let usual = to.before(DAY.saturating_mul(USUAL)).max(Timestamp::from_micros(0));
    // Of the usual days as much as there is: the answer says since when it looked.
    let known = whole_since.filter(|since| *since < to).map_or(usual, |since| since.max(usual));
    let from = from.or(begun.map(|begun| begun.stretch.from)).unwrap_or(known);
    let stretch = Stretch { from, to };
    if from >= to {
        return Err(Rejected::Parameter { name: "from", problem: "lies before `to`" });
    }
    let unbounded = |why: &str, wanted: &Wanted| Rejected::Unbounded {
        why: why.to_owned(),
        query: athena::query(wanted, stretch),
    };
    if to.since(from) > DAY.saturating_mul(MOST) {
        return Err(unbounded("this spans more than 366 days", &wanted));
    }
    if let Some(why) = unknown(from, begun) {
        return Err(unbounded(&why, &wanted));
    }
    let among = if let Some(person) = wanted.person.take() {
        Among::Person(person)
    } else if let Some(agent) = wanted.agent.take() {
        Among::Agent(agent)
    } else if let Some(table) = wanted.table.take() {
        Among::Table(table)
    } else {
        return Err(unbounded("this names no session, person, agent, table, refused or held", &wanted));
    };
    Ok(Question { by: By::Among(among, stretch), wanted, limit, after })
}

/// The cursor of a query string that may hold nothing else.
pub(crate) fn after(query: &str) -> Result<Option<String>, Rejected> {
    let mut given = Given::read(query)?;
    let after = given.take("after");
    if given.0.is_empty() { Ok(after) } else { Err(Rejected::UnknownParameter) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_795_446_000_000_000);

    #[track_caller]
    fn refused(query: &str, expected: &str) {
        let told = read(query, NOW, None).map(|question| format!("{question:?}")).unwrap_err().to_string();
        assert!(told.contains(expected), "{query}: {told}");
        assert!(!told.contains("hunter2"), "{told}");
    }

    fn among(query: &str) -> (Among, String, String, Wanted) {
        let Question { by: By::Among(among, stretch), wanted, .. } = read(query, NOW, None).unwrap() else {
            panic!("{query}")
        };
        (among, stretch.from.to_string(), stretch.to.to_string(), wanted)
    }

    #[test]
    fn the_first_of_the_keys_says_where_to_look_and_the_others_filter() {
        let (by, from, to, wanted) = among("table=DEMO.PUBLIC.T&person=ana%40acme.example&text=ssn+of");
        assert_eq!(by, Among::Person("ana@acme.example".into()));
        assert_eq!(
            (wanted.table.as_deref(), wanted.text.as_deref()),
            (Some("DEMO.PUBLIC.T"), Some("ssn of"))
        );
        assert_eq!((wanted.person, wanted.agent), (None, None));
        assert_eq!((from.as_str(), to), ("2026-10-24T15:00:00.000000Z", NOW.to_string()));
        let (by, from, to, _) = among("refused=2026-11-22&text=x");
        assert_eq!(
            (by, from.as_str(), to.as_str()),
            (Among::Refused, "2026-11-22T00:00:00.000000Z", "2026-11-23T00:00:00.000000Z")
        );
        let session = "a".repeat(32);
        let question = read(&format!("session={session}&person=ana"), NOW, None).unwrap();
        assert_eq!(question.by, By::Session(session.parse().unwrap()));
        assert_eq!(question.wanted.person.as_deref(), Some("ana"));
    }

    #[test]
    fn what_is_no_question_is_refused_by_name_and_never_echoed() {
        refused("person=ana&hunter2=1", "there is a parameter that is none; they are: session, person");
        refused("person=ana&person=hunter2", "`person`: this stands twice");
        refused("person=", "`person`: this is empty");
        refused("person=a%00hunter2", "`person`: this is empty, or no text");
        refused("person=%ff", "`person`: this is empty, or no text");
        refused(&format!("person={}", "x".repeat(1025)), "`person`: this is longer");
        refused(&format!("person={}", "x".repeat(5000)), "longer than any");
        refused("session=hunter2", "`session`: a session is 32");
        refused(
            &format!("session={}&from=2026-11-01", "a".repeat(32)),
            "`session`: a session is looked at as",
        );
        refused("person=ana&from=hunter2", "`from`: write a day");
        refused("person=ana&from=2026-13-01", "`from`: write a day");
        refused("person=ana&from=-001000-01-01T00:00:00Z", "`from`: write a day");
        refused("person=ana&from=2026-11-02&to=2026-11-02", "`from`: lies before");
        refused("person=ana&decision=hunter2", "`decision`: is allow, hold or refuse");
        refused("person=ana&limit=0", "`limit`: lies between");
        refused("person=ana&limit=1000000", "`limit`: lies between");
        refused("refused=2026-11-22T00:00:00Z", "`refused`: write a day");
        refused("refused=2026-11-22&held=2026-11-22", "`refused`: one of both");
        refused("held=2026-11-22&to=2026-11-23", "`held`: one of both");
        refused("held=2026-11-22&agent=x", "`refused`: beside a person");
    }

    #[test]
    fn what_has_no_bound_is_answered_by_the_query_for_athena() {
        for (asked, expected) in [
            (
                "text=it's+me",
                "AND strpos(lower(concat(coalesce(sql, ''), chr(10), coalesce(prompt, ''))), lower('it''s me'))",
            ),
            ("person=a%27b&from=2024-01-01", "coalesce(nullif(lower('a''b'), '')"),
            ("from=2026-11-01&to=2026-11-03", "WHERE dt BETWEEN '2026-11-01' AND '2026-11-02'"),
        ] {
            match read(asked, NOW, None) {
                Err(Rejected::Unbounded { query, .. }) => assert!(query.contains(expected), "{query}"),
                other => panic!("{asked}: {:?}", other.map(|_| ())),
            }
        }
    }

    #[test]
    fn what_the_index_does_not_know_is_not_answered_as_if_it_had_never_been() {
        let since: Timestamp = "2026-11-16T15:00:00Z".parse().unwrap();
        let asked = |query: &str| read(query, NOW, Some(since)).map_err(|told| told.to_string());
        for query in [
            "person=ana&from=2026-11-16T14:00:00Z",
            "refused=2026-11-16",
            "agent=a&from=2026-11-01&to=2026-11-02",
            "agent=a&to=2026-11-16",
        ] {
            let told = asked(query).unwrap_err();
            let expected =
                "this begins before 2026-11-16T15:00:00.000000Z, since when the index knows all: ask Athena";
            assert!(told.starts_with(expected), "{query}: {told}");
        }
        for query in ["person=ana&from=2026-11-16T15:00:00Z", "refused=2026-11-17", "person=ana"] {
            let By::Among(_, stretch) = asked(query).unwrap().by else { panic!("{query}") };
            assert!(stretch.from >= since, "{query}");
        }
        // Whoever names no beginning is told since when there is any; without an index, of nothing at all.
        let By::Among(_, stretch) = asked("person=ana").unwrap().by else { panic!() };
        assert_eq!(stretch.from, since);
        assert!(read("person=ana", NOW, Some(NOW)).is_err());
        let session = format!("session={}", "a".repeat(32));
        assert!(read(&session, NOW, Some(NOW)).is_ok(), "a session is found by its openings");
    }

    #[test]
    fn a_replay_takes_a_cursor_and_nothing_else() {
        assert_eq!(after("after=x.1.2").unwrap().as_deref(), Some("x.1.2"));
        assert_eq!(after("").unwrap(), None);
        assert!(after("after=x&person=ana").is_err());
        assert!(after("after=x&after=x").is_err());
    }
}
