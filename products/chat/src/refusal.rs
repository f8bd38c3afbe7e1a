//! Why somebody may not do something, for whoever answers.

use ::store::StoreError;
use axum::http::StatusCode;
use events::AppendError;
use jobs::EnqueueError;
use kernel::Problem;

use crate::model::Wrong;

/// What was asked for was not done, and nothing of it is stored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    /// There is no such room for this person, whether or not there is one for others.
    #[error("no such room for this person")]
    NoRoom,
    /// There is no such file for this person, whether or not there is one for others.
    #[error("no such file for this person")]
    NoFile,
    /// What a person may send in a day is sent.
    #[error("the day's share of files is sent")]
    Full,
    /// The room has no such thing.
    #[error("no such {0} in the room")]
    NoSuch(&'static str),
    /// A member may not do this.
    #[error("not allowed: {0}")]
    MayNot(&'static str),
    /// The room is not in a state that allows this: a stable code, and words.
    #[error("{1}")]
    Not(&'static str, &'static str),
    /// A field is not as it must be.
    #[error(transparent)]
    Wrong(#[from] Wrong),
    /// Identity refused.
    #[error("{}", .0.detail())]
    Identity(Problem),
    /// The log refused.
    #[error(transparent)]
    Append(AppendError),
    /// The job engine refused.
    #[error(transparent)]
    Enqueue(EnqueueError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A store that is away is that, whatever was being written.
impl From<AppendError> for Refused {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Store(error) => Self::Store(error),
            error => Self::Append(error),
        }
    }
}

impl From<EnqueueError> for Refused {
    fn from(error: EnqueueError) -> Self {
        match error {
            EnqueueError::Store(error) => Self::Store(error),
            error => Self::Enqueue(error),
        }
    }
}

impl From<Wrong> for Problem {
    fn from(Wrong { field, must }: Wrong) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_field", "A field is not as it must be.").field(field, must)
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::NoRoom => Self::not_found("There is no such room."),
            Refused::NoFile => Self::not_found("There is no such file."),
            Refused::Full => {
                let detail = "That is more than one person sends as files in a day. Come again tomorrow.";
                Self::new(StatusCode::TOO_MANY_REQUESTS, "quota_exceeded", detail)
            }
            Refused::NoSuch(what) => Self::not_found(format!("There is no such {what} in this room.")),
            Refused::MayNot(what) => Self::forbidden(what),
            Refused::Not(code, detail) => Self::conflict(code, detail),
            Refused::Wrong(wrong) => wrong.into(),
            Refused::Identity(problem) => problem,
            Refused::Append(error) => error.into(),
            Refused::Enqueue(error) => Self::internal(error),
            Refused::Store(error) => error.into(),
        }
    }
}
