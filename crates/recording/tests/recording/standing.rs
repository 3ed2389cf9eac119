//! Standing approvals: with which approval they were made, what counts as agreed, and how many steps are looked at.

use domain::Timestamp;
use recording::{
    ClosingOutcome, NotNext, NotStanding, ObjectKind, Opening, RecordKey, Severity, StandingAct,
    StandingRecord, StandingStep, StandingTrail, StepRecord, Trail, Wrong, approval_event, decode, encode,
};

use crate::approvals::{
    asked, asked_for_result, close, decided, failure, held, is_good, is_wrong, moment, opening, reviewer,
    spent, told, with_steps, with_steps_at,
};
use crate::sample::{Sample, at};

fn terms() -> StandingRecord {
    StandingRecord { until: "2999-01-01T00:00:00.000000Z".to_owned(), runs: 3, rows: 10, vary: Vec::new() }
}

/// A yes that is to stand.
fn stands(subject: &str, verdict: &str) -> StepRecord {
    StepRecord::Decided {
        by: reviewer(subject),
        verdict: verdict.to_owned(),
        reason: None,
        terms: Some(terms()),
    }
}

fn id(id: u32) -> String {
    format!("{id:032x}")
}

fn made(by: u32) -> StandingAct {
    StandingAct::Made { approval: id(by) }
}

fn used(number: u32) -> StandingAct {
    StandingAct::Used { by: format!("{}/{number}", "e".repeat(32)), approval: id(number) }
}

fn later(seconds: i64) -> Timestamp {
    moment(&opening(), seconds)
}

/// Puts these beside the held exchange, one after the other.
fn with_standing(sample: &mut Sample, standing: &mut StandingTrail, acts: &[StandingAct]) {
    for act in acts {
        let step = standing.next(later(60), act.clone()).unwrap();
        let (object, _) = encode(&step).unwrap();
        let kind = ObjectKind::Standing { step: step.step };
        sample.put(&held(), kind, object);
        standing.push(decode(&sample.objects[&held().object(kind)]).unwrap()).unwrap();
    }
}

#[test]
fn what_was_made_with_one_yes_stays_good_whatever_is_asked_afterwards() {
    let granted = [asked(&opening(), 7, None), told(), stands("rosa", "approve")];
    let result = [spent(), asked_for_result(&opening(), 8), decided("sam", "deny")];
    let anew = [asked(&opening(), 8, Some("changed")), told(), decided("rosa", "deny")];
    for (after, reason) in [(&result, "denied"), (&anew, "denied")] {
        let mut sample = Sample::v1();
        let whole = with_steps(&mut sample, &[granted.as_slice(), after].concat());
        assert!(StandingTrail::new(&whole).is_none(), "nobody has agreed on anything of the latter");
        let under = whole.under(&id(7)).unwrap();
        assert_eq!((under.id().unwrap().to_string(), whole.id().unwrap().to_string()), (id(7), id(8)));
        assert!(
            under.steps().len() < whole.steps().len() && under.last().to_string() != whole.last().to_string()
        );
        with_standing(&mut sample, &mut StandingTrail::new(&under).unwrap(), &[made(7), used(1)]);
        close(&mut sample, &whole, refused(reason));
        is_good(&sample);
    }
    let mut sample = Sample::v1();
    let whole = with_steps(&mut sample, &granted);
    assert!(whole.under(&id(9)).is_none());
    assert_eq!(whole.under(&id(7)).unwrap().last(), whole.last());
}

