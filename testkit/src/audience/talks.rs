//! What a team says.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::json;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::MissedTickBehavior;

use super::{Audience, Hall, Team};

/// For one message to be taken, whoever dies meanwhile.
const PATIENCE: Duration = Duration::from_secs(30);

/// Messages to the rooms in turn, by their people in turn, at a steady rate that waits for no answer, until [`Talks::end`]. Each is
/// sent again under its name until somebody takes it.
pub struct Talks {
    stop: watch::Sender<bool>,
    acknowledged: watch::Receiver<usize>,
    sender: JoinHandle<Result<Vec<BTreeSet<String>>>>,
}

struct Line {
    client: reqwest::Client,
    url: String,
    token: String,
    text: String,
}

impl Talks {
    /// To the processes at `url`. The audience learns when each message was first tried.
    pub fn begin(url: &str, team: &Team, audience: &Audience, per_s: u32) -> Self {
        let (rooms, tokens) = (team.rooms.clone(), team.tokens.clone());
        let (url, hall) = (url.to_owned(), audience.hall.clone());
        let (stop, stopped) = watch::channel(false);
        let (count, acknowledged) = watch::channel(0);
        let sender = tokio::spawn(async move {
            let mut said = vec![BTreeSet::new(); rooms.len()];
            let (client, mut lines) = (crate::server::client(), JoinSet::new());
            let mut beat = tokio::time::interval(Duration::from_secs(1) / per_s);
            // What was due while the machine was busy is sent when it is not.
            beat.set_missed_tick_behavior(MissedTickBehavior::Burst);
            for number in 0.. {
                beat.tick().await;
                if *stopped.borrow() {
                    break;
                }
                let room = number % rooms.len();
                let text = format!("message-{number}");
                said[room].insert(text.clone());
                let url = format!("{url}/api/v1/chat/rooms/{}/messages", rooms[room]);
                let line = Line { client: client.clone(), url, token: tokens[number % tokens.len()].clone(), text };
                let (hall, count) = (hall.clone(), count.clone());
                lines.spawn(async move { line.say(&hall).await.map(|()| count.send_modify(|count| *count += 1)) });
                while let Some(done) = lines.try_join_next() {
                    done??;
                }
            }
            while let Some(done) = lines.join_next().await {
                done??;
            }
            Ok(said)
        });
        Self { stop, acknowledged, sender }
    }

    /// Waits until so many more were taken.
    ///
    /// # Errors
    /// When one was refused, or within 30 s they were not.
    pub async fn more(&mut self, more: usize) -> Result<()> {
        let until = *self.acknowledged.borrow() + more;
        let grown = tokio::time::timeout(PATIENCE, self.acknowledged.wait_for(|count| *count >= until)).await;
        grown.context("messages are not taken")?.context("one was refused")?;
        Ok(())
    }

    /// Says no more: what was taken, for each room.
    ///
    /// # Errors
    /// When one was refused, or not taken in time.
    pub async fn end(self) -> Result<Vec<BTreeSet<String>>> {
        self.stop.send_replace(true);
        self.sender.await?
    }
}

impl Line {
    async fn say(&self, hall: &Arc<Hall>) -> Result<()> {
        hall.score(|score| score.begun_at.insert(self.text.clone(), Instant::now()));
        let taken = tokio::time::timeout(PATIENCE, async {
            loop {
                let body = json!({ "client_id": self.text, "content": self.text });
                let answer = self.client.post(&self.url).bearer_auth(&self.token).json(&body).send().await;
                match answer {
                    Ok(answer) if answer.status().is_success() => return Ok(()),
                    // Whoever took it is gone, or there is nobody at the moment.
                    Ok(answer) if answer.status().is_server_error() => {}
                    Ok(answer) => bail!("{} is refused: {}", self.text, answer.text().await?),
                    Err(_) => {}
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        taken.await.with_context(|| format!("nobody takes {}", self.text))?
    }
}
