//! What is written into a column is converted to its type, and must fit: whether it does is an answer.

mod common;

use common::{acme, read_in};
use domain::{Catalog, TestedHow};
use sql::catalog_from_ddl;

#[track_caller]
fn check_in(catalog: &Catalog, text: &str, expected: &[&str]) {
    let statement = read_in(catalog, text);
    let tested = statement.lineage.tests.iter().filter(|test| test.how == TestedHow::Shape);
    let found: Vec<String> =
        tested.map(|test| format!("{}.{}", test.column.object.name, test.column.column)).collect();
    assert_eq!(found, expected, "{text}: {:?}", statement.why);
    assert_ne!(statement.class, domain::Class::Opaque, "{text}: {:?}", statement.why);
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    check_in(&acme(), text, expected);
}

#[test]
fn what_may_not_fit_is_tested_wherever_it_is_written() {
    for text in [
        "insert into products(price) select ssn from customers",
        "insert overwrite into products(price) select ssn from customers",
        "insert into products(name, price) select 'x', ssn from customers",
        "insert into products select sku, name, ssn, category from customers join products using (name)",
        "insert all into products(price) values (ssn) select ssn from customers",
        "insert all into products(name, price) select 'x', ssn from customers",
        "insert first when 1 = 1 then into products(price) values (ssn) else into products(name) select ssn from customers",
        "update products set price = (select max(ssn) from customers)",
        "update products set price = c.ssn from customers c",
        "update products p set p.price = c.ssn from customers c",
        "create table t(a number) as select ssn from customers",
        "create table t(a varchar(11)) as select ssn from customers",
        "create table t(a varchar, b number) as select 'x', ssn from customers",
        "create table t(a char) as select ssn from customers",
        // Whether the number is too large for it.
        "insert into somewhere(a) select ssn from customers",
        "insert into products(nothing) select ssn from customers",
    ] {
        let mut found = read_in(&acme(), text).lineage.tests;
        found.retain(|test| test.how == TestedHow::Shape && test.column.column == "SSN");
        assert_eq!(found.len(), 1, "{text}");
    }
    check("insert into products(price) select salary from employees", &["EMPLOYEES.SALARY"]);
    check("insert into orders(amount) select price from products", &[]);
    check("insert into products(price) select amount from orders", &["ORDERS.AMOUNT"]);
    check("insert into products(price) select price * 2 from products", &["PRODUCTS.PRICE"]);
    check(
        "merge into products p using customers c on p.sku = c.segment when matched then update set price = c.ssn",
        &["CUSTOMERS.SSN"],
    );
    check(
        "merge into products p using customers c on p.sku = c.segment \
         when not matched then insert (sku, price) values (c.email, c.ssn)",
        &["CUSTOMERS.SSN"],
    );
}

#[test]
fn what_always_fits_is_not_tested() {
    for text in [
        "insert into products(name) select email from customers",
        "insert into products(name) select upper(email) from customers",
        "insert into products(sku, name) values ('a', 'b'), ('c', 1)",
        "insert into products values ('a', 'b', 1.5, default)",
        "insert into customers select * from customers",
        "insert into employees(hired) select dob from customers",
        "insert into orders(created_at) select dob from customers",
        "update customers set email = lower(email)",
        "update orders set status = default",
        "update orders set status = null",
        "create table t as select ssn from customers",
        "create table t(a) as select ssn from customers",
        "create table t(a varchar) as select ssn from customers",
        "create table t(a variant) as select profile from customers",
        "merge into customers c using v_customers v on c.id = v.id when matched then update set c.email = v.contact",
    ] {
        check(text, &[]);
    }
}

#[test]
fn a_column_that_refuses_null_or_is_short_tells_what_is_put_in() {
    let catalog = catalog_from_ddl(
        "create table people(ssn varchar(11), code varchar(20) not null, id number(38, 0) primary key, kind char);
         create table past(ssn varchar(9), code varchar(30) not null, id number not null, note varchar not null)",
        "ACME",
        "PUBLIC",
    );
    check_in(&catalog, "insert into past(ssn) select ssn from people", &["PEOPLE.SSN"]);
    check_in(&catalog, "insert into past(code) select ssn from people", &[]);
    check_in(&catalog, "insert into past(ssn) select kind from people", &[]);
    check_in(&catalog, "insert into past(ssn) select upper(kind) from people", &["PEOPLE.KIND"]);
    check_in(&catalog, "insert into past(id) select id from people", &[]);
    // NULL where it is no SSN of a number.
    check_in(&catalog, "insert into past(note) select upper(ssn) from people", &["PEOPLE.SSN"]);
}

#[test]
fn by_name_each_meets_its_own() {
    let catalog = catalog_from_ddl(
        "create table a(ssn varchar, n number); create table b(ssn number, n number)",
        "ACME",
        "PUBLIC",
    );
    let text = "merge into b using a on a.n = b.n when not matched then insert all by name";
    check_in(&catalog, text, &["A.SSN"]);
    let text =
        "merge into a using (select ssn x, n from b) c on a.n = c.n when matched then update all by name";
    check_in(&catalog, text, &["B.SSN"]);
}

#[test]
fn a_column_of_another_type_converts_what_it_holds() {
    for text in [
        "alter table employees alter column salary set data type number(5, 0)",
        "alter table employees alter salary type number(5, 0)",
        "alter table employees modify column salary number(5, 0), ssn varchar(3)",
        "alter table employees modify (salary number(5, 0))",
        "create or alter table employees (id number, salary number(5, 0))",
        "create table t using template (select array_agg(object_construct('COLUMN_NAME', ssn)) from employees)",
    ] {
        let tests = read_in(&acme(), text).lineage.tests;
        let is_tested = |column: &str| {
            tests.iter().any(|test| test.how == TestedHow::Shape && test.column.column == column)
        };
        assert!(is_tested("SALARY") && is_tested("SSN"), "{text}: {tests:?}");
    }
    for text in [
        "alter table employees alter column salary drop not null",
        "alter table employees modify column salary comment 'number'",
        "alter table employees add column age number",
        "alter table employees rename column salary to pay",
        "alter table employees modify column salary set masking policy p",
        "alter table employees set comment = 'x'",
    ] {
        check(text, &[]);
    }
}

/// Snowflake answers one row of counts; what is copied stands in the first of them.
#[test]
fn a_statement_that_stores_rows_answers_the_counts_that_snowflake_answers() {
    for (text, expected) in [
        ("insert into products select ssn from customers", 1),
        ("delete from orders where id = 1", 1),
        ("update orders set status = 'open' where id = 5", 2),
        ("update products p set p.price = c.ssn from customers c", 2),
        ("merge into orders o using products p on o.id = p.price when matched then delete", 1),
        (
            "merge into orders o using products p on o.id = p.price when matched and p.price > 1 then delete \
             when matched then update set o.status = 'x' when not matched then insert (id) values (1)",
            3,
        ),
        (
            "merge into orders o using products p on o.id = p.price when matched and p.price > 1 then update set \
             o.status = 'y' when matched then update set o.status = 'x' when not matched then insert (id) values (1)",
            2,
        ),
    ] {
        let statement = read_in(&acme(), text);
        let outputs = statement.lineage.outputs.expect("what it answers");
        assert_eq!(outputs.len(), expected, "{text}");
    }
}
