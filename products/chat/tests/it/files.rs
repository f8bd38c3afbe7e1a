//! Files: sent, shown, opened by whoever may, and gone.

use axum::body::Body;
use axum::http::request::Builder;
use axum::http::response::Parts;
use axum::http::{Method, Request, StatusCode, header};
use bytes::Bytes;
use identity::people::Actor;
use identity::{By, Caller, Role};
use image::metadata::Orientation;
use image::{ImageDecoder, ImageFormat, ImageReader, Rgb, RgbImage};
use kernel::{PersonId, limits};
use serde_json::{Value, json};

use crate::support::Site;

/// What a camera wrote into a picture.
pub(crate) const PLACE: &[u8] = b"52.5200N 13.4050E";

fn by(who: PersonId, method: Method, path: &str) -> Builder {
    let caller = Caller::Person { id: who, role: Role::Member, by: By::Token };
    Request::builder().method(method).uri(format!("/api/v1/chat{path}")).extension(caller)
}

/// A picture of this size, dark on the left and bright on the right.
pub(crate) fn picture(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let bright = |x, _| if x < width / 2 { Rgb([20, 20, 20]) } else { Rgb([230, 230, 230]) };
    let mut bytes = std::io::Cursor::new(Vec::new());
    RgbImage::from_fn(width, height, bright).write_to(&mut bytes, format).expect("written");
    bytes.into_inner()
}

/// A JPEG as a camera makes it that lies on its side: it says so, and where it was.
pub(crate) fn photo(width: u32, height: u32) -> Vec<u8> {
    let tiff = [b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0", PLACE].concat();
    let exif = [b"Exif\0\0", &tiff[..]].concat();
    let length = u16::try_from(exif.len() + 2).expect("small").to_be_bytes();
    let plain = picture(width, height, ImageFormat::Jpeg);
    [&plain[..2], b"\xff\xe1", &length, &exif, &plain[2..], PLACE].concat()
}

fn wav(seconds: u32) -> Vec<u8> {
    let body = vec![0; 1_000 * seconds as usize];
    let size = |bytes: usize| u32::try_from(bytes).expect("small").to_le_bytes();
    let fmt = [1, 0, 1, 0, 0xe8, 3, 0, 0, 0xe8, 3, 0, 0, 1, 0, 8, 0];
    [b"RIFF", &size(body.len() + 36)[..], b"WAVEfmt ", &size(16), &fmt, b"data", &size(body.len()), &body].concat()
}

impl Site {
    pub(crate) async fn upload(&self, who: PersonId, room: &str, query: &str, bytes: Vec<u8>) -> (StatusCode, Value) {
        // A minute later: a share is another test's.
        self.clock.advance(60_000);
        let request = by(who, Method::POST, &format!("/rooms/{room}/files?{query}"));
        let (head, body) = self.raw(request.body(Body::from(bytes)).expect("a request")).await;
        (head.status, serde_json::from_slice(&body).unwrap_or_default())
    }

    /// A file that is taken: its description.
    async fn sent(&self, who: PersonId, room: &str, name: &str, bytes: Vec<u8>) -> Value {
        let (status, answer) = self.upload(who, room, &format!("name={name}"), bytes).await;
        assert_eq!(status, StatusCode::CREATED, "{answer}");
        answer["file"].clone()
    }

    async fn say_with(&self, who: PersonId, room: &str, file: &Value) -> (StatusCode, Value) {
        let body = json!({ "client_id": kernel::Entropy::system().token(8), "file_id": file["id"] });
        self.post(who, &format!("/rooms/{room}/messages"), body).await
    }

    pub(crate) async fn open(&self, who: PersonId, path: &str) -> (Parts, Bytes) {
        self.raw(by(who, Method::GET, path).body(Body::empty()).expect("a request")).await
    }

    pub(crate) async fn opens(&self, who: PersonId, path: &str) -> StatusCode {
        self.open(who, path).await.0.status
    }

    /// Objects in the directory, those on their way included. The lock beside them is none.
    pub(crate) fn objects(&self) -> usize {
        fn files(folder: &std::path::Path) -> usize {
            let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
            entries.map(|path| if path.is_dir() { files(&path) } else { usize::from(!path.ends_with(".lock")) }).sum()
        }
        files(&self.dir.path().join("objects"))
    }
}

fn path(file: &Value, end: &str) -> String {
    format!("/files/{}{end}", file["id"].as_str().expect("an id"))
}

pub(crate) fn says(head: &Parts, name: header::HeaderName) -> &str {
    head.headers.get(name).map_or("", |value| value.to_str().expect("text"))
}

/// A film as a telephone makes it, which says where it was.
fn film() -> Vec<u8> {
    let boxed = |name: &[u8; 4], body: &[u8]| {
        [&u32::try_from(body.len() + 8).expect("small").to_be_bytes()[..], name, body].concat()
    };
    let handler = boxed(b"hdlr", &[&[0; 8], &b"vide"[..], &[0; 12]].concat());
    let place = boxed(b"udta", &boxed(b"\xa9xyz", PLACE));
    let moov = [boxed(b"trak", &boxed(b"mdia", &handler)), place].concat();
    [boxed(b"ftyp", b"isom\0\0\0\0"), boxed(b"moov", &moov), boxed(b"mdat", b"what it shows")].concat()
}

#[tokio::test]
async fn a_film_tells_nobody_where_it_was_either() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let film = film();
    let file = site.sent(ann, &room, "film.mp4", film.clone()).await;
    assert_eq!((&file["mime"], &file["bytes"]), (&json!("video/mp4"), &json!(film.len())));
    let (status, _) = site.say_with(ann, &room, &file).await;
    assert_eq!(status, StatusCode::CREATED);
    let (_, bytes) = site.open(ben, &path(&file, "")).await;
    let holds = |bytes: &[u8], what: &[u8]| bytes.windows(what.len()).any(|window| window == what);
    assert!(holds(&film, PLACE) && !holds(&bytes, PLACE));
    assert!(bytes.len() == film.len() && bytes.ends_with(b"what it shows"));
}

