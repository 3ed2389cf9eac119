//! What waits for its statement, and statements that wait for evidence.

use bytes::Bytes;
use domain::{ChannelKind, ExchangeId, ExchangeNumber, SessionId, Timestamp};
use gateway::ports::{Expecting, Keyed, Named, Room, StoredSighting, Subject};
use gateway::{EVIDENCE_LIFE, NAMED_LIFE};
use recording::RecordKey;

use super::{NOON, Store, Two, unique};

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
        text: None,
        at,
        object: Bytes::from_static(b"sealed"),
        is_crowded: false,
    }
}

fn expecting(subject: &str, keyed: Keyed) -> Expecting {
    let session = SessionId::from_u128(u128::from(unique()));
    let exchange = ExchangeId { session, number: ExchangeNumber::FIRST };
    Expecting {
        key: RecordKey::new("2026-11-23", exchange),
        subject: asked_by(subject),
        keyed,
        said: None,
        is_refused: false,
        at: NOON,
    }
}

/// Tells a store; the exchanges that it may belong to.
async fn tell(store: &Store, sightings: &[StoredSighting], room: Room) -> Vec<Expecting> {
    store.evidence.keep(sightings, room).await.unwrap();
    store.evidence.awaiting(sightings).await.unwrap()
}

/// However many sightings of one prompt have a trace in common, each exchange of it is found, and once.
pub async fn what_shares_a_trace_and_a_prompt_is_found_once(two: &Two) {
    let (trace, channel, prompt_id) = (word(), word(), Some(word()));
    let keyed = || Keyed { trace: Some(trace.clone()), ..Keyed::default() };
    let mut waiting = [expecting("ana", keyed()), expecting("ana", keyed())];
    waiting[1].at = Timestamp::from_micros(NOON.as_micros() + 1);
    for one in &waiting {
        two.first.evidence.expect(one).await.unwrap();
    }
    let of = |keyed: Keyed| StoredSighting {
        prompt_id: prompt_id.clone(),
        ..sighting(&channel, Some("ana"), keyed, NOON)
    };
    let many: Vec<StoredSighting> = (0..300).map(|_| of(keyed())).collect();
    two.first.evidence.keep(&many, MANY).await.unwrap();
    let found = tell(&two.second, &[of(Keyed::default())], MANY).await;
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(waiting.iter().all(|one| found.contains(one)), "{found:?}");
}

/// Whichever comes first, the other finds it, in another process, too.
pub async fn evidence_and_statement_find_each_other(two: &Two) {
    let (tool_use, channel) = (word(), word());
    let early = sighting(&channel, Some("ana"), by_tool_use(&tool_use), NOON);
    assert_eq!(tell(&two.first, std::slice::from_ref(&early), MANY).await, []);
    let found = two.second.evidence.about(&asked_by("ana"), &by_tool_use(&tool_use), NOON).await.unwrap();
    assert_eq!(found, std::slice::from_ref(&early));
    let waiting = expecting("ana", by_tool_use(&tool_use));
    let expected = two.second.evidence.expect(&waiting).await.unwrap();
    assert_eq!((expected.is_new, expected.is_full, expected.known), (true, false, vec![early.clone()]));
    let late = sighting(&channel, Some("ana"), by_tool_use(&tool_use), NOON);
    let kept = tell(&two.first, std::slice::from_ref(&late), MANY).await;
    assert_eq!(kept, std::slice::from_ref(&waiting));
    // Said again it is kept once, and joined again: whoever took it in before may have failed.
    assert_eq!(tell(&two.second, &[late, early], MANY).await, [waiting]);
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
    let found = tell(&two.first, std::slice::from_ref(&used), MANY).await;
    assert_eq!(found, std::slice::from_ref(&waiting));
    let of = |channel: &str| StoredSighting {
        prompt_id: prompt_id.clone(),
        ..sighting(channel, Some("ana"), Keyed::default(), NOON)
    };
    let (prompt, stranger) = (of(&channel), of(&word()));
    // Whoever names nobody, or leaves the issuer open, is somebody else in the same channel.
    let mut others = [of(&channel), of(&channel), of(&channel)];
    others[0].subject.subject = None;
    others[1].subject.issuer = None;
    others[2].subject.agent = Some("agent".to_owned());
    assert_eq!(tell(&two.second, &[stranger], MANY).await, []);
    assert_eq!(tell(&two.second, &others, MANY).await, []);
    assert_eq!(tell(&two.second, std::slice::from_ref(&prompt), MANY).await, [waiting]);
    let found = two.first.evidence.about(&asked_by("ana"), &by_tool_use(&tool_use), NOON).await.unwrap();
    assert!(found.len() == 2 && found.contains(&used) && found.contains(&prompt), "{found:?}");
}

