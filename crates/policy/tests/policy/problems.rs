//! Everything that is wrong with a bundle is said at once, with its place.

use crate::cases::{CLASSES, LIMITS, RUN_ALL, parse};

/// The problems of these files, one a line.
fn problems(files: &[(&str, &str)]) -> String {
    let problems = parse(files).unwrap_err();
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

/// The problems of this catalog file beside sound policies.
fn of_catalog(catalog: &str) -> String {
    problems(&[("a.cedar", RUN_ALL), ("catalog.toml", catalog)])
}

/// The problems of these policies beside a sound catalog file.
fn of_cedar(cedar: &str) -> String {
    problems(&[("a.cedar", cedar), ("catalog.toml", &format!("{CLASSES}{LIMITS}"))])
}

#[test]
fn a_folder_holds_only_what_a_bundle_is_made_of() {
    let catalog = format!("{CLASSES}{LIMITS}");
    let files = [
        ("README.md", "hello"),
        ("catalog.toml", catalog.as_str()),
        ("more/catalog.toml", ""),
        ("more/x.cedar", RUN_ALL),
        ("schema.cedarschema", "entity Agent;"),
    ];
    insta::assert_snapshot!(problems(&files));
    insta::assert_snapshot!(problems(&[]));
    let not_text =
        [("a.cedar".to_owned(), vec![0xff]), ("catalog.toml".to_owned(), catalog.into_bytes())].into();
    assert_eq!(
        policy::Bundle::parse(&not_text).unwrap_err()[0].to_string(),
        "a.cedar:1:1: this is no UTF-8 text"
    );
}

#[test]
fn what_is_no_toml_is_said_with_its_place() {
    insta::assert_snapshot!(of_catalog("[classes.email]\nmask = \n[[columns]\nmatch = 'x\n"));
}

#[test]
fn every_unknown_key_is_named() {
    insta::assert_snapshot!(of_catalog(&format!(
        "contcat = 'x'\n[classes.email]\nmsak = 'redact'\n[[columns]]\nmatch = '*.*.*.X'\nclas = 'email'\n{LIMITS}color = 1\n"
    )));
}

#[test]
fn every_wrong_type_is_named() {
    insta::assert_snapshot!(of_catalog(
        "contact = 1\nclasses = 'x'\ncolumns = 'x'\ntags = 2\n[detectors]\noff = 3\n\
         [[limits]]\nrows = 'many'\nbytes = -1\nat_once = 0\nper_minute = 1.5\nupstream_seconds_per_hour = 5000000000000000000000\nstatement_seconds = true\nhidden_failures_per_hour = 0\n\
         [[reviewers]]\ngroups = [1]\nexpires = 30\n"
    ));
}

#[test]
fn a_shared_token_needs_an_epoch_and_nothing_else_has_one() {
    insta::assert_snapshot!(of_catalog(&format!(
        "[classes.a]\nmask = 'shared_token'\n[classes.b]\nmask = 'token'\nepoch = 1\n{LIMITS}"
    )));
}

#[test]
fn classes_and_masks_are_checked() {
    insta::assert_snapshot!(of_catalog(&format!(
        "[classes.public]\nmask = 'null'\n[classes.mixed]\n[classes.'E-Mail']\n[classes.a]\nmask = 'rot13'\n\
         [classes.b]\nmask = 'band'\n[classes.c]\nmask = 'null'\nwidth = 5\n[classes.d]\nscan = 'yes'\n{LIMITS}"
    )));
}

#[test]
fn patterns_are_checked() {
    insta::assert_snapshot!(of_catalog(&format!(
        "[classes.email]\n[classes.person]\n\
         [[columns]]\nmatch = 'DEMO.PUBLIC.CUSTOMERS'\nclass = 'email'\n\
         [[columns]]\nmatch = ['demo.public.customers.email', 'A.B.C.\"d']\nclass = 'email'\n\
         [[columns]]\nmatch = []\nclass = 'email'\n\
         [[columns]]\nclass = 'emial'\n\
         [[columns]]\nmatch = ['A.B.C.D', 'A.B.C.D']\nclass = 'person'\n\
         [[columns]]\nmatch = '*.*.*.A*'\nclass = 'email'\n\
         [[columns]]\nmatch = '*.*.*.*B'\nclass = 'person'\n\
         [[paths]]\nmatch = 'A.B.C.D'\npath = 'a..b'\nclass = 'email'\n\
         [[paths]]\nmatch = 'A.B.C.D'\nclass = 'nobody'\n{LIMITS}"
    )));
}

#[test]
fn tags_are_checked() {
    insta::assert_snapshot!(of_catalog(&format!(
        "{LIMITS}[tags.'A.B.C']\nX = 'nobody'\nY = 'public'\nZ = 1\n[tags]\nD = 1\n"
    )));
    insta::assert_snapshot!(of_catalog(&format!(
        "[tags.'A.B.C']\nX = 'nobody'\nY = 'public'\nZ = 1\n{LIMITS}"
    )));
}

#[test]
fn a_tag_that_no_column_can_have_is_refused() {
    let found = |tag: &str| {
        let catalog = format!("{CLASSES}[tags.'{tag}']\nX = 'email'\n{LIMITS}");
        parse(&[("a.cedar", RUN_ALL), ("catalog.toml", &catalog)])
            .err()
            .map(|problems| problems[0].to_string())
    };
    for tag in ["GOV.PRIVACY.KIND", "GOV.\"odd.schema\".\"kind\"", "A$1.B_2.C3"] {
        assert_eq!(found(tag), None, "{tag}");
    }
    for tag in [
        "KIND",
        "PRIVACY.KIND",
        "A.GOV.PRIVACY.KIND",
        "gov.privacy.kind",
        "GOV.*.KIND",
        "GOV..KIND",
        "GOV.\"PRIVACY\".KIND",
    ] {
        let said = found(tag).expect(tag);
        assert!(said.contains(&format!("`{tag}` is no full name of a tag")), "{said}");
    }
}

#[test]
fn limits_are_checked() {
    insta::assert_snapshot!(of_catalog("[[reviewers]]\ngroups = ['a']\nexpires = '1m'\n"));
    insta::assert_snapshot!(of_catalog(&format!(
        "{LIMITS}[[limits]]\nrows = 1\n[[limits]]\ngroups = ['a', 'a']\nrows = 2\n"
    )));
}

#[test]
fn reviewers_are_checked() {
    let limits = LIMITS.split("[[reviewers]]").next().unwrap();
    insta::assert_snapshot!(of_catalog(limits));
    insta::assert_snapshot!(of_catalog(&format!(
        "{LIMITS}[[reviewers]]\ngroups = []\nexpires = '1m'\n\
         [[reviewers]]\nclasses = ['write', 'write', 'wirte']\nkinds = ['a', 'a']\ngroups = ['x']\nexpires = 'soon'\n\
         [[reviewers]]\nkinds = ['b']\ngroups = ['x']\nexpires = '31d'\n\
         [[reviewers]]\nkinds = ['c']\ngroups = ['x']\n"
    )));
}

#[test]
fn detectors_are_checked() {
    insta::assert_snapshot!(of_catalog(&format!(
        "{LIMITS}[results]\nlinks = 'maybe'\nimages = 'strip'\n\
         [detectors]\noff = ['Card', 'card', 'card', 'overrun']\n\
         custom = [{{ name = 'a', pattern = '(', class = 'public' }}, {{ name = 'a', pattern = 'x*', class = 'public' }}, {{ name = 'B', pattern = 'b', class = 'none' }}, {{ nam = 'c' }}]\n\
         [detectors.tune.card]\nneeds_context = true\n[detectors.tune.email]\nneeds_context = true\nclass = 'none'\n[detectors.tune.x]\n"
    )));
    insta::assert_snapshot!(of_catalog(&format!(
        "{LIMITS}[detectors]\ncustom = [\n\
         {{ name = 'email', pattern = 'x', class = 'public' }},\n\
         {{ name = 'C', pattern = 'x', class = 'public' }},\n\
         {{ name = 'd', pattern = 'x+', class = 'public' }},\n\
         {{ name = 'e', pattern = '\\pL{{240}}', class = 'public' }},\n\
         {{ name = 'f', pattern = 'x', shape = '9', class = 'public' }},\n\
         {{ name = 'g', pattern = '(a|b', class = 'public' }},\n\
         {{ name = 'h', literal = '', class = 'public' }},\n\
         {{ name = 'i', pattern = 'x', context = ['a'], class = 'public' }},\n\
         {{ name = 'j', pattern = '(?=x)x', class = 'public' }},\n\
         {{ name = 'j', literal = 'J-', shape = '999', class = 'public' }},\n]\n"
    )));
}

#[test]
fn a_shape_without_a_sign_and_the_name_of_a_detector_in_capitals_are_slips() {
    let told = of_catalog(&format!(
        "{CLASSES}{LIMITS}[detectors]\noff = ['EMAIL']\n\
         custom = [{{ name = 'k', literal = 'K-', shape = 'xyz', class = 'email' }}]\n"
    ));
    assert!(told.contains("this shape has no sign (9 a digit"), "{told}");
    assert!(told.contains("there is no detector `EMAIL`; write it in lower case: `email`"), "{told}");
}

#[test]
fn a_bundle_says_what_its_detectors_pass_over() {
    let catalog = format!(
        "{CLASSES}{LIMITS}[results]\nhidden_text = 'strip'\n[detectors]\noff = ['mac']\n\
         [detectors.tune.phone]\nneeds_context = true\nmin_length = 10\n\
         [[detectors.custom]]\nname = 'staff'\nliteral = 'E.'\nshape = '99-AaX'\ncontext = ['Staff']\nclass = 'email'\n"
    );
    let bundle = parse(&[("a.cedar", RUN_ALL), ("catalog.toml", &catalog)]).unwrap();
    let detectors = bundle.detectors();
    assert_eq!(
        detectors.weaknesses(),
        [
            "detector `mac` is switched off",
            "detector `phone` needs words around that say what it is",
            "detector `phone` passes over less than 10 letters and digits",
        ]
    );
    assert_eq!(detectors.results.hidden_text, policy::Stance::Strip);
    let [staff] = detectors.custom.as_slice() else { panic!("one detector") };
    assert_eq!(staff.pattern, r"(?-u:\b)E\.[0-9][0-9]\-[A-Z][a-z][0-9A-Za-z](?-u:\b)");
    assert_eq!(staff.rule.class.as_str(), "email");
}

#[test]
fn what_is_no_cedar_is_said_with_its_place() {
    insta::assert_snapshot!(of_cedar(&format!(
        "{RUN_ALL}\n@id(\"x\")\npermit (principal, action, resource\n"
    )));
}

#[test]
fn every_policy_has_a_name_of_its_own() {
    insta::assert_snapshot!(of_cedar(
        "permit (principal, action, resource);\n\n  // A comment.\n  forbid (principal, action, resource);\n\
         @id(\"a\") permit (principal, action, resource);\n@id(\"a\") forbid (principal, action, resource);\n\
         @id(\"gateway-x\") permit (principal, action, resource);\n@id(\"Big\") permit (principal, action, resource);\n\
         @id(\"b\") @advice(\"x\") permit (principal, action, resource);\n@id(\"c\") @reason permit (principal, action, resource);\n"
    ));
}

#[test]
fn a_name_is_taken_across_files() {
    let catalog = format!("{CLASSES}{LIMITS}");
    let policy = "@id(\"a\")\npermit (principal, action, resource);\n";
    let files = [("b.cedar", policy), ("a.cedar", policy), ("catalog.toml", catalog.as_str())];
    assert_eq!(problems(&files), "b.cedar:1:1: `@id(\"a\")` is taken by a.cedar:1; choose another\n");
}

#[test]
fn strict_validation_must_pass_without_a_warning() {
    insta::assert_snapshot!(of_cedar(
        "@id(\"a\")\npermit (principal, action == Action::\"raed\", resource);\n\
         @id(\"b\")\npermit (principal is User, action, resource);\n\
         @id(\"c\")\npermit (principal, action == Action::\"read\", resource)\nwhen { context.knid == \"select\" };\n\
         @id(\"d\")\npermit (principal, action == Action::\"read\", resource)\nwhen { principal.person == \"ana\" };\n\
         @id(\"e\")\npermit (principal, action == Action::\"read\", resource)\nwhen { context.kind == 1 };\n\
         @id(\"f\")\npermit (principal, action == Action::\"see\", resource in Database::\"DEMO\");\n\
         @id(\"g\")\npermit (principal, action, resource)\nwhen { context.how == \"join\" };\n"
    ));
}

#[test]
fn templates_and_misspelt_classes_are_refused() {
    insta::assert_snapshot!(of_cedar(
        "@id(\"t\")\npermit (principal == ?principal, action, resource);\n\
         @id(\"a\")\npermit (principal, action == Action::\"see\", resource)\nwhen { resource == DataClass::\"emial\" };\n"
    ));
}

#[test]
fn everything_wrong_in_every_file_is_said_at_once() {
    let files = [
        ("a.cedar", "permit (principal, action, resource);"),
        ("b.cedar", "@id(\"b\") permit (principal, action == Action::\"raed\", resource);"),
        ("c.cedar", "permit ("),
        ("catalog.toml", "[classes.email]\nmask = 'rot13'\n"),
    ];
    insta::assert_snapshot!(problems(&files));
}
