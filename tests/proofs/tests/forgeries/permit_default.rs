fn forge() -> gateway::Permit {
    Default::default()
}
