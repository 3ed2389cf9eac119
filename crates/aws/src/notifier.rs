//! Telling reviewers by SNS: one publish a reviewer, which one subscription of theirs lets through.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sns::Client;
use aws_sdk_sns::types::MessageAttributeValue;
use futures::{StreamExt, TryStreamExt, stream};
use gateway::ports::{Invitation, Notice, Notified, Notifier};
use gateway::{Fault, Origin};

use crate::calls::{Clients, fault};

/// The message attribute that subscriptions filter by; its value is a reviewer's name.
pub(crate) const REVIEWER: &str = "reviewer";

/// Characters of a subject at most; SNS takes fewer than 100.
const SUBJECT: usize = 99;

/// Calls under way at once.
const AT_ONCE: usize = 8;

/// How long telling everybody may take: whoever tells must not lose what they look after.
const TELLING: Duration = Duration::from_secs(12);

/// Subscriptions of the topic at most; with more of them a notice would come too late.
const SUBSCRIPTIONS: usize = 400;

const NOT_TOLD: &str = "reviewers could not be told";

/// A topic whose every confirmed subscription is one reviewer's own: `FilterPolicy {"reviewer":["NAME"]}` in the scope of
/// message attributes, where `NAME` is what the roster calls them.
#[derive(Clone)]
pub struct Topic {
    client: Client,
    arn: String,
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client: _, arn } = self;
        f.debug_struct("Topic").field("arn", arn).finish()
    }
}

/// What one reviewer has confirmed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Owned {
    /// So many.
    pub subscriptions: usize,
    /// Whether one of them can be ended without the account's leave, for it was confirmed without.
    pub is_open: bool,
}

/// What a subscription lets through.
#[derive(Clone, PartialEq, Eq, Debug)]
enum LetsThrough {
    /// Nothing yet: nobody has confirmed it.
    Nothing,
    /// What is for this reviewer, and whether anybody may end it.
    One(String, bool),
    /// What is for others, too, or anybody's guess.
    More,
}

impl Topic {
    /// The topic with that ARN; a standard one.
    pub fn new(clients: &Clients, arn: impl Into<String>) -> Self {
        Self { client: clients.topic.clone(), arn: arn.into() }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn arn(&self) -> &str {
        &self.arn
    }

    /// How many confirmed subscriptions each reviewer has.
    ///
    /// # Errors
    /// When the topic cannot be asked, or a confirmed subscription would let through what is for somebody else.
    pub async fn confirmed(&self) -> Result<BTreeMap<String, usize>, Fault> {
        let confirmed = self.owned().await?.into_iter();
        Ok(confirmed.map(|(name, Owned { subscriptions, is_open: _ })| (name, subscriptions)).collect())
    }

    /// The same, with how they were confirmed.
    pub(crate) async fn owned(&self) -> Result<BTreeMap<String, Owned>, Fault> {
        let arns = self.subscriptions().await?;
        let found: Vec<LetsThrough> = stream::iter(arns)
            .map(|arn| async move { self.lets_through(&arn).await })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        let mut confirmed: BTreeMap<String, Owned> = BTreeMap::new();
        for lets in found {
            match lets {
                LetsThrough::Nothing => {}
                LetsThrough::One(name, is_open) => {
                    let owned = confirmed.entry(name).or_default();
                    owned.subscriptions = owned.subscriptions.saturating_add(1);
                    owned.is_open |= is_open;
                }
                // SECURITY: whoever it belongs to would receive everybody's links.
                LetsThrough::More => {
                    return Err(Fault::lasting(
                        Origin::Gateway,
                        "reviewers cannot be told: a subscription of their topic does not filter by one reviewer",
                    ));
                }
            }
        }
        Ok(confirmed)
    }

    async fn subscriptions(&self) -> Result<Vec<String>, Fault> {
        let list = self.client.list_subscriptions_by_topic().topic_arn(&self.arn);
        let mut pages = list.into_paginator().send();
        let mut arns = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page
                .map_err(|error| fault(Origin::Gateway, NOT_TOLD, "sns:ListSubscriptionsByTopic", &error))?;
            let subscriptions = page.subscriptions.unwrap_or_default().into_iter();
            // One that is not confirmed has words in its place (`PendingConfirmation`, `Deleted`).
            arns.extend(
                subscriptions.filter_map(|one| one.subscription_arn).filter(|arn| arn.starts_with("arn:")),
            );
            if arns.len() > SUBSCRIPTIONS {
                return Err(Fault::lasting(
                    Origin::Gateway,
                    "the topic of reviewers has too many subscriptions",
                ));
            }
        }
        Ok(arns)
    }

    async fn lets_through(&self, arn: &str) -> Result<LetsThrough, Fault> {
        let asked = self.client.get_subscription_attributes().subscription_arn(arn).send().await;
        match asked {
            Ok(found) => {
                let attributes = found.attributes.unwrap_or_default();
                let attribute = |name: &str| attributes.get(name).map(String::as_str);
                Ok(if attribute("PendingConfirmation") != Some("false") {
                    LetsThrough::Nothing
                } else {
                    // SECURITY: the link in the foot of any of its mails ends it, whoever has one.
                    let is_open = attribute("ConfirmationWasAuthenticated") == Some("false");
                    lets_through(attribute("FilterPolicy"), attribute("FilterPolicyScope"), is_open)
                })
            }
            // It was deleted since it was listed.
            Err(error) if error.as_service_error().is_some_and(|error| error.is_not_found_exception()) => {
                Ok(LetsThrough::Nothing)
            }
            Err(error) => Err(fault(Origin::Gateway, NOT_TOLD, "sns:GetSubscriptionAttributes", &error)),
        }
    }

