//! What auditors ask of a home: its recordings are the index, and looks are files beside them.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use domain::{ExchangeNumber, PrincipalKey, SessionId, Timestamp};
use gateway::ports::{Among, Index, Indexed, Looks, Stretch, Told, Written};
use gateway::{Fault, Origin, Receipt};
use recording::{ExchangeObjects, ExchangeRow, ObjectKind, RecordKey, digest_of};

use crate::error::{HomeError, cannot_write, was_interrupted};
use crate::exchanges::count_look;
use crate::home::Home;
use crate::records::{Listed, Records};
use crate::write_once::Wrote;

/// Every look goes through the openings of its days: what a home holds is no more than one machine has asked.
#[async_trait]
impl Index for Home {
    async fn indexed(
        &self,
        among: &Among,
        stretch: Stretch,
        after: Option<&Indexed>,
        limit: usize,
    ) -> Result<Told, Fault> {
        let (path, among, after) = (self.path().to_owned(), among.clone(), after.cloned());
        blocking(move || Records::open(&path)?.told(&among, stretch, after.as_ref(), limit)).await
    }

    /// It is the recordings themselves.
    async fn whole_since(&self, _: Timestamp) -> Result<Option<Timestamp>, Fault> {
        Ok(None)
    }

    async fn of_session(
        &self,
        session: SessionId,
        from: ExchangeNumber,
        limit: usize,
    ) -> Result<Vec<RecordKey>, Fault> {
        let path = self.path().to_owned();
        blocking(move || {
            let mut keys = Records::open(&path)?.all_of(session)?;
            keys.retain(|key| key.exchange.number >= from);
            keys.truncate(limit);
            Ok(keys)
        })
        .await
    }
}

#[async_trait]
impl Looks for Home {
    async fn count_look(
        &self,
        auditor: &PrincipalKey,
        most: u32,
        now: Timestamp,
    ) -> Result<Option<Duration>, Fault> {
        let auditor = auditor.as_str().to_owned();
        self.inner.state.write(move |transaction| count_look(transaction, &auditor, most, now)).await
    }

    async fn keep_look(&self, key: &str, look: Bytes) -> Result<Written, Fault> {
        let broken = |error| cannot_write(Origin::Recordings, error);
        let root = self.inner.layout.looks();
        let path = self
            .inner
            .layout
            .look(key)
            .ok_or_else(|| Fault::lasting(Origin::Recordings, "this is no place for a look"))?;
        let home = self.clone();
        tokio::task::spawn_blocking(move || {
            // Made by the first look.
            home.inner.files.disk().make_dir(&root).map_err(broken)?;
            home.inner.files.disk().sync_dir(home.path()).map_err(broken)?;
            match home.inner.files.write(&root, &path, &look).map_err(broken)? {
                Wrote::Kept => Ok(Written::Kept(Receipt::kept(digest_of(&look)))),
                Wrote::Taken => Ok(Written::Taken),
            }
        })
        .await
        .map_err(|error| was_interrupted(Origin::Recordings, error))?
    }
}

async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, HomeError> + Send + 'static,
) -> Result<T, Fault> {
    let read = tokio::task::spawn_blocking(read).await;
    let read = read.map_err(|error| was_interrupted(Origin::Recordings, error))?;
    read.map_err(|error| Fault::passing(Origin::Recordings, "the recordings cannot be read").because(error))
}

impl Records {
    /// What is closed, among these and of this stretch.
    fn told(
        &self,
        among: &Among,
        stretch: Stretch,
        after: Option<&Indexed>,
        limit: usize,
    ) -> Result<Told, HomeError> {
        let mut told = Told::default();
        let from = after.map_or(stretch.from, |after| after.opened.max(stretch.from));
        for listed in self.listing(Some(&from.day()), Some(&stretch.to.day()))? {
            if told.found.len() >= limit {
                break;
            }
            let Listed { key, opening } = listed?;
            let opened = opening.as_ref().ok().and_then(|stored| stored.record.opened.parse().ok());
            let Some(opened) = opened.filter(|_| opening.is_ok()) else {
                told.unreadable = told.unreadable.saturating_add(1);
                continue;
            };
            let indexed = Indexed { opened, key };
            let is_asked_for =
                (stretch.from..stretch.to).contains(&opened) && after.is_none_or(|after| indexed > *after);
            if is_asked_for && self.is_among(among, &indexed.key)? {
                told.found.push(indexed);
            }
        }
        Ok(told)
    }

    fn is_among(&self, among: &Among, key: &RecordKey) -> Result<bool, HomeError> {
        let Some(closing) = self.read(key, ObjectKind::Closing)? else { return Ok(false) };
        let (opening, steps) = (self.read(key, ObjectKind::Opening)?, self.approval(key)?);
        let (opening, closing) = (opening.as_ref(), Some(&closing));
        let objects = ExchangeObjects { opening, closing, steps: &steps, evidence: &[] };
        let row = ExchangeRow::new(&key.exchange, &objects);
        let is = |wanted: &str, name: Option<String>| {
            name.is_some_and(|name| name.to_lowercase() == wanted.to_lowercase())
        };
        Ok(match among {
            Among::Person(name) => is(name, row.person),
            Among::Agent(name) => is(name, row.agent),
            Among::Table(name) => {
                let capitals = Among::of_capitals(name);
                row.reads.iter().chain(&row.writes).any(|table| table == name || *table == capitals)
            }
            Among::Refused => row.decision.as_deref() == Some("refuse") || row.outcome == "refused",
            Among::Held => row.decision.as_deref() == Some("hold"),
        })
    }
}
