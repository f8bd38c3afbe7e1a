//! What the routes of this part answer beside success: each list is written once, and so is each description.

use std::collections::BTreeMap;

use kernel::problem::ProblemBody;
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, OpenApi as _, ToSchema};

/// The schema that the answers refer to.
#[derive(utoipa::OpenApi)]
#[openapi(components(schemas(ProblemBody)))]
struct Shared;

/// A document to add routes to.
pub(super) fn document() -> OpenApi {
    Shared::openapi()
}

fn problem(status: u16) -> (String, RefOr<Response>) {
    let description = match status {
        400 => "Something in the request cannot be read.",
        401 => "Nobody is signed in, or nothing proves who sent this.",
        403 => "Not by this caller, or not from this page.",
        404 => "There is no such thing.",
        405 => "Not by this method.",
        408 => "The body came too slowly.",
        409 => "Not as things stand.",
        413 => "The body is too large.",
        415 => "The body is of another kind.",
        422 => "The body does not fit.",
        429 => "Too many; come again.",
        _ => "Not now; come again.",
    };
    let content = Content::new(Some(Ref::from_schema_name(ProblemBody::name())));
    let response = ResponseBuilder::new().description(description).content("application/problem+json", content);
    (status.to_string(), response.build().into())
}

macro_rules! answers {
    ($($(#[$what:meta])* $name:ident: $($status:literal)+;)+) => {$(
        $(#[$what])*
        pub(super) enum $name {}

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                [$($status),+].into_iter().map(problem).collect()
            }
        }
    )+};
}

answers! {
    /// To an administrator who looks.
    Looked: 401;
    /// To one who looks for one thing by its name.
    LookedUp: 401 404;
    /// To one who acts on one thing.
    Acted: 401 403 404;
    /// To one who acts by a number in the address.
    Numbered: 400;
    /// Beside these, where what is there may be in the way.
    InTheWay: 409;
    /// To one who sends JSON.
    Written: 400 401 403 413 415 422;
    /// Beside these, where it is about one thing.
    Unknown: 404;
    /// To a sender.
    Refused: 400 401 404 405 408 413 415 429 503;
    /// To whoever looks at an address of a source.
    Missed: 400 404 503;
}
