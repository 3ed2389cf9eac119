//! Claiming: revocation, request id, budget and session, read together and decided by one conditional write.

use std::collections::BTreeSet;

use domain::{Handle, PrincipalKey, RequestId, Timestamp};
use gateway::Fault;
use gateway::ports::{CLAIM_LIFE, Claim, Claimed, CountedAs};

use super::ledger::{Known, Statuses};
use super::{EXCHANGES, Exchanges, LANES, Ledger, RETENTION, Row, TURNS, orphans, revocations};
use crate::packed::{pack, unpack};
use crate::table::{Item, Key, Only, Put, WRITER, blob, bytes, integer, number, pause, string, text, writer};

/// For how long the ledger of a principal that asks nothing is kept, in seconds; longer than anything may wait.
const LEDGER: i64 = 90 * 24 * 60 * 60;

/// What was read for a claim, and what comes of it.
pub(super) struct Looked {
    /// The ledger, settled.
    ledger: Ledger,
    /// Its item as it was read.
    before: Before,
    /// What of it has an item of its own.
    known: BTreeSet<String>,
    /// Who wrote the item of this request id; none where there is none.
    request_by: Option<String>,
    /// Whether that item is this very claim's, from an earlier turn.
    is_ours: bool,
    pub answer: (Claimed, Option<CountedAs>),
}

impl Exchanges {
    /// Claims, in as many turns as others come before.
    pub(super) async fn claimed(&self, claim: &Claim<'_>) -> Result<Claimed, Fault> {
        let _lane = self.lane(claim.principal).lock().await;
        let mut requested = None;
        for turn in 0..TURNS {
            if turn > 0 {
                pause(turn).await;
            }
            let looked = self.look(claim).await?;
            let Looked { mut ledger, before, known, request_by, is_ours, answer: (claimed, counted) } =
                looked;
            let keeps_request = counted.is_some_and(|counted| counted != CountedAs::No);
            if let (Some(request), true, false) = (claim.request, keeps_request, is_ours) {
                // Before the ledger: of two that come with one id at once, one stops here.
                match self.take_request(claim, request, &claimed, request_by.as_deref()).await? {
                    Put::Done => requested = Some(request),
                    Put::Otherwise => continue,
                }
            }
            let Some(counted) = counted else {
                return self.without_request(claim, requested, claimed).await;
            };
            ledger.note(claim, counted);
            let due = before.due(ledger.suspect_at(&known), claim.now);
            match self.put_ledger(claim.principal, &ledger, &before, due, Some(claim.now)).await? {
                Put::Done if keeps_request => return Ok(claimed),
                Put::Done => return self.without_request(claim, requested, claimed).await,
                Put::Otherwise => {}
            }
        }
        if let Some(request) = requested {
            self.free_request(claim.principal, request.as_str(), claim.handle).await?;
        }
        Err(Fault::passing(EXCHANGES.origin, "too many statements begin at once; ask again in a moment"))
    }

    /// Answers a claim that keeps no request id, and gives back the one that an earlier turn has taken.
    async fn without_request(
        &self,
        claim: &Claim<'_>,
        requested: Option<&RequestId>,
        claimed: Claimed,
    ) -> Result<Claimed, Fault> {
        if let Some(request) = requested {
            self.free_request(claim.principal, request.as_str(), claim.handle).await?;
        }
        Ok(claimed)
    }

