//! Leave to read: how it is put in force and ended, and what was decided by it.

use domain::{ApprovalId, Timestamp, Unmoved};
use recording::{
    AccessRecord, AskedRecord, ClosingOutcome, GrantedRecord, NotNext, ObjectKind, Opening, PartRecord,
    RecordKey, Severity, StandingRecord, StepRecord, Stored, Trail, Wrong, approval_event, encode,
};

use crate::approvals::{
    asked, decided, failure, held, is_good, is_wrong, moment, opening, reviewer, spent, stored_opening, told,
    with_steps, with_steps_at,
};
use crate::sample::{OTHER, SESSION, Sample, at};

const END: &str = "2026-11-30T00:00:00.000000Z";

fn asked_for_access() -> StepRecord {
    asked_until(END)
}

fn asked_until(until: &str) -> StepRecord {
    let StepRecord::Asked(asked) = asked(&opening(), 7, None) else { panic!("it asks") };
    let access = AccessRecord {
        to: "DEMO.SALES.*".to_owned(),
        until: until.to_owned(),
        why: "the report".to_owned(),
        policy: "permit (principal, action, resource);".to_owned(),
    };
    StepRecord::Asked(AskedRecord { access: Some(access), ..asked })
}

fn ended(subject: &str) -> StepRecord {
    StepRecord::Ended { by: reviewer(subject), reason: Some("done".to_owned()) }
}

fn granted() -> Vec<StepRecord> {
    vec![asked_for_access(), told(), decided("rosa", "approve"), spent()]
}

/// What comes of this step after those.
fn next(steps: &[StepRecord], what: StepRecord) -> Result<(), NotNext> {
    let mut sample = Sample::v1();
    let trail = with_steps(&mut sample, steps);
    trail.next(moment(&opening(), 60), what).map(|_| ())
}

#[test]
fn it_is_in_force_once_it_was_spent_and_until_a_reviewer_ends_it() {
    let trail = |steps: &[StepRecord]| with_steps(&mut Sample::v1(), steps);
    assert_eq!(trail(&granted()[..3]).access_in_force(), None);
    let in_force = trail(&granted());
    assert_eq!(in_force.access_in_force(), Some((3, in_force.last())));
    let over = trail(&[granted(), vec![ended("sam")]].concat());
    assert_eq!(over.access_in_force(), None);
    let told = approval_event(over.steps().last().unwrap());
    let told = serde_json::to_string(&told).unwrap();
    assert!(told.contains("\"ended\"") && told.contains("sam") && told.contains("done"), "{told}");
    // What ran is no leave to read.
    let ran = [asked(&opening(), 7, None), decided("rosa", "approve"), spent()];
    assert_eq!(trail(&ran).access_in_force(), None);
}

#[test]
fn nothing_ends_but_what_is_in_force_and_nobody_ends_it_but_its_reviewers() {
    let ran = [asked(&opening(), 7, None), decided("rosa", "approve"), spent()];
    for steps in [&granted()[..1], &granted()[..3], &ran, &[granted(), vec![ended("sam")]].concat()] {
        assert_eq!(next(steps, ended("sam")), Err(NotNext::OtherThing), "{}", steps.len());
    }
    let mut outsider = reviewer("sam");
    outsider.groups = vec!["agents".to_owned()];
    let by = |by| StepRecord::Ended { by, reason: None };
    assert_eq!(next(&granted(), by(outsider)), Err(NotNext::Unmoved(Unmoved::NotAReviewer)));
    let mut otherwise = reviewer("sam");
    otherwise.sign_in = "oidc".to_owned();
    assert_eq!(next(&granted(), by(otherwise)), Err(NotNext::SignIn));
    let mut program = reviewer("sam");
    program.agent = Some("bot".to_owned());
    assert_eq!(next(&granted(), by(program)), Err(NotNext::Unmoved(Unmoved::NotAPerson)));
    assert_eq!(next(&granted(), ended("sam")), Ok(()));
}

#[test]
fn it_stands_for_no_later_ones_and_is_not_asked_for_anew() {
    let terms = StandingRecord {
        until: "2026-11-30T00:00:00.000000Z".to_owned(),
        runs: 5,
        rows: 5,
        vary: Vec::new(),
    };
    let standing = StepRecord::Standing { by: reviewer("rosa"), terms };
    assert_eq!(next(&granted()[..1], standing), Err(NotNext::OtherThing));
    let issued = StepRecord::Issued {
        standing: "7".to_owned(),
        made: "somewhere".to_owned(),
        rows: 5,
        by: vec![reviewer("rosa")],
    };
    assert_eq!(next(&granted()[..1], issued), Err(NotNext::OtherThing));
    let again = asked(&opening(), 8, Some("changed"));
    assert_eq!(next(&granted()[..3], again), Err(NotNext::OtherThing));
}

