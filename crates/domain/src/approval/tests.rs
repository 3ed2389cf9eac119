use proptest::prelude::*;

use super::*;
use crate::identity::{Agent, Person};

const DUE: i64 = 1_000_000_000;

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

fn terms(needed: u32) -> Terms {
    Terms {
        requester: Requester {
            issuer: "https://issuer.example".into(),
            subject: "ana".into(),
            agent: Agent::new("claude-finance"),
            person: Some(Person::new("ana@acme.example")),
            marks: ["mark of ana@acme.example".to_owned()].into(),
        },
        reviewers: ["data-reviewers".to_owned(), "stewards".to_owned()].into(),
        needed: NonZeroU32::new(needed).unwrap(),
        expires: at(DUE),
    }
}

fn reviewer(subject: &str) -> Reviewer {
    Reviewer {
        key: ReviewerKey { issuer: "https://people.example".into(), subject: subject.into() },
        person: Some(Person::new(format!("{subject}@acme.example"))),
        aliases: BTreeSet::new(),
        marks: BTreeSet::new(),
        groups: ["data-reviewers".to_owned()].into(),
        agent: None,
    }
}

fn decided(by: Reviewer, verdict: Verdict) -> ApprovalEvent {
    ApprovalEvent::Decided { link: by.key.clone(), by, verdict }
}

fn approve(subject: &str) -> ApprovalEvent {
    decided(reviewer(subject), Verdict::Approve)
}

fn deny(subject: &str) -> ApprovalEvent {
    decided(reviewer(subject), Verdict::Deny)
}

/// An approval of one person's in that state.
fn standing(state: ApprovalState) -> Approval {
    let waiting = Approval::new(terms(1));
    let granted = || waiting.next(&approve("rosa"), at(1)).unwrap();
    let standing = match state {
        ApprovalState::Waiting => waiting,
        ApprovalState::Granted => granted(),
        ApprovalState::Denied => waiting.next(&deny("rosa"), at(1)).unwrap(),
        ApprovalState::Expired => waiting.next(&ApprovalEvent::Lapsed, at(DUE)).unwrap(),
        ApprovalState::Withdrawn => waiting.next(&ApprovalEvent::Withdrawn, at(1)).unwrap(),
        ApprovalState::Spent => granted().next(&ApprovalEvent::Spent, at(2)).unwrap(),
    };
    assert_eq!(standing.state(), state);
    standing
}

#[test]
fn every_state_answers_every_event() {
    use ApprovalState::{Denied, Expired, Granted, Spent, Waiting, Withdrawn};
    const SOON: i64 = 2;
    const LATE: i64 = DUE + 15 * 60 * 1_000_000;
    let events = [
        ("approve", approve("sam"), SOON),
        ("deny", deny("sam"), SOON),
        ("lapse", ApprovalEvent::Lapsed, SOON),
        ("withdraw", ApprovalEvent::Withdrawn, SOON),
        ("overrule", ApprovalEvent::Overruled, SOON),
        ("spend", ApprovalEvent::Spent, SOON),
        ("approve late", approve("sam"), LATE),
        ("deny late", deny("sam"), LATE),
        ("lapse late", ApprovalEvent::Lapsed, LATE),
        ("withdraw late", ApprovalEvent::Withdrawn, LATE),
        ("overrule late", ApprovalEvent::Overruled, LATE),
        ("spend late", ApprovalEvent::Spent, LATE),
    ];
    let expected = |state: ApprovalState, event: &str| match (state, event) {
        (Waiting, "approve") => Ok(Granted),
        (Waiting, "deny") => Ok(Denied),
        (Waiting, "spend") => Err(Unmoved::NotGranted),
        (Granted, "approve") => Err(Unmoved::Granted),
        (Granted, "deny") => Ok(Denied),
        (Granted, "spend") => Ok(Spent),
        (Waiting | Granted, "lapse") => Err(Unmoved::NotLapsed),
        (Waiting | Granted, "withdraw" | "withdraw late") => Ok(Withdrawn),
        (Waiting | Granted, "overrule" | "overrule late") => Ok(Denied),
        (Waiting | Granted, "lapse late") => Ok(Expired),
        (Waiting | Granted, "approve late" | "deny late" | "spend late") => Err(Unmoved::Lapsed),
        (Denied | Expired | Withdrawn | Spent, _) => Err(Unmoved::Ended(state)),
        (Waiting | Granted, other) => panic!("{other} is in no row"),
    };
    for state in ApprovalState::ALL {
        for (name, event, moment) in &events {
            let next = standing(state).next(event, at(*moment)).map(|next| next.state());
            assert_eq!(next, expected(state, name), "{state:?}, {name}");
        }
    }
}

#[track_caller]
fn is_unmoved(by: Reviewer, why: Unmoved) {
    for verdict in [Verdict::Approve, Verdict::Deny] {
        let next = Approval::new(terms(1)).next(&decided(by.clone(), verdict), at(1));
        assert_eq!(next.unwrap_err(), why);
    }
}

