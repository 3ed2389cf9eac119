//! OTLP in protobuf, read where it lies (wire format: protobuf.dev, "Encoding"; fields by number:
//! opentelemetry-proto, `logs.proto`, `trace.proto`, `common.proto`).

use std::borrow::Cow;

use gateway::{LONGEST_ID, SpanId};

use super::attributes::{Attributes, LONGEST, Resource, has_room, push_text};
use super::{Found, Item, Signal, Take};
use crate::rejected::Rejected;

/// Values within values at most.
const DEEPEST: u32 = 32;

const MALFORMED: Rejected = Rejected::Malformed("an OTLP export in protobuf");

/// Hands every log record or span on.
pub(super) fn read(bytes: &[u8], take: &mut Take<'_>) -> Result<(), Rejected> {
    let mut number = 0;
    for field in Fields(bytes) {
        // resource_logs, resource_spans
        if let (1, Value::Bytes(group)) = field? {
            number += 1;
            read_group((number, group), take)?;
        }
    }
    Ok(())
}

fn read_group((number, group): (usize, &[u8]), take: &mut Take<'_>) -> Result<(), Rejected> {
    let mut resource = Attributes::default();
    for field in Fields(group) {
        if let (1, Value::Bytes(message)) = field? {
            attributes(message, 1, &mut resource)?;
        }
    }
    let resource = Resource::from(resource);
    for field in Fields(group) {
        // scope_logs, scope_spans
        let (2, Value::Bytes(scope)) = field? else { continue };
        for field in Fields(scope) {
            // log_records, spans
            if let (2, Value::Bytes(message)) = field? {
                take(Found { group: number, resource: &resource, item: message })?;
            }
        }
    }
    Ok(())
}

/// One log record or span.
pub(super) fn item(message: &[u8], signal: Signal) -> Result<Item, Rejected> {
    let (name, trace, attributes_at) = match signal {
        Signal::Logs => (12, 9, 6),
        Signal::Traces => (5, 1, 9),
    };
    let mut item = Item::default();
    for field in Fields(message) {
        match field? {
            (number, Value::Bytes(bytes)) if number == name => item.name = word(bytes).into_owned(),
            (number, Value::Bytes(bytes)) if number == trace => match trace_of(bytes) {
                Some(trace) => item.trace = trace,
                None => item.is_wrong = true,
            },
            (number, Value::Bytes(bytes)) if number == attributes_at => {
                item.is_wrong |= !key_value(bytes, &mut item.attributes)?;
            }
            (2, Value::Bytes(bytes)) if signal == Signal::Traces => item.place.span = span_of(bytes),
            (4, Value::Bytes(bytes)) if signal == Signal::Traces => item.place.parent = span_of(bytes),
            (1, Value::Fixed(moment)) if signal == Signal::Logs => {
                item.place.begun = moment_of(moment).or(item.place.begun);
            }
            // When it was observed, where it does not say when it was.
            (11, Value::Fixed(moment)) if signal == Signal::Logs => {
                item.place.begun = item.place.begun.or(moment_of(moment));
            }
            (7, Value::Fixed(moment)) if signal == Signal::Traces => item.place.begun = moment_of(moment),
            (8, Value::Fixed(moment)) if signal == Signal::Traces => item.place.ended = moment_of(moment),
            // A log's body: Claude Code names its event there, too.
            (5, Value::Bytes(bytes)) if signal == Signal::Logs && item.name.is_empty() => {
                if let Some(body) = any_text(bytes)? {
                    item.name = word(body).chars().take(64).collect();
                }
            }
            (_, _) => {}
        }
    }
    Ok(item)
}

/// Every attribute in a message at this field, but those that cannot be read.
fn attributes(message: &[u8], at: u32, into: &mut Attributes) -> Result<(), Rejected> {
    for field in Fields(message) {
        match field? {
            (number, Value::Bytes(bytes)) if number == at => {
                key_value(bytes, into)?;
            }
            (_, _) => {}
        }
    }
    Ok(())
}

