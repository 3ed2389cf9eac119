//! Every literal that is looked for, and what it starts.

use super::Kind;
use super::names::{NAMES, Name};

/// The bytes that may follow a prefix.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Tail {
    /// Letters and digits.
    Alphanumeric,
    /// Letters, digits, `_`, `-`.
    Url,
    /// Letters, digits, `_`, `-`, `.`, `/`, `+`, `=`.
    Wide,
    /// Capitals and digits, exactly so many.
    Capitals,
    /// Hexadecimal digits.
    Hex,
    /// Like the wide ones, and `$`, `@`, `:`.
    Path,
    /// Like the wide ones, and `%`.
    Escaped,
    /// Like the wide ones, and `$`, `,`.
    Crypt,
}

impl Tail {
    pub const fn holds(self, byte: u8) -> bool {
        match self {
            Self::Alphanumeric => byte.is_ascii_alphanumeric(),
            Self::Url => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'),
            Self::Wide => {
                byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/' | b'+' | b'=')
            }
            Self::Capitals => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Hex => byte.is_ascii_hexdigit(),
            Self::Crypt => Self::Wide.holds(byte) || matches!(byte, b'$' | b','),
            Self::Escaped => Self::Wide.holds(byte) || byte == b'%',
            Self::Path => Self::Wide.holds(byte) || matches!(byte, b'$' | b'@' | b':'),
        }
    }
}

/// What a literal starts.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rule {
    /// A key: so many bytes of that tail at least.
    Key(Kind, Tail, usize),
    /// Like a key, but at the start of a word and exactly so long.
    Exact(Kind, Tail, usize),
    Jwt,
    /// Letters and digits around: so many before at least, and so many behind.
    Within(usize, usize),
    /// Three characters, this, and at least 31 more.
    Azure,
    /// A bot's number, this, and 33 more.
    Telegram,
    /// `user:password` stand before it.
    Dsn,
    Armour,
    /// `host:5432:database:user:password`
    PasswordFile,
    /// `WIFI:S:name;P:password;;`
    Wifi,
    Url,
    /// A name of a password or secret: its value follows.
    Name(Name),
    /// A word for a birth: a date follows.
    Birth,
    /// An address of mail may be written out around it.
    Address,
}

