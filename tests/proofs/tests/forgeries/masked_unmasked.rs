// What takes masked rows takes no rows that lost their proof.
fn forge(pager: &mut masking::Pager, rows: masking::Masked<masking::Rows>) {
    let _ = pager.add(rows.into_inner());
}