#[test]
fn a_closing_names_the_step_that_put_it_in_force_or_ended_it() {
    let whole = [granted(), vec![ended("sam")]].concat();
    for (count, is_right) in [(4, true), (5, true), (3, false)] {
        let mut sample = Sample::v1();
        let named = with_steps(&mut Sample::v1(), &whole[..count]).last().to_string();
        with_steps(&mut sample, &whole);
        sample.forge_closing(&held(), |closing| {
            closing.approval = Some(named);
            closing.outcome = ClosingOutcome::Failed(failure());
        });
        if is_right { is_good(&sample) } else { is_wrong(&sample, Wrong::Contradiction) }
    }
}

/// The rule that was granted.
fn rule() -> String {
    format!("access:{}", ApprovalId::from_u128(7))
}

/// A sample in which an exchange that has run was decided by leave that was granted beside the held one.
fn used(change: impl FnOnce(&mut GrantedRecord), rules: &[&str]) -> Sample {
    used_of(&granted(), END, |opening, record| {
        let mut record = record;
        change(&mut record);
        opening.access = vec![record];
        opening.rules.extend(rules.iter().map(|rule| (*rule).to_owned()));
    })
}

/// The same of leave that was granted by these steps until then, the fourth of which has put it in force.
fn used_of(steps: &[StepRecord], until: &str, change: impl FnOnce(&mut Opening, GrantedRecord)) -> Sample {
    let mut sample = Sample::v1();
    let granted = with_steps(&mut Sample::v1(), &steps[..4]).last().to_string();
    let last = with_steps(&mut sample, steps).last().to_string();
    sample.forge_closing(&held(), |closing| {
        closing.approval = Some(last.clone());
        closing.outcome = ClosingOutcome::Failed(failure());
    });
    let record = GrantedRecord {
        approval: ApprovalId::from_u128(7).to_string(),
        granted: held().object(ObjectKind::Approval { step: 3 }),
        digest: granted,
        to: "DEMO.SALES.*".to_owned(),
        until: until.to_owned(),
    };
    sample.forge_opening(&ran(), |opening| {
        assert_eq!(opening.decision, "allow");
        opening.statements.truncate(1);
        reads_sales(opening);
        change(opening, record);
    });
    sample
}

/// Of class read, as leave permits it, and of what it is to.
fn reads_sales(opening: &mut Opening) {
    let statement = &mut opening.statements[0];
    (statement.class, statement.kind) = ("read".to_owned(), "select".to_owned());
    statement.reads = vec!["DEMO.HR.PEOPLE".to_owned(), "DEMO.SALES.ORDERS".to_owned()];
    statement.writes.clear();
}

#[test]
fn what_was_decided_by_leave_does_what_that_permits_and_after_it_was_granted() {
    let told = |steps: &[StepRecord], change: &dyn Fn(&mut Opening), words: &str| {
        let sample = used_of(steps, END, |opening, record| {
            opening.rules.push(record.rule());
            opening.access = vec![record];
            change(opening);
        });
        let faults = sample.verify().faults;
        let is_told = |fault: &recording::ArchiveFault| {
            fault.what == Wrong::Contradiction && fault.detail.contains(words)
        };
        assert!(faults.iter().any(is_told), "{words}: {faults:?}");
    };
    let other = "something that it does not read";
    for reads in [vec!["DEMO.PUBLIC.EMPLOYEES"], vec!["DEMO.SALESMEN.ORDERS"], vec![]] {
        let reads: Vec<String> = reads.into_iter().map(str::to_owned).collect();
        told(&granted(), &|opening| opening.statements[0].reads.clone_from(&reads), other);
    }
    told(&granted(), &|opening| opening.statements[0].class = "write".to_owned(), other);
    let spent: Timestamp = with_steps(&mut Sample::v1(), &granted()).steps()[3].at.parse().unwrap();
    let before = Timestamp::from_micros(spent.as_micros() - 61_000_000).to_string();
    told(&granted(), &|opening| opening.opened.clone_from(&before), "granted later only");
    // Ended by a reviewer, and its rows released minutes later.
    let whole = [granted(), vec![ended("sam")]].concat();
    let ended_at: Timestamp = with_steps(&mut Sample::v1(), &whole).steps()[4].at.parse().unwrap();
    for (seconds, is_right) in [(59, true), (600, false)] {
        let mut sample = used_of(&whole, END, |opening, record| {
            opening.opened = ended_at.to_string();
            opening.rules.push(record.rule());
            opening.access = vec![record];
        });
        let closed = ended_at.after(std::time::Duration::from_secs(seconds)).to_string();
        sample.forge_closing(&ran(), |closing| closing.closed.clone_from(&closed));
        let faults = sample.verify().faults;
        let is_told = faults.iter().any(|fault| fault.detail.contains("after a reviewer had ended"));
        assert_eq!(is_told, !is_right, "{seconds}: {faults:?}");
    }
}

