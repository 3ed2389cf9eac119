fn forge() -> gateway::Principal {
    Default::default()
}
