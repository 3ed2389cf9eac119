//! One statement: told apart, run, answered.

use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::execute_stream;
use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::tokenizer::Token;
use futures::StreamExt;

use crate::define;
use crate::errors::SnowflakeError;
use crate::lex::{self, Lexed};
use crate::plan::Planner;
use crate::result::{self, Answer, ResultColumn};
use crate::session::{self, Session};
use crate::store::{INFORMATION_SCHEMA, Store};
use crate::{change, guard, origin, rewrite, show, types};

/// One answer may hold so much memory.
const LARGEST_ANSWER: usize = 256 << 20;
/// What SYSTEM$WAIT waits at most, in seconds.
const LONGEST_WAIT: f64 = 3600.0;

/// Runs statements over a planner's store.
pub(crate) struct Executor {
    pub planner: Planner,
}

impl Executor {
    /// An executor over these names.
    pub fn new(store: Arc<Store>) -> datafusion::error::Result<Self> {
        Ok(Self { planner: Planner::new(store)? })
    }

    /// Runs one statement of a request.
    pub async fn run(&self, lexed: &Lexed, session: &mut Session) -> Result<Answer, SnowflakeError> {
        let mut lexed = lexed.clone();
        lexed.substitute(&session.variables)?;
        self.dispatch(&lexed, session).await.map_err(|error| located(error, &lexed))
    }

    /// What the first words decide; the rest is parsed.
    async fn dispatch(&self, lexed: &Lexed, session: &mut Session) -> Result<Answer, SnowflakeError> {
        let store = &self.planner.store;
        match (lexed.word(0), lexed.word(1)) {
            ("SHOW", _) => show::show(lexed, session, store),
            ("DESCRIBE" | "DESC", "TABLE" | "VIEW") => show::describe(lexed, session, store),
            ("EXPLAIN", _) => self.explain(lexed, session).await,
            ("USE", _) => use_name(lexed, session, store),
            ("ALTER", "SESSION") => alter_session(lexed),
            ("SET", _) => set_variable(lexed, session),
            ("UNSET", name) => {
                session.variables.remove(name);
                Answer::status("Statement executed successfully.")
            }
            // Accepted, so that clients which always send them work; every statement commits by itself.
            ("BEGIN" | "START" | "COMMIT" | "ROLLBACK", "" | "TRANSACTION" | "WORK" | "NAME") => {
                Answer::status("Statement executed successfully.")
            }
            ("CALL" | "SELECT", "SYSTEM$WAIT") => wait(lexed).await,
            _ => self.parsed(lexed, session).await,
        }
    }

    async fn parsed(&self, lexed: &Lexed, session: &Session) -> Result<Answer, SnowflakeError> {
        match parse(lexed)? {
            statement @ ast::Statement::Query(_) => self.query(statement, session).await,
            ast::Statement::Insert(insert) => change::insert(self, insert, session).await,
            ast::Statement::Update(update) => change::update(self, update, session).await,
            ast::Statement::Delete(delete) => change::delete(self, delete, session).await,
            ast::Statement::Truncate(truncate) => change::truncate(self, &truncate, session).await,
            ast::Statement::CreateTable(create) => define::create_table(self, create, session).await,
            ast::Statement::CreateView(create) => define::create_view(self, create, lexed, session).await,
            ast::Statement::CreateSchema {
                schema_name: ast::SchemaName::Simple(name),
                if_not_exists,
                ..
            } => {
                let if_there = define::if_there(lexed.word(1) == "OR", if_not_exists);
                define::create_schema(self, &name, if_there, session)
            }
            ast::Statement::Drop { object_type, if_exists, names, .. } => {
                define::drop_object(self, &object_type, if_exists, &names, session)
            }
            _ => Err(SnowflakeError::unsupported(&format!("{} {}", lexed.word(0), lexed.word(1)))),
        }
    }

    async fn query(&self, statement: ast::Statement, session: &Session) -> Result<Answer, SnowflakeError> {
        let planned = self.planner.plan(statement, session).await?;
        let columns = columns(&planned.plan, session);
        let schema = Arc::clone(planned.plan.schema().inner());
        let batches = self.collect(&planned.state, planned.plan).await?;
        Ok(Answer::new(columns, schema, batches))
    }

