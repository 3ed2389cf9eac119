//! The decision matrix of the default bundle: who may do what, committed and reviewed as a diff.
//!
//! `INSTA_UPDATE=always cargo test -p policy` writes the matrix anew.

use std::fmt::Write as _;

use domain::{
    Class, Context, Decision, Effect, ErrorText, Obligations, Ruling, ShownHow, Statement, TestedHow,
};
use policy::Bundle;

use crate::cases::{Build, context, decide_in, select, statement, treatments};

const PRINCIPALS: [(&str, &[&str]); 4] = [
    ("agents", &["agents"]),
    ("agents, data-reviewers", &["agents", "data-reviewers"]),
    ("data-reviewers", &["data-reviewers"]),
    ("no group", &[]),
];

#[test]
fn the_default_bundle_decides_as_reviewed() {
    let bundle = Bundle::default_bundle().unwrap();
    let mut matrix = String::new();
    for (name, context, statement) in statements() {
        writeln!(matrix, "{name}").unwrap();
        let mut before = String::new();
        for (principal, groups) in PRINCIPALS {
            let ruling = describe(&decide_in(&bundle, groups, &context, &statement));
            let said = if ruling == before { "the same\n" } else { ruling.as_str() };
            write!(matrix, "  [{principal}] {said}").unwrap();
            before = ruling;
        }
        matrix.push('\n');
    }
    insta::assert_snapshot!("matrix", matrix);
}

fn describe(ruling: &Ruling) -> String {
    let mut text = match &ruling.decision {
        Decision::Allow(grant) => format!("allow ({}): {}\n", grant.tier.as_str(), treatments(ruling)),
        Decision::Hold(hold) => format!(
            "hold ({}) for {}: {}\n",
            hold.grant.tier.as_str(),
            hold.reviewers.join(", "),
            hold.reason
        ),
        Decision::Refuse(refusal) => format!("{}\n", refusal.message),
    };
    if let Decision::Allow(grant) = &ruling.decision {
        let Obligations { columns: _, unforeseen: _, mask_column_names, error_text, limits: _ } =
            &grant.obligations;
        if *mask_column_names {
            writeln!(text, "      column names masked").unwrap();
        }
        match error_text {
            ErrorText::Shown => {}
            ErrorText::CompilationOnly => writeln!(text, "      error text of compilation only").unwrap(),
            ErrorText::Hidden => writeln!(text, "      error text hidden").unwrap(),
        }
    }
    let rules: Vec<&str> = ruling.rules.iter().map(domain::RuleId::as_str).collect();
    writeln!(text, "      {}", rules.join(" ")).unwrap();
    text
}

