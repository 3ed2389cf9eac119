//! What people have granted for a while, beside the rules of a bundle.
//!
//! Each grant is one Cedar permit, for reading, with its end in it. It is asked only where no rule of the bundle says
//! anything: what a rule forbids stays forbidden, and a rule that fails refuses. Masks, roles, warehouses and every other
//! question are the bundle's alone.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::time::Duration;

use cedar_policy::{Context, Effect, Entities, EntityUid, Policy, PolicyId, PolicySet, RestrictedExpression};
use domain::{
    Access, AccessGrant, AccessRequest, AccessTo, Case, Class, Decision, ErrorText, Footprint, Grant, Hold,
    Identity, Kind, ObjectName, Obligations, Refusal, RefusalCode, RuleId, Ruling, Statement, Tier,
    Timestamp, Treatment,
};

use crate::asker::{Asker, Unaskable, tier_of};
use crate::bundle::Bundle;
use crate::policies::{Answer, Policies};
use crate::refusal::{Beside, No};
use crate::vocabulary::{Action, Vocabulary, entity};

/// The rule that a grant is, in rulings.
fn rule_of(grant: &AccessGrant) -> RuleId {
    RuleId::new(format!("access:{}", grant.id))
}

/// One grant, ready to be asked.
pub(crate) struct Granted(PolicySet);

/// The grants of whoever asks, the one that lasts longest first: what is released by it is bound to its end.
pub(crate) fn granted(
    policies: &Policies,
    identity: &Identity,
    grants: &[AccessGrant],
) -> Result<Vec<Granted>, Unaskable> {
    let mut theirs: Vec<&AccessGrant> = grants.iter().filter(|grant| grant.is_of(identity)).collect();
    theirs.sort_by_key(|grant| Reverse((grant.until, grant.id.to_string())));
    theirs.into_iter().map(|grant| Granted::new(&policies.vocabulary, grant)).collect()
}

impl Granted {
    fn new(vocabulary: &Vocabulary, grant: &AccessGrant) -> Result<Self, Unaskable> {
        let id = PolicyId::new(rule_of(grant).as_str());
        let policy = Policy::parse(Some(id), text(vocabulary, grant)).map_err(|_| Unaskable)?;
        if policy.effect() != Effect::Permit {
            return Err(Unaskable);
        }
        let mut set = PolicySet::new();
        set.add(policy).map_err(|_| Unaskable)?;
        Ok(Self(set))
    }
}

/// What these grants say of reading an object: the first that permits it. Stages are no objects of theirs.
pub(crate) fn ask(
    policies: &Policies,
    granted: &[Granted],
    principal: &EntityUid,
    entities: &Entities,
    object: &EntityUid,
    running: &Context,
    now: Timestamp,
) -> Answer {
    let at = ("now".to_owned(), RestrictedExpression::new_long(now.as_micros()));
    let Ok(context) = running.clone().merge([at]) else { return Answer::Broken([].into()) };
    for Granted(set) in granted {
        match policies.ask_beside(
            set,
            principal,
            Action::ReadObject,
            object.clone(),
            context.clone(),
            entities,
        ) {
            Answer::NotGranted => {}
            answer @ (Answer::Granted(_) | Answer::Forbidden(_) | Answer::Broken(_)) => return answer,
        }
    }
    Answer::NotGranted
}

/// Who may read a table may see its columns and what reading it would cost first; of nothing else there is to look at.
const LOOKING: &str = r#"["describe", "describe_table", "describe_view", "explain", "show_columns"]"#;

