//! The steps of an approval: how they are told again, and every way in which they can be wrong.

use std::time::Duration;

use domain::{ApprovalState, Timestamp};
use recording::{
    ApprovalStep, AskedRecord, ClosingOutcome, ContextRecord, NotNext, ObjectKind, Opening, RecordKey,
    RefusalRecord, ResultRecord, ReviewerRecord, Severity, StepRecord, Stored, Trail, What, Wrong,
    approval_event, decode, encode,
};

use crate::sample::{OTHER, SESSION, Sample, at};

/// The exchange of the sample that was held and cancelled.
pub fn held() -> RecordKey {
    at(OTHER, 2)
}

pub fn stored_opening(sample: &Sample) -> Stored<Opening> {
    decode(&sample.objects[&held().object(ObjectKind::Opening)]).unwrap()
}

pub fn asked(opening: &Opening, id: u32, again: Option<&str>) -> StepRecord {
    let hold = opening.hold.clone().unwrap();
    StepRecord::Asked(AskedRecord {
        approval: format!("{id:032x}"),
        covers: opening.digest.clone(),
        context: ContextRecord::default(),
        bundle: opening.bundle.clone(),
        rules: opening.rules.clone(),
        reason: hold.reason,
        reviewers: hold.reviewers,
        needed: 1,
        expires: hold.expires,
        sign_in: "development".to_owned(),
        footprints: None,
        touched: None,
        defined: None,
        marks: Vec::new(),
        views: Vec::new(),
        estimate: None,
        again: again.map(str::to_owned),
        access: None,
        result: None,
    })
}

/// The same for its result, which is kept.
pub fn asked_for_result(opening: &Opening, id: u32) -> StepRecord {
    let StepRecord::Asked(asked) = asked(opening, id, None) else { panic!("it asks") };
    let result = ResultRecord {
        rows: 9,
        kept_rows: 9,
        kept_bytes: 90,
        row_limit: 5,
        byte_limit: 1000,
        digest: recording::results_digest(&[]).to_string(),
    };
    StepRecord::Asked(AskedRecord { result: Some(result), ..asked })
}

fn released() -> StepRecord {
    StepRecord::Released {
        bundle: "sha256:00".to_owned(),
        rules: vec!["gateway:large-result".to_owned()],
        catalog: "sha256:00".to_owned(),
        access: Vec::new(),
    }
}

pub fn reviewer(subject: &str) -> ReviewerRecord {
    ReviewerRecord {
        issuer: "development".to_owned(),
        subject: subject.to_owned(),
        person: None,
        marks: Vec::new(),
        groups: vec!["data-reviewers".to_owned()],
        agent: None,
        sign_in: "development".to_owned(),
        signed_in: None,
    }
}

pub fn decided(subject: &str, verdict: &str) -> StepRecord {
    StepRecord::Decided {
        by: reviewer(subject),
        verdict: verdict.to_owned(),
        reason: Some("fine".to_owned()),
        terms: None,
    }
}

pub fn told() -> StepRecord {
    StepRecord::Told { way: "terminal".to_owned(), reviewers: Vec::new(), failed: Vec::new(), why: None }
}

pub fn spent() -> StepRecord {
    StepRecord::Spent {
        bundle: "sha256:00".to_owned(),
        rules: vec!["gateway:held".to_owned()],
        catalog: "sha256:00".to_owned(),
        tier: "write".to_owned(),
        access: Vec::new(),
    }
}

/// A moment of the sample's day, soon after the exchange was opened.
pub fn moment(opening: &Opening, seconds: i64) -> Timestamp {
    let opened: Timestamp = opening.opened.parse().unwrap();
    Timestamp::from_micros(opened.as_micros() + seconds * 1_000_000)
}

/// Puts these steps beside the held exchange, each when the rule allows it.
pub fn with_steps(sample: &mut Sample, steps: &[StepRecord]) -> Trail {
    with_steps_at(sample, &held(), steps)
}

