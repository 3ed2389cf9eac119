fn forge(text: &str) -> gateway::Principal {
    serde_json::from_str(text).unwrap()
}
