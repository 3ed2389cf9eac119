//! `snowgate replay SESSION`.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use domain::{ExchangeId, PromptGrade, SessionId, Timestamp};
use local::Records;
use recording::{
    ApprovalStep, CallRecord, Event, FailureRecord, LateEvidence, ObjectKind, Opening, RecordKey, What,
    WitnessRecord, approval_event, closing_event, decode, decode_page, digest_of, evidence_event,
    opening_events, page_event,
};

use super::archive::{RecordedExchange, exchange};
use super::{Broken, cells, counted, named, one_line, printable, table, write_foreign, write_tree_line};
use crate::cli::ReplayArgs;
use crate::config;

/// The longest pause between two events, however long it really was.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Tells a session again.
pub fn run(args: &ReplayArgs) -> Result<ExitCode, Broken> {
    let (session, only) = which(args)?;
    if args.speed.is_some_and(|speed| !(speed.is_finite() && speed > 0.0)) {
        return Err(Broken::usage("--speed is a number above 0"));
    }
    let home = config::home(&args.home)?;
    let records = Records::open(&home)?;
    let mut teller = Teller { json: args.json, speed: args.speed, last: None, prompt: None };
    let mut told = 0_u64;
    for key in records.exchanges(session)? {
        if only.is_some_and(|only| key.exchange.number.get() != only) {
            continue;
        }
        told += 1;
        if tell(&records, &exchange(&records, key)?, &mut teller)?.is_err() {
            // Whoever read has seen enough.
            return Ok(ExitCode::SUCCESS);
        }
    }
    if told == 0 {
        return Err(Broken::new(format!(
            "there is no such recording here; next: snowgate search --home {}",
            home.display()
        )));
    }
    Ok(ExitCode::SUCCESS)
}

fn which(args: &ReplayArgs) -> Result<(SessionId, Option<u32>), Broken> {
    if let Ok(exchange) = args.session.parse::<ExchangeId>() {
        return Ok((exchange.session, Some(exchange.number.get())));
    }
    let session = args
        .session
        .parse()
        .map_err(|error| Broken::usage(format!("`{}`: {error}", printable(&args.session))))?;
    Ok((session, args.exchange))
}

/// Tells one exchange; the inner error is a reader that has gone.
fn tell(
    records: &Records,
    exchange: &RecordedExchange,
    teller: &mut Teller,
) -> Result<std::io::Result<()>, Broken> {
    let mut late = Vec::new();
    for object in records.evidence(&exchange.key)? {
        late.push(decode::<LateEvidence>(&object)?.record);
    }
    if let Err(gone) = teller.begin(&exchange.opening, late.last()) {
        return Ok(Err(gone));
    }
    let mut events = opening_events(&exchange.opening);
    for step in records.approval(&exchange.key)? {
        events.push(approval_event(&decode::<ApprovalStep>(&step)?.record));
    }
    let evidence: Vec<Event> = late.iter().map(evidence_event).collect();
    let Some(closing) = &exchange.closing else {
        events.extend(evidence);
        return Ok(events.iter().try_for_each(|event| teller.event(event)));
    };
    if let Err(gone) = events.iter().try_for_each(|event| teller.event(event)) {
        return Ok(Err(gone));
    }
    for (part_number, part) in (0_u32..).zip(&closing.parts) {
        for (page_number, page) in (0_u32..).zip(&part.pages) {
            let object = match &page.inline {
                Some(inline) => super::inline(inline)?,
                None => page_object(records, &exchange.key, part_number, page_number)?,
            };
            if digest_of(&object).to_string() != page.digest {
                return Err(Broken::new("a page is not the one that the agent saw; next: snowgate verify"));
            }
            let event = page_event(closing, page, &decode_page(&object)?)?;
            if let Err(gone) = teller.event(&event) {
                return Ok(Err(gone));
            }
        }
    }
    let ending = std::iter::once(closing_event(closing)).chain(evidence);
    Ok(ending.into_iter().try_for_each(|event| teller.event(&event)))
}

fn page_object(records: &Records, key: &RecordKey, part: u32, page: u32) -> Result<Vec<u8>, Broken> {
    records
        .read(key, ObjectKind::Page { part, page })?
        .ok_or_else(|| Broken::new("a page is not here any more; next: snowgate verify"))
}

