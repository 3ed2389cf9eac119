//! The program itself, in an account as moto plays it, by people as its STS tells them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says where"
)]

#[allow(dead_code, reason = "other tests use more of it")]
#[path = "../../../tests/tests/lambda/children.rs"]
mod children;
#[allow(dead_code, reason = "other tests use more of it")]
#[path = "../../../tests/tests/acceptance/moto.rs"]
mod moto;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use aws::{People, Policies};
use aws_sdk_dynamodb::types::AttributeValue;
use gateway::ports::Policies as _;
use local::SystemClock;
use serde_json::json;
use tempfile::TempDir;

use crate::moto::{Moto, Spoil};

/// What a command came to.
#[derive(Debug)]
struct Done {
    code: i32,
    out: String,
    err: String,
}

/// Somebody with credentials.
struct Person {
    id: String,
    secret: String,
    token: Option<String>,
}

struct Account {
    moto: &'static Moto,
    stack: String,
    table: String,
    bucket: String,
    topic: String,
    folder: TempDir,
}

fn between<'a>(text: &'a str, begins: &str, ends: &str) -> &'a str {
    let (_, rest) = text.split_once(begins).unwrap_or_else(|| panic!("{text}"));
    rest.split_once(ends).unwrap().0
}

impl Account {
    /// An account with a stack whose functions decide by that parameter.
    async fn new(policies: &str) -> Option<Self> {
        let moto = Moto::get()?;
        let sns = moto.clients().sns().clone();
        let topic = sns.create_topic().name(Moto::unique("reviewers")).send().await.unwrap();
        let account = Self {
            moto,
            stack: Moto::unique("snowgate"),
            table: moto.table().await,
            bucket: moto.bucket("records").await,
            topic: topic.topic_arn.unwrap(),
            folder: tempfile::tempdir().unwrap(),
        };
        let reviewers = r#"[{email = "rosa@acme.example", groups = ["data-reviewers"]}]"#;
        let told = [
            ("Policies", policies),
            ("Reviewers", reviewers),
            ("Table", &account.table),
            ("Bucket", &account.bucket),
            ("Topic", &account.topic),
        ];
        let parameters: BTreeMap<&str, _> =
            told.iter().map(|(name, _)| (*name, json!({ "Type": "String" }))).collect();
        let of = |name: &str| json!({ "Value": { "Ref": name } });
        let template = json!({
            "Parameters": parameters,
            "Resources": { "Queue": { "Type": "AWS::SQS::Queue" } },
            "Outputs": { "StateTable": of("Table"), "RecordsBucket": of("Bucket"), "ReviewersTopic": of("Topic") },
        });
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("Action", "CreateStack").append_pair("Version", "2010-05-15");
        form.append_pair("StackName", &account.stack).append_pair("TemplateBody", &template.to_string());
        for (at, (name, value)) in told.iter().enumerate() {
            form.append_pair(&format!("Parameters.member.{}.ParameterKey", at + 1), name);
            form.append_pair(&format!("Parameters.member.{}.ParameterValue", at + 1), value);
        }
        let made = moto.form("cloudformation", form.finish()).await;
        assert!(made.contains("<StackId>"), "{made}");
        Some(account)
    }

    /// A session of a role by that name.
    async fn session(&self, name: &str) -> Person {
        let form = format!(
            "Action=AssumeRole&Version=2011-06-15&RoleArn=arn:aws:iam::123456789012:role/Operators&RoleSessionName={name}"
        );
        let given = self.moto.form("sts", form).await;
        let of = |name: &str| between(&given, &format!("<{name}>"), &format!("</{name}>")).to_owned();
        Person { id: of("AccessKeyId"), secret: of("SecretAccessKey"), token: Some(of("SessionToken")) }
    }

    /// A user by that name.
    async fn user(&self, name: &str) -> Person {
        // It may be there already: each test has the same account.
        self.moto.form("iam", format!("Action=CreateUser&Version=2010-05-08&UserName={name}")).await;
        let form = format!("Action=CreateAccessKey&Version=2010-05-08&UserName={name}");
        let given = self.moto.form("iam", form).await;
        let of = |name: &str| between(&given, &format!("<{name}>"), &format!("</{name}>")).to_owned();
        Person { id: of("AccessKeyId"), secret: of("SecretAccessKey"), token: None }
    }

