fn forge(identity: domain::Identity, principal: gateway::Principal) -> gateway::Principal {
    gateway::Principal { identity, ..principal }
}
