//! What holds for any statement.

use std::sync::OnceLock;

use domain::{
    Class, ColumnRef, Decision, Obligations, Ruling, ShownColumn, ShownHow, Statement, TestedHow, Treatment,
};
use policy::{Bundle, default_files};
use proptest::prelude::*;

use crate::cases::{Build, TABLES, column, decide, grant, select, statement};

/// How much a decision lets through; less is stricter.
fn openness(ruling: &Ruling) -> u8 {
    match &ruling.decision {
        Decision::Allow(_) => 2,
        Decision::Hold(_) => 1,
        Decision::Refuse(_) => 0,
    }
}

/// How much a treatment lets through.
fn shown(treatment: &Treatment) -> u8 {
    match treatment {
        Treatment::Clear => 2,
        Treatment::Scan => 1,
        Treatment::Mask(_) => 0,
    }
}

/// Nothing of `less` lets through more than `more` does.
#[track_caller]
fn assert_no_more(less: &Ruling, more: &Ruling) {
    assert!(openness(less) <= openness(more), "{less:?}\n{more:?}");
    if openness(less) == 0 {
        return;
    }
    let Obligations { columns, unforeseen: _, mask_column_names, error_text, limits } =
        &grant(less).obligations;
    let than = &grant(more).obligations;
    assert!(*mask_column_names >= than.mask_column_names && *error_text >= than.error_text);
    assert_eq!(*limits, than.limits);
    match (columns, &than.columns) {
        (Some(columns), Some(than)) => {
            assert!(
                columns.iter().zip(than).all(|(less, more)| shown(less) <= shown(more)),
                "{less:?}\n{more:?}"
            );
        }
        (columns, than) => assert!(columns.is_none() || than.is_some()),
    }
}

fn default_bundle() -> &'static Bundle {
    static BUNDLE: OnceLock<Bundle> = OnceLock::new();
    BUNDLE.get_or_init(|| Bundle::default_bundle().unwrap())
}

/// The default bundle, each time without another of its permits.
fn without_a_permit() -> &'static [Bundle] {
    static BUNDLES: OnceLock<Vec<Bundle>> = OnceLock::new();
    BUNDLES.get_or_init(|| {
        let mut bundles = Vec::new();
        for (path, bytes) in default_files().iter().filter(|(path, _)| path.ends_with(".cedar")) {
            let text = String::from_utf8(bytes.clone()).unwrap();
            for (at, _) in text.match_indices("permit (") {
                let mut files = default_files();
                // A permit that permits nobody: the same policy for a group that nobody is in.
                let (before, rest) = text.split_at(at);
                let rest = rest.replacen("Group::\"agents\"", "Group::\"nobody\"", 1);
                let nobody = format!("{before}{rest}");
                files.insert(path.clone(), nobody.into_bytes());
                bundles.push(Bundle::parse(&files).unwrap());
            }
        }
        assert!(bundles.len() > 10);
        bundles
    })
}

fn any_column() -> impl Strategy<Value = ColumnRef> {
    let known: Vec<String> = TABLES
        .iter()
        .flat_map(|table| {
            let mut words = table.split(' ');
            let name = words.next().unwrap();
            words.map(move |word| format!("{name}.{}", word.split(':').next().unwrap())).collect::<Vec<_>>()
        })
        .chain(["NO_SUCH_TABLE.A".into(), "CUSTOMERS.NO_SUCH_COLUMN".into(), "HR.PUBLIC.PEOPLE.NAME".into()])
        .collect();
    proptest::sample::select(known).prop_map(|name| column(&name))
}

fn any_shown() -> impl Strategy<Value = ShownColumn> {
    let how = proptest::sample::select(vec![
        (ShownHow::Stored, vec![]),
        (ShownHow::Derived, vec![]),
        (ShownHow::Path, vec!["email".to_owned()]),
        (ShownHow::Path, vec!["prefs".to_owned(), "theme".to_owned()]),
    ]);
    (any_column(), how).prop_map(|(column, (how, path))| ShownColumn { column, how, path })
}

