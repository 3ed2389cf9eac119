//! `snowgate approvals`: what waits for a person, and what every command needs to reach it.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use domain::{ApprovalId, ApprovalState, Asked, Binding, Context, PromptGrade, Unmoved};
use gateway::ports::RevokedWhat;
use gateway::{Ending, MayEnd, Review, ReviewError, ReviewPorts, Roster, Shown, SignIn, Waiting};
use local::{FolderPolicies, Home, ServedPolicies, Serving, SystemClock};
use recording::{AccessRecord, ContextRecord, Finding, LateEvidence, PromptRecord, ResultRecord, ViewRecord};
use serde::Serialize;

use super::sign_in::{Wanted, reviewer, roster_of};
use super::{
    Broken, access, named, one_line, printable, standing, whoever, write_foreign, write_head, write_line,
    write_statement, write_statement_head,
};
use crate::cli::{ApprovalsArgs, HomeArgs};
use crate::config;

/// One approval as `--json` prints it.
#[derive(Serialize)]
struct Row<'a> {
    id: String,
    exchange: &'a str,
    state: &'static str,
    opened: &'a str,
    agent: &'a str,
    person: Option<&'a str>,
    prompt: &'a PromptRecord,
    /// What did not fit together of what was known of it when it was asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<Finding>,
    class: &'static str,
    kinds: Vec<&'a str>,
    /// As recorded: sensitive literals are masked.
    sql: &'a str,
    context: &'a ContextRecord,
    reads: Vec<&'a str>,
    writes: Vec<&'a str>,
    /// Views that it goes through, as they were when it was asked.
    views: &'a [ViewRecord],
    reason: &'a str,
    /// What has changed since it was approved before, where it is asked again.
    #[serde(skip_serializing_if = "Option::is_none")]
    again: Option<&'a str>,
    rules: &'a [String],
    reviewers: &'a [String],
    needed: u32,
    granted_by: &'a [String],
    /// What of whoever asked is revoked: then nothing comes of a yes.
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked: Option<&'static str>,
    /// Nobody decides it any more.
    #[serde(skip)]
    is_granted: bool,
    /// What some of those want to allow for later ones: it stands once all say yes to the same.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    wanted: Vec<standing::WantedRow<'a>>,
    expires: String,
    sign_in: &'a str,
    /// For access that is asked for: nothing runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    access: Option<&'a AccessRecord>,
    /// For a result that has outgrown its limit and is kept: the statement has run.
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a ResultRecord>,
    /// What is known of the prompt since it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    later: Option<&'a LateEvidence>,
}

