//! Telling reviewers by mail, over SMTP: one plain text a reviewer, with their own link.

use std::fmt::{self, Write as _};
use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use gateway::Fault;
use gateway::ports::{Clock, Invitation, Notice, Notified, Notifier};
use lettre::message::header::ContentTransferEncoding;
use lettre::message::{Body, Mailbox, header};
use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use thiserror::Error;

use super::mailbox::MAILS_AN_HOUR;
use super::terminal::Terminal;
use crate::clock::SystemClock;
use crate::home::Home;

/// How long one command of the conversation may take.
const COMMAND: Duration = Duration::from_secs(4);

/// How long one mail may take in all. Shorter than a lease: whoever tells must not lose what they look after.
const ONE_MAIL: Duration = Duration::from_secs(8);

/// How the conversation is protected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MailTls {
    /// From the first byte on (port 465).
    Implicit,
    /// By STARTTLS, without which nothing is sent (port 587).
    Starttls,
    /// Not at all: to this machine alone.
    None,
}

/// Where mail goes out.
#[derive(Clone)]
pub struct MailSettings {
    /// The server's name or address.
    pub host: String,
    /// Its port; none: the usual one.
    pub port: Option<u16>,
    /// How it is protected.
    pub tls: MailTls,
    /// User and password, where the server wants them.
    pub credentials: Option<(String, String)>,
    /// Whom the mail is from.
    pub from: String,
}

impl fmt::Debug for MailSettings {
    // SECURITY: without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, tls, credentials: _, from } = self;
        f.debug_struct("MailSettings")
            .field("host", host)
            .field("port", port)
            .field("tls", tls)
            .field("from", from)
            .finish_non_exhaustive()
    }
}

/// Why mail cannot be sent with these settings, by the key that is wrong.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{problem}")]
pub struct MailError {
    /// The setting.
    pub key: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

impl MailError {
    fn new(key: &'static str, problem: impl Into<String>) -> Self {
        Self { key, problem: problem.into() }
    }
}

/// Sends one mail a reviewer. The link of whoever cannot be reached is printed on the terminal, where somebody watches one.
pub struct Mail {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    terminal: Terminal,
    /// Counts what each address gets.
    home: Home,
}

impl Mail {
    /// Nothing is connected yet. What each address gets is counted in that home, for all processes that use it.
    ///
    /// # Errors
    /// The setting that is wrong.
    pub fn new(settings: &MailSettings, terminal: Terminal, home: Home) -> Result<Self, MailError> {
        let (transport, from) = parts(settings)?;
        Ok(Self { transport, from, terminal, home })
    }

    /// Whether mail could be sent with these settings, as far as anybody can tell before it is.
    ///
    /// # Errors
    /// The setting that is wrong.
    pub fn check(settings: &MailSettings) -> Result<(), MailError> {
        parts(settings).map(|_| ())
    }

    /// Whether that is an address that mail can be sent to.
    pub fn is_address(text: &str) -> bool {
        mailbox(text).is_some()
    }

    async fn send(&self, notice: &Notice, invited: &Invitation) -> Result<(), String> {
        let to = invited.mail.as_deref().and_then(mailbox).ok_or("they have no mail address")?;
        match self.home.take_mail(to.email.as_ref(), SystemClock.now()).await {
            Ok(true) => {}
            Ok(false) => return Err(format!("they had {MAILS_AN_HOUR} mails within the hour")),
            // Nobody knows how many they had.
            Err(fault) => return Err(chain(&fault)),
        }
        let message = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(notice.subject())
            // So that machines which answer mail do not.
            .header(AutoSubmitted)
            .header(header::ContentType::TEXT_PLAIN)
            .body(as_it_stands(notice.letter(invited)))
            .map_err(|error| error.to_string())?;
        match tokio::time::timeout(ONE_MAIL, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(chain(&error)),
            Err(_) => Err("the mail server did not answer in time".to_owned()),
        }
    }
}

/// What sends, and whom it is from.
fn parts(settings: &MailSettings) -> Result<(AsyncSmtpTransport<Tokio1Executor>, Mailbox), MailError> {
    let MailSettings { host, port, tls, credentials, from } = settings;
    let from = mailbox(from).ok_or_else(|| MailError::new("from", "is no mail address"))?;
    let builder = match tls {
        MailTls::Implicit => AsyncSmtpTransport::<Tokio1Executor>::relay(host),
        MailTls::Starttls => AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(host),
        MailTls::None if is_loopback(host) => {
            Ok(AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host.as_str()))
        }
        // SECURITY: a link that anybody on the way can read is nobody's own.
        MailTls::None => {
            return Err(MailError::new("tls", "may be `none` only where `host` is this machine"));
        }
    };
    let mut builder =
        builder.map_err(|_| MailError::new("host", "is no name that TLS can be checked for"))?;
    builder = builder.timeout(Some(COMMAND));
    if let Some(port) = port {
        builder = builder.port(*port);
    }
    if let Some((user, password)) = credentials {
        builder = builder.credentials(Credentials::new(user.clone(), password.clone()));
    }
    Ok((builder.build(), from))
}

