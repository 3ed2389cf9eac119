fn forge() -> gateway::Reply {
    Default::default()
}