/// The permit in Cedar. `context.now` is the moment of the decision, in microseconds since 1970.
// SECURITY: names come from tokens and from what an agent has asked for; each is printed as Cedar prints an entity.
fn text(vocabulary: &Vocabulary, grant: &AccessGrant) -> String {
    let AccessGrant { id, issuer, subject, agent, to, until } = grant;
    let agent = entity(&vocabulary.agent, agent.as_str());
    let literal = |text: &str| {
        let printed = entity(&vocabulary.agent, text).to_string();
        printed.strip_prefix("Agent::").map(str::to_owned).unwrap_or_default()
    };
    let (issuer, subject) = (literal(issuer), literal(subject));
    let action = entity(&vocabulary.action, Action::ReadObject.name());
    let resource = match to {
        AccessTo::Object(name) => format!("resource == {}", vocabulary.table(name)),
        AccessTo::Schema { database, schema } => {
            format!("resource in {}", vocabulary.schema(database, schema))
        }
    };
    let micros = until.as_micros();
    format!(
        "// until {until}\n@id(\"access:{id}\")\npermit (\n    principal == {agent},\n    action == {action},\n    {resource}\n) \
         when {{\n    principal.issuer == {issuer} &&\n    principal.subject == {subject} &&\n    \
         (context.class == \"read\" || (context.class == \"show\" && {LOOKING}.contains(context.kind))) &&\n    \
         context.now < {micros}\n}};\n"
    )
}

/// `[access]`: whether people may grant reading for a while.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AccessRules {
    /// For how long at most.
    pub(crate) longest: Duration,
}

impl Bundle {
    /// For how long people may grant reading, at most; none where they may not, and then nothing that they have granted before
    /// permits anything.
    pub fn longest_access(&self) -> Option<Duration> {
        self.catalog.access.map(|access| access.longest)
    }

    /// The Cedar permit that a grant is.
    pub fn access_policy(&self, grant: &AccessGrant) -> String {
        text(&self.policies.vocabulary, grant)
    }

    /// What becomes of asking for access: it is held for the reviewers of kind `request_access`, of class `grant`, or the default,
    /// or refused (`gateway:access`). Nobody is asked for what would be of no use: where a rule forbids asking (as it forbids a
    /// statement of that class and kind) or reading any of it, where its principal may not run a SELECT at all, and where the
    /// catalog knows nothing of that name. What may be read is asked about when it is read.
    ///
    /// The case's statement is what the request is recorded as, and its catalog holds the schema that is asked for. `behind` is what
    /// reading a view reads besides: where neither rules nor the case's grants let it be read, access to the view alone is of no use.
    pub fn decide_access(
        &self,
        case: &Case<'_>,
        request: &AccessRequest,
        behind: &BTreeSet<ObjectName>,
    ) -> Ruling {
        let rules = [RuleId::new("gateway:access")].into();
        let now = case.access.now;
        let contact = self.catalog.contact.as_deref().unwrap_or("whoever keeps the policies");
        let Some(AccessRules { longest }) = self.catalog.access else {
            let message = "refused: this gateway's policy has no access for a while ([access] in catalog.toml is off), so asking \
                           again is of no use; a policy owner can switch it on";
            return self.ruling(refuse(message.to_owned()), rules);
        };
        let AccessRequest { to, end, why: _ } = request;
        match self.may_ask(case, to, behind) {
            Ok(MayAsk::Yes) => {}
            Ok(MayAsk::ReadsNothing) => {
                let message = format!(
                    "refused: no rule permits you to read anything, so access would be of no use. To have it permitted, ask {contact}"
                );
                return self.ruling(refuse(message), rules);
            }
            Ok(MayAsk::Unknown) => {
                let message = "refused: the catalog knows no table or view of that name; name one, or a schema that holds some";
                return self.ruling(refuse(message.to_owned()), rules);
            }
            Ok(MayAsk::ReadsAlready) => {
                let message = "refused: you may read that already: policy permits it without anybody's yes";
                return self.ruling(refuse(message.to_owned()), rules);
            }
            Ok(MayAsk::ReadsMore(more)) => {
                // What is granted to them may let them.
                let rules = rules.into_iter().chain([RuleId::new("gateway:not-granted")]).collect();
                return self.ruling(refuse(reads_more(case, to, &more)), rules);
            }
            Ok(MayAsk::Forbidden(by)) => {
                let beside = Beside { contact: self.catalog.contact.as_deref(), longest_access: None };
                let noes = vec![No::Forbidden(by.clone())];
                let refusal = crate::refusal::refuse(noes, case, &self.policies, &beside);
                return self.ruling(Decision::Refuse(refusal), rules.into_iter().chain(by).collect());
            }
            Err(Unaskable) => {
                let refusal = crate::refusal::broken(self.catalog.contact.as_deref());
                return self.ruling(Decision::Refuse(refusal), [RuleId::new("gateway:policy-error")].into());
            }
        }
        let lasts = end.lasts(now);
        if lasts.is_zero() {
            return self.ruling(refuse("refused: this access would be over already".to_owned()), rules);
        }
        if lasts > longest {
            let message = format!("refused: access is granted for {} at most; ask for less", told(longest));
            return self.ruling(refuse(message), rules);
        }
        let until = match end {
            domain::AccessEnd::At(moment) => format!("until {moment}"),
            domain::AccessEnd::After(wait) => format!("for {} from when it was asked", told(*wait)),
        };
        let reviewers = self.catalog.reviewers.of(case.statement);
        let obligations = Obligations {
            // The answer is a sentence of the gateway's own.
            columns: Some(vec![Treatment::Clear]),
            unforeseen: crate::lineage::masked_whole(),
            mask_column_names: false,
            error_text: ErrorText::Shown,
            limits: self.limits_for(case.identity),
        };
        let hold = Hold {
            // Its agent has chosen the name: it stands last, so that it hides nothing wherever that is cut.
            reason: format!(
                "it asks to read {until}, masked as policy says, and waits for a person's yes: {to}"
            ),
            reviewers: reviewers.groups.clone(),
            people: reviewers.people.max(NonZeroU32::MIN),
            expires_after: reviewers.expires_after.min(lasts),
            grant: Grant { obligations, tier: Tier::Read },
        };
        self.ruling(Decision::Hold(hold), rules)
    }
}

