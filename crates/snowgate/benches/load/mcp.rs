//! What the MCP door adds to a small statement, over the SQL API's door of the same gateway.

use crate::SMALL;
use crate::house::House;
use crate::report::{Report, Times};

const SCALE: f64 = 0.01;
const WARM_UP: usize = 200;

/// In turn: by either door, each on one connection.
pub async fn measure(statements: usize, report: &mut Report) {
    let mut house = House::start(SCALE);
    let agent = house.agent("bench");
    for _ in 0..WARM_UP {
        agent.ask(SMALL).await.unwrap();
        agent.call(SMALL).await.unwrap();
    }
    let (mut asked, mut called) = (Vec::new(), Vec::new());
    for _ in 0..statements {
        asked.push(agent.ask(SMALL).await.unwrap());
        called.push(agent.call(SMALL).await.unwrap());
    }
    house.asked = 2 * (WARM_UP + statements);
    house.verify();

    let (asked, called) = (Times::of(asked), Times::of(called));
    let both = |times: &Times| format!("p50 {:.2} ms, p99 {:.2} ms", times.ms(50), times.ms(99));
    report.tell(&format!("small statement by the SQL API's door, {statements} times"), both(&asked));
    report.tell("the same by MCP's", both(&called));
    let added = called.ms(50) - asked.ms(50);
    report.hold("added by MCP, p50", "≤ 3 ms".to_owned(), format!("{added:.2} ms"), added <= 3.0);
}
