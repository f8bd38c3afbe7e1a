//! A letter about what somebody has not read for long, for who wants one: how much there is and where, and no word of it. What people
//! wrote is read in the room, where it can still be deleted.

use ::store::{StoreError, Tx};
use host::Ctx;
use jobs::{Failure, Kind, Run};
use kernel::{PersonId, limits};
use mail::{Letter, PostError};
use schedules::Schedule;

use crate::people;
use crate::store::{self, Line, Wishes};

pub(crate) const DIGEST: Kind = Kind::new("chat.digest").on("chat").timeout_ms(600_000);
/// Often enough for the shortest wait that people can choose.
pub(crate) const SOMETIMES: Schedule = Schedule::cron("chat.digest", "*/5 * * * *", DIGEST);

/// The rooms of which somebody is to be written to: with something that is unread for as long as they want and was in no letter,
/// whatever came after it; not put away or muted.
async fn due(tx: &mut Tx, person: &str, wishes: Wishes, now_ms: i64) -> Result<Vec<Line>, StoreError> {
    // What still waits when letters are sent again is written about then.
    if wishes.digest_after_ms == 0 || !store::settings(tx).await?.notifications {
        return Ok(Vec::new());
    }
    let until_ms = now_ms - wishes.digest_after_ms;
    let mut due = store::lines(tx, person, false, (i64::MAX, ""), limits::PAGE).await?;
    due.retain(|it| it.unread > 0 && it.muted_until_ms <= now_ms && it.room.last_at_ms > wishes.since_ms);
    let mut rooms = Vec::with_capacity(due.len());
    for line in due {
        let oldest_ms = store::waits_since(tx, (&line.room.room, person), wishes.since_ms).await?;
        if oldest_ms.is_some_and(|at_ms| at_ms <= until_ms) {
            rooms.push(line);
        }
    }
    Ok(rooms)
}

/// The schedule's job.
pub(crate) async fn digest(ctx: Ctx, run: Run) -> Result<(), Failure> {
    if !ctx.mail.is_set() {
        return Ok(());
    }
    let (mut after, called_off) = (String::new(), run.cancellation());
    loop {
        let from = after.clone();
        let read = async move |tx: &mut Tx| store::digested(tx, &from, limits::CHAT_LOOK).await;
        let people: Result<Vec<String>, StoreError> = ctx.store.read(read).await;
        let people = people?;
        for person in &people {
            write_to(&ctx, person).await?;
        }
        match people.last() {
            Some(last) if people.len() == limits::CHAT_LOOK && !called_off.is_cancelled() => after.clone_from(last),
            _ => return Ok(()),
        }
    }
}

/// Writes to one person, if there is something: the letter and the note that it was written commit together.
async fn write_to(ctx: &Ctx, person: &str) -> Result<(), Failure> {
    let Ok(id) = person.parse::<PersonId>() else { return Ok(()) };
    let details = ctx.identity.person(id).await?;
    let Some(to) = details.filter(|it| it.banned_until_ms.is_none()).and_then(|it| it.email) else { return Ok(()) };
    let (now_ms, asked) = (ctx.clock.now_ms(), person.to_owned());
    let look = async move |tx: &mut Tx| {
        let wishes = store::wishes(tx, &asked).await?;
        Ok::<_, StoreError>(due(tx, &asked, wishes, now_ms).await?.is_empty())
    };
    // Most have nothing to be written about: nobody waits for these.
    if ctx.store.read(look).await? {
        return Ok(());
    }
    let (ours, person) = (ctx.clone(), person.to_owned());
    let write = async move |tx: &mut Tx| {
        let wishes = store::wishes(tx, &person).await?;
        let due = due(tx, &person, wishes, now_ms).await?;
        if due.is_empty() || !ours.identity.is_address_confirmed(tx, id).await? {
            return Ok(());
        }
        let letter = letter(&ours, tx, to, &due).await?;
        for line in &due {
            store::written_about(tx, (&line.room.room, &person), line.room.top).await?;
        }
        match ours.mail.post(tx, &letter).await {
            // An address that cannot be written to is written off until there is something new.
            Ok(()) | Err(PostError::Unfit(_)) => Ok(()),
            Err(error) => Err(Failure::retry(error)),
        }
    };
    ctx.store.write_relaxed(write).await
}

async fn letter(ctx: &Ctx, tx: &mut Tx, to: String, due: &[Line]) -> Result<Letter, Failure> {
    let unread: i64 = due.iter().map(|line| line.unread).sum();
    let messages = if unread == 1 { "1 message".to_owned() } else { format!("{unread} messages") };
    let mut rooms = Vec::new();
    for line in due.iter().take(limits::CHAT_DIGEST_ROOMS) {
        let name = match &line.other {
            Some(other) => people::name_of(ctx, tx, other).await?,
            None => line.room.name.clone(),
        };
        let mentions = if line.mentions > 0 { format!(", {} mention you", line.mentions) } else { String::new() };
        rooms.push(format!("{name}: {}{mentions}", line.unread));
    }
    if due.len() > rooms.len() {
        rooms.push(format!("and {} more rooms", due.len() - rooms.len()));
    }
    let paragraphs = vec![
        format!("You have {messages} that you have not read."),
        rooms.join("\n"),
        "You asked for letters like this one; in the chat's settings you can end them.".to_owned(),
    ];
    Ok(Letter { to, subject: format!("{messages} unread"), paragraphs, link: None, until_ms: None })
}
