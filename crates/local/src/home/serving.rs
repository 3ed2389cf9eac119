//! The gateway that serves a home: what stands behind it, and how its reviewers prove themselves.

use std::path::PathBuf;

use gateway::{ReviewerName, SignIn};
use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::Home;
use crate::error::HomeError;

/// In `meta`: the word of how they do.
const SIGN_IN: &str = "sign_in";

/// In `meta`: what stands behind the gateway.
const BEHIND: &str = "behind";

/// Between an account's address and its identifier.
const ACCOUNT: &str = ", account ";

/// In `meta`: where reviewers sign in, as whose users, and who they are, as JSON: `[["email", "rosa@acme.example"], …]`.
const ISSUER: &str = "reviewers_issuer";
const CLIENT: &str = "reviewers_client";
const PEOPLE: &str = "reviewers";

/// In `meta`: what their sign-in must prove, as JSON of [`SignInRules`].
const RULES: &str = "reviewers_rules";

/// In `meta`: the bundle that decides, as JSON of [`ServedPolicies`].
const POLICIES: &str = "policies";

/// The words of kinds of names.
const EMAIL: &str = "email";
const SUBJECT: &str = "subject";

/// A gateway as the home that it serves notes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Serving {
    /// What stands behind it: the account's address and identifier, or the embedded warehouse's word.
    pub behind: String,
    /// How its reviewers prove themselves.
    pub sign_in: SignIn,
    /// Where, if anywhere.
    pub reviewers: Option<ReviewersClient>,
}

/// Where reviewers sign in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReviewersClient {
    /// The issuer's address.
    pub issuer: String,
    /// The client that the command line signs in as.
    pub client: String,
    /// Who may be asked at all: the gateway follows the yes of nobody else.
    pub people: Vec<ReviewerName>,
    /// What signing in must prove.
    pub rules: SignInRules,
}

/// What signing in must prove, and by what it is proven; nothing secret. `[reviewers_issuer]` says it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignInRules {
    /// Accepted signatures (RFC 7518 section 3.1).
    pub algorithms: Vec<String>,
    /// Scopes that are asked for besides `openid`.
    pub scopes: Vec<String>,
    /// The claim that lists groups.
    pub groups_claim: String,
    /// The claim that says what agents' tokens call a person.
    pub person_claim: Option<String>,
    /// How long ago a reviewer may have proven themselves, in seconds.
    pub max_age_seconds: u64,
    /// Accepted ways of proving themselves (`acr`); empty for any.
    pub acr_values: Vec<String>,
    /// Where the keys are; none: the discovery document says.
    pub jwks_uri: Option<String>,
    /// How far clocks may differ, in seconds.
    pub leeway_seconds: u64,
}

/// The policy bundle by which a home is served. Gateways that share one may decide by several.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", content = "path", rename_all = "snake_case", deny_unknown_fields)]
pub enum ServedPolicies {
    /// The built-in one.
    BuiltIn,
    /// The one in this folder, by its absolute path: a change there is in force within a second.
    Folder(PathBuf),
    /// Nobody beside the gateways can tell.
    Untold,
}

fn written(people: &[ReviewerName]) -> String {
    let pairs: Vec<[&str; 2]> = people
        .iter()
        .map(|name| match name {
            ReviewerName::Email(email) => [EMAIL, email],
            ReviewerName::Subject(subject) => [SUBJECT, subject],
        })
        .collect();
    serde_json::json!(pairs).to_string()
}

/// None of a text that this did not write.
fn read(text: &str) -> Option<Vec<ReviewerName>> {
    let pairs: Vec<[String; 2]> = serde_json::from_str(text).ok()?;
    let name = |[kind, name]: [String; 2]| match kind.as_str() {
        EMAIL => Some(ReviewerName::Email(name)),
        SUBJECT => Some(ReviewerName::Subject(name)),
        _ => None,
    };
    pairs.into_iter().map(name).collect()
}

impl Serving {
    /// The word for an account, by the address at which it is reached and its identifier.
    pub fn behind_account(url: &str, account: &str) -> String {
        format!("{}{ACCOUNT}{}", url.trim_end_matches('/').to_ascii_lowercase(), account.to_ascii_uppercase())
    }

    /// Whether a home that this gateway has served may be served by that one: what people have said counts for what stood behind it.
    // SECURITY: what reviewers who signed in have approved before one account does not count before another. What was asked for in
    // the local demo counts before none of them; and a home goes from accounts to the demo by no way, which would lead on to another.
    pub fn may_become(&self, next: &Self) -> bool {
        let is_there = match next.behind.strip_prefix(&self.behind) {
            // Earlier versions have noted the address alone.
            Some(more) => more.is_empty() || (more.starts_with(ACCOUNT) && !self.behind.contains(ACCOUNT)),
            None => false,
        };
        self.sign_in == SignIn::Development || (is_there && self.sign_in == next.sign_in)
    }
}

