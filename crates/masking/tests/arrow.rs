//! The Arrow machine against the definition, and against streams that lie.
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

mod common;
#[path = "arrow/hostile.rs"]
mod hostile;

use std::sync::Arc;

use arrow_array::builder::StringDictionaryBuilder;
use arrow_array::types::{Float32Type, Int8Type, Int32Type};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray,
    FixedSizeListArray, Float32Array, Float64Array, Int8Array, Int16Array, Int32Array, Int64Array,
    LargeStringArray, ListArray, NullArray, RecordBatch, StringArray, StructArray, new_null_array,
};
use arrow_buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::{DictionaryHandling, IpcWriteOptions, StreamWriter};
use arrow_schema::{DataType, Field, Fields, Schema};
use common::{SECRET, bind, column, masked, text};
use domain::{Mask, SqlType, Treatment};
use masking::{ArrowMasker, Detectors, MaskError, MaskPlan, TokenKeys, mask_value};
use proptest::prelude::*;

/// A column as upstream sends it, with what each of its values is in the spelling of masks.
#[derive(Clone, Debug)]
struct Given {
    sql_type: SqlType,
    array: ArrayRef,
    texts: Vec<Option<String>>,
}

fn stream(columns: &[(&str, ArrayRef)]) -> Vec<u8> {
    let fields: Vec<Field> =
        columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    let batch = RecordBatch::try_new(
        Arc::new(Schema::new(fields)),
        columns.iter().map(|(_, array)| Arc::clone(array)).collect(),
    );
    streamed(&[batch.expect("columns of one length")])
}

fn streamed(batches: &[RecordBatch]) -> Vec<u8> {
    let mut writer = StreamWriter::try_new(Vec::new(), &batches[0].schema()).expect("a schema");
    batches.iter().for_each(|batch| writer.write(batch).expect("memory"));
    writer.into_inner().expect("memory")
}

fn push_sliced(machine: &mut ArrowMasker, mut input: &[u8], sizes: &[usize]) -> Result<(), MaskError> {
    for size in sizes.iter().cycle() {
        if input.is_empty() {
            break;
        }
        let (head, tail) = input.split_at((*size).min(input.len()));
        machine.push(head)?;
        input = tail;
    }
    Ok(())
}

fn taken(machine: &mut ArrowMasker) -> Vec<u8> {
    machine.take().map_or_else(Vec::new, |stream| stream.get().to_vec())
}

/// What comes out, as one batch.
fn read(bytes: &[u8]) -> RecordBatch {
    let mut reader = StreamReader::try_new(bytes, None).expect("a stream");
    let batch = reader.next().expect("a batch").expect("a good batch");
    assert!(reader.next().is_none());
    batch
}

fn run(plan: &Arc<MaskPlan>, input: &[u8]) -> Result<RecordBatch, MaskError> {
    let mut machine = plan.arrow_machine();
    machine.push(input)?;
    let out = taken(&mut machine);
    machine.finish()?;
    Ok(read(&out))
}

