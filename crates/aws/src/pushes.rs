//! Putting a policy bundle in force: an operator's part of [`Policies`](crate::Policies), which says what lies where.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use domain::{Digest, Timestamp};
use gateway::Fault;
use gateway::ports::Clock;
use policy::{Bundle, Problem};
use thiserror::Error;

use crate::bundles::Bundles;
use crate::caller::Caller;
use crate::calls::Clients;
use crate::table::{Key, Only, Order, Put, Table, string, writer};
use crate::words::{POLICIES, Pointer, Word, words_of};

/// Proposals that are looked through, at most, the latest first.
const PROPOSALS: usize = 100;

/// Why a bundle was not proposed or put in force.
#[derive(Debug, Error)]
pub enum PushError {
    /// It does not validate.
    #[error("the bundle is not good: {}", .0.iter().take(10).map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<Problem>),
    /// It is in force.
    #[error("this very bundle is in force already")]
    InForce,
    /// Nobody has proposed it, or what it was to follow is in force no more.
    #[error("nobody has proposed this bundle over the one that is in force now; push it first")]
    NotProposed,
    /// Whoever agrees is whoever has proposed it.
    #[error("{by} has proposed it, and a second person confirms")]
    SamePerson {
        /// Who has.
        by: String,
    },
    /// Somebody else has put another one in force meanwhile.
    #[error("another bundle was put in force meanwhile; look at it, and push again")]
    Overtaken,
    /// Something broke: nobody knows whether it is in force.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// What somebody said, and when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Said {
    /// Their ARN, as they have written it.
    pub by: String,
    /// Their `aws:userid`, by which rights hold them to their own words.
    pub id: String,
    /// Why.
    pub why: String,
    /// When.
    pub at: Timestamp,
}

/// What is in force.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InForce {
    /// The bundle.
    pub digest: Digest,
    /// Since when.
    pub at: Timestamp,
}

/// What waits for a second person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proposal {
    /// The bundle.
    pub digest: Digest,
    /// Who has proposed it.
    pub said: Said,
}

/// What became of a push.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Became {
    /// It is in force.
    InForce,
    /// It was, until another one followed.
    WasInForce,
    /// It never was: somebody else came before, or whoever put it there did not come to the end.
    Never,
}

/// One that was put in force, or nearly.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pushed {
    /// The bundle.
    pub digest: Digest,
    /// When.
    pub at: Timestamp,
    /// Who has proposed it; none where no such word is found.
    pub first: Option<Said>,
    /// Who has agreed; none where one did it alone.
    pub second: Option<Said>,
    /// What became of it.
    pub became: Became,
}

/// The bundle in force, in the hands of one operator.
#[derive(Clone)]
pub struct Pushes {
    bundles: Bundles,
    table: Table,
    clock: Arc<dyn Clock>,
    caller: Caller,
}

impl fmt::Debug for Pushes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bundles, table, clock: _, caller } = self;
        f.debug_struct("Pushes")
            .field("bundles", bundles)
            .field("table", table)
            .field("caller", caller)
            .finish()
    }
}

impl Pushes {
    /// The bundle that this table names, in that bucket.
    pub fn new(
        clients: &Clients,
        table: impl Into<String>,
        bucket: impl Into<String>,
        caller: Caller,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { bundles: Bundles::new(clients, bucket), table: Table::new(clients, table), clock, caller }
    }

    /// What is in force; none before the first push.
    ///
    /// # Errors
    /// When that cannot be read.
    pub async fn in_force(&self) -> Result<Option<InForce>, Fault> {
        let found = Pointer::read(&self.table).await?;
        Ok(found.map(|Pointer { digest, at, .. }| InForce { digest, at }))
    }

    /// The files of a bundle that was pushed.
    ///
    /// # Errors
    /// When it is not there or not good.
    pub async fn files(&self, digest: Digest) -> Result<BTreeMap<String, Vec<u8>>, Fault> {
        self.bundles.read(digest).await.map(|(files, _)| files)
    }

