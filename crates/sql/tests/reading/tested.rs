//! What statements test: every column that decides which rows there are, and in which order.

use std::collections::BTreeSet;

use domain::TestedHow;

use crate::acme::{read_acme, shown, tested, tests};

#[test]
fn a_condition_sees_the_relations_of_its_own_join() {
    let beside = "select id from customers c where exists (select 1 from (select '1' ssn) k, orders a join orders b on ssn = '1')";
    let within = "select id from customers c where exists (select 1 from orders o, (select '1' ssn) a join orders b on ssn = '1')";
    tests(beside, &["predicate CUSTOMERS.SSN"]);
    tests(within, &[]);
}

#[test]
fn everything_that_decides_rows_is_tested() {
    for (text, expected) in [
        (
            "select id from customers where ssn = '1' and upper(email) like 'a%'",
            &["predicate CUSTOMERS.SSN", "predicate CUSTOMERS.EMAIL"] as &[&str],
        ),
        (
            "select 1 from customers c join employees e on c.email = e.email",
            &["join CUSTOMERS.EMAIL=EMPLOYEES.EMAIL", "join EMPLOYEES.EMAIL=CUSTOMERS.EMAIL"],
        ),
        (
            "select 1 from customers c join employees e on lower(c.email) = e.email",
            &["predicate CUSTOMERS.EMAIL", "predicate EMPLOYEES.EMAIL"],
        ),
        (
            "select 1 from payments join orders o using (amount)",
            &["join PAYMENTS.AMOUNT=ORDERS.AMOUNT", "join ORDERS.AMOUNT=PAYMENTS.AMOUNT"],
        ),
        ("select 1 from customers c join (values ('1')) v(g) on c.ssn = v.g", &["predicate CUSTOMERS.SSN"]),
        ("select id from customers order by ssn limit 1", &["order CUSTOMERS.SSN"]),
        ("select ssn as s from customers order by s", &["order CUSTOMERS.SSN"]),
        ("select ssn from customers order by 1", &["order CUSTOMERS.SSN"]),
        (
            "select count(*) from customers group by ssn having max(phone) > '1'",
            &["group CUSTOMERS.SSN", "predicate CUSTOMERS.PHONE"],
        ),
        ("select country, max(ssn) from customers group by all", &["group CUSTOMERS.COUNTRY"]),
        ("select distinct ssn from customers", &["group CUSTOMERS.SSN"]),
        (
            "select ssn from customers union select ssn from employees",
            &["group CUSTOMERS.SSN", "group EMPLOYEES.SSN"],
        ),
        (
            "select id from employees qualify row_number() over (partition by dept order by salary) = 1",
            &[
                "group EMPLOYEES.DEPT",
                "order EMPLOYEES.SALARY",
                "predicate EMPLOYEES.DEPT",
                "predicate EMPLOYEES.SALARY",
            ],
        ),
        (
            "select iff(ssn > '5', 1, 0), nullif(email, 'x') from customers",
            &["predicate CUSTOMERS.SSN", "predicate CUSTOMERS.EMAIL"],
        ),
        (
            "select ssn::number, 1 / id, regexp_substr(email, 'x') from customers",
            &["shape CUSTOMERS.SSN", "shape CUSTOMERS.ID", "shape CUSTOMERS.EMAIL"],
        ),
        ("select 1 from customers, lateral flatten(input => profile)", &["shape CUSTOMERS.PROFILE"]),
        (
            "select count(*) from products where exists (select 1 from customers where email = 'x')",
            &["predicate CUSTOMERS.EMAIL"],
        ),
        (
            "select id from orders where id in (select order_id from payments)",
            &["join ORDERS.ID=PAYMENTS.ORDER_ID", "join PAYMENTS.ORDER_ID=ORDERS.ID"],
        ),
        ("select count(distinct ssn), count(email) from customers where ssn is not null", &[]),
        ("select upper(ssn), md5(email), year(dob), sha2(phone, 256) from customers", &[]),
        (
            "select count(v) from (select ssn v from customers union all select '1')",
            &["predicate CUSTOMERS.SSN"],
        ),
        ("select min_by(id, ssn) from customers", &["order CUSTOMERS.SSN"]),
        ("select distinct * from elsewhere.s.t", &["group T.*"]),
        ("select 1 from elsewhere.s.t where a = 1", &["predicate T.A"]),
        ("select repeat('x', id) from customers", &["shape CUSTOMERS.ID"]),
        (
            "select filter(array_construct(ssn), x -> x = 'a') f from customers",
            &["predicate CUSTOMERS.SSN", "shape CUSTOMERS.SSN"],
        ),
        ("select id as ssn from customers order by ssn", &["order CUSTOMERS.ID", "order CUSTOMERS.SSN"]),
        (
            "select 1 from employees where salary * 1e37 > 0",
            &["shape EMPLOYEES.SALARY", "predicate EMPLOYEES.SALARY"],
        ),
    ] {
        tests(text, expected);
    }
}

#[test]
fn an_explained_statement_is_shown_but_tests_all_the_same() {
    let statement = read_acme("explain using text select * from customers where ssn = '1'");
    assert_eq!(statement.class.as_str(), "show");
    assert_eq!(tested(&statement), BTreeSet::from(["predicate CUSTOMERS.SSN".to_owned()]));
    assert_eq!(shown(&statement), ["content="]);
    assert!(statement.lineage.tests.iter().all(|tested| tested.how == TestedHow::Predicate));
}
