//! What flows between a plan's operators, counted against the memory that all statements share.
//!
//! The engine counts what operators keep (joined, sorted, grouped rows), but neither the batches that pass between them nor
//! what the operator for windows keeps, and a join may make of one long text as many copies as a batch has rows. A guard
//! stands above each operator; it cuts batches to the statement's size and reserves them while they are in use.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::recursive_query::RecursiveQueryExec;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::{Stream, StreamExt};

use crate::errors::SnowflakeError;
use crate::functions::LARGEST_BATCH;
use crate::plan::BATCH_ROWS;
use crate::result::{size_of, size_of_array};

/// How many rows a batch may have, so that the statement's constants, one copy a row, fit.
pub(crate) fn batch_rows(plan: &LogicalPlan) -> Result<usize> {
    let mut constants = 0_usize;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                if let Expr::Literal(value, _) = expr {
                    constants = constants.saturating_add(value.size());
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok((LARGEST_BATCH / constants.max(1)).clamp(1, BATCH_ROWS))
}

/// Puts a guard above each operator that another one reads.
pub(crate) fn guard(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    plan.transform_up(|node| {
        let usage = usage(node.as_ref());
        let children: Vec<_> = node.children().into_iter().cloned().collect();
        if children.is_empty() {
            return Ok(Transformed::no(node));
        }
        let guarded = children.into_iter().map(|child| Arc::new(Guard::new(child, usage)) as _);
        Ok(Transformed::yes(renewed(node, guarded.collect())?))
    })
    .data()
}

fn renewed(
    node: Arc<dyn ExecutionPlan>,
    children: Vec<Arc<dyn ExecutionPlan>>,
) -> Result<Arc<dyn ExecutionPlan>> {
    datafusion::physical_plan::replace_children_if_necessary(node, children)
}

/// What an operator does with a batch that it reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Usage {
    /// It is done with it when it asks for the next one, or counts what it keeps.
    Passes,
    /// It also makes copies of its rows, up to a whole batch of copies of one row.
    Repeats,
    /// It makes copies, and keeps all rows without counting them.
    Keeps,
}

fn usage(node: &dyn ExecutionPlan) -> Usage {
    if node.is::<WindowAggExec>() || node.is::<BoundedWindowAggExec>() {
        Usage::Keeps
    } else if node.children().len() < 2 || node.is::<UnionExec>() || node.is::<RecursiveQueryExec>() {
        Usage::Passes
    } else {
        Usage::Repeats
    }
}

/// The operator below, counted.
#[derive(Debug)]
struct Guard {
    input: Arc<dyn ExecutionPlan>,
    usage: Usage,
}

impl Guard {
    fn new(input: Arc<dyn ExecutionPlan>, usage: Usage) -> Self {
        Self { input, usage }
    }
}

impl DisplayAs for Guard {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guard")
    }
}

impl ExecutionPlan for Guard {
    fn name(&self) -> &str {
        "Guard"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    #[allow(deprecated, reason = "the trait still requires it")]
    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut children = children.into_iter();
        let (Some(input), None) = (children.next(), children.next()) else {
            return Err(DataFusionError::Internal("a guard has one input".to_owned()));
        };
        Ok(Arc::new(Self::new(input, self.usage)))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let held = MemoryConsumer::new("batches").register(context.memory_pool());
        let rows = context.session_config().batch_size().max(1);
        let input = self.input.execute(partition, context)?;
        Ok(Box::pin(Guarded { input, usage: self.usage, rows, current: None, held }))
    }
}

struct Guarded {
    input: SendableRecordBatchStream,
    usage: Usage,
    /// A batch's rows at most.
    rows: usize,
    /// What is left of the input's last batch.
    current: Option<RecordBatch>,
    held: MemoryReservation,
}

impl Guarded {
    /// The next rows of the current batch, reserved.
    fn cut(&mut self) -> Option<Result<RecordBatch>> {
        let batch = self.current.take()?;
        let first = batch.slice(0, batch.num_rows().min(self.rows));
        if batch.num_rows() > self.rows {
            self.current = Some(batch.slice(self.rows, batch.num_rows() - self.rows));
        }
        Some(self.hold(&first).map(|()| first))
    }

    fn hold(&mut self, batch: &RecordBatch) -> Result<()> {
        let bytes = size_of(batch);
        match self.usage {
            Usage::Passes => return self.held.try_resize(bytes),
            Usage::Repeats => self.held.try_resize(bytes)?,
            Usage::Keeps => self.held.try_grow(bytes)?,
        }
        if widest_row(batch, bytes).saturating_mul(self.rows) > LARGEST_BATCH {
            return Err(DataFusionError::External(Box::new(SnowflakeError::too_large())));
        }
        Ok(())
    }
}

/// About how many bytes the widest row has, never less; a batch of small size needs no closer look.
fn widest_row(batch: &RecordBatch, bytes: usize) -> usize {
    if bytes <= LARGEST_BATCH / BATCH_ROWS {
        return bytes;
    }
    batch.columns().iter().map(widest_cell).sum()
}

fn widest_cell(array: &ArrayRef) -> usize {
    let rows = 0..array.len();
    match array.data_type() {
        DataType::Utf8 => rows.map(|row| array.as_string::<i32>().value(row).len()).max(),
        DataType::Binary => rows.map(|row| array.as_binary::<i32>().value(row).len()).max(),
        data_type if data_type.primitive_width().is_some() => data_type.primitive_width(),
        DataType::Boolean => Some(1),
        _ => rows.map(|row| size_of_array(&array.slice(row, 1))).max(),
    }
    .unwrap_or(0)
}

impl Stream for Guarded {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(batch) = self.cut() {
            return Poll::Ready(Some(batch));
        }
        if self.usage != Usage::Keeps {
            self.held.free();
        }
        match ready!(self.input.poll_next_unpin(context)) {
            Some(Ok(batch)) => {
                self.current = Some(batch);
                Poll::Ready(self.cut())
            }
            other => Poll::Ready(other),
        }
    }
}

impl RecordBatchStream for Guarded {
    fn schema(&self) -> SchemaRef {
        self.input.schema()
    }
}
