//! The definition: what one value becomes.

use std::borrow::Cow;
use std::fmt;

use domain::{SqlType, Treatment};

use crate::cell::{CellMasker, Fate};
use crate::detectors::{Detectors, Scratch};
use crate::tokens::TokenKeys;

/// What a value in its wire spelling becomes under a treatment; none is SQL NULL, which stays NULL.
///
/// This is the definition of masking. Traversals (JSON row sets, Arrow batches) are held to it by property tests.
/// They make the column's masker once; this function makes it anew for each value.
pub fn mask_value<'a>(
    treatment: &Treatment,
    sql_type: &SqlType,
    value: Option<&'a str>,
    keys: &TokenKeys,
    detectors: &Detectors,
    column_name: &str,
) -> Option<Cow<'a, str>> {
    let value = value?;
    let mut masker = ValueMasker::new(treatment, sql_type, keys, detectors, column_name);
    match masker.masker.mask(value, &mut masker.scratch) {
        Fate::Kept => Some(Cow::Borrowed(value)),
        Fate::Nulled => None,
        Fate::Changed => Some(Cow::Owned(masker.scratch.cell)),
    }
}

/// [`mask_value`] for many values of one column: what depends on the column is made once.
pub struct ValueMasker {
    masker: CellMasker,
    scratch: Scratch,
}

impl ValueMasker {
    /// The masker of a column with that treatment, type and name.
    pub fn new(
        treatment: &Treatment,
        sql_type: &SqlType,
        keys: &TokenKeys,
        detectors: &Detectors,
        column_name: &str,
    ) -> Self {
        let masker = CellMasker::new(treatment, sql_type, keys, detectors, column_name, &[]);
        Self { masker, scratch: Scratch::default() }
    }

    /// What a value becomes.
    pub fn mask<'a>(&'a mut self, value: Option<&'a str>) -> Option<&'a str> {
        let value = value?;
        match self.masker.mask(value, &mut self.scratch) {
            Fate::Kept => Some(value),
            Fate::Nulled => None,
            Fate::Changed => Some(&self.scratch.cell),
        }
    }
}

impl fmt::Debug for ValueMasker {
    // SECURITY: the scratch holds cell values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ValueMasker(…)")
    }
}