/// Lists what waits, oldest first.
pub fn run(args: &ApprovalsArgs) -> Result<ExitCode, Broken> {
    let home = config::home(&args.home)?;
    let review = review(&home)?;
    if let Some(id) = &args.end {
        let (review, untold) = judging_if_told(&home, &args.home)?;
        return runtime()?.block_on(end(&review, id, args, untold, &home));
    }
    if args.access || args.standing {
        let (review, untold) = judging_if_told(&home, &args.home)?;
        if let Some(untold) = untold {
            eprintln!("snowgate: {untold}");
        }
        return if args.access {
            runtime()?.block_on(access::list(&review, args.json, &home))
        } else {
            runtime()?.block_on(standing::list(&review, args.json, &home))
        };
    }
    if let Some(id) = &args.id {
        return runtime()?.block_on(show(&review, id, args, &home));
    }
    let listing = runtime()?.block_on(review.waiting())?;
    let mut out = std::io::stdout().lock();
    for waiting in &listing.waiting {
        let row = row(waiting);
        let written = if args.json { write_json(&mut out, &row) } else { write_listed(&mut out, &row) };
        if written.is_err() {
            // Whoever read has seen enough (`… | head`).
            return Ok(ExitCode::SUCCESS);
        }
    }
    let home = home.display();
    if !listing.damaged.is_empty() {
        eprintln!(
            "snowgate: the approvals of {} cannot be read; next: snowgate verify {home}",
            listing.damaged.join(", ")
        );
        return Ok(ExitCode::FAILURE);
    }
    if !args.json {
        let is_waiting = |waiting: &&Waiting| waiting.state == ApprovalState::Waiting;
        match (listing.waiting.len(), listing.waiting.iter().filter(is_waiting).count()) {
            (0, _) => eprintln!("nothing waits for a person"),
            // Whoever has decided has nothing more to do.
            (_, 0) => eprintln!(
                "nothing waits for a person; what is granted is gone on with by a running gateway; next: snowgate replay SESSION \
                 --home {home}"
            ),
            (_, _) => eprintln!(
                "next: snowgate approvals ID --home {home} shows one whole, snowgate approve ID --home {home} lets it run, \
                 snowgate deny ID --home {home} --reason WHY does not"
            ),
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Ends what is in force under that id, or takes back a yes to it that has had no effect yet.
async fn end(
    review: &Review,
    id: &str,
    args: &ApprovalsArgs,
    untold: Option<Broken>,
    home: &Path,
) -> Result<ExitCode, Broken> {
    let id = approval_id(id, home)?;
    let told = |error: ReviewError| told(&error, home);
    let MayEnd { what: _, reviewers, sign_in } = review.may_end(id).await.map_err(told)?;
    let wanted = Wanted { id, sign_in: &sign_in, groups: &reviewers };
    let by = reviewer(review, wanted, args.reviewer.as_deref(), &args.home, home).await?;
    let reason = reason_kept(review, args.reason.as_deref(), untold).await;
    let ended = review.end(id, &by, reason).await.map_err(told)?;
    let by = named(by.name());
    match ended {
        Ending::Access => {
            say!("ended by {by}; nothing more is read by it, and what is under way is not released");
        }
        Ending::Standing => say!("ended by {by}; it allows nothing from now on"),
        Ending::Yes => say!("the yes is taken back by {by}; nothing comes of it, and its agent is told"),
    }
    Ok(ExitCode::SUCCESS)
}

/// Reviewing in the home at `path`, which must be there, by people who prove themselves as the gateway that serves it wants it. It
/// may serve it meanwhile. It needs no policy bundle: a broken one keeps nobody from looking and from saying no.
pub fn review(path: &Path) -> Result<Review, Broken> {
    review_by(Arc::new(Home::open_existing(path)?), None)
}

/// The same by the bundle that the gateway decides by, as the home notes it: it says what permits anything, and what a reason must
/// not hold. Where the home does not tell, by that of the configuration.
pub fn judging(path: &Path, args: &HomeArgs) -> Result<Review, Broken> {
    let home = Arc::new(Home::open_existing(path)?);
    match home.served_policies()? {
        ServedPolicies::BuiltIn => review_by(home, None),
        ServedPolicies::Folder(folder) => review_by(home, Some(folder)),
        ServedPolicies::Untold => Ok(review_by(home, config::policies(args)?)?.not_told_policies()),
    }
}

/// As [`judging`], for whoever ends, denies or looks: where nobody can tell by which bundle the gateway decides, they do so without
/// one; and why nobody can.
pub fn judging_if_told(path: &Path, args: &HomeArgs) -> Result<(Review, Option<Broken>), Broken> {
    match judging(path, args) {
        Ok(review) => Ok((review, None)),
        Err(untold) => Ok((review(path)?.not_told_policies(), Some(untold))),
    }
}

/// The reason of a no or of an end; none, with a word, where there is no bundle that says what must not stand in it.
// SECURITY: without one nobody knows what that is. The no itself is taken all the same.
pub async fn reason_kept<'a>(
    review: &Review,
    reason: Option<&'a str>,
    untold: Option<Broken>,
) -> Option<&'a str> {
    let reason = reason?;
    let why = match untold {
        Some(untold) => untold.to_string(),
        None => match review.takes_reasons().await {
            Ok(()) => return Some(reason),
            Err(fault) => fault.to_string(),
        },
    };
    eprintln!("snowgate: the reason is left out, because nobody can tell what must not stand in it: {why}");
    None
}

fn review_by(home: Arc<Home>, policies: Option<PathBuf>) -> Result<Review, Broken> {
    let sign_in = home.sign_in()?;
    let roster = home.serving()?.and_then(|serving| roster_here(&serving));
    let review = Review::new(ReviewPorts {
        approvals: home.clone(),
        standings: home.clone(),
        accesses: home.clone(),
        recordings: home.clone(),
        exchanges: home.clone(),
        keys: home,
        policies: Arc::new(FolderPolicies::new(policies)),
        clock: Arc::new(SystemClock),
    });
    let review = review.signed_in_by(sign_in);
    Ok(match roster {
        Some(roster) => review.asking(Arc::new(roster)),
        None => review,
    })
}

/// Who is asked by the gateway that serves the home: nobody, where reviewers must sign in and it has said of none how they do. None
/// in the local demo.
fn roster_here(serving: &Serving) -> Option<Roster> {
    match (&serving.reviewers, serving.sign_in) {
        (Some(there), _) => Some(roster_of(there)),
        (None, SignIn::Oidc) => Some(Roster::new("", "", Vec::new())),
        (None, SignIn::Development) => None,
    }
}

/// What exactly would run, as `--json` prints it.
#[derive(Serialize)]
struct Exact<'a> {
    #[serde(flatten)]
    row: Row<'a>,
    exact_sql: &'a str,
    bindings: Vec<Bound<'a>>,
    exact_context: ContextRecord,
    parameters: &'a BTreeMap<String, String>,
    exact_prompt: Option<&'a str>,
}