/// The same beside that one.
pub fn with_steps_at(sample: &mut Sample, key: &RecordKey, steps: &[StepRecord]) -> Trail {
    let opening: Stored<Opening> = decode(&sample.objects[&key.object(ObjectKind::Opening)]).unwrap();
    let mut trail = Trail::new(&opening);
    for (second, what) in (1..).zip(steps) {
        let step = trail.next(moment(&opening.record, second), what.clone()).unwrap();
        put_step(sample, key, &step);
        let kind = ObjectKind::Approval { step: step.step };
        trail.push(decode(&sample.objects[&key.object(kind)]).unwrap()).unwrap();
    }
    trail
}

fn put_step(sample: &mut Sample, key: &RecordKey, step: &ApprovalStep) {
    let (object, _) = encode(step).unwrap();
    sample.put(key, ObjectKind::Approval { step: step.step }, object);
}

/// Closes the held exchange after its last step.
pub fn close(sample: &mut Sample, trail: &Trail, outcome: ClosingOutcome) {
    let last = trail.last().to_string();
    sample.forge_closing(&held(), |closing| {
        closing.approval = Some(last);
        closing.outcome = outcome;
    });
}

fn refused(reason: &str) -> ClosingOutcome {
    ClosingOutcome::Refused(RefusalRecord {
        reason: reason.to_owned(),
        message: "no".to_owned(),
        retry_after: None,
        scopes: Vec::new(),
    })
}

pub fn opening() -> Opening {
    stored_opening(&Sample::v1()).record
}

#[track_caller]
pub fn is_good(sample: &Sample) {
    assert_eq!(sample.verify().faults, []);
}

#[track_caller]
pub fn is_wrong(sample: &Sample, what: Wrong) {
    let faults = sample.verify().faults;
    assert_eq!(faults.iter().map(|fault| fault.what).collect::<Vec<_>>(), [what], "{faults:?}");
    assert_eq!(faults[0].severity, Severity::Altered);
}

#[test]
fn every_end_of_an_approval_verifies_with_its_closing_and_with_no_other() {
    let asked = || asked(&opening(), 7, None);
    let overruled = StepRecord::Overruled {
        reason: "policy".to_owned(),
        message: "no".to_owned(),
        rules: Vec::new(),
        bundle: None,
    };
    let ends = [
        (vec![asked(), told(), decided("rosa", "deny")], "denied"),
        (vec![asked(), told(), StepRecord::Withdrawn {}], "cancelled"),
        (vec![asked(), told(), decided("rosa", "approve"), StepRecord::Withdrawn {}], "cancelled"),
        (vec![asked(), overruled], "policy"),
    ];
    for (steps, expected) in ends {
        for reason in ["denied", "expired", "cancelled", "policy"] {
            let mut sample = Sample::v1();
            let trail = with_steps(&mut sample, &steps);
            close(&mut sample, &trail, refused(reason));
            if reason == expected { is_good(&sample) } else { is_wrong(&sample, Wrong::Contradiction) }
        }
    }
}

#[test]
fn what_ran_was_approved_and_spent() {
    let approved = [asked(&opening(), 7, None), told(), decided("rosa", "approve")];
    let run = |steps: &[StepRecord]| {
        let mut sample = Sample::v1();
        let trail = with_steps(&mut sample, steps);
        close(&mut sample, &trail, ClosingOutcome::Failed(failure()));
        sample
    };
    is_good(&run(&[approved.as_slice(), &[spent()]].concat()));
    is_wrong(&run(&approved), Wrong::Contradiction);
    is_wrong(&run(&approved[..1]), Wrong::Contradiction);
    let mut without_steps = Sample::v1();
    without_steps.forge_closing(&held(), |closing| closing.outcome = ClosingOutcome::Failed(failure()));
    is_wrong(&without_steps, Wrong::Contradiction);
}

pub fn failure() -> recording::FailureRecord {
    recording::FailureRecord {
        code: "100038".to_owned(),
        sqlstate: "22018".to_owned(),
        message: "no".to_owned(),
        query_id: None,
    }
}

