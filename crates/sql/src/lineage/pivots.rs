//! PIVOT, UNPIVOT and MATCH_RECOGNIZE.

use std::rc::Rc;

use domain::TestedHow;
use sqlparser::ast::{
    Expr, ExprWithAlias, MatchRecognizePattern, MatchRecognizeSymbol, NullInclusion, PivotValueSource,
    RowsPerMatch, TableFactor, Value as Literal,
};

use super::frame::{Env, Frame, Named, Queries};
use super::reader::Reader;
use super::relations::Inner;
use super::size::Size;
use super::value::{Derived, Output, Value};
use crate::names::fold;
use crate::parse::RESAMPLED;

impl Reader<'_> {
    /// What is left of the columns after pivoting, then one column a value and aggregate.
    pub(super) fn pivot(
        &mut self,
        factor: &TableFactor,
        inner: &Inner,
        outer: Option<&Env<'_>>,
        queries: &Queries,
    ) -> Derived {
        let TableFactor::Pivot { aggregate_functions, value_column, value_source, default_on_null, .. } =
            factor
        else {
            return Derived::default();
        };
        let frame = Frame { relations: inner.relations(), ..Frame::default() };
        let inner = &inner.derived;
        let env = Env { frame: &frame, outer, queries };
        let mut used = used_names(value_column);
        let mut is_sure = used.len() == value_column.len();
        let mut by = Value::constant();
        for column in value_column {
            let value = self.expr(column, env);
            // A value of its own column for each: whether it is there is seen.
            self.test(&value, TestedHow::Group);
            by = by.with(value);
        }
        let mut shown = Vec::new();
        for aggregate in aggregate_functions {
            let names = argument_names(&aggregate.expr);
            // Which columns an expression uses up is not written down.
            is_sure &= names.len() == 1;
            used.extend(names);
            let value = self.expr(&aggregate.expr, env);
            if let Some(default) = default_on_null {
                let default = self.expr(default, env);
                self.meet([&value, &default].into_iter());
            }
            shown.push(value.with(by.clone()));
        }
        let default = default_on_null.as_ref().map(|default| self.expr(default, env)).unwrap_or_default();
        let kept: Vec<Output> = inner
            .outputs
            .iter()
            .filter(|output| !output.name.as_deref().is_some_and(|name| used.iter().any(|used| used == name)))
            .cloned()
            .collect();
        for output in &kept {
            self.test(&output.value, TestedHow::Group);
        }
        let mut outputs = kept;
        let all = shown.into_iter().fold(default, Value::with);
        match value_source {
            PivotValueSource::List(values) => {
                // A list of values compares the column with them.
                self.test(&by, TestedHow::Predicate);
                // An alias of the aggregate becomes a part of each name.
                let is_named = matches!(aggregate_functions.as_slice(), [only] if only.alias.is_none());
                let columns = values.len().saturating_mul(aggregate_functions.len());
                if !self.may_unfold(columns) || !self.charge(columns.saturating_mul(1 + all.breadth() / 2)) {
                    return Derived::default();
                }
                for ExprWithAlias { expr, alias } in values {
                    for _ in aggregate_functions {
                        let name = match alias {
                            Some(alias) => Some(Rc::from(fold(alias))),
                            None => literal_name(expr),
                        };
                        outputs.push(Output::new(name.filter(|_| is_named), all.clone()));
                    }
                }
                let turned = turned(inner, outputs);
                Derived { is_unordered: turned.is_unordered || !is_sure, ..turned }
            }
            PivotValueSource::Any(orders) => {
                for order in orders {
                    self.order_by_expr(order, env);
                }
                self.dynamic(outputs, all, inner)
            }
            PivotValueSource::Subquery(query) => {
                let values = self.single_output(query, env);
                self.test(&values, TestedHow::Predicate);
                self.tie([&by, &values]);
                self.dynamic(outputs, all.with(values), inner)
            }
        }
    }

    /// Columns named by values: one stands for all of them, so that their count contradicts the plan unless
    /// there is one.
    fn dynamic(&mut self, mut outputs: Vec<Output>, all: Value, inner: &Derived) -> Derived {
        self.doubt("columns named by stored values");
        outputs.push(Output { is_name_from_values: true, ..Output::new(None, all) });
        // SECURITY: how many there are nobody knows, nor what stands where behind them.
        Derived { is_unordered: true, ..turned(inner, outputs) }
    }

    /// The columns that are not turned, then the name of the column turned, then its value.
    pub(super) fn unpivot(&mut self, factor: &TableFactor, inner: &Derived) -> Derived {
        let TableFactor::Unpivot { value, name, columns, null_inclusion, .. } = factor else {
            return Derived::default();
        };
        let keeps_nulls = *null_inclusion == Some(NullInclusion::IncludeNulls);
        let mut rows = Value::constant();
        let mut is_first = true;
        let mut used = Vec::new();
        for column in columns {
            let Some(ident) = single_ident(&column.expr) else {
                self.give_up("an expression in UNPIVOT");
                return Derived::default();
            };
            let of = self.column_of(inner, &ident);
            self.touch(&of);
            // Rows with NULL are left out, so that being NULL is seen: allowed of a stored column, as IS NULL is. An
            // expression can be made NULL by whatever is in it.
            if !keeps_nulls && of.bare().is_none() {
                self.test(&of, TestedHow::Predicate);
            }
            if !is_first {
                self.meet([&rows, &of].into_iter());
            }
            rows = if is_first { of } else { rows.or(of) };
            is_first = false;
            used.push(ident);
        }
        rows.is_bare = false;
        let mut outputs: Vec<Output> = inner
            .outputs
            .iter()
            .filter(|output| !output.name.as_deref().is_some_and(|name| used.iter().any(|used| used == name)))
            .cloned()
            .collect();
        let value_name = single_ident(value).map(Rc::from);
        if value_name.is_none() {
            self.give_up("an expression in UNPIVOT");
        }
        outputs.push(Output::new(Some(Rc::from(fold(name))), Value::constant()));
        outputs.push(Output::new(value_name, rows));
        Derived { copies: inner.copies.times(Size::of(columns.len())), ..turned(inner, outputs) }
    }

    /// Every measure may be any row's: what it names it shows; definitions and order are tested.
    pub(super) fn match_recognize(
        &mut self,
        factor: &TableFactor,
        inner: &Inner,
        outer: Option<&Env<'_>>,
        queries: &Queries,
    ) -> Derived {
        let TableFactor::MatchRecognize {
            partition_by,
            order_by,
            measures,
            rows_per_match,
            pattern,
            symbols,
            ..
        } = factor
        else {
            return Derived::default();
        };
        let mut relations = inner.relations();
        let inner = &inner.derived;
        if !self.charge(symbols.len().saturating_mul(1 + inner.outputs.len() / 2)) {
            return Derived::default();
        }
        // `A.price` names a column of the rows that matched A.
        let mut names: Vec<String> = pattern_names(pattern);
        names.extend(symbols.iter().map(|symbol| fold(&symbol.symbol).into_owned()));
        names.sort_unstable();
        names.dedup();
        for name in names {
            relations.push(Named::called(vec![name], Rc::clone(inner)));
        }
        let frame = Frame { relations, ..Frame::default() };
        let env = Env { frame: &frame, outer, queries };
        let mut outputs = Vec::new();
        for by in partition_by {
            let value = self.expr(by, env);
            self.test(&value, TestedHow::Group);
            outputs.push(Output::new(single_ident(by).map(Rc::from), value));
        }
        let is_resampled = symbols.iter().any(|symbol| symbol.symbol.value == RESAMPLED);
        for order in order_by {
            let value = self.order_by_expr(order, env);
            if is_resampled {
                // How many rows are put between two tells how far they are apart.
                self.test(&value, TestedHow::Shape);
            }
        }
        for symbol in symbols {
            self.predicate(&symbol.definition, env);
        }
        // What stands where among all of them is not written down.
        let has_all = matches!(rows_per_match, Some(RowsPerMatch::AllRows(_)));
        if has_all {
            outputs = inner.outputs.clone();
        }
        for measure in measures {
            let value = self.expr(&measure.expr, env).derived();
            outputs.push(Output::new(Some(Rc::from(fold(&measure.alias))), value));
        }
        let matched = inner.with_outputs(outputs);
        Derived { is_unordered: matched.is_unordered || has_all, ..matched }
    }
}

