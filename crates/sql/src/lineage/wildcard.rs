//! `*` and `t.*` with EXCLUDE, REPLACE, RENAME and ILIKE.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use sqlparser::ast::{
    ExcludeSelectItem, RenameSelectItem, SelectItemQualifiedWildcardKind, WildcardAdditionalOptions,
};

use super::frame::{Env, Frame};
use super::reader::Reader;
use super::value::{Naming, Output, Value};
use crate::names::{fold, parts};

impl Reader<'_> {
    /// Appends the columns of `*`; false when they are not all known.
    pub(super) fn star(
        &mut self,
        of: Option<&SelectItemQualifiedWildcardKind>,
        options: &WildcardAdditionalOptions,
        env: Env<'_>,
        outputs: &mut Vec<Output>,
    ) -> bool {
        let Some((mut columns, mut is_complete)) = self.starred(of, env) else {
            self.doubt("a `*` over nothing that is known");
            return false;
        };
        if !self.may_unfold(columns.len()) {
            return false;
        }
        if options.opt_except.is_some() || options.opt_alias.is_some() {
            self.give_up("a `*` with an option that Snowflake does not have");
        }
        if let Some(ilike) = &options.opt_ilike {
            // How letters beyond ASCII are compared, and what an expression is called, only upstream knows.
            let is_sure =
                |output: &Output| output.is_sure() && output.name.as_ref().is_none_or(|name| name.is_ascii());
            is_complete &= ilike.pattern.is_ascii() && columns.iter().all(is_sure);
            let pattern: Vec<char> = ilike.pattern.to_uppercase().chars().collect();
            let length = |output: &Output| output.name.as_ref().map_or(0, |name| name.len());
            let steps: usize = columns.iter().map(|output| 1 + pattern.len() * length(output) / 16).sum();
            if !self.charge(steps) {
                return false;
            }
            columns.retain(|output| output.name.as_deref().is_none_or(|name| like(&pattern, name)));
        }
        if let Some(exclude) = &options.opt_exclude {
            let names = match exclude {
                ExcludeSelectItem::Single(name) => std::slice::from_ref(name),
                ExcludeSelectItem::Multiple(names) => names.as_slice(),
            };
            if !self.charge(names.len().saturating_mul(columns.len()) / 8) {
                return false;
            }
            let excluded: HashSet<String> = names.iter().filter_map(|name| parts(name)?.pop()).collect();
            is_complete &= excluded.iter().all(|name| is_there(&columns, name));
            columns.retain(|output| !output.name.as_deref().is_some_and(|name| excluded.contains(name)));
        }
        if let Some(replace) = &options.opt_replace {
            if !self.charge(replace.items.len().saturating_mul(columns.len()) / 8) {
                return false;
            }
            for item in &replace.items {
                let value = self.expr(&item.expr, env);
                let name = fold(&item.column_name);
                // SECURITY: what only upstream calls so is replaced as well.
                for output in &mut columns {
                    if output.name.as_deref() == Some(&*name) && output.is_sure() {
                        output.value = value.clone();
                    } else if output.name.as_deref() == Some(&*name) || output.may_be_called(&name) {
                        output.value = std::mem::take(&mut output.value).or(value.clone());
                    }
                }
            }
        }
        if let Some(rename) = &options.opt_rename {
            let pairs = match rename {
                RenameSelectItem::Single(pair) => std::slice::from_ref(pair),
                RenameSelectItem::Multiple(pairs) => pairs.as_slice(),
            };
            if !self.charge(pairs.len().saturating_mul(columns.len()) / 8) {
                return false;
            }
            let new_names: HashMap<String, Rc<str>> = pairs
                .iter()
                .map(|pair| (fold(&pair.ident).into_owned(), Rc::from(fold(&pair.alias))))
                .collect();
            for old in new_names.keys().filter(|old| !is_there(&columns, old)).cloned().collect::<Vec<_>>() {
                columns
                    .iter_mut()
                    .filter(|output| output.may_be_called(&old))
                    .for_each(|output| output.naming = Naming::Doubtful);
            }
            for output in &mut columns {
                if let Some(new) = output.name.as_deref().and_then(|old| new_names.get(old)) {
                    output.name = Some(Rc::clone(new));
                }
            }
        }
        outputs.append(&mut columns);
        is_complete
    }

    fn starred(
        &mut self,
        of: Option<&SelectItemQualifiedWildcardKind>,
        env: Env<'_>,
    ) -> Option<(Vec<Output>, bool)> {
        let Some(kind) = of else {
            let frame = env.frame;
            self.charge(frame.relations.len() + frame.merged.len());
            return Some(frame.starred());
        };
        let parts = match kind {
            SelectItemQualifiedWildcardKind::ObjectName(name) => parts(name)?,
            SelectItemQualifiedWildcardKind::Expr(expr) => {
                let value = self.expr(expr, env);
                return Some((vec![Output::new(None, value.with(Value::unknown(Vec::new())))], false));
            }
        };
        let named = self.starred_in_sight(&parts, env)?;
        Some((named.derived.outputs.clone(), named.derived.is_complete))
    }
}