#[test]
fn a_yes_that_was_taken_back_stands_for_nothing_and_what_it_had_made_is_no_contradiction() {
    let granted = [asked(&opening(), 7, None), told(), stands("rosa", "approve")];
    let mut sample = Sample::v1();
    let whole = with_steps(&mut sample, &[granted.as_slice(), &[decided("sam", "deny")]].concat());
    assert_eq!(whole.approval().unwrap().state(), domain::ApprovalState::Denied);
    assert!(StandingTrail::new(&whole).is_none());
    let mut standing = StandingTrail::as_made(&whole).unwrap();
    assert_eq!((standing.terms(), standing.by()), (&terms(), &[reviewer("rosa")][..]));
    with_standing(&mut sample, &mut standing, &[made(7)]);
    close(&mut sample, &whole, refused("denied"));
    is_good(&sample);
    // What nobody had agreed on was never made.
    let never = with_steps(&mut Sample::v1(), &[asked(&opening(), 7, None), decided("sam", "deny")]);
    assert!(StandingTrail::as_made(&never).is_none());
}

fn refused(reason: &str) -> ClosingOutcome {
    ClosingOutcome::Refused(recording::RefusalRecord {
        reason: reason.to_owned(),
        message: "no".to_owned(),
        retry_after: None,
        scopes: Vec::new(),
    })
}

#[test]
fn a_standing_approval_that_names_another_approval_than_its_own_is_found() {
    for by in [8, 9] {
        let mut sample = Sample::v1();
        let steps =
            [asked(&opening(), 7, None), stands("rosa", "approve"), spent(), asked_for_result(&opening(), 8)];
        let whole = with_steps(&mut sample, &[&steps[..], &[decided("sam", "deny")]].concat());
        let standing = StandingTrail::new(&whole.under(&id(7)).unwrap()).unwrap();
        let step = standing.next(later(60), made(7)).unwrap();
        let (object, _) = encode(&StandingStep { what: made(by), ..step }).unwrap();
        sample.put(&held(), ObjectKind::Standing { step: 0 }, object);
        assert!(standing.next(later(60), made(by)).is_err());
        close(&mut sample, &whole, refused("denied"));
        is_wrong(&sample, Wrong::Contradiction);
    }
}

#[test]
fn only_a_yes_that_says_so_stands_and_all_of_them_must() {
    let trail = |steps: &[StepRecord]| with_steps(&mut Sample::v1(), steps);
    let first = || asked(&opening(), 7, None);
    assert!(StandingTrail::new(&trail(&[first(), stands("rosa", "approve")])).is_some());
    assert!(StandingTrail::new(&trail(&[first(), decided("rosa", "approve")])).is_none());
    // As the first records of version 1 tell it.
    let proposed = StepRecord::Standing { by: reviewer("rosa"), terms: terms() };
    let old = trail(&[first(), proposed.clone(), decided("rosa", "approve")]);
    assert_eq!(StandingTrail::new(&old).unwrap().terms(), &terms());
    assert!(StandingTrail::new(&trail(&[first(), proposed, decided("sam", "approve")])).is_none());
    // A no stands for nothing, nor does a yes to a result.
    let at = later(9);
    let refused = |trail: &Trail, what| trail.next(at, what).unwrap_err();
    assert_eq!(refused(&trail(&[first()]), stands("rosa", "deny")), NotNext::OtherThing);
    let kept = trail(&[first(), decided("rosa", "approve"), spent(), asked_for_result(&opening(), 8)]);
    assert_eq!(refused(&kept, stands("rosa", "approve")), NotNext::OtherThing);
    let told = serde_json::to_value(approval_event(&trail(&[first(), stands("rosa", "approve")]).steps()[1]));
    assert!(told.unwrap()["reason"].as_str().unwrap().contains("stands for 3 later runs"));
}

