//! One case, one ruling.

use std::collections::BTreeSet;

use cedar_policy::Context;
use domain::{Case, Class, Decision, Grant, Hold, Kind, Obligations, RuleId, Ruling};

use crate::asker::{Asker, Unaskable, tier_of};
use crate::bundle::Bundle;
use crate::context;
use crate::functions;
use crate::lineage::{Judge, Judged};
use crate::policies::Answer;
use crate::refusal::{self, No};
use crate::vocabulary::{Action, entity};

impl Bundle {
    /// Decides one case.
    ///
    /// The statement is refused when any name that it runs under, its class, a flagged function, an object that
    /// it touches or a test of a column is not permitted, or when any policy fails. It is held when it is
    /// permitted, but not unattended. Otherwise it may run, and whatever may not be seen is masked.
    ///
    /// The ruling's rules are those that determined any answer, permits too, and of the gateway's own:
    /// `gateway:not-granted` (no rule permits it), `gateway:held` (no rule permits it unattended),
    /// `gateway:masked-by-default` (no rule permits seeing a class), `gateway:text-transformed` (free text is
    /// shown only whole), `gateway:token-refused` (redacted, because its principal may write the column, or guesses stand beside it),
    /// `gateway:column-unknown` and `gateway:columns-unknown` (masked, because nobody knows what it is),
    /// `gateway:policy-error`.
    pub fn decide(&self, case: &Case<'_>) -> Ruling {
        self.weigh(case).unwrap_or_else(|Unaskable| {
            let rules = [RuleId::new("gateway:policy-error")].into();
            self.ruling(Decision::Refuse(refusal::broken(self.contact())), rules)
        })
    }

    fn weigh(&self, case: &Case<'_>) -> Result<Ruling, Unaskable> {
        let tier = tier_of(case);
        let mut asker = Asker::new(&self.policies, self.catalog.classes.len(), case, tier)?;
        let mut noes = Vec::new();
        let judged = Judge::new(&self.catalog, case, &mut asker).judge(&mut noes);
        let Judged { treatments, unforeseen, mask_column_names, touches_hidden, error_text, needs_approval } =
            judged;
        context::judge(&mut asker, case, &mut noes);
        let running = asker.running(touches_hidden)?;
        judge_run(&mut asker, case, &running, &mut noes);
        judge_steps(&mut asker, case, touches_hidden, &mut noes)?;
        judge_objects(&mut asker, case, &running, &mut noes);
        let is_unattended = noes.is_empty()
            && judge_unattended(&mut asker, case, &running)
            && judge_steps_unattended(&mut asker, case, touches_hidden)?;

        let decision = if asker.is_broken() {
            asker.note("gateway:policy-error");
            Decision::Refuse(refusal::broken(self.contact()))
        } else if !noes.is_empty() {
            if noes.iter().any(|no| !matches!(no, No::Forbidden(_))) {
                asker.note("gateway:not-granted");
            }
            let beside = refusal::Beside { contact: self.contact(), longest_access: self.longest_access() };
            Decision::Refuse(refusal::refuse(noes, case, &self.policies, &beside))
        } else {
            let obligations = Obligations {
                columns: treatments,
                unforeseen,
                mask_column_names,
                error_text,
                limits: self.limits_for(case.identity),
            };
            let grant = Grant { obligations, tier };
            if is_unattended && !needs_approval {
                Decision::Allow(grant)
            } else {
                asker.note("gateway:held");
                Decision::Hold(self.hold(case, touches_hidden, needs_approval, grant))
            }
        };
        Ok(self.ruling(decision, asker.into_rules()))
    }

    fn hold(&self, case: &Case<'_>, touches_hidden: bool, needs_approval: bool, grant: Grant) -> Hold {
        let reviewers = self.catalog.reviewers.of(case.statement);
        let what = if needs_approval {
            "it tests a column that may not be seen in clear".to_owned()
        } else {
            format!("this {} statement is not permitted unattended", case.statement.class)
        };
        let hidden = if touches_hidden && grant.tier != domain::Tier::Read {
            "; it touches values that its agent may not see in clear, or that nobody knows"
        } else {
            ""
        };
        Hold {
            reason: format!("{what}; it waits for a person's yes{hidden}"),
            reviewers: reviewers.groups.clone(),
            people: reviewers.people,
            expires_after: reviewers.expires_after,
            grant,
        }
    }

    /// A ruling with its rules, of which there is at least one.
    pub(crate) fn ruling(&self, decision: Decision, mut rules: BTreeSet<RuleId>) -> Ruling {
        if rules.is_empty() {
            rules.insert(RuleId::new("gateway:default"));
        }
        Ruling { decision, rules: rules.into_iter().collect(), bundle: self.digest() }
    }

