//! `snowgate approve ID` and `snowgate deny ID`: a person decides, over the embedded warehouse.

use std::path::Path;
use std::process::ExitCode;

use domain::{ApprovalId, ApprovalState, Unmoved, Verdict};
use gateway::{Review, ReviewError};

use super::approvals::{approval_id, review, runtime, stand_in, told, write_exact};
use super::{Broken, printable};
use crate::cli::VerdictArgs;
use crate::config;

/// Takes a verdict, once.
pub fn run(verdict: Verdict, args: &VerdictArgs) -> Result<ExitCode, Broken> {
    let id = approval_id(&args.id)?;
    let home = config::home(&args.home)?;
    // Only a reason needs the bundle: a broken configuration keeps nobody from saying no.
    let policies = if args.reason.is_some() { config::policies(&args.home)? } else { None };
    let review = review(&home, policies)?;
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
    let by = stand_in(&waiting, &args.reviewer)?;
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
        ApprovalState::Granted if waiting.asked.result.is_some() => {
            println!("approved by {who}; its result is released within seconds by a running gateway:");
        }
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
        write_exact(&mut std::io::stdout().lock(), &asked)?;
    }
    if let Some((session, _)) = waiting.opening.exchange.split_once('/') {
        println!("next: snowgate replay {session} --home {}", home.display());
    }
    Ok(ExitCode::SUCCESS)
}
