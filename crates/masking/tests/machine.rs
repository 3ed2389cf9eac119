//! The machine against the definition, and against input that lies.

mod common;

use std::borrow::Cow;
use std::sync::Arc;

use common::{SECRET, bind, masked, obligations, text, treatments, values};
use domain::{Mask, Obligations, SqlType, Treatment};
use masking::{
    AnsweredColumn, Detectors, ForetoldColumn, JsonMasker, MaskError, MaskPlan, TokenKeys, mask_value,
};
use proptest::prelude::*;

fn column(name: &str, sql_type: SqlType) -> AnsweredColumn {
    AnsweredColumn { is_nullable: false, ..common::column(name, sql_type) }
}

fn run(machine: &mut JsonMasker, input: &[u8]) -> Result<String, MaskError> {
    machine.push(input)?;
    let rows = machine.take_rows(usize::MAX).map_or_else(Vec::new, |rows| rows.into_inner().to_array());
    Ok(String::from_utf8_lossy(&rows).into_owned())
}

#[test]
fn nothing_of_the_answer_but_its_cells_is_passed_on() {
    let plan = bind(
        vec![Treatment::Clear, masked("ssn", Mask::Redact)],
        &[column("A", text()), column("B", text())],
    );
    let out = run(&mut plan.machine(), b" [ [ \"a\" ,\n null ] ,\t[\"b\", \"c\" ] ] ");
    assert_eq!(out.as_deref(), Ok("[[\"a\",null],[\"b\",\"[SSN]\"]]"));
}