    async fn publish(&self, notice: &Notice, invited: &Invitation) -> Result<(), Fault> {
        let unsendable = || Fault::lasting(Origin::Gateway, NOT_TOLD);
        let name = MessageAttributeValue::builder().data_type("String").string_value(&invited.name);
        let name = name.build().map_err(|error| unsendable().because(error))?;
        let publish = self.client.publish().topic_arn(&self.arn);
        let publish = publish
            .subject(plain(&notice.subject()).chars().take(SUBJECT).collect::<String>())
            .message(plain(&notice.letter(invited)))
            .message_attributes(REVIEWER, name);
        publish
            .send()
            .await
            .map(|_| ())
            .map_err(|error| fault(Origin::Gateway, NOT_TOLD, "sns:Publish", &error))
    }

    /// Tells one; who, and whether they were told.
    async fn tell_one<'a>(
        &self,
        notice: &Notice,
        invited: &'a Invitation,
        is_reachable: bool,
    ) -> (&'a str, bool) {
        let name = invited.name.as_str();
        if !is_reachable {
            tracing::warn!(exchange = %notice.exchange, "a reviewer has no confirmed subscription");
            return (name, false);
        }
        match self.publish(notice, invited).await {
            Ok(()) => (name, true),
            Err(fault) => {
                tracing::warn!(
                    exchange = %notice.exchange,
                    fault = &fault as &(dyn std::error::Error + 'static),
                    "a reviewer could not be told"
                );
                (name, false)
            }
        }
    }

    async fn tell_everybody(&self, notice: &Notice) -> Result<Notified, Fault> {
        let confirmed = self.confirmed().await?;
        let is_reachable = |invited: &Invitation| confirmed.contains_key(&invited.name);
        if !notice.invited.iter().any(is_reachable) {
            tracing::error!(
                exchange = %notice.exchange,
                invited = notice.invited.len(),
                "no reviewer who is asked has a confirmed subscription"
            );
            return Ok(Notified::Nobody);
        }
        let calls: Vec<_> = notice
            .invited
            .iter()
            .map(|invited| self.tell_one(notice, invited, is_reachable(invited)))
            .collect();
        let told: Vec<(&str, bool)> = stream::iter(calls).buffer_unordered(AT_ONCE).collect().await;
        let names = |wanted: bool| {
            let found = told.iter().filter(|(_, was_told)| *was_told == wanted);
            let mut names: Vec<String> = found.map(|(name, _)| (*name).to_owned()).collect();
            names.sort_unstable();
            names
        };
        Ok(Notified::Told { way: "mail", reviewers: names(true), failed: names(false) })
    }
}

#[async_trait]
impl Notifier for Topic {
    /// `Nobody` when none of those invited has a confirmed subscription.
    async fn tell(&self, notice: &Notice) -> Result<Notified, Fault> {
        match tokio::time::timeout(TELLING, self.tell_everybody(notice)).await {
            Ok(told) => told,
            // Some may have been told: they are told again.
            Err(_) => Err(Fault::passing(Origin::Gateway, NOT_TOLD)),
        }
    }
}

/// What a confirmed subscription lets through, by its attributes.
fn lets_through(policy: Option<&str>, scope: Option<&str>, is_open: bool) -> LetsThrough {
    let by_attributes = scope.is_none_or(|scope| scope == "MessageAttributes");
    let policy: Option<BTreeMap<String, Vec<String>>> =
        policy.and_then(|policy| serde_json::from_str(policy).ok());
    let mut names = policy.unwrap_or_default();
    match (names.remove(REVIEWER).as_deref(), names.is_empty()) {
        (Some([name]), true) if by_attributes => LetsThrough::One(name.clone(), is_open),
        _ => LetsThrough::More,
    }
}

/// Printable ASCII and line breaks: what a notice is made of, and what remains of it should it hold anything else.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c == '\n' || c == ' ' || c.is_ascii_graphic() { c } else { '?' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_filter_by_one_reviewer_is_a_reviewers_own() {
        let one = |name: &str| LetsThrough::One(name.to_owned(), false);
        let attributes = Some("MessageAttributes");
        let cases = [
            (Some(r#"{"reviewer":["rosa@acme.example"]}"#), attributes, one("rosa@acme.example")),
            (Some(r#"{"reviewer":["rosa@acme.example"]}"#), None, one("rosa@acme.example")),
            (Some(r#"{"reviewer":["rosa@acme.example"]}"#), Some("MessageBody"), LetsThrough::More),
            (None, attributes, LetsThrough::More),
            (Some("{}"), attributes, LetsThrough::More),
            (Some("no JSON"), attributes, LetsThrough::More),
            (Some(r#"{"reviewer":["a@x.example","b@x.example"]}"#), attributes, LetsThrough::More),
            (Some(r#"{"reviewer":[{"prefix":"a"}]}"#), attributes, LetsThrough::More),
            (Some(r#"{"reviewer":[{"anything-but":"a"}]}"#), attributes, LetsThrough::More),
            (Some(r#"{"reviewer":"a@x.example"}"#), attributes, LetsThrough::More),
            (Some(r#"{"reviewer":["a@x.example"],"kind":["b"]}"#), attributes, LetsThrough::More),
            (Some(r#"{"$or":[{"reviewer":["a@x.example"]}]}"#), attributes, LetsThrough::More),
        ];
        for (policy, scope, expected) in cases {
            assert_eq!(lets_through(policy, scope, false), expected, "{policy:?} {scope:?}");
        }
    }

    #[test]
    fn what_is_sent_is_printable_ascii() {
        assert_eq!(plain("Ana\u{202e}\u{7}\nasks\r"), "Ana??\nasks?");
    }
}