const KEYS: &[(&str, Rule)] = &[
    ("AKIA", Rule::Exact(Kind::AwsKey, Tail::Capitals, 16)),
    ("ASIA", Rule::Exact(Kind::AwsKey, Tail::Capitals, 16)),
    ("ABIA", Rule::Exact(Kind::AwsKey, Tail::Capitals, 16)),
    ("ACCA", Rule::Exact(Kind::AwsKey, Tail::Capitals, 16)),
    ("ghp_", Rule::Key(Kind::GithubToken, Tail::Alphanumeric, 20)),
    ("gho_", Rule::Key(Kind::GithubToken, Tail::Alphanumeric, 20)),
    ("ghu_", Rule::Key(Kind::GithubToken, Tail::Alphanumeric, 20)),
    ("ghs_", Rule::Key(Kind::GithubToken, Tail::Wide, 20)),
    ("ghr_", Rule::Key(Kind::GithubToken, Tail::Alphanumeric, 20)),
    ("github_pat_", Rule::Key(Kind::GithubToken, Tail::Url, 20)),
    ("xoxb-", Rule::Key(Kind::SlackToken, Tail::Url, 10)),
    ("xoxp-", Rule::Key(Kind::SlackToken, Tail::Url, 10)),
    ("xoxa-", Rule::Key(Kind::SlackToken, Tail::Url, 10)),
    ("xoxr-", Rule::Key(Kind::SlackToken, Tail::Url, 10)),
    ("xoxs-", Rule::Key(Kind::SlackToken, Tail::Url, 10)),
    ("xoxc-", Rule::Key(Kind::SlackToken, Tail::Url, 10)),
    ("xoxd-", Rule::Key(Kind::SlackToken, Tail::Escaped, 10)),
    ("xoxe.", Rule::Key(Kind::SlackToken, Tail::Wide, 10)),
    ("xoxe-", Rule::Key(Kind::SlackToken, Tail::Wide, 10)),
    ("xapp-", Rule::Key(Kind::SlackToken, Tail::Url, 10)),
    ("hooks.slack.com/", Rule::Key(Kind::SlackToken, Tail::Wide, 20)),
    ("sk_live_", Rule::Key(Kind::StripeKey, Tail::Alphanumeric, 10)),
    ("sk_test_", Rule::Key(Kind::StripeKey, Tail::Alphanumeric, 10)),
    ("rk_live_", Rule::Key(Kind::StripeKey, Tail::Alphanumeric, 10)),
    ("rk_test_", Rule::Key(Kind::StripeKey, Tail::Alphanumeric, 10)),
    ("whsec_", Rule::Key(Kind::StripeKey, Tail::Wide, 16)),
    ("sk-ant-", Rule::Key(Kind::AnthropicKey, Tail::Url, 16)),
    ("sk-proj-", Rule::Key(Kind::OpenAiKey, Tail::Url, 16)),
    ("sk-svcacct-", Rule::Key(Kind::OpenAiKey, Tail::Url, 16)),
    ("sk-admin-", Rule::Key(Kind::OpenAiKey, Tail::Url, 16)),
    ("sk-None-", Rule::Key(Kind::OpenAiKey, Tail::Url, 16)),
    ("sk-or-v1-", Rule::Key(Kind::Secret, Tail::Url, 16)),
    ("sk-", Rule::Key(Kind::OpenAiKey, Tail::Alphanumeric, 32)),
    ("AIza", Rule::Key(Kind::GoogleKey, Tail::Url, 30)),
    ("GOCSPX-", Rule::Key(Kind::GoogleKey, Tail::Url, 20)),
    ("ya29.", Rule::Key(Kind::GoogleKey, Tail::Wide, 20)),
    ("glpat-", Rule::Key(Kind::Secret, Tail::Wide, 16)),
    ("gldt-", Rule::Key(Kind::Secret, Tail::Wide, 16)),
    ("glrt-", Rule::Key(Kind::Secret, Tail::Wide, 16)),
    ("glptt-", Rule::Key(Kind::Secret, Tail::Wide, 16)),
    ("glsa_", Rule::Key(Kind::Secret, Tail::Url, 16)),
    ("glc_", Rule::Key(Kind::Secret, Tail::Wide, 24)),
    ("npm_", Rule::Key(Kind::Secret, Tail::Alphanumeric, 30)),
    ("pypi-", Rule::Key(Kind::Secret, Tail::Url, 50)),
    ("rubygems_", Rule::Key(Kind::Secret, Tail::Hex, 40)),
    ("dckr_pat_", Rule::Key(Kind::Secret, Tail::Url, 20)),
    ("dckr_oat_", Rule::Key(Kind::Secret, Tail::Url, 20)),
    ("hf_", Rule::Key(Kind::Secret, Tail::Alphanumeric, 30)),
    ("SG.", Rule::Key(Kind::Secret, Tail::Wide, 40)),
    ("shpat_", Rule::Key(Kind::Secret, Tail::Hex, 30)),
    ("shpss_", Rule::Key(Kind::Secret, Tail::Hex, 30)),
    ("shpca_", Rule::Key(Kind::Secret, Tail::Hex, 30)),
    ("shppa_", Rule::Key(Kind::Secret, Tail::Hex, 30)),
    ("dop_v1_", Rule::Key(Kind::Secret, Tail::Hex, 40)),
    ("doo_v1_", Rule::Key(Kind::Secret, Tail::Hex, 40)),
    ("dor_v1_", Rule::Key(Kind::Secret, Tail::Hex, 40)),
    ("dapi", Rule::Exact(Kind::Secret, Tail::Hex, 32)),
    ("hvs.", Rule::Key(Kind::Secret, Tail::Url, 20)),
    ("hvb.", Rule::Key(Kind::Secret, Tail::Url, 20)),
    ("atlasv1.", Rule::Key(Kind::Secret, Tail::Wide, 30)),
    ("ATATT3x", Rule::Key(Kind::Secret, Tail::Wide, 30)),
    ("ATCTT3x", Rule::Key(Kind::Secret, Tail::Wide, 30)),
    ("ATBB", Rule::Key(Kind::Secret, Tail::Alphanumeric, 24)),
    ("EAACEdEose0cBA", Rule::Key(Kind::Secret, Tail::Alphanumeric, 8)),
    ("lin_api_", Rule::Key(Kind::Secret, Tail::Alphanumeric, 24)),
    ("ntn_", Rule::Key(Kind::Secret, Tail::Alphanumeric, 30)),
    ("secret_", Rule::Key(Kind::Secret, Tail::Alphanumeric, 32)),
    ("PMAK-", Rule::Key(Kind::Secret, Tail::Url, 24)),
    ("NRAK-", Rule::Key(Kind::Secret, Tail::Alphanumeric, 20)),
    ("sq0atp-", Rule::Key(Kind::Secret, Tail::Url, 20)),
    ("sq0csp-", Rule::Key(Kind::Secret, Tail::Url, 30)),
    ("sq0idp-", Rule::Key(Kind::Secret, Tail::Url, 20)),
    ("AGE-SECRET-KEY-1", Rule::Key(Kind::PrivateKey, Tail::Alphanumeric, 40)),
    ("dp.pt.", Rule::Key(Kind::Secret, Tail::Alphanumeric, 30)),
    ("dp.st.", Rule::Key(Kind::Secret, Tail::Wide, 30)),
    ("pplx-", Rule::Key(Kind::Secret, Tail::Alphanumeric, 30)),
    ("gsk_", Rule::Key(Kind::Secret, Tail::Alphanumeric, 30)),
    ("xai-", Rule::Key(Kind::Secret, Tail::Alphanumeric, 40)),
    ("tvly-", Rule::Key(Kind::Secret, Tail::Url, 20)),
    ("r8_", Rule::Key(Kind::Secret, Tail::Alphanumeric, 30)),
    ("sntrys_", Rule::Key(Kind::Secret, Tail::Wide, 30)),
    ("sntryu_", Rule::Key(Kind::Secret, Tail::Hex, 30)),
    ("phc_", Rule::Key(Kind::Secret, Tail::Alphanumeric, 30)),
    ("phx_", Rule::Key(Kind::Secret, Tail::Alphanumeric, 30)),
    ("sbp_", Rule::Key(Kind::Secret, Tail::Hex, 30)),
    ("pscale_tkn_", Rule::Key(Kind::Secret, Tail::Wide, 30)),
    ("pscale_pw_", Rule::Key(Kind::Secret, Tail::Wide, 30)),
    ("xkeysib-", Rule::Key(Kind::Secret, Tail::Url, 30)),
    ("key-", Rule::Exact(Kind::Secret, Tail::Hex, 32)),
    ("figd_", Rule::Key(Kind::Secret, Tail::Url, 30)),
    ("pul-", Rule::Exact(Kind::Secret, Tail::Hex, 40)),
    ("tfp_", Rule::Key(Kind::Secret, Tail::Wide, 30)),
    ("nvapi-", Rule::Key(Kind::Secret, Tail::Url, 30)),
    ("fo1_", Rule::Key(Kind::Secret, Tail::Url, 30)),
    ("FlyV1 fm2_", Rule::Key(Kind::Secret, Tail::Wide, 30)),
    ("CCIPAT_", Rule::Key(Kind::Secret, Tail::Url, 30)),
    ("bkua_", Rule::Key(Kind::Secret, Tail::Hex, 30)),
    ("SK", Rule::Exact(Kind::Secret, Tail::Hex, 32)),
    ("AC", Rule::Exact(Kind::Secret, Tail::Hex, 32)),
    ("AROA", Rule::Exact(Kind::AwsKey, Tail::Capitals, 16)),
    ("AIDA", Rule::Exact(Kind::AwsKey, Tail::Capitals, 16)),
    ("ABSK", Rule::Key(Kind::AwsKey, Tail::Wide, 80)),
    ("IQoJb3JpZ2lu", Rule::Key(Kind::AwsKey, Tail::Wide, 60)),
    ("FwoGZXIvYXdz", Rule::Key(Kind::AwsKey, Tail::Wide, 60)),
    ("glcbt-", Rule::Key(Kind::Secret, Tail::Wide, 16)),
    ("glft-", Rule::Key(Kind::Secret, Tail::Wide, 16)),
    ("glsoat-", Rule::Key(Kind::Secret, Tail::Wide, 16)),
    ("glimt-", Rule::Key(Kind::Secret, Tail::Wide, 16)),
    ("glagent-", Rule::Key(Kind::Secret, Tail::Wide, 16)),
    ("gloas-", Rule::Key(Kind::Secret, Tail::Wide, 16)),
    ("glffct-", Rule::Key(Kind::Secret, Tail::Wide, 16)),
    ("GR1348941", Rule::Key(Kind::Secret, Tail::Url, 16)),
    ("HRKU-", Rule::Key(Kind::Secret, Tail::Url, 20)),
    ("EAAA", Rule::Exact(Kind::Secret, Tail::Url, 60)),
    ("EAAAE", Rule::Key(Kind::Secret, Tail::Url, 40)),
    ("shppa_", Rule::Key(Kind::Secret, Tail::Hex, 30)),
    ("shptka_", Rule::Key(Kind::Secret, Tail::Hex, 30)),
    ("discord.com/api/webhooks/", Rule::Key(Kind::Secret, Tail::Wide, 20)),
    ("discordapp.com/api/webhooks/", Rule::Key(Kind::Secret, Tail::Wide, 20)),
    ("hooks.zapier.com/hooks/", Rule::Key(Kind::Secret, Tail::Wide, 10)),
    ("webhook.office.com/webhookb2/", Rule::Key(Kind::Secret, Tail::Path, 30)),
    ("v1.0-", Rule::Key(Kind::Secret, Tail::Wide, 140)),
    ("cfut_", Rule::Key(Kind::Secret, Tail::Url, 30)),
    ("cfat_", Rule::Key(Kind::Secret, Tail::Url, 30)),
    ("api_org_", Rule::Key(Kind::Secret, Tail::Alphanumeric, 30)),
    ("pubkey-", Rule::Exact(Kind::Secret, Tail::Hex, 32)),
    ("sk_org_", Rule::Key(Kind::Secret, Tail::Alphanumeric, 20)),
    ("sk-lf-", Rule::Key(Kind::Secret, Tail::Url, 30)),
    ("pk-lf-", Rule::Key(Kind::Secret, Tail::Url, 30)),
    ("lsv2_pt_", Rule::Key(Kind::Secret, Tail::Url, 30)),
    ("lsv2_sk_", Rule::Key(Kind::Secret, Tail::Url, 30)),
    ("pcsk_", Rule::Key(Kind::Secret, Tail::Url, 30)),
    ("csk-", Rule::Key(Kind::Secret, Tail::Alphanumeric, 40)),
    ("fw_", Rule::Key(Kind::Secret, Tail::Alphanumeric, 22)),
    ("nfp_", Rule::Key(Kind::Secret, Tail::Url, 30)),
    ("rnd_", Rule::Key(Kind::Secret, Tail::Alphanumeric, 26)),
    ("squ_", Rule::Key(Kind::Secret, Tail::Hex, 40)),
    ("sqp_", Rule::Key(Kind::Secret, Tail::Hex, 40)),
    ("sqa_", Rule::Key(Kind::Secret, Tail::Hex, 40)),
    ("sgp_", Rule::Key(Kind::Secret, Tail::Url, 40)),
    ("pnu_", Rule::Key(Kind::Secret, Tail::Alphanumeric, 36)),
    ("rdme_", Rule::Key(Kind::Secret, Tail::Alphanumeric, 60)),
    ("shippo_live_", Rule::Key(Kind::Secret, Tail::Hex, 30)),
    ("shippo_test_", Rule::Key(Kind::Secret, Tail::Hex, 30)),
    ("sha256~", Rule::Key(Kind::Secret, Tail::Url, 40)),
    ("AKCp", Rule::Key(Kind::Secret, Tail::Alphanumeric, 60)),
    ("CFPAT-", Rule::Key(Kind::Secret, Tail::Url, 40)),
    ("dt0c01.", Rule::Key(Kind::Secret, Tail::Wide, 60)),
    ("EZAK", Rule::Key(Kind::Secret, Tail::Alphanumeric, 50)),
    ("EZTK", Rule::Key(Kind::Secret, Tail::Alphanumeric, 50)),
    ("FLWSECK", Rule::Key(Kind::Secret, Tail::Url, 20)),
    ("fio-u-", Rule::Key(Kind::Secret, Tail::Url, 60)),
    ("LTAI", Rule::Key(Kind::Secret, Tail::Alphanumeric, 16)),
    ("AKID", Rule::Key(Kind::Secret, Tail::Alphanumeric, 32)),
    ("rzp_live_", Rule::Key(Kind::Secret, Tail::Alphanumeric, 14)),
    ("rzp_test_", Rule::Key(Kind::Secret, Tail::Alphanumeric, 14)),
    ("access_token$production$", Rule::Key(Kind::Secret, Tail::Path, 40)),
    ("access_token$sandbox$", Rule::Key(Kind::Secret, Tail::Path, 40)),
    ("sb_secret_", Rule::Key(Kind::Secret, Tail::Url, 20)),
    ("vercel_blob_rw_", Rule::Key(Kind::Secret, Tail::Url, 20)),
    ("napi_", Rule::Key(Kind::Secret, Tail::Alphanumeric, 40)),
    ("tskey-", Rule::Key(Kind::Secret, Tail::Url, 20)),
    ("amzn.mws.", Rule::Key(Kind::Secret, Tail::Url, 30)),
    ("AZDO", Rule::Within(72, 4)),
    ("JQQJ9", Rule::Within(48, 20)),
    ("NRAL", Rule::Within(36, 0)),
    ("hcaik_", Rule::Key(Kind::Secret, Tail::Url, 40)),
    ("cmVmdGtu", Rule::Key(Kind::Secret, Tail::Alphanumeric, 40)),
    ("cflt", Rule::Key(Kind::Secret, Tail::Wide, 56)),
    ("sdk-", Rule::Exact(Kind::Secret, Tail::Url, 36)),
    ("mob-", Rule::Exact(Kind::Secret, Tail::Url, 36)),
    ("live_", Rule::Exact(Kind::Secret, Tail::Hex, 35)),
    ("test_", Rule::Exact(Kind::Secret, Tail::Hex, 35)),
    ("dG9rO", Rule::Key(Kind::Secret, Tail::Wide, 40)),
    ("oauth:", Rule::Exact(Kind::Secret, Tail::Alphanumeric, 30)),
    ("ico-", Rule::Exact(Kind::Secret, Tail::Alphanumeric, 32)),
    ("AQE", Rule::Key(Kind::Secret, Tail::Wide, 100)),
    ("access-production-", Rule::Key(Kind::Secret, Tail::Url, 36)),
    ("access-sandbox-", Rule::Key(Kind::Secret, Tail::Url, 36)),
    ("CLOJARS_", Rule::Key(Kind::Secret, Tail::Alphanumeric, 50)),
    ("duffel_live_", Rule::Key(Kind::Secret, Tail::Url, 40)),
    ("duffel_test_", Rule::Key(Kind::Secret, Tail::Url, 40)),
    ("aio_", Rule::Key(Kind::Secret, Tail::Alphanumeric, 28)),
    ("A3-", Rule::Key(Kind::Secret, Tail::Url, 30)),
    ("sl.", Rule::Key(Kind::Secret, Tail::Url, 100)),
    ("oy2", Rule::Exact(Kind::Secret, Tail::Alphanumeric, 43)),
    ("cio", Rule::Exact(Kind::Secret, Tail::Alphanumeric, 32)),
    ("NRAA-", Rule::Key(Kind::Secret, Tail::Alphanumeric, 20)),
    ("NRJS-", Rule::Key(Kind::Secret, Tail::Alphanumeric, 18)),
    ("NRII-", Rule::Key(Kind::Secret, Tail::Url, 30)),
    ("1//0", Rule::Key(Kind::GoogleKey, Tail::Url, 40)),
    ("AQVN", Rule::Key(Kind::Secret, Tail::Url, 34)),
    ("AAAAAAAAAAAAAAAAAAAAA", Rule::Key(Kind::Secret, Tail::Wide, 60)),
    ("APA91b", Rule::Key(Kind::GoogleKey, Tail::Url, 100)),
    ("EAAC", Rule::Key(Kind::Secret, Tail::Alphanumeric, 80)),
    ("EAAB", Rule::Key(Kind::Secret, Tail::Alphanumeric, 80)),
    ("xoxe.xoxb-", Rule::Key(Kind::SlackToken, Tail::Wide, 10)),
    ("xoxe.xoxp-", Rule::Key(Kind::SlackToken, Tail::Wide, 10)),
    ("xwfp-", Rule::Key(Kind::SlackToken, Tail::Url, 20)),
    ("pat-na1-", Rule::Key(Kind::Secret, Tail::Url, 36)),
    ("pat-eu1-", Rule::Key(Kind::Secret, Tail::Url, 36)),
    ("sm_", Rule::Exact(Kind::Secret, Tail::Alphanumeric, 40)),
    ("phpat-", Rule::Key(Kind::Secret, Tail::Url, 30)),
    ("tk-us-", Rule::Key(Kind::Secret, Tail::Url, 40)),
    ("vercel_", Rule::Key(Kind::Secret, Tail::Alphanumeric, 24)),
    ("dckr_", Rule::Key(Kind::Secret, Tail::Url, 28)),
    ("ollama_", Rule::Key(Kind::Secret, Tail::Url, 28)),
    ("AAPK", Rule::Key(Kind::Secret, Tail::Url, 60)),
    ("BSA", Rule::Exact(Kind::Secret, Tail::Alphanumeric, 28)),
    ("8Q~", Rule::Azure),
    (":AA", Rule::Telegram),
    ("@tcp(", Rule::Dsn),
    ("@unix(", Rule::Dsn),
    // Hashes of passwords, which may be guessed by whoever has them.
    ("$2a$", Rule::Key(Kind::Secret, Tail::Crypt, 50)),
    ("$2b$", Rule::Key(Kind::Secret, Tail::Crypt, 50)),
    ("$2y$", Rule::Key(Kind::Secret, Tail::Crypt, 50)),
    ("$1$", Rule::Key(Kind::Secret, Tail::Crypt, 22)),
    ("$5$", Rule::Key(Kind::Secret, Tail::Crypt, 40)),
    ("$6$", Rule::Key(Kind::Secret, Tail::Crypt, 40)),
    ("$y$", Rule::Key(Kind::Secret, Tail::Crypt, 40)),
    ("$apr1$", Rule::Key(Kind::Secret, Tail::Crypt, 22)),
    ("$argon2", Rule::Key(Kind::Secret, Tail::Crypt, 30)),
    ("$scrypt$", Rule::Key(Kind::Secret, Tail::Crypt, 30)),
    ("$pbkdf2", Rule::Key(Kind::Secret, Tail::Crypt, 30)),
    ("pbkdf2_sha", Rule::Key(Kind::Secret, Tail::Crypt, 30)),
    ("bcrypt_sha256$", Rule::Key(Kind::Secret, Tail::Crypt, 40)),
    ("{SSHA}", Rule::Key(Kind::Secret, Tail::Wide, 24)),
    ("{SSHA256}", Rule::Key(Kind::Secret, Tail::Wide, 40)),
    ("{SSHA512}", Rule::Key(Kind::Secret, Tail::Wide, 40)),
    ("ops_eyJ", Rule::Key(Kind::Secret, Tail::Wide, 100)),
    ("eyJ", Rule::Jwt),
    ("-----BEGIN", Rule::Armour),
    ("---- BEGIN", Rule::Armour),
    ("PuTTY-User-Key-File", Rule::Armour),
    ("://", Rule::Url),
    (":5432:", Rule::PasswordFile),
    (":5433:", Rule::PasswordFile),
    (":6432:", Rule::PasswordFile),
    ("WIFI:", Rule::Wifi),
    ("dob", Rule::Birth),
    ("birth", Rule::Birth),
    ("born", Rule::Birth),
    ("d.o.b", Rule::Birth),
    ("bday", Rule::Birth),
    ("b-day", Rule::Birth),
    ("geb.", Rule::Birth),
    ("geb:", Rule::Birth),
    ("nato il", Rule::Birth),
    ("nata il", Rule::Birth),
    ("ne le ", Rule::Birth),
    ("nee le ", Rule::Birth),
    ("ne le:", Rule::Birth),
    ("nee le:", Rule::Birth),
    ("gebdat", Rule::Birth),
    ("geb_dat", Rule::Birth),
    ("d_o_b", Rule::Birth),
    ("fec_nac", Rule::Birth),
    ("fecha_nac", Rule::Birth),
    ("nacido", Rule::Birth),
    ("nacida", Rule::Birth),
    ("nascido", Rule::Birth),
    ("nascida", Rule::Birth),
    ("nascita", Rule::Birth),
    ("fecha de nac", Rule::Birth),
    ("urodz", Rule::Birth),
    ("fodt ", Rule::Birth),
    ("fodd ", Rule::Birth),
    ("fodelse", Rule::Birth),
    ("syntynyt", Rule::Birth),
    ("geboortedatum", Rule::Birth),
    ("dogum", Rule::Birth),
    ("narozen", Rule::Birth),
    ("geburt", Rule::Birth),
    ("geboren", Rule::Birth),
    ("naissance", Rule::Birth),
    ("nacimiento", Rule::Birth),
    ("nascimento", Rule::Birth),
];

