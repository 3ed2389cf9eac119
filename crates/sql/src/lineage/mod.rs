//! What a statement shows, tests, reads and writes, told from the parser's tree.

mod aggregate;
mod constant;
mod cte;
mod expressions;
mod functions;
mod pivots;
mod query;
mod reader;
mod relations;
mod scope;
mod sort;
mod value;
mod views;
mod wildcard;
mod writes;

pub(crate) use constant::is_always_true;
pub(crate) use reader::Reader;
pub(crate) use value::Derived;
