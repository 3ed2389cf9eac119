//! Names of what lies in the account, checked as far as they can be without asking.

use std::fmt;

use serde::Deserialize;

/// What a name should have been.
#[derive(Debug)]
pub struct NoName(&'static str);

impl fmt::Display for NoName {
    // SECURITY: what stands there instead is not told; it may be a secret in the wrong place.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}", self.0)
    }
}

macro_rules! name {
    ($(#[$about:meta])* $name:ident, $is_good:expr, $expected:literal) => {
        $(#[$about])*
        #[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NoName;

            fn try_from(text: String) -> Result<Self, NoName> {
                let is_good: fn(&str) -> bool = $is_good;
                if is_good(&text) { Ok(Self(text)) } else { Err(NoName($expected)) }
            }
        }
    };
}

name! {
    /// A table of DynamoDB.
    TableName,
    |text| (3..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b)),
    "a table's name: 3 to 255 letters, digits, `_`, `-` and `.`"
}

name! {
    /// A bucket of S3.
    BucketName,
    |text| {
        let is_of_it = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
        (3..=63).contains(&text.len()) && text.bytes().all(is_of_it)
    },
    "a bucket's name: 3 to 63 small letters, digits, `-` and `.`"
}

name! {
    /// A key of KMS.
    KeyArn,
    |text| is_arn(text, "kms", "key/"),
    "the ARN of a key: arn:aws:kms:REGION:ACCOUNT:key/ID"
}

name! {
    /// A state machine of Step Functions.
    MachineArn,
    |text| is_arn(text, "states", "stateMachine:"),
    "the ARN of a state machine: arn:aws:states:REGION:ACCOUNT:stateMachine:NAME"
}

name! {
    /// A topic of SNS.
    TopicArn,
    |text| is_arn(text, "sns", "") && !text.ends_with(".fifo"),
    "the ARN of a standard topic: arn:aws:sns:REGION:ACCOUNT:NAME"
}

fn is_arn(text: &str, service: &str, begins: &str) -> bool {
    let mut parts = text.splitn(6, ':');
    let mut next = || parts.next().unwrap_or_default();
    let (arn, partition, of, region, account, rest) = (next(), next(), next(), next(), next(), next());
    let is_plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-./:".contains(&b));
    arn == "arn"
        && partition.starts_with("aws")
        && of == service
        && !region.is_empty()
        && account.len() == 12
        && account.bytes().all(|b| b.is_ascii_digit())
        && rest.strip_prefix(begins).is_some_and(|name| !name.is_empty())
        && is_plain(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<T: TryFrom<String, Error = NoName>>(good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(T::try_from((*text).to_owned()).is_ok(), "{text}");
        }
        for text in bad {
            let Err(error) = T::try_from((*text).to_owned()) else { panic!("{text}") };
            assert!(error.to_string().starts_with("expected "), "{error}");
            assert!(text.is_empty() || !error.to_string().contains(text), "{error}");
        }
    }

    #[test]
    fn names_are_what_aws_calls_names() {
        check::<TableName>(
            &["state", "snowgate-State-1A.b_c"],
            &["", "zq", "s p", "täble", &"x".repeat(256)],
        );
        check::<BucketName>(&["snowgate-records-1"], &["", "zq", "Records", "a/b", &"x".repeat(64)]);
        check::<KeyArn>(
            &["arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"],
            &[
                "",
                "1234abcd",
                "arn:aws:kms:eu-central-1:123456789012:alias/x",
                "arn:aws:sns:eu-central-1:123456789012:x",
            ],
        );
        check::<MachineArn>(
            &["arn:aws-cn:states:cn-north-1:123456789012:stateMachine:approvals:LIVE"],
            &[
                "approvals",
                "arn:aws:states:eu-central-1:12345:stateMachine:x",
                "arn:aws:states:eu-central-1:123456789012:execution:x",
            ],
        );
        check::<TopicArn>(
            &["arn:aws:sns:eu-central-1:123456789012:reviewers"],
            &[
                "reviewers",
                "arn:aws:sns:eu-central-1:123456789012:",
                "arn:aws:sns:eu-central-1:123456789012:reviewers.fifo",
            ],
        );
    }
}