#[tokio::test]
async fn a_photo_is_there_at_once_upright_and_tells_nobody_where_it_was() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let file = site.sent(ann, &room, "photo.jpg", photo(1_600, 800)).await;
    assert_eq!(
        (&file["kind"], &file["mime"], &file["name"]),
        (&json!("image"), &json!("image/jpeg"), &json!("photo.jpg"))
    );
    assert_eq!((&file["width"], &file["height"]), (&json!(800), &json!(1_600)), "as it is shown");

    let (status, message) = site.say_with(ann, &room, &file).await;
    assert_eq!((status, &message["file"], &message["content"]), (StatusCode::CREATED, &file, &json!("")));
    let (head, bytes) = site.open(ben, &path(&file, "")).await;
    assert_eq!((head.status, bytes.len() as u64), (StatusCode::OK, file["bytes"].as_u64().expect("a size")));
    assert!(says(&head, header::CONTENT_DISPOSITION).starts_with("inline"));
    let (_, small) = site.open(ben, &path(&file, "/preview")).await;
    for bytes in [&bytes, &small] {
        assert!(!bytes.windows(PLACE.len()).any(|it| it == PLACE), "neither in it nor behind its end");
    }
    let mut decoder = ImageReader::with_format(std::io::Cursor::new(&bytes[..]), ImageFormat::Jpeg)
        .into_decoder()
        .expect("a picture");
    assert_eq!((decoder.dimensions(), decoder.orientation().expect("read")), ((1_600, 800), Orientation::Rotate90));
    let shown = image::load_from_memory(&small).expect("a picture").to_rgb8();
    assert_eq!(shown.dimensions(), (320, 640));
    // Turned to the right, what was on the left is at the top.
    assert!(shown.get_pixel(160, 20).0[0] < 60 && shown.get_pixel(160, 620).0[0] > 190);
}