#[test]
fn nobody_is_lent_what_others_were_granted_and_nothing_is_read_once_it_was_ended() {
    let is_used = |opening: &mut Opening, record: GrantedRecord| {
        opening.rules.push(record.rule());
        opening.access = vec![record];
    };
    type Forge = fn(&mut Opening, &mut GrantedRecord);
    let forges: [Forge; 6] = [
        |opening, _| opening.principal.subject = "somebody-else".to_owned(),
        |opening, _| opening.principal.issuer = "https://other.example".to_owned(),
        |opening, _| opening.principal.agent = "another-agent".to_owned(),
        |_, record| record.approval = ApprovalId::from_u128(8).to_string(),
        |_, record| record.to = "DEMO.HR.*".to_owned(),
        |_, record| record.until = "2027-11-30T00:00:00.000000Z".to_owned(),
    ];
    for (at, forge) in forges.into_iter().enumerate() {
        let sample = used_of(&granted(), END, |opening, mut record| {
            forge(opening, &mut record);
            is_used(opening, record);
        });
        let report = sample.verify();
        let is_told = |fault: &recording::ArchiveFault| fault.what == Wrong::Contradiction;
        assert!(report.faults.iter().any(is_told), "{at}: {:?}", report.faults);
    }
    let whole = [granted(), vec![ended("sam")]].concat();
    let ended_at: Timestamp = with_steps(&mut Sample::v1(), &whole).steps()[4].at.parse().unwrap();
    for (seconds, is_right) in [(59, true), (61, false)] {
        let opened = ended_at.after(std::time::Duration::from_secs(seconds));
        let sample = used_of(&whole, END, |opening, record| {
            opening.opened = opened.to_string();
            is_used(opening, record);
        });
        let is_told = sample.verify().faults.iter().any(|fault| fault.detail.contains("had ended"));
        assert_eq!(is_told, !is_right, "{seconds}: {:?}", sample.verify().faults);
    }
}

/// An exchange of the sample whose rows were released, of the same session as the held one.
fn ran() -> RecordKey {
    let sample = Sample::v1();
    let key = at(OTHER, 3);
    assert_eq!(sample.closing(&key).outcome, ClosingOutcome::Rows {});
    key
}

#[test]
fn what_was_decided_by_it_tells_of_it_and_nothing_left_after_its_end() {
    is_good(&used(|_| {}, &[&rule()]));
    is_wrong(&used(|_| {}, &["access:8"]), Wrong::Contradiction);
    is_wrong(&used(|granted| granted.digest = opening().digest, &[&rule()]), Wrong::Contradiction);
    is_wrong(
        &used(|granted| granted.granted = held().object(ObjectKind::Opening), &[&rule()]),
        Wrong::Contradiction,
    );
    is_wrong(
        &used(|granted| granted.granted = held().object(ObjectKind::Approval { step: 2 }), &[&rule()]),
        Wrong::Contradiction,
    );
    let closed: Timestamp = Sample::v1().closing(&ran()).closed.parse().unwrap();
    let steps = |until: Timestamp| [vec![asked_until(&until.to_string())], granted()[1..].to_vec()].concat();
    let used_until = |until: Timestamp| {
        used_of(&steps(until), &until.to_string(), |opening, record| {
            opening.rules.push(record.rule());
            opening.access = vec![record];
        })
    };
    is_wrong(&used_until(closed), Wrong::Contradiction);
    is_good(&used_until(Timestamp::from_micros(closed.as_micros() + 1)));
    // What was in force and decided nothing may have ended meanwhile.
    is_good(&used_of(&steps(closed), &closed.to_string(), |opening, record| opening.access = vec![record]));
    let elsewhere = at(SESSION, 99).object(ObjectKind::Approval { step: 3 });
    let missing = used(|granted| granted.granted = elsewhere, &[&rule()]).verify();
    assert_eq!(
        (missing.worst(), missing.faults.len()),
        (Some(Severity::Incomplete), 1),
        "{:?}",
        missing.faults
    );
}

#[test]
fn a_step_that_ends_it_must_be_the_next() {
    let mut sample = Sample::v1();
    let mut trail: Trail = with_steps(&mut sample, &granted());
    let step = trail.next(moment(&stored_opening(&sample).record, 60), ended("sam")).unwrap();
    let (_, digest) = encode(&step).unwrap();
    let mut other = step.clone();
    other.after = opening().digest;
    assert_eq!(trail.push(Stored { record: other, digest }), Err(NotNext::Chain));
    trail.push(Stored { record: step, digest }).unwrap();
}

