//! What a short text can multiply is counted before it is done, so that reading takes no longer than the text allows.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod common;

use std::collections::BTreeMap;

use common::{acme, read_in};
use domain::{Class, Context, Effect, Lineage};
use sql::{Scope, read_batch};

/// A column that shows many and may fail.
const WIDE: &str =
    "select name||email||ssn||phone||card_number||notes||country||segment||to_varchar(1/id) x from customers";

/// `c0, c1, …`
fn each(count: usize, one: impl Fn(usize) -> String) -> String {
    (0..count).map(one).collect::<Vec<_>>().join(", ")
}

#[test]
fn a_text_that_multiplies_names_by_tables_is_opaque() {
    let catalog = acme();
    let tables = |count| each(count, |at| format!("u{at}"));
    let customers = |count| each(count, |at| format!("customers a{at}"));
    let conditions: Vec<String> = (0..700).map(|at| format!("c{at} = 1")).collect();
    let joins: Vec<String> = (1..1500).map(|at| format!("join customers a{at} using (id)")).collect();
    let natural: Vec<String> = (1..300).map(|at| format!("natural join customers a{at}")).collect();
    let namesakes = each(1700, |_| "id".to_owned());
    let using = "join a using (id) ".repeat(350);
    let fold = |name: &str, of: &str, times: usize| {
        let of = each(times, |at| format!("{of} t{at}"));
        format!("{name} as (select * from {of})")
    };
    let nameless = each(1000, |_| "(id)".to_owned());
    for text in [
        format!(
            "with a as (select {nameless} from customers) select {} from {}",
            each(1000, |_| "zz".to_owned()),
            each(150, |at| format!("a a{at}"))
        ),
        format!(
            "with a as (select {nameless} from customers), {} select * from b union all by name select * from b",
            fold("b", "a", 10)
        ),
        format!("with a as (select {namesakes} from customers) select 1 from a {using}"),
        format!(
            "with a as ({WIDE}) select filter({}, {}) from a",
            each(2000, |_| "x".to_owned()),
            each(900, |_| "y->y".to_owned())
        ),
        format!("with a as (select {namesakes} from customers) select {namesakes} from a"),
        format!(
            "with {}, {}, {} select * ilike '{}x' from c",
            fold("a", "customers", 16),
            fold("b", "a", 16),
            fold("c", "b", 5),
            "%_".repeat(4700)
        ),
        format!("select {} from {}", each(500, |at| format!("c{at}")), tables(500)),
        format!("select 1 from {} where {}", tables(700), conditions.join(" and ")),
        format!("select {} from {}", each(3000, |_| "ssn".to_owned()), customers(3000)),
        format!("select {} from {}", each(3000, |_| "hash(*)".to_owned()), tables(3000)),
        format!("select {} from {}", each(3000, |_| "hash(*)".to_owned()), customers(3000)),
        format!("select 1 from customers a0 {}", joins.join(" ")),
        format!("select 1 from customers a0 {}", natural.join(" ")),
    ] {
        let statement = read_in(&catalog, &text);
        assert_eq!(statement.class, Class::Opaque, "{}", text.get(..60).unwrap());
        assert_eq!(statement.why, Some("more to look at than its length allows"));
        assert!(statement.lineage.tests.len() < 20_000, "{}", statement.lineage.tests.len());
    }
}

#[test]
fn what_is_merely_long_is_read() {
    let catalog = acme();
    let unions = vec!["select id, ssn, email, name from customers"; 1000].join(" union all ");
    for text in [
        format!("select {} from {}", each(40, |at| format!("c{at}")), each(30, |at| format!("u{at}"))),
        format!("select {} from orders", each(5000, |at| format!("upper(sku) as x{at}"))),
        format!("select id from orders where id in ({})", each(20_000, |at| at.to_string())),
        format!(
            "select {} from {}",
            each(300, |at| format!("a{at}.ssn")),
            each(300, |at| format!("customers a{at}"))
        ),
        unions,
        format!("with a as ({WIDE}) select coalesce({}) from a", each(4700, |_| "x".to_owned())),
    ] {
        let statement = read_in(&catalog, &text);
        assert_eq!(statement.class, Class::Read, "{}: {:?}", text.get(..60).unwrap(), statement.why);
    }
}

#[test]
fn the_statements_of_a_batch_share_what_they_may_take() {
    let catalog = acme();
    let context =
        Context { database: Some("ACME".into()), schema: Some("PUBLIC".into()), ..Context::default() };
    let (bindings, variables) = (BTreeMap::new(), BTreeMap::new());
    let scope = Scope { context: &context, catalog: &catalog, bindings: &bindings, variables: &variables };
    let one = format!("select {} from {}", each(80, |at| format!("c{at}")), each(80, |at| format!("u{at}")));
    let batch = vec![one.as_str(); 200].join("; ");
    let read = read_batch(&batch, &scope);
    assert_eq!(read.first().unwrap().1.class, Class::Read);
    assert_eq!(read.last().unwrap().1.class, Class::Opaque);
}

