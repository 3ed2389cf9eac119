//! The default bundle is sound and names every column.

use domain::{Case, Class, Door, MaskClass, PromptGrade, TestedHow, Treatment};
use policy::{Bundle, Named, default_files};

use crate::cases::{
    Build, TABLES, catalog, column, context, decide, identity, object, refusal, rules, select, statement,
    treatments,
};

fn default_bundle() -> Bundle {
    Bundle::default_bundle().unwrap_or_else(|problems| panic!("{problems:#?}"))
}

#[test]
fn who_decides_and_by_which_rules_is_told_without_deciding() {
    let bundle = default_bundle();
    for (kind, class) in [("delete", "write"), ("no kind", "no class")] {
        let (groups, people) = bundle.reviewers_of(kind, class);
        assert_eq!((groups, people.get()), (&["data-reviewers".to_owned()][..], 1), "{kind}");
    }
    for (rule, is_named) in [
        ("agents-change-demo", true),
        ("agents-change-demo-now", false),
        ("gateway:held", true),
        ("access:00000000000000000000000000000007", true),
        ("", false),
    ] {
        assert_eq!(bundle.may_name(rule), is_named, "{rule}");
    }
}

#[test]
fn the_default_bundle_has_no_problem() {
    default_bundle();
}

#[test]
fn the_default_bundle_is_all_that_lies_in_its_folder() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/policies/default");
    let there: std::collections::BTreeMap<String, Vec<u8>> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap())
        })
        .collect();
    assert_eq!(there, default_files());
}

#[test]
fn every_column_of_the_demo_and_the_sample_data_is_classified_by_name() {
    let bundle = default_bundle();
    let catalog = domain::Catalog::empty();
    for table in TABLES.iter().filter(|table| !table.contains("NEW_TABLE")) {
        let mut words = table.split(' ');
        let name = words.next().unwrap();
        for word in words {
            let column = column(&format!("{name}.{}", word.split(':').next().unwrap()));
            let classes = bundle.classes_of(&catalog, &column);
            assert!(classes.iter().all(|class| !class.as_str().starts_with("un")), "{column}: {classes:?}");
        }
    }
}

#[test]
fn a_bundle_tells_how_it_names_a_column_and_what_a_tag_stands_for() {
    let bundle = default_bundle();
    let named = |name: &str| bundle.named(&column(name));
    assert_eq!(named("DEMO.PUBLIC.CUSTOMERS.SSN"), Some(Named::Exactly(MaskClass::new("ssn"))));
    assert_eq!(
        named("DEMO.INFORMATION_SCHEMA.TABLES.TABLE_NAME"),
        Some(Named::ByPattern(MaskClass::new("public")))
    );
    assert_eq!(named("DEMO.PUBLIC.CUSTOMERS.SHOE_SIZE"), None);
    assert!(bundle.has_class("ssn") && bundle.has_class("unclassified") && !bundle.has_class("shoe_size"));
    let tag = |value: &str| bundle.class_of_tag("SNOWFLAKE.CORE.SEMANTIC_CATEGORY", value);
    assert_eq!((tag("US_SSN"), tag("SHOE_SIZE")), (Some(MaskClass::new("ssn")), None));
    assert_eq!(bundle.class_of_tag("SNOWFLAKE.CORE.PRIVACY_CATEGORY", "IDENTIFIER"), None);
}

#[test]
fn what_the_demo_masks_is_what_its_schema_says() {
    let bundle = default_bundle();
    let catalog = catalog();
    let masked = |table: &str| -> Vec<String> {
        let name = object(table);
        let columns = &catalog.relation(&name).unwrap().columns;
        let is_masked = |column: &&domain::Column| {
            let column = domain::ColumnRef { object: name.clone(), column: column.name.clone() };
            matches!(bundle.treatment_of(&catalog, &column), Treatment::Mask(_))
        };
        columns.iter().filter(is_masked).map(|column| column.name.clone()).collect()
    };
    assert_eq!(
        masked("DEMO.PUBLIC.CUSTOMERS"),
        ["NAME", "EMAIL", "SSN", "CARD_NUMBER", "DOB", "PHONE", "PROFILE"]
    );
    assert_eq!(masked("DEMO.PUBLIC.ORDERS"), ["SHIP_ADDRESS"]);
    assert_eq!(masked("DEMO.PUBLIC.PAYMENTS"), ["CARD_NUMBER", "IBAN"]);
    assert_eq!(masked("DEMO.PUBLIC.EMPLOYEES"), ["EMAIL", "SSN", "SALARY"]);
    assert_eq!(masked("DEMO.PUBLIC.V_CUSTOMERS"), ["FULL_NAME", "CONTACT", "TAX_REF"]);
    assert_eq!(masked("DEMO.PUBLIC.PRODUCTS"), [""; 0]);
    assert_eq!(masked("SNOWFLAKE_SAMPLE_DATA.TPCH_SF1.CUSTOMER"), ["C_NAME", "C_ADDRESS", "C_PHONE"]);
    assert_eq!(masked("SNOWFLAKE_SAMPLE_DATA.TPCH_SF1.ORDERS"), ["O_CLERK"]);
    assert_eq!(masked("SNOWFLAKE_SAMPLE_DATA.TPCH_SF1.LINEITEM"), [""; 0]);
}

