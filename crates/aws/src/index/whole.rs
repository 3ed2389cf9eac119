//! Since when the index is whole: what was opened then or later, and closed, has its rows.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::Timestamp;
use gateway::Fault;

use super::{Index, KEPT, READ};
use crate::table::{About, Item, Key, Only, Put, WRITER, integer, number, string, writer};

/// How long one who has noted for how long it keeps rows may go on writing them after another has noted something else.
const OVERLAP: Duration = Duration::from_secs(5 * 60);

/// How often one who finds that another was faster looks again.
const TRIES: u32 = 4;

const EVER: Timestamp = Timestamp::from_micros(0);

/// What was kept so lately may still be on its way, so that it is no sign of a time before the index.
pub const UNDER_WAY: Duration = Duration::from_secs(15 * 60);

/// Since when rows are there, and for how long each is kept. One item of the index's own table, so that whoever asks the table asks this,
/// too, and no setting says otherwise than what was written:
///
/// | `pk` | `sk` | holds |
/// | --- | --- | --- |
/// | `whole` | `since` | all of this |
///
/// | holds | attribute |
/// | --- | --- |
/// | before which moment what was opened has no rows, in microseconds; 0 where nothing was | `since_us` |
/// | for how many seconds after their exchange was closed rows are kept | `keep_s` |
/// | for how many seconds they were kept before, each with until when such were written, in microseconds | `earlier` |
/// | the name of the write | `writer` |
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Whole {
    since: Timestamp,
    keep: Duration,
    earlier: BTreeMap<Duration, Timestamp>,
}

impl Whole {
    /// What was opened then or later, and closed, is found at that moment.
    fn at(&self, now: Timestamp) -> Timestamp {
        let Self { since, keep, earlier } = self;
        // What was closed then or later is not forgotten yet: opened then or later, therefore.
        let kept = now.before(*keep);
        // Of those that were kept shorter or longer, the last that is forgotten.
        let kept_before = earlier.iter().map(|(keep, until)| now.before(*keep).min(*until));
        kept_before.fold(kept.max(*since), Timestamp::max)
    }

    /// The same where rows are kept for so long from now on; none where that is so already.
    fn kept_for(&self, keep: Duration, now: Timestamp) -> Option<Self> {
        if self.keep == keep {
            return None;
        }
        let mut earlier = self.earlier.clone();
        earlier.remove(&keep);
        // INVARIANT: until later than anybody writes such a row, who has not heard of this.
        earlier.insert(self.keep, now.after(OVERLAP));
        // Where all of those are forgotten there is nothing from before.
        let forgotten = earlier.extract_if(.., |keep, until| *until <= now.before(*keep));
        let since = forgotten.map(|(_, until)| until).fold(self.since, Timestamp::max);
        Some(Self { since, keep, earlier })
    }

    /// The same where all that was opened on a day has its rows, which is so from `begin` to `end`; none where nothing follows from that.
    fn with_day(&self, begin: Timestamp, end: Timestamp, is_first: bool) -> Option<Self> {
        let begin = if is_first { EVER } else { begin };
        // A day that another lies behind says nothing of that one.
        (begin < self.since && self.since <= end).then(|| Self { since: begin, ..self.clone() })
    }

    fn item(&self) -> Item {
        let Self { since, keep, earlier } = self;
        let seconds = |keep: &Duration| i64::try_from(keep.as_secs()).unwrap_or(i64::MAX);
        let earlier: HashMap<String, AttributeValue> = earlier
            .iter()
            .map(|(keep, until)| (seconds(keep).to_string(), number(until.as_micros())))
            .collect();
        let mut item = key().item();
        item.extend([
            ("since_us".to_owned(), number(since.as_micros())),
            ("keep_s".to_owned(), number(seconds(keep))),
            ("earlier".to_owned(), AttributeValue::M(earlier)),
        ]);
        item
    }

