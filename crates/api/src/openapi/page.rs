//! `…/swagger/index.html`: a page beside each document, on which its calls are tried. It is Swagger UI, bundled, so that it works without the internet.
//!
//! No script stands in a page, and the pages load nothing but what this server has. The files of the package are as npm has them; the large ones are kept
//! compressed.

use std::io::Read as _;
use std::sync::OnceLock;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use flate2::read::GzDecoder;
use url::Url;

use crate::state::ApiState;
use crate::table::{Route, Table};

const PAGE: &str = include_str!("../../templates/swagger.html");
const START: &[u8] = include_bytes!("../../templates/swagger.js");
const LIBRARY: &[u8] = include_bytes!("../../assets/swagger-ui/swagger-ui-bundle.js.gz");
const STYLE: &[u8] = include_bytes!("../../assets/swagger-ui/swagger-ui.css.gz");
const BACK: &[u8] = include_bytes!("../../assets/swagger-ui/oauth2-redirect.html");
const BACK_SCRIPT: &[u8] = include_bytes!("../../assets/swagger-ui/oauth2-redirect.js");
const LICENCES: [&[u8]; 3] = [
    include_bytes!("../../assets/swagger-ui/LICENSE"),
    include_bytes!("../../assets/swagger-ui/NOTICE"),
    include_bytes!("../../assets/swagger-ui/swagger-ui-bundle.js.LICENSE.txt"),
];

/// Swagger UI draws with `data:` images, and sets styles of elements.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";
const SCRIPT_TYPE: &str = "text/javascript; charset=utf-8";
const PAGE_TYPE: &str = "text/html; charset=utf-8";

/// The rows of the page that is beside the document of `base`.
pub(crate) fn beside(base: &str) -> [Route; 2] {
    let page = format!("{base}/swagger/index.html");
    [Route::get(format!("{base}/swagger"), to_page), Route::get(page, index)]
}

/// What all pages load.
pub(crate) fn table() -> Table {
    let at = |file: &str| format!("/swagger/{file}");
    Table::new(vec![
        Route::get(at("start.js"), async || plain(SCRIPT_TYPE, START)),
        Route::get(at("swagger-ui-bundle.js"), async |headers: HeaderMap| compressed(&headers, SCRIPT_TYPE, LIBRARY, &PLAIN_LIBRARY)),
        Route::get(at("swagger-ui.css"), async |headers: HeaderMap| compressed(&headers, "text/css; charset=utf-8", STYLE, &PLAIN_STYLE)),
        Route::get(at("oauth2-redirect.html"), async || guarded(plain(PAGE_TYPE, BACK))),
        Route::get(at("oauth2-redirect.js"), async || plain(SCRIPT_TYPE, BACK_SCRIPT)),
        Route::get(at("licence.txt"), async || file("text/plain; charset=utf-8", LICENCES.join(&b'\n'))),
    ])
}

static PLAIN_LIBRARY: OnceLock<Vec<u8>> = OnceLock::new();
static PLAIN_STYLE: OnceLock<Vec<u8>> = OnceLock::new();

/// The page's own address ends with its name, so that the addresses that it derives from it are right.
async fn to_page(State(state): State<ApiState>, uri: axum::http::Uri) -> Redirect {
    Redirect::permanent(&format!("{}{}/index.html", state.base_url, uri.path()))
}

async fn index(State(state): State<ApiState>) -> Response {
    // A server behind a proxy may have a path before its own.
    let prefix = Url::parse(&state.base_url).map(|url| url.path().trim_end_matches('/').to_owned()).unwrap_or_default();
    guarded(file(PAGE_TYPE, PAGE.replace("{prefix}", &prefix).into_bytes()))
}

fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=()"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn plain(kind: &'static str, bytes: &'static [u8]) -> Response {
    file(kind, bytes)
}

fn file(kind: &'static str, bytes: impl IntoResponse) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "public, max-age=3600")], bytes).into_response()
}

/// A file that is kept compressed, as it is for a client that takes gzip, as browsers do.
fn compressed(asked: &HeaderMap, kind: &'static str, kept: &'static [u8], plain: &'static OnceLock<Vec<u8>>) -> Response {
    let takes_gzip = asked.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok()).any(takes_gzip);
    let mut response = if takes_gzip {
        let mut response = file(kind, kept);
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        response
    } else {
        let unpacked = plain.get_or_init(|| {
            let mut bytes = Vec::new();
            // The files are those of the program: a test unpacks them.
            let _ = GzDecoder::new(kept).read_to_end(&mut bytes);
            bytes
        });
        if unpacked.is_empty() {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
        file(kind, unpacked.as_slice())
    };
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    response
}

/// Whether an `Accept-Encoding` names gzip, and not with the weight 0.
fn takes_gzip(value: &str) -> bool {
    value.split(',').any(|one| {
        let mut parts = one.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let weight = parts.find_map(|part| part.strip_prefix("q=")).and_then(|weight| weight.parse::<f32>().ok());
        is_gzip && weight.is_none_or(|weight| weight > 0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        for (value, takes) in
            [("gzip, deflate, br", true), ("br;q=1.0, GZIP;q=0.5", true), ("gzip;q=0", false), ("identity", false), ("", false)]
        {
            assert_eq!(takes_gzip(value), takes, "{value}");
        }
    }
}
