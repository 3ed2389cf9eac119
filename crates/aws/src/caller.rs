//! Whoever calls, as STS says, and what a stack says of itself: what an operator's program asks first.

use std::collections::BTreeMap;
use std::fmt;

use aws_types::SdkConfig;
use domain::Timestamp;
use gateway::{Fault, Origin};
use thiserror::Error;

use crate::query::{NoAnswer, Passes, Query, between, unescaped};

/// A person who works in this account.
///
/// Known by what STS answers to `GetCallerIdentity`: `UserId`, which IAM knows as `aws:userid`, and the ARN. Who a session of a
/// role is, its name says (`ROLE-ID:NAME`): IAM Identity Center writes the person there, and for other roles their trust policy must hold it to
/// the person (`sts:RoleSessionName`), or one person could be several. What stands before an `@` is compared, without regard to case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Caller {
    id: String,
    arn: String,
    name: String,
}

/// Why nobody is known to call.
#[derive(Debug, Error)]
pub enum CallerError {
    /// It is no person, or it cannot be told which.
    #[error("{arn} is no person who could push or confirm: {why}")]
    NoPerson {
        /// Who it is.
        arn: String,
        /// Why that is nobody.
        why: &'static str,
    },
    /// Nobody can tell.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// What tools call a session when nobody has said how: the same person has another such name each time.
const MADE_UP: [&str; 8] = [
    "botocore-session",
    "aws-cli-session",
    "awscli-session",
    "aws-sdk-",
    "aws-go-sdk",
    "aws-terraform",
    "assumerolesession",
    "aws_sdk",
];

impl Caller {
    /// The caller of that `aws:userid` and ARN.
    ///
    /// # Errors
    /// When that is no one person.
    pub fn of(id: &str, arn: &str) -> Result<Self, CallerError> {
        let nobody = |why| Err(CallerError::NoPerson { arn: arn.to_owned(), why });
        let is_plain = |text: &str| text.bytes().all(|b| b.is_ascii_graphic());
        if id.is_empty() || !is_plain(id) || !is_plain(arn) {
            return nobody("STS says who it is in words that are none");
        }
        let Some(resource) = arn.splitn(6, ':').nth(5) else {
            return nobody("STS says who it is in words that are none");
        };
        let (kind, rest) = resource.split_once('/').unwrap_or((resource, ""));
        let name = match kind {
            "user" | "assumed-role" => rest.rsplit('/').next().unwrap_or_default(),
            // SECURITY: a user of IAM names such a session as they like, so they would be as many people.
            "federated-user" => {
                return nobody(
                    "a federated user's name is made up by whoever asks for it; use your user or role",
                );
            }
            "root" => return nobody("root is the account; use a user or role of your own"),
            _ => return nobody("only users and sessions of roles are people"),
        };
        let person = name_of(name);
        if person.is_empty() {
            return nobody("its name says nobody");
        }
        // SECURITY: whoever begins a session anew would be somebody else, and could confirm what they have pushed.
        if kind == "assumed-role" && is_made_up(&person) {
            return nobody(
                "a tool has made up the name of this session, which tells nobody from anybody; set role_session_name to who you are",
            );
        }
        Ok(Self { id: id.to_owned(), arn: arn.to_owned(), name: person })
    }

    /// Who calls with these credentials (`sts:GetCallerIdentity`, which needs no right).
    ///
    /// # Errors
    /// [`CallerError`].
    pub async fn ask(config: &SdkConfig, now: Timestamp) -> Result<Self, CallerError> {
        const FORM: &str = "Action=GetCallerIdentity&Version=2011-06-15";
        const CALL: &str = "sts:GetCallerIdentity";
        let answered = Query::new(config, "sts").ask(CALL, FORM, now).await;
        let text = answered.map_err(unknown("STS does not say who calls"))?;
        let of = |name: &str| between(&text, &format!("<{name}>"), &format!("</{name}>")).map(unescaped);
        match (of("UserId"), of("Arn")) {
            (Some(id), Some(arn)) => Self::of(&id, &arn),
            (_, _) => {
                Err(unknown("STS does not say who calls")((Passes::No, NoAnswer::Unreadable(CALL))).into())
            }
        }
    }

