//! A reviewer signs in by a program on their own machine, without a link: held to the rules of the page.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use domain::{Agent, ApprovalState, Unmoved, Verdict};
use gateway::ports::{NotAccepted, ReviewerIssuer, RevokedWhat};
use gateway::{
    CameBack, Fault, LoopbackSignIn, NotSignedIn, Origin, Reception, ReviewError, Roster, SIGN_IN_LIFE,
    SignedIn,
};
use local::RandomIds;
use recording::StepRecord;

use crate::held::{steps, words, work};
use crate::house::in_time;
use crate::pages_door::{HOST, people};
use crate::pages_sign_in::{ISSUER, SignsIn, signs_in};

const BACK: &str = "http://127.0.0.1:41234/callback";

pub fn reception(at: &SignsIn, roster: Roster) -> Reception {
    *at.issuer.back.lock().unwrap() = BACK.to_owned();
    let issuer: Arc<dyn ReviewerIssuer> = at.issuer.clone();
    Reception::new(at.house.review(), Arc::new(roster), Some(issuer), Arc::new(RandomIds))
}

pub fn roster() -> Roster {
    Roster::new(HOST, ISSUER, people())
}

async fn begin(at: &SignsIn, reception: &Reception) -> (LoopbackSignIn, CameBack) {
    let sign_in = in_time(reception.sign_in_by_loopback(BACK)).await.unwrap();
    let state = at.issuer.begun.lock().unwrap().last().unwrap().0.clone();
    assert!(sign_in.url().contains(&state) && sign_in.is_answered_by(&state) && !sign_in.is_answered_by(""));
    (sign_in, CameBack { state, code: Some("code".to_owned()), issuer: None })
}

pub async fn sign_in(at: &SignsIn, reception: &Reception) -> Result<SignedIn, NotSignedIn> {
    let (sign_in, came) = begin(at, reception).await;
    in_time(reception.signed_in_by_loopback(at.id, &sign_in, &came)).await
}

#[tokio::test]
async fn whoever_is_asked_and_in_a_group_that_decides_now_decides() {
    let at = signs_in().await;
    at.says_of_rosa(|who| who.groups.extend((0..1000).map(|n| format!("some-group-of-the-company-{n}"))));
    let reception = reception(&at, roster());
    let by = sign_in(&at, &reception).await.unwrap();
    assert_eq!(by.name(), "rosa@acme.example");
    let state = in_time(at.house.review().decide(at.id, &by, Verdict::Approve, None)).await.unwrap();
    assert_eq!(state, ApprovalState::Granted);
    work(&at.house, &at.gateway).await;
    assert_eq!(words(&at.house), ["asked", "told", "decided", "spent"]);
    let by = steps(&at.house).into_iter().find_map(|step| match step.what {
        StepRecord::Decided { by, .. } => Some(by),
        _ => None,
    });
    let by = by.unwrap();
    assert_eq!((by.issuer.as_str(), by.subject.as_str(), by.sign_in.as_str()), (ISSUER, "00u1", "oidc"));
    assert!(by.groups == ["data-reviewers"] && by.signed_in.is_some(), "of many groups those that decide");
    at.house.verifies();
}

