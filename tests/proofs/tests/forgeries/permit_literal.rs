fn forge(work: gateway::Work) -> gateway::Permit {
    gateway::Permit {
        exchange: work.exchange,
        request_id: work.request_id,
        text: work.text,
        bindings: work.bindings,
        context: work.context,
        statement_count: work.statement_count,
        parameters: work.parameters,
        timeout: work.timeout,
        tier: work.tier,
    }
}
