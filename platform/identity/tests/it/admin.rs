//! `Admin`, the permission: 401 for nobody, 403 for another site's request, nothing in between.

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use axum::routing::any;
use identity::{Admin, Caller};
use tower::ServiceExt;

async fn status(method: Method, caller: Option<Caller>, header: Option<&str>) -> u16 {
    let router: Router = Router::new().route("/", any(async |_: Admin| StatusCode::NO_CONTENT));
    let mut request = Request::builder().method(method).uri("/");
    if let Some(value) = header {
        request = request.header("X-Mainspring-Console", value);
    }
    let mut request = request.body(Body::empty()).expect("a request");
    if let Some(caller) = caller {
        request.extensions_mut().insert(caller);
    }
    router.oneshot(request).await.expect("answered").status().as_u16()
}

#[tokio::test]
async fn nobody_is_401_and_a_change_without_the_header_is_403() {
    let safe = [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE];
    let changes =
        [Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::from_bytes(b"MERGE").expect("a method")];
    for method in safe.into_iter().chain(changes.clone()) {
        for caller in [None, Some(Caller::Anonymous)] {
            for header in [None, Some("1")] {
                assert_eq!(status(method.clone(), caller, header).await, 401, "{method} {caller:?} {header:?}");
            }
        }
        let is_change = changes.contains(&method);
        let without = status(method.clone(), Some(Caller::Admin), None).await;
        assert_eq!(without, if is_change { 403 } else { 204 }, "{method}");
        for value in ["1", ""] {
            assert_eq!(status(method.clone(), Some(Caller::Admin), Some(value)).await, 204, "{method}");
        }
    }
}
