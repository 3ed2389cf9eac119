fn twice(permit: gateway::Permit) -> (gateway::Work, gateway::Work) {
    (permit.spend(), permit.spend())
}
