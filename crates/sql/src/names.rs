//! Names as Snowflake resolves them: folded, then completed from the namespace they stand in.

use std::borrow::Cow;

use domain::{FunctionName, ObjectName};
use sqlparser::ast::{self, Ident, ObjectNamePart};

/// The database and schema that unqualified names are looked up in.
#[derive(Clone, Default, Debug)]
pub(crate) struct Namespace {
    pub database: Option<String>,
    pub schema: Option<String>,
    pub search: Search,
}

/// What the names in a statement name.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) enum Named {
    /// Tables and whatever else lies in a schema.
    #[default]
    Objects,
    Schemas,
    Databases,
    /// Roles, users, warehouses and whatever else lies in no database.
    OfAccount,
}

/// Where a name without a schema is looked for.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) enum Search {
    /// In the namespace's schema alone: in the text of a view, and for what is written.
    #[default]
    Schema,
    /// There and then in PUBLIC: what Snowflake does in a query while nobody sets SEARCH_PATH.
    Path,
}

impl Namespace {
    /// The full name of an object named by these parts; a part that the session does not name is empty, so
    /// that the name matches nothing that a policy could grant.
    pub(crate) fn complete(&self, parts: &[String]) -> Option<ObjectName> {
        let database = || self.database.clone().unwrap_or_default();
        let schema = || self.schema.clone().unwrap_or_default();
        let or_public =
            |schema: &String| if schema.is_empty() { "PUBLIC".to_owned() } else { schema.clone() };
        match parts {
            [name] => Some(ObjectName::new(database(), schema(), name)),
            [schema, name] => Some(ObjectName::new(database(), or_public(schema), name)),
            [database, schema, name] => Some(ObjectName::new(database, or_public(schema), name)),
            _ => None,
        }
    }

    /// The full name of what these parts name. A schema is an object without a name of its own, a database one without a
    /// schema either, so that policy finds them where they lie; what lies in no database matches nothing that could be granted.
    pub(crate) fn named(&self, what: Named, parts: &[String]) -> Option<ObjectName> {
        match (what, parts) {
            (Named::Objects, parts) => self.complete(parts),
            (Named::Schemas, [schema]) => {
                Some(ObjectName::new(self.database.clone().unwrap_or_default(), schema, ""))
            }
            (Named::Schemas, [database, schema]) => Some(ObjectName::new(database, schema, "")),
            (Named::Databases, [database]) => Some(ObjectName::new(database, "", "")),
            (Named::OfAccount, [.., name]) => Some(ObjectName::new("", "", name)),
            // Something of another account, or a share.
            (Named::Schemas | Named::Databases | Named::OfAccount, parts) => self.complete(parts),
        }
    }

    /// Every object that these parts may name, the first that exists being meant; empty for too many parts.
    pub(crate) fn places(&self, parts: &[String]) -> Vec<ObjectName> {
        let Some(first) = self.complete(parts) else { return Vec::new() };
        let is_searched = self.search == Search::Path
            && parts.len() == 1
            && !first.schema.is_empty()
            && first.schema != "PUBLIC";
        let second = is_searched.then(|| ObjectName::new(&first.database, "PUBLIC", &first.name));
        std::iter::once(first).chain(second).collect()
    }
}

/// An identifier as Snowflake stores it: upper case unless quoted.
pub(crate) fn fold(ident: &Ident) -> Cow<'_, str> {
    match ident.quote_style {
        None if ident.value.bytes().any(|b| b.is_ascii_lowercase()) => {
            Cow::Owned(ident.value.to_ascii_uppercase())
        }
        None | Some(_) => Cow::Borrowed(&ident.value),
    }
}

/// How a name is quoted in the tree that stood as a text or a variable: `IDENTIFIER('t')`. Snowflake has no such quotes.
pub(crate) const INDIRECT: char = '`';

/// Whether the name stood as a text or a variable.
pub(crate) fn is_indirect(ident: &Ident) -> bool {
    ident.quote_style == Some(INDIRECT)
}

/// The folded parts of a name; none when a part is no plain identifier.
pub(crate) fn parts(name: &ast::ObjectName) -> Option<Vec<String>> {
    name.0
        .iter()
        .map(|part| match part {
            ObjectNamePart::Identifier(ident) => Some(fold(ident).into_owned()),
            ObjectNamePart::Function(_) => None,
        })
        .collect()
}

/// A function's name as Snowflake stores it, qualified as written, and its last part.
pub(crate) fn function_name(name: &ast::ObjectName) -> (FunctionName, String) {
    let parts: Vec<String> = name
        .0
        .iter()
        .map(|part| match part {
            // SECURITY: in quotes a name keeps its case, and `"upper"` is somebody's own function.
            ObjectNamePart::Identifier(ident) => match ident.quote_style {
                None => ident.value.to_ascii_uppercase(),
                Some(_) => ident.value.clone(),
            },
            ObjectNamePart::Function(_) => FunctionName::UNTOLD.to_owned(),
        })
        .collect();
    let last = parts.last().cloned().unwrap_or_default();
    (FunctionName::new(parts), last)
}