    /// Keeps a bundle and proposes it, in the place of `seen`: what whoever proposes it has compared it with (none: of none).
    ///
    /// # Errors
    /// [`PushError`]; whatever it is, nothing else is in force than before.
    pub async fn propose(
        &self,
        files: &BTreeMap<String, Vec<u8>>,
        seen: Option<Digest>,
        why: &str,
    ) -> Result<Digest, PushError> {
        let (proposal, _) = self.say(files, seen, why).await?;
        let place = Pointer {
            digest: proposal.digest,
            first: proposal.key.clone(),
            second: None,
            at: proposal.at,
            writer: String::new(),
        };
        let key = Key::new("policy", format!("proposed#{}", proposal.key.sk));
        self.table.put(place.item(&key), Only::IfAbsent, &writer()?, POLICIES).await?;
        Ok(proposal.digest)
    }

    /// Keeps a bundle and puts it in force by one person's word, which only gateways take that were told so
    /// ([`People::One`](crate::People::One)).
    ///
    /// # Errors
    /// [`PushError`]; but for a fault, nothing else is in force than before.
    pub async fn put_alone(
        &self,
        files: &BTreeMap<String, Vec<u8>>,
        seen: Option<Digest>,
        why: &str,
    ) -> Result<Digest, PushError> {
        let (word, before) = self.say(files, seen, why).await?;
        self.move_to(&word, None, before.as_ref()).await
    }

    /// Agrees to what another person has proposed, which puts it in force.
    ///
    /// # Errors
    /// [`PushError`]; but for a fault, nothing else is in force than before.
    pub async fn confirm(&self, digest: Digest, why: &str) -> Result<Digest, PushError> {
        let before = Pointer::read(&self.table).await?;
        if before.as_ref().is_some_and(|before| before.digest == digest) {
            return Err(PushError::InForce);
        }
        let open = self.open(before.as_ref()).await?;
        let proposed: Vec<Word> = open.into_iter().filter(|word| word.digest == digest).collect();
        let Some(first) = proposed.iter().find(|word| !word.is_by(&self.caller)) else {
            return Err(match proposed.first() {
                Some(own) => PushError::SamePerson { by: own.by.clone() },
                None => PushError::NotProposed,
            });
        };
        self.bundles.read(digest).await?;
        let mut second = self.word(digest, before.as_ref(), why)?;
        second.agrees = Some(first.key.clone());
        self.keep(&second).await?;
        self.move_to(first, Some(&second), before.as_ref()).await
    }

