//! What an operator sets for the account behind us.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use domain::Tier;
use reqwest::Url;
use serde::Deserialize;

use crate::error::Error;
use crate::secret::Secret;

/// The section about the account. Whoever owns the configuration file reads it; nothing here looks at the environment.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// `https://acme-dev.snowflakecomputing.com`; plain http only on loopback.
    pub url: String,
    /// The account identifier, `ACME-DEV`; it is part of key-pair tokens, and is sent as `Snowflake-Account`.
    pub account: String,
    /// One Snowflake identity for each kind of work.
    pub tiers: Tiers,
    /// What the catalog is read under.
    pub catalog: CatalogSettings,
    /// Session parameters for every statement, such as `TIMEZONE`; a permit's own win, the pinned ones win over both.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
    /// How long to wait for what.
    #[serde(default)]
    pub timeouts: Timeouts,
    /// How much to take.
    #[serde(default)]
    pub bounds: Bounds,
}

/// The identities. A tier that is not set cannot be used.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tiers {
    /// May read; always needed.
    pub read: TierSettings,
    /// May write rows.
    pub write: Option<TierSettings>,
    /// May define objects.
    pub define: Option<TierSettings>,
}

/// One Snowflake identity and what it may be used for.
///
/// Its Snowflake user must be `TYPE = SERVICE` with `DEFAULT_SECONDARY_ROLES = ()`: the SQL API has no
/// parameter that switches secondary roles off for one request.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TierSettings {
    /// How it proves itself.
    pub credential: CredentialSettings,
    /// The Snowflake roles that statements may name under it. No role is implied.
    pub roles: BTreeSet<String>,
    /// The warehouses that statements may name under it. No warehouse is implied.
    pub warehouses: BTreeSet<String>,
}

/// How an identity proves itself. Workload identity has no settings: it is given to the adapter as its own
/// [`Credentials`](crate::Credentials).
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum CredentialSettings {
    /// A key-pair JWT, signed here.
    KeyPair {
        /// The Snowflake user.
        user: String,
        /// Its private key: RSA, PKCS#8, PEM, not encrypted.
        private_key: Secret,
    },
    /// A programmatic access token.
    AccessToken {
        /// The token.
        token: Secret,
    },
    /// OAuth with the gateway's own client (RFC 6749, 4.4).
    ClientCredentials {
        /// The client at the token endpoint.
        client: OAuthClient,
    },
    /// OAuth by exchange of a workload's own token (RFC 8693).
    ///
    /// The token that is exchanged is the one in the file, for this tier: never the agent's or the person's, which do
    /// not reach this adapter. Snowflake sees one user a tier; who asked stands in the recording.
    TokenExchange {
        /// The client at the token endpoint.
        client: OAuthClient,
        /// The file that the platform keeps a fresh token in; read at each exchange.
        subject_token_file: PathBuf,
        /// What that token is; `urn:ietf:params:oauth:token-type:jwt` when not set.
        subject_token_type: Option<String>,
    },
    /// The deployment's own workload identity, handed to the adapter in code. With braces, for serde lets a variant
    /// without them have any key.
    WorkloadIdentity {},
}

/// The gateway as a client of a token endpoint.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OAuthClient {
    /// The token endpoint; https, or http on loopback.
    pub token_endpoint: String,
    /// The client's id.
    pub client_id: String,
    /// The client's secret, sent by HTTP Basic.
    pub client_secret: Secret,
    /// The scope to ask for, `session:role:…`.
    pub scope: Option<String>,
    /// The audience to ask for.
    pub audience: Option<String>,
}