    fn of(item: &Item, about: About) -> Result<Self, Fault> {
        let moment = |micros: i64| {
            if micros < 0 { Err(about.damaged()) } else { Ok(Timestamp::from_micros(micros)) }
        };
        let seconds =
            |seconds: i64| u64::try_from(seconds).map(Duration::from_secs).map_err(|_| about.damaged());
        let earlier =
            item.get("earlier").and_then(|value| value.as_m().ok()).ok_or_else(|| about.damaged())?;
        let earlier = earlier.keys().map(|keep| {
            let until = moment(integer(earlier, keep, about)?)?;
            Ok((seconds(keep.parse().map_err(|_| about.damaged())?)?, until))
        });
        Ok(Self {
            since: moment(integer(item, "since_us", about)?)?,
            keep: seconds(integer(item, "keep_s", about)?)?,
            earlier: earlier.collect::<Result<_, Fault>>()?,
        })
    }
}

impl Index {
    /// Since when it is whole, asked at that moment. Where nobody has written into it yet, that is now.
    ///
    /// # Errors
    /// When it cannot be read, or nobody can tell what stands there: then nothing is known to be whole.
    pub async fn whole_since(&self, now: Timestamp) -> Result<Timestamp, Fault> {
        let item = self.table.get(&key(), READ).await?;
        item.map_or(Ok(now), |item| Ok(Whole::of(&item, READ)?.at(now)))
    }

    /// Notes that rows are kept for so long from now on, where it is not noted yet. The first of all notes since when there are any: since
    /// ever where `oldest`, the day of the oldest record, says that nothing was recorded before.
    ///
    /// # Errors
    /// When nobody knows whether it is noted: no row may be written then, for it would be forgotten at a time that nobody knows of.
    pub async fn note_kept_for<D: Future<Output = Result<Option<String>, Fault>>>(
        &self,
        keep: Duration,
        now: Timestamp,
        oldest: impl Fn() -> D,
    ) -> Result<(), Fault> {
        for _ in 0..TRIES {
            let put = match self.table.get(&key(), KEPT).await? {
                Some(item) => match Whole::of(&item, KEPT)?.kept_for(keep, now) {
                    Some(whole) => self.note(&whole, Some(&item)).await?,
                    None => return Ok(()),
                },
                None => {
                    let is_first = oldest().await?.is_none_or(|day| day >= now.before(UNDER_WAY).day());
                    let since = if is_first { EVER } else { now };
                    self.note(&Whole { since, keep, earlier: BTreeMap::new() }, None).await?
                }
            };
            if matches!(put, Put::Done) {
                return Ok(());
            }
        }
        Err(KEPT.crowded())
    }

    /// Notes that all that was opened between these has its rows; `is_first` where nothing was recorded before.
    ///
    /// # Errors
    /// When nobody knows whether it is noted; it may be noted again.
    pub async fn note_whole(&self, begin: Timestamp, end: Timestamp, is_first: bool) -> Result<(), Fault> {
        for _ in 0..TRIES {
            // Where nobody has written anything there is nothing to be whole.
            let Some(item) = self.table.get(&key(), KEPT).await? else { return Ok(()) };
            let Some(whole) = Whole::of(&item, KEPT)?.with_day(begin, end, is_first) else { return Ok(()) };
            if matches!(self.note(&whole, Some(&item)).await?, Put::Done) {
                return Ok(());
            }
        }
        Err(KEPT.crowded())
    }

    /// Writes it where that item still stands, or none: whoever was faster may have said something else.
    async fn note(&self, whole: &Whole, instead: Option<&Item>) -> Result<Put, Fault> {
        let before = instead.map(|item| string(item, WRITER, KEPT)).transpose()?;
        let only = before.as_deref().map_or(Only::IfAbsent, Only::IfWrittenBy);
        self.table.put(whole.item(), only, &writer()?, KEPT).await
    }
}

