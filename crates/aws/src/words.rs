//! What operators say of policy bundles, each under their own name, and the pointer that rests on it.

use std::collections::HashMap;

use domain::{Digest, Timestamp};
use gateway::{Fault, Origin};

use crate::caller::{Caller, is_of_a_person, person_of};
use crate::table::{About, Item, Key, Table, WRITER, integer, number, string, text};

pub(crate) const POLICIES: About =
    About { origin: Origin::Policies, public: "the policy bundle cannot be read" };

/// How many people stand behind a bundle in force; as a demand, at least.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum People {
    /// One is enough: for accounts that one person operates.
    One,
    /// One who proposed it and another who agreed.
    Two,
}

/// One operator's word: that a bundle shall be in force, in the place of what was in force then.
#[derive(Clone, Debug)]
pub(crate) struct Word {
    pub key: Key,
    pub digest: Digest,
    /// The write of the pointer that it is to follow; none: of no pointer.
    pub over: Option<String>,
    /// The proposal that it agrees to; none: it is one.
    pub agrees: Option<Key>,
    /// The ARN of whoever said it.
    pub by: String,
    pub why: String,
    pub at: Timestamp,
    /// When whoever said it has taken it back.
    pub withdrawn: Option<Timestamp>,
}

/// The partition of an operator's words. Rights let each write theirs alone (`operator#${aws:userid}`).
pub(crate) fn words_of(id: &str) -> String {
    format!("operator#{id}")
}

impl Word {
    /// The `aws:userid` of whoever said it: by the key, which rights hold to them, not by what stands in it.
    pub fn by_id(&self) -> &str {
        self.key.pk.strip_prefix("operator#").unwrap_or_default()
    }

    pub fn item(&self) -> Item {
        let Self { key, digest, over, agrees, by, why, at, withdrawn } = self;
        let mut item = key.item();
        let texts = [("digest", digest.to_string()), ("by", by.clone()), ("why", why.clone())];
        item.extend(texts.map(|(name, value)| (name.to_owned(), text(value))));
        item.insert("at_us".to_owned(), number(at.as_micros()));
        if let Some(withdrawn) = withdrawn {
            item.insert("withdrawn_us".to_owned(), number(withdrawn.as_micros()));
        }
        if let Some(over) = over {
            item.insert("over".to_owned(), text(over));
        }
        if let Some(agrees) = agrees {
            item.insert("agrees_pk".to_owned(), text(&agrees.pk));
            item.insert("agrees_sk".to_owned(), text(&agrees.sk));
        }
        item
    }

    pub fn of(item: &Item) -> Result<Self, Fault> {
        Ok(Self {
            key: key_under(item, "pk", "sk")?.ok_or_else(|| POLICIES.damaged())?,
            digest: digest(item)?,
            over: item.get("over").map(|_| string(item, "over", POLICIES)).transpose()?,
            agrees: key_under(item, "agrees_pk", "agrees_sk")?,
            by: string(item, "by", POLICIES)?,
            why: string(item, "why", POLICIES)?,
            at: Timestamp::from_micros(integer(item, "at_us", POLICIES)?),
            withdrawn: match item.get("withdrawn_us") {
                Some(_) => Some(Timestamp::from_micros(integer(item, "withdrawn_us", POLICIES)?)),
                None => None,
            },
        })
    }

    /// What stands in its place where it has come to nothing: no word.
    pub fn void(&self) -> Item {
        let mut item = self.item();
        item.insert("digest".to_owned(), text(format!("void {}", self.digest)));
        item
    }

    /// Whether this person said it, as far as anybody can tell.
    pub fn is_by(&self, caller: &Caller) -> bool {
        caller.is(self.by_id(), &self.by)
    }
}

/// What is in force, or was: a bundle and the words that it rests on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Pointer {
    pub digest: Digest,
    pub first: Key,
    pub second: Option<Key>,
    pub at: Timestamp,
    /// The write that it is of, by which the next one knows it.
    pub writer: String,
}

impl Pointer {
    pub fn key() -> Key {
        Key::new("policy", "in_force")
    }

