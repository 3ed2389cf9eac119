//! Reviewers of a local home are told on the gateway's own terminal.

use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use gateway::ports::{Notice, Notified, Notifier};
use gateway::{Fault, Origin, SignIn};

use crate::error::was_interrupted;

/// Prints what waits, and the command that decides it. Whoever looks at the terminal is a reviewer of the local demo.
pub struct Terminal {
    home: PathBuf,
    out: Arc<Mutex<Box<dyn Write + Send>>>,
}

impl Terminal {
    /// Prints to `out` what waits in the home at `path`.
    pub fn new(path: &Path, out: Box<dyn Write + Send>) -> Self {
        Self { home: path.to_owned(), out: Arc::new(Mutex::new(out)) }
    }
}

#[async_trait]
impl Notifier for Terminal {
    async fn tell(&self, notice: &Notice) -> Result<Notified, Fault> {
        let text = words(notice, &self.home);
        let out = Arc::clone(&self.out);
        let told = tokio::task::spawn_blocking(move || {
            let mut out = out.lock().unwrap_or_else(PoisonError::into_inner);
            let printed = out.write_all(text.as_bytes()).and_then(|()| out.flush());
            printed.map_err(|_| text)
        })
        .await
        .map_err(|error| was_interrupted(Origin::Gateway, error))?;
        let way = match told {
            Ok(()) => "terminal",
            // The terminal has gone; the log may still be read.
            Err(text) => {
                tracing::warn!("{text}");
                "log"
            }
        };
        Ok(Notified::Told { way, reviewers: Vec::new() })
    }
}

/// What a person reads.
fn words(notice: &Notice, home: &Path) -> String {
    let Notice {
        approval,
        exchange,
        agent,
        person,
        class,
        kinds,
        writes,
        reads,
        more,
        reason,
        reviewers,
        expires,
        sign_in,
    } = notice;
    let who = person.as_ref().map_or_else(|| agent.clone(), |person| format!("{agent} for {person}"));
    let mut text =
        format!("\nWAITS for {}: {class} ({}) asked by {who}\n", reviewers.join(", "), kinds.join(", "));
    for (what, objects) in [("changes", writes), ("reads", reads)] {
        if !objects.is_empty() {
            let _ = writeln!(text, "  {what} {}", objects.join(", "));
        }
    }
    if *more > 0 {
        let _ = writeln!(text, "  and {more} more objects");
    }
    let _ = writeln!(text, "  because {reason}\n  exchange {exchange}, denied by silence at {expires}");
    match sign_in {
        SignIn::Development => {
            let home = home.display();
            let _ = writeln!(
                text,
                "  next: snowgate approve {approval} --home {home}\n     or: snowgate deny {approval} --home {home} --reason WHY"
            );
        }
        SignIn::Oidc => {
            text.push_str("  nobody can decide it yet: reviewers of a real account must sign in\n")
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use domain::{ApprovalId, Timestamp};

    use super::*;

    fn notice(sign_in: SignIn) -> Notice {
        Notice {
            approval: ApprovalId::from_u128(7),
            exchange: "s/1".to_owned(),
            agent: "claude-finance".to_owned(),
            person: Some("ana@acme.example".to_owned()),
            class: "write".to_owned(),
            kinds: vec!["delete".to_owned()],
            writes: vec!["DEMO.PUBLIC.ORDERS".to_owned()],
            reads: Vec::new(),
            more: 2,
            reason: "it waits".to_owned(),
            reviewers: vec!["data-reviewers".to_owned()],
            expires: Timestamp::from_micros(0),
            sign_in,
        }
    }

    #[test]
    fn a_notice_says_who_wants_what_why_and_how_to_decide() {
        let text = words(&notice(SignIn::Development), Path::new("./.snowgate"));
        for part in [
            "WAITS for data-reviewers: write (delete) asked by claude-finance for ana@acme.example",
            "changes DEMO.PUBLIC.ORDERS",
            "and 2 more objects",
            "because it waits",
            "denied by silence at 1970-01-01T00:00:00.000000Z",
            "snowgate approve 00000000000000000000000000000007 --home ./.snowgate",
            "snowgate deny 00000000000000000000000000000007 --home ./.snowgate --reason WHY",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("reads"), "{text}");
        let real = words(&notice(SignIn::Oidc), Path::new("./.snowgate"));
        assert!(real.contains("must sign in") && !real.contains("snowgate approve"), "{real}");
    }

    #[tokio::test]
    async fn a_terminal_that_has_gone_is_no_fault() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(std::io::Error::from(std::io::ErrorKind::BrokenPipe))
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let gone = Terminal::new(Path::new("."), Box::new(Gone));
        let told = gone.tell(&notice(SignIn::Development)).await.unwrap();
        assert_eq!(told, Notified::Told { way: "log", reviewers: Vec::new() });
        let there = Terminal::new(Path::new("."), Box::new(Vec::new()));
        let told = there.tell(&notice(SignIn::Development)).await.unwrap();
        assert_eq!(told, Notified::Told { way: "terminal", reviewers: Vec::new() });
    }
}