    /// `aws:userid`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The ARN.
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// The person, as they are compared: in lower case, without what stands behind an `@`.
    pub fn person(&self) -> &str {
        &self.name
    }

    /// Whether that is the same person, as far as both say.
    pub(crate) fn is(&self, other_id: &str, other_arn: &str) -> bool {
        person_of(&self.id) == person_of(other_id)
            || Self::of(other_id, other_arn).map_or(true, |other| other.name == self.name)
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.arn)
    }
}

/// Whether that is the `aws:userid` of a user of IAM, or of a session of a role, which alone are people here.
pub(crate) fn is_of_a_person(id: &str) -> bool {
    match id.split_once(':') {
        Some((role, name)) => role.starts_with("AROA") && !name.is_empty(),
        None => id.starts_with("AIDA"),
    }
}

/// What of an `aws:userid` is the person: of a session of a role its name, else all of it.
pub(crate) fn person_of(id: &str) -> String {
    let (_, name) = id.rsplit_once(':').unwrap_or(("", id));
    name_of(name)
}

/// Of `Ana@acme.example` and `ana` the same.
fn name_of(name: &str) -> String {
    name.split('@').next().unwrap_or_default().to_lowercase()
}

/// Whether nobody has chosen that name: a tool's words, or a number as long as a time.
fn is_made_up(name: &str) -> bool {
    let is_number = name.bytes().all(|b| b.is_ascii_digit() || b == b'-' || b == b'.');
    MADE_UP.iter().any(|begins| name.starts_with(begins)) || (is_number && name.len() >= 10)
}

fn unknown(public: &'static str) -> impl Fn((Passes, NoAnswer)) -> Fault {
    move |(passes, error)| match passes {
        Passes::Yes => Fault::passing(Origin::Policies, public).because(error),
        Passes::No => Fault::lasting(Origin::Policies, public).because(error),
    }
}

/// A stack of CloudFormation, as it was deployed last.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stack {
    /// What it was told, by name.
    pub parameters: BTreeMap<String, String>,
    /// What it tells.
    pub outputs: BTreeMap<String, String>,
}

impl Stack {
    /// The stack of that name in this region (`cloudformation:DescribeStacks`); none when there is none.
    ///
    /// # Errors
    /// When CloudFormation does not say.
    pub async fn ask(config: &SdkConfig, name: &str, now: Timestamp) -> Result<Option<Self>, Fault> {
        const CALL: &str = "cloudformation:DescribeStacks";
        let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !is_name {
            return Ok(None);
        }
        let form = format!("Action=DescribeStacks&Version=2010-05-15&StackName={name}");
        let text = match Query::new(config, "cloudformation").ask(CALL, &form, now).await {
            Ok(text) => text,
            // What it says of a name that no stack has.
            Err((_, error)) if error.is("ValidationError") => return Ok(None),
            Err(error) => return Err(unknown("CloudFormation does not tell of the stack")(error)),
        };
        Ok(Some(Self {
            parameters: pairs(&text, "ParameterKey", "ParameterValue"),
            outputs: pairs(&text, "OutputKey", "OutputValue"),
        }))
    }
}

fn pairs(text: &str, key: &str, value: &str) -> BTreeMap<String, String> {
    let begins = format!("<{key}>");
    // Each piece ends before the next key, so that no key gets another's value.
    text.split(&begins)
        .skip(1)
        .filter_map(|piece| {
            let (name, rest) = piece.split_once('<')?;
            let said = between(rest, &format!("<{value}>"), &format!("</{value}>")).unwrap_or_default();
            Some((unescaped(name), unescaped(said)))
        })
        .collect()
}
