//! A table: what is read of it, and conditional writes that know their own.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use aws_lc_rs::rand;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{
    AttributeValue, KeysAndAttributes, ReturnValue, ReturnValuesOnConditionCheckFailure, Select,
};
use domain::Timestamp;
use gateway::{Fault, Origin};

use crate::calls::{Clients, fault};

/// An item: its attributes by name.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// The name that a write has in its item.
pub(crate) const WRITER: &str = "writer";

/// Keys that one call may read at once.
const AT_ONCE: usize = 100;

/// How often what a throttled table has left unread is asked for once more.
const ROUNDS: u32 = 6;

/// What a call is for, as a fault tells it.
#[derive(Clone, Copy)]
pub(crate) struct About {
    pub origin: Origin,
    pub public: &'static str,
}

impl About {
    pub const fn exchanges(public: &'static str) -> Self {
        Self { origin: Origin::Exchanges, public }
    }

    /// What lies there is nothing that was written there.
    pub fn damaged(self) -> Fault {
        Fault::lasting(self.origin, self.public)
    }

    /// Others come first, again and again.
    pub fn crowded(self) -> Fault {
        Fault::passing(self.origin, self.public)
    }
}

/// The two parts of an item's key.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Key {
    pub pk: String,
    pub sk: String,
}

impl Key {
    pub fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self { pk: pk.into(), sk: sk.into() }
    }

    /// An item with this key and nothing else.
    pub fn item(&self) -> Item {
        Item::from([("pk".to_owned(), text(&self.pk)), ("sk".to_owned(), text(&self.sk))])
    }
}

/// What must hold for a write.
pub(crate) enum Only<'a> {
    /// There is no such item.
    IfAbsent,
    /// There is one.
    IfThere,
    /// There is none, or one that tells no write: then it is none of ours.
    IfUnwritten,
    /// There is none whose `until_us` has not passed at that moment.
    OnceOver(Timestamp),
    /// The item is still the one that this write has left.
    IfWrittenBy(&'a str),
}

/// What came of a conditional write.
pub(crate) enum Put {
    /// It is done, durably.
    Done,
    /// The condition does not hold; nothing was written.
    Otherwise,
}

/// One table, under two string keys, `pk` and `sk`.
#[derive(Clone)]
pub(crate) struct Table {
    client: Client,
    name: String,
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client: _, name } = self;
        f.debug_tuple("Table").field(name).finish()
    }
}

