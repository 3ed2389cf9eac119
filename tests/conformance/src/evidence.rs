//! What waits for its statement, and statements that wait for evidence.

use bytes::Bytes;
use domain::{ChannelKind, ExchangeId, ExchangeNumber, SessionId, Timestamp};
use gateway::EVIDENCE_LIFE;
use gateway::ports::{Expecting, Keyed, Room, StoredSighting, Subject};
use recording::RecordKey;

use super::{NOON, Two, unique};

const MANY: Room = Room { sightings: 1000, bytes: 1 << 20 };

fn word() -> String {
    format!("word-{}", unique())
}

fn whose(subject: Option<&str>) -> Subject {
    let issuer = Some("https://issuer.example".to_owned());
    Subject { issuer, subject: subject.map(str::to_owned), agent: None }
}

fn asked_by(subject: &str) -> Subject {
    Subject { agent: Some("agent".to_owned()), ..whose(Some(subject)) }
}

fn by_tool_use(word: &str) -> Keyed {
    Keyed { tool_use: Some(word.to_owned()), ..Keyed::default() }
}

fn sighting(channel: &str, subject: Option<&str>, keyed: Keyed, at: Timestamp) -> StoredSighting {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&unique().to_be_bytes());
    StoredSighting {
        id,
        channel: channel.to_owned(),
        name: "hooks".to_owned(),
        kind: ChannelKind::Hooks,
        subject: whose(subject),
        keyed,
        prompt_id: None,
        at,
        object: Bytes::from_static(b"sealed"),
    }
}

fn expecting(subject: &str, keyed: Keyed) -> Expecting {
    let session = SessionId::from_u128(u128::from(unique()));
    let exchange = ExchangeId { session, number: ExchangeNumber::FIRST };
    Expecting { key: RecordKey::new("2026-11-23", exchange), subject: asked_by(subject), keyed, at: NOON }
}

/// Whichever comes first, the other finds it, in another process, too.
pub async fn evidence_and_statement_find_each_other(two: &Two) {
    let (tool_use, channel) = (word(), word());
    let early = sighting(&channel, Some("ana"), by_tool_use(&tool_use), NOON);
    assert_eq!(two.first.evidence.keep(vec![early.clone()], MANY).await.unwrap(), []);
    let found = two.second.evidence.about(&asked_by("ana"), &by_tool_use(&tool_use), NOON).await.unwrap();
    assert_eq!(found, std::slice::from_ref(&early));
    let waiting = expecting("ana", by_tool_use(&tool_use));
    let expected = two.second.evidence.expect(&waiting).await.unwrap();
    assert_eq!((expected.is_new, expected.is_full, expected.known), (true, false, vec![early.clone()]));
    let late = sighting(&channel, Some("ana"), by_tool_use(&tool_use), NOON);
    let kept = two.first.evidence.keep(vec![late.clone()], MANY).await.unwrap();
    assert_eq!(kept, std::slice::from_ref(&waiting));
    // Said again it is kept once, and joined again: whoever took it in before may have failed.
    assert_eq!(two.second.evidence.keep(vec![late, early], MANY).await.unwrap(), [waiting]);
    let found = two.second.evidence.about(&asked_by("ana"), &by_tool_use(&tool_use), NOON).await.unwrap();
    assert_eq!(found.len(), 2);
}

/// A tool use that is known joins the prompt that comes last, within its channel.
pub async fn a_prompt_is_found_by_its_id_within_its_channel(two: &Two) {
    let (tool_use, channel, prompt_id) = (word(), word(), Some(word()));
    let waiting = expecting("ana", by_tool_use(&tool_use));
    two.first.evidence.expect(&waiting).await.unwrap();
    let used = StoredSighting {
        prompt_id: prompt_id.clone(),
        ..sighting(&channel, Some("ana"), by_tool_use(&tool_use), NOON)
    };
    let found = two.first.evidence.keep(vec![used.clone()], MANY).await.unwrap();
    assert_eq!(found, std::slice::from_ref(&waiting));
    let of = |channel: &str| StoredSighting {
        prompt_id: prompt_id.clone(),
        ..sighting(channel, Some("ana"), Keyed::default(), NOON)
    };
    let (prompt, stranger) = (of(&channel), of(&word()));
    assert_eq!(two.second.evidence.keep(vec![stranger], MANY).await.unwrap(), []);
    assert_eq!(two.second.evidence.keep(vec![prompt.clone()], MANY).await.unwrap(), [waiting]);
    let found = two.first.evidence.about(&asked_by("ana"), &by_tool_use(&tool_use), NOON).await.unwrap();
    assert!(found.len() == 2 && found.contains(&used) && found.contains(&prompt), "{found:?}");
}

