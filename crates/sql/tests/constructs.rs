//! Constructs that the parser does not know: each reads as a plainer statement that means the same, or not at all.

mod common;

use common::{acme, read_in, read_in_schema};
use domain::Class;

/// Both texts show, test and touch the same.
#[track_caller]
fn reads_as(text: &str, plain: &str) {
    let catalog = acme();
    let (written, plain) = (read_in(&catalog, text), read_in(&catalog, plain));
    assert_ne!(plain.class, Class::Opaque, "{plain:?}");
    assert_eq!(written.class, plain.class, "{text}: {:?}", written.why);
    assert_eq!(written.lineage, plain.lineage, "{text}");
    assert_eq!(written.footprint, plain.footprint, "{text}");
}

#[track_caller]
fn is_opaque(text: &str, why: &str) {
    let statement = read_in(&acme(), text);
    assert_eq!((statement.class, statement.why), (Class::Opaque, Some(why)), "{text}");
    assert_eq!(statement.lineage.outputs, None, "{text}");
}

#[test]
fn an_object_of_columns_is_made_of_them() {
    for (text, plain) in [
        ("select {*} o from countries", "select object_construct(*) o from countries"),
        ("select {c.*} o from countries c", "select object_construct(c.*) o from countries c"),
        (
            "select { * exclude (code) } o from countries",
            "select object_construct('n', name, 'r', region) o from countries",
        ),
        (
            "select {* ilike '%reg%'} o from countries",
            "select object_construct('r', region) o from countries",
        ),
        ("select {'a': ssn, 'b': {*}} o from customers", "select object_construct(*) o from customers"),
        // Of a qualified one with options every column counts.
        ("select {c.* exclude code} o from countries c", "select object_construct(*) o from countries"),
    ] {
        reads_as(text, plain);
    }
}

#[test]
fn a_method_of_a_model_is_a_function_that_nobody_knows() {
    for (text, name) in [
        ("select m!predict(ssn) p from customers", "\"M!PREDICT\""),
        ("select db.s.m!predict(ssn) p from customers", "DB.S.\"M!PREDICT\""),
        ("select \"m\"!\"Predict\"(ssn):x::float p from customers", "\"m!Predict\""),
        ("select model(m, v1)!predict(ssn) p from customers", "\"M!PREDICT\""),
        ("select * from table(m!forecast(ssn))", "\"M!FORECAST\""),
    ] {
        let statement = read_in(&acme(), text);
        assert_ne!(statement.class, Class::Opaque, "{text}: {:?}", statement.why);
        let functions: Vec<_> = statement.functions.iter().map(|f| (f.name.to_string(), f.class)).collect();
        assert_eq!(functions, [(name.to_owned(), Class::Opaque)], "{text}");
        let outputs = statement.lineage.outputs.unwrap_or_default();
        assert!(outputs.iter().all(|output| !output.is_known), "{text}");
    }
    // A space makes it something else.
    is_opaque("select m !predict(ssn) from customers", "a method of a model that cannot be read");
}

#[test]
fn nobody_knows_what_a_semantic_view_shows_or_tests() {
    for text in [
        "select * from semantic_view(sales dimensions region.name metrics total.amount)",
        "select x from semantic_view(acme.public.sales dimensions a.b as x facts c.d where a.e = 'x') v limit 3",
    ] {
        let statement = read_in(&acme(), text);
        assert_eq!(statement.class, Class::Read, "{text}: {:?}", statement.why);
        let reads: Vec<&str> = statement.footprint.reads.iter().map(|object| object.name.as_str()).collect();
        assert_eq!(reads, ["SALES"], "{text}");
        assert!(statement.lineage.tests.iter().any(|tested| tested.column.column == "*"), "{text}");
        assert!(statement.lineage.outputs.unwrap_or_default().iter().all(|output| !output.is_known));
    }
}

