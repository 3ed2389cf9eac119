//! The checks of `Standings`: found by whose it is and by what made it, each number taken once.

use bytes::Bytes;
use domain::{ApprovalId, PrincipalKey};
use gateway::ports::Written;
use recording::RecordKey;
use tokio::task::JoinSet;

use super::{Two, session, unique};

fn key() -> RecordKey {
    RecordKey::new("2026-11-26", format!("{}/1", session()).parse().unwrap())
}

fn principal() -> PrincipalKey {
    PrincipalKey::from_stored(format!("principal-{}", unique()))
}

fn id() -> ApprovalId {
    ApprovalId::from_u128(u128::from(unique()) << 64 | 4)
}

pub async fn a_standing_approval_is_found_by_its_principal_and_no_other(two: &Two) {
    let standings = &two.first.standings;
    let (ana, ben, key, id) = (principal(), principal(), key(), id());
    assert!(standings.made(Some(&ana)).await.unwrap().is_empty());
    standings.note(&ana, id, &key).await.unwrap();
    // Whoever does not know whether it was noted does it again.
    two.second.standings.note(&ana, id, &key).await.unwrap();
    assert_eq!(two.second.standings.made(Some(&ana)).await.unwrap(), std::slice::from_ref(&key));
    assert!(standings.made(Some(&ben)).await.unwrap().is_empty());
    let longer = PrincipalKey::from_stored(format!("{}#", ana.as_str()));
    assert!(standings.made(Some(&longer)).await.unwrap().is_empty());
    assert!(standings.made(None).await.unwrap().contains(&key));
}

pub async fn a_standing_approval_is_found_by_what_made_it(two: &Two) {
    let (ana, own, other) = (principal(), id(), id());
    let (one, two_) = (key(), key());
    two.first.standings.note(&ana, own, &one).await.unwrap();
    two.first.standings.note(&ana, other, &two_).await.unwrap();
    assert_eq!(two.second.standings.made_by(own).await.unwrap(), Some(one));
    assert_eq!(two.second.standings.made_by(other).await.unwrap(), Some(two_));
    assert_eq!(two.second.standings.made_by(ApprovalId::from_u128(own.as_u128() ^ 1)).await.unwrap(), None);
}

/// Many of one principal are all found.
pub async fn however_many_there_are_each_is_found_once(two: &Two) {
    let ana = principal();
    let mut keys: Vec<RecordKey> = (0..150).map(|_| key()).collect();
    for key in &keys {
        two.first.standings.note(&ana, id(), key).await.unwrap();
    }
    let mut found = two.second.standings.made(Some(&ana)).await.unwrap();
    found.sort_unstable();
    keys.sort_unstable();
    assert_eq!(found, keys);
}

/// Of many who take one number, in two processes, exactly one is told that it is theirs, and it is.
pub async fn a_use_of_a_standing_approval_is_taken_once(two: &Two) {
    let key = key();
    for step in 0..3 {
        assert!(two.second.standings.standing_step(&key, step).await.unwrap().is_none());
        let mut tasks = JoinSet::new();
        for at in 0..20_u8 {
            let store = if at % 2 == 0 { two.first.clone() } else { two.second.clone() };
            let key = key.clone();
            tasks.spawn(async move {
                let written = store.standings.take(&key, step, Bytes::from(vec![at; 1000])).await.unwrap();
                matches!(written, Written::Kept(_)).then_some(at)
            });
        }
        let kept: Vec<u8> = tasks.join_all().await.into_iter().flatten().collect();
        let [kept] = kept.as_slice() else { panic!("step {step}: {kept:?}") };
        let stored = two.first.standings.standing_step(&key, step).await.unwrap().unwrap();
        assert_eq!(stored, vec![*kept; 1000]);
        // Equal bytes are another's all the same.
        assert!(matches!(two.second.standings.take(&key, step, stored).await.unwrap(), Written::Taken));
    }
}

/// The steps of a standing approval are none of the approval that made it, which lie beside the same opening.
pub async fn its_steps_are_not_those_of_the_approval_that_made_it(two: &Two) {
    let key = key();
    let store = &two.first;
    store.standings.take(&key, 0, Bytes::from_static(b"made")).await.unwrap();
    assert_eq!(store.approvals.step(&key, 0).await.unwrap(), None);
    let settled = store.approvals.settle(&key, 0, Bytes::from_static(b"asked")).await.unwrap();
    assert!(matches!(settled, Written::Kept(_)));
    assert_eq!(two.second.standings.standing_step(&key, 0).await.unwrap().unwrap(), "made");
    assert_eq!(two.second.approvals.step(&key, 0).await.unwrap().unwrap(), "asked");
}