    /// A query's rows, for statements that store them.
    pub async fn rows_of(
        &self,
        statement: ast::Statement,
        session: &Session,
    ) -> Result<(SchemaRef, Vec<RecordBatch>), SnowflakeError> {
        let planned = self.planner.plan(statement, session).await?;
        let schema = Arc::clone(planned.plan.schema().inner());
        let batches = self.collect(&planned.state, planned.plan).await?;
        // The physical fields may differ in nullability; the types are the plan's.
        let schema = batches.first().map_or(schema, RecordBatch::schema);
        Ok((schema, batches))
    }

    /// Runs a plan. An answer that outgrows its bound is an error, never cut short.
    pub async fn collect(
        &self,
        state: &SessionState,
        plan: LogicalPlan,
    ) -> Result<Vec<RecordBatch>, SnowflakeError> {
        let plan = state.optimize(&plan)?;
        let mut state = state.clone();
        *state.config_mut() = state.config().clone().with_batch_size(guard::batch_rows(&plan)?);
        let physical = state.query_planner().create_physical_plan(&plan, &state).await?;
        let context = state.task_ctx();
        // The rows that are waiting to be an answer are part of what all statements may hold.
        let held = MemoryConsumer::new("answer").register(context.memory_pool());
        let mut stream = execute_stream(guard::guard(physical)?, context)?;
        let mut batches = Vec::new();
        let mut size = 0;
        while let Some(batch) = stream.next().await {
            let batch = batch?;
            let bytes = result::size_of(&batch);
            held.try_grow(bytes)?;
            size += bytes;
            if size > LARGEST_ANSWER {
                return Err(SnowflakeError::too_large());
            }
            if batch.num_rows() > 0 {
                batches.push(result::compact(batch, bytes)?);
            }
        }
        Ok(batches)
    }

    async fn explain(&self, lexed: &Lexed, session: &Session) -> Result<Answer, SnowflakeError> {
        let skip = if lexed.word(1) == "USING" { 3 } else { 1 };
        let inner = lexed.from(skip);
        if !matches!(inner.word(0), "SELECT" | "WITH") {
            return Err(SnowflakeError::unsupported(&format!("EXPLAIN {}", inner.word(0))));
        }
        let planned = self.planner.plan(parse(&inner)?, session).await?;
        show::explain(&planned.state.optimize(&planned.plan)?)
    }
}

/// The one statement that the tokens spell, and nothing after it.
fn parse(lexed: &Lexed) -> Result<ast::Statement, SnowflakeError> {
    let mut parser = lexed.parser();
    let statement = parser.parse_statement().map_err(|e| lex::unparsable(&e))?;
    let rest = parser.peek_token();
    if rest.token == Token::EOF {
        return Ok(statement);
    }
    let at = rest.span.start;
    Err(SnowflakeError::syntax(at.line, at.column.saturating_sub(1), &rest.token.to_string()))
}

fn columns(plan: &LogicalPlan, session: &Session) -> Vec<ResultColumn> {
    let fields = plan.schema().fields().iter().enumerate();
    fields
        .map(|(n, field)| ResultColumn {
            name: rewrite::answered_name(field.name()).to_owned(),
            sql_type: types::of_field(field),
            is_nullable: field.is_nullable(),
            origin: origin::of_output(plan, n, session),
        })
        .collect()
}

/// Puts the line and position of an unknown name into its error.
fn located(mut error: SnowflakeError, lexed: &Lexed) -> SnowflakeError {
    if error.code == "000904" {
        let name = error.message.split('\'').nth(1).unwrap_or_default().to_owned();
        let last = name.rsplit('.').next().unwrap_or_default();
        let (line, position) = lexed.find(last).unwrap_or((1, 0));
        error.message = format!(
            "SQL compilation error: error line {line} at position {position}\ninvalid identifier '{name}'"
        );
    }
    error
}

/// `USE ROLE|WAREHOUSE|DATABASE|SCHEMA|SECONDARY ROLES name`
fn use_name(lexed: &Lexed, session: &mut Session, store: &Store) -> Result<Answer, SnowflakeError> {
    let kind = lexed.word(1);
    if kind == "SECONDARY" {
        return Answer::status("Statement executed successfully.");
    }
    let skip = if matches!(kind, "ROLE" | "WAREHOUSE" | "DATABASE" | "SCHEMA") { 2 } else { 1 };
    let mut parser = lexed.from(skip).parser();
    let written = parser.parse_object_name(false).map_err(|e| lex::unparsable(&e))?;
    let parts = session::parts(&written)?;
    let name = parts.last().cloned().unwrap_or_default();
    let missing = |what: &str| {
        SnowflakeError::new(
            "002043",
            "02000",
            format!(
                "SQL compilation error:\n{what} does not exist, or operation cannot be performed: '{written}'."
            ),
        )
    };
    match (kind, parts.len()) {
        ("ROLE", _) if name == session::ROLE => {}
        ("ROLE", _) => return Err(session::unknown_role(&name)),
        ("WAREHOUSE", _) if name == session::WAREHOUSE => {}
        ("WAREHOUSE", _) => return Err(missing("Object")),
        ("SCHEMA", _) | (_, 2) => {
            let (database, schema) = session.resolve_schema(&written)?;
            if !store.has_schema(&database, &schema) && schema != INFORMATION_SCHEMA {
                return Err(missing("Object"));
            }
            session.database = Some(database);
            session.schema = Some(schema);
        }
        _ => {
            if !store.databases().contains(&name) {
                return Err(missing("Object"));
            }
            session.use_database(&name, store);
        }
    }
    Answer::status("Statement executed successfully.")
}

