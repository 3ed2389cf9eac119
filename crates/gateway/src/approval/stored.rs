//! The exact text of a held exchange, opened again: what was asked is what was approved is what runs (invariant I7).

use std::time::Duration;

use domain::{
    Agent, Asked, Binding, Clues, Context, Credential, Door, Identity, Person, Prompt, PromptGrade, SqlText,
};
use recording::{ObjectKind, Opening};

use super::steps::{Case, damaged};
use crate::fault::{Fault, Origin};
use crate::ports::{Keys, Recordings};
use crate::seal::{self, SealedText, SealedUnder};

/// What was asked, as it was sealed; whoever would run or show it gets it here alone.
///
/// # Errors
/// A lasting fault when it is gone, was altered, or is not what the opening was written for.
pub(crate) async fn asked(recordings: &dyn Recordings, keys: &dyn Keys, case: &Case) -> Result<Asked, Fault> {
    let opening = &case.opening.record;
    let exchange = case.key.exchange;
    let sealed = recordings.read(&case.key, ObjectKind::Sealed).await?.ok_or_else(not_there)?;
    if opening.sealed_digest.as_deref() != Some(recording::digest_of(&sealed).to_string().as_str()) {
        return Err(not_there());
    }
    let session = keys.session(exchange.session).await?;
    let asked = rebuild(seal::unseal(&session.seal, exchange, &sealed)?, opening)?;
    // INVARIANT: everything that decides what runs is under this digest, and reviewers approved nothing else.
    let digest = seal::keyed_digest(&keys.digest().await?, &asked);
    if digest.to_string() == opening.digest { Ok(asked) } else { Err(not_there()) }
}

fn rebuild(sealed: SealedText, opening: &Opening) -> Result<Asked, Fault> {
    let SealedText { v: _, sql, bindings, prompt, under } = sealed;
    let SealedUnder { role, warehouse, database, schema, statement_count, timeout_seconds, parameters } =
        under.ok_or_else(not_there)?;
    let bindings =
        bindings.into_iter().map(|(position, (kind, value))| (position, Binding { kind, value })).collect();
    Ok(Asked {
        door: Door::from_word(&opening.door).ok_or_else(damaged)?,
        // Nobody asks now: who asked stands in the opening.
        credential: Credential::new(String::new()),
        conversation: None,
        request: None,
        text: SqlText::new(sql),
        bindings,
        context: Context { role, warehouse, database, schema },
        statement_count,
        parameters,
        timeout: timeout_seconds.map(Duration::from_secs),
        prompt: Prompt {
            text: prompt,
            grade: PromptGrade::from_word(&opening.prompt.grade).ok_or_else(damaged)?,
        },
        clues: Clues::default(),
    })
}

/// Who asked, as their token said then.
pub(crate) fn identity(opening: &Opening) -> Result<Identity, Fault> {
    let principal = &opening.principal;
    Ok(Identity {
        issuer: principal.issuer.clone(),
        subject: principal.subject.clone(),
        agent: Agent::new(principal.agent.clone()),
        person: principal.person.clone().map(Person::new),
        groups: principal.groups.iter().cloned().collect(),
        scopes: principal.scopes.iter().cloned().collect(),
        token_id: principal.token_id.clone(),
        expires_at: opening.opened.parse().map_err(|_| damaged())?,
    })
}

fn not_there() -> Fault {
    Fault::lasting(Origin::Recordings, "the exact text of this statement is not there as it was asked")
}
