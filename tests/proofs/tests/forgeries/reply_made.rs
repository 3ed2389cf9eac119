// A receipt alone is no reply.
fn forge(receipt: gateway::Receipt) -> gateway::Reply {
    receipt.into()
}