    /// The built-in bundle and a comment in a folder, without the copy of the schema.
    fn bundle(&self, comment: &str) -> PathBuf {
        let dir = self.folder.path().join(comment);
        fs::create_dir(&dir).unwrap();
        for (path, bytes) in policy::default_files() {
            fs::write(dir.join(path), bytes).unwrap();
        }
        if comment != "with-a-copy" {
            fs::remove_file(dir.join(policy::SCHEMA_FILE)).unwrap();
        }
        fs::write(dir.join("99-more.cedar"), format!("// {comment}\n")).unwrap();
        dir
    }

    fn digest(dir: &std::path::Path) -> String {
        let files = local::bundle_files(dir).unwrap();
        policy::Bundle::parse(&files).unwrap().digest().to_string()
    }

    /// Runs the program as that person; what bundles decide differently is looked for in one statement.
    async fn run(&self, by: &Person, arguments: &[&str]) -> Done {
        let statement = self.folder.path().join("one.sql");
        fs::write(&statement, "select 1").unwrap();
        let few = ["--groups", "agents", "--statements", statement.to_str().unwrap()];
        let is_compared =
            arguments.first().is_some_and(|first| ["push", "confirm", "rollback"].contains(first));
        let few = if is_compared { &few[..] } else { &[] };
        self.run_at(self.moto.url(), by, &[arguments, few].concat()).await
    }

    /// Runs it against whatever plays AWS there.
    async fn run_at(&self, url: &str, by: &Person, arguments: &[&str]) -> Done {
        let mut command = Command::new(env!("CARGO_BIN_EXE_snowgate-aws"));
        command.arg("policy").args(arguments).args(["--stack", &self.stack]).env_clear();
        command.env("AWS_REGION", "us-east-1").env("AWS_ENDPOINT_URL", url);
        command.env("AWS_ACCESS_KEY_ID", &by.id).env("AWS_SECRET_ACCESS_KEY", &by.secret);
        if let Some(token) = &by.token {
            command.env("AWS_SESSION_TOKEN", token);
        }
        ran(command).await
    }

    async fn push(&self, by: &Person, dir: &std::path::Path) -> Done {
        self.run(by, &["push", dir.to_str().unwrap(), "--why", "because"]).await
    }

    /// By what a gateway decides that wants two people.
    async fn decides(&self, people: People) -> Option<String> {
        let policies =
            Policies::new(&self.moto.clients(), &self.table, &self.bucket, people, Arc::new(SystemClock));
        policies.bundle().await.ok().map(|bundle| bundle.digest().to_string())
    }
}

