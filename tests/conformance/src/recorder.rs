//! Records: written once, read back whole.

use bytes::Bytes;
use gateway::ports::Written;
use recording::{ObjectKind, RecordKey, digest_of};
use tokio::task::JoinSet;

use super::{Two, session};

const KINDS: [ObjectKind; 6] = [
    ObjectKind::Opening,
    ObjectKind::Closing,
    ObjectKind::Approval { step: 3 },
    ObjectKind::Standing { step: 1 },
    ObjectKind::Page { part: 1, page: 2 },
    ObjectKind::Sealed,
];

fn key(number: u32) -> RecordKey {
    RecordKey::new("2026-11-23", format!("{}/{number}", session()).parse().unwrap())
}

/// Every kind of object is read back as it was written, and the receipt carries its digest.
pub async fn what_was_kept_is_read_back_by_every_process(two: &Two) {
    let key = key(1);
    for kind in KINDS {
        assert_eq!(two.second.recordings.read(&key, kind).await.unwrap(), None);
        let bytes = Bytes::from(format!("{kind:?}").into_bytes());
        match two.first.recorder.keep(&key, kind, bytes.clone()).await.unwrap() {
            Written::Kept(receipt) => assert_eq!(receipt.digest(), digest_of(&bytes)),
            Written::Taken => panic!("nobody else wrote"),
        }
        assert_eq!(two.second.recordings.read(&key, kind).await.unwrap(), Some(bytes));
    }
}

/// Of many writers of one key, in two processes, exactly one is told that its bytes are kept, and they are.
pub async fn a_key_is_written_once(two: &Two) {
    for kind in KINDS {
        let key = key(1);
        let mut tasks = JoinSet::new();
        for at in 0..20_u8 {
            let store = if at % 2 == 0 { two.first.clone() } else { two.second.clone() };
            let key = key.clone();
            tasks.spawn(async move {
                let written = store.recorder.keep(&key, kind, Bytes::from(vec![at; 1000])).await.unwrap();
                matches!(written, Written::Kept(_)).then_some(at)
            });
        }
        let mut kept = tasks.join_all().await;
        kept.retain(Option::is_some);
        assert_eq!(kept.len(), 1, "{kind:?}");
        let bytes = two.first.recordings.read(&key, kind).await.unwrap().unwrap();
        assert_eq!(bytes, vec![kept[0].unwrap(); 1000]);
    }
}

/// The number of an exchange is taken on the days around its own too: the day is only where it lies.
pub async fn a_number_is_taken_across_midnight(two: &Two) {
    let evening = key(3);
    let next_day = RecordKey::new("2026-11-24", evening.exchange);
    let opening = ObjectKind::Opening;
    let written = two.first.recorder.keep(&evening, opening, Bytes::from_static(b"a")).await.unwrap();
    assert!(matches!(written, Written::Kept(_)));
    let written = two.second.recorder.keep(&next_day, opening, Bytes::from_static(b"b")).await.unwrap();
    assert!(matches!(written, Written::Taken));
}

/// A key that is none is refused, whatever it says.
pub async fn a_day_that_is_none_is_a_fault(two: &Two) {
    let exchange = key(1).exchange;
    for day in ["../../../../elsewhere", "", "2026-11-23/../..", "today"] {
        let key = RecordKey::new(day, exchange);
        for kind in KINDS {
            assert!(two.first.recorder.keep(&key, kind, Bytes::from_static(b"x")).await.is_err());
            assert!(two.first.recordings.read(&key, kind).await.is_err());
        }
    }
}

/// An opening and its sealed text are kept together or not at all, and each is read back by itself.
pub async fn an_opening_is_kept_with_its_sealed_text(two: &Two) {
    let (key, other) = (key(1), key(2));
    let (opening, sealed) = (Bytes::from_static(b"{\"opening\":1}"), Bytes::from_static(b"\x00sealed\xff"));
    let open = |store: &'static str| Bytes::from(format!("{{\"opening\":\"{store}\"}}"));
    match two.first.recorder.open(&key, opening.clone(), sealed.clone()).await.unwrap() {
        Written::Kept(receipt) => assert_eq!(receipt.digest(), digest_of(&opening)),
        Written::Taken => panic!("nobody else wrote"),
    }
    let read = async |kind| two.second.recordings.read(&key, kind).await.unwrap();
    assert_eq!(read(ObjectKind::Opening).await, Some(opening));
    assert_eq!(read(ObjectKind::Sealed).await, Some(sealed));
    let again = two.second.recorder.open(&key, open("second"), Bytes::from_static(b"x")).await.unwrap();
    assert!(matches!(again, Written::Taken));
    for (kind, bytes) in [(ObjectKind::Opening, "x"), (ObjectKind::Sealed, "y")] {
        let written = two.second.recorder.keep(&key, kind, Bytes::from(bytes)).await.unwrap();
        assert!(matches!(written, Written::Taken), "{kind:?}");
    }
    // A long text is kept whole, too.
    let (opening, sealed) = (Bytes::from(vec![b'o'; 900_000]), noise(700_000));
    let long = two.first.recorder.open(&other, opening.clone(), sealed.clone()).await.unwrap();
    assert!(matches!(long, Written::Kept(_)));
    let read = async |kind| two.second.recordings.read(&other, kind).await.unwrap();
    assert!(
        read(ObjectKind::Opening).await == Some(opening) && read(ObjectKind::Sealed).await == Some(sealed)
    );
}

/// Bytes that nothing makes smaller.
fn noise(length: usize) -> Bytes {
    let mut state = 1_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    std::iter::repeat_with(next).take(length).collect()
}
