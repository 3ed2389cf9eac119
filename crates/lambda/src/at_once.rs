//! What a function makes before it polls for its first event, on both of the processors that Lambda lends to a start.

use std::panic::resume_unwind;

/// Makes two things at once, and waits for both: an HTTP client reads the machine's certificates, and a policy bundle is compiled,
/// and neither waits for the other. Whatever panics in one of them panics here.
// Nothing is called yet, so a thread that ends before this does is all that it takes; nothing goes on behind it.
pub fn at_once<A: Send, B>(one: impl FnOnce() -> A + Send, other: impl FnOnce() -> B) -> (A, B) {
    std::thread::scope(|scope| {
        let one = scope.spawn(one);
        let other = other();
        (one.join().unwrap_or_else(|panic| resume_unwind(panic)), other)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_may_wait_for_the_other() {
        let both = std::sync::Barrier::new(2);
        let wait = |made| {
            both.wait();
            made
        };
        assert_eq!(at_once(|| wait(1), || wait(2)), (1, 2));
    }

    #[test]
    fn what_cannot_be_made_is_not_passed_over() {
        let broken = std::panic::catch_unwind(|| at_once(|| panic!("a test"), || 2).1);
        assert!(broken.is_err());
    }
}