struct Teller {
    json: bool,
    speed: Option<f64>,
    last: Option<Timestamp>,
    /// The prompt that was printed last, and none where nobody had said one; none before the first.
    prompt: Option<Option<String>>,
}

impl Teller {
    /// Heads an exchange: the prompt that it belongs to, where that is another than before, and how well it is known.
    fn begin(&mut self, opening: &Opening, late: Option<&LateEvidence>) -> std::io::Result<()> {
        if self.json {
            return Ok(());
        }
        let decided_by = &opening.prompt.grade;
        let (text, grade) = match late {
            Some(late) => (&late.text, &late.grade),
            None => (&opening.prompt.text, decided_by),
        };
        let mut out = std::io::stdout().lock();
        if self.prompt.as_ref() != Some(text) {
            let at = clock(&opening.opened);
            match text {
                Some(text) => {
                    writeln!(out, "\n{at}  prompt ({grade})")?;
                    write_foreign(&mut out, "", text)?;
                }
                None => writeln!(out, "\n{at}  no prompt ({grade})")?,
            }
            self.prompt = Some(text.clone());
        }
        let words = PromptGrade::from_word(grade).map_or("unknown", PromptGrade::words);
        write!(out, "├─ ── {} ──  {grade}: {words}", opening.exchange)?;
        if grade == decided_by { writeln!(out) } else { writeln!(out, " ({decided_by} when it was decided)") }
    }

    fn event(&mut self, event: &Event) -> std::io::Result<()> {
        self.pause(event);
        let mut out = std::io::stdout().lock();
        if self.json {
            serde_json::to_writer(&mut out, event)?;
            out.write_all(b"\n")
        } else {
            let depth = match &event.what {
                // Stands above its exchanges, once.
                What::Prompt { .. } => return print_witnesses(&mut Tree::new(out, 1), event),
                What::Call { .. } => 1,
                What::Statement { .. } => 2,
                What::Decision { .. }
                | What::Approval { .. }
                | What::Page { .. }
                | What::Closing { .. }
                | What::Evidence { .. } => 3,
            };
            print(&mut Tree::new(out, depth), event)
        }
    }

    fn pause(&mut self, event: &Event) {
        let Ok(at) = event.at.parse::<Timestamp>() else { return };
        if let (Some(speed), Some(last)) = (self.speed, self.last) {
            std::thread::sleep(pause(last, at, speed));
        }
        self.last = Some(at);
    }
}

/// How long to wait between two moments, told so many times as fast.
fn pause(last: Timestamp, at: Timestamp, speed: f64) -> Duration {
    let real = at.since(last).as_secs_f64() / speed;
    Duration::try_from_secs_f64(real).unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE)
}

/// The time of day.
fn clock(moment: &str) -> &str {
    moment.get(11..23).unwrap_or(moment)
}

/// Puts the branches of a tree before each line.
struct Tree<W: Write> {
    out: W,
    depth: usize,
    is_at_start: bool,
}

impl<W: Write> Tree<W> {
    fn new(out: W, depth: usize) -> Self {
        Self { out, depth, is_at_start: true }
    }
}

impl<W: Write> Write for Tree<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            if std::mem::take(&mut self.is_at_start) {
                self.out.write_all("│  ".repeat(self.depth).as_bytes())?;
            }
            self.out.write_all(line)?;
            self.is_at_start = line.ends_with(b"\n");
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

/// Who had witnessed a prompt when it was decided.
fn print_witnesses(out: &mut impl Write, event: &Event) -> std::io::Result<()> {
    match &event.what {
        What::Prompt { witnesses, .. } => witnesses.iter().try_for_each(|found| witness(out, found)),
        What::Evidence { .. }
        | What::Call { .. }
        | What::Statement { .. }
        | What::Decision { .. }
        | What::Approval { .. }
        | What::Page { .. }
        | What::Closing { .. } => Ok(()),
    }
}

