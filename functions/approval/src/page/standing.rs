//! A yes that stands for later statements: the fields that a reviewer fills in, and what they come to.

use std::collections::BTreeMap;

use domain::{Asked, Timestamp};
use gateway::{MayBe, ProposedTerms, StandingTerms, VariedPlace, Waiting};
use maud::{Markup, html};
use recording::{MayBeRecord, StandingRecord};

use super::seen::{self, Look};

/// What begins the name of a field for a place.
const VARY: &str = "vary ";

/// Places that have a field, at most; the text above shows all of them.
const MOST_FIELDS: usize = 40;

/// Characters of a value beside its field.
const SHOWN: usize = 80;

/// The fields; without a number of runs nothing stands.
pub fn fields(waiting: &Waiting, asked: &Asked) -> Markup {
    let places = places(asked);
    let statements = waiting.opening.statements.as_slice();
    let changes = statements.is_empty() || statements.iter().any(|statement| !statement.writes.is_empty());
    html! {
        @for ProposedTerms { by, terms } in &waiting.wanted { (wanted(by, terms)) }
        details.standing {
            summary { "Let later ones like it go, too" }
            p.small {
                "The same text by the same agent for the same person, under the same names, goes without asking so often. Each run is "
                "decided anew and recorded, and anybody who may decide can end it."
            }
            label for="runs" { "Runs" }
            input #runs type="text" name="runs" inputmode="numeric" autocomplete="off";
            label for="rows" { "Rows of one result, at most" }
            input #rows type="text" name="rows" inputmode="numeric" autocomplete="off";
            @if changes {
                p.small { "It bounds the result, not the change: each run changes as many rows as its text means." }
            }
            label for="until" { "Until " span.small { "a day, 2026-12-31, within 90 days" } }
            input #until type="text" name="until" autocomplete="off";
            @if !places.is_empty() {
                p.small { "What may vary: a range (1..100, 2026-01-01..2026-12-31) or a list with commas. Empty: only what stands there." }
            }
            @for (place, value) in &places {
                label for=(format!("vary-{place}")) { (place) ": " (seen::shown(value, Look::Value)) }
                input id=(format!("vary-{place}")) type="text" name=(format!("{VARY}{place}")) autocomplete="off" spellcheck="false";
            }
        }
    }
}

/// What another who has said yes wants to allow for later ones.
fn wanted(by: &str, terms: &StandingRecord) -> Markup {
    let StandingRecord { until, runs, rows, vary } = terms;
    html! {
        div.notice {
            p {
                (seen::shown(by, Look::Name)) " has said yes, and lets later ones like it go once everybody who must say yes says the same, "
                "in the fields below. Otherwise this one runs, and nothing stands."
            }
            p { (runs) " runs, " (rows) " rows of one result at most, until " (until) }
            @for vary in vary {
                p { (vary.place) ": " @match &vary.may_be {
                    MayBeRecord::OneOf { shown, keyed: _ } => { (seen::shown(&shown.join(","), Look::Prose)) }
                    MayBeRecord::Between { first, last } => { (seen::shown(&format!("{first}..{last}"), Look::Prose)) }
                } }
            }
        }
    }
}

/// The literals and bound values of a statement, by their places.
fn places(asked: &Asked) -> Vec<(VariedPlace, String)> {
    let literals = sql::literals(asked.text.reveal()).unwrap_or_default();
    let literals = (1..).zip(literals).map(|(at, literal)| (VariedPlace::Literal(at), literal.value));
    let bound = asked
        .bindings
        .iter()
        .filter_map(|(at, binding)| Some((VariedPlace::Bound(*at), binding.value.clone()?)));
    let head = |value: String| {
        if value.chars().count() > SHOWN { value.chars().take(SHOWN).chain(['…']).collect() } else { value }
    };
    literals.chain(bound).take(MOST_FIELDS).map(|(place, value)| (place, head(value))).collect()
}

/// The terms that a form brings; none where nothing is to stand.
///
/// # Errors
/// A sentence for whoever filled it in.
pub fn terms(fields: &BTreeMap<String, String>) -> Result<Option<StandingTerms>, String> {
    let field = |name: &str| fields.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
    let varied = || fields.iter().filter_map(|(name, value)| Some((name.strip_prefix(VARY)?, value.trim())));
    let Some(runs) = field("runs") else {
        let is_filled =
            field("rows").or(field("until")).is_some() || varied().any(|(_, value)| !value.is_empty());
        let message = "for later ones to go, say how many runs; or leave the fields about them empty";
        return if is_filled { Err(message.to_owned()) } else { Ok(None) };
    };
    let runs = runs.parse().map_err(|_| "runs are a number, from 1".to_owned())?;
    let rows = field("rows").and_then(|rows| rows.parse().ok()).ok_or("rows are a number, from 1")?;
    // A moment is what another reviewer may have said, with whom this one agrees.
    let moment =
        |until: &str| if until.len() == 10 { format!("{until}T00:00:00Z") } else { until.to_owned() };
    let until = field("until").map(|until| moment(until).parse::<Timestamp>());
    let until = until.and_then(Result::ok).ok_or("the end is a day, such as 2026-12-31, or a moment")?;
    let mut vary = BTreeMap::new();
    for (place, value) in varied().filter(|(_, value)| !value.is_empty()) {
        let place: VariedPlace = place.parse().map_err(|error| format!("{error}"))?;
        let may_be: MayBe = value.parse().map_err(|error| format!("{error}"))?;
        vary.insert(place, may_be);
    }
    Ok(Some(StandingTerms { until, runs, rows, vary }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(fields: &[(&str, &str)]) -> Result<Option<StandingTerms>, String> {
        terms(&fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn empty_fields_make_nothing_stand_and_half_filled_ones_are_told() {
        assert_eq!(form(&[]), Ok(None));
        assert_eq!(form(&[("runs", " "), ("rows", ""), ("vary 1", "")]), Ok(None));
        for fields in [
            &[("rows", "5")][..],
            &[("vary 1", "1..5")],
            &[("runs", "0"), ("rows", "5"), ("until", "2026-12-31")],
            &[("runs", "3"), ("until", "2026-12-31")],
            &[("runs", "3"), ("rows", "5"), ("until", "soon")],
            &[("runs", "3"), ("rows", "5"), ("until", "2026-12-31"), ("vary 1", "5..1")],
            &[("runs", "3"), ("rows", "5"), ("until", "2026-12-31"), ("vary x", "1..5")],
        ] {
            assert!(form(fields).is_err(), "{fields:?}");
        }
        let terms = form(&[
            ("runs", "3"),
            ("rows", "5"),
            ("until", "2026-12-31"),
            ("vary 1", "1..5"),
            ("vary :2", ""),
        ]);
        let terms = terms.unwrap().unwrap();
        assert_eq!((terms.runs.get(), terms.rows.get(), terms.vary.len()), (3, 5, 1));
        let told = terms.until.to_string();
        let same = form(&[("runs", "3"), ("rows", "5"), ("until", &told), ("vary 1", "1..5")]);
        assert_eq!(same, Ok(Some(terms)), "as the page tells what another has said");
    }
}
