//! A prompt as one channel tells it, and what makes two of them one.

use super::parts;
use super::said::Said;
use super::words::{self, normal, split_reminders};
use super::{Came, Meanwhile};

/// How Claude Code begins what it puts in place of a conversation.
const SUMMARIES: &[&str] =
    &["This session is being continued from a previous conversation", "Implement the following plan:"];

/// A prompt as one channel tells it.
#[derive(Clone, Default)]
pub(super) struct Text {
    /// What it is compared by: its words.
    pub keys: Vec<String>,
    /// The command that a client made it of.
    pub command: Option<String>,
    /// It with what stood before it in the same message.
    pub whole: Option<String>,
    /// What may have been typed since.
    pub meanwhile: Vec<Meanwhile>,
    /// Whether it stood beside a tool's answer.
    pub is_beside_answer: bool,
    /// Whether it was recorded: of several messages as one its lines alone are known.
    pub is_recorded: bool,
    /// Those that it consists of, where its channel told several of one turn.
    pub turn: Vec<Self>,
    /// Where blocks as clients put in stand in it as they were typed: the words without them, and they.
    pub typed: Option<(String, String)>,
    /// Where such blocks were told beside it: the words, and they.
    pub beside: Option<(String, String)>,
    /// The whole; none where it was recorded as another than the one that stands in the record, and is not known any more.
    pub shown: Option<Shown>,
}

/// A prompt in its two forms.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Shown {
    /// All of it: to be sealed.
    pub exact: String,
    /// As records tell it, before the detectors.
    pub told: String,
}

impl Text {
    /// A prompt that came with a call.
    pub fn declared(prompt: String) -> Self {
        Self {
            keys: vec![normal(&prompt).into_owned()],
            typed: parts(&prompt),
            shown: Some(Shown { exact: parts::exact(&Said::default(), &prompt), told: prompt }),
            ..Self::default()
        }
    }

    /// A prompt with what a channel saw beside it.
    pub fn seen(said: &Said, prompt: &str) -> Self {
        Self {
            keys: vec![normal(prompt).into_owned()],
            command: said.command.as_deref().map(|command| normal(command).into_owned()),
            whole: said.earlier.as_deref().map(|earlier| words::whole(earlier, prompt)),
            meanwhile: said.meanwhile.iter().map(normal_meanwhile).collect(),
            is_beside_answer: said.is_beside_answer,
            turn: Vec::new(),
            typed: parts_of(said).or_else(|| parts(prompt)).filter(|_| said.reminders.is_none()),
            is_recorded: false,
            beside: said.reminders.clone().map(|reminders| {
                // Those of its own text are not cut for the others'.
                (normal(prompt).into_owned(), said.blocks.clone().unwrap_or(reminders))
            }),
            shown: Some(Shown { exact: parts::exact(said, prompt), told: parts::told(said, prompt) }),
        }
    }

    /// A prompt as it was sealed.
    pub fn sealed(exact: &str) -> Self {
        let parts::Sealed { command, earlier, said, reminders } = parts::sealed(exact);
        let words = normal(said).into_owned();
        Self {
            command: command.map(|command| normal(command).into_owned()),
            whole: earlier.map(|earlier| words::whole(earlier, said)),
            typed: parts(said).filter(|_| reminders.is_none()),
            beside: reminders.map(|reminders| (words.clone(), reminders.to_owned())),
            keys: vec![words],
            is_recorded: true,
            ..Self::default()
        }
    }

    /// What was told of one turn, in that order, as one.
    pub fn of_turn(texts: &[Self]) -> Self {
        let all = |of: fn(&Shown) -> &str| {
            texts.iter().filter_map(|text| text.shown.as_ref()).map(of).collect::<Vec<_>>().join("\n")
        };
        let exact = all(|shown| &shown.exact);
        let keys = texts.iter().flat_map(|text| text.keys.first().cloned()).collect();
        let [sorted, in_order] = as_one(keys);
        Self {
            // Channels may tell them in another order.
            keys: vec![sorted, in_order, normal(&exact).into_owned()],
            turn: texts.iter().map(|text| Self { shown: None, ..text.clone() }).collect(),
            shown: Some(Shown { exact, told: all(|shown| &shown.told) }),
            ..Self::default()
        }
    }

    /// It as one turn with what may have been typed since: all of that, or what a person has sent alone.
    pub fn with_meanwhile(&self) -> Self {
        let with = |first: &String, is_all: bool| {
            let since = self.meanwhile.iter().filter(|since| is_all || since.came.is_sent());
            as_one([first].into_iter().chain(since.map(|since| &since.text)).cloned().collect())
        };
        let firsts = self.keys.first().into_iter().chain(&self.command);
        let both = |first| [with(first, true), with(first, false)].into_iter().flatten();
        Self { keys: firsts.flat_map(both).collect(), ..Self::default() }
    }