/// Other columns of the same rows. Which of them were used up nobody knows where upstream alone knows their names.
fn turned(inner: &Derived, outputs: Vec<Output>) -> Derived {
    let is_unordered = inner.is_unordered || inner.has_unsure_names();
    Derived { is_unordered, ..inner.with_outputs(outputs) }
}

/// The symbols of a pattern, which the pre-pass has written as a mere list.
fn pattern_names(pattern: &MatchRecognizePattern) -> Vec<String> {
    let listed = match pattern {
        MatchRecognizePattern::Concat(patterns) => patterns.as_slice(),
        MatchRecognizePattern::Symbol(_)
        | MatchRecognizePattern::Exclude(_)
        | MatchRecognizePattern::Permute(_)
        | MatchRecognizePattern::Group(_)
        | MatchRecognizePattern::Alternation(_)
        | MatchRecognizePattern::Repetition(..) => std::slice::from_ref(pattern),
    };
    let name = |pattern: &MatchRecognizePattern| match pattern {
        MatchRecognizePattern::Symbol(MatchRecognizeSymbol::Named(name)) => Some(fold(name).into_owned()),
        MatchRecognizePattern::Symbol(MatchRecognizeSymbol::Start | MatchRecognizeSymbol::End)
        | MatchRecognizePattern::Exclude(_)
        | MatchRecognizePattern::Permute(_)
        | MatchRecognizePattern::Concat(_)
        | MatchRecognizePattern::Group(_)
        | MatchRecognizePattern::Alternation(_)
        | MatchRecognizePattern::Repetition(..) => None,
    };
    listed.iter().filter_map(name).collect()
}

