//! The classes of values that a bundle knows.

use std::collections::{BTreeSet, HashMap};

use domain::{Mask, MaskClass, MaskRule, SqlType};

/// A class by its place in [`Classes`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) struct ClassId(usize);

/// The classes of one column or expression; nearly always one.
pub(crate) type ClassSet = BTreeSet<ClassId>;

impl ClassId {
    /// Classified as harmless.
    pub(crate) const PUBLIC: Self = Self(0);
    /// Nobody has classified the column, and its type is no text.
    pub(crate) const UNCLASSIFIED: Self = Self(1);
    /// Nobody has classified the column, and it holds text or JSON.
    pub(crate) const UNCLASSIFIED_TEXT: Self = Self(2);
    /// Nobody could tell which column it is, or its type is new to us.
    // INVARIANT: masked whatever policy says.
    pub(crate) const UNKNOWN: Self = Self(3);

    /// The place, for tables by class.
    pub(crate) const fn index(self) -> usize {
        self.0
    }

    /// What a column is that no pattern and no tag names.
    pub(crate) fn of_unclassified(sql_type: &SqlType) -> Self {
        match sql_type {
            SqlType::Text { .. }
            | SqlType::Binary { .. }
            | SqlType::Variant
            | SqlType::Object
            | SqlType::Array
            | SqlType::Map => Self::UNCLASSIFIED_TEXT,
            SqlType::Fixed { .. }
            | SqlType::Real
            | SqlType::DecFloat
            | SqlType::Boolean
            | SqlType::Date
            | SqlType::Time { .. }
            | SqlType::TimestampNtz { .. }
            | SqlType::TimestampLtz { .. }
            | SqlType::TimestampTz { .. }
            | SqlType::Geography
            | SqlType::Geometry
            | SqlType::Vector => Self::UNCLASSIFIED,
            SqlType::Unknown(_) => Self::UNKNOWN,
        }
    }
}

/// The classes that every bundle has, in the order of the constants of [`ClassId`], and whether they are scanned.
pub(crate) const BUILT_IN: [(&str, bool); 4] =
    [("public", false), ("unclassified", false), ("unclassified_text", true), ("unknown", false)];

/// Printed in redactions of a value that comes from columns of several classes.
pub(crate) const MIXED: &str = "mixed";

/// One class and how its values leave.
#[derive(Debug)]
struct Class {
    name: MaskClass,
    mask: Mask,
    is_scanned: bool,
}

/// Every class of a bundle, by name and by place.
#[derive(Debug)]
pub(crate) struct Classes {
    classes: Vec<Class>,
    by_name: HashMap<String, ClassId>,
}

impl Classes {
    /// The classes that every bundle has.
    pub(crate) fn built_in() -> Self {
        let mut classes = Self { classes: Vec::new(), by_name: HashMap::new() };
        for (name, is_scanned) in BUILT_IN {
            classes.add(name, Mask::Redact, is_scanned);
        }
        classes
    }

    /// Adds a class; the caller has checked that its name is free.
    pub(crate) fn add(&mut self, name: &str, mask: Mask, is_scanned: bool) {
        self.by_name.insert(name.to_owned(), ClassId(self.classes.len()));
        self.classes.push(Class { name: MaskClass::new(name), mask, is_scanned });
    }

    /// The class of that name.
    pub(crate) fn find(&self, name: &str) -> Option<ClassId> {
        self.by_name.get(name).copied()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.classes.len()
    }

    /// Its name.
    pub(crate) fn name(&self, id: ClassId) -> MaskClass {
        self.classes.get(id.0).map_or_else(|| MaskClass::new(MIXED), |class| class.name.clone())
    }

    /// Whether values of the class are free text or JSON, which detectors go over even where it may be seen.
    pub(crate) fn is_scanned(&self, id: ClassId) -> bool {
        self.classes.get(id.0).is_none_or(|class| class.is_scanned)
    }

    /// The mask that fits a stored column of this class.
    pub(crate) fn fine_mask(&self, id: ClassId) -> MaskRule {
        let mask = self.classes.get(id.0).map_or(Mask::Redact, |class| class.mask);
        MaskRule { class: self.name(id), mask }
    }

    /// The mask that fits anything made of values of these classes.
    pub(crate) fn redaction(&self, hidden: &ClassSet) -> MaskRule {
        let mut ids = hidden.iter();
        let class = match (ids.next(), ids.next()) {
            (Some(id), None) => self.name(*id),
            _ => MaskClass::new(MIXED),
        };
        MaskRule { class, mask: Mask::Redact }
    }
}