#[derive(Serialize)]
struct Bound<'a> {
    place: u32,
    kind: &'a str,
    value: Option<&'a str>,
}

/// Shows one whole; that somebody looked is recorded first.
async fn show(review: &Review, id: &str, args: &ApprovalsArgs, home: &Path) -> Result<ExitCode, Broken> {
    let id = approval_id(id, home)?;
    let waiting = review.standing(id).await.map_err(|error| told(&error, home))?;
    let by = reviewer(review, Wanted::of(&waiting), args.reviewer.as_deref(), &args.home, home).await?;
    let shown = review.show(id, &by).await.map_err(|error| told(&error, home))?;
    let Shown { waiting, asked, later: _ } = &shown;
    let mut out = std::io::stdout().lock();
    let written = if args.json {
        let bindings = asked.bindings.iter().map(|(place, Binding { kind, value })| Bound {
            place: *place,
            kind,
            value: value.as_deref(),
        });
        let exact = Exact {
            row: row(waiting),
            exact_sql: asked.text.reveal(),
            bindings: bindings.collect(),
            exact_context: ContextRecord::from(&asked.context),
            parameters: &asked.parameters,
            exact_prompt: asked.prompt.text.as_deref(),
        };
        write_json(&mut out, &exact)
    } else {
        write_shown(&mut out, &shown)
    };
    if written.is_ok() && !args.json {
        let home = home.display();
        match waiting.opening.exchange.split_once('/') {
            Some((session, _)) if waiting.state != ApprovalState::Waiting => {
                eprintln!("next: snowgate replay {session} --home {home}");
            }
            _ => eprintln!(
                "next: snowgate approve {id} --home {home}, or snowgate deny {id} --home {home} --reason WHY"
            ),
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// All that somebody must have seen before they decide: who asks, for what, why it was held, and exactly what a yes does.
pub fn write_shown(out: &mut impl Write, shown: &Shown) -> std::io::Result<()> {
    let Shown { waiting, asked, later } = shown;
    let row = row(waiting);
    write_row(out, &row, usize::MAX)?;
    if let Some(later) = later {
        write_later(out, later)?;
    }
    let has_run = waiting.asked.result.is_some();
    let heading = match &waiting.asked.access {
        Some(_) => "exactly this was asked:",
        None if has_run => "exactly this has run:",
        None => "exactly this would run:",
    };
    writeln!(out, "{heading}")?;
    write_exact(out, asked)?;
    if let Some(access) = &waiting.asked.access {
        writeln!(out, "a yes adds this to the policies, until then:")?;
        printable(&access.policy).lines().try_for_each(|line| writeln!(out, "    {line}"))?;
    } else if !has_run {
        standing::write_places(out, asked)?;
        standing::write_wanted(out, waiting)?;
    }
    row.views.iter().try_for_each(|view| write_view(out, view))
}

/// The exact text, bound values and parameters.
pub fn write_exact(out: &mut impl Write, asked: &Asked) -> std::io::Result<()> {
    for warning in legible::statement(asked.text.reveal()).warnings {
        write_line(out, "    ", &format!("note: {warning}"))?;
    }
    write_statement(out, "    ", asked.text.reveal())?;
    for (place, Binding { kind, value }) in &asked.bindings {
        let value = value.as_deref().map_or_else(|| "NULL".to_owned(), one_line);
        write_line(out, "    ", &format!(":{place} {} {value}", named(kind)))?;
    }
    let Context { role, warehouse, database, schema } = &asked.context;
    write_line(out, "    ", &under([role, warehouse, database, schema].map(Option::as_deref)))?;
    for (name, value) in &asked.parameters {
        write_line(out, "    ", &format!("{} = {}", named(name), one_line(value)))?;
    }
    Ok(())
}

/// What stands behind a view's name.
fn write_view(out: &mut impl Write, view: &ViewRecord) -> std::io::Result<()> {
    let ViewRecord { name, definition, length } = view;
    write_line(out, "", &format!("the view {} is:", named(name)))?;
    match (definition, length) {
        (Some(text), _) => write_statement(out, "    ", text),
        (None, Some(length)) => writeln!(out, "    (a query of {length} bytes, too long to be shown)"),
        (None, None) => writeln!(out, "    (a query that nobody here may see)"),
    }
}

/// The names that it runs under, in a line.
fn under(names: [Option<&str>; 4]) -> String {
    let words = ["role", "warehouse", "database", "schema"].into_iter().zip(names);
    let words =
        words.map(|(word, name)| format!("{word} {}", name.map_or_else(|| "(none)".to_owned(), named)));
    words.collect::<Vec<_>>().join(", ")
}

/// The id of an approval.
pub fn approval_id(text: &str, home: &Path) -> Result<ApprovalId, Broken> {
    text.parse().map_err(|error| {
        let (text, home) = (printable(text), home.display());
        Broken::usage(format!("`{text}`: {error}; next: snowgate approvals --home {home} lists them"))
    })
}

/// What went wrong, and what to do.
pub fn told(error: &ReviewError, home: &Path) -> Broken {
    let home = home.display();
    match error {
        ReviewError::Unknown => Broken::new(format!("{error}; next: snowgate approvals --home {home}")),
        ReviewError::Unmoved(Unmoved::OwnRequest) => {
            Broken::new(format!("{error}; next: another person decides, --as EMAIL"))
        }
        ReviewError::Unmoved(_)
        | ReviewError::SignIn
        | ReviewError::Stranger
        | ReviewError::Form
        | ReviewError::Standing(_) => Broken::new(error.to_string()),
        ReviewError::Fault(fault) => {
            let cause =
                std::error::Error::source(fault).map(|cause| format!(": {cause}")).unwrap_or_default();
            Broken::new(format!("{fault}{cause}"))
        }
    }
}

/// What a command waits by.
pub fn runtime() -> Result<tokio::runtime::Runtime, Broken> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

fn row(waiting: &Waiting) -> Row<'_> {
    let Waiting { id, opening, asked, state, granted_by, wanted, lapses, revoked, later } = waiting;
    let statements = opening.statements.as_slice();
    Row {
        id: id.to_string(),
        exchange: &opening.exchange,
        state: state.as_str(),
        opened: &opening.opened,
        agent: &opening.principal.agent,
        person: opening.principal.person.as_deref(),
        prompt: &opening.prompt,
        findings: opening.findings(),
        class: opening.class(),
        kinds: once_each(statements.iter().map(|statement| statement.kind.as_str())),
        sql: &opening.sql,
        context: &asked.context,
        reads: once_each(statements.iter().flat_map(|statement| &statement.reads).map(String::as_str)),
        writes: once_each(statements.iter().flat_map(|statement| &statement.writes).map(String::as_str)),
        views: &asked.views,
        reason: &asked.reason,
        again: asked.again.as_deref(),
        rules: &asked.rules,
        reviewers: &asked.reviewers,
        needed: asked.needed,
        granted_by,
        revoked: revoked.map(RevokedWhat::as_str),
        is_granted: *state == ApprovalState::Granted,
        wanted: wanted.iter().map(standing::WantedRow::from).collect(),
        expires: lapses.to_string(),
        sign_in: &asked.sign_in,
        access: asked.access.as_ref(),
        result: asked.result.as_ref(),
        later: later.as_ref(),
    }
}

fn once_each<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// What came since it was asked.
fn write_later(out: &mut impl Write, later: &LateEvidence) -> std::io::Result<()> {
    let words = PromptGrade::from_word(&later.grade).map_or("unknown", PromptGrade::words);
    writeln!(out, "    known since: {}, {words}", later.grade)?;
    if let Some(text) = &later.text {
        write_foreign(out, "      ", text)?;
    }
    let mut findings = later.findings.iter();
    findings.try_for_each(|found| write_line(out, "      ", &format!("finding: {}", one_line(&found.detail))))
}

/// One of the list: its head, and what has been found out since.
fn write_listed(out: &mut impl Write, row: &Row<'_>) -> std::io::Result<()> {
    write_row(out, row, HEAD)?;
    let Some(LateEvidence { grade, findings, .. }) = row.later else { return Ok(()) };
    let found = match findings.len() {
        0 => String::new(),
        1 => "; 1 finding".to_owned(),
        several => format!("; {several} findings"),
    };
    writeln!(out, "    the prompt is known as {grade} since{found}: snowgate approvals {}", row.id)
}

pub(super) fn write_json(out: &mut impl Write, row: &impl Serialize) -> std::io::Result<()> {
    serde_json::to_writer(&mut *out, row)?;
    out.write_all(b"\n")
}

/// Lines of a statement and of its prompt in the list, at most.
const HEAD: usize = 20;

fn write_row(out: &mut impl Write, row: &Row<'_>, lines: usize) -> std::io::Result<()> {
    let kinds = one_line(&row.kinds.join(", "));
    write_line(out, "", &format!("{}  {}  {} ({kinds})", row.id, row.state, row.class))?;
    write_line(out, "    ", &format!("asked by {}", whoever(row.agent, row.person)))?;
    if let Some(revoked) = row.revoked {
        writeln!(out, "    its {revoked} is revoked: nothing comes of a yes")?;
    }
    if let Some(prompt) = &row.prompt.text {
        writeln!(out, "    prompt ({})", row.prompt.grade)?;
        write_head(out, "      ", prompt, lines)?;
    }
    for Finding { detail, what: _ } in &row.findings {
        writeln!(out, "    finding: {detail}")?;
    }
    write_statement_head(out, "    ", row.sql, lines)?;
    let ContextRecord { role, warehouse, database, schema } = row.context;
    let under = under([role, warehouse, database, schema].map(Option::as_deref));
    write_line(out, "    ", &format!("under {under}"))?;
    if let Some(AccessRecord { to, until, why, policy: _ }) = row.access {
        let asks = format!("asks to read {} until {until}, and says why:", named(to));
        write_line(out, "    ", &asks)?;
        write_head(out, "      ", why, lines)?;
    }
    for (what, objects) in [("changes", &row.writes), ("reads", &row.reads)] {
        if !objects.is_empty() {
            write_line(out, "    ", &format!("{what} {}", named(&objects.join(", "))))?;
        }
    }
    write_line(out, "    ", &format!("because {}", one_line(row.reason)))?;
    if let Some(again) = row.again {
        write_line(out, "    ", &format!("asked again: {}", one_line(again)))?;
    }
    let expires = minute(&row.expires);
    let decided = if row.is_granted {
        format!("granted by {}; spent until {expires}, or asked anew", named(&row.granted_by.join(", ")))
    } else {
        format!("{} decide until {expires}", named(&row.reviewers.join(", ")))
    };
    write_line(out, "    ", &decided)?;
    if row.needed > 1 && !row.is_granted {
        let said =
            if row.granted_by.is_empty() { "nobody".to_owned() } else { named(&row.granted_by.join(", ")) };
        write_line(out, "    ", &format!("{} of them must say yes; so far {said} has", row.needed))?;
    }
    writeln!(out, "    recorded as {}", row.exchange)
}

/// A moment to the minute.
fn minute(moment: &str) -> String {
    match (moment.get(..10), moment.get(11..16)) {
        (Some(day), Some(time)) => format!("{day} {time} UTC"),
        _ => moment.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn before_an_account_whose_gateway_asks_nobody_the_yes_of_nobody_counts() {
        let serving = |sign_in| Serving { behind: "somewhere".to_owned(), sign_in, reviewers: None };
        let roster = roster_here(&serving(SignIn::Oidc)).unwrap();
        assert_eq!((roster.people().len(), roster.issuer()), (0, ""));
        assert!(roster_here(&serving(SignIn::Development)).is_none());
    }
}
