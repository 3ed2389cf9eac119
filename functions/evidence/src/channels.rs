//! The evidence channels of a gateway, found by what proves them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest;
use domain::Credential;
use gateway::{Channel, OWN};
use thiserror::Error;

/// SHA-256 of a channel's secret: 64 hexadecimal digits. The secret itself is nowhere here.
///
/// A secret must be long and random: then its hash, which stands in a configuration file, is of no use to a reader.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// The hash of a secret.
    pub fn of(secret: &str) -> Self {
        let mut hash = [0; 32];
        let found = digest::digest(&digest::SHA256, secret.as_bytes());
        hash.iter_mut().zip(found.as_ref()).for_each(|(to, from)| *to = *from);
        Self(hash)
    }
}

impl FromStr for SecretHash {
    type Err = ChannelsError;

    fn from_str(text: &str) -> Result<Self, ChannelsError> {
        let mut hash = [0; 32];
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(ChannelsError::Hash);
        }
        for (byte, pair) in hash.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(pair).map_err(|_| ChannelsError::Hash)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| ChannelsError::Hash)?;
        }
        Ok(Self(hash))
    }
}

impl fmt::Display for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

/// What is wrong with channels.
#[derive(Debug, Error, PartialEq, Eq, Clone, Copy)]
pub enum ChannelsError {
    /// A hash is none.
    #[error("a secret's hash is 64 hexadecimal digits: `printf %s \"$SECRET\" | sha256sum`")]
    Hash,
    /// Two have one secret: two channels that agree would be one that says the same twice.
    #[error(
        "has the secret of another channel: each needs its own, or two that agree would be one that is heard twice"
    )]
    SameSecret,
    /// Two have one name.
    #[error("has the name of another channel")]
    SameName,
    /// A name is not a short word, or is taken for every agent's own token.
    #[error("a channel's name is 1 to 64 letters, digits, `-`, `_` and `.`, and not `agent`")]
    Name,
}

/// See above.
#[derive(Clone, Debug, Default)]
pub struct Channels(BTreeMap<SecretHash, Channel>);

impl Channels {
    /// Adds one.
    ///
    /// # Errors
    /// [`ChannelsError`] when its name or secret is another's, or no name.
    pub fn add(&mut self, secret: SecretHash, channel: Channel) -> Result<(), ChannelsError> {
        let is_word = |name: &str| {
            (1..=64).contains(&name.len())
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        if !is_word(&channel.name) || channel.name == OWN {
            return Err(ChannelsError::Name);
        }
        if self.0.values().any(|known| known.name == channel.name) {
            return Err(ChannelsError::SameName);
        }
        // SECURITY: a grade rests on two channels being two credentials.
        if self.0.contains_key(&secret) {
            return Err(ChannelsError::SameSecret);
        }
        self.0.insert(secret, Channel { credential: Some(secret.to_string()), ..channel });
        Ok(())
    }

    /// The channel with that secret. The search is by the hash, so that its time tells nothing of a secret.
    pub(crate) fn of(&self, secret: &Credential) -> Option<&Channel> {
        self.0.get(&SecretHash::of(secret.reveal()))
    }

    /// All of them, without what proves them.
    pub fn all(&self) -> impl Iterator<Item = Channel> + use<'_> {
        self.0.values().map(|channel| Channel { credential: None, ..channel.clone() })
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use domain::ChannelKind;
    use gateway::SpeaksFor;

    use super::*;

    fn channel(name: &str) -> Channel {
        let speaks_for = SpeaksFor::Anybody;
        Channel {
            name: name.to_owned(),
            kind: ChannelKind::Hooks,
            speaks_for,
            issuer: None,
            agent: None,
            credential: None,
            tools: Vec::new(),
        }
    }

    #[test]
    fn a_channel_is_found_by_its_secret_and_each_has_its_own() {
        let mut channels = Channels::default();
        channels.add(SecretHash::of("one"), channel("a")).unwrap();
        assert_eq!(channels.add(SecretHash::of("one"), channel("b")), Err(ChannelsError::SameSecret));
        assert_eq!(channels.add(SecretHash::of("two"), channel("a")), Err(ChannelsError::SameName));
        for name in ["", "agent", "a b", "ü", &"x".repeat(65)] {
            assert_eq!(
                channels.add(SecretHash::of("two"), channel(name)),
                Err(ChannelsError::Name),
                "{name}"
            );
        }
        let find = |secret: &str| channels.of(&Credential::new(secret.to_owned()));
        assert_eq!(find("one").map(|channel| channel.name.as_str()), Some("a"));
        assert!(find("two").is_none() && find("").is_none());
    }

    #[test]
    fn a_hash_reads_back_and_nothing_else_is_one() {
        let hash = SecretHash::of("one");
        assert_eq!(hash.to_string().parse(), Ok(hash));
        for text in ["", "one", &"g".repeat(64), &"a".repeat(63), &"+1".repeat(32)] {
            assert_eq!(text.parse::<SecretHash>(), Err(ChannelsError::Hash), "{text}");
        }
        assert_eq!(format!("{hash:?}"), "SecretHash(…)");
    }
}
