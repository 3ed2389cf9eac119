async fn forge(
    identities: &dyn gateway::ports::Identities,
    credential: &domain::Credential,
    now: domain::Timestamp,
) -> gateway::Principal {
    gateway::Principal::prove(identities, credential, now).await.unwrap()
}
