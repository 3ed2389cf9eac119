//! A reviewer decides at a terminal, and signs in at a real OIDC provider.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};

use reqwest::{Client, Response, redirect};
use serde_json::json;

use crate::browser::{Stage, eventually};
use crate::snowgate;

const DELETE: &str = "delete from demo.public.orders where status = 'cancelled'";

/// A command that waits for somebody to sign in.
struct Deciding {
    child: Child,
    /// Where they do.
    url: String,
}

/// What became of it.
struct Done {
    code: i32,
    out: String,
    error: String,
}

impl Deciding {
    fn start(stage: &Stage, arguments: &[&str]) -> Self {
        let mut child = snowgate(stage.gateway.folder.path())
            .args(arguments)
            .args(["--home", "home"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let errors = child.stderr.as_mut().expect("its errors");
        let mut line = String::new();
        // Byte by byte, so that what comes later stays in the pipe.
        let url = loop {
            let mut byte = [0];
            assert_eq!(errors.read(&mut byte).expect("text"), 1, "it has ended: {line}");
            if byte[0] != b'\n' {
                line.push(char::from(byte[0]));
                continue;
            }
            if line.starts_with("http://") {
                break line;
            }
            line.clear();
        };
        Self { child, url }
    }

    fn parameter(&self, name: &str) -> String {
        let url = reqwest::Url::parse(&self.url).expect("an address");
        let found = url.query_pairs().find(|(key, _)| key == name);
        found.unwrap_or_else(|| panic!("no {name}: {}", self.url)).1.into_owned()
    }

    /// Types a line.
    fn types(&mut self, line: &str) {
        let input = self.child.stdin.as_mut().expect("its input");
        input.write_all(format!("{line}\n").as_bytes()).expect("it is typed");
    }

    fn end(mut self) -> Done {
        drop(self.child.stdin.take());
        let mut texts = [String::new(), String::new()];
        self.child.stdout.take().expect("its output").read_to_string(&mut texts[0]).expect("text");
        self.child.stderr.take().expect("its errors").read_to_string(&mut texts[1]).expect("text");
        let code = self.child.wait().expect("it ends").code().expect("a code");
        let [out, error] = texts;
        Done { code, out, error }
    }
}

/// A browser as far as the provider's own forms need one: it keeps cookies and follows.
struct Browser {
    client: Client,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    fn new() -> Self {
        let client =
            Client::builder().no_proxy().redirect(redirect::Policy::none()).user_agent("a-browser/1");
        Self { client: client.build().expect("a client"), cookies: BTreeMap::new() }
    }

    async fn send(&mut self, url: &str, form: Option<String>) -> Response {
        let mut request = match form {
            Some(form) => {
                let kind = "application/x-www-form-urlencoded";
                self.client.post(url).header("content-type", kind).body(form)
            }
            None => self.client.get(url),
        };
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        request = request.header("cookie", cookies.join("; "));
        let response = request.send().await.expect("an answer");
        for line in response.headers().get_all("set-cookie") {
            let pair = line.to_str().expect("text").split(';').next().expect("a pair");
            let (name, value) = pair.split_once('=').expect("a value");
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        response
    }

    /// Signs in under that name, and says yes to whatever is asked; what the last page says.
    async fn sign_in(&mut self, url: &str, name: &str) -> String {
        let (mut url, mut form) = (reqwest::Url::parse(url).expect("an address"), None);
        for _ in 0..20 {
            let response = self.send(url.as_str(), form.take()).await;
            if let Some(location) = response.headers().get("location") {
                url = url.join(location.to_str().expect("text")).expect("an address");
                continue;
            }
            let page = response.text().await.expect("text");
            let Some((_, behind)) = page.split_once("action=\"") else { return page };
            let action = behind.split('"').next().expect("an address");
            url = url.join(action).expect("an address");
            let prompt = if page.contains("value=\"login\"") { "login" } else { "consent" };
            form = Some(format!("prompt={prompt}&login={name}&password=any"));
        }
        panic!("it goes in circles: {url}");
    }
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

fn waiting(stage: &Stage) -> String {
    let listed =
        eventually("it waits", || stage.gateway.lines(&["approvals", "--home", "home", "--json"]).pop());
    listed["id"].as_str().expect("an id").to_owned()
}

#[test]
fn over_a_real_account_a_reviewer_signs_in_at_their_terminal_and_approves() {
    let Some(stage) = Stage::start(true) else { return };
    let answer = stage.submit(DELETE);
    let id = waiting(&stage);
    // Nobody is whom they say they are.
    for named in
        [&["approve", &id, "--as", "rosa@example.com"][..], &["approvals", &id, "--as", "rosa@example.com"]]
    {
        let refused = stage.gateway.run(&[named, &["--home", "home"]].concat());
        let told = String::from_utf8(refused.stderr).expect("text");
        assert_eq!((refused.status.code(), refused.stdout.is_empty()), (Some(64), true), "{told}");
        assert!(told.contains("--as names somebody over the embedded warehouse alone"), "{told}");
    }

    // Nor by a configuration that sends them elsewhere than the gateway's does, or as users of something else.
    let folder = stage.gateway.folder.path();
    let config = std::fs::read_to_string(folder.join("snowgate.toml")).expect("a file");
    for (from, to) in
        [("issuer = 'http://127.0.0.1:", "issuer = 'http://localhost:"), ("-terminal'", "-mine'")]
    {
        assert!(config.contains(from), "{config}");
        std::fs::write(folder.join("mine.toml"), config.replace(from, to)).expect("a file");
        let refused = stage.gateway.run(&["approve", &id, "--config", "mine.toml", "--home", "home"]);
        let told = String::from_utf8(refused.stderr).expect("text");
        assert_eq!((refused.status.code(), refused.stdout.is_empty()), (Some(1), true), "{told}");
        assert!(
            told.contains("reviewers of the gateway that serves home sign in at http://127.0.0.1:"),
            "{told}"
        );
    }

    // Nor by a list of people of their own: the gateway's counts.
    assert_eq!(config.matches("sam@example.com").count(), 1, "{config}");
    std::fs::write(folder.join("mine.toml"), config.replace("sam@example.com", "tom@example.com"))
        .expect("a file");
    let deciding = Deciding::start(&stage, &["approve", &id, "--config", "mine.toml"]);
    run(async { Browser::new().sign_in(&deciding.url, "tom").await });
    let done = deciding.end();
    assert!(done.code == 1 && done.out.is_empty(), "{}", done.out);
    assert!(done.error.contains("not among those who are asked"), "{}", done.error);

    // Nor by rules of their own on what a sign-in must prove: the gateway's count, and this file's are not even asked for.
    let rules = "[reviewers_issuer]\ngroups_claim = 'nickname'\nmax_age_seconds = 86399\nacr_values = ['any']\n\
                 algorithms = ['EdDSA']\nleeway_seconds = 299\nperson_claim = 'nickname'\n";
    std::fs::write(folder.join("mine.toml"), config.replace("[reviewers_issuer]\n", rules)).expect("a file");
    let mut deciding = Deciding::start(&stage, &["approve", &id, "--config", "mine.toml"]);
    assert_eq!(deciding.parameter("max_age"), "300");
    assert!(!deciding.url.contains("acr_values"), "{}", deciding.url);
    run(async { Browser::new().sign_in(&deciding.url, "rosa").await });
    deciding.types("");
    let done = deciding.end();
    assert!(done.error.contains("nothing was decided: DELETE was not typed"), "{}", done.error);

    // What destroys is typed, and nothing else will do.
    for line in ["", "yes", "DELETE ALL"] {
        let mut deciding = Deciding::start(&stage, &["approve", &id]);
        run(async { Browser::new().sign_in(&deciding.url, "rosa").await });
        deciding.types(line);
        let done = deciding.end();
        assert!(done.code == 1 && done.out.contains(DELETE), "{}", done.out);
        for part in ["asked by ", "because ", "data-reviewers decide until", "exactly this would run:"] {
            assert!(done.out.contains(part), "{part}: {}", done.out);
        }
        assert!(done.error.contains("nothing was decided: DELETE was not typed"), "{}", done.error);
    }
    let mut deciding = Deciding::start(&stage, &["approve", &id, "--reason", "tidy"]);
    assert_eq!(deciding.parameter("client_id"), "snowgate-terminal");
    assert_eq!(deciding.parameter("code_challenge_method"), "S256");
    assert!(!deciding.parameter("max_age").is_empty() && !deciding.parameter("nonce").is_empty());
    let (back, state) = (deciding.parameter("redirect_uri"), deciding.parameter("state"));
    assert!(back.starts_with("http://127.0.0.1:") && back.ends_with("/callback"), "{back}");
    // Whatever holds connections open and says nothing keeps nobody out.
    let port = back.trim_end_matches("/callback").trim_start_matches("http://");
    let _silent: Vec<TcpStream> = (0..64).map(|_| TcpStream::connect(port).expect("a connection")).collect();
    run(async {
        let mut browser = Browser::new();
        // Whatever else is on this machine comes to the port first.
        for stray in
            ["", "?code=x", "?state=&code=x", "?state=AAAA&code=x", "?state=AAAA&error=access_denied"]
        {
            assert_eq!(browser.send(&format!("{back}{stray}"), None).await.status(), 404, "{stray}");
        }
        let head =
            browser.client.head(format!("{back}?state={state}&code=x")).send().await.expect("an answer");
        assert_eq!(head.status(), 200);
        let page = browser.sign_in(&deciding.url, "rosa").await;
        assert!(page.contains("Go back to your terminal"), "{page}");
    });
    deciding.types("delete");
    let done = deciding.end();
    assert_eq!(done.code, 0, "{}", done.error);
    assert!(done.out.contains("approved by rosa@example.com") && done.out.contains(DELETE), "{}", done.out);

    eventually("the result is there", || stage.call("GET", &answer.path, None).get("data").cloned());
    let told = stage.gateway.lines(&["replay", &answer.exchange, "--home", "home", "--json"]);
    let steps: Vec<&str> = told.iter().filter_map(|event| event["step"].as_str()).collect();
    assert_eq!(
        steps.iter().filter(|step| **step != "viewed").collect::<Vec<_>>(),
        [&"asked", &"told", &"decided", &"spent"],
        "{steps:?}"
    );
    let by = &told.iter().find(|event| event["step"] == "decided").expect("a verdict")["by"];
    assert_eq!(
        (&by["sign_in"], &by["subject"], &by["groups"]),
        (&json!("oidc"), &json!("rosa"), &json!(["data-reviewers"]))
    );
    assert_eq!(stage.gateway.verify(), 0);
}

#[test]
fn whoever_gives_up_or_is_not_asked_decides_nothing_and_who_is_denies() {
    let Some(stage) = Stage::start(true) else { return };
    let answer = stage.submit(DELETE);
    let id = waiting(&stage);
    let deciding = Deciding::start(&stage, &["approve", &id]);
    let (back, state) = (deciding.parameter("redirect_uri"), deciding.parameter("state"));
    let given_up = format!("{back}?state={state}&error=access_denied&error_description=hunter2");
    run(async { assert_eq!(Browser::new().send(&given_up, None).await.status(), 200) });
    let done = deciding.end();
    assert!(done.code == 1 && done.error.contains("signing in was given up"), "{}", done.error);
    assert!(!done.error.contains("hunter2") && done.out.is_empty(), "{}", done.error);

    // A code that this issuer never gave, one of another issuer, and somebody whom nobody asks.
    for (more, told) in
        [("", "not accepted (code)"), ("&iss=https%3A%2F%2Fevil.example", "not accepted (issuer)")]
    {
        let deciding = Deciding::start(&stage, &["approve", &id]);
        let (back, state) = (deciding.parameter("redirect_uri"), deciding.parameter("state"));
        run(async { Browser::new().send(&format!("{back}?state={state}&code=made-up{more}"), None).await });
        let done = deciding.end();
        assert!(done.code == 1 && done.error.contains(told), "{}", done.error);
    }
    let deciding = Deciding::start(&stage, &["approvals", &id]);
    run(async { Browser::new().sign_in(&deciding.url, "tom").await });
    let done = deciding.end();
    assert!(done.code == 1 && done.out.is_empty(), "{}", done.out);
    assert!(
        done.error.contains("not among those who are asked") && done.error.contains("[[reviewers]]"),
        "{}",
        done.error
    );

    let told = stage.gateway.lines(&["replay", &answer.exchange, "--home", "home", "--json"]);
    let steps: Vec<&str> = told.iter().filter_map(|event| event["step"].as_str()).collect();
    assert_eq!(steps, ["asked", "told"], "nobody has seen or decided anything");
    // Nor does a broken configuration keep anybody from saying no, unless it is named.
    let file = stage.gateway.folder.path().join("snowgate.toml");
    std::fs::write(&file, "home = [").expect("a file");
    let named = stage.gateway.run(&["deny", &id, "--home", "home", "--config", "snowgate.toml"]);
    assert_eq!(named.status.code(), Some(1), "{named:?}");
    let deciding = Deciding::start(&stage, &["deny", &id]);
    assert_eq!(deciding.parameter("client_id"), "snowgate-terminal");
    run(async { Browser::new().sign_in(&deciding.url, "sam").await });
    let done = deciding.end();
    assert!(done.code == 0 && done.out.contains("denied by sam@example.com"), "{}{}", done.out, done.error);
    eventually("it is closed", || (stage.gateway.verify() == 0).then_some(()));
}
