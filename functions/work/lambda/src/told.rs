//! What an operator chooses for the function: read once, checked whole, unknown keys refused.

use std::collections::BTreeSet;
use std::path::PathBuf;

use lambda::{MachineArn, PAGE_SIZE, Reviewing, Surroundings, TopicArn};
use lambda_http::Error;
use serde::Deserialize;
use settings::{Names, Places, ReviewerEntry, ReviewersIssuer};

/// Everything that this function is told.
pub struct Told {
    /// Its keys.
    pub own: Own,
    /// Who said what.
    pub places: Places,
    /// Where it runs.
    pub surroundings: Surroundings,
}

/// The function's keys.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Own {
    /// Where everything lies.
    pub aws: lambda::Places,
    /// The policy bundle, as `Stores::policies` takes it.
    pub policies: Option<PathBuf>,
    /// The state machine that keeps the time of what waits for a person.
    pub approvals_machine: MachineArn,
    /// The way to reviewers.
    pub reviewers_topic: TopicArn,
    /// The names that a statement runs under where its client named none.
    #[serde(default)]
    pub defaults: Names,
    /// The Snowflake account.
    pub upstream: snowflake::Settings,
    /// Where reviewers reach the page.
    pub approvals_url: String,
    /// Where reviewers sign in.
    pub reviewers_issuer: ReviewersIssuer,
    /// Who is asked.
    pub reviewers: Vec<ReviewerEntry>,
    /// Who is asked when they stay silent.
    #[serde(default)]
    pub reminders: Reminders,
}

/// `[reminders]`. When is the state machine's.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reminders {
    /// Groups that are told only when the others stay silent, or are too few to decide.
    #[serde(default)]
    pub second_groups: BTreeSet<String>,
}

impl Told {
    /// Reads the environment, and the file that it names.
    ///
    /// # Errors
    /// The key or variable that is wrong or missing.
    pub fn read() -> Result<Self, Error> {
        let told = lambda::told()?;
        let (own, places) =
            settings::read_own::<Own>(told.file(), told.variables.iter().cloned(), told.no_keys())?;
        own.upstream.check().map_err(|error| settings::of_upstream(&places, &error))?;
        told.surroundings.keeps_no_secret(&own.upstream, &places)?;
        Ok(Self { own, places, surroundings: told.surroundings })
    }

    /// What the gateway itself is told.
    ///
    /// # Errors
    /// What is wrong with reviewing, with its place.
    pub fn gateway(&self) -> Result<gateway::Settings, Error> {
        let Own { approvals_url, reviewers_issuer, reviewers, reminders, defaults, .. } = &self.own;
        let reviewing = Reviewing { approvals_url, issuer: reviewers_issuer, reviewers };
        let second = reminders.second_groups.clone();
        Ok(gateway::Settings {
            page_size: PAGE_SIZE,
            default_context: defaults.context(),
            roster: Some(reviewing.roster(second, &self.surroundings, &self.places)?),
            ..gateway::Settings::default()
        })
    }
}
