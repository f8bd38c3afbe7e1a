//! What links lead to: shown to members, asked for once, and never asked of what only this machine or its neighbours reach.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use axum::http::{Method, StatusCode, header};
use image::ImageFormat;
use jobs::policy::Pausable;
use kernel::limits;
use outbound::{Looked, Lookup, Settings};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::files::picture;
use crate::support::{Outside, Site};

/// A neighbour that nobody outside reaches: on Linux all of 127/8 is this machine, of which the tests let one address be public.
const INSIDE: &str = "127.0.0.2";

/// A web of one server, at an address that counts as public or at one that does not.
struct Web {
    address: SocketAddr,
    answers: Arc<Mutex<HashMap<String, Vec<u8>>>>,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Web {
    async fn at(ip: &str, port: u16) -> Self {
        let listener = TcpListener::bind((ip, port)).await.expect("a port");
        let web = Self {
            address: listener.local_addr().expect("an address"),
            answers: Arc::default(),
            heard: Arc::default(),
        };
        let (answers, heard) = (web.answers.clone(), web.heard.clone());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (answers, heard) = (answers.clone(), heard.clone());
                tokio::spawn(async move {
                    let mut said = Vec::new();
                    while stream.read_buf(&mut said).await.is_ok_and(|n| n > 0) {
                        if !said.ends_with(b"\r\n\r\n") {
                            continue;
                        }
                        let text = String::from_utf8_lossy(&std::mem::take(&mut said)).into_owned();
                        let path = text.split(' ').nth(1).unwrap_or_default().to_owned();
                        heard.lock().expect("a lock").push(path.clone());
                        let answer = answers.lock().expect("a lock").get(&path).cloned();
                        let answer = answer.unwrap_or_else(|| b"HTTP/1.1 404 X\r\ncontent-length: 0\r\n\r\n".to_vec());
                        // Whoever has had enough is gone.
                        let _ = stream.write_all(&answer).await;
                    }
                });
            }
        });
        web
    }

    fn has(&self, path: &str, status: u16, headers: &str, body: &[u8]) {
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
        self.answers.lock().expect("a lock").insert(path.to_owned(), [head.as_bytes(), body].concat());
    }

    fn page(&self, path: &str, html: &str) {
        self.has(path, 200, "content-type: text/html; charset=utf-8\r\n", html.as_bytes());
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("a lock").clone()
    }
}

/// Answers each lookup with the next address; the last one stays.
struct Names(Mutex<VecDeque<IpAddr>>);

impl Lookup for Names {
    fn addresses(&self, _: &str) -> Looked {
        let mut answers = self.0.lock().expect("a lock");
        let found = if answers.len() > 1 { answers.pop_front() } else { answers.front().copied() };
        Box::pin(async move { found.map(|ip| vec![ip]).ok_or_else(|| io::ErrorKind::NotFound.into()) })
    }
}

/// A site from which 127.0.0.1 is public, and every name leads to these in turn.
async fn site(names: &[&str]) -> Site {
    let lookup = Names(Mutex::new(names.iter().map(|ip| ip.parse().expect("an address")).collect()));
    let allow_private = vec!["127.0.0.1/32".parse().expect("a network")];
    let outbound = Settings { allow_private, lookup: Arc::new(lookup), ..Settings::default() };
    Site::with(Outside { outbound, ..Outside::default() }).await
}

