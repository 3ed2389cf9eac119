//! Any bytes are taken as rows without a panic or a hang; what comes out is rows, masked, and the same however the
//! bytes were sliced.
#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use masking::MaskPlan;
use masking_fuzz::{is_masked, plan};

static PLAN: LazyLock<Arc<MaskPlan>> = LazyLock::new(plan);

/// What is masked before the first fault, and whether there was none.
fn run(input: &[u8], slice: usize) -> (Vec<u8>, bool) {
    let mut machine = PLAN.machine();
    let is_good = input.chunks(slice).all(|slice| machine.push(slice).is_ok());
    let rows = machine.take_rows(usize::MAX).map_or_else(Vec::new, |rows| rows.into_inner().to_array());
    (rows, is_good && machine.finish().is_ok())
}

fuzz_target!(|data: &[u8]| {
    let Some((&slice, raw)) = data.split_first() else { return };
    // Half of the runs look at cells, the others at all that may be around them.
    let wrapped;
    let input = if slice & 1 == 0 {
        raw
    } else {
        let cells: Vec<_> = raw.split(|b| *b == 0).map(String::from_utf8_lossy).take(50).collect();
        let rows: Vec<Vec<_>> = cells.chunks_exact(5).map(<[_]>::to_vec).collect();
        wrapped = serde_json::to_vec(&rows).expect("texts");
        &wrapped
    };
    let (out, is_good) = run(input, usize::from(slice) + 1);
    assert_eq!((&out, is_good), (&run(input, input.len().max(1)).0, run(input, input.len().max(1)).1));
    if !out.is_empty() {
        let rows: Vec<[Option<String>; 5]> = serde_json::from_slice(&out).expect("rows");
        for [ssn, phone, salary, ..] in &rows {
            assert!(is_masked(ssn.as_deref(), phone.as_deref(), salary.as_deref()));
        }
    }
});
