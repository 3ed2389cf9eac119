//! Functions that the engine does not have.

mod bounds;
mod dates;
mod json;
mod numbers;
mod texts;

use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

pub(crate) use bounds::{LARGEST_BATCH, bound};
pub(crate) use dates::{date_add, date_diff};
pub(crate) use json::{plain, sorted, value_at};
pub(crate) use numbers::divide;
pub(crate) use texts::concat;

/// Every function, to be registered.
pub(crate) fn all() -> Vec<Arc<ScalarUDF>> {
    let mut all = json::all();
    all.extend(dates::all());
    all.extend(numbers::all());
    all.extend(texts::all());
    all
}

/// A function over whole columns.
struct Column {
    name: &'static str,
    signature: Signature,
    /// The field that it returns for arguments with these fields.
    returns: fn(&[FieldRef]) -> Result<FieldRef>,
    /// The rows that it returns for these columns, all of the given length.
    run: fn(&[ArrayRef], &[FieldRef], usize) -> Result<ArrayRef>,
}

impl Column {
    fn make(
        name: &'static str,
        returns: fn(&[FieldRef]) -> Result<FieldRef>,
        run: fn(&[ArrayRef], &[FieldRef], usize) -> Result<ArrayRef>,
    ) -> Arc<ScalarUDF> {
        let signature = Signature::user_defined(Volatility::Immutable);
        Arc::new(ScalarUDF::from(Self { name, signature, returns, run }))
    }
}

impl std::fmt::Debug for Column {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Column {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Column {}

impl Hash for Column {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Column {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    // Any arguments, as they come: each function says itself what it cannot take.
    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arguments.to_vec())
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Err(DataFusionError::Internal("the field tells the type".to_owned()))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        (self.returns)(args.arg_fields)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        bounds::check_arguments(&args)?;
        let is_scalar = args.args.iter().all(|a| matches!(a, ColumnarValue::Scalar(_)));
        let rows = if is_scalar { 1 } else { args.number_rows };
        let columns = args.args.into_iter().map(|a| a.into_array(rows)).collect::<Result<Vec<_>>>()?;
        let _trees = bounds::check_trees(&columns, &args.arg_fields, self.name)?;
        let array = (self.run)(&columns, &args.arg_fields, rows)?;
        bounds::check_answer(self.name, &ColumnarValue::Array(Arc::clone(&array)), array.len())?;
        if is_scalar && !array.is_empty() {
            return Ok(ColumnarValue::Scalar(datafusion::common::ScalarValue::try_from_array(&array, 0)?));
        }
        Ok(ColumnarValue::Array(array))
    }
}

/// What to say of arguments that a function cannot take.
fn wrong_arguments(name: &str) -> DataFusionError {
    DataFusionError::Plan(format!("signature of function '{name}' does not match its arguments"))
}

/// A function that several places call, made once.
type Shared = LazyLock<Arc<ScalarUDF>>;
