//! Says no, in a sentence that is safe to show.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::{
    Case, Class, ColumnRef, MaskClass, ObjectName, Refusal, RefusalCode, RelationKind, RuleId, Statement,
    TestedHow,
};

use crate::access::told;
use crate::policies::Policies;

/// A refusal's message is never longer; a batch puts a few words before it and stays below 1 kB.
const LONGEST: usize = 960;

/// At most so many reasons are given at once.
const MOST_REASONS: usize = 4;

/// For how long access is offered to whoever is refused, where it may last so long.
const OFFERED: Duration = Duration::from_secs(3600);

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

/// What a bundle says to whoever is refused.
pub(crate) struct Beside<'a> {
    /// Whom to ask.
    pub(crate) contact: Option<&'a str>,
    /// For how long people may grant reading, where they may.
    pub(crate) longest_access: Option<Duration>,
}

/// Statements that one refusal offers, at most.
const OFFERED_AT_ONCE: usize = 4;

/// How to ask for leave to read, where nothing else is missing: for all that may not be read, since less would be of no use.
// SECURITY: as in the sentences, a name is printed only where the catalog knows it.
fn how_to_ask(noes: &[No], case: &Case<'_>, longest: Option<Duration>) -> Option<String> {
    let longest = longest.filter(|_| case.statement.class == Class::Read)?;
    let mut names = Vec::new();
    for no in noes {
        let No::Read(name) = no else { return None };
        let relation = case.catalog.relation(name)?;
        let parts = [&name.database, &name.schema, &name.name];
        // Names that need quotes are not granted.
        if parts.into_iter().any(|part| domain::identifier(part) != part.as_str()) {
            return None;
        }
        names.push((matches!(relation.kind, RelationKind::View { .. }), name));
    }
    // Nobody is asked for a view while what it reads may not be read.
    names.sort();
    let wait = told(longest.min(OFFERED));
    let ask = |what: &str| format!("request access to {what} for '{wait}' because 'why'");
    let (_, first) = names.first()?;
    if let [(_, name)] = names.as_slice() {
        let statement = ask(&name.to_string());
        return Some(format!(". To read it for a while, ask its reviewers by this statement: {statement}"));
    }
    if names.len() <= OFFERED_AT_ONCE {
        let statements: Vec<String> = names.iter().map(|(_, name)| ask(&name.to_string())).collect();
        return Some(format!(
            ". To read all of it for a while, ask its reviewers by these statements, each once the one before is granted: {}",
            statements.join("; ")
        ));
    }
    let is_of_one_schema =
        names.iter().all(|(_, name)| (&name.database, &name.schema) == (&first.database, &first.schema));
    let statement = ask(&format!("{}.{}.*", first.database, first.schema));
    is_of_one_schema
        .then(|| format!(". To read all of it for a while, ask its reviewers by this statement: {statement}"))
}

/// The refusal for these reasons.
pub(crate) fn refuse(
    mut noes: Vec<No>,
    case: &Case<'_>,
    policies: &Policies,
    beside: &Beside<'_>,
) -> Refusal {
    let Beside { contact, longest_access } = beside;
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
    let access = how_to_ask(&noes, case, *longest_access).unwrap_or_default();
    // Most of what is no statement at all is a slip, which nobody can permit.
    let is_no_statement = case.statement.class == Class::Opaque
        && case.statement.why == Some(Statement::UNKNOWN)
        && noes.iter().all(|no| matches!(no, No::Forbidden(_) | No::Statement(_)));
    let end = if is_no_statement {
        ". Snowgate knows no such SQL: mend it, and send it again".to_owned()
    } else {
        format!("{access}. To have it permitted, ask {contact}")
    };
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