#[test]
fn a_step_that_was_changed_taken_out_or_put_elsewhere_is_found() {
    let steps = [asked(&opening(), 7, None), told(), decided("rosa", "approve"), spent()];
    let changed = |change: fn(&mut Sample)| {
        let mut sample = Sample::v1();
        let trail = with_steps(&mut sample, &steps);
        close(&mut sample, &trail, ClosingOutcome::Failed(failure()));
        is_good(&sample);
        change(&mut sample);
        sample
    };
    let step = |step| ObjectKind::Approval { step };
    fn forge(sample: &mut Sample, number: u32, edit: impl FnOnce(&mut ApprovalStep)) {
        let object = sample.remove(&held(), ObjectKind::Approval { step: number });
        let mut step = decode::<ApprovalStep>(&object).unwrap().record;
        edit(&mut step);
        let (object, _) = encode(&step).unwrap();
        sample.put(&held(), ObjectKind::Approval { step: number }, object);
    }
    // The middle.
    is_wrong(&changed(|sample| drop(sample.remove(&held(), ObjectKind::Approval { step: 1 }))), Wrong::Gap);
    // The end: the closing names it.
    let cut = changed(|sample| drop(sample.remove(&held(), ObjectKind::Approval { step: 3 })));
    assert!(cut.verify().faults.iter().all(|fault| fault.what == Wrong::Contradiction));
    assert_eq!(cut.verify().worst(), Some(Severity::Altered));
    // One byte.
    let edited = changed(|sample| {
        sample.scribble(&held(), ObjectKind::Approval { step: 2 }, |object| {
            let text = String::from_utf8(object.clone()).unwrap().replacen("rosa", "sara", 1);
            *object = text.into_bytes();
        });
    });
    is_wrong(&edited, Wrong::Digest);
    // With a digest of its own: the next one was written after another.
    let forged = changed(|sample| {
        forge(sample, 2, |step| step.what = decided("sara", "approve"));
    });
    is_wrong(&forged, Wrong::Contradiction);
    let moved = changed(|sample| forge(sample, 3, |step| step.step = 4));
    is_wrong(&moved, Wrong::Misplaced);
    let elsewhere = changed(|sample| forge(sample, 0, |step| step.exchange = format!("{SESSION}/1")));
    is_wrong(&elsewhere, Wrong::Misplaced);
    let vague = changed(|sample| forge(sample, 3, |step| step.at = "later".to_owned()));
    is_wrong(&vague, Wrong::Unreadable);
    let unknown = changed(|sample| forge(sample, 3, |step| step.v = 2));
    is_wrong(&unknown, Wrong::Unreadable);
    // An approval of what policy allowed.
    let mut sample = changed(|_| {});
    let allowed: Stored<Opening> =
        decode(&sample.objects[&at(SESSION, 1).object(ObjectKind::Opening)]).unwrap();
    let object = &sample.objects[&held().object(step(0))];
    let elsewhere = ApprovalStep {
        exchange: allowed.record.exchange.clone(),
        after: allowed.digest.to_string(),
        ..decode::<ApprovalStep>(object).unwrap().record
    };
    let (object, _) = encode(&elsewhere).unwrap();
    sample.put(&at(SESSION, 1), step(0), object);
    let faults = sample.verify().faults;
    assert!(faults.iter().any(|fault| fault.what == Wrong::Contradiction), "{faults:?}");
}

#[test]
fn the_verifier_holds_the_steps_to_the_rule() {
    let opening = opening();
    let forged = |forged: StepRecord| {
        let mut sample = Sample::v1();
        let trail = with_steps(&mut sample, &[asked(&opening, 7, None), told()]);
        let step = ApprovalStep {
            v: 1,
            exchange: opening.exchange.clone(),
            step: 2,
            at: moment(&opening, 9).to_string(),
            after: trail.last().to_string(),
            what: forged,
        };
        put_step(&mut sample, &held(), &step);
        sample
    };
    let by = |by: ReviewerRecord| StepRecord::Decided {
        by,
        verdict: "approve".to_owned(),
        reason: None,
        terms: None,
    };
    let requester = opening.principal.subject.as_str();
    for what in [
        by(reviewer(requester)),
        by(ReviewerRecord { groups: vec!["agents".to_owned()], ..reviewer("rosa") }),
        by(ReviewerRecord { agent: Some("bot".to_owned()), ..reviewer("rosa") }),
        by(ReviewerRecord { sign_in: "oidc".to_owned(), ..reviewer("rosa") }),
        StepRecord::Expired {},
        spent(),
        asked(&opening, 8, Some("policy changed")),
    ] {
        is_wrong(&forged(what), Wrong::Contradiction);
    }
    is_wrong(&forged(decided("rosa", "maybe")), Wrong::Unreadable);
}

