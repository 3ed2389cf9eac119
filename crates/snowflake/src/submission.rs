//! What is submitted: a permit's work within the settings, or a fixed reading of the catalog.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use domain::{Bindings, SqlText, Tier};
use gateway::{Permit, Work};

use crate::error::Error;
use crate::settings::Settings;
use crate::wire::{PINNED, StatementBody, bound};

/// The longest timeout that Snowflake knows.
const LONGEST_TIMEOUT: u64 = 604_800;

/// One submission, complete: nothing of it falls to the account's defaults.
pub(crate) struct Submission {
    pub(crate) tier: Tier,
    pub(crate) request_id: u128,
    pub(crate) count: u32,
    text: SqlText,
    bindings: Bindings,
    names: Names,
    parameters: BTreeMap<String, String>,
    timeout: Duration,
}

/// The names that it runs under.
pub(crate) struct Names {
    pub(crate) role: String,
    pub(crate) warehouse: String,
    pub(crate) database: String,
    pub(crate) schema: String,
}

impl Submission {
    /// Uses a permit up.
    ///
    /// SECURITY: with [`Self::of_catalog`] the only way to make a submission, so that nothing reaches Snowflake
    /// without a permit (invariant I3).
    pub(crate) fn of_permit(permit: Permit, settings: &Settings) -> Result<Self, Error> {
        Self::of_work(permit.spend(), settings)
    }

    /// The work of a permit that was used up, within what the settings allow.
    pub(crate) fn of_work(work: Work, settings: &Settings) -> Result<Self, Error> {
        let tier = settings.tier(work.tier).ok_or(Error::NotSet("no identity for this tier"))?;
        let named = |name: Option<String>| {
            name.filter(|name| !name.is_empty())
                .ok_or(Error::NotSet("a role, warehouse, database or schema is not named"))
        };
        let names = Names {
            role: named(work.context.role)?,
            warehouse: named(work.context.warehouse)?,
            database: named(work.context.database)?,
            schema: named(work.context.schema)?,
        };
        if !tier.roles.contains(&names.role) {
            return Err(Error::NotSet("the role is none of its tier's"));
        }
        if !tier.warehouses.contains(&names.warehouse) {
            return Err(Error::NotSet("the warehouse is none of its tier's"));
        }
        if work.statement_count == 0 {
            return Err(Error::NotSet("the number of statements is not pinned"));
        }
        Ok(Self {
            tier: work.tier,
            request_id: work.request_id,
            count: work.statement_count,
            text: work.text,
            bindings: work.bindings,
            names,
            parameters: parameters(settings, work.parameters, work.statement_count),
            timeout: work.timeout,
        })
    }

    /// A reading of the catalog.
    ///
    /// SECURITY: needs no permit, because no agent's text is in it: `text` is one of this crate's fixed texts, with
    /// nothing but a quoted database name put in, and agents' names are bound.
    pub(crate) fn of_catalog(
        settings: &Settings,
        request_id: u128,
        database: &str,
        text: String,
        bindings: Bindings,
    ) -> Self {
        Self {
            tier: Tier::Read,
            request_id,
            count: 1,
            text: SqlText::new(text),
            bindings,
            names: Names {
                role: settings.catalog.role.clone(),
                warehouse: settings.catalog.warehouse.clone(),
                database: database.to_owned(),
                schema: "INFORMATION_SCHEMA".to_owned(),
            },
            parameters: parameters(
                settings,
                BTreeMap::from([("QUERY_TAG".to_owned(), "snowgate:catalog".to_owned())]),
                1,
            ),
            timeout: settings.timeouts.catalog(),
        }
    }

    /// The body of the request.
    pub(crate) fn body(&self) -> Result<Bytes, Error> {
        let body = StatementBody {
            statement: self.text.reveal(),
            timeout: self.timeout.as_millis().div_ceil(1000).clamp(1, LONGEST_TIMEOUT.into()) as u64,
            database: &self.names.database,
            schema: &self.names.schema,
            warehouse: &self.names.warehouse,
            role: &self.names.role,
            bindings: bound(&self.bindings),
            parameters: self.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
        };
        serde_json::to_vec(&body).map(Bytes::from).map_err(|_| Error::NotSet("the request cannot be written"))
    }
}

/// The settings' parameters, over them the permit's, over both what is pinned.
fn parameters(
    settings: &Settings,
    of_permit: BTreeMap<String, String>,
    count: u32,
) -> BTreeMap<String, String> {
    let mut all = settings.parameters.clone();
    // Snowflake does not tell the case of names apart, so neither may a pinned one be passed by.
    all.extend(of_permit.into_iter().map(|(name, value)| (name.to_uppercase(), value)));
    all.extend(PINNED.map(|(name, value)| (name.to_owned(), value.to_owned())));
    all.insert("MULTI_STATEMENT_COUNT".to_owned(), count.to_string());
    all
}
