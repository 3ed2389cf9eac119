fn keep(permit: &gateway::Permit) -> gateway::Work {
    permit.spend()
}