#[test]
fn who_asked_or_was_asked_for_never_decides_however_they_sign_in() {
    is_unmoved(reviewer("ana"), Unmoved::OwnRequest);
    for mail in [
        "ana@acme.example",
        "Ana@ACME.example",
        " ana@acme.example ",
        "ana\u{200b}@acme.example",
        "\u{feff}ana@acme.example\u{202c}",
        "a\u{ad}na@acme.example",
        "\u{ff41}na@acme.example",
        "\u{1d41a}na\u{ff20}acme.example",
    ] {
        is_unmoved(Reviewer { person: Some(Person::new(mail)), ..reviewer("00u1") }, Unmoved::OwnRequest);
        is_unmoved(Reviewer { person: None, ..reviewer(mail) }, Unmoved::OwnRequest);
    }
    is_unmoved(Reviewer { person: None, ..reviewer("claude-finance") }, Unmoved::OwnRequest);
    // An address that nobody has verified is enough to say no.
    let aliases = BTreeSet::from(["ANA@acme.example".to_owned()]);
    is_unmoved(Reviewer { person: None, aliases, ..reviewer("00u1") }, Unmoved::OwnRequest);
    // And so is one of which a record tells by its mark alone, also where it was said beforehand.
    let marks = BTreeSet::from(["mark of ana@acme.example".to_owned()]);
    let by_mark = Reviewer { person: None, marks, ..reviewer("00u1") };
    is_unmoved(by_mark.clone(), Unmoved::OwnRequest);
    let issued = ApprovalEvent::Issued { by: vec![by_mark] };
    assert_eq!(Approval::new(terms(1)).next(&issued, at(1)).unwrap_err(), Unmoved::OwnRequest);
}

#[test]
fn a_program_never_decides() {
    let agent = Some(Agent::new("claude-finance"));
    is_unmoved(Reviewer { agent, ..reviewer("rosa") }, Unmoved::NotAPerson);
}

#[test]
fn only_who_is_in_a_reviewing_group_now_decides() {
    is_unmoved(
        Reviewer { groups: ["analysts".to_owned()].into(), ..reviewer("rosa") },
        Unmoved::NotAReviewer,
    );
    is_unmoved(Reviewer { groups: BTreeSet::new(), ..reviewer("rosa") }, Unmoved::NotAReviewer);
    let second = Reviewer { groups: ["stewards".to_owned()].into(), ..reviewer("rosa") };
    assert!(Approval::new(terms(1)).next(&decided(second, Verdict::Approve), at(1)).is_ok());
}

#[test]
fn a_link_is_its_reviewers_alone() {
    for other in [reviewer("sam").key, ReviewerKey { issuer: "elsewhere".into(), ..reviewer("rosa").key }] {
        let event = ApprovalEvent::Decided { by: reviewer("rosa"), link: other, verdict: Verdict::Approve };
        assert_eq!(Approval::new(terms(1)).next(&event, at(1)).unwrap_err(), Unmoved::OthersLink);
    }
}

#[test]
fn so_many_distinct_people_must_approve_and_one_may_deny() {
    let one = Approval::new(terms(2)).next(&approve("rosa"), at(1)).unwrap();
    assert_eq!(one.state(), ApprovalState::Waiting);
    // Whatever group, issuer or spelling brings the same person back.
    let again = [
        reviewer("rosa"),
        Reviewer { groups: ["stewards".to_owned()].into(), ..reviewer("rosa") },
        Reviewer { person: Some(Person::new("ROSA@acme.example")), ..reviewer("00u2") },
        Reviewer { person: None, ..reviewer("rosa@acme.example") },
        // The same letters, written in other ways.
        Reviewer { person: Some(Person::new("ro\u{200d}sa@acme.example")), ..reviewer("00u3") },
        Reviewer { person: Some(Person::new("\u{ff32}osa@acme.example")), ..reviewer("00u4") },
        Reviewer { person: None, ..reviewer("\u{2060}rosa") },
    ];
    for by in again {
        assert_eq!(one.next(&decided(by, Verdict::Approve), at(2)).unwrap_err(), Unmoved::SamePerson);
    }
    // By another account, whose names nobody has proven and a record tells by their marks alone.
    let marks = BTreeSet::from(["mark of rosa@acme.example".to_owned()]);
    let first = Reviewer { person: None, marks: marks.clone(), ..reviewer("00u5") };
    let first = Approval::new(terms(2)).next(&decided(first, Verdict::Approve), at(1)).unwrap();
    let second = Reviewer { person: None, marks, ..reviewer("00u6") };
    assert_eq!(first.next(&decided(second, Verdict::Approve), at(2)).unwrap_err(), Unmoved::SamePerson);
    assert_eq!(one.next(&deny("rosa"), at(2)).unwrap().state(), ApprovalState::Denied);
    let both = one.next(&approve("sam"), at(2)).unwrap();
    assert_eq!((both.state(), both.granted_by().len()), (ApprovalState::Granted, 2));
}

