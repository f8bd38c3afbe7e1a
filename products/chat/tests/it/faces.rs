//! A picture of somebody with many roommates is told in portions, and nothing else waits for that.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use identity::{By, Caller, Role};
use image::ImageFormat;
use jobs::NewJob;
use kernel::{PersonId, limits};
use serde_json::{Value, json};

use crate::files::picture;
use crate::support::Site;

const TELL: &str = "chat.faces";

impl Site {
    /// Gives somebody a picture: its address.
    async fn shows_face(&self, who: PersonId) -> Value {
        let caller = Caller::Person { id: who, role: Role::Member, by: By::Token };
        let request = Request::post("/api/v1/chat/avatar").header("content-type", "image/png").extension(caller);
        let request = request.body(Body::from(picture(40, 30, ImageFormat::Png))).expect("a request");
        let (head, body) = self.raw(request).await;
        assert_eq!(head.status, StatusCode::OK);
        serde_json::from_slice::<Value>(&body).expect("JSON")["avatar"].clone()
    }

    /// So many people who share a room with somebody, in the order of their ids.
    async fn roommates(&self, who: PersonId, many: usize) -> Vec<PersonId> {
        let mut people: Vec<PersonId> = (0..many).map(|_| PersonId::new(&self.clock, &self.ctx.entropy)).collect();
        people.sort_by_key(ToString::to_string);
        let rooms: Vec<(String, Vec<String>)> = people
            .chunks(90)
            .map(|some| {
                let room = kernel::id::RoomId::new(&self.clock, &self.ctx.entropy).to_string();
                (room, some.iter().chain([&who]).map(ToString::to_string).collect())
            })
            .collect();
        let fill = async move |tx: &mut store::Tx| {
            for (room, members) in &rooms {
                for person in members {
                    let sql = "INSERT INTO chat_members
                         (room, person, role, joined_at_ms, read_seq, delivered_seq, muted_until_ms, archived)
                         VALUES ($1, $2, 'member', 0, 0, 0, 0, 0)";
                    tx.execute(sql, store::params![room.as_str(), person.as_str()]).await?;
                }
            }
            Ok::<_, store::StoreError>(())
        };
        self.ctx.store.write(fill).await.expect("written");
        people
    }
}

#[tokio::test]
async fn everybody_is_told_in_portions_and_the_next_process_goes_on_where_the_last_one_stopped() {
    let site = Site::new().await;
    let [ann] = site.people().await;
    let many = 2 * limits::PAGE + 50;
    let others = site.roommates(ann, many).await;
    let mut first = site.listen(others[0], &channel(others[0]), None).await;
    let mut last = site.listen(others[many - 1], &channel(others[many - 1]), None).await;
    let url = site.shows_face(ann).await;
    for ear in [&mut first, &mut last] {
        assert_eq!(ear.hear("person").await.1, json!({ "type": "person", "person": ann, "avatar": url }));
    }
    site.ended(TELL).await;
    let jobs = site.jobs(TELL).await;
    assert_eq!(jobs.len(), 3, "a job a portion: {jobs:?}");

    // The process that told the first portion is gone, and so is all that it knew: the second one is in the store.
    let event = jobs[0].event_position.expect("of an event");
    let site = site.restart().await;
    let page = json!({ "page": 1, "after": others[limits::PAGE - 1] });
    let mut first = site.listen(others[0], &channel(others[0]), None).await;
    let mut last = site.listen(others[many - 1], &channel(others[many - 1]), None).await;
    let (engine, job) = (site.ctx.jobs.clone(), NewJob::dynamic(TELL, "chat", &page).event(event));
    let enqueued = site.ctx.store.write(async move |tx| engine.enqueue(tx, job.in_order(ann.to_string())).await).await;
    enqueued.expect("enqueued");
    assert_eq!(last.hear("person").await.1["avatar"], url);
    site.ended(TELL).await;
    assert_eq!(site.jobs(TELL).await.len(), 5, "two portions were left");
    // What the first one hears first is what comes after.
    assert_eq!(site.ask(Some(ann), Method::DELETE, "/avatar", None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(first.hear("person").await.1["avatar"], Value::Null, "it was told before");
}

#[tokio::test]
async fn a_picture_that_was_replaced_meanwhile_is_told_to_nobody() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let mut bens = site.listen(ben, &channel(ben), None).await;
    site.ctx.jobs.pause(jobs::policy::Pausable::Kind, TELL).await.expect("paused");
    let old = site.shows_face(ann).await;
    let new = site.shows_face(ann).await;
    // Nobody is told yet, and what is said reaches everybody's list all the same.
    let seq = site.say(ann, &room, "look at me").await;
    assert_eq!(bens.hear("message").await.1["seq"], json!(seq));
    site.ctx.jobs.resume(jobs::policy::Pausable::Kind, TELL).await.expect("resumed");
    let told = bens.hear("person").await.1;
    assert_ne!(old, new);
    assert_eq!(told["avatar"], new, "and never the one before");
}

fn channel(who: PersonId) -> String {
    format!("chat_me:{who}")
}
