//! SHOW, DESCRIBE and EXPLAIN.

use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::tokenizer::Token;
use domain::SqlType;

use crate::errors::SnowflakeError;
use crate::lex::{self, Lexed};
use crate::result::{Answer, Cell};
use crate::session::{ROLE, Session, WAREHOUSE};
use crate::store::{self, Entry, INFORMATION_SCHEMA, Object, Store};
use crate::{functions, types};

const TEXT: SqlType = types::TEXT;
const NUMBER: SqlType = types::NUMBER;
const MOMENT: SqlType = SqlType::TimestampLtz { scale: 3 };

/// What follows the kind of thing shown.
#[derive(Default)]
struct Clauses {
    like: Option<String>,
    starts_with: Option<String>,
    within: Option<ast::ObjectName>,
    is_account_wide: bool,
    limit: Option<usize>,
}

impl Clauses {
    fn keeps(&self, name: &str) -> bool {
        self.like.as_deref().is_none_or(|pattern| is_like(&name.to_uppercase(), &pattern.to_uppercase()))
            && self.starts_with.as_deref().is_none_or(|start| name.starts_with(start))
    }

    fn limited(&self, mut rows: Vec<Vec<Cell>>) -> Vec<Vec<Cell>> {
        rows.truncate(self.limit.unwrap_or(10_000));
        rows
    }
}

/// `SHOW …`
pub(crate) fn show(lexed: &Lexed, session: &Session, store: &Store) -> Result<Answer, SnowflakeError> {
    let skip = 1 + usize::from(lexed.word(1) == "TERSE");
    let what = lexed.word(skip).to_owned();
    let clauses = clauses(&lexed.from(skip + 1), session)?;
    match what.as_str() {
        "DATABASES" => databases(&clauses, session, store),
        "SCHEMAS" => schemas(&clauses, session, store),
        "TABLES" => objects(&clauses, session, store, Some("TABLE")),
        "VIEWS" => objects(&clauses, session, store, Some("VIEW")),
        "OBJECTS" => objects(&clauses, session, store, None),
        "COLUMNS" => columns(&clauses, session, store),
        "WAREHOUSES" => warehouses(&clauses),
        "ROLES" => roles(&clauses),
        "PARAMETERS" => parameters(&clauses),
        other => Err(SnowflakeError::unsupported(&format!("SHOW {other}"))),
    }
}

fn clauses(lexed: &Lexed, session: &Session) -> Result<Clauses, SnowflakeError> {
    let mut clauses = Clauses::default();
    let mut n = 0;
    let string = |n: usize| match lexed.tokens().nth(n) {
        Some(Token::SingleQuotedString(text)) => Some(text.clone()),
        _ => None,
    };
    loop {
        match lexed.word(n) {
            "HISTORY" => n += 1,
            "LIKE" => {
                clauses.like = string(n + 1);
                n += 2;
            }
            "STARTS" => {
                clauses.starts_with = string(n + 2);
                n += 3;
            }
            "LIMIT" => {
                clauses.limit = match lexed.tokens().nth(n + 1) {
                    Some(Token::Number(text, _)) => text.parse().ok(),
                    _ => None,
                };
                n += 2;
            }
            "IN" if lexed.word(n + 1) == "ACCOUNT" => {
                clauses.is_account_wide = true;
                n += 2;
            }
            "IN" => {
                n += 1;
                let is_kind = matches!(lexed.word(n), "DATABASE" | "SCHEMA" | "TABLE" | "VIEW")
                    && lexed.tokens().nth(n + 1).is_some_and(|t| matches!(t, Token::Word(_)));
                let is_database = lexed.word(n) == "DATABASE";
                n += usize::from(is_kind);
                let mut parser = lexed.from(n).parser();
                let name = parser.parse_object_name(false).map_err(|e| lex::unparsable(&e))?;
                n += 2 * name.0.len() - 1;
                clauses.is_account_wide = false;
                clauses.within = Some(if is_database || is_known_database(&name, session) {
                    with_every_schema(name)
                } else {
                    name
                });
            }
            _ => break,
        }
    }
    match lexed.tokens().nth(n) {
        None => Ok(clauses),
        Some(token) => {
            let (line, position) = lexed.find(lexed.word(n)).unwrap_or((1, 0));
            Err(SnowflakeError::syntax(line, position, &token.to_string()))
        }
    }
}

/// `IN x` names a database when there is no current one to look a schema up in.
fn is_known_database(name: &ast::ObjectName, session: &Session) -> bool {
    name.0.len() == 1 && session.database.is_none()
}

