//! Any bytes, and any changes to good streams, are taken as Arrow without a panic or a hang; what comes out is a
//! stream, masked, and the same however the bytes were sliced.
#![no_main]

use std::sync::{Arc, LazyLock};

use arrow_array::builder::StringDictionaryBuilder;
use arrow_array::types::Int8Type;
use arrow_array::{
    Array, ArrayRef, Decimal128Array, Int32Array, Int64Array, RecordBatch, StringArray, StructArray,
};
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{DataType, Field, Schema};
use libfuzzer_sys::fuzz_target;
use masking::MaskPlan;
use masking_fuzz::{NAMES, is_masked, plan};

const SECRET: &str = "078-05-1120";

static PLAN: LazyLock<Arc<MaskPlan>> = LazyLock::new(plan);

static GOOD: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| [stream(false), stream(true)]);

fn stream(is_dictionary: bool) -> Vec<u8> {
    let texts = [Some(SECRET), None, Some("x 078-05-1120 y"), Some("")];
    let text: ArrayRef = if is_dictionary {
        let mut builder = StringDictionaryBuilder::<Int8Type>::new();
        texts.iter().for_each(|text| builder.append_option(*text));
        Arc::new(builder.finish())
    } else {
        Arc::new(StringArray::from_iter(texts))
    };
    let child = |name, held| Arc::new(Field::new(name, held, true));
    let moments = StructArray::from(vec![
        (child("epoch", DataType::Int64), Arc::new(Int64Array::from(vec![1, 2, 3, 4])) as ArrayRef),
        (child("fraction", DataType::Int32), Arc::new(Int32Array::from(vec![1, 2, 3, 4])) as ArrayRef),
    ]);
    let columns: [ArrayRef; 5] = [
        Arc::clone(&text),
        Arc::clone(&text),
        Arc::new(Int64Array::from_iter([Some(123_456), None, Some(-1), Some(0)])),
        text,
        Arc::new(moments),
    ];
    let fields: Vec<Field> = NAMES
        .iter()
        .zip(&columns)
        .map(|(name, array)| {
            let told = [("logicalType".to_owned(), "TEXT".to_owned())];
            let field = Field::new(*name, array.data_type().clone(), true);
            if *name == "NOTE" { field.with_metadata(told.into()) } else { field }
        })
        .collect();
    let batch =
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.to_vec()).expect("four rows each");
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).expect("a schema");
    writer.write(&batch).expect("memory");
    writer.write(&batch.slice(1, 2)).expect("memory");
    writer.into_inner().expect("memory")
}

/// What is masked before the first fault, and whether there was none.
fn run(input: &[u8], slice: usize) -> (Vec<u8>, bool) {
    let mut machine = PLAN.arrow_machine();
    let is_good = input.chunks(slice).all(|slice| machine.push(slice).is_ok());
    let out = machine.take().map_or_else(Vec::new, |stream| stream.get().to_vec());
    (out, is_good && machine.finish().is_ok())
}

fn text(batch: &RecordBatch, column: usize, row: usize) -> Option<String> {
    let array = batch.column(column);
    if array.is_null(row) {
        return None;
    }
    if let Some(texts) = array.as_any().downcast_ref::<StringArray>() {
        return Some(texts.value(row).to_owned());
    }
    if let Some(longs) = array.as_any().downcast_ref::<Int64Array>() {
        return Some((longs.value(row) / 100).to_string());
    }
    let wides =
        array.as_any().downcast_ref::<Decimal128Array>().expect("a masked column is text or a number");
    Some((wides.value(row) / 100).to_string())
}

fuzz_target!(|data: &[u8]| {
    let Some((&mode, raw)) = data.split_first() else { return };
    let mut changed;
    let input = if mode & 3 == 0 {
        raw
    } else {
        changed = GOOD[usize::from(mode & 1)].clone();
        // Three bytes a change: where, and what.
        for change in raw.chunks_exact(3) {
            let place = usize::from(u16::from_le_bytes([change[0], change[1]])) % changed.len();
            changed[place] = change[2];
        }
        &changed
    };
    let (out, is_good) = run(input, usize::from(mode) + 1);
    let (whole, is_good_whole) = run(input, input.len().max(1));
    assert_eq!((&out, is_good), (&whole, is_good_whole));
    if out.is_empty() {
        return;
    }
    // A change may glue the secret of a scanned text to other letters, or cut a text within it: it is then no number of
    // a person any more. Whatever else of it comes out, leaks.
    let mut noted = 0;
    for batch in StreamReader::try_new(out.as_slice(), None).expect("a stream") {
        let batch = batch.expect("a batch");
        let mut notes = String::new();
        for row in 0..batch.num_rows() {
            let [ssn, phone, salary, note] = [0, 1, 2, 3].map(|column| text(&batch, column, row));
            assert!(is_masked(ssn.as_deref(), phone.as_deref(), salary.as_deref()));
            let note = note.unwrap_or_default();
            assert!(!note.split(' ').any(|word| word == SECRET));
            notes.push_str(&note);
        }
        noted += notes.matches(SECRET).count();
    }
    assert!(out.windows(SECRET.len()).filter(|window| *window == SECRET.as_bytes()).count() <= noted);
});
