//! Telling reviewers on the gateway's own terminal.

use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use gateway::ports::{Notice, Notified, Notifier};
use gateway::{Fault, Origin, SignIn};

use crate::error::was_interrupted;

/// Prints what waits, each reviewer's link, and the command that decides it over the embedded warehouse.
#[derive(Clone)]
pub struct Terminal {
    home: PathBuf,
    is_watched: bool,
    out: Arc<Mutex<Box<dyn Write + Send>>>,
}

impl Terminal {
    /// Prints to `out` what waits in the home at `path`.
    pub fn new(path: &Path, out: Box<dyn Write + Send>) -> Self {
        Self { home: path.to_owned(), is_watched: true, out: Arc::new(Mutex::new(out)) }
    }

    /// The same, where what is printed is kept, and read by others than whoever has started the gateway: links of reviewers who
    /// sign in are not printed.
    // SECURITY: a log is no place for links.
    pub fn kept(path: &Path, out: Box<dyn Write + Send>) -> Self {
        Self { is_watched: false, ..Self::new(path, out) }
    }

    /// Whether a link of somebody who must prove themselves so is printed.
    pub(super) fn shows_links(&self, sign_in: SignIn) -> bool {
        match sign_in {
            // Whoever reads the output reads the home, too.
            SignIn::Development => true,
            SignIn::Oidc => self.is_watched,
        }
    }

    /// Prints it; by what way.
    pub(super) async fn print(&self, text: String) -> Result<&'static str, Fault> {
        let out = Arc::clone(&self.out);
        let told = tokio::task::spawn_blocking(move || {
            let mut out = out.lock().unwrap_or_else(PoisonError::into_inner);
            out.write_all(text.as_bytes()).and_then(|()| out.flush())
        })
        .await
        .map_err(|error| was_interrupted(Origin::Gateway, error))?;
        match told {
            Ok(()) => Ok("terminal"),
            Err(_) => Ok("log"),
        }
    }
}

#[async_trait]
impl Notifier for Terminal {
    async fn tell(&self, notice: &Notice) -> Result<Notified, Fault> {
        if !self.shows_links(notice.sign_in) {
            let unlinked = Notice { invited: Vec::new(), ..notice.clone() };
            self.print(words(&unlinked, &self.home)).await?;
            return Ok(Notified::Nobody);
        }
        let way = self.print(words(notice, &self.home)).await?;
        if way == "log" {
            // SECURITY: the terminal has gone, and a log is no place for links.
            tracing::warn!("{}", words(&Notice { invited: Vec::new(), ..notice.clone() }, &self.home));
        }
        let mut reviewers: Vec<String> = notice.invited.iter().map(|invited| invited.name.clone()).collect();
        reviewers.sort_unstable();
        Ok(Notified::Told { way, reviewers, failed: Vec::new() })
    }
}

/// What a person reads.
fn words(notice: &Notice, home: &Path) -> String {
    let Notice {
        approval,
        exchange,
        agent: _,
        person: _,
        class,
        kinds,
        writes,
        reads,
        more_writes,
        more,
        reason,
        rules: _,
        reviewers,
        expires: _,
        sign_in,
        reminded,
        invited,
    } = notice;
    let waits = if reminded.is_some() { "STILL WAITS" } else { "WAITS" };
    let mut text = format!(
        "\n{waits} for {}: {class} ({}) asked by {}\n",
        reviewers.join(", "),
        kinds.join(", "),
        notice.who()
    );
    for (what, objects, more) in [("changes", writes, more_writes), ("reads", reads, more)] {
        if !objects.is_empty() {
            let _ = writeln!(text, "  {what} {}", objects.join(", "));
        }
        if *more > 0 {
            let _ = writeln!(text, "  {what} {more} more objects");
        }
    }
    let _ =
        writeln!(text, "  because {reason}\n  exchange {exchange}, denied by silence at {}", notice.until());
    for invited in invited {
        let _ = writeln!(text, "  link for {}: {}", invited.name, invited.link.reveal());
    }
    let home = home.display();
    match sign_in {
        SignIn::Development => {
            let _ = writeln!(
                text,
                "  next: open a link, or snowgate approvals {approval} --home {home}, then\n        \
                 snowgate approve {approval} --home {home}\n    or: \
                 snowgate deny {approval} --home {home} --reason WHY"
            );
        }
        SignIn::Oidc if invited.is_empty() => text.push_str(
            "  nobody can decide it: reviewers of a real account sign in by links, and [reviewers_issuer] is not configured, or \
             neither [mail] nor a terminal is there to tell them\n",
        ),
        SignIn::Oidc => text.push_str("  next: each reviewer opens their own link, and signs in\n"),
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notifier::sample::sample;

    #[test]
    fn a_notice_says_who_wants_what_why_and_how_to_decide() {
        let text = words(&sample(SignIn::Development), Path::new("./.snowgate"));
        for part in [
            "WAITS for data-reviewers: write (delete) asked by claude-finance for ana@acme.example",
            "changes DEMO.PUBLIC.ORDERS",
            "changes 2 more objects",
            "because it waits",
            "denied by silence at 1970-01-01 00:00 UTC",
            "link for rosa@acme.example: https://snowgate.example/a/7#t=17",
            "link for sam@acme.example: https://snowgate.example/a/7#t=16",
            "snowgate approve 00000000000000000000000000000007 --home ./.snowgate",
            "snowgate deny 00000000000000000000000000000007 --home ./.snowgate --reason WHY",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("reads"), "{text}");
        let real = words(&sample(SignIn::Oidc), Path::new("./.snowgate"));
        assert!(real.contains("and signs in") && !real.contains("snowgate approve"), "{real}");
        let nobody = Notice { invited: Vec::new(), ..sample(SignIn::Oidc) };
        assert!(words(&nobody, Path::new(".")).contains("[reviewers_issuer] is not configured"));
    }

    #[tokio::test]
    async fn links_of_reviewers_who_sign_in_are_not_printed_where_output_is_kept() {
        struct Shared(Arc<Mutex<Vec<u8>>>);
        impl Write for Shared {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0.lock().unwrap().write(bytes)
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        for (sign_in, is_told) in [(SignIn::Oidc, false), (SignIn::Development, true)] {
            let out = Arc::new(Mutex::new(Vec::new()));
            let kept = Terminal::kept(Path::new("."), Box::new(Shared(Arc::clone(&out))));
            let told = kept.tell(&sample(sign_in)).await.unwrap();
            assert_eq!(told != Notified::Nobody, is_told);
            let printed = String::from_utf8(out.lock().unwrap().clone()).unwrap();
            assert_eq!(printed.contains("#t="), is_told, "{printed}");
            assert!(printed.contains("WAITS for data-reviewers"), "{printed}");
        }
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
        let told = |way| Notified::Told {
            way,
            reviewers: vec!["rosa@acme.example".to_owned(), "sam@acme.example".to_owned()],
            failed: Vec::new(),
        };
        let gone = Terminal::new(Path::new("."), Box::new(Gone));
        assert_eq!(gone.tell(&sample(SignIn::Development)).await.unwrap(), told("log"));
        let there = Terminal::new(Path::new("."), Box::new(Vec::new()));
        assert_eq!(there.tell(&sample(SignIn::Development)).await.unwrap(), told("terminal"));
    }
}
