//! From a parsed statement to the engine's plan: names are looked up, views opened, settings made Snowflake's.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, CatalogProviderList, SchemaProvider, TableProvider};
use datafusion::common::{Column, TableReference};
use datafusion::datasource::ViewTable;
use datafusion::error::{DataFusionError, Result as EngineResult};
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::prelude::SessionConfig;
use datafusion::sql::parser::Statement as EngineStatement;
use datafusion::sql::sqlparser::ast;
use domain::{Bindings, ObjectName};
use futures::future::BoxFuture;

use crate::errors::SnowflakeError;
use crate::lex::{self, Lexed};
use crate::session::Session;
use crate::store::{INFORMATION_SCHEMA, Object, Store};
use crate::{functions, information, operators, rewrite, types, weight};

/// What all statements together may hold while they run.
const MEMORY_POOL: usize = 512 << 20;
/// Views over views, at most so deep.
const DEEPEST_VIEW: usize = 16;
/// Views that one statement may open, each counted as often as it is named by another view.
const MOST_VIEWS: usize = 500;
/// Rows that an operator makes at once, unless a statement's texts are so long that it must be fewer.
pub(crate) const BATCH_ROWS: usize = 2048;

/// Plans statements over a store.
pub(crate) struct Planner {
    template: SessionState,
    /// What the names mean.
    pub store: Arc<Store>,
}

/// A plan and the settings to run it with.
pub(crate) struct Planned {
    /// Unoptimised.
    pub plan: LogicalPlan,
    /// What plans and runs it.
    pub state: SessionState,
    /// Its size with everything that its names stand for.
    weight: usize,
}

/// Where in views over views planning stands.
#[derive(Clone, Copy)]
struct Nest<'a> {
    depth: usize,
    /// Views opened so far for the whole statement.
    opened: &'a AtomicUsize,
}

impl Planner {
    /// A planner with Snowflake's functions, names and orders.
    pub fn new(store: Arc<Store>) -> EngineResult<Self> {
        let mut config = SessionConfig::new()
            .with_target_partitions(1)
            .with_batch_size(BATCH_ROWS)
            .with_information_schema(false);
        let options = config.options_mut();
        options.sql_parser.enable_ident_normalization = false;
        options.sql_parser.parse_float_as_decimal = true;
        options.sql_parser.map_string_types_to_utf8view = false;
        options.sql_parser.default_null_ordering = "nulls_max".to_owned();
        options.execution.time_zone = Some(types::ZONE.to_owned());
        options.catalog.create_default_catalog_and_schema = false;
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(GreedyMemoryPool::new(MEMORY_POOL)))
            // Nothing spills: the demo's data fits, and no cell value is to touch a disk.
            .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled))
            .build_arc()?;
        let mut builder =
            SessionStateBuilder::new_with_default_features().with_config(config).with_runtime_env(runtime);
        if let Some(planners) = builder.expr_planners() {
            planners.insert(0, Arc::new(operators::Operators));
        }
        if let Some(scalars) = builder.scalar_functions() {
            functions::bound(scalars);
            scalars.extend(functions::all());
        }
        Ok(Self { template: builder.build(), store })
    }

    /// Plans one parsed statement; its rewriting happens here.
    pub async fn plan(
        &self,
        mut statement: ast::Statement,
        session: &Session,
    ) -> Result<Planned, SnowflakeError> {
        rewrite::statement(&mut statement, session)?;
        let opened = AtomicUsize::new(0);
        self.plan_at(statement, session, Nest { depth: 0, opened: &opened }).await
    }

    fn plan_at<'a>(
        &'a self,
        statement: ast::Statement,
        session: &'a Session,
        nest: Nest<'a>,
    ) -> BoxFuture<'a, Result<Planned, SnowflakeError>> {
        Box::pin(async move {
            let mut state = self.template.clone();
            let options = state.config_mut().options_mut();
            options.catalog.default_catalog = session.database.clone().unwrap_or_default();
            options.catalog.default_schema = session.schema.clone().unwrap_or_default();
            // Functions that tell the time have none before this, and fail.
            state.mark_start_execution();
            let engine_statement = EngineStatement::Statement(Box::new(statement.clone()));
            let mut names = Names::default();
            let mut views = BTreeMap::new();
            for reference in state.resolve_table_references(&engine_statement)? {
                let weight = self.look_up(&reference, session, nest, &mut names).await?;
                let known: &mut usize = views.entry(reference.table().to_owned()).or_default();
                *known = weight.max(*known);
            }
            // By its last part only: a table that shares a view's name in another schema counts as that view.
            let of_view = |name: &ast::ObjectName| {
                let last = name.0.last().and_then(ast::ObjectNamePart::as_ident);
                last.and_then(|ident| views.get(&ident.value)).copied().unwrap_or(0)
            };
            let weight = weight::expanded(&statement, &of_view)?;
            state.register_catalog_list(Arc::new(names));
            let plan = state.statement_to_plan(engine_statement).await?;
            Ok(Planned { plan, state, weight })
        })
    }

    /// Finds an object for a statement; how much it weighs beyond its name.
    async fn look_up(
        &self,
        reference: &TableReference,
        session: &Session,
        nest: Nest<'_>,
        names: &mut Names,
    ) -> Result<usize, SnowflakeError> {
        if self.template.table_functions().contains_key(reference.table()) {
            return Ok(0);
        }
        let database = reference.catalog().map(str::to_owned).or_else(|| session.database.clone());
        let schema = reference.schema().map(str::to_owned).or_else(|| session.schema.clone());
        let (Some(database), Some(schema)) = (database, schema) else {
            return Err(SnowflakeError::no_database());
        };
        let name = ObjectName::new(database, schema, reference.table());
        let (provider, weight) = match &session.stand_in {
            Some((stood_for, provider)) if *stood_for == name => (Arc::clone(provider), 0),
            _ => self.provider(&name, nest).await?,
        };
        names.insert(name, provider);
        Ok(weight)
    }

    async fn provider(
        &self,
        name: &ObjectName,
        nest: Nest<'_>,
    ) -> Result<(Arc<dyn TableProvider>, usize), SnowflakeError> {
        if name.schema == INFORMATION_SCHEMA {
            let table = information::table(&self.store, &name.database, &name.name)?;
            let table = table.ok_or_else(|| SnowflakeError::missing("Object", &name.to_string()))?;
            return Ok((table, 0));
        }
        match self.store.get(name).map(|entry| entry.object) {
            Some(Object::Table(table)) => Ok((table, 0)),
            Some(Object::View { definition, schema }) => {
                if nest.opened.fetch_add(1, Ordering::Relaxed) >= MOST_VIEWS {
                    return Err(SnowflakeError::too_complex());
                }
                if nest.depth >= DEEPEST_VIEW {
                    return Err(SnowflakeError::unsupported("views nested so deeply"));
                }
                let columns = schema.fields().iter().map(|f| f.name().clone()).collect::<Vec<_>>();
                let nest = Nest { depth: nest.depth + 1, ..nest };
                let (plan, weight) = self.open_view(name, &definition, &columns, nest).await?;
                Ok((Arc::new(ViewTable::new(plan, Some(definition.to_string()))), weight))
            }
            None => Err(SnowflakeError::missing("Object", &name.to_string())),
        }
    }

    /// Plans a view's query in the view's own schema, under the view's full name and column names.
    pub async fn plan_view(
        &self,
        name: &ObjectName,
        definition: &str,
        columns: &[String],
    ) -> Result<LogicalPlan, SnowflakeError> {
        let opened = AtomicUsize::new(0);
        let nest = Nest { depth: 1, opened: &opened };
        self.open_view(name, definition, columns, nest).await.map(|(plan, _)| plan)
    }

    async fn open_view(
        &self,
        name: &ObjectName,
        definition: &str,
        columns: &[String],
        nest: Nest<'_>,
    ) -> Result<(LogicalPlan, usize), SnowflakeError> {
        let session = Session {
            database: Some(name.database.clone()),
            schema: Some(name.schema.clone()),
            ..Session::default()
        };
        let mut statement = parse_view(definition)?;
        rewrite::statement(&mut statement, &session)?;
        let Planned { plan, weight, state: _ } = self.plan_at(statement, &session, nest).await?;
        if !columns.is_empty() && columns.len() != plan.schema().fields().len() {
            return Err(SnowflakeError::new(
                "002057",
                "42601",
                format!(
                    "SQL compilation error:\nView definition for '{name}' declared {} column(s), but view query produces {} column(s).",
                    columns.len(),
                    plan.schema().fields().len()
                ),
            ));
        }
        let outputs: Vec<Expr> = plan
            .schema()
            .columns()
            .into_iter()
            .enumerate()
            .map(|(n, column): (usize, Column)| match columns.get(n) {
                Some(alias) if *alias != column.name => Expr::Column(column).alias(alias),
                _ => Expr::Column(column),
            })
            .collect();
        let full = TableReference::full(name.database.clone(), name.schema.clone(), name.name.clone());
        Ok((LogicalPlanBuilder::from(plan).project(outputs)?.alias(full)?.build()?, weight))
    }
}

