//! The policy bundle in force: its files under its digest in a bucket, which one it is in the table.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use domain::Timestamp;
use gateway::ports::{self, Clock};
use gateway::{Fault, Origin};
use policy::Bundle;

use crate::bundles::Bundles;
use crate::calls::Clients;
use crate::table::Table;
use crate::words::{People, Pointer};

/// How often it is looked which bundle is in force.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// For how long the last good bundle decides while nobody can tell what is in force, or that is not good.
const LAST_GOOD: Duration = Duration::from_secs(60 * 60);

const NONE: &str = "no policy bundle is in force: push one";

/// The bundle in force.
///
/// | where | what |
/// | --- | --- |
/// | `bundles/DIGEST` in the bucket, written once, under a legal hold | `{"v":1,"files":{PATH:BASE64}}` |
/// | `operator#USERID`, `AT#WRITER` in the table, written once | an operator's word, under their `aws:userid`: `digest`, `by` (their ARN), `why`, `at_us`, `over` (the `writer` of the pointer that it is to follow; none of none); of one who agrees also `agrees_pk`, `agrees_sk`: to which; `withdrawn_us` once taken back |
/// | `policy`, `in_force` | the pointer: `digest`, `at_us`, and where the words lie that it rests on: `first_pk`, `first_sk`, `second_pk`, `second_sk` |
/// | `policy`, `push#AT#WRITER` | the same, of every one that was put in force, or would have been, had nobody come before |
/// | `policy`, `proposed#DIGEST#AT#WRITER` | `first_pk`, `first_sk`, `digest`, `at_us`: where a proposal of that bundle is found |
///
/// Which one it is is looked at every ten seconds. The files are believed by their digest alone, and a pointer by the words of two
/// people: so whoever can write the bucket changes nothing, and neither does one operator alone, who can write the pointer but no word of
/// another's. While the table or the bucket cannot be read, or names what is not good, the last good bundle decides, for an hour at
/// most; then nothing does.
#[derive(Clone)]
pub struct Policies {
    bundles: Bundles,
    table: Table,
    people: People,
    clock: Arc<dyn Clock>,
    seen: Arc<Mutex<Option<Seen>>>,
    looking: Arc<tokio::sync::Mutex<()>>,
}

/// What was found in force.
#[derive(Clone)]
struct Seen {
    /// When it was looked at last.
    looked: Timestamp,
    /// When it was last known to be in force.
    confirmed: Timestamp,
    pointer: Pointer,
    bundle: Arc<Bundle>,
}

impl fmt::Debug for Policies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bundles, table, people, clock: _, seen: _, looking: _ } = self;
        let mut told = f.debug_struct("Policies");
        told.field("bundles", bundles).field("table", table).field("people", people).finish()
    }
}

impl Policies {
    /// The bundle that this table names, in that bucket, where so many people stand behind it.
    pub fn new(
        clients: &Clients,
        table: impl Into<String>,
        bucket: impl Into<String>,
        people: People,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            bundles: Bundles::new(clients, bucket),
            table: Table::new(clients, table),
            people,
            clock,
            seen: Arc::default(),
            looking: Arc::default(),
        }
    }

    fn seen(&self) -> Option<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, seen: Seen) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
    }

    /// What is in force now, read again only when it is another one.
    async fn look(&self, before: Option<&Seen>) -> Result<(Pointer, Arc<Bundle>), Fault> {
        let found = Pointer::read(&self.table).await?;
        let pointer = found.ok_or_else(|| Fault::lasting(Origin::Policies, NONE))?;
        if let Some(seen) = before.filter(|seen| seen.pointer == pointer) {
            return Ok((pointer, Arc::clone(&seen.bundle)));
        }
        if pointer.backing(&self.table).await? < Some(self.people) {
            let alone = "the policy bundle that is named was put in force by nobody who may do so alone";
            return Err(Fault::lasting(Origin::Policies, alone));
        }
        let (_, bundle) = self.bundles.read(pointer.digest).await?;
        Ok((pointer, Arc::new(bundle)))
    }
}

#[async_trait]
impl ports::Policies for Policies {
    async fn bundle(&self) -> Result<Arc<Bundle>, Fault> {
        let is_current = |seen: &Seen| {
            let now = self.clock.now();
            now.since(seen.looked) < LOOK_AGAIN && now.since(seen.confirmed) < LAST_GOOD
        };
        if let Some(seen) = self.seen().filter(is_current) {
            return Ok(seen.bundle);
        }
        let _one = self.looking.lock().await;
        let seen = self.seen();
        if let Some(seen) = seen.clone().filter(is_current) {
            return Ok(seen.bundle);
        }
        let now = self.clock.now();
        let fault = match self.look(seen.as_ref()).await {
            Ok((pointer, bundle)) => {
                if seen.as_ref().is_some_and(|seen| seen.bundle.digest() != bundle.digest()) {
                    tracing::info!(bundle = %bundle.digest(), "another policy bundle is in force");
                }
                self.note(Seen { looked: now, confirmed: now, pointer, bundle: Arc::clone(&bundle) });
                return Ok(bundle);
            }
            Err(fault) => fault,
        };
        match seen {
            Some(seen) if now.since(seen.confirmed) < LAST_GOOD => {
                tracing::error!(
                    fault = &fault as &(dyn std::error::Error + 'static),
                    bundle = %seen.bundle.digest(),
                    "the policy bundle in force cannot be had: the last good one decides for an hour at most"
                );
                let bundle = Arc::clone(&seen.bundle);
                self.note(Seen { looked: now, ..seen });
                Ok(bundle)
            }
            Some(_) | None => Err(fault),
        }
    }
}
