//! What statements show: each output, and the stored columns that it is made of.

use std::collections::BTreeSet;

use crate::acme::{read_acme, shows, touches};

#[test]
fn an_alias_hides_no_column() {
    for (text, expected) in [
        ("select ssn as ref from customers", &["REF=CUSTOMERS.SSN"] as &[&str]),
        (
            "select ssn \"country\", country \"ssn\" from customers",
            &["country=CUSTOMERS.SSN", "ssn=CUSTOMERS.COUNTRY"],
        ),
        ("select c.ssn s, s || 'x' t from customers c", &["S=CUSTOMERS.SSN", "T=~CUSTOMERS.SSN"]),
        ("select acme.public.customers.ssn from acme.public.customers", &["SSN=CUSTOMERS.SSN"]),
        ("select t.$4, $1 from customers t", &["=CUSTOMERS.SSN", "=CUSTOMERS.ID"]),
        (
            "select t.\"$2\" from (select id, country, ssn \"$2\" from customers) t",
            &["=CUSTOMERS.COUNTRY CUSTOMERS.SSN"],
        ),
        ("select x.b from customers x(a, b)", &["B=CUSTOMERS.NAME"]),
        ("select identifier('ss' || 'n') v from customers", &["V=CUSTOMERS.SSN"]),
        ("select ssn from identifier('customers')", &["SSN=CUSTOMERS.SSN"]),
        ("select ssn from table('acme.public.customers')", &["SSN=CUSTOMERS.SSN"]),
        ("select ssn from identifier($t)", &["SSN=CUSTOMERS.SSN"]),
        ("select ssn from identifier(?)", &["SSN=CUSTOMERS.SSN"]),
        ("select ssn from customers at (offset => -60)", &["SSN=CUSTOMERS.SSN"]),
    ] {
        shows(text, expected);
    }
}

#[test]
fn names_carry_through_subqueries_unions_and_common_tables() {
    for (text, expected) in [
        ("with a as (select ssn x from customers) select x from a", &["X=CUSTOMERS.SSN"] as &[&str]),
        (
            "with a(x) as (select ssn from customers), b as (select x y from a) select y from b",
            &["Y=CUSTOMERS.SSN"],
        ),
        ("with customers as (select 1 as ssn) select ssn from customers", &["SSN="]),
        ("select v from (select phone v from customers)", &["V=CUSTOMERS.PHONE"]),
        (
            "select country from customers union all select email from employees",
            &["COUNTRY=CUSTOMERS.COUNTRY EMPLOYEES.EMAIL"],
        ),
        (
            "select id a, name b from products, customers",
            &["A=CUSTOMERS.ID", "B=CUSTOMERS.NAME PRODUCTS.NAME"],
        ),
        (
            "with recursive r(n, v) as (select 1, max(email) from customers union all select n + 1, v from r where n < 3) select n, v from r",
            &["N=", "V=~CUSTOMERS.EMAIL"],
        ),
        (
            "select a.id, (select max(ssn) from customers c where c.id = a.id) s from orders a",
            &["ID=ORDERS.ID", "S=~CUSTOMERS.SSN"],
        ),
        ("select x.* from (values (1, 'a')) x", &["COLUMN1=", "COLUMN2="]),
        ("select a.id from orders a, lateral (select a.sku z from products) l", &["ID=ORDERS.ID"]),
        ("select l.z from orders a, lateral (select a.sku z from products) l", &["Z=ORDERS.SKU"]),
        (
            "select name n, email from customers union all by name select email, name as n from employees",
            &["N=CUSTOMERS.NAME EMPLOYEES.NAME", "EMAIL=CUSTOMERS.EMAIL EMPLOYEES.EMAIL"],
        ),
    ] {
        shows(text, expected);
    }
}

#[test]
fn views_are_expanded_to_what_they_read() {
    shows("select tax_ref a, country from v_customers", &["A=CUSTOMERS.SSN", "COUNTRY=CUSTOMERS.COUNTRY"]);
    shows("select * from v_country_stats", &["COUNTRY=CUSTOMERS.COUNTRY", "N=", "UNIQUE_CONTACTS="]);
    touches("select 1 from v_customers", "read", "select", &["CUSTOMERS", "V_CUSTOMERS"], &[]);
}

