//! Snowflake's functions that are other words for something the engine has.

use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::sqlparser::ast::{
    self, BinaryOperator, CaseWhen, CastKind, DuplicateTreatment, Expr, Function, FunctionArg,
    FunctionArgExpr, FunctionArgumentClause, FunctionArgumentList, FunctionArguments, Ident, JsonPath,
    JsonPathElem, ObjectName, TableAlias, TableFactor, Value,
};

use crate::errors::{SnowflakeError, unknown_function};
use crate::session::{self, Session};
use crate::types;

/// A call of an engine function by its lower-case name.
pub(crate) fn call(name: &str, arguments: Vec<Expr>) -> Expr {
    let args = arguments.into_iter().map(|a| FunctionArg::Unnamed(FunctionArgExpr::Expr(a))).collect();
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args,
            clauses: vec![],
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: vec![],
    })
}

pub(crate) fn text(value: impl Into<String>) -> Expr {
    Expr::value(Value::SingleQuotedString(value.into()))
}

fn number(value: &str) -> Expr {
    Expr::value(Value::Number(value.to_owned(), false))
}

fn null() -> Expr {
    Expr::value(Value::Null)
}

fn case(conditions: Vec<(Expr, Expr)>, otherwise: Option<Expr>) -> Expr {
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: conditions
            .into_iter()
            .map(|(condition, result)| CaseWhen { condition, result })
            .collect(),
        else_result: otherwise.map(Box::new),
    }
}

/// A cast to a type that is no JSON.
pub(crate) fn cast(kind: CastKind, expr: Expr, sql_type: &domain::SqlType) -> Expr {
    let expr = if matches!(expr, Expr::Value(_)) { expr } else { call("__plain", vec![expr]) };
    let data_type = types::to_ast(sql_type).unwrap_or(ast::DataType::Varchar(None));
    let kind = if kind == CastKind::DoubleColon { CastKind::Cast } else { kind };
    let cast = Expr::Cast { kind, expr: Box::new(expr), data_type, array: false, format: None };
    if matches!(sql_type, domain::SqlType::TimestampTz { .. }) { call("__zoned", vec![cast]) } else { cast }
}

fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::Nested(Box::new(Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }))
}

/// `value:a.b[0]` as `get_path(value, 'a', 'b', 0)`.
pub(crate) fn path(value: &Expr, path: &JsonPath) -> Result<Expr, SnowflakeError> {
    let mut arguments = vec![value.clone()];
    for step in &path.path {
        arguments.push(match step {
            JsonPathElem::Dot { key, .. } => text(key),
            JsonPathElem::Bracket { key } | JsonPathElem::ColonBracket { key } => key.clone(),
        });
    }
    Ok(call("__path", arguments))
}

/// What a call is in the engine's words; none when it is the same there.
pub(crate) fn function(expr: &Expr, session: &Session) -> Result<Option<Expr>, SnowflakeError> {
    let Expr::Function(function) = expr else { return Ok(None) };
    let [ast::ObjectNamePart::Identifier(name)] = function.name.0.as_slice() else { return Ok(None) };
    // One row of the engine's UNNEST may become any number of rows at once, and Snowflake has no such function.
    if name.value.eq_ignore_ascii_case("unnest") {
        return Err(unknown_function("UNNEST"));
    }
    if name.quote_style.is_some() {
        return Ok(None);
    }
    let name = name.value.to_uppercase();
    let Some(arguments) = plain_arguments(function) else { return Ok(None) };
    if let Some(expr) = of_session(&name, session) {
        return Ok(Some(expr));
    }
    if name == "LISTAGG" {
        return Ok(Some(listagg(function, arguments)));
    }
    if let Some(engine_name) = renamed(&name) {
        let mut function = function.clone();
        function.name = ObjectName::from(vec![Ident::new(engine_name)]);
        return Ok(Some(Expr::Function(function)));
    }
    if name == "COUNT_IF" {
        let FunctionArguments::List(mut list) = function.args.clone() else { return Ok(None) };
        let [condition] = arguments.as_slice() else { return Err(wrong_count(&name)) };
        let counted = case(vec![(condition.clone(), number("1"))], None);
        list.args = vec![FunctionArg::Unnamed(FunctionArgExpr::Expr(counted))];
        let name = ObjectName::from(vec![Ident::new("count")]);
        return Ok(Some(Expr::Function(Function {
            name,
            args: FunctionArguments::List(list),
            ..function.clone()
        })));
    }
    conditional(&name, &arguments)
        .or_else(|| of_time(&name, &arguments))
        .or_else(|| conversion(&name, &arguments))
        .or_else(|| of_text(&name, &arguments))
        .transpose()
}