impl Home {
    /// Notes it for the commands beside the gateway, which know no other configuration, and for the gateway that comes next. Blocks.
    ///
    /// # Errors
    /// [`HomeError::State`] when it cannot be written.
    pub fn note_serving(&self, serving: &Serving) -> Result<(), HomeError> {
        let Serving { behind, sign_in, reviewers } = serving;
        let (issuer, client) = reviewers.as_ref().map(|at| (at.issuer.as_str(), at.client.as_str())).unzip();
        let people = reviewers.as_ref().map(|at| written(&at.people));
        let rules = reviewers.as_ref().map(|at| serde_json::json!(at.rules).to_string());
        let notes = [
            (SIGN_IN, Some(sign_in.as_str())),
            (BEHIND, Some(behind)),
            (ISSUER, issuer),
            (CLIENT, client),
            (PEOPLE, people.as_deref()),
            (RULES, rules.as_deref()),
        ];
        let write = self.inner.state.write_synced(|tx| {
            for (key, value) in notes {
                match value {
                    Some(value) => tx.execute(
                        "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = ?2",
                        params![key, value],
                    )?,
                    None => tx.execute("DELETE FROM meta WHERE key = ?1", [key])?,
                };
            }
            Ok(())
        });
        write.map_err(HomeError::State)
    }

    /// As the gateway that has served it last has noted itself; none where none of this version has. Blocks.
    ///
    /// # Errors
    /// [`HomeError::State`] when it cannot be read.
    pub fn serving(&self) -> Result<Option<Serving>, HomeError> {
        let Some(behind) = self.noted(BEHIND)? else { return Ok(None) };
        let people = self.noted(PEOPLE)?.and_then(|text| read(&text));
        let rules = self.noted(RULES)?.and_then(|text| serde_json::from_str(&text).ok());
        // SECURITY: who is not known whole is nobody, and what they must prove is not guessed.
        let reviewers = match (self.noted(ISSUER)?, self.noted(CLIENT)?, people, rules) {
            (Some(issuer), Some(client), Some(people), Some(rules)) => {
                Some(ReviewersClient { issuer, client, people, rules })
            }
            (_, _, _, _) => None,
        };
        Ok(Some(Serving { behind, sign_in: self.sign_in()?, reviewers }))
    }

    /// Notes by which bundle it is served, for the commands beside the gateway. Blocks.
    ///
    /// # Errors
    /// [`HomeError::State`] when it cannot be written.
    pub fn note_policies(&self, policies: &ServedPolicies) -> Result<(), HomeError> {
        // A path that is no text cannot be told.
        let text = serde_json::to_string(policies).ok();
        let write = self.inner.state.write_synced(|tx| match &text {
            Some(text) => tx.execute(
                "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = ?2",
                params![POLICIES, text],
            ),
            None => tx.execute("DELETE FROM meta WHERE key = ?1", [POLICIES]),
        });
        write.map(|_| ()).map_err(HomeError::State)
    }

    /// By which bundle it is or was last served. Blocks.
    ///
    /// # Errors
    /// [`HomeError::State`] when it cannot be read.
    pub fn served_policies(&self) -> Result<ServedPolicies, HomeError> {
        let noted = self.noted(POLICIES)?.and_then(|text| serde_json::from_str(&text).ok());
        Ok(noted.unwrap_or(ServedPolicies::Untold))
    }

    /// How reviewers of the gateway that has served it last prove themselves. Blocks.
    // SECURITY: where nobody has noted anything that can be read, they sign in: whoever holds the home decides nothing.
    ///
    /// # Errors
    /// [`HomeError::State`] when it cannot be read.
    pub fn sign_in(&self) -> Result<SignIn, HomeError> {
        Ok(self.noted(SIGN_IN)?.and_then(|word| SignIn::from_word(&word)).unwrap_or(SignIn::Oidc))
    }