#[test]
fn an_approval_begins_anew_only_once_it_was_granted() {
    let opening = opening();
    let mut sample = Sample::v1();
    let again = asked(&opening, 8, Some("policy has changed since"));
    let steps = [asked(&opening, 7, None), told(), decided("rosa", "approve"), again];
    let trail = with_steps(&mut sample, &steps);
    assert_eq!(trail.approval().unwrap().state(), ApprovalState::Waiting);
    assert_eq!(trail.id().unwrap().to_string(), format!("{:032x}", 8));
    assert!(!trail.is_told(), "nobody was told of the new one");
    // The same person must say yes again: what they saw is not what would run.
    let trail = with_steps(&mut sample, &[steps.as_slice(), &[decided("rosa", "approve"), spent()]].concat());
    close(&mut sample, &trail, ClosingOutcome::Failed(failure()));
    is_good(&sample);
}

#[test]
fn what_waits_is_open_and_may_be_until_its_time_is_over() {
    let opening = opening();
    let steps = [asked(&opening, 7, None), told(), decided("rosa", "approve"), StepRecord::Withdrawn {}];
    for (count, state) in [(2, "waiting"), (3, "granted")] {
        let mut sample = Sample::v1();
        let trail = with_steps(&mut sample, &steps[..count]);
        sample.remove(&held(), ObjectKind::Closing);
        let lapses = trail.approval().unwrap().lapses();
        let just_before = Timestamp::from_micros(lapses.as_micros() - 1);
        let report = sample.verify_at(just_before);
        assert_eq!((report.worst(), report.notes.len()), (None, 1), "{report:?}");
        assert!(report.notes[0].detail.contains(state), "{report:?}");
        let late = sample.verify_at(lapses);
        assert_eq!((late.worst(), late.notes.len()), (Some(Severity::Incomplete), 0), "{late:?}");
    }
    // What has ended must be closed, soon.
    let mut sample = Sample::v1();
    let trail = with_steps(&mut sample, &steps);
    sample.remove(&held(), ObjectKind::Closing);
    let last: Timestamp = trail.steps().last().unwrap().at.parse().unwrap();
    let soon = sample.verify_at(last.after(Duration::from_secs(3599)));
    assert_eq!((soon.worst(), soon.notes.len()), (None, 1), "{soon:?}");
    let ended = sample.verify_at(last.after(Duration::from_secs(3600)));
    assert_eq!((ended.worst(), ended.notes.len()), (Some(Severity::Incomplete), 0), "{ended:?}");
}

#[test]
fn a_replay_tells_every_step() {
    let opening = opening();
    let mut sample = Sample::v1();
    let trail = with_steps(&mut sample, &[asked(&opening, 7, None), told(), decided("rosa", "deny")]);
    let events: Vec<serde_json::Value> =
        trail.steps().iter().map(|step| serde_json::to_value(approval_event(step)).unwrap()).collect();
    assert!(events.iter().all(|event| event["kind"] == "approval"));
    let words: Vec<&str> = events.iter().map(|event| event["step"].as_str().unwrap()).collect();
    assert_eq!(words, ["asked", "told", "decided"]);
    assert_eq!(events[0]["approval"], format!("{:032x}", 7));
    assert_eq!(events[0]["reviewers"], serde_json::json!(["data-reviewers"]));
    assert_eq!(events[2]["by"]["subject"], "rosa");
    assert_eq!((&events[2]["verdict"], &events[2]["reason"]), (&"deny".into(), &"fine".into()));
    assert!(events[1].get("verdict").is_none());
}