/// Parameters are accepted when they change nothing that this warehouse would have to honour.
fn alter_session(lexed: &Lexed) -> Result<Answer, SnowflakeError> {
    let name = lexed.word(3);
    let value = lexed.tokens().nth(5);
    let is_fixed = |expected: &str| match value {
        Some(Token::SingleQuotedString(text)) => text.eq_ignore_ascii_case(expected),
        Some(Token::Word(word)) => word.value.eq_ignore_ascii_case(expected),
        Some(Token::Number(text, _)) => text == expected,
        _ => false,
    };
    let is_accepted = lexed.word(2) == "UNSET"
        || match name {
            "QUERY_TAG" | "STATEMENT_TIMEOUT_IN_SECONDS" | "USE_CACHED_RESULT" | "LOCK_TIMEOUT" => true,
            "TIMEZONE" => is_fixed("UTC"),
            "AUTOCOMMIT" => is_fixed("TRUE"),
            "QUOTED_IDENTIFIERS_IGNORE_CASE" => is_fixed("FALSE"),
            "WEEK_START" | "ROWS_PER_RESULTSET" => is_fixed("0"),
            _ => false,
        };
    if is_accepted {
        Answer::status("Statement executed successfully.")
    } else {
        Err(SnowflakeError::new(
            "001006",
            "22023",
            format!("SQL compilation error:\ninvalid property '{name}' for 'SESSION'"),
        ))
    }
}

/// `SET name = constant`
fn set_variable(lexed: &Lexed, session: &mut Session) -> Result<Answer, SnowflakeError> {
    let name = lexed.word(1).to_owned();
    let mut tokens = lexed.tokens().skip(2).cloned();
    let value: Vec<Token> = match tokens.next() {
        Some(Token::Eq) => tokens.collect(),
        _ => vec![],
    };
    let is_constant = matches!(
        value.as_slice(),
        [Token::Number(_, _) | Token::SingleQuotedString(_)] | [Token::Minus, Token::Number(_, _)]
    ) || matches!(value.as_slice(), [Token::Word(w)] if matches!(w.value.as_str(), "TRUE" | "FALSE"));
    if name.is_empty() || !is_constant {
        return Err(SnowflakeError::unsupported("SET of anything but one constant"));
    }
    session.variables.insert(name, value);
    Answer::status("Statement executed successfully.")
}

/// `CALL SYSTEM$WAIT(n)`: seconds, or another unit.
async fn wait(lexed: &Lexed) -> Result<Answer, SnowflakeError> {
    let number = lexed.tokens().find_map(|token| match token {
        Token::Number(text, _) => text.parse::<f64>().ok(),
        _ => None,
    });
    let unit = lexed.tokens().find_map(|token| match token {
        Token::SingleQuotedString(text) => Some(text.to_uppercase()),
        _ => None,
    });
    let factor = match unit.as_deref() {
        None | Some("SECONDS" | "SECOND") => 1.0,
        Some("MILLISECONDS" | "MILLISECOND") => 0.001,
        Some("MINUTES" | "MINUTE") => 60.0,
        Some(_) => return Err(SnowflakeError::unsupported("this unit of time")),
    };
    let number = number.ok_or_else(|| SnowflakeError::unsupported("SYSTEM$WAIT without a number"))?;
    let seconds = (number * factor).clamp(0.0, LONGEST_WAIT);
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    let unit = unit.unwrap_or_else(|| "SECONDS".to_owned()).to_lowercase();
    Answer::table(
        &[("SYSTEM$WAIT", types::TEXT)],
        &[vec![result::Cell::text(format!("waited {number} {unit}"))]],
    )
}
