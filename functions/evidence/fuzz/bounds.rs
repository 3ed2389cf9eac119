//! What all targets hold: reading allocates no more than the tests allow.

use allocation_counter::{AllocationInfo, measure};
use domain::ChannelKind;
use evidence::costs::{Form, Signal, Told, export, most_of_export, most_of_small, small};

/// Reads an export of either signal over either kind of channel.
pub fn check_export(body: &[u8], form: Form) {
    for signal in [Signal::Logs, Signal::Traces] {
        for kind in [ChannelKind::Telemetry, ChannelKind::Provider] {
            let mut told = Told::default();
            let cost = measure(|| told = export(body, signal, form, kind));
            check(cost, most_of_export(body, told));
        }
    }
}

/// Reads a body of one thing in each way.
pub fn check_small(body: &[u8]) {
    for read in small() {
        check(measure(|| read(body)), most_of_small(body));
    }
}

fn check(AllocationInfo { bytes_max, bytes_total, .. }: AllocationInfo, (at_once, in_all): (u64, u64)) {
    assert!(bytes_max <= at_once, "{bytes_max} bytes at once, not {at_once}");
    assert!(bytes_total <= in_all, "{bytes_total} bytes in all, not {in_all}");
}
