//! Requests that are half sent, and a caller with more of them than its share.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request, header};
use futures::{FutureExt as _, StreamExt as _, stream};
use tower::ServiceExt as _;

use crate::tests::harness::*;
use crate::{ApiState, Intake, router};

/// A form whose beginning arrives, and nothing more.
fn half_sent() -> Body {
    let beginning = stream::iter([Ok::<_, std::io::Error>("grant_type=password&client_id=")]);
    Body::from_stream(beginning.chain(stream::pending()))
}

#[tokio::test]
async fn one_address_with_many_requests_leaves_room_to_others() {
    let deployment = Deployment::new().await;
    let router = router(ApiState { intake: Arc::new(Intake::new(8, 4)), ..state(&deployment.context, None) });
    let send = async |address: [u8; 4], method: Method, path: &str, body: Body| {
        let router = router.clone().layer(Extension(ConnectInfo(SocketAddr::from((address, 1)))));
        let request = Request::builder().method(method).uri(path).header(header::HOST, "insights.example");
        let (parts, body) = router.oneshot(request.body(body).unwrap()).await.unwrap().into_parts();
        Answer { status: parts.status, headers: parts.headers, body: axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec() }
    };
    let (stranger, honest) = ([203, 0, 113, 1], [203, 0, 113, 2]);
    let token = format!("/{CONTOSO}/oauth2/token");
    let mut half: Vec<_> = (0..4).map(|_| Box::pin(send(stranger, Method::POST, &token, half_sent()))).collect();
    for under_way in &mut half {
        assert!(under_way.as_mut().now_or_never().is_none(), "it waits for its body");
    }
    // The refusal has the form of the API that was called.
    let insights = send(stranger, Method::GET, "/insights/v1/mpn/ScheduledDataset", Body::empty()).await;
    assert!(insights.refused(429).contains("from this address"));
    assert_eq!(insights.header("retry-after"), "2");
    let refused = send(stranger, Method::POST, &token, half_sent()).await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, "2"));
    assert_eq!(refused.json()["error"], "temporarily_unavailable");
    let managed = send(stranger, Method::GET, "/manage/v1/tenants", Body::empty()).await;
    assert_eq!((managed.status.as_u16(), &managed.json()["error"]["code"]), (429, &"busy".into()));
    let discovery = "/common/discovery/instance";
    assert_eq!(send(honest, Method::GET, discovery, Body::empty()).await.status, 200);
    assert_eq!(send(stranger, Method::GET, "/healthz", Body::empty()).await.status, 200, "health needs no room");
    // A request that ends frees its place.
    half.clear();
    assert_eq!(send(stranger, Method::GET, discovery, Body::empty()).await.status, 200);
}
