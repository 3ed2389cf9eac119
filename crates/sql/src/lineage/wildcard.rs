//! `*` and `t.*` with EXCLUDE, REPLACE, RENAME and ILIKE.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use sqlparser::ast::{
    ExcludeSelectItem, RenameSelectItem, SelectItemQualifiedWildcardKind, WildcardAdditionalOptions,
};

use super::reader::Reader;
use super::scope::Env;
use super::value::{Output, Value};
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
        let Some((mut columns, is_complete)) = self.starred(of, env) else {
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
            columns.retain(|output| output.name.as_deref().is_none_or(|name| like(&ilike.pattern, name)));
        }
        if let Some(exclude) = &options.opt_exclude {
            let names = match exclude {
                ExcludeSelectItem::Single(name) => std::slice::from_ref(name),
                ExcludeSelectItem::Multiple(names) => names.as_slice(),
            };
            let excluded: HashSet<String> = names.iter().filter_map(|name| parts(name)?.pop()).collect();
            columns.retain(|output| !output.name.as_deref().is_some_and(|name| excluded.contains(name)));
        }
        if let Some(replace) = &options.opt_replace {
            for item in &replace.items {
                let value = self.expr(&item.expr, env);
                let name = fold(&item.column_name);
                columns
                    .iter_mut()
                    .filter(|output| output.name.as_deref() == Some(&*name))
                    .for_each(|output| output.value = value.clone());
            }
        }
        if let Some(rename) = &options.opt_rename {
            let pairs = match rename {
                RenameSelectItem::Single(pair) => std::slice::from_ref(pair),
                RenameSelectItem::Multiple(pairs) => pairs.as_slice(),
            };
            let new_names: HashMap<String, Rc<str>> = pairs
                .iter()
                .map(|pair| (fold(&pair.ident).into_owned(), Rc::from(fold(&pair.alias))))
                .collect();
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
            let mut columns: Vec<Output> = frame
                .merged
                .iter()
                .map(|(name, value)| Output::new(Some(Rc::clone(name)), value.clone()))
                .collect();
            let merged: HashSet<&str> = frame.merged.iter().map(|(name, _)| &**name).collect();
            let mut is_complete = true;
            for named in frame.relations.iter() {
                is_complete &= named.derived.is_complete;
                let is_kept =
                    |output: &&Output| !output.name.as_deref().is_some_and(|name| merged.contains(name));
                columns.extend(named.derived.outputs.iter().filter(is_kept).cloned());
            }
            return Some((columns, is_complete));
        };
        let parts = match kind {
            SelectItemQualifiedWildcardKind::ObjectName(name) => parts(name)?,
            SelectItemQualifiedWildcardKind::Expr(expr) => {
                let value = self.expr(expr, env);
                return Some((vec![Output::new(None, value.with(Value::unknown(Vec::new())))], false));
            }
        };
        let mut here = Some(env);
        while let Some(env) = here {
            if let Some(named) = env.frame.relations.called(&parts).next() {
                return Some((named.derived.outputs.clone(), named.derived.is_complete));
            }
            here = env.outer.copied();
        }
        None
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

/// Whether the name matches the pattern of `* ILIKE '…'`, in any case.
fn like(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.to_uppercase().chars().collect();
    let name: Vec<char> = name.to_uppercase().chars().collect();
    // One row of the usual table: which prefixes of the name the pattern so far matches.
    let mut matched: Vec<bool> = (0..=name.len()).map(|at| at == 0).collect();
    for wanted in pattern {
        let before = matched.clone();
        let mut seen = false;
        for (at, is_matched) in matched.iter_mut().enumerate() {
            let previous =
                at.checked_sub(1).and_then(|previous| before.get(previous)).copied().unwrap_or(false);
            let character = at.checked_sub(1).and_then(|previous| name.get(previous));
            seen |= before.get(at).copied().unwrap_or(false);
            *is_matched = match wanted {
                '%' => seen,
                '_' => previous,
                wanted => previous && character == Some(&wanted),
            };
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
            assert_eq!(like(pattern, name), expected, "{pattern} {name}");
        }
    }
}