/// Names that a sentence lists, at most.
const MOST_NAMED: usize = 8;

/// Tables of a schema that are looked at, to tell whether rules forbid all of them.
const LOOKED_AT: usize = 200;

/// Whether it is of use to ask people.
enum MayAsk {
    Yes,
    /// No rule permits running a SELECT.
    ReadsNothing,
    /// The catalog knows nothing of that name.
    Unknown,
    /// Rules permit reading all of it.
    ReadsAlready,
    /// Reading it reads these, too, which neither a rule nor a grant permits.
    ReadsMore(BTreeSet<ObjectName>),
    /// These rules forbid asking, or reading whatever there is of it and may not be read already.
    Forbidden(BTreeSet<RuleId>),
}

impl Bundle {
    fn may_ask(
        &self,
        case: &Case<'_>,
        to: &AccessTo,
        behind: &BTreeSet<ObjectName>,
    ) -> Result<MayAsk, Unaskable> {
        if let Answer::Forbidden(rules) = self.would_run(case)? {
            return Ok(MayAsk::Forbidden(rules));
        }
        let named = named(case, to);
        let footprint = Footprint { reads: named.iter().cloned().collect(), ..Footprint::default() };
        let (class, kind) = (Class::Read, Kind::new("select"));
        let selecting = Statement { class, kind, footprint, ..case.statement.clone() };
        let granted = &Case { statement: &selecting, ..*case };
        // What was granted before says nothing of whether more is of use.
        let selecting = &Case { access: Access { grants: &[], ..case.access }, ..*granted };
        if !matches!(self.would_run(selecting)?, Answer::Granted(_)) {
            return Ok(MayAsk::ReadsNothing);
        }
        if named.is_empty() {
            return Ok(MayAsk::Unknown);
        }
        let mut asker = Asker::new(&self.policies, self.catalog.classes.len(), selecting, Tier::Read)?;
        let running = asker.running(false)?;
        let (mut forbidden, mut is_granted) = (BTreeSet::new(), false);
        for object in &named {
            let table = self.policies.vocabulary.table(object);
            match asker.ask(Action::ReadObject, table, running.clone()) {
                Answer::Forbidden(rules) => forbidden.extend(rules),
                Answer::Granted(_) => is_granted = true,
                Answer::NotGranted => return self.may_read_behind(granted, behind),
                Answer::Broken(_) => return Err(Unaskable),
            }
        }
        // There may be others behind so many.
        if named.len() >= LOOKED_AT {
            return Ok(MayAsk::Yes);
        }
        Ok(match (is_granted, forbidden.is_empty()) {
            // SECURITY: people's yes would be kept in reserve, for when a rule is taken away.
            (true, true) => MayAsk::ReadsAlready,
            (_, false) | (false, true) => MayAsk::Forbidden(forbidden),
        })
    }