/// The value as masks spell it, read by other means than the machine's.
fn spelt(array: &ArrayRef, row: usize, sql_type: &SqlType) -> Option<String> {
    if array.is_null(row) {
        return None;
    }
    fn of<T: 'static>(array: &ArrayRef) -> Option<&T> {
        array.as_any().downcast_ref()
    }
    let scale = u32::try_from(sql_type.scale().unwrap_or(0)).expect("small");
    let integer = of::<Int8Array>(array)
        .map(|a| i128::from(a.value(row)))
        .or_else(|| of::<Int16Array>(array).map(|a| i128::from(a.value(row))))
        .or_else(|| of::<Int32Array>(array).map(|a| i128::from(a.value(row))))
        .or_else(|| of::<Int64Array>(array).map(|a| i128::from(a.value(row))))
        .or_else(|| of::<Decimal128Array>(array).map(|a| a.value(row)));
    if let Some(value) = integer {
        let is_number = matches!(sql_type, SqlType::Fixed { .. });
        return Some(if is_number {
            pointed(value, scale)
        } else {
            pointed(value * 10_i128.pow(9 - scale), 9)
        });
    }
    if let Some(moment) = of::<StructArray>(array) {
        let Some(epoch) = moment.column_by_name("epoch") else {
            let exponent = of::<Int16Array>(moment.column(0)).expect("exponents").value(row);
            let digits = of::<BinaryArray>(moment.column(1)).expect("significands").value(row);
            let sign = if digits.first().is_some_and(|first| *first >= 0x80) { -1 } else { 0 };
            let value = digits.iter().fold(sign, |value: i128, byte| (value << 8) | i128::from(*byte));
            return Some(decfloat(value, exponent));
        };
        let epoch = i128::from(of::<Int64Array>(epoch).expect("seconds").value(row));
        let piece = |name: &str| {
            moment.column_by_name(name).map(|a| of::<Int32Array>(a).expect("numbers").value(row))
        };
        let nanos = match piece("fraction") {
            Some(fraction) => epoch * 1_000_000_000 + i128::from(fraction),
            None => epoch * 10_i128.pow(9 - scale),
        };
        let zone = piece("timezone").map_or_else(String::new, |zone| format!(" {zone}"));
        return Some(format!("{}{zone}", pointed(nanos, 9)));
    }
    if let Some(list) = of::<FixedSizeListArray>(array) {
        let held = list.value(row);
        let texts: Vec<String> = (0..held.len())
            .map(|place| match (of::<Int32Array>(&held), of::<Float32Array>(&held)) {
                _ if held.is_null(place) => "null".to_owned(),
                (Some(integers), _) => integers.value(place).to_string(),
                (_, floats) => floats.expect("floats").value(place).to_string(),
            })
            .collect();
        return Some(format!("[{}]", texts.join(",")));
    }
    let shown = of::<StringArray>(array)
        .map(|a| a.value(row).to_owned())
        .or_else(|| of::<Float64Array>(array).map(|a| a.value(row).to_string()))
        .or_else(|| of::<BooleanArray>(array).map(|a| a.value(row).to_string()))
        .or_else(|| of::<Date32Array>(array).map(|a| a.value(row).to_string()))
        .or_else(|| {
            of::<BinaryArray>(array).map(|a| a.value(row).iter().map(|b| format!("{b:02X}")).collect())
        });
    Some(shown.expect("a type of the convention"))
}

fn pointed(value: i128, scale: u32) -> String {
    if scale == 0 {
        return value.to_string();
    }
    let unit = 10_u128.pow(scale);
    let sign = if value < 0 { "-" } else { "" };
    let (whole, rest) = (value.unsigned_abs() / unit, value.unsigned_abs() % unit);
    format!("{sign}{whole}.{rest:0width$}", width = scale as usize)
}

fn decfloat(value: i128, exponent: i16) -> String {
    match exponent {
        0.. if value.to_string().trim_start_matches('-').len() + exponent as usize <= 38 => {
            if value == 0 {
                "0".to_owned()
            } else {
                format!("{value}{}", "0".repeat(exponent as usize))
            }
        }
        -38..=-1 => pointed(value, u32::from(exponent.unsigned_abs())),
        _ => format!("{value}e{exponent}"),
    }
}

