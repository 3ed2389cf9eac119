//! Streams that break off, lie about what they hold, or come in a form that is refused.

use super::*;

#[test]
fn metadata_that_contradicts_the_answer_makes_a_column_null() {
    let fixed = SqlType::Fixed { precision: 10, scale: 2 };
    for (name, value, is_shown) in [
        ("logicalType", "FIXED", true),
        ("scale", "2", true),
        ("anything", "else", true),
        ("logicalType", "TEXT", false),
        ("scale", "0", false),
        ("scale", "x", false),
    ] {
        let pairs = [(name.to_owned(), value.to_owned())].into_iter().collect();
        let field = Field::new("A", DataType::Int64, true).with_metadata(pairs);
        let batch = RecordBatch::try_new(
            Arc::new(Schema::new(vec![field])),
            vec![Arc::new(Int64Array::from(vec![1234_i64]))],
        );
        let plan = bind(vec![Treatment::Clear], &[column("A", fixed.clone())]);
        let out = run(&plan, &streamed(&[batch.expect("a batch")])).expect("a good stream");
        assert_eq!(spelt(out.column(0), 0, &fixed).is_some(), is_shown, "{name} {value}");
    }
}

#[test]
fn a_stream_with_other_names_is_null_and_one_with_another_count_is_refused() {
    let plan = bind(vec![Treatment::Clear; 2], &[column("A", text()), column("B", text())]);
    let words: ArrayRef = Arc::new(StringArray::from(vec![SECRET]));
    let mut machine = plan.arrow_machine();
    machine.push(&stream(&[("A", Arc::clone(&words)), ("C", Arc::clone(&words))])).expect("a good stream");
    assert!(machine.contradiction().is_some());
    let out = read(&taken(&mut machine));
    assert!(out.columns().iter().all(|column| column.null_count() == 1));
    let mut machine = plan.arrow_machine();
    let error = machine.push(&stream(&[("A", words)])).expect_err("one column too few");
    assert_eq!(error, MaskError::CellCount { expected: 2, found: 1 });
    assert!(taken(&mut machine).is_empty());
    assert_eq!(machine.push(&[]), Err(MaskError::Broken));
}

#[test]
fn dictionaries_in_pieces_are_refused() {
    let mut builder = StringDictionaryBuilder::<Int32Type>::new();
    builder.append_value("one");
    let first = builder.finish_preserve_values();
    builder.append_value("two");
    let second = builder.finish_preserve_values();
    let schema = Arc::new(Schema::new(vec![Field::new("A", first.data_type().clone(), true)]));
    let options = IpcWriteOptions::default().with_dictionary_handling(DictionaryHandling::Delta);
    let mut writer = StreamWriter::try_new_with_options(Vec::new(), &schema, options).expect("a schema");
    for array in [first, second] {
        let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(array)]).expect("a batch");
        writer.write(&batch).expect("memory");
    }
    let plan = bind(vec![Treatment::Clear], &[column("A", text())]);
    let error = run(&plan, &writer.into_inner().expect("memory")).expect_err("a delta");
    assert!(matches!(error, MaskError::Unsupported { .. }), "{error}");
}

#[test]
fn partitions_follow_each_other_and_a_stream_that_breaks_off_is_not_finished() {
    let plan = bind(vec![Treatment::Clear], &[column("A", text())]);
    let input = stream(&[("A", Arc::new(StringArray::from(vec!["a"])))]);
    let mut machine = plan.arrow_machine();
    for _ in 0..2 {
        machine.push(&input).expect("a good stream");
        machine.next_partition().expect("complete");
        assert_eq!(read(&taken(&mut machine)).num_rows(), 1);
    }
    machine.next_partition().expect("a partition may be empty");
    assert_eq!(machine.finish().expect("complete").rows, 2);

    let mut ends = Vec::new();
    for cut in 1..input.len() {
        let mut machine = plan.arrow_machine();
        machine.push(&input[..cut]).expect("so far it is good");
        let mut out = taken(&mut machine);
        match machine.next_partition() {
            Err(error) => assert_eq!(error, MaskError::Incomplete, "{cut}"),
            // Between two messages a stream may end without its mark; the masked one has it.
            Ok(()) => {
                out.extend(taken(&mut machine));
                let reader = StreamReader::try_new(out.as_slice(), None).expect("a stream");
                ends.push(reader.count());
                assert!(out.ends_with(&[0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0]));
            }
        }
    }
    assert_eq!(ends, [0, 1]);
    let mut machine = plan.arrow_machine();
    machine.push(&input).expect("good");
    assert!(matches!(machine.push(b"x"), Err(MaskError::Malformed { .. })));
    let mut machine = plan.arrow_machine();
    machine.push(&input).expect("good");
    assert!(matches!(machine.finish(), Err(MaskError::BytesLeft { .. })));
}

