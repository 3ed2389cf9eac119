//! The exchanges that evidence may belong to.

use std::collections::BTreeSet;

use domain::Timestamp;
use gateway::ports::{Expecting, Keyed, StoredSighting, Subject};
use rusqlite::{Connection, params};

use super::{EXPECTING, FOUND, FOUND_BY_TEXT, TOGETHER_US, WORDS, expecting_of, oldest, words};

/// Words of each kind that one prompt's tool uses may give, and exchanges that they may find: the first of them.
const FOUND_OF_A_PROMPT: i64 = 256;

/// A sighting, as far as it meets exchanges.
pub(super) struct Met {
    subject: Subject,
    keyed: Keyed,
    /// Channel and prompt's id, where it may be the prompt of others of its channel and subject.
    prompt: Option<(String, String)>,
    at: Timestamp,
}

impl Met {
    pub fn of(sighting: &StoredSighting) -> Self {
        let StoredSighting { channel, subject, keyed, prompt_id, at, .. } = sighting;
        let prompt = prompt_id.clone().filter(|_| !sighting.tells_a_use_alone());
        Self {
            subject: subject.clone(),
            keyed: keyed.clone(),
            prompt: prompt.map(|prompt| (channel.clone(), prompt)),
            at: *at,
        }
    }
}

/// The exchanges that sightings of one channel may belong to: by their own words, each looked for once, and by those of the
/// channel's with the same prompt's id.
pub(super) fn expecting(connection: &Connection, met: &[Met]) -> rusqlite::Result<Vec<Option<Expecting>>> {
    let (mut found, mut known) = (Vec::new(), BTreeSet::new());
    let mut add = |rows: Vec<Option<Expecting>>| {
        for row in rows {
            let name = row.as_ref().map(|row| (row.key.exchange.to_string(), row.at.as_micros()));
            if known.insert(name) {
                found.push(row);
            }
        }
    };
    let mut asked: BTreeSet<(&str, &String, [Option<&String>; 3])> = BTreeSet::new();
    let mut prompts: BTreeSet<(&Subject, &(String, String))> = BTreeSet::new();
    for Met { subject, keyed, prompt, at } in met {
        let Subject { issuer, subject: name, agent } = subject;
        for (column, word) in WORDS.into_iter().zip(words(keyed)) {
            let Some(word) = word else { continue };
            // What names nobody meets by the tool use alone.
            if (name.is_none() && column != "tool_use")
                || !asked.insert((column, word, [issuer.as_ref(), name.as_ref(), agent.as_ref()]))
            {
                continue;
            }
            // A tool use is one call, and that is the first that named it and was not refused.
            let (order, most) = match column {
                "statement" => ("at_us DESC", FOUND_BY_TEXT),
                _ => ("is_refused, at_us", FOUND),
            };
            let since = if column == "statement" { at.as_micros() - TOGETHER_US } else { oldest(*at) };
            let rows = connection
                .prepare_cached(&format!(
                    "SELECT {EXPECTING} FROM expecting
                     WHERE {column} = ?1 AND at_us >= ?2
                       AND (?3 IS NULL OR issuer = ?3) AND (?4 IS NULL OR subject = ?4) AND (?5 IS NULL OR agent = ?5)
                     ORDER BY {order} LIMIT ?6"
                ))?
                .query_map(params![word, since, issuer, name, agent, most], expecting_of)?
                .collect::<rusqlite::Result<_>>()?;
            add(rows);
        }
        let Some(prompt) = prompt.as_ref().filter(|prompt| prompts.insert((subject, prompt))) else {
            continue;
        };
        let (channel, prompt) = prompt;
        for column in WORDS {
            // The sure ties alone: what a statement's text may tie is found by its own sighting.
            if column == "statement" || (name.is_none() && column != "tool_use") {
                continue;
            }
            // SECURITY: each word once: thousands of sightings of one prompt may share a trace, and must not bring its exchanges
            // thousands of times.
            let rows = connection
                .prepare_cached(&format!(
                    "SELECT {EXPECTING} FROM expecting
                     WHERE {column} IN (
                         SELECT {column} FROM sightings
                         WHERE prompt_id = ?1 AND channel = ?2 AND {column} IS NOT NULL
                           AND issuer IS ?4 AND subject IS ?5 AND agent IS ?6
                         GROUP BY {column} ORDER BY min(at_us) LIMIT ?7
                       ) AND at_us >= ?3
                       AND (?4 IS NULL OR issuer = ?4) AND (?5 IS NULL OR subject = ?5) AND (?6 IS NULL OR agent = ?6)
                     ORDER BY is_refused, at_us LIMIT ?7"
                ))?
                .query_map(
                    params![prompt, channel, oldest(*at), issuer, name, agent, FOUND_OF_A_PROMPT],
                    expecting_of,
                )?
                .collect::<rusqlite::Result<_>>()?;
            add(rows);
        }
    }
    Ok(found)
}
