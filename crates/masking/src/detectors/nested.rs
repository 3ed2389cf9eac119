//! What is found in JSON.

use super::*;

/// Masks a VARIANT.
#[track_caller]
fn check(text: &str, expected: &str) {
    let (keys, kind) = (crate::TokenKeys::new([0; 32]), domain::SqlType::Variant);
    let treatment = domain::Treatment::Scan;
    let shown = crate::mask_value(&treatment, &kind, Some(text), &keys, &Detectors::standard(), "PAYLOAD");
    assert_eq!(shown.as_deref(), Some(expected));
}

#[track_caller]
fn stays(text: &str) {
    check(text, text);
}

#[test]
fn json_is_masked_by_its_keys_and_stays_what_it_is() {
    check(r#"{ "a" : [1, 2.50, "x"] , "b":null }"#, r#"{ "a" : [1, 2.50, "x"] , "b":null }"#);
    check(r#"{"user":{"name":"Ana Lopez","ssn":78051120}}"#, r#"{"user":{"name":"[PERSON]","ssn":null}}"#);
    check(r#"{"product":{"name":"Cable"}}"#, r#"{"product":{"name":"Cable"}}"#);
    check(r#"{"ana@example.com":"\u0041na\u0040example.com"}"#, r#"{"[EMAIL]":"[EMAIL]"}"#);
    check(r#"[{"type":"phone","value":"4155552671"}]"#, r#"[{"type":"phone","value":"[PHONE]"}]"#);
    check(r#"{"passport":{"number":"C01X00T47"}}"#, r#"{"passport":{"number":"[PASSPORT]"}}"#);
    check(
        r#"[{"number":"4155552671","type":"phone","x":"ana@example.com"}]"#,
        r#"[{"number":"[PHONE]","type":"phone","x":"[EMAIL]"}]"#,
    );
    check(
        r#"{"a":"ana@example.com","value":"4155552671","type":"phone"}"#,
        r#"{"a":"[EMAIL]","value":"[PHONE]","type":"phone"}"#,
    );
    check(
        r#"{"value":"4155552671","more":{"type":"phone"},"type":"phone"}"#,
        r#"{"value":"4155552671","more":{"type":"phone"},"type":"phone"}"#,
    );
    check(r#"{"number":"4155552671","type":"order"}"#, r#"{"number":"4155552671","type":"order"}"#);
    check(
        r#"[{"name":"DB_PASSWORD","value":"hunter22"},{"name":"MODE","value":"hunter22"}]"#,
        r#"[{"name":"DB_PASSWORD","value":"[PASSWORD]"},{"name":"MODE","value":"hunter22"}]"#,
    );
    check(
        r#"{"password":12345678,"pin":1234,"ssn":7.8051120e7}"#,
        r#"{"password":null,"pin":null,"ssn":null}"#,
    );
    check(r#"{"a":4.111111111111111e15,"b":1.5e3}"#, r#"{"a":null,"b":1.5e3}"#);
    check("4111111111111111", "null");
    check("{broken ana@example.com", "{broken [EMAIL]");
}

#[test]
fn a_name_beside_a_value_tells_what_it_is() {
    check(r#"{"name":"ssn","value":"536221234"}"#, r#"{"name":"ssn","value":"[US_SSN]"}"#);
    check(r#"{"value":4155552671,"name":"mobile_no"}"#, r#"{"value":null,"name":"mobile_no"}"#);
    check(r#"[{"column":"dob","v":"1981-05-12"}]"#, r#"[{"column":"dob","v":"[DOB]"}]"#);
    check(
        r#"{"question":"Passport number","answer":"C01X00T47"}"#,
        r#"{"question":"Passport number","answer":"[PASSPORT]"}"#,
    );
    check(
        r#"{"docType":"PASSPORT","docNumber":"C01X00T47"}"#,
        r#"{"docType":"PASSPORT","docNumber":"[PASSPORT]"}"#,
    );
    stays(r#"{"name":"status","value":"536221234"}"#);
    stays(r#"{"name":"Social","id":536221234,"number":"4155552671","count":12345678}"#);
    stays(r#"{"title":"Phone","price":12345678,"sku":"4155552671"}"#);
}