#[test]
fn a_sample_by_number_takes_nothing_away_from_the_reading() {
    for (text, plain) in [
        (
            "select s.ssn from (select id, ssn from customers) s tablesample bernoulli (10)",
            "select s.ssn from (select id, ssn from customers) s",
        ),
        (
            "select f.value from orders o, lateral flatten(input => split(o.sku, '-')) f sample (10) seed (3)",
            "select f.value from orders o, lateral flatten(input => split(o.sku, '-')) f",
        ),
        (
            "select seq4() n from table(generator(rowcount => 5)) sample (3 rows) where n > 1",
            "select seq4() n from table(generator(rowcount => 5)) where n > 1",
        ),
    ] {
        reads_as(text, plain);
    }
    is_opaque("select * from (select ssn from customers) sample (select 1)", "a SAMPLE that cannot be read");
}

#[test]
fn a_pattern_is_read_by_its_names() {
    let plain = "select * from orders match_recognize (partition by customer_id order by id
        measures last(a.amount) as la, count(*) as c one row per match pattern (a b) define b as amount > 10)";
    for text in [
        "select * from orders match_recognize (partition by customer_id order by id
            measures final last(a.amount) as la, running count(*) as c one row per match
            after match skip to last b pattern (^ a{2,} (b | c)+? {- d -} $) define b as amount > 10)",
        "select * from (select * from orders) o match_recognize (partition by customer_id order by id
            measures last(ab.amount) as la, count(b.*) as c one row per match after match skip to b
            pattern (permute(a, b*)) subset ab = (a, b), ba = (b) define b as amount > 10)",
        "select * from table('orders') match_recognize (partition by customer_id order by id
            measures last(\"x y\".amount) as la, count(*) as c pattern (\"x y\"{,3} b{1}??) define b as amount > 10)",
    ] {
        reads_as(text, plain);
    }
    is_opaque(
        "select * from orders match_recognize (order by id pattern (a ssn = 'x') define a as true)",
        "a MATCH_RECOGNIZE that cannot be read",
    );
    is_opaque("select $ from customers", "a symbol that Snowflake does not have");
}

#[test]
fn a_mark_in_a_pattern_is_no_bound_value() {
    is_opaque(
        "select 1 from orders match_recognize (order by id pattern (a? b) define b as true), identifier(?)",
        "a bound name after a pattern",
    );
}

#[test]
fn deep_and_wide_patterns_need_no_stack() {
    for pattern in ["(".repeat(50_000) + "a" + &")".repeat(50_000), "a | ".repeat(30_000) + "a"] {
        let text = format!(
            "select 1 from orders match_recognize (order by id pattern ({pattern}) define a as true)"
        );
        let thread = std::thread::Builder::new().stack_size(2 * 1024 * 1024).spawn(move || {
            read_in(&acme(), &text);
        });
        assert!(thread.unwrap().join().is_ok());
    }
}

#[test]
fn other_words_for_the_same() {
    for (text, plain) in [
        (
            "select o.id from orders o left directed join customers c on c.id = o.customer_id",
            "select o.id from orders o left join customers c on c.id = o.customer_id",
        ),
        (
            "select * rename (ssn as z1, email as z2) exclude (profile, notes) from customers",
            "select * exclude (profile, notes) rename (ssn as z1, email as z2) from customers",
        ),
        (
            "select * rename ssn as z exclude notes from customers",
            "select * exclude notes rename ssn as z from customers",
        ),
        (
            "select id, sum(amount) over w from orders window w as (partition by status)",
            "select id, sum(amount) over (partition by status) from orders",
        ),
        (
            "select id, sum(amount) over w2 from orders o window w as (partition by status), w2 as (w order by id)",
            "select id, sum(amount) over (partition by status order by id) from orders",
        ),
        (
            "select * from (select id, name n, email m from customers) unpivot (v for k in (n as 'Name', m as 'Mail'))",
            "select * from (select id, name n, email m from customers) unpivot (v for k in (n, m))",
        ),
        (
            "select cast(profile as object(a varchar, b array(int)) rename fields) o from customers",
            "select cast(profile as object) o from customers",
        ),
        ("select profile::array(object(a int)) o from customers", "select profile::array o from customers"),
        (
            "select created_at::timestamp with local time zone t from orders",
            "select created_at::timestamp_ltz t from orders",
        ),
        (
            "select date_part(year from dob) y from customers",
            "select extract(year from dob) y from customers",
        ),
        (
            "select nth_value(amount, 2) from last respect nulls over (order by id) n from orders",
            "select nth_value(amount, 2) respect nulls over (order by id) n from orders",
        ),
        (
            "merge into products p using countries c on p.sku = c.code when matched then update all by name",
            "merge into products p using countries c on p.sku = c.code when matched then update set *",
        ),
        (
            "merge into products p using countries c on p.sku = c.code when not matched then insert all by name",
            "merge into products p using countries c on p.sku = c.code when not matched then insert *",
        ),
        ("select identifier('upper')(ssn) u from customers", "select upper(ssn) u from customers"),
        ("select id, ssn, from customers", "select id, ssn from customers"),
        (
            "with m as model a.b.c version v, t as (select ssn from customers) select ssn from t",
            "with t as (select ssn from customers) select ssn from t",
        ),
    ] {
        reads_as(text, plain);
    }
}