    /// Reads what a claim depends on, and what it would be answered.
    pub(super) async fn look(&self, claim: &Claim<'_>) -> Result<Looked, Fault> {
        let ledger_key = ledger_key(claim.principal);
        let request_key = claim.request.map(|request| request_key(claim.principal, request.as_str()));
        let names = revocations::names_of(claim.identity);
        let mut keys = vec![ledger_key.clone()];
        keys.extend(request_key.clone());
        keys.extend(names.iter().map(|(_, key)| key.clone()));
        keys.dedup();
        let found = self.table.get_all(&distinct(keys), EXCHANGES).await?;
        let ledger_item = found.get(&ledger_key);
        let before = Before::of(ledger_item)?;
        let mut ledger = ledger_item.map(read_ledger).transpose()?.unwrap_or_default();
        let request_item = request_key.as_ref().and_then(|key| found.get(key));
        let request_by = request_item.map(|item| string(item, WRITER, EXCHANGES)).transpose()?;
        let earlier = request_item.map(Earlier::read).transpose()?;
        let is_ours = earlier.as_ref().is_some_and(|earlier| earlier.handle == claim.handle);

        let session = ledger.session(claim).map(|(session, _)| session);
        let session_key = session.map(revocations::session_key);
        let handles = ledger.claimed().filter_map(|entry| entry.handle.parse::<Handle>().ok());
        let mut keys: Vec<Key> = handles.map(Row::key_of).collect();
        keys.extend(session_key.clone());
        keys.extend(earlier.as_ref().map(|earlier| Row::key_of(earlier.handle)));
        let stand = self.table.get_all(&distinct(keys), EXCHANGES).await?;
        let statuses = statuses(stand.values())?;
        // What has no item of its own yet has a number all the same.
        if let Some(session) = session.filter(|session| ledger.is_unseen(*session, &statuses)) {
            ledger.saw(session, orphans::highest(&self.table, session).await?);
        }
        ledger.settle(&statuses, claim.now);

        let earlier = match earlier {
            Some(earlier) if !is_ours && self.holds(&earlier, &statuses, claim.now).await? => {
                Some((earlier.handle, earlier.digest))
            }
            Some(_) | None => None,
        };
        let revoked = names.iter().find(|(_, key)| found.contains_key(key)).map(|(what, _)| *what);
        let of_session = session_key.is_some_and(|key| stand.contains_key(&key));
        let revoked = revoked.or(of_session.then_some(gateway::ports::RevokedWhat::Session));
        let answer = ledger.answer(claim, &Known { revoked, earlier }, &statuses);
        let known = statuses.into_keys().collect();
        Ok(Looked { ledger, before, known, request_by, is_ours, answer })
    }

    /// Whether an earlier request still has its id: it is remembered, and began, or may have.
    async fn holds(&self, earlier: &Earlier, statuses: &Statuses, now: Timestamp) -> Result<bool, Fault> {
        let age = now.since(Timestamp::from_micros(earlier.at_us));
        if statuses.contains_key(&earlier.handle.to_string()) {
            return Ok(age <= RETENTION);
        }
        if age <= CLAIM_LIFE {
            return Ok(true);
        }
        // What was opened and never began is going to be adopted, and answers then.
        let (session, handle) = (&earlier.session, earlier.handle.to_string());
        let opened = orphans::opened(&self.table, session, &handle, 0).await?;
        Ok(age <= RETENTION && opened.is_some())
    }

    async fn take_request(
        &self,
        claim: &Claim<'_>,
        request: &RequestId,
        claimed: &Claimed,
        before: Option<&str>,
    ) -> Result<Put, Fault> {
        let session = match claimed {
            Claimed::New { session, .. } | Claimed::FailuresSpent { session, .. } => *session,
            Claimed::Repeat(_)
            | Claimed::Joins(_)
            | Claimed::Reused { .. }
            | Claimed::OverBudget { .. }
            | Claimed::Revoked { .. }
            | Claimed::Counted(_) => claim.fresh_session,
        };
        let mut item = request_key(claim.principal, request.as_str()).item();
        let forget_at = claim.now.after(RETENTION).as_secs();
        item.insert("handle".to_owned(), text(claim.handle.to_string()));
        item.insert("digest".to_owned(), text(claim.digest.to_string()));
        item.extend(claim.terms.map(|terms| ("terms".to_owned(), text(terms))));
        item.insert("in_session".to_owned(), text(session.to_string()));
        item.insert("at_us".to_owned(), number(claim.now.as_micros()));
        item.insert("forget_at".to_owned(), number(forget_at));
        let only = before.map_or(Only::IfAbsent, Only::IfWrittenBy);
        self.table.put(item, only, &writer()?, EXCHANGES).await
    }

