//! Which columns a statement ties together by comparing them.

mod common;

use common::{acme, read_in};

/// The sets of columns that the statement ties, each as `TABLE.COLUMN = TABLE.COLUMN`.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let statement = read_in(&acme(), text);
    assert_ne!(statement.class, domain::Class::Opaque, "{text}: {:?}", statement.why);
    let ties: Vec<String> = statement
        .lineage
        .ties
        .iter()
        .map(|tie| {
            let columns = tie.iter().map(|column| format!("{}.{}", column.object.name, column.column));
            columns.collect::<Vec<_>>().join(" = ")
        })
        .collect();
    assert_eq!(ties, expected, "{text}");
}

#[test]
fn whatever_equates_two_columns_ties_them() {
    let tied: &[&str] = &["CUSTOMERS.SSN = PRODUCTS.SKU"];
    for text in [
        "select p.name from products p join customers c on c.ssn = p.sku",
        "select p.name from products p left join customers c on p.sku = c.ssn and c.id = 1",
        "select p.name from products p, customers c where c.ssn = p.sku",
        "select p.name from products p, customers c where (c.ssn = p.sku or c.id = 1) and p.price > 1",
        "select p.name from products p, customers c where not (c.ssn <> p.sku)",
        "select p.name from products p, customers c where equal_null(c.ssn, p.sku)",
        "select p.name from products p, customers c where c.ssn is not distinct from p.sku",
        "select p.name from products p, customers c where c.ssn >= p.sku and c.ssn <= p.sku",
        "select p.name from products p, customers c where p.sku between c.ssn and c.ssn",
        "select p.name from products p, customers c where p.sku in (c.ssn)",
        "select p.name from products p, customers c where p.sku like c.ssn",
        "select p.name from products p, customers c where contains(p.sku, c.ssn)",
        "select p.name from products p, customers c where regexp_like(p.sku, c.ssn)",
        "select p.name from products p, customers c where p.price is null or regexp_like(p.sku, c.ssn)",
        "select p.name from products p, customers c where not regexp_like(p.sku, c.ssn)",
        "select p.name from products p, customers c where hash(p.sku) = hash(c.ssn)",
        "select p.name from products p, customers c where p.sku || c.ssn = 'ab'",
        "select p.name from products p, customers c where upper(p.sku) = lower(c.ssn)",
        "select p.name from products p, customers c where decode(p.sku, c.ssn, 1, 0) = 1",
        "select p.name from products p, customers c where case p.sku when c.ssn then true end",
        "select p.name from products p, customers c where case when regexp_like(p.sku, c.ssn) then true end",
        "select p.name from products p, customers c where iff(p.sku = c.ssn, true, false)",
        "select p.name from products p, customers c where nullif(p.sku, c.ssn) is null",
        "select p.name from products p, customers c where array_contains(p.sku::variant, array_construct(c.ssn))",
        "select name from products where sku in (select ssn from customers)",
        "select name from products where sku = any (select ssn from customers)",
        "select name from products where not (sku not in (select ssn from customers))",
        "select name from products where sku = (select max(ssn) from customers)",
        "select name from products p where exists (select 1 from customers c where c.ssn = p.sku)",
        "select name, (select max(1) from customers c where c.ssn = p.sku) v from products p",
        "select p.name from products p join (select ssn as sku from customers) c using (sku)",
        "select p.name from products p natural join (select ssn as sku from customers) c",
        "select p.name from products p, lateral (select 1 from customers c where c.ssn = p.sku) l",
        "select p.name from products p asof join customers c match_condition (p.sku >= c.ssn)",
        "select p.name from products p cross join customers c qualify p.sku = max(c.ssn) over (partition by 1)",
        "select p.category from products p, customers c group by 1 having max(p.sku) = max(c.ssn)",
        "with t as (select p.sku v from products p join customers c on c.ssn = p.sku) select v from t",
        "select p.name from products p where exists (select p.sku intersect select ssn from customers)",
        "select p.name from products p where not exists (select p.sku except select ssn from customers)",
        "select p.name from products p where 1 = (select count(*) from (select p.sku union select ssn from customers))",
        "select p.name from products p where 1 = (select count(*) from (select p.sku v union by name select ssn v from customers))",
        "select p.name from products p where 1 = (select count(*) from \
         (select distinct v from (select p.sku v union all select ssn from customers)))",
        "select p.name from products p where 1 = (select count(*) from \
         (select 1 from (select p.sku v union all select ssn from customers) group by v))",
        "select * from (select sku, name from products) pivot (count(name) for sku in (select ssn from customers))",
        "select p.sku from products p join customers c on c.ssn = p.sku ->> select * from $1",
    ] {
        check(text, tied);
    }
    check(
        "select o.id from orders o join customers c on c.id = o.customer_id",
        &["CUSTOMERS.ID = ORDERS.CUSTOMER_ID"],
    );
}

#[test]
fn chains_are_one_tie_wherever_their_links_stand() {
    for text in [
        "select p.name from products p, orders o, customers c where p.sku = o.sku and o.sku = c.ssn",
        "select p.name from customers c join orders o on o.sku = c.ssn join products p using (sku)",
        "select name from products where sku in (select o.sku from orders o join customers c on c.ssn = o.sku)",
        "with t as (select sku from orders where sku in (select ssn from customers)) \
         select name from products p where exists (select 1 from t where t.sku = p.sku)",
    ] {
        check(text, &["CUSTOMERS.SSN = ORDERS.SKU = PRODUCTS.SKU"]);
    }
}

#[test]
fn what_stands_beside_each_other_is_not_tied() {
    for text in [
        "select ssn, country from customers",
        "select id from customers where country = 'DE' and segment = 'vip'",
        "select id from customers where country = 'DE' or segment = 'vip'",
        "select id from customers where not (country = 'DE' or not segment = 'vip')",
        "select id from customers where country in ('DE', 'FR') and (segment like 'v%' or id between 1 and 9)",
        "select case when country = 'DE' then segment else 'x' end v from customers",
        "select country, count(*) from customers group by 1 having count(distinct email) > 1",
        "select count(*) from customers c cross join products p",
        "select sku from products union all select ssn from customers",
        "select distinct ssn, country from customers",
        "select count(*) over (partition by ssn, country) n from customers",
        "select id from customers where email is not null and phone is null",
    ] {
        check(text, &[]);
    }
}

#[test]
fn a_view_ties_what_its_text_compares() {
    let catalog = sql::catalog_from_ddl(
        "create table a (x varchar, y varchar); create table b (z varchar);
         create view v as select a.y from a join b on a.x = b.z",
        "ACME",
        "PUBLIC",
    );
    let statement = read_in(&catalog, "select y from v");
    let ties: Vec<usize> = statement.lineage.ties.iter().map(std::collections::BTreeSet::len).collect();
    assert_eq!(ties, [2]);
}