#[tokio::test]
async fn what_a_link_leads_to_is_shown_to_the_room_and_asked_for_once() {
    let (site, web) = (site(&["127.0.0.1"]).await, Web::at("127.0.0.1", 0).await);
    let [ann, ben, eve] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    web.has("/old", 302, "location: /page?x=1#part\r\n", b"");
    let html =
        "<title>Plain</title><meta property='og:title' content='A &amp;amp; B'><meta property=og:image content=p.png>";
    web.page("/page?x=1", html);
    web.has("/p.png", 200, "content-type: text/plain\r\n", &picture(1_000, 500, ImageFormat::Png));
    let mut ear = site.listen(ben, &format!("chat:{room}"), None).await;
    let seq = site.say(ann, &room, &format!("look: {}.", web.url("/old"))).await;
    let (_, told) = ear.hear("message.previewed").await;
    assert_eq!((&told["message"], &told["by"], &told["body"]["seq"]), (&json!(seq), &json!(ann), &json!(seq)));
    let preview = &told["body"]["previews"][0];
    let id = preview["id"].as_str().expect("an id");
    let expected = json!({ "id": id, "url": web.url("/old"), "title": "A &amp; B", "description": null, "site": null, "image": true });
    assert_eq!(preview, &expected, "text, and no markup");
    assert_eq!(site.get(ben, &format!("/rooms/{room}/messages/{seq}")).await["previews"], told["body"]["previews"]);

    let path = format!("/previews/{id}/image");
    let (head, bytes) = site.open(ben, &path).await;
    assert_eq!(
        (head.status, &head.headers[header::CONTENT_TYPE]),
        (StatusCode::OK, &"image/jpeg".parse().expect("a value"))
    );
    assert_eq!(image::load_from_memory(&bytes).expect("a picture").width(), 640, "ours, and not the server's");
    assert_eq!(site.opens(eve, &path).await, StatusCode::NOT_FOUND);
    assert_eq!(site.ask(None, Method::GET, &path, None).await.0, StatusCode::UNAUTHORIZED);

    let other = site.group(&[ben, ann]).await;
    let mut ear = site.listen(ben, &format!("chat:{other}"), None).await;
    site.say(ann, &other, &web.url("/old")).await;
    let again = ear.hear("message.previewed").await.1["body"]["previews"][0].clone();
    assert_eq!(web.heard(), ["/old", "/page?x=1", "/p.png"], "it is known for a day");
    assert_ne!(again["id"], preview["id"], "and each message has its own");
    site.clock.advance(limits::CHAT_LINK_KNOWN_MS);
    site.run("chat.clear").await;
    assert_eq!((site.rows("chat_links").await, site.objects()), (0, 2));

    let (status, _) = site.ask(Some(ann), Method::DELETE, &format!("/rooms/{room}/messages/{seq}"), None).await;
    assert_eq!((status, site.opens(ben, &path).await), (StatusCode::NO_CONTENT, StatusCode::NOT_FOUND));
    let path = format!("/previews/{}/image", again["id"].as_str().expect("an id"));
    assert_eq!(site.opens(ben, &path).await, StatusCode::OK, "the other one stays");
    site.ended("chat.clear").await;
    assert_eq!((site.rows("chat_previews").await, site.objects()), (1, 1));
    assert_eq!(site.rows("chat_pictures").await, 1);
}

/// Says something with a link, and waits until it was looked up: what is shown then.
async fn previews(site: &Site, text: &str) -> Value {
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let seq = site.say(ann, &room, text).await;
    site.ended("chat.preview").await;
    site.get(ben, &format!("/rooms/{room}/messages/{seq}")).await["previews"].clone()
}

