//! Reviewers that are new on the roster are subscribed, and it is said who is not told.

use std::collections::BTreeMap;

use aws::Invited;
use legible::{Look, told};
use settings::{File, ReviewerEntry};

use crate::account::Account;
use crate::ended::Ended;

/// The roster by itself.
#[derive(serde::Deserialize)]
struct Roster {
    reviewers: Vec<ReviewerEntry>,
}

/// Does both, by the roster of the stack. That somebody could not be subscribed undoes no push: it is said.
pub async fn invite(account: &Account) {
    match invited(account).await {
        Ok(None) => {}
        Ok(Some(Invited { subscribed, unconfirmed, several, gone, open })) => {
            for name in subscribed {
                say!("subscribed {}; SNS has sent a mail to confirm it", told(&name, Look::Name));
            }
            let listed = |names: &[String]| {
                let names: Vec<String> = names.iter().map(|name| told(name, Look::Name)).collect();
                names.join(", ")
            };
            if !unconfirmed.is_empty() {
                say!("ATTENTION: not told until they confirm their subscription: {}", listed(&unconfirmed));
            }
            if !several.is_empty() {
                say!(
                    "ATTENTION: more than one subscription receives what is for {}; end those that are not theirs: aws sns list-subscriptions-by-topic",
                    listed(&several)
                );
            }
            if !open.is_empty() {
                say!(
                    "ATTENTION: whoever has a mail to {} can end their subscription by the link in its foot: unsubscribe them, push again, \
                     and confirm the new one by aws sns confirm-subscription --authenticate-on-unsubscribe true",
                    listed(&open)
                );
            }
            if !gone.is_empty() {
                say!(
                    "ATTENTION: still subscribed and on the roster no more: {}; end it: aws sns unsubscribe",
                    listed(&gone)
                );
            }
        }
        Err(ended) => say!("ATTENTION: reviewers were not subscribed: {ended}"),
    }
}

async fn invited(account: &Account) -> Result<Option<Invited>, Ended> {
    let Some(topic) = account.topic.as_ref().filter(|_| !account.reviewers.is_empty()) else {
        return Ok(None);
    };
    let text = format!("reviewers = {}", account.reviewers);
    let file = File { name: "the stack's parameter Reviewers", text: &text };
    let (Roster { reviewers }, places) = settings::read_own::<Roster>(file, [], &[])?;
    let people = settings::people(&reviewers, &places)?;
    let people: BTreeMap<String, Option<String>> =
        people.into_iter().map(|known| (known.name.as_str().to_owned(), known.mail)).collect();
    Ok(Some(topic.invite(&people).await?))
}