#[test]
fn what_would_mean_another_thing_is_not_rewritten() {
    for (text, why) in [
        // Which of the two comes first decides whether `z` is there.
        ("select * rename (ssn as z) exclude (z) from customers", "a `*` with options that cannot be read"),
        (
            "select * rename (ssn as country) exclude (country) from customers",
            "a `*` with options that cannot be read",
        ),
        ("select {c.ssn.*, 1} from customers c", "an object literal that cannot be read"),
        ("select * from semantic_view((select ssn from customers))", "a SEMANTIC_VIEW that cannot be read"),
    ] {
        is_opaque(text, why);
    }
}

#[test]
fn a_point_in_time_shows_the_same_columns() {
    for (text, plain) in [
        ("select id, ssn from customers at (offset => -60)", "select id, ssn from customers"),
        ("select id, ssn from customers before (statement => 'x') c", "select id, ssn from customers c"),
        ("select id from orders at (stream => 's')", "select id from orders"),
        (
            "select metadata$action a, id from orders changes (information => default) at (offset => -60)",
            "select 'INSERT' a, id from orders",
        ),
        (
            "select * exclude (metadata$action, metadata$isupdate, metadata$row_id)
             from countries changes (information => append_only) at (offset => -60) end (offset => -30)",
            "select * from countries",
        ),
    ] {
        reads_as(text, plain);
    }
    // Which column stood at which place then nobody knows.
    for text in [
        "select $4 from customers at (offset => -86400)",
        "select x.b from customers at (offset => -86400) x(a, b)",
    ] {
        let outputs = read_in(&acme(), text).lineage.outputs.unwrap_or_default();
        assert!(
            outputs.iter().all(|output| !output.is_known || output.shows.len() == 12),
            "{text}: {outputs:?}"
        );
    }
}