/// The arguments when all are plain expressions.
fn plain_arguments(function: &Function) -> Option<Vec<Expr>> {
    match &function.args {
        FunctionArguments::None => Some(vec![]),
        FunctionArguments::Subquery(_) => None,
        FunctionArguments::List(list) => list
            .args
            .iter()
            .map(|argument| match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
                _ => None,
            })
            .collect(),
    }
}

fn wrong_count(name: &str) -> SnowflakeError {
    SnowflakeError::new(
        "000938",
        "22023",
        format!("SQL compilation error:\nnot the right number of arguments for function [{name}]"),
    )
}

/// Constants of the session.
fn of_session(name: &str, session: &Session) -> Option<Expr> {
    let optional = |value: &Option<String>| value.as_ref().map_or_else(null, text);
    Some(match name {
        "CURRENT_ROLE" | "CURRENT_AVAILABLE_ROLES" => text(session::ROLE),
        "CURRENT_USER" => text(session::USER),
        "CURRENT_WAREHOUSE" => text(session::WAREHOUSE),
        "CURRENT_DATABASE" => optional(&session.database),
        "CURRENT_SCHEMA" => optional(&session.schema),
        "CURRENT_SECONDARY_ROLES" => text("{\"roles\":\"\",\"value\":\"\"}"),
        "CURRENT_ACCOUNT" | "CURRENT_ACCOUNT_NAME" => text("SNOWGATE"),
        "CURRENT_ORGANIZATION_NAME" => text("DEMO"),
        "CURRENT_REGION" => text("LOCAL"),
        "CURRENT_SESSION" => text("0"),
        "CURRENT_VERSION" => text(concat!(env!("CARGO_PKG_VERSION"), " embedded")),
        _ => return None,
    })
}

/// The same function under another name.
fn renamed(name: &str) -> Option<&'static str> {
    Some(match name {
        "LEN" => "length",
        "STARTSWITH" => "starts_with",
        "ENDSWITH" => "ends_with",
        "EDITDISTANCE" => "levenshtein",
        "APPROX_COUNT_DISTINCT" | "HLL" => "approx_distinct",
        "BOOLAND_AGG" => "bool_and",
        "BOOLOR_AGG" => "bool_or",
        "ANY_VALUE" => "min",
        "VARIANCE" | "VARIANCE_SAMP" => "var_samp",
        "VARIANCE_POP" => "var_pop",
        "GETDATE" | "SYSDATE" | "SYSTIMESTAMP" | "LOCALTIMESTAMP" | "CURRENT_TIMESTAMP" => "now",
        "UUID_STRING" => "uuid",
        "SPLIT" => "string_to_array",
        "DATE_FROM_PARTS" | "DATEFROMPARTS" => "make_date",
        "TRUNCATE" => "trunc",
        "CEILING" => "ceil",
        "CHARINDEX" | "POSITION" => return None,
        _ => return None,
    })
}

