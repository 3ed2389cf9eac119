//! OAuth scopes: what a token must be good for, beyond proving who asks.
//!
//! They are the issuer's leave to an agent, and policy is the gateway's: both must agree. So they are looked at after
//! policy has let a statement run, or would have people decide, and a statement that policy refuses is never told to come
//! back with more scopes.

use std::collections::BTreeSet;

use domain::{Decision, Identity, Outcome, Refusal, RefusalCode, RuleId, Ruling, Tier};

use crate::ask::granted;
use crate::gateway::Gateway;

/// The built-in rule that refuses what a token's scopes do not cover.
const LACKS_SCOPE: &str = "gateway:scope";

/// Scopes that a token needs, by what its statement does. Empty: none.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TierScopes {
    /// To read, to look and to collect what was read.
    pub read: BTreeSet<String>,
    /// To write rows.
    pub write: BTreeSet<String>,
    /// To define objects.
    pub define: BTreeSet<String>,
    /// What tokens need whatever they are for: checked where they are proven, and named here with what else is needed.
    pub required: BTreeSet<String>,
}

impl TierScopes {
    /// What this tier needs.
    pub fn of(&self, tier: Tier) -> &BTreeSet<String> {
        let Self { read, write, define, required: _ } = self;
        match tier {
            Tier::Read => read,
            Tier::Write => write,
            Tier::Define => define,
        }
    }

    /// Every scope that any tier needs.
    pub fn all(&self) -> BTreeSet<String> {
        let Self { read, write, define, required: _ } = self;
        read.iter().chain(write).chain(define).cloned().collect()
    }

    /// The no to whoever lacks any of what these tiers need. It names all of it, and what of the token's own scopes this
    /// gateway asks for anywhere: a client asks its issuer for exactly what it is told, once, and loses nothing by it.
    fn lacking(&self, identity: &Identity, tiers: impl IntoIterator<Item = Tier>) -> Option<Refusal> {
        let needed: BTreeSet<&String> = tiers.into_iter().flat_map(|tier| self.of(tier)).collect();
        let is_covered = needed.iter().all(|scope| identity.scopes.contains(*scope));
        (!is_covered).then(|| {
            let known = self.all();
            let is_known = |scope: &&String| known.contains(*scope) || self.required.contains(*scope);
            let told: BTreeSet<&String> =
                needed.into_iter().chain(identity.scopes.iter().filter(is_known)).collect();
            lacks(told.into_iter().cloned().collect())
        })
    }
}

/// The no to a token without these scopes.
pub(crate) fn lacks(scopes: Vec<String>) -> Refusal {
    let message = format!(
        "the access token lacks a scope; get one with: {}, or ask whoever gives out tokens for it",
        scopes.join(" ")
    );
    Refusal { code: RefusalCode::Scope, message, retry_after: None, scopes }
}

/// An outcome for this principal, as it is now: that a token lacked scopes then is no reason to get one with them where this one
/// has them.
pub(crate) fn of_now(identity: &Identity, outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Refused(Refusal { code: RefusalCode::Scope, scopes, .. })
            if scopes.iter().all(|scope| identity.scopes.contains(scope)) =>
        {
            let message = "the access token lacked a scope then, and has it now".to_owned();
            Outcome::Refused(Refusal {
                code: RefusalCode::Scope,
                message,
                retry_after: None,
                scopes: Vec::new(),
            })
        }
        other @ (Outcome::Rows { .. }
        | Outcome::Pending(_)
        | Outcome::Refused(_)
        | Outcome::Failed { .. }) => other,
    }
}

impl Gateway {
    /// What policy says, and whether the token's scopes cover it.
    pub(crate) fn scoped(&self, identity: &Identity, rulings: &[Ruling], ruling: Ruling) -> Ruling {
        let may_run = granted(&ruling.decision);
        let tiers = rulings.iter().filter_map(|ruling| granted(&ruling.decision)).chain(may_run);
        let tiers = tiers.map(|grant| grant.tier);
        match self.settings.scopes.lacking(identity, tiers.filter(|_| may_run.is_some())) {
            Some(refusal) => Ruling {
                decision: Decision::Refuse(refusal),
                rules: vec![RuleId::new(LACKS_SCOPE)],
                bundle: ruling.bundle,
            },
            None => ruling,
        }
    }

    /// The no to whoever may not see what a statement of this tier has answered, or look at all.
    pub(crate) fn lacks_scope(&self, identity: &Identity, tier: Tier) -> Option<Refusal> {
        self.settings.scopes.lacking(identity, [tier])
    }
}

#[cfg(test)]
mod tests {
    use domain::{Agent, Timestamp};

    use super::*;

    fn set(scopes: &[&str]) -> BTreeSet<String> {
        scopes.iter().map(|scope| (*scope).to_owned()).collect()
    }

    #[track_caller]
    fn check(has: &[&str], tiers: &[Tier], expected: Option<&[&str]>) {
        let scopes = TierScopes {
            read: set(&["sql:read"]),
            write: set(&["sql:read", "sql:write"]),
            define: BTreeSet::new(),
            required: set(&["sql"]),
        };
        let identity = Identity {
            issuer: "https://issuer.example".into(),
            subject: "ana".into(),
            agent: Agent::new("claude"),
            person: None,
            groups: BTreeSet::new(),
            scopes: set(has),
            token_id: None,
            expires_at: Timestamp::from_micros(0),
        };
        let told = scopes.lacking(&identity, tiers.iter().copied()).map(|refusal| refusal.scopes);
        let expected = expected.map(|scopes| scopes.iter().map(|scope| (*scope).to_owned()).collect());
        assert_eq!(told, expected, "{has:?} {tiers:?}");
    }

    #[test]
    fn whoever_lacks_one_is_told_all_that_are_needed() {
        check(&["sql:read"], &[Tier::Read], None);
        check(&[], &[Tier::Read], Some(&["sql:read"]));
        check(&["sql:write"], &[Tier::Write], Some(&["sql:read", "sql:write"]));
        check(&["sql:read", "sql:write", "more"], &[Tier::Read, Tier::Write], None);
        check(&["SQL:READ"], &[Tier::Read], Some(&["sql:read"]));
        // A client that asks for exactly that loses nothing that it had.
        check(&["sql", "openid"], &[Tier::Read], Some(&["sql", "sql:read"]));
        check(&["sql", "sql:write"], &[Tier::Read], Some(&["sql", "sql:read", "sql:write"]));
    }

    #[test]
    fn nothing_is_needed_where_nothing_is_set() {
        check(&[], &[Tier::Define], None);
        check(&[], &[], None);
    }
}
