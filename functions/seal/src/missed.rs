//! What nobody was told of: S3 promises its notices at least once and has been known to lose some.

use std::collections::BTreeSet;
use std::time::Duration;

use aws::{Told, UNDER_WAY};
use domain::Timestamp;
use futures::{StreamExt, TryStreamExt, stream};
use gateway::Fault;
use recording::{ObjectKind, RecordKey};

use crate::Store;

/// Objects that are listed at once: as many as S3 tells.
const LISTED: usize = 1000;

/// The ids of sessions begin with one of so many digits. A day is gone through under each of them by itself, some at once, so that a
/// large one does not outlast the function.
const DIGITS: u8 = 16;
const AT_ONCE: usize = 8;

/// Objects that are told of again by one call.
const TOLD: usize = 100;

const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What of a day was gone through.
#[derive(Default)]
struct Gone {
    /// Closings and late evidence that lie there.
    kept: usize,
    /// Those of them that no row was made of.
    missed: usize,
    /// Those that were kept too lately to say so.
    unsettled: usize,
}

/// Goes through a day, and tells again of what has no row; how many closings and late evidence lie there, and of how many there was no
/// row. Of a day of which all is there the index is told so.
pub(crate) async fn find_and_tell(
    store: &dyn Store,
    day: &str,
    now: Timestamp,
) -> Result<(usize, usize), Fault> {
    let found: Vec<Gone> = stream::iter(0..DIGITS)
        .map(|digit| under(store, day, format!("{digit:x}"), now))
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    let Gone { kept, missed, unsettled } = found.into_iter().fold(Gone::default(), |all, some| Gone {
        kept: all.kept.saturating_add(some.kept),
        missed: all.missed.saturating_add(some.missed),
        unsettled: all.unsettled.saturating_add(some.unsettled),
    });
    let begin: Option<Timestamp> = format!("{day}T00:00:00Z").parse().ok();
    // What is opened on a day that is not over has no row yet.
    let over = begin.map(|begin| (begin, begin.after(A_DAY))).filter(|(_, end)| *end <= now);
    if let Some((begin, end)) = over.filter(|_| missed == 0 && unsettled == 0) {
        store.note_whole(begin, end).await?;
    }
    Ok((kept, missed))
}

async fn under(store: &dyn Store, day: &str, begins: String, now: Timestamp) -> Result<Gone, Fault> {
    let (mut gone, mut after): (Gone, Option<String>) = (Gone::default(), None);
    loop {
        let listed = store.kept_on(day, &begins, after.as_deref(), LISTED).await?;
        let is_settled = |at: &Timestamp| now.since(*at) >= UNDER_WAY;
        let (settled, unsettled): (Vec<_>, Vec<_>) = listed.iter().partition(|(_, at)| is_settled(at));
        let told = settled.iter().filter_map(|(key, _)| RecordKey::parse(key));
        let told: Vec<Told> = told
            .filter(|(_, kind)| matches!(kind, ObjectKind::Closing | ObjectKind::Evidence { .. }))
            .collect();
        let without = without_rows(store, &told).await?;
        for some in without.chunks(TOLD) {
            store.tell_again(some).await?;
        }
        for (key, _) in &without {
            tracing::warn!(exchange = %key.exchange, "nobody was told of what was recorded: it is told now");
        }
        gone.kept = gone.kept.saturating_add(told.len());
        gone.missed = gone.missed.saturating_add(without.len());
        gone.unsettled = gone.unsettled.saturating_add(unsettled.len());
        after = listed.last().map(|(key, _)| key.clone());
        if listed.len() < LISTED {
            return Ok(gone);
        }
    }
}

/// Those of these objects that no row was made of.
async fn without_rows(store: &dyn Store, told: &[Told]) -> Result<Vec<Told>, Fault> {
    let keys: BTreeSet<&RecordKey> = told.iter().map(|(key, _)| key).collect();
    let keys: Vec<RecordKey> = keys.into_iter().cloned().collect();
    let rows = store.late_of(&keys).await?;
    let is_without = |(key, kind): &&Told| match (kind, rows.get(key)) {
        (ObjectKind::Evidence { step }, Some(late)) => step >= late,
        // Without a row it is its closing that is told of, which brings all of it; and before it is closed, none is wanted.
        (ObjectKind::Evidence { .. }, None) => false,
        (_, row) => row.is_none(),
    };
    Ok(told.iter().filter(is_without).cloned().collect())
}
