//! What the gateway adds to a small statement.

use crate::SMALL;
use crate::disk::Disk;
use crate::house::{House, Straight};
use crate::report::{Report, Times};

const SCALE: f64 = 0.01;
const WARM_UP: usize = 200;

/// In turn: through the gateway, straight, and the disk alone; each of them on one connection.
pub async fn measure(statements: usize, report: &mut Report) {
    let mut house = House::start(SCALE);
    let straight = Straight::start(SCALE);
    let (gated, direct) = (house.agent("bench"), straight.agent());
    for _ in 0..WARM_UP {
        gated.ask(SMALL).await.unwrap();
        direct.ask(SMALL).await.unwrap();
    }
    let mut disk = Disk::beside(&house.home());
    let (mut through, mut past, mut syncs) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..statements {
        through.push(gated.ask(SMALL).await.unwrap());
        past.push(direct.ask(SMALL).await.unwrap());
        syncs.push(disk.write());
    }
    house.asked = WARM_UP + statements;
    house.verify();

    let (through, past, syncs) = (Times::of(through), Times::of(past), Times::of(syncs));
    let both = |times: &Times| format!("p50 {:.2} ms, p99 {:.2} ms", times.ms(50), times.ms(99));
    report.tell(&format!("small statement through the gateway, {statements} times"), both(&through));
    report.tell("the same straight to the warehouse", both(&past));
    report.tell("the disk alone: 3 files and 3 folders written and synced", both(&syncs));
    let added = through.ms(50) - past.ms(50);
    report.hold(
        "added by the gateway, p50",
        format!("≤ 3 ms + the disk's {:.2} ms", syncs.ms(50)),
        format!("{added:.2} ms, {:.2} ms without the disk", added - syncs.ms(50)),
        added <= 3.0 + syncs.ms(50),
    );
}