#[test]
fn a_result_is_asked_for_once_its_statement_has_run_and_released_only_after_a_yes() {
    let opening = opening();
    let ran = [asked(&opening, 7, None), told(), decided("rosa", "approve"), spent()];
    let kept = [ran.as_slice(), &[asked_for_result(&opening, 8)]].concat();
    let mut sample = Sample::v1();
    let trail = with_steps(&mut sample, &kept);
    assert!(trail.is_of_result() && trail.approval().unwrap().state() == ApprovalState::Waiting);
    let at = moment(&opening, 60);
    // Nobody has said yes to the result, whoever had to the statement.
    assert!(trail.next(at, released()).is_err());
    let trail = with_steps(&mut sample, &[kept.as_slice(), &[decided("rosa", "approve")]].concat());
    assert_eq!(trail.next(at, spent()).unwrap_err(), NotNext::OtherThing, "nothing runs again");
    assert_eq!(trail.next(at, asked(&opening, 9, Some("anew"))).unwrap_err(), NotNext::OtherThing);
    trail.next(at, released()).unwrap();
    for steps in [&ran[..0], &ran[..1], &ran[..3]] {
        let trail = with_steps(&mut Sample::v1(), steps);
        assert_eq!(trail.next(at, asked_for_result(&opening, 8)).unwrap_err(), NotNext::Asked);
    }
    let trail = with_steps(&mut Sample::v1(), &ran[..3]);
    assert_eq!(trail.next(at, released()).unwrap_err(), NotNext::OtherThing);
    // Its ends verify as those of every other approval.
    for (end, reason) in [(decided("sam", "deny"), "denied"), (StepRecord::Withdrawn {}, "cancelled")] {
        let mut sample = Sample::v1();
        let trail = with_steps(&mut sample, &[kept.as_slice(), &[end]].concat());
        close(&mut sample, &trail, refused(reason));
        is_good(&sample);
        close(&mut sample, &trail, refused("policy"));
        is_wrong(&sample, Wrong::Contradiction);
    }
    // Whoever did not know that it was asked for may have closed it, but not with rows.
    let mut sample = Sample::v1();
    let trail = with_steps(&mut sample, &kept);
    let before = trail.steps()[4].after.clone();
    sample.forge_closing(&held(), |closing| {
        closing.approval = Some(before);
        closing.outcome = ClosingOutcome::Failed(failure());
    });
    is_good(&sample);
    sample.forge_closing(&held(), |closing| closing.outcome = ClosingOutcome::Rows {});
    assert_eq!(sample.verify().worst(), Some(Severity::Altered));
}

#[test]
fn reviewers_are_reminded_once_for_each_reason_and_anew_of_what_is_asked_anew() {
    let opening = opening();
    let reminded = |why: &str| StepRecord::Told {
        way: "mail".to_owned(),
        reviewers: vec!["rosa".to_owned()],
        failed: vec!["sam".to_owned()],
        why: Some(why.to_owned()),
    };
    let mut sample = Sample::v1();
    let steps = [asked(&opening, 7, None), told(), reminded("reminder"), told(), reminded("second")];
    let trail = with_steps(&mut sample, &steps);
    assert!(trail.is_reminded(recording::REMINDER) && trail.is_reminded(recording::SECOND));
    for why in ["reminder", "second", "boredom", ""] {
        assert_eq!(trail.next(moment(&opening, 9), reminded(why)).unwrap_err(), NotNext::Reminded, "{why}");
    }
    assert!(trail.next(moment(&opening, 9), told()).is_ok(), "whoever was not reached is tried again");
    let event = approval_event(trail.steps().last().unwrap());
    let What::Approval { reason, .. } = event.what else { panic!("{event:?}") };
    assert_eq!(reason.as_deref(), Some("second; could not be told: sam"));

    let again =
        [decided("rosa", "approve"), asked(&opening, 8, Some("policy changed")), reminded("reminder")];
    let trail = with_steps(&mut Sample::v1(), &[steps.as_slice(), &again].concat());
    assert!(trail.is_reminded(recording::REMINDER) && !trail.is_reminded(recording::SECOND));
}
