//! What Claude Code says itself in messages of a user's, by its own words (2.1.332): no person has typed it, and much of it is about one.
//!
//! What is not here counts as a person's words: a sentence that a later version adds or words otherwise can make a prompt better known
//! than it is, or honest channels contradict each other. So these are compared with each version that is rolled out; a test finds them in
//! the one that the tests run. What it says in place of a conversation the gateway knows by itself, which reads it in records, too.

/// How it tells the model of what a person has sent while that worked, in a tool's answer, beside it, or as the system's.
pub(crate) const SENT_MEANWHILE: &str = "The user sent a new message while you were working:";

/// How it begins what it puts behind that, in a paragraph of its own.
pub(crate) const BEHIND_SENT: &str = "This is how";

/// How it tells, in place of a tool's answer, what a person said who did not let it be used: no hook tells that.
pub(crate) const REJECTED: &[&str] = &["To tell you how to proceed, the user said:", "The user said:"];

/// What is in a tool's answer where a person answered to a question or a plan of the model's, or spoke.
pub(crate) const ANSWERED: &[&str] = &[
    "Your questions have been answered:",
    "The user answered:",
    "The user responded:",
    "So far they answered:",
    "They also wrote:",
    "Before going idle the user had selected:",
    // Of versions before.
    "User has answered your questions:",
    "User has approved your plan",
    "as a record of what was said aloud",
];

/// How it begins the text of a skill, which it puts beside the answer that the skill was launched. A command's file that a model calls as one
/// begins as it is written.
const SKILLS: &[&str] = &["Base directory for this skill:", "(Re-invocation of /"];

/// What it says beside the answer where its model has looked a tool up.
pub(crate) const BESIDE_ANSWER: &[&str] = &["Tool loaded."];

/// How it tells, by a part of its own behind a tool's answer, that a person pressed Esc: what stands behind it was typed then.
pub(crate) const INTERRUPTED: &[&str] =
    &["[Request interrupted by user]", "[Request interrupted by user for tool use]"];

/// How it begins a turn that nobody has asked for: when a hook stops the model's, or that was cut off, at a time that was set, or when
/// somebody else than the user has something to say.
const TURNS: &[&str] = &[
    "Stop hook feedback:",
    // The words before it are the hook's name.
    "TeammateIdle hook feedback:",
    "TaskCreated hook feedback:",
    "TaskCompleted hook feedback:",
    "Stop hook blocking error from command",
    "Operation stopped by hook",
    "Output token limit hit",
    "Your response was cut off because",
    "Your response above was",
    "[Your previous response",
    "The previous response failed to produce",
    "Your tool call was malformed",
    "Continue from where you left off.",
    "Goal check-in: ",
    "Linked in your reply but not sent:",
    "This session's worker process was restarted.",
    "The PermissionDenied hook indicated",
    "The turn did not end:",
    "[structured-output-enforce]",
    "[projects-reply-gate]",
    "<task-notification>",
    "<teammate-message",
    "[SYSTEM NOTIFICATION - NOT USER INPUT]",
    "[SCHEDULED TASK - AUTOMATED FIRING OF A CONFIGURED PROMPT]",
    "[MESSAGE FROM NON-USER SOURCE - NOT USER INPUT]",
    "[TALK FROM A VOICE CALL - NOT USER INPUT]",
    "A message from this project",
    "A message arrived from",
    "Another Claude session sent a message",
    "A peer session sent a message",
    "Activity was observed in the bound conversation",
    "Activity in the bound conversation",
    "Your background observer",
    "The coordinator sent a message",
];

/// How it begins such a turn that it may give to hooks and telemetry, too, as if it was typed.
const AS_IF_TYPED: &[&str] = &[
    "<task-notification>",
    "<teammate-message ",
    "[SYSTEM NOTIFICATION - NOT USER INPUT]\nThis is an automated background-task event",
    "[SCHEDULED TASK - AUTOMATED FIRING OF A CONFIGURED PROMPT]\nThis turn was started automatically",
    "Another Claude session sent a message",
    "A peer session sent a message",
    "A message arrived from",
    "The coordinator sent a message",
    "Your background observer",
];

/// Its elements that nobody types.
const ELEMENTS: &[[&str; 2]] =
    &[["<task-notification>", "</task-notification>"], ["<teammate-message ", "</teammate-message>"]];

/// How it begins what a command of the person's answered that was run without the model.
const OUTPUTS: &[&str] =
    &["<bash-input>", "<bash-stdout>", "<bash-stderr>", "<local-command-stdout>", "<local-command-stderr>"];

/// What is in the first line of what a plugin of it sends to the model.
const PLUGINS: &str = " plugin sent a message";

/// Whether it is a skill's text.
pub(crate) fn is_skills(text: &str) -> bool {
    SKILLS.iter().any(|begins| text.starts_with(begins))
}

/// Whether it says that in a user's name: what a model does then nobody has asked for.
pub(crate) fn is_turn(text: &str) -> bool {
    let first_line = text.lines().next().unwrap_or_default();
    TURNS.iter().any(|begins| text.starts_with(begins))
        || (first_line.starts_with("The ") && first_line.contains(PLUGINS))
}

/// Whether it is what a command answered, and nothing that a model is asked.
pub(crate) fn is_output(text: &str) -> bool {
    OUTPUTS.iter().any(|begins| text.starts_with(begins))
}

/// Who has typed what hooks or telemetry tell as a prompt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Typed {
    /// A person, for all that is known.
    ByPerson,
    /// Nobody: it is one element of the client's, whole. Whoever began a task in the background, a model, chooses words of it.
    ByNobody,
    /// It begins as the client's own, and something else is in it, which may be the client's, a command's output, or typed.
    Unclear,
}

impl Typed {
    pub fn of(prompt: &str) -> Self {
        let prompt = prompt.trim();
        let is_whole = |[begins, ends]: &[&str; 2]| {
            prompt.starts_with(begins) && prompt.ends_with(ends) && prompt.matches(ends).count() == 1
        };
        if ELEMENTS.iter().any(is_whole) {
            Self::ByNobody
        } else if AS_IF_TYPED.iter().any(|begins| prompt.starts_with(begins)) {
            Self::Unclear
        } else {
            Self::ByPerson
        }
    }
}

/// The command that a client tells by its elements, as it is typed: `/review orders`.
pub(crate) fn typed_command(said: &str) -> Option<String> {
    let inner = |name: &str| {
        let (_, rest) = said.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>")).map(|(inner, _)| inner.trim())
    };
    if !said.starts_with("<command-name>") && !said.starts_with("<command-message>") {
        return None;
    }
    let name = inner("command-name").filter(|name| name.starts_with('/') && name.len() <= 256)?;
    let arguments = inner("command-args").unwrap_or_default();
    Some(format!("{name} {arguments}").trim().to_owned())
}
