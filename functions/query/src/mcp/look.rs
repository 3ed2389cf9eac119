//! The tools that only look. None of them is an exchange and none reaches upstream; each look is counted.

use domain::{Decision, Hold, Mask, PromptGrade, RefusalCode, Treatment};
use gateway::{AskError, Described, Foreseen, ForeseenColumn, Listed, Place, Relation};
use serde::Serialize;

use super::ask::asked;
use super::names;
use super::told::{ToolResult, no, retry_after};
use super::{Caller, DOOR, NotDone};
use crate::reading::members::Members;
use crate::reading::rejected::{Name, Rejected};

/// What is told of a statement before it is asked, and of objects; `tools` specifies each member in the output schemas.
#[derive(Serialize, Default)]
struct Told<'a> {
    status: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sqlstate: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rules: Option<Vec<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    statement: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    database: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    objects: Option<Vec<Object<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_after: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<Object<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    columns: Option<Vec<Column<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_seconds: Option<u64>,
}

#[derive(Serialize)]
struct Object<'a> {
    /// As SQL writes it.
    name: String,
    kind: &'static str,
    columns: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    waits_for: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    needs_prompt: Option<&'static str>,
}

#[derive(Serialize)]
struct Column<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    sql_type: Option<&'a str>,
    masked: bool,
    why: String,
}

/// What would become of a statement.
pub(super) async fn check_sql(
    caller: &Caller<'_>,
    mut arguments: Members<'_>,
    meta: Option<Members<'_>>,
) -> Result<ToolResult, NotDone> {
    let asked = asked(caller, &mut arguments, meta.as_ref())?;
    arguments.end()?;
    let foreseen = caller.gateway.check(asked).await?;
    let Foreseen { ruling, what, why, columns, masks_all, grade } = &foreseen;
    // As wherever else a scope lacks: told by the request's status.
    if let Decision::Refuse(refusal) = &ruling.decision
        && refusal.code == RefusalCode::Scope
        && !refusal.scopes.is_empty()
    {
        return Err(AskError::Counted(refusal.clone()).into());
    }
    let (status, mut message, refusal) = match &ruling.decision {
        Decision::Allow(_) => ("allowed", "Policy would let it run now.".to_owned(), None),
        Decision::Hold(Hold { reason, .. }) => {
            ("waits", format!("A person would have to decide before it runs: {reason}."), None)
        }
        Decision::Refuse(refusal) => ("refused", no(refusal), Some(refusal)),
    };
    let masked = columns.iter().flatten().filter(|column| is_masked(&column.treatment)).count();
    if *masks_all {
        message.push_str(" Its columns cannot be told before it runs, so all of them would be masked.");
    } else if masked > 0 {
        message.push_str(&format!(" {masked} of its columns would be masked; see columns."));
    }
    if let Some(why) = why {
        if !message.ends_with(['.', '!', '?']) {
            message.push('.');
        }
        message.push_str(&format!(" Not everything of it could be read: {why}."));
    }
    let told = Told {
        status,
        message,
        rules: Some(ruling.rules.iter().map(|rule| rule.as_str()).collect()),
        evidence: Some(grade.as_str()),
        statement: what.as_ref().map(|(class, kind)| format!("{class}: {kind}")),
        columns: columns.as_ref().map(|columns| columns.iter().map(|known| column(known, None)).collect()),
        code: refusal.map(|refusal| refusal.code.code()),
        sqlstate: refusal.map(|refusal| refusal.code.sqlstate()),
        retry_after_seconds: refusal.and_then(retry_after),
        ..Told::default()
    };
    Ok(ToolResult::of(&told))
}

/// Tables and views of one schema.
pub(super) async fn list_objects(
    caller: &Caller<'_>,
    mut arguments: Members<'_>,
) -> Result<ToolResult, NotDone> {
    let database = one_name(&mut arguments, "database")?;
    let schema = one_name(&mut arguments, "schema")?;
    let after = match arguments.take("after") {
        Some(value) => Some(value.text()?),
        None => None,
    };
    arguments.end()?;
    let listed = caller.gateway.list(DOOR, &caller.credential, Place { database, schema }, after).await?;
    let Listed { database, schema, relations, after } = &listed;
    let message = match (database, schema) {
        (Some(_), Some(_)) => {
            let more = match (after, relations.is_empty()) {
                (Some(_), _) => " There are more: call again with after.",
                (None, true) => " Pass another database and schema to look there.",
                (None, false) => "",
            };
            let wants = match relations.iter().any(|relation| relation.wants.is_some()) {
                true => {
                    " Those with needs_prompt are read only by a statement whose prompt is known that well; check_sql tells how well \
                     one is."
                }
                false => "",
            };
            format!(
                "{} tables and views here that you may read; describe_object tells their columns.{wants}{more}",
                relations.len()
            )
        }
        (Some(database), None) => format!(
            "{database} has no default schema here: pass schema, too. `show schemas in database …` by run_sql tells which there are."
        ),
        (None, _) => {
            "Nobody has named a place, and there is no default: pass database and schema.".to_owned()
        }
    };
    let told = Told {
        status: "objects",
        message,
        database: database.as_deref(),
        schema: schema.as_deref(),
        objects: Some(relations.iter().map(object).collect()),
        next_after: after.as_deref(),
        ..Told::default()
    };
    Ok(ToolResult::of(&told))
}

