//! One column's mask, made ready once: what `mask_value` means and the machine runs.

use domain::{Mask, MaskClass, SqlType, Treatment};

use crate::actions;
use crate::detectors::{Context, Detectors, Scratch};
use crate::text::{self, JsonValues, Outcome};
use crate::tokens::{ClassKey, TokenKeys};

/// How a column's values leave.
#[derive(Clone)]
pub(crate) struct CellMasker {
    sql_type: SqlType,
    action: Action,
}

#[derive(Clone)]
enum Action {
    /// NULL, whatever it was.
    Null,
    /// The same text for every value.
    Constant(String),
    LastFour,
    /// The class's redaction stands in for what is no address.
    EmailDomain(String),
    Token(Box<ClassKey>),
    Year,
    IpNetwork,
    Band(u32),
    /// The content detectors.
    Content {
        detectors: Detectors,
        context: Context,
        /// Types whose wire spelling cannot hold anything sensitive skip the detectors, as long as the value
        /// really is so spelt.
        skips: Option<Spelling>,
        json: JsonValues,
    },
}

/// What a value of a harmless type looks like on the wire.
#[derive(Clone, Copy)]
enum Spelling {
    Number,
    /// A number that is a measurement: see [`is_measurement`].
    Measure,
    Truth,
}

/// What a mask does to a whole column, as far as that can be told without reading a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Whole<'a> {
    /// NULL, whatever it was.
    Null,
    /// This text, whatever it was.
    Constant(&'a str),
    /// As it came, as long as its spelling is that of its type.
    Kept,
    /// Each value by itself.
    Each,
}

/// A mask over numbers that are no texts: the same that [`CellMasker::mask`] makes of their spelling.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Numeric {
    /// Days since 1970-01-01.
    Year,
    /// Unscaled NUMBERs.
    Band { width: u32, precision: u8, scale: u8 },
}

/// What became of one value; a changed one lies in the scratch's `cell`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    /// Shown as it came.
    Kept,
    /// NULL now.
    Nulled,
    /// Another text now.
    Changed,
}

impl Numeric {
    /// What a number becomes; none is NULL.
    #[inline]
    pub fn mask(self, number: i128) -> Option<i128> {
        match self {
            Self::Year => actions::first_day_of_year(i64::try_from(number).ok()?).map(i128::from),
            Self::Band { width, precision, scale } => actions::band_of(number, precision, scale, width),
        }
    }
}

impl CellMasker {
    /// The masker of a column with that treatment, type and name.
    pub fn new(
        treatment: &Treatment,
        sql_type: &SqlType,
        keys: &TokenKeys,
        detectors: &Detectors,
        column_name: &str,
        stored_names: &[String],
    ) -> Self {
        let content = |is_broad| Action::content(sql_type, detectors, column_name, stored_names, is_broad);
        let action = match treatment {
            // A type that nobody knows is an encoding that nobody knows.
            _ if matches!(sql_type, SqlType::Unknown(_)) => Action::Null,
            Treatment::Clear => content(false),
            Treatment::Scan => content(true),
            Treatment::Mask(rule) => Action::by_lineage(&rule.mask, &rule.class, sql_type, keys),
        };
        Self { sql_type: sql_type.clone(), action }
    }

    /// The column's type.
    pub fn sql_type(&self) -> &SqlType {
        &self.sql_type
    }

