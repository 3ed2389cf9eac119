//! Stored tables: Arrow batches in memory, replaced whole by whoever writes.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::memory::{DataSourceExec, MemorySourceConfig};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use tokio::sync::{Mutex, OnceCell};

use crate::result::size_of;

/// The rows of a table at one moment.
pub(crate) type Batches = Arc<Vec<RecordBatch>>;

/// Makes a table's rows when somebody first asks for them.
pub(crate) type Generate = Box<dyn Fn() -> Result<Vec<RecordBatch>> + Send + Sync>;

/// A table whose rows lie in memory.
pub(crate) struct MemoryTable {
    schema: SchemaRef,
    rows: Rows,
    /// Held while a statement rewrites the rows, so that two writers do not lose each other's work.
    pub writer: Mutex<()>,
}

enum Rows {
    Stored(RwLock<Batches>),
    Generated { generate: Arc<Generate>, made: OnceCell<Batches> },
}

impl MemoryTable {
    /// A table with these rows.
    pub fn stored(schema: SchemaRef, batches: Vec<RecordBatch>) -> Self {
        Self { schema, rows: Rows::Stored(RwLock::new(Arc::new(batches))), writer: Mutex::new(()) }
    }

    /// A read-only table that is generated on its first scan.
    pub fn generated(schema: SchemaRef, generate: Generate) -> Self {
        let rows = Rows::Generated { generate: Arc::new(generate), made: OnceCell::new() };
        Self { schema, rows, writer: Mutex::new(()) }
    }

    /// Its columns.
    pub fn schema_of(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// The rows as they are now.
    pub async fn batches(&self) -> Result<Batches> {
        match &self.rows {
            Rows::Stored(batches) => Ok(Arc::clone(&batches.read().unwrap_or_else(PoisonError::into_inner))),
            Rows::Generated { generate, made } => {
                let make = async || {
                    let generate = Arc::clone(generate);
                    let made = tokio::task::spawn_blocking(move || generate()).await;
                    made.map_err(|e| DataFusionError::External(Box::new(e)))?.map(Arc::new)
                };
                made.get_or_try_init(make).await.cloned()
            }
        }
    }

    /// Puts these rows in the place of the old ones; false when the table is read-only.
    pub fn replace(&self, batches: Vec<RecordBatch>) -> bool {
        match &self.rows {
            Rows::Stored(stored) => {
                *stored.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(batches);
                true
            }
            Rows::Generated { .. } => false,
        }
    }

    /// How much memory its rows need that statements stored.
    pub fn stored_bytes(&self) -> usize {
        match &self.rows {
            Rows::Stored(batches) => {
                batches.read().unwrap_or_else(PoisonError::into_inner).iter().map(size_of).sum()
            }
            Rows::Generated { .. } => 0,
        }
    }

    /// How many rows there are; none while they were never made.
    pub fn row_count(&self) -> Option<usize> {
        let count = |batches: &Batches| batches.iter().map(RecordBatch::num_rows).sum();
        match &self.rows {
            Rows::Stored(batches) => Some(count(&batches.read().unwrap_or_else(PoisonError::into_inner))),
            Rows::Generated { made, .. } => made.get().map(count),
        }
    }
}

impl fmt::Debug for MemoryTable {
    // SECURITY: rows are cell values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemoryTable({} columns)", self.schema.fields().len())
    }
}

#[async_trait]
impl TableProvider for MemoryTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let batches = self.batches().await?;
        let source =
            MemorySourceConfig::try_new(&[batches.to_vec()], Arc::clone(&self.schema), projection.cloned())?
                .with_limit(limit);
        Ok(DataSourceExec::from_data_source(source))
    }
}