fn some<T: std::fmt::Debug>(values: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<Option<T>>> {
    proptest::collection::vec(proptest::option::weighted(0.8, values), ROWS)
}

const ROWS: usize = 7;

fn given(sql_type: SqlType, array: impl Array + 'static) -> Given {
    let array: ArrayRef = Arc::new(array);
    let texts = (0..array.len()).map(|row| spelt(&array, row, &sql_type)).collect();
    Given { sql_type, array, texts }
}

fn moments(epochs: Vec<Option<i64>>, fractions: Vec<i32>, zones: Option<Vec<i32>>) -> StructArray {
    let nulls = NullBuffer::from(epochs.iter().map(Option::is_some).collect::<Vec<_>>());
    // What stands under a NULL may be anything.
    let epoch: ArrayRef =
        Arc::new(Int64Array::from_iter_values(epochs.iter().map(|e| e.unwrap_or(78_051_120))));
    let mut arrays = vec![(Arc::new(Field::new("epoch", DataType::Int64, false)), epoch)];
    if !fractions.is_empty() {
        let fraction: ArrayRef = Arc::new(Int32Array::from(fractions));
        arrays.push((Arc::new(Field::new("fraction", DataType::Int32, false)), fraction));
    }
    if let Some(zones) = zones {
        let zone: ArrayRef = Arc::new(Int32Array::from(zones));
        arrays.push((Arc::new(Field::new("timezone", DataType::Int32, false)), zone));
    }
    let (fields, arrays): (Vec<_>, Vec<_>) = arrays.into_iter().unzip();
    StructArray::new(Fields::from(fields), arrays, Some(nulls))
}

fn decfloats(values: &[Option<(i64, i16)>]) -> StructArray {
    let fields = Fields::from(vec![
        Field::new("exponent", DataType::Int16, true),
        Field::new("significand", DataType::Binary, true),
    ]);
    let exponents = Int16Array::from_iter(values.iter().map(|v| v.map(|(_, exponent)| exponent)));
    let digits: Vec<Option<[u8; 8]>> =
        values.iter().map(|v| v.map(|(value, _)| value.to_be_bytes())).collect();
    let digits = BinaryArray::from_iter(digits);
    let nulls = NullBuffer::from(values.iter().map(Option::is_some).collect::<Vec<_>>());
    StructArray::new(fields, vec![Arc::new(exponents), Arc::new(digits)], Some(nulls))
}

fn dictionary(values: &[Option<String>]) -> DictionaryArray<Int8Type> {
    let mut builder = StringDictionaryBuilder::<Int8Type>::new();
    values.iter().for_each(|value| builder.append_option(value.as_deref()));
    builder.finish()
}

fn columns() -> impl Strategy<Value = Given> {
    let fixed = |precision, scale| SqlType::Fixed { precision, scale };
    let long = || prop_oneof![any::<i64>(), -2000_i64..2000, Just(4_111_111_111_111_111), Just(78_051_120)];
    let epoch = || prop_oneof![any::<i64>(), -4_000_000_000_i64..4_000_000_000];
    let fractions = || proptest::collection::vec(-1_i32..1_000_000_001, ROWS);
    let zones = || proptest::collection::vec(prop_oneof![0_i32..2881, any::<i32>()], ROWS);
    let words = || some(common::values().prop_filter_map("a value", |value| value));
    let texts = prop_oneof![
        (0_u64..60).prop_map(|length| SqlType::Text { length }),
        Just(text()),
        Just(SqlType::Variant),
        Just(SqlType::Array),
        Just(SqlType::Geography),
        Just(SqlType::Unknown("x".to_owned()))
    ];
    let textual = (texts, words(), any::<bool>()).prop_map(|(sql_type, values, is_dictionary)| {
        let array: ArrayRef = if is_dictionary {
            Arc::new(dictionary(&values))
        } else {
            Arc::new(StringArray::from_iter(&values))
        };
        Given { sql_type, array, texts: values }
    });
    prop_oneof![
        4 => textual,
        1 => some(any::<i8>()).prop_map(move |v| given(fixed(3, 1), Int8Array::from_iter(v))),
        1 => some(any::<i16>()).prop_map(move |v| given(fixed(10, 2), Int16Array::from_iter(v))),
        1 => some(any::<i32>()).prop_map(move |v| given(fixed(20, 0), Int32Array::from_iter(v))),
        2 => (some(long()), 0_u8..19).prop_map(move |(v, scale)| given(fixed(18, scale), Int64Array::from_iter(v))),
        1 => (some(long()), any::<i64>(), 0_u8..39).prop_map(move |(v, factor, scale)| {
            let wide = Decimal128Array::from_iter(v.iter().map(|v| v.map(|v| i128::from(v) * i128::from(factor) / 3)));
            let wide = wide.with_precision_and_scale(38, i8::try_from(scale).expect("small")).expect("a precision");
            given(fixed(38, scale), wide)
        }),
        1 => some(prop_oneof![-1e15..1e15, Just(f64::NAN), Just(f64::INFINITY), Just(0.0), -3000.0..3000.0])
            .prop_map(|v| given(SqlType::Real, Float64Array::from_iter(v))),
        1 => some(any::<bool>()).prop_map(|v| given(SqlType::Boolean, BooleanArray::from_iter(v))),
        1 => some(prop_oneof![any::<i32>(), -800_000..3_000_000])
            .prop_map(|v| given(SqlType::Date, Date32Array::from_iter(v))),
        1 => (some(0_i64..86_400_000_000_000), 0_u8..10)
            .prop_map(|(v, scale)| given(SqlType::Time { scale }, Int64Array::from_iter(v))),
        1 => some(0_i32..86_400_000).prop_map(|v| given(SqlType::Time { scale: 3 }, Int32Array::from_iter(v))),
        1 => (some(epoch()), 0_u8..8)
            .prop_map(|(v, scale)| given(SqlType::TimestampNtz { scale }, Int64Array::from_iter(v))),
        1 => (some(epoch()), fractions())
            .prop_map(|(v, f)| given(SqlType::TimestampLtz { scale: 9 }, moments(v, f, None))),
        1 => (some(epoch()), zones())
            .prop_map(|(v, z)| given(SqlType::TimestampTz { scale: 3 }, moments(v, vec![], Some(z)))),
        1 => (some(epoch()), fractions(), zones())
            .prop_map(|(v, f, z)| given(SqlType::TimestampTz { scale: 9 }, moments(v, f, Some(z)))),
        1 => some(proptest::collection::vec(any::<u8>(), 0..12)).prop_map(|v| {
            given(SqlType::Binary { length: 12 }, BinaryArray::from_iter(v))
        }),
        1 => some(proptest::collection::vec(proptest::option::of(any::<i32>()), 3)).prop_map(|v| {
            given(SqlType::Vector, FixedSizeListArray::from_iter_primitive::<Int32Type, _, _>(v, 3))
        }),
        1 => some(proptest::collection::vec(proptest::option::of(-9e6_f32..9e6), 2)).prop_map(|v| {
            given(SqlType::Vector, FixedSizeListArray::from_iter_primitive::<Float32Type, _, _>(v, 2))
        }),
        1 => some((long(), -50_i16..50)).prop_map(|v| given(SqlType::DecFloat, decfloats(&v))),
    ]
}

/// Whether a value has no spelling: it is then shown to nobody.
fn is_unspeakable(given: &Given, row: usize) -> bool {
    given.array.as_any().downcast_ref::<StructArray>().is_some_and(|moment| {
        moment.column_by_name("fraction").is_some_and(|fraction| {
            let nanos = fraction.as_any().downcast_ref::<Int32Array>().expect("numbers").value(row);
            !(0..1_000_000_000).contains(&nanos)
        })
    })
}

fn equal(sql_type: &SqlType, expected: Option<&str>, shown: Option<&str>) -> bool {
    match (sql_type, expected, shown) {
        (SqlType::Real, Some(expected), Some(shown)) => {
            let number = |text: &str| text.parse::<f64>().expect("a number");
            number(expected) == number(shown) || number(expected).is_nan() && number(shown).is_nan()
        }
        _ => expected == shown,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_machine_makes_of_each_cell_what_the_definition_says(
        columns in proptest::collection::vec((common::treatments(), columns()), 1..4),
        sizes in proptest::collection::vec(1_usize..300, 1..20),
        cut in 0..=ROWS,
    ) {
        let (keys, detectors) = (TokenKeys::new([3; 32]), Detectors::standard());
        let names = ["A", "user_email", "ssn"];
        let answered: Vec<_> = columns.iter().zip(names).map(|((_, given), name)| column(name, given.sql_type.clone())).collect();
        let plan = bind(columns.iter().map(|(treatment, _)| treatment.clone()).collect(), &answered);
        let fields: Vec<Field> = columns.iter().zip(names)
            .map(|((_, given), name)| Field::new(name, given.array.data_type().clone(), true)).collect();
        let whole = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.iter().map(|(_, given)| Arc::clone(&given.array)).collect());
        let whole = whole.expect("columns of one length");
        // One dictionary serves both batches, or a newer one takes its place.
        let batches = [whole.slice(0, cut), whole.slice(cut, ROWS - cut)];
        let mut machine = plan.arrow_machine();
        push_sliced(&mut machine, &streamed(&batches), &sizes).expect("a good stream");
        let out = taken(&mut machine);
        let tally = machine.finish().expect("complete");
        prop_assert_eq!(tally.rows, ROWS as u64);
        let shown: Vec<RecordBatch> = StreamReader::try_new(out.as_slice(), None).expect("a stream").map(|batch| batch.expect("a batch")).collect();
        prop_assert_eq!(shown.len(), 2);
        for (ordinal, (treatment, given)) in columns.iter().enumerate() {
            let mut by_lineage = 0;
            for row in 0..ROWS {
                let (batch, place) = if row < cut { (&shown[0], row) } else { (&shown[1], row - cut) };
                let out = spelt(batch.column(ordinal), place, &given.sql_type);
                let value = given.texts[row].as_deref();
                let is_mask = matches!(treatment, Treatment::Mask(_)) || matches!(given.sql_type, SqlType::Unknown(_));
                by_lineage += u64::from(is_mask && value.is_some());
                let expected = mask_value(treatment, &given.sql_type, value, &keys, &detectors, names[ordinal]);
                if value.is_some() && is_unspeakable(given, row) {
                    prop_assert_eq!(out, None);
                    continue;
                }
                prop_assert!(
                    equal(&given.sql_type, expected.as_deref(), out.as_deref()),
                    "{:?} {:?}: {:?} became {:?}, not {:?}", treatment, given.sql_type, value, out, expected
                );
            }
            prop_assert_eq!(tally.columns[ordinal].by_lineage, by_lineage);
        }
    }

    #[test]
    fn broken_bytes_never_panic_and_never_show_a_masked_column(
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
        sizes in proptest::collection::vec(1_usize..200, 1..4),
    ) {
        let secrets = || vec![Some(SECRET.to_owned()), None, Some(format!("{SECRET}!"))];
        let mut input = stream(&[
            ("A", Arc::new(StringArray::from(secrets()))),
            ("user_email", Arc::new(dictionary(&secrets()))),
            ("N", Arc::new(Int64Array::from(vec![1, 2, 3]))),
            ("M", Arc::new(moments(vec![Some(1), None, Some(3)], vec![1, 2, 3], None))),
        ]);
        for (place, byte) in &changes {
            let place = place.index(input.len());
            input[place] = *byte;
        }
        let plan = bind(
            vec![masked("ssn", Mask::Redact), masked("ssn", Mask::LastFour), Treatment::Clear, Treatment::Clear],
            &[
                column("A", text()),
                column("user_email", text()),
                column("N", SqlType::Fixed { precision: 38, scale: 0 }),
                column("M", SqlType::TimestampNtz { scale: 9 }),
            ],
        );
        let mut machine = plan.arrow_machine();
        let done = push_sliced(&mut machine, &input, &sizes);
        let out = taken(&mut machine);
        prop_assert!(!String::from_utf8_lossy(&out).contains(SECRET));
        if done.is_ok() && machine.finish().is_ok() {
            let reader = StreamReader::try_new(out.as_slice(), None).expect("a stream");
            prop_assert!(reader.into_iter().all(|batch| batch.is_ok()));
        }
    }
}

#[test]
fn columns_are_the_plans_and_nothing_else_of_the_stream_is_passed_on() {
    let answered = [column("SSN", SqlType::Text { length: 3 }), column("'ana@example.com'", text())];
    let plan = bind(vec![masked("ssn", Mask::Redact), Treatment::Clear], &answered);
    let note = format!("what upstream thinks of {SECRET}");
    let pairs = |logical: &str| {
        [("logicalType", logical), ("charLength", "3"), ("finalType", note.as_str()), ("note", note.as_str())]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into_iter()
            .collect::<std::collections::HashMap<_, _>>()
    };
    let fields = vec![
        Field::new("SSN", DataType::Utf8, false).with_metadata(pairs("TEXT")),
        Field::new("'ana@example.com'", DataType::Utf8, true).with_metadata(pairs("text")),
    ];
    let schema = Schema::new_with_metadata(fields, pairs("x"));
    // Bytes that belong to no value: before the first, behind the last, under a NULL.
    let values = Buffer::from(format!("{SECRET}a{SECRET}b{SECRET}").as_bytes());
    let offsets = OffsetBuffer::new(ScalarBuffer::from(vec![11_i32, 12, 23, 24]));
    let nulls = NullBuffer::from(vec![true, false, true]);
    let note: ArrayRef = Arc::new(StringArray::new(offsets, values, Some(nulls)));
    let ssn: ArrayRef = Arc::new(StringArray::from(vec![SECRET; 3]));
    let batch = RecordBatch::try_new(Arc::new(schema), vec![ssn, note]).expect("columns of one length");
    let input = streamed(&[batch]);
    assert!(String::from_utf8_lossy(&input).contains(SECRET));

    let mut machine = plan.arrow_machine();
    machine.push(&input).expect("a good stream");
    let out = taken(&mut machine);
    assert!(!String::from_utf8_lossy(&out).contains(SECRET));
    let shown = read(&out);
    let schema = shown.schema();
    assert!(schema.metadata().is_empty());
    let told: Vec<_> = schema
        .fields()
        .iter()
        .map(|f| {
            let told = |name: &str| f.metadata()[name].clone();
            (f.name().as_str(), f.is_nullable(), told("logicalType"), told("charLength"), told("byteLength"))
        })
        .collect();
    let owned = str::to_owned;
    assert_eq!(
        told,
        [
            ("SSN", true, owned("TEXT"), owned("5"), owned("20")),
            ("'[EMAIL]'", true, owned("TEXT"), owned("1000"), owned("4000")),
        ]
    );
    assert!(schema.fields().iter().all(|field| field.metadata().len() == 6));
    let shown: Vec<_> =
        (0..2).map(|c| (0..3).map(|row| spelt(shown.column(c), row, &text())).collect::<Vec<_>>()).collect();
    let texts = |values: [Option<&str>; 3]| values.map(|v| v.map(owned)).to_vec();
    assert_eq!(shown, [texts([Some("[SSN]"); 3]), texts([Some("a"), None, Some("b")])]);
    let tally = machine.finish().expect("complete");
    assert_eq!((tally.rows, tally.masked_cells()), (3, 3));
}

#[test]
fn under_a_null_nothing_leaves() {
    let hidden = NullBuffer::from(vec![false, true]);
    let secret = 780_511_200_000_i64;
    let number = Int64Array::new(vec![secret, 5].into(), Some(hidden.clone()));
    let moment = moments(vec![None, Some(5)], vec![780_511_200, 0], None);
    let bytes = BinaryArray::new(
        OffsetBuffer::new(ScalarBuffer::from(vec![0_i32, 11, 11])),
        Buffer::from(SECRET.as_bytes()),
        Some(hidden),
    );
    let plan = bind(
        vec![Treatment::Clear; 3],
        &[
            column("N", SqlType::Fixed { precision: 38, scale: 0 }),
            column("M", SqlType::TimestampNtz { scale: 9 }),
            column("B", SqlType::Binary { length: 20 }),
        ],
    );
    let input = stream(&[("N", Arc::new(number)), ("M", Arc::new(moment)), ("B", Arc::new(bytes))]);
    let mut machine = plan.arrow_machine();
    machine.push(&input).expect("a good stream");
    let out = taken(&mut machine);
    let has = |bytes: &[u8]| out.windows(bytes.len()).any(|window| window == bytes);
    assert!(!has(&secret.to_le_bytes()) && !has(&780_511_200_i32.to_le_bytes()) && !has(SECRET.as_bytes()));
    assert_eq!(read(&out).num_rows(), 2);
}

#[test]
fn a_column_of_another_type_than_foretold_is_null() {
    let words: ArrayRef = Arc::new(StringArray::from(vec![SECRET]));
    let int: ArrayRef = Arc::new(Int64Array::from(vec![780_511_200_i64]));
    let list: ArrayRef = Arc::new(ListArray::new(
        Arc::new(Field::new("item", DataType::Utf8, true)),
        OffsetBuffer::new(ScalarBuffer::from(vec![0_i32, 1])),
        Arc::clone(&words),
        None,
    ));
    let structure: ArrayRef = Arc::new(StructArray::from(vec![(
        Arc::new(Field::new("epoch", DataType::Utf8, true)),
        Arc::clone(&words),
    )]));
    let cases: Vec<(SqlType, ArrayRef)> = vec![
        (SqlType::Fixed { precision: 38, scale: 0 }, Arc::clone(&words)),
        (SqlType::Fixed { precision: 38, scale: 99 }, Arc::clone(&int)),
        (text(), Arc::clone(&int)),
        (text(), Arc::new(LargeStringArray::from(vec![SECRET]))),
        (text(), Arc::new(BinaryArray::from(vec![SECRET.as_bytes()]))),
        (SqlType::Boolean, Arc::clone(&words)),
        (SqlType::TimestampTz { scale: 9 }, Arc::new(moments(vec![Some(1)], vec![2], None))),
        (SqlType::TimestampNtz { scale: 9 }, structure),
        (SqlType::Array, list),
        (SqlType::Date, Arc::new(NullArray::new(1))),
        (SqlType::Unknown("hologram".to_owned()), words),
    ];
    for (sql_type, array) in cases {
        for treatment in [Treatment::Clear, masked("x", Mask::Redact), masked("x", Mask::Null)] {
            let plan = bind(
                vec![treatment, Treatment::Clear],
                &[column("A", sql_type.clone()), column("B", text())],
            );
            let beside: ArrayRef = Arc::new(StringArray::from(vec!["beside"]));
            let out =
                run(&plan, &stream(&[("A", Arc::clone(&array)), ("B", beside)])).expect("a good stream");
            assert_eq!(out.column(0).null_count(), 1, "{sql_type:?} as {:?}", array.data_type());
            assert_eq!(spelt(out.column(1), 0, &text()).as_deref(), Some("beside"));
            assert!(out.schema().field(0).is_nullable());
        }
    }
}

#[test]
fn equal_texts_of_a_dictionary_do_not_show_by_their_numbers() {
    let cards = ["4111 1111 1111 1234", "4242 4242 4242 1234"];
    let values: Vec<_> = cards.iter().map(|card| Some((*card).to_owned())).collect();
    let plan = bind(vec![masked("card", Mask::LastFour)], &[column("A", text())]);
    let out = run(&plan, &stream(&[("A", Arc::new(dictionary(&values)))])).expect("a good stream");
    assert_eq!(out.column(0).data_type(), &DataType::Utf8);
    assert_eq!(spelt(out.column(0), 0, &text()), spelt(out.column(0), 1, &text()));
}

#[test]
fn a_masked_column_is_not_read() {
    // Bytes that are no text, behind offsets that are none.
    let nulls = NullBuffer::from(vec![true, false]);
    let words = StringArray::new(
        OffsetBuffer::new(ScalarBuffer::from(vec![0_i32, 3, 3])),
        Buffer::from(b"one".as_slice()),
        Some(nulls),
    );
    let mut input = stream(&[("A", Arc::new(words))]);
    let place = input.windows(3).position(|window| window == b"one").expect("the text stands there");
    input[place..place + 3].copy_from_slice(&[0xFF; 3]);
    for (mask, shown) in [(Mask::Redact, Some("[X]")), (Mask::Null, None)] {
        let plan = bind(vec![masked("x", mask)], &[column("A", text())]);
        let out = run(&plan, &input).expect("what is not read cannot be wrong");
        assert_eq!([0, 1].map(|row| spelt(out.column(0), row, &text())), [shown.map(str::to_owned), None]);
    }
    let plan = bind(vec![Treatment::Clear], &[column("A", text())]);
    assert!(matches!(run(&plan, &input), Err(MaskError::Malformed { .. })));
}

#[test]
fn results_without_rows_are_streams_as_well() {
    let plan =
        bind(vec![Treatment::Clear, masked("x", Mask::Redact)], &[column("A", text()), column("B", text())]);
    let none = || new_null_array(&DataType::Utf8, 0);
    assert_eq!(run(&plan, &stream(&[("A", none()), ("B", none())])).expect("good").num_rows(), 0);
    let schema =
        Schema::new(vec![Field::new("A", DataType::Utf8, true), Field::new("B", DataType::Utf8, true)]);
    let mut writer = StreamWriter::try_new(Vec::new(), &schema).expect("a schema");
    writer.finish().expect("memory");
    let mut machine = plan.arrow_machine();
    machine.push(writer.get_ref()).expect("good");
    let out = taken(&mut machine);
    let reader = StreamReader::try_new(out.as_slice(), None).expect("a stream");
    assert_eq!(reader.schema().fields().len(), 2);
    assert_eq!(reader.count(), 0);
}

#[test]
fn debug_shows_no_value() {
    let plan = bind(vec![Treatment::Clear], &[column("A", text())]);
    let mut machine = plan.arrow_machine();
    machine.push(&stream(&[("A", Arc::new(StringArray::from(vec!["a-cell-of-it"])))])).expect("good");
    let printed = format!("{machine:?} {:?} {:?}", machine.take(), plan);
    assert!(!printed.contains("a-cell"), "{printed}");
}