fn parse_view(definition: &str) -> Result<ast::Statement, SnowflakeError> {
    let statements = lex::split(definition, &Bindings::new())?;
    let lexed: &Lexed = statements.first().ok_or_else(SnowflakeError::internal)?;
    lexed.parser().parse_statement().map_err(|e| lex::unparsable(&e))
}

/// The objects that one statement reads, found beforehand.
#[derive(Default, Debug)]
struct Names {
    databases: BTreeMap<String, Arc<Database>>,
}

#[derive(Default, Debug, Clone)]
struct Database {
    schemas: BTreeMap<String, Arc<Schema>>,
}

#[derive(Default, Debug, Clone)]
struct Schema {
    tables: HashMap<String, Arc<dyn TableProvider>>,
}

impl Names {
    fn insert(&mut self, name: ObjectName, provider: Arc<dyn TableProvider>) {
        let database = Arc::make_mut(self.databases.entry(name.database).or_default());
        let schema = Arc::make_mut(database.schemas.entry(name.schema).or_default());
        schema.tables.insert(name.name, provider);
    }
}

impl CatalogProviderList for Names {
    fn register_catalog(&self, _: String, _: Arc<dyn CatalogProvider>) -> Option<Arc<dyn CatalogProvider>> {
        None
    }

    fn catalog_names(&self) -> Vec<String> {
        self.databases.keys().cloned().collect()
    }

    fn catalog(&self, name: &str) -> Option<Arc<dyn CatalogProvider>> {
        Some(Arc::clone(self.databases.get(name)?) as _)
    }
}

impl CatalogProvider for Database {
    fn schema_names(&self) -> Vec<String> {
        self.schemas.keys().cloned().collect()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        Some(Arc::clone(self.schemas.get(name)?) as _)
    }
}

#[async_trait]
impl SchemaProvider for Schema {
    fn table_names(&self) -> Vec<String> {
        self.tables.keys().cloned().collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        Ok(self.tables.get(name).cloned())
    }

    fn table_exist(&self, name: &str) -> bool {
        self.tables.contains_key(name)
    }
}
