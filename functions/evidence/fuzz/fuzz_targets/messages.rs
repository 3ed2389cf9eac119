//! Any text is read as what a model received or produced without a panic, a hang or much memory.
#![no_main]

use evidence::costs::Form;
use evidence_fuzz::check_export;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|messages: (&str, &str)| {
    let (received, produced) = messages;
    let pair = |key: &str, text: &str| json!({ "key": key, "value": { "stringValue": text } });
    let attributes = [pair("gen_ai.input.messages", received), pair("gen_ai.output.messages", produced)];
    let body = json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": [{ "attributes": attributes }] }] }] });
    check_export(body.to_string().as_bytes(), Form::Json);
});