    fn noted(&self, key: &str) -> Result<Option<String>, HomeError> {
        let select = "SELECT value FROM meta WHERE key = ?1";
        let read = self
            .inner
            .state
            .read_now(|connection| connection.query_row(select, [key], |row| row.get(0)).optional());
        read.map_err(HomeError::State)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serving(behind: &str, sign_in: SignIn, issuer: Option<&str>) -> Serving {
        let people =
            vec![ReviewerName::Email("rosa@acme.example".into()), ReviewerName::Subject("u\"1".into())];
        let rules = SignInRules {
            algorithms: vec!["ES256".into()],
            scopes: vec!["email".into()],
            groups_claim: "groups".into(),
            person_claim: Some("upn".into()),
            max_age_seconds: 300,
            acr_values: vec!["phr".into()],
            jwks_uri: None,
            leeway_seconds: 60,
        };
        let reviewers =
            issuer.map(|issuer| ReviewersClient { issuer: issuer.into(), client: "c".into(), people, rules });
        Serving { behind: behind.into(), sign_in, reviewers }
    }

    #[test]
    fn a_home_remembers_the_gateway_that_serves_it_and_nothing_is_taken_for_granted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("home");
        let home = Home::open(&path).unwrap();
        assert_eq!((home.sign_in().unwrap(), home.serving().unwrap()), (SignIn::Oidc, None));
        for next in [
            serving("embedded", SignIn::Development, None),
            serving("https://a.example", SignIn::Oidc, Some("https://people.example")),
            serving("https://a.example", SignIn::Oidc, None),
            serving("embedded", SignIn::Development, None),
        ] {
            home.note_serving(&next).unwrap();
            let again = Home::open(&path).unwrap();
            assert_eq!((again.sign_in().unwrap(), again.serving().unwrap()), (next.sign_in, Some(next)));
        }
    }

    #[test]
    fn by_which_bundle_it_is_served_is_told_as_noted_and_never_guessed() {
        use std::os::unix::ffi::OsStringExt;

        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(&folder.path().join("home")).unwrap();
        assert_eq!(home.served_policies().unwrap(), ServedPolicies::Untold);
        let named = ServedPolicies::Folder("/etc/snow\"gate".into());
        for policies in [ServedPolicies::BuiltIn, named, ServedPolicies::Untold] {
            home.note_policies(&policies).unwrap();
            assert_eq!(home.served_policies().unwrap(), policies);
        }
        home.note_policies(&ServedPolicies::BuiltIn).unwrap();
        let odd = std::ffi::OsString::from_vec(b"/etc/\xff".to_vec());
        home.note_policies(&ServedPolicies::Folder(odd.into())).unwrap();
        assert_eq!(home.served_policies().unwrap(), ServedPolicies::Untold);
    }

    #[test]
    fn where_what_a_sign_in_must_prove_is_not_known_whole_nobody_signs_in() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(&folder.path().join("home")).unwrap();
        home.note_serving(&serving("https://a.example", SignIn::Oidc, Some("https://people.example")))
            .unwrap();
        for damage in [
            "UPDATE meta SET value = replace(value, 'phr', 'x\"y') WHERE key = 'reviewers_rules'",
            "UPDATE meta SET value = '{}' WHERE key = 'reviewers_rules'",
            "DELETE FROM meta WHERE key = 'reviewers_rules'",
        ] {
            home.inner.state.write_synced(|tx| tx.execute(damage, [])).unwrap();
            assert_eq!(home.serving().unwrap().unwrap().reviewers, None, "{damage}");
        }
    }

    #[test]
    fn a_home_of_reviewers_who_signed_in_stays_before_what_they_have_approved_for() {
        let demo = serving("embedded", SignIn::Development, None);
        let (dev, prod) = (serving("dev", SignIn::Oidc, None), serving("prod", SignIn::Oidc, Some("i")));
        let signs_in = serving("embedded", SignIn::Oidc, Some("i"));
        for next in [&demo, &dev, &signs_in] {
            assert!(demo.may_become(next));
        }
        assert!(dev.may_become(&serving("dev", SignIn::Oidc, Some("another"))));
        let refused =
            [(&dev, &prod), (&dev, &demo), (&signs_in, &prod), (&prod, &signs_in), (&signs_in, &demo)];
        for (before, next) in refused {
            assert!(!before.may_become(next), "{before:?} {next:?}");
        }
        let account = |url: &str, account: &str| {
            serving(&Serving::behind_account(url, account), SignIn::Oidc, Some("i"))
        };
        let dev = account("https://snow.example/", "acme-dev");
        assert_eq!(dev.behind, "https://snow.example, account ACME-DEV");
        assert!(dev.may_become(&account("https://SNOW.example", "ACME-DEV")));
        assert!(!dev.may_become(&account("https://snow.example", "ACME-DEV2")), "one address, two accounts");
        assert!(!dev.may_become(&account("https://snow.example", "ACME-PROD")));
        let earlier = serving("https://snow.example", SignIn::Oidc, Some("i"));
        assert!(earlier.may_become(&dev) && !dev.may_become(&earlier));
        assert!(!serving("https://snow", SignIn::Oidc, Some("i")).may_become(&dev));
    }
}
