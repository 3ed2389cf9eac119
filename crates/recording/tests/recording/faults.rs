//! Every word of the verifier, by changes that lead to it and to nothing else.

use std::collections::{BTreeMap, BTreeSet};

use domain::Timestamp;
use recording::Wrong::{
    Contradiction, Count, Digest, Gap, Misplaced, NotClosed, OpeningDigest, OpeningMissing, PageDigest,
    PageMissing, PageUnknown, SealedDigest, SealedMissing, SealedUnknown, UnknownObject, Unreadable,
};
use recording::{
    Archive, ArchiveError, ClosingOutcome, FoundRecord, ObjectKind, RecordKey, RefusalRecord, Severity,
    UNPROVEN, Wrong, encode, verify,
};

use crate::sample::{EARLY, OTHER, SESSION, Sample, at, gzip, page};

/// A change, and the only word that may come of it.
struct Case(&'static str, Wrong, Severity, fn(&mut Sample));

const ALTERED: Severity = Severity::Altered;
const INCOMPLETE: Severity = Severity::Incomplete;

/// Text in the place of text.
fn replace(object: &mut Vec<u8>, from: &str, to: &str) {
    let text = String::from_utf8(object.clone()).unwrap();
    assert!(text.contains(from), "{from} is not in {text}");
    *object = text.replacen(from, to, 1).into_bytes();
}

const CASES: &[Case] = &[
    Case("an exchange was removed from the middle", Gap, ALTERED, |sample| sample.forget(&at(SESSION, 4))),
    Case("the first exchange was removed", Gap, ALTERED, |sample| sample.forget(&at(OTHER, 1))),
    Case("an exchange was opened again on another day", Gap, ALTERED, |sample| {
        let (here, mut opening) = (at(SESSION, 5), sample.opening(&at(SESSION, 5)));
        let there = RecordKey::new("2026-11-26", here.exchange);
        opening.opened = opening.opened.replace("2026-11-25", "2026-11-26");
        let (object, digest) = encode(&opening).unwrap();
        sample.put(&there, ObjectKind::Opening, object);
        for kind in [ObjectKind::Closing, ObjectKind::Sealed] {
            let copy = sample.objects[&here.object(kind)].clone();
            sample.put(&there, kind, copy);
        }
        sample.forge_closing(&there, |closing| closing.opening = digest.to_string());
    }),
    Case("the text of a statement that ran was cut", Contradiction, ALTERED, |sample| {
        sample.forge_opening(&at(SESSION, 1), |opening| {
            opening.decision = "allow".to_owned();
            opening.sql_length = Some(1_000_000);
        });
    }),
    Case("an opening was edited", Digest, ALTERED, |sample| {
        sample.scribble(&at(SESSION, 1), ObjectKind::Opening, |object| replace(object, "P1", "P4"));
    }),
    Case("a closing was edited", Digest, ALTERED, |sample| {
        sample.scribble(&at(EARLY, 1), ObjectKind::Closing, |object| {
            replace(object, "\"rows\":3", "\"rows\":2")
        });
    }),
    Case("a digest was edited", Digest, ALTERED, |sample| {
        sample
            .scribble(&at(SESSION, 4), ObjectKind::Closing, |object| replace(object, "sha256:", "sha256:0"));
    }),
    Case("a closing was cut off", Unreadable, ALTERED, |sample| {
        sample.scribble(&at(SESSION, 4), ObjectKind::Closing, |object| object.truncate(100));
    }),
    Case("a line was added behind a record", Unreadable, ALTERED, |sample| {
        sample.scribble(&at(SESSION, 4), ObjectKind::Opening, |object| object.push(b'\n'));
    }),
    Case("a space was added around a record", Unreadable, ALTERED, |sample| {
        sample.scribble(&at(SESSION, 4), ObjectKind::Closing, |object| {
            replace(object, "\"record\":", "\"record\": ")
        });
    }),
    Case("a record has another version", Unreadable, ALTERED, |sample| {
        sample.forge_closing(&at(SESSION, 4), |closing| closing.v = 2);
    }),
    Case("a closing does not tell its moment", Unreadable, ALTERED, |sample| {
        sample.forge_closing(&at(SESSION, 4), |closing| closing.closed = "later".to_owned());
    }),
    Case("a page does not tell its moment", Unreadable, ALTERED, |sample| {
        sample.forge_closing(&at(SESSION, 2), |closing| {
            closing.parts[0].pages[1].kept = Some("2026-11-25".to_owned());
        });
    }),
    Case("more was found in a column than was masked", Count, ALTERED, |sample| {
        sample.forge_closing(&at(SESSION, 2), |closing| {
            let changed = closing.parts[0].masked_by_content + 1;
            closing.parts[0].found =
                vec![FoundRecord { column: 0, changed, nulled: 0, kinds: BTreeMap::new() }];
        });
    }),
    Case("something was found in a column that there is not", Count, ALTERED, |sample| {
        sample.forge_closing(&at(SESSION, 2), |closing| {
            let changed = closing.parts[0].masked_by_content;
            closing.parts[0].found =
                vec![FoundRecord { column: 99, changed, nulled: 0, kinds: BTreeMap::new() }];
        });
    }),
    Case("a page holds something else than rows", Unreadable, ALTERED, |sample| {
        sample.forge_page(&at(SESSION, 2), 1, |header, body| {
            let text = "[[1,2,3,4]]";
            (header.size, *body) = (text.len() as u64, gzip(text));
        });
    }),
    Case("a page is larger than it says", Unreadable, ALTERED, |sample| {
        sample.forge_page(&at(SESSION, 2), 1, |header, _| header.size -= 1);
    }),
    Case("something lies behind the rows of a page", Unreadable, ALTERED, |sample| {
        sample.forge_page(&at(SESSION, 2), 1, |_, body| body.extend(gzip("what nobody reads")));
    }),
    Case("a page inside a closing is none", Unreadable, ALTERED, |sample| {
        sample.forge_closing(&at(SESSION, 1), |closing| {
            closing.parts[0].pages[0].inline = Some("?".to_owned())
        });
    }),
    Case("a page that was never released is none", Unreadable, ALTERED, |sample| {
        sample.put(&at(SESSION, 5), page(0, 0), b"rows that nobody saw".to_vec());
    }),
    Case("a closing was removed", NotClosed, INCOMPLETE, |sample| {
        sample.remove(&at(SESSION, 5), ObjectKind::Closing);
    }),
    Case("a page was removed", PageMissing, INCOMPLETE, |sample| {
        sample.remove(&at(EARLY, 2), page(0, 1));
    }),
    Case("a page was edited", PageDigest, ALTERED, |sample| {
        sample.scribble(&at(SESSION, 2), page(0, 1), |object| *object.last_mut().unwrap() ^= 1);
    }),
    Case("two pages were exchanged", PageDigest, ALTERED, |sample| {
        let (first, second) =
            (sample.remove(&at(EARLY, 3), page(0, 0)), sample.remove(&at(EARLY, 3), page(0, 1)));
        sample.put(&at(EARLY, 3), page(0, 0), second);
        sample.put(&at(EARLY, 3), page(0, 1), first);
    }),
    Case("the page inside a closing was edited", PageDigest, ALTERED, |sample| {
        let other = sample.closing(&at(OTHER, 3)).parts.remove(0).pages.remove(0).inline;
        sample.forge_closing(&at(SESSION, 1), |closing| closing.parts[0].pages[0].inline = other);
    }),
    Case("a page was added to what was released", PageUnknown, INCOMPLETE, |sample| {
        let copy = sample.page(&at(SESSION, 2), 0, 0);
        sample.put(&at(SESSION, 2), page(0, 9), copy);
    }),
    Case("a page lies beside the one inside the closing", PageUnknown, INCOMPLETE, |sample| {
        let copy = sample.page(&at(SESSION, 1), 0, 0);
        sample.put(&at(SESSION, 1), page(0, 0), copy);
    }),
    Case("an opening belongs to another day", Misplaced, ALTERED, |sample| {
        sample.forge_opening(&at(SESSION, 4), |opening| {
            opening.opened = "2026-11-24T23:59:59.999999Z".to_owned()
        });
    }),
    Case("an opening does not tell its moment", Misplaced, ALTERED, |sample| {
        sample.forge_opening(&at(SESSION, 4), |opening| {
            opening.opened = "2026-11-25, in the evening".to_owned()
        });
    }),
    Case("an opening belongs to another exchange", Misplaced, ALTERED, |sample| {
        sample.forge_opening(&at(SESSION, 4), |opening| opening.exchange = format!("{SESSION}/5"));
    }),
    Case("a closing belongs to another exchange", Misplaced, ALTERED, |sample| {
        sample.forge_closing(&at(SESSION, 4), |closing| closing.exchange = format!("{SESSION}/5"));
    }),
    Case("a page belongs to another exchange", Misplaced, ALTERED, |sample| {
        sample.forge_page(&at(SESSION, 2), 1, |header, _| header.exchange = format!("{SESSION}/3"));
    }),
    Case("a page is another one", Misplaced, ALTERED, |sample| {
        sample.forge_page(&at(SESSION, 2), 1, |header, _| header.page = 2);
    }),
    Case("a page that was never released belongs elsewhere", Misplaced, ALTERED, |sample| {
        let copy = sample.page(&at(SESSION, 2), 0, 0);
        sample.put(&at(SESSION, 5), page(0, 0), copy);
    }),
    Case("an opening was rewritten", OpeningDigest, ALTERED, |sample| {
        let mut opening = sample.opening(&at(SESSION, 1));
        opening.prompt.grade = "P4".to_owned();
        sample.put(&at(SESSION, 1), ObjectKind::Opening, encode(&opening).unwrap().0);
    }),
    Case("an opening was removed", OpeningMissing, ALTERED, |sample| {
        sample.remove(&at(SESSION, 5), ObjectKind::Opening);
    }),
    Case("something else lies among the records", UnknownObject, ALTERED, |sample| {
        sample.objects.insert(format!("{}.opening.json.bak", at(SESSION, 1)), Vec::new());
    }),
    Case("a sealed text was removed", SealedMissing, INCOMPLETE, |sample| {
        sample.remove(&at(EARLY, 1), ObjectKind::Sealed);
    }),
    Case("a sealed text was edited", SealedDigest, ALTERED, |sample| {
        sample.scribble(&at(SESSION, 1), ObjectKind::Sealed, |object| object[40] ^= 1);
    }),
    Case("a sealed text lies where none was sealed", SealedUnknown, ALTERED, |sample| {
        sample.forge_opening(&at(SESSION, 1), |opening| opening.sealed = false);
    }),
    Case("a result has fewer rows than its pages", Count, ALTERED, |sample| {
        sample.forge_closing(&at(SESSION, 2), |closing| closing.parts[0].rows -= 1);
    }),
    Case("a page has other rows than its closing says", Count, ALTERED, |sample| {
        sample.forge_closing(&at(SESSION, 2), |closing| {
            closing.parts[0].pages[0].rows += 1;
            closing.parts[0].pages[1].rows -= 1;
        });
    }),
    Case("a page has other bytes than its closing says", Count, ALTERED, |sample| {
        sample.forge_closing(&at(SESSION, 2), |closing| closing.parts[0].pages[0].stored += 1);
    }),
    Case("a row was taken out of a page", Count, ALTERED, |sample| {
        sample.forge_page(&at(SESSION, 1), 0, |_, _| {});
        sample.forge_closing(&at(SESSION, 1), |closing| closing.parts[0].pages[0].inline = None);
        sample.forge_page(&at(SESSION, 1), 0, |header, body| {
            let text = r#"[["a","b","c"],["d","e",null]]"#;
            (header.size, *body) = (text.len() as u64, gzip(text));
        });
    }),
    Case("a cell was taken out of a row", Count, ALTERED, |sample| {
        sample.forge_page(&at(SESSION, 2), 2, |header, body| {
            let text = r#"[["a"],["b"],["c"],["d"],["e"],["f"],["g"]]"#;
            (header.size, *body) = (text.len() as u64, gzip(text));
        });
    }),
    Case("a result of a batch was taken out", Count, ALTERED, |sample| {
        sample.forge_closing(&at(OTHER, 1), |closing| drop(closing.parts.pop()));
    }),
    Case("a result has no page", Count, ALTERED, |sample| {
        sample.forge_closing(&at(SESSION, 1), |closing| {
            closing.parts[0].pages.clear();
            closing.parts[0].rows = 0;
        });
    }),
    Case("what was refused was released", Contradiction, ALTERED, |sample| {
        sample.forge_opening(&at(SESSION, 1), |opening| opening.decision = "refuse".to_owned());
    }),
    Case("what was held was released", Contradiction, ALTERED, |sample| {
        let hold = sample.opening(&at(OTHER, 2)).hold;
        sample.forge_opening(&at(SESSION, 1), |opening| {
            opening.decision = "hold".to_owned();
            opening.hold = hold;
        });
    }),
    Case("a hold tells nobody who may decide", Contradiction, ALTERED, |sample| {
        sample.forge_opening(&at(OTHER, 2), |opening| opening.hold = None);
    }),
    Case("a decision is none", Contradiction, ALTERED, |sample| {
        sample.forge_opening(&at(SESSION, 4), |opening| opening.decision = "perhaps".to_owned());
    }),
    Case("what was refused tells of results", Contradiction, ALTERED, |sample| {
        sample.forge_closing(&at(SESSION, 1), |closing| {
            closing.outcome = ClosingOutcome::Refused(RefusalRecord {
                reason: "policy".to_owned(),
                message: "no".to_owned(),
                retry_after: None,
                scopes: Vec::new(),
            });
        });
    }),
    Case("a result belongs to another handle", Contradiction, ALTERED, |sample| {
        sample.forge_closing(&at(OTHER, 1), |closing| {
            closing.parts[1].handle = closing.parts[0].handle.clone()
        });
    }),
    Case("a masked column became a clear one", Contradiction, ALTERED, |sample| {
        sample.forge_closing(&at(SESSION, 2), |closing| closing.parts[0].columns[1].masked = false);
    }),
    Case("an exchange was put into another principal's session", Contradiction, ALTERED, |sample| {
        sample.forge_opening(&at(SESSION, 5), |opening| opening.principal.subject = "mallory".to_owned());
    }),
];

#[test]
fn every_fault_is_named_by_its_word_and_by_no_other() {
    let whole = Sample::v1();
    for Case(change, what, severity, apply) in CASES {
        let mut sample = whole.clone();
        apply(&mut sample);
        let report = sample.verify();
        let found: BTreeSet<_> = report.faults.iter().map(|fault| (fault.what, fault.severity)).collect();
        assert_eq!(found, BTreeSet::from([(*what, *severity)]), "{change}: {:?}", report.faults);
        assert_eq!(report.worst(), Some(*severity), "{change}");
    }
    let tried: BTreeSet<Wrong> = CASES.iter().map(|case| case.1).collect();
    assert_eq!(tried, BTreeSet::from(Wrong::ALL), "a word that nothing leads to");
}

#[test]
fn a_word_is_written_in_json_as_it_is_printed() {
    for what in Wrong::ALL {
        assert_eq!(serde_json::to_value(what).unwrap(), what.as_str());
    }
}

/// Whichever single byte of whichever object is another one (every eleventh is tried), it is noticed; but for sealed
/// texts of the first records, whose openings do not name their digest.
#[test]
fn no_byte_can_be_changed_unnoticed() {
    no_byte_of(&Sample::v1());
    no_byte_of(&Sample::approvals());
}

fn no_byte_of(sample: &Sample) {
    for (key, object) in &sample.objects {
        let (at, kind) = RecordKey::parse(key).unwrap();
        if kind == ObjectKind::Sealed && sample.opening(&at).sealed_digest.is_none() {
            continue;
        }
        // One exchange is an archive of its own, so that each try is quick.
        let prefix = format!("{at}.");
        let alone = |object: &String| object.starts_with(&prefix);
        let objects = sample.objects.iter().filter(|(object, _)| alone(object));
        let mut one =
            Sample { objects: objects.map(|(key, object)| (key.clone(), object.clone())).collect() };
        let before = one.verify().faults;
        for position in (0..object.len()).step_by(11) {
            one.objects.get_mut(key).unwrap()[position] ^= 1;
            assert_ne!(one.verify().faults, before, "byte {position} of {key}");
            one.objects.get_mut(key).unwrap()[position] ^= 1;
        }
    }
}

#[test]
fn what_was_opened_within_the_last_hour_may_be_under_way_and_what_was_before_is_missing() {
    let mut sample = Sample::v1();
    let key = at(SESSION, 5);
    sample.remove(&key, ObjectKind::Closing);
    let opened: Timestamp = sample.opening(&key).opened.parse().unwrap();
    let after = |seconds: i64| Timestamp::from_micros(opened.as_micros() + seconds * 1_000_000);
    for (now, worst, notes) in [
        (after(0), None, 1),
        (after(3599), None, 1),
        (after(3600), Some(Severity::Incomplete), 0),
        // Nobody writes from the future.
        (after(-3600), Some(Severity::Incomplete), 0),
    ] {
        let report = sample.verify_at(now);
        assert_eq!((report.worst(), report.notes.len()), (worst, notes), "{now:?} {report:?}");
    }
}

#[test]
fn what_can_be_taken_away_without_a_trace_is_said_to_be_unproven() {
    let mut sample = Sample::v1();
    sample.forget(&at(SESSION, 5));
    for number in 1..=3 {
        sample.forget(&at(OTHER, number));
    }
    assert_eq!(sample.verify().worst(), None);
    assert!(
        UNPROVEN.iter().any(|sentence| sentence.contains("the last exchanges of a session, whole sessions"))
    );
}

/// Lists everything and reads nothing; or lists nothing.
struct Broken {
    keys: Option<Vec<String>>,
}

impl Archive for Broken {
    fn keys(&self) -> Result<Vec<String>, ArchiveError> {
        self.keys.clone().ok_or_else(|| ArchiveError::List("no such folder".into()))
    }

    fn read(&self, _: &str) -> Result<Option<Vec<u8>>, ArchiveError> {
        Err(ArchiveError::Read("permission denied".into()))
    }
}

#[test]
fn what_cannot_be_read_is_never_good() {
    let keys: Vec<String> = Sample::v1().objects.into_keys().collect();
    let report = verify(&Broken { keys: Some(keys) }, Timestamp::from_micros(0), &mut |_, _| {}).unwrap();
    assert_eq!(report.worst(), Some(Severity::Incomplete));
    assert!(report.faults.iter().all(|fault| fault.what == Unreadable), "{:?}", report.faults);
    assert_eq!(report.faults[0].detail, "the object cannot be read: permission denied");
    assert!(matches!(
        verify(&Broken { keys: None }, Timestamp::from_micros(0), &mut |_, _| {}),
        Err(ArchiveError::List(_))
    ));
}