#[test]
fn sequences_and_stages_are_named() {
    for (text, reads) in [
        (
            "select s.nextval, acme.other.t.nextval from orders",
            &["ACME.OTHER.T", "ACME.PUBLIC.ORDERS", "ACME.PUBLIC.S"] as &[&str],
        ),
        ("select $1 from @stage/a/file.csv (file_format => 'f') t", &["ACME.PUBLIC.\"@STAGE\""]),
        ("select $1 from @hr.private.stage/a", &["HR.PRIVATE.\"@STAGE\""]),
        ("select $1 from @hr.\"p\".\"s\"", &["HR.\"p\".\"@s\""]),
        ("select $1 from '@hr.private.stage/a b'", &["HR.PRIVATE.\"@STAGE\""]),
        ("select $1 from @~/a", &["\"\".\"\".\"@~\""]),
        ("select $1 from @%customers/a", &["ACME.PUBLIC.CUSTOMERS"]),
        ("select $1 from @hr.private.%payroll", &["HR.PRIVATE.PAYROLL"]),
        ("select * from directory(@hr.private.stage)", &["HR.PRIVATE.\"@STAGE\""]),
        (
            "select * from table(infer_schema(location => '@hr.private.stage', file_format => 'f'))",
            &["HR.PRIVATE.\"@STAGE\""],
        ),
        ("create view v as select $1 a from @hr.private.stage", &["HR.PRIVATE.\"@STAGE\""]),
        ("copy into t from '@hr.private.stage'", &["HR.PRIVATE.\"@STAGE\""]),
        ("copy into t from (select $1 from @hr.private.stage/x t)", &["HR.PRIVATE.\"@STAGE\""]),
        ("list @hr.private.stage/x", &["HR.PRIVATE.\"@STAGE\""]),
        ("begin copy into t from @hr.private.stage; end", &["HR.PRIVATE.\"@STAGE\""]),
        ("execute immediate 'list @hr.private.stage'", &["HR.PRIVATE.\"@STAGE\""]),
        ("select * from \"@HR\".\"PRIVATE\".\"STAGE\"", &["\"@HR\".PRIVATE.STAGE"]),
    ] {
        let statement = read_in(&acme(), text);
        let found: Vec<String> = statement.footprint.reads.iter().map(ToString::to_string).collect();
        assert_eq!(found, reads, "{text}: {:?}", statement.why);
    }
    for (text, writes) in [
        ("copy into @hr.private.stage/x from orders", "HR.PRIVATE.\"@STAGE\""),
        ("copy into '@hr.private.stage/x' from orders", "HR.PRIVATE.\"@STAGE\""),
        ("copy files into @a.b.c from @d.e.f", "A.B.\"@C\""),
        ("put file:///tmp/x @hr.private.stage", "HR.PRIVATE.\"@STAGE\""),
        ("remove @hr.private.stage/x", "HR.PRIVATE.\"@STAGE\""),
        ("remove @~/x", "\"\".\"\".\"@~\""),
    ] {
        let statement = read_in(&acme(), text);
        let found: Vec<String> = statement.footprint.writes.iter().map(ToString::to_string).collect();
        assert_eq!(found, [writes], "{text}: {:?}", statement.why);
    }
}

#[test]
fn a_name_is_looked_for_along_the_search_path() {
    let catalog = sql::catalog_from_ddl(
        "create table acme.public.customers (id int, ssn varchar); create table acme.s.t (a int);
         create view acme.s.v (a) as select id from customers",
        "ACME",
        "S",
    );
    let read = |text| read_in_schema(&catalog, "S", text);
    for (text, reads) in [
        // What is not in its own schema as far as the catalog tells may be there by now.
        ("select ssn from customers", &["ACME.PUBLIC.CUSTOMERS", "ACME.S.CUSTOMERS"] as &[&str]),
        ("select a from t", &["ACME.S.T"]),
        ("select x from nothing", &["ACME.PUBLIC.NOTHING", "ACME.S.NOTHING"]),
        // In the text of a view only its own schema is.
        ("select 1 from v", &["ACME.S.CUSTOMERS", "ACME.S.V"]),
        ("select 1 from s.customers", &["ACME.S.CUSTOMERS"]),
    ] {
        let found: Vec<String> = read(text).footprint.reads.iter().map(ToString::to_string).collect();
        assert_eq!(found, reads, "{text}");
    }
}

#[test]
fn a_name_that_only_public_has_is_not_taken_for_sure() {
    let catalog = sql::catalog_from_ddl(
        "create table acme.public.customers (id int, ssn varchar); create table acme.public.t (ssn varchar, a int);
         create table acme.s.t (a int, ssn varchar)",
        "ACME",
        "S",
    );
    let read = |text| read_in_schema(&catalog, "S", text);
    assert_eq!(read("select id from customers").class, Class::Opaque);
    assert_eq!(read("select id from public.customers").class, Class::Read);
    // Once `S.T` is gone the name means the other one.
    let statement = read("select ssn v from t");
    let shows = &statement.lineage.outputs.unwrap()[0].shows;
    let shows: Vec<String> = shows.iter().map(|shown| shown.column.to_string()).collect();
    assert_eq!(shows, ["ACME.PUBLIC.T.SSN", "ACME.S.T.SSN"]);
    let statement = read("select $1 v from t");
    assert!(!statement.lineage.outputs.unwrap()[0].is_known);
}

