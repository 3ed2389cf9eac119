//! What an operator chooses for the function: read once, checked whole, unknown keys refused.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use gateway::Roster;
use gateway::ports::ReviewerIssuer;
use lambda::{MachineArn, Reviewing, Surroundings};
use lambda_http::Error;
use serde::Deserialize;
use settings::{Places, ReviewerEntry, ReviewersIssuer, wiring};

/// Everything that this function is told.
pub struct Told {
    /// Its keys.
    pub own: Own,
    /// Who said what.
    pub places: Places,
    /// Where it runs.
    pub surroundings: Surroundings,
}

/// The function's keys. None leads to Snowflake.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Own {
    /// Where everything lies.
    pub aws: lambda::Places,
    /// The policy bundle, as `Stores::policies` takes it.
    pub policies: Option<PathBuf>,
    /// The state machine that keeps the time of what waits for a person.
    pub approvals_machine: MachineArn,
    /// Where reviewers reach the page.
    pub approvals_url: String,
    /// Where they sign in.
    pub reviewers_issuer: ReviewersIssuer,
    /// Who is asked.
    pub reviewers: Vec<ReviewerEntry>,
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
        Ok(Self { own, places, surroundings: told.surroundings })
    }

    fn reviewing(&self) -> Reviewing<'_> {
        let Own { approvals_url, reviewers_issuer, reviewers, .. } = &self.own;
        Reviewing { approvals_url, issuer: reviewers_issuer, reviewers }
    }

    /// Who may come, to which address.
    ///
    /// # Errors
    /// What is wrong, with its place.
    pub fn roster(&self) -> Result<Arc<Roster>, Error> {
        Ok(self.reviewing().roster(BTreeSet::new(), &self.surroundings, &self.places)?)
    }

    /// Where they sign in. Nothing is asked yet.
    ///
    /// # Errors
    /// What is wrong, with its place.
    pub fn issuer(&self) -> Result<Arc<dyn ReviewerIssuer>, Error> {
        let client = &self.own.reviewers_issuer.client_id;
        let settings = self.own.reviewers_issuer.sign_in(client, None, &self.places)?;
        Ok(wiring::sign_ins(settings, &self.places)?)
    }
}
