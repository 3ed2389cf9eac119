//! What an operator may choose.

use std::sync::Arc;
use std::time::Duration;

use domain::Context;

use crate::approval::Roster;
use crate::evidence::Channel;
use crate::scopes::TierScopes;

/// How reviewers must prove themselves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SignIn {
    /// Whoever holds the home may decide, under any name: for the embedded warehouse alone.
    Development,
    /// By an OIDC provider.
    Oidc,
}

impl SignIn {
    /// The word in recordings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Oidc => "oidc",
        }
    }

    /// Whether what was asked for, or said, by reviewers of whom a record has that word counts where reviewers must prove themselves
    /// so.
    // SECURITY: whoever holds a home or a link decides over the embedded warehouse alone, also where that home is served before a
    // real account later.
    pub fn takes(self, word: &str) -> bool {
        match self {
            Self::Development => Self::from_word(word).is_some(),
            Self::Oidc => word == Self::Oidc.as_str(),
        }
    }

    /// The way with that word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Development, Self::Oidc].into_iter().find(|way| way.as_str() == word)
    }
}

/// When reviewers who stay silent are told again, in hundredths of the time that what waits may wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reminders {
    /// Whoever was told is told once more; none: nobody is.
    pub told: Option<u8>,
    /// The second group is told ([`Roster::escalating_to`]); none: it is not.
    pub second: Option<u8>,
}

/// Settings of the gateway itself.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long an answer may be waited for before the agent is told to come back (40 s locally, 20 s on AWS).
    pub hold: Duration,
    /// After how long without a statement a session has ended.
    pub session_idle: Duration,
    /// For how long a lease lasts without being renewed; must outlive the masking of one page.
    pub lease: Duration,
    /// After how long without progress and without an upstream handle an exchange is lost; longer than any
    /// invocation may last.
    pub lost_after: Duration,
    /// For how long a statement with an upstream handle is tried again while upstream is out of reach or busy.
    pub patience: Duration,
    /// Bytes of a page at most, inflated.
    pub page_size: usize,
    /// Bytes of a page at most, as stored.
    pub page_stored: usize,
    /// A single page of at most this many stored bytes lies inside the closing.
    pub inline: usize,
    /// The names that a statement runs under where its client names none.
    pub default_context: Context,
    /// Bytes of one statement at most.
    pub statement_size: usize,
    /// The OAuth scopes that agents' tokens need beyond those of their issuers.
    pub scopes: TierScopes,
    /// How reviewers of what is held from now on must prove themselves.
    pub sign_in: SignIn,
    /// The people who may be asked to decide, and their page; none where there is no page.
    pub roster: Option<Arc<Roster>>,
    /// When silent reviewers are told again; none where somebody else keeps that time, as the state machine on AWS does.
    pub reminders: Option<Reminders>,
    /// The evidence channels that are set up, so that no refusal waits for what none can tell; none where they are not known here.
    pub channels: Option<Arc<[Channel]>>,
    /// Whether upstream is asked, by EXPLAIN, what it expects of a statement before people are asked for it.
    pub estimates: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hold: Duration::from_secs(40),
            session_idle: Duration::from_secs(30 * 60),
            lease: Duration::from_secs(15),
            lost_after: Duration::from_secs(20),
            patience: Duration::from_secs(120),
            page_size: 16 * 1024 * 1024,
            page_stored: 4 * 1024 * 1024,
            inline: 256 * 1024,
            default_context: Context::default(),
            statement_size: 1024 * 1024,
            scopes: TierScopes::default(),
            sign_in: SignIn::Oidc,
            roster: None,
            reminders: None,
            channels: None,
            estimates: false,
        }
    }
}
