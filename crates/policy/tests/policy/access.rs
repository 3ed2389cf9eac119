//! What people grant for a while permits reading beside the rules, and nothing else.

use std::time::Duration;

use domain::{
    Access, AccessEnd, AccessGrant, AccessRequest, AccessTo, Agent, ApprovalId, Case, Class, Context,
    Decision, Door, Identity, PromptGrade, Ruling, Statement, TestedHow, Timestamp,
};
use policy::Bundle;

use crate::cases::{
    Build, CLASSES, LIMITS, RUN_ALL, bundle, bundle_with, catalog, context, identity, object, parse, refusal,
    rules, select, statement, treatments,
};

const NOW: Timestamp = Timestamp::from_micros(1_795_446_000_000_000);

const ACCESS: &str = "[access]\nlongest = '12h'\n";

/// [`RUN_ALL`], but nothing may be read.
fn unread(more: &str) -> Bundle {
    unread_under(more, ACCESS)
}

fn unread_under(more: &str, catalog: &str) -> Bundle {
    let policies: Vec<&str> = RUN_ALL.lines().filter(|line| !line.contains("\"objects\"")).collect();
    let policies = format!(
        "{}\n@id(\"change\") permit (principal, action == Action::\"change_object\", resource);\n{more}",
        policies.join("\n")
    );
    bundle_with(&policies, catalog)
}

fn whole() -> AccessTo {
    AccessTo::Schema { database: "DEMO".into(), schema: "PUBLIC".into() }
}

fn grant(number: u128, to: AccessTo, lasts: u64) -> AccessGrant {
    let identity = identity(&[]);
    AccessGrant {
        id: ApprovalId::from_u128(number),
        issuer: identity.issuer,
        subject: identity.subject,
        agent: identity.agent,
        to,
        until: NOW.after(Duration::from_secs(lasts)),
    }
}

fn decide_as(
    bundle: &Bundle,
    identity: &Identity,
    context: &Context,
    statement: &Statement,
    access: Access<'_>,
) -> Ruling {
    bundle.decide(&Case {
        identity,
        context,
        statement,
        catalog: &catalog(),
        prompt: PromptGrade::P1,
        door: Door::SqlApi,
        access,
    })
}

fn decide(bundle: &Bundle, statement: &Statement, grants: &[AccessGrant]) -> Ruling {
    decide_as(bundle, &identity(&[]), &context(), statement, Access { now: NOW, grants })
}

fn rule(number: u128) -> String {
    format!("access:{}", ApprovalId::from_u128(number))
}

#[test]
fn what_was_granted_is_read_until_its_end_and_not_in_that_moment() {
    let (bundle, read) = (unread(""), select().stored("CUSTOMERS.ID"));
    assert!(rules(&decide(&bundle, &read, &[])).contains("gateway:not-granted"));
    let grants = [grant(7, whole(), 60)];
    let ruling = decide(&bundle, &read, &grants);
    assert_eq!(ruling.decision.as_str(), "allow", "{ruling:?}");
    assert!(rules(&ruling).contains(&rule(7)), "{ruling:?}");
    for (micros, expected) in [(59_999_999, "allow"), (60_000_000, "refuse"), (61_000_000, "refuse")] {
        let now = NOW.after(Duration::from_micros(micros));
        let access = Access { now, grants: &grants };
        let ruling = decide_as(&bundle, &identity(&[]), &context(), &read, access);
        assert_eq!(ruling.decision.as_str(), expected, "{micros}");
    }
}

#[test]
fn a_schemas_stages_are_not_read_by_it() {
    let (bundle, grants) = (unread(""), [grant(7, whole(), 60)]);
    for stage in ["@ST", "@%ORDERS", "@~"] {
        let mut files = select();
        files.footprint.reads.insert(domain::ObjectName::new("DEMO", "PUBLIC", stage));
        assert_eq!(decide(&bundle, &files, &grants).decision.as_str(), "refuse", "{stage}");
    }
}

