fn forge(text: &str) -> gateway::Permit {
    serde_json::from_str(text).unwrap()
}
