//! Mail servers that take, refuse, stall, babble or want no protection.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use domain::{ApprovalId, Timestamp};
use gateway::ports::{Invitation, Notice, Notified, Notifier};
use gateway::{Link, SignIn};
use local::{Home, Mail, MailSettings, MailTls, Terminal};
use tempfile::TempDir;

/// How a server behaves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    Takes,
    RefusesSam,
    Stalls,
    Babbles,
    HangsUp,
    Full,
}

/// A mail server, and what it was told.
struct Server {
    port: u16,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&heard);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, heard) = (stream.unwrap(), Arc::clone(&all));
                std::thread::spawn(move || converse(stream, manner, &heard));
            }
        });
        Self { port, heard }
    }

    fn heard(&self) -> String {
        self.heard.lock().unwrap().join("\n")
    }
}

fn converse(stream: TcpStream, manner: Manner, heard: &Mutex<Vec<String>>) {
    let mut out = stream.try_clone().unwrap();
    let mut say = |text: &str| out.write_all(format!("{text}\r\n").as_bytes()).is_ok();
    match manner {
        Manner::Stalls => {
            // Until the other side gives up.
            let mut line = String::new();
            while BufReader::new(&stream).read_line(&mut line).is_ok_and(|read| read > 0) {}
            return;
        }
        Manner::Babbles => {
            say("HTTP/1.1 200 OK");
            say(&"\u{0}\u{ff}".repeat(2000));
            return;
        }
        Manner::HangsUp => return,
        Manner::Takes | Manner::RefusesSam | Manner::Full => {}
    }
    say("220 mail.example ESMTP");
    let mut is_mail = false;
    for line in BufReader::new(&stream).lines() {
        let Ok(line) = line else { return };
        heard.lock().unwrap().push(line.clone());
        let went_on = match line.split(' ').next().unwrap_or_default() {
            "." if is_mail => {
                is_mail = false;
                say(if manner == Manner::Full { "452 4.3.1 no room" } else { "250 taken" })
            }
            _ if is_mail => true,
            "DATA" => {
                is_mail = true;
                say("354 go on")
            }
            "RCPT" if manner == Manner::RefusesSam && line.contains("sam@") => {
                say("550 5.1.1 nobody of that name")
            }
            "QUIT" => {
                say("221 bye");
                return;
            }
            _ => say("250 mail.example"),
        };
        if !went_on {
            return;
        }
    }
}

