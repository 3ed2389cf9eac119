//! A statement that upstream runs, as it is written into an `UpstreamHandle`.

use domain::{Handle, Tier};
use gateway::ports::UpstreamHandle;

use crate::error::Error;

/// What is needed to go on with a statement in any process.
///
/// Its text is `COUNT:HANDLE` while it runs, and `COUNT:HANDLE:CHILD,CHILD,…` once a batch has answered: the pinned
/// number of statements, Snowflake's handle, and the handles of the batch's statements in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Run {
    pub(crate) tier: Tier,
    pub(crate) count: u32,
    pub(crate) handle: Handle,
    /// Empty for a single statement, and for a batch that has not answered.
    pub(crate) children: Vec<Handle>,
}

impl Run {
    pub(crate) fn new(tier: Tier, count: u32, handle: Handle) -> Self {
        Self { tier, count, handle, children: Vec::new() }
    }

    pub(crate) fn to_handle(&self) -> UpstreamHandle {
        let mut text = format!("{}:{}", self.count, self.handle);
        for (at, child) in self.children.iter().enumerate() {
            text.push(if at == 0 { ':' } else { ',' });
            text.push_str(&child.to_string());
        }
        UpstreamHandle { tier: self.tier, text }
    }

    pub(crate) fn from_handle(handle: &UpstreamHandle) -> Result<Self, Error> {
        let wrong = Error::Nonsense("the kept handle is not one of this adapter");
        Self::parse(handle).ok_or(wrong)
    }

    fn parse(handle: &UpstreamHandle) -> Option<Self> {
        let mut parts = handle.text.split(':');
        let count: u32 = parts.next()?.parse().ok().filter(|count| *count > 0)?;
        let parent = parts.next()?.parse().ok()?;
        let children = match parts.next() {
            Some(list) => list.split(',').map(|child| child.parse().ok()).collect::<Option<Vec<Handle>>>()?,
            None => Vec::new(),
        };
        let fits = children.is_empty() || (count > 1 && children.len() == count as usize);
        (fits && parts.next().is_none()).then_some(Self {
            tier: handle.tier,
            count,
            handle: parent,
            children,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_survives_being_kept_as_text() {
        let mut run = Run::new(Tier::Write, 2, Handle::from_u128(1));
        assert_eq!(Run::from_handle(&run.to_handle()).unwrap(), run);
        run.children = vec![Handle::from_u128(2), Handle::from_u128(3)];
        assert_eq!(Run::from_handle(&run.to_handle()).unwrap(), run);
    }

    #[test]
    fn what_is_no_run_is_refused() {
        let one = Handle::from_u128(1);
        for text in [
            String::new(),
            one.to_string(),
            format!("0:{one}"),
            format!("1:{one}:{one}"),
            format!("3:{one}:{one},{one}"),
            format!("2:{one}:{one},../x"),
            format!("2:{one}:{one},{one}:x"),
            "1:../../x".to_owned(),
        ] {
            let handle = UpstreamHandle { tier: Tier::Read, text };
            assert!(Run::from_handle(&handle).is_err(), "{}", handle.text);
        }
    }
}
