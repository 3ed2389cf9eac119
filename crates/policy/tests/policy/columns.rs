//! How result columns leave.

use domain::{Case, Class, Door, ErrorText, PromptGrade, ShownHow, Statement, TestedHow};
use policy::Bundle;

use crate::cases::{
    Build, RUN_ALL, bundle, bundle_with, catalog, column, context, decide, grant, identity, select,
    statement, treatment, treatments,
};

/// [`RUN_ALL`] with permits to see these classes besides.
fn seeing(classes: &[&str]) -> Bundle {
    let permits = classes.iter().map(|class| {
        format!("@id(\"see-{}\") permit (principal, action == Action::\"see\", resource == DataClass::\"{class}\");\n", class.replace('_', "-"))
    });
    bundle(&format!("{RUN_ALL}{}", permits.collect::<String>()))
}

#[track_caller]
fn check(seen: &[&str], statement: &Statement, expected: &str) {
    assert_eq!(treatments(&decide(&seeing(seen), &[], statement)), expected);
}

#[test]
fn a_stored_column_gets_the_mask_of_its_class() {
    check(&[], &select().stored("CUSTOMERS.EMAIL"), "email_domain email");
    check(&["email"], &select().stored("CUSTOMERS.EMAIL"), "clear");
}

#[test]
fn who_may_write_a_column_gets_no_tokens_of_it() {
    let forbid = "@id(\"no-changes\") forbid (principal, action == Action::\"change_object\", resource);\n";
    let reader = bundle(&format!("{RUN_ALL}{forbid}"));
    let name = select().stored("CUSTOMERS.NAME");
    assert_eq!(treatments(&decide(&reader, &[], &name)), "token person");
    let writer = decide(&bundle(RUN_ALL), &[], &name);
    assert_eq!(treatments(&writer), "redact person");
    assert!(writer.rules.iter().any(|rule| rule.as_str() == "gateway:token-refused"));
    let shared = "[classes.shared]\nmask = 'shared_token'\nepoch = 3\n[[columns]]\nmatch = 'DEMO.PUBLIC.CUSTOMERS.SHARED'\nclass = 'shared'\n";
    for (cedar, expected) in
        [(format!("{RUN_ALL}{forbid}"), "shared_token:3 shared"), (RUN_ALL.to_owned(), "redact shared")]
    {
        let ruling = decide(&bundle_with(&cedar, shared), &[], &select().stored("CUSTOMERS.SHARED"));
        assert_eq!(treatments(&ruling), expected);
    }
    // Whoever puts guesses beside what is stored need not write them.
    let mut beside = name.clone();
    beside.lineage.outputs.as_mut().unwrap()[0].is_stored = false;
    let ruling = decide(&reader, &[], &beside);
    assert_eq!(treatments(&ruling), "redact person");
    assert!(ruling.rules.iter().any(|rule| rule.as_str() == "gateway:token-refused"));
    // What is made of it never was a token.
    assert_eq!(treatments(&decide(&reader, &[], &select().derived("CUSTOMERS.NAME"))), "redact person");
}

#[test]
fn what_is_made_of_a_masked_column_is_redacted() {
    check(&[], &select().derived("CUSTOMERS.EMAIL"), "redact email");
    let mixed =
        select().output(&[("CUSTOMERS.EMAIL", ShownHow::Derived), ("CUSTOMERS.NAME", ShownHow::Derived)]);
    check(&[], &mixed, "redact mixed");
    check(&["email"], &mixed, "redact person");
    check(&["email", "person"], &mixed, "clear");
}

#[test]
fn a_union_of_columns_keeps_a_fine_mask_only_when_all_are_of_one_class() {
    let same =
        select().output(&[("CUSTOMERS.EMAIL", ShownHow::Stored), ("EMPLOYEES.EMAIL", ShownHow::Stored)]);
    check(&[], &same, "email_domain email");
    let other =
        select().output(&[("CUSTOMERS.EMAIL", ShownHow::Stored), ("PRODUCTS.NAME", ShownHow::Stored)]);
    check(&[], &other, "redact email");
    let other =
        select().output(&[("CUSTOMERS.COUNTRY", ShownHow::Stored), ("CUSTOMERS.NAME", ShownHow::Stored)]);
    check(&[], &other, "redact person");
}

