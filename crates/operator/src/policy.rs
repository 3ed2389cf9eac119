//! `snowgate-aws policy …`.

use std::path::Path;
use std::process::ExitCode;

use aws::{Became, InForce, Log, Named, PushError, Pushed, Said};
use domain::{Digest, Timestamp};
use legible::{Look, told};

use crate::account::{Account, Decides};
use crate::cli::{
    CaseArgs, ConfirmArgs, DiffArgs, LogArgs, PushArgs, ReasonArgs, RollbackArgs, WithdrawArgs,
};
use crate::compare::{self, Files};
use crate::ended::Ended;
use crate::reviewers;

/// It waits for a second person.
const WAITS: u8 = 4;

/// Proposes the bundle in a folder.
pub async fn push(args: &PushArgs) -> Result<ExitCode, Ended> {
    let PushArgs { dir, reason, stack, cases } = args;
    // Before anybody is asked: a bundle that is not good needs no account.
    let mut files = compare::folder(dir)?;
    // A copy for editors. Kept along, it would have to be that of every version that reads the bundle.
    if files.remove(policy::SCHEMA_FILE).is_some() {
        say!("{} is left out: it is for editors, and functions have their own", policy::SCHEMA_FILE);
    }
    let account = Account::ask(stack).await?;
    propose(&account, &files, reason, cases).await
}

/// Proposes a bundle that was in force before.
pub async fn rollback(args: &RollbackArgs) -> Result<ExitCode, Ended> {
    let RollbackArgs { digest, reason, stack, cases } = args;
    let account = Account::ask(stack).await?;
    let Log { pushes, unreadable: _ } = account.pushes.log(usize::MAX).await?;
    // What too few stood behind never decided, whatever the log makes of it.
    let was = |push: &&Pushed| push.became == Became::WasInForce && account.pushes.is_backed(push);
    let found = match digest {
        Some(digest) => pushes.iter().filter(was).find(|push| push.digest == *digest),
        None => pushes.iter().find(was),
    };
    let before = found.ok_or_else(|| {
        let stack = &account.stack;
        Ended::refused(match digest {
            Some(_) => {
                format!("that bundle was never in force; next: snowgate-aws policy log --stack {stack}")
            }
            None => "no other bundle was in force before".to_owned(),
        })
    })?;
    let files = account.pushes.files(before.digest).await?;
    propose(&account, &files, reason, cases).await
}

async fn propose(
    account: &Account,
    files: &Files,
    reason: &ReasonArgs,
    cases: &CaseArgs,
) -> Result<ExitCode, Ended> {
    let ReasonArgs { why, alone } = reason;
    let Account { pushes, caller, decides, stack, .. } = account;
    match decides {
        Decides::Pushed if *alone => {
            return Err(Ended::refused(format!(
                "the stack `{stack}` takes a bundle by the word of two people (Policies=pushed); \
                 leave --alone out, or deploy it with Policies=pushed-by-one"
            )));
        }
        Decides::Deployed(policies) if *alone => {
            return Err(Ended::refused(format!(
                "the stack `{stack}` decides by {policies}, and one person's word is only taken with \
                 Policies=pushed-by-one; deploy it so first"
            )));
        }
        Decides::Deployed(policies) => say!(
            "ATTENTION: the stack `{stack}` decides by {policies}; what is pushed decides once it is deployed with Policies=pushed"
        ),
        Decides::Pushed | Decides::PushedByOne => {}
    }
    let seen = pushes.in_force().await?;
    compared(account, &seen, files, cases).await?;
    let of_push = |error: PushError| Ended::of_push(error, stack);
    if *alone {
        let digest = pushes.put_alone(files, &seen, why).await.map_err(of_push)?;
        say!("in force by the word of {caller} alone: {digest}; functions follow within seconds");
        reviewers::invite(account).await;
        return Ok(ExitCode::SUCCESS);
    }
    let digest = pushes.propose(files, &seen, why).await.map_err(of_push)?;
    say!("proposed by {caller}: {digest}");
    reviewers::invite(account).await;
    say!(
        "nothing is in force by it yet; next, by a second person: snowgate policy confirm {digest} --stack {stack}"
    );
    Ok(ExitCode::from(WAITS))
}

