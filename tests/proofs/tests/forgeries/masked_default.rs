fn forge() -> masking::Masked<Vec<u8>> {
    Default::default()
}