#[derive(Clone, Default)]
struct Screen(Arc<Mutex<Vec<u8>>>);

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Screen {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// What sends to that port, and the folder that its home is in.
fn mail(port: u16, tls: MailTls, screen: &Screen) -> (Mail, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let settings = MailSettings {
        host: "127.0.0.1".to_owned(),
        port: Some(port),
        tls,
        credentials: Some(("snowgate".to_owned(), "hunter2".to_owned())).filter(|_| tls != MailTls::None),
        from: "Snowgate <snowgate@acme.example>".to_owned(),
    };
    let terminal = Terminal::new(Path::new("home"), Box::new(screen.clone()));
    let home = Home::open(&folder.path().join("home")).unwrap();
    (Mail::new(&settings, terminal, home).unwrap(), folder)
}

fn notice() -> Notice {
    let invited = |name: &str| Invitation {
        name: name.to_owned(),
        mail: Some(name.to_owned()),
        link: Link::from_text(format!("https://snowgate.example/a/7#t=for-{name}")),
    };
    Notice {
        approval: ApprovalId::from_u128(7),
        exchange: "s/1".to_owned(),
        agent: "claude-finance".to_owned(),
        person: Some("ana@acme.example".to_owned()),
        class: "write".to_owned(),
        kinds: vec!["delete".to_owned()],
        writes: vec!["DEMO.PUBLIC.ORDERS".to_owned()],
        reads: Vec::new(),
        more_writes: 0,
        more: 0,
        reason: "it waits".to_owned(),
        rules: vec!["agents-write-if-approved".to_owned()],
        reviewers: vec!["data-reviewers".to_owned()],
        expires: Timestamp::from_micros(0),
        sign_in: SignIn::Oidc,
        reminded: None,
        invited: vec![invited("rosa@acme.example"), invited("sam@acme.example")],
    }
}

/// Who was told, and who was not.
async fn tell(mail: &Mail) -> (Vec<String>, Vec<String>) {
    match mail.tell(&notice()).await.unwrap() {
        Notified::Told { way, reviewers, failed } => {
            assert_eq!(way, "mail");
            (reviewers, failed)
        }
        Notified::Nobody => panic!("nobody"),
    }
}

#[tokio::test]
async fn each_reviewer_gets_a_mail_of_their_own_with_their_own_link() {
    let (server, screen) = (Server::start(Manner::Takes), Screen::default());
    let (told, failed) = tell(&mail(server.port, MailTls::None, &screen).0).await;
    assert_eq!(told, ["rosa@acme.example", "sam@acme.example"]);
    assert!(failed.is_empty() && screen.text().is_empty());
    let heard = server.heard();
    assert_eq!(heard.matches("MAIL FROM:<snowgate@acme.example>").count(), 2, "{heard}");
    for who in ["rosa@acme.example", "sam@acme.example"] {
        assert_eq!(heard.matches(&format!("RCPT TO:<{who}>")).count(), 1, "{heard}");
        assert_eq!(heard.matches(&format!("#t=for-{who}")).count(), 1, "{heard}");
    }
    assert_eq!(heard.matches("Content-Transfer-Encoding: 7bit").count(), 2, "{heard}");
}

#[tokio::test]
async fn whoever_cannot_be_sent_mail_is_told_of_and_their_link_is_on_the_terminal() {
    let (server, screen) = (Server::start(Manner::RefusesSam), Screen::default());
    let (told, failed) = tell(&mail(server.port, MailTls::None, &screen).0).await;
    assert_eq!(
        (told.as_slice(), failed.as_slice()),
        (["rosa@acme.example".to_owned()].as_slice(), ["sam@acme.example".to_owned()].as_slice())
    );
    let text = screen.text();
    assert!(
        text.contains("MAIL FAILED to sam@acme.example, whose link is https://") && !text.contains("rosa"),
        "{text}"
    );
}

#[tokio::test]
async fn a_server_that_stalls_babbles_hangs_up_is_full_or_is_not_there_costs_a_bounded_time_and_no_link() {
    let everybody = ["rosa@acme.example", "sam@acme.example"];
    for manner in [Manner::Stalls, Manner::Babbles, Manner::HangsUp, Manner::Full] {
        let (server, screen) = (Server::start(manner), Screen::default());
        let (mail, _folder) = mail(server.port, MailTls::None, &screen);
        let telling = tell(&mail);
        let (told, failed) =
            tokio::time::timeout(std::time::Duration::from_secs(30), telling).await.expect("it hangs");
        assert!(told.is_empty());
        assert_eq!(failed, everybody);
        assert_eq!(screen.text().matches("MAIL FAILED to").count(), 2);
    }
    let screen = Screen::default();
    assert_eq!(tell(&mail(1, MailTls::None, &screen).0).await.1, everybody);
}

#[tokio::test]
async fn without_the_protection_that_is_wanted_nothing_is_sent() {
    let (server, screen) = (Server::start(Manner::Takes), Screen::default());
    let (told, failed) = tell(&mail(server.port, MailTls::Starttls, &screen).0).await;
    assert!(told.is_empty() && failed.len() == 2);
    let heard = server.heard();
    for secret in ["hunter2", "aHVudGVyMg", "AUTH", "MAIL FROM", "#t="] {
        assert!(!heard.contains(secret), "{heard}");
    }
}

#[tokio::test]
async fn where_nobody_can_tell_how_much_somebody_was_sent_nothing_is() {
    let (server, screen) = (Server::start(Manner::Takes), Screen::default());
    let (mail, folder) = mail(server.port, MailTls::None, &screen);
    let state = rusqlite::Connection::open(folder.path().join("home/state.db")).unwrap();
    state.execute_batch("DROP TABLE mails_per_second").unwrap();
    let (told, failed) = tell(&mail).await;
    assert!(told.is_empty() && failed.len() == 2);
    assert!(!server.heard().contains("MAIL FROM"), "{}", server.heard());
    assert_eq!(screen.text().matches("MAIL FAILED to").count(), 2, "their links are on the terminal");
}