/// Invariant I11: another subject, issuer or agent is never answered.
pub async fn evidence_of_another_subject_looks_like_none(two: &Two) {
    let (tool_use, channel) = (word(), word());
    let waiting = expecting("ana", by_tool_use(&tool_use));
    two.first.evidence.expect(&waiting).await.unwrap();
    let other = |change: fn(&mut Subject)| {
        let mut sighting = sighting(&channel, Some("ana"), by_tool_use(&tool_use), NOON);
        change(&mut sighting.subject);
        sighting
    };
    let others = vec![
        other(|subject| subject.subject = Some("ben".to_owned())),
        other(|subject| subject.issuer = Some("https://other.example".to_owned())),
        other(|subject| subject.agent = Some("another".to_owned())),
    ];
    assert_eq!(two.first.evidence.keep(others, MANY).await.unwrap(), []);
    assert_eq!(two.second.evidence.about(&asked_by("ana"), &by_tool_use(&tool_use), NOON).await.unwrap(), []);
    // What may be anybody's is.
    let anybodys = sighting(&channel, None, by_tool_use(&tool_use), NOON);
    assert_eq!(two.first.evidence.keep(vec![anybodys.clone()], MANY).await.unwrap(), [waiting]);
    let found = two.second.evidence.about(&asked_by("ana"), &by_tool_use(&tool_use), NOON).await.unwrap();
    assert_eq!(found, [anybodys]);
}

/// A channel's oldest go when it says more than it may; no other channel's do.
pub async fn of_one_channel_no_more_than_so_many_stay(two: &Two) {
    let (tool_use, channel, quiet) = (word(), word(), word());
    let other = sighting(&quiet, Some("ana"), by_tool_use(&tool_use), NOON);
    let three = Room { sightings: 3, ..MANY };
    two.first.evidence.keep(vec![other.clone()], three).await.unwrap();
    let loud: Vec<StoredSighting> =
        (0..10).map(|_| sighting(&channel, Some("ana"), by_tool_use(&tool_use), NOON)).collect();
    two.first.evidence.keep(loud.clone(), three).await.unwrap();
    let found = two.second.evidence.about(&asked_by("ana"), &by_tool_use(&tool_use), NOON).await.unwrap();
    assert!(found.len() == 4 && found.contains(&other), "{found:?}");
    assert!(loud[7..].iter().all(|newest| found.contains(newest)), "{found:?}");
}

/// The same by their bytes.
pub async fn of_one_channel_no_more_than_so_many_bytes_stay(two: &Two) {
    let (tool_use, channel, quiet) = (word(), word(), word());
    let of = |channel: &str| StoredSighting {
        object: Bytes::from(vec![7; 1000]),
        ..sighting(channel, Some("ana"), by_tool_use(&tool_use), NOON)
    };
    let room = Room { bytes: 2500, ..MANY };
    let (other, loud) = (of(&quiet), [of(&channel), of(&channel), of(&channel), of(&channel)]);
    two.first.evidence.keep(vec![other.clone()], room).await.unwrap();
    two.first.evidence.keep(loud.to_vec(), room).await.unwrap();
    let found = two.second.evidence.about(&asked_by("ana"), &by_tool_use(&tool_use), NOON).await.unwrap();
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found.contains(&other) && loud[2..].iter().all(|newest| found.contains(newest)), "{found:?}");
}

/// However many tool uses one prompt has, the first of them finds it, and it finds many of them.
pub async fn a_prompt_that_comes_late_finds_its_tool_uses(two: &Two) {
    let (channel, prompt_id) = (word(), Some(word()));
    let mut uses = Vec::new();
    for _ in 0..80 {
        let tool_use = word();
        two.first.evidence.expect(&expecting("ana", by_tool_use(&tool_use))).await.unwrap();
        let used = sighting(&channel, Some("ana"), by_tool_use(&tool_use), NOON);
        uses.push(StoredSighting { prompt_id: prompt_id.clone(), ..used });
    }
    assert_eq!(two.first.evidence.keep(uses.clone(), MANY).await.unwrap().len(), 80);
    let prompt = sighting(&channel, Some("ana"), Keyed::default(), NOON);
    let prompt = StoredSighting { prompt_id, ..prompt };
    assert_eq!(two.second.evidence.keep(vec![prompt.clone()], MANY).await.unwrap().len(), 80);
    for used in [&uses[0], &uses[79]] {
        let found = two.first.evidence.about(&asked_by("ana"), &used.keyed, NOON).await.unwrap();
        assert!(found.contains(&prompt), "{found:?}");
    }
}

