//! How much mail an address gets, from all processes together.

use std::time::Duration;

use domain::Timestamp;
use gateway::Fault;
use rusqlite::{Transaction, params};

use crate::home::Home;

/// Mails to one address at most within any hour; later ones are tried again, a few times.
pub(super) const MAILS_AN_HOUR: i64 = 120;

/// Of these for what one agent asks for one person at most, so that nobody uses all of them up.
const OF_ONE_ASKER: i64 = 60;

/// So many of one asker's get through beyond all of these, and of all askers' together: who has asked for little is heard.
const RESERVED: i64 = 3;
const RESERVED_IN_ALL: i64 = 60;

const HOUR: Duration = Duration::from_secs(60 * 60);

impl Home {
    /// Whether an address may be written to once more now, for whoever asks; it counts as written to then, in the same write.
    // SECURITY: whoever gets too much mail reads none of it, and whoever could use all of it up would have nobody told of others.
    pub(super) async fn take_mail(&self, address: &str, asker: &str, now: Timestamp) -> Result<bool, Fault> {
        let address = address.to_lowercase();
        // No address has a line break.
        let of_asker = format!("{address}\n{asker}");
        self.inner.state.write(move |transaction| take(transaction, &address, &of_asker, now)).await
    }
}

fn take(
    transaction: &Transaction<'_>,
    address: &str,
    of_asker: &str,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    let second = now.as_secs();
    let over = second.saturating_sub(i64::try_from(HOUR.as_secs()).unwrap_or(i64::MAX));
    let within_the_hour = |mailbox: &str| -> rusqlite::Result<i64> {
        transaction
            .prepare_cached("DELETE FROM mails_per_second WHERE mailbox = ?1 AND second <= ?2")?
            .execute(params![mailbox, over])?;
        transaction
            .prepare_cached("SELECT COALESCE(SUM(mails), 0) FROM mails_per_second WHERE mailbox = ?1")?
            .query_row(params![mailbox], |row| row.get(0))
    };
    let (all, own) = (within_the_hour(address)?, within_the_hour(of_asker)?);
    let has_room = if all < MAILS_AN_HOUR {
        own < OF_ONE_ASKER
    } else {
        own < RESERVED && all < MAILS_AN_HOUR + RESERVED_IN_ALL
    };
    if has_room {
        let mut count = transaction.prepare_cached(
            "INSERT INTO mails_per_second (mailbox, second, mails) VALUES (?1, ?2, 1)
             ON CONFLICT (mailbox, second) DO UPDATE SET mails = mails + 1",
        )?;
        for mailbox in [address, of_asker] {
            count.execute(params![mailbox, second])?;
        }
    }
    Ok(has_room)
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
            let asker = format!("agent {}", at % 2);
            tasks.spawn(async move { home.take_mail("rosa@acme.example", &asker, now).await.unwrap() });
        }
        let taken = tasks.join_all().await.into_iter().filter(|taken| *taken).count();
        assert_eq!(i64::try_from(taken).unwrap(), MAILS_AN_HOUR, "two processes share it");
        let late = NOON.after(HOUR - Duration::from_secs(1));
        assert!(
            !other.take_mail("Rosa@ACME.example", "agent 1", late).await.unwrap(),
            "nobody means its case"
        );
        assert!(other.take_mail("sam@acme.example", "agent 1", late).await.unwrap());
        drop((one, other));
        let restarted = Home::open(&path).unwrap();
        assert!(!restarted.take_mail("rosa@acme.example", "agent 1", late).await.unwrap());
        assert!(restarted.take_mail("rosa@acme.example", "agent 1", NOON.after(HOUR * 2)).await.unwrap());
    }

    #[tokio::test]
    async fn nobody_is_named_for_longer_than_their_mail_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(&folder.path().join("home")).unwrap();
        let mailboxes = || -> i64 {
            let count = "SELECT COUNT(*) FROM mails_per_second";
            let read = home.inner.state.read_now(|it| it.query_row(count, [], |row| row.get(0)));
            read.unwrap()
        };
        assert!(home.take_mail("rosa@acme.example", "agent\nana@acme.example", NOON).await.unwrap());
        home.keep_house(NOON.after(HOUR)).await.unwrap();
        assert_eq!(mailboxes(), 2, "its address, and of it what was asked by one");
        home.keep_house(NOON.after(HOUR * 3)).await.unwrap();
        assert_eq!(mailboxes(), 0);
    }

    #[tokio::test]
    async fn nobody_uses_up_all_mail_and_who_has_asked_for_little_is_heard() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(&folder.path().join("home")).unwrap();
        let take = async |asker: &str| home.take_mail("rosa@acme.example", asker, NOON).await.unwrap();
        for _ in 0..OF_ONE_ASKER {
            assert!(take("noisy").await);
        }
        assert!(!take("noisy").await);
        for _ in 0..MAILS_AN_HOUR - OF_ONE_ASKER {
            assert!(take("loud").await);
        }
        assert!(!take("loud").await);
        for _ in 0..RESERVED {
            assert!(take("quiet").await);
        }
        assert!(!take("quiet").await);
        let mut told = RESERVED;
        while take(&format!("many {told}")).await {
            told += 1;
        }
        assert_eq!(told, RESERVED_IN_ALL, "that is bounded, too");
    }
}