#[tokio::test]
async fn nothing_inside_is_asked_however_it_is_written() {
    let site = site(&[INSIDE]).await;
    let inside = Web::at(INSIDE, 0).await;
    inside.page("/", "<title>secret</title>");
    inside.page("/secret", "<title>secret</title>");
    let port = inside.address.port();
    let outside = Web::at("127.0.0.1", 0).await;
    outside.has("/to-inside", 302, &format!("location: http://{INSIDE}:{port}/secret\r\n"), b"");
    outside.has("/to-mapped", 301, &format!("location: http://[::ffff:{INSIDE}]:{port}/secret\r\n"), b"");
    outside.has("/to-name", 307, &format!("location: //inside.test:{port}/secret\r\n"), b"");
    outside.has("/to-file", 302, "location: file:///etc/passwd\r\n", b"");
    outside.has("/round", 302, "location: /round\r\n", b"");
    outside.page(
        "/picture",
        &format!("<title>shown</title><meta property=og:image content='http://{INSIDE}:{port}/secret'>"),
    );
    for url in [
        format!("http://{INSIDE}:{port}/"),
        format!("http://[::ffff:{INSIDE}]:{port}/"),
        format!("http://[::ffff:7f00:2]:{port}/"),
        format!("http://0x7f000002:{port}/"),
        format!("http://2130706434:{port}/"),
        format!("http://inside.test:{port}/"),
        format!("http://me:secret@127.0.0.1:{port}/"),
        outside.url("/to-inside"),
        outside.url("/to-mapped"),
        outside.url("/to-name"),
        outside.url("/to-file"),
        outside.url("/round"),
    ] {
        assert_eq!(previews(&site, &url).await, json!([]), "{url}");
    }
    let shown = previews(&site, &outside.url("/picture")).await;
    assert_eq!((&shown[0]["title"], &shown[0]["image"]), (&json!("shown"), &json!(false)));
    assert!(inside.heard().is_empty(), "{:?}", inside.heard());
    let rounds = outside.heard().iter().filter(|path| *path == "/round").count();
    assert_eq!(rounds, limits::CHAT_PAGE_REDIRECTS + 1);
}

#[tokio::test]
async fn a_name_that_changes_its_answer_leads_nowhere() {
    // The page is public when its name is first looked up; its picture, by the same name at another port, is inside by then.
    let site = site(&["127.0.0.1", INSIDE]).await;
    let (outside, inside) = (Web::at("127.0.0.1", 0).await, Web::at(INSIDE, 0).await);
    let there = format!("http://two.test:{}/p.png", inside.address.port());
    outside.page("/", &format!("<title>two faces</title><meta property=og:image content='{there}'>"));
    inside.has("/p.png", 200, "", &picture(9, 9, ImageFormat::Png));
    let shown = previews(&site, &format!("http://two.test:{}/", outside.address.port())).await;
    assert_eq!((&shown[0]["title"], &shown[0]["image"]), (&json!("two faces"), &json!(false)));
    assert_eq!((outside.heard().len(), inside.heard().len()), (1, 0));
}

#[tokio::test]
async fn what_is_no_page_or_no_picture_is_no_preview_quietly() {
    let (site, web) = (site(&["127.0.0.1"]).await, Web::at("127.0.0.1", 0).await);
    web.has("/json", 200, "content-type: application/json\r\n", b"<title>no</title>");
    web.has("/error", 500, "content-type: text/html\r\n", b"<title>no</title>");
    web.has("/odd", 200, "content-type: text/html\r\ncontent-encoding: gzip\r\n", b"<title>no</title>");
    let padding = "x".repeat(limits::CHAT_PAGE_BYTES);
    web.page("/late", &format!("<!-- {padding} --><title>no</title>"));
    web.page("/long", &format!("<title>long</title><meta property=og:image content=/large><!-- {padding}{padding}"));
    web.has("/large", 200, "", &vec![0xff; limits::CHAT_PAGE_PICTURE_BYTES + 1]);
    web.page("/svg", "<title>drawn</title><meta property=og:image content=/d.svg>");
    web.has("/d.svg", 200, "content-type: image/png\r\n", b"<svg xmlns='http://www.w3.org/2000/svg'/>");
    let urls = |paths: [&str; 3]| paths.map(|path| web.url(path)).join(" ");
    assert_eq!(previews(&site, &urls(["/json", "/error", "/none"])).await, json!([]));
    assert_eq!(previews(&site, &urls(["/odd", "/late", "/json"])).await, json!([]));
    let shown = previews(&site, &urls(["/long", "/svg", "/json"])).await;
    let shown: Vec<_> = shown.as_array().expect("a list").iter().map(|it| (&it["title"], &it["image"])).collect();
    assert_eq!(shown, [(&json!("long"), &json!(false)), (&json!("drawn"), &json!(false))]);
    assert_eq!(site.objects(), 0);
}

