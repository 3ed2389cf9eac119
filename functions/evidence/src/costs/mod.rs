//! What reading may cost, whatever is read: for the tests and the fuzz targets, which count what is allocated. What is allocated in
//! all stands for the time, too, as far as no clock is asked.

#[cfg(test)]
mod bodies;
#[cfg(test)]
mod tests;

use domain::ChannelKind;
use gateway::{Channel, SpeaksFor};

pub use crate::otlp::{Form, Signal};
use crate::{hooks, otlp, prompts};

/// Bytes allocated at once: so many times the body, and so many for each thing of a piece.
const AT_ONCE: (usize, usize) = (10, 2048);

/// Bytes allocated in all: so many times the body, and so many for each thing that is told.
const IN_ALL: (usize, usize) = (24, 2048);

/// Bytes of a small body, at once and in all: so many times the body.
const SMALL: usize = 6;

/// Bytes whatever the body.
const ALWAYS: usize = 4096;

/// Bytes of the smallest thing that is told.
const SMALLEST: usize = 30;

/// How many things an export told, or would have told were it one.
#[derive(Clone, Copy, Default, Debug)]
pub struct Told {
    /// In all its pieces.
    pub in_all: usize,
    /// In the largest of them.
    pub at_once: usize,
}

/// Bytes that reading this export may take, at once and in all.
pub const fn most_of_export(body: &[u8], told: Told) -> (u64, u64) {
    (most(body, AT_ONCE, told.at_once), most(body, IN_ALL, told.in_all))
}

/// The same of a body of one thing.
pub const fn most_of_small(body: &[u8]) -> (u64, u64) {
    (most(body, (SMALL, 0), 0), most(body, (SMALL, 0), 0))
}

const fn most(body: &[u8], (times, each): (usize, usize), things: usize) -> u64 {
    (ALWAYS + times * body.len() + each * things) as u64
}

/// Reads all of an export as the door does, of which one piece is kept at a time.
pub fn export(body: &[u8], signal: Signal, form: Form, kind: ChannelKind) -> Told {
    let (channel, mut told) = (channel(kind), Told::default());
    let mut read = otlp::read(body, signal, form, &channel);
    loop {
        let Ok(piece) = read else {
            // What stood before its first wrong byte was gathered, and is told to nobody.
            let most = body.len() / SMALLEST;
            break Told { in_all: told.in_all + most, at_once: told.at_once.max(most.min(otlp::PIECE)) };
        };
        told.in_all += piece.sightings.len();
        told.at_once = told.at_once.max(piece.sightings.len());
        drop(piece.sightings);
        let Some(rest) = piece.next else { break told };
        read = otlp::read_on(body, signal, form, &channel, rest);
    }
}

/// Every way of reading a body of one thing.
pub fn small() -> [fn(&[u8]); 3] {
    [
        |body| drop(hooks::claude_code(body)),
        |body| drop(hooks::cursor(body)),
        |body| drop(prompts::read(body)),
    ]
}

/// A channel that speaks for anybody.
fn channel(kind: ChannelKind) -> Channel {
    Channel {
        name: "a".into(),
        kind,
        speaks_for: SpeaksFor::Anybody,
        issuer: None,
        agent: None,
        credential: None,
        tools: Vec::new(),
    }
}
