//! What was decided about each result column, as records carry it.

use domain::{Mask, MaskClass, MaskRule, OutputColumn, SqlType, Treatment};
use serde::{Deserialize, Serialize};

/// A [`Treatment`] as written: `{"see":"clear"}`, `{"see":"scan"}` or
/// `{"see":"mask","class":"email","mask":"email_domain"}`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "see", rename_all = "snake_case", deny_unknown_fields)]
pub enum TreatmentRecord {
    /// Shown after the detectors.
    Clear,
    /// Shown after the detectors at their broadest.
    Scan,
    /// Masked by lineage.
    Mask {
        /// The class of values.
        class: String,
        /// The mask's word, see [`Mask::name`].
        mask: String,
    },
}

impl From<&Treatment> for TreatmentRecord {
    fn from(treatment: &Treatment) -> Self {
        match treatment {
            Treatment::Clear => Self::Clear,
            Treatment::Scan => Self::Scan,
            Treatment::Mask(rule) => {
                Self::Mask { class: rule.class.as_str().to_owned(), mask: rule.mask.name() }
            }
        }
    }
}

impl From<&TreatmentRecord> for Treatment {
    /// A mask's word that this version does not know redacts (invariant I2).
    fn from(record: &TreatmentRecord) -> Self {
        match record {
            TreatmentRecord::Clear => Self::Clear,
            TreatmentRecord::Scan => Self::Scan,
            TreatmentRecord::Mask { class, mask } => Self::Mask(MaskRule {
                class: MaskClass::new(class.clone()),
                mask: mask_named(mask).unwrap_or(Mask::Redact),
            }),
        }
    }
}

fn mask_named(name: &str) -> Option<Mask> {
    if let Some(width) = name.strip_prefix("band:") {
        return width.parse().ok().filter(|width| *width > 0).map(Mask::Band);
    }
    if let Some(epoch) = name.strip_prefix("shared_token:") {
        return epoch.parse().ok().map(Mask::SharedToken);
    }
    [Mask::Redact, Mask::LastFour, Mask::EmailDomain, Mask::Null, Mask::Token, Mask::Year, Mask::IpNetwork]
        .into_iter()
        .find(|mask| mask.name() == name)
}

/// A result column as written in closings and page headers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnRecord {
    /// The name that the agent was shown.
    pub name: String,
    /// Snowflake's lower-case wire name of the type.
    #[serde(rename = "type")]
    pub sql_type: String,
    /// Digits in all, for numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<u64>,
    /// Digits after the point or of a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<u64>,
    /// Characters or bytes at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// Whether NULL may stand in it.
    pub nullable: bool,
    /// Whether it was masked by lineage.
    pub masked: bool,
    /// Database, schema and table that it comes from, where the agent may know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<[String; 3]>,
}

impl From<&OutputColumn> for ColumnRecord {
    fn from(column: &OutputColumn) -> Self {
        let origin = column.origin.as_ref().map(|origin| {
            let object = &origin.object;
            [object.database.clone(), object.schema.clone(), object.name.clone()]
        });
        Self {
            name: column.name.clone(),
            sql_type: column.sql_type.wire_name().to_owned(),
            precision: column.sql_type.precision(),
            scale: column.sql_type.scale(),
            length: column.sql_type.length(),
            nullable: column.is_nullable,
            masked: column.is_masked,
            origin,
        }
    }
}

impl ColumnRecord {
    /// The type with its facets.
    pub fn sql_type(&self) -> SqlType {
        SqlType::from_wire(&self.sql_type, self.precision, self.scale, self.length)
    }
}