fn statements() -> Vec<(&'static str, Context, Statement)> {
    let tpch = |table: &str, column: &str| format!("SNOWFLAKE_SAMPLE_DATA.TPCH_SF1.{table}.{column}");
    let in_demo = |name, statement| (name, context(), statement);
    let write = |kind, table| statement(Class::Write, kind).writes(table);
    let define = |kind| statement(Class::Define, kind).writes("DEMO.PUBLIC.ORDERS");
    let mut unknown_columns = select().reads("DEMO.PUBLIC.CUSTOMERS");
    unknown_columns.lineage.outputs = None;
    let mut switches = statement(Class::Session, "use_role");
    switches.effects.push(Effect::UseRole("ACCOUNTADMIN".into()));
    let mut copies = define("create_table").stored("CUSTOMERS.EMAIL");
    copies.footprint.writes = [crate::cases::object("DEMO.PUBLIC.COPY")].into();
    vec![
        in_demo("select 1", select().output(&[])),
        in_demo(
            "select id, name, email, ssn, card_number, dob, phone, notes, profile from customers",
            ["ID", "NAME", "EMAIL", "SSN", "CARD_NUMBER", "DOB", "PHONE", "NOTES", "PROFILE"]
                .iter()
                .fold(select(), |select, column| select.stored(&format!("CUSTOMERS.{column}"))),
        ),
        in_demo(
            "select upper(email), name || ssn, substr(notes, 1, 9), upper(country) from customers",
            select()
                .derived("CUSTOMERS.EMAIL")
                .output(&[("CUSTOMERS.NAME", ShownHow::Derived), ("CUSTOMERS.SSN", ShownHow::Derived)])
                .derived("CUSTOMERS.NOTES")
                .derived("CUSTOMERS.COUNTRY"),
        ),
        in_demo(
            "select profile:email, profile:address.city, profile:prefs.theme from customers",
            select()
                .path("CUSTOMERS.PROFILE", &["email"])
                .path("CUSTOMERS.PROFILE", &["address", "city"])
                .path("CUSTOMERS.PROFILE", &["prefs", "theme"]),
        ),
        in_demo("select name, email, salary, dept from employees", {
            ["NAME", "EMAIL", "SALARY", "DEPT"]
                .iter()
                .fold(select(), |s, column| s.stored(&format!("EMPLOYEES.{column}")))
        }),
        in_demo(
            "select id from customers where ssn = '…'",
            select().stored("CUSTOMERS.ID").tests("CUSTOMERS.SSN", TestedHow::Predicate),
        ),
        in_demo(
            "select id from employees order by salary",
            select().stored("EMPLOYEES.ID").tests("EMPLOYEES.SALARY", TestedHow::Order),
        ),
        in_demo(
            "select count(*) from customers group by email",
            select().output(&[]).tests("CUSTOMERS.EMAIL", TestedHow::Group),
        ),
        in_demo(
            "select id from customers where notes like '…'",
            select().stored("CUSTOMERS.ID").tests("CUSTOMERS.NOTES", TestedHow::Predicate),
        ),
        in_demo(
            "select country from customers where country = 'CH'",
            select().stored("CUSTOMERS.COUNTRY").tests("CUSTOMERS.COUNTRY", TestedHow::Predicate),
        ),
        in_demo(
            "select p.id from payments p join customers c using (card_number)",
            select().stored("PAYMENTS.ID").joins("PAYMENTS.CARD_NUMBER", "CUSTOMERS.CARD_NUMBER"),
        ),
        in_demo(
            "select p.sku from products p join customers c on c.ssn = p.sku",
            select()
                .stored("PRODUCTS.SKU")
                .joins("PRODUCTS.SKU", "CUSTOMERS.SSN")
                .ties(&["PRODUCTS.SKU", "CUSTOMERS.SSN"]),
        ),
        in_demo(
            "select p.card_number from payments p join customers c on c.card_number = p.card_number",
            select()
                .stored("PAYMENTS.CARD_NUMBER")
                .joins("PAYMENTS.CARD_NUMBER", "CUSTOMERS.CARD_NUMBER")
                .ties(&["PAYMENTS.CARD_NUMBER", "CUSTOMERS.CARD_NUMBER"]),
        ),
        in_demo(
            "select p_name, upper(p_name) from part join partsupp on p_name = ps_comment",
            select()
                .stored(&tpch("PART", "P_NAME"))
                .derived(&tpch("PART", "P_NAME"))
                .joins(&tpch("PART", "P_NAME"), &tpch("PARTSUPP", "PS_COMMENT"))
                .ties(&[&tpch("PART", "P_NAME"), &tpch("PARTSUPP", "PS_COMMENT")]),
        ),
        (
            "use schema snowflake_sample_data.tpch_sf1; select c_name, c_phone as contact, c_acctbal, c_comment from customer",
            Context {
                database: Some("SNOWFLAKE_SAMPLE_DATA".into()),
                schema: Some("TPCH_SF1".into()),
                ..context()
            },
            select()
                .stored(&tpch("CUSTOMER", "C_NAME"))
                .stored(&tpch("CUSTOMER", "C_PHONE"))
                .stored(&tpch("CUSTOMER", "C_ACCTBAL"))
                .stored(&tpch("CUSTOMER", "C_COMMENT")),
        ),
        in_demo(
            "select count(*) from orders where o_comment not like '…'",
            select().output(&[]).tests(&tpch("ORDERS", "O_COMMENT"), TestedHow::Predicate),
        ),
        in_demo(
            "select table_name, comment from information_schema.tables",
            select()
                .stored("DEMO.INFORMATION_SCHEMA.TABLES.TABLE_NAME")
                .stored("DEMO.INFORMATION_SCHEMA.TABLES.COMMENT"),
        ),
        in_demo(
            "select a, b from a table that nobody classified",
            select().stored("NEW_TABLE.A").stored("NEW_TABLE.B"),
        ),
        in_demo("select a column that nobody knows", select().unknown()),
        in_demo("select columns that cannot be told", unknown_columns),
        in_demo("select from another database", select().stored("HR.PUBLIC.PEOPLE.NAME")),
        in_demo(
            "select an unknown function",
            select().output(&[]).calls("DEMO.PUBLIC.MY_UDF", Class::Opaque),
        ),
        in_demo(
            "select system$send_email(…)",
            select().output(&[]).calls("SYSTEM$SEND_EMAIL", Class::Export),
        ),
        (
            "select 1, under another role",
            Context { role: Some("ACCOUNTADMIN".into()), ..context() },
            select().output(&[]),
        ),
        ("select 1, without a role", Context { role: None, ..context() }, select().output(&[])),
        (
            "select 1, on another warehouse",
            Context { warehouse: Some("BIG_WH".into()), ..context() },
            select().output(&[]),
        ),
        ("select 1, without a warehouse", Context { warehouse: None, ..context() }, select().output(&[])),
        (
            "select 1, in another database",
            Context { database: Some("HR".into()), ..context() },
            select().output(&[]),
        ),
        ("select 1, without a schema", Context { schema: None, ..context() }, select().output(&[])),
        in_demo("show tables", statement(Class::Show, "show_tables").output(&[])),
        in_demo("begin", statement(Class::Transaction, "begin")),
        in_demo("alter session set timezone = '…'", statement(Class::Session, "alter_session")),
        in_demo("use role accountadmin", switches),
        in_demo("use secondary roles all", statement(Class::Session, "use_secondary_roles")),
        in_demo("insert into orders …", write("insert", "DEMO.PUBLIC.ORDERS")),
        in_demo("update orders set … (no where)", write("update_all", "DEMO.PUBLIC.ORDERS")),
        in_demo("delete from orders (no where)", write("delete_all", "DEMO.PUBLIC.ORDERS")),
        in_demo("truncate orders", write("truncate", "DEMO.PUBLIC.ORDERS")),
        in_demo("insert into the sample data", write("insert", "SNOWFLAKE_SAMPLE_DATA.TPCH_SF1.ORDERS")),
        in_demo("insert into another database", write("insert", "HR.PUBLIC.PEOPLE")),
        in_demo("remove @stage", statement(Class::Write, "remove")),
        in_demo("create table …", define("create_table")),
        in_demo("create table copy as select email from customers", copies),
        in_demo("create or replace table …", define("replace_table")),
        in_demo("create table … clone …", define("clone_table")),
        in_demo("alter table …", define("alter_table")),
        in_demo("drop table …", define("drop_table")),
        in_demo("undrop table …", define("undrop_table")),
        in_demo("create procedure …", statement(Class::Define, "create_procedure")),
        in_demo(
            "copy into table …",
            statement(Class::Import, "copy_into_table").writes("DEMO.PUBLIC.ORDERS"),
        ),
        in_demo(
            "copy into @stage …",
            statement(Class::Export, "copy_into_location").reads("DEMO.PUBLIC.ORDERS"),
        ),
        in_demo("grant …", statement(Class::Grant, "grant")),
        in_demo("create user …", statement(Class::Account, "create_user")),
        in_demo("call …", statement(Class::Call, "call")),
        in_demo("what nobody can read", statement(Class::Opaque, "unknown")),
    ]
}