    /// Whom to ask to have something permitted, where the bundle says.
    pub fn contact(&self) -> Option<&str> {
        self.catalog.contact.as_deref()
    }
}

/// May it run? Asked for the statement, and for each flagged function by the class that it brings and every name that it may have.
fn judge_run(asker: &mut Asker<'_>, case: &Case<'_>, running: &Context, noes: &mut Vec<No>) {
    let vocabulary = &asker.policies().vocabulary;
    let statement = case.statement;
    let resource = entity(&vocabulary.statement, statement.kind.as_str());
    match asker.ask(Action::Run(statement.class), resource, running.clone()) {
        Answer::Granted(_) | Answer::Broken(_) => {}
        Answer::Forbidden(rules) => noes.push(No::Forbidden(rules)),
        Answer::NotGranted => noes.push(No::Statement(statement.class)),
    }
    for function in &statement.functions {
        // SECURITY: a shorter name is the same function's. Of what the reader takes for Snowflake's own, and of what nobody can
        // tell a full name, the name as written must be permitted; of all others every name that they may have.
        let written = function.name.to_string();
        let full = functions::full_names_in(case, function).unwrap_or_default();
        let full: BTreeSet<String> = full.iter().map(ToString::to_string).collect();
        let by_written = full.is_empty() || full.contains(&written) || functions::is_built_in(function);
        let mut is_permitted = true;
        for name in full.iter().chain([&written].into_iter().filter(|name| !full.contains(*name))) {
            let resource = entity(&vocabulary.function, name);
            match asker.ask(Action::Run(function.class), resource, running.clone()) {
                Answer::Granted(_) | Answer::Broken(_) => {}
                Answer::Forbidden(rules) => noes.push(No::Forbidden(rules)),
                Answer::NotGranted => is_permitted &= by_written != (*name == written),
            }
        }
        if !is_permitted {
            noes.push(No::Function(function.class));
        }
    }
}

/// May each step of a pipeline run? Asked with its own class and verb, so that none hides behind a stricter one.
fn judge_steps(
    asker: &mut Asker<'_>,
    case: &Case<'_>,
    touches_hidden: bool,
    noes: &mut Vec<No>,
) -> Result<(), Unaskable> {
    for (class, kind) in other_steps(case) {
        let running = asker.running_as(*class, kind, touches_hidden)?;
        let resource = entity(&asker.policies().vocabulary.statement, kind.as_str());
        match asker.ask(Action::Run(*class), resource, running) {
            Answer::Granted(_) | Answer::Broken(_) => {}
            Answer::Forbidden(rules) => noes.push(No::Forbidden(rules)),
            Answer::NotGranted => noes.push(No::Statement(*class)),
        }
    }
    Ok(())
}

/// May each step do without a person?
fn judge_steps_unattended(
    asker: &mut Asker<'_>,
    case: &Case<'_>,
    touches_hidden: bool,
) -> Result<bool, Unaskable> {
    let mut is_unattended = true;
    for (class, kind) in other_steps(case) {
        let running = asker.running_as(*class, kind, touches_hidden)?;
        let resource = entity(&asker.policies().vocabulary.statement, kind.as_str());
        is_unattended &= matches!(asker.ask(Action::Unattended, resource, running), Answer::Granted(_));
    }
    Ok(is_unattended)
}

/// The acts of a pipeline's steps that are not asked about as the statement's own, each once.
fn other_steps<'a>(case: &Case<'a>) -> BTreeSet<&'a (Class, Kind)> {
    let statement = case.statement;
    let is_other = |step: &&(Class, Kind)| (step.0, &step.1) != (statement.class, &statement.kind);
    statement.steps.iter().filter(is_other).collect()
}

/// May it read what it reads and change what it changes?
fn judge_objects(asker: &mut Asker<'_>, case: &Case<'_>, running: &Context, noes: &mut Vec<No>) {
    let vocabulary = &asker.policies().vocabulary;
    let footprint = &case.statement.footprint;
    let reads = footprint.reads.iter().map(|object| (Action::ReadObject, object));
    let writes = footprint.writes.iter().map(|object| (Action::ChangeObject, object));
    for (action, object) in reads.chain(writes) {
        let answer = if action == Action::ReadObject {
            asker.may_read(object, running)
        } else {
            asker.ask(action, vocabulary.table(object), running.clone())
        };
        match answer {
            Answer::Granted(_) | Answer::Broken(_) => {}
            Answer::Forbidden(rules) => noes.push(No::Forbidden(rules)),
            Answer::NotGranted if action == Action::ReadObject => noes.push(No::Read(object.clone())),
            Answer::NotGranted => noes.push(No::Change(object.clone())),
        }
    }
    if changes_unnamed(case) {
        match asker.ask(Action::ChangeObject, entity(&vocabulary.absent, "target"), running.clone()) {
            Answer::Granted(_) | Answer::Broken(_) => {}
            Answer::Forbidden(rules) => noes.push(No::Forbidden(rules)),
            Answer::NotGranted => noes.push(No::ChangeUnnamed),
        }
    }
}

