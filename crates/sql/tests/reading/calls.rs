//! The functions and procedures that statements call, and the class that these give them.

use domain::Class;

use crate::acme::read_acme;

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
