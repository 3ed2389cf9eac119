//! Pages on their way to clients, bounded: in all, and for each principal.
//!
//! A page stays in memory until its client has read it, and a client may read as slowly as it likes. So no more of them
//! are taken from the store than there is room for; who finds none asks again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use domain::PrincipalKey;

use crate::ask::AskError;

/// Bytes of pages that are on their way at once.
const ROOM: usize = 192 * 1024 * 1024;

/// Bytes of them that one principal may have on their way: as many whole pages as a client fetches side by side.
const EACH: usize = 64 * 1024 * 1024;

/// Pages below this take no room: there are never more of them than connections.
const SMALL: usize = 64 * 1024;

/// The room there is.
pub(crate) struct Shelf {
    room: usize,
    each: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    by_principal: HashMap<PrincipalKey, usize>,
}

/// Room for one page; given back when the last copy of the page is dropped.
pub(crate) struct Place {
    shelf: Arc<Shelf>,
    principal: PrincipalKey,
    size: usize,
}

impl Default for Shelf {
    fn default() -> Self {
        Self { room: ROOM, each: EACH, taken: Mutex::default() }
    }
}

impl Shelf {
    /// Room for a page of so many bytes; none needed for a small one.
    ///
    /// # Errors
    /// [`AskError::Busy`] when there is none.
    pub fn place(self: &Arc<Self>, principal: &PrincipalKey, size: usize) -> Result<Option<Place>, AskError> {
        if size < SMALL {
            return Ok(None);
        }
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let of_principal = taken.by_principal.get(principal).copied().unwrap_or(0);
        // Whoever has nothing gets one page, however large: otherwise it could never be had.
        let fits = |taken: usize, room: usize| taken == 0 || taken.saturating_add(size) <= room;
        if !fits(taken.all, self.room) || !fits(of_principal, self.each) {
            return Err(AskError::Busy { handle: None });
        }
        taken.all = taken.all.saturating_add(size);
        taken.by_principal.insert(principal.clone(), of_principal.saturating_add(size));
        Ok(Some(Place { shelf: Arc::clone(self), principal: principal.clone(), size }))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.shelf.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all = taken.all.saturating_sub(self.size);
        if let Some(of_principal) = taken.by_principal.get_mut(&self.principal) {
            *of_principal = of_principal.saturating_sub(self.size);
            if *of_principal == 0 {
                taken.by_principal.remove(&self.principal);
            }
        }
    }
}

/// The page, with its place.
pub(crate) fn put(place: Option<Place>, page: Bytes) -> Bytes {
    struct Put {
        page: Bytes,
        _place: Place,
    }

    impl AsRef<[u8]> for Put {
        fn as_ref(&self) -> &[u8] {
            &self.page
        }
    }

    match place {
        Some(place) => Bytes::from_owner(Put { page, _place: place }),
        None => page,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn principal(name: &str) -> PrincipalKey {
        PrincipalKey::from_stored(name.to_owned())
    }

    #[test]
    fn a_page_takes_room_until_its_last_copy_is_gone() {
        let shelf = Arc::new(Shelf { room: 300_000, each: 200_000, taken: Mutex::default() });
        let ana = principal("ana");
        let page = || Bytes::from(vec![0; 100_000]);
        let put_one = |who: &PrincipalKey| shelf.place(who, 100_000).map(|place| put(place, page()));
        let first = put_one(&ana).unwrap();
        let second = put_one(&ana).unwrap();
        assert!(matches!(put_one(&ana), Err(AskError::Busy { .. })), "her own bound");
        let third = put_one(&principal("ben")).unwrap();
        assert!(matches!(put_one(&principal("eve")), Err(AskError::Busy { .. })), "everybody's bound");
        assert!(shelf.place(&ana, SMALL - 1).unwrap().is_none(), "small ones take none");
        let slice = first.slice(10..20);
        drop(first);
        assert!(matches!(put_one(&ana), Err(AskError::Busy { .. })), "a part of it is still read");
        drop(slice);
        drop((second, put_one(&ana).unwrap(), third));
        assert!(shelf.taken.lock().unwrap().by_principal.is_empty());
    }

    #[test]
    fn one_page_is_had_however_large() {
        let shelf = Arc::new(Shelf { room: 100_000, each: 100_000, taken: Mutex::default() });
        let place = shelf.place(&principal("ana"), 1_000_000).unwrap();
        assert!(matches!(shelf.place(&principal("ana"), 100_000), Err(AskError::Busy { .. })));
        drop(place);
        assert!(shelf.place(&principal("ana"), 100_000).is_ok());
    }
}
