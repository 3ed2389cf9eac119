//! The account: whose credentials, which stack, and what of it a bundle is about.

use std::sync::Arc;

use aws::{Caller, Clients, People, Pushes, Stack, Topic};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::SdkConfig;
use aws_types::region::Region;
use gateway::ports::Clock;
use local::SystemClock;

use crate::cli::StackArgs;
use crate::ended::Ended;

/// By which bundle the functions decide: the parameter `Policies`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Decides {
    /// The one that was pushed by two.
    Pushed,
    /// The one that was pushed, by one or two.
    PushedByOne,
    /// One that was deployed along.
    Deployed(String),
}

/// An operator in an account.
pub struct Account {
    /// Putting bundles in force.
    pub pushes: Pushes,
    /// Who calls.
    pub caller: Caller,
    /// By which bundle the stack's functions decide.
    pub decides: Decides,
    /// The reviewers' topic.
    pub topic: Option<Topic>,
    /// The roster, as the parameter `Reviewers` has it.
    pub reviewers: String,
    /// What the stack is called.
    pub stack: String,
}

impl Account {
    /// Asks who calls, and what the stack says.
    pub async fn ask(StackArgs { stack: name }: &StackArgs) -> Result<Self, Ended> {
        let config = config()?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let caller = Caller::ask(&config, clock.now()).await?;
        let stack = Stack::ask(&config, name, clock.now()).await?.ok_or_else(|| {
            Ended::broken(format!(
                "there is no stack `{name}` in this account and region; name it by --stack, and the region by AWS_REGION"
            ))
        })?;
        let output = |key: &str| stack.outputs.get(key).filter(|value| !value.is_empty()).cloned();
        let needed = |key: &str| {
            output(key).ok_or_else(|| {
                Ended::broken(format!(
                    "the stack `{name}` has no output {key}; deploy the present template.yaml"
                ))
            })
        };
        let (table, bucket) = (needed("StateTable")?, needed("RecordsBucket")?);
        let clients = Clients::new(&config);
        let decides = match stack.parameters.get("Policies").map(String::as_str) {
            Some("pushed") => Decides::Pushed,
            Some("pushed-by-one") => Decides::PushedByOne,
            Some(other) => Decides::Deployed(other.to_owned()),
            None => {
                return Err(Ended::broken(format!(
                    "the stack `{name}` has no parameter Policies; deploy the present template.yaml"
                )));
            }
        };
        let people = match decides {
            Decides::PushedByOne => People::One,
            // What is deployed along now may be what two have pushed tomorrow.
            Decides::Pushed | Decides::Deployed(_) => People::Two,
        };
        Ok(Self {
            pushes: Pushes::new(&clients, table, bucket, people, caller.clone(), clock),
            caller,
            decides,
            topic: output("ReviewersTopic").map(|arn| Topic::new(&clients, arn)),
            reviewers: stack.parameters.get("Reviewers").cloned().unwrap_or_default(),
            stack: name.clone(),
        })
    }
}

/// Region and credentials of the environment.
fn config() -> Result<SdkConfig, Ended> {
    let variables = settings::variables()?;
    let set = |name: &str| {
        let found = variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        found.filter(|value| !value.is_empty())
    };
    let (Some(id), Some(secret)) = (set("AWS_ACCESS_KEY_ID"), set("AWS_SECRET_ACCESS_KEY")) else {
        return Err(Ended::broken(
            "there are no credentials in the environment; \
             next: eval \"$(aws configure export-credentials --format env)\" (after aws sso login, or as you sign in)",
        ));
    };
    let region = set("AWS_REGION").or_else(|| set("AWS_DEFAULT_REGION")).ok_or_else(|| {
        Ended::broken("AWS_REGION is not set; next: export AWS_REGION=… to the region of the stack")
    })?;
    let credentials = Credentials::new(id, secret, set("AWS_SESSION_TOKEN"), None, "environment");
    let config = SdkConfig::builder()
        .region(Region::new(region))
        .credentials_provider(SharedCredentialsProvider::new(credentials));
    Ok(match set("AWS_ENDPOINT_URL") {
        Some(url) => config.endpoint_url(url).build(),
        None => config.build(),
    })
}
