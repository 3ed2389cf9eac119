//! An account with a stack, the people in it, and the program as each of them runs it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use aws::{People, Policies};
use gateway::ports::Policies as _;
use local::SystemClock;
use serde_json::json;
use tempfile::TempDir;

use crate::moto::Moto;

/// What a command came to.
#[derive(Debug)]
pub struct Done {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// Somebody with credentials.
pub struct Person {
    pub id: String,
    pub secret: String,
    token: Option<String>,
}

pub struct Account {
    pub moto: &'static Moto,
    pub stack: String,
    pub table: String,
    pub bucket: String,
    pub topic: String,
    folder: TempDir,
}

fn between<'a>(text: &'a str, begins: &str, ends: &str) -> &'a str {
    let (_, rest) = text.split_once(begins).unwrap_or_else(|| panic!("{text}"));
    rest.split_once(ends).unwrap().0
}

impl Account {
    /// An account with a stack whose functions decide by that parameter.
    pub async fn new(policies: &str) -> Option<Self> {
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
    pub async fn session(&self, name: &str) -> Person {
        let form = format!(
            "Action=AssumeRole&Version=2011-06-15&RoleArn=arn:aws:iam::123456789012:role/Operators&RoleSessionName={name}"
        );
        let given = self.moto.form("sts", form).await;
        let of = |name: &str| between(&given, &format!("<{name}>"), &format!("</{name}>")).to_owned();
        Person { id: of("AccessKeyId"), secret: of("SecretAccessKey"), token: Some(of("SessionToken")) }
    }

    /// A user by that name.
    pub async fn user(&self, name: &str) -> Person {
        // It may be there already: each test has the same account.
        self.moto.form("iam", format!("Action=CreateUser&Version=2010-05-08&UserName={name}")).await;
        let form = format!("Action=CreateAccessKey&Version=2010-05-08&UserName={name}");
        let given = self.moto.form("iam", form).await;
        let of = |name: &str| between(&given, &format!("<{name}>"), &format!("</{name}>")).to_owned();
        Person { id: of("AccessKeyId"), secret: of("SecretAccessKey"), token: None }
    }

    /// The built-in bundle and a comment in a folder, without the copy of the schema.
    pub fn bundle(&self, comment: &str) -> PathBuf {
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

    pub fn digest(dir: &std::path::Path) -> String {
        let files = local::bundle_files(dir).unwrap();
        policy::Bundle::parse(&files).unwrap().digest().to_string()
    }

    /// Runs the program as that person; what bundles decide differently is looked for in one statement.
    pub async fn run(&self, by: &Person, arguments: &[&str]) -> Done {
        let statement = self.folder.path().join("one.sql");
        fs::write(&statement, "select 1").unwrap();
        let few = ["--groups", "agents", "--statements", statement.to_str().unwrap()];
        let is_compared =
            arguments.first().is_some_and(|first| ["push", "confirm", "rollback"].contains(first));
        let few = if is_compared { &few[..] } else { &[] };
        self.run_at(self.moto.url(), by, &[arguments, few].concat()).await
    }

    /// Runs it against whatever plays AWS there.
    pub async fn run_at(&self, url: &str, by: &Person, arguments: &[&str]) -> Done {
        let mut command = Command::new(env!("CARGO_BIN_EXE_snowgate-aws"));
        command.arg("policy").args(arguments).args(["--stack", &self.stack]).env_clear();
        command.env("AWS_REGION", "us-east-1").env("AWS_ENDPOINT_URL", url);
        command.env("AWS_ACCESS_KEY_ID", &by.id).env("AWS_SECRET_ACCESS_KEY", &by.secret);
        if let Some(token) = &by.token {
            command.env("AWS_SESSION_TOKEN", token);
        }
        ran(command).await
    }

    pub async fn push(&self, by: &Person, dir: &std::path::Path) -> Done {
        self.run(by, &["push", dir.to_str().unwrap(), "--why", "because"]).await
    }

    /// By what a gateway decides that wants two people.
    pub async fn decides(&self, people: People) -> Option<String> {
        let policies =
            Policies::new(&self.moto.clients(), &self.table, &self.bucket, people, Arc::new(SystemClock));
        policies.bundle().await.ok().map(|bundle| bundle.digest().to_string())
    }
}

pub async fn ran(mut command: Command) -> Done {
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Done { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

#[track_caller]
pub fn check(done: &Done, code: i32, says: &[&str]) {
    assert_eq!(done.code, code, "{done:?}");
    for said in says {
        assert!(done.out.contains(said) || done.err.contains(said), "{said}\n{}\n{}", done.out, done.err);
    }
}