#[test]
fn a_yes_is_taken_back_by_whoever_may_decide_until_it_is_spent() {
    let granted = standing(ApprovalState::Granted);
    for who in ["rosa", "sam"] {
        let denied = granted.next(&deny(who), at(2)).unwrap();
        assert_eq!(denied.state(), ApprovalState::Denied);
        let late = denied.next(&ApprovalEvent::Spent, at(3)).unwrap_err();
        assert_eq!(late, Unmoved::Ended(ApprovalState::Denied));
    }
    let outsider = Reviewer { groups: BTreeSet::new(), ..reviewer("tom") };
    let program = Reviewer { agent: Some(Agent::new("claude-finance")), ..reviewer("rosa") };
    for (by, why) in [
        (reviewer("ana"), Unmoved::OwnRequest),
        (outsider, Unmoved::NotAReviewer),
        (program, Unmoved::NotAPerson),
    ] {
        assert_eq!(granted.next(&decided(by, Verdict::Deny), at(2)).unwrap_err(), why);
    }
    let spent = granted.next(&ApprovalEvent::Spent, at(2)).unwrap();
    let late = spent.next(&deny("rosa"), at(3)).unwrap_err();
    assert_eq!(late, Unmoved::Ended(ApprovalState::Spent));
}

#[test]
fn a_reviewer_is_called_by_every_name_in_every_spelling() {
    let aliases = BTreeSet::from(["Rosa\u{200b}@Tenant.example".to_owned()]);
    let rosa = Reviewer { aliases, ..reviewer("00u1") };
    assert!(rosa.folded_names().iter().eq(["00u1", "00u1@acme.example", "rosa@tenant.example"]));
    for name in ["00U1", "ROSA@tenant.example", "\u{ff10}0u1@acme.example "] {
        assert!(rosa.is_called(name), "{name}");
    }
    assert!(!rosa.is_called("rosa") && !rosa.is_called(""));
}

#[test]
fn a_grant_that_nobody_spends_lapses() {
    let granted = Approval::new(terms(1)).next(&approve("rosa"), at(DUE - 1)).unwrap();
    assert_eq!(granted.lapses(), at(DUE - 1).after(GRANT_LIFE));
    assert_eq!(granted.next(&ApprovalEvent::Spent, at(DUE + 1)).unwrap().state(), ApprovalState::Spent);
    assert_eq!(granted.next(&ApprovalEvent::Spent, granted.lapses()).unwrap_err(), Unmoved::Lapsed);
}

fn any_event() -> impl Strategy<Value = (ApprovalEvent, i64)> {
    let people = prop::sample::select(vec!["rosa", "sam", "tom", "ana"]);
    let verdict = prop::sample::select(vec![Verdict::Approve, Verdict::Deny]);
    let event = prop_oneof![
        4 => (people, verdict).prop_map(|(who, verdict)| decided(reviewer(who), verdict)),
        1 => Just(ApprovalEvent::Lapsed),
        1 => Just(ApprovalEvent::Withdrawn),
        1 => Just(ApprovalEvent::Overruled),
        2 => Just(ApprovalEvent::Spent),
    ];
    (event, 0..DUE.saturating_mul(3))
}

proptest! {
    #[test]
    fn whatever_happens_in_whatever_order_there_is_one_end_and_nothing_leaves_it(
        needed in 1_u32..4,
        events in prop::collection::vec(any_event(), 0..24),
    ) {
        let mut approval = Approval::new(terms(needed));
        let mut ends = 0;
        for (event, moment) in &events {
            let before = approval.clone();
            match before.next(event, at(*moment)) {
                Ok(next) => {
                    prop_assert!(!before.state().is_final(), "{:?} was left", before.state());
                    ends += usize::from(next.state().is_final());
                    approval = next;
                }
                Err(Unmoved::Ended(state)) => prop_assert_eq!(state, before.state()),
                Err(_) => prop_assert!(!before.state().is_final()),
            }
            if matches!(approval.state(), ApprovalState::Granted | ApprovalState::Spent) {
                prop_assert_eq!(approval.granted_by().len(), usize::try_from(needed).unwrap());
            }
        }
        // Time ends whatever nothing else has ended.
        if !approval.state().is_final() {
            approval = approval.next(&ApprovalEvent::Lapsed, at(i64::MAX)).unwrap();
            ends += 1;
        }
        prop_assert_eq!(ends, 1);
        prop_assert!(approval.state().is_final());
    }

    #[test]
    fn nothing_is_spent_without_so_many_distinct_people_none_of_whom_asked(
        needed in 1_u32..4,
        events in prop::collection::vec(any_event(), 0..24),
    ) {
        let mut approval = Approval::new(terms(needed));
        for (event, moment) in &events {
            approval = approval.next(event, at(*moment)).unwrap_or(approval);
        }
        if approval.state() == ApprovalState::Spent {
            let people: BTreeSet<&str> =
                approval.granted_by().iter().map(|by| by.key.subject.as_str()).collect();
            prop_assert_eq!(people.len(), usize::try_from(needed).unwrap());
            prop_assert!(!people.contains("ana"));
        }
    }
}