    /// What becomes of all values alike. Traversals that read numbers and times as such, and spell them themselves,
    /// need not read a column that is [`Whole::Kept`].
    pub fn whole(&self) -> Whole<'_> {
        match &self.action {
            Action::Null => Whole::Null,
            Action::Constant(text) => Whole::Constant(text),
            Action::Content { skips: Some(Spelling::Number | Spelling::Truth), .. } => Whole::Kept,
            Action::Content { skips: None | Some(Spelling::Measure), .. }
            | Action::LastFour
            | Action::EmailDomain(_)
            | Action::Token(_)
            | Action::Year
            | Action::IpNetwork
            | Action::Band(_) => Whole::Each,
        }
    }

    /// What is made of numbers that are no texts, where the mask can be told in numbers: none where it cannot.
    pub fn in_numbers(&self) -> Option<Numeric> {
        match (&self.action, &self.sql_type) {
            (Action::Year, SqlType::Date) => Some(Numeric::Year),
            (Action::Band(width), SqlType::Fixed { precision, scale }) => {
                Some(Numeric::Band { width: *width, precision: *precision, scale: *scale })
            }
            _ => None,
        }
    }

    /// Whether lineage decided, not content.
    pub fn is_by_lineage(&self) -> bool {
        !matches!(self.action, Action::Content { .. })
    }

    /// Whether a value that is not NULL may become NULL.
    pub fn may_null(&self) -> bool {
        !matches!(self.action, Action::Content { skips: Some(Spelling::Number | Spelling::Truth), .. })
    }

    /// Whether a FLOAT is kept, told without spelling it.
    pub fn keeps_float(&self, number: f64) -> bool {
        if let Action::Content { skips: Some(Spelling::Measure), context, .. } = &self.action {
            is_measurement(number, *context)
        } else {
            false
        }
    }

    /// The type that the masked column has: the same, long enough for what the mask writes.
    pub fn masked_type(&self) -> SqlType {
        let SqlType::Text { length } = self.sql_type else {
            return self.sql_type.clone();
        };
        let at_least = |characters: usize| length.max(u64::try_from(characters).unwrap_or(length));
        let length = match &self.action {
            Action::Constant(text) => at_least(text.chars().count()),
            Action::LastFour => at_least(8),
            // `***` may stand for a single character.
            Action::EmailDomain(class) => at_least(class.chars().count()).max(length.saturating_add(2)),
            Action::Token(key) => at_least(key.token_length()),
            Action::IpNetwork => at_least(22),
            // The lower edge of a band may have a digit and a sign more than what lies in it.
            Action::Band(width) => {
                let digits = width.checked_ilog10().map_or(1, |last| u64::from(last) + 1);
                length.max(digits).saturating_add(1)
            }
            Action::Null | Action::Year | Action::Content { .. } => length,
        };
        SqlType::Text { length }
    }

    /// Masks one value that is not NULL. What was found by content is left in the scratch's `kinds`.
    pub fn mask(&self, value: &str, scratch: &mut Scratch) -> Fate {
        scratch.cell.clear();
        scratch.kinds.clear();
        let out = &mut scratch.cell;
        let done = match &self.action {
            Action::Null => None,
            Action::Constant(text) => {
                out.push_str(text);
                Some(())
            }
            Action::LastFour => {
                actions::last_four(value, out);
                Some(())
            }
            Action::EmailDomain(class) => {
                if actions::email_domain(value, out).is_none() {
                    out.push_str(class);
                }
                Some(())
            }
            Action::Token(key) => {
                key.write_token(value, out);
                Some(())
            }
            Action::Year => actions::year(&self.sql_type, value, out),
            Action::IpNetwork => actions::ip_network(value, out),
            Action::Band(width) => actions::band(&self.sql_type, value, *width, out),
            Action::Content { skips: Some(spelling), context, .. } if spelling.fits(value, *context) => {
                return Fate::Kept;
            }
            Action::Content { detectors, context, json, .. } => {
                return self.mask_by_content(detectors, *context, *json, value, scratch);
            }
        };
        if done.is_some() { Fate::Changed } else { Fate::Nulled }
    }

    fn mask_by_content(
        &self,
        detectors: &Detectors,
        context: Context,
        json: JsonValues,
        value: &str,
        scratch: &mut Scratch,
    ) -> Fate {
        let outcome = text::mask(detectors, context, json, value, scratch);
        scratch.kinds.append(&mut scratch.finder.flagged);
        match outcome {
            Outcome::Kept => return Fate::Kept,
            Outcome::Unreadable => return Fate::Nulled,
            Outcome::Changed => {}
        }
        match &self.sql_type {
            SqlType::Text { length } if is_longer(&scratch.cell, *length) => Fate::Nulled,
            SqlType::Text { .. } | SqlType::Variant | SqlType::Object | SqlType::Array | SqlType::Map => {
                Fate::Changed
            }
            SqlType::Fixed { .. }
            | SqlType::Real
            | SqlType::DecFloat
            | SqlType::Boolean
            | SqlType::Date
            | SqlType::Time { .. }
            | SqlType::TimestampNtz { .. }
            | SqlType::TimestampLtz { .. }
            | SqlType::TimestampTz { .. }
            | SqlType::Binary { .. }
            | SqlType::Geography
            | SqlType::Geometry
            | SqlType::Vector
            | SqlType::Unknown(_) => Fate::Nulled,
        }
    }
}

/// Whether a text has more than that many characters.
fn is_longer(text: &str, length: u64) -> bool {
    u64::try_from(text.len()).is_ok_and(|bytes| bytes > length)
        && u64::try_from(text.chars().count()).is_ok_and(|characters| characters > length)
}