/// What has met its exchanges is told so until it could be missed; another telling of it is found for longer, and is no other.
pub async fn what_has_met_is_known_to_have_met(two: &Two) {
    let channel = word();
    let traced = Keyed { trace: Some(word()), ..Keyed::default() };
    let prompt = sighting(&channel, Some("ana"), traced, NOON);
    let other = sighting(&channel, Some("ana"), by_tool_use(&word()), NOON);
    let keep = async |store: &Store, at: Timestamp| {
        let again = [StoredSighting { at, ..prompt.clone() }, StoredSighting { at, ..other.clone() }];
        store.evidence.keep(&again, MANY).await.unwrap()
    };
    assert_eq!(keep(&two.first, NOON).await, [prompt.id, other.id]);
    assert_eq!(keep(&two.second, NOON).await, [prompt.id, other.id], "whoever took it in may have failed");
    two.first.evidence.met(&[prompt.id]).await.unwrap();
    assert_eq!(keep(&two.second, NOON).await, [other.id]);
    two.second.evidence.met(&[other.id, [7; 32]]).await.unwrap();
    assert_eq!(keep(&two.first, NOON.after(EVIDENCE_LIFE / 2)).await, [[0; 32]; 0]);
    // What was asked when it was not found any more has not met it.
    let later = NOON.after(EVIDENCE_LIFE * 2);
    assert!(keep(&two.first, later).await.contains(&prompt.id));
}

/// However much a channel has said of a call, an answer holds a bounded part of it, and the prompt of its tool use.
pub async fn what_one_answer_holds_is_bounded(two: &Two) {
    let (tool_use, trace, channel) = (word(), word(), word());
    let large = Room { sightings: 1000, bytes: 64 << 20 };
    let object = Bytes::from(vec![7; 32 * 1024]);
    let mut sightings = Vec::new();
    for _ in 0..6 {
        let prompt_id = Some(word());
        for _ in 0..12 {
            let traced = Keyed { trace: Some(trace.clone()), ..Keyed::default() };
            let prompt = sighting(&channel, Some("ana"), traced, NOON);
            sightings.push(StoredSighting { prompt_id: prompt_id.clone(), object: object.clone(), ..prompt });
        }
    }
    let prompt_id = Some(word());
    let used = sighting(&channel, Some("ana"), by_tool_use(&tool_use), NOON);
    let used = StoredSighting { prompt_id: prompt_id.clone(), ..used };
    let prompt = sighting(&channel, Some("ana"), Keyed::default(), NOON);
    let prompt = StoredSighting { prompt_id, object, ..prompt };
    let quiet = sighting(&word(), Some("ana"), by_tool_use(&tool_use), NOON);
    sightings.extend([used.clone(), prompt.clone(), quiet.clone()]);
    two.first.evidence.keep(&sightings, large).await.unwrap();
    let keyed = Keyed { trace: Some(trace), ..by_tool_use(&tool_use) };
    let found = two.second.evidence.about(&asked_by("ana"), &keyed, NOON).await.unwrap();
    assert!([used, prompt, quiet].iter().all(|wanted| found.contains(wanted)));
    let of_channel: Vec<_> = found.iter().filter(|found| found.channel == channel).collect();
    let size: usize = of_channel.iter().map(|found| found.object.len()).sum();
    assert!(of_channel.len() <= 128 && size <= 1024 * 1024 && size > 512 * 1024, "{size}");
}