    /// What waits for a second person, the latest first.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn proposals(&self) -> Result<Vec<Proposal>, Fault> {
        let before = Pointer::read(&self.table).await?;
        let open = self.open(before.as_ref()).await?;
        Ok(open.into_iter().map(|word| Proposal { digest: word.digest, said: said(&word) }).collect())
    }

    /// What was put in force, the latest first, also what somebody else came before.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn log(&self, limit: usize) -> Result<Vec<Pushed>, Fault> {
        let current = Pointer::read(&self.table).await?;
        let found = self.table.query("policy", "push#", Order::Backward, Some(limit), POLICIES).await?;
        let pushes: Vec<Pointer> = found.iter().map(Pointer::of).collect::<Result<_, _>>()?;
        let keys: BTreeSet<(String, String)> = pushes
            .iter()
            .flat_map(|push| [Some(&push.first), push.second.as_ref()])
            .flatten()
            .map(|key| (key.pk.clone(), key.sk.clone()))
            .collect();
        let keys: Vec<Key> = keys.into_iter().map(|(pk, sk)| Key::new(pk, sk)).collect();
        let words: HashMap<Key, Word> = self
            .table
            .get_all(&keys, POLICIES)
            .await?
            .into_iter()
            .map(|(key, item)| Ok((key, Word::of(&item)?)))
            .collect::<Result<_, Fault>>()?;
        // Whatever was followed was in force: what follows it says so.
        let followed: BTreeSet<&str> = words.values().filter_map(|word| word.over.as_deref()).collect();
        let told = |push: &Pointer| {
            let is_current = current.as_ref().is_some_and(|current| current.writer == push.writer);
            let became = match (is_current, followed.contains(push.writer.as_str())) {
                (true, _) => Became::InForce,
                (false, true) => Became::WasInForce,
                (false, false) => Became::Never,
            };
            Pushed {
                digest: push.digest,
                at: push.at,
                first: words.get(&push.first).map(said),
                second: push.second.as_ref().and_then(|key| words.get(key)).map(said),
                became,
            }
        };
        Ok(pushes.iter().map(told).collect())
    }

    /// Keeps a bundle, and this operator's word that it shall follow what is in force.
    async fn say(
        &self,
        files: &BTreeMap<String, Vec<u8>>,
        seen: Option<Digest>,
        why: &str,
    ) -> Result<(Word, Option<Pointer>), PushError> {
        let digest = Bundle::parse(files).map_err(PushError::Invalid)?.digest();
        let before = Pointer::read(&self.table).await?;
        if before.as_ref().map(|before| before.digest) != seen {
            return Err(PushError::Overtaken);
        }
        if seen == Some(digest) {
            return Err(PushError::InForce);
        }
        self.bundles.keep(files, digest).await?;
        let word = self.word(digest, before.as_ref(), why)?;
        self.keep(&word).await?;
        Ok((word, before))
    }

    fn word(&self, digest: Digest, before: Option<&Pointer>, why: &str) -> Result<Word, Fault> {
        let now = self.clock.now();
        Ok(Word {
            key: Key::new(words_of(self.caller.id()), format!("{:020}#{}", now.as_micros(), writer()?)),
            digest,
            over: before.map(|before| before.writer.clone()),
            agrees: None,
            by: self.caller.arn().to_owned(),
            why: why.to_owned(),
            at: now,
        })
    }

    async fn keep(&self, word: &Word) -> Result<(), Fault> {
        match self.table.put(word.item(), Only::IfAbsent, &writer()?, POLICIES).await? {
            Put::Done => Ok(()),
            // Its name was drawn at random: nobody has it.
            Put::Otherwise => Err(POLICIES.damaged()),
        }
    }

    /// Moves the pointer, if it is where these words found it.
    async fn move_to(
        &self,
        first: &Word,
        second: Option<&Word>,
        before: Option<&Pointer>,
    ) -> Result<Digest, PushError> {
        let pointer = Pointer {
            digest: first.digest,
            first: first.key.clone(),
            second: second.map(|second| second.key.clone()),
            at: self.clock.now(),
            writer: writer()?,
        };
        let Pointer { at, writer, .. } = &pointer;
        let pushed = Key::new("policy", format!("push#{:020}#{writer}", at.as_micros()));
        // Kept first: nothing ever decides that nobody is known to have pushed.
        self.table.put(pointer.item(&pushed), Only::IfAbsent, writer, POLICIES).await?;
        let only = before.map_or(Only::IfAbsent, |before| Only::IfWrittenBy(&before.writer));
        match self.table.put(pointer.item(&Pointer::key()), only, writer, POLICIES).await? {
            Put::Done => Ok(pointer.digest),
            Put::Otherwise => Err(PushError::Overtaken),
        }
    }

    /// The proposals to follow what is in force, the latest first.
    async fn open(&self, before: Option<&Pointer>) -> Result<Vec<Word>, Fault> {
        let found =
            self.table.query("policy", "proposed#", Order::Backward, Some(PROPOSALS), POLICIES).await?;
        let keys: Vec<Key> = found
            .iter()
            .map(|item| {
                Ok(Key::new(string(item, "first_pk", POLICIES)?, string(item, "first_sk", POLICIES)?))
            })
            .collect::<Result<_, Fault>>()?;
        let unique: std::collections::HashSet<Key> = keys.into_iter().collect();
        let keys: Vec<Key> = unique.into_iter().collect();
        let items = self.table.get_all(&keys, POLICIES).await?;
        // What is no word proposes nothing, and keeps nobody else's from being found.
        let mut words: Vec<Word> = items.values().filter_map(|item| Word::of(item).ok()).collect();
        let over = before.map(|before| before.writer.as_str());
        words.retain(|word| word.agrees.is_none() && word.over.as_deref() == over);
        words.sort_by(|one, other| other.key.sk.cmp(&one.key.sk));
        Ok(words)
    }
}

fn said(word: &Word) -> Said {
    Said { by: word.by.clone(), id: word.by_id().to_owned(), why: word.why.clone(), at: word.at }
}
