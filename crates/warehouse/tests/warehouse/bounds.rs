//! No statement takes the process down, or keeps others from running.

use std::time::Duration;

use serde_json::json;
use warehouse::{Ask, State, Warehouse};

use super::{done, end_of, error, open, rows};

#[track_caller]
fn check(error: &warehouse::SnowflakeError, code: &str, sqlstate: &str, text: &str) {
    assert_eq!((error.code, error.sqlstate), (code, sqlstate), "`{text}`: {}", error.message);
}

async fn too_long(warehouse: &Warehouse, text: &str) {
    let error = error(warehouse, text).await;
    check(&error, "100078", "22000", text);
    assert!(error.message.ends_with("is too long and would be truncated"), "{}", error.message);
}

async fn too_large(warehouse: &Warehouse, text: &str) {
    check(&error(warehouse, text).await, "300005", "53200", text);
}

async fn too_complex(warehouse: &Warehouse, text: &str) {
    check(&error(warehouse, text).await, "000603", "54001", text);
}

#[tokio::test]
async fn a_text_that_is_too_long_is_never_made() {
    let w = &open().await;
    for text in [
        "select length(repeat('a', 2000000000)) x",
        "select length(repeat(repeat('a', 100000), 100000))",
        "select length(repeat(name, 2000000000)) from customers",
        "select repeat('a', 16777217)",
        "select length(lpad('a', 2000000000, 'xy')), 1",
        "select length(rpad('a', 2000000000))",
        "select length(rpad(name, 9000000, 'é')) from customers",
        "select length(replace(repeat('a', 10000), 'a', repeat('b', 10000)))",
        "select length(regexp_replace(repeat('a', 10000), 'a', repeat('b', 10000), 'g'))",
        "select length(concat(repeat('a', 9000000), repeat('b', 9000000)))",
        "select length(concat_ws(repeat('a', 9000000), 'x', 'y', 'z'))",
        "select length(repeat('a', 9000000) || repeat('b', 9000000))",
        "select length(array_to_string([1, 2, 3], repeat('a', 9000000)))",
        "select levenshtein(repeat('a', 1000000), repeat('b', 1000000))",
        "with a as (select repeat('a', 10000000) x), b as (select x || x as x from a) select length(x) from b",
        "select length(listagg(c, '')) from (select repeat('a', 100000) c from orders limit 200)",
    ] {
        too_long(w, text).await;
    }
    let text = "select length(repeat('a', 16777216)), length(lpad('a', 16777216, 'é')) , length('a' || repeat('é', 8388607)), \
                length(repeat('a', -1)), repeat('ab', 2) || lpad('1', 3, '0') || rpad('abc', 2)";
    too_long(w, text).await;
    let text = text.replace("lpad('a', 16777216, 'é')", "lpad('a', 8388608, 'é')");
    let row = rows(w, &text).await;
    assert_eq!(
        row,
        [[json!("16777216"), json!("8388608"), json!("8388608"), json!("0"), json!("abab001ab")]]
    );
}

#[tokio::test]
async fn a_concatenation_is_null_or_as_long_as_its_parts() {
    let w = &open().await;
    let text = "select 'a' || null, 'a' || 1, 1 || 2.5, true || 'x', 'a'::date || '' from (select 1) t";
    assert!(matches!(end_of(w, Ask::new(text)).await.1, State::Failed(_)));
    let text =
        "select 'a' || null, 'a' || 1, 1 || 2.5, '2024-01-02'::date || '!', ['a'] || ['b'] from (select 1) t";
    let row = rows(w, text).await;
    assert_eq!(
        row,
        [[json!(null), json!("a1"), json!("12.5"), json!("2024-01-02!"), json!("[\"a\",\"b\"]")]]
    );
}

#[tokio::test]
async fn functions_that_make_as_much_as_a_number_says_are_unknown() {
    let w = &open().await;
    for text in [
        "select array_repeat(1, 2000000000)",
        "select list_repeat(1, 2000000000)",
        "select array_resize([1], 2000000000)",
        "select range(1, 2000000000)",
        "select generate_series(1, 2000000000)",
        "select unnest([1, 2])",
        "select \"unnest\"([1, 2])",
    ] {
        check(&error(w, text).await, "002140", "42601", text);
    }
}

