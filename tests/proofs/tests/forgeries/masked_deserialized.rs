fn forge(text: &str) -> masking::Masked<masking::Rows> {
    serde_json::from_str(text).unwrap()
}