fn conditional(name: &str, arguments: &[Expr]) -> Option<Result<Expr, SnowflakeError>> {
    Some(Ok(match (name, arguments) {
        ("IFF", [condition, yes, no]) => case(vec![(condition.clone(), yes.clone())], Some(no.clone())),
        ("ZEROIFNULL", [value]) => call("coalesce", vec![value.clone(), number("0")]),
        ("NULLIFZERO", [value]) => call("nullif", vec![value.clone(), number("0")]),
        ("DIV0" | "DIV0NULL", [left, right]) => {
            let is_zero = binary(right.clone(), BinaryOperator::Eq, number("0"));
            let divisor = call("nullif", vec![right.clone(), number("0")]);
            let quotient = binary(left.clone(), BinaryOperator::Divide, divisor);
            if name == "DIV0NULL" {
                call("coalesce", vec![quotient, number("0")])
            } else {
                case(vec![(is_zero, number("0"))], Some(quotient))
            }
        }
        ("EQUAL_NULL", [left, right]) => same(left, right),
        ("DECODE", [value, rest @ ..]) if rest.len() >= 2 => {
            let mut pairs = rest.chunks_exact(2);
            let conditions = pairs.by_ref().filter_map(|pair| {
                let [search, result] = pair else { return None };
                Some((same(value, search), result.clone()))
            });
            let conditions = conditions.collect();
            case(conditions, pairs.remainder().first().cloned())
        }
        ("IFF" | "ZEROIFNULL" | "NULLIFZERO" | "DIV0" | "DIV0NULL" | "EQUAL_NULL" | "DECODE", _) => {
            return Some(Err(wrong_count(name)));
        }
        _ => return None,
    }))
}

fn same(left: &Expr, right: &Expr) -> Expr {
    Expr::Nested(Box::new(Expr::IsNotDistinctFrom(Box::new(left.clone()), Box::new(right.clone()))))
}

fn of_time(name: &str, arguments: &[Expr]) -> Option<Result<Expr, SnowflakeError>> {
    Some(Ok(match (name, arguments) {
        ("DATEADD" | "TIMEADD" | "TIMESTAMPADD", [part, n, moment]) => {
            call("__dateadd", vec![word(part), n.clone(), moment.clone()])
        }
        ("ADD_MONTHS", [moment, n]) => call("__dateadd", vec![text("month"), n.clone(), moment.clone()]),
        ("DATEDIFF" | "TIMEDIFF" | "TIMESTAMPDIFF", [part, from, to]) => {
            call("__datediff", vec![word(part), from.clone(), to.clone()])
        }
        // The engine makes a timestamp of a date; Snowflake keeps the type.
        ("DATE_TRUNC", [part, moment]) if !matches!(part, Expr::Cast { .. }) => {
            let truncated = call("date_trunc", vec![word(part), moment.clone()]);
            call("__keep_date", vec![moment.clone(), truncated])
        }
        ("TRUNC", [moment, part @ (Expr::Value(_) | Expr::Identifier(_))]) if is_date_part(part) => {
            let truncated = call("date_trunc", vec![word(part), moment.clone()]);
            call("__keep_date", vec![moment.clone(), truncated])
        }
        ("DATE_PART", [part, moment]) => call("date_part", vec![word(part), moment.clone()]),
        ("YEAR" | "QUARTER" | "MONTH" | "WEEK" | "DAY" | "HOUR" | "MINUTE" | "SECOND", [moment]) => {
            call("date_part", vec![text(name.to_lowercase()), moment.clone()])
        }
        ("DAYOFMONTH", [moment]) => call("date_part", vec![text("day"), moment.clone()]),
        ("DAYOFWEEK", [moment]) => call("date_part", vec![text("dow"), moment.clone()]),
        ("DAYOFYEAR", [moment]) => call("date_part", vec![text("doy"), moment.clone()]),
        ("WEEKOFYEAR", [moment]) => call("date_part", vec![text("week"), moment.clone()]),
        ("MONTHNAME", [moment]) => call("to_char", vec![moment.clone(), text("%b")]),
        ("DAYNAME", [moment]) => call("to_char", vec![moment.clone(), text("%a")]),
        ("LAST_DAY", [moment]) => call("__last_day", vec![moment.clone()]),
        _ => return None,
    }))
}