/// The name of a pivoted column: the literal as written, in quotes where it is text. None where it could be written in
/// several ways (`1.50`, `'it''s'`): upstream alone knows which one it takes.
fn literal_name(expr: &Expr) -> Option<Rc<str>> {
    let Expr::Value(literal) = expr else { return None };
    if let Literal::Number(number, _) = &literal.value {
        let is_plain =
            number.bytes().all(|b| b.is_ascii_digit()) && (number == "0" || !number.starts_with('0'));
        return is_plain.then(|| Rc::from(number.as_str()));
    }
    if let Literal::SingleQuotedString(text) = &literal.value {
        let is_plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b' '));
        is_plain.then(|| Rc::from(format!("'{text}'")))
    } else {
        None
    }
}

#[allow(clippy::wildcard_enum_match_arm, reason = "every other expression is no name")]
fn single_ident(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(ident) => Some(fold(ident).into_owned()),
        Expr::CompoundIdentifier(idents) => idents.last().map(|ident| fold(ident).into_owned()),
        Expr::Nested(inner) => single_ident(inner),
        _ => None,
    }
}

fn used_names(exprs: &[Expr]) -> Vec<String> {
    exprs.iter().filter_map(single_ident).collect()
}

/// The columns that an aggregate names bare.
fn argument_names(expr: &Expr) -> Vec<String> {
    use sqlparser::ast::{FunctionArg, FunctionArgExpr, FunctionArguments};
    let Expr::Function(function) = expr else { return Vec::new() };
    let FunctionArguments::List(list) = &function.args else { return Vec::new() };
    list.args
        .iter()
        .filter_map(|arg| {
            if let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) = arg {
                single_ident(expr)
            } else {
                None
            }
        })
        .collect()
}
