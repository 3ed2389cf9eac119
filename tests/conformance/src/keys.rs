//! Secrets.

use tokio::task::JoinSet;

use super::{Two, session};

/// A session has one key, whoever asks first; no two sessions and no two purposes share one.
pub async fn a_session_has_one_key_in_every_process(two: &Two) {
    let id = session();
    let mut tasks = JoinSet::new();
    for at in 0..20 {
        let store = if at % 2 == 0 { two.first.clone() } else { two.second.clone() };
        tasks.spawn(async move {
            let keys = store.keys.session(id).await.unwrap();
            (keys.seal, keys.tokens)
        });
    }
    let keys = tasks.join_all().await;
    assert!(keys.windows(2).all(|pair| pair[0] == pair[1]));
    let other = two.first.keys.session(session()).await.unwrap();
    let digest = two.first.keys.digest().await.unwrap();
    assert_eq!(two.second.keys.digest().await.unwrap(), digest);
    let (seal, tokens) = keys[0];
    let all = [seal, tokens, other.seal, other.tokens, digest];
    assert!(all.iter().enumerate().all(|(at, key)| !all[..at].contains(key)));
}
