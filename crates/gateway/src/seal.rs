//! Exact texts: digested under a key, and sealed.

use std::collections::BTreeMap;

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;
use domain::{Asked, ExchangeId, KeyedDigest, RequestId};
use serde::{Deserialize, Serialize};

use crate::fault::{Fault, Origin};

/// What is sealed of an exchange: version 1, JSON, encrypted with AES-256-GCM under the session's key, the
/// exchange's name as additional data. Stored as 12 bytes of nonce, the ciphertext and its tag.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedText {
    /// 1.
    pub v: u32,
    /// The exact text.
    pub sql: String,
    /// The exact bound values by position: type and value.
    pub bindings: BTreeMap<u32, (String, Option<String>)>,
    /// The exact prompt.
    pub prompt: Option<String>,
    /// Everything else that decides what runs. Absent from the first sealed texts of version 1, which nobody runs again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub under: Option<SealedUnder>,
}

/// What a statement runs under, exactly.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedUnder {
    /// The role.
    pub role: Option<String>,
    /// The warehouse.
    pub warehouse: Option<String>,
    /// The database.
    pub database: Option<String>,
    /// The schema.
    pub schema: Option<String>,
    /// How many statements the text holds; zero for any number.
    pub statement_count: u32,
    /// How long upstream may work on it, where its client said.
    pub timeout_seconds: Option<u64>,
    /// Session parameters.
    pub parameters: BTreeMap<String, String>,
}

/// The keyed digest of everything that decides what runs: text, bindings, context, count and parameters.
pub fn keyed_digest(key: &[u8; 32], asked: &Asked) -> KeyedDigest {
    let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    // INVARIANT: injective. Every part goes in with its length before it, every list with its count.
    let mut part = |bytes: Option<&[u8]>| match bytes {
        Some(bytes) => {
            mac.update(&(bytes.len() as u64).to_be_bytes());
            mac.update(bytes);
        }
        None => mac.update(&u64::MAX.to_be_bytes()),
    };
    part(Some(b"snowgate/asked/1"));
    part(Some(asked.text.reveal().as_bytes()));
    let context = &asked.context;
    for name in [&context.role, &context.warehouse, &context.database, &context.schema] {
        part(name.as_ref().map(String::as_bytes));
    }
    part(Some(&asked.statement_count.to_be_bytes()));
    part(Some(&asked.timeout.map_or(u64::MAX, |timeout| timeout.as_secs()).to_be_bytes()));
    part(Some(&(asked.bindings.len() as u64).to_be_bytes()));
    for (position, binding) in &asked.bindings {
        part(Some(&position.to_be_bytes()));
        part(Some(binding.kind.as_bytes()));
        part(binding.value.as_ref().map(String::as_bytes));
    }
    part(Some(&(asked.parameters.len() as u64).to_be_bytes()));
    for (name, value) in &asked.parameters {
        part(Some(name.as_bytes()));
        part(Some(value.as_bytes()));
    }
    KeyedDigest::from_bytes(bytes_of(mac.sign().as_ref()))
}

/// A client's request id as stores compare it: 64 hexadecimal digits that tell nothing without the key.
///
/// # Errors
/// None; the digits are always an id.
pub fn keyed_request(key: &[u8; 32], request: &RequestId) -> Result<RequestId, Fault> {
    keyed_word(key, "request", request.as_str())
        .parse()
        .map_err(|_| Fault::lasting(Origin::Keys, "the request id could not be digested"))
}

/// A client's word of that kind as stores compare it.
pub(crate) fn keyed_word(key: &[u8; 32], kind: &'static str, word: &str) -> String {
    // INVARIANT: kinds are ours and hold no line feed, so that no two kinds share a digest.
    let text = format!("snowgate/word/1\n{kind}\n{word}");
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes());
    tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The request id under which an exchange goes upstream: the same in every process, guessable by nobody.
pub fn upstream_request_id(key: &[u8; 32], exchange: ExchangeId) -> u128 {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let tag = hmac::sign(&key, format!("snowgate/upstream-request/1\n{exchange}").as_bytes());
    let mut bits = [0; 16];
    bits.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
    // The version and variant bits of a random UUID (RFC 9562 section 5.4), for servers that look.
    (u128::from_be_bytes(bits) & !(0xf000_u128 << 64) & !(0xc000_u128 << 48))
        | (0x4000_u128 << 64)
        | (0x8000_u128 << 48)
}

/// Seals the exact text of an exchange.
///
/// # Errors
/// A fault of the keys when the cipher fails.
pub fn seal(key: &[u8; 32], exchange: ExchangeId, asked: &Asked) -> Result<Vec<u8>, Fault> {
    let broken = || Fault::lasting(Origin::Keys, "the exact text could not be sealed");
    let bindings =
        asked.bindings.iter().map(|(at, bound)| (*at, (bound.kind.clone(), bound.value.clone()))).collect();
    let domain::Context { role, warehouse, database, schema } = asked.context.clone();
    let under = SealedUnder {
        role,
        warehouse,
        database,
        schema,
        statement_count: asked.statement_count,
        timeout_seconds: asked.timeout.map(|timeout| timeout.as_secs()),
        parameters: asked.parameters.clone(),
    };
    let (sql, prompt) = (asked.text.reveal().to_owned(), asked.prompt.text.clone());
    let sealed = SealedText { v: 1, sql, bindings, prompt, under: Some(under) };
    let bytes = serde_json::to_vec(&sealed).map_err(|_| broken())?;
    encrypt(key, exchange.to_string().as_bytes(), bytes)
}

