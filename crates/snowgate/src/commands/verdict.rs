//! `snowgate approve ID` and `snowgate deny ID`: a person decides, over the embedded warehouse.

use std::path::Path;
use std::process::ExitCode;

use domain::{ApprovalId, ApprovalState, Binding, Unmoved, Verdict};
use gateway::{Review, ReviewError, SignIn, SignedIn, Waiting};

use super::approvals::{review, runtime};
use super::{Broken, printable};
use crate::cli::VerdictArgs;
use crate::config;

/// Takes a verdict, once.
pub fn run(verdict: Verdict, args: &VerdictArgs) -> Result<ExitCode, Broken> {
    let id: ApprovalId = args.id.parse().map_err(|error| {
        Broken::usage(format!("`{}`: {error}; next: snowgate approvals lists them", printable(&args.id)))
    })?;
    let home = config::home(&args.home)?;
    let review = review(&home)?;
    runtime()?.block_on(decide(&review, id, verdict, args, &home))
}

async fn decide(
    review: &Review,
    id: ApprovalId,
    verdict: Verdict,
    args: &VerdictArgs,
    home: &Path,
) -> Result<ExitCode, Broken> {
    let told = |error: ReviewError| told(&error, home);
    let waiting = review.standing(id).await.map_err(told)?;
    refuse_real_account(&waiting)?;
    // Whoever holds a home of the local demo stands in for all of its reviewers.
    let groups = waiting.asked.reviewers.iter().cloned().collect();
    let by =
        SignedIn::development(&args.reviewer, groups).map_err(|error| Broken::usage(error.to_string()))?;
    let exact = match verdict {
        // A yes is to exactly this text, so it is shown, and that is recorded.
        Verdict::Approve if !waiting.state.is_final() => match review.show(id, &by).await {
            Ok(shown) => Some(shown.asked),
            // Whether it is granted already is the verdict's to say.
            Err(ReviewError::Unmoved(Unmoved::Ended(_))) => None,
            Err(error) => return Err(told(error)),
        },
        Verdict::Approve | Verdict::Deny => None,
    };
    let state = review.decide(id, &by, verdict, args.reason.as_deref()).await.map_err(told)?;
    let who = printable(&args.reviewer);
    match state {
        ApprovalState::Granted => println!("approved by {who}; a running gateway runs it within seconds:"),
        ApprovalState::Waiting => println!(
            "approved by {who}; {} of {} people have said yes:",
            waiting.granted_by.len().saturating_add(1),
            waiting.asked.needed
        ),
        ApprovalState::Denied => println!("denied by {who}; its agent is told"),
        ApprovalState::Expired | ApprovalState::Withdrawn | ApprovalState::Spent => {
            println!("{who} had decided this; it is {}", state.as_str());
        }
    }
    if let Some(asked) = exact {
        printable(asked.text.reveal()).lines().for_each(|line| println!("    {line}"));
        for (place, Binding { kind, value }) in &asked.bindings {
            let value = value.as_deref().map_or_else(|| "NULL".to_owned(), printable);
            println!("    :{place} {} {value}", printable(kind.as_str()));
        }
    }
    if let Some((session, _)) = waiting.opening.exchange.split_once('/') {
        println!("next: snowgate replay {session} --home {}", home.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Over a real account reviewers sign in, and there is nowhere to sign in yet.
fn refuse_real_account(waiting: &Waiting) -> Result<(), Broken> {
    match SignIn::from_word(&waiting.asked.sign_in) {
        Some(SignIn::Development) => Ok(()),
        Some(SignIn::Oidc) | None => Err(Broken::new(format!(
            "this statement waits before a real account, where only reviewers who have signed in may decide, and \
             this version has no sign-in for them yet: it is denied by silence at {}",
            waiting.lapses
        ))),
    }
}

fn told(error: &ReviewError, home: &Path) -> Broken {
    let home = home.display();
    match error {
        ReviewError::Unknown => Broken::new(format!("{error}; next: snowgate approvals --home {home}")),
        ReviewError::Unmoved(Unmoved::OwnRequest) => {
            Broken::new(format!("{error}; next: another person decides, --as EMAIL"))
        }
        ReviewError::Unmoved(_) | ReviewError::SignIn => Broken::new(error.to_string()),
        ReviewError::Fault(fault) => {
            let cause =
                std::error::Error::source(fault).map(|cause| format!(": {cause}")).unwrap_or_default();
            Broken::new(format!("{fault}{cause}"))
        }
    }
}
