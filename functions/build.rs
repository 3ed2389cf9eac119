//! Of a function that is built to end where it panics, as `sam build` has it, what would unwind is left out (`unwinding.ld`): nobody uses
//! it, and it is a tenth of the zip.

#![allow(clippy::disallowed_methods, reason = "Cargo tells a build by its environment")]

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=../../build.rs");
    println!("cargo::rerun-if-changed=../../unwinding.ld");
    let is_set = |name: &str, value: &str| env::var(name).is_ok_and(|set| set == value);
    if is_set("CARGO_CFG_PANIC", "abort") && is_set("CARGO_CFG_TARGET_OS", "linux") {
        let folder = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
        println!("cargo::rustc-link-arg-bins=-Wl,-T,{folder}/../../unwinding.ld");
    }
}
