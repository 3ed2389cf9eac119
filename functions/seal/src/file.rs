//! Rows as a file that Athena reads: Parquet, by columns.

use std::sync::Arc;

use domain::Timestamp;
use gateway::{Fault, Origin};
use parquet::basic::{Compression, GzipLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use recording::ExchangeRow;

/// Rows of a group at most, and bytes of their texts: what is held before it is compressed.
const GROUP_ROWS: usize = 1000;
const GROUP_BYTES: usize = 4 * 1024 * 1024;

/// Bytes of one text at most. What is longer is cut, and says so: the record holds all of it.
const LONGEST: usize = 64 * 1024;

/// How a column is read off a row.
enum Column {
    Text(fn(&ExchangeRow) -> Option<&str>),
    Number(fn(&ExchangeRow) -> u64),
    Texts(fn(&ExchangeRow) -> &[String]),
    /// When the row was written.
    Moment,
}

use Column::{Moment, Number, Text, Texts};

/// The columns, by the names that `infra/athena.yaml` gives to those of the table `compacted`.
static COLUMNS: [(&str, Column); 30] = [
    ("session", Text(|row| Some(&row.session))),
    ("number", Number(|row| u64::from(row.number))),
    ("missing", Text(|row| row.missing.as_deref())),
    ("opened", Text(|row| row.opened.as_deref())),
    ("closed", Text(|row| row.closed.as_deref())),
    ("door", Text(|row| row.door.as_deref())),
    ("issuer", Text(|row| row.issuer.as_deref())),
    ("subject", Text(|row| row.subject.as_deref())),
    ("agent", Text(|row| row.agent.as_deref())),
    ("person", Text(|row| row.person.as_deref())),
    ("prompt", Text(|row| row.prompt.as_deref())),
    ("grade", Text(|row| row.grade.as_deref())),
    ("sql", Text(|row| row.sql.as_deref())),
    ("text_digest", Text(|row| row.text_digest.as_deref())),
    ("classes", Texts(|row| &row.classes)),
    ("reads", Texts(|row| &row.reads)),
    ("writes", Texts(|row| &row.writes)),
    ("decision", Text(|row| row.decision.as_deref())),
    ("rules", Texts(|row| &row.rules)),
    ("outcome", Text(|row| Some(&row.outcome))),
    ("reason", Text(|row| row.reason.as_deref())),
    ("message", Text(|row| row.message.as_deref())),
    ("rows_shown", Number(|row| row.rows_shown)),
    ("masked_by_lineage", Number(|row| row.masked_by_lineage)),
    ("masked_by_content", Number(|row| row.masked_by_content)),
    ("masked_columns", Texts(|row| &row.masked_columns)),
    ("findings", Texts(|row| &row.findings)),
    ("query_ids", Texts(|row| &row.query_ids)),
    ("steps", Texts(|row| &row.steps)),
    ("compacted", Moment),
];

/// A Parquet file that grows by rows: no more than one group of them is held as rows, the rest compressed.
///
/// Texts are optional UTF-8 binaries, numbers required 64-bit integers, lists the three levels that the format's specification wants
/// of them, with nothing null in them. Pages are compressed by GZIP.
pub(crate) struct File {
    writer: SerializedFileWriter<Vec<u8>>,
    moment: String,
    group: Vec<ExchangeRow>,
    bytes: usize,
}

impl File {
    /// An empty file of rows that were read at that moment.
    pub fn new(moment: Timestamp) -> Result<Self, Fault> {
        let schema = parse_message_type(&schema()).map_err(broken)?;
        let settings = WriterProperties::builder()
            .set_created_by("snowgate".to_owned())
            .set_compression(Compression::GZIP(GzipLevel::default()))
            .build();
        let writer =
            SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(settings)).map_err(broken)?;
        Ok(Self { writer, moment: moment.to_string(), group: Vec::new(), bytes: 0 })
    }

    /// Adds a row.
    pub fn push(&mut self, mut row: ExchangeRow) -> Result<(), Fault> {
        for text in [&mut row.sql, &mut row.prompt, &mut row.message].into_iter().flatten() {
            cut(text);
        }
        for step in &mut row.steps {
            without_its_bulk(step);
        }
        let texts = row.sql.iter().chain(&row.prompt).chain(&row.message).chain(&row.steps);
        self.bytes = self.bytes.saturating_add(texts.map(String::len).sum());
        self.group.push(row);
        if self.group.len() >= GROUP_ROWS || self.bytes >= GROUP_BYTES {
            self.write_group()?;
        }
        Ok(())
    }

    /// The whole file.
    pub fn finish(mut self) -> Result<Vec<u8>, Fault> {
        self.write_group()?;
        self.writer.into_inner().map_err(broken)
    }

    fn write_group(&mut self) -> Result<(), Fault> {
        if self.group.is_empty() {
            return Ok(());
        }
        let (rows, _) = (std::mem::take(&mut self.group), std::mem::take(&mut self.bytes));
        let mut group = self.writer.next_row_group().map_err(broken)?;
        for (_, column) in &COLUMNS {
            match column {
                Text(of) => texts(&mut group, rows.iter().map(of)),
                Moment => texts(&mut group, rows.iter().map(|_| Some(self.moment.as_str()))),
                Number(of) => {
                    let values: Vec<i64> =
                        rows.iter().map(|row| i64::try_from(of(row)).unwrap_or(i64::MAX)).collect();
                    write::<Int64Type>(&mut group, &values, None, None)
                }
                Texts(of) => lists(&mut group, rows.iter().map(of)),
            }
            .map_err(broken)?;
        }
        group.close().map(|_| ()).map_err(broken)
    }
}