#[test]
fn a_star_is_every_column_in_order() {
    for (text, expected) in [
        (
            "select * from countries",
            &["CODE=COUNTRIES.CODE", "NAME=COUNTRIES.NAME", "REGION=COUNTRIES.REGION"] as &[&str],
        ),
        (
            "select * exclude (code) rename (name as n) from countries",
            &["N=COUNTRIES.NAME", "REGION=COUNTRIES.REGION"],
        ),
        (
            "select * replace (region as name) from countries",
            &["CODE=COUNTRIES.CODE", "NAME=COUNTRIES.REGION", "REGION=COUNTRIES.REGION"],
        ),
        ("select * ilike '%e%n%' from countries", &["REGION=COUNTRIES.REGION"]),
        (
            "select c.* exclude name, 1 one from countries c",
            &["CODE=COUNTRIES.CODE", "REGION=COUNTRIES.REGION", "ONE="],
        ),
        (
            "select object_construct(*) j from countries",
            &["J=~COUNTRIES.CODE ~COUNTRIES.NAME ~COUNTRIES.REGION"],
        ),
        (
            "select * from products join countries using (name)",
            &[
                "NAME=COUNTRIES.NAME PRODUCTS.NAME",
                "SKU=PRODUCTS.SKU",
                "PRICE=PRODUCTS.PRICE",
                "CATEGORY=PRODUCTS.CATEGORY",
                "CODE=COUNTRIES.CODE",
                "REGION=COUNTRIES.REGION",
            ],
        ),
    ] {
        shows(text, expected);
    }
}

#[test]
fn every_expression_shows_what_it_is_made_of() {
    for (text, expected) in [
        ("select substr(ssn, 1, 3) || '-' v from customers", &["V=~CUSTOMERS.SSN"] as &[&str]),
        (
            "select count(*), count(distinct ssn), approx_count_distinct(ssn), ssn is null from customers",
            &["=", "=", "=", "="],
        ),
        ("select count(substr(ssn, 1, 1)) from customers", &["=~CUSTOMERS.SSN"]),
        ("select case when ssn like '1%' then 1 end b from customers", &["B=~CUSTOMERS.SSN"]),
        (
            "select max(salary) over (partition by dept order by id) m from employees",
            &["M=~EMPLOYEES.DEPT ~EMPLOYEES.ID ~EMPLOYEES.SALARY"],
        ),
        ("select rank() over (order by salary) r from employees", &["R=~EMPLOYEES.SALARY"]),
        (
            "select profile:Address.city[0]::string c, profile['email'] e, get_path(profile, 'a.b') g from customers",
            &["C=CUSTOMERS.PROFILE:address.city", "E=CUSTOMERS.PROFILE:email", "G=CUSTOMERS.PROFILE:a.b"],
        ),
        (
            "select profile:EMAIL::string a, profile['SSN'] b from customers",
            &["A=~CUSTOMERS.PROFILE", "B=~CUSTOMERS.PROFILE"],
        ),
        (
            r#"select profile:"e\u006dail" a, profile:"ti\x65r" b, profile['emаil'] c from customers"#,
            &["A=~CUSTOMERS.PROFILE", "B=~CUSTOMERS.PROFILE", "C=~CUSTOMERS.PROFILE"],
        ),
        ("select date_trunc(m, 'year') v from (select dob m from customers)", &["V=~CUSTOMERS.DOB"]),
        (
            "select trunc(m, 2) a, dateadd(d, 1, e) b from (select salary m, id d, hired e from employees)",
            &["A=~EMPLOYEES.SALARY", "B=~EMPLOYEES.HIRED"],
        ),
        ("select filter(array_construct(ssn), x -> x = 'a') f from customers", &["F=~CUSTOMERS.SSN"]),
        ("select profile[country] x from customers", &["X=~CUSTOMERS.COUNTRY ~CUSTOMERS.PROFILE"]),
        (
            "select f.value v from customers c, lateral flatten(input => c.profile) f",
            &["V=~CUSTOMERS.PROFILE"],
        ),
        ("select transform(array_construct(ssn), x -> upper(x)) t from customers", &["T=~CUSTOMERS.SSN"]),
        (
            "select id, k, v from customers unpivot (v for k in (ssn, email))",
            &["ID=CUSTOMERS.ID", "K=", "V=CUSTOMERS.EMAIL CUSTOMERS.SSN"],
        ),
        (
            "select s from customers match_recognize (order by id measures first(ssn) as s pattern (a+) define a as true)",
            &["S=~CUSTOMERS.SSN"],
        ),
        (
            "select current_date, $t, ?, 'x', 1 + 2, dateadd(day, -1, current_timestamp())",
            &["=", "=", "=", "=", "=", "="],
        ),
    ] {
        shows(text, expected);
    }
}

#[test]
fn what_cannot_be_traced_is_not_known() {
    for (text, expected) in [
        ("select my_function(id) v from customers", &["V=~CUSTOMERS.ID?"] as &[&str]),
        ("select nothing from customers", &["NOTHING=?"]),
        ("select a from elsewhere.public.t", &["A=?"]),
        ("select * from elsewhere.public.t", &["*?"]),
        ("select a, id from customers, missing", &["A=?", "ID=CUSTOMERS.ID"]),
        ("select $x v", &["V=?"]),
        ("select * from table(my_udtf(1))", &["*?"]),
        ("select $1 from @stage", &["=?"]),
    ] {
        shows(text, expected);
    }
    let statement = read_acme("select a from elsewhere.s.t");
    assert_eq!(statement.missing, BTreeSet::from([("ELSEWHERE".to_owned(), "S".to_owned())]));
    assert_eq!(read_acme("select a from nothing_there").missing, BTreeSet::new());
}