/// What the catalog is read under, always with the read tier's identity.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogSettings {
    /// A role that sees every object that agents may ask for; one of `tiers.read.roles`.
    pub role: String,
    /// One of `tiers.read.warehouses`.
    pub warehouse: String,
    /// Whether the tags of columns are read, from `SNOWFLAKE.ACCOUNT_USAGE.TAG_REFERENCES`, once a reading of a schema. The
    /// role then needs the database role `SNOWFLAKE.GOVERNANCE_VIEWER`: a reading that fails faults, and nothing runs.
    ///
    /// Snowflake fills that view up to two hours late, and leaves out tags that a column only inherits from its table,
    /// schema or database. A tag that is not there yet adds no class, so whatever must be masked from its first minute
    /// on is named under `[[columns]]` of the bundle, too.
    #[serde(default)]
    pub tags: bool,
}

/// How long to wait, in milliseconds.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timeouts {
    /// For a connection.
    pub connect_ms: u64,
    /// For the head of an answer that does not depend on the statement's end. A wait for a statement may take this
    /// much longer when upstream is in trouble, so it and the hold together must fit into the door's own limit.
    pub answer_ms: u64,
    /// Between two pieces of a body.
    pub idle_ms: u64,
    /// For a whole body.
    pub body_ms: u64,
    /// For a statement over the catalog, and for all that one text has looked up there.
    pub catalog_ms: u64,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect_ms: 5_000, answer_ms: 8_000, idle_ms: 20_000, body_ms: 300_000, catalog_ms: 30_000 }
    }
}

impl Timeouts {
    pub(crate) fn connect(&self) -> Duration {
        Duration::from_millis(self.connect_ms)
    }

    pub(crate) fn answer(&self) -> Duration {
        Duration::from_millis(self.answer_ms)
    }

    pub(crate) fn idle(&self) -> Duration {
        Duration::from_millis(self.idle_ms)
    }

    pub(crate) fn body(&self) -> Duration {
        Duration::from_millis(self.body_ms)
    }

    pub(crate) fn catalog(&self) -> Duration {
        Duration::from_millis(self.catalog_ms)
    }
}

/// How much to take, in bytes after inflating, and how often to try.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bounds {
    /// Everything of an answer that is not rows.
    pub envelope_bytes: usize,
    /// The first partition, which comes with its head.
    pub first_partition_bytes: u64,
    /// How much of the first partition is kept until it is read; above, it is asked for again and streamed.
    pub kept_bytes: usize,
    /// Any further partition.
    pub partition_bytes: u64,
    /// What one catalog statement may answer.
    pub catalog_bytes: u64,
    /// Tries of one request.
    pub tries: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            envelope_bytes: 8 << 20,
            first_partition_bytes: 32 << 20,
            kept_bytes: 4 << 20,
            partition_bytes: 256 << 20,
            catalog_bytes: 64 << 20,
            tries: 5,
        }
    }
}

impl Settings {
    /// The tier's settings; none when it is not set.
    pub fn tier(&self, tier: Tier) -> Option<&TierSettings> {
        match tier {
            Tier::Read => Some(&self.tiers.read),
            Tier::Write => self.tiers.write.as_ref(),
            Tier::Define => self.tiers.define.as_ref(),
        }
    }

    /// Checks everything that can be checked without the account; the first problem names its key.
    pub fn check(&self) -> Result<(), Error> {
        origin_of("url", &self.url)?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if self.account.is_empty() || !self.account.chars().all(is_name) {
            return Err(Error::setting("account", "is no account identifier such as `ACME-DEV`"));
        }
        for tier in [Tier::Read, Tier::Write, Tier::Define] {
            if let Some(settings) = self.tier(tier) {
                settings.check(&format!("tiers.{}", tier.as_str()))?;
            }
        }
        let read = &self.tiers.read;
        if !read.roles.contains(&self.catalog.role) {
            return Err(Error::setting("catalog.role", "is none of `tiers.read.roles`"));
        }
        if !read.warehouses.contains(&self.catalog.warehouse) {
            return Err(Error::setting("catalog.warehouse", "is none of `tiers.read.warehouses`"));
        }
        for name in self.parameters.keys() {
            let is_plain = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
            if name.is_empty() || !name.bytes().all(is_plain) {
                return Err(Error::setting(
                    format!("parameters.{name}"),
                    "is no upper-case name of a session parameter",
                ));
            }
        }
        self.timeouts.check()?;
        self.bounds.check()
    }
}