/// Agrees to what another person has proposed, or only shows it.
pub async fn confirm(args: &ConfirmArgs) -> Result<ExitCode, Ended> {
    let ConfirmArgs { digest, why, stack, cases } = args;
    let account = Account::ask(stack).await?;
    let Account { pushes, caller, stack, .. } = &account;
    let in_force = pushes.in_force().await?;
    let proposals = pushes.proposals(Some(*digest), &in_force).await?;
    for proposal in &proposals {
        say!("{}", word("proposed", &proposal.said));
    }
    let of_push = |error: PushError| Ended::of_push(error, stack);
    if proposals.is_empty() {
        let is_in_force = in_force.named == Named::Backed(*digest);
        return Err(of_push(if is_in_force { PushError::InForce } else { PushError::NotProposed }));
    }
    let files = pushes.files(*digest).await?;
    compared(&account, &in_force, &files, cases).await?;
    let Some(why) = why else {
        say!("nothing is done; next: the same command with --why TEXT, if you agree");
        return Ok(ExitCode::from(WAITS));
    };
    let digest = pushes.confirm(*digest, &in_force, why).await.map_err(of_push)?;
    say!("in force, confirmed by {caller}: {digest}; functions follow within seconds");
    if let Decides::Deployed(policies) = &account.decides {
        say!(
            "ATTENTION: the stack `{stack}` decides by {policies} until it is deployed with Policies=pushed"
        );
    }
    reviewers::invite(&account).await;
    Ok(ExitCode::SUCCESS)
}

/// Shows what differs from what is in force.
async fn compared(
    account: &Account,
    in_force: &InForce,
    files: &Files,
    cases: &CaseArgs,
) -> Result<(), Ended> {
    let Some(before) = decides_now(account, in_force).await? else { return Ok(()) };
    match account.pushes.files(before).await {
        Ok(before) => compare::show(&before, files, cases)?,
        // A new one must not be kept from mending it.
        Err(fault) => {
            say!("ATTENTION: what is in force ({before}) cannot be compared with: {}", Ended::from(fault));
        }
    }
    Ok(())
}

/// The bundle that functions decide by, as far as that is known; what is wrong with the one that is named is said.
// SECURITY: one operator alone can write the name. What is named so is nothing to be compared with: it would hide what is new.
async fn decides_now(account: &Account, in_force: &InForce) -> Result<Option<Digest>, Ended> {
    let wrong = match in_force.named {
        Named::Nothing => {
            say!("no bundle is in force yet");
            return Ok(None);
        }
        Named::Backed(digest) => return Ok(Some(digest)),
        Named::Unbacked(digest) => format!("nobody's words bear what is named in force ({digest})"),
        Named::Damaged => "what is named in force cannot be read".to_owned(),
    };
    let last = account.pushes.last_backed().await?;
    let instead = last.map_or_else(
        || "nobody has put a bundle in force before".to_owned(),
        |last| format!("the last one in force was {last}"),
    );
    say!(
        "ATTENTION: {wrong}: functions do not follow it, and refuse everything an hour after it was written; {instead}. \
         Somebody has written it past this program: CloudTrail's data events of the table say who. A push that is confirmed mends it"
    );
    Ok(last)
}

/// Takes back what the caller has said of a bundle.
pub async fn withdraw(args: &WithdrawArgs) -> Result<ExitCode, Ended> {
    let WithdrawArgs { digest, stack } = args;
    let account = Account::ask(stack).await?;
    let Account { pushes, caller, stack, .. } = &account;
    match pushes.withdraw(*digest).await {
        Ok(0) => Err(Ended::refused(format!(
            "{caller} has said nothing of that bundle; next: snowgate-aws policy log --stack {stack}"
        ))),
        Ok(_) => {
            say!("taken back: what {caller} has said of {digest} bears nothing any more");
            Ok(ExitCode::SUCCESS)
        }
        Err(PushError::InForce) => Err(Ended::refused(format!(
            "it is in force, and taking a word back would leave functions without a bundle; put another one in its place: \
             snowgate-aws policy rollback --why TEXT --stack {stack}"
        ))),
        Err(error) => Err(Ended::of_push(error, stack)),
    }
}

