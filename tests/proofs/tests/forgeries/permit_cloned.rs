fn twice(permit: gateway::Permit) -> (gateway::Work, gateway::Work) {
    (permit.clone().spend(), permit.spend())
}
