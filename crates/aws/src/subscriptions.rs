//! Inviting reviewers to their topic: an operator's part of [`Topic`].

use std::collections::{BTreeMap, BTreeSet};

use gateway::{Fault, Origin};

use crate::calls::fault;
use crate::notifier::{REVIEWER, Topic};

const NOT_INVITED: &str = "reviewers could not be subscribed";

/// How the reviewers of a roster stand with their topic.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Invited {
    /// Who had no subscription, and has one now, which is to be confirmed.
    pub subscribed: Vec<String>,
    /// Who has not confirmed theirs, or has ended it: nobody tells them.
    pub unconfirmed: Vec<String>,
    /// Who has more than one: each receives their links, whoever reads it.
    pub several: Vec<String>,
    /// Whose subscription is confirmed and who is on the roster no more: were somebody of that name to come, it would receive their links.
    pub gone: Vec<String>,
    /// Whose subscription was confirmed without leave of the account: whoever has one of their mails can end it.
    pub open: Vec<String>,
}

impl Topic {
    /// Subscribes those of these reviewers who have no subscription yet, each to what is theirs alone, and says who is not told. They
    /// come by what the roster calls them, with where their mail goes. To subscribe somebody again changes nothing.
    ///
    /// # Errors
    /// When the topic cannot be asked or changed, or a subscription of it lets through what is for somebody else.
    pub async fn invite(&self, reviewers: &BTreeMap<String, Option<String>>) -> Result<Invited, Fault> {
        let confirmed = self.owned().await?;
        let subscribed = self.addresses().await?;
        let mut invited = Invited::default();
        for (name, owned) in &confirmed {
            if !reviewers.contains_key(name) {
                invited.gone.push(name.clone());
                continue;
            }
            if owned.subscriptions > 1 {
                invited.several.push(name.clone());
            }
            if owned.is_open {
                invited.open.push(name.clone());
            }
        }
        for (name, mail) in reviewers {
            if confirmed.contains_key(name) {
                continue;
            }
            invited.unconfirmed.push(name.clone());
            if let Some(mail) = mail.as_ref().filter(|mail| !subscribed.contains(&mail.to_lowercase())) {
                self.subscribe(name, mail).await?;
                invited.subscribed.push(name.clone());
            }
        }
        Ok(invited)
    }

    /// The addresses that have a subscription, confirmed or not, in lower case.
    async fn addresses(&self) -> Result<BTreeSet<String>, Fault> {
        let list = self.client().list_subscriptions_by_topic().topic_arn(self.arn());
        let mut pages = list.into_paginator().send();
        let mut found = BTreeSet::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| {
                fault(Origin::Gateway, NOT_INVITED, "sns:ListSubscriptionsByTopic", &error)
            })?;
            let subscriptions = page.subscriptions.unwrap_or_default().into_iter();
            let lasts = |arn: &Option<String>| arn.as_deref() != Some("Deleted");
            let addresses =
                subscriptions.filter(|one| lasts(&one.subscription_arn)).filter_map(|one| one.endpoint);
            found.extend(addresses.map(|address| address.to_lowercase()));
        }
        Ok(found)
    }

    async fn subscribe(&self, name: &str, mail: &str) -> Result<(), Fault> {
        let unsendable = || Fault::lasting(Origin::Gateway, NOT_INVITED);
        let filter = serde_json::to_string(&serde_json::json!({ REVIEWER: [name] }))
            .map_err(|error| unsendable().because(error))?;
        // SECURITY: with its filter from the beginning; without one it would receive everybody's links.
        let subscribe = self.client().subscribe().topic_arn(self.arn()).protocol("email").endpoint(mail);
        let subscribe =
            subscribe.attributes("FilterPolicyScope", "MessageAttributes").attributes("FilterPolicy", filter);
        let done = subscribe.send().await;
        done.map(|_| ()).map_err(|error| fault(Origin::Gateway, NOT_INVITED, "sns:Subscribe", &error))
    }
}