impl Reader<'_> {
    /// `* EXCLUDE …` inside an expression.
    pub(super) fn whole_star(&mut self, options: &WildcardAdditionalOptions, env: Env<'_>) -> Value {
        let mut outputs = Vec::new();
        let is_complete = self.star(None, options, env, &mut outputs);
        let outputs: Vec<Value> = outputs.into_iter().map(|output| output.value).collect();
        self.charge(outputs.iter().map(|value| 1 + value.breadth()).sum());
        let is_steady = outputs.iter().all(|value| value.is_steady);
        let all = Value { is_steady, ..Value::together(&outputs) };
        self.touch(&all);
        if is_complete { all } else { all.with(self.whole_frame(env)) }
    }
}

/// Whether a column is called that for certain, and every other for certain not.
fn is_there(columns: &[Output], name: &str) -> bool {
    columns.iter().any(|output| output.is_sure() && output.name.as_deref() == Some(name))
        && !columns.iter().any(|output| output.may_be_called(name))
}

/// Whether the name matches the pattern of `* ILIKE '…'`, which is in capitals, in any case.
fn like(pattern: &[char], name: &str) -> bool {
    let name: Vec<char> = name.to_uppercase().chars().collect();
    // One row of the usual table: which prefixes of the name the pattern so far matches.
    let mut matched: Vec<bool> = (0..=name.len()).map(|at| at == 0).collect();
    for wanted in pattern {
        let mut seen = false;
        // What stood one place before, ahead of this character of the pattern.
        let mut previous = false;
        for (at, is_matched) in matched.iter_mut().enumerate() {
            let character = at.checked_sub(1).and_then(|previous| name.get(previous));
            let here = *is_matched;
            seen |= here;
            *is_matched = match wanted {
                '%' => seen,
                '_' => previous,
                wanted => previous && character == Some(wanted),
            };
            previous = here;
        }
    }
    matched.last().copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::like;

    #[test]
    fn a_pattern_matches_as_ilike_does() {
        for (pattern, name, expected) in [
            ("%id%", "ORDER_ID", true),
            ("_d", "ID", true),
            ("id", "IDS", false),
            ("%", "", true),
            ("a%c", "ABBC", true),
        ] {
            let pattern: Vec<char> = pattern.to_uppercase().chars().collect();
            assert_eq!(like(&pattern, name), expected, "{pattern:?} {name}");
        }
    }
}

/// The names that a star gives to columns; whether a later item may use them is not written down.
pub(super) fn given_names(options: &WildcardAdditionalOptions) -> Vec<Rc<str>> {
    let renamed = match &options.opt_rename {
        Some(RenameSelectItem::Single(pair)) => std::slice::from_ref(pair),
        Some(RenameSelectItem::Multiple(pairs)) => pairs.as_slice(),
        None => &[],
    };
    let replaced = options.opt_replace.iter().flat_map(|replace| &replace.items);
    let renamed = renamed.iter().map(|pair| Rc::from(fold(&pair.alias)));
    renamed.chain(replaced.map(|item| Rc::from(fold(&item.column_name)))).collect()
}

pub(super) fn alias_given(frame: &mut Frame, options: &WildcardAdditionalOptions, columns: &[Output]) {
    let names = given_names(options);
    if names.is_empty() {
        return;
    }
    for output in columns {
        if let Some(name) = output.name.as_ref().filter(|name| names.contains(name)) {
            frame.aliases.push(Rc::clone(name), output.value.clone());
        }
    }
}
