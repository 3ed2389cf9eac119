fn forge(digest: domain::Digest) -> gateway::Receipt {
    gateway::Receipt { digest }
}
