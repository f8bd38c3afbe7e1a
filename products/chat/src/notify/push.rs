//! From a message to the browsers of those who have not read it: one job a message that finds them, one a browser and room that tells
//! the newest, a little later. Between the two nothing of the message is kept; what it says is read when it is sent.

use std::time::Duration;

use ::store::{StoreError, Tx};
use events::Event;
use host::Ctx;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, StatusCode, Uri};
use jobs::policy::Unique;
use jobs::state::State;
use jobs::{EnqueueError, Failure, Kind, NewJob, Run};
use kernel::limits;
use outbound::{Policy, Request, Response};
use serde::{Deserialize, Serialize};

use super::browsers::{self, Given};
use super::rules::{Standing, reaches};
use super::sealed::{self, Reader};
use super::vapid::{Vapid, draw};
use crate::facts::MessageSent;
use crate::model::FileKind;
use crate::people;
use crate::store::{self, Membership, Message};

/// Finds whom a message is to reach.
pub(crate) const NOTIFY: Kind = Kind::new("chat.notify").on("chat");
/// Tells one browser.
pub(crate) const PUSH: Kind = Kind::new("chat.push")
    .on("chat_push")
    .attempts(limits::CHAT_PUSH_ATTEMPTS)
    .timeout_ms(2 * limits::CHAT_PUSH_TIMEOUT_MS);

/// How long a push service keeps what a browser cannot get at once, seconds (RFC 8030, section 5.2).
const TTL_S: i64 = limits::CHAT_PUSH_NEWS_MS / 1_000;
const TTL: HeaderName = HeaderName::from_static("ttl");
const URGENCY: HeaderName = HeaderName::from_static("urgency");
/// Between two looks when too much waits for a push service, milliseconds.
const BUSY_MS: i64 = 1_000;

/// A job that has not begun tells what is newest when it does.
const WAITING: [State; 3] = [State::Available, State::Scheduled, State::Retryable];

/// The arguments of a push: of this message, or of a newer one.
#[derive(Clone, Serialize, Deserialize)]
struct Parcel {
    browser: i64,
    room: String,
    message: i64,
    /// It is of this very message, which mentions its reader since it was edited.
    #[serde(default)]
    edited: bool,
}

/// What a browser's worker gets.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
struct News<'a> {
    /// `message`: the newest of the room, laid over what is shown of it. `mention`: one that was there before, and mentions its reader
    /// since it was edited; it has a notice of its own.
    r#type: &'a str,
    room: &'a str,
    seq: i64,
    /// The group's name; empty in a direct room.
    room_name: &'a str,
    by: &'a str,
    by_name: &'a str,
    /// Its beginning, or nothing when that is too long.
    content: &'a str,
    /// What was sent with it.
    file: Option<FileKind>,
    at_ms: i64,
    mentions_you: bool,
}

/// What people may be pushed about.
pub(super) struct Occasion {
    pub(super) room: String,
    pub(super) message: i64,
    pub(super) by: String,
    pub(super) mentions: Vec<String>,
    /// Nobody else is told, and these of this very message, once.
    pub(super) mentions_alone: bool,
}

/// The reaction to a message.
pub(crate) async fn notify(ctx: Ctx, event: Event, run: Run) -> Result<(), Failure> {
    let MessageSent { room, message, by, mentions, .. } = event.read().map_err(Failure::discard)?;
    find(ctx, event, run, Occasion { room, message, by, mentions, mentions_alone: false }).await
}

/// Finds the browsers of those who are to hear of it. Where there are none, nothing is written but the job's end.
pub(super) async fn find(ctx: Ctx, event: Event, run: Run, it: Occasion) -> Result<(), Failure> {
    let (now_ms, time_ms) = (ctx.clock.now_ms(), event.time_ms);
    if (it.mentions_alone && it.mentions.is_empty()) || now_ms >= time_ms + limits::CHAT_PUSH_NEWS_MS {
        return Ok(());
    }
    let read = async move |tx: &mut Tx| {
        let mut jobs = Vec::new();
        if !store::settings(tx).await?.notifications {
            return Ok(jobs);
        }
        for (browser, person, muted_until_ms, archived) in
            store::browsers_of(tx, &it.room, (it.message, &it.by)).await?
        {
            let (read, mentioned) = (it.message - 1, it.mentions.contains(&person));
            // Whether mentions pass a mute is asked when it is pushed.
            let reaches = reaches(Standing { read, muted_until_ms, archived }, it.message, mentioned, true, now_ms);
            if reaches && (mentioned || !it.mentions_alone) {
                let parcel = Parcel { browser, room: it.room.clone(), message: it.message, edited: it.mentions_alone };
                let of = if it.mentions_alone { format!(":{}", it.message) } else { String::new() };
                let unique = Unique::by_key(format!("{browser}:{}{of}", it.room)).states(&WAITING);
                let at_ms = now_ms.max(time_ms + limits::CHAT_PUSH_DELAY_MS);
                jobs.push(NewJob::new(PUSH, &parcel).at(at_ms).key(person).unique(unique).event(event.position));
            }
        }
        Ok::<_, StoreError>(jobs)
    };
    let jobs = ctx.store.read(read).await?;
    if jobs.is_empty() {
        return Ok(());
    }
    let ours = ctx.clone();
    let write = async move |tx: &mut Tx| {
        ours.jobs.enqueue_many(tx, jobs).await.map_err(|error| match error {
            EnqueueError::Store(error) => error.into(),
            error => Failure::retry(error),
        })?;
        run.complete(tx).await
    };
    ctx.store.write(write).await
}