#[tokio::test]
async fn pictures_of_pages_are_of_the_senders_day_known_or_not() {
    let (site, web) = (site(&["127.0.0.1"]).await, Web::at("127.0.0.1", 0).await);
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    web.page("/one", "<title>one</title><meta property=og:image content=/p>");
    web.has("/p", 200, "", &picture(9, 9, ImageFormat::Png));
    let mut ear = site.listen(ben, &format!("chat:{room}"), None).await;
    site.say(ann, &room, &web.url("/one")).await;
    assert_eq!(ear.hear("message.previewed").await.1["body"]["previews"][0]["image"], true);
    let kept = site.objects();
    let sql = "UPDATE chat_sent_bytes SET bytes = $1 WHERE person = $2 AND bytes > 0";
    let ann_text = ann.to_string();
    let fill =
        async move |tx: &mut store::Tx| tx.execute(sql, store::params![limits::CHAT_FILES_DAY_BYTES, &ann_text]).await;
    let filled: Result<u64, store::StoreError> = site.ctx.store.write(fill).await;
    assert_eq!(filled.expect("filled"), 1, "the first one was counted");
    site.say(ann, &room, &web.url("/one")).await;
    let preview = ear.hear("message.previewed").await.1["body"]["previews"][0].clone();
    assert_eq!((&preview["title"], &preview["image"]), (&json!("one"), &json!(false)));
    assert_eq!(site.objects(), kept, "no copy is kept for nothing");
    site.say(ben, &room, &web.url("/one")).await;
    assert_eq!(
        ear.hear("message.previewed").await.1["body"]["previews"][0]["image"],
        true,
        "another's day is another's"
    );
}

#[tokio::test]
async fn what_is_old_is_not_looked_up() {
    let (site, web) = (site(&["127.0.0.1"]).await, Web::at("127.0.0.1", 0).await);
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    site.ctx.jobs.pause(Pausable::Queue, "chat.links").await.expect("paused");
    site.say(ann, &room, &web.url("/one")).await;
    site.clock.advance(limits::CHAT_LOOK_UP_LATE_MS);
    site.ctx.jobs.resume(Pausable::Queue, "chat.links").await.expect("goes on");
    site.ended("chat.preview").await;
    assert!(web.heard().is_empty(), "nobody waits for it any more");
}

#[tokio::test]
async fn another_text_has_other_previews() {
    let (site, web) = (site(&["127.0.0.1"]).await, Web::at("127.0.0.1", 0).await);
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    web.page("/one", "<title>one</title><meta property=og:image content=/p>");
    web.page("/two", "<title>two</title>");
    web.has("/p", 200, "", &picture(9, 9, ImageFormat::Png));
    let mut ear = site.listen(ben, &format!("chat:{room}"), None).await;
    let seq = site.say(ann, &room, &web.url("/one")).await;
    let first = ear.hear("message.previewed").await.1["body"]["previews"][0].clone();
    let picture = format!("/previews/{}/image", first["id"].as_str().expect("an id"));
    assert_eq!((&first["title"], site.opens(ben, &picture).await), (&json!("one"), StatusCode::OK));
    let path = format!("/rooms/{room}/messages/{seq}");
    let edit =
        async |text: String| site.ask(Some(ann), Method::PATCH, &path, Some(&json!({ "content": text }))).await.1;
    let edited = edit(format!("better: {}", web.url("/two"))).await;
    assert_eq!((&edited["previews"], site.opens(ben, &picture).await), (&json!([]), StatusCode::NOT_FOUND));
    assert_eq!(ear.hear("message.previewed").await.1["body"]["previews"][0]["title"], "two");
    assert_eq!(edit(format!("best: {}", web.url("/two"))).await["previews"][0]["title"], "two", "the link is the same");
    assert_eq!(edit("nothing".to_owned()).await["previews"], json!([]));
}