#[test]
fn a_masked_contact_stays_masked_whatever_its_alias() {
    let customer = "SNOWFLAKE_SAMPLE_DATA.TPCH_SF1.CUSTOMER";
    let statement = select()
        .stored(&format!("{customer}.C_NAME"))
        .stored(&format!("{customer}.C_PHONE"))
        .stored(&format!("{customer}.C_ACCTBAL"));
    let ruling = decide(&default_bundle(), &["agents"], &statement);
    assert_eq!(treatments(&ruling), "redact person, last_four phone, clear");
    assert_eq!(
        rules(&ruling),
        "agents-read agents-read-sample-data agents-see-public agents-unattended agents-use-analyst-role \
         agents-use-demo-database agents-use-demo-warehouse gateway:masked-by-default"
    );
}

#[test]
fn a_tables_unclassified_columns_are_masked_until_somebody_classifies_them() {
    let statement =
        select().stored("NEW_TABLE.A").stored("NEW_TABLE.B").stored("NEW_TABLE.J").stored("NEW_TABLE.H");
    let ruling = decide(&default_bundle(), &["agents"], &statement);
    assert_eq!(
        treatments(&ruling),
        "redact unclassified, redact unclassified_text, redact unclassified_text, redact unknown"
    );
}

#[test]
fn an_oracle_on_a_masked_column_is_refused_by_name() {
    let statement = select().stored("CUSTOMERS.ID").tests("CUSTOMERS.SSN", TestedHow::Predicate);
    let ruling = decide(&default_bundle(), &["agents"], &statement);
    assert_eq!(
        refusal(&ruling),
        "refused by policy: `DEMO.PUBLIC.CUSTOMERS.SSN` is of class `ssn`, which may not be seen in clear, and the \
         statement compares it; leave it out, or only count it. To have it permitted, ask the group data-reviewers"
    );
}

#[test]
fn a_join_of_two_card_numbers_is_permitted_and_both_stay_masked() {
    let statement =
        select().stored("PAYMENTS.CARD_NUMBER").joins("PAYMENTS.CARD_NUMBER", "CUSTOMERS.CARD_NUMBER");
    assert_eq!(treatments(&decide(&default_bundle(), &["agents"], &statement)), "last_four card");
    let statement = select().stored("CUSTOMERS.ID").joins("CUSTOMERS.SSN", "CUSTOMERS.COUNTRY");
    refusal(&decide(&default_bundle(), &["agents"], &statement));
}

#[test]
fn only_a_person_lets_an_agent_change_rows() {
    let statement = statement(Class::Write, "update_all").writes("DEMO.PUBLIC.ORDERS");
    let ruling = decide(&default_bundle(), &["agents"], &statement);
    let domain::Decision::Hold(hold) = &ruling.decision else { panic!("{ruling:?}") };
    assert_eq!(hold.reviewers, ["data-reviewers"]);
    assert_eq!(hold.expires_after, std::time::Duration::from_secs(1800));
    assert_eq!(hold.grant.tier, domain::Tier::Write);
}

#[test]
fn no_grade_of_the_prompt_lets_anything_more_run_or_run_unattended() {
    let bundle = default_bundle();
    let (identity, catalog, context) = (identity(&["agents"]), catalog(), context());
    let change = |class, kind| {
        let mut statement = statement(class, kind);
        statement.footprint.writes.insert(object("DEMO.PUBLIC.ORDERS"));
        statement
    };
    let mut statements: Vec<domain::Statement> =
        Class::ALL.into_iter().map(|class| change(class, "anything")).collect();
    statements.push(select().stored("CUSTOMERS.SSN"));
    statements.push(select().stored("CUSTOMERS.ID"));
    for statement in &statements {
        let decide = |prompt| {
            let case = Case {
                identity: &identity,
                context: &context,
                statement,
                catalog: &catalog,
                prompt,
                door: Door::Mcp,
                access: domain::Access::NONE,
            };
            bundle.decide(&case)
        };
        let unknown = decide(PromptGrade::P0);
        for grade in [PromptGrade::P1, PromptGrade::P2, PromptGrade::P3, PromptGrade::P4] {
            assert_eq!(decide(grade), unknown, "{grade:?} {}", statement.class.as_str());
        }
    }
    let write = decide(&bundle, &["agents"], &change(Class::Write, "update"));
    assert_eq!(write.decision.as_str(), "hold", "what the others are compared with");
}
