//! The public keys that an issuer publishes (RFC 7517), read once and kept ready to verify with.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde::Deserialize;

use crate::{Algorithm, Rejected};

/// Keys of one name that are tried, at most.
const CANDIDATES: usize = 4;

/// The usable keys of one JWK set.
pub(crate) struct KeySet(Vec<Key>);

impl KeySet {
    /// Reads a JWK set; none when the text is no JWK set. Keys that are not for verifying signatures, or that
    /// this version does not know, are left out: whoever names them finds them unknown.
    pub(crate) fn read(text: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Document {
            keys: Vec<serde_json::Value>,
        }
        let document: Document = serde_json::from_slice(text).ok()?;
        let read = |value| serde_json::from_value::<Jwk>(value).ok().and_then(|jwk| Key::read(&jwk));
        Some(Self(document.keys.into_iter().filter_map(read).collect()))
    }

    /// Whether a token that names this key, or none, may find its key here.
    pub(crate) fn has(&self, key_id: Option<&str>) -> bool {
        match key_id {
            Some(_) => self.0.iter().any(|key| key.id.as_deref() == key_id),
            None => !self.0.is_empty(),
        }
    }

    /// The keys that a token with this `kid` and `alg` may be signed with: at least one.
    pub(crate) fn candidates(
        &self,
        key_id: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<impl Iterator<Item = &Key>, Rejected> {
        if !self.has(key_id) {
            return Err(Rejected::UnknownKey);
        }
        // SECURITY: with several keys, a token without a name would be tried against all of them, and would
        // accept a key that its issuer keeps for something else.
        if key_id.is_none() && self.0.len() > 1 {
            return Err(Rejected::NoKeyNamed);
        }
        let is_named = move |key: &&Key| key_id.is_none() || key.id.as_deref() == key_id;
        let mut fitting =
            self.0.iter().filter(is_named).filter(move |key| key.fits(algorithm)).take(CANDIDATES).peekable();
        if fitting.peek().is_none() {
            return Err(Rejected::KeyMismatch);
        }
        Ok(fitting)
    }
}

/// One public key.
pub(crate) struct Key {
    id: Option<String>,
    kind: KeyKind,
    /// The only algorithm that the issuer uses it with, where it says so.
    algorithm: Option<Algorithm>,
    decoding: DecodingKey,
}

/// What algorithms need of a key.
#[derive(Clone, Copy, PartialEq, Eq)]
enum KeyKind {
    Rsa,
    P256,
    P384,
    Ed25519,
}

impl Key {
    /// Whether the message was signed by this key's owner.
    pub(crate) fn verifies(&self, algorithm: Algorithm, message: &str, signature: &str) -> bool {
        self.fits(algorithm)
            && jsonwebtoken::crypto::verify(signature, message.as_bytes(), &self.decoding, foreign(algorithm))
                .unwrap_or(false)
    }

    // INVARIANT: an algorithm is used only with its own kind of key and curve, whatever the token says.
    fn fits(&self, algorithm: Algorithm) -> bool {
        let needed = match algorithm {
            Algorithm::Rs256
            | Algorithm::Rs384
            | Algorithm::Rs512
            | Algorithm::Ps256
            | Algorithm::Ps384
            | Algorithm::Ps512 => KeyKind::Rsa,
            Algorithm::Es256 => KeyKind::P256,
            Algorithm::Es384 => KeyKind::P384,
            Algorithm::EdDsa => KeyKind::Ed25519,
        };
        self.kind == needed && self.algorithm.is_none_or(|only| only == algorithm)
    }

    fn read(jwk: &Jwk) -> Option<Self> {
        // SECURITY: whoever publishes the private half has no secret left.
        if jwk.d.is_some() || !jwk.is_for_verifying() {
            return None;
        }
        let algorithm = match &jwk.alg {
            Some(name) => Some(name.parse().ok()?),
            None => None,
        };
        let (kind, decoding) = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("RSA", None) => (KeyKind::Rsa, rsa(jwk)?),
            ("EC", Some("P-256")) => (KeyKind::P256, point(jwk, 32)?),
            ("EC", Some("P-384")) => (KeyKind::P384, point(jwk, 48)?),
            ("OKP", Some("Ed25519")) => {
                let x = decoded(jwk.x.as_deref()?)?;
                (KeyKind::Ed25519, (x.len() == 32).then(|| DecodingKey::from_ed_der(&x))?)
            }
            _ => return None,
        };
        Some(Self { id: jwk.kid.clone(), kind, algorithm, decoding })
    }
}

/// A JWK as published (RFC 7517 section 4; RFC 7518 section 6; RFC 8037 section 2).
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    d: Option<serde_json::Value>,
}

impl Jwk {
    fn is_for_verifying(&self) -> bool {
        self.purpose.as_deref().is_none_or(|purpose| purpose == "sig")
            && self.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "verify"))
    }
}

/// An RSA key of 2048 to 8192 bits.
fn rsa(jwk: &Jwk) -> Option<DecodingKey> {
    let (modulus, exponent) = (decoded(jwk.n.as_deref()?)?, decoded(jwk.e.as_deref()?)?);
    let modulus = without_leading_zeros(&modulus);
    let bits = modulus.len() * 8 - usize::try_from(modulus.first()?.leading_zeros()).ok()?;
    let exponent = without_leading_zeros(&exponent);
    // SECURITY: with an exponent of 1 everything is its own signature; an even one has no inverse.
    let value = exponent.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    let is_sound = exponent.len() <= 4 && value >= 3 && value % 2 == 1;
    let is_fit = is_sound && (2048..=8192).contains(&bits);
    is_fit.then(|| DecodingKey::from_rsa_raw_components(modulus, exponent))
}

