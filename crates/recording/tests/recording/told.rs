//! What the sample tells, against what it has always told.

use recording::{Event, SearchRow, approval_event, closing_event, decode_page, opening_events, page_event};
use serde::Serialize;

use crate::sample::{EARLY, SESSION, Sample, at};

#[track_caller]
fn check(told: &[impl Serialize], expected: &str) {
    let told: Vec<String> = told.iter().map(|one| serde_json::to_string(one).unwrap()).collect();
    for (told, expected) in told.iter().zip(expected.lines()) {
        assert_eq!(told, expected);
    }
    assert_eq!(told.len(), expected.lines().count());
}

#[test]
fn the_records_of_version_1_verify() {
    let report = Sample::v1().verify();
    assert!(report.faults.is_empty(), "{:?}", report.faults);
    assert_eq!((report.sessions, report.exchanges, report.pages), (4, 16, 20));
}

#[test]
fn the_records_of_version_1_are_told_again_as_ever() {
    check(&events(&Sample::v1()), include_str!("../data/v1.replay.jsonl"));
}

#[test]
fn the_approvals_of_version_1_verify_and_are_told_again_as_ever() {
    let sample = Sample::approvals();
    let report = sample.verify();
    assert!(report.faults.is_empty(), "{:?}", report.faults);
    assert_eq!((report.sessions, report.exchanges, report.pages), (1, 2, 1));
    check(&events(&sample), include_str!("../data/v1.approvals.replay.jsonl"));
}

/// Everything that a sample tells, in order.
fn events(sample: &Sample) -> Vec<Event> {
    let mut told = Vec::new();
    for key in sample.exchanges() {
        let closing = sample.closing(&key);
        told.extend(opening_events(&sample.opening(&key)));
        told.extend(sample.steps(&key).iter().map(approval_event));
        for (part, record) in (0..).zip(&closing.parts) {
            for (number, entry) in (0..).zip(&record.pages) {
                let object = sample.page(&key, part, number);
                told.push(page_event(&closing, entry, &decode_page(&object).unwrap()).unwrap());
            }
        }
        told.push(closing_event(&closing));
    }
    told
}

#[test]
fn the_records_of_version_1_are_found_as_ever() {
    let sample = Sample::v1();
    let mut rows: Vec<SearchRow> = (sample.exchanges().iter())
        .map(|key| SearchRow::new(&sample.opening(key), Some(&sample.closing(key)), None))
        .collect();
    rows.sort_by(|one, other| one.opened.cmp(&other.opened));
    check(&rows, include_str!("../data/v1.search.jsonl"));
}

#[test]
fn a_page_without_a_moment_comes_at_its_closings() {
    let sample = Sample::v1();
    let moment = |session: &str| {
        let key = at(session, 2);
        let closing = sample.closing(&key);
        let object = sample.page(&key, 0, 0);
        let event = page_event(&closing, &closing.parts[0].pages[0], &decode_page(&object).unwrap()).unwrap();
        (event.at, closing.closed)
    };
    let (early, closed) = moment(EARLY);
    assert_eq!(early, closed);
    let (kept, closed) = moment(SESSION);
    assert!(kept < closed, "{kept} {closed}");
}

#[test]
fn a_text_that_was_refused_unread_is_told_with_its_length() {
    let sample = Sample::v1();
    let mut opening = sample.opening(&at(SESSION, 1));
    let told = |opening: &recording::Opening| {
        opening_events(opening).iter().map(|event| serde_json::to_string(event).unwrap()).collect::<String>()
    };
    assert!(!told(&opening).contains("sql_length"));
    opening.sql_length = Some(1_900_000);
    assert!(told(&opening).contains("\"sql_length\":1900000"));
}
