//! The configuration: `snowgate.toml`, overridden by `SNOWGATE_*` (see [`settings`]). Read once, checked
//! whole, unknown keys refused.

mod reviewers;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use domain::Context;
use evidence::{ChannelEntry, Channels};
use serde::Deserialize;
use settings::{Configured, Defaults, File, Places, ReviewerEntry, ReviewersIssuer, Shared};
use traces::Wish;

use crate::cli::HomeArgs;
use crate::commands::Broken;

pub use reviewers::{MailEntry, RemindersEntry};

/// The file that is read when none is named.
const DEFAULT_FILE: &str = "snowgate.toml";

/// Everything that an operator may choose. Every key has a default but those of an upstream account.
#[derive(Clone, Debug)]
pub struct Config {
    /// What every gateway is told. Without issuers: the development issuer, on loopback over the embedded warehouse. Without
    /// an upstream: the embedded warehouse.
    pub shared: Shared,
    /// What this program is told besides.
    pub own: Own,
    /// Who said what.
    pub places: Places,
}

/// The keys of the local server.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Own {
    /// Folder for keys, recordings and state.
    pub home: PathBuf,
    /// Where to listen. Anything but loopback needs `[[issuers]]`.
    pub listen: String,
    /// TPC-H scale factor of the embedded warehouse.
    pub scale: f64,
    /// Hosts (`name` or `name:port`) that may stand in `Host` besides the address that is listened on.
    pub hosts: Vec<String>,
    /// Where reviewers reach the page (`https://HOST`); none: the address that is listened on, on loopback alone.
    pub approvals_url: Option<String>,
    /// Where reviewers sign in. Without it nobody decides before a real account, and whoever holds a link over the embedded
    /// warehouse.
    pub reviewers_issuer: Option<ReviewersIssuer>,
    /// Who is asked to decide.
    pub reviewers: Vec<ReviewerEntry>,
    /// How they are told; none: on the terminal.
    pub mail: Option<MailEntry>,
    /// When they are told again.
    pub reminders: RemindersEntry,
    /// Whether the warehouse is asked for the plan of what waits.
    pub estimates: bool,
    /// The channels that evidence of prompts comes by.
    pub evidence: Vec<ChannelEntry>,
    /// Whose requests are traced, on standard error.
    pub traces: Wish,
}

impl Default for Own {
    fn default() -> Self {
        Self {
            home: PathBuf::from("./.snowgate"),
            listen: "127.0.0.1:8181".to_owned(),
            scale: 0.01,
            hosts: Vec::new(),
            approvals_url: None,
            reviewers_issuer: None,
            reviewers: Vec::new(),
            mail: None,
            reminders: RemindersEntry::default(),
            estimates: false,
            evidence: Vec::new(),
            traces: Wish::Off,
        }
    }
}

/// The home that a command works on: what `serve` would use with the same words, files and variables.
pub fn home(args: &HomeArgs) -> Result<PathBuf, Broken> {
    let HomeArgs { home, config } = args;
    match (home, config) {
        // Nothing else is needed, so that a broken configuration keeps nobody from reading recordings.
        (Some(home), None) => Ok(home.clone()),
        (Some(home), Some(_)) => Config::read(config.as_deref()).map(|_| home.clone()),
        (None, _) => Ok(Config::read(config.as_deref())?.own.home),
    }
}

/// The folder of the policy bundle that `serve` would use with the same file and variables, without its words.
pub fn policies(args: &HomeArgs) -> Result<Option<PathBuf>, Broken> {
    Ok(Config::read(args.config.as_deref())?.shared.policies)
}

/// Nothing stands before this server that would give up on an answer.
const DEFAULTS: Defaults = Defaults {
    hold_seconds: 40,
    longest_hold_seconds: 600,
    why_not_longer: "an agent that waits longer is better told to come back",
};

/// Variables that are no settings of the gateway: what is logged, and what its clients on the same machine hold, as README and
/// `snowgate agent` name them.
const NOT_SETTINGS: [&str; 7] =
    ["LOG", "TOKEN", "CLIENT_SECRET", "HOOK_SECRET", "PROMPTS_SECRET", "TELEMETRY_SECRET", "CURSOR_SECRET"];