fn is_date_part(part: &Expr) -> bool {
    let Expr::Value(value) = word(part) else { return false };
    let Value::SingleQuotedString(word) = value.value else { return false };
    matches!(word.as_str(), "year" | "quarter" | "month" | "week" | "day" | "hour" | "minute" | "second")
}

/// A date part, written as a word or as a string.
fn word(part: &Expr) -> Expr {
    match part {
        Expr::Identifier(ident) => text(ident.value.to_lowercase()),
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(word) => text(word.to_lowercase()),
            _ => part.clone(),
        },
        other => other.clone(),
    }
}

fn conversion(name: &str, arguments: &[Expr]) -> Option<Result<Expr, SnowflakeError>> {
    use domain::SqlType;
    let (kind, target) = match name.strip_prefix("TRY_") {
        Some(rest) => (CastKind::TryCast, rest),
        None => (CastKind::Cast, name),
    };
    let nine = 9;
    Some(Ok(match (target, arguments) {
        ("TO_VARCHAR" | "TO_CHAR", [value]) => cast(kind, value.clone(), &types::TEXT),
        ("TO_VARCHAR" | "TO_CHAR", [value, format]) => call("__format", vec![value.clone(), format.clone()]),
        ("TO_DATE" | "DATE", [value]) => cast(kind, value.clone(), &SqlType::Date),
        ("TO_TIME", [value]) => cast(kind, value.clone(), &SqlType::Time { scale: nine }),
        ("TO_TIMESTAMP" | "TO_TIMESTAMP_NTZ", [value]) => {
            cast(kind, value.clone(), &SqlType::TimestampNtz { scale: nine })
        }
        ("TO_TIMESTAMP_LTZ", [value]) => cast(kind, value.clone(), &SqlType::TimestampLtz { scale: nine }),
        ("TO_TIMESTAMP_TZ", [value]) => cast(kind, value.clone(), &SqlType::TimestampTz { scale: nine }),
        ("TO_BOOLEAN", [value]) => cast(kind, value.clone(), &SqlType::Boolean),
        ("TO_DOUBLE", [value]) => cast(kind, value.clone(), &SqlType::Real),
        ("TO_BINARY", [value]) => call("decode", vec![value.clone(), text("hex")]),
        ("TO_NUMBER" | "TO_DECIMAL" | "TO_NUMERIC", [value]) => cast(kind, value.clone(), &types::NUMBER),
        ("TO_NUMBER" | "TO_DECIMAL" | "TO_NUMERIC", [value, precision, scale]) => {
            let (Some(precision), Some(scale)) = (digits(precision), digits(scale)) else {
                return Some(Err(wrong_count(name)));
            };
            if !(1..=38).contains(&precision) || scale > precision {
                return Some(Err(wrong_count(name)));
            }
            cast(kind, value.clone(), &SqlType::Fixed { precision, scale })
        }
        _ => return None,
    }))
}

fn digits(expr: &Expr) -> Option<u8> {
    let Expr::Value(value) = expr else { return None };
    match &value.value {
        Value::Number(text, _) => text.parse().ok(),
        _ => None,
    }
}