/// Whatever a channel tells most of, each prompt that it tells is found before what tells the same or none; where more is left out
/// than that, whatever shares the clue with it says so.
pub async fn what_is_crowded_out_of_an_answer_is_told(two: &Two) {
    let at = |seconds: u64| NOON.after(std::time::Duration::from_secs(seconds));
    let about = async |keyed: &Keyed| {
        let found = two.second.evidence.about(&asked_by("ana"), keyed, at(500)).await.unwrap();
        let crowded: Vec<[u8; 32]> = found.iter().filter(|one| one.is_crowded).map(|one| one.id).collect();
        (found.into_iter().map(|one| one.id).collect::<Vec<_>>(), crowded)
    };
    let keep = async |some: &[StoredSighting]| two.first.evidence.keep(some, MANY).await.unwrap();
    let told =
        |text: &str, sighting: StoredSighting| StoredSighting { text: Some(text.to_owned()), ..sighting };
    // Statements under a word do not hide its prompts, nor does one prompt that is told with each of them another.
    let (channel, by_word) = (word(), Keyed { word: Some(word()), ..Keyed::default() });
    let honest = told(&word(), sighting(&channel, Some("ana"), by_word.clone(), NOON));
    let (mut more, forged) = (vec![honest.clone()], word());
    for number in 1..=40 {
        let keyed = Keyed { statement: Some(word()), ..by_word.clone() };
        more.push(sighting(&channel, Some("ana"), keyed.clone(), at(number)));
        more.push(told(&forged, sighting(&channel, Some("ana"), keyed, at(number))));
    }
    keep(&more).await;
    let (found, crowded) = about(&by_word).await;
    assert!(found.contains(&honest.id) && crowded.is_empty(), "{}", found.len());
    assert!(more[1..].iter().any(|one| one.text.is_some() && found.contains(&one.id)));
    // Nor do many tellings of one prompt under its id; of many prompts it is told that there are more.
    for (are_many, is_crowded) in [(false, false), (true, true)] {
        let (channel, prompt_id, keyed) = (word(), Some(word()), by_tool_use(&word()));
        let of = |sighting| StoredSighting { prompt_id: prompt_id.clone(), ..sighting };
        let used = of(sighting(&channel, Some("ana"), keyed.clone(), NOON));
        let honest = told(&word(), of(sighting(&channel, Some("ana"), Keyed::default(), NOON)));
        let (mut more, forged) = (vec![used.clone(), honest.clone()], word());
        for number in 1..=80 {
            let traced = Keyed { trace: Some(word()), ..Keyed::default() };
            let text = if are_many { word() } else { forged.clone() };
            more.push(told(&text, of(sighting(&channel, Some("ana"), traced, at(number)))));
        }
        keep(&more).await;
        let (found, crowded) = about(&keyed).await;
        assert_eq!((found.contains(&honest.id), crowded.contains(&used.id)), (!is_crowded, is_crowded));
    }
    // Of one tool use everything counts: what is told of it, and the prompts that it is put into.
    for are_prompts in [false, true] {
        let (channel, keyed) = (word(), by_tool_use(&word()));
        let many: Vec<StoredSighting> = (1..=(if are_prompts { 6 } else { 40 }))
            .map(|number| {
                let prompt_id = are_prompts.then(word);
                StoredSighting { prompt_id, ..sighting(&channel, Some("ana"), keyed.clone(), at(number)) }
            })
            .collect();
        let quiet = sighting(&word(), Some("ana"), keyed.clone(), NOON);
        keep(&many).await;
        keep(std::slice::from_ref(&quiet)).await;
        let (found, crowded) = about(&keyed).await;
        assert!(found.contains(&quiet.id) && crowded.len() + 1 == found.len(), "{are_prompts}");
        assert!(!crowded.contains(&quiet.id));
    }
}

/// However many others say and ask under the same word, somebody's own are found.
pub async fn nobody_is_hidden_behind_others(two: &Two) {
    let (trace, tool_use) = (word(), word());
    let traced = Keyed { trace: Some(trace), ..Keyed::default() };
    let anas = sighting(&word(), Some("ana"), traced.clone(), NOON);
    two.first.evidence.keep(std::slice::from_ref(&anas), MANY).await.unwrap();
    let waits = [expecting("ana", traced.clone()), expecting("ana", by_tool_use(&tool_use))];
    let later = |number: u32| NOON.after(std::time::Duration::from_secs(u64::from(number)));
    let before = |number: u32| Timestamp::from_micros(NOON.as_micros() - i64::from(number));
    let bens = word();
    for number in 1..=110 {
        let told = sighting(&bens, Some("ben"), traced.clone(), later(number));
        two.first.evidence.keep(&[told], MANY).await.unwrap();
        let named = Expecting { at: before(number), ..expecting("ben", by_tool_use(&tool_use)) };
        two.first.evidence.expect(&named).await.unwrap();
        if number <= 10 {
            let waiting = Expecting { at: later(number), ..expecting("ben", traced.clone()) };
            two.first.evidence.expect(&waiting).await.unwrap();
        }
    }
    for waiting in &waits {
        two.first.evidence.expect(waiting).await.unwrap();
        let told = sighting(&word(), Some("ana"), waiting.keyed.clone(), later(400));
        let found = two.second.evidence.awaiting(&[told]).await.unwrap();
        assert_eq!(found, std::slice::from_ref(waiting));
    }
    let found = two.second.evidence.about(&asked_by("ana"), &traced, later(400)).await.unwrap();
    assert_eq!(found, [anas]);
}

