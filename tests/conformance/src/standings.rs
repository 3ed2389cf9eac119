//! The checks of `Standings`.

use bytes::Bytes;
use domain::PrincipalKey;
use gateway::ports::Written;
use recording::RecordKey;

use super::{Two, session, unique};

fn key() -> RecordKey {
    RecordKey::new("2026-11-26", format!("{}/1", session()).parse().unwrap())
}

fn principal() -> PrincipalKey {
    PrincipalKey::from_stored(format!("principal-{}", unique()))
}

pub async fn a_standing_approval_is_found_by_its_principal_and_no_other(two: &Two) {
    let standings = &two.first.standings;
    let (ana, ben, key) = (principal(), principal(), key());
    assert!(standings.made(Some(&ana)).await.unwrap().is_empty());
    standings.note(&ana, &key).await.unwrap();
    // Whoever does not know whether it was noted does it again.
    standings.note(&ana, &key).await.unwrap();
    assert_eq!(two.second.standings.made(Some(&ana)).await.unwrap(), std::slice::from_ref(&key));
    assert!(standings.made(Some(&ben)).await.unwrap().is_empty());
    assert!(standings.made(None).await.unwrap().contains(&key));
}

pub async fn a_use_of_a_standing_approval_is_taken_once(two: &Two) {
    let (standings, key) = (&two.first.standings, key());
    assert!(standings.standing_step(&key, 0).await.unwrap().is_none());
    let one = standings.take(&key, 0, Bytes::from_static(b"one"));
    let other = two.second.standings.take(&key, 0, Bytes::from_static(b"other"));
    let (one, other) = tokio::join!(one, other);
    let kept = [one.unwrap(), other.unwrap()].into_iter().filter(|w| matches!(w, Written::Kept(_))).count();
    assert_eq!(kept, 1, "one conditional write");
    let stored = standings.standing_step(&key, 0).await.unwrap().unwrap();
    assert!(stored == "one" || stored == "other");
    // Equal bytes are another's all the same.
    assert!(matches!(standings.take(&key, 0, stored).await.unwrap(), Written::Taken));
    assert!(standings.standing_step(&key, 1).await.unwrap().is_none());
}
