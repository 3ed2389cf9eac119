//! The page of reviewers, as a browser that keeps cookies comes to it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use domain::ApprovalId;
use gateway::ports::{Ids, ReviewerIssuer};
use gateway::{Gateway, KnownReviewer, Reception, ReviewerName, Roster};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use local::RandomIds;
use tower::ServiceExt;

use crate::house::{House, in_time};

pub const HOST: &str = "https://snowgate.example";

/// Two reviewers, who are asked for whatever the default bundle holds.
pub fn people() -> Vec<KnownReviewer> {
    let known = |email: &str| KnownReviewer {
        name: ReviewerName::Email(email.to_owned()),
        groups: Some(BTreeSet::from(["data-reviewers".to_owned()])),
        mail: Some(email.to_owned()),
    };
    vec![known("rosa@acme.example"), known("sam@acme.example")]
}

/// The roster of the local demo.
pub fn demo() -> Arc<Roster> {
    Arc::new(Roster::development(HOST, people()))
}

/// The gateway's settings with that roster.
pub fn with(roster: &Arc<Roster>) -> impl FnOnce(&mut gateway::Settings) {
    let roster = Arc::clone(roster);
    move |settings| settings.roster = Some(roster)
}

/// The page as one more process has it.
pub fn page(house: &House, roster: &Arc<Roster>, issuer: Option<Arc<dyn ReviewerIssuer>>) -> Router {
    let ids: Arc<dyn Ids> = Arc::new(RandomIds);
    let reception = Reception::new(house.review(), Arc::clone(roster), issuer, ids);
    approval::routes(reception, approval::Behind::Snowflake)
}

/// A reviewer's link, as they were told it: its approval and its token.
#[track_caller]
pub fn link_of(house: &House, who: &str) -> (ApprovalId, String) {
    let rung = house.bell.rung.lock().unwrap();
    let notice = rung.last().expect("nobody was told");
    let invited = notice.invited.iter().find(|invited| invited.name == who).expect("they were not told");
    let link = invited.link.reveal();
    let (path, token) = link.split_once("#t=").unwrap();
    assert_eq!(path, format!("{HOST}/a/{}", notice.approval));
    (notice.approval, token.to_owned())
}

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
        let response = in_time(self.router.clone().oneshot(request)).await.unwrap();
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

/// What was told last is told by one turn of the worker.
pub async fn told(house: &House, gateway: &Gateway) {
    crate::approvals::work(house, gateway).await;
}
