//! The plan that all targets mask by: a redacted text, a text of which the last four are shown, a number in bands, and
//! two columns that are shown after the detectors.

use std::sync::Arc;

use domain::{ErrorText, Limits, Mask, MaskClass, MaskRule, Obligations, SqlType, Treatment};
use masking::{AnsweredColumn, Detectors, MaskPlan, TokenKeys};

/// The columns' names.
pub const NAMES: [&str; 5] = ["SSN", "PHONE", "SALARY", "NOTE", "AT"];

/// The plan.
pub fn plan() -> Arc<MaskPlan> {
    let masked = |mask| Treatment::Mask(MaskRule { class: MaskClass::new("ssn"), mask });
    let treatments = vec![
        masked(Mask::Redact),
        masked(Mask::LastFour),
        masked(Mask::Band(1000)),
        Treatment::Scan,
        Treatment::Clear,
    ];
    let types = [
        SqlType::Text { length: 100 },
        SqlType::Text { length: 100 },
        SqlType::Fixed { precision: 10, scale: 2 },
        SqlType::Text { length: 100 },
        SqlType::TimestampNtz { scale: 9 },
    ];
    let answered: Vec<AnsweredColumn> = NAMES
        .iter()
        .zip(types)
        .map(|(name, sql_type)| AnsweredColumn {
            name: (*name).to_owned(),
            sql_type,
            is_nullable: true,
            origin: None,
        })
        .collect();
    let limits = Limits {
        rows: 1,
        bytes: 1,
        rows_if_approved: 1,
        bytes_if_approved: 1,
        at_once: 1,
        per_minute: 1,
        upstream_seconds_per_hour: 1,
        statement_seconds: 1,
        hidden_failures_per_hour: 1,
        asks_per_hour: 1,
    };
    let obligations = Obligations {
        columns: Some(treatments),
        unforeseen: masked(Mask::Redact),
        mask_column_names: false,
        error_text: ErrorText::Shown,
        limits,
    };
    let keys = TokenKeys::new([1; 32]);
    Arc::new(MaskPlan::bind(&obligations, None, &answered, &keys, &Detectors::standard()))
}

/// Whether masked values are what their masks leave.
pub fn is_masked(ssn: Option<&str>, phone: Option<&str>, salary: Option<&str>) -> bool {
    ssn.is_none_or(|ssn| ssn == "[SSN]")
        && phone.is_none_or(|phone| phone.starts_with("****") && phone.chars().count() <= 8)
        && salary.is_none_or(|salary| {
            let whole = salary.split('.').next().unwrap_or_default();
            whole.parse::<i64>().is_ok_and(|salary| salary % 1000 == 0)
        })
}
