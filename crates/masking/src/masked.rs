//! The proof that bytes have been through a plan.

use std::fmt;

/// A value made only of masked bytes.
///
/// SECURITY: there is no public way to make one. Of upstream's bytes only a [`JsonMasker`](crate::JsonMasker) or an
/// [`ArrowMasker`](crate::ArrowMasker) makes one; [`Pager`](crate::Pager) and [`Deflater`](crate::Deflater) turn one into
/// another. Whoever stores or shows result rows takes a `Masked<…>`.
///
/// ```compile_fail
/// // Nobody outside this crate can forge the proof.
/// let forged = masking::Masked(b"[\"4111 1111 1111 1111\"]".to_vec());
/// ```
///
/// ```compile_fail
/// // Nor can a proof be turned into a proof of something else.
/// fn turn(rows: masking::Masked<masking::Rows>) -> masking::Masked<Vec<u8>> {
///     rows.map(|_| b"4111 1111 1111 1111".to_vec())
/// }
/// ```
///
/// ```compile_fail
/// // Rows cannot be put together from foreign bytes either.
/// let rows = masking::Rows { text: "[\"4111 1111 1111 1111\"]".to_owned(), ends: vec![23] };
/// ```
///
/// ```compile_fail
/// // Nor can a piece of a stream.
/// let stream = masking::ArrowStream { pieces: vec![] };
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Masked<T>(T);

impl<T> Masked<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(value)
    }

    /// The masked value.
    pub fn get(&self) -> &T {
        &self.0
    }

    /// The masked value, without its proof.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for Masked<T> {
    // SECURITY: even masked rows are cell values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Masked(…)")
    }
}

/// Whole rows as JSON text.
///
/// Each row is a JSON array of strings and nulls; rows follow each other with one comma between and nothing
/// around: `["1","a"],[null,"b"]`. Put `[` before and `]` behind to get a row set.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Rows {
    text: String,
    /// Where each row ends in `text`.
    ends: Vec<usize>,
}

impl Rows {
    /// The rows' text, comma separated, without brackets around.
    pub fn text(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Each row's text.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut from = 0;
        self.ends.iter().map(move |&end| {
            let row = self.text.as_bytes().get(from..end).unwrap_or_default();
            from = end.saturating_add(1);
            row
        })
    }

    /// One JSON array of all rows (`[["1","a"],[null,"b"]]`).
    pub fn to_array(&self) -> Vec<u8> {
        let mut array = Vec::with_capacity(self.text.len().saturating_add(2));
        array.push(b'[');
        array.extend_from_slice(self.text.as_bytes());
        array.push(b']');
        array
    }

    /// Writes one row, whole or not at all.
    pub(crate) fn write_row<E>(&mut self, write: impl FnOnce(&mut String) -> Result<(), E>) -> Result<(), E> {
        let before = self.text.len();
        if !self.ends.is_empty() {
            self.text.push(',');
        }
        let done = write(&mut self.text);
        match done {
            Ok(()) => self.ends.push(self.text.len()),
            Err(_) => self.text.truncate(before),
        }
        done
    }

    /// Takes as many rows from the front as fit into `max_bytes`, at least one.
    pub(crate) fn take_front(&mut self, max_bytes: usize) -> Option<Self> {
        let fitting = self.ends.partition_point(|&end| end <= max_bytes).max(1);
        let cut = *self.ends.get(fitting.checked_sub(1)?)?;
        if fitting == self.ends.len() {
            return Some(std::mem::take(self));
        }
        let rest_from = cut.saturating_add(1);
        let rest_text = self.text.split_off(rest_from.min(self.text.len()));
        let mut rest_ends = self.ends.split_off(fitting);
        for end in &mut rest_ends {
            *end = end.saturating_sub(rest_from);
        }
        self.text.truncate(cut);
        Some(std::mem::replace(self, Self { text: rest_text, ends: rest_ends }))
    }
}

impl Masked<Rows> {
    /// Adds the rows of `other` behind these.
    pub fn append(&mut self, other: Self) {
        let Rows { text, ends } = other.0;
        if ends.is_empty() {
            return;
        }
        if self.0.ends.is_empty() {
            self.0 = Rows { text, ends };
            return;
        }
        self.0.text.push(',');
        let base = self.0.text.len();
        self.0.text.push_str(&text);
        self.0.ends.extend(ends.into_iter().map(|end| end.saturating_add(base)));
    }

    /// Cuts off as many rows from the front as fit into `max_bytes` (at least one); none when there are no rows.
    pub fn split_front(&mut self, max_bytes: usize) -> Option<Self> {
        self.0.take_front(max_bytes).map(Masked)
    }
}

impl fmt::Debug for Rows {
    // SECURITY: even masked rows are cell values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rows({} rows, {} bytes)", self.ends.len(), self.text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(texts: &[&str]) -> Rows {
        let mut rows = Rows::default();
        for text in texts {
            let written: Result<(), ()> = rows.write_row(|out| {
                out.push_str(text);
                Ok(())
            });
            written.unwrap();
        }
        rows
    }

    #[test]
    fn a_page_is_cut_between_rows_and_loses_none() {
        let mut all = rows(&["[\"1\"]", "[\"22\"]", "[null]"]);
        let first = all.take_front(12).unwrap();
        assert_eq!(first.to_array(), b"[[\"1\"],[\"22\"]]");
        assert_eq!(all.to_array(), b"[[null]]");
        assert_eq!(all.iter().collect::<Vec<_>>(), [b"[null]"]);
        assert_eq!(all.take_front(1).unwrap().len(), 1);
        assert!(all.take_front(100).is_none());
    }

    #[test]
    fn rows_put_together_again_are_the_same_rows() {
        let mut front = Masked::new(rows(&["[\"1\"]"]));
        front.append(Masked::new(rows(&["[\"2\"]", "[\"3\"]"])));
        assert_eq!(front.get(), &rows(&["[\"1\"]", "[\"2\"]", "[\"3\"]"]));
    }

    #[test]
    fn debug_shows_no_cell() {
        let rows = rows(&["[\"secret-cell\"]"]);
        assert!(!format!("{rows:?} {:?}", Masked::new(rows.clone())).contains("secret-cell"));
    }
}
