//! What policy said, bound to what upstream answered.

use std::fmt;
use std::sync::Arc;

use domain::{ColumnRef, Mask, MaskClass, MaskRule, Obligations, OutputColumn, SqlType, Treatment};

use crate::arrow::ArrowMasker;
use crate::cell::CellMasker;
use crate::detectors::Detectors;
use crate::json::JsonMasker;
use crate::tokens::TokenKeys;

/// One column as upstream answered it.
#[derive(Clone, PartialEq, Eq)]
pub struct AnsweredColumn {
    /// Its name.
    pub name: String,
    /// Its type.
    pub sql_type: SqlType,
    /// Whether upstream says that NULL may stand in it.
    pub is_nullable: bool,
    /// The stored column that upstream says it is.
    pub origin: Option<ColumnRef>,
}

impl fmt::Debug for AnsweredColumn {
    // SECURITY: a name may be made from values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AnsweredColumn(… {})", self.sql_type.wire_name())
    }
}

/// One column as reading the statement foretold it.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct ForetoldColumn {
    /// Its name; none where the text does not tell it.
    pub name: Option<String>,
    /// What the stored columns are called, and the members of JSON, that it shows as they are: an alias hides none of it from the detectors.
    pub stored_names: Vec<String>,
}

impl fmt::Debug for ForetoldColumn {
    // SECURITY: an alias may be anything.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ForetoldColumn(… of {})", self.stored_names.len())
    }
}

/// A result's masks, one a column, bound by ordinal.
#[derive(Clone)]
pub struct MaskPlan {
    columns: Vec<OutputColumn>,
    /// The columns' names as upstream answered them.
    answered_names: Vec<String>,
    maskers: Vec<CellMasker>,
    contradiction: Option<&'static str>,
}

impl MaskPlan {
    /// Binds obligations to what upstream really answered.
    ///
    /// `foretold` are the columns that reading the statement foretold, where it could. When their number, or
    /// the number of treatments, or a foretold name differs from the answer, what was decided is about something
    /// else: every column is redacted, its name replaced, and [`contradiction`](Self::contradiction) says so.
    pub fn bind(
        obligations: &Obligations,
        foretold: Option<&[ForetoldColumn]>,
        answered: &[AnsweredColumn],
        keys: &TokenKeys,
        detectors: &Detectors,
    ) -> Self {
        // Limits and error texts are the gateway's; a new obligation must break the build here.
        let Obligations { columns: treatments, unforeseen, mask_column_names, error_text: _, limits: _ } =
            obligations;
        let contradiction = contradiction(treatments.as_deref(), foretold, answered);
        let treatments = treatments.as_deref().filter(|_| contradiction.is_none());
        let hides_names = *mask_column_names || contradiction.is_some();

        // INVARIANT: an answer that contradicts what was decided is masked, whatever policy says of columns that it
        // did not foresee.
        let masked = Treatment::Mask(MaskRule { class: MaskClass::new("masked"), mask: Mask::Redact });
        let everything = if contradiction.is_some() || treatments.is_some() { &masked } else { unforeseen };
        let (columns, maskers) = answered
            .iter()
            .enumerate()
            .map(|(ordinal, column)| {
                let treatment = treatments.map_or(everything, |all| all.get(ordinal).unwrap_or(everything));
                // A name that is made from values must not steer the detectors either: it may be anything.
                let context = if hides_names { "" } else { column.name.as_str() };
                let stored = foretold.and_then(|foretold| foretold.get(ordinal)).filter(|_| !hides_names);
                let stored = stored.map_or(&[][..], |column| &column.stored_names);
                let masker = CellMasker::new(treatment, &column.sql_type, keys, detectors, context, stored);
                let name = if hides_names {
                    format!("C{}", ordinal.saturating_add(1))
                } else {
                    detectors.redact_text(&column.name, "").into_owned()
                };
                (output_column(name, column, &masker), masker)
            })
            .unzip();
        let answered_names = answered.iter().map(|column| column.name.clone()).collect();
        Self { columns, answered_names, maskers, contradiction }
    }

    /// How an answer contradicts what was decided, without binding it: see [`bind`](Self::bind).
    pub fn contradicts(
        obligations: &Obligations,
        foretold: Option<&[ForetoldColumn]>,
        answered: &[AnsweredColumn],
    ) -> Option<&'static str> {
        contradiction(obligations.columns.as_deref(), foretold, answered)
    }

    /// The columns as the agent may know them.
    pub fn columns(&self) -> &[OutputColumn] {
        &self.columns
    }

    /// How the answer contradicts what was decided: a sentence without names or values. Worth a finding.
    pub fn contradiction(&self) -> Option<&str> {
        self.contradiction
    }

    /// A machine that masks row sets by this plan. It owns a share of the plan, so it can wait between slices and
    /// change threads.
    pub fn machine(self: &Arc<Self>) -> JsonMasker {
        JsonMasker::new(Arc::clone(self))
    }

    /// A machine that masks Arrow IPC streams by this plan.
    pub fn arrow_machine(self: &Arc<Self>) -> ArrowMasker {
        ArrowMasker::new(Arc::clone(self))
    }

    pub(crate) fn answered_names(&self) -> impl Iterator<Item = &str> {
        self.answered_names.iter().map(String::as_str)
    }

    pub(crate) fn maskers(&self) -> &[CellMasker] {
        &self.maskers
    }
}

impl fmt::Debug for MaskPlan {
    // SECURITY: names may be made from values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MaskPlan")
            .field("columns", &self.columns.len())
            .field("contradiction", &self.contradiction)
            .finish_non_exhaustive()
    }
}

fn contradiction(
    treatments: Option<&[Treatment]>,
    foretold: Option<&[ForetoldColumn]>,
    answered: &[AnsweredColumn],
) -> Option<&'static str> {
    if treatments.is_some_and(|t| t.len() != answered.len()) {
        return Some("upstream answered another number of columns than were decided on");
    }
    let foretold = foretold?;
    if foretold.len() != answered.len() {
        return Some("upstream answered another number of columns than the statement shows");
    }
    let differs = foretold
        .iter()
        .zip(answered)
        .any(|(foretold, column)| foretold.name.as_ref().is_some_and(|name| *name != column.name));
    differs.then_some("upstream answered a column under another name than the statement gives it")
}

fn output_column(name: String, answered: &AnsweredColumn, masker: &CellMasker) -> OutputColumn {
    let is_masked = masker.is_by_lineage();
    OutputColumn {
        name,
        sql_type: masker.masked_type(),
        is_nullable: answered.is_nullable || masker.may_null(),
        is_masked,
        origin: if is_masked { None } else { answered.origin.clone() },
    }
}