/// Something that answers so, whatever it is asked.
async fn answering(status: u16, text: &'static str) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = (axum::http::StatusCode::from_u16(status).unwrap(), text);
    let router = axum::Router::new().fallback(move || async move { answer });
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

async fn ran(mut command: Command) -> Done {
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Done { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

#[track_caller]
fn check(done: &Done, code: i32, says: &[&str]) {
    assert_eq!(done.code, code, "{done:?}");
    for said in says {
        assert!(done.out.contains(said) || done.err.contains(said), "{said}\n{}\n{}", done.out, done.err);
    }
}

#[tokio::test]
async fn what_one_proposes_another_puts_in_force_and_the_log_tells_who_and_why() {
    let Some(account) = Account::new("pushed").await else { return };
    let (ana, ben) = (account.session("ana@acme.example").await, account.session("ben@acme.example").await);
    let one = account.bundle("one");
    let digest = Account::digest(&one);
    let pushed = account.push(&ana, &one).await;
    let next =
        format!("next, by a second person: snowgate policy confirm {digest} --stack {}", account.stack);
    check(&pushed, 4, &["no bundle is in force yet", "assumed-role/Operators/ana@acme.example", &next]);
    assert_eq!(account.decides(People::Two).await, None);

    // Not by themselves, in whatever session or as a user of the same name.
    let (again, user) = (account.session("ANA").await, account.user("ana").await);
    for same in [&ana, &again, &user] {
        let refused = account.run(same, &["confirm", &digest, "--why", "me too"]).await;
        check(&refused, 3, &["ana@acme.example has proposed it, and a second person confirms"]);
    }
    let shown = account.run(&ben, &["confirm", &digest]).await;
    check(&shown, 4, &["proposed 20", "because", "nothing is done"]);
    assert_eq!(account.decides(People::Two).await, None);

    let confirmed = account.run(&ben, &["confirm", &digest, "--why", "it is right"]).await;
    check(
        &confirmed,
        0,
        &["in force, confirmed by arn:aws:sts::123456789012:assumed-role/Operators/ben@acme.example"],
    );
    assert_eq!(account.decides(People::Two).await, Some(digest.clone()));
    check(&account.run(&ben, &["confirm", &digest, "--why", "x"]).await, 3, &["in force already"]);
    check(&account.push(&ana, &one).await, 3, &["in force already"]);

    let log = account.run(&user, &["log"]).await;
    check(
        &log,
        0,
        &[&format!("in force      {digest} since"), "ana@acme.example", "): because", "): it is right"],
    );
    assert!(!log.out.contains("waits") && !log.out.contains("ATTENTION"), "{}", log.out);

    // Somebody writes the pointer by hand: it is no push of the log's.
    let update = account.moto.clients().dynamodb().update_item().table_name(&account.table);
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let update = update.key("pk", text("policy")).key("sk", text("in_force"));
    let update =
        update.update_expression("SET writer = :by").expression_attribute_values(":by", text("hand"));
    update.send().await.unwrap();
    let log = account.run(&user, &["log"]).await;
    check(
        &log,
        0,
        &[&format!("ATTENTION: what is in force ({digest}) was put there by none of these pushes")],
    );
}

#[tokio::test]
async fn the_decisions_that_differ_are_shown_before_anybody_agrees() {
    let Some(account) = Account::new("pushed").await else { return };
    let (ana, ben) = (account.session("ana").await, account.session("ben").await);
    let one = account.bundle("one");
    account.push(&ana, &one).await;
    account.run(&ben, &["confirm", &Account::digest(&one), "--why", "yes"]).await;
    let lax = account.bundle("lax");
    let catalog = fs::read_to_string(lax.join("catalog.toml")).unwrap();
    let strict = "match = \"DEMO.PUBLIC.CUSTOMERS.NAME\"\nclass = \"person\"";
    assert!(catalog.contains(strict));
    fs::write(lax.join("catalog.toml"), catalog.replace(strict, &strict.replace("person", "public")))
        .unwrap();
    let differs = [
        "changed catalog.toml\n  - class = \"person\"\n  + class = \"public\"\n",
        "opens: agents as ANALYST: select * from DEMO.PUBLIC.CUSTOMERS\n",
        "of them let through what was not",
    ];
    let all = async |by: &Person, arguments: &[&str]| {
        account.run_at(account.moto.url(), by, &[arguments, &["--groups", "agents"]].concat()).await
    };
    let dir = lax.to_str().unwrap();
    check(&account.run(&ana, &["diff", dir]).await, 0, &differs);
    check(&all(&ana, &["push", dir, "--why", "because"]).await, 4, &differs);
    let digest = Account::digest(&lax);
    check(&all(&ben, &["confirm", &digest]).await, 4, &differs);
    let both = account.run(&ben, &["diff", &Account::digest(&one), &digest, "--groups", "nobody"]).await;
    check(&both, 0, &["changed catalog.toml", "0 of "]);
}

#[tokio::test]
async fn what_is_proposed_is_kept_without_the_copy_for_editors_and_taken_back_by_its_author() {
    let Some(account) = Account::new("pushed").await else { return };
    // A user, for moto gives a session another id with each call.
    let (ana, ben) = (account.user("ana").await, account.session("ben").await);
    let one = account.bundle("with-a-copy");
    assert!(one.join("schema.cedarschema").exists());
    let pushed = account.push(&ana, &one).await;
    check(&pushed, 4, &["schema.cedarschema is left out"]);
    fs::remove_file(one.join("schema.cedarschema")).unwrap();
    let digest = Account::digest(&one);
    check(&pushed, 4, &[&format!("policy confirm {digest}")]);
    check(&account.run(&ben, &["withdraw", &digest]).await, 3, &["has said nothing of that bundle"]);
    check(&account.run(&ana, &["withdraw", &digest]).await, 0, &["taken back"]);
    let late = account.run(&ben, &["confirm", &digest, "--why", "yes"]).await;
    check(&late, 3, &["nobody has proposed this bundle"]);
    assert_eq!(account.decides(People::Two).await, None);
    account.push(&account.session("ana").await, &one).await;
    check(&account.run(&ben, &["confirm", &digest, "--why", "yes"]).await, 0, &[]);
    check(&account.run(&ana, &["withdraw", &digest]).await, 3, &["it is in force"]);
    assert_eq!(account.decides(People::Two).await, Some(digest));
}

/// Whoever proposes writes their own name, and may write anything.
#[tokio::test]
async fn what_somebody_makes_of_their_own_name_is_no_name() {
    let Some(account) = Account::new("pushed").await else { return };
    let (mallory, ben) = (account.session("mallory").await, account.session("ben").await);
    let one = account.bundle("one");
    let digest = Account::digest(&one);
    account.push(&mallory, &one).await;
    let client = account.moto.clients().dynamodb().clone();
    let mut pages = client.scan().table_name(&account.table).into_paginator().items().send();
    let mut word = None;
    while let Some(item) = pages.next().await {
        let item = item.unwrap();
        if item["pk"].as_s().unwrap().starts_with("operator#") {
            word = Some(item);
        }
    }
    let mut word = word.unwrap();
    for name in [
        "\u{1b}[2J in force, confirmed by all \u{1b}[0m",
        "arn:aws:sts::123456789012:assumed-role/Operators/ben",
    ] {
        word.insert("by".to_owned(), AttributeValue::S(name.to_owned()));
        client.put_item().table_name(&account.table).set_item(Some(word.clone())).send().await.unwrap();
        let refused = account.run(&ben, &["confirm", &digest, "--why", "yes"]).await;
        assert_eq!(refused.code, 3, "{refused:?}");
        assert!(![&refused.out, &refused.err].iter().any(|told| told.contains('\u{1b}')), "{refused:?}");
        assert_eq!(account.decides(People::Two).await, None);
    }
}

/// What one operator can write by hand: the pointer and a push, with what two others have said of another bundle.
#[tokio::test]
async fn nobody_chooses_alone_what_the_second_person_compares_with() {
    let Some(account) = Account::new("pushed").await else { return };
    let (ana, ben) = (account.session("ana").await, account.session("ben").await);
    let mallory = account.session("mallory").await;
    let one = account.bundle("one");
    let first = Account::digest(&one);
    account.push(&ana, &one).await;
    check(&account.run(&ben, &["confirm", &first, "--why", "as agreed"]).await, 0, &[]);
    // It lies in the bucket once it is proposed.
    let evil = account.bundle("evil");
    fs::write(evil.join("98-evil.cedar"), "@id(\"evil\") permit (principal, action, resource);").unwrap();
    account.push(&mallory, &evil).await;
    let client = account.moto.clients().dynamodb().clone();
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let found = client.get_item().table_name(&account.table);
    let found = found.key("pk", text("policy")).key("sk", text("in_force")).send().await.unwrap();
    let mut item = found.item.unwrap();
    item.insert("digest".to_owned(), text(&Account::digest(&evil)));
    item.insert("writer".to_owned(), text("mallory"));
    for sk in ["push#99999999999999999999#mallory", "in_force"] {
        item.insert("sk".to_owned(), text(sk));
        client.put_item().table_name(&account.table).set_item(Some(item.clone())).send().await.unwrap();
    }
    let digest_of_evil = Account::digest(&evil);
    let attention = format!("ATTENTION: nobody's words bear what is named in force ({digest_of_evil})");
    let log = account.run(&ben, &["log"]).await;
    check(
        &log,
        0,
        &[&attention, &format!("named only    {digest_of_evil}"), &format!("was in force  {first}")],
    );
    check(&log, 0, &["ATTENTION: by nobody whose word about it is found"]);
    assert!(!log.out.contains(&format!("in force      {digest_of_evil}")), "{}", log.out);

    // The same and one comment: it is compared with what two people have agreed to.
    fs::write(evil.join("99-more.cedar"), "// only a comment\n").unwrap();
    let again = Account::digest(&evil);
    let shown = [
        "added   98-evil.cedar",
        "+ @id(\"evil\") permit (principal, action, resource);",
        attention.as_str(),
    ];
    check(&account.push(&mallory, &evil).await, 4, &shown);
    check(&account.run(&ben, &["confirm", &again]).await, 4, &shown);
    check(&account.run(&ben, &["diff", &again]).await, 0, &shown);
    // Back is back to what two people have agreed to.
    let back = account.run(&ben, &["rollback", "--why", "somebody writes by hand"]).await;
    check(&back, 4, &[&format!("confirm {first}")]);
    check(&account.run(&ana, &["confirm", &first, "--why", "yes"]).await, 0, &["in force"]);
    assert_eq!(account.decides(People::Two).await, Some(first));
}

#[tokio::test]
async fn what_was_in_force_before_comes_back_by_two_people() {
    let Some(account) = Account::new("pushed").await else { return };
    let (ana, ben) = (account.session("ana").await, account.session("ben").await);
    let (one, two) = (account.bundle("one"), account.bundle("two"));
    let (first, second) = (Account::digest(&one), Account::digest(&two));
    check(&account.run(&ana, &["rollback", "--why", "x"]).await, 3, &["no other bundle was in force before"]);
    for (dir, digest) in [(&one, &first), (&two, &second)] {
        account.push(&ana, dir).await;
        check(&account.run(&ben, &["confirm", digest, "--why", "yes"]).await, 0, &["in force"]);
    }
    let unknown = Account::digest(&account.bundle("three"));
    check(&account.run(&ana, &["rollback", &unknown, "--why", "x"]).await, 3, &["never in force"]);
    let back = account.run(&ben, &["rollback", "--why", "two broke things"]).await;
    check(&back, 4, &[&format!("confirm {first}"), "  - // two\n  + // one\n"]);
    check(&account.run(&ben, &["confirm", &first, "--why", "me too"]).await, 3, &["a second person"]);
    check(&account.run(&ana, &["confirm", &first, "--why", "yes, back"]).await, 0, &["in force"]);
    assert_eq!(account.decides(People::Two).await, Some(first));
    let log = account.run(&ana, &["log", "--limit", "2"]).await;
    check(&log, 0, &["two broke things", &format!("was in force  {second}")]);
}

#[tokio::test]
async fn of_two_proposals_over_one_bundle_the_later_is_proposed_anew() {
    let Some(account) = Account::new("pushed").await else { return };
    let (ana, ben) = (account.session("ana").await, account.session("ben").await);
    let (one, two) = (account.bundle("one"), account.bundle("two"));
    let (first, second) = (Account::digest(&one), Account::digest(&two));
    check(&account.push(&ana, &one).await, 4, &[]);
    check(&account.push(&ben, &two).await, 4, &[]);
    let both = [["confirm", first.as_str(), "--why", "yes"], ["confirm", second.as_str(), "--why", "yes"]];
    let (a, b) = tokio::join!(account.run(&ben, &both[0]), account.run(&ana, &both[1]));
    let codes = [a.code, b.code];
    assert!(codes == [0, 3] || codes == [3, 0], "{a:?} {b:?}");
    let decides = account.decides(People::Two).await;
    assert_eq!(decides.as_ref(), Some(if a.code == 0 { &first } else { &second }));
    let (lost, lost_by) = if a.code == 0 { (&b, &ana) } else { (&a, &ben) };
    assert!(lost.err.contains("next: snowgate-aws policy log"), "{lost:?}");
    let later = if a.code == 0 { &second } else { &first };
    check(
        &account.run(lost_by, &["confirm", later, "--why", "still"]).await,
        3,
        &["nobody has proposed this bundle over"],
    );
    assert_eq!(account.decides(People::Two).await, decides);
}

#[tokio::test]
async fn a_bundle_that_is_not_good_is_told_with_its_place_and_nobody_is_asked() {
    let Some(account) = Account::new("pushed").await else { return };
    let ana = account.session("ana").await;
    let bad = account.bundle("bad");
    fs::write(bad.join("98-bad.cedar"), "permit (principal, action").unwrap();
    account.moto.calls(&account.stack);
    check(&account.push(&ana, &bad).await, 1, &["98-bad.cedar:1:", "next: snowgate policy check"]);
    check(&account.push(&ana, std::path::Path::new("/nowhere")).await, 1, &["there is no folder"]);
    assert!(account.moto.calls(&account.stack).is_empty());
}

#[tokio::test]
async fn what_is_damaged_in_the_bucket_is_never_confirmed_and_is_mended_by_a_push() {
    let Some(account) = Account::new("pushed").await else { return };
    let (ana, ben) = (account.session("ana").await, account.session("ben").await);
    let (one, two) = (account.bundle("one"), account.bundle("two"));
    let (first, second) = (Account::digest(&one), Account::digest(&two));
    account.push(&ana, &one).await;
    let s3 = account.moto.clients().s3().clone();
    let damage = async |digest: &str| {
        let key = format!("bundles/{}", digest.replace(':', "-"));
        s3.put_object().bucket(&account.bucket).key(key).body(b"{}".to_vec().into()).send().await.unwrap();
    };
    damage(&first).await;
    check(&account.run(&ben, &["confirm", &first, "--why", "yes"]).await, 1, &["damaged"]);
    assert_eq!(account.decides(People::Two).await, None);

    account.push(&ana, &two).await;
    check(&account.run(&ben, &["confirm", &second, "--why", "yes"]).await, 0, &[]);
    damage(&second).await;
    assert_eq!(account.decides(People::Two).await, None);
    let three = account.bundle("three");
    check(&account.push(&ana, &three).await, 4, &["ATTENTION: what is in force", "cannot be compared"]);
    let third = Account::digest(&three);
    check(&account.run(&ben, &["confirm", &third, "--why", "mends it"]).await, 0, &[]);
    assert_eq!(account.decides(People::Two).await, Some(third));
}

#[tokio::test]
async fn a_lost_answer_changes_nothing_and_a_throttle_is_told() {
    let Some(account) = Account::new("pushed").await else { return };
    let (ana, ben) = (account.session("ana").await, account.session("ben").await);
    let one = account.bundle("one");
    let digest = Account::digest(&one);
    for holding in [&["DescribeStacks", account.stack.as_str()][..], &["PUT", account.bucket.as_str()][..]] {
        account.moto.spoil_after(0, holding, 1, Spoil::Lost);
    }
    check(&account.push(&ana, &one).await, 4, &["proposed by"]);

    let throttled =
        Spoil::Refused(400, r#"{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException"}"#);
    account.moto.spoil_after(0, &["PutItem", account.table.as_str(), "in_force"], u32::MAX, throttled);
    let failed = account.run(&ben, &["confirm", &digest, "--why", "yes"]).await;
    check(
        &failed,
        1,
        &["ThrottlingException", "nobody knows how far it came", "then the same command again"],
    );
    assert_eq!(account.decides(People::Two).await, None);
    account.moto.unspoil(&account.table);

    account.moto.spoil_after(0, &["PutItem", account.table.as_str(), "in_force"], 1, Spoil::Lost);
    check(&account.run(&ben, &["confirm", &digest, "--why", "yes"]).await, 0, &["in force"]);
    assert_eq!(account.decides(People::Two).await, Some(digest.clone()));
    let log = account.run(&ana, &["log"]).await;
    check(&log, 0, &[&format!("in force      {digest}"), &format!("never in force {digest}")]);
}

#[tokio::test]
async fn one_person_alone_puts_a_bundle_in_force_only_where_the_stack_says_so() {
    let Some(account) = Account::new("pushed").await else { return };
    let ana = account.session("ana").await;
    let one = account.bundle("one");
    let alone = ["push", one.to_str().unwrap(), "--why", "just me", "--alone"];
    check(&account.run(&ana, &alone).await, 3, &["Policies=pushed-by-one"]);
    assert_eq!(account.decides(People::One).await, None);

    let Some(account) = Account::new("pushed-by-one").await else { return };
    let done = account.run(&ana, &alone).await;
    check(&done, 0, &["in force by the word of arn:aws:sts::123456789012:assumed-role/Operators/ana alone"]);
    assert_eq!(account.decides(People::One).await, Some(Account::digest(&one)));
    assert_eq!(account.decides(People::Two).await, None);
    check(&account.run(&ana, &["log"]).await, 0, &["by one person's word alone", "just me"]);

    let Some(account) = Account::new("/opt/default").await else { return };
    check(&account.run(&ana, &alone).await, 3, &["decides by /opt/default"]);
    check(&account.push(&ana, &one).await, 4, &["ATTENTION", "decides by /opt/default"]);
}

#[tokio::test]
async fn whom_sts_does_not_tell_apart_says_nothing() {
    let Some(account) = Account::new("pushed").await else { return };
    let one = account.bundle("one");
    let made_up = account.session("botocore-session-1732612345").await;
    check(&account.push(&made_up, &one).await, 1, &["no person who could push", "role_session_name"]);
    let root = "<Arn>arn:aws:iam::123456789012:root</Arn><UserId>123456789012</UserId>";
    let expired = "<Error><Code>ExpiredToken</Code><Message>s3cret</Message></Error>";
    for (status, text, says) in [
        (200, root, "root is the account"),
        (403, expired, "ExpiredToken"),
        (200, "<UserId>AIDA1</UserId>", "STS does not say who calls"),
        (500, root, "STS does not say who calls"),
    ] {
        let sts = answering(status, text).await;
        let done = account.run_at(&sts, &made_up, &["push", one.to_str().unwrap(), "--why", "x"]).await;
        check(&done, 1, &[says]);
        assert!(!done.err.contains("s3cret"));
    }
    let found = account.moto.clients().dynamodb().scan().table_name(&account.table).send().await.unwrap();
    assert_eq!(found.count, 0);
}

#[tokio::test]
async fn whoever_is_new_on_the_roster_is_subscribed_by_a_push_which_a_bad_topic_does_not_undo() {
    let Some(account) = Account::new("pushed").await else { return };
    let (ana, ben) = (account.session("ana").await, account.session("ben").await);
    let one = account.bundle("one");
    let told =
        ["subscribed rosa@acme.example", "not told until they confirm their subscription: rosa@acme.example"];
    check(&account.push(&ana, &one).await, 4, &told);
    let sns = account.moto.clients().sns().clone();
    let listed = sns.list_subscriptions_by_topic().topic_arn(&account.topic).send().await.unwrap();
    assert_eq!(listed.subscriptions().len(), 1);
    for (mail, name) in [("mallory@x.example", "rosa@acme.example"), ("sam@acme.example", "sam@acme.example")]
    {
        let one = sns.subscribe().topic_arn(&account.topic).protocol("email").endpoint(mail);
        let filter = format!("{{\"reviewer\":[\"{name}\"]}}");
        one.attributes("FilterPolicy", filter).send().await.unwrap();
    }
    let others = [
        "more than one subscription receives what is for rosa@acme.example;",
        "roster no more: sam@acme.example",
    ];
    check(&account.push(&ana, &one).await, 4, &others);
    sns.subscribe()
        .topic_arn(&account.topic)
        .protocol("email")
        .endpoint("eve@x.example")
        .send()
        .await
        .unwrap();
    let confirmed = account.run(&ben, &["confirm", &Account::digest(&one), "--why", "yes"]).await;
    check(
        &confirmed,
        0,
        &["in force", "ATTENTION: reviewers were not subscribed", "does not filter by one reviewer"],
    );
}

#[tokio::test]
async fn what_is_missing_is_told_with_what_to_do() {
    let Some(account) = Account::new("pushed").await else { return };
    let ana = account.session("ana").await;
    let one = account.bundle("one");
    let dir = one.to_str().unwrap();
    check(&account.run(&ana, &["push", dir]).await, 64, &["--why"]);
    check(&account.run(&ana, &["push", dir, "--why", "  "]).await, 64, &["say why"]);
    check(&account.run(&ana, &["confirm", "sha256:12", "--why", "x"]).await, 64, &["invalid value"]);
    check(&account.run(&ana, &["log"]).await, 0, &["no bundle was ever in force"]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_snowgate-aws"));
    command.args(["policy", "log"]).env_clear();
    check(&ran(command).await, 1, &["there are no credentials", "aws configure export-credentials"]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_snowgate-aws"));
    command.args(["policy", "log", "--stack", "none-such"]).env_clear();
    command.env("AWS_ACCESS_KEY_ID", &ana.id).env("AWS_SECRET_ACCESS_KEY", &ana.secret);
    check(&ran(command).await, 1, &["AWS_REGION is not set"]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_snowgate-aws"));
    command.args(["policy", "log", "--stack", "none-such"]).env_clear().env("AWS_REGION", "us-east-1");
    command.env("AWS_ACCESS_KEY_ID", &ana.id).env("AWS_SECRET_ACCESS_KEY", &ana.secret);
    command.env("AWS_ENDPOINT_URL", account.moto.url());
    check(&ran(command).await, 1, &["there is no stack `none-such`"]);
}
