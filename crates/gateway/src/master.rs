//! The one secret of a store, and the keys that come of it.

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;
use domain::SessionId;

use crate::ports::SessionKeys;

/// The first byte of a wrapped key.
const WRAPPED_VERSION: u8 = 1;

/// 32 random bytes that a store keeps, from which the gateway's keys are derived by HMAC-SHA256 over a label: the key that wraps
/// session keys (`wrap`), the gateway's digest key (`digest`), each session's token key (`tokens`, the session) and the key
/// of tokens that outlive sessions (`shared-tokens`).
///
/// A session's sealing key is random, so that deleting it erases. A store keeps it wrapped: the byte 1, 12 bytes of nonce and the
/// key encrypted with AES-256-GCM, the session's name as additional data.
// SECURITY: no `Debug`.
pub struct MasterKey {
    master: hmac::Key,
    digest: [u8; 32],
    wrap: [u8; 32],
}

impl MasterKey {
    /// What comes of these bytes.
    pub fn new(master: &[u8; 32]) -> Self {
        let master = hmac::Key::new(hmac::HMAC_SHA256, master);
        Self { digest: derive(&master, "digest", &[]), wrap: derive(&master, "wrap", &[]), master }
    }

    /// The gateway's key for keyed digests.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// The keys of a session whose sealing key is this.
    pub fn session(&self, session: SessionId, seal: [u8; 32]) -> SessionKeys {
        SessionKeys {
            seal,
            tokens: derive(&self.master, "tokens", &session.as_u128().to_be_bytes()),
            shared_tokens: derive(&self.master, "shared-tokens", &[]),
        }
    }

    /// A session's sealing key as it is kept; none when this machine cannot encrypt.
    pub fn wrap(&self, session: SessionId, seal: &[u8; 32]) -> Option<Vec<u8>> {
        let cipher = RandomizedNonceKey::new(&AES_256_GCM, &self.wrap).ok()?;
        let mut sealed = seal.to_vec();
        let nonce = cipher.seal_in_place_append_tag(wrapped_for(session), &mut sealed).ok()?;
        let mut wrapped = vec![WRAPPED_VERSION];
        wrapped.extend_from_slice(nonce.as_ref());
        wrapped.append(&mut sealed);
        Some(wrapped)
    }

    /// A session's sealing key that was kept; none when it is damaged, or another's.
    pub fn unwrap(&self, session: SessionId, wrapped: &[u8]) -> Option<[u8; 32]> {
        let (version, rest) = wrapped.split_first()?;
        if *version != WRAPPED_VERSION {
            return None;
        }
        let (nonce, sealed) = rest.split_at_checked(12)?;
        let nonce: [u8; 12] = nonce.try_into().ok()?;
        let cipher = RandomizedNonceKey::new(&AES_256_GCM, &self.wrap).ok()?;
        let mut sealed = sealed.to_vec();
        let seal = cipher.open_in_place(Nonce::from(&nonce), wrapped_for(session), &mut sealed).ok()?;
        (&*seal).try_into().ok()
    }
}

fn wrapped_for(session: SessionId) -> Aad<Vec<u8>> {
    Aad::from(format!("snowgate/session-key/1\n{session}").into_bytes())
}

fn derive(master: &hmac::Key, label: &str, context: &[u8]) -> [u8; 32] {
    let mut mac = hmac::Context::with_key(master);
    // INVARIANT: labels are ours and hold no zero byte, so that no label with its context is another's.
    mac.update(b"snowgate/key/1\0");
    mac.update(label.as_bytes());
    mac.update(b"\0");
    mac.update(context);
    let mut key = [0; 32];
    key.iter_mut().zip(mac.sign().as_ref()).for_each(|(to, from)| *to = *from);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapped_key_opens_for_its_session_and_master_alone() {
        let (master, session) = (MasterKey::new(&[1; 32]), SessionId::from_u128(7));
        let wrapped = master.wrap(session, &[9; 32]).unwrap_or_default();
        assert_eq!(wrapped.len(), 1 + 12 + 32 + 16);
        assert_eq!(master.unwrap(session, &wrapped), Some([9; 32]));
        assert_eq!(master.unwrap(SessionId::from_u128(8), &wrapped), None);
        assert_eq!(MasterKey::new(&[2; 32]).unwrap(session, &wrapped), None);
        for at in 0..wrapped.len() {
            let mut damaged = wrapped.clone();
            damaged.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1);
            assert_eq!(master.unwrap(session, &damaged), None, "byte {at}");
            assert_eq!(master.unwrap(session, wrapped.get(..at).unwrap_or_default()), None, "cut at {at}");
        }
    }
}