#[test]
fn the_expressions_of_a_table_are_read() {
    let read = |text| read_in(&acme(), text);
    for text in [
        "create table t (a varchar, b varchar default elsewhere.leak('x'))",
        "create table t (a varchar) cluster by (elsewhere.leak(a))",
    ] {
        let functions = read(text).functions;
        assert!(
            functions.iter().any(|function| function.name.to_string() == "ELSEWHERE.LEAK"),
            "{text}: {functions:?}"
        );
    }
    let reads = read("create table t (id int default hr.private.seq.nextval)").footprint.reads;
    assert!(reads.iter().any(|read| read.to_string() == "HR.PRIVATE.SEQ"), "{reads:?}");
    let plain = read(
        "create table t (a int default 5, b varchar default upper('x'), c int) cluster by (a, to_date(c))",
    );
    assert!(plain.functions.is_empty() && plain.class == Class::Define, "{:?}", plain.functions);
}

#[test]
fn a_condition_that_chooses_no_rows_of_its_own_chooses_all() {
    for (text, kind) in [
        ("delete from orders where exists (select 1)", "delete_all"),
        ("delete from orders where exists (select 1 from customers where id = 1)", "delete_all"),
        ("delete from orders where coalesce(true, false)", "delete_all"),
        ("delete from orders where current_date > '2000-01-01'", "delete_all"),
        ("delete from orders where iff(1 = 1, true, false)", "delete_all"),
        ("delete from orders where id is null or (id is not null)", "delete_all"),
        ("update orders set status = 'x' where case when 1 = 1 then true end", "update_all"),
        ("update orders set status = c.country from customers c where c.id = 1", "update_all"),
        ("delete from orders where exists (select 1 from customers c where c.id = customer_id)", "delete"),
        ("delete from elsewhere.s.t where a = 1", "delete"),
        ("update orders o set status = 'x' from customers c where o.customer_id = c.id", "update"),
    ] {
        assert_eq!(read_in(&acme(), text).kind.as_str(), kind, "{text}");
    }
}

#[test]
fn what_show_and_describe_answer_may_be_shown_by_a_later_step() {
    for text in [
        "show tables ->> select \"name\", upper(\"kind\") from $1 where \"rows\" > 5",
        "describe table customers ->> select \"name\" from $1 order by \"type\"",
    ] {
        let statement = read_in(&acme(), text);
        assert_eq!(statement.class, Class::Read, "{text}: {:?}", statement.why);
        let outputs = statement.lineage.outputs.unwrap_or_default();
        assert!(!outputs.is_empty() && outputs.iter().all(|output| output.is_known), "{text}: {outputs:?}");
        assert!(statement.lineage.tests.is_empty());
    }
    for text in
        ["show variables ->> select \"value\" from $1", "show users ->> select \"login_name\" from $1"]
    {
        let outputs = read_in(&acme(), text).lineage.outputs.unwrap_or_default();
        assert!(outputs.iter().all(|output| !output.is_known), "{text}");
    }
}