/// Opens what [`seal`] sealed.
///
/// # Errors
/// A fault of the keys when it was altered, belongs to another exchange, or the key is gone.
pub fn unseal(key: &[u8; 32], exchange: ExchangeId, object: &[u8]) -> Result<SealedText, Fault> {
    let clear = decrypt(key, exchange.to_string().as_bytes(), object)?;
    serde_json::from_slice(&clear).map_err(|_| not_opened())
}

/// AES-256-GCM: 12 bytes of nonce, the ciphertext and its tag.
pub(crate) fn encrypt(key: &[u8; 32], belongs_to: &[u8], plain: Vec<u8>) -> Result<Vec<u8>, Fault> {
    let broken = || Fault::lasting(Origin::Keys, "the exact text could not be sealed");
    let mut bytes = plain;
    let cipher = RandomizedNonceKey::new(&AES_256_GCM, key).map_err(|_| broken())?;
    let nonce = cipher.seal_in_place_append_tag(Aad::from(belongs_to), &mut bytes).map_err(|_| broken())?;
    let mut object = nonce.as_ref().to_vec();
    object.append(&mut bytes);
    Ok(object)
}

/// What [`encrypt`] has made.
pub(crate) fn decrypt(key: &[u8; 32], belongs_to: &[u8], object: &[u8]) -> Result<Vec<u8>, Fault> {
    let (nonce, ciphertext) = object.split_at_checked(12).ok_or_else(not_opened)?;
    let nonce: [u8; 12] = nonce.try_into().map_err(|_| not_opened())?;
    let cipher = RandomizedNonceKey::new(&AES_256_GCM, key).map_err(|_| not_opened())?;
    let mut bytes = ciphertext.to_vec();
    let clear = cipher
        .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(belongs_to), &mut bytes)
        .map_err(|_| not_opened())?;
    Ok(clear.to_vec())
}

fn not_opened() -> Fault {
    Fault::lasting(Origin::Keys, "the sealed text cannot be opened")
}

fn bytes_of(tag: &[u8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.iter_mut().zip(tag).for_each(|(to, from)| *to = *from);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{Binding, Context, Credential, Door, Prompt, PromptGrade, SqlText};

    fn asked(sql: &str) -> Asked {
        Asked {
            door: Door::SqlApi,
            credential: Credential::new(String::new()),
            conversation: None,
            request: None,
            text: SqlText::new(sql),
            bindings: [(1, Binding { kind: "TEXT".into(), value: Some("a".into()) })].into(),
            context: Context::default(),
            statement_count: 1,
            parameters: BTreeMap::new(),
            timeout: None,
            prompt: Prompt { text: Some("why".into()), grade: PromptGrade::P1 },
            clues: Default::default(),
        }
    }

    fn exchange(number: u32) -> ExchangeId {
        format!("{}/{number}", "a".repeat(32)).parse().unwrap()
    }

    #[test]
    fn what_is_sealed_opens_under_its_key_for_its_exchange_alone() {
        let object = seal(&[1; 32], exchange(1), &asked("select 1")).unwrap();
        let opened = unseal(&[1; 32], exchange(1), &object).unwrap();
        assert_eq!((opened.sql.as_str(), opened.prompt.as_deref()), ("select 1", Some("why")));
        assert!(unseal(&[2; 32], exchange(1), &object).is_err());
        assert!(unseal(&[1; 32], exchange(2), &object).is_err());
        let mut altered = object.clone();
        *altered.last_mut().unwrap() ^= 1;
        assert!(unseal(&[1; 32], exchange(1), &altered).is_err());
        assert!(!object.windows(8).any(|bytes| bytes == b"select 1"));
    }

    #[test]
    fn whatever_decides_what_runs_changes_the_digest() {
        let digest = |asked: &Asked| keyed_digest(&[1; 32], asked);
        let first = asked("select 1");
        let change = |change: fn(&mut Asked)| {
            let mut other = asked("select 1");
            change(&mut other);
            assert_ne!(digest(&first), digest(&other));
        };
        assert_eq!(digest(&first), digest(&asked("select 1")));
        assert_ne!(digest(&first), keyed_digest(&[2; 32], &first));
        change(|asked| asked.text = SqlText::new("select 1 "));
        change(|asked| asked.context.role = Some("R".into()));
        change(|asked| asked.context.warehouse = Some("R".into()));
        change(|asked| asked.statement_count = 0);
        change(|asked| asked.bindings.clear());
        change(|asked| asked.bindings.get_mut(&1).unwrap().value = None);
        change(|asked| drop(asked.parameters.insert("TIMEZONE".into(), "UTC".into())));
    }

    #[test]
    fn an_upstream_request_is_a_random_uuid_and_always_the_same() {
        let id = upstream_request_id(&[1; 32], exchange(1));
        assert_eq!(id, upstream_request_id(&[1; 32], exchange(1)));
        assert_ne!(id, upstream_request_id(&[1; 32], exchange(2)));
        assert_ne!(id, upstream_request_id(&[2; 32], exchange(1)));
        let text = domain::Handle::from_u128(id).to_string();
        assert_eq!(text.as_bytes()[14], b'4');
        assert!(matches!(text.as_bytes()[19], b'8' | b'9' | b'a' | b'b'), "{text}");
    }
}
