//! Calls: what they show of their arguments, what they test, and what they are.

use domain::{Class, FunctionName, TestedHow};
use sqlparser::ast::{
    DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArguments, HavingBound, Ident, ListAggOnOverflow, OrderByExpr, WindowFrame, WindowFrameBound,
    WindowSpec, WindowType,
};

use super::arguments::{self, argument};
use super::constant::constant_text;
use super::frame::Env;
use super::lambdas::{has_typed_lambda, is_lambda_arg};
use super::reader::Reader;
use super::sort::Sort;
use super::value::{Certainty, Value};
use crate::class::{Behaviour, behaviour, date_part_place, flag, is_date_part};
use crate::names::{fold, function_name};

impl Reader<'_> {
    pub(super) fn function(&mut self, function: &Function, env: Env<'_>) -> Value {
        let (full, name) = function_name(&function.name);
        let behaviour = self.call(&full, &name, function.name.0.len());
        let call = self.arguments(&name, behaviour, function, env);
        let over = self.over(function, env);
        if !is_aggregating(behaviour) && call.values.iter().any(|value| value.size.takes_time()) {
            // SECURITY: how long it takes depends on what is stored beside what the text has made large.
            self.test_if_traced(&Value::together(&call.values));
        }
        let is_harmless = behaviour == Behaviour::Total && arguments::is_harmless(&name, function);
        self.meet_arguments(&name, &call.values);
        // Of a type that the lambda tells, if it does.
        let is_typed = has_typed_lambda(function);
        let sort = if is_typed { Sort::Unknown } else { Sort::called(&name, &call.values) };
        let is_steady = arguments::keeps_size(&name, &call.values);
        let size = arguments::size(&name, function, &call.values, sort, || env.frame.copies());
        let shown = self.shown(&name, behaviour, function, call);
        let shown = if let Some(over) = over { shown.with(over) } else { shown };
        let is_repeated = !shown.is_constant() && is_swollen(env);
        let is_risky = shown.is_risky || !is_harmless || size.takes_time() || is_repeated;
        let shown = self.sized(Value { size, is_steady, is_risky, ..shown });
        match behaviour {
            Behaviour::Unknown => {
                self.doubt("a function that nobody knows");
                Value { certainty: shown.certainty.max(Certainty::Unknown), ..shown }
            }
            Behaviour::Total
            | Behaviour::Count
            | Behaviour::Aggregate
            | Behaviour::Window
            | Behaviour::Temporal
            | Behaviour::Compares
            | Behaviour::Ranks
            | Behaviour::Fallible => {
                // A part of a VARIANT is one, and the reader of paths has said so.
                let sort = if sort == Sort::Unknown { shown.sort } else { sort };
                Value { sort, ..shown }
            }
        }
    }

    /// Notes what the function is, and answers how it behaves.
    pub(super) fn call(&mut self, full: &FunctionName, name: &str, parts: usize) -> Behaviour {
        let behaviour = behaviour(name);
        if let Some(class) = flag(name) {
            self.flag(full, class);
            // What tells of objects and of types tells of nothing stored.
            return if class == Class::Show && parts == 1 { behaviour } else { Behaviour::Unknown };
        }
        // SECURITY: a qualified name is somebody's own function, whatever it is called.
        if behaviour == Behaviour::Unknown || parts > 1 {
            self.flag(full, if full.is_of_snowflake() { Class::Export } else { Class::Opaque });
            return Behaviour::Unknown;
        }
        behaviour
    }

    fn shown(&mut self, name: &str, behaviour: Behaviour, function: &Function, call: Call) -> Value {
        let Call { values, extra } = call;
        let all = |values: Vec<Value>| Value::together(&values);
        match behaviour {
            Behaviour::Count => {
                let values: Vec<Value> = values.into_iter().filter(|value| value.bare().is_none()).collect();
                let several = all(values);
                self.test(&several, TestedHow::Predicate);
                several.with(extra)
            }
            Behaviour::Aggregate | Behaviour::Window => {
                for (at, value) in values.iter().enumerate() {
                    if arguments::must_be_constant(name, at) && !value.is_constant() {
                        self.test_if_traced(value);
                    }
                    // Arithmetic over text or a VARIANT converts it first, and that may fail.
                    // A total of numbers that were made to be large overflows, or not, by what stands beside them;
                    // so does a text or an array that is put together of many.
                    let adds = behaviour == Behaviour::Aggregate && is_numeric_aggregate(name);
                    let is_total = value.is_constant() && (!adds || value.sort.is_number())
                        || match (adds, collects(name)) {
                            (true, _) => value.is_steady && value.sort.is_number(),
                            (false, true) => value.keeps_length(),
                            (false, false) => true,
                        };
                    if !is_total {
                        self.test_if_traced(value);
                    }
                }
                all(values).with(extra)
            }
            Behaviour::Temporal => {
                let is_fallible = arguments::counts_parts_of_seconds(name, function);
                let mut shown = extra;
                for value in values {
                    let value = if is_fallible { self.shaped(value) } else { self.temporal(value) };
                    shown = shown.with(value);
                }
                shown
            }
            Behaviour::Compares => {
                let count = values.len();
                let compared = values.iter().enumerate().filter(|(at, _)| compares(name, *at, count));
                self.tie(compared.map(|(_, value)| value));
                for (at, value) in values.iter().enumerate() {
                    if compares(name, at, values.len()) {
                        // Whether a stored column is NULL may be known.
                        let is_null_test = name == "NVL2" && value.bare().is_some();
                        if !is_null_test {
                            self.test(value, TestedHow::Predicate);
                        }
                    }
                }
                self.test(&extra, TestedHow::Predicate);
                all(values).with(extra)
            }
            Behaviour::Ranks => {
                for by in values.iter().skip(1) {
                    self.test(by, TestedHow::Order);
                }
                all(values).with(extra)
            }
            Behaviour::Fallible if is_total_with_constants(name, &values) => all(values).with(extra),
            Behaviour::Fallible | Behaviour::Unknown => {
                let value = all(values).with(extra);
                self.test_if_traced(&value);
                value
            }
            Behaviour::Total => self.total(name, function, values).with_extra(extra),
        }
    }

    /// A total function: what picks a place or a length must not depend on values, and paths stay paths.
    fn total(&mut self, name: &str, function: &Function, values: Vec<Value>) -> Value {
        let mut values = values;
        if matches!(name, "GET" | "GET_PATH" | "GET_IGNORE_CASE") && values.len() == 2 {
            let path = argument(function, 1).and_then(constant_text);
            let by = values.pop().unwrap_or_default();
            let from = values.pop().unwrap_or_default();
            return match path {
                Some(path) if name == "GET_PATH" => self.path_into(from, &path),
                Some(field) => self.field_of(from, &field),
                None => {
                    self.test(&by, TestedHow::Predicate);
                    from.with(by)
                }
            };
        }
        let has_format = matches!(name, "TO_VARCHAR" | "TO_CHAR") && values.len() > 1;
        let is_numeric = matches!(name, "ABS" | "ROUND" | "FLOOR" | "CEIL" | "TRUNC" | "TRUNCATE");
        // TRUNC of a date is one of its functions.
        let is_date = is_numeric && values.first().is_some_and(|value| value.sort.is_moment());
        let has_star = has_star(function);
        // An array of a type of its own converts whatever is put into it.
        let converts = values.iter().enumerate().any(|(at, value)| {
            arguments::takes_array(name, at) && !arguments::is_array_for(name, value.sort)
        });
        let joins_bytes = matches!(name, "CONCAT" | "CONCAT_WS") && Sort::mixes_bytes(&values);
        for (at, value) in values.iter().enumerate() {
            let is_total = if arguments::picks(name, at) && !has_star {
                value.is_constant()
            } else if converts || joins_bytes {
                false
            } else if has_format {
                // Any date has a text in any format; a number or a text may not fit.
                if at == 0 { value.sort.is_moment() } else { value.is_constant() }
            } else if is_numeric && !is_date {
                value.sort.is_number()
            } else {
                true
            };
            if !is_total {
                self.test_if_traced(value);
            }
        }
        Value::together(&values)
    }

    /// Tests what a function may depend on. An unknown function is flagged, so that its own uncertainty need
    /// not make the statement opaque.
    pub(super) fn test_if_traced(&mut self, value: &Value) {
        let certainty = value.certainty.min(Certainty::Unknown);
        let is_flagged = value.certainty == Certainty::Untraced;
        self.test(&Value { certainty, ..value.clone() }, TestedHow::Shape);
        if is_flagged {
            self.doubt("a value that cannot be traced to a column");
        }
    }

    /// The values of the arguments.
    fn arguments(&mut self, name: &str, behaviour: Behaviour, function: &Function, env: Env<'_>) -> Call {
        let mut call = Call::default();
        if !matches!(function.parameters, FunctionArguments::None) {
            self.give_up("a function with parameters");
        }
        if let Some(filter) = &function.filter {
            self.predicate(filter, env);
        }
        for order in &function.within_group {
            if matches!(name, "PERCENTILE_CONT" | "PERCENTILE_DISC") {
                // What it orders by is what it picks from.
                call.values.push(self.expr(&order.expr, env));
                continue;
            }
            let by = self.order_by_expr(order, env);
            call.extra = std::mem::take(&mut call.extra).with(by);
        }
        let list = match &function.args {
            FunctionArguments::None => return call,
            FunctionArguments::Subquery(query) => {
                // It fails where it answers several rows.
                call.values.push(Value { is_risky: true, ..self.single_output(query, env) });
                return call;
            }
            FunctionArguments::List(list) => list,
        };
        let is_distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
        // The body of a lambda sees the elements of all the others, wherever it stands.
        let takes_first = matches!(name, "COALESCE" | "NVL" | "IFNULL");
        // What stood before is gathered once for each argument, not anew for every later one.
        let mut not_tested = Value::constant();
        for is_lambda in [false, true] {
            for (at, arg) in list.args.iter().enumerate().filter(|(_, arg)| is_lambda_arg(arg) == is_lambda) {
                let value = self.argument_value(name, at, (arg, is_distinct), &call.values, env);
                // SECURITY: an argument that is not needed may never run: whether it could fail tells whether those before it
                // are NULL. Of a stored column that may be known.
                if takes_first && value.is_risky {
                    let before = std::mem::take(&mut not_tested);
                    self.test_if_traced(&before);
                }
                if takes_first && value.bare().is_none() {
                    self.charge(not_tested.breadth() / 2);
                    not_tested = not_tested.with(value.clone());
                }
                call.values.push(value);
            }
        }
        for clause in &list.clauses {
            let value = self.clause(clause, env);
            call.extra = std::mem::take(&mut call.extra).with(value);
        }
        // Of an aggregate only what it answers depends on it, and that shows the column.
        let is_inside = matches!(behaviour, Behaviour::Count | Behaviour::Aggregate);
        if is_distinct && !is_inside {
            let all = Value::together(&call.values);
            self.test(&all, TestedHow::Group);
        }
        call
    }

    fn argument_value(
        &mut self,
        name: &str,
        at: usize,
        (arg, is_distinct): (&FunctionArg, bool),
        before: &[Value],
        env: Env<'_>,
    ) -> Value {
        let inner = match arg {
            FunctionArg::Named { arg, .. }
            | FunctionArg::ExprNamed { arg, .. }
            | FunctionArg::Unnamed(arg) => arg,
        };
        match inner {
            FunctionArgExpr::Expr(Expr::Identifier(ident)) if self.is_part_of_date(name, at, ident, env) => {
                Value::constant()
            }
            FunctionArgExpr::Expr(Expr::Lambda(lambda)) => {
                if !self.charge(before.iter().map(|value| 1 + value.breadth()).sum()) {
                    return Value::unknown(Vec::new());
                }
                let elements = Value::together(before);
                let body = self.lambda(lambda, elements, env);
                if name != "TRANSFORM" {
                    self.test(&body, TestedHow::Predicate);
                }
                body
            }
            FunctionArgExpr::Expr(expr) => self.expr(expr, env),
            FunctionArgExpr::QualifiedWildcard(relation) => {
                if behaviour(name) == Behaviour::Count {
                    self.counted_relation(relation, env)
                } else {
                    self.whole_relation(relation, env)
                }
            }
            // `COUNT(*)` counts rows, whatever they hold.
            FunctionArgExpr::Wildcard if name == "COUNT" && !is_distinct => Value::constant(),
            FunctionArgExpr::Wildcard => {
                if behaviour(name) == Behaviour::Count {
                    self.counted_frame(env)
                } else {
                    self.whole_frame(env)
                }
            }
            FunctionArgExpr::WildcardWithOptions(options) => self.whole_star(options, env),
        }
    }

    /// Whether the name means a part of a date here: always where nothing else may stand (`DATEADD(day, …)`),
    /// elsewhere only if it means no column. DATE_TRUNC may take its arguments in either order.
    fn is_part_of_date(&mut self, name: &str, at: usize, ident: &Ident, env: Env<'_>) -> bool {
        date_part_place(name) == Some(at)
            && ident.quote_style.is_none()
            && is_date_part(&ident.value)
            && ((at == 0 && !matches!(name, "DATE_TRUNC" | "DATE_PART"))
                || self.lookup(&fold(ident), env).is_none())
    }

    fn clause(&mut self, clause: &FunctionArgumentClause, env: Env<'_>) -> Value {
        match clause {
            FunctionArgumentClause::IgnoreOrRespectNulls(_)
            | FunctionArgumentClause::Separator(_)
            | FunctionArgumentClause::JsonNullClause(_)
            | FunctionArgumentClause::JsonReturningClause(_) => Value::constant(),
            FunctionArgumentClause::Where(condition) => {
                self.predicate(condition, env);
                Value::constant()
            }
            FunctionArgumentClause::OrderBy(orders) => {
                orders.iter().fold(Value::constant(), |all, order| all.with(self.order_by_expr(order, env)))
            }
            FunctionArgumentClause::Limit(limit) => self.expr(limit, env),
            FunctionArgumentClause::OnOverflow(ListAggOnOverflow::Error) => Value::constant(),
            FunctionArgumentClause::OnOverflow(ListAggOnOverflow::Truncate { filler, .. }) => {
                filler.as_deref().map_or_else(Value::constant, |filler| self.expr(filler, env))
            }
            FunctionArgumentClause::Having(HavingBound(_, bound)) => {
                let value = self.expr(bound, env);
                self.test(&value, TestedHow::Order);
                value
            }
        }
    }

    /// What OVER adds: the value depends on what it is partitioned and ordered by.
    pub(super) fn over(&mut self, function: &Function, env: Env<'_>) -> Option<Value> {
        match function.over.as_ref()? {
            WindowType::WindowSpec(spec) => Some(self.window(spec, env)),
            WindowType::NamedWindow(name) => Some(self.named_window(name, env)),
        }
    }

    fn named_window(&mut self, name: &Ident, env: Env<'_>) -> Value {
        let name = fold(name);
        let spec = env.frame.windows.iter().find(|(window, _)| *window == name).map(|(_, spec)| spec);
        match spec {
            Some(spec) => self.deeper(Value::unknown(Vec::new()), |reader| reader.window(spec, env)),
            None => {
                // SECURITY: to upstream OVER may be an alias, and what stands behind it another clause.
                self.give_up("a window that the query does not define");
                Value::unknown(Vec::new())
            }
        }
    }

    fn window(&mut self, spec: &WindowSpec, env: Env<'_>) -> Value {
        let mut depends = Value::constant();
        if let Some(base) = &spec.window_name {
            depends = depends.with(self.named_window(base, env));
        }
        for by in &spec.partition_by {
            let value = self.expr(by, env);
            self.test(&value, TestedHow::Group);
            depends = depends.with(value);
        }
        for by in &spec.order_by {
            depends = depends.with(self.order_by_expr(by, env));
        }
        if let Some(WindowFrame { start_bound, end_bound, .. }) = &spec.window_frame {
            for bound in [Some(start_bound), end_bound.as_ref()].into_iter().flatten() {
                if let WindowFrameBound::Preceding(Some(by)) | WindowFrameBound::Following(Some(by)) = bound {
                    let value = self.expr(by, env);
                    self.test_if_traced(&value);
                }
            }
        }
        // SECURITY: only what it is ordered or divided by; a partition's own name is shown by nothing here,
        // but its boundaries are.
        depends.derived()
    }

    /// An expression in ORDER BY.
    pub(super) fn order_by_expr(&mut self, order: &OrderByExpr, env: Env<'_>) -> Value {
        let value = self.expr(&order.expr, env);
        self.test(&value, TestedHow::Order);
        value.derived()
    }
}

