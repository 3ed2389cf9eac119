//! Any bytes are read as an export in either form without a panic, a hang or much memory.
#![no_main]

use evidence::costs::Form;
use evidence_fuzz::check_export;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    // Whoever mutates JSON or protobuf keeps to it: the other is refused at its first byte.
    check_export(body, Form::Json);
    check_export(body, Form::Protobuf);
});