#[test]
fn free_text_is_scanned_whole_and_masked_in_parts() {
    check(&[], &select().stored("CUSTOMERS.NOTES"), "redact notes");
    check(&["notes"], &select().stored("CUSTOMERS.NOTES"), "scan");
    check(&["notes"], &select().derived("CUSTOMERS.NOTES"), "redact notes");
    let both =
        select().output(&[("CUSTOMERS.NOTES", ShownHow::Stored), ("PRODUCTS.NAME", ShownHow::Derived)]);
    check(&["notes"], &both, "scan");
}

#[test]
fn a_path_is_masked_where_it_meets_a_classified_one() {
    let at = |path: &[&str]| select().path("CUSTOMERS.PROFILE", path);
    check(&["notes"], &at(&["contact", "email"]), "redact email");
    check(&["notes"], &at(&["contact", "email", "domain"]), "redact email");
    check(&["notes"], &at(&["contact"]), "redact email");
    check(&["notes"], &at(&["MAIL"]), "redact email");
    check(&["notes"], &at(&[]), "redact email");
    check(&["notes"], &at(&["theme"]), "scan");
    check(&["notes"], &at(&["contact", "language"]), "scan");
    check(&[], &at(&["theme"]), "redact notes");
    check(&["notes", "email"], &at(&["contact", "email"]), "scan");
}

#[test]
fn a_whole_document_is_masked_unless_every_class_in_it_may_be_seen() {
    check(&["notes"], &select().stored("CUSTOMERS.PROFILE"), "redact email");
    check(&[], &select().stored("CUSTOMERS.PROFILE"), "redact mixed");
    check(&["notes", "email"], &select().stored("CUSTOMERS.PROFILE"), "scan");
    check(&["notes", "email"], &select().derived("CUSTOMERS.PROFILE"), "redact notes");
}

#[test]
fn what_nobody_classified_is_for_policy_to_say() {
    let statement =
        select().stored("NEW_TABLE.A").stored("NEW_TABLE.B").stored("NEW_TABLE.J").derived("NEW_TABLE.B");
    let text = "redact unclassified_text";
    check(&[], &statement, &format!("redact unclassified, {text}, {text}, {text}"));
    check(&["unclassified_text"], &statement, &format!("redact unclassified, scan, scan, {text}"));
    check(&["unclassified"], &statement, &format!("clear, {text}, {text}, {text}"));
}

#[test]
fn what_nobody_knows_is_masked_whatever_policy_says() {
    let policies = format!(
        "{RUN_ALL}@id(\"all\") permit (principal, action in [Action::\"see\", Action::\"test\"], resource);"
    );
    let statement = select()
        .unknown()
        .stored("NEW_TABLE.H")
        .stored("NEW_TABLE.NO_SUCH_COLUMN")
        .stored("NO_SUCH_TABLE.A")
        .stored("CUSTOMERS.NAME");
    let ruling = decide(&bundle(&policies), &[], &statement);
    let unknown = "redact unknown";
    assert_eq!(treatments(&ruling), format!("{unknown}, {unknown}, {unknown}, {unknown}, clear"));
    assert!(ruling.rules.iter().any(|rule| rule.as_str() == "gateway:column-unknown"));
}

#[test]
fn a_literal_is_clear_and_goes_through_the_detectors() {
    check(&[], &select().output(&[]), "clear");
}

#[test]
fn a_statement_whose_columns_cannot_be_told_has_all_of_them_masked() {
    let mut statement = select().reads("DEMO.PUBLIC.CUSTOMERS");
    statement.lineage.outputs = None;
    let ruling = decide(&seeing(&["email"]), &[], &statement);
    let obligations = &grant(&ruling).obligations;
    assert_eq!(obligations.columns, None);
    assert!(obligations.mask_column_names && obligations.error_text == ErrorText::CompilationOnly);
}

