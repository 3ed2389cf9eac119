fn mapped(rows: masking::Masked<masking::Rows>) -> masking::Masked<Vec<u8>> {
    rows.map(|_| b"4111 1111 1111 1111".to_vec())
}

fn converted(rows: masking::Masked<masking::Rows>) -> masking::Masked<Vec<u8>> {
    rows.into()
}

fn relabelled(rows: masking::Masked<masking::Rows>) -> masking::Masked<masking::Body> {
    rows
}