    /// Whether the other is one of several that this one consists of, or some of them.
    pub fn has_part(&self, part: &Self) -> bool {
        let has = |part: &Self| self.turn.iter().any(|one| one.is_one_part(part));
        if part.turn.is_empty() { has(part) } else { part.turn.iter().all(has) }
    }

    /// Whether both are one message of a turn, of which one may be what a client made of it.
    fn is_one_part(&self, other: &Self) -> bool {
        self.is_same(other) || self.is_made_of(other) || other.is_made_of(self)
    }

    /// The same of one that stands in a record, of which its lines alone are known.
    pub fn has_recorded_part(&self, part: &Self) -> bool {
        let is_in = |whole: &String, part: &String| {
            let rest = |rest: Option<&str>, at: fn(&str) -> bool| rest.is_some_and(at);
            rest(whole.strip_prefix(part.as_str()), |rest| rest.starts_with('\n'))
                || rest(whole.strip_suffix(part.as_str()), |rest| rest.ends_with('\n'))
                || whole.contains(&format!("\n{part}\n"))
        };
        self.has_part(part)
            || self.keys.iter().any(|whole| part.keys.iter().any(|part| is_in(whole, part)))
            // Its messages in another order.
            || (!part.turn.is_empty() && part.turn.iter().all(|one| self.has_recorded_part(one)))
    }

    /// Bytes of the longest form that it is compared by.
    pub fn size(&self) -> usize {
        self.keys.iter().map(String::len).max().unwrap_or_default()
    }

    /// Whether its channel cannot say that nothing else was typed since.
    pub const fn is_doubted(&self) -> bool {
        !self.meanwhile.is_empty()
    }

    /// Takes over of the same text, told once more, what may have been typed since.
    pub fn doubt_as(&mut self, other: Self) {
        self.is_beside_answer |= other.is_beside_answer;
        for since in other.meanwhile {
            match self.meanwhile.iter_mut().find(|known| known.text == since.text) {
                Some(known) => known.came = known.came.max(since.came),
                None => self.meanwhile.push(since),
            }
        }
    }

    /// Whether its channel saw all of that come since, and not all as sent while the model worked: that is told with what was before it.
    pub fn came_since(&self, typed: &Self) -> bool {
        let messages =
            if typed.turn.is_empty() { std::slice::from_ref(typed) } else { typed.turn.as_slice() };
        let came = |one: &Self| self.meanwhile.iter().find(|since| one.is_of_words(&since.text));
        messages.iter().all(|one| came(one).is_some())
            && messages.iter().filter_map(came).any(|since| !since.came.is_sent())
    }

    /// Whether its channel saw any of that stand beside an answer, and not as sent.
    pub fn has_beside_of(&self, typed: &Self) -> bool {
        let mut messages = typed.turn.iter().chain([typed]);
        let beside = || self.meanwhile.iter().filter(|since| !since.came.is_sent());
        messages.any(|one| beside().any(|since| one.is_of_words(&since.text)))
    }

    /// Whether it is typed with those words, which may have lost what reads as a client's block.
    fn is_of_words(&self, words: &String) -> bool {
        self.keys.contains(words) || self.typed.as_ref().is_some_and(|(typed, _)| typed == words)
    }

    /// Whether every message of that turn which its channel did not see as the prompt begins with what it saw sent: a message that
    /// quotes what a client puts around it is cut there.
    pub fn has_sent_beginnings_of(&self, typed: &Self) -> bool {
        let begins = |one: &Self| {
            let mut sent = self.meanwhile.iter().filter(|since| since.came == Came::SentInPart);
            sent.any(|since| {
                !since.text.is_empty() && one.keys.iter().any(|key| key.starts_with(&since.text))
            })
        };
        typed.has_part(self) && typed.beyond(self).all(begins)
    }

    /// What its channel saw come since that is a person's, for all that is known.
    pub fn sent(&self) -> impl Iterator<Item = Self> {
        let sent = self.meanwhile.iter().filter(|since| since.came != Came::AsFile);
        sent.map(|since| Self { keys: vec![since.text.clone()], ..Self::default() })
    }

    /// Those that it consists of; none where it is one.
    pub fn turn(&self) -> &[Self] {
        &self.turn
    }