#[test]
fn of_many_uses_the_last_tell_as_much_as_all_of_them() {
    let mut sample = Sample::v1();
    let whole = with_steps(&mut sample, &[asked(&opening(), 7, None), stands("rosa", "approve"), spent()]);
    close(&mut sample, &whole, ClosingOutcome::Failed(failure()));
    let mut all = StandingTrail::new(&whole).unwrap();
    let fresh = all.clone();
    with_standing(&mut sample, &mut all, &[made(7), used(1), used(2), used(3)]);
    is_good(&sample);
    let objects: Vec<Vec<u8>> =
        (0..4).map(|step| sample.objects[&held().object(ObjectKind::Standing { step })].clone()).collect();
    let step = |number: usize| decode(&objects[number]).unwrap();
    let mut last = fresh.clone();
    assert_eq!(last.resume(step(3)).unwrap_err(), NotStanding::NotMade, "it begins with being made");
    last.push(step(0)).unwrap();
    last.resume(step(3)).unwrap();
    assert_eq!((last.uses(), last.next_number(), last.last()), (all.uses(), all.next_number(), all.last()));
    assert_eq!((last.uses(), last.check(later(61))), (3, Err(NotStanding::UsedUp)));
    assert!(last.use_of(&format!("{}/3", "e".repeat(32))).is_some());
    // One step at a time is the same.
    last = fresh.clone();
    (0..3).for_each(|number| last.resume(step(number)).unwrap());
    assert_eq!((last.uses(), last.check(later(61))), (2, Ok(())));
    // What is behind already, and what is another's, is none; then all is as before.
    assert_eq!(last.resume(step(1)).unwrap_err(), NotStanding::Misplaced);
    let mut other: recording::Stored<StandingStep> = step(3);
    other.record.exchange = format!("{}/9", "f".repeat(32));
    other.record.step = 4;
    assert_eq!(last.resume(other).unwrap_err(), NotStanding::Misplaced);
    assert_eq!((last.uses(), last.next_number()), (2, 3));
    // An end is found as well, and nothing goes on behind it.
    let ended = StandingAct::Ended { by: reviewer("sam"), reason: None };
    with_standing(&mut sample, &mut all, &[ended]);
    let at = ObjectKind::Standing { step: 4 };
    last.resume(decode(&sample.objects[&held().object(at)]).unwrap()).unwrap();
    assert_eq!((last.uses(), last.check(later(61))), (3, Err(NotStanding::Ended)));
    let mut beyond: recording::Stored<StandingStep> = step(3);
    beyond.record.step = 9;
    assert_eq!(last.resume(beyond).unwrap_err(), NotStanding::Ended);
    assert_ne!(sample.verify().worst(), Some(Severity::Altered), "{:?}", sample.verify().faults);
}

#[test]
fn a_reviewer_whose_record_tells_of_a_requesters_name_by_its_mark_decides_nothing() {
    let StepRecord::Asked(record) = asked(&opening(), 7, None) else { panic!("it asks") };
    let marked = StepRecord::Asked(recording::AskedRecord { marks: vec!["mark".to_owned()], ..record });
    let trail = with_steps(&mut Sample::v1(), &[marked]);
    let by = recording::ReviewerRecord { marks: vec!["mark".to_owned()], ..reviewer("00u-ben") };
    let own = NotNext::Unmoved(domain::Unmoved::OwnRequest);
    let says = |by| StepRecord::Decided { by, verdict: "approve".to_owned(), reason: None, terms: None };
    assert_eq!(trail.next(later(9), says(by.clone())).unwrap_err(), own);
    let issued = StepRecord::Issued { standing: id(1), made: String::new(), rows: 1, by: vec![by] };
    assert_eq!(trail.next(later(9), issued).unwrap_err(), own);
    trail.next(later(9), says(reviewer("00u-ben"))).unwrap();
}

/// The other held exchange, whose principal's the standing approval is here.
fn standing_at() -> RecordKey {
    at("ae3bdb56a547efbe6ea5a6ca065836b2", 2)
}