    /// Whether what reading it reads besides may be read by now.
    fn may_read_behind(
        &self,
        selecting: &Case<'_>,
        behind: &BTreeSet<ObjectName>,
    ) -> Result<MayAsk, Unaskable> {
        let mut statement = selecting.statement.clone();
        statement.footprint.reads.extend(behind.iter().cloned());
        let selecting = &Case { statement: &statement, ..*selecting };
        let mut asker = Asker::new(&self.policies, self.catalog.classes.len(), selecting, Tier::Read)?;
        let running = asker.running(false)?;
        let mut more = BTreeSet::new();
        for object in behind {
            match asker.may_read(object, &running) {
                Answer::Granted(_) => {}
                Answer::Forbidden(rules) => return Ok(MayAsk::Forbidden(rules)),
                Answer::NotGranted => {
                    more.insert(object.clone());
                }
                Answer::Broken(_) => return Err(Unaskable),
            }
        }
        Ok(if more.is_empty() { MayAsk::Yes } else { MayAsk::ReadsMore(more) })
    }

    /// What the rules say of running a statement of that class and kind.
    fn would_run(&self, case: &Case<'_>) -> Result<Answer, Unaskable> {
        let mut asker = Asker::new(&self.policies, self.catalog.classes.len(), case, tier_of(case))?;
        let running = asker.running(false)?;
        let statement = entity(&self.policies.vocabulary.statement, case.statement.kind.as_str());
        match asker.ask(Action::Run(case.statement.class), statement, running) {
            Answer::Broken(_) => Err(Unaskable),
            answer @ (Answer::Granted(_) | Answer::Forbidden(_) | Answer::NotGranted) => Ok(answer),
        }
    }
}

/// The tables and views that the catalog knows of what is asked for, the first so many.
// SECURITY: also of what a database tells of itself, which the catalog lists like any schema: whoever asks chooses the name, and
// reviewers are told it.
fn named(case: &Case<'_>, to: &AccessTo) -> Vec<ObjectName> {
    match to {
        AccessTo::Object(name) => case.catalog.relation(name).map(|_| name.clone()).into_iter().collect(),
        AccessTo::Schema { database, schema } => {
            let lies_there = |name: &&ObjectName| (&name.database, &name.schema) == (database, schema);
            case.catalog.relations.keys().filter(lies_there).take(LOOKED_AT).cloned().collect()
        }
    }
}

/// Why a view alone is of no use, and what to ask for.
// SECURITY: as in every refusal, a name is printed only where the catalog knows it.
fn reads_more(case: &Case<'_>, to: &AccessTo, more: &BTreeSet<ObjectName>) -> String {
    let known: Vec<String> =
        more.iter().filter(|name| case.catalog.relation(name).is_some()).map(ToString::to_string).collect();
    let what = if known.len() == more.len() && known.len() <= MOST_NAMED {
        known.join(", ")
    } else {
        "other tables and views".to_owned()
    };
    format!(
        "refused: reading {to} reads {what} besides, which you may not read, so access to the view alone would be of no use. Ask for \
         access to {what} first, or to a schema that holds all of it; or ask a policy owner to permit what the view reads"
    )
}

