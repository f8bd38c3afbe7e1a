//! Railway.
//!
//! It signs nothing: whoever knows the address can say anything. So the address holds a token, the body must look like theirs and
//! be of now, and the delivery and its event are marked as of low trust. Never let one of them do anything that matters by itself.

use super::prelude::*;

pub(super) const SENDER: Sender<'static> = Sender {
    name: "railway",
    family: "railway.*",
    timestamp: Some(Timestamp::within_minutes(Body("/timestamp"), Unit::Rfc3339, 10)),
    types: One(From(Body("/type"))),
    subject: Many(&[Body("/resource/service/id"), Body("/resource/project/id")]),
    subject_in_lower_case: true,
    secret: SecretFrom::Nobody,
    secret_address: true,
    documentation: "https://docs.railway.com/observability/webhooks",
    ..Sender::USUAL
};
