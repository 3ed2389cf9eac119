fn rows() -> masking::Rows {
    masking::Rows { text: "[\"4111 1111 1111 1111\"]".to_owned(), ends: vec![23] }
}

fn body(bytes: Vec<u8>) -> masking::Body {
    masking::Body { bytes, rows: 1, size: 25 }
}