/// Whether it changes something, and nobody knows what.
fn changes_unnamed(case: &Case<'_>) -> bool {
    matches!(case.statement.class, Class::Write | Class::Import | Class::Define)
        && case.statement.footprint.writes.is_empty()
}

/// May it do all that without a person?
fn judge_unattended(asker: &mut Asker<'_>, case: &Case<'_>, running: &Context) -> bool {
    let vocabulary = &asker.policies().vocabulary;
    let footprint = &case.statement.footprint;
    let mut resources = vec![entity(&vocabulary.statement, case.statement.kind.as_str())];
    resources.extend(footprint.reads.union(&footprint.writes).map(|object| vocabulary.table(object)));
    if changes_unnamed(case) {
        resources.push(entity(&vocabulary.absent, "target"));
    }
    // Every one is asked, also after the first no: the record names every rule.
    let mut is_unattended = true;
    for resource in resources {
        is_unattended &=
            matches!(asker.ask(Action::Unattended, resource, running.clone()), Answer::Granted(_));
    }
    is_unattended
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use domain::{
        Access, Agent, Catalog, ColumnRef, Context, Door, Effect, FlaggedFunction, Footprint, FunctionName,
        Identity, Lineage, ObjectName, Person, PromptGrade, ShownColumn, ShownHow, ShownOutput, Statement,
        TestedColumn, TestedHow, Timestamp,
    };

    use super::*;

    /// Asks everything there is to ask, of every class, in a unit test, where each request and entity is checked
    /// against the schema; whatever does not fit refuses with `gateway:policy-error`.
    #[test]
    fn every_request_fits_the_schema() {
        let bundle = Bundle::default_bundle().unwrap();
        let table = ObjectName::new("odd \"db\"", "S", "T");
        let column = ColumnRef { object: table.clone(), column: "C".into() };
        let shows = [ShownColumn { column: column.clone(), how: ShownHow::Stored, path: Vec::new() }].into();
        let output =
            ShownOutput { name: None, shows, is_known: true, is_stored: true, is_name_from_values: false };
        let test = TestedColumn { column: column.clone(), how: TestedHow::Join, with: Some(column) };
        let mut contexts = vec![Context::default()];
        contexts.push(Context {
            role: Some("R".into()),
            warehouse: Some("W".into()),
            database: Some("D".into()),
            schema: Some("S".into()),
        });
        for class in Class::ALL {
            for (has_objects, person) in [(true, None), (false, Some(Person::new("ana")))] {
                let objects: BTreeSet<ObjectName> = has_objects.then(|| table.clone()).into_iter().collect();
                let statement = Statement {
                    class,
                    kind: Kind::new("any"),
                    steps: Vec::new(),
                    footprint: Footprint { reads: objects.clone(), writes: objects },
                    lineage: Lineage {
                        outputs: Some(vec![output.clone()]),
                        tests: [test.clone()].into(),
                        ties: Vec::new(),
                        touched: BTreeSet::new(),
                    },
                    functions: Class::ALL
                        .map(|class| FlaggedFunction { name: FunctionName::new(["F"]), class })
                        .into(),
                    effects: vec![
                        Effect::UseRole("X".into()),
                        Effect::UseWarehouse("X".into()),
                        Effect::UseDatabase("X".into()),
                        Effect::UseSchema { database: None, schema: "Y".into() },
                        Effect::UseSchema { database: Some("X".into()), schema: "Y".into() },
                    ],
                    missing: BTreeSet::new(),
                    why: None,
                };
                let identity = Identity {
                    issuer: "https://issuer.example".into(),
                    subject: "s".into(),
                    agent: Agent::new("a"),
                    person,
                    groups: ["agents".into()].into(),
                    scopes: ["x".into()].into(),
                    token_id: None,
                    expires_at: Timestamp::from_micros(0),
                };
                for context in &contexts {
                    let case = Case {
                        identity: &identity,
                        context,
                        statement: &statement,
                        catalog: &Catalog::empty(),
                        prompt: PromptGrade::P4,
                        door: Door::SqlApi,
                        access: Access::NONE,
                    };
                    let rules = bundle.decide(&case).rules;
                    assert!(!rules.contains(&RuleId::new("gateway:policy-error")), "{class}: {rules:?}");
                    let mut asker = Asker::new(&bundle.policies, 10, &case, tier_of(&case)).unwrap();
                    let running = asker.running(true).unwrap();
                    judge_unattended(&mut asker, &case, &running);
                    assert!(!asker.is_broken(), "{class}");
                }
            }
        }
    }
}