/// The values given to a function, and what else its answer depends on.
#[derive(Default)]
struct Call {
    values: Vec<Value>,
    extra: Value,
}

impl Value {
    /// This value as it is, where nothing else is added.
    fn with_extra(self, extra: Value) -> Self {
        if extra.is_constant() { self } else { self.with(extra) }
    }
}

/// Whether some argument is `*`, so that places of arguments mean nothing.
fn has_star(function: &Function) -> bool {
    let FunctionArguments::List(list) = &function.args else { return false };
    list.args.iter().any(|arg| {
        let (FunctionArg::Named { arg, .. }
        | FunctionArg::ExprNamed { arg, .. }
        | FunctionArg::Unnamed(arg)) = arg;
        !matches!(arg, FunctionArgExpr::Expr(_))
    })
}

/// Whether a comparing function compares that argument: of choices only what they choose by.
fn compares(name: &str, at: usize, count: usize) -> bool {
    match name {
        "IFF" | "NVL2" => at == 0,
        // DECODE(expr, search, result, …, default).
        "DECODE" => at == 0 || (at % 2 == 1 && at + 1 < count),
        _ => true,
    }
}

/// Whether the function cannot fail, because what might make it fail is constant.
fn is_total_with_constants(name: &str, values: &[Value]) -> bool {
    matches!(name, "LPAD" | "RPAD") && values.iter().skip(1).all(Value::is_constant)
}

