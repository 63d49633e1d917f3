//! `/artifacts/{execution}/{file}`: the artifacts of completed executions, behind signed links.

mod conditions;
mod range;

use std::net::IpAddr;

use axum::Extension;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode, Uri, Version as Http, header};
use axum::middleware::{Next, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use insightgate_operations::executions::download::{OpenedArtifact, find_artifact, open_artifact, read_artifact};
use insightgate_operations::executions::link::{LinkFault, LinkQuery};
use insightgate_operations::executions::list::{ArtifactLink, OpeningLink};
use insightgate_operations::failure::Failure;
use insightgate_operations::limits::{Allowance, Counted, Whose};
use insightgate_report::file_name;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use url::form_urlencoded;

use crate::envelope::Asked;
use crate::http::client_address::ClientAddress;
use crate::http::connection_end::ConnectionEnd;
use crate::http::rate_limit;
use crate::http::refusals::Who;
use crate::state::ApiState;
use crate::table::{Route, Table};
use conditions::Version;
use range::{Wanted, wanted};

/// Marks an answer whose artifact is already compressed, so that it is sent as it is.
#[derive(Debug, Clone, Copy)]
struct AsItIs;

pub(crate) fn table(state: &ApiState) -> Table {
    // Some clients request gzip and always decompress the answer. Only the whole artifact is compressed: neither a range of it nor a refusal.
    let whole = |status: StatusCode, _: Http, _: &HeaderMap, extensions: &Extensions| {
        status == StatusCode::OK && extensions.get::<AsItIs>().is_none()
    };
    let gzip = CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(whole);
    let unasked = from_fn_with_state(state.clone(), compress_unasked);
    let download = Route::get("/artifacts/{execution}/{file}", answer);
    Table::new(vec![download.within(|download| download.layer(gzip).layer(map_response(weakened)).layer(unasked))])
}

/// If the deployment serves artifacts as the original store does, treats every request as one for gzip: clients made for that store decompress without
/// checking.
async fn compress_unasked(State(state): State<ApiState>, mut request: Request, next: Next) -> Response {
    if state.context.settings.downloads.always_gzip {
        request.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    }
    next.run(request).await
}

/// The address of the artifact without a signature, which gives no access.
pub(crate) fn location(base_url: &str, link: &ArtifactLink) -> String {
    format!("{base_url}/artifacts/{}/{}", link.execution, encoded(&link.file))
}

/// The address with a signature, which gives access to the artifact.
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

type ArtifactPath = Result<Path<(String, String)>, PathRejection>;

/// Answers GET and HEAD, with the ranges, conditions and gzip that are requested.
async fn answer(
    State(state): State<ApiState>,
    asked: Asked,
    ClientAddress(address): ClientAddress,
    path: ArtifactPath,
    request: (Method, Uri, HeaderMap),
    connection: Option<Extension<ConnectionEnd>>,
) -> Response {
    let mut seen = Vec::new();
    let given = download(&state, (&asked, address), path, request, connection, &mut seen).await;
    rate_limit::tell(given.unwrap_or_else(|failure| asked.refuse(&failure)), &seen)
}

async fn download(
    state: &ApiState,
    (asked, address): (&Asked, Option<IpAddr>),
    path: ArtifactPath,
    (method, uri, headers): (Method, Uri, HeaderMap),
    connection: Option<Extension<ConnectionEnd>>,
    seen: &mut Vec<Allowance>,
) -> Result<Response, Failure> {
    // The refusal is the same whatever is wrong with a link.
    let (Ok(Path((execution, file))), Some(query)) = (path, link_query(&uri)) else {
        return Err(Failure::Forbidden(LinkFault::Invalid.to_string()));
    };
    let opened = open_artifact(&state.context, &execution, &file, &query, &asked.origin(address)).await?;
    let OpenedArtifact { tenant, user, application, .. } = opened;
    asked.proven.found(Who { tenant, user, application });
    let (of_owner, now) = (Whose { tenant, application }, state.context.clock.now());
    state.context.limits.take(&state.context.settings.limits, (&[Counted::Downloads], of_owner), now, seen)?;
    let version = Version::of(&opened.artifact);
    let mut response = match version.answer(&headers) {
        Some(status) => status.into_response(),
        None => {
            let wanted = if version.is_continued(&headers) { wanted(&headers, opened.artifact.bytes) } else { Wanted::All };
            let connection = connection.map(|Extension(end)| end);
            content(state, &opened, wanted, method == Method::HEAD, &asked.correlation, connection).await?
        }
    };
    if opened.artifact.format.is_compressed() {
        response.extensions_mut().insert(AsItIs);
    }
    let set = response.headers_mut();
    for (name, value) in [(header::ETAG, version.etag.clone()), (header::LAST_MODIFIED, version.last_modified())] {
        if let Ok(value) = HeaderValue::try_from(value) {
            set.insert(name, value);
        }
    }
    for (name, value) in [
        (header::ACCEPT_RANGES, "bytes"),
        (header::CACHE_CONTROL, "private, no-cache"),
        (header::VARY, "accept-encoding"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        set.insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

/// The signed parameters of a link. Further parameters are ignored. `None` if one is missing or doubled, or if `sr`, which is the same in every link, has
/// another value.
fn link_query(uri: &Uri) -> Option<LinkQuery> {
    let (mut query, mut sr) = (LinkQuery::default(), String::new());
    let mut found = 0;
    for (name, value) in form_urlencoded::parse(uri.query()?.as_bytes()) {
        let part = match name.to_ascii_lowercase().as_str() {
            "sv" => &mut query.sv,
            "sr" => &mut sr,
            "se" => &mut query.se,
            "sp" => &mut query.sp,
            "sig" => &mut query.sig,
            _ => continue,
        };
        if !part.is_empty() || value.is_empty() {
            return None;
        }
        *part = value.into_owned();
        found += 1;
    }
    (found == 5 && sr == "b").then_some(query)
}

/// Makes the tag of a compressed artifact weak: the artifact has the same meaning, but a range of it is not a range of the uncompressed one.
async fn weakened(mut response: Response) -> Response {
    if response.headers().contains_key(header::CONTENT_ENCODING)
        && let Some(Ok(etag)) = response.headers().get(header::ETAG).map(HeaderValue::to_str)
        && let Ok(weak) = HeaderValue::try_from(format!("W/{etag}"))
    {
        response.headers_mut().insert(header::ETAG, weak);
    }
    response
}

async fn content(
    state: &ApiState,
    opened: &OpenedArtifact,
    wanted: Wanted,
    headers_only: bool,
    correlation: &str,
    connection: Option<ConnectionEnd>,
) -> Result<Response, Failure> {
    let size = opened.artifact.bytes;
    let (status, stretch) = match wanted {
        Wanted::All => (StatusCode::OK, 0..size),
        Wanted::Part(stretch) => (StatusCode::PARTIAL_CONTENT, stretch),
        Wanted::Unsatisfiable => {
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, [(header::CONTENT_RANGE, format!("bytes */{size}"))]).into_response());
        }
    };
    let body = if headers_only {
        find_artifact(&state.context, opened, correlation).await?;
        Body::empty()
    } else {
        let cut_off = move || connection.iter().for_each(ConnectionEnd::end);
        Body::from_stream(read_artifact(&state.context, opened, stretch.clone(), correlation, cut_off).await?)
    };
    let mut response = (
        status,
        [
            (header::CONTENT_TYPE, opened.content_type().to_owned()),
            (header::CONTENT_LENGTH, (stretch.end - stretch.start).to_string()),
            (header::CONTENT_DISPOSITION, disposition(&opened.file)),
        ],
        body,
    )
        .into_response();
    if status == StatusCode::PARTIAL_CONTENT
        && let Ok(value) = HeaderValue::try_from(format!("bytes {}-{}/{size}", stretch.start, stretch.end.saturating_sub(1)))
    {
        response.headers_mut().insert(header::CONTENT_RANGE, value);
    }
    Ok(response)
}

/// The disposition, with two names: programs that do not support the second (RFC 8187) use the first.
fn disposition(file: &str) -> String {
    format!("attachment; filename=\"{}\"; filename*=UTF-8''{}", file_name::in_ascii(file), encoded(file))
}

/// Percent-encodes everything except unreserved characters (RFC 3986), so that the text is safe in a path and in a header.
fn encoded(text: &str) -> String {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    text.bytes().map(|byte| if unreserved(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