#[test]
fn a_masked_column_leaves_masked_and_a_clear_one_passes_the_detectors() {
    let answered = [
        column("SSN", text()),
        column("NOTE", text()),
        column("QTY", SqlType::Fixed { precision: 38, scale: 0 }),
    ];
    let plan = bind(vec![masked("ssn", Mask::Redact), Treatment::Scan, Treatment::Clear], &answered);
    let mut machine = plan.machine();
    let input =
        br#"[["078-05-1120","ask ana@example.com \"now\"","12"],[null,"nothing","4111111111111111"]]"#;
    let out = run(&mut machine, input).expect("a good row set");
    assert_eq!(out, r#"[["[SSN]","ask [EMAIL] \"now\"","12"],[null,"nothing",null]]"#);
    let tally = machine.finish().expect("complete");
    assert_eq!(tally.rows, 2);
    let counts: Vec<_> = tally.columns.iter().map(|c| (c.by_lineage, c.by_content)).collect();
    assert_eq!(counts, [(1, 0), (0, 1), (0, 1)]);
}

#[test]
fn columns_follow_their_masks() {
    let answered =
        [column("SSN", SqlType::Text { length: 3 }), column("QTY", SqlType::Boolean), column("X", text())];
    let plan = bind(vec![masked("ssn", Mask::Redact), Treatment::Clear, Treatment::Clear], &answered);
    let seen: Vec<_> = plan
        .columns()
        .iter()
        .map(|c| (c.sql_type.clone(), c.is_nullable, c.is_masked, c.origin.is_some()))
        .collect();
    assert_eq!(
        seen,
        [
            (SqlType::Text { length: 5 }, true, true, false),
            (SqlType::Boolean, false, false, true),
            (text(), true, false, true)
        ]
    );
}

#[test]
fn an_answer_that_is_not_what_was_decided_is_masked_whole() {
    let keys = TokenKeys::new([3; 32]);
    let detectors = Detectors::standard();
    let answered = [column("A", text()), column("B", SqlType::Date)];
    let foretold = |name: &str| ForetoldColumn { name: Some(name.to_owned()), ..ForetoldColumn::default() };
    let names = [foretold("A"), foretold("C")];
    let clear = || obligations(Some(vec![Treatment::Clear; 2]));
    let cases = [
        (obligations(Some(vec![Treatment::Clear])), None, true),
        (obligations(Some(vec![Treatment::Clear; 3])), None, true),
        (clear(), Some(&names[..]), true),
        (clear(), Some(&names[..1]), true),
        (obligations(None), None, false),
    ];
    for (obligations, names, is_contradiction) in cases {
        let plan = Arc::new(MaskPlan::bind(&obligations, names, &answered, &keys, &detectors));
        assert_eq!(plan.contradiction().is_some(), is_contradiction);
        assert!(plan.columns().iter().all(|column| column.is_masked));
        if is_contradiction {
            assert_eq!(plan.columns().iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["C1", "C2"]);
        }
        let out = run(&mut plan.machine(), br#"[["hello","20000"]]"#).expect("a good row set");
        assert_eq!(out, r#"[["[MASKED]",null]]"#);
    }
    let known = [foretold("A"), ForetoldColumn::default()];
    assert_eq!(MaskPlan::bind(&clear(), Some(&known), &answered, &keys, &detectors).contradiction(), None);
}

#[test]
fn metadata_that_nobody_foretold_is_shown_after_the_detectors_unless_it_contradicts() {
    let (keys, detectors) = (TokenKeys::new([3; 32]), Detectors::standard());
    let answered = [column("name", text()), column("comment", text())];
    let metadata = Obligations { unforeseen: Treatment::Clear, ..obligations(None) };
    let rows = br#"[["CUSTOMERS","ask ana@example.com"]]"#;
    let plan = Arc::new(MaskPlan::bind(&metadata, None, &answered, &keys, &detectors));
    assert_eq!(run(&mut plan.machine(), rows).expect("a good row set"), r#"[["CUSTOMERS","ask [EMAIL]"]]"#);
    let plan =
        Arc::new(MaskPlan::bind(&metadata, Some(&[ForetoldColumn::default()]), &answered, &keys, &detectors));
    assert_eq!(run(&mut plan.machine(), rows).expect("a good row set"), r#"[["[MASKED]","[MASKED]"]]"#);
}

#[test]
fn names_made_from_values_are_replaced_and_names_that_hold_values_are_redacted() {
    let keys = TokenKeys::new([3; 32]);
    let mut hides = obligations(Some(vec![Treatment::Clear]));
    hides.mask_column_names = true;
    let answered = [column("'ana@example.com'", text())];
    let plan = MaskPlan::bind(&hides, None, &answered, &keys, &Detectors::standard());
    assert_eq!(plan.columns()[0].name, "C1");
    let plan = bind(vec![Treatment::Clear], &answered);
    assert_eq!(plan.columns()[0].name, "'[EMAIL]'");
}

#[test]
fn a_type_that_nobody_knows_is_null() {
    let plan = bind(vec![Treatment::Clear], &[column("A", SqlType::Unknown("hologram".to_owned()))]);
    assert_eq!(run(&mut plan.machine(), br#"[["x"]]"#).as_deref(), Ok("[[null]]"));
}

#[test]
fn what_is_no_row_set_is_refused_and_nothing_of_it_is_shown() {
    let plan =
        bind(vec![Treatment::Clear, masked("ssn", Mask::Null)], &[column("A", text()), column("B", text())]);
    for bad in [
        r#"{"data":[["a","b"]]}"#,
        r#"[["a"]]"#,
        r#"[["a","b","c"]]"#,
        r#"[["a",1]]"#,
        r#"[["a",true]]"#,
        r#"[["a",["b"]]]"#,
        r#"[["a","b"]"b"]"#,
        r#"[["a","b"],]"#,
        r#"[["a","b",]]"#,
        r#"[["a" "b"]]"#,
        r#"[["a","\ud800"]]"#,
        r#"[["a","\x41"]]"#,
        r#"[["a",nul]]"#,
        "[[\"a\nb\",\"c\"]]",
        "[[\"a\",\"b\"]] x",
    ] {
        let mut machine = plan.machine();
        assert!(machine.push(bad.as_bytes()).is_err(), "{bad}");
        assert_eq!(machine.push(b"[]"), Err(MaskError::Broken), "{bad}");
        assert!(machine.finish().is_err());
    }
    let mut machine = plan.machine();
    assert_eq!(machine.push(b"[[\"\xFF\",\"b\"]]"), Err(MaskError::Malformed { at: 0 }));
    assert_eq!(machine.waiting(), 0);
}

#[test]
fn rows_before_the_fault_are_whole_and_rows_behind_it_never_come() {
    let plan = bind(vec![Treatment::Clear], &[column("A", text())]);
    let mut machine = plan.machine();
    assert!(machine.push(br#"[["one"],["two"],["three",4]]"#).is_err());
    let rows = machine.take_rows(usize::MAX).expect("two rows");
    assert_eq!(rows.get().to_array(), br#"[["one"],["two"]]"#);
}

#[test]
fn a_result_that_breaks_off_is_not_finished() {
    let plan = bind(vec![Treatment::Clear], &[column("A", text())]);
    for cut in ["[", "[[", "[[\"a", "[[\"a\"]", "[[\"a\"],"] {
        let mut machine = plan.machine();
        machine.push(cut.as_bytes()).expect("so far it is good");
        machine.take_rows(usize::MAX);
        assert_eq!(machine.finish(), Err(MaskError::Incomplete), "{cut}");
    }
    let mut machine = plan.machine();
    machine.push(b"[[\"a\"]]").expect("good");
    assert_eq!(machine.finish(), Err(MaskError::RowsLeft { rows: 1 }));
}

#[test]
fn partitions_follow_each_other_and_pages_are_cut_between_rows() {
    let plan = bind(vec![Treatment::Clear], &[column("A", text())]);
    let mut machine = plan.machine();
    for partition in ["[[\"1\"],[\"2\"]]", " [ ] ", "[[\"3\"]]\n"] {
        machine.push(partition.as_bytes()).expect("good");
        machine.next_partition().expect("complete");
    }
    let mut pages = Vec::new();
    while let Some(rows) = machine.take_rows(11) {
        pages.push((rows.get().len(), String::from_utf8(rows.into_inner().to_array()).expect("text")));
    }
    assert_eq!(pages, [(2, "[[\"1\"],[\"2\"]]".to_owned()), (1, "[[\"3\"]]".to_owned())]);
    assert_eq!(machine.finish().expect("complete").rows, 3);
}

#[test]
fn the_machine_can_wait_and_change_threads() {
    fn travels<T: Send + 'static>(_: &T) {}
    let plan = bind(vec![Treatment::Clear], &[column("A", text())]);
    let mut machine = plan.machine();
    machine.push(b"[[\"a").expect("good");
    travels(&machine);
    let out = std::thread::spawn(move || run(&mut machine, b"b\"]]")).join().expect("no panic");
    assert_eq!(out.as_deref(), Ok("[[\"ab\"]]"));
}

#[test]
fn debug_and_errors_show_no_value() {
    let plan = bind(vec![Treatment::Clear], &[column(SECRET, text())]);
    let mut machine = plan.machine();
    machine.push(format!("[[\"{SECRET} and {SECRET}").as_bytes()).expect("good");
    let error = machine.push(b"\n").expect_err("a control character");
    let mut values = masking::ValueMasker::new(
        &Treatment::Scan,
        &text(),
        &TokenKeys::new([3; 32]),
        &Detectors::standard(),
        "A",
    );
    values.mask(Some(SECRET));
    let printed = format!("{plan:?} {machine:?} {error:?} {error} {values:?} {:?}", Detectors::standard());
    assert!(!printed.contains("078"), "{printed}");
}

fn types() -> impl Strategy<Value = SqlType> {
    prop_oneof![
        (0_u64..60).prop_map(|length| SqlType::Text { length }),
        Just(text()),
        Just(SqlType::Fixed { precision: 10, scale: 2 }),
        Just(SqlType::Real),
        Just(SqlType::Boolean),
        Just(SqlType::Date),
        Just(SqlType::TimestampTz { scale: 9 }),
        Just(SqlType::TimestampNtz { scale: 9 }),
        Just(SqlType::Binary { length: 100 }),
        Just(SqlType::Variant),
        Just(SqlType::Array),
        Just(SqlType::Geography),
        Just(SqlType::Unknown("x".to_owned())),
    ]
}

type Table = (Vec<(Treatment, SqlType)>, Vec<Vec<Option<String>>>, Vec<usize>);

fn tables() -> impl Strategy<Value = Table> {
    proptest::collection::vec((treatments(), types()), 1..4).prop_flat_map(|columns| {
        let row = proptest::collection::vec(values(), columns.len());
        (Just(columns), proptest::collection::vec(row, 0..5), proptest::collection::vec(1_usize..40, 1..20))
    })
}

fn answered(columns: &[(Treatment, SqlType)]) -> Vec<AnsweredColumn> {
    columns
        .iter()
        .zip(["A", "user_email", "ssn", "payload"])
        .map(|((_, kind), name)| column(name, kind.clone()))
        .collect()
}

/// Feeds slices of the given sizes, again and again.
fn push_sliced(machine: &mut JsonMasker, mut input: &[u8], sizes: &[usize]) -> Result<(), MaskError> {
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_machine_makes_of_each_cell_what_the_definition_says((columns, rows, sizes) in tables()) {
        let keys = TokenKeys::new([3; 32]);
        let detectors = Detectors::standard();
        let answered = answered(&columns);
        let plan = bind(columns.iter().map(|(treatment, _)| treatment.clone()).collect(), &answered);
        let input = serde_json::to_vec(&rows).expect("json");
        let mut machine = plan.machine();
        push_sliced(&mut machine, &input, &sizes).expect("a good row set");
        let out = machine.take_rows(usize::MAX).map_or_else(|| b"[]".to_vec(), |rows| rows.into_inner().to_array());
        let out: Vec<Vec<Option<String>>> = serde_json::from_slice(&out).expect("valid JSON");
        prop_assert_eq!(out.len(), rows.len());
        for (row, masked_row) in rows.iter().zip(&out) {
            for (((treatment, kind), answered), (value, masked)) in columns.iter().zip(&answered).zip(row.iter().zip(masked_row)) {
                let expected = mask_value(treatment, kind, value.as_deref(), &keys, &detectors, &answered.name);
                prop_assert_eq!(masked.as_deref(), expected.as_deref());
                if let (SqlType::Text { length }, Some(text), Some(before)) = (kind, masked, value) {
                    let longest = usize::try_from(*length).expect("small").max(before.chars().count());
                    let is_content = !matches!(treatment, Treatment::Mask(_));
                    prop_assert!(!is_content || text.chars().count() <= longest);
                }
            }
        }
        machine.finish().expect("complete");
    }

    #[test]
    fn broken_bytes_never_panic_and_never_show_a_masked_column(
        cells in proptest::collection::vec(".{0,8}", 1..6),
        place in any::<proptest::sample::Index>(),
        byte in any::<u8>(),
        sizes in proptest::collection::vec(1_usize..9, 1..4),
    ) {
        let rows: Vec<Vec<Option<String>>> = cells.iter().map(|cell| vec![Some(format!("{SECRET}{cell}")), Some(cell.clone())]).collect();
        let mut input = serde_json::to_vec(&rows).expect("json");
        let at = place.index(input.len());
        input[at] = byte;
        let plan = bind(vec![masked("ssn", Mask::Redact), Treatment::Scan], &answered(&[(Treatment::Clear, text()), (Treatment::Clear, text())]));
        let mut machine = plan.machine();
        let done = push_sliced(&mut machine, &input, &sizes);
        if let Some(rows) = machine.take_rows(usize::MAX) {
            let out = rows.into_inner().to_array();
            let out = String::from_utf8(out).expect("text");
            prop_assert!(!out.contains(SECRET), "{}", out);
            prop_assert!(serde_json::from_str::<Vec<[Option<String>; 2]>>(&out).is_ok());
        }
        if done.is_ok() {
            prop_assert_eq!(machine.next_partition().is_ok(), serde_json::from_slice::<Vec<[Option<String>; 2]>>(&input).is_ok());
        }
    }

    #[test]
    fn a_text_without_findings_stays_itself(text in "[a-z ]{0,80}") {
        prop_assert_eq!(Detectors::standard().redact_text(&text, ""), Cow::Borrowed(text.as_str()));
    }

    #[test]
    fn no_words_around_hide_what_tells_itself(
        before in "[a-zA-Z ,;.!?éäЖ中\n]{0,40}",
        secret in proptest::sample::select(vec![
            "078-05-1120", "ana.lopez@example.com", "4111 1111 1111 1111", "GB82WEST12345698765432", "+44 20 7946 0958",
            "AKIAIOSFODNN7EXAMPLE", "ghp_16C7e42F292c6912E7710c838347Ae178B4a", "YW5hLmxvcGV6QGV4YW1wbGUuY29t", "02:42:ac:11:00:02",
        ]),
        after in "[a-zA-Z ,;.!?éäЖ中\n]{0,40}",
    ) {
        let masked = Detectors::standard().redact_text(&format!("{before} {secret} {after}"), "").into_owned();
        prop_assert!(!masked.contains(secret), "{}", masked);
    }

    #[test]
    fn json_stays_json(value in json(), name in "[a-z_]{1,8}") {
        let text = value.to_string();
        let masked = mask_value(&Treatment::Scan, &SqlType::Variant, Some(&text), &TokenKeys::new([3; 32]), &Detectors::standard(), &name);
        let masked = masked.expect("JSON has room for every redaction");
        prop_assert!(serde_json::from_str::<serde_json::Value>(&masked).is_ok());
    }
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        values().prop_map(|v| v.map_or(serde_json::Value::Null, serde_json::Value::String)),
        any::<i64>().prop_map(serde_json::Value::from),
        any::<bool>().prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::Array),
            proptest::collection::vec(("[a-z_@.]{0,8}", inner), 0..4)
                .prop_map(|pairs| pairs.into_iter().collect()),
        ]
    })
}

/// An alias, or the first branch's name of a union, hides from the detectors nothing that the stored columns' names say.
#[test]
fn an_alias_takes_nothing_away_from_what_the_stored_columns_are_called() {
    let masked = |alias: &str, stored: &[&str], sql_type: SqlType, value: &str| {
        let foretold = [ForetoldColumn {
            name: None,
            stored_names: stored.iter().map(|name| (*name).to_owned()).collect(),
        }];
        let (keys, detectors) = (TokenKeys::new([7; 32]), Detectors::standard());
        let scanned = obligations(Some(vec![Treatment::Scan]));
        let plan = MaskPlan::bind(&scanned, Some(&foretold), &[column(alias, sql_type)], &keys, &detectors);
        let rows = serde_json::to_vec(&[[value]]).unwrap();
        let out = run(&mut Arc::new(plan).machine(), &rows).expect("a good row set");
        let [[cell]]: [[Option<String>; 1]; 1] = serde_json::from_str(&out).unwrap();
        cell
    };
    let cell = |alias, stored: &[&str], value| masked(alias, stored, text(), value).unwrap();
    assert_eq!(cell("X", &[], "Oskar Kimura"), "Oskar Kimura");
    assert_eq!(cell("X", &["NAME"], "Oskar Kimura"), "[PERSON]");
    assert_eq!(cell("PRODUCT_NAME", &["NAME"], "Oskar Kimura"), "[PERSON]");
    assert_eq!(cell("SEGMENT", &["SEGMENT", "NAME"], "Oskar Kimura"), "[PERSON]");
    assert_eq!(cell("A", &["SHIP_ADDRESS"], "99 Hill Road, Ashford"), "[ADDRESS]");
    assert_eq!(cell("ORDER_HASH", &["PHONE"], "4155550100"), "[PHONE]");
    assert_eq!(cell("APP_VERSION", &["CLIENT"], "10.20.30.40"), "[IP_ADDRESS]");
    assert_eq!(cell("X", &["APP_VERSION"], "10.20.30.40"), "10.20.30.40");
    assert_eq!(masked("Y", &["DOB"], SqlType::Date, "-6074"), None);
    let variant = masked("P", &["CONTACT_PHONE"], SqlType::Variant, r#"{"value":"4155550100"}"#);
    assert_eq!(variant.as_deref(), Some(r#"{"value":"[PHONE]"}"#));
}
