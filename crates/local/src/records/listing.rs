//! Openings in the order in which they were made.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, VecDeque};
use std::vec;

use domain::Timestamp;
use recording::{FormatError, ObjectKind, Opening, RecordKey, Stored};

use super::{names_in, openings_in};
use crate::disk::read_file;
use crate::error::HomeError;
use crate::layout::Layout;

/// One exchange of a [`Listing`].
#[derive(Debug)]
pub struct Listed {
    /// Where it lies.
    pub key: RecordKey,
    /// Its opening, or why it cannot be read as one.
    pub opening: Result<Stored<Opening>, FormatError>,
}

/// Exchanges, the newest last. Each day's sessions are merged by the moments of their openings; an opening that is
/// damaged comes as early as its session allows.
#[derive(Debug)]
pub struct Listing {
    layout: Layout,
    days: vec::IntoIter<String>,
    heads: BinaryHeap<Reverse<Head>>,
    failed: VecDeque<HomeError>,
}

/// The next opening of one session, and those after it.
#[derive(Debug)]
struct Head {
    opened: Option<Timestamp>,
    listed: Listed,
    rest: vec::IntoIter<RecordKey>,
}

impl Listing {
    pub(super) fn new(layout: Layout, days: Vec<String>) -> Self {
        Self { layout, days: days.into_iter(), heads: BinaryHeap::new(), failed: VecDeque::new() }
    }

    fn begin(&mut self, day: &str) -> Result<(), HomeError> {
        for session in names_in(&self.layout.records().join("v1").join(format!("dt={day}")))? {
            if let Ok(session) = session.parse() {
                let keys = openings_in(&self.layout, day, session)?;
                self.push_next(keys.into_iter());
            }
        }
        Ok(())
    }

    /// Puts the next opening of a session that can be read at all among the heads.
    fn push_next(&mut self, mut rest: vec::IntoIter<RecordKey>) {
        while let Some(key) = rest.next() {
            let Some(path) = self.layout.object(&key, ObjectKind::Opening) else { continue };
            match read_file(&path) {
                Ok(bytes) => {
                    let opening = recording::decode::<Opening>(&bytes);
                    let opened = opening.as_ref().ok().and_then(|stored| stored.record.opened.parse().ok());
                    self.heads.push(Reverse(Head { opened, listed: Listed { key, opening }, rest }));
                    return;
                }
                Err(error) => self.failed.push_back(HomeError::at(&path)(error)),
            }
        }
    }
}

impl Iterator for Listing {
    type Item = Result<Listed, HomeError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(error) = self.failed.pop_front() {
                return Some(Err(error));
            }
            if let Some(Reverse(Head { opened: _, listed, rest })) = self.heads.pop() {
                self.push_next(rest);
                return Some(Ok(listed));
            }
            let day = self.days.next()?;
            if let Err(error) = self.begin(&day) {
                return Some(Err(error));
            }
        }
    }
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.opened, &self.listed.key).cmp(&(other.opened, &other.listed.key))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Head {}
