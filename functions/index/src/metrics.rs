//! What is measured, as CloudWatch reads it off a line of the log (its embedded metric format).

use domain::Timestamp;
use serde_json::json;

/// Values of one metric in one line at most.
const VALUES: usize = 100;

/// What is to be measured of an event.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Measured {
    /// How long after its closing each exchange was in the index, in milliseconds; without what was told late.
    pub lags_ms: Vec<u64>,
}

impl Measured {
    /// Lines for the log, of the metric `IndexLag` in that namespace; none where nothing was measured.
    pub fn lines(&self, namespace: &str, now: Timestamp) -> Vec<String> {
        let metric = json!({ "Name": "IndexLag", "Unit": "Milliseconds" });
        let told = json!({ "Namespace": namespace, "Dimensions": [[]], "Metrics": [metric] });
        let told = json!({ "Timestamp": now.as_millis(), "CloudWatchMetrics": [told] });
        let line = |lags: &[u64]| json!({ "_aws": told, "IndexLag": lags }).to_string();
        self.lags_ms.chunks(VALUES).map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_line_is_what_cloudwatch_reads_and_no_longer_than_it_takes() {
        let now = Timestamp::from_micros(1_795_446_000_123_456);
        let measured = Measured { lags_ms: (0..250).collect() };
        let lines: Vec<Value> = measured
            .lines("Snowgate/x", now)
            .iter()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[2]["IndexLag"].as_array().unwrap().len(), 50);
        assert_eq!(
            lines[0]["_aws"],
            json!({ "Timestamp": 1_795_446_000_123_i64, "CloudWatchMetrics": [{ "Namespace": "Snowgate/x",
                "Dimensions": [[]], "Metrics": [{ "Name": "IndexLag", "Unit": "Milliseconds" }] }] })
        );
        assert!(Measured::default().lines("Snowgate/x", now).is_empty());
    }
}
