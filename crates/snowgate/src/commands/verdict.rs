//! `snowgate approve ID` and `snowgate deny ID`: a person decides.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use domain::{ApprovalId, ApprovalState, Unmoved, Verdict};
use gateway::ports::RevokedWhat;
use gateway::{Review, ReviewError, SignIn, StandingTerms};

use super::approvals::{
    approval_id, judging, judging_if_told, reason_kept, review, runtime, told, write_exact, write_shown,
};
use super::sign_in::{Wanted, reviewer};
use super::{Broken, printable, standing};
use crate::cli::{StandingArgs, VerdictArgs};
use crate::config;

/// How long somebody may take to type what destroys.
const TYPING: Duration = Duration::from_secs(5 * 60);

/// Takes a verdict, once.
pub fn run(
    verdict: Verdict,
    args: &VerdictArgs,
    standing: Option<&StandingArgs>,
) -> Result<ExitCode, Broken> {
    let terms = standing.map(standing::terms).transpose()?.flatten();
    let home = config::home(&args.home)?;
    let id = approval_id(&args.id, &home)?;
    // Only a reason and what stands need the bundle: a broken configuration keeps nobody from saying no.
    let (review, untold) = match verdict {
        Verdict::Deny if args.reason.is_some() => judging_if_told(&home, &args.home)?,
        Verdict::Approve if args.reason.is_some() || terms.is_some() => (judging(&home, &args.home)?, None),
        Verdict::Approve | Verdict::Deny => (review(&home)?, None),
    };
    runtime()?.block_on(decide(&review, id, verdict, args, untold, terms.as_ref(), &home))
}

/// Waits until that word is typed. The proof of who types it is no older than a sign-in on the page may be.
async fn typed(word: &str) -> Result<(), Broken> {
    eprintln!("to approve, type {word}:");
    let (send, receive) = tokio::sync::oneshot::channel();
    // Whoever stays silent keeps a thread waiting, which ends with this process.
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = std::io::stdin().read_line(&mut line);
        let _ = send.send(read.map(|_| line));
    });
    match tokio::time::timeout(TYPING, receive).await {
        Ok(Ok(Ok(line))) if gateway::is_typed(word, &line) => Ok(()),
        Ok(_) => Err(Broken::new(format!("nothing was decided: {word} was not typed"))),
        Err(_) => Err(Broken::new(format!("nothing was decided: {word} was not typed in time"))),
    }
}

async fn decide(
    review: &Review,
    id: ApprovalId,
    verdict: Verdict,
    args: &VerdictArgs,
    untold: Option<Broken>,
    terms: Option<&StandingTerms>,
    home: &Path,
) -> Result<ExitCode, Broken> {
    let told = |error: ReviewError| told(&error, home);
    let waiting = review.standing(id).await.map_err(told)?;
    let by = reviewer(review, Wanted::of(&waiting), args.reviewer.as_deref(), &args.home, home).await?;
    let exact = match verdict {
        // A yes is to exactly this text, so it is shown, and that is recorded.
        Verdict::Approve if !waiting.state.is_final() => match review.show(id, &by).await {
            Ok(shown) => Some(shown),
            // Whether it is granted already is the verdict's to say.
            Err(ReviewError::Unmoved(Unmoved::Ended(_))) => None,
            Err(error) => return Err(told(error)),
        },
        Verdict::Approve | Verdict::Deny => None,
    };
    let exact = match (exact, gateway::word_to_type(&waiting)) {
        // What destroys is typed, as on the page. Whoever holds a home of the demo need not.
        (Some(shown), Some(word)) if by.way() == SignIn::Oidc => {
            write_shown(&mut std::io::stdout().lock(), &shown)?;
            typed(&word).await?;
            None
        }
        (exact, _) => exact,
    };
    let reason = match verdict {
        Verdict::Approve => args.reason.as_deref(),
        Verdict::Deny => reason_kept(review, args.reason.as_deref(), untold).await,
    };
    let state = match terms {
        Some(terms) => review.approve_standing(id, &by, terms, reason).await.map_err(told)?,
        None => review.decide(id, &by, verdict, reason).await.map_err(told)?,
    };
    let who = printable(by.name());
    let had_said_yes = waiting.granted_by.iter().any(|name| name == by.name());
    let after = review.standing(id).await.unwrap_or_else(|_| waiting.clone());
    match state {
        ApprovalState::Granted if after.revoked.is_some() => {
            let what = after.revoked.map_or("agent", RevokedWhat::as_str);
            say!("approved by {who}, but its {what} is revoked, so nothing comes of it:");
        }
        ApprovalState::Granted
            if verdict == Verdict::Approve && waiting.state == ApprovalState::Granted && had_said_yes =>
        {
            say!("was approved by {who} already; a running gateway goes on with it within seconds:");
        }
        ApprovalState::Granted if waiting.asked.result.is_some() => {
            say!("approved by {who}; its result is released within seconds by a running gateway:");
        }
        ApprovalState::Granted if waiting.asked.access.is_some() => {
            say!("approved by {who}; a running gateway puts it in force within seconds:");
        }
        ApprovalState::Granted => {
            say!("approved by {who}; a running gateway decides once more and runs it within seconds:")
        }
        ApprovalState::Waiting => say!(
            "{}; {} of {} people have said yes:",
            if had_said_yes {
                format!("was approved by {who} already")
            } else {
                format!("approved by {who}")
            },
            after.granted_by.len(),
            after.asked.needed
        ),
        ApprovalState::Denied if waiting.state == ApprovalState::Granted => {
            say!("the yes is taken back by {who}; nothing comes of it, and its agent is told");
        }
        ApprovalState::Denied => say!("denied by {who}; its agent is told"),
        ApprovalState::Expired | ApprovalState::Withdrawn | ApprovalState::Spent => {
            say!("{who} had decided this; it is {}", state.as_str());
        }
    }
    if let Some(shown) = exact {
        // It is decided, whether anybody reads on or not (`… | head`).
        let _ = write_exact(&mut std::io::stdout().lock(), &shown.asked);
    }
    let waiting = after;
    let is_in_vain = state == ApprovalState::Granted && waiting.revoked.is_some();
    match (terms, state) {
        (_, _) if is_in_vain => {}
        (_, ApprovalState::Granted) if waiting.is_split() => {
            say!("nothing stands for later ones: not everybody who has said yes wants the same of them");
        }
        (Some(StandingTerms { runs, rows, until, vary: _ }), ApprovalState::Granted) => {
            let unbounded = standing::unbounded(&waiting.opening);
            say!("and {runs} later runs like it until {until}, each with {rows} rows at most{unbounded}");
            say!("next: snowgate approvals --standing --home {}", home.display());
        }
        (Some(_), ApprovalState::Waiting) => {
            say!(
                "and later runs like it, once the others have said yes to the same: snowgate approvals {id} --home {} tells it",
                home.display()
            );
        }
        (_, _) => {}
    }
    if let Some(access) = waiting.asked.access.as_ref().filter(|_| !is_in_vain) {
        match state {
            ApprovalState::Granted => {
                say!("until {}; next: snowgate approvals --access --home {}", access.until, home.display());
            }
            ApprovalState::Waiting => say!("it would last until {}", access.until),
            // Nothing lasts, or it has ended since.
            ApprovalState::Denied
            | ApprovalState::Expired
            | ApprovalState::Withdrawn
            | ApprovalState::Spent => {}
        }
    }
    if let Some((session, _)) = waiting.opening.exchange.split_once('/') {
        say!("next: snowgate replay {session} --home {}", home.display());
    }
    Ok(ExitCode::SUCCESS)
}
