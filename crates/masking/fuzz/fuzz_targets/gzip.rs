//! Any bytes are inflated without a panic, a hang or more coming out than was allowed; what is whole is what another
//! reader makes of it, and what is deflated comes back.
#![no_main]

use std::io::{Read, Write};
use std::sync::{Arc, LazyLock};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use libfuzzer_sys::fuzz_target;
use masking::{Deflater, GzipError, Inflater, MaskPlan};
use masking_fuzz::plan;

static PLAN: LazyLock<Arc<MaskPlan>> = LazyLock::new(plan);

const MOST: u64 = 1 << 20;

fn inflate(input: &[u8], slice: usize) -> Result<Vec<u8>, GzipError> {
    let mut inflater = Inflater::new(MOST);
    let mut out = Vec::new();
    for slice in input.chunks(slice) {
        inflater.push(slice, |portion| {
            out.extend_from_slice(portion);
            Ok::<(), GzipError>(())
        })?;
    }
    inflater.finish().map(|()| out)
}

fuzz_target!(|data: &[u8]| {
    let Some((&slice, raw)) = data.split_first() else { return };
    let slice = usize::from(slice) + 1;
    let found = inflate(raw, slice);
    if let Ok(out) = &found {
        assert!(out.len() as u64 <= MOST);
        let mut other = Vec::new();
        let read = MultiGzDecoder::new(raw).take(MOST + 1).read_to_end(&mut other);
        assert!(raw.is_empty() || read.is_ok() && other == *out);
    }

    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(raw).expect("memory");
    let packed = encoder.finish().expect("memory");
    assert_eq!(inflate(&packed, slice).as_deref(), Ok(raw));

    // Through the machine and out again.
    let cell = String::from_utf8_lossy(raw);
    let rows = serde_json::to_vec(&[[Some(&cell); 5]]).expect("texts");
    let mut machine = PLAN.machine();
    machine.push(&rows).expect("rows");
    let mut deflater = Deflater::default();
    let masked = machine.take_rows(usize::MAX).expect("a row");
    deflater.add_rows(&masked).expect("gzip");
    let packed = deflater.finish().expect("gzip");
    assert_eq!(inflate(packed.get(), slice).as_deref(), Ok(masked.get().text()));
});
