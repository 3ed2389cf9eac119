//! `snowgate decide`: what a policy bundle says of statements.

use std::io::{stdin, stdout};
use std::process::ExitCode;
use std::sync::Arc;

use domain::{Context, Decision, Grant, Hold, Obligations, Statement, Treatment};
use gateway::Rehearsed;
use gateway::ports::Clock;
use local::SystemClock;
use policy::BatchRuling;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::lines::{Asked, Malformed, filter};
use super::{Broken, schema};
use crate::cli::{DecideArgs, PlaceArgs};

/// The agent that asks; the help of the command names it.
const AGENT: &str = "snowgate-decide";

/// One line that is printed. A malformed line is denied, so that nobody takes it for a yes.
#[derive(Serialize)]
struct Line {
    id: Option<Box<RawValue>>,
    verdict: Verdict,
    masked_columns: Masked,
    mask_column_names: bool,
    /// None when the columns cannot be told.
    column_count: Option<usize>,
    rules: Vec<String>,
    why: Option<String>,
    #[serde(flatten)]
    malformed: Option<Place>,
}

#[derive(Serialize)]
struct Place {
    line: u64,
    error: String,
}

/// What becomes of a statement, in the words of whoever compares.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Allow,
    Mask,
    Deny,
    Approval,
}

/// Which columns are masked.
#[derive(PartialEq, Eq, Debug)]
enum Masked {
    /// Those at these places, counted from 0.
    At(Vec<usize>),
    /// Whatever there is.
    All,
}

impl Serialize for Masked {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::At(ordinals) => ordinals.serialize(serializer),
            Self::All => serializer.serialize_str("*"),
        }
    }
}

/// Decides every line.
pub fn run(args: &DecideArgs) -> Result<ExitCode, Broken> {
    let catalog = Arc::new(schema::catalog(&args.schema, &args.place)?);
    let bundle = super::policy::bundle(&args.policies)?;
    let identity = comparison::identity(AGENT, args.groups.iter().cloned());
    let context = context(args);
    filter(stdin().lock(), stdout().lock(), |asked| match asked {
        Ok(Asked { id, prior, sql }) => {
            let rehearsed = gateway::rehearse(
                &bundle,
                &identity,
                &comparison::question(sql, context.clone()),
                &prior,
                Arc::clone(&catalog),
                SystemClock.now(),
            );
            line(id, &rehearsed)
        }
        Err(Malformed { id, line, error }) => Line {
            id,
            verdict: Verdict::Deny,
            masked_columns: Masked::All,
            mask_column_names: true,
            column_count: None,
            rules: Vec::new(),
            why: None,
            malformed: Some(Place { line, error }),
        },
    })
}

fn context(args: &DecideArgs) -> Context {
    let DecideArgs {
        schema: _,
        policies: _,
        place: PlaceArgs { database, schema_name },
        role,
        warehouse,
        groups: _,
    } = args;
    let name = |name: &String| Some(name.clone());
    Context {
        role: name(role),
        warehouse: name(warehouse),
        database: name(database),
        schema: name(schema_name),
    }
}

fn line(id: Option<Box<RawValue>>, rehearsed: &Rehearsed) -> Line {
    let Rehearsed { statements, rulings: BatchRuling { overall, statements: rulings } } = rehearsed;
    let names_from_values = || {
        let outputs = statements.iter().filter_map(|statement| statement.lineage.outputs.as_ref()).flatten();
        outputs.into_iter().any(|output| output.is_name_from_values)
    };
    let (verdict, grant, why) = match &overall.decision {
        Decision::Refuse(refusal) => (Verdict::Deny, None, Some(refusal.message.clone())),
        Decision::Hold(Hold { reason, grant, reviewers: _, people: _, expires_after: _ }) => {
            (Verdict::Approval, Some(grant), Some(reason.clone()))
        }
        Decision::Allow(grant) => {
            let whys = statements.iter().filter_map(|statement| statement.why);
            (Verdict::Allow, Some(grant), whys.map(str::to_owned).next())
        }
    };
    // What is denied answers nothing. One statement answers with its own columns; of several each does, and their
    // places say nothing.
    let column_count = match statements.as_slice() {
        [Statement { lineage, .. }] if grant.is_some() => lineage.outputs.as_ref().map(Vec::len),
        _ => None,
    };
    let (masked_columns, mask_column_names) = match grant {
        // Nothing of it is shown.
        None => (Masked::All, names_from_values()),
        Some(grant) if rulings.len() < 2 => masked(grant),
        Some(_) => masked_in_any(rulings.iter().filter_map(|ruling| match &ruling.decision {
            Decision::Allow(grant) | Decision::Hold(Hold { grant, .. }) => Some(grant),
            Decision::Refuse(_) => None,
        })),
    };
    let verdict = match verdict {
        Verdict::Allow if mask_column_names || masked_columns != Masked::At(Vec::new()) => Verdict::Mask,
        Verdict::Allow | Verdict::Mask | Verdict::Deny | Verdict::Approval => verdict,
    };
    Line {
        id,
        verdict,
        masked_columns,
        mask_column_names,
        column_count,
        rules: overall.rules.iter().map(ToString::to_string).collect(),
        why,
        malformed: None,
    }
}

/// What a grant masks. What the detectors go over (`scan`) is shown.
fn masked(grant: &Grant) -> (Masked, bool) {
    let Grant { obligations, tier: _ } = grant;
    let Obligations { columns, unforeseen, mask_column_names, error_text: _, limits: _ } = obligations;
    let masked = match columns {
        Some(columns) => {
            let masked = columns.iter().enumerate().filter(|(_, treatment)| is_mask(treatment));
            Masked::At(masked.map(|(at, _)| at).collect())
        }
        None if is_mask(unforeseen) => Masked::All,
        None => Masked::At(Vec::new()),
    };
    (masked, *mask_column_names)
}

/// What the grants of several statements mask together: nothing, or whatever there is.
fn masked_in_any<'a>(grants: impl Iterator<Item = &'a Grant>) -> (Masked, bool) {
    grants.map(masked).fold((Masked::At(Vec::new()), false), |(all, names), (one, more)| {
        let all = if one == Masked::At(Vec::new()) { all } else { Masked::All };
        (all, names | more)
    })
}

fn is_mask(treatment: &Treatment) -> bool {
    match treatment {
        Treatment::Mask(_) => true,
        Treatment::Clear | Treatment::Scan => false,
    }
}
