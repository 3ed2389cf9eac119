//! UNION, INTERSECT, EXCEPT, VALUES: queries whose columns are those of several.

use std::collections::HashMap;
use std::rc::Rc;

use domain::TestedHow;
use sqlparser::ast::{SetExpr, SetOperator, SetQuantifier, Values};

use super::frame::{Env, Frame, Queries};
use super::reader::Reader;
use super::size::Size;
use super::sort::Sort;
use super::stores::is_default;
use super::value::{Derived, Output, Value};

impl Reader<'_> {
    /// One side of a set operation, or a whole body.
    pub(super) fn set_expr(&mut self, body: &SetExpr, outer: Option<&Env<'_>>, queries: &Queries) -> Derived {
        // The left side is walked, not descended: unions of hundreds of queries are common.
        let mut chain = Vec::new();
        let mut left = body;
        while let SetExpr::SetOperation { left: inner, op, set_quantifier, right } = left {
            chain.push((*op, *set_quantifier, right));
            left = inner;
        }
        let mut derived = self.deeper(Derived::default(), |reader| reader.single(left, outer, queries));
        for (op, quantifier, right) in chain.into_iter().rev() {
            let right = self.deeper(Derived::default(), |reader| reader.set_expr(right, outer, queries));
            derived = self.combined(derived, op, quantifier, right);
        }
        derived
    }

    fn single(&mut self, body: &SetExpr, outer: Option<&Env<'_>>, queries: &Queries) -> Derived {
        match body {
            SetExpr::Select(select) => self.select(select, None, outer, queries),
            SetExpr::Query(query) => self.query(query, outer, queries),
            SetExpr::Values(values) => self.values(values, outer, queries),
            SetExpr::SetOperation { .. } => self.set_expr(body, outer, queries),
            SetExpr::Insert(_)
            | SetExpr::Update(_)
            | SetExpr::Delete(_)
            | SetExpr::Merge(_)
            | SetExpr::Table(_) => {
                self.give_up("a statement where a query must stand");
                Derived::default()
            }
        }
    }

    fn values(&mut self, values: &Values, outer: Option<&Env<'_>>, queries: &Queries) -> Derived {
        let frame = Frame::default();
        let env = Env { frame: &frame, outer, queries };
        let mut outputs: Vec<Output> = Vec::new();
        for row in &values.rows {
            for (at, expr) in row.content.iter().enumerate() {
                // Where no column is in sight this is none.
                let value = match outer {
                    None if is_default(expr) => Value::constant_of(Sort::Null),
                    None | Some(_) => self.expr(expr, env),
                };
                match outputs.get_mut(at) {
                    Some(output) => {
                        self.meet([&output.value, &value].into_iter());
                        output.value = std::mem::take(&mut output.value).or(value);
                    }
                    None => outputs.push(Output::named(&format!("COLUMN{}", at + 1), value)),
                }
            }
        }
        // A column of stored values beside others is no column as stored.
        let is_one_row = values.rows.len() == 1;
        outputs.iter_mut().for_each(|output| output.value.is_bare &= is_one_row);
        Derived::made(outputs, Size::of(values.rows.len()))
    }

    fn combined(
        &mut self,
        left: Derived,
        op: SetOperator,
        quantifier: SetQuantifier,
        right: Derived,
    ) -> Derived {
        let keeps_all =
            op == SetOperator::Union && matches!(quantifier, SetQuantifier::All | SetQuantifier::AllByName);
        if !keeps_all {
            self.test_each(&left, TestedHow::Group);
            self.test_each(&right, TestedHow::Group);
        }
        let mut origins = left.origins.clone();
        origins.extend(&right.origins);
        origins.sort_unstable();
        origins.dedup();
        let by_name = matches!(
            quantifier,
            SetQuantifier::ByName | SetQuantifier::AllByName | SetQuantifier::DistinctByName
        );
        let is_complete = left.is_complete && right.is_complete;
        let copies = left.copies.max(Size::of(1)).plus(right.copies.max(Size::of(1)));
        let is_unordered = left.is_unordered || right.is_unordered;
        let united = |outputs, is_complete| Derived {
            copies,
            is_unordered,
            ..Derived::new(outputs, is_complete, origins)
        };
        let is_unsure = |derived: &Derived| derived.has_unsure_names() || derived.has_cased_names();
        let has_unsure_names = by_name && (is_unsure(&left) || is_unsure(&right));
        // Each is compared with each.
        let pairs = left.outputs.len().saturating_mul(right.outputs.len());
        if has_unsure_names && (!self.charge(pairs / 8) || may_pair_unseen(&left, &right)) {
            self.doubt("a set operation by names that only upstream knows");
            let whole = self.whole(&left).with(self.whole(&right));
            let mut outputs = left.outputs;
            outputs.extend(right.outputs);
            outputs.iter_mut().for_each(|output| output.value = whole.clone());
            if !keeps_all {
                self.tie([&whole]);
            }
            return united(outputs, false);
        }
        if by_name {
            let outputs = self.matched_by_name(left.outputs, right.outputs);
            if !keeps_all {
                // Rows of both sides are compared, column by column.
                outputs.iter().for_each(|output| self.tie([&output.value]));
            }
            return united(outputs, is_complete);
        }
        if left.outputs.len() != right.outputs.len() || !is_complete {
            self.doubt("a set operation over columns that do not pair");
            let whole = self.whole(&right);
            let mut outputs = left.outputs;
            outputs
                .iter_mut()
                .for_each(|output| output.value = std::mem::take(&mut output.value).with(whole.clone()));
            if !keeps_all {
                outputs.iter().for_each(|output| self.tie([&output.value]));
            }
            return united(outputs, false);
        }
        if is_unordered {
            // Which columns pair nobody knows: each with any of the other side.
            let whole = self.whole(&right);
            let mut outputs = left.outputs;
            for output in &mut outputs {
                output.value = std::mem::take(&mut output.value).with(whole.clone());
                if !keeps_all {
                    self.tie([&output.value]);
                }
            }
            return united(outputs, is_complete);
        }
        for (left, right) in left.outputs.iter().zip(&right.outputs) {
            self.meet([&left.value, &right.value].into_iter());
            if !keeps_all {
                self.tie([&left.value, &right.value]);
            }
        }
        let outputs = left
            .outputs
            .into_iter()
            .zip(right.outputs)
            .map(|(left, right)| Output { value: left.value.or(right.value), ..left })
            .collect();
        united(outputs, is_complete)
    }

    /// The columns of both sides, those of one name made one.
    fn matched_by_name(&mut self, left: Vec<Output>, right: Vec<Output>) -> Vec<Output> {
        let mut places: HashMap<Rc<str>, usize> = HashMap::new();
        for (place, output) in left.iter().enumerate() {
            if let Some(name) = &output.name {
                places.entry(Rc::clone(name)).or_insert(place);
            }
        }
        let mut outputs = left;
        for output in right {
            let place = output.name.as_ref().and_then(|name| places.get(name));
            match place.and_then(|place| outputs.get_mut(*place)) {
                Some(here) => {
                    self.meet([&here.value, &output.value].into_iter());
                    here.value = std::mem::take(&mut here.value).or(output.value);
                }
                None => outputs.push(output),
            }
        }
        outputs
    }
}

/// Whether the two sides may have a column in common whose name only upstream knows.
fn may_pair_unseen(left: &Derived, right: &Derived) -> bool {
    left.outputs.iter().any(|one| {
        let paired = |other: &&Output| one.is_sure() && other.is_sure() && one.name == other.name;
        right.outputs.iter().filter(|other| !paired(other)).any(|other| one.may_share_name(other))
    })
}
