//! Who is asked, on which page, and where they sign in: nothing on AWS starts without.

use std::collections::BTreeSet;
use std::sync::Arc;

use gateway::Roster;
use settings::{ConfigurationError, Places, ReviewerEntry, ReviewersIssuer, is_page_address, people};

use crate::Surroundings;

/// What the functions around approvals are told alike.
#[derive(Clone, Copy)]
pub struct Reviewing<'a> {
    /// `approvals_url`.
    pub approvals_url: &'a str,
    /// `[reviewers_issuer]`.
    pub issuer: &'a ReviewersIssuer,
    /// `[[reviewers]]`.
    pub reviewers: &'a [ReviewerEntry],
}

impl Reviewing<'_> {
    /// Who is asked; those of `second` groups only when the others stay silent.
    ///
    /// # Errors
    /// What is wrong, with its place.
    pub fn roster(
        &self,
        second: BTreeSet<String>,
        surroundings: &Surroundings,
        places: &Places,
    ) -> Result<Arc<Roster>, ConfigurationError> {
        let Self { approvals_url, issuer, reviewers } = *self;
        // An emulator's issuer and page may be on this machine.
        let is_safe = |url: &str| {
            url.starts_with("https://") || (url.starts_with("http://") && !surroundings.is_lambda())
        };
        if !is_page_address(approvals_url) || !is_safe(approvals_url) {
            return Err(places.wrong("approvals_url", "is https://HOST[:PORT] without a path"));
        }
        // SECURITY: over http whoever is on the way could be the issuer.
        if !is_safe(&issuer.issuer) {
            return Err(places.wrong("reviewers_issuer.issuer", "must be an https address"));
        }
        if issuer.client_secret.is_some() {
            let problem = "would lie in the environment, where whoever may look at functions reads it: have the issuer know \
                           this gateway as a public client, which proves itself by PKCE";
            return Err(places.wrong("reviewers_issuer.client_secret", problem));
        }
        let people = people(reviewers, places)?;
        if people.is_empty() {
            let problem = "names nobody, so nobody could decide: add one with email and groups";
            return Err(places.wrong("reviewers", problem));
        }
        let is_in = |group: &String| reviewers.iter().any(|entry| entry.groups.contains(group));
        if let Some(alone) = second.iter().find(|group| !is_in(group)) {
            let problem = format!("names `{alone}`, which no entry of [[reviewers]] is in");
            return Err(places.wrong("reminders.second_groups", problem));
        }
        let url = approvals_url.trim_end_matches('/').to_owned();
        Ok(Arc::new(Roster::new(url, issuer.issuer.clone(), people).escalating_to(second)))
    }
}
