//! How long reading takes: an analyst's query of 300 characters, texts of growing size, and what is refused by size.
//!
//! `cargo bench -p sql --bench read`. Beside each the parser alone, which reading cannot beat.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Instant;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use domain::{Bindings, Catalog, Class, Context};
use sqlparser::dialect::SnowflakeDialect;
use sqlparser::parser::Parser;

const SCHEMA: &str = include_str!("../tests/data/acme.sql");

/// What an analyst asks: joins, a common table, aggregates, a window; about 300 characters each.
const QUERIES: [&str; 3] = [
    "select c.country, date_trunc('month', o.created_at) as month, count(*) as orders, sum(o.amount) as total
     from customers c join orders o on o.customer_id = c.id
     where o.status = 'shipped' and o.created_at >= dateadd(day, -90, current_date())
     group by c.country, month having sum(o.amount) > 100 order by month, total desc limit 50",
    "with paid as (select order_id, sum(amount) as paid from payments group by order_id)
     select o.id, o.amount, p.paid, o.amount - coalesce(p.paid, 0) as open
     from orders o left join paid p on p.order_id = o.id
     qualify row_number() over (partition by o.customer_id order by o.created_at desc) = 1",
    "select c.segment, c.profile:prefs.theme::string as theme, f.value::string as tag, count(distinct c.id) n
     from customers c, lateral flatten(input => c.profile:tags) f
     where c.country in ('DE', 'FR') and c.signup_date between '2024-01-01' and '2024-12-31'
     group by all order by n desc",
];

/// A query of about so many bytes: a union of many selects.
fn long(bytes: usize) -> String {
    let mut text = String::new();
    let mut branch = 0;
    while text.len() < bytes {
        if branch > 0 {
            text.push_str("\nunion all\n");
        }
        let _ = write!(
            text,
            "select id, amount * {branch} as scaled, case when status = 'open' then {branch} else 0 end as flag, \
             'note {branch}' as note from orders where customer_id = {branch} and amount > {branch}.5"
        );
        branch += 1;
    }
    text
}

fn acme() -> Catalog {
    sql::catalog_from_ddl(SCHEMA, "ACME", "PUBLIC")
}

fn reading(criterion: &mut Criterion) {
    let catalog = acme();
    let context =
        Context { database: Some("ACME".into()), schema: Some("PUBLIC".into()), ..Context::default() };
    let (bindings, variables) = (Bindings::new(), BTreeMap::new());
    let scope =
        sql::Scope { context: &context, catalog: &catalog, bindings: &bindings, variables: &variables };

    let mut group = criterion.benchmark_group("analyst query");
    for (at, query) in QUERIES.iter().enumerate() {
        assert_ne!(sql::read(query, &scope).class, Class::Opaque, "{query}");
        group.throughput(Throughput::Bytes(query.len() as u64));
        group.bench_with_input(BenchmarkId::new("read and resolved", at), query, |bencher, query| {
            bencher.iter(|| sql::read(black_box(query), &scope));
        });
        group.bench_with_input(BenchmarkId::new("parser alone", at), query, |bencher, query| {
            bencher.iter(|| Parser::parse_sql(&SnowflakeDialect, black_box(query)));
        });
    }
    group.finish();

    let mut group = criterion.benchmark_group("long query");
    group.sample_size(20);
    for kilobytes in [25, 50, 100] {
        let query = long(kilobytes * 1000);
        assert_ne!(sql::read(&query, &scope).class, Class::Opaque);
        group.throughput(Throughput::Bytes(query.len() as u64));
        group.bench_with_input(BenchmarkId::new("read and resolved", kilobytes), &query, |bencher, query| {
            bencher.iter(|| sql::read(black_box(query), &scope));
        });
    }
    let query = long(10_000_001);
    group.bench_function("10 MB, refused", |bencher| {
        bencher.iter(|| sql::read(black_box(&query), &scope));
    });
    group.finish();
}

/// A batch of about so many bytes: queries of 100 KB, since none that is longer is read whole.
fn batch(kilobytes: usize) -> String {
    let queries = kilobytes.div_ceil(100);
    vec![long(kilobytes * 1000 / queries); queries].join(";\n")
}

/// Prints what each size takes, so that a cost that grows faster than the text is seen at once.
fn growth(_: &mut Criterion) {
    let catalog = acme();
    let context =
        Context { database: Some("ACME".into()), schema: Some("PUBLIC".into()), ..Context::default() };
    let (bindings, variables) = (Bindings::new(), BTreeMap::new());
    let scope =
        sql::Scope { context: &context, catalog: &catalog, bindings: &bindings, variables: &variables };
    for kilobytes in [25, 50, 100, 200, 1000, 5000] {
        let text = batch(kilobytes);
        let mut took: Vec<f64> = (0..9)
            .map(|_| {
                let start = Instant::now();
                let statements = sql::read_batch(black_box(&text), &scope);
                let took = start.elapsed().as_secs_f64();
                assert!(statements.iter().all(|(_, statement)| statement.class == Class::Read));
                took
            })
            .collect();
        took.sort_by(f64::total_cmp);
        let median = took.get(took.len() / 2).copied().unwrap_or_default();
        println!(
            "{kilobytes} KB in {} statements: {:.1} ms, {:.0} ns a byte",
            kilobytes.div_ceil(100),
            median * 1e3,
            median * 1e9 / text.len() as f64
        );
    }
}

criterion_group!(benches, reading, growth);
criterion_main!(benches);
