//! `POST /v1/prompts`: what an application hands in.
//!
//! ```json
//! {"prompt": "who owes us most?", "prompt_id": "…", "conversation": "…", "tool_use_id": "…", "trace_id": "…",
//!  "evidence": "…", "statement": "SELECT …", "database": "DEMO", "subject": "ana@example.com"}
//! ```
//!
//! `role`, `warehouse`, `database` and `schema` are what the statement is to run under, as stored; what is left out is what the
//! gateway would fill in. All but one of `prompt`, `tool_use_id` and `statement` may be left out; an unknown member is refused by name. `evidence` is
//! the word that the application sends with its statements, too (`X-Snowgate-Evidence`).

use domain::Context;
use gateway::Sighting;
use serde::Deserialize;

use crate::body::Lossy;
use crate::rejected::Rejected;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    prompt: Option<Lossy>,
    prompt_id: Option<String>,
    conversation: Option<String>,
    tool_use_id: Option<String>,
    trace_id: Option<String>,
    evidence: Option<String>,
    statement: Option<Lossy>,
    role: Option<String>,
    warehouse: Option<String>,
    database: Option<String>,
    schema: Option<String>,
    subject: Option<String>,
}

/// Reads one.
pub(crate) fn read(body: &[u8]) -> Result<(Vec<Sighting>, ()), Rejected> {
    let body: Option<Body> = std::str::from_utf8(body).ok().and_then(crate::body::object);
    let body = body.ok_or({
        Rejected::Malformed(
            "one JSON object with prompt, prompt_id, conversation, tool_use_id, trace_id, evidence, statement, role, \
             warehouse, database, schema, subject, each a text and none other",
        )
    })?;
    let Body {
        prompt,
        prompt_id,
        conversation,
        tool_use_id,
        trace_id,
        evidence,
        statement,
        role,
        warehouse,
        database,
        schema,
        subject,
    } = body;
    let under = statement.is_some().then_some(Context { role, warehouse, database, schema });
    if prompt.is_none() && tool_use_id.is_none() && statement.is_none() {
        return Err(Rejected::Malformed("it tells neither a prompt nor a tool use nor a statement"));
    }
    // Nothing would ever be found by it.
    let ties = [&prompt_id, &tool_use_id, &trace_id, &evidence];
    let is_blank = |text: &str| text.trim().is_empty();
    if ties.into_iter().all(|tie| tie.as_deref().is_none_or(is_blank))
        && statement.as_ref().is_none_or(|Lossy(text)| is_blank(text))
    {
        return Err(Rejected::Malformed(
            "nothing ties its prompt to a call: name its tool_use_id, its trace_id, the word of its X-Snowgate-Evidence (evidence) or its \
             statement, or a prompt_id that such a piece names, too",
        ));
    }
    let is_trace = |text: &String| {
        text.len() == 32 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    if trace_id.as_ref().is_some_and(|trace| !is_trace(trace)) {
        return Err(Rejected::Malformed("`trace_id` is 32 lower-case hexadecimal digits"));
    }
    let sighting = Sighting {
        subject,
        conversation,
        prompt_id,
        tool_use: tool_use_id,
        trace: trace_id,
        word: evidence,
        prompt: prompt.map(|Lossy(prompt)| prompt),
        statement: statement.map(|Lossy(statement)| statement),
        under,
        ..Sighting::default()
    };
    Ok((vec![sighting], ()))
}