#[test]
fn names_made_of_values_are_masked_unless_the_values_are_clear() {
    let named = |column: &str, is_known: bool| {
        let mut statement = select().stored(column);
        let output = &mut statement.lineage.outputs.as_mut().unwrap()[0];
        (output.is_name_from_values, output.is_known) = (true, is_known);
        let ruling = decide(&seeing(&[]), &[], &statement);
        grant(&ruling).obligations.mask_column_names
    };
    assert!(named("CUSTOMERS.EMAIL", true));
    assert!(named("CUSTOMERS.COUNTRY", false));
    assert!(!named("CUSTOMERS.COUNTRY", true));
}

#[test]
fn error_text_is_hidden_when_anything_hidden_is_shown_or_tested() {
    let hides = |statement: Statement| {
        let policies =
            format!("{RUN_ALL}@id(\"test\") permit (principal, action == Action::\"test\", resource);");
        grant(&decide(&bundle(&policies), &[], &statement)).obligations.error_text != ErrorText::Shown
    };
    assert!(!hides(select().stored("CUSTOMERS.COUNTRY").tests("CUSTOMERS.ID", TestedHow::Order)));
    assert!(hides(select().stored("CUSTOMERS.EMAIL")));
    assert!(hides(select().unknown()));
    assert!(hides(select().tests("CUSTOMERS.EMAIL", TestedHow::Predicate)));
    assert!(hides(select().tests("CUSTOMERS.NOTES", TestedHow::Predicate)));
}

#[test]
fn code_and_what_is_stored_beside_hidden_values_hide_how_they_fail() {
    let error_text =
        |statement: Statement| grant(&decide(&bundle(RUN_ALL), &[], &statement)).obligations.error_text;
    let code = |class, kind| {
        let mut code = statement(class, kind);
        code.lineage.outputs = None;
        code
    };
    // A block may ask what is made of stored values, and its words may be about those although it "does not compile".
    assert_eq!(error_text(code(Class::Call, "call")), ErrorText::Hidden);
    assert_eq!(error_text(code(Class::Opaque, "opaque")), ErrorText::Hidden);
    assert_eq!(error_text(select().unknown()), ErrorText::CompilationOnly);
    assert_eq!(error_text(select().unknown().calls("MINE", Class::Opaque)), ErrorText::Hidden);
    assert_eq!(error_text(select().unknown().calls("MINE", Class::Export)), ErrorText::CompilationOnly);
    // A unique key tells whether a value is there.
    let insert = |table: &str| statement(Class::Write, "insert").writes(table);
    assert_eq!(error_text(insert("DEMO.PUBLIC.CUSTOMERS")), ErrorText::CompilationOnly);
    assert_eq!(error_text(insert("DEMO.PUBLIC.PRODUCTS")), ErrorText::Shown);
    assert_eq!(error_text(insert("DEMO.PUBLIC.NOWHERE")), ErrorText::CompilationOnly);
    let create = statement(Class::Define, "create_table").writes("DEMO.PUBLIC.NOWHERE");
    assert_eq!(error_text(create), ErrorText::Shown);
    let moves = insert("DEMO.PUBLIC.PRODUCTS").derived("CUSTOMERS.EMAIL");
    assert_eq!(error_text(moves), ErrorText::Hidden);
}

#[test]
fn a_count_of_rows_is_told_whatever_was_copied_and_what_is_copied_is_judged_all_the_same() {
    let counts = |kind| {
        statement(Class::Write, kind).writes("DEMO.PUBLIC.PRODUCTS").stored("CUSTOMERS.EMAIL").output(&[])
    };
    for kind in ["insert", "insert_overwrite", "update", "update_all", "delete", "delete_all", "merge"] {
        check(&[], &counts(kind), "clear, clear");
        let ruling = decide(&bundle(RUN_ALL), &[], &counts(kind));
        assert_eq!(grant(&ruling).obligations.error_text, ErrorText::Hidden, "{kind}");
    }
    // Rows come back from another write.
    check(&[], &counts("select_for_update"), "email_domain email, clear");
}

#[test]
fn testing_a_document_asks_for_everything_in_it() {
    let policies = format!(
        "{RUN_ALL}@id(\"test\") permit (principal, action == Action::\"test\", resource == DataClass::\"notes\");\n"
    );
    let statement = select().tests("CUSTOMERS.PROFILE", TestedHow::Predicate);
    assert_eq!(decide(&bundle(&policies), &[], &statement).decision.as_str(), "refuse");
    let statement = select().tests("CUSTOMERS.NOTES", TestedHow::Predicate);
    assert_eq!(decide(&bundle(&policies), &[], &statement).decision.as_str(), "allow");
}

