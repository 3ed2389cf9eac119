//! Reviewers as they really come: mail that a real server takes, a real OIDC provider, a real browser.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::Served;

const DELETE: &str =
    "delete from demo.public.orders where status = 'cancelled' /* <script>window.pwned = 1</script> */";

/// A process that ends with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Says past the test harness, which would swallow it, what is not shown here.
fn skipped(what: &str) {
    let _ = std::io::stderr().write_all(format!("SKIPPED: {what}\n").as_bytes());
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// Whether a program can be started at all.
fn is_there(program: &str, argument: &str) -> bool {
    let ran = Command::new(program).arg(argument).stdout(Stdio::null()).stderr(Stdio::null()).status();
    match ran {
        Ok(_) => true,
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        Err(error) => panic!("{program} cannot be started: {error}"),
    }
}

/// A real OIDC provider at which people sign in and come back to that address.
fn provider(redirect_uri: &str) -> (Running, String) {
    let folder = root().join("tests/oidc-provider");
    assert!(folder.join("node_modules/oidc-provider").is_dir(), "oidc-provider is missing: run `make tools`");
    let mut child = Command::new("node")
        .args(["provider.mjs", "0", redirect_uri])
        .current_dir(&folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("node starts");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines().map_while(Result::ok);
    let ready = |line: String| line.strip_prefix("ready ").map(str::to_owned);
    let issuer = lines.find_map(ready).expect("the provider did not start");
    // It goes on talking, and would die of nobody listening.
    std::thread::spawn(move || lines.for_each(drop));
    (Running(child), issuer)
}

/// A real mail server that keeps what it takes in a folder.
fn catcher(python: &Path, port: u16, folder: &Path) -> Running {
    let child = Command::new(python)
        .args(["-m", "aiosmtpd", "-n", "-l", &format!("127.0.0.1:{port}"), "-c", "aiosmtpd.handlers.Mailbox"])
        .arg(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("python starts");
    let running = Running(child);
    eventually("the mail catcher listens", || TcpStream::connect(("127.0.0.1", port)).ok());
    running
}

#[track_caller]
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "not in time: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The mails that were taken, once there are that many.
fn mails(folder: &Path, count: usize) -> Vec<String> {
    eventually("every reviewer has mail", || {
        let taken = fs::read_dir(folder.join("new")).ok()?;
        let texts: Vec<String> =
            taken.filter_map(|entry| fs::read_to_string(entry.ok()?.path()).ok()).collect();
        (texts.len() >= count).then_some(texts)
    })
}

/// A statement that waits.
pub struct Submitted {
    /// Where its agent polls.
    pub path: String,
    pub exchange: String,
}

/// A gateway over the embedded warehouse whose reviewers sign in, and get mail.
pub struct Stage {
    pub gateway: Served,
    mailbox: PathBuf,
    _catcher: Running,
    _provider: Option<Running>,
}

impl Stage {
    /// None, said loudly, where the mail catcher or node is not here.
    pub fn start(signs_in: bool) -> Option<Self> {
        let python = root().join(".tools/python/bin/python");
        if !python.exists() {
            skipped("no mail catcher (python3, `make tools`), so no mail was read");
            return None;
        }
        if signs_in && !is_there("node", "--version") {
            skipped("no `node`, so nobody signed in at a real provider");
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let (listen, smtp) = (free_port(), free_port());
        let url = format!("http://127.0.0.1:{listen}");
        let mut config = format!(
            "listen = '127.0.0.1:{listen}'\n\
             [[reviewers]]\nemail = 'rosa@example.com'\ngroups = ['data-reviewers']\n\
             [[reviewers]]\nemail = 'sam@example.com'\ngroups = ['data-reviewers']\n\
             [mail]\nhost = '127.0.0.1'\nport = {smtp}\ntls = 'none'\nfrom = 'Snowgate <snowgate@example.com>'\n"
        );
        let provider = signs_in.then(|| provider(&format!("{url}/a/callback")));
        if let Some((_, issuer)) = &provider {
            config.push_str(&format!(
                "[reviewers_issuer]\nissuer = '{issuer}'\nclient_id = 'snowgate-approvals'\n\
                 client_secret = 'secret'\ncommand_line_client_id = 'snowgate-terminal'\nscopes = ['email', 'groups']\n"
            ));
        }
        fs::write(folder.path().join("snowgate.toml"), config).expect("a file");
        let mailbox = folder.path().join("mail");
        let catcher = catcher(&python, smtp, &mailbox);
        let gateway = Served::start_at(folder, &format!("127.0.0.1:{listen}"));
        Some(Self { gateway, mailbox, _catcher: catcher, _provider: provider.map(|(running, _)| running) })
    }

    /// One call of the agent whose token the gateway has printed.
    pub fn call(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let token = self.gateway.printed.iter().find_map(|line| line.strip_prefix("export TOKEN="));
        let client =
            reqwest::Client::builder().no_proxy().user_agent("an-agent/1.0").build().expect("a client");
        let request = client
            .request(method.parse().expect("a method"), format!("{}{path}", self.gateway.url))
            .bearer_auth(token.expect("a token"))
            .header("accept", "application/json");
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let response = request.send().await.expect("an answer");
            let exchange = response.headers()["x-snowgate-exchange"].to_str().expect("text").to_owned();
            let mut answer: Value = response.json().await.expect("JSON");
            answer["exchange"] = exchange.into();
            answer
        })
    }

    /// Asks what must wait.
    pub fn submit(&self, sql: &str) -> Submitted {
        self.submit_with(json!({ "statement": sql }))
    }

    fn submit_with(&self, body: Value) -> Submitted {
        let answer = self.call("POST", "/api/v2/statements?async=true", Some(body));
        assert_eq!(answer["code"], json!("333334"), "{answer}");
        let text = |name: &str| answer[name].as_str().expect("a text").to_owned();
        Submitted { path: text("statementStatusUrl"), exchange: text("exchange") }
    }

    /// What `walk.mjs` saw; none, said loudly, where there is no browser.
    fn walk(&self, arguments: &[&str], screenshots: &str) -> Option<Value> {
        self.walk_with(arguments, screenshots, &[])
    }

    /// The same, with what `walk.mjs` is told by variables.
    fn walk_with(&self, arguments: &[&str], screenshots: &str, variables: &[(&str, &str)]) -> Option<Value> {
        if !is_there("chromium", "--version") {
            skipped("no `chromium` (apt-get install chromium), so no browser has seen the page");
            return None;
        }
        let script = root().join("tests/browser");
        assert!(
            script.join("node_modules/playwright-core").is_dir(),
            "playwright-core is missing: run `make tools`"
        );
        // Beside the binary, where whoever wants to look finds them.
        let binary = Path::new(env!("CARGO_BIN_EXE_snowgate"));
        let shots = binary.parent().expect("a folder").join("screenshots").join(screenshots);
        let _ = fs::remove_dir_all(&shots);
        fs::create_dir_all(&shots).expect("a folder");
        let (link, rest) = arguments.split_first().expect("a link");
        let [name, verdict, typed @ ..] = rest else { panic!("{rest:?}") };
        let output = Command::new("node")
            .arg("walk.mjs")
            .args([*link, *name, *verdict])
            .arg(&shots)
            .args(typed)
            .current_dir(&script)
            .env("CHROMIUM", "/usr/bin/chromium")
            .envs(variables.iter().copied())
            .output()
            .expect("node starts");
        let told = String::from_utf8(output.stdout).expect("text");
        assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
        let told: Value = serde_json::from_str(told.trim()).expect("JSON");
        assert_eq!(told["complaints"], json!([]), "{told}");
        Some(told)
    }
}

impl Served {
    fn start_at(folder: TempDir, listen: &str) -> Self {
        let (child, printed) = crate::serve(folder.path(), listen, &[]);
        Self { url: format!("http://{listen}"), folder, child, printed }
    }
}

/// The only link of a mail.
fn link(mail: &str) -> String {
    let links: Vec<&str> = mail.lines().map(str::trim).filter(|line| line.starts_with("http://")).collect();
    assert_eq!(links.len(), 1, "{mail}");
    links[0].to_owned()
}

fn mail_to<'a>(mails: &'a [String], who: &str) -> &'a str {
    let to = format!("To: {who}");
    mails.iter().find(|mail| mail.lines().any(|line| line == to)).unwrap_or_else(|| panic!("{to}: {mails:?}"))
}