#[test]
fn no_other_object_is_read_by_it() {
    let bundle = unread("");
    let one = [grant(7, AccessTo::Object(object("DEMO.PUBLIC.ORDERS")), 60)];
    assert_eq!(decide(&bundle, &select().reads("DEMO.PUBLIC.ORDERS"), &one).decision.as_str(), "allow");
    for table in
        ["DEMO.PUBLIC.CUSTOMERS", "SNOWFLAKE_SAMPLE_DATA.TPCH_SF1.ORDERS", "DEMO.INFORMATION_SCHEMA.TABLES"]
    {
        let both = select().reads("DEMO.PUBLIC.ORDERS").reads(table);
        assert_eq!(decide(&bundle, &both, &one).decision.as_str(), "refuse", "{table}");
    }
    // A schema of another database, and a name that only prints like one.
    for to in [
        AccessTo::Schema { database: "OTHER".into(), schema: "PUBLIC".into() },
        AccessTo::Schema { database: "DEMO.PUBLIC".into(), schema: "PUBLIC".into() },
        AccessTo::Schema { database: "DEMO".into(), schema: "PUB".into() },
        AccessTo::Schema { database: "demo".into(), schema: "PUBLIC".into() },
    ] {
        let ruling = decide(&bundle, &select().reads("DEMO.PUBLIC.ORDERS"), &[grant(7, to.clone(), 60)]);
        assert_eq!(ruling.decision.as_str(), "refuse", "{to}");
    }
}

#[test]
fn it_is_nobody_elses() {
    let (bundle, read) = (unread(""), select().stored("CUSTOMERS.ID"));
    let grants = [grant(7, whole(), 60)];
    let own = identity(&[]);
    for other in [
        Identity { subject: "ben".into(), ..own.clone() },
        Identity { issuer: "https://other.example".into(), ..own.clone() },
        Identity { agent: Agent::new("claude-sales"), ..own.clone() },
    ] {
        let ruling = decide_as(&bundle, &other, &context(), &read, Access { now: NOW, grants: &grants });
        assert_eq!(ruling.decision.as_str(), "refuse", "{other:?}");
    }
}

#[test]
fn what_a_rule_forbids_stays_forbidden_and_a_rule_that_fails_refuses() {
    let read = select().stored("CUSTOMERS.ID");
    let grants = [grant(7, whole(), 60)];
    let forbids = unread(
        "@id(\"never\") forbid (principal, action == Action::\"read_object\", resource == Table::\"DEMO.PUBLIC.CUSTOMERS\");",
    );
    let ruling = decide(&forbids, &read, &grants);
    assert!(rules(&ruling).contains("never") && !rules(&ruling).contains("access:"), "{ruling:?}");
    let ruling = decide(&forbids, &select().reads("DEMO.PUBLIC.ORDERS"), &grants);
    assert_eq!(ruling.decision.as_str(), "allow");
    let fails = unread(
        "@id(\"sum\") forbid (principal, action == Action::\"read_object\", resource) \
         when { context.prompt + 9223372036854775807 > 0 };",
    );
    assert!(rules(&decide(&fails, &read, &grants)).contains("gateway:policy-error"));
}

#[test]
fn it_lifts_no_mask_and_permits_no_test() {
    let (plain, asked) = (bundle(RUN_ALL), unread(""));
    let grants = [grant(7, whole(), 60)];
    for column in ["CUSTOMERS.EMAIL", "CUSTOMERS.SSN", "CUSTOMERS.NOTES", "NEW_TABLE.A", "CUSTOMERS.ID"] {
        let read = select().stored(column).derived(column);
        let (outright, granted) = (decide(&plain, &read, &[]), decide(&asked, &read, &grants));
        assert_eq!(treatments(&outright), treatments(&granted), "{column}");
    }
    let tests = select().stored("CUSTOMERS.ID").tests("CUSTOMERS.EMAIL", TestedHow::Predicate);
    assert_eq!(decide(&asked, &tests, &grants).decision.as_str(), "refuse");
}

