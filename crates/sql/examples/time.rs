//! How long reading takes: `cargo run -p sql --release --example time`.

use std::collections::BTreeMap;
use std::time::Instant;

use domain::Context;

fn main() {
    let catalog = sql::catalog_from_ddl(include_str!("../tests/data/acme.sql"), "ACME", "PUBLIC");
    let context =
        Context { database: Some("ACME".into()), schema: Some("PUBLIC".into()), ..Context::default() };
    let (bindings, variables) = (BTreeMap::new(), BTreeMap::new());
    let scope =
        sql::Scope { context: &context, catalog: &catalog, bindings: &bindings, variables: &variables };
    let analyst = "select c.country, date_trunc('month', o.created_at) as month, count(distinct c.id) as buyers, \
                   sum(o.amount) as total, avg(p.amount) as paid from customers c join orders o on o.customer_id = c.id \
                   left join payments p on p.order_id = o.id where o.status = 'shipped' and o.created_at >= '2026-01-01' \
                   group by 1, 2 having sum(o.amount) > 100 order by 1, 2 limit 50";
    let long = format!(
        "select id from orders where {}",
        vec!["(amount > 10 and status = 'x')"; 3000].join(", id in (select 1) or ")
    );
    let list: Vec<String> = (0..12_000).map(|n| format!("'{n:06}'")).collect();
    let listed = format!("select id from orders where sku in ({})", list.join(","));
    for (name, text, rounds) in
        [("analyst", analyst, 2000), ("long", long.as_str(), 3), ("list", listed.as_str(), 10)]
    {
        let mut times: Vec<f64> = (0..rounds)
            .map(|_| {
                let begun = Instant::now();
                std::hint::black_box(sql::read(text, &scope));
                begun.elapsed().as_secs_f64() * 1e6
            })
            .collect();
        times.sort_by(f64::total_cmp);
        println!(
            "{name}: {} bytes, median {:.1} µs",
            text.len(),
            times.get(rounds / 2).copied().unwrap_or_default()
        );
    }
}
