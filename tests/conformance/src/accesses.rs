//! The checks of `Accesses`.

use std::time::Duration;

use domain::PrincipalKey;
use recording::RecordKey;

use super::{NOON, Two, session, unique};

fn key() -> RecordKey {
    RecordKey::new("2026-11-26", format!("{}/1", session()).parse().unwrap())
}

fn principal() -> PrincipalKey {
    PrincipalKey::from_stored(format!("principal-{}/../x", unique()))
}

pub async fn access_is_found_by_its_principal_and_no_other(two: &Two) {
    let accesses = &two.first.accesses;
    let (ana, ben, key) = (principal(), principal(), key());
    assert!(accesses.granted(Some(&ana), NOON).await.unwrap().is_empty());
    let until = NOON.after(Duration::from_secs(60));
    accesses.note(&ana, &key, until, NOON).await.unwrap();
    // Whoever does not know whether it was noted does it again.
    accesses.note(&ana, &key, until, NOON).await.unwrap();
    assert_eq!(two.second.accesses.granted(Some(&ana), NOON).await.unwrap(), std::slice::from_ref(&key));
    assert!(accesses.granted(Some(&ben), NOON).await.unwrap().is_empty());
    assert!(accesses.granted(None, NOON).await.unwrap().contains(&key));
}

pub async fn access_is_found_until_its_end_and_then_tidied_away(two: &Two) {
    let (accesses, ana) = (&two.first.accesses, principal());
    let later = |seconds| NOON.after(Duration::from_secs(seconds));
    let (first, second) = (key(), key());
    accesses.note(&ana, &first, later(60), NOON).await.unwrap();
    accesses.note(&ana, &second, later(600), NOON).await.unwrap();
    assert_eq!(accesses.granted(Some(&ana), later(59)).await.unwrap().len(), 2);
    let left = two.second.accesses.granted(Some(&ana), later(60)).await.unwrap();
    assert_eq!(left, std::slice::from_ref(&second), "its end is none of it");
    let third = key();
    accesses.note(&ana, &third, later(900), later(60)).await.unwrap();
    // Turning the clock back does not bring back what was tidied away.
    assert_eq!(accesses.granted(Some(&ana), NOON).await.unwrap().len(), 2);
    assert!(accesses.granted(Some(&ana), later(900)).await.unwrap().is_empty());
}