#[test]
fn what_a_length_claims_is_checked_before_it_is_believed() {
    let plan = bind(vec![Treatment::Clear], &[column("A", text())]);
    for head in [
        &[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F][..],
        &[0xFE, 0xFF, 0xFF, 0x7F][..],
        &[0xFF, 0xFF, 0xFF, 0xFF, 1, 0, 0, 1][..],
    ] {
        assert_eq!(plan.arrow_machine().push(head), Err(MaskError::TooLarge));
    }
    // No schema came before the end.
    assert!(matches!(
        plan.arrow_machine().push(&[0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0]),
        Err(MaskError::Malformed { .. })
    ));
}

#[test]
fn a_batch_that_claims_more_rows_than_it_sends_is_refused() {
    for (rows, error) in [
        (i64::MAX, MaskError::TooLarge),
        (1 << 40, MaskError::TooLarge),
        (-1, MaskError::Malformed { at: 0 }),
        (1 << 20, MaskError::Malformed { at: 0 }),
    ] {
        // Neither a column that is read nor one that is not makes room for what does not come.
        for treatment in [Treatment::Clear, masked("x", Mask::Null), masked("x", Mask::Redact)] {
            let message = common::record_batch(rows, &[(rows, 0)], &[(0, 0), (0, 8), (8, 0)], 8, false);
            let plan = bind(vec![treatment.clone()], &[column("A", text())]);
            match after_schema(&plan, &message) {
                Err(MaskError::Malformed { .. }) => assert!(matches!(error, MaskError::Malformed { .. })),
                other => assert_eq!(other, Err(error)),
            }
        }
    }
}

#[test]
fn offsets_buffers_and_counts_that_lie_are_refused() {
    let plan = bind(vec![Treatment::Clear], &[column("A", text())]);
    type Pairs<'a> = &'a [(i64, i64)];
    let cases: [(Pairs<'_>, Pairs<'_>); 10] = [
        // A buffer beyond the body, before it, or around the end of all numbers.
        (&[(1, 0)], &[(0, 0), (0, 8), (8, 9)]),
        (&[(1, 0)], &[(0, 0), (-8, 8), (8, 0)]),
        (&[(1, 0)], &[(0, 0), (i64::MAX, i64::MAX), (8, 0)]),
        // Buffers that share their bytes.
        (&[(1, 0)], &[(0, 0), (0, 8), (0, 8)]),
        // Too few and too many parts.
        (&[(1, 0)], &[(0, 0), (0, 8)]),
        (&[], &[(0, 0), (0, 8), (8, 0)]),
        (&[(1, 0)], &[(0, 0), (0, 8), (8, 0), (0, 0)]),
        (&[(1, 0), (1, 0)], &[(0, 0), (0, 8), (8, 0)]),
        // Another count of values than of rows; NULLs without their places.
        (&[(2, 0)], &[(0, 0), (0, 8), (8, 0)]),
        (&[(1, 1)], &[(0, 0), (0, 8), (8, 0)]),
    ];
    for (nodes, buffers) in cases {
        let found = after_schema(&plan, &common::record_batch(1, nodes, buffers, 8, false));
        assert!(matches!(found, Err(MaskError::Malformed { .. })), "{nodes:?} {buffers:?}");
    }
    let good = [(0, 0), (0, 8), (8, 0)];
    assert_eq!(after_schema(&plan, &common::record_batch(1, &[(1, 0)], &good, 8, false)), Ok(()));
    let compressed = after_schema(&plan, &common::record_batch(1, &[(1, 0)], &good, 8, true));
    assert!(matches!(compressed, Err(MaskError::Unsupported { .. })));
}

#[test]
fn offsets_that_fall_or_reach_beyond_their_texts_are_refused() {
    let words = StringArray::from(vec!["one", "two", "three"]);
    let input = stream(&[("A", Arc::new(words))]);
    let offsets: Vec<u8> = [0_i32, 3, 6, 11].iter().flat_map(|offset| offset.to_le_bytes()).collect();
    let place = input.windows(16).position(|window| window == offsets).expect("the offsets stand there");
    for lie in [[3_i32, 0, 6, 11], [0, 3, 6, 12], [0, 3, 6, i32::MAX], [-1, 3, 6, 11], [0, 7, 6, 11]] {
        let mut input = input.clone();
        let bytes: Vec<u8> = lie.iter().flat_map(|offset| offset.to_le_bytes()).collect();
        input[place..place + 16].copy_from_slice(&bytes);
        for treatment in [Treatment::Clear, Treatment::Scan, masked("x", Mask::LastFour)] {
            let plan = bind(vec![treatment], &[column("A", text())]);
            assert!(matches!(run(&plan, &input), Err(MaskError::Malformed { .. })), "{lie:?}");
        }
    }
}

/// Pushes the schema of one text column, then a message.
fn after_schema(plan: &Arc<MaskPlan>, message: &[u8]) -> Result<(), MaskError> {
    let schema = Schema::new(vec![Field::new("A", DataType::Utf8, true)]);
    let writer = StreamWriter::try_new(Vec::new(), &schema).expect("a schema");
    let mut machine = plan.arrow_machine();
    machine.push(writer.get_ref()).expect("a schema");
    let done = machine.push(message);
    taken(&mut machine);
    done
}