#[test]
fn each_reviewer_gets_one_mail_that_reads_well_and_holds_nothing_of_what_the_agent_wrote() {
    let Some(stage) = Stage::start(false) else { return };
    let (code, answer) = stage.gateway.ask(DELETE);
    assert_eq!(code, 4, "{answer}");
    let mails = mails(&stage.mailbox, 2);
    for who in ["rosa@example.com", "sam@example.com"] {
        let mail = mail_to(&mails, who);
        let (head, body) = mail.split_once("\n\n").expect("a head and a body");
        for line in [
            "From: Snowgate <snowgate@example.com>",
            "Subject: Approval wanted: snowgate-ask asks to delete",
            "Auto-Submitted: auto-generated",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: 7bit",
        ] {
            assert!(head.lines().any(|found| found == line), "{line}: {head}");
        }
        for line in [
            "Who asks: snowgate-ask",
            "What: delete (write)",
            "Changes: DEMO . PUBLIC . ORDERS",
            "Reads: DEMO . PUBLIC . ORDERS",
        ] {
            assert!(body.lines().any(|found| found == line), "{line}: {body}");
        }
        assert!(mail.is_ascii(), "{mail}");
        for secret in ["cancelled", "status", "script", "pwned", "where", "because"] {
            assert!(!body.to_lowercase().contains(secret), "{secret}: {body}");
        }
        assert!(link(mail).starts_with(&format!("{}/a/", stage.gateway.url)));
    }
    assert_ne!(link(&mails[0]), link(&mails[1]));
    // Once, and recorded.
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(self::mails(&stage.mailbox, 2).len(), 2);
    let exchange = answer["exchange"].as_str().expect("an exchange");
    let told = stage.gateway.lines(&["replay", exchange, "--home", "home", "--json"]);
    let told = told.iter().find(|event| event["step"] == "told").expect("they were told");
    assert_eq!(told["reviewers"], json!(["rosa@example.com", "sam@example.com"]));
}

