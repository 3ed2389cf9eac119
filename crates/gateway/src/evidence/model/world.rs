//! What happens, and who tells of it: some messages, a call, channels in their own order, and perhaps a liar.

use std::collections::BTreeSet;

use domain::{ChannelKind, Context};

use super::{SQL, TOOL_USE, TRACE};
use crate::evidence::{Came, Channel, Meanwhile, Sighting, SpeaksFor};

/// When the client makes the call, and when it is decided; messages are typed ten apart from each other.
pub(super) const CALLED: u64 = 50;
pub(super) const DECIDED: u64 = 55;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum By {
    Hooks,
    Telemetry,
    Provider,
    /// An application of the operator's.
    App,
}

impl By {
    pub(super) fn channel(self) -> Channel {
        let (name, kind) = match self {
            Self::Hooks => ("hooks", ChannelKind::Hooks),
            Self::Telemetry => ("telemetry", ChannelKind::Telemetry),
            Self::Provider => ("provider", ChannelKind::Provider),
            Self::App => ("app", ChannelKind::Prompts),
        };
        Channel {
            name: name.to_owned(),
            kind,
            speaks_for: SpeaksFor::Subjects(vec!["ana".to_owned()]),
            issuer: None,
            agent: None,
            credential: None,
            tools: Vec::new(),
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Tells {
    /// A message, under the turn's id.
    Prompt(&'static str),
    /// The same under another turn's.
    PromptElsewhere(&'static str),
    /// The call.
    Use,
    /// The same, in another turn.
    UseElsewhere,
    /// A message, under the trace that the call names.
    Traced(&'static str),
    /// The call, of no turn.
    UseAlone,
    /// The call, and what the model received for a prompt, and since.
    Received(&'static str, Vec<(&'static str, Came)>),
    /// The same of a prompt that stands beside a tool's answer.
    ReceivedBeside(&'static str),
}

impl Tells {
    /// What came since of what the model received.
    pub(super) fn received(&mut self) -> Option<&mut Vec<(&'static str, Came)>> {
        match self {
            Self::Received(_, since) => Some(since),
            Self::Prompt(_) | Self::PromptElsewhere(_) | Self::Traced(_) | Self::ReceivedBeside(_) => None,
            Self::Use | Self::UseElsewhere | Self::UseAlone => None,
        }
    }
}

/// What a channel tells, and when that was by its client's clock.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Telling {
    pub(super) by: By,
    pub(super) tells: Tells,
    pub(super) at: u64,
}

impl Telling {
    pub(super) fn sightings(&self) -> Vec<Sighting> {
        let Self { by, tells, at } = self;
        let base = || Sighting { subject: Some("ana".to_owned()), ..Sighting::default() };
        let is_elsewhere = matches!(tells, Tells::PromptElsewhere(_) | Tells::UseElsewhere);
        let turn = || Sighting {
            prompt_id: Some(if is_elsewhere { "p-2" } else { "p-1" }.to_owned()),
            conversation: Some("s-1".to_owned()),
            moment: (*by == By::Telemetry).then_some(*at),
            ..base()
        };
        let used = |base: Sighting| Sighting { tool_use: Some(TOOL_USE.to_owned()), ..base };
        match tells {
            Tells::Prompt(prompt) | Tells::PromptElsewhere(prompt) => {
                vec![Sighting { prompt: Some((*prompt).to_owned()), ..turn() }]
            }
            Tells::Use | Tells::UseElsewhere if *by == By::Hooks => {
                vec![Sighting {
                    statement: Some(SQL.to_owned()),
                    under: Some(Context::default()),
                    ..used(turn())
                }]
            }
            Tells::Use | Tells::UseElsewhere => vec![used(turn())],
            Tells::Traced(prompt) => {
                let trace = Some(TRACE.to_owned());
                vec![Sighting { prompt: Some((*prompt).to_owned()), trace, ..base() }]
            }
            Tells::UseAlone => vec![Sighting { statement: Some(SQL.to_owned()), ..used(base()) }],
            Tells::ReceivedBeside(said) => {
                let words = || Sighting { words: Some(format!("{said} beside")), ..base() };
                vec![
                    Sighting { prompt: Some((*said).to_owned()), is_beside_answer: true, ..words() },
                    Sighting { statement: Some(SQL.to_owned()), ..used(words()) },
                ]
            }
            Tells::Received(said, meanwhile) => {
                let words = || Sighting { words: Some(format!("{said} {meanwhile:?}")), ..base() };
                // Of a command the model receives what the client has made of it.
                let command = said.starts_with('/').then(|| (*said).to_owned());
                let said = if command.is_some() { "what was made of it" } else { *said };
                let meanwhile = meanwhile
                    .iter()
                    .map(|(text, came)| Meanwhile { text: (*text).to_owned(), came: *came })
                    .collect();
                vec![
                    Sighting { prompt: Some(said.to_owned()), command, meanwhile, ..words() },
                    Sighting { statement: Some(SQL.to_owned()), ..used(words()) },
                ]
            }
        }
    }
}

pub(super) const ALL: &[&str] = &["/alpha", "alpha", "beta", "gamma", "forged"];

/// What happened, and who tells of it.
#[derive(Clone, Debug)]
pub(super) struct World {
    /// Typed before the call, and behind it.
    pub(super) before: Vec<&'static str>,
    pub(super) behind: Vec<&'static str>,
    /// Who tells lies.
    pub(super) liar: Option<By>,
    /// What is told before the decision, in that order.
    pub(super) early: Vec<Telling>,
    /// What is told behind it, in any order.
    pub(super) late: Vec<Telling>,
}

impl World {
    /// Adds what a channel tells, `is_early`: all that was before the call before the decision. Hooks always do.
    fn add(&mut self, by: By, (before, behind): (Vec<Telling>, Vec<Telling>), is_early: bool) {
        let into = if is_early || by == By::Hooks { &mut self.early } else { &mut self.late };
        into.extend(before);
        self.late.extend(behind);
    }

    /// The same where a use that is told by itself comes before the decision, too; none where it is another world.
    fn with_the_use_early(&self) -> Option<Self> {
        let is_use = |telling: &Telling| telling.tells == Tells::UseAlone;
        let is_early = self.told(By::App).any(|telling| self.early.contains(telling));
        let at = self.late.iter().position(is_use).filter(|_| is_early)?;
        let mut world = self.clone();
        let told = world.late.remove(at);
        world.early.push(told);
        Some(world)
    }

    /// Whether the prompt stands beside an answer, or something that may have been typed does.
    pub(super) fn is_doubtful(&self) -> bool {
        self.has_file() || self.is_beside_answer()
    }

    /// Whether the model received the prompt beside an answer.
    pub(super) fn is_beside_answer(&self) -> bool {
        self.told(By::Provider).any(|telling| matches!(telling.tells, Tells::ReceivedBeside(_)))
    }

    /// Whether the model received a file beside an answer.
    fn has_file(&self) -> bool {
        self.has_received_since("file") || self.has_note()
    }

    /// Whether it received there what a person said as they allowed a call, which nobody else sees.
    pub(super) fn has_note(&self) -> bool {
        self.has_received_since("note")
    }

    /// Whether the model received that behind the prompt.
    pub(super) fn has_received_since(&self, text: &str) -> bool {
        let mut all = self.early.iter().chain(&self.late).cloned();
        let is_it = |since: &mut Vec<(&str, Came)>| since.iter().any(|(since, _)| *since == text);
        all.any(|mut telling| telling.tells.received().is_some_and(is_it))
    }

    /// The same where the model received something beside a tool's answer; none where nobody tells of it.
    fn with_since(mut self, since: (&'static str, Came)) -> Option<Self> {
        let mut all = self.early.iter_mut().chain(&mut self.late);
        let received = all.find_map(|telling| telling.tells.received());
        received?.push(since);
        Some(self)
    }

    /// The same where a file that the model has written stands in the prompt's place; none where nobody tells of it.
    fn with_a_file_as_its_prompt(mut self) -> Option<Self> {
        let mut all = self.early.iter_mut().chain(&mut self.late);
        let telling = all.find(|telling| telling.by == By::Provider)?;
        telling.tells = Tells::ReceivedBeside("forged");
        Some(self)
    }

    pub(super) fn honest(&self, by: By) -> bool {
        let is_misled = by == By::Provider
            && self.told(by).any(|telling| telling.tells == Tells::ReceivedBeside("forged"));
        self.liar != Some(by) && !is_misled
    }

    pub(super) fn told(&self, by: By) -> impl Iterator<Item = &Telling> {
        self.early.iter().chain(&self.late).filter(move |telling| telling.by == by)
    }

    /// The messages that a channel tells of this call.
    pub(super) fn messages(&self, by: By) -> BTreeSet<&'static str> {
        let is_elsewhere = |telling: &Telling| matches!(telling.tells, Tells::PromptElsewhere(_));
        let is_tied = self.told(by).any(|telling| telling.tells == Tells::UseElsewhere);
        // Whoever says that a call was made before it was asked for has asked for nothing by its own word.
        let is_use = |telling: &&Telling| matches!(telling.tells, Tells::Use | Tells::UseElsewhere);
        let called = self.told(by).filter(is_use).map(|telling| telling.at).min().unwrap_or(u64::MAX);
        self.told(by)
            .filter(|telling| telling.at <= called && (is_tied || !is_elsewhere(telling)))
            .flat_map(|telling| match &telling.tells {
                Tells::Prompt(prompt)
                | Tells::PromptElsewhere(prompt)
                | Tells::Traced(prompt)
                | Tells::ReceivedBeside(prompt)
                | Tells::Received(prompt, _) => Some(*prompt),
                Tells::Use | Tells::UseElsewhere | Tells::UseAlone => None,
            })
            .collect()
    }

    pub(super) fn is_told_of(&self, by: By) -> bool {
        self.told(by).any(|telling| !matches!(telling.tells, Tells::Prompt(_) | Tells::PromptElsewhere(_)))
    }

    /// Those who tell the truth of this call and of a prompt.
    pub(super) fn witnesses(&self) -> Vec<By> {
        let all = [By::Hooks, By::Telemetry, By::Provider, By::App].into_iter();
        all.filter(|by| self.honest(*by) && self.is_told_of(*by) && !self.messages(*by).is_empty()).collect()
    }
}

pub(super) fn telling(by: By, tells: Tells, at: u64) -> Telling {
    Telling { by, tells, at }
}

/// All rows of at most so many of these.
fn rows<T: Clone>(of: &[T], most: usize) -> Vec<Vec<T>> {
    let mut all = vec![Vec::new()];
    let mut longest = all.clone();
    for _ in 0..most {
        longest = longest
            .iter()
            .flat_map(|row: &Vec<T>| {
                of.iter().map(|one| [row.as_slice(), std::slice::from_ref(one)].concat())
            })
            .collect();
        all.extend(longest.iter().cloned());
    }
    all
}

/// What a channel tells that tells the truth: before the call, and behind it.
fn truth(by: By, before: &[&'static str], behind: &[&'static str]) -> (Vec<Telling>, Vec<Telling>) {
    let prompts =
        |messages: &[&'static str]| messages.iter().map(|message| Tells::Prompt(message)).collect::<Vec<_>>();
    match (by, before.split_first()) {
        (By::Provider, None) => (Vec::new(), Vec::new()),
        (By::Provider, Some((first, since))) => {
            let sent = since.iter().map(|typed| (*typed, Came::Sent)).collect();
            (vec![telling(by, Tells::Received(first, sent), CALLED)], Vec::new())
        }
        (By::Hooks | By::Telemetry, _) => told(by, &prompts(before), &prompts(behind)),
        (By::App, _) => {
            let traced = before.iter().map(|typed| telling(by, Tells::Traced(typed), 10)).collect();
            (traced, vec![telling(by, Tells::UseAlone, CALLED)])
        }
    }
}

/// What a client tells of a call: before it, and behind it.
fn told(by: By, before: &[Tells], behind: &[Tells]) -> (Vec<Telling>, Vec<Telling>) {
    let at = |from: u64| {
        move |(n, tells): (usize, &Tells)| telling(by, tells.clone(), from + 10 * u64::try_from(n).unwrap())
    };
    let mut early: Vec<Telling> = before.iter().enumerate().map(at(10)).collect();
    early.push(telling(by, Tells::Use, CALLED));
    (early, behind.iter().enumerate().map(at(60)).collect())
}

/// What a liar tells: before the call, and behind it.
fn lies() -> Vec<(Vec<Tells>, Vec<Tells>)> {
    let [alpha, beta, gamma, forged] = ["alpha", "beta", "gamma", "forged"].map(Tells::Prompt);
    let elsewhere = Tells::PromptElsewhere("forged");
    let all = [alpha.clone(), beta, gamma, forged.clone(), elsewhere.clone(), Tells::UseElsewhere];
    let mut before = rows(&all, 2);
    before.push(vec![alpha.clone(), elsewhere, Tells::UseElsewhere]);
    let behind = rows(&[alpha, forged, Tells::Use, Tells::UseElsewhere], 1);
    before.iter().flat_map(|one| behind.iter().map(|two| (one.clone(), two.clone()))).collect()
}

pub(super) fn worlds() -> Vec<World> {
    let turns: [(&[&'static str], &[&'static str]); 6] = [
        (&["alpha"], &[]),
        (&["alpha", "beta"], &[]),
        (&["alpha"], &["gamma"]),
        (&["alpha", "beta"], &["gamma"]),
        (&["/alpha"], &[]),
        (&["/alpha", "beta"], &[]),
    ];
    let all = [By::Hooks, By::Telemetry, By::Provider, By::App];
    let mut worlds = Vec::new();
    for (before, behind) in turns {
        for seen in (1_u8..16)
            .map(|mask| all.into_iter().filter(|by| mask & (1 << *by as u8) != 0).collect::<Vec<_>>())
        {
            // An application that names a trace alone knows of one message.
            if seen.contains(&By::App) && before.len() + behind.len() > 1 {
                continue;
            }
            for is_early in [false, true] {
                let empty = World {
                    before: before.to_vec(),
                    behind: behind.to_vec(),
                    liar: None,
                    early: Vec::new(),
                    late: Vec::new(),
                };
                let honest = |world: &mut World, by: By| world.add(by, truth(by, before, behind), is_early);
                let mut world = empty.clone();
                seen.iter().for_each(|by| honest(&mut world, *by));
                // A skill's file, which nobody has typed, and words which nobody else sees.
                worlds.extend(world.clone().with_since(("file", Came::AsFile)));
                worlds.extend(world.clone().with_since(("note", Came::Unaccounted)));
                // What is typed behind Esc.
                if let [typed] = before {
                    let mut world = world.clone();
                    let mut all = world.early.iter_mut().chain(&mut world.late);
                    if let Some(telling) =
                        all.find(|telling| telling.by == By::Provider).filter(|_| !typed.starts_with('/'))
                    {
                        telling.tells = Tells::ReceivedBeside(typed);
                        worlds.push(world);
                    }
                }
                worlds.push(world);
                for liar in seen.iter().copied().filter(|by| [By::Hooks, By::Telemetry].contains(by)) {
                    for lie in lies() {
                        let mut world = World { liar: Some(liar), ..empty.clone() };
                        world.add(liar, told(liar, &lie.0, &lie.1), is_early);
                        // What is told once more while it is decided.
                        if is_early && liar == By::Hooks {
                            world.early.append(&mut world.late);
                        }
                        seen.iter().filter(|by| **by != liar).for_each(|by| honest(&mut world, *by));
                        // What the agent has made a tool answer as a client does.
                        let came = if lie.0.len() == 1 { Came::AsFile } else { Came::Sent };
                        worlds.extend(world.clone().with_since(("forged", came)));
                        if lie.0.len() < 2 {
                            worlds.extend(world.clone().with_a_file_as_its_prompt());
                        }
                        worlds.push(world);
                    }
                }
            }
        }
    }
    // An application that tells a trace and the use by itself, both before the decision.
    let at_once: Vec<World> = worlds.iter().filter_map(World::with_the_use_early).collect();
    worlds.extend(at_once);
    worlds.retain(|world| {
        world.late.len() <= if world.liar.is_some() { MOST_LATE_OF_LIARS } else { MOST_LATE }
    });
    worlds
}

/// What is told behind the decision, at most; of worlds with a liar, of which there are many, less. Four passed, too, in half a minute.
const MOST_LATE: usize = 5;
const MOST_LATE_OF_LIARS: usize = 3;
