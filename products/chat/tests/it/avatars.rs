//! Pictures of people and of rooms: given, shown to whoever may know of them, and gone.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use identity::people::Actor;
use identity::{By, Caller, Role};
use image::metadata::Orientation;
use image::{ImageDecoder, ImageFormat, ImageReader};
use kernel::{PersonId, limits};
use serde_json::{Value, json};

use crate::files::{PLACE, checksum, photo, picture, says};
use crate::support::Site;
use crate::switches::settings;

const NOBODYS: &str = "/avatars/fil_00000000000000000000000000";

/// One's own picture.
const OWN: &str = "/avatar";

fn of_room(room: &str) -> String {
    format!("/rooms/{room}/avatar")
}

/// The path of an address, as the other helpers take it.
fn path(avatar: &Value) -> String {
    avatar.as_str().expect("an address").trim_start_matches("/api/v1/chat").to_owned()
}

impl Site {
    async fn give(&self, who: PersonId, path: &str, bytes: Vec<u8>) -> (StatusCode, Value) {
        // A minute later: a share is another test's.
        self.clock.advance(60_000);
        let caller = Caller::Person { id: who, role: Role::Member, by: By::Token };
        // What its sender says of it is not believed.
        let request = Request::post(format!("/api/v1/chat{path}")).header("content-type", "image/svg+xml");
        let request = request.extension(caller).body(Body::from(bytes)).expect("a request");
        let (head, body) = self.raw(request).await;
        (head.status, serde_json::from_slice(&body).unwrap_or_default())
    }

    /// A picture that is taken: its path.
    async fn given(&self, who: PersonId, at: &str) -> String {
        let (status, answer) = self.give(who, at, picture(40, 30, ImageFormat::Png)).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        path(&answer["avatar"])
    }
}

/// Of the people of an answer, this one's picture.
fn of_person<'a>(answer: &'a Value, list: &str, who: PersonId) -> &'a Value {
    let people = answer[list].as_array().expect("people");
    &people.iter().find(|person| person["id"] == json!(who)).expect("among them")["avatar"]
}

#[tokio::test]
async fn a_photo_becomes_its_middle_upright_and_tells_nobody_where_it_was() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    site.group(&[ann, ben]).await;
    assert_eq!(site.get(ann, OWN).await, json!({ "avatar": null }));
    let (status, given) = site.give(ann, OWN, photo(1_600, 800)).await;
    assert_eq!(status, StatusCode::OK, "{given}");
    assert_eq!(site.get(ann, OWN).await, given);

    let (head, bytes) = site.open(ben, &path(&given["avatar"])).await;
    assert_eq!((head.status, says(&head, header::CONTENT_TYPE)), (StatusCode::OK, "image/jpeg"));
    assert_eq!(says(&head, header::CACHE_CONTROL), "private, max-age=2592000, immutable");
    assert_eq!(says(&head, header::X_CONTENT_TYPE_OPTIONS), "nosniff");
    assert!(says(&head, header::CONTENT_SECURITY_POLICY).contains("sandbox"));
    assert!(!bytes.windows(PLACE.len()).any(|it| it == PLACE));
    let reader = ImageReader::with_format(std::io::Cursor::new(&bytes[..]), ImageFormat::Jpeg);
    let mut decoder = reader.into_decoder().expect("a picture");
    assert_eq!((decoder.dimensions(), decoder.orientation().expect("read")), ((400, 400), Orientation::NoTransforms));
    let shown = image::load_from_memory(&bytes).expect("a picture").to_rgb8();
    // Turned to the right, what was on the left is at the top; nothing was pressed together.
    assert!(shown.get_pixel(200, 190).0[0] < 60 && shown.get_pixel(200, 210).0[0] > 190);
    assert!(shown.get_pixel(5, 5).0[0] < 60 && shown.get_pixel(395, 395).0[0] > 190);
}

