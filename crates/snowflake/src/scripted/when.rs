//! Which requests a rule is for.

use super::http::Received;

/// A pattern of requests; each method narrows it.
#[derive(Clone, Debug, Default)]
pub struct When {
    method: Option<&'static str>,
    path: Option<String>,
    contains: Vec<String>,
    lacks: Vec<String>,
    text: Vec<String>,
}

impl When {
    /// Every request.
    pub fn any() -> Self {
        Self::default()
    }

    /// A submission.
    pub fn submitted() -> Self {
        Self { method: Some("POST"), path: Some("/api/v2/statements".to_owned()), ..Self::default() }
    }

    /// A look at that handle, or a fetch of its rows.
    pub fn asked_about(handle: &str) -> Self {
        Self { method: Some("GET"), path: Some(format!("/api/v2/statements/{handle}")), ..Self::default() }
    }

    /// A cancellation of that handle.
    pub fn cancelled(handle: &str) -> Self {
        let path = Some(format!("/api/v2/statements/{handle}/cancel"));
        Self { method: Some("POST"), path, ..Self::default() }
    }

    /// A request for that path, without its query.
    pub fn path(path: impl Into<String>) -> Self {
        Self { path: Some(path.into()), ..Self::default() }
    }

    /// Whose query has this parameter: `async=true`.
    #[must_use]
    pub fn with(mut self, parameter: impl Into<String>) -> Self {
        self.contains.push(parameter.into());
        self
    }

    /// Whose query does not have this parameter.
    #[must_use]
    pub fn without(mut self, parameter: impl Into<String>) -> Self {
        self.lacks.push(parameter.into());
        self
    }

    /// Whose body has this text in it, such as a part of the statement as JSON spells it.
    #[must_use]
    pub fn saying(mut self, text: impl Into<String>) -> Self {
        self.text.push(text.into());
        self
    }

    pub(super) fn matches(&self, request: &Received) -> bool {
        let Self { method, path, contains, lacks, text } = self;
        let has = |parameter: &String| request.query.split('&').any(|have| have == parameter);
        method.is_none_or(|method| method == request.method)
            && path.as_ref().is_none_or(|path| *path == request.path)
            && contains.iter().all(has)
            && !lacks.iter().any(has)
            && text
                .iter()
                .all(|text| request.body.windows(text.len().max(1)).any(|window| window == text.as_bytes()))
    }
}
