//! What statements show, test, read and write, as tables of examples.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Binding, Catalog, Class, Context, ShownHow, Statement, TestedHow};
use sql::{Scope, catalog_from_ddl, read};

fn acme() -> Catalog {
    catalog_from_ddl(include_str!("data/acme.sql"), "ACME", "PUBLIC")
}

fn context() -> Context {
    Context { database: Some("ACME".into()), schema: Some("PUBLIC".into()), ..Context::default() }
}

fn read_acme(text: &str) -> Statement {
    let (catalog, context) = (acme(), context());
    let bindings = BTreeMap::from([(1, Binding { kind: "TEXT".into(), value: Some("customers".into()) })]);
    let variables = BTreeMap::from([
        ("T".to_owned(), Some("acme.public.\"CUSTOMERS\"".to_owned())),
        ("X".to_owned(), None),
    ]);
    read(text, &Scope { context: &context, catalog: &catalog, bindings: &bindings, variables: &variables })
}

/// `NAME=TABLE.COLUMN …` for each output; `?` where it is not known, `~` before what is derived, `:path` after
/// a path.
fn shown(statement: &Statement) -> Vec<String> {
    let Some(outputs) = &statement.lineage.outputs else { return vec!["*?".to_owned()] };
    outputs
        .iter()
        .map(|output| {
            let shows: Vec<String> = output
                .shows
                .iter()
                .map(|shown| {
                    let column = format!("{}.{}", shown.column.object.name, shown.column.column);
                    match shown.how {
                        ShownHow::Stored => column,
                        ShownHow::Path => format!("{column}:{}", shown.path.join(".")),
                        ShownHow::Derived => format!("~{column}"),
                    }
                })
                .collect();
            let known = if output.is_known { "" } else { "?" };
            format!("{}={}{known}", output.name.as_deref().unwrap_or(""), shows.join(" "))
        })
        .collect()
}

fn tested(statement: &Statement) -> BTreeSet<String> {
    statement
        .lineage
        .tests
        .iter()
        .map(|tested| {
            let with = tested
                .with
                .as_ref()
                .map_or(String::new(), |with| format!("={}.{}", with.object.name, with.column));
            format!("{} {}.{}{with}", tested.how.as_str(), tested.column.object.name, tested.column.column)
        })
        .collect()
}

#[track_caller]
fn shows(text: &str, expected: &[&str]) {
    let statement = read_acme(text);
    assert_eq!(shown(&statement), expected, "{text}\n{:?}", statement.why);
}

#[track_caller]
fn tests(text: &str, expected: &[&str]) {
    let statement = read_acme(text);
    assert_eq!(statement.class.as_str(), "read", "{text}: {:?}", statement.why);
    assert_eq!(tested(&statement), expected.iter().map(|t| (*t).to_owned()).collect(), "{text}");
}

#[track_caller]
fn touches(text: &str, class: &str, kind: &str, reads: &[&str], writes: &[&str]) {
    let statement = read_acme(text);
    let names = |set: &BTreeSet<domain::ObjectName>| -> Vec<String> {
        set.iter().map(|name| name.name.clone()).collect()
    };
    let found = (statement.class.as_str(), statement.kind.as_str().to_owned());
    assert_eq!(found, (class, kind.to_owned()), "{text}: {:?}", statement.why);
    assert_eq!(names(&statement.footprint.reads), reads, "reads of {text}");
    assert_eq!(names(&statement.footprint.writes), writes, "writes of {text}");
}

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
fn a_pipeline_is_its_strictest_step() {
    shows("select ssn from customers ->> select $1 as v from $1", &["V=CUSTOMERS.SSN"]);
    shows("select ssn, id from customers ->> select 1 ->> select ssn x from $2", &["X=CUSTOMERS.SSN"]);
    touches(
        "select ssn from customers ->> insert into t select * from $1",
        "write",
        "insert",
        &["CUSTOMERS"],
        &["T"],
    );
    touches("show tables ->> drop table t", "define", "drop_table", &[], &["T"]);
}

