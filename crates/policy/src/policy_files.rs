//! Reads `*.cedar`: every policy named, strictly validated, and every fault with its place.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use cedar_policy::{Effect, Policy, PolicyId, PolicySet, Schema, ValidationError, ValidationMode, Validator};
use domain::RuleId;
use miette::Diagnostic;

use crate::classes::Classes;
use crate::policies::{Rule, rule};
use crate::problem::{Problem, Source};
use crate::vocabulary::{Action, SCHEMA, Vocabulary};

/// A policy with the place where it stands.
pub(crate) struct Placed<'a> {
    source: Source<'a>,
    at: usize,
    pub(crate) policy: Policy,
}

impl Placed<'_> {
    /// It, as it is written.
    pub(crate) fn rule(&self) -> Rule {
        Rule {
            is_forbid: self.policy.effect() == Effect::Forbid,
            file: self.source.file.to_owned(),
            line: self.source.problem(self.at, "").line,
            text: self.policy.to_cedar().unwrap_or_default(),
        }
    }
}

/// Reads the policies of these files, noting every problem. With any noted, what is returned must not be used.
pub(crate) fn read<'a>(
    files: &[Source<'a>],
    classes: Option<&Classes>,
    vocabulary: &Vocabulary,
    problems: &mut Vec<Problem>,
) -> BTreeMap<RuleId, Placed<'a>> {
    let mut placed = Vec::new();
    for source in files {
        read_file(*source, &mut placed, problems);
    }
    let placed = named(placed, problems);
    validate(&placed, problems);
    for policy in placed.values() {
        check_classes(policy, classes, vocabulary, problems);
    }
    placed
}

/// Reads one file into policies with their places.
fn read_file<'a>(source: Source<'a>, placed: &mut Vec<Placed<'a>>, problems: &mut Vec<Problem>) {
    let policies = match PolicySet::from_str(source.text) {
        Ok(policies) => policies,
        Err(errors) => {
            for error in errors.iter() {
                problems.push(
                    source.problem(start_of(error).unwrap_or(0), format!("this is no Cedar policy: {error}")),
                );
            }
            return;
        }
    };
    for template in policies.templates() {
        let text = template.to_cedar();
        let at = source.text.find(&text).unwrap_or(0);
        problems.push(source.problem(at, "templates are not used here; write out principal and resource"));
    }
    // Cedar numbers the policies of a text in their order: policy0, policy1 … Each keeps its own text, which is
    // looked for from where the one before ended.
    let mut from = 0;
    for number in 0..policies.num_of_policies() + policies.num_of_templates() {
        let Some(policy) = policies.policy(&PolicyId::new(format!("policy{number}"))) else { continue };
        let text = policy.to_cedar().unwrap_or_default();
        let found = source.text.get(from..).and_then(|rest| rest.find(&text)).unwrap_or(0);
        let at = from + found;
        from = at + text.len();
        placed.push(Placed { source, at, policy: policy.clone() });
    }
}

/// Names every policy by its `@id`, noting those that have none, or one that is taken.
fn named<'a>(placed: Vec<Placed<'a>>, problems: &mut Vec<Problem>) -> BTreeMap<RuleId, Placed<'a>> {
    let mut named: BTreeMap<RuleId, Placed<'a>> = BTreeMap::new();
    for (number, Placed { source, at, policy }) in placed.into_iter().enumerate() {
        for (key, value) in policy.annotations() {
            match key {
                "id" => {}
                "reason" if value.is_empty() || value.len() > 200 => {
                    problems.push(source.problem(at, "`@reason` is a sentence of at most 200 bytes"));
                }
                "reason" => {}
                other => problems
                    .push(source.problem(at, format!("unknown annotation `@{other}`; known: @id, @reason"))),
            }
        }
        let id = match policy.annotation("id") {
            Some(id) if is_rule_name(id) => {
                let id = RuleId::new(id);
                if let Some(first) = named.get(&id) {
                    let there = first.source.problem(first.at, "");
                    let message =
                        format!("`@id(\"{id}\")` is taken by {}:{}; choose another", there.file, there.line);
                    problems.push(source.problem(at, message));
                    RuleId::new(format!("{id}#{number}"))
                } else {
                    id
                }
            }
            Some(_) => {
                let message = "an `@id` is lower-case letters, digits and `-`, at most 80, and does not begin with `gateway`";
                problems.push(source.problem(at, message));
                RuleId::new(format!("#{number}"))
            }
            None => {
                problems.push(source.problem(at, "this policy has no name; write `@id(\"…\")` above it"));
                RuleId::new(format!("#{number}"))
            }
        };
        let policy = policy.new_id(PolicyId::new(id.as_str()));
        named.insert(id, Placed { source, at, policy });
    }
    named
}

