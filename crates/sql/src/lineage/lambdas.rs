//! Lambdas: what their bodies show of the elements, and what their parameters make of them.

use std::rc::Rc;

use sqlparser::ast::{
    DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, LambdaFunction,
    OneOrManyWithParens,
};

use super::frame::{Env, Frame};
use super::reader::Reader;
use super::sort::Sort;
use super::value::Value;
use crate::names::fold;

impl Reader<'_> {
    /// The body of a lambda, its parameters being `elements`.
    pub(super) fn lambda(&mut self, lambda: &LambdaFunction, elements: Value, env: Env<'_>) -> Value {
        let names: Vec<Rc<str>> = match &lambda.params {
            OneOrManyWithParens::One(param) => vec![Rc::from(fold(&param.name))],
            OneOrManyWithParens::Many(params) => {
                params.iter().map(|param| Rc::from(fold(&param.name))).collect()
            }
        };
        // A parameter of a type of its own converts each element, which may fail. Any has a text, and is a VARIANT.
        for data_type in lambda.params.iter().filter_map(|param| param.data_type.as_ref()) {
            let takes_any = match Sort::of_cast(data_type) {
                Sort::Variant => true,
                Sort::Text => {
                    matches!(data_type, DataType::Varchar(None) | DataType::String(None) | DataType::Text)
                }
                Sort::Unknown
                | Sort::Null
                | Sort::Digits
                | Sort::Number(_)
                | Sort::Numeric
                | Sort::Float
                | Sort::Boolean
                | Sort::Binary
                | Sort::Date
                | Sort::Time
                | Sort::Timestamp
                | Sort::LocalTimestamp
                | Sort::ZonedTimestamp
                | Sort::Array
                | Sort::StoredArray
                | Sort::Object => false,
            };
            if !takes_any {
                self.test_if_traced(&elements);
            }
        }
        let mut frame = Frame::default();
        // Whether the elements themselves could be made is another question.
        let element = Value { is_risky: false, ..elements.clone() };
        names.into_iter().for_each(|name| frame.aliases.push(name, element.clone()));
        let inner = Env { frame: &frame, outer: Some(&env), queries: env.queries };
        let body = self.expr(&lambda.body, inner);
        // SECURITY: without elements a body never runs: whether it could fail tells whether there are some.
        if body.is_risky && !elements.is_constant() {
            self.test_if_traced(&elements);
        }
        body
    }
}

/// Whether an argument is a lambda.
pub(super) fn is_lambda_arg(arg: &FunctionArg) -> bool {
    let (FunctionArg::Named { arg, .. } | FunctionArg::ExprNamed { arg, .. } | FunctionArg::Unnamed(arg)) =
        arg;
    matches!(arg, FunctionArgExpr::Expr(Expr::Lambda(_)))
}

/// Whether a lambda among the arguments tells the type of what it takes.
pub(super) fn has_typed_lambda(function: &Function) -> bool {
    let FunctionArguments::List(list) = &function.args else { return false };
    list.args.iter().any(|arg| {
        let (FunctionArg::Named { arg, .. }
        | FunctionArg::ExprNamed { arg, .. }
        | FunctionArg::Unnamed(arg)) = arg;
        match arg {
            FunctionArgExpr::Expr(Expr::Lambda(lambda)) => {
                lambda.params.iter().any(|param| param.data_type.is_some())
            }
            FunctionArgExpr::Expr(_)
            | FunctionArgExpr::QualifiedWildcard(_)
            | FunctionArgExpr::Wildcard
            | FunctionArgExpr::WildcardWithOptions(_) => false,
        }
    })
}