/// However much is asked or refused under the same trace afterwards, what was asked first is found by what comes late.
pub async fn what_was_asked_first_is_found_however_much_comes_after_it(two: &Two) {
    let traced = Keyed { trace: Some(word()), ..Keyed::default() };
    let at = |number: i64| Timestamp::from_micros(NOON.as_micros() + number);
    let first = expecting("ana", traced.clone());
    for number in 1..=70 {
        let refused = Expecting { is_refused: true, at: at(-number), ..expecting("ana", traced.clone()) };
        two.first.evidence.expect(&refused).await.unwrap();
    }
    assert!(!two.first.evidence.expect(&first).await.unwrap().is_beyond);
    for number in 1..=70 {
        let later = Expecting { at: at(number), ..expecting("ana", traced.clone()) };
        two.first.evidence.expect(&later).await.unwrap();
    }
    let told = sighting(&word(), Some("ana"), traced, at(100));
    let found = tell(&two.second, &[told], MANY).await;
    assert_eq!((found.len(), found.first()), (141, Some(&first)));
}

/// A prompt that is told again and again is found from its last telling on for as long as any other, and stands for itself alone.
pub async fn what_is_told_often_takes_no_room_of_others(two: &Two) {
    let (trace, channel) = (word(), word());
    let traced = Keyed { trace: Some(trace), ..Keyed::default() };
    let quiet = sighting(&channel, Some("ana"), traced.clone(), NOON);
    let often = sighting(&channel, Some("ana"), traced.clone(), NOON);
    two.first.evidence.keep(&[quiet.clone(), often.clone()], MANY).await.unwrap();
    let at = |minutes: u64| NOON.after(std::time::Duration::from_secs(60 * minutes));
    for minutes in (9..300).step_by(10) {
        let again = StoredSighting { at: at(minutes), ..often.clone() };
        two.second.evidence.keep(&[again], MANY).await.unwrap();
    }
    let last = StoredSighting { at: at(299), ..often.clone() };
    let about = async |now| two.first.evidence.about(&asked_by("ana"), &traced, now).await.unwrap();
    let found = about(at(300)).await;
    assert!(found.len() == 2 && found.contains(&last) && found.contains(&quiet), "{found:?}");
    assert_eq!(about(at(299).after(EVIDENCE_LIFE)).await, [last]);
    assert_eq!(about(at(300).after(EVIDENCE_LIFE)).await, []);
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
    assert_eq!(tell(&two.first, &others, MANY).await, []);
    assert_eq!(two.second.evidence.about(&asked_by("ana"), &by_tool_use(&tool_use), NOON).await.unwrap(), []);
    // What may be anybody's is.
    let anybodys = sighting(&channel, None, by_tool_use(&tool_use), NOON);
    assert_eq!(tell(&two.first, std::slice::from_ref(&anybodys), MANY).await, [waiting]);
    let found = two.second.evidence.about(&asked_by("ana"), &by_tool_use(&tool_use), NOON).await.unwrap();
    assert_eq!(found, [anybodys]);
}

