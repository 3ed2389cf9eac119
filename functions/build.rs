//! Of a function that is built as `sam build` has it, to end where it panics, what would unwind is left out (`unwinding.ld`): nobody uses
//! it, and it is an eighth of the zip. `.cargo/config.toml` says that it is so; Cargo itself does not tell how a profile panics.

#![allow(clippy::disallowed_methods, reason = "Cargo tells a build by its environment")]

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=../../build.rs");
    println!("cargo::rerun-if-changed=../../unwinding.ld");
    println!("cargo::rerun-if-env-changed=SNOWGATE_PANICS");
    let is_set = |name: &str, value: &str| env::var(name).is_ok_and(|set| set == value);
    if is_set("PROFILE", "release")
        && is_set("SNOWGATE_PANICS", "abort")
        && is_set("CARGO_CFG_TARGET_OS", "linux")
    {
        let folder = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
        println!("cargo::rustc-link-arg-bins=-Wl,-T,{folder}/../../unwinding.ld");
    }
}
