fn forge(mut rows: masking::Masked<masking::Rows>, other: masking::Rows) -> masking::Masked<masking::Rows> {
    rows.0 = other;
    rows
}

fn through_the_value(rows: masking::Masked<masking::Rows>, other: masking::Rows) -> masking::Masked<masking::Rows> {
    *rows.get() = other;
    rows
}

fn within(mut rows: masking::Rows) -> masking::Rows {
    rows.text.push_str("[\"4111 1111 1111 1111\"]");
    rows
}