/// Of two calls with the same tool use that are decided at once, one holds it.
pub async fn a_tool_use_is_held_by_one_call_until_it_is_released(two: &Two) {
    let tool_use = word();
    assert!(two.first.evidence.lease(&tool_use, 1, NOON).await.unwrap());
    assert!(!two.second.evidence.lease(&tool_use, 2, NOON).await.unwrap());
    // Nobody gives back what another holds.
    two.second.evidence.release(&tool_use, 2).await.unwrap();
    assert!(!two.second.evidence.lease(&tool_use, 2, NOON).await.unwrap());
    two.first.evidence.release(&tool_use, 1).await.unwrap();
    assert!(two.second.evidence.lease(&tool_use, 2, NOON).await.unwrap());
    // Whoever held it may be gone.
    let later = NOON.after(std::time::Duration::from_secs(61));
    assert!(two.first.evidence.lease(&tool_use, 3, later).await.unwrap());
}

/// An exchange that waits for a person may be asked by so many calls, each of them noted once.
pub async fn one_exchange_expects_evidence_of_several_calls(two: &Two) {
    let first = expecting("ana", by_tool_use(&word()));
    assert!(two.first.evidence.expect(&first).await.unwrap().is_new);
    assert!(!two.second.evidence.expect(&first).await.unwrap().is_new);
    let mut calls = vec![first.clone()];
    loop {
        let call = Expecting { keyed: by_tool_use(&word()), ..first.clone() };
        let expected = two.second.evidence.expect(&call).await.unwrap();
        if expected.is_full {
            break;
        }
        assert!(expected.is_new);
        calls.push(call);
    }
    assert_eq!(calls.len(), 16);
    assert_eq!(two.first.evidence.expected(&first.key).await.unwrap(), calls);
    assert_eq!(two.first.evidence.expected(&expecting("ana", Keyed::default()).key).await.unwrap(), []);
}

/// Whether hooks name the tool uses of a subject is told of that subject alone, and of what came before.
pub async fn whether_hooks_name_tool_uses_is_told_by_subject(two: &Two) {
    let (ana, ben) = (format!("ana-{}", unique()), format!("ben-{}", unique()));
    let tells = async |name: &str, at| two.second.evidence.tells_uses(&asked_by(name), at).await.unwrap();
    assert!(!tells(&ana, NOON).await);
    let prompt = sighting(&word(), Some(&ana), Keyed::default(), NOON);
    let used = sighting(&word(), Some(&ben), by_tool_use(&word()), NOON);
    two.first.evidence.keep(vec![prompt, used], MANY).await.unwrap();
    assert!(!tells(&ana, NOON).await && tells(&ben, NOON).await);
    assert!(!tells(&ben, Timestamp::from_micros(NOON.as_micros() - 1)).await);
    assert!(!tells(&ben, NOON.after(EVIDENCE_LIFE * 2)).await);
}

/// After a day neither finds the other.
pub async fn evidence_is_forgotten_after_a_day(two: &Two) {
    let (tool_use, channel) = (word(), word());
    let old = sighting(&channel, Some("ana"), by_tool_use(&tool_use), NOON);
    two.first.evidence.keep(vec![old.clone()], MANY).await.unwrap();
    let waiting = expecting("ana", by_tool_use(&tool_use));
    two.first.evidence.expect(&waiting).await.unwrap();
    let (last, later) = (NOON.after(EVIDENCE_LIFE), NOON.after(EVIDENCE_LIFE * 2));
    let about = |now| two.second.evidence.about(&waiting.subject, &waiting.keyed, now);
    assert_eq!(about(last).await.unwrap(), [old]);
    assert_eq!(about(later).await.unwrap(), []);
    let late = sighting(&channel, Some("ana"), by_tool_use(&tool_use), later);
    assert_eq!(two.first.evidence.keep(vec![late], MANY).await.unwrap(), []);
}
