//! What names alone make of values, and what they do not.

use super::tests::{check, check_under, stays};
use super::*;

#[test]
fn what_a_name_has_in_common_with_a_persons_makes_nothing_sensitive() {
    for (name, value) in [
        ("name", "Blue Mug 12oz"),
        ("national_park", "Yosemite 1890"),
        ("plate_size", "12 x 20"),
        ("sin", "0.8660254"),
        ("street_view_url", "https://m.test/1"),
    ] {
        let text = domain::SqlType::Text { length: 100 };
        let context = Context::of_column(name, &text, true);
        assert!(!Detectors::standard().redact_into(value, context, &mut Scratch::default()), "{name}");
    }
    stays("Table 11.11.15.2");
    let binary = domain::SqlType::Binary { length: 100 };
    for (name, value) in
        [("password", "68756E74657232"), ("client_secret", "DEADBEEF"), ("full_name", "416E61")]
    {
        let context = Context::of_column(name, &binary, true);
        assert!(Detectors::standard().redact_into(value, context, &mut Scratch::default()), "{name}");
    }
}

#[test]
fn hashes_of_passwords_are_found_by_their_scheme() {
    let (salt, hash) = ("DQIDeF5wZ1a2B3c4", "N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy");
    for text in [
        format!("$2b$12${hash}"),
        format!("$6${salt}${hash}"),
        format!("$argon2id$v=19$m=65536,t=3,p=4${salt}${hash}"),
        format!("$apr1$zRJdLpb3${salt}bcdef"),
        format!("pbkdf2_sha256$600000${salt}${hash}"),
        format!("{{SSHA}}{salt}{salt}"),
    ] {
        check(&text, "[SECRET]");
        check(&format!("root:{text}:19000:0"), "root:[SECRET]:19000:0");
    }
    stays("it costs $2a$ or $5$ and $6$ a piece");
}

#[test]
fn all_that_stands_under_the_name_of_a_password_is_one() {
    let words = "abstract zero acid above abuse actor adult agent album alley amount angle";
    for name in ["seed_phrase", "recoveryPhrase", "mnemonic", "wallet_seed", "recovery words"] {
        let shown = Detectors::standard().redact_text(words, name).into_owned();
        assert!(matches!(shown.as_str(), "[SECRET]" | "[PASSWORD]"), "{name}: {shown}");
    }
    for name in ["password", "PASSPHRASE", "user_password", "pwd"] {
        check_under(name, "correct horse battery staple", "[PASSWORD]");
    }
    for name in ["password_note", "seed", "mnemonic"] {
        check_under(name, "correct horse battery staple", "correct horse battery staple");
    }
    check_under("seed", "1234567890", "1234567890");
}

#[test]
fn what_is_glued_to_letters_of_a_script_without_blanks_is_found() {
    check("ana@example.com电话13812345678", "[EMAIL]电话[PHONE]");
    check("地址AKIAIOSFODNN7EXAMPLF端口", "地址[AWS_KEY]端口");
    check("联系人手机13812345678备用电话13912345678", "联系人手机[PHONE]备用电话[PHONE]");
    check("IP地址203.0.113.77端口80", "IP地址[IP_ADDRESS]端口80");
    check("口座DE89370400440532013000です", "口座[IBAN]です");
    for text in ["第12章", "2026年11月26日", "版本1.2.3发布", "価格は1200円です", "订单A12345已发货"]
    {
        stays(text);
    }
}