#[tokio::test]
async fn a_photo_is_small_and_what_one_sees_through_stays_so() {
    let site = Site::new().await;
    let [ann] = site.people().await;
    // A picture with something everywhere, as photos have, and the same with a hole.
    let seen = |x: u32, y: u32| {
        let grain = (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503)).rotate_left(7) % 32;
        [x / 4, y / 4, (x + y) / 8].map(|colour| u8::try_from((colour + grain).min(255)).expect("a byte"))
    };
    let opaque = image::RgbImage::from_fn(900, 900, |x, y| image::Rgb(seen(x, y)));
    let holed = image::RgbaImage::from_fn(900, 900, |x, y| {
        let [r, g, b] = seen(x, y);
        image::Rgba([r, g, b, if x < 450 { 0 } else { 255 }])
    });
    let written = |picture: image::DynamicImage| {
        let mut bytes = std::io::Cursor::new(Vec::new());
        picture.write_to(&mut bytes, ImageFormat::Png).expect("written");
        bytes.into_inner()
    };
    for (picture, mime, most) in
        [(written(opaque.into()), "image/jpeg", 64 * 1024), (written(holed.into()), "image/webp", 256 * 1024)]
    {
        let (status, given) = site.give(ann, OWN, picture).await;
        assert_eq!(status, StatusCode::OK, "{given}");
        let (head, bytes) = site.open(ann, &path(&given["avatar"])).await;
        assert_eq!((says(&head, header::CONTENT_TYPE), head.status), (mime, StatusCode::OK));
        assert!(bytes.len() < most, "{mime}: {} bytes", bytes.len());
        let shown = image::load_from_memory(&bytes).expect("a picture").to_rgba8();
        let alpha = if mime == "image/webp" { 0 } else { 255 };
        assert_eq!((shown.dimensions(), shown.get_pixel(10, 200).0[3]), ((400, 400), alpha));
    }
}

