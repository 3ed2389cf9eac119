//! The four proofs (`Principal`, `Permit`, `Masked<…>`, `Reply`) cannot be forged: every file in `tests/forgeries`
//! tries it in one way, and beside it stands what the compiler must say. Here is what a forgery may use.

pub use {domain, gateway, masking, serde_json};
