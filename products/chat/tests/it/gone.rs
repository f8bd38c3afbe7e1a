//! Files that nobody has any more: not to be opened at once, and not on the disk soon after.

use axum::http::{Method, StatusCode};
use image::ImageFormat;
use kernel::{PersonId, limits};
use serde_json::{Value, json};

use crate::files::picture;
use crate::support::Site;
use crate::switches::settings;

/// A picture in a message: its address, and the message's number.
async fn shown(site: &Site, who: PersonId, room: &str) -> (String, i64) {
    let (id, _) = waiting(site, who, room).await;
    let body = json!({ "client_id": id, "file_id": id });
    let (status, message) = site.post(who, &format!("/rooms/{room}/messages"), body).await;
    assert_eq!(status, StatusCode::CREATED, "{message}");
    (format!("/files/{id}"), message["seq"].as_i64().expect("a number"))
}

/// A picture that no message has yet: its id and address.
async fn waiting(site: &Site, who: PersonId, room: &str) -> (String, String) {
    let (status, sent) = site.upload(who, room, "name=x.png", picture(30, 20, ImageFormat::Png)).await;
    assert_eq!(status, StatusCode::CREATED, "{sent}");
    let id = sent["file"]["id"].as_str().expect("an id").to_owned();
    (id.clone(), format!("/files/{id}"))
}

#[tokio::test]
async fn the_file_of_a_deleted_message_is_gone_at_once_and_then_from_the_disk() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let (stays, _) = shown(&site, ann, &room).await;
    let (goes, seq) = shown(&site, ann, &room).await;
    let (_, link) = site.ask(Some(ann), Method::POST, &format!("{goes}/link"), None).await;
    let link = link["url"].as_str().expect("a link").trim_start_matches("/api/v1/chat").to_owned();
    assert_eq!(site.objects(), 4);
    let (status, _) = site.ask(Some(ann), Method::DELETE, &format!("/rooms/{room}/messages/{seq}"), None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    for path in [&goes, &format!("{goes}/preview"), &link] {
        assert_eq!(site.opens(ann, path).await, StatusCode::NOT_FOUND, "{path}");
    }
    let message = site.get(ben, &format!("/rooms/{room}/messages/{seq}")).await;
    assert_eq!((&message["deleted"], &message["file"]), (&json!(true), &Value::Null));
    site.ended("chat.clear").await;
    assert_eq!((site.objects(), site.rows("chat_files").await), (2, 1));
    assert_eq!(site.opens(ben, &stays).await, StatusCode::OK);
}

#[tokio::test]
async fn what_no_message_gets_is_removed_after_an_hour() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let (shown, _) = shown(&site, ann, &room).await;
    let (id, waits) = waiting(&site, ann, &room).await;
    site.run("chat.clear").await;
    assert_eq!(site.opens(ann, &waits).await, StatusCode::OK, "it may still be sent");
    site.clock.advance(limits::CHAT_FILE_WAITS_MS);
    site.run("chat.clear").await;
    assert_eq!((site.opens(ann, &waits).await, site.opens(ann, &shown).await), (StatusCode::NOT_FOUND, StatusCode::OK));
    assert_eq!((site.objects(), site.rows("chat_files").await), (2, 1));
    let body = json!({ "client_id": "late", "file_id": id });
    let (status, _) = site.post(ann, &format!("/rooms/{room}/messages"), body).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn files_go_with_their_room_and_with_their_time() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let (room, other) = (site.group(&[ann, ben]).await, site.group(&[ann, ben]).await);
    let (old, _) = shown(&site, ann, &room).await;
    let (theirs, _) = shown(&site, ben, &other).await;
    waiting(&site, ann, &other).await;
    let (status, _) = site.ask(Some(ann), Method::DELETE, &format!("/rooms/{other}"), None).await;
    assert_eq!((status, site.opens(ben, &theirs).await), (StatusCode::NO_CONTENT, StatusCode::NOT_FOUND));
    site.ended("chat.sweep").await;
    site.ended("chat.clear").await;
    assert_eq!((site.objects(), site.opens(ben, &old).await), (2, StatusCode::OK), "those of the room are gone");

    site.office(
        Method::PUT,
        "/settings",
        Some(&settings(json!({ "max_members": 9, "max_message_chars": 100, "retention_days": 1 }))),
    )
    .await;
    site.clock.advance(3 * 86_400_000);
    let (new, _) = shown(&site, ann, &room).await;
    site.run_retention().await;
    site.ended("chat.clear").await;
    assert_eq!((site.opens(ann, &old).await, site.opens(ann, &new).await), (StatusCode::NOT_FOUND, StatusCode::OK));
    assert_eq!((site.objects(), site.rows("chat_files").await), (2, 1));
}

#[tokio::test]
async fn a_file_that_could_not_be_kept_is_nobodys() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    // The disk refuses: a file stands where the folder would be.
    let folder = site.dir.path().join("objects/chat");
    std::fs::write(&folder, b"").expect("written");
    let (status, _) = site.upload(ann, &room, "name=x.txt", b"x".to_vec()).await;
    assert_eq!((status, site.rows("chat_files").await), (StatusCode::SERVICE_UNAVAILABLE, 1));
    let read: Result<(String,), store::StoreError> =
        site.ctx.store.read(async |tx| tx.one("SELECT id FROM chat_files", &[]).await).await;
    let (id,) = read.expect("read");
    assert_eq!(site.opens(ann, &format!("/files/{id}")).await, StatusCode::NOT_FOUND);
    let body = json!({ "client_id": "half", "file_id": id });
    let (status, _) = site.post(ann, &format!("/rooms/{room}/messages"), body).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    std::fs::remove_file(&folder).expect("removed");
    site.clock.advance(limits::CHAT_FILE_WAITS_MS);
    site.run("chat.clear").await;
    assert_eq!(site.rows("chat_files").await, 0);
}

#[tokio::test]
async fn a_person_sends_so_many_and_so_much() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let (day, near) = (site.clock.now_ms() / 86_400_000, limits::CHAT_FILES_DAY_BYTES - 10);
    let (who, sql) = (ann.to_string(), "INSERT INTO chat_sent_bytes (person, day, bytes) VALUES ($1, $2, $3)");
    let write = async move |tx: &mut store::Tx| tx.execute(sql, store::params![&who, day, near]).await;
    let written: Result<u64, store::StoreError> = site.ctx.store.write(write).await;
    written.expect("written");
    assert_eq!(site.upload(ann, &room, "name=x.txt", vec![b'x'; 10]).await.0, StatusCode::CREATED);
    assert_eq!(site.upload(ann, &room, "name=x.txt", vec![b'x'; 1]).await.0, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(site.upload(ben, &room, "name=x.txt", vec![b'x'; 10]).await.0, StatusCode::CREATED, "another's share");
    assert_eq!(site.rows("chat_files").await, 2, "and no row for what was refused");
    site.clock.advance(86_400_000);
    assert_eq!(site.upload(ann, &room, "name=x.txt", vec![b'x'; 10]).await.0, StatusCode::CREATED, "the next day");

    // Without a minute between them.
    let mut taken = 0;
    loop {
        site.clock.advance(-60_000);
        match site.upload(ben, &room, "name=x.txt", vec![b'x'; 1]).await.0 {
            StatusCode::CREATED => taken += 1,
            status => break assert_eq!(status, StatusCode::TOO_MANY_REQUESTS),
        }
        assert!(taken < 20);
    }
    assert!(taken >= 9, "{taken}");
}
