//! How well the prompt behind a statement is known: who witnessed it, and the one rule that grades them.

use crate::asked::PromptGrade;

/// What kind of channel a witness speaks through. It says whose credential sends, never how true it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum ChannelKind {
    /// Whoever asks: the evidence came under the very token that the agent holds.
    Own,
    /// A program of the operator's that hands prompts in, under a credential of its own.
    Prompts,
    /// Hooks of a client, under a credential of their own.
    Hooks,
    /// Telemetry of a client, under a credential of its own.
    Telemetry,
    /// The provider of the model, or a gateway in front of it.
    Provider,
}

impl ChannelKind {
    const ALL: [Self; 5] = [Self::Own, Self::Prompts, Self::Hooks, Self::Telemetry, Self::Provider];

    /// The word of records and configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own_token",
            Self::Prompts => "prompts",
            Self::Hooks => "hooks",
            Self::Telemetry => "telemetry",
            Self::Provider => "provider",
        }
    }

    /// The kind with that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// What ties a witness to a statement, the strongest first.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Join {
    /// The model's id of the tool use.
    ToolUse,
    /// The trace (W3C Trace Context) that both belong to.
    Trace,
    /// A word that the client sent with both.
    Word,
    /// The model's id of the tool use, which another statement had named before: one use is one call.
    Again,
    /// A trace or a word, while the hooks of this subject name the tool use of each call and none of them names this one: to
    /// leave the tool use out must not be better than to name another.
    Unnamed,
    /// The same subject asked the same text within seconds: a guess, and graded as one.
    Text,
}

impl Join {
    const ALL: [Self; 6] = [Self::ToolUse, Self::Trace, Self::Word, Self::Again, Self::Unnamed, Self::Text];

    /// Whether it is more than a guess, and stands for this call alone.
    pub const fn is_sure(self) -> bool {
        match self {
            Self::ToolUse | Self::Trace | Self::Word => true,
            Self::Again | Self::Unnamed | Self::Text => false,
        }
    }

    /// The word of records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ToolUse => "tool_use",
            Self::Trace => "trace",
            Self::Word => "word",
            Self::Again => "tool_use_again",
            Self::Unnamed => "tool_use_missing",
            Self::Text => "text",
        }
    }

    /// The join with that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|join| join.as_str() == word)
    }
}

/// What a witness saw of the statement.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Sight {
    /// Exactly this text.
    Same,
    /// Another text under the same tool use.
    Other,
    /// That no such call was made: the person did not let the client.
    Rejected,
    /// No text.
    Unseen,
}

impl Sight {
    const ALL: [Self; 4] = [Self::Same, Self::Other, Self::Rejected, Self::Unseen];

    /// The word of records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Other => "other",
            Self::Rejected => "rejected",
            Self::Unseen => "unseen",
        }
    }

    /// The sight with that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sight| sight.as_str() == word)
    }
}

/// One evidence channel's account of one statement. Each channel has a credential of its own, so that two channels
/// are two credentials.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Witness {
    /// The channel's name.
    pub channel: String,
    /// What kind it is.
    pub kind: ChannelKind,
    /// What ties it to the statement.
    pub join: Join,
    /// Which prompt it saw: equal numbers are equal texts, 0 is the one that stands in the record. None: it saw none.
    pub prompt: Option<u32>,
    /// What it saw of the statement.
    pub statement: Sight,
    /// Whether it told more than one prompt for this one statement, or more of it than is looked at.
    pub is_torn: bool,
    /// Whether a subagent made the call, as a hook says: then the words that the model received last are another agent's, and
    /// count neither for the person's prompt nor against it.
    pub is_delegated: bool,
    /// Whether what it saw is what a client made of the words (a command's text, the summary of a conversation, one of the prompts that
    /// were typed in a turn): no prompt of the
    /// person's, and neither for nor against what others saw of it.
    pub is_expanded: bool,
    /// Whether it has not told, or could not, all that was asked for: the messages that the model received cannot be read; words stand
    /// beside a tool's answer that may be a person's; a person has sent or said something since that nobody else saw; or another
    /// channel tells more of the same turn. Then what others say is agreed to by nobody who is out of the agent's reach.
    pub is_unread: bool,
}