#[test]
fn nothing_but_reading_comes_with_it() {
    let bundle = unread("");
    let grants = [grant(7, whole(), 600)];
    for class in Class::ALL {
        let statement = statement(class, "anything").reads("DEMO.PUBLIC.ORDERS");
        let expected = if class == Class::Read { "allow" } else { "refuse" };
        let ruling = decide(&bundle, &statement, &grants);
        assert_eq!(ruling.decision.as_str(), expected, "{class}");
    }
    // What writes, of what may be read.
    let copies = statement(Class::Write, "insert").reads("DEMO.PUBLIC.ORDERS").writes("DEMO.PUBLIC.PRODUCTS");
    assert_eq!(decide(&bundle, &copies, &grants).decision.as_str(), "refuse");
    // A step of a pipeline that does more makes it more than reading.
    let mut steps = statement(Class::Write, "insert").reads("DEMO.PUBLIC.ORDERS");
    steps.steps =
        vec![(Class::Read, domain::Kind::new("select")), (Class::Write, domain::Kind::new("insert"))];
    assert_eq!(decide(&bundle, &steps, &grants).decision.as_str(), "refuse");
}

#[test]
fn no_role_and_no_statement_comes_with_it() {
    let grants = [grant(7, whole(), 60)];
    let read = select().stored("CUSTOMERS.ID");
    let policies: Vec<&str> = RUN_ALL.lines().filter(|line| !line.contains("\"use\"")).collect();
    let narrow = bundle_with(
        &format!(
            "{}\n@id(\"use\") permit (principal, action == Action::\"use\", resource) unless {{ resource == Role::\"ADMIN\" }};",
            policies.join("\n")
        ),
        ACCESS,
    );
    let admin = Context { role: Some("ADMIN".into()), ..context() };
    let ruling = decide_as(&narrow, &identity(&[]), &admin, &read, Access { now: NOW, grants: &grants });
    assert_eq!(ruling.decision.as_str(), "refuse");
    let held: Vec<&str> = RUN_ALL.lines().filter(|line| !line.contains("\"unattended\"")).collect();
    let held = bundle_with(&held.join("\n"), ACCESS);
    assert_eq!(decide(&held, &read, &grants).decision.as_str(), "hold", "a rule says what goes unattended");
}

#[test]
fn of_several_the_one_that_lasts_longest_decides() {
    let (bundle, read) = (unread(""), select().stored("CUSTOMERS.ID"));
    let grants = [grant(7, whole(), 60), grant(8, whole(), 600), grant(9, whole(), 30)];
    let ruling = decide(&bundle, &read, &grants);
    assert!(rules(&ruling).contains(&rule(8)), "{ruling:?}");
    assert!(!rules(&ruling).contains(&rule(7)) && !rules(&ruling).contains(&rule(9)), "{ruling:?}");
    // What a rule permits needs none.
    let ruling = decide(&bundle_with(RUN_ALL, ACCESS), &read, &grants);
    assert!(!rules(&ruling).contains("access:"), "{ruling:?}");
}

#[test]
fn whoever_may_not_read_is_told_how_to_ask_where_that_is_all_that_is_missing() {
    let told = "request access to DEMO.PUBLIC.CUSTOMERS for '1h' because 'why'";
    let read = select().stored("CUSTOMERS.ID");
    let ruling = decide(&unread(""), &read, &[]);
    assert!(refusal(&ruling).contains(told), "{}", refusal(&ruling));
    assert!(refusal(&ruling).ends_with("ask whoever keeps the policies"));
    let policies: Vec<&str> = RUN_ALL.lines().filter(|line| !line.contains("\"objects\"")).collect();
    let off = decide(&bundle(&policies.join("\n")), &read, &[]);
    assert!(!refusal(&off).contains("request access"));
    for more in [
        read.clone().reads("DEMO.PUBLIC.NOWHERE"),
        read.clone().calls("F", Class::Opaque).tests("CUSTOMERS.EMAIL", TestedHow::Order),
        statement(Class::Write, "insert").reads("DEMO.PUBLIC.CUSTOMERS").writes("DEMO.PUBLIC.ORDERS"),
    ] {
        let ruling = decide(&unread(""), &more, &[]);
        assert!(!refusal(&ruling).contains("request access"), "{}", refusal(&ruling));
    }
}

#[test]
fn of_several_things_all_are_offered_because_fewer_would_be_of_no_use() {
    let offered = |statement: Statement| refusal(&decide(&unread(""), &statement, &[])).to_owned();
    let two = offered(select().stored("CUSTOMERS.ID").reads("DEMO.PUBLIC.ORDERS"));
    let statements = "request access to DEMO.PUBLIC.CUSTOMERS for '1h' because 'why'; request access to DEMO.PUBLIC.ORDERS for '1h'";
    assert!(two.contains(statements) && two.contains("each once the one before is granted"), "{two}");
}

