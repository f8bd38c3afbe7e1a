//! What identity has to say to people, as letters. Who gets which is found out in a job, after the request that asked.

use std::error::Error;
use std::sync::Arc;

use ::store::Tx;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use identity::people::{self, Ask, Says, Word};
use jobs::{Failure, Handler, Kind, NewJob, Run};
use kernel::{Problem, Secret};
use serde::{Deserialize, Serialize};

use crate::{Letter, Mail, Office, PostError};

pub(crate) const ANSWER: Kind = Kind::new("mail.answer").on("mail");

const ID_BYTES: usize = 16;

/// The arguments: what was asked, with the address that somebody typed, for this deployment alone.
#[derive(Serialize, Deserialize)]
struct Parcel {
    id: String,
    sealed: String,
}

fn purpose(id: &str) -> String {
    format!("mail.answer:{id}")
}

/// How identity reaches people.
pub(crate) struct Courier(pub(crate) Arc<Office>);

impl people::Courier for Courier {
    fn later<'a>(
        &'a self,
        tx: &'a mut Tx,
        ask: &'a Ask,
    ) -> LocalBoxFuture<'a, Result<(), Box<dyn Error + Send + Sync>>> {
        async move {
            let parts = &self.0.parts;
            let (id, plain) = (parts.entropy.token(ID_BYTES), Secret::new(serde_json::to_string(ask)?));
            let sealed = hex::encode(parts.key.seal(&parts.entropy, &purpose(&id), &plain));
            parts.jobs.enqueue(tx, NewJob::new(ANSWER, &Parcel { id, sealed })).await?;
            Ok(())
        }
        .boxed_local()
    }
}

pub(crate) fn handler(mail: &Mail) -> Handler {
    let mail = mail.clone();
    jobs::handler(move |run: Run| {
        let mail = mail.clone();
        async move { mail.answer(run).await }
    })
}

/// Why nothing of it is stored.
enum Unwritten {
    Job(Failure),
    Identity(Problem),
    Post(PostError),
}

impl From<::store::StoreError> for Unwritten {
    fn from(error: ::store::StoreError) -> Self {
        Self::Job(error.into())
    }
}

impl From<Unwritten> for Failure {
    fn from(why: Unwritten) -> Self {
        match why {
            Unwritten::Job(failure) => failure,
            Unwritten::Identity(problem) => Self::Retry(problem.detail().to_owned()),
            Unwritten::Post(PostError::Unfit(unfit)) => Self::discard(unfit),
            Unwritten::Post(error) => Self::retry(error),
        }
    }
}

impl Mail {
    /// The answer, its letter and the end of this job, or nothing.
    async fn answer(&self, run: Run) -> Result<(), Failure> {
        let (Parcel { id, sealed }, parts) = (run.args()?, &self.0.parts);
        let sealed = hex::decode(sealed).map_err(Failure::discard)?;
        let plain = parts.key.open(&purpose(&id), &sealed).map_err(Failure::retry)?;
        let ask: Ask = serde_json::from_str(plain.expose()).map_err(Failure::discard)?;
        let mail = self.clone();
        let write = async move |tx: &mut Tx| {
            let word = mail.0.parts.identity.answer(tx, &ask).await.map_err(Unwritten::Identity)?;
            if let Some(word) = word {
                mail.post(tx, &mail.letter(word)).await.map_err(Unwritten::Post)?;
            }
            run.complete(tx).await.map_err(Unwritten::Job)
        };
        self.0.parts.store.write(write).await.map_err(Failure::from)
    }

    fn letter(&self, Word { to, says, until_ms }: Word) -> Letter {
        let not_you = "Was it not you? Then there is nothing to do: without this letter nothing happens.";
        let (subject, first, link) = match says {
            Says::Confirm { path } => {
                let first = "Somebody, you we hope, wants an account with this address. Open the page within an hour, and \
                             type the password that you chose.";
                ("Confirm your address", first, Some(("Confirm the address", path)))
            }
            Says::HasAccount { path } => {
                let first = "Somebody, you we hope, wanted to make an account with this address. It has one already: sign \
                             in, or ask for a new password there.";
                ("You have an account already", first, Some(("Sign in", path)))
            }
            Says::Reset { path } => {
                let first = "Somebody, you we hope, asked for a new password for this address. Open the page within an hour \
                             to choose it; it signs you out everywhere.";
                ("A new password", first, Some(("Choose a new password", path)))
            }
        };
        let link = link.map(|(words, path)| (words.to_owned(), self.link(&path)));
        let paragraphs = vec![first.to_owned(), not_you.to_owned()];
        Letter { to, subject: subject.to_owned(), paragraphs, link, until_ms: Some(until_ms) }
    }
}
