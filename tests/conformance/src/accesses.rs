//! The checks of `Accesses`.

use std::time::Duration;

use domain::{ApprovalId, PrincipalKey, Timestamp};
use gateway::ports::AccessNote;
use recording::RecordKey;

use super::{NOON, Two, session, unique};

fn key() -> RecordKey {
    RecordKey::new("2026-11-26", format!("{}/1", session()).parse().unwrap())
}

fn principal() -> PrincipalKey {
    PrincipalKey::from_stored(format!("principal-{}/../x", unique()))
}

fn note(principal: &PrincipalKey, key: &RecordKey, until: Timestamp) -> AccessNote {
    let approval = ApprovalId::from_u128(session().as_u128());
    AccessNote { principal: principal.clone(), approval, key: key.clone(), until }
}

pub async fn access_is_found_by_its_principal_and_no_other(two: &Two) {
    let accesses = &two.first.accesses;
    let (ana, ben, key) = (principal(), principal(), key());
    assert!(accesses.granted(Some(&ana), NOON).await.unwrap().is_empty());
    let until = NOON.after(Duration::from_secs(60));
    let noted = note(&ana, &key, until);
    accesses.note(&noted, NOON).await.unwrap();
    // Whoever does not know whether it was noted does it again.
    accesses.note(&noted, NOON).await.unwrap();
    assert_eq!(two.second.accesses.granted(Some(&ana), NOON).await.unwrap(), std::slice::from_ref(&key));
    assert!(accesses.granted(Some(&ben), NOON).await.unwrap().is_empty());
    assert!(accesses.granted(None, NOON).await.unwrap().contains(&key));
}

pub async fn access_is_found_until_its_end_and_then_tidied_away(two: &Two) {
    let (accesses, ana) = (&two.first.accesses, principal());
    let later = |seconds| NOON.after(Duration::from_secs(seconds));
    let (first, second) = (key(), key());
    accesses.note(&note(&ana, &first, later(60)), NOON).await.unwrap();
    accesses.note(&note(&ana, &second, later(600)), NOON).await.unwrap();
    assert_eq!(accesses.granted(Some(&ana), later(59)).await.unwrap().len(), 2);
    let left = two.second.accesses.granted(Some(&ana), later(60)).await.unwrap();
    assert_eq!(left, std::slice::from_ref(&second), "its end is none of it");
    let third = key();
    accesses.note(&note(&ana, &third, later(900)), later(60)).await.unwrap();
    // Turning the clock back does not bring back what was tidied away.
    assert_eq!(accesses.granted(Some(&ana), NOON).await.unwrap().len(), 2);
    assert!(accesses.granted(Some(&ana), later(900)).await.unwrap().is_empty());
}

pub async fn access_is_found_by_the_approval_that_granted_it(two: &Two) {
    let (accesses, until) = (&two.first.accesses, NOON.after(Duration::from_secs(60)));
    let (first, second) = (note(&principal(), &key(), until), note(&principal(), &key(), until));
    for noted in [&first, &second] {
        assert_eq!(accesses.granted_by(noted.approval, NOON).await.unwrap(), None);
        accesses.note(noted, NOON).await.unwrap();
    }
    for noted in [&first, &second] {
        let found = two.second.accesses.granted_by(noted.approval, NOON).await.unwrap();
        assert_eq!(found.as_ref(), Some(&noted.key));
        assert_eq!(accesses.granted_by(noted.approval, until).await.unwrap(), None, "its end is none of it");
    }
}

pub async fn access_that_was_taken_back_is_found_no_more_and_takes_no_other_with_it(two: &Two) {
    let (accesses, until) = (&two.first.accesses, NOON.after(Duration::from_secs(60)));
    let ana = principal();
    let (gone, stays) = (note(&ana, &key(), until), note(&ana, &key(), until));
    accesses.take_back(&gone).await.unwrap();
    for noted in [&gone, &stays] {
        accesses.note(noted, NOON).await.unwrap();
    }
    accesses.take_back(&gone).await.unwrap();
    two.second.accesses.take_back(&gone).await.unwrap();
    let other = &two.second.accesses;
    assert_eq!(other.granted(Some(&ana), NOON).await.unwrap(), std::slice::from_ref(&stays.key));
    assert_eq!(other.granted_by(gone.approval, NOON).await.unwrap(), None);
    let all = other.granted(None, NOON).await.unwrap();
    assert!(all.contains(&stays.key) && !all.contains(&gone.key));
}