#[test]
fn writes_name_what_they_write_and_show_what_they_copy() {
    for (text, class, kind, reads, writes) in [
        (
            "insert into t select ssn from customers",
            "write",
            "insert",
            &["CUSTOMERS"] as &[&str],
            &["T"] as &[&str],
        ),
        ("insert all into a into b select 1 from customers", "write", "insert", &["CUSTOMERS"], &["A", "B"]),
        (
            "update t set a = c.ssn from customers c where t.id = c.id",
            "write",
            "update",
            &["CUSTOMERS", "T"],
            &["T"],
        ),
        ("update orders set status = 'x'", "write", "update_all", &["ORDERS"], &["ORDERS"]),
        (
            "update orders set status = 'x' where 1 = 1 or id = 2",
            "write",
            "update_all",
            &["ORDERS"],
            &["ORDERS"],
        ),
        ("delete from orders where id = id", "write", "delete_all", &["ORDERS"], &["ORDERS"]),
        ("delete from orders where id = 1", "write", "delete", &["ORDERS"], &["ORDERS"]),
        (
            "merge into t using customers c on t.id = c.id when matched then update set a = c.ssn",
            "write",
            "merge",
            &["CUSTOMERS", "T"],
            &["T"],
        ),
        ("truncate table orders", "write", "truncate", &[], &["ORDERS"]),
        ("create table t as select * from customers", "define", "create_table", &["CUSTOMERS"], &["T"]),
        ("create table t clone customers", "define", "clone_table", &["CUSTOMERS"], &["T"]),
        (
            "create or replace view v as select 1 from customers",
            "define",
            "replace_view",
            &["CUSTOMERS"],
            &["V"],
        ),
        ("create stream st on table customers", "define", "create_stream", &["CUSTOMERS"], &["ST"]),
        (
            "copy into @~/x from (select ssn from customers)",
            "export",
            "copy_into_location",
            &["CUSTOMERS"],
            &["@~"],
        ),
        ("copy into 's3://b/x' from customers", "export", "copy_into_location", &["CUSTOMERS"], &[]),
        ("copy into t from @s", "import", "copy_into_table", &["@S"], &["T"]),
        ("drop table customers", "define", "drop_table", &[], &["CUSTOMERS"]),
    ] {
        touches(text, class, kind, reads, writes);
    }
    shows("insert into t(a) select ssn from customers", &["=~CUSTOMERS.SSN"]);
    shows("set x = (select ssn from customers)", &["=~CUSTOMERS.SSN"]);
}

#[test]
fn what_holds_objects_is_named_as_what_it_is() {
    for (text, kind, writes) in [
        ("drop database other", "drop_database", "OTHER.\"\".\"\""),
        ("create schema other.s", "create_schema", "OTHER.S.\"\""),
        ("drop schema s", "drop_schema", "ACME.S.\"\""),
        ("alter database other set comment = 'x'", "alter_database", "OTHER.\"\".\"\""),
        ("comment on database other is 'x'", "comment", "OTHER.\"\".\"\""),
        ("comment if exists on schema other.s is 'x'", "comment", "OTHER.S.\"\""),
        ("comment on table s.t is 'x'", "comment", "ACME.S.T"),
        ("comment on role accountadmin is 'x'", "comment", "\"\".\"\".ACCOUNTADMIN"),
    ] {
        let statement = read_acme(text);
        let found: Vec<String> = statement.footprint.writes.iter().map(ToString::to_string).collect();
        assert_eq!((statement.kind.as_str(), found.as_slice()), (kind, &[writes.to_owned()][..]), "{text}");
    }
    let cloned = read_acme("create schema s2 clone other.s");
    let found: Vec<String> = cloned.footprint.reads.iter().map(ToString::to_string).collect();
    assert_eq!(found, ["OTHER.S.\"\""]);
}

