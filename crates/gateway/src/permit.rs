//! Leave to run one statement once.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use domain::{Bindings, Context, ExchangeId, SqlText, Tier};

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