#[test]
fn a_tag_adds_a_class_and_never_takes_one_away() {
    let bundle = bundle_with(
        &format!(
            "{RUN_ALL}@id(\"see\") permit (principal, action == Action::\"see\", resource == DataClass::\"person\");"
        ),
        "[tags.'GOV.PRIVACY.KIND']\nMAIL = 'email'\nNAME = 'person'\n",
    );
    let tagged = |name: &str, value: &str| {
        let mut catalog = catalog();
        let column = column(name);
        let relation = catalog.relations.get_mut(&column.object).unwrap();
        let stored = relation.columns.iter_mut().find(|stored| stored.name == column.column).unwrap();
        stored.tags.insert("GOV.PRIVACY.KIND".into(), value.into());
        let (identity, context, statement) = (identity(&[]), context(), select().stored(name));
        let case = Case {
            identity: &identity,
            context: &context,
            statement: &statement,
            catalog: &catalog,
            prompt: PromptGrade::P0,
            door: Door::SqlApi,
            access: domain::Access::NONE,
        };
        treatments(&bundle.decide(&case))
    };
    assert_eq!(tagged("NEW_TABLE.A", "MAIL"), "email_domain email");
    assert_eq!(tagged("NEW_TABLE.A", "NAME"), "clear");
    assert_eq!(tagged("NEW_TABLE.A", "OTHER"), "redact unclassified");
    assert_eq!(tagged("CUSTOMERS.COUNTRY", "MAIL"), "redact email");
    assert_eq!(tagged("CUSTOMERS.EMAIL", "NAME"), "redact email");
}

#[test]
fn the_most_specific_pattern_wins() {
    let bundle = bundle_with(
        "",
        "[[columns]]\nmatch = '*.*.*.*MAIL*'\nclass = 'email'\n[[columns]]\nmatch = 'DEMO.PUBLIC.ORDERS.*'\nclass = 'public'\n\
         [[columns]]\nmatch = 'DEMO.PUBLIC.ORDERS.MAIL_COUNT'\nclass = 'public'\n",
    );
    let class = |name: &str| bundle.classes_of(&catalog(), &column(name))[0].as_str().to_owned();
    assert_eq!(class("ORDERS.STATUS"), "public");
    assert_eq!(class("ORDERS.MAIL_TO"), "email");
    assert_eq!(class("ORDERS.MAIL_COUNT"), "public");
    assert_eq!(class("OTHER.X_MAIL"), "email");
    assert_eq!(class("PRODUCTS.MAIL"), "email");
}

#[test]
fn a_stored_column_is_described_as_whoever_sees_only_the_public_would_see_it() {
    let bundle = bundle("");
    let described = |name: &str| treatment(&bundle.treatment_of(&catalog(), &column(name)));
    assert_eq!(described("CUSTOMERS.ID"), "clear");
    assert_eq!(described("CUSTOMERS.NAME"), "token person");
    assert_eq!(described("CUSTOMERS.NOTES"), "scan");
    assert_eq!(described("CUSTOMERS.PROFILE"), "redact mixed");
    assert_eq!(described("NEW_TABLE.A"), "redact unclassified");
    assert_eq!(described("NO_SUCH_TABLE.A"), "redact unknown");
}

/// Any column may be tested, so that only what is shown is judged.
fn testing() -> policy::Bundle {
    let tests = "@id(\"tests\") permit (principal, action == Action::\"test\", resource);";
    let notes =
        "@id(\"notes\") permit (principal, action == Action::\"see\", resource == DataClass::\"notes\");";
    bundle(&format!("{RUN_ALL}\n{tests}\n{notes}"))
}

#[track_caller]
fn check_tied(statement: &domain::Statement, expected: &str) {
    let ruling = decide(&testing(), &[], statement);
    assert_eq!(treatments(&ruling), expected);
    let is_hidden = expected.split(", ").any(|treatment| treatment != "clear");
    let error_text = grant(&ruling).obligations.error_text;
    assert_eq!(error_text != domain::ErrorText::Shown, is_hidden, "{error_text:?}");
}