#[tokio::test]
async fn every_form_is_taken_large_or_small_and_nothing_else() {
    let site = Site::new().await;
    let [ann] = site.people().await;
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Gif, ImageFormat::WebP] {
        for (width, height) in [(1, 1), (10, 300), (900, 401)] {
            let (status, given) = site.give(ann, OWN, picture(width, height, format)).await;
            assert_eq!(status, StatusCode::OK, "{format:?} {width} {given}");
            let (_, bytes) = site.open(ann, &path(&given["avatar"])).await;
            let shown = image::load_from_memory(&bytes).expect("a picture");
            assert_eq!((shown.width(), shown.height()), (400, 400), "{format:?} {width}");
        }
    }
    let kept = site.get(ann, OWN).await;
    // A picture of 60,000 by 60,000, as its first bytes say.
    let mut bomb = picture(8, 8, ImageFormat::Png);
    bomb[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    let crc = checksum(&bomb[12..29]);
    bomb[29..33].copy_from_slice(&crc);
    let mut cut = picture(800, 800, ImageFormat::Png);
    cut.truncate(cut.len() / 2);
    for (what, bytes) in [
        ("a bomb", bomb),
        ("half of one", cut),
        ("a page", b"<html><script>alert(1)</script>".to_vec()),
        ("a drawing", b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec()),
        ("a document", b"%PDF-1.7 and nothing".to_vec()),
        ("text", b"hello".to_vec()),
        ("none", b"\xff\xd8\xff\xe0 and nothing".to_vec()),
        ("nothing", Vec::new()),
    ] {
        let (status, answer) = site.give(ann, OWN, bytes).await;
        assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{what}: {answer}");
    }
    let large = [picture(8, 8, ImageFormat::Png), vec![0; limits::CHAT_AVATAR_BYTES]].concat();
    let (status, answer) = site.give(ann, OWN, large).await;
    assert_eq!((status, &answer["detail"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!("A file has 5 MiB at most here.")));
    assert_eq!(site.get(ann, OWN).await, kept, "what is refused changes nothing");
}

#[tokio::test]
async fn a_picture_is_shown_wherever_its_person_is_and_to_nobody_else() {
    let site = Site::new().await;
    let [ann, ben, eve] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    site.say(ann, &room, "hello there").await;
    let seen = site.given(ann, OWN).await;
    let url = json!(format!("/api/v1/chat{seen}"));
    for (at, list) in [
        ("/rooms".to_owned(), "people"),
        (format!("/rooms/{room}"), "people"),
        (format!("/rooms/{room}/messages"), "people"),
        ("/search?q=hello".to_owned(), "people"),
        ("/people?q=Ann".to_owned(), "items"),
    ] {
        assert_eq!(of_person(&site.get(ben, &at).await, list, ann), &url, "{at}");
    }
    assert_eq!(of_person(&site.get(ben, &format!("/rooms/{room}")).await, "people", ben), &Value::Null);
    assert_eq!(site.opens(eve, &seen).await, StatusCode::OK, "who may know of everybody");
    let nobody = site.raw(Request::get(format!("/api/v1/chat{seen}")).body(Body::empty()).expect("a request")).await;
    assert_eq!(nobody.0.status, StatusCode::UNAUTHORIZED);

    let settings = settings(json!({ "max_members": 9, "max_message_chars": 100, "directory": "roommates" }));
    assert_eq!(site.office(Method::PUT, "/settings", Some(&settings)).await.0, StatusCode::OK);
    let (_, nothing) = site.ask(Some(eve), Method::GET, NOBODYS, None).await;
    assert_eq!(site.ask(Some(eve), Method::GET, &seen, None).await, (StatusCode::NOT_FOUND, nothing));
    assert_eq!(site.opens(ben, &seen).await, StatusCode::OK);
    assert_eq!(of_person(&site.get(ben, "/people").await, "items", ann), &url);
    assert_eq!(site.opens(ben, "/avatars/..%2f..%2fmainspring.key").await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_groups_picture_is_changed_by_who_manages_it_and_seen_by_its_members() {
    let site = Site::new().await;
    let [ann, ben, eve] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let mut ear = site.listen(ben, &format!("chat:{room}"), None).await;
    let mut bens = site.listen(ben, &format!("chat_me:{ben}"), None).await;
    let seen = site.given(ann, &of_room(&room)).await;
    let url = json!(format!("/api/v1/chat{seen}"));
    assert_eq!(ear.hear("room.changed").await.1["avatar"], url);
    assert_eq!(bens.hear("room").await.1["room"], json!(room));
    assert_eq!(site.get(ben, &format!("/rooms/{room}")).await["avatar"], url);
    assert_eq!(site.get(ben, "/rooms").await["items"][0]["avatar"], url);
    assert_eq!((site.opens(ben, &seen).await, site.opens(eve, &seen).await), (StatusCode::OK, StatusCode::NOT_FOUND));

    let (_, direct) = site.post(ann, "/rooms/direct", json!({ "person": ben })).await;
    let direct = direct["room"].as_str().expect("an id").to_owned();
    for (who, room, refused) in
        [(ben, &room, StatusCode::FORBIDDEN), (eve, &room, StatusCode::NOT_FOUND), (ann, &direct, StatusCode::CONFLICT)]
    {
        let (status, answer) = site.give(who, &of_room(room), picture(9, 9, ImageFormat::Png)).await;
        assert_eq!(status, refused, "{answer}");
        assert_eq!(site.ask(Some(who), Method::DELETE, &of_room(room), None).await.0, refused);
    }
    assert_eq!(site.opens(ben, &seen).await, StatusCode::OK, "and nothing of all this was done");
    site.post(ben, &format!("/rooms/{room}/leave"), json!({})).await;
    assert_eq!(site.opens(ben, &seen).await, StatusCode::NOT_FOUND, "who left");
    assert_eq!(site.ask(Some(ann), Method::DELETE, &of_room(&room), None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(site.get(ann, &format!("/rooms/{room}")).await["avatar"], Value::Null);
}

#[tokio::test]
async fn another_picture_is_told_to_who_shares_a_room_and_the_old_one_is_gone() {
    let site = Site::new().await;
    let [ann, ben, eve] = site.people().await;
    site.group(&[ann, ben]).await;
    site.group(&[ann, ben]).await;
    let mut ears = [
        site.listen(ann, &format!("chat_me:{ann}"), None).await,
        site.listen(ben, &format!("chat_me:{ben}"), None).await,
    ];
    let mut eves = site.listen(eve, &format!("chat_me:{eve}"), None).await;
    let old = site.given(ann, OWN).await;
    for ear in &mut ears {
        let url = format!("/api/v1/chat{old}");
        assert_eq!(ear.hear("person").await.1, json!({ "type": "person", "person": ann, "avatar": url }));
    }
    let new = site.given(ann, OWN).await;
    assert_ne!(old, new, "what is kept of one address is never another picture");
    assert_eq!((site.opens(ben, &old).await, site.opens(ben, &new).await), (StatusCode::NOT_FOUND, StatusCode::OK));
    for ear in &mut ears {
        assert_eq!(ear.hear("person").await.1["avatar"], json!(format!("/api/v1/chat{new}")));
    }
    site.ended("chat.clear").await;
    assert_eq!((site.objects(), site.rows("chat_avatars").await), (1, 1));

    for _ in 0..2 {
        assert_eq!(site.ask(Some(ann), Method::DELETE, OWN, None).await.0, StatusCode::NO_CONTENT);
    }
    for ear in &mut ears {
        assert_eq!(ear.hear("person").await.1["avatar"], Value::Null);
    }
    assert_eq!(site.opens(ben, &new).await, StatusCode::NOT_FOUND);
    site.ended("chat.clear").await;
    assert_eq!((site.objects(), site.rows("chat_avatars").await, site.rows("chat_faces").await), (0, 0, 0));
    // Who shares no room with her heard nothing: what it hears first is what came after.
    site.group(&[ben, eve]).await;
    assert_eq!(eves.next().await.expect("open").1["type"], "room");
}

#[tokio::test]
async fn two_pictures_at_once_leave_one() {
    let site = Site::new().await;
    let [ann] = site.people().await;
    let small = || picture(9, 9, ImageFormat::Png);
    let both = tokio::join!(site.give(ann, OWN, small()), site.give(ann, OWN, small()));
    assert_eq!((both.0.0, both.1.0), (StatusCode::OK, StatusCode::OK));
    site.ended("chat.clear").await;
    let shown = site.get(ann, OWN).await;
    assert!(shown == both.0.1 || shown == both.1.1, "{shown}");
    assert_eq!(site.opens(ann, &path(&shown["avatar"])).await, StatusCode::OK);
    assert_eq!((site.objects(), site.rows("chat_avatars").await), (1, 1));
}

#[tokio::test]
async fn who_is_gone_has_no_picture_and_a_deleted_account_leaves_none() {
    let site = Site::new().await;
    let [ann, ben, cem] = site.people().await;
    let room = site.group(&[ann, ben, cem]).await;
    let mut ear = site.listen(ann, &format!("chat_me:{ann}"), None).await;
    let mut pictures = Vec::new();
    for who in [ben, cem] {
        pictures.push(site.given(who, OWN).await);
        assert_eq!(ear.hear("person").await.1["person"], json!(who));
    }
    site.ctx.identity.ban(Actor::Admin, ben, None, "spam").await.expect("banned");
    site.ctx.identity.delete_person(Actor::Admin, cem).await.expect("deleted");
    let shown = site.get(ann, &format!("/rooms/{room}")).await;
    for (who, seen) in [ben, cem].into_iter().zip(&pictures) {
        assert_eq!(of_person(&shown, "people", who), &Value::Null);
        assert_eq!(site.opens(ann, seen).await, StatusCode::NOT_FOUND);
    }
    assert_eq!(ear.hear("person").await.1, json!({ "type": "person", "person": cem, "avatar": null }));
    site.ended("chat.clear").await;
    assert_eq!((site.objects(), site.rows("chat_avatars").await), (1, 1), "who is banned may come back");
    // One that was on its way meanwhile.
    let (status, _) = site.give(cem, OWN, picture(9, 9, ImageFormat::Png)).await;
    assert_eq!((status, site.rows("chat_faces").await), (StatusCode::FORBIDDEN, 1));
    site.ctx.identity.unban(Actor::Admin, ben).await.expect("lifted");
    assert_eq!(site.opens(ann, &pictures[0]).await, StatusCode::OK);
}

#[tokio::test]
async fn what_nobody_is_shown_is_removed() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    // The disk refuses: a file stands where the folder would be.
    let folder = site.dir.path().join("objects/chat");
    std::fs::write(&folder, b"").expect("written");
    let (status, _) = site.give(ann, OWN, picture(9, 9, ImageFormat::Png)).await;
    assert_eq!((status, site.rows("chat_avatars").await), (StatusCode::SERVICE_UNAVAILABLE, 1));
    assert_eq!(site.get(ann, OWN).await["avatar"], Value::Null);
    std::fs::remove_file(&folder).expect("removed");
    site.clock.advance(limits::CHAT_FILE_WAITS_MS);
    site.run("chat.clear").await;
    assert_eq!(site.rows("chat_avatars").await, 0);

    let room = site.group(&[ann, ben]).await;
    let seen = site.given(ann, &of_room(&room)).await;
    assert_eq!(site.ask(Some(ann), Method::DELETE, &format!("/rooms/{room}"), None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(site.opens(ann, &seen).await, StatusCode::NOT_FOUND, "at once");
    site.ended("chat.sweep").await;
    site.ended("chat.clear").await;
    assert_eq!((site.objects(), site.rows("chat_avatars").await, site.rows("chat_faces").await), (0, 0, 0));
}