fn witness(out: &mut impl Write, found: &WitnessRecord) -> std::io::Result<()> {
    let WitnessRecord { channel, kind, join, prompt, statement, torn, delegated, expanded, unread } = found;
    let prompt = match (prompt, torn) {
        _ if *delegated => "an agent's words to its subagent",
        _ if *expanded => "what a client made of a command or a conversation",
        (_, true) => "several prompts, or more than is looked at",
        (None, false) if *unread => "a prompt that cannot be read",
        (Some(_), false) if *unread => "a prompt, of which part cannot be read",
        (None, false) => "no prompt",
        (Some(0), false) => "this prompt",
        (Some(_), false) => "another prompt",
    };
    let statement = match statement.as_str() {
        "same" => "this statement",
        "other" => "another statement",
        "rejected" => "the person reject the call",
        _ => "no statement",
    };
    writeln!(out, "witness  {channel} ({kind}), found by {join}: saw {prompt}, {statement}")
}

/// What a client says that a call belongs to, to the end of the line.
fn write_call(out: &mut impl Write, call: &CallRecord) -> std::io::Result<()> {
    let CallRecord { tool_use, trace, word, conversation, prompt: _, sealed: _ } = call;
    let claims = [("tool use", tool_use), ("trace", trace), ("word", word), ("conversation", conversation)];
    for (what, claimed) in claims {
        if let Some(claimed) = claimed {
            write!(out, ", {what} {}", one_line(claimed))?;
        }
    }
    writeln!(out)
}

/// How far texts are put in below what they belong to.
const INDENT: &str = "              ";

/// What the gateway has found, in which others' words may stand.
/// A failure of which its agent was not told why.
fn write_hidden(out: &mut impl Write, failed: &FailureRecord) -> std::io::Result<()> {
    let told = "its agent was told that it failed and not why, for it touches columns that are masked";
    write_tree_line(out, INDENT, told)?;
    match &failed.query_id {
        Some(id) => write_tree_line(out, INDENT, &format!("Snowflake calls it {}", one_line(id))),
        None => Ok(()),
    }
}

fn write_finding(out: &mut impl Write, finding: &str) -> std::io::Result<()> {
    write_tree_line(out, INDENT, &format!("finding: {}", one_line(finding)))
}

