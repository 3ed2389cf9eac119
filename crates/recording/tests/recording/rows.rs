//! What a row tells of an exchange, and what it says when something of it is not there.

use recording::{ExchangeObjects, ExchangeRow, ObjectKind, RecordKey, SearchRow, encode};

use crate::sample::{SESSION, Sample, at};

fn row(sample: &Sample, key: &RecordKey) -> ExchangeRow {
    let one = |kind| sample.objects.get(&key.object(kind));
    let all = |kind: fn(u32) -> ObjectKind| -> Vec<Vec<u8>> {
        (0..).map_while(|step| one(kind(step)).cloned()).collect()
    };
    let steps = all(|step| ObjectKind::Approval { step });
    let evidence = all(|step| ObjectKind::Evidence { step });
    let (opening, closing) = (one(ObjectKind::Opening), one(ObjectKind::Closing));
    ExchangeRow::new(&key.exchange, &ExchangeObjects { opening, closing, steps: &steps, evidence: &evidence })
}

#[test]
fn a_whole_exchange_is_told_as_a_search_tells_it() {
    let sample = Sample::v1();
    let mut shown = 0;
    for key in sample.exchanges() {
        let (told, found) =
            (row(&sample, &key), SearchRow::new(&sample.opening(&key), Some(&sample.closing(&key)), None));
        assert_eq!(told.missing, None, "{key}");
        assert_eq!(
            (told.session, told.outcome, told.rows_shown),
            (found.session, found.outcome, found.rows),
            "{key}"
        );
        assert_eq!((told.agent, told.person), (Some(found.agent), found.person), "{key}");
        assert_eq!((told.sql, told.decision), (Some(found.sql), Some(found.decision)), "{key}");
        assert_eq!((told.masked_columns, told.findings), (found.masked_columns, found.findings), "{key}");
        assert_eq!((told.opened, told.closed), (Some(found.opened), found.closed), "{key}");
        let (mut reads, mut writes) = (told.reads, told.writes);
        reads.sort();
        writes.sort();
        assert_eq!((reads, writes, told.rules), (found.reads, found.writes, found.rules), "{key}");
        shown += told.rows_shown;
    }
    assert!(shown > 0);
}

#[test]
fn the_steps_of_an_approval_stand_in_the_row_as_they_were_kept() {
    let sample = Sample::approvals();
    let mut seen = 0;
    for key in sample.exchanges() {
        let (told, steps) = (row(&sample, &key), sample.steps(&key));
        assert_eq!((told.missing, told.steps.len()), (None, steps.len()), "{key}");
        for (json, step) in told.steps.iter().zip(steps) {
            let kept = encode(&step).unwrap().0;
            assert!(String::from_utf8(kept).unwrap().contains(json.as_str()), "{json}");
            seen += 1;
        }
    }
    assert!(seen > 4);
}

#[test]
fn what_is_not_there_makes_nothing_up() {
    let (key, kinds) = (at(SESSION, 1), [ObjectKind::Opening, ObjectKind::Closing]);
    let [without_opening, without_closing] = kinds.map(|kind| {
        let mut sample = Sample::v1();
        sample.remove(&key, kind);
        row(&sample, &key)
    });
    assert_eq!(without_opening.missing.as_deref(), Some("opening"));
    assert_eq!((without_opening.agent, without_opening.sql, without_opening.decision), (None, None, None));
    assert_eq!(without_opening.outcome, "rows", "what left is known all the same");
    assert_eq!((without_closing.missing, without_closing.closed), (None, None));
    assert_eq!((without_closing.outcome.as_str(), without_closing.rows_shown), ("pending", 0));
}

#[test]
fn what_is_damaged_or_anothers_counts_as_absent_and_is_told() {
    let (key, other) = (at(SESSION, 1), at(SESSION, 2));
    type Spoil = fn(&mut Sample, &RecordKey, &RecordKey);
    let spoils: [(Spoil, &str); 4] = [
        (
            |sample, key, _| {
                sample.scribble(key, ObjectKind::Opening, |bytes| bytes.truncate(bytes.len() / 2))
            },
            "opening, damaged",
        ),
        (
            |sample, key, _| {
                sample.scribble(key, ObjectKind::Opening, |bytes| {
                    let at = bytes.windows(5).position(|some| some == b"agent").unwrap();
                    bytes[at] = b'A';
                });
            },
            "opening, damaged",
        ),
        (
            |sample, key, other| {
                let theirs = sample.objects[&other.object(ObjectKind::Opening)].clone();
                sample.put(key, ObjectKind::Opening, theirs);
            },
            "opening, damaged",
        ),
        (
            |sample, key, _| {
                let mut opening = sample.opening(key);
                opening.principal.agent = "nobody-else".into();
                sample.put(key, ObjectKind::Opening, encode(&opening).unwrap().0);
            },
            "opening",
        ),
    ];
    for (spoil, expected) in spoils {
        let mut sample = Sample::v1();
        spoil(&mut sample, &key, &other);
        let told = row(&sample, &key);
        assert_eq!((told.missing.as_deref(), told.agent), (Some(expected), None));
        assert_eq!(told.outcome, "rows");
    }
    let mut sample = Sample::v1();
    sample.scribble(&key, ObjectKind::Closing, |bytes| bytes.truncate(40));
    let told = row(&sample, &key);
    assert_eq!(
        (told.missing.as_deref(), told.outcome.as_str(), told.rows_shown),
        (Some("damaged"), "pending", 0)
    );
}

#[test]
fn a_step_that_the_closing_names_and_nobody_has_is_missing() {
    let mut sample = Sample::approvals();
    let key = sample.exchanges().into_iter().find(|key| !sample.steps(key).is_empty()).unwrap();
    let last = u32::try_from(sample.steps(&key).len()).unwrap() - 1;
    sample.remove(&key, ObjectKind::Approval { step: last });
    assert_eq!(row(&sample, &key).missing.as_deref(), Some("approval"));
}