/// A channel's oldest go when it says more than it may; no other channel's do.
pub async fn of_one_channel_no_more_than_so_many_stay(two: &Two) {
    let (tool_use, channel, quiet) = (word(), word(), word());
    let other = sighting(&quiet, Some("ana"), by_tool_use(&tool_use), NOON);
    let three = Room { sightings: 3, ..MANY };
    tell(&two.first, std::slice::from_ref(&other), three).await;
    let loud: Vec<StoredSighting> =
        (0..10).map(|_| sighting(&channel, Some("ana"), by_tool_use(&tool_use), NOON)).collect();
    tell(&two.first, &loud, three).await;
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
    tell(&two.first, std::slice::from_ref(&other), room).await;
    tell(&two.first, &loud, room).await;
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
    assert_eq!(tell(&two.first, &uses, MANY).await.len(), 80);
    let prompt = sighting(&channel, Some("ana"), Keyed::default(), NOON);
    let prompt = StoredSighting { prompt_id, text: Some(word()), ..prompt };
    assert_eq!(tell(&two.second, std::slice::from_ref(&prompt), MANY).await.len(), 80);
    for used in [&uses[0], &uses[79]] {
        let found = two.first.evidence.about(&asked_by("ana"), &used.keyed, NOON).await.unwrap();
        assert!(found.contains(&prompt), "{found:?}");
    }
}

/// Of two calls of one principal's with the same tool use that are decided at once, one holds it; others are told apart.
pub async fn a_tool_use_is_held_by_one_call_until_it_is_released(two: &Two) {
    let (tool_use, ana) = (word(), asked_by("ana"));
    let lease = async |store: &Store, whose: &Subject, call, at| {
        store.evidence.lease(&tool_use, whose, call, at).await.unwrap()
    };
    let (nobody, itself) = (Named::default(), Named { by_itself: true, ..Named::default() });
    assert_eq!(lease(&two.first, &ana, 1, NOON).await, nobody);
    assert_eq!(lease(&two.second, &ana, 2, NOON).await, itself);
    // Nobody gives back what another holds.
    two.second.evidence.release(&tool_use, &ana, 2).await.unwrap();
    assert_eq!(lease(&two.second, &ana, 2, NOON).await, itself);
    // Whoever else sends it is no call of this one's, and keeps it from none.
    let (other, ben) = (Subject { agent: Some("other".to_owned()), ..ana.clone() }, asked_by("ben"));
    let found = lease(&two.second, &other, 3, NOON).await;
    assert_eq!(found, Named { by_another_agent: true, ..nobody });
    let found = lease(&two.second, &ben, 4, NOON).await;
    assert_eq!(found, Named { by_another: true, ..nobody });
    two.first.evidence.release(&tool_use, &ana, 1).await.unwrap();
    let found = lease(&two.second, &ana, 2, NOON).await;
    assert_eq!(found, Named { by_itself: false, by_another_agent: true, by_another: true });
    // Whoever held it may be gone.
    let later = NOON.after(std::time::Duration::from_secs(61));
    assert_eq!(lease(&two.first, &ana, 5, later).await, nobody);
}

/// However often a tool use was named by what was refused, what was not is found, and is the first.
pub async fn what_was_refused_uses_no_tool_use_up_and_hides_none(two: &Two) {
    let tool_use = word();
    let named = async |subject: &Subject, before| {
        two.second.evidence.named(&tool_use, subject, before).await.unwrap()
    };
    let at = |micros| domain::Timestamp::from_micros(NOON.as_micros() + micros);
    for micros in 0..70 {
        let refused = expecting("ana", by_tool_use(&tool_use));
        let refused = Expecting { is_refused: true, at: at(micros), ..refused };
        two.first.evidence.expect(&refused).await.unwrap();
    }
    assert_eq!(named(&asked_by("ana"), None).await, Named::default());
    let first = Expecting { at: at(100), ..expecting("ana", by_tool_use(&tool_use)) };
    let second = Expecting { at: at(101), ..expecting("ana", by_tool_use(&tool_use)) };
    for waiting in [&first, &second] {
        two.first.evidence.expect(waiting).await.unwrap();
    }
    let itself = Named { by_itself: true, ..Named::default() };
    assert_eq!(named(&asked_by("ana"), None).await, itself);
    assert_eq!(named(&asked_by("ana"), Some(&first)).await, Named::default());
    assert_eq!(named(&asked_by("ana"), Some(&second)).await, itself);
    let other = Subject { agent: Some("other".to_owned()), ..asked_by("ana") };
    assert_eq!(named(&other, None).await, Named { by_another_agent: true, ..Named::default() });
    assert_eq!(named(&asked_by("ben"), None).await, Named { by_another: true, ..Named::default() });
    // What contradicts finds it first.
    let late = sighting(&word(), Some("ana"), by_tool_use(&tool_use), at(200));
    let found = tell(&two.first, &[late], MANY).await;
    assert_eq!(found[..2], [first, second]);
}