/// The columns as the format's specification writes them down.
fn schema() -> String {
    let columns = COLUMNS.iter().map(|(name, column)| match column {
        Text(_) | Moment => format!("optional binary {name} (STRING);"),
        Number(_) => format!("required int64 {name};"),
        Texts(_) => {
            format!("required group {name} (LIST) {{ repeated group list {{ required binary element (STRING); }} }}")
        }
    });
    format!("message exchanges {{ {} }}", columns.collect::<String>())
}

fn texts<'a>(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    texts: impl Iterator<Item = Option<&'a str>>,
) -> Result<(), ParquetError> {
    let (mut values, mut there) = (Vec::new(), Vec::new());
    for text in texts {
        there.push(i16::from(text.is_some()));
        values.extend(text.map(ByteArray::from));
    }
    write::<ByteArrayType>(group, &values, Some(&there), None)
}

fn lists<'a>(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    lists: impl Iterator<Item = &'a [String]>,
) -> Result<(), ParquetError> {
    let (mut values, mut there, mut goes_on) = (Vec::new(), Vec::new(), Vec::new());
    for list in lists {
        if list.is_empty() {
            there.push(0);
            goes_on.push(0);
        }
        for (at, text) in list.iter().enumerate() {
            there.push(1);
            goes_on.push(i16::from(at > 0));
            values.push(ByteArray::from(text.as_str()));
        }
    }
    write::<ByteArrayType>(group, &values, Some(&there), Some(&goes_on))
}

fn write<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    values: &[T::T],
    there: Option<&[i16]>,
    goes_on: Option<&[i16]>,
) -> Result<(), ParquetError> {
    let none = || ParquetError::General("fewer columns than the schema has".to_owned());
    let mut column = group.next_column()?.ok_or_else(none)?;
    column.typed::<T>().write_batch(values, there, goes_on)?;
    column.close()
}

// SECURITY: what the writer says of it is left out, since it may quote what it was to write.
fn broken(_: ParquetError) -> Fault {
    Fault::lasting(Origin::Recordings, "rows for Athena cannot be written as a file")
}

/// Cuts what is too long, at a character.
fn cut(text: &mut String) {
    if text.len() > LONGEST {
        let whole = text.len();
        text.truncate(text.floor_char_boundary(LONGEST));
        text.push_str(&format!(" … (cut: {whole} bytes in all, which the record holds)"));
    }
}

/// Takes what is large out of a step that is too long: what queries ask it for is short.
fn without_its_bulk(step: &mut String) {
    if step.len() <= LONGEST {
        return;
    }
    // What is no JSON is no step, and never comes here.
    let Ok(mut parsed) = serde_json::from_str::<serde_json::Value>(step) else { return step.clear() };
    if let Some(what) = parsed.get_mut("what").and_then(serde_json::Value::as_object_mut) {
        what.retain(|_, value| value.to_string().len() <= LONGEST / 64);
        what.insert("cut".to_owned(), true.into());
    }
    *step = parsed.to_string();
}

#[cfg(test)]
mod tests {
    use domain::ExchangeId;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field;
    use recording::ExchangeObjects;

    use super::*;

    fn row(number: u32) -> ExchangeRow {
        let exchange: ExchangeId = format!("{}/{number}", "a".repeat(32)).parse().unwrap();
        let nothing = ExchangeObjects { opening: None, closing: None, steps: &[], evidence: &[] };
        ExchangeRow::new::<Vec<u8>>(&exchange, &nothing)
    }

