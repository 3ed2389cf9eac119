//! Addresses of machines: MAC and IPv6 (IPv4 is a cluster of digits).

use std::net::Ipv6Addr;

use super::Kind;
use super::scan::Scan;
use crate::lexical::{at, before, is_word, part, run_end};

/// Tries the addresses that may start with the short word there; answers the end of what was found.
pub(super) fn from_word(scan: &mut Scan<'_>, start: usize, end: usize) -> Option<usize> {
    let text = scan.text;
    if !part(text, start, end).iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let separator = at(text, end);
    if before(text, start) == separator && separator != b':' || before(text, start) == b'.' {
        return None;
    }
    if !scan.spend(48) {
        return None;
    }
    if end - start == 2
        && separator != b'.'
        && let Some(found) = mac(text, start, 2, separator)
    {
        scan.found(start, found, Kind::Mac);
        return Some(found);
    }
    if end - start == 4 && separator == b'.' {
        let found = mac(text, start, 4, separator)?;
        scan.found(start, found, Kind::Mac);
        return Some(found);
    }
    if separator != b':' {
        return None;
    }
    let (from, found) = ipv6(text, start)?;
    scan.found(from, found, Kind::IpAddress);
    Some(found)
}

/// Groups of hexadecimal digits of one size with one separator: six bytes, or eight.
fn mac(text: &[u8], start: usize, size: usize, separator: u8) -> Option<usize> {
    if before(text, start) == separator {
        return None;
    }
    let mut end = start;
    let mut bytes = 0;
    let mut sum = 0_u32;
    loop {
        let group_end = run_end(text, end, size, |b| b.is_ascii_hexdigit());
        if group_end - end != size {
            break;
        }
        sum += part(text, end, group_end).iter().map(|&b| u32::from(b)).sum::<u32>();
        bytes += size / 2;
        end = group_end;
        if bytes == 8 || at(text, end) != separator || !at(text, end + 1).is_ascii_hexdigit() {
            break;
        }
        end += 1;
    }
    // All zeros and all ones are nobody's.
    let is_nobody = sum == u32::from(b'0') * 12;
    let is_whole = !is_word(at(text, end)) && at(text, end) != separator;
    let has_length = bytes == 6 || bytes == 8 && size == 2;
    (has_length && is_whole && !is_nobody).then_some(end)
}

/// An IPv6 address whose first group starts there, or the `::` before it does.
fn ipv6(text: &[u8], start: usize) -> Option<(usize, usize)> {
    let mut from = start;
    while before(text, from) == b':' && start - from < 2 {
        from -= 1;
    }
    if is_word(before(text, from)) || start - from == 1 {
        return None;
    }
    let end = run_end(text, from, 45, |b| b.is_ascii_hexdigit() || b == b':' || b == b'.');
    // A full stop or colon behind the address ends the sentence, not the address.
    let mut last = end;
    while matches!(before(text, last), b'.' | b':')
        && last > from
        // `2001:db8::/32`
        && !(part(text, from, last).ends_with(b"::") && at(text, last) == b'/')
    {
        last -= 1;
    }
    if is_word(at(text, end)) {
        return None;
    }
    let address: Ipv6Addr = std::str::from_utf8(part(text, from, last)).ok()?.parse().ok()?;
    let [first, .., sixth, _, _] = address.segments();
    let is_full = part(text, from, last).iter().filter(|&&b| b == b':').count() == 7;
    let is_routed = matches!(first, 0x2000..=0x3FFF | 0xFC00..=0xFDFF | 0xFE80..=0xFEBF | 0x0064)
        || first == 0 && sixth == 0xFFFF;
    (is_full || is_routed).then_some((from, last))
}