fn any_statement() -> impl Strategy<Value = Statement> {
    let kinds = vec![
        (Class::Read, "select"),
        (Class::Read, "select"),
        (Class::Read, "select"),
        (Class::Show, "show"),
        (Class::Write, "insert"),
        (Class::Define, "create_table"),
        (Class::Define, "drop_table"),
        (Class::Opaque, "unknown"),
    ];
    let outputs =
        proptest::collection::vec((proptest::collection::btree_set(any_shown(), 0..3), 0..10_u8), 0..6);
    let hows = vec![TestedHow::Predicate, TestedHow::Order, TestedHow::Group, TestedHow::Shape];
    let tests = proptest::collection::vec((any_column(), proptest::sample::select(hows)), 0..2);
    let writes = proptest::option::of(any_column());
    (proptest::sample::select(kinds), outputs, tests, writes).prop_map(
        |((class, kind), outputs, tests, writes)| {
            let mut statement = statement(class, kind);
            for (shows, luck) in outputs {
                statement = statement.output(&[]);
                statement.footprint.reads.extend(shows.iter().map(|shown| shown.column.object.clone()));
                let output = statement.lineage.outputs.as_mut().unwrap().last_mut().unwrap();
                (output.shows, output.is_known, output.is_name_from_values) = (shows, luck > 0, luck > 7);
            }
            for (column, how) in tests {
                statement.footprint.reads.insert(column.object.clone());
                statement.lineage.tests.insert(domain::TestedColumn { column, how, with: None });
            }
            if class != Class::Read {
                statement.footprint.writes.extend(writes.map(|column| column.object));
            }
            statement
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn without_a_permit_nothing_more_is_permitted(statement in any_statement()) {
        let whole = decide(default_bundle(), &["agents"], &statement);
        for less in without_a_permit() {
            assert_no_more(&decide(less, &["agents"], &statement), &whole);
        }
    }

    #[test]
    fn who_is_in_no_group_may_do_nothing(statement in any_statement()) {
        prop_assert_eq!(openness(&decide(default_bundle(), &[], &statement)), 0);
    }

    #[test]
    fn one_more_column_in_a_result_column_never_shows_more(statement in any_statement(), more in any_shown(), at in 0..6_usize) {
        let before = decide(default_bundle(), &["agents"], &statement);
        let mut widened = statement;
        widened.footprint.reads.insert(more.column.object.clone());
        if let Some(output) = widened.lineage.outputs.as_mut().unwrap().get_mut(at) {
            output.shows.insert(more);
        }
        assert_no_more(&decide(default_bundle(), &["agents"], &widened), &before);
    }

    #[test]
    fn an_unknown_column_masks_itself_and_unmasks_nothing(statement in any_statement(), at in 0..6_usize) {
        let before = decide(default_bundle(), &["agents"], &statement);
        let mut clouded = statement;
        if let Some(output) = clouded.lineage.outputs.as_mut().unwrap().get_mut(at) {
            output.is_known = false;
        }
        let clouded = clouded.unknown();
        let after = decide(default_bundle(), &["agents"], &clouded);
        assert_no_more(&after, &before);
        if openness(&after) > 0 {
            let columns = grant(&after).obligations.columns.as_ref().unwrap();
            for (treatment, output) in columns.iter().zip(clouded.lineage.outputs.as_ref().unwrap()) {
                prop_assert!(output.is_known || shown(treatment) == 0);
            }
        }
    }

    #[test]
    fn one_more_test_or_object_never_permits_more(statement in any_statement(), column in any_column()) {
        let before = decide(default_bundle(), &["agents"], &statement);
        let mut widened = statement.clone();
        widened.footprint.reads.insert(column.object.clone());
        assert_no_more(&decide(default_bundle(), &["agents"], &widened), &before);
        widened.lineage.tests.insert(domain::TestedColumn { column, how: TestedHow::Predicate, with: None });
        assert_no_more(&decide(default_bundle(), &["agents"], &widened), &before);
    }

    #[test]
    fn every_result_column_has_one_treatment_and_every_ruling_a_rule(statement in any_statement()) {
        let ruling = decide(default_bundle(), &["agents"], &statement);
        prop_assert!(!ruling.rules.is_empty());
        prop_assert!(ruling.rules.is_sorted());
        if openness(&ruling) > 0 {
            let columns = grant(&ruling).obligations.columns.as_ref().unwrap();
            prop_assert_eq!(columns.len(), statement.lineage.outputs.as_ref().unwrap().len());
        }
    }
}

#[test]
fn the_same_case_gives_the_same_ruling() {
    let statement = select().stored("CUSTOMERS.EMAIL").derived("CUSTOMERS.NOTES");
    let rulings: Vec<Ruling> = (0..3).map(|_| decide(default_bundle(), &["agents"], &statement)).collect();
    assert!(rulings.windows(2).all(|pair| pair[0] == pair[1]));
}