fn asks(bundle: &Bundle, end: AccessEnd) -> Ruling {
    asks_for(bundle, whole(), end)
}

fn asks_for(bundle: &Bundle, to: AccessTo, end: AccessEnd) -> Ruling {
    asks_for_view(bundle, to, end, &[], &[])
}

/// Of a view that reads these besides, where this was granted before.
fn asks_for_view(
    bundle: &Bundle,
    to: AccessTo,
    end: AccessEnd,
    behind: &[&str],
    grants: &[AccessGrant],
) -> Ruling {
    let case = Case {
        identity: &identity(&[]),
        context: &context(),
        statement: &statement(Class::Grant, "request_access"),
        catalog: &catalog(),
        prompt: PromptGrade::P1,
        door: Door::SqlApi,
        access: Access { now: NOW, grants },
    };
    let behind = behind.iter().map(|name| domain::ObjectName::new("DEMO", "PUBLIC", *name)).collect();
    bundle.decide_access(&case, &AccessRequest { to, end, why: "the report".into() }, &behind)
}

#[test]
fn nobody_is_asked_for_a_view_whose_tables_may_not_be_read() {
    let soon = AccessEnd::After(Duration::from_secs(60));
    let asks = |behind: &[&str], grants: &[AccessGrant]| {
        let to = AccessTo::Object(domain::ObjectName::new("DEMO", "PUBLIC", "ORDERS"));
        asks_for_view(&unread(""), to, soon, behind, grants)
    };
    assert_eq!(asks(&[], &[]).decision.as_str(), "hold");
    let ruling = asks(&["CUSTOMERS"], &[]);
    for part in [
        "reading DEMO.PUBLIC.ORDERS reads DEMO.PUBLIC.CUSTOMERS besides",
        "Ask for access to DEMO.PUBLIC.CUSTOMERS first",
    ] {
        assert!(refusal(&ruling).contains(part), "{}", refusal(&ruling));
    }
    assert!(rules(&ruling).contains("gateway:not-granted"), "{ruling:?}");
    // A name that the catalog does not know is not printed.
    let ruling = asks(&["CUSTOMERS", "CALL_0800_555"], &[]);
    assert!(!refusal(&ruling).contains("0800"), "{}", refusal(&ruling));
    // Once its tables may be read the view is of use, and what was granted before keeps nobody from asking again.
    let customers = AccessTo::Object(domain::ObjectName::new("DEMO", "PUBLIC", "CUSTOMERS"));
    assert_eq!(asks(&["CUSTOMERS"], &[grant(7, customers, 60)]).decision.as_str(), "hold");
    assert_eq!(asks(&["CUSTOMERS"], &[grant(7, whole(), 60)]).decision.as_str(), "hold");
    let forbid = "@id(\"never\") forbid (principal, action == Action::\"read_object\", resource == Table::\"DEMO.PUBLIC.CUSTOMERS\");";
    let to = AccessTo::Object(domain::ObjectName::new("DEMO", "PUBLIC", "ORDERS"));
    let ruling = asks_for_view(&unread(forbid), to, soon, &["CUSTOMERS"], &[grant(7, whole(), 60)]);
    assert_eq!(ruling.decision.as_str(), "refuse");
    assert!(rules(&ruling).contains("never"), "{ruling:?}");
}

#[test]
fn whoever_may_run_no_select_asks_nobody() {
    let soon = AccessEnd::After(Duration::from_secs(60));
    for (policies, expected) in [
        ("", "refuse"),
        ("@id(\"w\") permit (principal, action == Action::\"write\", resource);", "refuse"),
        ("@id(\"r\") permit (principal, action == Action::\"read\", resource);", "hold"),
        ("@id(\"r\") permit (principal, action in Action::\"run\", resource is Statement);", "hold"),
        (
            "@id(\"r\") permit (principal, action, resource);\n\
             @id(\"n\") forbid (principal, action == Action::\"read\", resource) when { context.door == \"sqlapi\" };",
            "refuse",
        ),
        (
            "@id(\"r\") permit (principal, action, resource);\n\
             @id(\"n\") forbid (principal, action == Action::\"read\", resource) \
             when { context.prompt + 9223372036854775807 > 0 };",
            "refuse",
        ),
    ] {
        assert_eq!(asks(&bundle_with(policies, ACCESS), soon).decision.as_str(), expected, "{policies}");
    }
}