    fn read(rows: Vec<ExchangeRow>) -> Vec<Vec<(String, Field)>> {
        let mut file = File::new(Timestamp::from_micros(0)).unwrap();
        rows.into_iter().for_each(|row| file.push(row).unwrap());
        let reader = SerializedFileReader::new(bytes::Bytes::from(file.finish().unwrap())).unwrap();
        let rows = reader.get_row_iter(None).unwrap();
        rows.map(|row| row.unwrap().into_columns()).collect()
    }

    fn text(row: &[(String, Field)], name: &str) -> Option<String> {
        let field = &row.iter().find(|(known, _)| known == name).unwrap().1;
        let Field::Str(text) = field else {
            assert_eq!(*field, Field::Null, "{name}");
            return None;
        };
        Some(text.clone())
    }

    fn list(row: &[(String, Field)], name: &str) -> Vec<String> {
        let Field::ListInternal(list) = &row.iter().find(|(known, _)| known == name).unwrap().1 else {
            panic!("{name}")
        };
        list.elements()
            .iter()
            .map(|one| if let Field::Str(text) = one { text.clone() } else { panic!() })
            .collect()
    }

    #[test]
    fn what_is_written_reads_back_over_many_groups() {
        let written: Vec<ExchangeRow> = (1..=2500)
            .map(|number| {
                let words = (0..number % 3).map(|word| format!("t{number}_{word}")).collect();
                let sql = (number % 2 == 0).then(|| format!("select {number}"));
                ExchangeRow { sql, reads: words, rows_shown: number.into(), ..row(number) }
            })
            .collect();
        let found = read(written.clone());
        assert_eq!(found.len(), written.len());
        for (found, written) in found.iter().zip(&written) {
            assert_eq!(text(found, "session").as_ref(), Some(&written.session));
            assert_eq!(
                (text(found, "sql"), list(found, "reads")),
                (written.sql.clone(), written.reads.clone())
            );
            assert_eq!(list(found, "writes"), [""; 0]);
            let shown = &found.iter().find(|(name, _)| name == "rows_shown").unwrap().1;
            assert!(
                matches!(shown, Field::Long(shown) if u64::try_from(*shown).unwrap() == written.rows_shown)
            );
            assert_eq!(text(found, "compacted").as_deref(), Some("1970-01-01T00:00:00.000000Z"));
        }
    }

    #[test]
    fn what_is_long_is_cut_at_a_character_and_says_so() {
        let sql = format!("a{}", "é".repeat(LONGEST));
        let found = read(vec![ExchangeRow { sql: Some(sql.clone()), ..row(1) }]);
        let cut = text(&found[0], "sql").unwrap();
        assert!(
            cut.len() < LONGEST + 100
                && cut.ends_with(&format!("(cut: {} bytes in all, which the record holds)", sql.len()))
        );
    }

    #[test]
    fn a_long_step_keeps_what_queries_ask_it_for() {
        let step = serde_json::json!({
            "v": 1, "at": "2026-11-26T00:00:00Z",
            "what": { "kind": "asked", "approval": "7", "views": ["x".repeat(LONGEST)] },
        });
        let found = read(vec![ExchangeRow { steps: vec![step.to_string()], ..row(1) }]);
        let kept: serde_json::Value = serde_json::from_str(&list(&found[0], "steps")[0]).unwrap();
        assert_eq!(kept["what"], serde_json::json!({ "kind": "asked", "approval": "7", "cut": true }));
        assert_eq!(kept["at"], step["at"]);
    }

    #[test]
    fn every_column_of_the_table_is_written_and_no_other() {
        let template = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/athena.yaml");
        let template = std::fs::read_to_string(template).unwrap();
        let table = template.split("Name: compacted\n").nth(1).unwrap();
        let table = table.split("\n  Exchanges").next().unwrap().split("Columns:").nth(1).unwrap();
        let declared: Vec<(&str, &str)> = table
            .lines()
            .filter_map(|line| line.trim().strip_prefix("- {Name: ")?.split_once(", Type: "))
            .map(|(name, kind)| (name, kind.split([',', '}']).next().unwrap()))
            .collect();
        let written: Vec<(&str, &str)> = COLUMNS
            .iter()
            .map(|(name, column)| {
                (
                    *name,
                    match column {
                        Text(_) | Moment => "string",
                        Number(_) => "bigint",
                        Texts(_) => "array<string>",
                    },
                )
            })
            .collect();
        assert_eq!(declared, written);
    }
}
