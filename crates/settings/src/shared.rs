//! The keys that every program that runs a gateway has, and what of them differs between programs.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use domain::Context;
use gateway::TierScopes;
use oidc::{Algorithm, Bearers, IssuerSettings, is_scope};
use serde::Deserialize;
use toml::{Table, Value};

use super::{ConfigurationError, Places, section};

/// What a program takes for a key that is not set, and how far one may go: everything in which programs differ.
#[derive(Debug, Clone)]
pub struct Defaults {
    /// `hold_seconds`.
    pub hold_seconds: u64,
    /// The most that `hold_seconds` may be.
    pub longest_hold_seconds: u64,
    /// Why it may not be more.
    pub why_not_longer: &'static str,
}

/// `session_idle_minutes` where it is not set, of every program.
const SESSION_IDLE_MINUTES: u64 = 30;

/// The keys that every program that runs a gateway has.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shared {
    /// Folder with the policy bundle; none: the built-in one.
    pub policies: Option<PathBuf>,
    /// How long an answer is waited for before the agent is told to come back.
    pub hold_seconds: u64,
    /// After how long without a statement a session has ended.
    pub session_idle_minutes: u64,
    /// The names that a statement runs under where its client names none.
    #[serde(default)]
    pub defaults: Names,
    /// Trusted issuers of agents' tokens.
    #[serde(default)]
    pub issuers: Vec<Issuer>,
    /// Trusted issuers of auditors' tokens; none: recordings are searched and replayed elsewhere. A token that names an audience of theirs
    /// is no agent's.
    #[serde(default)]
    pub auditors: Vec<Issuer>,
    /// OAuth scopes that agents' tokens need beyond those of their issuers.
    #[serde(default)]
    pub scopes: Scopes,
    /// The Snowflake account.
    pub upstream: Option<snowflake::Settings>,
}

impl Shared {
    /// Reads and checks them.
    pub(super) fn read(
        mut table: Table,
        defaults: &Defaults,
        places: &Places,
    ) -> Result<Self, ConfigurationError> {
        let Defaults { hold_seconds, longest_hold_seconds, why_not_longer } = defaults;
        for (key, default) in
            [("hold_seconds", *hold_seconds), ("session_idle_minutes", SESSION_IDLE_MINUTES)]
        {
            let value = i64::try_from(default).unwrap_or(i64::MAX);
            table.entry(key).or_insert(Value::Integer(value));
        }
        let shared: Self = section(table, places)?;
        if let Some(upstream) = &shared.upstream {
            upstream.check().map_err(|error| of_upstream(places, &error))?;
        }
        if !(1..=*longest_hold_seconds).contains(&shared.hold_seconds) {
            let problem = format!("lies between 1 and {longest_hold_seconds}: {why_not_longer}");
            return Err(places.wrong("hold_seconds", problem));
        }
        if shared.session_idle_minutes == 0 {
            return Err(places.wrong("session_idle_minutes", "is at least 1"));
        }
        let Scopes { read, write, define } = &shared.scopes;
        for (key, scopes) in [("read", read), ("write", write), ("define", define)] {
            if !scopes.iter().all(|scope| is_scope(scope)) {
                let problem =
                    "a scope is a word of visible ASCII without `\"` and `\\` (RFC 6749 section 3.3)";
                return Err(places.wrong(&format!("scopes.{key}"), problem));
            }
        }
        Issuer::all(&shared.issuers, places)?;
        Ok(shared)
    }

    /// What the gateway itself is told.
    pub fn gateway(&self) -> gateway::Settings {
        gateway::Settings {
            hold: Duration::from_secs(self.hold_seconds),
            session_idle: Duration::from_secs(self.session_idle_minutes.saturating_mul(60)),
            default_context: self.defaults.context(),
            scopes: self.scopes.of_tiers(
                self.issuers.iter().flat_map(|issuer| issuer.required_scopes.iter().cloned()).collect(),
            ),
            ..gateway::Settings::default()
        }
    }
}

/// `[defaults]`: the names that a statement runs under where its client names none. None of the Snowflake user's own
/// defaults is ever fallen back to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Names {
    /// Snowflake role.
    pub role: Option<String>,
    /// Warehouse.
    pub warehouse: Option<String>,
    /// Database.
    pub database: Option<String>,
    /// Schema of that database.
    pub schema: Option<String>,
}

impl Names {
    /// The same as a context.
    pub fn context(&self) -> Context {
        let Self { role, warehouse, database, schema } = self.clone();
        Context { role, warehouse, database, schema }
    }
}

/// `[scopes]`: OAuth scopes that a token needs, by what its statement does; every one that is listed. Absent: none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scopes {
    /// To read, to look and to collect what was read.
    #[serde(default)]
    pub read: Vec<String>,
    /// To write rows.
    #[serde(default)]
    pub write: Vec<String>,
    /// To define objects.
    #[serde(default)]
    pub define: Vec<String>,
}

impl Scopes {
    /// With what tokens of these issuers need anyway.
    fn of_tiers(&self, required: BTreeSet<String>) -> TierScopes {
        let Self { read, write, define } = self.clone();
        let set = |scopes: Vec<String>| scopes.into_iter().collect();
        TierScopes { read: set(read), write: set(write), define: set(define), required }
    }
}

/// What is wrong with one key of an entry.
struct Wrong {
    key: &'static str,
    problem: String,
}