#[tokio::test]
async fn whoever_may_not_decide_it_is_told_so_and_decides_nothing() {
    type Change = fn(&mut gateway::ports::ProvenReviewer);
    let changes: [(Change, &str); 8] = [
        (|who| who.email = None, "not among those who are asked"),
        (|who| who.email = Some("eve@acme.example".to_owned()), "not among those who are asked"),
        (
            |who| who.email = Some("rosa@acme.example.evil.example".to_owned()),
            "not among those who are asked",
        ),
        (|who| who.groups = BTreeSet::from(["everybody".to_owned()]), "in none of the groups"),
        (|who| who.groups = BTreeSet::new(), "in none of the groups"),
        (|who| who.agent = Some(Agent::new("claude-finance")), "a program cannot decide"),
        (|who| who.subject = "ana".to_owned(), "asked by them or for them"),
        (|who| who.aliases.extend(["Ana@acme.example".to_owned()]), "asked by them or for them"),
    ];
    for (change, expected) in changes {
        let at = signs_in().await;
        at.says_of_rosa(change);
        let error = sign_in(&at, &reception(&at, roster())).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error} instead of {expected}");
        assert_eq!(words(&at.house), ["asked", "told"]);
    }
    // Off the roster, or revoked, whatever the issuer says.
    let at = signs_in().await;
    let fewer = Roster::new(HOST, ISSUER, vec![people().remove(1)]);
    assert!(matches!(sign_in(&at, &reception(&at, fewer)).await, Err(NotSignedIn::Stranger)));
    at.house.open_home().revoke(RevokedWhat::Person, "rosa@acme.example").unwrap();
    let error = sign_in(&at, &reception(&at, roster())).await.unwrap_err();
    assert!(matches!(error, NotSignedIn::Review(ReviewError::Unmoved(Unmoved::NotAReviewer))), "{error}");
}

#[tokio::test]
async fn what_comes_back_otherwise_than_it_began_proves_nobody() {
    let at = signs_in().await;
    let reception = reception(&at, roster());
    let others = begin(&at, &reception).await.1;
    type Change = fn(CameBack) -> CameBack;
    let changes: [(Change, &str); 4] = [
        (|came| CameBack { state: String::new(), ..came }, "(state)"),
        (|came| CameBack { issuer: Some("https://evil.example".to_owned()), ..came }, "(issuer)"),
        (|came| CameBack { code: None, ..came }, "given up"),
        (|came| CameBack { issuer: Some(ISSUER.to_owned()), code: None, ..came }, "given up"),
    ];
    for (change, expected) in changes {
        let (sign_in, came) = begin(&at, &reception).await;
        let error =
            in_time(reception.signed_in_by_loopback(at.id, &sign_in, &change(came))).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error} instead of {expected}");
    }
    // Another sign-in's answer, and one that took too long.
    let (sign_in, came) = begin(&at, &reception).await;
    assert!(in_time(reception.signed_in_by_loopback(at.id, &sign_in, &others)).await.is_err());
    at.house.time.turn(SIGN_IN_LIFE);
    let late = in_time(reception.signed_in_by_loopback(at.id, &sign_in, &came)).await.unwrap_err();
    assert!(late.to_string().contains("(expired)"), "{late}");
    // A token that proves nobody, and an issuer that does not answer.
    for reason in ["nonce", "audience", "stale", "signature", "code"] {
        at.says(move || Err(NotAccepted::Rejected { reason }));
        let error = self::sign_in(&at, &reception).await.unwrap_err();
        assert!(error.to_string().contains(&format!("({reason})")), "{error}");
    }
    at.says(|| Err(NotAccepted::Unavailable(Fault::passing(Origin::Identities, "it does not answer"))));
    let error = self::sign_in(&at, &reception).await.unwrap_err();
    assert!(matches!(error, NotSignedIn::Review(ReviewError::Fault(_))), "{error}");
    *at.issuer.is_down.lock().unwrap() = true;
    assert!(matches!(in_time(reception.sign_in_by_loopback(BACK)).await, Err(ReviewError::Fault(_))));
    let nowhere = Reception::new(at.house.review(), Arc::new(roster()), None, Arc::new(RandomIds));
    assert!(matches!(in_time(nowhere.sign_in_by_loopback(BACK)).await, Err(ReviewError::SignIn)));
    assert_eq!(words(&at.house), ["asked", "told"]);
}

#[tokio::test]
async fn a_proof_that_was_good_for_one_who_asked_decides_only_while_it_waits() {
    let at = signs_in().await;
    let by = sign_in(&at, &reception(&at, roster())).await.unwrap();
    at.house.time.turn(Duration::from_secs(31 * 60));
    let late = in_time(at.house.review().decide(at.id, &by, Verdict::Approve, None)).await;
    assert!(matches!(late, Err(ReviewError::Unmoved(Unmoved::Lapsed))), "{late:?}");
    work(&at.house, &at.gateway).await;
    assert_eq!(words(&at.house).last(), Some(&"expired"));
}