/// A name whose schema is empty stands for all schemas.
fn with_every_schema(mut name: ast::ObjectName) -> ast::ObjectName {
    name.0.push(ast::ObjectNamePart::Identifier(ast::Ident::with_quote('"', "")));
    name
}

/// The (database, schema) pairs that SHOW looks into.
fn places(
    clauses: &Clauses,
    session: &Session,
    store: &Store,
) -> Result<Vec<(String, String)>, SnowflakeError> {
    let every_schema = |database: &str| {
        store.schemas(database).into_iter().map(|s| (database.to_owned(), s)).collect::<Vec<_>>()
    };
    if let Some(name) = &clauses.within {
        let (database, schema) = session.resolve_schema(name)?;
        let database = match (schema.is_empty(), name.0.first()) {
            (true, Some(ast::ObjectNamePart::Identifier(ident))) => ident.value.clone(),
            _ => database,
        };
        if !store.databases().contains(&database) {
            return Err(missing("Database", &database));
        }
        if schema.is_empty() {
            return Ok(every_schema(&database));
        }
        if !store.has_schema(&database, &schema) {
            return Err(missing("Schema", &format!("{database}.{schema}")));
        }
        return Ok(vec![(database, schema)]);
    }
    match (&session.database, &session.schema) {
        (Some(database), Some(schema)) if !clauses.is_account_wide => {
            Ok(vec![(database.clone(), schema.clone())])
        }
        (Some(database), None) if !clauses.is_account_wide => Ok(every_schema(database)),
        _ => Ok(store.databases().iter().flat_map(|database| every_schema(database)).collect()),
    }
}

/// SHOW and DESCRIBE have a code of their own.
fn missing(what: &str, name: &str) -> SnowflakeError {
    SnowflakeError::new(
        "002043",
        "02000",
        format!("SQL compilation error:\n{what} '{name}' does not exist, or operation cannot be performed."),
    )
}

fn databases(clauses: &Clauses, session: &Session, store: &Store) -> Result<Answer, SnowflakeError> {
    let columns = [
        ("created_on", MOMENT),
        ("name", TEXT),
        ("is_default", TEXT),
        ("is_current", TEXT),
        ("origin", TEXT),
        ("owner", TEXT),
        ("comment", TEXT),
        ("kind", TEXT),
    ];
    let names = store.databases().into_iter().filter(|name| clauses.keeps(name));
    let row = |name: String| {
        let is_current = if session.database.as_deref() == Some(&name) { "Y" } else { "N" };
        vec![
            Cell::Null,
            Cell::Text(name),
            Cell::text("N"),
            Cell::text(is_current),
            Cell::text(""),
            Cell::text(ROLE),
            Cell::text(""),
            Cell::text("STANDARD"),
        ]
    };
    Answer::table(&columns, &clauses.limited(names.map(row).collect()))
}

fn schemas(clauses: &Clauses, session: &Session, store: &Store) -> Result<Answer, SnowflakeError> {
    let columns = [
        ("created_on", MOMENT),
        ("name", TEXT),
        ("is_default", TEXT),
        ("is_current", TEXT),
        ("database_name", TEXT),
        ("owner", TEXT),
        ("comment", TEXT),
    ];
    let databases = match (&clauses.within, &session.database) {
        (Some(name), _) => {
            let first = name.0.first().and_then(ast::ObjectNamePart::as_ident);
            let database = first.map(|ident| ident.value.clone()).unwrap_or_default();
            if !store.databases().contains(&database) {
                return Err(missing("Database", &database));
            }
            vec![database]
        }
        (None, Some(database)) if !clauses.is_account_wide => vec![database.clone()],
        (None, _) => store.databases(),
    };
    let mut rows = Vec::new();
    for database in databases {
        let mut names = store.schemas(&database);
        names.push(INFORMATION_SCHEMA.to_owned());
        names.sort();
        for name in names.into_iter().filter(|name| clauses.keeps(name)) {
            let is_current =
                session.database.as_deref() == Some(&database) && session.schema.as_deref() == Some(&name);
            rows.push(vec![
                Cell::Null,
                Cell::Text(name),
                Cell::text("N"),
                Cell::text(if is_current { "Y" } else { "N" }),
                Cell::text(database.as_str()),
                Cell::text(ROLE),
                Cell::text(""),
            ]);
        }
    }
    Answer::table(&columns, &clauses.limited(rows))
}