impl Witness {
    /// Whether it can be more than a declaration: a credential that the agent does not hold, and a tie that is no guess.
    fn counts(&self) -> bool {
        self.kind != ChannelKind::Own && self.join.is_sure()
    }
}

/// Something about the evidence of a statement that a security engineer should know.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Mismatch {
    /// Channels disagree on what was asked for.
    Prompt,
    /// A channel saw another statement under the same tool use.
    Statement,
    /// A channel saw the person reject the tool use.
    Rejected,
    /// What the agent declares is not what the channels saw.
    Declared,
    /// Another statement had named the tool use before.
    Reused,
    /// The client names the tool use of each call, and no hook has seen one for this.
    Missing,
    /// What the model received is a client's text in place of the words.
    Expanded,
    /// What the model received is taken for an agent's words to its subagent.
    Delegated,
    /// What the model received could not be read, or may not be all.
    Unread,
}

impl Mismatch {
    /// The stable word of findings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prompt => "prompt_mismatch",
            Self::Statement => "statement_mismatch",
            Self::Rejected => "tool_use_rejected",
            Self::Declared => "declared_prompt_differs",
            Self::Reused => "tool_use_reused",
            Self::Missing => "tool_use_missing",
            Self::Expanded => "prompt_expanded",
            Self::Delegated => "prompt_delegated",
            Self::Unread => "prompt_unread",
        }
    }

    /// Whether it takes from how well a prompt is known. Under its own token an agent says what it likes, and what a client makes of
    /// a person's words is no other prompt.
    const fn contradicts(self) -> bool {
        match self {
            Self::Prompt | Self::Statement | Self::Rejected | Self::Reused | Self::Missing => true,
            Self::Declared | Self::Expanded | Self::Delegated | Self::Unread => false,
        }
    }

    /// Whether it contradicts, and no evidence that comes later takes it back.
    pub const fn lasts(self) -> bool {
        match self {
            Self::Prompt | Self::Statement | Self::Rejected | Self::Reused => true,
            // Of what is missing the hook may still come.
            Self::Missing | Self::Declared | Self::Expanded | Self::Delegated | Self::Unread => false,
        }
    }

    /// A sentence that holds nothing of what was said.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Prompt => "evidence channels disagree on what the person asked for",
            Self::Statement => "an evidence channel saw another statement under the same tool use",
            Self::Rejected => {
                "an evidence channel saw the person reject this tool use: its client made no such call"
            }
            Self::Declared => "what the agent declares as the prompt is not what an evidence channel saw",
            Self::Reused => {
                "another statement had named the same tool use before, and a model's tool use is one call"
            }
            Self::Missing => {
                "hooks name the tool use of each call of this subject, and none has seen this call"
            }
            Self::Expanded => {
                "what the model received is what a client made of a command, a conversation or several prompts, not the person's words"
            }
            Self::Delegated => {
                "a hook says that a subagent made the call: what the model received is taken for no person's words"
            }
            Self::Unread => {
                "an evidence channel could not tell, or has not told, all that was asked for: something else may have been typed"
            }
        }
    }
}

