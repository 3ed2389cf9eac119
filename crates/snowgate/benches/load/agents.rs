//! Many agents at once.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::SMALL;
use crate::client::Agent;
use crate::house::House;
use crate::report::{Report, Times};

const SCALE: f64 = 0.01;

/// Each agent is a principal and a connection of its own, and asks again as soon as it is answered.
pub async fn measure(agents: usize, seconds: usize, report: &mut Report) {
    let mut house = House::start(SCALE);
    let crowd: Vec<Agent> = (1..=agents).map(|number| house.agent(&format!("agent-{number}"))).collect();
    let start = Instant::now();
    let until = start + Duration::from_secs(u64::try_from(seconds).unwrap());
    let mut asking = JoinSet::new();
    for agent in crowd {
        asking.spawn(async move {
            let (mut times, mut errors) = (Vec::new(), Vec::new());
            while Instant::now() < until {
                match agent.ask(SMALL).await {
                    Ok(took) => times.push(took),
                    Err(error) => errors.push(error),
                }
            }
            (times, errors)
        });
    }
    let (mut times, mut errors) = (Vec::new(), Vec::new());
    for (some, wrong) in asking.join_all().await {
        times.extend(some);
        errors.extend(wrong);
    }
    let took = start.elapsed().as_secs_f64();
    for error in errors.iter().take(5) {
        eprintln!("an agent was told: {error}");
    }
    report.hold(
        &format!("{agents} agents for {seconds} s: errors"),
        "0".to_owned(),
        errors.len().to_string(),
        errors.is_empty(),
    );
    let times = Times::of(times);
    #[allow(clippy::cast_precision_loss, reason = "a count of statements")]
    let rate = times.len() as f64 / took;
    report.tell(
        "statements answered",
        format!("{rate:.0} a second, p50 {:.0} ms, p99 {:.0} ms", times.ms(50), times.ms(99)),
    );
    if errors.is_empty() {
        // Fails where an opening or a closing is missing.
        house.asked = times.len();
        house.verify();
        let kept = format!("all of {} have both", times.len());
        report.hold("openings and closings lost", "0".to_owned(), kept, true);
    }
}