impl Table {
    pub fn new(clients: &Clients, name: impl Into<String>) -> Self {
        Self { client: clients.table.clone(), name: name.into() }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn client(&self) -> &Client {
        &self.client
    }

    /// One item, as the last write left it.
    pub async fn get(&self, key: &Key, about: About) -> Result<Option<Item>, Fault> {
        self.get_one(key, None, about).await
    }

    /// The same, with these attributes of it alone.
    pub async fn get_part(&self, key: &Key, names: &[&str], about: About) -> Result<Option<Item>, Fault> {
        self.get_one(key, Some(names), about).await
    }

    async fn get_one(&self, key: &Key, names: Option<&[&str]>, about: About) -> Result<Option<Item>, Fault> {
        let (wanted, names) = names.map(projected).unzip();
        let get = self.client.get_item().table_name(&self.name).consistent_read(true);
        let get = get.key("pk", text(&key.pk)).key("sk", text(&key.sk));
        let get = get.set_projection_expression(wanted).set_expression_attribute_names(names);
        let found = get.send().await;
        Ok(found.map_err(|error| fault(about.origin, about.public, "dynamodb:GetItem", &error))?.item)
    }

    /// Those of these items that there are, each as the last write left it. Of two keys alike one is enough.
    pub async fn get_all(&self, keys: &[Key], about: About) -> Result<HashMap<Key, Item>, Fault> {
        self.get_some(keys, None, about).await
    }

    /// The same, with these attributes of each alone.
    pub async fn get_parts(
        &self,
        keys: &[Key],
        names: &[&str],
        about: About,
    ) -> Result<HashMap<Key, Item>, Fault> {
        self.get_some(keys, Some(names), about).await
    }

    async fn get_some(
        &self,
        keys: &[Key],
        names: Option<&[&str]>,
        about: About,
    ) -> Result<HashMap<Key, Item>, Fault> {
        let (wanted, names) = names.map(projected).unzip();
        let mut found = HashMap::new();
        for some in keys.chunks(AT_ONCE) {
            let mut waiting: Vec<Item> = some.iter().map(Key::item).collect();
            let mut round = 0;
            while !waiting.is_empty() {
                if round > 0 {
                    pause(round).await;
                }
                if round >= ROUNDS {
                    return Err(about.crowded());
                }
                round = round.saturating_add(1);
                let asked = KeysAndAttributes::builder().set_keys(Some(waiting)).consistent_read(true);
                let asked = asked
                    .set_projection_expression(wanted.clone())
                    .set_expression_attribute_names(names.clone());
                let asked = asked.build().map_err(|error| about.damaged().because(error))?;
                let answered = self.client.batch_get_item().request_items(&self.name, asked).send().await;
                let answered = answered
                    .map_err(|error| fault(about.origin, about.public, "dynamodb:BatchGetItem", &error))?;
                for item in answered.responses.unwrap_or_default().into_values().flatten() {
                    let key = Key::new(string(&item, "pk", about)?, string(&item, "sk", about)?);
                    found.insert(key, item);
                }
                let mut left = answered.unprocessed_keys.unwrap_or_default();
                waiting = left.remove(&self.name).map(|left| left.keys).unwrap_or_default();
            }
        }
        Ok(found)
    }

    /// The items of a partition whose second key begins so, in the order of that key or against it; all, or the first
    /// `limit`.
    pub async fn query(
        &self,
        pk: &str,
        begins: &str,
        order: Order,
        limit: Option<usize>,
        about: About,
    ) -> Result<Vec<Item>, Fault> {
        let among = if begins.is_empty() { Among::All } else { Among::Begins(begins) };
        self.among(pk, among, None, order, limit, about).await
    }

    /// The last item of a partition whose second key begins so, with these attributes of it alone.
    pub async fn last_part(
        &self,
        pk: &str,
        begins: &str,
        names: &[&str],
        about: About,
    ) -> Result<Option<Item>, Fault> {
        let found =
            self.among(pk, Among::Begins(begins), Some(names), Order::Backward, Some(1), about).await?;
        Ok(found.into_iter().next())
    }

    /// The same of those whose second key lies between these two, both included.
    pub async fn between(
        &self,
        pk: &str,
        (from, to): (&str, &str),
        order: Order,
        limit: Option<usize>,
        about: About,
    ) -> Result<Vec<Item>, Fault> {
        // Of a range that ends before it begins DynamoDB says that it is none.
        if from > to {
            return Ok(Vec::new());
        }
        self.among(pk, Among::Between(from, to), None, order, limit, about).await
    }

    /// The same, with these attributes of each alone.
    pub async fn parts_between(
        &self,
        pk: &str,
        (from, to): (&str, &str),
        names: &[&str],
        about: About,
    ) -> Result<Vec<Item>, Fault> {
        if from > to {
            return Ok(Vec::new());
        }
        self.among(pk, Among::Between(from, to), Some(names), Order::Forward, None, about).await
    }

    async fn among(
        &self,
        pk: &str,
        among: Among<'_>,
        names: Option<&[&str]>,
        order: Order,
        limit: Option<usize>,
        about: About,
    ) -> Result<Vec<Item>, Fault> {
        let (wanted, names) = names.map(projected).unzip();
        let mut found: Vec<Item> = Vec::new();
        let mut from = None;
        loop {
            let query = self.client.query().table_name(&self.name).consistent_read(true);
            let query = query
                .expression_attribute_values(":pk", text(pk))
                .scan_index_forward(order == Order::Forward)
                .set_projection_expression(wanted.clone())
                .set_expression_attribute_names(names.clone())
                // Whoever may see some attributes alone must say that they want no others (`infra/rights.yaml`).
                .set_select(wanted.as_ref().map(|_| Select::SpecificAttributes))
                .set_exclusive_start_key(from);
            let query = match among {
                Among::All => query.key_condition_expression("pk = :pk"),
                Among::Begins(begins) => query
                    .key_condition_expression("pk = :pk AND begins_with(sk, :begins)")
                    .expression_attribute_values(":begins", text(begins)),
                Among::Between(first, last) => query
                    .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
                    .expression_attribute_values(":first", text(first))
                    .expression_attribute_values(":last", text(last)),
            };
            let left = limit.map(|limit| limit.saturating_sub(found.len()));
            let query = query.set_limit(left.map(|left| i32::try_from(left).unwrap_or(i32::MAX).max(1)));
            let answered = query.send().await;
            let answered =
                answered.map_err(|error| fault(about.origin, about.public, "dynamodb:Query", &error))?;
            found.extend(answered.items.unwrap_or_default());
            from = answered.last_evaluated_key.filter(|from| !from.is_empty());
            if from.is_none() || limit.is_some_and(|limit| found.len() >= limit) {
                return Ok(found);
            }
        }
    }

    /// Writes a whole item by one conditional write, under that writer's name. An earlier try of the very same write whose
    /// answer was lost is a success.
    // SECURITY: by the writer and not by the bytes. Two may write equal items, and only one of them may go on.
    pub async fn put(&self, item: Item, only: Only<'_>, writer: &str, about: About) -> Result<Put, Fault> {
        let put = self.client.put_item().table_name(&self.name);
        let put = put
            .set_item(Some(item))
            .item(WRITER, text(writer))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let put = match only {
            Only::IfAbsent => put.condition_expression("attribute_not_exists(pk)"),
            Only::IfThere => put.condition_expression("attribute_exists(pk)"),
            Only::IfUnwritten => put
                .condition_expression("NOT attribute_type(#writer, :text)")
                .expression_attribute_names("#writer", WRITER)
                .expression_attribute_values(":text", text("S")),
            Only::OnceOver(now) => put
                .condition_expression("attribute_not_exists(pk) OR until_us < :now")
                .expression_attribute_values(":now", number(now.as_micros())),
            Only::IfWrittenBy(before) => put
                .condition_expression("#writer = :before")
                .expression_attribute_names("#writer", WRITER)
                .expression_attribute_values(":before", text(before)),
        };
        match put.send().await {
            Ok(_) => Ok(Put::Done),
            Err(error) => match put_refused(&error) {
                Some(found) if is_by(found, writer) => Ok(Put::Done),
                Some(_) => Ok(Put::Otherwise),
                None => Err(fault(about.origin, about.public, "dynamodb:PutItem", &error)),
            },
        }
    }

    /// Writes a whole item, unless the one that lies there has a greater number under that name. Whoever writes it again writes the
    /// same, so it need not know its own. What has no number there was not written so, and goes.
    pub async fn put_unless_more(&self, item: Item, counted: &str, about: About) -> Result<Put, Fault> {
        let ours = integer(&item, counted, about)?;
        let put = self.client.put_item().table_name(&self.name).set_item(Some(item));
        let put = put
            .condition_expression(
                "attribute_not_exists(#counted) OR NOT attribute_type(#counted, :kind) OR #counted <= :ours",
            )
            .expression_attribute_names("#counted", counted)
            .expression_attribute_values(":kind", text("N"))
            .expression_attribute_values(":ours", number(ours))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match put.send().await {
            Ok(_) => Ok(Put::Done),
            Err(error) => match put_refused(&error) {
                Some(found) if integer(found, counted, about)? > ours => Ok(Put::Otherwise),
                // It says that there is more, and there is not.
                Some(_) => Err(about.damaged()),
                None => Err(fault(about.origin, about.public, "dynamodb:PutItem", &error)),
            },
        }
    }

    /// An update of one item under that writer's name, to which its caller adds what it sets and on what condition.
    pub fn update(&self, key: &Key, writer: &str) -> UpdateItemFluentBuilder {
        let update = self.client.update_item().table_name(&self.name);
        update
            .key("pk", text(&key.pk))
            .key("sk", text(&key.sk))
            .expression_attribute_names("#writer", WRITER)
            .expression_attribute_values(":writer", text(writer))
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    /// Takes an item away, if it is still the one that this write has left. One that is gone, or another's, is no error.
    pub async fn delete(&self, key: &Key, written_by: &str, about: About) -> Result<(), Fault> {
        let delete = self.client.delete_item().table_name(&self.name);
        let delete = delete
            .key("pk", text(&key.pk))
            .key("sk", text(&key.sk))
            .condition_expression("#writer = :writer")
            .expression_attribute_names("#writer", WRITER)
            .expression_attribute_values(":writer", text(written_by));
        match delete.send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|error| error.is_conditional_check_failed_exception()) =>
            {
                Ok(())
            }
            Err(error) => Err(fault(about.origin, about.public, "dynamodb:DeleteItem", &error)),
        }
    }
}

