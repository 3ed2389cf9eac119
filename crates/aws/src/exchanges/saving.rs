//! How a save is written: over the item that its holder has, or as the first that there is.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use gateway::ports::Saved;

use super::row::{Row, holder_text};
use crate::table::{Item, number, text};

/// What an item holds that whoever saves it does not know better than the item: set where there is none alone.
const KEPT: [&str; 3] = ["tended_us", "is_woken", "is_cancel_wanted"];

/// A save of an exchange by its holder, until the row's `saved_us`.
pub(super) struct Saving {
    holder: String,
    set: Item,
    remove: Vec<&'static str>,
}

impl Saving {
    /// `live` is the state and the attribute that holds it.
    pub fn of(row: &Row, holder: u128, live: (&'static str, AttributeValue)) -> Self {
        let until_us = row.saved_us;
        let holder = holder_text(holder);
        let (name, packed) = live;
        let mut remove = vec![if name == "live" { "live_at" } else { "live" }];
        let mut set = Row { lease_until_us: until_us, ..row.clone() }.item();
        if row.is_closed {
            remove.extend(["holder", "due_in", "due_us"]);
        } else {
            set.insert("holder".to_owned(), text(&holder));
            // Until it is given up, it is due when its lease ends, whatever it waits for.
            set.insert("due_us".to_owned(), number(until_us));
        }
        set.insert(name.to_owned(), packed);
        set.retain(|name, _| !["pk", "sk"].contains(&name.as_str()));
        Self { holder, set, remove }
    }

    /// The update with what it sets, and on what condition.
    pub fn write(self, update: UpdateItemFluentBuilder) -> UpdateItemFluentBuilder {
        let Self { holder, set, remove } = self;
        let mut sets = vec!["#writer = :writer".to_owned()];
        let mut update = update;
        for (name, value) in set {
            // Its own names: some of them are words of DynamoDB's.
            let (of, to) = (format!("#_{name}"), format!(":_{name}"));
            sets.push(if KEPT.contains(&name.as_str()) {
                format!("{of} = if_not_exists({of}, {to})")
            } else {
                format!("{of} = {to}")
            });
            update = update.expression_attribute_names(of, name).expression_attribute_values(to, value);
        }
        let expression = format!("SET {} REMOVE {}", sets.join(", "), remove.join(", "));
        update
            .update_expression(expression)
            .condition_expression("attribute_not_exists(pk) OR (holder = :holder AND is_closed = :open)")
            .expression_attribute_values(":holder", text(holder))
            .expression_attribute_values(":open", AttributeValue::Bool(false))
    }
}

/// What a save answers whose holder has it still; `before` is empty where there was nothing.
pub(super) fn saved(before: &Item, is_closed: bool) -> Saved {
    let is_wanted = before.get("is_cancel_wanted").and_then(|value| value.as_bool().ok()).copied();
    if is_wanted.unwrap_or(false) && !is_closed { Saved::CancelWanted } else { Saved::Yes }
}
