//! What holds for everybody, and the door that is shut while the chat is being worked on.

use axum::Json;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use host::Ctx;
use identity::{Caller, Person, Role};
use kernel::{Problem, ProblemResult, limits};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::look;
use crate::pace::{Doing, paced};
use crate::standing::{self, Standing};
use crate::store;

pub(super) fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new().routes(routes!(standing))
}

/// What holds for everybody in the chat now. The channel `chat_state:all` tells when it changes.
#[utoipa::path(get, path = "/api/v1/chat/standing", tag = "chat",
    responses((status = 200, body = Standing), (status = 401), (status = 403), (status = 429)))]
async fn standing(person: Person, State(ctx): State<Ctx>) -> ProblemResult<Json<Standing>> {
    paced(&ctx, &person.id.to_string(), Doing::Look).await?;
    look(&ctx, async |tx| Ok(standing::now(tx).await?)).await.map(Json)
}

/// What goes on all the same, since it changes nothing of what is said: a browser is told no more, and a link is made by which a file is read.
const GOES_ON: [(Method, &str); 2] =
    [(Method::DELETE, "/api/v1/chat/push"), (Method::POST, "/api/v1/chat/files/{id}/link")];

fn goes_on(request: &Request) -> bool {
    let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    request.method().is_safe() || GOES_ON.iter().any(|(method, open)| request.method() == method && path == Some(*open))
}

/// Refuses what would change something, of who is no administrator, while the settings say so: with 423, since nothing has failed. The
/// store is asked each time, so that it holds in every process from the moment it is saved. Who is nobody is refused by the route itself.
pub(super) async fn unless_in_maintenance(
    State(ctx): State<Ctx>,
    request: Request,
    next: Next,
) -> ProblemResult<Response> {
    let member = matches!(request.extensions().get(), Some(Caller::Person { role: Role::Member, .. }));
    if member && !goes_on(&request) && look(&ctx, async |tx| Ok(store::in_maintenance(tx).await?)).await? {
        let detail = "The chat is being worked on: it can be read, and not written to until that is over.";
        let problem = Problem::new(StatusCode::LOCKED, "maintenance", detail);
        return Err(problem.retry_after(limits::CHAT_MAINTENANCE_RETRY_S));
    }
    Ok(next.run(request).await)
}
