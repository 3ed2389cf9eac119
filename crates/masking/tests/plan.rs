//! The columns that a plan tells of, against the values that it lets through.

#![allow(clippy::indexing_slicing, reason = "a test that cannot go on fails")]

mod common;

use common::{bind, column, masked, text, treatments, values};
use domain::{Mask, SqlType, Treatment};
use masking::{Detectors, TokenKeys, mask_value};
use proptest::prelude::*;

/// The type and nullability that are told of a column of that type under that mask.
fn told(sql_type: SqlType, mask: Mask) -> (SqlType, bool) {
    let mut answered = column("A", sql_type);
    answered.is_nullable = false;
    let plan = bind(vec![masked("ssn", mask)], &[answered]);
    let column = &plan.columns()[0];
    (column.sql_type.clone(), column.is_nullable)
}

#[test]
fn types_stay_and_lengths_follow_what_the_mask_writes() {
    let check = |length, mask, expected| {
        assert_eq!(
            told(SqlType::Text { length }, mask),
            (SqlType::Text { length: expected }, true),
            "{mask:?}"
        );
    };
    check(11, Mask::Redact, 11);
    check(3, Mask::Redact, 5);
    check(3, Mask::LastFour, 8);
    check(11, Mask::EmailDomain, 13);
    check(11, Mask::Null, 11);
    check(11, Mask::Token, 28);
    check(10, Mask::Year, 10);
    check(15, Mask::IpNetwork, 22);
    check(2, Mask::Band(1000), 5);
    check(9, Mask::Band(1000), 10);
    for sql_type in [
        SqlType::Fixed { precision: 10, scale: 2 },
        SqlType::Date,
        SqlType::TimestampTz { scale: 9 },
        SqlType::Variant,
        SqlType::Boolean,
    ] {
        for mask in [Mask::Redact, Mask::Null, Mask::Token, Mask::Year, Mask::Band(10)] {
            assert_eq!(told(sql_type.clone(), mask), (sql_type.clone(), true), "{mask:?}");
        }
    }
}

#[test]
fn a_column_in_which_something_may_be_found_may_hold_null() {
    let check = |sql_type, treatment, is_nullable| {
        let mut answered = column("A", sql_type);
        answered.is_nullable = false;
        let plan = bind(vec![treatment], &[answered]);
        assert_eq!(plan.columns()[0].is_nullable, is_nullable);
        assert_eq!(plan.columns()[0].origin.is_some(), !plan.columns()[0].is_masked);
    };
    check(text(), Treatment::Clear, true);
    check(SqlType::Fixed { precision: 38, scale: 0 }, Treatment::Clear, true);
    check(SqlType::Date, Treatment::Scan, true);
    check(SqlType::Date, Treatment::Clear, false);
    check(SqlType::Real, Treatment::Clear, true);
    check(SqlType::Boolean, Treatment::Clear, false);
    check(text(), masked("ssn", Mask::Redact), true);
    check(SqlType::Unknown("hologram".to_owned()), Treatment::Clear, true);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_value_is_longer_than_the_told_length(
        treatment in treatments(),
        length in 0_usize..40,
        value in prop_oneof![values().prop_map(Option::unwrap_or_default), "-?[0-9]{1,20}(\\.[0-9]{0,3})?"],
    ) {
        let value: String = value.chars().take(length).collect();
        let sql_type = SqlType::Text { length: length as u64 };
        let plan = bind(vec![treatment.clone()], &[column("A", sql_type.clone())]);
        let (keys, detectors) = (TokenKeys::new([3; 32]), Detectors::standard());
        let masked = mask_value(&treatment, &sql_type, Some(&value), &keys, &detectors, "A");
        let told = plan.columns()[0].sql_type.length().unwrap_or(0);
        prop_assert!(masked.is_none_or(|masked| masked.chars().count() as u64 <= told));
    }

    #[test]
    fn a_number_stays_a_number_of_its_type_or_becomes_null(
        treatment in treatments(),
        precision in 1_u8..39,
        below in 0_u8..39,
        digits in any::<i128>(),
    ) {
        let scale = below.min(precision);
        let limit = 10_i128.pow(u32::from(precision));
        let unscaled = digits % limit;
        let unit = 10_i128.pow(u32::from(scale));
        let sign = if unscaled < 0 { "-" } else { "" };
        let whole = unscaled.unsigned_abs() / unit.unsigned_abs();
        let rest = unscaled.unsigned_abs() % unit.unsigned_abs();
        let value = if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{rest:0width$}", width = usize::from(scale)) };
        let sql_type = SqlType::Fixed { precision, scale };
        let (keys, detectors) = (TokenKeys::new([3; 32]), Detectors::standard());
        let Some(masked) = mask_value(&treatment, &sql_type, Some(&value), &keys, &detectors, "A") else { return Ok(()) };
        let (whole, fraction) = masked.split_once('.').unwrap_or((&masked, ""));
        prop_assert_eq!(fraction.len(), usize::from(scale));
        let whole: i128 = whole.parse().expect("a number");
        prop_assert!(whole.unsigned_abs() < 10_u128.pow(u32::from(precision - scale)) || whole == 0);
    }
}