/// What there is to tell a browser.
struct Told {
    given: Given,
    news: String,
    urgent: bool,
    /// Whether its push service has refused pushes to it.
    refused: bool,
}

/// What a push is about: of a message and those after it the newest, of an edit its message, which may be shown already, or stand under
/// newer ones that are. Nothing that was deleted, hidden or read.
async fn newest(
    tx: &mut Tx,
    it: &Parcel,
    (me, person): (&Membership, &str),
    now_ms: i64,
) -> Result<Option<Message>, StoreError> {
    if it.edited {
        if store::is_hidden(tx, (&it.room, person), it.message).await? {
            return Ok(None);
        }
        let said = store::message(tx, &it.room, it.message).await?;
        return Ok(said.filter(|said| !said.deleted));
    }
    // Of those that came since, the newest that reaches a room that is muted is a mention.
    let muted = me.muted_until_ms > now_ms;
    match store::newest_unread(tx, (&it.room, person), it.message.max(me.read + 1), muted).await? {
        Some(seq) => store::message(tx, &it.room, seq).await,
        None => Ok(None),
    }
}

/// What there is to tell a browser now, if anything: everything that speaks against it may have happened since the message.
async fn told(ctx: &Ctx, tx: &mut Tx, it: &Parcel) -> Result<Option<Told>, Failure> {
    let now_ms = ctx.clock.now_ms();
    // What is due while nobody is to be told is dropped: later it would be no news.
    if !store::settings(tx).await?.notifications {
        return Ok(None);
    }
    let Some(browser) = store::browser(tx, it.browser).await? else { return Ok(None) };
    if !browsers::holds(ctx, tx, &browser.person, &browser.tie).await? {
        store::drop_browser(tx, it.browser).await?;
        return Ok(None);
    }
    let Some(me) = store::membership(tx, &it.room, &browser.person).await? else { return Ok(None) };
    let (standing, wishes) = (
        Standing { read: me.read, muted_until_ms: me.muted_until_ms, archived: me.archived },
        store::wishes(tx, &browser.person).await?,
    );
    let Some(said) = newest(tx, it, (&me, &browser.person), now_ms).await? else { return Ok(None) };
    let (seq, mentions_you) = (said.seq, said.mentions.contains(&browser.person));
    let since_ms = if it.edited { said.edited_at_ms.unwrap_or(said.at_ms) } else { said.at_ms };
    let news = now_ms < since_ms + limits::CHAT_PUSH_NEWS_MS && (mentions_you || !it.edited);
    if !news || !reaches(standing, seq, mentions_you, wishes.mentions_through_mute, now_ms) {
        return Ok(None);
    }
    let given = browsers::open(ctx, &browser).map_err(Failure::retry)?;
    let by_name = people::name_of(ctx, tx, &said.sender).await?;
    let content = store::shortened(said.content);
    let mut news = News {
        r#type: if it.edited { "mention" } else { "message" },
        room: &it.room,
        seq,
        room_name: &me.room.name,
        by: &said.sender,
        by_name: &by_name,
        content: &content,
        file: said.file.map(|file| file.kind),
        at_ms: said.at_ms,
        mentions_you,
    };
    let mut text = serde_json::to_string(&news).map_err(Failure::discard)?;
    if text.len() > limits::CHAT_PUSH_BYTES {
        news.content = "";
        text = serde_json::to_string(&news).map_err(Failure::discard)?;
    }
    let (urgent, refused) = (mentions_you || me.room.direct, browser.refusals > 0);
    Ok(Some(Told { given, news: text, urgent, refused }))
}