#[tokio::test]
async fn pictures_of_every_form_are_shown_and_what_one_sees_through_stays_so() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    for (format, mime) in
        [(ImageFormat::Png, "image/png"), (ImageFormat::Gif, "image/gif"), (ImageFormat::WebP, "image/webp")]
    {
        let file = site.sent(ann, &room, "x", picture(700, 70, format)).await;
        assert_eq!((&file["mime"], &file["width"]), (&json!(mime), &json!(700)));
        let (head, small) = site.open(ann, &path(&file, "/preview")).await;
        assert_eq!(says(&head, header::CONTENT_TYPE), "image/jpeg");
        assert_eq!(image::load_from_memory(&small).expect("a picture").width(), 640);
        let (_, whole) = site.open(ann, &path(&file, "")).await;
        assert_eq!(image::load_from_memory(&whole).expect("a picture").to_rgb8().get_pixel(690, 5).0[0] / 10, 23);
    }
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::RgbaImage::new(10, 10).write_to(&mut bytes, ImageFormat::Png).expect("written");
    let file = site.sent(ann, &room, "x.png", bytes.into_inner()).await;
    let (head, small) = site.open(ann, &path(&file, "/preview")).await;
    assert_eq!(says(&head, header::CONTENT_TYPE), "image/webp");
    let shown = image::load_from_memory(&small).expect("a picture").to_rgba8();
    assert_eq!((shown.dimensions(), shown.get_pixel(5, 5).0[3]), ((10, 10), 0), "and is not made larger");
}