fn is_rule_name(id: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=80).contains(&id.len()) && id.bytes().all(is_plain) && !id.starts_with("gateway")
}

/// Strict validation; warnings count as faults, because a policy that can never apply is one that somebody
/// relies on.
fn validate(placed: &BTreeMap<RuleId, Placed<'_>>, problems: &mut Vec<Problem>) {
    let schema = match Schema::from_cedarschema_str(SCHEMA) {
        Ok((schema, _)) => schema,
        Err(error) => {
            let source = Source { file: "schema.cedarschema", text: SCHEMA };
            problems.push(source.problem(start_of(&error).unwrap_or(0), error.to_string()));
            return;
        }
    };
    let Ok(policies) = PolicySet::from_policies(placed.values().map(|placed| placed.policy.clone())) else {
        return;
    };
    let result = Validator::new(schema).validate(&policies, ValidationMode::Strict);
    let errors = result.validation_errors().map(|error| {
        let (at, message) = fault(error);
        (rule(error.policy_id()), (at, format!("{message}{}", advice(error))))
    });
    let mut faults: Vec<(RuleId, (Option<usize>, String))> = errors.collect();
    // What is wrong makes a policy impossible, too; only what is merely impossible needs to be told so.
    let wrong: BTreeSet<RuleId> = faults.iter().map(|(id, _)| id.clone()).collect();
    let warnings = result.validation_warnings().map(|warning| (rule(warning.policy_id()), fault(warning)));
    faults.extend(warnings.filter(|(id, _)| !wrong.contains(id)));
    // One place may be wrong for each of many actions; once is enough.
    faults.sort();
    faults.dedup_by(|(id, (at, _)), (before, (there, _))| id == before && at == there);
    for (id, (at, message)) in faults {
        let Some(placed) = placed.get(&id) else {
            problems.push(Problem { file: String::new(), line: 1, column: 1, message });
            continue;
        };
        problems.push(placed.source.problem(at.unwrap_or(placed.at), message));
    }
}

/// Where Cedar says that the fault lies, what it is, and what Cedar advises.
fn fault<D: Diagnostic>(diagnostic: &D) -> (Option<usize>, String) {
    // Cedar's guesses at what was meant differ from run to run, and are often far off.
    let advice =
        diagnostic.help().map(|help| help.to_string()).filter(|help| !help.starts_with("did you mean"));
    (
        start_of(diagnostic),
        format!("{diagnostic}{}", advice.map(|advice| format!("; {advice}")).unwrap_or_default()),
    )
}

/// What else to say of a fault: which actions there are, where one is misspelt.
fn advice(error: &ValidationError) -> String {
    if matches!(error, ValidationError::UnrecognizedActionId(_)) {
        let known: Vec<&str> = Action::all().map(Action::name).collect();
        format!("; known: run, {}", known.join(", "))
    } else {
        String::new()
    }
}

/// Every class that a policy names must exist: a misspelt one would permit or forbid nothing.
fn check_classes(
    placed: &Placed<'_>,
    classes: Option<&Classes>,
    vocabulary: &Vocabulary,
    problems: &mut Vec<Problem>,
) {
    let Some(classes) = classes else { return };
    for literal in placed.policy.entity_literals() {
        let name = literal.id().unescaped();
        if *literal.type_name() == vocabulary.data_class && classes.find(name).is_none() {
            let text = placed.source.text.get(placed.at..).unwrap_or_default();
            let at = placed.at + text.find(&format!("\"{name}\"")).unwrap_or(0);
            let message = format!(
                "class `{name}` is not declared in catalog.toml; add [classes.{name}] or correct the name"
            );
            problems.push(placed.source.problem(at, message));
        }
    }
}

/// Where Cedar says that the fault lies.
fn start_of(diagnostic: &dyn Diagnostic) -> Option<usize> {
    diagnostic.labels().and_then(|mut labels| labels.next()).map(|label| label.offset())
}
