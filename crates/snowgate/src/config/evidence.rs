//! The channels that evidence of prompts comes by: who may say it, and whom they speak for.

use domain::ChannelKind;
use evidence::{Channels, SecretHash};
use gateway::{Channel, SpeaksFor};
use serde::Deserialize;

use super::Config;
use crate::commands::Broken;

/// One `[[evidence]]` entry.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceEntry {
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
}

impl Config {
    /// The channels as they are found by their secrets.
    ///
    /// # Errors
    /// What is wrong, with its place and the key, and no value.
    pub fn channels(&self) -> Result<Channels, Broken> {
        let mut channels = Channels::default();
        for (at, entry) in self.own.evidence.iter().enumerate() {
            let wrong = |key: &str, problem: &str| {
                let key =
                    if key.is_empty() { format!("evidence[{at}]") } else { format!("evidence[{at}].{key}") };
                Broken::new(self.places.wrong(&key, problem).to_string())
            };
            let EvidenceEntry { name, kind, secret_sha256, subjects, issuer, agent } = entry;
            let kind = ChannelKind::from_word(kind)
                .filter(|kind| *kind != ChannelKind::Own)
                .ok_or_else(|| wrong("kind", "is one of prompts, hooks, telemetry, provider"))?;
            let secret: SecretHash = secret_sha256
                .parse()
                .map_err(|error: evidence::ChannelsError| wrong("secret_sha256", &error.to_string()))?;
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
            let issuers = &self.shared.issuers;
            // SECURITY: two issuers may give the same `sub` to two people.
            match issuer {
                None if issuers.len() > 1 => {
                    return Err(wrong(
                        "issuer",
                        "is needed where there are several [[issuers]]: whose subjects are they?",
                    ));
                }
                Some(issuer)
                    if !issuers.is_empty() && !issuers.iter().any(|known| known.issuer == *issuer) =>
                {
                    return Err(wrong("issuer", "is none of [[issuers]]"));
                }
                Some(_) | None => {}
            }
            let (issuer, agent) = (issuer.clone(), agent.clone());
            let channel = Channel { name: name.clone(), kind, speaks_for, issuer, agent, credential: None };
            channels.add(secret, channel).map_err(|error| wrong("", &error.to_string()))?;
        }
        Ok(channels)
    }
}
