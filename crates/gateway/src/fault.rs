//! Something broke.

use std::error::Error;
use std::fmt;

/// Where it broke.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// The issuer of tokens, or its keys.
    Identities,
    /// The policy bundle.
    Policies,
    /// The catalog of tables and columns.
    Catalogs,
    /// The keys that seal and digest.
    Keys,
    /// Where openings, closings and sealed texts are kept.
    Recordings,
    /// Where pages are kept.
    Pages,
    /// Where live exchanges are kept.
    Exchanges,
    /// The Snowflake account behind us.
    Upstream,
    /// This gateway itself.
    Gateway,
}

/// Whether asking again can help.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Retry {
    /// The same request may succeed in a moment.
    Soon,
    /// Somebody must mend something first.
    Never,
}

/// Something broke, and nothing is shown. What an agent may know is `public`; the rest is for the log.
#[derive(Debug)]
pub struct Fault {
    /// Where.
    pub origin: Origin,
    /// Whether asking again can help.
    pub retry: Retry,
    /// A line that is safe to show: no values, no paths, no secrets.
    pub public: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl Fault {
    /// A fault that may pass by itself.
    pub fn passing(origin: Origin, public: impl Into<String>) -> Self {
        Self { origin, retry: Retry::Soon, public: public.into(), source: None }
    }

    /// A fault that somebody must mend.
    pub fn lasting(origin: Origin, public: impl Into<String>) -> Self {
        Self { origin, retry: Retry::Never, public: public.into(), source: None }
    }

    /// With what lies behind it, for the log alone.
    ///
    /// The source must not print cell values, statements or secrets (invariant I12).
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.public)
    }
}

impl Error for Fault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| source.as_ref() as &(dyn Error + 'static))
    }
}