    /// What of the turn of this one the other does not tell, nor as what came since.
    pub fn beyond<'t>(&'t self, part: &'t Self) -> impl Iterator<Item = &'t Self> {
        let is_since =
            |one: &Self| one.keys.iter().any(|key| part.meanwhile.iter().any(|since| since.text == *key));
        self.turn.iter().filter(move |one| !part.tells(one) && !is_since(one))
    }

    /// Whether it tells that message, alone or in a turn.
    pub fn tells(&self, one: &Self) -> bool {
        self.turn.iter().chain([self]).any(|own| own.is_one_part(one))
    }

    /// Whether both could be one: by their words, or by those of the command that one was made of.
    pub fn is_same(&self, other: &Self) -> bool {
        self.either().any(|key| other.either().any(|other| other == key)) || self.is_split(other)
    }

    /// Whether one is the other with what was typed as a client's block told beside it: nobody who reads what a model received can
    /// tell who has put that in.
    fn is_split(&self, other: &Self) -> bool {
        let is_of = |typed: &Option<(String, String)>, beside: &Option<(String, String)>| {
            typed.as_ref().zip(beside.as_ref()).is_some_and(|((words, typed), (said, beside))| {
                words == said && beside.contains(typed.as_str())
            })
        };
        is_of(&self.typed, &other.beside) || is_of(&other.typed, &self.beside)
    }

    fn either(&self) -> impl Iterator<Item = &String> {
        self.keys.iter().chain(&self.command).chain(&self.whole)
    }

    /// Whether one channel says the same by both.
    pub fn is_exactly(&self, other: &Self) -> bool {
        self.keys == other.keys && self.command == other.command && self.whole == other.whole
    }

    /// Whether both are one where these were told by whoever saw no command made into another text.
    // SECURITY: what was made of a command agrees with those who saw the command or with those who saw the text, never with both:
    // they contradict each other.
    pub fn is_one(&self, other: &Self, plain: &[Self]) -> bool {
        let is_told = |text: &&String| plain.iter().any(|plain| plain.keys.contains(text));
        let of = |text: &Self| -> Vec<String> {
            let told = text.command.as_ref().filter(is_told).or(text.whole.as_ref().filter(is_told));
            match (told, text.keys.iter().find(is_told)) {
                (Some(told), _) => vec![told.clone()],
                (None, Some(_)) => text.keys.clone(),
                (None, None) => text.either().cloned().collect(),
            }
        };
        let others = of(other);
        of(self).iter().any(|key| others.contains(key)) || self.is_split(other)
    }

    /// Whether a client made it of a command.
    pub const fn is_of_a_command(&self) -> bool {
        self.command.is_some()
    }

    /// Whether a client made it of the command that the other is, as far as both tell: one may name where the command comes from
    /// (`/plugin:review`), and the other not.
    // SECURITY: of another command it is another prompt, whoever says that it was typed.
    pub fn is_made_of(&self, typed: &Self) -> bool {
        let commands = || typed.keys.iter().filter(|key| key.starts_with('/')).map(|key| without_place(key));
        self.command.as_deref().is_some_and(|command| commands().any(|typed| typed == without_place(command)))
    }

    /// Whether it is what a client makes of a conversation that has grown too long for the model, or has come to a plan.
    pub fn is_summary(&self) -> bool {
        self.keys.iter().any(|key| SUMMARIES.iter().any(|summary| key.starts_with(summary)))
    }
}

fn normal_meanwhile(Meanwhile { text, came }: &Meanwhile) -> Meanwhile {
    Meanwhile { text: normal(text).into_owned(), came: *came }
}

/// Several texts as one, sorted and as they stand.
fn as_one(texts: Vec<String>) -> [String; 2] {
    let mut texts = texts;
    let in_order = texts.join("\n");
    texts.sort_unstable();
    // SECURITY: a key that no prompt has, for those are trimmed: one message with these lines in another order is another prompt.
    [format!(" {}", texts.join("\n")), in_order]
}

/// A command as it is typed, its name without where that comes from.
fn without_place(command: &str) -> (&str, &str) {
    let (name, rest) = command.split_once(' ').unwrap_or((command, ""));
    let name = name.strip_prefix('/').unwrap_or(name);
    (name.rsplit_once(':').map_or(name, |(_, name)| name), rest)
}

/// The same of one that is cut.
fn parts_of(said: &Said) -> Option<(String, String)> {
    Some((normal(said.words.as_ref()?).into_owned(), said.blocks.clone()?))
}

/// A text in its words and the blocks as clients put them in, where it has both.
fn parts(text: &str) -> Option<(String, String)> {
    let (words, blocks) = split_reminders(text);
    Some((normal(&words?).into_owned(), blocks?))
}