#[tokio::test]
async fn rows_that_need_too_much_memory_are_an_error() {
    let w = &open().await;
    let wide = "(select repeat('a', 10000000) || id as c, id from customers limit 200)";
    for text in [
        // Made: many long texts at once.
        format!("select length(c) from {wide} order by c"),
        // Constants: one copy a row.
        "select repeat('a', 10000000) c from orders".to_owned(),
        format!("select '{}' c from orders a, orders b", "a".repeat(900_000)),
        // Opened: JSON in memory is many times as long as its text.
        "select parse_json('[' || repeat('{\"a\":1},', 1000000) || '1]')".to_owned(),
        "select array_size(split(repeat('a,', 1500000), ','))".to_owned(),
        // Copied by a join.
        "select c, o.id from (select repeat(name, 100000) c from customers limit 1) t, orders o".to_owned(),
        "select c, o.id from (select repeat(name, 100000) c, id from customers limit 1) t join orders o on o.id > t.id"
            .to_owned(),
        // Kept by an aggregate, a window, a sort, a join.
        "select array_agg(repeat(o.id || 'x', 40000)) from orders o, countries c".to_owned(),
        "select max(c) over (), c from (select repeat(o.id || 'x', 9000) c from orders o, countries c, countries d)".to_owned(),
        "select c from (select repeat(o.id || 'x', 9000) c from orders o, countries c, countries d) order by c".to_owned(),
        "select count(*) from (select repeat(o.id || 'x', 9000) c from orders o, countries c, countries d) s, orders p, \
         (select repeat(o.id || 'x', 9000) c from orders o, countries c, countries d) t where s.c = t.c"
            .to_owned(),
        // Answered.
        "select repeat(o.id || 'x', 9000) c from orders o, countries c, countries d".to_owned(),
    ] {
        too_large(w, &text).await;
    }
    assert_eq!(rows(w, "select 1").await, [[json!("1")]]);
}

#[tokio::test]
async fn long_constants_are_copied_in_small_batches() {
    let w = &open().await;
    let text = format!("select count(c) from (select id, '{}' c from customers) t", "a".repeat(900_000));
    let count = rows(w, "select count(*) from customers").await;
    assert_eq!(rows(w, &text).await, count);
    let text = "select sum(length(s.c)) > 0 from (select name, repeat('b', 50000) c from customers) s join customers t on s.name = t.name";
    assert_eq!(rows(w, text).await, [[json!("true")]]);
}

#[tokio::test]
async fn guarded_plans_still_answer() {
    let w = &open().await;
    for (text, answer) in [
        (
            "with recursive r as (select 1 n union all select n + 1 from r where n < 5000) select sum(n) from r",
            "12502500",
        ),
        (
            "select count(*) from (select row_number() over (order by id) n, sum(id) over () s from orders) t where n > 0 and s > 0 having count(*) = (select count(*) from orders)",
            "",
        ),
        ("select (select max(id) from customers) - (select max(id) from customers)", "0"),
        (
            "select count(*) - (select count(*) from orders) from orders o left join customers c on c.id = o.customer_id",
            "0",
        ),
    ] {
        let found = rows(w, text).await;
        assert_eq!(found.len(), 1, "`{text}`");
        if !answer.is_empty() {
            assert_eq!(found, [[json!(answer)]], "`{text}`");
        }
    }
}

#[tokio::test]
async fn what_is_stored_is_bounded() {
    let w = &open().await;
    rows(w, "create table much as select repeat(o.id || 'x', 5000) c from orders o, countries c limit 4000")
        .await;
    let mut state = State::Unknown;
    for _ in 0..20 {
        state = end_of(w, Ask::new("insert into much select * from much limit 4000")).await.1;
        if matches!(state, State::Failed(_)) {
            break;
        }
    }
    let State::Failed(error) = state else { panic!("stored") };
    check(&error, "300005", "53200", "insert");
    rows(w, "drop table much").await;
    rows(w, "create table little as select 1 a").await;
}

/// `c0` … `c{levels}`, each naming the one before it twice.
fn doubling(levels: usize, last: &str) -> String {
    let mut text = "with c0 as (select 1 a)".to_owned();
    for n in 1..=levels {
        let m = n - 1;
        text += &format!(", c{n} as (select a from c{m} union all select a from c{m})");
    }
    format!("{text} {last}")
}