/// What the account's own settings say of themselves, by the keys of the whole configuration.
pub fn of_upstream(places: &Places, error: &snowflake::Error) -> ConfigurationError {
    // Its keys are dotted from its own section; whatever else it says is about no single key.
    if let snowflake::Error::Setting { key, problem } = error {
        places.wrong(&format!("upstream.{key}"), problem)
    } else {
        places.wrong("upstream", error)
    }
}

/// One `[[issuers]]` entry: an OIDC issuer whose tokens are accepted.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// `iss`, exactly as tokens say it.
    pub issuer: String,
    /// Accepted audiences; a token must name one.
    pub audience: Vec<String>,
    /// The claim that stands for `aud` in tokens that have none: `client_id` or `azp`.
    pub audience_claim: Option<String>,
    /// Accepted signature algorithms.
    #[serde(default)]
    pub algorithms: Vec<String>,
    /// Accepted `typ` headers.
    #[serde(default)]
    pub types: Vec<String>,
    /// Scopes that every token must have.
    #[serde(default)]
    pub required_scopes: Vec<String>,
    /// The claim that lists groups.
    pub groups_claim: Option<String>,
    /// The claim that names the agent, for issuers that cannot say `act`.
    pub agent_claim: Option<String>,
    /// The claim that names the person.
    pub person_claim: Option<String>,
    /// The claim that only people's tokens have.
    pub person_proof: Option<String>,
    /// Of auditors, the clients that they may use; empty for any.
    #[serde(default)]
    pub clients: Vec<String>,
    /// Of auditors, the groups of which they are in one; empty for any.
    #[serde(default)]
    pub required_groups: Vec<String>,
    /// Where the keys are; none: the discovery document says.
    pub jwks_uri: Option<String>,
    /// How far clocks may differ.
    pub leeway_seconds: Option<u64>,
}

impl Issuer {
    /// All entries of `[[issuers]]` as the verifier takes them.
    ///
    /// # Errors
    /// The first that is wrong, with its place.
    pub fn all(entries: &[Self], places: &Places) -> Result<Vec<IssuerSettings>, ConfigurationError> {
        // Nobody would look at it: which agents may do what is policy.
        for (at, entry) in entries.iter().enumerate() {
            for (key, said) in [("clients", &entry.clients), ("required_groups", &entry.required_groups)] {
                if !said.is_empty() {
                    let problem =
                        "is for [[auditors]]: which agents may do what is said by the policy bundle";
                    return Err(places.wrong(&format!("issuers[{at}].{key}"), problem));
                }
            }
        }
        Self::all_of("issuers", entries, places)
    }

    /// All entries of `[[auditors]]`: of people alone, who are known by the client that they use (`agent_claim`, else `client_id`), with
    /// a scope of their own.
    ///
    /// # Errors
    /// The first that is wrong, with its place.
    pub fn auditors(entries: &[Self], places: &Places) -> Result<Vec<IssuerSettings>, ConfigurationError> {
        let mut settings = Self::all_of("auditors", entries, places)?;
        for (at, issuer) in settings.iter_mut().enumerate() {
            // SECURITY: without one every token for that audience would be an auditor's.
            if issuer.required_scopes.is_empty() {
                let problem = "names no scope: auditors have one that nobody else is given, `audit:read` say";
                return Err(places.wrong(&format!("auditors[{at}].required_scopes"), problem));
            }
            issuer.bearers = Bearers::People;
            issuer.agent_claim.get_or_insert_with(|| "client_id".to_owned());
        }
        Ok(settings)
    }

    fn all_of(
        section: &str,
        entries: &[Self],
        places: &Places,
    ) -> Result<Vec<IssuerSettings>, ConfigurationError> {
        let read = |(at, entry): (usize, &Self)| {
            entry
                .settings()
                .map_err(|Wrong { key, problem }| places.wrong(&format!("{section}[{at}].{key}"), problem))
        };
        entries.iter().enumerate().map(read).collect()
    }

    /// The settings as the verifier takes them.
    fn settings(&self) -> Result<IssuerSettings, Wrong> {
        let wrong = |key, problem: String| Wrong { key, problem };
        let mut settings = IssuerSettings::new(self.issuer.clone(), "");
        if self.audience.is_empty() {
            return Err(wrong("audience", "names nobody".to_owned()));
        }
        settings.audience.clone_from(&self.audience);
        settings.audience_claim.clone_from(&self.audience_claim);
        if !self.algorithms.is_empty() {
            // SECURITY: what stands there instead may be a secret in the wrong place.
            let read = |name: &String| {
                name.parse::<Algorithm>().map_err(|error| wrong("algorithms", error.to_string()))
            };
            settings.algorithms = self.algorithms.iter().map(read).collect::<Result<_, _>>()?;
        }
        if !self.types.is_empty() {
            settings.types.clone_from(&self.types);
        }
        settings.required_scopes.clone_from(&self.required_scopes);
        if let Some(claim) = &self.groups_claim {
            settings.groups_claim.clone_from(claim);
        }
        settings.agent_claim.clone_from(&self.agent_claim);
        settings.person_claim.clone_from(&self.person_claim);
        settings.person_proof.clone_from(&self.person_proof);
        settings.clients.clone_from(&self.clients);
        settings.required_groups.clone_from(&self.required_groups);
        settings.jwks_uri.clone_from(&self.jwks_uri);
        if let Some(leeway) = self.leeway_seconds {
            settings.leeway = Duration::from_secs(leeway);
        }
        Ok(settings)
    }
}
