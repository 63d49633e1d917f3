//! `…/swagger/index.html`: a page beside each document, on which its calls are tried. It is Swagger UI, bundled, so that it works without the internet.
//!
//! No script stands in a page, and the pages load nothing but what this server has. The files of the package are as npm has them; the large ones are kept
//! compressed.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use url::Url;

use crate::built_in::BuiltIn;
use crate::state::ApiState;
use crate::table::{Route, Table};

const PAGE: &str = include_str!("../../templates/swagger.html");
static START: BuiltIn = BuiltIn::plain(SCRIPT_TYPE, include_bytes!("../../templates/swagger.js"));
static LIBRARY: BuiltIn = BuiltIn::compressed(SCRIPT_TYPE, include_bytes!("../../assets/swagger-ui/swagger-ui-bundle.js.gz"));
static STYLE: BuiltIn = BuiltIn::compressed("text/css; charset=utf-8", include_bytes!("../../assets/swagger-ui/swagger-ui.css.gz"));
static BACK: BuiltIn = BuiltIn::plain(PAGE_TYPE, include_bytes!("../../assets/swagger-ui/oauth2-redirect.html"));
static BACK_SCRIPT: BuiltIn = BuiltIn::plain(SCRIPT_TYPE, include_bytes!("../../assets/swagger-ui/oauth2-redirect.js"));
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
const CACHING: &str = "public, max-age=3600";

/// The rows of the page that is beside the document of `base`.
pub(crate) fn beside(base: &str) -> [Route; 2] {
    let page = format!("{base}/swagger/index.html");
    [Route::get(format!("{base}/swagger"), to_page), Route::get(page, index)]
}

/// What all pages load.
pub(crate) fn table() -> Table {
    let at = |file: &str| format!("/swagger/{file}");
    Table::new(vec![
        Route::get(at("start.js"), async |asked: HeaderMap| START.answer(&asked, CACHING)),
        Route::get(at("swagger-ui-bundle.js"), async |asked: HeaderMap| LIBRARY.answer(&asked, CACHING)),
        Route::get(at("swagger-ui.css"), async |asked: HeaderMap| STYLE.answer(&asked, CACHING)),
        Route::get(at("oauth2-redirect.html"), async |asked: HeaderMap| guarded(BACK.answer(&asked, CACHING))),
        Route::get(at("oauth2-redirect.js"), async |asked: HeaderMap| BACK_SCRIPT.answer(&asked, CACHING)),
        Route::get(at("licence.txt"), async || file("text/plain; charset=utf-8", LICENCES.join(&b'\n'))),
    ])
}

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

fn file(kind: &'static str, bytes: impl IntoResponse) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, CACHING)], bytes).into_response()
}