impl Action {
    fn by_lineage(mask: &Mask, class: &MaskClass, sql_type: &SqlType, keys: &TokenKeys) -> Self {
        let is_text = matches!(sql_type, SqlType::Text { .. });
        let redacted = || format!("[{}]", class.as_str().to_uppercase());
        match mask {
            Mask::Redact if is_text => Self::Constant(redacted()),
            Mask::LastFour if is_text => Self::LastFour,
            Mask::EmailDomain if is_text => Self::EmailDomain(redacted()),
            Mask::Token if is_text => Self::Token(Box::new(keys.class(class))),
            Mask::SharedToken(epoch) if is_text => keys
                .shared_class(*epoch, class)
                .map_or_else(|| Self::Constant(redacted()), |key| Self::Token(Box::new(key))),
            Mask::IpNetwork if is_text => Self::IpNetwork,
            Mask::Year => Self::Year,
            Mask::Band(width) => match sql_type {
                SqlType::Fixed { .. } | SqlType::Real | SqlType::DecFloat | SqlType::Text { .. } => {
                    Self::Band(*width)
                }
                SqlType::Boolean
                | SqlType::Date
                | SqlType::Time { .. }
                | SqlType::TimestampNtz { .. }
                | SqlType::TimestampLtz { .. }
                | SqlType::TimestampTz { .. }
                | SqlType::Binary { .. }
                | SqlType::Variant
                | SqlType::Object
                | SqlType::Array
                | SqlType::Geography
                | SqlType::Geometry
                | SqlType::Vector
                | SqlType::Map
                | SqlType::Unknown(_) => Self::Null,
            },
            Mask::Redact
            | Mask::LastFour
            | Mask::EmailDomain
            | Mask::Token
            | Mask::SharedToken(_)
            | Mask::IpNetwork
            | Mask::Null => Self::Null,
        }
    }

    fn content(
        sql_type: &SqlType,
        detectors: &Detectors,
        column_name: &str,
        stored_names: &[String],
        is_broad: bool,
    ) -> Self {
        let (skips, json) = match sql_type {
            SqlType::Real => (Some(Spelling::Measure), JsonValues::Never),
            SqlType::Boolean => (Some(Spelling::Truth), JsonValues::Never),
            SqlType::Date
            | SqlType::Time { .. }
            | SqlType::TimestampNtz { .. }
            | SqlType::TimestampLtz { .. }
            | SqlType::TimestampTz { .. } => ((!is_broad).then_some(Spelling::Number), JsonValues::Never),
            SqlType::Variant
            | SqlType::Object
            | SqlType::Array
            | SqlType::Map
            | SqlType::Vector
            | SqlType::Geography
            | SqlType::Geometry => (None, JsonValues::Any),
            SqlType::Text { .. } if is_broad => (None, JsonValues::Containers),
            SqlType::Text { .. }
            | SqlType::Fixed { .. }
            | SqlType::DecFloat
            | SqlType::Binary { .. }
            | SqlType::Unknown(_) => (None, JsonValues::Never),
        };
        let own = Context::of_column(column_name, sql_type, is_broad).with_stored(stored_names);
        let names = stored_names.iter().map(String::as_str).chain([column_name]);
        let context = names.fold(own, |context, name| detectors.named(context, name));
        Self::Content { detectors: detectors.clone(), context, skips, json }
    }
}

/// Whether a FLOAT is no number of a card, a telephone or a person: one with a fraction, or with fewer digits than
/// those have. What the column is named counts.
fn is_measurement(number: f64, context: Context) -> bool {
    if number.is_nan() || number.is_infinite() || number.abs() >= 1e19 {
        return true;
    }
    if number.fract() != 0.0 {
        return !context.is_place();
    }
    number.abs() < 1e8 && context.topic().is_none()
}

impl Spelling {
    fn fits(self, value: &str, context: Context) -> bool {
        match self {
            // Few bytes without an exponent are a small number.
            Self::Measure
                if value.len() < 9
                    && context.topic().is_none()
                    && value.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.')) =>
            {
                true
            }
            Self::Measure => {
                Self::Number.fits(value, context)
                    && value.parse().is_ok_and(|number| is_measurement(number, context))
            }
            // Digits, sign, point, exponent, `NaN`, `inf`; the zone of a TIMESTAMP_TZ stands after a space.
            Self::Number => {
                value.len() <= 40
                    && value
                        .bytes()
                        .all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.' | b'e' | b'E' | b' '))
                    || matches!(value, "NaN" | "inf" | "-inf")
            }
            Self::Truth => matches!(value, "true" | "false" | "1" | "0" | "TRUE" | "FALSE"),
        }
    }
}