fn objects(
    clauses: &Clauses,
    session: &Session,
    store: &Store,
    kind: Option<&str>,
) -> Result<Answer, SnowflakeError> {
    let columns = [
        ("created_on", MOMENT),
        ("name", TEXT),
        ("database_name", TEXT),
        ("schema_name", TEXT),
        ("kind", TEXT),
        ("comment", TEXT),
        ("rows", NUMBER),
        ("owner", TEXT),
        ("text", TEXT),
    ];
    let mut rows = Vec::new();
    for (database, schema) in places(clauses, session, store)? {
        for (name, Entry { object, created, .. }) in store.objects(&database, &schema) {
            if kind.is_some_and(|kind| kind != object.kind()) || !clauses.keeps(&name) {
                continue;
            }
            let count = match &object {
                Object::Table(table) => table.row_count().and_then(|n| i64::try_from(n).ok()),
                Object::View { .. } => None,
            };
            let text = match &object {
                Object::View { definition, .. } => Cell::Text(format!("create view {name} as {definition}")),
                Object::Table(_) => Cell::Null,
            };
            rows.push(vec![
                Cell::Moment(created),
                Cell::Text(name),
                Cell::text(database.as_str()),
                Cell::text(schema.as_str()),
                Cell::text(object.kind()),
                Cell::text(""),
                count.map_or(Cell::Null, Cell::Number),
                Cell::text(ROLE),
                text,
            ]);
        }
    }
    Answer::table(&columns, &clauses.limited(rows))
}

fn columns(clauses: &Clauses, session: &Session, store: &Store) -> Result<Answer, SnowflakeError> {
    let head = [
        ("table_name", TEXT),
        ("schema_name", TEXT),
        ("column_name", TEXT),
        ("data_type", TEXT),
        ("null?", TEXT),
        ("default", TEXT),
        ("kind", TEXT),
        ("expression", TEXT),
        ("comment", TEXT),
        ("database_name", TEXT),
        ("autoincrement", TEXT),
    ];
    // IN may name one table, or a place.
    let one = clauses.within.as_ref().and_then(|name| {
        let name = session.resolve(name).ok()?;
        store.get(&name).map(|entry| (name, entry))
    });
    let found = match one {
        Some((name, entry)) => vec![(name.database, name.schema, name.name, entry)],
        None => {
            let places = places(clauses, session, store)?.into_iter();
            let objects = places.flat_map(|(database, schema)| {
                let objects = store.objects(&database, &schema).into_iter();
                objects
                    .map(move |(name, entry)| (database.clone(), schema.clone(), name, entry))
                    .collect::<Vec<_>>()
            });
            objects.collect()
        }
    };
    let mut rows = Vec::new();
    for (database, schema, table, entry) in found {
        for column in store::columns(&entry.object.schema()) {
            if !clauses.keeps(&column.name) {
                continue;
            }
            let null = if column.is_nullable { "true" } else { "NOT_NULL" };
            rows.push(vec![
                Cell::text(table.as_str()),
                Cell::text(schema.as_str()),
                Cell::text(column.name),
                Cell::Text(type_json(&column.sql_type, column.is_nullable)),
                Cell::text(null),
                Cell::text(""),
                Cell::text("COLUMN"),
                Cell::text(""),
                Cell::text(""),
                Cell::text(database.as_str()),
                Cell::text(""),
            ]);
        }
    }
    Answer::table(&head, &clauses.limited(rows))
}

/// SHOW COLUMNS describes types as JSON.
fn type_json(sql_type: &SqlType, is_nullable: bool) -> String {
    let mut members = serde_json::Map::new();
    members.insert("type".into(), sql_type.wire_name().to_uppercase().into());
    let facets =
        [("precision", sql_type.precision()), ("scale", sql_type.scale()), ("length", sql_type.length())];
    for (name, value) in facets {
        if let Some(value) = value {
            members.insert(name.into(), value.into());
        }
    }
    members.insert("nullable".into(), is_nullable.into());
    functions::sorted(serde_json::Value::Object(members)).to_string()
}

fn warehouses(clauses: &Clauses) -> Result<Answer, SnowflakeError> {
    let columns = [("name", TEXT), ("state", TEXT), ("type", TEXT), ("size", TEXT), ("is_current", TEXT)];
    let row = [WAREHOUSE, "STARTED", "STANDARD", "X-Small", "Y"].map(Cell::text).into_iter().collect();
    let rows = if clauses.keeps(WAREHOUSE) { vec![row] } else { vec![] };
    Answer::table(&columns, &clauses.limited(rows))
}