/// One table or view.
pub(super) async fn describe_object(
    caller: &Caller<'_>,
    mut arguments: Members<'_>,
) -> Result<ToolResult, NotDone> {
    let Some(value) = arguments.take("object") else {
        let problem = "is missing: the table or view, like DEMO.PUBLIC.CUSTOMERS";
        return Err(Rejected::Member { within: "", name: Name::new("object"), problem }.into());
    };
    let mut parts = names::parts(&value.text()?, 3).ok_or_else(|| names::rejected("object"))?;
    arguments.end()?;
    let name = parts.pop().ok_or_else(|| names::rejected("object"))?;
    let schema = parts.pop();
    let place = Place { database: parts.pop(), schema };
    let Some(described) = caller.gateway.describe(DOOR, &caller.credential, place, name).await? else {
        // SECURITY: what may not be read and what does not exist is told in the same words.
        let message = "there is no such table or view that you may read; list_objects tells which there are";
        let told = Told { status: "unknown", message: message.to_owned(), ..Told::default() };
        return Ok(ToolResult::error(&told));
    };
    let Described { relation, columns } = &described;
    let masked = columns.iter().filter(|(column, _)| is_masked(&column.treatment)).count();
    let mut message = format!("{masked} of {} columns are masked.", columns.len());
    if masked > 0 {
        message.push_str(
            " A masked column may mostly not stand in WHERE, ON, GROUP BY or ORDER BY either: check_sql tells.",
        );
    }
    if let Some(reason) = &relation.waits_for {
        message.push_str(&format!(" Reading it waits for a person: {reason}."));
    }
    if let Some(grade) = relation.wants {
        message.push_str(&format!(
            " A statement reads it only where the person's prompt is known as {} or better: check_sql tells how well it is.",
            grade.as_str()
        ));
    }
    let columns = columns.iter().map(|(known, sql_type)| column(known, Some(sql_type.wire_name())));
    let told = Told {
        status: "object",
        message,
        object: Some(object(relation)),
        columns: Some(columns.collect()),
        ..Told::default()
    };
    Ok(ToolResult::of(&told))
}

fn one_name(arguments: &mut Members<'_>, name: &'static str) -> Result<Option<String>, NotDone> {
    let Some(value) = arguments.take(name) else { return Ok(None) };
    let parts = names::parts(&value.text()?, 1).and_then(|mut parts| parts.pop());
    parts.map(Some).ok_or_else(|| names::rejected(name).into())
}

fn object(relation: &Relation) -> Object<'_> {
    let Relation { name, is_view, columns, waits_for, wants } = relation;
    Object {
        name: name.to_string(),
        kind: if *is_view { "view" } else { "table" },
        columns: *columns,
        waits_for: waits_for.as_deref(),
        needs_prompt: wants.map(PromptGrade::as_str),
    }
}

fn column<'a>(known: &'a ForeseenColumn, sql_type: Option<&'a str>) -> Column<'a> {
    let ForeseenColumn { name, treatment, shown_from } = known;
    let mut why = why(treatment);
    if let Some(grade) = shown_from {
        let grade = grade.as_str();
        why.push_str(&format!("; with the person's prompt known as {grade} or better it would be shown"));
    }
    Column { name: name.as_deref(), sql_type, masked: is_masked(treatment), why }
}

fn is_masked(treatment: &Treatment) -> bool {
    match treatment {
        Treatment::Mask(_) => true,
        Treatment::Clear | Treatment::Scan => false,
    }
}

fn why(treatment: &Treatment) -> String {
    match treatment {
        Treatment::Clear => "policy shows it".to_owned(),
        Treatment::Scan => {
            "policy shows it as free text: what detectors find in a cell is replaced".to_owned()
        }
        Treatment::Mask(rule) => {
            let does = match rule.mask {
                Mask::Redact => "text becomes its class in brackets, anything else NULL",
                Mask::LastFour => "the last four characters stay",
                Mask::EmailDomain => "the domain stays",
                Mask::Null => "it becomes NULL",
                Mask::Token => "equal values become equal tokens",
                Mask::SharedToken(_) => "equal values become equal tokens, in other sessions too",
                Mask::Year => "the year stays",
                Mask::IpNetwork => "the network stays",
                Mask::Band(_) => "a number becomes the lower edge of its band",
            };
            format!("no rule shows you class `{}` in clear: {does}", rule.class)
        }
    }
}
