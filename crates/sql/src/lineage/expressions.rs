//! What an expression shows, and what it tests on the way.
//!
//! The match over the parser's expressions is closed: a variant that is not named here does not compile, and
//! one that we do not understand is unknown.

use domain::TestedHow;
use sqlparser::ast::{
    BinaryOperator, DataType, DictionaryField, Expr, Query, TimezoneInfo, TypedString, UnaryOperator,
    Value as Literal,
};

use super::arguments::is_count;
use super::frame::Env;
use super::reader::Reader;
use super::size::Size;
use super::sort::Sort;
use super::value::{Certainty, Value};

impl Reader<'_> {
    /// What the expression shows.
    pub(super) fn expr(&mut self, expr: &Expr, env: Env<'_>) -> Value {
        self.deeper(Value::unknown(Vec::new()), |reader| {
            let risks = reader.risks;
            let mut value = reader.expr_here(expr, env);
            value.is_risky |= reader.risks != risks;
            if matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Value(_)) {
                reader.touch(&value);
            }
            reader.charge(value.breadth() / 2);
            match Sort::written(expr) {
                Some(sort) => Value { sort, ..value },
                None => value,
            }
        })
    }

    /// The expression decides which rows there are: conjuncts apart, so that joins are seen as joins.
    pub(super) fn predicate(&mut self, expr: &Expr, env: Env<'_>) {
        self.deeper((), |reader| reader.predicate_here(expr, env));
    }

    #[allow(clippy::wildcard_enum_match_arm, reason = "every other condition is tested as a whole")]
    fn predicate_here(&mut self, expr: &Expr, env: Env<'_>) {
        let mut expr = expr;
        loop {
            match expr {
                Expr::Nested(inner) => expr = inner,
                Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
                    self.predicate(right, env);
                    expr = left;
                }
                Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => {
                    let (left, right) = (self.expr(left, env), self.expr(right, env));
                    return self.equality(&left, &right);
                }
                Expr::InSubquery { expr, subquery, negated: false } => {
                    let left = self.expr(expr, env);
                    let right = self.single_output(subquery, env);
                    return self.equality(&left, &right);
                }
                other => {
                    let value = self.condition(other, env);
                    return self.test(&value, TestedHow::Predicate);
                }
            }
        }
    }

    /// An equality that rows must fulfil: a join where both sides are stored columns as they are.
    pub(super) fn equality(&mut self, left: &Value, right: &Value) {
        match (left.bare(), right.bare()) {
            // A stored column that is converted to be compared may fail to be.
            (Some(by), Some(with)) if left.sort.meet(right.sort).is_some() || by == with => {
                self.join(by, with)
            }
            _ => {
                self.test(left, TestedHow::Predicate);
                self.test(right, TestedHow::Predicate);
                self.tie([left, right]);
            }
        }
    }

    /// A condition that is true or not: whatever it calls compares its arguments. Of AND, OR and NOT each part is a
    /// condition by itself, and ties nothing to the others.
    pub(super) fn condition(&mut self, expr: &Expr, env: Env<'_>) -> Value {
        let value = self.expr(expr, env);
        if !is_connective(expr) {
            self.tie([&value]);
        }
        value
    }

    /// A comparison whose answer is shown: it tests both sides, and shows them a little.
    fn compared(&mut self, values: Vec<Value>) -> Value {
        self.tie(&values);
        self.connected(values)
    }

    /// Conditions made one.
    fn connected(&mut self, values: Vec<Value>) -> Value {
        let all = Value::together(&values);
        self.test(&all, TestedHow::Predicate);
        all
    }

    pub(super) fn shaped(&mut self, value: Value) -> Value {
        let value = value.derived();
        self.test(&value, TestedHow::Shape);
        value
    }

    pub(super) fn exprs<'x>(&mut self, exprs: impl IntoIterator<Item = &'x Expr>, env: Env<'_>) -> Value {
        let values: Vec<Value> = exprs.into_iter().map(|expr| self.expr(expr, env)).collect();
        Value { is_steady: values.iter().all(Value::keeps_length), ..Value::together(&values) }
    }

    fn expr_here(&mut self, expr: &Expr, env: Env<'_>) -> Value {
        match expr {
            Expr::Identifier(ident) => self.resolve(ident, env),
            Expr::CompoundIdentifier(idents) => self.resolve_qualified(idents, env),
            Expr::Nested(inner) | Expr::OuterJoin(inner) => self.expr(inner, env),
            Expr::Prior(inner) => {
                if !env.frame.is_hierarchical {
                    self.give_up("an operator where upstream may see a column");
                }
                self.expr(inner, env)
            }
            Expr::Named { expr, .. } => self.expr(expr, env),
            Expr::Collate { expr, .. } => self.expr(expr, env).made(Sort::Text),
            Expr::Value(literal) => self.literal(&literal.value, env),
            // What is written may be no such date.
            Expr::TypedString(typed) if is_moment(typed) => Value { is_risky: true, ..Value::constant() },
            // SECURITY: of every other type it is a column with an alias.
            Expr::TypedString(_) => self.not_read("a text behind the name of a type"),
            Expr::Interval(interval) => {
                let is_text = matches!(&*interval.value, Expr::Value(literal) if matches!(literal.value, Literal::SingleQuotedString(_)));
                // SECURITY: before anything but a text it is a column.
                if is_text { Value::constant() } else { self.not_read("an INTERVAL that is none") }
            }
            // `CONNECT_BY_ROOT column`; elsewhere it is a column.
            Expr::Prefixed { prefix, value }
                if env.frame.is_hierarchical && prefix.value.eq_ignore_ascii_case("CONNECT_BY_ROOT") =>
            {
                self.expr(value, env).derived()
            }
            Expr::Prefixed { .. } => self.not_read("a prefixed value"),
            Expr::JsonAccess { value, path } => self.json_access(value, path, env),
            Expr::CompoundFieldAccess { root, access_chain } => self.field_access(root, access_chain, env),
            Expr::IsNull(inner) | Expr::IsNotNull(inner) => {
                let value = self.expr(inner, env);
                if value.bare().is_some() { Value::constant() } else { self.compared(vec![value]) }
            }
            Expr::IsFalse(inner)
            | Expr::IsNotFalse(inner)
            | Expr::IsTrue(inner)
            | Expr::IsNotTrue(inner)
            | Expr::IsUnknown(inner)
            | Expr::IsNotUnknown(inner) => {
                let value = self.expr(inner, env);
                self.compared(vec![value])
            }
            Expr::IsDistinctFrom(left, right) | Expr::IsNotDistinctFrom(left, right) => {
                let values = vec![self.expr(left, env), self.expr(right, env)];
                self.compared(values)
            }
            Expr::IsJson { expr, .. } | Expr::IsNormalized { expr, .. } => {
                let value = self.expr(expr, env);
                self.compared(vec![value])
            }
            Expr::InList { expr, list, .. } => {
                let values = vec![self.expr(expr, env), self.exprs(list, env)];
                self.compared(values)
            }
            Expr::InSubquery { expr, subquery, .. } => {
                let values = vec![self.expr(expr, env), self.single_output(subquery, env)];
                self.compared(values)
            }
            Expr::InUnnest { expr, array_expr, .. } => {
                let values = vec![self.expr(expr, env), self.expr(array_expr, env)];
                self.compared(values)
            }
            Expr::Between { expr, low, high, .. } => {
                let values = vec![self.expr(expr, env), self.expr(low, env), self.expr(high, env)];
                self.compared(values)
            }
            Expr::Like { expr, pattern, escape_char, .. }
            | Expr::ILike { expr, pattern, escape_char, .. }
            | Expr::SimilarTo { expr, pattern, escape_char, .. } => {
                let mut values = vec![self.expr(expr, env), self.expr(pattern, env)];
                values.extend(escape_char.as_deref().map(|escape| self.expr(escape, env)));
                self.compared(values)
            }
            Expr::RLike { expr, pattern, .. } => {
                let values = vec![self.expr(expr, env), self.expr(pattern, env)];
                self.compared(values)
            }
            Expr::AnyOp { left, right, .. } | Expr::AllOp { left, right, .. } => {
                let values = vec![self.expr(left, env), self.expr(right, env)];
                self.compared(values)
            }
            Expr::BinaryOp { .. } => self.binary(expr, env),
            Expr::UnaryOp { op, expr } => self.unary(*op, expr, env),
            Expr::Cast { kind, expr, data_type, .. } => self.cast(kind, expr, data_type, env),
            Expr::Convert { expr, styles, .. } => {
                let value = self.expr(expr, env).with(self.exprs(styles, env));
                self.shaped(value)
            }
            Expr::AtTimeZone { timestamp, time_zone } => {
                let value = self.expr(timestamp, env).with(self.expr(time_zone, env));
                self.shaped(value)
            }
            Expr::Extract { expr, field, .. } => {
                let value = self.expr(expr, env);
                // Of a distant date there are more parts of a second than fit.
                let field = field.to_string().to_ascii_uppercase();
                let is_total =
                    !["EPOCH_NANO", "EPOCH_MICRO", "EPOCH_MILLI"].iter().any(|part| field.starts_with(part));
                if is_total { self.temporal(value) } else { self.shaped(value) }
            }
            Expr::Ceil { expr, .. } | Expr::Floor { expr, .. } => {
                let value = self.expr(expr, env);
                self.numeric(value)
            }
            Expr::Position { expr, r#in } => {
                let values = vec![self.expr(expr, env), self.expr(r#in, env)];
                self.compared(values)
            }
            Expr::Substring { expr, substring_from, substring_for, .. } => {
                let places = substring_from.iter().chain(substring_for).map(AsRef::as_ref);
                let places = self.exprs(places, env);
                // A place that depends on a value may fail when it is no number.
                let places = if places.is_constant() { places } else { self.shaped(places) };
                let is_counted = substring_from.iter().chain(substring_for).all(|place| is_count(place));
                let value = self.expr(expr, env);
                let sort = Sort::Unknown.joined_with(value.sort);
                let is_risky = value.is_risky || !is_counted;
                Value { sort, is_risky, ..value.with(places) }
            }
            Expr::Trim { expr, trim_what, trim_characters, .. } => {
                let extra = trim_what.iter().map(AsRef::as_ref).chain(trim_characters.iter().flatten());
                let extra = self.exprs(extra, env);
                self.expr(expr, env).with(extra)
            }
            Expr::Overlay { expr, overlay_what, overlay_from, overlay_for } => {
                let parts = [Some(expr), Some(overlay_what), Some(overlay_from), overlay_for.as_ref()];
                let value = self.exprs(parts.into_iter().flatten().map(AsRef::as_ref), env);
                self.shaped(value)
            }
            Expr::Function(function) => self.function(function, env),
            Expr::Case { operand, conditions, else_result, .. } => {
                let operand = operand.as_deref().map(|operand| self.expr(operand, env));
                let mut shown = Value::constant();
                let mut arms = Vec::with_capacity(conditions.len() + 1);
                for when in conditions {
                    let condition = self.condition(&when.condition, env);
                    if let Some(operand) = &operand {
                        self.tie([operand, &condition]);
                    }
                    self.test(&condition, TestedHow::Predicate);
                    shown = shown.with(condition);
                    arms.push(self.expr(&when.result, env));
                }
                if let Some(operand) = operand {
                    self.test(&operand, TestedHow::Predicate);
                    shown = shown.with(operand);
                }
                arms.extend(else_result.as_deref().map(|other| self.expr(other, env)));
                let sort = self.meet(arms.iter());
                let size = arms.iter().map(|arm| arm.size).max().unwrap_or_default();
                let is_steady = Value::are_steady(&arms);
                arms.push(shown);
                Value { sort, size, is_steady, ..Value::together(&arms) }
            }
            Expr::Exists { subquery, .. } => {
                let derived = self.subquery(subquery, env);
                // Only whether there are rows is told; what decides that is tested inside.
                if !derived.hides_columns() {
                    Value::constant()
                } else {
                    Value { certainty: Certainty::Unknown, ..Value::default() }
                }
            }
            Expr::Subquery(query) => {
                let value = self.single_output(query, env);
                let (sort, is_steady) = (value.sort, value.is_steady);
                Value { is_steady, is_risky: true, ..value.made(sort) }
            }
            Expr::GroupingSets(sets) | Expr::Cube(sets) | Expr::Rollup(sets) => {
                self.exprs(sets.iter().flatten(), env)
            }
            Expr::Tuple(exprs) => self.exprs(exprs, env),
            Expr::Array(array) => self.exprs(&array.elem, env),
            Expr::Dictionary(fields) => {
                // A key may be there twice.
                let fields =
                    self.exprs(fields.iter().map(|DictionaryField { value, .. }| value.as_ref()), env);
                Value { is_risky: true, ..fields }
            }
            Expr::Map(map) => {
                let keys = map.entries.iter().map(|entry| entry.key.as_ref());
                let values = map.entries.iter().map(|entry| entry.value.as_ref());
                let value = self.exprs(keys.chain(values), env);
                self.shaped(value)
            }
            Expr::Wildcard(_) => self.whole_frame(env),
            Expr::QualifiedWildcard(name, _) => self.whole_relation(name, env),
            Expr::Lambda(_) => self.not_read("a lambda outside a function"),
            Expr::Struct { .. } | Expr::MatchAgainst { .. } | Expr::MemberOf(_) => {
                self.not_read("an expression that Snowflake does not have")
            }
        }
    }

    /// An expression that Snowflake does not have, or that nobody understands.
    fn not_read(&mut self, why: &'static str) -> Value {
        self.give_up(why);
        Value::unknown(Vec::new())
    }

    fn literal(&mut self, literal: &Literal, env: Env<'_>) -> Value {
        let Literal::Placeholder(name) = literal else {
            let size = written_size(literal);
            return Value { size, is_steady: is_short(literal), ..Value::constant() };
        };
        if name.starts_with('?') {
            return Value::constant();
        }
        // `:1` is a bound value, as `?` is.
        if name.strip_prefix(':').is_some_and(|bound| bound.bytes().all(|b| b.is_ascii_digit())) {
            return Value::constant();
        }
        let Some(variable) = name.strip_prefix('$') else {
            // `:name` is a scripting variable: it may hold anything.
            self.doubt("a scripting variable");
            return Value::unknown(Vec::new());
        };
        if variable.bytes().all(|b| b.is_ascii_digit()) {
            return self.resolve_position(name, env);
        }
        match self.scope.variables.get(&variable.to_ascii_uppercase()) {
            Some(Some(_)) => Value::constant(),
            Some(None) | None => {
                self.doubt("a session variable that may hold stored values");
                Value::unknown(Vec::new())
            }
        }
    }

    /// A chain of operators is as deep as it is long, so the left side is walked, not descended.
    #[allow(clippy::wildcard_enum_match_arm, reason = "every other operator calculates")]
    fn binary(&mut self, expr: &Expr, env: Env<'_>) -> Value {
        let mut chain = Vec::new();
        let mut left = expr;
        while let Expr::BinaryOp { left: inner, op, right } = left {
            chain.push((op, right));
            left = inner;
        }
        let mut value = self.expr(left, env);
        // Whether the left side is made of conditions that stand for themselves.
        let mut is_connected = is_connective(left);
        for (op, right) in chain.into_iter().rev() {
            let connects = is_connecting(op);
            if connects && !is_connected {
                self.tie([&value]);
            }
            is_connected = connects;
            let right = if connects { self.condition(right, env) } else { self.expr(right, env) };
            if !self.charge(value.breadth() / 2) {
                return Value::unknown(Vec::new());
            }
            value = match op {
                BinaryOperator::StringConcat => {
                    let sort = value.sort.joined_with(right.sort);
                    let is_steady = value.keeps_length() && right.keeps_length();
                    let mixes_bytes = Sort::mixes_bytes([&value, &right]);
                    let both = value.with(right);
                    let both = if mixes_bytes { self.shaped(both) } else { both };
                    let joined = Value { sort, is_steady, ..both };
                    self.sized(joined)
                }
                BinaryOperator::And | BinaryOperator::Or | BinaryOperator::Xor => {
                    self.connected(vec![value, right])
                }
                BinaryOperator::Eq
                | BinaryOperator::NotEq
                | BinaryOperator::Lt
                | BinaryOperator::LtEq
                | BinaryOperator::Gt
                | BinaryOperator::GtEq => self.compared(vec![value, right]),
                // Arithmetic overflows, divides by zero, and converts text first.
                _ => {
                    let is_number = value.sort.is_number() && right.sort.is_number();
                    let both = value.with(right);
                    let sort = if is_number { Sort::Numeric } else { Sort::Unknown };
                    Value { sort, ..self.shaped(both) }
                }
            };
        }
        value
    }

    #[allow(clippy::wildcard_enum_match_arm, reason = "every other operator calculates")]
    fn unary(&mut self, op: UnaryOperator, expr: &Expr, env: Env<'_>) -> Value {
        if matches!(op, UnaryOperator::Not | UnaryOperator::BangNot) {
            let value = self.condition(expr, env);
            return self.connected(vec![value]);
        }
        let value = self.expr(expr, env);
        match op {
            UnaryOperator::Plus | UnaryOperator::Minus => {
                let sort = if value.sort.is_number() { value.sort } else { Sort::Unknown };
                let is_steady = value.is_steady;
                Value { sort, is_steady, ..self.numeric(value) }
            }
            _ => self.shaped(value),
        }
    }

    /// A function of dates: total over dates, but text is converted first and may fail.
    pub(super) fn temporal(&mut self, value: Value) -> Value {
        if value.sort.is_moment() { value.derived() } else { self.shaped(value) }
    }

    /// A function of numbers, likewise.
    pub(super) fn numeric(&mut self, value: Value) -> Value {
        if value.sort.is_number() { value.derived() } else { self.shaped(value) }
    }

    /// A value that the text of the statement may have made too large: then whether it fails depends on how large
    /// the stored part of it is.
    pub(super) fn sized(&mut self, value: Value) -> Value {
        if value.size.may_fail() && !value.is_constant() {
            self.test(&value, TestedHow::Shape);
        }
        value
    }

    /// The one column that a subquery in an expression answers.
    pub(super) fn single_output(&mut self, query: &Query, env: Env<'_>) -> Value {
        let derived = self.subquery(query, env);
        match (derived.is_complete, derived.outputs.as_slice()) {
            (true, [only]) => only.value.clone(),
            _ => self.whole(&derived),
        }
    }
}

/// Whether the condition is made of others that stand for themselves.
#[allow(clippy::wildcard_enum_match_arm, reason = "every other condition is one")]
fn is_connective(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) => is_connective(inner),
        Expr::BinaryOp { op, .. } => is_connecting(op),
        Expr::UnaryOp { op, .. } => matches!(op, UnaryOperator::Not | UnaryOperator::BangNot),
        _ => false,
    }
}