#[test]
fn show_and_describe_name_what_they_look_at() {
    for (text, reads) in [
        ("describe table hr.private.payroll", &["HR.PRIVATE.PAYROLL"] as &[&str]),
        ("desc hr.private.payroll", &["HR.PRIVATE.PAYROLL"]),
        ("describe identifier('hr.private.payroll')", &["HR.PRIVATE.PAYROLL"]),
        ("describe view hr.private.v", &["HR.PRIVATE.V"]),
        ("describe dynamic table hr.private.v", &["HR.PRIVATE.V"]),
        ("describe function hr.private.f(int)", &["HR.PRIVATE.F"]),
        ("describe stage hr.private.s", &["HR.PRIVATE.S"]),
        ("describe schema hr.private", &["HR.PRIVATE.\"\""]),
        ("describe database hr", &["HR.\"\".\"\""]),
        ("describe customers", &["ACME.PUBLIC.CUSTOMERS"]),
        ("show columns in table hr.private.payroll", &["HR.PRIVATE.PAYROLL"]),
        ("show columns in hr.private.payroll", &["HR.PRIVATE.PAYROLL"]),
        ("show primary keys in customers", &["ACME.PUBLIC.CUSTOMERS"]),
        ("show columns in view v", &["ACME.PUBLIC.V"]),
        ("show tables in database hr", &["HR.\"\".\"\""]),
        ("show terse tables like 'in account' in schema hr.private starts with 'x'", &["HR.PRIVATE.\"\""]),
        ("show tables in hr.private", &["HR.PRIVATE.\"\""]),
        ("show tables in identifier('hr.private')", &["HR.PRIVATE.\"\""]),
        ("show schemas in hr", &["HR.\"\".\"\""]),
        ("show schemas in database limit", &["LIMIT.\"\".\"\""]),
        ("show views in application a", &["A.\"\".\"\""]),
        ("show views in account", &["\"\".\"\".ACCOUNT"]),
        ("show objects in account limit 10", &["\"\".\"\".ACCOUNT"]),
        ("show tables in account.public", &["ACCOUNT.PUBLIC.\"\""]),
        ("show tables in stage.public", &["STAGE.PUBLIC.\"\""]),
        ("show versions in model hr.private.m", &["HR.PRIVATE.M"]),
        ("show grants on table hr.private.payroll", &["HR.PRIVATE.PAYROLL"]),
        // What the session has in use, and what lies in no database.
        ("show tables", &[]),
        ("show tables in database", &[]),
        ("show tables in database acme", &[]),
        ("show tables in schema public", &[]),
        ("show tables in schema acme.public limit 10", &[]),
        ("show schemas in schema starts with 'X'", &[]),
        ("show databases in account", &[]),
        ("show warehouses", &[]),
        ("show parameters in session", &[]),
        ("show parameters like 'TIMEZONE' in session", &[]),
        ("describe user u", &[]),
        ("describe warehouse w", &[]),
        ("show grants to role r", &[]),
    ] {
        let statement = read_in(&acme(), text);
        let found: Vec<String> = statement.footprint.reads.iter().map(ToString::to_string).collect();
        assert_eq!(
            (statement.class, found.as_slice()),
            (Class::Show, &*strings(reads)),
            "{text}: {:?}",
            statement.why
        );
    }
    for text in ["describe table 'x'", "show columns in table 5", "show tables in schema (x)"] {
        assert_eq!(read_in(&acme(), text).class, Class::Opaque, "{text}");
    }
    for text in ["describe result ('a')", "describe result 'a'", "describe user ('u')"] {
        assert_ne!(read_in(&acme(), text).kind.as_str(), "describe", "{text}");
    }
}

fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn a_filter_tests_what_it_says() {
    for (text, tests, shows) in [
        ("select sum(amount) filter (where status = 'open') v from orders", "STATUS", "AMOUNT STATUS"),
        ("select count(*) filter (where ssn like '1%') v from customers", "SSN", "SSN"),
        (
            "select count(*) filter (where country = 'DE' and (dob > '2000-01-01')) over (partition by segment) v from customers",
            "COUNTRY DOB SEGMENT",
            "COUNTRY DOB SEGMENT",
        ),
        ("select array_agg(id) filter (where notes is not null) v from customers", "", "ID"),
    ] {
        let statement = read_in(&acme(), text);
        assert_eq!(statement.class, Class::Read, "{text}: {:?}", statement.why);
        let mut tested: Vec<&str> =
            statement.lineage.tests.iter().map(|tested| tested.column.column.as_str()).collect();
        tested.dedup();
        assert_eq!(tested.join(" "), tests, "{text}");
        let outputs = statement.lineage.outputs.unwrap();
        assert!(outputs.iter().all(|output| output.is_known), "{text}");
        let shown: Vec<&str> = outputs[0].shows.iter().map(|shown| shown.column.column.as_str()).collect();
        assert_eq!(shown.join(" "), shows, "{text}");
    }
    is_opaque(
        "select sum(amount) filter (status = 'open') v from orders",
        "a construct that the parser cannot read",
    );
}