#[test]
fn equality_carries_the_class() {
    let product = || select().stored("PRODUCTS.SKU").stored("PRODUCTS.NAME");
    check_tied(&product(), "clear, clear");
    check_tied(&product().ties(&["PRODUCTS.SKU", "CUSTOMERS.EMAIL"]), "redact email, clear");
    check_tied(&product().ties(&["PRODUCTS.SKU", "CUSTOMERS.ID"]), "clear, clear");
    // Along chains, and through any expression.
    let chain = ["PRODUCTS.SKU", "PRODUCTS.CATEGORY", "CUSTOMERS.EMAIL"];
    check_tied(&product().ties(&chain), "redact email, clear");
    check_tied(&select().derived("PRODUCTS.SKU").ties(&chain), "redact email");
    // Of several classes.
    let several = ["PRODUCTS.SKU", "CUSTOMERS.NAME", "CUSTOMERS.EMAIL"];
    check_tied(&product().ties(&several), "redact mixed, clear");
    // A column that is tied to its like keeps the mask that fits it.
    let mails = select().stored("CUSTOMERS.EMAIL").ties(&["CUSTOMERS.EMAIL", "EMPLOYEES.EMAIL"]);
    check_tied(&mails, "email_domain email");
    // What nobody knows makes what it equals unknown.
    check_tied(&product().ties(&["PRODUCTS.NAME", "ELSEWHERE.A"]), "clear, redact unknown");
}

#[test]
fn equality_with_free_text_carries_the_detectors() {
    let tie = ["PRODUCTS.NAME", "CUSTOMERS.NOTES"];
    check_tied(&select().stored("PRODUCTS.NAME").stored("PRODUCTS.SKU").ties(&tie), "scan, clear");
    check_tied(&select().derived("PRODUCTS.NAME").ties(&tie), "redact notes");
}

/// A pipeline of these steps, whose answer's columns nobody knows.
fn pipeline(steps: &[(Class, &str)]) -> Statement {
    let (class, kind) = *steps.iter().max().unwrap();
    let steps = steps.iter().map(|(class, kind)| (*class, domain::Kind::new(*kind))).collect();
    let mut pipeline = Statement { steps, ..statement(class, kind) };
    pipeline.lineage.outputs = None;
    pipeline
}

#[test]
fn the_last_step_tells_what_a_pipeline_answers() {
    let unforeseen = |steps: &[(Class, &str)]| {
        let ruling = decide(&bundle(RUN_ALL), &[], &pipeline(steps));
        treatment(&grant(&ruling).obligations.unforeseen)
    };
    let tables = (Class::Show, "show_tables");
    for (steps, expected) in [
        ([(Class::Show, "show_users"), tables], "clear"),
        ([(Class::Read, "select"), tables], "clear"),
        ([tables, (Class::Show, "show_users")], "redact unknown"),
        ([tables, (Class::Show, "list")], "redact unknown"),
        ([(Class::Transaction, "begin"), (Class::Show, "show_grants")], "redact unknown"),
    ] {
        assert_eq!(unforeseen(&steps), expected, "{steps:?}");
    }
}

#[test]
fn a_column_that_stands_anywhere_hides_the_words_of_a_failure() {
    let error_text = |name: &str| {
        let mut statement = select().stored("CUSTOMERS.ID");
        statement.footprint.reads.insert(column(name).object);
        statement.lineage.touched.insert(column(name));
        grant(&decide(&bundle(RUN_ALL), &[], &statement)).obligations.error_text
    };
    assert_eq!(error_text("CUSTOMERS.EMAIL"), ErrorText::Hidden);
    assert_eq!(error_text("CUSTOMERS.ID"), ErrorText::Shown);
    // What the catalog does not hold was mistyped: only that may be told.
    assert_eq!(error_text("CUSTOMERS.NOPE"), ErrorText::CompilationOnly);
    assert_eq!(error_text("ELSEWHERE.A"), ErrorText::CompilationOnly);
}
