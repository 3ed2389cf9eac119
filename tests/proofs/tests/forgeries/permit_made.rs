fn forge(work: gateway::Work) -> gateway::Permit {
    // What a permit allowed does not become a permit again.
    work.into()
}