/// Sets it where it is known; whether it could be read.
fn key_value(bytes: &[u8], into: &mut Attributes) -> Result<bool, Rejected> {
    let (key, value) = pair(bytes)?;
    if let (Some(known), Some(value)) = (Attributes::known(&key), value) {
        let text = match any_text(value)? {
            Some(bytes) => match text(bytes) {
                Some(text) => text.into_owned(),
                None => return Ok(false),
            },
            None => {
                let mut json = String::new();
                if !any_json(value, 0, &mut json)? {
                    return Ok(false);
                }
                json
            }
        };
        into.set(known, text);
    }
    Ok(true)
}

fn pair(bytes: &[u8]) -> Result<(Cow<'_, str>, Option<&[u8]>), Rejected> {
    let (mut key, mut value) = (Cow::default(), None);
    for field in Fields(bytes) {
        match field? {
            (1, Value::Bytes(bytes)) => key = word(bytes),
            (2, Value::Bytes(bytes)) => value = Some(bytes),
            (_, _) => {}
        }
    }
    Ok((key, value))
}

/// The text of an `AnyValue` that is one, as it lies there.
fn any_text(value: &[u8]) -> Result<Option<&[u8]>, Rejected> {
    let mut found = None;
    for field in Fields(value) {
        found = match field? {
            (1, Value::Bytes(bytes)) => Some(bytes),
            (_, _) => None,
        };
    }
    Ok(found)
}

/// An `AnyValue` as JSON; false where it is too deep or too long.
fn any_json(value: &[u8], depth: u32, out: &mut String) -> Result<bool, Rejected> {
    if depth > DEEPEST || !has_room(out) {
        return Ok(false);
    }
    let start = out.len();
    for field in Fields(value) {
        // The last of a oneof counts.
        out.truncate(start);
        match field? {
            (1, Value::Bytes(bytes)) => {
                if !text(bytes).is_some_and(|text| push_text(&text, out)) {
                    return Ok(false);
                }
            }
            (2, Value::Varint(is)) => out.push_str(if is == 0 { "false" } else { "true" }),
            (3, Value::Varint(number)) => out.push_str(&number.cast_signed().to_string()),
            (5, Value::Bytes(list)) => {
                out.push('[');
                let mut is_first = true;
                for field in Fields(list) {
                    if let (1, Value::Bytes(value)) = field? {
                        separate(&mut is_first, out);
                        if !any_json(value, depth + 1, out)? {
                            return Ok(false);
                        }
                    }
                }
                out.push(']');
            }
            (6, Value::Bytes(list)) => {
                out.push('{');
                let mut is_first = true;
                for field in Fields(list) {
                    if let (1, Value::Bytes(entry)) = field? {
                        let (key, value) = pair(entry)?;
                        separate(&mut is_first, out);
                        if !push_text(&key, out) {
                            return Ok(false);
                        }
                        out.push(':');
                        if !any_json(value.unwrap_or_default(), depth + 1, out)? {
                            return Ok(false);
                        }
                    }
                }
                out.push('}');
            }
            (_, _) => out.push_str("null"),
        }
    }
    if out.len() == start {
        out.push_str("null");
    }
    Ok(true)
}

fn separate(is_first: &mut bool, out: &mut String) {
    if !std::mem::take(is_first) {
        out.push(',');
    }
}

/// Collectors hand on what they were sent: bytes that are no UTF-8 are theirs who sent them. None where that makes it too long.
fn text(bytes: &[u8]) -> Option<Cow<'_, str>> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(Cow::Borrowed(text)),
        // Each of them may become three.
        Err(_) => (bytes.len() <= LONGEST / 3).then(|| String::from_utf8_lossy(bytes)),
    }
}

/// A name, as much of it as any that is known has.
fn word(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes.get(..LONGEST_ID).unwrap_or(bytes))
}

/// None where it is no id.
fn trace_of(bytes: &[u8]) -> Option<Option<String>> {
    match bytes.len() {
        0 => Some(None),
        16 if bytes.iter().all(|byte| *byte == 0) => Some(None),
        16 => Some(Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect())),
        _ => None,
    }
}

/// None where it is none.
fn span_of(bytes: &[u8]) -> Option<SpanId> {
    <[u8; 8]>::try_from(bytes).ok().filter(|id| *id != [0; 8]).map(SpanId)
}

