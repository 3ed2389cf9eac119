fn forge(identity: domain::Identity) -> gateway::Principal {
    gateway::Principal::from(identity)
}