#[test]
fn a_rule_forbids_asking_and_what_no_yes_could_permit_is_asked_of_nobody() {
    let soon = AccessEnd::After(Duration::from_secs(60));
    let schema =
        |database: &str, schema: &str| AccessTo::Schema { database: database.into(), schema: schema.into() };
    let table = |name: &str| AccessTo::Object(object(name));
    let never = |what: &str| format!("@id(\"never\") @reason(\"it is theirs\") forbid (principal, {what});");
    let asking = "action == Action::\"grant\", resource == Statement::\"request_access\"";
    let orders = "action == Action::\"read_object\", resource == Table::\"DEMO.PUBLIC.ORDERS\"";
    let all = "action == Action::\"read_object\", resource in Schema::\"DEMO.PUBLIC\"";
    let permits = "action == Action::\"read_object\", resource in Schema::\"DEMO.PUBLIC\");";
    let failing = "action == Action::\"read_object\", resource) when { context.prompt + 9223372036854775807 > 0 }; \
                   @id(\"more\") forbid (principal, action == Action::\"see\", resource == DataClass::\"email\"";
    for (rule, to, expected) in [
        ("", whole(), "hold"),
        ("", table("DEMO.PUBLIC.ORDERS"), "hold"),
        (&*never(asking), whole(), "it is theirs"),
        (&*never(&asking.replace("grant", "write")), whole(), "hold"),
        (&*never(orders), table("DEMO.PUBLIC.ORDERS"), "it is theirs"),
        (&*never(orders), table("DEMO.PUBLIC.CUSTOMERS"), "hold"),
        (&*never(orders), whole(), "hold"),
        // The rest may be read already.
        (
            &*format!("{} @id(\"some\") permit (principal, {}", never(orders), permits),
            whole(),
            "it is theirs",
        ),
        (&*never(all), whole(), "it is theirs"),
        (&*never(all), table("DEMO.PUBLIC.ORDERS"), "it is theirs"),
        (&*never(failing), whole(), "could not be evaluated"),
        ("", table("DEMO.PUBLIC.YOUR_ACCOUNT_IS_LOCKED"), "knows no table or view"),
        ("", schema("DEMO", "CALL_0800_555"), "knows no table or view"),
        ("", schema("OTHER", "PUBLIC"), "knows no table or view"),
        ("", schema("DEMO", "INFORMATION_SCHEMA"), "hold"),
        ("", table("DEMO.INFORMATION_SCHEMA.TABLES"), "hold"),
        ("", table("DEMO.INFORMATION_SCHEMA.CALL_0800_555"), "knows no table or view"),
        ("", schema("YOUR_ACCOUNT_IS_LOCKED", "INFORMATION_SCHEMA"), "knows no table or view"),
        ("", table("YOUR_ACCOUNT_IS_LOCKED.INFORMATION_SCHEMA.TABLES"), "knows no table or view"),
    ] {
        let ruling = asks_for(&unread(rule), to.clone(), soon);
        match &ruling.decision {
            Decision::Hold(_) => assert_eq!(expected, "hold", "{rule} {to}"),
            Decision::Refuse(refusal) => {
                assert!(refusal.message.contains(expected), "{rule} {to}: {}", refusal.message);
                assert_eq!(expected == "it is theirs", rules(&ruling).contains("never"), "{ruling:?}");
            }
            Decision::Allow(_) => panic!("{ruling:?}"),
        }
    }
}