    /// Gives a request id back, if it is this handle's.
    pub(super) async fn free_request(
        &self,
        principal: &PrincipalKey,
        request: &str,
        handle: Handle,
    ) -> Result<(), Fault> {
        let key = request_key(principal, request);
        let Some(item) = self.table.get(&key, EXCHANGES).await? else { return Ok(()) };
        if Earlier::read(&item)?.handle != handle {
            return Ok(());
        }
        self.table.delete(&key, &string(&item, WRITER, EXCHANGES)?, EXCHANGES).await
    }

    /// Under which terms the statement of a request id would be answered, as its claim has kept them, if it is this handle's.
    pub(super) async fn terms_of(
        &self,
        principal: &PrincipalKey,
        request: &str,
        handle: &str,
    ) -> Result<Option<String>, Fault> {
        let Some(item) = self.table.get(&request_key(principal, request), EXCHANGES).await? else {
            return Ok(None);
        };
        let is_its = string(&item, "handle", EXCHANGES)? == handle;
        Ok(item.get("terms").filter(|_| is_its).and_then(|terms| terms.as_s().ok()).cloned())
    }

    /// Changes a principal's ledger, if nobody else has changed it meanwhile. `change` tells what comes of it, and whether
    /// anything was changed; it is due when it was.
    pub(super) async fn change_ledger<T: Send>(
        &self,
        principal: &PrincipalKey,
        now: Option<Timestamp>,
        change: impl Fn(&mut Ledger) -> (T, bool) + Send + Sync,
    ) -> Result<T, Fault> {
        self.change_due(principal, now, change, |_, before| before.due_us).await
    }

    /// The same, and `due` tells when it is to be looked through.
    pub(super) async fn change_due<T: Send>(
        &self,
        principal: &PrincipalKey,
        now: Option<Timestamp>,
        change: impl Fn(&mut Ledger) -> (T, bool) + Send + Sync,
        due: impl Fn(&Ledger, &Before) -> Option<i64> + Send + Sync,
    ) -> Result<T, Fault> {
        let _lane = self.lane(principal).lock().await;
        let key = ledger_key(principal);
        for turn in 0..TURNS {
            if turn > 0 {
                pause(turn).await;
            }
            let found = self.table.get(&key, EXCHANGES).await?;
            let before = Before::of(found.as_ref())?;
            let mut ledger = found.as_ref().map(read_ledger).transpose()?.unwrap_or_default();
            let (answer, is_changed) = change(&mut ledger);
            let due = due(&ledger, &before);
            if !is_changed && due == before.due_us {
                return Ok(answer);
            }
            match self.put_ledger(principal, &ledger, &before, due, now).await? {
                Put::Done => return Ok(answer),
                Put::Otherwise => {}
            }
        }
        Err(EXCHANGES.crowded())
    }

    async fn put_ledger(
        &self,
        principal: &PrincipalKey,
        ledger: &Ledger,
        before: &Before,
        due_us: Option<i64>,
        now: Option<Timestamp>,
    ) -> Result<Put, Fault> {
        let json = serde_json::to_vec(ledger).map_err(|_| EXCHANGES.damaged())?;
        let packed = pack(&json).map_err(|error| EXCHANGES.crowded().because(error))?;
        let forget_at = now.map_or(0, |now| now.as_secs().saturating_add(LEDGER)).max(before.forget_at);
        let mut item = ledger_key(principal).item();
        item.insert("ledger".to_owned(), bytes(packed));
        item.insert("forget_at".to_owned(), number(forget_at));
        if let Some(due_us) = due_us {
            item.insert("due_in".to_owned(), text(orphans::LEDGERS));
            item.insert("due_us".to_owned(), number(due_us));
        }
        let only = before.writer.as_deref().map_or(Only::IfAbsent, Only::IfWrittenBy);
        self.table.put(item, only, &writer()?, EXCHANGES).await
    }

