//! The embedded warehouse behind the plainest door that speaks its SQL API: nobody is identified, nothing is decided,
//! masked or recorded.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use axum::{Json, Router};
use bytes::{BufMut, Bytes, BytesMut};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use warehouse::{Ask, Head, QueryId, Warehouse};

/// Serves until the process is ended; the first line that it prints is its address.
pub async fn serve(scale: f64) {
    let warehouse = Arc::new(Warehouse::open(scale).await.unwrap());
    let router = Router::new()
        .route("/api/v2/statements", post(submit))
        .route("/api/v2/statements/{handle}", get(partition))
        .with_state(warehouse);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("straight to the warehouse on http://{};", listener.local_addr().unwrap());
    let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
    axum::serve(listener, router).await.unwrap();
}

async fn submit(State(warehouse): State<Arc<Warehouse>>, Json(body): Json<Value>) -> Bytes {
    let id = warehouse.submit(Ask::new(body["statement"].as_str().unwrap())).await;
    let done = match warehouse.state(&id, Duration::from_secs(300)).await {
        warehouse::State::Done(done) => done,
        other => panic!("{other:?}"),
    };
    let head = json!({
        "code": "090001", "sqlState": "00000", "message": "Statement executed successfully.",
        "statementHandle": id.to_string(), "statementStatusUrl": format!("/api/v2/statements/{id}"),
        "resultSetMetaData": meta(&done.head),
    });
    let head = head.to_string();
    let mut text = BytesMut::from(head.strip_suffix('}').unwrap());
    text.put_slice(b",\"data\":");
    write_rows(&warehouse, id, 0, &mut text);
    text.put_u8(b'}');
    text.freeze()
}

async fn partition(
    State(warehouse): State<Arc<Warehouse>>,
    Path(handle): Path<String>,
    Query(query): Query<HashMap<String, usize>>,
) -> Bytes {
    let mut text = BytesMut::new();
    write_rows(&warehouse, handle.parse::<QueryId>().unwrap(), query["partition"], &mut text);
    text.freeze()
}

fn write_rows(warehouse: &Warehouse, id: QueryId, partition: usize, text: &mut BytesMut) {
    for slice in warehouse.partition(&id, partition).unwrap() {
        text.put_slice(&slice.unwrap());
    }
}

fn meta(head: &Head) -> Value {
    let columns = head.columns.iter().map(|column| {
        json!({"name": column.name, "type": column.sql_type.wire_name(), "nullable": column.is_nullable})
    });
    let partitions = head
        .partitions
        .iter()
        .map(|partition| json!({"rowCount": partition.rows, "uncompressedSize": partition.bytes}));
    json!({
        "numRows": head.rows, "format": "jsonv2", "rowType": columns.collect::<Vec<_>>(),
        "partitionInfo": partitions.collect::<Vec<_>>(),
    })
}
