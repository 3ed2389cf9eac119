//! What the tests of both machines share.
#![allow(dead_code, reason = "each test file uses its part of this")]
#![allow(clippy::expect_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;

use arrow_ipc::{
    BodyCompression, BodyCompressionArgs, Buffer, CompressionType, FieldNode, Message, MessageArgs,
    MessageHeader, MetadataVersion, RecordBatch, RecordBatchArgs,
};
use domain::{
    ColumnRef, ErrorText, Limits, Mask, MaskClass, MaskRule, ObjectName, Obligations, SqlType, Treatment,
};
use flatbuffers::FlatBufferBuilder;
use masking::{AnsweredColumn, Detectors, MaskPlan, TokenKeys};
use proptest::prelude::*;

pub const SECRET: &str = "078-05-1120";

pub fn masked_whole() -> Treatment {
    masked("masked", Mask::Redact)
}

pub fn masked(class: &str, mask: Mask) -> Treatment {
    Treatment::Mask(MaskRule { class: MaskClass::new(class), mask })
}

pub fn obligations(columns: Option<Vec<Treatment>>) -> Obligations {
    let limits = Limits {
        rows: 1,
        bytes: 1,
        rows_if_approved: 1,
        bytes_if_approved: 1,
        at_once: 1,
        per_minute: 1,
        upstream_seconds_per_hour: 1,
        statement_seconds: 1,
        hidden_failures_per_hour: 1,
        asks_per_hour: 1,
    };
    Obligations {
        columns,
        unforeseen: masked_whole(),
        mask_column_names: false,
        error_text: ErrorText::Shown,
        limits,
    }
}

pub fn column(name: &str, sql_type: SqlType) -> AnsweredColumn {
    let origin = ColumnRef { object: ObjectName::new("D", "S", "T"), column: name.to_owned() };
    AnsweredColumn { name: name.to_owned(), sql_type, is_nullable: true, origin: Some(origin) }
}

pub fn text() -> SqlType {
    SqlType::Text { length: 1000 }
}

pub fn bind(treatments: Vec<Treatment>, answered: &[AnsweredColumn]) -> Arc<MaskPlan> {
    let keys = TokenKeys::new([3; 32]);
    Arc::new(MaskPlan::bind(&obligations(Some(treatments)), None, answered, &keys, &Detectors::standard()))
}

pub fn treatments() -> impl Strategy<Value = Treatment> {
    let masks = prop_oneof![
        Just(Mask::Redact),
        Just(Mask::LastFour),
        Just(Mask::EmailDomain),
        Just(Mask::Null),
        Just(Mask::Token),
        Just(Mask::SharedToken(2)),
        Just(Mask::Year),
        Just(Mask::IpNetwork),
        (0_u32..2000).prop_map(Mask::Band),
    ];
    prop_oneof![Just(Treatment::Clear), Just(Treatment::Scan), masks.prop_map(|mask| masked("email", mask))]
}

/// Values that hold something, nothing, or something broken.
pub fn values() -> impl Strategy<Value = Option<String>> {
    let pieces = prop_oneof![
        Just("078-05-1120".to_owned()),
        Just("ana.lopez@example.com".to_owned()),
        Just("4111 1111 1111 1111".to_owned()),
        Just("{\"email\": \"a@b.example\", \"n\": [1, 4111111111111111]}".to_owned()),
        Just("192.0.2.77".to_owned()),
        Just("1700000000.123456789 1500".to_owned()),
        Just("password: Xy7!kqpz".to_owned()),
        Just("YW5hQGV4YW1wbGUuY29t".to_owned()),
        Just("\\u0041%40&#64;".to_owned()),
        "\\PC{0,12}",
        "[0-9 .+()-]{0,24}",
        "[a-z@.:/%=&\\\\\"{}\\[\\], \t\n]{0,24}",
        any::<i64>().prop_map(|n| n.to_string()),
        any::<String>(),
    ];
    proptest::option::weighted(
        0.9,
        proptest::collection::vec(pieces, 0..4).prop_map(|pieces| pieces.concat()),
    )
}

/// A record batch message that claims what it is told to claim, over a body of so many zeros.
pub fn record_batch(
    rows: i64,
    nodes: &[(i64, i64)],
    buffers: &[(i64, i64)],
    body: usize,
    is_compressed: bool,
) -> Vec<u8> {
    let mut builder = FlatBufferBuilder::new();
    let nodes: Vec<FieldNode> = nodes.iter().map(|(length, nulls)| FieldNode::new(*length, *nulls)).collect();
    let nodes = builder.create_vector(&nodes);
    let buffers: Vec<Buffer> = buffers.iter().map(|(offset, length)| Buffer::new(*offset, *length)).collect();
    let buffers = builder.create_vector(&buffers);
    let compression = is_compressed.then(|| {
        let codec = CompressionType::LZ4_FRAME;
        BodyCompression::create(&mut builder, &BodyCompressionArgs { codec, ..Default::default() })
    });
    let batch = RecordBatchArgs {
        length: rows,
        nodes: Some(nodes),
        buffers: Some(buffers),
        compression,
        ..Default::default()
    };
    let header = RecordBatch::create(&mut builder, &batch).as_union_value();
    let message = MessageArgs {
        version: MetadataVersion::V5,
        header_type: MessageHeader::RecordBatch,
        header: Some(header),
        bodyLength: i64::try_from(body).expect("small"),
        custom_metadata: None,
    };
    let message = Message::create(&mut builder, &message);
    builder.finish(message, None);
    let header = builder.finished_data();
    let padded = header.len().next_multiple_of(8);
    let mut bytes = vec![0xFF; 4];
    bytes.extend_from_slice(&u32::try_from(padded).expect("small").to_le_bytes());
    bytes.extend_from_slice(header);
    bytes.resize(8 + padded + body, 0);
    bytes
}