    /// Where this process takes its turns for a principal: two of them would only come before each other.
    fn lane(&self, principal: &PrincipalKey) -> &tokio::sync::Mutex<()> {
        static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
        let at = usize::try_from(orphans::place_of(principal)).unwrap_or(0) % LANES;
        self.lanes.get(at).unwrap_or(&ALONE)
    }
}

/// A ledger's item as it was read, but for the ledger itself; of none where there is none.
pub(super) struct Before {
    /// Who wrote it.
    writer: Option<String>,
    forget_at: i64,
    /// When it is to be looked through for claims that led to no item; none: it holds none. An earlier version wrote a place
    /// among all ledgers instead, which has passed by any clock.
    pub due_us: Option<i64>,
}

impl Before {
    fn of(item: Option<&Item>) -> Result<Self, Fault> {
        let Some(item) = item else { return Ok(Self { writer: None, forget_at: 0, due_us: None }) };
        let due_us = item.get("due_us").map(|_| integer(item, "due_us", EXCHANGES)).transpose()?;
        let (writer, forget_at) = (string(item, WRITER, EXCHANGES)?, integer(item, "forget_at", EXCHANGES)?);
        Ok(Self { writer: Some(writer), forget_at, due_us })
    }

    /// When it is due from now on, where something in it is suspect from then on. A moment that is still to come and early
    /// enough stays: so the index is written once a minute at most, however much a principal asks.
    fn due(&self, suspect_us: Option<i64>, now: Timestamp) -> Option<i64> {
        let suspect_us = suspect_us?;
        let stays = self.due_us.filter(|due| (now.as_micros()..=suspect_us).contains(due));
        Some(stays.unwrap_or(suspect_us))
    }
}

/// An earlier request.
struct Earlier {
    handle: Handle,
    digest: String,
    session: String,
    at_us: i64,
}

impl Earlier {
    fn read(item: &Item) -> Result<Self, Fault> {
        Ok(Self {
            handle: string(item, "handle", EXCHANGES)?.parse().map_err(|_| EXCHANGES.damaged())?,
            digest: string(item, "digest", EXCHANGES)?,
            session: string(item, "in_session", EXCHANGES)?,
            at_us: integer(item, "at_us", EXCHANGES)?,
        })
    }
}

/// How exchanges stand, by their items; other items among them are passed over.
pub(super) fn statuses<'a>(items: impl Iterator<Item = &'a Item>) -> Result<Statuses, Fault> {
    let mut found = Statuses::new();
    for item in items {
        if string(item, "sk", EXCHANGES)? == "live" {
            let row = Row::read(item)?;
            found.insert(row.handle.to_string(), row.status());
        }
    }
    Ok(found)
}

/// Each key once: to ask for one twice is an error.
pub(super) fn distinct(keys: Vec<Key>) -> Vec<Key> {
    let mut seen = std::collections::HashSet::new();
    keys.into_iter().filter(|key| seen.insert(key.clone())).collect()
}

pub(super) fn principal_partition(principal: &str) -> String {
    format!("principal#{principal}")
}

pub(super) fn ledger_key(principal: &PrincipalKey) -> Key {
    Key::new(principal_partition(principal.as_str()), "ledger")
}

fn request_key(principal: &PrincipalKey, request: &str) -> Key {
    Key::new(principal_partition(principal.as_str()), format!("request#{request}"))
}

pub(super) fn read_ledger(item: &Item) -> Result<Ledger, Fault> {
    let json = unpack(blob(item, "ledger", EXCHANGES)?).ok_or_else(|| EXCHANGES.damaged())?;
    serde_json::from_slice(&json).map_err(|_| EXCHANGES.damaged())
}
