//! Keys, tokens and passwords in the forms that their makers give them.

use crate::Sort;
use crate::random::Random;

const URL: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

pub const SORTS: &[Sort] = &[
    Sort { name: "prefixed", column: "", words: "use", make: prefixed },
    Sort {
        name: "JWT",
        column: "",
        words: "got",
        make: |r| {
            format!("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOi{}.{}", r.of(URL, 40), r.of(URL, 43))
        },
    },
    Sort {
        name: "private key",
        column: "",
        words: "found",
        make: |r| {
            let kind = r.pick(&["RSA ", "", "EC ", "OPENSSH ", "ENCRYPTED "]);
            format!(
                "-----BEGIN {kind}PRIVATE KEY-----\n{}\n{}\n-----END {kind}PRIVATE KEY-----",
                r.alphanumeric(64),
                r.alphanumeric(40)
            )
        },
    },
    Sort {
        name: "URL with a password",
        column: "",
        words: "open",
        make: |r| {
            let scheme =
                r.pick(&["postgres", "mysql", "mongodb+srv", "redis", "https", "amqp", "snowflake", "mssql"]);
            format!("{scheme}://svc_{}:{}@db.internal.example/prod", r.hex(6), r.alphanumeric(14))
        },
    },
    Sort { name: "named key", column: "api_key", words: "api_key=", make: |r| r.alphanumeric(32) },
    Sort {
        name: "AWS secret",
        column: "aws_secret_access_key",
        words: "aws_secret_access_key =",
        make: |r| r.of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/+", 40),
    },
    Sort {
        name: "password",
        column: "password",
        words: "password:",
        make: |r| format!("{}{}{}", r.alphanumeric(6), r.pick(&["!", "#", "$", "_"]), r.alphanumeric(5)),
    },
    Sort {
        name: "password, other tongues",
        column: "passwort",
        words: "Passwort:",
        make: |r| format!("{}!{}", r.alphanumeric(6), r.number(3)),
    },
    Sort {
        name: "password, Spanish",
        column: "contraseña",
        words: "contraseña:",
        make: |r| format!("{}!{}", r.alphanumeric(6), r.number(3)),
    },
    Sort {
        name: "bearer",
        column: "auth_token",
        words: "Authorization: Bearer",
        make: |r| format!("a1{}", r.alphanumeric(40)),
    },
    Sort {
        name: "Azure storage",
        column: "account_key",
        words: "DefaultEndpointsProtocol=https;AccountName=acme;AccountKey=",
        make: |r| format!("{}==", r.alphanumeric(86)),
    },
];

fn prefixed(r: &mut Random) -> String {
    let forms: [(&str, &str, usize); 62] = [
        ("AKIA", "C", 16),
        ("ASIA", "C", 16),
        ("ghp_", "A", 36),
        ("gho_", "A", 36),
        ("github_pat_", "U", 82),
        ("xoxb-", "D", 24),
        ("xoxp-", "D", 40),
        ("xapp-1-", "D", 40),
        ("sk_live_", "A", 24),
        ("rk_live_", "A", 24),
        ("sk-ant-api03-", "U", 93),
        ("sk-proj-", "U", 48),
        ("AIza", "U", 35),
        ("GOCSPX-", "U", 28),
        ("ya29.", "U", 60),
        ("glpat-", "U", 20),
        ("npm_", "A", 36),
        ("pypi-AgEIcHlwaS5vcmc", "U", 80),
        ("SG.", "U", 66),
        ("key-", "H", 32),
        ("hf_", "A", 34),
        ("dop_v1_", "H", 64),
        ("dapi", "H", 32),
        ("shpat_", "H", 32),
        ("sq0csp-", "U", 43),
        ("https://hooks.slack.com/services/T0AB12CD3/B0EF45GH6/", "A", 24),
        ("https://discord.com/api/webhooks/1234567890/", "U", 60),
        ("hvs.", "U", 90),
        ("dckr_pat_", "U", 27),
        ("lin_api_", "A", 40),
        ("PMAK-", "H", 59),
        ("NRAK-", "C", 27),
        ("sntrys_", "A", 60),
        ("sbp_", "H", 40),
        ("xkeysib-", "H", 64),
        ("figd_", "U", 40),
        ("nvapi-", "U", 60),
        ("gsk_", "A", 52),
        ("pplx-", "A", 48),
        ("r8_", "A", 37),
        ("tvly-", "A", 32),
        ("sk-or-v1-", "H", 64),
        ("AC", "H", 32),
        ("SK", "H", 32),
        ("rubygems_", "H", 48),
        ("whsec_", "A", 32),
        ("glrt-", "U", 20),
        ("ATATT3xFfGF0", "U", 180),
        ("dt0c01.", "C", 90),
        ("pul-", "H", 40),
        ("rzp_live_", "A", 14),
        ("lsv2_pt_", "H", 32),
        ("pcsk_", "U", 60),
        ("squ_", "H", 40),
        ("shippo_live_", "H", 40),
        ("sgp_", "H", 40),
        ("nfp_", "A", 36),
        ("HRKU-", "U", 36),
        ("access-production-", "H", 36),
        ("LTAI", "A", 20),
        ("ops_eyJ", "A", 250),
        ("sha256~", "U", 43),
    ];
    let (prefix, tail, count) = forms[r.between(0, forms.len() as u64 - 1) as usize];
    let body = match tail {
        "C" => r.of("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", count),
        "A" => r.alphanumeric(count),
        "U" => r.of(URL, count),
        "D" => r.of("0123456789abcdefABCDEF", count),
        _ => r.hex(count),
    };
    // A tail that ends in a dash would end before it.
    format!("{prefix}{}", body.replace('-', "d").replace('_', "u"))
}