impl Config {
    /// Reads the file and the environment.
    ///
    /// # Errors
    /// What is wrong, with its place, the key and what to do.
    pub fn read(file: Option<&Path>) -> Result<Self, Broken> {
        let path = file.unwrap_or(Path::new(DEFAULT_FILE));
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            // Only what nobody named may be absent.
            Err(error) if file.is_none() && error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(Broken::new(format!("{} cannot be read: {error}", path.display()))),
        };
        let name = path.display().to_string();
        Self::parse(File { name: &name, text: &text }, settings::variables()?)
    }

    /// Reads a file's text and variables.
    pub fn parse(
        file: File<'_>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Broken> {
        let Configured { shared, own, places } = settings::read(file, variables, &NOT_SETTINGS, &DEFAULTS)?;
        Ok(Self { shared, own, places })
    }

    /// The address.
    ///
    /// # Errors
    /// When it is none.
    pub fn address(&self) -> Result<SocketAddr, Broken> {
        self.own.listen.parse().map_err(|_| {
            let problem = "is no address to listen on; write one like 127.0.0.1:8181";
            Broken::usage(self.places.wrong("listen", problem).to_string())
        })
    }

    /// What must hold before anything listens.
    ///
    /// # Errors
    /// The first thing that does not.
    pub fn check(&self) -> Result<(), Broken> {
        let address = self.address()?;
        let is_loopback = address.ip().is_loopback();
        // SECURITY: the development issuer gives a token to whoever can read the home. It must never stand in front
        // of a real account, nor be reachable from another machine.
        if self.shared.issuers.is_empty() && !is_loopback {
            let problem = format!("listening on {address} needs a real issuer: {}", self.add_issuers());
            return Err(self.places.wrong("listen", problem).into());
        }
        if self.shared.issuers.is_empty() && self.shared.upstream.is_some() {
            let problem = format!("a Snowflake upstream needs a real issuer: {}", self.add_issuers());
            return Err(self.places.wrong("upstream", problem).into());
        }
        // SECURITY: a loopback issuer over http is no real one: whoever may run a process on this machine can be it.
        if (!is_loopback || self.shared.upstream.is_some())
            && let Some(at) =
                self.shared.issuers.iter().position(|issuer| !issuer.issuer.starts_with("https://"))
        {
            let problem =
                "must be an https address before a Snowflake upstream or a listen address that others reach";
            return Err(self.places.wrong(&format!("issuers[{at}].issuer"), problem).into());
        }
        if !(self.own.scale > 0.0 && self.own.scale <= 100.0) {
            let problem = "lies above 0 and is at most 100";
            return Err(Broken::usage(self.places.wrong("scale", problem).to_string()));
        }
        self.channels()?;
        self.check_auditors(is_loopback)?;
        self.check_reviewing(address)
    }

    fn check_auditors(&self, is_loopback: bool) -> Result<(), Broken> {
        for (at, auditors) in self.shared.auditors.iter().enumerate() {
            if (!is_loopback || self.shared.upstream.is_some()) && !auditors.issuer.starts_with("https://") {
                let problem = "must be an https address before a Snowflake upstream or a listen address that others reach";
                return Err(self.places.wrong(&format!("auditors[{at}].issuer"), problem).into());
            }
        }
        Ok(())
    }

    fn add_issuers(&self) -> String {
        format!("add [[issuers]] with issuer and audience to {}", self.places.file())
    }

    /// The channels of evidence by their names; none where there is none.
    ///
    /// # Errors
    /// As [`Config::channels`].
    pub fn channels_told(&self) -> Result<Option<String>, Broken> {
        let channels = self.channels()?;
        let mut told: Vec<String> =
            channels.all().map(|channel| format!("{} ({})", channel.name, channel.kind.as_str())).collect();
        told.sort();
        Ok(Some(told.join(", ")).filter(|told| !told.is_empty()))
    }

    /// The channels of evidence as they are found by their secrets.
    ///
    /// # Errors
    /// What is wrong, with its place and the key, and no value.
    pub fn channels(&self) -> Result<Channels, Broken> {
        let issuers: Vec<&str> = self.shared.issuers.iter().map(|issuer| issuer.issuer.as_str()).collect();
        let wrong = |wrong: evidence::WrongChannel| self.places.wrong(&wrong.key, wrong.problem).into();
        Channels::read(&self.own.evidence, &issuers).map_err(wrong)
    }

    /// The names to run under where a client names none: before the embedded warehouse, its own where none is set.
    pub fn default_context(&self) -> Context {
        let chosen = self.shared.defaults.context();
        if self.shared.upstream.is_some() {
            return chosen;
        }
        let or = |chosen: Option<String>, embedded: &str| chosen.or_else(|| Some(embedded.to_owned()));
        Context {
            role: or(chosen.role, "ANALYST"),
            warehouse: or(chosen.warehouse, "DEMO_WH"),
            database: or(chosen.database, "DEMO"),
            schema: or(chosen.schema, "PUBLIC"),
        }
    }

    /// What the gateway itself is told.
    pub fn gateway_settings(&self) -> gateway::Settings {
        // SECURITY: whoever holds the home or a link may decide over the embedded warehouse, and over nothing else.
        let sign_in = match (&self.shared.upstream, &self.own.reviewers_issuer) {
            (None, None) => gateway::SignIn::Development,
            (Some(_), _) | (None, Some(_)) => gateway::SignIn::Oidc,
        };
        let estimates = self.own.estimates;
        gateway::Settings {
            default_context: self.default_context(),
            sign_in,
            estimates,
            // Nothing but this program keeps their time.
            reminders: Some(self.reminders()),
            ..self.shared.gateway()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    const EXAMPLE: &str = include_str!("../../../snowgate.example.toml");

    const UPSTREAM: &str = "[upstream]\nurl = 'https://acme-dev.snowflakecomputing.com'\naccount = 'ACME-DEV'\n\
        [upstream.catalog]\nrole = 'R'\nwarehouse = 'W'\n[upstream.tiers.read]\nroles = ['R']\nwarehouses = ['W']\n\
        credential = { kind = 'access-token', token = 't' }\n";

    fn read(text: &str, variables: &[(&str, &str)]) -> Result<Config, Broken> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::parse(File { name: "some.toml", text }, variables)
    }

    #[test]
    fn two_accounts_at_one_address_are_two() {
        let behind = |account: &str| {
            let text = UPSTREAM.replace("account = 'ACME-DEV'", &format!("account = '{account}'"));
            read(&text, &[]).unwrap().serving().unwrap().behind
        };
        assert_eq!(behind("ACME-DEV"), behind("acme-dev"));
        assert_ne!(behind("ACME-DEV"), behind("ACME-PROD"));
    }

    #[test]
    fn nothing_at_all_is_a_good_configuration() {
        read("", &[]).unwrap().check().unwrap();
    }

    #[test]
    fn the_reference_is_a_good_configuration_with_the_defaults() {
        let config = read(EXAMPLE, &[]).unwrap();
        config.check().unwrap();
        crate::serve::check_parts(&config).unwrap();
        // What it says of signing in and of mail is what holds where nothing is said of it.
        let (shown, mail) =
            (config.sign_in_settings().unwrap().unwrap(), config.mail_settings().unwrap().unwrap());
        let plain = oidc::SignInSettings::new(shown.issuer.issuer.clone(), shown.client_id.clone());
        assert_eq!(shown.issuer, plain.issuer);
        assert_eq!(
            (shown.scopes, shown.max_age, shown.acr_values),
            (plain.scopes, plain.max_age, plain.acr_values)
        );
        assert_eq!(mail.tls, local::MailTls::Starttls);
        let default = read("", &[]).unwrap();
        assert_eq!(config.default_context(), default.default_context());
        assert_eq!((config.own.listen, config.own.scale), (default.own.listen, default.own.scale));
        assert_eq!(config.own.home, default.own.home);
        assert_eq!(config.shared.hold_seconds, default.shared.hold_seconds);
        assert_eq!(config.shared.session_idle_minutes, default.shared.session_idle_minutes);
    }

    #[test]
    fn auditors_are_nobody_else() {
        let issuers = "[[issuers]]\nissuer = 'https://login.example'\naudience = ['snowgate']\n";
        let told = |auditors: &str| {
            let config = read(&format!("{issuers}[[auditors]]\n{auditors}"), &[])
                .map_err(|broken| broken.to_string())?;
            config
                .check()
                .and_then(|()| crate::serve::check_parts(&config).map(|_| ()))
                .map_err(|told| told.to_string())
        };
        let own = "issuer = 'https://login.example'\naudience = ['audit']\nrequired_scopes = ['audit:read']";
        assert_eq!(told(own), Ok(()));
        let of_agents = told(&own.replace("'audit'", "'audit', 'snowgate'")).unwrap_err();
        assert!(of_agents.contains("auditors[0].audience: is that of agents, too"), "{of_agents}");
        let unscoped = told(&own.replace("'audit:read'", "")).unwrap_err();
        assert!(unscoped.contains("auditors[0].required_scopes: names no scope"), "{unscoped}");
        assert_eq!(
            told(&format!(
                "{own}\nclients = ['console']\nrequired_groups = ['auditors']\nperson_proof = 'uid'"
            )),
            Ok(())
        );
        for key in ["clients", "required_groups"] {
            let agents = told(&format!(
                "{own}\n[[issuers]]\nissuer = 'https://other.example'\naudience = ['snowgate']\n{key} = ['x']"
            ))
            .unwrap_err();
            assert!(agents.contains(&format!("issuers[1].{key}: is for [[auditors]]")), "{agents}");
        }
    }

    #[test]
    fn an_unknown_key_is_refused_by_name_wherever_it_stands() {
        for (text, variables) in [
            ("lissten = '127.0.0.1:1'", vec![]),
            ("", vec![("SNOWGATE_LISSTEN", "x")]),
            ("[defaults]\nrolle = 'A'", vec![]),
        ] {
            let broken = read(text, &variables).unwrap_err().to_string();
            assert!(broken.contains("lissten") || broken.contains("rolle"), "{broken}");
        }
    }

    #[test]
    fn a_value_in_the_wrong_place_is_not_printed() {
        for text in [
            "hold_seconds = \"hunter2\"",
            "[upstream]\nurl = \"hunter2\"\nlisten = \"hunter2\"",
            "listen = \"hunter2",
        ] {
            let told = match read(text, &[]) {
                Ok(config) => crate::serve::check_parts(&config).unwrap_err().to_string(),
                Err(broken) => broken.to_string(),
            };
            assert!(!told.contains("hunter2"), "{told}");
        }
    }

    #[test]
    fn what_must_not_be_names_who_said_it() {
        for (text, variables, expected) in [
            ("\nlisten = 'hunter2'", vec![], "some.toml:2: listen: is no address"),
            (
                "",
                vec![("SNOWGATE_LISTEN", "0.0.0.0:1")],
                "SNOWGATE_LISTEN: listen: listening on 0.0.0.0:1 needs",
            ),
            ("scale = 0.0", vec![], "some.toml:1: scale: lies above 0"),
            (UPSTREAM, vec![], "some.toml:1: upstream: a Snowflake upstream needs a real issuer"),
            (UPSTREAM, vec![("SNOWGATE_LISTEN", "0.0.0.0:1")], "SNOWGATE_LISTEN: listen: listening on"),
        ] {
            let told = read(text, &variables).unwrap().check().unwrap_err().to_string();
            assert!(told.starts_with(expected) && !told.contains("hunter2"), "{told}");
        }
        let told = read("[[issuers]]\nissuer = 'ftp://a'\naudience = ['a']", &[]).unwrap();
        let told = crate::serve::check_parts(&told).unwrap_err().to_string();
        assert!(told.starts_with("some.toml:2: issuers[0].issuer: the issuer"), "{told}");
    }

    #[test]
    fn an_issuer_over_http_is_none_before_an_account_or_beyond_this_machine() {
        let issuer = |scheme: &str| {
            format!("[[issuers]]\nissuer = '{scheme}://127.0.0.1:9'\naudience = ['snowgate']\n")
        };
        for (text, is_refused) in [("listen = '0.0.0.0:8181'\n", true), ("", false), (UPSTREAM, true)] {
            let (over_http, over_https) =
                (format!("{text}{}", issuer("http")), format!("{text}{}", issuer("https")));
            let checked = read(&over_http, &[]).unwrap().check();
            assert_eq!(checked.is_err(), is_refused, "{text}");
            if let Err(broken) = checked {
                assert!(broken.to_string().contains("must be an https address"), "{broken}");
            }
            read(&over_https, &[]).unwrap().check().unwrap();
        }
    }

    #[test]
    fn a_variable_overrides_the_file() {
        let config = read(
            "hold_seconds = 3\n[defaults]\nrole = 'A'",
            &[
                ("SNOWGATE_HOLD_SECONDS", "5"),
                ("SNOWGATE_DEFAULTS__ROLE", "B"),
                ("SNOWGATE_LISTEN", "127.0.0.1:9"),
            ],
        )
        .unwrap();
        assert_eq!((config.shared.hold_seconds, config.own.listen.as_str()), (5, "127.0.0.1:9"));
        assert_eq!(config.shared.defaults.role.as_deref(), Some("B"));
    }

    #[test]
    fn the_development_issuer_stays_on_loopback_over_the_embedded_warehouse() {
        for (text, needs) in
            [("listen = '0.0.0.0:8181'", true), ("listen = '[::1]:8181'", false), (UPSTREAM, true)]
        {
            let checked = read(text, &[]).unwrap().check();
            assert_eq!(
                checked.is_err_and(|broken| broken.to_string().contains("real issuer")),
                needs,
                "{text}"
            );
        }
    }

    const ISSUER: &str = "[reviewers_issuer]\nissuer = 'https://people.example'\nclient_id = 'snowgate'\n";
    const ROSA: &str = "[[reviewers]]\nemail = 'rosa@example.com'\ngroups = ['data-reviewers']\n";
    const MAIL: &str = "[mail]\nhost = '127.0.0.1'\ntls = 'none'\nfrom = 'snowgate@example.com'\n";

    #[test]
    fn what_reviewing_needs_is_told_before_anything_listens() {
        let agents = "[[issuers]]\nissuer = 'https://a.example'\naudience = ['snowgate']\n";
        for (text, expected) in [
            (ISSUER.to_owned(), "reviewers_issuer: lets nobody decide: add [[reviewers]]"),
            (MAIL.to_owned(), "mail: has nobody to go to"),
            (
                format!("approvals_url = 'http://approve.example'\n{ISSUER}{ROSA}"),
                "approvals_url: is https://HOST",
            ),
            (
                format!("listen = '0.0.0.0:1'\n{agents}{ISSUER}{ROSA}"),
                "reviewers_issuer: needs approvals_url",
            ),
            (
                format!("{UPSTREAM}{agents}{}{ROSA}", ISSUER.replace("https", "http")),
                "reviewers_issuer.issuer: must be an https address",
            ),
            (format!("{ROSA}{ROSA}"), "reviewers: names somebody twice"),
            (
                format!("{ROSA}[reminders]\nafter_percent = 100\n"),
                "reminders.after_percent: lies from 1 to 99",
            ),
            (
                format!("{ROSA}[reminders]\nsecond_after_percent = 0\n"),
                "reminders.second_after_percent: lies",
            ),
            (
                format!("{ROSA}[reminders]\nsecond_groups = ['data-leads']\n"),
                "reminders.second_groups: names `data-leads`, which no entry",
            ),
            (ROSA.replace("email", "subject = 'x'\nemail"), "reviewers[0]: names one person"),
            (ROSA.replace("['data-reviewers']", "[]"), "reviewers[0].groups: names no group"),
            (ROSA.replace("rosa@example.com", "rosa"), "reviewers[0].email: is no mail address"),
            (
                format!("{}{MAIL}", ROSA.replace("email = 'rosa@example.com'", "subject = 'x'")),
                "reviewers[0].mail: is needed",
            ),
            (format!("{ROSA}{}", MAIL.replace("'none'", "'maybe'")), "mail.tls: is one of"),
            (format!("{ROSA}{MAIL}user = 'u'\n"), "mail.user: needs its password"),
        ] {
            let told = read(&text, &[]).unwrap().check().unwrap_err().to_string();
            assert!(told.contains(expected), "{told}");
        }
        for (text, expected) in [
            (
                format!("{ROSA}{}", MAIL.replace("127.0.0.1", "smtp.example.com")),
                "mail.tls: may be `none` only",
            ),
            (format!("{ROSA}{}", MAIL.replace("snowgate@", "snow gate@")), "mail.from: is no mail address"),
            (
                format!("{ISSUER}max_age_seconds = 0\n{ROSA}"),
                "reviewers_issuer.max_age_seconds: `max_age_seconds` of issuer",
            ),
            (
                format!("{ISSUER}algorithms = ['HS256']\n{ROSA}"),
                "reviewers_issuer.algorithms: an algorithm is one of",
            ),
        ] {
            let config = read(&text, &[]).unwrap();
            config.check().unwrap();
            let told = crate::serve::check_parts(&config).unwrap_err().to_string();
            assert!(told.contains(expected), "{told}");
        }
        read(&format!("{ISSUER}{ROSA}{MAIL}"), &[]).unwrap().check().unwrap();
    }

    #[test]
    fn a_link_alone_decides_over_the_embedded_warehouse_without_an_issuer_and_nowhere_else() {
        let sign_in = |text: &str| read(text, &[]).unwrap().gateway_settings().sign_in;
        let roster = |text: &str| read(text, &[]).unwrap().roster("127.0.0.1:8181".parse().unwrap());
        assert_eq!(sign_in(""), gateway::SignIn::Development);
        assert_eq!(sign_in(&format!("{ISSUER}{ROSA}")), gateway::SignIn::Oidc);
        assert_eq!(sign_in(UPSTREAM), gateway::SignIn::Oidc);
        assert_eq!(sign_in(&format!("{ROSA}{UPSTREAM}")), gateway::SignIn::Oidc);
        // Before an account without an issuer there is no page at all.
        assert_eq!(roster(UPSTREAM), None);
        assert_eq!(roster(&format!("{ROSA}{UPSTREAM}")), None);
        assert_eq!(roster("").unwrap().people().len(), 1);
        let named = roster(&format!("{ISSUER}{ROSA}{UPSTREAM}")).unwrap();
        assert_eq!((named.issuer(), named.address()), ("https://people.example", "http://127.0.0.1:8181"));
        let public = read("", &[("SNOWGATE_APPROVALS_URL", "https://approve.example/")]).unwrap();
        assert_eq!(
            public.roster("127.0.0.1:1".parse().unwrap()).unwrap().address(),
            "https://approve.example"
        );
        // Over plain http nobody but this machine is let in.
        let agents = "[[issuers]]\nissuer = 'https://a.example'\naudience = ['a']\n";
        let everywhere = read(&format!("listen = '0.0.0.0:1'\n{agents}"), &[]).unwrap();
        assert_eq!(everywhere.roster("0.0.0.0:1".parse().unwrap()), None);
    }

    #[test]
    fn no_secret_of_reviewing_is_printed() {
        let text =
            format!("{ISSUER}client_secret = 'hunter2'\n{ROSA}{MAIL}user = 'u'\npassword = 'hunter2'\n");
        let config = read(&text, &[]).unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
    }

    /// The reference with everything that it comments out, and further ones with each of the lines that stand in
    /// another's place.
    fn whole_references() -> Vec<String> {
        let is_key = |word: &str| {
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        let (mut lines, mut others) = (Vec::<String>::new(), Vec::new());
        let mut keys = BTreeMap::new();
        for line in EXAMPLE.lines() {
            let shown = line.strip_prefix("# ").unwrap_or(line);
            if shown.starts_with('[') {
                keys.clear();
            } else if let Some((key, _)) = shown.split_once(" = ").filter(|(key, _)| is_key(key)) {
                if let Some(at) = keys.get(key) {
                    others.push((*at, shown.to_owned()));
                    continue;
                }
                keys.insert(key.to_owned(), lines.len());
            } else {
                continue;
            }
            lines.push(shown.to_owned());
        }
        let replaced = others.into_iter().map(|(at, other)| {
            let mut lines = lines.clone();
            lines[at] = other;
            lines.join("\n")
        });
        std::iter::once(lines.join("\n")).chain(replaced).collect()
    }

    /// What a table takes, as the refusal of an unknown key tells it; none where any key is taken.
    fn taken_beside(root: &toml::Table, set: impl FnOnce(&mut toml::Table)) -> Option<BTreeSet<String>> {
        let mut root = root.clone();
        set(&mut root);
        // The development issuer's rules do not matter here, and neither does what cannot be built.
        let told = read(&root.to_string(), &[]).err()?.to_string();
        let (_, expected) = told.split_once("expected ")?;
        let names = expected.split('`').skip(1).step_by(2);
        Some(names.map(str::to_owned).collect::<BTreeSet<_>>()).filter(|names| !names.is_empty())
    }

    /// Follows a path of keys and, in arrays, positions.
    #[allow(clippy::wildcard_enum_match_arm, reason = "every other value has nothing below it")]
    fn at<'a>(root: &'a mut toml::Table, path: &[String]) -> &'a mut toml::Table {
        let Some((first, rest)) = path.split_first() else { return root };
        match root.get_mut(first).unwrap() {
            toml::Value::Table(table) => at(table, rest),
            toml::Value::Array(tables) => at(tables[0].as_table_mut().unwrap(), rest),
            other => panic!("{path:?}: {other}"),
        }
    }

    #[allow(clippy::wildcard_enum_match_arm, reason = "every other value is no table")]
    fn check_every_key(root: &toml::Table, path: &[String], free: &mut BTreeSet<String>) {
        let taken = taken_beside(root, |root| {
            at(root, path).insert("unknown_key".to_owned(), toml::Value::Integer(1));
        });
        let table = at(&mut root.clone(), path).clone();
        match taken {
            Some(taken) => {
                for key in taken {
                    // They are read there to be refused with a word on what to write instead.
                    if path == ["issuers"] && ["clients", "required_groups"].contains(&key.as_str()) {
                        continue;
                    }
                    assert!(
                        table.contains_key(&key),
                        "the reference lacks `{key}` under `{}`",
                        path.join(".")
                    );
                }
            }
            None => {
                free.insert(path.join("."));
            }
        }
        for (key, value) in &table {
            let is_table = match value {
                toml::Value::Table(_) => true,
                toml::Value::Array(entries) => entries.first().is_some_and(toml::Value::is_table),
                _ => false,
            };
            if is_table {
                check_every_key(root, &[path, std::slice::from_ref(key)].concat(), free);
            }
        }
    }

    #[test]
    fn every_key_of_every_setting_stands_in_the_reference() {
        let (mut free, mut kinds) = (BTreeSet::new(), BTreeSet::new());
        let credential = ["upstream", "tiers", "read", "credential"].map(str::to_owned);
        let mut taken = BTreeSet::new();
        for text in whole_references() {
            let mut root: toml::Table = text.parse().unwrap();
            read(&text, &[]).unwrap_or_else(|broken| panic!("{broken}:\n{text}"));
            check_every_key(&root, &[], &mut free);
            taken = taken_beside(&root, |root| {
                at(root, &credential).insert("kind".to_owned(), "none".into());
            })
            .unwrap();
            kinds.insert(at(&mut root, &credential)["kind"].as_str().unwrap().to_owned());
        }
        assert_eq!(kinds, taken, "every kind of credential is shown");
        // `workload-identity` takes no key besides its kind.
        let expected = ["upstream.parameters", "upstream.tiers.read.credential"].map(str::to_owned);
        assert_eq!(free, BTreeSet::from(expected), "everything else refuses what it does not know");
    }
}
