//! `/artifacts/{execution}/{file}`: the files of finished runs, behind signed links.

mod range;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, Version, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use insightgate_operations::download_artifact::{OpenedArtifact, open_artifact, read_artifact};
use insightgate_operations::failure::Failure;
use insightgate_operations::link::LinkQuery;
use insightgate_operations::list_executions::{ArtifactLink, OpeningLink};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{Predicate as _, SizeAbove};
use url::form_urlencoded;

use crate::envelope::Asked;
use crate::fields::Parameters;
use crate::state::ApiState;
use range::{Wanted, wanted};

const MS_RANGE: HeaderName = HeaderName::from_static("x-ms-range");

/// Marks the answer with a file that is compressed already: what is downloaded is the file itself.
#[derive(Debug, Clone, Copy)]
struct AsItIs;

pub(crate) fn routes() -> Router<ApiState> {
    // Some clients always gunzip what they asked for so.
    let not_compressed = |_: StatusCode, _: Version, _: &HeaderMap, extensions: &Extensions| extensions.get::<AsItIs>().is_none();
    let gzip = CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(SizeAbove::new(0).and(not_compressed));
    Router::new().route("/artifacts/{execution}/{file}", get(download).layer(gzip))
}

/// The address without a signature, which opens nothing.
pub(crate) fn location(base_url: &str, link: &ArtifactLink) -> String {
    format!("{base_url}/artifacts/{}/{}", link.execution, encoded(&link.file))
}

/// The address that opens the file.
pub(crate) fn opening(location: &str, link: &ArtifactLink) -> String {
    let LinkQuery { sv, se, sp, sig } = match &link.opens {
        OpeningLink::Server(query) => query,
        OpeningLink::Store(address) => return address.clone(),
    };
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("sv", sv)
        .append_pair("sr", "b")
        .append_pair("se", se)
        .append_pair("sp", sp)
        .append_pair("sig", sig)
        .finish();
    format!("{location}?{query}")
}

/// GET and HEAD; ranges, conditions and gzip as asked for.
async fn download(
    State(state): State<ApiState>,
    asked: Asked,
    Path((execution, file)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let parameters = Parameters::parse(uri.query().unwrap_or_default().as_bytes());
    let part = |name| parameters.raw(name).unwrap_or_default();
    let query = LinkQuery { sv: part("sv"), se: part("se"), sp: part("sp"), sig: part("sig") };
    // What is in a link beside the signed parts must be as it was given.
    if parameters.raw("sr").as_deref() != Some("b") {
        return asked.refuse(&Failure::Forbidden(insightgate_operations::link::LinkFault::Invalid.to_string()));
    }
    let opened = match open_artifact(&state.context, &execution, &file, &query, &asked.correlation).await {
        Ok(opened) => opened,
        Err(failure) => return asked.refuse(&failure),
    };
    let etag = format!("\"{}\"", opened.artifact.sha256);
    let mut response = match conditions(&headers, &etag) {
        Some(status) => status.into_response(),
        None => body(&state, &asked, &opened, &headers, &etag).await,
    };
    // The whole file may be sent compressed: then it is the same in meaning only, and a part of it fits no part of the other.
    let as_it_is = opened.artifact.format.is_compressed();
    if as_it_is {
        response.extensions_mut().insert(AsItIs);
    }
    let compressed = !as_it_is && response.status() == StatusCode::OK && headers.contains_key(header::ACCEPT_ENCODING);
    let etag = if compressed { format!("W/{etag}") } else { etag };
    let set = response.headers_mut();
    if let Ok(value) = HeaderValue::try_from(etag) {
        set.insert(header::ETAG, value);
    }
    set.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    set.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

async fn body(state: &ApiState, asked: &Asked, opened: &OpenedArtifact, headers: &HeaderMap, etag: &str) -> Response {
    let size = opened.artifact.bytes;
    let asked_range = headers.get(header::RANGE).or_else(|| headers.get(MS_RANGE)).and_then(|value| value.to_str().ok());
    // If-Range: a stretch of another version is of no use.
    let same = headers.get(header::IF_RANGE).is_none_or(|value| value.as_bytes() == etag.as_bytes());
    let wanted = asked_range.filter(|_| same).map_or(Wanted::All, |text| wanted(text, size));
    let (status, stretch) = match wanted {
        Wanted::All => (StatusCode::OK, 0..size),
        Wanted::Part(stretch) => (StatusCode::PARTIAL_CONTENT, stretch),
        Wanted::Unsatisfiable => {
            return (StatusCode::RANGE_NOT_SATISFIABLE, [(header::CONTENT_RANGE, format!("bytes */{size}"))]).into_response();
        }
    };
    let stream = match read_artifact(&state.context, opened, stretch.clone()).await {
        Ok(stream) => stream,
        Err(failure) => return asked.refuse(&failure),
    };
    let mut response = (
        status,
        [
            (header::CONTENT_TYPE, opened.content_type().to_owned()),
            (header::CONTENT_LENGTH, (stretch.end - stretch.start).to_string()),
            (header::ACCEPT_RANGES, "bytes".to_owned()),
            (header::CONTENT_DISPOSITION, format!("attachment; filename*=UTF-8''{}", encoded(&opened.file))),
        ],
        Body::from_stream(stream),
    )
        .into_response();
    if status == StatusCode::PARTIAL_CONTENT
        && let Ok(value) = HeaderValue::try_from(format!("bytes {}-{}/{size}", stretch.start, stretch.end.saturating_sub(1)))
    {
        response.headers_mut().insert(header::CONTENT_RANGE, value);
    }
    response
}

/// The status that answers If-Match or If-None-Match without the file.
fn conditions(headers: &HeaderMap, etag: &str) -> Option<StatusCode> {
    let lists = |name: HeaderName| {
        let text = headers.get(name)?.to_str().ok()?;
        Some(text.split(',').map(|tag| tag.trim().trim_start_matches("W/")).any(|tag| tag == "*" || tag == etag))
    };
    if lists(header::IF_MATCH) == Some(false) {
        return Some(StatusCode::PRECONDITION_FAILED);
    }
    (lists(header::IF_NONE_MATCH) == Some(true)).then_some(StatusCode::NOT_MODIFIED)
}

/// Everything but unreserved characters (RFC 3986) in percent form: safe in a path and in a header.
fn encoded(text: &str) -> String {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    text.bytes().map(|byte| if unreserved(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