#[test]
fn asking_waits_for_the_reviewers_of_its_kind_and_no_longer_than_it_would_last() {
    let hours = |hours: u64| AccessEnd::After(Duration::from_secs(hours * 3600));
    let ruling = asks(&unread(""), hours(2));
    let Decision::Hold(hold) = &ruling.decision else { panic!("{ruling:?}") };
    assert_eq!((hold.reviewers.join(" ").as_str(), hold.people.get()), ("stewards", 1));
    assert_eq!(hold.expires_after, Duration::from_secs(1800));
    assert!(
        hold.reason.contains("read for 2h") && hold.reason.ends_with(": DEMO.PUBLIC.*"),
        "{}",
        hold.reason
    );
    assert!(!hold.reason.contains("report"), "mail tells it, and its agent has chosen that");
    let soon = asks(&unread(""), AccessEnd::At(NOW.after(Duration::from_secs(60))));
    let Decision::Hold(hold) = &soon.decision else { panic!("{soon:?}") };
    assert_eq!(hold.expires_after, Duration::from_secs(60));

    let own = unread_under(
        "",
        &format!(
            "{ACCESS}[[reviewers]]\nkinds = ['request_access']\ngroups = ['owners']\npeople = 2\nexpires = '1h'\n"
        ),
    );
    let Decision::Hold(hold) = asks(&own, hours(1)).decision else { panic!() };
    assert_eq!((hold.reviewers.join(" ").as_str(), hold.people.get()), ("owners", 2));
}

#[test]
fn what_is_too_long_or_over_or_granted_nowhere_is_refused() {
    let bundle = unread("");
    for (end, expected) in [
        (AccessEnd::After(Duration::from_secs(12 * 3600)), "hold"),
        (AccessEnd::After(Duration::from_secs(12 * 3600 + 60)), "refuse"),
        (AccessEnd::At(NOW.after(Duration::from_secs(12 * 3600))), "hold"),
        (AccessEnd::At(NOW.after(Duration::from_secs(12 * 3600 + 1))), "refuse"),
        (AccessEnd::At(NOW), "refuse"),
        (AccessEnd::At(Timestamp::from_micros(0)), "refuse"),
    ] {
        assert_eq!(asks(&bundle, end).decision.as_str(), expected, "{end:?}");
    }
    let off = bundle_with(RUN_ALL, "");
    assert!(
        refusal(&asks(&off, AccessEnd::After(Duration::from_secs(60)))).contains("no access for a while")
    );
    assert_eq!(off.longest_access(), None);
    assert_eq!(bundle.longest_access(), Some(Duration::from_secs(12 * 3600)));
}

#[test]
fn the_bound_of_access_is_checked() {
    for (text, expected) in [
        ("[access]\n", "`longest` is missing"),
        ("[access]\nlongest = '8d'\n", "7 days at most"),
        ("[access]\nlongest = 'ever'\n", "a wait is written like"),
        ("[access]\nlongest = '1h'\nshortest = '1m'\n", "unknown key `shortest`"),
        ("access = '1h'\n", "`access` is a table"),
    ] {
        let catalog = format!("{text}{CLASSES}{LIMITS}");
        let problems = parse(&[("a.cedar", RUN_ALL), ("catalog.toml", &catalog)]).unwrap_err();
        assert!(
            problems.iter().any(|problem| problem.to_string().contains(expected)),
            "{text}: {problems:?}"
        );
    }
}

#[test]
fn whoever_may_read_it_may_look_at_it_first() {
    let bundle = unread("");
    let grants = [grant(7, AccessTo::Object(object("DEMO.PUBLIC.ORDERS")), 60)];
    for (kind, table, expected) in [
        ("describe", "DEMO.PUBLIC.ORDERS", "allow"),
        ("describe_table", "DEMO.PUBLIC.ORDERS", "allow"),
        ("explain", "DEMO.PUBLIC.ORDERS", "allow"),
        ("show_columns", "DEMO.PUBLIC.ORDERS", "allow"),
        ("describe_table", "DEMO.PUBLIC.CUSTOMERS", "refuse"),
        ("show_columns", "DEMO.PUBLIC.CUSTOMERS", "refuse"),
        ("show_grants", "DEMO.PUBLIC.ORDERS", "refuse"),
        ("describe_result", "DEMO.PUBLIC.ORDERS", "refuse"),
    ] {
        let looking = statement(domain::Class::Show, kind).reads(table);
        assert_eq!(decide(&bundle, &looking, &grants).decision.as_str(), expected, "{kind} {table}");
        assert_eq!(decide(&bundle, &looking, &[]).decision.as_str(), "refuse", "{kind} {table}");
    }
}