/// Nanoseconds; 0 is none.
fn moment_of(bytes: &[u8]) -> Option<u64> {
    <[u8; 8]>::try_from(bytes).ok().map(u64::from_le_bytes).filter(|moment| *moment > 0)
}

/// An export's answer that tells of what was left out: `partial_success`, with its count and message.
pub(super) fn partial_success(left_out: u64, message: &str) -> Vec<u8> {
    let mut inner = vec![0x08];
    push_varint(left_out, &mut inner);
    inner.push(0x12);
    push_varint(message.len() as u64, &mut inner);
    inner.extend_from_slice(message.as_bytes());
    let mut outer = vec![0x0a];
    push_varint(inner.len() as u64, &mut outer);
    outer.append(&mut inner);
    outer
}

fn push_varint(number: u64, out: &mut Vec<u8>) {
    let mut rest = number;
    while rest >= 0x80 {
        out.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// A field's value.
enum Value<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    /// Four or eight bytes.
    Fixed(&'a [u8]),
}

/// The fields of one message, in order; after something malformed there are none.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn varint(&mut self) -> Option<u64> {
        let mut number: u64 = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                // The tenth byte has room for one bit.
                return (shift < 63 || *byte <= 1).then_some(number);
            }
        }
        None
    }

    fn bytes(&mut self, length: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    fn field(&mut self) -> Option<(u32, Value<'a>)> {
        let key = self.varint()?;
        let number = u32::try_from(key >> 3).ok().filter(|number| *number > 0)?;
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed(self.bytes(8)?),
            2 => {
                let length = self.varint()?;
                Value::Bytes(self.bytes(length)?)
            }
            5 => Value::Fixed(self.bytes(4)?),
            // Groups are long gone.
            _ => return None,
        };
        Some((number, value))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Value<'a>), Rejected>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        match self.field() {
            Some(field) => Some(Ok(field)),
            None => {
                self.0 = &[];
                Some(Err(MALFORMED))
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A field of bytes.
    pub fn field(number: u32, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        push_varint(u64::from(number) << 3 | 2, &mut out);
        push_varint(bytes.len() as u64, &mut out);
        out.extend_from_slice(bytes);
        out
    }

    /// An attribute with a text.
    pub fn attribute(key: &str, value: &str) -> Vec<u8> {
        [field(1, key.as_bytes()), field(2, &field(1, value.as_bytes()))].concat()
    }

    fn items(bytes: &[u8], signal: Signal) -> Result<Vec<Item>, Rejected> {
        let mut items = Vec::new();
        read(bytes, &mut |found| {
            items.push(item(found.item, signal)?);
            Ok(())
        })?;
        Ok(items)
    }

    #[test]
    fn a_log_and_a_span_are_read() {
        let record = [
            vec![0x09, 1, 2, 3, 4, 5, 6, 7, 8],
            field(5, &field(1, b"claude_code.user_prompt")),
            field(6, &attribute("prompt", "hi")),
            field(6, &attribute("unknown", "x")),
            field(9, &[0xab; 16]),
        ]
        .concat();
        let logs = field(1, &field(2, &field(2, &record)));
        let found = items(&logs, Signal::Logs).unwrap();
        assert_eq!(
            (found[0].name.as_str(), found[0].attributes.get("prompt")),
            ("claude_code.user_prompt", Some("hi"))
        );
        assert_eq!(
            (found[0].trace.clone(), found[0].attributes.get("unknown")),
            (Some("ab".repeat(16)), None)
        );
        assert_eq!(found[0].place.begun, Some(u64::from_le_bytes([1, 2, 3, 4, 5, 6, 7, 8])));
        // When it was seen, where it does not say when it was.
        for (unknown, at) in
            [(vec![], 9), (vec![0x09, 0, 0, 0, 0, 0, 0, 0, 0], 9), (vec![0x09, 7, 0, 0, 0, 0, 0, 0, 0], 7)]
        {
            let seen = [&[0x59][..], &9_u64.to_le_bytes(), &unknown].concat();
            let found = items(&field(1, &field(2, &field(2, &seen))), Signal::Logs).unwrap();
            assert_eq!(found[0].place.begun, Some(at));
        }
        let begun = [&[0x39][..], &9_u64.to_le_bytes()].concat();
        let span = [
            field(1, &[0; 16]),
            field(2, &[1; 8]),
            field(4, &[2; 8]),
            field(5, b"claude_code.tool"),
            begun,
            field(9, &attribute("tool_use_id", "t")),
        ]
        .concat();
        let found = items(&field(1, &field(2, &field(2, &span))), Signal::Traces).unwrap();
        assert_eq!((found[0].name.as_str(), &found[0].trace), ("claude_code.tool", &None));
        let place = &found[0].place;
        assert_eq!((place.span, place.parent), (Some(SpanId([1; 8])), Some(SpanId([2; 8]))));
        assert_eq!((place.begun, place.ended), (Some(9), None));
    }

    #[test]
    fn a_structured_value_becomes_json() {
        let part = field(
            6,
            &[
                field(1, &attribute("type", "te\"xt")),
                field(1, &[field(1, b"n"), field(2, &[0x18, 0x05])].concat()),
            ]
            .concat(),
        );
        let list = field(5, &field(1, &part));
        let mut json = String::new();
        any_json(&list, 0, &mut json).unwrap();
        assert_eq!(json, r#"[{"type":"te\"xt","n":5}]"#);
    }

    #[test]
    fn what_is_no_protobuf_is_refused_wherever_it_ends() {
        let record = [field(6, &attribute("prompt", "hi")), field(9, &[1; 16])].concat();
        let good = field(1, &field(2, &field(2, &record)));
        for end in 1..good.len() {
            assert!(items(&good[..end], Signal::Logs).is_err(), "{end}");
        }
        for bad in [
            &[0x0b][..],
            &[0x00, 0x00],
            &[0xff; 11],
            &[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
            b"{\"resourceLogs\":[]}",
        ] {
            assert!(items(bad, Signal::Logs).is_err(), "{bad:?}");
        }
        // What one item says wrong is that item's alone.
        let found = items(&field(1, &field(2, &field(2, &field(9, &[1; 15])))), Signal::Logs).unwrap();
        assert!(found[0].is_wrong);
        let found = items(&field(1, &field(2, &field(2, &field(6, &field(1, &[0xff]))))), Signal::Logs);
        assert!(!found.unwrap()[0].is_wrong);
    }

    #[test]
    fn depth_is_bounded() {
        let mut value = field(1, b"x");
        for _ in 0..1000 {
            value = field(5, &field(1, &value));
        }
        let attribute = [field(1, b"gen_ai.input.messages"), field(2, &value)].concat();
        let span = field(9, &attribute);
        assert!(items(&field(1, &field(2, &field(2, &span))), Signal::Traces).unwrap()[0].is_wrong);
    }

    #[test]
    fn what_a_value_becomes_is_bounded_and_is_json() {
        let said = "a\"b\\c\n\t\u{1}\u{1f} é\u{2028}";
        let mut json = String::new();
        assert!(any_json(&field(1, said.as_bytes()), 0, &mut json).unwrap());
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), said);
        // Six bytes of JSON for each: of a body of 15 MB no 90 are made.
        let text = "\u{1}".repeat(4 * 1024 * 1024);
        let list = field(5, &field(1, &field(1, text.as_bytes())));
        let odd = field(1, &[0xff; 6 * 1024 * 1024]);
        let map = field(6, &field(1, &[field(1, b"content"), field(2, &field(1, text.as_bytes()))].concat()));
        for value in [list, map, odd] {
            let mut json = String::new();
            assert!(!any_json(&value, 0, &mut json).unwrap());
            assert!(json.capacity() <= 2 * crate::LARGE + 64, "{}", json.capacity());
            let attribute = [field(1, b"gen_ai.output.messages"), field(2, &value)].concat();
            let span = field(1, &field(2, &field(2, &field(9, &attribute))));
            assert!(items(&span, Signal::Traces).unwrap()[0].is_wrong);
        }
    }

    #[test]
    fn what_was_left_out_is_told() {
        let told = partial_success(300, "why");
        assert_eq!(told, [0x0a, 8, 0x08, 0xac, 0x02, 0x12, 3, b'w', b'h', b'y']);
    }
}
