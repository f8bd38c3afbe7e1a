//! The routes, as the console calls them.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use identity::Caller;
use schedules::Schedule;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::{HOUR, REPORT, START_MS, Site};

async fn call(site: &Site, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
    let body = body.map_or_else(String::new, |body| body.to_string());
    send(site, method, path, body, Some(Caller::Admin)).await
}

async fn send(site: &Site, method: Method, path: &str, body: String, who: Option<Caller>) -> (StatusCode, Value) {
    let (router, _) = schedules::routes(site.schedules.clone()).split_for_parts();
    let request = Request::builder().method(method).uri(path).header("x-mainspring-console", "1");
    let request = request.header("content-type", "application/json");
    let request = who.into_iter().fold(request, |request, who| request.extension(who));
    let response = router.oneshot(request.body(Body::from(body)).expect("a request")).await.expect("answered");
    let status = response.status();
    let bytes = response.into_body().collect().await.expect("a body").to_bytes();
    // What a path or a query is refused for is said in words; the edge makes a problem of it.
    (status, serde_json::from_slice(&bytes).unwrap_or_default())
}

const ALL: &str = "/api/v1/schedules";

#[tokio::test]
async fn a_schedule_is_made_shown_changed_fired_paused_and_removed() {
    let site = Site::new().await;
    let new = json!({ "name": "digest", "cron": "0 9 * * 1-5", "zone": "Europe/Berlin", "kind": "report.send",
        "args": { "to": "all" }, "overlap": "skip" });
    let (status, made) = call(&site, Method::POST, ALL, Some(new.clone())).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(made["words"], "every weekday at 09:00, Europe/Berlin");
    assert_eq!((&made["missed"], &made["overlap"], &made["queue"]), (&json!("one"), &json!("skip"), &Value::Null));
    assert_eq!(made["next"].as_array().map(Vec::len), Some(10));
    assert_eq!(made["next"][0]["local"], "2027-03-01T09:00:00+01:00[Europe/Berlin]");
    assert_eq!(made["next_ms"], START_MS + 8 * HOUR);
    let path = format!("{ALL}/{}", made["id"].as_str().expect("a number as text"));
    let (status, problem) = call(&site, Method::POST, ALL, Some(new)).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("schedule_exists")));

    let changes = json!({ "cron": null, "every_ms": HOUR, "args": [1], "queue": "mail" });
    let (status, changed) = call(&site, Method::PATCH, &path, Some(changes)).await;
    assert_eq!((status, &changed["words"], &changed["cron"]), (StatusCode::OK, &json!("every hour"), &Value::Null));
    assert_eq!((&changed["args"], &changed["overlap"]), (&json!([1]), &json!("skip")));

    let (status, firing) = call(&site, Method::POST, &format!("{path}/run"), None).await;
    assert_eq!((status, &firing["outcome"], &firing["tick_ms"]), (StatusCode::OK, &json!("enqueued"), &Value::Null));
    assert_eq!(firing["job_state"], "available");
    let (status, problem) = call(&site, Method::POST, &format!("{path}/run"), None).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("schedule_busy")));

    let (_, paused) = call(&site, Method::POST, &format!("{path}/pause"), None).await;
    assert_eq!((&paused["paused_at_ms"], &paused["next_ms"]), (&json!(START_MS), &Value::Null));
    let (_, resumed) = call(&site, Method::POST, &format!("{path}/resume"), None).await;
    assert_eq!((&resumed["paused_at_ms"], &resumed["next_ms"]), (&Value::Null, &json!(START_MS + HOUR)));

    site.pass(HOUR).await;
    let (_, shown) = call(&site, Method::GET, &path, None).await;
    assert_eq!((&shown["last"]["outcome"], &shown["firings"][0]), (&json!("overlapped"), &shown["last"]));
    let (_, page) = call(&site, Method::GET, &format!("{path}/firings?limit=1"), None).await;
    assert_eq!(page["items"].as_array().map(Vec::len), Some(1));
    let next = page["next"].as_str().expect("more").to_owned();
    let (_, page) = call(&site, Method::GET, &format!("{path}/firings?before={next}"), None).await;
    assert_eq!((page["items"].as_array().map(Vec::len), &page["next"]), (Some(1), &Value::Null));
    let (_, list) = call(&site, Method::GET, ALL, None).await;
    assert_eq!(
        (&list["items"][0]["name"], &list["items"][0]["last"]["outcome"]),
        (&json!("digest"), &json!("overlapped"))
    );

    assert_eq!(call(&site, Method::DELETE, &path, None).await.0, StatusCode::NO_CONTENT);
    for (method, path) in [
        (Method::GET, path.clone()),
        (Method::DELETE, path.clone()),
        (Method::PATCH, path.clone()),
        (Method::GET, format!("{path}/firings")),
        (Method::POST, format!("{path}/run")),
        (Method::POST, format!("{path}/pause")),
        (Method::POST, format!("{path}/resume")),
    ] {
        let body = (method == Method::PATCH).then(|| json!({}));
        assert_eq!(call(&site, method, &path, body).await.0, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn an_expression_is_tried_without_being_kept() {
    let site = Site::new().await;
    let preview = format!("{ALL}/preview");
    let times = json!({ "cron": "30 2 28-29 3 *", "zone": "Europe/Berlin" });
    let (status, shown) = call(&site, Method::POST, &preview, Some(times)).await;
    assert_eq!(
        (status, &shown["words"]),
        (StatusCode::OK, &json!("on the 28th and 29th of March at 02:30, Europe/Berlin"))
    );
    let skipped = json!({ "at_ms": 1_806_195_600_000_i64, "local": "2027-03-28T03:00:00+02:00[Europe/Berlin]",
        "instead_of": "02:30:00" });
    assert_eq!((&shown["next"][0], &shown["next"][1]["instead_of"]), (&skipped, &Value::Null));
    let (_, shown) = call(&site, Method::POST, &preview, Some(json!({ "every_ms": 90_000 }))).await;
    assert_eq!(
        (&shown["words"], &shown["next"][0]["local"]),
        (&json!("every 90 seconds"), &json!("2027-03-01T00:01:30+00:00[UTC]"))
    );
    let (status, problem) = call(&site, Method::POST, &preview, Some(json!({ "cron": "0 9 * * MUN" }))).await;
    assert_eq!((status, &problem["errors"][0]["pointer"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("/cron")));
    let detail = problem["errors"][0]["detail"].as_str().expect("words");
    assert!(detail.contains("MUN") && detail.contains("at character 9, the weekday"), "{detail}");
    assert_eq!(call(&site, Method::GET, ALL, None).await.1["items"], json!([]));
}

#[tokio::test]
async fn a_body_that_is_wrong_is_told_what_is() {
    let site = Site::new().await;
    let well = json!({ "name": "it", "cron": "@daily", "kind": "report.send" });
    for (member, value, pointer) in [
        ("timezone", json!("UTC"), "/timezone"),
        ("missed", json!("twice"), "/missed"),
        ("every_ms", json!("60s"), "/every_ms"),
        ("jitter_ms", json!(1.5), "/jitter_ms"),
        ("kind", json!(null), "/kind"),
        ("name", json!(7), "/name"),
        ("name", json!("a/b"), "/name"),
        ("cron", json!("61 * * * *"), "/cron"),
        ("missed_most", json!(100_000), "/missed_most"),
    ] {
        let mut body = well.clone();
        body[member] = value;
        let (status, problem) = call(&site, Method::POST, ALL, Some(body)).await;
        assert_eq!(
            (status, &problem["errors"][0]["pointer"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!(pointer)),
            "{problem}"
        );
    }
    for (body, pointer) in
        [(json!({ "name": "it", "cron": "@daily" }), "/kind"), (json!({ "kind": "a", "cron": "@daily" }), "/name")]
    {
        let (status, problem) = call(&site, Method::POST, ALL, Some(body)).await;
        assert_eq!(
            (status, &problem["errors"][0]["pointer"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!(pointer)),
            "{problem}"
        );
    }
    for body in ["", "{", "[]", "null", "7"] {
        let (status, problem) = send(&site, Method::POST, ALL, body.to_owned(), Some(Caller::Admin)).await;
        assert_eq!((status, &problem["code"]), (StatusCode::BAD_REQUEST, &json!("invalid_body")), "{body}");
    }
    assert_eq!(call(&site, Method::GET, &format!("{ALL}/x"), None).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(call(&site, Method::POST, ALL, Some(well)).await.0, StatusCode::CREATED);
}

#[tokio::test]
async fn a_declared_schedule_says_where_it_is_changed() {
    let site = Site::new().await;
    site.schedules.declare(&[("reports", Schedule::cron("daily", "@daily", REPORT))]).await.expect("declared");
    let (_, list) = call(&site, Method::GET, ALL, None).await;
    assert_eq!(list["items"][0]["declared_by"], "reports");
    let path = format!("{ALL}/{}", list["items"][0]["id"].as_str().expect("a number"));
    for (method, body) in [(Method::PATCH, Some(json!({ "zone": "Asia/Tokyo" }))), (Method::DELETE, None)] {
        let (status, problem) = call(&site, method, &path, body).await;
        assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("schedule_declared")));
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("reports")));
    }
}

#[tokio::test]
async fn lists_are_paged_in_the_order_they_were_made() {
    let site = Site::new().await;
    for n in 0..5 {
        site.create(&format!("s{n}"), json!({ "cron": "@daily" })).await;
    }
    let (_, page) = call(&site, Method::GET, &format!("{ALL}?limit=3"), None).await;
    let after = page["next"].as_str().expect("more").to_owned();
    let (_, rest) = call(&site, Method::GET, &format!("{ALL}?limit=3&after={after}"), None).await;
    let names = |page: &Value| {
        let items = page["items"].as_array().expect("items").iter();
        items.map(|item| item["name"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!([names(&page), names(&rest)].concat(), ["s0", "s1", "s2", "s3", "s4"]);
    assert_eq!(rest["next"], Value::Null);
}

#[tokio::test]
async fn strangers_see_and_change_nothing() {
    let site = Site::new().await;
    let id = site.create("it", json!({ "cron": "@daily" })).await;
    let one = format!("{ALL}/{id}");
    for (method, path) in [
        (Method::GET, ALL.to_owned()),
        (Method::POST, ALL.to_owned()),
        (Method::POST, format!("{ALL}/preview")),
        (Method::GET, one.clone()),
        (Method::PATCH, one.clone()),
        (Method::DELETE, one.clone()),
        (Method::GET, format!("{one}/firings")),
        (Method::POST, format!("{one}/run")),
        (Method::POST, format!("{one}/pause")),
        (Method::POST, format!("{one}/resume")),
    ] {
        let (status, _) = send(&site, method.clone(), &path, "{}".to_owned(), None).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{method} {path}");
    }
    assert!(site.firings(id).await.is_empty());
}

/// Every route is described, with every status that it answers.
#[tokio::test]
async fn the_description_names_each_route() {
    let site = Site::new().await;
    let (_, document) = schedules::routes(site.schedules).split_for_parts();
    let document = serde_json::to_value(document).expect("JSON");
    let mut routes = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, it) in methods.as_object().expect("methods") {
            let answers = it["responses"].as_object().expect("responses");
            assert!(answers.contains_key("401") && it["summary"].is_string(), "{method} {path}");
            assert_eq!(answers.contains_key("403"), method != "get", "{method} {path}");
            routes.push(format!("{method} {}", path.trim_start_matches("/api/v1/schedules")));
        }
    }
    routes.sort();
    let all = [
        "delete /{id}",
        "get ",
        "get /{id}",
        "get /{id}/firings",
        "patch /{id}",
        "post ",
        "post /preview",
        "post /{id}/pause",
        "post /{id}/resume",
        "post /{id}/run",
    ];
    assert_eq!(routes, all);
}
