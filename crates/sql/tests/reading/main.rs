//! What statements show, test, read and write, as tables of examples.

mod acme;
mod calls;
mod opaque;
mod shown;
mod tested;
mod written;
