//! What is found in long rows of numbers.

use proptest::prelude::*;

use super::tests::{check, stays};
use super::*;

/// Values that tell themselves, each of another shape.
const VALUES: [&str; 5] =
    ["536-22-1234", "4111 1111 1111 1111", "203.0.113.7", "415-555-2671", "3782 822463 10005"];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// However many stand together, and whatever short number before them.
    #[test]
    fn no_value_of_a_list_stays(
        head in prop::sample::select(vec!["", "1", "12", "2024", "00 11 22 33 44", "9999999999999999999999999999999999999999"]),
        value in prop::sample::select(VALUES.to_vec()),
        seam in prop::sample::select(vec!["\n", "\t", "\r\n", ", "]),
        count in 1..20_usize,
    ) {
        let text = std::iter::once(head).chain(std::iter::repeat_n(value, count)).collect::<Vec<_>>().join(seam);
        let shown = Detectors::standard().redact_text(&text, "").into_owned();
        let tail = value.get(value.len() - 4..).unwrap_or_default();
        prop_assert!(!shown.contains(tail), "{} -> {}", text, shown);
    }
}

#[test]
fn an_extension_belongs_to_its_telephone() {
    check("call +1-545-880-7302x157 now", "call [PHONE] now");
    check("458.073.0215x7368", "[PHONE]");
    check("(415)555-2671x123", "[PHONE]");
    check("ssn 536-22-1234x5", "ssn [US_SSN]x5");
    stays("1920x1080, 12-34-1920x1080");
}

#[test]
fn a_secret_is_hidden_to_its_end_however_long_it_is() {
    let long = "aB3".repeat(1000);
    check(&format!("refresh_token={long} end"), "refresh_token=[SECRET] end");
    check(&format!("token: \"{long}\" end"), "token: \"[SECRET]\" end");
    check(&format!("password={long}&user=ana"), "password=[PASSWORD]&user=ana");
    check(&format!("authorization: {long}"), "authorization: [SECRET]");
}
