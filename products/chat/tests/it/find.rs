//! Searching finds what is there, in one's own rooms, and nothing breaks it.

use axum::http::{Method, StatusCode};
use serde_json::json;

use crate::support::Site;

async fn found(site: &Site, who: kernel::PersonId, query: &str) -> Vec<String> {
    let page = site.get(who, &format!("/search?{query}")).await;
    let items = page["items"].as_array().expect("a list");
    items.iter().map(|it| it["content"].as_str().expect("text").to_owned()).collect()
}

#[tokio::test]
async fn what_was_said_is_found_by_its_words_in_ones_own_rooms() {
    let site = Site::new().await;
    let [ann, ben, eve] = site.people().await;
    let (one, other) = (site.group(&[ann, ben]).await, site.group(&[ann, eve]).await);
    for text in ["The quick brown fox", "a QUICK answer", "über die Brücke", "東京タワー", "<b>fox</b>"] {
        site.say(ann, &one, text).await;
    }
    site.say(ann, &other, "a fox for eve").await;
    assert_eq!(found(&site, ben, "q=quick").await, ["a QUICK answer", "The quick brown fox"], "the newest first");
    assert_eq!(found(&site, ben, "q=fox+QUI").await, ["The quick brown fox"], "all of the words, the last one begun");
    assert_eq!(found(&site, ben, "q=uick").await, Vec::<String>::new(), "words are found by their beginning");
    assert_eq!(found(&site, ben, "q=br%C3%BCcke").await, ["über die Brücke"]);
    assert_eq!(found(&site, ben, "q=%E4%BA%AC%E3%82%BF").await, ["東京タワー"]);
    assert_eq!(found(&site, ben, "q=fox").await, ["<b>fox</b>", "The quick brown fox"]);
    assert_eq!(found(&site, ann, "q=fox").await.len(), 3);
    assert_eq!(found(&site, ann, &format!("q=fox&room={other}")).await, ["a fox for eve"]);
    assert_eq!(found(&site, eve, "q=fox").await, ["a fox for eve"]);
    let (status, _) = site.ask(Some(eve), Method::GET, &format!("/search?q=fox&room={one}"), None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(site.ask(None, Method::GET, "/search?q=fox", None).await.0, StatusCode::UNAUTHORIZED);
    site.post(eve, &format!("/rooms/{other}/leave"), json!({})).await;
    assert_eq!(found(&site, eve, "q=fox").await, Vec::<String>::new(), "who has left finds nothing there");
}

#[tokio::test]
async fn what_was_edited_or_deleted_is_found_no_more() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let edited = site.say(ann, &room, "alpha beta").await;
    let deleted = site.say(ann, &room, "alpha gamma").await;
    let path = |seq: i64| format!("/rooms/{room}/messages/{seq}");
    site.ask(Some(ann), Method::PATCH, &path(edited), Some(&json!({ "content": "delta beta" }))).await;
    site.ask(Some(ann), Method::DELETE, &path(deleted), None).await;
    assert_eq!(found(&site, ben, "q=alpha").await, Vec::<String>::new());
    assert_eq!(found(&site, ben, "q=gamma").await, Vec::<String>::new());
    assert_eq!(found(&site, ben, "q=delta").await, ["delta beta"]);
    assert_eq!(found(&site, ben, "q=beta").await, ["delta beta"]);
    site.ask(Some(ann), Method::DELETE, &format!("/rooms/{room}"), None).await;
    assert_eq!(found(&site, ben, "q=delta").await, Vec::<String>::new(), "gone with the room");
}

