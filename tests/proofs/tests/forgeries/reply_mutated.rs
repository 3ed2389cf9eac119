fn forge(mut reply: gateway::Reply, outcome: domain::Outcome) -> gateway::Reply {
    reply.outcome = outcome;
    reply
}

fn through_the_value(reply: gateway::Reply, outcome: domain::Outcome) -> gateway::Reply {
    *reply.outcome() = outcome;
    reply
}
