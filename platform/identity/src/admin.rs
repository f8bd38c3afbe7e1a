//! Permission as a type.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use kernel::Problem;

/// Who sends the request, as the edge found out. It travels in the request's extensions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Caller {
    /// Nobody in particular.
    #[default]
    Anonymous,
    /// The administrator, by a session.
    Admin,
}

/// Proof that an administrator sends this request.
pub struct Admin;

/// The header that a page of another site cannot add to a request with our cookie.
const SAME_SITE: &str = "x-mainspring-console";

impl<S: Sync> FromRequestParts<S> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        if parts.extensions.get::<Caller>() != Some(&Caller::Admin) {
            return Err(Problem::unauthorized(
                "Sign in first: run `mainspring admin-link` beside the server and open the link it prints.",
            ));
        }
        if !parts.method.is_safe() && !parts.headers.contains_key(SAME_SITE) {
            return Err(Problem::forbidden("A change needs the header X-Mainspring-Console."));
        }
        Ok(Self)
    }
}
