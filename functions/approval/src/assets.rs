//! The style, the script and the sign of the page: three files within the binary.

use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::page::problem;

/// One of the files.
pub async fn asset(Path(name): Path<String>) -> Response {
    let (kind, bytes) = match name.as_str() {
        "page.css" => ("text/css; charset=utf-8", include_str!("../assets/page.css")),
        "page.js" => ("text/javascript; charset=utf-8", include_str!("../assets/page.js")),
        "sign.svg" => ("image/svg+xml", include_str!("../assets/sign.svg")),
        _ => return problem::nothing_here(),
    };
    ([(header::CONTENT_TYPE, kind)], bytes).into_response()
}
