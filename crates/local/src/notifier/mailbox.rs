//! How much mail an address gets, from all processes together.

use std::time::Duration;

use domain::Timestamp;
use gateway::Fault;
use rusqlite::{Transaction, params};

use crate::home::Home;

/// Mails to one address at most within any hour; later ones are tried again, a few times.
pub(super) const MAILS_AN_HOUR: i64 = 120;

const HOUR: Duration = Duration::from_secs(60 * 60);

impl Home {
    /// Whether an address may be written to once more now; it counts as written to then, in the same write.
    // SECURITY: whoever gets too much mail reads none of it. Each agent has a limit of its own; this one is for all together.
    pub(super) async fn take_mail(&self, address: &str, now: Timestamp) -> Result<bool, Fault> {
        let address = address.to_lowercase();
        self.inner.state.write(move |transaction| take(transaction, &address, now)).await
    }
}

fn take(transaction: &Transaction<'_>, address: &str, now: Timestamp) -> rusqlite::Result<bool> {
    let second = now.as_secs();
    let over = second.saturating_sub(i64::try_from(HOUR.as_secs()).unwrap_or(i64::MAX));
    transaction
        .prepare_cached("DELETE FROM mails_per_second WHERE mailbox = ?1 AND second <= ?2")?
        .execute(params![address, over])?;
    let mails: i64 = transaction
        .prepare_cached("SELECT COALESCE(SUM(mails), 0) FROM mails_per_second WHERE mailbox = ?1")?
        .query_row(params![address], |row| row.get(0))?;
    if mails >= MAILS_AN_HOUR {
        return Ok(false);
    }
    transaction
        .prepare_cached(
            "INSERT INTO mails_per_second (mailbox, second, mails) VALUES (?1, ?2, 1)
             ON CONFLICT (mailbox, second) DO UPDATE SET mails = mails + 1",
        )?
        .execute(params![address, second])?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;

    use super::*;

    const NOON: Timestamp = Timestamp::from_micros(1_795_446_000_000_000);

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_mailbox_takes_so_many_mails_an_hour_whoever_sends_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("home");
        let (one, other) = (Home::open(&path).unwrap(), Home::open(&path).unwrap());
        let mut tasks = JoinSet::new();
        for at in 0..200_u64 {
            let home = if at % 2 == 0 { one.clone() } else { other.clone() };
            let now = NOON.after(Duration::from_secs(at % 7));
            tasks.spawn(async move { home.take_mail("rosa@acme.example", now).await.unwrap() });
        }
        let taken = tasks.join_all().await.into_iter().filter(|taken| *taken).count();
        assert_eq!(i64::try_from(taken).unwrap(), MAILS_AN_HOUR, "two processes share it");
        let late = NOON.after(HOUR - Duration::from_secs(1));
        assert!(!other.take_mail("Rosa@ACME.example", late).await.unwrap(), "nobody means its case");
        assert!(other.take_mail("sam@acme.example", late).await.unwrap());
        drop((one, other));
        let restarted = Home::open(&path).unwrap();
        assert!(!restarted.take_mail("rosa@acme.example", late).await.unwrap());
        assert!(restarted.take_mail("rosa@acme.example", NOON.after(HOUR * 2)).await.unwrap());
    }
}
