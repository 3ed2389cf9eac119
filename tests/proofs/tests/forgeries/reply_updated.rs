fn forge(outcome: domain::Outcome, reply: gateway::Reply) -> gateway::Reply {
    gateway::Reply { outcome, ..reply }
}

fn page(page: u32, reply: gateway::PageReply) -> gateway::PageReply {
    gateway::PageReply { page, ..reply }
}