#[tokio::test]
async fn no_text_breaks_a_search() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    site.say(ann, &room, "or not near column").await;
    for text in [
        "\"\"",
        "\"open",
        "AND OR NOT",
        "NEAR(a b)",
        "col:umn",
        "a*b*",
        "^first",
        "(((",
        "' OR '1'='1",
        "a & | ! b",
        "<->",
        ":*",
        "\\\\",
        "{a b}",
        "-not +and",
        "%%",
        "\u{202e}",
        "..",
        "' & '",
    ] {
        let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let (status, answer) = site.ask(Some(ben), Method::GET, &format!("/search?q={encoded}"), None).await;
        assert!(status == StatusCode::OK || text.chars().count() < 2, "{text:?}: {status} {answer}");
    }
    assert_eq!(found(&site, ben, "q=OR+NOT+NEAR").await, ["or not near column"], "they are words");
    for wrong in ["q=a", &format!("q={}", "a".repeat(201)), "q=abc&before=x"] {
        let (status, _) = site.ask(Some(ben), Method::GET, &format!("/search?{wrong}"), None).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }
}

#[tokio::test]
async fn a_search_goes_on_where_its_page_ended() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    for n in 0..25 {
        site.say(ann, &room, &format!("needle {n}")).await;
    }
    let (mut all, mut next) = (Vec::new(), String::new());
    loop {
        let page = site.get(ben, &format!("/search?q=needle&limit=10{next}")).await;
        all.extend(page["items"].as_array().expect("a list").iter().map(|it| it["content"].clone()));
        let Some(before) = page["next"].as_str() else { break };
        next = format!("&before={before}");
    }
    assert_eq!(all, (0..25).rev().map(|n| json!(format!("needle {n}"))).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_no_client_puts_into_an_address_reaches_no_store() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    site.group(&[ann, ben]).await;
    for path in
        ["/rooms?before=7.%00", "/rooms?before=7.x", "/rooms?before=7", &format!("/search?q={}", "a+".repeat(17))]
    {
        assert_eq!(site.ask(Some(ann), Method::GET, path, None).await.0, StatusCode::BAD_REQUEST, "{path}");
    }
    assert_eq!(site.office(Method::GET, "/rooms?before=7.%00", None).await.0, StatusCode::BAD_REQUEST);
    for shortcut in ["%00", "UP", "a%20b"] {
        let path = format!("/quick-replies/{shortcut}");
        assert_eq!(site.ask(Some(ann), Method::DELETE, &path, None).await.0, StatusCode::BAD_REQUEST, "{path}");
    }
    assert_eq!(site.ask(Some(ann), Method::GET, "/rooms/room_%00", None).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn people_are_found_by_their_names_and_nothing_else_of_them_is_told() {
    let site = Site::new().await;
    let [ann, ben, cem] = site.people().await;
    let everybody = site.get(ann, "/people").await;
    assert_eq!(everybody["items"].as_array().expect("a list").len(), 3);
    for person in everybody["items"].as_array().expect("a list") {
        let fields: Vec<_> = person.as_object().expect("a person").keys().collect();
        assert_eq!(fields, ["avatar", "id", "name"], "nobody's address is told to others");
    }
    assert_eq!(
        site.get(ann, "/people?q=be").await["items"],
        json!([{ "id": ben.to_string(), "name": "Ben", "avatar": null }])
    );
    assert_eq!(site.get(ann, "/people?q=example.com").await["items"], json!([]), "nor can it be guessed");
    let (first, mut seen) = (site.get(ann, "/people?limit=2").await, Vec::new());
    let rest = site.get(ann, &format!("/people?limit=2&after={}", first["next"].as_str().expect("more"))).await;
    for page in [&first, &rest] {
        seen.extend(
            page["items"].as_array().expect("a list").iter().map(|it| it["id"].as_str().expect("an id").to_owned()),
        );
    }
    let mut all = [ann, ben, cem].map(|it| it.to_string());
    all.sort_unstable();
    assert_eq!(seen, all, "all of them, each once");
    assert_eq!(rest["next"], json!(null));
    for (query, status) in [
        (format!("q={}", "a".repeat(51)), StatusCode::UNPROCESSABLE_ENTITY),
        ("q=%00".to_owned(), StatusCode::UNPROCESSABLE_ENTITY),
        ("after=nobody".to_owned(), StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(site.ask(Some(ann), Method::GET, &format!("/people?{query}"), None).await.0, status, "{query}");
    }
    assert_eq!(site.ask(None, Method::GET, "/people", None).await.0, StatusCode::UNAUTHORIZED);
}