#[tokio::test]
async fn names_that_stand_for_too_many_copies_are_refused() {
    let w = &open().await;
    too_complex(w, &doubling(23, "select count(*) from c23")).await;
    too_complex(w, &doubling(120, "select 1")).await;
    too_complex(w, &doubling(23, "select (select count(*) from c23)")).await;
    too_complex(w, &format!("explain {}", doubling(23, "select count(*) from c23"))).await;
    too_complex(w, &format!("create table t as {}", doubling(23, "select a from c23"))).await;
    too_complex(w, &format!("create view v as {}", doubling(23, "select a from c23"))).await;
    too_complex(w, &format!("insert into countries {}", doubling(23, "select a, a from c23"))).await;
    too_complex(w, &format!("delete from countries where code in ({})", doubling(23, "select a from c23")))
        .await;
    assert_eq!(rows(w, &doubling(6, "select count(*) from c6")).await, [[json!("64")]]);
    // A name within a query of its own counts where it stands.
    let inner = "with c as (select 1 a) select a from c union all (with d as (select 2 a) select a from d) order by 1";
    assert_eq!(rows(w, inner).await, [[json!("1")], [json!("2")]]);
}

#[tokio::test]
async fn views_count_with_what_they_stand_for() {
    let w = &open().await;
    rows(w, "create view v0 as select 1 a").await;
    let mut refused = None;
    for n in 1..16 {
        let m = n - 1;
        let four = vec![format!("select a from v{m}"); 4].join(" union all ");
        let state = end_of(w, Ask::new(format!("create view v{n} as {four}"))).await.1;
        if let State::Failed(error) = state {
            refused = Some((n, error));
            break;
        }
    }
    let (n, error) = refused.expect("an error");
    check(&error, "000603", "54001", "create view");
    assert!((4..10).contains(&n), "{n}");
    // Views that open ever more views, each of them few rows.
    rows(w, "create view w0 as select 1 a").await;
    for n in 1..14 {
        let from: Vec<_> = (0..n).map(|m| format!("demo.public.w{m} x{m}")).collect();
        let text = format!("create view w{n} as select x0.a from {}", from.join(", "));
        if let State::Failed(error) = end_of(w, Ask::new(text)).await.1 {
            check(&error, "000603", "54001", "create view");
            return;
        }
    }
    panic!("opened");
}

#[tokio::test]
async fn calls_that_hold_an_argument_twice_are_counted() {
    let w = &open().await;
    let nested = |n: usize| format!("select {}1{}", "div0(1, ".repeat(n), ")".repeat(n));
    too_complex(w, &nested(40)).await;
    assert_eq!(rows(w, &nested(3)).await.len(), 1);
}

#[tokio::test]
async fn statements_that_do_not_pause_keep_nobody_waiting() {
    let w = &open().await;
    // One call of a function for all rows, which neither pauses nor looks whether anybody still wants its answer.
    let busy = "select sum(levenshtein(repeat('a', 3000), repeat('b', 3000) || id)) from (select id from orders limit 100) t";
    let threads = std::thread::available_parallelism().map_or(2, |n| n.get().clamp(2, 8));
    let mut ids = Vec::new();
    for _ in 0..threads {
        ids.push(w.submit(Ask::new(busy)).await);
    }
    assert_eq!(rows(w, "select 1").await, [[json!("1")]]);
    for id in &ids {
        assert_eq!(w.state(id, Duration::ZERO).await, State::Running);
        w.cancel(id);
        assert_eq!(w.state(id, Duration::ZERO).await, State::Cancelled);
    }
    // What the engine hands to other threads must not keep the clock from running either.
    let spawned = "with a as (select o.id, p.id x from orders o, orders p) select count(*) from \
                   (select a.id from a, orders b union select c.x from a c, orders d)";
    for text in [busy, spawned] {
        let ask = Ask { timeout: Some(Duration::from_secs(1)), ..Ask::new(text) };
        let State::Failed(error) = end_of(w, ask).await.1 else { panic!("it went on") };
        check(&error, "000630", "57014", text);
    }
}

#[tokio::test]
async fn a_batch_holds_its_text_once() {
    let w = &open().await;
    // With a copy for each statement these were 45 GB.
    let ask = Ask { statement_count: 0, ..Ask::new(format!("selec 1;{}", "select 1;".repeat(100_000))) };
    let State::Failed(error) = end_of(w, ask).await.1 else { panic!("taken") };
    check(&error, "001003", "42000", "selec 1");
    // The last statement's own text ends where it ends.
    let text = format!("{}create view last as select 1 a ; -- the end", "select 1;\n".repeat(500));
    let batch = done(end_of(w, Ask { statement_count: 501, ..Ask::new(text) }).await.1);
    assert_eq!(batch.children.len(), 501);
    let found = rows(w, "show views like 'last'").await;
    assert!(found[0].contains(&json!("create view LAST as select 1 a")), "{found:?}");
}
