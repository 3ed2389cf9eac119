//! What SHOW and DESCRIBE look at, told from their words: names, types and comments of what may not be read are not told
//! by this door either.

use domain::{Class, Context, ObjectName};

use crate::class::{View, kind_of_object, names_alone};
use crate::lexer::{Lexeme, decode_string, significant};
use crate::mentions::plain_name;
use crate::names::{Named, Namespace};

/// What a statement looks at besides what its session has in use.
#[derive(Default, PartialEq, Eq, Debug)]
pub(crate) struct Looked {
    pub at: Vec<ObjectName>,
    /// Whether it is named by what the text does not tell.
    pub is_hidden: bool,
}

/// What lies in no database, so that IN ACCOUNT says nothing more.
const OF_ACCOUNT: [&str; 12] = [
    "show_databases",
    "show_warehouses",
    "show_roles",
    "show_users",
    "show_parameters",
    "show_integrations",
    "show_shares",
    "show_connections",
    "show_regions",
    "show_locks",
    "show_transactions",
    "show_network_policies",
];
/// What a name alone behind IN is a table of, or a view.
const OF_TABLES: [&str; 5] =
    ["show_columns", "show_primary_keys", "show_unique_keys", "show_imported_keys", "show_exported_keys"];

/// What a SHOW or DESCRIBE of that kind looks at.
pub(crate) fn looked_at(view: View<'_>, kind: &str, context: &Context) -> Looked {
    let mut finder = Finder { view, kind, context, looked: Looked::default() };
    if view.is(0, "SHOW") {
        (2..view.tokens.len())
            .filter(|at| view.is_any(*at, &["IN", "ON"]))
            .for_each(|at| finder.scope(at + 1));
    } else if names_alone(view) {
        finder.note(Named::Objects, 1);
    } else {
        finder.object(1);
    }
    finder.looked
}

struct Finder<'a> {
    view: View<'a>,
    kind: &'a str,
    context: &'a Context,
    looked: Looked,
}

impl Finder<'_> {
    /// Behind IN or ON: the account, a kind of object and its name, or a name alone.
    fn scope(&mut self, at: usize) {
        let view = self.view;
        if view.is(at, "ACCOUNT") && self.ends_scope(at + 1) {
            if !OF_ACCOUNT.contains(&self.kind) {
                // Every database, granted or not.
                self.looked.at.push(ObjectName::new("", "", "ACCOUNT"));
            }
            return;
        }
        // Those of the session.
        if view.is_any(at, &["DATABASE", "SCHEMA", "SESSION", "TABLE"]) && self.ends_scope(at + 1) {
            return;
        }
        let is_alone = self.ends_scope(at + 1) || view.is_symbol(at + 1, ".");
        if !is_alone && !view.is(at, "IDENTIFIER") && kind_of_object(view.from(at)).is_some() {
            self.object(at);
            return;
        }
        let parts = self.name(at);
        let what = match parts.as_deref() {
            _ if OF_TABLES.contains(&self.kind) => Named::Objects,
            Some([_]) if self.kind == "show_schemas" => Named::Databases,
            Some([_] | [_, _]) => Named::Schemas,
            Some(_) | None => Named::Objects,
        };
        self.note_parts(what, parts);
    }

    /// The words for a kind of object, and its name.
    fn object(&mut self, at: usize) {
        let Some((class, length)) = kind_of_object(self.view.from(at)) else { return };
        match self.view.word(at).as_str() {
            "DATABASE" if length == 1 => self.note(Named::Databases, at + 1),
            "APPLICATION" => self.note(Named::Databases, at + length),
            "SCHEMA" => self.note(Named::Schemas, at + 1),
            // What lies in no database; nothing is shown of it in clear.
            _ if class == Class::Account => {}
            _ => self.note(Named::Objects, at + length),
        }
    }

    fn note(&mut self, what: Named, at: usize) {
        let parts = self.name(at);
        self.note_parts(what, parts);
    }

    fn note_parts(&mut self, what: Named, parts: Option<Vec<String>>) {
        let Context { database, schema, .. } = self.context;
        let namespace =
            Namespace { database: database.clone(), schema: schema.clone(), ..Namespace::default() };
        let Some(object) = parts.and_then(|parts| namespace.named(what, &parts)) else {
            self.looked.is_hidden = true;
            return;
        };
        // Whether these may be used is asked anyway, and without IN they are what is looked at.
        let is_in_use = match what {
            Named::Databases => *database == Some(object.database.clone()),
            Named::Schemas => {
                *database == Some(object.database.clone()) && *schema == Some(object.schema.clone())
            }
            Named::Objects | Named::OfAccount => false,
        };
        if !is_in_use {
            self.looked.at.push(object);
        }
    }

    /// A name as it is written, or in `IDENTIFIER('…')`.
    fn name(&self, at: usize) -> Option<Vec<String>> {
        let view = self.view;
        if !(view.is(at, "IDENTIFIER") && view.is_symbol(at + 1, "(")) {
            return plain_name(view, at).map(|(parts, _)| parts);
        }
        let token =
            view.tokens.get(at + 2).filter(|token| matches!(token.kind, Lexeme::Text | Lexeme::Dollar))?;
        let written = decode_string(token.text(view.text));
        let tokens = significant(&written).ok()?;
        let (parts, after) = plain_name(View { text: &written, tokens: &tokens }, 0)?;
        (after == tokens.len() && view.is_symbol(at + 3, ")")).then_some(parts)
    }

    /// Whether nothing is named there: the statement ends, or another clause begins.
    fn ends_scope(&self, at: usize) -> bool {
        let view = self.view;
        let next_is =
            |kind: &[Lexeme]| view.tokens.get(at + 1).is_some_and(|token| kind.contains(&token.kind));
        at >= view.tokens.len()
            || (view.is(at, "STARTS") && view.is(at + 1, "WITH"))
            || (view.is(at, "LIMIT") && next_is(&[Lexeme::Number]))
            || (view.is(at, "LIKE") && next_is(&[Lexeme::Text, Lexeme::Dollar]))
    }
}