impl PromptGrade {
    /// The one rule. `declared` is the prompt that came with the call itself, numbered as in [`Witness::prompt`].
    ///
    /// P0 nobody said. P1 the agent did, or somebody under its token, or a guess ties them, or witnesses contradict each
    /// other or the statement. P2 one channel with a credential of its own saw the prompt. P3 two such channels saw the
    /// same prompt and the same tool use, and at least one of them the statement, and nothing that the model's provider saw it
    /// receive is set aside for what they say, or could not be read. P4 the model's provider saw the prompt
    /// and this very statement: what the model received and produced, never that a person typed it.
    pub fn of(declared: Option<u32>, witnesses: &[Witness]) -> Self {
        let known = declared.is_some() || witnesses.iter().any(|witness| witness.prompt.is_some());
        if !known {
            return Self::P0;
        }
        let is_contradicted = mismatches(declared, witnesses).into_iter().any(Mismatch::contradicts);
        let counted: Vec<&Witness> =
            witnesses.iter().filter(|witness| witness.counts() && witness.prompt.is_some()).collect();
        if is_contradicted || counted.is_empty() {
            return Self::P1;
        }
        let is_provider = |witness: &&Witness| {
            witness.kind == ChannelKind::Provider
                && !witness.is_unread
                && witness.statement == Sight::Same
                // A trace or a word goes with many statements: neither says that the model produced this one now.
                && witness.join == Join::ToolUse
        };
        if counted.iter().any(is_provider) {
            return Self::P4;
        }
        let mut channels: Vec<&str> = counted
            .iter()
            .filter(|witness| witness.join == Join::ToolUse)
            .map(|witness| witness.channel.as_str())
            .collect();
        channels.sort_unstable();
        channels.dedup();
        let saw_statement =
            counted.iter().any(|witness| witness.join == Join::ToolUse && witness.statement == Sight::Same);
        // SECURITY: hooks and telemetry run where the agent does; the one out of its reach has not agreed.
        let is_aside = |witness: &Witness| witness.is_expanded || witness.is_delegated || witness.is_unread;
        let is_set_aside = witnesses.iter().any(|witness| witness.counts() && is_aside(witness));
        if channels.len() >= 2 && saw_statement && !is_set_aside { Self::P3 } else { Self::P2 }
    }
}

