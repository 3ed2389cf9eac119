//! The query for what is too much to be looked at here.

use domain::Timestamp;
use gateway::Wanted;
use gateway::ports::Stretch;

/// The named query, with a `?` for each parameter.
const SEARCH: &str = include_str!("../../../infra/athena/search.sql");

/// The named query with its parameters in their places: days, person, agent, object, words.
pub(crate) fn query(wanted: &Wanted, stretch: Stretch) -> String {
    let Wanted { person, agent, table, text, decision: _, outcome: _, rule: _, finding: _ } = wanted;
    let given = |value: &Option<String>| value.clone().unwrap_or_default();
    // Of a stretch that ends with a day, the next has no part.
    let last = Timestamp::from_micros(stretch.to.as_micros().saturating_sub(1));
    let values = [stretch.from.day(), last.day(), given(person), given(agent), given(table), given(text)];
    let mut values = values.into_iter().map(|value| format!("'{}'", value.replace('\'', "''")));
    let mut filled = String::with_capacity(SEARCH.len().saturating_add(200));
    for line in SEARCH.lines().filter(|line| !line.trim_start().starts_with("--")) {
        let mut pieces = line.split('?');
        filled.push_str(pieces.next().unwrap_or_default());
        for piece in pieces {
            filled.push_str(&values.next().unwrap_or_default());
            filled.push_str(piece);
        }
        filled.push('\n');
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_of_the_query_has_its_value_and_quotes_end_nothing() {
        let marks = SEARCH.lines().filter(|line| !line.trim_start().starts_with("--"));
        assert_eq!(marks.map(|line| line.matches('?').count()).sum::<usize>(), 6);
        let wanted = Wanted {
            person: Some("p' OR '1'='1".into()),
            agent: Some("a?".into()),
            table: Some("T".into()),
            text: Some("--".into()),
            ..Wanted::default()
        };
        let moment = |text: &str| text.parse().unwrap();
        let stretch = Stretch { from: moment("2025-11-26T12:00:00Z"), to: moment("2026-11-27T00:00:00Z") };
        let query = query(&wanted, stretch);
        for expected in [
            "dt BETWEEN '2025-11-26' AND '2026-11-26'",
            "lower('p'' OR ''1''=''1')",
            "lower('a?')",
            "lower('T')",
            "lower('--')",
        ] {
            assert!(query.contains(expected), "{query}");
        }
    }
}
