//! The job that sends a letter.

use jobs::{Failure, Handler, Kind, NewJob, Run};
use kernel::{Secret, limits};
use serde::{Deserialize, Serialize};

use crate::letter::{Letter, Stamp};
use crate::smtp::Failed;
use crate::{Mail, Parts};

pub(crate) const SEND: Kind =
    Kind::new("mail.send").on("mail").attempts(limits::MAIL_ATTEMPTS).timeout_ms(2 * limits::MAIL_SEND_MS);

const ID_BYTES: usize = 16;

/// The arguments: a letter that only this deployment reads, and what stays the same however often it is tried.
#[derive(Serialize, Deserialize)]
struct Parcel {
    id: String,
    posted_at_ms: i64,
    sealed: String,
}

fn purpose(id: &str) -> String {
    format!("mail:{id}")
}

/// The job of a letter that is fit to be sent.
pub(crate) fn job(parts: &Parts, letter: &Letter) -> NewJob {
    let id = parts.entropy.token(ID_BYTES);
    let plain = Secret::new(serde_json::to_string(letter).unwrap_or_default());
    let sealed = hex::encode(parts.key.seal(&parts.entropy, &purpose(&id), &plain));
    NewJob::new(SEND, &Parcel { id, posted_at_ms: parts.clock.now_ms(), sealed })
}

pub(crate) fn handler(mail: &Mail) -> Handler {
    let mail = mail.clone();
    jobs::handler(move |run: Run| {
        let mail = mail.clone();
        async move { mail.send(&run).await }
    })
}

impl Mail {
    async fn send(&self, run: &Run) -> Result<(), Failure> {
        let Parcel { id, posted_at_ms, sealed } = run.args()?;
        let Some(smtp) = &self.0.smtp else {
            return Err(Failure::Retry("this server sends no mail: [mail] host is not set".to_owned()));
        };
        let parts = &self.0.parts;
        let sealed = hex::decode(sealed).map_err(Failure::discard)?;
        // Another key may be a restored deployment that has not got its own yet.
        let plain = parts.key.open(&purpose(&id), &sealed).map_err(Failure::retry)?;
        let letter: Letter = serde_json::from_str(plain.expose())
            .map_err(|_| Failure::Discard("what was sealed is no letter".to_owned()))?;
        if letter.until_ms.is_some_and(|until_ms| until_ms <= parts.clock.now_ms()) {
            count("late");
            return Err(Failure::Discard("it is too late for this letter: what it says holds no more".to_owned()));
        }
        let stamp = Stamp { id: &id, posted_at_ms };
        let message = letter.message(smtp.mailbox(), &stamp).map_err(Failure::discard)?;
        match smtp.send(&message).await {
            Ok(()) => count("sent"),
            Err(Failed::Later(why)) => {
                count("failed");
                return Err(Failure::Retry(why));
            }
            Err(Failed::Never(why)) => {
                count("refused");
                return Err(Failure::Discard(why));
            }
        }
        Ok(())
    }
}

fn count(outcome: &'static str) {
    metrics::counter!("mail_letters_total", "outcome" => outcome).increment(1);
}