fn key() -> Key {
    Key::new("whole", "since")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        format!("2026-{text}:00Z").parse().unwrap()
    }

    fn days(days: u64) -> Duration {
        Duration::from_secs(days * 24 * 60 * 60)
    }

    fn whole(since: Timestamp, keep: u64) -> Whole {
        Whole { since, keep: days(keep), earlier: BTreeMap::new() }
    }

    #[test]
    fn it_is_whole_since_it_was_there_and_as_far_as_rows_are_kept() {
        let young = whole(at("11-20T10:00"), 30);
        assert_eq!(young.at(at("11-27T10:00")), at("11-20T10:00"));
        assert_eq!(young.at(at("12-27T10:00")), at("11-27T10:00"));
        assert_eq!(whole(EVER, 30).at(at("12-27T10:00")), at("11-27T10:00"));
    }

    #[test]
    fn rows_that_were_kept_shorter_are_not_made_longer_by_a_setting() {
        let now = at("06-01T00:00");
        let raised = whole(EVER, 30).kept_for(days(365), now).unwrap();
        // What was there is there, and goes as it would have gone.
        assert_eq!(raised.at(now), at("05-02T00:00"));
        assert_eq!(raised.at(at("06-11T00:00")), at("05-12T00:00"));
        // Then it grows.
        let until = now.after(OVERLAP);
        assert_eq!(raised.at(at("08-01T00:00")), until);
        assert_eq!(raised.at(at("12-31T00:00")), until);
        assert_eq!(raised.kept_for(days(365), at("08-01T00:00")), None);
        let again = raised.kept_for(days(100), at("08-01T00:00")).unwrap();
        assert_eq!(
            (again.since, again.earlier.len()),
            (until, 1),
            "the short ones are gone, and all before them"
        );
        assert_eq!(again.at(at("08-01T00:00")), until);
    }

    #[test]
    fn rows_that_are_kept_shorter_are_forgotten_at_once() {
        let lowered = whole(EVER, 365).kept_for(days(35), at("06-01T00:00")).unwrap();
        assert_eq!(lowered.at(at("06-01T00:00")), at("04-27T00:00"));
        assert_eq!(lowered.at(at("12-01T00:00")), at("10-27T00:00"));
    }

    #[test]
    fn two_releases_beside_each_other_promise_no_more_than_both_keep() {
        let mut beside = whole(EVER, 30);
        for minute in 0..10 {
            let keep = days(if minute % 2 == 0 { 90 } else { 30 });
            beside = beside.kept_for(keep, at(&format!("06-01T00:{minute:02}"))).unwrap();
            assert_eq!(beside.at(at("06-01T00:10")), at("05-02T00:10"));
        }
        let over = beside.kept_for(days(90), at("06-01T01:00")).unwrap();
        assert_eq!(over.at(at("08-01T00:00")), at("06-01T01:05"));
        assert_eq!(over.earlier.len(), 1);
    }

    #[test]
    fn a_day_that_was_gone_through_makes_it_longer_where_it_borders() {
        let young = whole(at("11-20T10:00"), 90);
        let day = |nr: u32| (at(&format!("11-{nr:02}T00:00")), at(&format!("11-{:02}T00:00", nr + 1)));
        let with = |whole: &Whole, nr, is_first| {
            let (begin, end) = day(nr);
            whole.with_day(begin, end, is_first)
        };
        assert_eq!(with(&young, 19, false), None, "the beginning of the twentieth is missing");
        let longer = with(&young, 20, false).unwrap();
        assert_eq!(longer.since, at("11-20T00:00"));
        assert_eq!(with(&longer, 20, false), None);
        assert_eq!(with(&longer, 18, true), None);
        assert_eq!(with(&longer, 19, false).unwrap().since, at("11-19T00:00"));
        assert_eq!(with(&longer, 19, true).unwrap().since, EVER);
        assert_eq!(with(&longer, 25, false), None);
    }

    #[test]
    fn what_is_written_reads_back_and_nothing_else_does() {
        let noted = whole(at("11-20T10:00"), 30).kept_for(days(90), at("11-21T10:00")).unwrap();
        let item = noted.item();
        assert_eq!(Whole::of(&item, READ).unwrap(), noted);
        for name in ["since_us", "keep_s", "earlier"] {
            let mut odd = item.clone();
            odd.remove(name);
            assert!(Whole::of(&odd, READ).is_err(), "{name}");
            odd.insert(name.to_owned(), number(-1));
            assert!(Whole::of(&odd, READ).is_err(), "{name}");
        }
        for (keep, until) in [("often", number(1)), ("30", AttributeValue::S("1".into())), ("-1", number(1))]
        {
            let mut odd = item.clone();
            let earlier = HashMap::from([(keep.to_owned(), until)]);
            odd.insert("earlier".to_owned(), AttributeValue::M(earlier));
            assert!(Whole::of(&odd, READ).is_err(), "{keep}");
        }
    }
}