/// All statements of a text are held at once, so what they tell of columns counts together.
#[test]
fn statements_of_one_text_tell_of_no_more_columns_than_one_may() {
    let catalog = acme();
    let wide = format!("select {} from customers", vec!["*"; 800].join(", "));
    let columns = read_in(&catalog, &wide).lineage.outputs.unwrap().len();
    assert!((5_000..20_000).contains(&columns), "{columns}");
    let (context, bindings, variables) = (Context::default(), BTreeMap::new(), BTreeMap::new());
    let context = Context { database: Some("ACME".into()), schema: Some("PUBLIC".into()), ..context };
    let scope = Scope { context: &context, catalog: &catalog, bindings: &bindings, variables: &variables };
    let all = read_batch(&vec![wide.as_str(); 40].join("; "), &scope);
    let told: usize = all.iter().map(|(_, one)| one.lineage.outputs.as_ref().map_or(0, Vec::len)).sum();
    assert!(told <= 100_000, "{told}");
    assert!(all.iter().any(|(_, one)| one.why == Some("one of statements with too many columns")));
    assert_eq!(all.last().unwrap().1.class, Class::Opaque);
    // Long names count by their length: of values within a stored one they are as long as a text says.
    let path = "p".repeat(250);
    let long = format!(
        "with t as (select {} from customers) select {} from t",
        each(10, |at| format!("profile:{path}{at} c{at}")),
        vec!["*"; 3_000].join(", ")
    );
    assert_eq!(read_in(&catalog, &long).why, Some("too many columns"));
    // What is only tested, tied or touched counts as well, with the name of its object, however often one name is told.
    // Of characters that have three bytes.
    let object = "漢".repeat(255);
    for text in [
        format!("select count(hash({})) from \"{object}\"", each(14_500, |at| format!("c{at}"))),
        format!("select 1 from {} where \"{object}\" = 1", each(14_500, |at| format!("t{at}"))),
        format!("select 1 from \"{object}\" group by {}", each(14_500, |at| format!("c{at}"))),
    ] {
        let read = read_in(&catalog, &text);
        assert_eq!(
            (read.class, read.why),
            (Class::Opaque, Some("names too many columns")),
            "{}",
            text.get(..60).unwrap()
        );
        let Lineage { outputs: _, tests, ties, touched } = read.lineage;
        assert_eq!((tests.len(), ties.len(), touched.len()), (0, 0, 0));
    }
    // No name is longer than Snowflake lets it be, and that of a place counts with each object in it.
    let long = "o".repeat(256);
    for text in [format!("select 1 from \"{long}\""), format!("select {long} from customers")] {
        assert_eq!(read_in(&catalog, &text).why, Some("a name of more than 255 characters"));
    }
    let place = "漢".repeat(255);
    let many = format!("select 1 from {}", each(14_500, |at| format!("t{at}")));
    for (name, why) in [(place, "names too many objects"), (long, "a name of more than 255 characters")] {
        let context = Context { database: Some(name), schema: Some("S".into()), ..Context::default() };
        let scope = Scope { context: &context, ..scope };
        let (_, read) = read_batch(&many, &scope).remove(0);
        assert_eq!((read.why, read.footprint.reads.len(), read.missing.len()), (Some(why), 0, 0));
    }
    // A place counts in texts that run inside, in bodies, and in all statements of a text together; and where it comes by a string, too.
    let place = Context { database: Some("漢".repeat(255)), schema: Some("S".into()), ..Context::default() };
    let scope_there = Scope { context: &place, ..scope };
    let inner = format!("execute immediate '{many}'");
    let body = format!("create procedure p() returns int language sql as '{many}'");
    for text in [&inner, &body] {
        let (_, read) = read_batch(text, &scope_there).remove(0);
        assert_eq!(
            (read.class, read.footprint.reads.len()),
            (Class::Opaque, 0),
            "{}",
            text.get(..40).unwrap()
        );
    }
    let some = format!("select 1 from {}", each(1_000, |at| format!("t{at}")));
    let all = read_batch(&vec![some.as_str(); 200].join("; "), &scope_there);
    let held: usize = all.iter().map(|(_, one)| one.footprint.reads.len()).sum();
    assert!((1_000..20_000).contains(&held), "{held}");
    let role = format!("use role identifier('{}'); {}", "r".repeat(300), vec!["select 1"; 200].join("; "));
    let all = read_batch(&role, &scope);
    assert!(all.iter().all(|(_, one)| one.class == Class::Opaque && one.effects == [Effect::Unknown]));
    // As many statements as a text may have, each of some tables, are read as they are alone.
    let some = format!(
        "insert into d.s.target select 1 from {}",
        each(20, |at| format!("warehouse.public.orders_{at} t{at}"))
    );
    let all = read_batch(&vec![some.as_str(); 256].join("; "), &scope);
    let read =
        all.iter().filter(|(_, one)| one.class == Class::Write && one.footprint.reads.len() == 20).count();
    assert_eq!(read, 256);
    // A function is looked for beside all that is read.
    let functions = each(400, |at| format!("f{at}()"));
    let beside = format!("select {functions} from {}", each(400, |at| format!("a.s{at}.t t{at}")));
    let (_, read) = read_batch(&beside, &scope).remove(0);
    assert_eq!((read.class, read.functions.len(), read.footprint.reads.len()), (Class::Opaque, 0, 0));
    // What is not told of columns any more still reads and writes what it names.
    let many = vec![wide.as_str(); 40].join("; ");
    let all = read_batch(&format!("{many}; insert into stolen select * from customers"), &scope);
    let last = &all.last().unwrap().1;
    assert_eq!((last.class, last.footprint.reads.len(), last.footprint.writes.len()), (Class::Opaque, 1, 1));
    // One alone has as many as anybody looks at.
    let wider = format!("select {} from customers", vec!["*"; 8_000].join(", "));
    assert_eq!(read_in(&catalog, &wider).class, Class::Opaque);
}