impl TierSettings {
    fn check(&self, key: &str) -> Result<(), Error> {
        if self.roles.is_empty() || self.roles.contains("") {
            return Err(Error::setting(format!("{key}.roles"), "names no role"));
        }
        if self.warehouses.is_empty() || self.warehouses.contains("") {
            return Err(Error::setting(format!("{key}.warehouses"), "names no warehouse"));
        }
        let key = format!("{key}.credential");
        match &self.credential {
            CredentialSettings::KeyPair { user, private_key: _ } if user.is_empty() => {
                Err(Error::setting(format!("{key}.user"), "is empty"))
            }
            CredentialSettings::AccessToken { token } if token.reveal().trim().is_empty() => {
                Err(Error::setting(format!("{key}.token"), "is empty"))
            }
            CredentialSettings::ClientCredentials { client }
            | CredentialSettings::TokenExchange { client, .. } => client.check(&format!("{key}.client")),
            CredentialSettings::KeyPair { .. }
            | CredentialSettings::AccessToken { .. }
            | CredentialSettings::WorkloadIdentity {} => Ok(()),
        }
    }
}

impl OAuthClient {
    fn check(&self, key: &str) -> Result<(), Error> {
        secure_url(&format!("{key}.token_endpoint"), &self.token_endpoint)?;
        if self.client_id.is_empty() {
            return Err(Error::setting(format!("{key}.client_id"), "is empty"));
        }
        Ok(())
    }
}

impl Timeouts {
    fn check(&self) -> Result<(), Error> {
        let Self { connect_ms, answer_ms, idle_ms, body_ms, catalog_ms } = *self;
        let all = [
            ("connect_ms", connect_ms),
            ("answer_ms", answer_ms),
            ("idle_ms", idle_ms),
            ("body_ms", body_ms),
            ("catalog_ms", catalog_ms),
        ];
        match all.iter().find(|(_, value)| !(1..=3_600_000).contains(value)) {
            Some((key, _)) => {
                Err(Error::setting(format!("timeouts.{key}"), "is not between 1 and 3600000 milliseconds"))
            }
            None => Ok(()),
        }
    }
}

impl Bounds {
    fn check(&self) -> Result<(), Error> {
        let Self { envelope_bytes, first_partition_bytes, kept_bytes, partition_bytes, catalog_bytes, tries } =
            *self;
        let is_zero = [
            ("envelope_bytes", envelope_bytes == 0),
            ("first_partition_bytes", first_partition_bytes == 0),
            ("kept_bytes", kept_bytes == 0),
            ("partition_bytes", partition_bytes == 0),
            ("catalog_bytes", catalog_bytes == 0),
            ("tries", tries == 0),
        ];
        match is_zero.iter().find(|(_, is_zero)| *is_zero) {
            Some((key, _)) => Err(Error::setting(format!("bounds.{key}"), "is zero")),
            None => Ok(()),
        }
    }
}

/// A URL that credentials may be sent to: https, or http to this machine itself.
pub(crate) fn secure_url(key: &str, text: &str) -> Result<Url, Error> {
    let url = Url::parse(text).map_err(|_| Error::setting(key, "is no URL"))?;
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(Error::setting(key, "holds more than a scheme, a host and a path"));
    }
    let host = url.host_str().unwrap_or_default();
    let is_loopback = host == "localhost"
        || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    match url.scheme() {
        "https" if !host.is_empty() => Ok(url),
        "http" if is_loopback => Ok(url),
        _ => Err(Error::setting(key, "is neither https nor http on loopback")),
    }
}

/// The same without path and query.
pub(crate) fn origin_of(key: &str, text: &str) -> Result<Url, Error> {
    let url = secure_url(key, text)?;
    if url.path() != "/" || url.query().is_some() {
        return Err(Error::setting(key, "holds more than a scheme and a host"));
    }
    Ok(url)
}