/// A point on a curve whose coordinates have so many bytes; that it lies on the curve is checked with each use.
fn point(jwk: &Jwk, bytes: usize) -> Option<DecodingKey> {
    let (x, y) = (decoded(jwk.x.as_deref()?)?, decoded(jwk.y.as_deref()?)?);
    // SEC 1 section 2.3.3, uncompressed.
    let point = [&[4], x.as_slice(), y.as_slice()].concat();
    (x.len() == bytes && y.len() == bytes).then(|| DecodingKey::from_ec_der(&point))
}

fn without_leading_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// The library's name of an algorithm.
fn foreign(algorithm: Algorithm) -> jsonwebtoken::Algorithm {
    match algorithm {
        Algorithm::Rs256 => jsonwebtoken::Algorithm::RS256,
        Algorithm::Rs384 => jsonwebtoken::Algorithm::RS384,
        Algorithm::Rs512 => jsonwebtoken::Algorithm::RS512,
        Algorithm::Ps256 => jsonwebtoken::Algorithm::PS256,
        Algorithm::Ps384 => jsonwebtoken::Algorithm::PS384,
        Algorithm::Ps512 => jsonwebtoken::Algorithm::PS512,
        Algorithm::Es256 => jsonwebtoken::Algorithm::ES256,
        Algorithm::Es384 => jsonwebtoken::Algorithm::ES384,
        Algorithm::EdDsa => jsonwebtoken::Algorithm::EdDSA,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usable(jwk: &str) -> usize {
        KeySet::read(format!(r#"{{"keys":[{jwk}]}}"#).as_bytes()).unwrap().0.len()
    }

    fn rsa_key(bytes: usize, exponent: &str, more: &str) -> String {
        let modulus = URL_SAFE_NO_PAD.encode(vec![0xC1; bytes]);
        format!(r#"{{"kty":"RSA","kid":"a","n":"{modulus}","e":"{exponent}"{more}}}"#)
    }

    #[test]
    fn only_sound_keys_for_verifying_are_used() {
        assert_eq!(usable(&rsa_key(256, "AQAB", "")), 1);
        assert_eq!(usable(&rsa_key(256, "AQAB", r#","use":"sig","alg":"RS256","key_ops":["verify"]"#)), 1);
        assert_eq!(usable(&rsa_key(255, "AQAB", "")), 0, "too short");
        assert_eq!(usable(&rsa_key(1025, "AQAB", "")), 0, "too long");
        assert_eq!(usable(&rsa_key(256, "AQ", "")), 0, "exponent 1");
        assert_eq!(usable(&rsa_key(256, "BA", "")), 0, "exponent 4");
        assert_eq!(usable(&rsa_key(256, "", "")), 0, "no exponent");
        assert_eq!(usable(&rsa_key(256, "AQAB", r#","use":"enc""#)), 0);
        assert_eq!(usable(&rsa_key(256, "AQAB", r#","key_ops":["encrypt"]"#)), 0);
        assert_eq!(usable(&rsa_key(256, "AQAB", r#","alg":"RSA-OAEP""#)), 0);
        assert_eq!(usable(&rsa_key(256, "AQAB", r#","d":"AQAB""#)), 0, "its private half is public");
        assert_eq!(usable(r#"{"kty":"oct","k":"c2VjcmV0"}"#), 0, "a shared secret is no public key");
        assert_eq!(usable(r#"{"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"}"#), 0);
        assert_eq!(usable(r#"{"kty":"OKP","crv":"Ed25519","x":"AAAA"}"#), 0);
        assert_eq!(usable(r#"{"kty":"EC","crv":"secp256k1","x":"AAAA","y":"AAAA"}"#), 0);
        assert_eq!(usable(r#"7, {}, null, {"kty":7}"#), 0);
    }

    #[test]
    fn what_is_no_key_set_is_not_taken_for_an_empty_one() {
        for text in ["", "{}", "[]", "<html>", r#"{"keys":{}}"#, r#"{"keys":null}"#] {
            assert!(KeySet::read(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn a_key_is_found_by_its_exact_name_and_algorithm() {
        let set =
            |keys: &[String]| KeySet::read(format!(r#"{{"keys":[{}]}}"#, keys.join(",")).as_bytes()).unwrap();
        let (any, only) = (rsa_key(256, "AQAB", ""), rsa_key(256, "AQAB", r#","alg":"PS256""#));
        let found = |set: &KeySet, id, algorithm| set.candidates(id, algorithm).map(Iterator::count);

        let one = set(std::slice::from_ref(&any));
        assert_eq!(found(&one, Some("a"), Algorithm::Rs256), Ok(1));
        assert_eq!(found(&one, None, Algorithm::Rs256), Ok(1));
        assert_eq!(found(&one, Some("A"), Algorithm::Rs256), Err(Rejected::UnknownKey));
        assert_eq!(found(&one, Some("../a"), Algorithm::Rs256), Err(Rejected::UnknownKey));
        assert_eq!(found(&one, Some(""), Algorithm::Rs256), Err(Rejected::UnknownKey));
        assert_eq!(found(&one, Some("a"), Algorithm::Es256), Err(Rejected::KeyMismatch));
        assert_eq!(found(&set(&[only]), Some("a"), Algorithm::Rs256), Err(Rejected::KeyMismatch));

        let many = set(&vec![any; 9]);
        assert_eq!(found(&many, None, Algorithm::Rs256), Err(Rejected::NoKeyNamed));
        assert_eq!(found(&many, Some("a"), Algorithm::Rs256), Ok(CANDIDATES));
        assert_eq!(found(&set(&[]), None, Algorithm::Rs256), Err(Rejected::UnknownKey));
    }
}