#[test]
fn more_rows_between_rows_have_the_same_columns() {
    let names = |text: &str| -> (Vec<String>, Vec<String>) {
        let statement = read_in(&acme(), text);
        assert_eq!(statement.class, Class::Read, "{text}: {:?}", statement.why);
        let outputs = statement.lineage.outputs.unwrap();
        let outputs = outputs.into_iter().map(|output| {
            assert!(output.is_known, "{text}");
            let shows = output.shows.iter().map(|shown| shown.column.column.as_str());
            format!("{}: {}", output.name.unwrap_or_default(), shows.collect::<Vec<_>>().join(" "))
        });
        let tests = statement.lineage.tests.iter();
        let tests = tests.map(|tested| format!("{} {}", tested.column.column, tested.how.as_str()));
        (outputs.collect(), tests.collect())
    };
    for text in [
        "select o.id, amount, bucket_start, g from orders o resample (using created_at increment by interval '1 day'
            partition by customer_id, sku metadata_columns is_generated() as g, bucket_start())",
        "select o.id, amount, bucket_start, g from (select * from orders) o
            resample (using o.created_at increment by interval '1' day partition by customer_id, sku
            metadata_columns is_generated() g, bucket_start() bucket_start)",
    ] {
        let (outputs, tests) = names(text);
        assert_eq!(
            outputs,
            ["ID: ID", "AMOUNT: AMOUNT", "BUCKET_START: CREATED_AT", "G: CREATED_AT"],
            "{text}"
        );
        assert_eq!(
            tests,
            ["CREATED_AT order", "CREATED_AT shape", "CUSTOMER_ID group", "SKU group"],
            "{text}"
        );
    }
    let (outputs, tests) = names("select ssn from customers resample (using dob increment by 5)");
    assert_eq!((outputs, tests), (vec!["SSN: SSN".into()], vec!["DOB order".into(), "DOB shape".into()]));
    is_opaque(
        "select * from orders resample (using created_at increment by (select 1))",
        "a RESAMPLE that cannot be read",
    );
}

#[test]
fn a_model_alone_in_with_is_a_name() {
    for text in [
        "with m as model db.s.my_model select m!predict(ssn) p from customers",
        "with m as model my_model version v1 select m!predict(ssn) p from customers",
        "with m as model a version first, n as model b select m!predict(ssn) p from customers",
        "with m as model a, t as (select ssn from customers) select m!predict(ssn) p from t",
    ] {
        let statement = read_in(&acme(), text);
        assert_eq!(statement.class, Class::Read, "{text}: {:?}", statement.why);
        let functions: Vec<String> =
            statement.functions.iter().map(|function| function.name.to_string()).collect();
        assert_eq!(functions, ["\"M!PREDICT\""], "{text}");
        assert!(statement.lineage.outputs.unwrap().iter().all(|output| !output.is_known), "{text}");
    }
    for text in [
        "with m as model a delete from customers",
        "with m as model a insert into products select m!predict(ssn), 1, 2, 3 from customers",
    ] {
        let statement = read_in(&acme(), text);
        assert!(matches!(statement.class, Class::Write | Class::Opaque), "{text}: {statement:?}");
    }
}

#[test]
fn a_definition_that_cannot_be_read_tells_what_it_calls() {
    for text in [
        "create table t (a varchar(3)) frobnicate = yes as select leak(ssn), upper(name) from customers",
        "create or replace dynamic table t target_lag = '1 hour' warehouse = w frobnicate = yes as select leak(ssn) from customers",
    ] {
        let statement = read_in(&acme(), text);
        assert_eq!(statement.class, Class::Define, "{text}");
        let functions: Vec<String> =
            statement.functions.iter().map(|function| function.name.to_string()).collect();
        assert_eq!(functions, ["LEAK"], "{text}");
        let reads: Vec<&str> = statement.footprint.reads.iter().map(|object| object.name.as_str()).collect();
        assert_eq!(reads, ["CUSTOMERS"], "{text}");
    }
}
