//! Putting a policy bundle in force: an operator's part of [`Policies`](crate::Policies), which says what lies where.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
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
use crate::table::{Item, Key, Only, Order, Put, Table, string, writer};
use crate::words::{POLICIES, People, Place, Pointer, Word, words_of};

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
    /// When they have taken it back.
    pub withdrawn: Option<Timestamp>,
}

/// What is named as the bundle in force, as somebody has seen it: what they say is about that and about nothing else.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InForce {
    /// What.
    pub named: Named,
    place: Place,
}

/// Whether functions follow what is named.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Named {
    /// Nothing is named.
    Nothing,
    /// This bundle, and the words that functions want bear it.
    Backed(Digest),
    /// This bundle, and functions do not follow: the words that it names are not there, or are not about it.
    Unbacked(Digest),
    /// Nothing that can be read.
    Damaged,
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
    /// Two people want it to follow what is named now, which it does not. Whoever confirmed it did not come to the end; or it was in force,
    /// and somebody has put back by hand what it had followed.
    Unclear,
}

/// One that was put in force, or nearly.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pushed {
    /// The bundle.
    pub digest: Digest,
    /// When.
    pub at: Timestamp,
    /// Who has proposed it; none where no such word about it is found.
    pub first: Option<Said>,
    /// Who has agreed to that; none where one did it alone.
    pub second: Option<Said>,
    /// How many stand behind it; none: nobody whose word is found, whatever it says.
    pub backing: Option<People>,
    /// What became of it.
    pub became: Became,
}

/// What was put in force, and what lies there that is no push.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Log {
    /// The latest first.
    pub pushes: Vec<Pushed>,
    /// The second keys of items that cannot be read, as whoever wrote them chose them.
    pub unreadable: Vec<String>,
}

/// The bundle in force, in the hands of one operator.
#[derive(Clone)]
pub struct Pushes {
    bundles: Bundles,
    table: Table,
    people: People,
    clock: Arc<dyn Clock>,
    caller: Caller,
}

impl fmt::Debug for Pushes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bundles, table, people, clock: _, caller } = self;
        f.debug_struct("Pushes")
            .field("bundles", bundles)
            .field("table", table)
            .field("people", people)
            .field("caller", caller)
            .finish()
    }
}

impl Pushes {
    /// The bundle that this table names, in that bucket, for functions that want so many people behind it.
    pub fn new(
        clients: &Clients,
        table: impl Into<String>,
        bucket: impl Into<String>,
        people: People,
        caller: Caller,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (bundles, table) = (Bundles::new(clients, bucket), Table::new(clients, table));
        Self { bundles, table, people, clock, caller }
    }

    /// What is named in force, and whether functions follow it.
    ///
    /// # Errors
    /// When that cannot be read.
    pub async fn in_force(&self) -> Result<InForce, Fault> {
        let place = Place::read(&self.table).await?;
        let named = match &place {
            Place::Empty => Named::Nothing,
            Place::Damaged(_) => Named::Damaged,
            Place::Taken(pointer) if pointer.backing(&self.table).await? >= Some(self.people) => {
                Named::Backed(pointer.digest)
            }
            Place::Taken(pointer) => Named::Unbacked(pointer.digest),
        };
        Ok(InForce { named, place })
    }