impl Table {
    /// Takes an item away, whoever has left it: for what is only kept for a while. One that is gone is no error.
    pub async fn remove(&self, key: &Key, about: About) -> Result<(), Fault> {
        let delete = self.client.delete_item().table_name(&self.name);
        let delete = delete.key("pk", text(&key.pk)).key("sk", text(&key.sk));
        let deleted = delete.send().await;
        deleted.map(|_| ()).map_err(|error| fault(about.origin, about.public, "dynamodb:DeleteItem", &error))
    }
}

/// What asks for these attributes and the key: the expression, and what the names in it stand for, since a name may be a word of DynamoDB's
/// own.
fn projected(names: &[&str]) -> (String, HashMap<String, String>) {
    let names = ["pk", "sk"].iter().chain(names).enumerate();
    let names: HashMap<String, String> =
        names.map(|(at, name)| (format!("#n{at}"), (*name).to_owned())).collect();
    (names.keys().map(String::as_str).collect::<Vec<_>>().join(", "), names)
}

/// Which of a partition a query is for.
#[derive(Clone, Copy)]
enum Among<'a> {
    All,
    Begins(&'a str),
    Between(&'a str, &'a str),
}

/// The order of a query.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// The least key first.
    Forward,
    /// The greatest key first.
    Backward,
}