#[async_trait]
impl Notifier for Mail {
    async fn tell(&self, notice: &Notice) -> Result<Notified, Fault> {
        // Whom nobody has named cannot be written to.
        if notice.invited.is_empty() {
            return self.terminal.tell(notice).await;
        }
        let sent = join_all(notice.invited.iter().map(|invited| self.send(notice, invited))).await;
        let (mut reviewers, mut failed) = (Vec::new(), Vec::new());
        let mut lost = String::new();
        for (invited, sent) in notice.invited.iter().zip(sent) {
            match sent {
                Ok(()) => reviewers.push(invited.name.clone()),
                Err(why) => {
                    tracing::warn!(exchange = %notice.exchange, %why, "a reviewer could not be sent mail");
                    let _ = write!(lost, "\nMAIL FAILED to {}", invited.name);
                    if self.terminal.shows_links(notice.sign_in) {
                        let _ = write!(lost, ", whose link is {}", invited.link.reveal());
                    }
                    lost.push('\n');
                    failed.push(invited.name.clone());
                }
            }
        }
        if !lost.is_empty() {
            self.terminal.print(lost).await?;
        }
        reviewers.sort_unstable();
        failed.sort_unstable();
        Ok(Notified::Told { way: "mail", reviewers, failed })
    }
}

/// RFC 3834 section 5.
#[derive(Clone)]
struct AutoSubmitted;

impl header::Header for AutoSubmitted {
    fn name() -> header::HeaderName {
        header::HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> header::HeaderValue {
        header::HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

fn mailbox(text: &str) -> Option<Mailbox> {
    text.parse().ok()
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The body as it stands, so that a link is one piece whoever reads it: notices are ASCII with lines of a bounded length, and so
/// need no encoding (RFC 5321 section 4.5.3.1.6).
fn as_it_stands(text: String) -> Body {
    let is_plain = text.lines().all(|line| line.is_ascii() && line.len() < 998 && !line.contains('\0'));
    if is_plain {
        let lines: Vec<&str> = text.lines().chain([""]).collect();
        Body::dangerous_pre_encoded(lines.join("\r\n").into_bytes(), ContentTransferEncoding::SevenBit)
    } else {
        Body::new(text)
    }
}

/// An error with everything behind it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let _ = write!(text, ": {error}");
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use gateway::SignIn;

    use super::*;
    use crate::notifier::sample::sample;

    fn settings(tls: MailTls, host: &str) -> MailSettings {
        MailSettings {
            host: host.to_owned(),
            port: Some(1),
            tls,
            credentials: Some(("snowgate".to_owned(), "hunter2".to_owned())),
            from: "Snowgate <snowgate@acme.example>".to_owned(),
        }
    }

    fn mail(settings: &MailSettings) -> Result<(), MailError> {
        Mail::check(settings)
    }

    #[test]
    fn a_mail_reads_well_on_a_phone_and_holds_one_link() {
        let notice = sample(SignIn::Oidc);
        let text = notice.letter(&notice.invited[0]);
        assert_eq!(
            text,
            "An agent asks for your approval.\n\n\
             Who asks: claude-finance for ana@acme.example\n\
             What: delete (write)\n\
             Changes: DEMO . PUBLIC . ORDERS\n\
             Changes 2 more objects, not named here\n\n\
             Why it waits: it waits\n\
             Until: 1970-01-01 00:00 UTC, then it is denied\n\n\
             Read exactly what would run, and decide:\n\
             https://snowgate.example/a/7#t=17\n\n\
             The link is yours alone: do not pass it on. You sign in first.\n\
             Opening it decides nothing, and answers to this mail are not\n\
             read.\n\n\
             Rules that led here: agents-write-if-approved\n"
        );
        assert_eq!(notice.subject(), "Approval wanted (3 objects): claude-finance asks to delete");
        assert!(text.is_ascii() && text.matches("https://").count() == 1);
        assert_eq!(as_it_stands("a\nb\n".to_owned()).as_ref(), b"a\r\nb\r\n");
        assert_ne!(as_it_stands("ä\n".to_owned()).encoding(), ContentTransferEncoding::SevenBit);
    }

    #[test]
    fn mail_goes_unprotected_to_this_machine_alone_and_no_password_is_printed() {
        assert!(mail(&settings(MailTls::None, "127.0.0.1")).is_ok());
        assert!(mail(&settings(MailTls::None, "localhost")).is_ok());
        for host in ["smtp.acme.example", "127.0.0.1.acme.example", "10.0.0.1"] {
            assert_eq!(mail(&settings(MailTls::None, host)).err().unwrap().key, "tls", "{host}");
            assert!(mail(&settings(MailTls::Starttls, host)).is_ok());
        }
        let wrong =
            MailSettings { from: "nobody".to_owned(), ..settings(MailTls::Implicit, "smtp.acme.example") };
        assert_eq!(mail(&wrong).err().unwrap().key, "from");
        assert!(!format!("{wrong:?}").contains("hunter2"));
        assert!(Mail::is_address("rosa@acme.example") && !Mail::is_address("rosa\r\nBcc: x@y.example"));
    }
}