#[test]
fn functions_that_reach_out_give_the_statement_their_class() {
    for (text, class) in [
        ("select system$send_email('i', 'a@b', 's', (select listagg(ssn) from customers))", "export"),
        ("select get_presigned_url(@s, 'x')", "export"),
        ("select snowflake.cortex.complete('m', ssn) from customers", "export"),
        ("select ai_complete('m', notes) from customers", "export"),
        ("select * from table(result_scan(last_query_id()))", "opaque"),
        ("select query_text from table(information_schema.query_history())", "account"),
        ("select system$typeof(id) from customers", "read"),
        ("select my_udf(1)", "read"),
        ("execute immediate 'grant role a to user b'", "grant"),
        ("begin let s varchar := (select max(ssn) from customers); return s; end", "call"),
    ] {
        assert_eq!(read_acme(text).class.as_str(), class, "{text}");
    }
    let functions = read_acme("select my_udf(1), d.s.upper('x')").functions;
    let names: Vec<(String, &str)> =
        functions.iter().map(|f| (f.name.to_string(), f.class.as_str())).collect();
    assert_eq!(names, [("D.S.UPPER".to_owned(), "opaque"), ("MY_UDF".to_owned(), "opaque")]);
    // SECURITY: one part that looks like a whole name is somebody's own, and so is what only begins like Snowflake's.
    for (text, name) in [
        ("select \"D.S.UPPER\"('x')", "\"D.S.UPPER\""),
        ("select \"D.S\".upper('x')", "\"D.S\".UPPER"),
        ("select d.s.\"upper\"('x')", "D.S.\"upper\""),
        ("select \"SNOWFLAKE.CORTEX.NEW\"('x')", "\"SNOWFLAKE.CORTEX.NEW\""),
        ("select snowflake.new('x')", "SNOWFLAKE.NEW"),
        ("call \"D.S.UPPER\"('x')", "\"D.S.UPPER\""),
    ] {
        let functions = read_acme(text).functions;
        let names: Vec<String> = functions.iter().map(|f| f.name.to_string()).collect();
        assert_eq!(names, [name], "{text}");
        assert!(functions.iter().all(|f| [Class::Opaque, Class::Call].contains(&f.class)), "{functions:?}");
    }
    let own = read_acme("select snowflake.cortex.new('x')").functions;
    assert!(own.iter().all(|f| f.class == Class::Export), "{own:?}");
}

/// `NAME class …` of whatever is flagged in it.
fn flagged(text: &str) -> Vec<String> {
    read_acme(text).functions.iter().map(|f| format!("{} {}", f.name, f.class)).collect()
}

#[test]
fn each_call_is_told_wherever_it_stands() {
    for (text, expected) in [
        ("begin call d.s.x(1); end", &["D.S.X call"] as &[&str]),
        ("execute immediate 'begin call d.s.x(1); end'", &["D.S.X call"]),
        ("execute immediate 'call d..x(1)'", &["D.\"\".X call"]),
        ("declare x int; begin let r := (call d.s.\"x\"(1)); end", &["D.S.\"x\" call"]),
        (
            "begin if (true) then call x(1); else async (call d.s.y(f(2))); end if; end",
            &["D.S.Y call", "F opaque", "X call"],
        ),
        ("begin call identifier(:x)(1); end", &["\"?\" call", "IDENTIFIER opaque"]),
        ("begin call d.s.m!forecast(3); end", &["D.S.\"M!FORECAST\" call"]),
        ("call d.s.m!forecast(3)", &["D.S.\"M!FORECAST\" call"]),
        ("create task t as call d.s.x()", &["D.S.X call"]),
        ("create alert a if (exists (select 1)) then call d.s.x()", &["D.S.X call"]),
        ("execute task d.s.t", &["\"?\" call"]),
        ("execute alert d.s.a", &["\"?\" call"]),
        ("begin execute task d.s.t; end", &["\"?\" call"]),
        (
            "with p as procedure () returns int language sql as $$begin call d.s.x(1); return 1; end$$ call p()",
            &["D.S.X call"],
        ),
        (
            "with p as procedure () returns int language sql as $$begin return 1; end$$ call d.s.q()",
            &["D.S.Q call"],
        ),
        ("with p as procedure () returns int language python as $$x$$ call p()", &["\"?\" call"]),
        ("begin select call, x.call from (select 1 call) x; end", &[]),
        ("grant execute task on account to role r", &[]),
    ] {
        assert_eq!(flagged(text), expected, "{text}");
    }
}