/// The job of a push. A worker that dies in it may have told the browser, which is then told twice, under one number.
pub(crate) async fn push(ctx: Ctx, run: Run) -> Result<(), Failure> {
    let parcel: Parcel = run.args()?;
    let (ours, asked) = (ctx.clone(), parcel.clone());
    let read = async move |tx: &mut Tx| told(&ours, tx, &asked).await;
    let Some(Told { given, news, urgent, refused }) = ctx.store.write_relaxed(read).await? else {
        count("passed_over");
        return Ok(());
    };
    let vapid = Vapid::open(&ctx).await.map_err(Failure::retry)?;
    let request = request(&ctx, &vapid, &given, &news, urgent).ok_or_else(|| {
        Failure::Discard("what the browser gave is no address, or no key that can be pushed to".to_owned())
    })?;
    match ctx.outbound.send(request).await {
        Ok(response) => judge(&ctx, (parcel.browser, refused), &response).await,
        Err(outbound::Error::Busy) => Err(Failure::Snooze(ctx.clock.now_ms() + BUSY_MS)),
        Err(error @ outbound::Error::Refused(_)) => {
            count("refused");
            Err(Failure::discard(error))
        }
        Err(error) => {
            count("failed");
            Err(Failure::retry(error))
        }
    }
}

fn request(ctx: &Ctx, vapid: &Vapid, given: &Given, news: &str, urgent: bool) -> Option<Request> {
    let uri: Uri = given.endpoint.parse().ok()?;
    let origin = format!("{}://{}", uri.scheme_str()?, uri.authority()?);
    let mut salt = [0; sealed::SALT_BYTES];
    ctx.entropy.fill(&mut salt);
    let reader = Reader::of(&given.p256dh, &given.auth)?;
    let body = sealed::seal(news.as_bytes(), &reader, &draw(&ctx.entropy), salt)?;
    let mut signed =
        HeaderValue::try_from(vapid.authorization(&origin, &ctx.mail.contact(), ctx.clock.now_ms())).ok()?;
    signed.set_sensitive(true);
    let request = Request::new("chat_push", Policy::Public, Method::POST, &given.endpoint)
        .header(AUTHORIZATION, signed)
        .header(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"))
        .header(CONTENT_ENCODING, HeaderValue::from_static("aes128gcm"))
        .header(TTL, HeaderValue::from(TTL_S))
        .header(URGENCY, HeaderValue::from_static(if urgent { "high" } else { "normal" }))
        .body(body)
        .timeout(Duration::from_millis(limits::CHAT_PUSH_TIMEOUT_MS))
        .keep_first(0);
    Some(request)
}

/// What a push service's answer means (RFC 8030, section 5; RFC 8292, section 4.2).
async fn judge(ctx: &Ctx, (browser, refused): (i64, bool), response: &Response) -> Result<(), Failure> {
    let (status, now_ms) = (response.status, ctx.clock.now_ms());
    let (least, most) = limits::CHAT_PUSH_WAIT_MS;
    let asked_ms = response.retry_at_ms(now_ms).map(|at_ms| at_ms.clamp(now_ms + least, now_ms + most));
    let why = format!("the push service answered {status}");
    match status {
        _ if status.is_success() => {
            count("told");
            if refused {
                let forgive = async move |tx: &mut Tx| store::forgive_browser(tx, browser).await;
                let forgiven: Result<(), StoreError> = ctx.store.write_relaxed(forgive).await;
                forgiven?;
            }
            Ok(())
        }
        StatusCode::NOT_FOUND | StatusCode::GONE => {
            count("gone");
            let drop = async move |tx: &mut Tx| store::drop_browser(tx, browser).await;
            let dropped: Result<(), StoreError> = ctx.store.write_relaxed(drop).await;
            Ok(dropped?)
        }
        // An attempt too: a service that always says so is not asked without end.
        StatusCode::TOO_MANY_REQUESTS => {
            count("throttled");
            Err(Failure::RetryAt(asked_ms.unwrap_or(now_ms + least), why))
        }
        _ if status.is_server_error() => {
            count("failed");
            Err(asked_ms.map_or_else(|| Failure::Retry(why.clone()), |at_ms| Failure::RetryAt(at_ms, why.clone())))
        }
        _ => {
            count("refused");
            let refuse = async move |tx: &mut Tx| store::refuse_browser(tx, browser, limits::CHAT_PUSH_REFUSALS).await;
            let kept: Result<(), StoreError> = ctx.store.write_relaxed(refuse).await;
            kept?;
            Err(Failure::Discard(why))
        }
    }
}

fn count(outcome: &'static str) {
    metrics::counter!("chat_pushes_total", "outcome" => outcome).increment(1);
}
