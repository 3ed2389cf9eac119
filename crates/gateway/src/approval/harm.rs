//! What a statement does to the objects that it touches, the worst first: whoever decides reads that first.

use recording::{Opening, StatementRecord};

/// What a statement does to what it writes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Harm {
    /// What is there is taken away or may be replaced, or nobody knows what becomes of it.
    Destroys,
    /// What is there becomes something else, or more.
    Changes,
}

impl Harm {
    /// Of this statement.
    pub fn of(statement: &StatementRecord) -> Self {
        let kind = statement.kind.as_str();
        let takes_away = ["delete", "delete_all", "truncate", "insert_overwrite", "merge", "remove", "put"]
            .contains(&kind);
        // A clone may be made in the place of what is there.
        let replaces = ["drop", "replace", "swap", "clone"].iter().any(|verb| kind.starts_with(verb));
        let is_known = ["show", "session", "transaction", "read", "write", "import", "define", "grant"]
            .contains(&statement.class.as_str());
        if takes_away || replaces || !is_known { Self::Destroys } else { Self::Changes }
    }
}

/// The objects of what waits: each that is written stands once, where the worst that becomes of it is told. All sorted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ByHarm {
    /// What is destroyed, or may be.
    pub destroyed: Vec<String>,
    /// What is changed.
    pub changed: Vec<String>,
    /// What is read, whatever else becomes of it.
    pub read: Vec<String>,
}

impl ByHarm {
    /// Of these statements.
    pub fn of(opening: &Opening) -> Self {
        let written = |harm: Harm| {
            let so = opening.statements.iter().filter(move |statement| Harm::of(statement) == harm);
            once_each(so.flat_map(|statement| &statement.writes))
        };
        let destroyed = written(Harm::Destroys);
        let mut changed = written(Harm::Changes);
        changed.retain(|name| !destroyed.contains(name));
        let read = once_each(opening.statements.iter().flat_map(|statement| &statement.reads));
        Self { destroyed, changed, read }
    }

    /// What is written, the worst first.
    pub fn written(&self) -> impl Iterator<Item = &String> {
        self.destroyed.iter().chain(&self.changed)
    }
}

fn once_each<'a>(names: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut names: Vec<String> = names.cloned().collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(class: &str, kind: &str) -> StatementRecord {
        StatementRecord {
            class: class.to_owned(),
            kind: kind.to_owned(),
            reads: Vec::new(),
            writes: vec!["DEMO.PUBLIC.ORDERS".to_owned()],
            tests: Vec::new(),
            functions: Vec::new(),
            why: None,
        }
    }

    #[test]
    fn what_takes_away_replaces_or_is_not_known_destroys() {
        for (class, kind) in [
            ("write", "delete"),
            ("write", "truncate"),
            ("write", "merge"),
            ("write", "insert_overwrite"),
            ("define", "drop_table"),
            ("define", "replace_view"),
            ("define", "clone_table"),
            ("define", "swap_table"),
            ("call", "call"),
            ("opaque", "update"),
            ("a class of later", "insert"),
        ] {
            assert_eq!(Harm::of(&statement(class, kind)), Harm::Destroys, "{class} {kind}");
        }
        for (class, kind) in [
            ("write", "insert"),
            ("write", "update"),
            ("define", "alter_table"),
            ("define", "create_table"),
            ("grant", "grant"),
        ] {
            assert_eq!(Harm::of(&statement(class, kind)), Harm::Changes, "{class} {kind}");
        }
    }
}