/// A sample in which the held exchange was allowed by a standing approval of its own principal's: each step changed so.
fn issued(until: &str, change: impl FnOnce(&mut StepRecord), of: impl FnOnce(&mut Opening)) -> Sample {
    let mut sample = Sample::v1();
    let principal = sample.opening(&held()).principal;
    sample.forge_opening(&standing_at(), |opening| {
        opening.principal = principal;
        of(opening);
    });
    let own = sample.opening(&standing_at());
    let StepRecord::Asked(record) = asked(&own, 9, None) else { panic!("it asks") };
    let (covers, expires) = (own.digest.clone(), own.hold.unwrap().expires);
    let first = StepRecord::Asked(recording::AskedRecord { covers, expires, ..record });
    let StepRecord::Decided { by, verdict, reason, .. } = decided("rosa", "approve") else { panic!("a yes") };
    let wanted = Some(StandingRecord { until: until.to_owned(), ..terms() });
    let yes = StepRecord::Decided { by, verdict, reason, terms: wanted };
    let whole = with_steps_at(&mut sample, &standing_at(), &[first, yes, spent()]);
    let last = whole.last().to_string();
    sample.forge_closing(&standing_at(), |closing| {
        closing.approval = Some(last);
        closing.outcome = ClosingOutcome::Failed(failure());
    });
    let mut standing = StandingTrail::new(&whole).unwrap();
    let exchange = held().exchange.to_string();
    for act in [made(9), StandingAct::Used { by: exchange, approval: id(7) }] {
        let step = standing.next(moment(&own_of(&sample), 4), act).unwrap();
        let kind = ObjectKind::Standing { step: step.step };
        sample.put(&standing_at(), kind, encode(&step).unwrap().0);
        standing.push(decode(&sample.objects[&standing_at().object(kind)]).unwrap()).unwrap();
    }
    let mut allowed = StepRecord::Issued {
        standing: id(9),
        made: standing_at().object(ObjectKind::Standing { step: 1 }),
        rows: terms().rows,
        by: vec![reviewer("rosa")],
    };
    change(&mut allowed);
    let steps = with_steps(&mut sample, &[asked(&opening(), 7, None), allowed, spent()]);
    close(&mut sample, &steps, ClosingOutcome::Failed(failure()));
    sample
}

fn own_of(sample: &Sample) -> Opening {
    sample.opening(&standing_at())
}

const LATE: &str = "2999-01-01T00:00:00.000000Z";

#[test]
fn a_use_tells_the_people_the_rows_the_approval_and_the_principal_of_what_stands() {
    let told = |sample: &Sample, words: &str| {
        let faults = sample.verify().faults;
        let is_it = |fault: &recording::ArchiveFault| {
            fault.what == Wrong::Contradiction && fault.detail.contains(words)
        };
        assert!(faults.iter().any(is_it), "{words}: {faults:?}");
    };
    let about_standing = |sample: &Sample| -> Vec<String> {
        let faults = sample.verify().faults.into_iter().map(|fault| fault.detail);
        faults.filter(|detail| detail.contains("standing")).collect()
    };
    assert_eq!(about_standing(&issued(LATE, |_| {}, |_| {})), [""; 0]);
    type Forge = fn(&mut StepRecord);
    let forges: [(Forge, &str); 4] = [
        (
            |step| {
                if let StepRecord::Issued { rows, .. } = step {
                    *rows = 500_000
                }
            },
            "more or fewer rows",
        ),
        (
            |step| {
                if let StepRecord::Issued { by, .. } = step {
                    *by = vec![reviewer("boss")]
                }
            },
            "by others than those",
        ),
        (
            |step| {
                if let StepRecord::Issued { standing, .. } = step {
                    *standing = id(0)
                }
            },
            "that nobody has made",
        ),
        (
            |step| {
                if let StepRecord::Issued { made, .. } = step {
                    *made = standing_at().object(ObjectKind::Standing { step: 0 });
                }
            },
            "tells of another use",
        ),
    ];
    for (forge, words) in forges {
        told(&issued(LATE, forge, |_| {}), words);
    }
    told(
        &issued(LATE, |_| {}, |opening| opening.principal.subject = "somebody-else".to_owned()),
        "for somebody else",
    );
    // It was over minutes before the held exchange was opened.
    let before = moment(&own_of(&Sample::v1()), -300);
    let until = before.after(std::time::Duration::from_secs(5)).to_string();
    told(&issued(&until, |_| {}, |opening| opening.opened = before.to_string()), "was over");
}