fn of_text(name: &str, arguments: &[Expr]) -> Option<Result<Expr, SnowflakeError>> {
    Some(Ok(match (name, arguments) {
        ("CHARINDEX", [part, whole]) => call("strpos", vec![whole.clone(), part.clone()]),
        ("SHA2" | "SHA2_HEX", [value, ..]) => {
            call("encode", vec![call("sha256", vec![value.clone()]), text("hex")])
        }
        ("HEX_ENCODE", [value]) => call("upper", vec![call("encode", vec![value.clone(), text("hex")])]),
        ("BASE64_ENCODE", [value]) => call("encode", vec![value.clone(), text("base64")]),
        ("BASE64_DECODE_STRING", [value]) => {
            cast(CastKind::Cast, call("decode", vec![value.clone(), text("base64")]), &types::TEXT)
        }
        ("RLIKE" | "REGEXP_LIKE", [value, pattern]) => {
            let whole = call("concat", vec![text("^(?:"), pattern.clone(), text(")$")]);
            call("regexp_like", vec![value.clone(), whole])
        }
        ("SEQ4" | "SEQ8", []) => {
            let Ok(mut parsed) = row_number() else { return Some(Err(SnowflakeError::internal())) };
            parsed = binary(parsed, BinaryOperator::Minus, number("1"));
            parsed
        }
        _ => return None,
    }))
}

fn row_number() -> Result<Expr, datafusion::sql::sqlparser::parser::ParserError> {
    use datafusion::sql::sqlparser::{dialect::SnowflakeDialect, parser::Parser};
    Parser::new(&SnowflakeDialect).try_with_sql("row_number() over (order by null)")?.parse_expr()
}

/// `LISTAGG(x, ',') WITHIN GROUP (ORDER BY y)` as `string_agg(x, ',' ORDER BY y)`.
fn listagg(function: &Function, mut arguments: Vec<Expr>) -> Expr {
    if arguments.len() == 1 {
        arguments.push(text(""));
    }
    let distinct = match &function.args {
        FunctionArguments::List(list) => list.duplicate_treatment,
        FunctionArguments::None | FunctionArguments::Subquery(_) => None,
    };
    if let Some(first) = arguments.first_mut() {
        *first = cast(CastKind::Cast, first.clone(), &types::TEXT);
    }
    let Expr::Function(mut new) = call("string_agg", arguments) else { return null() };
    if let FunctionArguments::List(list) = &mut new.args {
        list.duplicate_treatment = distinct.filter(|d| *d == DuplicateTreatment::Distinct);
        if !function.within_group.is_empty() {
            list.clauses.push(FunctionArgumentClause::OrderBy(function.within_group.clone()));
        }
    }
    new.over = function.over.clone();
    call("coalesce", vec![call("__text", vec![Expr::Function(new)]), text("")])
}

/// `TABLE(GENERATOR(ROWCOUNT => n))` as a series of so many rows.
pub(crate) fn table_function(factor: &mut TableFactor) -> Result<(), SnowflakeError> {
    let TableFactor::TableFunction { expr: Expr::Function(function), alias } = factor else { return Ok(()) };
    if !function.name.to_string().eq_ignore_ascii_case("generator") {
        return Err(SnowflakeError::unsupported(&format!("table function {}", function.name)));
    }
    let FunctionArguments::List(list) = &function.args else { return Ok(()) };
    let rows = list.args.iter().find_map(|argument| match argument {
        FunctionArg::Named { name, arg: FunctionArgExpr::Expr(Expr::Value(value)), .. }
            if name.value == "ROWCOUNT" =>
        {
            Some(value.clone())
        }
        _ => None,
    });
    let rows = rows.ok_or_else(|| SnowflakeError::unsupported("GENERATOR without a constant ROWCOUNT"))?;
    let args = vec![number("1"), Expr::Value(rows)];
    let args = args.into_iter().map(|a| FunctionArg::Unnamed(FunctionArgExpr::Expr(a))).collect();
    let alias: Option<TableAlias> = alias.clone();
    *factor = TableFactor::Table {
        name: ObjectName::from(vec![Ident::new("generate_series")]),
        alias,
        args: Some(ast::TableFunctionArgs { args, settings: None }),
        with_hints: vec![],
        version: None,
        with_ordinality: false,
        partitions: vec![],
        json_path: None,
        sample: None,
        index_hints: vec![],
    };
    Ok(())
}
