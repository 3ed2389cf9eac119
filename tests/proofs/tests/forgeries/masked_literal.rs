fn forge() -> masking::Masked<Vec<u8>> {
    masking::Masked(b"4111 1111 1111 1111".to_vec())
}
