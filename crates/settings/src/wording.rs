//! What is wrong with a setting, told without its value.

/// What a message of `toml` or `serde` may be passed on as.
// SECURITY: serde prints a value of the wrong type, and it may be a secret in the wrong place. Only messages about keys,
// and what was expected, are passed on.
pub(crate) fn without_values(message: &str) -> String {
    let is_about_keys = ["unknown field", "missing field", "duplicate field", "duplicate key"];
    if is_about_keys.iter().any(|start| message.starts_with(start)) {
        return message.to_owned();
    }
    match message.rfind("expected ").and_then(|at| message.get(at..)) {
        Some(expected) => format!("a value is wrong: {expected}"),
        None => "it is no TOML".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_never_passed_on() {
        for message in [
            "invalid type: string \"s3cret\", expected u64",
            "invalid type: string \"hun\\\"s3cret\", expected a map",
            "unknown variant `s3cret`, expected one of `a`, `b`",
            "s3cret",
        ] {
            assert!(!without_values(message).contains("s3cret"), "{message}");
        }
        assert_eq!(without_values("unknown field `lissten`"), "unknown field `lissten`");
    }
}
