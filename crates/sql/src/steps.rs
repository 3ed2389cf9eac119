//! Batches told step by step, for whoever wants to see what a pipeline does.

use std::ops::Range;

use domain::{Class, Statement};

use crate::Scope;
use crate::batch::{Session, read_batch};
use crate::lexer::significant;
use crate::lineage::{Derived, Reader};
use crate::read::{finish, is_too_long, is_too_much, read_step};
use crate::split::steps;

/// Reads a batch as [`read_batch`] does, with one entry a step: a statement of one step is what [`read_batch`] says;
/// a pipeline (`->>`) is as many entries as it has steps, each with the class, the objects and the columns of that
/// step alone.
///
/// This explains, and decides nothing: a pipeline is judged as the whole that [`read_batch`] tells, with the
/// strictest class of its steps.
pub fn read_steps(text: &str, scope: &Scope<'_>) -> Vec<(Range<usize>, Statement)> {
    let mut session = Session::new(scope);
    let mut told = Vec::new();
    for (range, statement) in read_batch(text, scope) {
        let written = text.get(range.clone()).unwrap_or("");
        let steps = if is_too_long(text) { Vec::new() } else { steps_of(written, &session, scope) };
        session.pass(&statement);
        if steps.len() < 2 {
            told.push((range, statement));
        } else {
            let start = range.start;
            told.extend(
                steps.into_iter().map(|(step, statement)| (start + step.start..start + step.end, statement)),
            );
        }
    }
    told
}

/// The steps of one statement, read in order; none when it is no pipeline, or cannot be cut.
fn steps_of(text: &str, session: &Session, outer: &Scope<'_>) -> Vec<(Range<usize>, Statement)> {
    if !text.contains("->>") {
        return Vec::new();
    }
    let Ok(tokens) = significant(text) else { return Vec::new() };
    if is_too_much(text, &tokens) {
        return Vec::new();
    }
    let Some(scope) = session.scope(outer) else {
        let steps = steps(text, &tokens).into_iter();
        return steps.map(|step| (range_of(step, text), Session::lost())).collect();
    };
    let mut inside = session.clone();
    let mut reader = Reader::new(&scope);
    let mut found = Vec::new();
    // What follows a step that changes its session is read against nothing that is known.
    let mut is_lost = false;
    for step in steps(text, &tokens) {
        if is_lost {
            found.push((range_of(step, text), Session::lost()));
            continue;
        }
        let mut part = read_step(&mut reader, text, step, &scope, 0);
        let outputs = part.outputs(&mut reader);
        let derived = part.derived.take().unwrap_or_default();
        let statement = finish(&mut reader, part.act, outputs, part.effects);
        let statement = inside.unless_changed(statement);
        if statement.class == Class::Opaque {
            // SECURITY: reading stopped somewhere in it. Nothing that it left half-read may stand behind a later step.
            reader = Reader::new(&scope);
            found.iter().for_each(|_| reader.end_step(Derived::default()));
            reader.end_step(Derived::default());
        } else {
            reader.end_step(derived);
        }
        inside.pass(&statement);
        is_lost |= statement.class != Class::Opaque && !statement.effects.is_empty();
        found.push((range_of(step, text), statement));
    }
    found
}

fn range_of(step: &[crate::lexer::Token], text: &str) -> Range<usize> {
    let start = step.first().map_or(text.len(), |token| token.start);
    start..step.last().map_or(start, |token| token.end)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use domain::{Context, Statement};

    use super::read_steps;
    use crate::{Scope, catalog_from_ddl};

    fn told(text: &str) -> Vec<(String, Statement)> {
        let catalog = catalog_from_ddl(
            "create table t (id number, phone varchar); create table u (id number, city varchar)",
            "D",
            "S",
        );
        let context = Context { database: Some("D".into()), schema: Some("S".into()), ..Context::default() };
        let (bindings, variables) = (BTreeMap::new(), BTreeMap::new());
        let scope =
            Scope { context: &context, catalog: &catalog, bindings: &bindings, variables: &variables };
        let steps = read_steps(text, &scope).into_iter();
        steps.map(|(range, statement)| (text.get(range).unwrap().to_owned(), statement)).collect()
    }

    /// Each step as `class: reads; shows; tests`.
    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let found: Vec<String> = told(text)
            .iter()
            .map(|(_, statement)| {
                let reads = statement.footprint.reads.iter().map(ToString::to_string);
                let outputs = statement.lineage.outputs.iter().flatten();
                let shows = outputs.flat_map(|output| &output.shows).map(|shown| shown.column.to_string());
                let tests = statement.lineage.tests.iter().map(|tested| tested.column.to_string());
                format!(
                    "{}: {}; {}; {}",
                    statement.class,
                    reads.collect::<Vec<_>>().join(" "),
                    shows.collect::<Vec<_>>().join(" "),
                    tests.collect::<Vec<_>>().join(" ")
                )
            })
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn each_step_tells_what_it_does_itself() {
        check(
            "select phone from t where id = 1 ->> select $1 as v from $1 ->> select count(*) from u",
            &["read: D.S.T; D.S.T.PHONE; D.S.T.ID", "read: ; D.S.T.PHONE; ", "read: D.S.U; ; "],
        );
        check("show tables ->> drop table t", &["show: ; ; ", "define: ; ; "]);
        let steps = told("select 1; select 2 ->> select 3 from $1");
        assert_eq!(
            steps.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>(),
            ["select 1", "select 2", "select 3 from $1"]
        );
    }

    #[test]
    fn what_follows_a_step_that_nobody_can_read_knows_nothing_of_it() {
        let steps = told("select id from t frobnicate quux quux ->> select id from u ->> select $1 from $2");
        let classes: Vec<&str> = steps.iter().map(|(_, statement)| statement.class.as_str()).collect();
        assert_eq!(classes[0], "opaque");
        assert_eq!(classes[1], "read");
        let last = &steps[2].1.lineage.outputs;
        assert!(last.iter().flatten().all(|output| !output.is_known), "{last:?}");
    }

    #[test]
    fn a_step_that_reads_what_an_earlier_one_wrote_is_opaque() {
        check(
            "insert into u select id, phone from t ->> select city from u",
            &["write: D.S.T; D.S.T.ID D.S.T.PHONE; ", "opaque: D.S.U; ; "],
        );
        check("call p(); select 1 ->> select $1 from $1", &["call: ; ; ", "opaque: ; ; ", "opaque: ; ; "]);
    }
}
