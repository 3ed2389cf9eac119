//! Where the list of a FROM goes on and where it ends, told from the pieces of a text alone.

use crate::class::View;

/// The lists of names that are open where a text is read, by brackets: `FROM a, (…) b, c`.
pub(crate) struct Lists {
    /// Whether a list is open, outside all brackets and in each that is open.
    open: Vec<bool>,
    /// The word that has opened the last one.
    opened_at: usize,
}

impl Default for Lists {
    fn default() -> Self {
        Self { open: vec![false], opened_at: 0 }
    }
}

impl Lists {
    /// Words that end the list of FROM. Each is reserved: none is an alias, behind which the list goes on.
    const ENDS: [&'static str; 12] = [
        "SELECT",
        "WHERE",
        "GROUP",
        "ORDER",
        "HAVING",
        "QUALIFY",
        "UNION",
        "INTERSECT",
        "MINUS",
        "CONNECT",
        "START",
        "SET",
    ];

    /// A list begins behind the piece at that place.
    pub(crate) fn open(&mut self, at: usize) {
        self.opened_at = at;
        if let Some(open) = self.open.last_mut() {
            *open = true;
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.open.last().copied().unwrap_or_default()
    }

    /// Passes the piece at that place; answers whether another member of a list follows it.
    pub(crate) fn pass(&mut self, view: View<'_>, at: usize) -> bool {
        let is_open = self.is_open();
        if view.is_symbol(at, "(") {
            // A bracket in place of a member may hold members: `FROM (a, b)`.
            let is_member = at > 0
                && (view.is_symbol(at - 1, ",")
                    || view.is_symbol(at - 1, "(")
                    || view.is(at - 1, "JOIN")
                    || self.opened_at == at - 1);
            self.open.push(is_open && is_member);
        } else if view.is_symbol(at, ")") {
            if self.open.len() > 1 {
                self.open.pop();
            }
        } else if is_open && view.is_symbol(at, ",") {
            return true;
        } else if is_open && (view.is_symbol(at, ";") || view.is_any(at, &Self::ENDS)) {
            self.open.pop();
            self.open.push(false);
        }
        false
    }
}
