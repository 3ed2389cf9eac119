//! Any bytes are read as a hook or an application's prompt without a panic, a hang or much memory.
#![no_main]

use evidence_fuzz::check_small;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|body: &[u8]| {
    check_small(body);
    // As the arguments of a call, which nest a text in a text.
    let text = String::from_utf8_lossy(body);
    let name = "mcp__snowgate__run_sql";
    for event in ["PreToolUse", "preToolUse"] {
        let call =
            json!({ "hook_event_name": event, "tool_name": name, "tool_use_id": "t", "tool_input": text });
        check_small(call.to_string().as_bytes());
    }
});
