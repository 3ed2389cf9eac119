//! A look at the recordings: who has seen what of whom.

use std::collections::BTreeMap;

use domain::{Identity, Person, Timestamp};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::envelope::{FormatError, Stored, decode};

/// One look of an auditor, version 1: kept before anything of it is shown, written once, in the envelope that openings have. It lies
/// under `looks/v1/dt=<day>/<moment>-<look>.json` ([`Look::key`]), apart from the records that it is about.
///
/// It names the exchanges that were shown and holds nothing of them. `answer` is over the exact bytes of the answer, so that whoever
/// has kept one can show that it was given.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Look {
    /// 1.
    #[serde(deserialize_with = "crate::envelope::version_1")]
    pub v: u32,
    /// 32 lower-case hexadecimal digits; the answer carries it, too.
    pub look: String,
    /// RFC 3339, microseconds, UTC.
    pub at: String,
    /// Who looked.
    pub by: LookerRecord,
    /// `search` or `replay`.
    pub what: String,
    /// What was asked, by the parameters' names. A text that is looked for has passed the detectors.
    pub asked: BTreeMap<String, String>,
    /// How many exchanges were read for it; those that did not fit were not shown.
    pub read: u64,
    /// The exchanges that were shown, `SESSION/NUMBER`, in order.
    pub shown: Vec<String>,
    /// Those that were only told to be damaged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub damaged: Vec<String>,
    /// SHA-256 of the answer's bytes.
    pub answer: String,
}

/// Who looked, as the access token says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookerRecord {
    /// `iss`.
    pub issuer: String,
    /// `sub`.
    pub subject: String,
    /// The person.
    pub person: String,
    /// The client that the token was given to.
    pub client: String,
    /// `jti`, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

impl LookerRecord {
    /// That person by that identity.
    pub fn new(identity: &Identity, person: &Person) -> Self {
        Self {
            issuer: identity.issuer.clone(),
            subject: identity.subject.clone(),
            person: person.as_str().to_owned(),
            client: identity.agent.as_str().to_owned(),
            token: identity.token_id.clone(),
        }
    }
}

/// Why an object is no look of ours.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum NoLook {
    /// It cannot be read as one.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// It lies under another name than it says.
    #[error("the look lies under another name than its own")]
    Misplaced,
}

impl Look {
    /// Where it lies. Days are those of Athena's partition projection; within one, looks lie in the order of their moments.
    pub fn key(&self) -> String {
        let day = self.at.split('T').next().unwrap_or_default();
        let moment: String = self.at.chars().filter(char::is_ascii_alphanumeric).collect();
        format!("looks/v1/dt={day}/{moment}-{}.json", self.look)
    }

    /// The look that lies under this key.
    ///
    /// # Errors
    /// [`NoLook`] when it is damaged, or was put there under another name.
    pub fn read(key: &str, object: &[u8]) -> Result<Stored<Self>, NoLook> {
        let stored = decode::<Self>(object)?;
        let is_moment =
            stored.record.at.parse::<Timestamp>().is_ok_and(|at| at.to_string() == stored.record.at);
        if is_moment && stored.record.key() == key { Ok(stored) } else { Err(NoLook::Misplaced) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::encode;

    fn look() -> Look {
        Look {
            v: 1,
            look: "0123456789abcdef0123456789abcdef".into(),
            at: "2026-11-26T15:04:05.000006Z".into(),
            by: LookerRecord {
                issuer: "https://people.example".into(),
                subject: "u-1".into(),
                person: "sven@acme.example".into(),
                client: "audit-console".into(),
                token: None,
            },
            what: "search".into(),
            asked: BTreeMap::from([("person".into(), "ana@acme.example".into())]),
            read: 3,
            shown: vec![format!("{}/1", "a".repeat(32))],
            damaged: Vec::new(),
            answer: format!("sha256:{}", "0".repeat(64)),
        }
    }

    #[test]
    fn a_look_reads_back_under_its_own_name_alone() {
        let look = look();
        let key = look.key();
        assert_eq!(
            key,
            "looks/v1/dt=2026-11-26/20261126T150405000006Z-0123456789abcdef0123456789abcdef.json"
        );
        let (bytes, _) = encode(&look).unwrap();
        assert_eq!(Look::read(&key, &bytes).unwrap().record, look);
        assert_eq!(Look::read(&key.replace("26T", "25T"), &bytes), Err(NoLook::Misplaced));

        let text = String::from_utf8(bytes).unwrap();
        let other = text.replace("sven@", "rosa@");
        assert_eq!(Look::read(&key, other.as_bytes()), Err(NoLook::Format(FormatError::Digest)));
        let more = Look { v: 2, ..look };
        assert_eq!(Look::read(&key, &encode(&more).unwrap().0), Err(NoLook::Format(FormatError::Unreadable)));
    }
}
