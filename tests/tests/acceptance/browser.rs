//! A browser that keeps cookies, before the page of reviewers.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use domain::ApprovalId;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use tokio::time::timeout;
use tower::ServiceExt;

/// How long an answer may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// What came back.
#[derive(Debug)]
pub struct Shown {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Shown {
    pub fn location(&self) -> &str {
        self.headers["location"].to_str().unwrap()
    }

    /// The value of a hidden field.
    #[track_caller]
    pub fn field(&self, name: &str) -> String {
        let (_, behind) = self
            .text
            .split_once(&format!("name=\"{name}\" value=\""))
            .unwrap_or_else(|| panic!("no field {name}: {}", self.text));
        behind.split('"').next().unwrap().to_owned()
    }
}

/// One browser.
pub struct Browser {
    router: Router,
    pub cookies: BTreeMap<String, String>,
    /// What the page's script keeps, by its approval.
    pub marks: BTreeMap<String, String>,
}

impl Browser {
    pub fn new(router: Router) -> Self {
        Self { router, cookies: BTreeMap::new(), marks: BTreeMap::new() }
    }

    pub async fn get(&mut self, path: &str) -> Shown {
        self.call("GET", path, None, &[]).await
    }

    /// Sends a form, as a page of ours does.
    pub async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Shown {
        // Under our referrer policy browsers name no origin.
        let headers = [("origin", "null"), ("sec-fetch-site", "same-origin")];
        self.call("POST", path, Some(form), &headers).await
    }

    pub async fn call(
        &mut self,
        method: &str,
        path: &str,
        form: Option<&[(&str, &str)]>,
        headers: &[(&str, &str)],
    ) -> Shown {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in &self.cookies {
            request = request.header("cookie", format!("{name}={value}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = match form {
            Some(form) => {
                request = request.header("content-type", "application/x-www-form-urlencoded");
                let pairs: Vec<String> =
                    form.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
                Body::from(pairs.join("&"))
            }
            None => Body::empty(),
        };
        let request = request.body(body).unwrap();
        let response =
            timeout(PATIENCE, self.router.clone().oneshot(request)).await.expect("it hangs").unwrap();
        let (parts, body) = response.into_parts();
        for line in parts.headers.get_all("set-cookie") {
            let line = line.to_str().unwrap();
            let (pair, attributes) = line.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            assert!(name.starts_with("__Host-") && attributes.contains("Secure"), "{line}");
            assert!(attributes.contains("HttpOnly") && attributes.contains("Path=/"), "{line}");
            if attributes.contains("Max-Age=0;") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        // As `page.js` does.
        if let Some((_, behind)) = text.split_once("data-mark=\"") {
            let (mark, behind) = behind.split_once('"').unwrap();
            let (_, behind) = behind.split_once("href=\"/a/").unwrap();
            self.marks.insert(behind.split('/').next().unwrap().to_owned(), mark.to_owned());
        }
        Shown { status: parts.status, headers: parts.headers, text }
    }

    /// Comes by a link of the local demo, to the page that shows what waits.
    pub async fn open(&mut self, id: ApprovalId, token: &str) -> Shown {
        let arrived = self.post(&format!("/a/{id}"), &[("token", token)]).await;
        assert_eq!(arrived.status, 200, "{}", arrived.text);
        assert!(arrived.text.contains(&format!("href=\"/a/{id}/review\"")), "{}", arrived.text);
        self.review(id).await
    }

    /// The page that shows what waits, once signed in.
    pub async fn review(&mut self, id: ApprovalId) -> Shown {
        let mark = self.marks.get(&id.to_string()).cloned().unwrap_or_default();
        self.post(&format!("/a/{id}/review"), &[("mark", &mark)]).await
    }

    /// Sends the form of a page that shows what waits, with the word typed that it wants, if nothing else is.
    pub async fn decide(
        &mut self,
        id: ApprovalId,
        shown: &Shown,
        verdict: &str,
        more: &[(&str, &str)],
    ) -> Shown {
        let (mark, covers) = (shown.field("mark"), shown.field("covers"));
        let mut form = vec![("mark", mark.as_str()), ("covers", covers.as_str()), ("verdict", verdict)];
        form.extend_from_slice(more);
        let word = shown.text.split_once("data-word=\"").and_then(|(_, behind)| behind.split('"').next());
        if let Some(word) = word.filter(|_| !more.iter().any(|(name, _)| *name == "typed")) {
            form.push(("typed", word));
        }
        self.post(&format!("/a/{id}/decision"), &form).await
    }
}

fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