    /// The last bundle that as many people stood behind as functions want: what is to be compared with where what is named is not.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn last_backed(&self) -> Result<Option<Digest>, Fault> {
        let log = self.log(usize::MAX).await?;
        let last = log.pushes.iter().find(|push| self.is_backed(push));
        Ok(last.map(|push| push.digest))
    }

    /// Whether as many people stand behind this push as functions want.
    pub fn is_backed(&self, push: &Pushed) -> bool {
        push.backing >= Some(self.people)
    }

    /// The files of a bundle that was pushed.
    ///
    /// # Errors
    /// When it is not there or not good.
    pub async fn files(&self, digest: Digest) -> Result<BTreeMap<String, Vec<u8>>, Fault> {
        self.bundles.read(digest).await.map(|(files, _)| files)
    }

    /// Keeps a bundle and proposes it, in the place of `seen`: what whoever proposes it was shown.
    ///
    /// # Errors
    /// [`PushError`]; whatever it is, nothing else is in force than before.
    pub async fn propose(
        &self,
        files: &BTreeMap<String, Vec<u8>>,
        seen: &InForce,
        why: &str,
    ) -> Result<Digest, PushError> {
        let proposal = self.say(files, seen, why).await?;
        let place = Pointer {
            digest: proposal.digest,
            first: proposal.key.clone(),
            second: None,
            at: proposal.at,
            writer: String::new(),
        };
        let key = Key::new("policy", format!("{}{}", proposals_of(proposal.digest), proposal.key.sk));
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
        seen: &InForce,
        why: &str,
    ) -> Result<Digest, PushError> {
        let word = self.say(files, seen, why).await?;
        self.move_to(&word, None, &seen.place).await
    }

    /// Agrees to what another person has proposed, which puts it in force in the place of `seen`: what whoever agrees was shown.
    ///
    /// # Errors
    /// [`PushError`]; but for a fault, nothing else is in force than before.
    pub async fn confirm(&self, digest: Digest, seen: &InForce, why: &str) -> Result<Digest, PushError> {
        if seen.named == Named::Backed(digest) {
            return Err(PushError::InForce);
        }
        let proposed = self.open(Some(digest), seen).await?;
        let Some(first) = proposed.iter().find(|word| !word.is_by(&self.caller)) else {
            return Err(match proposed.first() {
                Some(own) => PushError::SamePerson { by: own.by.clone() },
                None => PushError::NotProposed,
            });
        };
        self.bundles.read(digest).await?;
        let mut second = self.word(digest, seen, why)?;
        second.agrees = Some(first.key.clone());
        self.keep(&second).await?;
        let moved = self.move_to(first, Some(&second), &seen.place).await;
        if matches!(moved, Err(PushError::Overtaken)) {
            // A yes that has come to nothing is none: it was to what was shown.
            self.rewrite(second.void()).await?;
        }
        moved
    }

    /// Takes back what this operator has said of a bundle that is not in force: it bears nothing any more, whatever somebody else says to
    /// it. What was in force by it is known to have been. How many words that were.
    ///
    /// # Errors
    /// [`PushError::InForce`] for the one that is; a fault, and it may be done again.
    pub async fn withdraw(&self, digest: Digest) -> Result<usize, PushError> {
        if self.in_force().await?.named == Named::Backed(digest) {
            return Err(PushError::InForce);
        }
        let own = words_of(self.caller.id());
        let found = self.table.query(&own, "", Order::Forward, None, POLICIES).await?;
        let words = found.iter().filter_map(|item| Word::of(item).ok());
        let mut taken_back = 0_usize;
        for word in words.filter(|word| word.digest == digest && word.withdrawn.is_none()) {
            let word = Word { withdrawn: Some(self.clock.now()), ..word };
            self.rewrite(word.item()).await?;
            taken_back = taken_back.saturating_add(1);
        }
        Ok(taken_back)
    }

    /// Writes a word of this operator anew. Nobody else may.
    async fn rewrite(&self, word: Item) -> Result<(), Fault> {
        self.table.put(word, Only::IfThere, &writer()?, POLICIES).await.map(|_| ())
    }

    /// What waits for a second person to follow what is named, the latest first; of one bundle, or of all.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn proposals(&self, of: Option<Digest>, seen: &InForce) -> Result<Vec<Proposal>, Fault> {
        let open = self.open(of, seen).await?;
        Ok(open.into_iter().map(|word| Proposal { digest: word.digest, said: said(&word) }).collect())
    }

    /// What was put in force, also what somebody else came before. Whatever operators have written, the rest is told.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn log(&self, limit: usize) -> Result<Log, Fault> {
        let current = Place::read(&self.table).await?;
        let found = self.table.query("policy", "push#", Order::Backward, None, POLICIES).await?;
        let (mut pointers, mut unreadable) = (Vec::with_capacity(found.len()), Vec::new());
        for item in &found {
            match Pointer::of(item) {
                Ok(pointer) => pointers.push(pointer),
                Err(_) => unreadable.push(string(item, "sk", POLICIES)?),
            }
        }
        let keys: HashSet<Key> = pointers.iter().flat_map(Pointer::words).cloned().collect();
        let keys: Vec<Key> = keys.into_iter().collect();
        let items: HashMap<Key, Item> = self.table.get_all(&keys, POLICIES).await?;
        let words: HashMap<&Key, Word> =
            items.iter().filter_map(|(key, item)| Some((key, Word::of(item).ok()?))).collect();
        // Whatever was followed was in force: what follows it says so.
        let followed: BTreeSet<&str> = words.values().filter_map(|word| word.over.as_deref()).collect();
        // The order is that of the words, not that of keys: whoever writes a key chooses it.
        pointers.sort_by_key(|pointer| std::cmp::Reverse(pointer.said(&items)));
        let wants_to_follow = |pointer: &Pointer| {
            let over = words.get(&pointer.first).and_then(|word| word.over.as_deref());
            over.is_some() && over == current.writer()
        };
        let told = |pointer: &Pointer| {
            let backing = pointer.was_backed(&items);
            let about_it = |key: &Key| words.get(key).filter(|word| word.digest == pointer.digest).map(said);
            let is_followed = followed.contains(pointer.writer.as_str());
            let became = match (current.writer() == Some(&pointer.writer), is_followed && backing.is_some()) {
                (true, _) => Became::InForce,
                (false, true) => Became::WasInForce,
                (false, false) if backing >= Some(self.people) && wants_to_follow(pointer) => Became::Unclear,
                (false, false) => Became::Never,
            };
            Pushed {
                digest: pointer.digest,
                at: pointer.at,
                first: about_it(&pointer.first),
                second: pointer.second.as_ref().and_then(about_it),
                backing,
                became,
            }
        };
        let mut pushes: Vec<Pushed> = pointers.iter().map(told).collect();
        // What nobody has followed and is named no more was in force all the same, where whoever wrote the name by hand was not followed.
        let is_by_hand = !pushes.iter().any(|push| push.became == Became::InForce && self.is_backed(push));
        if is_by_hand && let Some(last) = pushes.iter_mut().find(|push| push.backing >= Some(self.people)) {
            last.became = Became::WasInForce;
        }
        pushes.truncate(limit);
        Ok(Log { pushes, unreadable })
    }

    /// Keeps a bundle, and this operator's word that it shall follow what they were shown.
    async fn say(
        &self,
        files: &BTreeMap<String, Vec<u8>>,
        seen: &InForce,
        why: &str,
    ) -> Result<Word, PushError> {
        let digest = Bundle::parse(files).map_err(PushError::Invalid)?.digest();
        if Place::read(&self.table).await? != seen.place {
            return Err(PushError::Overtaken);
        }
        if seen.named == Named::Backed(digest) {
            return Err(PushError::InForce);
        }
        self.bundles.keep(files, digest).await?;
        let word = self.word(digest, seen, why)?;
        self.keep(&word).await?;
        Ok(word)
    }

    fn word(&self, digest: Digest, seen: &InForce, why: &str) -> Result<Word, Fault> {
        let now = self.clock.now();
        Ok(Word {
            key: Key::new(words_of(self.caller.id()), format!("{:020}#{}", now.as_micros(), writer()?)),
            digest,
            over: seen.place.writer().map(str::to_owned),
            agrees: None,
            by: self.caller.arn().to_owned(),
            why: why.to_owned(),
            at: now,
            withdrawn: None,
        })
    }

    async fn keep(&self, word: &Word) -> Result<(), Fault> {
        match self.table.put(word.item(), Only::IfAbsent, &writer()?, POLICIES).await? {
            Put::Done => Ok(()),
            // Its name was drawn at random: nobody has it.
            Put::Otherwise => Err(POLICIES.damaged()),
        }
    }

    /// Moves the pointer, if it is where these words found it. What is damaged is replaced like any other.
    async fn move_to(
        &self,
        first: &Word,
        second: Option<&Word>,
        before: &Place,
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
        let only = before.writer().map_or(Only::IfUnwritten, Only::IfWrittenBy);
        match self.table.put(pointer.item(&Pointer::key()), only, writer, POLICIES).await? {
            Put::Done => Ok(pointer.digest),
            // Where several agree at once, all but one find it done.
            Put::Otherwise if self.in_force().await?.named == Named::Backed(pointer.digest) => {
                Err(PushError::InForce)
            }
            Put::Otherwise => Err(PushError::Overtaken),
        }
    }

    /// The proposals to follow what is named, of one bundle or of all; the latest first.
    // SECURITY: whoever may propose may write any name, so nothing here stops at a number of them, or at one that cannot be read.
    async fn open(&self, of: Option<Digest>, seen: &InForce) -> Result<Vec<Word>, Fault> {
        let begins = of.map_or_else(|| "proposed#".to_owned(), proposals_of);
        let found = self.table.query("policy", &begins, Order::Backward, None, POLICIES).await?;
        let key = |item: &Item| {
            let part = |name| string(item, name, POLICIES).ok();
            Some(Key::new(part("first_pk")?, part("first_sk")?))
        };
        let keys: HashSet<Key> = found.iter().filter_map(key).collect();
        let keys: Vec<Key> = keys.into_iter().collect();
        let items = self.table.get_all(&keys, POLICIES).await?;
        let mut words: Vec<Word> = items.values().filter_map(|item| Word::of(item).ok()).collect();
        words.retain(|word| {
            let is_asked_for = of.is_none_or(|digest| word.digest == digest);
            let follows = word.agrees.is_none()
                && word.withdrawn.is_none()
                && word.over.as_deref() == seen.place.writer();
            is_asked_for && follows && Caller::of(word.by_id(), &word.by).is_ok()
        });
        words.sort_by(|one, other| other.key.sk.cmp(&one.key.sk));
        Ok(words)
    }
}

/// What the second keys begin with under which proposals of a bundle are found.
fn proposals_of(digest: Digest) -> String {
    format!("proposed#{digest}#")
}

fn said(word: &Word) -> Said {
    let Word { key: _, digest: _, over: _, agrees: _, by, why, at, withdrawn } = word;
    let (by, why) = (by.clone(), why.clone());
    Said { by, id: word.by_id().to_owned(), why, at: *at, withdrawn: *withdrawn }
}
