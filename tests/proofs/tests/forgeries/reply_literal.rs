fn forge(reply: &gateway::Reply, outcome: domain::Outcome) -> gateway::Reply {
    gateway::Reply {
        exchange: reply.exchange(),
        handle: reply.handle(),
        created: reply.created(),
        changed: reply.changed(),
        outcome,
        receipt: reply.receipt(),
        parts: Vec::new(),
        first_page: None,
    }
}
