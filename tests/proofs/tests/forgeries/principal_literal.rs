fn forge(identity: domain::Identity) -> gateway::Principal {
    let key = identity.key();
    gateway::Principal { identity, key }
}
