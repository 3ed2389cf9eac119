//! What a request says that it belongs to (W3C Trace Context, Level 2, section 3.2, "traceparent").

use std::num::{NonZeroU64, NonZeroU128};
use std::str::FromStr;

use http::HeaderMap;
use thiserror::Error;

/// The header.
const HEADER: &str = "traceparent";

/// The trace and the span that a request was made in. Anybody can say it, so it proves nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TraceParent {
    trace: NonZeroU128,
    span: NonZeroU64,
    is_sampled: bool,
}

/// It is none, and must be taken for absent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("this is no traceparent")]
pub struct NoTraceParent;

impl TraceParent {
    /// The one of these headers; none where it is malformed, or stands twice.
    pub fn of_headers(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(HEADER).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().ok()?.parse().ok(),
            (_, _) => None,
        }
    }

    /// The trace: 128 bits, of which one at least is set.
    pub const fn trace(self) -> u128 {
        self.trace.get()
    }

    /// The span that the request was made in, as wide as half of that.
    pub const fn span(self) -> u64 {
        self.span.get()
    }

    /// Whether the caller may have kept its own part, and asks for ours.
    pub const fn is_sampled(self) -> bool {
        self.is_sampled
    }
}

impl FromStr for TraceParent {
    type Err = NoTraceParent;

    /// `VERSION-TRACE-PARENT-FLAGS` in lower-case hexadecimal digits, 2, 32, 16 and 2 of them; a version above `00` may
    /// say more behind another `-`.
    fn from_str(text: &str) -> Result<Self, NoTraceParent> {
        let mut parts = text.splitn(5, '-');
        let mut next = |digits| number(parts.next().unwrap_or_default(), digits);
        let (version, trace, span, flags) = (next(2)?, next(32)?, next(16)?, next(2)?);
        if version == 0xff || (version == 0 && parts.next().is_some()) {
            return Err(NoTraceParent);
        }
        let span = u64::try_from(span).ok().and_then(NonZeroU64::new).ok_or(NoTraceParent)?;
        let trace = NonZeroU128::new(trace).ok_or(NoTraceParent)?;
        Ok(Self { trace, span, is_sampled: flags & 1 == 1 })
    }
}

/// The value of exactly so many lower-case hexadecimal digits.
fn number(text: &str, digits: usize) -> Result<u128, NoTraceParent> {
    let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if text.len() != digits || !text.bytes().all(is_digit) {
        return Err(NoTraceParent);
    }
    u128::from_str_radix(text, 16).map_err(|_| NoTraceParent)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[track_caller]
    fn check(text: &str, expected: Option<bool>) {
        let read = text.parse::<TraceParent>().ok();
        assert_eq!(read.map(TraceParent::is_sampled), expected, "{text}");
        if let Some(read) = read {
            assert_eq!(text.get(3..35), Some(format!("{:032x}", read.trace()).as_str()));
            assert_eq!(text.get(36..52), Some(format!("{:016x}", read.span()).as_str()));
        }
    }

    #[test]
    fn a_parent_is_read_as_its_specification_writes_it_and_nothing_else_is_one() {
        check(GOOD, Some(true));
        check(&GOOD.replace("-01", "-00"), Some(false));
        check(&GOOD.replace("-01", "-03"), Some(true));
        check(&GOOD.replace("-01", "-fe"), Some(false));
        // A later version may say more.
        check(&GOOD.replace("00-", "cc-"), Some(true));
        check(&format!("{}-what-comes", GOOD.replace("00-", "cc-")), Some(true));
        for bad in [
            "",
            "-",
            "00",
            "---",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c0-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            " 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\n",
            "00-0af7651916cd43dd8448eb211c80319ç-b7ad6b7169203331-01",
        ] {
            check(bad, None);
        }
    }

    #[test]
    fn a_parent_that_stands_twice_is_none() {
        let mut headers = HeaderMap::new();
        assert_eq!(TraceParent::of_headers(&headers), None);
        headers.append(HEADER, GOOD.parse().unwrap());
        assert_eq!(TraceParent::of_headers(&headers), GOOD.parse().ok());
        headers.append(HEADER, GOOD.parse().unwrap());
        assert_eq!(TraceParent::of_headers(&headers), None);
        headers.insert(HEADER, http::HeaderValue::from_bytes(b"00-\xff").unwrap());
        assert_eq!(TraceParent::of_headers(&headers), None);
    }
}