fn refuse(message: String) -> Decision {
    Decision::Refuse(Refusal { code: RefusalCode::Policy, message, retry_after: None, scopes: Vec::new() })
}

/// A time as people write it: `30m`, `2h`, `1d`.
pub(crate) fn told(wait: Duration) -> String {
    let seconds = wait.as_secs();
    let units = [(86_400, "d"), (3600, "h"), (60, "m")];
    let fits = units.into_iter().find(|(unit, _)| seconds >= *unit && seconds.is_multiple_of(*unit));
    match fits {
        Some((unit, word)) => format!("{}{word}", seconds / unit),
        None => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use cedar_policy::{Schema, ValidationMode, Validator};
    use domain::{Agent, ApprovalId, ObjectName};
    use proptest::prelude::*;

    use super::*;
    use crate::vocabulary::SCHEMA;

    fn grant(issuer: &str, subject: &str, agent: &str, to: AccessTo) -> AccessGrant {
        AccessGrant {
            id: ApprovalId::from_u128(7),
            issuer: issuer.into(),
            subject: subject.into(),
            agent: Agent::new(agent),
            to,
            until: Timestamp::from_micros(1_000_000),
        }
    }

    fn schema(database: &str, schema: &str) -> AccessTo {
        AccessTo::Schema { database: database.into(), schema: schema.into() }
    }

    /// The permit is sound under the schema of every bundle, with the moment beside what every running statement has.
    #[test]
    fn the_permit_passes_strict_validation() {
        let running = "    is_complete: Bool,\n};";
        assert!(SCHEMA.contains(running));
        let with_now = SCHEMA.replace(running, "    is_complete: Bool,\n    now: Long,\n};");
        let validator = Validator::new(Schema::from_cedarschema_str(&with_now).unwrap().0);
        for to in [schema("DEMO", "odd \"s\""), AccessTo::Object(ObjectName::new("DEMO", "PUBLIC", "T"))] {
            let grant = grant("https://i.example", "ana", "claude", to);
            let Granted(set) = Granted::new(&Vocabulary::new().unwrap(), &grant).unwrap();
            let result = validator.validate(&set, ValidationMode::Strict);
            assert!(result.validation_passed_without_warnings(), "{result:?}");
        }
    }

    proptest! {
        #[test]
        fn no_name_breaks_out_of_the_permit(
            issuer in "\\PC{0,12}|[\"\\\\\n){};/*]{1,8}",
            subject in "\\PC{0,12}|[\"\\\\\n){};/*]{1,8}",
            agent in "\\PC{0,12}|[\"\\\\\n){};/*]{1,8}",
            name in "\\PC{0,12}|[\"\\\\\n){};/*]{1,8}",
        ) {
            let vocabulary = Vocabulary::new().unwrap();
            let to = schema("DEMO", &name);
            let Granted(set) = Granted::new(&vocabulary, &grant(&issuer, &subject, &agent, to)).unwrap();
            let policies: Vec<&Policy> = set.policies().collect();
            prop_assert_eq!(policies.len(), 1);
            prop_assert_eq!(
                policies[0].principal_constraint(),
                cedar_policy::PrincipalConstraint::Eq(entity(&vocabulary.agent, &agent))
            );
            prop_assert_eq!(
                policies[0].resource_constraint(),
                cedar_policy::ResourceConstraint::In(vocabulary.schema("DEMO", &name))
            );
            let action = entity(&vocabulary.action, "read_object");
            prop_assert_eq!(policies[0].action_constraint(), cedar_policy::ActionConstraint::Eq(action));
        }
    }

    #[test]
    fn a_time_is_told_as_it_is_written() {
        for (seconds, word) in
            [(60, "1m"), (5400, "90m"), (7200, "2h"), (86_400, "1d"), (90_000, "25h"), (61, "61s")]
        {
            assert_eq!(told(Duration::from_secs(seconds)), word);
        }
    }
}
