fn forge(text: &str) -> gateway::Reply {
    serde_json::from_str(text).unwrap()
}
