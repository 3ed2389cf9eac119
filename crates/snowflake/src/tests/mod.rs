//! What this adapter does against a server that keeps to the protocol, and against one that lies.

mod catalogs;
mod golden;
mod lies;
mod oauth;
mod patience;
mod settings;
pub(crate) mod support;
