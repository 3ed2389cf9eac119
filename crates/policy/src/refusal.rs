//! Says no, in a sentence that is safe to show.

use std::collections::BTreeSet;

use domain::{Case, Class, ColumnRef, MaskClass, ObjectName, Refusal, RefusalCode, RuleId, TestedHow};

use crate::policies::Policies;

/// A refusal's message is never longer; a batch puts a few words before it and stays below 1 kB.
const LONGEST: usize = 960;

/// At most so many reasons are given at once.
const MOST_REASONS: usize = 4;

/// Why a statement may not run.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum No {
    /// These rules forbid it.
    Forbidden(BTreeSet<RuleId>),
    /// No rule permits statements of this class.
    Statement(Class),
    /// No rule permits a function that gives the statement this class.
    Function(Class),
    /// No rule permits this role, warehouse, database or schema.
    Context(&'static str),
    /// No rule permits doing without one.
    AbsentContext(&'static str),
    /// No rule permits reading this object.
    Read(ObjectName),
    /// No rule permits changing this object.
    Change(ObjectName),
    /// No rule permits changing what could not be named.
    ChangeUnnamed,
    /// No rule permits testing this column.
    Test {
        /// The column.
        column: ColumnRef,
        /// Its class that may not be seen.
        class: MaskClass,
        /// In which way.
        how: TestedHow,
    },
}

impl No {
    /// The sentence, without a period.
    // SECURITY: names are printed only where the catalog or the bundle knows them; an agent's own words never.
    fn sentence(&self, case: &Case<'_>, policies: &Policies) -> String {
        let object = |name: &ObjectName| match case.catalog.relation(name) {
            Some(_) => format!("`{name}`"),
            None => "an object that the catalog does not know".to_owned(),
        };
        match self {
            Self::Forbidden(rules) => {
                let sentences = rules.iter().map(|rule| match policies.reason(rule) {
                    Some(reason) => format!("rule `{rule}` forbids it: {reason}"),
                    None => format!("rule `{rule}` forbids it"),
                });
                sentences.collect::<Vec<_>>().join("; ")
            }
            Self::Statement(class) => format!("no rule permits this kind of {class} statement"),
            Self::Function(Class::Opaque) => {
                "it calls a function that nobody has classified; use built-in functions".to_owned()
            }
            Self::Function(class) => format!("no rule permits a function of class {class} that it calls"),
            Self::Context(part) => {
                format!("no rule permits the {part} that it would run under; name another {part}")
            }
            Self::AbsentContext(part) => {
                format!("it names no {part}; name the {part} that it should run under")
            }
            Self::Read(name) => format!("no rule permits reading {}", object(name)),
            Self::Change(name) => format!("no rule permits changing {}", object(name)),
            Self::ChangeUnnamed => {
                "it changes something that could not be named; write the statement plainly".to_owned()
            }
            Self::Test { column, class, how } => {
                let is_known = case
                    .catalog
                    .relation(&column.object)
                    .is_some_and(|relation| relation.columns.iter().any(|known| known.name == column.column));
                let column = if is_known {
                    format!("`{column}`")
                } else {
                    "a column that the catalog does not know".to_owned()
                };
                let how = match how {
                    TestedHow::Predicate => "compares it",
                    TestedHow::Join => "joins by it",
                    TestedHow::Order => "orders by it",
                    TestedHow::Group => "groups by it",
                    TestedHow::Shape => "lets it decide about the shape of the result",
                };
                format!(
                    "{column} is of class `{class}`, which may not be seen in clear, and the statement {how}; \
                     leave it out, or only count it"
                )
            }
        }
    }
}

/// The refusal for these reasons.
pub(crate) fn refuse(
    mut noes: Vec<No>,
    case: &Case<'_>,
    policies: &Policies,
    contact: Option<&str>,
) -> Refusal {
    noes.sort();
    noes.dedup();
    let mut sentences: Vec<String> =
        noes.iter().take(MOST_REASONS).map(|no| no.sentence(case, policies)).collect();
    sentences.dedup();
    // The reader's own words, of which none is the agent's: a misspelt verb and dynamic SQL are refused by one rule.
    if let Some(why) = case.statement.why.filter(|_| case.statement.class == Class::Opaque) {
        sentences.insert(0, format!("it could not be read ({why})"));
    }
    if noes.len() > MOST_REASONS {
        sentences.push(format!("and {} more reasons", noes.len() - MOST_REASONS));
    }
    let contact = contact.unwrap_or("whoever keeps the policies");
    let end = format!(". To have it permitted, ask {contact}");
    let mut message = format!("refused by policy: {}", sentences.join("; "));
    truncate(&mut message, LONGEST.saturating_sub(end.len()));
    message.push_str(&end);
    truncate(&mut message, LONGEST);
    Refusal { code: RefusalCode::Policy, message, retry_after: None, scopes: Vec::new() }
}

/// The refusal when a policy could not be evaluated.
pub(crate) fn broken(contact: Option<&str>) -> Refusal {
    let contact = contact.unwrap_or("whoever keeps the policies");
    let mut message =
        format!("refused: a policy could not be evaluated. Tell {contact}; asking again will not help");
    truncate(&mut message, LONGEST);
    Refusal { code: RefusalCode::Policy, message, retry_after: None, scopes: Vec::new() }
}

fn truncate(text: &mut String, longest: usize) {
    if text.len() > longest {
        let end = (0..=longest.saturating_sub(3)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
}