/// How many of the literals can start anything in a text: what its bytes are tells before it is read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Level {
    /// Pieces of addresses alone: small letters, blanks and marks that no name's value needs.
    Words,
    /// All but keys: nothing in the text is long enough for one.
    Names,
    /// Every literal.
    Keys,
}

impl Rule {
    /// The lowest level at which a literal of that rule is looked for.
    ///
    /// INVARIANT: below it, the rule finds nothing. A test holds every literal to what the levels promise.
    pub fn level(self, word: &str) -> Level {
        match self {
            Self::Address | Self::Name(Name::Seed) => Level::Words,
            Self::Name(_) | Self::Birth | Self::Dsn | Self::Url | Self::PasswordFile | Self::Wifi => {
                Level::Names
            }
            // Its words stand apart, and none of them is long.
            Self::Armour if word.contains(' ') => Level::Names,
            Self::Armour
            | Self::Key(..)
            | Self::Exact(..)
            | Self::Within(..)
            | Self::Jwt
            | Self::Azure
            | Self::Telegram => Level::Keys,
        }
    }
}

impl Level {
    /// The bit of what is looked for from this level on.
    pub const fn bit(self) -> u8 {
        match self {
            Self::Words => 1,
            Self::Names => 2,
            Self::Keys => 4,
        }
    }

    /// The bits of what is looked for at this level.
    pub const fn mask(self) -> u8 {
        self.bit() * 2 - 1
    }
}

/// Every literal that is looked for.
pub(super) fn all() -> impl Iterator<Item = (&'static str, Rule)> {
    let names = NAMES.iter().map(|&(word, name)| (word, Rule::Name(name)));
    let addresses = ADDRESSES.iter().map(|&word| (word, Rule::Address));
    KEYS.iter().copied().chain(names).chain(addresses)
}

/// Pieces of addresses of mail that are written out.
const ADDRESSES: &[&str] = &[
    "at)",
    "at]",
    "at}",
    "at>",
    "_at_",
    "-at-",
    " at ]",
    " dot ",
    "(dot",
    "[dot",
    "{dot",
    "arroba",
    "arobase",
    "chiocciola",
    "apenstaart",
    "malpa",
    "zavinac",
    " kukac ",
    " punkt ",
    "(a)",
    "[a]",
];
