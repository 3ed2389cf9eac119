//! What the server answers, and how badly.

use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

/// One answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    pub(super) delay: Duration,
    pub(super) ending: Ending,
}

/// How an answer ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// As announced.
    Whole,
    /// The connection is closed after so many bytes of the body.
    CutAfter(usize),
    /// Nothing follows so many bytes of the body, and the connection stays.
    StallAfter(usize),
    /// The connection is closed instead of an answer.
    Dropped,
    /// No answer ever comes.
    Silent,
}

impl Answer {
    /// An empty body with that status.
    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), delay: Duration::ZERO, ending: Ending::Whole }
    }

    /// That JSON.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::body(status, "application/json", body.to_string())
    }

    /// That body.
    pub fn body(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..Self::status(status) }.header("Content-Type", content_type)
    }

    /// A result in one partition: 200 with its metadata and rows. Columns are (name, wire type).
    pub fn result(handle: &str, columns: &[(&str, &str)], rows: &[&[Option<&str>]]) -> Self {
        Self::json(200, &result_set(handle, columns, rows, &[rows.len() as u64]))
    }

    /// The head of a result in several partitions, with the rows of the first; the others follow by
    /// [`Self::partition`].
    pub fn head(
        handle: &str,
        columns: &[(&str, &str)],
        rows: &[&[Option<&str>]],
        partitions: &[u64],
    ) -> Self {
        Self::json(200, &result_set(handle, columns, rows, partitions))
    }

    /// A further partition, gzipped as Snowflake does.
    pub fn partition(rows: &[&[Option<&str>]]) -> Self {
        Self::json(200, &json!({ "data": rows })).gzipped()
    }

    /// 202: it runs.
    pub fn running(handle: &str) -> Self {
        let body = json!({
            "code": "333334",
            "message": "Asynchronous execution in progress.",
            "statementHandle": handle,
            "statementStatusUrl": format!("/api/v2/statements/{handle}"),
        });
        Self::json(202, &body)
    }

    /// 422: it failed.
    pub fn failed(handle: &str, code: &str, sqlstate: &str, message: &str) -> Self {
        let body =
            json!({ "code": code, "sqlState": sqlstate, "message": message, "statementHandle": handle });
        Self::json(422, &body)
    }

    /// 200 for a batch, naming its statements.
    pub fn batch(handle: &str, children: &[&str]) -> Self {
        let rows: &[&[Option<&str>]] = &[&[Some("Multiple statements executed successfully.")]];
        let mut body = result_set(handle, &[("multiple statement execution", "text")], rows, &[1]);
        if let Some(fields) = body.as_object_mut() {
            fields.insert("statementHandles".to_owned(), json!(children));
        }
        Self::json(200, &body)
    }

    /// With this header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Compressed.
    #[must_use]
    pub fn gzipped(mut self) -> Self {
        self.body = gzip(&self.body);
        self.header("Content-Encoding", "gzip")
    }

    /// After so long.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Ending so.
    #[must_use]
    pub fn ending(mut self, ending: Ending) -> Self {
        self.ending = ending;
        self
    }
}

/// These bytes as gzip.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing into memory does not fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

fn result_set(handle: &str, columns: &[(&str, &str)], rows: &[&[Option<&str>]], partitions: &[u64]) -> Value {
    let columns: Vec<Value> = columns
        .iter()
        .map(|(name, kind)| {
            let (precision, scale, length) = match *kind {
                "fixed" => (json!(38), json!(0), Value::Null),
                "text" => (Value::Null, Value::Null, json!(16_777_216)),
                _ => (Value::Null, Value::Null, Value::Null),
            };
            json!({
                "name": name, "database": "", "schema": "", "table": "", "type": kind,
                "precision": precision, "scale": scale, "length": length, "byteLength": length,
                "nullable": true, "collation": null,
            })
        })
        .collect();
    let partitions: Vec<Value> =
        partitions.iter().map(|rows| json!({ "rowCount": rows, "uncompressedSize": rows * 8 })).collect();
    let total: u64 = partitions.iter().filter_map(|partition| partition["rowCount"].as_u64()).sum();
    json!({
        "resultSetMetaData": {
            "numRows": total, "format": "jsonv2", "partitionInfo": partitions, "rowType": columns,
        },
        "data": rows,
        "code": "090001",
        "message": "Statement executed successfully.",
        "sqlState": "00000",
        "statementHandle": handle,
        "statementStatusUrl": format!("/api/v2/statements/{handle}"),
        "createdOn": 1_764_000_000_000_u64,
    })
}
