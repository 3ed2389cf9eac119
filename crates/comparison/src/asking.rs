//! Who asks in a rehearsal, and what.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Agent, Asked, Context, Credential, Door, Identity, Prompt, PromptGrade, SqlText, Timestamp};

/// An agent of that name in these groups, whom no issuer knows.
pub fn identity(agent: &str, groups: impl IntoIterator<Item = String>) -> Identity {
    Identity {
        issuer: "https://decide.invalid".to_owned(),
        subject: agent.to_owned(),
        agent: Agent::new(agent),
        person: None,
        groups: groups.into_iter().collect(),
        scopes: BTreeSet::new(),
        token_id: None,
        expires_at: Timestamp::from_micros(i64::MAX),
    }
}

/// That text, asked under these names, with a prompt of which nothing is known.
pub fn question(text: String, context: Context) -> Asked {
    Asked {
        door: Door::SqlApi,
        credential: Credential::new(String::new()),
        conversation: None,
        request: None,
        text: SqlText::new(text),
        bindings: BTreeMap::new(),
        context,
        statement_count: 0,
        parameters: BTreeMap::new(),
        timeout: None,
        prompt: Prompt { text: None, grade: PromptGrade::P0 },
        clues: Default::default(),
    }
}