#[tokio::test]
async fn a_file_opens_to_members_of_its_room_and_to_nobody_else() {
    let site = Site::new().await;
    let [ann, ben, eve] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let file = site.sent(ann, &room, "notes.txt", b"between us".to_vec()).await;
    let links = [path(&file, ""), path(&file, "/preview"), path(&file, "/link")];
    assert_eq!(site.opens(ben, &links[0]).await, StatusCode::NOT_FOUND, "it is in no message yet");
    assert_eq!(site.opens(ann, &links[0]).await, StatusCode::OK);
    let mut ear = site.listen(ben, &format!("chat:{room}"), None).await;
    site.say_with(ann, &room, &file).await;
    assert_eq!(ear.hear("message.sent").await.1["body"]["file"], file);
    assert_eq!(site.open(ben, &links[0]).await.1, "between us");

    let missing = "/files/fil_00000000000000000000000000";
    let (_, nothing) = site.ask(Some(eve), Method::GET, missing, None).await;
    for link in &links {
        let method = if link.ends_with("/link") { Method::POST } else { Method::GET };
        let found = site.ask(Some(eve), method.clone(), link, None).await;
        assert_eq!(found, (StatusCode::NOT_FOUND, nothing.clone()), "{link}");
        assert_eq!(site.ask(None, method, link, None).await.0, StatusCode::UNAUTHORIZED);
    }
    site.post(ben, &format!("/rooms/{room}/leave"), json!({})).await;
    assert_eq!(site.opens(ben, &links[0]).await, StatusCode::NOT_FOUND, "who left");
    assert_eq!(site.opens(ann, "/files/..%2f..%2fmainspring.key").await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_file_is_of_one_message_of_its_sender_in_its_room() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let (room, other) = (site.group(&[ann, ben]).await, site.group(&[ann, ben]).await);
    let file = site.sent(ann, &room, "notes.txt", b"x".to_vec()).await;
    for (who, room) in [(ben, &room), (ann, &other)] {
        let (status, answer) = site.say_with(who, room, &file).await;
        assert_eq!((status, &answer["errors"][0]["pointer"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("file_id")));
    }
    let messages = format!("/rooms/{room}/messages");
    let body = json!({ "client_id": "once", "file_id": file["id"], "content": "look" });
    let (status, first) = site.post(ann, &messages, body.clone()).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(site.post(ann, &messages, body).await, (StatusCode::OK, first), "a retry is the same message");
    assert_eq!(site.say_with(ann, &room, &file).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(site.say_with(ann, &room, &json!({ "id": "../x" })).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    let (status, _) = site.post(ann, &messages, json!({ "client_id": "empty", "content": "" })).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "without a file there is text");
    let said = site.get(ben, &messages).await;
    assert_eq!(said["items"].as_array().map(Vec::len), Some(1), "nothing of what was refused is there: {said}");
    let found = site.get(ben, "/search?q=look").await;
    assert_eq!(found["items"][0]["file"], file);
    let rooms = site.get(ben, "/rooms").await;
    let line = rooms["items"].as_array().expect("rooms").iter().find(|line| line["room"] == json!(room)).cloned();
    assert_eq!(line.expect("in the list")["last_message"]["file"], "file");
}

#[tokio::test]
async fn what_could_run_or_would_cost_too_much_is_refused() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    // A picture of 60,000 by 60,000, as its first bytes say.
    let mut bomb = picture(8, 8, ImageFormat::Png);
    bomb[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    let crc = checksum(&bomb[12..29]);
    bomb[29..33].copy_from_slice(&crc);
    let mut cut = picture(800, 800, ImageFormat::Png);
    cut.truncate(cut.len() / 2);
    for (name, bytes) in [
        ("photo.jpg", b"<html><script>alert(1)</script>".to_vec()),
        ("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec()),
        ("setup.pdf", b"MZ\x90\0\x03".to_vec()),
        ("bomb.png", bomb),
        ("cut.png", cut),
        ("none.jpg", b"\xff\xd8\xff\xe0 and nothing".to_vec()),
        ("empty", Vec::new()),
    ] {
        let (status, answer) = site.upload(ann, &room, &format!("name={name}"), bytes).await;
        assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{name}: {answer}");
    }
    let large = vec![b'a'; limits::CHAT_FILE_BYTES + 1];
    assert_eq!(site.upload(ann, &room, "name=a.txt", large).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    let (status, answer) = site.upload(ann, &room, "name=a.wav", wav(122)).await;
    assert_eq!((status, &answer["errors"][0]["pointer"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("duration_ms")));
    assert_eq!((site.rows("chat_files").await, site.objects()), (0, 0), "and nothing is kept of it");

    let file = site.upload(ann, &room, "name=a.wav&duration_ms=5", wav(7)).await.1["file"].clone();
    assert_eq!((&file["kind"], &file["duration_ms"]), (&json!("audio"), &json!(7_000)), "what it says itself counts");
}

/// The checksum of a chunk of PNG, bit by bit.
pub(crate) fn checksum(bytes: &[u8]) -> [u8; 4] {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    (!crc).to_be_bytes()
}

#[tokio::test]
async fn what_is_opened_is_sealed_and_comes_in_parts() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let text: Vec<u8> = (0..700_000u32).map(|n| b'a' + u8::try_from(n % 26).expect("small")).collect();
    let file = site.sent(ann, &room, "%C3%BCber%20%22us%22%0d%0a.html", text.clone()).await;
    assert_eq!(file["name"], "über \"us\".html.txt");
    let (head, whole) = site.open(ann, &path(&file, "")).await;
    assert_eq!(whole, text, "in pieces, and all of it");
    assert_eq!(says(&head, header::CONTENT_TYPE), "text/plain; charset=utf-8");
    assert_eq!(says(&head, header::CONTENT_DISPOSITION), "attachment; filename*=UTF-8''%C3%BCber%20%22us%22.html.txt");
    assert_eq!(says(&head, header::X_CONTENT_TYPE_OPTIONS), "nosniff");
    let policy = says(&head, header::CONTENT_SECURITY_POLICY);
    assert!(policy.contains("default-src 'none'") && policy.contains("sandbox"), "{policy}");
    assert!(says(&head, header::CACHE_CONTROL).contains("private"));
    let etag = says(&head, header::ETAG).to_owned();

    let ask = async |headers: &[(header::HeaderName, &str)]| {
        let request = by(ann, Method::GET, &path(&file, ""));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, *value));
        site.raw(request.body(Body::empty()).expect("a request")).await
    };
    let (head, part) = ask(&[(header::RANGE, "bytes=300000-599999")]).await;
    assert_eq!((head.status, &part[..]), (StatusCode::PARTIAL_CONTENT, &text[300_000..600_000]));
    assert_eq!(says(&head, header::CONTENT_RANGE), "bytes 300000-599999/700000");
    assert_eq!(ask(&[(header::RANGE, "bytes=700000-")]).await.0.status, StatusCode::RANGE_NOT_SATISFIABLE);
    let (head, all) = ask(&[(header::RANGE, "bytes=0-9"), (header::IF_RANGE, "\"another\"")]).await;
    assert_eq!((head.status, all.len()), (StatusCode::OK, text.len()));
    let (head, none) = ask(&[(header::IF_NONE_MATCH, &etag)]).await;
    assert_eq!((head.status, none.len()), (StatusCode::NOT_MODIFIED, 0));
}

#[tokio::test]
async fn a_link_is_good_for_a_quarter_of_an_hour_and_for_what_its_maker_may() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let file = site.sent(ann, &room, "notes.txt", b"between us".to_vec()).await;
    let other = site.sent(ann, &room, "other.txt", b"other".to_vec()).await;
    for file in [&file, &other] {
        site.say_with(ann, &room, file).await;
    }
    let made = site.ask(Some(ben), Method::POST, &path(&file, "/link"), None).await.1;
    let url = made["url"].as_str().expect("a link").to_owned();
    let open = async |url: &str| {
        let (head, body) = site.raw(Request::get(url).body(Body::empty()).expect("a request")).await;
        (head.status, body)
    };
    assert_eq!(open(&url).await, (StatusCode::OK, Bytes::from_static(b"between us")));
    let id = |file: &Value| file["id"].as_str().expect("an id").to_owned();
    let later = made["expires_at_ms"].as_i64().expect("a time");
    let last = if url.ends_with('0') { "1" } else { "0" };
    for forged in [
        url.replace(&id(&file), &id(&other)),
        url.replace(&later.to_string(), &(later + 1).to_string()),
        format!("{}{last}", &url[..url.len() - 1]),
        format!("{}signature=", url.split("signature=").next().expect("a beginning")),
        format!("{}signature=zz", url.split("signature=").next().expect("a beginning")),
    ] {
        assert_eq!(open(&forged).await.0, StatusCode::NOT_FOUND, "{forged}");
    }
    site.clock.advance(later - site.clock.now_ms());
    assert_eq!(open(&url).await.0, StatusCode::OK, "until then");
    site.clock.advance(later + 1 - site.clock.now_ms());
    assert_eq!(open(&url).await.0, StatusCode::NOT_FOUND);

    let made = site.ask(Some(ben), Method::POST, &path(&file, "/link"), None).await.1;
    let url = made["url"].as_str().expect("a link").to_owned();
    site.post(ben, &format!("/rooms/{room}/leave"), json!({})).await;
    assert_eq!(open(&url).await.0, StatusCode::NOT_FOUND, "its maker left");

    let made = site.ask(Some(ann), Method::POST, &path(&file, "/link"), None).await.1;
    let url = made["url"].as_str().expect("a link").to_owned();
    assert_eq!(open(&url).await.0, StatusCode::OK);
    site.ctx.identity.sign_out_everywhere(Actor::Person(ann), ann).await.expect("signed out");
    assert_eq!(open(&url).await.0, StatusCode::NOT_FOUND, "its maker signed out");
    let made = site.ask(Some(ann), Method::POST, &path(&file, "/link"), None).await.1;
    let url = made["url"].as_str().expect("a link").to_owned();
    site.ctx.identity.ban(Actor::Admin, ann, None, "").await.expect("banned");
    assert_eq!(open(&url).await.0, StatusCode::NOT_FOUND, "its maker is banned");
}
