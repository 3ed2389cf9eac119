//! Answers single questions from the policies of a bundle.
//!
//! Cedar evaluates every policy of a set for every request, so policies are sorted beforehand by the actions and
//! the principals that their scopes name; a question is put only to those that may have something to say.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cedar_policy::{
    ActionConstraint, AuthorizationError, Authorizer, Context, Decision, Entities, EntityUid, PolicyId,
    PolicySet, PrincipalConstraint, Request,
};
use domain::{Identity, RuleId};

use crate::classes::Classes;
use crate::policy_files::{self, Placed};
use crate::problem::{Problem, Source};
use crate::vocabulary::{ACTIONS, Action, Vocabulary};

/// The policies of a bundle.
pub(crate) struct Policies {
    pub(crate) vocabulary: Vocabulary,
    authorizer: Authorizer,
    /// By [`Action::index`].
    slices: Vec<Slice>,
    /// `@reason` of forbids.
    reasons: BTreeMap<RuleId, String>,
    /// All of them, as they are written.
    rules: BTreeMap<RuleId, Rule>,
}

/// A rule as its bundle writes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    /// Whether it forbids; else it permits.
    pub is_forbid: bool,
    /// Its file, by its path in the bundle.
    pub file: String,
    /// Where it begins there, from 1.
    pub line: usize,
    /// Its Cedar text.
    pub text: String,
}

/// The policies that one action may meet. Each stands in exactly one of the sets.
#[derive(Default)]
struct Slice {
    /// Those whose scope does not name a group or an agent.
    anybody: PolicySet,
    groups: HashMap<String, PolicySet>,
    agents: HashMap<String, PolicySet>,
}

/// What policy says to one question.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Answer {
    /// Permitted by these rules.
    Granted(BTreeSet<RuleId>),
    /// Forbidden by these rules.
    Forbidden(BTreeSet<RuleId>),
    /// No rule says anything.
    NotGranted,
    /// These rules could not be evaluated.
    // SECURITY: Cedar skips a policy that fails, also a forbid; so one failure spoils the whole answer.
    Broken(BTreeSet<RuleId>),
}