fn is_connecting(op: &BinaryOperator) -> bool {
    matches!(op, BinaryOperator::And | BinaryOperator::Or | BinaryOperator::Xor)
}

/// Whether it is `DATE '…'`, `TIME '…'` or `TIMESTAMP '…'`. Snowflake has no other such literals.
fn is_moment(typed: &TypedString) -> bool {
    let is_text = matches!(typed.value.value, Literal::SingleQuotedString(_));
    let (date, time, timestamp) = (
        matches!(typed.data_type, DataType::Date),
        matches!(typed.data_type, DataType::Time(None, TimezoneInfo::None)),
        matches!(typed.data_type, DataType::Timestamp(None, TimezoneInfo::None)),
    );
    is_text && (date || time || timestamp)
}

/// Whether a literal stands for no more than what people write into a query.
#[allow(clippy::wildcard_enum_match_arm, reason = "every other literal that we feed is short")]
fn is_short(literal: &Literal) -> bool {
    match literal {
        Literal::SingleQuotedString(text) => text.len() <= 64,
        Literal::DollarQuotedString(text) => text.value.len() <= 64,
        Literal::Number(digits, _) => {
            digits.len() <= 9 && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        }
        Literal::Null | Literal::Boolean(_) => true,
        _ => false,
    }
}

/// How large a literal is.
#[allow(clippy::wildcard_enum_match_arm, reason = "every other literal that we feed is small")]
fn written_size(literal: &Literal) -> Size {
    match literal {
        Literal::SingleQuotedString(text) => Size::of(text.len()),
        Literal::DollarQuotedString(text) => Size::of(text.value.len()),
        Literal::HexStringLiteral(digits) => Size::of(digits.len()),
        _ => Size::SMALL,
    }
}
