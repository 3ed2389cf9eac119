//! How often pieces and bytes are looked at, counted in tests: work must grow as the text does, not faster.

use std::cell::Cell;

thread_local! {
    static LOOKS: Cell<u64> = const { Cell::new(0) };
}

/// One more look.
pub(crate) fn count() {
    LOOKS.with(|looks| looks.set(looks.get() + 1));
}

/// How many looks the work takes.
pub(crate) fn during(work: impl FnOnce()) -> u64 {
    let before = LOOKS.with(Cell::get);
    work();
    LOOKS.with(Cell::get) - before
}