fn roles(clauses: &Clauses) -> Result<Answer, SnowflakeError> {
    let columns = [("created_on", MOMENT), ("name", TEXT), ("is_current", TEXT), ("owner", TEXT)];
    let row = vec![Cell::Null, Cell::text(ROLE), Cell::text("Y"), Cell::text("")];
    let rows = if clauses.keeps(ROLE) { vec![row] } else { vec![] };
    Answer::table(&columns, &clauses.limited(rows))
}

fn parameters(clauses: &Clauses) -> Result<Answer, SnowflakeError> {
    let columns = [("key", TEXT), ("value", TEXT), ("default", TEXT), ("level", TEXT), ("description", TEXT)];
    let known =
        [("TIMEZONE", types::ZONE), ("AUTOCOMMIT", "true"), ("QUOTED_IDENTIFIERS_IGNORE_CASE", "false")];
    let kept = known.into_iter().filter(|(key, _)| clauses.keeps(key));
    let rows = kept.map(|(key, value)| [key, value, value, "", ""].map(Cell::text).into_iter().collect());
    Answer::table(&columns, &clauses.limited(rows.collect()))
}

/// `DESCRIBE [TABLE|VIEW] name`
pub(crate) fn describe(lexed: &Lexed, session: &Session, store: &Store) -> Result<Answer, SnowflakeError> {
    let kind = lexed.word(1).to_owned();
    let skip = if matches!(kind.as_str(), "TABLE" | "VIEW") { 2 } else { 1 };
    let mut parser = lexed.from(skip).parser();
    let written = parser.parse_object_name(false).map_err(|e| lex::unparsable(&e))?;
    let name = session.resolve(&written)?;
    let entry = store.get(&name).filter(|entry| kind != "VIEW" || entry.object.kind() == "VIEW");
    let schema = match entry {
        Some(entry) => entry.object.schema(),
        None => {
            return Err(SnowflakeError::missing(
                if kind == "VIEW" { "View" } else { "Table" },
                &name.to_string(),
            ));
        }
    };
    let head = [
        ("name", TEXT),
        ("type", TEXT),
        ("kind", TEXT),
        ("null?", TEXT),
        ("default", TEXT),
        ("primary key", TEXT),
        ("unique key", TEXT),
        ("check", TEXT),
        ("expression", TEXT),
        ("comment", TEXT),
        ("policy name", TEXT),
    ];
    let row = |column: domain::Column| {
        vec![
            Cell::Text(column.name),
            Cell::Text(types::declared(&column.sql_type)),
            Cell::text("COLUMN"),
            Cell::text(if column.is_nullable { "Y" } else { "N" }),
            Cell::Null,
            Cell::text("N"),
            Cell::text("N"),
        ]
    };
    Answer::table(&head, &store::columns(&schema).into_iter().map(row).collect::<Vec<_>>())
}

/// The tree of a plan, one operation a row.
pub(crate) fn explain(plan: &LogicalPlan) -> Result<Answer, SnowflakeError> {
    let head = [
        ("step", NUMBER),
        ("id", NUMBER),
        ("parent", NUMBER),
        ("operation", TEXT),
        ("objects", TEXT),
        ("alias", TEXT),
        ("expressions", TEXT),
        ("partitionsTotal", NUMBER),
        ("partitionsAssigned", NUMBER),
        ("bytesAssigned", NUMBER),
    ];
    let mut rows = Vec::new();
    let mut open = vec![(plan, None::<i64>)];
    while let Some((node, parent)) = open.pop() {
        let id = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        let shown = node.display().to_string();
        let (operation, expressions) = shown.split_once(':').unwrap_or((&shown, ""));
        let objects = match node {
            LogicalPlan::TableScan(scan) => Cell::Text(scan.table_name.to_string()),
            _ => Cell::Null,
        };
        rows.push(vec![
            Cell::Number(1),
            Cell::Number(id),
            parent.map_or(Cell::Null, Cell::Number),
            Cell::text(operation.trim()),
            objects,
            Cell::Null,
            Cell::text(expressions.trim()),
            Cell::Null,
            Cell::Null,
            Cell::Null,
        ]);
        open.extend(node.inputs().into_iter().rev().map(|input| (input, Some(id))));
    }
    Answer::table(&head, &rows)
}

/// LIKE with `%` and `_`.
fn is_like(text: &str, pattern: &str) -> bool {
    let (text, pattern): (Vec<char>, Vec<char>) = (text.chars().collect(), pattern.chars().collect());
    let (mut t, mut p) = (0, 0);
    let mut last_star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('%') => {
                last_star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '_' || Some(c) == text.get(t) => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((star, from)) = last_star else { return false };
                last_star = Some((star, from + 1));
                p = star + 1;
                t = from + 1;
            }
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|c| *c == '%')
}