    pub fn item(&self, key: &Key) -> Item {
        let Self { digest, first, second, at, writer: _ } = self;
        let mut item = key.item();
        item.insert("digest".to_owned(), text(digest.to_string()));
        item.insert("at_us".to_owned(), number(at.as_micros()));
        for (key, pk, sk) in
            [(Some(first), "first_pk", "first_sk"), (second.as_ref(), "second_pk", "second_sk")]
        {
            if let Some(key) = key {
                item.insert(pk.to_owned(), text(&key.pk));
                item.insert(sk.to_owned(), text(&key.sk));
            }
        }
        item
    }

    pub fn of(item: &Item) -> Result<Self, Fault> {
        Ok(Self {
            digest: digest(item)?,
            first: key_under(item, "first_pk", "first_sk")?.ok_or_else(|| POLICIES.damaged())?,
            second: key_under(item, "second_pk", "second_sk")?,
            at: Timestamp::from_micros(integer(item, "at_us", POLICIES)?),
            writer: string(item, WRITER, POLICIES)?,
        })
    }

    /// The one in force.
    pub async fn read(table: &Table) -> Result<Option<Self>, Fault> {
        table.get(&Self::key(), POLICIES).await?.as_ref().map(Self::of).transpose()
    }

    /// Where the words lie that it rests on.
    pub fn words(&self) -> impl Iterator<Item = &Key> {
        [Some(&self.first), self.second.as_ref()].into_iter().flatten()
    }

    /// How many people stand behind it now; none where nobody does.
    pub async fn backing(&self, table: &Table) -> Result<Option<People>, Fault> {
        let keys: Vec<Key> = self.words().cloned().collect();
        let items = table.get_all(&keys, POLICIES).await?;
        let is_withdrawn = |key: &Key| items.get(key).is_some_and(|item| item.contains_key("withdrawn_us"));
        Ok(if self.words().any(is_withdrawn) { None } else { self.was_backed(&items) })
    }

    /// How many stood behind it, by words that were read: also by those that were taken back since. What is no word bears nothing.
    // SECURITY: whoever may write the pointer may write anything into it; what they cannot write is another's word.
    pub fn was_backed(&self, items: &HashMap<Key, Item>) -> Option<People> {
        let word = |key: &Key| items.get(key).and_then(|item| Word::of(item).ok());
        let says_it = |word: &Word| word.digest == self.digest && is_of_a_person(word.by_id());
        let first = word(&self.first).filter(|first| says_it(first) && first.agrees.is_none())?;
        let Some(second) = &self.second else { return Some(People::One) };
        let second = word(second).filter(says_it)?;
        let agrees = second.agrees.as_ref() == Some(&first.key)
            && second.over == first.over
            && person_of(second.by_id()) != person_of(first.by_id());
        agrees.then_some(People::Two)
    }

    /// Since when these words can have borne it.
    // SECURITY: each of its people can write another time into their own word alone, so the earlier one is the other's as well.
    pub fn said(&self, items: &HashMap<Key, Item>) -> Timestamp {
        let said = self.words().filter_map(|key| Word::of(items.get(key)?).ok()).map(|word| word.at);
        said.min().unwrap_or(self.at)
    }
}

/// What lies where the bundle in force is named, whoever put it there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// Nothing.
    Empty,
    /// A pointer.
    Taken(Pointer),
    /// Nothing that can be read, and the write that it says it is of.
    Damaged(Option<String>),
}

impl Place {
    pub async fn read(table: &Table) -> Result<Self, Fault> {
        let Some(item) = table.get(&Pointer::key(), POLICIES).await? else { return Ok(Self::Empty) };
        Ok(match Pointer::of(&item) {
            Ok(pointer) => Self::Taken(pointer),
            Err(_) => Self::Damaged(string(&item, WRITER, POLICIES).ok()),
        })
    }

    /// The write that it is of, by which whoever follows it knows it.
    pub fn writer(&self) -> Option<&str> {
        match self {
            Self::Taken(pointer) => Some(&pointer.writer),
            Self::Damaged(writer) => writer.as_deref(),
            Self::Empty => None,
        }
    }
}

fn digest(item: &Item) -> Result<Digest, Fault> {
    string(item, "digest", POLICIES)?.parse().map_err(|_| POLICIES.damaged())
}

/// The key that stands under these two names; none where neither does.
fn key_under(item: &Item, pk: &str, sk: &str) -> Result<Option<Key>, Fault> {
    if !item.contains_key(pk) && !item.contains_key(sk) {
        return Ok(None);
    }
    Ok(Some(Key::new(string(item, pk, POLICIES)?, string(item, sk, POLICIES)?)))
}