/// That a tool use was named is known for longer than anything that was told of it is found, however often it is told.
pub async fn that_a_tool_use_was_named_outlives_what_was_told_of_it(two: &Two) {
    let tool_use = word();
    let first = expecting("ana", by_tool_use(&tool_use));
    two.first.evidence.expect(&first).await.unwrap();
    let second = std::time::Duration::from_secs(1);
    let (early, again) = (NOON.after(EVIDENCE_LIFE), NOON.after(EVIDENCE_LIFE + EVIDENCE_LIFE / 2));
    let told = sighting(&word(), Some("ana"), by_tool_use(&tool_use), early);
    two.first.evidence.keep(std::slice::from_ref(&told), MANY).await.unwrap();
    two.second.evidence.keep(&[StoredSighting { at: again, ..told.clone() }], MANY).await.unwrap();
    // Whatever is tidied away when others come.
    let (last, later) = (early.after(EVIDENCE_LIFE), early.after(EVIDENCE_LIFE + second));
    for _ in 0..3 {
        let other = Expecting { at: later, ..expecting("ben", by_tool_use(&word())) };
        two.second.evidence.expect(&other).await.unwrap();
    }
    let about = async |now| two.second.evidence.about(&first.subject, &first.keyed, now).await.unwrap();
    assert_eq!(about(last).await, [told]);
    let named = two.first.evidence.named(&tool_use, &asked_by("ana"), None).await.unwrap();
    assert_eq!(named, Named { by_itself: true, ..Named::default() });
    assert_eq!(about(later).await, [], "told again it is found for no longer");
    assert!(NAMED_LIFE >= EVIDENCE_LIFE * 3);
}

/// However many exchanges one thing of an export belongs to, those of the others are found.
pub async fn what_one_sighting_finds_takes_no_room_of_others(two: &Two) {
    let (tool_use, channel) = (word(), word());
    let mut sightings = Vec::new();
    for _ in 0..4 {
        let traced = Keyed { trace: Some(word()), ..Keyed::default() };
        for _ in 0..64 {
            two.first.evidence.expect(&expecting("ana", traced.clone())).await.unwrap();
        }
        sightings.push(sighting(&channel, Some("ana"), traced, NOON));
    }
    let waiting = expecting("ana", by_tool_use(&tool_use));
    two.first.evidence.expect(&waiting).await.unwrap();
    sightings.push(sighting(&channel, Some("ana"), by_tool_use(&tool_use), NOON));
    let found = tell(&two.second, &sightings, MANY).await;
    assert!(found.len() == 257 && found.contains(&waiting), "{}", found.len());
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
    let other = expecting("ana", first.keyed.clone());
    assert!(two.first.evidence.expect(&other).await.unwrap().is_new);
    let otherwise = Expecting { said: Some(word()), ..other };
    assert!(two.first.evidence.expect(&otherwise).await.unwrap().is_new, "another said so");
    assert!(!two.second.evidence.expect(&otherwise).await.unwrap().is_new);
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
    tell(&two.first, &[prompt, used], MANY).await;
    assert!(!tells(&ana, NOON).await && tells(&ben, NOON).await);
    assert!(!tells(&ben, Timestamp::from_micros(NOON.as_micros() - 1)).await);
    assert!(!tells(&ben, NOON.after(EVIDENCE_LIFE * 2)).await);
}

/// After a day neither finds the other.
pub async fn evidence_is_forgotten_after_a_day(two: &Two) {
    let (tool_use, channel) = (word(), word());
    let old = sighting(&channel, Some("ana"), by_tool_use(&tool_use), NOON);
    tell(&two.first, std::slice::from_ref(&old), MANY).await;
    let waiting = expecting("ana", by_tool_use(&tool_use));
    two.first.evidence.expect(&waiting).await.unwrap();
    let (last, later) = (NOON.after(EVIDENCE_LIFE), NOON.after(EVIDENCE_LIFE * 2));
    let about = |now| two.second.evidence.about(&waiting.subject, &waiting.keyed, now);
    assert_eq!(about(last).await.unwrap(), [old]);
    assert_eq!(about(later).await.unwrap(), []);
    let late = sighting(&channel, Some("ana"), by_tool_use(&tool_use), later);
    assert_eq!(tell(&two.first, &[late], MANY).await, []);
}
