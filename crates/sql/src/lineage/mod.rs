//! What a statement shows, tests, reads and writes, told from the parser's tree.

mod aggregate;
mod arguments;
mod casts;
mod constant;
mod cte;
mod expressions;
mod frame;
mod functions;
mod lambdas;
mod naming;
mod paths;
mod pivots;
mod query;
mod reader;
mod relations;
mod scope;
mod set_operations;
mod size;
mod sort;
mod stores;
mod tables;
mod ties;
mod value;
mod views;
mod wildcard;
mod writes;

pub(crate) use reader::{BYTES_OF_NAMES, MOST_TOLD, Reader, bytes_of_object};
pub(crate) use value::{Beyond, Derived};
