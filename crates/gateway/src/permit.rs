//! Leave to run one statement once.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use domain::{Asked, Bindings, Context, ExchangeId, Grant, SqlText, Tier};

use crate::opened::Opened;
use crate::seal;

/// The only thing that an `Upstream` accepts. It is made from a granted decision and a durable opening, and it
/// is not `Clone`: whoever has used it has none (invariant I3).
///
/// It cannot be changed:
///
/// ```compile_fail
/// fn widen(permit: gateway::Permit) -> gateway::Permit {
///     gateway::Permit { tier: domain::Tier::Define, ..permit }
/// }
/// ```
///
/// nor used twice:
///
/// ```compile_fail
/// fn run_twice(permit: gateway::Permit) -> (gateway::Work, gateway::Work) {
///     (permit.spend(), permit.spend())
/// }
/// ```
///
/// once is fine:
///
/// ```
/// fn run_once(permit: gateway::Permit) -> gateway::Work {
///     permit.spend()
/// }
/// ```
pub struct Permit {
    pub(crate) exchange: ExchangeId,
    pub(crate) request_id: u128,
    pub(crate) text: SqlText,
    pub(crate) bindings: Bindings,
    pub(crate) context: Context,
    pub(crate) statement_count: u32,
    pub(crate) parameters: BTreeMap<String, String>,
    pub(crate) timeout: Duration,
    pub(crate) tier: Tier,
}

/// What a permit allows, taken out of it by the adapter that uses it up.
pub struct Work {
    /// The exchange that it belongs to.
    pub exchange: ExchangeId,
    /// The request id to use upstream: the same for every try at this exchange, so that a repeated submission
    /// finds the first (Snowflake SQL API, `requestId` with `retry=true`).
    pub request_id: u128,
    /// The exact text.
    pub text: SqlText,
    /// The exact bound values.
    pub bindings: Bindings,
    /// The names to run under; each is named upstream, nothing falls to the account's defaults.
    pub context: Context,
    /// How many statements the text holds; exactly so many, at least 1.
    pub statement_count: u32,
    /// Session parameters for this statement, the query tag among them.
    pub parameters: BTreeMap<String, String>,
    /// How long upstream may work on it.
    pub timeout: Duration,
    /// Which upstream identity runs it.
    pub tier: Tier,
}

impl fmt::Debug for Permit {
    // SECURITY: text, bindings and parameters may hold anything.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Permit({})", self.exchange)
    }
}

impl fmt::Debug for Work {
    // SECURITY: as for the permit.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Work({})", self.exchange)
    }
}

impl Permit {
    /// Uses the permit up.
    pub fn spend(self) -> Work {
        let Self {
            exchange,
            request_id,
            text,
            bindings,
            context,
            statement_count,
            parameters,
            timeout,
            tier,
        } = self;
        Work { exchange, request_id, text, bindings, context, statement_count, parameters, timeout, tier }
    }
}

/// Melts the grant, the opening and the exact text into leave to run once.
pub(crate) fn permit(key: &[u8; 32], asked: &Asked, opened: &Opened, grant: &Grant, count: usize) -> Permit {
    let mut parameters = asked.parameters.clone();
    // SECURITY: ids alone. The tag stands in Snowflake's own history, for many eyes.
    parameters.insert("QUERY_TAG".to_owned(), format!("{{\"snowgate\":\"{}\"}}", opened.exchange));
    let Grant { obligations: _, tier } = grant;
    Permit {
        exchange: opened.exchange,
        request_id: seal::upstream_request_id(key, opened.exchange),
        text: SqlText::new(asked.text.reveal()),
        bindings: asked.bindings.clone(),
        context: asked.context.clone(),
        statement_count: u32::try_from(count).unwrap_or(u32::MAX).max(1),
        parameters,
        timeout: timeout(asked, grant),
        tier: *tier,
    }
}

/// How long a statement may take: as its client says, and never longer than its limit.
pub(crate) fn timeout(asked: &Asked, grant: &Grant) -> Duration {
    let most = Duration::from_secs(grant.obligations.limits.statement_seconds.max(1));
    asked.timeout.filter(|timeout| !timeout.is_zero()).map_or(most, |timeout| timeout.min(most))
}