#[test]
fn functions_are_told_in_arguments_of_calls_and_in_columns() {
    for (text, expected) in [
        ("call d.s.x(d.s.f(1), a => g(2))", &["D.S.F opaque", "D.S.X call", "G opaque"] as &[&str]),
        ("explain call d.s.x(d.s.f(1))", &["D.S.F opaque", "D.S.X call"]),
        (
            "call x(upper('a'), cast(1 as number(3, 0)), to_date('2020-01-01'), dateadd(day, 1, current_date()))",
            &["X call"],
        ),
        ("create table t (a int, b int as (d.s.f(a)))", &["D.S.F opaque"]),
        ("create table t (a int, constraint c check (d.s.f(a)))", &["D.S.F opaque"]),
        ("alter table customers cluster by (d.s.f(id))", &["D.S.F opaque"]),
        ("alter table customers add column z int default d.s.f(1)", &["D.S.F opaque"]),
        ("alter table customers add column z int as (f(id))", &["F opaque"]),
        ("alter table customers alter column id set default d.s.f(1)", &["D.S.F opaque"]),
        ("copy into customers from (select d.s.\"k\"($1) from @s)", &["D.S.\"k\" opaque"]),
        (
            "create pipe p as copy into customers from (select k($1) from @s/a/b (file_format => f))",
            &["K opaque"],
        ),
        (
            "copy into customers (id, name) from (select $1, upper($2) from @s/a (file_format => f) x) on_error = skip_file",
            &[],
        ),
        (
            "create table t (id number(38, 0) identity (1, 1) primary key, a varchar(3) collate 'en' with tag (x = 'y'), \
             b char varying (3), foreign key (a) references u (b), unique (a)) cluster by linear (to_date(a))",
            &[],
        ),
        ("alter table customers add search optimization on equality(id), substring(name)", &[]),
        ("alter table customers add row access policy p on (id), column z decimal(3, 1)", &[]),
        ("alter table customers modify (column id set not null, column name drop not null)", &[]),
    ] {
        assert_eq!(flagged(text), expected, "{text}");
    }
}

#[test]
fn in_scripts_a_qualified_name_is_no_keyword() {
    for (text, expected) in [
        ("begin let x := d.s.switch(1); end", &["D.S.SWITCH opaque"] as &[&str]),
        ("begin let x := d..date(1); end", &["D.\"\".DATE opaque"]),
        ("begin select 1 from customers where s.set(id); end", &["S.SET opaque"]),
        ("begin let x date := date('2020-01-01'); return x; end", &[]),
    ] {
        assert_eq!(flagged(text), expected, "{text}");
    }
}

#[test]
fn what_nobody_can_read_is_opaque() {
    for text in [
        "",
        ";",
        "select 1; select 2",
        "select 1 # x",
        "select\u{a0}ssn from customers",
        "s\u{435}lect 1",
        "select * from identifier($x)",
        "select * from identifier(lower('T'))",
        "select 1 from customers where $x = 'a'",
        "execute immediate $x",
        "with a as (select 1) insert into t select * from a",
        "select ssn from customers ->>",
        "select * from $1",
        "select ? ->> select ssn from identifier(?)",
        "select ssn from identifier('cust\\x6fmers')",
        "execute immediate 'select ssn from identifier(?)' using (1)",
        "select 1 ->> select * from $2",
        "select * from (show tables ->> select 1)",
        "frobnicate the database",
        "delete from orders where id = 1 returning *",
        "select 1 into outfile 'x'",
    ] {
        assert_eq!(read_acme(text).class.as_str(), "opaque", "{text:?}");
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

#[test]
fn a_text_beyond_ten_megabytes_is_refused_by_name() {
    let read = |length: usize| {
        let statement = read_acme(&format!("select '{}'", "x".repeat(length - "select ''".len())));
        (statement.class, statement.why)
    };
    assert_eq!(read(10_000_000), (domain::Class::Read, None));
    assert_eq!(read(10_000_001), (domain::Class::Opaque, Some("a text longer than 10 MB")));
}