/// The item on which a put's condition has failed, empty when there is none; none when it failed otherwise.
fn put_refused(error: &SdkError<PutItemError>) -> Option<&Item> {
    static NOTHING: std::sync::LazyLock<Item> = std::sync::LazyLock::new(Item::new);
    match error.as_service_error() {
        Some(PutItemError::ConditionalCheckFailedException(failed)) => {
            Some(failed.item().unwrap_or(&NOTHING))
        }
        Some(_) | None => None,
    }
}

/// The item on which an update's condition has failed, as [`put_refused`].
pub(crate) fn update_refused(error: &SdkError<UpdateItemError>) -> Option<&Item> {
    static NOTHING: std::sync::LazyLock<Item> = std::sync::LazyLock::new(Item::new);
    match error.as_service_error() {
        Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
            Some(failed.item().unwrap_or(&NOTHING))
        }
        Some(_) | None => None,
    }
}

/// Whether that write has left this item.
pub(crate) fn is_by(item: &Item, writer: &str) -> bool {
    item.get(WRITER).and_then(|value| value.as_s().ok()).is_some_and(|found| found == writer)
}

/// A name for one write, that no other has.
pub(crate) fn writer() -> Result<String, Fault> {
    let mut random = [0; 16];
    rand::fill(&mut random)
        .map_err(|_| Fault::passing(Origin::Gateway, "this machine has no randomness for now"))?;
    Ok(format!("{:032x}", u128::from_be_bytes(random)))
}

/// Waits before the next turn: longer each time, and never as long as others.
pub(crate) async fn pause(turn: u32) {
    let longest = 4_u64.saturating_mul(1 << turn.min(5));
    let mut random = [0; 8];
    // Without randomness all wait alike, which is worse and not wrong.
    let _ = rand::fill(&mut random);
    let drawn = u64::from_be_bytes(random) % longest.max(1);
    tokio::time::sleep(Duration::from_millis(drawn.saturating_add(1))).await;
}

/// An attribute that is a text; none where there is none, or it is none.
pub(crate) fn text_of<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

pub(crate) fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(crate) fn number(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

pub(crate) fn bytes(bytes: impl Into<Vec<u8>>) -> AttributeValue {
    AttributeValue::B(Blob::new(bytes))
}

/// The text under that name; a fault when there is none, for an item is never read as less than was written.
pub(crate) fn string(item: &Item, name: &str, about: About) -> Result<String, Fault> {
    item.get(name).and_then(|value| value.as_s().ok()).cloned().ok_or_else(|| about.damaged())
}

/// The number under that name, likewise.
pub(crate) fn integer(item: &Item, name: &str, about: About) -> Result<i64, Fault> {
    let found = item.get(name).and_then(|value| value.as_n().ok());
    found.and_then(|number| number.parse().ok()).ok_or_else(|| about.damaged())
}

/// The yes or no under that name, likewise.
pub(crate) fn flag(item: &Item, name: &str, about: About) -> Result<bool, Fault> {
    item.get(name).and_then(|value| value.as_bool().ok()).copied().ok_or_else(|| about.damaged())
}

/// The bytes under that name, likewise.
pub(crate) fn blob<'a>(item: &'a Item, name: &str, about: About) -> Result<&'a [u8], Fault> {
    item.get(name).and_then(|value| value.as_b().ok()).map(AsRef::as_ref).ok_or_else(|| about.damaged())
}