/// What does not fit together, each kind once, in order.
pub fn mismatches(declared: Option<u32>, witnesses: &[Witness]) -> Vec<Mismatch> {
    let mut found = Vec::new();
    let counted: Vec<&Witness> = witnesses.iter().filter(|witness| witness.counts()).collect();
    let mut told: Vec<u32> = counted.iter().filter_map(|witness| witness.prompt).collect();
    told.sort_unstable();
    told.dedup();
    if told.len() > 1 || counted.iter().any(|witness| witness.is_torn) {
        found.push(Mismatch::Prompt);
    }
    if counted.iter().any(|witness| witness.statement == Sight::Other) {
        found.push(Mismatch::Statement);
    }
    if counted.iter().any(|witness| witness.statement == Sight::Rejected) {
        found.push(Mismatch::Rejected);
    }
    // SECURITY: under its own token an agent says what it likes: that is told, and changes no grade.
    let own = witnesses.iter().filter(|witness| witness.kind == ChannelKind::Own);
    let mut said = own.filter_map(|witness| witness.prompt).chain(declared);
    if !told.is_empty() && said.any(|said| !told.contains(&said)) {
        found.push(Mismatch::Declared);
    }
    for (join, mismatch) in [(Join::Again, Mismatch::Reused), (Join::Unnamed, Mismatch::Missing)] {
        if witnesses.iter().any(|witness| witness.kind != ChannelKind::Own && witness.join == join) {
            found.push(mismatch);
        }
    }
    if counted.iter().any(|witness| witness.is_expanded) {
        found.push(Mismatch::Expanded);
    }
    if counted.iter().any(|witness| witness.is_delegated) {
        found.push(Mismatch::Delegated);
    }
    if counted.iter().any(|witness| witness.is_unread) {
        found.push(Mismatch::Unread);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `CHANNEL KIND JOIN PROMPT STATEMENT`, `!` behind the prompt for a torn one, `-` for no prompt, `*` for a client's text, `?` for
    /// one that could not be read.
    fn witness(text: &str) -> Witness {
        let [channel, kind, join, prompt, statement] =
            *text.split_whitespace().collect::<Vec<_>>().as_slice()
        else {
            panic!("{text}")
        };
        Witness {
            channel: channel.to_owned(),
            kind: ChannelKind::from_word(kind).unwrap(),
            join: Join::from_word(join).unwrap(),
            prompt: prompt.trim_end_matches(['!', '?']).parse().ok(),
            statement: Sight::from_word(statement).unwrap(),
            is_torn: prompt.ends_with('!'),
            is_delegated: false,
            is_expanded: prompt.ends_with('*'),
            is_unread: prompt.ends_with('?'),
        }
    }

    #[track_caller]
    fn check(declared: Option<u32>, witnesses: &[&str], grade: PromptGrade, found: &[Mismatch]) {
        let witnesses: Vec<Witness> = witnesses.iter().map(|text| witness(text)).collect();
        assert_eq!(PromptGrade::of(declared, &witnesses), grade);
        assert_eq!(mismatches(declared, &witnesses), found);
    }

    const HOOK: &str = "laptop hooks tool_use 0 same";

    #[test]
    fn the_rule_by_its_table() {
        use Mismatch::{Declared, Expanded, Missing, Prompt, Rejected, Reused, Statement, Unread};
        use PromptGrade::{P0, P1, P2, P3, P4};
        for (declared, witnesses, grade, found) in [
            (None, &[][..], P0, &[][..]),
            // A hook that saw the tool use and no prompt knows nothing of a prompt.
            (None, &["laptop hooks tool_use - same"], P0, &[]),
            (Some(0), &[], P1, &[]),
            (Some(0), &["laptop hooks tool_use - same"], P1, &[]),
            // Under the agent's own token, however often and however well it fits.
            (None, &["agent own_token tool_use 0 same"], P1, &[]),
            (Some(0), &["agent own_token tool_use 0 same"], P1, &[]),
            // A guess stays one, also beside another.
            (None, &["laptop hooks text 0 same"], P1, &[]),
            (None, &["laptop hooks text 0 same", "otel telemetry text 0 same"], P1, &[]),
            (None, &[HOOK], P2, &[]),
            (Some(0), &[HOOK], P2, &[]),
            (None, &["laptop hooks tool_use 0 unseen"], P2, &[]),
            (None, &["otel telemetry trace 0 unseen"], P2, &[]),
            (None, &["app prompts word 0 unseen"], P2, &[]),
            // Two channels: both must have seen the tool use, one of them the statement.
            (None, &[HOOK, "otel telemetry tool_use 0 unseen"], P3, &[]),
            (None, &[HOOK, "otel telemetry tool_use 0 same"], P3, &[]),
            (None, &[HOOK, "laptop hooks tool_use 0 same"], P2, &[]),
            (None, &[HOOK, "otel telemetry trace 0 unseen"], P2, &[]),
            (None, &[HOOK, "otel telemetry tool_use - same"], P2, &[]),
            (None, &[HOOK, "agent own_token tool_use 0 same"], P2, &[]),
            (None, &["a hooks tool_use 0 unseen", "b telemetry tool_use 0 unseen"], P2, &[]),
            // The provider.
            (None, &["claude provider tool_use 0 same"], P4, &[]),
            (None, &["claude provider trace 0 same"], P2, &[]),
            (None, &[HOOK, "claude provider tool_use 0 same"], P4, &[]),
            (None, &["claude provider tool_use 0 unseen"], P2, &[]),
            (None, &["claude provider tool_use - same"], P0, &[]),
            (None, &["claude provider text 0 same"], P1, &[]),
            (None, &["claude provider word 0 same"], P2, &[]),
            // Contradictions.
            (None, &[HOOK, "otel telemetry tool_use 1 unseen"], P1, &[Prompt]),
            (None, &[HOOK, "claude provider tool_use 1 same"], P1, &[Prompt]),
            (None, &["laptop hooks tool_use 0! same"], P1, &[Prompt]),
            (None, &["laptop hooks tool_use 0 other"], P1, &[Statement]),
            (None, &["laptop hooks tool_use - other"], P0, &[Statement]),
            (None, &[HOOK, "claude provider tool_use 0 other"], P1, &[Statement]),
            (None, &[HOOK, "otel telemetry tool_use 0 rejected"], P1, &[Rejected]),
            (None, &[HOOK, "otel telemetry tool_use - rejected"], P1, &[Rejected]),
            (None, &["laptop hooks tool_use 0! other"], P1, &[Prompt, Statement]),
            // What the agent says is told, and takes nothing from what others saw.
            (Some(1), &[HOOK], P2, &[Declared]),
            (None, &[HOOK, "agent own_token tool_use 1 other"], P2, &[Declared]),
            (Some(1), &["laptop hooks text 0 same"], P1, &[]),
            // A tool use that was named before, whatever else is known.
            (None, &["laptop hooks tool_use_again 0 same"], P1, &[Reused]),
            (None, &["laptop hooks tool_use_again - same"], P0, &[Reused]),
            (None, &["laptop hooks tool_use_again 0 same", "otel telemetry trace 0 unseen"], P1, &[Reused]),
            (None, &["claude provider tool_use_again 0 same"], P1, &[Reused]),
            (None, &[HOOK, "agent own_token tool_use_again 0 same"], P2, &[]),
            // A call that names no tool use, or an invented one, where hooks see each.
            (None, &["otel telemetry tool_use_missing 0 unseen"], P1, &[Missing]),
            (None, &[HOOK, "otel telemetry tool_use_missing 0 unseen"], P1, &[Missing]),
            // What a client made of the words is neither for them nor against them.
            (None, &[HOOK, "claude provider tool_use * same"], P2, &[Expanded]),
            (None, &["claude provider tool_use * same"], P0, &[Expanded]),
            (None, &[HOOK, "o telemetry tool_use 0 same", "c provider tool_use * same"], P2, &[Expanded]),
            (None, &[HOOK, "claude provider tool_use * other"], P1, &[Statement, Expanded]),
            // What could not be read is agreed with by nobody, and is told.
            (None, &["claude provider tool_use ? same"], P0, &[Unread]),
            (None, &[HOOK, "claude provider tool_use ? same"], P2, &[Unread]),
            (None, &[HOOK, "o telemetry tool_use 0 same", "c provider tool_use ? same"], P2, &[Unread]),
            (None, &[HOOK, "claude provider tool_use 0? same"], P2, &[Unread]),
            (None, &[HOOK, "claude provider text ? same"], P2, &[]),
        ] {
            check(declared, witnesses, grade, found);
        }
    }

    #[test]
    fn a_witness_more_of_the_agents_own_never_raises_a_grade() {
        for more in ["agent own_token tool_use 0 same", "agent own_token trace 0 same", "x hooks text 0 same"]
        {
            for witnesses in [&[][..], &[HOOK], &[HOOK, "otel telemetry tool_use 0 same"]] {
                let before: Vec<Witness> = witnesses.iter().map(|text| witness(text)).collect();
                let mut after = before.clone();
                after.push(witness(more));
                assert_eq!(PromptGrade::of(Some(0), &before), PromptGrade::of(Some(0), &after));
            }
        }
    }

    #[test]
    fn every_word_reads_back() {
        assert!(ChannelKind::ALL.iter().all(|kind| ChannelKind::from_word(kind.as_str()) == Some(*kind)));
        assert!(Join::ALL.iter().all(|join| Join::from_word(join.as_str()) == Some(*join)));
        assert!(Sight::ALL.iter().all(|sight| Sight::from_word(sight.as_str()) == Some(*sight)));
        assert_eq!(
            (ChannelKind::from_word("x"), Join::from_word(""), Sight::from_word("SAME")),
            (None, None, None)
        );
    }
}