/// Whether a call answers one value for many rows: how many there are takes more time than how large each is.
fn is_aggregating(behaviour: Behaviour) -> bool {
    matches!(behaviour, Behaviour::Aggregate | Behaviour::Count | Behaviour::Window)
}

/// Whether an aggregate puts all its values into one.
fn collects(name: &str) -> bool {
    matches!(name, "LISTAGG" | "ARRAY_AGG" | "ARRAYAGG" | "ARRAY_UNIQUE_AGG")
}

fn is_numeric_aggregate(name: &str) -> bool {
    !matches!(
        name,
        "MIN"
            | "MAX"
            | "ANY_VALUE"
            | "LISTAGG"
            | "ARRAY_AGG"
            | "ARRAYAGG"
            | "MODE"
            | "APPROX_TOP_K"
            | "APPROX_TOP_K_ACCUMULATE"
            | "HASH_AGG"
            | "ARRAY_UNIQUE_AGG"
            | "ARRAY_UNION_AGG"
            | "MINHASH"
            | "HLL_ACCUMULATE"
            | "GROUPING"
            | "GROUPING_ID"
    )
}

/// Whether this or a query around makes many rows of one.
fn is_swollen(env: Env<'_>) -> bool {
    env.frame.is_swollen() || env.outer.is_some_and(|outer| is_swollen(*outer))
}