impl Policies {
    /// Reads the policies of these files (path, text), noting every problem.
    pub(crate) fn read(
        files: &[Source<'_>],
        classes: Option<&Classes>,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let vocabulary = Vocabulary::new().ok()?;
        let placed = policy_files::read(files, classes, &vocabulary, problems);
        let slices =
            Action::all().map(|action| slice(action, &placed, &vocabulary)).collect::<Result<_, _>>().ok()?;
        let reasons = placed
            .iter()
            .filter_map(|(id, placed)| Some((id.clone(), placed.policy.annotation("reason")?.to_owned())))
            .collect();
        let rules = placed.iter().map(|(id, placed)| (id.clone(), placed.rule())).collect();
        Some(Self { vocabulary, authorizer: Authorizer::new(), slices, reasons, rules })
    }

    /// Puts one question.
    pub(crate) fn ask(
        &self,
        identity: &Identity,
        action: Action,
        request: &Request,
        entities: &Entities,
    ) -> Answer {
        let mut permits = BTreeSet::new();
        let mut forbids = BTreeSet::new();
        let mut broken = BTreeSet::new();
        for policies in self.slices.get(action.index()).into_iter().flat_map(|slice| slice.of(identity)) {
            let response = self.authorizer.is_authorized(request, policies, entities);
            let said = match response.decision() {
                Decision::Allow => &mut permits,
                Decision::Deny => &mut forbids,
            };
            said.extend(response.diagnostics().reason().map(rule));
            broken.extend(
                response
                    .diagnostics()
                    .errors()
                    .map(|AuthorizationError::PolicyEvaluationError(error)| rule(error.policy_id())),
            );
        }
        answer(broken, forbids, permits)
    }

    /// Puts one question to policies that are none of the bundle's.
    pub(crate) fn ask_beside(
        &self,
        policies: &PolicySet,
        principal: &EntityUid,
        action: Action,
        resource: EntityUid,
        context: Context,
        entities: &Entities,
    ) -> Answer {
        let action = crate::vocabulary::entity(&self.vocabulary.action, action.name());
        let Ok(request) = Request::new(principal.clone(), action, resource, context, None) else {
            return Answer::Broken(BTreeSet::new());
        };
        let response = self.authorizer.is_authorized(&request, policies, entities);
        let rules = response.diagnostics().reason().map(rule).collect();
        let broken: BTreeSet<RuleId> = response
            .diagnostics()
            .errors()
            .map(|AuthorizationError::PolicyEvaluationError(error)| rule(error.policy_id()))
            .collect();
        match response.decision() {
            Decision::Allow => answer(broken, BTreeSet::new(), rules),
            Decision::Deny => answer(broken, rules, BTreeSet::new()),
        }
    }

    /// The request for one question.
    pub(crate) fn request(
        &self,
        principal: &EntityUid,
        action: Action,
        resource: EntityUid,
        context: Context,
    ) -> Option<Request> {
        let action = crate::vocabulary::entity(&self.vocabulary.action, action.name());
        // Checking each request costs more than deciding it. Requests are ours, and the unit tests check them.
        Request::new(principal.clone(), action, resource, context, schema_of_tests()).ok()
    }

    /// Whether there is a rule of that name.
    pub(crate) fn has(&self, rule: &str) -> bool {
        self.rules.contains_key(&RuleId::new(rule))
    }

    /// All rules, as they are written.
    pub(crate) fn rules(&self) -> &BTreeMap<RuleId, Rule> {
        &self.rules
    }

    /// What a rule says of itself, for whoever is refused by it.
    pub(crate) fn reason(&self, rule: &RuleId) -> Option<&str> {
        self.reasons.get(rule).map(String::as_str)
    }
}

impl Slice {
    /// The sets that may concern this principal.
    fn of<'a>(&'a self, identity: &'a Identity) -> impl Iterator<Item = &'a PolicySet> {
        let groups = identity.groups.iter().filter_map(|group| self.groups.get(group));
        let agent = self.agents.get(identity.agent.as_str());
        std::iter::once(&self.anybody).chain(groups).chain(agent).filter(|policies| !policies.is_empty())
    }
}

fn answer(broken: BTreeSet<RuleId>, forbids: BTreeSet<RuleId>, permits: BTreeSet<RuleId>) -> Answer {
    if !broken.is_empty() {
        Answer::Broken(broken)
    } else if !forbids.is_empty() {
        Answer::Forbidden(forbids)
    } else if !permits.is_empty() {
        Answer::Granted(permits)
    } else {
        Answer::NotGranted
    }
}

pub(crate) fn rule(id: &PolicyId) -> RuleId {
    let id: &str = id.as_ref();
    RuleId::new(id)
}

/// The policies that may meet this action, by the principals that they name.
fn slice(
    action: Action,
    placed: &BTreeMap<RuleId, Placed<'_>>,
    vocabulary: &Vocabulary,
) -> Result<Slice, Box<cedar_policy::PolicySetError>> {
    let mut slice = Slice::default();
    for Placed { policy, .. } in placed.values() {
        let is_met = match policy.action_constraint() {
            ActionConstraint::Any => true,
            ActionConstraint::Eq(named) => action.is_named(named.id().unescaped()),
            ActionConstraint::In(named) => named.iter().any(|named| action.is_named(named.id().unescaped())),
        };
        if !is_met {
            continue;
        }
        let set = match policy.principal_constraint() {
            PrincipalConstraint::In(named)
            | PrincipalConstraint::IsIn(_, named)
            | PrincipalConstraint::Eq(named) => {
                let id = named.id().unescaped().to_owned();
                if *named.type_name() == vocabulary.group {
                    slice.groups.entry(id).or_default()
                } else if *named.type_name() == vocabulary.agent {
                    slice.agents.entry(id).or_default()
                } else {
                    &mut slice.anybody
                }
            }
            PrincipalConstraint::Any | PrincipalConstraint::Is(_) => &mut slice.anybody,
        };
        set.add(policy.clone()).map_err(Box::new)?;
    }
    debug_assert!(action.index() < ACTIONS);
    Ok(slice)
}

/// The schema that requests and entities are checked against: none but in unit tests.
pub(crate) fn schema_of_tests() -> Option<&'static cedar_policy::Schema> {
    #[cfg(test)]
    {
        use std::sync::OnceLock;
        static SCHEMA: OnceLock<cedar_policy::Schema> = OnceLock::new();
        let schema = || cedar_policy::Schema::from_cedarschema_str(crate::vocabulary::SCHEMA).unwrap().0;
        Some(SCHEMA.get_or_init(schema))
    }
    #[cfg(not(test))]
    None
}
