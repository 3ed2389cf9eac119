//! The way of the SDK's requests: the HTTP client that the whole program has, with its one TLS stack, in the place of the
//! SDK's own.

use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use reqwest::Method;
use reqwest::redirect::Policy;

/// How long one connection may take to stand.
const CONNECTING: Duration = Duration::from_secs(1);

/// Sends what the SDK has signed, once each: the SDK bounds its time and tries it again.
#[derive(Clone, Debug)]
pub(crate) struct Http(Option<reqwest::Client>);

impl Http {
    // SECURITY: no redirect is followed and no proxy of the environment is used, for whoever answers there would be told
    // what was signed.
    pub fn new() -> Self {
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECTING)
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy();
        // None where the machine's certificates cannot be read: each request says so.
        Self(client.build().ok())
    }

    /// The client itself, for what the SDK does not send.
    pub fn client(&self) -> Option<&reqwest::Client> {
        self.0.as_ref()
    }
}

impl HttpClient for Http {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Http {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.clone();
        HttpConnectorFuture::new(async move {
            let client = client.ok_or_else(|| ConnectorError::user("there is no usable TLS here".into()))?;
            send(&client, request).await
        })
    }
}

async fn send(client: &reqwest::Client, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let user = |error: &'static str| ConnectorError::user(error.into());
    let method: Method = request.method().parse().map_err(|_| user("a request has no method"))?;
    let body = request.body().bytes().ok_or_else(|| user("a request has a body that streams"))?.to_vec();
    let mut sent = client.request(method, request.uri()).body(body);
    for (name, value) in request.headers() {
        sent = sent.header(name, value);
    }
    let answered = sent.send().await.map_err(failed)?;
    let (status, headers) = (answered.status(), answered.headers().clone());
    let body = answered.bytes().await.map_err(failed)?;
    let unreadable = |_| ConnectorError::other("an answer cannot be read".into(), None);
    let mut response =
        HttpResponse::new(status.as_u16().try_into().map_err(unreadable)?, SdkBody::from(body));
    for (name, value) in &headers {
        // A header that is no text is none that the SDK reads.
        if let Ok(value) = value.to_str() {
            response.headers_mut().append(name.as_str().to_owned(), value.to_owned());
        }
    }
    Ok(response)
}

fn failed(error: reqwest::Error) -> ConnectorError {
    let is_timeout = error.is_timeout();
    // SECURITY: without its address, which holds names of ours.
    let error = Box::new(error.without_url());
    if is_timeout { ConnectorError::timeout(error) } else { ConnectorError::io(error) }
}
