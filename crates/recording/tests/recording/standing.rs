//! Standing approvals: with which approval they were made, what counts as agreed, and how many steps are looked at.

use domain::Timestamp;
use recording::{
    ClosingOutcome, NotNext, NotStanding, ObjectKind, Severity, StandingAct, StandingRecord, StandingStep,
    StandingTrail, StepRecord, Trail, Wrong, approval_event, decode, encode,
};

use crate::approvals::{
    asked, asked_for_result, close, decided, failure, held, is_good, is_wrong, moment, opening, reviewer,
    spent, told, with_steps,
};
use crate::sample::Sample;

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