fn print(out: &mut impl Write, event: &Event) -> std::io::Result<()> {
    let at = clock(&event.at);
    match &event.what {
        What::Prompt { .. } => Ok(()),
        What::Evidence { text, evidence, again, witnesses, findings } => {
            if let Some(call) = again {
                write!(out, "{at}  asked again")?;
                write_call(out, call)?;
                if let Some(prompt) = &call.prompt {
                    write_foreign(out, INDENT, prompt)?;
                }
            }
            writeln!(out, "{at}  later evidence  {evidence}")?;
            if let Some(text) = text {
                write_foreign(out, INDENT, text)?;
            }
            witnesses.iter().try_for_each(|found| witness(out, found))?;
            findings.iter().try_for_each(|finding| write_finding(out, finding))
        }
        What::Call { door, call } => {
            write!(out, "{at}  call by {door}")?;
            write_call(out, call)
        }
        What::Statement { sql, sql_length, class, agent, person } => {
            let who = person.as_ref().map_or_else(|| agent.clone(), |person| format!("{agent} for {person}"));
            writeln!(out, "{at}  {class} asked by {}", one_line(&who))?;
            write_foreign(out, INDENT, sql)?;
            match sql_length {
                Some(length) => writeln!(out, "              … (the head of {length} bytes, refused unread)"),
                None => Ok(()),
            }
        }
        What::Decision { decision, rules, hold, access, .. } => {
            writeln!(out, "{at}  decision  {decision} by {}", one_line(&rules.join(", ")))?;
            for granted in access.iter().filter(|granted| rules.contains(&granted.rule())) {
                let (to, until) = (named(&granted.to), &granted.until);
                let line = format!("access to {to} until {until}, granted by approval {}", granted.approval);
                write_tree_line(out, INDENT, &line)?;
            }
            match hold {
                Some(hold) => {
                    let (reason, reviewers) = (one_line(&hold.reason), named(&hold.reviewers.join(", ")));
                    write_tree_line(
                        out,
                        INDENT,
                        &format!("{reason} (for {reviewers}, until {})", hold.expires),
                    )
                }
                None => Ok(()),
            }
        }
        What::Approval { step, by, verdict, reason, reviewers, expires, .. } => {
            write!(out, "{at}  approval  {step}")?;
            if let Some(by) = by {
                write!(out, " by {} ({})", one_line(by.name()), by.sign_in)?;
            }
            if let Some(verdict) = verdict {
                write!(out, ": {verdict}")?;
            }
            if !reviewers.is_empty() {
                write!(out, " for {}", one_line(&reviewers.join(", ")))?;
            }
            if let Some(expires) = expires {
                write!(out, ", until {expires}")?;
            }
            writeln!(out)?;
            match reason {
                Some(reason) => write_foreign(out, INDENT, reason),
                None => Ok(()),
            }
        }
        What::Page { columns, rows, .. } => {
            let names: Vec<String> =
                columns
                    .iter()
                    .map(|column| {
                        if column.masked { format!("{} (masked)", column.name) } else { column.name.clone() }
                    })
                    .collect();
            writeln!(out, "{at}  rows")?;
            let types: Vec<Option<&str>> = columns
                .iter()
                .map(|column| Some(column.sql_type.as_str()).filter(|_| !column.masked))
                .collect();
            // What the agent saw comes first: how it had moments written is not recorded, so this is one reading.
            let rows = cells::shown(&types, rows, |cell, read| format!("{cell} ({read})"));
            table::write(out, &names, &rows)
        }
        What::Closing { outcome, rows, total_us, refusal, failure, lost, findings } => {
            let rows = counted(*rows, "row");
            writeln!(out, "{at}  closed  {outcome}, {rows}, {:.1} ms", *total_us as f64 / 1000.0)?;
            if let Some(failed) =
                failure.as_ref().filter(|failed| failed.message.starts_with(gateway::HIDDEN_FAILURE))
            {
                write_hidden(out, failed)?;
                return findings.iter().try_for_each(|finding| write_finding(out, finding));
            }
            let message = refusal.as_ref().map(|refusal| &refusal.message);
            let message = message.or(failure.as_ref().map(|failure| &failure.message)).or(lost.as_ref());
            if let Some(message) = message {
                write_foreign(out, INDENT, message)?;
            }
            findings.iter().try_for_each(|finding| write_finding(out, finding))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_hidden_failure_is_told_what_is_known_and_no_sentence_that_sends_whoever_reads_it_here() {
        let closing = |message: &str| Event {
            exchange: "4567/1".to_owned(),
            at: "2026-11-26T10:00:00.000000Z".to_owned(),
            what: What::Closing {
                outcome: "failed".to_owned(),
                rows: 0,
                total_us: 1,
                refusal: None,
                failure: Some(FailureRecord {
                    code: "100183".to_owned(),
                    sqlstate: "22000".to_owned(),
                    message: message.to_owned(),
                    query_id: Some("01b2-c3".to_owned()),
                }),
                lost: None,
                findings: vec!["upstream said 002140, SQLSTATE 42601".to_owned()],
            },
        };
        let told = |event: &Event| {
            let mut out = Vec::new();
            print(&mut out, event).unwrap();
            String::from_utf8(out)
                .unwrap()
                .replace('\n', " ")
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
        };
        let of_a_write = format!("{}. It writes", gateway::HIDDEN_FAILURE);
        assert_eq!(told(&closing(&of_a_write)), told(&closing(gateway::HIDDEN_FAILURE)));
        let hidden = told(&closing(gateway::HIDDEN_FAILURE)).replace("… ", "");
        for part in
            ["failed and not why", "Snowflake calls it 01b2-c3", "upstream said 002140, SQLSTATE 42601"]
        {
            assert!(hidden.contains(part), "{part}: {hidden}");
        }
        assert!(!hidden.contains("in the recording"), "{hidden}");
        assert!(told(&closing("no such table")).contains("no such table"));
    }

    #[test]
    fn a_pause_is_as_long_as_it_was_by_the_speed_and_never_too_long() {
        let second = |n: i64| Timestamp::from_micros(n * 1_000_000);
        assert_eq!(pause(second(1), second(4), 1.0), Duration::from_secs(3));
        assert_eq!(pause(second(1), second(4), 3.0), Duration::from_secs(1));
        // The exchanges of a session may overlap.
        assert_eq!(pause(second(4), second(1), 1.0), Duration::ZERO);
        assert_eq!(pause(second(0), second(86_400), 1.0), LONGEST_PAUSE);
        assert_eq!(pause(second(0), second(86_400), f64::MIN_POSITIVE), LONGEST_PAUSE);
    }
}
