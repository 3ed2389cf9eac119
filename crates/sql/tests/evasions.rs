//! Files of statements: what tells a hidden value, what shows one under another name, and what does neither.

mod common;

use common::{acme, is_masked, is_oracle, lines, read_in};

#[test]
fn whatever_tells_something_of_a_hidden_column_tests_it() {
    let catalog = acme();
    for text in lines(include_str!("data/oracles.sql")) {
        let statement = read_in(&catalog, text);
        assert!(is_oracle(&statement), "{text}\n{statement:#?}");
    }
}

#[test]
fn harmless_statements_test_and_show_nothing_hidden() {
    let catalog = acme();
    for text in lines(include_str!("data/harmless.sql")) {
        let statement = read_in(&catalog, text);
        assert!(!is_oracle(&statement), "{text}\n{statement:#?}");
        let outputs = statement.lineage.outputs.unwrap_or_default();
        assert!(!outputs.is_empty() && !outputs.iter().any(is_masked), "{text}\n{outputs:#?}");
        assert!(!outputs.iter().any(|output| output.is_name_from_values), "{text}");
    }
}

#[test]
fn a_hidden_column_is_found_under_whatever_name() {
    let catalog = acme();
    for line in lines(include_str!("data/shown.txt")) {
        let (places, text) = line.split_once('|').unwrap();
        let expected: Vec<usize> = places.split_whitespace().map(|place| place.parse().unwrap()).collect();
        let statement = read_in(&catalog, text);
        let outputs = statement.lineage.outputs.clone().unwrap_or_default();
        let found: Vec<usize> =
            outputs.iter().enumerate().filter(|(_, output)| is_masked(output)).map(|(at, _)| at).collect();
        assert_eq!(found, expected, "{text}\n{statement:#?}");
        assert!(!is_oracle(&statement), "{text}\n{:?}", statement.lineage.tests);
    }
}
