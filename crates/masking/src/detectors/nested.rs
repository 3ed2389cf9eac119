//! What is found in JSON.

use super::*;

const TEXT: domain::SqlType = domain::SqlType::Text { length: 1 << 20 };

fn masked(text: &str, kind: domain::SqlType) -> Option<String> {
    let keys = crate::TokenKeys::new([0; 32]);
    let treatment = domain::Treatment::Scan;
    crate::mask_value(&treatment, &kind, Some(text), &keys, &Detectors::standard(), "PAYLOAD")
        .map(std::borrow::Cow::into_owned)
}

/// Masks a VARIANT.
#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(masked(text, domain::SqlType::Variant).as_deref(), Some(expected));
}

/// Masks a VARCHAR.
#[track_caller]
fn check_text(text: &str, expected: &str) {
    assert_eq!(masked(text, TEXT).as_deref(), Some(expected));
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
}

#[test]
fn what_is_nearly_json_is_walked_by_its_keys() {
    for (text, expected) in [
        (r#"[{"full_name":"Ana Lopez"},undefined]"#, r#"[{"full_name":"[PERSON]"},undefined]"#),
        (
            r#"{"full_name":"Ana Lopez","x":NaN,"y":-Infinity}"#,
            r#"{"full_name":"[PERSON]","x":NaN,"y":-Infinity}"#,
        ),
        (r#"{"first_name":"Ana","x":"\ud83d"}"#, r#"{"first_name":"[PERSON]","x":"\ud83d"}"#),
        ("\u{feff}{\"full_name\":\"Ana Lopez\"}", "\u{feff}{\"full_name\":\"[PERSON]\"}"),
        (r#"{"full_name":"Ana Lopez","x":[1,],}"#, r#"{"full_name":"[PERSON]","x":[1,],}"#),
        (
            "{\"first_name\":\"Ana\"}\n{\"first_name\":\"Bob\"}",
            "{\"first_name\":\"[PERSON]\"}\n{\"first_name\":\"[PERSON]\"}",
        ),
        ("{'full_name': 'Ana Lopez', 'ok': True}", "{'full_name': \"[PERSON]\", 'ok': True}"),
        (
            "{full_name=Ana Lopez, address=1 Main St, Rome, n=1}",
            "{full_name=[PERSON], address=[ADDRESS], n=1}",
        ),
        ("{\"full_name\":\"Ana\tLopez\",\"x\":0x1F}", "{\"full_name\":\"[PERSON]\",\"x\":0x1F}"),
        (r#"{"full_name":"Ana \x Lopez","a":,"b":01}"#, r#"{"full_name":"[PERSON]","a":,"b":01}"#),
    ] {
        check(text, expected);
        check_text(text, expected);
    }
    check_text(r#"{"id":7,"full_name":"Ana Lo"#, r#"{"id":7,"full_name":"[PERSON]""#);
    check_text(
        r#"{"full_name":"Ana Lopez","dob" and ssn 536-22-1234"#,
        r#"{"full_name":"[PERSON]","dob" and ssn [US_SSN]"#,
    );
    for text in
        ["[INFO] started", "{name} and {phone}", "[a] (b) [c]", "{{full_name}}", "[1] see [2]", "{a:b}, {c"]
    {
        check_text(text, text);
    }
    check_text("[ssn] 536221234", "[ssn] [US_SSN]");
    check_text("[phone, 4155552671]", "[phone, [PHONE]]");
}

#[test]
fn a_key_that_says_nothing_leaves_a_number_what_it_is() {
    check(
        r#"{"ssn":{"current":"536221234","old":["536221235"]}}"#,
        r#"{"ssn":{"current":"[US_SSN]","old":["[US_SSN]"]}}"#,
    );
    check(
        r#"{"phone":{"home":"4155550100","work":"4155550101"}}"#,
        r#"{"phone":{"home":"[PHONE]","work":"[PHONE]"}}"#,
    );
    check(
        r#"{"phones":[{"kind":"home","n":"4155550100"}]}"#,
        r#"{"phones":[{"kind":"home","n":"[PHONE]"}]}"#,
    );
    check(r#"{"dob":{"year":1980,"month":2}}"#, r#"{"dob":{"year":null,"month":null}}"#);
    check(
        r#"{"home_location":{"type":"Point","coordinates":[-122.35123,37.55123]}}"#,
        r#"{"home_location":{"type":"Point","coordinates":[null,null]}}"#,
    );
    stays(r#"{"phone":{"model":"iPhone 12","count":12345678,"country":"DE"}}"#);
    stays(r#"{"location":{"type":"Point","coordinates":[-122.35123,37.55123]}}"#);
    check_text("id,full_name\n1,Ana Lopez", "id,full_name\n1,[PERSON]");
}

#[test]
fn what_holds_nobody_knows_what_is_hidden() {
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for text in ["{broken ana@example.com", "{\"a\":1", "[1}", "\"a\" b", "{\"a\" 1}", &deep] {
        assert_eq!(masked(text, domain::SqlType::Variant), None, "{text}");
    }
    assert_eq!(masked(&deep, TEXT), None);
    // Plain scalars are texts.
    stays("hello world");
    stays("POINT(1 2)");
    check("see ana@example.com", "see [EMAIL]");
}

#[test]
fn documents_within_texts_are_walked_by_their_keys() {
    for (text, expected) in [
        (
            r#"{"a":"{\"full_name\":\"Ana Lopez\",\"n\":1}"}"#,
            r#"{"a":"{\"full_name\":\"[PERSON]\",\"n\":1}"}"#,
        ),
        (r#"{"a":"x {\"full_name\":\"Ana\"} y"}"#, r#"{"a":"x {\"full_name\":\"[PERSON]\"} y"}"#),
        (r#"{"a":"{'full_name': 'Ana Lopez'}"}"#, r#"{"a":"{'full_name': \"[PERSON]\"}"}"#),
        (r#""{\"full_name\":\"Ana Lopez\"}""#, r#""{\"full_name\":\"[PERSON]\"}""#),
        (r#"{"a":"{\"ok\":\"it's\"}"}"#, r#"{"a":"{\"ok\":\"it's\"}"}"#),
    ] {
        check(text, expected);
        check_text(text, expected);
    }
    for (text, expected) in [
        (r#"payload: {"full_name":"Ana Lopez"} end"#, r#"payload: {"full_name":"[PERSON]"} end"#),
        (
            r#"a@b.co {"full_name":"Ana"}, {"city": "x"} call 415-555-2671"#,
            r#"[EMAIL] {"full_name":"[PERSON]"}, {"city": "x"} call [PHONE]"#,
        ),
        (r#"msg="{\"full_name\":\"Ana\"}" ok"#, r#"msg="{\"full_name\":\"[PERSON]\"}" ok"#),
        (r#"[INFO] {"full_name":"Ana Lopez"}"#, r#"[INFO] {"full_name":"[PERSON]"}"#),
        (r#"if (a) { "b" } it's {'x"#, r#"if (a) { "b" } it's {'x"#),
    ] {
        check_text(text, expected);
    }
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
