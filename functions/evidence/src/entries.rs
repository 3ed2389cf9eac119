//! The channels that evidence of prompts comes by: who may say it, and whom they speak for.

use domain::ChannelKind;
use gateway::{Channel, SpeaksFor};
use serde::Deserialize;

use crate::hooks::tool_of;
use crate::{Channels, ChannelsError, SecretHash};

/// One `[[evidence]]` entry.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelEntry {
    /// Its name, which records carry.
    pub name: String,
    /// `prompts`, `hooks`, `telemetry` or `provider`.
    pub kind: String,
    /// SHA-256 of its secret, 64 hexadecimal digits.
    pub secret_sha256: String,
    /// `sub` of the tokens whose statements it may speak of; `*` alone for everybody's.
    pub subjects: Vec<String>,
    /// The issuer of those tokens.
    pub issuer: Option<String>,
    /// The agent whose statements it sees; none: any.
    pub agent: Option<String>,
    /// The tools of this gateway as its clients name them in full (`mcp__snowgate__run_sql`): others of that name are none. Empty: any.
    #[serde(default)]
    pub tools: Vec<String>,
}

/// What is wrong with an entry, in words that show no value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WrongChannel {
    /// The key: `evidence[0].subjects`.
    pub key: String,
    /// What is wrong with it.
    pub problem: String,
}

impl Channels {
    /// The channels of these entries, as they are found by their secrets; `issuers` are those of agents' tokens.
    ///
    /// # Errors
    /// The first entry that is wrong.
    pub fn read(entries: &[ChannelEntry], issuers: &[&str]) -> Result<Self, WrongChannel> {
        let mut channels = Self::default();
        for (at, entry) in entries.iter().enumerate() {
            let wrong = |key: &str, problem: &str| {
                let key =
                    if key.is_empty() { format!("evidence[{at}]") } else { format!("evidence[{at}].{key}") };
                WrongChannel { key, problem: problem.to_owned() }
            };
            let ChannelEntry { name, kind, secret_sha256, subjects, issuer, agent, tools } = entry;
            let kind = ChannelKind::from_word(kind)
                .filter(|kind| *kind != ChannelKind::Own)
                .ok_or_else(|| wrong("kind", "is one of prompts, hooks, telemetry, provider"))?;
            let secret: SecretHash = secret_sha256
                .parse()
                .map_err(|error: ChannelsError| wrong("secret_sha256", &error.to_string()))?;
            let speaks_for = match subjects.as_slice() {
                [] => {
                    return Err(wrong(
                        "subjects",
                        "names nobody; write each subject, or [\"*\"] for everybody",
                    ));
                }
                [all] if all == "*" => SpeaksFor::Anybody,
                some if some.iter().any(|subject| subject == "*" || subject.trim().is_empty()) => {
                    return Err(wrong("subjects", "names subjects, or \"*\" alone"));
                }
                some => SpeaksFor::Subjects(some.to_vec()),
            };
            // SECURITY: two issuers may give the same `sub` to two people.
            match issuer {
                None if issuers.len() > 1 => {
                    return Err(wrong(
                        "issuer",
                        "is needed where there are several [[issuers]]: whose subjects are they?",
                    ));
                }
                Some(issuer) if !issuers.is_empty() && !issuers.contains(&issuer.as_str()) => {
                    return Err(wrong("issuer", "is none of [[issuers]]"));
                }
                Some(_) | None => {}
            }
            if tools.iter().any(|tool| tool_of(tool).is_none()) {
                return Err(wrong(
                    "tools",
                    "names run_sql and check_sql as clients do: mcp__snowgate__run_sql",
                ));
            }
            let channel = Channel {
                name: name.clone(),
                kind,
                speaks_for,
                issuer: issuer.clone(),
                agent: agent.clone(),
                credential: None,
                tools: tools.clone(),
            };
            channels.add(secret, channel).map_err(|error| wrong("", &error.to_string()))?;
        }
        Ok(channels)
    }
}