/// Shows what differs between two bundles.
pub async fn diff(args: &DiffArgs) -> Result<ExitCode, Ended> {
    let DiffArgs { before, after, stack, cases } = args;
    let account = Account::ask(stack).await?;
    let (before, after) = match after {
        Some(after) => (found(&account, before).await?, found(&account, after).await?),
        None => {
            let decides = decides_now(&account, &account.pushes.in_force().await?).await?;
            let decides =
                decides.ok_or_else(|| Ended::broken("no bundle is in force to compare with; name two"))?;
            (account.pushes.files(decides).await?, found(&account, before).await?)
        }
    };
    compare::show(&before, &after, cases)?;
    Ok(ExitCode::SUCCESS)
}

/// The bundle of that digest, or in that folder.
async fn found(account: &Account, named: &str) -> Result<Files, Ended> {
    match named.parse::<Digest>() {
        Ok(digest) => Ok(account.pushes.files(digest).await?),
        Err(_) => compare::folder(Path::new(named)),
    }
}

/// Tells what waits and what was put in force.
pub async fn log(args: &LogArgs) -> Result<ExitCode, Ended> {
    let account = Account::ask(&args.stack).await?;
    let in_force = account.pushes.in_force().await?;
    for proposal in account.pushes.proposals(None, &in_force).await? {
        say!("waits         {}", proposal.digest);
        say!("  {}", word("proposed", &proposal.said));
    }
    let Log { pushes, unreadable } = account.pushes.log(args.limit).await?;
    for key in &unreadable {
        say!("ATTENTION: {} is no push, and is passed over", told(key, Look::Name));
    }
    match in_force.named {
        Named::Nothing if pushes.is_empty() => say!("no bundle was ever in force"),
        Named::Nothing => say!("ATTENTION: no bundle is named in force any more"),
        Named::Unbacked(_) | Named::Damaged => {
            decides_now(&account, &in_force).await?;
        }
        Named::Backed(digest) if pushes.iter().all(|push| push.became != Became::InForce) => {
            say!("ATTENTION: what is in force ({digest}) was put there by none of these pushes");
        }
        Named::Backed(_) => {}
    }
    for push in &pushes {
        let Pushed { digest, at, first, second, backing, became } = push;
        let became = match became {
            Became::InForce if account.pushes.is_backed(push) => "in force     ",
            Became::InForce => "named only   ",
            Became::WasInForce => "was in force ",
            Became::Never => "never in force",
            Became::Unclear => "ATTENTION: in force before, or never:",
        };
        say!("{became} {digest} since {}", minute(*at));
        match first {
            Some(first) => say!("  {}", word("proposed", first)),
            None => say!("  ATTENTION: by nobody whose word about it is found"),
        }
        match second {
            Some(second) => say!("  {}", word("confirmed", second)),
            None if backing.is_some() => say!("  by one person's word alone"),
            None => {}
        }
        if first.is_some() && backing.is_none() {
            say!("  ATTENTION: these words do not bear it: nobody has agreed to this proposal");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Who said what, when and why. What they wrote themselves is told so that it steers no terminal.
fn word(what: &str, Said { by, id, why, at, withdrawn }: &Said) -> String {
    let [by, id, why] =
        [(by, Look::Name), (id, Look::Name), (why, Look::Prose)].map(|(text, look)| told(text, look));
    let taken_back = withdrawn.map_or_else(String::new, |at| format!(" (taken back {})", minute(at)));
    format!("{what} {} by {by} ({id}): {why}{taken_back}", minute(*at))
}

fn minute(at: Timestamp) -> String {
    let text = at.to_string();
    text.get(..16).map_or(text.clone(), |minute| format!("{} UTC", minute.replace('T', " ")))
}