#[test]
fn a_reviewer_comes_by_mail_signs_in_reads_and_approves_in_a_real_browser() {
    let Some(stage) = Stage::start(true) else { return };
    let answer = stage.submit(DELETE);
    let mails = mails(&stage.mailbox, 2);
    let rosas = link(mail_to(&mails, "rosa@example.com"));
    // Somebody else who signs in by Rosa's link sees nothing, and neither does who may not review.
    for (name, folder) in [("sam", "signed-in-as-another"), ("tom", "signed-in-as-nobody")] {
        let Some(told) = stage.walk(&[&rosas, name, "-"], folder) else { return };
        let page = told["review"].as_str().expect("a text");
        assert!(page.contains("This link opens nothing") && !page.contains("delete from"), "{page}");
    }
    let Some(told) = stage.walk(&[&rosas, "rosa", "approve", "delete"], "approved") else { return };
    let text = |step: &str| told[step].as_str().expect("a text").to_owned();
    assert!(!text("shell").contains("ORDERS"), "{told}");
    let review = text("review");
    for part in
        [DELETE, "demo-agent for ana@example.com", "DEMO.PUBLIC.ORDERS", "data-reviewers", "rosa@example.com"]
    {
        assert!(review.contains(part), "{part}: {review}");
    }
    assert_eq!((&told["overflow"], &told["script"]), (&json!(false), &json!(true)), "{told}");
    assert!(text("over").contains("Approved"), "{told}");
    assert!(!text("back").contains("Your decision") || !text("back").is_empty(), "{told}");
    // The secret part of the link went nowhere but into the form.
    let token = rosas.split_once("#t=").expect("a token").1;
    let requests = told["requests"].as_array().expect("requests");
    assert!(!requests.iter().any(|request| request.as_str().is_some_and(|request| request.contains(token))));

    // The agent's own poll gets the result.
    let rows =
        eventually("the result is there", || stage.call("GET", &answer.path, None).get("data").cloned());
    assert_ne!(rows, json!([["0"]]));
    let told = stage.gateway.lines(&["replay", &answer.exchange, "--home", "home", "--json"]);
    let steps: Vec<&str> = told.iter().filter_map(|event| event["step"].as_str()).collect();
    assert_eq!(steps, ["asked", "told", "viewed", "decided", "spent"]);
    let decided = told.iter().find(|event| event["step"] == "decided").expect("a verdict");
    assert_eq!((&decided["by"]["sign_in"], &decided["by"]["subject"]), (&json!("oidc"), &json!("rosa")));
    assert_eq!(decided["reason"], json!("looked at it in a browser"));
    assert_eq!(stage.gateway.verify(), 0);
}

/// Another server on this machine, which tries whatever a cookie of the page's is worth to it: what it was answered.
fn thief(page: &str) -> (String, Receiver<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}/", listener.local_addr().expect("an address"));
    let (send, stolen) = channel();
    let host = page.trim_start_matches("http://").to_owned();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (send, host) = (send.clone(), host.clone());
            // Browsers open connections ahead, and say nothing on them.
            std::thread::spawn(move || rob(stream.expect("a visitor"), &host, &send));
        }
    });
    (address, stolen)
}

fn rob(mut stream: TcpStream, host: &str, send: &Sender<Vec<String>>) {
    let lines = BufReader::new(stream.try_clone().expect("a stream")).lines().map_while(Result::ok);
    let lines: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    if let Some(cookie) = lines.iter().find_map(|line| Some(line.split_once(": snowgate-review-")?.1)) {
        let id = cookie.split_once('=').expect("a value").0;
        let tries = [
            ("GET", format!("/a/{id}/review"), ""),
            ("POST", format!("/a/{id}/review"), "mark="),
            ("POST", format!("/a/{id}/decision"), "mark=&covers=&verdict=approve"),
        ];
        let _ = send.send(tries.map(|(method, path, form)| raw(host, method, &path, cookie, form)).to_vec());
    }
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\nhere");
}