/// The held exchange of the early code, which asks for leave here.
fn asking() -> RecordKey {
    at("ae3bdb56a547efbe6ea5a6ca065836b2", 2)
}

/// A sample in which the held exchange was approved and run by leave that its agent had been granted elsewhere until then, as
/// the step that spent it tells; changed so, and with what is to be told of leave by its opening.
fn held_and_run(until: &str, change: impl FnOnce(&mut Vec<String>, &mut Vec<GrantedRecord>)) -> Sample {
    let mut sample = Sample::v1();
    let principal = sample.opening(&held()).principal;
    sample.forge_opening(&asking(), |opening| opening.principal = principal);
    sample.forge_opening(&held(), reads_sales);
    let StepRecord::Asked(wanted) = asked_until(until) else { panic!("it asks") };
    let own = sample.opening(&asking());
    let hold = own.hold.unwrap();
    let (covers, expires, approval) = (own.digest, hold.expires, ApprovalId::from_u128(9).to_string());
    let wanted = StepRecord::Asked(AskedRecord { approval, covers, expires, ..wanted });
    let steps = [wanted, told(), decided("rosa", "approve"), spent()];
    let granted = with_steps_at(&mut sample, &asking(), &steps).last().to_string();
    sample.forge_closing(&asking(), |closing| {
        closing.approval = Some(granted.clone());
        closing.outcome = ClosingOutcome::Failed(failure());
    });
    let record = GrantedRecord {
        approval: ApprovalId::from_u128(9).to_string(),
        granted: asking().object(ObjectKind::Approval { step: 3 }),
        digest: granted,
        to: "DEMO.SALES.*".to_owned(),
        until: until.to_owned(),
    };
    let (mut rules, mut access) = (vec![record.rule()], vec![record]);
    change(&mut rules, &mut access);
    let StepRecord::Spent { bundle, catalog, tier, .. } = spent() else { panic!("it is spent") };
    let spent = StepRecord::Spent { bundle, catalog, tier, rules, access };
    let steps = [asked(&opening(), 7, None), told(), decided("rosa", "approve"), spent];
    let last = with_steps(&mut sample, &steps).last().to_string();
    sample.forge_closing(&held(), |closing| {
        closing.approval = Some(last);
        closing.outcome = ClosingOutcome::Rows {};
        closing.parts = vec![PartRecord { handle: opening().handle, ..ran_parts().remove(0) }];
    });
    sample
}

/// Parts that lie within their closing.
fn ran_parts() -> Vec<PartRecord> {
    Sample::v1().closing(&ran()).parts
}

#[test]
fn what_was_held_tells_by_what_leave_it_ran_and_is_held_to_its_end() {
    let about_leave = |sample: &Sample| -> Vec<String> {
        let faults = sample.verify().faults;
        faults.into_iter().map(|fault| fault.detail).filter(|detail| detail.contains("leave")).collect()
    };
    let closed: Timestamp = Sample::v1().closing(&held()).closed.parse().unwrap();
    assert_eq!(about_leave(&held_and_run(END, |_, _| {})), [""; 0]);
    let told = |sample: &Sample, words: &str| {
        let told = about_leave(sample);
        assert!(told.iter().any(|detail| detail.contains(words)), "{words}: {told:?}");
    };
    told(&held_and_run(END, |_, access| access.clear()), "does not tell of");
    told(&held_and_run(END, |_, access| access[0].digest = opening().digest), "is another one");
    told(&held_and_run(END, |_, access| access[0].to = "DEMO.HR.*".to_owned()), "granted otherwise");
    // Over when its approval was spent, and when its rows were released.
    let spent = moment(&opening(), 4);
    told(&held_and_run(&spent.to_string(), |_, _| {}), "had ended");
    told(&held_and_run(&closed.to_string(), |_, _| {}), "after the leave to read them had ended");
    let later = Timestamp::from_micros(closed.as_micros().max(spent.as_micros()) + 1);
    assert_eq!(about_leave(&held_and_run(&later.to_string(), |_, _| {})), [""; 0]);
    // What led to nothing may be over.
    assert_eq!(about_leave(&held_and_run(&spent.to_string(), |rules, _| rules.clear())), [""; 0]);
    // Nobody is lent what others were granted.
    let mut lent = held_and_run(END, |_, _| {});
    lent.forge_opening(&asking(), |opening| opening.principal.subject = "somebody-else".to_owned());
    assert!(!lent.verify().faults.is_empty());
}
