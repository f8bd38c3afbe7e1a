//! Why a request of a program came to nothing: a code and words in the body, or a status where the program asked for that.

use std::borrow::Cow;

use http::StatusCode;
use kernel::Problem;
use serde::Serialize;

use crate::codes::ReplyError;

#[derive(Debug, Serialize)]
pub(super) struct Fault {
    code: u32,
    message: Cow<'static, str>,
}

impl Fault {
    pub(super) const METHOD_NOT_FOUND: Self = Self { code: 104, message: Cow::Borrowed("method not found") };

    pub(super) fn of_product(code: u32, message: String) -> Self {
        Self { code, message: message.into() }
    }
}

impl From<ReplyError> for Fault {
    fn from(error: ReplyError) -> Self {
        Self { code: error.code().into(), message: error.message().into() }
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        let (status, code) = match fault.code {
            100 => return Self::internal(format!("realtime: {}", fault.message)),
            102 => (StatusCode::NOT_FOUND, "unknown_channel"),
            103 => (StatusCode::FORBIDDEN, "permission_denied"),
            104 => (StatusCode::NOT_FOUND, "method_not_found"),
            107 => (StatusCode::BAD_REQUEST, "bad_request"),
            108 => (StatusCode::BAD_REQUEST, "not_available"),
            112 => (StatusCode::RANGE_NOT_SATISFIABLE, "unrecoverable_position"),
            _ => (StatusCode::BAD_REQUEST, "refused"),
        };
        Self::new(status, code, format!("{} ({})", fault.message, fault.code))
    }
}