/// What that host answers to whoever brings that session.
fn raw(host: &str, method: &str, path: &str, cookie: &str, form: &str) -> String {
    let mut stream = TcpStream::connect(host).expect("it listens");
    let length = form.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncookie: snowgate-review-{cookie}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\n\r\n{form}"
    )
    .expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[test]
fn another_server_on_this_machine_gets_the_cookie_of_a_review_and_nothing_for_it() {
    let Some(stage) = Stage::start(false) else { return };
    stage.submit(DELETE);
    let link = link(mail_to(&mails(&stage.mailbox, 2), "rosa@example.com"));
    let (address, stolen) = thief(&stage.gateway.url);
    let Some(told) = stage.walk_with(&[&link, "-", "deny"], "stolen", &[("THIEF", &address)]) else { return };
    // Browsers send a cookie to every port of a host.
    assert_eq!(told["stolen"], json!(1), "{told}");
    let answers = stolen.recv_timeout(Duration::from_secs(10)).expect("its cookie");
    for (answer, status) in answers.iter().zip(["200", "404", "403"]) {
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        for secret in ["ORDERS", "demo-agent", "cancelled", "name=\"covers\"", "value=\"ey"] {
            assert!(!answer.contains(secret), "{secret}: {answer}");
        }
    }
    let text = |step: &str| told[step].as_str().expect("a text").to_owned();
    assert!(text("otherTab").contains("Nobody has signed in here"), "{told}");
    assert!(text("reloaded").contains("Your decision"), "what its reviewer opened stays open: {told}");
    assert!(text("over").contains("Denied"), "{told}");
}

#[test]
fn nothing_in_a_text_pushes_what_decides_out_of_a_real_browsers_sight() {
    let Some(stage) = Stage::start(false) else { return };
    let gap = "\n".repeat(590);
    let comments = format!("/* {} */ ", "m".repeat(150)).repeat(100);
    let sql = format!(
        "delete from demo.public.orders where status in ('{gap}', '{gap}', 'shi\u{307}pped', 'a\u{2010}b') {comments} and id = :1 \
         or id > -5"
    );
    let bound = "x\n".repeat(2500) + &"\n".repeat(2500);
    stage.submit_with(json!({ "statement": sql, "bindings": { "1": { "type": "TEXT", "value": bound } } }));
    let link = link(mail_to(&mails(&stage.mailbox, 2), "sam@example.com"));
    let Some(told) = stage.walk(&[&link, "-", "deny"], "pushed") else { return };
    let review = told["review"].as_str().expect("a text");
    for part in
        ["or id > -5", "590 line ends", "100 comments of", "U+0307", "U+2010", "2501 line ends", "large gaps"]
    {
        assert!(review.contains(part), "{part}: {review}");
    }
    // On a phone; the strings alone were 28,000 pixels high, the value 113,000.
    let height = told["height"].as_u64().expect("a height");
    assert!(height < 8000, "{height} pixels");
    assert_eq!(told["overflow"], json!(false), "{told}");
}

#[test]
fn what_destroys_is_typed_in_a_real_browser_before_its_button_can_be_pressed() {
    let Some(stage) = Stage::start(false) else { return };
    stage.submit("delete from demo.public.payments");
    let link = link(mail_to(&mails(&stage.mailbox, 2), "sam@example.com"));
    let Some(told) = stage.walk(&[&link, "-", "approve", "delete all"], "typed") else { return };
    assert_eq!(told["waitsForTheWord"], json!(true));
    assert!(told["over"].as_str().is_some_and(|over| over.contains("Approved")), "{told}");
}

#[test]
fn what_was_made_to_stand_is_ended_by_a_button_in_a_real_browser() {
    let Some(stage) = Stage::start(false) else { return };
    stage.submit("delete from demo.public.payments where id = 7");
    let link = link(mail_to(&mails(&stage.mailbox, 2), "sam@example.com"));
    let until = gateway::ports::Clock::now(&local::SystemClock).after(Duration::from_secs(30 * 86_400)).day();
    let walked = stage.walk_with(&[&link, "-", "approve", "delete"], "standing", &[("STANDS", &until)]);
    let Some(told) = walked else { return };
    let text = |step: &str| told[step].as_str().expect("a text").to_owned();
    assert!(
        text("over").contains("It lets later ones like it go") && text("over").contains("0 of 5 times"),
        "{told}"
    );
    assert!(text("ended").contains("It allows nothing more") && !text("ended").contains("End it"), "{told}");
    let listed = stage.gateway.lines(&["approvals", "--standing", "--home", "home", "--json"]);
    assert!(listed[0]["over"].as_str().is_some_and(|over| over.contains("ended")), "{listed:?}");
}
